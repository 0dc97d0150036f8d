"""Tables of schemes and of their dated parameters."""

from datetime import date

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


class SchemeParameter(Identified, Versioned, Base):
    """The value of one parameter of a scheme between two days."""

    __tablename__ = "scheme_parameters"
    __table_args__ = (
        ExcludeConstraint(
            (func.textrange(text("scheme"), text("scheme"), text("'[]'")), "&&"),
            (func.textrange(text("name"), text("name"), text("'[]'")), "&&"),
            (func.daterange(text("valid_from_on"), text("valid_until_on"), text("'[]'")), "&&"),
            name="parameters_overlap",
            using="gist",
        ),
        shape(_CODE.format(column="name"), name="scheme_parameter_name"),
        shape("jsonb_typeof(value) IN ('number', 'boolean', 'string', 'array')", name="scheme_parameter_value"),
        shape("valid_until_on >= valid_from_on", name="scheme_parameter_period"),
        Index(None, "scheme", "name", "valid_from_on"),
    )

    scheme: Mapped[str] = mapped_column(ForeignKey("schemes.code"))
    name: Mapped[str]
    value: Mapped[object] = mapped_column(JSONB)
    valid_from_on: Mapped[date]
    valid_until_on: Mapped[date | None]
    source: Mapped[str]


# A file that was received until today may rest on what has begun: of such a row only the end may move, and not to a
# past day. Deleted, it has no end that holds.
_BEGUN = """OLD.valid_from_on <= (timezone('Europe/Paris', now()))::date AND (
        ({old}) IS DISTINCT FROM ({new})
        OR OLD.valid_until_on IS DISTINCT FROM NEW.valid_until_on
            AND NEW.valid_until_on < (timezone('Europe/Paris', now()))::date
    )"""


def _seal(table: type[Base], problem: str, *kept: str) -> None:
    """Keep what has begun of a dated row: these columns, and the days until today."""
    old, new = (", ".join(f"{row}.{column}" for column in kept) for row in ("OLD", "NEW"))
    seal(table, problem, [*kept, "valid_until_on"], _BEGUN.format(old=old, new=new))


_seal(Scheme, "scheme_in_use", "code", "valid_from_on")
_seal(SchemeParameter, "parameter_in_use", "scheme", "name", "value", "valid_from_on")
