"""Tables of grants. What is paid and released stands on the grant's own row, which refuses the cent too many."""

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.awards.door import stands_at_the_door
from app.awards.models import (
    STANDS,
    Award,
    AwardStatus,
    begins,
    check_award,
    check_award_of_a_decision,
    counts_awards,
    follows_the_holder,
    gives_back_by_the_ledger,
    keeps_what_it_rests_on,
    links,
    override_of,
    rests_on,
)
from app.core.db import Base, Identified, Versioned, ask_at_once, one_of, shape
from app.envelopes.models import AMOUNT
from app.projects.models import check_plan_awards


class Grant(Award, Identified, Versioned, Base):
    """A decided grant (*décision attributive*). It commits the envelope from the day of the decision."""

    __tablename__ = "grants"
    __table_args__ = (
        UniqueConstraint("id", "territory", "awarded_by"),
        UniqueConstraint("territory", "id", name="grants_territory_id_key"),
        Index("grants_external_id_key", "territory", "external_id", unique=True, postgresql_where=text(STANDS)),
        Index(
            "grants_decision_reference_key", "territory", "decision_reference", unique=True,
            postgresql_where=text(STANDS),
        ),
        Index(None, "territory", "decision_reference"),
        ForeignKeyConstraint(
            ["awarded_by", "awarder_kind"], ["subjects.id", "subjects.kind"], name="grant_awarded_by_a_person"
        ),
        override_of("grants"),
        shape("awarder_kind = 'person'", name="grant_awarder_kind"),
        shape(AMOUNT, name="grant_amount"),
        shape("paid_cents >= 0 AND released_cents >= 0", name="grant_amounts"),
        CheckConstraint("paid_cents + in_flight_cents + released_cents <= amount_cents", name="payments_exceed_award"),
        shape("in_flight_cents >= 0 AND recovered_cents BETWEEN 0 AND paid_cents", name="grant_flows"),
        CheckConstraint("claimed_back_cents <= paid_cents", name="recovery_above_paid"),
        shape("recovered_cents <= claimed_back_cents", name="grant_recovered"),
        shape(one_of("status", AwardStatus), name="grant_status"),
        shape("status NOT IN ('cancelled', 'reversed') OR paid_cents = 0", name="grant_cancelled_but_paid"),
        shape("status <> 'reversed' OR released_cents = 0", name="grant_reversed_but_released"),
        shape("status <> 'awarded' OR paid_cents = 0", name="grant_awarded_but_paid"),
        Index(None, "siren"),
        *links("grants"),
        *rests_on("grants", "grant"),
    )  # fmt: skip

    paid_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    in_flight_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")  # proposed, approved or sent
    recovered_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    claimed_back_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")  # by recoveries that stand


ask_at_once(Grant.__table__, "grant", but=["grant_amount"])  # which does not hold for rows from before it
for _statement in (
    check_award, check_award_of_a_decision, counts_awards, keeps_what_it_rests_on, gives_back_by_the_ledger,
    follows_the_holder,
):  # fmt: skip
    event.listen(Grant.__table__, "after_create", DDL(_statement("grants")))
event.listen(Grant.__table__, "after_create", DDL(check_plan_awards("grants")))
event.listen(
    Grant.__table__,
    "after_create",
    DDL(begins("grants", "paid_cents", "in_flight_cents", "recovered_cents", "claimed_back_cents")),
)
stands_at_the_door(Grant, "territory, firm_siren, decided_on, override_id")
