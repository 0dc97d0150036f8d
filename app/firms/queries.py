"""Reads of firms."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal

from sqlalchemy import (
    Boolean,
    Date,
    DateTime,
    Numeric,
    Text,
    and_,
    any_,
    case,
    cast,
    exists,
    func,
    null,
    or_,
    select,
    text,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on

from app.access.models import Organisation, Subject
from app.core.db import Statement, literals, param
from app.core.reading.listing import (
    Filter,
    Listing,
    Rows,
    any_of,
    as_object,
    at_least,
    at_most,
    equals,
    finds,
    holds,
    json_object,
    updated_since,
)
from app.core.reading.query import Parameter
from app.core.reading.two_times import times_of
from app.core.values import Day, ExternalId, InseeCode, LegalFormCode, NafCode, Siren
from app.core.writing import events
from app.firms import schemas
from app.firms.models import (
    Diffusion,
    EuSize,
    Firm,
    FirmAccounts,
    FirmActivity,
    FirmNote,
    FirmOwner,
    FirmSeat,
    InseeCategory,
    Proceeding,
    ProceedingEnd,
    ProceedingKind,
    Site,
    Source,
    StageChange,
    TerritoryFirm,
)
from app.firms.rules import INTERVIEWED, SECTIONS, SOLICITED, NafVersion, Stage, divisions

_siren = param("siren", Text())
_territory = param("territory", Text())
_SHOWN = Firm.diffusion == "full"
_SITE_SHOWN = and_(_SHOWN, Site.diffusion == "full")


# The territories for which the reader sees since when the register knows what; NULL for all. Whoever enters a firm or
# changes it is interested in it: its instants, its days and the number of its changes tell a competitor.
_following = param("scope_following", ARRAY(Text()))
_BY_WHO_FOLLOWS: Mapping[str, Callable[[str], Any]] = dict.fromkeys(
    ("following", "declarer"), lambda _name: true()
)  # the rows ask for them


_TOLD = {"scope_following": None}  # an event tells who follows the firm, so that it says all


def _followed(siren: Any) -> Any:
    here = exists().where(TerritoryFirm.siren == siren, TerritoryFirm.territory == any_(_following))
    return _following.is_(None) | here


def _if_followed(column: Any, siren: Any) -> Any:
    return case((_followed(siren), column)).label(column.key)


def _in_commune(name: str) -> Any:
    here = select(Site.siret).where(Site.siren == Firm.siren, ~Site.closed)
    return here.where(Site.insee_code == any_(param(name, ARRAY(Text())))).exists()


def _naf_division(version: Any, code: Any) -> Any:
    return version.op("||")(text("':'")).op("||")(func.substr(code, text("1"), text("2")))


# What a firm is looked for by, in the register and among those that a territory follows.
_SEARCH: dict[str, Filter] = {
    "q": finds(
        Firm.search,
        Firm.siren,
        9,
        "Words of the name, trade names or acronym, each from its beginning, without accents or case; or a SIREN or "
        "SIRET, with spaces or without.",
    ),
    "siren": any_of(Firm.siren, Siren, "Firms with any of these SIREN."),
    "commune": Filter(
        Parameter(InseeCode, "Firms with an open site in any of these communes (INSEE codes).", many=True), _in_commune
    ),
    "naf_code": any_of(Firm.naf_code, NafCode, "Firms with any of these main activities."),
    "naf_version": any_of(Firm.naf_version, NafVersion, "Firms whose main activity is in this nomenclature."),
    "naf_section": Filter(
        Parameter(
            Literal[tuple(sorted({s for known in SECTIONS.values() for s in known}))],
            "Firms whose main activity is in any of these sections of its nomenclature (C is manufacturing in both).",
            many=True,
        ),
        lambda name: _naf_division(Firm.naf_version, Firm.naf_code) == any_(param(name, ARRAY(Text()))),
        divisions,
    ),
    "legal_form_code": any_of(Firm.legal_form_code, LegalFormCode, "Firms of any of these legal forms."),
    "headcount_bracket": any_of(
        Firm.headcount_bracket, schemas.Bracket, "Firms in any of these headcount brackets (INSEE)."
    ),
    "insee_category": any_of(Firm.insee_category, InseeCategory, "Firms in any of these categories of INSEE."),
    "ceased": holds(Firm.ceased, "true: firms that have ceased; false: firms that have not."),
    "sole_trader": holds(Firm.sole_trader, "true: sole traders; false: other firms."),
    "in_proceedings": holds(
        select(Proceeding.id).where(Proceeding.siren == Firm.siren, Proceeding.closed_on.is_(None)).exists(),
        "true: firms with an insolvency proceeding that has not ended; false: the others.",
    ),
}

_declarer = Organisation.__table__.alias("declarer")


def _declared(facts: Any, siren: Any) -> tuple[Any, Any]:
    """Who declared the facts, for those who follow the firm, and for itself."""
    told = _followed(siren) | (facts.declared_by == param("scope_declarer", Organisation.id.type))
    return (
        case((told, facts.declared_by)).label("declared_by_organisation_id"),
        case((told, _declarer.c.name)).label("declared_by_organisation_name"),
    )


_firm_updated_at = _if_followed(Firm.updated_at, Firm.siren)
_firm_as_of = _if_followed(Firm.as_of, Firm.siren)
_firm_version = _if_followed(Firm.version, Firm.siren)
FIRMS = Listing(
    schema=schemas.Firm,
    rows=select(
        Firm.siren,
        Firm.name,
        Firm.trade_names,
        case((_SHOWN, Firm.acronym)).label("acronym"),
        Firm.naf_code,
        Firm.naf_version,
        Firm.legal_form_code,
        Firm.headcount_bracket,
        Firm.headcount_year,
        Firm.insee_category,
        Firm.insee_category_year,
        Firm.founded_on,
        Firm.ceased,
        Firm.ceased_on,
        Firm.diffusion,
        Firm.sole_trader,
        Firm.seat_siret,
        Firm.source,
        Firm.source_reference,
        *_declared(Firm, Firm.siren),
        _firm_as_of,
        _firm_version,
        _if_followed(Firm.created_at, Firm.siren),
        _firm_updated_at,
    ).outerjoin(_declarer, _declarer.c.id == Firm.declared_by),
    key=Firm.siren,
    key_name="siren",
    version=_firm_version.element,
    derived=True,
    scopes=_BY_WHO_FOLLOWS,
    told=_TOLD,
    filters={
        **_SEARCH,
        "diffusion": any_of(Firm.diffusion, Diffusion, "Firms under any of these kinds of diffusion."),
        "source": any_of(Firm.source, Source, "Firms whose facts come from any of these sources."),
        "as_of_from": at_least(_firm_as_of.element, Day, "Firms whose facts were true on this day or later (as_of)."),
        "as_of_to": at_most(_firm_as_of.element, Day, "Firms whose facts were true on this day or earlier (as_of)."),
        "updated_since": updated_since(_firm_updated_at.element),
    },
    sorts={"name": Firm.name, "as_of": _firm_as_of.element, "updated_at": _firm_updated_at.element},
)

_PARENT = select(Firm.siren).where(Firm.siren == _siren)

_owner_version = _if_followed(FirmOwner.version, FirmOwner.siren)
OWNERS = Listing(
    schema=schemas.FirmOwner,
    rows=select(
        FirmOwner.siren,
        FirmOwner.name,
        _owner_version,
        _if_followed(FirmOwner.created_at, FirmOwner.siren),
        _if_followed(FirmOwner.updated_at, FirmOwner.siren),
    ),
    key=FirmOwner.siren,
    key_name="siren",
    version=_owner_version.element,
    derived=True,
    scopes={"following": lambda _name: _followed(FirmOwner.siren)},
    told=_TOLD,
)

# A code that was changed begins on the day of the change unless another is said, so its days are told as instants are:
# who does not follow the firm sees the codes that have no end.
_activity_days = [_if_followed(day, FirmActivity.siren) for day in (FirmActivity.from_on, FirmActivity.to_on)]
ACTIVITIES = Listing(
    schema=schemas.Activity,
    rows=select(
        FirmActivity.id, FirmActivity.siren, FirmActivity.naf_code, FirmActivity.naf_version, *_activity_days
    ).where(FirmActivity.siren == _siren, FirmActivity.to_on.is_(None) | _followed(FirmActivity.siren)),
    key=FirmActivity.id,
    parent=_PARENT,
    scopes=_BY_WHO_FOLLOWS,
    told=_TOLD,
    filters={
        "naf_version": any_of(FirmActivity.naf_version, NafVersion, "Codes of any of these nomenclatures."),
        "in_force_on": Filter(
            Parameter(Day, "Codes in force on this day."),
            lambda name: func.daterange(*(day.element for day in _activity_days), text("'[]'")).op(
                "@>", return_type=Boolean()
            )(param(name, Date())),
        ),
    },
    sorts={day.name: day.element for day in _activity_days},
    default_sort="to_on",
)

_site_updated_at = _if_followed(Site.updated_at, Site.siren)
_site_version = _if_followed(Site.version, Site.siren)
SITES = Listing(
    schema=schemas.Site,
    rows=select(
        Site.siret,
        Site.siren,
        Site.name,
        Site.insee_code,
        Site.commune_name,
        case((_SITE_SHOWN, Site.address)).label("address"),
        case((_SHOWN, Site.diffusion), else_=Firm.diffusion).label("diffusion"),
        Site.naf_code,
        Site.naf_version,
        Site.opened_on,
        Site.closed,
        Site.closed_on,
        (func.coalesce(Firm.seat_siret, text("''")) == Site.siret).label("is_seat"),
        Site.source,
        Site.source_reference,
        *_declared(Site, Site.siren),
        _if_followed(Site.as_of, Site.siren),
        _site_version,
        _if_followed(Site.created_at, Site.siren),
        _site_updated_at,
    )
    .join(Firm, Firm.siren == Site.siren)
    .outerjoin(_declarer, _declarer.c.id == Site.declared_by)
    .where(Site.siren == _siren),
    key=Site.siret,
    key_name="siret",
    version=_site_version.element,
    derived=True,
    parent=_PARENT,
    scopes=_BY_WHO_FOLLOWS,
    told=_TOLD,
    filters={
        "commune": any_of(Site.insee_code, InseeCode, "Sites in any of these communes (INSEE codes)."),
        "closed": holds(Site.closed, "true: closed sites; false: open sites."),
        "updated_since": updated_since(_site_updated_at.element),
    },
    sorts={"opened_on": Site.opened_on, "closed_on": Site.closed_on},
)

_seat_recorded_at = _if_followed(FirmSeat.recorded_at, FirmSeat.siren)
SEATS = Listing(
    schema=schemas.Seat,
    rows=select(
        FirmSeat.id,
        FirmSeat.siren,
        FirmSeat.siret,
        Site.insee_code,
        FirmSeat.from_on,
        _seat_recorded_at,
    )
    .join(Site, Site.siret == FirmSeat.siret)
    .where(FirmSeat.siren == _siren),
    key=FirmSeat.id,
    parent=_PARENT,
    scopes=_BY_WHO_FOLLOWS,
    sorts={"from_on": FirmSeat.from_on, "recorded_at": _seat_recorded_at.element},
    default_sort="recorded_at",
)


def open_on(proceeding: Any, on: Any) -> Any:
    """Whether a proceeding is open on a day; on the day of its closing it is not."""
    return open_between(proceeding.opened_on, proceeding.closed_on, on)


def open_between(opened_on: Any, closed_on: Any, on: Any) -> Any:
    """The same of a proceeding that was opened and closed on these days, as when they are those once known."""
    return (opened_on <= on) & or_(closed_on.is_(None), closed_on > on)


def in_proceedings(siren: Any, on: Any) -> Any:
    """Whether insolvency proceedings of the firm are open on a day."""
    return exists().where(Proceeding.siren == siren, open_on(Proceeding, on))


_proceeding_updated_at = _if_followed(Proceeding.updated_at, Proceeding.siren)
_proceeding_version = _if_followed(Proceeding.version, Proceeding.siren)
PROCEEDINGS = Listing(
    schema=schemas.Proceeding,
    rows=select(
        Proceeding.id,
        Proceeding.siren,
        Proceeding.kind,
        Proceeding.opened_on,
        Proceeding.noticed_on,
        Proceeding.continued_until_on,
        Proceeding.closed_on,
        Proceeding.ended_by,
        Proceeding.court,
        Proceeding.source,
        Proceeding.source_reference,
        *_declared(Proceeding, Proceeding.siren),
        _proceeding_version,
        _if_followed(Proceeding.created_at, Proceeding.siren),
        _proceeding_updated_at,
    )
    .outerjoin(_declarer, _declarer.c.id == Proceeding.declared_by)
    .where(Proceeding.siren == _siren),
    key=Proceeding.id,
    version=_proceeding_version.element,
    derived=True,
    parent=_PARENT,
    scopes=_BY_WHO_FOLLOWS,
    told=_TOLD,
    filters={
        "kind": any_of(Proceeding.kind, ProceedingKind, "Proceedings of any of these kinds."),
        "ended_by": any_of(Proceeding.ended_by, ProceedingEnd, "Proceedings that ended in any of these ways."),
        "closed": holds(
            Proceeding.closed_on.is_not(None), "true: proceedings that have ended; false: those that have not."
        ),
        "opened_from": at_least(Proceeding.opened_on, Day, "Opened on this day or later."),
        "opened_to": at_most(Proceeding.opened_on, Day, "Opened on this day or earlier."),
        "updated_since": updated_since(_proceeding_updated_at.element),
    },
    sorts={"opened_on": Proceeding.opened_on},
)

# --- a firm in a territory -------------------------------------------------------------------------------------------

TERRITORY_FIRMS = Listing(
    schema=schemas.TerritoryFirm,
    rows=select(
        TerritoryFirm.territory,
        TerritoryFirm.siren,
        Firm.name,
        Firm.naf_code,
        Firm.naf_version,
        Firm.insee_category,
        Firm.ceased,
        TerritoryFirm.stage,
        TerritoryFirm.reason,
        TerritoryFirm.stage_since_on,
        TerritoryFirm.eu_size,
        TerritoryFirm.eu_size_evidence_on,
        TerritoryFirm.eu_size_source,
        TerritoryFirm.external_id,
        TerritoryFirm.version,
        TerritoryFirm.created_at,
        TerritoryFirm.updated_at,
    )
    .join(Firm, Firm.siren == TerritoryFirm.siren)
    .where(TerritoryFirm.territory == _territory),
    key=TerritoryFirm.siren,
    key_name="siren",
    version=TerritoryFirm.version,
    derived=True,
    filters={
        **_SEARCH,
        "stage": any_of(TerritoryFirm.stage, Stage, "Firms at any of these stages at present."),
        "stage_since_from": at_least(
            TerritoryFirm.stage_since_on, Day, "Firms at their stage since this day or later."
        ),
        "stage_since_to": at_most(TerritoryFirm.stage_since_on, Day, "Firms at their stage since this day or earlier."),
        "eu_size": any_of(TerritoryFirm.eu_size, EuSize, "Firms of any of these sizes in Union law."),
        "external_id": equals(
            TerritoryFirm.external_id, ExternalId, "The firm that has this identifier in another system."
        ),
        "updated_since": updated_since(TerritoryFirm.updated_at),
    },
    sorts={"name": Firm.name, "stage": TerritoryFirm.stage, "stage_since_on": TerritoryFirm.stage_since_on},
)

# Events about the public facts of a firm reach the territories that have it among theirs.
events.FOLLOWED.append(select(TerritoryFirm.territory, func.concat("firm/", TerritoryFirm.siren).label("topic")))

FOLLOWED = select(TerritoryFirm.siren).where(TerritoryFirm.territory == _territory, TerritoryFirm.siren == _siren)

_STAGE_CHANGES = (
    select(
        StageChange.id,
        StageChange.siren,
        StageChange.stage,
        StageChange.previous_stage,
        StageChange.reason,
        StageChange.effective_on,
        StageChange.recorded_by,
        Subject.name.label("recorded_by_name"),
        StageChange.recorded_at,
    )
    .outerjoin(Subject, Subject.id == StageChange.recorded_by)
    .where(StageChange.territory == _territory)
)
STAGE_CHANGES = Listing(
    schema=schemas.StageChange,
    rows=_STAGE_CHANGES.where(StageChange.siren == _siren),
    key=StageChange.id,
    parent=FOLLOWED,
    filters={
        "stage": any_of(StageChange.stage, Stage, "Passages to any of these stages."),
        **times_of(StageChange.effective_on, StageChange.recorded_at),
    },
    sorts={"effective_on": StageChange.effective_on},
)
# Passages of all firms of a territory: what a file names by its id. No address lists them.
EVERY_STAGE_CHANGE = Listing(schema=schemas.StageChange, rows=_STAGE_CHANGES, key=StageChange.id)

ACCOUNTS = Listing(
    schema=schemas.Accounts,
    rows=select(
        FirmAccounts.territory,
        FirmAccounts.siren,
        FirmAccounts.year,
        FirmAccounts.turnover_cents,
        FirmAccounts.balance_sheet_cents,
        FirmAccounts.headcount,
        FirmAccounts.source,
        FirmAccounts.version,
        FirmAccounts.created_at,
        FirmAccounts.updated_at,
    ).where(FirmAccounts.territory == _territory, FirmAccounts.siren == _siren),
    key=FirmAccounts.year,
    key_name="year",
    version=FirmAccounts.version,
    parent=FOLLOWED,
    filters={"updated_since": updated_since(FirmAccounts.updated_at)},
)

NOTES = Listing(
    schema=schemas.FirmNote,
    rows=select(
        FirmNote.territory, FirmNote.siren, FirmNote.text, FirmNote.version, FirmNote.created_at, FirmNote.updated_at
    ).where(FirmNote.territory == _territory),
    key=FirmNote.siren,
    key_name="siren",
    version=FirmNote.version,
)


# Who was met where and when: Selects of (territory, siren, met_on), from what is recorded now, or (True) had been
# recorded before `known_before` in the territory asked for or in those given. The auditions add theirs.
MET: list[Callable[[bool, Rows | None], Rows]] = []


def interviewed(day: Any, *, known: bool = False, slugs: Rows | None = None) -> Rows:
    """The firms that were interviewed by a day, once each and territory: the one definition of it.

    As it was known then, it is told of the `territory` asked for, or of those in `slugs`.
    """
    before = select(StageChange.territory, StageChange.siren, StageChange.effective_on.label("met_on")).where(
        StageChange.counts_as_interview, StageChange.stage.in_(literals(sorted(INTERVIEWED)))
    )
    if known:
        before = before.where(StageChange.recorded_at < param("known_before", DateTime(timezone=True)))
    met = union_all(before, *(met(known, slugs) for met in MET)).subquery("met")
    return select(met.c.territory, met.c.siren).where(met.c.met_on <= day).distinct()


@cache
def funnel(known: bool) -> Statement:
    """The stages of the firms of a territory on a day; `known` limits it to what had been recorded by an instant."""
    counting = (
        select(StageChange.siren, StageChange.stage, StageChange.effective_on)
        .ext(distinct_on(StageChange.siren, StageChange.effective_on))
        .where(StageChange.territory == _territory, StageChange.effective_on <= param("as_of", Date()))
        .order_by(StageChange.siren, StageChange.effective_on, StageChange.id.desc())
    )
    if known:
        counting = counting.where(StageChange.recorded_at < param("known_before", DateTime(timezone=True)))
    passage = counting.cte("passage")
    once = func.bool_or
    met = interviewed(param("as_of", Date()), known=known).cte("interviewed")
    mine = select(met.c.siren).where(met.c.territory == _territory)
    each = (
        select(passage.c.siren, once(passage.c.stage.in_(literals(sorted(SOLICITED)))).label("solicited"))
        .group_by(passage.c.siren)
        .cte("each")
    )
    approached = select(each.c.siren).where(each.c.solicited).union(mine).subquery("approached")
    stood = (
        select(passage.c.siren, passage.c.stage)
        .ext(distinct_on(passage.c.siren))
        .order_by(passage.c.siren, passage.c.effective_on.desc())
        .cte("stood")
    )
    by_stage = {
        stage.value: func.count(stood.c.stage).filter(stood.c.stage == code)
        for stage, code in zip(Stage, literals(Stage), strict=True)
    }
    counts = select(
        select(func.count()).select_from(each).scalar_subquery().label("firms"),
        select(func.count()).select_from(approached).scalar_subquery().label("solicited"),
        select(func.count()).select_from(mine.subquery("mine")).scalar_subquery().label("interviewed"),
    ).cte("counts")
    rate = func.round(cast(counts.c.interviewed, Numeric) / func.nullif(counts.c.solicited, text("0")), text("4"))
    return Statement(
        as_object(
            select(
                _territory.label("territory"),
                param("as_of", Date()).label("as_of"),
                (param("recorded_as_of", Date()) if known else cast(null(), Date)).label("recorded_as_of"),
                counts.c.firms,
                select(json_object(**by_stage)).select_from(stood).scalar_subquery().label("firms_by_stage"),
                counts.c.solicited.label("firms_solicited"),
                counts.c.interviewed.label("firms_interviewed"),
                rate.label("response_rate"),
            )
        )
    )
