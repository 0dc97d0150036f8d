"""Who was interviewed: one definition, from held auditions, in the funnel, the summary and the list of auditions."""

from tests.world import World, ok


async def met(world: World, *sirens: str, on: str = "2023-07-04") -> None:
    audition = await world.audition(*sirens)
    ok(await world.consultant.post(f"auditions/{audition['id']}/hold", {"held_on": on}))


async def told(world: World, day: str = "2023-12-31") -> int:
    """The firms that were interviewed by a day; every report says the same."""
    funnel = ok(await world.auditor.get(f"firms/funnel?as_of={day}"))
    summary = ok(await world.auditor.get(f"summary?as_of={day}"))
    nation = ok(await world.auditor.get(f"/v1/summary?as_of={day}"))
    [here] = [each for each in nation["by_territory"] if each["territory"] == world.territory]
    held = ok(await world.auditor.get("auditions", params={"status": "held", "held_to": day, "limit": 500}))["items"]
    sirens = {siren for audition in held for siren in audition["sirens"]}
    found = {funnel["firms_interviewed"], summary["firms_interviewed"], here["firms_interviewed"]}
    assert len(found) == 1, found
    assert len(sirens) <= funnel["firms_interviewed"]
    assert funnel["firms_interviewed"] <= funnel["firms_solicited"], "who was met was approached"
    return int(funnel["firms_interviewed"])


async def test_a_firm_is_interviewed_once_whatever_its_stage_and_however_often_it_is_met(world: World) -> None:
    one, two = await world.followed_firm(), await world.followed_firm()
    await met(world, one)
    await met(world, one, two, on="2023-07-10")
    assert [await told(world, day) for day in ("2023-07-03", "2023-07-04", "2023-07-10")] == [0, 1, 2]
    ok(await world.clients["territory"].put(f"firms/{one}", {"stage": "declined", "reason": "No project."}))
    assert await told(world) == 2, "it was met, and declined afterwards"


async def test_a_stage_that_is_typed_is_no_interview(world: World) -> None:
    siren = await world.add_firm()
    typed = {"stage": "interviewed", "effective_on": "2023-07-04"}
    ok(await world.clients["territory"].put(f"firms/{siren}", typed), 201)
    assert await told(world) == 0


async def test_a_stage_recorded_before_auditions_were_counted_still_says_that_the_firm_was_met(world: World) -> None:
    """Rows that the migration found carry its first default."""
    siren = await world.followed_firm()
    await world.pool.execute(
        "INSERT INTO firm_stage_changes (territory, siren, stage, effective_on, recorded_at, counts_as_interview)"
        " VALUES ($1, $2, 'shortlisted', '2023-07-04', now(), true)",
        world.territory, siren,
    )  # fmt: skip
    assert [await told(world, day) for day in ("2023-07-03", "2023-07-04")] == [0, 1]
    await met(world, siren, on="2023-07-10")
    assert await told(world) == 1


async def test_a_firm_of_two_territories_is_one_firm_of_the_programme(world: World, other: World) -> None:
    before = ok(await world.auditor.get("/v1/summary"))["firms_interviewed"]
    siren = await world.followed_firm()
    ok(await other.clients["territory"].put(f"firms/{siren}", {"stage": "identified"}), 201)
    await met(world, siren)
    await met(other, siren)
    assert (await told(world), await told(other)) == (1, 1)
    assert ok(await world.auditor.get("/v1/summary"))["firms_interviewed"] == before + 1


async def test_what_was_known_of_interviews_is_what_the_auditions_said_then(world: World) -> None:
    siren = await world.followed_firm()
    await met(world, siren)
    path = "firms/funnel?as_of=2023-12-31&recorded_as_of=2026-11-01"
    assert ok(await world.auditor.get(path))["firms_interviewed"] == 0
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute("UPDATE events SET occurred_at = '2026-10-01' WHERE territory = $1", world.territory)
    assert ok(await world.auditor.get(path))["firms_interviewed"] == 1
