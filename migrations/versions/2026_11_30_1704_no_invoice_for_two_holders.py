"""The firm to which an aid passes is looked at on that day, and no invoice counts for two firms that held an aid.

Revision: 2026_11_30_1704, after 2026_11_30_1703.
"""

from alembic import op

revision = "2026_11_30_1704"
down_revision = "2026_11_30_1703"
branch_labels = None
depends_on = None

DOOR = """
CREATE OR REPLACE FUNCTION check_money_door() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    awarding boolean := TG_TABLE_NAME IN ('grants', 'advances');
    passing boolean := false;
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
        IF TG_OP = 'UPDATE' THEN
            -- It passes to another firm: this one is looked at today, and an override was of the first one.
            passing := NEW.firm_siren <> OLD.firm_siren;
            IF passing THEN
                on_day := (timezone('Europe/Paris', now()))::date;
                named := NEW.override_id IS DISTINCT FROM OLD.override_id;
            END IF;
        END IF;
    ELSIF TG_TABLE_NAME = 'grant_payments' THEN
        -- A payment is judged when it is proposed, and when it is approved. What the bank did is told, never refused.
        judged := CASE TG_OP WHEN 'INSERT' THEN NEW.status = 'proposed'
            ELSE (OLD.status, NEW.status) = ('proposed', 'approved') END;
        named := named AND (TG_OP = 'INSERT' OR NEW.override_id IS DISTINCT FROM OLD.override_id);
        IF NOT judged AND NOT named THEN
            RETURN NEW;
        END IF;
        aided := (SELECT g.firm_siren FROM grants g WHERE g.id = NEW.grant_id);
        on_day := coalesce(NEW.paid_on, (timezone('Europe/Paris', now()))::date);
    ELSE
        aided := (SELECT a.firm_siren FROM advances a WHERE a.id = NEW.advance_id);
        on_day := NEW.paid_on;
    END IF;
    SELECT t.status, f.ceased, f.ceased_on INTO held FROM territories t, firms f
    WHERE t.slug = NEW.territory AND f.siren = aided FOR SHARE;  -- the territory first, as it stands first
    IF NOT FOUND THEN
        RETURN NEW;  -- a foreign key refuses
    END IF;
    IF judged AND (held.status = 'withdrawn' OR awarding AND NOT passing AND held.status <> 'laureate') THEN
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
DOOR_BEFORE = """
CREATE OR REPLACE FUNCTION check_money_door() RETURNS trigger LANGUAGE plpgsql AS $$
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
    ELSIF TG_TABLE_NAME = 'grant_payments' THEN
        -- A payment is judged when it is proposed, and when it is approved. What the bank did is told, never refused.
        judged := CASE TG_OP WHEN 'INSERT' THEN NEW.status = 'proposed'
            ELSE (OLD.status, NEW.status) = ('proposed', 'approved') END;
        named := named AND (TG_OP = 'INSERT' OR NEW.override_id IS DISTINCT FROM OLD.override_id);
        IF NOT judged AND NOT named THEN
            RETURN NEW;
        END IF;
        aided := (SELECT g.firm_siren FROM grants g WHERE g.id = NEW.grant_id);
        on_day := coalesce(NEW.paid_on, (timezone('Europe/Paris', now()))::date);
    ELSE
        aided := (SELECT a.firm_siren FROM advances a WHERE a.id = NEW.advance_id);
        on_day := NEW.paid_on;
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
HOLDERS = (
    """
CREATE FUNCTION aid_holders(aid uuid) RETURNS text[] LANGUAGE sql STABLE
RETURN (
    SELECT array_agg(holder) FROM (
        SELECT firm_siren AS holder FROM aids WHERE id = aid
        UNION SELECT from_siren FROM aid_acts WHERE aid_id = aid AND act = 'transfer'
    ) held
)
""",
    """
CREATE FUNCTION firms_of_invoices(aid uuid) RETURNS text[] LANGUAGE sql STABLE
RETURN aid_holders(aid) || (
    SELECT array_agg(firm) FROM aid_acts passed, unnest(ARRAY[passed.from_siren, passed.to_siren]) AS firm
    WHERE passed.act = 'transfer' AND passed.aid_id IN (
        SELECT aid_id FROM aid_acts WHERE from_siren = ANY (aid_holders(aid))
        UNION SELECT aid_id FROM aid_acts WHERE to_siren = ANY (aid_holders(aid))
    )
)
""",
    """
CREATE FUNCTION claimed_elsewhere(line claim_lines) RETURNS uuid LANGUAGE sql STABLE
RETURN (
    SELECT l.id FROM claim_lines l
    WHERE l.stands AND l.firm_siren <> line.firm_siren AND l.firm_siren = ANY (firms_of_invoices(line.aid_id))
        AND l.invoice_key = invoice_key(line.invoice_number)
        AND coalesce(l.supplier_siren = line.supplier_siren, l.supplier_key = supplier_key(line.supplier_name))
        AND aid_holders(l.aid_id) && aid_holders(line.aid_id)
    LIMIT 1
)
""",
)
CHECK_TRANSFER = """
CREATE FUNCTION check_transfer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM claim_lines line
        WHERE line.aid_id = NEW.aid_id AND line.stands AND line.returns_id IS NULL
            AND claimed_elsewhere(line) IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'an invoice stands twice'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'invoice_already_claimed';
    END IF;
    RETURN NULL;
END
$$
"""
GUARD = """
CREATE OR REPLACE FUNCTION guard_claim_line() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    received date;
    completed date;
    parked record;
    later smallint;
BEGIN
    IF TG_OP <> 'UPDATE' AND EXISTS (
        SELECT FROM claims WHERE id = coalesce(NEW.claim_id, OLD.claim_id) AND sample_seed IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'its lines are drawn' USING ERRCODE = 'check_violation', CONSTRAINT = 'sample_drawn';
    END IF;
    IF TG_OP = 'DELETE' THEN
        IF OLD.status <> 'submitted' THEN
            RAISE EXCEPTION 'it is settled' USING ERRCODE = 'check_violation', CONSTRAINT = 'claim_transition';
        END IF;
        RETURN OLD;
    END IF;
    IF TG_OP = 'INSERT' AND NEW.status <> 'submitted' OR TG_OP = 'UPDATE' AND (
        (OLD.status, NEW.status) NOT IN (
            ('submitted', 'submitted'), ('submitted', 'settled'), ('settled', 'submitted'), ('submitted', 'withdrawn')
        )
        OR (OLD.id, OLD.claim_id, OLD.territory, OLD.aid_id, OLD.firm_siren, OLD.line_id, OLD.invoice_number,
            OLD.supplier_siren, OLD.supplier_name, OLD.invoiced_on, OLD.paid_on, OLD.declared_cents, OLD.proof_sha256,
            OLD.returns_id)
            IS DISTINCT FROM
            (NEW.id, NEW.claim_id, NEW.territory, NEW.aid_id, NEW.firm_siren, NEW.line_id, NEW.invoice_number,
            NEW.supplier_siren, NEW.supplier_name, NEW.invoiced_on, NEW.paid_on, NEW.declared_cents, NEW.proof_sha256,
            NEW.returns_id)
    ) THEN
        RAISE EXCEPTION 'no such transition' USING ERRCODE = 'check_violation', CONSTRAINT = 'claim_transition';
    END IF;
    IF TG_OP = 'INSERT' OR NEW.certified_cents > 0 THEN
        SELECT f.received_on, a.completed_on INTO received, completed
        FROM aids a LEFT JOIN applications f ON f.id = a.application_id WHERE a.id = NEW.aid_id;
        IF least(NEW.invoiced_on, NEW.paid_on) < received THEN
            RAISE EXCEPTION 'too early' USING ERRCODE = 'check_violation', CONSTRAINT = 'expense_before_receipt',
                DETAIL = json_build_object('received_on', received);
        END IF;
        IF NEW.invoiced_on > completed THEN
            RAISE EXCEPTION 'too late' USING ERRCODE = 'check_violation', CONSTRAINT = 'expense_after_completion',
                DETAIL = json_build_object('completed_on', completed);
        END IF;
    END IF;
    IF TG_OP = 'INSERT' AND NEW.returns_id IS NULL AND claimed_elsewhere(NEW) IS NOT NULL THEN
        RAISE EXCEPTION 'by another holder of the aid'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'invoice_already_claimed';
    END IF;
    IF TG_OP = 'INSERT' AND NEW.returns_id IS NOT NULL THEN
        SELECT * INTO parked FROM claim_lines WHERE id = NEW.returns_id FOR NO KEY UPDATE;
        IF parked.aid_id IS DISTINCT FROM NEW.aid_id OR parked.status <> 'settled'
            OR parked.invoice_key <> invoice_key(NEW.invoice_number) OR NEW.declared_cents > parked.parked_cents
        THEN
            RAISE EXCEPTION 'it was not parked' USING ERRCODE = 'check_violation', CONSTRAINT = 'above_parked',
                DETAIL = json_build_object('parked_cents', coalesce(parked.parked_cents, 0));
        END IF;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.status = 'settled' THEN
        SELECT c.number INTO later FROM claim_lines l JOIN claims c ON c.id = l.claim_id
        WHERE l.returns_id = OLD.id AND l.stands;
        IF FOUND THEN
            RAISE EXCEPTION 'it has returned' USING ERRCODE = 'check_violation', CONSTRAINT = 'parked_line_returned',
                DETAIL = json_build_object('number', later);
        END IF;
    END IF;
    RETURN NEW;
END
$$
"""
GUARD_BEFORE = """
CREATE OR REPLACE FUNCTION guard_claim_line() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    received date;
    completed date;
    parked record;
    later smallint;
BEGIN
    IF TG_OP <> 'UPDATE' AND EXISTS (
        SELECT FROM claims WHERE id = coalesce(NEW.claim_id, OLD.claim_id) AND sample_seed IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'its lines are drawn' USING ERRCODE = 'check_violation', CONSTRAINT = 'sample_drawn';
    END IF;
    IF TG_OP = 'DELETE' THEN
        IF OLD.status <> 'submitted' THEN
            RAISE EXCEPTION 'it is settled' USING ERRCODE = 'check_violation', CONSTRAINT = 'claim_transition';
        END IF;
        RETURN OLD;
    END IF;
    IF TG_OP = 'INSERT' AND NEW.status <> 'submitted' OR TG_OP = 'UPDATE' AND (
        (OLD.status, NEW.status) NOT IN (
            ('submitted', 'submitted'), ('submitted', 'settled'), ('settled', 'submitted'), ('submitted', 'withdrawn')
        )
        OR (OLD.id, OLD.claim_id, OLD.territory, OLD.aid_id, OLD.firm_siren, OLD.line_id, OLD.invoice_number,
            OLD.supplier_siren, OLD.supplier_name, OLD.invoiced_on, OLD.paid_on, OLD.declared_cents, OLD.proof_sha256,
            OLD.returns_id)
            IS DISTINCT FROM
            (NEW.id, NEW.claim_id, NEW.territory, NEW.aid_id, NEW.firm_siren, NEW.line_id, NEW.invoice_number,
            NEW.supplier_siren, NEW.supplier_name, NEW.invoiced_on, NEW.paid_on, NEW.declared_cents, NEW.proof_sha256,
            NEW.returns_id)
    ) THEN
        RAISE EXCEPTION 'no such transition' USING ERRCODE = 'check_violation', CONSTRAINT = 'claim_transition';
    END IF;
    IF TG_OP = 'INSERT' OR NEW.certified_cents > 0 THEN
        SELECT f.received_on, a.completed_on INTO received, completed
        FROM aids a LEFT JOIN applications f ON f.id = a.application_id WHERE a.id = NEW.aid_id;
        IF least(NEW.invoiced_on, NEW.paid_on) < received THEN
            RAISE EXCEPTION 'too early' USING ERRCODE = 'check_violation', CONSTRAINT = 'expense_before_receipt',
                DETAIL = json_build_object('received_on', received);
        END IF;
        IF NEW.invoiced_on > completed THEN
            RAISE EXCEPTION 'too late' USING ERRCODE = 'check_violation', CONSTRAINT = 'expense_after_completion',
                DETAIL = json_build_object('completed_on', completed);
        END IF;
    END IF;
    IF TG_OP = 'INSERT' AND NEW.returns_id IS NOT NULL THEN
        SELECT * INTO parked FROM claim_lines WHERE id = NEW.returns_id FOR NO KEY UPDATE;
        IF parked.aid_id IS DISTINCT FROM NEW.aid_id OR parked.status <> 'settled'
            OR parked.invoice_key <> invoice_key(NEW.invoice_number) OR NEW.declared_cents > parked.parked_cents
        THEN
            RAISE EXCEPTION 'it was not parked' USING ERRCODE = 'check_violation', CONSTRAINT = 'above_parked',
                DETAIL = json_build_object('parked_cents', coalesce(parked.parked_cents, 0));
        END IF;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.status = 'settled' THEN
        SELECT c.number INTO later FROM claim_lines l JOIN claims c ON c.id = l.claim_id
        WHERE l.returns_id = OLD.id AND l.stands;
        IF FOUND THEN
            RAISE EXCEPTION 'it has returned' USING ERRCODE = 'check_violation', CONSTRAINT = 'parked_line_returned',
                DETAIL = json_build_object('number', later);
        END IF;
    END IF;
    RETURN NEW;
END
$$
"""


def upgrade() -> None:
    for function in (DOOR, *HOLDERS, CHECK_TRANSFER, GUARD):
        op.execute(function)
    op.execute(
        "CREATE CONSTRAINT TRIGGER check_transfer AFTER INSERT ON aid_acts DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
        " WHEN (NEW.act = 'transfer') EXECUTE FUNCTION check_transfer()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER check_transfer ON aid_acts")
    op.execute(GUARD_BEFORE)
    op.execute(DOOR_BEFORE)
    op.execute("DROP FUNCTION check_transfer()")
    op.execute("DROP FUNCTION claimed_elsewhere(claim_lines)")
    op.execute("DROP FUNCTION firms_of_invoices(uuid)")
    op.execute("DROP FUNCTION aid_holders(uuid)")
