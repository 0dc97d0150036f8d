"""The meetings of the Alès demonstration: 46 auditions, a contact in each firm, and two committees.

Real are the number of auditions and the closing committee of 3 October 2023; who was met, what was said and the other
days are synthetic. Telephone numbers are of the range kept for fiction, e-mail addresses of a domain that cannot be.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from app.access.rules import Role
from app.applications.decisions import service as decisions
from app.auditions import schemas as auditions_schemas
from app.auditions import service as auditions
from app.auditions.models import Audition
from app.auditions.rules import AuditionKind, NeedCategory
from app.committees import schemas as committees_schemas
from app.committees import service as committees
from app.committees.models import Committee
from app.committees.rules import Attendance, CommitteeStatus, Level, MemberKind
from app.core import clock
from app.core.values import siren_from
from app.core.writing.writes import Change, Write
from app.demo.story import Story
from app.firms.contacts import schemas as contacts_schemas
from app.firms.contacts import service as contacts
from app.firms.contacts.models import Contact, LegalBasis, Purpose
from app.missions.models import Consultant

ALES = "ales"
AUDITIONS = 46
STARTS = date(2023, 6, 14)
KINDS = [AuditionKind.INTERVIEW, AuditionKind.SITE_VISIT, AuditionKind.INTERVIEW, AuditionKind.CALL]
NEEDS = [
    (NeedCategory.FINANCING, "Centre d'usinage", "L'atelier est saturé ; un second poste est envisagé."),
    (NeedCategory.WORKFORCE, "Deux régleurs", "Les recrutements tardent ; une formation commune serait utile."),
    (NeedCategory.ENERGY, "Récupération de chaleur", "La facture d'énergie a doublé en deux ans."),
    (NeedCategory.PREMISES, "800 m² à Alès", "Le bail finit dans un an ; un terrain est cherché dans le bassin."),
    (NeedCategory.DIGITAL, "Suivi de production", "Les plans circulent encore sur papier."),
    (NeedCategory.SUCCESSION, "Transmission sous trois ans", "La reprise par l'encadrement est à l'étude."),
]
MEETINGS = [  # level, when (UTC), external id, minutes
    (Level.TERRITORIAL, datetime(2023, 9, 26, 12, 0, tzinfo=UTC), "demo-committee-territorial",
     "Les projets détectés par la mission sont passés en revue (demonstration)."),
    (Level.STATE_REGION, datetime(2023, 10, 3, 12, 0, tzinfo=UTC), "demo-committee-closing",
     "46 auditions et 131 projets sont présentés ; la mission est close (demonstration)."),
]  # fmt: skip
ADOPTED_ON = date(2023, 10, 20)
CHAIRS = {
    Level.TERRITORIAL: ("Sous-préfecture d'Alès", "CA Alès Agglomération"),
    Level.STATE_REGION: ("Préfecture de région Occitanie", "Région Occitanie"),
}
OTHERS = {"Banque des territoires": Attendance.PRESENT, "Bpifrance": Attendance.REPRESENTED,
          "Direction des territoires d'industrie": Attendance.EXCUSED}  # fmt: skip


async def load(story: Story) -> None:
    """Contacts, auditions and committees, each step a transaction that is left out where it is done already."""
    for model, step in ((Contact, _contacts), (Audition, _auditions)):
        async with story.factory() as session:
            done = await session.scalar(select(model.id).where(model.territory == ALES).limit(1))
        if done is None:
            await step(story)
    for level, at, external_id, minutes in MEETINGS:
        await _committee(story, level, at, external_id, minutes)


async def _contacts(story: Story) -> None:
    """One person in each firm that was met."""

    async def make(write: Write) -> list[Change]:
        return [
            await contacts.create_contact(
                write, ALES,
                contacts_schemas.ContactCreate(
                    siren=siren_from(91_000_001 + number), name=f"Contact {number + 1} (demonstration)",
                    function="direction", email=f"contact{number + 1}@demonstration.invalid",
                    phone=f"+33 4 65 71 00 {number:02}", purpose=Purpose.ENGINEERING_MISSION,
                    legal_basis=LegalBasis.PUBLIC_TASK, retain_until_on=clock.today() + timedelta(days=3 * 365),
                    external_id=f"demo-contact-{number}",
                ),
            )
            for number in range(AUDITIONS)
        ]  # fmt: skip

    await story.run(story.actor(Role.TERRITORY), make)


async def _auditions(story: Story) -> None:
    """46 auditions held on working days from 14 June on; a third is followed up, half of that is done."""
    owner = story.actor(Role.TERRITORY).subject_id
    async with story.factory() as session:
        consultants = (
            await session.scalars(
                select(Consultant.id).where(Consultant.mission_id == story.mission_id).order_by(Consultant.id)
            )
        ).all()
        met = (
            await session.execute(
                select(Contact.siren, Contact.id).where(Contact.territory == ALES).order_by(Contact.external_id)
            )
        ).all()
    persons = {row.siren: row.id for row in met}

    async def make(write: Write) -> list[Change]:
        changes = []
        for number in range(AUDITIONS):
            plan = _plan(story, number, persons, consultants)
            made = await auditions.create_audition(write, ALES, plan)
            changes += [made, await auditions.hold(write, ALES, made.keys[0], _held(number, plan.planned_on, owner))]
            if number % 6 == 0:
                done = auditions_schemas.AuditionUpdate(follow_up_done_on=plan.planned_on + timedelta(days=14))
                changes.append(await auditions.update_audition(write, ALES, made.keys[0], done))
        return changes

    await story.run(story.actor(Role.CONSULTANT), make)


def _plan(
    story: Story, number: int, persons: dict[str, UUID], consultants: Sequence[UUID]
) -> auditions_schemas.AuditionCreate:
    siren = siren_from(91_000_001 + number)
    day = STARTS + timedelta(days=number)
    return auditions_schemas.AuditionCreate(
        kind=KINDS[number % len(KINDS)], sirens=[siren], mission_id=story.mission_id,
        planned_on=day - timedelta(days=max(0, day.weekday() - 4)), place="Alès",
        consultant_ids=[consultants[number % len(consultants)]],
        contact_ids=[persons[siren]] if siren in persons else [], external_id=f"demo-audition-{number}",
    )  # fmt: skip


def _held(number: int, day: date, owner: UUID) -> auditions_schemas.AuditionHold:
    category, need, findings = NEEDS[number % len(NEEDS)]
    held = auditions_schemas.AuditionHold(
        held_on=day, findings=findings, needs=[auditions_schemas.Need(category=category, description=need)]
    )
    if number % 3:
        return held
    return held.model_copy(
        update={
            "follow_up": "Envoyer les pièces du projet",
            "follow_up_owner_id": owner,
            "follow_up_due_on": day + timedelta(days=30),
        }
    )


def seats(level: Level) -> list[committees_schemas.CommitteeMember]:
    """Who sits at a meeting, with their attendance: two chairs, and others."""
    member, organisation = committees_schemas.CommitteeMember, MemberKind.ORGANISATION
    return [
        *(member(kind=organisation, name=name, chair=True, attendance=Attendance.PRESENT) for name in CHAIRS[level]),
        *(member(kind=organisation, name=name, attendance=attendance) for name, attendance in OTHERS.items()),
    ]


async def _committee(story: Story, level: Level, at: datetime, external_id: str, minutes: str) -> None:
    """A meeting with two chairs, held by the territory's staff and closed by a person of the committee."""

    async def known() -> Committee | None:
        async with story.factory() as session:
            same_meeting = select(Committee).where(Committee.territory == ALES, Committee.external_id == external_id)
            return (await session.scalars(same_meeting)).first()

    plan = committees_schemas.CommitteeCreate(
        level=level, planned_at=at, place="Alès", quorum=3, members=seats(level), external_id=external_id
    )
    record = committees_schemas.CommitteeUpdate(minutes=minutes, minutes_adopted_on=ADOPTED_ON)

    async def prepare(write: Write) -> list[Change]:
        planned = await committees.create_committee(write, ALES, plan)
        held = committees_schemas.CommitteeHold(held_at=at)
        return [
            planned,
            await committees.hold(write, ALES, planned.keys[0], held),
            await committees.update_committee(write, ALES, planned.keys[0], record),
        ]

    if await known() is None:
        await story.run(story.actor(Role.TERRITORY), prepare)
    meeting = await known()
    if meeting is not None and meeting.status == CommitteeStatus.HELD:
        await story.run(story.actor(Role.COMMITTEE), lambda write: decisions.close(write, ALES, meeting.id))
