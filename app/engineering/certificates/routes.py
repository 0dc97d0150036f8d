"""Certificates of service over HTTP."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import PROPOSES_ACCEPTS, VALIDATES_CERTIFIES
from app.access.gate import require
from app.access.rules import BY_A_PERSON, Actor
from app.core.problems import IfMatchMissing, ReferenceNotFound
from app.core.reading import documents
from app.core.reading.answers import page
from app.core.reading.negotiation import wanted
from app.core.reading.query import read
from app.core.reading.sealed import show_content, show_sealed
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.idempotency import IdempotencyKeyMissing
from app.core.writing.writes import commit
from app.engineering.activity_reports.rules import ActivityReportUnsigned
from app.engineering.certificates import acceptance, document, schemas, service
from app.engineering.certificates.models import ServiceCertificate
from app.engineering.certificates.queries import CERTIFICATES
from app.engineering.corrections.routes import CORRECTION
from app.engineering.corrections.rules import CorrectionTransition
from app.engineering.corrections.schemas import AcceptedCorrection
from app.engineering.entries import rules
from app.engineering.entries.service import Attempt
from app.missions.rules import MissionEnded
from app.programme.routes import T

certificates: APIRouter = router("engineering")

CERTIFICATE = T + "/service-certificates/{id:uuid}"


@certificates.get(T + "/service-certificates", **lists(CERTIFICATES))
async def list_service_certificates(request: Request, actor: Actor = require("service_certificates:read")) -> Response:
    """Service certificates and counter-certificates. A member of the consortium sees its own."""
    return await page(request, CERTIFICATES, **actor.own("service_certificates:read", request.path_params["territory"]))


@certificates.post(
    T + "/service-certificates",
    **changes(
        schemas.ServiceCertificate,
        service.NothingToCertify,
        service.RateMissing,
        ActivityReportUnsigned,
        *VALIDATES_CERTIFIES.refusals,
        ReferenceNotFound,
        IdempotencyKeyMissing,
        status=201,
    ),
)
async def create_service_certificate(
    request: Request, body: schemas.ServiceCertificateCreate, actor: Actor = require("service_certificates:write")
) -> Response:
    """Certify a member's validated days of a period (*attestation de service fait*). Needs an Idempotency-Key.

    Each day is priced at the rate of the person's profile on the day it was worked. Each line is rounded once. Where
    the framework asks for signed activity reports on the day on which an entry counts, the entry must be in one.
    """
    territory = request.path_params["territory"]
    return await commit(
        request,
        lambda write: service.certify(write, territory, body),
        status=201,
        idempotency_required=True,
    )


@certificates.get(
    CERTIFICATE,
    **shows(schemas.ServiceCertificate, documents.PdfNotInstalled, parameters=documents.FORM, forms=documents.FORMS),
)
async def get_service_certificate(request: Request, actor: Actor = require("service_certificates:read")) -> Response:
    """One service certificate, as JSON, or as a document: PDF (tagged, PDF/UA-1) or XLSX.

    The documents are in the language of Accept-Language.
    """
    form = wanted(request, read(request, documents.FORM), documents.FORMS)
    own = actor.own("service_certificates:read", request.path_params["territory"])
    return await show_sealed(request, form, CERTIFICATES, document.DOCUMENT, document.certificate, own)


@certificates.get(CERTIFICATE + "/content", **shows(schemas.CertificateContent))
async def get_service_certificate_content(
    request: Request, actor: Actor = require("service_certificates:read")
) -> Response:
    """The sealed content of a certificate, entry by entry, as canonical JSON whose SHA-256 is `content_hash`.

    The answer ends with a newline, which is not part of what was hashed.
    """
    own = actor.own("service_certificates:read", request.path_params["territory"])
    return await show_content(request, ServiceCertificate, own)


@certificates.post(
    CERTIFICATE + "/cancel",
    **changes(
        schemas.ServiceCertificate,
        service.CertificateAlreadyCancelled,
        service.CounterCertificate,
        *BY_A_PERSON,
        IfMatchMissing,
        status=201,
    ),
)
async def cancel_service_certificate(
    request: Request, body: schemas.Cancellation, actor: Actor = require("service_certificates:write")
) -> Response:
    """Cancel a certificate by a counter-certificate, which is the answer. Needs If-Match.

    The days of the certificate are validated days again and can be certified anew. Open corrections of them are stale.
    """
    path = request.path_params
    territory = path["territory"]
    attempt = Attempt(actor, territory)
    return await commit(
        request,
        lambda write: service.cancel(write, attempt, path["id"], body.reason),
        status=201,
        location=f"/v1/territories/{territory}/service-certificates/{{key}}",
    )


@certificates.post(
    CORRECTION + "/accept",
    **changes(
        AcceptedCorrection,
        CorrectionTransition,
        *PROPOSES_ACCEPTS.refusals,
        *VALIDATES_CERTIFIES.refusals,
        MissionEnded,
        rules.OutsideMissionWindow,
        rules.OutsideAssignment,
        rules.ActivityNotListed,
        rules.RestDay,
        rules.LateEntry,
        rules.MonthLocked,
        rules.PersonDayExceeded,
        rules.DaysNotYetOrdered,
        rules.ReferencesDisagree,
    ),
)
async def accept_time_entry_correction(
    request: Request, actor: Actor = require("time_entry_corrections:accept")
) -> Response:
    """Accept a correction for the operator, as a third person: all that it asks for is done, or nothing.

    Its certificate is cancelled by a counter-certificate; what else was in it is certified anew, priced as it was; the
    entry is reversed; the new entry is validated, and waits for the certificate of its month. With dry_run=true the
    answer has the money before and after, and nothing is done.
    """
    attempt = Attempt(actor, request.path_params["territory"])
    return await commit(
        request,
        lambda write: acceptance.accept(write, attempt, request.path_params["id"]),
        explain=attempt.explain,
    )
