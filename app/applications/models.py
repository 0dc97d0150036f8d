"""Tables of aid files: the file, its lines, documents and review, and the acts that say what state it is in."""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    DDL,
    BigInteger,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.applications.rules import (
    EXAMINED,
    MOST_MONTHS_GIVEN,
    NEED_REASON,
    OPEN,
    REFILABLE,
    REVERSALS,
    REVERSIBLE,
    SILENCES,
    TRANSITIONS,
    UNDECIDED,
    ApplicationState,
    DocumentKind,
    Kyc,
    Opinion,
)
from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.passage_tables import PassageRow, chained, hold_last, last_act
from app.core.routines import append_only
from app.core.values import MAX_AMOUNT_CENTS
from app.projects.rules import CostKind

_PARIS_DAY = "(timezone('Europe/Paris', {}))::date"
_PASSAGES = [(act, source, to) for act, pairs in TRANSITIONS.items() for source, to in sorted(pairs)]


def _any(states: Iterable[ApplicationState]) -> str:
    """That the state is one of these, as PostgreSQL itself spells it: the text of a computed column is compared."""
    codes = ", ".join(f"'{state.value}'::text" for state in states)
    return f"state = ANY (ARRAY[{codes}])"


# The day on which silence decides next, computed by the database from the two ends: what `rebond tick` finds, and what
# lists and to-do lists ask for.
SILENCE_ON = (
    f"CASE WHEN {_any(EXAMINED)} AND NOT found_admissible"
    " THEN LEAST(admissibility_ends_on, decision_ends_on) + 1"
    f" WHEN {_any(UNDECIDED)} THEN decision_ends_on + 1 ELSE NULL::date END"
)


class Application(Identified, Versioned, Base):
    """An aid file: what one holder of a project asks for it under a scheme. Its state is its last act's.

    What the receipt rested on, its certificates and bank details, is known of files received since it is recorded.
    `admissibility_ends_on` and `decision_ends_on` are what the clocks say after each act; an act writes them.
    A file that another one names in `refiles_id` stays ended: the foreign key holds `refilable`.
    """

    __tablename__ = "applications"
    __table_args__ = (
        UniqueConstraint("territory", "id"),
        UniqueConstraint("territory", "external_id"),
        UniqueConstraint("id", "project_id", "siren", "refilable", name="applications_refiled_key"),
        ForeignKeyConstraint(["territory", "project_id"], ["projects.territory", "projects.id"]),
        ForeignKeyConstraint(
            ["project_id", "siren"], ["project_holders.project_id", "project_holders.firm_siren"],
            name="applications_project_firm_fkey", info={"field": "siren"}, deferrable=True, initially="DEFERRED",
        ),
        ForeignKeyConstraint(
            ["refiles_id", "project_id", "siren", "refiles_ended"],
            ["applications.id", "applications.project_id", "applications.siren", "applications.refilable"],
            name="applications_refiles_fkey", info={"field": "refiles_id"},
        ),
        last_act("application"),
        Index(
            "applications_open_key", "project_id", "siren", unique=True, info={"field": "project_id"},
            postgresql_where=text(one_of("state", OPEN)),
        ),
        shape(one_of("state", ApplicationState), name="application_state"),
        shape("(state = 'draft') = (passage_number IS NULL)", name="application_draft"),
        shape(
            f"requested_grant_cents BETWEEN 0 AND {MAX_AMOUNT_CENTS}"
            f" AND requested_advance_cents BETWEEN 0 AND {MAX_AMOUNT_CENTS}"
            " AND requested_grant_cents + requested_advance_cents > 0",
            name="application_requested",
        ),
        shape("base_cents >= 0", name="application_base"),
        shape("planned_end_on >= planned_start_on", name="application_planned"),
        shape("refiles_ended", name="application_refiles_ended"),
        shape(
            f"(state = 'draft') = (received_at IS NULL) AND received_on IS NOT DISTINCT FROM"
            f" {_PARIS_DAY.format('received_at')}",
            name="application_received",
        ),
        shape(
            "CASE WHEN state = 'draft' THEN num_nonnulls(acknowledged_on, admissibility_ends_on, decision_ends_on) = 0"
            " ELSE num_nulls(acknowledged_on, admissibility_ends_on, decision_ends_on) = 0 END",
            name="application_clocks",
        ),
        shape("acknowledged_on >= received_on", name="application_acknowledged"),
        shape(
            "num_nonnulls(tax_certificate_id, social_certificate_id, bank_details_id)"
            " = ANY (CASE WHEN state = 'draft' THEN '{0}'::integer[] ELSE '{0,3}'::integer[] END)",
            name="application_rests_on",
        ),
        Index(None, "territory", "state"),
        Index(None, "territory", "updated_at"),
        Index(None, "territory", "received_on"),
        Index(None, "project_id"),
        Index(None, "siren"),
        Index(None, "refiles_id", postgresql_where=text("refiles_id IS NOT NULL")),
        Index("applications_silence_on_idx", "silence_on", "id", postgresql_where=text("silence_on IS NOT NULL")),
    )  # fmt: skip

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"))
    project_id: Mapped[UUID]
    siren: Mapped[str] = mapped_column("firm_siren", key="siren")
    scheme: Mapped[str] = mapped_column(ForeignKey("schemes.code"))
    requested_grant_cents: Mapped[int] = mapped_column(BigInteger)
    requested_advance_cents: Mapped[int] = mapped_column(BigInteger)
    base_cents: Mapped[int] = mapped_column(BigInteger)
    planned_start_on: Mapped[date]
    planned_end_on: Mapped[date]
    refiles_id: Mapped[UUID | None]
    refiles_ended: Mapped[bool] = mapped_column(server_default="true")
    refilable: Mapped[bool] = mapped_column(Computed(_any(REFILABLE), persisted=True))
    external_id: Mapped[str | None]
    state: Mapped[str] = mapped_column(server_default=ApplicationState.DRAFT.value)
    passage_number: Mapped[int | None]
    received_at: Mapped[datetime | None]
    received_on: Mapped[date | None]
    acknowledged_on: Mapped[date | None]
    acknowledgement_reference: Mapped[str | None]
    tax_certificate_id: Mapped[UUID | None] = mapped_column(ForeignKey("firm_certificates.id"))
    social_certificate_id: Mapped[UUID | None] = mapped_column(ForeignKey("firm_certificates.id"))
    bank_details_id: Mapped[UUID | None] = mapped_column(ForeignKey("firm_bank_details.id"))
    found_admissible: Mapped[bool] = mapped_column(server_default="false")
    extended_until_on: Mapped[date | None]
    admissibility_ends_on: Mapped[date | None]
    decision_ends_on: Mapped[date | None]
    silence_on: Mapped[date | None] = mapped_column(Computed(SILENCE_ON, persisted=True))


class ApplicationLine(Base):
    """A line of what the aid is asked for, excluding VAT. `preliminary`: land or a study, not a start of execution."""

    __tablename__ = "application_lines"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "application_id"], ["applications.territory", "applications.id"]),
        UniqueConstraint(
            "application_id", "label", "quote_reference", name="application_lines_key",
            postgresql_nulls_not_distinct=True, info={"field": "lines"},
        ),
        shape("position >= 1", name="application_line_position"),
        shape("label <> ''", name="application_line_label"),
        shape(one_of("kind", CostKind), name="application_line_kind"),
        shape(f"amount_cents BETWEEN 1 AND {MAX_AMOUNT_CENTS}", name="application_line_amount"),
    )  # fmt: skip

    application_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    territory: Mapped[str]
    label: Mapped[str]
    kind: Mapped[str]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    quote_reference: Mapped[str | None]
    ordered_on: Mapped[date | None]
    preliminary: Mapped[bool] = mapped_column(server_default="false")


class ApplicationDocument(Identified, Versioned, Base):
    """A document that came in for a file. Rebond holds its name, place and digest, never its content."""

    __tablename__ = "application_documents"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "application_id"], ["applications.territory", "applications.id"]),
        UniqueConstraint("application_id", "sha256", name="application_documents_sha256_key"),
        shape(one_of("kind", DocumentKind), name="application_document_kind"),
        shape("name <> '' AND location <> ''", name="application_document_name"),
        shape("size_bytes >= 1", name="application_document_size"),
        shape("sha256 ~ '^[0-9a-f]{64}$'", name="application_document_sha256"),
        shape(f"received_on <= {_PARIS_DAY.format('created_at')}", name="application_document_future"),
    )

    territory: Mapped[str]
    application_id: Mapped[UUID]
    kind: Mapped[str]
    name: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    location: Mapped[str]
    received_on: Mapped[date]
    valid_until_on: Mapped[date | None]
    recorded_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))


class ApplicationReview(Versioned, Base):
    """The funder's review of a file: confidential. `authors` are all who wrote it; none of them decides the file."""

    __tablename__ = "application_reviews"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "application_id"], ["applications.territory", "applications.id"]),
        ForeignKeyConstraint(
            ["author_id", "author_kind"], ["subjects.id", "subjects.kind"], name="application_reviewed_by_a_person"
        ),
        shape("author_kind = 'person' AND author_id = ANY (authors)", name="application_review_author"),
        shape(one_of("opinion", Opinion), name="application_review_opinion"),
        shape("rating BETWEEN 1 AND 5", name="application_review_rating"),
        shape(
            f"recommended_grant_cents BETWEEN 0 AND {MAX_AMOUNT_CENTS}"
            f" AND recommended_advance_cents BETWEEN 0 AND {MAX_AMOUNT_CENTS}",
            name="application_review_recommended",
        ),
        shape(one_of("kyc", Kyc), name="application_review_kyc"),
        shape(f"completed_on <= {_PARIS_DAY.format('updated_at')}", name="application_review_future"),
        shape(
            "num_nulls(opinion, recommended_grant_cents, recommended_advance_cents, kyc)"
            " IN (0, 4 + num_nonnulls(rating, body, completed_on))",
            name="application_review_content",
        ),
    )

    application_id: Mapped[UUID] = mapped_column(primary_key=True)
    territory: Mapped[str]
    # What it says is null where the territory was brought in: it leaves an installation in no export. Then who wrote it
    # is all that is known, and it is to be written again.
    opinion: Mapped[str | None]
    rating: Mapped[int | None] = mapped_column(SmallInteger)
    recommended_grant_cents: Mapped[int | None] = mapped_column(BigInteger)
    recommended_advance_cents: Mapped[int | None] = mapped_column(BigInteger)
    kyc: Mapped[str | None]
    body: Mapped[str | None]
    completed_on: Mapped[date | None]
    author_id: Mapped[UUID]
    author_kind: Mapped[str] = mapped_column(server_default="person")
    authors: Mapped[list[UUID]]


class ApplicationPassage(PassageRow, Base):
    """An act on a file, in both times. Append-only; each follows the one before, by foreign key.

    `reverses_number` names the silence that an act of before it takes
    back, or the decision that a committee does; neither of the two counts any more.
    """

    __tablename__ = "application_passages"
    __table_args__ = (
        *chained("application", ApplicationState.DRAFT, _PASSAGES),
        shape(
            f"({one_of('act', REVERSALS)}) = (reverses_number IS NOT NULL) AND reverses_number < number"
            f" AND (NOT {one_of('act', NEED_REASON)} OR reason IS NOT NULL)"
            " AND (act = 'request_documents') = (given_until_on IS NOT NULL)"
            " AND (act = 'request_documents') = (indispensable IS NOT NULL)"
            " AND (act = 'request_documents') = (kinds IS NOT NULL)"
            " AND (act = 'extend') = (until_on IS NOT NULL)",
            name="application_passage_members",
        ),
        shape("given_until_on >= effective_on", name="application_passage_given_until"),
        shape(
            f"given_until_on <= (effective_on + interval '{MOST_MONTHS_GIVEN} months')::date",
            name="application_passage_given_until_bound",
        ),
    )  # fmt: skip

    application_id: Mapped[UUID] = mapped_column(primary_key=True)
    reference: Mapped[str | None]
    kinds: Mapped[list[str] | None]
    indispensable: Mapped[bool | None]
    given_until_on: Mapped[date | None]
    until_on: Mapped[date | None]


# What was submitted stays as it was submitted, and only a draft is deleted.
GUARD_APPLICATION = """
CREATE FUNCTION guard_application() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'draft' AND (
        TG_OP = 'DELETE'
        OR (OLD.territory, OLD.project_id, OLD.firm_siren, OLD.scheme, OLD.requested_grant_cents,
            OLD.requested_advance_cents, OLD.base_cents, OLD.planned_start_on, OLD.planned_end_on, OLD.refiles_id,
            OLD.external_id, OLD.received_at, OLD.tax_certificate_id, OLD.social_certificate_id, OLD.bank_details_id)
            IS DISTINCT FROM
            (NEW.territory, NEW.project_id, NEW.firm_siren, NEW.scheme, NEW.requested_grant_cents,
            NEW.requested_advance_cents, NEW.base_cents, NEW.planned_start_on, NEW.planned_end_on, NEW.refiles_id,
            NEW.external_id, NEW.received_at, NEW.tax_certificate_id, NEW.social_certificate_id, NEW.bank_details_id)
    ) THEN
        RAISE EXCEPTION 'the file was submitted'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'application_not_a_draft';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
"""
# Lines belong to a draft; a document of a file that was submitted stays. The file is held against its submission: a
# line that is written beside it comes first.
GUARD_APPLICATION_LINE = """
CREATE FUNCTION guard_application_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM applications WHERE id IN (NEW.application_id, OLD.application_id) ORDER BY id FOR NO KEY UPDATE;
    IF EXISTS (
        SELECT FROM applications WHERE id IN (NEW.application_id, OLD.application_id) AND state <> 'draft'
    ) THEN
        RAISE EXCEPTION 'the file was submitted'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'application_not_a_draft';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
"""
# At COMMIT the base of a file is the sum of its eligible lines.
CHECK_APPLICATION_BASE = """
CREATE FUNCTION check_application_base() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    row jsonb := to_jsonb(coalesce(NEW, OLD));
    file uuid := row ->> CASE TG_TABLE_NAME WHEN 'applications' THEN 'id' ELSE 'application_id' END;
BEGIN
    IF EXISTS (
        SELECT FROM applications a WHERE a.id = file AND a.base_cents <> (
            SELECT coalesce(sum(l.amount_cents), 0) FROM application_lines l
            WHERE l.application_id = a.id AND l.kind <> 'not_eligible'
        )
    ) THEN
        RAISE EXCEPTION 'the base is not what the lines come to'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'application_base_of_lines';
    END IF;
    RETURN NULL;
END
$$
"""
# A reversal takes back a silence that was still to come on its day, or what a committee decided, and gives the file the
# state of before it.
GUARD_APPLICATION_REVERSAL = """
CREATE FUNCTION guard_application_reversal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM application_passages p
        WHERE p.application_id = NEW.application_id AND p.number = NEW.reverses_number
            AND CASE NEW.act
                WHEN 'reverse_decision' THEN p.act IN ({decisions})
                ELSE p.act IN ({silences}) AND p.effective_on > NEW.effective_on
            END
            AND (p.from_state, p.to_state) = (NEW.to_state, NEW.from_state)
    ) THEN
        RAISE EXCEPTION 'it reverses neither a silence nor a decision'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'application_passage_reversal';
    END IF;
    RETURN NEW;
END
$$
""".format(
    silences=", ".join(f"'{each.value}'" for each in SILENCES),
    decisions=", ".join(f"'{each.value}'" for each in REVERSIBLE),
)
# Who wrote a review remains one of its authors: none of them decides the file.
GUARD_APPLICATION_REVIEW = """
CREATE FUNCTION guard_application_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.application_id <> OLD.application_id OR NOT NEW.authors @> OLD.authors THEN
        RAISE EXCEPTION 'an author of the review is missing'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'application_review_authors';
    END IF;
    RETURN NEW;
END
$$
"""
APPLICATION_GUARD = (
    "CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON applications FOR EACH ROW EXECUTE FUNCTION guard_application()"
)
APPLICATION_LINE_GUARD = (
    "CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON application_lines"
    " FOR EACH ROW EXECUTE FUNCTION guard_application_line()"
)
APPLICATION_DOCUMENT_GUARD = (
    "CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON application_documents"
    " FOR EACH ROW EXECUTE FUNCTION guard_application_line()"
)
APPLICATION_REVIEW_GUARD = (
    "CREATE TRIGGER guard BEFORE UPDATE ON application_reviews FOR EACH ROW EXECUTE FUNCTION guard_application_review()"
)
APPLICATION_REVERSAL_GUARD = (
    "CREATE TRIGGER guard BEFORE INSERT ON application_passages FOR EACH ROW WHEN (NEW.reverses_number IS NOT NULL)"
    " EXECUTE FUNCTION guard_application_reversal()"
)
BASE_OF_APPLICATION = (
    "CREATE CONSTRAINT TRIGGER check_base AFTER INSERT OR UPDATE OF base_cents ON applications"
    " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_application_base()"
)
BASE_OF_LINES = (
    "CREATE CONSTRAINT TRIGGER check_base AFTER INSERT OR UPDATE OR DELETE ON application_lines"
    " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_application_base()"
)

hold_last(Application, ApplicationPassage, "application")
for _function in (
    GUARD_APPLICATION, GUARD_APPLICATION_LINE, CHECK_APPLICATION_BASE,
    GUARD_APPLICATION_REVERSAL, GUARD_APPLICATION_REVIEW,
):  # fmt: skip
    event.listen(Base.metadata, "before_create", DDL(_function))
for _table, _statements in (
    (
        Application,
        (APPLICATION_GUARD, BASE_OF_APPLICATION),
    ),
    (ApplicationLine, (APPLICATION_LINE_GUARD, BASE_OF_LINES, append_only("application_lines", "TRUNCATE"))),
    (ApplicationDocument, (APPLICATION_DOCUMENT_GUARD, append_only("application_documents", "TRUNCATE"))),
    (ApplicationReview, (APPLICATION_REVIEW_GUARD, append_only("application_reviews", "DELETE OR TRUNCATE"))),
    (ApplicationPassage, (APPLICATION_REVERSAL_GUARD,)),
):
    for _statement in _statements:
        event.listen(_table.__table__, "after_create", DDL(_statement))
