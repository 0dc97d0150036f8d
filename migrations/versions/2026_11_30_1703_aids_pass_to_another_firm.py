"""An aid can pass to another firm, by an act that names both.

Revision: 2026_11_30_1703, after 2026_11_30_1702.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_1703"
down_revision = "2026_11_30_1702"
branch_labels = None
depends_on = None

CHECK_HOLDER = """
CREATE FUNCTION check_holder() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    aid uuid := coalesce(to_jsonb(NEW) ->> 'aid_id', to_jsonb(NEW) ->> 'id');
    holder text := (SELECT firm_siren FROM aids WHERE id = aid);
BEGIN
    IF holder IS DISTINCT FROM
        (SELECT to_siren FROM aid_acts WHERE aid_id = aid AND act = 'transfer' ORDER BY id DESC LIMIT 1)
        OR EXISTS (
            SELECT FROM grants
            WHERE aid_id = aid AND status NOT IN ('cancelled', 'reversed') AND firm_siren <> holder
            UNION ALL
            SELECT FROM advances
            WHERE aid_id = aid AND status NOT IN ('cancelled', 'reversed') AND firm_siren <> holder
        )
    THEN
        RAISE EXCEPTION 'the aid is held by another firm'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'held_by_transfer';
    END IF;
    RETURN NULL;
END
$$
"""
ACTS = (
    "plan", "notify", "sign", "guarantee", "start", "extend_start", "complete", "amend", "close", "reopen", "terminate",
    "lapse", "cancel", "reverse", "start_missing",
)  # fmt: skip
TRANSFER = "num_nonnulls(from_siren, to_siren) = CASE act WHEN 'transfer' THEN 2 ELSE 0 END AND from_siren <> to_siren"
DECIDED = "decision_reference, decided_on, funder_id, application_id, scheme, base_cents"
MOVED = "NEW.firm_siren <> OLD.firm_siren"


def upgrade() -> None:
    for column in ("from_siren", "to_siren"):
        op.add_column("aid_acts", sa.Column(column, sa.Text()))
        op.execute(
            f"ALTER TABLE aid_acts ADD CONSTRAINT aid_acts_{column}_fkey FOREIGN KEY ({column}) REFERENCES firms (siren)"
            " NOT VALID"
        )
    op.execute(f"ALTER TABLE aid_acts ADD CONSTRAINT aid_act_transfer CHECK ({TRANSFER}) NOT VALID")
    _acts(*ACTS[:8], "transfer", *ACTS[8:])
    _overrides("(override_id, territory, id) REFERENCES overrides (id, territory, used_by_id)")
    _keep(f"territory, {DECIDED}")
    op.execute(CHECK_HOLDER)
    for table, moment, moved in (
        ("aids", "UPDATE OF firm_siren", MOVED),
        ("grants", "UPDATE OF firm_siren", MOVED),
        ("advances", "UPDATE OF firm_siren", MOVED),
        ("aid_acts", "INSERT", "NEW.act = 'transfer'"),
    ):
        op.execute(
            f"CREATE CONSTRAINT TRIGGER check_holder AFTER {moment} ON {table} DEFERRABLE INITIALLY DEFERRED"
            f" FOR EACH ROW WHEN ({moved}) EXECUTE FUNCTION check_holder()"
        )


def downgrade() -> None:
    for table in ("aid_acts", "advances", "grants", "aids"):
        op.execute(f"DROP TRIGGER check_holder ON {table}")
    op.execute("DROP FUNCTION check_holder()")
    _keep(f"territory, firm_siren, {DECIDED}")
    _overrides("(override_id, territory, firm_siren, id) REFERENCES overrides (id, territory, firm_siren, used_by_id)")
    _acts(*ACTS)
    op.execute("ALTER TABLE aid_acts DROP CONSTRAINT aid_act_transfer")
    for column in ("to_siren", "from_siren"):
        op.drop_column("aid_acts", column)


def _acts(*acts: str) -> None:
    listed = ", ".join(f"'{act}'" for act in acts)
    op.execute("-- squawk-ignore ban-drop-constraint\nALTER TABLE aid_acts DROP CONSTRAINT aid_act")
    op.execute(f"ALTER TABLE aid_acts ADD CONSTRAINT aid_act CHECK (act IN ({listed})) NOT VALID")


def _overrides(reference: str) -> None:
    for table in ("grants", "advances"):
        name = f"{table}_override_fkey"
        op.execute(f"-- squawk-ignore ban-drop-constraint\nALTER TABLE {table} DROP CONSTRAINT {name}")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY {reference} NOT VALID")


def _keep(columns: str) -> None:
    op.execute("DROP TRIGGER append_only ON aids")
    op.execute(
        f"CREATE TRIGGER append_only BEFORE UPDATE OF {columns} ON aids FOR EACH STATEMENT"
        " EXECUTE FUNCTION refuse_change()"
    )
