"""Who drafts a roadmap does not record its adoption; an adopted one keeps its authors.

Revision: 2026_11_30_0402, after 2026_11_30_0401.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_30_0402"
down_revision = "2026_11_30_0401"
branch_labels = None
depends_on = None

# The text of a draft is of those who made or changed it, as the events tell.
DRAFTS = """
    UPDATE roadmap_versions v SET authors = ARRAY(
        SELECT DISTINCT e.actor_id FROM events e
        WHERE e.territory = v.territory AND e.resource_type = 'roadmap_version' AND e.resource_id = v.id::text
            AND e.type IN ('roadmap_version.created', 'roadmap_version.updated') AND e.actor_id IS NOT NULL
    ) WHERE v.status = 'draft'
"""

GUARD = r"""CREATE OR REPLACE FUNCTION guard_roadmap() RETURNS trigger LANGUAGE plpgsql AS $$
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
KEPT = ((",\n             OLD.authors)", ")"), (",\n             NEW.authors)", ")"))


def upgrade() -> None:
    op.add_column(
        "roadmap_versions", sa.Column("authors", postgresql.ARRAY(sa.Uuid()), server_default="{}", nullable=False)
    )
    op.execute(DRAFTS)
    op.execute(
        "ALTER TABLE roadmap_versions ADD CONSTRAINT drafter_adopts CHECK (adopted_by <> ALL (authors)) NOT VALID"
    )
    op.execute(GUARD)


def downgrade() -> None:
    before = GUARD
    for now, then in KEPT:
        before = before.replace(now, then)
    op.execute(before)
    op.drop_constraint("drafter_adopts", "roadmap_versions")
    op.drop_column("roadmap_versions", "authors")
