"""Each tranche that stands has its version of the schedule, with the lines that were told until now.

Revision: 2026_11_30_1811, after 2026_11_30_1810.

Until now every advance was lent without interest in constant parts, and repayments settled the oldest lines first. The
rounding is that of then: half-up at each tranche, or each tranche by itself rounded down where the terms say so. A line
that was paid when a tranche came is kept; of one that was paid in part, the paid part is a line of its own.
"""

from alembic import op

revision = "2026_11_30_1811"
down_revision = "2026_11_30_1810"
branch_labels = None
depends_on = None

VERSIONS = """
DO $$
DECLARE
    lent record;
    tranche record;
    months integer;
    grace integer;
    periods integer;
    first_month date;
    first_due date;
    multiple bigint;
    days date[];
    count_of_days integer;
    paid_on date[];
    paid bigint[];
    received_on date[];
    received bigint[];
    next_receipt integer;
    number_of_version integer;
    told bigint[];
    settled bigint[];
    balance bigint;
    opening bigint;
    arrived integer;
    spread bigint;
    spread_from integer;
    ahead integer;
    each bigint;
    share bigint;
    due_days date[];
    amounts bigint[];
    keeps boolean[];
    made uuid;
BEGIN
    FOR lent IN
        SELECT a.id, a.territory, a.terms FROM advances a
        WHERE EXISTS (SELECT FROM advance_tranches t WHERE t.advance_id = a.id AND t.status = 'recorded')
            AND NOT EXISTS (SELECT FROM advance_versions v WHERE v.advance_id = a.id)
        ORDER BY a.id
    LOOP
        months := CASE lent.terms ->> 'frequency' WHEN 'monthly' THEN 1 WHEN 'quarterly' THEN 3
            WHEN 'half_yearly' THEN 6 ELSE 12 END;
        first_due := (lent.terms ->> 'first_due_on')::date;
        grace := coalesce((lent.terms ->> 'grace_periods')::integer, 0);
        periods := (lent.terms ->> 'instalments')::integer
            + CASE WHEN (lent.terms ->> 'grace_counts_in_term')::boolean THEN 0 ELSE grace END;
        multiple := coalesce((lent.terms #>> '{rounding,multiple_cents}')::bigint, 1);
        IF lent.terms ->> 'due_dates' = 'anchored' THEN
            first_month := date_trunc('month', first_due);
        ELSE
            first_month := make_date(extract(year FROM first_due)::integer, 1, 1)
                + make_interval(months => (extract(month FROM first_due)::integer - 1) / months * months + months - 1);
        END IF;
        SELECT array_agg(
            CASE WHEN lent.terms ->> 'due_dates' = 'anchored'
                THEN least(starts_on + (extract(day FROM first_due)::integer - 1), ends_on) ELSE ends_on END
            ORDER BY period
        ) INTO days
        FROM generate_series(grace, periods - 1) AS period,
            LATERAL (SELECT (first_month + make_interval(months => period * months))::date AS starts_on) AS month,
            LATERAL (SELECT (starts_on + interval '1 month' - interval '1 day')::date AS ends_on) AS month_end;
        count_of_days := cardinality(days);
        SELECT coalesce(array_agg(r.received_on ORDER BY r.received_on, r.id), '{}'),
            coalesce(array_agg(r.amount_cents ORDER BY r.received_on, r.id), '{}')
        INTO received_on, received
        FROM advance_repayments r WHERE r.advance_id = lent.id AND r.status = 'recorded';
        told := array_fill(0::bigint, ARRAY[count_of_days]);
        settled := told;
        next_receipt := 1;
        number_of_version := 0;
        paid_on := '{}';
        paid := '{}';
        FOR tranche IN
            SELECT t.id, t.paid_on, t.amount_cents, t.created_at, t.recorded_by FROM advance_tranches t
            WHERE t.advance_id = lent.id AND t.status = 'recorded' ORDER BY t.paid_on, t.id
        LOOP
            -- What was received before its day has settled the lines told until then.
            WHILE next_receipt <= cardinality(received) AND received_on[next_receipt] < tranche.paid_on LOOP
                balance := received[next_receipt];
                next_receipt := next_receipt + 1;
                FOR place IN 1..count_of_days LOOP
                    share := least(balance, told[place] - settled[place]);
                    settled[place] := settled[place] + share;
                    balance := balance - share;
                END LOOP;
            END LOOP;
            paid_on := paid_on || tranche.paid_on;
            paid := paid || tranche.amount_cents;
            told := array_fill(0::bigint, ARRAY[count_of_days]);
            IF lent.terms #>> '{rounding,rule}' = 'down' THEN
                FOR number IN 1..cardinality(paid) LOOP
                    SELECT count(*) INTO ahead FROM unnest(days) AS day WHERE day > paid_on[number];
                    each := CASE ahead WHEN 0 THEN 0 ELSE paid[number] / ahead / multiple * multiple END;
                    FOR place IN count_of_days - ahead + 1..count_of_days LOOP
                        told[place] := told[place] + each;
                    END LOOP;
                    told[count_of_days] := told[count_of_days] + paid[number] - each * ahead;
                END LOOP;
            ELSE
                balance := 0;
                arrived := 0;
                spread_from := 0;
                FOR place IN 1..count_of_days LOOP
                    opening := balance;
                    -- The last line takes what was paid after every day, as it was before tranches ended with it.
                    WHILE arrived < cardinality(paid)
                        AND (paid_on[arrived + 1] < days[place] OR place = count_of_days)
                    LOOP
                        arrived := arrived + 1;
                        opening := opening + paid[arrived];
                    END LOOP;
                    IF opening <> balance OR spread_from = 0 THEN
                        spread := opening;
                        spread_from := place;
                    END IF;
                    ahead := count_of_days - spread_from + 1;
                    told[place] := CASE WHEN place = count_of_days THEN opening
                        ELSE least((2 * spread + ahead * multiple) / (2 * ahead * multiple) * multiple, opening) END;
                    balance := opening - told[place];
                END LOOP;
            END IF;
            due_days := '{}';
            amounts := '{}';
            keeps := '{}';
            FOR place IN 1..count_of_days LOOP
                share := least(settled[place], told[place]);
                IF share > 0 OR told[place] = 0 AND days[place] <= tranche.paid_on THEN
                    due_days := due_days || days[place];
                    amounts := amounts || share;
                    keeps := keeps || true;
                END IF;
                IF share < told[place] OR told[place] = 0 AND days[place] > tranche.paid_on THEN
                    due_days := due_days || days[place];
                    amounts := amounts || told[place] - share;
                    keeps := keeps || false;
                END IF;
            END LOOP;
            number_of_version := number_of_version + 1;
            INSERT INTO advance_versions (territory, advance_id, number, from_on, cause, outstanding_cents, lines,
                act_id, recorded_at, made_by)
            SELECT lent.territory, lent.id, number_of_version, tranche.paid_on, 'tranche',
                coalesce(sum(line.cents) FILTER (WHERE NOT line.kept), 0), count(*), tranche.id, tranche.created_at,
                tranche.recorded_by
            FROM unnest(amounts, keeps) AS line (cents, kept)
            RETURNING id INTO made;
            INSERT INTO advance_lines (version_id, position, due_on, principal_cents, kept)
            SELECT made, line.position, line.due_on, line.cents, line.kept
            FROM unnest(due_days, amounts, keeps) WITH ORDINALITY AS line (due_on, cents, kept, position);
        END LOOP;
    END LOOP;
END
$$
"""


def upgrade() -> None:
    op.execute(VERSIONS)


def downgrade() -> None:
    pass  # the tables go with the migration before
