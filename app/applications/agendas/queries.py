"""Reads of agendas: the present one of a meeting, and those that were frozen."""

from typing import Any

from sqlalchemy import Text, and_, select

from app.access.models import Subject
from app.applications.agendas import schemas
from app.applications.agendas.models import Agenda, AgendaItem, AgendaReopening, FrozenAgenda
from app.applications.decisions.models import CommitteeDecision
from app.applications.models import Application
from app.committees.models import Committee
from app.core.db import Statement, param
from app.core.reading.listing import Listing, json_array, json_object
from app.firms.models import Firm
from app.projects.models import Project

_g, _i, _z, _r, _d, _a = Agenda, AgendaItem, FrozenAgenda, AgendaReopening, CommitteeDecision, Application
_territory = param("territory", Text())
_committee_id = param("committee_id", _g.committee_id.type)
_freezer = Subject.__table__.alias("freezer")
_reopener = Subject.__table__.alias("reopener")

_items: Any = (
    select(
        json_array(
            json_object(
                position=_i.position,
                application_id=_i.application_id,
                project_title=Project.title,
                siren=_a.siren,
                firm_name=Firm.name,
                state=_a.state,
                proposal=_i.proposal,
                grant_cents=_i.grant_cents,
                advance_cents=_i.advance_cents,
                note=_i.note,
                outcome=_d.outcome,
                decision_reference=_d.reference,
            ),
            _i.position,
        )
    )
    .select_from(_i)
    .join(_a, _a.id == _i.application_id)
    .join(Project, Project.id == _a.project_id)
    .join(Firm, Firm.siren == _a.siren)
    .outerjoin(
        _d,
        and_(
            _d.committee_id == _i.committee_id,
            _d.application_id == _i.application_id,
            _d.reversed_at.is_(None),
            _d.corrects_id.is_(None),
        ),
    )
    .where(_i.committee_id == _g.committee_id, _i.number == _g.number)
    .correlate(_g)
    .scalar_subquery()
)

AGENDAS = Listing(
    schema=schemas.Agenda,
    rows=select(
        _g.committee_id,
        _g.territory,
        _g.level,
        _g.state,
        _g.number,
        _items.label("items"),
        _z.frozen_at,
        _z.frozen_by,
        _freezer.c.name.label("frozen_by_name"),
        _z.content_hash,
        _g.version,
        _g.created_at,
        _g.updated_at,
    )
    .outerjoin(_z, and_(_z.committee_id == _g.committee_id, _z.number == _g.number))
    .outerjoin(_freezer, _freezer.c.id == _z.frozen_by)
    .where(_g.territory == _territory),
    key=_g.committee_id,
    key_name="committee_id",
    version=_g.version,
    derived=True,
)

FROZEN_AGENDAS = Listing(
    schema=schemas.FrozenAgenda,
    rows=select(
        _z.id,
        _z.committee_id,
        _z.number,
        _z.content_hash,
        _z.frozen_at,
        _z.frozen_by,
        _freezer.c.name.label("frozen_by_name"),
        _r.reopened_at,
        _r.reopened_by,
        _reopener.c.name.label("reopened_by_name"),
        _r.reason.label("reopening_reason"),
    )
    .outerjoin(_r, and_(_r.committee_id == _z.committee_id, _r.number == _z.number))
    .outerjoin(_freezer, _freezer.c.id == _z.frozen_by)
    .outerjoin(_reopener, _reopener.c.id == _r.reopened_by)
    .where(_z.territory == _territory, _z.committee_id == _committee_id),
    key=_z.id,
    derived=True,
    parent=select(Committee.id).where(Committee.territory == _territory, Committee.id == _committee_id),
    sorts={"number": _z.number},
)

FROZEN_CONTENT = Statement(
    select(_z.content, _z.content_hash).where(
        _z.territory == _territory, _z.committee_id == _committee_id, _z.id == param("id", _z.id.type)
    )
)
