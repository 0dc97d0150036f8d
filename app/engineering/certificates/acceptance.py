"""The acceptance of a correction: what five acts of three people would do, in one transaction.

The certificate that contains the entry is cancelled; the rest of it is certified anew, priced as it was; the entry is
reversed; and what it should have been takes its place, validated, and waits for the certificate of its month.
"""

import json
from collections.abc import Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.access.duties import PROPOSES_ACCEPTS, VALIDATES_CERTIFIES
from app.access.rules import Actor, SubjectKind
from app.core.problems import NotFound
from app.core.writing.writes import Change, Write
from app.engineering.certificates.models import CertificateRemark, EarlierRefusal, RemarkKind, ServiceCertificate
from app.engineering.certificates.queries import CERTIFICATES
from app.engineering.certificates.rules import lines_of, rest_of
from app.engineering.certificates.service import (
    VALIDATED_AGAIN,
    RateMissing,
    certified_by,
    contained,
    counter_certificate,
    end_refusals,
    issue,
    mark,
    priced,
    prices,
    took_part,
)
from app.engineering.corrections.models import TimeEntryCorrection
from app.engineering.corrections.queries import ACCEPTED_CORRECTIONS
from app.engineering.corrections.rules import CorrectionAction, CorrectionStatus, next_status
from app.engineering.corrections.service import SHOULD_BE, locked, row_of
from app.engineering.entries.models import TimeEntry
from app.engineering.entries.queries import TIME_ENTRIES
from app.engineering.entries.rules import EntryAction, Status
from app.engineering.entries.service import Attempt, enter, hold_activities, hold_assignments, locked_months, wish_of
from app.engineering.entries.steps import held_by, step


async def accept(write: Write, attempt: Attempt, correction_id: UUID) -> list[Change]:
    """Accept a correction that is agreed, as a person of the operator who took no part in it.

    Raises `correction-transition`, what entries refuse (409), `correction-by-one-person`, `certifier-took-part`,
    `person-required` and `email-missing` (403).
    """
    territory, accepter = attempt.territory, attempt.actor
    correction, mission_id = await _asked(write, attempt, correction_id)
    next_status(CorrectionAction.ACCEPT, CorrectionStatus(correction.status))
    should_be = {name: getattr(correction, name) for name in SHOULD_BE}
    # What takes the place of the entry is entered as the proposer would enter it.
    attempt.actor = Actor(correction.proposed_by, SubjectKind.PERSON, correction.organisation_id, ())
    # Every writer locks in this order: the assignment and the activity, the certificate, its entries, the correction.
    if correction.days:
        wanted = SimpleNamespace(**should_be, mission_id=mission_id, status=Status.VALIDATED)
        attempt.wishes = [wish_of(wanted)]
        await hold_assignments(write.session, territory, {correction.consultant_id})
        await hold_activities(write, attempt, [wanted])
        attempt.wishes = []
    certificate, keys = await _hold_certificate(write, correction.entry_id)
    correction = await locked(write, attempt, correction_id)
    await write.session.refresh(correction)
    write.expect(correction.version)
    accepted = next_status(CorrectionAction.ACCEPT, CorrectionStatus(correction.status))
    assert certificate is not None  # else the correction is stale, by the same act
    accepted_by = PROPOSES_ACCEPTS.separate(
        accepter, (correction.proposed_by, correction.agreed_by, correction.person_id)
    )
    rest = [key for key in keys if key != correction.entry_id]
    e = TimeEntry
    asked = select(e.person_id, e.validated_by, e.authors).where(e.id.in_(rest))
    VALIDATES_CERTIFIES.separate(accepter, took_part(await write.session.execute(asked)))

    counter = await counter_certificate(write, certificate, correction.reason)
    await mark(write, keys, VALIDATED_AGAIN, on_the_way=True)
    waiting = await end_refusals(write, territory, certificate.id)
    reissued = await _certify_rest(write, certificate, correction.entry_id, rest)
    [old] = await held_by(write, attempt, TimeEntry.id == correction.entry_id)
    attempt.freed = [wish_of(old)]
    closed = await locked_months(write, {old.mission_id})
    await step(write, attempt, EntryAction.REVERSE, [old], closed, correction.reason)
    new = []
    if correction.days:
        validated = {"validated_by": correction.agreed_by, "validated_at": correction.agreed_at}
        new = await enter(write, attempt, [row_of(old, should_be)], validated)

    amount = await _amount(write, new)

    correction.status = accepted
    correction.accepted_by, correction.accepted_at = accepted_by, write.now
    correction.certificate_id = certificate.id
    correction.rest_certificate_id = reissued.id if reissued is not None else None
    correction.corrected_by_id = new[0].id if new else None
    bound = {"territory": territory}
    return [
        Change("time_entry_correction.accepted", ACCEPTED_CORRECTIONS, [correction_id], bound | {"amount": amount}),
        Change("service_certificate.cancelled", CERTIFICATES, [counter.id], bound),
        *([Change("service_certificate.created", CERTIFICATES, [reissued.id], bound)] if reissued is not None else []),
        *([Change("time_entry.certified", TIME_ENTRIES, rest, bound, many=True)] if rest else []),
        *waiting,
        Change("time_entry.reversed", TIME_ENTRIES, [correction.entry_id], bound),
        *([Change("time_entry.created", TIME_ENTRIES, [new[0].id], bound)] if new else []),
    ]


async def _asked(write: Write, attempt: Attempt, correction_id: UUID) -> tuple[TimeEntryCorrection, UUID]:
    """The correction as it is now, not held yet, and the mission of its entry."""
    k, e = TimeEntryCorrection, TimeEntry
    asked = select(k, e.mission_id).join(e, e.id == k.entry_id)
    found = await write.session.execute(asked.where(k.id == correction_id, k.territory == attempt.territory))
    row = found.one_or_none()
    if row is None:
        raise NotFound
    return row[0], row[1]


async def _hold_certificate(write: Write, entry_id: UUID) -> tuple[ServiceCertificate | None, list[UUID]]:
    """The certificate that contains the entry, and its entries, all of them held; none where it is in none.

    Whoever reissued it meanwhile held it: then the entry is in a later one.
    """
    e, c = TimeEntry, ServiceCertificate
    while (key := await write.session.scalar(select(e.certificate_id).where(e.id == entry_id))) is not None:
        certificate = await write.lock(c, c.id == key)
        keys = await contained(write, key)
        if entry_id in keys:
            return certificate, keys
    return None, []


async def _amount(write: Write, new: Sequence[Any]) -> int | None:
    """What the new entry costs at the rate of its day, priced as a certificate prices it; None where no rate is set."""
    if not new:
        return 0
    [entry] = new
    consultants, rates = await prices(write, entry.mission_id, entry.organisation_id, held=False)
    try:
        [(profile, rate)] = priced([entry], consultants, rates)
    except RateMissing:  # its certificate will be refused until there is one
        return None
    [line] = lines_of([(profile, rate, entry.days)])
    return line.amount_cents


async def _certify_rest(
    write: Write, certificate: ServiceCertificate, entry_id: UUID, keys: Sequence[UUID]
) -> ServiceCertificate | None:
    """Certify the rest of a certificate as it was: the same prices, rate of VAT and period, and what was said of it."""
    if not keys:
        return None
    sealed: dict[str, Any] = json.loads(certificate.content, parse_float=Decimal)
    entries = rest_of(sealed["entries"], entry_id)
    assert {entry["id"] for entry in entries} == {str(key) for key in keys}
    lines = lines_of((entry["profile"], entry["day_rate_cents"], Decimal(entry["days"])) for entry in entries)
    kept = {str(key) for key in keys}
    remarks = [
        remark
        for remark in sealed["remarks"]
        if remark["entry_id"] in kept and remark["kind"] == RemarkKind.RESERVATION
    ]
    x = EarlierRefusal
    asked = select(x.entry_id, x.reason).where(x.certificate_id == certificate.id, x.entry_id.in_(keys))
    earlier = (await write.session.execute(asked.order_by(x.entry_id))).all()
    content = {
        "earlier_refusals": [{"entry_id": one.entry_id, "reason": one.reason} for one in earlier],
        "entries": entries,
        "remarks": remarks,
        "rest_of_id": certificate.id,
        "rest_of_number": certificate.number,
    }
    reissued = await issue(write, certificate, lines, certificate.vat_rate_bp, content)
    write.session.add_all(
        CertificateRemark(
            certificate_id=reissued.id, entry_id=UUID(remark["entry_id"]), kind=remark["kind"], reason=remark["reason"]
        )
        for remark in remarks
    )
    write.session.add_all(
        EarlierRefusal(certificate_id=reissued.id, entry_id=one.entry_id, reason=one.reason) for one in earlier
    )
    await write.session.flush()
    await mark(write, keys, certified_by(reissued, write.now))
    return reissued
