"""Who does what with money: every pair of roles, programs that would decide, and a decider who would pay."""

from itertools import combinations
from typing import Any

import asyncpg
import pytest

from app.access.rules import MATRIX, Role
from tests.envelopes.acts import DAY, TERMS, Acts, key
from tests.world import LOCAL, Client, World, ok, problem

PAIRS = [*((role,) for role in Role), *combinations(Role, 2)]


def attempts(ids: dict[str, str]) -> dict[str, tuple[str, Any]]:
    """One request a duty, wrong in nothing but perhaps the caller; none needs to succeed to be let in."""
    nothing: dict[str, Any] = {}
    return {
        "envelopes:write": ("envelope/contributions", nothing),
        "grants:award": ("grants", nothing),
        "grants:pay": (f"grants/{ids['grant']}/payments", nothing),
        "advances:award": ("advances", nothing),
        "advances:pay": (f"advances/{ids['advance']}/tranches", nothing),
    }


async def both(world: World, roles: tuple[Role, ...], name: str, kind: str = "person") -> Client:
    """One subject who holds these roles in the territory."""
    async with world.pool.acquire() as connection:
        client = await world.add_subject(connection, name, "office", roles[0], kind=kind)
        for role in roles[1:]:
            await connection.execute(
                "INSERT INTO members (subject_id, role, territory, from_on, approved_at, created_at, updated_at)"
                " VALUES ($1, $2, $3, '2020-01-01', now(), now(), now())",
                world.subjects[name],
                role,
                world.territory if role in LOCAL else None,
            )
    return client


async def test_with_every_pair_of_roles_money_is_seen_and_moved_as_the_matrix_says(world: World) -> None:
    ids = await world.money()
    reads = ["envelope", "envelope/entries", "envelope/contributions", "grants", "advances",
             f"grants/{ids['grant']}", f"grants/{ids['grant']}/payments", f"advances/{ids['advance']}/statement",
             f"advances/{ids['advance']}/schedule"]  # fmt: skip
    for roles in PAIRS:
        client = await both(world, roles, "+".join(roles))

        def sees(subject: str, held: tuple[Role, ...] = roles) -> bool:
            return bool(MATRIX[f"{subject}:read"] & set(held))

        for path in reads if len(roles) == 1 else reads[:1]:
            response = await client.get(path)
            subject = path.partition("/")[0].replace("envelope", "envelopes")
            assert response.status_code == (200 if sees(subject) else 404), (roles, path, response.text)
        assert (await client.get("summary")).status_code == (200 if MATRIX["summary:read"] & set(roles) else 404)
        for permission, (path, body) in attempts(ids).items():
            response = await client.post(path, body, headers=key())
            if MATRIX[permission] & set(roles):
                problem(response, 422, "validation-failed")
            elif sees(permission.partition(":")[0]):
                assert problem(response, 403, "forbidden")["permission"] == permission
            else:
                problem(response, 404, "not-found")


async def test_what_is_there_and_may_not_be_seen_answers_like_what_is_not_there(world: World, other: World) -> None:
    ids = await world.money()
    base = f"/v1/territories/{world.territory}"
    for path in (f"grants/{ids['grant']}", f"advances/{ids['advance']}/schedule", "envelope", "summary"):
        hidden = await other.funder.get(f"{base}/{path}")
        absent = await other.funder.get(f"/v1/territories/nowhere/{path}")
        problem(hidden, 404, "not-found")
        own = {"instance", "request_id"}
        assert {k: v for k, v in hidden.json().items() if k not in own} == {
            k: v for k, v in absent.json().items() if k not in own
        }
    # The ids of one territory are nobody's in another.
    for path in (f"grants/{ids['grant']}", f"advances/{ids['advance']}", f"advances/{ids['advance']}/schedule",
                 f"advances/{ids['advance']}/statement", f"grants/{ids['grant']}/payments",
                 f"grants/{ids['grant']}/payments/{ids['payment']}",
                 f"envelope/contributions/{ids['contribution']}"):  # fmt: skip
        problem(await other.auditor.get(path), 404, "not-found")
    star = {"If-Match": "*"}
    why = {"reason": "Why"}
    problem(await other.funder.post(f"grants/{ids['grant']}/release", why, headers=star), 404, "not-found")
    problem(await other.funder.post(f"advances/{ids['advance']}/reverse", why, headers=star), 404, "not-found")
    acts = Acts(other)
    problem(await acts.pay(ids["grant"], 1), 404, "not-found")
    problem(await acts.tranche(ids["advance"], 1), 404, "not-found")
    problem(await acts.repay(ids["advance"], 1), 404, "not-found")


async def test_an_award_is_reached_by_its_own_address_alone(world: World) -> None:
    """A payment below another grant, a repayment below another advance: absent."""
    ids = await world.money()
    more = await world.money()
    star, why = {"If-Match": "*"}, {"reason": "Why"}
    for path in (f"grants/{more['grant']}/payments/{ids['payment']}",
                 f"advances/{more['advance']}/tranches/{ids['tranche']}",
                 f"advances/{more['advance']}/repayments/{ids['repayment']}"):  # fmt: skip
        problem(await world.treasurer.get(path), 404, "not-found")
        problem(await world.treasurer.post(f"{path}/reverse", why, headers=star), 404, "not-found")
    problem(await world.treasurer.get(f"grants/{ids['advance']}/payments"), 404, "not-found")


async def test_who_decided_an_aid_does_not_pay_it(world: World) -> None:
    acts = await Acts.of(world, 1000)
    twice = await both(world, (Role.FUNDER, Role.TREASURER), "twice")
    grant = ok(await twice.post("grants", acts.award(100), headers=key()), 201)["id"]
    advance = ok(await twice.post("advances", acts.award(100, terms=TERMS), headers=key()), 201)["id"]
    payment = {"amount_cents": 10, "paid_on": DAY, "kind": "advance_payment", "reference": "VIR"}
    tranche = {"amount_cents": 10, "paid_on": DAY}
    problem(await twice.post(f"grants/{grant}/payments", payment, headers=key()), 403, "decider-pays")
    problem(await twice.post(f"advances/{advance}/tranches", tranche, headers=key()), 403, "decider-pays")
    assert (await acts.envelope())["paid_cents"] == 0
    paid = ok(await acts.pay(grant, 10), 201)
    lent = ok(await acts.tranche(advance, 10), 201)
    assert {paid["recorded_by"], lent["recorded_by"]} == {str(world.subjects["treasurer"])}
    star, why = {"If-Match": "*"}, {"reason": "Why"}
    problem(await twice.post(f"grants/{grant}/payments/{paid['id']}/reverse", why, headers=star), 403, "decider-pays")
    path = f"advances/{advance}/tranches/{lent['id']}/reverse"
    problem(await twice.post(path, why, headers=star), 403, "decider-pays")
    assert (await acts.envelope())["paid_cents"] == 20
    # What another has decided, the same subject may pay.
    theirs = ok(await acts.grant(100), 201)["id"]
    ok(await twice.post(f"grants/{theirs}/payments", payment, headers=key()), 201)


@pytest.mark.parametrize("table", ["grant_payments", "advance_tranches"])
async def test_nor_does_the_database_let_the_decider_pay(world: World, table: str) -> None:
    await world.money()
    for sql in (f"UPDATE {table} SET recorded_by = awarded_by WHERE territory = $1",
                f"UPDATE {table} SET awarded_by = recorded_by WHERE territory = $1"):  # fmt: skip
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await world.pool.execute(sql, world.territory)
        assert refused.value.constraint_name == "decider_pays"


async def test_a_service_account_decides_nothing(world: World) -> None:
    acts = await Acts.of(world, 1000)
    robot = await both(world, (Role.FUNDER, Role.TREASURER), "robot", kind="service_account")
    problem(await robot.post("grants", acts.award(1), headers=key()), 403, "person-required")
    problem(await robot.post("advances", acts.award(1, terms=TERMS), headers=key()), 403, "person-required")
    grant, advance = ok(await acts.grant(100), 201)["id"], ok(await acts.advance(100), 201)["id"]
    for path in (f"grants/{grant}", f"advances/{advance}"):
        for verb in ("release", "reverse"):
            response = await robot.post(f"{path}/{verb}", {"reason": "Why"}, headers=await acts.seen(path))
            problem(response, 403, "person-required")
    assert (await acts.envelope())["committed_cents"] == 200
    # It records what the accounting did: that is no decision.
    payment = {"amount_cents": 10, "paid_on": DAY, "kind": "advance_payment", "reference": "VIR"}
    ok(await robot.post(f"grants/{grant}/payments", payment, headers=key()), 201)


async def test_a_key_that_only_reads_moves_no_money(world: World) -> None:
    acts = await Acts.of(world, 1000)
    async with world.pool.acquire() as connection:
        reader = await world.add_subject(connection, "reader", "office", "funder", scope="read_only")
    ok(await reader.get("envelope"))
    problem(await reader.post("grants", acts.award(1), headers=key()), 403, "insufficient-scope")
