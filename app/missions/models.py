"""Tables of missions, their limit rows among them."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Numeric,
    UniqueConstraint,
    event,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.limits import Balance
from app.core.routines import keep, seal
from app.missions.rest_days import HolidayCalendar
from app.missions.rules import MissionStatus

FOREVER = date(2199, 12, 31)  # the last day of what has no end


class OrderKind(StrEnum):
    """The first order of a mission (*bon de commande*), or a later document that changes it (*avenant*)."""

    INITIAL = "initial"
    AMENDMENT = "amendment"


class ConsortiumRole(StrEnum):
    """The lead firm of the consortium (*mandataire*), or a partner (*cotraitant*)."""

    LEAD = "lead"
    PARTNER = "partner"


class Profile(StrEnum):
    """Level of experience by which the days of a consultant are paid."""

    JUNIOR = "junior"
    SENIOR = "senior"
    EXPERT = "expert"


class Mission(Identified, Versioned, Base):
    """An engineering mission of a territory. Its days and its window come from its orders alone."""

    __tablename__ = "missions"
    __table_args__ = (
        UniqueConstraint("territory", "id"),
        Index(
            "missions_external_id_key",
            "territory",
            "external_id",
            unique=True,
            postgresql_where=text("status <> 'cancelled'"),
        ),
        UniqueConstraint("id", "step"),
        UniqueConstraint("id", "travel_counts"),
        UniqueConstraint("id", "status"),
        ForeignKeyConstraint(
            ["status_by", "status_by_kind"], ["subjects.id", "subjects.kind"], name="mission_status_by_a_person"
        ),
        shape(one_of("status", MissionStatus), name="mission_status"),
        shape(
            "num_nonnulls(status_by, status_at, status_reason) IN (0, 3) AND (status = 'open' OR status_by IS NOT NULL)"
            " AND status_by_kind = 'person'",
            name="mission_status_changed",
        ),
        shape("step IN (0.25, 0.50)", name="mission_step"),
        shape("late_entry_grace_days BETWEEN 0 AND 3660", name="mission_late_entry_grace_days"),
        shape(one_of("holiday_calendar", HolidayCalendar), name="mission_holiday_calendar"),
        shape(
            "0 < ALL (alert_thresholds_bp) AND 10000 >= ALL (alert_thresholds_bp)", name="mission_alert_thresholds_bp"
        ),
    )

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"))
    name: Mapped[str]
    step: Mapped[Decimal]
    late_entry_grace_days: Mapped[int | None]
    travel_counts: Mapped[bool] = mapped_column(server_default=text("true"))
    weekends_allowed: Mapped[bool] = mapped_column(server_default=text("true"))
    holidays_allowed: Mapped[bool] = mapped_column(server_default=text("true"))
    holiday_calendar: Mapped[str] = mapped_column(server_default="metropolitan")
    alert_thresholds_bp: Mapped[list[int]] = mapped_column(server_default="{8000,10000}")
    external_id: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default="open")
    status_by: Mapped[UUID | None]
    status_by_kind: Mapped[str] = mapped_column(server_default="person")
    status_at: Mapped[datetime | None]
    status_reason: Mapped[str | None]


# What a mission is asked to do, apart from its days and its window: each change of it holds from its day on.
SETTINGS = (
    "name", "step", "late_entry_grace_days", "travel_counts", "weekends_allowed", "holidays_allowed",
    "holiday_calendar", "alert_thresholds_bp", "external_id",
)  # fmt: skip


class MissionSettings(Identified, Base):
    """The settings of a mission from a day on, until the next ones. The first hold for all days before. Never changed.

    A trigger writes them, whoever changes the mission; of several changes on one day, the last one holds.
    """

    __tablename__ = "mission_settings"
    __table_args__ = (Index(None, "mission_id", "from_on", "id"),)

    mission_id: Mapped[UUID] = mapped_column(ForeignKey("missions.id"))
    from_on: Mapped[date]
    name: Mapped[str]
    step: Mapped[Decimal]
    late_entry_grace_days: Mapped[int | None]
    travel_counts: Mapped[bool]
    weekends_allowed: Mapped[bool]
    holidays_allowed: Mapped[bool]
    holiday_calendar: Mapped[str]
    alert_thresholds_bp: Mapped[list[int]]
    external_id: Mapped[str | None]
    recorded_at: Mapped[datetime]


keep(MissionSettings)

RECORD_SETTINGS = """
CREATE FUNCTION record_mission_settings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO mission_settings (mission_id, from_on, name, step, late_entry_grace_days, travel_counts,
        weekends_allowed, holidays_allowed, holiday_calendar, alert_thresholds_bp, external_id, recorded_at)
    VALUES (NEW.id, CASE TG_OP WHEN 'INSERT' THEN '1900-01-01' ELSE (timezone('Europe/Paris', now()))::date END,
        NEW.name, NEW.step, NEW.late_entry_grace_days, NEW.travel_counts,
        NEW.weekends_allowed, NEW.holidays_allowed, NEW.holiday_calendar, NEW.alert_thresholds_bp, NEW.external_id,
        now());
    RETURN NULL;
END
$$
"""
RECORD_FIRST = (
    "CREATE TRIGGER record_first_settings AFTER INSERT ON missions FOR EACH ROW"
    " EXECUTE FUNCTION record_mission_settings()"
)
RECORD_CHANGED = (
    "CREATE TRIGGER record_settings AFTER UPDATE ON missions FOR EACH ROW"
    f" WHEN (({', '.join(f'OLD.{name}' for name in SETTINGS)})"
    f" IS DISTINCT FROM ({', '.join(f'NEW.{name}' for name in SETTINGS)}))"
    " EXECUTE FUNCTION record_mission_settings()"
)

for _statement in (RECORD_SETTINGS, RECORD_FIRST, RECORD_CHANGED):
    event.listen(Mission.__table__, "after_create", DDL(_statement))


TRAVEL = "travel"


class MissionActivity(Base):
    """An activity that days of the mission may be entered under, up to its last day.

    What entries carry stays as it reads: it is ended, and another takes its place. Travel is an activity only where the
    orders count it.
    """

    __tablename__ = "mission_activities"
    __table_args__ = (
        ForeignKeyConstraint(
            ["mission_id", "travel_counts"], ["missions.id", "missions.travel_counts"], onupdate="CASCADE"
        ),
        UniqueConstraint("mission_id", "code", "until_on"),
        CheckConstraint(f"code <> '{TRAVEL}' OR travel_counts", name="travel_not_counted"),
        shape("label <> ''", name="mission_activity_label"),
    )

    mission_id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str]
    position: Mapped[int]
    travel_counts: Mapped[bool]
    until_on: Mapped[date] = mapped_column(server_default=str(FOREVER))


seal(
    MissionActivity,
    "activity_in_use",
    ["mission_id", "code", "label"],
    """(OLD.mission_id, OLD.code, OLD.label) IS DISTINCT FROM (NEW.mission_id, NEW.code, NEW.label)
        AND EXISTS (SELECT FROM time_entries WHERE mission_id = OLD.mission_id AND activity = OLD.code)""",
)


class Order(Identified, Versioned, Base):
    """An order of days: it adds days and says the window. An act; it is never changed.

    It counts in the framework that it names (`frameworks`), an amendment in that of its initial order.
    """

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("mission_id", "reference"),
        Index("second_initial_order", "mission_id", unique=True, postgresql_where=text("kind = 'initial'")),
        shape("kind IN ('initial', 'amendment')", name="order_kind"),
        shape(
            "kind = 'amendment' OR (days > 0 AND starts_on IS NOT NULL AND ends_on IS NOT NULL)",
            name="initial_order_incomplete",
        ),
        shape("mod(days, 0.25) = 0 AND days <> 'NaN'", name="order_days"),
        shape("ends_on >= starts_on", name="order_window"),
        shape(
            "amount_cents IS NULL OR (framework_id IS NOT NULL AND (kind = 'amendment' OR amount_cents > 0))",
            name="order_amount",
        ),
        Index(None, "framework_id", postgresql_where=text("framework_id IS NOT NULL")),
        ForeignKeyConstraint(
            ["ordered_by", "orderer_kind"], ["subjects.id", "subjects.kind"], name="ordered_by_a_person"
        ),
        shape("orderer_kind = 'person'", name="orderer_kind"),
    )

    mission_id: Mapped[UUID] = mapped_column(ForeignKey("missions.id"))
    kind: Mapped[str]
    reference: Mapped[str]
    signed_on: Mapped[date]
    days: Mapped[Decimal]
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    reason: Mapped[str | None]
    framework_id: Mapped[UUID | None] = mapped_column(ForeignKey("frameworks.id"))
    amount_cents: Mapped[int | None] = mapped_column(BigInteger)  # of the days added, excl. VAT
    ordered_by: Mapped[UUID | None]
    orderer_kind: Mapped[str | None] = mapped_column(server_default="person")  # null: before it was asked


keep(Order)


class LateEntryLeave(Identified, Versioned, Base):
    """The operator's leave to enter days of a mission until a day. An act; it is never changed."""

    __tablename__ = "late_entry_leaves"
    __table_args__ = (
        ForeignKeyConstraint(
            ["granted_by", "granter_kind"], ["subjects.id", "subjects.kind"], name="leave_granted_by_a_person"
        ),
        shape("granter_kind = 'person'", name="leave_granter_kind"),
    )

    mission_id: Mapped[UUID] = mapped_column(ForeignKey("missions.id"), index=True)
    until_on: Mapped[date]
    reason: Mapped[str]
    granted_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    granter_kind: Mapped[str | None] = mapped_column(server_default="person")  # null: before it was asked


keep(LateEntryLeave)


class MissionMember(Identified, Versioned, Base):
    """A consultancy of the consortium, with its allotment of days."""

    __tablename__ = "mission_members"
    __table_args__ = (
        UniqueConstraint("mission_id", "organisation_id"),
        Index("second_lead", "mission_id", unique=True, postgresql_where=text("role = 'lead'")),
        shape("role IN ('lead', 'partner')", name="mission_member_role"),
        shape("days_allotted >= 0 AND mod(days_allotted, 0.25) = 0", name="mission_member_days_allotted"),
    )

    mission_id: Mapped[UUID] = mapped_column(ForeignKey("missions.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    role: Mapped[str]
    days_allotted: Mapped[Decimal]


class Allotment(Identified, Versioned, Base):
    """Days allotted to a member, or taken from it: what it has is their sum. An act; it is never changed."""

    __tablename__ = "allotments"
    __table_args__ = (
        ForeignKeyConstraint(
            ["mission_id", "organisation_id"], ["mission_members.mission_id", "mission_members.organisation_id"]
        ),
        shape("mod(days, 0.25) = 0 AND days <> 'NaN'", name="allotment_days"),
        Index(None, "mission_id", "organisation_id", "id"),
    )

    mission_id: Mapped[UUID]
    organisation_id: Mapped[UUID]
    days: Mapped[Decimal]
    decided_on: Mapped[date]
    reason: Mapped[str | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))


keep(Allotment)


class Rate(Identified, Versioned, Base):
    """What a member is paid for one day of a profile, excl. VAT, between two days (*prix journalier*)."""

    __tablename__ = "rates"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "mission_id"], ["missions.territory", "missions.id"]),
        ForeignKeyConstraint(
            ["mission_id", "organisation_id"],
            ["mission_members.mission_id", "mission_members.organisation_id"],
            info={"field": "organisation_id"},
        ),
        ExcludeConstraint(
            (func.uuidrange(text("mission_id"), text("mission_id"), text("'[]'")), "&&"),
            (func.uuidrange(text("organisation_id"), text("organisation_id"), text("'[]'")), "&&"),
            # The three profiles differ in their first letter, and only ranges have an index here.
            (func.int4range(text("ascii(profile)"), text("ascii(profile)"), text("'[]'")), "&&"),
            (func.daterange(text("from_on"), text("until_on"), text("'[]'")), "&&"),
            name="rates_overlap",
            using="gist",
        ),
        shape(one_of("profile", Profile), name="rate_profile"),
        shape("day_rate_cents BETWEEN 1 AND 100000000", name="rate_day_rate_cents"),
        shape("until_on >= from_on", name="rate_period"),
        Index(None, "territory", "mission_id"),
    )

    territory: Mapped[str]
    mission_id: Mapped[UUID]
    organisation_id: Mapped[UUID]
    profile: Mapped[str]
    day_rate_cents: Mapped[int] = mapped_column(BigInteger)
    from_on: Mapped[date]
    until_on: Mapped[date]


# The last day that a rate priced on a certificate that stands; a certificate lies below this domain and is named as a
# foreign key would. What priced it is read where it is sealed.
CERTIFIED_UNTIL = """
        SELECT max(e.worked_on) FROM service_certificates c
        CROSS JOIN LATERAL jsonb_to_recordset(c.content::jsonb -> 'entries') AS e (profile text, worked_on date)
        WHERE c.mission_id = {rate}.mission_id AND c.organisation_id = {rate}.organisation_id AND c.cancels_id IS NULL
            AND NOT EXISTS (SELECT FROM service_certificates counter WHERE counter.cancels_id = c.id)
            AND e.profile = {rate}.profile AND e.worked_on BETWEEN {rate}.from_on AND {rate}.until_on
    """

# The end of a rate may move, but not to before what is certified; nothing else of it may.
seal(
    Rate,
    "rate_certified",
    ["territory", "mission_id", "organisation_id", "profile", "day_rate_cents", "from_on", "until_on"],
    f"""({CERTIFIED_UNTIL.format(rate="OLD")}) > CASE
        WHEN (OLD.territory, OLD.mission_id, OLD.organisation_id, OLD.profile, OLD.day_rate_cents, OLD.from_on)
            IS NOT DISTINCT FROM
            (NEW.territory, NEW.mission_id, NEW.organisation_id, NEW.profile, NEW.day_rate_cents, NEW.from_on)
        THEN NEW.until_on ELSE '-infinity' END""",
)


class Consultant(Identified, Versioned, Base):
    """The assignment of a person to a mission, through a member of the consortium, between two days."""

    __tablename__ = "consultants"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "mission_id"], ["missions.territory", "missions.id"]),
        ForeignKeyConstraint(
            ["mission_id", "organisation_id"],
            ["mission_members.mission_id", "mission_members.organisation_id"],
            name="person_not_in_consortium",
        ),
        ForeignKeyConstraint(
            ["person_id", "person_kind"], ["subjects.id", "subjects.kind"], info={"field": "person_id"}
        ),
        UniqueConstraint("territory", "id"),
        UniqueConstraint("mission_id", "id"),
        UniqueConstraint(
            "id", "territory", "mission_id", "organisation_id", "person_id", "from_on", "until_on",
            name="consultants_assignment_key",
        ),
        UniqueConstraint(
            "id", "territory", "mission_id", "organisation_id", "person_id", name="consultants_person_key"
        ),
        ExcludeConstraint(
            (func.uuidrange(text("mission_id"), text("mission_id"), text("'[]'")), "&&"),
            (func.uuidrange(text("person_id"), text("person_id"), text("'[]'")), "&&"),
            (func.daterange(text("from_on"), text("until_on"), text("'[]'")), "&&"),
            name="already_assigned",
            using="gist",
        ),
        shape("person_kind = 'person'", name="consultant_is_a_person"),
        shape("until_on >= from_on", name="assignment_period"),
        Index(None, "territory", "mission_id"),
    )  # fmt: skip

    territory: Mapped[str]
    mission_id: Mapped[UUID]
    organisation_id: Mapped[UUID]
    person_id: Mapped[UUID] = mapped_column(index=True)
    person_kind: Mapped[str] = mapped_column(server_default="person")
    profile: Mapped[str | None]
    from_on: Mapped[date]
    until_on: Mapped[date] = mapped_column(Date)


seal(
    Consultant,
    "profile_certified",
    ["profile"],
    "EXISTS (SELECT FROM time_entries WHERE consultant_id = OLD.id AND status = 'certified')",
)


class MissionDays(Base):
    """The limit row of a mission: what is ordered, allotted and entered, and the window that spending must stay in.

    `worked_from`, `worked_to`, `worked_days`, `counted_months` and `entered_on` are what the last spending touched: the
    CHECKs hold them inside the window, off the `rest_days` and out of the `locked_months` (each named by its first
    day), so that an entry and an act that moves these bounds at the same instant cannot miss each other.
    `status` follows the mission's, and in one that has ended nothing is entered: whoever ends it clears `entered_on`.
    `alert_at_days` is the next alert threshold, in days: a trigger tells of it once it is reached.

    `steps` are the days on which room grows: an order with days above zero is signed, or a late reversal counts.
    Before each of them the days that count (`entered_before`) stay within those ordered (`ordered_before`), so no past
    day has more than its orders. `allowed_before` is what yesterday's rows had beyond them: a migration set it, and
    nothing else does. A trigger counts the steps again whenever orders or steps change, while the row is held.
    """

    __tablename__ = "mission_days"
    __table_args__ = (
        ForeignKeyConstraint(["mission_id", "step"], ["missions.id", "missions.step"], onupdate="CASCADE"),
        ForeignKeyConstraint(
            ["mission_id", "status"],
            ["missions.id", "missions.status"],
            name="mission_days_status_fkey",
            onupdate="CASCADE",
        ),
        CheckConstraint("status = 'open' OR entered_on IS NULL", name="mission_ended"),
        CheckConstraint("status <> 'cancelled' OR days_entered = 0", name="mission_in_use"),
        CheckConstraint("days_entered <= days_ordered", name="days_exhausted"),
        CheckConstraint(
            "within_each(steps, entered_before, ordered_before, allowed_before)", name="days_not_yet_ordered"
        ),
        CheckConstraint("days_allotted <= days_ordered", name="allotments_exceed_order"),
        shape("days_entered >= 0 AND days_entered <> 'NaN'", name="mission_days_entered"),
        shape("days_ordered >= 0 AND days_ordered <> 'NaN'", name="mission_days_ordered"),
        shape("days_allotted >= 0 AND days_allotted <> 'NaN'", name="mission_days_allotted"),
        CheckConstraint("mod(days_entered, step) = 0", name="off_step"),
        CheckConstraint("worked_from >= starts_on AND worked_to <= ends_on", name="outside_mission_window"),
        CheckConstraint("ends_on >= starts_on", name="mission_window"),
        CheckConstraint("NOT worked_days && rest_days", name="rest_day"),
        CheckConstraint("NOT counted_months && locked_months", name="month_locked"),
        CheckConstraint("entered_on <= enterable_until_on", name="late_entry"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    mission_id: Mapped[UUID] = mapped_column(primary_key=True)
    step: Mapped[Decimal]
    days_ordered: Mapped[Decimal] = mapped_column(server_default="0")
    days_allotted: Mapped[Decimal] = mapped_column(server_default="0")
    days_entered: Mapped[Decimal] = mapped_column(server_default="0")
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    enterable_until_on: Mapped[date | None]
    worked_from: Mapped[date | None]
    worked_to: Mapped[date | None]
    entered_on: Mapped[date | None]
    rest_days: Mapped[list[date]] = mapped_column(server_default="{}")
    worked_days: Mapped[list[date] | None]
    alert_at_days: Mapped[Decimal | None] = mapped_column(Numeric(12, 6))
    locked_months: Mapped[list[date]] = mapped_column(server_default="{}")
    counted_months: Mapped[list[date] | None]
    status: Mapped[str] = mapped_column(server_default="open")
    steps: Mapped[list[date]] = mapped_column(server_default="{}")
    ordered_before: Mapped[list[Decimal]] = mapped_column(server_default="{}")
    entered_before: Mapped[list[Decimal]] = mapped_column(server_default="{}")
    allowed_before: Mapped[list[Decimal]] = mapped_column(server_default="{}")


# Arithmetic of a calendar. PL/pgSQL, because a CHECK holds no subquery and a function in SQL with one is slower.
WITHIN_EACH = """
CREATE FUNCTION within_each(steps date[], amounts numeric[], bounds numeric[], allowances numeric[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    FOR n IN 1 .. greatest(cardinality(steps), cardinality(amounts)) LOOP
        IF (steps[n] IS NOT NULL AND amounts[n] BETWEEN 0 AND bounds[n] + allowances[n]) IS NOT TRUE THEN
            RETURN false;
        END IF;
    END LOOP;
    RETURN true;
END
$$
"""
ADD_AFTER = """
CREATE FUNCTION add_after(steps date[], amounts numeric[], days date[], added numeric[]) RETURNS numeric[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    FOR n IN 1 .. cardinality(steps) LOOP
        FOR d IN 1 .. cardinality(days) LOOP
            IF steps[n] > days[d] THEN
                amounts[n] := amounts[n] + added[d];
            END IF;
        END LOOP;
    END LOOP;
    RETURN amounts;
END
$$
"""

# The row is locked before the trigger looks, and each query of it looks anew: what others counted before they let go of
# the row is seen, and who waits for the row adds to the steps that stand here then. The hot write names none of the
# trigger's columns, and pays nothing.
COUNT_STEPS = """
CREATE FUNCTION count_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    steps_before date[] := '{}';
    allowances numeric[] := '{}';
BEGIN
    IF TG_OP = 'UPDATE' THEN
        steps_before := OLD.steps;
        allowances := OLD.allowed_before;
    END IF;
    SELECT coalesce(array_agg(step ORDER BY step), '{}') INTO NEW.steps FROM (
        SELECT signed_on FROM orders WHERE mission_id = NEW.mission_id AND days > 0
        UNION
        SELECT reversal_counted_on FROM time_entries
        WHERE mission_id = NEW.mission_id AND status = 'reversed' AND reversal_counted_on > counted_on
    ) AS grows (step);
    SELECT coalesce(array_agg(ordered ORDER BY step), '{}'), coalesce(array_agg(entered ORDER BY step), '{}'),
        coalesce(array_agg(allowed ORDER BY step), '{}')
    INTO NEW.ordered_before, NEW.entered_before, NEW.allowed_before
    FROM unnest(NEW.steps) AS step
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(days), 0) AS ordered FROM orders
        WHERE mission_id = NEW.mission_id AND signed_on < step
    ) o
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(days), 0) AS entered FROM time_entries
        WHERE mission_id = NEW.mission_id AND counted_on < step
            AND (status IN ('submitted', 'validated', 'certified') OR reversal_counted_on >= step)
    ) e
    CROSS JOIN LATERAL (  -- up to the next step that was there
        SELECT coalesce((
            SELECT allowed FROM unnest(steps_before, allowances) AS was (day, allowed)
            WHERE day >= step ORDER BY day LIMIT 1
        ), 0) AS allowed
    ) a;
    RETURN NEW;
END
$$
"""
COUNT_STEPS_OF_NEW = (
    "CREATE TRIGGER count_steps_of_new BEFORE INSERT ON mission_days FOR EACH ROW EXECUTE FUNCTION count_steps()"
)
COUNT_STEPS_AGAIN = (
    "CREATE TRIGGER count_steps BEFORE UPDATE OF days_ordered, steps, ordered_before, allowed_before ON mission_days"
    " FOR EACH ROW EXECUTE FUNCTION count_steps()"
)

for _function in (WITHIN_EACH, ADD_AFTER):
    event.listen(MissionDays.__table__, "before_create", DDL(_function))
for _statement in (COUNT_STEPS, COUNT_STEPS_OF_NEW, COUNT_STEPS_AGAIN):
    event.listen(MissionDays.__table__, "after_create", DDL(_statement))


class ThresholdCrossing(Identified, Base):
    """An alert threshold that the days entered have reached, once for each total that was ordered. Never changed."""

    __tablename__ = "threshold_crossings"
    __table_args__ = (UniqueConstraint("mission_id", "threshold_bp", "days_ordered"),)

    mission_id: Mapped[UUID] = mapped_column(ForeignKey("missions.id"))
    threshold_bp: Mapped[int]
    days_ordered: Mapped[Decimal]
    days_entered: Mapped[Decimal]
    crossed_at: Mapped[datetime]


keep(ThresholdCrossing)


# The row is held by the spending that crosses: two at the same instant come one after the other, and one of them tells.
ALERT_FUNCTION = """
CREATE FUNCTION tell_thresholds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH crossed AS (
        INSERT INTO threshold_crossings (mission_id, threshold_bp, days_ordered, days_entered, crossed_at)
        SELECT NEW.mission_id, bp, NEW.days_ordered, NEW.days_entered, now()
        FROM missions m CROSS JOIN unnest(m.alert_thresholds_bp) AS bp
        WHERE m.id = NEW.mission_id AND NEW.days_entered * 10000 >= bp * NEW.days_ordered
        ORDER BY bp
        ON CONFLICT DO NOTHING RETURNING *
    )
    INSERT INTO events (type, occurred_at, territory, actor_kind, request_id, resource_type, resource_id,
        resource_version, data)
    SELECT 'mission.threshold_crossed', now(), m.territory, 'system', 'threshold', 'mission', m.id::text, m.version,
        jsonb_build_object('id', c.id, 'mission_id', c.mission_id, 'threshold_bp', c.threshold_bp, 'days_ordered',
            c.days_ordered, 'days_entered', c.days_entered, 'crossed_at',
            to_char(c.crossed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
    FROM crossed c JOIN missions m ON m.id = c.mission_id
    ORDER BY c.threshold_bp;
    SELECT min(bp * NEW.days_ordered / 10000.0) INTO NEW.alert_at_days
    FROM missions m CROSS JOIN unnest(m.alert_thresholds_bp) AS bp
    WHERE m.id = NEW.mission_id AND NEW.days_entered * 10000 < bp * NEW.days_ordered;
    RETURN NEW;
END
$$
"""
ALERT = (
    "CREATE TRIGGER tell_thresholds BEFORE UPDATE ON mission_days FOR EACH ROW"
    " WHEN (NEW.days_entered >= NEW.alert_at_days) EXECUTE FUNCTION tell_thresholds()"
)

event.listen(MissionDays.__table__, "after_create", DDL(ALERT_FUNCTION.replace("%", "%%")))
event.listen(MissionDays.__table__, "after_create", DDL(ALERT))


def _both(some: list[date], more: list[date]) -> list[date]:
    return sorted({*some, *more})


class MemberDays(Base):
    """The limit row of a member's allotment."""

    __tablename__ = "member_days"
    __table_args__ = (
        ForeignKeyConstraint(
            ["mission_id", "organisation_id"], ["mission_members.mission_id", "mission_members.organisation_id"]
        ),
        CheckConstraint("days_entered <= days_allotted", name="allotment_exhausted"),
        shape("days_entered >= 0 AND days_entered <> 'NaN'", name="member_days_entered"),
        shape("days_allotted >= 0 AND days_allotted <> 'NaN'", name="member_days_allotted"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    mission_id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    days_allotted: Mapped[Decimal]
    days_entered: Mapped[Decimal] = mapped_column(server_default="0")


# The one lock order of days: a person's day (rank 10, in engineering), the member's allotment, the mission.
MEMBER_DAYS = Balance(MemberDays.__table__, 20, ("mission_id", "organisation_id"))  # type: ignore[arg-type]
MISSION_DAYS = Balance(
    MissionDays.__table__,  # type: ignore[arg-type]
    30,
    ("mission_id",),
    touches={
        "worked_from": min,
        "worked_to": max,
        "entered_on": max,
        "worked_days": _both,
        "counted_months": _both,
    },
    calendar={"entered_before": "steps"},
)
