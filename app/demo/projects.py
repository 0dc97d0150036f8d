"""The projects and the roadmap of the Alès demonstration.

Real are 177 M€ of investment, 586 jobs, a fifth of the projects oriented to France 2030, and a roadmap 2023-2027 in
four axes adopted on 3 October 2023. The 25 projects here stand for the 131 that were detected: their sums are the
published ones, each of them is synthetic, and so are the names of the axes, which no source at hand gives.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select

from app.access.rules import Role
from app.auditions.models import Audition
from app.committees.models import Committee
from app.core.values import siren_from
from app.core.writing.writes import Change, Write
from app.demo.money import ADVANCES, DECIDED, GRANTS, PROJECTS
from app.demo.story import Story
from app.projects import schemas as projects_schemas
from app.projects import service as projects
from app.projects.financing import LineStatus, PlanStatus, SourceKind
from app.projects.models import Project
from app.projects.rules import CostKind, FundingRoute, HolderKind, Maturity, ProjectKind, ProjectStage
from app.roadmap import schemas as roadmap_schemas
from app.roadmap import service as roadmap
from app.roadmap.models import Action, RoadmapVersion, StateChange
from app.roadmap.rules import ActionState

ALES = "ales"
EURO = 100
COMMUNES = ["30007", "30294", "30305", "30284", "30243", "30132", "30010"]
ORIENTED, FILED = date(2023, 9, 12), date(2023, 9, 20)
REBOND, FRANCE_2030, REGION = FundingRoute.REBOND, FundingRoute.FRANCE_2030, FundingRoute.REGION
FONDS_VERT, BANK, NONE_NEEDED = FundingRoute.FONDS_VERT, FundingRoute.BANK, FundingRoute.NONE_NEEDED


@dataclass(frozen=True)
class Sketch:
    """A project in one line: its firm's number, its cost in thousands of euros, the jobs that it creates."""

    firm: int
    title: str
    kind: ProjectKind
    cost_keur: int
    jobs: int
    route: FundingRoute
    aid_keur: int = 0
    instrument: SourceKind = SourceKind.OTHER_PUBLIC_AID


def _awarded(
    firm: int, award: tuple[int, str], instrument: SourceKind, kind: ProjectKind, cost_keur: int, jobs: int
) -> Sketch:
    euros, title = award
    return Sketch(firm, title, kind, cost_keur, jobs, REBOND, euros // 1000, instrument)


_GRANT, _ADVANCE = SourceKind.REBOND_GRANT, SourceKind.REBOND_ADVANCE
SKETCHES = [
    _awarded(38, GRANTS[0], _GRANT, ProjectKind.EQUIPMENT, 2_400, 12),
    _awarded(39, GRANTS[1], _GRANT, ProjectKind.RESEARCH_DEVELOPMENT, 1_200, 5),
    _awarded(40, GRANTS[2], _GRANT, ProjectKind.EQUIPMENT, 900, 4),
    _awarded(41, GRANTS[3], _GRANT, ProjectKind.EQUIPMENT, 600, 3),
    _awarded(30, ADVANCES[0], _ADVANCE, ProjectKind.BUILDING, 3_600, 18),
    _awarded(31, ADVANCES[1], _ADVANCE, ProjectKind.EQUIPMENT, 2_100, 9),
    _awarded(32, ADVANCES[2], _ADVANCE, ProjectKind.DIGITAL, 1_500, 7),
    Sketch(0, "Usine de pièces aéronautiques", ProjectKind.BUILDING, 42_000, 120, FRANCE_2030, 6_000),
    Sketch(1, "Fonderie à induction", ProjectKind.DECARBONATION, 28_500, 82, FRANCE_2030, 5_500),
    Sketch(2, "Recyclage de polymères", ProjectKind.DIVERSIFICATION, 19_800, 61, FRANCE_2030, 3_000),
    Sketch(3, "Atelier de chimie fine", ProjectKind.EQUIPMENT, 14_200, 45, FRANCE_2030, 2_000),
    Sketch(4, "Démonstrateur de structures légères", ProjectKind.RESEARCH_DEVELOPMENT, 11_600, 38, FRANCE_2030, 2_400),
    Sketch(5, "Faisceaux pour l'énergie", ProjectKind.RELOCATION, 9_400, 32, REGION, 900),
    Sketch(6, "Tissage technique", ProjectKind.RELOCATION, 7_800, 27, REGION, 700),
    Sketch(7, "Conserverie", ProjectKind.EQUIPMENT, 6_300, 22, REGION, 600),
    Sketch(8, "Ossature bois", ProjectKind.DIVERSIFICATION, 5_200, 19, REGION, 500),
    _awarded(33, ADVANCES[3], _ADVANCE, ProjectKind.DIGITAL, 4_300, 16),
    _awarded(34, ADVANCES[4], _ADVANCE, ProjectKind.DECARBONATION, 3_600, 14),
    Sketch(11, "Emballages de papier", ProjectKind.DECARBONATION, 3_100, 12, FONDS_VERT, 600),
    Sketch(12, "Extension de l'atelier", ProjectKind.BUILDING, 2_500, 10, BANK),
    Sketch(13, "Seconde ligne de moulage", ProjectKind.EQUIPMENT, 2_000, 9, BANK),
    Sketch(14, "Presse d'injection", ProjectKind.EQUIPMENT, 1_600, 7, BANK),
    Sketch(15, "Plateau de formation partagé", ProjectKind.TRAINING, 1_300, 6, REGION, 400),
    Sketch(16, "Progiciel de production", ProjectKind.DIGITAL, 900, 5, NONE_NEEDED),
    Sketch(17, "Poste de découpe", ProjectKind.EQUIPMENT, 600, 3, NONE_NEEDED),
]
DROPPED, SHARED, LONG, UNBALANCED = 14, 22, 7, 13  # places in the list that tell another story
ENDS = {LONG: date(2026, 6, 30), 1: date(2024, 5, 31)}  # the second is completed when its balance is paid

AXES: list[tuple[str, str, list[tuple[str, int, date]]]] = [
    ("Foncier et immobilier industriels (demonstration)", "Offrir vingt hectares aménagés d'ici 2027.", [
        ("Aménager la zone de Salindres", 3_000_000, date(2026, 12, 31)),
        ("Recenser les friches du bassin", 60_000, date(2024, 6, 30)),
        ("Ouvrir un hôtel d'entreprises", 1_800_000, date(2027, 6, 30)),
    ]),
    ("Compétences et attractivité (demonstration)", "Former cent opérateurs par an.", [
        ("Plateau de formation partagé", 1_300_000, date(2025, 9, 1)),
        ("Semaine de l'industrie", 30_000, date(2023, 12, 15)),
        ("Loger les nouveaux salariés", 250_000, date(2026, 6, 30)),
    ]),
    ("Décarbonation et ressources (demonstration)", "Réduire d'un tiers l'énergie achetée.", [
        ("Diagnostics d'énergie des ateliers", 120_000, date(2024, 12, 31)),
        ("Récupération de chaleur à Salindres", 2_400_000, date(2027, 12, 31)),
    ]),
    ("Innovation et coopération (demonstration)", "Faire naître dix projets entre entreprises.", [
        ("Club des sous-traitants", 40_000, date(2024, 3, 31)),
        ("Suivi des projets de l'enveloppe", 0, date(2027, 12, 31)),
        ("Banc d'essai ouvert", 500_000, date(2025, 12, 31)),
    ]),
]  # fmt: skip
MOVES = [  # title, passages
    ("Semaine de l'industrie", [(ActionState.IN_PROGRESS, date(2023, 11, 20)), (ActionState.DONE, date(2023, 12, 15))]),
    (
        "Recenser les friches du bassin",
        [(ActionState.IN_PROGRESS, date(2024, 1, 8)), (ActionState.DONE, date(2024, 7, 12))],
    ),
    ("Suivi des projets de l'enveloppe", [(ActionState.IN_PROGRESS, date(2023, 10, 4))]),
    ("Club des sous-traitants", [(ActionState.IN_PROGRESS, date(2024, 2, 1))]),
    ("Loger les nouveaux salariés", [(ActionState.DROPPED, date(2024, 9, 30))]),
]


async def load(story: Story) -> None:
    """Projects with their plans, then the roadmap and its follow-up, each a transaction left out where it is done."""
    if not await story.scalars(select(Project.id).where(Project.territory == ALES).limit(1)):
        await _detect(story)
    v = RoadmapVersion
    if not await story.scalars(select(v.id).where(v.territory == ALES).limit(1)):
        await story.run(story.actor(Role.TERRITORY), lambda write: _draft(write, story))
    for version_id in await story.scalars(select(v.id).where(v.territory == ALES, v.status == "draft", v.number == 1)):
        await _adopt(story, version_id)
    if not await story.scalars(select(StateChange.action_id).where(StateChange.territory == ALES).limit(1)):
        await _follow(story)


async def _detect(story: Story) -> None:
    a = Audition
    async with story.factory() as session:
        rows = await session.execute(select(a.external_id, a.id, a.held_on).where(a.territory == ALES))
    met = {row.external_id: row for row in rows}

    async def make(write: Write) -> list[Change]:
        changes: list[Change] = []
        for number, sketch in enumerate(SKETCHES):
            audition = met.get(f"demo-audition-{sketch.firm}")
            detected_on = audition.held_on if audition is not None and audition.held_on else date(2023, 7, 31)
            body = _body(number, sketch, story.mission_id, detected_on, audition.id if audition is not None else None)
            made = await projects.create_project(write, ALES, body)
            project_id = made.keys[0]
            changes += [made, await projects.put_financing(write, ALES, project_id, _plan(number, sketch))]
            if sketch.route is REBOND:
                searched = ["Aides-territoires", "Région Occitanie", "ADEME", "France 2030"]
                statement = projects_schemas.FundingStatementCreate(stated_on=FILED, sources_searched=searched)
                changes.append(await projects.state_no_other_funding(write, ALES, project_id, statement))
            for passage in _passages(number, sketch):
                changes.append(await projects.pass_to(write, ALES, project_id, passage))
        return changes

    await story.run(story.actor(Role.TERRITORY), make)


def _body(
    number: int, sketch: Sketch, mission_id: UUID, detected_on: date, audition_id: UUID | None
) -> projects_schemas.ProjectCreate:
    firm = projects_schemas.HolderBody(kind=HolderKind.FIRM, siren=siren_from(91_000_001 + sketch.firm), lead=True)
    holders = [firm]
    if number == SHARED:
        holders.append(
            projects_schemas.HolderBody(kind=HolderKind.TRAINING_BODY, name="Centre de formation (demonstration)")
        )
    euros = sketch.cost_keur * 1000
    tangible, intangible = euros * 80 // 100, euros * 12 // 100
    costs = [
        projects_schemas.CostBody(
            label="Machines et bâtiments", kind=CostKind.TANGIBLE_ASSET, amount_cents=tangible * EURO, holder=1
        ),
        projects_schemas.CostBody(
            label="Logiciels et brevets", kind=CostKind.INTANGIBLE_ASSET, amount_cents=intangible * EURO, holder=1
        ),
        projects_schemas.CostBody(
            label="Formation et essais", kind=CostKind.NOT_ELIGIBLE, reason="Dépenses de fonctionnement.",
            amount_cents=(euros - tangible - intangible) * EURO, holder=len(holders),
        ),
    ]  # fmt: skip
    return projects_schemas.ProjectCreate(
        title=f"{sketch.title} (demonstration)" if sketch.route is not REBOND else sketch.title, kind=sketch.kind,
        maturity=Maturity.READY if sketch.route is REBOND else (Maturity.STUDY, Maturity.IDEA)[number % 2],
        holders=holders, commune_code=COMMUNES[number % len(COMMUNES)], detected_on=detected_on,
        starts_on=date(2024, 1, 15), ends_on=ENDS.get(number, date(2025, 12, 31)), costs=costs,
        jobs_created_fte=Decimal(sketch.jobs), mission_id=mission_id, detected_in_audition_id=audition_id,
        environmental_effect="Moins d'énergie par pièce." if sketch.kind is ProjectKind.DECARBONATION else None,
        external_id=f"demo-project-{number}",
    )  # fmt: skip


def _plan(number: int, sketch: Sketch) -> projects_schemas.FinancingPut:
    """Aid, a loan where there is one, own funds for the rest; one plan has lost its loan and is a draft."""
    euros, aid = sketch.cost_keur * 1000, sketch.aid_keur * 1000
    line = projects_schemas.LineBody
    lines = []
    loan = 0 if sketch.route is NONE_NEEDED else (euros - aid) * 60 // 100
    lines.append(
        line(kind=SourceKind.OWN_FUNDS, source="Fonds propres", amount_cents=(euros - aid - loan) * EURO,
             status=LineStatus.SECURED, proof_reference="Décision de l'organe compétent (demonstration)")
    )  # fmt: skip
    if loan:
        answer = LineStatus.REFUSED if number == UNBALANCED else LineStatus.REQUESTED
        lines.append(line(kind=SourceKind.LOAN, source="Banque", amount_cents=loan * EURO, status=answer))
    if sketch.route is REBOND:
        lines.append(
            line(kind=sketch.instrument, source="Rebond industriel", amount_cents=aid * EURO,
                 status=LineStatus.REQUESTED)  # its award secures it
        )  # fmt: skip
    elif aid:
        lines.append(
            line(kind=SourceKind.OTHER_PUBLIC_AID, source=sketch.route.value, amount_cents=aid * EURO,
                 status=LineStatus.REQUESTED, legal_basis="Règlement (UE) 651/2014 (demonstration)")
        )  # fmt: skip
    status = PlanStatus.DRAFT if number == UNBALANCED else PlanStatus.COMPLETE
    return projects_schemas.FinancingPut(status=status, lines=lines)


def _passages(number: int, sketch: Sketch) -> list[projects_schemas.Passage]:
    passage = projects_schemas.Passage
    told = [passage(stage=ProjectStage.ORIENTED, effective_on=ORIENTED, funding_route=sketch.route)]
    if sketch.route is REBOND:
        told.append(passage(stage=ProjectStage.FILED, effective_on=FILED))  # its award passes it on
    elif sketch.route in (FRANCE_2030, FONDS_VERT):
        told.append(passage(stage=ProjectStage.FILED, effective_on=date(2023, 12, 18)))
    elif sketch.route is NONE_NEEDED:
        told.append(passage(stage=ProjectStage.COMPLETED, effective_on=date(2024, 6, 28)))
    if number == DROPPED:
        told.append(
            passage(stage=ProjectStage.DROPPED, effective_on=date(2024, 3, 4), reason="L'entreprise a changé de plan.")
        )
    return told


async def _draft(write: Write, story: Story) -> Change:
    p = Project
    rows = await write.session.execute(select(p.external_id, p.id).where(p.territory == ALES))
    served = {row.external_id: row.id for row in rows}
    owners = [story.actor(Role.TERRITORY).organisation_id, story.actor(Role.OPERATOR).organisation_id]
    training = [served["demo-project-22"]] if "demo-project-22" in served else []
    awarded = [served[key] for key in (f"demo-project-{n}" for n in PROJECTS) if key in served]
    links = {"Plateau de formation partagé": training, "Suivi des projets de l'enveloppe": awarded}
    axes = [
        roadmap_schemas.AxisBody(
            title=title, objective=objective,
            actions=[
                roadmap_schemas.ActionBody(
                    title=name, due_on=due_on, budget_cents=euros * EURO, indicator="Réalisé au terme",
                    owner_organisation_id=owners[place % 2], project_ids=links.get(name, []),
                    sirens=[siren_from(91_000_001 + place + 3 * order)],
                )
                for place, (name, euros, due_on) in enumerate(actions)
            ],
        )
        for order, (title, objective, actions) in enumerate(AXES)
    ]  # fmt: skip
    body = roadmap_schemas.RoadmapDraft(
        title="Feuille de route 2023-2027 (demonstration)", starts_on=DECIDED, ends_on=date(2027, 12, 31), axes=axes
    )
    return await roadmap.create_draft(write, ALES, body)


async def _adopt(story: Story, version_id: UUID) -> None:
    """The closing committee of 3 October 2023 adopts what the territory's staff drafted."""
    c = Committee
    committees = await story.scalars(select(c.id).where(c.territory == ALES, c.external_id == "demo-committee-closing"))
    adoption = roadmap_schemas.Adoption(committee_id=committees[0])
    await story.run(story.actor(Role.COMMITTEE), lambda write: roadmap.adopt(write, ALES, version_id, adoption))


async def _follow(story: Story) -> None:
    """What was done since is followed."""
    v, a = RoadmapVersion, Action
    adopted = select(v.id).where(v.territory == ALES, v.number == 1).scalar_subquery()
    titles = {
        action.title: action.action_id for action in await story.scalars(select(a).where(a.version_id == adopted))
    }

    async def make(write: Write) -> list[Change]:
        changes = []
        for title, moves in MOVES:
            for state, day in moves:
                reason = "Le besoin est couvert autrement." if state is ActionState.DROPPED else None
                body = roadmap_schemas.ActionMove(state=state, effective_on=day, reason=reason)
                changes.append(await roadmap.move(write, ALES, titles[title], body))
        return changes

    await story.run(story.actor(Role.TERRITORY), make)
