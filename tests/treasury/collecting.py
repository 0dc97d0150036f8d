"""A firm with a mandate, and what is collected of it."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.core import clock
from app.core.values import iban_from
from app.treasury.runs import pain
from tests.advances.accounts import Books
from tests.contract.cures import key
from tests.envelopes.acts import Acts
from tests.world import Client, World, ok

LINES = {"instalments": 4, "frequency": "quarterly", "first_due_on": "2024-03-31"}
IDENTIFIER = "FR72ZZZ123456"
ANY = {"If-Match": "*"}
TODAY = clock.today().isoformat()
SOON = (clock.today() + timedelta(days=5)).isoformat()
NAMESPACE = {"": f"urn:iso:std:iso:20022:tech:xsd:{pain.DEBIT_FORMAT}"}


@dataclass
class Collecting:
    """A firm with a mandate, and an account that its instalments are collected to."""

    books: Books
    account: str
    iban: str
    payer: str
    details: str

    @classmethod
    async def of(cls, world: World, *, mandate: bool = True) -> "Collecting":
        return await cls.by(Books(Acts(world, await world.followed_firm())), 100_000_00, mandate=mandate)

    @classmethod
    async def by(cls, books: Books, cents: int, *, mandate: bool = True) -> "Collecting":
        world = books.world
        ok(await books.acts.contribute(cents), 201)
        numbers = [1 + secrets.randbelow(99_999_999) for _ in range(2)]
        path = f"/v1/organisations/{world.organisations['office']}/bank-accounts"
        body = {"label": secrets.token_hex(4), "iban": iban_from(numbers[0]), "from_on": "2020-01-01",
                "creditor_identifier": IDENTIFIER}  # fmt: skip
        made = ok(await world.treasurer.post(path, body), 201)
        ok(await (await books.other()).post(f"{path}/{made['id']}/approve", headers=ANY))
        details = str(await books.acts.payee(numbers[1]))
        collecting = cls(books, str(made["id"]), iban_from(numbers[0]), iban_from(numbers[1]), details)
        if mandate:
            ok(await collecting.sign(), 201)
        return collecting

    @classmethod
    async def beside(cls, world: World, siren: str) -> "Collecting":
        """The same of a firm that has other acts in its world."""
        return await cls.by(Books(Acts(world, siren, numbers=1_000 + secrets.randbelow(1_000_000))), 100_000)

    @property
    def treasurer(self) -> Client:
        return self.books.treasurer

    @property
    def mandates(self) -> str:
        return f"firms/{self.books.acts.firm}/mandates"

    async def sign(self, by: Client | None = None, **more: Any) -> Any:
        body = {"reference": f"RUM-{secrets.token_hex(4)}", "signed_on": "2024-01-02", "bank_details_id": self.details}
        return await (by or self.treasurer).post(self.mandates, {**body, **more})

    async def make(self, by: Client | None = None, dry: bool = False, **more: Any) -> Any:
        body = {"account_id": self.account, "due_to_on": "2024-06-30", "collection_on": SOON, **more}
        return await (by or self.treasurer).post(f"collection-runs?dry_run={str(dry).lower()}", body, headers=key())

    async def made(self, **more: Any) -> str:
        return str(ok(await self.make(**more), 201)["id"])

    async def lines(self, run: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = ok(await self.treasurer.get(f"collection-runs/{run}/lines?sort=position"))[
            "items"
        ]
        return found

    async def file(self, run: str, by: Client | None = None) -> Any:
        return await (by or self.treasurer).get(f"collection-runs/{run}/file", headers={"Accept": "application/xml"})

    async def hand_over(self, run: str) -> Any:
        return ok(await self.treasurer.get(f"collection-runs/{run}/file"))

    async def act(self, line: dict[str, Any], verb: str, **body: Any) -> Any:
        path = f"collection-runs/{line['run_id']}/lines/{line['id']}/{verb}"
        return await self.treasurer.post(path, body, headers=key() | ANY)

    async def outstanding(self, advance: str) -> int:
        return int(ok(await self.treasurer.get(f"advances/{advance}"))["outstanding_cents"])


async def a_collection(world: World, siren: str) -> dict[str, str]:
    """A mandate of a firm, and a run with a line by it, which nobody has read: their ids by name."""
    c = await Collecting.beside(world, siren)
    advance = ok(await c.books.acts.advance(4_000, terms=LINES), 201)["id"]
    ok(await c.books.acts.tranche(advance, 3_600), 201)
    run = await c.made(due_to_on="2024-03-31")
    [line] = await c.lines(run)
    return {"mandate": line["mandate_id"], "collection": run, "debit": line["id"]}
