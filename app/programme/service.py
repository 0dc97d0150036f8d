"""Writes of the programme."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import clock
from app.core.db import touch
from app.core.problems import Problem
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Explain, Write, given, merge
from app.programme import schemas
from app.programme.models import COMMUNE_IN_USE, Perimeter, PerimeterCommune, Territory, Wave
from app.programme.queries import PERIMETERS, TERRITORIES, WAVES


class LeadNotAmongEpci(Problem):
    """The lead EPCI must be one of the territory's EPCI."""

    status = 422
    title_fr = "L'EPCI chef de file doit être l'un des EPCI du territoire."
    cure = "Add lead_siren to epci_sirens."
    cure_fr = "Ajoutez lead_siren à epci_sirens."


class EpciOfAnotherTerritory(Problem):
    """An EPCI already belongs to another laureate territory."""

    title_fr = "Un EPCI appartient déjà à un autre territoire lauréat."
    cure = "Leave out that EPCI, or close the other territory. GET /v1/territories?epci_siren= finds it."
    cure_fr = "Retirez cet EPCI, ou clôturez l'autre territoire. GET /v1/territories?epci_siren= le trouve."


class WavePeriod(Problem):
    """A wave cannot close before the day it opens."""

    status = 422
    title_fr = "Une vague ne peut pas se fermer avant le jour de son ouverture."


class AwardsWithoutProject(Problem):
    """Awards that name no project were decided between that day and the present one."""

    status = 409
    title_fr = "Des attributions sans projet ont été décidées entre ce jour et l'actuel."
    cure = "Give a later day: one after the last of these awards (`T/grants`, `T/advances`: project_id is null)."
    cure_fr = (
        "Donnez un jour ultérieur : après la dernière de ces attributions (`T/grants`, `T/advances` : project_id nul)."
    )


class CommuneInUse(Problem):
    """Projects stand in communes that would leave this perimeter."""

    status = 409
    title_fr = "Des projets sont dans des communes qui quitteraient ce périmètre."
    detail = "These communes stay: {insee_codes}."
    detail_fr = "Ces communes restent : {insee_codes}."
    cure = "Keep these communes, and record what changes as the perimeter of a later year."
    cure_fr = "Gardez ces communes, et enregistrez ce qui change comme périmètre d'une année ultérieure."


async def create_wave(write: Write, body: schemas.WaveCreate) -> Change:
    """A new round of the call; its number is unique (`already-exists`)."""
    wave = Wave(**body.model_dump())
    write.session.add(wave)
    await write.session.flush()
    return Change("wave.created", WAVES, [wave.id])


async def update_wave(write: Write, wave_id: UUID, body: schemas.WaveUpdate) -> Change:
    """Change a wave's name or days. Raises `wave-period`."""
    wave = await write.lock(Wave, Wave.id == wave_id)
    write.expect(wave.version)
    changed = merge(wave, body)
    return Change("wave.updated" if changed else "", WAVES, [wave_id])


async def create_territory(write: Write, body: schemas.TerritoryCreate) -> Change:
    """A territory of a wave. Raises `already-exists`, `reference-not-found` (wave), `lead-not-among-epci`,
    `epci-of-another-territory`.
    """
    served_since_on = body.served_since_on or clock.today()
    refuse_future({"/served_since_on": served_since_on})
    implied = {"epci_sirens": body.epci_sirens or [body.lead_siren], "served_since_on": served_since_on}
    territory = Territory(**(body.model_dump() | implied))
    write.session.add(territory)
    await write.session.flush()
    return Change("territory.created", TERRITORIES, [territory.slug], {"territory": territory.slug})


async def update_territory(write: Write, slug: str, body: schemas.TerritoryUpdate) -> Change:
    """Change a territory; its slug stays.

    Raises `lead-not-among-epci` (422), `epci-of-another-territory`, `awards-without-project` (409).
    """
    refuse_future({"/served_since_on": given(body).get("served_since_on")})
    territory = await write.lock(Territory, Territory.slug == slug)
    write.expect(territory.version)
    changed = merge(territory, body)
    return Change("territory.updated" if changed else "", TERRITORIES, [slug], {"territory": slug})


async def add_communes(
    write: Write, slug: str, vintage: int, communes: Sequence[schemas.Commune]
) -> tuple[Change, int, int]:
    """Add communes to a vintage, or rename them; those not named stay. How many were added, how many renamed."""
    await write.lock(Territory, Territory.slug == slug)
    made = await write.session.scalar(
        insert(Perimeter)
        .values(territory=slug, vintage=vintage, created_at=write.now, updated_at=write.now)
        .on_conflict_do_nothing()
        .returning(Perimeter.vintage)
    )
    c = PerimeterCommune
    known = {
        row.insee_code: row.name
        for row in await write.session.execute(
            select(c.insee_code, c.name).where(c.territory == slug, c.vintage == vintage)
        )
    }
    named = {each.insee_code: each.name for each in communes if known.get(each.insee_code) != each.name}
    renamed = sum(code in known for code in named)
    bound = {"territory": slug}
    if not named:
        return Change("", PERIMETERS, [vintage], bound), 0, 0
    await _name_communes(write, slug, vintage, named)
    if made is None:
        perimeter = await write.session.get_one(Perimeter, (slug, vintage))
        touch(perimeter)
        await write.session.flush()
    kind = "perimeter.updated" if made is None else "perimeter.created"
    return Change(kind, PERIMETERS, [vintage], bound), len(named) - renamed, renamed


async def _name_communes(write: Write, slug: str, vintage: int, named: Mapping[str, str]) -> None:
    """Add these communes to a vintage, or rename them."""
    if not named:
        return
    c = PerimeterCommune
    rows = [{"territory": slug, "vintage": vintage, "insee_code": code, "name": name} for code, name in named.items()]
    put = insert(c).values(rows)
    again = put.on_conflict_do_update(
        index_elements=[c.territory, c.vintage, c.insee_code], set_={"name": put.excluded.name}
    )
    await write.session.execute(again)


def explain_perimeter(slug: str, vintage: int, communes: Sequence[schemas.Commune]) -> Explain:
    """Which communes of a vintage stay as they are."""

    async def explain(session: AsyncSession, constraint: str) -> Problem | None:
        if constraint != CommuneInUse.constraint:
            return None
        used = await session.scalars(_USED, {"territory": slug, "vintage": vintage})
        kept = {commune.insee_code for commune in communes}
        return CommuneInUse(insee_codes=[code for code in used if code not in kept])

    return explain


_USED = text(f"""
    SELECT insee_code FROM perimeter_communes c
    WHERE territory = :territory AND vintage = :vintage AND {COMMUNE_IN_USE.format(commune="c")} ORDER BY insee_code
""")  # noqa: S608  # no input in it


async def put_perimeter(write: Write, slug: str, vintage: int, body: schemas.PerimeterPut) -> Change:
    """Set the communes of one vintage, as a whole; the same communes again change nothing.

    Raises `commune-in-use` (409) where a project was admitted by one that would go.
    """
    await write.lock(Territory, Territory.slug == slug)
    perimeter = await write.session.get(Perimeter, (slug, vintage))
    write.expect(perimeter.version if perimeter is not None else None)
    wanted = {commune.insee_code: commune.name for commune in body.communes}
    c = PerimeterCommune
    mine = (c.territory == slug, c.vintage == vintage)
    rows = await write.session.execute(select(c.insee_code, c.name).where(*mine))
    have: dict[str, str] = {row.insee_code: row.name for row in rows}
    bound = {"territory": slug}
    if perimeter is None:
        write.session.add(Perimeter(territory=slug, vintage=vintage))
        await write.session.flush()
    elif wanted == have:
        return Change("", PERIMETERS, [vintage], bound)
    else:
        touch(perimeter)
        await write.session.execute(delete(c).where(*mine, c.insee_code.not_in(wanted)))
    await _name_communes(write, slug, vintage, {code: name for code, name in wanted.items() if have.get(code) != name})
    created = perimeter is None
    kind = "perimeter.created" if created else "perimeter.updated"
    return Change(kind, PERIMETERS, [vintage], bound, status=201 if created else 200)
