"""HTTP of aid files: drafts, acts, documents, the confidential review, what can follow, and the history."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import BY_A_PERSON, Actor
from app.applications import outlook, rules, schemas, service
from app.applications.conditions import ApplicationNotReady
from app.applications.queries import ALL_APPLICATIONS, APPLICATIONS, DOCUMENTS, HISTORY, REVIEWS
from app.core.problems import AlreadyExists, InvalidTransition, ReferenceNotFound
from app.core.reading.answers import page, private, show
from app.core.reading.negotiation import language_of
from app.core.reading.query import read
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.writes import commit, refused_as
from app.programme.national import page_of_all
from app.programme.routes import T
from app.schemes.rules import ParameterNotInForce

applications = router("applications")

APPLICATION = T + "/applications/{id:uuid}"
BELOW = T + "/applications/{application_id:uuid}"

# What an act on a submitted file can be refused for.
ON_A_DAY = (InvalidTransition, rules.ActOutOfOrder, rules.Refiled)
ACT = (*ON_A_DAY, rules.ClockHasRunOut)
# A file of the same project and firm that was made meanwhile stands against the reversal of a silence.
REFILED = refused_as(dict.fromkeys(("applications_refiles_fkey", "applications_open_key"), rules.Refiled))


@applications.get(T + "/applications", **lists(APPLICATIONS))
async def list_applications(request: Request, actor: Actor = require("applications:read")) -> Response:
    """Aid files of the territory. Reviews are read apart, with a permission of their own.

    A holder of the role committee reads the files of its territory.
    """
    return await page(request, APPLICATIONS)


@applications.get("/v1/applications", **lists(ALL_APPLICATIONS))
async def list_all_applications(request: Request, actor: Actor = require("applications:read")) -> Response:
    """The same over all territories that the caller may see."""
    return await page_of_all(request, actor, "applications:read", ALL_APPLICATIONS)


@applications.post(
    T + "/applications",
    **changes(schemas.Application, AlreadyExists, ReferenceNotFound, rules.NotRefilable, status=201),
)
async def create_application(
    request: Request, body: schemas.ApplicationCreate, actor: Actor = require("applications:write")
) -> Response:
    """Begin the draft of an aid file. A project and a firm have one open file: `already-exists`."""
    territory = request.path_params["territory"]
    return await commit(request, lambda write: service.create_application(write, territory, body), status=201)


@applications.get(APPLICATION, **shows(schemas.Application))
async def get_application(request: Request, actor: Actor = require("applications:read")) -> Response:
    """One aid file, with its lines, its base and both times."""
    return await show(request, APPLICATIONS)


@applications.patch(
    APPLICATION,
    **changes(schemas.Application, AlreadyExists, ReferenceNotFound, rules.ApplicationNotADraft, rules.NotRefilable),
)
async def update_application(
    request: Request, body: schemas.ApplicationUpdate, actor: Actor = require("applications:write")
) -> Response:
    """Change a draft. The lines are replaced whole."""
    path = request.path_params
    return await commit(request, lambda write: service.update_application(write, path["territory"], path["id"], body))


@applications.delete(APPLICATION, **changes(schemas.Application, rules.ApplicationNotADraft, status=204))
async def delete_application(request: Request, actor: Actor = require("applications:write")) -> Response:
    """Delete a draft with its lines and documents."""
    path = request.path_params
    return await commit(
        request, lambda write: service.delete_application(write, path["territory"], path["id"]), status=204
    )


@applications.post(
    APPLICATION + "/submit",
    **changes(
        schemas.Application,
        InvalidTransition,
        ApplicationNotReady,
        ParameterNotInForce,
    ),
)
async def submit_application(
    request: Request, body: schemas.Submission, actor: Actor = require("applications:write")
) -> Response:
    """Receive a draft that meets every condition: from its receipt on, the times to examine it run.

    `application-not-ready` names every condition that is not met. The project passes to `filed`.
    """
    path = request.path_params
    return await commit(request, lambda write: service.submit(write, path["territory"], path["id"], body))


@applications.post(APPLICATION + "/acknowledge", **changes(schemas.Application, *ACT))
async def acknowledge_application(
    request: Request, body: schemas.Acknowledgement, actor: Actor = require("applications:write")
) -> Response:
    """Acknowledge the receipt of a file, once. The time to decide counts from that day, not from the receipt."""
    path = request.path_params
    return await commit(
        request, lambda write: service.acknowledge(write, path["territory"], path["id"], body), explain=REFILED
    )


@applications.post(
    APPLICATION + "/request-documents",
    summary="Ask for documents of an application",
    **changes(schemas.Application, *ACT),
)
async def request_application_documents(
    request: Request, body: schemas.DocumentRequest, actor: Actor = require("applications:instruct")
) -> Response:
    """Ask for documents that are missing. Indispensable ones stop both times, where the scheme says so."""
    path = request.path_params
    return await commit(
        request, lambda write: service.request_documents(write, path["territory"], path["id"], body), explain=REFILED
    )


@applications.post(APPLICATION + "/complete", **changes(schemas.Application, *ACT))
async def complete_application(
    request: Request, body: schemas.ActBody, actor: Actor = require("applications:instruct")
) -> Response:
    """Record that the last document came in. The file goes back to the state in which the documents were requested."""
    path = request.path_params
    return await commit(
        request, lambda write: service.complete(write, path["territory"], path["id"], body), explain=REFILED
    )


@applications.post(APPLICATION + "/admit", **changes(schemas.Application, *ACT, *BY_A_PERSON))
async def admit_application(
    request: Request, body: schemas.ActBody, actor: Actor = require("applications:instruct")
) -> Response:
    """Declare a file admissible, as a person: its form is in order. What it asks for is not judged here."""
    path = request.path_params
    return await commit(
        request, lambda write: service.admit(write, path["territory"], path["id"], body), explain=REFILED
    )


@applications.post(APPLICATION + "/declare-inadmissible", **changes(schemas.Application, *ACT, *BY_A_PERSON))
async def declare_application_inadmissible(
    request: Request, body: schemas.ReasonedActBody, actor: Actor = require("applications:instruct")
) -> Response:
    """Declare a file inadmissible, as a person. It stays so; a new file may name it in `refiles_id`."""
    path = request.path_params
    return await commit(
        request, lambda write: service.declare_inadmissible(write, path["territory"], path["id"], body), explain=REFILED
    )


@applications.post(APPLICATION + "/open-review", **changes(schemas.Application, *ACT))
async def open_application_review(
    request: Request, body: schemas.ActBody, actor: Actor = require("applications:instruct")
) -> Response:
    """Open the review of an admissible file."""
    path = request.path_params
    return await commit(
        request, lambda write: service.open_review(write, path["territory"], path["id"], body), explain=REFILED
    )


@applications.post(
    APPLICATION + "/extend",
    summary="Extend the time to decide an application",
    **changes(schemas.Application, *ON_A_DAY, rules.ExtensionTooLate, rules.ExtensionNotLater, *BY_A_PERSON),
)
async def extend_application(
    request: Request, body: schemas.ExtensionBody, actor: Actor = require("applications:instruct")
) -> Response:
    """Extend the time to decide, as a person, on its last day or before."""
    path = request.path_params
    return await commit(
        request, lambda write: service.extend(write, path["territory"], path["id"], body), explain=REFILED
    )


@applications.post(APPLICATION + "/withdraw", **changes(schemas.Application, *ACT))
async def withdraw_application(
    request: Request, body: schemas.ReasonedActBody, actor: Actor = require("applications:write")
) -> Response:
    """Withdraw an undecided file for the firm. It stays so."""
    path = request.path_params
    return await commit(
        request, lambda write: service.withdraw(write, path["territory"], path["id"], body), explain=REFILED
    )


@applications.get(BELOW + "/transitions", **shows(schemas.Transitions))
async def get_application_transitions(request: Request, actor: Actor = require("applications:read")) -> Response:
    """What can follow in the life of a file, by whom, every condition that is not met, and when silence decides.

    It is as of today; the sentences are in the language of the caller.
    """
    read(request, {})
    path = request.path_params
    language = language_of(request, request.state.default_language)
    async with request.state.sessions() as session:
        return private(await outlook.transitions(session, actor, path["territory"], path["application_id"], language))


@applications.get(BELOW + "/history", **lists(HISTORY))
async def list_application_history(request: Request, actor: Actor = require("applications:read")) -> Response:
    """The acts on a file in the order in which they were recorded, those of silence among them."""
    return await page(request, HISTORY)


@applications.get(BELOW + "/documents", **lists(DOCUMENTS))
async def list_application_documents(request: Request, actor: Actor = require("applications:read")) -> Response:
    """Documents that came in for a file. Rebond holds where they are kept, not their content."""
    return await page(request, DOCUMENTS)


@applications.post(BELOW + "/documents", **changes(schemas.ApplicationDocument, AlreadyExists, status=201))
async def create_application_document(
    request: Request, body: schemas.DocumentCreate, actor: Actor = require("applications:write")
) -> Response:
    """Record a document that came in for a file. The same content twice is `already-exists`."""
    path = request.path_params
    territory, application_id = path["territory"], path["application_id"]
    return await commit(request, lambda write: service.add_document(write, territory, application_id, body), status=201)


@applications.get(BELOW + "/documents/{id:uuid}", **shows(schemas.ApplicationDocument))
async def get_application_document(request: Request, actor: Actor = require("applications:read")) -> Response:
    """One document of a file."""
    return await show(request, DOCUMENTS)


@applications.delete(
    BELOW + "/documents/{id:uuid}",
    **changes(schemas.ApplicationDocument, rules.ApplicationNotADraft, status=204),
)
async def delete_application_document(request: Request, actor: Actor = require("applications:write")) -> Response:
    """Delete a document of a draft."""
    path = request.path_params
    territory, application_id = path["territory"], path["application_id"]
    return await commit(
        request, lambda write: service.delete_document(write, territory, application_id, path["id"]), status=204
    )


@applications.get(BELOW + "/review", **shows(schemas.ApplicationReview))
async def get_application_review(request: Request, actor: Actor = require("reviews:read")) -> Response:
    """The funder's review of a file. It is confidential: no event, export or log has its content."""
    return await show(request, REVIEWS)


@applications.put(
    BELOW + "/review",
    **changes(schemas.ApplicationReview, rules.ReviewBeforeAdmissibility, *BY_A_PERSON, may_create=True),
)
async def put_application_review(
    request: Request, body: schemas.ReviewPut, actor: Actor = require("reviews:write")
) -> Response:
    """Write the review of an admissible file, as a person. Nobody who wrote it decides the file."""
    path = request.path_params
    return await commit(
        request, lambda write: service.put_review(write, path["territory"], path["application_id"], body)
    )
