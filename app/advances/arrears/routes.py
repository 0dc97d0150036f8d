"""HTTP of arrears: instalments, formal notices, accelerations, alerts."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import BY_A_PERSON, Actor, EmailMissing
from app.advances.arrears import rules, schemas, service
from app.advances.arrears.queries import ACCELERATIONS, ALERTS, ALL_INSTALMENTS, INSTALMENTS, NOTICES
from app.awards.life.rules import AgreementMissing
from app.awards.rules import AwardEnded
from app.core.problems import IfMatchMissing
from app.core.reading.answers import page, show
from app.core.reading.two_times import TWO_TIMES
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.idempotency import IdempotencyKeyMissing
from app.core.writing.writes import commit
from app.programme.national import page_of_all
from app.programme.routes import T

arrears = router("advances")

ADVANCE = T + "/advances/{advance_id:uuid}"
NOTICE = ADVANCE + "/notices/{id:uuid}"


@arrears.get(T + "/instalments", **lists(INSTALMENTS[frozenset()]))
async def list_instalments(request: Request, actor: Actor = require("advances:read")) -> Response:
    """Instalments of all advances of the territory: the lines of the schedules in force, with what is left of each.

    They are those of today, of another day (`as_of`), or as they were known at the end of a day (`recorded_as_of`).
    """
    return await page(request, INSTALMENTS[_given(request)])


@arrears.get("/v1/instalments", **lists(ALL_INSTALMENTS[frozenset()]))
async def list_all_instalments(request: Request, actor: Actor = require("advances:read")) -> Response:
    """The same over all territories that the caller may see."""
    return await page_of_all(request, actor, "advances:read", ALL_INSTALMENTS[_given(request)])


def _given(request: Request) -> frozenset[str]:
    return frozenset(TWO_TIMES.keys() & request.query_params.keys())


@arrears.get(T + "/advance-alerts", **lists(ALERTS))
async def list_advance_alerts(request: Request, actor: Actor = require("advances:read")) -> Response:
    """What was told of advances when its day had come: instalments due and overdue, buckets, claims, acts needed."""
    return await page(request, ALERTS)


@arrears.get(ADVANCE + "/notices", **lists(NOTICES))
async def list_advance_notices(request: Request, actor: Actor = require("advances:read")) -> Response:
    """Formal notices of an advance."""
    return await page(request, NOTICES)


@arrears.post(
    ADVANCE + "/notices",
    **changes(
        schemas.FormalNotice,
        rules.LineNotOverdue,
        rules.NoticeDelayTooShort,
        rules.CallsStopped,
        rules.NoticeDaysOutOfOrder,
        AwardEnded,
        EmailMissing,
        IdempotencyKeyMissing,
        status=201,
    ),
)
async def give_notice(
    request: Request, body: schemas.FormalNoticeCreate, actor: Actor = require("advances:follow")
) -> Response:
    """Record a formal notice that was sent for overdue lines. An Idempotency-Key is required.

    Late interest on these lines runs from the day after it was received, or first presented where it was not claimed.
    """
    path = request.path_params
    return await commit(
        request,
        lambda write: service.give_notice(write, path["territory"], path["advance_id"], body),
        status=201,
        idempotency_required=True,
    )


@arrears.get(NOTICE, **shows(schemas.FormalNotice))
async def get_advance_notice(request: Request, actor: Actor = require("advances:read")) -> Response:
    """One formal notice of an advance."""
    return await show(request, NOTICES)


_NOTICE_STAYS = (rules.NoticeWithdrawn, rules.NoticeReliedOn, IfMatchMissing)


@arrears.patch(NOTICE, **changes(schemas.FormalNotice, rules.NoticeDaysOutOfOrder, *_NOTICE_STAYS))
async def update_notice(
    request: Request, body: schemas.FormalNoticeUpdate, actor: Actor = require("advances:follow")
) -> Response:
    """Record when a formal notice was first presented, or received. If-Match is required."""
    path = request.path_params
    return await commit(
        request, lambda write: service.update_notice(write, path["territory"], path["advance_id"], path["id"], body)
    )


@arrears.post(NOTICE + "/withdraw", **changes(schemas.FormalNotice, *_NOTICE_STAYS))
async def withdraw_notice(
    request: Request, body: schemas.FormalNoticeWithdrawal, actor: Actor = require("advances:follow")
) -> Response:
    """Withdraw a formal notice that was a mistake, giving a reason: nothing runs from it. If-Match is required."""
    path = request.path_params
    return await commit(
        request, lambda write: service.withdraw_notice(write, path["territory"], path["advance_id"], path["id"], body)
    )


@arrears.get(ADVANCE + "/accelerations", **lists(ACCELERATIONS))
async def list_accelerations(request: Request, actor: Actor = require("advances:read")) -> Response:
    """How all of an advance became due: by a person after a formal notice, or by a judgment."""
    return await page(request, ACCELERATIONS)


@arrears.get(ADVANCE + "/accelerations/{id:uuid}", **shows(schemas.Acceleration))
async def get_acceleration(request: Request, actor: Actor = require("advances:read")) -> Response:
    """One acceleration of an advance."""
    return await show(request, ACCELERATIONS)


@arrears.post(
    ADVANCE + "/accelerate",
    **changes(
        schemas.Acceleration,
        rules.NoticeMissing,
        rules.DelayRunning,
        rules.AlreadyAccelerated,
        rules.ClauseVoid,
        AgreementMissing,
        AwardEnded,
        *BY_A_PERSON,
        IdempotencyKeyMissing,
        IfMatchMissing,
        status=201,
    ),
)
async def accelerate_advance(
    request: Request, body: schemas.AccelerationCreate, actor: Actor = require("advances:award")
) -> Response:
    """Make all that is outstanding due, after a formal notice and its delay. Needs If-Match and an Idempotency-Key.

    If-Match is the advance's. What is due from that day is a version of the schedule.
    """
    path = request.path_params
    return await commit(
        request,
        lambda write: service.accelerate(write, path["territory"], path["advance_id"], body),
        status=201,
        location=request.scope["path"].removesuffix("/accelerate") + "/accelerations/{key}",
        idempotency_required=True,
    )
