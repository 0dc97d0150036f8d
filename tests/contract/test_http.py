"""The manners of HTTP that every address shares, walked over the whole document."""

import contextlib
import itertools
import json
import re
import secrets
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import httpx2
import pytest
import zstandard
from pydantic import ValidationError

from app.access.rules import MATRIX, Role
from app.core import clock
from app.core.messages import REQUIRED
from app.core.problems import CATALOGUE, Problem
from app.core.schemas import Body
from app.core.serving import documentation
from app.core.serving.compression import Compression
from app.core.serving.routing import Route
from app.main import ROUTERS, create_app
from app.settings import Settings
from tests.contract.conftest import Known
from tests.contract.server import Service
from tests.in_process import InProcess
from tests.orders import chosen
from tests.world import Client, World, dumps, fresh_email, fresh_siren, ok, problem

ROUTES = {
    (route.path_format, method): route
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, Route)
    for method in route.methods or ()
}
PATHS = sorted({path for path, _ in ROUTES})
# The copy of a file is its sender's alone, who is none of the readers here.
READS = sorted(
    path
    for path, method in ROUTES
    if method == "GET" and ROUTES[path, method].include_in_schema and not path.endswith("/annotated")
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def reader(known: Known, path: str) -> Client:
    """A client that may read this address, in all territories; accounts' numbers and keys have one of their own."""
    gate = ROUTES[path, "GET"].gate
    if (gate is not None and gate.permission == "firm_ibans:read") or path.startswith("/v1/me/keys"):
        return known.world.treasurer
    assert gate is None or Role.AUDITOR in MATRIX[gate.permission], path
    return known.world.auditor


@contextlib.asynccontextmanager
async def application(settings: Settings, **chosen: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of another application on the same database, set up otherwise."""
    app = create_app(settings.model_copy(update=chosen))
    async with app.router.lifespan_context(app) as state:

        async def served(scope: Any, receive: Any, send: Any) -> None:
            scope["state"] = dict(state or {})
            await app(scope, receive, send)

        async with InProcess(served) as client:
            yield client


# --- methods and addresses -------------------------------------------------------------------------------------------


async def test_head_answers_as_get_does_without_the_body(known: Known) -> None:
    for path in READS:
        address, client = known.read_address(path), reader(known, path)
        got, head = await client.get(address), await client.request("HEAD", address)
        assert (got.status_code, head.status_code) == (200, 200), (path, got.text)
        assert got.content.endswith(b"\n"), path
        assert not head.content
        passing = {"x-request-id", "date", "ratelimit"}
        assert {k: v for k, v in head.headers.items() if k not in passing} == {
            k: v for k, v in got.headers.items() if k not in passing
        }, path


async def test_every_address_names_the_methods_that_it_knows(known: Known) -> None:
    for path in PATHS:
        here = {method for route, method in ROUTES if route == path}
        allowed = sorted(here | ({"HEAD"} if "GET" in here else set()))
        for method in METHODS:
            if method in allowed:
                continue
            answer = await known.world.admin.request(method, known.address(path))
            assert answer.status_code == 405, (method, path)
            assert answer.headers["allow"] == ", ".join(allowed)
            if method != "HEAD":
                problem(answer, 405, "method-not-allowed")


async def test_a_wrong_slash_is_a_404_that_says_so(known: Known, http: httpx2.AsyncClient) -> None:
    for path in PATHS:
        if path == "/":
            continue
        for address in (
            f"{known.address(path)}/",
            f"/{known.address(path)}",
            known.address(path).replace("/v1/", "/v1//"),
        ):
            if address == known.address(path):
                continue
            target = httpx2.URL("http://rebond.test").copy_with(raw_path=address.encode())
            told = problem(await http.get(target), 404, "not-found")
            assert "slash" in told["detail"], address


async def test_there_is_an_index_of_addresses_that_exist(known: Known, http: httpx2.AsyncClient) -> None:
    for start in ("/", "/v1"):
        for link in ok(await http.get(start))["links"]:
            assert (await known.world.auditor.get(link["href"])).status_code == 200, link


# --- headers ---------------------------------------------------------------------------------------------------------


PLAIN, ODD = ["a", "A.b_c-9", "x" * 64], ["", "x" * 65, "a b", "a/b", "a\tb", "<a>", "é", "a,b", '"a"']


@pytest.mark.parametrize("given", [*PLAIN, *ODD])
async def test_the_id_of_a_request_is_the_service_s_own(known: Known, given: str) -> None:
    """The caller names no proof: whatever it sends, answer, problem, log and event have an id of ours."""
    answer = await known.world.admin.get("/nowhere", headers={"X-Request-Id": given.encode("latin-1")})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("given", [*PLAIN, *ODD, None])
async def test_what_the_client_calls_its_request_is_kept_beside_it(known: Known, given: str | None) -> None:
    headers = {} if given is None else {"X-Request-Id": given.encode("latin-1")}
    made = await known.world.admin.post("/v1/organisations", {"name": "Traced"}, headers=headers)
    stored = await known.world.pool.fetchrow(
        "SELECT request_id, client_request_id FROM events WHERE resource_id = $1", ok(made)["id"]
    )
    assert tuple(stored) == (made.headers["x-request-id"], given if given in PLAIN else None)


async def test_every_answer_forbids_what_a_browser_might_do_with_it(known: Known, http: httpx2.AsyncClient) -> None:
    answers = [await http.get(address) for address in ("/", "/healthz", "/docs", "/nowhere", "/v1/me", "/docs/page.js")]
    answers += [await http.post("/"), await known.world.admin.post("/v1/organisations", {"name": "Guarded"})]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "max-age" in answer.headers["strict-transport-security"]
        for part in ("default-src", "base-uri", "form-action", "frame-ancestors"):
            assert f"{part} 'none'" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers
        assert "x-powered-by" not in answer.headers


async def test_what_is_personal_or_confidential_is_kept_by_no_cache(known: Known) -> None:
    """In every form; what else only its reader may see is kept by no cache that others share."""
    marked = {path for path in READS if ROUTES[path, "GET"].kept_nowhere}
    assert {"/v1/me", "/v1/territories/{territory}/contacts", "/v1/members"} <= marked
    assert "/v1/waves" not in marked
    for path in READS:
        if path.startswith("/v1/"):
            answer = await reader(known, path).get(known.read_address(path))
            wanted = ("no-store",) if path in marked else ("private, no-cache", "no-store")
            assert answer.headers["cache-control"] in wanted, path
    for path in ("/v1/members", "/v1/territories/{territory}/contacts"):
        for form in ("csv", "xlsx", "ndjson"):
            answer = await known.world.auditor.get(known.address(path), params={"format": form})
            assert answer.headers["cache-control"] == "no-store", (path, form)
    written = await known.world.admin.post("/v1/members", {"subject_id": known.ids["persons"], "role": "operator"})
    assert written.headers["cache-control"] == "no-store"


# --- problems --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("fr", "fr"), ("fr-FR,fr;q=0.9,en;q=0.8", "fr"), ("en;q=0.5, fr", "fr"), ("de, fr;q=0.1", "fr"),
        ("FR-ca", "fr"), ("en", "en"), ("", "en"), ("de", "en"), ("fr;q=0", "en"), ("fr;q=x", "en"), ("*", "en"),
        ("fr;q=0.2, en;q=0.3", "en"), ("fr; q=0.9", "fr"), ("fr ;Q=0.9 , en ; q=0.8", "fr"), ("en;q=0, *", "fr"),
        ("fr;q=0.5, *;q=0.1", "fr"), ("fr;q=0.5, *", "en"), ("\tfr\t;\tq=1.000", "fr"), ("fr;q=1.5", "en"),
    ],
)  # fmt: skip
async def test_problems_speak_the_language_asked_for_with_one_code(known: Known, accepted: str, language: str) -> None:
    headers = {"Accept-Language": accepted}
    answer = await known.world.admin.post("/v1/organisations", {"nom": 1}, headers=headers)
    told = problem(answer, 422, "validation-failed")
    assert answer.headers["content-language"] == language
    assert told["title"] == {"en": "Some fields are not valid.", "fr": "Certains champs ne sont pas valides."}[language]
    assert {(e["pointer"], e["code"]) for e in told["errors"]} == {("/name", "required"), ("/nom", "unknown_field")}
    assert next(e for e in told["errors"] if e["code"] == "required")["detail"] == REQUIRED.told(language, {})


@pytest.mark.parametrize(
    ("address", "faults"),
    [
        ("/v1/firms/123456789", [("siren", "invalid_siren")]),
        ("/v1/firms/{siren}/sites/91000001700000", [("siret", "invalid_siret")]),
        ("/v1/territories/{territory}/firms/{siren}/accounts/1899", [("year", "integer_out_of_range")]),
        ("/v1/territories/{territory}/perimeter/23", [("vintage", "integer_out_of_range")]),
        (
            "/v1/territories/{territory}/consultants/1/timesheets/2023-13",
            [("id", "invalid_uuid"), ("month", "invalid_month")],
        ),
        ("/v1/territories/{territory}/time-entries/1", [("id", "invalid_uuid")]),
        ("/v1/territories/Al%C3%A8s/time-entries", [("territory", "invalid_slug")]),
        ("/v1/territories/{territory}/time-entries/", None),
        ("/v1/territories/{territory}/time-entries/1/nothing", None),
        ("/v1/firmes/123456789", None),
    ],
)
async def test_a_bad_value_in_an_address_is_named(
    known: Known, address: str, faults: list[tuple[str, str]] | None
) -> None:
    path = address.format(siren=known.ids["siren"], territory=known.world.territory)
    told = problem(await known.world.auditor.get(path), 404, "not-found")
    assert [(error["pointer"], error["code"]) for error in told.get("errors", [])] == (faults or [])
    assert ("A value in the address is not valid." in told["detail"]) is bool(faults)
    assert all("123456789" not in error["detail"] for error in told.get("errors", []))


async def test_a_deployment_may_speak_french_by_default(settings: Settings) -> None:
    async with application(settings, default_language="fr") as client:
        assert problem(await client.get("/nowhere"), 404, "not-found")["title"].startswith(
            "Il n'y a rien à cette adresse"
        )
        english = await client.get("/nowhere", headers={"Accept-Language": "en"})
        assert problem(english, 404, "not-found")["title"].startswith("There is nothing at this address")


async def test_the_catalogue_has_every_problem_in_both_languages(http: httpx2.AsyncClient) -> None:
    known = set(_subclasses(Problem))
    assert {problem.code for problem in known} == set(CATALOGUE)
    for language in ("en", "fr"):
        listed = ok(await http.get("/problems", headers={"Accept-Language": language}))["items"]
        assert [entry["code"] for entry in listed] == sorted(CATALOGUE)
        for entry in listed:
            alone = await http.get(entry["type"], headers={"Accept-Language": language})
            assert ok(alone) == entry
            assert alone.headers["content-language"] == language
            assert entry["title"]
            assert entry["cause"]
    for refused in known:
        assert refused.title_fr not in (Problem.title_fr, refused.title), refused
        assert refused.title[-1] == refused.title_fr[-1] == ".", refused
        assert bool(refused.detail) == bool(refused.detail_fr), refused
        assert bool(refused.cure) == bool(refused.cure_fr), refused
        assert _members(refused.detail) == _members(refused.detail_fr), refused


def _subclasses(of: type[Problem]) -> list[type[Problem]]:
    return [found for each in of.__subclasses__() for found in (each, *_subclasses(each))]


def _members(template: str) -> list[str]:
    return sorted(re.findall(r"\{(\w+)\}", template))


async def test_a_field_that_another_call_changes_is_told_that_call(known: Known) -> None:
    """Wherever a body says so: the call exists, and PATCH names it."""
    document = ok(await known.world.http.get("/openapi.json"))
    schemas = {model.__name__: model for model in Body.__subclasses__() if model.elsewhere}
    assert {"TerritoryFirmUpdate", "ProjectUpdate", "AuditionUpdate"} <= schemas.keys()
    told = set()
    for path, operations in document["paths"].items():
        asked = operations.get("patch", {"requestBody": {}})["requestBody"].get("content", {})
        model = schemas.get(str(asked.get("application/json", {}).get("schema", {}).get("$ref")).rpartition("/")[2])
        if model is None:
            continue
        for name, calls in model.elsewhere.items():
            for method, address in (call.split(" ") for call in calls):
                assert method.lower() in document["paths"][address], (name, calls)
            client = known.holder(operations["patch"]["x-permission"])
            [error] = problem(
                await client.request("PATCH", known.address(path), json={name: "x"}), 422, "validation-failed"
            )["errors"]
            assert (error["pointer"], error["code"], error["calls"]) == (f"/{name}", "changed_elsewhere", list(calls))
            told.add((model.__name__, name))
    assert told == {(called, name) for called, model in schemas.items() for name in model.elsewhere}


async def test_a_misspelt_name_is_told_the_nearest_known_one(known: Known) -> None:
    world = known.world
    entries = f"/v1/territories/{world.territory}/time-entries"
    for name, nearest in (
        ("worked_form", "worked_from"),
        ("staus", "status"),
        ("Limit", "limit"),
        ("sorted", "sort"),
        ("zzz", None),
    ):
        told = problem(await world.operator.get(f"{entries}?{name}=1"), 422, "validation-failed")["errors"]
        assert [(e["pointer"], e["code"], e.get("did_you_mean")) for e in told] == [
            (name, "unknown_parameter", nearest)
        ]
    draft: dict[str, Any] = {name: known.ids[name] for name in ("mission_id", "consultant_id")}
    draft |= {"worked_on": "2023-07-04", "days": 0.5, "activity": "audition"}
    for name, nearest in (("notes", "note"), ("firmSiren", "siren"), ("externalid", "external_id"), ("zzz", None)):
        odd = draft | {name: "x"}
        nested = {"items": [draft, odd]}
        for path, body, at in ((entries, odd, f"/{name}"), (f"{entries}/batch", nested, f"/items/1/{name}")):
            told = problem(await world.consultant.post(path, body), 422, "validation-failed")["errors"]
            assert [(e["pointer"], e["code"], e.get("did_you_mean")) for e in told] == [(at, "unknown_field", nearest)]
    told = problem(await world.consultant.post(f"{entries}?dry_rum=true", draft), 422, "validation-failed")["errors"]
    assert told[0]["did_you_mean"] == "dry_run"


# --- versions --------------------------------------------------------------------------------------------------------


async def test_what_the_client_has_already_is_not_sent_again(known: Known) -> None:
    for path in READS:
        address, client = known.address(path), reader(known, path)
        tag = (await client.get(address)).headers.get("etag")
        if tag is None:
            continue
        for given in (tag, f"W/{tag}", "*", f'"x", {tag}', f'{tag} , "y"'):
            for method in ("GET", "HEAD"):
                answer = await client.request(method, address, headers={"If-None-Match": given})
                assert (answer.status_code, answer.content) == (304, b""), (path, given)
                assert answer.headers["etag"] == tag
        for given in ('"0"', '"x"', "", tag.replace('"', "") + "9"):
            assert (await client.get(address, headers={"If-None-Match": given})).status_code == 200, (path, given)


async def test_a_write_on_an_old_version_is_refused_with_the_current_one(world: World) -> None:
    office = f"/v1/organisations/{world.organisations['office']}"
    first = (await world.admin.get(office)).headers["etag"]
    changed = await world.admin.patch(office, {"name": "Changed"}, headers={"If-Match": first})
    assert ok(changed)["version"] == 2
    for given in (first, '"0"', f'"9", {first}', "W/" + changed.headers["etag"], '"x"'):
        told = problem(
            await world.admin.patch(office, {"name": "Lost"}, headers={"If-Match": given}), 412, "stale-version"
        )
        assert told["current_version"] == 2
    for number, given in enumerate(("*", '"3"', '"1", "4"')):
        ok(await world.admin.patch(office, {"name": f"Kept {number}"}, headers={"If-Match": given}))
    assert ok(await world.admin.get(office))["name"] == "Kept 2"


async def test_what_is_not_there_answers_to_no_precondition(world: World) -> None:
    territory, siren = world.clients["territory"], fresh_siren()
    firm, perimeter = await world.add_firm(), {"communes": [{"insee_code": "30007", "name": "Alès"}]}
    for client, path, body in (
        (world.operator, f"/v1/firms/{siren}", {"name": "Nobody's"}),
        (territory, f"firms/{firm}", {"stage": "interviewed"}),
        (world.programme, "perimeter/2023", perimeter),
    ):
        for tag in ('"1"', "*"):
            problem(await client.put(path, body, headers={"If-Match": tag}), 412, "stale-version")
            problem(await client.get(path), 404, "not-found")
        made = await client.put(path, body)
        assert made.status_code == 201, made.text
        ok(await client.put(path, body, headers={"If-Match": made.headers["etag"]}), 200)


async def test_a_neighbour_s_new_name_changes_the_tag_but_stales_no_write(world: World) -> None:
    office = f"/v1/organisations/{world.organisations['office']}"
    person = f"{office}/persons/{world.subjects['auditor']}"
    tag = (await world.admin.get(person)).headers["etag"]
    assert re.fullmatch(r'"1-[0-9a-f]{8}"', tag)
    ok(await world.admin.patch(office, {"name": "Renamed"}))
    read = await world.admin.get(person, headers={"If-None-Match": tag})
    assert ok(read, 200)["organisation_name"] == "Renamed"
    assert read.headers["etag"] != tag
    written = await world.admin.patch(person, {"email": f"{world.territory}@example.fr"}, headers={"If-Match": tag})
    assert ok(written)["version"] == 2


async def test_a_change_that_changes_nothing_keeps_the_tag(world: World) -> None:
    office = f"/v1/organisations/{world.organisations['office']}"
    before = await world.admin.get(office)
    same = await world.admin.patch(office, {"name": before.json()["name"]})
    assert (same.headers["etag"], same.json()) == (before.headers["etag"], before.json())


# --- lists -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "limit", ["0", "501", "-1", "+1", "%2B1", "1_0", "1.0", "", "01a", "1e2", "9" * 30, "٣", "1%20"]
)
async def test_a_limit_out_of_bounds_is_refused_not_clamped(known: Known, limit: str) -> None:
    for path in ("/v1/firms", "/v1/events"):
        problem(await known.world.operator.get(f"{path}?limit={limit}"), 422, "validation-failed")


async def test_a_page_has_at_most_what_was_asked_for(known: Known) -> None:
    for limit in (1, 2, 500):
        page = ok(await known.world.operator.get(f"/v1/firms?limit={limit}"))
        assert len(page["items"]) <= limit


async def rich(world: World) -> None:
    """Rows with equal and absent sort values in the lists that can have them."""
    admin, operator = world.admin, world.operator
    subject = str(world.subjects["auditor"])
    for opened_on in (None, None, "2023-01-01", "2023-01-01", None):
        free = "SELECT min(n) FROM generate_series(1, 900) n WHERE NOT EXISTS (SELECT FROM waves WHERE number = n)"
        number = await world.pool.fetchval(free)
        ok(await world.programme.post("/v1/waves", {"number": number, "opened_on": opened_on}), 201)
    for role, to_on in (
        ("auditor", None),
        ("operator", "2030-01-01"),
        ("programme", "2030-01-01"),
        ("admin", "2031-01-01"),
    ):
        await world.grant(subject_id=subject, role=role, to_on=to_on, from_on="2021-01-01")
    for number, days_left in enumerate((1, 1, 2, 2, 3)):
        ends = (clock.now() + timedelta(days_left)).replace(microsecond=0).isoformat()
        ok(await admin.post("/v1/api-keys", {"subject_id": subject, "name": f"k{number}", "expires_at": ends}))
    for laureate_on in (None, None, "2023-06-14", "2023-06-14", "2024-01-01"):
        slug = f"r-{secrets.token_hex(6)}"
        body = {"slug": slug, "name": "Rich", "wave_number": 1, "lead_siren": fresh_siren(), "laureate_on": laureate_on}
        ok(await world.programme.post("/v1/territories", body), 201)
    mission = await world.mission(days=20)
    for number, days in itertools.product(range(5), (0.25, 0.5)):
        entry = mission.entry(
            worked_on=f"2023-07-{number + 3:02}", days=days, note="Été à Alès" if number else "100 % fait_"
        )
        ok(await world.consultant.post("time-entries", entry), 201)
    for number in range(3):
        ok(await operator.post("missions", {"name": "Same", "external_id": f"M-{number}"}), 201)
        order = {
            "kind": "amendment",
            "reason": "Asked for.",
            "reference": f"A{number}",
            "signed_on": "2023-08-01",
            "days": 0,
        }
        ok(await operator.post(f"missions/{mission.id}/orders", order), 201)
        leave = {"until_on": "2023-12-31", "reason": "Late papers."}
        ok(await operator.post(f"missions/{mission.id}/late-entry-leaves", leave), 201)
        ok(
            await world.programme.put(
                f"perimeter/{2021 + number}", {"communes": [{"insee_code": "30007", "name": "Alès"}]}
            )
        )
        firm = await world.add_firm("Same")
        for stage in ("interviewed", "shortlisted"):
            ok(await world.clients["territory"].put(f"firms/{firm}", {"stage": stage}))
        ok(
            await admin.post(
                f"/v1/organisations/{world.organisations['office']}/persons", {"name": "Same", "email": fresh_email()}
            ),
            201,
        )


NULLABLE = {
    "/v1/members": ("to_on",),
    "/v1/territories": ("laureate_on",),
    "/v1/api-keys": ("last_used_at",),
    "/v1/waves": ("opened_on",),
}
LISTINGS = [path for path in READS if (ROUTES[path, "GET"].openapi_extra or {}).get("x-listing")]


async def test_paging_walks_every_row_exactly_once_in_every_order(alone: Known) -> None:
    await rich(alone.world)
    for path in LISTINGS:
        client, address = reader(alone, path), alone.address(path)
        await client.get(address)
        total = ok(await client.get(f"{address}?count=exact&limit=1"))["total"]
        limit = max(1, min(500, total // 8))
        whole = None
        for sort in chosen(orders_of(path), sample=4):
            items = await walk(client, f"{address}?sort={sort}&limit={limit}")
            seen = [json.dumps(item, sort_keys=True) for item in items]
            assert len(seen) == len(set(seen)) == total, (path, sort)
            whole = whole or set(seen)
            assert set(seen) == whole, (path, sort)
            values = [item.get(sort.removeprefix("-"), ...) for item in items]
            if sort.removeprefix("-") in NULLABLE.get(path, ()):
                assert values.count(None) > limit, (path, sort)
                assert len(values) - values.count(None) > 1, (path, sort)
            assert all(in_order(sort, *neighbours) for neighbours in itertools.pairwise(items)), (path, sort)


def orders_of(path: str) -> list[str]:
    """By each property in both directions, then by all of them, every other one descending, and the other way round."""
    parameters = (ROUTES[path, "GET"].openapi_extra or {})["parameters"]
    pattern = next(each["schema"]["pattern"] for each in parameters if each["name"] == "sort")
    names = pattern.split("(")[1].split(")")[0].split("|")
    by_one = [*names, *(f"-{name}" for name in names)]
    last = names[1:]  # its key decides all
    by_many = [[f"-{name}" if number % 2 is odd else name for number, name in enumerate(last)] for odd in (0, 1)]
    return by_one + ([",".join(order) for order in by_many] if len(last) > 1 else [])


def in_order(sort: str, one: Any, other: Any) -> bool:
    """Whether an object may precede another; what they do not show is not known."""
    for part in sort.split(","):
        name = part.removeprefix("-")
        if name not in one:
            return True
        left, right = one[name], other[name]
        if left != right:
            return right is None or (left is not None and (left > right if part.startswith("-") else left < right))
    return True


async def walk(client: Client, address: str) -> list[Any]:
    """All rows of a list, by its cursors; the Link header says the same."""
    items = []
    following: str | None = address
    while following is not None:
        answer = await client.get(following)
        page = ok(answer)
        items += page["items"]
        if page["next_cursor"] is None:
            assert "link" not in answer.headers
            break
        following = f"{address}&cursor={page['next_cursor']}"
        assert answer.headers["link"] == f'<{following}>; rel="next"'
    return items


async def test_the_rows_are_counted_under_the_filters(world: World) -> None:
    await rich(world)
    page = ok(await world.operator.get("time-entries?count=exact&limit=3&worked_from=2023-07-04&worked_to=2023-07-05"))
    assert (page["total"], len(page["items"])) == (4, 3)
    assert "total" not in ok(await world.operator.get("time-entries?limit=3"))


async def test_a_filter_of_several_values_means_any_of_them(world: World) -> None:
    mission = await world.mission(days=10)
    entries = [mission.entry(days=0.25, status=status) for status in ("draft", "submitted")]
    made = [ok(await world.consultant.post("time-entries", entry), 201) for entry in entries]
    ok(await world.lead_judge.post(f"time-entries/{made[1]['id']}/validate"))
    for query, found in (
        ("status=draft", {made[0]["id"]}),
        ("status=draft&status=validated", {made[0]["id"], made[1]["id"]}),
        ("status=draft&status=validated&activity=audition&activity=travel", {made[0]["id"], made[1]["id"]}),
        ("status=submitted", set()),
    ):
        items = ok(await world.operator.get(f"time-entries?{query}"))["items"]
        assert {item["id"] for item in items} == found, query


async def test_a_search_minds_neither_accents_nor_case_and_takes_signs_as_they_are(world: World) -> None:
    await rich(world)
    for text, count in (
        ("ete a ales", 8), ("ÉTÉ", 8), ("e\u0301te\u0301", 8), ("100 %", 2), ("fait_", 2), ("%", 2), ("_", 2),
        ("a_a", 0), ("\\", 0), ("Œ", 0),
    ):  # fmt: skip
        page = ok(await world.operator.get("time-entries", params={"q": text, "count": "exact"}))
        assert page["total"] == count, text


async def test_changes_since_an_instant_overlap_by_a_minute(world: World) -> None:
    first = ok(await world.operator.post("missions", {"name": "Early"}), 201)
    second = ok(await world.operator.post("missions", {"name": "Late"}), 201)
    early = "UPDATE missions SET updated_at = updated_at - interval '3 minutes' WHERE id = $1"
    await world.pool.execute(early, first["id"])
    items = ok(await world.operator.get("missions", params={"updated_since": second["updated_at"]}))["items"]
    assert [item["id"] for item in items] == [second["id"]]
    within = "UPDATE missions SET updated_at = $2::text::timestamptz - interval '59 seconds' WHERE id = $1"
    await world.pool.execute(within, first["id"], second["updated_at"])
    items = ok(await world.operator.get("missions", params={"updated_since": second["updated_at"]}))["items"]
    assert {item["id"] for item in items} == {first["id"], second["id"]}


async def test_a_limit_may_change_from_page_to_page(world: World) -> None:
    await rich(world)
    first = ok(await world.operator.get("time-entries?sort=days&limit=3"))
    rest = ok(await world.operator.get(f"time-entries?sort=days&limit=500&cursor={first['next_cursor']}"))
    assert rest["next_cursor"] is None
    assert len({item["id"] for item in first["items"] + rest["items"]}) == 10


# --- links, documentation, browsers, logs ----------------------------------------------------------------------------


async def test_links_begin_with_the_address_that_the_deployment_names(settings: Settings, world: World) -> None:
    await world.add_firm()
    await world.add_firm()
    async with application(settings, public_url="https://api.example.fr") as client:
        headers = {
            "Authorization": f"Bearer {world.operator.key}",
            "Host": "evil.example",
            "X-Forwarded-Host": "evil.example",
        }
        answer = await client.get("/v1/firms?limit=1", headers=headers)
        assert answer.headers["link"].startswith("<https://api.example.fr/v1/firms?limit=1&cursor=")


async def test_below_a_path_every_address_that_is_told_begins_with_it(settings: Settings, world: World) -> None:
    """A proxy shows `https://example.fr/rebond/v1/…` and asks for `/v1/…` here."""
    place = "https://example.fr/rebond"
    key = {"Authorization": f"Bearer {world.lead.key}"}
    async with application(settings, public_url=place) as client:
        for path in ("/", "/v1"):
            for link in ok(await client.get(path))["links"]:
                assert link["href"].startswith("/rebond/")
                assert (await client.get(link["href"].removeprefix("/rebond"), headers=key)).status_code < 405
        document = ok(await client.get("/openapi.json"))
        assert [server["url"] for server in document["servers"]] == ["/rebond"]
        found = _Loads()
        found.feed((await client.get("/docs")).text)
        assert len(found.addresses) == len(documentation.FILES)
        assert all(urljoin(f"{place}/docs", address).startswith(f"{place}/docs/") for address in found.addresses)
        made = f"/v1/territories/{world.territory}/missions"
        key = {"Authorization": f"Bearer {world.operator.key}", "Idempotency-Key": secrets.token_hex(8)}
        for _ in range(2):  # the second answer is the stored one
            answer = await client.post(made, headers=key, json={"name": "Below a path"})
            assert answer.headers["location"] == f"/rebond{made}/{ok(answer, 201)['id']}"
        listed = await client.get(f"{made}?limit=1", headers=key)
        assert listed.headers.get("link", f"<{place}/").startswith(f"<{place}/")
    assert Settings.model_validate({"_env_file": None, "public_url": f"{place}/"}).public_url == place
    for odd in ("example.fr", "https://", "https://example.fr/a?b", "https://example.fr/ü"):
        with pytest.raises(ValidationError):
            Settings.model_validate({"_env_file": None, "public_url": odd})


async def test_a_page_of_an_origin_that_may_call_may_also_embed(settings: Settings) -> None:
    policy = "cross-origin-resource-policy"
    async with application(settings, cors_origins=("https://app.example.fr",), cors_headers=("X-Trace",)) as client:
        for headers, wanted in (
            ({"Origin": "https://app.example.fr"}, "cross-origin"),
            ({}, "cross-origin"),  # of an image or a script a browser says no origin
            ({"Origin": "https://evil.example"}, "same-origin"),
        ):
            assert (await client.get("/healthz", headers=headers)).headers[policy] == wanted
        wanted = "authorization, traceparent, tracestate, baggage, sentry-trace, x-trace"
        asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": wanted}
        answer = await client.options("/v1/firms", headers={"Origin": "https://app.example.fr", **asked})
        assert answer.status_code == 200
    async with application(settings) as client:
        assert (await client.get("/healthz")).headers[policy] == "same-origin"


class _Loads(HTMLParser):
    """What a page loads, and what it runs in itself."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.addresses += [str(given[name]) for name in ("src", "href", "action", "data") if name in given]
        self.inline |= tag in ("script", "style") and "src" not in given
        self.inline |= any(name.startswith("on") for name in given)


async def test_the_documentation_loads_nothing_from_elsewhere(http: httpx2.AsyncClient) -> None:
    page = await http.get("/docs")
    found = _Loads()
    found.feed(page.text)
    assert not found.inline
    assert len(found.addresses) == len(documentation.FILES)
    for address in (urljoin("/docs", relative) for relative in found.addresses):
        assert re.fullmatch(r"/docs/[\w.-]+\?[0-9a-f]{16}", address)
        loaded = await http.get(address)
        assert loaded.status_code == 200
        assert loaded.content
        assert loaded.headers["cache-control"] == "public, max-age=31536000, immutable"
        for other in (address.partition("?")[0], f"{address}0"):  # which may be other content tomorrow
            assert (await http.get(other)).headers["cache-control"] == "no-cache"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert "unsafe" not in policy
    script = (await http.get("/docs/page.js")).text
    assert re.findall(r'fetch\("([^"]*)"', script) == ["openapi.json"], "which is beside the page"
    document = await http.get("/openapi.json")
    assert ok(document)["openapi"].startswith("3.1")
    again = await http.get("/openapi.json", headers={"If-None-Match": document.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", document.headers["etag"])


async def test_the_documentation_writes_text_alone_and_keeps_no_key(http: httpx2.AsyncClient) -> None:
    """A policy of origins would let markup through that the document or an answer brought with it."""
    script = (await http.get("/docs/page.js")).text
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", ".style", "setAttribute"):
        assert way not in script
    for keeper in ("Storage", "cookie", "indexedDB", "caches"):
        assert keeper not in script


async def test_where_a_weakness_is_reported_is_what_the_deployment_says(
    settings: Settings, http: httpx2.AsyncClient
) -> None:
    """RFC 9116; no contact is invented."""
    address = "/.well-known/security.txt"
    problem(await http.get(address), 404, "not-found")
    given = "mailto:security@example.fr, https://example.fr/report"
    contacts = Settings.model_validate({"_env_file": None, "security_contact": given}).security_contact
    policy, place = "https://example.fr/policy", "https://rebond.example.fr"
    chosen = {"security_contact": contacts, "security_policy": policy, "public_url": place}
    async with application(settings, **chosen) as client:
        answer = await client.get(address)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    fields = [line.split(": ", 1) for line in answer.text.splitlines()]
    told = dict(fields)
    assert [value for name, value in fields if name == "Contact"] == given.split(", ")
    assert (told["Canonical"], told["Policy"]) == (f"{place}{address}", policy)
    left = datetime.fromisoformat(told["Expires"]) - datetime.now(UTC)
    assert timedelta(days=90) < left < timedelta(days=365), "less than a year, as the RFC recommends"
    for odd in ("security@example.fr", "http://example.fr", "mailto:a b"):
        with pytest.raises(ValidationError):
            Settings.model_validate({"_env_file": None, "security_contact": odd})


async def test_browsers_of_the_origins_named_may_call_and_no_others(settings: Settings, world: World) -> None:
    wanted = {
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization, if-match, idempotency-key",
    }
    async with application(settings, cors_origins=("https://app.example.fr",)) as client:
        ours, others = {"Origin": "https://app.example.fr"}, {"Origin": "https://evil.example"}
        asked = await client.options("/v1/firms", headers=ours | wanted)
        assert asked.status_code == 200
        assert asked.headers["access-control-allow-origin"] == ours["Origin"]
        assert "PATCH" in asked.headers["access-control-allow-methods"]
        assert "access-control-allow-credentials" not in asked.headers
        key = {"Authorization": f"Bearer {world.operator.key}"}
        answer = await client.get("/v1/firms", headers=ours | key)
        assert answer.headers["access-control-allow-origin"] == ours["Origin"]
        assert {"ETag", "Link", "X-Request-Id"} <= set(answer.headers["access-control-expose-headers"].split(", "))
        assert (await client.options("/v1/firms", headers=others | wanted)).status_code == 400
        for headers in (others, {"Origin": "https://app.example.fr.evil.example"}, {"Origin": "null"}):
            assert "access-control-allow-origin" not in (await client.get("/v1/firms", headers=headers | key)).headers
    async with application(settings) as client:
        assert "access-control-allow-origin" not in (await client.get("/v1/me", headers=ours)).headers
        problem(await client.options("/v1/firms", headers=ours | wanted), 405, "method-not-allowed")


async def test_the_log_tells_no_name_address_query_or_secret(world: World, service: Service) -> None:
    word = f"q{secrets.token_hex(8)}"
    key = {"Authorization": f"Bearer {world.admin.key}", "Content-Type": "application/json"}
    persons = f"/v1/organisations/{world.organisations['office']}/persons"
    body = dumps({"name": f"Zoé {word}", "email": f"{word}@example.fr"})
    assert service.request("POST", persons, key, body).status == 201
    assert service.request("POST", persons, key, body).status == 409
    made = service.request(
        "POST", "/v1/api-keys", key, dumps({"subject_id": str(world.subjects["lead"]), "name": word})
    )
    code = made.json["code"]
    secret = service.request("POST", "/v1/enrolments", key, dumps({"code": code})).json["key"]
    for target in (
        f"/v1/organisations?q={word}",
        f"/v1/organisations?{word}=1",
        f"/v1/{word}",
        f"/v1/territories/{word}/missions",
    ):
        service.request("GET", target, key)
    service.request(
        "GET",
        "/v1/me",
        {"Authorization": f"Bearer rbd_{word}", "Cookie": word, "User-Agent": word, "X-Forwarded-For": word},
    )
    service.request("POST", persons, key, b'{"name": "' + word.encode())
    service.request("GET", "/healthz", {"X-Request-Id": f"last-{world.territory}"})
    service.await_lines(f'"last-{world.territory}"', 1)
    log = service.log.read_text()
    for hidden in (word, "Zoé", "example.fr", secret, world.admin.key, world.admin.key[4:20], "q="):
        assert hidden not in log
    lines = [json.loads(line) for line in log.splitlines()]
    mine = [line for line in lines if line.get("subject_id") == str(world.subjects["admin"])]
    assert (mine[0]["route"], mine[0]["status"]) == ("/v1/organisations/{organisation_id}/persons", 201)


# --- encodings -------------------------------------------------------------------------------------------------------

ENCODINGS = ("gzip", "zstd")


async def test_an_answer_is_compressed_for_who_takes_it(known: Known) -> None:
    client, firms = known.world.auditor, known.address("/v1/territories/{territory}/firms")
    for address in ("/problems", "/openapi.json", "/docs/page.js", f"{firms}?format=csv"):
        plain = await client.get(address)
        for accepted, encoding in (
            ("gzip", "gzip"), ("zstd", "zstd"), ("gzip, deflate, br, zstd", "zstd"), ("br", None), ("gzip;q=0", None),
        ):  # fmt: skip
            answer = await client.get(address, headers={"Accept-Encoding": accepted})
            assert answer.headers.get("content-encoding") == encoding, (address, accepted)
            assert "Accept-Encoding" in answer.headers["vary"], "a cache must know"
            assert answer.content == plain.content
    for address in ("/healthz", f"{firms}?format=xlsx"):  # too short, and compressed already
        assert "content-encoding" not in (await client.get(address, headers={"Accept-Encoding": "gzip"})).headers


async def test_each_encoding_has_a_tag_of_its_own_and_all_name_the_version(known: Known) -> None:
    address, client = known.address("/v1/firms/{siren}"), known.world.operator
    plain = (await client.get(address)).headers["etag"]
    for encoding in ENCODINGS:
        accepts = {"Accept-Encoding": encoding}
        answer = await client.get(address, headers=accepts)
        tag = answer.headers["etag"]
        assert (answer.headers["content-encoding"], tag) == (encoding, f'{plain[:-1]}-{encoding}"')
        for given in (tag, f"W/{tag}", f'"x", {tag}'):
            again = await client.get(address, headers={"If-None-Match": given, **accepts})
            assert (again.status_code, again.headers["etag"]) == (304, tag)
        changed = await client.patch(address, {"name": f"Of {encoding}"}, headers={"If-Match": tag})
        assert ok(changed)["name"] == f"Of {encoding}"
        stale = await client.patch(address, {"name": "Lost"}, headers={"If-Match": tag})
        problem(stale, 412, "stale-version")
        assert (await client.get(address, headers={"If-None-Match": tag})).status_code == 200
        plain = (await client.get(address)).headers["etag"]


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_a_piece_of_a_stream_leaves_when_it_is_there(encoding: str) -> None:
    unpack = zstandard.ZstdDecompressor().decompressobj() if encoding == "zstd" else zlib.decompressobj(31)
    came: list[bytes] = []

    async def stream(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/csv")]})
        for piece in (b"a,b\r\n", b"1,2\r\n"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            assert came.pop() == piece
        await send({"type": "http.response.body", "body": b""})

    async def send(message: Any) -> None:
        came.append(unpack.decompress(message.get("body", b"")))

    async def never() -> Any:
        raise AssertionError("a stream reads nothing")

    scope = {"type": "http", "headers": [(b"accept-encoding", encoding.encode())]}
    await Compression(stream)(scope, never, send)
