"""The story of an aid: all that was done, from the interview to the last recovery, by whom and when.

It is what the events say of the objects that led to the aid or came of it. What has days of its own, acts on files and
on aids, is read where it stands. A caller sees of it the objects that the caller may read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    Date,
    Integer,
    Select,
    Text,
    Uuid,
    any_,
    case,
    cast,
    column,
    func,
    literal_column,
    null,
    select,
    union_all,
    values,
)

from app.access.models import Subject
from app.access.rules import Actor
from app.advances.models import Advance, Repayment
from app.advances.tranches.models import Tranche
from app.applications.decisions.models import CommitteeDecision
from app.applications.models import Application, ApplicationPassage
from app.applications.rules import ApplicationAct
from app.auditions.models import Audition
from app.awards.change_requests.models import ChangeRequest
from app.awards.claims.models import ExpenseClaim
from app.awards.commitments.models import Commitment, CommitmentReport
from app.awards.letters.models import Letter
from app.awards.models import Aid, AidAct, AidActRecord
from app.awards.recoveries.models import Recovery, RecoveryReceipt
from app.core.db import Statement, param, paris_day
from app.core.reading.listing import as_object, json_array, json_object
from app.core.writing.events import Event
from app.firms.models import Firm
from app.grants.models import Grant
from app.grants.payments.models import GrantPayment
from app.projects.models import Project

_territory = param("territory", Text())


class Dated(NamedTuple):
    """An event that is told: the fields of its object that say its day (else that of its recording) and its amount."""

    day: str | None = None
    cents: tuple[str, ...] = ()


@dataclass(frozen=True)
class StoryObject:
    """Objects of the story: who may read them, which they are, the fields that name them and say their state."""

    resource: str
    permission: str
    name: str
    state: str
    told: Mapping[str, Dated] = field(default_factory=dict)


_AMOUNT = ("amount_cents",)
_ENDED = Dated("ended_on")
_AWARD = {
    "awarded": Dated("decided_on", _AMOUNT),
    **dict.fromkeys(("released", "cancelled", "terminated", "lapsed", "reversed"), _ENDED),
}
# In the order in which they follow from each other, which is that of what was done at one instant.
KINDS = (
    StoryObject("audition", "auditions:read", "held_on", "status", {"held": Dated("held_on")}),
    StoryObject(
        "project", "projects:read", "title", "stage",
        {"created": Dated("detected_on"), "stage_changed": Dated("stage_since_on")},
    ),
    StoryObject("application", "applications:read", "project_title", "state"),  # its acts have days of their own
    StoryObject(
        "committee_decision", "decisions:read", "reference", "outcome",
        {"taken": Dated("decided_on", ("grant_cents", "advance_cents")), "corrected": Dated(), "reversed": Dated()},
    ),
    StoryObject("grant", "grants:read", "decision_reference", "stage", _AWARD),
    StoryObject("advance", "advances:read", "decision_reference", "stage", _AWARD),
    StoryObject(
        "letter", "agreements:read", "reference", "status",
        {"drawn_up": Dated(), "signed": Dated("signed_on"), "notified": Dated("notified_on"), "withdrawn": Dated()},
    ),
    StoryObject(
        "change_request", "change_requests:read", "requested_on", "status",
        {"requested": Dated("requested_on"),
         **dict.fromkeys(("approved", "refused", "withdrawn"), Dated("decided_on"))},
    ),
    StoryObject(
        "claim", "claims:read", "number", "status",
        {"submitted": Dated(None, ("declared_cents",)), "settled": Dated("settled_on", ("certified_cents",)),
         "reopened": Dated(), "withdrawn": Dated()},
    ),
    StoryObject(
        "grant_payment", "grants:read", "reference", "status",
        {**dict.fromkeys(("proposed", "approved", "returned", "taken_back", "cancelled", "reversed"),
                         Dated(None, _AMOUNT)),
         "sent": Dated("sent_on", _AMOUNT), "rejected": Dated("rejected_on", _AMOUNT),
         **dict.fromkeys(("recorded", "created"), Dated("paid_on", _AMOUNT))},
    ),
    StoryObject(
        "advance_tranche", "advances:read", "paid_on", "status",
        {"created": Dated("paid_on", _AMOUNT), "reversed": Dated(None, _AMOUNT)},
    ),
    StoryObject(
        "advance_repayment", "advances:read", "reference", "status",
        {"created": Dated("received_on", _AMOUNT), "bounced": Dated("bounced_on", _AMOUNT),
         "reversed": Dated(None, _AMOUNT)},
    ),
    StoryObject(
        "recovery", "grants:read", "order_number", "status",
        {"opened": Dated("opened_on", _AMOUNT), "notified": Dated("notified_on", _AMOUNT),
         "ordered": Dated("ordered_on", _AMOUNT), "set_off": Dated(None, ("set_off_cents",)),
         "waived": Dated("waived_on", ("waived_cents",)), "reopened": Dated(), "withdrawn": Dated()},
    ),
    StoryObject(
        "recovery_receipt", "grants:read", "bank_reference", "status",
        {"recorded": Dated("received_on", _AMOUNT), "reversed": Dated(None, _AMOUNT)},
    ),
    StoryObject(
        "commitment", "grants:read", "due_on", "state",
        {"promised": Dated(), "overdue": Dated("overdue_on"), "judged": Dated("judged_on")},
    ),
    StoryObject("commitment_report", "grants:read", "observed_on", "", {"recorded": Dated("observed_on")}),
)  # fmt: skip

# What acts that have days of their own are called in the story. Amendments are told by their requests, ends of awards
# by their events.
OF_FILES = {
    ApplicationAct.SUBMIT: "submitted",
    ApplicationAct.ACKNOWLEDGE: "acknowledged",
    ApplicationAct.REQUEST_DOCUMENTS: "documents_requested",
    ApplicationAct.COMPLETE: "completed",
    ApplicationAct.ADMIT: "admitted",
    ApplicationAct.DECLARE_INADMISSIBLE: "declared_inadmissible",
    ApplicationAct.OPEN_REVIEW: "review_opened",
    ApplicationAct.EXTEND: "extended",
    ApplicationAct.WITHDRAW: "withdrawn",
    ApplicationAct.PRE_SELECT: "pre_selected",
    ApplicationAct.GRANT: "granted",
    ApplicationAct.DEFER: "deferred",
    ApplicationAct.REJECT: "rejected",
    ApplicationAct.REVERSE_DECISION: "decision_reversed",
    ApplicationAct.SILENCE_ADMITS: "deemed_admissible",
    ApplicationAct.SILENCE_REJECTS: "implicitly_rejected",
    ApplicationAct.REVERSE_SILENCE: "silence_reversed",
}
OF_AIDS = {
    AidAct.PLAN: "planned",
    AidAct.NOTIFY: "notified",
    AidAct.SIGN: "signed",
    AidAct.GUARANTEE: "guaranteed",
    AidAct.START: "started",
    AidAct.EXTEND_START: "start_extended",
    AidAct.COMPLETE: "completed",
    AidAct.CLOSE: "closed",
    AidAct.REOPEN: "reopened",
    AidAct.START_MISSING: "start_missing",
}


def readable(actor: Actor, territory: str) -> list[str]:
    """The kinds of object that this caller may read here."""
    return [each.resource for each in KINDS if actor.may(each.permission, territory)]


def _text(value: str) -> Any:
    return literal_column(f"'{value}'", Text())


def _place(*parts: Any) -> Any:
    """An address below the territory: texts and ids, one after the other."""
    return func.concat(*(_text(part) if isinstance(part, str) else part for part in parts))


def _awards() -> CTE:
    """The awards of the aid of the one that was asked for, those that were cancelled or reversed included."""
    asked = union_all(
        *(
            select(each.aid_id).where(each.territory == _territory, each.id == param("award_id", Uuid()))
            for each in (Grant, Advance)
        )
    ).cte("asked")
    return union_all(
        *(
            select(
                _text(kind).label("kind"), each.id, _place(f"{kind}s/", each.id).label("place"), each.aid_id,
                each.project_id, each.application_id, each.decision_reference,
            ).where(each.aid_id.in_(select(asked.c.aid_id)))
            for kind, each in (("grant", Grant), ("advance", Advance))
        )
    ).cte("award")  # fmt: skip


def _objects(award: CTE, root: Any) -> CTE:
    """The objects of the chain, each with its address below the territory."""

    def among(name: str) -> Select[Any]:
        return select(award.c[name])

    def of_aid(resource: str, table: Any, *place: Any) -> tuple[str, Select[Any]]:
        return resource, select(table.id, _place(*place, table.id).label("place")).where(
            table.aid_id.in_(among("aid_id"))
        )

    def of_award(resource: str, table: Any, key: Any, *place: Any) -> tuple[str, Select[Any]]:
        return resource, select(table.id, _place(*place, table.id).label("place")).where(key.in_(among("id")))

    d, p, r, t = CommitteeDecision, GrantPayment, RecoveryReceipt, Tranche
    found = (
        (
            "audition",
            select(Audition.id, _place("auditions/", Audition.id).label("place"))
            .join(Project, Project.detected_in_audition_id == Audition.id)
            .where(Project.id.in_(among("project_id"))),
        ),
        ("project", select(Project.id, _place("projects/", Project.id).label("place"))
            .where(Project.id.in_(among("project_id")))),
        ("committee_decision", select(d.id, _place("committees/", d.committee_id, "/decisions/", d.id).label("place"))
            .where(d.application_id.in_(among("application_id")))),
        ("grant", select(award.c.id, award.c.place).where(award.c.kind == _text("grant"))),
        ("advance", select(award.c.id, award.c.place).where(award.c.kind == _text("advance"))),
        of_aid("change_request", ChangeRequest, case(
            (ChangeRequest.grant_id.is_not(None), _place("grants/", ChangeRequest.grant_id)),
            else_=_place("advances/", ChangeRequest.advance_id),
        ), "/change-requests/"),
        of_aid("letter", Letter, "letters/"),
        of_aid("claim", ExpenseClaim, "claims/"),
        of_award("grant_payment", p, p.grant_id, "grants/", p.grant_id, "/payments/"),
        of_award("advance_tranche", t, t.advance_id, "advances/", t.advance_id, "/tranches/"),
        of_award("advance_repayment", Repayment, Repayment.advance_id, "advances/", Repayment.advance_id,
            "/repayments/"),
        of_award("recovery", Recovery, Recovery.grant_id, "grants/", Recovery.grant_id, "/recoveries/"),
        of_award("recovery_receipt", r, r.grant_id, "grants/", r.grant_id, "/recoveries/", r.recovery_id,
            "/receipts/"),
        of_aid("commitment", Commitment, "commitments/"),
        of_aid("commitment_report", CommitmentReport, root.c.place, "/commitments/", CommitmentReport.commitment_id,
            "/reports/"),
    )  # fmt: skip
    return union_all(*(select(_text(resource).label("resource"), *rows.subquery().c) for resource, rows in found)).cte(
        "object"
    )


def _told() -> Any:
    """Which events are told, as a table."""
    names = ("type", "resource", "act", "day", "cents", "name", "state")
    rows = [
        (f"{kind.resource}.{act}", kind.resource, act, told.day or "", ",".join(told.cents), kind.name, kind.state)
        for kind in KINDS
        for act, told in kind.told.items()
    ]
    return values(*(column(name, Text()) for name in names), name="told", literal_binds=True).data(rows)


def _called(act: Any, names: Mapping[Any, str]) -> Any:
    return case(*((act == _text(code), _text(name)) for code, name in names.items()))


def _of_events(objects: CTE) -> Select[Any]:
    e, told = Event.__table__.c, _told()

    def said(name: Any) -> Any:
        return e.data.op("->>", return_type=Text())(name)

    each = func.unnest(func.string_to_array(told.c.cents, _text(","))).column_valued("each")
    cents = select(func.sum(cast(said(each), BigInteger))).correlate(Event.__table__, told).scalar_subquery()
    return (
        select(
            func.coalesce(cast(said(told.c.day), Date), paris_day(e.occurred_at)).label("day"),
            e.occurred_at.label("recorded_at"),
            told.c.act,
            objects.c.resource,
            cast(objects.c.id, Text).label("id"),
            objects.c.place,
            said(told.c.name).label("name"),
            said(told.c.state).label("state"),
            cast(cents, BigInteger).label("cents"),
            e.actor_id.label("by"),
            e.sequence.label("turn"),
        )
        .select_from(objects)
        .join(told, told.c.resource == objects.c.resource)
        .join(
            Event.__table__,
            (e.resource_type == objects.c.resource) & (e.resource_id == cast(objects.c.id, Text))
            & (e.type == told.c.type),
        )
    )  # fmt: skip


def _of_files(award: CTE) -> Select[Any]:
    a, p = Application, ApplicationPassage
    asked = case((p.act == _text("submit"), a.requested_grant_cents + a.requested_advance_cents))
    return (
        select(
            p.effective_on,
            p.recorded_at,
            _called(p.act, OF_FILES),
            _text("application"),
            cast(a.id, Text),
            _place("applications/", a.id),
            Project.title,
            p.to_state,
            asked,
            p.recorded_by,
            cast(p.number, BigInteger),
        )
        .join(a, a.id == p.application_id)
        .join(Project, Project.id == a.project_id)
        .where(a.id.in_(select(award.c.application_id)))
    )


def _of_aids(award: CTE, root: Any) -> Select[Any]:
    r = AidActRecord
    return (
        select(
            r.on_day,
            r.recorded_at,
            _called(r.act, OF_AIDS),
            award.c.kind,
            cast(award.c.id, Text),
            award.c.place,
            award.c.decision_reference,
            cast(null(), Text),
            cast(null(), BigInteger),
            r.actor_id,
            cast(null(), BigInteger),
        )
        .select_from(r)
        .join(root, root.c.aid_id == r.aid_id)
        .join(award, award.c.id == func.coalesce(r.grant_id, r.advance_id, root.c.id))
        .where(r.act.in_([_text(act) for act in OF_AIDS]))
    )


@cache
def story() -> Statement:
    """The story of the aid of an award, of the kinds of object in `kinds`, in the order of days."""
    award = _awards()
    # What an act on the whole aid is told of: its grant, else its advance.
    root = select(award).order_by(award.c.kind.desc(), award.c.id).limit(literal_column("1")).cte("root")
    objects = _objects(award, root)
    entry = union_all(_of_events(objects), _of_files(award), _of_aids(award, root)).cte("entry")
    order = case(
        *((entry.c.resource == _text(kind.resource), literal_column(str(turn), Integer()))
          for turn, kind in enumerate(KINDS))
    )  # fmt: skip
    by = Subject.__table__.alias("by")
    shown = json_object(
        on=entry.c.day,
        recorded_at=entry.c.recorded_at,
        act=entry.c.act,
        object_type=entry.c.resource,
        object_id=entry.c.id,
        object_name=entry.c.name,
        link=func.concat(_text("/v1/territories/"), _territory, _text("/"), entry.c.place),
        state=entry.c.state,
        amount_cents=entry.c.cents,
        by=entry.c.by,
        by_name=by.c.name,
    )
    entries = (
        select(json_array(shown, entry.c.day, entry.c.recorded_at, order, entry.c.turn))
        .select_from(entry)
        .outerjoin(by, by.c.id == entry.c.by)
        .where(entry.c.resource == any_(param("kinds", ARRAY(Text()))))
        .scalar_subquery()
    )

    def last(kind: str) -> Any:
        return select(func.max(cast(award.c.id, Text))).where(award.c.kind == _text(kind)).scalar_subquery()

    return Statement(
        as_object(
            select(
                Aid.territory,
                Aid.id.label("aid_id"),
                Aid.decision_reference,
                Aid.decided_on,
                Aid.siren.label("siren"),
                Firm.name.label("firm_name"),
                last("grant").label("grant_id"),
                last("advance").label("advance_id"),
                entries.label("entries"),
            )
            .join(root, root.c.aid_id == Aid.id)
            .join(Firm, Firm.siren == Aid.siren)
        )
    )
