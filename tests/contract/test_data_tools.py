"""The README's lines for data tools keep the zeros of a SIREN; those that are not installed are skipped."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.world import World, ok

README = (Path(__file__).parents[2] / "README.md").read_text()
BLOCK = next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "describedby" in block)


@pytest.mark.parametrize("tool", ["pandas", "polars", "duckdb"])
async def test_a_siren_keeps_its_zeros(world: World, tmp_path: Path, monkeypatch: Any, tool: str) -> None:
    module = pytest.importorskip(tool)
    monkeypatch.chdir(tmp_path)
    siren = "000300103"
    ok(await world.operator.put(f"/v1/firms/{siren}", {"name": "Ancienne"}))
    answer = await world.operator.get(f"/v1/firms?format=csv&siren={siren}")
    (tmp_path / "firms.csv").write_bytes(answer.content)
    schema = ok(await world.operator.get(answer.links["describedby"]["url"]))
    texts = next(line for line in BLOCK.splitlines() if line.startswith("texts = "))
    line = next(line for line in BLOCK.splitlines() if line.startswith(f"{tool}."))
    known: dict[str, Any] = {"fields": schema["fields"], tool: module}
    exec(texts, known)  # the README's own lines
    found = eval(line, known)
    values = found.fetchall()[0] if tool == "duckdb" else found["siren"].to_list()
    assert siren in values
