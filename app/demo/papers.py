"""What the firms of the Alès demonstration have handed in: bank details and certificates.

All of it is synthetic. The IBANs have right check digits, and the bank code 99999, which no bank has.
"""

import hashlib
from datetime import date, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import Select, select

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
# Handed in with the file, and anew before each payment that came later.
ISSUED, VALID_DAYS = (date(2023, 9, 4), date(2024, 3, 4), date(2024, 9, 2), date(2026, 1, 19)), 180
# The firm of the first grant has a bank account, and proposes another one.
CHANGING, OTHER_ACCOUNT = siren_from(91_000_039), iban_from(2)
ACCOUNTS = {CHANGING: iban_from(1), siren_from(91_000_040): iban_from(3), siren_from(91_000_041): iban_from(4)}
ACCOUNTS |= {siren_from(91_000_030 + advance): iban_from(4 + advance) for advance in range(1, 6)}


async def load(story: Story) -> None:
    """Record the certificates, approve the account of each firm that is paid, propose another one."""
    if not await story.scalars(select(FirmCertificate.id).where(FirmCertificate.territory == ALES).limit(1)):
        await story.run(story.actor(Role.TERRITORY), _record)
    for siren, iban in ACCOUNTS.items():
        if not await story.scalars(_details(siren)):
            await story.run(story.actor(Role.TERRITORY), partial(_propose, siren=siren, iban=iban))
        if not await story.scalars(_details(siren).where(BankDetails.status == BankDetailsStatus.APPROVED)):
            [proposed] = await story.scalars(_details(siren))
            await story.run(story.actor(Role.TREASURER), partial(_approve, siren=siren, proposed=proposed))
    if not await story.scalars(_details(CHANGING).where(BankDetails.status == BankDetailsStatus.PROPOSED)):
        await story.run(story.actor(Role.TERRITORY), partial(_propose, siren=CHANGING, iban=OTHER_ACCOUNT))


def _details(siren: str) -> Select[UUID]:
    return select(BankDetails.id).where(BankDetails.territory == ALES, BankDetails.siren == siren)


async def _approve(write: Write, siren: str, proposed: UUID) -> list[Change]:
    return await bank_details.approve(write, Place(ALES, siren), proposed)


async def _propose(write: Write, siren: str, iban: str) -> Change:
    body = bank_details_schemas.BankDetailsCreate(iban=iban, holder_name="Demonstration")
    return await bank_details.propose(write, Place(ALES, siren), body)


async def _record(write: Write) -> list[Change]:
    return [
        await certificates.record(
            write,
            ALES,
            siren,
            certificates_schemas.FirmCertificateCreate(
                kind=kind,
                issued_on=issued_on,
                valid_until_on=issued_on + timedelta(days=VALID_DAYS),
                sha256=hashlib.sha256(f"{kind} of {siren}, {issued_on} (demonstration)".encode()).hexdigest(),
            ),
        )
        for siren in SHORTLISTED
        for issued_on in (ISSUED if siren in ACCOUNTS else ISSUED[:1])
        for kind in CertificateKind
    ]
