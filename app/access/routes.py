"""HTTP of access: who I am, organisations and their people, members, API keys."""

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from app.access import schemas, service
from app.access.duties import MAKES_KEY_CONFIRMS, PROPOSES_ROLE_APPROVES
from app.access.gate import count_failure, require
from app.access.queries import API_KEYS, MEMBERS, ORGANISATIONS, PERSONS, SERVICE_ACCOUNTS
from app.access.rules import NATIONAL, Actor, AdminForPersons, RoleProlonged
from app.core import problems as p
from app.core.db import raw_connection
from app.core.problems import AlreadyExists, ReferenceNotFound
from app.core.quotas import TooManyFailedCredentials
from app.core.reading import answers
from app.core.reading.answers import page, private, show
from app.core.reading.query import read
from app.core.serving.operations import changes, lists, responses, shows
from app.core.serving.routing import router
from app.core.writing.writes import Change, Seen, System, commit, run

access = router("access")

_NAMES = """
SELECT s.name, o.name AS organisation_name, k.name AS key_name, k.expires_at
FROM subjects s JOIN organisations o ON o.id = s.organisation_id JOIN api_keys k ON k.subject_id = s.id
WHERE s.id = $1 AND k.id = $2
"""


@access.get("/v1/me", summary="Ask who you are and what you may do", **shows(schemas.Me))
async def get_me(request: Request, actor: Actor = require("me:read")) -> Response:
    """The subject of the key, its roles today and where it holds them, and what they permit."""
    read(request, {})
    async with raw_connection(request.state.engine) as connection:
        names = await connection.fetchrow(_NAMES, actor.subject_id, actor.key_id)
    territories = sorted({grant.territory for grant in actor.grants if grant.territory is not None})
    body = {
        "subject_id": actor.subject_id,
        "subject_kind": actor.kind,
        "name": names["name"],
        "organisation_id": actor.organisation_id,
        "organisation_name": names["organisation_name"],
        "key_id": actor.key_id,
        "key_name": names["key_name"],
        "scope": actor.scope,
        "key_expires_at": names["expires_at"],
        "key_confirmed": actor.confirmed,
        "roles": [{"role": grant.role, "territory": grant.territory} for grant in actor.grants],
        "permissions": sorted(actor.all_permissions(None)),
        "territory_permissions": {slug: sorted(actor.all_permissions(slug) - NATIONAL) for slug in territories},
    }
    return private(body)


@access.get("/v1/organisations", **lists(ORGANISATIONS))
async def list_organisations(request: Request, actor: Actor = require("organisations:read")) -> Response:
    """Organisations that take part in the programme.

    A caller whose roles are limited to some territories sees those that act there: somebody of them has a role there or
    in all territories, or they are members of a mission.
    """
    return await page(request, ORGANISATIONS, **_within(actor, "organisations:read"))


@access.post("/v1/organisations", **changes(schemas.Organisation, AlreadyExists, status=201))
async def create_organisation(
    request: Request, body: schemas.OrganisationCreate, actor: Actor = require("organisations:write")
) -> Response:
    """Register an organisation. Raises `already-exists` where the SIREN is known."""
    return await commit(
        request,
        lambda write: service.create_organisation(write, body),
        status=201,
    )


@access.get("/v1/organisations/{id:uuid}", **shows(schemas.Organisation))
async def get_organisation(request: Request, actor: Actor = require("organisations:read")) -> Response:
    """One organisation that takes part in the programme."""
    return await show(request, ORGANISATIONS, **_within(actor, "organisations:read"))


@access.patch("/v1/organisations/{id:uuid}", **changes(schemas.Organisation, AlreadyExists))
async def update_organisation(
    request: Request, body: schemas.OrganisationUpdate, actor: Actor = require("organisations:write")
) -> Response:
    """Change an organisation's name or SIREN."""
    return await commit(request, lambda write: service.update_organisation(write, request.path_params["id"], body))


@access.get("/v1/organisations/{organisation_id:uuid}/persons", **lists(PERSONS))
async def list_persons(request: Request, actor: Actor = require("organisations:read")) -> Response:
    """Persons of an organisation.

    A caller whose roles are limited to some territories sees the persons of organisations that act there.
    """
    return await page(request, PERSONS, **_within(actor, "organisations:read"))


@access.post("/v1/organisations/{organisation_id:uuid}/persons", **changes(schemas.Person, AlreadyExists, status=201))
async def create_person(
    request: Request, body: schemas.PersonCreate, actor: Actor = require("organisations:write")
) -> Response:
    """Register a person, once for all territories. Raises `already-exists` where the e-mail address is known."""
    organisation_id = request.path_params["organisation_id"]
    return await commit(
        request,
        lambda write: service.create_person(write, organisation_id, body),
        status=201,
    )


@access.get("/v1/organisations/{organisation_id:uuid}/persons/{id:uuid}", **shows(schemas.Person))
async def get_person(request: Request, actor: Actor = require("organisations:read")) -> Response:
    """One person of an organisation."""
    return await show(request, PERSONS, **_within(actor, "organisations:read"))


@access.patch(
    "/v1/organisations/{organisation_id:uuid}/persons/{id:uuid}",
    **changes(schemas.Person, AlreadyExists, ReferenceNotFound, service.PersonHoldsRoles),
)
async def update_person(
    request: Request, body: schemas.PersonUpdate, actor: Actor = require("organisations:write")
) -> Response:
    """Change a person's name or e-mail address, or the organisation that the person works for.

    With an e-mail address a person can validate, decide and pay; it takes effect within five seconds. Who has a role
    that decides, pays or administers, or is proposed for one, is not moved. Raises `person-holds-roles`.
    """
    path = request.path_params
    answer = await commit(
        request, lambda write: service.update_person(write, path["organisation_id"], path["id"], body)
    )
    return _forgetting(request, answer)


@access.post("/v1/organisations/{organisation_id:uuid}/persons/{id:uuid}/end", **changes(schemas.Person))
async def end_person(request: Request, actor: Actor = require("organisations:write")) -> Response:
    """End everything that a person who leaves could do: every key is revoked, every role ends today.

    Codes that wait are revoked too. Keys are refused within five seconds. The person stays where past acts name it, and
    can be given roles and keys again. A role that begins later ends on its first day.
    """
    path = request.path_params
    answer = await commit(request, lambda write: service.end_person(write, path["organisation_id"], path["id"]))
    return _forgetting(request, answer)


@access.get("/v1/organisations/{organisation_id:uuid}/service-accounts", **lists(SERVICE_ACCOUNTS))
async def list_service_accounts(request: Request, actor: Actor = require("organisations:read")) -> Response:
    """Programs of an organisation."""
    return await page(request, SERVICE_ACCOUNTS, **_within(actor, "organisations:read"))


@access.post(
    "/v1/organisations/{organisation_id:uuid}/service-accounts",
    **changes(schemas.ServiceAccount, AlreadyExists, status=201),
)
async def create_service_account(
    request: Request, body: schemas.ServiceAccountCreate, actor: Actor = require("organisations:write")
) -> Response:
    """Register a program of an organisation. A program never validates, certifies, approves or decides."""
    organisation_id = request.path_params["organisation_id"]
    return await commit(
        request,
        lambda write: service.create_service_account(write, organisation_id, body),
        status=201,
    )


@access.get("/v1/organisations/{organisation_id:uuid}/service-accounts/{id:uuid}", **shows(schemas.ServiceAccount))
async def get_service_account(request: Request, actor: Actor = require("organisations:read")) -> Response:
    """One program of an organisation."""
    return await show(request, SERVICE_ACCOUNTS, **_within(actor, "organisations:read"))


@access.get("/v1/members", **lists(MEMBERS))
async def list_members(request: Request, actor: Actor = require("members:read")) -> Response:
    """Roles: the holder, the territory and the days of each, as far as the caller may read members there."""
    return await page(request, MEMBERS, **_within(actor, "members:read"))


@access.post("/v1/members", **changes(schemas.Member, AlreadyExists, ReferenceNotFound, AdminForPersons, status=201))
async def create_member(
    request: Request, body: schemas.MemberCreate, actor: Actor = require("members:write")
) -> Response:
    """Give a person or service account a role, in one territory or in all. It takes effect within five seconds.

    A role that decides, pays or administers (programme, operator, lead, funder, treasurer, committee, admin) is
    proposed: it permits nothing until another administrator approves it. Only a person holds the role admin.
    """
    return _forgetting(
        request,
        await commit(
            request,
            lambda write: service.create_member(write, body),
            status=201,
        ),
    )


@access.get("/v1/members/{id:uuid}", **shows(schemas.Member))
async def get_member(request: Request, actor: Actor = require("members:read")) -> Response:
    """One role of a person or service account."""
    return await show(request, MEMBERS, **_within(actor, "members:read"))


@access.post("/v1/members/{id:uuid}/approve", **changes(schemas.Member, *PROPOSES_ROLE_APPROVES.refusals))
async def approve_member(request: Request, actor: Actor = require("members:write")) -> Response:
    """Approve a role that another administrator has proposed. It takes effect within five seconds.

    Neither who proposed it nor who would hold it can. What is granted already stays as it is.
    """
    answer = await commit(request, lambda write: service.approve_member(write, request.path_params["id"]))
    return _forgetting(request, answer)


@access.patch("/v1/members/{id:uuid}", **changes(schemas.Member, RoleProlonged, AdminForPersons))
async def update_member(
    request: Request, body: schemas.MemberUpdate, actor: Actor = require("members:write")
) -> Response:
    """Set the last day of a role, or reopen the role (null). It takes effect within five seconds.

    A role that needed an approval only becomes shorter: give it anew from the day after its end.
    """
    answer = await commit(request, lambda write: service.update_member(write, request.path_params["id"], body))
    return _forgetting(request, answer)


@access.get("/v1/api-keys", **lists(API_KEYS))
async def list_api_keys(request: Request, actor: Actor = require("api_keys:read")) -> Response:
    """API keys, without their secrets."""
    return await page(request, API_KEYS)


@access.post("/v1/api-keys", **changes(schemas.ApiKeyCreated, ReferenceNotFound, status=201))
async def create_api_key(
    request: Request, body: schemas.ApiKeyCreate, actor: Actor = require("api_keys:write")
) -> Response:
    """Create a key for a person or service account.

    For a program the secret is in this answer and nowhere else. For a person the answer has a code that works once,
    within 72 hours: its holder makes the secret by POST /v1/enrolments. A replayed answer has null instead. Where the
    subject holds a role that decides, pays or administers, the key carries it once another administrator confirms the
    fingerprint.
    """
    issued = service.Issued()
    answer = await commit(request, lambda write: service.create_api_key(write, body, issued), status=201)
    return _showing(answer, issued)


@access.get("/v1/api-keys/{id:uuid}", **shows(schemas.ApiKey))
async def get_api_key(request: Request, actor: Actor = require("api_keys:read")) -> Response:
    """One API key, without its secret."""
    return await show(request, API_KEYS)


_ROTATES = changes(schemas.ApiKeyCreated, service.ApiKeyEnded, service.KeyOfAPerson, service.AnotherKey, status=201)


@access.post("/v1/api-keys/{id:uuid}/rotate", **_ROTATES)
async def rotate_api_key(
    request: Request, body: schemas.ApiKeyRotate, actor: Actor = require("api_keys:write")
) -> Response:
    """Replace the key of a program by a new one; the old one works for `overlap_hours` more. Raises `api-key-ended`.

    A person rotates the own key with itself alone: POST /v1/me/keys/{id}/rotate.
    """
    issued = service.Issued()
    answer = await commit(
        request,
        lambda write: service.rotate_api_key(write, request.path_params["id"], body, issued),
        status=201,
        location="/v1/api-keys/{key}",
    )
    return _showing(_forgetting(request, answer), issued)


@access.post("/v1/api-keys/{id:uuid}/revoke", **changes(schemas.ApiKey))
async def revoke_api_key(request: Request, actor: Actor = require("api_keys:write")) -> Response:
    """Revoke a key. It is refused at once by this worker, within five seconds by every other."""
    answer = await commit(request, lambda write: service.revoke_api_key(write, request.path_params["id"]))
    return _forgetting(request, answer)


@access.post(
    "/v1/api-keys/{id:uuid}/confirm",
    **changes(schemas.ApiKey, service.ApiKeyEnded, service.FingerprintDiffers, *MAKES_KEY_CONFIRMS.refusals),
)
async def confirm_api_key(
    request: Request, body: schemas.ApiKeyConfirm, actor: Actor = require("api_keys:write")
) -> Response:
    """Confirm the fingerprint of a key, as its holder tells it: the key then carries every role of its subject.

    Neither who made the key nor who holds it can. It takes effect within five seconds.
    """
    answer = await commit(
        request, lambda write: service.confirm_api_key(write, request.path_params["id"], body.fingerprint)
    )
    return _forgetting(request, answer)


@access.post(
    "/v1/enrolments",
    response_model=schemas.ApiKeyCreated,
    status_code=201,
    responses=responses(
        p.MalformedJson, p.UnsupportedMediaType, p.BodyTooLarge, p.RequestTimeout, p.ValidationFailed,
        p.DatabaseUnavailable, p.Busy, service.EnrolmentCodeInvalid, TooManyFailedCredentials,
    ),
)  # fmt: skip
async def create_enrolment(request: Request, body: schemas.EnrolmentCreate) -> Response:
    """Make the secret of a key by the code that an administrator handed over; it works once, and needs no key.

    The secret is in this answer and nowhere else. Tell a second administrator the fingerprint, where your role decides,
    pays or administers. An Idempotency-Key is not taken: nothing keeps the secret for a second answer.
    """
    read(request, {})
    issued, state = service.Issued(), request.state

    def reply(change: Change, seen: list[Seen]) -> Response:
        answer = answers.answer(request, change.listing, seen[0].body.encode(), seen[0].version, 201)
        answer.headers["Location"] = f"/v1/me/keys/{seen[0].key}"
        return answer

    try:
        answer = await run(
            state.sessions,
            System(),
            lambda write: service.enrol(write, body.code, issued),
            request_id=state.request_id,
            reply=reply,
        )
    except service.EnrolmentCodeInvalid:
        count_failure(request)
        raise
    assert isinstance(answer, Response)  # `reply` was given
    return _showing(answer, issued)


@access.get("/v1/me/keys", summary="List your own keys", **lists(API_KEYS))
async def list_own_keys(request: Request, actor: Actor = require("me:read")) -> Response:
    """The caller's own keys, without their secrets: also those that ended, and those that wait for a code."""
    return await page(request, API_KEYS, holder=actor.subject_id)


@access.get("/v1/me/keys/{id:uuid}", summary="Get one of your own keys", **shows(schemas.ApiKey))
async def get_own_key(request: Request, actor: Actor = require("me:read")) -> Response:
    """One of the caller's own keys, without its secret."""
    return await show(request, API_KEYS, holder=actor.subject_id)


@access.post("/v1/me/keys/{id:uuid}/rotate", summary="Replace your own key", **changes(
    schemas.ApiKeyCreated, service.ApiKeyEnded, service.AnotherKey, status=201
))  # fmt: skip
async def rotate_own_key(request: Request, body: schemas.ApiKeyRotate, actor: Actor = require("me:keys")) -> Response:
    """Replace the key that sends this request by a new one; the old one works for `overlap_hours` more.

    The new key carries the same, ends on the same day, and needs no other confirmation.
    """
    issued = service.Issued()
    answer = await commit(
        request,
        lambda write: service.rotate_api_key(write, request.path_params["id"], body, issued, actor.subject_id),
        status=201,
        location="/v1/me/keys/{key}",
    )
    return _showing(_forgetting(request, answer), issued)


@access.post("/v1/me/keys/{id:uuid}/revoke", summary="Revoke one of your own keys", **changes(schemas.ApiKey))
async def revoke_own_key(request: Request, actor: Actor = require("me:keys")) -> Response:
    """Revoke one of the caller's own keys, such as one that was lost. It is refused within five seconds everywhere."""
    answer = await commit(
        request, lambda write: service.revoke_api_key(write, request.path_params["id"], actor.subject_id)
    )
    return _forgetting(request, answer)


def _within(actor: Actor, permission: str) -> dict[str, list[str]]:
    """The scope of a read that a role in some territories alone narrows to them; nothing for a national role."""
    territories = actor.territories(permission)
    return {} if territories is None else {"within": territories}


def _forgetting(request: Request, answer: Response) -> Response:
    request.state.credentials.forget()
    return answer


def _showing(answer: Response, issued: service.Issued) -> Response:
    """Add what is shown once to the answer alone: what is stored for a replay, and a dry run, say null."""
    shown = issued if answer.status_code == 201 and "idempotency-replayed" not in answer.headers else service.Issued()
    answer.body = bytes(answer.body).rstrip()[:-1] + b"," + to_json(shown.shown())[1:] + b"\n"
    answer.headers["Content-Length"] = str(len(answer.body))
    return answer
