"""Netting and order of spends, without a database."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.limits import NoSuchBalance, Spend, apply, net
from app.engineering.entries.models import PERSON_DAYS
from app.missions.models import MEMBER_DAYS, MISSION_DAYS

_UUID = select(func.uuidv7())
BALANCES = {"person": PERSON_DAYS, "member": MEMBER_DAYS, "mission": MISSION_DAYS}
QUARTERS = st.integers(-4, 4).map(lambda quarters: Decimal(quarters) / 4)
DAYS = st.integers(0, 9).map(lambda number: date(2023, 7, 1) + timedelta(days=number))


@st.composite
def spends(draw: st.DrawFn) -> Spend:
    """Spends over few rows, so that they meet."""
    kind = draw(st.sampled_from(sorted(BALANCES)))
    key: tuple[Any, ...] = (draw(st.integers(0, 2)),)
    touch: dict[str, Any] = {}
    if kind == "person":
        return Spend(PERSON_DAYS, (*key, draw(DAYS)), {"days": draw(QUARTERS)})
    if kind == "mission" and draw(st.booleans()):
        day = draw(DAYS)
        touch = {"worked_from": day, "worked_to": day}
    if kind == "member":
        key += (draw(st.integers(0, 1)),)
    return Spend(BALANCES[kind], key, {"days_entered": draw(QUARTERS)}, touch)


MANY = st.lists(spends(), max_size=25)


@given(MANY, st.randoms(use_true_random=False))
def test_the_net_does_not_depend_on_the_order_of_the_spends(made: list[Spend], chance: Any) -> None:
    shuffled = list(made)
    chance.shuffle(shuffled)
    assert net(shuffled) == net(made)


@given(MANY)
def test_the_net_has_each_row_once_in_lock_order_and_leaves_the_spends_alone(made: list[Spend]) -> None:
    before = repr(made)
    orders = [spend.order for spend in net(made)]
    assert orders == sorted(set(orders))
    assert [rank for rank, _ in orders] == sorted(rank for rank, _ in orders)
    assert repr(made) == before


@given(MANY)
def test_the_net_keeps_every_sum_and_the_widest_touch(made: list[Spend]) -> None:
    found = {spend.order: spend for spend in net(made)}
    for order in {spend.order for spend in made}:
        same = [spend for spend in made if spend.order == order]
        total = sum((amount for spend in same for amount in spend.delta.values()), Decimal(0))
        touched = [spend.touch["worked_from"] for spend in same if spend.touch]
        if not total and not touched:
            assert order not in found
            continue
        assert sum(found[order].delta.values()) == total
        if touched:
            assert found[order].touch == {"worked_from": min(touched), "worked_to": max(touched)}
        else:
            assert found[order].touch == {}


@given(MANY)
def test_what_is_spent_and_given_back_comes_to_nothing(made: list[Spend]) -> None:
    back = [Spend(s.balance, s.key, {name: -amount for name, amount in s.delta.items()}) for s in made]
    plain = [Spend(s.balance, s.key, dict(s.delta)) for s in made]
    assert net([*plain, *back]) == []


@given(MANY)
def test_netting_twice_changes_nothing(made: list[Spend]) -> None:
    assert net(net(made)) == net(made)


def test_a_person_is_locked_before_the_member_and_the_member_before_the_mission() -> None:
    made = [
        Spend(MISSION_DAYS, ("a",), {"days_entered": 1}),
        Spend(MEMBER_DAYS, ("b", "c"), {"days_entered": 1}),
        Spend(PERSON_DAYS, ("z", date(2023, 7, 2)), {"days": 1}),
        Spend(PERSON_DAYS, ("z", date(2023, 7, 1)), {"days": 1}),
    ]
    assert [spend.balance for spend in net(made)] == [PERSON_DAYS, PERSON_DAYS, MEMBER_DAYS, MISSION_DAYS]
    assert [spend.key[1] for spend in net(made)[:2]] == [date(2023, 7, 1), date(2023, 7, 2)]


def test_a_later_put_wins_and_is_kept_although_nothing_is_spent() -> None:
    made = [Spend(MISSION_DAYS, ("a",), {}, put={"entered_on": day}) for day in (date(2023, 7, 1), date(2023, 7, 2))]
    (found,) = net(made)
    assert found.put == {"entered_on": date(2023, 7, 2)}


async def test_spending_from_a_row_that_does_not_exist_is_a_bug_and_not_a_silence(app: Any) -> None:
    session: AsyncSession
    async with app.state["sessions"]() as session:
        (nowhere,) = (await session.execute(_UUID)).one()
        with pytest.raises(NoSuchBalance):
            await apply(session, [Spend(MISSION_DAYS, (nowhere,), {"days_entered": Decimal(1)})])


async def test_the_first_spending_makes_the_row_and_the_second_adds_to_it(app: Any) -> None:
    session: AsyncSession
    async with app.state["sessions"]() as session:
        (person,) = (await session.execute(_UUID)).one()
        key = (person, date(2023, 7, 1))
        for expected in (Decimal("0.25"), Decimal("0.50")):
            await apply(session, [Spend(PERSON_DAYS, key, {"days": Decimal("0.25")})])
            found = await session.scalar(
                select(PERSON_DAYS.table.c.days).where(PERSON_DAYS.table.c.person_id == person)
            )
            assert found == expected
        with pytest.raises(DBAPIError, match="person_day_exceeded"):
            await apply(session, [Spend(PERSON_DAYS, key, {"days": Decimal("0.75")})])
