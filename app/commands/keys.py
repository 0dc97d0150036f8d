"""The commands about API keys: create, enrol, confirm, list, revoke."""

import asyncio
import getpass
import json
import sys
from collections.abc import Awaitable
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from app.access.rules import Role, SubjectKind
from app.commands.database import database, engine_of, identified, listed, written
from app.commands.terminal import CommandRefused
from app.core import clock, values
from app.core.db import session_factory
from app.core.problems import AlreadyExists, ReferenceNotFound
from app.settings import get_settings

KEY = ("key", "rebond keys")  # what these commands are about, and how they are called


def create_key(
    role: Annotated[Role, typer.Option(help="The role that the key's subject holds.")],
    territory: Annotated[str | None, typer.Option(help="The territory's slug; all territories without it.")] = None,
    organisation: Annotated[str | None, typer.Option(help="SIREN of the subject's organisation.")] = None,
    subject: Annotated[str | None, typer.Option(help="Name of the person or program; by default the role's.")] = None,
    email: Annotated[str | None, typer.Option(help="E-mail address of the person; a program has none.")] = None,
    service_account: Annotated[bool, typer.Option("--service-account", help="The subject is a program.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help='Print {"key": "rbd_…"} and more as JSON.')] = False,
) -> None:
    """Create an API key that works at once. Organisation, subject and role are created where missing.

    Who runs this has the database's own rights: it makes the first keys, and leaves events. The key is shown once.
    """
    import app.models  # noqa: F401  # every table: a foreign key names one of another domain
    from app.access import service as access
    from app.core.writing.writes import System, new_request_id, run

    if organisation is not None and not values.is_siren(organisation):
        raise CommandRefused("--organisation must be a SIREN: nine digits, the last being its Luhn key")
    if email is not None:
        if service_account:
            raise CommandRefused("--email is for a person: a program has none")
        try:
            email = TypeAdapter(values.Email).validate_python(email)
        except ValidationError:
            raise CommandRefused("--email must be an e-mail address, such as name@example.fr") from None
    elif not service_account:
        raise CommandRefused("a person needs --email; a program is made with --service-account")
    elif role is Role.ADMIN:
        raise CommandRefused("a program cannot hold the role admin: name a person by --email")
    key = access.new_key()
    kind = SubjectKind.SERVICE_ACCOUNT if service_account else SubjectKind.PERSON
    name = subject or role.value

    async def make(url: str) -> dict[str, Any]:
        async with engine_of(url, KEY[1]) as engine:
            seen = await run(
                session_factory(engine),
                System(),
                lambda write: access.issue_key(write, role, territory, organisation, name, kind, key, email),
                request_id=new_request_id(),
            )
        stored: dict[str, Any] = json.loads(seen[0].body)  # type: ignore[index]  # objects, as no reply was asked
        return stored

    with database(get_settings()) as url:
        try:
            stored = asyncio.run(make(url))
        except ReferenceNotFound:
            raise CommandRefused(f"there is no territory {territory}") from None
        except AlreadyExists:
            raise CommandRefused("the e-mail address belongs to a person of another organisation") from None
    shown = {"key": key, "id": stored["id"], "subject_id": stored["subject_id"], "role": role, "territory": territory}
    print(json.dumps(shown) if as_json else key)


def list_keys() -> None:
    """List the API keys, without their secrets, and what is to be done about them."""
    query = """
        SELECT k.id, k.prefix, s.name, o.name AS organisation, k.scope, k.expires_at, k.revoked_at, k.last_used_at,
            concat_ws('; ',
                CASE WHEN k.revoked_at IS NULL AND k.digest IS NULL THEN 'code not used' END,
                CASE WHEN k.revoked_at IS NULL AND k.digest IS NOT NULL AND k.confirmed_at IS NULL
                    THEN 'not confirmed' END,
                CASE WHEN s.kind = 'service_account' THEN (
                    SELECT 'a program: admin until ' || max(m.to_on) FROM members m
                    WHERE m.subject_id = s.id AND m.role = 'admin' AND m.to_on >= $1
                ) END
            ) AS note
        FROM api_keys k JOIN subjects s ON s.id = k.subject_id JOIN organisations o ON o.id = s.organisation_id
        ORDER BY k.id
    """

    heads = ["id", "key", "subject", "organisation", "scope", "expires", "revoked", "last used", "note"]
    listed(KEY[1], heads, query, clock.today())


def enrol_key(
    code: Annotated[str | None, typer.Argument(help="The code; asked for where it is not named.")] = None,
) -> None:
    """Make the secret of a key by the code that an administrator handed over. The key is shown once."""
    from app.access import service as access

    named = code or (getpass.getpass("code: ") if sys.stdin.isatty() else sys.stdin.readline().strip())
    issued = access.Issued()

    def enrol(write: Any) -> Awaitable[Any]:
        return access.enrol(write, named, issued)

    written(enrol, *KEY)
    typer.echo(f"fingerprint {issued.shown()['fingerprint']}: tell it to a second administrator", err=True)
    print(issued.key)


def confirm_key(
    key_id: Annotated[str, typer.Argument(help="The key's id, as «rebond keys list» shows it.")],
    fingerprint: Annotated[str, typer.Argument(help="The fingerprint, as the key's holder tells it.")],
) -> None:
    """Confirm the fingerprint of a key, while no other administrator can.

    Who runs this has the database's own rights.
    """
    from app.access import service as access

    wanted = identified(key_id, *KEY)

    async def confirm(write: Any) -> Any:
        change = await access.confirm_on_the_server(write, wanted, fingerprint)
        if change is None:
            raise CommandRefused(f"another administrator can confirm it: POST /v1/api-keys/{wanted}/confirm")
        return change

    written(confirm, *KEY)
    print("confirmed")


def revoke_key(key_id: Annotated[str, typer.Argument(help="The key's id, as «rebond keys list» shows it.")]) -> None:
    """Revoke a key: within five seconds no worker accepts it."""
    from app.access import service as access

    wanted = identified(key_id, *KEY)
    written(lambda write: access.revoke_api_key(write, wanted), *KEY)
    print("revoked")
