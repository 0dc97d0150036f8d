"""What was paid of a grant is claimed back: recoveries, and their receipts.

Revision: 2026_11_30_1302, after 2026_11_30_1301.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_1302"
down_revision = "2026_11_30_1301"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE recoveries (
        territory TEXT NOT NULL,
        grant_id UUID NOT NULL,
        awarded_by UUID NOT NULL,
        cause TEXT NOT NULL,
        amount_cents BIGINT NOT NULL,
        received_cents BIGINT DEFAULT '0' NOT NULL,
        set_off_cents BIGINT DEFAULT '0' NOT NULL,
        waived_cents BIGINT DEFAULT '0' NOT NULL,
        planned_cents BIGINT DEFAULT '0' NOT NULL,
        opened_on DATE NOT NULL,
        opened_by UUID NOT NULL,
        reason TEXT,
        document_sha256 TEXT,
        of_closing BOOLEAN DEFAULT false NOT NULL,
        notified_on DATE,
        reply_until_on DATE,
        replied_on DATE,
        order_number TEXT,
        ordered_on DATE,
        due_on DATE,
        ordered_by UUID,
        orderer_kind TEXT DEFAULT 'person' NOT NULL,
        settled_as TEXT,
        waived_on DATE,
        waiver_reference TEXT,
        waiver_reason TEXT,
        waived_by UUID,
        waiver_kind TEXT DEFAULT 'person' NOT NULL,
        status TEXT DEFAULT 'opened' NOT NULL,
        end_reason TEXT,
        id UUID DEFAULT uuidv7() NOT NULL,
        version INTEGER DEFAULT 1 NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT recoveries_pkey PRIMARY KEY (id),
        CONSTRAINT recoveries_grant_fkey FOREIGN KEY(grant_id, territory, awarded_by) REFERENCES grants (id,
            territory, awarded_by),
        CONSTRAINT recoveries_ordered_key UNIQUE (id, grant_id, territory, ordered_by),
        CONSTRAINT recoveries_grant_key UNIQUE (id, grant_id, territory),
        CONSTRAINT recovery_ordered_by_a_person FOREIGN KEY(ordered_by, orderer_kind) REFERENCES subjects (id,
            kind),
        CONSTRAINT recovery_waived_by_a_person FOREIGN KEY(waived_by, waiver_kind) REFERENCES subjects (id, kind),
        CONSTRAINT orderer_waives CHECK (waived_by <> ordered_by),
        CONSTRAINT receipts_exceed_recovery CHECK (amount_cents - received_cents - set_off_cents - waived_cents
            >= 0),
        CONSTRAINT recovery_amount CHECK (amount_cents BETWEEN 1 AND 1000000000000),
        CONSTRAINT recovery_document CHECK (document_sha256 ~ '^[0-9a-f]{64}$'),
        CONSTRAINT recovery_amounts CHECK (received_cents >= 0 AND set_off_cents >= 0 AND waived_cents >= 0),
        CONSTRAINT recovery_planned CHECK (
            planned_cents BETWEEN 0 AND amount_cents - received_cents - set_off_cents - waived_cents
            AND (planned_cents = 0 OR status = 'ordered')
        ),
        CONSTRAINT recovery_cause CHECK (cause IN ('overpaid', 'object_changed', 'aid_ceiling', 'not_completed',
            'commitment_broken')),
        CONSTRAINT recovery_status CHECK (status IN ('opened', 'notified', 'ordered', 'closed', 'withdrawn')),
        CONSTRAINT recovery_settled_as CHECK (settled_as IN ('repaid', 'set_off', 'waived')),
        CONSTRAINT recovery_kinds CHECK (orderer_kind = 'person' AND waiver_kind = 'person'),
        CONSTRAINT recovery_settled CHECK ((status = 'closed') = (amount_cents - received_cents - set_off_cents
            - waived_cents = 0) AND (status = 'closed') = (settled_as IS NOT NULL)),
        CONSTRAINT recovery_settlement CHECK (CASE settled_as WHEN 'repaid' THEN received_cents > 0 WHEN
            'set_off' THEN set_off_cents > 0 ELSE true END AND (waived_cents > 0) = (settled_as IS NOT DISTINCT FROM
            'waived')),
        CONSTRAINT recovery_notification CHECK ((notified_on IS NULL) = (reply_until_on IS NULL) AND CASE WHEN
            status = 'opened' THEN notified_on IS NULL WHEN status IN ('notified', 'ordered', 'closed') THEN
            notified_on IS NOT NULL ELSE true END),
        CONSTRAINT recovery_reply CHECK (reply_until_on >= notified_on + 15 AND notified_on >= opened_on),
        CONSTRAINT recovery_order CHECK (num_nulls(order_number, ordered_on, due_on, ordered_by) IN (0, 4) AND
            CASE WHEN status IN ('opened', 'notified') THEN ordered_on IS NULL WHEN status IN ('ordered', 'closed')
            THEN ordered_on IS NOT NULL ELSE true END),
        CONSTRAINT recovery_days CHECK (due_on >= ordered_on AND ordered_on >= notified_on AND replied_on
            BETWEEN notified_on AND ordered_on),
        CONSTRAINT reply_pending CHECK (ordered_on > reply_until_on OR replied_on IS NOT NULL),
        CONSTRAINT recovery_waiver CHECK (num_nonnulls(waived_by, waived_on, waiver_reference, waiver_reason) =
            CASE WHEN waived_cents > 0 THEN 4 ELSE 0 END),
        CONSTRAINT recovery_end_reason CHECK ((status = 'withdrawn') = (end_reason IS NOT NULL)),
        CONSTRAINT recovery_withdrawn CHECK (status <> 'withdrawn' OR received_cents + set_off_cents +
            waived_cents = 0),
        CONSTRAINT recoveries_opened_by_fkey FOREIGN KEY(opened_by) REFERENCES subjects (id)
    )
    """,
    """
    CREATE INDEX recoveries_grant_id_idx ON recoveries (grant_id)
    """,
    """
    CREATE UNIQUE INDEX recoveries_order_number_key ON recoveries (territory, order_number) WHERE status <> 'withdrawn'
    """,
    """
    CREATE TABLE recovery_receipts (
        territory TEXT NOT NULL,
        recovery_id UUID NOT NULL,
        grant_id UUID NOT NULL,
        awarded_by UUID NOT NULL,
        ordered_by UUID NOT NULL,
        amount_cents BIGINT NOT NULL,
        received_on DATE NOT NULL,
        bank_reference TEXT NOT NULL,
        status TEXT DEFAULT 'recorded' NOT NULL,
        reason TEXT,
        recorded_by UUID NOT NULL,
        id UUID DEFAULT uuidv7() NOT NULL,
        version INTEGER DEFAULT 1 NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT recovery_receipts_pkey PRIMARY KEY (id),
        CONSTRAINT recovery_receipts_recovery_fkey FOREIGN KEY(recovery_id, grant_id, territory, ordered_by)
            REFERENCES recoveries (id, grant_id, territory, ordered_by),
        CONSTRAINT recovery_receipts_grant_fkey FOREIGN KEY(grant_id, territory, awarded_by) REFERENCES grants
            (id, territory, awarded_by),
        CONSTRAINT orderer_settles CHECK (recorded_by <> awarded_by AND recorded_by <> ordered_by),
        CONSTRAINT recovery_receipt_amount CHECK (amount_cents BETWEEN 1 AND CASE status WHEN 'reversed' THEN
            9007199254740991 ELSE 1000000000000 END),
        CONSTRAINT recovery_receipt_reason CHECK ((status = 'reversed') = (reason IS NOT NULL)),
        CONSTRAINT recovery_receipt_status CHECK (status IN ('recorded', 'reversed')),
        CONSTRAINT recovery_receipts_recorded_by_fkey FOREIGN KEY(recorded_by) REFERENCES subjects (id)
    )
    """,
    """
    CREATE UNIQUE INDEX recovery_receipts_bank_reference_key ON recovery_receipts (territory, bank_reference) WHERE status = 'recorded'
    """,
    """
    CREATE INDEX recovery_receipts_recovery_id_idx ON recovery_receipts (recovery_id)
    """,
)
GUARDS = (
    """
CREATE FUNCTION guard_recovery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
        OR (OLD.territory, OLD.grant_id, OLD.awarded_by, OLD.cause, OLD.amount_cents, OLD.opened_on, OLD.opened_by,
                OLD.of_closing)
            IS DISTINCT FROM (NEW.territory, NEW.grant_id, NEW.awarded_by, NEW.cause, NEW.amount_cents, NEW.opened_on,
                NEW.opened_by, NEW.of_closing)
        OR OLD.notified_on IS NOT NULL AND (OLD.notified_on, OLD.reply_until_on)
            IS DISTINCT FROM (NEW.notified_on, NEW.reply_until_on)
        OR OLD.ordered_on IS NOT NULL AND (OLD.order_number, OLD.ordered_on, OLD.due_on, OLD.ordered_by, OLD.replied_on)
            IS DISTINCT FROM (NEW.order_number, NEW.ordered_on, NEW.due_on, NEW.ordered_by, NEW.replied_on)
        OR OLD.status = 'withdrawn' OR OLD.settled_as = 'waived'
        OR OLD.status <> NEW.status AND NOT (OLD.status, NEW.status) IN (
            ('opened', 'notified'), ('notified', 'ordered'), ('ordered', 'closed'), ('closed', 'ordered'),
            ('opened', 'withdrawn'), ('notified', 'withdrawn'), ('ordered', 'withdrawn')
        )
    THEN
        RAISE EXCEPTION 'no such change of a recovery'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'recovery_transition';
    END IF;
    RETURN NEW;
END
$$
""",
    """CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON recoveries FOR EACH ROW EXECUTE FUNCTION guard_recovery()""",
    """
CREATE FUNCTION guard_recovery_receipt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.status = 'reversed'
        OR (OLD.territory, OLD.recovery_id, OLD.grant_id, OLD.awarded_by, OLD.ordered_by, OLD.amount_cents,
                OLD.received_on, OLD.bank_reference, OLD.recorded_by)
            IS DISTINCT FROM (NEW.territory, NEW.recovery_id, NEW.grant_id, NEW.awarded_by, NEW.ordered_by,
                NEW.amount_cents, NEW.received_on, NEW.bank_reference, NEW.recorded_by)
    THEN
        RAISE EXCEPTION 'no such change of a receipt'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'already_reversed';
    END IF;
    RETURN NEW;
END
$$
""",
    """CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON recovery_receipts FOR EACH ROW EXECUTE FUNCTION guard_recovery_receipt()""",
)


def upgrade() -> None:
    for statement in (*TABLES, *GUARDS):
        op.execute(statement)
    op.add_column("grants", sa.Column("claimed_back_cents", sa.BigInteger(), server_default="0", nullable=False))
    op.execute(
        "ALTER TABLE grants ADD CONSTRAINT recovery_above_paid CHECK (claimed_back_cents <= paid_cents) NOT VALID,"
        " ADD CONSTRAINT grant_recovered CHECK (recovered_cents <= claimed_back_cents) NOT VALID"
    )


def downgrade() -> None:
    op.drop_column("grants", "claimed_back_cents")  # its constraints go with it
    op.drop_table("recovery_receipts")
    op.drop_table("recoveries")
    op.execute("DROP FUNCTION guard_recovery_receipt()")
    op.execute("DROP FUNCTION guard_recovery()")
