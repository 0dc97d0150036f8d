"""Every collection in every form: the same rows, read back cell by cell and compared with the JSON."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import httpx2
import openpyxl
import pytest
from openpyxl.utils.escape import unescape
from pydantic import BaseModel
from sqlalchemy import Date

from app.core import clock
from app.core.problems import CATALOGUE
from app.core.reading import xlsx
from app.core.reading.headings import has_words, heading
from app.core.reading.listing import Listing
from app.core.reading.table_schema import MEDIA_TYPE as TABLE_SCHEMA
from app.core.reading.table_schema import table_schema
from app.core.reading.tabular import FORMS, cents, negotiated, split, unguard
from app.core.writing.importing import folded, match
from app.integrations.imports.importers import IMPORTERS
from tests.contract.conftest import Known
from tests.contract.document import document
from tests.contract.test_http import LISTINGS, ROUTES, orders_of, reader, rich
from tests.contract.test_listings import LISTINGS as ALL_LISTINGS
from tests.orders import chosen
from tests.world import Client, World, ok, problem

MEDIA = {
    "csv": "text/csv; charset=utf-8; header=present",
    "csv-fr": "text/csv; charset=utf-8; header=present",
    "ndjson": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


# --- reading the forms back ------------------------------------------------------------------------------------------


def table(form: str, body: bytes) -> tuple[list[str], list[list[Any]]]:
    """Header and rows of a CSV or XLSX, as the standard library and openpyxl read them."""
    if form == "xlsx":
        sheet = openpyxl.load_workbook(io.BytesIO(body)).worksheets[0]
        rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
        kinds = {cell.data_type for row in sheet.iter_rows() for cell in row}
        assert kinds <= {"s", "n", "b", "d", "inlineStr"}, "no formula, no error"
        assert not any(cell.hyperlink for row in sheet.iter_rows() for cell in row)
    else:
        text = body.decode()
        assert text.startswith("\ufeff") is (form == "csv-fr")
        reading = csv.reader(
            io.StringIO(text.removeprefix("\ufeff"), newline=""),
            delimiter=";" if form == "csv-fr" else ",",
            strict=True,
        )
        rows = list(reading)
    return [str(name) for name in rows[0]], rows[1:]


def bare(annotation: Any) -> Any:
    """The type without None and annotations."""
    if get_origin(annotation) is Annotated:
        return bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        parts = [part for part in get_args(annotation) if part is not type(None)]
        return bare(parts[0]) if len(parts) == 1 else annotation
    return annotation


def is_object(wanted: Any) -> bool:
    return isinstance(wanted, type) and issubclass(wanted, BaseModel)


def flat(value: Any, annotation: Any, name: str) -> Iterator[tuple[str, Any, Any]]:
    """(column, JSON value, type) of a field, nested objects as dotted columns; written apart from app/core/tabular."""
    wanted = bare(annotation)
    if is_object(wanted):
        for field_name, field in wanted.model_fields.items():
            part = field.serialization_alias or field_name
            absent = value is None or (part not in value and not field.is_required())
            yield from flat(None if absent else value[part], field.annotation, f"{name}.{part}")
    elif get_origin(wanted) is list and is_object(inner := bare(get_args(wanted)[0])):
        for field_name, field in inner.model_fields.items():
            part = field.serialization_alias or field_name
            yield f"{name}.{part}", None if value is None else [each[part] for each in value], list
    else:
        yield name, value, wanted


def as_jsonb(value: Any) -> str:
    """An object deep inside a list stays JSON, as PostgreSQL orders it: shorter keys first."""
    if isinstance(value, dict):
        pairs = sorted(value.items(), key=lambda pair: (len(pair[0]), pair[0]))
        return "{" + ",".join(f"{as_jsonb(key)}:{as_jsonb(part)}" for key, part in pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(as_jsonb(part) for part in value) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def led(text: str, fewest: int) -> str:
    """The text with an apostrophe where a spreadsheet would run it, and where `fewest` or more stand there already."""
    where = []
    for place in range(len(text) + 1):
        sign = place + len(text[place:]) - len(text[place:].lstrip("'"))
        blank = text[:place].rstrip(" \u00a0\u202f")
        begins = not blank or blank[-1] in ";,|\t\r\n"
        runs = text[sign : sign + 1] and text[sign] in "=+-@＝＋－＠−"
        first = place == 0 and text[sign : sign + 1] in ("\t", "\r")
        if sign - place >= fewest and not (place and text[place - 1] == "'") and ((begins and runs) or first):
            where.append(place)
    return "".join("'" * (place in where) + sign for place, sign in enumerate([*text, ""]))


def written(value: Any, column: str, *, comma: bool, fewest: int = 0) -> str:
    """A JSON value as text."""
    if isinstance(value, dict):
        return as_jsonb(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        text = f"{Decimal(value) / 100:.2f}" if column.endswith("_cents") else str(value)
        return text.replace(".", ",") if comma else text
    if isinstance(value, list):
        each = []
        for element in value:
            deep = isinstance(element, list)
            text = as_jsonb(element) if deep else written(element, column, comma=comma, fewest=fewest)
            if deep or isinstance(element, str | dict):
                text = led(text, fewest)
            each.append(text.replace("\\", "\\\\").replace("|", "\\|"))
        return "|".join(each)
    return str(value)


def shown(form: str, value: Any, wanted: Any, column: str) -> Any:
    """How a form shows a JSON value; an object of no known shape stays one, and is compared as JSON."""
    if isinstance(value, dict) or (value is None and form == "xlsx"):
        return value
    if isinstance(value, str) and wanted is str:
        return led(value, 1 if form == "xlsx" else 0)
    if form != "xlsx" or isinstance(value, list) or get_origin(wanted) is UnionType:  # of several types, a cell is text
        text = written(value, column, comma=form == "csv-fr", fewest=1 if form == "xlsx" else 0)
        return text or (None if form == "xlsx" else "")
    if wanted is datetime:
        return datetime.fromisoformat(value).replace(tzinfo=None)
    if wanted is date:
        return datetime.combine(date.fromisoformat(value), datetime.min.time())
    return value / 100 if column.endswith("_cents") else value


def same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, datetime) and isinstance(found, datetime):
        return abs(found - wanted) < timedelta(milliseconds=1)  # a day's fraction has fewer digits than a microsecond
    if isinstance(wanted, dict):
        return bool(parsed(unguard(found).encode()) == wanted)
    if isinstance(found, str) and isinstance(wanted, str):
        return unescape(found) == wanted if "_x005F_" in found else found == wanted
    return bool(found == wanted)


def check_table(form: str, body: bytes, items: list[dict[str, Any]], listing: Listing) -> None:
    """The table shows these objects, in this order, cell by cell."""
    check_rows(form, *table(form, body), items, listing)


def check_rows(
    form: str, names: list[str], rows: list[list[Any]], items: list[dict[str, Any]], listing: Listing
) -> None:
    """The same of a table that somebody else has read."""
    fields = {name: field.annotation for name, field in listing.schema.model_fields.items()}
    columns = [column for name in fields for column, _, _ in flat(empty(fields[name]), fields[name], name)]
    assert names == [re.sub("_cents$", "_eur", column) for column in columns]
    assert len(rows) == len(items)
    for row, item in zip(rows, items, strict=True):
        wanted = [each for name, value in item.items() for each in flat(value, fields[name], name)]
        expected = [shown(form, value, type_, column) for column, value, type_ in wanted]
        odd = [(n, f, e) for n, f, e in zip(names, row, expected, strict=True) if not same(f, e)]
        assert odd == []


def empty(annotation: Any) -> Any:
    wanted = bare(annotation)
    return [] if get_origin(wanted) is list else None


async def whole(client: Client, address: str, form: str, **more: Any) -> httpx2.Response:
    """The file, a workbook with the names that CSV has."""
    answer = await client.get(address, params={"format": form, "headings": "machine", **more})
    assert answer.status_code == 200, answer.text
    return answer


def parsed(body: bytes) -> Any:
    """JSON whose fractions keep their digits: a day's 0.50 is 0.50 in a CSV too."""
    return json.loads(body, parse_float=Decimal)


async def items_of(client: Client, address: str, **more: Any) -> list[Any]:
    """All rows of a list as JSON, page by page."""
    found: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await client.get(address, params={"limit": "500", **more, **cursor})
        assert answer.status_code == 200, answer.text
        page = parsed(answer.content)
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


def listing_at(path: str) -> Listing:
    """The Listing behind an address."""
    schema = ROUTES[path, "GET"].response_model.__pydantic_generic_metadata__["args"][0]
    return next(listing for listing in ALL_LISTINGS.values() if listing.schema is schema)


# --- the walk over all lists -----------------------------------------------------------------------------------------


async def test_every_collection_has_the_same_rows_in_every_form_and_order(alone: Known) -> None:
    await rich(alone.world)
    longer = "INSERT INTO organisations (name, created_at, updated_at) SELECT 'Organisation ' || n % 9, now(), now()"
    await alone.world.pool.execute(f"{longer} FROM generate_series(1, 600) n")  # more than a page, or a chunk
    assert len(LISTINGS) > 20
    for path in LISTINGS:
        client, address, listing = reader(alone, path), alone.address(path), listing_at(path)
        await client.get(address)
        for sort in chosen(orders_of(path), sample=3):
            items = await items_of(client, address, sort=sort)
            assert items, path
            lines = await whole(client, address, "ndjson", sort=sort)
            assert [parsed(line) for line in lines.content.splitlines()] == items, (path, sort)
            assert lines.content.endswith(b"\n")
        for form in ("csv", "csv-fr", "xlsx"):  # of the same query, its lines told otherwise
            check_table(form, (await whole(client, address, form, sort=sort)).content, items, listing)


async def test_every_list_gives_the_properties_and_the_objects_that_are_named(alone: Known) -> None:
    for path in LISTINGS:
        client, address, listing = reader(alone, path), alone.address(path), listing_at(path)
        named = (listing.fields[-1], listing.fields[0])
        asked = ",".join(named)
        items = await items_of(client, address)
        wanted = [{name: item[name] for name in named} for item in items]
        assert await items_of(client, address, fields=asked) == wanted, path
        lines = (await whole(client, address, "ndjson", fields=asked)).content.splitlines()
        assert [list(json.loads(line)) for line in lines] == [list(named)] * len(items), path
        csv_of = await whole(client, address, "csv", fields=asked)
        header, rows = table("csv", csv_of.content)
        every, cells = table("csv", (await whole(client, address, "csv")).content)
        assert rows == [[row[every.index(name)] for name in header] for row in cells], path
        assert [c.name for name in listing.fields for c in listing.table([name])] == every, "no column is lost"
        schema = ok(await client.get(csv_of.headers["link"].partition(">")[0].removeprefix("<")))
        assert [field["name"] for field in schema["fields"]] == header, "by which the file is read"
        if listing.key_name in listing.fields and listing.key_name in listing.criteria:
            keys = [item[listing.key_name] for item in items[:2]]
            found = await items_of(client, address, **{listing.key_name: keys})
            assert [item[listing.key_name] for item in found] == list(dict.fromkeys(keys)), path
        for name, days in days_of(listing, items).items():
            found = await items_of(client, address, **{name: days[0]})
            assert [item[name] for item in found] == [day for day in days if day == days[0]], (path, name)


def days_of(listing: Listing, items: list[Any]) -> dict[str, list[str]]:
    """The days that objects show, by the properties that take an exact one beside their bounds."""
    exact = {name for name, column in bounded_days(listing) if name in listing.fields}
    days = {name: [item[name] for item in items if item[name] is not None] for name in exact}
    return {name: some for name, some in days.items() if some}


def bounded_days(listing: Listing) -> list[tuple[str, str]]:
    """The days that may be asked for by their bounds: the exact filter that there is, or should be, and the stem."""
    found = []
    for bound, criterion in listing.filters.items():
        stem = bound.removesuffix("_from")
        if criterion.bounds and stem != bound and isinstance(criterion.bounds[0].type, Date):
            names = [name for name in (stem, f"{stem}_on", *SPANS.get(stem, ())) if name in listing.criteria]
            found += [(name, stem) for name in names or [""]]
    return found


# Bounds whose days have other names, or are those of a span.
SPANS = {
    "period": ("from_on", "to_on"), "signed": ("from_on", "to_on"), "in_force": ("from_on",), "on": ("on_day",),
    "collected": ("collection_on",), "executed": ("execution_on",),
}  # fmt: skip


def test_each_day_that_has_bounds_may_be_asked_for_itself() -> None:
    days = {(place, *day) for place, listing in ALL_LISTINGS.items() for day in bounded_days(listing)}
    assert [(place, stem) for place, name, stem in days if not name] == []
    assert len(days) > 50


async def test_a_property_that_is_not_there_is_told_with_the_nearest(world: World) -> None:
    refused = problem(await world.operator.get("time-entries?fields=id,day"), 422, "validation-failed")
    [fault] = refused["errors"]
    assert (fault["pointer"], fault["code"], fault["did_you_mean"]) == ("fields", "unknown_property", "days")
    for odd in ("", ",", "id,", "ID", "id;days", "x" * 3000):
        problem(await world.operator.get("time-entries", params={"fields": odd}), 422, "validation-failed")
    problem(await world.operator.get("time-entries?id=1"), 422, "validation-failed")


async def test_filters_and_limits_hold_in_every_form(world: World) -> None:
    await rich(world)
    for form in FORMS:
        for query in (
            {"worked_from": "2023-07-04", "worked_to": "2023-07-05"},
            {"status": "draft"},
            {"q": "100 %"},
            {"limit": "3", "sort": "-worked_on"},
        ):
            address = f"{world.operator.base}/time-entries"
            wanted = ok(await world.operator.get(address, params={"limit": "500", **query}))["items"]
            body = (await whole(world.operator, address, form, **query)).content
            found = (
                [json.loads(line)["id"] for line in body.splitlines()]
                if form == "ndjson"
                else [row[0] for row in table(form, body)[1]]
            )
            assert found == [item["id"] for item in wanted], (form, query)


async def test_a_caller_sees_in_an_export_what_it_sees_in_the_list(world: World, other: World) -> None:
    for each in (world, other):
        mission = await each.mission(days=10)
        ok(await each.lead.post("time-entries", mission.entry(by="lead")), 201)
        ok(await each.consultant.post("time-entries", mission.entry()), 201)
    for form in FORMS:
        problem(await other.lead.get(f"{world.lead.base}/time-entries?format={form}"), 404, "not-found")
        both = (await whole(world.lead, f"{world.lead.base}/time-entries", form)).content
        own = (await whole(world.consultant, f"{world.lead.base}/time-entries", form)).content
        if form == "ndjson":
            assert (len(both.splitlines()), len(own.splitlines())) == (2, 1)
        else:
            assert [len(table(form, body)[1]) for body in (both, own)] == [2, 1]
            assert table(form, both)[0] == table(form, own)[0], "columns never depend on the caller"
            assert other.territory not in str(table(form, both))


# --- hostile values --------------------------------------------------------------------------------------------------

HOSTILE = [
    "=1+1", "'=1+1", "''@x", "+33 6", "-2", "@SUM(A1)", "'", "'plain", "a=b", '"', 'he said "no"', "a,b;c|d", "\\|\\",
    "line\nbreak", "tab\there", "\N{LINE SEPARATOR}x", "🏭", "Œuvre à l’été", "$1 $2::text", "%s %(x)s {0}", "NULL",
    "\\N", "\\.",
    "_x0041_", "_x005F_x0041_", "_x", "<c t='s'>&amp;]]></c>", "https://example.fr/", "1e5", "00123", "2026-01-01",
    '=HYPERLINK("http://x")', "a\n=1+1", "]]>", "true", "A;=1+1;B", "A, =1", "A;'=1", "＝1", "−1", "x\t@y", "a|'-5",
]  # fmt: skip


async def test_hostile_text_comes_back_as_it_was(world: World) -> None:
    mission = await world.mission(days=50)
    notes = {}
    for number, note in enumerate(HOSTILE):
        entry = mission.entry(days=0.25, worked_on=f"2023-07-{1 + number % 28:02}", note=note)
        made = ok(await world.consultant.post("time-entries", entry), 201)
        notes[made["id"]] = made["note"]
    address = f"{world.operator.base}/time-entries"
    for form in FORMS:
        body = (await whole(world.operator, address, form)).content
        if form == "ndjson":
            found = {(item := json.loads(line))["id"]: item["note"] for line in body.splitlines()}
        else:
            names, rows = table(form, body)
            texts = {row[names.index("id")]: row[names.index("note")] for row in rows}
            if form == "xlsx":
                texts = {key: unescape(text) if "_x005F_" in text else text for key, text in texts.items()}
            else:
                assert not any(text.startswith(("=", "+", "-", "@", "\t", "\r")) for text in texts.values())
                assert not any(re.search(r"[;,]\s*[=+@-]", text) for text in texts.values())
            found = {key: unguard(text) for key, text in texts.items()}
        assert found == notes, form


async def test_a_filter_s_value_is_a_value_whatever_it_holds(world: World) -> None:
    mission = await world.mission(days=50)
    for number, note in enumerate(HOSTILE):
        entry = mission.entry(days=0.25, worked_on=f"2023-07-{1 + number % 28:02}", note=note)
        ok(await world.consultant.post("time-entries", entry), 201)
    address = f"{world.operator.base}/time-entries"
    for text in ["$1 $2::text", "%s %(x)s {0}", "'", '"', "\\", "''", "' OR true --", "$1", "%", "<c", "🏭", "\\|"]:
        wanted = ok(await world.operator.get(address, params={"q": text, "limit": "500"}))["items"]
        lines = (await whole(world.operator, address, "ndjson", q=text)).content.splitlines()
        assert [json.loads(line)["id"] for line in lines] == [item["id"] for item in wanted], text
        assert len(wanted) < len(HOSTILE)
    for form in FORMS:
        problem(await world.operator.get(f"{address}?format={form}&q=%00"), 422, "validation-failed")


# --- which form ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("text/csv", "csv"), ("TEXT/CSV", "csv"), ("text/*", "csv"), ("application/x-ndjson", "ndjson"),
        ("application/jsonl", "ndjson"), (xlsx.MEDIA_TYPE, "xlsx"), ("application/*", "json"), ("*/*;q=0.1", "json"),
        ("text/csv;q=0.5, application/json;q=0.4", "csv"), ("text/csv;q=0.4, application/json;q=0.5", "json"),
        ("text/csv, */*;q=0.1", "csv"), ("text/csv;q=0, */*", "json"), ("application/json;q=0, */*", "csv"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "json"), ("image/png", "json"),
        ("text/csv;q=x", "json"), ("", "json"), (",;q=,/", "json"), ("text/csv; charset=utf-8", "csv"),
        ("application/json, text/csv", "json"), ("text/csv;q=0", "json"),
    ],
)  # fmt: skip
def test_accept_chooses_by_weight_then_by_our_order(accept: str, form: str) -> None:
    assert negotiated(accept) == form


async def test_the_form_is_asked_for_by_header_or_by_name(world: World) -> None:
    await world.mission(days=10)
    for form, media in MEDIA.items():
        named = await world.operator.get(f"missions?format={form}", headers={"Accept": "application/json"})
        assert (named.status_code, named.headers["content-type"]) == (200, media)
        asked = await world.operator.get("missions", headers={"Accept": media.partition(";")[0]})
        assert asked.headers["content-type"] == media
        for answer in (named, asked):
            assert answer.headers["vary"].removesuffix(", Accept-Encoding") == "Accept, Accept-Language"
            assert answer.headers["cache-control"] == "no-store"  # missions have confidential fields
            assert "etag" not in answer.headers
            described = "schema-fr" if form == "csv-fr" and answer is named else "schema"
            address = f"{world.operator.base}/missions?format={described}"
            assert answer.headers["link"] == f'<{address}>; rel="describedby"; type="{TABLE_SCHEMA}"'
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "application/xml"}, {"Accept": "text/csv"}):
        answer = await world.operator.get("missions?format=json", headers=headers)
        assert answer.headers["content-type"] == "application/json"


# Reads without the forms that others have, and those that have only some.
BARE = [path for path, method in ROUTES if method == "GET" and path not in LISTINGS and ROUTES[path, method].gate]


async def test_a_form_that_an_address_does_not_have_is_refused_in_all_places_alike(alone: Known) -> None:
    for path in [*LISTINGS, *BARE]:
        route, client, address = ROUTES[path, "GET"], reader(alone, path), alone.address(path)
        names = {"csv": "text/csv", "xlsx": xlsx.MEDIA_TYPE, "pdf": "application/pdf", "svg": "image/svg+xml"}
        for name, media in names.items():
            asked = ({"params": {"format": name}}, {"headers": {"Accept": media}}, {"headers": {"Accept": "x/y"}})
            for how in asked[2:] if media in route.offered else asked:
                refused = problem(await client.get(address, **how), 406, "not-acceptable")
                assert refused["offered"] == route.offered, path
        for accept in ("text/html,*/*;q=0.1", "", ",;q=,/", "application/*"):
            answer = await client.request("HEAD", address, headers={"Accept": accept})
            assert answer.status_code != 406, (path, accept)


async def test_a_file_is_named_after_territory_collection_and_day_in_paris(world: World) -> None:
    mission = await world.mission(days=10)
    for path, name in (
        ("missions", f"{world.territory}-missions"),
        ("envelope/contributions", f"{world.territory}-envelope-contributions"),
        (f"missions/{mission.id}/orders", f"{world.territory}-missions-orders"),
        ("/v1/firms", "firms"),
    ):
        # 23:30 in UTC is the next day in Paris.
        with clock.frozen(datetime(2026, 11, 22, 23, 30, tzinfo=UTC)):
            for form, ending in (("csv", "csv"), ("csv-fr", "fr.csv"), ("ndjson", "ndjson"), ("xlsx", "xlsx")):
                answer = await world.auditor.get(path, params={"format": form, "limit": "1"})
                file = f"{name}-2026-11-23.{ending}"
                wanted = f"attachment; filename=\"{file}\"; filename*=UTF-8''{file}"
                assert answer.headers["content-disposition"] == wanted


async def test_what_belongs_to_pages_is_refused_with_its_name(world: World) -> None:
    for name, value in (("cursor", "abc"), ("count", "exact")):
        for form in FORMS:
            told = problem(await world.operator.get(f"missions?format={form}&{name}={value}"), 422, "validation-failed")
            assert [(e["pointer"], e["code"]) for e in told["errors"]] == [(name, "only_with_json")]
    for value in ("xls", "CSV", "", "json,csv"):
        told = problem(await world.operator.get("missions", params={"format": value}), 422, "validation-failed")
        assert [(e["pointer"], e["code"]) for e in told["errors"]] == [("format", "not_one_of")]
    told = problem(await world.operator.get("missions?format=csv&format=csv"), 422, "validation-failed")
    assert told["errors"][0]["code"] == "repeated_parameter"
    problem(await world.operator.get("missions?format=csv&limit=501"), 422, "validation-failed")


async def test_head_says_of_an_export_what_get_says(world: World) -> None:
    mission = await world.mission(days=10)
    absent = "019a9f5e-0000-7000-8000-000000000000"
    for form in FORMS:
        for path in (f"missions/{mission.id}/orders", f"missions/{absent}/orders", "missions"):
            got = await world.operator.get(f"{path}?format={form}")
            head = await world.operator.request("HEAD", f"{path}?format={form}")
            assert (head.status_code, head.content) == (got.status_code, b"")
            passing = {"x-request-id", "ratelimit"}
            assert {k: v for k, v in head.headers.items() if k not in passing} == {
                k: v for k, v in got.headers.items() if k not in passing
            }


async def test_an_export_of_what_hangs_on_nothing_is_not_found_and_an_empty_one_has_its_header(world: World) -> None:
    absent = "019a9f5e-0000-7000-8000-000000000000"
    empty_mission = ok(await world.operator.post("missions", {"name": "Empty"}), 201)["id"]
    for form in FORMS:
        problem(await world.operator.get(f"missions/{absent}/orders?format={form}"), 404, "not-found")
        body = (await whole(world.operator, f"{world.operator.base}/missions/{empty_mission}/orders", form)).content
        if form == "ndjson":
            assert body == b""
        else:
            names, rows = table(form, body)
            assert (names[0], rows) == ("id", [])


async def test_a_csv_is_rfc_4180_and_the_french_one_opens_in_a_french_excel(world: World) -> None:
    money = await world.money()
    address = f"{world.auditor.base}/advances"
    body = (await whole(world.auditor, address, "csv")).content
    assert body.count(b"\r\n") == body.count(b"\n") == 2
    assert b",60000.00,50000.00," in body
    french = (await whole(world.auditor, address, "csv-fr")).content
    assert french.startswith(b"\xef\xbb\xbfid;aid_id;territory;")
    assert b";60000,00;50000,00;" in french
    names, rows = table("csv", body)
    row = dict(zip(names, rows[0], strict=True))
    assert row["id"] == money["advance"]
    assert row["terms.first_due_on"] == "2024-03-31"
    assert row["terms.rounding.multiple_eur"] == "0.01"
    assert row["terms.grace_counts_in_term"] == "false"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", row["created_at"])
    assert cents(row["amount_eur"]) == 60_000_00


async def test_an_array_of_objects_is_one_column_per_field(world: World) -> None:
    communes = [{"insee_code": "30007", "name": "Alès"}, {"insee_code": "30010", "name": "Anduze | \\bas"}]
    ok(await world.programme.put("perimeter/2023", {"communes": communes}), 201)
    names, rows = table("csv", (await whole(world.auditor, f"{world.auditor.base}/perimeter", "csv")).content)
    row = dict(zip(names, rows[0], strict=True))
    assert split(row["communes.insee_code"]) == ["30007", "30010"]
    assert split(row["communes.name"]) == ["Alès", "Anduze | \\bas"]


async def test_a_workbook_has_typed_cells_a_bold_frozen_header_and_nothing_that_runs(world: World) -> None:
    await world.money()
    body = (await whole(world.auditor, f"{world.auditor.base}/advances", "xlsx")).content
    archive = zipfile.ZipFile(io.BytesIO(body))
    assert archive.testzip() is None
    assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_DEFLATED}
    assert not any(b"<f>" in archive.read(name) or b"hyperlink" in archive.read(name) for name in archive.namelist())
    sheet = openpyxl.load_workbook(io.BytesIO(body)).worksheets[0]
    assert sheet.title == f"{world.territory}-advances"[:31]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == f"A1:{sheet.cell(2, sheet.max_column).coordinate}"
    assert (sheet.print_title_rows, sheet.page_setup.orientation, sheet.page_setup.paperSize) == (
        "$1:$1", "landscape", 9
    )  # fmt: skip
    assert (sheet.sheet_properties.pageSetUpPr.fitToPage, sheet.page_setup.fitToHeight) == (True, 0)
    assert sheet.column_dimensions["A"].width >= 38, "an id is 36 characters"
    assert all(cell.font.bold for cell in sheet[1])
    row = {head.value: cell for head, cell in zip(sheet[1], sheet[2], strict=True)}
    assert (row["amount_eur"].value, row["amount_eur"].number_format) == (60000, "#,##0.00")
    assert row["decided_on"].value == datetime(2023, 10, 3)
    assert row["decided_on"].is_date
    assert row["created_at"].is_date
    assert row["siren"].data_type == "s"
    assert row["terms.grace_counts_in_term"].value is False


def typed(field: dict[str, Any], text: str) -> Any:
    """A cell as its Table Schema has it read."""
    truths = {**dict.fromkeys(field.get("trueValues", ()), True), **dict.fromkeys(field.get("falseValues", ()), False)}
    read: dict[str, Any] = {
        "integer": int,
        "number": lambda: Decimal(text.replace(field.get("decimalChar", "."), ".")),
        "boolean": lambda: truths[text],
        "date": date.fromisoformat,
        "datetime": datetime.fromisoformat,
        "string": str,
    }
    how = read[field["type"]]
    return None if text == "" else how(text) if field["type"] not in ("number", "boolean") else how()


async def test_every_list_has_a_table_schema_by_which_each_cell_is_read(alone: Known) -> None:
    for path in LISTINGS:
        client, address = reader(alone, path), alone.address(path)
        for form in ("csv", "csv-fr"):
            export = await whole(client, address, form, limit="20")
            link = re.fullmatch(
                rf'<([^>]+)>; rel="describedby"; type="{re.escape(TABLE_SCHEMA)}"', export.headers["link"]
            )
            assert link, path
            schema = ok(await client.get(link[1]))
            names, rows = table(form, export.content)
            fields = schema["fields"]
            assert [field["name"] for field in fields] == names, path
            assert set(schema.get("primaryKey", ())) <= set(names), path
            for row in rows:
                for field, text in zip(fields, row, strict=True):
                    value = typed(field, text)
                    constraints = field.get("constraints", {})
                    assert value is not None or not constraints.get("required"), (path, field)
                    assert value is None or value in constraints.get("enum", [value]), (path, field, text)
            for field in fields:
                last = field["name"].rpartition(".")[2]
                if last in ("siren", "siret", "insee_code", "naf_code", "headcount_bracket", "legal_form_code"):
                    assert field["type"] == "string", "its zeros stay"


@pytest.mark.parametrize("language", ["en", "fr"])
async def test_a_workbook_is_headed_in_the_caller_s_language(world: World, language: str) -> None:
    await world.money()
    answer = await world.auditor.get("advances?format=xlsx", headers={"Accept-Language": language})
    assert answer.headers["content-language"] == language
    names, rows = table("xlsx", answer.content)
    machine, same_rows = table("xlsx", (await whole(world.auditor, f"{world.auditor.base}/advances", "xlsx")).content)
    assert names == [heading(name, language) for name in machine]
    assert rows == same_rows
    words = {"en": "Terms · First due on", "fr": "Conditions de l'avance · Première échéance le"}
    assert words[language] in names


@pytest.mark.parametrize("name", ALL_LISTINGS)
def test_a_table_schema_names_every_column(name: str) -> None:
    listing = ALL_LISTINGS[name]
    schema = table_schema(listing.schema, listing.columns, listing.key_name, comma=False)
    assert [field["name"] for field in schema["fields"]] == [column.name for column in listing.columns]


@pytest.mark.parametrize("name", ALL_LISTINGS)
def test_every_column_has_words_of_its_own_in_both_languages(name: str) -> None:
    columns = [column.name for column in ALL_LISTINGS[name].columns]
    assert [column for column in columns if not has_words(column)] == []
    for language in ("en", "fr"):
        assert len({folded(heading(column, language)) for column in columns}) == len(columns)


OUR_OWN = {
    "firms": "/v1/firms", "sites": "/v1/firms/{siren}/sites", "contacts": "/v1/territories/{territory}/contacts",
    "auditions": "/v1/territories/{territory}/auditions", "projects": "/v1/territories/{territory}/projects",
    "time_entries": "/v1/territories/{territory}/time-entries", "perimeter": "/v1/territories/{territory}/perimeter",
    "organisations": "/v1/organisations", "persons": "/v1/organisations/{organisation_id}/persons",
    "firm_stages": "/v1/territories/{territory}/firms", "committees": "/v1/territories/{territory}/committees",
    "legal_rates": "/v1/legal-rates", "refinancing_rates": "/v1/refinancing-rates",
    "contributions": "/v1/territories/{territory}/envelope/contributions",
    "grants": "/v1/territories/{territory}/grants", "advances": "/v1/territories/{territory}/advances",
    "grant_payments": "/v1/territories/{territory}/grant-payments",
    "advance_tranches": "/v1/territories/{territory}/advance-tranches",
    "receipts": "/v1/territories/{territory}/receipts", "claim_lines": "/v1/territories/{territory}/claim-lines",
}  # fmt: skip


@pytest.mark.parametrize("kind", OUR_OWN)
def test_an_import_reads_the_headings_of_our_own_workbooks(kind: str) -> None:
    columns = [column.name for column in listing_at(OUR_OWN[kind]).columns]
    wanted = [to for _, to in match(IMPORTERS[kind], 1, columns).matched]
    assert any(wanted)
    for language in ("en", "fr"):
        found = match(IMPORTERS[kind], 1, [heading(column, language) for column in columns]).matched
        assert [to for _, to in found] == wanted


def test_every_collection_documents_its_forms() -> None:
    assert {"too-many-rows", "too-many-exports"} <= set(CATALOGUE)
    for path in LISTINGS:
        operation = document()["paths"][path]["get"]
        parameter = next(p for p in operation["parameters"] if p["name"] == "format")
        assert parameter["schema"]["enum"] == ["json", *FORMS, "schema", "schema-fr"]
        assert operation["x-rebond-forms"] == [*FORMS, "schema", "schema-fr"]
        assert set(operation["responses"]["200"]["content"]) == {"application/json"}
        assert "too-many-rows" in operation["responses"]["422"]["description"]
        assert "too-many-exports" in operation["responses"]["503"]["description"]


def test_the_document_says_the_media_type_of_every_form() -> None:
    told = document()["x-rebond-forms"]
    assert {form: told[form] for form in FORMS} == {form: each.partition(";")[0] for form, each in MEDIA.items()}
    assert {told["schema"], told["schema-fr"]} == {TABLE_SCHEMA}
    for path, route in ((path, ROUTES[path, "GET"]) for path, method in ROUTES if method == "GET"):
        forms = document()["paths"].get(path, {}).get("get", {}).get("x-rebond-forms", ())
        assert {told[form] for form in forms} <= set(route.offered), path
