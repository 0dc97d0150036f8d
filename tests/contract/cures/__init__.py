"""Cures, walked: for each problem that an act documents, a way into the refusal and out of it again.

A walk brings the service into the state through the API, provokes the problem by the act (`case.refused`), does what
the cure says as the role that it names, and succeeds (`case.cured`). `walk` names the problem and the acts that it is
for; `unwalked` lists the pairs that have no walk, with the reason.
"""

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx2

from app.core.problems import CATALOGUE
from tests.contract.document import document
from tests.directory import StandIn
from tests.world import Client, World, ok, problem

NOBODY = "019a9f5e-0000-7000-8000-000000000000"  # an id that no object has
SERVICE_ROLE_HOME = {"lead": "lead", "consultant": "partner"}


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, item in document()["paths"].items()
        for method, operation in item.items()
        if "responses" in operation
    ]


# What the shell around every request answers, and the gate before every act: they are no act's own. Their tests are
# tests/contract/test_hostile.py, tests/core/serving and tests/access/test_quotas.py.
BEFORE_ANY_ACT = {"address-too-long", "headers-too-large", "internal-error", "quota-exceeded"}


@cache
def documented() -> Mapping[str, tuple[str, ...]]:
    """The codes of problems that each operation documents, by its operationId, but for those before any act."""
    return {
        operation["operationId"]: tuple(
            code
            for answer in operation["responses"].values()
            for code in re.findall(r"`([a-z-]+)`: ", answer.get("description", ""))
            if code not in BEFORE_ANY_ACT
        )
        for _, _, operation in _operations()
    }


@cache
def with_dry_run() -> frozenset[str]:
    """The operations that can be tried without being done."""
    return frozenset(
        operation["operationId"]
        for _, _, operation in _operations()
        if any(given.get("name") == "dry_run" for given in operation.get("parameters", ()))
    )


@cache
def _patterns() -> list[tuple[str, re.Pattern[str], str]]:
    ordered = sorted(_operations(), key=lambda found: found[1].count("{"))
    return [(method, re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), op["operationId"]) for method, path, op in ordered]


def act_of(request: httpx2.Request) -> str:
    """The operationId of a request; that of the fixed address where a parameter would fit too."""
    path = request.url.path
    return next(act for method, known, act in _patterns() if method == request.method and known.fullmatch(path))


@dataclass
class Case:
    """One problem raised by one act, in a territory that several cases share; `own` gives another."""

    code: str
    act: str
    world: World
    directory: StandIn
    told: dict[str, Any] = field(default_factory=dict)
    done: bool = False

    async def own(self) -> World:
        """A territory of this case alone."""
        self.world = await World.create(self.world.http, self.world.pool)
        return self.world

    def refused(self, response: httpx2.Response, *says: str) -> dict[str, Any]:
        """The act was refused with this problem, in words that say this."""
        assert act_of(response.request) == self.act
        self.told = problem(response, CATALOGUE[self.code].status, self.code)
        for words in says:
            assert words in self.told["detail"]
        return self.told

    def cured(self, response: httpx2.Response) -> Any:
        """What the cure says was done, and now this is accepted."""
        assert self.told, "the problem was not provoked"
        self.done = True
        return ok(response, (200, 201, 202, 204))


Walk = Callable[[Case], Awaitable[None]]

WALKS: dict[tuple[str, str], Walk] = {}


def walk(code: str, *acts: str) -> Callable[[Walk], Walk]:
    """The function walks the cure of this problem for each of these acts."""

    def register(function: Walk) -> Walk:
        for act in acts:
            assert (code, act) not in WALKS, (code, act)
            WALKS[code, act] = function
        return function

    return register


def word(prefix: str = "n") -> str:
    """A name that nothing has yet."""
    return f"{prefix}-{secrets.token_hex(5)}"


async def seen(client: Client, path: str) -> dict[str, str]:
    """If-Match with the version that is read now."""
    response = await client.get(path)
    ok(response)
    return {"If-Match": response.headers["etag"]}


def key() -> dict[str, str]:
    """A new intention."""
    return {"Idempotency-Key": secrets.token_hex(16)}


async def subject(world: World, *roles: str, kind: str = "person", home: str | None = None) -> Client:
    """Somebody with these roles in the territory; of the organisation that acts in the first of them."""
    name = word()
    async with world.pool.acquire() as connection:
        home = home or SERVICE_ROLE_HOME.get(roles[0], "office")
        client = await world.add_subject(connection, name, home, roles[0], kind=kind)
        for role in roles[1:]:
            await connection.execute(
                "INSERT INTO members (subject_id, role, territory, from_on, approved_at, created_at, updated_at)"
                " VALUES ($1, $2, $3, '2020-01-01', now(), now(), now())",
                world.subjects[name],
                role,
                world.territory,
            )
    return client
