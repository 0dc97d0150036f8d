"""How an advance is repaid where its decision does not say is a parameter of the scheme.

Revision: 2026_11_30_1404, after 2026_11_30_1403.

The values are those that the service has used until now; a scheme that has values of these names keeps them.
"""

from alembic import op

revision = "2026_11_30_1404"
down_revision = "2026_11_30_1403"
branch_labels = None
depends_on = None

PARAMETERS = """
INSERT INTO scheme_parameters (scheme, name, value, valid_from_on, source, created_at, updated_at)
SELECT 'rebond_industriel', name, value::jsonb, '2022-08-01', source, now(), now()
FROM (VALUES
    ('advance_grace_months', '24', 'Usage à confirmer par la convention : deux ans de différé'),
    ('advance_repayment_months', '60', 'Usage à confirmer par la convention : vingt trimestres')
) AS shipped (name, value, source)
WHERE EXISTS (SELECT FROM schemes WHERE code = 'rebond_industriel')
    AND NOT EXISTS (SELECT FROM scheme_parameters p WHERE p.scheme = 'rebond_industriel' AND p.name = shipped.name)
"""


def upgrade() -> None:
    op.execute(PARAMETERS)


def downgrade() -> None:
    pass  # a value that has begun stays (the trigger refuses its deletion), and the version before does not read it
