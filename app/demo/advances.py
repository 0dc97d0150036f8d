"""How the five advances of the Alès demonstration are paid out and repaid. All of it is synthetic.

One is repaid on time; one paid late, after a formal notice, with late interest, and is late again; one is rescheduled;
one is repaid early; one has failed and is waived in part.
"""

from datetime import date
from uuid import UUID

from sqlalchemy import Select, select

from app.access.rules import Role
from app.advances import schemas, service
from app.advances.amendments import firm
from app.advances.amendments import schemas as amendments_schemas
from app.advances.amendments import service as amendments
from app.advances.amendments.models import Amendment, AnnouncedRepayment
from app.advances.amendments.rules import AmendmentStatus, RescheduleKind, Waived
from app.advances.arrears import schemas as arrears_schemas
from app.advances.arrears import service as arrears
from app.advances.arrears.models import FormalNotice
from app.advances.legal_rates import schemas as rates_schemas
from app.advances.legal_rates import service as legal_rates
from app.advances.legal_rates.models import LegalRate
from app.advances.models import Advance, Repayment
from app.advances.position import EarlyChoice
from app.advances.receipts.rules import ReceiptMethod
from app.advances.receipts.schemas import Bounce
from app.advances.rules import AdvanceTermsKind
from app.advances.schedule import DueDates, Frequency
from app.advances.tranches import schemas as tranches_schemas
from app.advances.tranches.models import Tranche
from app.advances.tranches.service import ADVANCE_TRANCHES
from app.advances.versions import LateInterest, WaiverShare
from app.awards import service as awards
from app.awards.payments import service as payments
from app.awards.schemas import Release
from app.core.writing.writes import Change, Write
from app.demo.aids import ALES, EURO, Steps, sha256
from app.demo.story import Story
from app.envelopes import schemas as envelopes_schemas

SETTLED_LATE, ON_TIME, RESCHEDULED, REPAID_EARLY, FAILED = (f"demo-advance-{number}" for number in range(1, 6))
QUARTERS = [
    date(year, month, day) for year in (2024, 2025, 2026) for month, day in ((3, 31), (6, 30), (9, 30), (12, 31))
]
# Euros and day of the one tranche of each. Half of the second was not needed, and is released.
TRANCHES = {
    SETTLED_LATE: (300_000, date(2023, 11, 20)), ON_TIME: (100_000, date(2023, 11, 20)),
    RESCHEDULED: (60_000, date(2026, 2, 16)), REPAID_EARLY: (42_000, date(2023, 11, 20)),
    FAILED: (48_000, date(2023, 11, 20)),
}  # fmt: skip
RELEASED_ON = date(2024, 6, 28)
UNTIL = QUARTERS.index(date(2025, 3, 31))  # what came before the acts of 2025 and 2026
DUE = QUARTERS.index(date(2026, 9, 30))  # the last quarter that has come

SENT_BACK_ON, NOTICED_ON, RECEIVED_ON = date(2025, 4, 3), date(2025, 4, 14), date(2025, 4, 17)
SETTLED_ON, LATE_INTEREST_CENTS = date(2025, 6, 16), 15_247  # 60 days at 3.71 % on 25 000 €
REPAID_ON, REST_CENTS = date(2025, 2, 17), 28_000 * EURO
ASKED_ON, FOUND_ON, WAIVED_ON, WAIVED_CENTS = date(2025, 1, 20), date(2025, 2, 6), date(2025, 3, 3), 20_000 * EURO
MOVED_ON, FIRST_NEW_ON = date(2026, 3, 23), date(2026, 9, 30)
# Who gives notice of the late line of the first advance reads its late interest: the rates are assumed, and say so.
ASSUMED_RATES = [date(2026, 7, 1), date(2027, 1, 1), date(2027, 7, 1)]
ASSUMED_BP, ASSUMED = 262, "Demonstration: assumed to be that of the first half-year of 2026, until it is corrected"


def terms(advance: str) -> schemas.Terms:
    """How an advance is repaid, by its external id: twelve quarters without interest."""
    failing = advance == FAILED
    return schemas.Terms(
        instalments=len(QUARTERS), frequency=Frequency.QUARTERLY, due_dates=DueDates.PERIOD_END,
        first_due_on=QUARTERS[0], kind=AdvanceTermsKind.CONDITIONAL if failing else AdvanceTermsKind.FIXED,
        minimum_repayment_cents=10_000 * EURO if failing else None,
    )  # fmt: skip


def _advance(external_id: str) -> Select[UUID]:
    return select(Advance.id).where(Advance.territory == ALES, Advance.external_id == external_id)


async def _id(story: Story, external_id: str) -> UUID:
    found: UUID = (await story.scalars(_advance(external_id)))[0]
    return found


def _amended(external_id: str) -> Select[UUID]:
    """What was asked of an advance."""
    return select(Amendment.id).where(Amendment.advance_id.in_(_advance(external_id)))


async def _pay_out(write: Write, story: Story) -> list[Change]:
    changes: list[Change] = []
    for external_id, (euros, day) in TRANCHES.items():
        tranche = tranches_schemas.TrancheCreate(amount_cents=euros * EURO, paid_on=day)
        changes += await payments.pay(write, ADVANCE_TRANCHES, ALES, await _id(story, external_id), tranche)
    return changes


async def _release_half(write: Write, story: Story) -> list[Change]:
    why = Release(reason="The works cost half of the plan.", released_on=RELEASED_ON)
    return await awards.release(write, service.ADVANCE, ALES, await _id(story, ON_TIME), why)


# --- repaid -----------------------------------------------------------------------------------------------------------


class _Firm:
    """The debits of an advance's firm, each with a reference of its own."""

    def __init__(self, write: Write, advance_id: UUID, external_id: str) -> None:
        self._write, self._advance_id = write, advance_id
        self._name = f"DEMO-PRLV-{external_id.rpartition('-')[2]}"
        self.changes: list[Change] = []

    @classmethod
    async def of(cls, write: Write, story: Story, external_id: str) -> "_Firm":
        return cls(write, await _id(story, external_id), external_id)

    async def pays(self, cents: int, on: date, note: str = "") -> UUID:
        """Money comes in; the repayment that it makes."""
        body = schemas.RepaymentCreate(
            amount_cents=cents, received_on=on, reference=f"{self._name}-{on}{note}",
            method=ReceiptMethod.DIRECT_DEBIT,
        )  # fmt: skip
        made = await service.receive_repayment(self._write, ALES, self._advance_id, body)
        self.changes += made
        repayment: UUID = next(change.keys[0] for change in made if change.type == "advance_repayment.created")
        return repayment

    async def pays_each(self, cents: int, days: list[date]) -> None:
        for day in days:
            await self.pays(cents, day)


async def _repay(write: Write, story: Story) -> list[Change]:
    """What came in until the acts of 2025; a debit that was recorded twice, and one that the bank sent back."""
    firms = {external_id: await _Firm.of(write, story, external_id) for external_id in TRANCHES}
    first = firms[SETTLED_LATE]
    await first.pays_each(25_000 * EURO, QUARTERS[:UNTIL])
    twice = await first.pays(25_000 * EURO, QUARTERS[UNTIL - 1], "-BIS")
    wrong = envelopes_schemas.Reversal(reason="The same debit was recorded twice.")
    first.changes += await service.reverse_repayment(write, ALES, await _id(story, SETTLED_LATE), twice, wrong)
    unpaid = await first.pays(25_000 * EURO, QUARTERS[UNTIL])
    back = Bounce(bounced_on=SENT_BACK_ON, reason="Insufficient funds.", bank_reference="DEMO-REJ-1")
    first.changes += await service.bounce_repayment(write, ALES, await _id(story, SETTLED_LATE), unpaid, back)
    await firms[ON_TIME].pays_each(833_333, QUARTERS[: DUE + 1])
    await firms[REPAID_EARLY].pays_each(3_500 * EURO, QUARTERS[:UNTIL])
    await firms[FAILED].pays_each(4_000 * EURO, QUARTERS[:UNTIL])
    return [change for each in firms.values() for change in each.changes]


async def _settle(write: Write, story: Story) -> list[Change]:
    """The firm of the first advance is given notice, pays with late interest, then on time but for the last quarter."""
    advance_id = await _id(story, SETTLED_LATE)
    notice = arrears_schemas.FormalNoticeCreate(
        lines=[QUARTERS[UNTIL]], sent_on=NOTICED_ON, received_on=RECEIVED_ON,
        document_sha256=sha256(f"notice of {SETTLED_LATE}"),
    )  # fmt: skip
    changes = await arrears.give_notice(write, ALES, advance_id, notice)
    debtor = await _Firm.of(write, story, SETTLED_LATE)
    await debtor.pays(25_000 * EURO + LATE_INTEREST_CENTS, SETTLED_ON)
    await debtor.pays_each(25_000 * EURO, QUARTERS[UNTIL + 1 : DUE])
    return [*changes, *debtor.changes]


# --- rescheduled, repaid early, waived --------------------------------------------------------------------------------


async def _ask(write: Write, story: Story) -> list[Change]:
    """What the territory's staff records for firms: a machine came late, a rest is repaid early, a bath has failed."""
    late = amendments_schemas.RescheduleCreate(
        kind=RescheduleKind.RE_AGE, instalments=8, first_on=FIRST_NEW_ON, late_interest=LateInterest.KEPT,
        reason="Le fabricant a livré la machine avec un an de retard.", requested_on=date(2026, 3, 2),
    )  # fmt: skip
    early = amendments_schemas.EarlyRepaymentCreate(
        amount_cents=REST_CENTS, planned_on=REPAID_ON, choice=EarlyChoice.SHORTEN
    )
    failed = amendments_schemas.WaiverCreate(reason="Les bains ne tiennent pas la cadence.", requested_on=ASKED_ON)
    return [
        *await amendments.request_reschedule(write, ALES, await _id(story, RESCHEDULED), late),
        *await firm.announce(write, ALES, await _id(story, REPAID_EARLY), early),
        *await amendments.request_waiver(write, ALES, await _id(story, FAILED), failed),
    ]


async def _find(write: Write, story: Story) -> list[Change]:
    [waiver] = await story.scalars(_amended(FAILED))
    found = amendments_schemas.Finding(found_on=FOUND_ON, finding="Trois essais sur cinq ont échoué.")
    return await amendments.find_failure(write, ALES, await _id(story, FAILED), waiver, found)


async def _decide(write: Write, story: Story) -> list[Change]:
    """The failed advance is waived by half; the rescheduled one has two years more."""
    [waiver], [reschedule] = await story.scalars(_amended(FAILED)), await story.scalars(_amended(RESCHEDULED))
    waived = amendments_schemas.WaiverDecision(
        waive=Waived.PART, amount_cents=WAIVED_CENTS, share=WaiverShare.PROPORTION, reference="DEMO-ABANDON-1",
        decided_on=WAIVED_ON, document_sha256=sha256(f"waiver of {FAILED}"),
    )  # fmt: skip
    moved = amendments_schemas.AmendmentApproval(
        reference="DEMO-AVENANT-1", decided_on=MOVED_ON, document_sha256=sha256(f"amendment of {RESCHEDULED}")
    )
    return [
        *await amendments.decide_waiver(write, ALES, await _id(story, FAILED), waiver, waived),
        *await amendments.approve_reschedule(write, ALES, await _id(story, RESCHEDULED), reschedule, moved),
    ]


async def _repay_since(write: Write, story: Story) -> list[Change]:
    """What those three firms have paid since: the rest at once, and the new instalments."""
    early, failed, moved = [await _Firm.of(write, story, each) for each in (REPAID_EARLY, FAILED, RESCHEDULED)]
    rest = await early.pays(REST_CENTS, REPAID_ON)
    advance_id = await _id(story, REPAID_EARLY)
    [announced] = await story.scalars(select(AnnouncedRepayment.id).where(AnnouncedRepayment.advance_id == advance_id))
    named = amendments_schemas.EarlyRepaymentReceipt(repayment_id=rest)
    received = await firm.receive(write, ALES, advance_id, announced, named)
    await failed.pays_each(1_500 * EURO, QUARTERS[UNTIL : DUE + 1])
    await moved.pays(7_500 * EURO, FIRST_NEW_ON)
    return [*early.changes, *received, *failed.changes, *moved.changes]


async def _assume_rates(write: Write, _story: Story) -> list[Change]:
    """The legal rates of the half-years that the service does not come with."""
    changes: list[Change] = []
    for from_on in ASSUMED_RATES:
        rate = rates_schemas.LegalRateCreate(from_on=from_on, rate_bp=ASSUMED_BP, source=ASSUMED)
        changes += await legal_rates.record_rate(write, rate)
    return changes


_asked = select(Amendment.id).where(Amendment.territory == ALES)
LIVES: Steps = [
    (select(LegalRate.id).where(LegalRate.from_on >= ASSUMED_RATES[0]), Role.PROGRAMME, _assume_rates),
    (select(Tranche.id).where(Tranche.territory == ALES), Role.TREASURER, _pay_out),
    (select(Repayment.id).where(Repayment.territory == ALES), Role.TREASURER, _repay),
    (_advance(ON_TIME).where(Advance.released_cents > 0), Role.FUNDER, _release_half),
    (select(FormalNotice.id).where(FormalNotice.territory == ALES), Role.TREASURER, _settle),
    (_asked, Role.TERRITORY, _ask),
    (_asked.where(Amendment.found_on.is_not(None)), Role.OPERATOR, _find),
    (_asked.where(Amendment.status == AmendmentStatus.APPROVED), Role.FUNDER, _decide),
    (_advance(REPAID_EARLY).where(Advance.settled_as.is_not(None)), Role.TREASURER, _repay_since),
]
