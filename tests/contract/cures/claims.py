"""The cures of what refuses a claim, or its settlement."""

from typing import Any

from tests.awards.claims.acts import BASE, Claims
from tests.contract.cures import NOBODY, Case, subject, walk, word
from tests.contract.cures.awards import award, pre_selected
from tests.contract.cures.money import acts_of
from tests.world import ok


def of_claims(*verbs: str) -> tuple[str, ...]:
    """The acts on claims, below a grant and below an advance."""
    return tuple(f"{verb}_{noun}_claim" for verb in verbs for noun in ("grant", "advance"))


def kind_of(case: Case) -> str:
    return "grants" if "_grant_" in case.act else "advances"


async def claims_of(case: Case, **more: Any) -> Claims:
    """Claims of an award of the kind that the act is about."""
    return await Claims.of(case.world, kind_of(case), acts=await acts_of(case), **more)


async def declare(case: Case, claims: Claims, line: dict[str, Any]) -> Any:
    """Declare an invoice by the act: in a new claim, or in one that is there."""
    if case.act.startswith("submit"):
        return await claims.submit(line)
    return await claims.change(await claims.submitted(), lines=[line])


DECLARING = of_claims("submit", "update")


@walk("award-without-lines", *of_claims("submit"))
async def award_without_lines(case: Case) -> None:
    claims = await claims_of(case, scheme=None, base_cents=None)
    case.refused(await claims.submit(claims.line(line_id=NOBODY)))
    case.cured(await (await claims_of(case, **BASE)).submit())


@walk("invoice-already-claimed", *DECLARING)
async def invoice_already_claimed(case: Case) -> None:
    claims = await claims_of(case)
    line = claims.line(supplier_name="Dupont")
    standing = await claims.submitted(line)
    again = {**line, "invoice_number": line["invoice_number"].replace("-", " ")}
    told = case.refused(await declare(case, claims, again))
    assert told["claim_id"] == standing["id"]
    assert told[f"{kind_of(case)[:-1]}_id"] == claims.award["id"]
    case.cured(await declare(case, claims, claims.line()))
    ok(await claims.settle(standing, {"certified_cents": 0, "no_proof_cents": 10_000}))
    second = case.cured(await declare(case, claims, again))
    case.refused(await declare(case, claims, again))
    ok(await claims.act(second, "withdraw"))
    case.cured(await declare(case, claims, again))


@walk("invoice-already-claimed", *of_claims("reopen"))
async def invoice_claimed_meanwhile(case: Case) -> None:
    claims = await claims_of(case)
    line = claims.line()
    first = await claims.submitted(line)
    ok(await claims.settle(first, {"certified_cents": 0, "no_proof_cents": 10_000}))
    second = await claims.submitted(line)
    case.refused(await claims.act(first, "reopen"))
    ok(await claims.act(second, "withdraw"))
    case.cured(await claims.act(first, "reopen"))


@walk("invoice-exceeded", *DECLARING, *of_claims("reopen"))
async def invoice_exceeded(case: Case) -> None:
    claims = await claims_of(case)
    first = await claims.submitted(line := claims.line(600, invoice_amount_excl_vat_cents=1_000))
    later = {**line, "paid_on": "2024-05-31", "amount_excl_vat_cents": 1_000}
    if case.act.startswith("reopen"):
        ok(await claims.settle(first, {"certified_cents": 0, "no_proof_cents": 600}))
        second = await claims.submitted(later)
        case.refused(await claims.act(first, "reopen"))
        ok(await claims.act(second, "withdraw"))
        case.cured(await claims.act(first, "reopen"))
        return
    left = case.refused(await declare(case, claims, later))["left_cents"]
    case.cured(await declare(case, claims, {**later, "amount_excl_vat_cents": left}))


@walk("credit-above-invoice", *DECLARING, *of_claims("settle", "reopen", "withdraw"))
async def credit_above_invoice(case: Case) -> None:
    claims = await claims_of(case)
    claim = await claims.submitted(line := claims.line(600))
    note = claims.line(-600, lowers_invoice_number=line["invoice_number"])
    if case.act.startswith(("submit", "update")):
        case.refused(await declare(case, claims, {**note, "amount_excl_vat_cents": -601}))
        case.cured(await declare(case, claims, note))
        return
    credited = await claims.submitted(note)
    if case.act.startswith("withdraw"):
        case.refused(await claims.act(claim, "withdraw"))
        ok(await claims.act(credited, "withdraw"))
        case.cured(await claims.act(claim, "withdraw"))
        return
    if case.act.startswith("settle"):
        case.refused(await claims.settle(credited))
    ok(await claims.settle(claim, {"certified_cents": 500, "no_proof_cents": 100}))
    if case.act.startswith("settle"):
        case.refused(await claims.settle(credited))
    verdict = {"certified_cents": -500, "no_proof_cents": -100}
    settled = await claims.settle(credited, verdict)
    if case.act.startswith("settle"):
        case.cured(settled)
        return
    case.refused(await claims.act(claim, "reopen"))
    ok(await claims.act(credited, "reopen"))
    ok(await claims.act(credited, "withdraw"))
    case.cured(await claims.act(claim, "reopen"))


@walk("above-parked", *DECLARING)
async def above_parked(case: Case) -> None:
    claims = await claims_of(case)
    line = claims.line()
    ok(await claims.settle(await claims.submitted(line), {"certified_cents": 1, "parked_cents": 9_999}))
    most = case.refused(await declare(case, claims, line))["parked_cents"]
    case.cured(await declare(case, claims, {**line, "amount_excl_vat_cents": most}))


@walk("expense-before-receipt", *DECLARING)
async def expense_before_receipt(case: Case) -> None:
    file, funder = await pre_selected(case)
    giving = Case(case.code, f"award_{kind_of(case)[:-1]}", case.world, case.directory)
    made = ok(await award(giving, funder, file), 201)
    claims = Claims(await acts_of(case), made, kind_of(case))
    told = case.refused(await declare(case, claims, claims.line(invoiced_on="2024-01-14")))
    assert (told["received_on"], told["errors"][0]["pointer"]) == ("2024-01-15", "/lines/0")
    case.refused(await declare(case, claims, claims.line(paid_on="2024-01-14")))
    case.cured(await declare(case, claims, claims.line(invoiced_on=told["received_on"])))


async def complete(claims: Claims, day: str) -> Any:
    """The project was started, and it is completed on this day."""
    path, funder, match = claims.path.removesuffix("/claims"), claims.world.funder, {"If-Match": "*"}
    ok(await funder.post(f"{path}/start", {"started_on": "2024-01-15", "proof_sha256": "0" * 64}, headers=match))
    facts = {"completed_on": day, "declared_on": day, "final_cost_cents": 1, "public_aid": []}
    return await funder.post(f"{path}/completion", facts, headers=match)


async def completed(claims: Claims, day: str) -> None:
    ok(await complete(claims, day))


@walk("expense-after-completion", "complete_grant", "complete_advance")
async def expense_certified_after_the_completion(case: Case) -> None:
    kind = case.act.removeprefix("complete_") + "s"
    claims = await Claims.of(case.world, kind, acts=await acts_of(case))
    claim = await claims.submitted(claims.line(invoiced_on="2024-04-01"))
    ok(await claims.settle(claim))
    case.refused(await complete(claims, "2024-03-31"))
    ok(await claims.act(claim, "reopen"))
    ok(await claims.settle(claim, {"certified_cents": 0, "out_of_period_cents": 10_000}))
    case.cured(await complete(claims, "2024-03-31"))


@walk("expense-after-completion", *DECLARING, *of_claims("settle"))
async def expense_after_completion(case: Case) -> None:
    claims = await claims_of(case)
    late = claims.line(invoiced_on="2024-04-01")
    if case.act.startswith("settle"):
        claim = await claims.submitted(late)
        await completed(claims, "2024-03-31")
        case.refused(await claims.settle(claim))
        case.cured(await claims.settle(claim, {"certified_cents": 0, "out_of_period_cents": 10_000}))
        return
    await completed(claims, "2024-03-31")
    told = case.refused(await declare(case, claims, late))
    case.cured(await declare(case, claims, {**late, "invoiced_on": told["completed_on"]}))


@walk("already-exists", *DECLARING)
async def already_exists(case: Case) -> None:
    claims = await claims_of(case)
    name = word()
    standing = await claims.submitted(external_id=name)

    async def called(name: str) -> Any:
        if case.act.startswith("submit"):
            return await claims.submit(external_id=name)
        return await claims.change(await claims.submitted(), external_id=name)

    told = case.refused(await called(name))
    assert [error["pointer"] for error in told["errors"]] == ["/external_id"]
    case.cured(await called(word()))
    ok(await claims.act(standing, "withdraw"))
    case.cured(await called(name))


@walk("reference-not-found", *DECLARING, *of_claims("settle"))
async def reference_not_found(case: Case) -> None:
    claims = await claims_of(case)
    if case.act.startswith("settle"):
        claim = await claims.submitted()
        told = case.refused(await claims.act(claim, "settle", lines=[{"id": NOBODY, "certified_cents": 1}]))
        assert [error["pointer"] for error in told["errors"]] == ["/lines/0/id"]
        case.cured(await claims.settle(claim))
        return
    told = case.refused(await declare(case, claims, claims.line(line_id=NOBODY)))
    assert [error["pointer"] for error in told["errors"]] == ["/lines/0/line_id"]
    case.cured(await declare(case, claims, claims.line()))


@walk("sample-drawn", *of_claims("update", "sample"))
async def sample_drawn(case: Case) -> None:
    claims = await claims_of(case)
    line = claims.line()
    for cure in ("settle", "withdraw"):
        claim = await claims.submitted(line)
        sample: dict[str, Any] = {"method": "monetary_unit", "size": 1}
        ok(await claims.act(claim, "sample", **sample))
        if case.act.startswith("sample"):
            case.refused(await claims.act(claim, "sample", **sample))
        else:
            case.refused(await claims.change(claim, lines=[claims.line()]))
        if cure == "settle":
            case.cured(await claims.settle(claim, {"certified_cents": 0, "double_cents": 10_000}))
        else:
            ok(await claims.act(claim, "withdraw"))
            case.cured(await claims.submit(line))


@walk("settlement-unbalanced", *of_claims("settle"))
async def settlement_unbalanced(case: Case) -> None:
    claims = await claims_of(case)
    claim = await claims.submitted()
    told = case.refused(await claims.settle(claim, {"certified_cents": 9_000}))
    rest = told["declared_cents"] - told["settled_cents"]
    case.cured(await claims.settle(claim, {"certified_cents": 9_000, "parked_cents": rest}))


@walk("before-decision", *of_claims("settle"))
async def before_decision(case: Case) -> None:
    claims = await claims_of(case)
    claim = await claims.submitted()
    told = case.refused(await claims.settle(claim, settled_on="2023-10-02"))
    case.cured(await claims.settle(claim, settled_on=told["decided_on"]))


@walk("parked-line-returned", *of_claims("reopen"))
async def parked_line_returned(case: Case) -> None:
    claims = await claims_of(case)
    line = claims.line()
    first = await claims.submitted(line)
    ok(await claims.settle(first, {"certified_cents": 0, "parked_cents": 10_000}))
    later = await claims.submitted(line)
    ok(await claims.settle(later))
    assert case.refused(await claims.act(first, "reopen"))["number"] == later["number"]
    ok(await claims.act(later, "reopen"))
    ok(await claims.act(later, "withdraw"))
    case.cured(await claims.act(first, "reopen"))


@walk("separation-of-duties", *of_claims("sample", "settle"))
async def separation_of_duties(case: Case) -> None:
    claims = await claims_of(case)
    author = await subject(case.world, "funder")
    claim = await claims.submitted(by=author)
    line = claim["lines"][0]
    verdict = {"id": line["id"], "certified_cents": line["amount_excl_vat_cents"]}
    verb = case.act.split("_")[0]
    body: dict[str, Any] = {"method": "random", "size": 1} if verb == "sample" else {"lines": [verdict]}
    case.refused(await claims.act(claim, verb, by=author, **body), "role funder")
    case.cured(await claims.act(claim, verb, **body))
