"""The Python package takes the tour over the real service."""

import importlib
import json
import pkgutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app import __version__
from tests.clients.conftest import packed
from tests.processes import Service

DOCUMENT = Path(__file__).parents[2] / "openapi" / "openapi.json"
PACKAGE = "rebond_client"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The package, out of its wheel."""
    place = tmp_path_factory.mktemp("client")
    made = packed("python", place)
    (wheel,) = place.glob(f"{PACKAGE}-{__version__}-*.whl")
    assert {path.suffix for path in made} == {".whl", ".gz"}
    zipfile.ZipFile(wheel).extractall(place)
    sys.path.insert(0, str(place))
    try:
        package = importlib.import_module(PACKAGE)
        for found in pkgutil.walk_packages(package.__path__, f"{PACKAGE}."):
            importlib.import_module(found.name)
        yield package
    finally:
        sys.path.remove(str(place))
        for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
            del sys.modules[name]


def test_every_operation_of_the_document_is_a_function_of_the_client(client: ModuleType) -> None:
    document = json.loads(DOCUMENT.read_text())
    found = {
        name.name.rpartition(".")[2]
        for name in pkgutil.walk_packages(client.__path__, f"{PACKAGE}.")
        if name.name.startswith(f"{PACKAGE}.api.") and not name.ispkg
    }
    operations = {operation["operationId"] for path in document["paths"].values() for operation in path.values()}
    assert found == operations
    assert len(found) > 50


def test_the_generated_client_takes_the_tour_of_the_readme(client: ModuleType, service: Service) -> None:
    models = importlib.import_module(f"{PACKAGE}.models")

    def as_(role: str) -> Callable[..., Any]:
        def call(operation: str, *path: Any, **arguments: Any) -> Any:
            module = importlib.import_module(f"{PACKAGE}.api.{operation}")
            if "body" in arguments:
                arguments["idempotency_key"] = uuid4().hex
            with client.AuthenticatedClient(base_url=service.base, token=service.keys[role], timeout=30) as caller:
                answer = module.sync_detailed(*path, client=caller, **arguments)
            assert answer.parsed is not None, answer
            return answer.parsed

        return call

    def day(number: int, days: float) -> Any:
        return models.TimeEntryCreate.from_dict(
            {
                "mission_id": str(mission.id), "consultant_id": str(person.id), "worked_on": f"2023-08-{number:02}",
                "days": days, "activity": "analysis",
            }
        )  # fmt: skip

    def award(amount_cents: int) -> Any:
        return models.GrantCreate.from_dict(
            {
                "siren": "910000397", "project_id": str(project.id), "project_title": "Atelier",
                "amount_cents": amount_cents,
                "decided_on": "2023-11-07", "decision_reference": f"TOUR-{uuid4().hex[:8]}",
            }
        )  # fmt: skip

    summary = as_("operator")("reports.get_territory_summary", "ales")
    assert (summary.days_ordered, summary.days_entered, summary.days_left) == (100, 75, 25)
    assert summary.available_cents == 53_613_333

    mission = as_("lead")("missions.list_missions", "ales").items[0]
    person = as_("lead")("missions.list_consultants", "ales", q="ancoris").items[0]
    batch = models.TimeEntryBatch(items=[day(number, 1.0) for number in range(1, 26)])
    entered = as_("lead")("engineering.create_time_entry_batch", "ales", body=batch)
    assert [entry.status for entry in entered.items] == ["submitted"] * 25

    refused = as_("lead")("engineering.create_time_entry", "ales", body=day(28, 0.25))
    assert isinstance(refused, models.Problem)
    assert (refused.status, refused.type_) == (409, "/problems/days-exhausted")

    standing = as_("operator")("engineering.get_engineering", "ales")
    assert (standing.days_entered, standing.days_validated) == (100, 56.5)

    project = as_("funder")("projects.list_projects", "ales", external_id=["demo-project-0"]).items[0]
    grant = as_("funder")("grants.award_grant", "ales", body=award(30_000_000))
    assert isinstance(grant, models.Grant)
    payment = models.PaymentCreate.from_dict(
        {"amount_cents": 9_000_000, "paid_on": "2023-12-01", "kind": "advance_payment", "reference": "TOUR-1"}
    )
    assert as_("funder")("grants.pay_grant", "ales", grant.id, body=payment).status == 403
    assert as_("treasurer")("grants.pay_grant", "ales", grant.id, body=payment).amount_cents == 9_000_000

    advance = as_("treasurer")("advances.list_advances", "ales", external_id=["demo-advance-1"]).items[0]
    statement = as_("treasurer")("advances.get_statement", "ales", advance.id, as_of=date(2026, 10, 1))
    assert (statement.due_cents, statement.late_cents, statement.outstanding_cents) == (
        27_500_000,
        2_500_000,
        5_000_000,
    )

    assert as_("auditor")("envelopes.get_envelope", "ales").available_cents == 23_613_333
    for day_past, cents in ((date(2023, 9, 30), 150_000_000), (date(2023, 11, 7), 3_000_000)):
        assert as_("auditor")("envelopes.get_envelope", "ales", as_of=day_past).available_cents == cents

    over = as_("funder")("grants.award_grant", "ales", body=award(3_000_001))
    assert (over.status, over.type_) == (409, "/problems/envelope-exhausted")
    assert over.additional_properties["available_cents"] == 3_000_000
    assert over.additional_properties["available_from"] == "2024-03-31"

    # What happened, page by page, in the feed.
    told: list[str] = []
    page = as_("auditor")("integrations.list_events", limit=500)
    while page.items:
        told += [event.type_ for event in page.items]
        page = as_("auditor")("integrations.list_events", limit=500, after=page.next_cursor)
    assert told.count("grant.awarded") == 6  # five of the demonstration's, and ours


def test_the_generated_client_pages_changes_by_version_and_exports(client: ModuleType, service: Service) -> None:
    models = importlib.import_module(f"{PACKAGE}.models")

    def api(operation: str) -> Any:
        return importlib.import_module(f"{PACKAGE}.api.{operation}").sync_detailed

    with client.AuthenticatedClient(base_url=service.base, token=service.keys["lead"], timeout=30) as lead:
        entries = api("engineering.list_time_entries")
        first = entries("ales", client=lead, limit=2).parsed
        second = entries("ales", client=lead, limit=2, cursor=first.next_cursor).parsed
        assert len({entry.id for entry in (*first.items, *second.items)}) == 4

        mission = api("missions.list_missions")("ales", client=lead).parsed.items[0]
        person = api("missions.list_consultants")("ales", client=lead, q="ancoris").parsed.items[0]
        body = models.TimeEntryCreate.from_dict(
            {
                "mission_id": str(mission.id), "consultant_id": str(person.id), "worked_on": "2023-08-30",
                "days": 0.5, "activity": "analysis", "status": "draft",
            }
        )  # fmt: skip
        made = api("engineering.create_time_entry")("ales", client=lead, body=body, idempotency_key=uuid4().hex)
        assert (made.status_code, made.headers["location"]) == (
            201, f"/v1/territories/ales/time-entries/{made.parsed.id}",
        )  # fmt: skip
        change = models.TimeEntryUpdate.from_dict({"days": 0.25})
        update = api("engineering.update_time_entry")
        changed = update("ales", made.parsed.id, client=lead, body=change, if_match=made.headers["etag"])
        assert (changed.status_code, changed.parsed.days) == (200, 0.25)
        stale = update("ales", made.parsed.id, client=lead, body=change, if_match=made.headers["etag"])
        assert (stale.status_code, stale.parsed.type_) == (412, "/problems/stale-version")

        table = lead.get_httpx_client().get("/v1/territories/ales/time-entries", params={"format": "csv"})
        assert table.headers["content-type"].startswith("text/csv")
        assert str(made.parsed.id) in table.text


def test_the_helpers_read_every_page_and_send_a_post_until_it_is_answered(client: ModuleType, service: Service) -> None:
    models = importlib.import_module(f"{PACKAGE}.models")
    pages, sending = (importlib.import_module(f"{PACKAGE}.{name}") for name in ("pages", "sending"))

    def api(operation: str) -> Any:
        return importlib.import_module(f"{PACKAGE}.api.{operation}")

    class Losing(httpx.HTTPTransport):
        """The first answers are lost on their way."""

        left = 2

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            answer = super().handle_request(request)
            if self.left > 0:
                self.left -= 1
                answer.close()
                raise httpx.ReadError("lost")
            return answer

    with client.AuthenticatedClient(base_url=service.base, token=service.keys["lead"], timeout=30) as lead:
        entries = api("engineering.list_time_entries")
        ids = [entry.id for entry in pages.every(entries, "ales", client=lead, limit=7)]
        count = entries.sync_detailed("ales", client=lead, count="exact").parsed.total
        assert len(ids) == len(set(ids)) == count > 7
        with pytest.raises(pages.Refused, match="/problems/validation-failed"):
            list(pages.every(entries, "ales", client=lead, limit=0))
        mission = api("missions.list_missions").sync_detailed("ales", client=lead).parsed.items[0]
        person = api("missions.list_consultants").sync_detailed("ales", client=lead, q="ancoris").parsed.items[0]
        body = models.TimeEntryCreate.from_dict(
            {
                "mission_id": str(mission.id), "consultant_id": str(person.id), "worked_on": "2023-08-31",
                "days": 0.5, "activity": "analysis", "status": "draft",
            }
        )  # fmt: skip
        slept: list[float] = []
        create = api("engineering.create_time_entry")
        headers = {"Authorization": f"Bearer {service.keys['lead']}"}
        transport = Losing()
        with httpx.Client(base_url=service.base, headers=headers, transport=transport, timeout=30) as losing:
            unlucky = client.AuthenticatedClient(base_url=service.base, token="").set_httpx_client(losing)
            answer = sending.send(create, "ales", client=unlucky, body=body, sleep=slept.append)
            assert (answer.status_code, answer.headers["idempotency-replayed"], slept) == (201, "true", [0.5, 1.0])
            transport.left = 5
            with pytest.raises(httpx.ReadError):
                sending.send(create, "ales", client=unlucky, body=body, sleep=slept.append, attempts=2)
        assert transport.left == 3
