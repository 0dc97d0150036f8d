"""LibreOffice with French settings opens every export and shows the values of NDJSON.

It saves what it has opened as a workbook of its own, which openpyxl reads. Where it is absent this is skipped.
"""

import asyncio
import io
import re
import shutil
import subprocess
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from app.core.reading.listing import Listing
from tests.contract.conftest import Known
from tests.contract.test_forms import check_rows, empty, flat, items_of, listing_at, parsed, shown, whole
from tests.contract.test_http import LISTINGS, reader, rich

OFFICE = shutil.which("soffice") or shutil.which("libreoffice")
pytestmark = pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not installed (Debian: libreoffice-calc-nogui)")

SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<item oor:path="/org.openoffice.Setup/L10N"><prop oor:name="ooSetupSystemLocale" oor:op="fuse">
<value>fr-FR</value></prop></item></oor:items>
"""
# Semicolons, quotation marks, UTF-8, from the first line, French, days and numbers recognised: as its dialogue offers.
FRENCH_CSV = "CSV:59,34,76,1,,1036,false,true,false"
# What a CSV does not tell from a number or a day, so that a spreadsheet makes one of it.
LOOKS_LIKE_A_NUMBER = re.compile(
    r"[0-9 .,:/+-]+%?|[0-9]{4}-[0-9]{2}-[0-9]{2}T.*|[0-9.,]+e[0-9]+|true|false", re.IGNORECASE
)


def saved(files: dict[str, bytes], place: Path, *options: str) -> dict[str, bytes]:
    """What LibreOffice makes of these files when it opens them and saves them as XLSX."""
    profile, came, went = place / "profile", place / "came", place / "went"
    (profile / "user").mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(SETTINGS)
    came.mkdir()
    for name, body in files.items():
        (came / name).write_bytes(body)
    command = [str(OFFICE), f"-env:UserInstallation={profile.as_uri()}", "--headless", *options, "--convert-to", "xlsx"]
    subprocess.run(
        [*command, "--outdir", str(went), *(str(came / name) for name in files)],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    return {name: (went / name).with_suffix(".xlsx").read_bytes() for name in files}


def cells(body: bytes) -> tuple[list[str], list[list[Any]]]:
    """Header and rows of a workbook; what it computes (`TRUE()`, as it has a truth) as what that comes to."""
    sheet = openpyxl.load_workbook(io.BytesIO(body), data_only=True).worksheets[0]
    head, *rows = ([cell.value for cell in row] for row in sheet.iter_rows())
    return [str(name) for name in head], rows


async def test_it_shows_every_export_as_it_is(alone: Known, tmp_path: Path) -> None:
    """Of a CSV texts that look like a number or a day are left out: only a workbook says that they are none."""
    await rich(alone.world)
    lists: dict[str, tuple[Listing, list[Any]]] = {}
    sent: dict[str, dict[str, bytes]] = {"xlsx": {}, "csv-fr": {}}
    for number, path in enumerate(LISTINGS):
        client, address = reader(alone, path), alone.address(path)
        await client.get(address)  # where it leaves a trace, that of this reading is among its rows
        for form, files in sent.items():
            files[f"{number}.{form[:4].rstrip('-')}"] = (await whole(client, address, form)).content
        lists[str(number)] = listing_at(path), await items_of(client, address)
    books, tables = await asyncio.gather(
        asyncio.to_thread(saved, sent["xlsx"], tmp_path / "xlsx"),
        asyncio.to_thread(saved, sent["csv-fr"], tmp_path / "csv", f"--infilter={FRENCH_CSV}"),
    )
    for name, (listing, items) in lists.items():
        check_rows("xlsx", *cells(books[f"{name}.xlsx"]), items, listing)
        check_figures(*cells(tables[f"{name}.csv"]), items, listing)


def check_figures(names: list[str], rows: list[list[Any]], items: list[dict[str, Any]], listing: Listing) -> None:
    """A table that was a CSV shows these objects, but for texts that look like figures."""
    fields = {name: field.annotation for name, field in listing.schema.model_fields.items()}
    columns = [column for each in fields for column, _, _ in flat(empty(fields[each]), fields[each], each)]
    assert names == [re.sub("_cents$", "_eur", column) for column in columns]
    assert len(rows) == len(items)
    for row, item in zip(rows, items, strict=True):
        wanted = [each for name, value in item.items() for each in flat(value, fields[name], name)]
        odd = [
            (column, cell, value)
            for cell, (column, value, type_) in zip(row, wanted, strict=True)
            if not agrees(cell, value, type_, column)
        ]
        assert odd == []


def agrees(cell: Any, value: Any, wanted: Any, column: str) -> bool:
    if isinstance(value, bool):
        return cell in (value, str(value).lower())  # in French it would be VRAI
    if isinstance(value, int | float | Decimal):
        figure = float(value) / (100 if column.endswith("_cents") else 1)
        return isinstance(cell, int | float) and abs(cell - figure) < 1e-9 * max(abs(figure), 1)
    if isinstance(value, dict):
        return bool(parsed(cell.encode()) == value)
    if wanted is date and value is not None:
        return isinstance(cell, datetime) and cell.date().isoformat() == value
    text = shown("csv-fr", value, wanted, column)
    if isinstance(text, str) and LOOKS_LIKE_A_NUMBER.fullmatch(text):
        return True
    return bool(cell == text or (not cell and not text))
