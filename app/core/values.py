"""The types of values that travel: every schema is made of these, so that a rule about a value is written once.

Each takes Python objects as FastAPI hands them over (a JSON body read by `app.core.writing.strictjson`, whose
fractions are Decimals), refuses with a validation error whose `type` becomes `errors[].code`, and never repeats its
input.
"""

import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema
from stdnum import luhn
from stdnum.fr import siren as stdnum_siren
from stdnum.fr import siret as stdnum_siret


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
        raise PydanticCustomError("string_type", "This must be a string.")
    return value


def _shape(code: str, message: str, pattern: str, max_length: int, **schema: Any) -> _Rule:
    """The rule of a string that matches a pattern from end to end, and is kept as it came."""
    compiled = re.compile(pattern)

    def check(value: object) -> str:
        text = _string(value)
        if len(text) > max_length or not compiled.fullmatch(text):
            raise PydanticCustomError(code, message)
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

# The amount of one act or line in euro cents, at least one; and one that may be nothing.
PositiveCents = Annotated[int, Field(strict=True, ge=1, le=MAX_AMOUNT_CENTS, examples=[150_000_00])]
AmountCents = Annotated[int, Field(strict=True, ge=0, le=MAX_AMOUNT_CENTS, examples=[150_000_00])]

# A rate in basis points (1 bp = 0.01 %), from 0 to 1 000 %: a JSON integer.
BasisPoints = Annotated[int, Field(strict=True, ge=0, le=100_000, examples=[2_500])]


# --- Days --------------------------------------------------------------------------------------------------------

MAX_DAYS = Decimal("99999.75")  # numeric(7,2)
QUARTER_DAY = Decimal("0.25")
_CENT = Decimal("0.01")


def _days(low: Decimal, high: Decimal, example: float) -> _Rule:
    bounds = {"minimum": _number(low), "maximum": _number(high)}

    def check(value: object) -> Decimal:
        days = _exact(value)
        if not low <= days <= high:
            raise PydanticCustomError(
                "days_out_of_range", "The number of days must be from {minimum} to {maximum}.", bounds
            )
        return days

    return _Rule(check, {"type": "number", "multipleOf": 0.25, **bounds, "examples": [example]}, _number)


def _exact(value: object) -> Decimal:
    """A number of quarter days to two places, whatever its bounds; cheap also for Decimal("1E+99999999")."""
    # No float: the reader never makes one, and code that makes one has already lost exactness.
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise PydanticCustomError("number_type", "This must be a number.")
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise PydanticCustomError("number_type", "This must be a number.")
        if value.is_zero() and value.is_signed():
            raise PydanticCustomError("negative_zero", "Zero has no sign.")
        # Before any arithmetic, which would spell out the digits of a huge exponent.
        too_far = not value.is_zero() and value.adjusted() > MAX_DAYS.adjusted()
    else:
        too_far = abs(value) > MAX_DAYS
    if too_far:
        raise PydanticCustomError("days_out_of_range", "The number of days is beyond 99999.75.")
    days = Decimal(value).quantize(_CENT)
    if days != value or days % QUARTER_DAY:
        raise PydanticCustomError("not_a_quarter_day", "Days are counted in quarters: 0.25, 0.5, 0.75, 1.")
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

# The part of one day that one time entry covers: 0.25, 0.5, 0.75 or 1.
DayFraction = Annotated[Decimal, _days(QUARTER_DAY, Decimal(1), 0.5)]


# A cell of a week: nothing, or such a part of a day.
CellDays = Annotated[Decimal, _days(Decimal(0), Decimal(1), 0.5)]


# --- Jobs --------------------------------------------------------------------------------------------------------

MAX_FTE = Decimal("99999.99")  # numeric(7,2)


def _fte(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise PydanticCustomError("number_type", "This must be a number.")
    # Compared before any arithmetic, which would spell out the digits of a huge exponent. NaN cannot be compared.
    if isinstance(value, Decimal) and not value.is_finite():
        raise PydanticCustomError("number_type", "This must be a number.")
    if not 0 <= value <= MAX_FTE:
        raise PydanticCustomError("fte_out_of_range", "Jobs in full-time equivalents must be from 0 to 99999.99.")
    jobs = Decimal(value).quantize(_CENT)
    if jobs != value or jobs.is_signed():
        raise PydanticCustomError("not_a_hundredth", "Full-time equivalents have at most two decimals.")
    return jobs


# Jobs in full-time equivalents (*équivalents temps plein*): a JSON number with at most two decimals.
Fte = Annotated[
    Decimal,
    _Rule(_fte, {"type": "number", "minimum": 0, "maximum": float(MAX_FTE), "examples": [4.5]}, float),
]


# --- Identifiers of firms and places -----------------------------------------------------------------------------

_NINE_DIGITS = re.compile(r"[0-9]{9}")
_FOURTEEN_DIGITS = re.compile(r"[0-9]{14}")


def is_siren(text: str) -> bool:
    """Whether this is a SIREN in canonical form: nine ASCII digits, not all zero, with a right Luhn key.

    stdnum alone would also take spaces, dots, a newline and nine zeros.
    """
    return bool(_NINE_DIGITS.fullmatch(text)) and text != "000000000" and stdnum_siren.is_valid(text)


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
        raise PydanticCustomError("invalid_siren", "A SIREN is nine digits without spaces, the last a Luhn key.")
    return text


def _siret(value: object) -> str:
    text = _string(value)
    if not is_siret(text):
        raise PydanticCustomError(
            "invalid_siret",
            "A SIRET is fourteen digits without spaces: a SIREN, then five digits, the last a Luhn key.",
        )
    return text


# A firm: nine digits, Luhn, without spaces.
Siren = Annotated[
    str, _Rule(_siren, {"type": "string", "pattern": "^[0-9]{9}$", "maxLength": 9, "examples": ["320252489"]})
]

# A site of a firm: fourteen digits, Luhn or the rule of La Poste, without spaces.
Siret = Annotated[
    str, _Rule(_siret, {"type": "string", "pattern": "^[0-9]{14}$", "maxLength": 14, "examples": ["11002001300097"]})
]

# A commune in INSEE's code officiel géographique: five characters, Corsica 2A or 2B. Not a postal code.
InseeCode = Annotated[
    str,
    _shape(
        "invalid_commune_code",
        "A commune code is five digits, or 2A or 2B and three digits.",
        "(?:[0-9]{2}|2[AB])[0-9]{3}",
        5,
        examples=["30007"],
    ),
]

# A sub-class of NAF rev. 2 or NAF 2025, which are written alike: two digits, a point, two digits, a capital.
NafCode = Annotated[
    str,
    _shape(
        "invalid_naf_code",
        "An activity code is two digits, a point, two digits and a capital letter.",
        r"[0-9]{2}\.[0-9]{2}[A-Z]",
        6,
        examples=["25.62B"],
    ),
]

# An INSEE legal form (catégorie juridique), level III: four digits.
LegalFormCode = Annotated[
    str, _shape("invalid_legal_form_code", "A legal form code is four digits.", "[0-9]{4}", 4, examples=["5710"])
]


# --- Names made for machines -------------------------------------------------------------------------------------

# A name for a URL, at most 63 characters.
Slug = Annotated[
    str,
    _shape(
        "invalid_slug",
        "A slug is at most 63 lower-case letters and digits, in words joined by single hyphens.",
        "[a-z0-9]+(?:-[a-z0-9]+)*",
        63,
        examples=["ales-agglomeration"],
    ),
]

# A code of a list (an activity, a profile), at most 40 characters of lower_snake.
Code = Annotated[
    str,
    _shape(
        "invalid_code",
        "A code is at most 40 lower-case letters and digits, beginning with a letter, in words joined by underscores.",
        "[a-z][a-z0-9]*(?:_[a-z0-9]+)*",
        40,
        examples=["process_audit"],
    ),
]

# The name that another system gives to an object: 1 to 100 visible ASCII characters.
ExternalId = Annotated[
    str,
    _shape(
        "invalid_external_id",
        "An external identifier is 1 to 100 visible ASCII characters, without spaces.",
        "[!-~]{1,100}",
        100,
        minLength=1,
        description="Identifier of this object in another system; unique in its collection and territory.",
        examples=["CRM-2026-00017"],
    ),
]


def _uuid(value: object) -> UUID:
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise PydanticCustomError("invalid_uuid", "A UUID is 32 hexadecimal digits in groups of 8-4-4-4-12.")
    return UUID(value)


_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

# A UUID in the hyphenated form only: no braces, no urn:, no 32 bare digits.
Uuid = Annotated[
    UUID, _Rule(_uuid, {"type": "string", "format": "uuid", "examples": ["019a9f5e-7b1c-7c3e-9d41-0f6f2a4b8c11"]})
]


def _email(value: object) -> str:
    text = _string(value)
    if len(text) > 254 or not _EMAIL.fullmatch(text):
        raise PydanticCustomError("invalid_email", "This must be an e-mail address such as name@example.fr.")
    return text.lower()


_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+(?=[A-Za-z]){_LABEL}")

# An e-mail address in ASCII, stored in lower case, at most 254 characters. Nobody asks whether the mailbox exists.
Email = Annotated[
    str,
    _Rule(_email, {"type": "string", "format": "email", "maxLength": 254, "examples": ["claire.martin@example.fr"]}),
]


# --- Text --------------------------------------------------------------------------------------------------------

# Refused everywhere: C0 and C1 controls, half surrogates, marks that turn the direction of writing, the invisible
# characters that make twins of equal words, noncharacters. U+200C and U+200D stay: scripts and emoji need them.
_NEVER = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufdd0-\ufdef\ufeff\ud800-\udfff"
    + "".join(f"{chr(plane * 0x10000 + 0xFFFE)}{chr(plane * 0x10000 + 0xFFFF)}" for plane in range(17))
)
_FORBIDDEN_IN_TEXT = re.compile(f"[{_NEVER}]")
_FORBIDDEN_IN_LINE = re.compile(f"[{_NEVER}\t\n\u2028\u2029]")

# Nothing to see: white space, soft hyphen, joiners, variation selectors.
_BLANK = re.compile("[\\s\u00ad\u034f\u200c\u200d\ufe00-\ufe0f]*")

# Normalising sorts each run of combining marks in quadratic time (1.7 s for 40 000), and no word of any language has
# more than a few: Unicode's Stream-Safe Text Format (UAX #15) stops at 30. All are at U+0300 or above.
_MARKS_IN_A_ROW = 30
_PERHAPS_MARKS = re.compile(f"[\u0300-\U0010ffff]{{{_MARKS_IN_A_ROW + 1},}}")


def text(max_length: int, *, multiline: bool = False) -> _Rule:
    """The rule of text that people write, for an annotation of str.

    Stored in NFC and trimmed, never blank, `max_length` counted in characters of what is stored. A multiline text keeps
    newlines and tabs, and CR LF becomes a newline.
    """
    forbidden = _FORBIDDEN_IN_TEXT if multiline else _FORBIDDEN_IN_LINE

    def too_long() -> PydanticCustomError:
        return PydanticCustomError(
            "string_too_long", "The text is longer than {max_length} characters.", {"max_length": max_length}
        )

    def check(value: object) -> str:
        kept = _string(value)
        if len(kept) > 4 * max_length:  # before any work on it
            raise too_long()
        if multiline:
            kept = kept.replace("\r\n", "\n")
        if forbidden.search(kept):
            raise PydanticCustomError("forbidden_character", "The text contains a control or invisible character.")
        if not kept.isascii():
            _refuse_heaped_marks(kept)
            kept = unicodedata.normalize("NFC", kept)
        kept = kept.strip()
        if len(kept) > max_length:
            raise too_long()
        if _BLANK.fullmatch(kept):
            raise PydanticCustomError("blank_text", "The text is blank.")
        return kept

    return _Rule(check, {"type": "string", "pattern": r"\S", "minLength": 1, "maxLength": max_length})


def _refuse_heaped_marks(value: str) -> None:
    for candidate in _PERHAPS_MARKS.finditer(value):
        in_a_row = 0
        for character in candidate[0]:
            # Decomposed first: three Tibetan vowel signs are marks only then.
            mark = unicodedata.combining(unicodedata.normalize("NFD", character)[0])
            in_a_row = in_a_row + 1 if mark else 0
            if in_a_row > _MARKS_IN_A_ROW:
                raise PydanticCustomError("too_many_combining_marks", "Too many accents are heaped on one letter.")


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
        raise PydanticCustomError("invalid_day", "This must be a day as YYYY-MM-DD, from 1900-01-01 to 2199-12-31.")
    return value


def _instant(value: object) -> datetime:
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        with suppress(ValueError):
            value = datetime.fromisoformat(value.upper())
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise PydanticCustomError(
                "naive_instant", "A time without its offset could be several instants: end it with Z, or +01:00."
            )
        with suppress(OverflowError):  # in the years 1 and 9999, refused below
            value = value.astimezone(UTC)
    if not isinstance(value, datetime) or not FIRST_DAY <= value.date() <= LAST_DAY:
        raise PydanticCustomError(
            "invalid_instant",
            "This must be an RFC 3339 date and time such as 2026-03-02T14:30:00Z, from 1900 to 2199; "
            "in a URL, write + as %2B.",
        )
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


def parse_int(text: str, lo: int, hi: int) -> int:
    """An integer of a path or query, from lo to hi: ASCII digits only, so no sign, space or underscore.

    PydanticCustomError (a ValueError) with the code `invalid_integer` or `integer_out_of_range`.
    """
    if not (text.isascii() and text.isdigit()):
        raise PydanticCustomError("invalid_integer", "This must be an integer, in digits only.")
    if len(text) > 19 or not lo <= (number := int(text)) <= hi:
        raise PydanticCustomError(
            "integer_out_of_range", "The integer must be from {lo} to {hi}.", {"lo": lo, "hi": hi}
        )
    return number
