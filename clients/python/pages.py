"""Every object of a collection."""

from collections.abc import Iterator
from typing import Any


class Refused(Exception):
    """The service refuses; `problem` says what and why, and None that it was no answer of Rebond."""

    def __init__(self, problem: Any, status: int) -> None:
        super().__init__(f"{problem.type_}: {problem.detail}" if problem is not None else f"status {status}")
        self.problem, self.status = problem, status


def every(operation: Any, *path: Any, client: Any, **query: Any) -> Iterator[Any]:
    """The objects of a collection one after the other, page by page: `every(list_firms, "ales", client=client)`.

    `operation` is the module of the operation. Raises `Refused`.
    """
    while True:
        answer = operation.sync_detailed(*path, client=client, **query)
        if answer.status_code != 200 or answer.parsed is None:
            raise Refused(answer.parsed, int(answer.status_code))
        yield from answer.parsed.items
        if not answer.parsed.next_cursor:
            return
        query["cursor"] = answer.parsed.next_cursor
