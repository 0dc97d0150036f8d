"""JSON request bodies, read strictly: two readers of one body must never understand it differently.

Beyond RFC 8259: duplicate keys, NaN and Infinity, a byte order mark, deep nesting, numbers of hundreds of digits, and
characters that PostgreSQL cannot store are refused. A number with a fraction or an exponent becomes an exact Decimal.
"""

import itertools
import json
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Never

from app.core.faults import Fault, FieldError
from app.core.messages import FORBIDDEN_CHARACTER

TOO_DEEP = Fault(
    "too_deep",
    en="Arrays and objects can be nested at most {maximum} levels deep.",
    fr="Les tableaux et objets s'imbriquent sur au plus {maximum} niveaux.",
)
NOT_UTF_8 = Fault("not_utf_8", en="The body is not valid UTF-8.", fr="Le corps n'est pas de l'UTF-8 valide.")
BYTE_ORDER_MARK = Fault(
    "byte_order_mark",
    en="The body begins with a byte order mark, which JSON does not allow.",
    fr="Le corps commence par une marque d'ordre des octets, que JSON n'admet pas.",
)
NOT_JSON = Fault(
    "not_json",
    en="The body is not valid JSON at line {line}, column {column}.",
    fr="Le corps n'est pas du JSON valide à la ligne {line}, colonne {column}.",
)
UNREADABLE_DEPTH = Fault(
    "unreadable_depth",
    en="The body is nested too deeply to be read.",
    fr="Le corps a trop de niveaux imbriqués pour être lu.",
)
REPEATED_KEY = Fault("repeated_key", en="An object has the same key twice.", fr="Un objet a deux fois la même clé.")
TOO_MANY_NAMES = Fault(
    "too_many_names",
    en="The body has more than {maximum} names; no request to this address needs as many.",
    fr="Le corps a plus de {maximum} noms ; aucune requête à cette adresse n'en demande autant.",
)
TOO_MANY_DIGITS = Fault(
    "too_many_digits",
    en="A number has more than {maximum} characters.",
    fr="Un nombre a plus de {maximum} caractères.",
)
EXPONENT_TOO_LARGE = Fault(
    "exponent_too_large", en="The exponent of a number is too large.", fr="L'exposant d'un nombre est trop grand."
)
NOT_FINITE = Fault("not_finite", en="NaN and Infinity are not JSON.", fr="NaN et Infinity ne sont pas du JSON.")

MAX_DEPTH = 32
# In the whole body: each unknown one is a fault to count, and a mebibyte holds 200 000 of them. Few are read whatever
# the address, so that who takes another name is told so; beyond them as many as its body can have.
FEW_NAMES = 1_000
MAX_NAMES = 70_000

# The lowest limit that Python can be configured to put on int(str), so that int() never refuses what passed here.
MAX_NUMBER_LENGTH = 640

# Deeper than the parser itself could go: answered as an unreadable body, not as a readable one that is too deep.
_UNREADABLE_DEPTH = 1_000

# The closing quote is optional so that an unterminated string is passed over once, not once per quote in it.
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_NOT_A_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = [1 if byte in b"[{" else -1 for byte in range(256)]  # of a bracket, by its byte

# Strict UTF-8 has no surrogates and the parser takes no raw control character: both can only come from an escape.
_SUSPICIOUS_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_FORBIDDEN = re.compile("[\x00\ud800-\udfff]")
_FIELD_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class NotJson(Exception):
    """The body cannot be read as strict JSON: `reason` says why, its figures where."""

    def __init__(self, reason: Fault, **figures: Any) -> None:
        super().__init__(reason.code)
        self.reason = reason
        self.figures = figures


class UnacceptableJson(Exception):
    """The body is JSON, but holds what no field may hold, whatever the schema.

    `fault` points to the place, or to the object around it when the key itself is odd.
    """

    def __init__(self, fault: FieldError) -> None:
        super().__init__(fault.code)
        self.fault = fault


def names_in(schema: Mapping[str, Any]) -> int:
    """How many names a body of this JSON Schema can have; one that sets no end has as many as are read anywhere."""
    definitions = schema.get("$defs", {})

    def count(part: Any, within: tuple[str, ...], most_items: float = math.inf) -> float:
        if not isinstance(part, dict):
            return 0
        if "$ref" in part:
            name = part["$ref"].rpartition("/")[2]
            return math.inf if name in within else count(definitions[name], (*within, name))
        most_items = part.get("maxItems", most_items)  # it may stand beside the «or null»
        either = [
            count(each, within, most_items) for word in ("anyOf", "oneOf", "allOf") for each in part.get(word, ())
        ]
        fields = sum(1 + count(each, within) for each in part.get("properties", {}).values())
        if part.get("additionalProperties", False) is not False:
            others = part.get("maxProperties", math.inf)
            fields += others * (1 + count(part["additionalProperties"], within))
        of_an_item = count(part.get("items"), within)
        items = of_an_item * most_items if of_an_item else 0
        return max([fields, items, *either])

    return int(min(MAX_NAMES, max(FEW_NAMES, count(schema, ()))))


def loads(body: bytes, most_names: Callable[[], int] = lambda: MAX_NAMES) -> Any:
    """The value of a request body. Only NotJson and UnacceptableJson are raised.

    `most_names`, beyond which it is not read, is asked where there are more than few.
    Integers are of any size up to 640 digits, Decimals of any exponent: bounding them is the affair of the types.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise NotJson(NOT_UTF_8) from None
    if text.startswith("\ufeff"):
        raise NotJson(BYTE_ORDER_MARK)
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _refuse_deep(text)
    if text.count(":") > FEW_NAMES and (names := _STRING.sub("", text).count(":")) > FEW_NAMES:
        maximum = most_names()
        if names > maximum:
            raise NotJson(TOO_MANY_NAMES, maximum=maximum)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise NotJson(NOT_JSON, line=error.lineno, column=error.colno) from None
    if _SUSPICIOUS_ESCAPE.search(text):
        _refuse_forbidden(value)
    return value


def _refuse_deep(text: str) -> None:
    """Measure before parsing, so that nothing deep is ever built; without a step of Python's for each bracket."""
    brackets = _STRING.sub("", text).encode().translate(None, _NOT_A_BRACKET)
    deepest = max(itertools.accumulate(map(_STEPS.__getitem__, brackets)), default=0)
    if deepest > _UNREADABLE_DEPTH:
        raise NotJson(UNREADABLE_DEPTH)
    if deepest > MAX_DEPTH:
        raise UnacceptableJson(TOO_DEEP.at("", maximum=MAX_DEPTH))


def _refuse_forbidden(value: Any, path: tuple[str, ...] = ()) -> None:
    if isinstance(value, str):
        if _FORBIDDEN.search(value):
            raise _forbidden_at(path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_forbidden(item, (*path, str(index)))
    elif isinstance(value, dict):
        for key, item in value.items():
            if _FORBIDDEN.search(key):
                raise _forbidden_at(path)
            _refuse_forbidden(item, (*path, key))


def _forbidden_at(path: tuple[str, ...]) -> UnacceptableJson:
    # A pointer repeats keys of the body: it stops before the first one that could not be the name of a field.
    named = itertools.takewhile(_FIELD_NAME.fullmatch, path)
    return UnacceptableJson(FORBIDDEN_CHARACTER.at("".join(f"/{key}" for key in named)))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise NotJson(REPEATED_KEY)
    return result


def _integer(literal: str) -> int | Decimal:
    if len(literal) > MAX_NUMBER_LENGTH:
        raise NotJson(TOO_MANY_DIGITS, maximum=MAX_NUMBER_LENGTH)
    # An int has no negative zero; a Decimal keeps it, and the types refuse it.
    return Decimal(literal) if literal == "-0" else int(literal)


def _decimal(literal: str) -> Decimal:
    if len(literal) > MAX_NUMBER_LENGTH:
        raise NotJson(TOO_MANY_DIGITS, maximum=MAX_NUMBER_LENGTH)
    try:
        return Decimal(literal)
    except InvalidOperation:
        raise NotJson(EXPONENT_TOO_LARGE) from None


def _constant(_literal: str) -> Never:
    raise NotJson(NOT_FINITE)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_decimal, parse_constant=_constant
)
