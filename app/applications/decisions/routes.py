"""HTTP of decisions: taken, simulated, reversed, corrected; the closing of a meeting, and its record."""

from typing import Any

from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import REVIEWS_DECIDES, WRITES_CLOSES
from app.access.gate import require
from app.access.rules import BY_A_PERSON, Actor
from app.applications import rules as files
from app.applications.agendas.routes import MEETING
from app.applications.agendas.rules import AgendaNotFrozen, AlreadyDecided, OutcomeOfAnotherLevel
from app.applications.conditions import ApplicationNotReady
from app.applications.decisions import rules, schemas, service
from app.applications.decisions.document import DOCUMENT, RECORD
from app.applications.decisions.queries import DECISIONS, RECORD_CONTENT, RECORDS
from app.applications.decisions.simulation import simulate
from app.awards.rules import (
    AWARD_DOOR,
    AwardAlreadyPaid,
    AwardDiffersFromAid,
    AwardEnded,
    PaymentsInFlight,
    ProjectNotFiled,
)
from app.committees import schemas as committees
from app.committees.rules import AttendanceMissing, MeetingClosed, MeetingTransition, MinutesMissing
from app.core.db import fetchrow
from app.core.problems import AlreadyExists, InvalidTransition, NotFound, ReferenceNotFound
from app.core.reading import documents, versions
from app.core.reading.answers import page, private, show
from app.core.reading.negotiation import language_of, wanted
from app.core.reading.query import read
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.idempotency import IdempotencyKeyMissing
from app.core.writing.writes import QUERY, Write, commit, run
from app.envelopes.ledger import EnvelopeExhausted
from app.programme.routes import T
from app.projects.rules import StageOutOfOrder, StagePassageRefused
from app.schemes.rules import ParameterNotInForce

decisions = router("applications")

COMMITTEE = T + "/committees/{id:uuid}"
DECISION = MEETING + "/decisions/{id:uuid}"
# What keeps a meeting from deciding.
SITTING = (MeetingTransition, MeetingClosed, AttendanceMissing, rules.QuorumNotReached)


@decisions.get(MEETING + "/decisions", **lists(DECISIONS))
async def list_committee_decisions(request: Request, actor: Actor = require("decisions:read")) -> Response:
    """What a meeting decided, reversed decisions and errata among it."""
    return await page(request, DECISIONS)


@decisions.post(
    MEETING + "/decisions",
    **changes(
        schemas.CommitteeDecisions,
        *SITTING,
        AgendaNotFrozen,
        rules.NotOnAgenda,
        rules.AgendaChanged,
        OutcomeOfAnotherLevel,
        AlreadyDecided,
        ApplicationNotReady,
        InvalidTransition,
        files.ClockHasRunOut,
        files.ActOutOfOrder,
        files.Refiled,
        ParameterNotInForce,
        EnvelopeExhausted,
        *AWARD_DOOR,
        AwardDiffersFromAid,
        ProjectNotFiled,
        StageOutOfOrder,
        StagePassageRefused,
        AlreadyExists,
        *REVIEWS_DECIDES.refusals,
        IdempotencyKeyMissing,
        status=201,
        tried=schemas.Simulation,
    ),
)
async def create_committee_decisions(
    request: Request, body: schemas.DecisionsCreate, actor: Actor = require("decisions:write")
) -> Response:
    """Record what a meeting decided about files of its frozen agenda: all of it, or nothing.

    An Idempotency-Key is required. A grant makes its awards at once, or is refused whole. With dry_run=true the answer
    is a `Simulation`: what each decision would do after those before it, and what the envelope would have left.
    """
    path = request.path_params
    territory, committee_id = path["territory"], path["committee_id"]
    if read(request, QUERY).get("dry_run", False):
        return await _simulated(request, body)
    return await commit(
        request,
        lambda write: service.decide(write, territory, committee_id, body),
        status=201,
        idempotency_required=True,
        dry_run=False,
    )


async def _simulated(request: Request, body: schemas.DecisionsCreate) -> Response:
    state, path = request.state, request.path_params
    versions.conclude(request, compared=False, created=True)
    language = language_of(request, state.default_language)
    told: dict[str, Any] = {}

    async def work(write: Write) -> list[Any]:
        told.update(await simulate(write, path["territory"], path["committee_id"], body, language))
        return []

    await run(state.sessions, state.actor, work, request_id=state.request_id, dry_run=True)
    return private(told)


@decisions.get(DECISION, **shows(schemas.CommitteeDecision))
async def get_committee_decision(request: Request, actor: Actor = require("decisions:read")) -> Response:
    """One decision of a meeting, with the awards that it made."""
    return await show(request, DECISIONS)


@decisions.post(
    DECISION + "/reverse",
    **changes(
        schemas.CommitteeDecision,
        MeetingClosed,
        rules.DecisionReversed,
        rules.DecisionFollowed,
        AwardAlreadyPaid,
        AwardEnded,
        PaymentsInFlight,
        ParameterNotInForce,
        StagePassageRefused,
        *BY_A_PERSON,
    ),
)
async def reverse_committee_decision(
    request: Request, body: schemas.DecisionReversal, actor: Actor = require("decisions:write")
) -> Response:
    """Reverse a decision before its meeting is closed, as a person. It keeps its number.

    Its awards are reversed, of which nothing must be paid or on its way, and the file is what it was before.
    """
    path = request.path_params
    return await commit(
        request, lambda write: service.reverse(write, path["territory"], path["committee_id"], path["id"], body)
    )


@decisions.post(
    MEETING + "/errata",
    **changes(
        schemas.CommitteeDecision,
        *SITTING,
        rules.ErratumRefused,
        ReferenceNotFound,
        *REVIEWS_DECIDES.refusals,
        IdempotencyKeyMissing,
        status=201,
    ),
)
async def create_erratum(
    request: Request, body: schemas.Erratum, actor: Actor = require("decisions:write")
) -> Response:
    """Correct the words, votes, conditions and reasons of a decision of a closed meeting, at a later one of its level.

    An Idempotency-Key is required. The erratum takes a number of the later meeting. Money is changed by an amendment of
    the award, not here.
    """
    path = request.path_params
    territory, committee_id = path["territory"], path["committee_id"]
    return await commit(
        request,
        lambda write: service.correct(write, territory, committee_id, body),
        status=201,
        location=f"/v1/territories/{territory}/committees/{committee_id}/decisions/{{key}}",
        idempotency_required=True,
    )


@decisions.post(
    COMMITTEE + "/close",
    **changes(
        committees.Committee,
        MeetingTransition,
        AttendanceMissing,
        MinutesMissing,
        AgendaNotFrozen,
        rules.AgendaNotFinished,
        *WRITES_CLOSES.refusals,
    ),
)
async def close_committee(request: Request, actor: Actor = require("committees:close")) -> Response:
    """Close the record of a held meeting, so that it can never change again.

    A person who holds the role committee closes it; the territory's staff, who prepare the record, cannot, nor can
    whoever wrote the minutes. The minutes must be adopted, the attendance of every member recorded, and every file of
    the agenda decided; a file that ended otherwise counts as finished.
    """
    path = request.path_params
    return await commit(request, lambda write: service.close(write, path["territory"], path["id"]))


@decisions.get(
    MEETING + "/record",
    **shows(schemas.CommitteeRecord, documents.PdfNotInstalled, parameters=documents.FORM, forms=documents.FORMS),
)
async def get_committee_record(request: Request, actor: Actor = require("decisions:read")) -> Response:
    """The sealed record of a closed meeting, with its hash, as JSON, or as a document: PDF (tagged, PDF/UA-1) or XLSX.

    The documents say what was sealed, in the language of Accept-Language, with the present names of firms and projects.
    """
    form = wanted(request, read(request, documents.FORM), documents.FORMS)
    if form == "json":
        return await show(request, RECORDS, {})
    row = await fetchrow(request.state.engine, RECORD, request.path_params)
    if row is None:
        raise NotFound
    return await documents.answer(request, DOCUMENT, from_json(row["body"]), form)


@decisions.get(MEETING + "/record/content", **shows(schemas.RecordContent))
async def get_committee_record_content(request: Request, actor: Actor = require("decisions:read")) -> Response:
    """What was sealed, as canonical JSON whose SHA-256 is `content_hash`.

    The answer ends with a newline, which is not part of what was hashed.
    """
    read(request, {})
    row = await fetchrow(request.state.engine, RECORD_CONTENT, request.path_params)
    if row is None:
        raise NotFound
    return private(row["content"])
