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
    "days before each step of a mission": """
        SELECT d.mission_id::text, coalesce((
            SELECT string_agg(format('%s: %s of %s', step, (
                SELECT coalesce(sum(days), 0)::numeric(7, 2) FROM time_entries e WHERE e.mission_id = d.mission_id
                    AND counted_on < step
                    AND (status IN ('submitted', 'validated', 'certified') OR reversal_counted_on >= step)
            ), (
                SELECT coalesce(sum(days), 0)::numeric(7, 2) FROM orders o
                WHERE o.mission_id = d.mission_id AND signed_on < step
            )), ', ' ORDER BY step) FROM (
                SELECT signed_on FROM orders o WHERE o.mission_id = d.mission_id AND days > 0
                UNION
                SELECT reversal_counted_on FROM time_entries e WHERE e.mission_id = d.mission_id
                    AND status = 'reversed' AND reversal_counted_on > counted_on
            ) AS grows (step)
        ), ''), coalesce((
            SELECT string_agg(format('%s: %s of %s', step, entered, ordered), ', ' ORDER BY step)
            FROM unnest(steps, entered_before, ordered_before) AS s (step, entered, ordered)
        ), '')
        FROM mission_days d""",
    "days taken back of an entry": """
        SELECT e.mission_id || ' ' || e.id, e.days, least(c.days, e.days)
        FROM time_entries e LEFT JOIN correctable_days c ON c.entry_id = e.id
        WHERE e.status IN ('rejected', 'reversed')""",
    "days corrected of an entry": """
        SELECT c.mission_id || ' ' || c.entry_id, coalesce(e.days, 0), c.days_corrected
        FROM correctable_days c LEFT JOIN (
            SELECT corrected_id, sum(days) AS days FROM time_entries CROSS JOIN unnest(corrected_ids) AS corrected_id
            WHERE status IN ('submitted', 'validated', 'certified') GROUP BY 1
        ) e ON e.corrected_id = c.entry_id""",
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
    "entry of a correction": """
        SELECT k.id::text, CASE k.status WHEN 'accepted' THEN 'reversed' ELSE 'certified' END, e.status
        FROM time_entry_corrections k JOIN time_entries e ON e.id = k.entry_id
        WHERE k.status IN ('proposed', 'agreed', 'accepted')""",
    "days of an activity report that stands": """
        SELECT r.mission_id || ' ' || r.id, coalesce(sum(e.days), 0), r.days
        FROM activity_reports r LEFT JOIN time_entries e ON e.consultant_id = r.consultant_id
            AND e.status IN ('submitted', 'validated', 'certified')
            AND date_trunc('month', e.counted_on::timestamp)::date = r.month
        WHERE r.stale_at IS NULL GROUP BY r.id""",
    "certified days of a member": """
        SELECT m.mission_id || ' ' || m.organisation_id,
            coalesce(e.days, 0), coalesce(c.days, 0)
        FROM mission_members m LEFT JOIN (
            SELECT mission_id, organisation_id, sum(days) AS days FROM time_entries
            WHERE status = 'certified' GROUP BY 1, 2
        ) e USING (mission_id, organisation_id) LEFT JOIN (
            SELECT mission_id, organisation_id, sum(days) AS days FROM service_certificates GROUP BY 1, 2
        ) c USING (mission_id, organisation_id)""",
    "amount of a certificate": """
        SELECT c.id::text, sum(round(l.days * l.day_rate_cents)), c.amount_cents
        FROM service_certificates c LEFT JOIN service_certificate_lines l ON l.certificate_id = c.id GROUP BY c.id""",
    "numbers of the certificates of a territory": """
        SELECT n.territory, count(c.id), n.last_number
        FROM certificate_numbers n LEFT JOIN service_certificates c ON c.territory = n.territory
            AND c.number BETWEEN 1 AND n.last_number
        GROUP BY n.territory, n.last_number""",
}

# What stands although a later rule would refuse it: each query gives a key, and what it is. None is a difference.
BEFORE_THE_RULE = {
    "days counted before the orders that cover them were signed": """
        SELECT mission_id || ' ' || day, allowed
        FROM mission_days CROSS JOIN unnest(steps, allowed_before) AS s (day, allowed) WHERE allowed > 0""",
    "days of corrections beyond those of the entry that they correct": """
        SELECT e.mission_id || ' ' || e.id, c.days - e.days
        FROM correctable_days c JOIN time_entries e ON e.id = c.entry_id
        WHERE e.status = 'reversed' AND c.days > e.days""",
    "days of an entry whose firm, audition and project disagree": """
        SELECT e.mission_id || ' ' || e.id, e.days FROM time_entries e
        CROSS JOIN LATERAL (
            SELECT array_agg(a.siren) AS sirens FROM audition_firms a WHERE a.audition_id = e.audition_id
        ) m
        CROSS JOIN LATERAL (
            SELECT array_agg(h.firm_siren) AS sirens FROM project_holders h
            WHERE h.project_id = e.project_id AND h.firm_siren IS NOT NULL
        ) h
        WHERE e.firm_siren <> ALL (m.sirens) OR e.firm_siren <> ALL (h.sirens) OR NOT m.sirens && h.sirens""",
    "days of a correction of another person, mission or month": """
        SELECT e.mission_id || ' ' || e.id, e.days
        FROM time_entries e JOIN correctable_days c ON c.entry_id = e.corrects_id
        WHERE e.status IN ('submitted', 'validated', 'certified')
            AND (e.person_id, e.mission_id, date_trunc('month', e.worked_on::timestamp)::date)
                IS DISTINCT FROM (c.person_id, c.mission_id, c.month)""",
}
