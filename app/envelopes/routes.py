"""HTTP of the envelope: the figures as of a day, contributions, the statement."""

from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import BY_A_PERSON, Actor
from app.core.db import fetchrow
from app.core.problems import AlreadyExists, IfMatchMissing, ReferenceNotFound
from app.core.reading.answers import FORMS_VARY, form_wanted, page, private, show
from app.core.reading.exports import held
from app.core.reading.listing import FORMS_OF_TABLES
from app.core.reading.query import read
from app.core.reading.tabular import FORMS
from app.core.reading.two_times import TWO_TIMES, both_times
from app.core.serving.operations import OTHER_FORMS, changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.idempotency import IdempotencyKeyMissing
from app.core.writing.writes import commit
from app.envelopes import schemas, service
from app.envelopes.ledger import AlreadyReversed, EnvelopeExhausted
from app.envelopes.queries import CONTRIBUTIONS, ENTRIES, envelope
from app.programme.routes import T

envelopes = router("envelopes")


@envelopes.get(
    T + "/envelope",
    **shows(schemas.Envelope, parameters={**FORMS_OF_TABLES, **TWO_TIMES}, forms=OTHER_FORMS["content"]),
)
async def get_envelope(request: Request, actor: Actor = require("envelopes:read")) -> Response:
    """Figures of the envelope on a day: contributed, available, committed, paid, released, repaid; also by contributor.

    `as_of` is what counts by a day, as known now; `recorded_as_of` is how it was known at the end of a past day. Tables
    have a line for each contributor.
    """
    query = read(request, {**FORMS_OF_TABLES, **TWO_TIMES})
    form, bound = form_wanted(request, query), {**request.path_params, **both_times(query)}
    row = await fetchrow(request.state.engine, envelope(bound["known_before"] is not None), bound)
    if form != "json":
        return held(request, FORMS[form], schemas.ContributorAmounts, from_json(row["body"])["by_contributor"])
    return private(row["body"], vary=FORMS_VARY)


@envelopes.get(T + "/envelope/contributions", **lists(CONTRIBUTIONS))
async def list_contributions(request: Request, actor: Actor = require("envelopes:read")) -> Response:
    """Contributions to the envelope."""
    return await page(request, CONTRIBUTIONS)


@envelopes.post(
    T + "/envelope/contributions",
    **changes(schemas.Contribution, AlreadyExists, ReferenceNotFound, IdempotencyKeyMissing, *BY_A_PERSON, status=201),
)
async def create_contribution(
    request: Request, body: schemas.ContributionCreate, actor: Actor = require("envelopes:write")
) -> Response:
    """Record a contribution to the envelope, as a person. An Idempotency-Key is required."""
    territory = request.path_params["territory"]
    return await commit(
        request,
        lambda write: service.create_contribution(write, territory, body),
        status=201,
        idempotency_required=True,
    )


@envelopes.get(T + "/envelope/contributions/{id:uuid}", **shows(schemas.Contribution))
async def get_contribution(request: Request, actor: Actor = require("envelopes:read")) -> Response:
    """One contribution to the envelope."""
    return await show(request, CONTRIBUTIONS)


@envelopes.post(
    T + "/envelope/contributions/{id:uuid}/reverse",
    **changes(schemas.Contribution, AlreadyReversed, EnvelopeExhausted, *BY_A_PERSON, IfMatchMissing),
)
async def reverse_contribution(
    request: Request, body: schemas.Reversal, actor: Actor = require("envelopes:write")
) -> Response:
    """Reverse a mistaken contribution, giving a reason; If-Match is required. Spent money cannot be taken back."""
    path = request.path_params
    return await commit(request, lambda write: service.reverse_contribution(write, path["territory"], path["id"], body))


@envelopes.get(T + "/envelope/entries", **lists(ENTRIES))
async def list_ledger_entries(request: Request, actor: Actor = require("envelopes:read")) -> Response:
    """Movements of the envelope's ledger, in the order of their recording, each with both balances after it."""
    return await page(request, ENTRIES)
