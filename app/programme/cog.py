"""The communes of each year by INSEE's *Code officiel géographique*: which codes there were, and what became of each.

`cog.csv` is made of the yearly lists that datagouv/decoupage-administratif publishes after INSEE (Licence Ouverte): a
code, its last name, the years in which it is a commune's, and the communes that stand for it otherwise. Lists before
2019 and that of 2020 are not published there: of earlier years it is known that a code existed, not until when. The
list of a new year is added by `python -m app.programme.cog 2019=communes.json …`, all years again, and by `YEARS`.
"""

import bisect
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from app.core.faults import Fault, FieldError, Message
from app.core.writing.importing import LineFault, folded

UNKNOWN_COMMUNE = Fault(
    "unknown_commune",
    en="No commune has ever had this code. The nearest is {nearest}.",
    fr="Aucune commune n'a jamais eu ce code. Le plus proche est {nearest}.",
)
COMMUNE_OF_ANOTHER_YEAR = Fault(
    "commune_of_another_year",
    en="No commune of {year} has this code: {became}.",
    fr="Aucune commune de {year} n'a ce code : {became}.",
)
YEARS = (2019, 2021, 2022, 2023, 2024, 2025, 2026)  # those whose lists are here
EVER, ARRONDISSEMENT = "", "="  # in place of years: in all of them; never, for it is a part of Paris, Lyon or Marseille


@dataclass(frozen=True)
class CommuneCode:
    """A code: its last name, in which of `YEARS` it is a commune's, and which communes stand for it otherwise."""

    code: str
    name: str
    years: str
    into: tuple[str, ...]

    def of(self, year: int) -> bool:
        """Whether it is a commune's in a year. Between two lists either counts, before and after them all do."""
        if self.years in (EVER, ARRONDISSEMENT):
            return self.years == EVER
        if not YEARS[0] <= year <= YEARS[-1]:
            return True
        place = bisect.bisect_left(YEARS, year)
        near = YEARS[place : place + 1] if YEARS[place] == year else YEARS[place - 1 : place + 1]
        return any(str(each) in self.years.split() for each in near)

    def __str__(self) -> str:
        return f"{self.code} ({self.name})" if self.name else self.code


@cache
def _lines() -> list[str]:
    text = files("app.programme").joinpath("cog.csv").read_text(encoding="utf-8")
    return text.splitlines()[1:]


def _read(line: str) -> CommuneCode:
    code, name, years, into = line.split(";")
    return CommuneCode(code, name, years, tuple(into.split()))


def known(code: str) -> CommuneCode | None:
    """The code, where any commune has had it."""
    lines = _lines()
    place = bisect.bisect_left(lines, f"{code};")
    return _read(lines[place]) if place < len(lines) and lines[place].startswith(f"{code};") else None


def fault(code: str, year: int, name: str | None = None, *, parts: bool = False) -> FieldError | None:
    """What is wrong with a code in a year, None where nothing is. With `parts` an arrondissement is as good.

    `name` is what the commune is called where the code stands.
    """
    found = known(code)
    if found is None:
        return UNKNOWN_COMMUNE.at("", nearest=nearest(code, name))
    if found.of(year) or (parts and found.years == ARRONDISSEMENT):
        return None
    return COMMUNE_OF_ANOTHER_YEAR.at("", year=str(year), became=_became(found, year))


def line_fault(number: int, column: str, code: str, year: int, name: str | None = None) -> LineFault | None:
    """The same of a line that tells where something is: of a code of other years it is told what became of it.

    There an arrondissement is as good.
    """
    found = fault(code, year, name, parts=True)
    if found is None:
        return None
    return LineFault(number, column, found, advisory=found.message is COMMUNE_OF_ANOTHER_YEAR)


def _became(found: CommuneCode, year: int) -> Message:
    """What the code was or will be, and which communes stand for it in that year."""
    communes = [commune for commune in map(known, found.into) if commune is not None]
    into = ", ".join(str(each) for each in [each for each in communes if each.of(year)] or communes)
    years = [int(each) for each in found.years.split() if each.isdigit()]
    ended = max((each for each in years if each < year), default=None)
    if found.years == ARRONDISSEMENT:
        return Message("part", f"it is an arrondissement of {into}", f"c'est un arrondissement de {into}")
    if into:
        since = (f"since {_after(ended)}", f"depuis {_after(ended)}") if ended else _before(found)
        return Message(
            "joined", f"{since[0]} the commune belongs to {into}", f"{since[1]}, la commune relève de {into}"
        )
    first = min((each for each in years if each > year), default=YEARS[-1])
    return Message("later", f"it is {found.name} from {first} on", f"c'est {found.name} à partir de {first}")


def _before(found: CommuneCode) -> tuple[str, str]:
    """When a code ended of which no list tells it, or from when on it comes again."""
    years = [each for each in found.years.split() if each.isdigit()]
    return (
        (f"before {years[0]}", f"avant {years[0]}") if years else (f"since before {YEARS[0]}", f"dès avant {YEARS[0]}")
    )


def _after(year: int) -> int:
    """The first list after that of a year."""
    return YEARS[YEARS.index(year) + 1]


def nearest(code: str, name: str | None = None) -> str:
    """The commune that was most likely meant: of this name, best in this département, else of the nearest code."""
    if name and (same := [found for found in _named(name) if found.years == EVER]):
        return str(min(same, key=lambda found: (found.code[:2] != code[:2], found.code)))
    lines = _lines()
    place = bisect.bisect_left(lines, code)
    near = [_read(line) for line in lines[max(place - 50, 0) : place + 50]]
    return str(max((each for each in near if each.years == EVER), key=lambda each: _likeness(each.code, code)))


def _likeness(known_code: str, code: str) -> tuple[int, int]:
    same = next((n for n in range(5) if known_code[n] != code[n]), 5)
    return same, -abs(int(known_code[2:]) - int(code[2:]))


def _named(name: str) -> Iterator[CommuneCode]:
    wanted = folded(name)
    first = re.sub(r"[^a-z]", "", wanted)[:1]
    return (
        found for line in _lines() if first in line.lower() or not first
        for found in [_read(line)] if folded(found.name) == wanted
    )  # fmt: skip


# --- the lists of the years ------------------------------------------------------------------------------------------


def rows(lists: Mapping[int, Iterable[Mapping[str, Any]]]) -> Iterator[str]:
    """The lines of `cog.csv` by the lists of the years, as `communes.json` of each has them."""
    names: dict[str, str] = {}
    years: dict[str, list[int]] = {}
    into: dict[str, dict[str, None]] = {}
    parts: set[str] = set()
    for year, communes in sorted(lists.items()):
        of_year = sorted(communes, key=lambda each: each["type"] == "commune-actuelle")  # whose name counts
        for each in of_year:
            names[each["code"]] = each["nom"]
            if each["type"] == "commune-actuelle":
                years.setdefault(each["code"], []).append(year)
                for old in each.get("anciensCodes", ()):
                    into.setdefault(old, {})[each["code"]] = None
            elif (whole := each.get("commune") or each["chefLieu"]) != each["code"]:
                into.setdefault(each["code"], {})[whole] = None
            if each["type"] == "arrondissement-municipal":
                parts.add(each["code"])
    yield "code;name;years;into"
    for code in sorted({*names, *into}):
        there = years.get(code, [])
        told = EVER if there == sorted(lists) else ARRONDISSEMENT if code in parts else " ".join(map(str, there)) or "-"
        others = " ".join(into.get(code, ())) if told != EVER else ""
        yield f"{code};{names.get(code, '')};{told};{others}"


if __name__ == "__main__":
    given = dict(each.split("=", 1) for each in sys.argv[1:])
    read = {int(year): json.loads(Path(path).read_text(encoding="utf-8")) for year, path in given.items()}
    Path(__file__).with_name("cog.csv").write_text("\n".join(rows(read)) + "\n", encoding="utf-8")
