"""What bare SQL tries on invoices, on what they contain and on the acts on them."""

from tests.bare_sql import Attack, change, clone
from tests.engineering.invoices.acts import act, cancelled, certified, invoice
from tests.world import Mission, World, ok

INVOICES, PARTS, LINES, VAT, ACTS, MEMBERS = (
    "invoices", "invoice_certificates", "invoice_lines", "invoice_vat", "invoice_passages", "member_invoicing",
)  # fmt: skip
ISSUED, FOLLOWED, NOTE = (f"id = $invoice_{name}" for name in ("issued", "followed", "note"))
OF_ISSUED = "invoice_id = $invoice_issued"
FIRST, SECOND = (f"invoice_id = $invoice_followed AND number = {number}" for number in (1, 2))
RATE = "INSERT INTO refinancing_rates (from_on, rate_bp, source, recorded_at) VALUES ('{}', {}, 'BCE', now())"
SHIPPED = "from_on = '2023-07-01'"
AT_COMMIT = "; SET CONSTRAINTS ALL IMMEDIATE"
TODAY = "(timezone('Europe/Paris', now()))::date"


async def staged(world: World, mission: Mission) -> dict[str, str]:
    """An invoice that is issued, one that is suspended, one that is credited with its note; certificates that wait."""
    made: dict[str, str] = {}
    for number, name in enumerate(("issued", "followed", "credited"), 10):
        certificate = await certified(world, mission, f"2023-07-{number}", 0.25)
        found = ok(await invoice(world.consultant, certificate, number=f"FA {name}"), 201)
        made |= {f"invoice_{name}": found["id"], f"certificate_{name}": certificate["id"]}
        if name == "credited":
            counter = await cancelled(world, certificate)
            made |= {"counter": counter["id"]}
            made["invoice_note"] = ok(await invoice(world.consultant, counter), 201)["id"]
    ok(await act(world.consultant, made["invoice_followed"], "make_available"))
    ok(await act(world.operator, made["invoice_followed"], "suspend", reason="The service is missing."))
    # What was cancelled is certified again and waits; another certificate is cancelled, and nobody invoiced it.
    void = await world.certify(mission)
    counter = await cancelled(world, void)
    again = await world.certify(mission)
    return {**made, "void": void["id"], "void_counter": counter["id"], "waiting": again["id"]}


def passage(number: int, act: str, source: str, to: str, **more: str) -> str:
    """An act on the one that is suspended."""
    told = {
        "number": str(number), "act": f"'{act}'", "from_state": f"'{source}'", "to_state": f"'{to}'",
        "previous_number": str(number - 1), "reason": "NULL", **more,
    }  # fmt: skip
    return clone(ACTS, SECOND, **told)


def contain(invoice: str, certificate: str) -> str:
    """One more certificate of an invoice."""
    return clone(PARTS, OF_ISSUED, invoice_id=f"$invoice_{invoice}", certificate_id=f"${certificate}")


ATTACKS = [
    Attack("invoice_number_taken", clone(INVOICES, ISSUED, number="'fa ISSUED'")),
    Attack("certificate_already_invoiced", contain("followed", "certificate_issued")),
    *(Attack("certificate_cancelled", contain("issued", name)) for name in ("void", "void_counter", "counter")),
    *(Attack("certificate_not_invoiced", contain("note", name)) for name in ("void_counter", "waiting")),
    Attack("invoice_certificates_append_only", change(PARTS, OF_ISSUED, certificate_id="$waiting")),
    Attack("invoice_kind", clone(INVOICES, NOTE, number="'N'", kind="'poem'", corrects_id="NULL")),
    Attack("invoice_state", change(INVOICES, FOLLOWED, state="'lost'")),
    *(Attack("invoice_number", clone(INVOICES, ISSUED, number=number)) for number in ("''", "'- /'")),
    *(
        Attack("invoice_parties", clone(INVOICES, ISSUED, number="'N'", **wrong))
        for wrong in ({"supplier_siren": "'320252488'"}, {"payer_siret": "'32025248900000'"})
    ),
    *(
        Attack("invoice_references", clone(INVOICES, ISSUED, number="'N'", **{name: "''"}))
        for name in ("engagement_number", "service_code")
    ),
    Attack("invoice_corrects", clone(INVOICES, ISSUED, number="'N'", corrects_id="$invoice_followed")),
    Attack("invoice_corrects", clone(INVOICES, NOTE, number="'N'", corrects_id="NULL")),
    *(
        Attack("invoice_figures", clone(INVOICES, ISSUED, number="'N'", **wrong))
        for wrong in (
            {"days": "0.1"}, {"days": "-0.25"}, {"days": "'NaN'"}, {"total_cents": "total_cents + 1"},
            {"amount_cents": "-1", "vat_cents": "0", "total_cents": "-1"},
        )
    ),
    Attack("invoice_figures", clone(INVOICES, NOTE, number="'N'", days="0.25")),
    Attack("invoice_content_hash", clone(INVOICES, ISSUED, number="'N'", content="'{}'")),
    Attack("invoice_first_state", change(INVOICES, ISSUED, state="'deposited'")),
    Attack("invoice_due", change(INVOICES, NOTE, due_on="issued_on")),
    Attack("invoice_credited", change(INVOICES, "id = $invoice_credited", state="'cancelled'", passage_number="1")),
    Attack("invoice_differs", clone(INVOICES, ISSUED, number="'N'") + AT_COMMIT),
    Attack("invoice_line_number", clone(LINES, OF_ISSUED, number="0")),
    Attack("invoice_line_profile", clone(LINES, OF_ISSUED, number="2", profile="'wizard'")),
    Attack("invoice_line_days", clone(
        LINES, OF_ISSUED, number="2", days="0.1", amount_cents="round(0.1 * day_rate_cents)",
    )),
    Attack("invoice_line_amount", clone(LINES, OF_ISSUED, number="2", amount_cents="amount_cents + 1")),
    Attack("invoice_lines_vat_fkey", clone(LINES, OF_ISSUED, number="2", vat_rate_bp="1000")),
    Attack(
        "invoice_lines_certificate_fkey", clone(LINES, OF_ISSUED, number="2", certificate_id="$certificate_followed")
    ),
    *(Attack("invoice_vat_rate", clone(VAT, OF_ISSUED, rate_bp=rate, taxable_cents="0", vat_cents="0"))
      for rate in ("-1", "10001")),
    Attack("invoice_vat_amount", clone(VAT, OF_ISSUED, rate_bp="1000", vat_cents="vat_cents + 1")),
    *(
        Attack("invoice_passage_transition", passage(3, *wrong))
        for wrong in (("pay", "suspended", "paid"), ("complete", "suspended", "paid"), ("agree", "suspended", "paid"))
    ),
    *(
        Attack("invoice_passage_number", clone(ACTS, FIRST, invoice_id="$invoice_issued", **wrong))
        for wrong in ({"number": "0"}, {"number": "2"}, {"previous_number": "0"}, {"from_state": "'deposited'"})
    ),
    Attack("invoice_passages_previous_fkey", passage(9, "complete", "suspended", "at_payer")),
    Attack("invoice_passages_previous_fkey", passage(3, "order_payment", "at_payer", "payment_ordered")),
    *(
        Attack("invoice_passage_members", clone(ACTS, FIRST, invoice_id="$invoice_issued", **wrong))
        for wrong in ({"payment_days": "NULL"}, {"payment_days": "-1"}, {"reverses_number": "0"})
    ),
    *(
        Attack("invoice_passage_members", passage(3, "reject", "suspended", "rejected", **wrong))
        for wrong in ({}, {"reason": "'No'", "payment_days": "30"}, {"reason": "'No'", "reverses_number": "1"})
    ),
    Attack("invoice_passage_future", passage(3, "complete", "suspended", "at_payer", effective_on=f"{TODAY} + 1")),
    *(
        Attack("invoice_passage_reversal", passage(3, "reverse", *states, reason="'Wrong'", reverses_number=number))
        for states, number in ((("at_payer", "issued"), "1"), (("suspended", "at_payer"), "1"))
    ),
    Attack("invoice_differs", passage(3, "complete", "suspended", "at_payer") + AT_COMMIT),
    Attack("invoices_state_fkey", change(INVOICES, FOLLOWED, state="'paid'") + AT_COMMIT),
    Attack("refinancing_rate_rate", RATE.format("2022-07-01", 10001)),
    Attack("refinancing_rate_rate", RATE.format("2022-07-01", -1)),
    Attack("refinancing_rates_recorded_by_fkey", clone("refinancing_rates", SHIPPED, recorded_by="uuidv7()")),
    *(Attack("refinancing_rate_half_year", RATE.format(day, 1)) for day in ("2022-07-02", "2022-08-01")),
    *(
        Attack("member_invoicing_sum", change(MEMBERS, "certified_cents <> 0", **{name: f"{name} + 1"}))
        for name in ("certified_cents", "invoiced_cents", "to_invoice_cents")
    ),
]  # fmt: skip
