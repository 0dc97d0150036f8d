"""`rebond check` finds every balance that does not agree, and nothing where all do."""

import asyncio
from typing import Any

import asyncpg
import httpx2
import pytest

from app import cli
from app.commands import check
from app.core.db import create_engine
from app.integrations.seals.service import seal_events
from app.main import create_app
from app.settings import Settings
from tests.applications import meetings
from tests.applications.acts import done, draft, submitted
from tests.conftest import plain
from tests.directory import siret_of
from tests.engineering.deliverables import acts as deliverables
from tests.engineering.invoices import acts as invoices
from tests.envelopes.acts import Acts
from tests.missions.frameworks.acts import a_framework, ordered
from tests.missions.test_orders import bare
from tests.projects.acts import filed
from tests.roadmap.acts import in_force
from tests.treasury.collecting import a_collection
from tests.treasury.runs import a_run
from tests.world import World, ok

# A planted difference for each query: bare SQL, run with triggers and foreign keys off.
PLANTED = {
    "seal of the events":
        "UPDATE events SET type = 'firm.deleted' WHERE sequence = (SELECT min(sequence) FROM events)",
    "EPCI of a laureate territory": "UPDATE territories SET status = 'closed'",
    "laureate territory of an EPCI": "DELETE FROM laureate_epcis",
    "days entered of a mission": "UPDATE mission_days SET days_entered = days_entered + 0.25",
    "days before each step of a mission": "UPDATE mission_days SET steps = '{2023-06-02}'",
    "days ordered of a mission": "UPDATE mission_days SET days_ordered = days_ordered + 0.25",
    "days allotted of a mission":
        "UPDATE mission_days SET days_allotted = days_allotted - 0.25 WHERE days_allotted > 0",
    "days entered of a member": "UPDATE member_days SET days_entered = days_entered + 0.25 WHERE days_entered > 0",
    "days allotted to a member": "UPDATE mission_members SET days_allotted = days_allotted + 0.25",
    "a person's day": "DELETE FROM person_days",
    "days taken back of an entry": "UPDATE correctable_days SET days = 0",
    "days corrected of an entry": "UPDATE correctable_days SET days_corrected = 0.25",
    "balance of an account": "UPDATE account_balances SET balance_cents = balance_cents + 1 WHERE account = 'repaid'",
    "closings of an account": "UPDATE account_days SET closing_cents = closing_cents + 1 WHERE account = 'released'",
    "entries with the right running balance":
        "UPDATE ledger_entries SET debit_balance_cents = debit_balance_cents + 1 WHERE act = 'award'",
    "settings of a mission": "UPDATE mission_settings SET name = 'Another'",
    "acts of a member's allotment": "UPDATE allotments SET days = days + 0.25",
    "text of an adopted roadmap": "UPDATE roadmap_versions SET title = 'Another' WHERE status = 'adopted'",
    "acts of a deliverable": "UPDATE deliverables SET passage_number = passage_number + 1",
    "persons who delivered a deliverable": "UPDATE deliverables SET deliverers = '{}' WHERE state <> 'expected'",
    "state of a deliverable": "UPDATE deliverables SET verification_ends_on = verification_ends_on + 1",
    "certified, invoiced and to invoice of a member":
        "UPDATE member_invoicing SET certified_cents = certified_cents + 1, to_invoice_cents = to_invoice_cents + 1",
    "members with certificates": "DELETE FROM member_invoicing",
    "amount of an invoice": "UPDATE invoices SET amount_cents = amount_cents + 1, total_cents = total_cents + 1",
    "VAT of an invoice": "UPDATE invoices SET vat_cents = vat_cents + 1, total_cents = total_cents + 1",
    "acts of an invoice": "UPDATE invoices SET passage_number = passage_number + 1",
    "state of an invoice": "UPDATE invoices SET received_on = '2020-01-01'",
    "orders of a framework": "UPDATE frameworks SET days_peak = days_peak + 1 WHERE days_peak > 0",
    "maximum of a framework": "UPDATE framework_maxima SET max_days = 1",
    "framework of an amendment":
        "UPDATE orders SET framework_id = NULL, amount_cents = NULL"
        " WHERE kind = 'amendment' AND framework_id IS NOT NULL",
    "months locked of a mission": "DELETE FROM month_locks",
    "days of a certificate": "UPDATE service_certificates SET days = days + 0.25",
    "days of an activity report that stands": "UPDATE activity_reports SET days = days + 0.25",
    "entry of a correction":
        "UPDATE time_entries SET status = 'validated', certificate_id = NULL, certified_by = NULL, certified_at = NULL"
        " WHERE status = 'certified'",
    "certified days of a member": "DELETE FROM time_entries WHERE status = 'certified'",
    "amount of a certificate": "UPDATE service_certificate_lines SET days = 2 * days, amount_cents = 2 * amount_cents",
    "numbers of the certificates of a territory": "UPDATE certificate_numbers SET last_number = last_number + 1",
    "stage of a firm": "UPDATE territory_firms SET stage_since_on = stage_since_on - 1",
    "seat of a firm": "DELETE FROM firm_seats",
    "main activity of a firm": "DELETE FROM firm_activities",
    "money of a contribution": "UPDATE contributions SET amount_cents = amount_cents + 1",
    "zero-sum of a contribution":
        "UPDATE account_balances SET balance_cents = balance_cents + 1 WHERE account = 'contributor'",
    "awards of an aid that stand": "UPDATE aids SET awards = awards + 1",
    "stage of a project with awards": "UPDATE projects SET stage = 'filed' WHERE stage = 'contracted'",
    "firm of an award, by its aid and the last transfer":
        "UPDATE aids SET firm_siren = (SELECT min(siren) FROM firms WHERE siren <> aids.firm_siren)",
    "line of a plan for an award":
        "UPDATE financing_lines SET amount_cents = amount_cents + 1 WHERE grant_id IS NOT NULL",
    "stage of a firm with awards": "UPDATE territory_firms SET stage = 'declined' WHERE stage = 'supported'",
    "certified of a line of an aid": "UPDATE aid_lines SET certified_cents = certified_cents + 1",
    "certified of an aid": "UPDATE aids SET certified_cents = certified_cents + 1 WHERE base_cents IS NOT NULL",
    "declared of an invoice":
        "INSERT INTO declared_invoices (firm_siren, invoice_key, invoiced_on, amount_cents, declared_cents)"
        " VALUES ('910000017', '1', '2024-01-01', 1, 1)",
    "open claims of an aid": "UPDATE aids SET open_claims = open_claims + 1",
    "paid of a grant": "UPDATE grant_payments SET amount_cents = amount_cents + 1",
    "received of a recovery": "UPDATE recoveries SET received_cents = received_cents + 1",
    "set off of a recovery": "UPDATE recoveries SET planned_cents = 1",
    "claimed back of a grant": "UPDATE grants SET claimed_back_cents = claimed_back_cents + 1 WHERE paid_cents > 0",
    "recovered of a grant": "UPDATE recoveries SET set_off_cents = set_off_cents + 1",
    "paid of a grant and not recovered, in the ledger":
        "UPDATE grants SET recovered_cents = recovered_cents + 1 WHERE paid_cents > 0",
    "reports of a commitment": "UPDATE commitments SET reports = reports + 1",
    "in flight of a grant": "UPDATE grants SET in_flight_cents = 1 WHERE paid_cents + released_cents < amount_cents",
    "in flight of an advance":
        "UPDATE advances SET in_flight_cents = 1 WHERE disbursed_cents + released_cents < amount_cents",
    "total of a collection run": "UPDATE collection_runs SET total_cents = total_cents + 1",
    "total of a payment run": "UPDATE payment_runs SET total_cents = total_cents + 1",
    "payments in the open lines of a run":
        "UPDATE grant_payments SET status = 'approved', sent_on = NULL WHERE status = 'sent'",
    "commitment of a grant":
        "UPDATE grants SET released_cents = released_cents + 1 WHERE status NOT IN ('cancelled', 'reversed')",
    "acts that name an override":
        "UPDATE overrides SET status = 'used', decided_by = uuidv7(), decided_at = now(), used_by_type = 'grant',"
        " used_by_id = uuidv7(), used_on = '2023-10-03'",
    "disbursed of an advance": "UPDATE advance_tranches SET amount_cents = amount_cents + 1",
    "left of the lines of an advance":
        "UPDATE advance_line_states SET principal_left_cents = principal_left_cents - 1 WHERE principal_left_cents > 0",
    "sums of an advance, on its last day":
        "UPDATE advance_spans SET disbursed_cents = disbursed_cents + 1 WHERE replaced_at IS NULL",
    "lines of an advance, on its last day":
        "UPDATE advance_line_spans SET principal_left_cents = principal_left_cents - 1 WHERE principal_left_cents > 0",
    "days of an advance, one after the other":
        "UPDATE advance_spans SET from_on = from_on - 1 WHERE until_on = 'infinity' AND replaced_at IS NULL",
    "repaid of an advance":
        "UPDATE advance_repayments SET principal_cents = principal_cents - 1, overpaid_cents = overpaid_cents + 1",
    "waived of an advance": "UPDATE advances SET waived_cents = 1 WHERE disbursed_cents > repaid_cents",
    "parts of a receipt":
        "UPDATE receipts SET unassigned_cents = 1, principal_cents = principal_cents - 1 WHERE principal_cents > 0",
    "principal of a receipt":
        "UPDATE receipts SET fees_cents = 1, principal_cents = principal_cents - 1 WHERE principal_cents > 0",
    "refunds of a receipt":
        "UPDATE receipts SET overpaid_cents = 1, refunded_cents = 1, principal_cents = principal_cents - 1"
        " WHERE principal_cents > 0",
    "newest parts of a repayment": "DELETE FROM advance_allocations",
    "open lines of a version": "UPDATE advance_lines SET principal_cents = principal_cents + 1 WHERE NOT kept",
    "commitment of an advance":
        "UPDATE advances SET released_cents = released_cents + 1 WHERE status NOT IN ('cancelled', 'reversed')",
    "base of an aid file": "UPDATE applications SET base_cents = base_cents + 1",
    "acts of an aid file": "UPDATE applications SET passage_number = passage_number + 1",
    "decisions of a meeting": "UPDATE agendas SET decisions_made = decisions_made + 1",
    "meetings of a series": "UPDATE meeting_series SET last_number = last_number + 1",
    "what granted an aid file": "UPDATE applications SET state = 'granted' WHERE state = 'incomplete'",
    "awards of a decision": "UPDATE committee_decisions SET grant_cents = grant_cents + 1 WHERE outcome = 'grant'",
    "decision of an award":
        "UPDATE committee_decisions SET reversed_at = now(), reversed_by = decided_by, reversal_reason = 'Planted'"
        " WHERE outcome = 'grant'",
    "state and times of an aid file": "UPDATE applications SET decision_ends_on = decision_ends_on + 1",
    "outstanding of an advance":
        "UPDATE advances SET repaid_cents = repaid_cents + 1 WHERE status NOT IN ('cancelled', 'reversed')",
}  # fmt: skip


def test_every_balance_has_a_planted_difference() -> None:
    assert PLANTED.keys() == check.CHECKS.keys() | check.COMPUTED.keys()


async def live(url: str) -> None:
    """Something of everything: days and money, judged, reversed, released."""
    own = Settings(_env_file=None, database_url=url, pool_size=5, log_level="error")
    application = create_app(own)
    async with application.router.lifespan_context(application) as state, asyncpg.create_pool(plain(url)) as pool:

        async def served(scope: Any, receive: Any, send: Any) -> None:
            scope["state"] = dict(state or {})
            await application(scope, receive, send)

        transport = httpx2.ASGITransport(app=served)
        async with httpx2.AsyncClient(transport=transport, base_url="http://rebond.test") as client:
            world = await World.create(client, pool)
            mission = await world.mission(days=10)
            await in_force(world)
            deliverable = await deliverables.ordered(world, mission)
            await deliverables.done(world, deliverable, ("deliver", "2024-01-15"))
            framework = await a_framework(world)
            other = await bare(world)
            ok(await ordered(world, other, framework, days=2, amount_cents=200_000), 201)
            ok(await ordered(world, other, framework, days=-1, amount_cents=-100_000, kind="amendment"), 201)
            ids = []
            for day in ("2023-07-04", "2023-07-05", "2023-07-06"):
                body = mission.entry(worked_on=day)
                ids.append(ok(await world.consultant.post("time-entries", body), 201)["id"])
            ok(await world.lead_judge.post(f"time-entries/{ids[0]}/validate"))
            ok(await world.consultant.post(f"time-entries/{ids[1]}/reverse", {"reason": "Wrong day"}))
            certificate = await world.certify(mission)
            made = ok(await invoices.invoice(world.consultant, certificate), 201)
            ok(await invoices.act(world.consultant, made["id"], "deposit"))
            proposal = {"entry_id": ids[0], "days": 0, "reason": "Not worked."}
            ok(await world.consultant.post("time-entry-corrections", proposal), 201)
            reported = {"consultant_id": mission.partner_consultant, "month": "2023-07"}
            ok(await world.consultant.post("activity-reports", reported), 201)
            month = {"mission_id": mission.id, "month": "2023-07"}
            ok(await world.operator.post("month-locks", month), 201)
            siren, staff = await world.add_firm(), world.clients["territory"]
            ok(await staff.patch(f"/v1/firms/{siren}", {"naf_code": "25.62B", "naf_version": "naf_rev2"}))
            ok(await staff.put(f"/v1/firms/{siren}/sites/{siret_of(siren)}", {"seat_from_on": "2019-03-01"}), 201)
            for stage, day in (
                ("solicited", "2023-06-20"),
                ("interviewed", "2023-07-04"),
                ("identified", "2023-06-01"),
            ):
                ok(await staff.put(f"firms/{siren}", {"stage": stage, "effective_on": day}))
            await world.owed((await world.money())["grant"])
            await a_run(world)
            await a_collection(world, await world.followed_firm())
            undone = await world.money()
            acts = Acts(world, numbers=100)
            file = await submitted(world)
            await done(world, file, "request-documents", "2024-02-01", given_until_on="2024-03-01")
            await draft(world)
            decided = await meetings.admitted(world)
            for level, outcome in (("territorial", "pre_select"), ("state_region", "grant")):
                path = await meetings.meeting(world, level)
                await meetings.frozen(world, path, meetings.item(decided, outcome))
                await meetings.decided(
                    world, path, meetings.decision(decided, outcome, grant_cents=10, advance_cents=0)
                )
            plan = await filed(world)
            aided = {"siren": plan["holders"][0]["siren"], "project_id": plan["id"]}
            line = {"kind": "rebond_grant", "source": "Rebond", "amount_cents": 20, "status": "requested"}
            drafted = {"status": "draft", "lines": [line]}
            ok(await staff.put(f"projects/{plan['id']}/financing", drafted), 201)
            ok(await acts.grant(10, **aided), 201)
            why, star = {"reason": "Why"}, {"If-Match": "*"}
            path = f"advances/{undone['advance']}"
            ok(await world.treasurer.post(f"{path}/repayments/{undone['repayment']}/reverse", why, headers=star))
            ok(await world.treasurer.post(f"{path}/tranches/{undone['tranche']}/reverse", why, headers=star))
            ok(await world.funder.post(f"{path}/reverse", why, headers=star))
            path = f"grants/{undone['grant']}"
            ok(await world.treasurer.post(f"{path}/payments/{undone['payment']}/reverse", why, headers=star))
            ok(await world.funder.post(f"{path}/release", why, headers=star))
        assert state is not None
        await seal_events(state["engine"])


@pytest.fixture(scope="module")
def lived_in(new_database: Any) -> str:
    url: str = new_database("balances")
    asyncio.run(live(url))
    return url


def computed(url: str) -> tuple[int, list[check.Difference]]:
    async def compute() -> tuple[int, list[check.Difference]]:
        engine = create_engine(url, pool_size=1)
        try:
            return await check.differences(engine)
        finally:
            await engine.dispose()

    return asyncio.run(compute())


def alter(url: str, *statements: str) -> None:
    """Bare SQL that neither triggers nor foreign keys hold back."""

    async def run() -> None:
        connection = await asyncpg.connect(plain(url))
        try:
            async with connection.transaction():
                await connection.execute("SET LOCAL session_replication_role = replica")
                for statement in statements:
                    await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


def test_nothing_differs_in_a_database_that_was_lived_in(lived_in: str) -> None:
    checked, found = computed(lived_in)
    assert found == []
    assert checked > 50


def attacked(url: str, *statements: str, only: str = "") -> dict[str, set[str]]:
    """What each query finds, or one, after bare SQL that no trigger or foreign key holds back; all rolled back."""

    async def run() -> dict[str, set[str]]:
        connection = await asyncpg.connect(plain(url))
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute("SET LOCAL session_replication_role = replica")
            for statement in statements:
                changed = int((await connection.execute(statement)).rpartition(" ")[2])
                assert changed > 0
            found = {
                balance: {key for key, entries, says in await connection.fetch(query) if entries != says}
                for balance, query in check.CHECKS.items()
                if only in ("", balance)
            }
            for balance, (query, compute) in check.COMPUTED.items():
                if only not in ("", balance):
                    continue
                rows = map(compute, await connection.fetch(query))
                found[balance] = {key for key, entries, says in rows if entries != says}
            return found
        finally:
            await transaction.rollback()
            await connection.close()

    return asyncio.run(run())


@pytest.mark.parametrize("balance", PLANTED)
def test_each_query_finds_its_planted_difference(lived_in: str, balance: str) -> None:
    found = attacked(lived_in, PLANTED[balance], only=balance)
    assert found[balance]
    assert all(found[balance])


def test_an_entry_that_is_gone_is_missed_on_both_sides(lived_in: str) -> None:
    found = attacked(
        lived_in,
        "DELETE FROM ledger_entries e WHERE act = 'payment' AND reverses_id IS NULL"
        " AND NOT EXISTS (SELECT FROM ledger_entries r WHERE r.reverses_id = e.id)",
    )
    accounts = {key.rpartition(" ")[2] for key in found["balance of an account"]}
    assert accounts == {"grants_paid", "grants_committed"}
    assert found["commitment of a grant"]
    assert not found["zero-sum of a contribution"]


def test_a_running_balance_is_held_against_all_entries_before_it(lived_in: str) -> None:
    """Also one in the middle, that the account's balance does not show."""
    found = attacked(
        lived_in,
        "UPDATE ledger_entries SET credit_balance_cents = credit_balance_cents + 1 WHERE id ="
        " (SELECT id FROM ledger_entries WHERE credit = 'available' ORDER BY id LIMIT 1)",
    )
    assert {name for name, keys in found.items() if keys} == {"entries with the right running balance"}


def command(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str
) -> tuple[Any, list[str]]:
    """Exit code and lines of `rebond check` on this database."""
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setattr("sys.argv", ["rebond", "check", *words])
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return stopped.value.code, capsys.readouterr().out.splitlines()


def test_the_command_says_what_differs_and_exits_with_one(
    new_database: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_database("check_cli")
    asyncio.run(live(url))
    code, lines = command(url, capsys, monkeypatch)
    assert code in (0, None)
    assert lines == [f"{computed(url)[0]} balances computed again, 0 differ"]
    alter(url, "UPDATE grants SET paid_cents = paid_cents + 1 WHERE paid_cents > 0")
    checked, found = computed(url)
    in_the_ledger = "paid of a grant and not recovered, in the ledger"
    assert {each.balance for each in found} == {"paid of a grant", "commitment of a grant", in_the_ledger}
    code, lines = command(url, capsys, monkeypatch)
    assert code == 1
    assert lines[-1] == f"{checked} balances computed again, 3 differ"
    grant = found[0].key
    assert f"paid of a grant, {grant}: the entries come to 1000000, the balance says 1000001" in lines
    alter(url, "UPDATE grants SET paid_cents = paid_cents - 1 WHERE paid_cents > 0")
    assert command(url, capsys, monkeypatch)[0] in (0, None)
