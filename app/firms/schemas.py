"""What travels about firms."""

from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field
from pydantic.config import JsonDict

from app.core.schemas import (
    PERSONAL,
    Body,
    CreatedAt,
    ExternalName,
    Id,
    PersonNameOrNull,
    Read,
    RecordedAt,
    UpdatedAt,
    Version,
    retire,
)
from app.core.values import (
    Cents,
    Day,
    ExternalId,
    InseeCode,
    LegalFormCode,
    Line,
    NafCode,
    Reason,
    ShortLine,
    Siren,
    Text,
    TrueOrFalse,
)
from app.firms.models import (
    HEADCOUNT_BRACKETS,
    Diffusion,
    EuSize,
    InseeCategory,
    ProceedingEnd,
    ProceedingKind,
    Source,
)
from app.firms.rules import NafVersion, Stage
from app.programme.schemas import TerritorySlug

retire(firm_siren="siren", firm_sirens="sirens")

SirenRead = Annotated[str, Field(description="SIREN of the firm that the object is about: nine digits.")]
FirmName = Annotated[str, Field(description="Present name of the firm in the register.")]
Bracket = Literal[HEADCOUNT_BRACKETS]  # type: ignore[valid-type]  # the codes stand once, beside the table
Year = Annotated[int, Field(strict=True, ge=1900, le=2199, examples=[2022])]
Headcount = Annotated[int, Field(strict=True, ge=0, le=10_000_000, examples=[34])]
TradeNames = Annotated[list[Line], Field(max_length=20)]

_FIRM: JsonDict = {
    "name": "Mécanique cévenole (demonstration)",
    "naf_code": "25.62B",
    "naf_version": "naf_rev2",
    "legal_form_code": "5710",
    "headcount_bracket": "12",
    "insee_category": "pme",
    "source_reference": "Avis de situation SIRENE",
    "as_of": "2023-06-14",
}


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


# --- the register ----------------------------------------------------------------------------------------------------

_Name = Annotated[
    Line,
    Field(description="Name of the firm in the register, or a trade name; never the name of a person: see /owner."),
]
_NafCode = Annotated[
    NafCode, Field(description="Main activity (APE), in the nomenclature of naf_version; the two go together.")
]
_LegalForm = Annotated[
    LegalFormCode, Field(description="INSEE's catégorie juridique, level III, such as 5710 for a SAS.")
]
_TradeNames = Annotated[
    TradeNames, Field(description="Names under which the firm is known beside its own (enseignes, noms commerciaux).")
]
_Acronym = Annotated[ShortLine, Field(description="Acronym (sigle) in the register.")]
_Bracket = Annotated[
    Bracket,
    Field(description="INSEE's tranche d'effectif salarié, such as 12 for 20 to 49 employees; NN: no employees known."),
]
_HeadcountYear = Annotated[Year, Field(description="Calendar year that headcount_bracket describes.")]
_CategoryYear = Annotated[Year, Field(description="Calendar year for which INSEE computed insee_category.")]
_FoundedOn = Annotated[Day, Field(description="Day on which the firm was created, by the register.")]
_Ceased = Annotated[TrueOrFalse, Field(description="Whether the firm has ceased all activity (état administratif C).")]
_CeasedOn = Annotated[Day, Field(description="Day on which the firm ceased; only together with ceased.")]
_SoleTrader = Annotated[
    TrueOrFalse,
    Field(description="Whether the firm is an entrepreneur individuel; the person's name has its own address."),
]
_Reference = Annotated[Line, Field(description="Document in which the facts were read, such as an avis SIRENE.")]
_AsOf = Annotated[Day, Field(description="Paris day on which the facts were true; absent or null: today.")]
_NafVersion = Annotated[
    NafVersion,
    Field(
        description="Nomenclature of naf_code; absent or null beside a code: the one in force on the day of the facts,"
        " NAF rev. 2 until 31 December 2026, NAF 2025 from then on."
    ),
]
_InseeCategory = Annotated[
    InseeCategory, Field(description="INSEE's statistical category; it decides no aid, see eu_size in a territory.")
]


class FirmPut(Body):
    """All public facts of a firm; a fact that is absent is cleared."""

    model_config = _example(**_FIRM)

    name: _Name
    naf_code: _NafCode | None = None
    naf_version: _NafVersion | None = None
    legal_form_code: _LegalForm | None = None
    trade_names: _TradeNames = Field(default_factory=list)
    acronym: _Acronym | None = None
    headcount_bracket: _Bracket | None = None
    headcount_year: _HeadcountYear | None = None
    insee_category: _InseeCategory | None = None
    insee_category_year: _CategoryYear | None = None
    founded_on: _FoundedOn | None = None
    ceased: _Ceased = False
    ceased_on: _CeasedOn | None = None
    diffusion: Diffusion = Diffusion.FULL
    sole_trader: _SoleTrader = False
    source_reference: _Reference | None = None
    as_of: _AsOf | None = None


class FirmCreate(FirmPut):
    """A firm by its SIREN, with its public facts."""

    model_config = _example(siren="910000017", **_FIRM)

    siren: Annotated[Siren, Field(description="The legal unit: nine digits, once in the register.")]


class FirmUpdate(Body):
    """Public facts of a firm to change."""

    model_config = _example(legal_form_code="5710")

    elsewhere: ClassVar = {"seat_siret": ("PUT /v1/firms/{siren}/sites/{siret}",)}

    name: _Name | MISSING = MISSING
    naf_code: _NafCode | None | MISSING = MISSING
    naf_version: (
        Annotated[NafVersion, Field(description="Nomenclature of naf_code; the two go together.")] | None | MISSING
    ) = MISSING
    legal_form_code: _LegalForm | None | MISSING = MISSING
    trade_names: _TradeNames | MISSING = MISSING
    acronym: _Acronym | None | MISSING = MISSING
    headcount_bracket: _Bracket | None | MISSING = MISSING
    headcount_year: _HeadcountYear | None | MISSING = MISSING
    insee_category: _InseeCategory | None | MISSING = MISSING
    insee_category_year: _CategoryYear | None | MISSING = MISSING
    founded_on: _FoundedOn | None | MISSING = MISSING
    ceased: _Ceased | MISSING = MISSING
    ceased_on: _CeasedOn | None | MISSING = MISSING
    diffusion: Diffusion | MISSING = MISSING
    sole_trader: _SoleTrader | MISSING = MISSING
    source_reference: _Reference | None | MISSING = MISSING
    as_of: Annotated[Day, Field(description="Paris day on which the facts were true; absent: today.")] | MISSING = (
        MISSING
    )


# Who enters or changes a firm of the register is interested in it: those who follow the firm are told, nobody else.
_CreatedForFollowers = Annotated[
    datetime | None,
    Field(description="Instant in UTC at which it was entered; null for who does not follow the firm."),
]
_UpdatedForFollowers = Annotated[
    datetime | None,
    Field(description="Instant in UTC of its last write; null for who does not follow the firm."),
]
_VersionForFollowers = Annotated[
    int | None,
    Field(
        description="1 at creation, one more after each write of this object; the ETag begins with it. Null, and"
        " without an ETag, for who does not follow the firm."
    ),
]
_IdOfItsDay = Annotated[
    UUID,
    Field(description="UUIDv7 of a day that all may know, so that it says nothing of when it was entered."),
]
_Declarer = Annotated[
    UUID | None,
    Field(
        description="Organisation that declared what is shown, for who follows the firm and for itself; null where it"
        " was copied from a public directory or is of before this was kept."
    ),
]
_DeclarerName = Annotated[
    str | None, Field(description="Present name of that organisation; null where declared_by_organisation_id is.")
]


class Firm(Read):
    """A legal unit of the register: public facts, shared by all territories."""

    siren: str = Field(description="The legal unit: nine digits, once in the register.")
    name: str = Field(description="Name in the register, or a trade name; never the name of a person: see /owner.")
    trade_names: list[str] = Field(description="Names under which the firm is known beside its own.")
    acronym: str | None = Field(
        description="Acronym (sigle) in the register; null where there is none, and under partial diffusion."
    )
    naf_code: str | None = Field(
        description="Main activity (APE) in the nomenclature of naf_version; null where it is unknown. All codes with"
        " their days are in /activities."
    )
    naf_version: NafVersion | None = Field(description="Nomenclature of naf_code; null where naf_code is.")
    legal_form_code: str | None = Field(description="INSEE's catégorie juridique, level III; null where it is unknown.")
    headcount_bracket: str | None = Field(
        description="INSEE's tranche d'effectif salarié in headcount_year, such as 12 for 20 to 49 employees; NN: no"
        " employees known; null: not recorded."
    )
    headcount_year: int | None = Field(
        description="Calendar year that headcount_bracket describes; null: not recorded."
    )
    insee_category: InseeCategory | None = Field(
        description="INSEE's statistical category (décret n° 2008-1354); it decides no aid. Null: not recorded."
    )
    insee_category_year: int | None = Field(description="Calendar year of insee_category; null: not recorded.")
    founded_on: date | None = Field(description="Day on which the firm was created; null: not recorded.")
    ceased: bool = Field(description="Whether the firm has ceased all activity (état administratif C).")
    ceased_on: date | None = Field(description="Day on which it ceased; null where it has not, or the day is unknown.")
    diffusion: Diffusion = Field(description="Under partial diffusion the acronym and the addresses are not shown.")
    sole_trader: bool = Field(description="Whether the firm is an entrepreneur individuel.")
    seat_siret: str | None = Field(
        description="SIRET of the site that is the seat at present; null where none is recorded."
    )
    source: Source = Field(description="Where the facts that are shown come from: the last write that changed them.")
    source_reference: str | None = Field(
        description="Document in which the facts were read; null where none was named."
    )
    declared_by_organisation_id: _Declarer
    declared_by_organisation_name: _DeclarerName
    as_of: date | None = Field(
        description="Paris day on which the facts were true, by their source; null in old records, and for who does not"
        " follow the firm: unless another is said it is the day of the write."
    )
    version: _VersionForFollowers
    created_at: _CreatedForFollowers
    updated_at: _UpdatedForFollowers


class DirectoryAdvisory(Read):
    """A fact that the public directory does not say, or says in a way that cannot be read."""

    pointer: str = Field(
        description="The field in the directory's own words, as a JSON Pointer below the firm; sites below"
        " /siege, /matching_etablissements or, by their SIRET, /sites."
    )
    code: str = Field(description="Stable code of the rule, the same in every language.")
    detail: str = Field(description="What is wrong with it, in the language of Accept-Language.")


class RefreshedFirm(Firm):
    """A firm as the public directory described it, with what could not be taken over."""

    advisories: list[DirectoryAdvisory] = Field(
        description="Facts that the directory does not say or that cannot be read, at most 100: each stays as it was,"
        " unless it is null there. Empty where everything was read."
    )


class FirmOwnerPut(Body):
    """The name of a sole trader."""

    model_config = _example(name="Camille Exemple")

    name: Annotated[Line, Field(description="First name and family name of the person whose firm it is.")]


class FirmOwner(Read):
    """The name of a sole trader: personal data, in no event and no log."""

    siren: SirenRead
    name: str = Field(
        json_schema_extra=PERSONAL, description="First name and family name of the person whose firm it is."
    )
    version: _VersionForFollowers
    created_at: _CreatedForFollowers
    updated_at: _UpdatedForFollowers


class ActivityCreate(Body):
    """An activity code from a day on. In its nomenclature it ends the code that was in force, the day before."""

    model_config = _example(naf_code="25.53Y", naf_version="naf_2025", from_on="2025-12-01")

    naf_code: Annotated[
        NafCode, Field(description="The activity from that day on, in the nomenclature of naf_version.")
    ]
    naf_version: NafVersion
    from_on: Annotated[Day, Field(description="First day of the code; codes that begin on it or later are withdrawn.")]


class Activity(Read):
    """An activity code of a firm in one nomenclature, between two days."""

    told_as = "firm_activity"

    id: _IdOfItsDay
    siren: SirenRead
    naf_code: str = Field(description="The main activity on these days, in the nomenclature of naf_version.")
    naf_version: NafVersion = Field(description="Nomenclature of the code; each has one code on any day.")
    from_on: date | None = Field(
        description="First day of the code; null: since before it was known, and for who does not follow the firm."
    )
    to_on: date | None = Field(description="Last day of the code, included; null: it is in force.")


class SitePut(Body):
    """All facts of a site; a fact that is absent is cleared."""

    model_config = _example(
        insee_code="30007", commune_name="Alès", opened_on="2019-03-01", seat_from_on="2019-03-01",
        source_reference="Avis de situation SIRENE",
    )  # fmt: skip

    name: Annotated[Line, Field(description="Sign or usual name of the site.")] | None = None
    insee_code: Annotated[InseeCode, Field(description="Commune in which the site lies, by its INSEE code.")] | None = (
        None
    )
    commune_name: Annotated[Line, Field(description="Name of the commune as the source writes it.")] | None = None
    address: (
        Annotated[Line, Field(description="Number and street; personal data of a sole trader, shown in no event.")]
        | None
    ) = None
    naf_code: (
        Annotated[NafCode, Field(description="Activity of this site, which may differ from the firm's main one.")]
        | None
    ) = None
    naf_version: _NafVersion | None = None
    opened_on: Annotated[Day, Field(description="Day on which activity began at this site.")] | None = None
    closed: Annotated[TrueOrFalse, Field(description="Whether activity at this site has ended.")] = False
    closed_on: Annotated[Day, Field(description="Day on which it ended; only together with closed.")] | None = None
    diffusion: Diffusion = Diffusion.FULL
    seat_from_on: (
        Annotated[
            Day,
            Field(description="Day from which this site is the firm's seat; absent or null: the seat does not move."),
        ]
        | None
    ) = None
    source_reference: _Reference | None = None
    as_of: _AsOf | None = None


class Site(Read):
    """A place of activity (*établissement*) of a firm."""

    siret: str = Field(description="The site: fourteen digits that begin with the SIREN of its firm.")
    siren: SirenRead
    name: str | None = Field(description="Sign or usual name of the site; null where none is recorded.")
    insee_code: str | None = Field(description="Commune in which the site lies, by its INSEE code; null: not recorded.")
    commune_name: str | None = Field(description="Name of the commune as the source wrote it; null: not recorded.")
    address: str | None = Field(
        json_schema_extra=PERSONAL,
        description="Number and street; null where it is not recorded, and under partial diffusion. No event shows it.",
    )
    diffusion: Diffusion = Field(
        description="Diffusion of the site, partial where that of its firm is: then the address is not shown."
    )
    naf_code: str | None = Field(
        description="Activity of this site, in the nomenclature of naf_version; null: not recorded."
    )
    naf_version: NafVersion | None = Field(description="Nomenclature of naf_code; null where naf_code is.")
    opened_on: date | None = Field(description="Day on which activity began at this site; null: not recorded.")
    closed: bool = Field(description="Whether activity at this site has ended.")
    closed_on: date | None = Field(description="Day on which it ended; null where it has not, or the day is unknown.")
    is_seat: bool = Field(description="Whether the firm has its seat here at present.")
    source: Source = Field(description="Where the facts that are shown come from: the last write that changed them.")
    source_reference: str | None = Field(
        description="Document in which the facts were read; null where none was named."
    )
    declared_by_organisation_id: _Declarer
    declared_by_organisation_name: _DeclarerName
    as_of: date | None = Field(
        description="Paris day on which the facts were true, by their source; null in old records, and for who does not"
        " follow the firm: unless another is said it is the day of the write."
    )
    version: _VersionForFollowers
    created_at: _CreatedForFollowers
    updated_at: _UpdatedForFollowers


class Seat(Read):
    """A move of a firm's seat to a site."""

    id: _IdOfItsDay
    siren: SirenRead
    siret: str = Field(description="SIRET of the site to which the seat moved.")
    insee_code: str | None = Field(description="Commune of that site, by its INSEE code; null: not recorded.")
    from_on: date | None = Field(description="Day from which the site is the seat; null: since before it was known.")
    recorded_at: Annotated[
        datetime | None,
        Field(description="Instant in UTC at which the move was recorded; null for who does not follow the firm."),
    ]


_Court = Annotated[Line, Field(description="Court that opened the proceeding, such as Tribunal de commerce de Nîmes.")]
_ClosedOn = Annotated[
    Day, Field(description="Day of the decision that ended the proceeding; null or absent: it goes on.")
]
_NoticedOn = Annotated[
    Day, Field(description="Day of the notice in the BODACC: creditors declare their claims within two months of it.")
]
_ContinuedUntilOn = Annotated[
    Day,
    Field(
        description="Liquidation only: day until which the court lets activity go on with a sale in view; all debts are"
        " due on it instead of on the day of the judgment."
    ),
]
_EndedBy = Annotated[
    ProceedingEnd,
    Field(description="How the proceeding ended; only together with closed_on."),
]
_ProceedingReference = Annotated[Line, Field(description="Announcement that says so, such as a number of the BODACC.")]


class ProceedingCreate(Body):
    """An insolvency proceeding, from its opening judgment."""

    model_config = _example(kind="safeguard", opened_on="2024-02-06", court="Tribunal de commerce de Nîmes",
                            source_reference="BODACC A n° 30 du 13/02/2024")  # fmt: skip

    kind: ProceedingKind
    opened_on: Annotated[Day, Field(description="Day of the opening judgment; with `kind` it names the proceeding.")]
    noticed_on: _NoticedOn | None = None
    continued_until_on: _ContinuedUntilOn | None = None
    closed_on: _ClosedOn | None = None
    ended_by: _EndedBy | None = None
    court: _Court | None = None
    source_reference: _ProceedingReference | None = None


class ProceedingUpdate(Body):
    """The notice, the end, the court or the source of a proceeding, or a corrected judgment."""

    model_config = _example(closed_on="2024-11-12", ended_by="plan")

    kind: ProceedingKind | MISSING = MISSING
    opened_on: (
        Annotated[Day, Field(description="Day of the opening judgment, where it was recorded wrongly.")] | MISSING
    ) = MISSING
    noticed_on: _NoticedOn | None | MISSING = MISSING
    continued_until_on: _ContinuedUntilOn | None | MISSING = MISSING
    closed_on: _ClosedOn | None | MISSING = MISSING
    ended_by: _EndedBy | None | MISSING = MISSING
    court: _Court | None | MISSING = MISSING
    source_reference: _ProceedingReference | None | MISSING = MISSING


class Proceeding(Read):
    """An insolvency proceeding (sauvegarde, redressement, liquidation judiciaire) of a firm."""

    id: _IdOfItsDay
    siren: SirenRead
    kind: ProceedingKind = Field(description="Sauvegarde, redressement judiciaire or liquidation judiciaire.")
    opened_on: date = Field(description="Day of the opening judgment.")
    noticed_on: date | None = Field(
        description="Day of the notice in the BODACC, from which creditors have two months to declare their claims;"
        " null: not recorded."
    )
    continued_until_on: date | None = Field(
        description="Day until which the activity goes on in a liquidation, on which all debts are due; null: they are"
        " due on the day of the judgment."
    )
    closed_on: date | None = Field(description="Day of the decision that ended it; null while it goes on.")
    ended_by: ProceedingEnd | None = Field(
        description="How it ended: by a plan, a conversion into another kind, or its closing; null while it goes on or"
        " where it is not recorded."
    )
    court: str | None = Field(description="Court that opened the proceeding; null where it is not recorded.")
    source: Source = Field(description="Whether people recorded it, or the public directory of firms named it.")
    source_reference: str | None = Field(description="Announcement that says so; null where none was named.")
    declared_by_organisation_id: _Declarer
    declared_by_organisation_name: _DeclarerName
    version: _VersionForFollowers
    created_at: _CreatedForFollowers
    updated_at: _UpdatedForFollowers


# --- a firm in a territory -------------------------------------------------------------------------------------------


class TerritoryFirmPut(Body):
    """The stage of a firm in this territory, from a day on."""

    model_config = _example(stage="interviewed", reason="Met on site.", effective_on="2023-07-04")

    stage: Stage
    reason: (
        Annotated[
            Reason,
            Field(
                description="Why the firm is at this stage. Required for declined and unreachable, for the way back"
                " from them, and for a step back."
            ),
        ]
        | None
    ) = None
    effective_on: (
        Annotated[
            Day,
            Field(description="Paris day from which the firm is at this stage, today at the latest; absent: today."),
        ]
        | None
    ) = None


class TerritoryFirmUpdate(Body):
    """Size of a firm in Union law with its evidence, or its identifier in another system."""

    model_config = _example(eu_size="small", eu_size_evidence_on="2023-06-30", eu_size_source="Liasses 2021 et 2022")

    elsewhere: ClassVar = {"stage": ("PUT /v1/territories/{territory}/firms/{siren}",)}

    eu_size: (
        Annotated[EuSize, Field(description="Size in Union law; sent and cleared together with its evidence.")]
        | None
        | MISSING
    ) = MISSING
    eu_size_evidence_on: (
        Annotated[Day, Field(description="Day of the evidence of eu_size, such as the end of a financial year.")]
        | None
        | MISSING
    ) = MISSING
    eu_size_source: (
        Annotated[Line, Field(description="Document that proves eu_size, such as Liasses 2021 et 2022.")]
        | None
        | MISSING
    ) = MISSING
    external_id: ExternalId | None | MISSING = MISSING


class TerritoryFirm(Read):
    """A firm as this territory knows it, with what the register says of it."""

    territory: TerritorySlug
    siren: str = Field(description="The firm of the register that the territory follows: nine digits.")
    name: str = Field(description="Present name of the firm in the register.")
    naf_code: str | None = Field(description="Main activity in the register; null where it is unknown.")
    naf_version: NafVersion | None = Field(description="Nomenclature of naf_code; null where naf_code is.")
    insee_category: InseeCategory | None = Field(
        description="INSEE's statistical category in the register; eu_size never follows from it. Null: not recorded."
    )
    ceased: bool = Field(description="Whether the firm has ceased all activity, by the register.")
    stage: Stage = Field(description="How far the territory has come with the firm, by the latest effective_on.")
    reason: str | None = Field(description="Why the firm is at this stage; null where none was given.")
    stage_since_on: date = Field(description="Paris day from which the firm is at this stage.")
    eu_size: EuSize | None = Field(
        description="Size in Union law (Recommendation 2003/361/EC; small mid-cap: the Commission's category of 2025),"
        " stated by the territory with its evidence; null: not stated."
    )
    eu_size_evidence_on: date | None = Field(
        description="Day of the evidence, such as the end of a financial year; null where eu_size is."
    )
    eu_size_source: str | None = Field(description="Document that proves eu_size; null where eu_size is.")
    external_id: ExternalName
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class StageChange(Read):
    """A passage of a firm to a stage, in both times: when it held, and when it was recorded."""

    id: Id
    siren: SirenRead
    stage: Stage = Field(description="The stage of the firm from effective_on.")
    previous_stage: Stage | None = Field(
        description="The stage that the territory showed when this was recorded; null for the first record."
    )
    reason: str | None = Field(description="Why the firm passed to this stage; null where none was given.")
    effective_on: date = Field(
        description="Paris day from which the stage holds. Of several passages on one day the last recorded one counts."
    )
    recorded_by: UUID | None = Field(
        description="Person or service account that recorded the passage; null where the service itself did."
    )
    recorded_by_name: PersonNameOrNull = Field(description="Present name of the subject of recorded_by.")
    recorded_at: RecordedAt


class AccountsPut(Body):
    """All figures of a year of a firm; a figure that is absent is cleared."""

    model_config = _example(
        turnover_cents=480_000_000, balance_sheet_cents=310_000_000, headcount=34, source="Liasse fiscale 2022"
    )

    turnover_cents: (
        Annotated[
            Cents, Field(description="Turnover (chiffre d'affaires) of the financial year, euro cents excl. VAT.")
        ]
        | None
    ) = None
    balance_sheet_cents: (
        Annotated[Cents, Field(description="Total of the balance sheet (total du bilan) at its end, euro cents.")]
        | None
    ) = None
    headcount: (
        Annotated[
            Headcount,
            Field(description="Annual work units of the year, rounded (Recommendation 2003/361/EC, annex, art. 5)."),
        ]
        | None
    ) = None
    source: Annotated[Line, Field(description="Document that says so, such as Liasse fiscale 2022.")]


class Accounts(Read):
    """A year of a firm as this territory knows it."""

    told_as = "firm_accounts"

    territory: TerritorySlug
    siren: SirenRead
    year: int = Field(description="Calendar year that the figures describe.")
    turnover_cents: int | None = Field(
        description="Turnover (chiffre d'affaires) of the financial year, euro cents excl. VAT; null: not recorded."
    )
    balance_sheet_cents: int | None = Field(
        description="Total of the balance sheet (total du bilan) at its end, euro cents; null: not recorded."
    )
    headcount: int | None = Field(
        description="Staff of the year in annual work units, rounded (Recommendation 2003/361/EC, annex, art. 5); null:"
        " not recorded."
    )
    source: str = Field(description="Document that says so, as whoever recorded the year named it.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class NotePut(Body):
    """What the territory's staff writes about a firm in confidence."""

    model_config = _example(text="Repreneur recherché d'ici deux ans.")

    text: Annotated[Text, Field(description="The whole note; it replaces the one before. No event shows it.")]


class FirmNote(Read):
    """A confidential note about a firm: it has its own permission, and no event shows it."""

    territory: TerritorySlug
    siren: SirenRead
    text: str = Field(json_schema_extra=PERSONAL, description="The whole note, as the territory's staff wrote it last.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class Funnel(Read):
    """How far a territory had come with its firms on a day, and how they answered."""

    territory: TerritorySlug
    as_of: date = Field(description="Paris day that the figures describe; a stage effective on it counts.")
    recorded_as_of: date | None = Field(
        description="Paris day at whose end the figures were known so; null: all that is recorded now counts."
    )
    firms: int = Field(description="Number of firms that had a stage in this territory on that day.")
    firms_by_stage: dict[Stage, int] = Field(description="Number of firms at each stage on that day, 0 included.")
    firms_solicited: int = Field(
        description="Number of firms that were approached by that day, whatever came of it: once solicited,"
        " interviewed, shortlisted, supported or unreachable, or met at an audition."
    )
    firms_interviewed: int = Field(
        description="Number of firms that were met at an audition held by that day. Of what was recorded before"
        " auditions were, a stage that says so counts: interviewed, shortlisted or supported."
    )
    response_rate: float | None = Field(
        description="firms_interviewed over firms_solicited, from 0 to 1, rounded to 4 decimals; null where none was"
        " solicited."
    )
