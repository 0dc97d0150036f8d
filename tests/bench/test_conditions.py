"""What is unmet of a file takes no more queries for many lines than for one; how fast is the bench's business."""

from statistics import median

from tests.applications.ready import ready
from tests.bench.conditions import LINES, ask, lines_of
from tests.world import World


async def test_what_is_unmet_of_a_file_is_asked_in_two_queries_at_most(world: World) -> None:
    few, many = [await ready(world, lines=lines_of(number)) for number in (40, LINES)]
    async with world.pool.acquire() as connection:
        for file, expected in ((few, 20), (many, LINES // 2)):
            asked = [await ask(connection, file) for _ in range(20)]
            assert {(queries, told) for _, queries, told in asked} == {(1, expected)}
            print(f"{2 * expected} lines: {1000 * median(seconds for seconds, *_ in asked):.2f} ms")
