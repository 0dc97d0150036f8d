"""Reads of letters."""

from sqlalchemy import JSON, Text, case, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB

from app.access.models import Subject
from app.awards.letters import schemas
from app.awards.letters.models import Letter
from app.awards.letters.rules import LetterKind, LetterStatus
from app.awards.models import Aid
from app.core.db import param
from app.core.reading.listing import Listing, any_of, equals, updated_since
from app.core.values import ShortLine, Siren, Uuid
from app.firms.models import Firm

_l, _a = Letter, Aid
_author = Subject.__table__.alias("author")

_NOBODY = '\'{"signatory_name": null, "signatory_capacity": null}\'::jsonb'
# An older letter names no signatory, or its seal does not say which letter it is.
_which = func.jsonb_build_object(literal_column("'kind'"), _l.kind, literal_column("'reference'"), _l.reference)
_older = cast(_which, JSONB).op("||")(literal_column(_NOBODY)).op("||")(cast(_l.content, JSONB))
_content = case(
    (cast(_l.content, JSONB).op("?")(literal_column("'reference'")), cast(_l.content, JSON)),
    else_=cast(_older, JSON),
)

LETTERS = Listing(
    schema=schemas.Letter,
    rows=select(
        _l.id,
        _l.territory,
        _l.aid_id,
        _l.award_id,
        _a.decision_reference,
        _a.siren.label("siren"),
        Firm.name.label("firm_name"),
        _l.kind,
        _l.reference,
        _l.status,
        _content.label("content"),
        _l.content_hash,
        _l.drawn_up_by,
        _author.c.name.label("drawn_up_by_name"),
        _l.signed_on,
        _l.signed_by_firm_on,
        _l.document_sha256,
        _l.notified_on,
        _l.end_reason,
        _l.version,
        _l.created_at,
        _l.updated_at,
    )
    .join(_a, _a.id == _l.aid_id)
    .join(Firm, Firm.siren == _a.siren)
    .join(_author, _author.c.id == _l.drawn_up_by)
    .where(_l.territory == param("territory", Text())),
    key=_l.id,
    version=_l.version,
    derived=True,
    filters={
        "aid_id": equals(_l.aid_id, Uuid, "Letters about this aid (`aid_id` of its awards)."),
        "siren": equals(_a.siren, Siren, "Letters to this firm."),
        "kind": any_of(_l.kind, LetterKind, "Any of these kinds."),
        "status": any_of(_l.status, LetterStatus, "Any of these states."),
        "reference": equals(_l.reference, ShortLine, "The letter with this reference."),
        "updated_since": updated_since(_l.updated_at),
    },
    sorts={"updated_at": _l.updated_at},
)
