"""The sub-classes of the nomenclatures of activities: which codes each has, and which one was most likely meant.

`naf_rev2.json` is NAF rev. 2 as annuaire-entreprises-data-gouv-fr/search-api publishes it after INSEE: 732 codes with
their French labels. `naf_2025.json` has the 747 codes of NAF 2025, without labels, of INSEE's list as
datagouv/apistration publishes it; it takes the place of the first on 1 January 2027 (`rules.nomenclature_on`).
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from app.core.faults import Message
from app.firms.rules import NafVersion

NAMES = {
    NafVersion.REV_2: Message("naf_rev2", "NAF rev. 2", "NAF rév. 2"),
    NafVersion.NAF_2025: Message("naf_2025", "NAF 2025", "NAF 2025"),
}


@cache
def codes(version: NafVersion) -> Mapping[str, str]:
    """The codes of a nomenclature, each with its label where that is known."""
    read = json.loads(files("app.firms").joinpath(f"{version}.json").read_text(encoding="utf-8"))
    return read if isinstance(read, dict) else dict.fromkeys(read, "")


def nearest(code: str, version: NafVersion) -> str:
    """The code of the nomenclature that shares most of its beginning with this one, with its label."""
    known = codes(version)
    close = max(known, key=lambda each: next((n for n in range(6) if each[n] != code[n]), 6))
    return f"{close} ({known[close]})" if known[close] else close
