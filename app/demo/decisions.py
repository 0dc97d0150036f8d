"""Two committees of the Alès demonstration that decide aid files, one of each level, with sealed records.

The territorial one pre-selects a file and rejects another; the one of the State and the Région grants the first. They
are synthetic, and dated from the day on which the demonstration is loaded, as the files are.
"""

from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID

from sqlalchemy import select

from app.access.rules import Role
from app.applications.agendas import schemas as agendas_schemas
from app.applications.agendas import service as agendas
from app.applications.agendas.rules import DecisionOutcome, Proposal
from app.applications.decisions import schemas, service
from app.applications.decisions.models import CommitteeDecision
from app.committees import schemas as committees_schemas
from app.committees import service as committees
from app.committees.models import Committee
from app.committees.rules import CommitteeStatus, Level
from app.core import clock
from app.core.writing.writes import Change, Write
from app.demo.files import GRANTED, REJECTED, REQUESTED, Told, balance, days_ago_on, named
from app.demo.meetings import seats
from app.demo.papers import ALES
from app.demo.story import Story

CONDITIONS = "La machine reste dans le bassin pendant cinq ans (demonstration)."
REASONS = "Le marché visé n'est pas établi (demonstration)."
Items = list[tuple[Told, Proposal]]


@dataclass(frozen=True)
class StoryMeeting:
    """A meeting: its level, how many days ago it was held, and what it decided as it was proposed."""

    level: Level
    days_ago: int
    items: Items
    minutes: str

    @property
    def external_id(self) -> str:
        return f"demo-committee-files-{self.level}"

    @property
    def on(self) -> date:
        """The day on which it was held."""
        return days_ago_on(self.days_ago)


SITTINGS = (
    StoryMeeting(
        Level.TERRITORIAL, 220, [(GRANTED, Proposal.PRE_SELECT), (REJECTED, Proposal.REJECT)],
        "Deux dossiers sont examinés ; l'un est présélectionné, l'autre rejeté (demonstration).",
    ),
    StoryMeeting(
        Level.STATE_REGION, 200, [(GRANTED, Proposal.GRANT)],
        "Une subvention est attribuée au dossier présélectionné (demonstration).",
    ),
)  # fmt: skip


async def load(story: Story) -> None:
    """Both meetings, each step a transaction that is left out where it is done already."""
    for sitting in SITTINGS:
        await _meet(story, sitting)
    await balance(story, GRANTED.project)


async def _meet(story: Story, sitting: StoryMeeting) -> None:
    files = {told: (await story.scalars(named(told)))[0] for told, _ in sitting.items}
    known = select(Committee).where(Committee.territory == ALES, Committee.external_id == sitting.external_id)
    if not await story.scalars(known):
        await story.run(story.actor(Role.TERRITORY), lambda write: _prepare(write, sitting, files))
    [meeting] = await story.scalars(known)
    d = CommitteeDecision
    if not await story.scalars(select(d.id).where(d.committee_id == meeting.id).limit(1)):
        await story.run(story.actor(Role.COMMITTEE), lambda write: _decide(write, meeting.id, sitting, files))
    if meeting.status == CommitteeStatus.HELD:
        await story.run(story.actor(Role.TERRITORY), lambda write: _write_down(write, meeting.id, sitting))
        await story.run(story.actor(Role.COMMITTEE), lambda write: service.close(write, ALES, meeting.id))


async def _prepare(write: Write, sitting: StoryMeeting, files: dict[Told, UUID]) -> list[Change]:
    """The meeting with its frozen agenda."""
    at = datetime.combine(sitting.on, time(14), clock.PARIS)
    plan = committees_schemas.CommitteeCreate(
        level=sitting.level, planned_at=at, place="Alès", quorum=3, members=seats(sitting.level),
        external_id=sitting.external_id,
    )  # fmt: skip
    made = await committees.create_committee(write, ALES, plan)
    [committee_id] = made.keys
    held = await committees.hold(write, ALES, committee_id, committees_schemas.CommitteeHold(held_at=at))
    items = [
        agendas_schemas.AgendaItemBody(
            application_id=files[told], proposal=proposal, grant_cents=0 if told is REJECTED else REQUESTED
        )
        for told, proposal in sitting.items
    ]
    put = await agendas.put_agenda(write, ALES, committee_id, agendas_schemas.AgendaPut(items=items))
    return [made, held, put, await agendas.freeze(write, ALES, committee_id)]


async def _decide(write: Write, committee_id: UUID, sitting: StoryMeeting, files: dict[Told, UUID]) -> list[Change]:
    """What was proposed is decided: unanimously, or by three voices against one."""
    items = [
        schemas.DecisionBody(
            application_id=files[told], outcome=DecisionOutcome(proposal),
            grant_cents=0 if told is REJECTED else REQUESTED,
            conditions=CONDITIONS if proposal == Proposal.GRANT else None,
            reasons=REASONS if told is REJECTED else None,
            votes=schemas.Votes.model_validate({"for": 3, "against": 1, "abstained": 0} if told is REJECTED
                                               else {"for": 4, "against": 0, "abstained": 0}),
        )
        for told, proposal in sitting.items
    ]  # fmt: skip
    return await service.decide(write, ALES, committee_id, schemas.DecisionsCreate(items=items))


async def _write_down(write: Write, committee_id: UUID, sitting: StoryMeeting) -> list[Change]:
    record = committees_schemas.CommitteeUpdate(
        minutes=sitting.minutes, minutes_adopted_on=days_ago_on(sitting.days_ago - 15)
    )
    return [await committees.update_committee(write, ALES, committee_id, record)]
