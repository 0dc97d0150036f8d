"""What notices, rates and proceedings add to the facts of an advance's account, as known now or at an instant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy import BigInteger, Date, Text, cast, func, or_, select, text
from sqlalchemy.dialects.postgresql import distinct_on

from app.advances.arrears.models import Acceleration, FormalNotice
from app.advances.arrears.rules import Given, runs_from
from app.advances.late import DatedRate, NoRate
from app.advances.legal_rates.models import LegalRate
from app.advances.legal_rates.rules import LegalRateMissing
from app.advances.position import Facts, Notice, Position, Standing, VersionCause
from app.advances.proceedings import rules as proceedings
from app.advances.proceedings.rules import Judged
from app.advances.replay import course, replay
from app.advances.rules import LateRate
from app.core.clock import after_months
from app.core.reading.listing import json_array
from app.core.values import FIRST_DAY, LAST_DAY
from app.core.writing.events import BEFORE, last_event, said
from app.firms.models import Proceeding, ProceedingKind

_n, _p, _x, _r = FormalNotice, Proceeding, Acceleration, LegalRate


@dataclass(frozen=True)
class Surroundings:
    """What an advance's account depends on beside its money: notices, rates of late interest, and proceedings.

    `standing` are the accelerations by judgments, with their proceedings; `void` are those that the register no longer
    bears out, with their days: a judgment was corrected.
    """

    notices: Sequence[Given]
    rates: Sequence[DatedRate]
    judged: Sequence[Judged]
    standing: Mapping[UUID, UUID]
    void: Mapping[UUID, date]

    def add_to(self, facts: Facts) -> Facts:
        """The facts with these beside them. A version of a void acceleration is looked at, and not applied."""
        return replace(
            facts,
            notices=[Notice(each.from_on, each.due_dates) for each in self.notices if each.from_on is not None],
            late_rates=self.rates,
            stops=proceedings.stops(self.judged),
            versions=[
                replace(version, cause=VersionCause.REPLAY) if version.act in self.void else version
                for version in facts.versions
            ],
        )


def replayed(facts: Facts, on: date) -> Position:
    """Where an advance of these facts stands at the end of a day. Raises `legal-rate-missing` (409)."""
    try:
        return replay(facts, on)
    except NoRate as missing:
        raise LegalRateMissing(on=missing.on) from missing


def replayed_so_far(facts: Facts, on: date) -> Position:
    """The same where a fact is taken that nothing may refuse: a day whose legal rate is not recorded bears nothing yet.

    Once it is recorded, the next act or tick replays all.
    """
    return replay(_rated(facts), on)


def course_so_far(facts: Facts, on: date) -> tuple[Position, list[Standing]]:
    """The same, and where it stands on every day."""
    return course(_rated(facts), on)


def _rated(facts: Facts) -> Facts:
    return replace(facts, late_rates=[*facts.late_rates, DatedRate(FIRST_DAY, LAST_DAY, 0)])


def columns(advance_id: Any, siren: Any, known: bool) -> list[Any]:
    """The columns of a row of facts that `surroundings_of` reads; `known` limits them to what an instant knew."""
    notice = [_n.id, _n.due_dates, _n.delay_days]
    notices = select(_n).where(_n.advance_id == advance_id)
    received: list[Any] = [_n.received_on, _n.first_presented_on]
    judged = select(_p).where(_p.siren == siren)
    said_of: dict[str, Any] = {name: getattr(_p, name) for name in _JUDGED}
    accelerations = select(_x).where(_x.advance_id == advance_id, _x.proceeding_id.is_not(None))
    rates = select(_r.from_on, _r.rate_bp).ext(distinct_on(_r.from_on)).order_by(_r.from_on, _r.id.desc())
    if known:
        then = last_event("advance_notice", _ids(_n, _n.advance_id == advance_id, "notice_ids"))
        notices = select(_n).join(then, then.c.id == _n.id).where(said(then, "status", Text()) == text("'recorded'"))
        received = [said(then, column.key, Date()) for column in received]
        of_firm = last_event("proceeding", _ids(_p, _p.siren == siren, "proceeding_ids"))
        judged = select(_p).join(of_firm, of_firm.c.id == _p.id)
        said_of = {name: said(of_firm, name, getattr(_p, name).type) for name in _JUDGED}
        accelerations = accelerations.where(_x.recorded_at < BEFORE)
        # Those that the service came with were published long before.
        rates = rates.where(or_(_r.recorded_by.is_(None), _r.recorded_at < BEFORE))
    else:
        notices = notices.where(_n.status == text("'recorded'"))
    rate = rates.subquery("rate")
    return [
        _array(notices, (*notice, *received), _n.id).label("notices"),
        _array(judged, (_p.id, *said_of.values()), _p.id).label("judged"),
        _array(accelerations, (_x.id, _x.proceeding_id, _x.accelerated_on), _x.id).label("accelerations"),
        _array(select(rate), (rate.c.from_on, rate.c.rate_bp), rate.c.from_on).label("legal_rates"),
        judgments(siren).label("counted_judgments"),
        legal_rates().label("counted_rates"),
    ]


def judgments(siren: Any) -> Any:
    """How often the proceedings of a firm were changed: another number is another state of the register."""
    return select(cast(func.coalesce(func.sum(_p.version), 0), BigInteger)).where(_p.siren == siren).scalar_subquery()


def legal_rates() -> Any:
    """How many legal rates were recorded: a row is kept, and a correction is a row more."""
    return select(func.count(_r.id)).scalar_subquery()


_JUDGED = ("kind", "opened_on", "noticed_on", "continued_until_on", "closed_on")


def _ids(table: Any, of_it: Any, name: str) -> Any:
    return select(table.id).where(of_it).subquery(name)


def _array(rows: Any, values: Sequence[Any], order: Any) -> Any:
    items = json_array(func.json_build_array(*values), order)
    return cast(rows.with_only_columns(items).scalar_subquery(), Text)


def surroundings_of(row: Any, late_rate: LateRate, late_rate_bp: int | None) -> Surroundings:
    """What `columns` have read. The agreement's rate of late interest holds where it has one, else the legal rates."""
    judged = [
        Judged(UUID(key), ProceedingKind(kind), date.fromisoformat(opened_on), *map(_day, days))
        for key, kind, opened_on, *days in from_json(row["judged"])
    ]
    due_on = {each.id: each.due_on for each in judged}
    accelerations = [(UUID(key), UUID(of), date.fromisoformat(on)) for key, of, on in from_json(row["accelerations"])]
    return Surroundings(
        notices=[
            Given(UUID(key), frozenset(map(date.fromisoformat, due)), runs_from(_day(received), _day(presented)), days)
            for key, due, days, received, presented in from_json(row["notices"])
        ],
        rates=(
            [_of_half_year(date.fromisoformat(on), bp) for on, bp in from_json(row["legal_rates"])]
            if late_rate is LateRate.LEGAL or late_rate_bp is None
            else [DatedRate(FIRST_DAY, LAST_DAY, late_rate_bp)]
        ),
        judged=judged,
        standing={key: of for key, of, on in accelerations if due_on.get(of) == on},
        void={key: on for key, of, on in accelerations if due_on.get(of) != on},
    )


def _day(text_: str | None) -> date | None:
    return None if text_ is None else date.fromisoformat(text_)


def _of_half_year(from_on: date, bp: int) -> DatedRate:
    return DatedRate(from_on, after_months(from_on, 6) - timedelta(days=1), bp)
