"""What the firms of the Alès demonstration have handed in: bank details and certificates.

All of it is synthetic. The IBANs have right check digits, and the bank code 99999, which no bank has.
"""

import hashlib
from datetime import date, timedelta

from sqlalchemy import select

from app.access.rules import Role
from app.core.values import iban_from, siren_from
from app.core.writing.writes import Change, Write
from app.demo.story import Story
from app.firms.bank_details import schemas as bank_details_schemas
from app.firms.bank_details import service as bank_details
from app.firms.bank_details.models import BankDetails
from app.firms.bank_details.payees import Place
from app.firms.bank_details.rules import BankDetailsStatus
from app.firms.certificates import schemas as certificates_schemas
from app.firms.certificates import service as certificates
from app.firms.certificates.models import CertificateKind, FirmCertificate

ALES = "ales"
SHORTLISTED = [siren_from(91_000_031 + number) for number in range(12)]
ISSUED, VALID_DAYS = date(2023, 9, 4), 180
# The firm of the first grant has a bank account, and proposes another one.
CHANGING, ACCOUNT, OTHER_ACCOUNT = siren_from(91_000_039), iban_from(1), iban_from(2)
DETAILS = select(BankDetails.id).where(BankDetails.territory == ALES, BankDetails.siren == CHANGING)


PLACE = Place(ALES, CHANGING)


async def load(story: Story) -> None:
    """Record the certificates, approve one account, propose another."""
    if not await story.scalars(select(FirmCertificate.id).where(FirmCertificate.territory == ALES).limit(1)):
        await story.run(story.actor(Role.TERRITORY), _record)
    if not await story.scalars(DETAILS):
        await story.run(story.actor(Role.TERRITORY), lambda write: _propose(write, ACCOUNT))
    if not await story.scalars(DETAILS.where(BankDetails.status == BankDetailsStatus.APPROVED)):
        await story.run(story.actor(Role.TREASURER), lambda write: _approve(write, story))
    if not await story.scalars(DETAILS.where(BankDetails.status == BankDetailsStatus.PROPOSED)):
        await story.run(story.actor(Role.TERRITORY), lambda write: _propose(write, OTHER_ACCOUNT))


async def _approve(write: Write, story: Story) -> list[Change]:
    [proposed] = await story.scalars(DETAILS)
    return await bank_details.approve(write, PLACE, proposed)


async def _propose(write: Write, iban: str) -> Change:
    body = bank_details_schemas.BankDetailsCreate(iban=iban, holder_name="Demonstration")
    return await bank_details.propose(write, PLACE, body)


async def _record(write: Write) -> list[Change]:
    return [
        await certificates.record(
            write,
            ALES,
            siren,
            certificates_schemas.FirmCertificateCreate(
                kind=kind,
                issued_on=ISSUED,
                valid_until_on=ISSUED + timedelta(days=VALID_DAYS),
                sha256=hashlib.sha256(f"{kind} certificate of {siren} (demonstration)".encode()).hexdigest(),
            ),
        )
        for siren in SHORTLISTED
        for kind in CertificateKind
    ]
