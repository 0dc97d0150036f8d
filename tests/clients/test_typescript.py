"""Types that are generated from the OpenAPI document compile with openapi-fetch, and call the real service."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.processes import Service

OPENAPI = Path(__file__).parents[2] / "openapi"
PROGRAMS = OPENAPI / "node_modules" / ".bin"
STRICT = ["--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes", "--target", "es2022"]
STEPS = [
    "list", "next page", "create", "create again", "update", "stale update", "problem", "problem of a field",
    "a sum beyond 32 bits", "export", "feed",
]  # fmt: skip


def run(program: Path | str, *arguments: str, place: Path, **environment: str) -> str:
    done = subprocess.run(
        [program, *arguments], cwd=place, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(not (PROGRAMS / "tsc").exists(), reason="what openapi/package-lock.json names is not installed")
def test_a_front_end_calls_the_service_by_the_generated_types(service: Service, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(OPENAPI / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copy(Path(__file__).with_name("tour.ts"), tmp_path)
    document = str(OPENAPI / "openapi.json")
    config = str(OPENAPI / "redocly.yaml")
    run(PROGRAMS / "openapi-typescript", document, "--redocly", config, "--output", "rebond.ts", place=tmp_path)
    run(PROGRAMS / "tsc", *STRICT, "--module", "nodenext", "tour.ts", "rebond.ts", place=tmp_path)
    keys = {"LEAD": service.keys["lead"], "AUDITOR": service.keys["auditor"]}
    assert run("node", "tour.js", place=tmp_path, BASE=service.base, **keys).splitlines() == STEPS
