"""Writes of change requests. One decision takes all changes of a request, in one transaction, or none.

Whoever decides holds the aid and its awards first, then the request; the accounts come last.
"""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.access.duties import REQUESTS_DECIDES
from app.access.rules import accountable, person
from app.awards import aids
from app.awards import service as awards
from app.awards.aids import Held
from app.awards.change_requests import holder, rules, schemas
from app.awards.change_requests.models import ChangeRequest
from app.awards.change_requests.queries import change_requests_of
from app.awards.change_requests.rules import ChangeKind, ChangeRequestAction
from app.awards.kinds import AwardKind
from app.awards.life.service import refuse_over
from app.awards.models import Aid, AidAct, Ending
from app.awards.payments.in_flight import is_under_way
from app.awards.rules import AwardAboveBase, AwardEnded, refuse_before_decision, refuse_before_request
from app.core import clock
from app.core.faults import FieldError
from app.core.problems import ValidationFailed
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write, put
from app.envelopes import ledger
from app.envelopes.ledger import Cause
from app.envelopes.rules import Act
from app.envelopes.service import shortfall_changes
from app.firms.bank_details import payees
from app.firms.bank_details.models import BankDetails
from app.firms.bank_details.payees import Place
from app.schemes.queries import parameter_names
from app.schemes.rules import faults_of


async def request(
    write: Write, kind: AwardKind, territory: str, award_id: UUID, body: schemas.ChangeRequestCreate
) -> Change:
    """Ask for changes of an aid.

    Raises `award-ended`, `before-decision`, `not-held-by-parameters`, `parameter-unknown`, `below-start-extension`,
    `already-holder` (409), `reference-not-found` (404), `email-missing` (403), and faults.
    """
    requested_by = accountable(write.actor)
    _check_changes(body)
    on = body.requested_on or clock.today()
    refuse_future({"/requested_on": on})
    held = await aids.hold(write, territory, award_id, kind)
    refuse_over(held)
    refuse_before_decision(held.aid.decided_on, on)
    await _refuse_lapsed(write, held, on)
    await _refuse_unknown(write, held.aid, body)
    changes = [
        change.model_dump(mode="json")
        | (await holder.asked(write, held.aid, change.siren, f"/changes/{place}") if change.siren is not None else {})
        for place, change in enumerate(body.changes)
    ]
    asked = ChangeRequest(
        territory=territory, aid_id=held.aid.id, reason=body.reason, requested_on=on, requested_by=requested_by,
        changes=changes,
        **{f"{kind.resource}_id": award_id},
    )  # fmt: skip
    write.session.add(asked)
    await write.session.flush()
    return _change(kind, "requested", asked, award_id)


async def approve(
    write: Write, kind: AwardKind, territory: str, award_id: UUID, request_id: UUID, body: schemas.ChangeApproval
) -> list[Change]:
    """Take all changes of a request that another person asked for.

    Raises `change-request-transition`, `award-ended`, `before-request`, `before-last-payment`, `below-paid`,
    `award-above-base`, `envelope-exhausted`, `not-held-by-parameters`, `below-start-extension`,
    `planned-end-before-start` (409), `requester-decides`, `person-required` (403), and for another holder what
    `holder.pass_on` raises.
    """
    payee = await _payee_of_new_holder(write, territory, request_id)
    held, asked = await _held(write, kind, territory, award_id, request_id)
    becomes = rules.check_change(asked.status, ChangeRequestAction.APPROVE)
    decided_by = REQUESTS_DECIDES.separate(write.actor, [asked.requested_by])
    refuse_over(held)
    if held.award.id not in (asked.grant_id, asked.advance_id):
        raise AwardEnded(current="cancelled")  # the award that it was asked of
    on = body.decided_on or clock.today()
    refuse_future({"/decided_on": on})
    refuse_before_request(asked.requested_on, on)
    await _refuse_lapsed(write, held, on)
    for _, award in held.awards():
        rules.refuse_before_last_payment(await ledger.last_paid_on(write, award.id), on)
    amending = _Amending(write, held, asked, on, payee)
    for change in asked.changes:
        await amending.take(change)
    asked.status, asked.decided_by, asked.decided_on = becomes, decided_by, on
    asked.reference, asked.document_sha256, asked.before = body.reference, body.document_sha256, amending.before
    held.record(
        write, AidAct.AMEND, on, reason=asked.reason, document_sha256=body.document_sha256, award=held.award
    )  # fmt: skip
    await write.session.flush()
    followed = amending.followed
    followed += await awards.follow(write, held.award, on, asked.reason) if amending.post is not None else []
    filled = await amending.post() if amending.post is not None else []
    return [
        _change(kind, "approved", asked, award_id), *held.told("amended"), *followed,
        *await shortfall_changes(write, territory, filled),
    ]  # fmt: skip


async def refuse(
    write: Write, kind: AwardKind, territory: str, award_id: UUID, request_id: UUID, body: schemas.ChangeRequestEnd
) -> Change:
    """Refuse all changes of a request that another person asked for.

    Raises `change-request-transition` (409), `requester-decides`, `person-required` (403).
    """
    _, asked = await _held(write, kind, territory, award_id, request_id)
    asked.status = rules.check_change(asked.status, ChangeRequestAction.REFUSE)
    asked.decided_by = REQUESTS_DECIDES.separate(write.actor, [asked.requested_by])
    asked.decided_on, asked.end_reason = clock.today(), body.reason
    return _change(kind, "refused", asked, award_id)


async def withdraw(
    write: Write, kind: AwardKind, territory: str, award_id: UUID, request_id: UUID, body: schemas.ChangeRequestEnd
) -> Change:
    """Withdraw a request that is not decided. Raises `change-request-transition` (409), `person-required` (403)."""
    _, asked = await _held(write, kind, territory, award_id, request_id)
    asked.status = rules.check_change(asked.status, ChangeRequestAction.WITHDRAW)
    asked.decided_by = person(write.actor)
    asked.decided_on, asked.end_reason = clock.today(), body.reason
    return _change(kind, "withdrawn", asked, award_id)


class _Amending:
    """The changes of one request as they are taken: what was before, and what the ledger posts in the end."""

    def __init__(self, write: Write, held: Held, asked: ChangeRequest, on: date, payee: BankDetails | None) -> None:
        self.write, self.held, self.asked, self.on, self.payee = write, held, asked, on, payee
        self.followed: list[Change] = []
        self.before: dict[str, Any] = {}
        self.post: Callable[[], Awaitable[list[UUID]]] | None = None

    async def take(self, change: dict[str, Any]) -> None:
        await {
            ChangeKind.AMOUNT: self._amount,
            ChangeKind.DATES: self._dates,
            ChangeKind.OBJECT: self._object,
            ChangeKind.PARAMETERS: self._parameters,
            ChangeKind.HOLDER: self._holder,
        }[ChangeKind(change["kind"])](change)

    async def _amount(self, change: dict[str, Any]) -> None:
        kind, award = self.held.kind, self.held.award
        stands = award.holds_cents
        wanted: int = change["amount_cents"]
        taken = getattr(award, kind.paid) + getattr(award, "in_flight_cents", 0)
        if wanted < taken:
            raise rules.BelowPaid(paid_cents=taken)
        self.before["amount_cents"] = stands
        if wanted > stands:
            self._raise(wanted - stands)
        elif wanted < stands:
            self._lower(stands - wanted)

    def _raise(self, cents: int) -> None:
        kind, award, asked = self.held.kind, self.held.award, self.asked
        becomes = award.holds_cents + cents
        if award.base_cents is not None and becomes > award.base_cents:
            raise AwardAboveBase(amount_cents=becomes, base_cents=award.base_cents)
        award.amount_cents += cents
        asked.raised_cents = cents
        kind.settle(award)

        async def post() -> list[UUID]:
            cause = Cause(Act.AWARD, asked.id, self.on, award.id)
            await ledger.award(self.write, award.territory, kind.instrument, cents, cause)
            return []

        self.post = post

    def _lower(self, cents: int) -> None:
        kind, award, asked = self.held.kind, self.held.award, self.asked
        award.released_cents += cents
        asked.lowered_cents = cents
        kind.settle(award)
        if award.amount_cents == getattr(award, kind.paid) + award.released_cents:
            award.ended_as, award.ended_on = Ending.CLOSED, self.on

        async def post() -> list[UUID]:
            cause = Cause(Act.RELEASE, asked.id, self.on, award.id)
            return await ledger.release(self.write, award.territory, kind.instrument, cause, cents)

        self.post = post

    async def _dates(self, change: dict[str, Any]) -> None:
        aid = self.held.aid
        names = ("planned_start_on", "planned_end_on")
        new = {name: date.fromisoformat(change[name]) for name in names if change[name] is not None}
        starts, ends = (new.get(name, getattr(aid, name)) for name in names)
        if starts is not None and ends is not None and ends < starts:
            raise rules.PlannedEndBeforeStart(planned_start_on=starts, planned_end_on=ends)
        for name in new:
            day = getattr(aid, name)
            self.before[name] = None if day is None else day.isoformat()
        put(aid, new)

    async def _object(self, change: dict[str, Any]) -> None:
        self.before["project_title"] = self.held.award.project_title
        for _, award in self.held.awards():
            award.project_title = change["project_title"]

    async def _parameters(self, change: dict[str, Any]) -> None:
        aid = self.held.aid
        if aid.parameters is None:
            raise rules.NotHeldByParameters
        self.before["parameters"] = {name: aid.parameters.get(name) for name in change["parameters"]}
        becomes = {**aid.parameters, **change["parameters"]}
        rules.refuse_below_extension(aid.notified_on, aid.extended_on, aid.start_extension_months, becomes)
        aid.parameters = becomes

    async def _holder(self, change: dict[str, Any]) -> None:
        self.before["siren"] = self.held.aid.siren
        self.followed = await holder.pass_on(self.write, self.held, change, self.payee, self.on, self.asked.reason)


async def _payee_of_new_holder(write: Write, territory: str, request_id: UUID) -> BankDetails | None:
    """The bank details of the firm to which a request lets the aid pass, held before the aid."""
    asked = select(ChangeRequest.changes).where(ChangeRequest.id == request_id, ChangeRequest.territory == territory)
    sirens = [change["siren"] for change in await write.session.scalar(asked) or () if change.get("siren")]
    return await payees.hold_payee(write, Place(territory, sirens[0])) if sirens else None


def _check_changes(body: schemas.ChangeRequestCreate) -> None:
    faults: list[FieldError] = []
    seen: set[ChangeKind] = set()
    for position, change in enumerate(body.changes):
        pointer = f"/changes/{position}"
        if change.kind in seen:
            faults.append(rules.KIND_TWICE.at(f"{pointer}/kind"))
        seen.add(change.kind)
        fields = rules.FIELDS[change.kind]
        given = {name for names in rules.FIELDS.values() for name in names if getattr(change, name) is not None}
        whole = change.kind is not ChangeKind.HOLDER or len(given) == len(fields)
        if not given or not given <= set(fields) or not whole:
            faults.append(rules.FIELDS_OF_CHANGE.at(pointer, fields=", ".join(fields)))
        for name, value in (change.parameters or {}).items():
            faults += faults_of(name, value, f"{pointer}/parameters/{name}")
    if faults:
        raise ValidationFailed(errors=faults)


async def _refuse_lapsed(write: Write, held: Held, on: date) -> None:
    """Raises `award-ended` (409) after the last day for the start: an aid lapses whether the tick has run or not."""
    start_by_on = held.aid.start_by_on
    if start_by_on is not None and on > start_by_on and not await is_under_way(write, held):
        raise AwardEnded(current=Ending.LAPSED)


async def _refuse_unknown(write: Write, aid: Aid, body: schemas.ChangeRequestCreate) -> None:
    """Raises `not-held-by-parameters`, `parameter-unknown`, `below-start-extension` (409) for parameters that the aid
    cannot have.
    """
    asked = {name: place for place, change in enumerate(body.changes) for name in change.parameters or {}}
    if not asked:
        return
    if aid.scheme is None:
        raise rules.NotHeldByParameters
    becomes = dict(aid.parameters or {})
    for change in body.changes:
        becomes |= change.parameters or {}
    rules.refuse_below_extension(aid.notified_on, aid.extended_on, aid.start_extension_months, becomes)
    for name in asked.keys() - await parameter_names(write.session, aid.scheme):
        unknown = rules.ParameterUnknown(scheme=aid.scheme, parameter=name)
        unknown.errors = [unknown.at(f"/changes/{asked[name]}/parameters/{name}")]
        raise unknown


async def _held(
    write: Write, kind: AwardKind, territory: str, award_id: UUID, request_id: UUID
) -> tuple[Held, ChangeRequest]:  # fmt: skip
    """A request with the award that it was asked of, held. It is found at the address of either award of the aid."""
    held = await aids.hold(write, territory, award_id, kind)
    asked = await write.lock(ChangeRequest, ChangeRequest.id == request_id, ChangeRequest.aid_id == held.aid.id)
    write.expect(asked.version, required=True)
    for each, award in held.awards():
        if award.id in (asked.grant_id, asked.advance_id):
            held.kind, held.award = each, award
    return held, asked


def _change(kind: AwardKind, act: str, asked: ChangeRequest, award_id: UUID) -> Change:
    bound = {"territory": asked.territory, f"{kind.resource}_id": award_id}
    return Change(f"change_request.{act}", change_requests_of(kind), [asked.id], bound)
