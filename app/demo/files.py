"""Aid files of the Alès demonstration: nine, in nine states, and two that committees decide.

They are synthetic, and dated from the day on which the demonstration is loaded: the times of the undecided ones run on
that day. Those that were received ask a complement for a project that the envelope aids.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import Select, select

from app.access.rules import Role
from app.applications import schemas, service
from app.applications.models import Application
from app.applications.rules import DocumentKind, Kyc, Opinion
from app.applications.silence import SILENCE
from app.core import clock
from app.core.values import iban_from, siren_from
from app.core.writing.writes import Change, System, Write
from app.demo.papers import ALES, SHORTLISTED
from app.demo.projects import EURO, SKETCHES
from app.demo.story import Story
from app.firms.bank_details import schemas as bank_details_schemas
from app.firms.bank_details import service as bank_details
from app.firms.bank_details.models import BankDetails
from app.firms.bank_details.payees import Place
from app.firms.bank_details.rules import BankDetailsStatus
from app.firms.certificates import schemas as certificates_schemas
from app.firms.certificates import service as certificates
from app.firms.certificates.models import CertificateKind
from app.projects import service as projects
from app.projects.financing import LineStatus, PlanStatus, SourceKind
from app.projects.models import FinancingLine, FinancingPlan, Project
from app.projects.rules import CostKind
from app.projects.schemas import FinancingPut, LineBody

FUNDER, TERRITORY, TREASURER = Role.FUNDER, Role.TERRITORY, Role.TREASURER
REQUESTED = 50_000 * EURO
CLOSED_LOWER = 1  # the project whose grant was closed at less than was awarded


@dataclass(frozen=True)
class Told:
    """A file: its number, its project's, and how many days ago it was received; a draft was not."""

    number: int
    project: int
    days_ago: int | None
    refiles: int | None = None

    @property
    def external_id(self) -> str:
        return f"demo-application-{self.number}"


IMPLICITLY_REJECTED, WITHDRAWN, INADMISSIBLE = Told(0, 0, 300), Told(1, 5, 200), Told(2, 2, 60)
DRAFT, SUBMITTED, INCOMPLETE = Told(3, 19, None), Told(4, 0, 50, refiles=0), Told(5, 2, 30)
ADMISSIBLE, DEEMED_ADMISSIBLE, UNDER_REVIEW = Told(6, 4, 50), Told(7, 6, 75), Told(8, 5, 100)
EVERY = (IMPLICITLY_REJECTED, WITHDRAWN, INADMISSIBLE, SUBMITTED, INCOMPLETE, ADMISSIBLE, DEEMED_ADMISSIBLE,
         UNDER_REVIEW, DRAFT)  # fmt: skip
# Decided before those of the nine that are for the same projects; app/demo/decisions.py tells how.
GRANTED, REJECTED = Told(9, 4, 300), Told(10, 6, 290)


async def prepare(story: Story) -> None:
    """What the files rest on, and those that committees decide, up to the agenda."""
    await _accounts(story)
    for project in (CLOSED_LOWER, UNDER_REVIEW.project):
        await balance(story, project)
    await _each(story, (GRANTED, REJECTED))


async def load(story: Story) -> None:
    """Every other file that is not there yet, each from its papers to its last act."""
    await _each(story, EVERY)


async def _each(story: Story, files: Sequence[Told]) -> None:
    for told in files:
        if not await story.scalars(named(told)):
            await _file(story, told)


def named(told: Told) -> Select[UUID]:
    """A file by its external id."""
    return select(Application.id).where(Application.territory == ALES, Application.external_id == told.external_id)


def _project(number: int) -> Select[UUID]:
    return select(Project.id).where(Project.territory == ALES, Project.external_id == f"demo-project-{number}")


def _firm(told: Told) -> str:
    return siren_from(91_000_001 + SKETCHES[told.project].firm)


def days_ago_on(days: int) -> date:
    """The Paris day that many days before today."""
    return clock.today() - timedelta(days=days)


async def _accounts(story: Story) -> None:
    """Each firm has an account, which the territory proposes and the treasurer approves."""
    d = BankDetails
    for number, siren in enumerate(sorted({_firm(told) for told in EVERY}), 11):
        of_firm = select(d.id).where(d.territory == ALES, d.siren == siren)
        if not await story.scalars(of_firm):
            await story.run(story.actor(TERRITORY), partial(_propose, siren=siren, number=number))
        if not await story.scalars(of_firm.where(d.status == BankDetailsStatus.APPROVED)):
            [proposed] = await story.scalars(of_firm)
            await story.run(story.actor(TREASURER), partial(_approve, siren=siren, proposed=proposed))


async def _propose(write: Write, siren: str, number: int) -> Change:
    body = bank_details_schemas.BankDetailsCreate(iban=iban_from(number), holder_name="Demonstration")
    return await bank_details.propose(write, Place(ALES, siren), body)


async def _approve(write: Write, siren: str, proposed: UUID) -> list[Change]:
    return await bank_details.approve(write, Place(ALES, siren), proposed)


async def balance(story: Story, project: int) -> None:
    """The plan of the project whose aid has changed is balanced again, by the firm's own funds."""
    [project_id] = await story.scalars(_project(project))
    v = FinancingPlan
    last = select(v.id).where(v.project_id == project_id).order_by(v.number.desc()).limit(1).scalar_subquery()

    async def put(write: Write) -> list[Change]:
        plan = (await write.session.scalars(select(v).where(v.id == last))).one()
        if plan.status == PlanStatus.COMPLETE:
            return []
        missing = plan.uses_cents - plan.sources_cents
        of_plan = select(FinancingLine).where(FinancingLine.plan_id == plan.id).order_by(FinancingLine.position)
        lines = [
            LineBody(
                kind=SourceKind(line.kind), source=line.source, status=LineStatus(line.status),
                amount_cents=line.amount_cents + (missing if line.kind == SourceKind.OWN_FUNDS else 0),
                legal_basis=line.legal_basis, proof_reference=line.proof_reference,
            )
            for line in await write.session.scalars(of_plan)
        ]  # fmt: skip
        body = FinancingPut(status=PlanStatus.COMPLETE, lines=lines)
        return [await projects.put_financing(write, ALES, project_id, body)]

    await story.run(story.actor(TERRITORY), put)


async def _file(story: Story, told: Told) -> None:
    """A file, with the papers of its firm, up to its last act."""
    [project_id] = await story.scalars(_project(told.project))
    replaced = [each for each in EVERY if each.number == told.refiles]
    refiles = (await story.scalars(named(replaced[0])))[0] if replaced else None
    await story.run(story.actor(TERRITORY), lambda write: _begin(write, told, project_id, refiles))
    if told.days_ago is None:
        return
    [file_id] = await story.scalars(named(told))
    for role, act in _acts(told, file_id):
        await story.run(story.actor(role), act)
    if told in (IMPLICITLY_REJECTED, DEEMED_ADMISSIBLE):
        await story.run(System(), _silence)


async def _begin(write: Write, told: Told, project_id: UUID, refiles: UUID | None) -> list[Change]:
    """The papers that the firm hands in with the file, and its draft."""
    changes = [] if told.days_ago is None else await _papers(write, told, days_ago_on(told.days_ago))
    euros = SKETCHES[told.project].cost_keur * 1000
    line = schemas.AssetLineBody
    body = schemas.ApplicationCreate(
        project_id=project_id, siren=_firm(told), scheme="rebond_industriel", requested_grant_cents=REQUESTED,
        lines=[
            line(label="Machines", kind=CostKind.TANGIBLE_ASSET, amount_cents=euros * 80 // 100 * EURO,
                 quote_reference=f"D-{told.number + 1} (demonstration)"),
            line(label="Logiciels", kind=CostKind.INTANGIBLE_ASSET, amount_cents=euros * 12 // 100 * EURO),
        ],
        planned_start_on=clock.today() + timedelta(days=60), planned_end_on=clock.today() + timedelta(days=600),
        refiles_id=refiles, external_id=told.external_id,
    )  # fmt: skip
    made = await service.create_application(write, ALES, body)
    form = schemas.DocumentCreate(
        kind=DocumentKind.FORM, name="Formulaire (demonstration).pdf", size_bytes=120_000,
        sha256=hashlib.sha256(f"form of {told.external_id} (demonstration)".encode()).hexdigest(),
        location=f"ged://demonstration/{told.external_id}", received_on=days_ago_on(told.days_ago or 0),
    )  # fmt: skip
    return [*changes, made, await service.add_document(write, ALES, made.keys[0], form)]


async def _papers(write: Write, told: Told, day: date) -> list[Change]:
    siren = _firm(told)
    assert siren in SHORTLISTED
    return [
        await certificates.record(
            write, ALES, siren,
            certificates_schemas.FirmCertificateCreate(
                kind=kind, issued_on=day, valid_until_on=day + timedelta(days=180),
                sha256=hashlib.sha256(f"{kind} certificate of {told.external_id} (demonstration)".encode()).hexdigest(),
            ),
        )
        for kind in CertificateKind
    ]  # fmt: skip


Act = tuple[Role, Callable[[Write], Awaitable[list[Change]]]]


def _acts(told: Told, file_id: UUID) -> list[Act]:
    """What was done to a file, by whom."""
    assert told.days_ago is not None
    days_ago = told.days_ago

    def on(days: int) -> schemas.ActBody:
        return schemas.ActBody(on=days_ago_on(days_ago - days))

    def reasoned(days: int, reason: str) -> schemas.ReasonedActBody:
        return schemas.ReasonedActBody(on=days_ago_on(days_ago - days), reason=reason)

    received_at = datetime.combine(days_ago_on(days_ago), time(9), clock.PARIS)
    receipt = schemas.Submission(received_at=received_at)
    acknowledged = schemas.Acknowledgement(reference=f"AR-{told.number + 1} (demonstration)")
    acts: list[Act] = [
        (TERRITORY, lambda write: service.submit(write, ALES, file_id, receipt)),
        (TERRITORY, lambda write: service.acknowledge(write, ALES, file_id, acknowledged)),
    ]
    if told is WITHDRAWN:
        given_up = reasoned(12, "L'entreprise finance seule le projet (demonstration).")
        acts.append((TERRITORY, lambda write: service.withdraw(write, ALES, file_id, given_up)))
    if told is INADMISSIBLE:
        late = reasoned(9, "Le formulaire n'est pas signé (demonstration).")
        acts.append((FUNDER, lambda write: service.declare_inadmissible(write, ALES, file_id, late)))
    if told is INCOMPLETE:
        asked = schemas.DocumentRequest(
            kinds=[DocumentKind.ACCOUNTS, DocumentKind.QUOTE], indispensable=True, on=days_ago_on(days_ago - 10),
            given_until_on=clock.today() + timedelta(days=10),
        )  # fmt: skip
        acts.append((FUNDER, lambda write: service.request_documents(write, ALES, file_id, asked)))
    if told in (ADMISSIBLE, UNDER_REVIEW, GRANTED, REJECTED):
        acts.append((FUNDER, lambda write: service.admit(write, ALES, file_id, on(20))))
    if told in (UNDER_REVIEW, GRANTED):
        review = schemas.ReviewPut(
            opinion=Opinion.FAVOURABLE, rating=4, recommended_grant_cents=REQUESTED, kyc=Kyc.CLEAR,
            text="Le projet est solide (demonstration).", completed_on=days_ago_on(days_ago - 60),
        )  # fmt: skip
        acts.append((FUNDER, lambda write: service.open_review(write, ALES, file_id, on(30))))
        acts.append((FUNDER, lambda write: _review(write, file_id, review)))
    return acts


async def _review(write: Write, file_id: UUID, review: schemas.ReviewPut) -> list[Change]:
    return [await service.put_review(write, ALES, file_id, review)]


async def _silence(write: Write) -> list[Change]:
    """What silence has decided by today, as `rebond tick` records it."""
    await SILENCE.take_due(write, clock.today(), 100)
    return []
