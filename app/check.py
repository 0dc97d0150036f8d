"""Every balance of the service, computed again from what it sums up. `rebond check` says what differs."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.db import raw_connection

# Each gives one row per balance: its key, what the entries come to, what the balance says.
CHECKS = {
    "days entered of a mission": """
        SELECT d.mission_id::text, coalesce(sum(e.days), 0), d.days_entered
        FROM mission_days d LEFT JOIN time_entries e
            ON e.mission_id = d.mission_id AND e.status IN ('submitted', 'validated', 'certified')
        GROUP BY d.mission_id""",
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
    "days ordered of a mission": """
        SELECT d.mission_id::text, coalesce(sum(o.days), 0), d.days_ordered
        FROM mission_days d LEFT JOIN orders o USING (mission_id) GROUP BY d.mission_id""",
    "days allotted of a mission": """
        SELECT d.mission_id::text, coalesce(sum(m.days_allotted), 0), d.days_allotted
        FROM mission_days d LEFT JOIN mission_members m USING (mission_id) GROUP BY d.mission_id""",
    "days entered of a member": """
        SELECT d.mission_id || ' ' || d.organisation_id, coalesce(sum(e.days), 0), d.days_entered
        FROM member_days d LEFT JOIN time_entries e ON e.mission_id = d.mission_id
            AND e.organisation_id = d.organisation_id AND e.status IN ('submitted', 'validated', 'certified')
        GROUP BY d.mission_id, d.organisation_id""",
    "days allotted to a member": """
        SELECT d.mission_id || ' ' || d.organisation_id, m.days_allotted, d.days_allotted
        FROM member_days d JOIN mission_members m USING (mission_id, organisation_id)""",
    "a person's day": """
        SELECT person_id || ' ' || worked_on, coalesce(e.days, 0), coalesce(d.days, 0)
        FROM person_days d FULL JOIN (
            SELECT person_id, worked_on, sum(days) AS days FROM time_entries
            WHERE status IN ('submitted', 'validated', 'certified') GROUP BY 1, 2
        ) e USING (person_id, worked_on)""",
    "days taken back of an entry": """
        SELECT e.mission_id || ' ' || e.id, e.days, least(c.days, e.days)
        FROM time_entries e LEFT JOIN correctable_days c ON c.entry_id = e.id
        WHERE e.status IN ('rejected', 'reversed')""",
    "days corrected of an entry": """
        SELECT w.mission_id || ' ' || w.id, coalesce(sum(e.days), 0), c.days_corrected
        FROM correctable_days c JOIN time_entries w ON w.id = c.entry_id LEFT JOIN time_entries e
            ON e.corrects_id = c.entry_id AND e.status IN ('submitted', 'validated', 'certified')
        GROUP BY w.id, c.entry_id""",
    "acts of a member's allotment": """
        SELECT m.mission_id || ' ' || m.organisation_id, coalesce(sum(a.days), 0), m.days_allotted
        FROM mission_members m LEFT JOIN allotments a USING (mission_id, organisation_id)
        GROUP BY m.mission_id, m.organisation_id, m.days_allotted""",
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
    "stage of a firm": """
        SELECT t.territory || ' ' || t.siren, h.stage || ' ' || h.effective_on, t.stage || ' ' || t.stage_since_on
        FROM territory_firms t LEFT JOIN LATERAL (
            SELECT stage, effective_on FROM firm_stage_changes c WHERE (c.territory, c.siren) = (t.territory, t.siren)
            ORDER BY effective_on DESC, id DESC LIMIT 1
        ) h ON true""",
    "seat of a firm": """
        SELECT f.siren, (SELECT siret FROM firm_seats s WHERE s.siren = f.siren ORDER BY id DESC LIMIT 1), f.seat_siret
        FROM firms f WHERE f.seat_siret IS NOT NULL""",
    "main activity of a firm": """
        SELECT f.siren, (SELECT a.naf_code FROM firm_activities a
            WHERE a.siren = f.siren AND a.naf_version = f.naf_version AND a.to_on IS NULL), f.naf_code
        FROM firms f WHERE f.naf_code IS NOT NULL""",
    "balance of an account": """
        SELECT b.territory || ' ' || b.contribution_id || ' ' || b.account,
            coalesce(sum(CASE WHEN (e.debit = b.account) = (b.account <> 'contributor')
                THEN e.amount_cents ELSE -e.amount_cents END), 0),
            b.balance_cents
        FROM account_balances b LEFT JOIN ledger_entries e
            ON e.contribution_id = b.contribution_id AND b.account IN (e.debit, e.credit)
        GROUP BY b.territory, b.contribution_id, b.account""",
    "money of a contribution": """
        SELECT c.id::text, CASE c.status WHEN 'recorded' THEN c.amount_cents ELSE 0 END, coalesce(b.balance_cents, 0)
        FROM contributions c LEFT JOIN account_balances b ON b.contribution_id = c.id AND b.account = 'contributor'""",
    "zero-sum of a contribution": """
        SELECT contribution_id::text, coalesce(sum(balance_cents) FILTER (WHERE account <> 'contributor'), 0),
            coalesce(sum(balance_cents) FILTER (WHERE account = 'contributor'), 0)
        FROM account_balances GROUP BY contribution_id""",
    "entries with the right running balance": """
        SELECT b.territory || ' ' || b.contribution_id || ' ' || b.account, count(e.stated),
            count(*) FILTER (WHERE e.stated = e.computed)
        FROM account_balances b LEFT JOIN (
            SELECT contribution_id, account, stated,
                sum(cents) OVER (PARTITION BY contribution_id, account ORDER BY id) AS computed
            FROM ledger_entries CROSS JOIN LATERAL (VALUES
                (debit, debit_balance_cents, CASE debit WHEN 'contributor' THEN -amount_cents ELSE amount_cents END),
                (credit, credit_balance_cents, CASE credit WHEN 'contributor' THEN amount_cents ELSE -amount_cents END)
            ) side (account, stated, cents)
        ) e USING (contribution_id, account)
        GROUP BY b.territory, b.contribution_id, b.account""",
    "paid of a grant": """
        SELECT g.id::text, coalesce(sum(p.amount_cents), 0), g.paid_cents
        FROM grants g LEFT JOIN grant_payments p ON p.grant_id = g.id AND p.status = 'recorded' GROUP BY g.id""",
    "commitment of a grant": """
        SELECT g.id::text,
            coalesce(sum(CASE WHEN e.debit = 'grants_committed' THEN e.amount_cents ELSE -e.amount_cents END), 0),
            g.amount_cents - g.paid_cents - g.released_cents
        FROM grants g LEFT JOIN ledger_entries e ON e.award_id = g.id AND 'grants_committed' IN (e.debit, e.credit)
        GROUP BY g.id""",
    "disbursed of an advance": """
        SELECT a.id::text, coalesce(sum(t.amount_cents), 0), a.disbursed_cents
        FROM advances a LEFT JOIN advance_tranches t ON t.advance_id = a.id AND t.status = 'recorded' GROUP BY a.id""",
    "repaid of an advance": """
        SELECT a.id::text, coalesce(sum(r.amount_cents), 0), a.repaid_cents
        FROM advances a LEFT JOIN advance_repayments r ON r.advance_id = a.id AND r.status = 'recorded'
        GROUP BY a.id""",
    "commitment of an advance": """
        SELECT a.id::text,
            coalesce(sum(CASE WHEN e.debit = 'advances_committed' THEN e.amount_cents ELSE -e.amount_cents END), 0),
            a.amount_cents - a.disbursed_cents - a.released_cents
        FROM advances a LEFT JOIN ledger_entries e ON e.award_id = a.id AND 'advances_committed' IN (e.debit, e.credit)
        GROUP BY a.id""",
    "outstanding of an advance": """
        SELECT a.id::text,
            coalesce(sum(CASE WHEN e.debit = 'advances_paid' THEN e.amount_cents ELSE -e.amount_cents END), 0),
            a.disbursed_cents - a.repaid_cents
        FROM advances a LEFT JOIN ledger_entries e ON e.award_id = a.id AND 'advances_paid' IN (e.debit, e.credit)
        GROUP BY a.id""",
}

# What stood before a rule that would refuse it today: its key, and what it is. It is no difference.
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


@dataclass(frozen=True)
class Difference:
    """A balance that does not agree: which, whose, what the entries come to, what it says."""

    balance: str
    key: str
    entries: str
    found: str


async def differences(engine: AsyncEngine) -> tuple[int, list[Difference]]:
    """How many balances were computed again, and those that differ; all seen in one snapshot."""
    checked = 0
    found = []
    async with (
        raw_connection(engine) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        # It reads everything: the limits of a request are not for it.
        await connection.execute("SET LOCAL statement_timeout = 0; SET LOCAL transaction_timeout = 0")
        for balance, query in CHECKS.items():
            for key, entries, says in await connection.fetch(query):
                checked += 1
                if entries != says:
                    found.append(Difference(balance, key, _figure(entries), _figure(says)))
    return checked, found


async def before_the_rule(engine: AsyncEngine) -> list[str]:
    """What stands although a later rule would refuse it, a line each."""
    async with raw_connection(engine) as connection:
        return [
            f"before the rule: {what}, {key}: {_figure(value)}"
            for what, query in BEFORE_THE_RULE.items()
            for key, value in await connection.fetch(query)
        ]


def _figure(value: Decimal | int | str | list[date] | None) -> str:
    """All digits: the sum of a column of bigints comes as a Decimal such as 1.00E+6."""
    if isinstance(value, list):
        return " ".join(f"{month:%Y-%m}" for month in value)
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
