"""Writes of agendas: put, frozen, reopened. The meeting is locked first, then its agenda."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy import delete, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_or_not

from app.applications.agendas import rules, schemas
from app.applications.agendas.models import Agenda, AgendaItem, AgendaReopening, FrozenAgenda
from app.applications.agendas.queries import AGENDAS
from app.applications.agendas.rules import WITH_AMOUNTS, AgendaState, AlreadyDecided, Proposal
from app.applications.conditions import FileFacts
from app.applications.decisions.models import CommitteeDecision
from app.applications.facts import facts_of
from app.applications.models import Application
from app.applications.rules import ApplicationState
from app.committees.models import Committee
from app.committees.rules import OVER, Level, MeetingClosed
from app.core import clock
from app.core.db import touch
from app.core.messages import NOT_FOUND
from app.core.problems import NotFound, ReferenceNotFound, ValidationFailed
from app.core.writing.sealing import sealed
from app.core.writing.writes import Change, Write
from app.envelopes import ledger
from app.envelopes.models import Contribution

_ITEMS: Any = AgendaItem.__table__
_WHAT = ("proposal", "grant_cents", "advance_cents", "note")


async def put_agenda(write: Write, territory: str, committee_id: UUID, body: schemas.AgendaPut) -> Change:
    """Put the agenda of a meeting that is not over; the same again changes nothing.

    Raises `meeting-closed`, `agenda-frozen`, `outcome-of-another-level`, `already-decided` (409),
    `reference-not-found` (404).
    """
    meeting = await _meeting(write, territory, committee_id)
    agenda = await find(write, committee_id)
    write.expect(agenda.version if agenda is not None else None)
    if agenda is not None and agenda.state == AgendaState.FROZEN:
        raise rules.AgendaFrozen
    check_amounts((f"/items/{place}", item.proposal, item) for place, item in enumerate(body.items))
    for item in body.items:
        rules.check_level(Level(meeting.level), item.proposal)
    await _check_files(write, territory, body.items)
    created = agenda is None
    if agenda is None:
        agenda = await found_or_made(write, meeting)
    known = await items_of(write, agenda)
    await _check_decided(write, agenda, known, body.items)
    wanted = [
        {"committee_id": committee_id, "number": agenda.number, "position": position, "territory": territory,
         **item.model_dump()}
        for position, item in enumerate(body.items, 1)
    ]  # fmt: skip
    bound = {"territory": territory}
    if known == wanted:
        return Change(
            "agenda.created" if created else "", AGENDAS, [committee_id], bound, status=201 if created else 200
        )
    await write.session.execute(delete(_ITEMS).where(*_of(agenda)))
    if wanted:
        await write.session.execute(insert(_ITEMS), wanted)
    if not created:
        touch(agenda)
    await write.session.flush()
    event = "agenda.created" if created else "agenda.updated"
    return Change(event, AGENDAS, [committee_id], bound, status=201 if created else 200)


async def freeze(write: Write, territory: str, committee_id: UUID) -> Change:
    """Seal the agenda: what is proposed, the figures of each file, and what the envelope has left.

    Raises `meeting-closed`, `agenda-frozen`, `parameter-not-in-force` (409).
    """
    meeting = await _meeting(write, territory, committee_id)
    agenda = await _agenda(write, committee_id)
    write.expect(agenda.version)
    if agenda.state == AgendaState.FROZEN:
        raise rules.AgendaFrozen
    content = sealed(await _content(write, meeting, agenda))
    write.session.add(
        FrozenAgenda(
            committee_id=committee_id, territory=territory, number=agenda.number, **content,
            frozen_by=write.actor.subject_id, frozen_at=write.now,
        )
    )  # fmt: skip
    await write.session.flush()
    agenda.state = AgendaState.FROZEN
    await write.session.flush()
    return Change("agenda.frozen", AGENDAS, [committee_id], {"territory": territory})


async def reopen(write: Write, territory: str, committee_id: UUID, reason: str) -> Change:
    """Draft the next agenda from the frozen one, which stays readable. Raises `meeting-closed`, `agenda-not-frozen`."""
    await _meeting(write, territory, committee_id)
    agenda = await _agenda(write, committee_id)
    write.expect(agenda.version)
    if agenda.state != AgendaState.FROZEN:
        raise rules.AgendaNotFrozen
    items = await items_of(write, agenda)
    write.session.add(
        AgendaReopening(
            committee_id=committee_id, territory=territory, number=agenda.number, reason=reason,
            reopened_by=write.actor.subject_id, reopened_at=write.now,
        )
    )  # fmt: skip
    await write.session.flush()
    agenda.state, agenda.number = AgendaState.DRAFT, agenda.number + 1
    await write.session.flush()
    if items:
        await write.session.execute(insert(_ITEMS), [{**item, "number": agenda.number} for item in items])
    return Change("agenda.reopened", AGENDAS, [committee_id], {"territory": territory})


# --- what decisions ask too ------------------------------------------------------------------------------------------


def check_amounts(items: Iterable[tuple[str, str, Any]]) -> None:
    """Amounts stand where aid is given, and nowhere else. Raises `no_amount_granted`, `amount_without_aid` (422)."""
    faults = []
    for pointer, outcome, item in items:
        given = {name: getattr(item, name) for name in ("grant_cents", "advance_cents")}
        if outcome == Proposal.GRANT and not any(given.values()):
            faults += [rules.NO_AMOUNT_GRANTED.at(f"{pointer}/{name}") for name in given]
        if outcome not in WITH_AMOUNTS:
            faults += [rules.AMOUNT_WITHOUT_AID.at(f"{pointer}/{name}") for name, cents in given.items() if cents]
    if faults:
        raise ValidationFailed(errors=faults)


async def find(write: Write, committee_id: UUID) -> Agenda | None:
    """The agenda of a meeting, locked; None where there is none."""
    agenda: Agenda | None = await write.session.scalar(
        select(Agenda).where(Agenda.committee_id == committee_id).with_for_update(key_share=True)
    )
    return agenda


async def found_or_made(write: Write, meeting: Committee) -> Agenda:
    """The agenda of a meeting, locked; made where there is none, whoever else makes it at the same moment."""
    agenda = await find(write, meeting.id)
    if agenda is not None:
        return agenda
    said = {"committee_id": meeting.id, "territory": meeting.territory, "level": meeting.level}
    new = insert_or_not(Agenda).values(**said, version=1, created_at=write.now, updated_at=write.now)
    await write.session.execute(new.on_conflict_do_nothing(index_elements=["committee_id"]))
    made = await find(write, meeting.id)
    assert made is not None  # agendas stay
    return made


async def items_of(write: Write, agenda: Agenda) -> list[dict[str, Any]]:
    """The items of the present agenda, in their order."""
    rows = await write.session.execute(select(_ITEMS).where(*_of(agenda)).order_by(_ITEMS.c.position))
    return [dict(row) for row in rows.mappings()]


async def frozen_content(write: Write, committee_id: UUID, number: int) -> dict[str, Any]:
    """What was frozen of an agenda."""
    z = FrozenAgenda
    asked = await write.session.execute(select(z.content).where(z.committee_id == committee_id, z.number == number))
    found: dict[str, Any] = from_json(asked.scalar_one())
    return found


async def frozen_hash(write: Write, committee_id: UUID, number: int) -> str | None:
    """The hash of what was frozen of an agenda."""
    z = FrozenAgenda
    found: str | None = await write.session.scalar(
        select(z.content_hash).where(z.committee_id == committee_id, z.number == number)
    )
    return found


def figures(facts: FileFacts) -> dict[str, Any]:
    """The figures of a file that a decision holds against the frozen agenda, as JSON has them."""
    return {
        "base_cents": facts.base_cents,
        "requested_grant_cents": facts.requested_grant_cents,
        "requested_advance_cents": facts.requested_advance_cents,
        "other_public_aid_cents": facts.other_public_aid_cents,
        "tax_certificate_until_on": _said(facts.tax_until_on),
        "social_certificate_until_on": _said(facts.social_until_on),
    }


def day_of(meeting: Committee) -> date:
    """The Paris day of a meeting: on which it was held, or else today."""
    return clock.paris_day(meeting.held_at) if meeting.held_at is not None else clock.today()


async def standing_decisions(write: Write, committee_id: UUID) -> dict[UUID, CommitteeDecision]:
    """What the meeting has decided, by file: neither reversed decisions nor errata."""
    d = CommitteeDecision
    rows = await write.session.scalars(
        select(d).where(d.committee_id == committee_id, d.reversed_at.is_(None), d.corrects_id.is_(None))
    )
    return {decision.application_id: decision for decision in rows}


# --- parts -----------------------------------------------------------------------------------------------------------


async def _meeting(write: Write, territory: str, committee_id: UUID) -> Committee:
    """The meeting, locked. Raises `meeting-closed` (409) once it is over."""
    meeting = await write.lock(Committee, Committee.id == committee_id, Committee.territory == territory)
    if meeting.status in OVER:
        raise MeetingClosed
    return meeting


async def _agenda(write: Write, committee_id: UUID) -> Agenda:
    agenda = await find(write, committee_id)
    if agenda is None:
        raise NotFound
    return agenda


def _of(agenda: Agenda) -> tuple[Any, Any]:
    return _ITEMS.c.committee_id == agenda.committee_id, _ITEMS.c.number == agenda.number


async def _check_files(write: Write, territory: str, items: Sequence[schemas.AgendaItemBody]) -> None:
    """The files are of the territory, and submitted."""
    a = Application
    rows = await write.session.execute(
        select(a.id, a.state).where(a.territory == territory, a.id.in_([item.application_id for item in items]))
    )
    states = {row.id: row.state for row in rows}
    places = [(f"/items/{place}/application_id", states.get(item.application_id)) for place, item in enumerate(items)]
    unknown = [NOT_FOUND.at(pointer) for pointer, state in places if state is None]
    if unknown:
        raise ReferenceNotFound(errors=unknown)
    drafts = [rules.NOT_SUBMITTED.at(pointer) for pointer, state in places if state == ApplicationState.DRAFT]
    if drafts:
        raise ValidationFailed(errors=drafts)


async def _check_decided(
    write: Write, agenda: Agenda, known: Sequence[Mapping[str, Any]], items: Sequence[schemas.AgendaItemBody]
) -> None:
    """What the meeting has decided stays as it was frozen. Raises `already-decided` (409)."""
    decided = await standing_decisions(write, agenda.committee_id)
    if not decided:
        return
    before = {item["application_id"]: {name: item[name] for name in _WHAT} for item in known}
    after = {item.application_id: item.model_dump(include=set(_WHAT)) for item in items}
    for application_id, decision in decided.items():
        if before.get(application_id) != after.get(application_id):
            raise AlreadyDecided(
                application_id=str(application_id), reference=decision.reference, outcome=decision.outcome
            )


async def _content(write: Write, meeting: Committee, agenda: Agenda) -> dict[str, Any]:
    """What is sealed. Items that the meeting has decided stay as they were sealed when it did."""
    on = day_of(meeting)
    decided = await standing_decisions(write, meeting.id)
    sealed = {
        number: {item["application_id"]: item for item in (await frozen_content(write, meeting.id, number))["items"]}
        for number in {decision.agenda_number for decision in decided.values()}
        if number is not None
    }
    items = []
    for item in await items_of(write, agenda):
        decision = decided.get(item["application_id"])
        if decision is not None and decision.agenda_number is not None:
            was = sealed[decision.agenda_number][str(item["application_id"])]
            items.append({**was, "position": item["position"]})
        else:
            items.append(await _frozen(write, item, on))
    left = await ledger.available(write, meeting.territory, on)
    contributions = await write.session.execute(
        select(Contribution.id, Contribution.organisation_id).where(Contribution.territory == meeting.territory)
    )
    contributors = {row.id: row.organisation_id for row in contributions}
    return {
        "territory": meeting.territory,
        "committee_id": meeting.id,
        "level": meeting.level,
        "number": agenda.number,
        "as_of_on": on,
        "frozen_by": write.actor.subject_id,
        "frozen_at": write.now.isoformat().replace("+00:00", "Z"),
        "items": items,
        "envelope": {
            "available_cents": sum(left.values()),
            "contributions": [
                {"contribution_id": key, "organisation_id": contributors[key], "available_cents": cents}
                for key, cents in left.items()
            ],
        },
    }


async def _frozen(write: Write, item: Mapping[str, Any], on: date) -> dict[str, Any]:
    """An item with the figures of its file."""
    file = await write.session.get_one(Application, item["application_id"])
    facts = await facts_of(write, file.territory, file.id, on)
    return {
        "position": item["position"],
        "application_id": file.id,
        "application_version": file.version,
        "project_id": file.project_id,
        "siren": file.siren,
        "scheme": file.scheme,
        "state": file.state,
        **{name: item[name] for name in _WHAT},
        **figures(facts),
    }


def _said(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None
