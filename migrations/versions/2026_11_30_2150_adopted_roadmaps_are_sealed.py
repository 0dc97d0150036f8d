"""The adoption of a roadmap seals its text, with its hash; those that were adopted before are sealed now.

Revision: 2026_11_30_2150, after 2026_11_30_2143.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_2150"
down_revision = "2026_11_30_2143"
branch_labels = None
depends_on = None

TEXT = """
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
GUARD = """
CREATE OR REPLACE FUNCTION guard_roadmap() RETURNS trigger LANGUAGE plpgsql AS $$
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
SEAL = """
    UPDATE roadmap_versions v
    SET content = roadmap_text(v), content_hash = encode(sha256(convert_to(roadmap_text(v), 'UTF8')), 'hex')
    WHERE v.status <> 'draft'
"""
SEALED = """
    ALTER TABLE roadmap_versions ADD CONSTRAINT roadmap_sealed CHECK (
        num_nulls(content, content_hash) = CASE status WHEN 'draft' THEN 2 ELSE 0 END
        AND content_hash = encode(sha256(convert_to(content, 'UTF8')), 'hex')
    ) NOT VALID
"""
BEFORE = """
CREATE OR REPLACE FUNCTION guard_roadmap() RETURNS trigger LANGUAGE plpgsql AS $$
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
    RETURN NEW;
END
$$
"""


def upgrade() -> None:
    for name in ("content", "content_hash"):
        op.add_column("roadmap_versions", sa.Column(name, sa.Text()))
    for statement in (TEXT, GUARD, SEAL, SEALED):
        op.execute(statement)


def downgrade() -> None:
    op.execute(BEFORE)
    op.execute("DROP FUNCTION roadmap_text(roadmap_versions)")
    op.drop_constraint("roadmap_sealed", "roadmap_versions")
    for name in ("content_hash", "content"):
        op.drop_column("roadmap_versions", name)
