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

from app.core.routing import Route
from app.main import ROUTERS
from tests.contract.conftest import Known
from tests.contract.server import Service
from tests.world import fresh_siren

EXAMPLES = int(os.environ.get("REBOND_FUZZ_EXAMPLES", "3"))
SEED = int(os.environ.get("REBOND_FUZZ_SEED") or random.SystemRandom().randrange(2**32))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OPERATIONS = [
    (route.path_format, method)
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, Route) and route.include_in_schema
    for method in sorted(route.methods or ())
]
SETTINGS = hypothesis.settings(
    max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck)
)


@pytest.fixture(scope="module")
def schema(service: Service) -> Any:
    """The document as the service gives it."""
    loaded = schemathesis.openapi.from_dict(service.request("GET", "/openapi.json").json)
    loaded.config.update(base_url=service.url)
    return loaded


def aim(case: Any, path: str, known: Known) -> None:
    """Point the request at things that exist: else all but a few end in a 404."""
    for name in case.path_parameters:
        case.path_parameters[name] = known.value(path, name)
    bodies = case.body.get("items", [case.body]) if isinstance(case.body, dict) else []
    for body in bodies if isinstance(bodies, list) else []:
        for name in body if isinstance(body, dict) else []:
            if name in known.ids:
                body[name] = known.ids[name]
            elif name == "siren":
                body[name] = fresh_siren()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "not-allowed"])
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_is_as_the_document_says(
    schema: Any, known: Known, service: Service, path: str, method: str, mode: GenerationMode
) -> None:
    operation, documented = schema[path][method], schema.raw_schema["paths"][path][method.lower()]
    if mode is GenerationMode.NEGATIVE and not {"parameters", "requestBody"} & set(documented):
        pytest.skip("it takes nothing that could be wrong")
    permission = documented.get("x-permission")
    headers = {"Authorization": f"Bearer {known.holder(permission).key}"} if permission else {}
    print(f"REBOND_FUZZ_SEED={SEED}")  # shown where the test fails

    @hypothesis.seed(SEED)
    @SETTINGS
    @hypothesis.given(
        case=operation.as_strategy(generation_mode=mode), aimed=st.sampled_from([True, True, True, False])
    )
    def run(case: Any, aimed: bool) -> None:
        if aimed:
            aim(case, path, known)
        case.call_and_validate(headers=headers, checks=CHECKS)

    run()
