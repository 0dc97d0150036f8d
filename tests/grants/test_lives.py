"""The life of a grant: awarded, paying, closed or cancelled, and what may be taken back when."""

from typing import Any

import pytest

from tests.envelopes.acts import DAY, Acts
from tests.envelopes.test_limits import figures
from tests.world import World, ok, problem


@pytest.fixture
async def acts(world: World) -> Acts:
    return await Acts.of(world, 600, 400)


async def status(acts: Acts, grant: str) -> tuple[str, int, int, int]:
    found = ok(await acts.world.auditor.get(f"grants/{grant}"))
    whole = found["paid_cents"] + found["released_cents"] + found["remaining_cents"]
    assert whole == (0 if found["status"] == "reversed" else found["amount_cents"])
    return found["status"], found["paid_cents"], found["released_cents"], found["remaining_cents"]


async def test_a_grant_is_awarded_then_paying_then_closed_by_its_last_cent(acts: Acts) -> None:
    grant = ok(await acts.grant(100), 201)["id"]
    assert await status(acts, grant) == ("awarded", 0, 0, 100)
    ok(await acts.pay(grant, 99), 201)
    assert await status(acts, grant) == ("paying", 99, 0, 1)
    assert problem(await acts.pay(grant, 2), 409, "payments-exceed-award")["remaining_cents"] == 1
    last = ok(await acts.pay(grant, 1, kind="balance_payment"), 201)["id"]
    assert await status(acts, grant) == ("closed", 100, 0, 0)
    problem(await acts.pay(grant, 1), 409, "award-ended")
    problem(await acts.release(f"grants/{grant}"), 409, "award-ended")
    problem(await acts.reverse(f"grants/{grant}"), 409, "award-already-paid")
    ok(await acts.reverse(f"grants/{grant}/payments/{last}"))
    assert await status(acts, grant) == ("paying", 99, 0, 1)
    problem(await acts.reverse(f"grants/{grant}/payments/{last}"), 409, "already-reversed")
    ok(await acts.pay(grant, 1), 201)
    assert await status(acts, grant) == ("closed", 100, 0, 0)


async def test_a_release_gives_the_rest_back_and_closes_or_cancels(acts: Acts) -> None:
    paid, unpaid = ok(await acts.grant(100), 201)["id"], ok(await acts.grant(50), 201)["id"]
    ok(await acts.pay(paid, 30), 201)
    ok(await acts.release(f"grants/{paid}"))
    assert await status(acts, paid) == ("closed", 30, 70, 0)
    assert ok(await acts.release(f"grants/{unpaid}"))["reason"] == "Cheaper."
    assert await status(acts, unpaid) == ("cancelled", 0, 50, 0)
    now = figures(await acts.envelope())
    assert (now["available"], now["committed"], now["paid"], now["released"]) == (970, 0, 30, 120)
    for grant in (paid, unpaid):
        problem(await acts.release(f"grants/{grant}"), 409, "award-ended")
        problem(await acts.pay(grant, 1), 409, "award-ended")


async def test_a_reversed_award_leaves_the_envelope_as_if_never_decided(acts: Acts) -> None:
    before = figures(await acts.envelope())
    grant = ok(await acts.grant(101), 201)["id"]
    assert ok(await acts.reverse(f"grants/{grant}"))["reason"] == "Mistaken."
    assert await status(acts, grant) == ("reversed", 0, 0, 0)
    assert figures(await acts.envelope()) == before
    problem(await acts.release(f"grants/{grant}"), 409, "award-ended")
    assert problem(await acts.pay(grant, 1), 409, "award-ended")["current"] == "reversed"
    problem(await acts.reverse(f"grants/{grant}"), 409, "award-ended")


async def test_an_award_on_which_money_is_paid_is_not_reversed(acts: Acts) -> None:
    grant = ok(await acts.grant(100), 201)["id"]
    payment = ok(await acts.pay(grant, 10), 201)["id"]
    problem(await acts.reverse(f"grants/{grant}"), 409, "award-already-paid")
    ok(await acts.reverse(f"grants/{grant}/payments/{payment}"))
    assert await status(acts, grant) == ("awarded", 0, 0, 100)
    ok(await acts.reverse(f"grants/{grant}"))


async def test_a_reversal_takes_back_no_more_than_the_award_still_commits(acts: Acts) -> None:
    """Paid, released, and the payment reversed: the whole award must not return beside what was released."""
    another = ok(await acts.grant(500), 201)["id"]  # stands in the same account
    grant = ok(await acts.grant(100), 201)["id"]
    payment = ok(await acts.pay(grant, 40), 201)["id"]
    ok(await acts.release(f"grants/{grant}"))
    ok(await acts.reverse(f"grants/{grant}/payments/{payment}"))
    assert await status(acts, grant) == ("awarded", 0, 60, 40)
    problem(await acts.reverse(f"grants/{grant}"), 409, "award-already-paid")
    now = figures(await acts.envelope())
    assert (now["committed"], now["available"]) == (540, 460)
    ok(await acts.release(f"grants/{grant}"))
    assert await status(acts, grant) == ("cancelled", 0, 100, 0)
    assert figures(await acts.envelope())["available"] == 500
    ok(await acts.pay(another, 500), 201)


async def test_money_moves_on_the_day_of_the_decision_at_the_earliest(acts: Acts) -> None:
    grant = ok(await acts.grant(100, decided_on="2024-05-14"), 201)["id"]
    refused = problem(await acts.pay(grant, 1, paid_on="2024-05-13"), 409, "before-decision")
    assert refused["decided_on"] == "2024-05-14"
    problem(await acts.release(f"grants/{grant}", released_on="2024-05-13"), 409, "before-decision")
    ok(await acts.pay(grant, 1, paid_on="2024-05-14"), 201)
    ok(await acts.release(f"grants/{grant}", released_on="2024-05-14"))
    for day in ("2024-05-13", "2024-05-14"):
        assert min(figures(await acts.envelope(as_of=day)).values()) >= 0


async def test_a_contribution_is_reversed_while_nothing_of_it_is_committed(acts: Acts) -> None:
    path = f"envelope/contributions/{ok(await acts.contribute(50), 201)['id']}"
    grant = ok(await acts.grant(1050), 201)["id"]
    refused = problem(await acts.reverse(path), 409, "envelope-exhausted")
    assert (refused["requested_cents"], refused["available_cents"], refused["available_from"]) == (50, 0, None)
    assert [(act["act"], act["act_id"], act["effective_on"]) for act in refused["later_acts"]] == [
        ("award", grant, DAY)
    ]
    ok(await acts.reverse(f"grants/{grant}"))
    gone = ok(await acts.reverse(path))
    assert (gone["status"], gone["reason"]) == ("reversed", "Mistaken.")
    problem(await acts.reverse(path), 409, "already-reversed")
    now = figures(await acts.envelope())
    assert (now["contributed"], now["available"]) == (1000, 1000)


@pytest.mark.parametrize(
    ("change", "pointer", "status_code"),
    [
        ({"amount_cents": 0}, "/amount_cents", 422),
        ({"amount_cents": -1}, "/amount_cents", 422),
        ({"amount_cents": 1.5}, "/amount_cents", 422),
        ({"amount_cents": "1"}, "/amount_cents", 422),
        ({"amount_cents": 10**12 + 1}, "/amount_cents", 422),
        ({"amount_cents": None}, "/amount_cents", 422),
        ({"amount": 1}, "/amount", 422),
        ({"kind": "advance"}, "/kind", 422),
        ({"paid_on": "2023-02-30"}, "/paid_on", 422),
        ({"reference": ""}, "/reference", 422),
    ],
)
async def test_a_payment_is_whole_cents_of_a_known_kind(
    acts: Acts, change: dict[str, Any], pointer: str, status_code: int
) -> None:
    grant = ok(await acts.grant(100), 201)["id"]
    cents = change.pop("amount_cents", 1)
    errors = problem(await acts.pay(grant, cents, **change), status_code, "validation-failed")["errors"]
    assert [error["pointer"] for error in errors] == [pointer]
    assert await status(acts, grant) == ("awarded", 0, 0, 100)


async def test_an_award_names_a_firm_of_the_register(acts: Acts) -> None:
    errors = problem(await acts.grant(1, siren="732829320"), 404, "reference-not-found")["errors"]
    assert errors[0]["pointer"] == "/siren"
    assert figures(await acts.envelope())["committed"] == 0
