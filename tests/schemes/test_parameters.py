"""What a scheme's parameters say on a day: the shipped ones, a value that ends, and none."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import Date, column, select, values
from sqlalchemy import Text as SqlText

from app.schemes.queries import load_parameters, parameters_on
from app.schemes.rules import KNOWN, Manner, ParameterNotInForce, Parameters, in_force, type_of

SHIPPED = Parameters(
    minimum_base_cents=400_000_00,
    maximum_months=24,
    admissibility_months=2,
    decision_months=8,
    clocks_stop=True,
    admissibility_clock=Manner.SUSPENDS,
    start_months=24,
    start_extension_months=12,
    completion_statement_months=12,
    advance_payment_bp=3000,
    advance_payment_guaranteed_bp=6000,
    paid_before_completion_bp=8000,
    paid_before_completion_long_bp=9000,
    long_project_months=48,
    agreement_above_cents=23_000_00,
    certificate_days=180,
    maintenance_months=60,
    maintenance_sme_months=36,
    jobs_report_months=(12, 36),
    advance_grace_months=24,
    advance_repayment_months=60,
)


async def test_rebond_industriel_is_shipped_with_its_parameters(app: Any) -> None:
    async with app.state["sessions"]() as session:
        assert await load_parameters(session, "rebond_industriel", date(2023, 6, 14)) == SHIPPED
        assert await load_parameters(session, "rebond_industriel", date(2022, 8, 1)) == SHIPPED
        assert await load_parameters(session, "rebond_industriel", date(2022, 7, 31)) == Parameters()
        assert await load_parameters(session, "no_such_scheme", date(2023, 6, 14)) == Parameters()


async def test_each_row_of_a_select_has_the_parameters_of_its_own_day(app: Any) -> None:
    days = values(column("scheme", SqlText), column("day", Date), name="files").data(
        [("rebond_industriel", date(2022, 7, 31)), ("rebond_industriel", date(2022, 8, 1))]
    )
    async with app.state["sessions"]() as session:
        rows = await session.execute(select(days.c.day, parameters_on(days.c.scheme, days.c.day)).order_by(days.c.day))
        before, since = rows.all()
    assert (
        Parameters.of(before[1] or {}) == Parameters()
    )  # others of the run may have recorded values of names of their own
    assert Parameters.of(since[1]) == SHIPPED


def test_what_an_act_needs_is_in_force_or_named() -> None:
    assert in_force(SHIPPED.decision_months, "decision_months", date(2023, 6, 14)) == 8
    assert in_force(False, "clocks_stop", date(2023, 6, 14)) is False
    with pytest.raises(ParameterNotInForce) as refused:
        in_force(Parameters().decision_months, "decision_months", date(2022, 7, 31))
    body = refused.value.body("fr")
    assert (body["parameter"], body["on"]) == ("decision_months", date(2022, 7, 31))
    assert body["detail"].startswith("decision_months n'a pas de valeur le 2022-07-31.")


def test_the_name_says_what_a_value_is() -> None:
    assert type_of("decision_months") == KNOWN["decision_months"]
    assert {type_of(name) for name in ("colour", "clocks_stop_too")} == {None}
    assert type_of("own_share_bp") is not None
