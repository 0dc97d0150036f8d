"""What travels about frameworks."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import MISSING, AfterValidator, ConfigDict, Field, model_validator

from app.access.schemas import OrganisationName
from app.core.schemas import CONFIDENTIAL, Body, CreatedAt, Id, Read, UpdatedAt, Version, period_in_order
from app.core.values import Day, Days, Line, PositiveCents, PositiveDays, ShortLine, SignedDays, Siren
from app.missions.frameworks.rules import ONE_LEAD, REPEATED_HOLDER, REPEATED_PROFILE
from app.missions.models import ConsortiumRole, OrderKind, Profile
from app.missions.schemas import DayRateCents, MissionName
from app.programme.schemas import TerritorySlug
from app.schemes import schemas as dated


class FrameworkMemberBody(Body):
    """A holder of a framework (*titulaire*)."""

    siren: Annotated[Siren, Field(description="SIREN of the firm, nine digits; once among the holders.")]
    role: Annotated[
        ConsortiumRole, Field(description="The lead firm (mandataire), exactly one of the holders, or a partner.")
    ]


class FrameworkUnitPriceBody(Body):
    """What the framework pays for one day of a profile."""

    profile: Annotated[Profile, Field(description="The profile of the consultants; once among the prices.")]
    day_rate_cents: Annotated[
        DayRateCents, Field(description="Euro cents, excluding VAT, for one day.", examples=[115000])
    ]


def _one_lead(holders: list[FrameworkMemberBody]) -> list[FrameworkMemberBody]:
    if len({holder.siren for holder in holders}) < len(holders):
        raise REPEATED_HOLDER.error()
    if [holder.role for holder in holders].count(ConsortiumRole.LEAD) != 1:
        raise ONE_LEAD.error()
    return holders


def _each_once(prices: list[FrameworkUnitPriceBody]) -> list[FrameworkUnitPriceBody]:
    if len({price.profile for price in prices}) < len(prices):
        raise REPEATED_PROFILE.error()
    return prices


Reference = Annotated[ShortLine, Field(description="Number of the contract, such as 2023-AMO-07; unique.")]
_Name = Annotated[Line, Field(description="What the contract is called on lists; null or absent: nothing.")]
_Holders = Annotated[
    list[FrameworkMemberBody],
    Field(min_length=1, max_length=20, description="The firms that hold it, one of them the lead."),
    AfterValidator(_one_lead),
]
_From = Annotated[Day, Field(description="First Paris day on which orders may be signed.")]
_To = Annotated[Day, Field(description="Last Paris day, included, on which orders may be signed.")]
_MaxDays = Annotated[
    PositiveDays, Field(description="Man-days that all orders together may come to; null or absent: no such maximum.")
]
_MaxAmount = Annotated[
    PositiveCents,
    Field(
        description="Euro cents, excluding VAT, that all orders together may come to; null or absent: no such maximum."
        " With one, each order states its amount_cents."
    ),
]
_Prices = Annotated[
    list[FrameworkUnitPriceBody],
    Field(max_length=3, description="Unit prices by profile; absent: none is stated."),
    AfterValidator(_each_once),
]


class FrameworkCreate(Body):
    """A framework contract (*accord-cadre*)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"reference": "2023-AMO-07", "from_on": "2023-01-01", "to_on": "2026-12-31", "max_days": 500,
                 "members": [{"siren": "900000019", "role": "lead"}],
                 "unit_prices": [{"profile": "senior", "day_rate_cents": 115000}]}
            ]
        }
    )  # fmt: skip

    reference: Reference
    name: _Name | None = None
    members: _Holders
    from_on: _From
    to_on: _To
    max_days: _MaxDays | None = None
    max_amount_cents: _MaxAmount | None = None
    unit_prices: _Prices = Field(default_factory=list)

    _in_order = model_validator(mode="after")(period_in_order)


class FrameworkUpdate(Body):
    """Fields of a framework to change. What is ordered stays within its maximum and its days."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"max_days": 600}]})

    reference: Reference | MISSING = MISSING
    name: _Name | None | MISSING = MISSING
    members: (
        Annotated[_Holders, Field(description="The firms that hold it; the list replaces the whole.")] | MISSING
    ) = MISSING
    from_on: _From | MISSING = MISSING
    to_on: _To | MISSING = MISSING
    max_days: _MaxDays | None | MISSING = MISSING
    max_amount_cents: _MaxAmount | None | MISSING = MISSING
    unit_prices: Annotated[_Prices, Field(description="Unit prices; the list replaces the whole.")] | MISSING = MISSING


class FrameworkMember(Read):
    """A holder of a framework."""

    siren: str = Field(description="SIREN of the firm, nine digits.")
    name: str | None = Field(
        description="Present name of the organisation with this SIREN; null where none is registered."
    )
    role: ConsortiumRole = Field(description="The lead firm (mandataire), one of the holders, or a partner.")


class FrameworkUnitPrice(Read):
    """What the framework pays for one day of a profile."""

    profile: Profile = Field(description="The profile of the consultants.")
    day_rate_cents: int = Field(description="Euro cents, excluding VAT, for one day.")


class FrameworkTerritory(Read):
    """What a territory has of a framework."""

    territory: TerritorySlug
    territory_name: str = Field(description="Present name of the territory.")
    days_ordered: Days = Field(description="Man-days of the orders of its missions.")
    ordered_cents: int = Field(description="Euro cents, excluding VAT, that these orders state.")
    days_certified: Days = Field(
        description="Man-days on certificates of service of these missions, without those that are cancelled."
    )
    certified_cents: int = Field(description="Euro cents, excluding VAT, of these certificates.")
    days_invoiced: Days = Field(description="Man-days on invoices of these missions that stand, less credit notes.")
    invoiced_cents: int = Field(description="Euro cents, excluding VAT, of these invoices.")


class FrameworkMemberFigures(Read):
    """What a member of the consortia has of a framework, over all territories."""

    organisation_id: UUID = Field(description="The member of the missions' consortia.")
    organisation_name: OrganisationName
    days_allotted: Days = Field(description="Man-days allotted to it in the missions that are ordered under it.")
    days_certified: Days = Field(
        description="Man-days on its certificates of service, without those that are cancelled."
    )
    certified_cents: int = Field(description="Euro cents, excluding VAT, of these certificates.")
    days_invoiced: Days = Field(description="Man-days on its invoices that stand, less credit notes.")
    invoiced_cents: int = Field(description="Euro cents, excluding VAT, of these invoices.")


class Framework(Read):
    """A framework contract (*accord-cadre*), with what is ordered, certified and invoiced under it, and what is left.

    Orders of cancelled missions do not count. With as_of, orders signed, certificates issued and invoices made by that
    day count, but for invoices that were rejected or cancelled by then, and the maximum is that of the day: it was
    changed from the day on which it was recorded.
    """

    id: Id
    reference: str = Field(description="Number of the contract, unique.")
    name: str | None = Field(description="What the contract is called on lists; null where it has no name.")
    members: list[FrameworkMember] = Field(description="The firms that hold it, the lead first, then by SIREN.")
    from_on: date = Field(description="First Paris day on which orders may be signed.")
    to_on: date = Field(description="Last Paris day, included, on which orders may be signed.")
    unit_prices: list[FrameworkUnitPrice] = Field(
        json_schema_extra=CONFIDENTIAL, description="Unit prices by profile; no event shows them."
    )
    max_days: Days | None = Field(
        description="Man-days that all orders together may come to, by what was set up to now, or up to the day of"
        " as_of; null: no such maximum."
    )
    max_amount_cents: int | None = Field(
        json_schema_extra=CONFIDENTIAL,
        description="Euro cents, excluding VAT, that all orders together may come to, by what was set up to now, or up"
        " to the day of as_of; null: no such maximum. No event shows it.",
    )
    days_ordered: Days = Field(description="Man-days that its orders come to, amendments included.")
    days_certified: Days = Field(
        description="Man-days on certificates of service of these missions, without those that are cancelled."
    )
    days_invoiced: Days = Field(description="Man-days on invoices of these missions that stand, less credit notes.")
    days_left: SignedDays | None = Field(
        description="max_days less days_ordered; null without max_days. Below zero as of a day before"
        " the maximum was raised, where an order of such a day was recorded later."
    )
    ordered_cents: int = Field(
        json_schema_extra=CONFIDENTIAL,
        description="Euro cents, excluding VAT, that its orders state, amendments included; no event shows it.",
    )
    certified_cents: int = Field(
        json_schema_extra=CONFIDENTIAL,
        description="Euro cents, excluding VAT, of these certificates; no event shows it.",
    )
    invoiced_cents: int = Field(
        json_schema_extra=CONFIDENTIAL,
        description="Euro cents, excluding VAT, of these invoices; no event shows it.",
    )
    left_cents: int | None = Field(
        json_schema_extra=CONFIDENTIAL,
        description="max_amount_cents less ordered_cents; null without max_amount_cents, below zero where days_left can"
        " be. No event shows it.",
    )
    by_territory: list[FrameworkTerritory] = Field(
        json_schema_extra=CONFIDENTIAL, description="The figures of each territory that has orders, by its name."
    )
    by_member: list[FrameworkMemberFigures] = Field(
        json_schema_extra=CONFIDENTIAL, description="The figures of each member of the consortia, by its name."
    )
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class FrameworkOrder(Read):
    """An order that names a framework, with its amount. The order itself is at the address of its mission."""

    id: Id
    framework_id: UUID = Field(description="The framework that the order counts in.")
    framework_reference: str = Field(description="Present reference of the framework of framework_id.")
    territory: TerritorySlug
    mission_id: UUID = Field(description="The mission whose days are ordered.")
    mission_name: MissionName
    kind: OrderKind = Field(description="The first order of the mission, or a later amendment.")
    reference: str = Field(description="Number of the document, once in a mission.")
    signed_on: date = Field(description="Paris day on which the document was signed.")
    days: SignedDays = Field(description="Man-days that this order adds; negative where it takes days away.")
    amount_cents: int | None = Field(
        description="Euro cents, excluding VAT, that this order adds; negative where it takes away; null: it states"
        " none."
    )
    counts: bool = Field(description="Whether it counts in the framework: its mission is not cancelled.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class FrameworkParameterCreate(dated.DatedParameterCreate):
    """The value of a parameter of a framework from a day on."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "verification_months", "value": 2, "valid_from_on": "2027-01-01",
                 "source": "CCAG-PI, art. 28; to be confirmed by the programme"}
            ]
        }
    )  # fmt: skip


class FrameworkParameterUpdate(dated.DatedParameterUpdate):
    """Fields of a parameter to change. Of one that has begun only the source, and the end to today or later."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"valid_until_on": "2030-12-31"}]})


class FrameworkParameter(Read):
    """The value of one parameter of a framework between two days."""

    id: Id
    framework_id: UUID = Field(description="The framework that the parameter belongs to.")
    framework_reference: str = Field(description="Present reference of the framework of framework_id.")
    name: dated.NameRead
    value: dated.ValueRead
    valid_from_on: dated.FromRead
    valid_until_on: dated.UntilRead
    source: dated.SourceRead
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt
