"""A headless browser: a front-end of another origin, and the page /docs."""

import functools
import html
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.deployed import program
from tests.processes import Service, loaded_home

BROWSER = program("chromium-headless-shell") or program("chromium")
STEPS = [
    "list", "filter", "next page", "create", "a version that a page may read", "edit", "edit with a stale version",
    "a problem in French", "the name of a file", "a workbook", "the burn-down as a picture",
]  # fmt: skip
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium (apt-get install chromium-headless-shell)")


class Quiet(SimpleHTTPRequestHandler):
    """Files of a front-end."""

    def log_message(self, format: str, *_: Any) -> None:  # noqa: A002  # its name there
        pass


@pytest.fixture(scope="module")
def front_end() -> Iterator[str]:
    """Where the front-end is served: an origin of its own."""
    files = functools.partial(Quiet, directory=Path(__file__).with_name("front_end"))
    with ThreadingHTTPServer(("127.0.0.1", 0), files) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


@pytest.fixture(scope="module")
def service(front_end: str) -> Iterator[Service]:
    with loaded_home() as home, home.serving(REBOND_CORS_ORIGINS=front_end) as running:
        yield running


def looked_at(address: str, place: Path) -> str:
    """The page when nothing more happens in it."""
    assert BROWSER is not None
    words = ["--no-sandbox", "--disable-gpu", f"--user-data-dir={place}", "--virtual-time-budget=60000", "--dump-dom"]
    done = subprocess.run([BROWSER, *words, address], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


def test_a_front_end_of_another_origin_does_its_work(service: Service, front_end: str, tmp_path: Path) -> None:
    behind = urlencode({"base": service.base, **service.keys})
    page = looked_at(f"{front_end}/index.html#{behind}", tmp_path)
    assert [html.unescape(line) for line in re.findall("<li>(.*?)</li>", page)] == STEPS


def test_the_documentation_is_grouped_closed_and_offers_roles(service: Service, tmp_path: Path) -> None:
    address = service.home.said("demo", "--docs").strip()
    assert address.startswith("http://127.0.0.1:8000/docs#demo:")
    page = looked_at(address.replace("http://127.0.0.1:8000", service.base), tmp_path)
    assert page.count('<details class="group">') == page.count('class="group"') > 10, "all of them closed"
    assert 'class="operation"' not in page
    roles = dict(re.findall(r'<option value="(rbd_[^"]*)">([^<]*)</option>', page))
    assert {key: role.replace(" ", "_") for key, role in roles.items()} == {k: r for r, k in service.keys.items()}
    assert service.keys["auditor"] not in page.replace(f'value="{service.keys["auditor"]}"', "")

    page = html.unescape(looked_at(f"{service.base}/docs#list_all_instalments", tmp_path))
    assert page.count('<details class="operation" open="">') == 1
    assert f'<pre class="curl">curl -s -H "Authorization: Bearer $KEY" {service.base}/v1/instalments</pre>' in page
    assert '<select name="late">' in page
    assert "<button>Send</button>" in page
