"""How the aids of the Alès demonstration live: one paid in part, one closed lower than awarded, one in recovery, one
lapsed. All of it is synthetic.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from app.access.rules import Role
from app.advances.service import ADVANCE
from app.awards import service as awards
from app.awards.claims import schemas as claims_schemas
from app.awards.claims import service as claims
from app.awards.claims.models import ClaimLine, ExpenseClaim
from app.awards.commitments import schemas as commitments_schemas
from app.awards.commitments import service as commitments
from app.awards.commitments.models import Commitment
from app.awards.commitments.rules import CommitmentOutcome
from app.awards.kinds import AwardKind
from app.awards.life import schemas
from app.awards.life import service as life
from app.awards.models import AidAct, AidActRecord, AidLine
from app.awards.recoveries import schemas as recoveries_schemas
from app.awards.recoveries import service as recoveries
from app.awards.recoveries.models import Recovery, RecoveryReceipt
from app.awards.recoveries.rules import RecoveryCause
from app.core.writing.writes import Change, Write
from app.demo.story import Story
from app.grants.models import Grant
from app.grants.service import GRANT

ALES = "ales"
EURO = 100
NOTIFIED, SIGNED_BY_FIRM, AGREED = date(2023, 10, 20), date(2023, 11, 6), date(2023, 11, 10)
PAYMENT_TERMS = "30 % au commencement, des acomptes sur dépenses certifiées jusqu'à 80 %, le solde à l'achèvement."
RECOVERY_TERMS = "L'aide est reversée en tout ou partie si l'objet change, ou si l'investissement n'est pas maintenu."

Step = Callable[[Write, Story], Awaitable[Change | list[Change]]]
Steps = list[tuple[Select[Any], str | None, Step]]  # what is there once it is done, who does it, and how


@dataclass(frozen=True)
class StoryAid:
    """The aid of an award, by its external id: the planned days, and the day on which the project started."""

    award: str
    planned: tuple[date, date]
    started_on: date | None
    agreed: bool = True
    more_months: int = 0

    @property
    def kind(self) -> AwardKind:
        return GRANT if self.award.startswith("demo-grant") else ADVANCE


PAID_IN_PART = StoryAid("demo-grant-1", (date(2023, 11, 13), date(2025, 9, 30)), date(2023, 11, 13))
CLOSED_LOWER = StoryAid("demo-grant-2", (date(2023, 11, 20), date(2024, 4, 30)), date(2023, 11, 20))
IN_RECOVERY = StoryAid("demo-grant-3", (date(2024, 4, 2), date(2026, 3, 31)), date(2024, 4, 8))
LAPSED = StoryAid("demo-grant-4", (date(2024, 1, 8), date(2025, 6, 30)), None, agreed=False)
LIVES = (
    PAID_IN_PART, CLOSED_LOWER, IN_RECOVERY, LAPSED,
    StoryAid("demo-advance-1", (date(2023, 11, 13), date(2025, 6, 30)), date(2023, 11, 15)),
    StoryAid("demo-advance-2", (date(2023, 11, 13), date(2024, 6, 28)), date(2023, 11, 16)),
    StoryAid("demo-advance-3", (date(2025, 1, 6), date(2026, 12, 31)), date(2026, 2, 2), more_months=12),
    StoryAid("demo-advance-4", (date(2023, 11, 13), date(2024, 12, 20)), date(2023, 11, 14)),
    StoryAid("demo-advance-5", (date(2023, 11, 13), date(2024, 11, 29)), date(2023, 11, 17)),
)  # fmt: skip
LAPSED_ON = date(2025, 10, 21)  # 24 months after the notification
SOLD_ON = date(2025, 9, 15)  # a machine of the third


@dataclass(frozen=True)
class StoryClaim:
    """A claim: for each line of the decision the euros declared, paid on a day, and those of it that do not count."""

    of: StoryAid
    number: int
    declared: tuple[int, int]
    paid_on: date
    refused: int = 0
    settled_on: date | None = None

    @property
    def external_id(self) -> str:
        return f"{self.of.award}-claim-{self.number}"


FIRST_CLAIMS = (
    StoryClaim(PAID_IN_PART, 1, (1_500_000, 64_000), date(2024, 7, 12), 4_000, date(2024, 8, 30)),
    StoryClaim(CLOSED_LOWER, 1, (860_000, 133_600), date(2024, 4, 26), 0, date(2024, 5, 24)),
    StoryClaim(IN_RECOVERY, 1, (150_000, 15_600), date(2025, 2, 14), 0, date(2025, 3, 28)),
)
LAST_CLAIM = StoryClaim(PAID_IN_PART, 2, (390_000, 150_000), date(2025, 9, 26))


def sha256(of: str) -> str:
    """The digest of a document that the demonstration does not have."""
    return hashlib.sha256(f"{of} (demonstration)".encode()).hexdigest()


def _award(lived: StoryAid) -> Select[UUID]:
    table = lived.kind.table
    mine: Select[UUID] = select(table.id).where(table.territory == ALES, table.external_id == lived.award)
    return mine


async def _id(story: Story, lived: StoryAid) -> UUID:
    found: UUID = (await story.scalars(_award(lived)))[0]
    return found


def _acted(lived: StoryAid, act: AidAct) -> Select[UUID]:
    """The act on the aid of an award, once it was done."""
    a, table = AidActRecord, lived.kind.table
    of_aid = select(table.aid_id).where(table.territory == ALES, table.external_id == lived.award)
    return select(a.id).where(a.aid_id.in_(of_aid), a.act == act)


# --- notified, agreed, started ----------------------------------------------------------------------------------------


async def _begin(write: Write, story: Story) -> list[Change]:
    changes: list[Change] = []
    for lived in LIVES:
        changes += await _notify(write, story, lived)
    return changes


async def _notify(write: Write, story: Story, lived: StoryAid) -> list[Change]:
    at: tuple[Write, AwardKind, str, UUID] = (write, lived.kind, ALES, await _id(story, lived))
    starts, ends = lived.planned
    told = schemas.Notification(
        notified_on=NOTIFIED, planned_start_on=starts, planned_end_on=ends, payment_terms=PAYMENT_TERMS,
        recovery_terms=RECOVERY_TERMS, document_sha256=sha256(f"notification of {lived.award}"),
    )  # fmt: skip
    changes = await life.notify(*at, told)
    if lived.agreed:
        agreement = schemas.AgreementPut(
            reference=f"CONV-{lived.award}", signed_by_firm_on=SIGNED_BY_FIRM, signed_by_funder_on=AGREED,
            document_sha256=sha256(f"agreement of {lived.award}"),
        )  # fmt: skip
        changes += await life.sign(*at, agreement)
    if lived.more_months:
        more = schemas.StartExtension(
            months=lived.more_months, requested_on=date(2025, 9, 22), reason="Le fabricant livre avec retard."
        )
        changes += await life.extend_start(*at, more)
    if lived.started_on is not None:
        first_order = schemas.Start(started_on=lived.started_on, proof_sha256=sha256(f"order of {lived.award}"))
        changes += await life.start(*at, first_order)
    return changes


# --- claims -----------------------------------------------------------------------------------------------------------


def _claimed(claim: StoryClaim) -> Select[UUID]:
    c = ExpenseClaim
    return select(c.id).where(c.territory == ALES, c.external_id == claim.external_id)


async def _submit_first(write: Write, story: Story) -> list[Change]:
    return [await _submit(write, story, claim) for claim in FIRST_CLAIMS]


async def _submit_last(write: Write, story: Story) -> Change:
    return await _submit(write, story, LAST_CLAIM)


async def _submit(write: Write, story: Story, claim: StoryClaim) -> Change:
    award_id = await _id(story, claim.of)
    table = claim.of.kind.table
    aid_id = select(table.aid_id).where(table.id == award_id).scalar_subquery()
    lines = await write.session.scalars(select(AidLine.id).where(AidLine.aid_id == aid_id).order_by(AidLine.position))
    body = claims_schemas.ClaimCreate(
        external_id=claim.external_id,
        lines=[
            claims_schemas.ClaimLineBody(
                invoice_number=f"F-{claim.of.award[-1]}{claim.number}{place}",
                supplier_name="Fournisseur (demonstration)",
                invoiced_on=claim.paid_on - timedelta(days=30),
                paid_on=claim.paid_on,
                amount_excl_vat_cents=euros * EURO,
                line_id=line_id,
                proof_sha256=sha256(f"invoice {place} of {claim.external_id}"),
            )
            for place, (line_id, euros) in enumerate(zip(lines, claim.declared, strict=True), start=1)
        ],
    )
    return await claims.submit(write, ALES, award_id, body, claim.of.kind)


async def _settle_first(write: Write, story: Story) -> list[Change]:
    """What is refused of a claim is refused of its last line."""
    changes = []
    for claim in FIRST_CLAIMS:
        [claim_id] = await story.scalars(_claimed(claim))
        of_claim = select(ClaimLine.id).where(ClaimLine.claim_id == claim_id).order_by(ClaimLine.position)
        refused = (0, claim.refused * EURO)
        body = claims_schemas.ClaimSettle(
            settled_on=claim.settled_on,
            lines=[
                claims_schemas.VerdictBody(
                    id=line_id, certified_cents=euros * EURO - cents, not_eligible_cents=cents,
                    note="La formation n'est pas un actif." if cents else None,
                )
                for line_id, euros, cents in zip(await story.scalars(of_claim), claim.declared, refused, strict=True)
            ],
        )  # fmt: skip
        award_id = await _id(story, claim.of)
        changes.append(await claims.settle(write, ALES, award_id, claim_id, body, claim.of.kind))
    return changes


# --- completed, kept, given up ----------------------------------------------------------------------------------------


async def _complete_second(write: Write, story: Story) -> list[Change]:
    done = schemas.Completion(
        completed_on=date(2024, 4, 30), declared_on=date(2024, 5, 10), final_cost_cents=1_043_600 * EURO, public_aid=[],
        document_sha256=sha256("statement of demo-grant-2"),
    )  # fmt: skip
    return await life.complete(write, GRANT, ALES, await _id(story, CLOSED_LOWER), done)


async def _complete_first(write: Write, story: Story) -> list[Change]:
    done = schemas.Completion(
        completed_on=date(2025, 9, 30), declared_on=date(2025, 11, 20), final_cost_cents=2_250_000 * EURO,
        public_aid=[], document_sha256=sha256("statement of demo-grant-1"),
    )  # fmt: skip
    return await life.complete(write, GRANT, ALES, await _id(story, PAID_IN_PART), done)


def _first_commitment() -> Select[UUID]:
    """The first that the second grant's firm owes: its jobs, twelve months after the completion."""
    c = Commitment
    of_aid = select(Grant.aid_id).where(Grant.territory == ALES, Grant.external_id == CLOSED_LOWER.award)
    return select(c.id).where(c.aid_id.in_(of_aid), c.kind == "jobs", c.months == 12)


async def _report_jobs(write: Write, story: Story) -> list[Change]:
    [owed] = await story.scalars(_first_commitment())
    counted = commitments_schemas.CommitmentReportCreate(
        observed_on=date(2025, 4, 30), text="Cinq emplois créés, tous occupés.", jobs_fte=Decimal(5),
        document_sha256=sha256("jobs of demo-grant-2"),
    )  # fmt: skip
    return await commitments.report(write, ALES, await _id(story, CLOSED_LOWER), owed, counted, GRANT)


async def _judge_jobs(write: Write, story: Story) -> list[Change]:
    [owed] = await story.scalars(_first_commitment())
    body = commitments_schemas.CommitmentJudgment(
        outcome=CommitmentOutcome.MET, judged_on=date(2025, 5, 19), reason="Cinq emplois sur cinq."
    )
    return await commitments.judge(write, ALES, await _id(story, CLOSED_LOWER), owed, body, GRANT)


async def _lapse(write: Write, _story: Story) -> list[Change]:
    """What time has done by the day after the fourth grant's last one, as `rebond tick` does it."""
    _, changes = await awards.take_unstarted(write, LAPSED_ON)
    return changes


# --- in recovery ------------------------------------------------------------------------------------------------------


def _recoveries() -> Select[UUID]:
    return select(Recovery.id).where(Recovery.territory == ALES)


async def _claim_back(write: Write, story: Story) -> list[Change]:
    """The third grant's firm has sold a machine: it was told, has not replied, and is ordered to pay."""
    grant_id = await _id(story, IN_RECOVERY)
    found = recoveries_schemas.RecoveryCreate(
        cause=RecoveryCause.OBJECT_CHANGED, amount_cents=9_000 * EURO, opened_on=SOLD_ON,
        reason="Une machine aidée a été vendue.", document_sha256=sha256("sale of demo-grant-3"),
    )  # fmt: skip
    changes = await recoveries.claim_back(write, ALES, grant_id, found)
    [opened] = next(change for change in changes if change.type == "recovery.opened").keys
    told = recoveries_schemas.RecoveryNotice(notified_on=date(2025, 10, 6), reply_until_on=date(2025, 10, 27))
    order = recoveries_schemas.RecoveryOrder(
        order_number="DEMO-TP-1", ordered_on=date(2025, 11, 17), due_on=date(2026, 1, 31)
    )
    changes += await recoveries.notify(write, ALES, grant_id, opened, told)
    return changes + await recoveries.order(write, ALES, grant_id, opened, order)


async def _receive(write: Write, story: Story) -> list[Change]:
    [owed] = await story.scalars(_recoveries())
    body = recoveries_schemas.RecoveryReceiptCreate(
        amount_cents=3_000 * EURO, received_on=date(2026, 1, 15), bank_reference="DEMO-REV-1"
    )
    return await recoveries.receive(write, ALES, await _id(story, IN_RECOVERY), owed, body)


UNTIL_PAID: Steps = [
    (_acted(PAID_IN_PART, AidAct.NOTIFY), Role.FUNDER, _begin),
    (_claimed(FIRST_CLAIMS[0]), Role.TERRITORY, _submit_first),
    (_claimed(FIRST_CLAIMS[0]).where(ExpenseClaim.settled_on.is_not(None)), Role.FUNDER, _settle_first),
    (_acted(CLOSED_LOWER, AidAct.COMPLETE), Role.FUNDER, _complete_second),
]
ONCE_PAID: Steps = [
    (_first_commitment().where(Commitment.reports > 0), Role.TERRITORY, _report_jobs),
    (_first_commitment().where(Commitment.outcome.is_not(None)), Role.FUNDER, _judge_jobs),
    (_recoveries(), Role.FUNDER, _claim_back),
    (select(RecoveryReceipt.id).where(RecoveryReceipt.territory == ALES), Role.TREASURER, _receive),
    (_acted(PAID_IN_PART, AidAct.COMPLETE), Role.FUNDER, _complete_first),
    (_claimed(LAST_CLAIM), Role.TERRITORY, _submit_last),
    (_award(LAPSED).where(Grant.ended_as == "lapsed"), None, _lapse),
]
