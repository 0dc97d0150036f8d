"""Acts on an aid while it lives: each is told of its grant and of its advance, and written down.

An act that is done again corrects what it said before: both stay in `aid_acts`. Lock order: app/awards/aids.py.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from app.access.rules import accountable
from app.awards import aids
from app.awards.aids import Held
from app.awards.claims.queries import last_certified_on
from app.awards.claims.rules import ExpenseAfterCompletion
from app.awards.kinds import AwardKind
from app.awards.life import rules, schemas
from app.awards.life.queries import agreement_of, guarantee_of, received_on_of
from app.awards.models import AidAct
from app.awards.rules import OVER, AwardEnded, refuse_before_decision
from app.core import clock
from app.core.problems import ValidationFailed
from app.core.reading.listing import Listing
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write, put


async def notify(
    write: Write, kind: AwardKind, territory: str, award_id: UUID, body: schemas.Notification
) -> list[Change]:
    """Record that the firm was notified, and what the decision holds. The time for the start begins on that day.

    Raises `award-ended`, `before-decision` (409), `planned_end_before_start` (422).
    """
    refuse_future({"/notified_on": body.notified_on})
    held = await _open(write, kind, territory, award_id)
    return await put_notification(write, held, body)


async def put_notification(write: Write, held: Held, body: schemas.Notification) -> list[Change]:
    """Put the notification of a decision onto its aid, which is held. Raises what `notify` raises."""
    aid = held.aid
    refuse_before_decision(aid.decided_on, body.notified_on)
    said = {name: value for name in _TERMS if (value := getattr(body, name)) is not None}
    starts, ends = (said.get(name, getattr(aid, name)) for name in ("planned_start_on", "planned_end_on"))
    if starts is not None and ends is not None and ends < starts:
        raise ValidationFailed(errors=[rules.PLANNED_END_BEFORE_START.at("/planned_end_on")])
    put(aid, {"notified_on": body.notified_on, **said})
    return await _done(
        write, held, AidAct.NOTIFY, "notified", body.notified_on, document_sha256=body.document_sha256
    )  # fmt: skip


_TERMS = ("planned_start_on", "planned_end_on", "conditions", "payment_terms", "recovery_terms")


async def start(write: Write, kind: AwardKind, territory: str, award_id: UUID, body: schemas.Start) -> list[Change]:
    """Record when the project started, with its proof.

    Raises `award-ended`, `start-before-receipt`, `start-too-late`, `completed-before-start` (409).
    """
    refuse_future({"/started_on": body.started_on})
    held = await _open(write, kind, territory, award_id)
    aid = held.aid
    received_on = await received_on_of(write.session, aid)
    if received_on is not None and body.started_on < received_on:
        raise rules.StartBeforeReceipt(received_on=received_on)
    rules.refuse_late_start(aid.start_by_on, body.started_on)
    if aid.completed_on is not None and aid.completed_on < body.started_on:
        raise rules.CompletedBeforeStart(started_on=body.started_on)
    put(aid, {"started_on": body.started_on, "start_proof_sha256": body.proof_sha256})
    return await _done(write, held, AidAct.START, "started", body.started_on, document_sha256=body.proof_sha256)


async def extend_start(
    write: Write, kind: AwardKind, territory: str, award_id: UUID, body: schemas.StartExtension
) -> list[Change]:
    """Give the start more time, once, on a request before its end.

    Raises `award-ended`, `not-notified`, `already-started`, `start-extension-used`, `start-extension-late`,
    `start-extension-too-long` (409).
    """
    on = body.requested_on or clock.today()
    refuse_future({"/requested_on": on})
    held = await _open(write, kind, territory, award_id)
    aid = held.aid
    if aid.start_by_on is None:
        raise rules.NotNotified
    if aid.started_on is not None:
        raise rules.AlreadyStarted(started_on=aid.started_on)
    if aid.extended_on is not None:
        raise rules.StartExtensionUsed(extended_on=aid.extended_on, start_by_on=aid.start_by_on)
    if on > aid.start_by_on:
        raise rules.StartExtensionLate
    most_months = (aid.parameters or {}).get("start_extension_months") or 0
    if body.months > most_months:
        raise rules.StartExtensionTooLong(most_months=most_months)
    put(aid, {"start_extension_months": body.months, "extended_on": on})
    return await _done(
        write, held, AidAct.EXTEND_START, "start_extended", on, reason=body.reason,
        document_sha256=body.document_sha256,
    )  # fmt: skip


async def complete(
    write: Write, kind: AwardKind, territory: str, award_id: UUID, body: schemas.Completion
) -> list[Change]:
    """Record the firm's completion statement.

    Raises `award-ended`, `completed-unstarted`, `completed-before-start`, `expense-after-completion` (409),
    `declared_before_completion` (422).
    """
    refuse_future({"/completed_on": body.completed_on, "/declared_on": body.declared_on})
    if body.declared_on < body.completed_on:
        raise ValidationFailed(errors=[rules.DECLARED_BEFORE_COMPLETION.at("/declared_on")])
    held = await _open(write, kind, territory, award_id)
    aid = held.aid
    if aid.started_on is None:
        raise rules.CompletedUnstarted
    if body.completed_on < aid.started_on:
        raise rules.CompletedBeforeStart(started_on=aid.started_on)
    last_on = await last_certified_on(write.session, aid.id)
    if last_on is not None and last_on > body.completed_on:
        raise ExpenseAfterCompletion(completed_on=body.completed_on.isoformat())
    put(
        aid,
        {
            "completed_on": body.completed_on,
            "completion_declared_on": body.declared_on,
            "final_cost_cents": body.final_cost_cents,
            "public_aid": [each.model_dump() for each in body.public_aid],
        },
    )
    return await _done(
        write, held, AidAct.COMPLETE, "completed", body.declared_on, document_sha256=body.document_sha256
    )  # fmt: skip


async def sign(
    write: Write, kind: AwardKind, territory: str, award_id: UUID, body: schemas.AgreementPut
) -> list[Change]:
    """Put the agreement of an aid on file. It is signed once both have signed.

    Raises `award-ended`, `before-decision` (409), `signed_by_nobody` (422).
    """
    signed = {"/signed_by_firm_on": body.signed_by_firm_on, "/signed_by_funder_on": body.signed_by_funder_on}
    days = {pointer: day for pointer, day in signed.items() if day is not None}
    if not days:
        raise ValidationFailed(errors=[rules.SIGNED_BY_NOBODY.at(pointer) for pointer in signed])
    refuse_future(days)
    held = await _open(write, kind, territory, award_id, of_award=False)
    aid = held.aid
    for day in days.values():
        refuse_before_decision(aid.decided_on, day)
    listing = agreement_of(kind)
    return await _put(write, held, AidAct.SIGN, listing, award_id, _agreement(body), max(days.values()))


def _agreement(body: schemas.AgreementPut) -> dict[str, Any]:
    return {
        "agreement_reference": body.reference,
        "agreement_sha256": body.document_sha256,
        "signed_by_firm_on": body.signed_by_firm_on,
        "signed_by_funder_on": body.signed_by_funder_on,
    }


async def put_agreement(write: Write, held: Held, body: schemas.AgreementPut, terms: Mapping[str, Any]) -> list[Change]:
    """Put an agreement that a letter drew up on file, with its terms, on the aid that is held."""
    days = [day for day in (body.signed_by_firm_on, body.signed_by_funder_on) if day is not None]
    return await _on_file(write, held, AidAct.SIGN, {**_agreement(body), **terms}, max(days))


async def guarantee(
    write: Write, kind: AwardKind, territory: str, award_id: UUID, body: schemas.GuaranteePut
) -> list[Change]:
    """Put a first-demand guarantee of an aid on file. Raises `award-ended` (409)."""
    held = await _open(write, kind, territory, award_id, of_award=False)
    values = {
        "guarantor": body.guarantor,
        "guarantee_reference": body.reference,
        "guarantee_cents": body.amount_cents,
        "guaranteed_until_on": body.until_on,
        "guarantee_sha256": body.document_sha256,
    }
    listing = guarantee_of(kind)
    return await _put(write, held, AidAct.GUARANTEE, listing, award_id, values, clock.today())


async def _open(
    write: Write, kind: AwardKind, territory: str, award_id: UUID, *, of_award: bool = True
) -> Held:  # fmt: skip
    """The aid, held, on which acts are still done. Raises `email-missing` (403), `award-ended` (409).

    If-Match is the award's version where the act answers with it, else that of what the act puts on file.
    """
    held = await aids.hold(write, territory, award_id, kind)
    accountable(write.actor)
    if of_award:
        write.expect(held.award.version, required=True)
    refuse_over(held)
    return held


def refuse_over(held: Held) -> None:
    """Raises `award-ended` (409) where the award that was asked for has ended."""
    award = held.award
    if award.status in OVER or award.ended_as is not None or held.aid.closed_on is not None:
        raise AwardEnded(current=award.ended_as or ("closed" if held.aid.closed_on is not None else award.status))


async def _done(write: Write, held: Held, act: AidAct, told: str, on: date, **why: str | None) -> list[Change]:
    held.record(write, act, on, **why)
    await write.session.flush()
    return held.told(told)


async def _put(
    write: Write, held: Held, act: AidAct, listing: Listing, award_id: UUID, values: Mapping[str, Any], on: date
) -> list[Change]:
    """Put on file what has an address of its own; its awards tell of it. What changes nothing writes nothing."""
    aid = held.aid
    new = all(getattr(aid, name) is None for name in values)
    write.expect(None if new else aid.version)
    shown = Change(
        "", listing, [award_id], {"territory": aid.territory, listing.key_name: award_id}, status=201 if new else 200
    )  # fmt: skip
    return [shown, *await _on_file(write, held, act, values, on)]


async def _on_file(write: Write, held: Held, act: AidAct, values: Mapping[str, Any], on: date) -> list[Change]:
    """Put values onto the aid and write the act down; nothing where nothing changes."""
    aid = held.aid
    if not put(aid, values):
        return []
    held.record(write, act, on, document_sha256=values.get("agreement_sha256") or values.get("guarantee_sha256"))
    await write.session.flush()
    return held.told("agreed" if act is AidAct.SIGN and aid.agreed_on is not None else "updated")
