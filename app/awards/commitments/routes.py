"""HTTP of commitments: those of a territory, and below each award those of its aid."""

from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import REPORTS_JUDGES
from app.access.gate import require
from app.access.rules import Actor, EmailMissing
from app.awards.commitments import schemas, service
from app.awards.commitments.queries import COMMITMENTS, commitments_of, reports_of
from app.awards.commitments.rules import CommitmentNotReported, CommitmentSettled
from app.awards.kinds import AwardKind
from app.core.problems import IfMatchMissing
from app.core.reading.answers import page, show
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.writes import commit
from app.programme.routes import T

commitments = router("grants")


@commitments.get(T + "/commitments", **lists(COMMITMENTS))
async def list_commitments(request: Request, actor: Actor = require("commitments:read")) -> Response:
    """Commitments of the firms for all aids of the territory."""
    return await page(request, COMMITMENTS)


@commitments.get(T + "/commitments/{id:uuid}", **shows(schemas.Commitment))
async def get_commitment(request: Request, actor: Actor = require("commitments:read")) -> Response:
    """One commitment of a firm of the territory."""
    return await show(request, COMMITMENTS)


def serve_commitments(awards: APIRouter, kind: AwardKind) -> None:
    """Serve the commitments for an aid below the awards of an instrument."""
    noun = kind.resource
    listing, reports = commitments_of(kind), reports_of(kind)
    collection = f"{T}/{noun}s/{{{noun}_id:uuid}}/commitments"
    one = collection + "/{id:uuid}"
    below = collection + "/{commitment_id:uuid}/reports"

    def named(request: Request, last: str) -> tuple[str, UUID, UUID]:
        path = request.path_params
        return path["territory"], path[f"{noun}_id"], path[last]

    @awards.get(collection, name=f"list_{noun}_commitments", **lists(listing))
    async def list_of_award(request: Request, actor: Actor = require("commitments:read")) -> Response:
        """Commitments of the firm for the aid of this award; there are none before it is closed."""
        return await page(request, listing)

    @awards.get(one, name=f"get_{noun}_commitment", **shows(schemas.Commitment))
    async def get_of_award(request: Request, actor: Actor = require("commitments:read")) -> Response:
        """One commitment for the aid of this award."""
        return await show(request, listing)

    @awards.post(
        one + "/judge",
        name=f"judge_{noun}_commitment",
        **changes(
            schemas.Commitment, CommitmentSettled, CommitmentNotReported, *REPORTS_JUDGES.refusals, IfMatchMissing
        ),
    )
    async def judge(
        request: Request, body: schemas.CommitmentJudgment, actor: Actor = require("commitments:judge")
    ) -> Response:
        """Record what became of a commitment, as another person than who reported. If-Match is required."""
        return await commit(request, lambda write: service.judge(write, *named(request, "id"), body, kind))

    @awards.get(below, name=f"list_{noun}_commitment_reports", **lists(reports))
    async def list_reports(request: Request, actor: Actor = require("commitments:read")) -> Response:
        """Reports on a commitment."""
        return await page(request, reports)

    @awards.get(below + "/{id:uuid}", name=f"get_{noun}_commitment_report", **shows(schemas.CommitmentReport))
    async def get_report(request: Request, actor: Actor = require("commitments:read")) -> Response:
        """One report on a commitment."""
        return await show(request, reports)

    @awards.post(
        below,
        name=f"report_{noun}_commitment",
        **changes(schemas.CommitmentReport, CommitmentSettled, EmailMissing, status=201),
    )
    async def report(
        request: Request, body: schemas.CommitmentReportCreate, actor: Actor = require("commitments:write")
    ) -> Response:
        """Report on a commitment, with its evidence. A report stays as it was written."""
        return await commit(
            request, lambda write: service.report(write, *named(request, "commitment_id"), body, kind), status=201
        )
