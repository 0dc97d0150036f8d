"""Writes of letters: drawn up from the data and sealed, signed, notified, or withdrawn before.

The signature of an agreement puts it on file, and the notification of a decision notifies the aid: by the same acts as
without a letter. Lock order: the aid and its awards (app/awards/aids.py), then the letter.
"""

import json
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.access.models import Organisation, Subject
from app.access.rules import accountable
from app.awards import aids
from app.awards.aids import Held
from app.awards.letters import rules, schemas
from app.awards.letters.models import Letter
from app.awards.letters.queries import LETTERS
from app.awards.letters.rules import TERMS, LetterAction, LetterKind, LetterStatus
from app.awards.life import rules as life_rules
from app.awards.life import service as life
from app.awards.life.queries import received_on_of
from app.awards.life.schemas import AgreementPut, Notification
from app.awards.rules import refuse_before_decision
from app.core.db import literals
from app.core.messages import NOT_FOUND
from app.core.problems import NotFound, ReferenceNotFound, ValidationFailed
from app.core.validation import refuse_future
from app.core.writing.sealing import sealed
from app.core.writing.writes import Change, Write
from app.firms.models import Firm
from app.programme.models import Territory
from app.schemes.models import Scheme


async def draw_up(write: Write, territory: str, body: schemas.LetterCreate) -> Change:
    """Draw a letter up from the data of an aid, and seal what it says.

    Raises `award-ended`, `letter-open`, `already-exists` (409), `reference-not-found` (404), `email-missing` (403),
    `term_missing`, `planned_end_before_start` (422).
    """
    drawn_up_by = accountable(write.actor)
    try:
        held = await aids.hold(write, territory, body.award_id)
    except NotFound:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/award_id")]) from None
    life.refuse_over(held)
    content = await _content(write, held, body)
    letter = Letter(
        territory=territory, aid_id=held.aid.id, award_id=held.award.id, kind=body.kind, reference=body.reference,
        drawn_up_by=drawn_up_by, **sealed(content),
    )  # fmt: skip
    write.session.add(letter)
    await write.session.flush()
    return _change("drawn_up", letter)


async def sign(write: Write, territory: str, letter_id: UUID, body: schemas.LetterSignature) -> list[Change]:
    """Record that a letter was signed. That of an agreement puts the agreement on file.

    Raises `letter-transition`, `award-ended`, `before-decision` (409), `signed_by_both` (422), `email-missing` (403).
    """
    days = {"/signed_on": body.signed_on}
    if body.signed_by_firm_on is not None:
        days["/signed_by_firm_on"] = body.signed_by_firm_on
    refuse_future(days)
    held, letter = await _held(write, territory, letter_id)
    letter.status = rules.next_status(LetterAction.SIGN, LetterStatus(letter.status))
    if (letter.kind == LetterKind.AGREEMENT) != (body.signed_by_firm_on is not None):
        raise ValidationFailed(errors=[rules.SIGNED_BY_BOTH.at("/signed_by_firm_on")])
    for day in days.values():
        refuse_before_decision(held.aid.decided_on, day)
    letter.signed_on, letter.signed_by_firm_on = body.signed_on, body.signed_by_firm_on
    letter.document_sha256 = body.document_sha256
    await write.session.flush()
    changes = [_change("signed", letter)]
    if letter.kind == LetterKind.AGREEMENT:
        agreement = AgreementPut(
            reference=letter.reference, signed_by_firm_on=body.signed_by_firm_on, signed_by_funder_on=body.signed_on,
            document_sha256=body.document_sha256,
        )  # fmt: skip
        changes += await life.put_agreement(write, held, agreement, _terms(letter))
    return changes


async def notify(write: Write, territory: str, letter_id: UUID, body: schemas.LetterNotification) -> list[Change]:
    """Record that the firm was notified of a signed letter. That of the decision is the notification of the aid.

    Raises `letter-transition`, `award-ended`, `notified-before-signature` (409), `email-missing` (403).
    """
    refuse_future({"/notified_on": body.notified_on})
    held, letter = await _held(write, territory, letter_id)
    letter.status = rules.next_status(LetterAction.NOTIFY, LetterStatus(letter.status))
    assert letter.signed_on is not None  # it is signed
    signed_on = rules.signed_last(letter.signed_on, letter.signed_by_firm_on)
    if body.notified_on < signed_on:
        raise rules.NotifiedBeforeSignature(signed_on=signed_on)
    letter.notified_on = body.notified_on
    await write.session.flush()
    changes = [_change("notified", letter)]
    if letter.kind == LetterKind.NOTIFICATION:
        said = Notification(notified_on=body.notified_on, document_sha256=letter.document_sha256, **_terms(letter))
        changes += await life.put_notification(write, held, said)
    return changes


async def withdraw(write: Write, territory: str, letter_id: UUID, body: schemas.LetterWithdrawal) -> Change:
    """Withdraw a letter that is not notified, giving a reason. Raises `letter-transition` (409), `email-missing`.

    An agreement that was signed stays on file.
    """
    accountable(write.actor)
    letter = await _locked(write, territory, letter_id)
    letter.status = rules.next_status(LetterAction.WITHDRAW, LetterStatus(letter.status))
    letter.end_reason = body.reason
    await write.session.flush()
    return _change("withdrawn", letter)


async def end_open(write: Write, aid_id: UUID, reason: str) -> list[Change]:
    """Withdraw the letters that are not notified, of an aid that is held and passes to another firm."""
    named = select(Letter).where(Letter.aid_id == aid_id, Letter.status.in_(literals(rules.OPEN)))
    locked = named.order_by(Letter.id).with_for_update(key_share=True).execution_options(populate_existing=True)
    letters = (await write.session.scalars(locked)).all()
    for letter in letters:
        letter.status = rules.next_status(LetterAction.WITHDRAW, LetterStatus(letter.status))
        letter.end_reason = reason
    await write.session.flush()
    return [_change("withdrawn", letter) for letter in letters]


# --- what a letter says ----------------------------------------------------------------------------------------------


async def _content(write: Write, held: Held, body: schemas.LetterCreate) -> dict[str, Any]:
    aid = held.aid
    terms = {name: getattr(body, name) if getattr(body, name) is not None else getattr(aid, name) for name in TERMS}
    faults = rules.faults_of_terms(terms)
    if not faults and terms["planned_end_on"] < terms["planned_start_on"]:
        faults = [life_rules.PLANNED_END_BEFORE_START.at("/planned_end_on")]
    if faults:
        raise ValidationFailed(errors=faults)
    names = (
        select(Territory.name.label("territory_name"), Organisation.name.label("funder_name"),
               Firm.name.label("firm_name"), Scheme.name.label("scheme_name"))
        .select_from(Territory)
        .join(Organisation, Organisation.id == aid.funder_id)
        .join(Firm, Firm.siren == aid.siren)
        .outerjoin(Scheme, Scheme.code == aid.scheme)
        .where(Territory.slug == aid.territory)
    )  # fmt: skip
    author = select(Subject.name).where(Subject.id == write.actor.subject_id)
    parameters = aid.parameters or {}
    return {
        "kind": body.kind,
        "reference": body.reference,
        **(await write.session.execute(names)).mappings().one(),
        "siren": aid.siren,
        "decision_reference": aid.decision_reference,
        "decided_on": aid.decided_on,
        "received_on": await received_on_of(write.session, aid),
        "project_title": held.award.project_title,
        "grant_cents": _cents(held.grant),
        "advance_cents": _cents(held.advance),
        "base_cents": aid.base_cents,
        "lines": [
            {"label": line["label"], "amount_cents": line["amount_cents"]} for line in held.award.lines or ()
        ],
        "start_months": parameters.get("start_months"),
        "completion_statement_months": parameters.get("completion_statement_months"),
        **terms,
        "signatory_name": body.signatory_name or await write.session.scalar(author),
        "signatory_capacity": body.signatory_capacity,
        "new_terms": [name for name in TERMS if getattr(body, name) is not None],
    }  # fmt: skip


def _cents(award: Any) -> int:
    return 0 if award is None else award.holds_cents


def _terms(letter: Letter) -> dict[str, Any]:
    """The terms that a letter says first, by their names of the aid: the others may have changed since."""
    said = json.loads(letter.content)
    return {name: date.fromisoformat(said[name]) if name.endswith("_on") else said[name] for name in said["new_terms"]}


# --- what is common --------------------------------------------------------------------------------------------------


async def _held(write: Write, territory: str, letter_id: UUID) -> tuple[Held, Letter]:
    """The aid of a letter, held, and the letter in the version that the caller expects.

    Raises `NotFound`, `email-missing` (403), `award-ended` (409).
    """
    accountable(write.actor)
    named = select(Letter.award_id).where(Letter.id == letter_id, Letter.territory == territory)
    award_id = await write.session.scalar(named)
    if award_id is None:
        raise NotFound
    held = await aids.hold(write, territory, award_id)
    letter = await _locked(write, territory, letter_id)
    life.refuse_over(held)
    return held, letter


async def _locked(write: Write, territory: str, letter_id: UUID) -> Letter:
    letter = await write.lock(Letter, Letter.id == letter_id, Letter.territory == territory)
    write.expect(letter.version, required=True)
    return letter


def _change(act: str, letter: Letter) -> Change:
    return Change(f"letter.{act}", LETTERS, [letter.id], {"territory": letter.territory})
