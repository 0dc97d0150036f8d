"""`make bench`: what one worker of the service does in a second, beside a bare handler over the same database.

Both are processes of their own on a scratch PostgreSQL, shipped settings, fsync on. Slices of a few tenths of a second
go to the service and to the bare handler in turn, on a database of N entries and on one of ten times as many; every
figure is the median over the rounds. docs/performance.md says how to read it.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from app.bundled import postgres
from app.commands import check
from app.core import installation, migrations
from app.core.db import create_engine
from app.core.serving import server
from tests.bench import conditions, days, decisions, filling
from tests.bench.filling import FIRST, Setting
from tests.bench.load import Client, Slice, download, forget_peak, memory_kib, message
from tests.quotas import lift

CONNECTIONS = 8
MIB = 1024  # KiB


@dataclass(frozen=True)
class Extent:
    """How long the bench takes: entries of the smaller database per consultant, rounds, seconds of a slice."""

    days: int
    rounds: int
    seconds: float
    repeats: int  # of what is not a slice: exports, starts


FULL = Extent(days=100, rounds=40, seconds=0.2, repeats=5)
QUICK = Extent(days=10, rounds=12, seconds=0.12, repeats=3)


@dataclass
class Target:
    """A server under load: the service or the bare handler, on one of the databases."""

    name: str
    port: int
    pid: int
    setting: Setting
    entries: list[tuple[str, str]]
    numbers: Iterator[int]
    slices: dict[str, list[Slice]] = field(default_factory=dict)
    transport: httpx2.AsyncBaseTransport | None = None  # of a server in the same process

    def requests(self, kind: str) -> Iterator[bytes]:
        """Without end, for the kind of request."""
        s = self.setting
        if kind == "list":
            paths = [f"/v1/territories/{slug}/time-entries" for slug in s.territories]
            return itertools.cycle([message("GET", path, s.reader) for path in paths])
        if kind == "object":
            paths = [f"/v1/territories/{slug}/time-entries/{key}" for slug, key in self.entries]
            return itertools.cycle([message("GET", path, s.reader) for path in paths])
        if kind == "summary":
            paths = [f"/v1/territories/{slug}/summary" for slug in s.territories]
            return itertools.cycle([message("GET", path, s.reader) for path in paths])
        return (self.post(n) if kind == "post" else self.award(n) for n in self.numbers)

    def post(self, n: int) -> bytes:
        """A quarter of a day of the hot mission; the numbers never name the same quarter twice."""
        s = self.setting
        day, consultant = divmod(n // 4, len(s.consultants))
        worked_on = FIRST.fromordinal(FIRST.toordinal() + day)
        body = (
            f'{{"mission_id":"{s.mission}","consultant_id":"{s.consultants[consultant]}","worked_on":"{worked_on}",'
            f'"days":0.25,"activity":"audition"}}'
        ).encode()
        more = {"X_Subject": s.consultant_id, "X_Organisation": s.consultant_organisation}
        path = f"/v1/territories/{s.hot}/time-entries"
        return message("POST", path, s.consultant, body, Idempotency_Key=f"{self.name}-{n}", **more)

    def award(self, n: int) -> bytes:
        """A grant of one euro out of the hot envelope."""
        s = self.setting
        body = (
            f'{{"siren":"{s.firm}","project_title":"Atelier","amount_cents":100,"decided_on":"{FIRST}",'
            f'"decision_reference":"D-{n}"}}'
        ).encode()
        more = {"X_Subject": s.funder_id, "X_Organisation": s.funder_organisation}
        path = f"/v1/territories/{s.hot}/grants"
        return message("POST", path, s.funder, body, Idempotency_Key=f"{self.name}-{n}", **more)

    def load(self, kind: str, seconds: float, connections: int = CONNECTIONS) -> Slice:
        """One slice of a kind of request."""
        with Client(self.port, connections) as client:
            status = 201 if kind in ("post", "award") else 200
            return client.measure(self.pid, self.requests(kind), seconds, status=status)

    async def ask(self, request: bytes) -> Any:
        """One answer, as JSON."""
        head, _, rest = request.partition(b"\r\n\r\n")
        method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
        headers = dict(line.decode().split(": ", 1) for line in head.split(b"\r\n")[1:])
        base, transport = f"http://127.0.0.1:{self.port}", self.transport
        async with httpx2.AsyncClient(base_url=base, transport=transport, trust_env=False) as http:
            answer = await http.request(method, path, headers=headers, content=rest)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()


def say(text: str) -> None:
    print(f"[{time.monotonic() - STARTED:5.0f} s] {text}", flush=True)


STARTED = time.monotonic()


# --- what runs -------------------------------------------------------------------------------------------------------


def environment(**settings: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not re.match("REBOND_|DATABASE_URL|MAKE|MFLAGS", name)}
    return {**ours, **settings}


@contextlib.contextmanager
def serving(home: Path, log: str, **settings: str) -> Iterator[tuple[int, int]]:
    """`rebond serve`, one worker, its log written to a file: its port and its process."""
    argv = [sys.executable, "-m", "app.cli", "serve", "--port", "0"]
    with (
        (home / log).open("a") as errors,
        subprocess.Popen(
            argv, cwd=home, env=environment(**settings), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=errors, text=True,
        ) as process,
    ):  # fmt: skip
        try:
            assert process.stdout is not None
            said = ""
            for line in process.stdout:
                said += line
                if line.startswith("Ctrl-C"):
                    break
            found = re.search(r"http://127\.0\.0\.1:(\d+)", said)
            if found is None:
                raise RuntimeError((home / log).read_text())
            yield int(found[1]), process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


@contextlib.contextmanager
def bare(home: Path, url: str) -> Iterator[tuple[int, int]]:
    """The bare handler under the same uvicorn."""
    with server.listen("127.0.0.1", 0) as listening, (home / "bare.log").open("a") as errors:
        argv = [sys.executable, "-m", "tests.bench.bare", str(listening.fileno())]
        process = subprocess.Popen(
            argv, env=environment(DATABASE_URL=url), stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
            pass_fds=[listening.fileno()],
        )  # fmt: skip
        try:
            yield listening.getsockname()[1], process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def ready(port: int) -> None:
    """Wait until the service answers."""
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as http:
        assert http.get("/readyz").status_code == 200


def databases(home: Path, bundled: postgres.Server, extent: Extent) -> Iterator[tuple[str, int, Setting]]:
    """The two databases, filled and in balance: name, entries, setting."""
    plain, dsn = bundled.plain("postgres"), bundled.dsn
    filling.new_database(plain, "bench")
    asyncio.run(filling.hurry(plain))
    migrations.upgrade(dsn("bench"))
    asyncio.run(lift(bundled.plain("bench")))

    async def settle() -> Setting:
        engine = create_engine(dsn("bench"), pool_size=1)
        await installation.ensure(engine)
        await engine.dispose()
        return await filling.settle(dsn("bench"), bundled.plain("bench"))

    setting = asyncio.run(settle())
    say(f"{filling.TERRITORIES} territories with their missions")
    for name, times in (("bench_1", 1), ("bench_10", 10)):
        filling.new_database(plain, name, "bench")
        count = asyncio.run(filling.fill(bundled.plain(name), setting, times * extent.days, exported=times > 1))
        checked = balanced(dsn(name))
        say(f"{name}: {count} time entries with their events; {checked} balances computed again, none differs")
        yield name, count, setting


def balanced(url: str) -> int:
    """`rebond check`: how many balances it has computed again. AssertionError where one differs."""

    async def compute() -> tuple[int, list[check.Difference]]:
        engine = create_engine(url, pool_size=1)
        try:
            return await check.differences(engine)
        finally:
            await engine.dispose()

    checked, differing = asyncio.run(compute())
    assert not differing, differing[:3]
    return checked


# --- what is measured ------------------------------------------------------------------------------------------------


async def compare(real: Target, plain: Target) -> None:
    """The service and the bare handler answer the same, and their writes leave the same."""
    for kind in ("list", "object"):
        mine, its = [await target.ask(next(target.requests(kind))) for target in (real, plain)]
        for answer in (mine, its):
            if kind == "list":
                assert len(answer["items"]) == 50
                assert answer.pop("next_cursor")
        assert mine == its, (mine, its)
    own = {"id", "aid_id", "created_at", "updated_at", "decision_reference", "consultant_id", "consultant_name",
           "worked_on", "counted_on"}  # fmt: skip
    for kind in ("post", "award"):
        mine, its = [await target.ask(next(target.requests(kind))) for target in (real, plain)]
        assert list(mine) == list(its), (mine, its)
        different = {name for name in mine if mine[name] != its[name]}
        assert different <= own, (different, mine, its)
    say("the bare handler answers as the service does")


def rounds(targets: list[Target], extent: Extent) -> None:
    """The slices, in turn; the order is reversed in every second round."""
    for number in range(extent.rounds):
        for kind in ("list", "object", "post", "award"):
            for target in targets if number % 2 else targets[::-1]:
                target.slices.setdefault(kind, []).append(target.load(kind, extent.seconds))
        for target in targets:
            if target.name.startswith("service"):
                target.slices.setdefault("summary", []).append(target.load("summary", extent.seconds / 2, 1))
        say(f"round {number + 1} of {extent.rounds}")


def export(target: Target, repeats: int) -> tuple[float, float] | None:
    """CSV of 100 000 rows: rows a second, and MiB above idle at the most. None while the service has no CSV."""
    path = f"/v1/territories/{target.setting.exported}/time-entries?format=csv"
    request = message("GET", path, target.setting.reader, Connection="close")
    rates, peaks = [], []
    with httpx2.Client(base_url=f"http://127.0.0.1:{target.port}", trust_env=False, timeout=60) as http:
        answer = http.get(path, headers={"Authorization": f"Bearer {target.setting.reader}"})
        if answer.headers["content-type"].partition(";")[0] != "text/csv":
            return None
        assert len(answer.text.splitlines()) == filling.EXPORTED + 1, "a header, and a line for each entry"
    for _ in range(repeats):
        idle = memory_kib(target.pid, "VmRSS")
        forget_peak(target.pid)
        seconds = download(target.port, request)
        rates.append(filling.EXPORTED / seconds)
        peaks.append((memory_kib(target.pid, "VmHWM") - idle) / MIB)
    return statistics.median(rates), max(peaks)


def starts(home: Path, repeats: int) -> tuple[float, float]:
    """Seconds from the command to the first 200: of the first start (with initdb and demonstration), of a later one."""
    took = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        with serving(home, "start.log", REBOND_DATA_DIR=str(home / "data")) as (port, _):
            ready(port)
            took.append(time.perf_counter() - began)
    return took[0], statistics.median(took[1:])


def ratio(real: Target, other: Target, kind: str, of: Callable[[Slice], float]) -> float:
    """The median over the rounds of what the one shows beside the other in the same round."""
    pairs = zip(real.slices[kind], other.slices[kind], strict=True)
    return statistics.median(of(mine) / of(its) for mine, its in pairs)


def rate(each: Slice) -> float:
    return each.rate


def cpu(each: Slice) -> float:
    return each.cpu_us


def report(
    targets: list[Target], counts: list[int], more: dict[str, float | None], scenarios: list[dict[str, float]]
) -> None:
    """The table for people, and the one line for machines."""
    small, small_bare, large, large_bare = targets
    medians = {
        (target.name, kind): (statistics.median(map(rate, slices)), statistics.median(map(cpu, slices)))
        for target in targets
        for kind, slices in target.slices.items()
    }
    growth = {kind: ratio(small, large, kind, rate) for kind in ("list", "object", "post", "award", "summary")}
    print(f"\n{'':10}{'entries':>10}{'service/s':>11}{'bare/s':>9}{'ratio':>7}{'CPU µs':>9}{'bare':>7}{'grows':>8}")
    for kind in ("list", "object", "post", "award"):
        for count, real, its in ((counts[0], small, small_bare), (counts[1], large, large_bare)):
            (mine, mine_cpu), (bares, bares_cpu) = medians[real.name, kind], medians[its.name, kind]
            line = f"{kind:10}{count:>10}{mine:>11.0f}{bares:>9.0f}{ratio(real, its, kind, rate):>7.2f}"
            line += f"{mine_cpu:>9.0f}{bares_cpu:>7.0f}"
            print(line + (f"{growth[kind]:>8.2f}" if real is large else ""))
    for count, real in ((counts[0], small), (counts[1], large)):
        line = f"{'summary':10}{count:>10}{medians[real.name, 'summary'][0]:>11.0f}{'':32}"
        print(line + (f"{growth['summary']:>8.2f}" if real is large else ""))
    for scenario, (few, many) in {name: [found[name] for found in scenarios] for name in scenarios[0]}.items():
        print(f"{scenario:40}{few:>8.1f} ms among {counts[0]} entries,{many:>8.1f} ms among {counts[1]}")
    csv = more["csv_rows_per_s"]
    if csv is None:
        print("csv       the service has no CSV of this list")
    else:
        print(f"csv       {csv:.0f} rows/s, at most {more['csv_mib_above_idle']:.1f} MiB above idle")
    print(f"start     {more['start_s']:.2f} s; the first with initdb and demonstration {more['first_start_s']:.2f} s\n")
    figures = {
        "list_ratio": ratio(small, small_bare, "list", rate),
        "get_ratio": ratio(small, small_bare, "object", rate),
        "post_ratio": ratio(small, small_bare, "post", rate),
        "growth_ratio": max(growth[kind] for kind in ("list", "object", "post")),
        "csv_rows_per_s": csv,
        "csv_mib_above_idle": more["csv_mib_above_idle"],
        "summary_ms": 1000 / medians[large.name, "summary"][0],
        "start_s": more["start_s"],
    }
    print(json.dumps({name: None if value is None else round(value, 3) for name, value in figures.items()}))


def main() -> None:
    """The whole bench, in a scratch directory that is removed at the end."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the entries, about a minute")
    parser.add_argument("--rounds", type=int, help="more or fewer rounds than usual")
    options = parser.parse_args()
    extent = QUICK if options.quick else FULL
    if options.rounds:
        extent = Extent(extent.days, options.rounds, extent.seconds, extent.repeats)
    home = Path(tempfile.mkdtemp(prefix="rebond-bench-"))
    home.chmod(0o711)  # as root the server runs as another account, which must reach it
    try:
        (home / "start").mkdir(mode=0o711)
        first, later = starts(home / "start", extent.repeats)
        say(f"start: {first:.2f} s the first, {later:.2f} s a later one")
        with postgres.running(home / "data") as bundled, contextlib.ExitStack() as stack:
            targets, counts = [], []
            for name, count, setting in databases(home, bundled, extent):
                counts.append(count)
                entries = asyncio.run(filling.sample(bundled.plain(name), setting, 10_000))
                numbers = itertools.count()
                for kind, runs in (
                    ("service", serving(home, "service.log", DATABASE_URL=bundled.dsn(name))),
                    ("bare", bare(home, bundled.plain(name))),
                ):
                    port, pid = stack.enter_context(runs)
                    targets.append(Target(f"{kind}-{name}", port, pid, setting, entries, numbers))
            for real, its in (targets[:2], targets[2:]):
                ready(real.port)
                asyncio.run(compare(real, its))
            csv = export(targets[2], extent.repeats)
            for target in targets:  # connections opened, statements prepared, caches warm
                for kind in ("list", "object", "post", "award"):
                    target.load(kind, extent.seconds)
            for name in ("bench_1", "bench_10"):
                asyncio.run(filling.count_again(bundled.plain(name)))
            rounds(targets, extent)
            scenarios = []
            for name in ("bench_1", "bench_10"):
                place = bundled.dsn(name), bundled.plain(name), extent.repeats
                scenarios.append(asyncio.run(days.measure(*place)) | asyncio.run(conditions.measure(*place)))
                balanced(bundled.dsn(name))
                scenarios[-1] |= asyncio.run(decisions.measure(*place))  # whose bare rows are in no balance
            say("after the load no balance differs")
        rows, mib = csv or (None, None)
        more = {"csv_rows_per_s": rows, "csv_mib_above_idle": mib, "start_s": later, "first_start_s": first}
        report(targets, counts, more, scenarios)
    except BaseException:
        for log in home.glob("*.log"):
            print(f"{log.name}:", *log.read_text().splitlines()[-20:], sep="\n  ", file=sys.stderr)
        raise
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
