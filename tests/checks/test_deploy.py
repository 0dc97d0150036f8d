"""What is in `deploy/`, read by the programs it is for; where one is absent, its test is skipped with a word."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from ruamel.yaml import YAML

import app.main  # noqa: F401  # every figure
from app.core.command_ends import TIMED
from app.settings import Settings
from tests.deployed import DEPLOY, program

RULES = DEPLOY / "prometheus/rebond.rules.yml"


def present(name: str) -> str:
    found = program(name)
    if found is None:
        pytest.skip(f"no {name} here")
    return found


def accepted(*command: str, cwd: Path = DEPLOY) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def rules() -> list[dict[str, Any]]:
    return [rule for group in YAML(typ="safe").load(RULES.read_text())["groups"] for rule in group["rules"]]


def figures() -> set[str]:
    """The names of all figures, as Prometheus keeps them."""
    families = list(REGISTRY.collect())
    kinds = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}
    return {f"{family.name}{end}" for family in families for end in kinds.get(family.type, ("",))}


def expressions() -> list[str]:
    board = json.loads((DEPLOY / "grafana/rebond.json").read_text())
    shown = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    return [*shown, *(rule["expr"] for rule in rules())]


def test_what_is_drawn_and_alerted_is_told() -> None:
    named = {name for text in expressions() for name in re.findall(r"\brebond_\w+", text)}
    assert len(named) > 8
    assert named - figures() == set()


def test_every_figure_of_ours_is_drawn() -> None:
    ours = {name for name in figures() if name.startswith("rebond_") and not name.endswith(("_sum", "_count"))}
    drawn = {name for text in expressions() for name in re.findall(r"\brebond_\w+", text)}
    assert ours - drawn == set()


def test_prometheus_takes_the_rules_and_each_fires_where_it_must() -> None:
    promtool = present("promtool")
    accepted(promtool, "check", "rules", RULES.name, cwd=RULES.parent)
    accepted(promtool, "test", "rules", "rebond.tests.yml", cwd=RULES.parent)


def test_every_alert_is_tried_quiet_and_firing() -> None:
    cases = [
        case
        for test in YAML(typ="safe").load(RULES.with_name("rebond.tests.yml").read_text())["tests"]
        for case in test["alert_rule_test"]
    ]
    for rule in rules():
        tried = [bool(case.get("exp_alerts")) for case in cases if case["alertname"] == rule["alert"]]
        assert sorted(tried) == [False, True], rule["alert"]


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    analyze = present("systemd-analyze")
    for unit in (DEPLOY / "systemd").iterdir():
        text = unit.read_text().replace("/opt/rebond/bin/rebond", shutil.which("true") or "/bin/true")
        (tmp_path / unit.name).write_text(text)
    timers = [str(path) for path in tmp_path.glob("*.timer")]
    made = [str(tmp_path / f"rebond@{command}.service") for command in TIMED]
    said = accepted(analyze, "verify", "--man=no", str(tmp_path / "rebond.service"), *made, *timers)
    assert said == ""


def test_every_command_that_the_metrics_watch_has_its_timer() -> None:
    timers = {path.stem.removeprefix("rebond-"): path.read_text() for path in DEPLOY.glob("systemd/*.timer")}
    assert timers.keys() == set(TIMED)
    for command, text in timers.items():
        assert f"Unit=rebond@{command}.service" in text
        assert "Europe/Paris" in text


def test_every_setting_that_a_file_names_is_one() -> None:
    texts = [path.read_text() for path in DEPLOY.rglob("*") if path.is_file()]
    named = {name for text in texts for name in re.findall(r"\bREBOND_([A-Z_]+)\b", text)}
    assert len(named) > 3
    assert {name.lower() for name in named} - Settings.model_fields.keys() == set()
