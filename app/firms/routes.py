"""HTTP of firms: the register with what belongs to a firm, and the firms of a territory with their stages."""

from typing import Any

from starlette.convertors import register_url_convertor
from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.core.db import fetchrow
from app.core.faults import FieldError
from app.core.problems import AlreadyExists, ReferenceNotFound
from app.core.reading.answers import page, private, show
from app.core.reading.negotiation import language_of
from app.core.reading.query import read
from app.core.reading.two_times import TWO_TIMES, both_times
from app.core.serving.operations import PathText, changes, describe, lists, shows
from app.core.serving.routing import router
from app.core.values import INVALID_SIREN, INVALID_SIRET, is_siren, is_siret
from app.core.writing.writes import commit
from app.firms import schemas, service
from app.firms.directory import DirectoryInvalid, DirectoryUnavailable, FirmUnknownToDirectory
from app.firms.queries import (
    ACCOUNTS,
    ACTIVITIES,
    FIRMS,
    NOTES,
    OWNERS,
    PROCEEDINGS,
    SEATS,
    SITES,
    STAGE_CHANGES,
    TERRITORY_FIRMS,
    funnel,
)
from app.firms.rules import StageNotReachable, StageReserved
from app.programme.routes import T

SIREN = PathText("[0-9]{9}", INVALID_SIREN, is_siren)
SIRET = PathText("[0-9]{14}", INVALID_SIRET, is_siret)
register_url_convertor("siren", SIREN)
register_url_convertor("siret", SIRET)
describe(
    "siren",
    "The SIREN of the firm: nine digits, the last of which is their Luhn key.",
    SIREN.schema,
    "910000017",
    of="firm",
)
describe(
    "siret",
    "The SIRET of the site: the SIREN of its firm, then five digits.",
    SIRET.schema,
    "91000001700012",
    of="site",
)

FIRM = "/v1/firms/{siren:siren}"
HERE = T + "/firms/{siren:siren}"

firms = router("firms")


@firms.get("/v1/firms", **lists(FIRMS))
async def list_firms(request: Request, actor: Actor = require("firms:read")) -> Response:
    """Firms of the register: public facts that all territories share, without who follows which firm.

    `q` finds «Société mécanique cévenole» by «mecanique cevenol»; sole traders are found by their trade name alone.
    """
    return await page(request, FIRMS, **_following(actor))


@firms.post("/v1/firms", **changes(schemas.Firm, AlreadyExists, service.CeasedOnOfAnActiveFirm, status=201))
async def create_firm(request: Request, body: schemas.FirmCreate, actor: Actor = require("firms:register")) -> Response:
    """Register a firm by its SIREN, with facts read in a document. Raises `already-exists`."""
    return await commit(request, lambda write: service.create_firm(write, body), status=201)


@firms.get(FIRM, **shows(schemas.Firm))
async def get_firm(request: Request, actor: Actor = require("firms:read")) -> Response:
    """One firm of the register by its SIREN."""
    return await show(request, FIRMS, **_following(actor))


@firms.put(FIRM, **changes(schemas.Firm, service.CeasedOnOfAnActiveFirm, service.FirmChangeReserved, may_create=True))
async def put_firm(request: Request, body: schemas.FirmPut, actor: Actor = require("firms:register")) -> Response:
    """Set all public facts of the firm with this SIREN: 201 for a new firm, 200 where they are replaced.

    A consultancy registers new firms, and leaves those that are there as they are. Raises `firm-change-reserved`.
    """
    new_only = not actor.may("firms:write", None)
    return await commit(
        request, lambda write: service.put_firm(write, request.path_params["siren"], body, new_only=new_only)
    )


@firms.patch(FIRM, **changes(schemas.Firm, service.NafCodeWithoutVersion, service.CeasedOnOfAnActiveFirm))
async def update_firm(request: Request, body: schemas.FirmUpdate, actor: Actor = require("firms:write")) -> Response:
    """Change some public facts of a firm. Raises `naf-code-without-version`, `ceased-on-of-an-active-firm`."""
    return await commit(request, lambda write: service.update_firm(write, request.path_params["siren"], body))


@firms.post(
    FIRM + "/refresh",
    **changes(schemas.RefreshedFirm, FirmUnknownToDirectory, DirectoryUnavailable, DirectoryInvalid, may_create=True),
)
async def refresh_firm(request: Request, actor: Actor = require("firms:write")) -> Response:
    """Copy a firm from the public directory (API Recherche d'entreprises) into the register: 201 for a new firm.

    The copy has the facts, activities in both nomenclatures, sites, the seat, and an insolvency proceeding. Facts that
    have not changed are not written. A fact that the directory does not say or that cannot be read costs that fact
    alone: `advisories` names it. Raises `firm-unknown-to-directory`, `directory-unavailable`, `directory-invalid`.
    """
    record = await request.state.directory.find(request.path_params["siren"])
    language = language_of(request, request.state.default_language)
    return await commit(
        request,
        lambda write: service.refresh_firm(write, record),
        location="/v1/firms/{key}",
        beside=lambda: {"advisories": [_advisory(fact, language) for fact in record.told[:100]]},
    )


def _following(actor: Actor) -> dict[str, Any]:
    """The scope of the register: for which territories the caller sees since when a firm is there, and who says so."""
    return {"following": actor.territories(service.FOLLOWS), "declarer": actor.organisation_id}


def _advisory(fact: FieldError, language: str) -> dict[str, str]:
    told = fact.public(language)
    return {name: told[name] for name in ("pointer", "code", "detail")}


@firms.get(FIRM + "/owner", **shows(schemas.FirmOwner))
async def get_firm_owner(request: Request, actor: Actor = require("firm_owners:read")) -> Response:
    """The name of a sole trader: personal data, for who follows the firm."""
    return await show(request, OWNERS, following=actor.territories("firm_owners:read"))


@firms.put(FIRM + "/owner", **changes(schemas.FirmOwner, service.OwnerOfACompany, may_create=True))
async def put_firm_owner(
    request: Request, body: schemas.FirmOwnerPut, actor: Actor = require("firm_owners:write")
) -> Response:
    """Set the name of a sole trader, which no event shows. Raises `owner-of-a-company`."""
    return await commit(request, lambda write: service.put_owner(write, request.path_params["siren"], body))


@firms.get(FIRM + "/activities", **lists(ACTIVITIES))
async def list_firm_activities(request: Request, actor: Actor = require("firms:read")) -> Response:
    """Activity codes of a firm in NAF rev. 2 and NAF 2025, with the days between which each is in force.

    Who does not follow the firm sees the codes that have no end, without their days.
    """
    return await page(request, ACTIVITIES, **_following(actor))


@firms.post(FIRM + "/activities", **changes(schemas.Activity, service.TwoActivitiesAtOnce, status=201))
async def create_firm_activity(
    request: Request, body: schemas.ActivityCreate, actor: Actor = require("firms:write")
) -> Response:
    """Record an activity code from a day on; in its nomenclature it ends the code in force, the day before."""
    siren = request.path_params["siren"]
    return await commit(
        request,
        lambda write: service.create_activity(write, siren, body),
        status=201,
        location=f"/v1/firms/{siren}/activities",
    )


@firms.get(FIRM + "/sites", **lists(SITES))
async def list_sites(request: Request, actor: Actor = require("firms:read")) -> Response:
    """Sites of a firm, the closed ones included."""
    return await page(request, SITES, **_following(actor))


@firms.get(FIRM + "/sites/{siret:siret}", **shows(schemas.Site))
async def get_site(request: Request, actor: Actor = require("firms:read")) -> Response:
    """One site of a firm by its SIRET."""
    return await show(request, SITES, **_following(actor))


@firms.put(
    FIRM + "/sites/{siret:siret}",
    **changes(
        schemas.Site, service.SiretOfAnotherFirm, service.ClosedOnOfAnOpenSite, service.SiteClosesBeforeItOpens,
        service.NafCodeWithoutVersion, may_create=True,
    ),
)  # fmt: skip
async def put_site(request: Request, body: schemas.SitePut, actor: Actor = require("firms:write")) -> Response:
    """Set all facts of the site with this SIRET. With `seat_from_on` the firm's seat moves to it.

    Raises `siret-of-another-firm`, `closed-on-of-an-open-site`, `site-closes-before-it-opens`.
    """
    path = request.path_params
    return await commit(request, lambda write: service.put_site(write, path["siren"], path["siret"], body))


@firms.get(FIRM + "/seats", **lists(SEATS))
async def list_seats(request: Request, actor: Actor = require("firms:read")) -> Response:
    """Moves of a firm: which site was its seat, and from which day."""
    return await page(request, SEATS, **_following(actor))


@firms.get(FIRM + "/proceedings", **lists(PROCEEDINGS))
async def list_proceedings(request: Request, actor: Actor = require("firms:read")) -> Response:
    """Insolvency proceedings of a firm: sauvegarde, redressement, liquidation judiciaire."""
    return await page(request, PROCEEDINGS, **_following(actor))


@firms.post(
    FIRM + "/proceedings",
    **changes(schemas.Proceeding, AlreadyExists, *service.OF_A_PROCEEDING, status=201),
)
async def create_proceeding(
    request: Request, body: schemas.ProceedingCreate, actor: Actor = require("firms:write")
) -> Response:
    """Record an insolvency proceeding by its opening judgment. Raises `already-exists`."""
    siren = request.path_params["siren"]
    return await commit(
        request,
        lambda write: service.create_proceeding(write, siren, body),
        status=201,
    )


@firms.get(FIRM + "/proceedings/{id:uuid}", **shows(schemas.Proceeding))
async def get_proceeding(request: Request, actor: Actor = require("firms:read")) -> Response:
    """One insolvency proceeding of a firm."""
    return await show(request, PROCEEDINGS, **_following(actor))


@firms.patch(FIRM + "/proceedings/{id:uuid}", **changes(schemas.Proceeding, AlreadyExists, *service.OF_A_PROCEEDING))
async def update_proceeding(
    request: Request, body: schemas.ProceedingUpdate, actor: Actor = require("firms:write")
) -> Response:
    """Record the notice or the end of a proceeding, or correct its judgment. Raises `already-exists`."""
    path = request.path_params
    return await commit(request, lambda write: service.update_proceeding(write, path["siren"], path["id"], body))


# --- a firm in a territory -------------------------------------------------------------------------------------------


@firms.get(T + "/firms", **lists(TERRITORY_FIRMS))
async def list_territory_firms(request: Request, actor: Actor = require("territory_firms:read")) -> Response:
    """Firms that this territory follows, with the stage of each."""
    return await page(request, TERRITORY_FIRMS)


@firms.get(T + "/firms/funnel", **shows(schemas.Funnel, parameters=TWO_TIMES))
async def get_funnel(request: Request, actor: Actor = require("territory_firms:read")) -> Response:
    """Number of firms at each stage on a day, how many were solicited and met, and the response rate.

    `as_of` counts what holds on a day, as it is known now; `recorded_as_of` limits it to what was known at the end of a
    past day.
    """
    bound = {**request.path_params, **both_times(read(request, TWO_TIMES))}
    row = await fetchrow(request.state.engine, funnel(bound["known_before"] is not None), bound)
    return private(row["body"])


@firms.get(HERE, **shows(schemas.TerritoryFirm))
async def get_territory_firm(request: Request, actor: Actor = require("territory_firms:read")) -> Response:
    """One firm as this territory knows it."""
    return await show(request, TERRITORY_FIRMS)


@firms.put(
    HERE,
    **changes(
        schemas.TerritoryFirm, ReferenceNotFound, StageNotReachable, service.FirmHasAward, StageReserved,
        may_create=True,
    ),
)  # fmt: skip
async def put_territory_firm(
    request: Request, body: schemas.TerritoryFirmPut, actor: Actor = require("territory_firms:identify")
) -> Response:
    """Record the stage of a firm in this territory: 201 the first time, 200 after; the history keeps every passage.

    A consultancy records a firm that the territory does not follow yet, at the stage `identified`. Raises
    `reference-not-found` where the register has no such SIREN, `stage-not-reachable`, `firm-has-award`,
    `stage-reserved`.
    """
    path = request.path_params
    new_only = not actor.may("territory_firms:write", path["territory"])
    return await commit(
        request,
        lambda write: service.put_territory_firm(write, path["territory"], path["siren"], body, new_only=new_only),
    )


@firms.patch(HERE, **changes(schemas.TerritoryFirm, AlreadyExists, service.EuSizeWithoutEvidence))
async def update_territory_firm(
    request: Request, body: schemas.TerritoryFirmUpdate, actor: Actor = require("territory_firms:write")
) -> Response:
    """Set a firm's size in Union law with its evidence, or its identifier in another system.

    Raises `eu-size-without-evidence`, `already-exists`.
    """
    path = request.path_params
    return await commit(
        request, lambda write: service.update_territory_firm(write, path["territory"], path["siren"], body)
    )


@firms.get(HERE + "/stages", **lists(STAGE_CHANGES))
async def list_stage_changes(request: Request, actor: Actor = require("territory_firms:read")) -> Response:
    """Passages of a firm from stage to stage in this territory, oldest first."""
    return await page(request, STAGE_CHANGES)


@firms.get(HERE + "/accounts", **lists(ACCOUNTS))
async def list_firm_accounts(request: Request, actor: Actor = require("territory_firms:read")) -> Response:
    """Turnover, balance sheet total and headcount of a firm by year, as this territory knows them."""
    return await page(request, ACCOUNTS)


@firms.get(HERE + "/accounts/{year:year}", **shows(schemas.Accounts))
async def get_firm_accounts(request: Request, actor: Actor = require("territory_firms:read")) -> Response:
    """Turnover, balance sheet total and headcount of a firm in one year, as this territory knows them."""
    return await show(request, ACCOUNTS)


@firms.put(HERE + "/accounts/{year:year}", **changes(schemas.Accounts, may_create=True))
async def put_firm_accounts(
    request: Request, body: schemas.AccountsPut, actor: Actor = require("territory_firms:write")
) -> Response:
    """Set the figures of a year of a firm, with the document that proves them."""
    path = request.path_params
    return await commit(
        request, lambda write: service.put_accounts(write, path["territory"], path["siren"], path["year"], body)
    )


@firms.get(HERE + "/note", **shows(schemas.FirmNote))
async def get_firm_note(request: Request, actor: Actor = require("firm_notes:read")) -> Response:
    """The confidential note of this territory about a firm."""
    return await show(request, NOTES)


@firms.put(HERE + "/note", **changes(schemas.FirmNote, may_create=True))
async def put_firm_note(
    request: Request, body: schemas.NotePut, actor: Actor = require("firm_notes:write")
) -> Response:
    """Set the confidential note of this territory about a firm; no event shows it."""
    path = request.path_params
    return await commit(request, lambda write: service.put_note(write, path["territory"], path["siren"], body))
