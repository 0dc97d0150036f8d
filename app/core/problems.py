"""Errors as problem+json (RFC 9457), in English and French, with a public catalogue.

A refusal is a class beside the rule that raises it: the first line of its docstring is its public title, its name is
its code (`DaysExhausted` → `days-exhausted`) and, when the database refuses by a constraint, that constraint's name
(`days_exhausted`). Codes and members never change with the language; what was sent is never echoed.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from app.core.messages import FIELD_MESSAGES

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


class ObjectExists(Problem):
    """The object exists already, which If-None-Match excludes."""

    status = 412
    title_fr = "L'objet existe déjà, ce que If-None-Match exclut."
    cure = "Read it, and send its ETag in If-Match to change it."
    cure_fr = "Lisez-le, et envoyez son ETag dans If-Match pour le modifier."


class NothingToCompare(Problem):
    """This request has a condition, and no single object that the condition could be about."""

    status = 412
    title_fr = "Cette requête porte une condition, et aucun objet unique auquel la condition s'appliquerait."
    cure = "Send it without If-Match and If-None-Match."
    cure_fr = "Envoyez-la sans If-Match ni If-None-Match."


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
