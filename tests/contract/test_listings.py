"""One Select, every representation: columns are the schema's fields, and a list costs one query whatever its length."""

import asyncio
import contextlib
import secrets
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from sqlalchemy import ScalarSelect, event

from app.awards.kinds import KINDS, AwardKind
from app.core import clock
from app.core.reading.listing import Listing
from app.core.schemas import Read
from app.main import ACCESSES, ROUTERS, WATCH
from tests.contract.cures.decisions import closed_meeting
from tests.contract.cures.files import admissible
from tests.contract.document import document
from tests.directory import siret_of
from tests.engineering.deliverables.acts import done
from tests.engineering.deliverables.acts import ordered as deliverable_of
from tests.engineering.invoices.acts import act, invoice
from tests.engineering.planning.acts import line, plan, state
from tests.missions.frameworks.acts import a_framework, a_parameter, ordered
from tests.missions.test_orders import bare
from tests.treasury.collecting import a_collection
from tests.treasury.runs import a_run
from tests.world import AMENDED, Client, Mission, World, fresh_siren, ok


def made(value: Any) -> dict[str, Listing]:
    """The Listings of a table of them, or those that a function makes, one for each instrument of aid, by what its
    place ends with.
    """
    if isinstance(value, Mapping):
        return {f"[{_named(key)}]": listing for key, listing in value.items() if isinstance(listing, Listing)}
    if getattr(value, "__annotations__", None) != {"kind": AwardKind, "return": Listing}:
        return {}
    return {f"({resource})": value(kind) for resource, kind in KINDS.items()}


def _named(key: Any) -> str:
    """A key of a table, spelled alike in every process."""
    return "+".join(sorted(key)) if isinstance(key, frozenset) else str(key)


def listings() -> dict[str, Listing]:
    """Every Listing of the application, by its place."""
    found: dict[str, Listing] = {}
    for module in sorted(name for name in sys.modules if name.startswith("app.")):
        for name, value in vars(sys.modules[module]).items():
            for ending, listing in ({"": value} if isinstance(value, Listing) else made(value)).items():
                place = f"{getattr(value, '__module__', module) if ending else module}.{name}{ending}"
                if listing not in found.values() and place not in found:
                    found[place] = listing
    return found


LISTINGS = listings()


def test_the_walk_finds_the_listings_of_every_domain() -> None:
    assert len(LISTINGS) >= 16
    domains = {str(router.tags[0]) for router in ROUTERS} - {"service", "reports"}
    assert {name.split(".")[1] for name in LISTINGS} == domains


@pytest.mark.parametrize("place", sorted(LISTINGS))
def test_a_select_has_exactly_the_fields_of_its_schema(place: str) -> None:
    listing = LISTINGS[place]
    assert listing.fields == list(listing.schema.model_fields)
    assert [column.name for column in listing.rows.selected_columns] == listing.fields, "the database says another name"
    assert len(set(listing.fields)) == len(listing.fields)


@pytest.mark.parametrize("place", sorted(LISTINGS))
def test_a_read_schema_has_no_default(place: str) -> None:
    assert [name for name, field in LISTINGS[place].schema.model_fields.items() if not field.is_required()] == []


@pytest.mark.parametrize("place", sorted(LISTINGS))
def test_an_object_with_a_version_shows_it(place: str) -> None:
    listing = LISTINGS[place]
    assert ("version" in listing.fields) is (listing.version is not None)
    assert {listing.key.key, listing.key_name} & set(listing.fields)


def source(column: Any) -> Any:
    """The table's column behind a label; a value that is looked up by its key is that of the column looked up."""
    behind = next(iter(column.base_columns))
    found = behind if isinstance(behind, ScalarSelect) else getattr(behind, "element", None)
    return source(*found.element.selected_columns) if isinstance(found, ScalarSelect) else behind


def origin(column: Any) -> str | None:
    """The table that a column comes from; None for what is computed."""
    return getattr(getattr(source(column), "table", None), "name", None)


# Their columns are sums over other tables, or chosen by them (the diffusion of a site, and who follows the firm): the
# walk does not see that.
SUMS = {f"app.missions.frameworks.queries.{name}" for name in ("FRAMEWORKS", "FRAMEWORKS_AS_OF")}
SUMS |= {f"app.firms.queries.{name}" for name in ("FIRMS", "SITES", "PROCEEDINGS")}


@pytest.mark.parametrize("place", sorted(LISTINGS))
def test_a_listing_that_shows_a_neighbour_says_so(place: str) -> None:
    """A neighbour's new name changes the object's bytes without a new version: its ETag needs the digest."""
    listing = LISTINGS[place]
    shown = {table for column in listing.rows.selected_columns if (table := origin(column)) is not None}
    own = origin(listing.key if listing.version is None else listing.version)
    assert listing.derived is (bool(shown - {own}) or place in SUMS) or listing.version is None


PEOPLE = {
    "subjects": {"name", "email"},
    "contacts": {"name", "function", "email", "phone", "external_id"},
    "firm_owners": {"name"},
    "firm_notes": {"text"},
}

# What people write about a meeting may name somebody; a list of names is no column of its own. A person may hold an
# account, or have sent an invoice.
TOLD = {
    "app.advances.receipts.queries.RECEIPTS": {"payer_name"},
    "app.firms.bank_details.queries.BANK_DETAILS": {"holder_name"},
    "app.firms.bank_details.queries.ALL_BANK_DETAILS": {"holder_name"},
    "app.treasury.runs.queries.LINES": {"holder_name"},
    "app.auditions.queries.AUDITIONS": {"consultant_names", "reason", "findings", "needs", "follow_up"},
    "app.auditions.queries.NOTES": {"body"},
    "app.integrations.imports.queries.PROBLEMS": {"found", "detail", "detail_fr"},
    "app.integrations.imports.queries.TERRITORY_PROBLEMS": {"found", "detail", "detail_fr"},
    "app.awards.claims.queries.CLAIMS": {"lines"},
    **{f"app.awards.claims.queries.claims_of({resource})": {"lines"} for resource in KINDS},
    "app.awards.claims.queries.CLAIMED_INVOICES": {"supplier_name"},
    "app.applications.decisions.queries.RECORDS": {"content"},
    "app.awards.letters.document.LETTERS": {"content"},
    "app.engineering.activity_reports.document.ACTIVITY_REPORTS": {"consultant_signed_name", "lead_signed_name"},
    **{
        f"app.engineering.planning.queries.{each}": {"lines", "overplanned"}
        for each in ("PLAN", "PLAN_AS_OF", "PLAN_VERSIONS")
    },
    "app.committees.queries.COMMITTEES": {"members", "reason", "minutes"},
}


def test_names_and_addresses_of_people_are_declared_personal() -> None:
    """A name that travels from `subjects` or `contacts` is a person's, whatever the field is called."""
    for place, listing in LISTINGS.items():
        personal = set(TOLD.get(place, ()))
        for column in listing.rows.selected_columns:
            if source(column).key in PEOPLE.get(str(origin(column)), ()):
                personal.add(str(column.key))
            if column.key == "address":  # of a sole trader it is often a home
                personal.add(column.key)
        if place.endswith("SERVICE_ACCOUNTS"):  # a program is no person
            personal = set()
        assert set(listing.personal) == personal, place


def test_no_other_schema_holds_personal_fields_in_secret() -> None:
    shown = {listing.schema for listing in LISTINGS.values()}
    rest = [schema for schema in Read.__subclasses__() if schema not in shown and schema.__module__.startswith("app.")]
    # No event tells of the weeks of a plan, a timesheet, a record, a seat, a claim's lines, a story, what a letter, a
    # report or a copy of a file says, what is given out about a contact, what a search finds, or who is calling.
    assert sorted(schema.__name__ for schema in rest if schema.personal()) == [
        "ActivityReportContent", "AmendmentRead", "AnnotatedFile", "ClaimLine", "HalfYearlyRead", "LetterContent",
        "Me", "MemberRead", "Overplanned", "PlannedWeek", "RecordContent", "RecordedRead", "SearchResult",
        "StoryEntry", "Timesheet",
    ]  # fmt: skip


# --- how many queries -----------------------------------------------------------------------------------------------


class Queries(list[str]):
    """The statements that the application sends while it is watched, but for the frame of a transaction."""


@contextlib.contextmanager
def watched(app: Any) -> Iterator[Queries]:
    """Statements of sessions are seen by SQLAlchemy, those of raw connections by asyncpg's logger."""
    engine = app.state["engine"].sync_engine
    seen = Queries()
    listening: list[Any] = []

    def by_session(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    def by_driver(record: Any) -> None:
        frame = record.query.startswith(("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT"))
        frame = frame or any(
            word in record.query for word in ("pg_catalog", "set_config")
        )  # a new connection learns the server's types
        if not frame and record.query not in seen[-3:]:  # an executemany of a session is told by both
            seen.append(record.query)

    def checked_out(connection: Any, *_: Any) -> None:
        task = asyncio.current_task()
        if task is not None and task.get_name() in (WATCH, ACCESSES):
            return  # what the service asks by itself
        driver = connection.driver_connection
        driver.add_query_logger(by_driver)
        listening.append(driver)

    def checked_in(connection: Any, *_: Any) -> None:
        if connection is not None and connection.driver_connection in listening:
            connection.driver_connection.remove_query_logger(by_driver)
            listening.remove(connection.driver_connection)

    event.listen(engine, "before_cursor_execute", by_session)
    event.listen(engine, "checkout", checked_out)
    event.listen(engine, "checkin", checked_in)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", by_session)
        event.remove(engine, "checkout", checked_out)
        event.remove(engine, "checkin", checked_in)


async def logged() -> None:
    """asyncpg tells its loggers in the loop's next turn."""
    for _ in range(3):
        await asyncio.sleep(0)


@pytest.fixture
def known_callers(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials stay known for the whole test: asking for them is not the endpoint's business."""
    monkeypatch.setattr(app.state["credentials"], "_kept", 600.0)
    app.state["credentials"].forget()


async def count(app: Any, client: Client, method: str, path: str, body: Any = None, **more: Any) -> int:
    """The number of queries of a request that succeeds, once its caller and its SQL are known."""
    ok(await client.get("/v1/me"))
    ok(await client.get("engineering"))
    with watched(app) as seen:
        arguments = {"json": body} if body is not None else {}
        ok(await client.request(method, path, **arguments, **more))
        await logged()
    return len(seen)


async def test_the_watch_sees_both_kinds_of_statements(app: Any, world: World, known_callers: None) -> None:
    ok(await world.admin.get("/v1/me"))
    with watched(app) as seen:
        ok(await world.admin.get("/v1/organisations?limit=1"))
        ok(await world.admin.post("/v1/organisations", {"name": "Watched"}), 201)
        await logged()
    assert "organisations" in seen[0]
    assert any(statement.startswith("INSERT INTO organisations") for statement in seen)
    assert any(statement.startswith("INSERT INTO events") for statement in seen)


async def fill(world: World, mission: Mission, rounds: int) -> dict[str, str]:
    """Some of everything that lists of the territory show; the ids of a grant and an advance."""
    money: dict[str, str] = {}
    ok(await world.operator.patch(f"missions/{mission.id}", {"alert_thresholds_bp": [1]}))
    for _ in range(rounds):
        name = secrets.token_hex(4)
        siren = await world.add_firm()
        ok(await world.clients["territory"].put(f"firms/{siren}", {"stage": "identified"}))
        ok(await world.clients["territory"].put(f"firms/{siren}", {"stage": "solicited"}))
        ok(await world.operator.post(f"/v1/firms/{siren}/refresh"))
        for year in (2021, 2022):
            figures = {"headcount": 34, "source": "Liasse"}
            ok(await world.clients["territory"].put(f"firms/{siren}/accounts/{year}", figures))
        proceeding = {"kind": "safeguard", "opened_on": "2024-02-06"}
        ok(await world.operator.post(f"/v1/firms/{siren}/proceedings", proceeding), 201)
        person = await world.add_person("partner")
        assignment = {"person_id": str(person), "mission_id": mission.id, "from_on": "2023-06-14"}
        consultant = ok(await world.operator.post("consultants", assignment), 201)
        order = {"kind": "amendment", "reason": "Asked for.", "reference": name, "signed_on": "2023-07-01", "days": 1}
        ok(await world.operator.post(f"missions/{mission.id}/orders", order), 201)
        leave = {"until_on": "2099-12-31", "reason": "Late."}
        ok(await world.operator.post(f"missions/{mission.id}/late-entry-leaves", leave), 201)
        organisation = ok(await world.admin.post("/v1/organisations", {"name": name}), 201)["id"]
        member = {"organisation_id": organisation, "role": "partner", "days_allotted": 0, "decided_on": "2023-07-01"}
        ok(await world.operator.post(f"missions/{mission.id}/members", member), 201)
        ok(await world.operator.post("missions", {"name": name}), 201)
        ok(await world.programme.put(f"perimeter/{1950 + secrets.randbelow(200)}", {"communes": _COMMUNES}))
        entry = {**mission.entry(days=0.25, worked_on="2023-07-05"), "consultant_id": consultant["id"]}
        ok(await world.consultant.post("time-entries", entry), 201)
        reported = {"consultant_id": consultant["id"], "month": "2023-07"}
        ok(await world.consultant.post("activity-reports", reported), 201)
        home = f"/v1/organisations/{world.organisations['partner']}"
        account = ok(await world.admin.post(f"{home}/service-accounts", {"name": name}), 201)
        role = {"subject_id": account["id"], "role": "consultant", "territory": world.territory}
        ok(await world.admin.post("/v1/members", role), 201)
        ok(await world.admin.post("/v1/api-keys", {"subject_id": account["id"], "name": name}), 201)
        money = await world.money() | await world.meetings() | await world.plans()
        money |= await world.owed(money["grant"]) | await world.amended(money["advance"])
        money |= await world.arrears(money["advance"], money["firm"])
        money |= await world.received()
        await world.papers(siren)
        money |= await a_run(world)
        payer = await world.followed_firm()
        money |= {"payer": payer} | await a_collection(world, payer)
        deliverable = await deliverable_of(world, mission)
        await done(world, deliverable, ("deliver", "2024-01-15"), ("verify", "2024-01-16"))
        money |= {"deliverable": deliverable["id"]}
        await plan(world, mission, line("2023-W26", 1 + secrets.randbelow(20)))
        await state(world, mission, 5)
        framework = await a_framework(world)
        ok(await ordered(world, await bare(world), framework), 201)
        await a_parameter(world, framework)
        money |= {"framework": framework}
        file = await admissible(world)
        firsts = {"organisation_id": organisation, "profile": "senior", "from_on": "2020-01-01"}
        ok(await world.operator.post(f"missions/{mission.id}/rates", {**firsts, "day_rate_cents": 90_000}), 201)
        day = f"2023-0{6 + secrets.randbelow(3)}-{15 + secrets.randbelow(14)}"
        again = {**entry, "worked_on": day, "consultant_id": mission.partner_consultant}
        validated = ok(await world.consultant.post("time-entries", again), 201)
        ok(await world.lead_judge.post(f"time-entries/{validated['id']}/validate"))
        known = ok(
            await world.operator.get(f"missions/{mission.id}/rates?organisation_id={world.organisations['partner']}")
        )
        if not known["items"]:
            await world.rates(mission)
        certificate = await world.certify(mission)
        money["invoice"] = ok(await invoice(world.consultant, certificate), 201)["id"]
        ok(await act(world.consultant, money["invoice"], "deposit"))
        proposal = {"entry_id": validated["id"], "days": 0, "reason": "Not worked."}
        ok(await world.consultant.post("time-entry-corrections", proposal), 201)
        lock = ok(await world.operator.post("month-locks", {"mission_id": mission.id, "month": "2021-06"}), 201)
        ok(await world.operator.post(f"month-locks/{lock['id']}/reopen", {"reason": "Again."}))
        money |= {"application": file["id"], "decided": (await closed_meeting(world))["committee"]}
        money |= {"import": await world.add_import(world.territory), "national_import": await world.add_import(None)}
    return money


_COMMUNES = [{"insee_code": "30007", "name": "Alès"}, {"insee_code": "30010", "name": "Anduze"}]

# collection → its queries; every list is one statement
LISTS = [
    "/v1/organisations", "/v1/organisations/{partner}/persons", "/v1/organisations/{partner}/service-accounts",
    "/v1/organisations/{office}/bank-accounts", "payment-runs", "payment-runs/{run}/lines",
    "collection-runs", "collection-runs/{collection}/lines", "firms/{payer}/mandates",
    "/v1/access-records", "/v1/events/seals", "/v1/members", "/v1/api-keys", "/v1/me/keys",
    "/v1/waves", "/v1/territories", "/v1/firms", "/v1/firms/{siren}/sites",
    "/v1/schemes", "/v1/schemes/rebond_industriel/parameters", "/v1/legal-rates", "/v1/refinancing-rates",
    "/v1/quotas", "/v1/frameworks", "/v1/frameworks/{framework}/orders", "/v1/frameworks/{framework}/parameters",
    "/v1/firms/{siren}/activities", "/v1/firms/{siren}/seats", "/v1/firms/{siren}/proceedings", "perimeter", "firms",
    "firms/{siren}/stages", "firms/{siren}/accounts", "bank-details", "firms/{siren}/bank-details",
    "firms/{siren}/certificates",
    "deliverables", "missions/{mission}/deliverables", "missions/{mission}/deliverables/{deliverable}/history",
    "missions", "missions/{mission}/orders", "missions/{mission}/late-entry-leaves",
    "missions/{mission}/members", "missions/{mission}/plan/versions", "missions/{mission}/remaining-days",
    "consultants", "time-entries", "engineering", "envelope/contributions",
    "envelope/entries", "grants", "grant-payments", "grants/{grant}/payments", "advances",
    "advances/{advance}/tranches", "advances/{advance}/notices", "advances/{advance}/accelerations",
    "advances/{advance}/debt-claims", "debt-claims", "advance-alerts", "instalments", "/v1/instalments",
    "/v1/advances", "/v1/grants", "/v1/time-entries", "/v1/projects", "/v1/applications",
    "advance-tranches",
    "advance-amendments",
    "receipt-refunds",
    "recoveries", "grants/{grant}/recoveries", "grants/{grant}/recoveries/{recovery}/receipts", "commitments",
    "letters",
    "grants/{grant}/commitments", "grants/{grant}/commitments/{commitment}/reports",
    "advances/{advance}/commitments", "advances/{advance}/commitments/{commitment}/reports",
    "claims", "claim-lines", "grants/{grant}/claims", "advances/{advance}/claims",
    "grants/{grant}/acts", "advances/{advance}/acts", "grants/{grant}/change-requests",
    "advances/{advance}/change-requests",
    *(f"advances/{{advance}}/{what}" for what in AMENDED),
    "receipts", "receipts/{waiting}/refunds",
    "advances/{advance}/repayments", "overrides", "contacts", "auditions", "auditions/{audition}/notes", "committees",
    "projects", "projects?as_of=2099-12-31", "projects/{project}/stages", "projects/{project}/job-observations",
    "projects/{project}/financing/versions", "projects/{project}/funding-statements", "roadmap/versions",
    "roadmap/actions", "roadmap/actions/{action}/states", "/v1/imports", "/v1/imports/{national_import}/problems",
    "imports", "imports/{import}/problems",
    "missions/{mission}/allotments", "missions/{mission}/rates", "missions/{mission}/threshold-crossings",
    "month-locks", "service-certificates", "invoices", "invoices/{invoice}/history",
    "activity-reports", "/v1/lookups/persons", "/v1/lookups/organisations",
    "time-entry-corrections", "applications", "applications/{application}/history",
    "applications/{application}/documents", "committees/{decided}/agenda/versions", "committees/{decided}/decisions",
]  # fmt: skip


# Lists whose rows do not grow between the two rounds: one wave, one reader's territories, the parts of one object.
ONE_PARENT = {
    "/v1/events/seals",
    "missions/{mission}/deliverables/{deliverable}/history", "invoices/{invoice}/history",
    "payment-runs/{run}/lines", "collection-runs/{collection}/lines", "firms/{payer}/mandates",
    "/v1/waves", "/v1/territories", "/v1/schemes", "/v1/schemes/rebond_industriel/parameters", "/v1/legal-rates",
    "/v1/refinancing-rates", "/v1/quotas",
    "/v1/frameworks/{framework}/orders", "/v1/frameworks/{framework}/parameters",
    "firms/{siren}/stages", "grants/{grant}/payments", "advances/{advance}/tranches", "grants/{grant}/recoveries",
    "advances/{advance}/notices", "advances/{advance}/accelerations", "advances/{advance}/debt-claims",
    "advance-alerts",
    "grants/{grant}/recoveries/{recovery}/receipts", "grants/{grant}/commitments",
    "grants/{grant}/commitments/{commitment}/reports", "advances/{advance}/commitments",
    "advances/{advance}/commitments/{commitment}/reports",
    "grants/{grant}/claims", "advances/{advance}/claims",
    "grants/{grant}/acts", "advances/{advance}/acts", "grants/{grant}/change-requests",
    "advances/{advance}/change-requests",
    *(f"advances/{{advance}}/{what}" for what in AMENDED),
    "receipts/{waiting}/refunds",
    "advances/{advance}/repayments", "auditions/{audition}/notes", "projects/{project}/stages",
    "projects/{project}/job-observations", "projects/{project}/financing/versions",
    "projects/{project}/funding-statements", "roadmap/actions", "roadmap/actions/{action}/states",
    "/v1/imports/{national_import}/problems", "imports/{import}/problems",
    "/v1/me/keys",
    "firms/{siren}/accounts", "/v1/firms/{siren}/sites", "/v1/firms/{siren}/activities",
    "/v1/firms/{siren}/seats", "/v1/firms/{siren}/proceedings", "firms/{siren}/bank-details",
    "firms/{siren}/certificates",
    "applications/{application}/history", "applications/{application}/documents",
    "committees/{decided}/agenda/versions", "committees/{decided}/decisions",
}  # fmt: skip


async def test_a_list_costs_one_query_however_many_rows(app: Any, world: World, known_callers: None) -> None:
    mission = await world.mission(days=50)
    reader = world.auditor  # who reads every list
    lengths: list[dict[str, int]] = []
    for rounds in (2, 2):
        money = await fill(world, mission, rounds)
        siren = ok(await reader.get("firms?limit=1"))["items"][0]["siren"]
        names = {**world.organisations, "siren": siren, "mission": mission.id, **money}
        found = {}
        for template in LISTS:
            path = template.format(**names)
            assert await count(app, reader, "GET", path) == 1, path
            answer = ok(await reader.get(path))
            found[template] = len(answer["items"] if "items" in answer else answer["by_member"])
        lengths.append(found)
    first, second = lengths
    grown = {template for template in LISTS if second[template] > first[template]}
    whole = {template for template in LISTS if first[template] == 50} | ONE_PARENT
    assert grown | whole == set(LISTS), "twice the rows were there"


async def test_every_collection_of_the_service_is_among_those_counted(app: Any) -> None:
    collections = {path for path, ways in document()["paths"].items() if ways.get("get", {}).get("x-listing")}
    assert len(collections) == len(LISTS) - 2  # the follow-up is no collection, projects are read in two ways


async def test_the_number_of_queries_of_each_read_is_pinned(app: Any, world: World, known_callers: None) -> None:
    mission = await world.mission(days=10)
    plans = await fill(world, mission, 1)
    entry = ok(await world.consultant.post("time-entries", mission.entry()), 201)
    firm = ok(await world.admin.get("firms"))["items"][0]["siren"]
    pinned = {
        "/v1/me": 1,
        "": 1,
        f"/v1/organisations/{world.organisations['lead']}": 1,
        f"/v1/organisations/{world.organisations['lead']}/persons/{world.subjects['lead']}": 1,
        f"/v1/firms/{firm}": 1,
        f"firms/{firm}": 1,
        "firms/funnel": 1,
        f"/v1/firms/{firm}/sites/{siret_of(firm)}": 1,
        f"firms/{firm}/accounts/2022": 1,
        "/v1/firms?q=forges%20gardon&naf_section=C&commune=30007&in_proceedings=true&count=exact": 1,
        "firms?q=forges&eu_size=small&stage=solicited&count=exact": 1,
        f"missions/{mission.id}": 1,
        f"missions/{mission.id}/members/{mission.lead_member}": 1,
        f"consultants/{mission.lead_consultant}": 1,
        f"time-entries/{entry['id']}": 1,
        "time-entries?status=submitted&worked_from=2023-01-01&sort=-worked_on&count=exact": 1,
        "missions?limit=1&count=exact": 1,
        f"engineering?mission_id={mission.id}": 1,
        f"projects/{plans['project']}": 1,
        f"projects/{plans['project']}?as_of=2199-12-31": 1,
        f"projects/{plans['project']}/financing": 1,
        f"projects/{plans['project']}/financing/versions/{plans['plan']}/compare": 1,
        "projects/totals": 1,
        "projects/totals?recorded_as_of=2024-01-01&stage=detected": 1,
        "summary?recorded_as_of=2024-01-01": 1,
        "/v1/summary?recorded_as_of=2024-01-01": 1,
        "projects/totals?as_of=2199-12-31&stage=detected&q=project": 1,
        "projects?q=project&stage=detected&amount_min_cents=0&sort=-cost_cents&count=exact": 1,
        "roadmap": 1,
        f"roadmap/versions/{plans['roadmap']}": 1,
        f"roadmap/versions/{plans['roadmap']}/compare": 1,
        f"roadmap/actions/{plans['action']}": 1,
        "summary": 1,
        "/v1/summary": 1,
        "totals": 1,
        f"/v1/firms/{firm}/totals?recorded_as_of=2024-01-01": 1,
        "applications/delays": 1,
        "engineering?as_of=2023-07-31&recorded_as_of=2024-01-01": 1,
        f"engineering/burn-down?organisation_id={world.organisations['partner']}": 1,
        f"consultants/{mission.lead_consultant}/timesheets/2023-07": 1,
        "/healthz": 0,
    }
    found = {path: await count(app, world.admin, "GET", path) for path in pinned}
    assert found == pinned
    # An empty page asks whether its parent is there; the feed asks for its horizon first.
    empty = ok(await world.operator.post("missions", {"name": "Empty"}), 201)["id"]
    assert await count(app, world.admin, "GET", f"missions/{empty}/orders") == 2
    assert 2 <= await count(app, world.admin, "GET", f"/v1/events?territory={world.territory}") <= 4


async def test_the_number_of_queries_of_each_write_is_pinned(app: Any, world: World, known_callers: None) -> None:
    mission = await world.mission(days=20)
    firm = await world.add_firm()
    entries = "time-entries"

    async def entry(days: float = 0.25, **more: Any) -> str:
        made = ok(await world.consultant.post(entries, mission.entry(days=days, **more)), 201)
        return f"{entries}/{made['id']}"

    territory = world.clients["territory"]
    day = "2023-07-1"
    amendment = {"kind": "amendment", "reason": "Asked for.", "reference": "AV-1", "signed_on": "2023-07-01", "days": 1}
    wave = ok(await world.programme.get("/v1/waves?limit=1"))["items"][0]["id"]
    calls: dict[str, tuple[Client, str, str, Any]] = {
        "enter": (world.consultant, "POST", entries, mission.entry(worked_on=f"{day}1")),
        "draft": (world.consultant, "POST", entries, mission.entry(worked_on=f"{day}2", status="draft")),
        "note": (world.consultant, "PATCH", await entry(), {"note": "Afterwards"}),
        "days": (world.consultant, "PATCH", await entry(), {"days": 0.5}),
        "submit": (world.consultant, "POST", f"{await entry(status='draft', worked_on='2023-07-19')}/submit", None),
        "recall": (world.consultant, "POST", f"{await entry()}/recall", None),
        "validate": (world.lead_judge, "POST", f"{await entry(worked_on='2023-07-20')}/validate", None),
        "reject": (world.lead_judge, "POST", f"{await entry(worked_on='2023-07-21')}/reject", {"reason": "Why?"}),
        "reverse": (world.consultant, "POST", f"{await entry(worked_on='2023-07-22')}/reverse", {"reason": "Twice."}),
        "delete": (world.consultant, "DELETE", await entry(status="draft", worked_on="2023-07-23"), None),
        "order": (world.operator, "POST", f"missions/{mission.id}/orders", amendment),
        "stage": (territory, "PUT", f"firms/{firm}", {"stage": "identified"}),
        "firm": (territory, "PUT", f"/v1/firms/{fresh_siren()}", {"name": "Counted"}),
        "found": (territory, "POST", f"/v1/firms/{fresh_siren()}/refresh", None),
        "found again": (territory, "POST", f"/v1/firms/{firm}/refresh", None),
        "wave": (world.programme, "PATCH", f"/v1/waves/{wave}", {"name": secrets.token_hex(4)}),
    }  # fmt: skip
    assert {name: await count(app, *call) for name, call in calls.items()} == {
        "enter": 1, "draft": 1, "note": 5, "days": 8, "submit": 10, "recall": 8, "validate": 7, "reject": 10,
        "reverse": 10, "delete": 5, "order": 13, "stage": 5, "firm": 4, "wave": 4,
        "found": 15, "found again": 15,
    }  # fmt: skip


async def test_the_number_of_queries_of_meetings_is_pinned_however_many_take_part(
    app: Any, world: World, known_callers: None
) -> None:
    mission = await world.mission()
    staff = world.clients["territory"]
    both = [mission.lead_consultant, mission.partner_consultant]
    found: list[dict[str, int]] = []
    for size in (2, 4):
        sirens = [await world.followed_firm() for _ in range(size)]
        people = [(await world.contact(siren))["id"] for siren in sirens]
        plan = {
            "kind": "group_meeting", "sirens": sirens, "planned_on": "2023-07-04", "mission_id": mission.id,
            "consultant_ids": both, "contact_ids": people, "needs": [{"category": "energy"}] * size,
        }  # fmt: skip
        seats = [{"kind": "organisation", "name": f"Seat {n}", "chair": n < 2} for n in range(size)]
        meeting = {"level": "territorial", "planned_at": "2023-10-03T12:00:00Z", "members": seats}
        audition = f"auditions/{(await world.audition(sirens[0]))['id']}"
        held, person = {"held_on": "2023-07-04", "findings": "Found."}, f"contacts/{people[0]}"
        committee = f"committees/{(await world.meeting())['id']}"
        body = {"siren": sirens[0], "name": "New", "purpose": "information", "legal_basis": "consent",
                "retain_until_on": clock.today().isoformat()}  # fmt: skip
        calls: dict[str, tuple[Client, str, str, Any]] = {
            "plan": (world.lead, "POST", "auditions", plan),
            "change": (world.lead, "PATCH", audition, {**plan, "consultant_ids": both}),
            "hold": (world.lead, "POST", f"{audition}/hold", held),
            "audition": (world.lead, "GET", audition, None),
            "note": (world.lead, "POST", f"{audition}/notes", {"body": "Quietly."}),
            "meeting": (staff, "POST", "committees", meeting),
            "held": (staff, "POST", f"{committee}/hold", {"held_at": "2023-10-03T12:00:00Z", "members": seats}),
            "contact": (staff, "POST", "contacts", body),
            "export": (staff, "GET", f"{person}/export", None),
            "erase": (staff, "POST", f"{person}/erase", None),
        }  # fmt: skip
        found.append({name: await count(app, *call) for name, call in calls.items()})
    assert found[0] == found[1]
    assert found[0] == {
        "plan": 15, "change": 17, "hold": 4, "audition": 1, "note": 4, "meeting": 4, "held": 7, "contact": 4,
        "export": 1, "erase": 5,
    }  # fmt: skip


async def test_a_batch_costs_the_same_however_many_rows(app: Any, world: World, known_callers: None) -> None:
    mission = await world.mission(days=100)
    days = [f"2023-0{month}-{day:02}" for month in (7, 8) for day in range(1, 29)]

    def rows(first: int, number: int) -> dict[str, Any]:
        return {"items": [mission.entry(worked_on=day, days=0.5) for day in days[first : first + number]]}

    few = await count(app, world.consultant, "POST", "time-entries/batch", rows(0, 2))
    many = await count(app, world.consultant, "POST", "time-entries/batch", rows(2, 40))
    assert few == many
