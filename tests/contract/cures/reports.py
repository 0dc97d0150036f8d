"""The cures of activity reports: made, signed twice, and asked for by certificates."""

import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx2
import pytest

from app.core.reading import documents
from tests.contract.cures import NOBODY, Case, key, seen, subject, walk
from tests.contract.cures.days import certificate
from tests.contract.cures.requests import Ask, ready
from tests.missions.frameworks.acts import a_framework
from tests.world import Client, Mission, fresh_email, ok

MAKE, SIGN, COUNTERSIGN = (f"{act}_activity_report" for act in ("create", "sign", "countersign"))
REQUIRED = {"name": "activity_reports_required", "value": True, "valid_from_on": "2023-07-01", "source": "CCP, art. 7"}
SIGNATURE = {"name": "Camille Exemple", "signed_on": "2023-08-01"}


@dataclass
class Reporting:
    """A month of July of somebody with a key, who works for the partner or the lead firm, and its report."""

    case: Case
    mission: Mission
    worker: Client
    by: str
    report: str = ""

    @classmethod
    async def of(cls, case: Case, by: str = "partner", worker: Client | None = None, **more: Any) -> "Reporting":
        if worker is None:
            worker = await subject(case.world, "lead" if by == "lead" else "consultant", home=by)
        me = UUID(ok(await worker.get("/v1/me"))["subject_id"])
        found = cls(case, await case.world.mission(days=20, people={by: me}, **more), worker, by)
        await found.enter(f"2023-07-{3 + secrets.randbelow(25):02}")
        return found

    @property
    def consultant(self) -> str:
        return self.mission.lead_consultant if self.by == "lead" else self.mission.partner_consultant

    async def enter(self, day: str, status: str = "submitted") -> str:
        body = self.mission.entry(by=self.by, worked_on=day, days=0.25, status=status)
        return str(ok(await self.worker.post("time-entries", body), 201)["id"])

    async def make(self, client: Client | None = None, **more: Any) -> httpx2.Response:
        body = {"consultant_id": self.consultant, "month": "2023-07", **more}
        return await (client or self.worker).post("activity-reports", body)

    async def made(self) -> str:
        self.report = f"activity-reports/{ok(await self.make(), 201)['id']}"
        return self.report

    async def sign(self, client: Client | None = None, act: str = SIGN) -> httpx2.Response:
        path = f"{self.report}/{act.removesuffix('_activity_report')}"
        return await (client or self.worker).post(
            path, SIGNATURE, headers=await seen(self.case.world.auditor, self.report)
        )


@ready(MAKE, COUNTERSIGN)
async def reports(case: Case) -> Ask:
    it = await Reporting.of(case)
    if case.act == MAKE:
        return Ask("consultant", "POST", "activity-reports", {"consultant_id": it.consultant, "month": "2023-07"})
    await it.made()
    ok(await it.sign())
    return Ask("lead", "POST", f"{it.report}/countersign", SIGNATURE, guarded=it.report)


@ready(SIGN)
async def own_report(case: Case) -> Ask:
    it = await Reporting.of(case, worker=case.world.consultant)
    await it.made()
    return Ask("consultant", "POST", f"{it.report}/sign", SIGNATURE, guarded=it.report)


@walk("email-missing", SIGN)
async def signed_without_an_address(case: Case) -> None:
    it = await Reporting.of(case)
    await it.made()
    me = ok(await it.worker.get("/v1/me"))
    address = f"/v1/organisations/{me['organisation_id']}/persons/{me['subject_id']}"
    ok(await case.world.admin.patch(address, {"email": None}))
    case.refused(await it.sign(), "Ask an administrator")
    ok(await case.world.admin.patch(address, {"email": fresh_email()}))
    case.cured(await it.sign())


@walk("activity-report-exists", MAKE)
async def report_exists(case: Case) -> None:
    """Sign that one; or another is made once an entry has changed."""
    it = await Reporting.of(case)
    await it.made()
    case.refused(await it.make())
    found = ok(await it.worker.get(f"activity-reports?consultant_id={it.consultant}&month=2023-07"))["items"]
    assert [row["id"] for row in found] == [it.report.rpartition("/")[2]]
    ok(await it.sign())
    await it.enter("2023-07-02")
    case.cured(await it.make())


@walk("activity-report-empty", MAKE)
async def report_empty(case: Case) -> None:
    it = await Reporting.of(case)
    draft = await it.enter("2023-08-02", "draft")
    case.refused(await it.make(month="2023-08"))
    ok(await it.worker.post(f"time-entries/{draft}/submit"))
    case.cured(await it.make(month="2023-08"))


@walk("other-organisation", MAKE)
async def report_of_another_organisation(case: Case) -> None:
    """Who leads no mission of theirs, and sees them by that role."""
    it = await Reporting.of(case)
    case.refused(await it.make(await subject(case.world, "lead", home="office")))
    case.cured(await it.make())


@walk("reference-not-found", MAKE)
async def report_of_nobody(case: Case) -> None:
    it = await Reporting.of(case)
    told = case.refused(await it.make(consultant_id=NOBODY))
    assert [error["pointer"] for error in told["errors"]] == ["/consultant_id"]
    case.cured(await it.make())


@walk("activity-report-transition", SIGN, COUNTERSIGN)
async def report_transition(case: Case) -> None:
    """Signed already or not yet; and stale."""
    it, lead = await Reporting.of(case), case.world.lead
    await it.made()
    if case.act == COUNTERSIGN:
        case.refused(await it.sign(lead, COUNTERSIGN))
        ok(await it.sign())
        case.cured(await it.sign(lead, COUNTERSIGN))
    else:
        ok(await it.sign())
        case.refused(await it.sign())
    await it.enter("2023-07-02")
    client = lead if case.act == COUNTERSIGN else it.worker
    case.refused(await it.sign(client, case.act))
    await it.made()
    if case.act == COUNTERSIGN:
        ok(await it.sign())
    case.cured(await it.sign(client, case.act))


@walk("activity-report-not-yours", SIGN)
async def report_of_another_person(case: Case) -> None:
    it = await Reporting.of(case)
    await it.made()
    case.refused(await it.sign(await subject(case.world, "consultant", home="partner")))
    case.cured(await it.sign())


@walk("activity-report-by-one-person", COUNTERSIGN)
async def report_by_one_person(case: Case) -> None:
    it = await Reporting.of(case, "lead")
    await it.made()
    ok(await it.sign())
    case.refused(await it.sign(it.worker, COUNTERSIGN))
    case.cured(await it.sign(case.world.lead, COUNTERSIGN))


@walk("activity-report-unsigned", "create_service_certificate")
async def report_unsigned(case: Case) -> None:
    """Its days are named in refusals; or each error says what is missing, until nothing is."""
    world = case.world
    framework = await a_framework(world)
    ok(await world.operator.post(f"/v1/frameworks/{framework}/parameters", REQUIRED), 201)
    it = await Reporting.of(case, framework=framework)
    await world.rates(it.mission)
    signed_later = await it.enter("2023-07-02")
    june = await it.enter("2023-06-30")
    everything = {"filter": {"mission_id": it.mission.id}}
    ok(await world.lead_judge.post("time-entries/validate", everything))
    body = certificate(it.mission, world, from_on="2023-06-01")

    async def certify(**more: Any) -> httpx2.Response:
        return await world.operator.post("service-certificates", {**body, **more}, headers=key())

    def errors(response: httpx2.Response) -> list[str]:
        return [error["code"] for error in case.refused(response)["errors"]]

    assert errors(await certify()) == ["activity_report_absent"]
    entries = ok(await world.operator.get(f"time-entries?mission_id={it.mission.id}"))["items"]
    left_out = [{"entry_id": row["id"], "reason": "Unsigned."} for row in entries if row["id"] != june]
    assert signed_later in {row["entry_id"] for row in left_out}
    case.cured(await certify(refusals=left_out))
    await it.made()
    assert errors(await certify()) == ["activity_report_to_sign"]
    ok(await it.sign())
    assert errors(await certify()) == ["activity_report_to_countersign"]
    ok(await it.sign(world.lead, COUNTERSIGN))
    case.cured(await certify())


@walk("pdf-not-installed", "get_activity_report")
async def pdf_of_a_report_not_installed(case: Case) -> None:
    it, reader = await Reporting.of(case), case.world.auditor
    await it.made()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(documents, "_installed", lambda: False)
        case.refused(await reader.get(it.report, params={"format": "pdf"}))
        case.cured(await reader.get(it.report, params={"format": "json"}))
    assert (await reader.get(it.report, params={"format": "pdf"})).content.startswith(b"%PDF")
