"""Every operation of the served document, with what the document allows and with what it does not.

REBOND_FUZZ_EXAMPLES says how many requests of each kind an operation gets, REBOND_FUZZ_SEED repeats a run.
"""

import os
import random
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.access.rules import MATRIX
from app.main import ROUTERS
from tests.contract.server import Service
from tests.world import World, fresh_siren, ok

EXAMPLES = int(os.environ.get("REBOND_FUZZ_EXAMPLES", "5"))
SEED = int(os.environ.get("REBOND_FUZZ_SEED") or random.SystemRandom().randrange(2**32))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OPERATIONS = [
    (route.path_format, method)  # type: ignore[attr-defined]  # our own routes
    for router in ROUTERS
    for route in router.routes
    if route.include_in_schema  # type: ignore[attr-defined]
    for method in sorted(route.methods)  # type: ignore[attr-defined]
]
SETTINGS = hypothesis.settings(
    max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck)
)


@pytest.fixture(scope="module")
def document(service: Service) -> Any:
    """The document as the service gives it."""
    return service.request("GET", "/openapi.json").json


@pytest.fixture(scope="module")
async def known(http: Any, pool: Any, anyio_backend: Any) -> tuple[World, dict[str, str]]:
    """A world, and the ids of things in it: by the path of their collection, and by the name of a field."""
    world = await World.create(http, pool)
    mission = await world.mission(days=1000, starts_on="2000-01-01", ends_on="2100-01-01")
    entry = ok(await world.consultant.post("time-entries", mission.entry(status="draft")), 201)["id"]
    orders = ok(await world.operator.get(f"missions/{mission.id}/orders"))["items"]
    leave = ok(await world.operator.post(f"missions/{mission.id}/late-entry-leaves", {"until_on": "2199-01-01", "reason": "r"}))  # fmt: skip
    firm = await world.add_firm()
    ok(await world.clients["territory"].put(f"firms/{firm}", {"stage": "interviewed"}))
    money = await world.money()
    office = str(world.organisations["office"])
    accounts = f"/v1/organisations/{office}/service-accounts"
    members = ok(await world.admin.get(f"/v1/members?subject_id={world.subjects['auditor']}"))["items"]
    keys = ok(await world.admin.get(f"/v1/api-keys?subject_id={world.subjects['auditor']}"))["items"]
    return world, {
        "missions": mission.id,
        "time-entries": entry,
        "orders": orders[0]["id"],
        "late-entry-leaves": leave["id"],
        "members": members[0]["id"],
        "missions/members": mission.partner_member,
        "consultants": mission.partner_consultant,
        "organisations": office,
        "persons": str(world.subjects["auditor"]),
        "service-accounts": ok(await world.admin.post(accounts, {"name": "program"}), 201)["id"],
        "api-keys": keys[0]["id"],
        "waves": ok(await world.admin.get("/v1/waves"))["items"][0]["id"],
        "territory": world.territory,
        "siren": firm,
        "mission_id": mission.id,
        "consultant_id": mission.partner_consultant,
        "organisation_id": office,
        "subject_id": str(world.subjects["auditor"]),
        "person_id": str(world.subjects["consultant"]),
        "firm_siren": firm,
        "contributions": money["contribution"],
        "grants": money["grant"],
        "grant_id": money["grant"],
        "payments": money["payment"],
        "advances": money["advance"],
        "advance_id": money["advance"],
        "tranches": money["tranche"],
        "repayments": money["repayment"],
    }


def existing(path: str, name: str, ids: dict[str, str]) -> str | None:
    """What to put for a parameter of the path, so that the request reaches something."""
    if name == "id":
        parts = path.split("/")
        collection = parts[parts.index("{id}") - 1]
        return ids.get("missions/members" if collection == "members" and "missions" in parts else collection)
    return {"vintage": "2023", "code": "not-found"}.get(name) or ids.get(name)


def aim(case: Any, path: str, ids: dict[str, str]) -> None:
    """Point the request at things that exist: else all but a few end in a 404."""
    for name in case.path_parameters:
        if (value := existing(path, name, ids)) is not None:
            case.path_parameters[name] = value
    bodies = case.body.get("items", [case.body]) if isinstance(case.body, dict) else []
    for body in bodies if isinstance(bodies, list) else []:
        for name in body if isinstance(body, dict) else []:
            if name in ids:
                body[name] = ids[name]
            elif name == "siren":
                body[name] = fresh_siren()


def who_may(permission: str, world: World) -> str:
    """A key that holds the permission."""
    return world.clients[max(MATRIX[permission])].key


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "not-allowed"])
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_is_as_the_document_says(
    document: Any, known: tuple[World, dict[str, str]], service: Service, path: str, method: str, mode: GenerationMode
) -> None:
    world, ids = known
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=service.url)
    operation = schema[path][method]
    permission = document["paths"][path][method.lower()].get("x-permission")
    headers = {"Authorization": f"Bearer {who_may(permission, world)}"} if permission else {}
    if mode is GenerationMode.NEGATIVE and not {"parameters", "requestBody"} & set(document["paths"][path][method.lower()]):
        pytest.skip("it takes nothing that could be wrong")
    print(f"REBOND_FUZZ_SEED={SEED}")  # shown where the test fails

    @hypothesis.seed(SEED)
    @SETTINGS
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode), aimed=st.sampled_from([True, True, True, False]))
    def run(case: Any, aimed: bool) -> None:
        if aimed:
            aim(case, path, ids)
        case.call_and_validate(headers=headers, checks=CHECKS)

    run()
