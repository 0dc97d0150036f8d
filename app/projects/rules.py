"""What an industrial project is, and the stages it passes through. No session, no await.

The stages are those that the programme counts (domain.md §7): detected, oriented, filed, selected, contracted,
completed, dropped.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from app.core.messages import REQUIRED
from app.core.problems import Problem, ValidationFailed


class ProjectKind(StrEnum):
    """What a project is about."""

    EQUIPMENT = "equipment"
    BUILDING = "building"
    RESEARCH_DEVELOPMENT = "research_development"
    DIVERSIFICATION = "diversification"
    RELOCATION = "relocation"
    DIGITAL = "digital"
    DECARBONATION = "decarbonation"
    TRAINING = "training"
    OTHER = "other"


class Maturity(StrEnum):
    """How far a project is thought through (*maturité*)."""

    IDEA = "idea"
    STUDY = "study"
    READY = "ready"
    STARTED = "started"


class FundingRoute(StrEnum):
    """The scheme to which a project is oriented (*orientation*)."""

    REBOND = "rebond"
    FRANCE_2030 = "france_2030"
    REGION = "region"
    FONDS_VERT = "fonds_vert"
    BANK = "bank"
    NONE_NEEDED = "none_needed"


class HolderKind(StrEnum):
    """Who may hold a project: firms, and for collective projects training bodies and associations."""

    FIRM = "firm"
    TRAINING_BODY = "training_body"
    ASSOCIATION = "association"


class CostKind(StrEnum):
    """What a cost buys. Only assets are eligible: «uniquement l'acquisition d'actifs, matériels ou immatériels»."""

    TANGIBLE_ASSET = "tangible_asset"
    INTANGIBLE_ASSET = "intangible_asset"
    NOT_ELIGIBLE = "not_eligible"


class ProjectStage(StrEnum):
    """How far a project has come in the programme."""

    DETECTED = "detected"
    ORIENTED = "oriented"
    FILED = "filed"
    SELECTED = "selected"
    CONTRACTED = "contracted"
    COMPLETED = "completed"
    DROPPED = "dropped"


# From each stage, where a project may go, and where back. A file that is not taken goes back to orientation, to try
# another route; what was dropped may come back as detected.
PASSAGES: Mapping[ProjectStage, frozenset[ProjectStage]] = {
    ProjectStage.DETECTED: frozenset({ProjectStage.ORIENTED, ProjectStage.DROPPED}),
    ProjectStage.ORIENTED: frozenset(
        {ProjectStage.FILED, ProjectStage.COMPLETED, ProjectStage.DROPPED, ProjectStage.DETECTED}
    ),
    ProjectStage.FILED: frozenset({ProjectStage.SELECTED, ProjectStage.ORIENTED, ProjectStage.DROPPED}),
    ProjectStage.SELECTED: frozenset(
        {ProjectStage.CONTRACTED, ProjectStage.ORIENTED, ProjectStage.DROPPED, ProjectStage.FILED}
    ),
    ProjectStage.CONTRACTED: frozenset({ProjectStage.COMPLETED, ProjectStage.DROPPED, ProjectStage.FILED}),
    ProjectStage.COMPLETED: frozenset({ProjectStage.CONTRACTED, ProjectStage.FILED, ProjectStage.ORIENTED}),
    ProjectStage.DROPPED: frozenset({ProjectStage.DETECTED}),
}

# Passages back or out: they need a reason.
NEED_REASON = frozenset(
    {(source, ProjectStage.DROPPED) for source, targets in PASSAGES.items() if ProjectStage.DROPPED in targets}
    | {
        (ProjectStage.ORIENTED, ProjectStage.DETECTED),
        (ProjectStage.FILED, ProjectStage.ORIENTED),
        (ProjectStage.SELECTED, ProjectStage.ORIENTED),
        (ProjectStage.SELECTED, ProjectStage.FILED),
        (ProjectStage.CONTRACTED, ProjectStage.FILED),
        (ProjectStage.COMPLETED, ProjectStage.CONTRACTED),
        (ProjectStage.COMPLETED, ProjectStage.FILED),
        (ProjectStage.COMPLETED, ProjectStage.ORIENTED),
        (ProjectStage.DROPPED, ProjectStage.DETECTED),
    }
)

# Routes without an aid file: the project is completed without having been filed, selected and contracted.
WITHOUT_FILE = frozenset({FundingRoute.BANK, FundingRoute.NONE_NEEDED})

# Where a project stands when aid of the programme is awarded for it, the first time or once more.
CAN_BE_AIDED = frozenset({ProjectStage.FILED, ProjectStage.SELECTED, ProjectStage.CONTRACTED})

# Stages that say nothing about the money yet, or no more.
WITHOUT_ROUTE = (ProjectStage.DETECTED, ProjectStage.DROPPED)


class StagePassageRefused(Problem):
    """The project cannot change from its stage to the requested one."""

    status = 409
    title_fr = "Le projet ne peut pas passer de son étape à l'étape demandée."
    detail = "The project is {current}; it can become: {allowed}."
    detail_fr = "Le projet est {current} ; il peut devenir : {allowed}."


class StageOutOfOrder(Problem):
    """A change of stage cannot be dated before the previous one."""

    status = 409
    title_fr = "Un changement d'étape ne peut pas être daté avant le précédent."
    detail = "The project has been at its stage since {stage_since_on}."
    detail_fr = "Le projet est à son étape depuis le {stage_since_on}."


class DetectedTooLate(Problem):
    """A project cannot be detected after it was recorded, nor after its next stage began."""

    status = 409
    title_fr = "Un projet ne peut pas être détecté après avoir été enregistré, ni après le début de son étape suivante."
    detail = "It was recorded, or passed to its next stage, on {latest_on}."
    detail_fr = "Il a été enregistré, ou il est passé à l'étape suivante, le {latest_on}."
    cure = "Give that day, or an earlier one, as detected_on."
    cure_fr = "Donnez ce jour, ou un jour antérieur, pour detected_on."


class FundingRouteMissing(Problem):
    """A project must have a funding route to leave the stage of detection."""

    status = 409
    title_fr = "Un projet doit avoir une voie de financement pour quitter l'étape de détection."
    cure = "Send funding_route with the change of stage, or set it on the project first."
    cure_fr = "Envoyez funding_route avec le changement d'étape, ou renseignez-la d'abord sur le projet."


class FundingStatementMissing(Problem):
    """A project is filed with the programme only once a person has stated that no other public money was found."""

    status = 409
    constraint = "funding_statement_missing"
    title_fr = (
        "Un projet n'est déposé auprès du programme qu'une fois déclaré qu'aucun autre argent public n'a été trouvé."
    )
    cure = "Record the statement (`…/funding-statements`), dated on the day of the filing or before."
    cure_fr = "Consignez la déclaration (`…/funding-statements`), datée du jour du dépôt ou d'avant."


class AwardMissing(Problem):
    """A project that the programme aids is selected by the pre-selection of its file, then follows its award."""

    status = 409
    constraint = "award_missing"
    title_fr = (
        "Un projet aidé par le programme est sélectionné par la présélection de son dossier, puis suit son attribution."
    )
    cure = "Have the aid awarded for the filed project (`T/grants`, `T/advances`): the award passes it on."
    cure_fr = "Faites attribuer l'aide au projet déposé (`T/grants`, `T/advances`) : l'attribution le fait avancer."


class StageFollowsAward(Problem):
    """As long as an award stands, its project is contracted or completed, and aided by the programme."""

    status = 409
    constraint = "stage_follows_award"
    title_fr = "Tant qu'une attribution tient, son projet est conventionné ou achevé, et aidé par le programme."
    cure = "Release or reverse the award first: the project then steps back by itself."
    cure_fr = "Libérez ou annulez d'abord l'attribution : le projet revient alors de lui-même à l'étape précédente."


class CostsClosed(Problem):
    """The costs of a completed project cannot change."""

    status = 409
    constraint = "costs_closed"
    title_fr = "Les coûts d'un projet achevé ne peuvent pas changer."
    cure = "Step the project back first, giving a reason (`…/stages`)."
    cure_fr = "Faites d'abord revenir le projet à une étape antérieure, avec un motif (`…/stages`)."


class AuditionOfAnotherFirm(Problem):
    """The audition in which a project was detected must be one with a firm that holds it."""

    status = 409
    constraint = "audition_of_another_firm"
    title_fr = "L'audition où un projet a été détecté doit être celle d'une entreprise qui le porte."
    cure = "Name an audition of one of the holders, or none."
    cure_fr = "Désignez une audition de l'un des porteurs, ou aucune."


class HolderHasAward(Problem):
    """A firm that was awarded aid for the project stays among its holders."""

    status = 409
    title_fr = "Une entreprise qui a reçu une attribution pour le projet reste parmi ses porteurs."
    cure = "Keep the firm in `holders`; others can join it."
    cure_fr = "Gardez l'entreprise dans `holders` ; d'autres peuvent s'y ajouter."


class HolderHasFile(Problem):
    """A firm that has an aid file for the project stays among its holders."""

    status = 409
    title_fr = "Une entreprise qui a un dossier d'aide pour le projet reste parmi ses porteurs."
    cure = "Keep the firm in `holders`; others can join it. A draft can be deleted first."
    cure_fr = "Gardez l'entreprise dans `holders` ; d'autres peuvent s'y ajouter. Un brouillon peut être supprimé."


def passages_of(
    current: ProjectStage, awards_ended: Sequence[bool], *, pre_selected: bool = False
) -> list[ProjectStage]:  # fmt: skip
    """The stages that a project passes to, given the awards that stand for it, and whether each has ended.

    It is contracted by the first and completed when all have ended; without any it is filed again, or selected where a
    committee has pre-selected a file of it. A project that was completed by hand stays so while an award is open: the
    works end before the balance is paid.
    """
    way = [ProjectStage.FILED, ProjectStage.SELECTED, ProjectStage.CONTRACTED, ProjectStage.COMPLETED]
    if current not in way:
        return []
    if not awards_ended:
        if not pre_selected:
            return [ProjectStage.FILED] if current is not ProjectStage.FILED else []
        back = [] if current in way[:2] else [ProjectStage.FILED]
        return [*back, ProjectStage.SELECTED] if current is not ProjectStage.SELECTED else []
    end = 3 if all(awards_ended) else 2
    return way[way.index(current) + 1 : end + 1]


def allowed(current: ProjectStage, route: FundingRoute | None) -> frozenset[ProjectStage]:
    """The stages that a project of this route may pass to."""
    targets = PASSAGES[current]
    if current is ProjectStage.ORIENTED and route is not None:
        targets -= {ProjectStage.FILED} if route is FundingRoute.NONE_NEEDED else frozenset()
        targets -= {ProjectStage.COMPLETED} if route not in WITHOUT_FILE else frozenset()
    if current is ProjectStage.COMPLETED:  # back where it came from
        targets &= {ProjectStage.ORIENTED} if route in WITHOUT_FILE else {ProjectStage.CONTRACTED, ProjectStage.FILED}
    return targets


def can_receive_a_file(current: ProjectStage, route: FundingRoute | None) -> bool:
    """Whether the receipt of an aid file finds a project filed or beyond, or passes it there without a reason."""
    if current in CAN_BE_AIDED:
        return True
    passes = ProjectStage.FILED in allowed(current, route) and (current, ProjectStage.FILED) not in NEED_REASON
    return passes and route is not None


def check_passage(current: ProjectStage, target: ProjectStage, route: FundingRoute | None, reason: str | None) -> None:
    """Refuse a passage that does not exist, or is sent without its route or reason.

    Raises `stage-passage-refused`, `funding-route-missing` (409), `validation-failed` (422) for a missing reason.
    """
    targets = allowed(current, route)
    if target not in targets:
        raise StagePassageRefused(current=current, allowed=sorted(targets))
    if target not in WITHOUT_ROUTE and route is None:
        raise FundingRouteMissing
    if (current, target) in NEED_REASON and reason is None:
        raise ValidationFailed(errors=[REQUIRED.at("/reason")])
