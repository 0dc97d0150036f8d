"""Each wall stands: import-linter refuses what its contract is there to refuse, and a package that has no place.

All of them are written into one copy of the tree, and linted there as the tree itself is by `make check`.
"""

import shutil
import sys
from pathlib import Path

import pytest
from importlinter.application import use_cases
from importlinter.application.ports.reporting import Report
from importlinter.configuration import configure

ROOT = Path(__file__).parents[2]

# Contracts by the first words of their names; (the module that imports, what it must not import).
BAD_IMPORTS = {
    "A domain imports": [
        ("app.access.gate", "app.programme.models"),
        ("app.grants.queries", "app.advances.models"),
        ("app.awards.rules", "app.reports.summary"),
    ],
    "Core stands": [
        ("app.core.values", "app.core.reading.query"),
        ("app.core.reading.query", "app.core.writing.events"),
        ("app.core.writing.events", "app.core.serving.logs"),
    ],
    "Core knows": [("app.core.clock", "app.bundled.postgres"), ("app.core.serving.pages", "app.firms.rules")],
    "The reader of files": [("app.reader.tables", "pydantic"), ("app.reader.csvs", "sqlalchemy")],
    "Rules are pure": [
        ("app.firms.rules", "sqlalchemy"),
        ("app.engineering.entries.rules", "fastapi"),
        ("app.engineering.follow_up.outlook", "starlette"),
        ("app.advances.schedule", "asyncpg"),
    ],
    "The rooms of": [
        ("app.engineering.entries.locks", "app.engineering.certificates.rules"),
        ("app.engineering.certificates.rules", "app.engineering.follow_up.outlook"),
    ],
}
UNPLACED = {
    "A domain imports": "app.nowhere",
    "Core stands": "app.core.nowhere",
    "The rooms of": "app.engineering.nowhere",
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    tree = tmp_path_factory.mktemp("walls")
    shutil.copytree(ROOT / "app", tree / "app", ignore=shutil.ignore_patterns("__pycache__"))
    for module, imported in (pair for pairs in BAD_IMPORTS.values() for pair in pairs):
        with (tree / module.replace(".", "/")).with_suffix(".py").open("a") as file:
            file.write(f"\nimport {imported}\n")
    for module in UNPLACED.values():
        place = tree / module.replace(".", "/")
        place.mkdir()
        (place / "__init__.py").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, "app")  # import-linter looks for the package by its name, and imports nothing
        patch.syspath_prepend(tree)
        configure()
        options = use_cases.read_user_options(str(ROOT / "pyproject.toml"))
        use_cases._register_contract_types(options)
        return use_cases.create_report(options, cache_dir=None)


def test_every_contract_is_tried(report: Report) -> None:
    names = [contract.name for contract, _ in report.get_contracts_and_checks()]
    assert sorted(names) == sorted(name for name in names for tried in BAD_IMPORTS if name.startswith(tried))
    assert len(names) == len(BAD_IMPORTS)


@pytest.mark.parametrize("wall", BAD_IMPORTS)
def test_a_wall_refuses_what_it_is_there_to_refuse(report: Report, wall: str) -> None:
    [check] = [check for contract, check in report.get_contracts_and_checks() if contract.name.startswith(wall)]
    assert not check.kept
    told = str(check.metadata)
    for importer, imported in BAD_IMPORTS[wall]:
        assert f"'importer': '{importer}', 'imported': '{imported}'" in told
    assert check.metadata.get("undeclared_modules", set()) == ({UNPLACED[wall]} if wall in UNPLACED else set())
