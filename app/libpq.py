"""Where PostgreSQL is, as libpq writes it: `postgresql://user:password@host,other:5433/database?sslmode=verify-full`.

What the driver does not know of libpq's parameters is dropped where that changes nothing that was asked for, and
refused where it would. The password is in no message, and in nothing that is shown.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, unquote

import asyncpg

SCHEMES = ("postgresql", "postgres", "postgresql+asyncpg")  # the last one is SQLAlchemy's own word
READ = frozenset({
    "host", "port", "dbname", "user", "password", "passfile", "service", "sslmode", "sslcert", "sslkey", "sslpassword",
    "sslrootcert", "sslcrl", "sslnegotiation", "ssl_min_protocol_version", "ssl_max_protocol_version",
    "target_session_attrs", "krbsrvname", "gsslib",
})  # fmt: skip
SENT = frozenset({"application_name", "options"})  # the server reads them
# What the driver cannot do, and the values that do not ask for it; None: it changes nothing that is relied upon.
NOT_DONE: Mapping[str, frozenset[str] | None] = MappingProxyType({
    "channel_binding": frozenset({"disable", "prefer"}),
    "client_encoding": frozenset({"auto", "utf8", "UTF8", "utf-8", "UTF-8"}),
    "gssencmode": frozenset({"disable", "prefer"}),
    "load_balance_hosts": frozenset({"disable"}),
    "sslcompression": frozenset({"0"}),
    "sslsni": frozenset({"1"}),
    "keepalives": None,
    "keepalives_idle": None,
    "keepalives_interval": None,
    "keepalives_count": None,
    "tcp_user_timeout": None,
})  # fmt: skip
SECRET = frozenset({"password", "sslpassword"})
SHORTEST_TIMEOUT_S = 2.0  # as libpq has it


@dataclass(frozen=True)
class Address:
    """An address that has been read: what the driver takes, and the same as a person may see it."""

    dsn: str = field(repr=False)
    shown: str
    database: str
    timeout: float | None
    settings: Mapping[str, str]

    async def connection(
        self, session: Mapping[str, str] = MappingProxyType({}), *, name: str = "rebond", **options: Any
    ) -> Any:
        """Open a bare asyncpg connection, at most 5 s long where `connect_timeout` does not say otherwise.

        The server knows it by `name`, where the address has none. What the session is to have is set once it is open:
        PgBouncer refuses what comes with the greeting.
        """
        settings = {"application_name": name, **self.settings}
        opened = await asyncpg.connect(self.dsn, timeout=self.timeout or 5.0, server_settings=settings, **options)
        if session:
            try:
                await opened.execute("; ".join(f"SET {name} = '{value}'" for name, value in session.items()))
            except BaseException:  # also where it is cancelled: nobody else would close it
                opened.terminate()
                raise
        return opened

    def creator(self, session: Mapping[str, str], **options: Any) -> Callable[..., Awaitable[Any]]:
        """What SQLAlchemy calls for a connection; of what it hands over, only the address is not its to say."""

        async def create(**given: Any) -> Any:
            for name in ("host", "database"):
                given.pop(name, None)
            return await self.connection(session, **{**options, **given})

        return create


def address(text: str) -> Address:
    """Read an address. Raises ValueError, whose text says what is wrong with it and never what it holds."""
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in SCHEMES:
        raise ValueError("it must start with postgresql://")
    if "#" in rest:
        raise ValueError("write %23 for a # of the password")
    place, _, query = rest.partition("?")
    hosts, slash, database = place.partition("/")
    if hosts.count("@") > 1 or "@" in database:
        raise ValueError("write %40 for an @ and %2F for a / of the user or the password")
    _ports(hosts.rpartition("@")[2])
    given = _parameters(query)
    timeout = _timeout(given.pop("connect_timeout", None))
    if name := given.pop("fallback_application_name", None):
        given.setdefault("application_name", name)
    _refuse_what_is_not_done(given)
    settings = {name: given.pop(name) for name in SENT & given.keys()}
    read = {name: value for name, value in given.items() if name in READ}
    told = {name: value for name, value in {**read, **settings}.items() if name not in SECRET}
    user, at, where = hosts.rpartition("@")
    return Address(
        dsn=f"postgresql://{hosts}{slash}{database}{_query(read)}",
        shown=f"postgresql://{user.partition(':')[0]}{at}{where}{slash}{database}{_query(told)}",
        database=unquote(database) or given.get("dbname", ""),
        timeout=timeout,
        settings=settings,
    )


def _ports(hosts: str) -> None:
    for host in hosts.split(","):
        port = re.fullmatch(r"(?:\[[^\]]*\]|[^:\[\]]*)(?::([^:]*))?", host)
        if port is None:
            raise ValueError("it must be like postgresql://user:password@host:5432/database, IPv6 in brackets")
        if port[1] and not (port[1].isascii() and port[1].isdigit() and 0 < int(port[1]) < 65_536):
            raise ValueError("a port is a number from 1 to 65535 (write %3A, %2F, %3F for : / ? of the password)")


def _parameters(query: str) -> dict[str, str]:
    """The parameters behind the `?`, as libpq reads them: a plus is a plus."""
    found = {}
    for part in filter(None, query.split("&")):
        name, separator, value = part.partition("=")
        name = "sslmode" if name == "ssl" else name  # as the driver has called it
        if not separator:
            raise ValueError("every parameter behind the ? is name=value (write %26 for an & of a value)")
        if name not in READ | SENT | NOT_DONE.keys() | {"connect_timeout", "fallback_application_name"}:
            known = re.fullmatch(r"[a-z_]{1,40}", name)
            raise ValueError(f"libpq has no parameter {name}" if known else "a parameter behind the ? is not libpq's")
        found[name] = unquote(value)
    return found


def _timeout(value: str | None) -> float | None:
    if value is None or value.removeprefix("-").strip("0") == "" or value.startswith("-"):
        return None
    if not (value.isascii() and value.isdigit() and len(value) < 6):
        raise ValueError("connect_timeout is a number of seconds")
    return max(float(value), SHORTEST_TIMEOUT_S)


def _refuse_what_is_not_done(given: Mapping[str, str]) -> None:
    for name, harmless in NOT_DONE.items():
        if name in given and harmless is not None and given[name] not in harmless:
            instead = ", ".join(sorted(harmless))
            raise ValueError(f"the driver cannot keep what {name} asks for: leave it out ({instead} may stand)")


def _query(parameters: Mapping[str, str]) -> str:
    joined = "&".join(f"{name}={quote(value, safe='/,:')}" for name, value in parameters.items())
    return f"?{joined}" if joined else ""
