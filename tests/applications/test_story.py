"""The story of an aid: from the interview to the recovery, by whom and when; only what the caller may see."""

from typing import Any

import pytest

from app.access.rules import MATRIX
from app.applications.awards import story
from app.applications.rules import ApplicationAct
from app.awards.models import AidAct
from app.integrations.feed.kinds import kinds_of
from app.main import ROUTERS
from tests.applications.acts import done, oriented, submitted
from tests.applications.meetings import GRANT, REVIEW, contribute, decided, decision, frozen, item, meeting
from tests.awards.claims.acts import Claims
from tests.awards.recovering import Recovering
from tests.envelopes.acts import Acts, key
from tests.projects.acts import followed
from tests.world import World, ok, problem

LATER = "2024-05-20"
SHA = "0" * 64


async def lived(world: World) -> tuple[dict[str, Any], str]:
    """An aid that was found at an interview, decided, agreed, claimed, paid in part and claimed back; its recovery."""
    siren = await followed(world)
    audition = await world.audition(siren)
    ok(await world.lead.post(f"auditions/{audition['id']}/hold", {"held_on": "2023-07-04"}))
    made = await oriented(
        world, detected_in_audition_id=audition["id"], holders=[{"kind": "firm", "siren": siren}],
        detected_on="2023-07-04",
    )  # fmt: skip
    file = await submitted(world, made)
    await done(world, file, "admit", "2024-02-01")
    ok(await world.funder.put(f"applications/{file['id']}/review", REVIEW), 201)
    await contribute(world, 10_000_000_00)
    for level, outcome, on in (("territorial", "pre_select", "2024-04-15"), ("state_region", "grant", LATER)):
        path = await meeting(world, level, on=on)
        await frozen(world, path, item(file, outcome))
        (taken,) = await decided(world, path, decision(file, outcome))
    grant = f"grants/{taken['grant_id']}"
    acts = Acts(world, siren)
    body = {"reference": "CONV-1", "document_sha256": SHA, "signed_by_firm_on": "2024-06-01"}
    ok(await world.funder.put(f"{grant}/agreement", {**body, "signed_by_funder_on": "2024-06-10"}))
    letter = {"award_id": taken["grant_id"], "kind": "notification", "reference": "NOT-1", "payment_terms": "Twice.",
              "recovery_terms": "Where its object is changed."}  # fmt: skip
    drawn = f"letters/{ok(await world.funder.post('letters', letter), 201)['id']}"
    for path, verb, said in (
        (drawn, "sign", {"signed_on": "2024-06-10", "document_sha256": SHA}),
        (drawn, "notify", {"notified_on": "2024-06-11"}),
        (grant, "start", {"started_on": "2024-06-12", "proof_sha256": SHA}),
    ):
        ok(await world.funder.post(f"{path}/{verb}", said, headers=await acts.seen(path)))
    changes = {"changes": [{"kind": "dates", "planned_end_on": "2025-07-31"}], "reason": "A late machine.",
               "requested_on": "2024-06-13"}  # fmt: skip
    ok(await world.clients["territory"].post(f"{grant}/change-requests", changes, headers=key()), 201)
    claims = Claims(acts, ok(await world.auditor.get(grant)))
    line = claims.line(100_000_00, invoiced_on="2024-06-20", paid_on="2024-07-01")
    ok(await claims.settle(await claims.submitted(line)))
    ok(await acts.pay(taken["grant_id"], 10_000_00, paid_on="2024-08-01"), 201)
    ok(await acts.tranche(taken["advance_id"], 20_000_00, paid_on="2024-08-02"), 201)
    recovering = await Recovering.of(acts)
    days = {"notified_on": "2024-09-02", "reply_until_on": "2024-09-17"}
    recovery = ok(await recovering.open(taken["grant_id"], 4_000_00, opened_on="2024-09-01"), 201)["id"]
    back = f"{grant}/recoveries/{recovery}"
    ok(await recovering.notify(back, **days))
    ok(await recovering.order(back, ordered_on="2024-09-18", due_on="2024-10-31"))
    ok(await recovering.receive(back, 4_000_00, received_on="2024-10-01"), 201)
    return taken, recovery


async def test_the_whole_chain_is_told_in_the_order_of_days(world: World) -> None:
    taken, recovery = await lived(world)
    told = ok(await world.auditor.get(f"awards/{taken['grant_id']}/story"))
    chain = [(each["on"], f"{each['object_type']}.{each['act']}", each["amount_cents"]) for each in told["entries"]]
    today = chain[-1][0]
    wanted = [
        ("2023-07-04", "audition.held", None),
        ("2023-07-04", "project.created", None),
        ("2024-01-15", "application.submitted", 200_000_00),
        ("2024-02-01", "application.admitted", None),
        ("2024-04-15", "application.pre_selected", None),
        ("2024-04-15", "committee_decision.taken", 200_000_00),
        (LATER, "application.granted", None),
        (LATER, "committee_decision.taken", 200_000_00),
        (LATER, "grant.awarded", GRANT),
        (LATER, "advance.awarded", 80_000_00),
        ("2024-06-10", "grant.signed", None),
        ("2024-06-10", "letter.signed", None),
        ("2024-06-11", "letter.notified", None),
        ("2024-06-11", "grant.notified", None),
        ("2024-06-12", "grant.started", None),
        ("2024-06-13", "change_request.requested", None),
        ("2024-08-01", "grant_payment.created", 10_000_00),
        ("2024-08-02", "advance_tranche.created", 20_000_00),
        ("2024-09-01", "recovery.opened", 4_000_00),
        ("2024-09-02", "recovery.notified", 4_000_00),
        ("2024-09-18", "recovery.ordered", 4_000_00),
        ("2024-10-01", "recovery_receipt.recorded", 4_000_00),
        (today, "letter.drawn_up", None),
        (today, "claim.submitted", 100_000_00),
        (today, "claim.settled", 100_000_00),
    ]
    assert [each for each in chain if each[1] != "project.stage_changed"] == wanted
    assert [each["state"] for each in told["entries"] if each["act"] == "stage_changed"]
    # The other award of the decision tells the same; each entry says where its object is, and who recorded it.
    assert ok(await world.auditor.get(f"awards/{taken['advance_id']}/story")) == told
    assert (told["grant_id"], told["advance_id"]) == (taken["grant_id"], taken["advance_id"])
    for each in told["entries"]:
        found = ok(await world.auditor.get(each["link"]))
        assert found["id"] == each["object_id"]
        assert (each["by_name"] is None) == (each["by"] is None)
    assert {each["by"] for each in told["entries"] if each["object_id"] == recovery} == {
        str(world.subjects["funder"])
    }  # fmt: skip
    # What moved of the grant is in the ledger, by the same id.
    moved = ok(await world.auditor.get(f"envelope/entries?award_id={taken['grant_id']}"))["items"]
    assert {each["act"] for each in moved} == {"award", "payment", "recovery"}
    # No review, nobody of the firm.
    assert "review" not in {each["object_type"].rpartition("_")[2] for each in told["entries"]}
    problem(await world.auditor.get(f"awards/{taken['id']}/story"), 404, "not-found")
    problem(await world.clients["committee"].get(f"awards/{taken['grant_id']}/story"), 404, "not-found")


def test_who_reads_a_story_may_read_the_objects_that_it_names() -> None:
    events = {kind.noun: kind.permissions for kind in kinds_of(route for each in ROUTERS for route in each.routes)}
    for kind in story.KINDS:
        assert MATRIX["grants:read"] <= MATRIX[kind.permission], kind.resource
        told_to = frozenset.intersection(MATRIX["events:read"], *(MATRIX[each] for each in events[kind.resource]))
        assert told_to <= MATRIX[kind.permission], f"the feed tells of a {kind.resource} who may not read it"
    assert "application_review" not in {kind.resource for kind in story.KINDS}


@pytest.mark.parametrize(
    ("names", "acts", "told_otherwise"),
    [
        (story.OF_FILES, set(ApplicationAct), set()),
        (story.OF_AIDS, set(AidAct),
         {AidAct.AMEND, AidAct.TERMINATE, AidAct.LAPSE, AidAct.CANCEL, AidAct.REVERSE}),
    ],
)  # fmt: skip
def test_every_act_has_a_name_in_the_story(names: Any, acts: set[Any], told_otherwise: set[Any]) -> None:
    assert set(names) == acts - told_otherwise
