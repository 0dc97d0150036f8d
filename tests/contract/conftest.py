"""The service over a real socket, beside the application in the process of the tests; both use one database."""

import itertools
import os
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx2
import pytest

from app.access.rules import MATRIX, Role
from app.integrations.access_records import service as access_records
from app.integrations.seals.service import seal_events
from app.settings import Settings
from tests.conftest import as_service, plain, serving_in_process
from tests.contract.cures.decisions import closed_meeting
from tests.contract.cures.files import admissible
from tests.contract.server import Service, serving
from tests.directory import StandIn, siret_of
from tests.engineering.deliverables.acts import done
from tests.engineering.deliverables.acts import ordered as deliverable_of
from tests.engineering.invoices.acts import act, invoice
from tests.engineering.planning.acts import line, plan, state
from tests.in_process import InProcess
from tests.missions.frameworks.acts import a_framework, a_parameter, ordered
from tests.missions.test_orders import bare
from tests.treasury.collecting import a_collection
from tests.treasury.runs import a_run
from tests.world import AMENDED, Client, World, fresh_email, ok

HEADER_TIMEOUT = 1.0
BODY_TIMEOUT = 1.0
_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def service(database_url: str, directory: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The real service on this worker's database, impatient with slow clients."""
    home = tmp_path_factory.mktemp("service")
    patience = {"REBOND_HEADER_TIMEOUT": str(HEADER_TIMEOUT), "REBOND_BODY_TIMEOUT": str(BODY_TIMEOUT)}
    # A test that sends many bad keys says from which address, as a proxy would.
    more = {"REBOND_DIRECTORY_URL": directory.url, "REBOND_TRUSTED_PROXIES": "127.0.0.0/8"}
    workers = int(os.environ.get("REBOND_SIEGE_WORKERS", "1"))
    with serving(as_service(database_url), home, workers=workers, settings=patience | more) as running:
        yield running


@dataclass(frozen=True)
class Known:
    """A world with one of everything, and the ids of it: by the segment of its collection, or by a field's name."""

    world: World
    ids: dict[str, str]

    def value(self, path: str, name: str) -> str:
        """What stands in the address of something that exists for a parameter of this path."""
        if name == "id":
            parts = path.split("/")
            collection = parts[parts.index("{id}") - 1]
            if collection == "imports" and "{territory}" not in path:
                collection = "national_import_id"
            parents = ("missions", "frameworks", "roadmap", "agenda", "collection-runs", "advances", "recoveries")
            parent = next((known for known in parents if known in parts), "")
            return self.ids.get(f"{parent}/{collection}") or self.ids[collection]
        if name == "import_id" and "{territory}" not in path:
            name = "national_import_id"
        fixed = {"vintage": "2023", "month": "2023-07", "code": "not-found", "import_kind": "projects"}
        return fixed.get(name) or self.ids[name]

    def address(self, path: str) -> str:
        """The path of an operation, with everything in it existing."""
        return re.sub(r"\{(\w+)\}", lambda found: self.value(path, found[1]), path)

    def read_address(self, path: str) -> str:
        """The same for a GET, with the parameters without which it answers nothing."""
        asked = f"?consultant_id={self.ids['consultants']}&week=2023-W27" if path.endswith("/grid") else ""
        return self.address(path) + ("?q=a" if path.endswith("/search") else asked)

    def holder(self, permission: str | None) -> Client:
        """A client whose role gives the permission, and shows what it permits of every organisation where one does."""
        roles = MATRIX[permission or "me:read"]
        return self.world.clients[Role.AUDITOR if Role.AUDITOR in roles else max(roles)]


@pytest.fixture(scope="module")
async def known(http: httpx2.AsyncClient, pool: Any, anyio_backend: Any) -> Known:
    """Shared by the tests of a module, and changed by some: they rest on what exists, never on its values."""
    return await one_of_everything(await World.create(http, pool))


@pytest.fixture(scope="module")
def own_url(new_database: Any) -> str:
    url: str = new_database(f"alone_{next(_NUMBERS)}")
    return url


@pytest.fixture(scope="module")
async def alone(own_url: str, settings: Settings, anyio_backend: Any) -> AsyncIterator[Known]:
    """The same on a database of its own, for walks over whole lists: elsewhere these hold what all tests have made.

    Records of accesses are those of its making: their list would grow by being read.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(access_records, "EVERY", 3600.0)
        async with (
            serving_in_process(settings.model_copy(update={"database_url": own_url})) as served,
            InProcess(served) as client,
            asyncpg.create_pool(plain(own_url), min_size=1, max_size=2) as connections,
        ):
            known = await one_of_everything(await World.create(client, connections))
            await seal_events(served.state["engine"])
            writer = access_records.AccessWriter(served.state["engine"], served.state["access_trail"])
            await writer.write(all_of_it=True)
            yield known


async def one_of_everything(world: World) -> Known:
    """Everything that an address or a body may name, in this world."""
    operator, admin, own = world.operator, world.admin, world.clients["territory"]
    mission = await world.mission(days=1000, starts_on="2000-01-01", ends_on="2100-01-01")
    entry = ok(await world.consultant.post("time-entries", mission.entry(status="draft")), 201)
    order = ok(await operator.get(f"missions/{mission.id}/orders"))["items"][0]
    leave = {"until_on": "2199-01-01", "reason": "Late papers."}
    leave = ok(await operator.post(f"missions/{mission.id}/late-entry-leaves", leave), 201)
    communes = {"communes": [{"insee_code": "30007", "name": "Alès"}]}
    ok(await world.programme.put("perimeter/2023", communes), 201)
    firm = await world.followed_firm()
    ok(await own.put(f"firms/{firm}", {"stage": "interviewed"}))
    seat = {"insee_code": "30007", "seat_from_on": "2019-03-01"}
    ok(await own.put(f"/v1/firms/{firm}/sites/{siret_of(firm)}", seat), 201)
    ok(await own.patch(f"/v1/firms/{firm}", {"sole_trader": True}))
    ok(await own.put(f"/v1/firms/{firm}/owner", {"name": "Camille Exemple"}), 201)
    ok(await own.put(f"firms/{firm}/note", {"text": "Said in confidence."}), 201)
    activity = {"naf_code": "25.53Y", "naf_version": "naf_2025", "from_on": "2025-12-01"}
    ok(await own.post(f"/v1/firms/{firm}/activities", activity), 201)
    collected = await a_collection(world, firm)  # before its proceedings, in which nothing is collected
    proceeding = {"kind": "safeguard", "opened_on": "2024-02-06"}
    proceeding = ok(await own.post(f"/v1/firms/{firm}/proceedings", proceeding), 201)
    ok(await own.put(f"firms/{firm}/accounts/2022", {"headcount": 34, "source": "Liasse 2022"}), 201)
    money = await world.money()
    money |= await world.owed(money["grant"]) | await world.amended(money["advance"])
    money |= await world.arrears(money["advance"], money["firm"])
    received = await world.received()
    meetings = await world.meetings()
    plans = await world.plans()
    papers = await world.papers(firm)
    run = await a_run(world)
    again = {"title": "Draft", "axes": [{"title": "Axis", "actions": [{"title": "Action"}]}]}
    ok(await own.post("roadmap/versions", again), 201)
    office = str(world.organisations["office"])
    account = ok(await admin.post(f"/v1/organisations/{office}/service-accounts", {"name": "program"}), 201)
    spare = ok(await admin.post(f"/v1/organisations/{office}/persons", {"name": "Spare", "email": fresh_email()}), 201)[
        "id"
    ]
    member = ok(await admin.post("/v1/members", {"subject_id": spare, "role": "auditor"}), 201)
    key = await world.issue(spare, name="spare")
    file = await admissible(world)
    decided = await closed_meeting(world)
    wave = ok(await admin.get("/v1/waves"))["items"][0]
    legal_rate = ok(await admin.get("/v1/legal-rates?limit=1"))["items"][0]
    quota = ok(await admin.get("/v1/quotas?limit=1"))["items"][0]
    refinancing_rate = ok(await admin.get("/v1/refinancing-rates?limit=1"))["items"][0]
    deliverable = await deliverable_of(world, mission)
    await done(world, deliverable, ("deliver", "2024-01-15"))
    framework = await a_framework(world)
    ok(await ordered(world, await bare(world), framework), 201)
    framework_parameter = await a_parameter(world, framework)
    parameter = ok(await admin.get("/v1/schemes/rebond_industriel/parameters"))["items"][0]
    ok(await operator.patch(f"missions/{mission.id}", {"alert_thresholds_bp": [1]}))
    judged = ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-02-01")), 201)
    ok(await world.lead_judge.post(f"time-entries/{judged['id']}/validate"))
    certificate = await world.certify(mission)
    invoiced = ok(await invoice(world.consultant, certificate), 201)
    ok(await act(world.consultant, invoiced["id"], "deposit"))
    month = {"consultant_id": mission.partner_consultant, "month": "2023-02"}
    report = ok(await world.consultant.post("activity-reports", month), 201)
    proposal = {"entry_id": judged["id"], "days": 0, "reason": "Not worked."}
    correction = ok(await world.consultant.post("time-entry-corrections", proposal), 201)
    lock = ok(await operator.post("month-locks", {"mission_id": mission.id, "month": "2023-02"}), 201)
    planned = ok(await plan(world, mission, line("2023-W26", 1, consultant=mission.lead_consultant)), 201)
    remaining = await state(world, mission, 5)
    rate = ok(await operator.get(f"missions/{mission.id}/rates"))["items"][0]
    allotment = ok(await operator.get(f"missions/{mission.id}/allotments"))["items"][0]
    return Known(
        world,
        {
            "territory": world.territory,
            "siren": firm,
            "siret": siret_of(firm),
            "year": "2022",
            "proceedings": proceeding["id"],
            "missions": mission.id,
            "mission_id": mission.id,
            "missions/members": mission.partner_member,
            "consultants": mission.partner_consultant,
            "consultant_id": mission.partner_consultant,
            "time-entries": entry["id"],
            "orders": order["id"],
            "service-certificates": certificate["id"],
            "activity-reports": report["id"],
            "invoices": invoiced["id"],
            "invoice_id": invoiced["id"],
            "time-entry-corrections": correction["id"],
            "month-locks": lock["id"],
            "deliverables": deliverable["id"],
            "deliverable_id": deliverable["id"],
            "rates": rate["id"],
            "missions/versions": planned["id"],
            "remaining-days": remaining["id"],
            "allotments": allotment["id"],
            "late-entry-leaves": leave["id"],
            "organisations": office,
            "organisation_id": office,
            "persons": spare,
            "person_id": str(world.subjects["consultant"]),
            "subject_id": spare,
            "service-accounts": account["id"],
            "members": member["id"],
            "api-keys": key["id"],
            "keys": ok(await world.treasurer.get("/v1/me"))["key_id"],
            "waves": wave["id"],
            "scheme": "rebond_industriel",
            "parameters": parameter["id"],
            "frameworks": framework,
            "framework_id": framework,
            "frameworks/parameters": framework_parameter,
            "legal-rates": legal_rate["id"],
            "quotas": quota["id"],
            "refinancing-rates": refinancing_rate["id"],
            "projects": plans["project"],
            "project_id": plans["project"],
            "job-observations": plans["jobs"],
            "versions": plans["plan"],
            "funding-statements": plans["statement"],
            "roadmap/versions": plans["roadmap"],
            "roadmap/actions": plans["action"],
            "action_id": plans["action"],
            "contributions": money["contribution"],
            "grants": money["grant"],
            "grant_id": money["grant"],
            "award_id": money["grant"],
            "payments": money["payment"],
            "recoveries": money["recovery"],
            "recovery_id": money["recovery"],
            "recoveries/receipts": money["receipt"],
            "receipts": received["waiting"],
            "receipt_id": received["waiting"],
            "refunds": received["refund"],
            "letters": money["letter"],
            "commitments": money["commitment"],
            "commitment_id": money["commitment"],
            "reports": money["commitment_report"],
            "claims": money["grant_claim"],
            "advances/claims": money["advance_claim"],
            "change-requests": money["grant_change_request"],
            "advances/change-requests": money["advance_change_request"],
            **{what: money[what] for what in AMENDED},
            "advances": money["advance"],
            "advance_id": money["advance"],
            "tranches": money["tranche"],
            "repayments": money["repayment"],
            "notices": money["notice"],
            "accelerations": money["acceleration"],
            "debt-claims": money["debt_claim"],
            "overrides": money["override"],
            "applications": file["id"],
            "application_id": file["id"],
            "documents": file["document_id"],
            "committee_id": decided["committee"],
            "agenda/versions": decided["version"],
            "decisions": decided["decision"],
            "bank-details": papers["bank_details"],
            "certificates": papers["certificate"],
            "bank-accounts": papers["bank_account"],
            "payment-runs": run["run"],
            "run_id": run["run"],
            "collection-runs": collected["collection"],
            "collection_run_id": collected["collection"],
            "collection-runs/lines": collected["debit"],
            "mandates": collected["mandate"],
            "lines": run["line"],
            "contacts": meetings["contact"],
            "auditions": meetings["audition"],
            "audition_id": meetings["audition"],
            "notes": meetings["note"],
            "committees": meetings["committee"],
            "imports": (own_import := await world.add_import(world.territory)),
            "import_id": own_import,
            "national_import_id": await world.add_import(None),
        },
    )
