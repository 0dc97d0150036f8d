"""What `tests/contract/test_document.py` does for seconds, done at length against two workers."""

import pytest

from tests.contract.test_document import SHARE, faults_of, said_of
from tests.fuzz.conftest import EXAMPLES, SECONDS, SENT, Fortress

# Coverage has a fixed number of cases (some ten thousand), whose end is lost where time is short.
PHASES = ["examples", "fuzzing", "stateful", *(["coverage"] if SECONDS > 30 else [])]


@pytest.mark.parametrize("phase", PHASES)
def test_every_answer_is_as_the_document_says(fortress: Fortress, phase: str) -> None:
    share = None if SECONDS > 30 else SHARE
    world = fortress.new_world()
    faults = faults_of(fortress.service, world, phase, examples=EXAMPLES, seconds=SECONDS, sent=SENT, share=share)
    assert not faults, said_of(faults)
