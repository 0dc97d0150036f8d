"""Which representation an Accept header prefers."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from app.core.faults import LANGUAGES


def preferred(accept: str, offered: Mapping[str, str]) -> str:
    """The name of the media type in `offered` that is preferred (RFC 9110 §12.5.1): by weight, then in our order.

    The first of ours where nothing that there is is accepted, as everywhere here.
    """
    weights: dict[str, tuple[int, float]] = {}  # media type → how specific the range that speaks of it is, its weight
    for part in accept[:1000].split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        try:
            weight = next((float(piece[2:]) for piece in parameters if piece.startswith("q=")), 1.0)
        except ValueError:
            continue
        for media_type in offered:
            exact = name == media_type
            if exact or name == "*/*" or name == media_type.partition("/")[0] + "/*":
                specific = 2 if exact else int(name != "*/*")
                if specific >= weights.get(media_type, (-1, 0.0))[0]:
                    weights[media_type] = (specific, weight)
    order = list(offered)
    wanted = [media_type for media_type, (_, weight) in weights.items() if weight > 0]
    best = min(wanted, key=lambda each: (-weights[each][1], order.index(each)), default=order[0])
    return offered[best]


def wanted(request: Request, query: dict[str, Any], offered: Mapping[str, str]) -> str:
    """The name of the form wanted: `format`, which is taken out of the query, or by Accept."""
    return query.pop("format", None) or preferred(request.headers.get("accept", "*/*"), offered)


def language_of(request: Request, default: str = "en") -> str:
    """`en` or `fr`, by Accept-Language and its weights."""
    best, weight = default, 0.0
    for part in request.headers.get("accept-language", "")[:500].split(","):
        tag, _, quality = part.strip().partition(";q=")
        name = tag.strip().lower().partition("-")[0]
        try:
            q = float(quality) if quality else 1.0
        except ValueError:
            continue
        if name in LANGUAGES and q > weight:
            best, weight = name, q
    return best
