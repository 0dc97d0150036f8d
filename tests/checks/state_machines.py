"""The state machines of the domains as Mermaid, drawn from the tables that the rules decide by.

`python -m tests.checks.state_machines` writes `docs/state-machines.md`; a test fails where the page differs.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from app.advances.amendments import rules as amendments
from app.advances.receipts import rules as receipts
from app.applications import rules as applications
from app.auditions import rules as auditions
from app.awards.change_requests import rules as change_requests
from app.awards.claims import rules as claims
from app.awards.letters import rules as letters
from app.awards.overrides import rules as overrides
from app.awards.payments import rules as payments
from app.awards.recoveries import rules as recoveries
from app.committees import rules as committees
from app.engineering.activity_reports import rules as activity_reports
from app.engineering.corrections import rules as corrections
from app.engineering.deliverables import rules as deliverables
from app.engineering.entries import rules as entries
from app.engineering.invoices import rules as invoices
from app.firms import rules as firms
from app.firms.bank_details import rules as bank_details
from app.missions import rules as missions
from app.projects import rules as projects
from app.roadmap import rules as roadmap
from app.treasury.collections import rules as collection_runs
from app.treasury.runs import rules as payment_runs

PAGE = Path(__file__).parents[2] / "docs" / "state-machines.md"
HEAD = """# State machines
Drawn from the tables of the rules by `python -m tests.checks.state_machines`; a test fails where this page differs from
them. A name on an arrow is the act of the API; a star says that the passage needs a reason. The status of an award
(grant, advance) and of a mission's month is derived from acts, so it has no table here. The pre-selection of a file
passes its project to `selected`. An award passes it to `contracted`, by `selected`, and its firm to `supported`
from any stage; its end passes the project to `completed`. An award that is cancelled or reversed takes the project back
to `filed`, and the firm to where it was.
"""
Stage = TypeVar("Stage", bound=StrEnum)
Arrow = tuple[str, str, str]  # from, to, what is written on it


SILENT = {
    applications.ApplicationAct.SILENCE_ADMITS: "silence",
    applications.ApplicationAct.SILENCE_REJECTS: "silence",
    applications.ApplicationAct.REVERSE_SILENCE: "an act that was done in time",
}
DELIVERED = {
    deliverables.DeliverableAct.SILENCE_ADMITS: "silence",
    deliverables.DeliverableAct.REVERSE_SILENCE: "an act that was done in time",
}


def _of_targets(targets: Mapping[Stage, Iterable[Stage]], with_reason: Iterable[tuple[Stage, Stage]]) -> list[Arrow]:
    reasons = set(with_reason)
    return [
        (source, target, "*" if (source, target) in reasons else "")
        for source, reached in targets.items()
        for target in sorted(reached)
    ]


def machines() -> dict[str, tuple[str, list[Arrow]]]:
    """By title: where each state machine starts, and its arrows."""
    firm_reasons = [(source, target) for source, reached in firms.WITH_REASON.items() for target in reached]
    firm_reasons += [(source, end) for source in firms.Stage for end in firms.ENDS]
    return {
        "Missions": (
            missions.MissionStatus.OPEN,
            [(source, target, action + "*") for action, (sources, target) in missions.TRANSITIONS.items()
             for source in sorted(sources)],
        ),
        "Time entries": (
            entries.Status.DRAFT,
            [
                *((source, target, action) for action, (sources, target) in entries.TRANSITIONS.items()
                  for source in sorted(sources)),
                (entries.Status.VALIDATED, entries.Status.CERTIFIED, "a certificate"),
                (entries.Status.CERTIFIED, entries.Status.VALIDATED, "its counter-certificate"),
            ],
        ),
        "Corrections of certified entries": (
            corrections.CorrectionStatus.PROPOSED,
            [
                *((source, target, action + ("*" if target in corrections.ENDED_WITH_REASON else ""))
                  for action, (sources, target) in corrections.TRANSITIONS.items() for source in sorted(sources)),
                *((source, corrections.CorrectionStatus.STALE, "a counter-certificate*")
                  for source in sorted(corrections.OPEN)),
            ],
        ),
        "Deliverables of a mission": (
            deliverables.DeliverableState.EXPECTED,
            [
                (source, target, DELIVERED.get(act, act + "*" * (act in deliverables.NEED_REASON)))
                for act, source, target in deliverables.PASSAGES
            ],
        ),
        "Activity reports": (
            activity_reports.ActivityReportStatus.TO_SIGN,
            [
                *((source, target, action) for action, (sources, target) in activity_reports.TRANSITIONS.items()
                  for source in sources),
                *((source, activity_reports.ActivityReportStatus.STALE, "a change of an entry")
                  for source in activity_reports.STANDING),
            ],
        ),
        "Invoices": (
            invoices.InvoiceState.ISSUED,
            [
                *((source, target, action + "*" * (action in invoices.NEED_REASON))
                  for action, (sources, target) in invoices.TRANSITIONS.items() for source in sources),
            ],
        ),
        "Auditions": (
            auditions.AuditionStatus.PLANNED,
            [(source, target, action) for action, (source, target) in auditions.TRANSITIONS.items()],
        ),
        "Committees": (
            committees.CommitteeStatus.PLANNED,
            [(source, target, action) for action, (source, target) in committees.TRANSITIONS.items()],
        ),
        "Overrides": (
            overrides.OverrideStatus.PROPOSED,
            [
                *((source, target, action) for action, (sources, target) in overrides.TRANSITIONS.items()
                  for source in sources),
                (overrides.OverrideStatus.APPROVED, overrides.OverrideStatus.USED, "an award or a payment"),
            ],
        ),
        "Claims": (
            claims.ClaimStatus.SUBMITTED,
            [(source, target, action + ("*" if action in claims.NEED_REASON else ""))
             for action, (source, target) in claims.TRANSITIONS.items()],
        ),
        "Refunds of receipts": (
            receipts.RefundStatus.PROPOSED,
            [(source, target, action + "*" * (action in receipts.NEED_REASON))
             for action, (sources, target) in receipts.TRANSITIONS.items() for source in sources],
        ),
        "Letters": (
            letters.LetterStatus.TO_SIGN,
            [(source, target, action + ("*" if action in letters.NEED_REASON else ""))
             for action, (sources, target) in letters.TRANSITIONS.items() for source in sources],
        ),
        "Bank details of a firm, accounts of an organisation": (
            bank_details.BankDetailsStatus.PROPOSED,
            [
                *((source, target, action + ("" if action == bank_details.BankDetailsAction.APPROVE else "*"))
                  for action, (sources, target) in bank_details.TRANSITIONS.items() for source in sources),
                (bank_details.BankDetailsStatus.APPROVED, bank_details.BankDetailsStatus.SUPERSEDED,
                 "the approval of others"),
            ],
        ),
        "Collection runs": (
            collection_runs.CollectionRunStatus.READY,
            [
                (source, target, str(action) + "*" * (action == collection_runs.CollectionRunAction.CANCEL))
                for action, (sources, target) in collection_runs.TRANSITIONS.items() for source in sources
            ],
        ),
        "Payment runs": (
            payment_runs.PaymentRunStatus.READY,
            [
                (source, target, str(action) + "*" * (action == payment_runs.PaymentRunAction.CANCEL))
                for action, (sources, target) in payment_runs.TRANSITIONS.items() for source in sources
            ],
        ),
        "Payments of a grant, and tranches of an advance": (
            payments.PaymentStatus.PROPOSED,
            [
                *((source, target, action + "*" * (action in payments.NEED_REASON))
                  for action, (sources, target) in payments.TRANSITIONS.items() for source in sources),
                *((source, payments.RETURNED[1], "other bank details of the firm") for source in payments.RETURNED[0]),
            ],
        ),
        "Change requests of an aid": (
            change_requests.ChangeRequestStatus.REQUESTED,
            [
                (change_requests.ChangeRequestStatus.REQUESTED, target,
                 action + ("" if action == change_requests.ChangeRequestAction.APPROVE else "*"))
                for action, target in change_requests.TRANSITIONS.items()
            ],
        ),
        **{
            name: (
                amendments.AmendmentStatus.REQUESTED,
                [
                    (source, target, action + "*" * (action in amendments.NEED_REASON))
                    for action, (sources, target) in amendments.TRANSITIONS[kind].items() for source in sorted(sources)
                ],
            )
            for name, kind in (
                ("Reschedules, rates, extensions and write-offs of an advance", amendments.AmendmentKind.RESCHEDULE),
                ("Waivers of an advance", amendments.AmendmentKind.WAIVER),
            )
        },
        "Recoveries": (
            recoveries.RecoveryStatus.OPENED,
            [
                *((source, target, action + "*" * (action in recoveries.NEED_REASON))
                  for action, (sources, target) in recoveries.TRANSITIONS.items() for source in sources),
                (recoveries.RecoveryStatus.CLOSED, recoveries.RecoveryStatus.ORDERED,
                 "a receipt or a payment reversed*"),
            ],
        ),
        "Stages of a firm in a territory": (
            firms.Stage.IDENTIFIED,
            _of_targets({stage: firms.reachable(stage) for stage in firms.Stage}, firm_reasons),
        ),
        "Stages of a project": (
            projects.ProjectStage.DETECTED,
            _of_targets(projects.PASSAGES, projects.NEED_REASON),
        ),
        "Aid files": (
            applications.ApplicationState.DRAFT,
            [
                (source, target, SILENT.get(act, act.replace("_", "-")) + "*" * (act in applications.NEED_REASON))
                for act, pairs in applications.TRANSITIONS.items()
                for source, target in sorted(pairs)
            ],
        ),
        "Actions of a roadmap": (
            roadmap.ActionState.PLANNED,
            _of_targets(roadmap.MOVES, roadmap.NEED_REASON),
        ),
    }  # fmt: skip


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for title, (start, arrows) in machines().items():
        lines = [f"    [*] --> {start}"]
        lines += [f"    {source} --> {target}{f': {said}' if said else ''}" for source, target, said in arrows]
        parts.append("\n".join([f"## {title}", "```mermaid", "stateDiagram-v2", *lines, "```", ""]))
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
