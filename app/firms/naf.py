"""The sub-classes of NAF rev. 2: which codes there are, and which one was most likely meant.

`naf_rev2.json` is INSEE's nomenclature of activities as annuaire-entreprises-data-gouv-fr/search-api publishes it: 732
codes with their French labels. It is no longer changed: NAF 2025 takes its place on 1 January 2027.
"""

import json
from functools import cache
from importlib.resources import files


@cache
def rev_2() -> dict[str, str]:
    """The labels of NAF rev. 2 by code."""
    labels: dict[str, str] = json.loads(files("app.firms").joinpath("naf_rev2.json").read_text(encoding="utf-8"))
    return labels


def nearest(code: str) -> str:
    """The code of NAF rev. 2 that shares most of its beginning with this one, with its label."""
    codes = rev_2()
    close = max(codes, key=lambda known: next((n for n in range(6) if known[n] != code[n]), 6))
    return f"{close} ({codes[close]})"
