"""The cures of what refuses a payment run, each in a territory whose grant or advance is paid."""

from collections.abc import Awaitable, Callable

import httpx2

from tests.advances.drawing import Drawing
from tests.contract.cures import Case, seen, subject, walk
from tests.grants.paying import Paying
from tests.treasury.runs import DAYS, Runs
from tests.world import ok


async def runs_of(case: Case) -> Runs:
    """Runs of a territory of the case's own."""
    return await Runs.of(await case.own(), award=Drawing if "tranche" in case.act else Paying)


@walk("nothing-to-send", "make_payment_run")
async def nothing_to_send(case: Case) -> None:
    runs = await runs_of(case)
    case.refused(await runs.make())
    planned = await runs.paying.approved(1, planned_on=DAYS["later"])
    case.refused(await runs.make())
    case.cured(await runs.make(cut_off_on=DAYS["late"]))
    assert (await runs.paying.read(planned))["status"] == "sent"
    case.refused(await runs.make())
    await runs.paying.approved(1)
    case.cured(await runs.make())


@walk("payment-run-already-made", "make_payment_run")
async def payment_run_already_made(case: Case) -> None:
    runs = await runs_of(case)
    await runs.paying.approved(1)
    first = (await runs.made(cut_off_on=DAYS["soon"]))["id"]
    await runs.paying.approved(1)
    case.refused(await runs.make(cut_off_on=DAYS["soon"]))
    case.cured(await runs.make(cut_off_on=DAYS["later"]))
    await runs.paying.approved(1)
    case.refused(await runs.make(cut_off_on=DAYS["soon"]))
    ok(await runs.cancel(first))
    case.cured(await runs.make(cut_off_on=DAYS["soon"]))


@walk("bank-account-unusable", "make_payment_run")
async def bank_account_unusable(case: Case) -> None:
    runs = await runs_of(case)
    await runs.paying.approved(1)
    path = f"/v1/organisations/{runs.world.organisations['office']}/bank-accounts"
    body = {"label": "Later", "iban": "FR1420041010050500013M02606", "from_on": DAYS["late"]}
    proposed = ok(await runs.treasurer.post(path, body), 201)["id"]
    case.refused(await runs.make(account_id=proposed, execution_on=DAYS["late"]), "proposed")
    ok(await runs.paying.second.post(f"{path}/{proposed}/approve", headers={"If-Match": "*"}))
    early = {"account_id": proposed, "execution_on": DAYS["soon"], "cut_off_on": DAYS["soon"]}
    case.refused(await runs.make(**early), DAYS["late"])
    case.cured(await runs.make(account_id=proposed, execution_on=DAYS["late"]))
    await runs.paying.approved(1)
    case.refused(await runs.make(**early))
    case.cured(await runs.make(execution_on=DAYS["soon"], cut_off_on=DAYS["soon"]))


@walk("payment-run-outdated", "get_payment_run_file")
async def payment_run_outdated(case: Case) -> None:
    runs = await runs_of(case)
    payment = await runs.paying.approved(1)
    run = (await runs.made())["id"]
    await runs.paying.acts.payee(2)
    case.refused(await runs.file(run))
    ok(await runs.cancel(run))
    ok(await runs.paying.act(payment, "approve"))
    again = (await runs.made())["id"]
    case.cured(await runs.treasurer.get(f"payment-runs/{again}/file"))


@walk("iban-not-held", "make_payment_run", "get_payment_run_file", "get_bank_details_iban")
async def iban_not_held(case: Case) -> None:
    """As after `rebond import territory`: the accounts are known, and not their numbers."""
    runs = await runs_of(case)
    payment = await runs.paying.approved(1)
    path = f"firms/{runs.paying.acts.firm}/bank-details"
    run = (await runs.made())["id"] if case.act == "get_payment_run_file" else ""

    async def number() -> httpx2.Response:
        [account] = ok(await runs.treasurer.get(f"{path}?status=approved"))["items"]
        return await runs.treasurer.get(f"{path}/{account['id']}/iban")

    async with runs.world.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        forgotten = "UPDATE firm_bank_details SET iban_id = NULL WHERE territory = $1"
        await connection.execute(forgotten, runs.world.territory)
    if case.act == "get_bank_details_iban":
        case.refused(await number())
        await runs.paying.acts.payee(2)
        case.cured(await number())
        return
    if run:
        case.refused(await runs.file(run))
        ok(await runs.cancel(run))
    else:
        case.refused(await runs.make())
    await runs.paying.acts.payee(2)
    ok(await runs.paying.act(payment, "approve"))
    if run:
        again = (await runs.made())["id"]
        case.cured(await runs.treasurer.get(f"payment-runs/{again}/file"))
    else:
        case.cured(await runs.make())


Send = Callable[[], Awaitable[httpx2.Response]]


def reject_of(case: Case, runs: Runs, payment: str, run: str, line: str) -> Send:
    """The act that the case is about: the reject of a line, or of its payment."""
    if case.act == "reject_payment_run_line":
        return lambda: runs.reject(run, line)
    return lambda: runs.paying.act(payment, "reject", {"rejected_on": DAYS["today"], "reason": "AC04"})


@walk("payment-not-handed-over", "reject_payment_run_line", "reject_grant_payment", "reject_tranche")
async def payment_not_handed_over(case: Case) -> None:
    runs = await runs_of(case)
    payment = await runs.paying.approved(1)
    run = (await runs.made())["id"]
    reject = reject_of(case, runs, payment, run, (await runs.lines(run))[0]["id"])
    case.refused(await reject())
    ok(await runs.cancel(run))
    again = (await runs.made())["id"]
    reject = reject_of(case, runs, payment, again, (await runs.lines(again))[0]["id"])
    case.refused(await reject())
    await runs.hand_over(again)
    case.cured(await reject())


@walk("decider-pays", "make_payment_run", "cancel_payment_run", "reject_payment_run_line")
async def decider_sends(case: Case) -> None:
    """Another treasurer does it."""
    runs = await runs_of(case)
    both = await subject(runs.world, "funder", "treasurer")
    await (await runs.another(by=both)).approved(1)
    if case.act == "make_payment_run":
        case.refused(await runs.make(by=both))
        case.cured(await runs.make())
        return
    run = (await runs.made())["id"]
    if case.act == "cancel_payment_run":
        case.refused(await runs.cancel(run, by=both))
        case.cured(await runs.cancel(run))
        return
    await runs.hand_over(run)
    [line] = await runs.lines(run)
    path, body = f"payment-runs/{run}/lines/{line['id']}", {"rejected_on": DAYS["today"], "reason_code": "AC04"}
    case.refused(await both.post(f"{path}/reject", body, headers=await seen(both, path)))
    case.cured(await runs.reject(run, line["id"]))
