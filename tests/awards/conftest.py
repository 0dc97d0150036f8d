"""Where awards are tested with the projects that they aid."""

import pytest

from tests.envelopes.acts import Acts
from tests.world import World, ok

SERVED = "2023-06-14"


@pytest.fixture
async def acts(world: World) -> Acts:
    """A territory that is served here since 14 June 2023, and an envelope."""
    ok(await world.programme.patch(world.auditor.base, {"served_since_on": SERVED}))
    return await Acts.of(world, 100_000, 50_000)
