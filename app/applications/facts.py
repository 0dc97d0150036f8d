"""The facts of one aid file that the conditions look at, in one query, however many lines it has."""

from datetime import date
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy import (
    ColumnElement,
    Date,
    ScalarSelect,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    literal_column,
    select,
    text,
    true,
    union_all,
)
from sqlalchemy.orm import aliased

from app.applications.conditions import BankDetailsKnown, FileFacts, LineFacts
from app.applications.models import Application, ApplicationLine, ApplicationPassage, ApplicationReview
from app.applications.rules import OPEN, ApplicationAct, Kyc
from app.core.db import Statement, driver_connection, literals, param
from app.core.problems import NotFound
from app.core.reading.listing import json_array
from app.core.writing.writes import Write
from app.firms.bank_details.models import BankDetails
from app.firms.bank_details.rules import BankDetailsStatus
from app.firms.certificates.models import CertificateKind, FirmCertificate
from app.firms.certificates.queries import counts_longest
from app.firms.models import FirmAccounts, TerritoryFirm
from app.firms.queries import in_proceedings
from app.programme.models import PerimeterCommune
from app.programme.queries import vintage_on
from app.projects.financing import PLANNED, PROGRAMME_AID, PlanStatus, SourceKind
from app.projects.models import AIDED, FinancingLine, FinancingPlan, FundingStatement, Project
from app.projects.rules import FundingRoute, ProjectStage, can_receive_a_file
from app.schemes.models import Scheme
from app.schemes.queries import parameters_on, valid_on
from app.schemes.rules import Parameters


class Awarded(NamedTuple):
    """What a decision would give, in cents."""

    grant_cents: int
    advance_cents: int


_on = param("on", Date())
_a, _p = Application, Project
_scheme: ColumnElement[str] = Application.__table__.c.scheme
_received_on = func.coalesce(_a.received_on, _on, type_=Date())
# The file with what depends on its day of receipt, computed once.
_file = (
    select(
        _a.id, _a.territory, _a.siren, _a.project_id, _a.base_cents, _a.requested_grant_cents,
        _a.requested_advance_cents, _a.planned_start_on, _a.planned_end_on, _received_on.label("received_on"),
        parameters_on(_scheme, _received_on).label("parameters"), _p.commune_code, _p.stage, _p.funding_route,
        valid_on(Scheme, _received_on).label("scheme_open"),
    )
    .join(Project, _p.id == _a.project_id)
    .join(Scheme, Scheme.code == _scheme)
    .where(_a.territory == param("territory", Text()), _a.id == param("id", _a.id.type))
    .cte("file")
)  # fmt: skip
_f = _file.c
_of_firm = {model: and_(model.territory == _f.territory, model.siren == _f.siren)
            for model in (TerritoryFirm, FirmAccounts, BankDetails, FirmCertificate)}  # fmt: skip


def _literal(value: str) -> ColumnElement[str]:
    return literal_column(f"'{value}'", Text())


def _sum(column: Any, among: Any) -> ColumnElement[int]:
    return func.coalesce(func.sum(column).filter(among), text("0"))


def _lines() -> ScalarSelect[Any]:
    line = ApplicationLine
    each = func.json_build_array(line.kind, line.amount_cents, line.ordered_on, line.preliminary)
    return select(json_array(each, line.position)).where(line.application_id == _f.id).scalar_subquery()


def _plan() -> Any:
    """The last version of the project's financing plan: whether it is complete, and the public aid it counts on."""
    plan, line = FinancingPlan, FinancingLine
    last = (
        select(plan.id, plan.status)
        .where(plan.project_id == _f.project_id)
        .order_by(plan.number.desc())
        .limit(literal_column("1"))
        .correlate(_file)
        .lateral("last")
    )
    counted = line.status.in_(literals(sorted(PLANNED)))
    money = (
        select(
            _sum(line.amount_cents, line.kind == _literal(SourceKind.OTHER_PUBLIC_AID)).label("other"),
            _sum(line.amount_cents, line.kind.in_(literals(sorted(PROGRAMME_AID)))).label("programme"),
        )
        .where(line.plan_id == last.c.id, counted)
        .lateral("money")
    )
    complete = last.c.status == _literal(PlanStatus.COMPLETE)
    return select(complete.label("complete"), money.c.other, money.c.programme).join(money, true()).lateral("plan")


def _awards() -> Any:
    """The awards that stand for the project: those of the firm, and those of its other holders."""
    standing = union_all(*AIDED).subquery("standing")
    c = standing.c
    return (
        select(
            _sum(c.amount_cents, c.siren == _f.siren).label("own"),
            _sum(c.amount_cents, c.siren != _f.siren).label("others"),
        )
        .where(c.project_id == _f.project_id)
        .lateral("awards")
    )


def _requested_by_others() -> ScalarSelect[Any]:
    """What the open files of the project's other holders request."""
    other = aliased(Application)
    requested = func.sum(other.requested_grant_cents + other.requested_advance_cents)
    return (
        select(func.coalesce(requested, text("0")))
        .where(other.project_id == _f.project_id, other.siren != _f.siren, other.state.in_(literals(OPEN)))
        .scalar_subquery()
    )


def _certificate(kind: CertificateKind) -> Any:
    """The certificate of the firm that counts longest, of those that were issued by the day of the act."""
    days = _f.parameters["certificate_days"].as_integer()
    counting = counts_longest(_of_firm[FirmCertificate], kind, days, _on)
    return counting.correlate(_file).lateral(f"{kind}_certificate")


def _bank_details(status: BankDetailsStatus) -> ColumnElement[bool]:
    return exists().where(_of_firm[BankDetails], BankDetails.status == _literal(status))


def _pre_selected() -> ColumnElement[bool]:
    passage, later = ApplicationPassage, aliased(ApplicationPassage)
    reversed_ = exists().where(later.application_id == passage.application_id, later.reverses_number == passage.number)
    act = _literal(ApplicationAct.PRE_SELECT)
    return exists().where(passage.application_id == _f.id, passage.act == act, ~reversed_)


@cache
def facts() -> Statement:
    """The facts of one file; `arguments_of` names its values, `read_facts` reads its row."""
    plan, awards, review = _plan(), _awards(), ApplicationReview
    tax, social = _certificate(CertificateKind.TAX), _certificate(CertificateKind.SOCIAL)
    commune, statement = PerimeterCommune, FundingStatement
    return Statement(
        select(
            _f.received_on, cast(_f.parameters, Text).label("parameters"), cast(_lines(), Text).label("lines"),
            _f.scheme_open, _f.stage, _f.funding_route, _f.base_cents, _f.requested_grant_cents,
            _f.requested_advance_cents, _f.planned_start_on, _f.planned_end_on,
            exists().where(
                commune.territory == _f.territory, commune.insee_code == _f.commune_code,
                commune.vintage == vintage_on(_f.territory, _f.received_on),
            ).label("in_perimeter"),
            func.coalesce(plan.c.complete, text("false")).label("plan_complete"),
            func.coalesce(plan.c.other, text("0")).label("other_public_aid_cents"),
            func.coalesce(plan.c.programme, text("0")).label("planned_programme_cents"),
            awards.c.own.label("own_awards_cents"), awards.c.others.label("other_awards_cents"),
            _requested_by_others().label("requested_by_others_cents"),
            exists().where(statement.project_id == _f.project_id, statement.stated_on <= _on)
            .label("stated_no_other_funding"),
            tax.c.until_on.label("tax_until_on"), tax.c.id.label("tax_certificate_id"),
            social.c.until_on.label("social_until_on"), social.c.id.label("social_certificate_id"),
            in_proceedings(_f.siren, _on).label("proceedings_open"),
            exists().where(_of_firm[FirmAccounts]).label("accounts_known"),
            exists().where(_of_firm[TerritoryFirm], TerritoryFirm.eu_size.is_not(None)).label("eu_size_known"),
            case(
                (_bank_details(BankDetailsStatus.APPROVED), _literal(BankDetailsKnown.APPROVED)),
                (_bank_details(BankDetailsStatus.PROPOSED), _literal(BankDetailsKnown.PROPOSED)),
                else_=_literal(BankDetailsKnown.MISSING),
            ).label("bank_details"),
            select(BankDetails.id)
            .where(_of_firm[BankDetails], BankDetails.status == _literal(BankDetailsStatus.APPROVED))
            .scalar_subquery().label("bank_details_id"),
            _pre_selected().label("pre_selected"),
            exists().where(review.application_id == _f.id, review.completed_on <= _on).label("review_completed"),
            exists().where(review.application_id == _f.id, review.kyc == _literal(Kyc.CLEAR)).label("kyc_clear"),
        )
        .select_from(_file)
        .join(awards, true())
        .outerjoin(plan, true())
        .outerjoin(tax, true())
        .outerjoin(social, true())
    )  # fmt: skip


def arguments_of(territory: str, application_id: UUID, on: date) -> dict[str, Any]:
    """What `facts` is asked with. `on` is the day of the act: for `submit`, the day of receipt; for a draft, today."""
    return {"territory": territory, "id": application_id, "on": on}


def read_facts(row: Any, on: date, awarded: Awarded | None = None) -> FileFacts:
    """The row of `facts` as the conditions take it. Raises `NotFound`."""
    if row is None:
        raise NotFound
    values = dict(row)
    requested = values["requested_grant_cents"] + values["requested_advance_cents"]
    own, other_awards = int(values.pop("own_awards_cents")), int(values.pop("other_awards_cents"))
    requested_by_others = int(values.pop("requested_by_others_cents"))
    planned, others = int(values.pop("planned_programme_cents")), int(values.pop("other_public_aid_cents"))
    if awarded is None:  # the aid is what is requested, or more where the plan counts on more
        programme = max(own + requested, planned - other_awards - requested_by_others)
    else:
        programme = own + sum(awarded)
    stage, route = ProjectStage(values.pop("stage")), values.pop("funding_route")
    lines = [
        LineFacts(kind, amount_cents, date.fromisoformat(ordered_on) if ordered_on else None, preliminary)
        for kind, amount_cents, ordered_on, preliminary in from_json(values.pop("lines"))
    ]
    return FileFacts(
        on=on,
        parameters=Parameters.of(from_json(values.pop("parameters") or "{}")),
        lines=tuple(lines),
        project_stage=stage,
        project_ready=can_receive_a_file(stage, FundingRoute(route) if route else None),
        other_public_aid_cents=others,
        public_aid_cents=others + programme,
        bank_details=BankDetailsKnown(values.pop("bank_details")),
        awarded_grant_cents=awarded.grant_cents if awarded else 0,
        awarded_advance_cents=awarded.advance_cents if awarded else 0,
        **values,
    )


async def facts_of(
    write: Write, territory: str, application_id: UUID, on: date, awarded: Awarded | None = None
) -> FileFacts:
    """The facts of a file inside a write, which has flushed what it changed before. Raises `NotFound`."""
    connection = await driver_connection(write.session)
    row = await connection.fetchrow(facts().sql, *facts().arguments(arguments_of(territory, application_id, on)))
    return read_facts(row, on, awarded)
