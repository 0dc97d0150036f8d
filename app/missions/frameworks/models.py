"""Tables of frameworks: the limit row with its maximum, the holders, the unit prices and the dated parameters."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import DDL, BigInteger, CheckConstraint, ForeignKey, Index, Numeric, event, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.routines import keep
from app.missions.models import ConsortiumRole, Mission, Order, Profile
from app.schemes.models import DatedParameter, dated, seal_begun


class Framework(Identified, Versioned, Base):
    """A framework contract (*accord-cadre*), which is the limit row above the orders that name it.

    `max_days` and `max_amount_cents` are its maximum; NULL limits nothing. What is ordered is the sum of its orders,
    without those of cancelled missions: a trigger counts them again at COMMIT, while the row is held, so the CHECKs
    decide among simultaneous orders. `days_peak` and `cents_peak` are the most that is ordered at the end of any day,
    `least_mission_cents` the least that the orders of one mission come to, `orders_without_amount` their number,
    `signed_from` and `signed_to` the first and the last day on which something was ordered.
    """

    __tablename__ = "frameworks"
    __table_args__ = (
        CheckConstraint("days_peak <= max_days AND cents_peak <= max_amount_cents", name="framework_exhausted"),
        CheckConstraint("max_amount_cents IS NULL OR orders_without_amount = 0", name="framework_amounts_missing"),
        CheckConstraint("least_mission_cents >= 0", name="order_amount_below_zero"),
        CheckConstraint("signed_from >= from_on AND signed_to <= to_on", name="order_outside_framework"),
        shape("reference <> '' AND name <> ''", name="framework_words"),
        shape("to_on >= from_on AND from_on >= '1900-01-01' AND to_on <= '2199-12-31'", name="framework_period"),
        shape("max_days > 0 AND mod(max_days, 0.25) = 0 AND max_days <> 'NaN'", name="framework_max_days"),
        shape("max_amount_cents > 0", name="framework_max_amount_cents"),
        shape("days_ordered >= 0 AND days_peak >= days_ordered AND days_peak <> 'NaN'", name="framework_days_ordered"),
        shape("cents_peak >= ordered_cents", name="framework_ordered_cents"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    reference: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str | None]
    from_on: Mapped[date]
    to_on: Mapped[date]
    max_days: Mapped[Decimal | None] = mapped_column(Numeric(9, 2))
    max_amount_cents: Mapped[int | None] = mapped_column(BigInteger)
    days_ordered: Mapped[Decimal] = mapped_column(Numeric(9, 2), server_default="0")
    ordered_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    days_peak: Mapped[Decimal] = mapped_column(Numeric(9, 2), server_default="0")
    cents_peak: Mapped[int] = mapped_column(BigInteger, server_default="0")
    least_mission_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    orders_without_amount: Mapped[int] = mapped_column(server_default="0")
    signed_from: Mapped[date | None]
    signed_to: Mapped[date | None]


# What the orders of a framework come to, as its row holds it. `rebond check` computes the same.
ORDERED = """
        SELECT coalesce(sum(o.days), 0)::numeric(9,2), coalesce(sum(o.cents), 0)::bigint,
            coalesce(max(o.days_then), 0)::numeric(9,2), coalesce(max(o.cents_then), 0)::bigint,
            least(0, min(o.mission_cents))::bigint, count(*) FILTER (WHERE o.cents_missing),
            min(o.signed_on) FILTER (WHERE o.orders_more), max(o.signed_on) FILTER (WHERE o.orders_more)
        FROM (
            SELECT o.days, coalesce(o.amount_cents, 0) AS cents, o.amount_cents IS NULL AS cents_missing, o.signed_on,
                o.kind = 'initial' OR o.days > 0 OR o.amount_cents > 0 AS orders_more,
                sum(o.days) OVER by_day AS days_then, sum(coalesce(o.amount_cents, 0)) OVER by_day AS cents_then,
                sum(coalesce(o.amount_cents, 0)) OVER (PARTITION BY o.mission_id) AS mission_cents
            FROM orders o JOIN missions m ON m.id = o.mission_id
            WHERE o.framework_id = {framework} AND m.status <> 'cancelled'
            WINDOW by_day AS (ORDER BY o.signed_on)
        ) o
"""
COUNTED = """
        days_ordered, ordered_cents, days_peak, cents_peak, least_mission_cents, orders_without_amount, signed_from,
        signed_to
"""
# The row is held before the orders are looked at, and the look is a statement of its own: what others ordered before
# they let go of the row is seen.
COUNT_FRAMEWORK = f"""
CREATE FUNCTION count_framework(counted uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM frameworks WHERE id = counted FOR NO KEY UPDATE;
    UPDATE frameworks SET ({COUNTED}    ) = ({ORDERED.format(framework="counted")}    ) WHERE id = counted;
END
$$
"""  # noqa: S608  # no input in it
COUNT_ORDER = """
CREATE FUNCTION count_order_in_framework() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM count_framework(NEW.framework_id);
    RETURN NULL;
END
$$
"""
COUNT_ORDER_TRIGGER = (
    "CREATE CONSTRAINT TRIGGER count_in_framework AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
    " WHEN (NEW.framework_id IS NOT NULL) EXECUTE FUNCTION count_order_in_framework()"
)
COUNT_MISSION = """
CREATE FUNCTION count_mission_in_framework() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM count_framework(framework_id) FROM orders
    WHERE mission_id = NEW.id AND kind = 'initial' AND framework_id IS NOT NULL;
    RETURN NULL;
END
$$
"""
COUNT_MISSION_TRIGGER = (
    "CREATE CONSTRAINT TRIGGER count_in_framework AFTER UPDATE ON missions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
    " WHEN ((OLD.status = 'cancelled') <> (NEW.status = 'cancelled')) EXECUTE FUNCTION count_mission_in_framework()"
)
# An amendment changes an order, so it counts where the order does.
SAME_FRAMEWORK = """
CREATE FUNCTION hold_framework_of_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.framework_id IS DISTINCT FROM (
        SELECT framework_id FROM orders WHERE mission_id = NEW.mission_id AND kind = 'initial'
    ) THEN
        RAISE EXCEPTION 'an amendment counts in the framework of its order'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'order_framework_differs';
    END IF;
    RETURN NEW;
END
$$
"""
SAME_FRAMEWORK_TRIGGER = (
    "CREATE TRIGGER framework_of_order BEFORE INSERT ON orders FOR EACH ROW WHEN (NEW.kind = 'amendment')"
    " EXECUTE FUNCTION hold_framework_of_order()"
)

for _statement in (COUNT_FRAMEWORK, COUNT_ORDER, COUNT_ORDER_TRIGGER, SAME_FRAMEWORK, SAME_FRAMEWORK_TRIGGER):
    event.listen(Order.__table__, "after_create", DDL(_statement))
for _statement in (COUNT_MISSION, COUNT_MISSION_TRIGGER):
    event.listen(Mission.__table__, "after_create", DDL(_statement))


class FrameworkMaximum(Identified, Base):
    """The maximum of a framework from a day on, until the next one. The first holds for all days before. Never changed.

    A trigger writes them, whoever changes the framework; of several changes on one day, the last one holds.
    """

    __tablename__ = "framework_maxima"
    __table_args__ = (Index(None, "framework_id", "from_on", "id"),)

    framework_id: Mapped[UUID] = mapped_column(ForeignKey("frameworks.id"))
    from_on: Mapped[date]
    max_days: Mapped[Decimal | None] = mapped_column(Numeric(9, 2))
    max_amount_cents: Mapped[int | None] = mapped_column(BigInteger)
    recorded_at: Mapped[datetime]


keep(FrameworkMaximum)

RECORD_MAXIMUM = """
CREATE FUNCTION record_framework_maximum() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO framework_maxima (framework_id, from_on, max_days, max_amount_cents, recorded_at)
    VALUES (NEW.id, CASE TG_OP WHEN 'INSERT' THEN '1900-01-01' ELSE (timezone('Europe/Paris', now()))::date END,
        NEW.max_days, NEW.max_amount_cents, now());
    RETURN NULL;
END
$$
"""
RECORD_FIRST_MAXIMUM = (
    "CREATE TRIGGER record_first_maximum AFTER INSERT ON frameworks FOR EACH ROW"
    " EXECUTE FUNCTION record_framework_maximum()"
)
RECORD_CHANGED_MAXIMUM = (
    "CREATE TRIGGER record_maximum AFTER UPDATE ON frameworks FOR EACH ROW WHEN ((OLD.max_days, OLD.max_amount_cents)"
    " IS DISTINCT FROM (NEW.max_days, NEW.max_amount_cents)) EXECUTE FUNCTION record_framework_maximum()"
)

for _statement in (RECORD_MAXIMUM, RECORD_FIRST_MAXIMUM, RECORD_CHANGED_MAXIMUM):
    event.listen(Framework.__table__, "after_create", DDL(_statement))


class FrameworkMember(Base):
    """A holder of a framework (*titulaire*), by its SIREN: the lead firm of the consortium, or a partner."""

    __tablename__ = "framework_members"
    __table_args__ = (
        Index("second_framework_lead", "framework_id", unique=True, postgresql_where=text("role = 'lead'")),
        shape(one_of("role", ConsortiumRole), name="framework_member_role"),
        shape("is_siren(siren)", name="framework_member_siren"),
    )

    framework_id: Mapped[UUID] = mapped_column(ForeignKey("frameworks.id"), primary_key=True)
    siren: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str]


class FrameworkUnitPrice(Base):
    """What a framework pays for one day of a profile, excl. VAT (*prix unitaire*)."""

    __tablename__ = "framework_unit_prices"
    __table_args__ = (
        shape(one_of("profile", Profile), name="framework_unit_price_profile"),
        shape("day_rate_cents BETWEEN 1 AND 100000000", name="framework_unit_price_day_rate_cents"),
    )

    framework_id: Mapped[UUID] = mapped_column(ForeignKey("frameworks.id"), primary_key=True)
    profile: Mapped[str] = mapped_column(primary_key=True)
    day_rate_cents: Mapped[int] = mapped_column(BigInteger)


class FrameworkParameter(DatedParameter, Base):
    """The value of one parameter of a framework between two days."""

    __tablename__ = "framework_parameters"
    __table_args__ = dated(
        "framework_id", func.uuidrange, "framework_parameter", overlap="framework_parameters_overlap"
    )

    framework_id: Mapped[UUID] = mapped_column(ForeignKey("frameworks.id"))


seal_begun(FrameworkParameter, "framework_parameter_in_use", "framework_id", "name", "value", "valid_from_on")

# The value of a parameter for a mission on a day, by the framework that its initial order names; NULL where the mission
# names none or no value is in force. Triggers and queries of what lies below read it as `parameters.on` does.
FRAMEWORK_PARAMETER = """
CREATE FUNCTION framework_parameter(of_mission uuid, parameter text, on_day date) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT p.value FROM orders o JOIN framework_parameters p ON p.framework_id = o.framework_id
    WHERE o.mission_id = of_mission AND o.kind = 'initial' AND p.name = parameter
        AND p.valid_from_on <= on_day AND (p.valid_until_on IS NULL OR p.valid_until_on >= on_day)
$$
"""

event.listen(Base.metadata, "after_create", DDL(FRAMEWORK_PARAMETER))
