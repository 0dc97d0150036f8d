"""Writes of firms.

`upsert_firms` and `upsert_sites` take any number of rows in one statement: one PUT, a refresh and an import are the
same write. What several do at once to one SIREN ends as one firm, whoever comes first.
"""

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import (
    JSON,
    Date,
    Text,
    any_,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from app.access.rules import Actor
from app.core import clock
from app.core.db import Base, touch
from app.core.messages import NOT_FOUND
from app.core.problems import NotFound, Problem, ReferenceNotFound
from app.core.reading.listing import Listing
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write, merge
from app.firms import schemas
from app.firms.directory import CLOSING_BEFORE_OPENING, Record, neutral_name
from app.firms.models import (
    Firm,
    FirmAccounts,
    FirmActivity,
    FirmNote,
    FirmOwner,
    FirmSeat,
    Proceeding,
    Site,
    Source,
    StageChange,
    TerritoryFirm,
)
from app.firms.queries import (
    ACCOUNTS,
    ACTIVITIES,
    FIRMS,
    NOTES,
    OWNERS,
    PROCEEDINGS,
    SITES,
    TERRITORY_FIRMS,
)
from app.firms.rules import NafVersion, Stage, StageOn, StageReserved, admit, nomenclature_on


class NafCodeWithoutVersion(Problem):
    """An activity code and the version of its nomenclature must be given together."""

    status = 422
    title_fr = "Un code d'activité et la version de sa nomenclature doivent être donnés ensemble."
    cure = "Send naf_code and naf_version together, or clear both."
    cure_fr = "Envoyez naf_code et naf_version ensemble, ou effacez les deux."


class CeasedOnOfAnActiveFirm(Problem):
    """A cessation date can be set only for a firm that has ceased trading."""

    status = 422
    title_fr = "Une date de cessation ne peut être donnée que pour une entreprise qui a cessé son activité."


class ClosedOnOfAnOpenSite(Problem):
    """A closing date can be set only for a site that is closed."""

    status = 422
    title_fr = "Une date de fermeture ne peut être donnée que pour un établissement fermé."


class FirmChangeReserved(Problem):
    """A consultancy cannot change the facts of a firm that the register has already."""

    status = 403
    title_fr = "Un cabinet ne peut pas modifier les faits d'une entreprise que le répertoire connaît déjà."
    cure = "Follow the firm as it is, and ask the territory's staff to correct its facts."
    cure_fr = "Suivez l'entreprise telle qu'elle est, et demandez aux agents du territoire de corriger ses faits."


class SiteClosesBeforeItOpens(Problem):
    """A site cannot close before the day it opens."""

    status = 422
    title_fr = "Un établissement ne peut pas fermer avant le jour de son ouverture."


class TwoActivitiesAtOnce(Problem):
    """A firm can have only one main activity a day in each nomenclature."""

    status = 409
    title_fr = "Une entreprise ne peut avoir, chaque jour, qu'une activité principale par nomenclature."
    cure = "Read the activities again: another request has just changed them."
    cure_fr = "Relisez les activités : une autre requête vient de les modifier."


class SiretOfAnotherFirm(Problem):
    """A SIRET must begin with the SIREN of its firm."""

    status = 422
    title_fr = "Un SIRET doit commencer par le SIREN de son entreprise."


class ProceedingClosesBeforeItOpens(Problem):
    """A proceeding cannot end before the day of its opening judgment."""

    status = 422
    title_fr = "Une procédure ne peut pas se clore avant le jour de son jugement d'ouverture."


class ProceedingNoticedBeforeItOpens(Problem):
    """The notice of a proceeding cannot be published before the day of its opening judgment."""

    status = 422
    title_fr = "L'avis d'une procédure ne peut pas être publié avant le jour de son jugement d'ouverture."


class ContinuedOutsideLiquidation(Problem):
    """Activity can continue only in a liquidation, until the day of the judgment or later."""

    status = 422
    title_fr = "La poursuite d'activité n'existe que dans une liquidation, jusqu'au jour du jugement ou plus tard."


class EndedByOfAnOpenProceeding(Problem):
    """How a proceeding ended can be said only together with the day of its end."""

    status = 422
    title_fr = "L'issue d'une procédure ne peut être donnée qu'avec le jour de sa fin."


OF_A_PROCEEDING = (
    ProceedingClosesBeforeItOpens,
    ProceedingNoticedBeforeItOpens,
    ContinuedOutsideLiquidation,
    EndedByOfAnOpenProceeding,
)


class OwnerOfACompany(Problem):
    """Only a sole trader can have the name of an owner."""

    status = 409
    title_fr = "Seul un entrepreneur individuel peut avoir un nom de personne."
    cure = "Record first that the firm is a sole trader (sole_trader)."
    cure_fr = "Consignez d'abord que l'entreprise est individuelle (sole_trader)."


class EuSizeWithoutEvidence(Problem):
    """A size in Union law must be given with the day and the source of its evidence."""

    status = 422
    title_fr = "Une taille au sens du droit de l'Union doit être donnée avec la date et la source de sa preuve."
    cure = "Send eu_size, eu_size_evidence_on and eu_size_source together, or clear all three."
    cure_fr = "Envoyez eu_size, eu_size_evidence_on et eu_size_source ensemble, ou effacez les trois."


class FirmHasAward(Problem):
    """A firm with an award for one of its projects stays supported."""

    status = 409
    constraint = "firm_has_award"
    title_fr = "Une entreprise dont un projet a reçu une attribution reste accompagnée (supported)."
    cure = "Release or reverse the award first: the firm then steps back by itself."
    cure_fr = "Libérez ou annulez d'abord l'attribution : l'entreprise revient alors d'elle-même à l'étape précédente."


FOLLOWS = "territory_firms:read"  # who reads the firms of a territory follows them


def _seen_by(write: Write, **bound: Any) -> dict[str, Any]:
    """The parameters of reads of the register for who writes, beside those of the address."""
    territories = write.actor.territories(FOLLOWS) if isinstance(write.actor, Actor) else None
    return {**bound, "scope_following": territories, "scope_declarer": write.actor.organisation_id}


def _declarer(write: Write, source: Source) -> UUID | None:
    """The organisation that answers for declared facts; those of a directory are its own."""
    return write.actor.organisation_id if source is Source.DECLARED else None


def topic(key: str) -> str:
    """What events about a firm are about, by its SIREN or a site's SIRET."""
    return f"firm/{key[:9]}"


# --- the register, row by row or by the thousand ---------------------------------------------------------------------

_OURS = {"version", "created_at", "updated_at", "search", "seat_siret"}


async def _upsert(
    write: Write, model: type[Base], key: str, rows: Sequence[dict[str, Any]]
) -> tuple[list[str], list[str]]:
    """Put rows in place by their key: the keys of those made, and of those changed. What is the same stays as it is.

    A new `as_of` or `source_reference` alone is no change, nor is another who says the same. Rows are taken in the
    order of their keys, so that two writers never wait for each other in a circle.
    """
    made: list[str] = []
    changed: list[str] = []
    for _, group in groupby(sorted(rows, key=sorted), key=sorted):  # rows that give the same columns
        await _upsert_alike(write, model, key, list(group), made, changed)
    return made, changed


async def _upsert_alike(
    write: Write, model: type[Base], key: str, rows: list[dict[str, Any]], made: list[str], changed: list[str]
) -> None:
    table: Any = model.__table__
    facts = [name for name in rows[0] if name != key]
    names = [key, *facts]
    whole = cast(bindparam("rows", type_=Text()), JSON)
    told = func.json_populate_recordset(literal_column(f"NULL::{table.name}"), whole).table_valued(*names, name="told")
    now = bindparam("now", write.now, type_=table.c.created_at.type)
    given = select(*(told.c[name] for name in names), now, now).order_by(told.c[key])
    put: Any = insert(table).from_select([*names, "created_at", "updated_at"], given)
    compared = [name for name in facts if name not in ("as_of", "source_reference", "declared_by")]
    put = put.on_conflict_do_update(
        index_elements=[key],
        set_={name: put.excluded[name] for name in facts}
        | {"version": table.c.version + 1, "updated_at": put.excluded.updated_at},
        where=tuple_(*(table.c[name] for name in compared)).is_distinct_from(
            tuple_(*(put.excluded[name] for name in compared))
        ),
    ).returning(table.c[key], table.c.version)
    connection = await write.session.connection()
    done = await connection.execute(put, {"rows": to_json(rows).decode()})
    for number, version in done:
        (made if version == 1 else changed).append(number)


def _changes(
    write: Write, kind: str, listing: Listing, made: list[str], changed: list[str], **bound: Any
) -> list[Change]:
    return [
        Change(f"{kind}.{act}", listing, keys, _seen_by(write, **bound), status=status, topic=topic)
        for act, keys, status in (("created", made, 201), ("updated", changed, 200))
        if keys
    ]


async def upsert_firms(write: Write, rows: Sequence[dict[str, Any]], source: Source) -> list[Change]:
    """Put firms in the register, by SIREN: rows of columns of `Firm`; what a row does not name is left. A row that
    names its source keeps it.

    A main activity that differs from the one in force in its nomenclature ends it (`hold_activities`).
    """
    declarer = _declarer(write, source)
    facts = [
        {"source": source.value, **row, "as_of": row.get("as_of") or clock.today(), "declared_by": declarer}
        for row in rows
    ]
    made, changed = await _upsert(write, Firm, "siren", facts)
    touched = {*made, *changed}
    codes = [
        (row["siren"], row["naf_code"], row["naf_version"], row["as_of"] if row["siren"] in changed else None)
        for row in facts
        if row.get("naf_code") is not None and row["siren"] in touched
    ]
    await hold_activities(write, codes)
    return _changes(write, "firm", FIRMS, made, changed)


async def hold_activities(write: Write, codes: Sequence[tuple[str, str, str, date | None]]) -> list[str]:
    """Activity codes (SIREN, code, nomenclature, from when) from then on; the ids of those that are new.

    The code in force before them in the same nomenclature ends the day before; those that were to begin then or later
    are taken back. The code that is in force already goes on.
    """
    if not codes:
        return []
    values = {
        "sirens": [code[0] for code in codes],
        "codes": [code[1] for code in codes],
        "versions": [code[2] for code in codes],
        "days": [code[3] for code in codes],
    }
    await write.session.execute(_TAKE_BACK, values)
    await write.session.execute(_END, values)
    return [str(row.id) for row in await write.session.execute(_BEGIN, values)]


_GIVEN = """WITH given AS (
    SELECT * FROM unnest(:sirens, :codes, :versions, :days) AS g (siren, naf_code, naf_version, from_on)
), changed AS (
    SELECT g.* FROM given g WHERE NOT EXISTS (
        SELECT FROM firm_activities a WHERE a.siren = g.siren AND a.naf_version = g.naf_version AND a.to_on IS NULL
            AND a.naf_code = g.naf_code AND coalesce(a.from_on <= g.from_on, true))
)"""
_TYPES = (
    bindparam("sirens", type_=ARRAY(Text())),
    bindparam("codes", type_=ARRAY(Text())),
    bindparam("versions", type_=ARRAY(Text())),
    bindparam("days", type_=ARRAY(Date())),
)
_TAKE_BACK = text(
    _GIVEN  # noqa: S608  # our own text, all values bound
    + """ DELETE FROM firm_activities a USING changed c
    WHERE a.siren = c.siren AND a.naf_version = c.naf_version AND (c.from_on IS NULL OR a.from_on >= c.from_on)"""
).bindparams(*_TYPES)
_END = text(
    _GIVEN  # noqa: S608  # our own text
    + """ UPDATE firm_activities a SET to_on = c.from_on - 1 FROM changed c
    WHERE a.siren = c.siren AND a.naf_version = c.naf_version AND (a.to_on IS NULL OR a.to_on >= c.from_on)"""
).bindparams(*_TYPES)
_BEGIN = text(
    _GIVEN  # noqa: S608  # our own text
    + """ INSERT INTO firm_activities (siren, naf_code, naf_version, from_on)
    SELECT siren, naf_code, naf_version, from_on FROM changed ORDER BY siren RETURNING id"""
).bindparams(*_TYPES)


async def upsert_sites(write: Write, rows: Sequence[dict[str, Any]], source: Source) -> list[Change]:
    """Put sites in the register, by SIRET, with exactly these facts: columns of `Site` but `siren`, in every row.

    Their firms exist and are locked, or this is the only writer. `move_seats` sets the seat.
    """
    facts = [
        {
            "source": source.value,
            **row,
            "siren": row["siret"][:9],
            "as_of": row.get("as_of") or clock.today(),
            "declared_by": _declarer(write, source),
        }
        for row in rows
    ]
    made, changed = await _upsert(write, Site, "siret", facts)
    changes = []
    for siren in sorted({siret[:9] for siret in (*made, *changed)}):  # sites are read below their firm
        ours = [[siret for siret in sirets if siret.startswith(siren)] for sirets in (made, changed)]
        changes += _changes(write, "site", SITES, *ours, siren=siren)
    return changes


async def move_seats(write: Write, seats: Sequence[tuple[str, date | None]], source: Source) -> list[str]:
    """Sites (SIRET, from when) that are the seats of their firms: the SIREN of those that move, and their history."""
    moved = []
    for siret, from_on in sorted(seats):
        siren = siret[:9]
        done = await write.session.execute(
            update(Firm)
            .where(Firm.siren == siren, Firm.seat_siret.is_distinct_from(siret))
            .values(
                seat_siret=siret,
                declared_by=_declarer(write, source),
                version=Firm.version + 1,
                updated_at=write.now,
            )
            .returning(Firm.siren)
            .execution_options(synchronize_session=False)
        )
        if done.first() is not None:
            write.session.add(FirmSeat(siren=siren, siret=siret, from_on=from_on, recorded_at=write.now))
            moved.append(siren)
    return moved


# --- firms -----------------------------------------------------------------------------------------------------------


def _with_version(facts: dict[str, Any]) -> dict[str, Any]:
    """An activity code without its version is one of the nomenclature in force on the day of the facts."""
    if facts["naf_code"] is not None and facts["naf_version"] is None:
        facts["naf_version"] = nomenclature_on(facts["as_of"] or clock.today())
    if facts["naf_code"] is None and facts["naf_version"] is not None:
        raise NafCodeWithoutVersion
    return facts


async def _expect(write: Write, siren: str, version: int | None) -> None:
    """Hold If-Match and If-None-Match against a version that only those who follow the firm are told."""
    territories = write.actor.territories(FOLLOWS) if isinstance(write.actor, Actor) else None
    follows = True
    if territories is not None and version is not None and write.conditional:
        t = TerritoryFirm
        here = select(t.siren).where(t.siren == siren, t.territory == any_(literal(territories, ARRAY(Text()))))
        follows = await write.session.scalar(here.limit(1)) is not None
    write.expect(version, told=follows)


async def _locked(write: Write, siren: str) -> Firm | None:
    """The firm, locked, where it is in the register; refuses another version than If-Match names."""
    firm = await write.session.scalar(select(Firm).where(Firm.siren == siren).with_for_update(key_share=True))
    await _expect(write, siren, firm.version if firm is not None else None)
    return firm


async def create_firm(write: Write, body: schemas.FirmCreate) -> Change:
    """A firm of the register. Raises `already-exists`: the same SIREN is the same firm."""
    facts = _with_version(body.model_dump())
    as_of = body.as_of or clock.today()
    write.session.add(
        Firm(**{**facts, "source": Source.DECLARED, "as_of": as_of}, declared_by=write.actor.organisation_id)
    )
    await write.session.flush()
    if body.naf_code is not None:
        await hold_activities(write, [(body.siren, body.naf_code, facts["naf_version"], None)])
    return Change("firm.created", FIRMS, [body.siren], _seen_by(write), topic=topic)


async def put_firm(write: Write, siren: str, body: schemas.FirmPut, *, new_only: bool = False) -> Change:
    """The firm of this SIREN with exactly these facts, new or replaced. Two at once make one firm.

    With `new_only` a firm that is there is left as it is. Raises `firm-change-reserved` (403) for other facts.
    """
    await _locked(write, siren)
    facts = _with_version(body.model_dump(exclude={"siren"}))
    changes = await upsert_firms(write, [{"siren": siren, **facts}], Source.DECLARED)
    if new_only and changes and changes[0].status != 201:  # also where another has registered it at this instant
        raise FirmChangeReserved
    return changes[0] if changes else Change("", FIRMS, [siren], _seen_by(write))


# What INSEE's files say beside the facts of a firm or a site.
_BESIDE = {"owner", "naf_2025_code", "is_seat", "seat_from_on"}


def _given(body: Any) -> dict[str, Any]:
    """The facts that a line gives, an activity code with its nomenclature."""
    facts = body.model_dump(exclude=_BESIDE, exclude_unset=True)
    if body.naf_code is not None or body.naf_version is not None:
        facts |= _with_version({name: getattr(body, name) for name in ("naf_code", "naf_version", "as_of")})
    given = body.model_fields_set | ({"naf_code", "naf_version"} if body.naf_code is not None else set())
    return {name: value for name, value in facts.items() if name in given}


async def import_firms(write: Write, bodies: Sequence[Any]) -> list[Change]:
    """Many firms at once (`FirmCreate` with what INSEE's file says beside it). Facts that a body does not give are left
    alone; a firm keeps its name where the file has none for it.
    """
    rows = {body.siren: _given(body) for body in bodies}
    nameless = [siren for siren, row in rows.items() if row["name"] == neutral_name(siren)]
    known = select(Firm.siren, Firm.name).where(Firm.siren == any_(literal(nameless, ARRAY(Text()))))
    for siren, name in await write.session.execute(known) if nameless else ():
        rows[siren]["name"] = name
    changes = await upsert_firms(write, list(rows.values()), Source.DECLARED)
    made = {key for change in changes if change.status == 201 for key in change.keys}
    codes = [(body.siren, body.naf_2025_code, body.as_of) for body in bodies if body.naf_2025_code]
    version, today = NafVersion.NAF_2025.value, clock.today()
    await hold_activities(
        write, [(siren, code, version, None if siren in made else day or today) for siren, code, day in codes]
    )
    owners = [{"siren": body.siren, "name": body.owner} for body in bodies if body.owner]
    return changes + _changes(write, "firm_owner", OWNERS, *await _upsert(write, FirmOwner, "siren", owners))


async def update_firm(write: Write, siren: str, body: schemas.FirmUpdate) -> Change:
    """Change facts of a firm, which are declared ones from then on. Raises `naf-code-without-version`."""
    firm = await _locked(write, siren)
    if firm is None:
        raise NotFound
    before = (firm.naf_code, firm.naf_version)
    changed = merge(firm, body)
    if changed:
        given = body.as_of if "as_of" in body.model_fields_set else clock.today()
        firm.source, firm.as_of = Source.DECLARED, given  # type: ignore[assignment]  # a day, being given
        firm.declared_by = write.actor.organisation_id
        await write.session.flush()
        if firm.naf_code is not None and firm.naf_version is not None and before != (firm.naf_code, firm.naf_version):
            await hold_activities(write, [(siren, firm.naf_code, firm.naf_version, firm.as_of)])
    return Change("firm.updated" if changed else "", FIRMS, [siren], _seen_by(write), topic=topic)


async def refresh_firm(write: Write, record: Record) -> list[Change]:
    """What the public directory says becomes the register's: facts, activities, sites, the seat, a proceeding.

    A firm that is not in the register yet is made. What is the same already is not written again, and tells nothing;
    what the directory does not say stays as it was.
    """
    siren = record.siren
    known = await _locked(write, siren)
    named = {"name": record.facts.get("name") or (known.name if known is not None else neutral_name(siren))}
    changes = await upsert_firms(write, [{"siren": siren, **record.facts, **named}], Source.DIRECTORY)
    told = {key for change in changes for key in change.keys}
    new = bool(changes) and changes[0].type == "firm.created"
    today = None if new else clock.today()
    await hold_activities(write, [(siren, code, version, today) for code, version in record.activities])
    sites, opened = await _sites_found(write, record)
    changes += await upsert_sites(write, sites, Source.DIRECTORY)
    if record.seat_siret is not None:
        moved = await move_seats(write, [(record.seat_siret, opened[record.seat_siret])], Source.DIRECTORY)
        if moved and not told:
            changes.insert(0, Change("firm.updated", FIRMS, moved, _seen_by(write), topic=topic))
    if record.owner is not None:
        made, renamed = await _upsert(write, FirmOwner, "siren", [{"siren": siren, "name": record.owner}])
        changes += _changes(write, "firm_owner", OWNERS, made, renamed)
    if record.proceeding is not None:
        changes += await _proceeding_found(write, siren, *record.proceeding)
    if not changes or changes[0].listing is not FIRMS:
        changes.insert(0, Change("", FIRMS, [siren], _seen_by(write)))
    return changes


async def _sites_found(write: Write, record: Record) -> tuple[list[dict[str, Any]], dict[str, date | None]]:
    """The sites of a record, and the day on which each opened.

    One that would close before it opens, by this answer or by what is known, has no day of closing, which is told.
    """
    days = select(Site.siret, Site.opened_on, Site.closed_on).where(Site.siren == record.siren)
    known = {siret: (opened_on, closed_on) for siret, opened_on, closed_on in await write.session.execute(days)}
    sites, opened = [], {}
    for site in record.sites:
        before = known.get(site["siret"], (None, None))
        opened_on, closed_on = site.get("opened_on", before[0]), site.get("closed_on", before[1])
        opened[site["siret"]] = opened_on
        if opened_on is not None and closed_on is not None and closed_on < opened_on:
            record.told.append(CLOSING_BEFORE_OPENING.at(f"/sites/{site['siret']}/date_fermeture"))
            sites.append({**site, "closed_on": None})
        else:
            sites.append(site)
    return sites, opened


async def _proceeding_found(write: Write, siren: str, kind: str, opened_on: date) -> list[Change]:
    now = {"created_at": write.now, "updated_at": write.now}
    facts = {"siren": siren, "kind": kind, "opened_on": opened_on, "source": Source.DIRECTORY}
    made = await write.session.scalar(
        insert(Proceeding).values(**facts, **now).on_conflict_do_nothing().returning(Proceeding.id)
    )
    bound = _seen_by(write, siren=siren)
    return [Change("proceeding.created", PROCEEDINGS, [made], bound, topic=lambda _: topic(siren))] if made else []


async def put_owner(write: Write, siren: str, body: schemas.FirmOwnerPut) -> Change:
    """The name of a sole trader. Raises `owner-of-a-company`."""
    firm = await write.lock(Firm, Firm.siren == siren)
    if not firm.sole_trader:
        raise OwnerOfACompany
    known = await write.session.get(FirmOwner, siren)
    await _expect(write, siren, known.version if known is not None else None)
    made, changed = await _upsert(write, FirmOwner, "siren", [{"siren": siren, "name": body.name}])
    changes = _changes(write, "firm_owner", OWNERS, made, changed)
    return changes[0] if changes else Change("", OWNERS, [siren], _seen_by(write))


async def create_activity(write: Write, siren: str, body: schemas.ActivityCreate) -> Change:
    """An activity code from a day on, in its nomenclature; the main one where that is the firm's own nomenclature."""
    firm = await write.lock(Firm, Firm.siren == siren)
    ids = await hold_activities(write, [(siren, body.naf_code, body.naf_version, body.from_on)])
    if not ids:
        known = select(FirmActivity.id).where(
            FirmActivity.siren == siren, FirmActivity.naf_version == body.naf_version, FirmActivity.to_on.is_(None)
        )
        return Change("", ACTIVITIES, list(await write.session.scalars(known)), _seen_by(write, siren=siren))
    if firm.naf_version in (None, body.naf_version):
        firm.naf_code, firm.naf_version = body.naf_code, body.naf_version
        firm.declared_by = write.actor.organisation_id
    bound = _seen_by(write, siren=siren)
    return Change("firm_activity.created", ACTIVITIES, [UUID(ids[0])], bound, topic=lambda _: topic(siren))


async def put_site(write: Write, siren: str, siret: str, body: schemas.SitePut) -> list[Change]:
    """A site with exactly these facts, new or replaced; with `seat_from_on` the firm's seat moves there."""
    await write.lock(Firm, Firm.siren == siren)
    if not siret.startswith(siren):
        raise SiretOfAnotherFirm
    known = await write.session.get(Site, siret)
    await _expect(write, siren, known.version if known is not None else None)
    facts = _with_version(body.model_dump(exclude={"seat_from_on"}))
    changes = await upsert_sites(write, [{"siret": siret, **facts}], Source.DECLARED)
    changes = changes or [Change("", SITES, [siret], _seen_by(write, siren=siren))]
    if body.seat_from_on is not None and await move_seats(write, [(siret, body.seat_from_on)], Source.DECLARED):
        changes.append(Change("firm.updated", FIRMS, [siren], _seen_by(write), topic=topic))
    return changes


async def import_sites(write: Write, bodies: Sequence[Any]) -> list[Change]:
    """Many sites at once (`SitePut` with a SIRET); seats move after them. Facts that a body does not give are left."""
    changes = await upsert_sites(write, [_given(body) for body in bodies], Source.DECLARED)
    seats = [(body.siret, body.seat_from_on) for body in bodies if body.seat_from_on or body.is_seat]
    moved = await move_seats(write, seats, Source.DECLARED)
    return [*changes, *([Change("firm.updated", FIRMS, moved, _seen_by(write), topic=topic)] if moved else [])]


async def create_proceeding(write: Write, siren: str, body: schemas.ProceedingCreate) -> Change:
    """An insolvency proceeding. Raises `already-exists`, and those of `OF_A_PROCEEDING` (422).

    The firm's row is the lock: an award to it at the same moment is before or after.
    """
    await write.lock(Firm, Firm.siren == siren)
    declared = {"source": Source.DECLARED, "declared_by": write.actor.organisation_id}
    proceeding = Proceeding(siren=siren, **body.model_dump(), **declared)
    write.session.add(proceeding)
    await write.session.flush()
    bound = _seen_by(write, siren=siren)
    return Change("proceeding.created", PROCEEDINGS, [proceeding.id], bound, topic=lambda _: topic(siren))


async def update_proceeding(write: Write, siren: str, id_: UUID, body: schemas.ProceedingUpdate) -> Change:
    """What became of a proceeding, or what its judgment really said. The firm's row is the lock, as where one is
    recorded.

    Raises `already-exists`, and those of `OF_A_PROCEEDING` (422).
    """
    await write.lock(Firm, Firm.siren == siren)
    proceeding = await write.lock(Proceeding, Proceeding.id == id_, Proceeding.siren == siren)
    await _expect(write, siren, proceeding.version)
    changed = merge(proceeding, body)
    if changed:
        proceeding.declared_by = write.actor.organisation_id
    kind = "proceeding.updated" if changed else ""
    return Change(kind, PROCEEDINGS, [id_], _seen_by(write, siren=siren), topic=lambda _: topic(siren))


# --- a firm in a territory -------------------------------------------------------------------------------------------


async def put_territory_firm(
    write: Write, territory: str, siren: str, body: schemas.TerritoryFirmPut, *, new_only: bool = False
) -> Change:
    """Put a firm of the register at a stage here, and keep the passage in its history.

    The same stage, reason and day again change nothing. With `new_only` a firm begins as identified, and one that is
    followed is left where it is. Raises `reference-not-found` for a SIREN outside the register, `stage-not-reachable`,
    `stage-reserved` (403).
    """
    if new_only and body.stage is not Stage.IDENTIFIED:
        raise StageReserved
    effective_on = body.effective_on or clock.today()
    refuse_future({"/effective_on": effective_on})
    if await write.session.scalar(select(Firm.siren).where(Firm.siren == siren)) is None:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/siren")])
    t, s = TerritoryFirm, StageChange
    values = {"stage": body.stage, "reason": body.reason, "stage_since_on": effective_on}
    now = {"created_at": write.now, "updated_at": write.now}
    made = await write.session.scalar(
        insert(t).values(territory=territory, siren=siren, **values, **now).on_conflict_do_nothing().returning(t.siren)
    )
    bound = {"territory": territory, "siren": siren}
    previous = None
    recorded: list[StageOn] = []
    if made is not None:
        write.expect(None)
    else:
        known = await write.lock(t, t.territory == territory, t.siren == siren)
        write.expect(known.version)
        same_day = body.effective_on is None or known.stage_since_on == effective_on
        if known.stage == body.stage and known.reason == body.reason and same_day:
            return Change("", TERRITORY_FIRMS, [siren], bound)
        if new_only:
            raise StageReserved
        previous = known.stage
        history = select(s.stage, s.effective_on).where(s.territory == territory, s.siren == siren).order_by(s.id)
        recorded = [StageOn(Stage(stage), day) for stage, day in await write.session.execute(history)]
        if effective_on >= known.stage_since_on:
            known.stage, known.reason, known.stage_since_on = body.stage, body.reason, effective_on
        else:  # a correction of the past: it does not move the present stage
            touch(known)
    admit(recorded, StageOn(body.stage, effective_on), body.reason)
    _keep_stage(write, territory, siren, StageOn(body.stage, effective_on), previous, body.reason)
    kind = "territory_firm.created" if made else "territory_firm.stage_changed"
    return Change(kind, TERRITORY_FIRMS, [siren], bound, status=201 if made else 200)


async def hold(write: Write, territory: str, siren: str) -> TerritoryFirm:
    """The firm as the territory knows it, locked. Raises `NotFound`."""
    return await write.lock(TerritoryFirm, TerritoryFirm.territory == territory, TerritoryFirm.siren == siren)


async def follow_award(
    write: Write, firm: TerritoryFirm, *, aided: bool, day: date | None, reason: str | None
) -> list[Change]:
    """Put a held firm at the stage that its awards mean: `supported` from a day on, or back where it was before.

    What somebody put it at since keeps its day: the passage counts from then on at the earliest, and from then on where
    the day is None.
    """
    s, territory, siren = StageChange, firm.territory, firm.siren
    if aided is (firm.stage == Stage.SUPPORTED):
        return []
    stage = Stage.SUPPORTED
    if not aided:
        before = select(s.stage).where(s.territory == territory, s.siren == siren, s.stage != Stage.SUPPORTED)
        stage = Stage(await write.session.scalar(before.order_by(s.effective_on.desc(), s.id.desc()).limit(1)) or
                      Stage.SHORTLISTED)  # fmt: skip
    previous, passage = firm.stage, StageOn(stage, max(day or firm.stage_since_on, firm.stage_since_on))
    firm.stage, firm.stage_since_on, firm.reason = passage.stage, passage.effective_on, reason
    _keep_stage(write, territory, siren, passage, previous, reason)
    await write.session.flush()
    bound = {"territory": territory, "siren": siren}
    return [Change("territory_firm.stage_changed", TERRITORY_FIRMS, [siren], bound)]


def _keep_stage(
    write: Write, territory: str, siren: str, passage: StageOn, previous: str | None, reason: str | None
) -> None:
    write.session.add(
        StageChange(
            territory=territory,
            siren=siren,
            stage=passage.stage,
            previous_stage=previous,
            reason=reason,
            effective_on=passage.effective_on,
            recorded_by=write.actor.subject_id,
            recorded_at=write.now,
        )
    )


async def update_territory_firm(write: Write, territory: str, siren: str, body: schemas.TerritoryFirmUpdate) -> Change:
    """Change what the territory knows of a firm. Raises `eu-size-without-evidence`, `already-exists`."""
    firm = await write.lock(TerritoryFirm, TerritoryFirm.territory == territory, TerritoryFirm.siren == siren)
    write.expect(firm.version)
    changed = merge(firm, body)
    kind = "territory_firm.updated" if changed else ""
    return Change(kind, TERRITORY_FIRMS, [siren], {"territory": territory, "siren": siren})


async def put_accounts(write: Write, territory: str, siren: str, year: int, body: schemas.AccountsPut) -> Change:
    """A year of a firm with exactly these figures."""
    bound = {"territory": territory, "siren": siren}
    key = {**bound, "year": year}
    return await _put_here(write, FirmAccounts, ACCOUNTS, "firm_accounts", year, key, body, bound, parent=siren)


async def put_note(write: Write, territory: str, siren: str, body: schemas.NotePut) -> Change:
    """The confidential note about a firm."""
    bound = {"territory": territory, "siren": siren}
    return await _put_here(write, FirmNote, NOTES, "firm_note", siren, bound, body, bound)


async def _put_here(
    write: Write, model: Any, listing: Listing, kind: str, shown: Any, key: dict[str, Any], body: Any,
    bound: dict[str, Any], parent: str | None = None,
) -> Change:  # fmt: skip
    """What a territory keeps beside a firm that it follows; the firm's row is the lock."""
    await write.lock(
        TerritoryFirm, TerritoryFirm.territory == bound["territory"], TerritoryFirm.siren == bound["siren"]
    )
    known = await write.session.get(model, tuple(key.values()))
    write.expect(known.version if known is not None else None)
    if known is None:
        write.session.add(model(**key, **body.model_dump()))
        return Change(f"{kind}.created", listing, [shown], bound, status=201, parent=parent)
    changed = False
    for name, value in body.model_dump().items():
        if getattr(known, name) != value:
            setattr(known, name, value)
            changed = True
    return Change(f"{kind}.updated" if changed else "", listing, [shown], bound, parent=parent)
