"""Parameters of a framework by name: the type of each, what the law says without one, and their reading on a day."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Text, Uuid, bindparam, func, literal_column, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.values import AmountCents, BasisPoints, TrueOrFalse
from app.schemes.rules import Days, Months

VERIFICATION_MONTHS = "verification_months"
PAYMENT_DAYS = "payment_days"
ACTIVITY_REPORTS_REQUIRED = "activity_reports_required"
LATE_MARGIN_BP = "late_margin_bp"
RECOVERY_FEE_CENTS = "recovery_fee_cents"

# The type of each parameter that code knows by name; others have the type of the unit that ends their name.
KNOWN: Mapping[str, Any] = {
    VERIFICATION_MONTHS: Months,
    PAYMENT_DAYS: Days,
    ACTIVITY_REPORTS_REQUIRED: TrueOrFalse,
    LATE_MARGIN_BP: BasisPoints,
    RECOVERY_FEE_CENTS: AmountCents,
}
# What holds where no framework says otherwise: the verification of studies takes two months (CCAG-PI, art. 28.2),
# payment is due after 30 days (CCP, art. R. 2192-10), late interest runs at the rate of the European Central Bank and
# 800 basis points (art. R. 2192-31), and 40 € are owed for recovery (art. D. 2192-35). No law asks for signed reports.
DEFAULTS: Mapping[str, Any] = {
    VERIFICATION_MONTHS: 2,
    PAYMENT_DAYS: 30,
    ACTIVITY_REPORTS_REQUIRED: False,
    LATE_MARGIN_BP: 800,
    RECOVERY_FEE_CENTS: 4000,
}


def value_on(mission_id: Any, name: str, day: Any) -> Any:
    """The same reading as a column of a Select, as JSON: the value in force for a mission on a day, or the default."""
    stored = func.framework_parameter(mission_id, literal_column(f"'{name}'", Text()), day, type_=JSONB())
    return func.coalesce(stored, literal_column(f"'{json.dumps(DEFAULTS[name])}'::jsonb", JSONB()), type_=JSONB())


def reports_required_on(mission_id: Any, day: Any) -> ColumnElement[bool]:
    """Whether the framework of a mission asks for signed activity reports on a day."""
    required: ColumnElement[bool] = value_on(mission_id, ACTIVITY_REPORTS_REQUIRED, day) == text("'true'::jsonb")
    return required


_STORED = select(
    func.framework_parameter(
        bindparam("mission_id", type_=Uuid()), bindparam("name", type_=Text()), bindparam("day", type_=Date()),
        type_=JSONB(),
    )
)  # fmt: skip


async def on(session: AsyncSession, mission_id: UUID, name: str, day: date) -> Any:
    """What a parameter says for a mission on a day: the value of its framework, else what the law says.

    Without a framework, or without a value in force, these hold: `verification_months` 2, `payment_days` 30,
    `activity_reports_required` false, `late_margin_bp` 800, `recovery_fee_cents` 4000.
    """
    stored = await session.scalar(_STORED, {"mission_id": mission_id, "name": name, "day": day})
    return DEFAULTS[name] if stored is None else stored
