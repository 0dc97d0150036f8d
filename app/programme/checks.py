"""The EPCIs of territories for `rebond check`: who holds each, beside who lists it."""

CHECKS = {
    "EPCI of a laureate territory": """
        SELECT e.siren, CASE WHEN t.status = 'laureate' AND e.siren = ANY (t.epci_sirens) THEN e.territory END,
            e.territory
        FROM laureate_epcis e JOIN territories t ON t.slug = e.territory""",
    "laureate territory of an EPCI": """
        SELECT siren, 1, count(DISTINCT e.siren)
        FROM territories t CROSS JOIN unnest(t.epci_sirens) AS siren LEFT JOIN laureate_epcis e USING (siren)
        WHERE t.status = 'laureate' GROUP BY siren""",
}
BEFORE_THE_RULE = {
    "EPCI of another laureate territory": """
        SELECT t.slug || ' ' || siren, e.territory
        FROM territories t CROSS JOIN unnest(t.epci_sirens) AS siren JOIN laureate_epcis e USING (siren)
        WHERE t.status = 'laureate' AND e.territory <> t.slug""",
}
