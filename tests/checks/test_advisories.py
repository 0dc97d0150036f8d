"""What `make check` makes of a report of pip-audit: silence is told as such, never as safety."""

import json
from typing import Any

import pytest

from tests.checks.advisories import verdict

KNOWN: dict[str, Any] = {"name": "alembic", "version": "1.20.1", "vulns": []}
WEAK = {
    "name": "pypdf",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-2023-1"], "fix_versions": ["1.1"], "description": "…"}],
}
SKIPPED = {"name": "asyncpg", "skip_reason": "Dependency not found"}


@pytest.mark.parametrize(
    ("packages", "words", "failed"),
    [
        ([KNOWN], "no advisory about 1 packages", False),
        ([KNOWN, SKIPPED], "no advisory about 1 packages, 1 are not known there", False),
        ([KNOWN, WEAK], "pypdf 1.0: PYSEC-1 CVE-2023-1, mended in 1.1", True),
        ([SKIPPED, SKIPPED], "skipped: advisories about dependencies (none is known of 2 packages)", False),
        (None, "skipped: advisories about dependencies (no service answers)", False),
    ],
)
def test_a_report_is_told_in_a_line(packages: list[Any] | None, words: str, failed: bool) -> None:
    report = "ERROR: no connection" if packages is None else json.dumps({"dependencies": packages, "fixes": []})
    assert verdict(report) == (words, failed)
