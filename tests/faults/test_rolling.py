"""A restart of one instance after the other behind nginx, as `deploy/` has it, at 200 requests a second.

nginx and OpenSSL are the distribution's packages; the test is skipped where they are absent.
"""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.deployed import but_for, free_port, program
from tests.processes import Home, eventually, loaded_home
from tests.world import ok

NGINX, OPENSSL = program("nginx"), program("openssl")
CALLERS, A_SECOND = 8, 200


@pytest.mark.skipif(NGINX is None or OPENSSL is None, reason="no nginx here (apt-get install nginx-light openssl)")
def test_a_rolling_restart_behind_nginx_loses_no_request() -> None:
    with loaded_home() as home, home.serving() as first:
        url = home.address()
        key = first.keys["operator"]
        with contextlib.ExitStack() as stack:
            ports = [free_port(), free_port()]
            running = [stack.enter_context(_instance(home, port, url)) for port in ports]
            place = stack.enter_context(_proxy(home.path / "nginx", ports))
            with _asking(place, key) as (answers, written):
                for turn in (0, 1):
                    running[turn].send_signal(signal.SIGTERM)
                    assert running[turn].wait(timeout=60) == 0
                    running[turn] = stack.enter_context(_instance(home, ports[turn], url))
                    _wait_for(answers, A_SECOND)
            assert set(answers) == {200, 201}, (answers, (home.path / "nginx/log").read_text()[:3000])
        made = ok(first.ask("GET", "/v1/territories/ales/missions?limit=500", key), 200)["items"]
        assert sum(item["name"].startswith("Rolling") for item in made) == len(written)


def _wait_for(answers: Counter[int], more: int) -> None:
    enough = answers.total() + more
    assert eventually(lambda: answers.total() > enough)


@contextlib.contextmanager
def _instance(home: Home, port: int, url: str) -> Iterator[Any]:
    """One of two services of a database elsewhere, which answers."""
    with home.start(
        "serve", "--port", str(port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, DATABASE_URL=url,
        REBOND_DRAIN="2",
    ) as process:  # fmt: skip
        with httpx2.Client(trust_env=False, verify=False) as client:

            def answers() -> bool:
                with contextlib.suppress(httpx2.TransportError):
                    return client.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
                return False

            assert eventually(answers)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=60)


@contextlib.contextmanager
def _proxy(place: Path, ports: list[int]) -> Iterator[str]:
    place.mkdir()
    port = free_port()
    subprocess.run(
        [str(OPENSSL), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
         "-subj", "/CN=127.0.0.1", "-keyout", place / "key", "-out", place / "crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    changes = {
        "127.0.0.1:8001": f"127.0.0.1:{ports[0]}",
        "127.0.0.1:8002": f"127.0.0.1:{ports[1]}",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/ssl/rebond.crt": f"{place}/crt",
        "/etc/ssl/rebond.key": f"{place}/key",
    }
    account = "user root;" if os.geteuid() == 0 else ""
    temporary = "".join(
        f"{kind}_temp_path {place}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (place / "nginx.conf").write_text(
        f"{account} daemon off; pid {place}/pid; error_log {place}/log warn; events {{ }}\n"
        f"http {{ access_log off; {temporary}\n{but_for('nginx.conf', changes)}\n}}\n"
    )
    with subprocess.Popen([str(NGINX), "-p", place, "-c", place / "nginx.conf", "-e", place / "log"]) as process:
        try:
            yield f"https://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait(timeout=20)


@contextlib.contextmanager
def _asking(base: str, key: str) -> Iterator[tuple[Counter[int], list[str]]]:
    """Reads, and one write in twenty, at an even pace; what was lost is counted as 0."""
    answers: Counter[int] = Counter()
    written: list[str] = []
    done = threading.Event()

    def ask(caller: int) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        with httpx2.Client(base_url=base, trust_env=False, verify=False, timeout=30, headers=headers) as client:
            due = time.monotonic()
            for turn in range(10**6):
                if done.is_set():
                    return
                due += CALLERS / A_SECOND
                time.sleep(max(0, due - time.monotonic()))
                try:
                    if turn % 20:
                        answer = client.get("/v1/territories/ales/engineering")
                    else:
                        body = {"name": f"Rolling {caller}-{turn}"}
                        once = {"Idempotency-Key": f"rolling-{caller}-{turn}-of-this-test"}
                        answer = client.post("/v1/territories/ales/missions", json=body, headers=once)
                        written.append(body["name"])
                    answers[answer.status_code] += 1
                except httpx2.TransportError:
                    answers[0] += 1

    with ThreadPoolExecutor(CALLERS) as pool:
        for caller in range(CALLERS):
            pool.submit(ask, caller)
        try:
            assert eventually(lambda: answers.total() > CALLERS)
            yield answers, written
        finally:
            done.set()
