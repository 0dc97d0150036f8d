"""The money's door locks the territory and the firm by one statement, and a meeting is looked for where one is named.

Revision: 2026_11_30_0753, after 2026_11_30_0752.
"""

from alembic import op

revision = "2026_11_30_0753"
down_revision = "2026_11_30_0752"
branch_labels = None
depends_on = None

CHECK_MONEY_DOOR = """
CREATE FUNCTION check_money_door() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    awarding boolean := TG_TABLE_NAME IN ('grants', 'advances');
    aided text;
    on_day date;
    held record;
    proceeding record;
    lifted text;
    ceased boolean;
BEGIN
    IF awarding THEN
        aided := NEW.firm_siren;
        on_day := NEW.decided_on;
    ELSIF TG_TABLE_NAME = 'grant_payments' THEN
        aided := (SELECT g.firm_siren FROM grants g WHERE g.id = NEW.grant_id);
        on_day := NEW.paid_on;
    ELSE
        aided := (SELECT a.firm_siren FROM advances a WHERE a.id = NEW.advance_id);
        on_day := NEW.paid_on;
    END IF;
    SELECT t.status, f.ceased, f.ceased_on INTO held FROM territories t, firms f
    WHERE t.slug = NEW.territory AND f.siren = aided FOR SHARE;  -- the territory first, as it stands first
    IF NOT FOUND THEN
        RETURN NEW;  -- a foreign key refuses
    END IF;
    IF held.status = 'withdrawn' OR awarding AND held.status <> 'laureate' THEN
        RAISE EXCEPTION 'the territory is not open' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'territory_not_open', DETAIL = json_build_object('territory_status', held.status);
    END IF;
    IF awarding
        AND NOT EXISTS (SELECT FROM territory_firms t WHERE t.territory = NEW.territory AND t.siren = aided)
    THEN
        RAISE EXCEPTION 'the firm is not followed' USING ERRCODE = 'check_violation', CONSTRAINT = 'firm_not_followed';
    END IF;
    IF NEW.override_id IS NOT NULL THEN
        SELECT o.code INTO lifted FROM overrides o
        WHERE o.id = NEW.override_id AND o.territory = NEW.territory AND o.firm_siren = aided AND o.used_by_id = NEW.id;
    END IF;
    ceased := awarding AND held.ceased AND (held.ceased_on IS NULL OR held.ceased_on <= on_day);
    IF ceased AND lifted IS DISTINCT FROM 'firm-ceased' THEN
        RAISE EXCEPTION 'the firm has ceased' USING ERRCODE = 'check_violation', CONSTRAINT = 'firm_ceased',
            DETAIL = json_strip_nulls(json_build_object('ceased_on', held.ceased_on));
    END IF;
    SELECT p.kind, p.opened_on INTO proceeding FROM proceedings p
    WHERE p.siren = aided AND p.opened_on <= on_day AND (p.closed_on IS NULL OR p.closed_on > on_day)
    ORDER BY p.opened_on DESC, p.id LIMIT 1;
    IF FOUND AND lifted IS DISTINCT FROM 'proceedings-open' THEN
        RAISE EXCEPTION 'proceedings are open' USING ERRCODE = 'check_violation', CONSTRAINT = 'proceedings_open',
            DETAIL = json_build_object('kind', proceeding.kind, 'opened_on', proceeding.opened_on);
    END IF;
    IF NEW.override_id IS NOT NULL
        AND NOT coalesce(FOUND AND lifted = 'proceedings-open' OR ceased AND lifted = 'firm-ceased', false)
    THEN
        RAISE EXCEPTION 'the override lifts nothing'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'override_does_not_apply';
    END IF;
    RETURN NEW;
END
$$
"""
CHECK_AWARD = """
CREATE FUNCTION check_award() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    served_since date;
BEGIN
    IF NEW.project_id IS NULL THEN
        SELECT served_since_on INTO served_since FROM territories WHERE slug = NEW.territory FOR SHARE;
        IF NEW.decided_on >= served_since THEN
            RAISE EXCEPTION 'for which project?' USING ERRCODE = 'check_violation', CONSTRAINT = 'project_missing';
        END IF;
    END IF;
    IF NEW.committee_id IS NOT NULL AND EXISTS (
        SELECT FROM committees WHERE territory = NEW.territory AND id = NEW.committee_id
            AND coalesce((timezone('Europe/Paris', held_at))::date, 'infinity') > NEW.decided_on
    ) THEN
        RAISE EXCEPTION 'not held by then'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'committee_after_decision';
    END IF;
    RETURN NEW;
END
$$
"""
BEFORE = (
    """
CREATE FUNCTION check_money_door() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    awarding boolean := TG_TABLE_NAME IN ('grants', 'advances');
    aided text;
    on_day date;
    territory_status text;
    firm record;
    proceeding record;
    lifted text;
    ceased boolean;
BEGIN
    IF awarding THEN
        aided := NEW.firm_siren;
        on_day := NEW.decided_on;
    ELSIF TG_TABLE_NAME = 'grant_payments' THEN
        aided := (SELECT g.firm_siren FROM grants g WHERE g.id = NEW.grant_id);
        on_day := NEW.paid_on;
    ELSE
        aided := (SELECT a.firm_siren FROM advances a WHERE a.id = NEW.advance_id);
        on_day := NEW.paid_on;
    END IF;
    SELECT t.status INTO territory_status FROM territories t WHERE t.slug = NEW.territory FOR SHARE;
    SELECT f.ceased, f.ceased_on INTO firm FROM firms f WHERE f.siren = aided FOR SHARE;
    IF NOT FOUND OR territory_status IS NULL THEN
        RETURN NEW;  -- a foreign key refuses
    END IF;
    IF territory_status = 'withdrawn' OR awarding AND territory_status <> 'laureate' THEN
        RAISE EXCEPTION 'the territory is not open' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'territory_not_open', DETAIL = json_build_object('territory_status', territory_status);
    END IF;
    IF awarding
        AND NOT EXISTS (SELECT FROM territory_firms t WHERE t.territory = NEW.territory AND t.siren = aided)
    THEN
        RAISE EXCEPTION 'the firm is not followed' USING ERRCODE = 'check_violation', CONSTRAINT = 'firm_not_followed';
    END IF;
    IF NEW.override_id IS NOT NULL THEN
        SELECT o.code INTO lifted FROM overrides o
        WHERE o.id = NEW.override_id AND o.territory = NEW.territory AND o.firm_siren = aided AND o.used_by_id = NEW.id;
    END IF;
    ceased := awarding AND firm.ceased AND (firm.ceased_on IS NULL OR firm.ceased_on <= on_day);
    IF ceased AND lifted IS DISTINCT FROM 'firm-ceased' THEN
        RAISE EXCEPTION 'the firm has ceased' USING ERRCODE = 'check_violation', CONSTRAINT = 'firm_ceased',
            DETAIL = json_strip_nulls(json_build_object('ceased_on', firm.ceased_on));
    END IF;
    SELECT p.kind, p.opened_on INTO proceeding FROM proceedings p
    WHERE p.siren = aided AND p.opened_on <= on_day AND (p.closed_on IS NULL OR p.closed_on > on_day)
    ORDER BY p.opened_on DESC, p.id LIMIT 1;
    IF FOUND AND lifted IS DISTINCT FROM 'proceedings-open' THEN
        RAISE EXCEPTION 'proceedings are open' USING ERRCODE = 'check_violation', CONSTRAINT = 'proceedings_open',
            DETAIL = json_build_object('kind', proceeding.kind, 'opened_on', proceeding.opened_on);
    END IF;
    IF NEW.override_id IS NOT NULL
        AND NOT coalesce(FOUND AND lifted = 'proceedings-open' OR ceased AND lifted = 'firm-ceased', false)
    THEN
        RAISE EXCEPTION 'the override lifts nothing'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'override_does_not_apply';
    END IF;
    RETURN NEW;
END
$$
""",
    """
CREATE FUNCTION check_award() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    served_since date;
BEGIN
    IF NEW.project_id IS NULL THEN
        SELECT served_since_on INTO served_since FROM territories WHERE slug = NEW.territory FOR SHARE;
        IF NEW.decided_on >= served_since THEN
            RAISE EXCEPTION 'for which project?' USING ERRCODE = 'check_violation', CONSTRAINT = 'project_missing';
        END IF;
    END IF;
    IF EXISTS (
        SELECT FROM committees WHERE territory = NEW.territory AND id = NEW.committee_id
            AND coalesce((timezone('Europe/Paris', held_at))::date, 'infinity') > NEW.decided_on
    ) THEN
        RAISE EXCEPTION 'not held by then'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'committee_after_decision';
    END IF;
    RETURN NEW;
END
$$
""",
)


def upgrade() -> None:
    for function in (CHECK_MONEY_DOOR, CHECK_AWARD):
        op.execute(function.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))


def downgrade() -> None:
    for function in BEFORE:
        op.execute(function.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
