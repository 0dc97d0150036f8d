"""HTTP of agendas: put, frozen, reopened, and what was frozen before."""

from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.applications.agendas import document, rules, schemas, service
from app.applications.agendas.queries import AGENDAS, FROZEN_AGENDAS, FROZEN_CONTENT
from app.committees.rules import MeetingClosed
from app.core.db import fetchrow
from app.core.problems import NotFound, ReferenceNotFound
from app.core.reading import documents
from app.core.reading.answers import page, private, show
from app.core.reading.negotiation import wanted
from app.core.reading.query import read
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.writes import commit
from app.programme.routes import T
from app.schemes.rules import ParameterNotInForce

agendas = router("applications")

MEETING = T + "/committees/{committee_id:uuid}"
AGENDA = MEETING + "/agenda"


@agendas.get(
    AGENDA, **shows(schemas.Agenda, documents.PdfNotInstalled, parameters=documents.FORM, forms=documents.FORMS)
)
async def get_agenda(request: Request, actor: Actor = require("agendas:read")) -> Response:
    """The agenda of a meeting as it is now, with what the meeting has decided of it.

    As a document, PDF (tagged, PDF/UA-1) or XLSX in the language of Accept-Language, it is what the room is given: a
    frozen agenda as it was frozen, or the draft as it stands; it says which.
    """
    form = wanted(request, read(request, documents.FORM), documents.FORMS)
    if form == "json":
        return await show(request, AGENDAS, {})
    row = await fetchrow(request.state.engine, document.AGENDA, request.path_params)
    if row is None:
        raise NotFound
    return await documents.answer(request, document.DOCUMENT, from_json(row["body"]), form)


@agendas.put(
    AGENDA,
    **changes(
        schemas.Agenda,
        MeetingClosed,
        rules.AgendaFrozen,
        rules.OutcomeOfAnotherLevel,
        rules.AlreadyDecided,
        ReferenceNotFound,
        may_create=True,
    ),
)
async def put_agenda(request: Request, body: schemas.AgendaPut, actor: Actor = require("agendas:write")) -> Response:
    """Put the agenda of a meeting whole, until it is frozen. What the meeting has decided of it stays as it is."""
    path = request.path_params
    return await commit(request, lambda write: service.put_agenda(write, path["territory"], path["committee_id"], body))


@agendas.post(AGENDA + "/freeze", **changes(schemas.Agenda, MeetingClosed, rules.AgendaFrozen, ParameterNotInForce))
async def freeze_agenda(request: Request, actor: Actor = require("agendas:write")) -> Response:
    """Freeze the agenda: what is proposed, the figures of each file and what the envelope has left are sealed.

    From then on the meeting decides what stands there, and nothing else.
    """
    path = request.path_params
    return await commit(request, lambda write: service.freeze(write, path["territory"], path["committee_id"]))


@agendas.post(AGENDA + "/reopen", **changes(schemas.Agenda, MeetingClosed, rules.AgendaNotFrozen))
async def reopen_agenda(
    request: Request, body: schemas.AgendaReopen, actor: Actor = require("agendas:write")
) -> Response:
    """Reopen a frozen agenda, giving a reason: the answer is a new draft of it. What was frozen stays readable."""
    path = request.path_params
    return await commit(
        request, lambda write: service.reopen(write, path["territory"], path["committee_id"], body.reason)
    )


@agendas.get(AGENDA + "/versions", **lists(FROZEN_AGENDAS))
async def list_agenda_versions(request: Request, actor: Actor = require("agendas:read")) -> Response:
    """Every agenda of a meeting that was frozen, those that were reopened among them, with the reasons."""
    return await page(request, FROZEN_AGENDAS)


@agendas.get(AGENDA + "/versions/{id:uuid}", **shows(schemas.FrozenAgenda))
async def get_agenda_version(request: Request, actor: Actor = require("agendas:read")) -> Response:
    """One frozen agenda of a meeting, with its hash."""
    return await show(request, FROZEN_AGENDAS)


@agendas.get(AGENDA + "/versions/{id:uuid}/content", **shows(schemas.FrozenContent))
async def get_agenda_version_content(request: Request, actor: Actor = require("agendas:read")) -> Response:
    """What was frozen, file by file, as canonical JSON whose SHA-256 is `content_hash`.

    The answer ends with a newline, which is not part of what was hashed.
    """
    read(request, {})
    row = await fetchrow(request.state.engine, FROZEN_CONTENT, request.path_params)
    if row is None:
        raise NotFound
    return private(row["content"])
