"""The types of values that travel: every schema is made of these, so that a rule about a value is written once.

Each takes Python objects as FastAPI hands them over (a JSON body read by `app.core.writing.strictjson`, whose
fractions are Decimals), refuses with a validation error whose `type` becomes `errors[].code`, and never repeats its
input.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic_core import CoreSchema, core_schema
from stdnum import iban as stdnum_iban
from stdnum import luhn, numdb
from stdnum.eu import at_02
from stdnum.fr import siret as stdnum_siret

from app.core.faults import Fault
from app.core.messages import FORBIDDEN_CHARACTER, NOT_A_NUMBER, NOT_TEXT, TOO_LONG

NEGATIVE_ZERO = Fault("negative_zero", en="Zero must not have a sign.", fr="Zéro ne doit pas avoir de signe.")
NOT_A_QUARTER_DAY = Fault(
    "not_a_quarter_day",
    en="Must be a multiple of a quarter day, such as 0.25, 0.5, 0.75 or 1.",
    fr="Doit être un multiple d'un quart de jour, comme 0,25, 0,5, 0,75 ou 1.",
)
DAYS_OUT_OF_RANGE = Fault(
    "days_out_of_range",
    en="Must be between {minimum} and {maximum} days.",
    fr="Doit être compris entre {minimum} et {maximum} jours.",
)
FTE_OUT_OF_RANGE = Fault(
    "fte_out_of_range",
    en="Must be between {minimum} and {maximum} full-time equivalents.",
    fr="Doit être compris entre {minimum} et {maximum} équivalents temps plein.",
)
NOT_A_HUNDREDTH = Fault(
    "not_a_hundredth",
    en="Must have at most two decimals.",
    fr="Doit avoir au plus deux décimales.",
)
INVALID_SIREN = Fault(
    "invalid_siren",
    en="Must be a SIREN: nine digits without spaces, the last one being the Luhn key.",
    fr="Doit être un SIREN : neuf chiffres sans espace, dont le dernier est la clé de Luhn.",
)
INVALID_SIRET = Fault(
    "invalid_siret",
    en="Must be a SIRET: fourteen digits without spaces, the last one being the Luhn key.",
    fr="Doit être un SIRET : quatorze chiffres sans espace, dont le dernier est la clé de Luhn.",
)
IBAN_CHECKSUM = Fault(
    "iban_checksum",
    en="Must be an IBAN with the length of its country and the right check digits; spaces are allowed.",
    fr="Doit être un IBAN de la longueur de son pays, avec la bonne clé ; les espaces sont permis.",
)
IBAN_IN_TEXT = Fault(
    "iban_in_text",
    en="Must not contain an IBAN: this text is shown in full to everyone who may read it.",
    fr="Ne doit pas contenir d'IBAN : ce texte est montré en entier à qui peut le lire.",
)
INVALID_CREDITOR_IDENTIFIER = Fault(
    "invalid_creditor_identifier",
    en="Must be a SEPA creditor identifier (ICS), such as FR72ZZZ123456, with the right check digits.",
    fr="Doit être un identifiant créancier SEPA (ICS), comme FR72ZZZ123456, avec la bonne clé.",
)
INVALID_REASON_CODE = Fault(
    "invalid_reason_code",
    en="Must be a reason code of ISO 20022: two capital letters, then two letters or digits, such as AC04.",
    fr="Doit être un code motif ISO 20022 : deux lettres majuscules, puis deux lettres ou chiffres, comme AC04.",
)
INVALID_SHA256 = Fault(
    "invalid_sha256",
    en="Must be a SHA-256 digest: 64 characters, digits and lower-case letters a to f.",
    fr="Doit être une empreinte SHA-256 : 64 caractères, chiffres et lettres minuscules de a à f.",
)
INVALID_COMMUNE_CODE = Fault(
    "invalid_commune_code",
    en="Must be the INSEE code of a commune, such as 30007 or 2A004, not a postal code.",
    fr="Doit être le code INSEE d'une commune, comme 30007 ou 2A004, et non un code postal.",
)
INVALID_NAF_CODE = Fault(
    "invalid_naf_code",
    en="Must be a NAF code, such as 25.62B.",
    fr="Doit être un code NAF, comme 25.62B.",
)
INVALID_LEGAL_FORM_CODE = Fault(
    "invalid_legal_form_code",
    en="Must be a legal-form code of four digits, such as 5710.",
    fr="Doit être un code de catégorie juridique de quatre chiffres, comme 5710.",
)
INVALID_SLUG = Fault(
    "invalid_slug",
    en="Must be at most 63 lower-case letters, digits and single hyphens, such as ales-agglomeration.",
    fr="Doit avoir au plus 63 lettres minuscules, chiffres et traits d'union simples, comme ales-agglomeration.",
)
INVALID_CODE = Fault(
    "invalid_code",
    en="Must be a lower_snake code of at most 40 characters, such as site_visit.",
    fr="Doit être un code en lower_snake d'au plus 40 caractères, comme site_visit.",
)
INVALID_EXTERNAL_ID = Fault(
    "invalid_external_id",
    en="Must be 1 to 100 visible ASCII characters, without spaces.",
    fr="Doit avoir de 1 à 100 caractères ASCII visibles, sans espace.",
)
INVALID_UUID = Fault(
    "invalid_uuid",
    en="Must be a UUID with hyphens, such as 019a9f5e-7b1c-7c3e-9d41-0f6f2a4b8c11.",
    fr="Doit être un UUID avec traits d'union, comme 019a9f5e-7b1c-7c3e-9d41-0f6f2a4b8c11.",
)
INVALID_EMAIL = Fault(
    "invalid_email",
    en="Must be an e-mail address, such as name@example.fr.",
    fr="Doit être une adresse électronique, comme nom@example.fr.",
)
TOO_MANY_COMBINING_MARKS = Fault(
    "too_many_combining_marks",
    en="A letter can have at most {maximum} accents or marks.",
    fr="Une lettre peut avoir au plus {maximum} accents ou signes.",
)
BLANK_TEXT = Fault("blank_text", en="The text must not be empty.", fr="Le texte ne doit pas être vide.")
INVALID_DAY = Fault(
    "invalid_day",
    en="Must be a day from 1900-01-01 to 2199-12-31, such as 2023-06-14.",
    fr="Doit être un jour du 1900-01-01 au 2199-12-31, comme 2023-06-14.",
)
INVALID_MONTH = Fault(
    "invalid_month",
    en="Must be a month from 1900-01 to 2199-12, such as 2023-06.",
    fr="Doit être un mois de 1900-01 à 2199-12, comme 2023-06.",
)
INVALID_INSTANT = Fault(
    "invalid_instant",
    en="Must be a date and time from 1900 to 2199, such as 2023-06-14T08:00:00Z. In a URL, write + as %2B.",
    fr="Doit être une date et une heure de 1900 à 2199, comme 2023-06-14T08:00:00Z. Dans une URL, écrivez %2B pour +.",
)
NAIVE_INSTANT = Fault(
    "naive_instant",
    en="The time zone is missing: end the value with Z, or with an offset such as +02:00.",
    fr="Le fuseau horaire manque : terminez la valeur par Z, ou par un décalage comme +02:00.",
)
INVALID_INTEGER = Fault(
    "invalid_integer",
    en="Must be a whole number, written with digits only.",
    fr="Doit être un nombre entier, écrit avec des chiffres seulement.",
)
INTEGER_OUT_OF_RANGE = Fault(
    "integer_out_of_range",
    en="Must be between {minimum} and {maximum}.",
    fr="Doit être compris entre {minimum} et {maximum}.",
)


@dataclass(frozen=True, eq=False, slots=True)
class _Rule:
    """How one type is checked, described in JSON Schema, and (where JSON has no such type) written as JSON."""

    check: Callable[[Any], Any]
    schema: dict[str, Any]
    to_json: Callable[[Any], Any] | None = None

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        serialization = self.to_json and core_schema.plain_serializer_function_ser_schema(
            self.to_json, when_used="json-unless-none"
        )
        return core_schema.no_info_plain_validator_function(self.check, serialization=serialization)

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        # The handler adds what other annotations say beside this one: a description above all.
        return self.schema | handler(core_schema.any_schema())


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise NOT_TEXT.error()
    return value


def _shape(fault: Fault, pattern: str, max_length: int, **schema: Any) -> _Rule:
    """The rule of a string that matches a pattern from end to end, and is kept as it came."""
    compiled = re.compile(pattern)

    def check(value: object) -> str:
        text = _string(value)
        if len(text) > max_length or not compiled.fullmatch(text):
            raise fault.error()
        return text

    return _Rule(check, {"type": "string", "pattern": f"^{pattern}$", "maxLength": max_length, **schema})


# --- Money and rates ---------------------------------------------------------------------------------------------

# Every JSON client reads an integer up to 2^53 - 1 exactly (JavaScript, jq and spreadsheets keep numbers as doubles).
# That is 90 thousand billion euros.
MAX_CENTS = 2**53 - 1

# What one act or one line can be of: ten billion euros. A typing error beyond it is refused, and thousands of lines sum
# up to what a client reads exactly.
MAX_AMOUNT_CENTS = 10**12

# Euro cents, zero or more: a JSON integer; 1.0, "1" and true are refused.
Cents = Annotated[int, Field(strict=True, ge=0, le=MAX_CENTS, examples=[150_000_00])]

# Euro cents that may be below zero: a balance, a correction.
SignedCents = Annotated[int, Field(strict=True, ge=-MAX_CENTS, le=MAX_CENTS, examples=[150_000_00])]

# The amount of one act or line in euro cents, at least one; and one that may be nothing.
PositiveCents = Annotated[int, Field(strict=True, ge=1, le=MAX_AMOUNT_CENTS, examples=[150_000_00])]
AmountCents = Annotated[int, Field(strict=True, ge=0, le=MAX_AMOUNT_CENTS, examples=[150_000_00])]

# A rate in basis points (1 bp = 0.01 %), from 0 to 1 000 %: a JSON integer.
BasisPoints = Annotated[int, Field(strict=True, ge=0, le=100_000, examples=[2_500])]


# --- Days --------------------------------------------------------------------------------------------------------

MAX_DAYS = Decimal("99999.75")  # numeric(7,2)
MAX_SUMMED_DAYS = Decimal("999999999.75")  # of ten thousand of them
QUARTER_DAY = Decimal("0.25")
_CENT = Decimal("0.01")


def _days(low: Decimal, high: Decimal, example: float) -> _Rule:
    bounds = {"minimum": _number(low), "maximum": _number(high)}

    def out_of_range() -> Exception:
        return DAYS_OUT_OF_RANGE.error(minimum=low.quantize(_CENT), maximum=high.quantize(_CENT))

    def check(value: object) -> Decimal:
        days = _exact(value, out_of_range, max(-low, high))
        if not low <= days <= high:
            raise out_of_range()
        return days

    return _Rule(check, {"type": "number", "multipleOf": 0.25, **bounds, "examples": [example]}, _number)


def _exact(value: object, out_of_range: Callable[[], Exception], most: Decimal = MAX_DAYS) -> Decimal:
    """A number of quarter days to two places, within what the type holds; cheap also for Decimal("1E+99999999")."""
    # No float: the reader never makes one, and code that makes one has already lost exactness.
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise NOT_A_NUMBER.error()
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise NOT_A_NUMBER.error()
        if value.is_zero() and value.is_signed():
            raise NEGATIVE_ZERO.error()
        # Before any arithmetic, which would spell out the digits of a huge exponent.
        too_far = not value.is_zero() and value.adjusted() > most.adjusted()
    else:
        too_far = abs(value) > most
    if too_far:
        raise out_of_range()
    days = Decimal(value).quantize(_CENT)
    if days != value or days % QUARTER_DAY:
        raise NOT_A_QUARTER_DAY.error()
    return days


def _number(days: Decimal) -> int | float:
    # Exact: a quarter is a binary fraction.
    return int(days) if days == days.to_integral_value() else float(days)


# Days, zero or more: a JSON number, a multiple of 0.25; in Python a Decimal to two places.
Days = Annotated[Decimal, _days(Decimal(0), MAX_DAYS, 12.5)]

# Days, at least a quarter.
PositiveDays = Annotated[Decimal, _days(QUARTER_DAY, MAX_DAYS, 12.5)]

# Days added or, when negative, taken away (an amendment of an order).
SignedDays = Annotated[Decimal, _days(-MAX_DAYS, MAX_DAYS, -2.5)]

# Days of all territories together, and what is left of them.
SummedDays = Annotated[Decimal, _days(Decimal(0), MAX_SUMMED_DAYS, 12.5)]
SignedSummedDays = Annotated[Decimal, _days(-MAX_SUMMED_DAYS, MAX_SUMMED_DAYS, -2.5)]

# The part of one day that one time entry covers: 0.25, 0.5, 0.75 or 1.
DayFraction = Annotated[Decimal, _days(QUARTER_DAY, Decimal(1), 0.5)]


# A cell of a week: nothing, or such a part of a day.
CellDays = Annotated[Decimal, _days(Decimal(0), Decimal(1), 0.5)]


# --- Jobs --------------------------------------------------------------------------------------------------------

MAX_FTE = Decimal("99999.99")  # numeric(7,2)


def _fte(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise NOT_A_NUMBER.error()
    # Compared before any arithmetic, which would spell out the digits of a huge exponent. NaN cannot be compared.
    if isinstance(value, Decimal) and not value.is_finite():
        raise NOT_A_NUMBER.error()
    if not 0 <= value <= MAX_FTE:
        raise FTE_OUT_OF_RANGE.error(minimum=Decimal("0.00"), maximum=MAX_FTE)
    jobs = Decimal(value).quantize(_CENT)
    if jobs != value or jobs.is_signed():
        raise NOT_A_HUNDREDTH.error()
    return jobs


# Jobs in full-time equivalents (*équivalents temps plein*): a JSON number with at most two decimals.
Fte = Annotated[
    Decimal,
    _Rule(_fte, {"type": "number", "minimum": 0, "maximum": float(MAX_FTE), "examples": [4.5]}, float),
]


# --- Identifiers of firms and places -----------------------------------------------------------------------------

_NINE_DIGITS = re.compile(r"[0-9]{9}")
_FOURTEEN_DIGITS = re.compile(r"[0-9]{14}")
_DOUBLED = str.maketrans("0123456789", "0246813579")  # the sum of the digits of twice a digit


def is_siren(text: str) -> bool:
    """Whether this is a SIREN in canonical form: nine ASCII digits, not all zero, with a right Luhn key."""
    if not _NINE_DIGITS.fullmatch(text) or text == "000000000":
        return False
    return sum(map(int, text[::2] + text[1::2].translate(_DOUBLED))) % 10 == 0


def is_siret(text: str) -> bool:
    """Whether this is a SIRET in canonical form: fourteen ASCII digits that begin with a SIREN and pass Luhn.

    The sites of La Poste (SIREN 356000000) other than its head office have a digit sum that is a multiple of five
    instead.
    """
    return bool(_FOURTEEN_DIGITS.fullmatch(text)) and is_siren(text[:9]) and stdnum_siret.is_valid(text)


def siren_from(n: int) -> str:
    """The valid SIREN whose first eight digits are n (1 to 99 999 999): for demonstrations and tests."""
    if not 1 <= n <= 99_999_999:
        raise ValueError("n must be from 1 to 99 999 999")
    digits = f"{n:08d}"
    return digits + luhn.calc_check_digit(digits)


def siret_from(siren: str, number: int) -> str:
    """The valid SIRET of a firm's site of this number (1 to 9 999): for demonstrations and tests."""
    if not 1 <= number <= 9999:
        raise ValueError("number must be from 1 to 9 999")
    digits = f"{siren}{number:04d}"
    return digits + luhn.calc_check_digit(digits)


def _siren(value: object) -> str:
    text = _string(value)
    if not is_siren(text):
        raise INVALID_SIREN.error()
    return text


def _siret(value: object) -> str:
    text = _string(value)
    if not is_siret(text):
        raise INVALID_SIRET.error()
    return text


# A firm: nine digits, Luhn, without spaces.
Siren = Annotated[
    str, _Rule(_siren, {"type": "string", "pattern": "^[0-9]{9}$", "maxLength": 9, "examples": ["320252489"]})
]

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


def is_iban(text: str) -> bool:
    """Whether this is an IBAN in canonical form: without spaces, the BBAN as its country writes it, 1 modulo 97."""
    return bool(_IBAN.fullmatch(text)) and stdnum_iban.is_valid(text)


def iban_from(n: int) -> str:
    """The valid French IBAN of account n (1 to 99 999 999) at the bank 99999, which does not exist.

    For demonstrations and tests.
    """
    if not 1 <= n <= 99_999_999:
        raise ValueError("n must be from 1 to 99 999 999")
    bank, branch = 99999, 1
    rib_key = 97 - (89 * bank + 15 * branch + 3 * n) % 97
    bban = f"{bank:05d}{branch:05d}{n:011d}{rib_key:02d}"
    return f"FR{stdnum_iban.calc_check_digits(f'FR00{bban}')}{bban}"


def _iban(value: object) -> str:
    text = _string(value)
    packed = "".join(text.split()).upper() if len(text) <= _LONGEST_IBAN else ""
    if not is_iban(packed):
        raise IBAN_CHECKSUM.error()
    return packed


_SHORTEST_IBAN = 15  # characters, which no country undercuts
_LONGEST_IBAN = 100  # characters as they are typed, spaces included

# The number of a bank account (ISO 13616), written with or without spaces, in capitals or not; kept without spaces.
Iban = Annotated[str, _Rule(_iban, {"type": "string", "maxLength": _LONGEST_IBAN})]

_SEPARATOR = re.compile(r"[^0-9A-Z]")
_BEGINNING = re.compile(r"(?=([A-Z]{2})[0-9]{2})")
_PARTS_OF_A_BBAN = re.compile(r"([0-9]{1,3})!")


@cache
def _iban_length(country: str) -> int:
    """The characters of an IBAN of this country, where all are as long; 0 where a country has none."""
    bban = numdb.get("iban").info(country)[0][1].get("bban", "")
    length = sum(map(int, _PARTS_OF_A_BBAN.findall(bban)))
    return 4 + length if length else 0


def _ibans(packed: str) -> Iterator[tuple[int, str]]:
    """The IBANs in capitals and digits, each with its place; one may begin within another."""
    for begin in _BEGINNING.finditer(packed):
        found = packed[begin.start() : begin.start() + _iban_length(begin[1])]
        if found and is_iban(found):
            yield begin.start(), found


def masked_iban(iban: str) -> str:
    """An IBAN as it is shown: the first four and the last four characters."""
    return f"{iban[:4]} •••• {iban[-4:]}"


def holds_iban(text: str) -> bool:
    """Whether an IBAN stands somewhere in the text, however its characters are spaced."""
    return len(text) >= _SHORTEST_IBAN and any(_ibans(_SEPARATOR.sub("", text.upper())))


def with_ibans_masked(text: str) -> str:
    """The text with the mask of each IBAN in its place, however its characters are spaced."""
    spelt = [(place, each) for place, character in enumerate(text) for each in _SEPARATOR.sub("", character.upper())]
    kept = [place for place, _ in spelt]
    for first, found in _ibans("".join(each for _, each in spelt)):
        after = kept[first + len(found) - 1] + 1
        return text[: kept[first]] + masked_iban(found) + with_ibans_masked(text[after:])
    return text


def without_iban(text: str) -> str:
    """The text, which others may read: the number of an account has a field of its own, and is shown masked."""
    if holds_iban(text):
        raise IBAN_IN_TEXT.error()
    return text


_CREDITOR_IDENTIFIER = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{3}[A-Z0-9]{1,28}")


def _creditor_identifier(value: object) -> str:
    packed = "".join(_string(value).split()).upper()
    if not _CREDITOR_IDENTIFIER.fullmatch(packed) or not at_02.is_valid(packed):
        raise INVALID_CREDITOR_IDENTIFIER.error()
    return packed


# Who collects by SEPA direct debit: the identifier that the creditor's bank has had given to it (ICS).
CreditorIdentifier = Annotated[
    str, _Rule(_creditor_identifier, {"type": "string", "maxLength": 35, "examples": ["FR72ZZZ123456"]})
]

# Why a bank rejects a transfer (ISO 20022, external status reasons).
ReasonCode = Annotated[str, _shape(INVALID_REASON_CODE, "[A-Z]{2}[A-Z0-9]{2}", 4, minLength=4, examples=["AC04"])]

# The SHA-256 digest of a file, in lower-case hexadecimal.
Sha256 = Annotated[str, _shape(INVALID_SHA256, "[0-9a-f]{64}", 64, minLength=64, examples=["0" * 64])]

# A site of a firm: fourteen digits, Luhn or the rule of La Poste, without spaces.
Siret = Annotated[
    str, _Rule(_siret, {"type": "string", "pattern": "^[0-9]{14}$", "maxLength": 14, "examples": ["11002001300097"]})
]

# A commune in INSEE's code officiel géographique: five characters, Corsica 2A or 2B. Not a postal code.
InseeCode = Annotated[
    str,
    _shape(
        INVALID_COMMUNE_CODE,
        "(?:[0-9]{2}|2[AB])[0-9]{3}",
        5,
        examples=["30007"],
    ),
]

# A sub-class of NAF rev. 2 or NAF 2025, which are written alike: two digits, a point, two digits, a capital.
NafCode = Annotated[
    str,
    _shape(
        INVALID_NAF_CODE,
        r"[0-9]{2}\.[0-9]{2}[A-Z]",
        6,
        examples=["25.62B"],
    ),
]

# An INSEE legal form (catégorie juridique), level III: four digits.
LegalFormCode = Annotated[str, _shape(INVALID_LEGAL_FORM_CODE, "[0-9]{4}", 4, examples=["5710"])]


# --- Names made for machines -------------------------------------------------------------------------------------

# A name for a URL, at most 63 characters.
Slug = Annotated[
    str,
    _shape(
        INVALID_SLUG,
        "[a-z0-9]+(?:-[a-z0-9]+)*",
        63,
        examples=["ales-agglomeration"],
    ),
]

# A code of a list (an activity, a profile), at most 40 characters of lower_snake.
Code = Annotated[
    str,
    _shape(
        INVALID_CODE,
        "[a-z][a-z0-9]*(?:_[a-z0-9]+)*",
        40,
        examples=["process_audit"],
    ),
]

# The name that another system gives to an object: 1 to 100 visible ASCII characters.
ExternalId = Annotated[
    str,
    _shape(
        INVALID_EXTERNAL_ID,
        "[!-~]{1,100}",
        100,
        minLength=1,
        description="Identifier of this object in another system; unique in its collection and territory.",
        examples=["CRM-2026-00017"],
    ),
    AfterValidator(without_iban),
]


def _uuid(value: object) -> UUID:
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise INVALID_UUID.error()
    return UUID(value)


_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

# A UUID in the hyphenated form only: no braces, no urn:, no 32 bare digits.
Uuid = Annotated[
    UUID, _Rule(_uuid, {"type": "string", "format": "uuid", "examples": ["019a9f5e-7b1c-7c3e-9d41-0f6f2a4b8c11"]})
]


def _email(value: object) -> str:
    text = _string(value)
    if len(text) > 254 or not _EMAIL.fullmatch(text):
        raise INVALID_EMAIL.error()
    return text.lower()


_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+(?=[A-Za-z]){_LABEL}")

# An e-mail address in ASCII, stored in lower case, at most 254 characters. Nobody asks whether the mailbox exists.
Email = Annotated[
    str,
    _Rule(_email, {"type": "string", "format": "email", "maxLength": 254, "examples": ["claire.martin@example.fr"]}),
]


# true or false, as JSON writes them: neither 1, nor "yes".
TrueOrFalse = Annotated[bool, Field(strict=True)]


# --- Text --------------------------------------------------------------------------------------------------------

# Refused everywhere: C0 and C1 controls, half surrogates, marks that turn the direction of writing, the invisible
# characters that make twins of equal words (soft hyphen, Hangul fillers, the blank of Braille, tags), noncharacters,
# and those for private use, which each machine shows otherwise. U+200C and U+200D stay: scripts and emoji need them.
_NEVER = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufdd0-\ufdef\ufeff\ud800-\udfff"
    "\xad\u115f\u1160\u180e\u2800\u3164\uffa0\ue000-\uf8ff\U000e0000-\U000e007f\U000f0000-\U000ffffd\U00100000-\U0010fffd"
    + "".join(f"{chr(plane * 0x10000 + 0xFFFE)}{chr(plane * 0x10000 + 0xFFFF)}" for plane in range(17))
)
_FORBIDDEN_IN_TEXT = re.compile(f"[{_NEVER}]")
_FORBIDDEN_IN_LINE = re.compile(f"[{_NEVER}\t\n\u2028\u2029]")

# Nothing to see: white space, joiners, variation selectors.
_BLANK = re.compile("[\\s\u034f\u200c\u200d\ufe00-\ufe0f]*")

# Normalising sorts each run of combining marks in quadratic time (1.7 s for 40 000), and no word of any language has
# more than a few: Unicode's Stream-Safe Text Format (UAX #15) stops at 30. All are at U+0300 or above.
_MARKS_IN_A_ROW = 30
_PERHAPS_MARKS = re.compile(f"[\u0300-\U0010ffff]{{{_MARKS_IN_A_ROW + 1},}}")


def text(max_length: int, *, multiline: bool = False, as_it_is: bool = False) -> _Rule:
    """The rule of text that people write, for an annotation of str.

    Stored in NFC and trimmed, never blank, `max_length` counted in characters of what is stored. A multiline text keeps
    newlines and tabs, and CR LF becomes a newline. It holds no IBAN, unless it is taken `as_it_is`: a bank's words, in
    which who keeps them masks the numbers, or a token that we have made ourselves, where chance may spell one.
    """
    forbidden = _FORBIDDEN_IN_TEXT if multiline else _FORBIDDEN_IN_LINE

    def check(value: object) -> str:
        kept = _string(value)
        if len(kept) > 4 * max_length:  # before any work on it
            raise TOO_LONG.error(maximum=max_length)
        if multiline:
            kept = kept.replace("\r\n", "\n")
        if forbidden.search(kept):
            raise FORBIDDEN_CHARACTER.error()
        if not kept.isascii():
            _refuse_heaped_marks(kept)
            kept = unicodedata.normalize("NFC", kept)
        kept = kept.strip()
        if len(kept) > max_length:
            raise TOO_LONG.error(maximum=max_length)
        if _BLANK.fullmatch(kept):
            raise BLANK_TEXT.error()
        return kept if as_it_is else without_iban(kept)

    return _Rule(check, {"type": "string", "pattern": r"\S", "minLength": 1, "maxLength": max_length})


def _refuse_heaped_marks(value: str) -> None:
    for candidate in _PERHAPS_MARKS.finditer(value):
        in_a_row = 0
        for character in candidate[0]:
            # Decomposed first: three Tibetan vowel signs are marks only then.
            mark = unicodedata.combining(unicodedata.normalize("NFD", character)[0])
            in_a_row = in_a_row + 1 if mark else 0
            if in_a_row > _MARKS_IN_A_ROW:
                raise TOO_MANY_COMBINING_MARKS.error(maximum=_MARKS_IN_A_ROW)


# A paragraph or several, at most 10 000 characters.
Text = Annotated[str, text(10_000, multiline=True)]

# One line, at most 200 characters: a name, a title.
Line = Annotated[str, text(200)]

# Why an act was done, in a person's words.
Reason = Annotated[str, text(1000, multiline=True)]

# One line, at most 100 characters.
ShortLine = Annotated[str, text(100)]


# --- Time --------------------------------------------------------------------------------------------------------

FIRST_DAY = date(1900, 1, 1)
LAST_DAY = date(2199, 12, 31)

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt](?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?"
)


def _day(value: object) -> date:
    if isinstance(value, str) and _DAY.fullmatch(value):
        with suppress(ValueError):
            value = date.fromisoformat(value)
    if not isinstance(value, date) or isinstance(value, datetime) or not FIRST_DAY <= value <= LAST_DAY:
        raise INVALID_DAY.error()
    return value


def _instant(value: object) -> datetime:
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        with suppress(ValueError):
            value = datetime.fromisoformat(value.upper())
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise NAIVE_INSTANT.error()
        with suppress(OverflowError):  # in the years 1 and 9999, refused below
            value = value.astimezone(UTC)
    if not isinstance(value, datetime) or not FIRST_DAY <= value.date() <= LAST_DAY:
        raise INVALID_INSTANT.error()
    return value


# A Europe/Paris calendar day, YYYY-MM-DD, from 1900 to 2199.
Day = Annotated[date, _Rule(_day, {"type": "string", "format": "date", "examples": ["2026-03-02"]})]

# An instant in UTC, from 1900 to 2199. RFC 3339 with any offset on input; finer than a microsecond is cut off.
Instant = Annotated[
    datetime, _Rule(_instant, {"type": "string", "format": "date-time", "examples": ["2026-03-02T14:30:00Z"]})
]


# --- Paths and queries -------------------------------------------------------------------------------------------


def _cents_in_query(text: str) -> int:
    return parse_int(text, 0, MAX_CENTS)


# Euro cents in a query string: digits only.
CentsInQuery = Annotated[int, Field(ge=0, le=MAX_CENTS), BeforeValidator(_cents_in_query)]


MOST_DAYS = 366


def _days_in_query(text: str) -> int:
    return parse_int(text, 0, MOST_DAYS)


# How many days from today a list looks ahead: today alone, up to a year.
WithinDays = Annotated[int, Field(ge=0, le=MOST_DAYS), BeforeValidator(_days_in_query)]


def parse_int(text: str, lo: int, hi: int) -> int:
    """An integer of a path or query, from lo to hi: ASCII digits only, so no sign, space or underscore.

    A validation error with the code `invalid_integer` or `integer_out_of_range`.
    """
    if not (text.isascii() and text.isdigit()):
        raise INVALID_INTEGER.error()
    if len(text) > 19 or not lo <= (number := int(text)) <= hi:
        raise INTEGER_OUT_OF_RANGE.error(minimum=lo, maximum=hi)
    return number
