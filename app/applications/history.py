"""The history of one aid file while it is written: the acts that stand, those that are added, and what they come to."""

from datetime import date
from typing import Any, Self

from sqlalchemy import select

from app.applications import rules
from app.applications.models import Application, ApplicationPassage
from app.applications.rules import ApplicationAct, ApplicationState, Life
from app.core.db import touch
from app.core.writing.writes import Write, put
from app.schemes.queries import load_parameters


class History:
    """The acts of a file that is held, in the order in which they were recorded."""

    def __init__(self, write: Write, file: Application, passages: list[ApplicationPassage]) -> None:
        self._write = write
        self._file = file
        self._passages = passages

    @classmethod
    async def of(cls, write: Write, file: Application) -> Self:
        """The acts of the file as they are recorded."""
        p = ApplicationPassage
        return cls(
            write,
            file,
            list(await write.session.scalars(select(p).where(p.application_id == file.id).order_by(p.number))),
        )

    @property
    def life(self) -> Life:
        """What the acts come to, those added included."""
        return rules.replay(self._passages)

    def add(self, act: ApplicationAct, to: ApplicationState, on: date, **members: Any) -> int:
        """Add an act of the caller's; its number."""
        last = self._passages[-1] if self._passages else None
        number = last.number + 1 if last is not None else 1
        self._passages.append(
            ApplicationPassage(
                application_id=self._file.id,
                territory=self._file.territory,
                number=number,
                previous_number=last.number if last is not None else None,
                act=act,
                from_state=last.to_state if last is not None else ApplicationState.DRAFT,
                to_state=to,
                effective_on=on,
                recorded_by=self._write.actor.subject_id,
                recorded_at=self._write.now,
                **members,
            )
        )
        return number

    async def write_down(self, **more: Any) -> None:
        """Record the acts that were added, and put onto the file what all of them come to, and `more`.

        Raises `parameter-not-in-force` (409).
        """
        life, last = self.life, self._passages[-1]
        put(self._file, await come_to(self._write, self._file.scheme, life) | {"passage_number": last.number} | more)
        touch(self._file)
        self._write.session.add_all(self._passages)
        await self._write.session.flush()


async def come_to(write: Write, scheme: str, life: Life) -> dict[str, Any]:
    """The columns of a file that follow from its acts."""
    assert life.received_on is not None  # a draft has no acts
    clock_ends = rules.ends(life, await load_parameters(write.session, scheme, life.received_on))
    return rules.columns(life, clock_ends)
