"""A small world per test: a fresh territory, people with keys in every role, and a mission on request."""

import asyncio
import itertools
import json
import os
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx2

from app.access.gate import digest_of
from app.access.rules import Role
from app.commands.check import differences
from app.core import clock
from app.core.serving.routing import Route
from app.core.values import iban_from, siren_from
from app.main import ROUTERS
from tests.copies import Prototype, may_copy

_NUMBERS = itertools.count()
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
LOCAL = [role for role in Role if role not in (Role.PROGRAMME, Role.OPERATOR, Role.AUDITOR, Role.ADMIN)]


def fresh_siren() -> str:
    """A Luhn-valid SIREN that no other test of this run has."""
    return siren_from(10_000_000 + _WORKER * 5_000_000 + next(_NUMBERS))


def fresh_email() -> str:
    """An e-mail address that nobody else has."""
    return f"{secrets.token_hex(8)}@example.fr"


# What may be read: wherever a test creates something, its Location must be one of these addresses.
READ = re.compile(
    "|".join(
        re.sub(r"\(\?P<\w+>", "(?:", route.path_regex.pattern)
        for each in ROUTERS
        for route in each.routes
        if isinstance(route, Route) and "GET" in (route.methods or ())
    )
)


class Client:
    """The HTTP client with one caller's key. Every method gives the response; `key` is the bare credential."""

    def __init__(self, http: httpx2.AsyncClient, key: str, base: str) -> None:
        self.http, self.key, self.base = http, key, base

    async def request(self, method: str, path: str, **arguments: Any) -> httpx2.Response:
        """`path` below the territory, or from the root where it starts with /v1 or another slash."""
        address = path if path.startswith("/") else f"{self.base}/{path}" if path else self.base
        headers = {"Authorization": f"Bearer {self.key}", **arguments.pop("headers", {})}
        response = await self.http.request(method, address, headers=headers, **arguments)
        place = response.headers.get("location")
        assert place is None or READ.fullmatch(place), f"{method} {address} names {place}"
        return response

    async def get(self, path: str, **arguments: Any) -> httpx2.Response:
        return await self.request("GET", path, **arguments)

    async def post(self, path: str, body: Any = None, **arguments: Any) -> httpx2.Response:
        if body is not None:
            arguments["json"] = body
        return await self.request("POST", path, **arguments)

    async def put(self, path: str, body: Any, **arguments: Any) -> httpx2.Response:
        return await self.request("PUT", path, json=body, **arguments)

    async def patch(self, path: str, body: Any, **arguments: Any) -> httpx2.Response:
        return await self.request("PATCH", path, json=body, **arguments)

    async def delete(self, path: str, **arguments: Any) -> httpx2.Response:
        return await self.request("DELETE", path, **arguments)


def ok(response: httpx2.Response, status: int | tuple[int, ...] = (200, 201, 204)) -> Any:
    """The JSON of a response that must have this status."""
    wanted = (status,) if isinstance(status, int) else status
    assert response.status_code in wanted, f"{response.status_code} {response.text}"
    return response.json() if response.content else None


def problem(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """The problem of a response that must be this refusal."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    body: dict[str, Any] = response.json()
    assert (response.status_code, body["type"]) == (status, f"/problems/{code}"), response.text
    return body


_PLACE = """
WITH wave AS (
    INSERT INTO waves (number, created_at, updated_at) VALUES (1, now(), now()) ON CONFLICT DO NOTHING
), territory AS (
    INSERT INTO territories (slug, name, wave_number, lead_siren, epci_sirens, status, created_at, updated_at)
    VALUES ($1, $1, 1, $2, ARRAY[$2], 'laureate', now(), now())
)
INSERT INTO organisations (name, siren, created_at, updated_at)
SELECT name, siren, now(), now() FROM unnest($3::text[], $4::text[]) AS given (name, siren)
RETURNING siren, id"""

_PEOPLE = """
WITH given AS (
    SELECT uuidv7() AS id, *
    FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[],
                $9::text[]) AS _ (kind, organisation_id, name, email, role, territory, prefix, digest, scope)
), subject AS (
    INSERT INTO subjects (id, kind, organisation_id, name, email, created_at, updated_at)
    SELECT id, kind, organisation_id, name, email, now(), now() FROM given
), member AS (
    INSERT INTO members (subject_id, role, territory, from_on, approved_at, created_at, updated_at)
    SELECT id, role, territory, '2020-01-01', now(), now(), now() FROM given WHERE role IS NOT NULL
)
INSERT INTO api_keys (subject_id, name, prefix, digest, scope, confirmed_at, expires_at, created_at, updated_at)
SELECT id, 'test', prefix, digest, scope, now(), '2199-12-31', '2198-12-31', now() FROM given
RETURNING subject_id, digest"""


# The rows of a firm, of one that a territory follows, and of a mission, by table.
FIRM = {"firms": "siren = $1", "events": "resource_type IN ('firm', 'territory_firm') AND resource_id = $1"}
FOLLOWED = {**FIRM, "territory_firms": "siren = $1", "firm_stage_changes": "siren = $1"}
MISSION = {
    "subjects": "id IN (SELECT person_id FROM consultants WHERE mission_id = $1)",
    "missions": "id = $1",
    "events": "territory = (SELECT territory FROM missions WHERE id = $1)"
    " AND (resource_id = $1::uuid::text OR data ->> 'mission_id' = $1::uuid::text)",
    **dict.fromkeys(
        ("mission_days", "mission_members", "consultants", "member_days", "orders", "allotments", "mission_activities",
         "mission_settings"),
        "mission_id = $1",
    ),
}  # fmt: skip
_PROTOTYPES: dict[Any, tuple[Prototype, list[str], Any]] = {}  # with the words of their world, and what was given back


def _standing() -> bool:
    """Whether time stands still: then all instants are the same, and what a test makes is made through the API."""
    return clock._frozen is not None


@dataclass
class Mission:
    """A mission ready to be worked: a lead and a partner, one consultant each, and the ids of everything."""

    id: str
    lead_consultant: str
    partner_consultant: str
    lead_member: str
    partner_member: str

    def entry(
        self, *, by: str = "partner", worked_on: str = "2023-07-04", days: float = 0.5, **more: Any
    ) -> dict[str, Any]:
        """The body of a time entry of the lead's or the partner's consultant."""
        consultant = self.lead_consultant if by == "lead" else self.partner_consultant
        return {
            "mission_id": self.id,
            "consultant_id": consultant,
            "worked_on": worked_on,
            "days": days,
            "activity": "audition",
            **more,
        }


# The collections below an advance of what amends it.
AMENDED = (
    "reschedules", "rate-changes", "availability-extensions", "waivers", "write-offs", "early-repayments", "turnovers",
)  # fmt: skip


@dataclass
class World:
    """A territory and its people. `world.lead`, `world.operator`, … are clients with the key of that role.

    The lead role belongs to the lead organisation, `consultant` to the partner's; `lead_judge` is a second person of
    the lead organisation with the lead role, who enters nothing, `second_admin` one who approves what `admin` proposes;
    `admin`, `programme`, `operator` and `auditor` are national, the others hold their role in this territory alone.
    """

    http: httpx2.AsyncClient
    pool: Any
    territory: str
    wave: int
    organisations: dict[str, UUID] = field(default_factory=dict)
    subjects: dict[str, UUID] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)
    sirens: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Client:
        try:
            return self.clients[name]
        except KeyError:
            raise AttributeError(name) from None

    @classmethod
    async def create(cls, http: httpx2.AsyncClient, pool: Any) -> "World":
        slug = f"t-{secrets.token_hex(6)}"
        world = cls(http, pool, slug, 1)
        names = ("office", "lead", "partner")
        sirens = [fresh_siren() for _ in names]
        home = {"lead": "lead", "lead_judge": "lead", "consultant": "partner"}
        double = {"lead_judge": "lead", "second_admin": "admin"}
        people = [
            world._person(name, home.get(name, "office"), double.get(name, name))
            for name in [*(str(role) for role in Role), "lead_judge", "second_admin"]
        ]
        async with pool.acquire() as connection:
            rows = await connection.fetch(_PLACE, slug, fresh_siren(), [f"{name} of {slug}" for name in names], sirens)
            ids = {row["siren"]: row["id"] for row in rows}
            world.sirens = sirens
            world.organisations = {name: ids[siren] for name, siren in zip(names, sirens, strict=True)}
            await world._admit(connection, people)
        return world

    async def add_subject(
        self, connection: Any, name: str, organisation: str, role: str | None, *, kind: str = "person",
        territory: str | None = "here", scope: str = "full",
    ) -> Client:  # fmt: skip
        """A subject of one of the organisations with a key, and a role here (`territory=None`: everywhere)."""
        await self._admit(
            connection, [self._person(name, organisation, role, kind=kind, territory=territory, scope=scope)]
        )
        return self.clients[name]

    def _person(
        self, name: str, organisation: str, role: str | None, *, kind: str = "person", territory: str | None = "here",
        scope: str = "full",
    ) -> dict[str, Any]:  # fmt: skip
        national = role is not None and Role(role) not in LOCAL
        return {"name": name, "organisation": organisation, "role": role, "kind": kind, "scope": scope,
                "territory": None if national or territory is None else self.territory,
                "key": f"rbd_{secrets.token_urlsafe(32)}"}  # fmt: skip

    async def _admit(self, connection: Any, people: list[dict[str, Any]]) -> None:
        """Subjects, their roles and their keys, in one statement: a world is made thousands of times a run."""
        columns = [
            [each["kind"] for each in people],
            [self.organisations[each["organisation"]] for each in people],
            [f"{each['name']} of {self.territory}" for each in people],
            [fresh_email() if each["kind"] == "person" else None for each in people],
            [each["role"] for each in people],
            [each["territory"] for each in people],
            [each["key"][:12] for each in people],
            [digest_of(each["key"]) for each in people],
            [each["scope"] for each in people],
        ]
        rows = await connection.fetch(_PEOPLE, *columns)
        ids = {row["digest"]: row["subject_id"] for row in rows}
        for each, digest in zip(people, columns[7], strict=True):
            self.subjects[each["name"]] = ids[digest]
            self.clients[each["name"]] = Client(self.http, each["key"], f"/v1/territories/{self.territory}")

    async def grant(self, **member: Any) -> dict[str, Any]:
        """A role that an administrator gives, and another one approves where it needs that."""
        made: dict[str, Any] = ok(await self.clients["admin"].post("/v1/members", member), 201)
        if made["status"] == "proposed":
            made = ok(await self.clients["second_admin"].post(f"/v1/members/{made['id']}/approve"))
        return made

    async def issue(self, subject_id: Any, **more: Any) -> dict[str, Any]:
        """A key that an administrator makes, its holder enrols, and another administrator confirms; with its secret."""
        body = {"subject_id": str(subject_id), "name": "laptop", **more}
        made: dict[str, Any] = ok(await self.clients["admin"].post("/v1/api-keys", body), 201)
        if made["code"]:
            made = ok(await self.http.post("/v1/enrolments", json={"code": made["code"]}), 201)
        said = {"fingerprint": made["fingerprint"]}
        made |= ok(await self.clients["second_admin"].post(f"/v1/api-keys/{made['id']}/confirm", said))
        return made

    async def add_person(self, organisation: str = "partner", name: str | None = None) -> UUID:
        """A person without a key or role, who can be assigned."""
        person: UUID = await self.pool.fetchval(
            "INSERT INTO subjects (kind, organisation_id, name, email, created_at, updated_at)"
            " VALUES ('person', $1, $2, $3, now(), now()) RETURNING id",
            self.organisations[organisation],
            name or f"Person {next(_NUMBERS)}",
            fresh_email(),
        )
        return person

    def _words(self) -> list[str]:
        """What is called otherwise in another world, in an order that all worlds have."""
        actors = [str(self.subjects[name]) for name in ("operator", "programme", "territory", "treasurer")]
        homes = [str(self.organisations[name]) for name in ("office", "lead", "partner")]
        return [self.territory, *homes, *self.sirens, *actors]

    async def copy(self, kind: Any, *own: str) -> tuple[Any, dict[str, str]] | None:
        """Copies what was made of this kind, `own` words in place of its own: what that was, and the new ids by its."""
        if _standing() or (known := _PROTOTYPES.get((self.pool, clock.today(), kind))) is None:
            return None
        prototype, words, made = known
        async with self.pool.acquire() as connection:
            new = dict(zip(words, [*self._words(), *own], strict=True))
            return made, await prototype.copy(connection, new, clock.now())

    async def keep(self, kind: Any, rows: dict[str, str], of: str, made: Any, *own: str) -> None:
        """What was just made through the API is what `copy` copies from now on."""
        if _standing():
            return
        words = [*self._words(), *own]
        async with self.pool.acquire() as connection:
            if not await may_copy(connection):
                return
            prototype = await Prototype.of(connection, rows, of, words)
        _PROTOTYPES[self.pool, clock.today(), kind] = prototype, words, made

    async def add_firm(self, name: str = "Firm") -> str:
        """A firm of the register with a SIREN of its own."""
        siren = fresh_siren()
        if await self.copy(("firm", name), siren) is None:
            ok(await self.clients["territory"].put(f"/v1/firms/{siren}", {"name": name}))
            await self.keep(("firm", name), FIRM, siren, None, siren)
        return siren

    async def mission(
        self, *, days: float = 100, step: float = 0.25, lead: float | None = None, partner: float | None = None,
        starts_on: str = "2023-06-14", ends_on: str = "2023-09-30", people: dict[str, UUID] | None = None,
        framework: str | None = None, **more: Any,
    ) -> Mission:  # fmt: skip
        """A mission with its order, a lead and a partner sharing the days, and one consultant each."""
        kind = "mission", repr((days, step, lead, partner, starts_on, ends_on, sorted(more.items())))
        alike = not people and framework is None
        if alike and (copied := await self.copy(kind)):
            made, ids = copied
            return Mission(**{name: ids[known] for name, known in vars(made).items()})
        operator = self.clients["operator"]
        partner_days = days / 2 if partner is None else partner
        lead_days = days - partner_days if lead is None else lead
        mission = ok(await operator.post("missions", {"name": "Mission", "step": step, **more}))
        order = {
            "kind": "initial",
            "reference": "BC-1",
            "signed_on": min("2023-06-01", starts_on),
            "days": days,
            "starts_on": starts_on,
            "ends_on": ends_on,
            **({} if framework is None else {"framework_id": framework}),
        }
        ok(await operator.post(f"missions/{mission['id']}/orders", order))
        ids = {}
        for role, allotted in (("lead", lead_days), ("partner", partner_days)):
            body = {"organisation_id": str(self.organisations[role]), "role": role, "days_allotted": allotted}
            member = ok(await operator.post(f"missions/{mission['id']}/members", body))
            person = (people or {}).get(role) or await self.add_person(role)
            assignment = {
                "person_id": str(person),
                "mission_id": mission["id"],
                "from_on": date(2023, 1, 1).isoformat(),
            }
            consultant = ok(await operator.post("consultants", assignment))
            ids[f"{role}_member"], ids[f"{role}_consultant"] = member["id"], consultant["id"]
        made = Mission(mission["id"], **ids)
        if alike:
            await self.keep(kind, MISSION, made.id, made)
        return made

    async def add_import(self, territory: str | None) -> str:
        """An import of the partner's that has been refused for its one line; no file was read for it."""
        statement = """
            INSERT INTO imports (territory, kind, status, dry_run, on_error, upload_id, size_bytes, format,
                                 organisation_id, finished_at, created_at, updated_at)
            VALUES ($1, $3, 'refused', false, 'abort', uuidv7(), 1, 'csv', $2, now(), now(), now()) RETURNING id"""
        async with self.pool.acquire() as connection:
            kind = "firms" if territory is None else "time_entries"
            import_id = await connection.fetchval(statement, territory, self.organisations["partner"], kind)
            await connection.execute(
                "INSERT INTO import_problems (import_id, line, column_name, severity, code, detail, detail_fr)"
                " VALUES ($1, 2, 'siren', 'blocking', 'invalid_siren', 'No SIREN.', 'Pas un SIREN.')",
                import_id,
            )
        return str(import_id)

    async def money(self) -> dict[str, str]:
        """A contribution, a grant and an advance out of it, paid in part and with claims, an override: ids by name."""
        firm = await self.followed_firm()

        async def post(role: str, path: str, **body: Any) -> str:
            headers = {"Idempotency-Key": secrets.token_hex(16)}
            return str(ok(await self.clients[role].post(path, body, headers=headers), 201)["id"])

        def award(**more: Any) -> dict[str, Any]:
            decision = {"decided_on": "2023-10-03", "decision_reference": reference, **base}
            return {"siren": firm, "project_title": "Atelier", "amount_cents": 60_000_00, **decision, **more}

        terms = {"instalments": 12, "frequency": "quarterly", "due_dates": "period_end", "first_due_on": "2024-03-31"}
        contributor, reference = str(self.organisations["office"]), secrets.token_hex(4)
        contribution = await post("programme", "envelope/contributions", organisation_id=contributor,
                                  amount_cents=200_000_00, decided_on="2023-06-14", reference=reference)  # fmt: skip
        base = {"scheme": "rebond_industriel", "base_cents": 120_000_00}
        grant = await post("funder", "grants", **award())
        payment = await post("treasurer", f"grants/{grant}/payments", amount_cents=10_000_00, paid_on="2023-11-15",
                             kind="advance_payment", reference=reference)  # fmt: skip
        advance = await post("funder", "advances", **award(terms=terms, **base))
        tranche = await post("treasurer", f"advances/{advance}/tranches", amount_cents=50_000_00, paid_on="2023-12-01")
        repayment = await post("treasurer", f"advances/{advance}/repayments", amount_cents=1_000_00,
                               received_on="2024-04-02", reference=reference)  # fmt: skip
        requests = {}
        for name, path in (("grant", f"grants/{grant}"), ("advance", f"advances/{advance}")):
            ok(await self.clients["funder"].put(f"{path}/agreement", {
                "reference": reference, "signed_by_firm_on": "2023-10-20", "document_sha256": "0" * 64,
            }))  # fmt: skip
            ok(await self.clients["funder"].put(f"{path}/guarantee", {
                "guarantor": "Banque du Gard", "reference": reference, "amount_cents": 1, "until_on": "2199-12-31",
                "document_sha256": "0" * 64,
            }))  # fmt: skip
            requests[f"{name}_change_request"] = await post(
                "territory", f"{path}/change-requests", reason="Later.",
                changes=[{"kind": "dates", "planned_end_on": "2026-12-31"}],
            )  # fmt: skip
        override = await post("funder", "overrides", code="proceedings-open", siren=firm, reason="The plan stands.",
                              valid_until_on="2199-12-31")  # fmt: skip
        claims = {}
        for name, path in (("grant_claim", f"grants/{grant}"), ("advance_claim", f"advances/{advance}")):
            line = ok(await self.clients["auditor"].get(path))["lines"][0]["id"]
            invoice = {
                "invoice_number": secrets.token_hex(4),
                "supplier_name": "Supplier",
                "line_id": line,
                "invoiced_on": "2024-01-15",
                "paid_on": "2024-02-15",
                "amount_excl_vat_cents": 1_000_00,
            }
            claims[name] = await post("territory", f"{path}/claims", lines=[invoice])
        letter = ok(await self.clients["funder"].post("letters", {
            "award_id": grant, "kind": "notification", "reference": reference, "planned_start_on": "2023-12-01",
            "planned_end_on": "2025-11-30", "payment_terms": "30 % at the start.", "recovery_terms": "None.",
        }), 201)["id"]  # fmt: skip
        return {**requests, **claims, "contribution": contribution, "grant": grant, "payment": payment,
                "letter": letter, "advance": advance, "tranche": tranche, "repayment": repayment, "override": override,
                "firm": firm}  # fmt: skip

    async def arrears(self, advance: str, firm: str) -> dict[str, str]:
        """What is done about an advance that `money` made: a notice, an acceleration, and a claim in proceedings that
        are over; ids by name.
        """
        path, reference = f"advances/{advance}", secrets.token_hex(8)

        async def post(role: str, address: str, **body: Any) -> str:
            headers = {"Idempotency-Key": secrets.token_hex(16)}
            headers |= {"If-Match": "*"} if address == "accelerate" else {}
            return str(ok(await self.clients[role].post(f"{path}/{address}", body, headers=headers), 201)["id"])

        known = {rate["from_on"] for rate in ok(await self.programme.get("/v1/legal-rates?limit=500"))["items"]}
        for from_on in {f"{year}-{month}-01" for year in range(2024, 2028) for month in ("01", "07")} - known:
            rate = {"from_on": from_on, "rate_bp": 300, "source": "Exemple"}
            ok(await self.programme.post("/v1/legal-rates", rate), 201)
        agreement = {"reference": reference, "signed_by_firm_on": "2023-10-20", "signed_by_funder_on": "2023-10-20",
                     "document_sha256": "0" * 64}  # fmt: skip
        ok(await self.clients["funder"].put(f"{path}/agreement", agreement))
        notice = await post(
            "treasurer", "notices", lines=["2024-03-31"], sent_on="2024-05-02", received_on="2024-05-05"
        )  # fmt: skip
        acceleration = await post("funder", "accelerate", reason="Nothing came.", accelerated_on="2024-06-03")
        judged = {"kind": "reorganisation", "opened_on": "2025-02-06", "closed_on": "2025-03-06", "ended_by": "closing"}
        proceeding = ok(await self.clients["territory"].post(f"/v1/firms/{firm}/proceedings", judged), 201)["id"]
        claim = await post("treasurer", "debt-claims", proceeding_id=proceeding, declared_on="2025-03-01",
                           amount_cents=49_000_00, proof_sha256=reference * 4)  # fmt: skip
        await self.pool.execute(  # what the tick tells, for it is told of all territories at once
            "INSERT INTO advance_alerts (territory, advance_id, kind, on_day, due_on, amount_cents, raised_at)"
            " SELECT territory, id, 'instalment_due', '2024-03-31', '2024-03-31', 1, now() FROM advances WHERE id = $1",
            advance,
        )  # fmt: skip
        return {"notice": notice, "acceleration": acceleration, "debt_claim": claim}

    async def owed(self, grant: str) -> dict[str, str]:
        """An ordered recovery of a paid grant with a receipt, and a commitment with a report: ids by name."""
        funder, today, key = self.clients["funder"], clock.today(), secrets.token_hex(8)
        recoveries = f"grants/{grant}/recoveries"
        claim = {"cause": "object_changed", "amount_cents": 1_000_00, "reason": "Sold."}
        recovery = ok(await funder.post(recoveries, claim, headers={"Idempotency-Key": key}), 201)["id"]
        heard = {"notified_on": f"{today}", "reply_until_on": f"{today + timedelta(days=15)}"}
        ok(await funder.post(f"{recoveries}/{recovery}/notify", heard, headers={"If-Match": "*"}))
        order = {"order_number": key, "ordered_on": f"{today}", "due_on": f"{today}", "replied_on": f"{today}"}
        ok(await funder.post(f"{recoveries}/{recovery}/order", order, headers={"If-Match": "*"}))
        came = {"amount_cents": 100_00, "received_on": f"{today}", "bank_reference": key}
        receipts = f"{recoveries}/{recovery}/receipts"
        receipt = ok(await self.clients["treasurer"].post(receipts, came, headers={"Idempotency-Key": key}), 201)["id"]
        commitment = str(await self.pool.fetchval(
            "INSERT INTO commitments (territory, aid_id, kind, months, due_on, created_at, updated_at)"
            " SELECT territory, aid_id, 'jobs', 12, '2024-11-30', now(), now() FROM grants WHERE id = $1 RETURNING id",
            grant,
        ))  # fmt: skip
        told = {"observed_on": "2024-11-30", "text": "12 jobs stand.", "document_sha256": "0" * 64}
        reports = f"grants/{grant}/commitments/{commitment}/reports"
        report = ok(await self.clients["territory"].post(reports, told), 201)["id"]
        return {"recovery": recovery, "receipt": receipt, "commitment": commitment, "commitment_report": report}

    async def agree(self, award: str) -> None:
        """Put the agreement of the aid of an award on file, that both have signed."""
        body = {"reference": secrets.token_hex(4), "signed_by_firm_on": "2023-10-20",
                "signed_by_funder_on": "2023-11-10", "document_sha256": "0" * 64}  # fmt: skip
        ok(await self.clients["funder"].put(f"{award}/agreement", body))

    async def amended(self, advance: str) -> dict[str, str]:
        """A request of each kind of a paid advance, an early repayment announced, and a turnover: ids by collection."""
        await self.agree(f"advances/{advance}")
        asked: dict[str, dict[str, Any]] = {
            "rate-changes": {"annual_rate_bp": 100},
            "reschedules": {"kind": "re_age", "instalments": 4, "first_on": "2199-03-31", "late_interest": "kept"},
            "write-offs": {"ground": "irrecoverable", "proof_sha256": "0" * 64},
            "early-repayments": {"amount_cents": 1, "planned_on": "2024-05-02", "choice": "shorten"},
        }
        ids = {}
        for what, body in asked.items():
            because = {} if what == "early-repayments" else {"reason": "Orders were delayed."}
            headers = {"Idempotency-Key": secrets.token_hex(16)}
            made = await self.clients["territory"].post(f"advances/{advance}/{what}", body | because, headers=headers)
            ids[what] = str(ok(made, 201)["id"])
        # The advance is paid, and repaid whatever happens: what it cannot be asked for is written by hand.
        staff = self.subjects["territory"]
        for what, kind, said, decision in (
            ("waivers", "waiver", "{}", None),
            ("availability-extensions", "availability_extension", '{"available_until_on": "2027-12-31"}',
             '{"replaced": "2026-12-31"}'),
        ):  # fmt: skip
            ids[what] = str(await self.pool.fetchval(
                "INSERT INTO advance_amendments (territory, advance_id, kind, asked, decision, reason, requested_on,"
                " requested_by, before, after, created_at, updated_at) SELECT territory, id, $3, $4, $5, 'It failed.',"
                " '2024-05-02', $2, '[]', '[]', now(), now() FROM advances WHERE id = $1 RETURNING id",
                advance, staff, kind, said, decision,
            ))  # fmt: skip
        ids["turnovers"] = str(await self.pool.fetchval(
            "INSERT INTO advance_turnovers (territory, advance_id, year, turnover_cents, amount_cents, due_on,"
            " declared_by, created_at, updated_at) SELECT territory, id, 2023, 100, 0, '2024-06-30', $2, now(), now()"
            " FROM advances WHERE id = $1 RETURNING id", advance, staff,
        ))  # fmt: skip
        return ids

    async def received(self) -> dict[str, str]:
        """A receipt that is assigned to nothing, and a proposed refund of a part: ids by name."""

        async def post(path: str, **body: Any) -> str:
            headers = {"Idempotency-Key": secrets.token_hex(8)}
            return str(ok(await self.clients["treasurer"].post(path, body, headers=headers), 201)["id"])

        receipt = await post("receipts", amount_cents=2, received_on="2024-04-02", reference=secrets.token_hex(8))
        refund = await post(f"receipts/{receipt}/refunds", amount_cents=1, reason="Not ours.")
        return {"waiting": receipt, "refund": refund}

    async def papers(self, siren: str) -> dict[str, str]:
        """Proposed bank details and a certificate of a firm, and an account that is proposed: ids by name."""
        number, digest = 1 + secrets.randbelow(99_999_999), secrets.token_hex(32)
        account = {"iban": iban_from(number), "holder_name": "Firm"}
        certificate = {"kind": "tax", "issued_on": "2023-10-02", "valid_until_on": "2024-03-30", "sha256": digest}
        posted = {"bank_details": ("bank-details", account), "certificate": ("certificates", certificate)}
        made = {
            name: str(ok(await self.clients["territory"].post(f"firms/{siren}/{path}", body), 201)["id"])
            for name, (path, body) in posted.items()
        }
        return made | {"bank_account": await self.bank_account()}

    async def bank_account(self, *, approved: bool = False, organisation: str = "office", number: int = 0) -> str:
        """The id of an account of an organisation, proposed by a treasurer of its own; another one approves it."""
        path = f"/v1/organisations/{self.organisations[organisation]}/bank-accounts"
        number = number or 1 + secrets.randbelow(99_999_999)
        body = {"label": secrets.token_hex(4), "iban": iban_from(number), "from_on": "2020-01-01"}
        made = ok(await self.clients["treasurer"].post(path, body), 201)
        if approved:
            name = f"treasurer {secrets.token_hex(4)}"
            async with self.pool.acquire() as connection:
                second = await self.add_subject(connection, name, organisation, "treasurer")
            ok(await second.post(f"{path}/{made['id']}/approve", headers={"If-Match": '"1"'}))
        return str(made["id"])

    async def rates(self, mission: Mission, *, day_rate_cents: int = 100_000) -> None:
        """Both consultants are seniors, and both members have a rate for seniors."""
        operator = self.clients["operator"]
        for role, consultant in (("lead", mission.lead_consultant), ("partner", mission.partner_consultant)):
            ok(await operator.patch(f"consultants/{consultant}", {"profile": "senior"}))
            rate = {"organisation_id": str(self.organisations[role]), "profile": "senior", "from_on": "2020-01-01"}
            ok(await operator.post(f"missions/{mission.id}/rates", {**rate, "day_rate_cents": day_rate_cents}), 201)

    async def certify(self, mission: Mission, *, of: str = "partner", **more: Any) -> Any:
        """A certificate of all validated days of a member, at the rate of `rates` where it has none."""
        known = ok(await self.clients["operator"].get(f"missions/{mission.id}/rates"))
        if not known["items"]:
            await self.rates(mission)
        body = {"mission_id": mission.id, "organisation_id": str(self.organisations[of]), "from_on": "2020-01-01",
                "to_on": "2199-12-31"}  # fmt: skip
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        return ok(await self.clients["operator"].post("service-certificates", {**body, **more}, headers=headers), 201)

    async def followed_firm(self, name: str = "Firm") -> str:
        """A firm that this territory follows."""
        siren = fresh_siren()
        if await self.copy(("followed", name), siren) is None:
            ok(await self.clients["territory"].put(f"/v1/firms/{siren}", {"name": name}))
            ok(await self.clients["territory"].put(f"firms/{siren}", {"stage": "identified"}))
            await self.keep(("followed", name), FOLLOWED, siren, None, siren)
        return siren

    async def contact(self, siren: str | None = None, **more: Any) -> dict[str, Any]:
        """A person of a firm that this territory follows."""
        body = {
            "siren": siren or await self.followed_firm(), "name": f"Contact {next(_NUMBERS)}",
            "purpose": "engineering_mission", "legal_basis": "public_task",
            "retain_until_on": (clock.today() + timedelta(days=365)).isoformat(), **more,
        }  # fmt: skip
        found: dict[str, Any] = ok(await self.clients["territory"].post("contacts", body), 201)
        return found

    async def audition(self, *sirens: str, **more: Any) -> dict[str, Any]:
        """A planned audition of the firms, or of one that is made for it."""
        firms = list(sirens) or [await self.followed_firm()]
        body = {"kind": "interview", "sirens": firms, "planned_on": "2023-07-04", **more}
        found: dict[str, Any] = ok(await self.clients["consultant"].post("auditions", body), 201)
        return found

    async def meeting(self, **more: Any) -> dict[str, Any]:
        """A planned meeting of the territorial committee with two chairs and a third member."""
        members = [
            {"kind": "person", "name": "First Chair", "function": "sous-préfecture", "chair": True},
            {"kind": "organisation", "name": "Agglomeration", "chair": True},
            {"kind": "organisation", "name": "Operator"},
        ]
        body = {"level": "territorial", "planned_at": "2023-10-03T12:00:00Z", "quorum": 2, "members": members, **more}
        found: dict[str, Any] = ok(await self.clients["territory"].post("committees", body), 201)
        return found

    async def meetings(self) -> dict[str, str]:
        """A committee, a contact, an audition in which it takes part, and a note of it: their ids by name."""
        contact = await self.contact()
        audition = await self.audition(
            contact["siren"],
            contact_ids=[contact["id"]],
            needs=[{"category": "financing", "description": "Five-axis machining centre"}],
        )
        note = ok(await self.clients["lead"].post(f"auditions/{audition['id']}/notes", {"body": "Quietly."}), 201)
        committee = await self.meeting()
        found = {"contact": contact, "audition": audition, "note": note, "committee": committee}
        return {name: str(item["id"]) for name, item in found.items()}

    async def plans(self) -> dict[str, str]:
        """A project with a financing plan, a statement and an observation, and an adopted roadmap: their ids by name.

        Every call makes another project, and another roadmap that replaces the one before.
        """
        staff = self.clients["territory"]
        holders = [{"kind": "association", "name": "Association (synthetic)"}]
        body = {
            "title": "Project",
            "kind": "other",
            "maturity": "idea",
            "holders": holders,
            "detected_on": "2023-07-04",
            "costs": [{"label": "Machine", "kind": "tangible_asset", "amount_cents": 100_000_00}],
        }
        project = ok(await staff.post("projects", body), 201)["id"]
        lines = [{"kind": "loan", "source": "Bank", "amount_cents": 60_000_00, "status": "requested"}]
        plan = ok(await staff.put(f"projects/{project}/financing", {"status": "draft", "lines": lines}), 201)["id"]
        statement = {"sources_searched": ["ADEME"]}
        statement = ok(await staff.post(f"projects/{project}/funding-statements", statement), 201)["id"]
        jobs = {"after_months": 12, "observed_on": "2024-07-04", "jobs_created_fte": 1, "jobs_maintained_fte": 0,
                "evidence": "DSN"}  # fmt: skip
        jobs = ok(await staff.post(f"projects/{project}/job-observations", jobs), 201)["id"]
        known = ok(await staff.get("roadmap/versions?status=adopted"))["items"]
        about = {"project_ids": [project], "sirens": [await self.followed_firm()]}
        axes = [{"title": "Axis", "actions": [{"title": "Action"}, {"title": f"Action of {project}", **about}]}]
        days = {"title": "Roadmap", "starts_on": "2023-10-03", "ends_on": "2027-12-31", "axes": axes}
        roadmap = ok(await staff.post("roadmap/versions", days), 201)["id"]
        held_at = f"2023-10-{3 + known[0]['number'] if known else 3:02}T12:00:00Z"
        meeting = (await self.meeting(planned_at=held_at))["id"]
        ok(await staff.post(f"committees/{meeting}/hold", {"held_at": held_at}), 200)
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        adoption = {"committee_id": meeting}
        presiding = self.clients["committee"]
        adopted = ok(await presiding.post(f"roadmap/versions/{roadmap}/adopt", adoption, headers=headers), 200)
        action = adopted["axes"][0]["actions"][0]["id"]
        ok(await staff.post(f"roadmap/actions/{action}/states", {"state": "in_progress"}), 200)
        return {"project": project, "plan": plan, "statement": statement, "jobs": jobs, "roadmap": roadmap,
                "action": action}  # fmt: skip

    async def differences(self, engine: Any) -> list[Any]:
        """What `rebond check` says of this territory's balances; other tests cheat in theirs, in the same database."""
        rows = await self.pool.fetch(
            "SELECT id::text FROM missions WHERE territory = $1 UNION SELECT person_id::text FROM consultants"
            " WHERE territory = $1 UNION SELECT id::text FROM service_certificates WHERE territory = $1"
            " UNION SELECT framework_id::text FROM orders JOIN missions m ON m.id = mission_id WHERE territory = $1"
            " AND framework_id IS NOT NULL UNION SELECT $1",
            self.territory,
        )
        ours = [row[0] for row in rows]
        checked, found = await differences(engine)
        assert checked
        return [each for each in found if any(name in each.key for name in ours)]

    async def events(self, resource_id: Any) -> list[Any]:
        """The events of one object (type, data, …), oldest first, as stored: the feed shows them a little later."""
        rows: list[Any] = await self.pool.fetch(
            "SELECT * FROM events WHERE resource_id = $1 ORDER BY sequence", str(resource_id)
        )
        return rows

    async def shown(
        self, client: Client, query: str, enough: Callable[[list[dict[str, Any]]], bool] = bool
    ) -> list[dict[str, Any]]:
        """What the feed shows a caller, once that is enough: an older transaction, anywhere on the server, holds its
        horizon back until it ends.
        """
        items: list[dict[str, Any]]
        async with asyncio.timeout(20):
            while not enough(items := ok(await client.get(f"/v1/events?{query}"))["items"]):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return items

    async def follow_up(self) -> dict[str, Any]:
        """The days of this territory, as the operator reads them."""
        found: dict[str, Any] = ok(await self.clients["operator"].get("engineering"))
        return found


def dumps(value: Any) -> bytes:
    """JSON as bytes, for requests whose body is sent as it is."""
    return json.dumps(value).encode()
