"""Opaque cursors: a payload signed together with what it is tied to (caller, address, sort, filters)."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import date

from app.core import clock
from app.core.problems import InvalidCursor

MAC = 16  # bytes of the HMAC that a cursor carries
# Readers of the feed keep their position for long. Those that carry 12 bytes, as all once did, open until this day.
FORMER_MAC, FORMER_UNTIL = 12, date(2027, 7, 1)


def close(secrets: Sequence[bytes], seal: bytes, payload: bytes) -> str:
    """The cursor that carries `payload` and is good under `seal` alone, signed with the first secret."""
    return base64.urlsafe_b64encode(_mac(secrets[0], seal, payload)[:MAC] + payload).decode().rstrip("=")


def unseal(secrets: Sequence[bytes], seal: bytes, token: str) -> bytes:
    """The payload of a cursor that any of the secrets has signed.

    Raises `InvalidCursor` (422) for any other text, caller or list.
    """
    try:
        raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise InvalidCursor from None
    for length in (MAC, FORMER_MAC) if clock.today() < FORMER_UNTIL else (MAC,):
        mac, payload = raw[:length], raw[length:]
        for secret in secrets:
            if hmac.compare_digest(mac, _mac(secret, seal, payload)[:length]):
                return payload
    raise InvalidCursor


def _mac(secret: bytes, seal: bytes, payload: bytes) -> bytes:
    return hmac.digest(secret, seal + b"\0" + payload, hashlib.sha256)
