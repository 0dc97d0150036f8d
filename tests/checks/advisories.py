"""`python -m tests.checks.advisories`: known weaknesses of what is installed by the locks, as advisories name them.

It asks the service that `pip-audit` asks. Where none answers, or none knows these packages (a mirror that has no
advisories finds nothing in silence), it says so, and that is no failure. A weakness that has a line in
docs/known-weaknesses.md may wait for as many days as its severity allows.
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "known-weaknesses.md"
LOCKS = ("requirements.lock",)  # which has every pin of the others (tests/checks/test_container.py)
SECONDS = 120


def waiting(page: str) -> dict[str, date]:
    """The advisories that wait, each with the last day on which it may."""
    days = {word: int(number) for word, number in re.findall(r"^\| (\w+) \| (\d+) \|", page, re.MULTILINE)}
    rows = re.findall(
        r"^\| ([\w-]+) \| [\w.-]+ \| (\w+) \| (\d{4}-\d\d-\d\d) \| \S.* \|$",
        page.partition("## Those that wait")[2], re.MULTILINE,
    )  # fmt: skip
    return {advisory: date.fromisoformat(day) + timedelta(days[severity]) for advisory, severity, day in rows}


def verdict(report: str, may_wait: Mapping[str, date], today: date) -> tuple[str, bool]:
    """What a report of pip-audit says, in one line for each weakness, and whether that is a failure."""
    try:
        packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return "skipped: advisories about dependencies (no service answers)", False
    audited = [package for package in packages if "skip_reason" not in package]
    if not audited:
        return f"skipped: advisories about dependencies (none is known of {len(packages)} packages)", False
    weak, failed = [], False
    found = [(package, each) for package in audited for each in package.get("vulns", [])]
    for package, each in found:
        until = may_wait.get(each["id"])
        late = until is None or until < today
        failed |= late
        weak.append(
            f"{package['name']} {package['version']}: {each['id']} {' '.join(each.get('aliases', []))},"
            f" mended in {', '.join(each.get('fix_versions', [])) or 'no version'}"
            + ("" if until is None else f"; it had to be mended by {until}" if late else f"; it may wait until {until}")
        )
    gone = may_wait.keys() - {each["id"] for _, each in found}
    weak += [f"{advisory} is not found any more: take its line away" for advisory in sorted(gone)]
    left_out = f", {len(packages) - len(audited)} are not known there" if len(audited) < len(packages) else ""
    return "\n".join(weak) or f"no advisory about {len(audited)} packages{left_out}", failed or bool(gone)


def main() -> int:
    """Ask, say, and fail where a weakness is known."""
    failed, today = False, datetime.now(UTC).date()
    for lock in LOCKS:
        command = [
            sys.executable, "-m", "pip_audit", "--requirement", lock, "--require-hashes", "--disable-pip",
            "--format", "json", "--progress-spinner", "off",
        ]  # fmt: skip
        try:
            told = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False
            ).stdout
        except subprocess.TimeoutExpired:
            told = ""
        words, bad = verdict(told, waiting(PAGE.read_text()), today)
        failed |= bad
        print(f"{lock}: {words}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
