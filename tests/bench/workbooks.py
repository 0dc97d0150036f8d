"""Rows a second of a workbook, as exports write it and as XlsxWriter would: the same rows of sixteen columns.

`python -m tests.bench.workbooks [ROWS]` prints both, on a scratch PostgreSQL. Exports have PostgreSQL write the cells
and zip them as they pass; XlsxWriter takes rows of values, keeps none, and hands out the file when it is whole.
"""

import asyncio
import io
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import asyncpg
import xlsxwriter
from sqlalchemy import column, select, text

from app.bundled import postgres
from app.core.db import Statement, copy_out
from app.core.reading import xlsx
from app.core.reading.tabular import FORMS

ROWS = 100_000
COLUMNS = (
    ("id", "id", "gen_random_uuid()::text"), ("worked_on", "day", "date '2023-01-01' + n % 700"),
    ("days", "number", "(n % 4 + 1) * 0.25"), ("person", "text", "'Camille Exemple ' || n % 90"),
    ("organisation", "text", "'Cabinet ' || n % 9 || ' & associés'"), ("activity", "code", "'analysis'"),
    ("status", "code", "'validated'"), ("siren", "code", "lpad(n::text, 9, '0')"), ("firm", "text", "'Atelier ' || n"),
    ("note", "text", "'Visite de l''atelier, <deuxième> passage ' || n"), ("amount_eur", "euros", "n * 12.34"),
    ("created_at", "instant", "timestamptz '2023-07-01 08:00:00Z' + n * interval '1 s'"),
    ("late", "truth", "n % 3 = 0"), ("mission", "id", "'019a0000-0000-7000-8000-000000000001'"),
    ("version", "number", "1"), ("project", "text", "CASE WHEN n % 2 = 0 THEN 'Projet ' || n % 40 END"),
)  # fmt: skip
_NAMES = [(name, kind) for name, kind, _ in COLUMNS]


def rows_of(count: int) -> Any:
    said = ", ".join(f"({sql}) AS {name}" for name, _, sql in COLUMNS)
    source = text(f"SELECT {said} FROM generate_series(1, {count:d}) n")
    return source.columns(*(column(name) for name, _ in _NAMES)).subquery("source")


async def as_exports(connection: Any, count: int) -> int:
    """Bytes of the workbook that an export sends."""
    source = rows_of(count)
    statement = Statement(select(xlsx.row([xlsx.cell(kind, source.c[name]) for name, kind in _NAMES])))
    book, size = xlsx.Workbook("bench", _NAMES), 0

    async def write(rows: bytes) -> None:
        nonlocal size
        size += len(book.add(rows))

    size += len(book.begin())
    await copy_out(connection, statement.sql, statement.arguments({}), write, **FORMS["xlsx"].copy)
    return size + len(book.end())


async def by_xlsxwriter(connection: Any, count: int) -> int:
    """Bytes of the workbook that XlsxWriter makes of the same rows."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"constant_memory": True, "remove_timezone": True}) as book:
        sheet = book.add_worksheet("bench")
        looks = {"day": "yyyy-mm-dd", "instant": "yyyy-mm-dd hh:mm:ss", "euros": "#,##0.00"}
        formats = {kind: book.add_format({"num_format": look}) for kind, look in looks.items()}
        moment, number_of = sheet.write_datetime, sheet.write_number
        put: dict[str, Any] = {"day": moment, "instant": moment, "truth": sheet.write_boolean}
        put |= {"number": number_of, "euros": number_of}
        writes = [(put.get(kind, sheet.write_string), formats.get(kind)) for _, kind in _NAMES]
        sheet.write_row(0, 0, [name for name, _ in _NAMES])
        async with connection.transaction():
            number = 0
            async for row in connection.cursor(str(select(rows_of(count))), prefetch=1000):
                number += 1
                for place, ((write, look), value) in enumerate(zip(writes, row, strict=True)):
                    if value is not None:
                        write(number, place, value, look)
    return len(out.getvalue())


async def measure(plain: str, count: int = ROWS) -> dict[str, float]:
    """Rows a second of both."""
    connection = await asyncpg.connect(plain)
    try:
        found = {}
        for name, made in (("as exports are written", as_exports), ("by XlsxWriter", by_xlsxwriter)):
            started = time.perf_counter()
            assert await made(connection, count) > 1000
            found[name] = count / (time.perf_counter() - started)
        return found
    finally:
        await connection.close()


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="rebond-bench-") as home:
        Path(home).chmod(0o711)  # as root the server runs as another account, which must reach it
        with postgres.running(Path(home) / "data") as bundled:
            count = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
            for name, figure in asyncio.run(measure(bundled.plain("postgres"), count)).items():
                print(f"{name:30}{figure:>9.0f} rows/s")


if __name__ == "__main__":
    main()
