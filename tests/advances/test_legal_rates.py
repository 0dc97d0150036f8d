"""The legal rates of interest: those that are published, a new half-year, a correction that hides nothing."""

from tests.world import World, ok, problem

ADDRESS = "/v1/legal-rates"
PUBLISHED = [("2024-07-01", "2024-12-31", 492), ("2025-01-01", "2025-06-30", 371),
             ("2025-07-01", "2025-12-31", 276), ("2026-01-01", "2026-06-30", 262)]  # fmt: skip


async def test_a_rate_is_of_a_half_year_and_is_corrected_by_a_later_record(world: World) -> None:
    query = f"{ADDRESS}?sort=from_on&from_to=2026-06-30"
    shipped = [row for row in ok(await world.consultant.get(query))["items"] if row["recorded_by"] is None]
    assert [(row["from_on"], row["to_on"], row["rate_bp"]) for row in shipped] == PUBLISHED
    assert all(row["source"] for row in shipped)
    body = {"from_on": "2150-07-01", "rate_bp": 300, "source": "Arrêté"}
    refused = problem(await world.programme.post(ADDRESS, body | {"from_on": "2150-07-02"}), 422, "validation-failed")
    assert refused["errors"][0]["code"] == "not_a_half_year"
    first = ok(await world.programme.post(ADDRESS, body), 201)
    second = ok(await world.programme.post(ADDRESS, body | {"rate_bp": 310}), 201)
    that_day = f"{ADDRESS}?from_from=2150-07-01&from_to=2150-07-01"
    kept = ok(await world.auditor.get(f"{that_day}&sort=from_on"))["items"]
    assert [(row["id"], row["rate_bp"], row["corrected"]) for row in kept] == [
        (first["id"], 300, True), (second["id"], 310, False)]  # fmt: skip
    [counts] = ok(await world.auditor.get(f"{that_day}&corrected=false"))["items"]
    assert counts == ok(await world.auditor.get(f"{ADDRESS}/{second['id']}"))
