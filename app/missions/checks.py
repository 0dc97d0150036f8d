"""The balances of missions for `rebond check`: each query gives a key, what the entries come to, and what stands."""

from app.missions.models import SETTINGS

_SETTINGS = ", ".join(SETTINGS)

CHECKS = {
    "settings of a mission": f"""
        SELECT m.id::text, (
            SELECT ROW({_SETTINGS})::text FROM mission_settings s
            WHERE s.mission_id = m.id ORDER BY from_on DESC, s.id DESC LIMIT 1
        ), ROW({_SETTINGS})::text
        FROM missions m""",  # noqa: S608  # no input in it
    "days ordered of a mission": """
        SELECT d.mission_id::text, coalesce(sum(o.days), 0), d.days_ordered
        FROM mission_days d LEFT JOIN orders o USING (mission_id) GROUP BY d.mission_id""",
    "days allotted of a mission": """
        SELECT d.mission_id::text, coalesce(sum(m.days_allotted), 0), d.days_allotted
        FROM mission_days d LEFT JOIN mission_members m USING (mission_id) GROUP BY d.mission_id""",
    "days allotted to a member": """
        SELECT d.mission_id || ' ' || d.organisation_id, m.days_allotted, d.days_allotted
        FROM member_days d JOIN mission_members m USING (mission_id, organisation_id)""",
    "acts of a member's allotment": """
        SELECT m.mission_id || ' ' || m.organisation_id, coalesce(sum(a.days), 0), m.days_allotted
        FROM mission_members m LEFT JOIN allotments a USING (mission_id, organisation_id)
        GROUP BY m.mission_id, m.organisation_id, m.days_allotted""",
}
