"""The cures of aid files: what was submitted, acts that come too late or too early, and files in each other's place."""

from datetime import date, timedelta
from typing import Any

import httpx2

from app.commands.tick import take_silences
from tests.applications.acts import (
    RECEIVED,
    act,
    body_of,
    digest,
    done,
    draft,
    oriented,
    read,
    submitted,
)
from tests.contract.cures import Case, walk
from tests.projects.acts import followed, staff
from tests.world import World, ok

# Each act on a submitted file: its verb, and the acts that it follows with their days.
ACTS: dict[str, tuple[str, dict[str, str]]] = {
    "acknowledge_application": ("acknowledge", {}),
    "request_application_documents": ("request-documents", {}),
    "complete_application": ("complete", {"request-documents": "2024-01-20"}),
    "admit_application": ("admit", {}),
    "declare_application_inadmissible": ("declare-inadmissible", {}),
    "open_application_review": ("open-review", {"admit": "2024-02-01"}),
    "extend_application": ("extend", {}),
    "withdraw_application": ("withdraw", {}),
}


async def tick(world: World, day: str) -> None:
    """Silence has decided by this day."""
    served: Any = world.http._transport
    await take_silences(served.app.state["sessions"], date.fromisoformat(day))


async def prepared(case: Case, made: dict[str, Any] | None = None) -> tuple[dict[str, Any], str, str]:
    """A file on which the act can be done, its verb, and the last day on which it can be."""
    verb, before = ACTS[case.act]
    file = await submitted(case.world, made or await oriented(case.world))
    for earlier, on in before.items():
        file = await done(case.world, file, earlier, on)
    of_decision = verb in ("open-review", "extend", "withdraw")
    last: str = file["decision_ends_on" if of_decision else "admissibility_ends_on"]
    return file, verb, last


def day_after(day: str, days: int = 1) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


@walk("clock-has-run-out", *(each for each in ACTS if each != "extend_application"))
@walk("extension-too-late", "extend_application")
async def clock_has_run_out(case: Case) -> None:
    await case.own()
    file, verb, last = await prepared(case)
    told = case.refused(await act(case.world, file["id"], verb, day_after(last)))
    assert told["last_day"] == last
    case.cured(await act(case.world, file["id"], verb, told["last_day"]))


@walk("act-out-of-order", *ACTS)
async def act_out_of_order(case: Case) -> None:
    await case.own()
    file, verb, _ = await prepared(case)
    last_on = list(ACTS[case.act][1].values() or [RECEIVED])[-1]
    told = case.refused(await act(case.world, file["id"], verb, day_after(last_on, -1)))
    assert told["after_on"] == last_on
    case.cured(await act(case.world, file["id"], verb, told["after_on"]))


@walk("refiled", *ACTS)
async def refiled(case: Case) -> None:
    await case.own()
    made = await oriented(case.world)
    file, verb, last = await prepared(case, made)
    await tick(case.world, "2024-12-01")
    again = await draft(case.world, made, refiles_id=file["id"])
    case.refused(await act(case.world, file["id"], verb, last))
    ok(await staff(case.world).delete(f"applications/{again['id']}"), 204)
    case.cured(await act(case.world, file["id"], verb, last))


@walk("extension-not-later", "extend_application")
async def extension_not_later(case: Case) -> None:
    await case.own()
    file, verb, last = await prepared(case)
    told = case.refused(await act(case.world, file["id"], verb, RECEIVED, until_on=last))
    case.cured(await act(case.world, file["id"], verb, RECEIVED, until_on=day_after(told["last_day"])))


async def _document(case: Case, file_id: str, content: str = "one") -> httpx2.Response:
    body = {"kind": "quote", "name": "Quote", "size_bytes": 1, "sha256": digest(content), "location": "ged://1",
            "received_on": RECEIVED}  # fmt: skip
    return await staff(case.world).post(f"applications/{file_id}/documents", body)


@walk("application-not-a-draft", "update_application", "delete_application", "delete_application_document")
async def application_not_a_draft(case: Case) -> None:
    await case.own()
    made = await oriented(case.world)
    file = await submitted(case.world, made)

    async def change(file: dict[str, Any]) -> httpx2.Response:
        path = f"applications/{file['id']}"
        if case.act == "update_application":
            return await staff(case.world).patch(path, {"requested_grant_cents": 1})
        if case.act == "delete_application_document":
            path += f"/documents/{ok(await _document(case, file['id']), 201)['id']}"
        return await staff(case.world).delete(path)

    case.refused(await change(file))
    await done(case.world, file, "withdraw", RECEIVED)
    case.cured(await change(await draft(case.world, made)))


@walk("not-refilable", "create_application", "update_application")
async def not_refilable(case: Case) -> None:
    await case.own()
    made = await oriented(case.world)
    file = await submitted(case.world, await oriented(case.world))
    same = await submitted(case.world, made)
    await done(case.world, same, "declare-inadmissible", RECEIVED)
    if case.act == "create_application":
        case.refused(await staff(case.world).post("applications", body_of(made, refiles_id=file["id"])))
        case.cured(await staff(case.world).post("applications", body_of(made, refiles_id=same["id"])))
        return
    path = f"applications/{(await draft(case.world, made))['id']}"
    case.refused(await staff(case.world).patch(path, {"refiles_id": file["id"]}))
    case.cured(await staff(case.world).patch(path, {"refiles_id": same["id"]}))


@walk("review-before-admissibility", "put_application_review")
async def review_before_admissibility(case: Case) -> None:
    await case.own()
    file = await submitted(case.world)
    path = f"applications/{file['id']}/review"
    case.refused(await case.world.funder.put(path, REVIEW))
    await done(case.world, file, "admit", RECEIVED)
    case.cured(await case.world.funder.put(path, REVIEW))


REVIEW = {"opinion": "favourable", "kyc": "clear", "text": "Well founded."}


@walk("holder-has-file", "update_project")
async def holder_has_file(case: Case) -> None:
    await case.own()
    made, another = await oriented(case.world), await followed(case.world)
    file = await draft(case.world, made)
    path, holders = f"projects/{made['id']}", [{"kind": "firm", "siren": another}]
    case.refused(await staff(case.world).patch(path, {"holders": holders, "costs": []}))
    both = [*holders, {"kind": "firm", "siren": file["siren"]}]
    case.cured(await staff(case.world).patch(path, {"holders": both, "costs": []}))
    ok(await staff(case.world).delete(f"applications/{file['id']}"), 204)
    case.cured(await staff(case.world).patch(path, {"holders": holders}))


@walk("already-exists", "create_application")
async def one_open_file(case: Case) -> None:
    await case.own()
    made = await oriented(case.world)
    file = await submitted(case.world, made)
    case.refused(await staff(case.world).post("applications", body_of(made)))
    await done(case.world, file, "withdraw", RECEIVED)
    case.cured(await staff(case.world).post("applications", body_of(made)))


@walk("already-exists", "create_application_document")
async def the_same_document(case: Case) -> None:
    await case.own()
    file = await draft(case.world)
    ok(await _document(case, file["id"]), 201)
    case.refused(await _document(case, file["id"]))
    case.cured(await _document(case, file["id"], "two"))


async def admissible(world: World) -> dict[str, Any]:
    """An admissible file with a document and a review."""
    file = await submitted(world)
    file = await done(world, file, "admit", RECEIVED)
    body = {"kind": "quote", "name": "Quote", "size_bytes": 1, "sha256": digest("one"), "location": "ged://1",
            "received_on": RECEIVED}  # fmt: skip
    document = ok(await staff(world).post(f"applications/{file['id']}/documents", body), 201)
    ok(await world.funder.put(f"applications/{file['id']}/review", REVIEW), 201)
    return {**await read(world, file), "document_id": document["id"]}
