"""What `make check` makes of a report of pip-audit: silence is told as such, never as safety."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.checks.advisories import PAGE, verdict, waiting

TODAY = date(2026, 12, 1)
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
    assert verdict(report, {}, TODAY) == (words, failed)


def test_a_weakness_waits_for_the_days_of_its_severity() -> None:
    days = "| critical | 7 | a |\n| other | 90 | b |\n"
    line = "| PYSEC-1 | pypdf | critical | 2026-11-24 | PDFs are not read |\n"
    may_wait = waiting(f"{days}## Those that wait\n{line}")
    assert may_wait == {"PYSEC-1": TODAY}
    report = json.dumps({"dependencies": [WEAK]})
    told = "pypdf 1.0: PYSEC-1 CVE-2023-1, mended in 1.1"
    assert verdict(report, may_wait, TODAY) == (f"{told}; it may wait until 2026-12-01", False)
    assert verdict(report, may_wait, date(2026, 12, 2)) == (f"{told}; it had to be mended by 2026-12-01", True)
    mended = json.dumps({"dependencies": [KNOWN]})
    assert verdict(mended, may_wait, TODAY) == ("PYSEC-1 is not found any more: take its line away", True)


def test_nothing_waits_beyond_its_days() -> None:
    """Also where no service answers: each line of the page is read, and is not late."""
    page = PAGE.read_text()
    may_wait = waiting(page)
    lines = page.partition("## Those that wait")[2].strip().splitlines()
    assert len([line for line in lines if line.startswith("|")]) == 2 + len(may_wait)
    assert [advisory for advisory, until in may_wait.items() if until < datetime.now(UTC).date()] == []
