"""The attacks of the table, varied at random, on every operation that the document names: refused in our own words.

`tests/contract/test_hostile.py` says which problem each attack of the table gets; here any refusal will do, as
long as it is one that the document promises, in the promised form, and with nothing in it of the inside
or of what was sent.
"""

import contextlib
import json
import re
from dataclasses import dataclass
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import strategies as st

from app.core.problems import CATALOGUE
from app.core.serving.openapi import PROBLEM
from tests.contract.document import in_place
from tests.contract.server import Answer, answer_on, message
from tests.contract.test_document import SEED
from tests.contract.test_hostile import HOSTILE_HEADER_VALUES, INSIDE, MARK, OTHER_TYPES, SIGNS, SMUGGLED
from tests.fuzz.conftest import EXAMPLES, SENT, Fortress
from tests.world import dumps

SETTINGS = hypothesis.settings(
    max_examples=10 * EXAMPLES,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(hypothesis.HealthCheck),
)
ANYWHERE = {"404", "405", "408", "413", "415", "422"}  # what an address, a method or a body of no operation may get


def varied(test: Any) -> Any:
    """Run the test on many variations, the same again for one seed."""
    return hypothesis.seed(SEED)(SETTINGS(test))


@dataclass(frozen=True)
class Operation:
    """An operation of the document: its method and path, what it documents, and a strategy for bodies it would read."""

    method: str
    path: str
    documented: dict[str, Any]
    bodies: st.SearchStrategy[Any] | None

    @property
    def parameters(self) -> list[str]:
        return [each["name"] for each in self.documented.get("parameters", []) if each["in"] == "query"]

    @property
    def places(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.path)


class Attack:
    """A world, every operation, and the judge of what they answer."""

    def __init__(self, fortress: Fortress) -> None:
        self.fortress, self.known = fortress, fortress.new_world()
        document = in_place(fortress.service.request("GET", "/openapi.json").json)
        schema = schemathesis.openapi.from_dict(document)
        self.operations = [
            Operation(method.upper(), path, documented, _bodies(schema[path][method.upper()], documented))
            for path, methods in document["paths"].items()
            for method, documented in methods.items()
        ]

    def any_operation(self, *, body: bool = False) -> st.SearchStrategy[Operation]:
        return st.sampled_from([each for each in self.operations if each.bodies is not None or not body])

    def address(self, operation: Operation) -> str:
        """The operation's path, with everything in it existing that this world has."""

        def value(found: re.Match[str]) -> str:
            with contextlib.suppress(KeyError):
                return self.known.value(operation.path, found[1])
            return "019a9f5e-0000-7000-8000-000000000000"

        return re.sub(r"\{(\w+)\}", value, operation.path)

    def send(
        self, kind: str, operation: Operation, *, target: str | bytes = "", query: str = "", body: bytes = b"",
        headers: dict[str, str | bytes] | None = None, method: str = "",
    ) -> None:  # fmt: skip
        """Send with the key of somebody who may, and judge the answer."""
        permission = operation.documented.get("x-permission")
        fields: dict[str, str | bytes] = {}
        if permission:
            fields["Authorization"] = f"Bearer {self.known.holder(permission).key}"
        if body:
            fields["Content-Type"] = "application/json"
        if operation.method == "POST":
            fields["Idempotency-Key"] = f"key-{MARK}"
        target = target or self.address(operation)
        if query:
            target = f"{target if isinstance(target, str) else target.decode('latin-1')}?{query}"
        method = method or operation.method
        answer = self.fortress.service.request(method, target, fields | (headers or {}), body)
        judge(kind, operation, method, answer, f"{method} {target!r} {headers} {body[:2000]!r}")


def _bodies(operation: Any, documented: dict[str, Any]) -> st.SearchStrategy[Any] | None:
    if "requestBody" not in documented:
        return None
    made: st.SearchStrategy[Any] = operation.as_strategy().map(lambda case: case.body)
    return made.filter(lambda body: isinstance(body, dict))


def judge(kind: str, operation: Operation, method: str, answer: Answer, sent: str) -> None:
    """Zero 5xx; a documented status; a refusal is a problem of the catalogue that tells nothing."""
    SENT[kind, f"{operation.method} {operation.path}", answer.status] += 1
    told = f"REBOND_SIEGE_SEED={SEED} {sent} → {answer.status} {answer.body[:600]!r}"
    assert answer.status < 500, told
    allowed = set(operation.documented["responses"]) | {"304"} | (ANYWHERE if answer.status >= 400 else set())
    assert str(answer.status) in allowed, told
    if answer.status < 400 or method == "HEAD":
        return
    assert answer.headers["content-type"] == "application/problem+json", told
    body: dict[str, Any] = answer.json
    assert body["type"].removeprefix("/problems/") in CATALOGUE, told
    assert set(PROBLEM["required"]) <= set(body), told
    assert body["status"] == answer.status, told
    whole = answer.body.decode() + "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
    assert MARK not in whole, told
    assert not INSIDE.search(whole), told


@pytest.fixture(scope="module")
def attack(fortress: Fortress) -> Attack:
    return Attack(fortress)


# --- what is sent ----------------------------------------------------------------------------------------------------

DIGITS = st.integers(1, 60).map(lambda n: b"9" * n)
NUMBERS = st.one_of(
    DIGITS,
    DIGITS.map(lambda digits: b"-" + digits),
    st.integers(-(2**70), 2**70).map(lambda n: str(n).encode()),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda x: repr(x).encode()),
    st.tuples(st.integers(-9, 9), st.sampled_from("eE"), st.integers(-(10**12), 10**12)).map(
        lambda parts: f"{parts[0]}{parts[1]}{parts[2]}".encode()
    ),
    st.sampled_from(
        [b"NaN", b"-Infinity", b"1.0", b"-0", b"-0.0", b"0.005", b"01", b"+1", b"1_0", b"0x10", b".5", b"1."]
    ),
)
TEXTS = st.one_of(
    st.text(max_size=50),
    st.text(st.characters(categories=["Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Zl", "Zp"]), max_size=20),
    st.sampled_from(SIGNS),
    st.tuples(st.sampled_from(["=", "+", "-", "@", "\t", "\r"]), st.text(max_size=10)).map("".join),
    st.datetimes().map(lambda at: at.isoformat()),
    st.tuples(st.integers(-1, 99999), st.integers(0, 13), st.integers(0, 32)).map(
        lambda d: f"{d[0]:04}-{d[1]:02}-{d[2]:02}"
    ),
    st.from_regex(r"\A\d{9}\Z"),
    st.uuids().map(str),
    st.integers(100, 20_000).map(lambda n: "e\u0301" * n),
    st.integers(100, 20_000).map(lambda n: "a" * n),
)
MARKED = st.sampled_from([b'"%s\\u0000"', b'"\\ud800%s"', b'"<script>%s"', b'"%s\x01"', b'"\xff%s"']).map(
    lambda text: text % MARK.encode()
)
DEEP = st.tuples(st.sampled_from([(b"[", b"]"), (b'{"a":', b"}")]), st.integers(1, 3_000)).map(
    lambda given: given[0][0] * given[1] + b"1" + given[0][1] * given[1]
)
LITERALS = st.one_of(
    NUMBERS,
    TEXTS.map(dumps),
    MARKED,
    DEEP,
    st.sampled_from([b"true", b"null", b"[]", b"{}", b'""', b"[{}]", b'{"a":1,"a":2}', b"[1,]", b"'a'"]),
    st.binary(max_size=20),
)
GAP = "GAP-c7d1"


@st.composite
def spoilt(draw: st.DrawFn, bodies: st.SearchStrategy[Any]) -> bytes:  # noqa: PLR0911  # one return a way
    """A body that would be read, with one value of it replaced, or its bytes changed."""
    body = json.loads(json.dumps(draw(bodies)))
    way = draw(st.sampled_from(["value", "value", "value", "name", "twice", "bytes", "cut", "encoding", "more"]))
    if way == "value" and body:
        place, name = body, draw(st.sampled_from(sorted(body)))
        while isinstance(place[name], dict | list) and place[name] and draw(st.booleans()):
            place = place[name]
            name = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        place[name] = GAP
        return dumps(body).replace(dumps(GAP), draw(LITERALS), 1)
    if way == "name":
        return dumps(body | {draw(st.one_of(TEXTS, st.sampled_from(["version", "id", "territory", "is_admin"]))): 1})
    whole = dumps(body)
    if way == "twice":
        return b"{" + draw(st.sampled_from([b'"a":1,"a":2,', b'"a":{"b":1,"b":1},'])) + whole[1:]
    at = draw(st.integers(0, len(whole)))
    if way == "bytes":
        return whole[:at] + draw(st.binary(max_size=4)) + whole[at + draw(st.integers(0, 4)) :]
    if way == "cut":
        return whole[:at]
    if way == "encoding":
        return whole.decode().encode(draw(st.sampled_from(["utf-16", "utf-32", "utf-8-sig", "utf-7", "cp037"])))
    return whole + draw(st.one_of(st.binary(max_size=10), st.just(b" " * 100_000), st.just(whole)))


def escaped(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "surrogatepass"))


# --- where it goes ---------------------------------------------------------------------------------------------------


def test_a_body_that_is_spoilt_is_refused_or_read_but_never_a_fault(attack: Attack) -> None:
    @varied
    @hypothesis.given(st.data())
    def run(data: st.DataObject) -> None:
        operation = data.draw(attack.any_operation(body=True))
        assert operation.bodies is not None
        attack.send("body", operation, body=data.draw(spoilt(operation.bodies)))

    run()


def test_odd_parameters_are_refused_or_read_but_never_a_fault(attack: Attack) -> None:
    names = [
        "limit",
        "cursor",
        "sort",
        "q",
        "dry_run",
        "format",
        "count",
        "updated_since",
        "as_of",
        "fields",
        "include",
    ]

    @varied
    @hypothesis.given(st.data())
    def run(data: st.DataObject) -> None:
        operation = data.draw(attack.any_operation())
        known = st.sampled_from([*operation.parameters, *names])
        name = st.one_of(known, known, known, TEXTS.filter(bool).map(lambda text: escaped(text)[:60]))
        value = st.one_of(
            TEXTS.map(escaped), NUMBERS.map(lambda n: n.decode()), st.binary(max_size=8).map(lambda b: f"%{b.hex(' ')}")
        ).map(lambda text: re.sub(r"[\s#]", "%20", text)[:3000])
        pairs = data.draw(st.lists(st.tuples(name, value), min_size=1, max_size=4))
        attack.send("query", operation, query="&".join(f"{name}={value}" for name, value in pairs))

    run()


def test_an_odd_address_names_nothing_and_is_never_a_fault(attack: Attack) -> None:
    segments = st.one_of(
        TEXTS.map(lambda text: escaped(text)[:2000]),
        st.sampled_from(["..", "%2e%2e", "%2f", "%00", "%ff", "%", "%zz", ";a=b", "*", "~", "%252e", "."]),
        st.integers(-5, 2**70).map(str),
        st.uuids().map(lambda name: str(name).upper()),
        st.binary(min_size=1, max_size=6).map(lambda octets: "".join(f"%{octet:02X}" for octet in octets)),
    )

    @varied
    @hypothesis.given(st.data())
    def run(data: st.DataObject) -> None:
        operation = data.draw(attack.any_operation())
        parts = attack.address(operation).split("/")
        at = data.draw(st.integers(1, len(parts)))
        parts[at : at + data.draw(st.integers(0, 1))] = [data.draw(segments)]
        method = data.draw(st.sampled_from([operation.method, operation.method, "HEAD", "OPTIONS", "PUT", "DELETE"]))
        attack.send("address", operation, target="/".join(parts), method=method)

    run()


HEADERS = [
    "X-Request-Id", "Accept", "Accept-Language", "If-Match", "If-None-Match", "Idempotency-Key", "Authorization",
    "Origin", "Range", "Content-Type", "Content-Encoding", "Expect", "Cookie", "X-Forwarded-For",
    "X-HTTP-Method-Override", "If-Modified-Since", "Prefer", "TE", "Upgrade", "Connection",
]  # fmt: skip
HEADER_VALUES = st.one_of(
    st.sampled_from([*HOSTILE_HEADER_VALUES, *(text.encode() for text in OTHER_TYPES)]),
    st.sampled_from(
        [b"*", b'"1"', b'W/"1"', b'"1', b"1", b"gzip", b"identity", b"*/*;q=0", b"text/csv", b"100-continue"]
    ),
    st.binary(max_size=40).map(lambda octets: bytes(octet for octet in octets if octet >= 32 and octet != 127)),
    st.integers(1, 30_000).map(lambda n: b"a" * n),
)


def test_odd_headers_are_refused_or_read_but_never_a_fault(attack: Attack) -> None:
    @varied
    @hypothesis.given(st.data())
    def run(data: st.DataObject) -> None:
        operation = data.draw(attack.any_operation())
        headers = data.draw(st.dictionaries(st.sampled_from(HEADERS), HEADER_VALUES, min_size=1, max_size=3))
        if "Expect" in headers:
            headers["Expect"] = b"100-continue "
        body = b"" if operation.bodies is None else dumps(json.loads(json.dumps(data.draw(operation.bodies))))
        attack.send("header", operation, headers=dict(headers), body=body)

    run()


def test_a_request_of_two_readings_is_answered_once_or_not_at_all(attack: Attack) -> None:
    service = attack.fortress.service

    @varied
    @hypothesis.given(st.data())
    def run(data: st.DataObject) -> None:
        whole = bytearray(data.draw(st.sampled_from(list(SMUGGLED.values()))))
        for _ in range(data.draw(st.integers(0, 4))):
            at = data.draw(st.integers(0, len(whole)))
            whole[at : at + data.draw(st.integers(0, 2))] = data.draw(
                st.one_of(
                    st.binary(max_size=3), st.sampled_from([b"\r\n", b"\n", b"\r", b" ", b"0", b":", b"\t", b"\0"])
                )
            )
        with service.connect() as connection:
            connection.sendall(bytes(whole) + message("GET", "/healthz", {"Connection": "close"}))
            connection.shutdown(1)
            try:
                answer = answer_on(connection)
            except ConnectionError:  # it hung up
                SENT["bytes", "smuggled", 0] += 1
                return
        SENT["bytes", "smuggled", answer.status] += 1
        told = f"REBOND_SIEGE_SEED={SEED} {bytes(whole)!r} → {answer.status} {answer.body[:300]!r}"
        assert answer.status < 500, told
        assert MARK not in answer.body.decode(), told

    run()
    assert service.request("GET", "/healthz").status == 200
