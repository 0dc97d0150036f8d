"""Claims under real parallel connections: an invoice counts once, a line up to its amount, a claim is settled once."""

import asyncio

from tests.awards.claims.acts import Claims
from tests.envelopes.test_limits import answers
from tests.world import Client, World, ok, problem


async def rival(world: World) -> tuple[World, Client]:
    """Another territory with people of its own, and somebody of the first who may see both."""
    other = await World.create(world.http, world.pool)
    await world.pool.execute(
        "INSERT INTO members (subject_id, role, territory, from_on, approved_at, created_at, updated_at)"
        " VALUES ($1, 'territory', $2, '2020-01-01', now(), now(), now())",
        world.subjects["territory"],
        other.territory,
    )
    return other, Client(world.http, world.clients["territory"].key, f"/v1/territories/{other.territory}")


async def test_an_invoice_is_claimed_by_one_of_two_aids_at_once(world: World) -> None:
    """Of two territories: who sees both is told which award has it, who sees one only that it stands."""
    other, both = await rival(world)
    mine = await Claims.of(world)
    ok(await other.clients["territory"].put(f"firms/{mine.acts.firm}", {"stage": "identified"}))
    theirs = await Claims.of(other, "advances", firm=mine.acts.firm)
    line = mine.line(supplier_name="Dupont SA")
    by_name = {**line, "supplier_siren": None, "supplier_name": "S.A. DUPONT", "line_id": theirs.line_id}
    for again in ({**line, "line_id": theirs.line_id, "invoice_number": f"n° {line['invoice_number']}"[3:]}, by_name):
        tries = [each for _ in range(5) for each in (mine.submit(line), theirs.submit(again))]
        responses = await asyncio.gather(*tries)
        assert answers(responses) == {"201": 1, "invoice-already-claimed": 9}
        won = next(response for response in responses if response.status_code == 201).json()
        path, client = (mine, world) if won["territory"] == world.territory else (theirs, other)
        seen = problem(await theirs.submit(again, by=both), 409, "invoice-already-claimed")
        named = {name: won[name] for name in ("territory", "grant_id", "advance_id") if won[name] is not None}
        assert {name: seen.get(name) for name in named} == named
        assert seen["errors"][0]["pointer"] == "/lines/0/invoice_number"
        if won["territory"] == world.territory:
            unseen = problem(await theirs.submit(again), 409, "invoice-already-claimed")
            assert not {"territory", "grant_id", "advance_id", "claim_id"} & unseen.keys()
        ok(await client.clients["territory"].post(f"{path.path}/{won['id']}/withdraw", {"reason": "Mistaken."},
                                                  headers={"If-Match": "*"}))  # fmt: skip
    assert await mine.certified() == await theirs.certified() == (0, 0, 0)


async def test_of_fifty_claims_at_once_a_line_counts_up_to_its_last_cent(world: World) -> None:
    claims = await Claims.of(world)
    made = await asyncio.gather(*(claims.submitted(claims.line(3_000)) for _ in range(50)))
    assert sorted(claim["number"] for claim in made) == list(range(1, 51))
    settled = [ok(each) for each in await asyncio.gather(*(claims.settle(claim) for claim in made))]
    counted = sorted(each["certified_cents"] for each in settled)
    assert counted == [0] * 16 + [1_000] + [3_000] * 33
    assert all(each["certified_cents"] + each["over_line_cents"] == 3_000 for each in settled)
    assert await claims.certified() == (100_000, 100_000, 0)


async def test_a_claim_is_settled_reopened_and_withdrawn_by_one_of_many(world: World) -> None:
    claims = await Claims.of(world)
    claim = await claims.submitted(claims.line(3_000))
    assert answers(await asyncio.gather(*(claims.settle(claim) for _ in range(10)))) == {
        "200": 1, "claim-transition": 9,
    }  # fmt: skip
    assert await claims.certified() == (3_000, 3_000, 0)
    reopened = await asyncio.gather(*(claims.act(claim, "reopen") for _ in range(10)))
    assert answers(reopened) == {"200": 1, "claim-transition": 9}
    tries = [each for _ in range(5) for each in (claims.settle(claim), claims.act(claim, "withdraw"))]
    assert answers(await asyncio.gather(*tries)) == {"200": 1, "claim-transition": 9}
    status = (await claims.read(claim))["status"]
    counted = 3_000 if status == "settled" else 0
    assert await claims.certified() == (counted, counted, 0)


async def test_what_was_parked_returns_in_one_of_many_claims_at_once(world: World) -> None:
    claims = await Claims.of(world)
    line = claims.line(3_000)
    first = await claims.submitted(line)
    ok(await claims.settle(first, {"certified_cents": 1_000, "parked_cents": 2_000}))
    back = {**line, "amount_excl_vat_cents": 2_000}
    tries = [claims.submit(back) for _ in range(6)] + [claims.act(first, "reopen")]
    found = answers(await asyncio.gather(*tries))
    assert found in (
        {"201": 1, "invoice-already-claimed": 5, "parked-line-returned": 1}, {"200": 1, "invoice-already-claimed": 6},
    )  # fmt: skip
