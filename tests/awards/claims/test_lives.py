"""The life of a claim: submitted, changed, sampled, settled by somebody else, reopened, withdrawn; parked and back."""

import asyncio
from typing import Any

import pytest

from tests.awards.claims.acts import Claims
from tests.envelopes.test_limits import answers
from tests.world import World, fresh_siren, ok, problem


@pytest.fixture
async def claims(world: World) -> Claims:
    return await Claims.of(world)


async def test_what_is_declared_is_certified_deducted_and_parked(claims: Claims, world: World) -> None:
    lines = [claims.line(30_000), claims.line(20_000, supplier_siren=None, supplier_name="Müller GmbH")]
    claim = await claims.submitted(*lines, external_id="DP-1")
    assert (claim["number"], claim["status"], claim["declared_cents"], claim["certified_cents"]) == (
        1, "submitted", 50_000, 0,
    )  # fmt: skip
    assert (claim["grant_id"], claim["advance_id"]) == (claims.award["id"], None)
    assert await claims.certified() == (0, 0, 1)
    verdicts = (
        {"certified_cents": 25_000, "not_eligible_cents": 5_000},
        {"certified_cents": 1, "parked_cents": 19_999},
    )
    problem(await claims.settle(claim, {"certified_cents": 29_999}, verdicts[1]), 409, "settlement-unbalanced")
    settled = ok(await claims.settle(claim, *verdicts, visited_on="2024-05-14", settled_on="2024-05-15",
                                     checklist=[{"item": "Machine seen", "met": True}]))  # fmt: skip
    told = ("status", "certified_cents", "deducted_cents", "parked_cents", "settled_on", "visited_on")
    assert [settled[name] for name in told] == ["settled", 25_001, 5_000, 19_999, "2024-05-15", "2024-05-14"]
    assert settled["checklist"] == [{"item": "Machine seen", "met": True, "note": None}]
    assert await claims.certified() == (25_001, 25_001, 0)
    award = ok(await world.auditor.get(f"grants/{claims.award['id']}"))
    assert award["lines"][0]["certified_cents"] == 25_001
    problem(await claims.settle(claim, *verdicts), 409, "claim-transition")
    reopened = ok(await claims.act(claim, "reopen"))
    assert (reopened["status"], reopened["certified_cents"], reopened["reopen_reason"]) == ("submitted", 0, "Mistaken.")
    assert await claims.certified() == (0, 0, 1)
    ok(await claims.settle(claim))
    assert await claims.certified() == (50_000, 50_000, 0)
    problem(await claims.act(claim, "withdraw"), 409, "claim-transition")


async def test_a_line_counts_up_to_its_amount_and_the_rest_is_told(claims: Claims) -> None:
    first = await claims.submitted(claims.line(99_000))
    second = await claims.submitted(claims.line(1_500), claims.line(10))
    ok(await claims.settle(first))
    settled = ok(await claims.settle(second))
    assert [(line["certified_cents"], line["over_line_cents"]) for line in settled["lines"]] == [(1_000, 500), (0, 10)]
    assert (settled["over_line_cents"], settled["deducted_cents"]) == (510, 510)
    assert await claims.certified() == (100_000, 100_000, 0)
    again = await claims.submitted({**claims.line(10), "invoice_number": second["lines"][1]["invoice_number"]})
    ok(await claims.act(first, "reopen"))  # the line has room again
    ok(await claims.settle(again))
    assert await claims.certified() == (1_010, 1_010, 1)


async def test_what_is_parked_returns_once_in_a_later_claim(claims: Claims) -> None:
    line = claims.line(10_000)
    first = await claims.submitted(line)
    ok(await claims.settle(first, {"certified_cents": 6_000, "parked_cents": 4_000}))
    told = problem(await claims.submit({**line, "amount_excl_vat_cents": 4_001}), 409, "above-parked")
    assert (told["parked_cents"], told["errors"][0]["pointer"]) == (4_000, "/lines/0/amount_excl_vat_cents")
    back = {**line, "amount_excl_vat_cents": 4_000, "invoice_number": line["invoice_number"].lower() + " "}
    second = await claims.submitted(back)
    assert second["lines"][0]["returns_id"] == first["lines"][0]["id"]
    problem(await claims.submit(back), 409, "invoice-already-claimed")
    assert problem(await claims.act(first, "reopen"), 409, "parked-line-returned")["number"] == 2
    ok(await claims.settle(second, {"certified_cents": 1_000, "parked_cents": 3_000}))
    third = await claims.submitted({**back, "amount_excl_vat_cents": 3_000})
    assert third["lines"][0]["returns_id"] == second["lines"][0]["id"]
    ok(await claims.settle(third))
    assert await claims.certified() == (10_000, 10_000, 0)
    for claim in (third, second):
        ok(await claims.act(claim, "reopen"))
        ok(await claims.act(claim, "withdraw"))
    ok(await claims.act(first, "reopen"))
    assert await claims.certified() == (0, 0, 1)


async def test_a_claim_is_changed_until_it_is_settled_or_sampled(claims: Claims, world: World) -> None:
    line = claims.line(10_000)
    claim = await claims.submitted(line)
    staff, path = world.clients["territory"], f"{claims.path}/{claim['id']}"
    problem(await staff.patch(path, {"external_id": "DP-2"}), 428, "if-match-missing")
    same = ok(await claims.change(claim, lines=[line]))
    assert same["version"] == claim["version"]
    changed = ok(await claims.change(claim, lines=[{**line, "amount_excl_vat_cents": 9_000}, claims.line()]))
    assert (changed["declared_cents"], changed["version"]) == (19_000, 2)
    assert problem(await claims.act(claim, "sample", method="random", size=3), 422, "validation-failed")["errors"][0][
        "code"
    ] == "sample_too_large"  # fmt: skip
    drawn = ok(await claims.act(claim, "sample", method="random", size=1))
    assert [line["sampled"] for line in drawn["lines"]].count(True) == 1
    assert (drawn["sample_method"], drawn["sample_size"], len(drawn["sample_seed"])) == ("random", 1, 16)
    problem(await claims.act(claim, "sample", method="random", size=1), 409, "sample-drawn")
    problem(await claims.change(claim, lines=[line]), 409, "sample-drawn")
    looked_at = next(line for line in drawn["lines"] if line["sampled"])
    refused = problem(await claims.act(claim, "settle", lines=[]), 422, "validation-failed")["errors"][0]
    assert (refused["code"], refused["positions"]) == ("missing_verdict", [looked_at["position"]])
    verdict = {"id": looked_at["id"], "certified_cents": 0, "no_proof_cents": looked_at["amount_excl_vat_cents"]}
    settled = ok(await claims.act(claim, "settle", lines=[verdict]))
    assert settled["certified_cents"] == 19_000 - looked_at["amount_excl_vat_cents"]


async def test_who_wrote_a_claim_neither_samples_nor_settles_it(claims: Claims, world: World) -> None:
    claim = await claims.submitted(by=world.funder)
    problem(await claims.act(claim, "sample", method="random", size=1), 403, "separation-of-duties")
    problem(await claims.settle(claim), 403, "separation-of-duties")
    another = await claims.submitted()
    path = f"{claims.path}/{another['id']}"
    ok(await world.funder.patch(path, {"external_id": "DP-9"}, headers={"If-Match": "*"}))
    problem(await claims.settle(another), 403, "separation-of-duties")
    waiting = ok(await world.funder.get("/v1/me/to-do"))["items"]
    assert not [item for item in waiting if item["kind"] == "claims_to_settle"]
    third = await claims.submitted()
    [item] = [i for i in ok(await world.funder.get("/v1/me/to-do"))["items"] if i["kind"] == "claims_to_settle"]
    assert [each["id"] for each in ok(await world.funder.get(item["link"]))["items"]] == [third["id"]]
    problem(await claims.act(third, "settle", by=world.clients["territory"], lines=[]), 403, "forbidden")


async def test_a_grant_and_an_advance_of_one_decision_have_the_same_claims(claims: Claims, world: World) -> None:
    decision = {name: claims.award[name] for name in ("decision_reference", "scheme", "base_cents")}
    advance = Claims(claims.acts, ok(await claims.acts.advance(40_000, **decision), 201), "advances")
    assert advance.line_id == claims.line_id
    claim = await advance.submitted(advance.line(30_000))
    assert (claim["grant_id"], claim["advance_id"]) == (claims.award["id"], advance.award["id"])
    assert await claims.read(claim) == await advance.read(claim)
    ok(await claims.settle(claim))
    for each in (claims, advance):
        path = each.path.removesuffix("/claims")
        assert ok(await world.auditor.get(path))["lines"][0]["certified_cents"] == 30_000
        assert [found["id"] for found in ok(await world.auditor.get(each.path))["items"]] == [claim["id"]]
    problem(await world.auditor.get(f"grants/{advance.award['id']}/claims"), 404, "not-found")


async def test_of_an_award_that_has_ended_unpaid_nothing_is_claimed_and_its_invoices_are_free(
    claims: Claims, world: World
) -> None:
    settled, waiting = await claims.submitted(), await claims.submitted()
    ok(await claims.settle(settled))
    ok(await claims.acts.release(f"grants/{claims.award['id']}"))
    for refused in (await claims.submit(), await claims.settle(waiting), await claims.change(waiting, external_id="X")):
        problem(refused, 409, "award-ended")
    assert not [each for each in ok(await world.funder.get("/v1/me/to-do"))["items"] if "claims" in each["kind"]]
    ok(await claims.act(settled, "reopen"))
    other = await Claims.of(world, acts=claims.acts)
    for claim in (settled, waiting):
        line = {**claim["lines"][0], "line_id": other.line_id}
        again = {name: line[name] for name in other.line()}
        problem(await other.submit(again), 409, "invoice-already-claimed")
        ok(await claims.act(claim, "withdraw"))
        ok(await other.submit(again), 201)


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        ({"paid_on": None}, 422, "invalid_day"),
        ({"paid_on": "2199-01-01"}, 422, "future_day"),
        ({"supplier_siren": None}, 422, "supplier_missing"),
        ({"invoice_number": "—"}, 422, "no_letter_or_digit"),
        ({"line_id": "019a9f5e-0000-7000-8000-000000000000"}, 404, "not_found"),
    ],
)
async def test_a_wrong_line_is_told_at_its_place(claims: Claims, line: dict[str, Any], status: int, code: str) -> None:
    refused = (await claims.submit(claims.line(), claims.line(**line))).json()
    assert (refused["status"], [error["code"] for error in refused["errors"]]) == (status, [code])
    assert refused["errors"][0]["pointer"].startswith("/lines/1")


async def test_an_invoice_twice_in_one_claim_is_refused_at_its_place(claims: Claims) -> None:
    line = claims.line(supplier_name="Dupont")
    again = {
        **line,
        "supplier_siren": None,
        "supplier_name": "DUPONT SAS",
        "invoice_number": f" {line['invoice_number']}/",
    }
    [error] = problem(await claims.submit(line, again), 422, "validation-failed")["errors"]
    assert (error["pointer"], error["code"], error["first"]) == ("/lines/1/invoice_number", "repeated_invoice", 1)


async def test_an_invoice_by_a_bare_name_is_the_one_of_an_unknown_siren(claims: Claims, world: World) -> None:
    """Nobody has told the name of the SIREN: number and day tell, and with two names the amount too."""
    siren = fresh_siren()
    named = claims.line(9_000, supplier_siren=None, supplier_name="Ateliers Réunis")
    standing = await claims.submitted(named)
    by_siren = {**named, "supplier_siren": siren, "supplier_name": None, "amount_excl_vat_cents": 8_000}
    assert problem(await claims.submit(by_siren), 409, "invoice-already-claimed")["claim_id"] == standing["id"]
    problem(await claims.submit({**named, "supplier_siren": siren, "supplier_name": "A. R. Industrie"}),
            409, "invoice-already-claimed")  # fmt: skip
    # Two suppliers can have one number on one day: a name and another amount tell them apart.
    another = ok(await claims.submit({**by_siren, "supplier_name": "A. R. Industrie"}), 201)
    ok(await claims.act(another, "withdraw"))
    # The other way round: the SIREN first, then the name that the register learns later.
    ok(await claims.act(standing, "withdraw"))
    ok(await claims.submit(by_siren), 201)
    problem(await claims.submit(named), 409, "invoice-already-claimed")
    # A line that was settled as nothing does not stand again beside the one that has come in its place.
    first = await claims.submitted(claims.line(500, supplier_siren=None, supplier_name="Petit"))
    ok(await claims.settle(first, {"certified_cents": 0, "no_proof_cents": 500}))
    again = {name: first["lines"][0][name] for name in claims.line()} | {"supplier_siren": siren}
    ok(await claims.submit(again), 201)
    problem(await claims.act(first, "reopen"), 409, "invoice-already-claimed")


async def test_an_invoice_stands_on_several_lines_up_to_its_amount(world: World) -> None:
    acts = (await Claims.of(world)).acts
    claims, other = [await Claims.of(world, acts=acts) for _ in range(2)]
    line = claims.line(600, invoice_amount_excl_vat_cents=1_000, paid_on="2024-04-30")
    later = {**line, "paid_on": "2024-05-31"}
    problem(await claims.submit({**line, "amount_excl_vat_cents": 1_001}), 422, "validation-failed")
    told = problem(await claims.submit(line, {**line, "amount_excl_vat_cents": 400}), 422, "validation-failed")
    assert told["errors"][0]["code"] == "repeated_invoice"
    problem(await claims.submit(line, {**later, "amount_excl_vat_cents": 401}), 409, "invoice-exceeded")
    first = await claims.submitted(line, {**later, "amount_excl_vat_cents": 100})
    elsewhere = {**line, "line_id": other.line_id, "amount_excl_vat_cents": 301}
    told = problem(await other.submit(elsewhere), 409, "invoice-exceeded")
    assert (told["left_cents"], told["errors"][0]["pointer"]) == (300, "/lines/0/amount_excl_vat_cents")
    for wrong in (
        {**elsewhere, "amount_excl_vat_cents": 1, "invoice_amount_excl_vat_cents": None},
        {**elsewhere, "amount_excl_vat_cents": 1, "invoice_amount_excl_vat_cents": 2_000},
        {**line, "amount_excl_vat_cents": 1},  # the same part of the same line
    ):
        problem(await (claims if wrong["line_id"] == claims.line_id else other).submit(wrong),
                409, "invoice-already-claimed")  # fmt: skip
    tries = [other.submit({**elsewhere, "amount_excl_vat_cents": 300, "paid_on": f"2024-06-{day:02}"})
             for day in range(1, 21)]  # fmt: skip
    assert answers(await asyncio.gather(*tries)) == {"201": 1, "invoice-already-claimed": 19}
    ok(await claims.settle(first, {"certified_cents": 600}, {"certified_cents": 0, "not_eligible_cents": 100}))
    problem(await other.submit({**elsewhere, "amount_excl_vat_cents": 101}), 409, "invoice-exceeded")
    ok(await other.submit({**elsewhere, "amount_excl_vat_cents": 100}), 201)
    problem(await claims.act(first, "reopen"), 409, "invoice-exceeded")
    assert await claims.certified() == (600, 600, 0)
    # Of two parts one may fall and stand again beside the other.
    fallen = await claims.submitted(line := claims.line(600, invoice_amount_excl_vat_cents=1_000))
    ok(await claims.settle(fallen, {"certified_cents": 0, "no_proof_cents": 600}))
    ok(await claims.submit({**line, "paid_on": "2024-05-31", "amount_excl_vat_cents": 400}), 201)
    ok(await claims.act(fallen, "reopen"))


async def test_a_credit_note_lowers_what_counts_of_its_invoice(claims: Claims, world: World) -> None:
    line = claims.line(10_000)
    claim = await claims.submitted(line)
    note = claims.line(-4_000, lowers_invoice_number=line["invoice_number"].lower(), paid_on="2024-06-30")
    for wrong in ({"lowers_invoice_number": None}, {"amount_excl_vat_cents": 4_000}, {"amount_excl_vat_cents": 0},
                  {"invoice_amount_excl_vat_cents": 4_000}):  # fmt: skip
        problem(await claims.submit({**note, **wrong}), 422, "validation-failed")
    for another in ({"lowers_invoice_number": "F-0"}, {"supplier_siren": fresh_siren()}):
        [error] = problem(await claims.submit({**note, **another}), 422, "validation-failed")["errors"]
        assert (error["pointer"], error["code"]) == ("/lines/0/lowers_invoice_number", "lowered_invoice_missing")
    problem(await claims.submit({**note, "amount_excl_vat_cents": -10_001}), 409, "credit-above-invoice")
    credited = await claims.submitted(note)
    problem(await claims.submit(note), 409, "invoice-already-claimed")
    rest = claims.line(-6_001, lowers_invoice_number=line["invoice_number"])
    problem(await claims.submit(rest), 409, "credit-above-invoice")
    problem(await claims.act(claim, "withdraw"), 409, "credit-above-invoice")
    problem(await claims.settle(credited), 409, "credit-above-invoice")  # nothing of the invoice is certified yet
    ok(await claims.settle(claim, {"certified_cents": 9_000, "not_eligible_cents": 1_000}))
    for verdict in ({"certified_cents": -5_000, "double_cents": 1_000}, {"certified_cents": 0, "parked_cents": 0}):
        refused = (await claims.settle(credited, verdict)).json()
        assert refused["type"] in ("/problems/validation-failed", "/problems/settlement-unbalanced")
    settled = ok(await claims.settle(credited, {"certified_cents": -3_500, "not_eligible_cents": -500}))
    assert [settled[name] for name in ("declared_cents", "certified_cents", "deducted_cents")] == [-4_000, -3_500, -500]
    assert await claims.certified() == (5_500, 5_500, 0)
    assert ok(await world.auditor.get(f"grants/{claims.award['id']}"))["lines"][0]["certified_cents"] == 5_500
    problem(await claims.act(claim, "reopen"), 409, "credit-above-invoice")
    for each in (credited, claim):
        ok(await claims.act(each, "reopen"))
        ok(await claims.act(each, "withdraw"))
    both = await claims.submitted({**note, "amount_excl_vat_cents": -10_000}, line)  # in any order, down to nothing
    ok(await claims.settle(both))
    assert await claims.certified() == (0, 0, 0)


async def test_events_tell_no_supplier(claims: Claims, world: World) -> None:
    claim = await claims.submitted(claims.line(supplier_siren=None, supplier_name="Jeanne Martin"))
    ok(await claims.settle(claim))
    events = await world.pool.fetch(
        "SELECT type, data FROM events WHERE resource_type = 'claim' AND resource_id = $1 ORDER BY sequence",
        claim["id"],
    )
    assert [event["type"] for event in events] == ["claim.submitted", "claim.settled"]
    assert all("Martin" not in event["data"] and '"lines"' not in event["data"] for event in events)
