"""The aid that one decision gives one firm: how an act holds it, and tells its awards.

An act locks the aid, its lines where it certifies, the grant, the advance, then what is paid or claimed of them, the
project, the firm, and the accounts last (docs/locking.md).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select, text, union_all

from app.awards.kinds import KINDS, AwardKind, in_lock_order
from app.awards.models import STANDS, Aid, AidAct, AidActRecord, AidLine
from app.core.db import touch
from app.core.problems import NotFound
from app.core.writing.writes import Change, Write


@dataclass
class Held:
    """An aid that is held, with its grant and its advance: those that stand, and the one that was asked for."""

    aid: Aid
    grant: Any | None
    advance: Any | None
    kind: AwardKind
    award: Any
    lines: list[AidLine]

    def awards(self) -> Iterator[tuple[AwardKind, Any]]:
        """The awards held: first the one that was asked for."""
        yield self.kind, self.award
        for name, award in (("grant", self.grant), ("advance", self.advance)):
            if award is not None and award is not self.award:
                yield KINDS[name], award

    def told(self, act: str) -> list[Change]:
        """An act on the whole aid, as it is told of each of its awards: each has a new version."""
        for _, award in self.awards():
            touch(award)
        return [kind.change(act, award) for kind, award in self.awards()]

    def record(
        self, write: Write, act: AidAct, on: date, *, reason: str | None = None, document_sha256: str | None = None,
        award: Any = None, from_siren: str | None = None,
    ) -> None:  # fmt: skip
        """Write the act down: of one award where it is given, else of the whole aid. `from_siren` held it before."""
        write.session.add(
            AidActRecord(
                territory=self.aid.territory,
                aid_id=self.aid.id,
                grant_id=self.grant.id if self.grant is not None and award is self.grant else None,
                advance_id=self.advance.id if self.advance is not None and award is self.advance else None,
                act=act,
                on_day=on,
                actor_id=write.actor.subject_id,
                reason=reason,
                document_sha256=document_sha256,
                from_siren=from_siren,
                to_siren=None if from_siren is None else self.aid.siren,
            )
        )


async def hold(
    write: Write, territory: str, award_id: UUID, kind: AwardKind | None = None, *, lines: bool = False
) -> Held:
    """The aid of an award, held: the aid, its lines where they are asked for, its grant, its advance.

    With `kind` the award is one of this instrument. Raises `NotFound`.
    """
    kinds = [kind] if kind is not None else in_lock_order()
    named = [
        select(each.table.aid_id).where(each.table.id == award_id, each.table.territory == territory) for each in kinds
    ]
    aid = await write.lock(Aid, Aid.id == union_all(*named).scalar_subquery())
    return await _held(write, aid, award_id, kinds, lines=lines)


async def hold_aid(write: Write, territory: str, aid_id: UUID) -> Held:
    """An aid that stands, held with its awards as by `hold`. Raises `NotFound`."""
    aid = await write.lock(Aid, Aid.id == aid_id, Aid.territory == territory)
    return await _held(write, aid, None, in_lock_order(), lines=False)


async def _held(write: Write, aid: Aid, award_id: UUID | None, kinds: list[AwardKind], *, lines: bool) -> Held:
    held_lines: list[AidLine] = []
    if lines:
        of_it = select(AidLine).where(AidLine.aid_id == aid.id).order_by(AidLine.id)
        held_lines = list(await write.session.scalars(of_it.with_for_update(key_share=True)))
    found: dict[str, Any] = {}
    asked: tuple[AwardKind, Any] | None = None
    for each in in_lock_order():
        name, table = each.resource, each.table
        standing = select(table).where(table.aid_id == aid.id, or_(table.id == award_id, text(STANDS)))
        for award in await write.session.scalars(standing.order_by(table.id).with_for_update(key_share=True)):
            if award.id == award_id and each in kinds:
                found[name] = award
                asked = each, award
            else:
                found.setdefault(name, award)
            if award_id is None and asked is None:
                asked = each, award
    if asked is None:
        raise NotFound
    return Held(aid, found.get("grant"), found.get("advance"), *asked, held_lines)
