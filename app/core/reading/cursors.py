"""Opaque cursors: a payload signed together with what it is tied to (caller, address, sort, filters)."""

import base64
import hashlib
import hmac

from app.core.problems import InvalidCursor

MAC = 12  # bytes of the HMAC that a cursor carries


def close(secret: bytes, seal: bytes, payload: bytes) -> str:
    """The cursor that carries `payload` and is good under `seal` alone."""
    return base64.urlsafe_b64encode(_mac(secret, seal, payload) + payload).decode().rstrip("=")


def unseal(secret: bytes, seal: bytes, token: str) -> bytes:
    """The payload of a cursor of ours. Raises `InvalidCursor` (422) for any other text, caller or list."""
    try:
        raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise InvalidCursor from None
    mac, payload = raw[:MAC], raw[MAC:]
    if not hmac.compare_digest(mac, _mac(secret, seal, payload)):
        raise InvalidCursor
    return payload


def _mac(secret: bytes, seal: bytes, payload: bytes) -> bytes:
    return hmac.digest(secret, seal + b"\0" + payload, hashlib.sha256)[:MAC]
