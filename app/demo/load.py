"""The Alès demonstration: wave 2, the territory, its mission of 100 days, some 75 of them entered, June certified and
closed.

Everything goes through the same services as the API. What happened is real (Rebond industriel at Alès, June to October
2023); the firms, the persons and the consultancies' SIREN are synthetic, and their names say so. A second run changes
nothing.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

import app.models  # noqa: F401  # every table: a foreign key names one of another domain
from app.access import models as access_models
from app.access import schemas as access_schemas
from app.access import service as access
from app.access.gate import digest_of
from app.access.models import ApiKey, Organisation
from app.access.queries import ORGANISATIONS as ORGANISATIONS_LIST
from app.access.rules import Actor, Role, RoleInForce, SubjectKind
from app.core import clock
from app.core.db import SessionFactory, create_engine, raw_connection, session_factory
from app.core.values import siren_from, siret_from
from app.core.writing.events import Event
from app.core.writing.writes import Change, System, Work, Write, WritingSubject, new_request_id, run
from app.demo import decisions, deliverables, files, granted, meetings, money, papers, projects
from app.demo.communes import COMMUNES, SEATS
from app.demo.story import Story
from app.engineering.activity_reports import schemas as report_schemas
from app.engineering.activity_reports import service as reports
from app.engineering.activity_reports.models import ActivityReport
from app.engineering.certificates import schemas
from app.engineering.certificates import service as certificates
from app.engineering.certificates.models import ServiceCertificate
from app.engineering.entries import locks, steps
from app.engineering.entries import schemas as engineering_schemas
from app.engineering.entries import service as engineering
from app.engineering.entries.models import MonthLock, TimeEntry
from app.engineering.entries.rules import COUNTING, EntryAction
from app.engineering.invoices import schemas as invoice_schemas
from app.engineering.invoices import service as invoices
from app.engineering.invoices.models import Invoice
from app.engineering.invoices.rules import InvoiceAct
from app.engineering.planning import schemas as planning_schemas
from app.engineering.planning import service as planning
from app.engineering.planning.models import MissionPlan
from app.firms import schemas as firms_schemas
from app.firms import service as firms
from app.firms.models import EuSize, InseeCategory, TerritoryFirm
from app.firms.rules import NafVersion, Stage
from app.missions import schemas as missions_schemas
from app.missions import service as missions
from app.missions.frameworks import parameters
from app.missions.frameworks import schemas as framework_schemas
from app.missions.frameworks import service as frameworks
from app.missions.models import ConsortiumRole, Consultant, Mission, OrderKind, Profile, Rate
from app.programme import schemas as programme_schemas
from app.programme import service as programme
from app.programme.models import Territory, Wave

ALES = "ales"
RESOURCE = "demonstration"  # what the two marks are about
BEGUN, LOADED = "demonstration.begun", "demonstration.loaded"

FUNDER = "Bpifrance Financement"

# Bodies, by name. SIREN 200066918, 180020026 and 320252489 are those of the real bodies.
ORGANISATIONS = {
    "État (demonstration)": None,
    "Caisse des dépôts – Banque des territoires": "180020026",
    FUNDER: "320252489",
    "CA Alès Agglomération": "200066918",
    "Préfecture du Gard (demonstration)": None,
    "Cour des comptes (demonstration)": None,
    "Rebond service (demonstration)": None,
}
CONSULTANCIES = {
    "Ancoris (demonstration)": (siren_from(90_000_001), ConsortiumRole.LEAD, Decimal("46.00")),
    "Studio Reset (demonstration)": (siren_from(90_000_002), ConsortiumRole.PARTNER, Decimal("20.00")),
    "Inec (demonstration)": (siren_from(90_000_003), ConsortiumRole.PARTNER, Decimal("18.00")),
    "June Partners (demonstration)": (siren_from(90_000_004), ConsortiumRole.PARTNER, Decimal("16.00")),
}
LEAD, PARTNER = "Ancoris (demonstration)", "Studio Reset (demonstration)"
# Who has a key, by its name: one person per role, and a second one where an act needs another of the same role.
PEOPLE = {
    "programme": (Role.PROGRAMME, "État (demonstration)"),
    "operator": (Role.OPERATOR, "Caisse des dépôts – Banque des territoires"),
    "territory": (Role.TERRITORY, "CA Alès Agglomération"),
    "lead": (Role.LEAD, LEAD),
    "consultant": (Role.CONSULTANT, PARTNER),
    "funder": (Role.FUNDER, FUNDER),
    "second_funder": (Role.FUNDER, FUNDER),
    "treasurer": (Role.TREASURER, FUNDER),
    "second_treasurer": (Role.TREASURER, FUNDER),
    "committee": (Role.COMMITTEE, "Préfecture du Gard (demonstration)"),
    "auditor": (Role.AUDITOR, "Cour des comptes (demonstration)"),
    "admin": (Role.ADMIN, "Rebond service (demonstration)"),
}
NATIONAL = {Role.PROGRAMME, Role.OPERATOR, Role.AUDITOR, Role.ADMIN}

TRADES = [
    ("Mécanique", "25.62B"), ("Fonderie", "24.54Z"), ("Plasturgie", "22.29A"), ("Chimie fine", "20.59Z"),
    ("Tôlerie", "25.11Z"), ("Câblage", "27.32Z"), ("Textile technique", "13.96Z"), ("Agroalimentaire", "10.39B"),
    ("Menuiserie industrielle", "16.23Z"), ("Robotique", "28.99B"), ("Traitement de surface", "25.61Z"),
    ("Emballage", "17.21A"),
]  # fmt: skip
PLACES = ["d'Alès", "du Gardon", "des Cévennes", "de Salindres"]
STAGES = [Stage.INTERVIEWED] * 30 + [Stage.SHORTLISTED] * 12 + [Stage.DECLINED] * 4  # awards support some of them
FIRMS = 46
# Headcount in 2022, INSEE's bracket, size in Union law; the stages before the one in which a firm is found.
SIZES = [
    (6, "03", EuSize.MICRO), (34, "12", EuSize.SMALL), (120, "22", EuSize.MEDIUM), (480, "32", EuSize.SMALL_MID_CAP),
    (18, "11", EuSize.SMALL), (1_200, "42", EuSize.LARGE),
]  # fmt: skip
WAYS = {
    Stage.INTERVIEWED: [Stage.SOLICITED],
    Stage.SHORTLISTED: [Stage.SOLICITED, Stage.INTERVIEWED],
    Stage.DECLINED: [Stage.SOLICITED],
}

# What the framework says, from which day on, and by which text.
PARAMETERS = [
    (parameters.VERIFICATION_MONTHS, 2, date(2023, 1, 1), "CCAG-PI, art. 28; to be confirmed by the programme"),
    (parameters.PAYMENT_DAYS, 30, date(2023, 1, 1), "CCP, art. R. 2192-10; to be confirmed by the programme"),
    (parameters.ACTIVITY_REPORTS_REQUIRED, True, date(2023, 6, 1), "To be confirmed by the programme"),
    (parameters.LATE_MARGIN_BP, 800, date(2023, 1, 1), "CCP, art. R. 2192-31"),
    (parameters.RECOVERY_FEE_CENTS, 40_00, date(2023, 1, 1), "CCP, art. D. 2192-35"),
]
# The months that are reported, and the day on which each consultant signs; in July the lead firm's two alone do.
REPORTED = {date(2023, 6, 1): date(2023, 7, 3), date(2023, 7, 1): None}
STARTS, ENDS, EXTENDED = date(2023, 6, 14), date(2023, 9, 30), date(2023, 10, 3)
CORRECTED = date(2023, 7, 17)
ACTIVITIES = ["framing", "audition", "audition", "analysis", "audition", "financial_engineering", "roadmap"]


# consultancy → days it has entered; 75 in all, so that 25 are left, all in the lead's allotment.
ENTERED = {LEAD: 84, PARTNER: 80, "Inec (demonstration)": 72, "June Partners (demonstration)": 64}  # quarter days
PORTIONS = [Decimal("1.00"), Decimal("0.50"), Decimal("0.75"), Decimal("0.25")]


class TerritoryIsThere(Exception):
    """The database has a territory that the demonstration has not made."""


async def ensure(url: str, keys_file: Path, *, first_start: bool) -> dict[str, str]:
    """Load the demonstration once, and give one key per person, kept in `keys_file` (mode 0600).

    Each step is one transaction and is left out where it is done already, so a load that died goes on; at its end the
    database is marked, and nothing is loaded into it again. At a start (`first_start`) a database with data of its own
    is left alone, and no new key is issued where the demonstration is loaded. Raises `TerritoryIsThere` where somebody
    asks for it in a database that has a territory of its own.
    """
    engine = create_engine(url, pool_size=3, name="rebond demo")
    try:
        async with _alone(engine):
            return await _ensure(session_factory(engine), keys_file, first_start=first_start)
    finally:
        await engine.dispose()


@asynccontextmanager
async def _alone(engine: AsyncEngine) -> AsyncIterator[None]:
    """Two loads at once, as a first start and `rebond demo` beside it, come one after the other."""
    async with raw_connection(engine) as connection:
        try_lock = "SELECT pg_try_advisory_lock(hashtext('rebond demo'))"
        while not await connection.fetchval(try_lock):  # noqa: ASYNC110  # the other load is another process
            await asyncio.sleep(0.2)
        yield  # the lock ends with the connection


async def _ensure(factory: SessionFactory, keys_file: Path, *, first_start: bool) -> dict[str, str]:
    load = _Load(factory)
    marks = await load.marks()
    if LOADED in marks:
        return await load.working_keys(keys_file) if first_start else await load.keys(keys_file)
    if BEGUN not in marks:
        if first_start and await load.is_used():
            return await load.working_keys(keys_file)
        if await load.has_a_territory():
            raise TerritoryIsThere
        await load.mark(BEGUN)
    await load.people()
    await load.programme()
    await load.firms()
    await load.mission()
    await load.planning()
    await load.entries()
    await load.judgements()
    await load.corrections()
    await load.rates()
    await load.reports()
    await load.june()
    await load.invoice()
    story = Story(load.factory, load.run, load.actor, load.mission_id)
    await meetings.load(story)
    await projects.load(story)
    await deliverables.load(story)
    await papers.load(story)
    await money.load(story)
    await files.prepare(story)
    await decisions.load(story)
    await files.load(story)
    await granted.load(story)
    issued = await load.keys(keys_file)
    await load.mark(LOADED)
    return issued


class _Load:
    """The load under way: what has been found or made so far."""

    def __init__(self, factory: SessionFactory) -> None:
        self.factory = factory
        self.organisations: dict[str, UUID] = {}
        self.subjects: dict[str, UUID] = {}
        self.consultants: dict[str, list[UUID]] = {}  # consultancy → its two persons
        self.mission_id = UUID(int=0)

    async def run(self, actor: WritingSubject, work: Work) -> None:
        """Do `work` as the actor, in a transaction of its own."""
        await run(self.factory, actor, work, request_id=new_request_id())

    def actor(self, name: str) -> Actor:
        """The person of the demonstration with this key: a role's name is that of its first person."""
        role, organisation = PEOPLE[name]
        held = (RoleInForce(role, None if role in NATIONAL else ALES),)
        organisation_id = self.organisations[organisation]
        return Actor(self.subjects[name], SubjectKind.PERSON, organisation_id, held, has_email=True)

    async def marks(self) -> set[str]:
        """The marks of this database: one event where the demonstration was begun, another where it is loaded."""
        async with self.factory() as session:
            told = select(Event.type).where(Event.resource_type == RESOURCE, Event.resource_id == ALES)
            return set(await session.scalars(told))

    async def mark(self, type_: str) -> None:
        """Append the event that keeps a later start from loading the demonstration again."""
        async with self.factory() as session, session.begin():
            row = {
                "type": type_, "occurred_at": clock.now(), "actor_kind": System.kind,
                "resource_type": RESOURCE, "resource_id": ALES, "data": {}, "request_id": new_request_id(),
            }  # fmt: skip
            await session.execute(insert(Event).values(row))

    async def is_used(self) -> bool:
        """Whether somebody has filled this database, or an older version has loaded the demonstration into it."""
        return await self.has_a_territory() or await self._exists(select(Organisation.id).limit(1))

    async def has_a_territory(self) -> bool:
        """Whether somebody works here, or has brought a territory in: invented acts do not belong beside theirs."""
        return await self._exists(select(Territory.slug).limit(1))

    async def people(self) -> None:
        """Organisations, their people, two consultants per consultancy."""
        sirens = ORGANISATIONS | {name: siren for name, (siren, _, _) in CONSULTANCIES.items()}

        async def make(write: Write) -> list[Change]:
            changes = []
            for name, siren in sirens.items():
                known = await _one(write, Organisation.id, Organisation.name == name)
                if known is None and siren is not None:
                    known = await _one(write, Organisation.id, Organisation.siren == siren)
                if known is None:
                    body = access_schemas.OrganisationCreate(name=name, siren=siren)
                    changes.append(await access.create_organisation(write, body))
                    known = changes[-1].keys[0]
                self.organisations[name] = known
            for name, (_, organisation) in PEOPLE.items():
                self.subjects[name] = await self._person(write, changes, organisation, _called(name), f"demo.{name}")
            for name in CONSULTANCIES:
                house = name.partition(" ")[0].lower()
                self.consultants[name] = [
                    await self._person(write, changes, name, f"Consultant {n} of {name}", f"{house}.{n}") for n in "AB"
                ]
            return changes or [Change("", ORGANISATIONS_LIST, [self.organisations[LEAD]])]

        await self.run(System(), make)

    async def _person(self, write: Write, changes: list[Change], organisation: str, name: str, mailbox: str) -> Any:
        organisation_id = self.organisations[organisation]
        same = (access_models.Subject.organisation_id == organisation_id, access_models.Subject.name == name)
        known = await _one(write, access_models.Subject.id, *same)
        if known is None:
            person = access_schemas.PersonCreate(name=name, email=f"{mailbox.lower()}@demonstration.invalid")
            changes.append(await access.create_person(write, organisation_id, person))
            known = changes[-1].keys[0]
        return known

    async def programme(self) -> None:
        """Wave 2, the territory, the communes of its perimeter, and who may do what there."""
        if await self._exists(select(Territory.slug).where(Territory.slug == ALES)):
            return

        async def make(write: Write) -> list[Change]:
            changes = []
            if await _one(write, Wave.id, Wave.number == 2) is None:
                changes.append(
                    await programme.create_wave(
                        write, programme_schemas.WaveCreate(number=2, closed_on=date(2023, 2, 1))
                    )
                )
            territory = programme_schemas.TerritoryCreate(
                slug=ALES, name="Alès Agglomération", wave_number=2, lead_siren="200066918", laureate_on=STARTS,
                region_code="76", served_since_on=STARTS,
            )  # fmt: skip
            changes.append(await programme.create_territory(write, territory))
            communes = [programme_schemas.Commune(insee_code=code, name=name) for code, name in COMMUNES.items()]
            body = programme_schemas.PerimeterPut(communes=communes)
            changes.append(await programme.put_perimeter(write, ALES, 2023, body))
            roles = [(self.subjects[name], role) for name, (role, _) in PEOPLE.items()]
            roles += [(person, Role.CONSULTANT) for persons in self.consultants.values() for person in persons]
            for subject_id, role in roles:
                member = access_schemas.MemberCreate(
                    subject_id=subject_id, role=role, territory=None if role in NATIONAL else ALES, from_on=STARTS
                )
                changes.append(await access.create_member(write, member))
            return changes

        await self.run(System(), make)

    async def firms(self) -> None:
        """46 synthetic firms with their sites, sizes and years, each at its stage."""
        if await self._exists(select(TerritoryFirm.siren).where(TerritoryFirm.territory == ALES).limit(1)):
            return

        async def make(write: Write) -> list[Change]:
            changes = []
            for number in range(FIRMS):
                changes += await self._firm(write, number)
            return changes

        await self.run(self.actor(Role.TERRITORY), make)

    async def _firm(self, write: Write, number: int) -> list[Change]:
        """One firm with its seat, its last year, its size, and the stages that it went through."""
        siren = siren_from(91_000_001 + number)
        trade, naf_code = TRADES[number % len(TRADES)]
        headcount, bracket, size = SIZES[number % len(SIZES)]
        facts = firms_schemas.FirmPut(
            name=f"{trade} {PLACES[number // len(TRADES)]} (demonstration)",
            naf_code=naf_code, naf_version=NafVersion.REV_2, legal_form_code="5710", headcount_bracket=bracket,
            headcount_year=2021, insee_category=InseeCategory.PME if headcount < 250 else InseeCategory.ETI,
            founded_on=date(1975 + number, 3, 1), source_reference="Demonstration", as_of=STARTS,
        )  # fmt: skip
        changes = [await firms.put_firm(write, siren, facts)]
        seat = SEATS[number % len(SEATS)]
        site = firms_schemas.SitePut(
            insee_code=seat, commune_name=COMMUNES[seat], opened_on=date(1975 + number, 3, 1),
            seat_from_on=date(1975 + number, 3, 1), source_reference="Demonstration", as_of=STARTS,
        )  # fmt: skip
        changes += await firms.put_site(write, siren, siret_from(siren, 1), site)
        met_on = STARTS + timedelta(days=number)
        way = WAYS.get(STAGES[number], [])
        for back, stage in enumerate([*way, STAGES[number]]):
            reason = "No project within two years." if stage is Stage.DECLINED else None
            day = met_on - timedelta(days=7 * (len(way) - back))
            body = firms_schemas.TerritoryFirmPut(stage=stage, effective_on=day, reason=reason)
            changes.append(await firms.put_territory_firm(write, ALES, siren, body))
        known = firms_schemas.TerritoryFirmUpdate(
            eu_size=size, eu_size_evidence_on=date(2022, 12, 31), eu_size_source="Liasses 2021 et 2022 (demonstration)"
        )
        changes.append(await firms.update_territory_firm(write, ALES, siren, known))
        accounts = firms_schemas.AccountsPut(
            turnover_cents=headcount * 160_000_00,
            balance_sheet_cents=headcount * 110_000_00,
            headcount=headcount,
            source="Liasse 2022 (demonstration)",
        )
        changes.append(await firms.put_accounts(write, ALES, siren, 2022, accounts))
        return changes

    async def mission(self) -> None:
        """100 days ordered, an amendment to the closing committee, the consortium, and leave for late entry."""
        same_mission = select(Mission.id).where(Mission.territory == ALES, Mission.external_id == "demo-mission")
        async with self.factory() as session:
            known = await session.scalar(same_mission)
        if known is not None:
            self.mission_id = known
            return

        async def make(write: Write) -> list[Change]:
            opened = await missions.create_mission(
                write,
                ALES,
                missions_schemas.MissionCreate(
                    name="Ingénierie Rebond industriel, Alès", late_entry_grace_days=30, external_id="demo-mission"
                ),
            )
            mission_id = self.mission_id = opened.keys[0]
            contract = await self._framework(write)
            changes = [opened, *contract]
            initial = missions_schemas.OrderCreate(
                kind=OrderKind.INITIAL, reference="DEMO-BC-1", signed_on=date(2023, 6, 1), days=Decimal(100),
                starts_on=STARTS, ends_on=ENDS, framework_id=contract[0].keys[0], amount_cents=105_000_00,
            )  # fmt: skip
            amendment = missions_schemas.OrderCreate(
                kind=OrderKind.AMENDMENT, reference="DEMO-BC-1-AV1", signed_on=date(2023, 9, 28), days=Decimal(0),
                ends_on=EXTENDED, reason="The closing committee meets on 3 October.",
            )  # fmt: skip
            for order in (initial, amendment):
                changes += await missions.create_order(write, ALES, mission_id, order)
            leave = missions_schemas.LateEntryLeaveCreate(
                until_on=date(2099, 12, 31), reason="The demonstration is loaded long after the mission."
            )
            changes += await missions.grant_late_entry(write, ALES, mission_id, leave)
            for name, (_, role, days) in CONSULTANCIES.items():
                member = missions_schemas.MissionMemberCreate(
                    organisation_id=self.organisations[name],
                    role=role,
                    days_allotted=days,
                    decided_on=date(2023, 6, 1),
                )
                changes += await missions.create_member(write, ALES, mission_id, member)
            for persons in self.consultants.values():
                for person_id, profile in zip(persons, ("senior", "junior"), strict=True):
                    consultant = missions_schemas.ConsultantCreate(
                        person_id=person_id, mission_id=mission_id, profile=profile, from_on=STARTS
                    )
                    changes.append(await missions.create_consultant(write, ALES, consultant))
            return changes

        await self.run(self.actor(Role.OPERATOR), make)

    async def _framework(self, write: Write) -> list[Change]:
        """The framework contract that the mission is ordered under, and what it says of verification and payment."""
        body = framework_schemas.FrameworkCreate(
            reference="DEMO-AC-1", name="Engineering of industrial basins (demonstration)", from_on=date(2023, 1, 1),
            to_on=date(2026, 12, 31), max_days=Decimal(500), max_amount_cents=550_000_00,
            members=[
                framework_schemas.FrameworkMemberBody(siren=siren, role=role)
                for siren, role, _ in CONSULTANCIES.values()
            ],
            unit_prices=[
                framework_schemas.FrameworkUnitPriceBody(profile=profile, day_rate_cents=cents)
                for profile, cents in ((Profile.SENIOR, 1_225_00), (Profile.JUNIOR, 855_00))
            ],
        )  # fmt: skip
        changes = [await frameworks.create_framework(write, body)]
        for name, value, valid_from_on, source in PARAMETERS:
            parameter = framework_schemas.FrameworkParameterCreate(
                name=name, value=value, valid_from_on=valid_from_on, source=source
            )
            changes.append(await frameworks.create_parameter(write, changes[0].keys[0], parameter))
        return changes

    async def planning(self) -> None:
        """The lead firm's plan of the 100 days by week, and what it says remains at the end of August."""
        if await self._exists(select(MissionPlan.id).where(MissionPlan.mission_id == self.mission_id)):
            return
        mondays = [date(2023, 6, 12) + timedelta(weeks=number) for number in range(16)]
        lines = [
            planning_schemas.PlannedWeekBody.model_validate(
                {"profile": profile, "week": f"{monday:%G-W%V}", "days": days}
            )
            for monday in mondays
            for profile, days in ((Profile.SENIOR, Decimal(4)), (Profile.JUNIOR, Decimal("2.25")))
        ]
        plan = planning_schemas.PlanPut(planned_on=date(2023, 6, 12), lines=lines)
        remaining = planning_schemas.RemainingDaysCreate(
            remaining_days=Decimal(30), stated_on=date(2023, 8, 31), reason="Two firms ask for a second audition."
        )

        async def make(write: Write) -> list[Change]:
            return [
                await planning.put_plan(write, ALES, self.mission_id, plan),
                await planning.state_remaining(write, ALES, self.mission_id, remaining),
            ]

        await self.run(self.actor(Role.LEAD), make)

    async def entries(self) -> None:
        """The days worked, entered by a consultant of each firm, in one batch a firm."""
        for place, (name, persons) in enumerate(self.consultants.items()):
            if await self._exists(
                select(TimeEntry.id).where(TimeEntry.territory == ALES, TimeEntry.external_id == f"demo-{place}-0")
            ):
                continue
            actor = Actor(
                persons[0], SubjectKind.PERSON, self.organisations[name], (RoleInForce(Role.CONSULTANT, ALES),)
            )
            attempt = engineering.Attempt(actor, ALES)
            async with self.factory() as session:
                assigned = (
                    await session.scalars(
                        select(Consultant.id)
                        .where(Consultant.mission_id == self.mission_id, Consultant.person_id.in_(persons))
                        .order_by(Consultant.id)
                    )
                ).all()
            body = engineering_schemas.TimeEntryBatch(items=list(self._worked(place, ENTERED[name], list(assigned))))
            await self.run(actor, lambda write, a=attempt, b=body: engineering.create_batch(write, a, b))  # type: ignore[misc]  # bound now

    def _worked(
        self, place: int, quarters: int, consultants: list[UUID]
    ) -> Iterator[engineering_schemas.TimeEntryCreate]:
        """Working days from 14 June on: `quarters` quarter days that count, and two drafts."""
        left = Decimal(quarters) / 4
        number = 0
        day = STARTS
        while left > 0:
            if day.weekday() < 5:
                for n, consultant_id in enumerate(consultants):
                    days = min(PORTIONS[(number + n + place) % len(PORTIONS)], left)
                    if days <= 0:
                        break
                    yield self._entry(place, number, consultant_id, day, days, "submitted")
                    left -= days
                    number += 1
            day += timedelta(days=1)
        for n, consultant_id in enumerate(consultants):
            yield self._entry(place, number + n, consultant_id, date(2023, 9, 27), Decimal("0.50"), "draft")

    def _entry(
        self, place: int, number: int, consultant_id: UUID, day: date, days: Decimal, status: Any
    ) -> engineering_schemas.TimeEntryCreate:
        activity = ACTIVITIES[number % len(ACTIVITIES)]
        firm = siren_from(91_000_001 + (number * 7 + place) % FIRMS) if activity == "audition" else None
        return engineering_schemas.TimeEntryCreate(
            mission_id=self.mission_id, consultant_id=consultant_id, worked_on=day, days=days, activity=activity,
            siren=firm, external_id=f"demo-{place}-{number}", status=status,
        )  # fmt: skip

    async def judgements(self) -> None:
        """The lead validates what was worked until the end of June; one entry is rejected, one is reversed."""
        async with self.factory() as session:
            e = TimeEntry
            waiting = (
                await session.execute(
                    select(e.id, e.external_id, e.worked_on, e.entered_by)
                    .where(e.mission_id == self.mission_id, e.status == "submitted", e.worked_on <= date(2023, 6, 30))
                    .order_by(e.external_id)
                )
            ).all()
            judged = await session.scalar(
                select(func.count()).where(
                    e.mission_id == self.mission_id, e.status != "submitted", e.status != "draft"
                )
            )
        if judged:
            return
        lead = self.actor(Role.LEAD)

        async def judge(write: Write) -> list[Change]:
            changes = []
            for number, entry in enumerate(waiting):
                attempt = engineering.Attempt(lead, ALES)
                if number == 3:
                    changes.append(await steps.act(write, attempt, entry.id, EntryAction.REJECT, "Which firm was met?"))
                elif number == 7:
                    changes.append(
                        await steps.act(write, attempt, entry.id, EntryAction.REVERSE, "Entered on the wrong day.")
                    )
                else:
                    changes.append(await steps.act(write, attempt, entry.id, EntryAction.VALIDATE))
            return changes

        await self.run(lead, judge)

    async def corrections(self) -> None:
        """What was rejected or reversed, the lead firm enters anew on free days of July: 75 days count again."""
        e = TimeEntry
        ours = (e.mission_id == self.mission_id, e.organisation_id == self.organisations[LEAD])
        if await self._exists(select(e.id).where(*ours, e.external_id.like("demo-%-again"))):
            return
        async with self.factory() as session:
            undone = await session.scalars(
                select(e).where(*ours, e.status.in_(["rejected", "reversed"]), e.external_id.like("demo-%"))
            )
            anew = [
                engineering_schemas.TimeEntryCreate(
                    mission_id=entry.mission_id, consultant_id=entry.consultant_id, days=entry.days,
                    worked_on=CORRECTED + timedelta(days=n), activity=entry.activity, siren=entry.siren,
                    external_id=f"{entry.external_id}-again",
                )
                for n, entry in enumerate(undone)
            ]  # fmt: skip
        actor = Actor(
            self.consultants[LEAD][0],
            SubjectKind.PERSON,
            self.organisations[LEAD],
            (RoleInForce(Role.CONSULTANT, ALES),),
        )
        attempt = engineering.Attempt(actor, ALES)
        body = engineering_schemas.TimeEntryBatch(items=anew)
        await self.run(actor, lambda write: engineering.create_batch(write, attempt, body))

    async def rates(self) -> None:
        """What a senior and a junior of each firm are paid a day, excl. VAT. The amounts are invented."""
        if await self._exists(select(Rate.id).where(Rate.mission_id == self.mission_id).limit(1)):
            return

        async def make(write: Write) -> list[Change]:
            return [
                await missions.create_rate(
                    write,
                    ALES,
                    self.mission_id,
                    missions_schemas.RateCreate(
                        organisation_id=self.organisations[name],
                        profile=profile,
                        day_rate_cents=cents + place * 25_00,
                        from_on=STARTS,
                    ),
                )
                for place, name in enumerate(CONSULTANCIES)
                for profile, cents in ((Profile.SENIOR, 1_150_00), (Profile.JUNIOR, 780_00))
            ]

        await self.run(self.actor(Role.OPERATOR), make)

    async def reports(self) -> None:
        """Each person's report of June has both signatures; those of July wait, the lead firm's for the second one."""
        c, person, firm = Consultant, access_models.Subject, Organisation
        assigned = (
            select(c.id, c.person_id, c.organisation_id, person.name, firm.name.label("firm"))
            .join(person, person.id == c.person_id)
            .join(firm, firm.id == c.organisation_id)
            .where(c.mission_id == self.mission_id)
            .order_by(c.id)
        )
        async with self.factory() as session:
            workers = (await session.execute(assigned)).all()
        for worker in workers:
            role = (RoleInForce(Role.CONSULTANT, ALES),)
            actor = Actor(worker.person_id, SubjectKind.PERSON, worker.organisation_id, role, has_email=True)
            for month, signed_on in REPORTED.items():
                if await self._exists(self._report(worker.id, month)) or not await self._exists(
                    select(TimeEntry.id).where(
                        TimeEntry.consultant_id == worker.id,
                        TimeEntry.status.in_(COUNTING),
                        TimeEntry.counted_on.between(month, clock.after_months(month, 1) - timedelta(days=1)),
                    )
                ):
                    continue
                body = report_schemas.ActivityReportCreate.model_validate(
                    {"consultant_id": worker.id, "month": f"{month:%Y-%m}"}
                )
                attempt = engineering.Attempt(actor, ALES)
                await self.run(actor, lambda write, a=attempt, b=body: reports.make(write, a, b))  # type: ignore[misc]  # bound now
                if signed_on is not None or worker.firm == LEAD:
                    signature = report_schemas.ActivityReportSignature(
                        name=worker.name, signed_on=signed_on or date(2023, 8, 1)
                    )
                    async with self.factory() as session:
                        key = await session.scalar(self._report(worker.id, month))
                    await self.run(actor, lambda write, a=attempt, k=key, s=signature: reports.sign(write, a, k, s))  # type: ignore[misc]  # bound now
        await self._countersign()

    def _report(self, consultant_id: UUID, month: date) -> Any:
        r = ActivityReport
        return select(r.id).where(r.consultant_id == consultant_id, r.month == month, r.stale_at.is_(None))

    async def _countersign(self) -> None:
        """The lead firm signs the reports of June."""
        lead, r = self.actor(Role.LEAD), ActivityReport
        june = select(r.id).where(r.mission_id == self.mission_id, r.month == min(REPORTED), r.lead_signed_by.is_(None))
        async with self.factory() as session:
            waiting = (await session.scalars(june.order_by(r.id))).all()
        if not waiting:
            return
        signature = report_schemas.ActivityReportSignature(name=_called("lead"), signed_on=date(2023, 7, 4))

        async def countersign(write: Write) -> list[Change]:
            attempt = engineering.Attempt(lead, ALES)
            return [await reports.countersign(write, attempt, key, signature) for key in waiting]

        await self.run(lead, countersign)

    async def june(self) -> None:
        """The operator certifies each firm's days of June, and closes the month."""
        if await self._exists(select(MonthLock.id).where(MonthLock.mission_id == self.mission_id).limit(1)):
            return

        async def make(write: Write) -> list[Change]:
            changes = []
            for name in CONSULTANCIES:
                days_of_june = schemas.ServiceCertificateCreate(
                    mission_id=self.mission_id,
                    organisation_id=self.organisations[name],
                    from_on=STARTS,
                    to_on=date(2023, 6, 30),
                )
                changes += await certificates.certify(write, ALES, days_of_june)
            month = engineering_schemas.MonthLockCreate.model_validate(
                {"mission_id": self.mission_id, "month": "2023-06"}
            )
            changes.append(await locks.lock_month(write, ALES, month))
            return changes

        await self.run(self.actor(Role.OPERATOR), make)

    async def invoice(self) -> None:
        """The lead firm has invoiced its days of June: the payer has the invoice since 7 July."""
        c, firm, lead = ServiceCertificate, self.organisations[LEAD], self.actor(Role.LEAD)
        june = (
            select(c.id).where(c.mission_id == self.mission_id, c.organisation_id == firm).order_by(c.number).limit(1)
        )
        async with self.factory() as session:
            certificate_id = await session.scalar(june)
        if await self._exists(select(Invoice.id).where(Invoice.organisation_id == firm).limit(1)):
            return
        body = invoice_schemas.InvoiceCreate.model_validate(
            {"certificate_ids": [str(certificate_id)], "number": "DEMO-2023-06", "issued_on": "2023-07-05",
             "engagement_number": "1300451236", "service_code": "INVEST-30"}
        )  # fmt: skip

        await self.run(lead, lambda write: invoices.create_invoice(write, lead, ALES, body))
        for act, on in ((InvoiceAct.DEPOSIT, date(2023, 7, 6)), (InvoiceAct.MAKE_AVAILABLE, date(2023, 7, 7))):

            async def record(write: Write, act: InvoiceAct = act, on: date = on) -> Change:
                made = await write.lock(Invoice, Invoice.territory == ALES, Invoice.organisation_id == firm)
                return await invoices.follow(write, made, act, on, None)

            await self.run(lead, record)

    async def working_keys(self, keys_file: Path) -> dict[str, str]:
        """The keys of the file that still work."""
        kept = _kept(keys_file)
        async with self.factory() as session:
            digests = set(await session.scalars(select(ApiKey.digest).where(ApiKey.works(clock.now()))))
        return {role: key for role, key in kept.items() if digest_of(key) in digests}

    async def keys(self, keys_file: Path) -> dict[str, str]:
        """One key per person: those of the file that still work, and new ones in their stead where not.

        The file comes before the commit: a death between the two leaves keys that do not work, and the next run
        replaces them; the other way round it would leave keys that work and that nobody knows.
        """
        kept = _kept(keys_file)
        issued = {}

        async def make(write: Write) -> list[Change]:
            changes = []
            persons = access_models.Subject
            for name, (_, organisation) in PEOPLE.items():
                key = kept.get(name, "")
                if await _one(write, ApiKey.id, ApiKey.digest == digest_of(key), ApiKey.works(clock.now())) is None:
                    theirs = select(Organisation.id).where(Organisation.name == organisation).scalar_subquery()
                    named = (persons.name == _called(name), persons.organisation_id == theirs)
                    subject_id = self.subjects.get(name) or await _one(write, persons.id, *named)
                    if subject_id is None:
                        continue  # somebody has renamed the person: it is theirs now
                    key = access.new_key()
                    body = access_schemas.ApiKeyCreate(subject_id=subject_id, name="demonstration")
                    changes.append(await access.create_api_key(write, body, access.Issued(key)))
                issued[name] = key
            if issued != kept:
                _write_private(keys_file, json.dumps(issued, indent=2) + "\n")
            return changes or [Change("", ORGANISATIONS_LIST, [await _one(write, Organisation.id)])]

        await self.run(System(), make)
        return issued

    async def _exists(self, query: Any) -> bool:
        async with self.factory() as session:
            return await session.scalar(query) is not None


def _called(name: str) -> str:
    """What the person with this key is called."""
    return f"Demo {name.replace('_', ' ')}"


async def _one(write: Write, column: Any, *conditions: Any) -> Any:
    return await write.session.scalar(select(column).where(*conditions).limit(1))


def _kept(path: Path) -> dict[str, str]:
    """The keys of the file; none where it is missing, or not what was written."""
    try:
        kept = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return {role: key for role, key in kept.items() if isinstance(key, str)} if isinstance(kept, dict) else {}


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
