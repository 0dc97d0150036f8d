"""A tranche is proposed by one person, approved by another, sent, and recorded as the bank paid it, as a payment of a
grant is.

Revision: 2026_11_30_1900, after 2026_11_30_1832.

A tranche that is written with the day on which it was paid is recorded at once, as before; the money's door tells what
it breaks, and refuses a proposal.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_30_1900"
down_revision = "2026_11_30_1832"
branch_labels = None
depends_on = None

TABLE = "advance_tranches"
COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "planned_on": sa.Date(),
    "reference": sa.Text(),
    "document_sha256": sa.Text(),
    "bank_details_id": sa.Uuid(),
    "details_proposed_by": sa.Uuid(),
    "details_decided_by": sa.Uuid(),
    "proposed_by": sa.Uuid(),
    "approved_by": sa.Uuid(),
    "sent_on": sa.Date(),
    "rejected_on": sa.Date(),
    "rejection_reason": sa.Text(),
    "seen_by": sa.Uuid(),
    "seen_at": sa.DateTime(timezone=True),
}
LINKS = {
    "advance_tranches_bank_details_fkey": "(bank_details_id, territory, details_proposed_by, details_decided_by)"
    " REFERENCES firm_bank_details (id, territory, proposed_by, decided_by)",
    "tranche_approved_by_a_person": "(approved_by, approver_kind) REFERENCES subjects (id, kind)",
    "advance_tranches_proposed_by_fkey": "(proposed_by) REFERENCES subjects (id)",
    "advance_tranches_seen_by_fkey": "(seen_by) REFERENCES subjects (id)",
}
# Constraint, the condition before (none: it is new), the condition now.
CHECKS = [
    ("decider_pays", "recorded_by <> awarded_by",
     "awarded_by <> ALL (ARRAY[proposed_by, approved_by, recorded_by])"),
    ("tranche_reason", "(status = 'reversed') = (reason IS NOT NULL)",
     "(status IN ('cancelled', 'reversed')) = (reason IS NOT NULL)"),
    ("tranche_status", "status IN ('recorded', 'reversed')",
     "status IN ('proposed', 'approved', 'sent', 'recorded', 'cancelled', 'reversed')"),
    ("payment_own_approval", "", "approved_by <> proposed_by"),
    ("payment_to_own_bank_details", "", "approved_by <> ALL (ARRAY[details_proposed_by, details_decided_by])"),
    ("recorder_sees", "", "seen_by <> recorded_by"),
    ("tranche_approver_kind", "", "approver_kind = 'person'"),
    ("tranche_state", "",
     ("CASE WHEN status IN ('recorded', 'reversed') THEN paid_on IS NOT NULL AND recorded_by IS NOT NULL"
     " ELSE paid_on IS NULL AND recorded_by IS NULL AND bank_details_id IS NOT NULL"
     " AND proposed_by IS NOT NULL END"
     " AND CASE status WHEN 'proposed' THEN num_nonnulls(approved_by, sent_on) = 0"
     " WHEN 'approved' THEN approved_by IS NOT NULL AND sent_on IS NULL"
     " WHEN 'sent' THEN num_nulls(approved_by, sent_on) = 0 ELSE true END")),
    ("tranche_bank_details", "",
     "num_nulls(bank_details_id, details_proposed_by, details_decided_by) IN (0, 3)"),
    ("tranche_rejection", "", "num_nulls(rejected_on, rejection_reason) <> 1"),
    ("tranche_exceeds", "",
     ("num_nulls(seen_by, seen_at) <> 1 AND (seen_by IS NULL OR exceeds <> '{}')"
     " AND (exceeds = '{}' OR status IN ('recorded', 'reversed'))")),
    ("tranche_document", "", "document_sha256 ~ '^[0-9a-f]{64}$'"),
]  # fmt: skip
GUARD = """
CREATE FUNCTION guard_tranche() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (CASE TG_OP
        WHEN 'DELETE' THEN true
        WHEN 'INSERT' THEN NEW.status IN ('approved', 'sent')
        ELSE (OLD.territory, OLD.advance_id, OLD.amount_cents, OLD.document_sha256, OLD.proposed_by, OLD.created_at)
                IS DISTINCT FROM
                (NEW.territory, NEW.advance_id, NEW.amount_cents, NEW.document_sha256, NEW.proposed_by, NEW.created_at)
            OR NEW.status <> 'proposed' AND OLD.bank_details_id IS DISTINCT FROM NEW.bank_details_id
            OR OLD.status <> 'proposed' AND NEW.status <> 'proposed'
                AND OLD.approved_by IS DISTINCT FROM NEW.approved_by
            OR OLD.status <> NEW.status AND NOT (OLD.status, NEW.status) IN (
                ('proposed', 'approved'), ('proposed', 'recorded'), ('proposed', 'cancelled'),
                ('approved', 'proposed'), ('approved', 'sent'), ('approved', 'recorded'), ('approved', 'cancelled'),
                ('sent', 'proposed'), ('sent', 'approved'), ('sent', 'recorded'), ('recorded', 'reversed')
            )
        END)
    THEN
        RAISE EXCEPTION 'no such change of a payment'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_transition';
    END IF;
    IF NEW.status IN ('approved', 'sent')
        OR NEW.status = 'proposed' AND (TG_OP = 'INSERT' OR OLD.bank_details_id IS DISTINCT FROM NEW.bank_details_id)
    THEN
        PERFORM FROM firm_bank_details d JOIN advances g ON g.territory = d.territory AND g.firm_siren = d.siren
        WHERE d.id = NEW.bank_details_id AND d.status = 'approved' AND g.id = NEW.advance_id FOR SHARE OF d;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the bank details are not approved'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'bank_details_unapproved';
        END IF;
    END IF;
    RETURN NEW;
END
$$
"""
CHECK_MONEY_DOOR = """
CREATE FUNCTION check_money_door() RETURNS trigger LANGUAGE plpgsql AS $$
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
BEFORE = """
CREATE FUNCTION check_money_door() RETURNS trigger LANGUAGE plpgsql AS $$
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


def upgrade() -> None:
    for name, kind in COLUMNS.items():
        op.add_column(TABLE, sa.Column(name, kind, nullable=True))
    op.add_column(TABLE, sa.Column("approver_kind", sa.Text(), server_default="person", nullable=False))
    op.add_column(TABLE, sa.Column("exceeds", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False))
    for name in ("paid_on", "recorded_by"):  # a proposal has neither; whoever reads those of before finds both
        op.execute(f"-- squawk-ignore ban-drop-not-null\nALTER TABLE {TABLE} ALTER COLUMN {name} DROP NOT NULL")
    for name, references in LINKS.items():
        op.execute(f"ALTER TABLE {TABLE} ADD CONSTRAINT {name} FOREIGN KEY {references} NOT VALID")
    for name, before, now in CHECKS:
        # One statement where a condition takes the place of another: no moment is without it.
        replaced = f"DROP CONSTRAINT {name}, " if before else ""
        ignored = "-- squawk-ignore ban-drop-constraint\n" if before else ""
        op.execute(f"{ignored}ALTER TABLE {TABLE} {replaced}ADD CONSTRAINT {name} CHECK ({now}) NOT VALID")
    op.execute(CHECK_MONEY_DOOR.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    op.execute(f"DROP TRIGGER money_door ON {TABLE}")
    op.execute(
        "CREATE TRIGGER money_door BEFORE INSERT OR UPDATE OF territory, advance_id, paid_on, override_id, status"
        f" ON {TABLE} FOR EACH ROW EXECUTE FUNCTION check_money_door()"
    )
    op.execute(GUARD)
    op.execute(
        f"CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON {TABLE}"
        " FOR EACH ROW EXECUTE FUNCTION guard_tranche()"
    )


def downgrade() -> None:
    op.execute(f"DROP TRIGGER guard ON {TABLE}")
    op.execute("DROP FUNCTION guard_tranche()")
    op.execute(f"DROP TRIGGER money_door ON {TABLE}")
    op.execute(
        "CREATE TRIGGER money_door BEFORE INSERT OR UPDATE OF territory, advance_id, paid_on, override_id"
        f" ON {TABLE} FOR EACH ROW EXECUTE FUNCTION check_money_door()"
    )
    op.execute(BEFORE.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    for name, before, _ in CHECKS:
        op.drop_constraint(name, TABLE)
        if before:
            op.create_check_constraint(name, TABLE, before)
    for name in LINKS:
        op.drop_constraint(name, TABLE)
    for name in ("paid_on", "recorded_by"):
        op.alter_column(TABLE, name, nullable=False)
    for name in ("exceeds", "approver_kind", *COLUMNS):
        op.drop_column(TABLE, name)
