"""Words of an advance's terms, and of how it ended. Pure: no session, no await."""

from enum import StrEnum


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
