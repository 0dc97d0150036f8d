"""Awards and payments stand at the money's door: the territory and the firm are asked for.

Revision: 2026_11_30_0303, after 2026_11_30_0302.
"""

import logging

import sqlalchemy as sa
from alembic import context, op

revision = "2026_11_30_0303"
down_revision = "2026_11_30_0302"
branch_labels = None
depends_on = None

CHECK_MONEY_DOOR = r"""CREATE FUNCTION check_money_door() RETURNS trigger LANGUAGE plpgsql AS $$
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
"""

# Table, and the columns that a later change would be judged by.
TABLES = {
    "grants": "territory, firm_siren, decided_on, override_id",
    "grant_payments": "territory, grant_id, paid_on, override_id",
    "advances": "territory, firm_siren, decided_on, override_id",
    "advance_tranches": "territory, advance_id, paid_on, override_id",
}
# What stands stays: `rebond check` lists it.
BEFORE = {
    "awards to firms that the territory does not follow, which stay": """
        SELECT count(*) FROM (
        SELECT concat_ws(' ', a.territory, a.of, a.id), a.amount_cents FROM (
            SELECT 'grant' AS of, id, territory, firm_siren, amount_cents, status FROM grants
            UNION ALL SELECT 'advance', id, territory, firm_siren, amount_cents, status FROM advances
        ) a WHERE a.status NOT IN ('cancelled', 'reversed')
            AND NOT EXISTS (
                SELECT FROM territory_firms t WHERE t.territory = a.territory AND t.siren = a.firm_siren
            )
        ) found""",
    "awards to firms in open proceedings, which stay": """
        SELECT count(*) FROM (
        SELECT concat_ws(' ', a.territory, a.of, a.id), a.amount_cents FROM (
            SELECT 'grant' AS of, id, territory, firm_siren, decided_on, amount_cents, status, override_id, created_at
            FROM grants
            UNION ALL
            SELECT 'advance', id, territory, firm_siren, decided_on, amount_cents, status, override_id, created_at
            FROM advances
        ) a WHERE a.status NOT IN ('cancelled', 'reversed') AND a.override_id IS NULL AND EXISTS (
            SELECT FROM proceedings p WHERE p.siren = a.firm_siren AND p.created_at < a.created_at
                AND p.opened_on <= a.decided_on AND (p.closed_on IS NULL OR p.closed_on > a.decided_on))
        ) found""",
}


def upgrade() -> None:
    op.execute(CHECK_MONEY_DOOR)
    for table, columns in TABLES.items():
        op.execute(
            f"CREATE TRIGGER money_door BEFORE INSERT OR UPDATE OF {columns} ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION check_money_door()"
        )
    if context.is_offline_mode():
        return
    for name, query in BEFORE.items():
        if count := op.get_bind().scalar(sa.text(query)):
            logging.getLogger("rebond.migrations").warning("%s: %s", name, count)


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TRIGGER money_door ON {table}")
    op.execute("DROP FUNCTION check_money_door()")
