"""Hostile input over a real socket: refused in our own words, with nothing written and nothing told of the inside."""

import asyncio
import contextlib
import itertools
import json
import os
import re
import secrets
import shutil
import signal
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx2
import pytest

from app.access.gate import digest_of
from app.bundled import postgres
from app.core import installation, migrations
from app.core.db import create_engine
from app.core.problems import CATALOGUE
from app.core.serving.openapi import PROBLEM
from tests.conftest import plain
from tests.contract.conftest import BODY_TIMEOUT, HEADER_TIMEOUT
from tests.contract.server import Answer, Service, answer_on, closed_within, message, serving
from tests.processes import new_place
from tests.world import Client, Mission, World, dumps, fresh_siren, ok

JSON = {"Content-Type": "application/json"}
NOBODY = "019a9f5e-0000-7000-8000-000000000000"
MARK = "zqMARKqz"  # a part of what is sent; it never comes back
INSIDE = re.compile(
    r"traceback|asyncpg|sqlalchemy|psycopg|postgres|pydantic|starlette|fastapi|uvicorn|httptools|\.py\b|line \d+, in"
    r"|\bselect\b.+\bfrom\b|\binsert into\b|\bupdate\b.+\bset\b|relation \"|constraint|rbd_[A-Za-z0-9_-]{4}",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Place:
    """A field of a body that would be accepted: where it is sent, by whom, and the body with a gap for the value."""

    who: str
    method: str
    path: str
    body: dict[str, Any]
    field: str

    def holding(self, literal: bytes) -> bytes:
        """The body with these bytes as the field's value."""
        whole: dict[str, Any] = {**self.body, self.field: "GAP"}
        if self.field == "communes/name":
            whole = {"communes": [{"insee_code": "30007", "name": "GAP"}]}
        return dumps(whole).replace(b'"GAP"', literal)


@dataclass
class Siege:
    """A world under attack through the socket."""

    service: Service
    world: World
    mission: Mission
    entry: str
    firm: str
    places: dict[str, list[Place]] = field(default_factory=dict)
    before: dict[str, int] = field(default_factory=dict)

    async def begin(self) -> None:
        """From here on nothing is to be written."""
        self.before = await self.rows()

    @property
    def base(self) -> str:
        return f"/v1/territories/{self.world.territory}"

    def send(
        self,
        method: str,
        target: str | bytes,
        body: bytes = b"",
        *,
        who: str | None = "admin",
        headers: Mapping[str, str | bytes] | None = None,
    ) -> Answer:
        """One request. `who` is a role of the world, None for nobody; a body is JSON unless `headers` say otherwise."""
        fields: dict[str, str | bytes] = (
            {} if who is None else {"Authorization": f"Bearer {self.world.clients[who].key}"}
        )
        if body:
            fields |= JSON
        return self.service.request(method, target, {**fields, **(headers or {})}, body)

    def refused(
        self,
        status: int,
        code: str,
        method: str,
        target: str | bytes,
        body: bytes = b"",
        *,
        fault: str = "",
        who: str | None = "admin",
        headers: Mapping[str, str | bytes] | None = None,
    ) -> dict[str, Any]:
        """Send, and demand this problem; `fault` is the code of its first field error."""
        sent = f"{method} {target!r} {body[:200]!r} {headers}"
        answer = self.send(method, target, body, who=who, headers=headers)
        return problem_of(answer, status, code, sent=sent, fault=fault)

    async def rows(self) -> dict[str, int]:
        """How many rows each table has, but for the records of accesses: a refusal is one."""
        names = await self.world.pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        names = [row for row in names if row[0] != "access_records"]
        counts = ", ".join(f'(SELECT count(*) FROM "{row[0]}") AS "{row[0]}"' for row in names)
        return dict(await self.world.pool.fetchrow(f"SELECT {counts}"))


def problem_of(answer: Answer, status: int, code: str, *, sent: str = "", fault: str = "") -> dict[str, Any]:
    """The problem of an answer that must be this one, in the promised form, without a word of what was sent."""
    told = f"{sent} → {answer.status} {answer.body[:500]!r}"
    assert answer.status == status, told
    assert answer.headers["content-type"] == "application/problem+json", told
    body: dict[str, Any] = answer.json
    assert body["type"] == f"/problems/{code}", told
    assert code in CATALOGUE, told
    assert set(PROBLEM["required"]) <= set(body), told
    assert body["status"] == status, told
    assert all(isinstance(body[name], str) for name in PROBLEM["required"] if name != "status"), told
    assert body["request_id"] == answer.headers["x-request-id"], told
    for error in body.get("errors", []):
        assert all(isinstance(error[name], str) for name in ("pointer", "code", "detail")), told
    assert answer.body.endswith(b"}\n"), told
    whole = answer.body.decode() + "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
    assert MARK not in whole, told
    assert not INSIDE.search(whole), told
    if fault:
        assert body["errors"][0]["code"] == fault, told
    return body


@pytest.fixture
async def siege(service: Service, world: World) -> AsyncIterator[Siege]:
    """Whatever is sent, the service answers afterwards, and a test that only sends refused requests wrote no row."""
    mission = await world.mission(days=10)
    entry = ok(await world.consultant.post("time-entries", mission.entry(status="draft")), 201)["id"]
    found = Siege(service, world, mission, entry, await world.followed_firm())
    organisation = f"/v1/organisations/{world.organisations['office']}"
    entries, ready = f"{found.base}/time-entries", mission.entry()
    order = {"kind": "amendment", "reason": "Asked for.", "reference": "BC-2", "signed_on": "2023-06-01", "days": 0}
    wave = {"number": 7}
    member = f"{found.base}/missions/{mission.id}/members/{mission.lead_member}"
    new_key = {"subject_id": str(world.subjects["lead"]), "name": "k"}
    award = {
        "siren": found.firm,
        "project_title": "Atelier",
        "decided_on": "2023-10-03",
        "decision_reference": "D",
    }
    office = str(world.organisations["office"])
    contribution = {"organisation_id": office, "decided_on": "2023-06-14", "reference": "R"}
    found.places = {
        "text": [
            Place("admin", "POST", "/v1/organisations", {}, "name"),
            Place("admin", "PATCH", organisation, {}, "name"),
            Place("admin", "POST", f"{organisation}/persons", {"email": "hostile@example.fr"}, "name"),
            Place("consultant", "POST", entries, ready, "note"),
            Place("consultant", "POST", entries, ready, "external_id"),
            Place("consultant", "PATCH", f"{entries}/{entry}", {}, "note"),
            Place("programme", "PUT", f"{found.base}/perimeter/2023", {}, "communes/name"),
            Place("territory", "PUT", f"/v1/firms/{found.firm}", {}, "name"),
            Place("territory", "PUT", f"{found.base}/firms/{found.firm}", {"stage": "interviewed"}, "reason"),
        ],
        "integer": [
            Place("programme", "POST", "/v1/waves", {}, "number"),
            Place("operator", "POST", f"{found.base}/missions", {"name": "Other"}, "late_entry_grace_days"),
            Place("operator", "PATCH", f"{found.base}/missions/{mission.id}", {}, "late_entry_grace_days"),
            Place("admin", "POST", f"/v1/api-keys/{NOBODY}/rotate", {}, "overlap_hours"),
            Place("funder", "POST", f"{found.base}/grants", award, "amount_cents"),
            Place("programme", "POST", f"{found.base}/envelope/contributions", contribution, "amount_cents"),
        ],
        "days": [
            Place("consultant", "POST", entries, ready, "days"),
            Place("consultant", "PATCH", f"{entries}/{entry}", {}, "days"),
            Place("operator", "POST", f"{found.base}/missions/{mission.id}/orders", order, "days"),
            Place("operator", "PATCH", member, {}, "days_allotted"),
            Place("operator", "POST", f"{found.base}/missions", {"name": "Other"}, "step"),
        ],
        "day": [
            Place("consultant", "POST", entries, ready, "worked_on"),
            Place("consultant", "PATCH", f"{entries}/{entry}", {}, "worked_on"),
            Place("programme", "POST", "/v1/waves", wave, "opened_on"),
            Place("programme", "PATCH", found.base, {}, "laureate_on"),
        ],
        "instant": [
            Place("admin", "POST", "/v1/api-keys", new_key, "expires_at")
        ],
        "siren": [
            Place("admin", "POST", "/v1/organisations", {"name": "Other"}, "siren"),
            Place("admin", "PATCH", organisation, {}, "siren"),
            Place("consultant", "POST", entries, ready, "siren"),
            Place("territory", "POST", "/v1/firms", {"name": "Other"}, "siren"),
        ],
    }  # fmt: skip
    await found.begin()
    yield found
    assert service.request("GET", "/healthz").status == 200
    assert found.send("GET", "/v1/me").status == 200
    assert await found.rows() == found.before


def refuse_everywhere(
    siege: Siege, kind: str, literals: Iterable[bytes], status: int, code: str, fault: str = ""
) -> None:
    """Each of these values in each field of a kind."""
    for place in siege.places[kind]:
        for literal in literals:
            siege.refused(status, code, place.method, place.path, place.holding(literal), who=place.who, fault=fault)


# --- 1-16: values ----------------------------------------------------------------------------------------------------


async def test_a_nul_is_refused_wherever_text_goes(siege: Siege) -> None:
    mark = MARK.encode()
    refuse_everywhere(siege, "text", [b'"%s\\u0000"' % mark], 422, "validation-failed", "forbidden_character")
    for target in (f"/v1/firms?q={MARK}%00", f"{siege.base}/time-entries?q=%00", f"{siege.base}/consultants?q=a%00"):
        siege.refused(422, "validation-failed", "GET", target, who="operator", fault="forbidden_character")
    for target in ("/v1/%00", f"/v1/territories/{MARK.lower()}%00", f"{siege.base}/firms/{siege.firm}%00"):
        siege.refused(404, "not-found", "GET", target, who="operator")


async def test_a_raw_control_byte_is_no_json(siege: Siege) -> None:
    refuse_everywhere(siege, "text", [b'"a\x01"', b'"a\x00"', b'"a\nb"', b'"a\x1f"'], 400, "malformed-json")


async def test_half_a_surrogate_pair_is_refused_in_values_and_keys(siege: Siege) -> None:
    halves = [b'"%s\\ud800"' % MARK.encode(), b'"\\udc00"', b'"\\udfff\\ud800"']
    refuse_everywhere(siege, "text", halves, 422, "validation-failed", "forbidden_character")
    body = b'{"name": "x", "%s\\ud800": 1}' % MARK.encode()
    siege.refused(422, "validation-failed", "POST", "/v1/organisations", body, fault="forbidden_character")


async def test_what_is_not_utf_8_is_unreadable(siege: Siege) -> None:
    refuse_everywhere(siege, "text", [b'"\xff"', b'"\xc0\xaf"', b'"\xed\xa0\x80"', b'"\xe9"'], 400, "malformed-json")
    for body in (
        '{"name": "x"}'.encode("utf-16"),
        b"\xef\xbb\xbf" + b'{"name": "x"}',
        '{"name": "é"}'.encode("latin-1"),
    ):
        siege.refused(400, "malformed-json", "POST", "/v1/organisations", body)
    for target in ("/v1/firms?q=%ff", "/v1/firms?%ff=1", "/v1/firms?q=%C0%AF", "/v1/firms?q=%ED%A0%80", "/v1/%ff"):
        siege.refused(400, "malformed-request", "GET", target, who="operator")
    siege.refused(400, "malformed-request", "GET", b"/v1/firms\xff", who="operator")


async def test_nan_and_infinity_are_no_json(siege: Siege) -> None:
    for kind in ("integer", "days", "text"):
        refuse_everywhere(siege, kind, [b"NaN", b"Infinity", b"-Infinity"], 400, "malformed-json")


async def test_numbers_of_any_size_are_refused_without_being_written_out(siege: Siege) -> None:
    for kind in ("integer", "days"):
        refuse_everywhere(siege, kind, [b"1e400", b"1E+99999999", b"-1e400", b"1e-400"], 422, "validation-failed")
        refuse_everywhere(siege, kind, [b"1e99999999999999999999"], 400, "malformed-json")
        refuse_everywhere(siege, kind, [b"9" * 5_000, b"-" + b"9" * 5_000], 400, "malformed-json")


async def test_days_are_quarters_and_nothing_else(siege: Siege) -> None:
    odd = [b"0.005", b"0.1", b"-0", b"-0.0", b"100000", b"0.250000000000000000001", b'"NaN"', b'"0.5"', b"true", b"[]"]
    refuse_everywhere(siege, "days", odd, 422, "validation-failed")


async def test_integers_beyond_bigint_are_refused(siege: Siege) -> None:
    large = [b"9223372036854775807", b"9223372036854775808", b"-9223372036854775809", b"18446744073709551616"]
    refuse_everywhere(siege, "integer", large, 422, "validation-failed")
    refuse_everywhere(siege, "days", large, 422, "validation-failed")
    for number in ("9223372036854775808", "0", "99999999999999999999999"):
        siege.refused(422, "validation-failed", "GET", f"/v1/firms?limit={number}", fault="integer_out_of_range")
        siege.refused(422, "validation-failed", "GET", f"/v1/territories?wave_number={number}")
        siege.refused(404, "not-found", "GET", f"{siege.base}/perimeter/{number}", who="programme")
        siege.refused(404, "not-found", "GET", f"/v1/waves/{number}")


async def test_what_only_looks_like_an_integer_is_refused(siege: Siege) -> None:
    odd = [b"1.0", b"1.5", b"true", b'"1"', b'"1_000"', b"-0", b"1e2", b"{}", b"[1]"]
    refuse_everywhere(siege, "integer", odd, 422, "validation-failed")
    for text in ("1_0", "+1", "%201", "1%20", "-1", "1.0", "1e1", "0x1", "%D9%A1", "", "1%0A"):
        siege.refused(422, "validation-failed", "GET", f"/v1/firms?limit={text}", fault="invalid_integer")
        siege.refused(404, "not-found", "GET", f"{siege.base}/perimeter/{text}", who="programme")
    for text in ("2_023", "+2023", "%202023", "02023", "2023%0A", "2023.0", "%D9%A2023"):
        siege.refused(404, "not-found", "PUT", f"{siege.base}/perimeter/{text}", b"{}", who="programme")


async def test_days_that_no_calendar_has_are_refused(siege: Siege) -> None:
    odd = [
        b'"0001-01-01"', b'"1899-12-31"', b'"2200-01-01"', b'"9999-12-31"', b'"10000-01-01"', b'"2025-02-29"',
        b'"2023-06-31"', b"1686700800", b'"1686700800"', b'"infinity"', b'"-infinity"', b'"today"', b'"2023-6-14"',
        b'"2023-06-14T00:00:00"', b'"2023-06-14\\n"', b'" 2023-06-14"', '"٢٠٢٣-٠٦-١٤"'.encode(), b'"20230614"',
    ]  # fmt: skip
    refuse_everywhere(siege, "day", odd, 422, "validation-failed", "invalid_day")
    for literal in odd:
        if literal.startswith(b'"') and b"\\" not in literal:
            text = escaped(literal.strip(b'"').decode())
            target = f"{siege.base}/time-entries?worked_from={text}"
            siege.refused(422, "validation-failed", "GET", target, who="operator", fault="invalid_day")


async def test_instants_at_the_ends_of_time_are_refused(siege: Siege) -> None:
    ends = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "1899-12-31T23:59:59Z", "2200-01-01T00:00:00Z"]
    odd = [*ends, "2026-06-30T23:59:60Z", "2026-06-30T24:00:00Z", "2026-06-30T12:00:00+24:00", "infinity", "1782820800"]
    refuse_everywhere(siege, "instant", [dumps(text) for text in odd], 422, "validation-failed", "invalid_instant")
    for text in odd:
        target = f"/v1/firms?updated_since={text.replace('+', '%2B')}"
        siege.refused(422, "validation-failed", "GET", target, fault="invalid_instant")


async def test_a_time_without_its_zone_is_refused_with_a_hint(siege: Siege) -> None:
    naive = ["2026-10-25T02:30:00", "2026-03-29T02:30:00", "2026-07-01T12:00:00"]
    refuse_everywhere(siege, "instant", [dumps(text) for text in naive], 422, "validation-failed", "naive_instant")
    for text in naive:
        siege.refused(422, "validation-failed", "GET", f"/v1/firms?updated_since={text}", fault="naive_instant")
    plus_as_space = "/v1/firms?updated_since=2026-07-01T12:00:00+02:00"
    siege.refused(422, "validation-failed", "GET", plus_as_space, fault="invalid_instant")


async def test_the_days_on_which_clocks_change_are_days_like_others(world: World, service: Service) -> None:
    mission = await world.mission(days=10, starts_on="2023-03-01", ends_on="2023-12-31")
    for day in ("2023-03-26", "2023-10-29"):
        entry = ok(await world.consultant.post("time-entries", mission.entry(worked_on=day)), 201)
        assert (entry["worked_on"], entry["counted_on"]) == (day, day)


async def test_the_same_key_twice_is_unreadable(siege: Siege) -> None:
    twice = [
        b'{"name": "a", "name": "b"}',
        b'{"name": "a", "name": "a"}',
        b'{"name": "a", "n\\u0061me": "b"}',
        b'{"name": {"x": 1, "x": 2}}',
    ]
    for body in twice:
        siege.refused(400, "malformed-json", "POST", "/v1/organisations", body)
        siege.refused(
            400, "malformed-json", "PATCH", f"{siege.base}/time-entries/{siege.entry}", body, who="consultant"
        )


async def test_deep_nesting_is_refused_before_it_is_built(siege: Siege) -> None:
    for place in siege.places["text"]:
        for depth in (33, 900, 100_000):
            status, code = (400, "malformed-json") if depth > 1_000 else (422, "validation-failed")
            for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
                literal = opening * depth + b"1" + closing * depth
                siege.refused(status, code, place.method, place.path, place.holding(literal), who=place.who)


async def test_fields_that_a_client_may_not_set_are_unknown_to_it(siege: Siege) -> None:
    common = ["tenant_id", "is_admin", "version", "id", "created_at", "updated_at", "__proto__", "constructor"]
    own = {
        "/v1/organisations": ["status", "role"],
        f"{siege.base}/time-entries": ["territory", "entered_by", "validated_by", "person_id", "counted_on", "authors"],
        f"{siege.base}/missions/{siege.mission.id}": ["territory", "days_ordered", "days_allotted"],
        siege.base: ["slug"],
    }
    for place in [*siege.places["text"], *siege.places["integer"], *siege.places["day"]]:
        for name in [*common, *own.get(place.path, [])]:
            body = dumps({**place.body, name: MARK})
            answer = siege.refused(422, "validation-failed", place.method, place.path, body, who=place.who)
            code = "changed_elsewhere" if name == "days_ordered" else "unknown_field"
            assert _error(answer, f"/{name}")["code"] == code


async def test_an_unknown_name_is_told_back_only_if_it_could_be_a_name(siege: Siege) -> None:
    for name in (f"<script>{MARK}</script>", f"{MARK}' OR 1=1 --", f"a/{MARK}", f"{MARK}{'a' * 40}", f"é{MARK}", ""):
        body = siege.refused(422, "validation-failed", "POST", "/v1/organisations", dumps({"name": "x", name: 1}))
        assert [error["pointer"] for error in body["errors"]] == ["/?"]
        parameter = escaped(name)
        body = siege.refused(422, "validation-failed", "GET", f"/v1/organisations?{parameter}=1")
        assert [error["pointer"] for error in body["errors"]] == ["?"]


def escaped(text: str) -> str:
    """The text percent-encoded, but for what an address must write as it is."""
    return quote(text, safe="")


def _error(body: dict[str, Any], pointer: str) -> dict[str, Any]:
    found: dict[str, Any] = next(error for error in body["errors"] if error["pointer"] == pointer)
    return found


# --- 17-20: bodies, sizes, slow clients ------------------------------------------------------------------------------


OTHER_TYPES = [
    "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "json",
    "application/json; charset=latin-1", "application/json; charset=utf-16", "application/jsonx", "", "*/*",
    "application/json, text/plain", "application/json; charset*=utf-8''%ff",
]  # fmt: skip


async def test_only_json_in_utf_8_is_read(siege: Siege) -> None:
    text = siege.places["text"]
    for place, content_type in itertools.product((text[0], text[3], text[6], siege.places["day"][3]), OTHER_TYPES):
        body = place.holding(b'"%s"' % MARK.encode())
        headers = {"Content-Type": content_type}
        siege.refused(415, "unsupported-media-type", place.method, place.path, body, who=place.who, headers=headers)


async def test_a_body_without_content_type_is_refused(siege: Siege) -> None:
    key = siege.world.admin.key
    answer = siege.service.request("POST", "/v1/organisations", {"Authorization": f"Bearer {key}"}, b'{"name": "x"}')
    problem_of(answer, 415, "unsupported-media-type")


async def test_bodies_that_are_not_an_object_are_refused(siege: Siege) -> None:
    for body in (b"null", b"[]", b'"a"', b"1", b"1.5", b"1e400", b"true", b"[{}]"):
        siege.refused(422, "validation-failed", "POST", "/v1/organisations", body, fault="not_an_object")
    siege.refused(422, "validation-failed", "POST", "/v1/organisations", headers=JSON, fault="required")
    for body in (b"{", b"}", b" ", b"{'name': 'x'}", b'{"name": "x",}', b'{"name": "x"} {}', b'{"name": "x"}\x00'):
        siege.refused(400, "malformed-json", "POST", "/v1/organisations", body)


async def test_what_is_too_large_is_told_so_and_the_connection_ends(siege: Siege) -> None:
    large = b'{"name": "' + b"a" * 2_000_000 + b'"}'
    for place in siege.places["text"]:
        key = siege.world.clients[place.who].key
        answer = siege.service.request(place.method, place.path, {"Authorization": f"Bearer {key}", **JSON}, large)
        assert problem_of(answer, 413, "body-too-large")["limit_bytes"] == 1_048_576
        assert answer.closed
    siege.refused(
        413, "body-too-large", "POST", "/v1/organisations", b"{}", headers={**JSON, "Content-Length": "9999999"}
    )
    chunk = b"%x\r\n" % 65_536 + b"a" * 65_536 + b"\r\n"
    headers = {**JSON, "Transfer-Encoding": "chunked"}
    siege.refused(413, "body-too-large", "POST", "/v1/organisations", chunk * 20 + b"0\r\n\r\n", headers=headers)
    siege.refused(431, "headers-too-large", "GET", "/v1/me", headers={"X-Large": "a" * 100_000})
    siege.refused(431, "headers-too-large", "GET", "/v1/me", headers={f"X-{n}": "a" * 100 for n in range(500)})
    siege.refused(414, "address-too-long", "GET", f"/v1/me?{'a' * 20_000}")
    siege.refused(414, "address-too-long", "GET", f"/v1/{'a' * 20_000}")
    siege.refused(400, "malformed-request", "GET", f"/v1/me?{'a' * 100_000}")


async def test_a_compressed_body_is_never_inflated(siege: Siege) -> None:
    for encoding in ("gzip", "deflate", "br", "gzip, gzip", "GZIP", "identity, gzip", "x"):
        headers = {**JSON, "Content-Encoding": encoding}
        for path in ("/v1/organisations", f"{siege.base}/time-entries"):
            siege.refused(415, "unsupported-media-type", "POST", path, b"\x1f\x8b\x08" + b"\0" * 1000, headers=headers)


async def test_a_client_that_trickles_its_headers_is_cut_off(siege: Siege) -> None:
    beginnings = (b"", b"G", b"GET /healthz HTTP/1.1\r\n", b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: a")
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(siege.service.connect()) for _ in range(5)]
        slow[4].sendall(message("GET", "/healthz"))
        assert answer_on(slow[4]).status == 200
        for connection, begun in zip(slow, (*beginnings, beginnings[2]), strict=True):
            connection.sendall(begun)
        for connection in slow:  # the last is at its second request, and would be kept alive for 15 s without one
            assert closed_within(connection, HEADER_TIMEOUT + 10)


async def test_a_body_that_does_not_arrive_is_given_up(siege: Siege) -> None:
    with contextlib.ExitStack() as stack:
        slow = []
        for place in (siege.places["text"][0], siege.places["text"][3], siege.places["text"][6]):
            key = siege.world.clients[place.who].key
            headers = {"Authorization": f"Bearer {key}", **JSON, "Content-Length": "100"}
            connection = stack.enter_context(siege.service.connect())
            connection.sendall(message(place.method, place.path, headers, b'{"'))
            slow.append(connection)
        for connection in slow:
            answer = answer_on(connection)
            problem_of(answer, 408, "request-timeout")
            assert answer.closed
            assert closed_within(connection, BODY_TIMEOUT + 10)


async def test_fifty_slow_clients_hold_nobody_up(siege: Siege) -> None:
    slow = [siege.service.connect() for _ in range(50)]
    try:
        for number, connection in enumerate(slow):
            headers = {"Authorization": f"Bearer {siege.world.admin.key}", **JSON, "Content-Length": "100"}
            begun = message("POST", "/v1/organisations", headers, b"{")
            connection.sendall(begun if number % 2 else begun[:60])
        assert siege.send("GET", "/v1/firms").status == 200
    finally:
        for connection in slow:
            connection.close()


async def test_a_client_that_leaves_in_the_middle_is_no_fault_of_ours(siege: Siege) -> None:
    headers = {"Authorization": f"Bearer {siege.world.admin.key}", **JSON, "X-Request-Id": f"leaves-{MARK}"}
    with siege.service.connect() as connection:
        connection.sendall(message("POST", "/v1/organisations", {**headers, "Content-Length": "100"}, b"{"))
    with siege.service.connect() as connection:
        connection.sendall(
            message("POST", "/v1/organisations", {**headers, "Transfer-Encoding": "chunked"}, b"zz\r\n\r\n")
        )
        problem_of(answer_on(connection), 400, "malformed-request")
    wanted = f'"leaves-{MARK}"'
    lines = siege.service.await_lines(wanted, 2)
    assert all('"error"' not in line and '"status":500' not in line for line in lines), lines


# --- 21: what belongs to another territory ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Hidden:
    """An object of another territory, and a name of its kind that nothing has."""

    there: str
    absent: str = "019a9f5e-1111-7111-8111-111111111111"


@pytest.fixture
async def hidden(other: World) -> dict[str, Hidden]:
    mission = await other.mission(days=10)
    entry = ok(await other.consultant.post("time-entries", mission.entry(status="draft")), 201)
    orders = ok(await other.operator.get(f"missions/{mission.id}/orders"))["items"]
    granted = {"until_on": "2199-01-01", "reason": "r"}
    leave = ok(await other.operator.post(f"missions/{mission.id}/late-entry-leaves", granted))
    firm = await other.add_firm()
    ok(await other.clients["territory"].put(f"firms/{firm}", {"stage": "interviewed"}))
    return {
        "territory": Hidden(other.territory, "t-" + "0" * 12),
        "mission": Hidden(mission.id),
        "consultant": Hidden(mission.partner_consultant),
        "member": Hidden(mission.partner_member),
        "entry": Hidden(entry["id"]),
        "order": Hidden(orders[0]["id"]),
        "leave": Hidden(leave["id"]),
        "firm": Hidden(firm, fresh_siren()),
    }


async def alike(client: Client, method: str, path: str, thing: Hidden, body: Any = None, status: int = 404) -> bytes:
    """Ask with `*` for the hidden object and for an absent one: the same answer but for address and request id."""
    answers = []
    for name in (thing.there, thing.absent):
        sent = json.loads(json.dumps(body).replace("*", name)) if body is not None else None
        arguments = {"json": sent} if sent is not None else {}
        answer = await client.request(method, path.replace("*", name), **arguments)
        assert answer.status_code == status, answer.text
        shown = {k: v for k, v in answer.headers.items() if k not in ("content-length", "x-request-id", "ratelimit")}
        own = answer.headers["x-request-id"].encode()
        answers.append((shown, answer.content.replace(name.encode(), b"*").replace(own, b"same")))
    assert answers[0] == answers[1]
    return answers[0][1]


PARTS = [
    "", "/perimeter", "/perimeter/2023", "/missions", "/consultants", "/firms", "/time-entries", "/engineering",
    "/envelope", "/grants", "/advances", "/summary",
]  # fmt: skip


async def test_another_territory_s_objects_are_absent_from_every_address(
    world: World, hidden: dict[str, Hidden]
) -> None:
    mine = await world.mission(days=10)
    below = {
        "entry": ["time-entries/*"],
        "mission": [
            *(f"missions/*{part}" for part in ("", "/orders", "/members", "/late-entry-leaves")),
            "engineering?mission_id=*",
        ],
        "order": [f"missions/{mine.id}/orders/*"],
        "member": [f"missions/{mine.id}/members/*"],
        "leave": [f"missions/{mine.id}/late-entry-leaves/*"],
        "consultant": ["consultants/*"],
        "firm": ["firms/*", "firms/*/stages"],
        "territory": [f"/v1/territories/*{part}" for part in PARTS],
    }  # fmt: skip
    for kind, paths in below.items():
        for path in paths:
            for client in (world.lead, world.clients["territory"]):
                await alike(client, "GET", path, hidden[kind])


async def test_another_territory_s_objects_cannot_be_written(world: World, hidden: dict[str, Hidden]) -> None:
    entry, there = "time-entries/*", "/v1/territories/*/time-entries"
    await alike(world.consultant, "PATCH", entry, hidden["entry"], {"days": 0.25})
    await alike(world.consultant, "DELETE", entry, hidden["entry"])
    for action in ("submit", "recall"):
        await alike(world.consultant, "POST", f"{entry}/{action}", hidden["entry"])
    await alike(world.consultant, "POST", f"{entry}/reverse", hidden["entry"], {"reason": "r"})
    await alike(world.lead, "POST", f"{entry}/validate", hidden["entry"])
    await alike(world.lead, "POST", f"{entry}/reject", hidden["entry"], {"reason": "r"})
    await alike(world.consultant, "POST", there, hidden["territory"], {"anything": 1})
    await alike(world.consultant, "POST", there + "/batch", hidden["territory"], {"anything": 1})
    await alike(world.clients["territory"], "PUT", f"/v1/territories/*/firms/{fresh_siren()}", hidden["territory"], {})
    mine = await world.mission(days=10)
    for path, body in (
        (f"missions/{mine.id}/orders/*", None),
        ("missions/*", {"name": "x"}),
        (f"missions/{mine.id}/members/*", {"role": "partner"}),
        ("consultants/*", {"profile": "senior"}),
    ):
        kind = {"missions/*": "mission", "consultants/*": "consultant"}.get(
            path, "order" if "orders" in path else "member"
        )
        method = "GET" if body is None else "PATCH"
        await alike(world.operator, method, path, hidden[kind], body)


async def test_a_body_that_names_another_territory_s_object_names_nothing(
    world: World, hidden: dict[str, Hidden]
) -> None:
    mine = await world.mission(days=10)
    entry = ok(await world.consultant.post("time-entries", mine.entry(status="draft")), 201)["id"]
    for named, kind in (("consultant_id", "consultant"), ("mission_id", "mission")):
        body = mine.entry() | {named: "*"}
        for status in ("draft", "submitted"):
            await alike(world.consultant, "POST", "time-entries", hidden[kind], body | {"status": status})
            dry = "time-entries?dry_run=true"
            await alike(world.consultant, "POST", dry, hidden[kind], body | {"status": status})
        await alike(world.consultant, "POST", "time-entries/batch", hidden[kind], {"items": [mine.entry(), body]})
        await alike(world.consultant, "PATCH", f"time-entries/{entry}", hidden[kind], {named: "*"})
    person = str(await world.add_person())
    body = {"person_id": person, "mission_id": "*", "from_on": "2023-06-14"}
    await alike(world.operator, "POST", "consultants", hidden["mission"], body)


async def test_a_filter_by_another_territory_s_object_finds_nothing(world: World, hidden: dict[str, Hidden]) -> None:
    for path, kind in (
        ("time-entries?mission_id=*&count=exact", "mission"),
        ("time-entries?consultant_id=*&count=exact", "consultant"),
        ("consultants?mission_id=*&count=exact", "mission"),
        ("/v1/events?territory=*", "territory"),
        ("/v1/events?resource_id=*", "entry"),
        ("/v1/events?resource_id=*", "mission"),
    ):
        thing = hidden[kind]
        pages = [ok(await world.lead.get(path.replace("*", name))) for name in (thing.there, thing.absent)]
        assert [(page["items"], page.get("total", 0)) for page in pages] == [([], 0), ([], 0)]


async def test_a_cursor_opens_nothing_but_its_own_list(world: World, other: World, siege: Siege) -> None:
    mission, theirs = siege.mission, await other.mission(days=10)
    for day in range(1, 4):
        ok(await world.consultant.post("time-entries", mission.entry(worked_on=f"2023-07-0{day}", days=0.25)))
        ok(await other.consultant.post("time-entries", theirs.entry(worked_on=f"2023-07-0{day}", days=0.25)))
    await siege.begin()
    cursor = ok(await world.lead.get("time-entries?limit=1&sort=worked_on"))["next_cursor"]
    foreign = ok(await other.lead.get("time-entries?limit=1&sort=worked_on"))["next_cursor"]
    same_person = ok(await world.operator.get(f"{siege.base}/time-entries?limit=1&sort=worked_on"))["next_cursor"]
    theirs_too = f"/v1/territories/{other.territory}/time-entries?limit=1&sort=worked_on"
    elsewhere = ok(await world.operator.get(theirs_too))["next_cursor"]
    flipped = [cursor[:i] + ("A" if cursor[i] != "A" else "B") + cursor[i + 1 :] for i in (0, 5, 20, 40)]
    entries = f"{siege.base}/time-entries"
    for token in (*flipped, foreign, same_person, cursor[:-4], cursor + "AAAA", "A", "%00", "é", "' OR 1=1 --", ""):
        text = escaped(token) if token != "%00" else token
        answer = siege.send("GET", f"{entries}?sort=worked_on&cursor={text}", who="lead")
        code = "validation-failed" if token in ("", "%00") else "invalid-cursor"
        problem_of(answer, 422, code, sent=token)
    for query in ("sort=-worked_on", "sort=days", "", "sort=worked_on&status=draft", "sort=worked_on&q=a"):
        siege.refused(422, "invalid-cursor", "GET", f"{entries}?{query}&cursor={cursor}".replace("?&", "?"), who="lead")
    operator = f"{entries}?sort=worked_on&cursor="
    siege.refused(422, "invalid-cursor", "GET", operator + elsewhere, who="operator")
    siege.refused(422, "invalid-cursor", "GET", f"/v1/events?after={cursor}", who="lead")
    feed = ok(await world.lead.get("/v1/events"))["next_cursor"]
    siege.refused(422, "invalid-cursor", "GET", f"/v1/events?type=mission.created&after={feed}", who="lead")
    siege.refused(422, "invalid-cursor", "GET", f"/v1/events?after={feed}", who="operator")
    siege.refused(422, "validation-failed", "GET", f"{entries}?cursor={'A' * 3_000}", who="lead")
    siege.refused(414, "address-too-long", "GET", f"{entries}?cursor={'A' * 10_000}", who="lead")
    assert siege.send("GET", f"{entries}?sort=worked_on&limit=2&cursor={cursor}", who="lead").status == 200


# --- 23-26: parameters, headers, logs, addresses ---------------------------------------------------------------------


async def test_parameters_are_known_given_once_and_in_range(siege: Siege) -> None:
    for query, fault in (
        ("limit=1&limit=2", "repeated_parameter"),
        ("limit=-1", "invalid_integer"),
        ("limit=501", "integer_out_of_range"),
        ("sort=password", "not_one_of"),
        ("sort=name%3B--", "not_one_of"),
        ("sort=", "not_one_of"),
        ("sort=name,password", "not_one_of"),
        ("sort=name,", "not_one_of"),
        ("sort=name,-name", "sorted_twice"),
        ("count=all", "not_one_of"),
        (f"{MARK}%20=1", "unknown_parameter"),
        ("Limit=1", "unknown_parameter"),
        ("limit%5B%5D=1", "unknown_parameter"),
        ("cursor=a&cursor=b", "repeated_parameter"),
        (f"key={siege.world.admin.key}", "unknown_parameter"),
        (f"access_token={siege.world.admin.key}", "unknown_parameter"),
        ("_method=DELETE", "unknown_parameter"),
    ):
        body = siege.refused(422, "validation-failed", "GET", f"/v1/firms?{query}", who="operator")
        assert fault in {error["code"] for error in body["errors"]}
    for query in ("dry_run=yes", "dry_run=1", "dry_run=TRUE", "dry_run=", "dry_run=true&dry_run=false", "dryrun=true"):
        for place in (siege.places["text"][0], siege.places["text"][3], siege.places["text"][6]):
            sent = place.holding(b'"x"')
            siege.refused(422, "validation-failed", place.method, f"{place.path}?{query}", sent, who=place.who)
    siege.refused(400, "malformed-request", "GET", "/v1/firms?" + "&".join(["q=a"] * 300), who="operator")


HOSTILE_HEADER_VALUES: list[bytes] = [
    f"{MARK}; <script>".encode(), b"%s\xff\xfe" % MARK.encode(), f"{MARK}%0d%0aSet-Cookie: a=b".encode(),
    f"{MARK}\\r\\n".encode(), f"{MARK}\t[31m ".encode(), MARK.encode() * 20, b"", f"../{MARK}/".encode(),
]  # fmt: skip


async def test_no_header_is_reflected(siege: Siege) -> None:
    names = [
        "X-Request-Id",
        "Accept-Language",
        "Accept",
        "Origin",
        "Referer",
        "User-Agent",
        "Cookie",
        "Range",
        "If-None-Match",
    ]
    for name in names:
        for value in HOSTILE_HEADER_VALUES:
            for target, status in (("/v1/firms?limit=1", 200), ("/v1/nowhere", 404)):
                answer = siege.send("GET", target, who="operator", headers={name: value})
                assert answer.status == status, (name, value, answer.body)
                whole = answer.body.decode() + str(dict(answer.headers))
                assert MARK not in whole, (name, value)
                assert "set-cookie" not in answer.headers
    assert siege.send("GET", "/v1/me", headers={"Accept-Language": "fr;q=" + "9" * 20_000}).status == 200
    assert siege.send("GET", "/v1/me", headers={"Accept-Language": ",".join(["fr;q=nan"] * 2_000)}).status == 200


async def test_headers_that_decide_something_come_once(siege: Siege) -> None:
    key = siege.world.admin.key.encode()
    for name, one, two in (
        (b"Host", b"a", b"b"),
        (b"Authorization", b"Bearer " + key, b"Bearer rbd_x"),
        (b"Content-Type", b"application/json", b"text/plain"),
        (b"Idempotency-Key", b"one", b"two"),
        (b"If-Match", b'"1"', b'"2"'),
        (b"X-Request-Id", b"one", b"two"),
    ):
        twice = message("GET", "/v1/me", {"Authorization": b"Bearer " + key}).removesuffix(b"\r\n")
        kept = b"" if name in (b"Host", b"Authorization") else name + b": " + one + b"\r\n"
        answer = siege.service.send(twice + kept + name + b": " + two + b"\r\n\r\n")
        problem_of(answer, 400, "malformed-request", sent=name.decode())


async def test_no_line_of_the_log_can_be_forged(siege: Siege) -> None:
    wanted = f"forged-{siege.world.territory}"
    ansi = "%1b%5b31m%0a%7b%22event%22:%22forged%22%7d"
    siege.refused(404, "not-found", "GET", f"/v1/{MARK}{ansi}")
    siege.refused(422, "validation-failed", "GET", f"/v1/firms?{MARK}{ansi}=1")
    for name in ("User-Agent", "Referer", "X-Forwarded-For", "X-Request-Id"):
        siege.send("GET", "/v1/me", headers={name: f"{MARK}\t" + '{"event":"forged"}' * 1_000})
    siege.send("GET", "/v1/me", headers={"X-Request-Id": wanted})
    siege.service.await_lines(wanted, 1)
    for line in siege.service.log.read_text().splitlines():
        assert line.isascii() or line.isprintable()
        assert json.loads(line)["event"] != "forged"
        assert len(line) < 20_000
        if '"leaves-' not in line:
            assert MARK not in line, line


FORGED = {
    "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher", "X-Forwarded-For": "1.2.3.4",
    "X-Forwarded-Prefix": "/evil", "Forwarded": "host=evil.example;proto=gopher", "X-Original-URL": "/evil",
    "X-Rewrite-URL": "/evil", "X-HTTP-Method-Override": "DELETE", "X-Method-Override": "DELETE",
    "X-HTTP-Method": "DELETE",
}  # fmt: skip


async def test_forged_addresses_change_no_link(siege: Siege) -> None:
    await siege.world.add_firm()
    await siege.begin()
    for headers in ({"Host": "evil.example"}, {"Host": "evil.example:1@x"}, FORGED):
        page = siege.send("GET", "/v1/firms?limit=1", who="operator", headers=headers)
        assert page.status == 200
        assert page.headers["link"].startswith("</v1/firms?")
        assert "evil" not in page.headers["link"] + page.body.decode()
        gone = siege.send("GET", "/nowhere", headers=headers)
        assert "evil" not in gone.body.decode() + str(dict(gone.headers))
        body = dumps({"name": f"Linked from {siege.world.territory}"})
        made = siege.send("POST", "/v1/organisations", body, headers=headers)
        assert made.headers["location"] == f"/v1/organisations/{made.json['id']}"
        await siege.begin()


async def test_a_method_is_what_the_request_line_says(siege: Siege) -> None:
    entry = f"{siege.base}/time-entries/{siege.entry}"
    assert siege.send("GET", entry, who="consultant", headers=FORGED).json["id"] == siege.entry
    siege.refused(405, "method-not-allowed", "POST", entry, b'{"_method": "DELETE"}', who="consultant", headers=FORGED)


# --- 30, 33-37: text, keys, scopes, searches, numbers of firms -------------------------------------------------------


async def test_text_that_a_spreadsheet_would_run_is_only_text(world: World, service: Service) -> None:
    headers = {"Authorization": f"Bearer {world.admin.key}", **JSON}
    formulas = ["=cmd|' /C calc'!A0", "+33 4 66", "-1+1", "@SUM(1)", '=HYPERLINK("http://x")']
    for name in (*formulas, "<script>alert(1)</script>", "#read"):
        made = service.request("POST", "/v1/organisations", headers, dumps({"name": name}))
        assert made.status == 201
        assert made.json["name"] == name
        assert made.headers["content-type"] == "application/json"
        assert made.headers["x-content-type-options"] == "nosniff"


async def test_only_a_whole_living_key_opens(siege: Siege) -> None:
    world = siege.world
    key = world.admin.key
    old = (await world.add_subject(world.pool, "former", "office", "admin")).key
    late = (await world.add_subject(world.pool, "late", "office", "admin")).key
    await world.pool.execute("UPDATE api_keys SET revoked_at = now() WHERE digest = $1", digest_of(old))
    await world.pool.execute("UPDATE api_keys SET expires_at = now() WHERE digest = $1", digest_of(late))
    await siege.begin()
    given = [
        f"Bearer {key[:-1]}", f"Bearer {key}x", f"Bearer {key.swapcase()}", f"Bearer {key.removeprefix('rbd_')}",
        f"Bearer rbd_{'a' * 43}", "Bearer rbd_", "Bearer", "Bearer ", "", f"Basic {key}", key, f"Token {key}",
        f"Bearer {old}", f"Bearer {late}", f"Bearer {key}, Bearer {key}", f"Bearer {key} {key}",
        f"Bearer rbd_{'a' * 5_000}",
        "Bearer rbd_' OR '1'='1", "Bearer rbd_%00", "Bearer eyJhbGciOiJub25lIn0.e30.", f"Digest {key}",
    ]  # fmt: skip
    for value in given:
        for method, path, body in (("GET", "/v1/me", b""), ("POST", "/v1/organisations", b'{"name": "x"}')):
            headers = {"Authorization": value, "X-Forwarded-For": "192.0.2.1"}
            answer = siege.send(method, path, body, who=None, headers=headers)
            problem_of(answer, 401, "credentials-invalid", sent=value)
            assert answer.headers["www-authenticate"] == 'Bearer realm="rebond"'
    for target in ("/v1/me", f"/v1/me?key={key}", f"/v1/me?access_token={key}"):
        answer = siege.send("GET", target, who=None, headers={"Cookie": f"key={key}", "X-Api-Key": key})
        problem_of(answer, 401, "credentials-missing")
        assert answer.headers["www-authenticate"] == 'Bearer realm="rebond"'


async def test_without_a_key_nothing_is_said_about_the_body(siege: Siege) -> None:
    for place in siege.places["text"]:
        for body in (b"{", b"\xff", b"[" * 10_000, place.holding(b'"x"')):
            siege.refused(401, "credentials-missing", place.method, place.path, body, who=None)


async def test_a_key_that_may_only_read_writes_nothing(siege: Siege) -> None:
    world = siege.world
    for role in ("admin", "consultant", "programme", "territory", "operator", "funder"):
        home = "partner" if role == "consultant" else "office"
        await world.add_subject(world.pool, f"reading {role}", home, role, scope="read_only")
    await siege.begin()
    for kind in siege.places.values():
        for place in kind:
            who = f"reading {place.who}"
            siege.refused(403, "insufficient-scope", place.method, place.path, place.holding(b"{"), who=who)


SIGNS = [
    "%",
    "_",
    "\\",
    "%%",
    "_%",
    "\\%",
    "'",
    "''; --",
    "' OR '1'='1",
    "$1",
    ":p_q",
    "%(q)s",
    "{}",
    "(a+)+$",
    ".*",
    "[",
]


async def test_what_is_searched_means_itself(siege: Siege) -> None:
    ok(await siege.world.clients["territory"].put(f"firms/{siege.firm}", {"stage": "interviewed"}))
    await siege.begin()
    # Parts of a text are found anywhere in it; the words of firms from their beginning, whatever stands between them.
    for target, known in (("consultants", "erso"), ("missions", "issi"), ("firms", "fir")):
        address = f"{siege.base}/{target}"
        found = siege.send("GET", f"{address}?q={known}", who="operator").json["items"]
        assert found, target
        for text in SIGNS:
            answer = siege.send("GET", f"{address}?q={escaped(text)}", who="operator")
            assert answer.status == 200, answer.body
            assert answer.json["items"] == [], (target, text)
            answer = siege.send("GET", f"{address}?q={escaped(known + text)}", who="operator")
            assert answer.status == 200, answer.body
            mere_signs = target == "firms" and not any(character.isalnum() for character in text)
            assert answer.json["items"] == (found if mere_signs else []), (target, known + text)


async def test_a_search_is_at_most_a_hundred_characters(siege: Siege) -> None:
    assert siege.send("GET", f"/v1/firms?q={'a' * 100}", who="operator").status == 200
    siege.refused(422, "validation-failed", "GET", f"/v1/firms?q={'a' * 101}", who="operator", fault="too_long")
    siege.refused(414, "address-too-long", "GET", f"/v1/firms?q={'a' * 10_000}", who="operator")


async def test_invisible_and_turning_characters_are_refused(siege: Siege) -> None:
    for code in (
        "\u202e",
        "\u2066",
        "\u200b",
        "\u200f",
        "\ufeff",
        "\u0085",
        "\x7f",
        "\x1b",
        "\ufffe",
        "\u2028",
        "\u061c",
    ):
        for place in siege.places["text"]:
            if place.field == "external_id":
                continue
            if code == "\u2028" and place.field in ("note", "reason"):
                continue  # a line break, which longer texts may have
            body = place.holding(dumps(f"{MARK}{code}b"))
            siege.refused(
                422, "validation-failed", place.method, place.path, body, who=place.who, fault="forbidden_character"
            )
    heap = dumps("e" + "\u0301" * 150)
    for place in siege.places["text"]:
        if place.field != "external_id":
            body = place.holding(heap)
            siege.refused(
                422,
                "validation-failed",
                place.method,
                place.path,
                body,
                who=place.who,
                fault="too_many_combining_marks",
            )
    refuse_everywhere(siege, "text", [dumps("e" + "\u0301" * 10_000), dumps("a" * 100_000)], 422, "validation-failed")
    refuse_everywhere(siege, "text", [b'""', b'" "', b'"\\u00a0"', '"\u00ad"'.encode()], 422, "validation-failed")


async def test_a_name_is_kept_composed_and_the_siren_is_the_identity(world: World, service: Service) -> None:
    siren = fresh_siren()
    headers = {"Authorization": f"Bearer {world.admin.key}", **JSON}
    body = dumps({"name": "Ale\u0300s", "siren": siren})
    made = service.request("POST", "/v1/organisations", headers, body)
    assert (made.status, made.json["name"]) == (201, "Al\u00e8s")
    again = service.request("POST", "/v1/organisations", headers, dumps({"name": "\u0391l\u00e8s", "siren": siren}))
    assert problem_of(again, 409, "already-exists")["errors"][0]["pointer"] == "/siren"


async def test_a_siren_has_one_form(siege: Siege) -> None:
    good = siege.firm
    odd = [
        "000000000", good[:-1] + str((int(good[-1]) + 1) % 10), good + "\n", "\u0661" * 9,
        f"{good[:3]} {good[3:6]} {good[6:]}",
        good[:8], good + "0", f" {good}", f"{good}\u00a0", "", "356000000x", "\uff11" * 9,
    ]  # fmt: skip
    literals = [*(dumps(text) for text in odd), good.encode(), b"true", b"[]"]
    refuse_everywhere(siege, "siren", literals, 422, "validation-failed")
    for text in odd:
        quoted = escaped(text)
        if text:
            siege.refused(404, "not-found", "GET", f"/v1/firms/{quoted}", who="operator")
            siege.refused(404, "not-found", "PUT", f"{siege.base}/firms/{quoted}", b"{}", who="territory")
        siege.refused(422, "validation-failed", "GET", f"/v1/organisations?siren={quoted}", fault="invalid_siren")


async def test_ids_have_one_form_in_bodies_and_none_but_ids_in_paths(siege: Siege) -> None:
    plain = siege.entry
    odd = [
        plain.replace("-", ""),
        f"{{{plain}}}",
        f"urn:uuid:{plain}",
        f"{plain}\n",
        f" {plain}",
        plain[:-1],
        f"{plain}0",
        "1",
        "",
    ]
    for text in odd:
        body = dumps(siege.mission.entry() | {"mission_id": text})
        siege.refused(
            422, "validation-failed", "POST", f"{siege.base}/time-entries", body, who="consultant", fault="invalid_uuid"
        )
        quoted = escaped(text)
        target = f"{siege.base}/time-entries?mission_id={quoted}"
        siege.refused(422, "validation-failed", "GET", target, who="operator", fault="invalid_uuid")
        if text != odd[0]:
            siege.refused(404, "not-found", "GET", f"{siege.base}/time-entries/{quoted}", who="operator")


async def test_paths_are_taken_as_they_are(siege: Siege) -> None:
    for path in ("me%00", "me;a=b", "me%20", "ME", "v1/me", "me%0a"):
        siege.refused(404, "not-found", "GET", f"/v1/{path}")
    # What a proxy reads otherwise on the way: separators and dots behind an escape, and what needs none.
    for path in ("..%2f..%2fetc%2fpasswd", "%2e%2e/v1/me", "me%2F", "me%5c", "%6de", "%4De", "m%65", "me%7E"):
        siege.refused(400, "malformed-request", "GET", f"/v1/{path}")
    for path in ("me?", "me#a"):  # an empty query, a fragment: the same address
        assert siege.send("GET", f"/v1/{path}").status == 200


# --- 39-41: preconditions, idempotency, states -----------------------------------------------------------------------


async def test_the_second_of_two_writers_is_told_that_the_version_is_old(world: World, service: Service) -> None:
    target = f"/v1/organisations/{world.organisations['office']}"
    headers = {"Authorization": f"Bearer {world.admin.key}"}
    read = service.request("GET", target, headers)
    headers |= {**JSON, "If-Match": read.headers["etag"]}
    assert service.request("PATCH", target, headers, b'{"name": "First"}').status == 200
    late = service.request("PATCH", target, headers, b'{"name": "Second"}')
    assert problem_of(late, 412, "stale-version")["current_version"] == 2
    assert service.request("GET", target, headers).json["name"] == "First"


async def test_no_odd_if_match_passes(siege: Siege) -> None:
    target = f"{siege.base}/time-entries/{siege.entry}"
    for tag in (
        "1",
        "0, 1",
        '"1',
        "'1'",
        '"1"x',
        '"1-"',
        '"1-g"',
        '"01"',
        '"1" "1"',
        "1-00000000",
        '"0"',
        '"2"',
        "1x",
        '"',
        '""',
        'W/"1"',
        '"a", "b"',
        '"9223372036854775808"',
        "%22",
        '"-1"',
        '"\uff11"',
    ):
        headers = {**JSON, "If-Match": tag}
        siege.refused(412, "stale-version", "PATCH", target, b'{"days": 0.25}', who="consultant", headers=headers)
        siege.refused(412, "stale-version", "DELETE", target, who="consultant", headers=headers)
        siege.refused(412, "stale-version", "POST", target + "/submit", who="consultant", headers=headers)


async def test_an_idempotency_key_is_1_to_255_visible_characters(siege: Siege) -> None:
    submit = f"{siege.base}/time-entries/{siege.entry}/submit"
    for key in (b"", b" ", b"a" * 256, b"a" * 3_000, b"a b", b"\xc3\xa9", b"a\tb", "\u202e".encode()):
        headers = {"Idempotency-Key": key}
        for place in [*siege.places["text"][:4], *siege.places["integer"][:2]]:
            if place.method == "POST":
                body = place.holding(b"7" if place in siege.places["integer"] else b'"x"')
                siege.refused(400, "idempotency-key-invalid", "POST", place.path, body, who=place.who, headers=headers)
        siege.refused(400, "idempotency-key-invalid", "POST", submit, who="consultant", headers=headers)


async def test_steps_out_of_turn_are_refused_by_the_state(siege: Siege) -> None:
    entry = f"{siege.base}/time-entries/{siege.entry}"
    siege.refused(409, "invalid-transition", "POST", f"{entry}/recall", who="consultant")
    siege.refused(409, "invalid-transition", "POST", f"{entry}/reverse", b'{"reason": "r"}', who="consultant")
    siege.refused(409, "invalid-transition", "POST", f"{entry}/validate", who="lead_judge")
    siege.refused(409, "invalid-transition", "POST", f"{entry}/reject", b'{"reason": "r"}', who="lead_judge")
    future = dumps(siege.mission.entry(worked_on="2199-12-31"))
    siege.refused(
        422, "validation-failed", "POST", f"{siege.base}/time-entries", future, who="consultant", fault="future_day"
    )
    negative = dumps(siege.mission.entry(days=-0.5))
    siege.refused(422, "validation-failed", "POST", f"{siege.base}/time-entries", negative, who="consultant")


async def test_sums_beyond_the_column_are_refused_too(world: World, service: Service) -> None:
    mission = await world.mission(days=99_999.75, lead=50_000, partner=49_999.75)
    base = f"/v1/territories/{world.territory}/missions/{mission.id}"
    headers = {"Authorization": f"Bearer {world.operator.key}", **JSON}
    more = {
        "kind": "amendment",
        "reason": "Asked for.",
        "reference": "BC-2",
        "signed_on": "2023-06-01",
        "days": 99_999.75,
    }
    problem_of(service.request("POST", f"{base}/orders", headers, dumps(more)), 409, "total-too-large")
    less = more | {"days": -99_999.75}
    problem_of(service.request("POST", f"{base}/orders", headers, dumps(less)), 409, "allotments-exceed-order")
    allotted = dumps({"days_allotted": 99_999.75, "reason": "Asked for.", "decided_on": "2023-07-03"})
    refused = service.request("PATCH", f"{base}/members/{mission.partner_member}", headers, allotted)
    problem_of(refused, 409, "total-too-large")
    assert (await world.follow_up())["days_ordered"] == 99_999.75


# --- 43: two readings of one request ---------------------------------------------------------------------------------

POST = b"POST /v1/organisations HTTP/1.1\r\nHost: a\r\n"
SMUGGLED = {
    "CL and TE": POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
    "TE and CL": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nG",
    "two CL": POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    "two equal CL": POST + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
    "a list as CL": POST + b"Content-Length: 4, 4\r\n\r\nabcd",
    "negative CL": POST + b"Content-Length: -1\r\n\r\n",
    "signed CL": POST + b"Content-Length: +4\r\n\r\nabcd",
    "huge CL": POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "odd TE": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "TE not last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "space before colon": b"GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n",
    "folded header": b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n",
    "bare LF": b"GET /healthz HTTP/1.1\nHost: a\n\n",
    "bare CR": b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: b\rX-B: c\r\n\r\n",
    "NUL in a header": b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\n\r\n",
    "HTTP/0.9": b"GET /healthz\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/3.7": b"GET /healthz HTTP/3.7\r\nHost: a\r\n\r\n",
    "no Host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "unknown method": b"BREW /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
    "no request": b"\0" * 100 + b"\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("data", list(SMUGGLED.values()), ids=list(SMUGGLED))
def test_a_request_of_two_readings_ends_the_connection(service: Service, data: bytes) -> None:
    second = message("GET", f"/v1/{MARK}")  # what a proxy before us might take for another client's
    with service.connect() as connection:
        connection.sendall(data + second)
        answer = answer_on(connection)
        problem_of(answer, 400, "malformed-request")
        assert answer.closed
        rest = b""
        try:
            while more := connection.recv(65_536):
                rest += more
        except ConnectionError:
            pass
        assert b"HTTP/1.1" not in rest
    assert service.request("GET", "/healthz").status == 200


async def test_a_broken_chunk_ends_the_connection_and_writes_nothing(siege: Siege) -> None:
    headers = {**JSON, "Transfer-Encoding": "chunked"}
    whole = b'{"name": "Smuggled"}'
    for body in (b"zz\r\n\r\n", b"-1\r\n\r\n", b"%x\r\n%sX" % (len(whole), whole), b"FFFFFFFFFFFFFFFFF\r\n"):
        answer = siege.send("POST", "/v1/organisations", body, headers=headers)
        problem_of(answer, 400, "malformed-request")
        assert answer.closed


def test_requests_in_one_packet_are_answered_in_turn(service: Service) -> None:
    one, two = message("GET", "/healthz"), message("GET", "/nowhere")
    last = message("GET", "/healthz", {"Connection": "close"})
    said = b""
    with service.connect() as connection:
        connection.sendall(one + two + last)
        while more := connection.recv(65_536):
            said += more
    assert re.findall(rb"HTTP/1.1 (\d+)", said) == [b"200", b"404", b"200"]
    assert len(set(re.findall(rb"x-request-id: (\w+)", said))) == 3


@pytest.mark.parametrize("name", ["Upgrade", "upgrade", "UPGRADE"])
@pytest.mark.parametrize("protocol", ["websocket", "h2c"])
def test_an_upgrade_is_not_taken_up_and_the_request_is_whole(siege: Siege, name: str, protocol: str) -> None:
    """Java's client wishes for HTTP/2 at each request."""
    wish = {"Connection": "Upgrade", name: protocol, "Sec-WebSocket-Key": "YQ==", "Sec-WebSocket-Version": "13"}
    assert siege.service.request("GET", "/healthz", wish).status == 200
    called = f"Upgrade: h2c {secrets.token_hex(4)}"
    made = siege.send("POST", "/v1/organisations?dry_run=true", dumps({"name": called}), headers={**JSON, **wish})
    assert made.json["name"] == called


# --- 42, 40: the database goes away, locks wait, the service dies ----------------------------------------------------


@dataclass(frozen=True)
class Caller:
    """Someone with a key, at a service of a test's own."""

    service: Service
    key: str

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        fields = {"Authorization": f"Bearer {self.key}", **(JSON if body is not None else {}), **headers}
        return self.service.request(method, path, fields, dumps(body) if body is not None else b"")

    def await_status(self, status: int, path: str) -> Answer:
        """The answer at `path` once it has this status."""
        deadline = time.monotonic() + 30
        while (answer := self.send("GET", path)).status != status:
            assert time.monotonic() < deadline, answer
            time.sleep(0.02)
        return answer


def issue_key(url: str) -> str:
    """The key of an administrator in this database."""

    async def issue() -> str:
        async with httpx2.AsyncClient() as http, asyncpg.create_pool(plain(url), min_size=1) as connections:
            return (await World.create(http, connections)).admin.key

    return asyncio.run(issue())


def test_a_database_that_dies_is_told_and_comes_back_by_itself(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = new_place()
    quick = {"fsync": "off"}
    try:
        with postgres.running(home, settings=quick) as database:
            postgres.ensure_database(database, "rebond_test_dies")
            url = database.dsn("rebond_test_dies")
            migrate(url)
            key = issue_key(url)
            with serving(url, tmp_path_factory.mktemp("dies"), settings={"REBOND_CREDENTIAL_CACHE": "0"}) as service:
                caller = Caller(service, key)
                assert caller.send("POST", "/v1/organisations", {"name": "Before"}).status == 201
                assert caller.send("GET", "/readyz").status == 200
                os.kill(int((home / "pg" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
                caller.await_status(503, "/readyz")
                for method, path, body in (
                    ("GET", "/v1/organisations", None),
                    ("GET", "/v1/me", None),
                    ("GET", "/v1/events", None),
                    ("POST", "/v1/organisations", {"name": "During"}),
                    ("GET", "/readyz", None),
                ):
                    answer = caller.send(method, path, body)
                    problem_of(answer, 503, "database-unavailable", sent=path)
                    assert int(answer.headers["retry-after"]) > 0
                assert caller.send("GET", "/healthz").status == 200
                with postgres.running(home, settings=quick):
                    caller.await_status(200, "/readyz")
                    assert caller.send("POST", "/v1/organisations", {"name": "After"}).status == 201
                    names = {item["name"] for item in caller.send("GET", "/v1/organisations").json["items"]}
                    assert names >= {"Before", "After"}
                    assert "During" not in names
    finally:
        shutil.rmtree(home, ignore_errors=True)


def migrate(url: str) -> None:
    migrations.upgrade(url)

    async def ensure() -> None:
        engine = create_engine(url, pool_size=1)
        await installation.ensure(engine)
        await engine.dispose()

    asyncio.run(ensure())


@pytest.fixture(scope="module")
def own(new_database: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Caller]]:
    """A service with two connections and a database of its own, and its administrator."""
    url: str = new_database("own")
    key = issue_key(url)
    small = {"REBOND_POOL_SIZE": "2", "REBOND_POOL_TIMEOUT": "0.5", "REBOND_CREDENTIAL_CACHE": "0"}
    with serving(url, tmp_path_factory.mktemp("own"), settings=small) as service:
        caller = Caller(service, key)
        caller.await_status(200, "/readyz")
        yield plain(url), caller


async def test_killed_connections_are_replaced_without_a_word(own: tuple[str, Caller]) -> None:
    url, caller = own
    connection = await asyncpg.connect(url)
    try:
        for victims in (1, 1, 1, 1, 2, 2):
            for _ in range(5):  # until both connections of the pool are open
                await asyncio.gather(*(asyncio.to_thread(caller.send, "GET", "/v1/organisations") for _ in range(6)))
            killed = await connection.fetchval(_KILL, victims)
            assert killed == victims
            assert caller.send("POST", "/v1/organisations", {"name": "Unharmed"}).status == 201
            assert caller.send("GET", "/v1/organisations").status == 200
    finally:
        await connection.close()


_KILL = """
SELECT count(pg_terminate_backend(pid, 5000)) FROM (
    SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'rebond' LIMIT $1
) AS victims
"""


def test_an_answer_that_was_lost_with_the_service_is_given_again(new_database: Any, tmp_path: Path) -> None:
    url: str = new_database("killed")
    key = issue_key(url)
    once = {"Idempotency-Key": "once"}
    with serving(url, tmp_path) as service:
        first = Caller(service, key).send("POST", "/v1/organisations", {"name": "Once"}, **once)
        assert first.status == 201
        service.process.kill()
        service.process.wait()
    with serving(url, tmp_path) as service:
        caller = Caller(service, key)
        again = caller.send("POST", "/v1/organisations", {"name": "Once"}, **once)
        assert (again.status, again.headers["idempotency-replayed"]) == (201, "true")
        assert again.body == first.body
        other = caller.send("POST", "/v1/organisations", {"name": "Twice"}, **once)
        problem_of(other, 422, "idempotency-key-reused")
        assert len(caller.send("GET", "/v1/organisations?q=once").json["items"]) == 1
        finishes_what_it_has_begun(caller)


def finishes_what_it_has_begun(caller: Caller) -> None:
    """Told to stop, the service takes no new connection and answers the request under way."""
    body = dumps({"name": "Begun before the stop"})
    headers = {"Authorization": f"Bearer {caller.key}", **JSON, "Content-Length": str(len(body))}
    with caller.service.connect() as connection:
        connection.sendall(message("POST", "/v1/organisations", headers, body[:5]))
        assert caller.send("GET", "/healthz").status == 200
        caller.service.process.terminate()
        deadline = time.monotonic() + 20
        while _listens(caller.service):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        connection.sendall(body[5:])
        assert answer_on(connection).status == 201
    assert caller.service.process.wait(20) == 0


def _listens(service: Service) -> bool:
    try:
        with service.connect():
            return True
    except ConnectionError:
        return False
