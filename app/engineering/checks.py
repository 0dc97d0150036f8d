"""The balances of engineering for `rebond check`: each query gives a key, the sum of its entries, the stored figure."""

CHECKS = {
    "days entered of a mission": """
        SELECT d.mission_id::text, coalesce(sum(e.days), 0), d.days_entered
        FROM mission_days d LEFT JOIN time_entries e
            ON e.mission_id = d.mission_id AND e.status IN ('submitted', 'validated', 'certified')
        GROUP BY d.mission_id""",
    "days entered of a member": """
        SELECT d.mission_id || ' ' || d.organisation_id, coalesce(sum(e.days), 0), d.days_entered
        FROM member_days d LEFT JOIN time_entries e ON e.mission_id = d.mission_id
            AND e.organisation_id = d.organisation_id AND e.status IN ('submitted', 'validated', 'certified')
        GROUP BY d.mission_id, d.organisation_id""",
    "a person's day": """
        SELECT person_id || ' ' || worked_on, coalesce(e.days, 0), coalesce(d.days, 0)
        FROM person_days d FULL JOIN (
            SELECT person_id, worked_on, sum(days) AS days FROM time_entries
            WHERE status IN ('submitted', 'validated', 'certified') GROUP BY 1, 2
        ) e USING (person_id, worked_on)""",
    "months locked of a mission": """
        SELECT d.mission_id::text, coalesce(array_agg(l.month ORDER BY l.month) FILTER (WHERE l.id IS NOT NULL), '{}'),
            d.locked_months
        FROM mission_days d LEFT JOIN month_locks l ON l.mission_id = d.mission_id AND l.reopened_at IS NULL
        GROUP BY d.mission_id""",
    "days of a certificate": """
        SELECT c.id::text, CASE WHEN c.cancels_id IS NULL AND counter.id IS NULL THEN c.days ELSE 0 END,
            coalesce(sum(e.days), 0)
        FROM service_certificates c LEFT JOIN service_certificates counter ON counter.cancels_id = c.id
            LEFT JOIN time_entries e ON e.certificate_id = c.id GROUP BY c.id, counter.id""",
    "certified days of a member": """
        SELECT m.mission_id || ' ' || m.organisation_id,
            (SELECT coalesce(sum(days), 0) FROM time_entries e WHERE e.mission_id = m.mission_id
                AND e.organisation_id = m.organisation_id AND e.status = 'certified'),
            (SELECT coalesce(sum(days), 0) FROM service_certificates c WHERE c.mission_id = m.mission_id
                AND c.organisation_id = m.organisation_id)
        FROM mission_members m""",
    "amount of a certificate": """
        SELECT c.id::text, sum(round(l.days * l.day_rate_cents)), c.amount_cents
        FROM service_certificates c LEFT JOIN service_certificate_lines l ON l.certificate_id = c.id GROUP BY c.id""",
    "numbers of the certificates of a territory": """
        SELECT n.territory, count(c.id), n.last_number
        FROM certificate_numbers n LEFT JOIN service_certificates c ON c.territory = n.territory
            AND c.number BETWEEN 1 AND n.last_number
        GROUP BY n.territory, n.last_number""",
}
