"""The cures of what refuses money: the envelope, grants and advances."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2

from app.core import clock
from app.core.values import iban_from
from tests.contract.cures import Case, key, seen, subject, walk, word
from tests.envelopes.acts import DAY, Acts
from tests.projects.acts import filed
from tests.world import World, ok

EARLY, LATE = "2023-10-02", "2023-10-04"  # the day before what `Acts` does, and the day after


async def acts_of(case: Case, *contributions: int, own: bool = False) -> Acts:
    """The acts in the shared territory, whose envelope is full; or in one whose envelope has these contributions."""
    world = await case.own() if own or contributions else case.world
    acts = Acts(world, await world.followed_firm(), secrets.randbelow(10**9))  # whose references nobody else has
    for cents in contributions or ((10_000_00,) if own else ()):
        await acts.contributed(cents)
    return acts


async def awarded(acts: Acts, case: Case, cents: int, **more: Any) -> str:
    """The path of an award of the kind that the act is about."""
    kind = "grants" if "grant" in case.act else "advances"
    made = acts.grant(cents, **more) if kind == "grants" else acts.advance(cents, **more)
    return f"{kind}/{ok(await made, 201)['id']}"


async def pay(acts: Acts, award: str, cents: int, **more: Any) -> httpx2.Response:
    kind, award_id = award.split("/")
    return await (acts.pay if kind == "grants" else acts.tranche)(award_id, cents, **more)


async def paid(acts: Acts, award: str, cents: int, **more: Any) -> str:
    """The path of a payment or tranche."""
    payments = "payments" if award.startswith("grants") else "tranches"
    return f"{award}/{payments}/{ok(await pay(acts, award, cents, **more), 201)['id']}"


# --- the envelope ----------------------------------------------------------------------------------------------------


@walk("envelope-exhausted", "award_grant", "award_advance")
async def envelope_exhausted_by_an_award(case: Case) -> None:
    acts = await acts_of(case, 100)
    award = acts.grant if case.act == "award_grant" else acts.advance
    other = ok(await acts.grant(60), 201)["id"]
    left = case.refused(await award(50))["available_cents"]
    less = ok(await award(left), 201)
    case.refused(await award(50))
    ok(await acts.release(f"grants/{other}"))  # today, from which day on it is available
    told = case.refused(await award(50))
    plan = await filed(acts.world)  # from that day on an award names its project
    of_it = {"siren": plan["holders"][0]["siren"], "project_id": plan["id"]}
    case.cured(await award(50, decided_on=told["available_from"], **of_it))
    case.refused(await award(50))
    ok(await acts.contribute(100), 201)
    case.cured(await award(50))
    assert less["amount_cents"] == 40


@walk("envelope-exhausted", "reverse_contribution")
async def envelope_exhausted_by_a_contribution_taken_back(case: Case) -> None:
    acts = await acts_of(case, 100)
    contribution = f"envelope/contributions/{ok(await acts.contribute(50), 201)['id']}"
    mistaken, spare = [ok(await acts.grant(60), 201)["id"] for _ in range(2)]
    payment = ok(await acts.pay(mistaken, 10), 201)["id"]
    told = case.refused(await acts.reverse(contribution), "later_acts")
    assert [each["act_id"] for each in told["later_acts"]] == [spare, mistaken]
    ok(await acts.reverse(f"grants/{spare}"))
    ok(await acts.reverse(f"grants/{mistaken}/payments/{payment}"))
    ok(await acts.reverse(f"grants/{mistaken}"))
    case.cured(await acts.reverse(contribution))


@walk("envelope-exhausted", "reverse_repayment")
async def envelope_exhausted_by_a_repayment_taken_back(case: Case) -> None:
    acts = await acts_of(case, own=True)
    world = case.world
    first = ok(await world.auditor.get("envelope/contributions"))["items"][0]["id"]
    ok(await acts.reverse(f"envelope/contributions/{first}"))
    ok(await acts.contribute(100, repayment_policy="recycle"), 201)
    advance = ok(await acts.advance(100), 201)["id"]
    ok(await acts.tranche(advance, 100), 201)
    repayment = f"advances/{advance}/repayments/{ok(await acts.repay(advance, 40), 201)['id']}"
    later = ok(await acts.grant(30), 201)["id"]
    told = case.refused(await acts.reverse(repayment), "later_acts")
    assert [each["act_id"] for each in told["later_acts"]] == [later]
    assert (told["requested_cents"], told["available_cents"]) == (40, 10)
    ok(await acts.reverse(f"grants/{later}"))
    case.cured(await acts.reverse(repayment))


@walk("already-bounced", "bounce_repayment")
async def already_bounced(case: Case) -> None:
    acts = await acts_of(case, own=True)  # one contribution: no cents are shared
    advance = ok(await acts.advance(100), 201)["id"]
    ok(await acts.tranche(advance, 100), 201)
    path = f"advances/{advance}/repayments/{ok(await acts.repay(advance, 40), 201)['id']}"
    bounce = {"bounced_on": LATE, "reason": "Insufficient funds.", "bank_reference": "R-1"}
    client = case.world.treasurer
    ok(await client.post(f"{path}/bounce", bounce, headers=await acts.seen(path)))
    case.refused(await client.post(f"{path}/bounce", bounce, headers=await acts.seen(path)))
    case.cured(await acts.repay(advance, 40, received_on=LATE))
    case.cured(await acts.reverse(path))


# --- the money's door ------------------------------------------------------------------------------------------------


Give = Callable[..., Awaitable[httpx2.Response]]


async def at_the_door(case: Case) -> tuple[Acts, Give]:
    """The acts in a territory of their own, and the act that the case is about: it gives a cent."""
    acts = await acts_of(case, own=True)
    if case.act.startswith("award"):
        return acts, lambda **more: (acts.grant if case.act == "award_grant" else acts.advance)(1, **more)
    award = await awarded(acts, case, 100)
    await acts.payee()  # what was paid is a fact: the door judges proposals
    if case.act == "pay_grant":
        return acts, lambda **more: acts.proposal(award.split("/")[1], 1, **more)
    return acts, lambda **more: acts.tranche(award.split("/")[1], 1, paid_on=None, **more)


GIVING = ("award_grant", "award_advance", "pay_grant", "pay_tranche")


@walk("territory-not-open", *GIVING)
async def territory_not_open(case: Case) -> None:
    acts, give = await at_the_door(case)
    ok(await acts.status("withdrawn"))
    assert case.refused(await give())["territory_status"] == "withdrawn"
    ok(await acts.status("laureate"))
    case.cured(await give())


@walk("firm-not-followed", "award_grant", "award_advance")
async def firm_not_followed(case: Case) -> None:
    acts, give = await at_the_door(case)
    acts.firm = await case.world.add_firm()
    case.refused(await give())
    ok(await case.world.clients["territory"].put(f"firms/{acts.firm}", {"stage": "identified"}))
    case.cured(await give())


@walk("firm-ceased", "award_grant", "award_advance")
async def firm_ceased(case: Case) -> None:
    acts, give = await at_the_door(case)
    await acts.cease(ceased_on=DAY)
    assert case.refused(await give())["ceased_on"] == DAY
    case.cured(await give(override_id=await acts.override("firm-ceased")))
    case.refused(await give())
    ok(await case.world.clients["territory"].patch(f"/v1/firms/{acts.firm}", {"ceased": False, "ceased_on": None}))
    case.cured(await give())


@walk("proceedings-open", *GIVING)
async def proceedings_open(case: Case) -> None:
    acts, give = await at_the_door(case)
    opened = await acts.proceedings()
    told = case.refused(await give())
    assert (told["kind"], told["opened_on"]) == ("reorganisation", "2023-01-01")
    case.cured(await give(override_id=await acts.override(told["type"].removeprefix("/problems/"))))
    case.refused(await give())
    path = f"/v1/firms/{acts.firm}/proceedings/{opened['id']}"
    closed_on = str(clock.today()) if case.act.startswith("pay") else DAY
    ok(await case.world.clients["territory"].patch(path, {"closed_on": closed_on}))
    case.cured(await give())


async def expired(acts: Acts, override: str) -> str:
    """A copy of the override whose last day was yesterday."""
    return str(
        await acts.world.pool.fetchval(
            "INSERT INTO overrides (territory, firm_siren, code, reason, valid_until_on, status, proposed_by,"
            " decided_by, decided_at, created_at, updated_at) SELECT territory, firm_siren, code, reason,"
            " timezone('Europe/Paris', now())::date - 1, status, proposed_by, decided_by, decided_at, created_at,"
            " updated_at FROM overrides WHERE id = $1 RETURNING id",
            override,
        )
    )


@walk("override-not-approved", *GIVING)
@walk("override-expired", *GIVING)
@walk("override-already-used", *GIVING)
async def override_not_usable(case: Case) -> None:
    acts, give = await at_the_door(case)
    await acts.proceedings()
    if case.code == "override-not-approved":
        proposed = ok(await acts.propose(), 201)["id"]
        case.refused(await give(override_id=proposed))
        ok(await acts.judge(proposed))
        case.cured(await give(override_id=proposed))
        refused = ok(await acts.propose(), 201)["id"]
        ok(await acts.judge(refused, "refuse"))
        case.refused(await give(override_id=refused))
    elif case.code == "override-expired":
        case.refused(await give(override_id=await expired(acts, await acts.override())))
    else:
        used = await acts.override()
        ok(await give(override_id=used), 201)
        case.refused(await give(override_id=used))
    case.cured(await give(override_id=await acts.override()))


@walk("override-does-not-apply", *GIVING)
async def override_does_not_apply(case: Case) -> None:
    acts, give = await at_the_door(case)
    spare = await acts.override()
    case.refused(await give(override_id=spare))
    case.cured(await give())
    elsewhere = await acts.override(siren=await case.world.followed_firm())
    await acts.proceedings()
    case.refused(await give(override_id=elsewhere))
    case.cured(await give(override_id=spare))


@walk("override-expired", "approve_override")
async def override_expired_before_its_approval(case: Case) -> None:
    acts = await acts_of(case)
    late = await expired(acts, ok(await acts.propose(), 201)["id"])
    case.refused(await acts.judge(late))
    case.cured(await acts.judge(ok(await acts.propose(), 201)["id"]))


@walk("proposer-approves", "approve_override", "refuse_override")
async def proposer_approves(case: Case) -> None:
    acts = await acts_of(case)
    both = await subject(case.world, "funder", "programme")
    body = {"code": "firm-ceased", "siren": acts.firm, "reason": "Why.", "valid_until_on": "2199-12-31"}
    path = f"overrides/{ok(await both.post('overrides', body, headers=key()), 201)['id']}"
    verb = case.act.split("_")[0]
    reason = None if verb == "approve" else {"reason": "No."}
    case.refused(await both.post(f"{path}/{verb}", reason, headers=await acts.seen(path)))
    case.cured(await case.world.programme.post(f"{path}/{verb}", reason, headers=await acts.seen(path)))


# --- awards ----------------------------------------------------------------------------------------------------------


def accounts_of_the_office(world: World) -> str:
    return f"/v1/organisations/{world.organisations['office']}/bank-accounts"


@walk("bank-details-own-approval", "approve_bank_details", "refuse_bank_details",
      "approve_bank_account", "refuse_bank_account")  # fmt: skip
async def bank_details_own_approval(case: Case) -> None:
    """Another treasurer decides, or they are withdrawn."""
    world, verb = case.world, case.act.split("_")[0]
    path, named = f"firms/{await world.followed_firm()}/bank-details", {"holder_name": "Firm"}
    if case.act.endswith("account"):
        path, named = accounts_of_the_office(world), {"label": word(), "from_on": DAY}
    body = None if verb == "approve" else {"reason": "Not confirmed by phone."}
    one, another = await subject(world, "treasurer"), await subject(world, "treasurer")
    for cure in (verb, "withdraw"):
        made = ok(await one.post(path, {"iban": iban_from(1), **named}), 201)["id"]
        match = await seen(one, f"{path}/{made}")
        case.refused(await one.post(f"{path}/{made}/{verb}", body, headers=match))
        if cure == verb:
            case.cured(await another.post(f"{path}/{made}/{verb}", body, headers=match))
        else:
            case.cured(await one.post(f"{path}/{made}/withdraw", {"reason": "Mistaken."}, headers=match))


@walk("bank-details-already-proposed", "propose_bank_details")
@walk("bank-account-already-proposed", "propose_bank_account")
async def account_already_proposed(case: Case) -> None:
    """Withdraw what is proposed, or have it approved or refused; or choose another label, where accounts have one."""
    world, proposer = case.world, await subject(case.world, "territory", "treasurer", home="office")
    path, named = f"firms/{await world.followed_firm()}/bank-details", {"holder_name": "Firm"}
    if case.act.endswith("account"):
        path, named = accounts_of_the_office(world), {"label": word(), "from_on": DAY}

    async def propose(number: int, **more: str) -> httpx2.Response:
        return await proposer.post(path, {"iban": iban_from(number), **named, **more})

    standing = ok(await propose(1), 201)["id"]
    for number, verb in enumerate(("withdraw", "approve", "refuse"), 2):
        case.refused(await propose(number))
        address = f"{path}/{standing}"
        body = None if verb == "approve" else {"reason": "Mistaken."}
        ok(await world.treasurer.post(f"{address}/{verb}", body, headers=await seen(world.treasurer, address)))
        standing = case.cured(await propose(number))["id"]
    if "label" in named:
        case.refused(await propose(9))
        case.cured(await propose(9, label=word()))


@walk("decider-pays", "pay_grant", "pay_tranche", "reverse_grant_payment", "reverse_tranche")
async def decider_pays(case: Case) -> None:
    acts = await acts_of(case)
    both = await subject(case.world, "funder", "treasurer")
    kind = "grants" if "grant" in case.act else "advances"
    terms = {"terms": {"instalments": 12, "frequency": "quarterly", "first_due_on": "2026-03-31"}}
    body = acts.award(100, **(terms if kind == "advances" else {}))
    award = f"{kind}/{ok(await both.post(kind, body, headers=key()), 201)['id']}"
    if case.act.startswith("reverse"):
        payment = await paid(acts, award, 10)
        headers = await acts.seen(payment)
        body = {"reason": "Mistaken."}
        case.refused(await both.post(f"{payment}/reverse", body, headers=headers))
        case.cured(await case.world.treasurer.post(f"{payment}/reverse", body, headers=headers))
        return
    facts: dict[str, Any] = {"amount_cents": 10, "paid_on": DAY}
    if kind == "grants":
        facts |= {"kind": "interim_payment", "reference": acts.reference()}
    path = f"{award}/{'payments' if kind == 'grants' else 'tranches'}"
    case.refused(await both.post(path, facts, headers=key()))
    case.cured(await case.world.treasurer.post(path, facts, headers=key()))


@walk("decider-receives", "receive_repayment", "bounce_repayment", "reverse_repayment")
async def decider_receives(case: Case) -> None:
    acts = await acts_of(case)
    both = await subject(case.world, "funder", "treasurer")
    terms = {"terms": {"instalments": 12, "frequency": "quarterly", "first_due_on": "2026-03-31"}}
    advance = ok(await both.post("advances", acts.award(100, **terms), headers=key()), 201)["id"]
    ok(await acts.tranche(advance, 90), 201)
    if case.act == "receive_repayment":
        body: dict[str, Any] = {"amount_cents": 10, "received_on": DAY, "reference": acts.reference()}
        path, headers = f"advances/{advance}/repayments", key()
    else:
        path = f"advances/{advance}/repayments/{ok(await acts.repay(advance, 10), 201)['id']}"
        headers, body = await acts.seen(path), {"reason": "Mistaken."}
        if case.act == "bounce_repayment":
            body |= {"bounced_on": DAY, "bank_reference": "R-1"}
        path += f"/{case.act.split('_')[0]}"
    case.refused(await both.post(path, body, headers=headers), "role treasurer")
    case.cured(await case.world.treasurer.post(path, body, headers=headers))


@walk("before-decision", "pay_grant", "pay_tranche", "release_grant", "release_advance")
async def before_decision(case: Case) -> None:
    acts = await acts_of(case)
    award = await awarded(acts, case, 100)

    async def act(day: str) -> httpx2.Response:
        if case.act.startswith("release"):
            return await acts.release(award, released_on=day)
        return await pay(acts, award, 10, paid_on=day)

    told = case.refused(await act(EARLY))
    case.cured(await act(told["decided_on"]))


@walk("award-already-paid", "reverse_grant", "reverse_advance")
async def award_already_paid(case: Case) -> None:
    acts = await acts_of(case)
    for whole in (False, True):
        award = await awarded(acts, case, 100)
        payment = await paid(acts, award, 100 if whole else 10)
        case.refused(await acts.reverse(award))
        ok(await acts.reverse(payment))
        case.cured(await acts.reverse(award))
    award = await awarded(acts, case, 100)
    await paid(acts, award, 10)
    case.refused(await acts.reverse(award))
    case.cured(await acts.release(award))


@walk("payments-exceed-award", "pay_grant")
@walk("tranches-exceed-award", "pay_tranche")
async def payments_exceed_award(case: Case) -> None:
    acts = await acts_of(case)
    award = await awarded(acts, case, 100)
    await paid(acts, award, 60)
    told = case.refused(await pay(acts, award, 50))
    case.cured(await pay(acts, award, told["remaining_cents"]))


@walk("repayment-exceeds-outstanding", "receive_repayment")
async def repayment_exceeds_outstanding(case: Case) -> None:
    acts = await acts_of(case)
    advance = ok(await acts.advance(100), 201)["id"]
    ok(await acts.tranche(advance, 60, paid_on=LATE), 201)
    told = case.refused(await acts.repay(advance, 60))  # on the day before
    case.cured(await acts.repay(advance, told["outstanding_cents"], received_on=LATE))


@walk("repayment-exceeds-outstanding", "reverse_tranche")
async def tranche_repaid_since(case: Case) -> None:
    acts = await acts_of(case)
    advance = ok(await acts.advance(100), 201)["id"]
    tranche = await paid(acts, f"advances/{advance}", 60)
    await paid(acts, f"advances/{advance}", 40, paid_on=LATE)
    for cents in (70, 20):  # more than the other tranche; and no more, but before it
        repayment = f"advances/{advance}/repayments/{ok(await acts.repay(advance, min(cents, 60)), 201)['id']}"
        case.refused(await acts.reverse(tranche), "Reverse first the repayments")
        ok(await acts.reverse(repayment))
    case.cured(await acts.reverse(tranche))


@walk("account-overdrawn", "reverse_tranche")
async def account_overdrawn(case: Case) -> None:
    """The last tranche was the second contributor's only cent, which was repaid; the others are the first one's."""
    acts = await acts_of(case, 200, 100)
    ok(await acts.advance(270), 201)
    advance = ok(await acts.advance(3), 201)["id"]
    *_, tranche = [await paid(acts, f"advances/{advance}", 1) for _ in range(3)]
    repayment = f"advances/{advance}/repayments/{ok(await acts.repay(advance, 2), 201)['id']}"
    case.refused(await acts.reverse(tranche))
    ok(await acts.reverse(repayment))
    case.cured(await acts.reverse(tranche))
