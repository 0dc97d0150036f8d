"""Tables of schemes and of their dated parameters."""

from datetime import date
from typing import Any

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.dialects.postgresql import JSONB, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Identified, Versioned, shape
from app.core.routines import seal

_CODE = "{column} ~ '^[a-z][a-z0-9]*(_[a-z0-9]+)*$' AND length({column}) <= 40"


class Scheme(Versioned, Base):
    """An aid scheme (*dispositif d'aide*), by its code: who receives a file names the scheme that it is for."""

    __tablename__ = "schemes"
    __table_args__ = (
        shape(_CODE.format(column="code"), name="scheme_code"),
        shape("valid_until_on >= valid_from_on", name="scheme_period"),
    )

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    legal_basis: Mapped[str]
    valid_from_on: Mapped[date]
    valid_until_on: Mapped[date | None]


class DatedParameter(Identified, Versioned):
    """The columns of a parameter: what its value is between two days, and what says so."""

    name: Mapped[str]
    value: Mapped[object] = mapped_column(JSONB)
    valid_from_on: Mapped[date]
    valid_until_on: Mapped[date | None]
    source: Mapped[str]


def dated(owner: str, key: Any, noun: str, *, overlap: str) -> tuple[Any, ...]:
    """What holds of a table of dated parameters: of one owner and name, no two values share a day (`overlap`).

    `key` makes a range of the owner's column, since only ranges have an index here.
    """
    return (
        ExcludeConstraint(
            (key(text(owner), text(owner), text("'[]'")), "&&"),
            (func.textrange(text("name"), text("name"), text("'[]'")), "&&"),
            (func.daterange(text("valid_from_on"), text("valid_until_on"), text("'[]'")), "&&"),
            name=overlap,
            using="gist",
        ),
        shape(_CODE.format(column="name"), name=f"{noun}_name"),
        shape("jsonb_typeof(value) IN ('number', 'boolean', 'string', 'array')", name=f"{noun}_value"),
        shape("valid_until_on >= valid_from_on", name=f"{noun}_period"),
        Index(None, owner, "name", "valid_from_on"),
    )


class SchemeParameter(DatedParameter, Base):
    """The value of one parameter of a scheme between two days."""

    __tablename__ = "scheme_parameters"
    __table_args__ = dated("scheme", func.textrange, "scheme_parameter", overlap="parameters_overlap")

    scheme: Mapped[str] = mapped_column(ForeignKey("schemes.code"))


# An act of a day until today may rest on what has begun: of such a row only the end may move, and not to a past day.
# Deleted, it has no end that holds.
_BEGUN = """OLD.valid_from_on <= (timezone('Europe/Paris', now()))::date AND (
        ({old}) IS DISTINCT FROM ({new})
        OR OLD.valid_until_on IS DISTINCT FROM NEW.valid_until_on
            AND NEW.valid_until_on < (timezone('Europe/Paris', now()))::date
    )"""


def seal_begun(table: type[Base], problem: str, *kept: str) -> None:
    """Keep what has begun of a dated row: these columns, and the days until today."""
    old, new = (", ".join(f"{row}.{column}" for column in kept) for row in ("OLD", "NEW"))
    seal(table, problem, [*kept, "valid_until_on"], _BEGUN.format(old=old, new=new))


seal_begun(Scheme, "scheme_in_use", "code", "valid_from_on")
seal_begun(SchemeParameter, "parameter_in_use", "scheme", "name", "value", "valid_from_on")
