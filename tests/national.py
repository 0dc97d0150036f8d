"""What is the nation's in a worker's database: every test reads it, so none may change it there.

A test that would, fails at that act with the name of the row, whatever runs after it. It takes what it needs under a
name of its own, another day, or a database of its own (`alone`, `frozen`, `new_database`).
"""

import asyncpg

# The tables that migrations fill, and which of their rows all tests read.
NATIONAL = {
    "schemes": "{row}.code = 'rebond_industriel'",
    "scheme_parameters": "{row}.scheme = 'rebond_industriel'",
    # Those that the service comes with; and of the other half-years in which instalments are late, another rate than
    # the one that tests give them (3 %).
    "legal_rates": "{row}.from_on BETWEEN '2024-01-01' AND '2027-12-31'"
    " AND ({row}.rate_bp <> 300 OR {row}.from_on BETWEEN '2024-07-01' AND '2026-01-01')",
    "refinancing_rates": "{row}.from_on <= '2026-01-01'",
    "vat_rates": "true",
    "role_quotas": "{row}.recorded_by IS NULL AND {row}.source <> 'tests'",
}

_REFUSAL = """
CREATE FUNCTION refuse_national() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'every test reads what this one changes in % (tests/national.py): %', TG_TABLE_NAME,
        coalesce(to_jsonb(NEW), to_jsonb(OLD));
END $$"""

# When the transaction ends, so that an attack which the database refuses, or which is rolled back, is none.
_TRIGGER = """
CREATE CONSTRAINT TRIGGER national_{version} AFTER {acts} ON {table} DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN ({rows}) EXECUTE FUNCTION refuse_national()"""


async def guard(address: str) -> None:
    """From now on no transaction changes these rows of this database."""
    connection = await asyncpg.connect(address)
    try:
        await connection.execute(_REFUSAL)
        for table, rows in NATIONAL.items():
            for version, acts in (("new", "INSERT OR UPDATE"), ("old", "UPDATE OR DELETE")):
                told = {"version": version, "acts": acts, "table": table, "rows": rows.format(row=version.upper())}
                await connection.execute(_TRIGGER.format(**told))
    finally:
        await connection.close()
