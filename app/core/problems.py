"""Errors as problem+json (RFC 9457), in English and French, with a public catalogue.

A refusal is a class beside the rule that raises it: the first line of its docstring is its public title, its name is
its code (`DaysExhausted` → `days-exhausted`) and, when the database refuses by a constraint, that constraint's name
(`days_exhausted`). Codes and members never change with the language; what was sent is never echoed.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self, TypeVar

from app.core.faults import FieldError, Message, fill, plain

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 100  # told in one answer; all are counted

Action = TypeVar("Action")
State = TypeVar("State")


class Problem(Exception):
    """Something was refused."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "problem"
    constraint: ClassVar[str] = ""
    title: ClassVar[str] = "Something was refused."
    title_fr: ClassVar[str] = "La demande est refusée."
    detail: str = ""
    detail_fr: str = ""
    cure: str = ""
    cure_fr: str = ""
    retry_after: ClassVar[int | None] = None
    reason: str = ""  # for the log and the metrics alone: a client can do the same about each of them

    def __init__(
        self,
        *,
        errors: Sequence[FieldError] = (),
        total: int = 0,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(self.code)
        self.errors = errors
        self._total = total or len(errors)  # where not all were made
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

    @classmethod
    def because(cls, reason: str) -> Self:
        """The problem, with what ran out or failed."""
        problem = cls()
        problem.reason = reason
        return problem

    def body(self, language: str, *, instance: str = "", request_id: str = "") -> dict[str, Any]:
        """The document that travels; `type` is an address of this service that explains the problem."""
        french = language == "fr"
        detail = self.detail_fr if french else self.detail
        cure = self.cure_fr if french else self.cure
        members = {key: plain(value) for key, value in self.members.items()}
        text = " ".join(part for part in (fill(detail, self.members, language), cure) if part)
        body: dict[str, Any] = {
            "type": f"/problems/{self.code}",
            "title": self.title_fr if french else self.title,
            "status": self.status,
            "detail": text or (self.title_fr if french else self.title),
            "instance": instance,
            "request_id": request_id,
        }
        if self.errors:
            body["errors"] = [error.public(language) for error in self.errors[:MOST_ERRORS]]
        if self._total > MOST_ERRORS:
            body["errors_total"] = self._total
        return body | members

    def at(self, pointer: str, **members: Any) -> FieldError:
        """The problem told of one of many (`entry_locked` of one cell of a grid), with its figures."""
        en, fr = (
            " ".join(part for part in (title, detail if self.members else "") if part)
            for title, detail in ((self.title, self.detail), (self.title_fr, self.detail_fr))
        )
        return FieldError(pointer, Message(self.code.replace("-", "_"), en, fr), {**self.members, **members})

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


CATALOGUE: dict[str, type[Problem]] = {}
BY_CONSTRAINT: dict[str, type[Problem]] = {}


def _unfilled(template: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: f"‹{match[1]}›", template)


# --- what the protocol itself refuses -------------------------------------------------------------------------------


class MalformedJson(Problem):
    """The body is not readable JSON."""

    status = 400
    title_fr = "Le corps n'est pas un JSON lisible."
    detail = "{reason}"
    detail_fr = "{reason}"
    cure = "Send one JSON document in UTF-8, each key once, without NaN or Infinity."
    cure_fr = "Envoyez un document JSON en UTF-8, chaque clé une fois, sans NaN ni Infinity."


class MalformedRequest(Problem):
    """The request is not readable HTTP."""

    status = 400
    title_fr = "La requête n'est pas lisible."
    cure = (
        "Percent-encode the address as UTF-8, but neither / nor letters, digits and - . _ ~ of its path, and send each"
        " header once."
    )
    cure_fr = (
        "Encodez l'adresse en UTF-8 (pour cent), sauf / et les lettres, chiffres et - . _ ~ de son chemin, et envoyez"
        " chaque en-tête une seule fois."
    )


class CredentialsMissing(Problem):
    """This address needs an API key."""

    status = 401
    title_fr = "Cette adresse demande une clé d'API."
    cure = "Send the header «Authorization: Bearer rbd_…»."
    cure_fr = "Envoyez l'en-tête « Authorization: Bearer rbd_… »."


class CredentialsInvalid(Problem):
    """The API key is unknown, expired or revoked, waits for its confirmation, or is bound to other addresses."""

    status = 401
    title_fr = "La clé d'API est inconnue, expirée ou révoquée, attend sa confirmation ou est liée à d'autres adresses."
    cure = "Ask an administrator for a new key."
    cure_fr = "Demandez une nouvelle clé à un administrateur."

    @classmethod
    def without_scheme(cls) -> Self:
        """The answer to a key that stands alone in the header."""
        problem = cls()
        problem.cure = "Send «Bearer » before the key: «Authorization: Bearer rbd_…»."
        problem.cure_fr = "Envoyez « Bearer » devant la clé : « Authorization: Bearer rbd_… »."
        return problem

    @classmethod
    def from_elsewhere(cls) -> Self:
        """The answer to a key that is bound to other addresses than the caller's."""
        problem = cls()
        problem.cure = "Call from an address that the key is bound to, or ask an administrator for another key."
        problem.cure_fr = "Appelez depuis une adresse à laquelle la clé est liée, ou demandez-en une autre."
        return problem

    @classmethod
    def unconfirmed(cls) -> Self:
        """The answer to a key whose fingerprint nobody has confirmed yet."""
        problem = cls()
        problem.cure = "Tell a second administrator the fingerprint that the enrolment showed, who confirms it."
        problem.cure_fr = (
            "Donnez à un second administrateur l'empreinte que l'enrôlement a affichée, afin qu'il la confirme."
        )
        return problem


class Forbidden(Problem):
    """Your roles let you see this, but not change it in this way."""

    status = 403
    title_fr = "Vos rôles permettent de voir ceci, mais pas de le modifier ainsi."
    detail = "None of your roles has the permission {permission} here."
    detail_fr = "Aucun de vos rôles ne donne ici la permission {permission}."
    cure = "GET /v1/me lists your roles and what each may do."
    cure_fr = "GET /v1/me liste vos rôles et ce que chacun permet."


class InsufficientScope(Problem):
    """This API key does not carry what your roles permit here."""

    status = 403
    title_fr = "Cette clé d'API ne porte pas ce que vos rôles permettent ici."
    cure = "Use a key whose scope is full and whose permissions, where it has any, include this one."
    cure_fr = (
        "Utilisez une clé dont la portée est complète (full) et dont les permissions, si elle en a, comprennent"
        " celle-ci."
    )


class NotAcceptable(Problem):
    """The address does not have the requested form."""

    status = 406
    title_fr = "L'adresse n'a pas la forme demandée."
    detail = "It has: {offered}."
    detail_fr = "Elle a : {offered}."
    cure = "Ask for one of `offered` by Accept, or leave Accept and `format` out."
    cure_fr = "Demandez l'une de `offered` par Accept, ou omettez Accept et `format`."


class NotFound(Problem):
    """There is nothing at this address, or nothing that you are allowed to see."""

    status = 404
    title_fr = "Il n'y a rien à cette adresse, ou rien que vous ayez le droit de voir."
    cure = "Check the address: GET / lists what there is, and no address ends with a slash."
    cure_fr = "Vérifiez l'adresse : GET / liste ce qui existe, et aucune adresse ne finit par une barre oblique."

    @classmethod
    def but_for(cls, faults: Sequence[FieldError]) -> Self:
        """The answer at an address that would be right with other values: it names them."""
        problem = cls(errors=faults)
        problem.detail = "A value in the address is not valid."
        problem.detail_fr = "Une valeur de l'adresse n'est pas valide."
        problem.cure = "Correct the parameters in errors; the rest of the address is right."
        problem.cure_fr = "Corrigez les paramètres de errors ; le reste de l'adresse est juste."
        return problem


class ReferenceNotFound(Problem):
    """The request names an object that does not exist, or that you are not allowed to see."""

    status = 404
    title_fr = "La demande nomme un objet qui n'existe pas, ou que vous n'avez pas le droit de voir."
    cure = "Check the ids named in errors."
    cure_fr = "Vérifiez les identifiants nommés dans errors."


class MethodNotAllowed(Problem):
    """This address does not support this method."""

    status = 405
    title_fr = "Cette adresse n'accepte pas cette méthode."
    cure = "Use one of the methods in the header Allow."
    cure_fr = "Utilisez l'une des méthodes de l'en-tête Allow."


class RequestTimeout(Problem):
    """The body of the request took too long to arrive."""

    status = 408
    title_fr = "Le corps de la requête a mis trop de temps à arriver."
    cure = "Send the whole body within ten seconds."
    cure_fr = "Envoyez le corps entier en moins de dix secondes."


class AlreadyExists(Problem):
    """An object with this value already exists."""

    status = 409
    title_fr = "Un objet porte déjà cette valeur."
    cure = "Choose another value for the fields in errors, or read and change the object that has it."
    cure_fr = "Choisissez une autre valeur pour les champs de errors, ou modifiez l'objet qui la porte."


class InvalidTransition(Problem):
    """The state of the object does not allow this act."""

    status = 409
    title_fr = "L'état de l'objet ne permet pas cet acte."
    detail = "It is {current}; {action} requires one of: {needed}."
    detail_fr = "Il est {current} ; {action} exige l'un de ces états : {needed}."


def next_state(
    transitions: Mapping[Action, tuple[Sequence[State], State]], action: Action, current: State, refused: type[Problem]
) -> State:
    """The state to which an action leads. Raises `refused` (409), which names the states that the action needs."""
    needed, target = transitions[action]
    if current not in needed:
        raise refused(current=current, action=action, needed=list(needed))
    return target


class StillReferenced(Problem):
    """Other objects still refer to this one."""

    status = 409
    title_fr = "D'autres objets se réfèrent encore à celui-ci."
    cure = "Remove these references first, or with the same request."
    cure_fr = "Retirez d'abord ces références, ou par la même requête."


class TotalTooLarge(Problem):
    """A total would be too large for the service."""

    status = 409
    title_fr = "Un total serait trop grand pour le service."
    cure = "Use smaller amounts or numbers of days."
    cure_fr = "Utilisez des montants ou des nombres de jours plus petits."


class StaleVersion(Problem):
    """The object has changed since you read it."""

    status = 412
    title_fr = "L'objet a changé depuis votre lecture."
    detail = "Its version is now {current_version}."
    detail_fr = "Sa version est maintenant {current_version}."
    cure = "Read it again, and send the new ETag in If-Match, or * where you are told none."
    cure_fr = "Relisez-le, et envoyez le nouvel ETag dans If-Match, ou * si aucun ne vous est donné."


class ObjectExists(Problem):
    """The object exists already, which If-None-Match excludes."""

    status = 412
    title_fr = "L'objet existe déjà, ce que If-None-Match exclut."
    cure = "Read it, and send its ETag in If-Match to change it, or * where you are told none."
    cure_fr = "Lisez-le, et envoyez son ETag dans If-Match pour le modifier, ou * si aucun ne vous est donné."


class NothingToCompare(Problem):
    """If-Match and If-None-Match compare one object, and this request changes no single one."""

    status = 412
    title_fr = "If-Match et If-None-Match comparent un seul objet, et cette requête n'en modifie pas un seul."
    cure = "Send it without If-Match and If-None-Match."
    cure_fr = "Envoyez-la sans If-Match ni If-None-Match."


class BodyTooLarge(Problem):
    """The body is too large."""

    status = 413
    title_fr = "Le corps est trop grand."
    detail = "The body can have at most {limit_bytes} bytes."
    detail_fr = "Le corps peut avoir au plus {limit_bytes} octets."


class AddressTooLong(Problem):
    """The address is too long."""

    status = 414
    title_fr = "L'adresse est trop longue."


class UnsupportedMediaType(Problem):
    """The body is of a type that is not read here, or compressed."""

    status = 415
    title_fr = "Le corps est d'un type qui n'est pas lu ici, ou compressé."
    cure = "Send Content-Type: application/json, without Content-Encoding."
    cure_fr = "Envoyez Content-Type: application/json, sans Content-Encoding."

    @classmethod
    def of_a_file(cls, expected: Sequence[str]) -> Self:
        """The answer where the body is a file: it names the types that are read."""
        problem = cls(expected=list(expected))
        problem.detail = "Its Content-Type is one of: {expected}."
        problem.detail_fr = "Son Content-Type est l'un de : {expected}."
        problem.cure = "Send the file itself as the body; application/octet-stream does for each."
        problem.cure_fr = "Envoyez le fichier lui-même comme corps ; application/octet-stream convient à chacun."
        return problem


class ValidationFailed(Problem):
    """Some fields are not valid."""

    status = 422
    title_fr = "Certains champs ne sont pas valides."
    cure = "Correct the fields in errors; each one says what is expected."
    cure_fr = "Corrigez les champs de errors ; chacun dit ce qui est attendu."


class InvalidCursor(Problem):
    """The cursor does not belong to this list."""

    status = 422
    title_fr = "Le curseur n'appartient pas à cette liste."
    cure = "Start again without cursor, and keep filters and sort unchanged from page to page."
    cure_fr = "Recommencez sans cursor ; gardez filtres et tri inchangés d'une page à l'autre."


class IfMatchMissing(Problem):
    """This change requires the header If-Match."""

    status = 428
    title_fr = "Cette modification exige l'en-tête If-Match."
    cure = "Read the object and send its ETag in If-Match."
    cure_fr = "Lisez l'objet et envoyez son ETag dans If-Match."


class HeadersTooLarge(Problem):
    """The headers are too large."""

    status = 431
    title_fr = "Les en-têtes sont trop grands."


class InternalError(Problem):
    """The service made an error."""

    status = 500
    title_fr = "Le service a commis une erreur."
    cure = "Nothing was changed. Report the request_id to the people who run the service."
    cure_fr = "Rien n'a été modifié. Signalez le request_id aux personnes qui exploitent le service."


class DatabaseUnavailable(Problem):
    """The database does not answer."""

    status = 503
    title_fr = "La base de données ne répond pas."
    cure = "The change may or may not have been made. Try again with the same Idempotency-Key."
    cure_fr = "La modification a peut-être été faite. Réessayez avec la même Idempotency-Key."
    retry_after = 2


class Stopping(Problem):
    """This process of the service ends soon."""

    status = 503
    title_fr = "Ce processus du service s'arrête bientôt."
    cure = "Send new requests to another instance, or in a moment to the one that follows. Requests are still answered."
    cure_fr = (
        "Envoyez les nouvelles requêtes à une autre instance, ou dans un instant à celle qui suit. Les requêtes sont"
        " encore servies."
    )
    retry_after = 5


class Busy(Problem):
    """The service is too busy."""

    status = 503
    title_fr = "Le service est trop occupé."
    cure = "Nothing was changed. Try again in a moment."
    cure_fr = "Rien n'a été modifié. Réessayez dans un instant."
    retry_after = 1
