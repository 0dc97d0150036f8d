"""Service certificates (*attestations de service fait*): the operator certifies a member's validated days of a period.

A certificate is the base of the member's invoice. It holds what it was made from, as canonical JSON with its hash, and
is never changed: a mistake is cancelled by a counter-certificate with the opposite figures. Numbers follow each other
without a hole in each territory, so that an accountant sees that none is missing, as for the invoices drawn from them
(CGI, annexe II, art. 242 nonies A, I, 7°).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from app.access.duties import VALIDATES_CERTIFIES
from app.access.models import Subject
from app.access.rules import person
from app.core import clock
from app.core.faults import Fault, FieldError
from app.core.messages import NOT_FOUND
from app.core.problems import Problem, ReferenceNotFound, ValidationFailed
from app.core.writing.sealing import sealed
from app.core.writing.writes import Change, Write
from app.engineering.activity_reports.service import refuse_unsigned
from app.engineering.certificates import schemas
from app.engineering.certificates.models import (
    CertificateLine,
    CertificateNumber,
    CertificateRemark,
    EarlierRefusal,
    RemarkKind,
    ServiceCertificate,
    VatRate,
)
from app.engineering.certificates.queries import CERTIFICATES
from app.engineering.certificates.rules import PricedLine, lines_of, rate_on, vat_on
from app.engineering.corrections.service import make_stale
from app.engineering.entries.models import TimeEntry
from app.engineering.entries.queries import TIME_ENTRIES
from app.engineering.entries.service import Attempt
from app.missions.models import Consultant, Mission, MissionMember, Rate

REPEATED_ENTRY = Fault(
    "repeated_entry",
    en="An entry can be named only once in the remarks.",
    fr="Une saisie ne peut être nommée qu'une fois dans les remarques.",
)
RATE_MISSING = Fault(
    "rate_missing",
    en="No day rate is in force for this person on {worked_on}.",
    fr="Aucun prix de journée n'est en vigueur pour cette personne le {worked_on}.",
)
NO_VAT_RATE = Fault(
    "no_vat_rate",
    en="No VAT rate is known for this day.",
    fr="Aucun taux de TVA n'est connu pour ce jour.",
)

VALIDATED_AGAIN = {"status": "validated", "certificate_id": None, "certified_by": None, "certified_at": None}
REFUSED = ("certification_refused_reason", "certification_refused_by", "certification_refused_on")

# --- refusals --------------------------------------------------------------------------------------------------------


class NothingToCertify(Problem):
    """The member has no validated day to certify in this period."""

    status = 409
    title_fr = "Le membre n'a aucun jour validé à attester dans cette période."
    cure = "Choose another period, or ask the lead firm to validate."
    cure_fr = "Choisissez une autre période, ou demandez au mandataire de valider."


class RateMissing(Problem):
    """Some of these days have no day rate in force."""

    status = 409
    title_fr = "Certains de ces jours n'ont pas de prix de journée en vigueur."
    cure = "Give each person a profile (junior, senior, expert), and the member a rate for it on these days."
    cure_fr = (
        "Donnez à chaque personne un profil (junior, senior, expert), et au membre un prix pour ce profil à ces dates."
    )


class CertificateAlreadyCancelled(Problem):
    """The certificate is already cancelled."""

    status = 409
    title_fr = "L'attestation est déjà annulée."


class CounterCertificate(Problem):
    """A counter-certificate cannot be cancelled."""

    status = 409
    title_fr = "Une contre-attestation ne peut pas être annulée."
    cure = "Certify the days again."
    cure_fr = "Attestez à nouveau les jours."


# --- what a certificate comes to: no session, no await ---------------------------------------------------------------


# --- writes ----------------------------------------------------------------------------------------------------------


async def certify(write: Write, territory: str, body: schemas.ServiceCertificateCreate) -> list[Change]:
    """Certify a member's validated days that count in a period, but for those refused, which say so from then on.

    Days that an earlier certificate refused are certified like any other, and the certificate lists them.

    Raises `nothing-to-certify`, `rate-missing`, `activity-report-unsigned` (409), `certifier-took-part`,
    `person-required` (403), `reference-not-found` (404).
    """
    person_id = person(write.actor)
    await _member(write, territory, body.mission_id, body.organisation_id)
    consultants, rates = await prices(write, body.mission_id, body.organisation_id, held=True)
    waiting = await _waiting(write, territory, body)
    remarks = _remarks(body, {entry.id for entry in waiting})
    refused = {entry_id for entry_id, (kind, _) in remarks.items() if kind is RemarkKind.REFUSAL}
    entries = [entry for entry in waiting if entry.id not in refused]
    if not entries:
        raise NothingToCertify
    VALIDATES_CERTIFIES.separate(write.actor, took_part(entries))
    await refuse_unsigned(write, body.mission_id, entries)
    earlier = {e.id: e.certification_refused_reason for e in entries if e.certification_refused_by is not None}
    found = priced(entries, consultants, rates)
    lines = lines_of((profile, rate, entry.days) for entry, (profile, rate) in zip(entries, found, strict=True))
    rate_bp = await _vat_rate(write, body.to_on)
    amount = sum(line.amount_cents for line in lines)
    content = {
        "earlier_refusals": [{"entry_id": entry_id, "reason": reason} for entry_id, reason in sorted(earlier.items())],
        "entries": [
            {
                "activity": entry.activity,
                "consultant_id": entry.consultant_id,
                "counted_on": entry.counted_on,
                "day_rate_cents": rate,
                "days": entry.days,
                "id": entry.id,
                "profile": profile,
                "worked_on": entry.worked_on,
            }
            for entry, (profile, rate) in zip(entries, found, strict=True)
        ],
        "remarks": [
            {"entry_id": entry_id, "kind": kind, "reason": reason}
            for entry_id, (kind, reason) in sorted(remarks.items(), key=lambda item: str(item[0]))
        ],
    }
    about = About(territory, body.mission_id, body.organisation_id, body.from_on, body.to_on)
    certificate = await issue(write, about, lines, rate_bp, content)
    write.session.add_all(
        CertificateRemark(certificate_id=certificate.id, entry_id=entry_id, kind=kind, reason=reason)
        for entry_id, (kind, reason) in remarks.items()
    )
    write.session.add_all(
        EarlierRefusal(certificate_id=certificate.id, entry_id=entry_id, reason=reason)
        for entry_id, reason in earlier.items()
    )
    await write.session.flush()
    assert certificate.amount_cents == amount  # each line is rounded once, and never again
    keys = [entry.id for entry in entries]
    await mark(write, keys, certified_by(certificate, write.now) | dict.fromkeys(REFUSED))
    for entry_id in sorted(refused):
        said = (remarks[entry_id][1], person_id, clock.today())
        await mark(write, [entry_id], dict(zip(REFUSED, said, strict=True)))
    bound = {"territory": territory}
    left_out = Change("time_entry.certification_refused", TIME_ENTRIES, sorted(refused), bound, many=True)
    return [
        Change("service_certificate.created", CERTIFICATES, [certificate.id], bound),
        Change("time_entry.certified", TIME_ENTRIES, keys, bound, many=True),
        *([left_out] if refused else []),
    ]


async def cancel(write: Write, attempt: Attempt, certificate_id: UUID, reason: str) -> list[Change]:
    """Cancel a certificate by a counter-certificate: the opposite figures, and its days are validated days again.

    What it left out waits for a certificate again, unless another one that stands left it out too.
    Open corrections of its entries are stale.

    Raises `certificate-already-cancelled`, `counter-certificate` (409), `person-required` (403).
    """
    person(write.actor)
    c, territory = ServiceCertificate, attempt.territory
    certificate = await write.lock(c, c.id == certificate_id, c.territory == territory)
    write.expect(certificate.version, required=True)
    if certificate.cancels_id is not None:
        raise CounterCertificate
    if await write.session.scalar(select(c.id).where(c.cancels_id == certificate_id)) is not None:
        raise CertificateAlreadyCancelled
    keys = await contained(write, certificate_id)
    counter = await counter_certificate(write, certificate, reason)
    await mark(write, keys, VALIDATED_AGAIN)
    waiting = await end_refusals(write, territory, certificate_id)
    stale = await make_stale(write, attempt, keys, reason)
    bound = {"territory": territory}
    return [
        Change("service_certificate.cancelled", CERTIFICATES, [counter.id], bound),
        Change("time_entry.uncertified", TIME_ENTRIES, keys, bound, many=True),
        *waiting,
        *stale,
    ]


_left, _other, _counter = (aliased(CertificateRemark), aliased(CertificateRemark), aliased(ServiceCertificate))
_LEFT_OUT = (
    select(TimeEntry.id)
    .join(_left, _left.entry_id == TimeEntry.id)
    .where(
        _left.certificate_id == bindparam("certificate_id", type_=ServiceCertificate.id.type),
        _left.kind == RemarkKind.REFUSAL,
        TimeEntry.certification_refused_by.is_not(None),
        ~select(_other.entry_id)
        .where(
            _other.entry_id == TimeEntry.id,
            _other.kind == RemarkKind.REFUSAL,
            _other.certificate_id != _left.certificate_id,
            ~select(_counter.id).where(_counter.cancels_id == _other.certificate_id).exists(),
        )
        .exists(),
    )
    .order_by(TimeEntry.id)
    .with_for_update(key_share=True, of=TimeEntry)
)


async def end_refusals(write: Write, territory: str, certificate_id: UUID) -> list[Change]:
    """Take back what a cancelled certificate refused: the entries wait for a certificate again.

    An entry that another certificate refused, and that is in force, stays refused.
    """
    waiting = list(await write.session.scalars(_LEFT_OUT, {"certificate_id": certificate_id}))
    await mark(write, waiting, dict.fromkeys(REFUSED))
    bound = {"territory": territory}
    return [Change("time_entry.updated", TIME_ENTRIES, waiting, bound, many=True)] if waiting else []


def took_part(entries: Iterable[Any]) -> set[UUID]:
    """Who entered, worked or validated these days."""
    return {key for entry in entries for key in (entry.person_id, entry.validated_by, *entry.authors)}


async def contained(write: Write, certificate_id: UUID) -> list[UUID]:
    """The entries of a certificate, locked in id order."""
    e = TimeEntry
    rows = select(e.id).where(e.certificate_id == certificate_id).order_by(e.id).with_for_update(key_share=True)
    return list(await write.session.scalars(rows))


async def counter_certificate(write: Write, certificate: ServiceCertificate, reason: str) -> ServiceCertificate:
    """Issue the counter-certificate of one that is held: its lines with the opposite figures."""
    n = CertificateLine
    lines = [
        PricedLine(row.profile, row.day_rate_cents, -row.days)
        for row in await write.session.scalars(select(n).where(n.certificate_id == certificate.id))
    ]
    content = {"cancels_id": certificate.id, "cancels_number": certificate.number, "reason": reason}
    return await issue(write, certificate, lines, certificate.vat_rate_bp, content, cancels_id=certificate.id,
                       reason=reason)  # fmt: skip


async def _member(write: Write, territory: str, mission_id: UUID, organisation_id: UUID) -> None:
    m = MissionMember
    member = (
        select(m.id)
        .join(Mission, Mission.id == m.mission_id)
        .where(Mission.territory == territory, m.mission_id == mission_id, m.organisation_id == organisation_id)
        .with_for_update(read=True, key_share=True, of=m)
    )
    if await write.session.scalar(member) is None:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/organisation_id")])


async def _waiting(write: Write, territory: str, body: schemas.ServiceCertificateCreate) -> Sequence[Any]:
    """The member's validated entries that count in the period, locked in id order."""
    e = TimeEntry
    rows = (
        select(*e.__table__.c)
        .where(
            e.territory == territory,
            e.mission_id == body.mission_id,
            e.organisation_id == body.organisation_id,
            e.status == "validated",
            e.counted_on.between(body.from_on, body.to_on),
        )
        .order_by(e.id)
        .with_for_update(key_share=True)
    )
    return (await write.session.execute(rows)).all()


def _remarks(body: schemas.ServiceCertificateCreate, known: set[UUID]) -> dict[UUID, tuple[RemarkKind, str]]:
    remarks: dict[UUID, tuple[RemarkKind, str]] = {}
    missing, twice = [], []
    for kind, name, given in (
        (RemarkKind.RESERVATION, "reservations", body.reservations),
        (RemarkKind.REFUSAL, "refusals", body.refusals),
    ):
        for number, remark in enumerate(given):
            pointer = f"/{name}/{number}/entry_id"
            if remark.entry_id not in known:
                missing.append(NOT_FOUND.at(pointer))
            elif remark.entry_id in remarks:
                twice.append(REPEATED_ENTRY.at(pointer))
            remarks[remark.entry_id] = (kind, remark.reason)
    if missing:
        raise ReferenceNotFound(errors=missing)
    if twice:
        raise ValidationFailed(errors=twice)
    return remarks


async def prices(
    write: Write, mission_id: UUID, organisation_id: UUID, *, held: bool
) -> tuple[Mapping[UUID, Any], Sequence[Rate]]:
    """The profiles and names of the member's consultants, and the member's rates; `held`: as they are until COMMIT.

    They are locked before the entries: who changes an assignment locks its entries after it.
    """
    c, r = Consultant, Rate
    asked = (
        select(c.id, c.profile, Subject.name)
        .join(Subject, Subject.id == c.person_id)
        .where(c.mission_id == mission_id, c.organisation_id == organisation_id)
    )
    rates = select(r).where(r.mission_id == mission_id, r.organisation_id == organisation_id)
    if held:
        asked, rates = asked.with_for_update(read=True, of=c), rates.with_for_update(read=True)
    consultants = {row.id: row for row in await write.session.execute(asked.order_by(c.id))}
    return consultants, list(await write.session.scalars(rates.order_by(r.id)))


def priced(entries: Sequence[Any], consultants: Mapping[UUID, Any], rates: Sequence[Rate]) -> list[tuple[str, int]]:
    """The profile and the day rate of each entry, on the day it was worked. Raises `rate-missing` (409)."""
    found: list[tuple[str, int]] = []
    missing: dict[tuple[str | None, date], FieldError] = {}
    for entry in entries:
        consultant = consultants[entry.consultant_id]
        profile = consultant.profile
        rate = rate_on(rates, profile, entry.worked_on)
        if profile is None or rate is None:
            members = {
                "consultant_id": consultant.id,
                "consultant_name": consultant.name,
                "profile": profile,
                "worked_on": entry.worked_on,
            }
            missing.setdefault((profile, entry.worked_on), RATE_MISSING.at("", **members))
        else:
            found.append((profile, rate))
    if missing:
        raise RateMissing(errors=list(missing.values()))
    return found


async def _vat_rate(write: Write, day: date) -> int:
    """The normal rate of VAT in force on a day."""
    v = VatRate
    latest = select(v.rate_bp).where(v.from_on <= day).order_by(v.from_on.desc()).limit(1)
    rate: int | None = await write.session.scalar(latest)
    if rate is None:
        raise ValidationFailed(errors=[NO_VAT_RATE.at("/to_on")])
    return rate


@dataclass(frozen=True)
class About:
    """What a certificate is about: whose days of which period."""

    territory: str
    mission_id: UUID
    organisation_id: UUID
    from_on: date
    to_on: date


async def issue(
    write: Write,
    about: About | ServiceCertificate,
    lines: Sequence[PricedLine],
    rate_bp: int,
    content: Mapping[str, Any],
    *,
    cancels_id: UUID | None = None,
    reason: str | None = None,
) -> ServiceCertificate:
    """Number, write and seal a certificate with its lines, about what another one is about or anew."""
    n = CertificateNumber
    first = insert(n).values(territory=about.territory, last_number=1)
    next_one = first.on_conflict_do_update(index_elements=["territory"], set_={"last_number": n.last_number + 1})
    number = await write.session.scalar(next_one.returning(n.last_number))
    certificate_id = await write.session.scalar(select(func.uuidv7()))
    amount = sum(line.amount_cents for line in lines)
    vat = vat_on(amount, rate_bp)
    facts = {
        "id": certificate_id,
        "territory": about.territory,
        "mission_id": about.mission_id,
        "organisation_id": about.organisation_id,
        "number": number,
        "from_on": about.from_on,
        "to_on": about.to_on,
        "days": sum((line.days for line in lines), Decimal(0)),
        "vat_rate_bp": rate_bp,
        "vat_cents": vat,
        "total_cents": amount + vat,
        "certified_by": person(write.actor),
    }
    priced = [
        ({"profile": line.profile, "day_rate_cents": line.day_rate_cents, "days": line.days}, line.amount_cents)
        for line in lines
    ]
    content_kept = sealed(
        {
            **content,
            **facts,
            "amount_excl_vat_cents": amount,
            "certified_at": f"{write.now:%Y-%m-%dT%H:%M:%S.%fZ}",
            "lines": [{**line, "amount_excl_vat_cents": cents} for line, cents in priced],
        }
    )
    certificate = ServiceCertificate(**facts, amount_cents=amount, **content_kept, cancels_id=cancels_id, reason=reason)
    write.session.add(certificate)
    await write.session.flush()
    write.session.add_all(
        CertificateLine(certificate_id=certificate_id, **line, amount_cents=cents) for line, cents in priced
    )
    await write.session.flush()
    return certificate


def certified_by(certificate: ServiceCertificate, at: datetime) -> dict[str, Any]:
    """What an entry says that the certificate contains."""
    return {"status": "certified", "certificate_id": certificate.id, "certified_by": certificate.certified_by,
            "certified_at": at}  # fmt: skip


async def mark(write: Write, keys: Sequence[UUID], values: Mapping[str, Any], *, on_the_way: bool = False) -> None:
    """Write these values to entries. `on_the_way`: the same act changes them once more, so this is no version."""
    e = TimeEntry
    now: dict[str, Any] = {} if on_the_way else {"version": e.version + 1, "updated_at": write.now}
    marked = update(e).where(e.id.in_(keys)).values({**values, **now})
    await write.session.execute(marked, execution_options={"synchronize_session": False})
