"""Reads of frameworks."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Date, Numeric, Text, column, exists, func, literal_column, select, table
from sqlalchemy.orm import aliased

from app.access.models import Organisation
from app.core.db import NO_DAYS, param, paris_day
from app.core.reading.listing import (
    Filter,
    Listing,
    any_of,
    at_least,
    at_most,
    equals,
    holds,
    json_array,
    json_object,
    matches,
    updated_since,
)
from app.core.reading.query import Parameter
from app.core.values import Day, Siren, Slug, Uuid
from app.missions.frameworks import schemas
from app.missions.frameworks.models import (
    Framework,
    FrameworkMaximum,
    FrameworkMember,
    FrameworkParameter,
    FrameworkUnitPrice,
)
from app.missions.models import Allotment, ConsortiumRole, Mission, Order, OrderKind
from app.missions.rules import MissionStatus
from app.programme.models import Territory
from app.schemes.queries import dated_parameters

_f, _m, _o, _t = Framework, Mission, Order, Territory
_as_of = param("as_of", Date())
_CANCELLED: Any = literal_column(f"'{MissionStatus.CANCELLED}'")
_NO_CENTS = literal_column("0", BigInteger())
# Certificates lie below this domain and are named as a foreign key would.
_certificate = table(
    "service_certificates", column("mission_id", _m.id.type), column("organisation_id", Organisation.id.type),
    column("days", Numeric(7, 2)), column("amount_cents", BigInteger()), column("created_at"),
)  # fmt: skip
_invoice = table(
    "invoices", column("id", _m.id.type), column("mission_id", _m.id.type), column("stands", Boolean()),
    column("organisation_id", Organisation.id.type), column("days", Numeric(7, 2)),
    column("amount_cents", BigInteger()), column("created_at"),
)  # fmt: skip
_passage, _reversal = (
    table(
        "invoice_passages", column("invoice_id", _m.id.type), column("number"), column("reverses_number"),
        column("to_state", Text()), column("effective_on", Date()),
    ).alias(name)
    for name in ("ending", "reversal")
)  # fmt: skip


def _stands(by: Any) -> Any:
    """Whether an invoice stands, or stood at the end of a day: neither rejected nor cancelled by then."""
    if by is None:
        return _invoice.c.stands
    p, r = _passage.c, _reversal.c
    taken_back = exists().where(r.invoice_id == p.invoice_id, r.reverses_number == p.number, r.effective_on <= by)
    ended = exists().where(
        p.invoice_id == _invoice.c.id,
        p.to_state.in_([literal_column("'rejected'"), literal_column("'cancelled'")]),
        p.effective_on <= by,
        ~taken_back,
    )
    return ~ended


def _frameworks(of: Any, *, by: Any = None, **filters: Filter) -> Listing:
    """Frameworks with the maximum of `of`, and what orders, certificates and invoices of `by` or before come to."""
    c, i = _certificate.c, _invoice.c
    signed = [_o.framework_id == _f.id, _m.id == _o.mission_id, _m.status != _CANCELLED]
    initial = aliased(_o)
    under = [
        initial.framework_id == _f.id,
        initial.kind == literal_column(f"'{OrderKind.INITIAL}'"),
        _m.id == initial.mission_id,
        _m.status != _CANCELLED,
    ]
    certified, allotted = [*under, c.mission_id == _m.id], [*under, Allotment.mission_id == _m.id]
    invoiced = [*under, i.mission_id == _m.id, _stands(by)]
    if by is not None:
        signed.append(_o.signed_on <= by)
        certified.append(paris_day(c.created_at) <= by)
        invoiced.append(paris_day(i.created_at) <= by)
        allotted.append(Allotment.decided_on <= by)

    def total(of: Any, none: Any, where: list[Any], *more: Any) -> Any:
        summed = select(func.coalesce(func.sum(of), none, type_=none.type)).where(*where, *more)
        return summed.correlate(_f, _t, Organisation).scalar_subquery()  # by name: a total of a total finds it, too

    days_ordered, ordered = total(_o.days, NO_DAYS, signed), total(_o.amount_cents, _NO_CENTS, signed)
    here = _m.territory == _t.slug
    territory = json_object(
        territory=_t.slug,
        territory_name=_t.name,
        days_ordered=total(_o.days, NO_DAYS, signed, here),
        ordered_cents=total(_o.amount_cents, _NO_CENTS, signed, here),
        days_certified=total(c.days, NO_DAYS, certified, here),
        certified_cents=total(c.amount_cents, _NO_CENTS, certified, here),
        days_invoiced=total(i.days, NO_DAYS, invoiced, here),
        invoiced_cents=total(i.amount_cents, _NO_CENTS, invoiced, here),
    )
    some_orders = select(_o.id).where(*signed, here).correlate(_f, _t).exists()
    organisation = Organisation
    own, given = c.organisation_id == organisation.id, Allotment.organisation_id == organisation.id
    member = json_object(
        organisation_id=organisation.id,
        organisation_name=organisation.name,
        days_allotted=total(Allotment.days, NO_DAYS, allotted, given),
        days_certified=total(c.days, NO_DAYS, certified, own),
        certified_cents=total(c.amount_cents, _NO_CENTS, certified, own),
        days_invoiced=total(i.days, NO_DAYS, invoiced, i.organisation_id == organisation.id),
        invoiced_cents=total(i.amount_cents, _NO_CENTS, invoiced, i.organisation_id == organisation.id),
    )
    some_days = select(Allotment.id).where(*allotted, given).correlate(_f, organisation).exists()
    holder = FrameworkMember
    holders = (
        select(
            json_array(
                json_object(siren=holder.siren, name=organisation.name, role=holder.role),
                holder.role != literal_column(f"'{ConsortiumRole.LEAD}'"),
                holder.siren,
            )
        )
        .select_from(holder)
        .outerjoin(organisation, organisation.siren == holder.siren)
        .where(holder.framework_id == _f.id)
    )
    price = FrameworkUnitPrice
    prices = select(
        json_array(json_object(profile=price.profile, day_rate_cents=price.day_rate_cents), price.profile)
    ).where(price.framework_id == _f.id)
    rows = select(
        _f.id,
        _f.reference,
        _f.name,
        holders.scalar_subquery().label("members"),
        _f.from_on,
        _f.to_on,
        prices.scalar_subquery().label("unit_prices"),
        of.max_days,
        of.max_amount_cents,
        days_ordered.label("days_ordered"),
        total(c.days, NO_DAYS, certified).label("days_certified"),
        total(i.days, NO_DAYS, invoiced).label("days_invoiced"),
        (of.max_days - days_ordered).label("days_left"),
        ordered.label("ordered_cents"),
        total(c.amount_cents, _NO_CENTS, certified).label("certified_cents"),
        total(i.amount_cents, _NO_CENTS, invoiced).label("invoiced_cents"),
        (of.max_amount_cents - ordered).label("left_cents"),
        select(json_array(territory, _t.name, _t.slug)).where(some_orders).scalar_subquery().label("by_territory"),
        select(json_array(member, organisation.name, organisation.id))
        .where(some_days)
        .scalar_subquery()
        .label("by_member"),
        _f.version,
        _f.created_at,
        _f.updated_at,
    )
    return Listing(
        schema=schemas.Framework,
        rows=rows if of is _f else rows.join(of, of.id == _holding),
        key=_f.id,
        version=_f.version,
        derived=True,
        filters={
            **filters,
            "reference": equals(_f.reference, schemas.Reference, "The framework with this reference."),
            "siren": Filter(
                Parameter(Siren, "Frameworks that the firm with this SIREN holds."),
                lambda name: (
                    select(holder.siren)
                    .where(holder.framework_id == _f.id, holder.siren == param(name, holder.siren.type))
                    .exists()
                ),
            ),
            "signed_from": at_least(_f.to_on, Day, "Frameworks whose orders may be signed on this day or later."),
            "signed_to": at_most(_f.from_on, Day, "Frameworks whose orders may be signed on this day or earlier."),
            "q": matches(_f.reference, _f.name, doc="Part of the reference or name, without accents or case."),
            "updated_since": updated_since(_f.updated_at),
        },
        sorts={"reference": _f.reference, "from_on": _f.from_on, "to_on": _f.to_on},
    )


FRAMEWORKS = _frameworks(_f)

# As of a day: the last maximum that held from it on, or from an earlier one.
_maximum, _begun = FrameworkMaximum, aliased(FrameworkMaximum)
_holding = (
    select(_begun.id)
    .where(_begun.framework_id == _f.id, _begun.from_on <= _as_of)
    .order_by(_begun.from_on.desc(), _begun.id.desc())
    .limit(1)
    .correlate(_f)
    .scalar_subquery()
)
AS_OF = Filter(
    Parameter(
        Day, "The figures and the maximum of this Paris day, of frameworks that had begun by then; absent: those now."
    ),
    lambda _name: _f.from_on <= _as_of,
)
FRAMEWORKS_AS_OF = _frameworks(_maximum, by=_as_of, as_of=AS_OF)

_framework_id = param("framework_id", _f.id.type)
_parent = select(_f.id).where(_f.id == _framework_id)

FRAMEWORK_ORDERS = Listing(
    schema=schemas.FrameworkOrder,
    rows=select(
        _o.id,
        _o.framework_id,
        _f.reference.label("framework_reference"),
        _m.territory,
        _o.mission_id,
        _m.name.label("mission_name"),
        _o.kind,
        _o.reference,
        _o.signed_on,
        _o.days,
        _o.amount_cents,
        (_m.status != _CANCELLED).label("counts"),
        _o.version,
        _o.created_at,
        _o.updated_at,
    )
    .join(_f, _f.id == _o.framework_id)
    .join(_m, _m.id == _o.mission_id)
    .where(_f.id == _framework_id),
    key=_o.id,
    version=_o.version,
    derived=True,
    parent=_parent,
    filters={
        "territory": equals(_m.territory, Slug, "Orders of missions of this territory."),
        "mission_id": equals(_o.mission_id, Uuid, "Orders of this mission."),
        "kind": any_of(_o.kind, OrderKind, "Orders of any of these kinds."),
        "counts": holds(_m.status != _CANCELLED, "true: orders that count; false: those of cancelled missions."),
        "as_of": at_most(_o.signed_on, Day, "Signed up to this Paris day."),
        "updated_since": updated_since(_o.updated_at),
    },
    sorts={"signed_on": _o.signed_on},
)

FRAMEWORK_PARAMETERS = dated_parameters(
    schemas.FrameworkParameter,
    FrameworkParameter,
    FrameworkParameter.framework_id,
    _f.__table__.c.id,
    _f.__table__.c.reference.label("framework_reference"),
    within="framework_id",
)
