"""HTTP of certificates of firms."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.core.problems import AlreadyExists
from app.core.reading.answers import page, show
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.writes import commit
from app.firms.certificates import schemas, service
from app.firms.certificates.queries import CERTIFICATES
from app.firms.certificates.rules import FirmCertificateReversed
from app.firms.routes import HERE

firm_certificates = router("firms")

OF_FIRM = HERE + "/certificates"
ONE = OF_FIRM + "/{id:uuid}"


@firm_certificates.get(OF_FIRM, **lists(CERTIFICATES))
async def list_firm_certificates(request: Request, actor: Actor = require("firm_certificates:read")) -> Response:
    """Tax and social-contribution certificates of a firm, those reversed included."""
    return await page(request, CERTIFICATES)


@firm_certificates.post(OF_FIRM, **changes(schemas.FirmCertificate, AlreadyExists, status=201))
async def record_firm_certificate(
    request: Request, body: schemas.FirmCertificateCreate, actor: Actor = require("firm_certificates:write")
) -> Response:
    """Record a certificate by the digest of its file. Raises `already-exists` for a file that is recorded."""
    path = request.path_params
    return await commit(
        request, lambda write: service.record(write, path["territory"], path["siren"], body), status=201
    )


@firm_certificates.get(ONE, **shows(schemas.FirmCertificate))
async def get_firm_certificate(request: Request, actor: Actor = require("firm_certificates:read")) -> Response:
    """One certificate of a firm."""
    return await show(request, CERTIFICATES)


@firm_certificates.post(ONE + "/reverse", **changes(schemas.FirmCertificate, FirmCertificateReversed))
async def reverse_firm_certificate(
    request: Request, body: schemas.FirmCertificateReversal, actor: Actor = require("firm_certificates:write")
) -> Response:
    """Reverse a certificate that was recorded by mistake, giving a reason; it counts no more."""
    path = request.path_params
    return await commit(
        request, lambda write: service.reverse(write, path["territory"], path["siren"], path["id"], body)
    )
