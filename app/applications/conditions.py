"""What keeps an aid file from a step: one table of conditions, the facts that they look at, all that is unmet at once.

Pure: no session, no await. `docs/conditions-of-an-aid-file.md` is drawn from the table.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from app.core.clock import after_months
from app.core.faults import Message
from app.core.problems import Problem
from app.projects.rules import CostKind
from app.schemes.rules import ParameterNotInForce, Parameters


class FileStep(StrEnum):
    """A step of an aid file that its conditions can keep it from."""

    SUBMIT = "submit"
    PRE_SELECT = "pre_select"
    GRANT = "grant"


SUBMIT = frozenset({FileStep.SUBMIT})
GRANT = frozenset({FileStep.GRANT})
SUBMIT_AND_GRANT = SUBMIT | GRANT
COMMITTEES = GRANT | {FileStep.PRE_SELECT}
EVERY_STEP = frozenset(FileStep)


class BankDetailsKnown(StrEnum):
    """What is known of a firm's bank details: none, some that are proposed, some that are approved."""

    MISSING = "missing"
    PROPOSED = "proposed"
    APPROVED = "approved"


class LineFacts(NamedTuple):
    """What the conditions look at in a line of a file."""

    kind: str
    amount_cents: int
    ordered_on: date | None
    preliminary: bool


class FileFacts(NamedTuple):
    """What the conditions look at. `on` is the day of the act: for `submit` it is the day of receipt."""

    on: date
    received_on: date
    parameters: Parameters  # the scheme's of the day of receipt
    lines: tuple[LineFacts, ...]
    base_cents: int
    requested_grant_cents: int
    requested_advance_cents: int
    planned_start_on: date
    planned_end_on: date
    scheme_open: bool  # on the day of receipt
    project_stage: str
    project_ready: bool  # its stage and route let a file be received
    in_perimeter: bool  # the project's commune in the perimeter of the day of receipt
    plan_complete: bool
    stated_no_other_funding: bool  # by the day of the act
    other_public_aid_cents: int  # the plan counts on it: not refused
    public_aid_cents: int  # all of it, whoever gives it, at face value
    tax_until_on: date | None  # the last day of the certificates that were issued by the day of the act; None: no one
    social_until_on: date | None
    proceedings_open: bool
    accounts_known: bool
    eu_size_known: bool
    bank_details: BankDetailsKnown
    pre_selected: bool
    review_completed: bool
    kyc_clear: bool
    tax_certificate_id: UUID | None = None  # of the certificates, those that count longest
    social_certificate_id: UUID | None = None
    bank_details_id: UUID | None = None  # the approved ones
    awarded_grant_cents: int = 0  # what a committee would give; nothing before
    awarded_advance_cents: int = 0

    @property
    def requested_cents(self) -> int:
        return self.requested_grant_cents + self.requested_advance_cents

    @property
    def awarded_cents(self) -> int:
        return self.awarded_grant_cents + self.awarded_advance_cents

    @property
    def aid_above_base(self) -> bool:
        """Whether the public aid is above the base. What is asked or awarded here, alone, has conditions of its own."""
        return self.public_aid_cents > max(self.base_cents, self.awarded_cents or self.requested_cents)


class Occurrence(NamedTuple):
    """Where a condition is unmet: the field of the file that is meant, if one is, and the figures of the sentence."""

    pointer: str | None = None
    members: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Condition:
    """A condition: at which steps it bites, what is said when it is unmet and what cures that, in both languages."""

    code: str
    steps: frozenset[FileStep]
    detail: Message
    cure: Message
    occurrences: Callable[[FileFacts], Iterable[Occurrence]] = field(repr=False)
    confidential: bool = False  # only who may read the review is told which one of these it is


@dataclass(frozen=True)
class Unmet:
    """A condition that is unmet, and where."""

    condition: Condition
    occurrence: Occurrence

    @property
    def code(self) -> str:
        return self.condition.code

    def public(self, language: str) -> dict[str, str | None]:
        """What an answer says of it: `pointer` is null where no field of the file is meant."""
        return {
            "code": self.code,
            "detail": self.condition.detail.told(language, self.occurrence.members),
            "cure": self.condition.cure.told(language, self.occurrence.members),
            "pointer": self.occurrence.pointer,
        }


CONDITIONS: dict[str, Condition] = {}


def _condition(
    code: str, steps: frozenset[FileStep], occurrences: Callable[[FileFacts], Iterable[Occurrence]],
    *, en: str, fr: str, cure: str, cure_fr: str, confidential: bool = False,
) -> Condition:  # fmt: skip
    """Declare a condition, once; its sentences name the same members in both languages."""
    detail, cured = Message(code, en, fr), Message(code, cure, cure_fr)
    if code in CONDITIONS:
        raise ValueError(f"the condition {code} is declared twice")
    CONDITIONS[code] = condition = Condition(code, steps, detail, cured, occurrences, confidential)
    return condition


def _where(unmet: Callable[[FileFacts], bool], *names: str) -> Callable[[FileFacts], Iterable[Occurrence]]:
    """One place without a pointer, where this holds; `names` are facts that the sentences name."""
    return lambda facts: [Occurrence(None, {name: getattr(facts, name) for name in names})] if unmet(facts) else []


# --- what the file says ----------------------------------------------------------------------------------------------
# A file that was submitted does not change: these are looked at once.


def _ordered_before_receipt(facts: FileFacts) -> Iterator[Occurrence]:
    for number, line in enumerate(facts.lines):
        early = line.ordered_on is not None and line.ordered_on < facts.received_on
        if early and not line.preliminary and line.kind != CostKind.NOT_ELIGIBLE:
            members = {"ordered_on": line.ordered_on, "received_on": facts.received_on}
            yield Occurrence(f"/lines/{number}/ordered_on", members)


def _not_assets(facts: FileFacts) -> Iterator[Occurrence]:
    for number, line in enumerate(facts.lines):
        if line.kind == CostKind.NOT_ELIGIBLE:
            yield Occurrence(f"/lines/{number}/kind")


def _base_below_minimum(facts: FileFacts) -> Iterator[Occurrence]:
    minimum = facts.parameters.minimum_base_cents
    if minimum is not None and facts.base_cents < minimum:
        yield Occurrence("/lines", {"base_cents": facts.base_cents, "minimum_base_cents": minimum})


def _longer_than_allowed(facts: FileFacts) -> Iterator[Occurrence]:
    months = facts.parameters.maximum_months
    if months is None:
        return
    latest = after_months(facts.planned_start_on, months)
    if facts.planned_end_on > latest:
        members = {"maximum_months": months, "planned_start_on": facts.planned_start_on, "latest_end_on": latest}
        yield Occurrence("/planned_end_on", members)


def _requested_above_base(facts: FileFacts) -> Iterator[Occurrence]:
    if facts.requested_cents > facts.base_cents:
        name = "requested_advance_cents" if facts.requested_grant_cents <= facts.base_cents else "requested_grant_cents"
        yield Occurrence(f"/{name}", {"requested_cents": facts.requested_cents, "base_cents": facts.base_cents})


_condition(
    "expense-before-receipt",
    SUBMIT,
    _ordered_before_receipt,
    en="The line was ordered on {ordered_on}, before the day of receipt, {received_on}: it is not eligible.",
    fr="La ligne a été commandée le {ordered_on}, avant le jour du dépôt, le {received_on} : elle n'est pas éligible.",
    cure="Correct `ordered_on`, set `preliminary` for land or a feasibility study, or remove the line.",
    cure_fr="Corrigez `ordered_on`, mettez `preliminary` pour un terrain ou une étude de faisabilité, ou retirez la"
    " ligne.",
)
_condition(
    "not-an-asset",
    SUBMIT,
    _not_assets,
    en="The line is not an asset: a file asks aid for tangible and intangible assets alone.",
    fr="La ligne n'est pas un actif : un dossier ne demande d'aide que pour des actifs, matériels ou immatériels.",
    cure="Remove the line, or correct its `kind`. What is not an asset stays among the project's costs.",
    cure_fr="Retirez la ligne, ou corrigez son `kind`. Ce qui n'est pas un actif reste dans les coûts du projet.",
)
_condition(
    "base-below-minimum",
    SUBMIT,
    _base_below_minimum,
    en="The eligible base is {base_cents}; the scheme asks for {minimum_base_cents} or more.",
    fr="L'assiette éligible est de {base_cents} ; le dispositif demande au moins {minimum_base_cents}.",
    cure="Add the assets that are missing from `lines`, or ask for aid of another scheme.",
    cure_fr="Ajoutez les actifs qui manquent à `lines`, ou demandez l'aide d'un autre dispositif.",
)
_condition(
    "longer-than-allowed",
    SUBMIT,
    _longer_than_allowed,
    en="The scheme allows {maximum_months} months from {planned_start_on}: until {latest_end_on}.",
    fr="Le dispositif accorde {maximum_months} mois à compter du {planned_start_on} : jusqu'au {latest_end_on}.",
    cure="Set `planned_end_on` to {latest_end_on} or an earlier day.",
    cure_fr="Donnez à `planned_end_on` le {latest_end_on} ou un jour antérieur.",
)
_condition(
    "requested-above-base",
    SUBMIT,
    _requested_above_base,
    en="The requested grant and advance come to {requested_cents}, more than the base of {base_cents}.",
    fr="La subvention et l'avance demandées s'élèvent à {requested_cents}, plus que l'assiette de {base_cents}.",
    cure="Request {base_cents} in all or less, or add the assets that are missing from `lines`.",
    cure_fr="Demandez au plus {base_cents} en tout, ou ajoutez les actifs qui manquent à `lines`.",
)

_condition(
    "scheme-closed",
    SUBMIT,
    lambda facts: [] if facts.scheme_open else [Occurrence("/scheme", {"received_on": facts.received_on})],
    en="The scheme is not open on the day of receipt, {received_on}.",
    fr="Le dispositif n'est pas ouvert au jour du dépôt, le {received_on}.",
    cure="Ask for aid of a scheme that is open on that day (`/v1/schemes?as_of={received_on}`).",
    cure_fr="Demandez l'aide d'un dispositif ouvert ce jour-là (`/v1/schemes?as_of={received_on}`).",
)

# --- what the project says -------------------------------------------------------------------------------------------

_condition(
    "project-not-oriented",
    SUBMIT,
    _where(lambda facts: not facts.project_ready, "project_stage"),
    en="The stage of the project, {project_stage}, or its funding route lets no aid file be received.",
    fr="L'étape du projet, {project_stage}, ou sa voie de financement ne permet pas de recevoir un dossier.",
    cure="Take the project to `oriented` or `filed` with a `funding_route` other than `none_needed` (`…/stages`).",
    cure_fr="Amenez le projet à `oriented` ou `filed` avec une `funding_route` autre que `none_needed` (`…/stages`).",
)
_condition(
    "commune-outside-perimeter",
    EVERY_STEP,
    _where(lambda facts: not facts.in_perimeter, "received_on"),
    en="The project's site is in no commune of the territory's perimeter on the day of receipt, {received_on}.",
    fr="Le site du projet n'est dans aucune commune du périmètre du territoire au jour du dépôt, le {received_on}.",
    cure="Correct `commune_code` of the project (`T/projects`), or ask the programme to record the perimeter of that"
    " year.",
    cure_fr="Corrigez `commune_code` du projet (`T/projects`), ou demandez au programme d'enregistrer le périmètre de"
    " cette année.",
)
_condition(
    "financing-incomplete",
    EVERY_STEP,
    _where(lambda facts: not facts.plan_complete),
    en="The project has no financing plan that is declared complete.",
    fr="Le projet n'a pas de plan de financement déclaré complet.",
    cure="Balance the uses and the sources, and send the project's plan as `complete` (`…/financing`).",
    cure_fr="Équilibrez emplois et ressources, et envoyez le plan du projet comme `complete` (`…/financing`).",
)
_condition(
    "funding-statement-missing",
    EVERY_STEP,
    _where(lambda facts: not facts.stated_no_other_funding, "on"),
    en="Nobody has stated by {on} that no other public funding was found for the project.",
    fr="Personne n'a déclaré au {on} qu'aucun autre financement public n'a été trouvé pour le projet.",
    cure="Record the project's statement (`…/funding-statements`), dated {on} or earlier; a person does it.",
    cure_fr="Consignez la déclaration du projet (`…/funding-statements`), datée du {on} ou d'avant ; une personne le"
    " fait.",
)
_condition(
    "other-public-aid-in-plan",
    EVERY_STEP,
    _where(lambda facts: facts.other_public_aid_cents > 0, "other_public_aid_cents"),
    en="The financing plan counts on {other_public_aid_cents} of other public aid.",
    fr="Le plan de financement compte sur {other_public_aid_cents} d'autres aides publiques.",
    cure="Replace these lines of the project's plan by other sources, or mark them as `refused` (`…/financing`).",
    cure_fr="Remplacez ces lignes du plan du projet par d'autres ressources, ou marquez-les `refused` (`…/financing`).",
)
_condition(
    "public-aid-above-base",
    EVERY_STEP,
    _where(lambda facts: facts.aid_above_base, "public_aid_cents", "base_cents"),
    en="The public aid comes to {public_aid_cents}, the advance included, more than the planned base of {base_cents}.",
    fr="Les aides publiques s'élèvent à {public_aid_cents}, avance comprise, plus que l'assiette prévue de"
    " {base_cents}.",
    cure="Lower the aid, and what the project's plan counts on (`…/financing`), to {base_cents} in all.",
    cure_fr="Ramenez l'aide, et ce sur quoi compte le plan du projet (`…/financing`), à {base_cents} en tout.",
)

# --- what is known of the firm ---------------------------------------------------------------------------------------


def _until_on(facts: FileFacts, kind: str) -> date | None:
    """The last day of the firm's certificates of a kind."""
    until_on: date | None = getattr(facts, f"{kind}_until_on")
    return until_on


def _without_certificate(kind: str) -> Callable[[FileFacts], Iterable[Occurrence]]:
    return lambda facts: [Occurrence(None, {"on": facts.on})] if _until_on(facts, kind) is None else []


def _certificate_expired(kind: str) -> Callable[[FileFacts], Iterable[Occurrence]]:
    def occurrences(facts: FileFacts) -> Iterator[Occurrence]:
        until_on = _until_on(facts, kind)
        if until_on is not None and until_on < facts.on:
            yield Occurrence(None, {"until_on": until_on, "on": facts.on})

    return occurrences


_condition(
    "tax-certificate-missing",
    SUBMIT_AND_GRANT,
    _without_certificate("tax"),
    en="The firm has no tax certificate that was issued by {on}.",
    fr="L'entreprise n'a pas d'attestation fiscale délivrée au {on}.",
    cure="Record a certificate of kind `tax` that is valid on {on} (`T/firms/…/certificates`).",
    cure_fr="Enregistrez une attestation `tax` valable le {on} (`T/firms/…/certificates`).",
)
_condition(
    "tax-certificate-expired",
    SUBMIT_AND_GRANT,
    _certificate_expired("tax"),
    en="The firm's last tax certificate counts until {until_on}, and is no longer valid on {on}.",
    fr="La dernière attestation fiscale de l'entreprise vaut jusqu'au {until_on}, et n'est plus valable le {on}.",
    cure="Record a certificate of kind `tax` that is valid on {on} (`T/firms/…/certificates`).",
    cure_fr="Enregistrez une attestation `tax` valable le {on} (`T/firms/…/certificates`).",
)
_condition(
    "social-certificate-missing",
    SUBMIT_AND_GRANT,
    _without_certificate("social"),
    en="The firm has no certificate of social contributions that was issued by {on}.",
    fr="L'entreprise n'a pas d'attestation de vigilance (cotisations sociales) délivrée au {on}.",
    cure="Record a certificate of kind `social` that is valid on {on} (`T/firms/…/certificates`).",
    cure_fr="Enregistrez une attestation `social` valable le {on} (`T/firms/…/certificates`).",
)
_condition(
    "social-certificate-expired",
    SUBMIT_AND_GRANT,
    _certificate_expired("social"),
    en="The firm's last certificate of social contributions counts until {until_on}, and is no longer valid on {on}.",
    fr="La dernière attestation de vigilance (cotisations sociales) de l'entreprise vaut jusqu'au {until_on}, et n'est"
    " plus valable le {on}.",
    cure="Record a certificate of kind `social` that is valid on {on} (`T/firms/…/certificates`).",
    cure_fr="Enregistrez une attestation `social` valable le {on} (`T/firms/…/certificates`).",
)
_condition(
    "proceedings-open",
    EVERY_STEP,
    _where(lambda facts: facts.proceedings_open, "on"),
    en="An insolvency proceeding of the firm is open on {on}.",
    fr="Une procédure collective de l'entreprise est ouverte le {on}.",
    cure="Once the proceeding has ended, record the day (`/v1/firms/…/proceedings`, `closed_on`).",
    cure_fr="Quand la procédure est close, enregistrez le jour (`/v1/firms/…/proceedings`, `closed_on`).",
)
_condition(
    "accounts-missing",
    SUBMIT_AND_GRANT,
    _where(lambda facts: not facts.accounts_known),
    en="No accounts of the firm are recorded.",
    fr="Aucun compte annuel de l'entreprise n'est enregistré.",
    cure="Record those of its last year (`T/firms/…/accounts`).",
    cure_fr="Enregistrez ceux de son dernier exercice (`T/firms/…/accounts`).",
)
_condition(
    "eu-size-missing",
    SUBMIT_AND_GRANT,
    _where(lambda facts: not facts.eu_size_known),
    en="The firm's size in Union law is not stated.",
    fr="La taille de l'entreprise au sens du droit de l'Union n'est pas indiquée.",
    cure="State `eu_size` with its evidence (`T/firms/…`).",
    cure_fr="Indiquez `eu_size` avec sa preuve (`T/firms/…`).",
)
_condition(
    "bank-details-missing",
    SUBMIT_AND_GRANT,
    _where(lambda facts: facts.bank_details is BankDetailsKnown.MISSING),
    en="The firm has no bank details.",
    fr="L'entreprise n'a pas de coordonnées bancaires.",
    cure="Propose them (`T/firms/…/bank-details`), and have another person approve them.",
    cure_fr="Proposez-les (`T/firms/…/bank-details`), et faites-les approuver par une autre personne.",
)
_condition(
    "bank-details-unapproved",
    SUBMIT_AND_GRANT,
    _where(lambda facts: facts.bank_details is BankDetailsKnown.PROPOSED),
    en="The firm's bank details are proposed, not yet approved.",
    fr="Les coordonnées bancaires de l'entreprise sont proposées, et pas encore approuvées.",
    cure="Have a person other than the one who proposed them approve them (`T/firms/…/bank-details`).",
    cure_fr="Faites-les approuver par une autre personne que celle qui les a proposées (`T/firms/…/bank-details`).",
)

# --- what committees and the review say ------------------------------------------------------------------------------


def _award_above_requested(facts: FileFacts) -> Iterator[Occurrence]:
    for name in ("grant", "advance"):
        awarded, requested = (getattr(facts, f"{verb}_{name}_cents") for verb in ("awarded", "requested"))
        if awarded > requested:
            yield Occurrence(f"/requested_{name}_cents", {"awarded_cents": awarded, "requested_cents": requested})


_condition(
    "not-pre-selected",
    GRANT,
    _where(lambda facts: not facts.pre_selected),
    en="No territorial committee has pre-selected the file.",
    fr="Aucun comité territorial n'a présélectionné le dossier.",
    cure="Put the file on the agenda of a territorial committee, which pre-selects it.",
    cure_fr="Inscrivez le dossier à l'ordre du jour d'un comité territorial, qui le présélectionne.",
)
_condition(
    "award-above-requested",
    COMMITTEES,
    _award_above_requested,
    en="The award of {awarded_cents} is more than the {requested_cents} that the file requests.",
    fr="L'attribution de {awarded_cents} dépasse les {requested_cents} que demande le dossier.",
    cure="Award {requested_cents} of this instrument or less.",
    cure_fr="Attribuez au plus {requested_cents} de cet instrument.",
)
_condition(
    "award-above-base",
    COMMITTEES,
    _where(lambda facts: facts.awarded_cents > facts.base_cents, "awarded_cents", "base_cents"),
    en="Grant and advance come to {awarded_cents}, more than the base of {base_cents}.",
    fr="La subvention et l'avance s'élèvent à {awarded_cents}, plus que l'assiette de {base_cents}.",
    cure="Award {base_cents} in all or less.",
    cure_fr="Attribuez au plus {base_cents} en tout.",
)
_condition(
    "review-missing",
    GRANT,
    _where(lambda facts: not facts.review_completed),
    en="The review of the file is not completed.",
    fr="L'instruction du dossier n'est pas achevée.",
    cure="The funder completes the review (`…/review`, `completed_on`).",
    cure_fr="Le financeur achève l'instruction (`…/review`, `completed_on`).",
    confidential=True,
)
_condition(
    "kyc-not-clear",
    GRANT,
    _where(lambda facts: facts.review_completed and not facts.kyc_clear),
    en="The examination of the firm in the review does not allow aid to be granted.",
    fr="L'examen de l'entreprise, dans l'instruction, ne permet pas d'attribuer l'aide.",
    cure="The funder examines the firm again, and says in the review what was found (`…/review`).",
    cure_fr="Le financeur examine de nouveau l'entreprise, et consigne le résultat dans l'instruction (`…/review`).",
    confidential=True,
)
# What those are told who may not read the review, of either: an alert against money laundering is given away to nobody.
REVIEW_NOT_FAVOURABLE = Condition(
    "review-not-favourable",
    GRANT,
    Message(
        "review-not-favourable",
        "The review does not allow the file to be granted, or not yet.",
        "L'instruction ne permet pas, ou pas encore, d'attribuer l'aide.",
    ),
    Message(
        "review-not-favourable",
        "Ask the funder, who reads the review.",
        "Demandez au financeur, qui lit l'instruction.",
    ),
    lambda _facts: [],
)
# What a step cannot do without: its conditions, and at the receipt the clocks. A value that is missing is told beside
# what is unmet; where nothing else is, the step is refused by the problem of this name.
NEEDED: Mapping[FileStep, tuple[str, ...]] = {
    FileStep.SUBMIT: (
        "minimum_base_cents", "maximum_months", "certificate_days", "clocks_stop", "admissibility_months",
        "admissibility_clock", "decision_months",
    ),
    FileStep.PRE_SELECT: (),
    FileStep.GRANT: ("certificate_days",),
}  # fmt: skip
WITHOUT_VALUE = Condition(
    ParameterNotInForce.code,
    SUBMIT_AND_GRANT,
    Message(ParameterNotInForce.code, ParameterNotInForce.detail, ParameterNotInForce.detail_fr),
    Message(ParameterNotInForce.code, ParameterNotInForce.cure, ParameterNotInForce.cure_fr),
    lambda _facts: [],
)


# --- what is unmet ---------------------------------------------------------------------------------------------------


class ApplicationNotReady(Problem):
    """The file does not meet the conditions of this step."""

    status = 409
    title_fr = "Le dossier ne remplit pas les conditions de cette étape."
    detail = "Unmet: {codes}."
    detail_fr = "Conditions non remplies : {codes}."
    cure = "Do what `cure` says of each condition in `unmet`; all of them are named."
    cure_fr = "Faites ce que dit `cure` de chaque condition de `unmet` ; toutes y sont nommées."

    def __init__(self, unmet: Sequence[Unmet]) -> None:
        codes = list(dict.fromkeys(each.code for each in unmet))
        super().__init__(codes=codes)
        self.unmet = unmet

    def body(self, language: str, *, instance: str = "", request_id: str = "") -> dict[str, Any]:
        """The document that travels, with every unmet condition in its language."""
        told = super().body(language, instance=instance, request_id=request_id)
        told.pop("codes", None)
        return told | {"unmet": [each.public(language) for each in self.unmet]}


def unmet(step: FileStep, facts: FileFacts, *, sees_review: bool = False) -> list[Unmet]:
    """Every condition of the step that is unmet, at each of its places, in the order of the table.

    Parameters without a value come first. Without the permission to read the review, both of its conditions are told as
    one other.
    """
    found = [
        Unmet(WITHOUT_VALUE, Occurrence(None, {"parameter": name, "on": facts.received_on}))
        for name in NEEDED[step]
        if getattr(facts.parameters, name) is None
    ]
    found += [
        Unmet(condition, occurrence)
        for condition in CONDITIONS.values()
        if step in condition.steps
        for occurrence in condition.occurrences(facts)
    ]
    if sees_review or not any(each.condition.confidential for each in found):
        return found
    told = [each for each in found if not each.condition.confidential]
    return [*told, Unmet(REVIEW_NOT_FAVOURABLE, Occurrence())]


def check_ready(step: FileStep, facts: FileFacts, *, sees_review: bool = False) -> None:
    """Refuse a step whose conditions are not all met: `application-not-ready` (409) names every one.

    Raises `parameter-not-in-force` (409) where parameters without a value are all that is missing.
    """
    found = unmet(step, facts, sees_review=sees_review)
    if found and all(each.condition is WITHOUT_VALUE for each in found):
        raise ParameterNotInForce(**found[0].occurrence.members)
    if found:
        raise ApplicationNotReady(found)
