"""The public directory of firms: the client of the *API Recherche d'entreprises* (recherche-entreprises.api.gouv.fr).

No key, at most 7 requests/s from one address, 429 with Retry-After beyond. It shows no firm that has opposed all
diffusion, and masks what partial diffusion hides. What it answers is read as a stranger's: bounded, unknown fields
passed over, and what cannot be read costs that fact alone. Nothing here knows the database; it is asked before a
transaction begins.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, ClassVar, Literal

import httpx2
import structlog
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from app import __version__
from app.core import clock
from app.core.faults import Fault, FieldError
from app.core.problems import Problem
from app.core.validation import field_errors
from app.core.values import Day, InseeCode, LegalFormCode, Line, NafCode, Siret
from app.firms.models import Diffusion, InseeCategory, ProceedingKind
from app.firms.rules import NafVersion, nomenclature_on
from app.firms.schemas import Bracket

REQUESTS_PER_SECOND = 7
PATIENCE = 3.0  # seconds that one call waits for its turn, or for the directory's own Retry-After
TIME_LIMIT = 10.0  # seconds for a whole answer, however slowly it drips
MAX_BYTES = 1_000_000
LONGEST_PAUSE = 3600.0
MASKS = ("[NON-DIFFUSIBLE]", "[ND]")  # what partial diffusion puts in the place of what it hides
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

NOT_SAID_BY_THE_DIRECTORY = Fault(
    "not_said_by_the_directory",
    en="The directory does not say it.",
    fr="L'annuaire ne le dit pas.",
)
CLOSING_BEFORE_OPENING = Fault(
    "closing_before_opening",
    en="The directory closes the site before it opens it: the day of closing is left out.",
    fr="L'annuaire ferme l'établissement avant de l'ouvrir : la date de fermeture est laissée de côté.",
)
SITE_OF_ANOTHER_FIRM = Fault(
    "site_of_another_firm",
    en="The SIRET does not begin with the SIREN of the firm: the site is left out.",
    fr="Le SIRET ne commence pas par le SIREN de l'entreprise : l'établissement est laissé de côté.",
)


def _unmasked(value: Any) -> Any:
    """What partial diffusion hides, and empty text, are as good as null."""
    return None if isinstance(value, str) and value.strip() in ("", *MASKS) else value


def _cut(value: Any) -> Any:
    """One line of at most 200 characters: enseignes and addresses may be longer."""
    value = _unmasked(value)
    return " ".join(value.split())[:200].strip() if isinstance(value, str) else value


Name = Annotated[Line | None, BeforeValidator(_cut)]
Maybe = BeforeValidator(_unmasked)
Year = Annotated[int, Field(ge=1900, le=2199)]
Status = Literal["O", "P", "N"]  # of diffusion: all, partial, none


class _Said(BaseModel):
    """An object of the answer. Every field may be absent or null: `ordinary` are those whose null says «none»."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    ordinary: ClassVar[frozenset[str]] = frozenset()
    passing: ClassVar[frozenset[str]] = frozenset()  # fields that the directory may leave out

    def unsaid(self) -> Iterator[str]:
        """The fields about which the directory says nothing, where it should."""
        for name in type(self).model_fields:
            given = name in self.model_fields_set
            if name not in self.passing and (not given or (getattr(self, name) is None and name not in self.ordinary)):
                yield name

    def of(self, **facts: tuple[str, Any]) -> dict[str, Any]:
        """Those of the facts (from which field, and what it comes to) that the directory does say."""
        return {fact: value for fact, (name, value) in facts.items() if name in self.model_fields_set}


class SiteSaid(_Said):
    """A site in an answer."""

    ordinary = frozenset({"adresse", "date_fermeture", "nom_commercial", "liste_enseignes"})

    siret: Annotated[Siret | None, Maybe] = None
    commune: Annotated[InseeCode | None, Maybe] = None
    libelle_commune: Name = None
    adresse: Name = None
    activite_principale: Annotated[NafCode | None, Maybe] = None
    date_creation: Annotated[Day | None, Maybe] = None
    date_fermeture: Annotated[Day | None, Maybe] = None
    etat_administratif: Annotated[Literal["A", "F"] | None, Maybe] = None
    nom_commercial: Name = None
    liste_enseignes: list[Name] | None = None
    statut_diffusion_etablissement: Annotated[Status | None, Maybe] = None


class _Complements(_Said):
    est_entrepreneur_individuel: Annotated[bool | None, Field(strict=True)] = None


class _Bodacc(_Said):
    ordinary = passing = frozenset(
        {"procedure_collective_nature", "procedure_collective_date_jugement", "procedure_collective_date"}
    )

    procedure_collective_nature: Annotated[str | None, Maybe] = None
    procedure_collective_date_jugement: Annotated[Day | None, Maybe] = None
    procedure_collective_date: Annotated[Day | None, Maybe] = None


class FirmSaid(_Said):
    """A firm in an answer."""

    ordinary = frozenset({"nom_raison_sociale", "sigle", "date_fermeture", "matching_etablissements"})
    passing = frozenset({"activite_principale_naf25", "bodacc"})

    nom_complet: Name = None
    nom_raison_sociale: Name = None
    sigle: Name = None
    siege: SiteSaid | None = None
    matching_etablissements: list[SiteSaid | None] | None = None
    activite_principale: Annotated[NafCode | None, Maybe] = None
    activite_principale_naf25: Annotated[NafCode | None, Maybe] = None  # withdrawn on 1 January 2027
    nature_juridique: Annotated[LegalFormCode | None, Maybe] = None
    tranche_effectif_salarie: Annotated[Bracket | None, Maybe] = None
    annee_tranche_effectif_salarie: Annotated[Year | None, Maybe] = None
    categorie_entreprise: Annotated[Literal["PME", "ETI", "GE"] | None, Maybe] = None
    annee_categorie_entreprise: Annotated[Year | None, Maybe] = None
    etat_administratif: Annotated[Literal["A", "C"] | None, Maybe] = None
    date_creation: Annotated[Day | None, Maybe] = None
    date_fermeture: Annotated[Day | None, Maybe] = None
    statut_diffusion: Annotated[Status | None, Maybe] = None
    complements: _Complements | None = None
    bodacc: _Bodacc | None = None


def _legible(said: dict[str, Any]) -> tuple[FirmSaid, list[FieldError]]:
    """What can be read of a firm, and what is wrong with the rest, which is taken out of `said`."""
    told: list[FieldError] = []
    while True:  # each turn takes something out
        try:
            return FirmSaid.model_validate(said), told
        except ValidationError as error:
            for fault in error.errors(include_url=False, include_input=False):
                told += field_errors([fault])
                _take_out(said, fault["loc"])


def _take_out(said: Any, location: Sequence[str | int]) -> None:
    *path, last = location
    for part in path:
        said = said[part]
    if isinstance(said, list):
        said[int(last)] = None  # its neighbours keep their places
    else:
        said.pop(last, None)


@dataclass(frozen=True)
class Record:
    """What the directory says of a firm, in our words: rows of the register, without what it does not say.

    `told` is what it does not say, or says in a way that cannot be read.
    """

    siren: str
    facts: dict[str, Any]
    activities: list[tuple[str, str]]
    sites: list[dict[str, Any]] = field(default_factory=list)
    seat_siret: str | None = None
    owner: str | None = None
    proceeding: tuple[ProceedingKind, date] | None = None
    told: list[FieldError] = field(default_factory=list)


def record_of(siren: str, said: dict[str, Any], today: date) -> Record:
    """The register's rows by an answer of this day. The name of a sole trader never becomes the firm's name."""
    firm, told = _legible(said)
    sites = _sites(siren, firm, told)
    _tell_unsaid(firm, told)
    version, codes = _codes(firm, today)
    sole_trader = _sole_trader(firm)
    seat = firm.siege if firm.siege and firm.siege.siret in sites else None
    facts = firm.of(
        acronym=("sigle", firm.sigle),
        naf_code=("activite_principale", firm.activite_principale),
        naf_version=("activite_principale", version if firm.activite_principale else None),
        legal_form_code=("nature_juridique", firm.nature_juridique),
        insee_category=(
            "categorie_entreprise",
            InseeCategory(firm.categorie_entreprise.lower()).value if firm.categorie_entreprise else None,
        ),
        insee_category_year=("annee_categorie_entreprise", firm.annee_categorie_entreprise),
        headcount_bracket=("tranche_effectif_salarie", firm.tranche_effectif_salarie),
        headcount_year=("annee_tranche_effectif_salarie", firm.annee_tranche_effectif_salarie),
        founded_on=("date_creation", firm.date_creation),
    )
    facts |= _ending(firm, "C", "ceased", "ceased_on") | _diffusion(firm.statut_diffusion)
    trade_names = _trade_names(firm, seat)
    if seat is not None and {"nom_commercial", "liste_enseignes"} <= seat.model_fields_set:
        facts["trade_names"] = trade_names
    if sole_trader is not None:
        facts["sole_trader"] = sole_trader
    # Where nobody says whose name it is, the full name may be a person's.
    name = next(iter(trade_names), None) if sole_trader else firm.nom_raison_sociale
    if name is None and sole_trader is False:
        name = firm.nom_complet
    if name is not None or sole_trader:
        facts["name"] = name or neutral_name(siren)
    return Record(
        siren=siren,
        facts={**facts, "source_reference": REFERENCE},
        activities=codes,
        sites=[_site(site, version) for _, site in sorted(sites.items())],
        seat_siret=seat.siret if seat else None,
        owner=firm.nom_complet.partition("(")[0].strip() or None if sole_trader and firm.nom_complet else None,
        proceeding=_proceeding(firm.bodacc),
        told=told,
    )


def neutral_name(siren: str) -> str:
    """What a firm is called whose only name is a person's, or hidden."""
    return f"Entreprise {siren[:3]} {siren[3:6]} {siren[6:]}"


def _sites(siren: str, said: FirmSaid, told: list[FieldError]) -> dict[str, SiteSaid]:
    """The sites of the firm by their SIRET; of one that is there twice the seat's entry, which says more."""
    places = [(f"/matching_etablissements/{n}", site) for n, site in enumerate(said.matching_etablissements or ())]
    sites = {}
    for pointer, site in [*places, ("/siege", said.siege)]:
        if site is None:
            continue
        if site.siret is not None and not site.siret.startswith(siren):
            told.append(SITE_OF_ANOTHER_FIRM.at(f"{pointer}/siret"))
        elif site.siret is not None:
            sites[site.siret] = site
    return sites


def _tell_unsaid(said: FirmSaid, told: list[FieldError]) -> None:
    """Add what the directory does not say to what cannot be read."""
    places: list[tuple[str, _Said | None]] = [("", said)]
    places += [(f"/{name}", each) for name in ("siege", "complements") if (each := getattr(said, name)) is not None]
    places += [(f"/matching_etablissements/{n}", site) for n, site in enumerate(said.matching_etablissements or ())]
    known = {fault.pointer for fault in told}
    for place, each in places:
        pointers = [f"{place}/{name}" for name in each.unsaid()] if each is not None else [place]
        told += [NOT_SAID_BY_THE_DIRECTORY.at(pointer) for pointer in dict.fromkeys(pointers) if pointer not in known]


def _codes(said: FirmSaid, today: date) -> tuple[str, list[tuple[str, str]]]:
    """The nomenclature of the main field, and the codes with theirs.

    The main field is in the nomenclature of the day, the field of NAF 2025 in that one. A main field that still differs
    from it on a later day has not been replaced yet.
    """
    main, next_one = said.activite_principale, said.activite_principale_naf25
    version = nomenclature_on(today)
    if version is NafVersion.NAF_2025 and next_one is not None and next_one != main:
        version = NafVersion.REV_2
    codes = {NafVersion.NAF_2025: next_one, version: main or (next_one if version is NafVersion.NAF_2025 else None)}
    return version.value, [(code, named.value) for named, code in codes.items() if code]


def _sole_trader(said: FirmSaid) -> bool | None:
    """Whether the firm is a person's; None where the directory does not say."""
    flag = said.complements.est_entrepreneur_individuel if said.complements else None
    if said.nature_juridique is not None:
        return flag or said.nature_juridique.startswith("1")
    return flag


def _trade_names(said: FirmSaid, seat: SiteSaid | None) -> list[str]:
    given = [seat.nom_commercial, *(seat.liste_enseignes or ())] if seat else []
    known = {said.nom_raison_sociale, said.nom_complet}
    return list(dict.fromkeys(name for name in given if name and name not in known))[:20]


def _ending(said: FirmSaid | SiteSaid, ended: str, flag: str, day: str) -> dict[str, Any]:
    """Whether a firm or a site has ended, and when. Where no state is said, it is as it was: never open by default."""
    if said.etat_administratif is None:
        return {}
    if said.etat_administratif != ended:
        return {flag: False, day: None}
    return {flag: True, **said.of(**{day: ("date_fermeture", said.date_fermeture)})}


def _diffusion(status: str | None) -> dict[str, str]:
    return {} if status is None else {"diffusion": (Diffusion.FULL if status == "O" else Diffusion.PARTIAL).value}


def _site(said: SiteSaid, version: str) -> dict[str, Any]:
    return {
        "siret": said.siret,
        "source_reference": REFERENCE,
        **said.of(
            name=("nom_commercial", said.nom_commercial),
            insee_code=("commune", said.commune),
            commune_name=("libelle_commune", said.libelle_commune),
            address=("adresse", said.adresse),
            naf_code=("activite_principale", said.activite_principale),
            naf_version=("activite_principale", version if said.activite_principale else None),
            opened_on=("date_creation", said.date_creation),
        ),
        **_ending(said, "F", "closed", "closed_on"),
        **_diffusion(said.statut_diffusion_etablissement),
    }


def _proceeding(said: _Bodacc | None) -> tuple[ProceedingKind, date] | None:
    opened_on = said and (said.procedure_collective_date_jugement or said.procedure_collective_date)
    nature = (said.procedure_collective_nature or "").lower() if said else ""
    words = {"sauvegarde": ProceedingKind.SAFEGUARD, "redressement": ProceedingKind.REORGANISATION,
             "liquidation": ProceedingKind.LIQUIDATION}  # fmt: skip
    kind = next((kind for word, kind in words.items() if word in nature), None)
    return (kind, opened_on) if kind and opened_on else None


def _found(siren: str, body: bytes) -> dict[str, Any]:
    """The firm of this SIREN in an answer. Raises `FirmUnknownToDirectory`, `DirectoryInvalid`."""
    try:
        answer = from_json(body, allow_inf_nan=False)
    except ValueError:
        answer = None
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list):
        log.warning("directory_invalid", status=200)
        raise DirectoryInvalid
    named = [firm for firm in results if isinstance(firm, dict) and isinstance(firm.get("siren"), str)]
    said = next((firm for firm in named if firm["siren"] == siren), None)
    if said is None and len(named) < len(results):  # it may be the one that says no SIREN
        log.warning("directory_invalid", status=200)
        raise DirectoryInvalid
    if said is None:
        raise FirmUnknownToDirectory
    return said


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
        record = record_of(siren, _found(siren, body), clock.today())
        if record.told:
            # Where and which rule, never what was said: it may be a person's name.
            log.warning("directory_advisories", faults=[(fact.pointer, fact.code) for fact in record.told[:5]])
        return record

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
