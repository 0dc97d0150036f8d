"""Activity reports over HTTP: made from the entries, signed twice, read as JSON or as PDF."""

from typing import Literal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import WORKS_COUNTERSIGNS
from app.access.gate import require
from app.access.rules import BY_A_PERSON, Actor, EmailMissing
from app.core.problems import IfMatchMissing, ReferenceNotFound
from app.core.reading import documents
from app.core.reading.answers import page
from app.core.reading.negotiation import wanted
from app.core.reading.query import Parameter, read
from app.core.reading.sealed import show_content, show_sealed
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.writes import commit
from app.engineering.activity_reports import document, rules, schemas, service
from app.engineering.activity_reports.models import ActivityReport
from app.engineering.activity_reports.queries import ACTIVITY_REPORTS
from app.engineering.entries.rules import NotTheLeadFirm, OtherOrganisation
from app.engineering.entries.service import Attempt
from app.programme.routes import T

activity_reports: APIRouter = router("engineering")

REPORTS = T + "/activity-reports"
REPORT = REPORTS + "/{id:uuid}"
READ = "activity_reports:read"
FORM = {"format": Parameter(Literal["json", "pdf"], "The representation; weighs more than Accept.")}
FORMS = {"application/json": "json", documents.PDF: "pdf"}


@activity_reports.get(REPORTS, **lists(ACTIVITY_REPORTS))
async def list_activity_reports(request: Request, actor: Actor = require(READ)) -> Response:
    """Activity reports, stale ones too. A consultant sees those of its own organisation."""
    return await page(request, ACTIVITY_REPORTS, **actor.own(READ, request.path_params["territory"]))


@activity_reports.post(
    REPORTS,
    **changes(
        schemas.ActivityReport,
        rules.ActivityReportExists,
        rules.ActivityReportEmpty,
        OtherOrganisation,
        EmailMissing,
        ReferenceNotFound,
        status=201,
    ),
)
async def create_activity_report(
    request: Request, body: schemas.ActivityReportCreate, actor: Actor = require("activity_reports:write")
) -> Response:
    """Make a person's report of a month (*compte rendu d'activité*) from the entries that count in it, and seal it.

    It says the days by activity, firm and day; absences are not asked. Two persons sign it: the one who worked, then
    one of the lead firm. It is stale once one of its entries changes or another one counts in the month; that an entry
    is validated or certified changes nothing of it.
    """
    attempt = Attempt(actor, request.path_params["territory"])
    return await commit(request, lambda write: service.make(write, attempt, body), status=201)


@activity_reports.get(REPORT, **shows(schemas.ActivityReport, documents.PdfNotInstalled, parameters=FORM, forms=FORMS))
async def get_activity_report(request: Request, actor: Actor = require(READ)) -> Response:
    """One activity report, as JSON, or as a document: PDF (tagged, PDF/UA-1) in the language of Accept-Language.

    The PDF says what was sealed, and has the signatures given since.
    """
    own = actor.own(READ, request.path_params["territory"])
    form = wanted(request, read(request, FORM), FORMS)
    return await show_sealed(request, form, ACTIVITY_REPORTS, document.DOCUMENT, document.report, own)


@activity_reports.get(REPORT + "/content", **shows(schemas.ActivityReportContent))
async def get_activity_report_content(request: Request, actor: Actor = require(READ)) -> Response:
    """The sealed content of a report, entry by entry, as canonical JSON whose SHA-256 is `content_hash`.

    The answer ends with a newline, which is not part of what was hashed.
    """
    return await show_content(request, ActivityReport, actor.own(READ, request.path_params["territory"]))


@activity_reports.post(
    REPORT + "/sign",
    **changes(
        schemas.ActivityReport,
        rules.ActivityReportTransition,
        rules.ActivityReportNotYours,
        *BY_A_PERSON,
        IfMatchMissing,
    ),
)
async def sign_activity_report(
    request: Request, body: schemas.ActivityReportSignature, actor: Actor = require("activity_reports:sign")
) -> Response:
    """Sign a report as the person who worked its days, with a key of that person. If-Match is required."""
    attempt = Attempt(actor, request.path_params["territory"])
    return await commit(request, lambda write: service.sign(write, attempt, request.path_params["id"], body))


@activity_reports.post(
    REPORT + "/countersign",
    **changes(
        schemas.ActivityReport,
        rules.ActivityReportTransition,
        NotTheLeadFirm,
        *WORKS_COUNTERSIGNS.refusals,
        IfMatchMissing,
    ),
)
async def countersign_activity_report(
    request: Request, body: schemas.ActivityReportSignature, actor: Actor = require("activity_reports:countersign")
) -> Response:
    """Sign a report for the lead firm, after the consultant, as a person who did not work its days.

    If-Match is required.
    """
    attempt = Attempt(actor, request.path_params["territory"])
    return await commit(request, lambda write: service.countersign(write, attempt, request.path_params["id"], body))
