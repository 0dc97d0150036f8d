"""The arithmetic of claims: the same invoice, the period, what counts of a line, and samples that are drawn again."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.awards.claims.rules import (
    AboveParked,
    ClaimAction,
    ClaimStatus,
    ClaimTransition,
    ComparedInvoice,
    DeclaredLine,
    Deduction,
    ExpenseAfterCompletion,
    ExpenseBeforeReceipt,
    Part,
    Period,
    SampleMethod,
    SettlementUnbalanced,
    Verdict,
    draw,
    invoice_key,
    next_status,
    repeated,
    settle,
    supplier_key,
)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("FA 2024-0012", "fa20240012"),
        ("fa2024/0012", "fa20240012"),
        ("Fa\u00a02024\u20130012", "fa20240012"),
        ("N° 12", "n12"),
        ("000123", "123"),
        ("123", "123"),
        ("0", "0"),
        ("000", "0"),
        ("Réf. é-1", "refe1"),
        ("—", ""),
    ],
)
def test_an_invoice_number_is_compared_without_signs_case_and_leading_zeros(written: str, key: str) -> None:
    assert invoice_key(written) == key


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("S.A.S. Établissements Dupont", "etablissementsdupont"),
        ("ETABLISSEMENTS DUPONT", "etablissementsdupont"),
        ("Dupont & Fils SARL", "dupontfils"),
        ("SAS", "sas"),
        ("Œuvre GmbH", "oeuvre"),
        ("\u0395\u03bb\u03bb\u03b7\u03bd", "\u03b5\u03bb\u03bb\u03b7\u03bd"),
    ],
)
def test_a_supplier_is_compared_without_its_legal_form(written: str, key: str) -> None:
    assert supplier_key(written) == key


ONE, OTHER = "320252489", "552100554"
MARCH, APRIL = date(2024, 3, 11), date(2024, 4, 11)


def invoice(
    number: str, siren: str | None, name: str | None, day: date = MARCH, cents: int = 100, whole: int | None = None
) -> ComparedInvoice:
    return ComparedInvoice.of(number, siren, name, day, cents, whole)


SAME = [
    (invoice("F-1", ONE, None), invoice("f1", ONE, "Dupont", APRIL, 7), True),
    (invoice("F-1", ONE, "Dupont"), invoice("F-1", OTHER, "Dupont"), False),  # two firms of one name
    (invoice("F-1", ONE, "Dupont"), invoice("F-1", None, "DUPONT SAS", APRIL, 7), True),
    (invoice("F-1", None, "Dupont"), invoice("F-2", None, "Dupont"), False),
    # A SIREN that nobody has named yet, and a name that nobody has given a SIREN: the day tells.
    (invoice("F-1", ONE, None), invoice("F-1", None, "Dupont", cents=7), True),
    (invoice("F-1", ONE, None), invoice("F-1", None, "Dupont", APRIL), False),
    # Two names of which one has a SIREN: the day and the amount tell.
    (invoice("F-1", ONE, "Dupont Mécanique"), invoice("F-1", None, "Dupont"), True),
    (invoice("F-1", ONE, "Dupont Mécanique"), invoice("F-1", None, "Dupont", cents=60, whole=100), True),
    (invoice("F-1", ONE, "Dupont Mécanique"), invoice("F-1", None, "Dupont", cents=60), False),
    (invoice("F-1", ONE, "Dupont Mécanique"), invoice("F-1", None, "Dupont", APRIL), False),
    (invoice("F-1", None, "Dupont Mécanique"), invoice("F-1", None, "Dupont"), False),
    (invoice("F-1", ONE, "Dupont"), invoice("F-1", ONE, "Dupont", cents=-100), False),  # a credit note
    (invoice("A-1", ONE, None, cents=-9), invoice("a1", ONE, None, cents=-9), True),
]


@pytest.mark.parametrize(("first", "second", "same"), SAME)
def test_which_invoices_are_the_same(first: ComparedInvoice, second: ComparedInvoice, same: bool) -> None:  # a table
    assert first.is_the_same_as(second) is second.is_the_same_as(first) is same
    parts = [Part(each, "line", MARCH) for each in (invoice("X", None, "X"), first, second)]
    assert list(repeated(parts)) == ([(2, 1)] if same else [])


@pytest.mark.parametrize(
    ("second", "apart"),
    [
        (("other", MARCH, 100), True),
        (("line", APRIL, 100), True),  # paid by instalments
        (("line", MARCH, 100), False),
        (("other", APRIL, 101), False),
        (("other", APRIL, None), False),
    ],
)
def test_which_lines_are_parts_of_one_invoice(second: tuple[str, date, int | None], apart: bool) -> None:
    one = invoice("F-1", ONE, None)
    parts = [Part(one, "line", MARCH, 100), Part(one, *second)]
    assert list(repeated(parts)) == ([] if apart else [(1, 0)])


RECEIVED, COMPLETED = date(2024, 1, 15), date(2025, 6, 30)
PERIOD = Period(RECEIVED, COMPLETED)


@pytest.mark.parametrize(
    ("invoiced_on", "paid_on", "refusal"),
    [
        (RECEIVED, RECEIVED, None),
        (date(2024, 1, 14), date(2024, 2, 1), ExpenseBeforeReceipt),
        (date(2024, 2, 1), date(2024, 1, 14), ExpenseBeforeReceipt),  # paid before it was invoiced, and too early
        (COMPLETED, date(2025, 9, 1), None),
        (date(2025, 7, 1), date(2025, 7, 1), ExpenseAfterCompletion),
    ],
)
def test_an_expense_is_of_the_period(invoiced_on: date, paid_on: date, refusal: type | None) -> None:
    expenses = [("/lines/0", RECEIVED, COMPLETED), ("/lines/1", invoiced_on, paid_on)]
    Period().refuse(expenses)
    if refusal is None:
        PERIOD.refuse(expenses)
        return
    with pytest.raises(refusal) as refused:
        PERIOD.refuse(expenses)
    assert [error.pointer for error in refused.value.errors] == ["/lines/1"]  # type: ignore[attr-defined]


NE, OL = Deduction.NOT_ELIGIBLE, Deduction.OVER_LINE


@pytest.mark.parametrize(
    ("left", "declared", "verdicts", "settled"),
    [
        (1000, [600], {}, [(600, 0, {})]),
        (1000, [600], {1: Verdict(100, 200, {NE: 300})}, [(100, 200, {NE: 300})]),
        (500, [600], {}, [(500, 0, {OL: 100})]),
        (500, [600], {1: Verdict(520, 30, {NE: 40, OL: 10})}, [(500, 30, {NE: 40, OL: 30})]),
        (500, [300, 300, 1], {}, [(300, 0, {}), (200, 0, {OL: 100}), (0, 0, {OL: 1})]),
        (0, [600], {1: Verdict(0, 600)}, [(0, 600, {})]),
    ],
)
def test_what_is_declared_is_certified_deducted_and_parked(
    left: int, declared: list[int], verdicts: dict[int, Verdict], settled: list[tuple[int, int, dict[Deduction, int]]]
) -> None:
    lines = [DeclaredLine(place, "line", cents) for place, cents in enumerate(declared, 1)]
    found = settle(list(reversed(lines)), verdicts, {"line": left})
    assert [found[line.position] for line in lines] == [Verdict(*each) for each in settled]


@pytest.mark.parametrize("verdict", [Verdict(599), Verdict(601), Verdict(600, 1), Verdict(0, 0, {NE: 599})])
def test_a_settlement_that_does_not_come_to_what_was_declared_is_refused(verdict: Verdict) -> None:
    with pytest.raises(SettlementUnbalanced):
        settle([DeclaredLine(1, "line", 600)], {1: verdict}, {"line": 10_000})


def test_a_credit_note_gives_back_to_its_line_before_others_take() -> None:
    lines = [DeclaredLine(1, "line", 600), DeclaredLine(2, "line", -500)]
    settled = settle(lines, {}, {"line": 0})
    assert settled == {2: Verdict(-500), 1: Verdict(500, 0, {OL: 100})}
    fits = [Verdict(-500), Verdict(-400, 0, {NE: -100}), Verdict(0, 0, {NE: -500})]
    assert all(verdict.fits(-500) and not verdict.fits(500) for verdict in fits)
    for verdict in (Verdict(-600, 0, {NE: 100}), Verdict(0, -500), Verdict(600, 0, {NE: -100})):
        assert not verdict.fits(-500)
        assert not verdict.fits(500)


@given(
    st.lists(st.tuples(st.sampled_from("AB"), st.integers(1, 1000)), min_size=1, max_size=12),
    st.integers(0, 3000), st.integers(0, 3000), st.data(),
)  # fmt: skip
def test_no_line_of_the_decision_counts_more_than_it_has_left(
    declared: list[tuple[str, int]], a: int, b: int, data: st.DataObject
) -> None:
    left = {"A": a, "B": b}
    lines = [DeclaredLine(place, line, cents) for place, (line, cents) in enumerate(declared)]
    verdicts = {}
    for line in lines:
        certified = data.draw(st.integers(0, line.declared_cents))
        parked = data.draw(st.integers(0, line.declared_cents - certified))
        verdicts[line.position] = Verdict(certified, parked, {NE: line.declared_cents - certified - parked})
    settled = settle(lines, verdicts, left)
    for line in lines:
        verdict = settled[line.position]
        assert verdict.settled_cents == line.declared_cents == sum(verdict.columns().values())
        assert min(verdict.columns().values()) >= 0
    for name, most in left.items():
        wanted = sum(verdicts[line.position].certified_cents for line in lines if line.line_id == name)
        counted = sum(settled[line.position].certified_cents for line in lines if line.line_id == name)
        assert counted == min(wanted, most)


CENTS = {1: 100_00, 2: 5_000_00, 3: 1, 4: 250_00, 5: 90_000_00, 7: 250_00}


@pytest.mark.parametrize(
    ("method", "seed", "size", "drawn"),
    [
        (SampleMethod.RANDOM, "0011223344556677", 2, [3, 7]),
        (SampleMethod.RANDOM, "8899aabbccddeeff", 3, [1, 2, 3]),
        (SampleMethod.MONETARY_UNIT, "0011223344556677", 2, [5]),
        (SampleMethod.MONETARY_UNIT, "8899aabbccddeeff", 6, [2, 5]),
    ],
)
def test_a_sample_is_drawn_again_from_its_seed(method: SampleMethod, seed: str, size: int, drawn: list[int]) -> None:
    assert draw(method, seed, size, CENTS) == drawn
    assert draw(method, seed, size, dict(reversed(CENTS.items()))) == drawn


@given(
    st.dictionaries(st.integers(1, 200), st.integers(1, 10**12), min_size=1, max_size=30), st.text("0123456789abcdef"),
    st.data(),
)  # fmt: skip
def test_a_sample_holds_every_large_line_and_never_more_than_its_size(
    cents: dict[int, int], seed: str, data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, len(cents)))
    assert len(draw(SampleMethod.RANDOM, seed, size, cents)) == size
    drawn = draw(SampleMethod.MONETARY_UNIT, seed, size, cents)
    assert 1 <= len(drawn) <= size
    assert {place for place, amount in cents.items() if amount * size >= sum(cents.values()) + size} <= {*drawn}


def test_a_claim_is_settled_once_and_reopened_before_it_is_changed() -> None:
    assert next_status(ClaimAction.REOPEN, ClaimStatus.SETTLED) is ClaimStatus.SUBMITTED
    for action in ClaimAction:
        if action is not ClaimAction.REOPEN:
            with pytest.raises(ClaimTransition):
                next_status(action, ClaimStatus.SETTLED)
        with pytest.raises(ClaimTransition):
            next_status(action, ClaimStatus.WITHDRAWN)
    assert AboveParked.constraint == "above_parked"
