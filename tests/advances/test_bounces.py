"""What the bank sent back is recorded whatever the envelope has left; what it no longer has is its shortfall."""

import json
from typing import Any

import pytest

from tests.envelopes.acts import Acts
from tests.envelopes.test_limits import figures
from tests.world import World, ok, problem

JANUARY, FEBRUARY, MARCH, APRIL, MAY = (f"2024-0{month}-10" for month in range(1, 6))


class Scene:
    """A contribution of 100 that recycles; an advance of 100, paid in January, 70 of it repaid in February."""

    def __init__(self, acts: Acts, contribution: str, advance: str, repayment: str) -> None:
        self.acts, self.contribution, self.advance, self.repayment = acts, contribution, advance, repayment

    @classmethod
    async def of(cls, world: World) -> "Scene":
        acts = await Acts.of(world)
        made = ok(await acts.contribute(100, decided_on=JANUARY, repayment_policy="recycle"), 201)["id"]
        advance = ok(await acts.advance(100, decided_on=JANUARY), 201)["id"]
        ok(await acts.tranche(advance, 100, paid_on=JANUARY), 201)
        repayment = ok(await acts.repay(advance, 70, received_on=FEBRUARY), 201)["id"]
        return cls(acts, made, advance, repayment)

    async def bounce(self, **more: Any) -> Any:
        return await self.acts.bounce(self.advance, self.repayment, **{"bounced_on": APRIL, **more})

    async def said(self, day: str, *names: str) -> list[int]:
        now = figures(await self.acts.envelope(as_of=day))
        summary = ok(await self.acts.world.auditor.get("summary", params={"as_of": day}))
        assert {name: summary[f"{name}_cents"] for name in now} == now
        return [now[name] for name in names]


async def test_a_bounce_moves_the_envelope_on_its_day_and_the_schedule_from_the_first(world: World) -> None:
    scene = await Scene.of(world)
    made = ok(await scene.bounce(bank_reference="R-77"))
    assert (made["status"], made["bounced_on"], made["bank_reference"]) == ("bounced", APRIL, "R-77")
    assert await scene.said(MARCH, "available", "recycled", "repaid", "outstanding") == [70, 70, 70, 30]
    assert await scene.said(APRIL, "available", "recycled", "repaid", "outstanding", "shortfall") == [0, 0, 0, 100, 0]
    statement = ok(await world.auditor.get(f"advances/{scene.advance}/statement", params={"as_of": MARCH}))
    assert statement["outstanding_cents"] == 100
    advance = ok(await world.auditor.get(f"advances/{scene.advance}"))
    assert (advance["status"], advance["repaid_cents"]) == ("repaying", 0)
    refused = problem(await scene.bounce(), 409, "already-bounced")
    assert refused["bounced_on"] == APRIL
    ok(await scene.acts.repay(scene.advance, 70, received_on=MAY), 201)  # the bank has taken it again


async def test_what_was_awarded_since_is_a_shortfall_with_its_cause_and_its_event(world: World) -> None:
    """T8: the 70 were awarded again, and the bank sent them back."""
    scene = await Scene.of(world)
    acts = scene.acts
    ok(await acts.grant(50, decided_on=MARCH), 201)
    ok(await scene.bounce())
    assert await scene.said(MARCH, "available", "shortfall") == [20, 0]
    assert await scene.said(APRIL, "available", "shortfall", "recycled") == [0, 50, 0]
    envelope = await acts.envelope(as_of=APRIL)
    treasurer = world.clients["treasurer"]
    contribution = ok(await treasurer.get(f"envelope/contributions/{scene.contribution}"))
    envelope_reference, contributor = contribution["reference"], contribution["organisation_name"]
    advance = ok(await treasurer.get(f"advances/{scene.advance}"))
    repayment = ok(await treasurer.get(f"advances/{scene.advance}/repayments/{scene.repayment}"))
    assert envelope["shortfalls"] == [
        {
            "contribution_id": scene.contribution, "contribution_reference": envelope_reference,
            "organisation_id": str(world.organisations["office"]), "organisation_name": contributor,
            "shortfall_cents": 50, "advance_id": scene.advance, "advance_title": advance["project_title"],
            "repayment_id": scene.repayment, "repayment_reference": repayment["reference"],
            "bounced_on": APRIL, "taken_cents": 50,
        }
    ]  # fmt: skip
    assert (await acts.envelope(as_of=MARCH))["shortfalls"] == []
    assert problem(await acts.grant(1, decided_on=APRIL), 409, "envelope-exhausted")["available_cents"] == 0
    path = f"envelope/contributions/{scene.contribution}"
    contribution = ok(await world.auditor.get(path))
    assert (contribution["shortfall_cents"], contribution["version"]) == (50, 2)
    told = await world.events(scene.contribution)
    assert [(event["type"], event["resource_version"]) for event in told] == [
        ("contribution.created", 1), ("contribution.shortfall_changed", 2),
    ]  # fmt: skip
    assert json.loads(told[-1]["data"])["shortfall_cents"] == 50


async def test_the_next_money_fills_it_first_in_its_own_transaction(world: World) -> None:
    scene = await Scene.of(world)
    acts = scene.acts
    grants = [ok(await acts.grant(cents, decided_on=MARCH), 201)["id"] for cents in (20, 40, 10)]
    ok(await scene.bounce())
    assert await scene.said(APRIL, "available", "shortfall") == [0, 70]
    ok(await acts.release(f"grants/{grants[0]}", released_on=MAY))
    assert await scene.said(APRIL, "available", "shortfall") == [0, 70]
    assert await scene.said(MAY, "available", "shortfall", "released") == [0, 50, 20]
    ok(await acts.reverse(f"grants/{grants[1]}"))  # counts in March, before the shortfall arose
    assert await scene.said(MARCH, "available", "shortfall") == [40, 0]
    assert await scene.said(APRIL, "available", "shortfall") == [0, 30]
    assert await scene.said(MAY, "available", "shortfall") == [0, 10]
    ok(await acts.repay(scene.advance, 25, received_on=MAY), 201)
    assert await scene.said(MAY, "available", "shortfall") == [15, 0]
    assert (await acts.envelope())["shortfalls"] == []
    ok(await acts.grant(15, decided_on=MAY), 201)
    entries = ok(await world.auditor.get("envelope/entries", params={"act": "cover"}))["items"]
    # The reversal took back what had filled it, and filled it anew.
    assert {entry["act_id"] for entry in entries} == {scene.contribution}
    assert sum(e["amount_cents"] * (1 if e["debit"] == "shortfall" else -1) for e in entries) == 70


async def test_money_of_another_contribution_neither_fills_it_nor_waits(world: World) -> None:
    scene = await Scene.of(world)
    acts = scene.acts
    ok(await acts.grant(70, decided_on=MARCH), 201)
    ok(await scene.bounce())
    ok(await acts.contribute(30, decided_on=APRIL, organisation="lead"), 201)
    assert await scene.said(APRIL, "available", "shortfall") == [30, 70]
    ok(await acts.grant(30, decided_on=APRIL), 201)
    assert await scene.said(APRIL, "available", "shortfall") == [0, 70]


async def test_what_filled_a_shortfall_may_be_reversed_and_it_stands_again(world: World) -> None:
    scene = await Scene.of(world)
    acts = scene.acts
    grant = ok(await acts.grant(70, decided_on=MARCH), 201)["id"]
    ok(await scene.bounce())
    back = ok(await acts.repay(scene.advance, 60, received_on=MAY), 201)["id"]
    assert await scene.said(MAY, "available", "shortfall") == [0, 10]
    ok(await acts.reverse(f"advances/{scene.advance}/repayments/{back}"))
    assert await scene.said(MAY, "available", "shortfall") == [0, 70]
    ok(await acts.reverse(f"grants/{grant}"))
    assert await scene.said(MAY, "available", "shortfall") == [0, 0]


async def test_a_mistaken_bounce_is_reversed_with_its_repayment_and_this_entered_again(world: World) -> None:
    scene = await Scene.of(world)
    acts = scene.acts
    ok(await scene.bounce())
    ok(await acts.reverse(f"advances/{scene.advance}/repayments/{scene.repayment}"))
    assert await scene.said(MARCH, "available", "repaid", "outstanding") == [0, 0, 100]
    assert await scene.said(APRIL, "available", "repaid", "outstanding") == [0, 0, 100]
    problem(await scene.bounce(), 409, "already-reversed")
    ok(await acts.repay(scene.advance, 70, received_on=FEBRUARY), 201)
    assert await scene.said(APRIL, "available", "repaid", "outstanding") == [70, 70, 30]


async def test_a_bounce_is_dated_versioned_and_reasoned(world: World) -> None:
    scene = await Scene.of(world)
    path = f"advances/{scene.advance}/repayments/{scene.repayment}/bounce"
    body = {"bounced_on": APRIL, "reason": "Insufficient funds.", "bank_reference": "R-1"}
    problem(await world.treasurer.post(path, body), 428, "if-match-missing")
    problem(await world.treasurer.post(path, body, headers={"If-Match": '"9"'}), 412, "stale-version")
    problem(await world.funder.post(path, body, headers={"If-Match": "*"}), 403, "forbidden")
    refused = problem(await scene.bounce(bounced_on=JANUARY), 409, "bounced-before-receipt")
    assert refused["received_on"] == FEBRUARY
    errors = problem(await scene.bounce(bounced_on="2199-01-01"), 422, "validation-failed")["errors"]
    assert [(error["pointer"], error["code"]) for error in errors] == [("/bounced_on", "future_day")]
    for name in body:
        short = {key: value for key, value in body.items() if key != name}
        errors = problem(await world.treasurer.post(path, short, headers={"If-Match": "*"}), 422, "validation-failed")[
            "errors"
        ]
        assert [(error["pointer"], error["code"]) for error in errors] == [(f"/{name}", "required")]


async def test_money_that_returns_to_its_contributor_bounces_without_a_shortfall(world: World) -> None:
    acts = await Acts.of(world)
    ok(await acts.contribute(100, decided_on=JANUARY), 201)
    advance = ok(await acts.advance(100, decided_on=JANUARY), 201)["id"]
    ok(await acts.tranche(advance, 100, paid_on=JANUARY), 201)
    repayment = ok(await acts.repay(advance, 70, received_on=FEBRUARY), 201)["id"]
    ok(await acts.bounce(advance, repayment, bounced_on=MARCH))
    now = figures(await acts.envelope())
    assert (now["repaid"], now["outstanding"], now["shortfall"]) == (0, 100, 0)


@pytest.mark.parametrize("policy", ["recycle", "return"])
async def test_the_check_finds_no_difference_after_bounces(world: World, app: Any, policy: str) -> None:
    acts = await Acts.of(world)
    ok(await acts.contribute(100, decided_on=JANUARY, repayment_policy=policy), 201)
    advance = ok(await acts.advance(100, decided_on=JANUARY), 201)["id"]
    ok(await acts.tranche(advance, 100, paid_on=JANUARY), 201)
    repayment = ok(await acts.repay(advance, 70, received_on=FEBRUARY), 201)["id"]
    if policy == "recycle":
        ok(await acts.grant(60, decided_on=MARCH), 201)
    ok(await acts.bounce(advance, repayment, bounced_on=APRIL))
    ok(await acts.repay(advance, 30, received_on=MAY), 201)
    assert await world.differences(app.state["engine"]) == []
