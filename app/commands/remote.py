"""What commands ask a running service for people: where it is, whose key, a refusal in one line, answers as a table."""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Any
from urllib.parse import quote

import typer

from app.commands.terminal import CommandRefused

Url = Annotated[str, typer.Option("--url", envvar="REBOND_URL", help="Where the service answers.")]
Key = Annotated[str | None, typer.Option("--key", envvar="REBOND_KEY", help="The API key to ask with.")]
Territory = Annotated[str | None, typer.Option(help="The territory's slug; all territories without it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print what the service answers, as JSON.")]
HERE = "http://127.0.0.1:8000"
# Every row in one answer where the address is a collection, else the object.
ACCEPTED = "application/x-ndjson, application/json;q=0.9"
SECONDS = 60.0
NOT_FOR_PEOPLE = ("id", "version")
NUMBER = re.compile(r"(?:-?[0-9,]+(?:\.[0-9]+)?)?")

TRANSPORT: Any = None  # httpx2's own; tests answer themselves


class Unreachable(CommandRefused):
    """No service answers there."""

    code = 3


def address(collection: str, territory: str | None) -> str:
    """The path of a collection, of a territory or of all."""
    below = f"territories/{quote(territory, safe='')}/" if territory else ""
    return f"/v1/{below}{quote(collection.strip('/'), safe='/')}"


def ask(path: str, query: Sequence[tuple[str, str]], url: str, key: str | None) -> Any:
    """The rows at an address, or its object. Raises `CommandRefused` with the problem, `Unreachable`."""
    import httpx2

    headers = {"Accept": ACCEPTED} | ({"Authorization": f"Bearer {key}"} if key else {})
    try:
        with httpx2.Client(transport=TRANSPORT, headers=headers, timeout=SECONDS) as client:
            answer = client.get(url.rstrip("/") + path, params=list(query))
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise Unreachable(f"no service answers at {url}: {str(error) or type(error).__name__}") from None
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    if media_type == "application/problem+json":
        raise CommandRefused(told(answer.json()))
    if answer.status_code != 200 or media_type not in ACCEPTED:
        raise Unreachable(f"what answers at {url} is not Rebond: {answer.status_code} {media_type}")
    if media_type == "application/json":
        return answer.json()
    return [json.loads(line) for line in answer.text.splitlines()]


def told(problem: dict[str, Any]) -> str:
    """A problem in one line, with each of its faults."""
    code = problem["type"].removeprefix("/problems/")
    faults = [f"{fault['pointer'] or '-'}: {fault['detail']}" for fault in problem.get("errors", ())]
    return " · ".join([f"{code}: {problem['detail']}", *faults])


def show(answer: Any, columns: Sequence[str] = (), *, as_json: bool, chosen: bool = False) -> None:
    """Print an answer: JSON as it came, rows as a table, an object as two columns.

    Without `columns` a table leaves out what no row has, and ids, versions and instants unless they were `chosen`.
    """
    if as_json:
        print(json.dumps(answer, ensure_ascii=False, indent=2))
        return
    rows = answer.get("items", answer) if isinstance(answer, dict) else answer
    if isinstance(rows, dict):
        table([("", ""), *((name, text) for name, text in flat(rows))])
        return
    shown = [dict(flat(row)) for row in rows]
    had = dict.fromkeys(name for row in shown for name, text in row.items() if text)
    named = [name for name in had if chosen or not (name in NOT_FOR_PEOPLE or name.endswith(("_id", "_at")))]
    names = list(columns) or named or list(had)
    if shown:
        table([tuple(names), *(tuple(row.get(name, "") for name in names) for row in shown)])
    print(f"{len(shown)} rows" if len(shown) != 1 else "1 row", file=sys.stderr)


def flat(row: dict[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """The columns of a row as people read them: amounts in euros, objects dotted, arrays of texts joined."""
    for name, value in row.items():
        if isinstance(value, dict):
            yield from flat(value, f"{before}{name}.")
        elif name.endswith("_cents"):
            yield f"{before}{name.removesuffix('_cents')}_eur", "" if value is None else f"{value / 100:,.2f}"
        elif isinstance(value, list):
            plain = all(isinstance(each, str) for each in value)
            yield before + name, " ".join(value) if plain else str(len(value))
        elif isinstance(value, bool):
            yield before + name, "yes" if value else "no"
        else:
            yield before + name, "" if value is None else str(value)


def table(rows: Sequence[tuple[str, ...]]) -> None:
    """Print the rows, of which the first are the headings: numbers to the right, and never cut.

    On a terminal what is too long goes on in the next line; elsewhere a row is a line.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=1_000_000)
    shown = Table(box=box.SIMPLE_HEAD if sys.stdout.isatty() else None, pad_edge=False)
    for heading, *values in zip(*rows, strict=True):
        number = all(NUMBER.fullmatch(value) for value in values)
        shown.add_column(heading, justify="right" if number else "left", overflow="fold")
    for row in rows[1:]:
        shown.add_row(*map(Text, row))
    console.print(shown)
