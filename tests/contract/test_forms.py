"""Every collection in every form: the same rows, read back cell by cell and compared with the JSON."""

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import httpx2
import openpyxl
from openpyxl.utils.escape import unescape
from pydantic import BaseModel

from app.core.listing import Listing
from tests.contract.conftest import Known
from tests.contract.test_http import LISTINGS, ROUTES, reader, rich
from tests.contract.test_listings import LISTINGS as ALL_LISTINGS
from tests.world import Client

TABLES = ("csv", "csv-fr", "xlsx")
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
        return bare(next(part for part in get_args(annotation) if part is not type(None)))
    return annotation


def flat(value: Any, annotation: Any, name: str) -> Iterator[tuple[str, Any, Any]]:
    """(column, JSON value, type) of a field, nested objects as dotted columns; written apart from app/core/tabular."""
    wanted = bare(annotation)
    if isinstance(wanted, type) and issubclass(wanted, BaseModel):
        for part, field in wanted.model_fields.items():
            yield from flat(None if value is None else value[part], field.annotation, f"{name}.{part}")
    elif get_origin(wanted) is list and issubclass(inner := bare(get_args(wanted)[0]), BaseModel):
        for part in inner.model_fields:
            yield f"{name}.{part}", [each[part] for each in value], list
    else:
        yield name, value, wanted


def shown(form: str, value: Any, wanted: Any, column: str) -> Any:
    """How a form shows a JSON value."""
    money = column.endswith("_cents")
    if form == "xlsx":
        if value is None or value == "":
            return None
        if isinstance(value, list):
            return "|".join(str(each).replace("\\", "\\\\").replace("|", "\\|") for each in value)
        if wanted is datetime:
            return datetime.fromisoformat(value).replace(tzinfo=None)
        if wanted is date:
            return datetime.combine(date.fromisoformat(value), datetime.min.time())
        return value / 100 if money else value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        text = "|".join(str(each).replace("\\", "\\\\").replace("|", "\\|") for each in value)
    elif isinstance(value, int | float | Decimal):
        text = f"{Decimal(value) / 100:.2f}" if money else str(value)
        return text.replace(".", ",") if form == "csv-fr" else text
    else:
        text = value
    return "'" + text if re.match(r"'*[=+\-@\t\r]", text) else text


def same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, datetime) and isinstance(found, datetime):
        return abs(found - wanted) < timedelta(milliseconds=1)  # a day's fraction has fewer digits than a microsecond
    if isinstance(found, str) and isinstance(wanted, str):
        return unescape(found) == wanted if "_x005F_" in found else found == wanted
    return bool(found == wanted)


def check_table(form: str, body: bytes, items: list[dict[str, Any]], listing: Listing) -> None:
    """The table shows these objects, in this order, cell by cell."""
    names, rows = table(form, body)
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
    answer = await client.get(address, params={"format": form, **more})
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


async def test_every_collection_has_the_same_rows_in_every_form_and_order(known: Known) -> None:
    await rich(known.world)
    assert len(LISTINGS) > 20
    for path in LISTINGS:
        client, address, listing = reader(known, path), known.address(path), listing_at(path)
        await client.get(address)
        sorts = next(
            p["schema"]["enum"] for p in (ROUTES[path, "GET"].openapi_extra or {})["parameters"] if p["name"] == "sort"
        )
        for sort in sorts:
            items = await items_of(client, address, sort=sort)
            assert items, path
            lines = await whole(client, address, "ndjson", sort=sort)
            assert [parsed(line) for line in lines.content.splitlines()] == items, (path, sort)
            assert lines.content.endswith(b"\n")
            check_table("csv", (await whole(client, address, "csv", sort=sort)).content, items, listing)
        check_table("csv-fr", (await whole(client, address, "csv-fr", sort=sorts[-1])).content, items, listing)
        check_table("xlsx", (await whole(client, address, "xlsx", sort=sorts[-1])).content, items, listing)
