"""HTTP of awards: a grant or an advance that was decided elsewhere is recorded, and reversed; the story of an aid.

Grants and advances have the rest.
"""

from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import REVIEWS_DECIDES
from app.access.gate import require
from app.access.rules import BY_A_PERSON, Actor
from app.advances import schedule
from app.advances import schemas as lent
from app.advances.schedule import CashFlow
from app.advances.service import ADVANCE as LENT
from app.applications import rules as files
from app.applications.awards import schemas, service
from app.applications.awards.story import readable, story
from app.applications.conditions import ApplicationNotReady
from app.awards.overrides.rules import USE_PROBLEMS
from app.awards.rules import (
    AWARD_DOOR,
    OF_ITS_PROJECT,
    ApplicationOfAnotherProject,
    AwardAboveBase,
    AwardAlreadyPaid,
    AwardDiffersFromAid,
    AwardEnded,
    AwardOfADecision,
    PaymentsInFlight,
)
from app.core.db import fetchrow
from app.core.problems import AlreadyExists, IfMatchMissing, InvalidTransition, NotFound, Problem, ReferenceNotFound
from app.core.reading.answers import private
from app.core.reading.query import read
from app.core.serving.operations import changes, shows
from app.core.serving.routing import router
from app.core.writing.idempotency import IdempotencyKeyMissing
from app.core.writing.writes import QUERY, commit
from app.envelopes.ledger import EnvelopeExhausted
from app.envelopes.schemas import Reversal
from app.grants import schemas as given
from app.grants.service import GRANT
from app.programme.routes import T
from app.schemes.rules import ParameterNotInForce

grant_awards = router("grants")
advance_awards = router("advances")
award_stories = router("applications")

# What refuses every award; the last ones only where it names an aid file.
REFUSALS: tuple[type[Problem], ...] = (
    *AWARD_DOOR,
    *USE_PROBLEMS,
    EnvelopeExhausted,
    AlreadyExists,
    ReferenceNotFound,
    IdempotencyKeyMissing,
    *BY_A_PERSON,
    *OF_ITS_PROJECT,
    AwardAboveBase,
    AwardDiffersFromAid,
    ApplicationOfAnotherProject,
    ApplicationNotReady,
    InvalidTransition,
    files.ClockHasRunOut,
    files.ActOutOfOrder,
    files.Refiled,
    ParameterNotInForce,
    *REVIEWS_DECIDES.refusals,
)

REVERSAL: tuple[type[Problem], ...] = (
    AwardOfADecision, AwardAlreadyPaid, AwardEnded, PaymentsInFlight, *BY_A_PERSON, IfMatchMissing,
)  # fmt: skip


@grant_awards.post(T + "/grants", **changes(given.Grant, *REFUSALS, status=201))
async def award_grant(request: Request, body: schemas.GrantCreate, actor: Actor = require("grants:award")) -> Response:
    """Award a grant: the envelope is committed at once, or the award refused. An Idempotency-Key is required.

    With `application_id` the file must meet what a committee asks before it grants, and the award grants it; the
    advance of the same decision has the same reference and day.
    """
    territory = request.path_params["territory"]
    return await commit(
        request, lambda write: service.award_grant(write, territory, body), status=201, idempotency_required=True
    )


@grant_awards.post(T + "/grants/{id:uuid}/reverse", **changes(given.Grant, *REVERSAL))
async def reverse_grant(request: Request, body: Reversal, actor: Actor = require("grants:award")) -> Response:
    """Reverse a mistaken award on which nothing is paid, giving a reason. If-Match is required.

    The aid file that it granted is what it was before, once no award of the same decision stands.
    """
    path = request.path_params
    return await commit(request, lambda write: service.reverse(write, GRANT, path["territory"], path["id"], body))


@advance_awards.post(T + "/advances", **changes(lent.Advance, *REFUSALS, status=201, tried=lent.AdvanceAwarded))
async def award_advance(
    request: Request, body: schemas.AdvanceCreate, actor: Actor = require("advances:award")
) -> Response:
    """Award a repayable advance: the envelope is committed at once, or the award refused.

    An Idempotency-Key is required. With dry_run=true the answer shows the schedule that the firm would sign. With
    `application_id` the file must meet what a committee asks before it grants, and the award grants it; the grant of
    the same decision has the same reference and day.
    """
    territory = request.path_params["territory"]
    dry_run = read(request, QUERY).get("dry_run", False)
    answer = await commit(
        request,
        lambda write: service.award_advance(write, territory, body),
        status=201,
        idempotency_required=True,
        dry_run=dry_run,
    )
    if not dry_run:
        return answer
    paid = [CashFlow(body.planned_disbursement_on or body.decided_on, body.amount_cents)]
    planned = {"assumes_paid_on": paid[0].on, **lent.shown(schedule.lines(body.terms.plan(), paid), paid)}
    return private({**from_json(bytes(answer.body)), "schedule": planned})


@advance_awards.post(T + "/advances/{id:uuid}/reverse", **changes(lent.Advance, *REVERSAL))
async def reverse_advance(request: Request, body: Reversal, actor: Actor = require("advances:award")) -> Response:
    """Reverse a mistaken award on which nothing is paid, giving a reason. If-Match is required.

    The aid file that it granted is what it was before, once no award of the same decision stands.
    """
    path = request.path_params
    return await commit(request, lambda write: service.reverse(write, LENT, path["territory"], path["id"], body))


@award_stories.get(T + "/awards/{award_id:uuid}/story", **shows(schemas.AwardStory))
async def get_award_story(request: Request, actor: Actor = require("grants:read")) -> Response:
    """The story of the aid of a grant or an advance: all that was done, from the interview to the last recovery.

    It is the whole chain in one answer, in the order of days, with who did what and when it was recorded, of both
    instruments of the decision. `T/envelope/entries?award_id=` lists the money that moved.
    """
    read(request, {})
    path = request.path_params
    bound = {**path, "kinds": readable(actor, path["territory"])}
    row = await fetchrow(request.state.engine, story(), bound)
    if row is None:
        raise NotFound
    return private(row["body"])
