"""Tables of firms."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    UniqueConstraint,
    event,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR, ExcludeConstraint
from sqlalchemy.orm import Mapped, deferred, mapped_column

from app.core import clock
from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.routines import keep
from app.firms.rules import NafVersion, Stage


class Source(StrEnum):
    """Origin of public facts: people who read a document, the public directory of firms, or a file of INSEE."""

    DECLARED = "declared"
    DIRECTORY = "directory"
    SIRENE = "sirene"


class InseeCategory(StrEnum):
    """INSEE's statistical category of firms (décret n° 2008-1354): PME, ETI, GE. It decides no aid: see `EuSize`."""

    PME = "pme"
    ETI = "eti"
    GE = "ge"


class Diffusion(StrEnum):
    """Whether all public facts of a firm or a site may be shown, or its holder has asked for partial diffusion.

    Under partial diffusion (code de commerce, art. A. 123-96; INSEE's status «P») neither the address of its sites nor
    its acronym is shown; the commune is.
    """

    FULL = "full"
    PARTIAL = "partial"


class EuSize(StrEnum):
    """Size in Union law: micro, small and medium by Recommendation 2003/361/EC (annex I of regulation 651/2014).

    A small mid-cap is larger than an SME and has fewer than 750 staff (category introduced by the Commission in 2025).
    Partner and linked enterprises count, and a size changes only after two years: it is stated with its evidence.
    """

    MICRO = "micro"
    SMALL = "small"
    MEDIUM = "medium"
    SMALL_MID_CAP = "small_mid_cap"
    LARGE = "large"


class ProceedingKind(StrEnum):
    """Sauvegarde, redressement judiciaire or liquidation judiciaire (code de commerce, livre VI)."""

    SAFEGUARD = "safeguard"
    REORGANISATION = "reorganisation"
    LIQUIDATION = "liquidation"


class ProceedingEnd(StrEnum):
    """How a proceeding ended: by a plan (continuation or sale), by its conversion into another kind, or by its closing.

    A proceeding into which another was converted has its own opening judgment, of the same day.
    """

    PLAN = "plan"
    CONVERSION = "conversion"
    CLOSING = "closing"


# INSEE's brackets of salaried headcount (tranche d'effectif salarié): NN none known, 00 none, 01 one or two, …
HEADCOUNT_BRACKETS = ("NN", "00", "01", "02", "03", "11", "12", "21", "22", "31", "32", "41", "42", "51", "52", "53")

_STAGES = one_of("stage", Stage)
_NAF_CODE = "naf_code ~ '^[0-9]{2}\\.[0-9]{2}[A-Z]$'"
_NAF_DIVISION = text("((naf_version || ':'::text) || substr(naf_code, 1, 2))")


class Firm(Versioned, Base):
    """A legal unit, by SIREN: public facts (SIRENE), shared by all territories.

    `name` never holds the name of a person: that of a sole trader is in `firm_owners`.
    """

    __tablename__ = "firms"
    __table_args__ = (
        shape("is_siren(siren)", name="firm_siren"),
        shape("name <> ''", name="firm_name"),
        shape(_NAF_CODE, name="firm_naf_code"),
        shape(one_of("naf_version", NafVersion), name="firm_naf_version"),
        CheckConstraint("(naf_code IS NULL) = (naf_version IS NULL)", name="naf_code_without_version"),
        shape("legal_form_code ~ '^[0-9]{4}$'", name="firm_legal_form_code"),
        shape(
            f"headcount_bracket IN ({', '.join(repr(code) for code in HEADCOUNT_BRACKETS)})",
            name="firm_headcount_bracket",
        ),
        shape(one_of("insee_category", InseeCategory), name="firm_insee_category"),
        shape(one_of("diffusion", Diffusion), name="firm_diffusion"),
        shape(one_of("source", Source), name="firm_source"),
        CheckConstraint("ceased OR ceased_on IS NULL", name="ceased_on_of_an_active_firm"),
        ForeignKeyConstraint(
            ["siren", "seat_siret"], ["sites.siren", "sites.siret"], name="firm_seat_is_a_site_of_it", use_alter=True,
            info={"field": "seat_siret"},
        ),
        Index(None, "search", postgresql_using="gin"),
        Index("firms_naf_division_idx", _NAF_DIVISION),
        Index(None, "seat_siret", unique=True, postgresql_where=text("seat_siret IS NOT NULL")),
    )  # fmt: skip

    siren: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    naf_code: Mapped[str | None]
    naf_version: Mapped[str | None]
    legal_form_code: Mapped[str | None]
    trade_names: Mapped[list[str]] = mapped_column(server_default="{}")
    acronym: Mapped[str | None]
    headcount_bracket: Mapped[str | None]
    headcount_year: Mapped[int | None] = mapped_column(SmallInteger)
    insee_category: Mapped[str | None]
    insee_category_year: Mapped[int | None] = mapped_column(SmallInteger)
    founded_on: Mapped[date | None]
    ceased: Mapped[bool] = mapped_column(server_default="false")
    ceased_on: Mapped[date | None]
    diffusion: Mapped[str] = mapped_column(server_default="full")
    sole_trader: Mapped[bool] = mapped_column(server_default="false")
    seat_siret: Mapped[str | None]
    source: Mapped[str] = mapped_column(server_default="declared")
    source_reference: Mapped[str | None]
    declared_by: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    as_of: Mapped[date | None]
    search: Mapped[Any] = deferred(
        mapped_column(
            TSVECTOR,
            Computed("search_words((ARRAY[name, acronym] || trade_names))", persisted=True),
        )
    )


class FirmOwner(Versioned, Base):
    """The name of a sole trader (*entrepreneur individuel*): personal data, read with a permission of its own."""

    __tablename__ = "firm_owners"

    siren: Mapped[str] = mapped_column(ForeignKey("firms.siren"), primary_key=True)
    name: Mapped[str]


# The id of what belongs to a firm of the register is one of a day that all may know: the first one that it tells, or,
# of a code of activity, that from which its nomenclature is used. So no id says when the register learnt something.
ID_OF_ITS_DAY = """
CREATE FUNCTION id_of_its_day() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said CONSTANT text := to_jsonb(NEW) ->> TG_ARGV[0];
    told CONSTANT date := CASE said WHEN 'naf_rev2' THEN '2008-01-01' WHEN 'naf_2025' THEN '2027-01-01'
        ELSE greatest(said::date, '1970-01-01') END;
BEGIN
    NEW.id := uuidv7(timezone('UTC', told::timestamp) - clock_timestamp());
    RETURN NEW;
END
$$
"""
event.listen(Firm.__table__, "after_create", DDL(ID_OF_ITS_DAY))


def id_by(table: type[Base], day: str) -> None:
    """Have the table's ids made by this column, a day or a nomenclature; NULL is the first day that a UUIDv7 has."""
    trigger = (
        f"CREATE TRIGGER id_of_its_day BEFORE INSERT ON {table.__tablename__} FOR EACH ROW"
        f" EXECUTE FUNCTION id_of_its_day('{day}')"
    )
    event.listen(table.__table__, "after_create", DDL(trigger))


class FirmActivity(Identified, Base):
    """An activity code of a firm, in one nomenclature, between two days; `from_on` NULL is since before it was known.

    NAF rev. 2 and NAF 2025 stand side by side; in each there is one code on any day.
    """

    __tablename__ = "firm_activities"
    __table_args__ = (
        shape(_NAF_CODE, name="firm_activity_naf_code"),
        shape(one_of("naf_version", NafVersion), name="firm_activity_naf_version"),
        shape("to_on >= from_on", name="activity_period"),
        ExcludeConstraint(
            (text("int8range(siren::bigint, siren::bigint, '[]')"), "&&"),
            (text("int4range((naf_version = 'naf_2025')::integer, (naf_version = 'naf_2025')::integer, '[]')"), "&&"),
            (func.daterange(text("from_on"), text("to_on"), text("'[]'")), "&&"),
            name="two_activities_at_once",
            using="gist",
        ),
        Index(None, "siren", "naf_version", "from_on"),
    )

    siren: Mapped[str] = mapped_column(ForeignKey("firms.siren"))
    naf_code: Mapped[str]
    naf_version: Mapped[str]
    from_on: Mapped[date | None]
    to_on: Mapped[date | None]


id_by(FirmActivity, "naf_version")


class Site(Versioned, Base):
    """A place of activity (*établissement*), by SIRET. A firm that moves closes one site and opens another."""

    __tablename__ = "sites"
    __table_args__ = (
        UniqueConstraint("siren", "siret"),
        shape("is_siret(siret)", name="site_siret"),
        CheckConstraint("siren = substr(siret, 1, 9)", name="siret_of_another_firm"),
        shape("insee_code ~ '^([0-9]{2}|2[AB])[0-9]{3}$'", name="site_insee_code"),
        shape(_NAF_CODE, name="site_naf_code"),
        shape(one_of("naf_version", NafVersion), name="site_naf_version"),
        shape("(naf_code IS NULL) = (naf_version IS NULL)", name="site_naf_code_without_version"),
        CheckConstraint("closed OR closed_on IS NULL", name="closed_on_of_an_open_site"),
        CheckConstraint("closed_on >= opened_on", name="site_closes_before_it_opens"),
        shape(one_of("source", Source), name="site_source"),
        shape(one_of("diffusion", Diffusion), name="site_diffusion"),
        Index(None, "insee_code", "siren", postgresql_where=text("NOT closed")),
    )

    siret: Mapped[str] = mapped_column(primary_key=True)
    siren: Mapped[str] = mapped_column(ForeignKey("firms.siren"))
    name: Mapped[str | None]
    insee_code: Mapped[str | None]
    commune_name: Mapped[str | None]
    address: Mapped[str | None]
    naf_code: Mapped[str | None]
    naf_version: Mapped[str | None]
    opened_on: Mapped[date | None]
    closed: Mapped[bool] = mapped_column(server_default="false")
    closed_on: Mapped[date | None]
    diffusion: Mapped[str] = mapped_column(server_default="full")
    source: Mapped[str] = mapped_column(server_default="declared")
    source_reference: Mapped[str | None]
    declared_by: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    as_of: Mapped[date | None]


class FirmSeat(Identified, Base):
    """A move: from which day a site is the firm's seat, and when that was recorded. Append-only."""

    __tablename__ = "firm_seats"
    __table_args__ = (
        ForeignKeyConstraint(["siren", "siret"], ["sites.siren", "sites.siret"]),
        Index(None, "siren", "id"),
    )

    siren: Mapped[str]
    siret: Mapped[str]
    from_on: Mapped[date | None]
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)


keep(FirmSeat)
id_by(FirmSeat, "from_on")


class Proceeding(Identified, Versioned, Base):
    """An insolvency proceeding (*procédure collective*) of a firm, from its opening judgment to its end."""

    __tablename__ = "proceedings"
    __table_args__ = (
        UniqueConstraint("siren", "kind", "opened_on"),
        shape(one_of("kind", ProceedingKind), name="proceeding_kind"),
        shape(one_of("source", Source), name="proceeding_source"),
        shape(one_of("ended_by", ProceedingEnd), name="proceeding_ended_by"),
        CheckConstraint("closed_on >= opened_on", name="proceeding_closes_before_it_opens"),
        CheckConstraint("noticed_on >= opened_on", name="proceeding_noticed_before_it_opens"),
        CheckConstraint(
            "continued_until_on IS NULL OR kind = 'liquidation' AND continued_until_on >= opened_on",
            name="continued_outside_liquidation",
        ),
        CheckConstraint("ended_by IS NULL OR closed_on IS NOT NULL", name="ended_by_of_an_open_proceeding"),
        Index("proceedings_open_idx", "siren", postgresql_where=text("closed_on IS NULL")),
    )

    siren: Mapped[str] = mapped_column(ForeignKey("firms.siren"))
    kind: Mapped[str]
    opened_on: Mapped[date]
    noticed_on: Mapped[date | None]
    continued_until_on: Mapped[date | None]
    closed_on: Mapped[date | None]
    ended_by: Mapped[str | None]
    court: Mapped[str | None]
    source: Mapped[str] = mapped_column(server_default="declared")
    source_reference: Mapped[str | None]
    declared_by: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))


id_by(Proceeding, "opened_on")


class TerritoryFirm(Versioned, Base):
    """A firm as one territory knows it."""

    __tablename__ = "territory_firms"
    __table_args__ = (
        shape(_STAGES, name="territory_firm_stage"),
        shape(one_of("eu_size", EuSize), name="territory_firm_eu_size"),
        CheckConstraint(
            "(eu_size IS NULL) = (eu_size_evidence_on IS NULL) AND (eu_size IS NULL) = (eu_size_source IS NULL)",
            name="eu_size_without_evidence",
        ),
        UniqueConstraint("territory", "external_id"),
        Index(None, "siren"),
    )

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"), primary_key=True)
    siren: Mapped[str] = mapped_column(ForeignKey("firms.siren"), primary_key=True)
    stage: Mapped[str]
    reason: Mapped[str | None]
    stage_since_on: Mapped[date]
    eu_size: Mapped[str | None]
    eu_size_evidence_on: Mapped[date | None]
    eu_size_source: Mapped[str | None]
    external_id: Mapped[str | None]


class StageChange(Identified, Base):
    """A firm's passage to a stage: when it held (`effective_on`), and when it was recorded. Append-only.

    `counts_as_interview` is true of what was recorded before interviews were derived from auditions: of such a firm a
    stage that says so is all there is to tell that it was met.
    """

    __tablename__ = "firm_stage_changes"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "siren"], ["territory_firms.territory", "territory_firms.siren"]),
        Index(None, "territory", "siren", "id"),
        shape(_STAGES, name="firm_stage_change_stage"),
        shape("effective_on <= (timezone('Europe/Paris', recorded_at))::date", name="stage_in_the_future"),
    )

    territory: Mapped[str]
    siren: Mapped[str]
    stage: Mapped[str]
    previous_stage: Mapped[str | None]
    reason: Mapped[str | None]
    effective_on: Mapped[date]
    counts_as_interview: Mapped[bool] = mapped_column(server_default=text("false"))
    recorded_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)


keep(StageChange)


class FirmAccounts(Versioned, Base):
    """A year of a firm as a territory knows it: turnover, balance sheet total and headcount, with their evidence."""

    __tablename__ = "firm_accounts"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "siren"], ["territory_firms.territory", "territory_firms.siren"]),
        shape("year BETWEEN 1900 AND 2199", name="firm_accounts_year"),
        shape("turnover_cents BETWEEN 0 AND 9007199254740991", name="firm_accounts_turnover"),
        shape("balance_sheet_cents BETWEEN 0 AND 9007199254740991", name="firm_accounts_balance_sheet"),
        shape("headcount BETWEEN 0 AND 10000000", name="firm_accounts_headcount"),
        shape("source <> ''", name="firm_accounts_source"),
    )

    territory: Mapped[str] = mapped_column(primary_key=True)
    siren: Mapped[str] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    turnover_cents: Mapped[int | None] = mapped_column(BigInteger)
    balance_sheet_cents: Mapped[int | None] = mapped_column(BigInteger)
    headcount: Mapped[int | None]
    source: Mapped[str]


class FirmNote(Versioned, Base):
    """What a territory's staff writes about a firm in confidence."""

    __tablename__ = "firm_notes"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "siren"], ["territory_firms.territory", "territory_firms.siren"]),
    )

    territory: Mapped[str] = mapped_column(primary_key=True)
    siren: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str]


# A firm with an award for a project stays supported. Awards change under the firm's lock.
CHECK_STAGE = """
CREATE FUNCTION check_firm_stage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM grants WHERE territory = NEW.territory AND firm_siren = NEW.siren AND project_id IS NOT NULL
            AND status NOT IN ('cancelled', 'reversed')
        UNION ALL
        SELECT FROM advances WHERE territory = NEW.territory AND firm_siren = NEW.siren AND project_id IS NOT NULL
            AND status NOT IN ('cancelled', 'reversed')
    ) THEN
        RAISE EXCEPTION 'its award stands' USING ERRCODE = 'check_violation', CONSTRAINT = 'firm_has_award';
    END IF;
    RETURN NEW;
END
$$
"""
STAGE_GUARD = """
CREATE TRIGGER check_stage BEFORE UPDATE OF stage ON territory_firms FOR EACH ROW
WHEN (OLD.stage = 'supported' AND NEW.stage <> 'supported') EXECUTE FUNCTION check_firm_stage()
"""
event.listen(TerritoryFirm.__table__, "after_create", DDL(CHECK_STAGE))
event.listen(TerritoryFirm.__table__, "after_create", DDL(STAGE_GUARD))
