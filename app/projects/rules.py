"""What an industrial project is, and the stages it passes through. No session, no await.

The stages are those that the programme counts (domain.md §7): detected, oriented, filed, selected, contracted,
completed, dropped.
"""

from collections.abc import Mapping
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


# From each stage, where a project may go. A file that is not taken goes back to orientation, to try another route;
# what was dropped may come back as detected; what is completed stays.
PASSAGES: Mapping[ProjectStage, frozenset[ProjectStage]] = {
    ProjectStage.DETECTED: frozenset({ProjectStage.ORIENTED, ProjectStage.DROPPED}),
    ProjectStage.ORIENTED: frozenset({ProjectStage.FILED, ProjectStage.COMPLETED, ProjectStage.DROPPED}),
    ProjectStage.FILED: frozenset({ProjectStage.SELECTED, ProjectStage.ORIENTED, ProjectStage.DROPPED}),
    ProjectStage.SELECTED: frozenset({ProjectStage.CONTRACTED, ProjectStage.ORIENTED, ProjectStage.DROPPED}),
    ProjectStage.CONTRACTED: frozenset({ProjectStage.COMPLETED, ProjectStage.DROPPED}),
    ProjectStage.COMPLETED: frozenset(),
    ProjectStage.DROPPED: frozenset({ProjectStage.DETECTED}),
}

# Passages back or out: they need a reason.
NEED_REASON = frozenset(
    {(source, ProjectStage.DROPPED) for source, targets in PASSAGES.items() if ProjectStage.DROPPED in targets}
    | {
        (ProjectStage.FILED, ProjectStage.ORIENTED),
        (ProjectStage.SELECTED, ProjectStage.ORIENTED),
        (ProjectStage.DROPPED, ProjectStage.DETECTED),
    }
)

# Routes without an aid file: the project is completed without having been filed, selected and contracted.
WITHOUT_FILE = frozenset({FundingRoute.BANK, FundingRoute.NONE_NEEDED})

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


class FundingRouteMissing(Problem):
    """A project must have a funding route to leave the stage of detection."""

    status = 409
    title_fr = "Un projet doit avoir une voie de financement pour quitter l'étape de détection."
    cure = "Send funding_route with the change of stage, or set it on the project first."
    cure_fr = "Envoyez funding_route avec le changement d'étape, ou renseignez-la d'abord sur le projet."


def allowed(current: ProjectStage, route: FundingRoute | None) -> frozenset[ProjectStage]:
    """The stages that a project of this route may pass to."""
    targets = PASSAGES[current]
    if current is ProjectStage.ORIENTED and route is not None:
        targets -= {ProjectStage.FILED} if route is FundingRoute.NONE_NEEDED else frozenset()
        targets -= {ProjectStage.COMPLETED} if route not in WITHOUT_FILE else frozenset()
    return targets


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
