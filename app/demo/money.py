"""The money of the Alès demonstration: 1 500 000 € from two contributors, four grants, three advances, an override.

Each award is of the closing committee and of its firm's project, which follows it, and keeps the scheme's parameters of
its day. The total is real (target envelope of Alès); projects, decisions and payments are synthetic. How the aids live
is told in app/demo/aids.py. Every step is one transaction, and is left out where it is done already.
"""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from app.access.rules import Role
from app.advances import schemas as advances_schemas
from app.advances import service as advances
from app.advances.models import Advance, Repayment
from app.advances.schedule import DueDates, Frequency
from app.advances.tranches import schemas as tranches_schemas
from app.advances.tranches.models import Tranche
from app.advances.tranches.service import ADVANCE_TRANCHES
from app.applications.awards import schemas as decided
from app.applications.awards import service as decided_elsewhere
from app.awards import schemas
from app.awards import service as awards
from app.awards.overrides import schemas as overrides_schemas
from app.awards.overrides import service as overrides
from app.awards.overrides.models import Override
from app.awards.overrides.rules import LiftedRule, OverrideStatus
from app.awards.payments import service as payments
from app.committees.models import Committee
from app.core import clock
from app.core.values import siren_from
from app.core.writing.writes import Change, System, Write
from app.demo import aids
from app.demo.story import Story
from app.envelopes import schemas as envelopes_schemas
from app.envelopes import service as envelopes
from app.envelopes.models import Contribution
from app.envelopes.rules import RepaymentPolicy
from app.firms import schemas as firms_schemas
from app.firms import service as firms
from app.firms.models import Proceeding, ProceedingKind
from app.grants.models import Grant
from app.grants.payments import schemas as payments_schemas
from app.grants.payments.models import GrantPayment
from app.grants.payments.rules import PaymentKind
from app.grants.payments.service import GRANT_PAYMENTS
from app.projects import schemas as projects_schemas
from app.projects import service as projects
from app.projects.models import Project
from app.projects.rules import CostKind, ProjectStage

ALES = "ales"
DECIDED = date(2023, 10, 3)
GIVEN_UP, GIVEN_UP_ON = "demo-project-3", date(2025, 11, 3)  # its grant lapsed
EURO = 100

CONTRIBUTIONS = [  # role of the contributor's person, euros, reference, where repaid capital goes
    (Role.PROGRAMME, 1_200_000, "DEMO-FR2030", RepaymentPolicy.RETURN),
    (Role.TERRITORY, 300_000, "DEMO-AGGLO", RepaymentPolicy.RECYCLE),
]
# Euros and project of each award. Its base is what is eligible of the project's cost.
GRANTS = [(250_000, "Centre d'usinage cinq axes"), (120_000, "Banc d'essai"), (90_000, "Atelier de découpe"),
          (60_000, "Ligne d'emballage")]  # fmt: skip
ADVANCES = [(300_000, "Extension de la fonderie"), (200_000, "Ligne de traitement de surface"),
            (150_000, "Cellule robotisée")]  # fmt: skip
COSTS = [2_400_000, 1_200_000, 900_000, 600_000, 3_600_000, 2_100_000, 1_500_000]  # of their projects, in this order
# Quarters that fell due by 30 September 2026: all but the last are paid, so one is late.
QUARTERS = [
    date(year, month, day) for year in (2024, 2025, 2026) for month, day in ((3, 31), (6, 30), (9, 30), (12, 31))
]
PAID_QUARTERS = 10
# The second advance is repaid on time; what its firm did not need was released.
PAID_IN_TIME, RELEASED_ON = 11, date(2024, 6, 28)
IN_SAFEGUARD = siren_from(91_000_037)  # a firm without an award yet
LIFTED = select(Override.id).where(Override.territory == ALES, Override.siren == IN_SAFEGUARD)


async def _awards(story: Story, model: type[Grant | Advance]) -> list[UUID]:
    """The demonstration's grants or advances, in their order."""
    awards = select(model.id).where(model.territory == ALES, model.external_id.like("demo-%"))
    return await story.scalars(awards.order_by(model.external_id))


Step = Callable[[Write, Story], Awaitable[Change | list[Change]]]


async def load(story: Story) -> None:
    """Contribute, award and pay as the people of the demonstration would."""
    steps: list[tuple[Select[Any], str | None, Step]] = [
        (select(Contribution.id).where(Contribution.territory == ALES), Role.PROGRAMME, _contribute),
        (select(Grant.id).where(Grant.territory == ALES), Role.FUNDER, _award_grants),
        (select(Advance.id).where(Advance.territory == ALES), Role.FUNDER, _award_advances),
        *aids.UNTIL_PAID,
        (select(GrantPayment.id).where(GrantPayment.territory == ALES), Role.TREASURER, _pay_grants),
        *aids.ONCE_PAID,
        (select(Tranche.id).where(Tranche.territory == ALES), Role.TREASURER, _pay_tranches),
        (select(Repayment.id).where(Repayment.territory == ALES), Role.TREASURER, _repay),
        (select(Advance.id).where(Advance.territory == ALES, Advance.released_cents > 0), Role.FUNDER, _release_half),
        (select(Project.id).where(Project.external_id == GIVEN_UP, Project.stage == "dropped"), Role.TERRITORY, _drop),
        (select(Proceeding.id).where(Proceeding.siren == IN_SAFEGUARD), Role.TERRITORY, _record_safeguard),
        (LIFTED, Role.FUNDER, _propose_override),
        (LIFTED.where(Override.status != OverrideStatus.PROPOSED), Role.PROGRAMME, _approve_override),
    ]
    for done, who, step in steps:
        if not await story.scalars(done.limit(1)):
            actor = story.actor(who) if who is not None else System()
            await story.run(actor, lambda write, step=step: step(write, story))  # type: ignore[misc]  # bound now


async def _links(write: Write, project: int) -> dict[str, Any]:
    """The project of an award, by its number in the demonstration, and the committee that decided."""
    p, c = Project, Committee
    of_project = select(p.id).where(p.territory == ALES, p.external_id == f"demo-project-{project}")
    of_committee = select(c.id).where(c.territory == ALES, c.external_id == "demo-committee-closing")
    return {
        "project_id": (await write.session.scalars(of_project)).one(),
        "committee_id": (await write.session.scalars(of_committee)).one(),
    }


async def _contribute(write: Write, story: Story) -> list[Change]:
    changes = []
    for role, euros, reference, policy in CONTRIBUTIONS:
        body = envelopes_schemas.ContributionCreate(
            organisation_id=story.actor(role).organisation_id,
            amount_cents=euros * EURO,
            decided_on=date(2023, 6, 14),
            reference=reference,
            repayment_policy=policy,
        )
        changes.append(await envelopes.create_contribution(write, ALES, body))
    return changes


async def _decided(write: Write, number: int, award: tuple[int, str], reference: str) -> dict[str, Any]:
    """What an award says, by the number of its project: the scheme, and a base of eligible lines that bounds it."""
    euros, title = award
    line = decided.AwardLineBody
    lines = [
        line(label="Machines", kind=CostKind.TANGIBLE_ASSET, amount_cents=COSTS[number] * 80 // 100 * EURO),
        line(label="Logiciels", kind=CostKind.INTANGIBLE_ASSET, amount_cents=COSTS[number] * 12 // 100 * EURO),
    ]
    return {
        "project_title": title,
        "amount_cents": euros * EURO,
        "decided_on": DECIDED,
        "decision_reference": reference,
        "scheme": "rebond_industriel",
        "base_cents": sum(each.amount_cents for each in lines),
        "lines": lines,
        **await _links(write, number),
    }


async def _award_grants(write: Write, story: Story) -> list[Change]:
    changes: list[Change] = []
    for number, award in enumerate(GRANTS, start=1):
        body = decided.GrantCreate(
            siren=siren_from(91_000_038 + number),
            external_id=f"demo-grant-{number}",
            **await _decided(write, number - 1, award, f"DEMO-DEC-{number}"),
        )
        changes += await decided_elsewhere.award_grant(write, ALES, body)
    return changes


async def _award_advances(write: Write, story: Story) -> list[Change]:
    terms = advances_schemas.Terms(
        instalments=12, frequency=Frequency.QUARTERLY, due_dates=DueDates.PERIOD_END, first_due_on=QUARTERS[0]
    )
    changes: list[Change] = []
    for number, award in enumerate(ADVANCES, start=1):
        body = decided.AdvanceCreate(
            siren=siren_from(91_000_030 + number),
            external_id=f"demo-advance-{number}",
            terms=terms,
            **await _decided(write, len(GRANTS) + number - 1, award, f"DEMO-DEC-{number + 10}"),
        )
        changes += await decided_elsewhere.award_advance(write, ALES, body)
    return changes


async def _pay_grants(write: Write, story: Story) -> list[Change]:
    """What was paid before today is recorded as it was made; app/demo/aids.py has a payment that two persons make."""
    first, second, third, _ = await _awards(story, Grant)
    changes: list[Change] = []
    mistaken = _payment(10_000, PaymentKind.INTERIM_PAYMENT, date(2024, 9, 12), 2)
    changes += await payments.pay(
        write, GRANT_PAYMENTS, ALES, first, _payment(75_000, PaymentKind.ADVANCE_PAYMENT, ADVANCED[0], 1)
    )
    changes += await payments.pay(write, GRANT_PAYMENTS, ALES, first, mistaken)
    [wrong] = [change for change in changes if change.type == "grant_payment.created"][-1].keys
    reason = envelopes_schemas.Reversal(reason="The amount lacks a zero.")
    changes += await payments.reverse_payment(write, GRANT_PAYMENTS, payments.PaymentPlace(ALES, first, wrong), reason)
    # The bank has one transfer: what was reversed gives its reference back.
    for grant_id, payment in (
        (first, _payment(100_000, PaymentKind.INTERIM_PAYMENT, date(2024, 9, 12), 2)),
        (second, _payment(36_000, PaymentKind.ADVANCE_PAYMENT, ADVANCED[1], 3)),
        (second, _payment(72_000, PaymentKind.BALANCE_PAYMENT, date(2024, 6, 3), 4)),
        (third, _payment(27_000, PaymentKind.ADVANCE_PAYMENT, date(2024, 5, 14), 5)),
    ):
        changes += await payments.pay(write, GRANT_PAYMENTS, ALES, grant_id, payment)
    return changes


ADVANCED = (date(2023, 11, 20), date(2023, 12, 4))


def _payment(euros: int, kind: PaymentKind, day: date, number: int) -> payments_schemas.PaymentCreate:
    return payments_schemas.PaymentCreate(
        amount_cents=euros * EURO, paid_on=day, kind=kind, reference=f"DEMO-VIR-{number}"
    )


async def _pay_tranches(write: Write, story: Story) -> list[Change]:
    first, second, _ = await _awards(story, Advance)
    changes: list[Change] = []
    for advance_id, euros in ((first, 300_000), (second, 100_000)):
        tranche = tranches_schemas.TrancheCreate(amount_cents=euros * EURO, paid_on=date(2023, 11, 20))
        changes += await payments.pay(write, ADVANCE_TRANCHES, ALES, advance_id, tranche)
    return changes


async def _repay(write: Write, story: Story) -> list[Change]:
    first, second, _ = await _awards(story, Advance)
    changes: list[Change] = []
    references = [(day, f"DEMO-PRLV-{number}") for number, day in enumerate(QUARTERS[:PAID_QUARTERS], start=1)]
    for day, reference in [*references, (references[-1][0], f"{references[-1][1]}-BIS")]:
        body = advances_schemas.RepaymentCreate(amount_cents=25_000 * EURO, received_on=day, reference=reference)
        changes += await advances.receive_repayment(write, ALES, first, body)
    wrong = envelopes_schemas.Reversal(reason="The same debit was recorded twice.")
    [twice] = [change.keys[0] for change in changes if change.type == "advance_repayment.created"][-1:]
    changes += await advances.reverse_repayment(write, ALES, first, twice, wrong)
    for number, day in enumerate(QUARTERS[:PAID_IN_TIME], start=1):
        body = advances_schemas.RepaymentCreate(
            amount_cents=833_333, received_on=day, reference=f"DEMO-PRLV-2-{number}"
        )
        changes += await advances.receive_repayment(write, ALES, second, body)
    return changes


async def _release_half(write: Write, story: Story) -> list[Change]:
    _, second, _ = await _awards(story, Advance)
    why = schemas.Release(reason="The works cost half of the plan.", released_on=RELEASED_ON)
    return await awards.release(write, advances.ADVANCE, ALES, second, why)


async def _drop(write: Write, story: Story) -> Change:
    """The firm that never started: its grant lapsed, which took the project back, and now it is dropped."""
    [project] = await story.scalars(select(Project.id).where(Project.external_id == GIVEN_UP))
    passage = projects_schemas.Passage(
        stage=ProjectStage.DROPPED, effective_on=GIVEN_UP_ON, reason="The firm has given its project up."
    )
    return await projects.pass_to(write, ALES, project, passage)


async def _record_safeguard(write: Write, _story: Story) -> Change:
    judgment = firms_schemas.ProceedingCreate(
        kind=ProceedingKind.SAFEGUARD, opened_on=date(2024, 9, 10), court="Tribunal de commerce de Nîmes"
    )
    return await firms.create_proceeding(write, IN_SAFEGUARD, judgment)


async def _propose_override(write: Write, _story: Story) -> Change:
    body = overrides_schemas.OverrideCreate(
        code=LiftedRule.PROCEEDINGS_OPEN,
        siren=IN_SAFEGUARD,
        reason="The plan keeps the workshop, and the committee asks to support it (synthetic).",
        valid_until_on=clock.today() + timedelta(days=365),
    )
    return await overrides.propose(write, ALES, body)


async def _approve_override(write: Write, story: Story) -> Change:
    [proposed] = await story.scalars(LIFTED)
    return await overrides.approve(write, ALES, proposed)
