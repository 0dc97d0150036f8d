"""Writes of firms."""

from collections.abc import Sequence
from itertools import groupby

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert

from app.core import clock
from app.core.db import touch
from app.core.problems import FieldError, Problem, ReferenceNotFound, ValidationFailed
from app.core.writes import Change, Write, merge
from app.firms import schemas
from app.firms.models import Firm, NafVersion, StageChange, TerritoryFirm
from app.firms.queries import FIRMS, TERRITORY_FIRMS


class NafCodeWithoutVersion(Problem):
    """An activity code and its nomenclature's version go together."""

    status = 422
    title_fr = "Un code d'activité et la version de sa nomenclature vont ensemble."
    cure = "Send naf_code and naf_version together, or clear both."
    cure_fr = "Envoyez naf_code et naf_version ensemble, ou effacez les deux."


def _facts(body: schemas.FirmPut) -> dict[str, object]:
    facts = body.model_dump(exclude={"siren"})
    if body.naf_code is not None and body.naf_version is None:
        facts["naf_version"] = NafVersion.REV_2
    return facts


async def create_firm(write: Write, body: schemas.FirmCreate) -> Change:
    """A firm of the register. Raises `already-exists`: the same SIREN is the same firm."""
    write.session.add(Firm(siren=body.siren, **_facts(body)))
    await write.session.flush()
    return Change("firm.created", FIRMS, [body.siren])


async def put_firm(write: Write, siren: str, body: schemas.FirmPut) -> Change:
    """The firm of this SIREN with exactly these facts, new or replaced. Two at once make one firm."""
    facts = _facts(body)
    now = {"created_at": write.now, "updated_at": write.now}
    made = await write.session.scalar(
        insert(Firm).values(siren=siren, **facts, **now).on_conflict_do_nothing().returning(Firm.siren)
    )
    if made is not None:
        return Change("firm.created", FIRMS, [siren], status=201)
    firm = await write.lock(Firm, Firm.siren == siren)
    write.expect(firm.version)
    changed = False
    for name, value in facts.items():
        if getattr(firm, name) != value:
            setattr(firm, name, value)
            changed = True
    return Change("firm.updated" if changed else "", FIRMS, [siren])


async def upsert_firms(write: Write, bodies: Sequence[schemas.FirmCreate]) -> tuple[Change, Change]:
    """Many firms at once: what was created, and what was updated. Facts that a body does not give are left alone.

    One statement whatever the number, the rows in the order of their SIREN so that two imports wait for each other.
    """
    created: list[str] = []
    updated: list[str] = []
    ordered = sorted(bodies, key=lambda body: body.siren)
    for names, group in groupby(sorted(ordered, key=_given), key=_given):
        rows = [{name: value for name, value in _facts(b).items() if name in names} | {"siren": b.siren} for b in group]
        now = {"created_at": write.now, "updated_at": write.now}
        statement = insert(Firm).values([row | now for row in rows])
        changed = [Firm.__table__.c[name].is_distinct_from(statement.excluded[name]) for name in names]
        statement = statement.on_conflict_do_update(
            index_elements=[Firm.siren],
            set_={name: statement.excluded[name] for name in names}
            | {"version": Firm.version + 1, "updated_at": write.now},
            where=or_(*changed),
        )
        found = await write.session.execute(statement.returning(Firm.siren, Firm.version == 1))
        for siren, new in found:
            (created if new else updated).append(siren)
    return Change("firm.created", FIRMS, sorted(created)), Change("firm.updated", FIRMS, sorted(updated))


def _given(body: schemas.FirmCreate) -> tuple[str, ...]:
    names = set(body.model_fields_set) - {"siren"}
    return tuple(sorted(names | ({"naf_version"} if "naf_code" in names else set())))


async def update_firm(write: Write, siren: str, body: schemas.FirmUpdate) -> Change:
    """Change facts of a firm. Raises `naf-code-without-version`."""
    firm = await write.lock(Firm, Firm.siren == siren)
    write.expect(firm.version)
    changed = merge(firm, body)
    return Change("firm.updated" if changed else "", FIRMS, [siren])


async def put_territory_firm(write: Write, territory: str, siren: str, body: schemas.TerritoryFirmPut) -> Change:
    """Put a firm of the register at a stage here, and keep the passage in its history.

    The same stage, reason and day again change nothing. Raises `reference-not-found` for a SIREN outside the register.
    """
    effective_on = body.effective_on or clock.today()
    if effective_on > clock.today():
        raise ValidationFailed(errors=[FieldError("/effective_on", "future_day")])
    if await write.session.scalar(select(Firm.siren).where(Firm.siren == siren)) is None:
        raise ReferenceNotFound(errors=[FieldError("/siren", "not_found")])
    t = TerritoryFirm
    values = {"stage": body.stage, "reason": body.reason, "stage_since_on": effective_on}
    now = {"created_at": write.now, "updated_at": write.now}
    made = await write.session.scalar(
        insert(t).values(territory=territory, siren=siren, **values, **now).on_conflict_do_nothing().returning(t.siren)
    )
    bound = {"territory": territory, "siren": siren}
    previous = None
    if made is None:
        known = await write.lock(t, t.territory == territory, t.siren == siren)
        write.expect(known.version)
        same_day = body.effective_on is None or known.stage_since_on == effective_on
        if known.stage == body.stage and known.reason == body.reason and same_day:
            return Change("", TERRITORY_FIRMS, [siren], bound)
        previous = known.stage
        if effective_on >= known.stage_since_on:
            known.stage, known.reason, known.stage_since_on = body.stage, body.reason, effective_on
        else:  # the past as it should have been recorded: it does not move where the firm stands now
            touch(known)
    write.session.add(
        StageChange(
            territory=territory,
            siren=siren,
            stage=body.stage,
            previous_stage=previous,
            reason=body.reason,
            effective_on=effective_on,
            recorded_by=write.actor.subject_id,
            recorded_at=write.now,
        )
    )
    kind = "territory_firm.created" if made else "territory_firm.stage_changed"
    return Change(kind, TERRITORY_FIRMS, [siren], bound, status=201 if made else 200)
