"""Orders of missions name a framework contract, whose maximum holds them and whose parameters are dated.

Revision: 2026_11_30_2140, after 2026_11_30_2132.
"""

from alembic import op

revision = "2026_11_30_2140"
down_revision = "2026_11_30_2132"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE frameworks (
        reference TEXT NOT NULL,
        name TEXT,
        from_on DATE NOT NULL,
        to_on DATE NOT NULL,
        max_days NUMERIC(9, 2),
        max_amount_cents BIGINT,
        days_ordered NUMERIC(9, 2) DEFAULT '0' NOT NULL,
        ordered_cents BIGINT DEFAULT '0' NOT NULL,
        days_peak NUMERIC(9, 2) DEFAULT '0' NOT NULL,
        cents_peak BIGINT DEFAULT '0' NOT NULL,
        least_mission_cents BIGINT DEFAULT '0' NOT NULL,
        orders_without_amount INTEGER DEFAULT '0' NOT NULL,
        signed_from DATE,
        signed_to DATE,
        id UUID DEFAULT uuidv7() NOT NULL,
        version INTEGER DEFAULT '1' NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT frameworks_pkey PRIMARY KEY (id),
        CONSTRAINT framework_exhausted CHECK (days_peak <= max_days AND cents_peak <= max_amount_cents),
        CONSTRAINT framework_amounts_missing CHECK (max_amount_cents IS NULL OR orders_without_amount = 0),
        CONSTRAINT order_amount_below_zero CHECK (least_mission_cents >= 0),
        CONSTRAINT order_outside_framework CHECK (signed_from >= from_on AND signed_to <= to_on),
        CONSTRAINT framework_words CHECK (reference <> '' AND name <> ''),
        CONSTRAINT framework_period CHECK (to_on >= from_on AND from_on >= '1900-01-01' AND to_on <= '2199-12-31'),
        CONSTRAINT framework_max_days CHECK (max_days > 0 AND mod(max_days, 0.25) = 0 AND max_days <> 'NaN'),
        CONSTRAINT framework_max_amount_cents CHECK (max_amount_cents > 0),
        CONSTRAINT framework_days_ordered CHECK (days_ordered >= 0 AND days_peak >= days_ordered AND
            days_peak <> 'NaN'),
        CONSTRAINT framework_ordered_cents CHECK (cents_peak >= ordered_cents),
        CONSTRAINT frameworks_reference_key UNIQUE (reference)
    ) WITH (fillfactor = 50)
    """,
    """
    CREATE TABLE framework_members (
        framework_id UUID NOT NULL,
        siren TEXT NOT NULL,
        role TEXT NOT NULL,
        CONSTRAINT framework_members_pkey PRIMARY KEY (framework_id, siren),
        CONSTRAINT framework_member_role CHECK (role IN ('lead', 'partner')),
        CONSTRAINT framework_member_siren CHECK (is_siren(siren)),
        CONSTRAINT framework_members_framework_id_fkey FOREIGN KEY(framework_id) REFERENCES frameworks (id)
    )
    """,
    """
    CREATE UNIQUE INDEX second_framework_lead ON framework_members (framework_id) WHERE role = 'lead'
    """,
    """
    CREATE TABLE framework_unit_prices (
        framework_id UUID NOT NULL,
        profile TEXT NOT NULL,
        day_rate_cents BIGINT NOT NULL,
        CONSTRAINT framework_unit_prices_pkey PRIMARY KEY (framework_id, profile),
        CONSTRAINT framework_unit_price_profile CHECK (profile IN ('junior', 'senior', 'expert')),
        CONSTRAINT framework_unit_price_day_rate_cents CHECK (day_rate_cents BETWEEN 1 AND 100000000),
        CONSTRAINT framework_unit_prices_framework_id_fkey FOREIGN KEY(framework_id) REFERENCES frameworks (id)
    )
    """,
    """
    CREATE TABLE framework_parameters (
        framework_id UUID NOT NULL,
        name TEXT NOT NULL,
        value JSONB NOT NULL,
        valid_from_on DATE NOT NULL,
        valid_until_on DATE,
        source TEXT NOT NULL,
        id UUID DEFAULT uuidv7() NOT NULL,
        version INTEGER DEFAULT '1' NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT framework_parameters_pkey PRIMARY KEY (id),
        CONSTRAINT framework_parameters_overlap EXCLUDE USING gist (uuidrange(framework_id, framework_id, '[]') WITH
             &&, textrange(name, name, '[]') WITH &&, daterange(valid_from_on, valid_until_on, '[]') WITH &&),
        CONSTRAINT framework_parameter_name CHECK (name ~ '^[a-z][a-z0-9]*(_[a-z0-9]+)*$' AND length(name) <= 40),
        CONSTRAINT framework_parameter_value CHECK (jsonb_typeof(value) IN ('number', 'boolean', 'string',
            'array')),
        CONSTRAINT framework_parameter_period CHECK (valid_until_on >= valid_from_on),
        CONSTRAINT framework_parameters_framework_id_fkey FOREIGN KEY(framework_id) REFERENCES frameworks (id)
    )
    """,
    """
    CREATE INDEX framework_parameters_framework_id_name_valid_from_on_idx ON framework_parameters (framework_id,
        name, valid_from_on)
    """,
)
COUNT_FRAMEWORK = """
CREATE FUNCTION count_framework(counted uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM frameworks WHERE id = counted FOR NO KEY UPDATE;
    UPDATE frameworks SET (
        days_ordered, ordered_cents, days_peak, cents_peak, least_mission_cents, orders_without_amount, signed_from,
        signed_to
    ) = (
        SELECT coalesce(sum(o.days), 0)::numeric(9,2), coalesce(sum(o.cents), 0)::bigint,
            coalesce(max(o.days_then), 0)::numeric(9,2), coalesce(max(o.cents_then), 0)::bigint,
            least(0, min(o.mission_cents))::bigint, count(*) FILTER (WHERE o.cents_missing),
            min(o.signed_on) FILTER (WHERE o.orders_more), max(o.signed_on) FILTER (WHERE o.orders_more)
        FROM (
            SELECT o.days, coalesce(o.amount_cents, 0) AS cents, o.amount_cents IS NULL AS cents_missing, o.signed_on,
                o.kind = 'initial' OR o.days > 0 OR o.amount_cents > 0 AS orders_more,
                sum(o.days) OVER by_day AS days_then, sum(coalesce(o.amount_cents, 0)) OVER by_day AS cents_then,
                sum(coalesce(o.amount_cents, 0)) OVER (PARTITION BY o.mission_id) AS mission_cents
            FROM orders o JOIN missions m ON m.id = o.mission_id
            WHERE o.framework_id = counted AND m.status <> 'cancelled'
            WINDOW by_day AS (ORDER BY o.signed_on)
        ) o
    ) WHERE id = counted;
END
$$
"""
COUNT_ORDER = """
CREATE FUNCTION count_order_in_framework() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM count_framework(NEW.framework_id);
    RETURN NULL;
END
$$
"""
COUNT_MISSION = """
CREATE FUNCTION count_mission_in_framework() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM count_framework(framework_id) FROM orders
    WHERE mission_id = NEW.id AND kind = 'initial' AND framework_id IS NOT NULL;
    RETURN NULL;
END
$$
"""
SAME_FRAMEWORK = """
CREATE FUNCTION hold_framework_of_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.framework_id IS DISTINCT FROM (
        SELECT framework_id FROM orders WHERE mission_id = NEW.mission_id AND kind = 'initial'
    ) THEN
        RAISE EXCEPTION 'an amendment counts in the framework of its order'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'order_framework_differs';
    END IF;
    RETURN NEW;
END
$$
"""
FRAMEWORK_PARAMETER = """
CREATE FUNCTION framework_parameter(of_mission uuid, parameter text, on_day date) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT p.value FROM orders o JOIN framework_parameters p ON p.framework_id = o.framework_id
    WHERE o.mission_id = of_mission AND o.kind = 'initial' AND p.name = parameter
        AND p.valid_from_on <= on_day AND (p.valid_until_on IS NULL OR p.valid_until_on >= on_day)
$$
"""
PARAMETER_IN_USE = """
CREATE FUNCTION framework_parameter_in_use() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    rests boolean;
BEGIN
    PERFORM FROM framework_parameters WHERE ctid = OLD.ctid FOR UPDATE;
    rests := OLD.valid_from_on <= (timezone('Europe/Paris', now()))::date AND (
        (OLD.framework_id, OLD.name, OLD.value, OLD.valid_from_on) IS DISTINCT FROM (NEW.framework_id, NEW.name, NEW.value, NEW.valid_from_on)
        OR OLD.valid_until_on IS DISTINCT FROM NEW.valid_until_on
            AND NEW.valid_until_on < (timezone('Europe/Paris', now()))::date
    );
    IF rests THEN
        RAISE EXCEPTION 'a sealed act rests on this row'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'framework_parameter_in_use';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
"""
TRIGGERS = (
    (
        "CREATE CONSTRAINT TRIGGER count_in_framework AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED FOR"
        " EACH ROW WHEN (NEW.framework_id IS NOT NULL) EXECUTE FUNCTION count_order_in_framework()"
    ),
    (
        "CREATE CONSTRAINT TRIGGER count_in_framework AFTER UPDATE ON missions DEFERRABLE INITIALLY DEFERRED FOR"
        " EACH ROW WHEN ((OLD.status = 'cancelled') <> (NEW.status = 'cancelled')) EXECUTE FUNCTION"
        " count_mission_in_framework()"
    ),
    (
        "CREATE TRIGGER framework_of_order BEFORE INSERT ON orders FOR EACH ROW WHEN (NEW.kind = 'amendment')"
        " EXECUTE FUNCTION hold_framework_of_order()"
    ),
    (
        "CREATE TRIGGER framework_parameter_in_use BEFORE UPDATE OF framework_id, name, value, valid_from_on,"
        " valid_until_on OR DELETE ON framework_parameters FOR EACH ROW EXECUTE FUNCTION"
        " framework_parameter_in_use()"
    ),
)
ORDERS = (
    "ALTER TABLE orders ADD COLUMN framework_id uuid",
    "ALTER TABLE orders ADD COLUMN amount_cents bigint",
    "ALTER TABLE orders ADD CONSTRAINT orders_framework_id_fkey FOREIGN KEY (framework_id) REFERENCES frameworks (id) NOT VALID",
    (
        "ALTER TABLE orders ADD CONSTRAINT order_amount CHECK (amount_cents IS NULL OR (framework_id IS NOT NULL"
        " AND (kind = 'amendment' OR amount_cents > 0))) NOT VALID"
    ),
)


def upgrade() -> None:
    for statement in (
        *TABLES, *ORDERS, COUNT_FRAMEWORK, COUNT_ORDER, COUNT_MISSION, SAME_FRAMEWORK, FRAMEWORK_PARAMETER,
        PARAMETER_IN_USE, *TRIGGERS,
    ):  # fmt: skip
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TRIGGER framework_of_order ON orders")
    op.execute("DROP TRIGGER count_in_framework ON orders")
    op.execute("DROP TRIGGER count_in_framework ON missions")
    for function in (
        "hold_framework_of_order()", "count_mission_in_framework()", "count_order_in_framework()",
        "count_framework(uuid)", "framework_parameter(uuid, text, date)",
    ):  # fmt: skip
        op.execute(f"DROP FUNCTION {function}")
    op.drop_column("orders", "amount_cents")
    op.drop_column("orders", "framework_id")
    for table in ("framework_parameters", "framework_unit_prices", "framework_members", "frameworks"):
        op.drop_table(table)
    op.execute("DROP FUNCTION framework_parameter_in_use()")
