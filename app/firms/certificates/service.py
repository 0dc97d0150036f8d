"""Writes of certificates of firms: recorded once, and reversed where that was a mistake."""

from uuid import UUID

from app.core import clock
from app.core.problems import ValidationFailed
from app.core.writing.writes import Change, Write
from app.firms.certificates import rules, schemas
from app.firms.certificates.models import FirmCertificate
from app.firms.certificates.queries import CERTIFICATES
from app.firms.service import hold


async def record(write: Write, territory: str, siren: str, body: schemas.FirmCertificateCreate) -> Change:
    """A certificate of a firm that the territory follows. Raises `already-exists` for a file that is recorded."""
    if faults := rules.faults(body.issued_on, body.valid_until_on, clock.today()):
        raise ValidationFailed(errors=faults)
    await hold(write, territory, siren)
    certificate = FirmCertificate(
        territory=territory, siren=siren, recorded_by=write.actor.subject_id, **body.model_dump()
    )
    write.session.add(certificate)
    await write.session.flush()
    return _change("recorded", certificate)


async def reverse(write: Write, territory: str, siren: str, id_: UUID, body: schemas.FirmCertificateReversal) -> Change:
    """Reverse a certificate that was recorded by mistake. Raises `firm-certificate-reversed` (409)."""
    c = FirmCertificate
    certificate = await write.lock(c, c.id == id_, c.territory == territory, c.siren == siren)
    write.expect(certificate.version)
    if certificate.reversed_on is not None:
        raise rules.FirmCertificateReversed
    certificate.reversed_on, certificate.reversal_reason = clock.today(), body.reason
    return _change("reversed", certificate)


def _change(act: str, certificate: FirmCertificate) -> Change:
    bound = {"territory": certificate.territory, "siren": certificate.siren}
    return Change(f"firm_certificate.{act}", CERTIFICATES, [certificate.id], bound)
