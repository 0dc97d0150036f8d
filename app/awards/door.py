"""The money's door: what the database asks of the territory and the firm when an award or a payment is written.

The rows it reads stay as they are until COMMIT (docs/locking.md): a status set, a cessation or a proceeding recorded at
the same moment is before the act, which is refused, or after it. DETAIL tells the members of the problem.
"""

from sqlalchemy import DDL, event

from app.core.db import Base

CHECK_MONEY_DOOR = """
CREATE FUNCTION check_money_door() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    awarding boolean := TG_TABLE_NAME IN ('grants', 'advances');
    judged boolean := true;
    named boolean := NEW.override_id IS NOT NULL;
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
    ELSE
        -- A payment is judged when it is proposed, and when it is approved. What the bank did is told, never refused.
        judged := CASE TG_OP WHEN 'INSERT' THEN NEW.status = 'proposed'
            ELSE (OLD.status, NEW.status) = ('proposed', 'approved') END;
        named := named AND (TG_OP = 'INSERT' OR NEW.override_id IS DISTINCT FROM OLD.override_id);
        IF NOT judged AND NOT named THEN
            RETURN NEW;
        END IF;
        IF TG_TABLE_NAME = 'grant_payments' THEN
            aided := (SELECT g.firm_siren FROM grants g WHERE g.id = NEW.grant_id);
        ELSE
            aided := (SELECT a.firm_siren FROM advances a WHERE a.id = NEW.advance_id);
        END IF;
        on_day := coalesce(NEW.paid_on, (timezone('Europe/Paris', now()))::date);
    END IF;
    SELECT t.status, f.ceased, f.ceased_on INTO held FROM territories t, firms f
    WHERE t.slug = NEW.territory AND f.siren = aided FOR SHARE;  -- the territory first, as it stands first
    IF NOT FOUND THEN
        RETURN NEW;  -- a foreign key refuses
    END IF;
    IF judged AND (held.status = 'withdrawn' OR awarding AND held.status <> 'laureate') THEN
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
    IF FOUND AND judged AND lifted IS DISTINCT FROM 'proceedings-open' THEN
        RAISE EXCEPTION 'proceedings are open' USING ERRCODE = 'check_violation', CONSTRAINT = 'proceedings_open',
            DETAIL = json_build_object('kind', proceeding.kind, 'opened_on', proceeding.opened_on);
    END IF;
    IF named
        AND NOT coalesce(FOUND AND lifted = 'proceedings-open' OR ceased AND lifted = 'firm-ceased', false)
    THEN
        RAISE EXCEPTION 'the override lifts nothing'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'override_does_not_apply';
    END IF;
    RETURN NEW;
END
$$
"""


def money_door(table: str, columns: str) -> str:
    """The trigger of a table whose rows give money; `columns` are those that a later change would be judged by."""
    return (
        f"CREATE TRIGGER money_door BEFORE INSERT OR UPDATE OF {columns} ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION check_money_door()"
    )


def stands_at_the_door(table: type[Base], columns: str) -> None:
    """Let no row into the table that the money's door refuses: said beside its model."""
    event.listen(table.__table__, "after_create", DDL(money_door(table.__tablename__, columns)))


event.listen(Base.metadata, "before_create", DDL(CHECK_MONEY_DOOR))
