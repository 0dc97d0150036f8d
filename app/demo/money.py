"""The money of the Alès demonstration: 1 500 000 € from two contributors, four grants, five advances, an override.

Each award is of the closing committee and of its firm's project, which follows it, and keeps the scheme's parameters of
its day. The total is real (target envelope of Alès); projects, decisions and payments are synthetic. How the aids live
is told in app/demo/aids.py, how advances are repaid in app/demo/advances.py. Every step is one transaction, and is left
out where it is done already.
"""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from app.access.rules import Role
from app.advances.models import Advance
from app.applications.awards import schemas as decided
from app.applications.awards import service as decided_elsewhere
from app.awards.overrides import schemas as overrides_schemas
from app.awards.overrides import service as overrides
from app.awards.overrides.models import Override
from app.awards.overrides.rules import LiftedRule, OverrideStatus
from app.awards.payments import service as payments
from app.committees.models import Committee
from app.core import clock
from app.core.values import siren_from
from app.core.writing.writes import Change, System, Write
from app.demo import advances, aids
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
            (60_000, "Cellule robotisée"), (42_000, "Cellules robotisées mobiles"),
            (48_000, "Bains sans chrome")]  # fmt: skip
# The number of their projects, grants' first, and what these cost.
PROJECTS = {0: 2_400_000, 1: 1_200_000, 2: 900_000, 3: 600_000, 4: 3_600_000, 5: 2_100_000, 6: 1_500_000,
            16: 4_300_000, 17: 3_600_000}  # fmt: skip
IN_SAFEGUARD = siren_from(91_000_037)  # a firm without an award yet
LIFTED = select(Override.id).where(Override.territory == ALES, Override.siren == IN_SAFEGUARD)


async def _grants(story: Story) -> list[UUID]:
    """The demonstration's grants, in their order."""
    grants = select(Grant.id).where(Grant.territory == ALES, Grant.external_id.like("demo-%"))
    return await story.scalars(grants.order_by(Grant.external_id))


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
        *advances.LIVES,
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


async def _decided(write: Write, place: int, award: tuple[int, str], reference: str) -> dict[str, Any]:
    """What an award says, by the place of its project: the scheme, and a base of eligible lines that bounds it."""
    euros, title = award
    number, cost = list(PROJECTS.items())[place]
    line = decided.AwardLineBody
    lines = [
        line(label="Machines", kind=CostKind.TANGIBLE_ASSET, amount_cents=cost * 80 // 100 * EURO),
        line(label="Logiciels", kind=CostKind.INTANGIBLE_ASSET, amount_cents=cost * 12 // 100 * EURO),
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
    changes: list[Change] = []
    for number, award in enumerate(ADVANCES, start=1):
        body = decided.AdvanceCreate(
            siren=siren_from(91_000_030 + number),
            external_id=f"demo-advance-{number}",
            terms=advances.terms(f"demo-advance-{number}"),
            **await _decided(write, len(GRANTS) + number - 1, award, f"DEMO-DEC-{number + 10}"),
        )
        changes += await decided_elsewhere.award_advance(write, ALES, body)
    return changes


async def _pay_grants(write: Write, story: Story) -> list[Change]:
    """What was paid before today is recorded as it was made; app/demo/aids.py has a payment that two persons make."""
    first, second, third, _ = await _grants(story)
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
