"""Walks of receipts: assigned, sent back, reversed, refunded by two persons."""

from typing import Any

import pytest

from app.core.reading import documents
from tests.contract.cures import NOBODY, Case, key, subject, walk
from tests.contract.cures.money import LATE, acts_of
from tests.envelopes.acts import DAY, Acts
from tests.world import Client, ok

ANY = {"If-Match": "*"}
WHY = {"reason": "Mistaken."}
BOUNCE = {"bounced_on": LATE, "reason": "Insufficient funds.", "bank_reference": "R-1"}
PAID = {"refunded_on": DAY, "reference": "OUT-1"}
TERMS = {"terms": {"instalments": 12, "frequency": "quarterly", "first_due_on": "2026-03-31"}}


async def lent(acts: Acts, cents: int = 100, paid_on: str = DAY, by: Client | None = None) -> str:
    """An advance of which all is paid."""
    body = acts.award(cents, **TERMS)
    advance = str(ok(await (by or acts.world.funder).post("advances", body, headers=key()), 201)["id"])
    ok(await acts.tranche(advance, cents, paid_on=paid_on), 201)
    return advance


def entry(acts: Acts, cents: int, *assigned: tuple[str, int], **more: Any) -> dict[str, Any]:
    """What the bank says, and what of it is assigned."""
    shares = [{"advance_id": advance, "amount_cents": part} for advance, part in assigned]
    said = {"amount_cents": cents, "received_on": DAY, "reference": acts.reference(), **more}
    return {**said, "assignments": shares} if shares else said


async def received(acts: Acts, cents: int, *assigned: tuple[str, int], **more: Any) -> str:
    """The address of a receipt."""
    made = ok(await acts.world.treasurer.post("receipts", entry(acts, cents, *assigned, **more), headers=key()), 201)
    return f"receipts/{made['id']}"


def shares(advance: str, cents: int) -> dict[str, Any]:
    """A body that assigns."""
    return {"assignments": [{"advance_id": advance, "amount_cents": cents}]}


async def refund_of(acts: Acts, receipt: str, cents: int, **more: Any) -> str:
    """The address of a refund that is proposed."""
    body = {"amount_cents": cents, **WHY, **more}
    return (
        f"{receipt}/refunds/{ok(await acts.world.treasurer.post(f'{receipt}/refunds', body, headers=key()), 201)['id']}"
    )


@walk("assignments-exceed-receipt", "assign_receipt", "record_receipt")
async def assignments_exceed_receipt(case: Case) -> None:
    acts = await acts_of(case)
    advance, client = await lent(acts), case.world.treasurer
    if case.act == "record_receipt":
        body = entry(acts, 10, (advance, 11))
        told = case.refused(await client.post("receipts", body, headers=key()))
        body["assignments"][0]["amount_cents"] = told["unassigned_cents"]
        case.cured(await client.post("receipts", body, headers=key()))
        return
    path = await received(acts, 10)
    told = case.refused(await client.post(f"{path}/assign", shares(advance, 11), headers=ANY))
    case.cured(await client.post(f"{path}/assign", shares(advance, told["unassigned_cents"]), headers=ANY))


@walk("repayment-exceeds-outstanding", "assign_receipt", "record_receipt")
async def nothing_paid_by_then(case: Case) -> None:
    acts = await acts_of(case)
    advance, client = await lent(acts, paid_on=LATE), case.world.treasurer
    if case.act == "record_receipt":
        body = entry(acts, 10, (advance, 10))
        case.refused(await client.post("receipts", body, headers=key()))
        case.cured(await client.post("receipts", {**body, "assignments": []}, headers=key()))
        return
    path = await received(acts, 10)
    case.refused(await client.post(f"{path}/assign", shares(advance, 10), headers=ANY))
    later = await received(acts, 10, value_on=LATE, received_on=LATE)
    case.cured(await client.post(f"{later}/assign", shares(advance, 10), headers=ANY))


@walk("already-exists", "record_receipt", "assign_receipt")
async def already_exists(case: Case) -> None:
    acts = await acts_of(case)
    client = case.world.treasurer
    if case.act == "record_receipt":
        body = entry(acts, 10)
        ok(await client.post("receipts", body, headers=key()), 201)
        case.refused(await client.post("receipts", body, headers=key()))
        case.cured(await client.post("receipts", entry(acts, 10), headers=key()))
        return
    advance = await lent(acts)
    path = await received(acts, 10, (advance, 5))
    case.refused(await client.post(f"{path}/assign", shares(advance, 5), headers=ANY))
    case.cured(await client.post(f"{path}/assign", shares(await lent(acts), 5), headers=ANY))


@walk("reference-not-found", "receive_repayment", "record_receipt", "assign_receipt", "unassign_receipt",
      "propose_refund", "approve_refund")  # fmt: skip
async def reference_not_found(case: Case) -> None:
    acts = await acts_of(case)
    advance, client = await lent(acts), case.world.treasurer
    if case.act == "receive_repayment":
        case.refused(await acts.repay(advance, 10, account_id=NOBODY))
        case.cured(await acts.repay(advance, 10))
    elif case.act == "record_receipt":
        case.refused(await client.post("receipts", entry(acts, 10, (NOBODY, 10)), headers=key()))
        case.cured(await client.post("receipts", entry(acts, 10, (advance, 10)), headers=key()))
    elif case.act == "assign_receipt":
        path = await received(acts, 10)
        case.refused(await client.post(f"{path}/assign", shares(NOBODY, 10), headers=ANY))
        case.cured(await client.post(f"{path}/assign", shares(advance, 10), headers=ANY))
    elif case.act == "unassign_receipt":
        path = await received(acts, 10, (advance, 10))
        case.refused(await client.post(f"{path}/unassign", {"repayment_id": NOBODY, **WHY}, headers=ANY))
        [made] = ok(await client.get(f"advances/{advance}/repayments"))["items"]
        case.cured(await client.post(f"{path}/unassign", {"repayment_id": made["id"], **WHY}, headers=ANY))
    else:
        path = await received(acts, 110, (advance, 110))
        [made] = ok(await client.get(f"advances/{advance}/repayments"))["items"]
        body = {"amount_cents": 10, **WHY}
        if case.act == "propose_refund":
            case.refused(await client.post(f"{path}/refunds", {**body, "repayment_id": NOBODY}, headers=key()))
            case.cured(await client.post(f"{path}/refunds", {**body, "repayment_id": made["id"]}, headers=key()))
            return
        refund = await refund_of(acts, path, 10, repayment_id=made["id"])
        ok(await client.post(f"{path}/unassign", {"repayment_id": made["id"], **WHY}, headers=ANY))
        other = await subject(case.world, "treasurer")
        case.refused(await other.post(f"{refund}/approve", PAID, headers=ANY))
        again = await refund_of(acts, path, 10)
        case.cured(await other.post(f"{again}/approve", PAID, headers=ANY))


@walk("already-bounced", "bounce_receipt")
async def already_bounced(case: Case) -> None:
    acts = await acts_of(case)
    path, client = await received(acts, 10, (await lent(acts), 10)), case.world.treasurer
    ok(await client.post(f"{path}/bounce", BOUNCE, headers=ANY))
    case.refused(await client.post(f"{path}/bounce", BOUNCE, headers=ANY))
    case.cured(await client.post(f"{path}/reverse", WHY, headers=ANY))


@walk("repayment-refunded", "reverse_receipt", "unassign_receipt", "reverse_repayment")
async def repayment_refunded(case: Case) -> None:
    acts = await acts_of(case)
    advance, client = await lent(acts), case.world.treasurer
    path = await received(acts, 110, (advance, 110))
    [made] = ok(await client.get(f"advances/{advance}/repayments"))["items"]
    refund = await refund_of(acts, path, 10, repayment_id=made["id"])
    other = await subject(case.world, "treasurer")
    ok(await other.post(f"{refund}/approve", PAID, headers=ANY))
    act, body = {
        "reverse_receipt": (f"{path}/reverse", WHY),
        "unassign_receipt": (f"{path}/unassign", {"repayment_id": made["id"], **WHY}),
        "reverse_repayment": (f"advances/{advance}/repayments/{made['id']}/reverse", WHY),
    }[case.act]
    case.refused(await client.post(act, body, headers=ANY))
    ok(await client.post(f"{refund}/reverse", WHY, headers=ANY))
    case.cured(await client.post(act, body, headers=ANY))


@walk("envelope-exhausted", "reverse_receipt", "unassign_receipt")
async def awarded_since(case: Case) -> None:
    acts = await acts_of(case, own=True)
    world = case.world
    first = ok(await world.auditor.get("envelope/contributions"))["items"][0]["id"]
    ok(await acts.reverse(f"envelope/contributions/{first}"))
    ok(await acts.contribute(100, repayment_policy="recycle"), 201)
    advance = await lent(acts)
    path = await received(acts, 40, (advance, 40))
    later = ok(await acts.grant(30), 201)["id"]
    [made] = ok(await world.treasurer.get(f"advances/{advance}/repayments"))["items"]
    verb, body = (
        ("reverse", WHY) if case.act == "reverse_receipt" else ("unassign", {"repayment_id": made["id"], **WHY})
    )
    case.refused(await world.treasurer.post(f"{path}/{verb}", body, headers=ANY), "later_acts")
    ok(await acts.reverse(f"grants/{later}"))
    case.cured(await world.treasurer.post(f"{path}/{verb}", body, headers=ANY))


@walk("refunds-exceed-receipt", "propose_refund", "approve_refund")
async def refunds_exceed_receipt(case: Case) -> None:
    acts, client = await acts_of(case), case.world.treasurer
    if case.act == "propose_refund":
        path = await received(acts, 10)
        told = case.refused(await client.post(f"{path}/refunds", {"amount_cents": 11, **WHY}, headers=key()))
        body = {"amount_cents": told["refundable_cents"], **WHY}
        case.cured(await client.post(f"{path}/refunds", body, headers=key()))
        return
    advance, other = await lent(acts), await subject(case.world, "treasurer")
    mistaken, path = await received(acts, 60, (advance, 60)), await received(acts, 110, (advance, 110))
    repayments = ok(await client.get(f"advances/{advance}/repayments"))["items"]
    [overpaid] = [each["id"] for each in repayments if path.endswith(each["receipt_id"])]
    refund = await refund_of(acts, path, 70, repayment_id=overpaid)
    ok(await client.post(f"{mistaken}/reverse", WHY, headers=ANY))  # so that less is overpaid
    told = case.refused(await other.post(f"{refund}/approve", PAID, headers=ANY))
    ok(await client.post(f"{refund}/cancel", WHY, headers=ANY))
    less = await refund_of(acts, path, told["refundable_cents"], repayment_id=overpaid)
    case.cured(await other.post(f"{less}/approve", PAID, headers=ANY))


@walk("refund-own-approval", "approve_refund")
async def refund_own_approval(case: Case) -> None:
    acts = await acts_of(case)
    refund = await refund_of(acts, await received(acts, 10), 10)
    case.refused(await case.world.treasurer.post(f"{refund}/approve", PAID, headers=ANY), "role treasurer")
    other = await subject(case.world, "treasurer")
    case.cured(await other.post(f"{refund}/approve", PAID, headers=ANY))


@walk("decider-receives", "record_receipt", "assign_receipt", "unassign_receipt", "bounce_receipt", "reverse_receipt",
      "propose_refund", "approve_refund", "cancel_refund", "reverse_refund")  # fmt: skip
async def decider_receives(case: Case) -> None:
    acts = await acts_of(case)
    both, client = await subject(case.world, "funder", "treasurer"), case.world.treasurer
    advance = await lent(acts, by=both)
    headers = ANY
    if case.act == "record_receipt":
        path, body, headers = "receipts", entry(acts, 10, (advance, 10)), key()
    elif case.act == "assign_receipt":
        path, body = f"{await received(acts, 10)}/assign", shares(advance, 10)
    else:
        receipt = await received(acts, 20, (advance, 10))
        [made] = ok(await client.get(f"advances/{advance}/repayments"))["items"]
        bodies: dict[str, dict[str, Any]] = {
            "unassign_receipt": {"repayment_id": made["id"], **WHY}, "bounce_receipt": BOUNCE, "reverse_receipt": WHY,
        }  # fmt: skip
        if case.act in bodies:
            path, body = f"{receipt}/{case.act.split('_')[0]}", bodies[case.act]
        elif case.act == "propose_refund":
            path, body, headers = f"{receipt}/refunds", {"amount_cents": 1, **WHY}, key()
        else:
            refund, client = await refund_of(acts, receipt, 1), await subject(case.world, "treasurer")
            verb = case.act.split("_")[0]
            if verb == "reverse":
                ok(await client.post(f"{refund}/approve", PAID, headers=ANY))
            path, body = f"{refund}/{verb}", PAID if verb == "approve" else WHY
    case.refused(await both.post(path, body, headers=headers), "role treasurer")
    case.cured(await client.post(path, body, headers=headers))


@walk("pdf-not-installed", "get_statement")
async def pdf_of_a_statement_not_installed(case: Case) -> None:
    advance, reader = await lent(await acts_of(case)), case.world.auditor
    path = f"advances/{advance}/statement"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(documents, "_installed", lambda: False)
        case.refused(await reader.get(path, params={"format": "pdf"}))
        case.cured(await reader.get(path, params={"format": "json"}))
