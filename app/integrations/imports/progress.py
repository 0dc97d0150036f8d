"""How far an import has come, and what was found wrong on the way."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core.writing.importing import LineFault, Outcome

KEPT_PROBLEMS = 10_000  # faults of one file that are kept; all are counted


@dataclass
class ImportProgress:
    """How far an import has come, in lines; what was found wrong. `bytes_read` is a share, `whole` that all is read.

    `passed` are the lines that were written or found to be so already.
    """

    bytes_read: float = 0.0
    whole: bool = False
    read: int = 0
    checked: int = 0
    passed: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    same: int = 0  # lines that repeat an object by its id, and are not written at all
    blocking: int = 0
    advisory: int = 0
    faults: list[LineFault] = field(default_factory=list)
    # Of what is written by parts, what was found wrong with the parts themselves: since the last commit, and in all.
    pending: list[LineFault] = field(default_factory=list)
    of_parts: Counter[bool] = field(default_factory=Counter)

    @classmethod
    def resumed(cls, row: Any) -> "ImportProgress":
        """What an import that is written by parts has reached."""
        blocking, advisory = row["blocking_problems"], row["advisory_problems"]
        created, updated, unchanged = row["rows_created"], row["rows_updated"], row["rows_unchanged"]
        return cls(
            passed=created + updated + unchanged, created=created, updated=updated, unchanged=unchanged,
            blocking=blocking, advisory=advisory,
            of_parts=Counter({False: blocking, True: advisory}),
        )  # fmt: skip

    @property
    def written(self) -> int:
        """The lines that made or changed an object."""
        return self.created + self.updated

    @property
    def share(self) -> float:
        """The share that is done, from 0 to 1: a fifth each for reading and checking, the rest for writing."""
        rows = max(self.read, 1)
        done = 0.2 + 0.2 * self.checked / rows + 0.6 * self.passed / rows if self.whole else 0.2 * self.bytes_read
        return min(done, 1.0)

    def note(self, faults: Sequence[LineFault]) -> None:
        for fault in faults:
            if fault.advisory:
                self.advisory += 1
            else:
                self.blocking += 1
        self.faults.extend(faults[: max(KEPT_PROBLEMS - len(self.faults), 0)])

    def note_of_part(self, faults: Sequence[LineFault]) -> None:
        for fault in faults:
            self.advisory += fault.advisory
            self.blocking += not fault.advisory
            self.of_parts[fault.advisory] += 1
            if self.of_parts.total() <= KEPT_PROBLEMS:
                self.pending.append(fault)

    def count(self, outcome: Outcome, lines: int) -> None:
        self.passed += lines
        self.created += outcome.created
        self.updated += outcome.updated
        self.unchanged += outcome.unchanged
