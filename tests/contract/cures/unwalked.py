"""Documented pairs of a problem and an act whose cure is not walked, with the reason."""

# Problems that say all there is to do in their title and figures, by code: they have no cure.
NO_CURE: dict[str, str] = {
    "action-move-out-of-order": "the detail names the first day that is possible",
    "action-move-refused": "`allowed` names what the action can become",
    "already-written-off": "a write-off is final",
    "amendment-transition": "`current` and `needed` name the states",
    "early-repayment-transition": "what was wanted has been done, or was withdrawn",
    "no-success-fee": "the terms of an advance never change but by amendment",
    "nothing-outstanding": "what was wanted has been done",
    "after-last-instalment": "the terms of an advance never change; the rest can only be released",
    "admitted-exceeds-claim": "the title says which amounts go together",
    "already-accelerated": "what was wanted has been done",
    "already-holder": "what was wanted has been done",
    "already-planned": "what was wanted has been done",
    "claim-admitted-before-declared": "the title says which days go together",
    "claim-before-opening": "the detail names the first day that is possible",
    "notice-days-out-of-order": "the title says which days go together",
    "notice-relied-on": "all of the advance is due: the notice has done what it is for",
    "already-reversed": "what was wanted has been done",
    "bank-details-transition": "`current` and `needed` name the states",
    "award-ended": "nothing is left to do on the award",
    "bounced-before-receipt": "the detail names the first day that is possible",
    "body-too-large": "`limit_bytes` says how much a body can have",
    "claim-transition": "`current` and `needed` name the states",
    "ceased-on-of-an-active-firm": "the title says which fields go together",
    "certificate-already-cancelled": "what was wanted has been done",
    "decision-reversed": "what was wanted has been done",
    "closed-on-of-an-open-site": "the title says which fields go together",
    "firm-certificate-reversed": "what was wanted has been done",
    "holder-named-twice": "the title says what to leave out",
    "import-finished": "an import that has ended is not cancelled",
    "meeting-transition": "`current` and `needed` name the states",
    "minutes-adopted-on": "the title names the days that are possible",
    "mission-window": "the title says which days go together",
    "month-already-locked": "what was wanted has been done",
    "month-open": "what was wanted has been done",
    "not-the-lead-firm": "the title names who can do it",
    "nothing-to-extend": "what is to be drawn later is not there, or can be drawn on any day",
    "nothing-to-see": "what was wanted has been done",
    "collection-run-transition": "`current` and `needed` name the states",
    "payment-run-transition": "`current` and `needed` name the states",
    "commitment-settled": "the outcome is final",
    "letter-transition": "`current` and `needed` name the states",
    "override-transition": "`current` and `needed` name the states",
    "recovery-transition": "`current` and `needed` name the states",
    "refund-transition": "`current` and `needed` name the states",
    "payment-transition": "`current` and `needed` name the states",
    "rejected-before-sent": "the detail names the first day that is possible",
    "continued-outside-liquidation": "the title says which fields go together",
    "ended-by-of-an-open-proceeding": "the title says which fields go together",
    "proceeding-closes-before-it-opens": "the title says which days go together",
    "proceeding-noticed-before-it-opens": "the title says which days go together",
    "roadmap-empty": "the title names what is missing",
    "siret-of-another-firm": "the title names the form of the value",
    "site-closes-before-it-opens": "the title says which days go together",
    "stage-out-of-order": "the detail names the first day that is possible",
    "stage-passage-refused": "`allowed` names what the project can become",
    "wave-period": "the title says which days go together",
}

# Problems with a cure that a walk cannot take, by code: it lies outside the service, needs another request at the same
# instant, or more rows than a quick test makes.
OUTSIDE: dict[str, str] = {
    "busy": "outside: the service must get quiet (tests/faults/test_shortages.py)",
    "database-unavailable": "outside: the database must come back (tests/faults/test_shortages.py)",
    "idempotency-key-in-use": "two requests at one instant (tests/core/writing/test_idempotency.py)",
    "request-timeout": "outside: the client's network must be quicker (tests/contract/test_hostile.py)",
    "too-many-failed-credentials": "outside: a minute must pass, or the key be good (tests/access/test_quotas.py)",
    "stopping": "outside: another instance answers (tests/commands/test_cli.py)",
    "too-many-exports": "outside: other exports must end (tests/contract/test_streams.py)",
    "too-many-listeners": "outside: other readers must end (tests/integrations/feed/test_live.py)",
    "too-many-rows": "100 001 rows: tests/contract/test_streams.py, which reads them as CSV too",
    "two-activities-at-once": "two requests at one instant: who reads again finds the other's activity",
}

# Pairs of a problem that other acts are walked for.
_AT_ONCE = "only where the operator closes the month at the same instant; else the act tells it of each entry or cell"
_NAMED = "the refusal has no cure: `current` and `needed` name the states"
PAIRS: dict[tuple[str, str], str] = {
    ("payments-in-flight", "approve_advance_change_request"): "the payments of the grant of its aid: by its grant",
    **{("not-held-by-parameters", f"approve_{noun}_change_request"): "only a request of before it was refused itself"
       for noun in ("grant", "advance")},
    **{("month-locked", f"{step}_time_entries"): _AT_ONCE
       for step in ("submit", "recall", "validate", "reject", "reverse")},
    ("month-locked", "put_time_entry_grid"): _AT_ONCE,
    **{("person-required", act): "a program is an administrator for 30 days after the rule at most"
       for act in ("approve_member", "confirm_api_key")},
    ("api-key-ended", "rotate_own_key"): "at the instant at which it ends: until then it works, and then it is refused",
    ("mission-transition", "reopen_mission"): "what was wanted has been done",
    ("month-locked", "accept_time_entry_correction"): "only where the operator closes the month at the same instant",
    ("month-locked", "reverse_time_entry"): "only where the operator closes the month at the same instant",
    **{("invalid-transition", f"{step}_time_entry"): _NAMED for step in ("submit", "recall", "validate", "reject")},
    **{("invalid-transition", act): "the acts that can follow are listed; tests/applications/test_states.py tries each"
       for act in ("submit_application", "acknowledge_application", "request_application_documents",
                   "complete_application", "admit_application", "declare_application_inadmissible",
                   "open_application_review", "extend_application", "withdraw_application", "award_grant",
                   "award_advance")},
    **{(code, "create_committee_decisions"): "the awards of a decision pass the door of award_grant, which is walked"
       for code in ("firm-ceased", "firm-not-followed", "proceedings-open", "territory-not-open", "project-not-filed")},
    **{(code, "create_committee_decisions"): "an act on a file as any other: cures/files.py walks these"
       for code in ("act-out-of-order", "clock-has-run-out", "refiled", "invalid-transition")},
    **{("parameter-not-in-force", act): "submit_application is walked: without the value no file is received"
       for act in ("freeze_agenda", "create_committee_decisions", "reverse_committee_decision",
                   "award_grant", "award_advance")},
    **{("refiled", act): "an act on a file as any other: cures/files.py walks these"
       for act in ("award_grant", "award_advance")},
    **{(code, "create_committee_decisions"): "only where an award was recorded by hand under this reference"
       for code in ("already-exists", "award-differs-from-aid")},
    ("meeting-closed", "reverse_committee_decision"): "create_erratum is walked: it corrects a closed meeting",
    ("award-ended", "reverse_committee_decision"): "nothing is left to do on the award",
    ("already-exists", "declare_debt"): "what was wanted has been done: a claim is corrected by update_debt_claim",
    **{("legal-rate-missing", act): "get_statement is walked: the rate that is recorded is there for all"
       for act in ("get_settlement", "request_reschedule", "approve_reschedule", "request_waiver", "decide_waiver",
                   "request_rate_change", "approve_rate_change", "request_write_off", "approve_write_off",
                   "announce_early_repayment", "plan_advance")},
    **{("agreement-missing", act): "only a request of before it was refused itself"
       for act in ("approve_reschedule", "approve_rate_change", "approve_availability_extension", "decide_waiver")},
    ("already-exists", "update_proceeding"): "a kind and a day of the firm, as create_proceeding has them",
    ("already-exists", "record_grant_payment"): "a reference of the grant, as pay_grant has them",
    ("already-exists", "record_tranche"): "a reference of the advance, as pay_tranche has them",
    ("reschedule-too-long", "approve_reschedule"): "request_reschedule is walked: the same lines are laid out again",
    **{("iban-not-held", act): "make_payment_run, get_payment_run_file and get_bank_details_iban are walked"
       for act in ("make_collection_run", "get_collection_run_file", "get_bank_account_iban")},
    ("already-exists", "update_application"):
        "an external_id or an open file, as create_application has them",
}  # fmt: skip
