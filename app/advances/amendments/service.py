"""Writes of amendments of advances: asked for by one person, decided by another, under the lock of the advance's row.

A decision makes a version of the schedule, or the write-off; `account.settle` does the rest.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.access.duties import REQUESTS_DECIDES
from app.access.rules import accountable, person
from app.advances import account, versions
from app.advances.amendments import rules, schemas
from app.advances.amendments.models import Amendment
from app.advances.amendments.queries import AMENDMENTS
from app.advances.amendments.rules import (
    AmendmentAction,
    AmendmentKind,
    RescheduleKind,
    Waived,
    WriteOffGround,
)
from app.advances.arrears.facts import replayed_so_far
from app.advances.models import Advance
from app.advances.position import ACTS, Line, Position, Version, VersionCause
from app.advances.queries import ADVANCES
from app.advances.rules import AdvanceTermsKind
from app.advances.schedule import LAST_YEAR, MOST_PERIODS, GraceKind, LoanTerms, due_dates
from app.advances.tranches.rules import AfterLastInstalment
from app.advances.versions import LateInterest, WaiverShare
from app.awards.life.rules import AgreementMissing
from app.awards.models import Aid
from app.awards.rules import OVER, AwardEnded, refuse_before_decision, refuse_before_request
from app.core import clock
from app.core.messages import NOT_FOUND
from app.core.problems import ReferenceNotFound
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write

# What changes the schedule by a decision or a payment: no amendment counts from before it.
_ORDERED = ACTS | {VersionCause.TRANCHE, VersionCause.AGREEMENT}


@dataclass
class _Held:
    """An advance that is locked, where it stands on the day, and its terms."""

    advance: Advance
    known: account.KnownAccount
    stand: Position

    @property
    def terms(self) -> LoanTerms:
        return self.stand.terms


async def request_reschedule(
    write: Write, territory: str, advance_id: UUID, body: schemas.RescheduleCreate
) -> list[Change]:
    """Ask for a reschedule; the answer shows the lines before and after it, as on the day of the request.

    Raises `agreement-missing`, `nothing-outstanding`, `already-written-off`, `no-line-ahead`, `first-day-too-early`,
    `reschedule-too-long`, `before-decision` (409), `reference-not-found` (404), `email-missing` (403).
    """
    held = await _asking(write, territory, advance_id, body, AmendmentKind.RESCHEDULE)
    asked = body.model_dump(mode="json", exclude={"reason", "requested_on"})
    version = _rescheduled(held, asked)
    return await _ask(write, held, AmendmentKind.RESCHEDULE, body, asked, version.lines)


async def request_waiver(write: Write, territory: str, advance_id: UUID, body: schemas.WaiverCreate) -> list[Change]:
    """Ask for a waiver, because the project failed.

    Raises `agreement-missing`, `not-conditional`, `nothing-outstanding`, `already-written-off`, `before-decision`
    (409), `email-missing` (403).
    """
    held = await _asking(write, territory, advance_id, body, AmendmentKind.WAIVER)
    if held.known.terms.kind is not AdvanceTermsKind.CONDITIONAL:
        raise rules.NotConditional
    return await _ask(write, held, AmendmentKind.WAIVER, body, {}, None)


async def request_rate_change(
    write: Write, territory: str, advance_id: UUID, body: schemas.RateChangeCreate
) -> list[Change]:
    """Ask for another rate of interest; the answer shows the lines before and after it, as on the day of the request.

    Raises `agreement-missing`, `nothing-outstanding`, `already-written-off`, `no-line-ahead`, `before-decision` (409),
    `email-missing` (403).
    """
    held = await _asking(write, territory, advance_id, body, AmendmentKind.RATE_CHANGE)
    version = _at_rate(held, body.annual_rate_bp)
    asked = {"annual_rate_bp": body.annual_rate_bp}
    return await _ask(
        write, held, AmendmentKind.RATE_CHANGE, body, asked, version.lines, replaced=held.terms.annual_rate_bp
    )


async def request_availability_extension(
    write: Write, territory: str, advance_id: UUID, body: schemas.AvailabilityExtensionCreate
) -> list[Change]:
    """Ask for a later last day on which the advance is drawn.

    Raises `agreement-missing`, `award-ended`, `nothing-to-extend`, `availability-not-extended`,
    `after-last-instalment`, `before-decision` (409), `email-missing` (403).
    """
    held = await _asking(write, territory, advance_id, body, AmendmentKind.AVAILABILITY_EXTENSION, _undrawn)
    replaced = _extended(held, body.available_until_on)
    asked = {"available_until_on": body.available_until_on.isoformat()}
    return await _ask(
        write, held, AmendmentKind.AVAILABILITY_EXTENSION, body, asked, None, replaced=replaced.isoformat()
    )


async def request_write_off(
    write: Write, territory: str, advance_id: UUID, body: schemas.WriteOffCreate
) -> list[Change]:
    """Ask for a write-off of what is outstanding.

    Raises `nothing-outstanding`, `already-written-off`, `before-decision` (409), `email-missing` (403).
    """
    held = await _asking(write, territory, advance_id, body, AmendmentKind.WRITE_OFF)
    asked = {"ground": WriteOffGround(body.ground).value, "proof_sha256": body.proof_sha256}
    return await _ask(write, held, AmendmentKind.WRITE_OFF, body, asked, ())


async def _ask(
    write: Write, held: _Held, kind: AmendmentKind, body: Any, asked: dict[str, Any], after: Sequence[Line] | None,
    *, replaced: int | str | None = None,
) -> list[Change]:  # fmt: skip
    """Store a request, which `after` shows the lines of; None: it leaves them. `replaced`: the term that it changes."""
    requested_by = accountable(write.actor)
    before = _flows_before(held.stand)
    amendment = Amendment(
        territory=held.advance.territory, advance_id=held.advance.id, kind=kind, asked=asked, reason=body.reason,
        requested_on=held.stand.as_of, requested_by=requested_by, before=before,
        after=before if after is None else _flows(after),
        decision=None if replaced is None else {"replaced": replaced},
    )  # fmt: skip
    write.session.add(amendment)
    await write.session.flush()
    return [_change("requested", amendment)]


async def find_failure(
    write: Write, territory: str, advance_id: UUID, amendment_id: UUID, body: schemas.Finding
) -> list[Change]:
    """Record the finding of the failure that a waiver was asked for.

    Raises `amendment-transition`, `before-request` (409), `email-missing` (403).
    """
    on = body.found_on or clock.today()
    refuse_future({"/found_on": on})
    await account.hold(write, territory, advance_id)
    amendment = await _locked(write, advance_id, amendment_id, AmendmentKind.WAIVER)
    becomes = rules.check_amendment(AmendmentKind.WAIVER, amendment.status, AmendmentAction.FIND)
    refuse_before_request(amendment.requested_on, on)
    amendment.status, amendment.found_on, amendment.found_by = becomes, on, accountable(write.actor)
    amendment.finding = body.finding
    await write.session.flush()
    return [_change("found", amendment)]


async def approve_reschedule(
    write: Write, territory: str, advance_id: UUID, amendment_id: UUID, body: schemas.AmendmentApproval
) -> list[Change]:
    """Approve a reschedule that another person asked for: its lines are in force from the day of the decision on.

    Raises what `request_reschedule` raises, `amendment-transition`, `before-last-version` (409), and
    `requester-decides`, `person-required` (403).
    """
    held, amendment, on = await _deciding(write, territory, advance_id, amendment_id, AmendmentKind.RESCHEDULE, body)
    version = _rescheduled(held, amendment.asked)
    _decide(amendment, body, on, held.stand, version.lines)
    held.advance.accelerated_on = None
    await account.enact(write, held.advance, version, amendment.id)
    settled = await account.settle(write, held.advance, "rescheduled")
    return [_change("approved", amendment), *settled]


async def approve_rate_change(
    write: Write, territory: str, advance_id: UUID, amendment_id: UUID, body: schemas.AmendmentApproval
) -> list[Change]:
    """Let interest run at another rate from the day of the decision on, as another person asked.

    Raises what `request_rate_change` raises, `amendment-transition`, `before-last-version` (409), and
    `requester-decides`, `person-required` (403).
    """
    held, amendment, on = await _deciding(write, territory, advance_id, amendment_id, AmendmentKind.RATE_CHANGE, body)
    rate_bp = amendment.asked["annual_rate_bp"]
    version = _at_rate(held, rate_bp)
    amendment.decision = {"replaced": held.terms.annual_rate_bp}
    _decide(amendment, body, on, held.stand, version.lines)
    _amend(held.advance, annual_rate_bp=rate_bp)
    await account.enact(write, held.advance, version, amendment.id)
    return [_change("approved", amendment), *await account.settle(write, held.advance, "rate_changed")]


async def approve_availability_extension(
    write: Write, territory: str, advance_id: UUID, amendment_id: UUID, body: schemas.AmendmentApproval
) -> list[Change]:
    """Give the advance more time to be drawn, as another person asked.

    Raises what `request_availability_extension` raises, `amendment-transition` (409), and `requester-decides`,
    `person-required` (403).
    """
    held, amendment, on = await _deciding(
        write, territory, advance_id, amendment_id, AmendmentKind.AVAILABILITY_EXTENSION, body, stand=_undrawn
    )
    until_on = date.fromisoformat(amendment.asked["available_until_on"])
    amendment.decision = {"replaced": _extended(held, until_on).isoformat()}
    _decide(amendment, body, on, held.stand, None)
    _amend(held.advance, available_until_on=until_on.isoformat())
    await write.session.flush()
    bound = {"territory": territory, "advance_id": advance_id}
    return [_change("approved", amendment), Change("advance.availability_extended", ADVANCES, [advance_id], bound)]


async def decide_waiver(
    write: Write, territory: str, advance_id: UUID, amendment_id: UUID, body: schemas.WaiverDecision
) -> list[Change]:
    """Decide a waiver after the finding: all, a part, or nothing of what is outstanding.

    Raises `amendment-transition`, `waiver-too-high`, `nothing-outstanding`, `already-written-off`,
    `before-last-version`, `before-request` (409), `requester-decides`, `person-required` (403).
    """
    action = AmendmentAction.REFUSE if body.waive is Waived.NONE else AmendmentAction.APPROVE
    held, amendment, on = await _deciding(
        write, territory, advance_id, amendment_id, AmendmentKind.WAIVER, body, action
    )
    amendment.decision = {"waive": body.waive.value, "share": body.share.value if body.share else None}
    if body.waive is Waived.NONE:
        before = _flows_before(held.stand)
        amendment.before = amendment.after = before
        amendment.reference, amendment.document_sha256 = body.reference, body.document_sha256
        amendment.end_reason = amendment.finding
        await write.session.flush()
        return [_change("refused", amendment)]
    minimum = held.known.terms.minimum_repayment_cents or 0
    most = held.stand.outstanding_cents - max(0, minimum - held.stand.repaid_cents)
    cents = most if body.amount_cents is None else body.amount_cents
    if not 0 < cents <= most:
        raise rules.WaiverTooHigh(most_cents=max(most, 0))
    version = versions.waive(held.terms, held.stand, cents, body.share or WaiverShare.LAST)
    amendment.waived_cents = cents
    _decide(amendment, body, on, held.stand, version.lines)
    await account.enact(write, held.advance, version, amendment.id)
    settled = await account.settle(write, held.advance, "waived")
    return [_change("approved", amendment), *settled]


async def approve_write_off(
    write: Write, territory: str, advance_id: UUID, amendment_id: UUID, body: schemas.AmendmentApproval
) -> list[Change]:
    """Write off what is outstanding, as another person asked: final.

    Raises `amendment-transition`, `nothing-outstanding`, `already-written-off`, `before-last-version`,
    `before-request` (409), `requester-decides`, `person-required` (403).
    """
    held, amendment, on = await _deciding(write, territory, advance_id, amendment_id, AmendmentKind.WRITE_OFF, body)
    _decide(amendment, body, on, held.stand, ())
    held.advance.written_off_on = on
    settled = await account.settle(write, held.advance, "written_off")
    return [_change("approved", amendment), *settled]


async def end(
    write: Write, territory: str, advance_id: UUID, amendment_id: UUID, body: schemas.AmendmentEnd,
    kind: AmendmentKind, action: AmendmentAction,
) -> list[Change]:  # fmt: skip
    """Refuse or withdraw a request.

    Raises `amendment-transition` (409), `requester-decides`, `person-required` (403).
    """
    await account.hold(write, territory, advance_id)
    amendment = await _locked(write, advance_id, amendment_id, kind)
    amendment.status = rules.check_amendment(kind, amendment.status, action)
    withdrawn = action is AmendmentAction.WITHDRAW
    amendment.decided_by = (
        person(write.actor) if withdrawn else REQUESTS_DECIDES.separate(write.actor, [amendment.requested_by])
    )
    amendment.decided_on, amendment.end_reason = clock.today(), body.reason
    await write.session.flush()
    return [_change("withdrawn" if withdrawn else "refused", amendment)]


Stand = Callable[[Write, Advance, date], Awaitable[_Held]]


async def _owed(write: Write, advance: Advance, on: date) -> _Held:
    """An advance of which something is outstanding on a day."""
    if advance.written_off_on is not None:
        raise rules.AlreadyWrittenOff(written_off_on=advance.written_off_on)
    known = await account.known(write, advance)
    stand = account.stands_by(known, on)
    if not stand.outstanding_cents or not advance.outstanding_cents:
        raise rules.NothingOutstanding
    return _Held(advance, known, stand)


async def _undrawn(write: Write, advance: Advance, on: date) -> _Held:
    """An advance that can still be drawn."""
    if advance.status in OVER:
        raise AwardEnded(current=advance.status)
    known = await account.known(write, advance)
    return _Held(advance, known, replayed_so_far(known.facts, on))


async def _asking(
    write: Write, territory: str, advance_id: UUID, body: Any, kind: AmendmentKind, stand: Stand = _owed
) -> _Held:
    """The advance on the day of the request."""
    on = body.requested_on or clock.today()
    refuse_future({"/requested_on": on})
    advance = await account.hold(write, territory, advance_id)
    refuse_before_decision(advance.decided_on, on)
    await _refuse_unagreed(write, advance, kind)
    return await stand(write, advance, on)


async def _refuse_unagreed(write: Write, advance: Advance, kind: AmendmentKind) -> None:
    """Raises `agreement-missing` (409) where there is no agreement to amend. A loss is written off without one."""
    agreed_on = await write.session.scalar(select(Aid.agreed_on).where(Aid.id == advance.aid_id))
    if agreed_on is None and kind is not AmendmentKind.WRITE_OFF:
        raise AgreementMissing.of_terms()


async def _locked(write: Write, advance_id: UUID, amendment_id: UUID, kind: AmendmentKind) -> Amendment:
    a = Amendment
    amendment = await write.lock(a, a.id == amendment_id, a.advance_id == advance_id, a.kind == kind.value)
    write.expect(amendment.version, required=True)
    return amendment


async def _deciding(
    write: Write, territory: str, advance_id: UUID, amendment_id: UUID, kind: AmendmentKind, body: Any,
    action: AmendmentAction = AmendmentAction.APPROVE, stand: Stand = _owed,
) -> tuple[_Held, Amendment, date]:  # fmt: skip
    """A request that is decided by another person, on a day that no later act on the schedule precedes."""
    on = body.decided_on or clock.today()
    refuse_future({"/decided_on": on})
    advance = await account.hold(write, territory, advance_id)
    amendment = await _locked(write, advance_id, amendment_id, kind)
    becomes = rules.check_amendment(kind, amendment.status, action)
    decided_by = REQUESTS_DECIDES.separate(write.actor, [amendment.requested_by])
    refuse_before_request(amendment.requested_on, on)
    await _refuse_unagreed(write, advance, kind)
    held = await stand(write, advance, on)
    last = max((each.from_on for each in held.known.facts.versions if each.cause in _ORDERED), default=on)
    if on < last and kind is not AmendmentKind.AVAILABILITY_EXTENSION:
        raise rules.BeforeLastVersion(from_on=last)
    amendment.status, amendment.decided_by, amendment.decided_on = becomes, decided_by, on
    return held, amendment, on


def _decide(amendment: Amendment, body: Any, on: date, stand: Position, after: Sequence[Line] | None) -> None:
    amendment.reference, amendment.document_sha256 = body.reference, body.document_sha256
    before = _flows_before(stand)
    amendment.before, amendment.after = before, before if after is None else _flows(after)


def _amend(advance: Advance, **terms: Any) -> None:
    advance.amended_terms = {**advance.amended_terms, **terms}


def _at_rate(held: _Held, rate_bp: int) -> Version:
    """The version that another rate makes of where the advance stands."""
    stand = held.stand
    if not any(state.line.due_on > stand.as_of for state in versions.open_lines(stand)):
        raise rules.NoLineAhead
    return versions.change_rate(held.terms, stand, rate_bp)


def _extended(held: _Held, until_on: date) -> date:
    """The last day on which an advance is drawn that a later one takes the place of."""
    advance, stand = held.advance, held.stand
    said = advance.terms_in_force.get("available_until_on")
    if said is None or advance.disbursed_cents + advance.released_cents == advance.amount_cents:
        raise rules.NothingToExtend
    present = date.fromisoformat(said)
    if stand.as_of > present:
        raise AwardEnded(current="lapsed")
    if until_on <= present:
        raise rules.AvailabilityNotExtended(available_until_on=present)
    last = stand.lines[-1].line.due_on if stand.lines else due_dates(held.terms, held.known.planned_on)[-1]
    if until_on >= last:
        raise AfterLastInstalment(last_due_on=last)
    return present


def _rescheduled(held: _Held, asked: dict[str, Any]) -> Version:
    """The version that a reschedule makes of where the advance stands."""
    terms, stand, late = held.terms, held.stand, LateInterest(asked["late_interest"])
    lines = versions.open_lines(stand)
    ahead = [state for state in lines if state.line.due_on > stand.as_of]
    due_on, first_on = _day(asked["due_on"]), _day(asked["first_on"])
    kind = RescheduleKind(asked["kind"])
    if due_on is not None and not any(state.line.due_on == due_on for state in lines):
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/due_on")])
    if kind in (RescheduleKind.ADD_INSTALMENTS, RescheduleKind.RE_AMORTISE) and not ahead:
        raise rules.NoLineAhead
    staying = [each.line.due_on for each in lines if due_on is not None and each.line.due_on < due_on]
    after_on = max([stand.as_of, *staying])
    first = due_on if kind is RescheduleKind.GRACE else first_on
    if first is not None and first <= after_on:
        raise rules.FirstDayTooEarly(after_on=after_on)
    more = (asked["instalments"] or 0) + (asked["periods"] or 0)
    if len(lines) + more > MOST_PERIODS:
        raise rules.RescheduleTooLong(most=MOST_PERIODS, last_year=LAST_YEAR)
    build: dict[RescheduleKind, Callable[[], Version]] = {
        RescheduleKind.MOVE: lambda: versions.move(terms, stand, late, _needed(due_on), _needed(first_on)),
        RescheduleKind.ADD_INSTALMENTS: lambda: versions.add_instalments(terms, stand, late, asked["instalments"]),
        RescheduleKind.GRACE: lambda: versions.grace(
            terms, stand, late, asked["periods"], GraceKind(asked["grace_kind"]), _needed(due_on)
        ),
        RescheduleKind.RE_AMORTISE: lambda: versions.re_amortise(terms, stand, late),
        RescheduleKind.RE_AGE: lambda: versions.re_age(terms, stand, late, asked["instalments"], _needed(first_on)),
    }
    try:
        return build[kind]()
    except versions.TooLong:
        raise rules.RescheduleTooLong(most=MOST_PERIODS, last_year=LAST_YEAR) from None


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _needed(on: date | None) -> date:
    assert on is not None  # the fields of the kind are there
    return on


def _flows_before(stand: Position) -> list[dict[str, Any]]:
    """The open lines of where an advance stands, as plain values."""
    return [
        {
            "due_on": state.line.due_on.isoformat(), "principal_cents": state.principal_left_cents,
            "interest_cents": state.interest_left_cents, "fees_cents": state.fees_left_cents,
            "late_interest_cents": state.late_interest_left_cents, "capitalised_cents": state.line.capitalised_cents,
        }
        for state in versions.open_lines(stand)
    ]  # fmt: skip


def _flows(lines: Sequence[Line]) -> list[dict[str, Any]]:
    return [
        {
            "due_on": line.due_on.isoformat(), "principal_cents": line.principal_cents,
            "interest_cents": line.interest_cents, "fees_cents": line.fees_cents,
            "late_interest_cents": line.late_interest_cents, "capitalised_cents": line.capitalised_cents,
        }
        for line in lines
        if not line.kept
    ]  # fmt: skip


def _change(told: str, amendment: Amendment) -> Change:
    bound = {"territory": amendment.territory, "advance_id": amendment.advance_id}
    kind = AmendmentKind(amendment.kind)
    return Change(f"{kind.value}.{told}", AMENDMENTS[kind], [amendment.id], bound)
