"""What is sealed of the roadmap, for `rebond check`: a key, what the rows say, and the text that was sealed."""

CHECKS = {
    "text of an adopted roadmap": """
        SELECT v.territory || ' ' || v.number, roadmap_text(v), v.content
        FROM roadmap_versions v WHERE v.status <> 'draft'""",
}
