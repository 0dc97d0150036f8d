"""What commands say of a running service: tables and JSON, refusals in one line, exit codes."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2
import pytest

from app import cli
from app.commands import days, remote
from app.settings import KEYS_FILE, Settings
from tests.conftest import serving_in_process
from tests.in_process import InProcess

Say = Callable[..., Awaitable[tuple[int, str, str]]]


class Bridge(httpx2.BaseTransport):
    """Answers a command, which runs in a thread, by the application of this loop."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http, self.loop = http, asyncio.get_running_loop()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        asked = httpx2.Request(request.method, request.url, headers=request.headers)
        answer = asyncio.run_coroutine_threadsafe(self.http.send(asked), self.loop).result(30)
        headers = {name: value for name, value in answer.headers.items() if name != "content-encoding"}
        return httpx2.Response(answer.status_code, headers=headers, content=answer.content)


@pytest.fixture(scope="module")
def place(new_demonstration: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """A database with the demonstration, and its keys."""
    keys_file = tmp_path_factory.mktemp("remote") / KEYS_FILE
    return new_demonstration("remote", keys_file), json.loads(keys_file.read_text())


@pytest.fixture(scope="module")
async def served(
    place: tuple[str, dict[str, str]], settings: Settings, anyio_backend: Any
) -> AsyncIterator[httpx2.AsyncClient]:
    async with (
        serving_in_process(settings.model_copy(update={"database_url": place[0]})) as application,
        InProcess(application) as http,
    ):
        yield http


@pytest.fixture
def say(
    served: httpx2.AsyncClient, place: tuple[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Say:  # fmt: skip
    """A command line, as a role, and how it ends: exit code, stdout, stderr."""
    keys = place[1]

    async def run(*words: str, role: str = "auditor") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["rebond", *words])
        monkeypatch.setenv("REBOND_KEY", keys[role])
        monkeypatch.setattr(remote, "TRANSPORT", Bridge(served))

        def end() -> int:
            try:
                cli.main()
            except SystemExit as ended:
                return int(ended.code or 0)
            return 0

        code = await asyncio.to_thread(end)
        said = capfd.readouterr()
        return code, said.out, said.err

    return run


def cells(said: str) -> list[list[str]]:
    return [re.split(r" {2,}", line.strip()) for line in said.splitlines()]


async def test_a_collection_is_a_table_of_every_row_or_json(say: Say) -> None:
    code, said, beside = await say("get", "firms", "--territory", "ales")
    heads, *rows = cells(said)
    assert code == 0
    assert {"siren", "name", "stage"} <= {*heads}
    assert beside == f"{len(rows)} rows\n"
    assert not {"id", "version"} & {*heads}
    code, said, _ = await say("get", "firms", "--territory", "ales", "--json")
    assert (code, len(json.loads(said))) == (0, len(rows))
    code, said, _ = await say("get", "grants", "--territory", "ales", "--fields", "id,siren,amount_cents", "limit=1")
    ((id_, siren, euros),) = cells(said)[1:]
    assert (cells(said)[0], len(id_), len(siren)) == (["id", "siren", "amount_eur"], 36, 9)
    assert re.fullmatch(r"[0-9]{1,3}(?:,[0-9]{3})*\.[0-9]{2}", euros)


async def test_an_object_is_shown_name_by_name(say: Say) -> None:
    code, said, _ = await say("get", "summary", "--territory", "ales")
    assert code == 0
    assert ["days_left", "25.0"] in cells(said)
    assert ["available_eur", "536,133.33"] in cells(said)


async def test_what_is_late_left_and_waiting(say: Say) -> None:
    code, said, _ = await say("late")
    late = [dict(zip(cells(said)[0], row, strict=True)) for row in cells(said)[1:]]
    assert code == 0
    assert late
    assert all(int(each["days_past_due"]) > 0 and each["left_eur"] != "0.00" for each in late)
    assert [each["due_on"] for each in late] == sorted(each["due_on"] for each in late)
    assert (await say("late", "--territory", "ales"))[1] == said

    wanted = [[*days.COLUMNS], ["ales", "Alès Agglomération", "100.0", "75.0", "25.0"]]
    for words in (("days",), ("days", "--territory", "ales")):
        code, said, _ = await say(*words, role="operator")
        assert (code, cells(said)) == (0, wanted)

    code, said, _ = await say("to-do", role="treasurer")
    assert code == 0
    assert cells(said)[0] == ["territory", "kind", "count", "oldest_on", "link"]
    assert {row[0] for row in cells(said)[1:]} == {"ales"}


async def test_a_refusal_is_one_line_and_an_exit_code(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    for words, code, told in (
        (("get", "nothing"), 1, "not-found: "),
        (("get", "firms", "--territory", "nowhere"), 1, "not-found: "),
        (("get", "firms", "stige=x", "limit=0"), 1, r"validation-failed: .* · stige: .* · limit: "),
        (("get", "firms", "stage"), 1, "stage is no parameter"),
        (("get", "firms", "--key", "rbd_wrong"), 1, "credentials-invalid: "),
        (("late", "--territory", "../../openapi.json"), 1, "not-found|malformed-request"),
    ):
        ended, said, beside = await say(*words)
        assert (ended, said, beside.count("\n")) == (code, "", 1), (words, beside)
        assert re.match(f"rebond: (?:{told})", beside), beside
    monkeypatch.setattr(Bridge, "handle_request", httpx2.HTTPTransport().handle_request)
    ended, said, beside = await say("days", "--url", "http://127.0.0.1:9")
    assert (ended, said, beside.count("\n")) == (3, "", 1), beside
    assert beside.startswith("rebond: no service answers at http://127.0.0.1:9: ")
