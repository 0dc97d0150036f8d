"""What the tables of acts have in common: said once in SQL, for each object whose state is its last act's.

`one` is the word for the object: its row is in `ones`, its acts are the rows of `one_passages` that have its `one_id`.
"""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import DDL, ForeignKey, ForeignKeyConstraint, UniqueConstraint, event
from sqlalchemy.orm import Mapped, declared_attr, mapped_column
from sqlalchemy.schema import SchemaItem

from app.core import clock
from app.core.db import Base, shape
from app.core.routines import append_only, keep


class PassageRow:
    """The columns of an act, in both times. `recorded_by` is null where the service acted."""

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    territory: Mapped[str]
    act: Mapped[str]
    from_state: Mapped[str]
    to_state: Mapped[str]
    effective_on: Mapped[date]
    previous_number: Mapped[int | None]
    reverses_number: Mapped[int | None]
    reason: Mapped[str | None]
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)

    @declared_attr
    def recorded_by(cls) -> Mapped[UUID | None]:  # noqa: N805  # declared_attr hands the class over
        return mapped_column(ForeignKey("subjects.id"))


def chained(one: str, first_state: str, passages: Iterable[tuple[str, str, str]]) -> tuple[SchemaItem, ...]:
    """The constraints of the acts: each follows the one before by foreign key, and leads where the table of them says.

    `passages` are the acts with the states from and to which they lead.
    """
    key, table = f"{one}_id", f"{one}_passages"
    known = ", ".join(f"('{act}', '{source}', '{to}')" for act, source, to in passages)
    return (
        ForeignKeyConstraint(["territory", key], [f"{one}s.territory", f"{one}s.id"]),
        UniqueConstraint(key, "number", "to_state", name=f"{table}_chain_key"),
        ForeignKeyConstraint(
            [key, "previous_number", "from_state"], [f"{table}.{name}" for name in (key, "number", "to_state")],
            name=f"{table}_previous_fkey",
        ),
        ForeignKeyConstraint(
            [key, "reverses_number"], [f"{table}.{key}", f"{table}.number"], name=f"{table}_reverses_fkey"
        ),
        UniqueConstraint(key, "reverses_number", name=f"{table}_reverses_key"),
        shape(f"(act, from_state, to_state) IN ({known})", name=f"{one}_passage_transition"),
        shape(
            f"CASE WHEN number = 1 THEN from_state = '{first_state}' AND previous_number IS NULL"
            " ELSE number > 1 AND previous_number IS NOT DISTINCT FROM number - 1 END",
            name=f"{one}_passage_number",
        ),
        shape("effective_on <= (timezone('Europe/Paris', recorded_at))::date", name=f"{one}_passage_future"),
    )  # fmt: skip


def last_act(one: str) -> ForeignKeyConstraint:
    """The constraint of the object's row: its state is that of the act whose number it has."""
    table = f"{one}_passages"
    return ForeignKeyConstraint(
        ["id", "passage_number", "state"], [f"{table}.{name}" for name in (f"{one}_id", "number", "to_state")],
        name=f"{one}s_state_fkey", use_alter=True, deferrable=True, initially="DEFERRED",
    )  # fmt: skip


def hold_last(objects: type[Base], passages: type[Base], one: str) -> None:
    """Keep the acts as they were written, and the object at its last one: said beside the models, triggers do."""
    keep(passages)
    event.listen(Base.metadata, "before_create", DDL(check_passages(one)))
    event.listen(objects.__table__, "after_create", DDL(append_only(objects.__tablename__, "TRUNCATE")))
    for table, when in ((objects, "INSERT OR UPDATE OF passage_number"), (passages, "INSERT")):
        event.listen(table.__table__, "after_create", DDL(passages_checked(one, table.__tablename__, when)))


def check_passages(one: str) -> str:
    """The function that looks, at COMMIT, whether an object has the number of its last act, and so its state."""
    return f"""
CREATE FUNCTION check_{one}_passages() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    key uuid := to_jsonb(NEW) ->> CASE TG_TABLE_NAME WHEN '{one}s' THEN 'id' ELSE '{one}_id' END;
BEGIN
    IF EXISTS (
        SELECT FROM {one}s o WHERE o.id = key AND o.passage_number IS DISTINCT FROM (
            SELECT max(p.number) FROM {one}_passages p WHERE p.{one}_id = o.id
        )
    ) THEN
        RAISE EXCEPTION 'the state is not that of the last act'
            USING ERRCODE = 'check_violation', CONSTRAINT = '{one}_last_passage';
    END IF;
    RETURN NULL;
END
$$
"""  # noqa: S608  # no input in it


def passages_checked(one: str, table: str, when: str) -> str:
    """The trigger that calls it."""
    return (
        f"CREATE CONSTRAINT TRIGGER check_passages AFTER {when} ON {table}"
        f" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_{one}_passages()"
    )
