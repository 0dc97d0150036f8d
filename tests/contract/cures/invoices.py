"""The cures of invoices: made from certificates once, followed, cancelled, and taken back."""

from typing import Any

import pytest

from app.core.reading import documents
from tests.contract.cures import NOBODY, Case, seen, subject, walk
from tests.contract.cures.requests import Ask, ready
from tests.engineering.invoices.acts import CHORUS, act, ago, cancelled, certified, invoice
from tests.world import Mission, World, fresh_siren, ok

MAKE, RECORD, CANCEL, REVERSE = "create_invoice", "record_invoice_act", "cancel_invoice", "reverse_invoice_act"
FREED = {"reason": "Wrong."}


async def prepared(world: World) -> tuple[Mission, dict[str, Any]]:
    """A mission and a certificate of the partner that waits for its invoice."""
    mission = await world.mission(days=20)
    return mission, await certified(world, mission, "2023-07-03")


@ready(MAKE, RECORD, CANCEL, REVERSE)
async def invoices(case: Case) -> Ask:
    _, certificate = await prepared(case.world)
    if case.act == MAKE:
        body = {"certificate_ids": [certificate["id"]], "number": "FA-1", "issued_on": ago(0), **CHORUS}
        return Ask("consultant", "POST", "invoices", body, keyed=True)
    made = ok(await invoice(case.world.consultant, certificate), 201)
    path = f"invoices/{made['id']}"
    if case.act == REVERSE:
        ok(await act(case.world.consultant, made["id"], "deposit"))
        return Ask("consultant", "POST", f"{path}/reverse", FREED, guarded=path)
    told = {"act": "deposit"} if case.act == RECORD else FREED
    return Ask("consultant", "POST", f"{path}/{'record' if case.act == RECORD else 'cancel'}", told, guarded=path)


@walk("reference-not-found", MAKE)
async def invoice_of_nothing(case: Case) -> None:
    _, certificate = await prepared(case.world)
    told = case.refused(await invoice(case.world.consultant, {"id": NOBODY}))
    assert [error["pointer"] for error in told["errors"]] == ["/certificate_ids/0"]
    case.cured(await invoice(case.world.consultant, certificate))


@walk("certificate-already-invoiced", MAKE, REVERSE)
async def invoiced_already(case: Case) -> None:
    """The list names what is to be invoiced; the other invoice gives it up."""
    world = await case.own()
    mission, certificate = await prepared(world)
    made = ok(await invoice(world.consultant, certificate), 201)
    if case.act == MAKE:
        case.refused(await invoice(world.consultant, certificate))
        await certified(world, mission, "2023-07-04")
        waiting = ok(await world.consultant.get("service-certificates?to_invoice=true"))["items"]
        case.cured(await invoice(world.consultant, *waiting))
        return
    ok(await act(world.consultant, made["id"], "cancel", **FREED))
    other = ok(await invoice(world.consultant, certificate), 201)
    case.refused(await act(world.consultant, made["id"], "reverse", **FREED))
    ok(await act(world.consultant, other["id"], "cancel", **FREED))
    case.cured(await act(world.consultant, made["id"], "reverse", **FREED))


@walk("invoice-number-taken", MAKE, REVERSE)
async def number_taken(case: Case) -> None:
    world = await case.own()
    mission, certificate = await prepared(world)
    other = await certified(world, mission, "2023-07-04")
    made = ok(await invoice(world.consultant, certificate, number="FA-1"), 201)
    if case.act == MAKE:
        case.refused(await invoice(world.consultant, other, number="fa 1"))
        case.cured(await invoice(world.consultant, other, number="FA-2"))
        return
    ok(await act(world.consultant, made["id"], "cancel", **FREED))
    second = ok(await invoice(world.consultant, other, number="FA-1"), 201)
    case.refused(await act(world.consultant, made["id"], "reverse", **FREED))
    ok(await act(world.consultant, second["id"], "cancel", **FREED))
    case.cured(await act(world.consultant, made["id"], "reverse", **FREED))


@walk("certificate-cancelled", MAKE)
async def invoiced_although_cancelled(case: Case) -> None:
    world = await case.own()
    mission, certificate = await prepared(world)
    await cancelled(world, certificate)
    case.refused(await invoice(world.consultant, certificate))
    await world.certify(mission)
    case.cured(
        await invoice(
            world.consultant, *ok(await world.consultant.get("service-certificates?to_invoice=true"))["items"]
        )
    )


@walk("certificate-not-invoiced", MAKE)
async def credited_although_not_invoiced(case: Case) -> None:
    world = await case.own()
    mission, certificate = await prepared(world)
    counter = await cancelled(world, certificate)
    case.refused(await invoice(world.consultant, counter))
    case.cured(await invoice(world.consultant, await world.certify(mission)))


@walk("invoice-credited", RECORD, CANCEL, REVERSE)
async def ended_under_its_credit_note(case: Case) -> None:
    """The credit note ends first, and the invoice stands again before it does."""
    world = await case.own()
    _, certificate = await prepared(world)
    made = ok(await invoice(world.consultant, certificate), 201)["id"]
    if case.act == RECORD:
        ok(await act(world.consultant, made, "deposit"))
    note = ok(await invoice(world.consultant, await cancelled(world, certificate)), 201)["id"]
    if case.act == REVERSE:
        for ended in (note, made):
            ok(await act(world.consultant, ended, "cancel", **FREED))
        case.refused(await act(world.consultant, note, "reverse", **FREED))
        ok(await act(world.consultant, made, "reverse", **FREED))
        case.cured(await act(world.consultant, note, "reverse", **FREED))
        return
    verb = "reject" if case.act == RECORD else "cancel"
    case.refused(await act(world.consultant, made, verb, **FREED))
    ok(await act(world.consultant, note, "cancel", **FREED))
    case.cured(await act(world.consultant, made, verb, **FREED))


@walk("supplier-siren-missing", MAKE)
async def supplier_without_siren(case: Case) -> None:
    world = await case.own()
    _, certificate = await prepared(world)
    address = f"/v1/organisations/{world.organisations['partner']}"
    ok(await world.admin.patch(address, {"siren": None}, headers=await seen(world.admin, address)))
    case.refused(await invoice(world.consultant, certificate))
    ok(await world.admin.patch(address, {"siren": fresh_siren()}, headers=await seen(world.admin, address)))
    case.cured(await invoice(world.consultant, certificate))


@walk("invoice-of-another-firm", MAKE, CANCEL)
async def invoice_of_another(case: Case) -> None:
    """Who sees those of all, and works for another firm."""
    world = case.world
    _, certificate = await prepared(world)
    stranger = await subject(world, "consultant", "auditor", home="office")
    if case.act == MAKE:
        case.refused(await invoice(stranger, certificate))
        case.cured(await invoice(world.consultant, certificate))
        return
    made = ok(await invoice(world.consultant, certificate), 201)
    case.refused(await act(stranger, made["id"], "cancel", **FREED))
    case.cured(await act(world.consultant, made["id"], "cancel", **FREED))


@walk("invoice-transition", RECORD, CANCEL)
async def invoice_transition(case: Case) -> None:
    """In their order; and what was a mistake is taken back."""
    world = case.world
    _, certificate = await prepared(world)
    made = ok(await invoice(world.consultant, certificate), 201)
    if case.act == RECORD:
        case.refused(await act(world.operator, made["id"], "pay"))
        ok(await act(world.operator, made["id"], "make_available"))
        case.cured(await act(world.operator, made["id"], "pay"))
        return
    ok(await act(world.consultant, made["id"], "deposit"))
    case.refused(await act(world.consultant, made["id"], "cancel", **FREED))
    ok(await act(world.consultant, made["id"], "reverse", **FREED))
    case.cured(await act(world.consultant, made["id"], "cancel", **FREED))


@walk("invoice-act-out-of-order", RECORD, CANCEL)
async def invoice_act_too_early(case: Case) -> None:
    world = case.world
    _, certificate = await prepared(world)
    made = ok(await invoice(world.consultant, certificate), 201)
    verb, body = ("deposit", {}) if case.act == RECORD else ("cancel", FREED)
    told = case.refused(await act(world.consultant, made["id"], verb, on=ago(1), **body))
    case.cured(await act(world.consultant, made["id"], verb, on=told["after_on"], **body))


@walk("invoice-nothing-to-reverse", REVERSE)
async def nothing_to_reverse(case: Case) -> None:
    """It is cancelled instead; and that can be taken back."""
    world = case.world
    _, certificate = await prepared(world)
    made = ok(await invoice(world.consultant, certificate), 201)
    case.refused(await act(world.consultant, made["id"], "reverse", **FREED))
    ok(await act(world.consultant, made["id"], "cancel", **FREED))
    case.cured(await act(world.consultant, made["id"], "reverse", **FREED))


@walk("pdf-not-installed", "get_invoice")
async def pdf_of_an_invoice_not_installed(case: Case) -> None:
    _, certificate = await prepared(case.world)
    path = f"invoices/{ok(await invoice(case.world.consultant, certificate), 201)['id']}"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(documents, "_installed", lambda: False)
        case.refused(await case.world.auditor.get(path, params={"format": "pdf"}))
        case.cured(await case.world.auditor.get(path, params={"format": "json"}))
