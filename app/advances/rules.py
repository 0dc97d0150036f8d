"""Words of an advance's account: why a version was made, how receipts are shared, how it ended. Pure."""

from enum import StrEnum


class VersionCause(StrEnum):
    """Why a version of the schedule was made."""

    AGREEMENT = "agreement"
    TRANCHE = "tranche"
    AMENDMENT = "amendment"
    EARLY_REPAYMENT = "early_repayment"
    REDUCTION = "reduction"
    WAIVER = "waiver"
    ACCELERATION = "acceleration"
    PLAN = "plan"
    REPLAY = "replay"


class AllocationRule(StrEnum):
    """Which future principal is settled by what is received beyond what is due.

    `next`: the lines that follow, the first one first; `last`: from the end; `spread`: equal parts of every line.
    """

    NEXT = "next"
    LAST = "last"
    SPREAD = "spread"


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


class Settled(StrEnum):
    """What took the last cent of the capital: a repayment, a waiver, or a write-off."""

    REPAID = "repaid"
    WAIVED = "waived"
    WRITTEN_OFF = "written_off"
