"""Rows a second of an import, created and unchanged, and the memory that it takes.

`python -m tests.bench.imports [ROWS]` sends a CSV of synthetic firms (50 000 unless said otherwise) through
`rebond import` on a scratch PostgreSQL, twice: the second run changes nothing. The time is the command's whole, the
memory the most that its process held.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from app.core.values import siren_from

ROWS = 50_000


def file_of(path: Path, rows: int) -> None:
    """Firms as an office writes them: semicolons, accents, Windows-1252."""
    with path.open("w", encoding="cp1252", newline="\r\n") as out:
        out.write("SIREN;Raison sociale;Code APE;Nature juridique\n")
        out.writelines(
            f"{siren_from(30_000_000 + n)};Société mécanique n° {n} (synthétique);25.62B;5710\n" for n in range(rows)
        )


def measure(home: Path, rows: int) -> list[dict[str, Any]]:
    """The figures of both runs."""
    content = home / "firms.csv"
    file_of(content, rows)
    environment = {**os.environ, "REBOND_DATA_DIR": str(home / "data")}
    command = [sys.executable, "-m", "app.cli", "import", "firms", str(content)]
    subprocess.run([*command[:3], "migrate"], env=environment, check=True, capture_output=True)
    found = []
    for run in ("created", "unchanged"):
        started = time.perf_counter()
        said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
        took = time.perf_counter() - started
        assert f"{rows} {run}" in said, said
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        found.append({"run": run, "rows_per_s": round(rows / took), "seconds": round(took, 1), "peak_mib": round(peak)})
    return found


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="rebond-bench-"))
    home.chmod(0o711)
    try:
        for row in measure(home, int(sys.argv[1]) if len(sys.argv) > 1 else ROWS):
            print(json.dumps(row))
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
