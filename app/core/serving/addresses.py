"""From which address a request comes: that of the connection, or what a trusted proxy says of it."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from starlette.types import Scope

Address = IPv4Address | IPv6Address
Networks = Sequence[IPv4Network | IPv6Network]


def client_of(scope: Scope, trusted: Networks) -> Address | None:
    """The address of the client; None where the connection has none.

    X-Forwarded-For is read from its end, for as long as trusted proxies wrote it: what stands before is the client's
    own word.
    """
    peer = scope.get("client")
    address = _address(peer[0]) if peer else None
    if address is not None and trusted and _is_of(address, trusted):
        written = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
        for part in reversed(written.decode("latin-1").split(",")):
            before = _address(part.strip())
            if before is None:
                break
            address = before
            if not _is_of(address, trusted):
                break
    return address


def address_of(scope: Scope, trusted: Networks) -> str:
    """The client as it is counted: an IPv4 address, or the /64 of IPv6, which one caller has whole; else empty."""
    return _counted(client_of(scope, trusted))


def counted_as(text: str) -> str:
    """How the client of an address is counted; any other text as it is."""
    address = _address(text)
    return text if address is None else _counted(address)


def _counted(address: Address | None) -> str:
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return "" if address is None else str(address)


@lru_cache(maxsize=1000)
def _address(text: str) -> Address | None:
    """An address as proxies write it: with brackets or a port, or as IPv4 within IPv6; None for anything else."""
    host, _, port = text.rpartition(":")
    if text.count(":") == 1 and port.isdigit():
        text = host
    elif text.startswith("["):
        text = text[1:].partition("]")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_of(address: Address, networks: Networks) -> bool:
    return any(address in network for network in networks)
