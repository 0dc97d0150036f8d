"""The TypeScript package compiles into a front-end, which calls the real service."""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from app import __version__
from tests.clients.conftest import packed
from tests.processes import Service

OPENAPI = Path(__file__).parents[2] / "openapi"
PROGRAMS = OPENAPI / "node_modules" / ".bin"
STRICT = ["--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes", "--target", "es2022"]
STEPS = [
    "list", "next page", "every page", "create", "create again", "sent until it is answered", "update",
    "stale update", "problem", "problem of a field", "a sum beyond 32 bits", "export", "feed",
]  # fmt: skip


def run(program: Path | str, *arguments: str, place: Path, **environment: str) -> str:
    done = subprocess.run(
        [program, *arguments], cwd=place, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(not (PROGRAMS / "tsc").exists(), reason="what openapi/package-lock.json names is not installed")
def test_a_front_end_calls_the_service_by_the_package(service: Service, tmp_path: Path) -> None:
    (made,) = packed("typescript", tmp_path / "made")
    assert made.name == f"rebond-client-{__version__}.tgz"
    installed = tmp_path / "node_modules"
    installed.mkdir()
    (installed / "openapi-fetch").symlink_to(OPENAPI / "node_modules" / "openapi-fetch")
    (installed / "openapi-typescript-helpers").symlink_to(OPENAPI / "node_modules" / "openapi-typescript-helpers")
    with tarfile.open(made) as package:
        package.extractall(tmp_path, filter="data")
    (tmp_path / "package").rename(installed / "rebond-client")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copy(Path(__file__).with_name("tour.ts"), tmp_path)
    run(PROGRAMS / "tsc", *STRICT, "--module", "nodenext", "tour.ts", place=tmp_path)
    keys = {"LEAD": service.keys["lead"], "AUDITOR": service.keys["auditor"]}
    assert run("node", "tour.js", place=tmp_path, BASE=service.base, **keys).splitlines() == STEPS
