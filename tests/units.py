"""What is handed to a worker at once: a module, or a part of it, so that what its tests share is made in one worker.

What a worker has done once is quicker the second time: statements are compiled and prepared, plans are known. So tests
of a module follow each other. What takes seconds begins first, so that no worker ends long after the others.
"""

from typing import Any

from xdist.scheduler import LoadScopeScheduling

PORTION = 40  # tests: some seconds

# Begun first, in this order, a module at a time: their tests share what takes seconds to make.
SHARING = (
    "tests/contract/test_document.py", "tests/test_demo.py",
    "tests/contract/test_routes.py", "tests/commands/test_check.py", "tests/commands/test_export.py",
    "tests/contract/test_forms.py", "tests/contract/test_streams.py", "tests/contract/test_http.py",
    "tests/contract/test_hostile.py", "tests/contract/test_shapes.py", "tests/envelopes/test_raw_sql.py",
    "tests/engineering/entries/test_raw_sql.py",
)  # fmt: skip

# Then these, one by one: each test takes seconds, and shares nothing.
SINGLE = (
    "tests/commands/test_cli.py", "tests/bundled/", "tests/scenarios/", "tests/bench/",
    "tests/core/serving/test_server.py",
    "tests/engineering/entries/test_every_order.py", "tests/engineering/entries/test_limits.py",
    "tests/engineering/entries/test_model.py", "tests/engineering/corrections/test_every_order.py",
    "tests/envelopes/test_model.py", "tests/envelopes/test_orders.py", "tests/awards/test_at_once.py",
    "tests/awards/test_kinds.py", "tests/awards/test_model.py", "tests/awards/claims/test_at_once.py",
    "tests/applications/test_decisions_at_once.py", "tests/applications/test_committee_lives.py",
    "tests/applications/test_lives.py", "tests/applications/test_orders.py", "tests/reports/test_two_times.py",
    "tests/integrations/imports/test_identity.py", "tests/reports/test_to_do.py", "tests/reports/test_totals.py",
    "tests/faults/test_deaths.py",
    "tests/faults/test_workers.py",
)  # fmt: skip

# One service is besieged by all of these.
FUZZ = "tests/fuzz/"


def rank(nodeid: str) -> int:
    """Where a test comes: those of the lists before all others, which keep their order."""
    module = nodeid.partition("::")[0]
    if module in SHARING:
        return SHARING.index(module)
    return len(SHARING) + (not module.startswith((FUZZ, *SINGLE)))


class Units(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types that mypy would follow
    """Hands out modules, portions of long ones, and the tests of `SINGLE` one by one, in the order of collection."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.config.option.loadscopereorder = False
        self._units: dict[str, str] = {}
        self._members: dict[str, int] = {}

    def _split_scope(self, nodeid: str) -> str:
        """The unit of a test; it is asked for in the order of the collection first."""
        if (unit := self._units.get(nodeid)) is None:
            module = nodeid.partition("::")[0]
            members = self._members[module] = self._members.get(module, 0) + 1
            if module.startswith(SINGLE):
                unit = nodeid
            elif module.startswith(FUZZ):
                unit = FUZZ
            elif module in SHARING:
                unit = module
            else:
                unit = f"{module} {members // PORTION}"
            self._units[nodeid] = unit
        return unit
