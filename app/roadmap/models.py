"""Tables of the roadmap. The text of a version is frozen with its adoption; the follow-up of actions is apart."""

from datetime import date, datetime
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
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.committees.models import Committee
from app.core import clock
from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.routines import append_only
from app.core.values import MAX_AMOUNT_CENTS
from app.core.writing.sealing import HASHED
from app.roadmap.rules import MOVES, NEED_REASON, ActionState, VersionStatus


def _pairs(pairs: list[tuple[ActionState, ActionState]]) -> str:
    return ", ".join(f"('{source.value}', '{target.value}')" for source, target in sorted(pairs))


_MOVES = _pairs([(source, target) for source, targets in MOVES.items() for target in targets])


class RoadmapVersion(Identified, Versioned, Base):
    """A version of a territory's roadmap (*feuille de route*). One at most is a draft, one at most in force on a day.

    In force from `adopted_on` (included), the day of the committee that adopted it, to `superseded_on` (excluded). Its
    adoption seals its text, by a trigger: `content` and `content_hash` are those of every version but a draft.
    """

    __tablename__ = "roadmap_versions"
    __table_args__ = (
        UniqueConstraint("territory", "id"),
        UniqueConstraint("id", "content_hash", name="roadmap_versions_content_key"),
        UniqueConstraint("territory", "number", name="roadmap_versions_number_key"),
        Index("draft_exists", "territory", unique=True, postgresql_where=text("status = 'draft'")),
        ExcludeConstraint(
            (func.textrange(text("territory"), text("territory"), text("'[]'")), "&&"),
            (func.daterange(text("adopted_on"), text("superseded_on"), text("'[)'")), "&&"),
            name="roadmap_in_force_twice",
            using="gist",
            where=text("adopted_on IS NOT NULL"),
        ),
        ForeignKeyConstraint(
            ["territory", "committee_id"], ["committees.territory", "committees.id"], info={"field": "committee_id"}
        ),
        ForeignKeyConstraint(
            ["adopted_by", "adopter_kind"], ["subjects.id", "subjects.kind"], name="adopted_by_a_person"
        ),
        shape("number >= 1", name="roadmap_number"),
        shape("title <> ''", name="roadmap_title"),
        shape("ends_on >= starts_on", name="roadmap_period"),
        shape(one_of("status", VersionStatus), name="roadmap_status"),
        shape(
            "num_nonnulls(committee_id, adopted_on, adopted_by) = CASE status WHEN 'draft' THEN 0 ELSE 3 END",
            name="roadmap_adoption",
        ),
        shape(
            "(status = 'superseded') = (superseded_on IS NOT NULL) AND superseded_on > adopted_on",
            name="roadmap_superseded",
        ),
        shape(
            f"num_nulls(content, content_hash) = CASE status WHEN 'draft' THEN 2 ELSE 0 END AND {HASHED}",
            name="roadmap_sealed",
        ),
        CheckConstraint("adopted_by <> ALL (authors)", name="drafter_adopts"),
        shape("adopter_kind = 'person'", name="roadmap_adopter_kind"),
        Index(None, "committee_id", postgresql_where=text("committee_id IS NOT NULL")),
    )

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"))
    number: Mapped[int]
    title: Mapped[str]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    status: Mapped[str] = mapped_column(server_default=VersionStatus.DRAFT.value)
    authors: Mapped[list[UUID]] = mapped_column(server_default="{}")
    committee_id: Mapped[UUID | None]
    adopted_on: Mapped[date | None]
    adopted_by: Mapped[UUID | None]
    adopter_kind: Mapped[str] = mapped_column(server_default="person")
    superseded_on: Mapped[date | None]
    content: Mapped[str | None]
    content_hash: Mapped[str | None]


class Axis(Base):
    """An axis of a version (*axe*), in order."""

    __tablename__ = "roadmap_axes"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "version_id"], ["roadmap_versions.territory", "roadmap_versions.id"]),
        shape("position >= 1", name="roadmap_axis_position"),
        shape("title <> ''", name="roadmap_axis_title"),
    )

    version_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    territory: Mapped[str]
    title: Mapped[str]
    objective: Mapped[str | None]


class FollowedAction(Identified, Versioned, Base):
    """An action through all versions that hold it, and its state: the last of its history, by foreign key.

    Without a history it is planned.
    """

    __tablename__ = "roadmap_followed_actions"
    __table_args__ = (
        UniqueConstraint("territory", "id"),
        ForeignKeyConstraint(
            ["id", "state_number", "state", "state_since_on"],
            ["roadmap_action_states.action_id", "roadmap_action_states.number", "roadmap_action_states.state",
             "roadmap_action_states.effective_on"],
            name="roadmap_followed_actions_state_fkey", use_alter=True, deferrable=True, initially="DEFERRED",
        ),
        shape(one_of("state", ActionState), name="followed_action_state"),
        shape(
            "num_nulls(state_number, state_since_on) = 0"
            " OR (num_nulls(state_number, state_since_on) = 2 AND state = 'planned')",
            name="followed_action_history",
        ),
    )  # fmt: skip

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"))
    state: Mapped[str] = mapped_column(server_default=ActionState.PLANNED.value)
    state_number: Mapped[int | None]
    state_since_on: Mapped[date | None]


class StateChange(Base):
    """A move of an action from state to state, in both times. Append-only; each follows the one before."""

    __tablename__ = "roadmap_action_states"
    __table_args__ = (
        ForeignKeyConstraint(
            ["territory", "action_id"], ["roadmap_followed_actions.territory", "roadmap_followed_actions.id"]
        ),
        UniqueConstraint("action_id", "number", "state", "effective_on", name="roadmap_action_states_chain_key"),
        ForeignKeyConstraint(
            ["action_id", "previous_number", "previous_state", "previous_on"],
            ["roadmap_action_states.action_id", "roadmap_action_states.number", "roadmap_action_states.state",
             "roadmap_action_states.effective_on"],
            name="roadmap_action_states_previous_fkey",
        ),
        shape(
            "CASE WHEN number = 1 THEN num_nulls(previous_number, previous_on) = 2 AND previous_state = 'planned'"
            " ELSE number > 1 AND num_nulls(previous_number, previous_on) = 0 AND previous_number = number - 1 END",
            name="action_state_number",
        ),
        CheckConstraint(f"(previous_state, state) IN ({_MOVES})", name="action_move_refused"),
        CheckConstraint("effective_on >= previous_on", name="action_move_out_of_order"),
        shape(
            f"reason IS NOT NULL OR (previous_state, state) NOT IN ({_pairs(list(NEED_REASON))})",
            name="action_state_reason",
        ),
        shape("effective_on <= (timezone('Europe/Paris', recorded_at))::date", name="action_state_future"),
        Index(None, "territory", "action_id"),
    )  # fmt: skip

    action_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    territory: Mapped[str]
    state: Mapped[str]
    effective_on: Mapped[date]
    previous_number: Mapped[int | None]
    previous_state: Mapped[str]
    previous_on: Mapped[date | None]
    reason: Mapped[str | None]
    recorded_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)


class Action(Base):
    """An action as a version words it."""

    __tablename__ = "roadmap_actions"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "version_id"], ["roadmap_versions.territory", "roadmap_versions.id"]),
        ForeignKeyConstraint(["version_id", "axis"], ["roadmap_axes.version_id", "roadmap_axes.position"]),
        ForeignKeyConstraint(
            ["territory", "action_id"], ["roadmap_followed_actions.territory", "roadmap_followed_actions.id"]
        ),
        UniqueConstraint("version_id", "axis", "position", name="roadmap_actions_place_key"),
        shape("position >= 1", name="roadmap_action_position"),
        shape("title <> ''", name="roadmap_action_title"),
        shape(f"budget_cents BETWEEN 0 AND {MAX_AMOUNT_CENTS}", name="roadmap_action_budget"),
        Index(None, "action_id"),
        Index(None, "owner_organisation_id", postgresql_where=text("owner_organisation_id IS NOT NULL")),
    )

    version_id: Mapped[UUID] = mapped_column(primary_key=True)
    action_id: Mapped[UUID] = mapped_column(primary_key=True)
    territory: Mapped[str]
    axis: Mapped[int] = mapped_column(SmallInteger)
    position: Mapped[int] = mapped_column(SmallInteger)
    title: Mapped[str]
    description: Mapped[str | None]
    owner_organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    due_on: Mapped[date | None]
    budget_cents: Mapped[int | None] = mapped_column(BigInteger)
    indicator: Mapped[str | None]


class ActionProject(Base):
    """A project that an action serves."""

    __tablename__ = "roadmap_action_projects"
    __table_args__ = (
        ForeignKeyConstraint(["version_id", "action_id"], ["roadmap_actions.version_id", "roadmap_actions.action_id"]),
        ForeignKeyConstraint(
            ["territory", "version_id"],
            ["roadmap_versions.territory", "roadmap_versions.id"],
        ),
        ForeignKeyConstraint(
            ["territory", "project_id"], ["projects.territory", "projects.id"], info={"field": "axes"}
        ),
        Index(None, "project_id"),
    )

    version_id: Mapped[UUID] = mapped_column(primary_key=True)
    action_id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    territory: Mapped[str]


class ActionFirm(Base):
    """A firm that an action serves; it is one that the territory follows."""

    __tablename__ = "roadmap_action_firms"
    __table_args__ = (
        ForeignKeyConstraint(["version_id", "action_id"], ["roadmap_actions.version_id", "roadmap_actions.action_id"]),
        ForeignKeyConstraint(
            ["territory", "version_id"],
            ["roadmap_versions.territory", "roadmap_versions.id"],
        ),
        ForeignKeyConstraint(
            ["territory", "siren"], ["territory_firms.territory", "territory_firms.siren"], info={"field": "axes"}
        ),
        Index(None, "territory", "siren"),
    )

    version_id: Mapped[UUID] = mapped_column(primary_key=True)
    action_id: Mapped[UUID] = mapped_column(primary_key=True)
    siren: Mapped[str] = mapped_column(primary_key=True)
    territory: Mapped[str]


# The text of a version as canonical JSON (RFC 8785: sorted keys, no white space), with its adoption. `row_to_json`
# writes the columns in the order of the SELECT, and no white space.
ROADMAP_TEXT = """
CREATE FUNCTION roadmap_text(version roadmap_versions) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT row_to_json(whole)::text FROM (
        SELECT version.adopted_by, version.adopted_on,
            coalesce((SELECT to_json(array_agg(row_to_json(axis) ORDER BY axis.position)) FROM (
                SELECT
                    coalesce((SELECT to_json(array_agg(row_to_json(action) ORDER BY action.position)) FROM (
                        SELECT a.budget_cents, a.description, a.due_on, a.action_id AS id, a.indicator,
                            a.owner_organisation_id, a.position,
                            ARRAY(SELECT p.project_id FROM roadmap_action_projects p
                                WHERE p.version_id = a.version_id AND p.action_id = a.action_id
                                ORDER BY p.project_id) AS project_ids,
                            ARRAY(SELECT f.siren FROM roadmap_action_firms f
                                WHERE f.version_id = a.version_id AND f.action_id = a.action_id
                                ORDER BY f.siren) AS sirens,
                            a.title
                        FROM roadmap_actions a WHERE a.version_id = x.version_id AND a.axis = x.position
                    ) action), '[]'::json) AS actions,
                    x.objective, x.position, x.title
                FROM roadmap_axes x WHERE x.version_id = version.id
            ) axis), '[]'::json) AS axes,
            version.committee_id, version.ends_on, version.id, version.number, version.starts_on, version.territory,
            version.title
    ) whole);
END
$$
"""
# What a committee adopted stays as it was, whoever writes; its parts are written under the version's lock, so that none
# slips into a version that is being adopted. Its text is sealed then.
GUARD_ROADMAP = """
CREATE FUNCTION guard_roadmap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'draft' THEN
            RAISE EXCEPTION 'a roadmap begins as a draft'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'roadmap_adopted';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' THEN
        IF OLD.status <> 'draft' THEN
            RAISE EXCEPTION 'the roadmap is adopted'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'roadmap_adopted';
        END IF;
        RETURN OLD;
    END IF;
    IF OLD.territory <> NEW.territory OR OLD.id <> NEW.id OR OLD.number <> NEW.number
        OR OLD.status <> NEW.status
            AND NOT (OLD.status, NEW.status) IN (('draft', 'adopted'), ('adopted', 'superseded'))
        OR OLD.status <> 'draft' AND (
            OLD.status = NEW.status AND OLD.superseded_on IS DISTINCT FROM NEW.superseded_on
            OR (OLD.title, OLD.starts_on, OLD.ends_on, OLD.committee_id, OLD.adopted_on, OLD.adopted_by, OLD.created_at,
             OLD.authors)
            IS DISTINCT FROM
            (NEW.title, NEW.starts_on, NEW.ends_on, NEW.committee_id, NEW.adopted_on, NEW.adopted_by, NEW.created_at,
             NEW.authors)
            OR OLD.content IS NOT NULL
                AND (OLD.content, OLD.content_hash) IS DISTINCT FROM (NEW.content, NEW.content_hash)
        )
    THEN
        RAISE EXCEPTION 'the roadmap is adopted'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'roadmap_adopted';
    END IF;
    IF OLD.status = 'draft' AND NEW.status = 'adopted' AND NOT EXISTS (
        SELECT FROM committees
        WHERE id = NEW.committee_id AND territory = NEW.territory AND status IN ('held', 'closed')
          AND (timezone('Europe/Paris', held_at))::date = NEW.adopted_on
        FOR SHARE
    ) THEN
        RAISE EXCEPTION 'no meeting was held that day'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'committee_not_held';
    END IF;
    IF OLD.status = 'draft' AND NEW.status = 'adopted' THEN
        NEW.content := roadmap_text(NEW);
        NEW.content_hash := encode(sha256(convert_to(NEW.content, 'UTF8')), 'hex');
    END IF;
    RETURN NEW;
END
$$
"""
# A roadmap is in force from the day of the meeting that adopted it: that meeting keeps its day.
KEEP_DAY_OF_ROADMAPS = """
CREATE FUNCTION keep_day_of_roadmaps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    adopted bigint;
BEGIN
    SELECT count(*) INTO adopted FROM roadmap_versions
    WHERE committee_id = NEW.id AND status <> 'draft'
        AND adopted_on <> (timezone('Europe/Paris', NEW.held_at))::date;
    IF adopted > 0 THEN
        RAISE EXCEPTION 'a roadmap was adopted that day' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'meeting_day_in_use', DETAIL = json_build_object('awards', 0, 'roadmaps', adopted);
    END IF;
    RETURN NULL;
END
$$
"""
DAY_OF_ROADMAPS = (
    "CREATE TRIGGER keep_day_of_roadmaps AFTER UPDATE OF held_at ON committees FOR EACH ROW"
    " WHEN (OLD.held_at IS DISTINCT FROM NEW.held_at) EXECUTE FUNCTION keep_day_of_roadmaps()"
)
GUARD_ROADMAP_PART = """
CREATE FUNCTION guard_roadmap_part() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM roadmap_versions WHERE id = NEW.version_id OR id = OLD.version_id ORDER BY id FOR SHARE;
    IF EXISTS (
        SELECT FROM roadmap_versions WHERE (id = NEW.version_id OR id = OLD.version_id) AND status <> 'draft'
    ) THEN
        RAISE EXCEPTION 'the roadmap is adopted'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'roadmap_adopted';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
"""


def _guard(table: str, function: str) -> str:
    return (
        f"CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()"
    )


for _statement in (GUARD_ROADMAP, GUARD_ROADMAP_PART):
    event.listen(Base.metadata, "before_create", DDL(_statement))
event.listen(RoadmapVersion.__table__, "after_create", DDL(ROADMAP_TEXT))
for _statement in (KEEP_DAY_OF_ROADMAPS, DAY_OF_ROADMAPS):
    event.listen(Committee.__table__, "after_create", DDL(_statement))
for _model, _function in (
    (RoadmapVersion, "guard_roadmap"),
    (Axis, "guard_roadmap_part"),
    (Action, "guard_roadmap_part"),
    (ActionProject, "guard_roadmap_part"),
    (ActionFirm, "guard_roadmap_part"),
):
    event.listen(_model.__table__, "after_create", DDL(_guard(_model.__tablename__, _function)))
    event.listen(_model.__table__, "after_create", DDL(append_only(_model.__tablename__, "TRUNCATE")))
event.listen(StateChange.__table__, "after_create", DDL(append_only("roadmap_action_states")))
