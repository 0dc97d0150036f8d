"""Money is found by its amount, its day and its state; and who moved it is named, but not in the feed."""

import pytest

from tests.world import World, ok, problem


@pytest.mark.parametrize(
    ("path", "amount"),
    [
        ("envelope/contributions", 200_000_00),
        ("envelope/entries?act=repayment&debit=repaid", 1_000_00),
        ("grants", 60_000_00),
        ("grants/{grant}/payments", 10_000_00),
        ("advances", 60_000_00),
        ("advances/{advance}/tranches", 50_000_00),
        ("advances/{advance}/repayments", 1_000_00),
    ],
)
async def test_an_amount_is_found_between_its_bounds(world: World, path: str, amount: int) -> None:
    path = path.format(**await world.money())
    join = "&" if "?" in path else "?"

    async def found(**bounds: int) -> list[int]:
        query = "&".join(f"{name}={value}" for name, value in bounds.items())
        return [item["amount_cents"] for item in ok(await world.auditor.get(f"{path}{join}{query}"))["items"]]

    assert await found(amount_min_cents=amount, amount_max_cents=amount) == [amount]
    assert await found(amount_min_cents=amount + 1) == []
    assert await found(amount_max_cents=amount - 1) == []
    for wrong in ("-1", "1e3", "1.5", "9007199254740992", ""):
        refusal = problem(await world.auditor.get(f"{path}{join}amount_min_cents={wrong}"), 422, "validation-failed")
        assert refusal["errors"][0]["pointer"] == "amount_min_cents"


async def test_payments_are_found_by_day_and_state(world: World) -> None:
    ids = await world.money()
    payments = f"grants/{ids['grant']}/payments"
    assert (
        len(ok(await world.funder.get(f"{payments}?status=recorded&paid_from=2023-11-15&paid_to=2023-11-15"))["items"])
        == 1
    )
    assert ok(await world.funder.get(f"{payments}?status=reversed"))["items"] == []
    assert ok(await world.funder.get(f"{payments}?paid_from=2023-11-16"))["items"] == []


async def test_who_awarded_and_who_paid_is_named_and_never_in_the_feed(world: World) -> None:
    ids = await world.money()
    grant = ok(await world.auditor.get(f"grants/{ids['grant']}"))
    assert grant["awarded_by_name"] == f"funder of {world.territory}"
    [payment] = ok(await world.auditor.get(f"grants/{ids['grant']}/payments"))["items"]
    assert payment["recorded_by_name"] == f"treasurer of {world.territory}"
    async with world.pool.acquire() as connection:
        told = await connection.fetch("SELECT data::text FROM events WHERE territory = $1", world.territory)
    assert len(told) >= 6
    assert not any(
        grant["awarded_by_name"] in row["data"] or payment["recorded_by_name"] in row["data"] for row in told
    )
