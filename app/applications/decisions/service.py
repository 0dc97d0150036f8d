"""Writes of decisions: taken, reversed, corrected, and the closing that seals them.

A decision locks its meeting (shared: it is not closed meanwhile), then its files, their projects, the territory and the
firms, each in one order, then the agenda, whose row counts the decisions; the accounts come last (docs/locking.md).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm.attributes import set_committed_value

from app.access.duties import REVIEWS_DECIDES
from app.access.rules import Actor, person
from app.applications import reversals
from app.applications import rules as files
from app.applications import service as acts
from app.applications.agendas import service as agendas
from app.applications.agendas.models import Agenda, AgendaItem, MeetingSeries
from app.applications.agendas.rules import AgendaNotFrozen, AgendaState, AlreadyDecided, DecisionOutcome, check_level
from app.applications.conditions import FileStep, check_ready
from app.applications.decisions import awards, rules, schemas
from app.applications.decisions.models import CommitteeDecision, CommitteeRecord
from app.applications.decisions.queries import DECISIONS
from app.applications.facts import Awarded, facts_of
from app.applications.history import History
from app.applications.models import Application, ApplicationReview
from app.applications.rules import ApplicationState
from app.applications.silence import SILENCE
from app.committees import service as committees
from app.committees.models import Committee, CommitteeMember
from app.committees.rules import (
    OVER,
    Attendance,
    AttendanceMissing,
    CommitteeStatus,
    Level,
    MeetingClosed,
    MeetingTransition,
)
from app.core import clock
from app.core.messages import NOT_FOUND
from app.core.problems import NotFound, Problem, ReferenceNotFound, ValidationFailed
from app.core.writing.sealing import sealed
from app.core.writing.writes import Change, Write
from app.firms import service as firms
from app.programme.models import Territory
from app.projects import service as projects
from app.projects.models import Project
from app.projects.rules import ProjectStage

# The conditions of the file that bite at an outcome.
STEPS = {DecisionOutcome.PRE_SELECT: FileStep.PRE_SELECT, DecisionOutcome.GRANT: FileStep.GRANT}
EVENTS = {
    DecisionOutcome.PRE_SELECT: "pre_selected",
    DecisionOutcome.GRANT: "granted",
    DecisionOutcome.REJECT: "rejected",
    DecisionOutcome.DEFER: "deferred",
    DecisionOutcome.WITHDRAW: "withdrawn",
}
# The outcome that leads to a state, of those that stay until the next decision.
DECIDED = {
    ApplicationState.PRE_SELECTED: DecisionOutcome.PRE_SELECT,
    ApplicationState.GRANTED: DecisionOutcome.GRANT,
    ApplicationState.REJECTED: DecisionOutcome.REJECT,
}


@dataclass
class Sitting:
    """A meeting that decides: what it was given, who came, and the files that it holds."""

    territory: str
    committee_id: UUID
    level: Level
    quorum: int | None
    present: int
    decided_on: date
    agenda_number: int
    sealed: dict[UUID, tuple[str, dict[str, Any]]]  # what was frozen, by file, with its place
    agenda: Agenda | None = None  # once it is locked
    projects: dict[UUID, Project] = field(default_factory=dict)


# --- decisions -------------------------------------------------------------------------------------------------------


async def decide(write: Write, territory: str, committee_id: UUID, body: schemas.DecisionsCreate) -> list[Change]:
    """Record what a meeting decided about files of its frozen agenda: all of it, or nothing.

    Raises `meeting-transition`, `meeting-closed`, `attendance-missing`, `quorum-not-reached`, `agenda-not-frozen`,
    `not-on-agenda`, `outcome-of-another-level`, `already-decided`, `application-not-ready`, `invalid-transition`,
    `clock-has-run-out` (409), `agenda-changed` (412), `reviewer-decides`, `person-required` (403), and what awards
    raise.
    """
    person(write.actor)
    check_items(body.items)
    meeting = await hold_meeting(write, territory, committee_id)
    if meeting.status != CommitteeStatus.HELD:
        raise MeetingTransition(current=meeting.status, action="decide", needed=[CommitteeStatus.HELD])
    for item in body.items:
        check_level(Level(meeting.level), item.outcome)
    present = await check_quorum(write, meeting)
    _check_votes([item.votes for item in body.items], present)
    sitting = await _sitting(write, meeting, present)
    await hold_files(write, sitting, body.items)
    made: list[CommitteeDecision] = []
    changes: list[Change] = []
    for item in body.items:
        decision, followed = await _of_item(write, item, _take(write, sitting, item))
        made.append(decision)
        changes += followed
    bound = {"territory": territory, "committee_id": committee_id}
    taken = Change("committee_decision.taken", DECISIONS, [each.id for each in made], bound, many=True)
    return [taken, *changes]


async def _take(write: Write, sitting: Sitting, item: schemas.DecisionBody) -> tuple[CommitteeDecision, list[Change]]:
    """One decision about a file that is held."""
    file = await held_file(write, sitting, item.application_id)
    await check_item(write, sitting, file, item)
    if sitting.agenda is None:
        sitting.agenda = await _agenda(write, sitting)
    number, reference = await _number(write, sitting.agenda, sitting.decided_on)
    passage_number, followed = await pass_file(write, sitting, file, item, reference)
    decision = decision_of(write, sitting, item, number, reference)
    decision.passage_number = passage_number
    write.session.add(decision)
    await write.session.flush()
    return decision, [*followed, *await give(write, sitting, file, item, decision)]


def check_items(items: Sequence[schemas.DecisionBody]) -> None:
    """What each decision says makes sense by itself.

    Raises `reasons_missing`, `terms_without_advance` and faults of amounts (422).
    """
    agendas.check_amounts((f"/items/{place}", item.outcome, item) for place, item in enumerate(items))
    faults = [
        rules.REASONS_MISSING.at(f"/items/{place}/reasons")
        for place, item in enumerate(items)
        if item.outcome in rules.NEED_REASONS and item.reasons is None
    ]
    faults += [
        rules.TERMS_WITHOUT_ADVANCE.at(f"/items/{place}/advance_terms")
        for place, item in enumerate(items)
        if item.advance_terms is not None and not (item.outcome is DecisionOutcome.GRANT and item.advance_cents)
    ]
    if faults:
        raise ValidationFailed(errors=faults)


async def hold_meeting(write: Write, territory: str, committee_id: UUID) -> Committee:
    """The meeting, held against its closing. Raises `meeting-closed` (409) once it is over."""
    c = Committee
    shared = select(c).where(c.id == committee_id, c.territory == territory).with_for_update(read=True)
    meeting = await write.session.scalar(shared)
    if meeting is None:
        raise NotFound
    if meeting.status in OVER:
        raise MeetingClosed
    return meeting


async def check_quorum(write: Write, meeting: Committee) -> int:
    """How many members were present or represented. Raises `attendance-missing`, `quorum-not-reached` (409)."""
    m = CommitteeMember
    rows = await write.session.scalars(select(m.attendance).where(m.committee_id == meeting.id))
    attendance = list(rows)
    if None in attendance:
        raise AttendanceMissing
    present = sum(came in (Attendance.PRESENT, Attendance.REPRESENTED) for came in attendance)
    if meeting.quorum is not None and present < meeting.quorum:
        raise rules.QuorumNotReached(present=present, quorum=meeting.quorum)
    return present


def _check_votes(votes: Sequence[schemas.Votes], present: int) -> None:
    faults = [
        rules.VOTES_ABOVE_PRESENT.at(f"/items/{place}/votes", present=present)
        for place, each in enumerate(votes)
        if each.total > present
    ]
    if faults:
        raise ValidationFailed(errors=faults)


async def _sitting(write: Write, meeting: Committee, present: int) -> Sitting:
    """What the meeting was given to decide. Raises `agenda-not-frozen` (409)."""
    agenda = await write.session.scalar(select(Agenda).where(Agenda.committee_id == meeting.id))
    if agenda is None or agenda.state != AgendaState.FROZEN:
        raise AgendaNotFrozen
    content = await agendas.frozen_content(write, meeting.id, agenda.number)
    frozen = {UUID(item["application_id"]): (f"/items/{place}", item) for place, item in enumerate(content["items"])}
    return Sitting(
        meeting.territory, meeting.id, Level(meeting.level), meeting.quorum, present, agendas.day_of(meeting),
        agenda.number, frozen,
    )  # fmt: skip


async def hold_files(write: Write, sitting: Sitting, items: Sequence[schemas.DecisionBody]) -> None:
    """Lock the files, and what follows from aid: projects, the territory, firms; each in one order, for all at once.

    Raises `not-on-agenda` (409).
    """
    for item in items:
        if item.application_id not in sitting.sealed:
            raise rules.NotOnAgenda(application_id=str(item.application_id))
    a = Application
    # By id, as `rebond tick` locks them: what changes, as the day of silence does, gives no order.
    wanted = select(a).where(a.territory == sitting.territory, a.id.in_([item.application_id for item in items]))
    found = list(await write.session.scalars(wanted.order_by(a.id).with_for_update(key_share=True)))
    aided = {item.application_id for item in items if item.outcome in STEPS}
    for project_id in sorted({file.project_id for file in found if file.id in aided}):
        sitting.projects[project_id] = await projects.hold(write, sitting.territory, project_id)
    granted = {item.application_id for item in items if item.outcome is DecisionOutcome.GRANT}
    if granted:
        t = Territory
        await write.session.execute(select(t.slug).where(t.slug == sitting.territory).with_for_update(read=True))
    for siren in sorted({file.siren for file in found if file.id in granted}):
        await firms.hold(write, sitting.territory, siren)


async def held_file(write: Write, sitting: Sitting, application_id: UUID) -> Application:
    """A file of the sitting, as it is now."""
    return await write.lock(Application, Application.id == application_id, Application.territory == sitting.territory)


async def check_item(write: Write, sitting: Sitting, file: Application, item: schemas.DecisionBody) -> None:
    """What keeps a file from this outcome now.

    Raises `reviewer-decides` (403), `already-decided`, `application-not-ready` (409), `agenda-changed` (412).
    """
    await _check_reviewer(write, file.id)
    await SILENCE.take(write, file, sitting.decided_on)
    await _check_undecided(write, sitting, file, item.outcome)
    awarded = Awarded(item.grant_cents, item.advance_cents)
    facts = await facts_of(write, file.territory, file.id, sitting.decided_on, awarded)
    pointer, then = sitting.sealed[file.id]
    differing = rules.changes_of(pointer, then, agendas.figures(facts))
    if differing:
        raise rules.AgendaChanged(changes=differing)
    step = STEPS.get(item.outcome)
    if step is not None:
        sees = isinstance(write.actor, Actor) and write.actor.may("reviews:read", file.territory)
        check_ready(step, facts, sees_review=sees)


async def _check_reviewer(write: Write, application_id: UUID) -> None:
    """Who decides a file did not write its review. Raises `reviewer-decides` (403)."""
    r = ApplicationReview
    authors = await write.session.scalar(select(r.authors).where(r.application_id == application_id))
    REVIEWS_DECIDES.separate(write.actor, authors or ())


async def _check_undecided(write: Write, sitting: Sitting, file: Application, outcome: DecisionOutcome) -> None:
    """The meeting has not decided the file, nor another one for good, whatever silence has made of it since.

    Raises `already-decided` (409).
    """
    d = CommitteeDecision
    life = (await History.of(write, file)).life
    if life.silences:
        life = life.before(life.silences[0])
    mine = d.committee_id == sitting.committee_id
    led_to = DECIDED.get(life.state)
    if led_to is not None and files.target(life, rules.ACTS[outcome]) is None:
        mine |= d.outcome == led_to
    decided = await write.session.scalar(
        select(d)
        .where(d.application_id == file.id, d.reversed_at.is_(None), d.corrects_id.is_(None), mine)
        .order_by(d.id.desc())
        .limit(1)
    )
    if decided is not None:
        raise AlreadyDecided(reference=decided.reference, outcome=decided.outcome)


async def _agenda(write: Write, sitting: Sitting) -> Agenda:
    """The agenda, locked and still frozen as it was read. Raises `agenda-not-frozen` (409)."""
    agenda = await agendas.find(write, sitting.committee_id)
    assert agenda is not None  # the sitting has one
    await write.session.refresh(agenda)
    if (agenda.state, agenda.number) != (AgendaState.FROZEN, sitting.agenda_number):
        raise AgendaNotFrozen
    return agenda


async def _number(write: Write, agenda: Agenda, decided_on: date) -> tuple[int, str]:
    """The next number of the meeting and its reference; the first gives the meeting its number in its year.

    The agenda does not show its counters, so it keeps its version.
    """
    year, meeting, number = agenda.year, agenda.meeting_number, agenda.decisions_made + 1
    if year is None or meeting is None:
        s = MeetingSeries
        key = {"territory": agenda.territory, "level": agenda.level, "year": decided_on.year}
        counted = (
            insert(s)
            .values(last_number=1, **key)
            .on_conflict_do_update(index_elements=list(key), set_={"last_number": s.last_number + 1})
            .returning(s.last_number)
        )
        year, meeting = decided_on.year, (await write.session.execute(counted)).scalar_one()
    counters = {"year": year, "meeting_number": meeting, "decisions_made": number}
    row: Any = Agenda.__table__
    await write.session.execute(update(row).where(row.c.committee_id == agenda.committee_id).values(counters))
    for name, value in counters.items():
        set_committed_value(agenda, name, value)
    return number, rules.reference_of(agenda.territory, year, Level(agenda.level), meeting, number)


async def pass_file(
    write: Write, sitting: Sitting, file: Application, item: schemas.DecisionBody, reference: str
) -> tuple[int, list[Change]]:
    """Record the act of the committee on the file. Raises `invalid-transition`, `clock-has-run-out` (409)."""
    reason = item.reasons
    if item.outcome is DecisionOutcome.WITHDRAW and reason is None:
        reason = reference  # the record says what the firm declared
    act, event = rules.ACTS[item.outcome], EVENTS[item.outcome]
    return await acts.numbered_act(write, file, act, sitting.decided_on, event, reason=reason, reference=reference)


def decision_of(
    write: Write, sitting: Sitting, item: schemas.DecisionBody, number: int, reference: str
) -> CommitteeDecision:
    """The decision that the body says, not yet recorded."""
    return CommitteeDecision(
        territory=sitting.territory,
        committee_id=sitting.committee_id,
        level=sitting.level,
        number=number,
        previous_number=number - 1 or None,
        reference=reference,
        agenda_number=sitting.agenda_number,
        application_id=item.application_id,
        outcome=item.outcome,
        grant_cents=item.grant_cents,
        advance_cents=item.advance_cents,
        conditions=item.conditions,
        reasons=item.reasons,
        votes_for=item.votes.in_favour,
        votes_against=item.votes.against,
        votes_abstained=item.votes.abstained,
        members_present=sitting.present,
        quorum=sitting.quorum,
        decided_on=sitting.decided_on,
        decided_by=write.actor.subject_id,
    )


async def give(
    write: Write, sitting: Sitting, file: Application, item: schemas.DecisionBody, decision: CommitteeDecision,
    *, simulated: bool = False,
) -> list[Change]:  # fmt: skip
    """What an outcome means for the project, and the awards of a grant."""
    if item.outcome is DecisionOutcome.PRE_SELECT:
        project = sitting.projects[file.project_id]
        return await projects.follow_file(write, project, ProjectStage.SELECTED, sitting.decided_on)
    if item.outcome is DecisionOutcome.GRANT:
        project = sitting.projects[file.project_id]
        return await awards.award(write, file, project, decision, item.advance_terms, simulated=simulated)
    return []


async def _of_item(
    write: Write, item: schemas.DecisionBody, taken: Awaitable[tuple[CommitteeDecision, list[Change]]]
) -> tuple[CommitteeDecision, list[Change]]:
    """A decision whose refusals, that of the envelope among them, name the file."""
    before = len(write.closing)
    try:
        done = await taken
    except Problem as problem:
        problem.members.setdefault("application_id", str(item.application_id))
        raise
    write.closing[before:] = [_naming(item.application_id, act) for act in write.closing[before:]]
    return done


def _naming(application_id: UUID, act: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    async def named() -> None:
        try:
            await act()
        except Problem as problem:
            problem.members.setdefault("application_id", str(application_id))
            raise

    return named


# --- reversal and erratum --------------------------------------------------------------------------------------------


async def reverse(
    write: Write, territory: str, committee_id: UUID, decision_id: UUID, body: schemas.DecisionReversal
) -> list[Change]:
    """Take a decision back before its meeting is closed: its awards, and the state of its file. It keeps its number.

    Raises `meeting-closed`, `decision-reversed`, `decision-followed`, `award-already-paid`, `award-ended`,
    `payments-in-flight` (409), `person-required` (403).
    """
    reversed_by = person(write.actor)
    await hold_meeting(write, territory, committee_id)
    d, a = CommitteeDecision, Application
    known = select(d.application_id).where(d.id == decision_id, d.committee_id == committee_id)
    application_id = await write.session.scalar(known)
    if application_id is None:
        raise NotFound
    file = await write.lock(a, a.id == application_id, a.territory == territory)
    decision = await write.lock(d, d.id == decision_id, d.committee_id == committee_id)
    write.expect(decision.version)
    if decision.reversed_at is not None:
        raise rules.DecisionReversed
    changes: list[Change] = []
    if decision.corrects_id is None:
        changes = await _give_back(write, file, decision, body.reason)
    decision.reversed_at, decision.reversed_by, decision.reversal_reason = write.now, reversed_by, body.reason
    await write.session.flush()
    bound = {"territory": territory, "committee_id": committee_id}
    return [Change("committee_decision.reversed", DECISIONS, [decision.id], bound), *changes]


async def _give_back(write: Write, file: Application, decision: CommitteeDecision, reason: str) -> list[Change]:
    """Give a held file the state that it had before a decision, and take back what the decision gave."""
    history = await reversals.history_of(write, file)
    last = history.life.standing[-1]
    if last.number != decision.passage_number:
        raise rules.DecisionFollowed(act=last.act, on=last.effective_on.isoformat())
    given_back = await reversals.take_back(write, file, history, last, reason)
    followed: list[Change] = []
    if decision.outcome in STEPS:
        followed += await awards.take_back(write, decision, reason)
        followed += await reversals.follow(write, file, decision.decided_on, reason)
    return [await reversals.take_silence(write, file, given_back), *followed]


async def correct(write: Write, territory: str, committee_id: UUID, body: schemas.Erratum) -> Change:
    """Correct the words, votes, conditions and reasons of a decision of a closed meeting, at a later one.

    Raises `meeting-transition`, `meeting-closed`, `quorum-not-reached`, `erratum-refused` (409),
    `reference-not-found` (404), `votes_above_present`, `reasons_missing` (422), `person-required`, `reviewer-decides`
    (403).
    """
    decided_by = person(write.actor)
    meeting = await hold_meeting(write, territory, committee_id)
    if meeting.status != CommitteeStatus.HELD or meeting.held_at is None:
        raise MeetingTransition(current=meeting.status, action="decide", needed=[CommitteeStatus.HELD])
    await check_quorum(write, meeting)
    d = CommitteeDecision
    corrected = await write.session.scalar(select(d).where(d.id == body.corrects_id, d.territory == territory))
    if corrected is None:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/corrects_id")])
    await _check_reviewer(write, corrected.application_id)
    earlier = await write.session.get_one(Committee, corrected.committee_id)
    if (
        earlier.status != CommitteeStatus.CLOSED
        or earlier.held_at is None
        or earlier.held_at >= meeting.held_at
        or earlier.level != meeting.level
        or corrected.corrects_id is not None
        or corrected.reversed_at is not None
    ):
        raise rules.ErratumRefused
    if corrected.outcome in rules.NEED_REASONS and body.reasons is None:
        raise ValidationFailed(errors=[rules.REASONS_MISSING.at("/reasons")])
    if body.votes.total > corrected.members_present:
        fault = rules.VOTES_ABOVE_PRESENT.at("/votes", present=corrected.members_present)
        raise ValidationFailed(errors=[fault])
    agenda = await agendas.found_or_made(write, meeting)
    decided_on = agendas.day_of(meeting)
    number, reference = await _number(write, agenda, decided_on)
    erratum = CommitteeDecision(
        territory=territory,
        committee_id=committee_id,
        level=meeting.level,
        number=number,
        previous_number=number - 1 or None,
        reference=reference,
        corrects_id=corrected.id,
        correction_reason=body.reason,
        conditions=body.conditions,
        reasons=body.reasons,
        votes_for=body.votes.in_favour,
        votes_against=body.votes.against,
        votes_abstained=body.votes.abstained,
        decided_on=decided_on,
        decided_by=decided_by,
        **{name: getattr(corrected, name) for name in _KEPT},
    )
    write.session.add(erratum)
    await write.session.flush()
    bound = {"territory": territory, "committee_id": committee_id}
    return Change("committee_decision.corrected", DECISIONS, [erratum.id], bound)


# What an erratum repeats of the decision that it corrects.
_KEPT = ("application_id", "outcome", "grant_cents", "advance_cents", "members_present", "quorum")


# --- closing ---------------------------------------------------------------------------------------------------------


async def close(write: Write, territory: str, committee_id: UUID) -> list[Change]:
    """Close a meeting that has an outcome for every file of its agenda, and seal its record.

    Raises `agenda-not-frozen`, `agenda-not-finished`, and what `committees.close` raises.
    """
    await write.lock(Committee, Committee.id == committee_id, Committee.territory == territory)
    await _take_silences(write, committee_id)
    closed = await committees.close(write, territory, committee_id)
    with write.session.no_autoflush:  # the agenda refuses before the guard of the meeting does, and names the files
        content = sealed(await _record(write, await write.session.get_one(Committee, committee_id)))
    write.session.add(CommitteeRecord(committee_id=committee_id, territory=territory, **content, sealed_at=write.now))
    await write.session.flush()
    return [closed]


async def _take_silences(write: Write, committee_id: UUID) -> None:
    """Record what silence has decided by today about files of the agenda: whether `rebond tick` has run or not, the
    meeting closes with the same record.
    """
    a, i, g = Application, AgendaItem, Agenda
    due = (
        select(a)
        .join(i, i.application_id == a.id)
        .join(g, (g.committee_id == i.committee_id) & (g.number == i.number))
        .where(g.committee_id == committee_id, a.silence_on <= clock.today())
        .order_by(a.id)
    )
    for file in list(await write.session.scalars(due.with_for_update(key_share=True, of=a))):
        await SILENCE.take(write, file, clock.today())


async def _finished(write: Write, meeting: Committee) -> tuple[Agenda | None, list[dict[str, Any]]]:
    """The agenda of a meeting, and its items with how their files stand.

    Raises `agenda-not-frozen`, `agenda-not-finished` (409).
    """
    agenda = await agendas.find(write, meeting.id)
    items = await agendas.items_of(write, agenda) if agenda is not None else []
    if agenda is None or not items:
        return None, []
    if agenda.state != AgendaState.FROZEN:
        raise AgendaNotFrozen
    decided = await agendas.standing_decisions(write, meeting.id)
    told = []
    for item in items:
        decision = decided.get(item["application_id"])
        reference = decision.reference if decision is not None else None
        told.append({**{name: item[name] for name in _ITEM}, **await _outcome(write, item), "decision": reference})
    undecided = [each["application_id"] for each in told if not each["decision"] and each["state"] in files.UNDECIDED]
    if undecided:
        raise rules.AgendaNotFinished(application_ids=[str(each) for each in undecided], undecided=len(undecided))
    return agenda, told


_ITEM = ("position", "application_id", "proposal", "grant_cents", "advance_cents", "note")


async def _outcome(write: Write, item: dict[str, Any]) -> dict[str, Any]:
    """How a file of the agenda stands: its state, and the day of the act that led to it."""
    file = await write.session.get_one(Application, item["application_id"])
    await write.session.refresh(file)
    life = (await History.of(write, file)).life
    return {"state": file.state, "state_since_on": life.last_on, "siren": file.siren, "project_id": file.project_id}


async def _record(write: Write, meeting: Committee) -> dict[str, Any]:
    """What is sealed of a meeting: ids without names of what changes its name, the members as they were recorded."""
    agenda, items = await _finished(write, meeting)
    d, m = CommitteeDecision, CommitteeMember
    decisions = await write.session.scalars(select(d).where(d.committee_id == meeting.id).order_by(d.number))
    members = await write.session.scalars(select(m).where(m.committee_id == meeting.id).order_by(m.position))
    frozen = None
    if agenda is not None:
        frozen_hash = await agendas.frozen_hash(write, meeting.id, agenda.number)
        frozen = {"number": agenda.number, "content_hash": frozen_hash}
    return {
        "territory": meeting.territory,
        "committee_id": meeting.id,
        "level": meeting.level,
        "held_at": _instant(meeting.held_at),
        "place": meeting.place,
        "quorum": meeting.quorum,
        "members": [
            {"position": each.position, "kind": each.kind, "name": each.name, "subject_id": each.subject_id,
             "function": each.function, "chair": each.chair is not None, "attendance": each.attendance}
            for each in members
        ],
        "minutes": meeting.minutes,
        "minutes_adopted_on": meeting.minutes_adopted_on,
        "closed_by": meeting.closed_by,
        "closed_at": _instant(meeting.closed_at),
        "agenda": frozen,
        "items": items,
        "decisions": [
            {
                **{name: getattr(each, name) for name in _SEALED},
                "votes": {"for": each.votes_for, "against": each.votes_against, "abstained": each.votes_abstained},
                "reversed_at": _instant(each.reversed_at),
            }
            for each in decisions
        ],
    }  # fmt: skip


_SEALED = (
    "id", "number", "reference", "application_id", "outcome", "grant_cents", "advance_cents", "conditions", "reasons",
    "members_present", "quorum", "decided_on", "decided_by", "corrects_id", "correction_reason", "reversal_reason",
)  # fmt: skip


def _instant(value: Any) -> str | None:
    return value.isoformat().replace("+00:00", "Z") if value is not None else None
