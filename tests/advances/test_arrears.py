"""The rules of arrears, formal notices and proceedings, on plain values."""

from datetime import date, timedelta
from uuid import UUID

import pytest

from app.advances.arrears import rules
from app.advances.late import Span
from app.advances.position import bucket_of
from app.advances.proceedings import rules as proceedings
from app.advances.proceedings.rules import Judged
from app.firms.models import ProceedingKind

DUE = date(2025, 3, 31)
ONE, TWO = UUID(int=1), UUID(int=2)
SAFEGUARD, REORGANISATION, LIQUIDATION = ProceedingKind


def test_a_bucket_begins_on_its_first_day_past_due() -> None:
    for bucket, first in rules.BUCKETS:
        assert bucket_of(first) is bucket
        assert bucket_of(first - 1) is not bucket


@pytest.mark.parametrize(
    ("due_on", "needed_on"),
    [("2025-03-31", "2025-10-01"), ("2025-08-31", "2026-03-01"), ("2024-08-31", "2025-03-01"),
     ("2023-08-31", "2024-03-01"), ("2025-01-15", "2025-07-16")],
)  # fmt: skip
def test_six_months_unpaid_need_an_act(due_on: str, needed_on: str) -> None:
    assert rules.act_needed_on(date.fromisoformat(due_on)) == date.fromisoformat(needed_on)


def test_a_notice_runs_from_its_receipt_or_from_its_first_presentation() -> None:
    received, presented = date(2025, 4, 12), date(2025, 4, 10)
    assert rules.runs_from(received, presented) == received
    assert rules.runs_from(None, presented) == presented
    assert rules.runs_from(None, None) is None


def test_all_is_made_due_after_the_delay_of_a_notice_for_what_is_overdue() -> None:
    overdue = frozenset({DUE})
    given = rules.Given(ONE, overdue, date(2025, 4, 20), 15)
    assert given.delay_ends_on == date(2025, 5, 5)
    with pytest.raises(rules.DelayRunning) as running:
        rules.notice_relied_on([given], overdue, date(2025, 5, 5))
    assert running.value.members == {"until": date(2025, 5, 5)}
    assert rules.notice_relied_on([given], overdue, date(2025, 5, 6)) is given
    sooner = rules.Given(TWO, overdue, date(2025, 4, 10), 8)
    assert rules.notice_relied_on([given, sooner], overdue, date(2025, 4, 19)) is sooner
    not_presented = rules.Given(ONE, overdue, None, 15)
    paid = rules.Given(ONE, frozenset({DUE - timedelta(days=90)}), date(2025, 1, 20), 15)
    for notices in ([], [not_presented], [paid]):
        with pytest.raises(rules.NoticeMissing):
            rules.notice_relied_on(notices, overdue, date(2025, 12, 31))


def judged(kind: ProceedingKind, opened_on: str, id_: UUID = ONE, **days: str) -> Judged:
    return Judged(id_, kind, date.fromisoformat(opened_on), **{k: date.fromisoformat(v) for k, v in days.items()})


@pytest.mark.parametrize(
    ("case", "on"),
    [(judged(SAFEGUARD, "2025-02-06"), None), (judged(REORGANISATION, "2025-02-06"), None),
     (judged(LIQUIDATION, "2025-02-06"), "2025-02-06"),
     (judged(LIQUIDATION, "2025-02-06", continued_until_on="2025-04-30"), "2025-04-30"),
     (judged(LIQUIDATION, "2025-02-06", continued_until_on="2025-04-30", closed_on="2025-04-29"), None),
     (judged(LIQUIDATION, "2025-02-06", closed_on="2026-04-29"), "2025-02-06")],
)  # fmt: skip
def test_a_liquidation_alone_makes_all_due(case: Judged, on: str | None) -> None:
    day = None if on is None else date.fromisoformat(on)
    assert case.due_on == day
    made = proceedings.made_due([case], date(2199, 12, 31))
    assert (made.on if made is not None else None) == day
    assert day is None or proceedings.made_due([case], day - timedelta(days=1)) is None


def test_a_claim_is_declared_within_two_months_of_the_notice() -> None:
    assert judged(SAFEGUARD, "2024-12-20", noticed_on="2024-12-31").claim_by_on == date(2025, 2, 28)
    assert judged(SAFEGUARD, "2024-12-20").claim_by_on is None


def test_proceedings_that_follow_each_other_are_one_time() -> None:
    first = judged(REORGANISATION, "2025-02-06", closed_on="2025-06-04")
    then = judged(LIQUIDATION, "2025-06-04", TWO)
    assert proceedings.stops([first, then]) == [Span(first.opened_on, first.closed_on), Span(then.opened_on, None)]
    for day, since in (("2025-02-05", None), ("2025-02-06", "2025-02-06"), ("2025-06-04", "2025-02-06")):
        found = proceedings.in_proceedings_on([then, first], date.fromisoformat(day))
        assert found == (None if since is None else date.fromisoformat(since))
    ended = judged(REORGANISATION, "2024-02-06", closed_on="2024-06-04")
    assert proceedings.in_proceedings_on([ended, then], date(2025, 7, 1)) == date(2025, 6, 4)
    assert proceedings.open_on([ended], date(2024, 6, 4)) is None
