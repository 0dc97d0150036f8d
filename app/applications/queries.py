"""Reads of aid files, their documents, reviews and histories."""

from typing import Any

from sqlalchemy import Integer, Text, case, func, literal_column, select, union_all
from sqlalchemy.orm import aliased

from app.access.models import Subject
from app.advances.models import Advance
from app.applications import schemas
from app.applications.models import (
    Application,
    ApplicationDocument,
    ApplicationLine,
    ApplicationPassage,
    ApplicationReview,
)
from app.applications.rules import UNDECIDED, ApplicationAct, ApplicationState, AwardsEnding, DocumentKind
from app.awards.models import AwardStatus
from app.core.db import literals, param, paris_day
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
from app.core.values import CentsInQuery, Code, Day, ExternalId, Sha256, Siren, Uuid, WithinDays
from app.firms.bank_details.models import BankDetails
from app.firms.certificates.models import FirmCertificate
from app.firms.models import Firm
from app.grants.models import Grant
from app.programme.national import national
from app.projects.models import Project
from app.schemes.models import Scheme

_a, _l, _d, _r, _p = Application, ApplicationLine, ApplicationDocument, ApplicationReview, ApplicationPassage
_territory = param("territory", Text())
_application_id = param("application_id", _a.id.type)
_recorder = Subject.__table__.alias("recorder")
_tax, _social = aliased(FirmCertificate), aliased(FirmCertificate)
_today = paris_day(func.now())

_lines = (
    select(
        json_array(
            json_object(
                label=_l.label,
                kind=_l.kind,
                amount_cents=_l.amount_cents,
                quote_reference=_l.quote_reference,
                ordered_on=_l.ordered_on,
                preliminary=_l.preliminary,
            ),
            _l.position,
        )
    )
    .where(_l.application_id == _a.id)
    .correlate(Application)
    .scalar_subquery()
)


def silent_within(today: Any, days: Any) -> Any:
    """Files about which silence decides within so many days: those that are late are among them."""
    return _a.silence_on <= today + days


_undecided = _a.state.in_(literals(UNDECIDED))

_lapsed, _cancelled = literals(AwardsEnding)
_awards = union_all(
    *(
        select(award.application_id, award.status, award.ended_as).where(
            award.application_id.is_not(None), award.status != literal_column(f"'{AwardStatus.REVERSED}'", Text())
        )
        for award in (Grant, Advance)
    )
).subquery("of_file")
# How all awards of the file ended before anything was paid; null where one has not, and where there is none.
_awards_ended_as = (
    select(
        case(
            (func.bool_and(_awards.c.ended_as.is_not_distinct_from(_lapsed)), _lapsed),
            (func.bool_and(_awards.c.status == _cancelled), _cancelled),
        )
    )
    .where(_awards.c.application_id == _a.id)
    .correlate(Application)
    .scalar_subquery()
)

APPLICATIONS = Listing(
    schema=schemas.Application,
    rows=select(
        _a.id,
        _a.territory,
        _a.project_id,
        Project.title.label("project_title"),
        _a.siren.label("siren"),
        Firm.name.label("firm_name"),
        _a.scheme,
        Scheme.name.label("scheme_name"),
        _a.state,
        _awards_ended_as.label("awards_ended_as"),
        _a.requested_grant_cents,
        _a.requested_advance_cents,
        _a.base_cents,
        _lines.label("lines"),
        _a.planned_start_on,
        _a.planned_end_on,
        _a.refiles_id,
        _a.received_at,
        _a.received_on,
        _a.tax_certificate_id,
        _tax.valid_until_on.label("tax_certificate_valid_until_on"),
        _a.social_certificate_id,
        _social.valid_until_on.label("social_certificate_valid_until_on"),
        _a.bank_details_id,
        BankDetails.iban_masked.label("bank_details_iban"),
        _a.acknowledged_on,
        _a.acknowledgement_reference,
        _a.admissibility_ends_on,
        _a.decision_ends_on,
        _a.extended_until_on,
        _a.silence_on,
        _a.external_id,
        _a.version,
        _a.created_at,
        _a.updated_at,
    )
    .join(Project, Project.id == _a.project_id)
    .join(Firm, Firm.siren == _a.siren)
    .join(Scheme, Scheme.code == _a.scheme)
    .outerjoin(_tax, _tax.id == _a.tax_certificate_id)
    .outerjoin(_social, _social.id == _a.social_certificate_id)
    .outerjoin(BankDetails, BankDetails.id == _a.bank_details_id)
    .where(_a.territory == _territory),
    key=_a.id,
    version=_a.version,
    derived=True,
    filters={
        "state": any_of(_a.state, ApplicationState, "Files in any of these states."),
        "awards_ended_as": any_of(_awards_ended_as, AwardsEnding, "Files all of whose awards ended so."),
        "undecided": holds(
            _undecided, "true: submitted, and neither decided nor ended otherwise; false: drafts and all others."
        ),
        "scheme": any_of(_a.scheme, Code, "Under any of these schemes."),
        "project_id": equals(_a.project_id, Uuid, "Of this project."),
        "siren": equals(_a.siren, Siren, "Of this firm."),
        "refiles_id": equals(_a.refiles_id, Uuid, "The file that replaces this one."),
        "received_from": at_least(_a.received_on, Day, "Received on this day or later."),
        "received_to": at_most(_a.received_on, Day, "Received on this day or earlier."),
        "decision_ends_from": at_least(_a.decision_ends_on, Day, "To be decided by this day or a later one."),
        "decision_ends_to": at_most(_a.decision_ends_on, Day, "To be decided by this day or an earlier one."),
        "silence_from": at_least(_a.silence_on, Day, "Silence decides on this day or later."),
        "silence_to": at_most(_a.silence_on, Day, "Silence decides on this day or earlier."),
        "silence_within_days": Filter(
            Parameter(WithinDays, "Silence decides within so many days from today, or should have decided already."),
            lambda name: silent_within(_today, param(name, Integer())),
        ),
        "base_min_cents": at_least(_a.base_cents, CentsInQuery, "With a base of this or more."),
        "base_max_cents": at_most(_a.base_cents, CentsInQuery, "With a base of this or less."),
        "external_id": equals(_a.external_id, ExternalId, "The file that another system knows by this id."),
        "q": matches(Project.title, Firm.name, doc="Part of the project's title or the firm's name."),
        "updated_since": updated_since(_a.updated_at),
    },
    sorts={
        "received_on": _a.received_on,
        "decision_ends_on": _a.decision_ends_on,
        "silence_on": _a.silence_on,
        "base_cents": _a.base_cents,
        "updated_at": _a.updated_at,
    },
)
ALL_APPLICATIONS = national(APPLICATIONS, _a.territory)

_parent = select(_a.id).where(_a.territory == _territory, _a.id == _application_id)

DOCUMENTS = Listing(
    schema=schemas.ApplicationDocument,
    rows=select(
        _d.id,
        _d.application_id,
        _d.kind,
        _d.name,
        _d.size_bytes,
        _d.sha256,
        _d.location,
        _d.received_on,
        _d.valid_until_on,
        _d.recorded_by,
        _recorder.c.name.label("recorded_by_name"),
        _d.version,
        _d.created_at,
        _d.updated_at,
    )
    .outerjoin(_recorder, _recorder.c.id == _d.recorded_by)
    .where(_d.territory == _territory, _d.application_id == _application_id),
    key=_d.id,
    version=_d.version,
    derived=True,
    parent=_parent,
    filters={
        "kind": any_of(_d.kind, DocumentKind, "Documents of any of these kinds."),
        "sha256": equals(_d.sha256, Sha256, "The document whose content has this digest."),
        "received_from": at_least(_d.received_on, Day, "Received on this day or later."),
        "received_to": at_most(_d.received_on, Day, "Received on this day or earlier."),
        "updated_since": updated_since(_d.updated_at),
    },
    sorts={"received_on": _d.received_on, "updated_at": _d.updated_at},
)

_author = Subject.__table__.alias("author")
REVIEWS = Listing(
    schema=schemas.ApplicationReview,
    rows=select(
        _r.application_id,
        _r.opinion,
        _r.rating,
        _r.recommended_grant_cents,
        _r.recommended_advance_cents,
        _r.kyc,
        _r.body.label("text"),
        _r.completed_on,
        _r.author_id,
        _author.c.name.label("author_name"),
        _r.version,
        _r.created_at,
        _r.updated_at,
    )
    .join(_author, _author.c.id == _r.author_id)
    .where(_r.territory == _territory, _r.opinion.is_not(None)),
    key=_r.application_id,
    key_name="application_id",
    version=_r.version,
    derived=True,
)

_later = aliased(ApplicationPassage)
HISTORY = Listing(
    schema=schemas.ApplicationPassage,
    rows=select(
        _p.number,
        _p.application_id,
        _p.act,
        _p.from_state,
        _p.to_state,
        _p.effective_on,
        _p.reverses_number,
        select(literal_column("1"))
        .where(_later.application_id == _p.application_id, _later.reverses_number == _p.number)
        .correlate(_p)
        .exists()
        .label("reversed"),
        _p.reason,
        _p.reference,
        _p.kinds,
        _p.indispensable,
        _p.given_until_on,
        _p.until_on,
        _p.recorded_by,
        _recorder.c.name.label("recorded_by_name"),
        _p.recorded_at,
    )
    .outerjoin(_recorder, _recorder.c.id == _p.recorded_by)
    .where(_p.territory == _territory, _p.application_id == _application_id),
    key=_p.number,
    key_name="number",
    parent=_parent,
    filters={
        "act": any_of(_p.act, ApplicationAct, "Any of these acts."),
        "effective_from": at_least(_p.effective_on, Day, "Dated on this day or later."),
        "effective_to": at_most(_p.effective_on, Day, "Dated on this day or earlier."),
    },
    sorts={"effective_on": _p.effective_on},
)
