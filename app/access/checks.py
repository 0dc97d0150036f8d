"""What access has from before its rules, for `rebond check`: each query gives a key and what was found."""

CHECKS: dict[str, str] = {}  # nothing here sums anything up
BEFORE_THE_RULE = {
    "a person without an e-mail address": """
        SELECT s.id::text, o.name FROM subjects s JOIN organisations o ON o.id = s.organisation_id
        WHERE s.kind = 'person' AND s.email IS NULL""",
}
