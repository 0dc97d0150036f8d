"""Ten words for ten amounts: each is what the envelope, the summary, grants, advances, claims and files say of it."""

import random
from collections import Counter
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from pydantic_core import from_json

from app.core import clock
from app.reports.totals import OF_THE_LEDGER, Of, totals
from tests.advances.amending import DECISION, Amending
from tests.applications.test_story import lived
from tests.awards.claims.acts import BASE, Claims
from tests.awards.recovering import Recovering
from tests.envelopes.acts import Acts
from tests.lives import FRESH, seed_of
from tests.world import World, ok, problem

WORDS = (
    "requested_cents", "recommended_cents", "awarded_cents", "committed_cents", "certified_cents", "paid_cents",
    "repaid_cents", "waived_cents", "released_cents", "recovered_cents", "remaining_to_pay_cents",
)  # fmt: skip
ACTS = 90


def words(told: dict[str, Any]) -> dict[str, Any]:
    return {name: told[name] for name in WORDS if name in told}


def added(parts: list[dict[str, Any]]) -> Counter[str]:
    total = Counter[str](dict.fromkeys(parts[0], 0))
    for each in parts:
        total.update(each)
    return total


class Life:
    """Random acts on the money of two firms; what is refused leaves everything as it was."""

    def __init__(self, recovering: Recovering, chance: random.Random, sirens: list[str]) -> None:
        self.recovering, self.acts, self.chance, self.sirens = recovering, recovering.acts, chance, sirens
        self.world = self.acts.world
        self.grants: list[Claims] = []
        self.advances: list[str] = []
        self.recoveries: list[str] = []
        self.claims: list[tuple[Claims, dict[str, Any]]] = []
        self.undone: list[str] = []
        self.taken: Counter[str] = Counter()

    @classmethod
    async def begin(cls, world: World, chance: random.Random) -> "Life":
        acts = await Acts.of(world, 700_000)
        for policy, organisation in (("recycle", "lead"), ("return", "partner")):
            ok(await acts.contribute(400_000, organisation=organisation, repayment_policy=policy), 201)
        return cls(await Recovering.of(acts), chance, [acts.firm, await world.followed_firm()])

    async def act(self) -> None:
        known = sorted(name.removeprefix("do_") for name in dir(self) if name.startswith("do_"))
        kind = self.chance.choice([*known, "pay", "pay", "claim", "settle", "tranche", "open_recovery", "receive"])
        answer: httpx2.Response | None = await getattr(self, f"do_{kind}")()
        if answer is not None:
            assert answer.status_code < 500, answer.text
            self.taken[kind] += answer.is_success

    def cents(self, most: int = 30_000) -> int:
        return self.chance.randrange(1, most)

    def one(self, among: list[Any]) -> Any:
        return self.chance.choice(among) if among else None

    async def do_grant(self) -> Any:
        self.acts.firm = self.one(self.sirens)
        answer = await self.acts.grant(self.cents(90_000), **BASE)
        if answer.is_success:
            self.grants.append(Claims(self.acts, answer.json()))
        return answer

    async def do_advance(self) -> Any:
        self.acts.firm = self.one(self.sirens)
        both = self.one(self.grants)
        same = {"decision_reference": both.award["decision_reference"], **BASE} if both and self.cents(3) == 1 else {}
        self.acts.firm = both.award["siren"] if same else self.acts.firm
        answer = await self.acts.advance(self.cents(90_000), **same)
        if answer.is_success:
            self.advances.append(answer.json()["id"])
        return answer

    async def do_pay(self) -> Any:
        if (of := self.one(self.grants)) is None:
            return None
        kind = self.chance.choice(["interim_payment", "interim_payment", "interim_payment", "balance_payment"])
        answer = await self.acts.pay(of.award["id"], self.cents(), kind=kind)
        if answer.is_success and self.cents(4) == 1:
            self.undone.append(f"grants/{of.award['id']}/payments/{answer.json()['id']}")
        return answer

    async def do_tranche(self) -> Any:
        advance = self.one(self.advances)
        return advance and await self.acts.tranche(advance, self.cents())

    async def do_repay(self) -> Any:
        if (advance := self.one(self.advances)) is None:
            return None
        answer = await self.acts.repay(advance, self.cents(5_000))
        if answer.is_success and self.cents(3) == 1:
            self.undone.append(f"advances/{advance}/repayments/{answer.json()['id']}")
        return answer

    async def do_undo(self) -> Any:
        place = self.one([*self.undone, *(f"grants/{each.award['id']}" for each in self.grants)])
        return place and await self.acts.reverse(place)

    async def do_release(self) -> Any:
        of = self.one(self.grants)
        return of and await self.acts.release(f"grants/{of.award['id']}")

    async def do_claim(self) -> Any:
        if (of := self.one(self.grants)) is None:
            return None
        answer = await of.submit(of.line(self.cents()))
        if answer.is_success:
            self.claims.append((of, answer.json()))
        return answer

    async def do_settle(self) -> Any:
        if (claim := self.one(self.claims)) is None:
            return None
        return await claim[0].settle(claim[1])

    async def do_reopen_claim(self) -> Any:
        claim = self.one(self.claims)
        return claim and await claim[0].act(claim[1], "reopen")

    async def do_open_recovery(self) -> Any:
        if (of := self.one(self.grants)) is None:
            return None
        answer = await self.recovering.open(of.award["id"], self.cents(4_000))
        if answer.is_success:
            path = f"grants/{of.award['id']}/recoveries/{answer.json()['id']}"
            await self.recovering.make_due(path)
            self.recoveries.append(path)
        return answer

    async def do_receive(self) -> Any:
        path = self.one(self.recoveries)
        return path and await self.recovering.receive(path, self.cents(4_000))

    async def do_waive(self) -> Any:
        path = self.one(self.recoveries)
        return path and await self.recovering.waive(path)

    # --- what others say ---

    async def every(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = ok(await self.world.auditor.get(f"{path}?limit=500"))["items"]
        return found


@pytest.mark.parametrize("seed", [3, FRESH])
async def test_each_word_is_the_same_wherever_it_is_said(world: World, seed: int | str) -> None:
    life = await Life.begin(world, random.Random(seed_of(seed)))
    for _ in range(ACTS):
        await life.act()
    get = world.auditor.get
    whole = ok(await get("totals"))
    # The envelope and the summary, whole and by contributor.
    envelope, summary = ok(await get("envelope")), ok(await get("summary"))
    for name in ("committed_cents", "paid_cents", "repaid_cents", "released_cents", "recovered_cents"):
        assert whole[name] == envelope[name] == summary[name], name
        said = {each["organisation_id"]: each[name] for each in envelope["by_contributor"]}
        assert {each["organisation_id"]: each[name] for each in whole["by_contributor"]}.items() <= said.items()
    # Grants, advances, claims and recoveries.
    grants, advances = await life.every("grants"), await life.every("advances")
    claims, recoveries = await life.every("claims"), await life.every("recoveries")
    stand = [each for each in (*grants, *advances) if each["status"] != "reversed"]
    assert words(whole) == {
        "requested_cents": 0,
        "recommended_cents": 0,
        "awarded_cents": sum(each["amount_cents"] for each in stand),
        "committed_cents": whole["remaining_to_pay_cents"],
        "certified_cents": sum(each["certified_cents"] for each in claims),
        "paid_cents": sum(each["paid_cents"] for each in grants) + sum(each["disbursed_cents"] for each in advances),
        "repaid_cents": sum(each["repaid_cents"] for each in advances),
        "waived_cents": sum(each["waived_cents"] for each in (*recoveries, *advances)),
        "released_cents": sum(each["released_cents"] for each in stand),
        "recovered_cents": sum(each["recovered_cents"] for each in grants),
        "remaining_to_pay_cents": sum(each["remaining_cents"] for each in stand),
    }
    # Firms and aids are parts of the whole, and so are contributors.
    firms = [ok(await get(f"totals?siren={siren}")) for siren in life.sirens]
    assert added([words(each) for each in firms]) == words(whole)
    assert added([{name: each[name] for name in OF_THE_LEDGER} for each in whole["by_contributor"]]) == {
        name: whole[name] for name in OF_THE_LEDGER
    }  # fmt: skip
    for siren, there in zip(life.sirens, firms, strict=True):
        everywhere = ok(await get(f"/v1/firms/{siren}/totals"))
        assert words(everywhere) == words(there)
        told = any(each["siren"] == siren for each in (*grants, *advances))  # of a firm without an aid there is none
        assert [words(each) for each in everywhere["by_territory"]] == ([words(there)] if told else [])
    aids = {each["aid_id"]: each["id"] for each in (*grants, *advances)}
    assert added([words(ok(await get(f"awards/{award}/totals"))) for award in aids.values()]) == words(whole)
    assert seed == FRESH or len(life.taken) > 8, life.taken  # what a fresh life draws is chance


async def test_what_is_waived_is_of_recoveries_and_of_advances(world: World) -> None:
    acts = await Acts.of(world, 500_00)
    failed = await Amending.of(acts, 400_00, kind="conditional")
    ok(await failed.act(await failed.found(), "decide", DECISION))
    grant = str(ok(await acts.grant(100_00), 201)["id"])
    ok(await acts.pay(grant, 80_00), 201)
    recovering = await Recovering.of(acts)
    path = await recovering.ordered(grant, 50_00)
    ok(await recovering.receive(path, 10_00), 201)
    ok(await recovering.waive(path))

    async def waived(path: str) -> Any:
        return ok(await world.auditor.get(path))["waived_cents"]

    assert await waived("envelope") == await waived(f"awards/{failed.id}/totals") == 400_00
    assert await waived(f"awards/{grant}/totals") == 40_00
    for path in ("totals", f"totals?siren={acts.firm}", f"/v1/firms/{acts.firm}/totals"):
        assert await waived(path) == 440_00
    day = DECISION["decided_on"]
    assert [await waived(f"totals?as_of={on}") for on in ("2023-10-02", day)] == [0, 440_00]
    assert await waived(f"totals?as_of={day}&recorded_as_of={clock.today() - timedelta(days=1)}") == 0


async def test_what_files_ask_and_reviews_recommend(world: World) -> None:
    taken, _ = await lived(world)
    path = f"awards/{taken['advance_id']}/totals"
    told = ok(await world.auditor.get(path))
    assert words(told) == {
        "requested_cents": 200_000_00, "recommended_cents": 1, "awarded_cents": 200_000_00,
        "committed_cents": 170_000_00, "certified_cents": 100_000_00, "paid_cents": 30_000_00, "repaid_cents": 0,
        "waived_cents": 0, "released_cents": 0, "recovered_cents": 4_000_00, "remaining_to_pay_cents": 170_000_00,
    }  # fmt: skip
    assert words(ok(await world.auditor.get("totals"))) == words(told)
    assert (told["grant_id"], told["advance_id"]) == (taken["grant_id"], taken["advance_id"])
    # By a day: what came later does not count yet.
    early = words(ok(await world.auditor.get(f"{path}?as_of=2024-05-20")))
    assert {name: early[name] for name in ("requested_cents", "awarded_cents", "committed_cents", "paid_cents")} == {
        "requested_cents": 200_000_00, "awarded_cents": 200_000_00, "committed_cents": 200_000_00, "paid_cents": 0,
    }  # fmt: skip
    assert set(words(ok(await world.auditor.get("totals?as_of=2024-01-14"))).values()) == {0}
    # A review is confidential; a past day knew nothing of all this, nor of the award.
    for address in (path, "totals", f"/v1/firms/{told['siren']}/totals"):
        hidden = ok(await world.clients["territory"].get(address))
        assert words(hidden) == {**words(told), "recommended_cents": None}
    then = ok(await world.auditor.get("totals?recorded_as_of=2024-01-01"))
    assert set(words(then).values()) == {0}
    problem(await world.auditor.get(f"{path}?recorded_as_of=2024-01-01"), 404, "not-found")
    problem(await world.auditor.get(f"awards/{taken['id']}/totals"), 404, "not-found")
    problem(await world.auditor.get("/v1/firms/320252489/totals"), 404, "not-found")


def rows_read(plan: dict[str, Any], table: str) -> int:
    """How many rows of a table a plan has read, kept or not."""
    read = sum(rows_read(each, table) for each in plan.get("Plans", ()))
    if plan.get("Relation Name") == table:
        read += int((plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"])
    return read


async def test_totals_of_a_territory_read_as_much_of_a_long_ledger_as_of_a_short_one(world: World) -> None:
    acts = await Acts.of(world, 1_000_000)
    statement = totals(Of.TERRITORY, known=False)
    told = {"territory": world.territory, "as_of": clock.today(), "reviewed": None}

    async def read() -> list[int]:
        async with world.pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL enable_seqscan = off")  # a table of a test is a page
            explain = f"EXPLAIN (ANALYZE, TIMING off, FORMAT json) {statement.sql}"
            plan = from_json(await connection.fetchval(explain, *statement.arguments(told)))[0]["Plan"]
        return [rows_read(plan, table) for table in ("ledger_entries", "account_days")]

    counts = []
    for number in (1, 20):
        grant = ok(await acts.grant(1_000), 201)["id"]
        for _ in range(number):
            ok(await acts.pay(grant, 10), 201)
        counts.append(await read())
    assert counts[0] == counts[1]
