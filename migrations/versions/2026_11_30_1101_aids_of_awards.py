"""Awards from before have the aid of their decision.

Revision: 2026_11_30_1101, after 2026_11_30_1100.

A grant and an advance of one decision that say the same of it share an aid; where they disagree each has its own, which
no other award joins. An award that was cancelled or reversed has an aid of its own.
"""

from alembic import op

revision = "2026_11_30_1101"
down_revision = "2026_11_30_1100"
branch_labels = None
depends_on = None

AMOUNT = "amount_cents BETWEEN 1 AND CASE status WHEN 'reversed' THEN 9007199254740991 ELSE 1000000000000 END"
STANDS = "{}.status NOT IN ('cancelled', 'reversed')"
SAID = "decided_on, {0}.funder_id, {0}.application_id, {0}.decision_id, {0}.scheme, {0}.base_cents, {0}.lines, {0}.parameters"
TWINS = f"""
    {STANDS.format("g")} AND {STANDS.format("a")}
    AND (g.territory, g.firm_siren, g.decision_reference) = (a.territory, a.firm_siren, a.decision_reference)"""
AGREE = (
    f"({SAID.format('g').replace('decided_on', 'g.decided_on')}) IS NOT DISTINCT FROM"
    f" ({SAID.format('a').replace('decided_on', 'a.decided_on')})"
)
AID = """
    INSERT INTO aids (id, territory, firm_siren, decision_reference, decided_on, funder_id, application_id, scheme,
        base_cents, parameters, awards, joins, created_at, updated_at)
    SELECT o.id, o.territory, o.firm_siren, o.decision_reference, o.decided_on, o.funder_id, o.application_id, o.scheme,
        o.base_cents, o.parameters, {awards}, NOT EXISTS (
            SELECT FROM aids s WHERE s.awards > 0 AND s.territory = o.territory AND s.firm_siren = o.firm_siren
                AND s.decision_reference = o.decision_reference
        ) AND NOT {disagrees}, o.created_at, o.created_at
    FROM {table} o WHERE o.aid_id IS NULL"""


def upgrade() -> None:
    for table, noun in {"grants": "grant", "advances": "advance"}.items():
        # An award above the bound of amounts, from before the bound, gets its aid too.
        op.execute(f"-- squawk-ignore ban-drop-constraint\nALTER TABLE {table} DROP CONSTRAINT {noun}_amount")
    disagrees = f"EXISTS (SELECT FROM advances a, grants g WHERE g.id = o.id AND {TWINS} AND NOT {AGREE})"
    agreeing = (
        f"(SELECT count(*) FROM advances a, grants g WHERE g.id = o.id AND {TWINS} AND {AGREE} AND a.aid_id IS NULL)"
    )
    standing = f"({STANDS.format('o')})::integer"
    op.execute(AID.format(table="grants", awards=f"{standing} + {agreeing}", disagrees=disagrees))
    op.execute("UPDATE grants SET aid_id = id WHERE aid_id IS NULL")
    op.execute(
        f"UPDATE advances a SET aid_id = g.id FROM grants g WHERE a.aid_id IS NULL AND g.aid_id = g.id AND {TWINS} AND {AGREE}"
    )
    op.execute(AID.format(table="advances", awards=standing, disagrees="false"))
    op.execute("UPDATE advances SET aid_id = id WHERE aid_id IS NULL")
    for table in ("grants", "advances"):
        op.execute(f"SELECT fill_aid(to_jsonb(o)) FROM {table} o WHERE o.aid_id = o.id AND o.scheme IS NOT NULL")
    for table, noun in {"grants": "grant", "advances": "advance"}.items():
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {noun}_amount CHECK ({AMOUNT}) NOT VALID")
        op.execute(f"""
            DO $$ BEGIN
                IF NOT EXISTS (SELECT FROM {table} WHERE NOT ({AMOUNT})) THEN
                    ALTER TABLE {table} VALIDATE CONSTRAINT {noun}_amount;
                END IF;
            END $$
        """)


def downgrade() -> None:
    """The columns go with the migration before."""
