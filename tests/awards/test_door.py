"""The money's door: each act that gives money asks for the territory and the firm, and two persons can lift a rule."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from app.core import clock
from tests.conftest import Frozen
from tests.contract.cures import subject
from tests.envelopes.acts import DAY, TERMS, Acts, key
from tests.envelopes.stepping import both, orders, steps
from tests.envelopes.test_limits import answers
from tests.orders import chosen
from tests.world import World, ok, problem

BEFORE, AFTER = "2023-10-02", "2023-10-04"  # the day before DAY, on which everything is decided and paid, and after it
AWARDS, PAYMENTS = ("grants", "advances"), ("payments", "tranches")
GIVING = (*AWARDS, *PAYMENTS)
Act = Callable[..., Awaitable[httpx2.Response]]


async def giving(world: World, act: str) -> tuple[Acts, Act]:
    """The acts in a world of much money, and one that gives a cent of it on DAY, or asks today that it be paid."""
    acts = await Acts.of(world, 1_000_000)
    if act in AWARDS:
        return acts, lambda **more: (acts.grant if act == "grants" else acts.advance)(1, **more)
    made = await (acts.grant if act == "payments" else acts.advance)(1000)
    award = ok(made, 201)["id"]
    await acts.payee()
    if act == "payments":
        return acts, lambda **more: acts.proposal(award, 1, **more)
    return acts, lambda **more: acts.tranche(award, 1, **{"paid_on": None, **more})


async def given(world: World) -> int:
    """How many awards and payments the territory has."""
    count: int = await world.pool.fetchval(
        "SELECT (SELECT count(*) FROM grants WHERE territory = $1) + (SELECT count(*) FROM advances"
        " WHERE territory = $1) + (SELECT count(*) FROM grant_payments WHERE territory = $1)"
        " + (SELECT count(*) FROM advance_tranches WHERE territory = $1)",
        world.territory,
    )
    return count


# --- the territory and the firm --------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", GIVING)
async def test_an_award_needs_a_laureate_and_a_payment_a_territory_that_is_not_withdrawn(
    world: World, act: str
) -> None:
    acts, give = await giving(world, act)
    for status in ("candidate", "laureate", "closed", "withdrawn"):
        ok(await acts.status(status))
        if status == "laureate" or (act in PAYMENTS and status != "withdrawn"):
            ok(await give(), 201)
        else:
            assert problem(await give(), 409, "territory-not-open")["territory_status"] == status


@pytest.mark.parametrize("act", AWARDS)
async def test_an_award_goes_to_a_firm_that_the_territory_itself_follows(world: World, other: World, act: str) -> None:
    acts, give = await giving(world, act)
    acts.firm = await other.followed_firm()
    problem(await give(), 409, "firm-not-followed")
    ok(await world.clients["territory"].put(f"firms/{acts.firm}", {"stage": "identified"}))
    ok(await give(), 201)


@pytest.mark.parametrize("act", AWARDS)
async def test_no_award_goes_to_a_firm_that_had_ceased_by_the_day_of_the_decision(world: World, act: str) -> None:
    acts, give = await giving(world, act)
    await acts.cease(ceased_on=AFTER)
    ok(await give(), 201)
    for day in (DAY, BEFORE):
        await acts.cease(ceased_on=day)
        assert problem(await give(), 409, "firm-ceased")["ceased_on"] == day
    await acts.cease(ceased_on=None)  # nobody knows since when
    refused = problem(await give(), 409, "firm-ceased")
    assert "None" not in refused["detail"]
    assert "ceased_on" not in refused


@pytest.mark.parametrize("kind", ["safeguard", "reorganisation", "liquidation"])
@pytest.mark.parametrize("act", AWARDS)
async def test_no_award_goes_to_a_firm_whose_proceedings_are_open_on_the_day(world: World, act: str, kind: str) -> None:
    acts, give = await giving(world, act)
    opened = await acts.proceedings(kind, opened_on=AFTER)
    ok(await give(), 201)
    ok(await give(decided_on=DAY), 201)
    refused = problem(await give(decided_on=AFTER), 409, "proceedings-open")
    assert (refused["kind"], refused["opened_on"]) == (kind, AFTER)
    path = f"/v1/firms/{acts.firm}/proceedings/{opened['id']}"
    ok(await world.operator.patch(path, {"closed_on": "2023-10-05"}))
    problem(await give(decided_on=AFTER), 409, "proceedings-open")
    ok(await give(decided_on="2023-10-05"), 201)


@pytest.mark.parametrize("act", PAYMENTS)
async def test_no_payment_is_proposed_or_approved_to_a_firm_whose_proceedings_are_open_today(
    world: World, act: str
) -> None:
    acts, give = await giving(world, act)
    today, second = clock.today(), await subject(world, "treasurer")
    proposed = ok(await give(), 201)
    opened = await acts.proceedings(opened_on=str(today - timedelta(days=1)))
    refused = problem(await give(), 409, "proceedings-open")
    assert (refused["kind"], refused["opened_on"]) == (opened["kind"], opened["opened_on"])
    award = f"grants/{proposed['grant_id']}" if act == "payments" else f"advances/{proposed['advance_id']}"
    path = f"{award}/{act}"
    approve = f"{path}/{proposed['id']}/approve"
    problem(await second.post(approve, headers={"If-Match": "*"}), 409, "proceedings-open")
    lifted = ok(await give(override_id=await acts.override()), 201)["id"]
    ok(await second.post(f"{path}/{lifted}/approve", headers={"If-Match": "*"}))
    known = f"/v1/firms/{acts.firm}/proceedings/{opened['id']}"
    ok(await world.operator.patch(known, {"closed_on": str(today)}))
    ok(await second.post(approve, headers={"If-Match": "*"}))
    ok(await give(), 201)


@pytest.mark.parametrize("act", PAYMENTS)
async def test_a_payment_that_was_made_is_no_gift_and_says_what_the_door_would_have_refused(
    world: World, act: str
) -> None:
    acts = await Acts.of(world, 1_000_000)
    award = ok(await (acts.grant if act == "payments" else acts.advance)(100), 201)["id"]

    async def pay(**more: Any) -> Any:
        return ok(await (acts.pay if act == "payments" else acts.tranche)(award, 1, **more), 201)

    opened = await acts.proceedings(opened_on=AFTER)
    assert (await pay())["exceeds"] == []
    assert (await pay(paid_on=AFTER))["exceeds"] == ["proceedings-open"]
    lifted = await pay(paid_on=AFTER, override_id=await acts.override())
    assert (lifted["exceeds"], lifted["override_code"]) == ([], "proceedings-open")
    path = f"/v1/firms/{acts.firm}/proceedings/{opened['id']}"
    ok(await world.operator.patch(path, {"closed_on": "2023-10-05"}))
    assert (await pay(paid_on="2023-10-05"))["exceeds"] == []
    ok(await acts.status("withdrawn"))
    assert (await pay())["exceeds"] == ["territory-not-open"]


async def test_what_is_no_gift_of_money_is_never_refused_at_the_door(world: World) -> None:
    """Facts from outside, and what gives money back: in a withdrawn territory, of a firm in liquidation that ceased."""
    acts = await Acts.of(world, 1_000_000)
    grant, spare = [ok(await acts.grant(100), 201)["id"] for _ in range(2)]
    advance = ok(await acts.advance(100), 201)["id"]
    payment = ok(await acts.pay(grant, 10), 201)["id"]
    tranche, more = [ok(await acts.tranche(advance, 10), 201)["id"] for _ in range(2)]
    await acts.proceedings("liquidation")
    await acts.cease(ceased_on=BEFORE)
    ok(await acts.status("withdrawn"))
    repayment, bounced = [ok(await acts.repay(advance, 5), 201)["id"] for _ in range(2)]
    ok(await acts.bounce(advance, bounced))
    ok(await acts.reverse(f"advances/{advance}/repayments/{repayment}"))
    for path in (f"grants/{grant}/payments/{payment}", f"advances/{advance}/tranches/{more}", f"grants/{spare}"):
        ok(await acts.reverse(path))
    ok(await acts.release(f"grants/{grant}"))
    ok(await acts.release(f"advances/{advance}"))
    ok(await acts.contribute(1), 201)
    assert tranche


@pytest.mark.parametrize("act", PAYMENTS)
async def test_payments_on_an_award_made_go_on_to_a_firm_that_ceased_since(world: World, act: str) -> None:
    acts, give = await giving(world, act)
    await acts.cease(ceased_on=BEFORE)
    ok(await give(), 201)


@pytest.mark.parametrize("act", AWARDS)
async def test_a_dry_run_shows_the_same_refusals_and_uses_no_override(world: World, act: str) -> None:
    acts, _ = await giving(world, act)

    async def tried(**more: Any) -> httpx2.Response:
        body = acts.award(1, **more) | ({} if act == "grants" else {"terms": TERMS})
        return await world.funder.post(f"{act}?dry_run=true", body, headers=key())

    ok(await tried(), 200)
    stranger = await world.add_firm()
    problem(await tried(siren=stranger), 409, "firm-not-followed")
    ok(await acts.status("closed"))
    problem(await tried(), 409, "territory-not-open")
    ok(await acts.status("laureate"))
    await acts.proceedings()
    problem(await tried(), 409, "proceedings-open")
    override = await acts.override()
    assert ok(await tried(override_id=override), 200)["override_code"] == "proceedings-open"
    assert ok(await world.auditor.get(f"overrides/{override}"))["status"] == "approved"
    await acts.cease()
    problem(await tried(override_id=override), 409, "firm-ceased")


# --- overrides -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", GIVING)
async def test_an_override_of_two_persons_lifts_one_rule_for_one_act(world: World, act: str) -> None:
    acts, give = await giving(world, act)
    await acts.proceedings()
    proposed = ok(await acts.propose(), 201)
    assert (proposed["status"], proposed["decided_by"]) == ("proposed", None)
    override = proposed["id"]
    problem(await give(override_id=override), 409, "override-not-approved")
    approved = ok(await acts.judge(override))
    assert approved["decided_by_name"] == f"programme of {world.territory}"
    made = ok(await give(override_id=override), 201)
    assert (made["override_id"], made["override_code"]) == (override, "proceedings-open")
    used = ok(await world.auditor.get(f"overrides/{override}"))
    kinds = dict(zip(GIVING, ("grant", "advance", "grant_payment", "advance_tranche"), strict=True))
    assert (used["status"], used["used_by_type"], used["used_by_id"]) == ("used", kinds[act], made["id"])
    for verb in ("approve", "refuse", "withdraw"):
        problem(await acts.judge(override, verb), 409, "override-transition")
    problem(await give(override_id=override), 409, "override-already-used")
    told = [event["type"] for event in await world.events(override)]
    assert told == ["override.proposed", "override.approved", "override.used"]


@pytest.mark.parametrize("act", GIVING)
async def test_an_override_of_another_rule_firm_or_territory_lifts_nothing(
    world: World, other: World, act: str
) -> None:
    acts, give = await giving(world, act)
    idle = await acts.override()
    problem(await give(override_id=idle), 409, "override-does-not-apply")
    await acts.proceedings()
    wrong = await acts.override("firm-ceased")
    problem(await give(override_id=wrong), 409, "proceedings-open")
    elsewhere = await Acts.of(other)
    ok(await other.clients["territory"].put(f"firms/{acts.firm}", {"stage": "identified"}))
    elsewhere.firm = acts.firm
    for unknown in (await elsewhere.override(), "019a9f5e-0000-7000-8000-000000000000"):
        refused = problem(await give(override_id=unknown), 404, "reference-not-found")
        assert [error["pointer"] for error in refused["errors"]] == ["/override_id"]
    about_another = await acts.override(siren=await world.followed_firm())
    problem(await give(override_id=about_another), 409, "override-does-not-apply")
    for end in ("refuse", "withdraw"):
        ended = ok(await acts.propose(), 201)["id"]
        ok(await acts.judge(ended, end))
        problem(await give(override_id=ended), 409, "override-not-approved")
    withdrawn = await acts.override()
    ok(await acts.judge(withdrawn, "withdraw"))
    problem(await give(override_id=withdrawn), 409, "override-not-approved")
    for spare in (idle, wrong, about_another):
        assert ok(await world.auditor.get(f"overrides/{spare}"))["status"] == "approved", "a refusal uses none"
    ok(await give(override_id=idle), 201)


async def test_a_firm_that_ceased_in_open_proceedings_gets_no_award_by_one_override(world: World) -> None:
    acts, give = await giving(world, "grants")
    await acts.proceedings("liquidation")
    await acts.cease()
    problem(await give(override_id=await acts.override("firm-ceased")), 409, "proceedings-open")
    problem(await give(override_id=await acts.override("proceedings-open")), 409, "firm-ceased")


async def test_of_fifty_acts_that_name_one_override_at_once_one_succeeds(world: World) -> None:
    acts = await Acts.of(world, 1_000_000)
    grant, advance = [ok(await made, 201)["id"] for made in (acts.grant(100), acts.advance(100))]
    await acts.proceedings()
    override, before = await acts.override(), await given(world)
    acted: list[Callable[[], Awaitable[httpx2.Response]]] = [
        lambda: acts.grant(1, override_id=override),
        lambda: acts.advance(1, override_id=override),
        lambda: acts.pay(grant, 1, override_id=override),
        lambda: acts.tranche(advance, 1, override_id=override),
    ]
    responses = await asyncio.gather(*(acted[number % 4]() for number in range(50)))
    assert answers(responses) == {"201": 1, "override-already-used": 49}
    assert await given(world) == before + 1


async def test_an_override_is_decided_by_another_person(world: World) -> None:
    acts = await Acts.of(world)
    both_roles = await subject(world, "funder", "programme")
    body = {"code": "firm-ceased", "siren": acts.firm, "reason": "Why.", "valid_until_on": "2199-12-31"}
    override = ok(await both_roles.post("overrides", body, headers=key()), 201)["id"]
    for verb, reason in (("approve", None), ("refuse", {"reason": "No."})):
        path = f"overrides/{override}"
        refused = await both_roles.post(f"{path}/{verb}", reason, headers=await acts.seen(path))
        problem(refused, 403, "proposer-approves")
    ok(await acts.judge(override))


async def test_the_last_day_of_an_override_is_today_or_later(world: World) -> None:
    acts = await Acts.of(world)
    refused = problem(await acts.propose(valid_until_on="2023-01-01"), 422, "validation-failed")
    assert [(error["pointer"], error["code"]) for error in refused["errors"]] == [("/valid_until_on", "past_day")]


async def test_an_override_expires_the_day_after_its_last(frozen: Frozen) -> None:
    async with frozen.at(datetime(2023, 10, 3, 20, tzinfo=UTC)):
        world = await frozen.world()
        acts, give = await giving(world, "grants")
        await acts.proceedings()
        override, proposed = await acts.override(valid_until_on=DAY), ok(await acts.propose(valid_until_on=DAY), 201)
    async with frozen.at(datetime(2023, 10, 3, 22, tzinfo=UTC)):  # midnight in Paris
        assert problem(await give(override_id=override), 409, "override-expired")["valid_until_on"] == DAY
        problem(await acts.judge(proposed["id"]), 409, "override-expired")
        found = ok(await world.auditor.get("overrides?status=expired&count=exact"))
        assert (found["total"], {each["status"] for each in found["items"]}) == (2, {"expired"})
        assert ok(await world.auditor.get("overrides?status=approved&status=proposed"))["items"] == []
    async with frozen.at(datetime(2023, 10, 3, 21, tzinfo=UTC)):
        ok(await give(override_id=override), 201)


async def test_overrides_are_listed_by_rule_firm_and_state_and_exported(world: World) -> None:
    acts = await Acts.of(world)
    first = await acts.override()
    second = ok(await acts.propose("firm-ceased", siren=await world.followed_firm()), 201)
    for query, wanted in (
        ("code=proceedings-open", [first]), (f"siren={second['siren']}", [second["id"]]),
        ("status=proposed", [second["id"]]), ("status=approved&status=used", [first]), ("status=expired", []),
        ("valid_until_from=2199-12-31", [first, second["id"]]), ("valid_until_to=2199-12-30", []),
    ):  # fmt: skip
        found = ok(await world.auditor.get(f"overrides?{query}"))["items"]
        assert sorted(each["id"] for each in found) == sorted(wanted), query
    lines = (await world.auditor.get("overrides?format=csv")).text.splitlines()
    assert len(lines) == 3
    assert (await world.lead.get("overrides")).status_code == 404


# --- at the same moment ----------------------------------------------------------------------------------------------


async def waits(world: World, act: Awaitable[httpx2.Response]) -> "asyncio.Task[httpx2.Response]":
    """The act, once it waits for a lock."""
    task = asyncio.ensure_future(act)
    for _ in range(2000):
        if await world.pool.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ):
            return task
        assert not task.done(), f"it does not wait: {task.result().text}"
        await asyncio.sleep(0.001)
    raise AssertionError("it neither ends nor waits")


CLOSE = "UPDATE territories SET status = 'withdrawn', version = version + 1 WHERE slug = '{territory}'"
CEASE = "UPDATE firms SET ceased = true, version = version + 1 WHERE siren = '{siren}'"
OPEN = (
    "SELECT FROM firms WHERE siren = '{siren}' FOR NO KEY UPDATE; INSERT INTO proceedings (siren, kind, opened_on,"
    " created_at, updated_at) VALUES ('{siren}', 'liquidation', '2023-01-01', now(), now())"
)


@pytest.mark.parametrize(
    ("act", "fact", "code"),
    [
        *((act, CLOSE, "territory-not-open") for act in GIVING),
        *((act, CEASE, "firm-ceased") for act in AWARDS),
        *((act, OPEN, "proceedings-open") for act in GIVING),
    ],
    ids=lambda value: value.split()[0] + value[-6:] if " " in value else value,
)
async def test_an_act_waits_for_a_fact_that_is_being_recorded_and_sees_it(
    world: World, act: str, fact: str, code: str
) -> None:
    acts, give = await giving(world, act)
    for undone in (True, False):
        async with world.pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute(fact.format(territory=world.territory, siren=acts.firm))
            task = await waits(world, give())
            await (transaction.rollback() if undone else transaction.commit())
        ok(await task, 201) if undone else problem(await task, 409, code)


FACTS: dict[str, tuple[Callable[[Acts], Awaitable[Any]], str]] = {
    "withdraw the territory": (lambda acts: acts.status("withdrawn"), "territory-not-open"),
    "record proceedings": (
        lambda acts: acts.world.operator.post(
            f"/v1/firms/{acts.firm}/proceedings", {"kind": "liquidation", "opened_on": "2023-01-01"}
        ),
        "proceedings-open",
    ),
    "cease": (
        lambda acts: acts.world.operator.patch(f"/v1/firms/{acts.firm}", {"ceased": True}),
        "firm-ceased",
    ),
}


@pytest.mark.parametrize(
    ("act", "fact"), [(act, fact) for fact in FACTS for act in (AWARDS if fact == "cease" else GIVING)]
)
async def test_an_act_and_a_fact_in_every_order_of_their_steps_are_one_before_the_other(
    world: World, act: str, fact: str
) -> None:
    record, code = FACTS[fact]
    async with steps():
        for order in chosen(orders(4, 2)):
            fresh = await World.create(world.http, world.pool)
            acts, give = await giving(fresh, act)
            before = await given(fresh)
            gave, recorded = await both(world.pool, order, give, lambda acts=acts: record(acts))  # type: ignore[misc]
            assert recorded.is_success, recorded.text  # a fact is never refused
            if gave.is_error:
                problem(gave, 409, code)
            assert await given(fresh) == before + gave.is_success
            # Which was first is known by what waited: who gives holds its rows until COMMIT.
            if order[:4] == [0, 0, 0, 0]:
                ok(gave, 201)
            if order[:2] == [1, 1]:
                problem(gave, 409, code)


async def test_an_override_is_used_or_withdrawn_in_every_order_of_the_steps(world: World) -> None:
    async with steps():
        for order in chosen(orders(4, 2)):
            fresh = await World.create(world.http, world.pool)
            acts, give = await giving(fresh, "grants")
            await acts.proceedings()
            override = await acts.override()
            gave, withdrawn = await both(
                world.pool, order, lambda give=give, named=override: give(override_id=named),  # type: ignore[misc]
                lambda acts=acts, named=override: acts.judge(named, "withdraw"),  # type: ignore[misc]
            )  # fmt: skip
            told = answers([gave, withdrawn])
            assert told in (
                {"201": 1, "override-transition": 1}, {"201": 1, "stale-version": 1},
                {"200": 1, "override-not-approved": 1},
            ), told  # fmt: skip
