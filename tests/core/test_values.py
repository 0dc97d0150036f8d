"""Values of every type: what is taken, how it is kept, and by which code the rest is refused."""

import json
import random
import time
import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError
from stdnum import luhn

from app.core import clock, values
from app.core.values import is_siren, is_siret, parse_int, siren_from
from app.core.writing import strictjson

TYPES = {
    name: TypeAdapter[Any](getattr(values, name))
    for name in [
        *["Cents", "PositiveCents", "BasisPoints", "Days", "PositiveDays", "SignedDays", "DayFraction"],
        *["Siren", "Siret", "InseeCode", "NafCode", "LegalFormCode", "Slug", "Code", "ExternalId", "Uuid", "Email"],
        *["Text", "Line", "ShortLine", "Day", "Instant"],
    ]
}


def take(name: str, value: Any) -> Any:
    return TYPES[name].validate_python(value)


def code_of(name: str, value: Any) -> str:
    """The code by which a value is refused."""
    with pytest.raises(ValidationError) as refused:
        take(name, value)
    (error,) = refused.value.errors()
    return error["type"]


# --- every type, whatever it is given ---------------------------------------------------------------------------

HOSTILE: list[Any] = [
    None,
    True,
    False,
    "",
    " ",
    "\x00",
    "\ud800",
    "x" * 100_000,
    "NaN",
    "sNaN",
    "1E+99999999",
    "1000000000000000",
    "-0",
    "1_000",
    "infinity",
    "\u0663\u0662\u0660\u0662\u0665\u0662\u0664\u0668\u0669",
    0.1,
    1.0,
    float("nan"),
    float("inf"),
    float("-inf"),
    1e308,
    -1,
    2**63,
    -(2**63) - 1,
    10**5_000,
    Decimal("1.0"),
    Decimal("-0"),
    Decimal("-0.00"),
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("-Infinity"),
    Decimal("1e400"),
    Decimal("1E+99999999"),
    Decimal("-1E+999999999999999999"),
    Decimal("1E-999999999999999999"),
    Decimal("0E+999999999999999999"),
    Decimal("0." + "1" * 10_000),
    [],
    {},
    [[]],
    {"\ud800": 1},
    b"320252489",
    bytearray(b"x"),
    object(),
    date.min,
    date.max,
    datetime.min,
    datetime.max.replace(tzinfo=UTC),
    datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
    timedelta(1),
    UUID(int=0),
    int,
]


@pytest.mark.parametrize("name", TYPES)
def test_hostile_values_are_taken_or_refused_never_an_accident(name: str) -> None:
    for value in HOSTILE:
        started = time.process_time()
        try:
            take(name, value)
        except ValidationError as refused:
            for error in refused.errors():
                assert error["type"].replace("_", "").isalpha()
                assert error["msg"].isprintable()
        assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    "value", ["qZ7!" * 12_000, "qZ7!\x00", "qZ7! é", 10**9 + 770_077, Decimal("-770077.3"), [770077]]
)
def test_no_message_repeats_its_input(value: Any) -> None:
    for name in TYPES:
        try:
            take(name, value)
        except ValidationError as refused:
            for error in refused.errors():
                assert "qZ7" not in error["msg"]
                assert "770077" not in error["msg"]


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(st.characters(codec=None))
    | st.dates()
    | st.datetimes(timezones=st.none() | st.timezones())
    | st.uuids()
    | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(sorted(TYPES)), anything)
def test_any_object_is_taken_or_refused_and_what_is_taken_is_stable(name: str, value: Any) -> None:
    try:
        taken = take(name, value)
    except ValidationError:
        return
    assert take(name, taken) == taken


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_the_json_schema_is_valid_and_its_example_is_taken(name: str, mode: Any) -> None:
    schema = TYPES[name].json_schema(mode=mode)
    jsonschema_rs.Draft202012Validator(schema)
    assert schema["type"] in {"integer", "number", "string", "object"}
    for example in schema.get("examples", []):
        jsonschema_rs.validate(schema, example)
        written = json.loads(TYPES[name].dump_json(take(name, strictjson.loads(json.dumps(example).encode()))))
        assert written == example


def test_each_kind_of_schema_says_its_bounds() -> None:
    assert TYPES["Cents"].json_schema() == {
        "type": "integer",
        "minimum": 0,
        "maximum": 9_007_199_254_740_991,
        "examples": [15_000_000],
    }
    assert TYPES["DayFraction"].json_schema() == {
        "type": "number",
        "multipleOf": 0.25,
        "minimum": 0.25,
        "maximum": 1,
        "examples": [0.5],
    }
    assert TYPES["Slug"].json_schema()["pattern"] == "^[a-z0-9]+(?:-[a-z0-9]+)*$"
    assert TYPES["Line"].json_schema() == {"type": "string", "pattern": r"\S", "minLength": 1, "maxLength": 200}
    assert TYPES["Day"].json_schema()["format"] == "date"
    assert TYPES["Instant"].json_schema()["format"] == "date-time"


def test_the_types_work_as_optional_fields_with_a_description() -> None:
    class Entry(BaseModel):
        days: values.DayFraction
        note: Annotated[str, values.text(5)] | None = None
        at: values.Instant | None = None

    entry = Entry.model_validate({"days": 1, "note": " été ", "at": "2026-03-02T15:30:00.5+01:00"})
    assert entry.model_dump_json() == '{"days":1,"note":"été","at":"2026-03-02T14:30:00.500000Z"}'
    assert entry.model_dump()["days"] == Decimal("1.00")


# --- money and rates --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [("Cents", 0), ("Cents", 2**53 - 1), ("PositiveCents", 1), ("BasisPoints", 0), ("BasisPoints", 100_000)],
)
def test_integers_within_bounds_are_taken(name: str, value: int) -> None:
    assert take(name, value) == value


@pytest.mark.parametrize("name", ["Cents", "PositiveCents", "BasisPoints"])
@pytest.mark.parametrize(
    "literal", ["1.0", "1e2", "0.1", "true", '"1"', '"1_000"', "-0", "-0.0", "1e400", "null", "[]"]
)
def test_only_a_json_integer_is_an_integer(name: str, literal: str) -> None:
    assert code_of(name, strictjson.loads(literal.encode())) == "int_type"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("Cents", -1, "greater_than_equal"),
        ("Cents", 2**53, "less_than_equal"),
        ("Cents", 2**63, "less_than_equal"),
        ("Cents", 10**600, "less_than_equal"),
        ("Cents", -(10**600), "greater_than_equal"),
        ("PositiveCents", 0, "greater_than_equal"),
        ("BasisPoints", 100_001, "less_than_equal"),
    ],
)
def test_integers_out_of_bounds_are_refused(name: str, value: int, code: str) -> None:
    assert code_of(name, value) == code


# --- days -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "literal", "kept"),
    [
        ("Days", "0", "0.00"),
        ("Days", "0.0", "0.00"),
        ("Days", "0e9", "0.00"),
        ("Days", "12.25", "12.25"),
        ("Days", "100", "100.00"),
        ("Days", "1.5e1", "15.00"),
        ("Days", "0.2500000", "0.25"),
        ("Days", "99999.75", "99999.75"),
        ("PositiveDays", "0.25", "0.25"),
        ("SignedDays", "-2.5", "-2.50"),
        ("SignedDays", "-99999.75", "-99999.75"),
        ("DayFraction", "0.25", "0.25"),
        ("DayFraction", "1", "1.00"),
        ("DayFraction", "1.0", "1.00"),
    ],
)
def test_quarter_days_are_taken_exactly(name: str, literal: str, kept: str) -> None:
    assert str(take(name, strictjson.loads(literal.encode()))) == kept


@pytest.mark.parametrize(
    ("name", "literal", "code"),
    [
        ("Days", "0.505", "not_a_quarter_day"),
        ("Days", "0.1", "not_a_quarter_day"),
        ("Days", "0.24999999999999999999999999999999999999", "not_a_quarter_day"),
        ("Days", "0.25000000000000000000000000000000000001", "not_a_quarter_day"),
        ("Days", "1e-400", "not_a_quarter_day"),
        ("Days", "-0", "negative_zero"),
        ("Days", "-0.00", "negative_zero"),
        ("Days", "-0.25", "days_out_of_range"),
        ("Days", "100000", "days_out_of_range"),
        ("Days", "99999.99", "not_a_quarter_day"),
        ("Days", "1e400", "days_out_of_range"),
        ("Days", "1E+99999999", "days_out_of_range"),
        ("Days", "-1E+99999999", "days_out_of_range"),
        ("Days", "9" * 600, "days_out_of_range"),
        ("Days", "true", "not_a_number"),
        ("Days", '"1"', "not_a_number"),
        ("Days", '"NaN"', "not_a_number"),
        ("Days", "null", "not_a_number"),
        ("PositiveDays", "0", "days_out_of_range"),
        ("SignedDays", "-100000", "days_out_of_range"),
        ("DayFraction", "0", "days_out_of_range"),
        ("DayFraction", "1.25", "days_out_of_range"),
        ("DayFraction", "-0.25", "days_out_of_range"),
    ],
)
def test_other_numbers_are_no_days(name: str, literal: str, code: str) -> None:
    assert code_of(name, strictjson.loads(literal.encode())) == code


@pytest.mark.parametrize("value", [0.25, float("nan"), Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity")])
def test_floats_and_infinities_of_python_are_no_days(value: Any) -> None:
    assert code_of("Days", value) == "not_a_number"


@given(st.integers(-399_999, 399_999))
def test_every_quarter_survives_the_way_in_and_out(quarters: int) -> None:
    days = Decimal(quarters) / 4
    taken = take("SignedDays", days)
    assert taken == days
    assert taken.as_tuple().exponent == -2
    assert strictjson.loads(TYPES["SignedDays"].dump_json(taken)) == days


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_days_are_taken_just_when_they_are_bounded_quarters(number: Decimal) -> None:
    numerator, denominator = number.as_integer_ratio() if abs(number.adjusted()) < 400 else (1, 3)
    quarter = 4 * numerator % denominator == 0
    bounded = abs(4 * numerator) <= 399_999 * denominator
    negative_zero = number.is_zero() and number.is_signed()
    try:
        assert take("SignedDays", number) == number
        taken = True
    except ValidationError:
        taken = False
    assert taken == (quarter and bounded and not negative_zero)


# --- firms and places -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("siren", ["200066918", "213000078", "320252489", "507523678", "180020026", "356000000"])
def test_real_sirens_are_taken(siren: str) -> None:
    assert take("Siren", siren) == siren


@pytest.mark.parametrize(
    "value",
    [
        "000000000",
        "320252488",
        "320252489\n",
        " 320252489",
        "320 252 489",
        "320\u00a0252\u00a0489",
        "320\u202f252\u202f489",
        "320.252.489",
        "\u0663\u0662\u0660\u0662\u0665\u0662\u0664\u0668\u0669",
        "\uff13\uff12\uff10\uff12\uff15\uff12\uff14\uff18\uff19",
        "32025248",
        "3202524890",
        "32025248a",
        "",
        "\ud800" * 9,
    ],
)
def test_a_siren_has_one_form_only(value: str) -> None:
    assert code_of("Siren", value) == "invalid_siren"
    assert not is_siren(value)


@given(st.integers(1, 99_999_999), st.integers(0, 9))
def test_of_ten_keys_exactly_one_makes_a_siren(n: int, key: int) -> None:
    siren = siren_from(n)
    assert siren.startswith(f"{n:08d}")
    assert take("Siren", siren) == siren
    assert is_siren(siren[:8] + str(key)) == (siren[8] == str(key))


@given(st.integers(1, 99_999_999), st.integers(0, 7))
def test_two_neighbouring_digits_swapped_are_noticed(n: int, place: int) -> None:
    siren = siren_from(n)
    left, right = siren[place], siren[place + 1]
    swapped = siren[:place] + right + left + siren[place + 2 :]
    if {left, right} not in ({"0", "9"}, {left}):  # Luhn does not see 09 for 90
        assert not is_siren(swapped)


@pytest.mark.parametrize("n", [0, -1, 100_000_000])
def test_a_synthetic_siren_has_eight_free_digits(n: int) -> None:
    with pytest.raises(ValueError, match="from 1 to"):
        siren_from(n)


@pytest.mark.parametrize("siret", ["23350001600040", "11002001300097", "35600000000048", "35600000049837"])
def test_real_sirets_are_taken(siret: str) -> None:
    assert take("Siret", siret) == siret
    assert is_siret(siret)


@pytest.mark.parametrize(
    "value",
    [
        "11002001300098",
        "35600000000011",  # neither Luhn nor a digit sum that is a multiple of five
        "00000000000000",
        "32025248800000",  # its SIREN is wrong
        "11002001300097\n",
        "110 020 013 00097",
        "21860194600000.0",
        "110020013",
        "\u0661\u0661\u0660\u0660\u0662\u0660\u0660\u0661\u0663\u0660\u0660\u0660\u0669\u0667",
    ],
)
def test_a_siret_has_one_form_only(value: str) -> None:
    assert code_of("Siret", value) == "invalid_siret"
    assert not is_siret(value)


@given(st.integers(0, 99_999))
def test_la_poste_sums_its_digits(nic: int) -> None:
    siret = f"356000000{nic:05d}"
    assert is_siret(siret) == (sum(map(int, siret)) % 5 == 0 or siret == "35600000000048")


# --- names for machines -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("InseeCode", "30007"),
        ("InseeCode", "2A004"),
        ("InseeCode", "97411"),
        ("NafCode", "25.62B"),
        ("LegalFormCode", "5710"),
        ("Slug", "ales"),
        ("Slug", "vallee-de-l-arve-2"),
        ("Slug", "a" * 63),
        ("Code", "process_audit"),
        ("Code", "profile2"),
        ("Code", "a" * 40),
        ("ExternalId", "!~"),
        ("ExternalId", "x" * 100),
    ],
)
def test_names_are_kept_as_they_came(name: str, value: str) -> None:
    assert take(name, value) == value


@pytest.mark.parametrize(
    ("name", "code", "bad"),
    [
        (
            "InseeCode",
            "invalid_commune_code",
            ["2C004", "2a004", "3000", "300077", "30007\n", "\u0663\u0660\u0660\u0660\u0667"],
        ),
        ("NafCode", "invalid_naf_code", ["2562B", "25.62b", "25.62", "25x62B", "25.62B\n", "\u0662\u0665.62B"]),
        ("LegalFormCode", "invalid_legal_form_code", ["571", "57100", "5710\n", "571O", "\uff15\uff17\uff11\uff10"]),
        (
            "Slug",
            "invalid_slug",
            ["", "-a", "a-", "a--b", "Alès", "Ales", "a_b", "a b", "a\n", "a" * 64, "a/..", "\ud800"],
        ),
        ("Code", "invalid_code", ["", "_a", "a_", "a__b", "A", "a-b", "2a", "a\n", "a" * 41, "é"]),
        ("ExternalId", "invalid_external_id", ["", "a b", "é", "a\n", "\x7f", "x" * 101, "a\u200b", "\x00"]),
    ],
)
def test_malformed_names_are_refused(name: str, code: str, bad: list[str]) -> None:
    assert {code_of(name, value) for value in bad} == {code}
    assert code_of(name, 5710) == "not_text"


def test_a_uuid_has_hyphens() -> None:
    uuid = UUID("019a9f5e-7b1c-7c3e-9d41-0f6f2a4b8c11")
    assert take("Uuid", str(uuid)) == take("Uuid", str(uuid).upper()) == take("Uuid", uuid) == uuid
    for bad in [
        uuid.hex,
        f"{{{uuid}}}",
        uuid.urn,
        f"{uuid}\n",
        f" {uuid}",
        str(uuid)[:-1] + "g",
        uuid.int,
        uuid.bytes,
        "",
    ]:
        assert code_of("Uuid", bad) == "invalid_uuid"


def test_an_email_is_kept_in_lower_case() -> None:
    assert take("Email", "Claire.Martin+x@Example.FR") == "claire.martin+x@example.fr"
    assert take("Email", "a@" + "b" * 63 + ".xn--p1ai")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "a",
        "a@b",
        "@example.fr",
        "a@@example.fr",
        "a b@example.fr",
        "a@example.fr\n",
        " a@example.fr",
        "a@example.fr\r\nBcc: b@example.fr",
        ".a@example.fr",
        "a.@example.fr",
        "a..b@example.fr",
        "a@-example.fr",
        "a@example-.fr",
        "a@example..fr",
        "a@127.0.0.1",
        "a@[127.0.0.1]",
        "é@example.fr",
        "a@exämple.fr",
        "Claire <a@example.fr>",
        "a,b@example.fr",
        "a" * 65 + "@example.fr",
        "a@" + "b" * 64 + ".fr",
        "a@" + "b." * 130 + "fr",
        "a\x00@example.fr",
    ],
)
def test_what_is_no_email_is_refused(value: str) -> None:
    assert code_of("Email", value) == "invalid_email"


# --- text -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("Line", "  Fonderie Alésienne\u00a0", "Fonderie Alésienne"),
        ("Line", "Ale\u0300s", "Al\u00e8s"),
        ("Line", "100\u00a0% <script> #read '; --", "100\u00a0% <script> #read '; --"),
        ("Line", "=cmd", "=cmd"),
        ("Line", "👩\u200d🔧", "👩\u200d🔧"),
        (
            "Line",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        ),
        ("Text", "a\r\nb\n\tc\n", "a\nb\n\tc"),
        ("Line", "é" * 200, "é" * 200),
        ("Line", "e\u0301" * 200, "é" * 200),
        ("Line", " " * 500 + "a", "a"),
        ("Line", "a" + "\u0316" * 30, "a" + "\u0316" * 30),
    ],
)
def test_text_is_kept_trimmed_and_composed(name: str, value: str, kept: str) -> None:
    assert take(name, value) == kept


def test_twins_in_nfc_and_nfd_become_one() -> None:
    assert take("Line", unicodedata.normalize("NFD", "Société Alès")) == take("Line", "Société Alès")


@pytest.mark.parametrize(
    "character",
    [
        *"\x00\x01\x08\x0b\x0c\r\x1b\x1f\x7f\x80\x85\x9f",
        *"\ud800\udbff\udc00\udfff",
        *"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c",
        *"\u200b\u2060\ufeff\ufdd0\ufdef\ufffe\uffff\U0001fffe\U0010ffff",
        *"\u00ad\u115f\u1160\u180e\u2800\u3164\uffa0\U000e0001\U000e0041\U000e007f",
        *"\ue000\uf0b7\uf8ff\U000f0000\U0010fffd",
    ],
    ids=lambda character: f"U+{ord(character):04X}",
)
@pytest.mark.parametrize("name", ["Text", "Line"])
@pytest.mark.parametrize("around", ["a{}b", "{}a", "a{}", "{}"])
def test_invisible_and_control_characters_are_refused(name: str, character: str, around: str) -> None:
    assert code_of(name, around.format(character)) == "forbidden_character"


@pytest.mark.parametrize("character", ["\n", "\t", "\r\n", "\u2028", "\u2029"])
def test_a_line_is_one_line(character: str) -> None:
    assert code_of("Line", f"a{character}b") == "forbidden_character"
    assert code_of("Line", f"a{character}") == "forbidden_character"
    assert take("Text", f"a{character}b") == f"a{character}b".replace("\r\n", "\n")


@pytest.mark.parametrize("value", ["", " ", "\u00a0\u3000", "\u200d", "\u034f \u200c"])
def test_text_that_shows_nothing_is_blank(value: str) -> None:
    assert code_of("Line", value) == "blank_text"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ShortLine", "a" * 101),
        ("Line", "a" * 201),
        ("Text", "a" * 10_001),
        ("Line", " " * 801),
        ("Line", "\u0958" * 101),  # composed, one such letter is two characters
    ],
)
def test_text_has_a_length(name: str, value: str) -> None:
    assert code_of(name, value) == "too_long"


@pytest.mark.parametrize(
    "value",
    [
        "a" + "\u0300" * 20_000 + "\u0316" * 19_000,
        "\u0f73" * 40_000,  # a mark only once decomposed
        "\u0344" * 40_000,
        "é" + "\u0301" * 31,
    ],
    ids=["two kinds", "Tibetan", "double", "one too many"],
)
def test_heaps_of_combining_marks_are_refused_before_they_cost(value: str) -> None:
    started = time.process_time()
    assert code_of("Text", value) == "too_many_combining_marks"
    assert time.process_time() - started < 0.3  # 1.7 s if they were normalised


@pytest.mark.parametrize("value", ["\ud7a3" * 40_000, "\u1100\u1161" * 20_000, ("\u0300\u0316" * 15 + "a") * 1_290])
def test_long_foreign_text_costs_little(value: str) -> None:
    started = time.process_time()
    assert code_of("Text", value) == "too_long"
    assert time.process_time() - started < 0.3


@given(st.text(st.characters(codec=None), max_size=300), st.sampled_from(["Text", "Line", "ShortLine"]))
def test_text_is_normal_trimmed_and_stable(value: str, name: str) -> None:
    try:
        kept = take(name, value)
    except ValidationError:
        return
    assert kept == kept.strip()
    assert unicodedata.is_normalized("NFC", kept)
    kept.encode("utf-8")
    assert take(name, kept) == kept
    jsonschema_rs.validate(TYPES[name].json_schema(), kept)


def test_text_of_another_length() -> None:
    adapter = TypeAdapter(Annotated[str, values.text(3, multiline=True)])
    assert adapter.validate_python(" a\nb ") == "a\nb"
    with pytest.raises(ValidationError, match=r"too long.*: 3"):
        adapter.validate_python("a\nbc")


# --- time -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["1900-01-01", "2024-02-29", "2199-12-31"])
def test_days_of_the_calendar_are_taken(value: str) -> None:
    assert take("Day", value) == take("Day", date.fromisoformat(value)) == date.fromisoformat(value)


@pytest.mark.parametrize(
    "value",
    [
        "0001-01-01",
        "1899-12-31",
        "2200-01-01",
        "9999-12-31",
        "10000-01-01",
        "2025-02-29",
        "2026-13-01",
        "2026-00-10",
        "20260302",
        "2026-W10-1",
        "2026-3-2",
        "02/03/2026",
        "2026-03-02T00:00:00",
        "2026-03-02T00:00:00Z",
        "2026-03-02\n",
        " 2026-03-02",
        "-2026-03-02",
        "\u0662\u0660\u0662\u0666-03-02",
        "infinity",
        "-infinity",
        "today",
        "",
        "1772409600",
        1772409600,
        Decimal("1772409600.0"),
        True,
        None,
        date(1, 1, 1),
        date(9999, 12, 31),
        datetime(2026, 3, 2),
        datetime(2026, 3, 2, tzinfo=UTC),
    ],
)
def test_anything_else_is_no_day(value: Any) -> None:
    assert code_of("Day", value) == "invalid_day"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("2026-03-02T14:30:00Z", "2026-03-02T14:30:00Z"),
        ("2026-03-02t14:30:00z", "2026-03-02T14:30:00Z"),
        ("2026-03-02T15:30:00+01:00", "2026-03-02T14:30:00Z"),
        ("2026-03-02T14:30:00-00:00", "2026-03-02T14:30:00Z"),
        ("2026-03-02T14:30:00.5Z", "2026-03-02T14:30:00.500000Z"),
        ("2026-03-02T14:30:00.123456789Z", "2026-03-02T14:30:00.123456Z"),
        ("1900-01-01T00:00:00Z", "1900-01-01T00:00:00Z"),
        ("2199-12-31T23:59:59.999999Z", "2199-12-31T23:59:59.999999Z"),
        ("2200-01-01T00:30:00+01:00", "2199-12-31T23:30:00Z"),
        # The hour that Paris has twice, and the one it has not, are told apart by the offset.
        ("2026-10-25T02:30:00+02:00", "2026-10-25T00:30:00Z"),
        ("2026-10-25T02:30:00+01:00", "2026-10-25T01:30:00Z"),
    ],
)
def test_instants_are_kept_in_utc(value: str, kept: str) -> None:
    taken = take("Instant", value)
    assert taken.tzinfo is UTC
    assert json.loads(TYPES["Instant"].dump_json(taken)) == kept


@pytest.mark.parametrize(
    "value", ["2026-10-25T02:30:00", "2026-03-29T02:30:00", "2026-03-02T14:30:00.5", datetime(2026, 3, 2), datetime.min]
)
def test_a_time_without_offset_is_refused_with_a_hint(value: Any) -> None:
    assert code_of("Instant", value) == "naive_instant"
    with pytest.raises(ValidationError, match=r"end the value with Z, or with an offset such as \+02:00"):
        take("Instant", value)


@pytest.mark.parametrize(
    "value",
    [
        "0001-01-01T00:00+14:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59-12:00",
        "9999-12-31T23:59:59-12:00",
        "1899-12-31T23:59:59Z",
        "1900-01-01T00:30:00+01:00",
        "2200-01-01T00:00:00Z",
        "2026-06-30T23:59:60Z",
        "2026-03-02T24:00:00Z",
        "2026-03-02T14:30:00 01:00",
        "2026-03-02 14:30:00Z",
        "2026-03-02T14:30Z",
        "2026-03-02T14Z",
        "2026-03-02T14:30:00+0100",
        "2026-03-02T14:30:00+01",
        "2026-03-02T14:30:00+24:00",
        "2026-03-02T14:30:00+01:60",
        "2026-03-02T14:30:00.Z",
        "2026-03-02T14:30:00.1234567890Z",
        "2026-03-02T14:30:00,5Z",
        "2025-02-29T00:00:00Z",
        "20260302T143000Z",
        "2026-03-02",
        "2026-03-02T14:30:00Z\n",
        "2026-03-02T14:30:00Zulu",
        "\u0662\u0660\u0662\u0666-03-02T14:30:00Z",
        "infinity",
        "now",
        1772409600,
        1772409600.5,
        True,
        None,
        date(2026, 3, 2),
        datetime.max.replace(tzinfo=timezone(-timedelta(hours=12))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
    ],
)
def test_anything_else_is_no_instant(value: Any) -> None:
    assert code_of("Instant", value) == "invalid_instant"


@given(st.datetimes(datetime(1900, 1, 2), datetime(2199, 12, 30), timezones=st.timezones()))
def test_an_instant_survives_the_way_in_and_out(instant: datetime) -> None:
    assert take("Instant", instant) == instant.astimezone(UTC)
    assert take("Instant", json.loads(TYPES["Instant"].dump_json(instant.astimezone(UTC)))) == instant.astimezone(UTC)


# --- paths and queries ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("500", 500), ("007", 7)])
def test_digits_are_an_integer(text: str, number: int) -> None:
    assert parse_int(text, 1, 500) == number


@pytest.mark.parametrize(
    "text", ["", "+1", "-1", "1_0", " 1", "1 ", "1\n", "1.0", "1e2", "0x1", "\u0661", "\uff11", "²", "\ud800"]
)
def test_nothing_else_is_an_integer(text: str) -> None:
    with pytest.raises(PydanticCustomError) as refused:
        parse_int(text, -10, 500)
    assert refused.value.type == "invalid_integer"


@pytest.mark.parametrize("text", ["0", "501", str(2**63), "9" * 10_000])
def test_an_integer_has_bounds(text: str) -> None:
    with pytest.raises(PydanticCustomError) as refused:
        parse_int(text, 1, 500)
    assert refused.value.type == "integer_out_of_range"


# --- the clock --------------------------------------------------------------------------------------------------


def test_the_day_is_the_one_of_paris() -> None:
    assert clock.paris_day(datetime(2026, 3, 1, 22, 59, tzinfo=UTC)) == date(2026, 3, 1)
    assert clock.paris_day(datetime(2026, 3, 1, 23, 0, tzinfo=UTC)) == date(2026, 3, 2)
    assert clock.paris_day(datetime(2026, 7, 1, 22, 0, tzinfo=UTC)) == date(2026, 7, 2)
    with pytest.raises(ValueError, match="naive"):
        clock.paris_day(datetime(2026, 3, 1))


def test_the_time_can_stand_still() -> None:
    midnight = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
    with clock.frozen(midnight):
        assert (clock.now(), clock.today()) == (midnight, date(2027, 1, 1))
        with clock.frozen(midnight - timedelta(minutes=1)):
            assert clock.today() == date(2026, 12, 31)
        assert clock.now() == midnight
    assert clock.now() > datetime(2026, 1, 1, tzinfo=UTC)
    assert clock.now().tzinfo is UTC
    with pytest.raises(ValueError, match="aware"), clock.frozen(datetime(2026, 1, 1)):
        pass


def test_the_key_of_a_siren_is_the_one_that_stdnum_counts() -> None:
    drawn = random.Random(9)
    for digits in (f"{drawn.randrange(10**9):09d}" for _ in range(2000)):
        right = digits[:8] + luhn.calc_check_digit(digits[:8])
        assert is_siren(right)
        assert is_siren(digits) is luhn.is_valid(digits)
