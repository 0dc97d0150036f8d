"""Which representation and which language a request prefers."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from starlette.requests import Request

from app.core.faults import LANGUAGES

# RFC 9110 §12.4.2: from 0 to 1, with at most three decimals.
_WEIGHT = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


def weights(header: str) -> list[tuple[str, float]]:
    """The names of a weighted header (Accept, Accept-Language) in lower case, each with its weight, as they stand.

    White space may surround the separators, `Q=` is `q=` (RFC 9110 §5.6.6); an element with a wrong weight is ignored.
    """
    weighed = []
    for element in header[:1000].split(","):
        name, *parameters = (piece.strip().lower() for piece in element.split(";"))
        weight = next((piece.removeprefix("q=") for piece in parameters if piece.startswith("q=")), "1")
        if name and _WEIGHT.fullmatch(weight):
            weighed.append((name, float(weight)))
    return weighed


def ranked(accept: str, offered: Iterable[str]) -> list[str]:
    """The media types in `offered` that are accepted (RFC 9110 §12.5.1), by weight, then in our order."""
    offered = list(offered)
    known: dict[str, tuple[int, float]] = {}  # media type → how specific the range that speaks of it is, its weight
    for name, weight in weights(accept):
        for media_type in offered:
            exact = name == media_type
            if exact or name == "*/*" or name == media_type.partition("/")[0] + "/*":
                specific = 2 if exact else int(name != "*/*")
                if specific >= known.get(media_type, (-1, 0.0))[0]:
                    known[media_type] = (specific, weight)
    wanted = [media_type for media_type, (_, weight) in known.items() if weight > 0]
    return sorted(wanted, key=lambda each: (-known[each][1], offered.index(each)))


def preferred(accept: str, offered: Mapping[str, str]) -> str:
    """The name of the media type in `offered` that is preferred: the first of ours where Accept says nothing legible.

    Where nothing that there is is accepted, the route has refused already (`NotAcceptable`).
    """
    return offered[next(iter(ranked(accept, offered)), next(iter(offered)))]


def wanted(request: Request, query: dict[str, Any], offered: Mapping[str, str]) -> str:
    """The name of the form wanted: `format`, which is taken out of the query, or by Accept."""
    query.pop("headings", None)
    return query.pop("format", None) or preferred(request.headers.get("accept", "*/*"), offered)


def language_of(request: Request, default: str = "en") -> str:
    """`en` or `fr`, by Accept-Language and its weights; a `*` stands for each language that is not named."""
    told: dict[str, float] = {}
    for name, weight in weights(request.headers.get("accept-language", "")):
        language = name.partition("-")[0]
        told[language] = max(weight, told.get(language, 0.0))
    rest = told.get("*", 0.0)
    # Of two that weigh the same the one named first, then the default.
    order = [*(name for name in told if name in LANGUAGES), default, *LANGUAGES]
    best = max(dict.fromkeys(order), key=lambda name: told.get(name, rest))
    if told.get(best, rest) > 0:
        return best
    return next((name for name in (default, *LANGUAGES) if told.get(name) != 0), default)  # none that is refused
