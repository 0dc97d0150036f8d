"""Every operation of the served document, with what the document allows, with what it does not, and in sequences."""

from random import Random
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.hooks import unregister

from tests.contract.conftest import Known
from tests.fuzz.conftest import EXAMPLES, SECONDS, SEED, SENT, Fortress
from tests.world import fresh_siren

LONG = SECONDS > 30
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
]
# Coverage has a fixed number of cases (some ten thousand), whose end is lost where time is short.
PHASES = ["examples", "fuzzing", "stateful", *(["coverage"] if LONG else [])]


class Aim:
    """Points most requests at things that exist, with the key of somebody who may: else all but a few end in a 404."""

    def __init__(self, known: Known, phase: str) -> None:
        self.known, self.phase, self.chance = known, phase, Random(f"{SEED} {phase}")

    def __call__(self, _context: Any, case: Any, _arguments: Any) -> None:
        documented = case.operation.definition.raw
        case.headers = case.headers or {}
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


@pytest.mark.parametrize("phase", PHASES)
def test_every_answer_is_as_the_document_says(fortress: Fortress, phase: str) -> None:
    config = {
        "seed": SEED,
        "max-time": SECONDS,
        "base-url": fortress.base,
        "workers": 1,
        "continue-on-failure": True,
        "checks": {"enabled": False, **{name: {"enabled": True} for name in CHECKS}},
        "generation": {"max-examples": EXAMPLES, "database": "none"},
        "phases": {name: {"enabled": name == phase} for name in ("examples", "coverage", "fuzzing", "stateful")},
    }
    document = fortress.service.request("GET", "/openapi.json").json
    schema = schemathesis.openapi.from_dict(document, config=SchemathesisConfig.from_dict(config))
    aim = Aim(fortress.new_world(), phase)

    def before_call(context: Any, case: Any, arguments: Any) -> None:
        aim(context, case, arguments)

    faults: dict[str, str] = {}
    schemathesis.hook(before_call)
    try:
        for event in from_schema(schema).execute():
            if isinstance(event, events.ScenarioFinished):
                faults |= _told(phase, event.recorder)
            elif isinstance(event, events.NonFatalError):
                faults[f"{event.label}: {event.value}"] = ""
            elif isinstance(event, events.FatalError):
                raise event.exception
    finally:
        unregister(before_call)
    assert not faults, f"REBOND_FUZZ_SEED={SEED}\n" + "\n\n".join(f"{name}\n{how}" for name, how in faults.items())


def _told(phase: str, recorder: Any) -> dict[str, str]:
    """Count what was sent; the faults that were found, each with a request that shows it."""
    for case_id, interaction in recorder.interactions.items():
        operation = recorder.cases[case_id].value.operation.label
        SENT[phase, operation, interaction.response.status_code if interaction.response else 0] += 1
    return {
        f"{recorder.cases[case_id].value.operation.label}: {check.name}: {check.failure_info.failure}": str(
            check.failure_info.code_sample
        )
        for case_id, checks in recorder.checks.items()
        for check in checks
        if check.failure_info is not None
    }
