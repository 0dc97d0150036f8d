"""Ten words for ten amounts, of an aid, a firm, a territory and a contributor: each is computed in one place.

Six are what moved in the envelope's ledger, as `T/envelope` says them (`envelopes.queries`). The others belong to no
contribution: what files asked, what reviews recommended, what was certified of claims. What was given up is both: of
advances the ledger says it, of recoveries they do themselves, for a grant that is paid stays paid.
"""

from enum import Enum
from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    Boolean,
    Date,
    Integer,
    Numeric,
    Select,
    Text,
    Uuid,
    any_,
    case,
    cast,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased

from app.access.models import Organisation
from app.advances.models import Advance
from app.applications.models import Application, ApplicationPassage, ApplicationReview
from app.awards.claims.models import ClaimLine, ExpenseClaim
from app.awards.holders import holder_on
from app.awards.models import Aid, AidActRecord
from app.awards.recoveries.models import Recovery
from app.core.db import Statement, param
from app.core.reading.listing import as_object, json_array
from app.core.writing.events import BEFORE, last_event, said
from app.envelopes.models import Contribution, LedgerEntry
from app.envelopes.queries import figure, figures_by_closings
from app.firms.models import Firm
from app.grants.models import Grant
from app.programme.models import Territory

AS_OF = param("as_of", Date())
_territory = param("territory", Text())
_siren = param("siren", Text())

OF_FILES = ("requested_cents", "recommended_cents", "certified_cents", "waived_cents")
OF_THE_LEDGER = ("awarded_cents", "committed_cents", "paid_cents", "repaid_cents", "released_cents", "recovered_cents")
WAIVED = "waived_cents"
REMAINING = "remaining_to_pay_cents"


class Of(Enum):
    """What totals are of: a territory, a firm in one, a firm in all that the caller may see, the aid of an award."""

    TERRITORY = "territory"
    FIRM_THERE = "firm_there"
    FIRM = "firm"
    AID = "aid"


@cache
def totals(of: Of, known: bool) -> Statement:
    """The totals of one territory, firm or aid on a day, as one object; none where there is no such thing.

    `known` limits them to what had been recorded by an instant.
    """
    scope = _Scope(of, known)
    moved, places = _moved(scope), _places(scope)
    words = _words(scope, places, moved)
    times = (
        AS_OF.label("as_of"),
        (param("recorded_as_of", Date()) if known else cast(null(), Date)).label("recorded_as_of"),
    )
    if of is Of.FIRM:
        return Statement(as_object(_of_a_firm(words, places, times)))
    named = select(*(words.c[name] for name in _NAMES), *_named(scope, places), *times, _by_contributor(moved))
    return Statement(as_object(named.select_from(words).join(places, places.c.slug == words.c.territory)))


_NAMES = (
    "requested_cents", "recommended_cents", "awarded_cents", "committed_cents", "certified_cents", "paid_cents",
    "repaid_cents", "waived_cents", "released_cents", "recovered_cents", REMAINING,
)  # fmt: skip


class _Scope:
    """The rows that totals are of, as conditions; a firm's and an aid's go by its awards."""

    def __init__(self, of: Of, known: bool) -> None:
        self.of, self.known = of, known
        self.awards: CTE | None = None if of is Of.TERRITORY else self._awards()

    def _awards(self) -> CTE:
        """Those of the firm, or of the aid of the award that was asked for; `known`: those of before the instant."""
        asked = union_all(
            *(
                select(each.aid_id).where(each.territory == _territory, each.id == param("award_id", Uuid()))
                for each in (Grant, Advance)
            )
        ).subquery("asked")
        made = []
        for kind, each in (("grant", Grant), ("advance", Advance)):
            chosen: Any = each.aid_id.in_(select(asked.c.aid_id)) if self.of is Of.AID else self._held(each)
            if self.known:
                chosen &= each.created_at < BEFORE
            columns = (each.id, each.aid_id, each.territory, each.application_id)
            name = literal_column(f"'{kind}'", Text()).label("kind")
            made.append(select(name, *columns).where(self.within(each.territory), chosen))
        return union_all(*made).cte("award")

    def _held(self, award: Any) -> Any:
        """Whether the firm held the aid of an award on the day. Most aids never pass to another firm."""
        r = AidActRecord
        passed = select(r.aid_id).where(r.from_siren == _siren)
        mine = or_(award.siren == _siren, award.aid_id.in_(passed))
        return mine & (holder_on(award, AS_OF, BEFORE if self.known else None) == _siren)

    def within(self, territory: Any) -> Any:
        """In the territories that are asked for."""
        if self.of is not Of.FIRM:
            return territory == _territory
        seen = param("territories", ARRAY(Text()))
        return or_(seen.is_(None), territory == any_(seen))

    def of_awards(self, territory: Any, key: Any, name: str) -> Any:
        """Rows that belong to the awards: by their column `name`."""
        if self.awards is None:
            return self.within(territory)
        return self.within(territory) & key.in_(select(self.awards.c[name]))

    def files(self) -> Any:
        """The aid files: those of a firm also where nothing was awarded."""
        a = Application
        if self.of is Of.AID:
            return self.of_awards(a.territory, a.id, "application_id")
        return self.within(a.territory) if self.of is Of.TERRITORY else self.within(a.territory) & (a.siren == _siren)


# --- the words -------------------------------------------------------------------------------------------------------


def _moved(scope: _Scope) -> CTE:
    """What moved in the ledger, by territory and contributor: of a territory today by the closings of accounts."""
    if scope.of is Of.TERRITORY and not scope.known:
        by_closings = figures_by_closings()
        words = (by_closings.c[name] for name in (*OF_THE_LEDGER, WAIVED))
        return select(_territory.label("territory"), by_closings.c.organisation_id, *words).cte("moved")
    e = LedgerEntry
    rows = (
        select(e.territory, Contribution.organisation_id, e.debit, e.credit, e.amount_cents)
        .join(Contribution, Contribution.id == e.contribution_id)
        .where(scope.of_awards(e.territory, e.award_id, "id"), e.effective_on <= AS_OF)
    )
    entry = (rows.where(e.recorded_at < BEFORE) if scope.known else rows).cte("entry")
    figures = [figure(entry, name).label(name) for name in (*OF_THE_LEDGER, WAIVED)]
    return (
        select(entry.c.territory, entry.c.organisation_id, *figures)
        .group_by(entry.c.territory, entry.c.organisation_id)
        .cte("moved")
    )


def _received(scope: _Scope, file: Any) -> Select[Any]:
    """The receipt of a file by the day: its first act."""
    p = aliased(ApplicationPassage)
    received = select(p.number).where(p.application_id == file.id, p.number == literal_column("1", Integer()))
    received = received.where(p.effective_on <= AS_OF)
    return received.where(p.recorded_at < BEFORE) if scope.known else received


def _requested(scope: _Scope) -> Any:
    """What received files ask for. A file that another one has replaced asks for it no more."""
    a, later = Application, aliased(Application)
    replaced = exists(select(later.id).where(later.refiles_id == a.id, _received(scope, later).exists()))
    cents = func.sum(a.requested_grant_cents + a.requested_advance_cents)
    return select(a.territory, cents.label("cents")).where(scope.files(), _received(scope, a).exists(), ~replaced)


def _recommended(scope: _Scope) -> Any:
    """What completed reviews recommend. Events do not tell it: null where a review was changed since the instant."""
    a, r = Application, ApplicationReview
    cents: Any = func.sum(r.recommended_grant_cents + r.recommended_advance_cents)
    completed = r.completed_on <= AS_OF
    if scope.known:
        cents = case((~func.bool_or(r.updated_at >= BEFORE), cents))
        completed &= r.created_at < BEFORE
    rows = select(a.territory, cents.label("cents")).join(r, r.application_id == a.id)
    return rows.where(scope.files(), completed)


def _certified(scope: _Scope) -> Any:
    """What is certified of claims that are settled."""
    c, line = ExpenseClaim, ClaimLine
    rows = scope.of_awards(c.territory, c.aid_id, "aid_id")
    if not scope.known:
        claims = select(c.territory, func.sum(line.certified_cents).label("cents")).join(line, line.claim_id == c.id)
        return claims.where(rows, c.settled_on <= AS_OF)
    then = last_event("claim", select(c.id).where(rows).subquery("claim_ids"))
    cents = func.sum(said(then, "certified_cents", BigInteger()))
    claims = select(c.territory, cents.label("cents")).join(then, then.c.id == c.id)
    return claims.where(said(then, "settled_on", Date()) <= AS_OF)


def _waived(scope: _Scope) -> Any:
    """What was given up of recoveries: what was of advances moved in the ledger."""
    r = Recovery
    rows = scope.of_awards(r.territory, r.grant_id, "id")
    if not scope.known:
        return select(r.territory, func.sum(r.waived_cents).label("cents")).where(rows, r.waived_on <= AS_OF)
    then = last_event("recovery", select(r.id).where(rows).subquery("recovery_ids"))
    cents = func.sum(said(then, "waived_cents", BigInteger()))
    waived = select(r.territory, cents.label("cents")).join(then, then.c.id == r.id)
    return waived.where(said(then, "waived_on", Date()) <= AS_OF)


_BY_FILE = {
    "requested_cents": _requested,
    "recommended_cents": _recommended,
    "certified_cents": _certified,
    WAIVED: _waived,
}


def _remaining(words: Any) -> Any:
    return (words.awarded_cents - words.paid_cents - words.released_cents).label(REMAINING)


# --- put together ----------------------------------------------------------------------------------------------------


def _places(scope: _Scope) -> CTE:
    """The territories: the one that was asked for, or those in which the firm has a file or an award."""
    place = select(Territory.slug, Territory.name).where(scope.within(Territory.slug))
    if scope.of is Of.AID:
        assert scope.awards is not None
        place = place.where(exists(select(scope.awards.c.id)))
    elif scope.of is Of.FIRM:
        assert scope.awards is not None
        a = Application
        file = select(a.id).where(a.territory == Territory.slug, scope.files(), _received(scope, a).exists())
        award = select(scope.awards.c.id).where(scope.awards.c.territory == Territory.slug)
        place = place.where(or_(exists(file), exists(award)))
    return place.cte("place")


def _words(scope: _Scope, places: CTE, moved: CTE) -> CTE:
    """All words of each territory, nothing left out: 0 where nothing was done."""
    parts = {
        name: rows(scope).group_by(literal_column("1")).subquery(name.removesuffix("_cents"))
        for name, rows in _BY_FILE.items()
    }
    ledger = (
        select(moved.c.territory, *(func.sum(moved.c[name]).label(name) for name in (*OF_THE_LEDGER, WAIVED)))
        .group_by(moved.c.territory)
        .subquery("ledger")
    )
    joined: Any = places.outerjoin(ledger, ledger.c.territory == places.c.slug)
    for part in parts.values():
        joined = joined.outerjoin(part, part.c.territory == places.c.slug)
    columns: dict[str, Any] = {name: ledger.c[name] for name in OF_THE_LEDGER}
    columns |= {name: cast(part.c.cents, Numeric) for name, part in parts.items()}
    shown: dict[str, Any] = {name: func.coalesce(value, 0) for name, value in columns.items()}
    shown[WAIVED] += func.coalesce(ledger.c[WAIVED], 0)
    shown["recommended_cents"] = _if_readable(parts["recommended_cents"], places.c.slug)
    row = select(places.c.slug.label("territory"), *(value.label(name) for name, value in shown.items()))
    words = row.select_from(joined).subquery("word")
    return select(*words.c, _remaining(words.c)).cte("words")


def _if_readable(part: Any, territory: Any) -> Any:
    """What reviews recommend, where the caller may read reviews and it is known; 0 where there is none."""
    seen = param("reviewed", ARRAY(Text()))
    return case(
        (or_(seen.is_(None), territory == any_(seen)),
         case((part.c.territory.is_(None), cast(0, Numeric)), else_=cast(part.c.cents, Numeric)))
    )  # fmt: skip


def _named(scope: _Scope, places: CTE) -> list[Any]:
    """What the totals of one territory are of."""
    place = [places.c.slug.label("territory"), places.c.name.label("territory_name")]
    if scope.of is Of.TERRITORY:
        return [*place, cast(null(), Text).label("siren"), cast(null(), Text).label("firm_name")]
    if scope.of is Of.FIRM_THERE:
        name = select(Firm.name).where(Firm.siren == _siren).scalar_subquery()
        return [*place, _siren.label("siren"), name.label("firm_name")]
    award = scope.awards
    assert award is not None

    def of_aid(value: Any) -> Any:
        aid = select(award.c.aid_id).limit(literal_column("1")).scalar_subquery()
        return select(value).select_from(Aid).join(Firm, Firm.siren == Aid.siren).where(Aid.id == aid).scalar_subquery()

    def last(kind: str) -> Any:
        ids = select(func.max(cast(award.c.id, Text))).where(award.c.kind == literal_column(f"'{kind}'", Text()))
        return ids.scalar_subquery().label(f"{kind}_id")

    return [
        *place,
        of_aid(Aid.id).label("aid_id"),
        of_aid(Aid.decision_reference).label("decision_reference"),
        last("grant"),
        last("advance"),
        of_aid(Aid.siren).label("siren"),
        of_aid(Firm.name).label("firm_name"),
    ]


def _by_contributor(moved: CTE) -> Any:
    """The words of the ledger of each contributor."""
    each = (
        select(
            moved.c.organisation_id,
            Organisation.name.label("organisation_name"),
            *(moved.c[name] for name in OF_THE_LEDGER),
            _remaining(moved.c),
        )
        .join(Organisation, Organisation.id == moved.c.organisation_id)
        .subquery("each")
    )
    items = json_array(func.row_to_json(each.table_valued()), each.c.organisation_name, each.c.organisation_id)
    return select(items).scalar_subquery().label("by_contributor")


def _of_a_firm(words: CTE, places: CTE, times: tuple[Any, ...]) -> Select[Any]:
    """The totals of a firm over territories, and in each of them."""
    each = (
        select(*(words.c[n] for n in _NAMES), places.c.slug.label("territory"), places.c.name.label("territory_name"))
        .join(words, words.c.territory == places.c.slug)
        .subquery("each")
    )
    sums: dict[str, Any] = {name: func.coalesce(func.sum(each.c[name]), 0) for name in _NAMES}
    unknown = func.coalesce(func.bool_or(each.c.recommended_cents.is_(None)), literal_column("false", Boolean()))
    sums["recommended_cents"] = case((~unknown, sums["recommended_cents"]))
    by_territory = json_array(func.row_to_json(each.table_valued()), each.c.territory).label("by_territory")
    whole = select(*(value.label(name) for name, value in sums.items()), by_territory).subquery("whole")
    return (
        select(
            *(whole.c[name] for name in _NAMES),
            Firm.siren.label("siren"),
            Firm.name.label("firm_name"),
            *times,
            whole.c.by_territory,
        )
        .join(whole, true())
        .where(Firm.siren == _siren)
    )
