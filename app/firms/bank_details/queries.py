"""Reads of bank details. The number is in none of them."""

from typing import Any

from sqlalchemy import ColumnElement, Text, select

from app.access.models import Subject
from app.core.db import param
from app.core.reading.listing import Filter, Listing, any_of, updated_since
from app.core.reading.query import Parameter
from app.core.values import Siren, Uuid
from app.firms.bank_details import schemas
from app.firms.bank_details.models import BankDetails
from app.firms.bank_details.rules import BankDetailsStatus
from app.firms.models import Firm
from app.firms.queries import FOLLOWED

_b = BankDetails
_proposer = Subject.__table__.alias("proposer")
_decider = Subject.__table__.alias("decider")


def decidable_by(subject_id: Any) -> ColumnElement[bool]:
    """Bank details that the subject did not propose."""
    others: ColumnElement[bool] = _b.proposed_by != subject_id
    return others


_ROWS = (
    select(
        _b.id,
        _b.territory,
        _b.siren,
        Firm.name.label("firm_name"),
        _b.iban_masked.label("iban"),
        _b.holder_name,
        _b.status,
        _b.proposed_by,
        _proposer.c.name.label("proposed_by_name"),
        _b.decided_by,
        _decider.c.name.label("decided_by_name"),
        _b.decided_at,
        _b.ended_at,
        _b.end_reason,
        _b.version,
        _b.created_at,
        _b.updated_at,
    )
    .join(Firm, Firm.siren == _b.siren)
    .join(_proposer, _proposer.c.id == _b.proposed_by)
    .outerjoin(_decider, _decider.c.id == _b.decided_by)
    .where(_b.territory == param("territory", Text()))
)
_FILTERS = {
    "decidable_by": Filter(
        Parameter(Uuid, "Bank details that this subject did not propose: who proposes them does not decide on them."),
        lambda name: decidable_by(param(name, _b.proposed_by.type)),
    ),
    "status": any_of(_b.status, BankDetailsStatus, "In any of these states."),
    "updated_since": updated_since(_b.updated_at),
}
_SORTS = {"updated_at": _b.updated_at}

# Of one firm, and of all firms of the territory.
BANK_DETAILS = Listing(
    schema=schemas.BankDetails,
    rows=_ROWS.where(_b.siren == param("siren", Text())),
    key=_b.id,
    version=_b.version,
    derived=True,
    parent=FOLLOWED,
    filters=_FILTERS,
    sorts=_SORTS,
)
ALL_BANK_DETAILS = Listing(
    schema=schemas.BankDetails,
    rows=_ROWS,
    key=_b.id,
    version=_b.version,
    derived=True,
    filters={"siren": any_of(_b.siren, Siren, "Bank details of any of these firms, by SIREN."), **_FILTERS},
    sorts=_SORTS,
)
