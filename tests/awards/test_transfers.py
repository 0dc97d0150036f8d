"""An aid passes to another firm: who is paid, who claims, who is shown, before and after."""

import asyncio
from typing import Any

import asyncpg
import pytest

from tests.awards.claims.acts import Claims
from tests.awards.life import HASH, Life
from tests.awards.test_letters import act, drawn_up, sign
from tests.contract.cures import subject
from tests.envelopes.acts import Acts
from tests.grants.paying import AWARD, BASE, Paying
from tests.projects.acts import filed
from tests.world import World, ok, problem

ON = "2024-02-01"


class Passing:
    """A grant and an advance for a project of one firm, which another firm takes over."""

    def __init__(self, paying: Paying, life: Life, project: str, taker: str) -> None:
        self.paying, self.life, self.project, self.taker = paying, life, project, taker
        self.acts, self.world, self.giver = paying.acts, paying.world, paying.acts.firm

    @classmethod
    async def of(cls, world: World) -> "Passing":
        acts = await Paying.money(world, 2 * AWARD)
        second = await subject(world, "treasurer")
        project = (await filed(world, acts.firm))["id"]
        said = {"decision_reference": acts.reference(), "scheme": "rebond_industriel", "base_cents": BASE,
                "project_id": project}  # fmt: skip
        grant = ok(await acts.grant(AWARD, **said), 201)
        advance = ok(await acts.advance(AWARD, **said), 201)
        paying = cls.paying_of(acts, second, grant)
        await acts.payee()
        for kind in ("tax", "social"):
            await paying.certificate(kind)
        await paying.agree()
        ok(await (life := Life(acts, f"grants/{grant['id']}", f"advances/{advance['id']}")).act("start", START))
        return cls(paying, life, project, await world.add_firm("Repreneur"))

    @staticmethod
    def paying_of(acts: Acts, second: Any, grant: dict[str, Any]) -> Paying:
        return Paying(acts, second, grant["id"], grant["aid_id"])

    async def make_ready(self) -> None:
        """What the firm that takes the aid needs: it is followed, holds the project, and has approved bank details."""
        ok(await self.world.clients["territory"].put(f"firms/{self.taker}", {"stage": "identified"}))
        await self.hold(self.giver, self.taker)
        other = Acts(self.world, self.taker)
        await other.payee(2)

    async def hold(self, *sirens: str) -> None:
        holders = [{"kind": "firm", "siren": siren} for siren in sirens]
        headers = await self.acts.seen(f"projects/{self.project}")
        staff = self.world.clients["territory"]
        ok(await staff.patch(f"projects/{self.project}", {"holders": holders}, headers=headers))

    def change(self, **more: Any) -> dict[str, Any]:
        return {"kind": "holder", "siren": self.taker, "proof_sha256": HASH, **more}

    async def passed(self) -> dict[str, Any]:
        found: dict[str, Any] = ok(await self.life.decide(await self.life.asked(self.change())))
        return found


ACT = "(territory, aid_id, act, on_day, from_siren, to_siren)"
SAID = "territory, id, 'transfer', now(), firm_siren, $2"
START = {"started_on": "2023-12-04", "proof_sha256": HASH}


async def test_an_aid_passes_with_its_awards_and_payments_and_history_says_both(app: Any, world: World) -> None:
    passing = await Passing.of(world)
    paying, life, giver, taker = passing.paying, passing.life, passing.giver, passing.taker
    paid = await paying.paid(10, paid_on="2024-01-10")
    proposed, approved = await paying.proposed(20), await paying.approved(30)
    await passing.make_ready()
    before = ok(await world.auditor.get(f"totals?siren={giver}"))
    change = await passing.passed()
    [asked] = change["changes"]
    assert [asked[name] for name in ("siren", "firm_name", "former_siren", "former_firm_name")] == [
        taker, "Repreneur", giver, "Firm"
    ]  # fmt: skip
    for path in (life.grant, life.advance):
        said = await life.says(path)
        assert (said["siren"], said["firm_name"]) == (taker, "Repreneur")
        [act] = ok(await world.auditor.get(f"{path}/acts?act=transfer"))["items"]
        assert [act[name] for name in ("on", "from_siren", "to_siren", "to_firm_name", "document_sha256")] == [
            ON, giver, taker, "Repreneur", HASH
        ]  # fmt: skip
    for payment in (proposed, approved):
        said = await paying.read(payment)
        assert (said["status"], said["approved_by"], said["siren"]) == ("proposed", None, taker)
    assert (await paying.read(paid["id"]))["siren"] == giver  # who was paid
    problem(await paying.act(approved, "approve"), 409, "tax-certificate-expired")  # those of the firm that holds it
    paying.acts.firm = taker
    for kind in ("tax", "social"):
        await paying.certificate(kind)
    ok(await paying.act(approved, "approve"))
    # On a day of before, and as it was known, the aid is the first firm's; since then it is the other's.
    for as_of, held in ((ON, (0, 2 * AWARD)), ("2024-01-31", (2 * AWARD, 0))):
        found = [ok(await world.auditor.get(f"totals?siren={siren}&as_of={as_of}")) for siren in (giver, taker)]
        assert tuple(each["awarded_cents"] for each in found) == held
    assert before["awarded_cents"] == 2 * AWARD
    stages = [ok(await world.auditor.get(f"firms/{siren}"))["stage"] for siren in (giver, taker)]
    assert stages == ["identified", "supported"]
    await passing.hold(taker)  # the first firm can leave the project now
    assert await world.differences(app.state["engine"]) == []


async def test_an_aid_passes_only_to_a_firm_that_can_be_paid(world: World) -> None:
    passing = await Passing.of(world)
    life, taker = passing.life, passing.taker
    problem(await life.ask(passing.change(siren=passing.giver)), 409, "already-holder")
    problem(await life.ask(passing.change(siren="552100554")), 404, "reference-not-found")
    for fault in ({"proof_sha256": None}, {"siren": None}):
        [error] = problem(await life.ask(passing.change(**fault)), 422, "validation-failed")["errors"]
        assert error["code"] == "fields_of_change"
    path = await life.asked(passing.change())
    problem(await life.decide(path), 409, "bank-details-unapproved")
    ok(await world.clients["territory"].put(f"firms/{taker}", {"stage": "identified"}))
    other = Acts(world, taker)
    await other.payee(2)
    problem(await life.decide(path), 409, "project-of-another-firm")
    await passing.hold(passing.giver, taker)
    sent = await passing.paying.sent(10)
    problem(await life.decide(path), 409, "payments-in-flight")
    ok(await passing.paying.act(sent, "record", {"paid_on": "2024-01-10"}))
    proceeding = await other.proceedings("liquidation")
    refused = problem(await life.decide(path), 409, "proceedings-open")
    assert "override" not in refused["detail"]
    address = f"/v1/firms/{taker}/proceedings/{proceeding['id']}"
    ok(await world.operator.patch(address, {"closed_on": "2024-01-15"}, headers={"If-Match": "*"}))
    stale = await life.asked(passing.change())
    answers = await asyncio.gather(life.decide(path), life.decide(stale))
    assert sorted(each.status_code for each in answers) == [200, 409]
    refused = next(each for each in answers if each.status_code == 409).json()
    assert (refused["type"], refused["siren"]) == ("/problems/holder-changed", taker)


async def test_a_letter_to_the_firm_before_is_withdrawn_with_the_transfer(world: World) -> None:
    """Also one that is signed: it would be notified to the wrong firm. What is notified stays, and new ones name it."""
    passing = await Passing.of(world)
    life = passing.life
    notified = await drawn_up(life)
    ok(await sign(life, notified))
    ok(await act(life, notified, "notify", notified_on="2023-12-05"))
    signed, waiting = await drawn_up(life), await drawn_up(life, "agreement")
    ok(await sign(life, signed))
    await passing.make_ready()
    await passing.passed()
    for letter in (signed, waiting):
        said = await life.says(letter)
        assert (said["status"], said["end_reason"], said["content"]["siren"]) == (
            "withdrawn", "Things change.", passing.giver,
        )  # fmt: skip
        assert [each["type"] for each in await world.events(said["id"])][-1] == "letter.withdrawn"
    problem(await sign(life, waiting, signed_by_firm_on="2024-02-02"), 409, "letter-transition")
    problem(await act(life, signed, "notify", notified_on="2024-02-02"), 409, "letter-transition")
    assert (await life.says(notified))["status"] == "notified"
    with pytest.raises(asyncpg.CheckViolationError) as error:
        await world.pool.execute(
            "UPDATE letters SET status = 'notified', notified_on = '2024-03-01', end_reason = NULL WHERE id = $1",
            signed.rpartition("/")[2],
        )
    assert error.value.constraint_name == "letter_to_the_firm_before"
    other = await life.says(await drawn_up(life, "agreement"))
    assert other["content"]["siren"] == passing.taker


async def test_no_invoice_of_an_aid_counts_for_two_firms_that_held_it(world: World) -> None:
    passing = await Passing.of(world)
    claims = Claims(passing.acts, await passing.life.says())
    line = claims.line(100)
    ok(await claims.settle(await claims.submitted(line)))
    await passing.make_ready()
    third = await world.followed_firm()
    ok(await passing.acts.contribute(1_000_000), 201)
    mine = {firm: await Claims.of(world, firm=firm, acts=Acts(world, firm, 10**9 + number))
            for number, firm in enumerate((passing.giver, passing.taker, third))}  # fmt: skip
    twice = {**line, "line_id": mine[passing.taker].line_id}
    double = await mine[passing.taker].submitted(twice)  # it is another firm's as long as the aid has not passed
    path = await passing.life.asked(passing.change())
    refused = problem(await passing.life.decide(path), 409, "invoice-already-claimed")
    assert refused["claim_id"] == double["id"]
    ok(await mine[passing.taker].act(double, "withdraw"))
    ok(await passing.life.decide(path))
    for firm in (passing.giver, passing.taker):
        problem(await mine[firm].submit({**line, "line_id": mine[firm].line_id}), 409, "invoice-already-claimed")
    ok(await mine[third].submit({**line, "line_id": mine[third].line_id}), 201)
    problem(await claims.submit(line), 409, "invoice-already-claimed")
    # Nor by SQL, which asks nobody.
    aid = "SELECT aid_id FROM grants WHERE id = $1"
    async with world.pool.acquire() as connection:
        claim = await mine[passing.taker].submitted()
        copy = (
            "INSERT INTO claim_lines (claim_id, position, territory, aid_id, firm_siren, line_id, invoice_number,"
            " supplier_siren, invoiced_on, paid_on, declared_cents) SELECT $1, 9, c.territory, c.aid_id, c.firm_siren,"
            " $2, $3, $4, '2024-03-11', '2024-03-11', 1 FROM claims c WHERE c.id = $1"
        )
        with pytest.raises(asyncpg.CheckViolationError) as error:
            await connection.execute(
                copy, claim["id"], mine[passing.taker].line_id, line["invoice_number"], line["supplier_siren"]
            )
        assert error.value.constraint_name == "invoice_already_claimed"
        for statement in (
            f"UPDATE aids SET firm_siren = $2 WHERE id = ({aid})",
            "UPDATE grants SET firm_siren = $2 WHERE id = $1",
            f"INSERT INTO aid_acts {ACT} SELECT {SAID} FROM aids WHERE id = ({aid})",
        ):
            with pytest.raises(asyncpg.CheckViolationError) as error:
                await connection.execute(statement, passing.paying.grant, passing.giver)
            assert error.value.constraint_name == "held_by_transfer"
