"""What bare SQL tries on amendments of advances, announced early repayments and turnovers."""

from tests.bare_sql import Attack, change, clone

RESCHEDULE, WAIVER = "id = $an_reschedules", "id = $an_waivers"
EARLY, TURNOVER = "id = $an_early_repayments", "id = $an_turnovers"
NOBODY = "gen_random_uuid()"
REFUSED = {"status": "'refused'", "decided_by": "$judge", "decided_on": "now()", "end_reason": "'Why'"}
TABLES = {"advance_amendments": RESCHEDULE, "advance_early_repayments": EARLY, "advance_turnovers": TURNOVER}
KEPT = {
    "advance_amendments": ("asked", "'{}'"), "advance_early_repayments": ("amount_cents", "2"),
    "advance_turnovers": ("amount_cents", "1"),
}  # fmt: skip


def amendment(row: str = RESCHEDULE, **wrong: str) -> str:
    return change("advance_amendments", row, **wrong)


AMENDMENTS = [
    *(
        Attack(f"{table}_advance_fkey", clone(table, row, territory="$elsewhere", **more))
        for (table, row), more in zip(TABLES.items(), ({}, {}, {"year": "2024"}), strict=True)
    ),
    *(
        Attack(f"{table}_{column}_fkey", clone(table, row, **{column: NOBODY}, **more))
        for table, row, column, more in (
            ("advance_amendments", RESCHEDULE, "requested_by", {}),
            ("advance_amendments", WAIVER, "found_by", {"found_on": "'2024-05-02'"}),
            ("advance_early_repayments", EARLY, "announced_by", {}),
            ("advance_early_repayments", EARLY, "repayment_id", {"status": "'received'"}),
            ("advance_turnovers", TURNOVER, "declared_by", {"year": "2024"}),
        )
    ),
    Attack("amendment_decided_by_a_person", amendment(**{**REFUSED, "decided_by": "$robot"})),
    Attack("requester_decides", amendment(**{**REFUSED, "decided_by": "requested_by"})),
    Attack("amendment_kind", clone("advance_amendments", RESCHEDULE, kind="'gift'")),
    Attack("amendment_status", amendment(**{**REFUSED, "status": "'lost'", "end_reason": "NULL"})),
    Attack("amendment_decider_kind", amendment(decider_kind="'service_account'")),
    *(Attack("amendment_decided", amendment(**{**REFUSED, name: "NULL"})) for name in ("decided_by", "end_reason")),
    Attack("amendment_found", amendment(found_on="now()", found_by="$judge")),
    Attack("amendment_found", amendment(WAIVER, status="'found'")),
    Attack("amendment_waived", amendment(waived_cents="1")),
    Attack("amendment_waived", amendment(WAIVER, waived_cents="-1")),
    Attack("amendment_document", amendment(document_sha256="'0'")),
    Attack("early_repayment_amount", clone("advance_early_repayments", EARLY, amount_cents="0")),
    Attack("early_repayment_choice", clone("advance_early_repayments", EARLY, choice="'none'")),
    Attack("early_repayment_status", change("advance_early_repayments", EARLY, status="'lost'")),
    Attack("early_repayment_received", change("advance_early_repayments", EARLY, status="'received'")),
    Attack("early_repayment_withdrawn", change("advance_early_repayments", EARLY, status="'withdrawn'")),
    Attack(
        "advance_early_repayments_repayment_key",
        "; ".join(
            clone("advance_early_repayments", EARLY, status="'received'", repayment_id="$repayment") for _ in range(2)
        ),
    ),
    Attack("advance_turnovers_year_key", clone("advance_turnovers", TURNOVER)),
    *(
        Attack("turnover_amounts", clone("advance_turnovers", TURNOVER, **{"year": "2024", name: "-1"}))
        for name in ("turnover_cents", "amount_cents")
    ),
    Attack("turnover_year", clone("advance_turnovers", TURNOVER, year="2200")),
    Attack("turnover_status", change("advance_turnovers", TURNOVER, status="'lost'")),
    Attack("turnover_reason", change("advance_turnovers", TURNOVER, status="'reversed'")),
    *(
        Attack(f"{table}_append_only", change(table, TABLES[table], **{column: value}))
        for table, (column, value) in KEPT.items()
    ),
]
