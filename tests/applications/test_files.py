"""Drafts of aid files, their documents and reviews over HTTP."""

from typing import Any

from tests.applications.acts import LINES, act, body_of, digest, done, draft, oriented, read, submitted
from tests.projects.acts import followed, staff
from tests.world import World, ok, problem


async def test_a_draft_is_made_changed_and_deleted_and_its_base_follows_its_lines(world: World) -> None:
    made = await oriented(world)
    file = await draft(world, made)
    assert (file["state"], file["base_cents"], file["silence_on"]) == ("draft", 750_000_00, None)
    assert (file["project_title"], file["scheme_name"] != "") == (made["title"], True)
    address = f"applications/{file['id']}"
    training = {"label": "Training", "kind": "not_eligible", "amount_cents": 50_000_00}
    changed = ok(await staff(world).patch(address, {"lines": [LINES[0], training]}), 200)
    assert (changed["base_cents"], changed["version"]) == (600_000_00, 2)
    assert [line["label"] for line in changed["lines"]] == ["Machine", "Training"]
    same = ok(await staff(world).patch(address, {"lines": [LINES[0], training]}), 200)
    assert same["version"] == 2, "the same lines change nothing"
    assert [row["type"] for row in await world.events(file["id"])] == ["application.created", "application.updated"]
    document = await _document(world, file["id"])
    assert (await staff(world).delete(f"{address}")).status_code == 204
    problem(await staff(world).get(address), 404, "not-found")
    problem(await staff(world).get(f"{address}/documents/{document['id']}"), 404, "not-found")
    assert [row["type"] for row in await world.events(file["id"])][-1] == "application.deleted"


async def test_what_is_wrong_on_its_face_is_refused(world: World) -> None:
    made = await oriented(world)

    async def faults(**more: Any) -> dict[str, str]:
        answer = problem(await staff(world).post("applications", body_of(made, **more)), 422, "validation-failed")
        return {each["pointer"]: each["code"] for each in answer["errors"]}

    assert await faults(planned_end_on="2024-02-29") == {"/planned_end_on": "ends_before_start"}
    assert await faults(requested_grant_cents=0, requested_advance_cents=0) == dict.fromkeys(
        ("/requested_grant_cents", "/requested_advance_cents"), "no_amount_requested"
    )
    assert await faults(lines=[LINES[0], LINES[0]]) == {"/lines": "duplicate_line"}
    assert await faults(lines=[{**LINES[0], "ordered_on": "2199-01-01"}]) == {"/lines/0/ordered_on": "future_day"}
    file = await draft(world, made)
    answer = await staff(world).patch(f"applications/{file['id']}", {"planned_end_on": "2024-01-01"})
    assert problem(answer, 422, "validation-failed")["errors"][0]["code"] == "ends_before_start"
    answer = await act(world, file["id"], "submit", received_at="2199-01-01T00:00:00Z")
    assert problem(answer, 422, "validation-failed")["errors"][0]["code"] == "future_receipt"


async def test_what_a_file_names_is_there(world: World, other: World) -> None:
    made, elsewhere = await oriented(world), await oriented(other)
    stranger = await followed(world)

    async def missing(**more: Any) -> list[str]:
        answer = problem(await staff(world).post("applications", body_of(made, **more)), 404, "reference-not-found")
        return [each["pointer"] for each in answer["errors"]]

    assert await missing(project_id=elsewhere["id"]) == ["/project_id"]
    assert await missing(siren=stranger) == ["/siren"]
    assert await missing(scheme="no_such_scheme") == ["/scheme"]
    assert await missing(refiles_id=(await draft(other, elsewhere))["id"]) == ["/refiles_id"]


async def test_a_project_and_a_firm_have_one_open_file(world: World) -> None:
    made = await oriented(world)
    file = await draft(world, made)
    refused = problem(await staff(world).post("applications", body_of(made)), 409, "already-exists")
    assert refused["errors"][0]["pointer"] == "/project_id"
    await done(world, file, "submit", received_at="2024-01-15T11:00:00Z")
    problem(await staff(world).post("applications", body_of(made)), 409, "already-exists")
    await done(world, file, "withdraw", "2024-01-20")
    await draft(world, made)


async def test_a_file_replaces_only_one_that_ended_without_aid(world: World) -> None:
    made = await oriented(world)
    file = await submitted(world, made)
    await done(world, file, "declare-inadmissible", "2024-01-20")
    another = await draft(world)
    answer = await staff(world).patch(f"applications/{another['id']}", {"refiles_id": file["id"]})
    problem(answer, 409, "not-refilable")
    again = await draft(world, made, refiles_id=file["id"])
    assert again["refiles_id"] == file["id"]
    found = ok(await staff(world).get(f"applications?refiles_id={file['id']}"), 200)["items"]
    assert [each["id"] for each in found] == [again["id"]]
    problem(await staff(world).patch(f"applications/{again['id']}", {"refiles_id": again["id"]}), 409, "not-refilable")


async def test_what_was_submitted_stays_as_it_was(world: World) -> None:
    file = await submitted(world)
    address = f"applications/{file['id']}"
    refused = problem(await staff(world).patch(address, {"requested_grant_cents": 1}), 409, "application-not-a-draft")
    assert refused["state"] == "submitted"
    problem(await staff(world).delete(address), 409, "application-not-a-draft")
    document = await _document(world, file["id"])
    problem(await staff(world).delete(f"{address}/documents/{document['id']}"), 409, "application-not-a-draft")
    assert await read(world, file) == file


async def test_a_document_is_on_a_file_once(world: World) -> None:
    file = await draft(world)
    document = await _document(world, file["id"])
    refused = await staff(world).post(f"applications/{file['id']}/documents", _document_body("quote 1"))
    assert problem(refused, 409, "already-exists")["errors"][0]["pointer"] == "/sha256"
    await _document(world, file["id"], "quote 2")
    listed = ok(await world.clients["committee"].get(f"applications/{file['id']}/documents?sort=received_on"), 200)
    assert [each["sha256"] for each in listed["items"]] == [digest("quote 1"), digest("quote 2")]
    ok(await staff(world).delete(f"applications/{file['id']}/documents/{document['id']}"), 204)
    await _document(world, file["id"])


async def test_submission_passes_the_project_to_filed_on_the_day_of_receipt(world: World) -> None:
    made = await oriented(world)
    await submitted(world, made)
    project = ok(await staff(world).get(f"projects/{made['id']}"), 200)
    assert (project["stage"], project["stage_since_on"]) == ("filed", "2024-01-15")


async def test_a_file_that_is_not_ready_is_told_every_condition(world: World) -> None:
    made = await oriented(world)
    file = await draft(world, made, lines=LINES[:1], planned_end_on="2029-01-01", requested_grant_cents=700_000_00)
    refused = problem(await act(world, file["id"], "submit", "2024-01-15"), 409, "application-not-ready")
    codes = {each["code"] for each in refused["unmet"]}
    assert codes == {"longer-than-allowed", "requested-above-base"}
    assert (await read(world, file))["state"] == "draft"
    told = ok(await staff(world).get(f"applications/{file['id']}/transitions"), 200)
    [submit] = told["acts"]
    assert (submit["act"], submit["to_state"], submit["roles"], submit["permitted"]) == (
        "submit", "submitted", ["territory"], True,
    )  # fmt: skip
    assert codes < {each["code"] for each in submit["unmet"]}, "as of today its certificates have expired too"


# --- the review ------------------------------------------------------------------------------------------------------

REVIEW = {"opinion": "favourable", "rating": 4, "recommended_grant_cents": 120_000_00, "kyc": "alert",
          "text": "Zéphyrine should be watched."}  # fmt: skip


async def test_a_review_is_written_once_a_file_is_admissible_and_read_by_few(world: World) -> None:
    file = await submitted(world)
    address = f"applications/{file['id']}/review"
    problem(await world.funder.put(address, REVIEW), 409, "review-before-admissibility")
    await done(world, file, "admit", "2024-01-20")
    written = ok(await world.funder.put(address, REVIEW), 201)
    assert (written["kyc"], written["text"], written["version"]) == ("alert", REVIEW["text"], 1)
    assert written["author_id"] == str(world.subjects["funder"])
    assert ok(await world.funder.put(address, REVIEW), 200)["version"] == 1, "the same review changes nothing"
    again = ok(await world.funder.put(address, {**REVIEW, "completed_on": "2024-05-02"}), 200)
    assert (again["version"], again["completed_on"]) == (2, "2024-05-02")
    for role, client in world.clients.items():
        answer = await client.get(address)
        if role in ("funder", "operator", "programme", "auditor"):
            assert ok(answer, 200)["text"] == REVIEW["text"]
        else:
            problem(answer, 404, "not-found")
    problem(await world.operator.put(address, REVIEW), 403, "forbidden")
    rows = await world.pool.fetch("SELECT data::text FROM events WHERE resource_id = $1", file["id"])
    told = " ".join(row["data"] for row in rows)
    assert [word for word in ("Zéphyrine", "alert", "favourable") if word in told] == []
    program = await world.add_subject(world.pool, "program", "office", "funder", kind="service_account")
    problem(await program.put(address, REVIEW), 403, "person-required")


def _document_body(content: str) -> dict[str, Any]:
    return {"kind": "quote", "name": f"{content}.pdf", "size_bytes": 10, "sha256": digest(content),
            "location": "ged://1", "received_on": "2024-01-15"}  # fmt: skip


async def _document(world: World, file_id: str, content: str = "quote 1") -> dict[str, Any]:
    found: dict[str, Any] = ok(
        await staff(world).post(f"applications/{file_id}/documents", _document_body(content)), 201
    )
    return found
