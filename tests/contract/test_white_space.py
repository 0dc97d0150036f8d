"""No answer spends bytes on white space: between the parts of its JSON there is none, in any address and any form."""

import csv
import io
import json
import re

from tests.contract.conftest import Known
from tests.contract.test_http import LISTINGS, READS, reader

TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[^"\s]+')
TYPES = ("application/json", "application/problem+json", "application/x-ndjson")


def spaced(body: str) -> str:
    """The first line with white space between parts of its JSON; nothing where there is none."""
    return next((line[:400] for line in body.split("\n") if "".join(TOKENS.findall(line)) != line), "")


def test_white_space_is_found_outside_strings_alone() -> None:
    assert spaced('{"a":"b : c","d":["\\" , ",1.50]}\n') == ""
    for body in ('{"a" : 1}', '{"a":[1, 2]}', '[{"a":"b"}, {}]'):
        assert spaced(body) == body


async def test_no_answer_has_white_space_between_its_parts(known: Known) -> None:
    seen = 0
    for path in READS:
        client = reader(known, path)
        answer = await client.get(known.read_address(path))
        assert answer.status_code == 200, path
        body = _without_data(answer.text) if path == "/v1/events" else answer.text
        if answer.headers["content-type"].partition(";")[0] in TYPES:
            seen += 1
            assert spaced(body) == "", path
    assert seen > 90


async def test_no_export_has_white_space_between_the_parts_of_its_json(known: Known) -> None:
    for path in LISTINGS:
        client, address = reader(known, path), known.address(path)
        rows = await client.get(address, params={"format": "ndjson"})
        assert spaced(rows.text) == "", path
        cells = await client.get(address, params={"format": "csv"})
        for row in csv.reader(io.StringIO(cells.text)):
            assert [cell for cell in row if cell.startswith(("{", "[")) and spaced(cell)] == [], path


async def test_events_and_what_writes_answer_have_none_either(known: Known) -> None:
    """But for the `data` of events, which is shown as it is stored."""
    world = known.world
    note = {"note": 'She said: "a, b": {c} \\ d, "e"'}
    entry = await world.consultant.patch(f"time-entries/{known.ids['time-entries']}", note)
    assert entry.json()["note"] == note["note"]
    assert spaced(entry.text) == ""
    about = f"limit=500&resource_id={entry.json()['id']}"
    await world.shown(world.admin, about, lambda items: any("She said" in str(item["data"]) for item in items))
    for query in ("limit=500", f"limit=500&territory={world.territory}", about):
        told = await world.admin.get(f"/v1/events?{query}")
        assert spaced(_without_data(told.text)) == "", query
    assert told.json()["items"][-1]["data"]["note"] == note["note"]
    refused = await world.consultant.post("time-entries", {"days": 9})
    assert refused.status_code == 422
    assert spaced(refused.text) == ""


def _without_data(feed: str) -> str:
    """A page of the feed without what its events say of their objects."""
    first, *rest = feed.split(',"data":')
    return "".join([first, *(part[json.JSONDecoder().raw_decode(part)[1] :] for part in rest)])
