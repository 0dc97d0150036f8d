"""A condition that is sent with a write holds or is refused: every operation of the document, walked."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from app.access.queries import ORGANISATIONS
from app.core.writing import writes
from tests.contract.conftest import Known
from tests.contract.document import document
from tests.directory import siret_of
from tests.world import World, fresh_siren, ok, problem

BOTH = ({"If-Match": '"999999"'}, {"If-None-Match": "*"})
CALCULATOR = "/v1/advance-schedules"  # a POST that reads
ENROLMENTS = "/v1/enrolments"  # nothing is read of what it changes before


def operations(app: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(method, address, operation) of everything that writes."""
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            if method != "get" and path not in (CALCULATOR, ENROLMENTS):
                yield method.upper(), path, operation


def body_of(known: Known, operation: dict[str, Any]) -> Any:
    """The document's example of a body, about things that exist."""
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return None
    name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
    return about(known, document()["components"]["schemas"][name]["examples"][0])


def about(known: Known, value: Any) -> Any:
    if isinstance(value, list):
        return [about(known, item) for item in value]
    if isinstance(value, dict):
        return {
            name: known.ids.get(name, item) if isinstance(item, str) else about(known, item)
            for name, item in value.items()
        }
    return value


async def send(known: Known, method: str, path: str, operation: dict[str, Any], **headers: str) -> httpx2.Response:
    """One operation as the document shows it, by somebody who may; a file where it takes one."""
    arguments: dict[str, Any] = {}
    given = {**headers, "Idempotency-Key": fresh_siren()} if method == "POST" else dict(headers)
    params = {"dry_run": "true"}
    content = operation.get("requestBody", {}).get("content", {})
    if content and "application/json" not in content:
        arguments["content"], given["Content-Type"] = b"siren;name\n", "text/csv"
        params["kind"] = "firms" if path == "/v1/imports" else "contacts"
    elif (body := body_of(known, operation)) is not None:
        arguments["json"] = body
    imports = operation["x-permission"] == "imports:write"  # each kind asks for a permission of its own
    client = known.world.clients["territory"] if imports else known.holder(operation["x-permission"])
    return await client.request(method, known.address(path), params=params, headers=given, **arguments)


async def test_every_write_goes_through_a_door_that_minds_conditions(
    app: Any, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work of each operation is taken away: what is left is the door, and it refuses what nobody compared."""

    async def idle(_write: writes.Write) -> writes.Change:
        return writes.Change("", ORGANISATIONS, [])

    run = writes.run

    async def run_idle(factory: Any, actor: Any, _work: Any, **more: Any) -> Any:
        return await run(factory, actor, idle, **more)

    monkeypatch.setattr(writes, "run", run_idle)
    wrong = []
    for method, path, operation in operations(app):
        for condition in BOTH:
            response = await send(known, method, path, operation, **condition)
            if (response.status_code, response.json()["type"]) != (412, "/problems/nothing-to-compare"):
                wrong.append((method, path, condition, response.text[:300]))
    assert wrong == []


async def test_a_condition_that_cannot_hold_is_412_wherever_the_write_would_be_done(app: Any, known: Known) -> None:
    done, wrong = set(), []
    since = await known.world.pool.fetchval("SELECT max(sequence) FROM events")
    count = (
        f"SELECT count(*) FROM events WHERE sequence > {since} AND request_id NOT LIKE 'import-%'"  # goes on by itself
    )
    for method, path, operation in operations(app):
        plain = await send(known, method, path, operation)
        if plain.status_code not in (200, 204, 428):
            continue
        before = await known.world.pool.fetchval(count)
        for condition in BOTH:
            response = await send(known, method, path, operation, **condition)
            required = "If-Match" not in condition and plain.status_code == 428
            if response.status_code != (428 if required else 412):
                wrong.append((method, path, condition, response.text[:300]))
        assert await known.world.pool.fetchval(count) == before, (method, path)
        done.add((method, path))
    assert wrong == []
    assert len(done) > 40, sorted(done)


def test_if_none_match_is_documented_where_the_client_owns_the_key(app: Any) -> None:
    for method, path, operation in operations(app):
        named = {parameter["name"] for parameter in operation["parameters"]}
        assert "If-Match" in named, (method, path)
        creates_at_its_key = method == "PUT" and not path.endswith("/grid")
        assert ("If-None-Match" in named) is (creates_at_its_key or path.endswith("/refresh")), (method, path)


def puts(firm: str) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """(who, address, what creates, what would replace it) of every PUT below a firm and a territory."""
    communes = [{"insee_code": "30007", "name": "Alès"}, {"insee_code": "30010", "name": "Anduze"}]
    yield "programme", "perimeter/2025", {"communes": communes}, {"communes": communes[:1]}
    yield "territory", f"firms/{firm}", {"stage": "identified"}, {"stage": "solicited"}
    figures: dict[str, Any] = {"headcount": 34, "source": "Liasse"}
    yield "territory", f"firms/{firm}/accounts/2022", figures, figures | {"headcount": 35}
    yield "territory", f"firms/{firm}/note", {"text": "One."}, {"text": "Two."}
    yield "territory", f"/v1/firms/{firm}/owner", {"name": "Camille Exemple"}, {"name": "Dominique Exemple"}
    yield "territory", f"/v1/firms/{firm}/sites/{siret_of(firm)}", {"insee_code": "30007"}, {"insee_code": "30010"}


async def test_a_put_with_if_none_match_only_creates(world: World) -> None:
    only_create = {"headers": {"If-None-Match": "*"}}
    staff, siren, firm = world.clients["territory"], fresh_siren(), await world.add_firm()
    ok(await staff.patch(f"/v1/firms/{firm}", {"sole_trader": True}))
    for who, path, first, second in (
        ("operator", f"/v1/firms/{siren}", {"name": "First"}, {"name": "Second"}), *puts(firm),
    ):  # fmt: skip
        client = world.clients[who]
        made = await client.put(path, first, **only_create)
        assert made.status_code == 201, (path, made.text)
        for body in (second, first):
            problem(await client.put(path, body, **only_create), 412, "object-exists")
        there = await client.get(path)
        assert there.headers["etag"] == made.headers["etag"], path
        for given in ('"1"', 'W/"1"', '"0", "1"', "1"):
            problem(await client.put(path, second, headers={"If-None-Match": given}), 412, "object-exists")
        ok(await client.put(path, second, headers={"If-None-Match": '"7"'}), 200)


async def test_of_two_that_only_create_one_is_refused(world: World) -> None:
    staff = world.clients["territory"]
    for _ in range(5):
        path = f"/v1/firms/{fresh_siren()}"
        answers = await asyncio.gather(
            *(staff.put(path, {"name": f"Of {n}"}, headers={"If-None-Match": "*"}) for n in range(4))
        )
        assert sorted(answer.status_code for answer in answers) == [201, 412, 412, 412]
        assert ok(await world.operator.get(path))["version"] == 1


async def test_the_hot_write_refuses_a_condition(world: World) -> None:
    mission = await world.mission()
    for condition in BOTH:
        for body in (mission.entry(), mission.entry(status="draft")):
            refused = await world.consultant.post("time-entries", body, headers=condition)
            problem(refused, 412, "nothing-to-compare")
    assert ok(await world.consultant.get("time-entries"))["items"] == []
