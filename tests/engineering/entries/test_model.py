"""Random lives of a mission, held against a model of a few lines: every action, every balance, after every step.

How they are drawn, told and kept: `tests/lives.py`.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, ClassVar

import httpx2
import pytest

from tests.lives import FRESH, MORE, Act, Chance, Life, relived, seed_of, told
from tests.lives import STEPS as ASKED
from tests.world import Mission, World, ok

STEPS = ASKED or 90
SEEDS = [345316638, 1, 2, 3]

# What random lives have found: their acts, cut down.
LIVES: dict[str, list[Act]] = {
    "one call reverses an entry of a closed month and one of an open month after it": [
        ("enter", [0, 0, 0, 0]),  # the lead, on 31 December, a quarter, submitted
        ("enter", [0, 2, 0, 0]),  # and on 28 February
        ("lock", [0]),
        ("many", [0, 0, 1]),  # both, reversed
    ],
    "the same, and the open month comes first": [
        ("enter", [0, 0, 0, 0]),
        ("enter", [0, 2, 0, 0]),
        ("lock", [2]),
        ("many", [0, 0, 1]),
    ],
}

# Days on which calendars stumble: ends of months and years, a leap day, the days of 23 and of 25 hours.
DAYS = [
    date(2023, 12, 31), date(2024, 1, 1), date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 31),
    date(2024, 4, 1), date(2024, 10, 27), date(2024, 12, 31),
]  # fmt: skip
COUNTING = ("submitted", "validated", "certified")
HOUSES = ("lead", "partner")


def month(day: date) -> date:
    return day.replace(day=1)


@dataclass
class Entry:
    house: str
    day: date
    counted_on: date
    days: Decimal
    status: str
    reversed_on: date = date.min  # the later day on which its reversal counts
    corrects: str = ""
    noted: bool = False  # a note is more than a grid can hold
    correctable: Decimal = Decimal(0)  # what it had when it was reversed or rejected, and in which month
    correctable_in: date = date.min

    def counts(self, day: date) -> bool:
        """Whether it counts at the end of a day."""
        return self.counted_on <= day and (self.status in COUNTING or day < self.reversed_on)


@dataclass
class Model:
    """What the database should say. Every rule is one line; each method says whether the step is taken."""

    orders: list[tuple[date, Decimal]]
    allotted: dict[str, Decimal]
    entries: dict[str, Entry] = field(default_factory=dict)
    locked: set[date] = field(default_factory=set)
    certified: dict[str, Decimal] = field(default_factory=dict)  # certificate → days, until it is cancelled

    def taken(self, *, house: str | None = None, day: date | None = None, but: str = "") -> Decimal:
        return sum(
            (
                e.days
                for key, e in self.entries.items()
                if e.status in COUNTING and key != but and house in (None, e.house) and day in (None, e.day)
            ),
            Decimal(0),
        )

    @property
    def ordered(self) -> Decimal:
        return self.ordered_by(date.max)

    def ordered_by(self, day: date) -> Decimal:
        return sum((days for signed_on, days in self.orders if signed_on <= day), Decimal(0))

    def entered_by(self, day: date) -> Decimal:
        return sum((e.days for e in self.entries.values() if e.counts(day)), Decimal(0))

    def holds(self) -> bool:
        """No day has more entered than ordered: days on which something happens are enough to look at."""
        happens = {signed_on for signed_on, _ in self.orders}
        happens |= {day for e in self.entries.values() for day in (e.counted_on, e.reversed_on)}
        return all(self.entered_by(day) <= self.ordered_by(day) for day in happens)

    def holds_with(self, entry: Entry, but: str = "") -> bool:
        others = {key: e for key, e in self.entries.items() if key != but}
        return replace(self, entries={**others, "new": entry}).holds()

    def chain(self, key: str) -> Iterator[str]:
        """The entry, what it corrects, and so on."""
        while key:
            yield key
            key = self.entries[key].corrects

    def corrected(self, key: str, but: str = "") -> Decimal:
        corrections = (e for other, e in self.entries.items() if key in self.chain(e.corrects) and other != but)
        return sum((e.days for e in corrections if e.status in COUNTING), Decimal(0))

    def corrects_well(self, key: str, house: str, day: date, days: Decimal, but: str = "") -> bool:
        e = self.entries[key]
        about = (e.house, e.correctable_in) == (house, month(day))
        return about and all(self.corrected(k, but) + days <= self.entries[k].correctable for k in self.chain(key))

    def fits(self, house: str, day: date, days: Decimal, counted_on: date, but: str = "") -> bool:
        return (
            self.holds_with(Entry(house, day, counted_on, days, "submitted"), but)
            and month(counted_on) not in self.locked
            and self.taken(but=but) + days <= self.ordered
            and self.taken(house=house, but=but) + days <= self.allotted[house]
            and self.taken(house=house, day=day, but=but) + days <= 1  # one person a house
        )

    def open_day(self, day: date) -> date:
        while month(day) in self.locked:
            day = month(month(day) + timedelta(days=32))
        return day


class MissionLife(Life):
    """One mission under random acts; an act is done on the model where it should be taken."""

    KINDS: ClassVar = ["enter"] * 4 + ["batch", "grid", "act", "act", "act", "many", "edit", "edit", "correct", "order",
                                       "allot", "lock", "certify", "cancel"]  # fmt: skip

    def __init__(self, world: World, mission: Mission, model: Model, chance: Chance) -> None:
        super().__init__(chance)
        self.world, self.mission, self.model = world, mission, model
        self.locks: dict[date, str] = {}
        self.references = iter(range(10**6))

    def client(self, house: str) -> Any:
        return self.world.lead if house == "lead" else self.world.consultant

    def some_days(self) -> Decimal:
        return Decimal(self.chance.randint(1, 4)) / 4

    def some_entry(self, *states: str) -> str | None:
        return self.chance.choice([k for k, e in self.model.entries.items() if e.status in states] or [None])

    def agrees(self, answer: httpx2.Response, fits: bool, what: str) -> bool:
        expected = (200, 201, 204) if fits else (409,)
        assert answer.status_code in expected, f"{what}: the model says {fits}; {answer.status_code} {answer.text}"
        return fits

    def body(self, house: str, day: date, days: Decimal, **more: Any) -> dict[str, Any]:
        return self.mission.entry(by=house, worked_on=day.isoformat(), days=float(days), **more)

    async def enter(self) -> bool:
        house, day, days = self.chance.choice(HOUSES), self.chance.choice(DAYS), self.some_days()
        status = self.chance.choice(["submitted", "submitted", "draft"])
        answer = await self.client(house).post("time-entries", self.body(house, day, days, status=status))
        fits = status == "draft" or self.model.fits(house, day, days, day)
        if self.agrees(answer, fits, "enter"):
            self.model.entries[answer.json()["id"]] = Entry(house, day, day, days, status)
        return fits

    async def batch(self) -> bool:
        house = self.chance.choice(HOUSES)
        rows = [(self.chance.choice(DAYS), self.some_days()) for _ in range(3)]
        before = dict(self.model.entries)
        fits = True
        for number, (day, days) in enumerate(rows):
            fits = fits and self.model.fits(house, day, days, day)
            self.model.entries[f"new {number}"] = Entry(house, day, day, days, "submitted")
        self.model.entries = before
        items = {"items": [self.body(house, day, days) for day, days in rows]}
        answer = await self.client(house).post("time-entries/batch", items)
        if self.agrees(answer, fits, "batch"):
            for entry, (day, days) in zip(answer.json()["items"], rows, strict=True):
                self.model.entries[entry["id"]] = Entry(house, day, day, days, "submitted")
        return fits

    async def grid(self) -> None:
        """A week with one day in it. The model does not foresee it; what it made of the week is read back."""
        house, day, days = self.chance.choice(HOUSES), self.chance.choice(DAYS), self.some_days()
        iso = day.isocalendar()
        consultant = self.mission.lead_consultant if house == "lead" else self.mission.partner_consultant
        cells = [{"worked_on": day.isoformat(), "activity": "audition", "days": float(days)}]
        week = {"consultant_id": consultant, "week": f"{iso.year}-W{iso.week:02}", "cells": cells}
        seen = await self.client(house).get(f"time-entries/grid?consultant_id={consultant}&week={week['week']}")
        answer = await self.client(house).put("time-entries/grid", week, headers={"If-Match": seen.headers["etag"]})
        assert answer.status_code in (200, 409, 412), answer.text
        if answer.status_code == 200:
            first = day - timedelta(days=day.weekday())
            inside = [
                key
                for key, e in self.model.entries.items()
                if e.house == house and first <= e.day <= first + timedelta(days=6) and e.status in ("draft", *COUNTING)
                and not e.corrects and not e.noted
            ]  # fmt: skip
            kept = {entry["entry_id"]: entry for entry in answer.json()["cells"]}
            for key in inside:
                if key not in kept:
                    assert self.model.entries[key].status in ("draft", "submitted")
                    del self.model.entries[key]
            assert sum(Decimal(str(entry["days"])) for entry in kept.values()) == days
            for key, entry in kept.items():
                made = self.model.entries.setdefault(key, Entry(house, day, day, Decimal(0), "draft"))
                if made.status == "draft" and entry["status"] == "submitted":
                    made.correctable = Decimal(0)
                made.day, made.days, made.status = day, Decimal(str(entry["days"])), entry["status"]
            tag = {"If-Match": answer.headers["etag"]}
            again = await self.client(house).put("time-entries/grid", week, headers=tag)
            assert ok(again) == answer.json(), "the same grid again writes nothing"

    async def act(self) -> bool | None:
        action = self.chance.choice(["submit", "recall", "validate", "validate", "reject", "reverse"])
        key = self.some_entry("draft", "submitted", "validated", "rejected", "reversed", "certified")
        if key is None:
            return None
        fits = self.may(action, key)
        entry = self.model.entries[key]
        judging = action in ("validate", "reject", "reverse")
        client = self.world.lead_judge if judging else self.client(entry.house)
        reason = {"reason": "Chance"} if action in ("reject", "reverse") else None
        if self.agrees(await client.post(f"time-entries/{key}/{action}", reason), fits, action):
            self.become(action, key)
        return fits

    def may(self, action: str, key: str) -> bool:
        e = self.model.entries[key]
        opened = month(e.counted_on) not in self.model.locked
        return {
            "submit": e.status == "draft"
            and self.model.fits(e.house, e.day, e.days, e.counted_on)
            and not self.model.corrected(key)
            and (not e.corrects or self.model.corrects_well(e.corrects, e.house, e.day, e.days)),
            "recall": e.status == "rejected" or (e.status == "submitted" and opened),
            "validate": e.status == "submitted" and opened,
            "reject": e.status == "submitted" and opened,
            "reverse": e.status in ("submitted", "validated"),
        }[action]

    def become(self, action: str, key: str) -> None:
        states = {"submit": "submitted", "recall": "draft", "validate": "validated", "reject": "rejected"}
        entry = self.model.entries[key]
        if action == "reverse" and (later := self.model.open_day(entry.counted_on)) != entry.counted_on:
            entry.reversed_on = later
        if action in ("reverse", "reject"):
            entry.correctable, entry.correctable_in = entry.days, month(entry.day)
        elif action == "submit":
            entry.correctable = Decimal(0)
        entry.status = states.get(action, "reversed")

    async def many(self) -> bool | None:
        keys = [key for key, e in self.model.entries.items() if e.status in ("submitted", "validated")]
        if not keys:
            return None
        chosen = self.chance.sample(keys, min(len(keys), 4))
        action = self.chance.choice(["validate", "reverse"])
        fits = all(self.may(action, key) for key in chosen)
        reason = {"reason": "Chance"} if action == "reverse" else {}
        answer = await self.world.lead_judge.post(f"time-entries/{action}", {"ids": chosen, **reason})
        if self.agrees(answer, fits, f"{action} many"):
            for key in chosen:
                self.become(action, key)
        return fits

    async def edit(self) -> bool | None:
        key = self.some_entry("draft", "submitted", "validated")
        if key is None:
            return None
        e = self.model.entries[key]
        day, days = (
            self.chance.choice([e.day, self.chance.choice(DAYS)]),
            self.chance.choice([e.days, self.some_days()]),
        )
        change = {"note": secrets.token_hex(4), "worked_on": day.isoformat(), "days": float(days)}
        counted = self.model.open_day(day) if e.corrects else day
        well = True
        if e.corrects:  # a draft has no days of what it corrects yet
            asked = days if e.status == "submitted" else Decimal(0)
            well = self.model.corrects_well(e.corrects, e.house, day, asked, but=key)
            well = well or (e.status == "draft" and month(day) == self.model.entries[e.corrects].correctable_in)
        fits = (e.status == "draft" and well) or (
            well
            and e.status == "submitted"
            and month(e.counted_on) not in self.model.locked
            and self.model.fits(e.house, day, days, counted, but=key)
        )
        if self.agrees(await self.client(e.house).patch(f"time-entries/{key}", change), fits, "edit"):
            e.day, e.days, e.counted_on, e.noted = day, days, counted, True
        return fits

    async def correct(self) -> bool | None:
        key = self.some_entry("reversed", "reversed", "rejected", "draft")
        if key is None:
            return None
        e = self.model.entries[key]
        house = self.chance.choice([e.house, e.house, e.house, *HOUSES])
        day = self.chance.choice([e.day, e.day, self.chance.choice(DAYS)])
        days = self.chance.choice([e.days, self.some_days()])
        counted = self.model.open_day(day)
        fits = self.model.fits(house, day, days, counted) and bool(e.correctable)
        fits = fits and self.model.corrects_well(key, house, day, days)
        answer = await self.client(house).post("time-entries", self.body(house, day, days, corrects_id=key))
        if house != e.house and answer.status_code == 404:  # of another firm
            return None
        if self.agrees(answer, fits, "correct"):
            assert answer.json()["counted_on"] == counted.isoformat()
            self.model.entries[answer.json()["id"]] = Entry(house, day, counted, days, "submitted", corrects=key)
        return fits

    async def order(self) -> bool:
        days, signed_on = Decimal(self.chance.choice([-2, -1, 1, 2])), self.chance.choice(DAYS)
        total = self.model.ordered + days
        amended = replace(self.model, orders=[*self.model.orders, (signed_on, days)])
        fits = amended.holds() and total >= self.model.taken() and total >= sum(self.model.allotted.values())
        body = {"kind": "amendment", "reference": f"A-{next(self.references)}", "signed_on": signed_on.isoformat(),
                "days": float(days), "reason": "Chance"}  # fmt: skip
        answer = await self.world.operator.post(f"missions/{self.mission.id}/orders", body)
        if self.agrees(answer, fits, "order"):
            self.model.orders.append((signed_on, days))
        return fits

    async def allot(self) -> bool:
        house, days = self.chance.choice(HOUSES), Decimal(self.chance.randint(0, 16)) / 2
        others = sum(days for name, days in self.model.allotted.items() if name != house)
        fits = days >= self.model.taken(house=house) and others + days <= self.model.ordered
        member = self.mission.lead_member if house == "lead" else self.mission.partner_member
        path = f"missions/{self.mission.id}/members/{member}"
        answer = await self.world.operator.patch(
            path, {"days_allotted": float(days), "reason": "Chance", "decided_on": "2023-07-03"}
        )
        if self.agrees(answer, fits or days == self.model.allotted[house], "allot"):
            self.model.allotted[house] = days
        return fits

    async def lock(self) -> bool:
        wanted = month(self.chance.choice(DAYS))
        if wanted in self.model.locked:
            path = f"month-locks/{self.locks.pop(wanted)}/reopen"
            ok(await self.world.operator.post(path, {"reason": "Chance"}))
            self.model.locked.remove(wanted)
            return False
        body = {"mission_id": self.mission.id, "month": f"{wanted:%Y-%m}"}
        self.locks[wanted] = ok(await self.world.operator.post("month-locks", body), 201)["id"]
        self.model.locked.add(wanted)
        return True

    async def certify(self) -> bool:
        house, first = self.chance.choice(HOUSES), self.chance.choice(DAYS)
        last = first + timedelta(days=self.chance.choice([0, 40]))
        keys = [
            key
            for key, e in self.model.entries.items()
            if e.house == house and e.status == "validated" and first <= e.counted_on <= last
        ]
        body = {"mission_id": self.mission.id, "organisation_id": str(self.world.organisations[house]),
                "from_on": first.isoformat(), "to_on": last.isoformat()}  # fmt: skip
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        answer = await self.world.operator.post("service-certificates", body, headers=headers)
        if self.agrees(answer, bool(keys), "certify"):
            made = answer.json()
            for key in keys:
                self.model.entries[key].status = "certified"
            days = sum(self.model.entries[key].days for key in keys)
            assert Decimal(str(made["days"])) == days
            assert made["amount_excl_vat_cents"] == int(days * 99_999 + Decimal("0.5"))
            self.model.certified[made["id"]] = Decimal(days)
        return bool(keys)

    async def cancel(self) -> bool | None:
        if not self.model.certified:
            return None
        certificate = self.chance.choice(sorted(self.model.certified))
        held = ok(await self.world.operator.get(f"time-entries?certificate_id={certificate}&limit=500"))["items"]
        path = f"service-certificates/{certificate}"
        tag = {"If-Match": (await self.world.operator.get(path)).headers["etag"]}
        ok(await self.world.operator.post(f"{path}/cancel", {"reason": "Chance"}, headers=tag), 201)
        assert sum(Decimal(str(e["days"])) for e in held) == self.model.certified.pop(certificate)
        for entry in held:
            self.model.entries[entry["id"]].status = "validated"
        return True

    async def compare(self) -> None:
        """Every balance of the service is the model's."""
        found = await self.world.follow_up()
        states = {
            "days_validated": ("validated", "certified"),
            "days_certified": ("certified",),
            "days_draft": ("draft",),
        }
        said = {
            "days_ordered": self.model.ordered,
            "days_entered": self.model.taken(),
            "days_left": self.model.ordered - self.model.taken(),
            **{
                name: sum((e.days for e in self.model.entries.values() if e.status in wanted), Decimal(0))
                for name, wanted in states.items()
            },
        }
        assert {name: Decimal(str(found[name])) for name in said} == said
        members = {member["organisation_id"]: member for member in found["by_member"]}
        for house in HOUSES:
            member = members[str(self.world.organisations[house])]
            assert Decimal(str(member["days_entered"])) == self.model.taken(house=house)
            assert Decimal(str(member["days_allotted"])) == self.model.allotted[house]
        rows = await self.world.pool.fetch(
            "SELECT e.organisation_id, p.worked_on, p.days FROM person_days p"
            " JOIN (SELECT DISTINCT person_id, worked_on, organisation_id FROM time_entries WHERE territory = $1)"
            " e USING (person_id, worked_on)",
            self.world.territory,
        )
        names = {self.world.organisations[house]: house for house in HOUSES}
        for row in rows:
            house = names[row["organisation_id"]]
            assert row["days"] == self.model.taken(house=house, day=row["worked_on"])
        certified = await self.world.pool.fetchval(
            "SELECT coalesce(sum(days), 0) FROM service_certificates WHERE territory = $1", self.world.territory
        )
        assert certified == sum(self.model.certified.values())

    async def close(self) -> None:
        await self.compare_days(DAYS)

    async def compare_days(self, days: Sequence[date]) -> None:
        """At the end of each day every report says what the model says, and no more was entered than ordered."""
        for day in days:
            ordered, entered = self.model.ordered_by(day), self.model.entered_by(day)
            assert entered <= ordered, day
            found = ok(await self.world.operator.get(f"engineering?as_of={day}"))
            summary = ok(await self.world.operator.get(f"summary?as_of={day}"))
            for said in (found, summary):
                assert (Decimal(str(said["days_ordered"])), Decimal(str(said["days_entered"]))) == (ordered, entered)
            for part in ("by_member", "by_profile", "by_activity", "by_firm", "by_week"):
                for figure in ("days_entered", "days_validated", "days_certified", "days_draft"):
                    assert sum(row[figure] for row in found[part]) == found[figure], (day, part, figure)


async def life(world: World, chance: Chance) -> MissionLife:
    mission = await world.mission(days=12, lead=5, partner=6, starts_on="2023-12-01", ends_on="2024-12-31")
    for consultant in (mission.lead_consultant, mission.partner_consultant):
        ok(await world.operator.patch(f"consultants/{consultant}", {"from_on": "2023-01-01"}))
    await world.rates(mission, day_rate_cents=99_999)
    model = Model([(date(2023, 6, 1), Decimal(12))], {"lead": Decimal(5), "partner": Decimal(6)})
    return MissionLife(world, mission, model, chance)


def another(world: World) -> Callable[[Chance], Awaitable[MissionLife]]:
    """Lives in territories of their own."""

    async def new(chance: Chance) -> MissionLife:
        return await life(await World.create(world.http, world.pool), chance)

    return new


@pytest.mark.parametrize("seed", [*SEEDS, *MORE, FRESH])
async def test_a_random_life_agrees_with_the_model_after_every_step(app: Any, world: World, seed: int | str) -> None:
    chance = Chance(seed_of(seed))
    found = await life(world, chance)
    async with told(found, another(world)):
        for _ in range(STEPS):
            await found.step()
            await found.compare()
            await found.compare_days(chance.sample(DAYS, 2))
        if seed == FRESH:
            first, last = date(2023, 12, 1), date(2025, 2, 1)
            await found.compare_days([first + timedelta(days=n) for n in range((last - first).days)])
        assert await world.differences(app.state["engine"]) == []
    assert sum(count for name, count in found.seen.items() if name.endswith("refused")) > 3, found.seen
    assert sum(count for name, count in found.seen.items() if name.endswith("taken")) > 10, found.seen


@pytest.mark.parametrize("name", LIVES)
async def test_what_random_lives_have_found_stays_mended(app: Any, world: World, name: str) -> None:
    async def here(chance: Chance) -> MissionLife:
        return await life(world, chance)

    found = await relived(here, LIVES[name])
    assert await world.differences(app.state["engine"]) == []
    assert found.acts == LIVES[name]


@pytest.mark.parametrize("seed", [SEEDS[0], FRESH])
async def test_random_steps_at_the_same_instant_leave_balances_that_agree(
    app: Any, world: World, seed: int | str
) -> None:
    """The same steps over parallel connections: nothing is foreseen, but every balance is what its entries come to."""
    chance = Chance(seed_of(seed))
    found = await life(world, chance)
    found.agrees = _calm  # type: ignore[method-assign,assignment]  # there is no model to agree with
    for _ in range(max(3, STEPS // 15)):
        listed = ok(await world.operator.get("time-entries?limit=500"))["items"]
        found.model.entries = {
            e["id"]: Entry(
                "lead" if e["organisation_id"] == str(world.organisations["lead"]) else "partner",
                date.fromisoformat(e["worked_on"]),
                date.fromisoformat(e["counted_on"]),
                Decimal(str(e["days"])),
                e["status"],
                corrects=e["corrects_id"] or "",
            )
            for e in listed
        }
        steps = [found.enter, found.batch, found.act, found.act, found.many, found.edit, found.order, found.allot,
                 found.certify, found.correct]  # fmt: skip
        await asyncio.gather(*(chance.choice(steps)() for _ in range(14)))
        assert await world.differences(app.state["engine"]) == []


def _calm(answer: httpx2.Response, _fits: bool, _what: str) -> bool:
    assert answer.status_code in (200, 201, 204, 403, 404, 409), answer.text
    return False
