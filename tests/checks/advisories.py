"""`python -m tests.checks.advisories`: known weaknesses of what is installed by the locks, as advisories name them.

It asks the service that `pip-audit` asks. Where none answers, or none knows these packages (a mirror that has no
advisories finds nothing in silence), it says so, and that is no failure.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LOCKS = ("requirements.lock",)  # which has every pin of the others (tests/checks/test_container.py)
SECONDS = 120


def verdict(report: str) -> tuple[str, bool]:
    """What a report of pip-audit says, in one line for each weakness, and whether that is a failure."""
    try:
        packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return "skipped: advisories about dependencies (no service answers)", False
    audited = [package for package in packages if "skip_reason" not in package]
    if not audited:
        return f"skipped: advisories about dependencies (none is known of {len(packages)} packages)", False
    weak = [
        f"{package['name']} {package['version']}: {each['id']} {' '.join(each.get('aliases', []))},"
        f" mended in {', '.join(each.get('fix_versions', [])) or 'no version'}"
        for package in audited
        for each in package.get("vulns", [])
    ]
    left_out = f", {len(packages) - len(audited)} are not known there" if len(audited) < len(packages) else ""
    return "\n".join(weak) or f"no advisory about {len(audited)} packages{left_out}", bool(weak)


def main() -> int:
    """Ask, say, and fail where a weakness is known."""
    failed = False
    for lock in LOCKS:
        command = [
            sys.executable, "-m", "pip_audit", "--requirement", lock, "--require-hashes", "--disable-pip",
            "--format", "json", "--progress-spinner", "off",
        ]  # fmt: skip
        try:
            told = subprocess.run(
                command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=SECONDS, check=False
            ).stdout
        except subprocess.TimeoutExpired:
            told = ""
        words, bad = verdict(told)
        failed |= bad
        print(f"{lock}: {words}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
