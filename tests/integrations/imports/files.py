"""Files as people send them, and an import of one from upload to end."""

import asyncio
import io
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook

from app.integrations.imports import runner
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


def waiting() -> str:
    """Where each task of the service's import runner waits."""
    told = []
    for task in asyncio.all_tasks():
        frames: list[str] = []
        awaited: Any = task.get_coro()
        while (frame := getattr(awaited, "cr_frame", None)) is not None:
            frames.append(f"  {frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_qualname}")
            awaited = getattr(awaited, "cr_await", None)
        if any(f"{runner.__name__.replace('.', '/')}.py" in frame for frame in frames):
            told.append("\n".join([f"{task.get_name()}, then {awaited}:", *frames]))
    return "\n".join(told) or "no task runs imports"


async def ended_of(client: Client, received: dict[str, Any], base: str = "/v1/imports") -> dict[str, Any]:
    """The import as it ended; where it does not, the failure says what the runner waits for."""
    found = received
    try:
        async with asyncio.timeout(60):
            while found["finished_at"] is None:
                await asyncio.sleep(0.02)
                found = ok(await client.get(f"{base}/{received['id']}"))
    except TimeoutError:
        raise AssertionError(f"the import does not end: {found}\n{waiting()}") from None
    return found


async def carry_out(client: Client, path: str, content: bytes) -> dict[str, Any]:
    """The import as it ended, with its problems in the order of the lines."""
    base = path.partition("?")[0]
    ended = await ended_of(client, await send(client, path, content), base)
    problems = ok(await client.get(f"{base}/{ended['id']}/problems?limit=500"))["items"]
    return ended | {"problems": [(p["line"], p["column"], p["code"], p["severity"]) for p in problems]}
