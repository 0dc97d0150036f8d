"""What bare SQL tries on arrears of advances: lines, notices, accelerations, alerts, claims and legal rates."""

from typing import Any

from tests.bare_sql import Attack, change, clone

NOTICE, ACCELERATION, ALERT, CLAIM = (f"id = $late_{name}" for name in ("notice", "acceleration", "alert", "claim"))
LINE = "advance_id = $advance AND position = 1"
SPAN = "advance_id = $advance AND replaced_at IS NULL AND until_on = 'infinity'"
OF_LINE = f"{SPAN} AND position = 1"
SPANS = {"advance_spans": SPAN, "advance_line_spans": OF_LINE}
RATE = "id = (SELECT id FROM legal_rates ORDER BY id LIMIT 1)"
NOBODY = "gen_random_uuid()"
BAD_SHA = "'zz'"
TABLES = {
    "advance_line_states": LINE, "advance_notices": NOTICE, "advance_accelerations": ACCELERATION,
    "advance_alerts": ALERT, "advance_claims": CLAIM, **SPANS,
}  # fmt: skip
APPEND_ONLY = {**SPANS, "advance_accelerations": ACCELERATION, "advance_alerts": ALERT, "legal_rates": RATE}
TARGETS = {"advance_notices_advance_id_key"}  # of a foreign key: the primary key is its narrower twin


def line(**wrong: str) -> str:
    return change("advance_line_states", LINE, **wrong)


def notice(**wrong: str) -> str:
    return change("advance_notices", NOTICE, **wrong)


def acceleration(**wrong: str) -> str:
    return clone("advance_accelerations", ACCELERATION, **wrong)


def claim(**wrong: str) -> str:
    return change("advance_claims", CLAIM, **wrong)


ARREARS = [
    *(
        Attack(f"{table}_advance_fkey", clone(table, row, territory="$elsewhere", **more))
        for (table, row), more in zip(
            TABLES.items(),
            ({"position": "99"}, {}, {"notice_id": "NULL", "decided_by": "NULL", "reason": "NULL",
                                      "proceeding_id": "$late_proceeding"},
             {"on_day": "'2024-05-03'"}, {"proceeding_id": "$late_other"}, {"from_on": "from_on + 1"},
             {"from_on": "from_on + 1"}),
            strict=True,
        )
    ),
    Attack("advance_line_states_position_key", clone("advance_line_states", LINE)),
    *(
        Attack("line_state_left", line(**wrong))
        for wrong in (
            {"principal_left_cents": "-1"}, {"principal_left_cents": "principal_cents + 1"},
            {"interest_left_cents": "interest_cents + 1"}, {"fees_left_cents": "fees_cents + 1"},
            {"late_interest_cents": "-1"}, {"capitalised_cents": "-1"},
        )
    ),
    *(
        attack
        for table, row in SPANS.items()
        for attack in (
            Attack(f"{table}_from_key", clone(table, row)),
            Attack(f"{table.removesuffix('s')}_days", clone(table, row, until_on="from_on")),
            Attack(f"{table.removesuffix('s')}_replaced", clone(table, row, replaced_at="recorded_at")),
        )
    ),
    *(
        Attack("advance_span_amounts", clone("advance_spans", SPAN, from_on="from_on + 1", **wrong))
        for wrong in ({"repaid_cents": "disbursed_cents + 1"}, {"income_cents": "-1"}, {"overpaid_cents": "-1"})
    ),
    *(
        Attack("line_span_left", clone("advance_line_spans", OF_LINE, from_on="from_on + 1", **wrong))
        for wrong in (
            {"principal_left_cents": "principal_cents + 1"}, {"interest_left_cents": "-1"},
            {"fees_left_cents": "fees_cents + 1"},
        )
    ),
    Attack("notice_due_dates", notice(due_dates="'{}'")),
    *(Attack("notice_delay", notice(delay_days=days)) for days in ("7", "31")),
    Attack("notice_status", notice(status="'lost'")),
    Attack("notice_reason", notice(status="'withdrawn'")),
    Attack("notice_reason", notice(reason="'Why'")),
    Attack("notice_document", notice(document_sha256=BAD_SHA)),
    Attack("notice_days_out_of_order", notice(received_on="sent_on - 1")),
    Attack("notice_days_out_of_order", notice(first_presented_on="sent_on - 1")),
    Attack("advance_notices_recorded_by_fkey", notice(recorded_by=NOBODY)),
    Attack("advance_accelerations_notice_fkey", acceleration(notice_id=NOBODY)),
    Attack("advance_accelerations_proceeding_id_fkey",
           acceleration(notice_id="NULL", decided_by="NULL", reason="NULL", proceeding_id=NOBODY)),
    Attack("acceleration_decided_by_a_person", acceleration(decided_by="$robot")),
    Attack("acceleration_decider_kind", acceleration(decider_kind="'service_account'")),
    Attack("acceleration_ground", acceleration(proceeding_id="$late_proceeding")),
    Attack("acceleration_decided", acceleration(reason="NULL")),
    Attack("acceleration_document", acceleration(document_sha256=BAD_SHA)),
    Attack("acceleration_due", acceleration(due_cents="-1")),
    Attack("advance_alerts_once_key", clone("advance_alerts", ALERT)),
    Attack("advance_alert_kind", clone("advance_alerts", ALERT, kind="'gift'")),
    Attack("advance_alert_bucket", clone("advance_alerts", ALERT, bucket="'ancient'")),
    Attack("advance_alert_amount", clone("advance_alerts", ALERT, on_day="'2024-05-03'", amount_cents="-1")),
    Attack("advance_claims_proceeding_key", clone("advance_claims", CLAIM)),
    Attack("advance_claims_proceeding_id_fkey", claim(proceeding_id=NOBODY)),
    Attack("advance_claims_declared_by_fkey", claim(declared_by=NOBODY)),
    *(Attack("debt_claim_amount", claim(amount_cents=cents)) for cents in ("0", "1000000000001")),
    Attack("debt_claim_proof", claim(proof_sha256=BAD_SHA)),
    Attack("debt_claim_plan", claim(plan_sha256=BAD_SHA)),
    Attack("debt_claim_declared", claim(declared_by="NULL")),
    Attack("debt_claim_admitted", claim(admitted_on="'2024-05-03'")),
    Attack("debt_claim_admitted_undeclared",
           claim(declared_on="NULL", amount_cents="NULL", proof_sha256="NULL", declared_by="NULL",
                 admitted_on="'2024-05-03'", admitted_cents="1")),
    Attack("admitted_exceeds_claim", claim(admitted_on="'2024-05-03'", admitted_cents="amount_cents + 1")),
    Attack("claim_admitted_before_declared", claim(admitted_on="declared_on - 1", admitted_cents="1")),
    Attack("legal_rate_half_year", clone("legal_rates", RATE, from_on="'2024-02-01'")),
    Attack("legal_rate_rate", clone("legal_rates", RATE, rate_bp="10001")),
    Attack("legal_rates_recorded_by_fkey", clone("legal_rates", RATE, recorded_by=NOBODY)),
    *(
        Attack(f"{table}_append_only", sql)
        for table, row in APPEND_ONLY.items()
        for sql in (change(table, row, id="id"), f"DELETE FROM {table} WHERE {row}")
    ),
]  # fmt: skip


async def late(pool: Any, advance: str, staff: str, proceedings: list[str]) -> dict[str, str]:
    """A notice, an acceleration, an alert and a claim of a paid advance, written by hand: ids by name."""
    rows = {
        "notice": "INSERT INTO advance_notices (territory, advance_id, due_dates, sent_on, received_on, delay_days,"
        " recorded_by, created_at, updated_at) SELECT territory, id, '{2024-03-31}', '2024-04-16', '2024-04-20', 15,"
        " $2, now(), now() FROM advances WHERE id = $1 RETURNING id",
        "acceleration": "INSERT INTO advance_accelerations (territory, advance_id, accelerated_on, due_cents,"
        " notice_id, reason, decided_by, recorded_at) SELECT territory, advance_id, '2024-05-20', 1, id, 'Unpaid.',"
        " $2, now() FROM advance_notices WHERE advance_id = $1 RETURNING id",
        "alert": "INSERT INTO advance_alerts (territory, advance_id, kind, on_day, amount_cents, raised_at)"
        " SELECT territory, id, 'act_needed', '2024-05-02', 1, now() FROM advances"
        " WHERE id = $1 AND $2::uuid IS NOT NULL RETURNING id",
        "claim": "INSERT INTO advance_claims (territory, advance_id, proceeding_id, declared_on, amount_cents,"
        f" proof_sha256, declared_by, created_at, updated_at) SELECT territory, id, '{proceedings[0]}', '2024-05-02',"
        f" 1, '{'0' * 64}', $2, now(), now() FROM advances WHERE id = $1 RETURNING id",
    }
    ids = {f"late_{name}": str(await pool.fetchval(sql, advance, staff)) for name, sql in rows.items()}
    return {**ids, "late_proceeding": proceedings[0], "late_other": proceedings[1]}
