"""A cure that the service refuses is a fault: each is provoked by every act that raises its problem, and done.

The acts are the operations of the OpenAPI document, and their problems those that it documents. What all writes, or all
lists, document is walked once, by an act that stands for the others (`GENERIC`).
"""

from typing import Any

import httpx2
import pytest

from app.core.problems import CATALOGUE
from tests.contract.cures import (
    WALKS,
    Case,
    aid,
    amendments,
    arrears,
    awards,
    claims,
    collections,
    conditions,
    corrections,
    days,
    decisions,
    deliverables,
    documented,
    files,
    frameworks,
    invoices,
    letters,
    life,
    missions,
    money,
    payments,
    plans,
    receipts,
    records,
    recoveries,
    reports,
    requests,
    runs,
    schemes,
)
from tests.contract.cures.requests import GENERIC, together
from tests.contract.cures.unwalked import NO_CURE, OUTSIDE, PAIRS
from tests.directory import StandIn
from tests.envelopes.acts import Acts
from tests.world import World

REGISTERED = (
    aid,
    amendments,
    arrears,
    awards,
    claims,
    collections,
    conditions,
    corrections,
    days,
    decisions,
    deliverables,
    invoices,
    files,
    frameworks,
    letters,
    life,
    missions,
    money,
    payments,
    plans,
    receipts,
    records,
    recoveries,
    reports,
    requests,
    runs,
    schemes,
)  # importing them registers their walks
DOCUMENTED = {(code, act) for act, codes in documented().items() for code in codes}


ORDERED = sorted(WALKS, key=together)
AT_ONCE = 40  # walks share a territory: an award takes of each of its contributions, so that hundreds would be slow


@pytest.fixture(scope="module")
def territories() -> dict[int, World]:
    return {}


@pytest.mark.parametrize(("code", "act"), ORDERED, ids=[f"{code} by {act}" for code, act in ORDERED])
async def test_the_cure_is_accepted(
    http: httpx2.AsyncClient, pool: Any, territories: dict[int, World], directory: StandIn, code: str, act: str
) -> None:
    which = ORDERED.index((code, act)) // AT_ONCE
    if which not in territories:
        territories[which] = await World.create(http, pool)
        await Acts.of(territories[which], 10_000_000_00)
    case = Case(code, act, territories[which], directory)
    await WALKS[code, act](case)
    assert case.told, "the problem was not provoked"
    assert case.done, "nothing was done about it"


def test_every_documented_problem_of_an_act_is_walked_or_listed_with_the_reason() -> None:
    missing = {
        (code, act)
        for code, act in DOCUMENTED - WALKS.keys() - PAIRS.keys()
        if code not in GENERIC and code not in NO_CURE and code not in OUTSIDE
    }
    assert not missing, "walk its cure, list it with the reason, or take it out of the act's documentation"


def test_what_is_walked_or_listed_is_documented_and_stands_in_one_place() -> None:
    walked = {code for code, _ in WALKS}
    assert not (WALKS.keys() | PAIRS.keys()) - DOCUMENTED
    assert not WALKS.keys() & PAIRS.keys()
    for codes in (NO_CURE.keys(), OUTSIDE.keys()):
        assert codes <= {code for code, _ in DOCUMENTED}
        assert not codes & walked
    assert not NO_CURE.keys() & OUTSIDE.keys()


def test_a_problem_is_listed_as_one_without_a_cure_where_it_has_none() -> None:
    assert not {code for code in NO_CURE if CATALOGUE[code].cure or CATALOGUE[code].cure_fr}
    assert all(CATALOGUE[code].cure for code in OUTSIDE)
