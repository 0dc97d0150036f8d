"""HTTP of the acts on an aid, below each of its awards."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import BY_A_PERSON, Actor, EmailMissing
from app.awards import service as endings
from app.awards.claims.rules import ExpenseAfterCompletion
from app.awards.kinds import AwardKind
from app.awards.life import rules, schemas, service
from app.awards.life.queries import acts_of, agreement_of, guarantee_of
from app.awards.rules import AwardEnded, BeforeDecision, PaymentsInFlight
from app.core.problems import IfMatchMissing
from app.core.reading.answers import page, show
from app.core.serving.operations import changes, lists, shows
from app.core.writing.writes import commit
from app.programme.routes import T


def serve_life(awards: APIRouter, kind: AwardKind, schema: Any) -> None:
    """Serve the acts on an aid below the awards of an instrument, whose acts answer with the award."""
    _serve_papers(awards, kind)
    _serve_acts(awards, kind, schema)
    _serve_endings(awards, kind, schema)


def _one(kind: AwardKind) -> str:
    return f"{T}/{kind.resource}s/{{id:uuid}}"


def _below(kind: AwardKind) -> str:
    return f"{T}/{kind.resource}s/{{{kind.resource}_id:uuid}}"


def _serve_acts(awards: APIRouter, kind: AwardKind, schema: Any) -> None:
    noun, one = kind.resource, _one(kind)

    def acted(*problems: Any) -> dict[str, Any]:
        return changes(schema, AwardEnded, *problems, EmailMissing, IfMatchMissing)

    def named(request: Request) -> tuple[AwardKind, str, UUID]:
        return kind, request.path_params["territory"], request.path_params["id"]

    @awards.post(one + "/notify", name=f"notify_{noun}", **acted(BeforeDecision))
    async def notify(
        request: Request, body: schemas.Notification, actor: Actor = require("agreements:write")
    ) -> Response:
        """Record that the firm was notified of the decision, and what the decision holds. If-Match is required.

        The time for the start of the project begins on that day. A second notification corrects the first.
        """
        return await commit(request, lambda write: service.notify(write, *named(request), body))

    @awards.post(
        one + "/start", name=f"start_{noun}",
        **acted(rules.StartBeforeReceipt, rules.StartTooLate, rules.CompletedBeforeStart),
    )  # fmt: skip
    async def start(request: Request, body: schemas.Start, actor: Actor = require("agreements:write")) -> Response:
        """Record when the project started, with its proof. If-Match is required. A second start corrects the first."""
        return await commit(request, lambda write: service.start(write, *named(request), body))

    @awards.post(
        one + "/extension", name=f"extend_start_of_{noun}", summary=f"Extend the time to start a project ({noun})",
        **acted(
            rules.NotNotified, rules.AlreadyStarted, rules.StartExtensionUsed, rules.StartExtensionLate,
            rules.StartExtensionTooLong,
        ),
    )  # fmt: skip
    async def extend(
        request: Request, body: schemas.StartExtension, actor: Actor = require("agreements:write")
    ) -> Response:
        """Give the start of the project more time, once, on a request before its end. If-Match is required."""
        return await commit(request, lambda write: service.extend_start(write, *named(request), body))

    @awards.post(
        one + "/completion", name=f"complete_{noun}",
        **acted(rules.CompletedUnstarted, rules.CompletedBeforeStart, ExpenseAfterCompletion),
    )  # fmt: skip
    async def complete(
        request: Request, body: schemas.Completion, actor: Actor = require("agreements:write")
    ) -> Response:
        """Record the firm's completion statement. If-Match is required. A second statement corrects the first."""
        return await commit(request, lambda write: service.complete(write, *named(request), body))


def _serve_endings(awards: APIRouter, kind: AwardKind, schema: Any) -> None:
    noun, one = kind.resource, _one(kind)

    def ended(problem: Any) -> dict[str, Any]:
        return changes(schema, AwardEnded, BeforeDecision, PaymentsInFlight, problem, *BY_A_PERSON, IfMatchMissing)

    def named(request: Request) -> tuple[AwardKind, str, UUID]:
        return kind, request.path_params["territory"], request.path_params["id"]

    @awards.post(one + "/terminate", name=f"terminate_{noun}", **ended(rules.NothingAgreed))
    async def terminate(
        request: Request, body: schemas.Termination, actor: Actor = require(f"{noun}s:award")
    ) -> Response:
        """Terminate an award that is agreed, started or paid, giving a reason. If-Match is required.

        What is not paid returns to the envelope; proposed payments are cancelled.
        """
        return await commit(request, lambda write: endings.terminate(write, *named(request), body))

    @awards.post(one + "/cancel", name=f"cancel_{noun}", **ended(rules.AwardPaid))
    async def cancel(
        request: Request, body: schemas.AwardCancellation, actor: Actor = require(f"{noun}s:award")
    ) -> Response:
        """Cancel an award of which nothing was paid, giving a reason. If-Match is required.

        Its amount returns to the envelope; proposed payments are cancelled.
        """
        return await commit(request, lambda write: endings.cancel(write, *named(request), body))


def _serve_papers(awards: APIRouter, kind: AwardKind) -> None:
    noun, below = kind.resource, _below(kind)
    acts, agreement, guarantee = acts_of(kind), agreement_of(kind), guarantee_of(kind)

    def named(request: Request) -> tuple[AwardKind, str, UUID]:
        return kind, request.path_params["territory"], request.path_params[f"{noun}_id"]

    @awards.get(below + "/acts", name=f"list_{noun}_acts", **lists(acts))
    async def list_acts(request: Request, actor: Actor = require("agreements:read")) -> Response:
        """Acts on the aid of this award: each with its day, who recorded it, its reason and its document."""
        return await page(request, acts)

    @awards.get(below + "/agreement", name=f"get_{noun}_agreement", **shows(schemas.Agreement))
    async def get_agreement(request: Request, actor: Actor = require("agreements:read")) -> Response:
        """The agreement of the aid of this award: one for its grant and its advance."""
        return await show(request, agreement)

    @awards.put(
        below + "/agreement", name=f"put_{noun}_agreement",
        **changes(schemas.Agreement, AwardEnded, BeforeDecision, EmailMissing, may_create=True),
    )  # fmt: skip
    async def put_agreement(
        request: Request, body: schemas.AgreementPut, actor: Actor = require("agreements:write")
    ) -> Response:
        """Put the agreement of the aid on file, with the signatures it bears. It is agreed once both have signed."""
        return await commit(request, lambda write: service.sign(write, *named(request), body))

    @awards.get(below + "/guarantee", name=f"get_{noun}_guarantee", **shows(schemas.Guarantee))
    async def get_guarantee(request: Request, actor: Actor = require("agreements:read")) -> Response:
        """The first-demand guarantee of the aid of this award."""
        return await show(request, guarantee)

    @awards.put(
        below + "/guarantee", name=f"put_{noun}_guarantee",
        **changes(schemas.Guarantee, AwardEnded, EmailMissing, may_create=True),
    )  # fmt: skip
    async def put_guarantee(
        request: Request, body: schemas.GuaranteePut, actor: Actor = require("agreements:write")
    ) -> Response:
        """Put a first-demand guarantee of the aid on file: more of the grant can then be paid in advance."""
        return await commit(request, lambda write: service.guarantee(write, *named(request), body))
