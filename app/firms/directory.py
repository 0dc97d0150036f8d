"""The public directory of firms: the client of the *API Recherche d'entreprises* (recherche-entreprises.api.gouv.fr).

No key, at most 7 requests/s from one address, 429 with Retry-After beyond. It shows no firm that has opposed all
diffusion, and masks what partial diffusion hides. What it answers is read as a stranger's: bounded, unknown fields
passed over, a wrong type refused. Nothing here knows the database; it is asked before a transaction begins.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date
from email.utils import parsedate_to_datetime
from typing import Annotated, Any

import httpx2
import structlog
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from app import __version__
from app.core import clock
from app.core.problems import Problem
from app.core.values import Day, InseeCode, LegalFormCode, Line, NafCode, Siret
from app.firms.models import HEADCOUNT_BRACKETS, Diffusion, InseeCategory, NafVersion, ProceedingKind

REQUESTS_PER_SECOND = 7
PATIENCE = 3.0  # seconds that one call waits for its turn, or for the directory's own Retry-After
TIME_LIMIT = 10.0  # seconds for a whole answer, however slowly it drips
MAX_BYTES = 1_000_000
LONGEST_PAUSE = 3600.0
MASKED = "[NON-DIFFUSIBLE]"
REFERENCE = "API Recherche d'entreprises"

log = structlog.get_logger("rebond")


class DirectoryUnavailable(Problem):
    """The public directory of firms does not answer."""

    status = 503
    title_fr = "L'annuaire public des entreprises ne répond pas."
    cure = "Nothing was changed. Try again after Retry-After, or enter the facts by hand."
    cure_fr = "Rien n'a été modifié. Réessayez après Retry-After, ou saisissez les informations."
    retry_after = 30


class DirectoryInvalid(Problem):
    """The public directory of firms sent an answer that cannot be read."""

    status = 502
    title_fr = "L'annuaire public des entreprises a envoyé une réponse illisible."
    cure = "Nothing was changed. Report the request_id; meanwhile enter the facts by hand."
    cure_fr = "Rien n'a été modifié. Signalez le request_id ; en attendant, saisissez les informations."


class FirmUnknownToDirectory(Problem):
    """The public directory does not know a firm with this SIREN, or is not allowed to show it."""

    status = 404
    title_fr = "L'annuaire public ne connaît pas d'entreprise de ce SIREN, ou n'a pas le droit de la montrer."
    cure = "Check the SIREN. Enter by hand a firm that has opposed the publication of its data."
    cure_fr = "Vérifiez le SIREN. Saisissez à la main une entreprise qui s'oppose à la diffusion de ses données."


# --- what the directory says -----------------------------------------------------------------------------------------


def _unmasked(value: Any) -> Any:
    """What partial diffusion hides, and empty text, are as good as absent."""
    return None if isinstance(value, str) and value.strip() in ("", MASKED) else value


def _code(known: tuple[str, ...]) -> BeforeValidator:
    """One of the codes we know; a later one of INSEE's is passed over."""
    return BeforeValidator(lambda value: value if value in known else None)


def _cut(value: Any) -> Any:
    """One line of at most 200 characters: enseignes and addresses may be longer."""
    value = _unmasked(value)
    return " ".join(value.split())[:200].strip() if isinstance(value, str) else value


Name = Annotated[Line | None, BeforeValidator(_cut)]
Maybe = BeforeValidator(_unmasked)


class _Said(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Site(_Said):
    siret: Siret
    commune: Annotated[InseeCode | None, Maybe] = None
    libelle_commune: Name = None
    adresse: Name = None
    activite_principale: Annotated[NafCode | None, Maybe] = None
    date_creation: Annotated[Day | None, Maybe] = None
    date_fermeture: Annotated[Day | None, Maybe] = None
    etat_administratif: Annotated[str | None, Field(strict=True)] = None
    nom_commercial: Name = None
    liste_enseignes: list[Name] | None = None


class _Complements(_Said):
    est_entrepreneur_individuel: Annotated[bool | None, Field(strict=True)] = None


class _Bodacc(_Said):
    procedure_collective_nature: Annotated[str | None, Maybe] = None
    procedure_collective_date_jugement: Annotated[Day | None, Maybe] = None
    procedure_collective_date: Annotated[Day | None, Maybe] = None


class _Firm(_Said):
    siren: Annotated[str, Field(strict=True)]
    nom_complet: Name = None
    nom_raison_sociale: Name = None
    sigle: Name = None
    siege: _Site | None = None
    matching_etablissements: list[_Site] | None = None
    activite_principale: Annotated[NafCode | None, Maybe] = None
    activite_principale_naf25: Annotated[NafCode | None, Maybe] = None  # withdrawn on 1 January 2027
    nature_juridique: Annotated[LegalFormCode | None, Maybe] = None
    tranche_effectif_salarie: Annotated[str | None, _code(HEADCOUNT_BRACKETS)] = None
    annee_tranche_effectif_salarie: Annotated[int | None, Maybe, Field(ge=1900, le=2199)] = None
    categorie_entreprise: Annotated[str | None, _code(("PME", "ETI", "GE"))] = None
    annee_categorie_entreprise: Annotated[int | None, Maybe, Field(ge=1900, le=2199)] = None
    etat_administratif: Annotated[str | None, Field(strict=True)] = None
    date_creation: Annotated[Day | None, Maybe] = None
    date_fermeture: Annotated[Day | None, Maybe] = None
    statut_diffusion: Annotated[str | None, Field(strict=True)] = None
    complements: _Complements | None = None
    bodacc: _Bodacc | None = None


class _Answer(_Said):
    results: list[_Firm]


_ANSWER = TypeAdapter(_Answer)


@dataclass(frozen=True)
class Record:
    """What the directory says of a firm, in our words: rows of the register."""

    siren: str
    facts: dict[str, Any]
    activities: list[tuple[str, str]]
    sites: list[dict[str, Any]] = field(default_factory=list)
    seat_siret: str | None = None
    owner: str | None = None
    proceeding: tuple[ProceedingKind, date] | None = None


def record_of(said: _Firm) -> Record:
    """The register's rows. The name of a sole trader never becomes the firm's name."""
    sole_trader = bool(said.complements and said.complements.est_entrepreneur_individuel)
    partial = said.statut_diffusion == "P"
    sites = {
        site.siret: site for site in [*(said.matching_etablissements or ()), *([said.siege] if said.siege else ())]
    }
    trade_names = _trade_names(said, [said.siege] if said.siege else [])
    legal_name = said.nom_raison_sociale or said.nom_complet
    name = (trade_names[0] if trade_names else None) if sole_trader else legal_name
    facts = {
        "name": name or neutral_name(said.siren),
        "trade_names": trade_names,
        "acronym": said.sigle,
        "naf_code": said.activite_principale,
        "naf_version": NafVersion.REV_2.value if said.activite_principale else None,
        "legal_form_code": said.nature_juridique,
        "headcount_bracket": said.tranche_effectif_salarie,
        "headcount_year": said.annee_tranche_effectif_salarie,
        "insee_category": InseeCategory(said.categorie_entreprise.lower()).value if said.categorie_entreprise else None,
        "insee_category_year": said.annee_categorie_entreprise,
        "founded_on": said.date_creation,
        "ceased": said.etat_administratif == "C",
        "ceased_on": said.date_fermeture if said.etat_administratif == "C" else None,
        "diffusion": (Diffusion.PARTIAL if partial else Diffusion.FULL).value,
        "sole_trader": sole_trader,
        "source_reference": REFERENCE,
    }
    codes = [(said.activite_principale, NafVersion.REV_2), (said.activite_principale_naf25, NafVersion.NAF_2025)]
    return Record(
        siren=said.siren,
        facts=facts,
        activities=[(code, version.value) for code, version in codes if code],
        sites=[_site(site) for _, site in sorted(sites.items()) if site.siret.startswith(said.siren)],
        seat_siret=said.siege.siret if said.siege and said.siege.siret.startswith(said.siren) else None,
        owner=said.nom_complet.partition("(")[0].strip() if sole_trader and said.nom_complet else None,
        proceeding=_proceeding(said.bodacc),
    )


def neutral_name(siren: str) -> str:
    """What a firm is called whose only name is a person's, or hidden."""
    return f"Entreprise {siren[:3]} {siren[3:6]} {siren[6:]}"


def _trade_names(said: _Firm, sites: list[_Site]) -> list[str]:
    given = [name for site in sites for name in (site.nom_commercial, *(site.liste_enseignes or ()))]
    known = {said.nom_raison_sociale, said.nom_complet}
    return list(dict.fromkeys(name for name in given if name and name not in known))[:20]


def _site(said: _Site) -> dict[str, Any]:
    closed = said.etat_administratif == "F"
    return {
        "siret": said.siret,
        "name": said.nom_commercial,
        "insee_code": said.commune,
        "commune_name": said.libelle_commune,
        "address": said.adresse,
        "naf_code": said.activite_principale,
        "naf_version": NafVersion.REV_2.value if said.activite_principale else None,
        "opened_on": said.date_creation,
        "closed": closed,
        "closed_on": said.date_fermeture if closed else None,
        "source_reference": REFERENCE,
    }


def _proceeding(said: _Bodacc | None) -> tuple[ProceedingKind, date] | None:
    opened_on = said and (said.procedure_collective_date_jugement or said.procedure_collective_date)
    nature = (said.procedure_collective_nature or "").lower() if said else ""
    words = {"sauvegarde": ProceedingKind.SAFEGUARD, "redressement": ProceedingKind.REORGANISATION,
             "liquidation": ProceedingKind.LIQUIDATION}  # fmt: skip
    kind = next((kind for word, kind in words.items() if word in nature), None)
    return (kind, opened_on) if kind and opened_on else None


# --- asking it -------------------------------------------------------------------------------------------------------


class Turns:
    """Turns at an even pace, so many a second.

    A caller who would wait longer than `PATIENCE` is refused, with the time to wait. `pause` refuses
    everybody for a while, as the directory asks with Retry-After.
    """

    def __init__(
        self,
        per_second: float,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._gap = 1 / per_second
        self._now = now
        self._sleep = sleep
        self._next = 0.0

    async def take(self) -> None:
        """Wait for the next turn. Raises `DirectoryUnavailable` where it is too far off."""
        now = self._now()
        turn = max(now, self._next)
        if turn - now > PATIENCE:
            raise unavailable(turn - now)
        self._next = turn + self._gap
        if turn > now:
            await self._sleep(turn - now)

    def pause(self, seconds: float) -> None:
        self._next = max(self._next, self._now() + min(seconds, LONGEST_PAUSE))


def unavailable(seconds: float) -> DirectoryUnavailable:
    """The refusal with the whole seconds after which to try again."""
    return DirectoryUnavailable(headers={"Retry-After": str(max(1, int(seconds) + 1))})


def retry_after(value: str | None) -> float:
    """The seconds that a Retry-After header asks for (RFC 9110 §10.2.3), a second where it asks for nothing legible."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_PAUSE)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return 1.0
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max((until - clock.now()).total_seconds(), 0.0), LONGEST_PAUSE)


class Directory:
    """The client, one per process. `share` is the number of processes that share the address and its 7 requests/s."""

    def __init__(self, url: str, *, share: int = 1, turns: Turns | None = None) -> None:
        self._url = url.rstrip("/")
        self._turns = turns or Turns(REQUESTS_PER_SECOND / share)
        self._client: httpx2.AsyncClient | None = None

    def _http(self) -> httpx2.AsyncClient:
        if self._client is None:  # its TLS context takes 20 ms: made when first asked
            self._client = httpx2.AsyncClient(
                headers={"User-Agent": f"rebond/{__version__}", "Accept": "application/json",
                         "Accept-Encoding": "identity"},
                timeout=httpx2.Timeout(5.0, connect=3.0, pool=PATIENCE),
                follow_redirects=False,
            )  # fmt: skip
        return self._client

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def find(self, siren: str) -> Record:
        """What the directory says of this firm.

        Raises `FirmUnknownToDirectory` (404), `DirectoryUnavailable` (503), `DirectoryInvalid` (502).
        """
        for attempt in (1, 2):
            await self._turns.take()
            status, headers, body = await self._ask(siren)
            if status != 429:
                break
            seconds = retry_after(headers.get("retry-after"))
            self._turns.pause(seconds)
            if attempt == 2 or seconds > PATIENCE:
                raise unavailable(seconds)
        if status >= 500:
            raise unavailable(retry_after(headers.get("retry-after")) if "retry-after" in headers else 30)
        if status != 200:
            log.warning("directory_invalid", status=status)
            raise DirectoryInvalid
        try:
            firms = _ANSWER.validate_json(body).results
        except ValidationError as error:
            # Where and which rule, never what was said: it may be a person's name.
            faults = [(".".join(map(str, fault["loc"])), fault["type"]) for fault in error.errors(include_input=False)]
            log.warning("directory_invalid", status=status, faults=faults[:5])
            raise DirectoryInvalid from None
        said = next((firm for firm in firms if firm.siren == siren), None)
        if said is None:
            raise FirmUnknownToDirectory
        return record_of(said)

    async def _ask(self, siren: str) -> tuple[int, httpx2.Headers, bytes]:
        """Status, headers and body of one request, within the limits of time and size."""
        query = {"q": siren, "page": "1", "per_page": "1", "limite_matching_etablissements": "100"}
        try:
            async with (
                asyncio.timeout(TIME_LIMIT),
                self._http().stream("GET", f"{self._url}/search", params=query) as response,
            ):
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise DirectoryInvalid
                body = bytearray()
                async for part in response.aiter_raw():
                    body += part
                    if len(body) > MAX_BYTES:
                        log.warning("directory_invalid", status=response.status_code, bytes=len(body))
                        raise DirectoryInvalid
                return response.status_code, response.headers, bytes(body)
        except (httpx2.HTTPError, TimeoutError, OSError) as error:
            log.warning("directory_unavailable", reason=type(error).__name__)
            raise DirectoryUnavailable from None
