"""Payment runs: what is approved goes to the bank once, in a file that is told to who pays alone."""

import asyncio
import hashlib
import hmac
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.commands import export
from app.core import clock
from app.core.db import create_engine
from app.core.schemas import Read
from app.core.values import iban_from
from app.treasury.runs import rules
from app.treasury.runs.models import PaymentRun
from tests.awards.recovering import Recovering
from tests.contract.cures import key, subject
from tests.firms.test_bank_details import everything_logged, leaks, mask
from tests.treasury.runs import DAYS, Runs, texts
from tests.world import World, ok, problem

FILE = "PmtInf/CdtTrfTxInf"


async def consistent(world: World, *, by_hand: bool = False) -> None:
    """What is sent is in one open line, unless it was sent by hand; what is not sent is in none."""
    lines = {0, 1} if by_hand else {1}
    rows = await world.pool.fetch(
        """
        SELECT p.id, p.status, count(l.id) AS lines FROM grant_payments p
        LEFT JOIN payment_run_lines l ON l.payment_id = p.id AND l.ended_as IS NULL
        WHERE p.territory = $1 GROUP BY p.id
        """,
        world.territory,
    )
    assert {row["lines"] for row in rows if row["status"] == "sent"} <= lines
    assert {row["lines"] for row in rows if row["status"] in ("proposed", "approved", "cancelled")} <= {0}


# --- what a run takes -------------------------------------------------------------------------------------------------


async def test_a_run_takes_what_is_approved_up_to_its_cut_off(world: World) -> None:
    runs = await Runs.of(world)
    paying = runs.paying
    now, soon = await paying.approved(1_000_01), await paying.approved(2, planned_on=DAYS["soon"])
    later = await paying.approved(4, planned_on=DAYS["later"])
    proposed = await paying.proposed(8)
    other = await runs.another(funder_id=str(world.organisations["partner"]))
    foreign = await other.approved(16)
    body = {"account_id": runs.account, "cut_off_on": DAYS["soon"], "execution_on": DAYS["soon"]}
    dry = ok(await runs.treasurer.post("payment-runs?dry_run=true", body, headers=key()))
    assert (dry["payments"], dry["total_cents"]) == (2, 1_000_03)
    once = key()
    answer = await runs.treasurer.post("payment-runs", body, headers=once)
    run = ok(answer, 201)
    assert answer.headers["location"].endswith(f"payment-runs/{run['id']}")
    again = await runs.treasurer.post("payment-runs", body, headers=once)
    assert (again.headers["idempotency-replayed"], again.json()) == ("true", run)
    told = {name: run[name] for name in ("status", "payments", "total_cents", "paid_cents", "rejected_payments")}
    assert told == {"status": "ready", "payments": 2, "total_cents": 1_000_03, "paid_cents": 0, "rejected_payments": 0}
    assert (run["organisation_name"], "••••" in run["iban"]) == (f"office of {world.territory}", True)
    lines = await runs.lines(run["id"])
    assert [(line["position"], line["payment_id"], line["amount_cents"], line["outcome"]) for line in lines] == [
        (1, now, 1_000_01, "sent"), (2, soon, 2, "sent"),
    ]  # fmt: skip
    assert {line["iban"] for line in lines} == {mask(iban_from(1))}
    states = [(await paying.read(payment))["status"] for payment in (now, soon, later, proposed)]
    assert states == ["sent", "sent", "approved", "proposed"]
    assert (await other.read(foreign))["status"] == "approved", "another organisation pays it"
    assert [event["type"] for event in await world.events(now)][-1] == "grant_payment.sent"
    # The same cut-off once, and nothing twice.
    problem(await runs.make(cut_off_on=DAYS["soon"]), 409, "nothing-to-send")
    await paying.approved(32)
    problem(await runs.make(cut_off_on=DAYS["soon"]), 409, "payment-run-already-made")
    assert (await runs.made(cut_off_on=DAYS["later"]))["total_cents"] == 4 + 32
    await consistent(world)


async def test_what_is_wrong_with_a_run_is_told(world: World) -> None:
    runs = await Runs.of(world)
    await runs.paying.approved(1)
    yesterday = (clock.today() - timedelta(days=1)).isoformat()

    async def errors(**more: Any) -> list[tuple[str, str]]:
        told = problem(await runs.make(**more), 422, "validation-failed")
        return [(each["pointer"], each["code"]) for each in told["errors"]]

    assert await errors(cut_off_on=yesterday, execution_on=yesterday) == [("/execution_on", "past_day")]
    assert await errors(cut_off_on=DAYS["late"], execution_on=DAYS["soon"]) == [("", "cut_off_after_execution")]
    path = f"/v1/organisations/{world.organisations['office']}/bank-accounts"
    proposed = await world.bank_account()
    assert problem(await runs.make(account_id=proposed), 409, "bank-account-unusable")["account_status"] == "proposed"
    ok(await runs.treasurer.post(f"{path}/{runs.account}/withdraw", {"reason": "Closed."}, headers={"If-Match": "*"}))
    problem(await runs.make(), 409, "bank-account-unusable")
    stranger = await subject(world, "treasurer", home="partner")
    told = problem(await runs.make(by=stranger), 404, "reference-not-found")
    assert [each["pointer"] for each in told["errors"]] == ["/account_id"]


async def test_a_run_holds_no_more_than_a_file_does_and_the_next_takes_the_rest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MOST", 2)
    runs = await Runs.of(world)
    payments = [await runs.paying.approved(1 << n) for n in range(3)]
    first, second = await runs.made(), await runs.made()
    taken = [[line["payment_id"] for line in await runs.lines(run["id"])] for run in (first, second)]
    assert taken == [payments[:2], payments[2:]]


async def test_a_run_transfers_what_is_left_where_a_recovery_is_kept_from_a_payment(world: World, app: Any) -> None:
    runs = await Runs.of(world)
    await runs.paying.paid(50_000)
    recovering = await Recovering.of(runs.paying.acts)
    recovery = (await recovering.ordered(runs.paying.grant, 30_000)).rpartition("/")[2]
    payment = await runs.paying.proposed(40_000)
    ok(await runs.paying.act(payment, "set-off", {"recovery_id": recovery}))
    ok(await runs.paying.act(payment, "approve"))
    run = await runs.made()
    assert (run["total_cents"], [line["amount_cents"] for line in await runs.lines(run["id"])]) == (10_000, [10_000])
    assert texts((await runs.file(run["id"])).content, f"{FILE}/Amt/InstdAmt") == ["100.00"]
    ok(await runs.paying.act(payment, "record", {"paid_on": DAYS["today"]}))
    assert (await runs.read(run["id"]))["paid_cents"] == 10_000
    assert await world.differences(app.state["engine"]) == []


# --- the file ---------------------------------------------------------------------------------------------------------


async def test_who_reads_a_run_cannot_try_numbers_of_accounts_against_a_digest(app: Any, world: World) -> None:
    """The file is known but for the numbers: its digest is keyed, and shown to who has the file alone."""
    runs = await Runs.of(world)
    await runs.paying.approved(1_000)
    run = await runs.made()
    file = (await runs.file(run["id"])).content
    shown = [await world.auditor.get(f"payment-runs/{run['id']}"), await world.auditor.get("payment-runs?format=csv")]
    told = json.dumps([event["data"] for event in await world.events(run["id"])])
    row = "SELECT r::text AS row, sha256, file_hmac FROM payment_runs r WHERE id = $1::text::uuid"
    stored = await world.pool.fetchrow(row, run["id"])
    assert re.search(r"[0-9a-f]{64}", "".join(each.text for each in shown) + told) is None
    assert (stored["sha256"], hashlib.sha256(file).hexdigest() in stored["row"]) == (None, False)
    secret = await world.pool.fetchval("SELECT value FROM secrets WHERE name = 'digest'")
    assert stored["file_hmac"] == hmac.digest(secret, hashlib.sha256(file).digest(), "sha256").hex()
    # An event of before tells the digest no more, here and in an export of the territory.
    await world.pool.execute(
        "INSERT INTO events (type, occurred_at, territory, actor_kind, request_id, resource_type, resource_id, data)"
        " VALUES ('payment_run.created', now(), $1, 'system', 'before', 'payment_run', $2, $3)",
        world.territory, run["id"], json.dumps({"sha256": "0" * 64, "payments": 1}),
    )  # fmt: skip
    asked = f"/v1/events?resource_type=payment_run&resource_id={run['id']}"
    for _ in range(100):
        events = ok(await world.auditor.get(asked))["items"]
        if before := [each["data"] for each in events if each["request_id"] == "before"]:
            break
        await asyncio.sleep(0.1)
    assert before == [{"payments": 1}]
    data = export.statement(PaymentRun.metadata.tables["events"])
    assert "CASE WHEN (events.resource_type = 'collection_run') THEN events.data - 'sha256'" in str(data.sql)
    assert {schema for schema in Read.__subclasses__() if schema.formerly} == set(export.FORMERLY)
    assert all(len(schema.formerly) == 1 for schema in export.FORMERLY)


@pytest.mark.parametrize(
    ("digests", "status"),
    [
        ("file_hmac = NULL", 200),
        ("file_hmac = NULL, sha256 = repeat('0', 64)", 500),
        ("file_hmac = repeat('0', 64)", 500),
    ],
)
async def test_another_file_than_the_one_that_was_made_is_not_handed_over(
    world: World, digests: str, status: int
) -> None:
    """Of a run that was brought in from another installation there is nothing to hold it against."""
    runs = await Runs.of(world)
    await runs.paying.approved(1_000)
    run = await runs.made()
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(f"UPDATE payment_runs SET {digests} WHERE id = $1::text::uuid", run["id"])
    assert (await runs.file(run["id"])).status_code == status


async def test_the_file_is_written_again_from_its_rows_to_the_byte(world: World) -> None:
    runs = await Runs.of(world)
    await runs.paying.approved(1_234_56)
    run = await runs.made()
    answer = await runs.file(run["id"])
    file = answer.content
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("application/xml", "no-store")
    assert f'{world.territory}-{run["id"]}.xml"' in answer.headers["content-disposition"]
    assert len(file) == run["size_bytes"]
    [line] = await runs.lines(run["id"])
    assert texts(file, "GrpHdr/MsgId") == [run["id"].replace("-", "")]
    assert texts(file, f"{FILE}/PmtId/EndToEndId") == [line["id"].replace("-", "")]
    assert texts(file, f"{FILE}/CdtrAcct/Id/IBAN") == [iban_from(1)]
    assert texts(file, f"{FILE}/Amt/InstdAmt") == ["1234.56"]
    assert texts(file, f"{FILE}/RmtInf/Ustrd") == [line["decision_reference"]]
    # Whatever changes later, the file is the one that was made.
    office = f"/v1/organisations/{world.organisations['office']}"
    ok(await world.admin.patch(office, {"name": "Renamed"}))
    await runs.paying.acts.payee(2)
    ok(await runs.paying.act(line["payment_id"], "record", {"paid_on": DAYS["today"], "reference": "BANK-9"}))
    told = ok(await runs.treasurer.get(f"payment-runs/{run['id']}/file"))
    assert (told["content"].encode(), told["sha256"]) == (file, hashlib.sha256(file).hexdigest())
    read = await runs.read(run["id"])
    assert (read["status"], read["handed_over_by"]) == ("handed_over", str(world.subjects["treasurer"]))
    assert (read["paid_payments"], read["paid_cents"], read["version"]) == (1, 1_234_56, 2)
    assert [each["outcome"] for each in await runs.lines(run["id"], "outcome=paid")] == ["paid"]
    types = [event["type"] for event in await world.events(run["id"])]
    assert types == ["payment_run.created", "payment_run.file_read", "payment_run.file_read"]


async def test_the_numbers_are_in_the_file_alone(
    world: World, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, payee = 41_000_001, 41_000_002
    ibans = [iban_from(number), iban_from(payee)]
    answers: list[str] = []
    with everything_logged(monkeypatch) as log:
        runs = await Runs.of(world)
        runs.account = await world.bank_account(approved=True, number=number)
        await runs.paying.acts.payee(payee)
        await runs.paying.approved(1)
        once = key()
        body = {"account_id": runs.account, "cut_off_on": DAYS["today"], "execution_on": DAYS["today"]}
        made = await runs.treasurer.post("payment-runs", body, headers=once)
        run = ok(made, 201)["id"]
        answers += [made.text, (await runs.treasurer.post("payment-runs", body, headers=once)).text]
        file = (await runs.file(run)).text
        assert leaks(file, ibans) == ibans
        [line] = await runs.lines(run)
        answers.append((await runs.reject(run, line["id"], reason="Closed.")).text)
        refused = await runs.reject(run, line["id"], reason=f"{ibans[1]} is closed.")
        answers.append(json.dumps(problem(refused, 422, "validation-failed")))
        for form in ("json", "ndjson", "csv"):
            for path in ("payment-runs", f"payment-runs/{run}/lines", "grant-payments"):
                answers.append((await world.auditor.get(f"{path}?format={form}")).text)
        answers.append((await world.auditor.get(f"/v1/events?territory={world.territory}&limit=500")).text)
        # A fault of ours: the file is not the one that was made.
        with monkeypatch.context() as fault:
            fault.setattr("app.treasury.runs.pain.in_sepa", lambda text, _length: f"not {text}")
            answers.append(json.dumps(problem(await runs.file(run), 500, "internal-error")))
        written = log.getvalue().decode()
    assert "is not the one that was made" in written
    assert [answer for answer in answers if leaks(answer, ibans)] == []
    assert leaks(written, ibans) == []
    events = await world.pool.fetch("SELECT data::text FROM events WHERE territory = $1", world.territory)
    assert leaks(" ".join(row["data"] or "" for row in events), ibans) == []
    engine = create_engine(database_url, pool_size=1)
    try:
        await export.write(engine, world.territory, tmp_path / "out")
    finally:
        await engine.dispose()
    exported = {file.name: file.read_text() for file in (tmp_path / "out").iterdir()}
    assert {"payment_runs.csv", "payment_run_lines.csv"} <= exported.keys()
    assert [name for name, text in exported.items() if leaks(text, ibans)] == []


async def test_who_does_not_pay_reads_no_file(world: World) -> None:
    runs = await Runs.of(world)
    await runs.paying.approved(1)
    run = (await runs.made())["id"]
    async with world.pool.acquire() as connection:
        await world.add_subject(connection, "elsewhere", "partner", "treasurer")
    for name in ("auditor", "programme", "funder", "territory", "admin", "committee", "consultant", "elsewhere"):
        problem(await runs.file(run, world.clients[name]), 404, "not-found")
    assert (await runs.read(run))["status"] == "ready"


# --- what does not come to pass ---------------------------------------------------------------------------------------


async def test_a_run_is_cancelled_until_its_file_is_read(world: World) -> None:
    runs = await Runs.of(world)
    payment = await runs.paying.approved(7)
    run = (await runs.made(cut_off_on=DAYS["soon"]))["id"]
    told = ok(await runs.cancel(run))
    assert (told["status"], told["reason"], told["cancelled_by"]) == (
        "cancelled", "Mistaken.", str(world.subjects["treasurer"]),
    )  # fmt: skip
    read = await runs.paying.read(payment)
    assert (read["status"], read["sent_on"], read["rejected_on"]) == ("approved", None, None)
    assert [line["outcome"] for line in await runs.lines(run)] == ["cancelled"]
    assert problem(await runs.file(run), 409, "payment-run-transition")["current"] == "cancelled"
    again = (await runs.made(cut_off_on=DAYS["soon"]))["id"]
    await runs.hand_over(again)
    assert problem(await runs.cancel(again), 409, "payment-run-transition")["current"] == "handed_over"
    await runs.hand_over(again)
    await consistent(world)


async def test_a_file_to_an_account_that_has_ended_is_not_handed_over(world: World) -> None:
    runs = await Runs.of(world)
    payment = await runs.paying.approved(7)
    run = (await runs.made())["id"]
    new = await runs.paying.acts.payee(2)
    problem(await runs.file(run), 409, "payment-run-outdated")
    assert (await runs.read(run))["status"] == "ready"
    ok(await runs.cancel(run))
    read = await runs.paying.read(payment)
    assert (read["status"], read["bank_details_id"], read["approved_by"]) == ("proposed", new, None)
    ok(await runs.paying.act(payment, "approve"))
    again = (await runs.made())["id"]
    path = f"/v1/organisations/{world.organisations['office']}/bank-accounts/{runs.account}"
    ok(await runs.treasurer.post(f"{path}/withdraw", {"reason": "Closed."}, headers={"If-Match": "*"}))
    problem(await runs.file(again), 409, "payment-run-outdated")
    ok(await runs.cancel(again))
    await consistent(world)


async def test_what_was_paid_otherwise_or_too_late_is_not_handed_over(world: World) -> None:
    runs = await Runs.of(world)
    paid, waiting = await runs.paying.approved(1), await runs.paying.approved(2)
    run = (await runs.made())["id"]
    ok(await runs.paying.act(paid, "record", {"paid_on": DAYS["today"]}))
    problem(await runs.file(run), 409, "payment-run-outdated")
    ok(await runs.cancel(run))
    assert [(await runs.paying.read(each))["status"] for each in (paid, waiting)] == ["recorded", "approved"]
    late = (await runs.made())["id"]
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        earlier = "UPDATE payment_runs SET cut_off_on = '2023-11-01', execution_on = '2023-11-02' WHERE id = $1"
        await connection.execute(earlier, late)
    problem(await runs.file(late), 409, "payment-run-outdated")
    ok(await runs.cancel(late))
    assert (await runs.made())["total_cents"] == 2
    await consistent(world)


async def test_what_the_bank_rejects_comes_back_by_line_and_goes_again(world: World) -> None:
    runs = await Runs.of(world)
    payments = [await runs.paying.approved(cents) for cents in (1, 2, 4)]
    run = (await runs.made())["id"]
    first, _, third = await runs.lines(run)
    problem(await runs.reject(run, first["id"]), 409, "payment-not-handed-over")
    early = {"rejected_on": DAYS["today"], "reason": "AC04"}
    problem(await runs.paying.act(payments[1], "reject", early), 409, "payment-not-handed-over")
    waits = runs.paying.to_do
    assert await waits(runs.treasurer) == {"payment_runs_to_hand_over": 1}
    await runs.hand_over(run)
    assert await waits(runs.treasurer) == {}
    told = ok(await runs.reject(run, first["id"], reason="Account closed.", planned_on=DAYS["later"]))
    assert (told["outcome"], told["reason_code"], told["rejection_reason"]) == (
        "rejected",
        "AC04",
        "AC04: Account closed.",
    )
    problem(await runs.reject(run, first["id"]), 409, "payment-transition")
    # Told of the payment itself it is told of the line; a code is what the reason begins with.
    ok(await runs.paying.act(payments[1], "reject", {"rejected_on": DAYS["today"], "reason": "Not told why."}))
    read = await runs.read(run)
    assert (read["rejected_payments"], read["rejected_cents"], read["payments"]) == (2, 3, 3)
    assert await waits(runs.treasurer) == {"payments_rejected": 2}
    lines = await runs.lines(run)
    assert [(line["outcome"], line["reason_code"]) for line in lines] == [
        ("rejected", "AC04"), ("rejected", None), ("sent", None),
    ]  # fmt: skip
    ok(await runs.paying.act(payments[2], "record", {"paid_on": DAYS["today"]}))
    problem(await runs.reject(run, third["id"]), 409, "payment-transition")
    again = (await runs.made(cut_off_on=DAYS["later"]))["id"]
    assert [line["payment_id"] for line in await runs.lines(again)] == payments[:2]
    assert await waits(runs.treasurer) == {"payment_runs_to_hand_over": 1}
    assert [line["outcome"] for line in await runs.lines(run)] == ["rejected", "rejected", "paid"]
    ok(await runs.paying.act(payments[2], "reverse", {"reason": "Another firm."}))
    assert [line["outcome"] for line in await runs.lines(run)] == ["rejected", "rejected", "reversed"]
    await consistent(world)


# --- beside each other, over connections of their own -----------------------------------------------------------------


async def test_two_runs_at_once_take_each_payment_once(world: World) -> None:
    runs = await Runs.of(world)
    second = await subject(world, "treasurer")
    for attempt in range(3):
        taken = {await runs.paying.approved(1) for _ in range(4)}
        same = {"cut_off_on": DAYS["late"]} if attempt == 2 else {}
        answers = await asyncio.gather(*(runs.make(by, **same) for by in (runs.treasurer, second, second, second)))
        made = [answer.json()["id"] for answer in answers if answer.status_code == 201]
        refused = {answer.json()["type"] for answer in answers if answer.status_code != 201}
        assert refused <= {"/problems/nothing-to-send", "/problems/payment-run-already-made"}
        lines = [line["payment_id"] for run in made for line in await runs.lines(run)]
        assert (set(lines), len(lines)) == (taken, 4)
        await consistent(world)


async def proposed_details(runs: Runs, number: int) -> str:
    body = {"iban": iban_from(number), "holder_name": "Firm"}
    path = f"firms/{runs.paying.acts.firm}/bank-details"
    made = ok(await runs.world.clients["territory"].post(path, body), 201)
    return f"{path}/{made['id']}"


@pytest.mark.parametrize("beside", ["bank details", "cancel", "send", "record"])
async def test_a_run_beside_another_act_on_its_payments_ends_with_one_truth(world: World, beside: str) -> None:
    runs = await Runs.of(world)
    approver = await subject(world, "treasurer")
    outcomes = set()
    for attempt in range(6):
        payments = [await runs.paying.approved(1) for _ in range(2)]
        if beside == "bank details":
            path = f"{await proposed_details(runs, 100 + attempt)}/approve"
            act = approver.post(path, headers={"If-Match": "*"})
        else:
            body = {"cancel": {"reason": "Not this one."}, "send": {}, "record": {"paid_on": DAYS["today"]}}[beside]
            act = approver.post(f"{runs.paying.path(payments[0])}/{beside}", body, headers={"If-Match": "*"})
        acts = [runs.make(), act] if attempt % 2 else [act, runs.make()]
        answers = await asyncio.gather(*acts)
        run, other = answers if attempt % 2 else answers[::-1]
        assert {run.status_code, other.status_code} <= {200, 201, 409}, (run.text, other.text)
        states = [(await runs.paying.read(payment))["status"] for payment in payments]
        in_run = (
            {line["payment_id"] for line in await runs.lines(run.json()["id"])} if run.status_code == 201 else set()
        )
        await consistent(world, by_hand=beside == "send")
        if beside == "bank details":
            assert other.status_code == 200
            assert states == (["sent", "sent"] if in_run else ["proposed", "proposed"])
            if in_run:
                problem(await runs.file(run.json()["id"]), 409, "payment-run-outdated")
        else:
            assert payments[1] in in_run
            first = {"cancel": "cancelled", "send": "sent", "record": "recorded"}[beside]
            assert states[0] == (first if other.status_code == 200 else "sent")
            assert (payments[0] in in_run) or other.status_code == 200
        outcomes.add((run.status_code, other.status_code))
        # What is left over disturbs no later round.
        if run.status_code == 201:
            ok(await runs.cancel(run.json()["id"]))
        await world.pool.execute("UPDATE grant_payments SET planned_on = '2199-12-31' WHERE territory = $1"
                                 " AND status = 'approved'", world.territory)  # fmt: skip
    assert outcomes


async def test_a_run_is_cancelled_or_handed_over_and_never_both(world: World) -> None:
    runs = await Runs.of(world)
    second = await subject(world, "treasurer")
    seen_ends = set()
    for attempt in range(6):
        await runs.paying.approved(1)
        run = (await runs.made())["id"]
        cancellation = runs.treasurer.post(
            f"payment-runs/{run}/cancel", {"reason": "Mistaken."}, headers={"If-Match": "*"}
        )
        acts = [cancellation, runs.file(run, second)]
        answers = await asyncio.gather(*(acts if attempt % 2 else acts[::-1]))
        cancelled, file = answers if attempt % 2 else answers[::-1]
        assert sorted((cancelled.status_code, file.status_code)) == [200, 409], (cancelled.text, file.text)
        end = (await runs.read(run))["status"]
        assert end == ("cancelled" if cancelled.status_code == 200 else "handed_over")
        seen_ends.add(end)
        await consistent(world)


@pytest.mark.parametrize("beside", ["record", "bank details"])
async def test_a_file_is_handed_over_before_its_payments_change_or_not_at_all(world: World, beside: str) -> None:
    runs = await Runs.of(world)
    second = await subject(world, "treasurer")
    for attempt in range(4):
        payment = await runs.paying.approved(1)
        run = (await runs.made())["id"]
        path, body = f"{runs.paying.path(payment)}/record", {"paid_on": DAYS["today"]}
        if beside == "bank details":
            path, body = f"{await proposed_details(runs, 200 + attempt)}/approve", {}
        act = second.post(path, body or None, headers={"If-Match": "*"})
        acts = [runs.file(run), act]
        answers = await asyncio.gather(*(acts if attempt % 2 else acts[::-1]))
        file, other = answers if attempt % 2 else answers[::-1]
        assert other.status_code == 200, other.text
        if file.status_code == 409:
            assert file.json()["type"] == "/problems/payment-run-outdated"
            ok(await runs.cancel(run))
        else:
            assert (await runs.read(run))["status"] == "handed_over"
        await consistent(world)


async def test_a_line_is_rejected_once_however_it_is_told(world: World) -> None:
    runs = await Runs.of(world)
    second = await subject(world, "treasurer")
    for _ in range(3):
        payment = await runs.paying.approved(1)
        run = (await runs.made())["id"]
        await runs.hand_over(run)
        [line] = [line for line in await runs.lines(run) if line["payment_id"] == payment]
        by_payment = {"rejected_on": DAYS["today"], "reason": "AC04"}
        answers = await asyncio.gather(
            runs.reject(run, line["id"]),
            runs.paying.act(payment, "reject", by_payment, by=second),
            runs.paying.act(payment, "record", {"paid_on": DAYS["today"]}, by=second),
        )
        rejected = [answer.status_code for answer in answers[:2]].count(200)
        assert {answer.status_code for answer in answers} <= {200, 409, 412}
        assert rejected + (answers[2].status_code == 200) >= 1
        [line] = [line for line in await runs.lines(run) if line["payment_id"] == payment]
        assert (rejected, line["outcome"]) in {(0, "paid"), (1, "rejected")}
        await consistent(world)


# --- the database is the last line ------------------------------------------------------------------------------------

COPY = (
    "INSERT INTO payment_run_lines (territory, run_id, position, payment_id, bank_details_id, amount_cents, text)"
    " SELECT territory, run_id, {position}, payment_id, bank_details_id, {amount}, text FROM payment_run_lines"
    " WHERE run_id = $1"
)
COPIED = (
    "INSERT INTO payment_runs (territory, account_id, cut_off_on, execution_on, payments, total_cents, format,"
    " payer_name, file_hmac, size_bytes, made_by, created_at, updated_at) SELECT territory, account_id, {cut_off},"
    " execution_on, payments, total_cents, format, payer_name, file_hmac, size_bytes, made_by, created_at, updated_at"
    " FROM payment_runs WHERE id = $1"
)
HANDED = "status = 'handed_over', handed_over_by = made_by, handed_over_at = now()"
ATTACKS = {
    **{
        f"payment_run_transition: {column}": f"UPDATE payment_runs SET {column} = {value} WHERE id = $1"
        for column, value in {
            "total_cents": "1", "payments": "9", "sha256": "repeat('0', 64)", "file_hmac": "repeat('0', 64)",
            "execution_on": "'2199-12-31'",
            "account_id": "uuidv7()", "payer_name": "'X'", "made_by": "uuidv7()", "created_at": "now()",
            "status": "'ready'",
        }.items()
    },
    "payment_run_state": "UPDATE payment_runs SET status = 'cancelled' WHERE id = $1",
    "payment_runs_append_only": "DELETE FROM payment_runs WHERE id = $1",
    "payment_run_lines_append_only": "DELETE FROM payment_run_lines WHERE run_id = $1",
    "payment_run_already_made": COPIED.format(cut_off="cut_off_on"),
    "payment_run_differs": COPIED.format(cut_off="cut_off_on - 1"),
    **{
        f"payment_run_line_transition: {column}": f"UPDATE payment_run_lines SET {column} = {value} WHERE run_id = $1"
        for column, value in {"amount_cents": "2", "payment_id": "uuidv7()", "tranche_id": "uuidv7()",
                              "bank_details_id": "uuidv7()", "text": "'X'", "position": "2"}.items()
    },
    "payment_run_line_ended_as": "UPDATE payment_run_lines SET ended_as = 'lost' WHERE run_id = $1",
    "payment_run_line_rejection": "UPDATE payment_run_lines SET ended_as = 'rejected' WHERE run_id = $1",
    "payment_run_line_differs: amount": COPY.format(position="1", amount="2"),
    "payment_run_line_differs: position": COPY.format(position="2", amount="amount_cents"),
    "payment_run_lines_run_id_position_key": COPY.format(position="1", amount="amount_cents"),
    "payment_not_handed_over": "UPDATE grant_payments SET status = 'approved', sent_on = NULL WHERE id ="
                               " (SELECT payment_id FROM payment_run_lines WHERE run_id = $1)",
}  # fmt: skip


async def test_the_database_refuses_what_nobody_may_do_to_a_run(world: World) -> None:
    runs = await Runs.of(world)
    await runs.paying.approved(1)
    run = (await runs.made())["id"]
    for attack, statement in ATTACKS.items():
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
            await world.pool.execute(statement, run)
        assert refused.value.constraint_name == attack.partition(":")[0], attack
    await world.pool.execute("UPDATE firm_bank_details SET status = 'withdrawn', ended_at = now(), end_reason = 'No.'"
                             " WHERE territory = $1", world.territory)  # fmt: skip
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await world.pool.execute(f"UPDATE payment_runs SET {HANDED} WHERE id = $1", run)
    assert refused.value.constraint_name == "payment_run_outdated"


async def test_who_awarded_a_grant_makes_no_run_of_it_and_a_program_may(world: World) -> None:
    runs = await Runs.of(world)
    await runs.paying.approved(1)
    async with world.pool.acquire() as connection:
        await connection.execute(
            "INSERT INTO members (subject_id, role, territory, from_on, approved_at, created_at, updated_at)"
            " VALUES ($1, 'treasurer', $2, '2020-01-01', now(), now(), now())",
            world.subjects["funder"],
            world.territory,
        )
    program = await subject(world, "treasurer", kind="service_account")
    both = await subject(world, "funder", "treasurer")
    await (await runs.another(by=both)).approved(1)
    problem(await runs.make(by=both), 403, "decider-pays")
    run = ok(await runs.make(by=program), 201)
    assert run["payments"] == 2
    problem(await runs.cancel(run["id"], by=both), 403, "decider-pays")
    await runs.hand_over(run["id"], by=program)
