"""What the database itself refuses of claims, whoever writes."""

from typing import Any

import pytest

from tests.awards.claims.acts import Claims
from tests.engineering.entries.test_raw_sql import Attack, Stage, change, clone
from tests.world import World, ok

OPEN, SETTLED = "id = $open", "id = $settled"
OPEN_LINE, SETTLED_LINE, PARKED_LINE = "id = $open_line", "id = $settled_line", "id = $parked_line"
OF_LINE = "aid_id = (SELECT aid_id FROM claims WHERE id = $open)"


def line(**changes: str) -> str:
    """Another line of the open claim."""
    return clone("claim_lines", OPEN_LINE, **{"position": "9", "invoice_number": "'N-9'", **changes})


def with_claim(change_of_lines: str, change_of_claim: str) -> str:
    return f"{change_of_lines}; {change_of_claim}; SET CONSTRAINTS ALL IMMEDIATE"


SETTLES = {"status": "'settled'", "certified_cents": "declared_cents"}

ATTACKS = [
    Attack("over_line", change("aid_lines", OF_LINE, certified_cents="amount_cents + 1")),
    Attack("over_line", change("claim_lines", OPEN_LINE, **SETTLES)),  # its line has no room for all of it
    Attack("invoice_already_claimed", line(invoice_number="invoice_number || '/'", supplier_name="NULL")),
    Attack("invoice_already_claimed", line(invoice_number="(SELECT invoice_number FROM claim_lines WHERE id = $settled_line)")),
    Attack("invoice_already_claimed_by_name", line(invoice_number="' ' || lower(invoice_number)", supplier_siren="NULL")),
    Attack("settlement_unbalanced", change("claim_lines", OPEN_LINE, status="'settled'", certified_cents="declared_cents - 1")),
    Attack("settlement_unbalanced", change("claim_lines", OPEN_LINE, certified_cents="1")),
    Attack("settlement_unbalanced", change("claim_lines", SETTLED_LINE, certified_cents="certified_cents + 1", status="'submitted'")),
    Attack("claim_line_amounts", line(declared_cents="0")),
    Attack("claim_line_amounts", change("claim_lines", OPEN_LINE, status="'settled'", certified_cents="declared_cents + 1", double_cents="-1")),
    Attack("claim_transition", change("claim_lines", OPEN_LINE, declared_cents="1")),
    Attack("claim_transition", change("claim_lines", SETTLED_LINE, certified_cents="0", parked_cents="declared_cents")),
    Attack("claim_transition", f"DELETE FROM claim_lines WHERE {SETTLED_LINE}"),
    Attack("claim_transition", change("claims", SETTLED, settled_on="settled_on - 1")),
    Attack("claim_transition", change("claims", OPEN, authors="'{}'")),
    Attack("claim_transition", clone("claims", OPEN, status="'withdrawn'", external_id="NULL")),
    Attack("claims_append_only", f"DELETE FROM claims WHERE {OPEN}"),
    Attack("claim_lines_append_only", "TRUNCATE claim_lines"),
    Attack("claim_lines_claim_fkey", f"{change('claim_lines', 'id = $small_line', **SETTLES)}; SET CONSTRAINTS ALL IMMEDIATE"),
    Attack("claim_lines_claim_fkey", f"{change('claims', OPEN, status=chr(39) + 'withdrawn' + chr(39), withdrawn_by='submitted_by', withdrawn_at='now()', withdrawal_reason='$open')}; SET CONSTRAINTS ALL IMMEDIATE"),
    Attack("claim_lines_line_fkey", line(line_id="uuidv7()")),
    Attack("claims_external_id_key", clone("claims", OPEN)),
    Attack("separation_of_duties", change("claims", OPEN, status="'settled'", settled_by="submitted_by", settled_on="'2024-05-01'", settled_at="now()")),
    Attack("claim_settled", change("claims", OPEN, status="'settled'")),
    Attack("claim_withdrawn", change("claims", OPEN, status="'withdrawn'")),
    Attack("claim_sample", change("claims", OPEN, sample_method="'random'")),
    Attack("claim_reopened", change("claims", OPEN, reopen_reason="'Why'")),
    Attack("above_parked", line(returns_id="$settled_line")),
    Attack("above_parked", line(returns_id="$parked_line", invoice_number="(SELECT invoice_number FROM claim_lines WHERE id = $parked_line)")),
    Attack("parked_line_returned", change("claim_lines", "id = $returned_line", status="'submitted'", certified_cents="0", parked_cents="0")),
    Attack("parked_line_returns_once", clone("claim_lines", "id = $returning_line", position="9")),
    Attack("expense_after_completion", "UPDATE aids SET started_on = '2024-01-01', completed_on = '2024-01-31', completion_declared_on = '2024-01-31',"
           f" start_proof_sha256 = repeat('0', 64), final_cost_cents = 1, public_aid = '[]' WHERE id = (SELECT aid_id FROM claims WHERE id = $open); {line()}"),
    Attack("claim_line_supplier", line(supplier_siren="NULL", supplier_name="NULL")),
    Attack("claim_line_supplier_siren", line(supplier_siren="'123456789'")),
    Attack("claim_line_keys", line(invoice_number="'—'")),
    Attack("claim_line_proof", line(proof_sha256="'00'")),
    Attack("aid_certified", "UPDATE aids SET open_claims = -1 WHERE id = (SELECT aid_id FROM claims WHERE id = $open)"),
]  # fmt: skip


@pytest.fixture(scope="module")
async def stage(http: Any, pool: Any, anyio_backend: Any) -> Stage:
    """An open claim, a settled one, one of which a part is parked, and one in which such a part has returned."""
    world = await World.create(http, pool)
    claims = await Claims.of(world)
    made = {
        "settled": await claims.submitted(claims.line(50_000)),
        "parked": await claims.submitted(claims.line(9_000)),
        "returned": await claims.submitted(returning := claims.line(10_000)),
    }
    ok(await claims.settle(made["settled"]))
    ok(await claims.settle(made["parked"], {"certified_cents": 8_000, "parked_cents": 1_000}))
    ok(await claims.settle(made["returned"], {"certified_cents": 1_000, "parked_cents": 9_000}))
    made["returning"] = await claims.submitted({**returning, "amount_excl_vat_cents": 9_000})
    made["open"] = await claims.submitted(claims.line(90_000, supplier_name="Dupont"), external_id="DP-1")
    made["small"] = await claims.submitted(claims.line(10))
    ids = {name: claim["id"] for name, claim in made.items()}
    return Stage(pool, ids | {f"{name}_line": claim["lines"][0]["id"] for name, claim in made.items()})


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
async def test_the_database_refuses_whoever_writes(stage: Stage, attack: Attack) -> None:
    assert await stage.refused(attack.sql) == attack.constraint


@pytest.mark.parametrize(
    "edge",
    [
        line(),
        line(invoice_number="invoice_number", supplier_siren="'552100554'"),  # of another supplier of that name
        line(returns_id="$parked_line", declared_cents="1000",
             invoice_number="(SELECT invoice_number FROM claim_lines WHERE id = $parked_line)"),
        change("claim_lines", "id = $small_line", **SETTLES),
    ],
)  # fmt: skip
async def test_what_reaches_a_limit_and_does_not_pass_it_is_taken(stage: Stage, edge: str) -> None:
    assert await stage.taken(edge) == 1


FOLDED = ["FA 2024-0012", "Fa\u00a02024\u20130012", "N° 12", "000123", "000", "Réf. é-1", "S.A.S. Établissements Dupont",
          "SAS", "Œuvre GmbH", "\u0395\u03bb\u03bb\u03b7\u03bd", "a`{|}~\u007f\u0085\u00bf\u00c0Z[\\]^_"]  # fmt: skip


async def test_the_database_folds_invoices_and_suppliers_as_the_rules_do(stage: Stage) -> None:
    from app.awards.claims.rules import invoice_key, supplier_key

    rows = await stage.pool.fetch(
        "SELECT t, invoice_key(t) AS i, supplier_key(t) AS s FROM unnest($1::text[]) t", FOLDED
    )
    assert [(row["i"], row["s"]) for row in rows] == [(invoice_key(text), supplier_key(text)) for text in FOLDED]
