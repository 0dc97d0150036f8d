"""Errors as problem+json (RFC 9457), in English and French, with a public catalogue.

A refusal is a class beside the rule that raises it: the first line of its docstring is its public title, its name is
its code (`DaysExhausted` → `days-exhausted`) and, when the database refuses by a constraint, that constraint's name
(`days_exhausted`). Codes and members never change with the language; what was sent is never echoed.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, get_args

import asyncpg
from pydantic_core import to_json
from pydantic_core.core_schema import ErrorType
from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.requests import Request
from starlette.responses import Response

from app.core.db import DEAD

MEDIA_TYPE = "application/problem+json"
LANGUAGES = ("en", "fr")


@dataclass(frozen=True)
class FieldError:
    """A fault of one field: where (JSON Pointer, or a parameter's name), which rule, and how to mend it."""

    pointer: str
    code: str
    members: Mapping[str, Any] | None = None
    message: str = ""

    def public(self, language: str) -> dict[str, Any]:
        text = FIELD_MESSAGES.get(self.code) or _titles(self.code)
        detail = text[LANGUAGES.index(language)] if text else self.message or FIELD_MESSAGES["invalid"][0]
        given = self.members or {}
        members = {name: _plain(value) for name, value in given.items()}
        return {"pointer": self.pointer, "code": self.code, "detail": _fill(detail, given, language), **members}


class Problem(Exception):
    """Something was refused."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "problem"
    constraint: ClassVar[str] = ""
    title: ClassVar[str] = "Something was refused."
    title_fr: ClassVar[str] = "La demande est refusée."
    detail: ClassVar[str] = ""
    detail_fr: ClassVar[str] = ""
    cure: ClassVar[str] = ""
    cure_fr: ClassVar[str] = ""
    retry_after: ClassVar[int | None] = None

    def __init__(
        self, *, errors: Sequence[FieldError] = (), headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(self.code)
        self.errors = errors
        self.headers = dict(headers or {})
        if self.retry_after is not None:
            self.headers.setdefault("Retry-After", str(self.retry_after))
        self.members = members

    def __init_subclass__(cls) -> None:
        cls.code = re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()
        cls.title = (cls.__doc__ or "").strip().splitlines()[0]
        cls.constraint = cls.constraint or cls.code.replace("-", "_")
        CATALOGUE[cls.code] = cls
        BY_CONSTRAINT[cls.constraint] = cls

    def body(self, language: str, *, instance: str = "", request_id: str = "") -> dict[str, Any]:
        """The document that travels; `type` is an address of this service that explains the problem."""
        french = language == "fr"
        detail = self.detail_fr if french else self.detail
        cure = self.cure_fr if french else self.cure
        members = {key: _plain(value) for key, value in self.members.items()}
        text = " ".join(part for part in (_fill(detail, self.members, language), cure) if part)
        body: dict[str, Any] = {
            "type": f"/problems/{self.code}",
            "title": self.title_fr if french else self.title,
            "status": self.status,
            "detail": text or (self.title_fr if french else self.title),
            "instance": instance,
            "request_id": request_id,
        }
        if self.errors:
            body["errors"] = [error.public(language) for error in self.errors]
        return body | members

    @classmethod
    def entry(cls, language: str) -> dict[str, Any]:
        """The problem's page in the catalogue: cause and cure."""
        french = language == "fr"
        return {
            "type": f"/problems/{cls.code}",
            "code": cls.code,
            "status": cls.status,
            "title": cls.title_fr if french else cls.title,
            "cause": _unfilled(cls.detail_fr if french else cls.detail) or (cls.title_fr if french else cls.title),
            "cure": cls.cure_fr if french else cls.cure,
        }


def _titles(code: str) -> tuple[str, str] | None:
    """What a problem says of itself, where it is told of one of many (`entry_locked` of one cell of a grid)."""
    known = CATALOGUE.get(code.replace("_", "-"))
    return (known.title, known.title_fr) if known is not None else None


CATALOGUE: dict[str, type[Problem]] = {}
BY_CONSTRAINT: dict[str, type[Problem]] = {}


def _plain(value: Any) -> Any:
    """A quantity of days keeps its digits and travels as a number; all else as it is."""
    return float(value) if isinstance(value, Decimal) else value


def _said(name: str, value: Any, language: str) -> Any:
    """A figure as a sentence says it: days with their digits, cents as euros; a comma in French."""
    french = language == "fr"
    if name.endswith("_cents") and isinstance(value, int):
        euros = f"{value // 100:,}.{value % 100:02} €"
        return euros.translate({ord(","): "\N{NARROW NO-BREAK SPACE}", ord("."): ","}) if french else euros
    return str(value).replace(".", ",") if french and isinstance(value, Decimal) else value


def _fill(template: str, members: Mapping[str, Any], language: str) -> str:
    """A template whose members are not all known says nothing rather than half a sentence."""
    try:
        return template.format_map({name: _said(name, value, language) for name, value in members.items()})
    except KeyError:
        return ""


def _unfilled(template: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: f"‹{match[1]}›", template)


# --- what the protocol itself refuses -------------------------------------------------------------------------------


class MalformedJson(Problem):
    """The body is not readable JSON."""

    status = 400
    title_fr = "Le corps n'est pas un JSON lisible."
    detail = "The reader stopped: {reason}"
    detail_fr = "La lecture s'est arrêtée : {reason}"
    cure = "Send one JSON document in UTF-8, each key once, without NaN or Infinity."
    cure_fr = "Envoyez un document JSON en UTF-8, chaque clé une fois, sans NaN ni Infinity."


class MalformedRequest(Problem):
    """The request is not readable HTTP."""

    status = 400
    title_fr = "La requête n'est pas lisible."
    cure = "Percent-encode the address as UTF-8 and send each header once."
    cure_fr = "Encodez l'adresse en UTF-8 (pour cent) et envoyez chaque en-tête une seule fois."


class CredentialsMissing(Problem):
    """This address needs an API key."""

    status = 401
    title_fr = "Cette adresse demande une clé d'API."
    cure = "Send the header «Authorization: Bearer rbd_…»."
    cure_fr = "Envoyez l'en-tête « Authorization: Bearer rbd_… »."


class CredentialsInvalid(Problem):
    """The API key is unknown, expired or revoked."""

    status = 401
    title_fr = "La clé d'API est inconnue, expirée ou révoquée."
    cure = "Ask an administrator for a new key."
    cure_fr = "Demandez une nouvelle clé à un administrateur."


class Forbidden(Problem):
    """You may see this, but not do that."""

    status = 403
    title_fr = "Vous pouvez voir ceci, mais pas faire cela."
    detail = "None of your roles holds the permission {permission} here."
    detail_fr = "Aucun de vos rôles ne donne ici la permission {permission}."
    cure = "GET /v1/me lists your roles and what each may do."
    cure_fr = "GET /v1/me liste vos rôles et ce que chacun permet."


class InsufficientScope(Problem):
    """This API key may only read."""

    status = 403
    title_fr = "Cette clé d'API ne permet que la lecture."
    cure = "Use a key whose scope is full."
    cure_fr = "Utilisez une clé dont la portée est complète (full)."


class NotFound(Problem):
    """Nothing here, or nothing that you may see."""

    status = 404
    title_fr = "Il n'y a rien ici, ou rien que vous puissiez voir."
    cure = "Check the address; GET / lists what there is. Addresses never end with a slash."
    cure_fr = "Vérifiez l'adresse ; GET / liste ce qui existe. Une adresse ne finit jamais par une barre oblique."


class ReferenceNotFound(Problem):
    """The request names an object that does not exist, or that you may not see."""

    status = 404
    title_fr = "La demande nomme un objet qui n'existe pas, ou que vous ne pouvez pas voir."
    cure = "Check the ids named in errors."
    cure_fr = "Vérifiez les identifiants nommés dans errors."


class MethodNotAllowed(Problem):
    """This address does not know that method."""

    status = 405
    title_fr = "Cette adresse ne connaît pas cette méthode."
    cure = "The header Allow names the methods that it knows."
    cure_fr = "L'en-tête Allow nomme les méthodes connues."


class RequestTimeout(Problem):
    """The body of the request took too long to arrive."""

    status = 408
    title_fr = "Le corps de la requête a mis trop de temps à arriver."
    cure = "Send the whole body within ten seconds."
    cure_fr = "Envoyez le corps entier en moins de dix secondes."


class AlreadyExists(Problem):
    """An object with this value exists already."""

    status = 409
    title_fr = "Un objet porte déjà cette valeur."
    cure = "Choose another value for the fields named in errors, or read and change the object that has it."
    cure_fr = "Choisissez une autre valeur pour les champs nommés dans errors, ou modifiez l'objet qui la porte."


class StillReferenced(Problem):
    """Other objects still point to this one."""

    status = 409
    title_fr = "D'autres objets dépendent encore de celui-ci."


class StaleVersion(Problem):
    """The object has changed since you read it."""

    status = 412
    title_fr = "L'objet a changé depuis votre lecture."
    detail = "Its version is now {current_version}."
    detail_fr = "Sa version est maintenant {current_version}."
    cure = "Read it again, and send the new ETag in If-Match."
    cure_fr = "Relisez-le, et envoyez le nouvel ETag dans If-Match."


class BodyTooLarge(Problem):
    """The body is too large."""

    status = 413
    title_fr = "Le corps est trop grand."
    detail = "At most {limit_bytes} bytes are read."
    detail_fr = "Au plus {limit_bytes} octets sont lus."


class AddressTooLong(Problem):
    """The address is too long."""

    status = 414
    title_fr = "L'adresse est trop longue."


class UnsupportedMediaType(Problem):
    """The body must be JSON, sent as it is."""

    status = 415
    title_fr = "Le corps doit être du JSON, envoyé tel quel."
    cure = "Send Content-Type: application/json, without Content-Encoding."
    cure_fr = "Envoyez Content-Type: application/json, sans Content-Encoding."


class ValidationFailed(Problem):
    """Some fields are not acceptable."""

    status = 422
    title_fr = "Certains champs ne sont pas acceptables."
    cure = "Each fault is named in errors."
    cure_fr = "Chaque défaut est nommé dans errors."


class InvalidCursor(Problem):
    """The cursor does not belong to this list."""

    status = 422
    title_fr = "Le curseur n'appartient pas à cette liste."
    cure = "Start again without cursor; keep filters and sort unchanged while you page."
    cure_fr = "Recommencez sans cursor ; gardez filtres et tri inchangés d'une page à l'autre."


class IfMatchMissing(Problem):
    """This change needs a precondition."""

    status = 428
    title_fr = "Cette modification demande une précondition."
    cure = "Read the object, and send its ETag in If-Match."
    cure_fr = "Lisez l'objet, et envoyez son ETag dans If-Match."


class HeadersTooLarge(Problem):
    """The headers are too large."""

    status = 431
    title_fr = "Les en-têtes sont trop grands."


class InternalError(Problem):
    """Something broke on our side."""

    status = 500
    title_fr = "Une erreur s'est produite de notre côté."
    cure = "Nothing was changed. Tell us the request_id."
    cure_fr = "Rien n'a été modifié. Indiquez-nous le request_id."


class DatabaseUnavailable(Problem):
    """The database does not answer."""

    status = 503
    title_fr = "La base de données ne répond pas."
    cure = "Nothing is known to be changed. Try again, with the same Idempotency-Key."
    cure_fr = "Rien n'est réputé modifié. Réessayez, avec la même Idempotency-Key."
    retry_after = 2


class Busy(Problem):
    """Too much is going on at once."""

    status = 503
    title_fr = "Trop de demandes à la fois."
    cure = "Nothing was changed. Try again in a moment."
    cure_fr = "Rien n'a été modifié. Réessayez dans un instant."
    retry_after = 1
    reason: str = ""  # for the log and the metrics alone: a client can do the same about each of them

    @classmethod
    def because(cls, reason: str) -> "Busy":
        """The problem, with what ran out."""
        busy = cls()
        busy.reason = reason
        return busy


DEADLOCK = "deadlock"

# What ran out, and how it is counted. A deadlock is a bug of ours: writers take their locks in one order.
SHORTAGES: Mapping[type[BaseException], str] = {
    asyncpg.DeadlockDetectedError: DEADLOCK,
    asyncpg.LockNotAvailableError: "lock_timeout",
    asyncpg.QueryCanceledError: "statement_timeout",
    asyncpg.TransactionTimeoutError: "transaction_timeout",
    asyncpg.IdleInTransactionSessionTimeoutError: "transaction_timeout",
    PoolTimeout: "pool",
    TimeoutError: "connect_timeout",
    asyncpg.TooManyConnectionsError: "connections",
    asyncpg.DiskFullError: "disk_full",
    asyncpg.InsufficientResourcesError: "memory",
}


# --- faults of single fields: code → English, French ----------------------------------------------------------------

FIELD_MESSAGES: dict[str, tuple[str, str]] = {
    "negative_zero": ("Zero has no sign here.", "Zéro n'a pas de signe ici."),
    "not_a_quarter_day": (
        "Days are counted in quarters: 0.25, 0.5, 0.75, 1.",
        "Les jours se comptent en quarts : 0,25, 0,5, 0,75, 1.",
    ),
    "days_out_of_range": ("The number of days is out of range.", "Le nombre de jours est hors limites."),
    "fte_out_of_range": (
        "Jobs in full-time equivalents go from 0 to 99999.99.",
        "Les emplois en équivalents temps plein vont de 0 à 99999,99.",
    ),
    "action_named_twice": (
        "An action stands once in a roadmap.",
        "Une action figure une fois dans une feuille de route.",
    ),
    "holder_by_siren": ("A firm is named by its SIREN alone.", "Une entreprise se désigne par son seul SIREN."),
    "holder_by_name": (
        "A training body or association has a name.",
        "Un organisme de formation ou une association a un nom.",
    ),
    "one_lead_holder": ("One holder leads.", "Un seul porteur est chef de file."),
    "reason_of_ineligible_cost": (
        "A reason is told where a cost is not eligible, and only there.",
        "Un motif accompagne un coût non éligible, et lui seul.",
    ),
    "legal_basis_of_public_aid": (
        "Other public aid has a legal basis, and only it.",
        "Une autre aide publique a une base juridique, et elle seule.",
    ),
    "proof_of_secured_line": (
        "What is secured has a proof, and only it.",
        "Ce qui est acquis a une preuve, et cela seul.",
    ),
    "source_named_twice": (
        "A source of one kind is named once in a plan.",
        "Une source d'une même nature figure une fois au plan.",
    ),
    "not_a_hundredth": ("At most two decimals are wanted.", "Deux décimales au plus sont attendues."),
    "invalid_siren": (
        "A SIREN has nine digits, the last being its Luhn key.",
        "Un SIREN a neuf chiffres, dont une clé de Luhn.",
    ),
    "invalid_siret": (
        "A SIRET has fourteen digits, the last being its key.",
        "Un SIRET a quatorze chiffres, dont une clé.",
    ),
    "invalid_commune_code": (
        "A commune's INSEE code has five characters, as 30007 or 2A004.",
        "Un code INSEE de commune a cinq caractères, comme 30007 ou 2A004.",
    ),
    "invalid_naf_code": ("A NAF code looks like 25.62B.", "Un code NAF s'écrit comme 25.62B."),
    "invalid_legal_form_code": (
        "A legal-form code has four digits.",
        "Un code de catégorie juridique a quatre chiffres.",
    ),
    "invalid_slug": (
        "Lower-case letters, digits and single hyphens are wanted.",
        "Des minuscules, des chiffres et des traits d'union simples sont attendus.",
    ),
    "invalid_code": (
        "A lower_snake code is wanted, as site_visit.",
        "Un code en lower_snake est attendu, comme site_visit.",
    ),
    "invalid_external_id": (
        "1 to 100 visible ASCII characters are wanted.",
        "De 1 à 100 caractères ASCII visibles sont attendus.",
    ),
    "invalid_uuid": ("A UUID with hyphens is wanted.", "Un UUID avec traits d'union est attendu."),
    "invalid_email": ("An e-mail address is wanted.", "Une adresse électronique est attendue."),
    "forbidden_character": (
        "The text holds a character that is not allowed.",
        "Le texte contient un caractère interdit.",
    ),
    "too_many_combining_marks": (
        "The text heaps too many marks on one letter.",
        "Le texte empile trop de signes sur une lettre.",
    ),
    "blank_text": ("The text is empty.", "Le texte est vide."),
    "too_deep": ("The document is nested too deeply.", "Le document est imbriqué trop profondément."),
    "invalid_day": (
        "A day as 2023-06-14 is wanted, from 1900 to 2199.",
        "Un jour comme 2023-06-14 est attendu, de 1900 à 2199.",
    ),
    "reason_required": ("This stage says why.", "Cette étape dit pourquoi."),
    "future_day": ("The day is still to come in Paris.", "Le jour est encore à venir à Paris."),
    "past_day": ("The day is over in Paris.", "Le jour est passé à Paris."),
    "future_instant": ("The instant is still to come.", "L'instant est encore à venir."),
    "repeated_item": ("The list names this twice.", "La liste nomme ceci deux fois."),
    "too_many_chairs": ("One or two members preside.", "Un ou deux membres président."),
    "kept_too_long": (
        "Personal data is kept at most ten years from now.",
        "Les données personnelles se gardent au plus dix ans à partir d'aujourd'hui.",
    ),
    "not_a_step": ("A step is 0.25 or 0.5 of a day.", "Un pas est de 0,25 ou 0,5 jour."),
    "initial_order_days": (
        "An initial order orders more than zero days.",
        "Un bon de commande initial commande plus de zéro jour.",
    ),
    "initial_order_window": (
        "An initial order says starts_on and ends_on.",
        "Un bon de commande initial dit starts_on et ends_on.",
    ),
    "amendment_reason": ("An amendment says why (reason).", "Un avenant dit pourquoi (reason)."),
    "allotment_reason": ("A new allotment says why (reason).", "Un nouveau quota dit pourquoi (reason)."),
    "allotment_missing": (
        "reason and decided_on belong to a new days_allotted.",
        "reason et decided_on accompagnent un nouveau days_allotted.",
    ),
    "invalid_month": ("A month as 2023-06 is wanted.", "Un mois comme 2023-06 est attendu."),
    "month_not_over": ("The month is not over in Paris.", "Le mois n'est pas achevé à Paris."),
    "invalid_week": ("An ISO week as 2023-W27 is wanted.", "Une semaine ISO comme 2023-W27 est attendue."),
    "outside_week": ("The day lies outside the week.", "Le jour est hors de la semaine."),
    "repeated_cell": ("A cell is named twice.", "Une cellule est nommée deux fois."),
    "ids_or_filter": ("Either ids or a filter is wanted.", "Soit ids, soit un filtre est attendu."),
    "thresholds_not_rising": (
        "Thresholds rise, each named once.",
        "Les seuils montent, chacun nommé une fois.",
    ),
    "repeated_entry": ("An entry is named twice.", "Une saisie est nommée deux fois."),
    "rate_missing": (
        "No rate of this profile is in force on this day.",
        "Aucun prix de ce profil n'est en vigueur à ce jour.",
    ),
    "no_vat_rate": ("No rate of VAT is known for this day.", "Aucun taux de TVA n'est connu pour ce jour."),
    "repeated_activity": ("An activity is named twice.", "Une activité est nommée deux fois."),
    "travel_not_counted": (
        "Travel is no activity where travel does not count.",
        "Le déplacement n'est pas une activité là où il ne compte pas.",
    ),
    "missing_person": (
        "The line names nobody: a person, or consultant_id, is wanted.",
        "La ligne ne nomme personne : une personne ou consultant_id est attendu.",
    ),
    "no_assignment": (
        "Nobody of this name, of your organisation, was assigned on that day.",
        "Personne de ce nom, de votre organisme, n'était affecté ce jour-là.",
    ),
    "ambiguous_person": (
        "Several assignments may be meant: name the mission, or consultant_id.",
        "Plusieurs affectations sont possibles : nommez la mission, ou consultant_id.",
    ),
    "missing_holder": (
        "The line names no holder: the SIREN of a firm, or the holders as our exports name them, are wanted.",
        "La ligne ne nomme aucun porteur : le SIREN d'une entreprise, ou les porteurs comme nos exports les nomment.",
    ),
    "entry_not_there": (
        "Entries are imported as draft or submitted; this one is none that stands here already.",
        "Une saisie s'importe en brouillon ou soumise ; celle-ci n'est pas une saisie déjà présente.",
    ),
    "missing_column": ("The file lacks this column.", "Cette colonne manque au fichier."),
    "repeated_column": ("Two columns of the file mean this one.", "Deux colonnes du fichier désignent celle-ci."),
    "ignored_column": ("Nothing reads this column.", "Rien ne lit cette colonne."),
    "repeated_line": (
        "The same object stands on line {first_line} already.",
        "Le même objet figure déjà à la ligne {first_line}.",
    ),
    "empty_file": ("The file is empty.", "Le fichier est vide."),
    "unreadable_file": ("The file is broken.", "Le fichier est endommagé."),
    "unreadable_line": (
        "The line cannot be read; perhaps a quotation mark is not closed.",
        "La ligne ne se lit pas ; peut-être un guillemet n'est-il pas fermé.",
    ),
    "line_too_long": ("A line is far too long.", "Une ligne est beaucoup trop longue."),
    "too_many_columns": ("The line has more than 500 columns.", "La ligne a plus de 500 colonnes."),
    "file_too_large": ("The file unfolds to too much.", "Le fichier se déplie en trop de données."),
    "unusable_header": (
        "The first line does not name the columns that are needed.",
        "La première ligne ne nomme pas les colonnes nécessaires.",
    ),
    "repeated_commune": ("A commune is named twice.", "Une commune est nommée deux fois."),
    "only_zero_rate": ("Only a rate of 0 is served for now.", "Seul un taux de 0 est servi pour l'instant."),
    "grace_without_end": ("The grace leaves no instalment.", "Le différé ne laisse aucune échéance."),
    "schedule_too_long": (
        "The last instalment would fall after 2199.",
        "La dernière échéance tomberait après 2199.",
    ),
    "day_not_over": ("The day must be over in Paris.", "Le jour doit être achevé à Paris."),
    "invalid_instant": (
        "An instant as 2023-06-14T08:00:00Z is wanted.",
        "Un instant comme 2023-06-14T08:00:00Z est attendu.",
    ),
    "naive_instant": ("The instant needs a zone: Z, or +02:00.", "L'instant demande un fuseau : Z ou +02:00."),
    "period_reversed": ("The end comes before the start.", "La fin précède le début."),
    "invalid_integer": ("A whole number in digits is wanted.", "Un nombre entier en chiffres est attendu."),
    "integer_out_of_range": ("The number is out of range.", "Le nombre est hors limites."),
    "invalid": ("This value is not acceptable.", "Cette valeur n'est pas acceptable."),
    "required": ("This field is required.", "Ce champ est obligatoire."),
    "unknown_field": ("This field is not known here.", "Ce champ n'est pas connu ici."),
    "unknown_parameter": ("This parameter is not known here.", "Ce paramètre n'est pas connu ici."),
    "repeated_parameter": ("This parameter may be given once.", "Ce paramètre ne peut être donné qu'une fois."),
    "not_found": ("No such object, or none that you may see.", "Objet inconnu, ou que vous ne pouvez pas voir."),
    "duplicate": ("Another object has this value.", "Un autre objet porte cette valeur."),
    "not_an_integer": ("A whole number is wanted.", "Un nombre entier est attendu."),
    "not_a_number": ("A JSON number is wanted.", "Un nombre JSON est attendu."),
    "not_text": ("Text is wanted.", "Un texte est attendu."),
    "not_a_boolean": ("true or false is wanted.", "true ou false est attendu."),
    "not_a_list": ("A list is wanted.", "Une liste est attendue."),
    "not_an_object": ("An object is wanted.", "Un objet est attendu."),
    "not_one_of": ("One of these is wanted: {expected}.", "Une de ces valeurs est attendue : {expected}."),
    "too_small": ("The value is too small.", "La valeur est trop petite."),
    "too_large": ("The value is too large.", "La valeur est trop grande."),
    "too_short": ("The value is too short.", "La valeur est trop courte."),
    "too_long": ("The value is too long.", "La valeur est trop longue."),
    "too_many_items": ("There are too many items.", "Il y a trop d'éléments."),
    "too_few_items": ("There are too few items.", "Il y a trop peu d'éléments."),
    "only_with_json": (
        "This goes with pages of JSON; another format has all rows.",
        "Ceci va avec les pages en JSON ; un autre format a toutes les lignes.",
    ),
    "wrong_form": ("The value has not the form that is wanted.", "La valeur n'a pas la forme attendue."),
}

# Pydantic's own codes, in our words. What is absent here is `invalid`, unless a type of core/values gave its own code.
PYDANTIC_CODES = {
    "missing": "required",
    "extra_forbidden": "unknown_field",
    "int_type": "not_an_integer",
    "int_parsing": "not_an_integer",
    "number_type": "not_a_number",
    "int_from_float": "not_an_integer",
    "string_type": "not_text",
    "bool_type": "not_a_boolean",
    "bool_parsing": "not_a_boolean",
    "list_type": "not_a_list",
    "tuple_type": "not_a_list",
    "dict_type": "not_an_object",
    "model_type": "not_an_object",
    "model_attributes_type": "not_an_object",
    "enum": "not_one_of",
    "literal_error": "not_one_of",
    "greater_than": "too_small",
    "greater_than_equal": "too_small",
    "less_than": "too_large",
    "less_than_equal": "too_large",
    "string_too_short": "too_short",
    "string_too_long": "too_long",
    "string_pattern_mismatch": "wrong_form",
    "too_long": "too_many_items",
    "too_short": "too_few_items",
}


# An unknown name is the client's own text: only one that could be a field's is told back.
NAME = re.compile(r"[A-Za-z0-9_]{1,40}")


def field_errors(errors: Sequence[Mapping[str, Any]], nearest: Mapping[str, str] | None = None) -> list[FieldError]:
    """Pydantic's errors as ours: a JSON Pointer, a stable code, and nothing of what was sent."""
    found = []
    for error in errors:
        kind = str(error["type"])
        code = PYDANTIC_CODES.get(kind) or ("invalid" if kind in PYDANTIC_BUILTIN else kind)
        location = error["loc"][1:] if error["loc"][:1] in (("body",), ("query",), ("path",)) else error["loc"]
        if code == "unknown_field" and not NAME.fullmatch(str(location[-1])):
            location = (*location[:-1], "?")
        pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)
        members: dict[str, Any] = {}
        if code == "unknown_field" and error.get("msg") and nearest and pointer in nearest:
            members["did_you_mean"] = nearest[pointer]
        if code == "not_one_of":
            members["expected"] = str(error.get("ctx", {}).get("expected", "")).replace("'", "").replace(" or ", ", ")
        found.append(FieldError(pointer, code, members, str(error.get("msg", "")) if code == kind else ""))
    return found


PYDANTIC_BUILTIN = frozenset(get_args(ErrorType))


# --- what the database refuses ---------------------------------------------------------------------------------------


def translate(error: BaseException, metadata: MetaData) -> Problem | None:  # noqa: PLR0911  # one return a kind
    """The problem that a database error is, or None for a bug.

    A constraint is recognised by name. A broken foreign key names the field by its last column, a broken key the
    columns that are not the territory. Waits that ran out are `Busy`, a lost connection is `DatabaseUnavailable`.
    """
    cause = _driver_error(error)
    if isinstance(cause, asyncpg.CheckViolationError):
        known = BY_CONSTRAINT.get(cause.constraint_name or "")
        # A CHECK without a problem is a rule that the schemas should have held already: refused all the same.
        return known() if known else ValidationFailed(errors=[FieldError("", "invalid")])
    if isinstance(cause, asyncpg.ExclusionViolationError | asyncpg.UniqueViolationError):
        name = cause.constraint_name or ""
        if known := BY_CONSTRAINT.get(name):
            return known()
        fields = _columns_of(metadata, cause.table_name or "", name)
        return AlreadyExists(errors=[FieldError(f"/{field}", "duplicate") for field in fields])
    if isinstance(cause, asyncpg.ForeignKeyViolationError):
        if "still referenced" in (cause.detail or ""):
            return StillReferenced()
        fields = _columns_of(metadata, cause.table_name or "", cause.constraint_name or "")
        return ReferenceNotFound(errors=[FieldError(f"/{field}", "not_found") for field in fields[:1]])
    if isinstance(cause, asyncpg.NumericValueOutOfRangeError):  # a sum beyond what its column can hold
        return ValidationFailed(errors=[FieldError("", "too_large")])
    if reason := next((reason for kind, reason in SHORTAGES.items() if isinstance(cause, kind)), None):
        return Busy.because(reason)
    if isinstance(cause, (*DEAD, asyncpg.InvalidCatalogNameError)):
        return DatabaseUnavailable()
    return None


def constraint_of(error: BaseException) -> str:
    """The name of the constraint that refused, or an empty text."""
    return getattr(_driver_error(error), "constraint_name", None) or ""


def _driver_error(error: BaseException) -> BaseException:
    if isinstance(error, DBAPIError):
        try:
            return error.driver_exception
        except ValueError:  # SQLAlchemy's own InvalidCachedStatementError has no driver error behind it
            return error
    # While a connection is being made, SQLAlchemy's adapter hides the driver's error behind one of its own.
    cause = error.__cause__
    return cause if cause is not None and isinstance(cause, asyncpg.PostgresError | asyncpg.InterfaceError) else error


def _columns_of(metadata: MetaData, table_name: str, constraint: str) -> list[str]:
    table = metadata.tables.get(table_name)
    if table is None:
        return []
    field = next((c.info["field"] for c in _named(table) if c.name == constraint and "field" in c.info), None)
    if field is not None:
        return [field]
    for item in _named(table):
        if item.name == constraint and not isinstance(item, CheckConstraint):
            columns = [column.info.get("field", column.name) for column in item.columns if column.name != "territory"]
            return columns or ["territory"]
    return []


def _named(
    table: Table,
) -> list[ForeignKeyConstraint | UniqueConstraint | PrimaryKeyConstraint | Index | CheckConstraint]:
    kinds = ForeignKeyConstraint | UniqueConstraint | PrimaryKeyConstraint | CheckConstraint
    return [c for c in table.constraints if isinstance(c, kinds)] + list(table.indexes)


# --- the answer ------------------------------------------------------------------------------------------------------


def language_of(request: Request, default: str = "en") -> str:
    """`en` or `fr`, by Accept-Language and its weights."""
    best, weight = default, 0.0
    for part in request.headers.get("accept-language", "")[:500].split(","):
        tag, _, quality = part.strip().partition(";q=")
        name = tag.strip().lower().partition("-")[0]
        try:
            q = float(quality) if quality else 1.0
        except ValueError:
            continue
        if name in LANGUAGES and q > weight:
            best, weight = name, q
    return best


def respond(request: Request, problem: Problem) -> Response:
    """The problem as it travels, in the caller's language."""
    state = request.scope.get("state", {})
    language = language_of(request, state.get("default_language", "en"))
    path = request.scope.get("path", "")
    instance = path if re.fullmatch(r"[\w/.~:@%-]*", path, re.ASCII) else ""
    body = problem.body(language, instance=instance[:200], request_id=state.get("request_id", ""))
    request.scope.setdefault("state", {})["problem"] = problem
    headers = {"Content-Language": language, "Vary": "Accept, Accept-Language", "Cache-Control": "no-store"}
    if problem.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="rebond"'
    return Response(to_json(body) + b"\n", problem.status, headers | problem.headers, media_type=MEDIA_TYPE)
