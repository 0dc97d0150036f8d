"""Which keys the lines of a file have had so far, in a few MiB of memory however many there are."""

import sqlite3
from collections.abc import Sequence
from hashlib import blake2b


class SeenKeys:
    """Keys, each with the line that had it first.

    SQLite keeps its table in a file that has no name and is gone with the connection; two MiB of it are in memory.
    """

    def __init__(self) -> None:
        # One thread at a time asks, whichever it is.
        self._base = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._base.execute("PRAGMA journal_mode = OFF")
        self._base.execute("CREATE TABLE seen (key BLOB PRIMARY KEY, line INTEGER NOT NULL) WITHOUT ROWID")
        self._base.execute("BEGIN")

    def setdefault(self, key: Sequence[str], line: int) -> int:
        """The line that had the key first: this one, where none before it had."""
        digest = blake2b(
            "\0".join(f"{len(part)}:{part}" for part in key).encode("utf-8", "surrogatepass"), digest_size=16
        )
        told = self._base.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (digest.digest(), line))
        if told.rowcount:
            return line
        found: int = self._base.execute("SELECT line FROM seen WHERE key = ?", (digest.digest(),)).fetchone()[0]
        return found

    def close(self) -> None:
        """Forget all."""
        self._base.close()
