"""What one role exports and sends back changes nothing: of every kind, in every form, whatever was done before."""

import random
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest

from app.integrations.imports.importers import IMPORTERS
from tests.directory import siret_of
from tests.integrations.imports.files import carry_out
from tests.lives import FRESH, seed_of
from tests.world import World, ok

FORMS = ("csv", "csv-fr", "xlsx")
# For each kind who sends it back, and where it is exported; in braces what a life has made.
EXPORTS = {
    "organisations": ("admin", "/v1/organisations?q={territory}"),
    "persons": ("admin", "/v1/organisations/{office}/persons"),
    "members": ("admin", "/v1/members?territory={territory}"),
    "firms": ("territory", "/v1/firms?siren={siren}&siren={other}"),
    "sites": ("territory", "/v1/firms/{siren}/sites"),
    "legal_rates": ("programme", "/v1/legal-rates"),
    "refinancing_rates": ("programme", "/v1/refinancing-rates"),
    "perimeter": ("programme", "perimeter"),
    "firm_stages": ("territory", "firms"),
    "contacts": ("territory", "contacts"),
    "auditions": ("territory", "auditions"),
    "projects": ("territory", "projects"),
    "committees": ("territory", "committees"),
    "time_entries": ("lead", "time-entries"),
    "contributions": ("programme", "envelope/contributions"),
    "grants": ("funder", "grants"),
    "advances": ("funder", "advances"),
    "claim_lines": ("territory", "claim-lines"),
    "grant_payments": ("treasurer", "grant-payments"),
    "advance_tranches": ("treasurer", "advance-tranches"),
    "receipts": ("treasurer", "receipts"),
}
MORE = [("firm_stages", "territory", "firms/{siren}/stages")]  # a second address of a kind
NOT_EXPORTED = {
    "invoice_statuses": "what Chorus Pro says; the history of an invoice has its acts",
    "bank_statements": "the XML of a bank",
}
ODD = ["'-", "-5", "-", "NULL", "=1+1", "a;b", "a|b", "Direction, usine", "A\\B", "ＥＵＲ ＝1", "«\u00a0x\u00a0»"]
LIFE = 30


class _Life:
    """A world under random acts of everybody. What is refused is a part of it."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world, self.chance = world, chance
        self.sirens: list[str] = []
        self.made: dict[str, str] = {}
        self.ids: dict[str, list[str]] = {}
        self.mission: Any = None

    async def begin(self) -> None:
        world, staff = self.world, self.world.clients["territory"]
        self.made = await world.money()
        self.mission = await world.mission(days=40, partner=20)
        self.sirens = [self.made["firm"], await world.followed_firm(), await world.followed_firm()]
        for siren in self.sirens[:2]:
            ok(await staff.put(f"/v1/firms/{siren}", {"name": self.odd(), "trade_names": [self.odd(), self.odd()],
                                                      "naf_code": "25.62B", "naf_version": "naf_rev2"}))  # fmt: skip
            site = {"name": self.odd(), "insee_code": "30007", "closed": self.chance.random() < 0.5}
            ok(await staff.put(f"/v1/firms/{siren}/sites/{siret_of(siren)}", site))
        communes = [{"insee_code": "30007", "name": "Alès"}, {"insee_code": "30010", "name": self.odd()}]
        for vintage in (2023, 2024):
            ok(await world.programme.put(f"perimeter/{vintage}", {"communes": communes}), 201)
        self.ids = {"grants": [self.made["grant"]], "advances": [self.made["advance"]], "contributions": []}
        for act in self.acts():  # each once, then what chance says
            await act()

    def acts(self) -> list[Callable[[], Awaitable[None]]]:
        return [self.stage, self.contact, self.audition, self.project, self.committee, self.entry, self.contribution,
                self.grant, self.advance, self.payment, self.tranche, self.receipt, self.person]  # fmt: skip

    def odd(self) -> str:
        return self.chance.choice(ODD)

    def day(self, month: int = 7) -> str:
        return f"2023-{month:02}-{self.chance.randint(4, 7):02}"

    def maybe(self, share: float = 0.4) -> bool:
        return self.chance.random() < share

    async def post(self, role: str, path: str, body: Any = None) -> dict[str, Any] | None:
        """What was made; None where the act was refused."""
        headers = {"Idempotency-Key": secrets.token_hex(8)}
        if body is None or path.rpartition("/")[2] in ("reverse", "release", "bounce", "hold", "cancel", "erase"):
            headers["If-Match"] = "*"
        return self.taken(await self.world.clients[role].post(path, body, headers=headers))

    @staticmethod
    def taken(answer: httpx2.Response) -> dict[str, Any] | None:
        assert answer.status_code < 500, answer.text
        assert answer.status_code not in (400, 404, 422, 428), answer.text
        return answer.json() if answer.status_code < 400 else None

    async def stage(self) -> None:
        chosen = self.chance.choice(["solicited", "interviewed", "shortlisted", "declined", "unreachable"])
        body = {"stage": chosen, "reason": self.odd() + " x", "effective_on": self.day(self.chance.choice([5, 6]))}
        self.taken(await self.world.clients["territory"].put(f"firms/{self.chance.choice(self.sirens)}", body))
        size = {"eu_size": "small", "eu_size_evidence_on": "2023-06-30", "eu_size_source": self.odd()}
        self.taken(await self.world.clients["territory"].patch(f"firms/{self.chance.choice(self.sirens)}", size))

    async def contact(self) -> None:
        made = await self.world.contact(self.chance.choice(self.sirens), function=self.odd())
        if self.maybe():
            await self.post("territory", f"contacts/{made['id']}/erase")

    async def audition(self) -> None:
        chosen = self.chance.sample(self.sirens, self.chance.randint(1, 2))
        made = await self.world.audition(*chosen, planned_on=self.day(), place=self.odd())
        act = self.chance.choice(["no-show", "cancel", "hold", ""])
        if act == "hold":
            ok(
                await self.world.clients["territory"].post(
                    f"auditions/{made['id']}/hold", {"held_on": made["planned_on"]}
                )
            )
        elif act:
            ok(await self.world.clients["territory"].post(f"auditions/{made['id']}/{act}", {"reason": self.odd() * 3}))

    async def project(self) -> None:
        holders = [{"kind": "firm", "siren": self.chance.choice(self.sirens), "lead": False},
                   {"kind": "association", "name": self.odd(), "lead": True}]  # fmt: skip
        costs = [{"label": self.odd(), "kind": "tangible_asset", "amount_cents": self.chance.randint(1, 10**9)}]
        body = {"title": self.odd(), "kind": "building", "maturity": "idea", "detected_on": self.day(),
                "holders": holders, "costs": costs, "jobs_created_fte": 1.5}  # fmt: skip
        await self.post("territory", "projects", body)

    async def committee(self) -> None:
        at = f"{self.day(6)}T{self.chance.randint(8, 17):02}:30:59.{self.chance.randint(0, 999):03}Z"
        made = await self.world.meeting(planned_at=at, place=self.odd())
        act = self.chance.choice(["hold", "cancel", ""])
        if act == "hold":
            minutes = {"minutes": f"{self.odd()}\n{self.odd()}", "minutes_adopted_on": self.day()}
            await self.post("territory", f"committees/{made['id']}/hold", {"held_at": at, **minutes})
        elif act:
            await self.post("territory", f"committees/{made['id']}/cancel", {"reason": self.odd() * 2})

    async def entry(self) -> None:
        body = {"mission_id": self.mission.id, "consultant_id": self.mission.partner_consultant, "days": 0.25,
                "worked_on": self.day(), "activity": self.chance.choice(["audition", "analysis"]),
                "note": f"{self.odd()}\nb"}  # fmt: skip
        if self.maybe(0.5):
            body["siren"] = self.chance.choice(self.sirens)
        if (made := await self.post("consultant", "time-entries", body)) is not None and self.maybe(0.6):
            act = self.chance.choice(["reverse", "validate", "reject"])
            reason = None if act == "validate" else {"reason": "As it is."}
            await self.post("consultant" if act == "reverse" else "lead", f"time-entries/{made['id']}/{act}", reason)

    async def contribution(self) -> None:
        body = {"organisation_id": str(self.world.organisations["lead"]), "decided_on": self.day(6),
                "amount_cents": self.chance.randint(1, 10**8), "reference": self.odd() + secrets.token_hex(2),
                "repayment_policy": self.chance.choice(["return", "recycle"])}  # fmt: skip
        made = await self.post("programme", "envelope/contributions", body)
        if made is not None and self.maybe():
            reversal = {"reason": "Twice."}
            await self.post("programme", f"envelope/contributions/{made['id']}/reverse", reversal)

    def award(self) -> dict[str, Any]:
        base = {"scheme": "rebond_industriel", "base_cents": 50_000_00} if self.maybe() else {}
        if base and self.maybe(0.7):
            base["lines"] = [{"label": self.odd(), "kind": "tangible_asset", "amount_cents": cents}
                             for cents in (20_000_00, 30_000_00)]  # fmt: skip
        return {"siren": self.chance.choice(self.sirens), "project_title": self.odd(), "decided_on": self.day(10),
                "amount_cents": self.chance.randint(1_000_00, 5_000_00), **base,
                "decision_reference": self.odd() + secrets.token_hex(3)}  # fmt: skip

    async def ended(self, made: dict[str, Any] | None, of: str) -> None:
        if made is None:
            return
        self.ids[of].append(made["id"])
        if self.maybe(0.3):
            act = self.chance.choice(["reverse", "release"])
            await self.post("funder", f"{of}/{made['id']}/{act}", {"reason": "As it is."})

    async def grant(self) -> None:
        await self.ended(await self.post("funder", "grants", self.award()), "grants")

    async def advance(self) -> None:
        terms: dict[str, Any] = self.chance.choice([
            {"instalments": 12, "frequency": "quarterly", "first_due_on": "2024-03-31", "annual_rate_bp": 150,
             "grace_periods": 2, "grace_kind": "interest_only", "day_count": "act_365"},
            {"shape": "custom", "lines": [{"due_on": "2024-06-30", "principal_cents": 500_00},
                                          {"due_on": "2025-06-30", "principal_cents": 500_00}]},
            {"instalments": 3, "frequency": "yearly", "first_due_on": "2024-12-31", "shape": "steps",
             "steps": [{"instalments": 1, "amount_cents": 200_00}, {"instalments": 2, "amount_cents": 400_00}],
             "tranches": [{"document": self.odd()}, {"document": None}]},
            {"instalments": 4, "frequency": "half_yearly", "first_due_on": "2024-06-30", "kind": "conditional",
             "success_fee": {"rate_bp": 50, "cap_bp": 1000}, "minimum_repayment_cents": 100_00,
             "late_rate": "contract", "late_rate_bp": 300},
        ])  # fmt: skip
        body = self.award() | {"terms": terms}
        if "lines" in terms or "steps" in terms:
            body["amount_cents"] = 1_000_00
        await self.ended(await self.post("funder", "advances", body), "advances")

    async def payment(self) -> None:
        path = f"grants/{self.chance.choice(self.ids['grants'])}/payments"
        body = {"amount_cents": self.chance.randint(1, 500_00), "paid_on": self.day(11), "kind": "advance_payment",
                "reference": self.odd() + secrets.token_hex(2)}  # fmt: skip
        made = await self.post("treasurer", path, body)
        if made is not None and self.maybe():
            await self.post("treasurer", f"{path}/{made['id']}/reverse", {"reason": "Twice."})

    async def tranche(self) -> None:
        path = f"advances/{self.chance.choice(self.ids['advances'])}/tranches"
        body = {"amount_cents": 10_00, "paid_on": self.day(11)}
        for _ in range(2):  # equal, without a reference
            made = await self.post("treasurer", path, body)
        if made is not None and self.maybe():
            await self.post("treasurer", f"{path}/{made['id']}/reverse", {"reason": "Twice."})

    async def receipt(self) -> None:
        body: dict[str, Any] = {"amount_cents": self.chance.randint(1, 500_00),
                                "received_on": f"2024-04-0{self.chance.randint(2, 9)}",
                                "reference": self.odd() + secrets.token_hex(2),
                                "method": self.chance.choice(["transfer", "other"])}  # fmt: skip
        if self.maybe(0.5):
            body["payer"] = {"name": self.odd(), "siren": self.chance.choice([None, self.sirens[0]])}
        if self.maybe(0.5):
            body["assignments"] = [{"advance_id": self.made["advance"], "amount_cents": body["amount_cents"]}]
        made = await self.post("treasurer", "receipts", body)
        if made is not None and self.maybe():
            bounced = {"bounced_on": "2024-04-10", "reason": "AC04", "bank_reference": "R"}
            act = self.chance.choice(["bounce", "reverse"])
            await self.post(
                "treasurer", f"receipts/{made['id']}/{act}", bounced if act == "bounce" else {"reason": "-"}
            )

    async def person(self) -> None:
        office = self.world.organisations["office"]
        body = {"name": self.odd(), "email": f"{secrets.token_hex(6)}@example.fr"}
        made = ok(await self.world.admin.post(f"/v1/organisations/{office}/persons", body), 201)
        if self.maybe():
            ok(await self.world.admin.patch(f"/v1/organisations/{office}/persons/{made['id']}", {"email": None}))

    def address(self, path: str) -> str:
        office = str(self.world.organisations["office"])
        return path.format(territory=self.world.territory, office=office, siren=self.sirens[0], other=self.sirens[1])


def test_every_kind_has_an_export_or_the_reason_why_it_has_none() -> None:
    assert EXPORTS.keys() | NOT_EXPORTED.keys() == IMPORTERS.keys()


EVENTS = "SELECT count(*) FROM events WHERE type NOT LIKE 'import.%' AND actor_id = ANY($1)"


@pytest.mark.parametrize("seed", [1, FRESH])
async def test_what_is_exported_and_sent_back_changes_nothing(world: World, seed: int | str) -> None:
    chance = random.Random(seed_of(seed))
    life = _Life(world, chance)
    await life.begin()
    for _ in range(LIFE):
        await chance.choice(life.acts())()
    before = await world.pool.fetchval(EVENTS, list(world.subjects.values()))
    exports = [(kind, *sent) for kind, sent in EXPORTS.items()] + MORE
    for kind, role, path in exports:
        client, address = world.clients[role], life.address(path)
        base = "/v1/imports" if IMPORTERS[kind].national else f"/v1/territories/{world.territory}/imports"
        for form in FORMS if seed != FRESH else [chance.choice(FORMS)]:  # a fresh life shows each kind in one form
            headers = {"Accept-Language": "fr"}
            export = await client.get(f"{address}{'&' if '?' in address else '?'}format={form}", headers=headers)
            assert export.status_code == 200, export.text
            ended = await carry_out(client, f"{base}?kind={kind}", export.content)
            told = [problem for problem in ended["problems"] if problem[3] == "blocking"]
            assert (ended["status"], told, ended["problem"]) == ("succeeded", [], None), (kind, form)
            assert 0 < ended["rows_read"] == ended["rows_unchanged"], (kind, form, ended)
    assert await world.pool.fetchval(EVENTS, list(world.subjects.values())) == before
