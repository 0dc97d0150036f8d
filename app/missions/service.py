"""Writes of missions. Days and window come from orders alone; every change of them is an act."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import MISSING
from sqlalchemy import Date, bindparam, delete, func, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.access.models import Subject
from app.access.rules import person
from app.core.db import touch
from app.core.messages import DUPLICATE, NOT_FOUND, PERIOD_REVERSED, REQUIRED
from app.core.problems import AlreadyExists, Problem, ReferenceNotFound, ValidationFailed
from app.core.writing.writes import Change, Explain, Write, differing, given, put, refused_as
from app.missions import schemas
from app.missions.frameworks import service as frameworks
from app.missions.models import (
    CERTIFIED_UNTIL,
    FOREVER,
    MEMBER_DAYS,
    MISSION_DAYS,
    TRAVEL,
    Allotment,
    Consultant,
    LateEntryLeave,
    MemberDays,
    Mission,
    MissionActivity,
    MissionDays,
    MissionMember,
    Order,
    OrderKind,
    Rate,
    ThresholdCrossing,
)
from app.missions.queries import ALLOTMENTS, CONSULTANTS, LATE_ENTRY_LEAVES, MEMBERS, MISSIONS, ORDERS, RATES
from app.missions.rest_days import HolidayCalendar, rest_days
from app.missions.rules import PAST, MissionAction, MissionEnded, MissionInUse, MissionStatus, next_status


class StepInUse(Problem):
    """The step cannot change after days have been entered."""

    status = 409
    title_fr = "Le pas ne peut plus changer dès que des jours sont saisis."
    cure = "Reverse or recall the entries of this mission first."
    cure_fr = "Contre-passez ou rappelez d'abord les saisies de cette mission."


class SecondInitialOrder(Problem):
    """The mission already has its initial order."""

    status = 409
    title_fr = "La mission a déjà son bon de commande initial."
    cure = "Order more days, or another window, with an amendment."
    cure_fr = "Commandez des jours ou une autre période par un avenant."


class OrderMissing(Problem):
    """The mission has no initial order yet."""

    status = 409
    title_fr = "La mission n'a pas encore de bon de commande initial."
    cure = "Record the initial order first."
    cure_fr = "Enregistrez d'abord le bon de commande initial."


class OrderedBelowEntered(Problem):
    """The mission would have fewer days ordered than entered."""

    status = 409
    title_fr = "La mission aurait moins de jours commandés que de jours saisis."
    detail = "{days_ordered} days would be ordered, {days_entered} are entered."
    detail_fr = "{days_ordered} jours seraient commandés, {days_entered} sont saisis."
    cure = "Take away fewer days, or reverse entries first."
    cure_fr = "Retirez moins de jours, ou contre-passez d'abord des saisies."


class AmendmentTooEarly(Problem):
    """Days that count before a later order would exceed the days that the amendment leaves."""

    status = 409
    title_fr = "Des jours comptés avant une commande ultérieure dépasseraient ceux que laisse l'avenant."
    cure = "Take away fewer days, sign the amendment on a later day, or reverse entries first."
    cure_fr = "Retirez moins de jours, signez l'avenant à une date ultérieure, ou contre-passez d'abord des saisies."


class AllotmentsExceedOrder(Problem):
    """The members' allotments would exceed the days ordered."""

    status = 409
    title_fr = "Les quotas des membres dépasseraient les jours commandés."
    detail = "{days_allotted} days would be allotted, {days_ordered} ordered."
    detail_fr = "{days_allotted} jours seraient alloués, {days_ordered} commandés."
    cure = "Allot fewer days, or record an amendment that orders more."
    cure_fr = "Allouez moins de jours, ou enregistrez un avenant qui en commande plus."


class AllotmentBelowEntered(Problem):
    """The member has entered more days than this allotment."""

    status = 409
    title_fr = "Le membre a saisi plus de jours que ce quota."
    detail = "{days_allotted} days would be allotted, {days_entered} are entered."
    detail_fr = "{days_allotted} jours seraient alloués, {days_entered} sont saisis."
    cure = "Allot at least the days that are entered, or reverse entries first."
    cure_fr = "Allouez au moins les jours saisis, ou contre-passez d'abord des saisies."


class EntriesOutsideWindow(Problem):
    """Entries would fall outside the mission's window."""

    status = 409
    title_fr = "Des saisies tomberaient hors de la période de la mission."
    detail = "{entries} entries would be outside the window."
    detail_fr = "{entries} saisies seraient hors de la période."
    cure = "Move, recall or reverse them first."
    cure_fr = "Déplacez-les, rappelez-les ou contre-passez-les d'abord."


class EntriesOnRestDays(Problem):
    """Some entries are on days that would become rest days."""

    status = 409
    title_fr = "Des saisies sont à des jours qui deviendraient des jours de repos."
    detail = "{entries} entries are on weekends or public holidays."
    detail_fr = "{entries} saisies sont un week-end ou un jour férié."
    cure = "Move, recall or reverse them first."
    cure_fr = "Déplacez-les, rappelez-les ou contre-passez-les d'abord."


class ActivityInUse(Problem):
    """Some entries carry an activity that would be renamed, left out or ended before their day."""

    status = 409
    title_fr = "Des saisies portent une activité qui serait renommée, retirée ou terminée avant leur jour."
    cure = (
        "Keep the activity as it is, end it (to_on) on the last day worked or later, and list another in its place; or,"
        " where these entries are all drafts or submitted, change their activity first."
    )
    cure_fr = (
        "Gardez l'activité telle quelle, terminez-la (to_on) au dernier jour travaillé ou plus tard, et listez-en une"
        " autre à sa place ; ou, si ces saisies sont toutes en brouillon ou soumises, changez d'abord la leur."
    )


class TravelNotCounted(Problem):
    """Travel cannot be listed as an activity: this mission does not count travel."""

    status = 409
    title_fr = "Le déplacement ne peut pas figurer parmi les activités : cette mission ne compte pas le déplacement."
    cure = "Set travel_counts to true, or remove travel from the activities."
    cure_fr = "Mettez travel_counts à true, ou retirez travel des activités."


class RatesOverlap(Problem):
    """The member already has a rate for this profile on some of these days."""

    status = 409
    title_fr = "Le membre a déjà un prix pour ce profil à certaines de ces dates."
    cure = "End the other rate first, or change it."
    cure_fr = "Terminez d'abord l'autre prix, ou modifiez-le."


class RateCertified(Problem):
    """Certified days are priced at this rate."""

    status = 409
    title_fr = "Des jours attestés sont payés à ce prix."
    detail = "The last of them is {certified_until_on}."
    detail_fr = "Le dernier est le {certified_until_on}."
    cure = "End the rate on that day or later, and add another from the next day; or cancel the certificates first."
    cure_fr = (
        "Terminez le prix ce jour-là ou plus tard, et ajoutez-en un autre dès le lendemain ; ou annulez d'abord les"
        " attestations."
    )


class ProfileCertified(Problem):
    """Certified days of this assignment are paid as its profile."""

    status = 409
    title_fr = "Des jours attestés de cette affectation sont payés selon son profil."
    cure = "End the assignment and make another with the new profile; or cancel the certificates first."
    cure_fr = (
        "Terminez l'affectation et faites-en une autre avec le nouveau profil ; ou annulez d'abord les attestations."
    )


class MissionWindow(Problem):
    """The window cannot end before it starts."""

    status = 409
    title_fr = "La période ne peut pas finir avant de commencer."


class SecondLead(Problem):
    """The consortium already has a lead firm."""

    status = 409
    title_fr = "Le groupement a déjà son mandataire."
    cure = "Make the other member a partner first."
    cure_fr = "Faites d'abord de l'autre membre un cotraitant."


class PersonNotInConsortium(Problem):
    """The person's organisation is not a member of the mission's consortium."""

    status = 409
    title_fr = "L'organisation de la personne n'est pas membre du groupement."
    cure = "Add the organisation to the mission's members first."
    cure_fr = "Ajoutez d'abord l'organisation aux membres de la mission."


class AlreadyAssigned(Problem):
    """The person is already assigned to this mission on some of these days."""

    status = 409
    title_fr = "La personne est déjà affectée à cette mission à certaines de ces dates."
    cure = "End the other assignment first, or change it."
    cure_fr = "Terminez d'abord l'autre affectation, ou modifiez-la."


class EntriesOutsideAssignment(Problem):
    """Some entries of this person would be outside the assignment."""

    status = 409
    title_fr = "Des saisies de cette personne seraient hors de l'affectation."
    cure = "Move or reverse them first, and delete those that are drafts."
    cure_fr = "Déplacez-les ou contre-passez-les d'abord, et supprimez celles qui sont en brouillon."


async def create_mission(write: Write, territory: str, body: schemas.MissionCreate) -> Change:
    """A mission without days yet: its orders bring them."""
    mission = Mission(territory=territory, **body.model_dump(exclude={"activities"}))
    write.session.add(mission)
    await write.session.flush()
    write.session.add(MissionDays(mission_id=mission.id, step=mission.step))
    usual = [one for one in schemas.USUAL_ACTIVITIES if mission.travel_counts or one.code != TRAVEL]
    await _set_activities(write, mission, body.activities or usual)
    return Change("mission.created", MISSIONS, [mission.id], {"territory": territory})


async def update_mission(write: Write, territory: str, mission_id: UUID, body: schemas.MissionUpdate) -> Change:
    """Change a mission. What counts already stays within its rules.

    Raises `step-in-use`, `activity-in-use`, `travel-not-counted`, `entries-on-rest-days` (409).
    """
    mission = await _mission(write, territory, mission_id)
    write.expect(mission.version)
    step = mission.step
    values = given(body)
    values.pop("activities", None)
    activities = body.activities if body.activities is not MISSING else None
    if values.get("travel_counts") is False and activities is None:
        activities = [one for one in await _activities(write, mission_id) if one.code != TRAVEL]
    # The list before the limit row: entries lock in this order.
    listed = activities is not None and await _set_activities(write, mission, activities, values.get("travel_counts"))
    days = await _days(write, mission_id)
    changed = put(mission, values)
    if changed:
        if mission.step != step and days.days_entered:
            raise StepInUse
        await write.session.flush()  # the new step reaches the limit row by its foreign key
        await write.session.refresh(days)
        days.enterable_until_on = await _enterable_until(write, mission, days.ends_on)
        days.entered_on = None
        await _set_rest_days(write, mission, days)
        await _arm(write, mission, days)
    elif listed:
        touch(mission)
    changed_at_all = changed or listed
    return Change("mission.updated" if changed_at_all else "", MISSIONS, [mission_id], {"territory": territory})


async def act(write: Write, territory: str, mission_id: UUID, action: MissionAction, reason: str) -> Change:
    """Close a mission, cancel one that was made by mistake, or reopen it. The limit row is held: entries wait.

    What a cancelled mission ordered comes back to its framework, and counts again once it is reopened.

    Raises `mission-transition`, `mission-in-use`, `framework-exhausted` (409), `person-required` (403).
    """
    mission = await _mission(write, territory, mission_id)
    write.expect(mission.version)
    status = next_status(action, MissionStatus(mission.status))
    decided_by = person(write.actor)
    days = await _days(write, mission_id)
    if status is MissionStatus.CANCELLED and await write.session.scalar(_COUNTED, {"mission_id": mission_id}):
        raise MissionInUse
    days.entered_on = None  # the last spending entered days in what was open
    await write.session.flush()
    frameworks.count_last(write)
    mission.status = status  # the limit row follows by its foreign key
    mission.status_by, mission.status_at, mission.status_reason = decided_by, write.now, reason
    return Change(f"mission.{PAST[action]}", MISSIONS, [mission_id], {"territory": territory})


# Days that count, or did at the end of a day before their reversal.
_COUNTED = text(
    "SELECT EXISTS (SELECT FROM time_entries WHERE mission_id = :mission_id"
    " AND (status IN ('submitted', 'validated', 'certified') OR reversal_counted_on > counted_on))"
)


async def _activities(write: Write, mission_id: UUID) -> list[schemas.ListedActivity]:
    a = MissionActivity
    rows = await write.session.scalars(select(a).where(a.mission_id == mission_id).order_by(a.position))
    return [
        schemas.ListedActivity(code=row.code, label=row.label, to_on=None if row.until_on == FOREVER else row.until_on)
        for row in rows
    ]


async def _set_activities(
    write: Write, mission: Mission, wanted: Sequence[schemas.ListedActivity], travel_counts: bool | None = None
) -> bool:
    """Make the list of activities what is wanted; whether anything changed.

    What an entry carries cannot go, nor be renamed: the activity is sealed, and its end moves the entries' own, which
    hold it. Travel comes where it counts, now or (`travel_counts`) in a moment.
    """
    known = await _activities(write, mission.id)
    if list(wanted) == known:
        return False
    a = MissionActivity
    # Entries that are under way carry what stands here; several activities are held in the order in which a batch does.
    held = select(a.code).where(a.mission_id == mission.id).order_by(a.code).with_for_update()
    await write.session.execute(held)
    if travel_counts is not None and travel_counts != mission.travel_counts and travel_counts:
        mission.travel_counts = True
        await write.session.flush()
    kept = [one.code for one in wanted]
    await write.session.execute(delete(a).where(a.mission_id == mission.id, a.code.not_in(kept)))
    rows = [
        {
            "mission_id": mission.id,
            "code": one.code,
            "label": one.label,
            "position": place,
            "travel_counts": mission.travel_counts,
            "until_on": one.to_on or FOREVER,
        }
        for place, one in enumerate(wanted)
        if place >= len(known) or known[place] != one
    ]
    put = insert(a)
    again = {name: put.excluded[name] for name in ("label", "position", "until_on")}
    if rows:
        await write.session.execute(put.on_conflict_do_update(index_elements=["mission_id", "code"], set_=again), rows)
    return True


async def _arm(write: Write, mission: Mission, days: MissionDays) -> None:
    """Say in the limit row which threshold is told next: the lowest that was not told for this total ordered."""
    c = ThresholdCrossing
    told = set(
        await write.session.scalars(
            select(c.threshold_bp).where(c.mission_id == mission.id, c.days_ordered == days.days_ordered)
        )
    )
    left = [Decimal(bp) * days.days_ordered / 10_000 for bp in mission.alert_thresholds_bp if bp not in told]
    days.alert_at_days = min(left) if left and days.days_ordered else None


async def _set_rest_days(write: Write, mission: Mission, days: MissionDays) -> None:
    """Write the days that are not worked into the limit row, which is held. Raises `entries-on-rest-days` (409)."""
    if days.starts_on is None or days.ends_on is None:
        return
    days.rest_days = rest_days(
        days.starts_on,
        days.ends_on,
        HolidayCalendar(mission.holiday_calendar),
        weekends_allowed=mission.weekends_allowed,
        holidays_allowed=mission.holidays_allowed,
    )
    days.worked_days = None
    if days.rest_days:
        bound = {"mission_id": mission.id, "rest_days": days.rest_days}
        if resting := await write.session.scalar(_RESTING, bound):
            raise EntriesOnRestDays(entries=resting)


_RESTING = text(
    "SELECT count(*) FROM time_entries WHERE mission_id = :mission_id"
    " AND status IN ('submitted', 'validated', 'certified') AND worked_on = ANY (:rest_days)"
).bindparams(bindparam("rest_days", type_=ARRAY(Date())))


async def create_order(write: Write, territory: str, mission_id: UUID, body: schemas.OrderCreate) -> list[Change]:
    """Order days, or amend: `days` is added to what is ordered, the bounds named replace those of the window.

    Raises `second-initial-order`, `order-missing`, `ordered-below-entered`, `allotments-exceed-order`,
    `entries-outside-window`, `mission-window`, `mission-ended`, `framework-exhausted`, `order-outside-framework`,
    `order-framework-differs`, `order-amount-below-zero` (409), `person-required` (403).
    """
    mission = await _mission(write, territory, mission_id)
    if mission.status != MissionStatus.OPEN:
        raise MissionEnded
    days = await _days(write, mission_id)
    if body.kind is OrderKind.AMENDMENT and days.starts_on is None:
        raise OrderMissing
    framework_id = body.framework_id
    if body.kind is OrderKind.AMENDMENT and framework_id is None:
        framework_id = await write.session.scalar(_FRAMEWORK.where(Order.mission_id == mission_id))
    amount_cents = await frameworks.amount_of(write, framework_id, body.days, body.amount_cents)
    counted = {"framework_id": framework_id, "amount_cents": amount_cents}
    order = Order(mission_id=mission_id, ordered_by=person(write.actor), **body.model_dump() | counted)
    write.session.add(order)
    if framework_id is not None:
        frameworks.count_last(write)
    touch(mission)
    await write.session.flush()  # the order is there when the limit row's steps are counted
    days.days_ordered += body.days
    if days.days_ordered < days.days_entered:  # below the allotments too: the CHECK would name those first
        raise OrderedBelowEntered(days_ordered=days.days_ordered, days_entered=days.days_entered)
    if days.days_ordered < days.days_allotted:
        raise AllotmentsExceedOrder(days_ordered=days.days_ordered, days_allotted=days.days_allotted)
    days.starts_on = body.starts_on or days.starts_on
    days.ends_on = body.ends_on or days.ends_on
    # The last spending may have touched what the new window leaves out; what counts is looked at below. Cleared before
    # any query, which writes the new window.
    days.worked_from = days.worked_to = days.entered_on = None
    days.enterable_until_on = await _enterable_until(write, mission, days.ends_on)
    await write.session.flush()
    window = {"starts_on": days.starts_on, "ends_on": days.ends_on}
    outside = await write.session.scalar(_OUTSIDE, {"mission_id": mission_id, **window})
    if outside:
        raise EntriesOutsideWindow(entries=outside)
    await _set_rest_days(write, mission, days)
    await _arm(write, mission, days)
    bound = {"territory": territory, "mission_id": mission_id}
    return [
        Change("order.created", ORDERS, [order.id], bound),
        Change("mission.updated", MISSIONS, [mission_id], bound),
    ]


_FRAMEWORK = select(Order.framework_id).where(Order.kind == OrderKind.INITIAL)


def explain_order(mission_id: UUID, body: schemas.OrderCreate) -> Explain:
    """Why an order was refused, with the figures of its framework where that refuses."""
    other = refused_as(
        {
            "days_exhausted": OrderedBelowEntered,
            "mission_days_ordered": OrderedBelowEntered,
            "days_not_yet_ordered": AmendmentTooEarly,
        }
    )

    async def explain(session: AsyncSession, constraint: str) -> Problem | None:
        of_framework = await frameworks.explain_order(
            session, constraint, mission_id, body.framework_id, signed_on=body.signed_on, days=body.days,
            amount_cents=body.amount_cents or 0,
        )  # fmt: skip
        return of_framework or await other(session, constraint)

    return explain


def explain_reopening(mission_id: UUID) -> Explain:
    """Why a cancelled mission cannot be reopened: another has its external id by now, or its orders would count in
    their framework again.
    """
    m, other = Mission, aliased(Mission)
    named = (other.territory == m.territory) & (other.external_id == m.external_id) & (other.id != m.id)
    stands = other.status != literal(MissionStatus.CANCELLED)

    async def explain(session: AsyncSession, constraint: str) -> Problem | None:
        if constraint == "missions_external_id_key":
            named_so = await session.scalar(select(other.id).join(m, named).where(m.id == mission_id, stands))
            return AlreadyExists(errors=[DUPLICATE.at("", **({"id": named_so} if named_so is not None else {}))])
        return await frameworks.explain_order(session, constraint, mission_id, None)

    return explain


# Entries live below this domain and are named by string, as a foreign key would. The limit row, which every spending
# locks, is held: none can slip in between this look and COMMIT.
_OUTSIDE = text(
    "SELECT count(*) FROM time_entries WHERE mission_id = :mission_id"
    " AND status IN ('submitted', 'validated', 'certified') AND NOT worked_on BETWEEN :starts_on AND :ends_on"
)


async def grant_late_entry(
    write: Write, territory: str, mission_id: UUID, body: schemas.LateEntryLeaveCreate
) -> list[Change]:
    """The operator's leave to enter days until a day, kept as an act with its reason.

    Raises `person-required` (403).
    """
    mission = await _mission(write, territory, mission_id)
    days = await _days(write, mission_id)
    leave = LateEntryLeave(mission_id=mission_id, granted_by=person(write.actor), **body.model_dump())
    write.session.add(leave)
    await write.session.flush()
    days.enterable_until_on = await _enterable_until(write, mission, days.ends_on)
    bound = {"territory": territory, "mission_id": mission_id}
    return [Change("late_entry_leave.created", LATE_ENTRY_LEAVES, [leave.id], bound)]


async def create_member(
    write: Write, territory: str, mission_id: UUID, body: schemas.MissionMemberCreate
) -> list[Change]:
    """A member of the consortium with its allotment.

    Raises `already-exists`, `second-lead`, `allotments-exceed-order` (409), `reference-not-found`.
    """
    mission = await _mission(write, territory, mission_id)
    decided_on = body.decided_on or await _day_of_order(write, mission_id)
    member = MissionMember(mission_id=mission_id, **body.model_dump(exclude={"decided_on"}))
    write.session.add(member)
    await write.session.flush()
    act = _allot(write, member, body.days_allotted, decided_on)
    write.session.add(
        MemberDays(mission_id=mission_id, organisation_id=body.organisation_id, days_allotted=body.days_allotted)
    )
    write.spend(MISSION_DAYS, mission_id, delta={"days_allotted": body.days_allotted})
    touch(mission)
    await write.session.flush()
    return [*_member_changed("mission_member.created", territory, member), _allotted(territory, act)]


async def _day_of_order(write: Write, mission_id: UUID) -> date:
    """The day of a mission's only order, on which its members' shares are decided; else `decided_on` must be given."""
    days = list(await write.session.scalars(select(Order.signed_on).where(Order.mission_id == mission_id).limit(2)))
    if len(days) != 1:
        raise ValidationFailed(errors=[REQUIRED.at("/decided_on")])
    return days[0]


async def update_member(
    write: Write, territory: str, mission_id: UUID, member_id: UUID, body: schemas.MissionMemberUpdate
) -> list[Change]:
    """Change a role or an allotment. Raises `allotment-below-entered`, `allotments-exceed-order`, `second-lead`."""
    mission = await _mission(write, territory, mission_id)
    member = await write.lock(MissionMember, MissionMember.id == member_id, MissionMember.mission_id == mission_id)
    write.expect(member.version)
    before = member.days_allotted
    changed = {n: v for n in ("role", "days_allotted") if (v := getattr(body, n)) is not MISSING}
    if not any(getattr(member, name) != value for name, value in changed.items()):
        return _member_changed("", territory, member)[:1]
    for name, value in changed.items():
        setattr(member, name, value)
    delta = {"days_allotted": member.days_allotted - before}
    write.spend(MEMBER_DAYS, mission_id, member.organisation_id, delta=delta)
    write.spend(MISSION_DAYS, mission_id, delta=delta)
    touch(mission)
    changes = _member_changed("mission_member.updated", territory, member)
    if member.days_allotted != before:
        assert body.decided_on is not MISSING  # nor is the reason: the body was held to both
        act = _allot(write, member, member.days_allotted - before, body.decided_on, given(body)["reason"])
        await write.session.flush()
        changes.append(_allotted(territory, act))
    return changes


def explain_allotment(mission_id: UUID, days: Decimal | MISSING, member_id: UUID | None = None) -> Explain:
    """Why an allotment of `days` was refused, with the figures as they are after the refusal."""

    async def explain(session: AsyncSession, constraint: str) -> Problem | None:
        total = await session.get(MissionDays, mission_id)
        member = await session.get(MissionMember, member_id) if member_id is not None else None
        if total is None or days is MISSING:
            return None
        before = member.days_allotted if member is not None else Decimal(0)
        if constraint == AllotmentsExceedOrder.constraint:
            return AllotmentsExceedOrder(
                days_allotted=total.days_allotted - before + days, days_ordered=total.days_ordered
            )
        if constraint == "allotment_exhausted" and member is not None:
            own = await session.get(MemberDays, (mission_id, member.organisation_id))
            if own is not None:
                return AllotmentBelowEntered(days_allotted=days, days_entered=own.days_entered)
        return None

    return explain


def _allot(
    write: Write, member: MissionMember, days: Decimal, decided_on: date, reason: str | None = None
) -> Allotment:
    act = Allotment(
        mission_id=member.mission_id,
        organisation_id=member.organisation_id,
        days=days,
        decided_on=decided_on,
        reason=reason,
        decided_by=write.actor.subject_id,
    )
    write.session.add(act)
    return act


def _allotted(territory: str, act: Allotment) -> Change:
    bound = {"territory": territory, "mission_id": act.mission_id}
    return Change("allotment.created", ALLOTMENTS, [act.id], bound)


def _member_changed(kind: str, territory: str, member: MissionMember) -> list[Change]:
    bound = {"territory": territory, "mission_id": member.mission_id}
    return [
        Change(kind, MEMBERS, [member.id], bound),
        Change("mission.updated", MISSIONS, [member.mission_id], bound),
    ]


async def create_rate(write: Write, territory: str, mission_id: UUID, body: schemas.RateCreate) -> Change:
    """A member's day rate for a profile. Raises `rates-overlap` (409), `reference-not-found`."""
    await _mission(write, territory, mission_id)
    rate = Rate(
        territory=territory, mission_id=mission_id, until_on=body.to_on or FOREVER, **body.model_dump(exclude={"to_on"})
    )
    write.session.add(rate)
    await write.session.flush()
    return Change("rate.created", RATES, [rate.id], {"territory": territory, "mission_id": mission_id})


async def update_rate(
    write: Write, territory: str, mission_id: UUID, rate_id: UUID, body: schemas.RateUpdate
) -> Change:
    """Change a rate's amount or last day. Raises `rate-certified`, `rates-overlap` (409)."""
    await _mission(write, territory, mission_id)
    rate = await write.lock(Rate, Rate.id == rate_id, Rate.territory == territory, Rate.mission_id == mission_id)
    write.expect(rate.version, required=True)
    changed = put(rate, _with_last_day(given(body)))
    if rate.until_on < rate.from_on:
        raise ValidationFailed(errors=[PERIOD_REVERSED.at("/to_on")])
    bound = {"territory": territory, "mission_id": mission_id}
    return Change("rate.updated" if changed else "", RATES, [rate_id], bound)


def explain_rate(rate_id: UUID) -> Explain:
    """Until which day a rate that cannot be rewritten has priced certified days."""

    async def explain(session: AsyncSession, constraint: str) -> Problem | None:
        if constraint != RateCertified.constraint:
            return None
        return RateCertified(certified_until_on=await session.scalar(_CERTIFIED_UNTIL, {"rate_id": rate_id}))

    return explain


_CERTIFIED_UNTIL = text(f"SELECT ({CERTIFIED_UNTIL.format(rate='r')}) FROM rates r WHERE r.id = :rate_id")  # noqa: S608  # no input in it


async def create_consultant(write: Write, territory: str, body: schemas.ConsultantCreate) -> Change:
    """Assign a person, through the organisation it belongs to now, to a mission of this territory.

    Raises `person-not-in-consortium`, `already-assigned` (409), `reference-not-found`.
    """
    await _referenced(write, territory, body.mission_id)
    s = Subject
    organisation_id = await write.session.scalar(
        select(s.organisation_id).where(s.id == body.person_id, s.kind == "person")
    )
    if organisation_id is None:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/person_id")])
    member = await write.session.scalar(
        select(MissionMember.id).where(
            MissionMember.mission_id == body.mission_id, MissionMember.organisation_id == organisation_id
        )
    )
    if member is None:
        raise PersonNotInConsortium
    consultant = Consultant(
        territory=territory,
        organisation_id=organisation_id,
        until_on=body.to_on or FOREVER,
        **body.model_dump(exclude={"to_on"}),
    )
    write.session.add(consultant)
    await write.session.flush()
    return Change("consultant.created", CONSULTANTS, [consultant.id], {"territory": territory})


async def update_consultant(
    write: Write, territory: str, consultant_id: UUID, body: schemas.ConsultantUpdate
) -> Change:
    """Change an assignment's profile or days.

    Raises `entries-outside-assignment`, `already-assigned`, `profile-certified` (409).
    """
    consultant = await write.lock(Consultant, Consultant.id == consultant_id, Consultant.territory == territory)
    write.expect(consultant.version)
    changed = differing(consultant, _with_last_day(given(body)))
    if changed:
        await _referenced(write, territory, consultant.mission_id)
    put(consultant, changed)
    if consultant.until_on < consultant.from_on:
        raise ValidationFailed(errors=[PERIOD_REVERSED.at("/to_on")])
    return Change("consultant.updated" if changed else "", CONSULTANTS, [consultant_id], {"territory": territory})


def _with_last_day(values: dict[str, Any]) -> dict[str, Any]:
    """The values with `to_on` as the row has it: the last day is for ever where it is cleared."""
    if "to_on" in values:
        values["until_on"] = values.pop("to_on") or FOREVER
    return values


async def _mission(write: Write, territory: str, mission_id: UUID) -> Mission:
    return await write.lock(Mission, Mission.id == mission_id, Mission.territory == territory)


async def _referenced(write: Write, territory: str, mission_id: UUID) -> None:
    mission = select(Mission.id).where(Mission.id == mission_id, Mission.territory == territory)
    # Assignments to one mission are made one after the other: an exclusion constraint alone would deadlock.
    if await write.session.scalar(mission.with_for_update(key_share=True)) is None:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/mission_id")])


async def _days(write: Write, mission_id: UUID) -> MissionDays:
    """The mission's limit row, locked: entries wait for this act."""
    return await write.session.get_one(MissionDays, mission_id, with_for_update=True)


async def _enterable_until(write: Write, mission: Mission, ends_on: date | None) -> date | None:
    """The last day on which days may be entered: the window's end and the grace, or the operator's latest leave.

    None where the mission sets no grace, or has no window yet.
    """
    if mission.late_entry_grace_days is None or ends_on is None:
        return None
    leave = await write.session.scalar(
        select(func.max(LateEntryLeave.until_on)).where(LateEntryLeave.mission_id == mission.id)
    )
    last = min(ends_on + timedelta(days=mission.late_entry_grace_days), FOREVER)
    return max(last, leave) if leave is not None else last
