"""Operations of the served document, with what the document allows, with what it does not, and in sequences.

A short part, of some neighbouring addresses; `make siege` has the long one, of all.
"""

import os
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.hooks import unregister

from tests.contract.conftest import Known, one_of_everything
from tests.contract.document import served_document, with_forms
from tests.contract.server import Service, serving
from tests.directory import StandIn
from tests.world import World, fresh_siren

SEED = int(os.environ.get("REBOND_SIEGE_SEED") or random.SystemRandom().randrange(2**32))
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
]
Sent = Counter[tuple[str, str, int]]  # by phase, operation and status
SHARE = 20  # addresses: with all of them the seconds end before the first request is made up


class Aim:
    """Points most requests at things that exist, with the key of somebody who may: else all but a few end in a 404."""

    def __init__(self, known: Known, phase: str, seed: int) -> None:
        self.known, self.phase, self.chance = known, phase, random.Random(f"{seed} {phase}")

    def __call__(self, _context: Any, case: Any, _arguments: Any) -> None:
        documented = case.operation.definition.raw
        case.headers = case.headers or {}
        for name, endless in (("format", "sse"), ("wait", "")):  # they take their time: tests/integrations/feed
            if name in (case.query or {}) and endless in str(case.query[name]):
                del case.query[name]
        if "event-stream" in str(case.headers.get("Accept")):
            del case.headers["Accept"]
        if permission := documented.get("x-permission"):
            case.headers["Authorization"] = f"Bearer {self.known.holder(permission).key}"
        if self.chance.random() < 0.25:
            return
        for name in case.path_parameters or {}:
            # In a sequence, what one answer has named is what the next request is about.
            if name == "territory" or self.phase != "stateful":
                self._put(case.path_parameters, name, case.operation.path)
        bodies = case.body.get("items", [case.body]) if isinstance(case.body, dict) else []
        for body in bodies if isinstance(bodies, list) else []:
            for name in body if isinstance(body, dict) else []:
                if name == "siren":
                    body[name] = fresh_siren()
                elif name in self.known.ids:
                    body[name] = self.known.ids[name]

    def _put(self, parameters: dict[str, Any], name: str, path: str) -> None:
        try:
            parameters[name] = self.known.value(path, name)
        except KeyError:  # a thing of which this world has none
            return


def faults_of(
    service: Service, known: Known, phase: str, *, examples: int, seconds: int, sent: Sent, seed: int = SEED,
    share: int | None = None,
) -> dict[str, str]:  # fmt: skip
    """What is wrong with the answers to one of schemathesis' phases, each fault with a request that shows it.

    `share` is how many addresses are drawn; None: all.
    """
    config = {
        "seed": seed,
        "max-time": seconds,
        "base-url": service.url,
        "workers": 1,
        "continue-on-failure": True,
        "checks": {"enabled": False, **{name: {"enabled": True} for name in CHECKS}},
        "generation": {"max-examples": examples, "database": "none"},
        "phases": {name: {"enabled": name == phase} for name in ("examples", "coverage", "fuzzing", "stateful")},
    }
    document = with_forms(service.request("GET", "/openapi.json").json)
    if share is not None:
        document["paths"] = drawn_from(document["paths"], share, f"{seed} {phase}")
    schema = schemathesis.openapi.from_dict(document, config=SchemathesisConfig.from_dict(config))
    aim = Aim(known, phase, seed)

    def before_call(context: Any, case: Any, arguments: Any) -> None:
        aim(context, case, arguments)

    faults: dict[str, str] = {}
    schemathesis.hook(before_call)
    try:
        for event in from_schema(schema).execute():
            if isinstance(event, events.ScenarioFinished):
                faults |= _told(phase, event.recorder, sent)
            elif isinstance(event, events.NonFatalError):
                faults[f"{event.label}: {event.value}"] = ""
            elif isinstance(event, events.FatalError):
                raise event.exception
    finally:
        unregister(before_call)
    return faults


def drawn_from(paths: dict[str, Any], share: int, seed: str) -> dict[str, Any]:
    """So many addresses that follow each other from a random one on: what one creates its neighbours change."""
    ordered = sorted(paths)
    first = random.Random(seed).randrange(len(ordered))
    return {path: paths[path] for path in (ordered + ordered)[first : first + share]}


def said_of(faults: dict[str, str], seed: int = SEED) -> str:
    """For a person, with the seed that finds them again."""
    return f"REBOND_SIEGE_SEED={seed}\n" + "\n\n".join(f"{name}\n{how}" for name, how in faults.items())


def _told(phase: str, recorder: Any, sent: Sent) -> dict[str, str]:
    """Count what was sent; the faults that were found, each with a request that shows it."""
    for case_id, interaction in recorder.interactions.items():
        operation = recorder.cases[case_id].value.operation.label
        sent[phase, operation, interaction.response.status_code if interaction.response else 0] += 1
    return {
        f"{recorder.cases[case_id].value.operation.label}: {check.name}: {check.failure_info.failure}": str(
            check.failure_info.code_sample
        )
        for case_id, checks in recorder.checks.items()
        for check in checks
        if check.failure_info is not None
    }


@pytest.fixture(scope="module")
def served(own_url: str, directory: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with its ordinary patience, on a database of its own, since what is made up may be the nation's:
    a value of a scheme, a legal rate, a wave. After all that it has met no bug.
    """
    place = tmp_path_factory.mktemp("document")
    with serving(own_url, place, settings={"REBOND_DIRECTORY_URL": directory.url}) as service:
        yield service
        log = service.log.read_text()
        assert [line for line in log.splitlines() if "unexpected_error" in line or "broken_answer" in line][:3] == []


@pytest.fixture
async def whole(alone: Known) -> Known:
    """A world of its own: its keys may not outlive what is done to it."""
    return await one_of_everything(await World.create(alone.world.http, alone.world.pool))


def test_the_document_that_the_command_prints_is_the_one_that_is_served(served: Service) -> None:
    assert served.request("GET", "/openapi.json").json == served_document()


@pytest.mark.parametrize("phase", ["examples", "fuzzing", "stateful"])
def test_every_answer_is_as_the_document_says(served: Service, whole: Known, phase: str) -> None:
    """By a fresh seed; what is always the same is the siege's."""
    sent: Sent = Counter()
    for seconds in (3, 60):  # the second only where a busy machine has sent nothing in the first
        if not sent:
            faults = faults_of(served, whole, phase, examples=3, seconds=seconds, sent=sent, share=SHARE)
            assert not faults, said_of(faults)
    assert sent, f"REBOND_SIEGE_SEED={SEED}"
