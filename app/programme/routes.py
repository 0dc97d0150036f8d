"""HTTP of the programme: waves, territories, perimeters."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.core.problems import AlreadyExists, ReferenceNotFound
from app.core.reading.answers import page, show
from app.core.serving.operations import SLUG, YEAR, changes, describe, lists, shows
from app.core.serving.routing import router
from app.core.writing.writes import commit
from app.programme import schemas, service
from app.programme.queries import PERIMETERS, TERRITORIES, WAVES

programme = router("programme")

EPCI = (service.LeadNotAmongEpci, service.EpciOfAnotherTerritory)
T = "/v1/territories/{territory:slug}"  # the address below which everything of a territory lives
describe("territory", "The slug of the territory.", SLUG.schema, "ales")
describe("vintage", "The year of the official geographic code.", YEAR, 2023)


@programme.get("/v1/waves", **lists(WAVES))
async def list_waves(request: Request, actor: Actor = require("programme:read")) -> Response:
    """Rounds of the call, with the days between which basins could apply."""
    return await page(request, WAVES)


@programme.post("/v1/waves", **changes(schemas.Wave, AlreadyExists, status=201))
async def create_wave(
    request: Request, body: schemas.WaveCreate, actor: Actor = require("programme:write")
) -> Response:
    """Record a round of the call under its number. Raises `already-exists` where the number is taken."""
    return await commit(request, lambda write: service.create_wave(write, body), status=201)


@programme.get("/v1/waves/{id:uuid}", **shows(schemas.Wave))
async def get_wave(request: Request, actor: Actor = require("programme:read")) -> Response:
    """One round of the call."""
    return await show(request, WAVES)


@programme.patch("/v1/waves/{id:uuid}", **changes(schemas.Wave, service.WavePeriod))
async def update_wave(
    request: Request, body: schemas.WaveUpdate, actor: Actor = require("programme:write")
) -> Response:
    """Change the name or the days of a round; its number stays."""
    return await commit(request, lambda write: service.update_wave(write, request.path_params["id"], body))


@programme.get("/v1/territories", **lists(TERRITORIES))
async def list_territories(request: Request, actor: Actor = require("programme:read")) -> Response:
    """Territories that the caller may see: all of them, or those of the caller's roles."""
    visible = actor.territories("programme:read")
    return await page(request, TERRITORIES, **({} if visible is None else {"visible": visible}))


@programme.post(
    "/v1/territories",
    **changes(schemas.Territory, AlreadyExists, ReferenceNotFound, *EPCI, status=201),
)
async def create_territory(
    request: Request, body: schemas.TerritoryCreate, actor: Actor = require("programme:write")
) -> Response:
    """Register a territory of a wave, under a slug that never changes.

    Raises `already-exists`, `reference-not-found` (the wave), `lead-not-among-epci`, `epci-of-another-territory`.
    """
    return await commit(
        request,
        lambda write: service.create_territory(write, body),
        status=201,
    )


@programme.get(T, **shows(schemas.Territory))
async def get_territory(request: Request, actor: Actor = require("programme:read")) -> Response:
    """One territory by its slug."""
    return await show(request, TERRITORIES)


@programme.patch(T, **changes(schemas.Territory, ReferenceNotFound, *EPCI, service.AwardsWithoutProject))
async def update_territory(
    request: Request, body: schemas.TerritoryUpdate, actor: Actor = require("programme:write")
) -> Response:
    """Change the name, wave, EPCI or state of a territory; its slug stays.

    Raises `lead-not-among-epci`, `epci-of-another-territory`.
    """
    return await commit(request, lambda write: service.update_territory(write, request.path_params["territory"], body))


@programme.get(T + "/perimeter", **lists(PERIMETERS))
async def list_perimeters(request: Request, actor: Actor = require("programme:read")) -> Response:
    """Perimeters of the territory, one for each vintage; `in_force_on` finds the one of a day."""
    return await page(request, PERIMETERS)


@programme.get(T + "/perimeter/{vintage:year}", **shows(schemas.Perimeter))
async def get_perimeter(request: Request, actor: Actor = require("programme:read")) -> Response:
    """The communes of one vintage, in force from 1 January of that year."""
    return await show(request, PERIMETERS)


@programme.put(T + "/perimeter/{vintage:year}", **changes(schemas.Perimeter, service.CommuneInUse, may_create=True))
async def put_perimeter(
    request: Request, body: schemas.PerimeterPut, actor: Actor = require("programme:write")
) -> Response:
    """Set the whole list of communes of one vintage: 201 for a new vintage, 200 where it is replaced.

    Communes can be added; one by which a project was admitted in this vintage stays: `commune-in-use`.
    """
    path = request.path_params
    territory, vintage = path["territory"], path["vintage"]
    return await commit(
        request,
        lambda write: service.put_perimeter(write, territory, vintage, body),
        explain=service.explain_perimeter(territory, vintage, body.communes),
    )
