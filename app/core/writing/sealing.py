"""What is sealed: canonical JSON and its SHA-256, which the row's CHECK computes again."""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

# The CHECK of a row that keeps a sealed `content` with its `content_hash`.
HASHED = "content_hash = encode(sha256(convert_to(content, 'UTF8')), 'hex')"


def canonical(content: Mapping[str, Any]) -> str:
    """JSON with sorted keys and without white space: RFC 8785, as the only fractions here are quarters."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)


def sealed(content: Mapping[str, Any]) -> dict[str, str]:
    """The columns of what is sealed: `content`, and `content_hash` in hexadecimal digits."""
    text = canonical(content)
    return {"content": text, "content_hash": hashlib.sha256(text.encode()).hexdigest()}


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)  # a quarter is a binary fraction
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
