"""Bodies are read strictly, quickly, and never with another exception than the two announced."""

import json
import time
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.writing import strictjson
from app.core.writing.strictjson import MAX_DEPTH, MAX_NUMBER_LENGTH, NotJson, UnacceptableJson, loads


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"null", None),
        (b' {"a": [1, true, "x"]}\r\n', {"a": [1, True, "x"]}),
        (b'"caf\xc3\xa9"', "café"),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"\\\\ud800"', "\\ud800"),
        (b"-12", -12),
        (b"9223372036854775808", 2**63),
        (b"0.10", Decimal("0.10")),
        (b"1e400", Decimal("1e400")),
        (b"1E+99999999", Decimal("1E+99999999")),
        (nested(MAX_DEPTH), json.loads(nested(MAX_DEPTH))),
        (b"[" + b"[]," * 100 + b"{}]", [[]] * 100 + [{}]),
        (b'"' + b"[" * 100 + b'\\"' + b"{" * 100 + b'"', "[" * 100 + '"' + "{" * 100),
    ],
)
def test_ordinary_json_is_read(body: bytes, value: Any) -> None:
    assert loads(body) == value


def test_fractions_are_exact_and_integers_are_integers() -> None:
    days, cents, whole = loads(b"[0.25, 100, 1.0]")
    assert (type(days), type(cents), type(whole)) == (Decimal, int, Decimal)


def test_a_negative_zero_stays_one_for_the_types_to_refuse() -> None:
    assert str(loads(b"-0")) == "-0"
    assert str(loads(b"-0.0")) == "-0.0"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"{",
        b"[1,]",
        b'{"a":1} {"b":2}',
        b"{'a': 1}",
        b'{"a":\n}',
        b"01",
        b"1.",
        b".5",
        b"+1",
        b"1_000",
        b"0x10",
        b'"a\tb"',
        b'"a\nb"',
        b'"a\x00b"',
        b'"\\x41"',
        b'"open',
        b"NaN",
        b"[Infinity]",
        b'{"a": -Infinity}',
        b'{"a": 1, "a": 2}',
        b'[{"b": {"a": 1, "c": 0, "a": 1}}]',
        b'{"a": 1, "\\u0061": 2}',
        b"\xef\xbb\xbf{}",
        b'"\xff"',
        b'"\xed\xa0\x80"',  # a surrogate, encoded
        b'"\xc0\xaf"',  # overlong
        '{"a": 1}'.encode("utf-16"),
        '{"a": 1}'.encode("utf-16-le"),
        '{"a": 1}'.encode("utf-32-be"),
        "é".encode("latin-1"),
        b"1" * 5_000,
        b"-" + b"1" * MAX_NUMBER_LENGTH,
        b"0." + b"1" * 5_000,
        b"1e99999999999999999999",
        b"1e-99999999999999999999",
        b"[" * 100_000,
        nested(100_000),
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    ],
    ids=lambda body: body[:24].decode("latin-1").encode("unicode-escape").decode(),
)
def test_an_unreadable_body_is_malformed(body: bytes) -> None:
    with pytest.raises(NotJson):
        loads(body)


@pytest.mark.parametrize("body", [nested(MAX_DEPTH + 1), nested(900), b'{"a":' * 33 + b"1" + b"}" * 33])
def test_a_deep_body_is_unacceptable(body: bytes) -> None:
    with pytest.raises(UnacceptableJson) as refused:
        loads(body)
    assert (refused.value.fault.pointer, refused.value.fault.code) == ("", "too_deep")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'"\\ud800"', ""),
        (b'"\\udfff"', ""),
        (b'"\\ude00\\ud83d"', ""),
        (b'{"name": "x\\u0000"}', "/name"),
        (b'{"rows": [{"a": 1}, {"note": "\\uD800"}]}', "/rows/1/note"),
        (b'{"rows": [{"\\ud800": 1}]}', "/rows/0"),
        (b'{"a": {"\\u0000": 1}}', "/a"),
        (b'{"a": {"<b>": {"c": "\\u0000"}}}', "/a"),
    ],
)
def test_what_no_field_can_hold_is_unacceptable_and_located(body: bytes, pointer: str) -> None:
    with pytest.raises(UnacceptableJson) as refused:
        loads(body)
    assert (refused.value.fault.pointer, refused.value.fault.code) == (pointer, "forbidden_character")


@pytest.mark.parametrize(
    "body", [b"SECRET", b'{"SECRET": 1, "SECRET": 2}', b'"SECRET\\ud800"', b'{"SECRET \\u0000": 1}', b'"\\SECRET"']
)
def test_no_message_repeats_the_body(body: bytes) -> None:
    with pytest.raises((NotJson, UnacceptableJson)) as refused:
        loads(body)
    assert "SECRET" not in str(refused.value) + repr(vars(refused.value))


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 40 + b'"' + b'\\"' * 500_000,
        b"[" * 40 + b'"' * 1_000_000,
        b"[" * 40 + b'"' + b"\\" * 1_000_001,
        b"[" + b"1" * 1_000_000 + b"]",
        b"[" * 1_000_000,
        b'{"a":' * 200_000,
        b"]" * 1_000_000,
    ],
    ids=["escaped quotes", "quotes", "backslashes", "digits", "arrays", "objects", "closed, never opened"],
)
def test_a_megabyte_of_malice_costs_little(body: bytes) -> None:
    started = time.process_time()
    with pytest.raises((NotJson, UnacceptableJson)):
        loads(body)
    assert time.process_time() - started < 1  # about 0.03 s; anything quadratic takes minutes


@given(st.binary(max_size=200) | st.text(alphabet='[]{}",:\\u0d8e1-.N\x00\x1f ', max_size=60).map(str.encode))
def test_arbitrary_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(NotJson, UnacceptableJson):
        loads(body)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False, places=2).filter(bool).map(str)
    | st.text(alphabet=st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text("abcdé€", max_size=4), inner, max_size=5),
    max_leaves=40,
)


@given(json_values, st.booleans())
def test_what_another_writer_wrote_is_read_back(value: Any, ensure_ascii: bool) -> None:
    assert loads(json.dumps(value, ensure_ascii=ensure_ascii).encode()) == value


@given(st.integers(0, 80), st.lists(st.sampled_from(["a", "[", "]", "{", "}", '"', "\\", "é"]), max_size=60))
def test_depth_counts_brackets_outside_strings_only(depth: int, letters: list[str]) -> None:
    body = b"[" * depth + json.dumps("".join(letters)).encode() + b"]" * depth
    if depth <= strictjson.MAX_DEPTH:
        loads(body)
    else:
        with pytest.raises(UnacceptableJson, match="too_deep"):
            loads(body)
