"""HTTP of access: who I am, organisations and their people, members, API keys."""

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from app.access import schemas, service
from app.access.gate import require
from app.access.queries import API_KEYS, MEMBERS, ORGANISATIONS, PERSONS, SERVICE_ACCOUNTS
from app.access.rules import NATIONAL, Actor, permissions_of
from app.core.db import raw_connection
from app.core.problems import AlreadyExists, ReferenceNotFound
from app.core.reading.answers import page, private, show
from app.core.reading.query import read
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.writes import commit

access = router("access")

_NAMES = """
SELECT s.name, o.name AS organisation_name, k.name AS key_name
FROM subjects s JOIN organisations o ON o.id = s.organisation_id JOIN api_keys k ON k.subject_id = s.id
WHERE s.id = $1 AND k.id = $2
"""


@access.get("/v1/me", **shows(schemas.Me))
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
        "roles": [{"role": grant.role, "territory": grant.territory} for grant in actor.grants],
        "permissions": sorted(permissions_of(actor.roles(None))),
        "territory_permissions": {slug: sorted(permissions_of(actor.roles(slug)) - NATIONAL) for slug in territories},
    }
    return private(body, cache_control="no-store")


@access.get("/v1/organisations", **lists(ORGANISATIONS))
async def list_organisations(request: Request, actor: Actor = require("organisations:read")) -> Response:
    """Organisations that take part in the programme."""
    return await page(request, ORGANISATIONS)


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
    return await show(request, ORGANISATIONS)


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
    **changes(schemas.Person, AlreadyExists, ReferenceNotFound),
)
async def update_person(
    request: Request, body: schemas.PersonUpdate, actor: Actor = require("organisations:write")
) -> Response:
    """Change a person's name or e-mail address, or the organisation that the person works for.

    With an e-mail address a person can validate, decide and pay; it takes effect within five seconds.
    """
    path = request.path_params
    answer = await commit(
        request, lambda write: service.update_person(write, path["organisation_id"], path["id"], body)
    )
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


@access.post("/v1/members", **changes(schemas.Member, AlreadyExists, ReferenceNotFound, status=201))
async def create_member(
    request: Request, body: schemas.MemberCreate, actor: Actor = require("members:write")
) -> Response:
    """Give a person or service account a role, in one territory or in all. It takes effect within five seconds."""
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


@access.patch("/v1/members/{id:uuid}", **changes(schemas.Member))
async def update_member(
    request: Request, body: schemas.MemberUpdate, actor: Actor = require("members:write")
) -> Response:
    """Set the last day of a role, or reopen the role (null). It takes effect within five seconds."""
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

    The secret is in this answer and nowhere else; a replayed answer has null instead.
    """
    key = service.new_key()
    answer = await commit(
        request,
        lambda write: service.create_api_key(write, body, key),
        status=201,
    )
    return _showing(answer, key)


@access.get("/v1/api-keys/{id:uuid}", **shows(schemas.ApiKey))
async def get_api_key(request: Request, actor: Actor = require("api_keys:read")) -> Response:
    """One API key, without its secret."""
    return await show(request, API_KEYS)


@access.post("/v1/api-keys/{id:uuid}/rotate", **changes(schemas.ApiKeyCreated, service.ApiKeyEnded, status=201))
async def rotate_api_key(
    request: Request, body: schemas.ApiKeyRotate, actor: Actor = require("api_keys:write")
) -> Response:
    """Replace a key by a new one; the old one works for `overlap_hours` more. Raises `api-key-ended`."""
    key = service.new_key()
    answer = await commit(
        request,
        lambda write: service.rotate_api_key(write, request.path_params["id"], body, key),
        status=201,
        location="/v1/api-keys/{key}",
    )
    return _showing(_forgetting(request, answer), key)


@access.post("/v1/api-keys/{id:uuid}/revoke", **changes(schemas.ApiKey))
async def revoke_api_key(request: Request, actor: Actor = require("api_keys:write")) -> Response:
    """Revoke a key. It is refused at once by this worker, within five seconds by every other."""
    answer = await commit(request, lambda write: service.revoke_api_key(write, request.path_params["id"]))
    return _forgetting(request, answer)


def _within(actor: Actor, permission: str) -> dict[str, list[str]]:
    """The scope of a read that a role in some territories alone narrows to them; nothing for a national role."""
    territories = actor.territories(permission)
    return {} if territories is None else {"within": territories}


def _forgetting(request: Request, answer: Response) -> Response:
    request.state.credentials.forget()
    return answer


def _showing(answer: Response, key: str) -> Response:
    """Add the secret to the answer alone: what is stored for a replay, and a dry run, say null."""
    shown = b"null" if answer.status_code != 201 or "idempotency-replayed" in answer.headers else to_json(key)
    answer.body = bytes(answer.body).rstrip()[:-1] + b',"key":' + shown + b"}\n"
    answer.headers["Content-Length"] = str(len(answer.body))
    answer.headers["Cache-Control"] = "no-store"
    return answer
