"""Tables of arrears: where each instalment stands, formal notices, accelerations, and what was told."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Date

from app.advances.arrears.rules import BUCKETS, AdvanceAlertKind, NoticeStatus
from app.advances.models import OfCapital
from app.advances.position import Bucket
from app.core import clock
from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.routines import append_only, keep

LEFT = "principal_left_cents + interest_left_cents + fees_left_cents"


def _of_advance(table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["territory", "advance_id"], ["advances.territory", "advances.id"], name=f"{table}_advance_fkey"
    )


class LineStanding(Identified, Base):
    """A line of the version in force of an advance, and what it still asks for. It is computed again by every act.

    Late interest runs day by day and is not here; `late_interest_cents` is that from before the version.
    """

    __tablename__ = "advance_line_states"
    __table_args__ = (
        _of_advance("advance_line_states"),
        UniqueConstraint("advance_id", "position", name="advance_line_states_position_key"),
        shape(
            "principal_left_cents BETWEEN 0 AND principal_cents AND interest_left_cents BETWEEN 0 AND interest_cents"
            " AND fees_left_cents BETWEEN 0 AND fees_cents AND late_interest_cents >= 0 AND capitalised_cents >= 0",
            name="line_state_left",
        ),
        Index("advance_line_states_open_idx", "territory", "due_on", postgresql_where=text(f"{LEFT} > 0")),
        Index(None, "due_on", "id"),
    )

    territory: Mapped[str]
    advance_id: Mapped[UUID]
    position: Mapped[int] = mapped_column(SmallInteger)
    due_on: Mapped[date]
    principal_cents: Mapped[int] = mapped_column(BigInteger)
    interest_cents: Mapped[int] = mapped_column(BigInteger)
    capitalised_cents: Mapped[int] = mapped_column(BigInteger)
    fees_cents: Mapped[int] = mapped_column(BigInteger)
    late_interest_cents: Mapped[int] = mapped_column(BigInteger)
    principal_left_cents: Mapped[int] = mapped_column(BigInteger)
    interest_left_cents: Mapped[int] = mapped_column(BigInteger)
    fees_left_cents: Mapped[int] = mapped_column(BigInteger)
    settled_on: Mapped[date | None]
    kept: Mapped[bool]


class Spanning:
    """From a day on until another, and known from an instant on until another: what replaces it is another row."""

    territory: Mapped[str]
    advance_id: Mapped[UUID]
    from_on: Mapped[date]
    until_on: Mapped[date] = mapped_column(server_default="infinity")  # the day on which it holds no more
    recorded_at: Mapped[datetime]
    replaced_at: Mapped[datetime | None]


def _known(table: str) -> tuple[Any, ...]:
    noun = table.removesuffix("s")
    return (
        _of_advance(table),
        shape("from_on < until_on", name=f"{noun}_days"),
        shape("recorded_at < replaced_at", name=f"{noun}_replaced"),
    )


class AdvanceSpan(OfCapital, Identified, Spanning, Base):
    """What an advance has come to from a day on, as known from an instant on. The account writes it."""

    __tablename__ = "advance_spans"
    __table_args__ = (
        *_known("advance_spans"),
        shape(
            "least(disbursed_cents, capitalised_cents, repaid_cents, waived_cents, written_off_cents, income_cents,"
            " overpaid_cents) >= 0 AND repaid_cents + waived_cents + written_off_cents"
            " <= disbursed_cents + capitalised_cents",
            name="advance_span_amounts",
        ),
        Index(
            "advance_spans_from_key", "advance_id", "from_on", unique=True,
            postgresql_where=text("replaced_at IS NULL"),
        ),
        Index(None, "territory", "replaced_at", "until_on"),
    )  # fmt: skip

    disbursed_cents: Mapped[int] = mapped_column(BigInteger)
    capitalised_cents: Mapped[int] = mapped_column(BigInteger)
    repaid_cents: Mapped[int] = mapped_column(BigInteger)
    waived_cents: Mapped[int] = mapped_column(BigInteger)
    written_off_cents: Mapped[int] = mapped_column(BigInteger)
    income_cents: Mapped[int] = mapped_column(BigInteger)
    overpaid_cents: Mapped[int] = mapped_column(BigInteger)


class LineSpan(Identified, Spanning, Base):
    """A line of the version in force from a day on, and what it still asks for, as known from an instant on.

    `line_id` is that of the place: on one day, of what was known at one instant, there is one row of each.
    """

    __tablename__ = "advance_line_spans"
    __table_args__ = (
        *_known("advance_line_spans"),
        shape(
            "principal_left_cents BETWEEN 0 AND principal_cents AND interest_left_cents BETWEEN 0 AND interest_cents"
            " AND fees_left_cents BETWEEN 0 AND fees_cents",
            name="line_span_left",
        ),
        Index(
            "advance_line_spans_from_key", "advance_id", "position", "from_on", unique=True,
            postgresql_where=text("replaced_at IS NULL"),
        ),
        Index(
            "advance_line_spans_open_idx", "territory", "replaced_at", "until_on", postgresql_where=text(f"{LEFT} > 0")
        ),
        Index("advance_line_spans_due_idx", "due_on", "line_id", postgresql_where=text("replaced_at IS NULL")),
    )  # fmt: skip

    position: Mapped[int] = mapped_column(SmallInteger)
    line_id: Mapped[UUID]
    due_on: Mapped[date]
    principal_cents: Mapped[int] = mapped_column(BigInteger)
    interest_cents: Mapped[int] = mapped_column(BigInteger)
    fees_cents: Mapped[int] = mapped_column(BigInteger)
    principal_left_cents: Mapped[int] = mapped_column(BigInteger)
    interest_left_cents: Mapped[int] = mapped_column(BigInteger)
    fees_left_cents: Mapped[int] = mapped_column(BigInteger)
    settled_on: Mapped[date | None]


class FormalNotice(Identified, Versioned, Base):
    """A formal notice (*mise en demeure*) to pay the lines of some due days.

    Late interest on them and the delay run from the day on which it was received, or first presented.
    """

    __tablename__ = "advance_notices"
    __table_args__ = (
        _of_advance("advance_notices"),
        UniqueConstraint("advance_id", "id", name="advance_notices_advance_id_key"),
        shape("cardinality(due_dates) > 0", name="notice_due_dates"),
        shape("delay_days BETWEEN 8 AND 30", name="notice_delay"),
        shape(one_of("status", NoticeStatus), name="notice_status"),
        shape("(status = 'withdrawn') = (reason IS NOT NULL)", name="notice_reason"),
        shape("document_sha256 ~ '^[0-9a-f]{64}$'", name="notice_document"),
        CheckConstraint(
            "first_presented_on >= sent_on AND received_on >= coalesce(first_presented_on, sent_on)",
            name="notice_days_out_of_order",
        ),
        Index(None, "advance_id"),
    )

    territory: Mapped[str]
    advance_id: Mapped[UUID]
    due_dates: Mapped[list[date]] = mapped_column(ARRAY(Date()))
    sent_on: Mapped[date]
    first_presented_on: Mapped[date | None]
    received_on: Mapped[date | None]
    delay_days: Mapped[int] = mapped_column(SmallInteger)
    document_sha256: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default="recorded")
    reason: Mapped[str | None]
    recorded_by: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"))


class Acceleration(Identified, Base):
    """All of an advance became due (*déchéance du terme*): by a person after a notice, or by a judgment."""

    __tablename__ = "advance_accelerations"
    __table_args__ = (
        _of_advance("advance_accelerations"),
        ForeignKeyConstraint(
            ["advance_id", "notice_id"], ["advance_notices.advance_id", "advance_notices.id"],
            name="advance_accelerations_notice_fkey",
        ),
        ForeignKeyConstraint(
            ["decided_by", "decider_kind"], ["subjects.id", "subjects.kind"], name="acceleration_decided_by_a_person"
        ),
        shape("decider_kind = 'person'", name="acceleration_decider_kind"),
        shape("num_nonnulls(notice_id, proceeding_id) = 1", name="acceleration_ground"),
        shape("num_nulls(notice_id, decided_by, reason) IN (0, 3)", name="acceleration_decided"),
        shape("document_sha256 ~ '^[0-9a-f]{64}$'", name="acceleration_document"),
        shape("due_cents >= 0", name="acceleration_due"),
        Index(None, "advance_id"),
        Index(None, "proceeding_id", postgresql_where=text("proceeding_id IS NOT NULL")),
    )  # fmt: skip

    territory: Mapped[str]
    advance_id: Mapped[UUID]
    accelerated_on: Mapped[date]
    due_cents: Mapped[int] = mapped_column(BigInteger)
    notice_id: Mapped[UUID | None]
    proceeding_id: Mapped[UUID | None] = mapped_column(ForeignKey("proceedings.id"))
    reason: Mapped[str | None]
    document_sha256: Mapped[str | None]
    decided_by: Mapped[UUID | None]
    decider_kind: Mapped[str] = mapped_column(server_default="person")
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)


class AdvanceAlert(Identified, Base):
    """What was told of an advance, once: an instalment is due or overdue, its age, a claim to declare, an act to do."""

    __tablename__ = "advance_alerts"
    __table_args__ = (
        _of_advance("advance_alerts"),
        UniqueConstraint(
            "advance_id", "kind", "due_on", "bucket", "on_day",
            name="advance_alerts_once_key", postgresql_nulls_not_distinct=True,
        ),
        shape(one_of("kind", AdvanceAlertKind), name="advance_alert_kind"),
        shape(
            one_of("bucket", [*(bucket for bucket, _ in BUCKETS), Bucket.IN_PROCEEDINGS]), name="advance_alert_bucket"
        ),
        shape("amount_cents >= 0", name="advance_alert_amount"),
        Index(None, "territory", "on_day"),
    )  # fmt: skip

    territory: Mapped[str]
    advance_id: Mapped[UUID]
    kind: Mapped[str]
    on_day: Mapped[date]
    due_on: Mapped[date | None]
    bucket: Mapped[str | None]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    raised_at: Mapped[datetime] = mapped_column(default=clock.now)


for _table in (Acceleration, AdvanceAlert):
    keep(_table)
for _spans in (AdvanceSpan, LineSpan):  # what was known stays; that it was replaced is written once
    _columns = ", ".join(column.name for column in _spans.__table__.c if column.name != "replaced_at")
    event.listen(
        _spans.__table__, "after_create",
        DDL(append_only(_spans.__tablename__, f"UPDATE OF {_columns} OR DELETE OR TRUNCATE")),
    )  # fmt: skip
