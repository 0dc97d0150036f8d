"""What the database itself refuses of claims, whoever writes."""

from dataclasses import astuple
from typing import Any

import pytest

from app.awards.claims.rules import invoice_key, supplier_key
from tests.awards.claims.acts import Claims
from tests.awards.claims.test_rules import SAME
from tests.bare_sql import Attack, change, clone
from tests.engineering.entries.test_raw_sql import Stage
from tests.world import World, ok

OPEN, OPEN_LINE, SETTLED_LINE = "id = $open", "id = $open_line", "id = $settled_line"
AID = "id = (SELECT aid_id FROM claims WHERE id = $open)"
INVOICE = "id = (SELECT invoice_id FROM claim_lines WHERE id = $open_line)"
AT_ONCE = "; SET CONSTRAINTS ALL IMMEDIATE"  # what COMMIT looks at


def number(of: str) -> str:
    return f"(SELECT invoice_number FROM claim_lines WHERE id = ${of}_line)"


def line(**changes: str) -> str:
    """Another line of the open claim."""
    return clone("claim_lines", OPEN_LINE, **{"position": "9", "invoice_number": "'N-9'", **changes})


def part(**changes: str) -> str:
    """Another part of an invoice of which 600 of 1 000 cents are declared."""
    whole = {"invoice_number": number("part"), "invoice_cents": "1000", "declared_cents": "400"}
    return line(**{**whole, "paid_on": "paid_on + 1", **changes})


def note(cents: str, **changes: str) -> str:
    """A credit note of the invoice of the open claim."""
    lowers = {"invoice_number": "'A-1'", "declared_cents": f"-{cents}", "lowers_invoice_number": "invoice_number"}
    return line(**{**lowers, **changes})


def settled_note(certified_cents: str, **changes: str) -> str:
    """The credit note, settled without its claim."""
    verdict = {"status": "'settled'", "certified_cents": certified_cents, **changes}
    return change("claim_lines", "claim_id = $open AND declared_cents < 0", **verdict)


def settled(which: str, certified_cents: str = "declared_cents", **changes: str) -> str:
    """A line that is settled, without its claim."""
    return change("claim_lines", f"id = ${which}_line", status="'settled'", certified_cents=certified_cents, **changes)


def reopened(which: str, **changes: str) -> str:
    """A line that is open again, without its claim."""
    nothing = {"status": "'submitted'", "certified_cents": "0", "parked_cents": "0"}
    return change("claim_lines", f"id = ${which}_line", **{**nothing, **changes})


def claim(**changes: str) -> str:
    return change("claims", OPEN, **changes)


SETTLES = {"status": "'settled'", "settled_on": "'2024-05-01'", "settled_at": "now()"}
WITHDRAWN = {"status": "'withdrawn'", "withdrawn_by": "submitted_by", "withdrawn_at": "now()",
             "withdrawal_reason": "'Why'"}  # fmt: skip
SAMPLED = {"sample_method": "'random'", "sample_size": "1", "sample_seed": "repeat('0', 16)", "sampled_at": "now()"}
COMPLETED = change(
    "aids", AID, started_on="'2024-01-01'", start_proof_sha256="repeat('0', 64)", completed_on="'2024-01-31'",
    completion_declared_on="'2024-01-31'", final_cost_cents="1", public_aid="'[]'",
)  # fmt: skip

ATTACKS = [
    Attack("over_line", change("aid_lines", "aid_" + AID, certified_cents="amount_cents + 1")),
    Attack("over_line", settled("open")),  # its line of the decision has no room for all of it
    Attack("aid_counts", change("aids", AID, open_claims="-1")),
    Attack("invoice_already_claimed", line(invoice_number="invoice_number || '/'", supplier_name="NULL")),
    Attack("invoice_already_claimed", line(invoice_number=number("settled"))),
    Attack("invoice_already_claimed", line(invoice_number="lower(invoice_number)", supplier_siren="NULL")),
    Attack("invoice_already_claimed", line(invoice_number=number("named"), supplier_name="NULL")),  # of that day
    Attack("invoice_already_claimed", line(invoice_number=number("part"))),
    Attack("invoice_already_claimed", line(invoice_number=number("part"), invoice_cents="1001", declared_cents="1")),
    Attack("invoice_already_claimed_by_line", part(paid_on="paid_on")),
    Attack("invoice_exceeded", part(declared_cents="401")),
    Attack("invoice_already_claimed", clone("declared_invoices", INVOICE)),
    Attack("invoice_already_claimed_by_name", clone("declared_invoices", INVOICE, supplier_siren="NULL")),
    Attack("declared_invoice_amounts", change("declared_invoices", INVOICE, declared_cents="-1")),
    Attack("claim_line_invoice_amount", line(invoice_cents="declared_cents - 1")),
    Attack("claim_line_lowers", line(lowers_invoice_number="'N-1'")),
    Attack("credit_above_invoice", line(declared_cents="-1")),
    Attack("credit_above_invoice", note("91000")),
    Attack("credit_above_invoice", note("1", line_id="$settled_line")),
    Attack("credit_above_invoice", note("1", supplier_siren="NULL", supplier_name="'Nobody'")),
    Attack("credit_above_invoice", note("90000") + "; " + note("1", invoice_number="'A-2'", position="10")),
    Attack("claim_line_amounts", f"{note('9')}; {settled_note('-8', parked_cents='-1')}"),
    Attack("claim_line_amounts", f"{note('9')}; {settled_note('-10', double_cents='1')}"),
    Attack("credit_above_invoice", f"{note('9')}; {settled_note('-9')}"),  # its invoice is not settled
    Attack("credit_above_invoice", f"{note('9')}; DELETE FROM claim_lines WHERE {OPEN_LINE}"),
    Attack("settlement_unbalanced", settled("open", "declared_cents - 1")),
    Attack("settlement_unbalanced", settled("open", "1", double_cents="1")),
    Attack("settlement_unbalanced", change("claim_lines", OPEN_LINE, certified_cents="1")),
    Attack("settlement_unbalanced", reopened("settled", certified_cents="certified_cents")),
    Attack("claim_line_amounts", line(declared_cents="0")),
    Attack("claim_line_amounts", settled("open", "declared_cents + 1", double_cents="-1")),
    Attack("claim_transition", change("claim_lines", OPEN_LINE, declared_cents="1")),
    Attack("claim_transition", change("claim_lines", SETTLED_LINE, certified_cents="0", parked_cents="declared_cents")),
    Attack("claim_transition", f"DELETE FROM claim_lines WHERE {SETTLED_LINE}"),
    Attack("claim_transition", change("claims", "id = $settled", settled_on="settled_on - 1")),
    Attack("claim_transition", claim(authors="'{}'")),
    Attack("claim_transition", clone("claims", OPEN, external_id="NULL", **WITHDRAWN)),
    Attack("claims_append_only", f"DELETE FROM claims WHERE {OPEN}"),
    Attack("claim_lines_append_only", "TRUNCATE claim_lines"),
    Attack("claim_lines_claim_fkey", settled("small") + AT_ONCE),
    Attack("claim_lines_claim_fkey", claim(**WITHDRAWN) + AT_ONCE),
    Attack("claim_lines_line_fkey", line(line_id="uuidv7()")),
    Attack("claim_lines_position_key", line(position="position")),
    Attack("claims_external_id_key", clone("claims", OPEN)),
    Attack("separation_of_duties", claim(**SETTLES, settled_by="submitted_by")),
    Attack("claim_settled", claim(status="'settled'")),
    Attack("claim_withdrawn", claim(status="'withdrawn'")),
    Attack("claim_sample", claim(sample_method="'random'")),
    Attack("claim_reopened", claim(reopen_reason="'Why'")),
    Attack("sample_drawn", clone("claim_lines", "id = $sampled_line", position="9", invoice_number="'N-9'")),
    Attack("sample_drawn", "DELETE FROM claim_lines WHERE id = $sampled_line"),
    Attack("award_without_lines", clone("claims", OPEN, aid_id="$bare", external_id="NULL")),
    Attack("above_parked", line(returns_id="$settled_line")),
    Attack("above_parked", line(returns_id="$parked_line", invoice_number=number("parked"))),
    Attack("parked_line_returned", reopened("returned")),
    Attack("parked_line_returns_once", clone("claim_lines", "id = $returning_line", position="9")),
    Attack("expense_after_completion", f"{COMPLETED}; {line()}"),
    Attack("expense_after_completion", f"{COMPLETED}; {settled('small')}"),
    Attack("claim_line_supplier", line(supplier_siren="NULL", supplier_name="NULL")),
    Attack("claim_line_supplier_siren", line(supplier_siren="'123456789'")),
    Attack("claim_line_keys", line(invoice_number="'—'")),
    Attack("claim_line_proof", line(proof_sha256="'00'")),
    Attack("claim_line_position", line(position="0")),
    Attack("claims_submitted_by_fkey", clone("claims", OPEN, external_id="NULL", submitted_by="uuidv7()")),
    Attack("claims_withdrawn_by_fkey", claim(**{**WITHDRAWN, "withdrawn_by": "uuidv7()"})),
    Attack("claims_sampled_by_fkey", claim(**SAMPLED, sampled_by="uuidv7()")),
    Attack("claims_reopened_by_fkey", claim(reopened_by="uuidv7()", reopened_at="now()", reopen_reason="'Why'")),
    Attack("claim_settled_by_a_person", claim(**SETTLES, settled_by="$program")),
    Attack("claim_settler_kind", claim(settler_kind="'service_account'")),
]


@pytest.fixture(scope="module")
async def stage(http: Any, pool: Any, anyio_backend: Any) -> Stage:
    """An open claim, settled ones, of which parts are parked, one in which such a part has returned, a sampled one."""
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
    made["part"] = await claims.submitted(claims.line(600, invoice_amount_excl_vat_cents=1_000))
    made["named"] = await claims.submitted(claims.line(700, supplier_siren=None, supplier_name="Durand"))
    made["small"] = await claims.submitted(claims.line(10))
    made["sampled"] = await claims.submitted(claims.line(10))
    ok(await claims.act(made["sampled"], "sample", method="random", size=1))
    bare = ok(await claims.acts.grant(10), 201)["id"]
    ids = {name: claim["id"] for name, claim in made.items()}
    await world.add_subject(pool, "program", "office", "funder", kind="service_account")
    ids["program"] = str(world.subjects["program"])
    ids["bare"] = await pool.fetchval("SELECT aid_id FROM grants WHERE id = $1", bare)
    return Stage(pool, ids | {f"{name}_line": claim["lines"][0]["id"] for name, claim in made.items()})


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
async def test_the_database_refuses_whoever_writes(stage: Stage, attack: Attack) -> None:
    assert await stage.refused(attack.sql) == attack.constraint


@pytest.mark.parametrize(
    "edge",
    [
        line(),
        line(invoice_number="invoice_number", supplier_siren="'552100554'"),  # of another supplier of that name
        line(returns_id="$parked_line", declared_cents="1000", invoice_number=number("parked")),
        settled("small"),
        part(),
        note("90000"),
        f"{note('9')}; DELETE FROM claim_lines WHERE claim_id = $open AND declared_cents < 0",
    ],
)
async def test_what_reaches_a_limit_and_does_not_pass_it_is_taken(stage: Stage, edge: str) -> None:
    assert await stage.taken(edge) == 1


async def test_every_constraint_of_claims_but_keys_of_ids_is_attacked(stage: Stage) -> None:
    rows = await stage.pool.fetch(
        "SELECT conname FROM pg_constraint"
        " WHERE contype IN ('c', 'x', 'f', 'u') AND conrelid = ANY ($1::text[]::regclass[])"
        " UNION SELECT indexrelid::regclass::text FROM pg_index"
        " WHERE indisunique AND NOT indisprimary AND indrelid = ANY ($1::text[]::regclass[])",
        ["claims", "claim_lines", "declared_invoices"],
    )
    # The target of a foreign key, whose narrower twin is the id; the number that a trigger gives, and what it looks at
    # before the keys and states do.
    targets = {"claims_lines_key", "claims_number_key", "claim_number", "claims_aid_fkey", "claim_status",
               "claim_line_status", "claim_lines_returns_fkey", "claim_lines_invoice_fkey",
               "claim_lines_lowers_fkey"}  # fmt: skip
    assert {row["conname"] for row in rows} - targets == {attack.constraint for attack in ATTACKS} - {
        "over_line", "aid_counts", "claim_transition", "claims_append_only", "claim_lines_append_only", "sample_drawn",
        "award_without_lines", "above_parked", "parked_line_returned", "expense_after_completion",
        "credit_above_invoice",
    }  # fmt: skip


FOLDED = ["FA 2024-0012", "Fa\u00a02024\u20130012", "N° 12", "000123", "000", "Réf. é-1", "S.A.S. Éts Dupont", "SAS",
          "Œuvre GmbH", "\u0395\u03bb\u03bb\u03b7\u03bd", "a`{|}~\u007f\u0085\u00bf\u00c0Z[\\]^_"]  # fmt: skip


async def test_the_database_folds_invoices_and_suppliers_as_the_rules_do(stage: Stage) -> None:

    rows = await stage.pool.fetch(
        "SELECT t, invoice_key(t) AS i, supplier_key(t) AS s FROM unnest($1::text[]) t", FOLDED
    )
    assert [(row["i"], row["s"]) for row in rows] == [(invoice_key(text), supplier_key(text)) for text in FOLDED]


async def test_the_database_tells_invoices_apart_as_the_rules_do(stage: Stage) -> None:
    row = "ROW('', ${}::text, ${}::text, ${}::text, ${}::date, ${}::bigint, 0, NULL)::declared_invoices"
    for first, second, same in SAME:
        both = ", ".join(row.format(*range(begin, begin + 5)) for begin in (1, 6))
        told = await stage.pool.fetchval(f"SELECT same_invoice({both})", *astuple(first), *astuple(second))
        assert told is same, (first, second)
