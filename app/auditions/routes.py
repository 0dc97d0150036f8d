"""HTTP of auditions, of their confidential notes, and of what is held about one contact."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.auditions import rules, schemas, service
from app.auditions.queries import AUDITIONS, CONTACT_EXPORTS, NOTES
from app.auditions.rules import AuditionAction
from app.core.problems import AlreadyExists, ReferenceNotFound, StillReferenced
from app.core.reading.answers import page, show
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.writes import commit
from app.firms.contacts.routes import CONTACT
from app.programme.routes import T

auditions = router("auditions")

AUDITION = T + "/auditions/{id:uuid}"
NOTES_OF = T + "/auditions/{audition_id:uuid}/notes"
NOTE = NOTES_OF + "/{id:uuid}"


@auditions.get(T + "/auditions", **lists(AUDITIONS))
async def list_auditions(request: Request, actor: Actor = require("auditions:read")) -> Response:
    """Auditions of firms in this territory; `follow_up_status=open` selects those with an open follow-up."""
    return await page(request, AUDITIONS)


@auditions.post(
    T + "/auditions",
    **changes(schemas.Audition, AlreadyExists, ReferenceNotFound, rules.FollowUpIncomplete, status=201),
)
async def create_audition(
    request: Request, body: schemas.AuditionCreate, actor: Actor = require("auditions:write")
) -> Response:
    """Plan an audition of one or several firms that the territory follows."""
    territory = request.path_params["territory"]
    return await commit(
        request,
        lambda write: service.create_audition(write, territory, body),
        status=201,
    )


@auditions.get(AUDITION, **shows(schemas.Audition))
async def get_audition(request: Request, actor: Actor = require("auditions:read")) -> Response:
    """One audition, with its firms, findings, needs and follow-up."""
    return await show(request, AUDITIONS)


@auditions.patch(
    AUDITION,
    **changes(
        schemas.Audition,
        AlreadyExists,
        ReferenceNotFound,
        StillReferenced,
        rules.AuditionOver,
        rules.AuditionTransition,
        rules.AuditionFirmInUse,
        rules.NothingFoundYet,
        rules.FollowUpIncomplete,
    ),
)
async def update_audition(
    request: Request, body: schemas.AuditionUpdate, actor: Actor = require("auditions:write")
) -> Response:
    """Change an audition: its plan, its findings, its follow-up. Every change is recorded in the events."""
    path = request.path_params
    return await commit(request, lambda write: service.update_audition(write, path["territory"], path["id"], body))


@auditions.post(
    AUDITION + "/hold",
    **changes(schemas.Audition, ReferenceNotFound, rules.AuditionTransition, rules.FollowUpIncomplete),
)
async def hold_audition(
    request: Request, body: schemas.AuditionHold, actor: Actor = require("auditions:write")
) -> Response:
    """Record that a planned audition was held, and its results. The stage of the firm does not change."""
    path = request.path_params
    return await commit(request, lambda write: service.hold(write, path["territory"], path["id"], body))


async def _miss(request: Request, action: AuditionAction, body: schemas.AuditionMissed) -> Response:
    path = request.path_params
    return await commit(request, lambda write: service.miss(write, path["territory"], path["id"], action, body.reason))


@auditions.post(AUDITION + "/cancel", **changes(schemas.Audition, rules.AuditionTransition))
async def cancel_audition(
    request: Request, body: schemas.AuditionMissed, actor: Actor = require("auditions:write")
) -> Response:
    """Cancel a planned audition, giving the reason."""
    return await _miss(request, AuditionAction.CANCEL, body)


@auditions.post(AUDITION + "/no-show", **changes(schemas.Audition, rules.AuditionTransition))
async def miss_audition(
    request: Request, body: schemas.AuditionMissed, actor: Actor = require("auditions:write")
) -> Response:
    """Record that the firm did not come to a planned audition, giving the reason as far as it is known."""
    return await _miss(request, AuditionAction.NO_SHOW, body)


@auditions.post(AUDITION + "/reverse", **changes(schemas.Audition, rules.AuditionTransition))
async def reverse_audition(
    request: Request, body: schemas.AuditionMissed, actor: Actor = require("auditions:write")
) -> Response:
    """Take back that an audition was held: it was recorded by mistake. It is cancelled, and its findings are gone.

    The firms no longer count as interviewed by it.
    """
    return await _miss(request, AuditionAction.REVERSE, body)


@auditions.get(NOTES_OF, **lists(NOTES))
async def list_audition_notes(request: Request, actor: Actor = require("audition_notes:read")) -> Response:
    """Confidential notes of an audition."""
    return await page(request, NOTES)


@auditions.post(NOTES_OF, **changes(schemas.AuditionNote, status=201))
async def create_audition_note(
    request: Request, body: schemas.NoteCreate, actor: Actor = require("audition_notes:write")
) -> Response:
    """Add a confidential note to an audition. Its text enters no event."""
    path = request.path_params
    territory, audition_id = path["territory"], path["audition_id"]
    return await commit(
        request,
        lambda write: service.create_note(write, territory, audition_id, body),
        status=201,
    )


@auditions.get(NOTE, **shows(schemas.AuditionNote))
async def get_audition_note(request: Request, actor: Actor = require("audition_notes:read")) -> Response:
    """One confidential note of an audition."""
    return await show(request, NOTES)


@auditions.patch(NOTE, **changes(schemas.AuditionNote))
async def update_audition_note(
    request: Request, body: schemas.NoteUpdate, actor: Actor = require("audition_notes:write")
) -> Response:
    """Change the text of a confidential note."""
    path = request.path_params
    return await commit(
        request,
        lambda write: service.update_note(write, path["territory"], path["audition_id"], path["id"], body),
    )


@auditions.delete(NOTE, **changes(schemas.AuditionNote, status=204))
async def delete_audition_note(request: Request, actor: Actor = require("audition_notes:write")) -> Response:
    """Delete a confidential note. It is deleted for good, since a person may ask for the erasure of what it says."""
    path = request.path_params
    return await commit(
        request,
        lambda write: service.delete_note(write, path["territory"], path["audition_id"], path["id"]),
        status=204,
    )


@auditions.get(CONTACT + "/export", **shows(schemas.ContactExport))
async def export_contact(request: Request, actor: Actor = require("contacts:read")) -> Response:
    """Everything that is kept about a person (GDPR art. 15 and 20): the contact, its auditions, each change."""
    return await show(request, CONTACT_EXPORTS)
