"""What every step of the demonstration needs: its people, and how one of them does something."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select

from app.access.rules import Actor
from app.core.db import SessionFactory
from app.core.writing.writes import Work, WritingSubject


@dataclass(frozen=True)
class Story:
    """`run` does a work as an actor, in a transaction of its own; `actor` is the person with a key, such as
    `funder` or `second_funder`.
    """

    factory: SessionFactory
    run: Callable[[WritingSubject, Work], Awaitable[None]]
    actor: Callable[[str], Actor]
    mission_id: UUID

    async def scalars(self, query: Select[Any]) -> list[Any]:
        """The rows of a query with one column."""
        async with self.factory() as session:
            return list(await session.scalars(query))
