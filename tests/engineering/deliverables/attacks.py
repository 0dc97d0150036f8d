"""What bare SQL tries on deliverables and on the acts on them."""

from tests.bare_sql import Attack, change, clone
from tests.engineering.deliverables.acts import done, ordered
from tests.roadmap.acts import held, in_force
from tests.world import Mission, World

D, P = "deliverables", "deliverable_passages"
AWAITED, DELIVERED, REDUCED = (f"id = $deliverable_{name}" for name in ("awaited", "delivered", "reduced"))
FIRST = "deliverable_id = $deliverable_delivered AND number = 1"
LAST = "deliverable_id = $deliverable_reduced AND number = 3"
AT_COMMIT = "; SET CONSTRAINTS ALL IMMEDIATE"
TODAY = "(timezone('Europe/Paris', now()))::date"
NONE = dict.fromkeys(("document_version", "document_sha256", "verification_ends_on"), "NULL")


async def staged(world: World, other: World, mission: Mission) -> dict[str, str]:
    """One that is awaited, one that is to be verified by 15 March 2024, and one that was admitted with a reduction.

    And a meeting; of another territory, a meeting and an adopted roadmap.
    """
    awaited, delivered, reduced = [
        await ordered(world, mission, title=title, weight_bp=3_000) for title in ("Awaited", "Delivered", "Reduced")
    ]
    await done(world, delivered, ("deliver", "2024-01-15"))
    await done(
        world, reduced, ("deliver", "2024-01-15"), ("verify", "2024-01-16"), ("admit-with-reduction", "2024-01-17")
    )
    roadmap = await in_force(other)
    made = {"awaited": awaited, "delivered": delivered, "reduced": reduced}
    return {f"deliverable_{name}": one["id"] for name, one in made.items()} | {
        "meeting": await held(world), "meeting_elsewhere": await held(other), "roadmap_elsewhere": roadmap["id"],
        "roadmap_hash": roadmap["content_hash"],
    }  # fmt: skip


def deliver(**wrong: str) -> str:
    """The first version of the one that is awaited."""
    return clone(P, FIRST, **{"deliverable_id": "$deliverable_awaited", **wrong})


def follow(number: int, act: str, source: str, to: str, on: str, **more: str) -> str:
    """An act on the one that is delivered."""
    passage = {
        "number": str(number), "act": f"'{act}'", "from_state": f"'{source}'", "to_state": f"'{to}'",
        "effective_on": f"'{on}'", "previous_number": str(number - 1),
    }  # fmt: skip
    return clone(P, FIRST, **{**passage, **NONE, **more})


def silence(number: int, on: str = "2024-03-16") -> str:
    return follow(number, "silence_admits", "delivered", "admitted", on)


def reversal(number: int, reverses: int, on: str = "2024-03-10") -> str:
    return follow(number, "reverse_silence", "admitted", "delivered", on, reverses_number=str(reverses))


def decide(**wrong: str) -> str:
    """The decision on the one that is reduced."""
    return clone(P, LAST, **wrong)


DEFER = {"act": "'defer'", "to_state": "'deferred'", "reduced_days": "NULL", "until_on": "effective_on + 30"}

ATTACKS = [
    Attack("deliverer_decides", change(D, DELIVERED, decided_by="deliverers[1]")),
    Attack("deliverable_decided_by_a_person", change(D, DELIVERED, decided_by="$robot")),
    Attack("deliverable_decider_kind", change(D, DELIVERED, decider_kind="'service_account'")),
    Attack("deliverable_kind", change(D, AWAITED, kind="'poem'")),
    Attack("deliverable_state", change(D, DELIVERED, state="'lost'")),
    Attack("deliverable_title", change(D, AWAITED, title="''")),
    *(Attack("deliverable_weight", change(D, AWAITED, weight_bp=weight)) for weight in ("0", "-1")),
    Attack("deliverable_weight", clone(D, AWAITED, mission_id="$unordered", weight_bp="-1")),
    *(Attack("weights_exceeded", change(D, AWAITED, weight_bp=weight)) for weight in ("4001", "10001")),
    Attack("weights_exceeded", clone(D, AWAITED)),
    *(
        Attack("deliverable_delivered_once", change(D, where, **wrong))
        for where, wrong in (
            (AWAITED, {"state": "'delivered'"}), (AWAITED, {"passage_number": "1"}),
            (DELIVERED, {"state": "'expected'"}),
            *((DELIVERED, {name: "NULL"}) for name in ("passage_number", "delivery_number", "verification_ends_on")),
        )
    ),
    Attack("deliverable_until", change(D, DELIVERED, until_on="due_on")),
    Attack("deliverable_until", change(D, DELIVERED, state="'deferred'")),
    *(
        Attack("deliverable_reduction", change(D, where, **wrong))
        for where, wrong in (
            (DELIVERED, {"reduced_days": "1"}), (DELIVERED, {"state": "'admitted_with_reduction'"}),
            (REDUCED, {"reduced_days": "NULL"}), (REDUCED, {"reduced_cents": "5"}),
            *((REDUCED, {"reduced_days": days}) for days in ("0", "-0.25", "0.1", "'NaN'")),
            *((REDUCED, {"reduced_days": "NULL", "reduced_cents": cents}) for cents in ("0", "-1", "1000000000001")),
        )
    ),
    Attack("deliverables_territory_mission_id_fkey", clone(D, AWAITED, territory="$elsewhere", weight_bp="NULL")),
    Attack("deliverables_state_fkey", change(D, DELIVERED, state="'under_verification'") + AT_COMMIT),
    Attack("deliverables_delivery_fkey", change(D, DELIVERED, delivery_number="9") + AT_COMMIT),
    *(
        Attack("deliverable_delivered", change(D, DELIVERED, **wrong))
        for wrong in (
            {"title": "'Other'"}, {"due_on": "due_on + 1"}, {"weight_bp": "1"}, {"deliverers": "'{}'"},
            {"mission_id": "$unordered"},
        )
    ),
    Attack("deliverable_delivered", f"DELETE FROM deliverables WHERE {AWAITED}"),
    Attack("deliverable_last_passage", deliver() + AT_COMMIT),
    Attack("deliverable_last_passage", silence(2) + AT_COMMIT),
    Attack("deliverable_passages_pkey", clone(P, FIRST)),
    Attack("deliverable_passages_territory_deliverable_id_fkey", deliver(territory="$elsewhere")),
    Attack("deliverable_passages_recorded_by_fkey", deliver(recorded_by="uuidv7()")),
    Attack("deliverable_passage_transition", deliver(to_state="'admitted'")),
    *(
        Attack("deliverable_passage_transition", follow(2, verb, "delivered", "admitted", "2024-03-15"))
        for verb in ("admit", "verify", "agree")
    ),
    *(
        Attack("deliverable_passage_number", deliver(**wrong))
        for wrong in (
            {"number": "0"}, {"number": "2"}, {"number": "2", "from_state": "'rejected'"}, {"from_state": "'rejected'"},
            {"number": "3", "previous_number": "1"}, {"previous_number": "0"},
        )
    ),
    Attack("deliverable_passage_number", decide(number="4", previous_number="NULL")),
    Attack("deliverable_passages_previous_fkey", decide(number="9", previous_number="8")),
    Attack("deliverable_passages_previous_fkey", follow(2, "admit", "under_verification", "admitted", "2024-03-15")),
    *(
        Attack("deliverable_passage_members", deliver(**wrong))
        for wrong in (
            {"document_version": "NULL"}, {"document_sha256": "NULL"}, {"verification_ends_on": "NULL"},
            {"until_on": "effective_on"}, {"reduced_days": "1"}, {"reduced_cents": "1"}, {"reverses_number": "0"},
            {"committee_id": "$meeting", "roadmap_version_id": "$roadmap_elsewhere"},
        )
    ),
    *(
        Attack("deliverable_passage_members", decide(**wrong))
        for wrong in (
            {"reason": "NULL"}, {"reduced_days": "NULL"}, {"reduced_cents": "1"}, {"until_on": "effective_on"},
            {"committee_id": "$meeting"}, {"document_sha256": "repeat('0', 64)"}, {**DEFER, "until_on": "NULL"},
        )
    ),
    *(
        Attack("deliverable_passage_reduction", decide(**wrong))
        for wrong in (
            *({"reduced_days": days} for days in ("0", "-0.25", "0.1", "'NaN'")),
            *({"reduced_days": "NULL", "reduced_cents": cents} for cents in ("0", "-1", "1000000000001")),
        )
    ),
    Attack("deliverable_passages_reverses_key", f"{silence(2)}; {reversal(3, 2)}; {silence(4)}; {reversal(5, 2)}"),
    *(
        Attack("deliverable_passage_document", deliver(**wrong))
        for wrong in ({"document_sha256": "'0'"}, {"document_sha256": "repeat('G', 64)"}, {"document_version": "0"})
    ),
    Attack("deliverable_passage_days", deliver(verification_ends_on="effective_on - 1")),
    Attack("deliverable_passage_days", decide(**DEFER | {"until_on": "effective_on - 1"})),
    Attack("deliverable_passage_future", deliver(
        effective_on=f"{TODAY} + 1", verification_ends_on=f"{TODAY} + 61", recorded_at="now()",
    )),
    *(
        Attack("deliverable_passage_delay", attack)
        for attack in (
            silence(2, "2024-03-15"), silence(2, "2024-03-17"),
            follow(2, "verify", "delivered", "under_verification", "2024-03-16"),
            f"{silence(2)}; {reversal(3, 2, '2024-03-16')}", f"{silence(2)}; {reversal(3, 1)}",
        )
    ),
    Attack("deliverable_passages_roadmap_fkey", deliver(
        roadmap_version_id="$roadmap_elsewhere", document_sha256="$roadmap_hash",
    )),
    Attack("deliverable_passages_committee_fkey", deliver(committee_id="$meeting_elsewhere")),
    Attack("deliverable_passages_record_hash_fkey", deliver(committee_id="$meeting")),
]  # fmt: skip
