"""HTTP of the closing of an aid, below each of its awards."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import BY_A_PERSON, Actor
from app.awards import closing
from app.awards.kinds import AwardKind
from app.awards.rules import (
    AwardEnded,
    BeforeCompletion,
    ClaimsOpen,
    ClosingWithoutBase,
    NotCompleted,
    PaymentsInFlight,
)
from app.awards.schemas import AidClosing
from app.core.problems import IfMatchMissing
from app.core.serving.operations import changes
from app.core.writing.writes import commit
from app.programme.routes import T


def serve_closing(awards: APIRouter, kind: AwardKind, schema: Any) -> None:
    """Serve the closing of an aid below the awards of an instrument, which answers with the award."""
    noun = kind.resource

    @awards.post(
        f"{T}/{noun}s/{{id:uuid}}/close",
        name=f"close_{noun}",
        **changes(
            schema, AwardEnded, ClosingWithoutBase, NotCompleted, ClaimsOpen, BeforeCompletion, PaymentsInFlight,
            *BY_A_PERSON, IfMatchMissing,
        ),
    )  # fmt: skip
    async def close(request: Request, body: AidClosing, actor: Actor = require(f"{noun}s:award")) -> Response:
        """Close the aid of this award at its final amounts: what is above them returns to the envelope.

        What was paid of a grant above its final amount is claimed back; what is due of it can still be paid.
        If-Match is required.
        """
        path = request.path_params
        return await commit(request, lambda write: closing.close(write, kind, path["territory"], path["id"], body))
