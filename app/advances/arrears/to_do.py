"""What waits among the arrears of a territory."""

from sqlalchemy import select

from app.advances.arrears.models import LineSpan
from app.advances.arrears.queries import NOW
from app.advances.models import Advance
from app.advances.proceedings.models import DebtClaim
from app.advances.proceedings.queries import CLAIM_BY_ON, TO_DECLARE
from app.firms.models import Proceeding
from app.programme.to_do import Kind

_s, _c = LineSpan, DebtClaim

KINDS = (
    Kind(
        "instalments_late",
        "instalments that are overdue, of firms in no proceedings, and that no formal notice claims; their due day.",
        "advances:follow",
        select(_s.territory, _s.due_on).join(Advance, Advance.id == _s.advance_id).where(NOW.hold(_s), NOW.not_noticed),
        "instalments?to_notice=true",
        by_person=False,
    ),
    Kind(
        "advance_acts_needed",
        "instalments that are unpaid for six months, and need an act: acceleration, a reschedule, a recognised loss;"
        " their due day.",
        "advances:award",
        select(_s.territory, _s.due_on).join(Advance, Advance.id == _s.advance_id).where(NOW.hold(_s), NOW.act_needed),
        "instalments?act_needed=true",
    ),
    Kind(
        "debt_claims_to_declare",
        "claims for advances to declare to proceedings that are open; the last day to declare them.",
        "advances:follow",
        select(_c.territory, CLAIM_BY_ON)
        .join(Advance, Advance.id == _c.advance_id)
        .join(Proceeding, Proceeding.id == _c.proceeding_id)
        .where(TO_DECLARE),
        "debt-claims?to_declare=true",
        by_person=False,
    ),
)
