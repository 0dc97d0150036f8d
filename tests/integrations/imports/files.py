"""Files as people send them, and an import of one from upload to end."""

import asyncio
import io
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook

from tests.world import Client, ok

CSV = {"Content-Type": "text/csv"}
XLSX = {"Content-Type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


def csv_file(*lines: str, end: str = "\r\n", encoding: str = "utf-8") -> bytes:
    return (end.join(lines) + end).encode(encoding)


def xlsx_file(*rows: Sequence[Any]) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


async def send(client: Client, path: str, content: bytes, **headers: str) -> dict[str, Any]:
    """The import as it was received."""
    kind = XLSX if content.startswith(b"PK") else CSV
    found: dict[str, Any] = ok(await client.request("POST", path, content=content, headers=kind | headers), 202)
    return found


async def carry_out(client: Client, path: str, content: bytes) -> dict[str, Any]:
    """The import as it ended, with its problems in the order of the lines."""
    ended = await send(client, path, content)
    base = path.partition("?")[0]
    address = f"{base}/{ended['id']}"
    async with asyncio.timeout(60):
        while ended["finished_at"] is None:
            await asyncio.sleep(0.02)
            ended = ok(await client.get(address))
    problems = ok(await client.get(f"{address}/problems?limit=500"))["items"]
    return ended | {"problems": [(p["line"], p["column"], p["code"], p["severity"]) for p in problems]}
