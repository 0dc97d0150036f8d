"""Reads of the accounts of organisations; each number is masked."""

from sqlalchemy import select

from app.access.models import Organisation, Subject
from app.core.db import param
from app.core.reading.listing import Filter, Listing, any_of, equals, updated_since
from app.core.reading.query import Parameter
from app.core.values import ShortLine, Uuid
from app.firms.bank_details.rules import BankDetailsStatus
from app.treasury.accounts import schemas
from app.treasury.accounts.models import BankAccount

_a = BankAccount
_organisation_id = param("organisation_id", _a.organisation_id.type)
_proposer = Subject.__table__.alias("proposer")
_decider = Subject.__table__.alias("decider")

ACCOUNTS = Listing(
    schema=schemas.BankAccount,
    rows=select(
        _a.id,
        _a.organisation_id,
        Organisation.name.label("organisation_name"),
        _a.label,
        _a.iban_masked.label("iban"),
        _a.creditor_identifier,
        _a.from_on,
        _a.status,
        _a.proposed_by,
        _proposer.c.name.label("proposed_by_name"),
        _a.decided_by,
        _decider.c.name.label("decided_by_name"),
        _a.decided_at,
        _a.ended_at,
        _a.end_reason,
        _a.version,
        _a.created_at,
        _a.updated_at,
    )
    .join(Organisation, Organisation.id == _a.organisation_id)
    .join(_proposer, _proposer.c.id == _a.proposed_by)
    .outerjoin(_decider, _decider.c.id == _a.decided_by)
    .where(_a.organisation_id == _organisation_id),
    key=_a.id,
    version=_a.version,
    derived=True,
    parent=select(Organisation.id).where(Organisation.id == _organisation_id),
    owner=_a.organisation_id,
    filters={
        "decidable_by": Filter(
            Parameter(Uuid, "Accounts that this subject did not propose: who proposes one does not decide on it."),
            lambda name: _a.proposed_by != param(name, _a.proposed_by.type),
        ),
        "label": equals(_a.label, ShortLine, "Accounts with this label."),
        "status": any_of(_a.status, BankDetailsStatus, "In any of these states."),
        "updated_since": updated_since(_a.updated_at),
    },
    sorts={"from_on": _a.from_on, "updated_at": _a.updated_at},
)
