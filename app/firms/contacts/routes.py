"""HTTP of contacts: the persons of a territory's firms, and their erasure."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.core.problems import AlreadyExists, ReferenceNotFound
from app.core.reading.answers import page, show
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.writes import commit
from app.firms.contacts import schemas, service
from app.firms.contacts.queries import CONTACTS
from app.programme.routes import T

contacts = router("firms")

CONTACT = T + "/contacts/{id:uuid}"


@contacts.get(T + "/contacts", **lists(CONTACTS))
async def list_contacts(request: Request, actor: Actor = require("contacts:read")) -> Response:
    """Persons of the firms that this territory follows; personal data."""
    return await page(request, CONTACTS)


@contacts.post(T + "/contacts", **changes(schemas.Contact, AlreadyExists, ReferenceNotFound, status=201))
async def create_contact(
    request: Request, body: schemas.ContactCreate, actor: Actor = require("contacts:write")
) -> Response:
    """Record a person of a firm, with the purpose, the legal basis and the day until which the data is kept."""
    territory = request.path_params["territory"]
    return await commit(
        request,
        lambda write: service.create_contact(write, territory, body),
        status=201,
        location=service.ADDRESS.format(territory=territory, key="{key}"),
    )


@contacts.get(CONTACT, **shows(schemas.Contact))
async def get_contact(request: Request, actor: Actor = require("contacts:read")) -> Response:
    """One person of a firm; personal data."""
    return await show(request, CONTACTS)


@contacts.patch(CONTACT, **changes(schemas.Contact, service.ContactGone, AlreadyExists))
async def update_contact(
    request: Request, body: schemas.ContactUpdate, actor: Actor = require("contacts:write")
) -> Response:
    """Correct a person's data (GDPR art. 16), or change why or until when it is kept."""
    path = request.path_params
    return await commit(request, lambda write: service.update_contact(write, path["territory"], path["id"], body))


@contacts.post(CONTACT + "/erase", **changes(schemas.Contact))
async def erase_contact(request: Request, actor: Actor = require("contacts:write")) -> Response:
    """Erase a person's data for good (GDPR art. 17).

    The contact stays without a person, so that the auditions in which the person took part still count it.
    """
    path = request.path_params
    return await commit(request, lambda write: service.erase_contact(write, path["territory"], path["id"]))
