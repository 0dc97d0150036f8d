"""Words of an advance's terms, and of how it ended. Pure: no session, no await."""

from enum import StrEnum

from app.core.problems import Problem


class AdvanceStage(StrEnum):
    """How far an advance is: decided, agreed, paid out in part, paid out; then what took the last cent, or how it ended
    unpaid.
    """

    AWARDED = "awarded"
    AGREED = "agreed"
    DISBURSING = "disbursing"
    RUNNING = "running"
    REPAID = "repaid"
    WAIVED = "waived"
    WRITTEN_OFF = "written_off"
    CANCELLED = "cancelled"
    LAPSED = "lapsed"
    TERMINATED = "terminated"
    REVERSED = "reversed"


class EarlyRepayment(StrEnum):
    """Whether the firm may repay before its time as it likes, or must announce it."""

    ALLOWED = "allowed"
    WITH_NOTICE = "with_notice"


class LateRate(StrEnum):
    """The rate of late interest: that of the law by half-years, or that of the agreement."""

    LEGAL = "legal"
    CONTRACT = "contract"


class AdvanceTermsKind(StrEnum):
    """`fixed`: repaid whatever happens; `conditional`: waived in whole or in part where the project fails."""

    FIXED = "fixed"
    CONDITIONAL = "conditional"


# The terms that an amendment changes by itself; what a reschedule changes is in the lines.
AMENDABLE = ("annual_rate_bp", "available_until_on")


class Settled(StrEnum):
    """What took the last cent of the capital: a repayment, a waiver, or a write-off."""

    REPAID = "repaid"
    WAIVED = "waived"
    WRITTEN_OFF = "written_off"


class RepaymentExceedsOutstanding(Problem):
    """Nothing is paid out yet that could be repaid, or what was paid out has been repaid since."""

    status = 409
    title_fr = "Rien de ce qui a été versé ne peut être remboursé, ou cela l'a été depuis."
    detail = "{outstanding_cents} are outstanding now."
    detail_fr = "{outstanding_cents} restent dus aujourd'hui."
    cure = (
        "Check the value day: nothing was paid out by then. Money that came in before can be recorded as a receipt,"
        " which waits to be assigned."
    )
    cure_fr = (
        "Vérifiez la date de valeur : rien n'était versé à cette date. L'argent reçu avant peut être enregistré comme"
        " encaissement, en attente d'affectation."
    )

    @classmethod
    def of_a_tranche(cls, outstanding_cents: int) -> "RepaymentExceedsOutstanding":
        """The refusal to take back a tranche that has been repaid since."""
        refused = cls(outstanding_cents=outstanding_cents)
        refused.cure = "Reverse first the repayments received since the tranche was paid."
        refused.cure_fr = "Annulez d'abord les remboursements reçus depuis le paiement de la tranche."
        return refused
