"""Every curl line of the OpenAPI document is read by a shell and sent to the demonstration."""

import json
import re
import subprocess
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from app.access.rules import MATRIX, Role
from app.settings import KEYS_FILE, Settings
from tests.conftest import serving_in_process
from tests.contract.document import document
from tests.in_process import InProcess

LINES = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, operations in document()["paths"].items()
    for method, operation in operations.items()
}
PLACEHOLDER = "019a9f5e-0000-7000-8000-000000000000"
# What a line must not meet: it would be at fault itself, not the state of the demonstration.
MISTAKES = {400, 401, 405, 406, 408, 411, 413, 414, 415, 428, 431, 500, 501, 502, 503}


def as_a_shell_reads(lines: list[str]) -> list[list[str]]:
    """The arguments of curl in each line."""
    script = "curl() { printf '%s\\0' \"$@\"; printf '\\1\\0'; }\n" + "\n".join(lines)
    done = subprocess.run(
        ["sh", "-c", script], env={"KEY": "key", "PATH": "/usr/bin:/bin"}, capture_output=True, check=True
    )
    assert done.stderr == b""
    told = done.stdout.decode().split("\0\1\0")
    assert told.pop() == ""
    return [each.split("\0") for each in told]


@dataclass
class Line:
    """A request as curl would send it."""

    url: str = ""
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None


def request_of(arguments: list[str]) -> Line:
    line = Line()
    given = iter(arguments)
    for argument in given:
        match argument:
            case "-s":
                pass
            case "-X":
                line.method = next(given)
            case "-H":
                name, _, value = next(given).partition(": ")
                line.headers[name] = value
            case "--json":
                line.body = next(given)
                line.headers["Content-Type"] = "application/json"
            case "--data-binary":
                assert next(given) == "@file.csv"
                line.body = "siren;name\n"
            case _:
                assert not line.url, arguments
                line.url = argument
    return line


class Demonstration:
    """The demonstration with what stands in it, by the names of path parameters."""

    def __init__(self, http: httpx2.AsyncClient, keys: dict[str, str]) -> None:
        self.http, self.keys = http, keys
        self.known: defaultdict[str, list[str]] = defaultdict(list)

    def key(self, permission: str | None) -> str:
        roles = MATRIX[permission or "me:read"]
        role = Role.AUDITOR if Role.AUDITOR in roles else next(role for role in sorted(roles) if role in self.keys)
        return self.keys[role]

    async def things(self, template: str) -> list[str]:
        """Addresses of this template that exist."""
        before, _, after = template.rpartition("/{")
        if not before:
            return [template]
        name, _, rest = after.partition("}")
        if template in self.known:
            return self.known[template]
        found: list[str] = []
        collection = document()["paths"].get(before, {}).get("get")
        for parent in (await self.things(before))[:40] if collection else []:
            headers = {"Authorization": f"Bearer {self.key(collection.get('x-permission'))}"}
            answer = await self.http.get(parent, headers=headers)
            for item in answer.json().get("items", []) if answer.status_code == 200 else []:
                key = item.get(name) or item.get("id") or item.get(KEYS.get(name, name))
                if key is not None:
                    found.append(f"{parent}/{key}{rest}")
            if len(found) > 20:
                break
        self.known[template] = found
        return found

    async def about(self, value: Any, name: str = "") -> Any:
        """An example with the ids of things that exist in the place of made-up ones."""
        if isinstance(value, dict):
            return {key: await self.about(each, key) for key, each in value.items()}
        if isinstance(value, list):
            return [await self.about(each, name.removesuffix("s")) for each in value]
        if name.endswith("_id") and isinstance(value, str):
            ending = f"/{name.removesuffix('_id').replace('_', '-')}s/{{id}}"
            for template in sorted((path for path in document()["paths"] if path.endswith(ending)), key=len):
                if stands := await self.things(template):
                    return stands[0].rpartition("/")[2]
        return value


# The member that is the key of an item, where neither `id` nor the name of the parameter is.
KEYS = {"territory": "slug", "code": "code", "scheme": "code", "import_kind": "kind"}


@pytest.fixture(scope="module")
def place(new_demonstration: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """A database with the demonstration, and its keys."""
    keys_file = tmp_path_factory.mktemp("curl") / KEYS_FILE
    return new_demonstration("curl", keys_file), json.loads(keys_file.read_text())


@pytest.fixture(scope="module")
async def demonstration(
    place: tuple[str, dict[str, str]], settings: Settings, anyio_backend: Any
) -> AsyncIterator[Demonstration]:
    url, keys = place
    async with (
        serving_in_process(settings.model_copy(update={"database_url": url})) as served,
        InProcess(served) as client,
    ):
        yield Demonstration(client, keys)


async def test_every_curl_line_is_a_request_that_the_demonstration_understands(demonstration: Demonstration) -> None:
    """Writes are tried (`dry_run`). A line may be refused by the state of things, never for what it is."""
    lines = as_a_shell_reads([operation["x-codeSamples"][0]["source"] for _, _, operation in LINES.values()])
    wrong: dict[str, str] = {}
    done = set()
    for (name, (method, template, operation)), arguments in zip(LINES.items(), lines, strict=True):
        line = request_of(arguments)
        assert line.method == method, name
        template_re = re.sub(r"\{\w+\}", "[^/?]+", template)
        assert re.fullmatch(rf"http://127\.0\.0\.1:8000{template_re}(\?.*)?", line.url), (name, line.url)
        path, _, query = line.url.removeprefix("http://127.0.0.1:8000").partition("?")
        if PLACEHOLDER in path:
            stands = await demonstration.things(template)
            path = stands[0] if stands else path
        if method != "GET" and any(each["name"] == "dry_run" for each in operation.get("parameters", ())):
            query += "&dry_run=true" if query else "dry_run=true"
        line.headers["Authorization"] = f"Bearer {demonstration.key(operation.get('x-permission'))}"
        body = line.body
        if body is not None and line.headers["Content-Type"] == "application/json":
            body = json.dumps(await demonstration.about(json.loads(body)))
        answer = await demonstration.http.request(
            method, f"{path}?{query}" if query else path, headers=line.headers, content=body
        )
        if answer.status_code in MISTAKES or answer.status_code == 422:
            wrong[name] = f"{answer.status_code} {answer.json().get('errors', answer.text)}"
        elif answer.status_code < 300:
            done.add(name)
    assert wrong == {}
    assert len(done) > 300, "the demonstration has most of what the lines are about"
