"""Deliverables of missions, and the acts on them.

Revision: 2026_11_30_2154, after 2026_11_30_2153.
"""

from alembic import op

revision = "2026_11_30_2154"
down_revision = "2026_11_30_2153"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE deliverables (
        territory TEXT NOT NULL,
        mission_id UUID NOT NULL,
        kind TEXT NOT NULL,
        title TEXT NOT NULL,
        due_on DATE NOT NULL,
        weight_bp SMALLINT,
        state TEXT DEFAULT 'expected' NOT NULL,
        passage_number INTEGER,
        delivery_number INTEGER,
        verification_ends_on DATE,
        until_on DATE,
        reduced_days NUMERIC(7, 2),
        reduced_cents BIGINT,
        deliverers UUID[] DEFAULT '{}' NOT NULL,
        decided_by UUID,
        decider_kind TEXT DEFAULT 'person' NOT NULL,
        late_on DATE,
        silence_on DATE GENERATED ALWAYS AS (CASE WHEN state = ANY (ARRAY['delivered'::text,
            'under_verification'::text]) THEN verification_ends_on + 1 ELSE NULL::date END) STORED,
        awaited_on DATE GENERATED ALWAYS AS (CASE state WHEN 'expected'::text THEN due_on WHEN 'deferred'::text THEN
            until_on ELSE NULL::date END) STORED,
        id UUID DEFAULT uuidv7() NOT NULL,
        version INTEGER DEFAULT '1' NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT deliverables_pkey PRIMARY KEY (id),
        CONSTRAINT deliverables_territory_id_key UNIQUE (territory, id),
        CONSTRAINT deliverables_territory_mission_id_fkey FOREIGN KEY(territory, mission_id) REFERENCES missions
            (territory, id),
        CONSTRAINT deliverable_decided_by_a_person FOREIGN KEY(decided_by, decider_kind) REFERENCES subjects (id,
            kind),
        CONSTRAINT deliverer_decides CHECK (decided_by <> ALL (deliverers)),
        CONSTRAINT deliverable_decider_kind CHECK (decider_kind = 'person'),
        CONSTRAINT deliverable_kind CHECK (kind IN ('framing_note', 'diagnosis', 'firm_sheet', 'roadmap',
            'final_report', 'other')),
        CONSTRAINT deliverable_state CHECK (state IN ('expected', 'delivered', 'under_verification', 'admitted',
            'deferred', 'admitted_with_reduction', 'rejected')),
        CONSTRAINT deliverable_title CHECK (title <> ''),
        CONSTRAINT deliverable_weight CHECK (weight_bp BETWEEN 1 AND 10000),
        CONSTRAINT deliverable_delivered_once CHECK (num_nulls(passage_number, delivery_number,
            verification_ends_on) = CASE state WHEN 'expected' THEN 3 ELSE 0 END),
        CONSTRAINT deliverable_until CHECK ((state = 'deferred') = (until_on IS NOT NULL)),
        CONSTRAINT deliverable_reduction CHECK (num_nonnulls(reduced_days, reduced_cents) = CASE state WHEN
            'admitted_with_reduction' THEN 1 ELSE 0 END AND reduced_days > 0 AND mod(reduced_days, 0.25) = 0 AND
            reduced_cents BETWEEN 1 AND 1000000000000)
    )
    """,
    """
    CREATE TABLE deliverable_passages (
        deliverable_id UUID NOT NULL,
        number INTEGER NOT NULL,
        territory TEXT NOT NULL,
        act TEXT NOT NULL,
        from_state TEXT NOT NULL,
        to_state TEXT NOT NULL,
        effective_on DATE NOT NULL,
        previous_number INTEGER,
        reverses_number INTEGER,
        reason TEXT,
        document_version SMALLINT,
        document_sha256 TEXT,
        roadmap_version_id UUID,
        committee_id UUID,
        verification_ends_on DATE,
        until_on DATE,
        reduced_days NUMERIC(7, 2),
        reduced_cents BIGINT,
        recorded_by UUID,
        recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT deliverable_passages_pkey PRIMARY KEY (deliverable_id, number),
        CONSTRAINT deliverable_passages_territory_deliverable_id_fkey FOREIGN KEY(territory, deliverable_id)
            REFERENCES deliverables (territory, id),
        CONSTRAINT deliverable_passages_chain_key UNIQUE (deliverable_id, number, to_state),
        CONSTRAINT deliverable_passages_previous_fkey FOREIGN KEY(deliverable_id, previous_number, from_state)
            REFERENCES deliverable_passages (deliverable_id, number, to_state),
        CONSTRAINT deliverable_passages_reverses_fkey FOREIGN KEY(deliverable_id, reverses_number) REFERENCES
            deliverable_passages (deliverable_id, number),
        CONSTRAINT deliverable_passages_reverses_key UNIQUE (deliverable_id, reverses_number),
        CONSTRAINT deliverable_passages_roadmap_fkey FOREIGN KEY(territory, roadmap_version_id) REFERENCES
            roadmap_versions (territory, id),
        CONSTRAINT deliverable_passages_roadmap_hash_fkey FOREIGN KEY(roadmap_version_id, document_sha256)
            REFERENCES roadmap_versions (id, content_hash),
        CONSTRAINT deliverable_passages_committee_fkey FOREIGN KEY(territory, committee_id) REFERENCES committees
            (territory, id),
        CONSTRAINT deliverable_passages_record_hash_fkey FOREIGN KEY(committee_id, document_sha256) REFERENCES
            committees (id, record_hash),
        CONSTRAINT deliverable_passage_transition CHECK ((act, from_state, to_state) IN (('admit',
            'under_verification', 'admitted'), ('admit_with_reduction', 'under_verification',
            'admitted_with_reduction'), ('defer', 'under_verification', 'deferred'), ('deliver', 'deferred',
            'delivered'), ('deliver', 'expected', 'delivered'), ('deliver', 'rejected', 'delivered'), ('reject',
            'under_verification', 'rejected'), ('reverse_silence', 'admitted', 'delivered'), ('reverse_silence',
            'admitted', 'under_verification'), ('silence_admits', 'delivered', 'admitted'), ('silence_admits',
            'under_verification', 'admitted'), ('verify', 'delivered', 'under_verification'))),
        CONSTRAINT deliverable_passage_number CHECK (CASE WHEN number = 1 THEN from_state = 'expected' AND
            previous_number IS NULL ELSE number > 1 AND previous_number IS NOT DISTINCT FROM number - 1 END),
        CONSTRAINT deliverable_passage_members CHECK ((act = 'reverse_silence') = (reverses_number IS NOT NULL) AND
            reverses_number < number AND (NOT act IN ('defer', 'admit_with_reduction', 'reject') OR reason IS NOT
            NULL) AND num_nonnulls(document_version, document_sha256, verification_ends_on) = CASE act WHEN
            'deliver' THEN 3 ELSE 0 END AND num_nonnulls(roadmap_version_id, committee_id) <= CASE act WHEN
            'deliver' THEN 1 ELSE 0 END AND (act = 'defer') = (until_on IS NOT NULL) AND num_nonnulls(reduced_days,
            reduced_cents) = CASE act WHEN 'admit_with_reduction' THEN 1 ELSE 0 END),
        CONSTRAINT deliverable_passage_reduction CHECK (reduced_days > 0 AND mod(reduced_days, 0.25) = 0 AND
            reduced_cents BETWEEN 1 AND 1000000000000),
        CONSTRAINT deliverable_passage_document CHECK (document_sha256 ~ '^[0-9a-f]{64}$' AND document_version >=
            1),
        CONSTRAINT deliverable_passage_days CHECK (verification_ends_on >= effective_on AND until_on >=
            effective_on),
        CONSTRAINT deliverable_passage_future CHECK (effective_on <= (timezone('Europe/Paris', recorded_at))::date),
        CONSTRAINT deliverable_passages_recorded_by_fkey FOREIGN KEY(recorded_by) REFERENCES subjects (id)
    )
    """,
    """
    ALTER TABLE deliverables ADD CONSTRAINT deliverables_delivery_fkey FOREIGN KEY(id, delivery_number) REFERENCES
            deliverable_passages (deliverable_id, number) DEFERRABLE INITIALLY DEFERRED
    """,
    """
    ALTER TABLE deliverables ADD CONSTRAINT deliverables_state_fkey FOREIGN KEY(id, passage_number, state)
            REFERENCES deliverable_passages (deliverable_id, number, to_state) DEFERRABLE INITIALLY DEFERRED
    """,
    """
    CREATE INDEX deliverables_awaited_on_idx ON deliverables (awaited_on, id) WHERE awaited_on IS NOT NULL
    """,
    """
    CREATE INDEX deliverables_mission_id_idx ON deliverables (mission_id)
    """,
    """
    CREATE INDEX deliverables_silence_on_idx ON deliverables (silence_on, id) WHERE silence_on IS NOT NULL
    """,
    """
    CREATE INDEX deliverables_territory_due_on_idx ON deliverables (territory, due_on)
    """,
    """
    CREATE INDEX deliverables_territory_state_idx ON deliverables (territory, state)
    """,
    """
    CREATE INDEX deliverable_passages_committee_id_idx ON deliverable_passages (committee_id) WHERE committee_id IS
            NOT NULL
    """,
    """
    CREATE INDEX deliverable_passages_roadmap_version_id_idx ON deliverable_passages (roadmap_version_id) WHERE
            roadmap_version_id IS NOT NULL
    """,
)
FUNCTIONS = (
    """
CREATE FUNCTION guard_deliverable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND (
        (OLD.id, OLD.territory, OLD.mission_id) IS DISTINCT FROM (NEW.id, NEW.territory, NEW.mission_id)
        OR OLD.passage_number IS NOT NULL
            AND (OLD.kind, OLD.title, OLD.due_on, OLD.weight_bp)
            IS DISTINCT FROM (NEW.kind, NEW.title, NEW.due_on, NEW.weight_bp)
        OR NOT NEW.deliverers @> OLD.deliverers
    ) THEN
        RAISE EXCEPTION 'the deliverable stays as it was ordered'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'deliverable_delivered';
    END IF;
    IF NEW.weight_bp IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.weight_bp IS DISTINCT FROM OLD.weight_bp) THEN
        PERFORM FROM missions WHERE id = NEW.mission_id FOR NO KEY UPDATE;
        IF NEW.weight_bp + (
            SELECT coalesce(sum(weight_bp), 0) FROM deliverables WHERE mission_id = NEW.mission_id AND id <> NEW.id
        ) > 10000 THEN
            RAISE EXCEPTION 'more than the whole'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'weights_exceeded';
        END IF;
    END IF;
    RETURN NEW;
END
$$
""",
    """
CREATE FUNCTION check_deliverable_passages() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    deliverable uuid := to_jsonb(NEW) ->> CASE TG_TABLE_NAME WHEN 'deliverables' THEN 'id' ELSE 'deliverable_id' END;
BEGIN
    IF EXISTS (
        SELECT FROM deliverables d WHERE d.id = deliverable AND d.passage_number IS DISTINCT FROM (
            SELECT max(p.number) FROM deliverable_passages p WHERE p.deliverable_id = d.id
        )
    ) THEN
        RAISE EXCEPTION 'the state is not that of the last act'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'deliverable_last_passage';
    END IF;
    RETURN NULL;
END
$$
""",
    """
CREATE FUNCTION guard_deliverable_passage() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last_day date := (
        SELECT verification_ends_on FROM deliverable_passages
        WHERE deliverable_id = NEW.deliverable_id AND act = 'deliver' ORDER BY number DESC LIMIT 1
    );
BEGIN
    IF NEW.act IN ('verify', 'admit', 'defer', 'admit_with_reduction', 'reject') AND NEW.effective_on > last_day
        OR NEW.act = 'silence_admits' AND NEW.effective_on <> last_day + 1
        OR NEW.act = 'reverse_silence' AND NOT EXISTS (
            SELECT FROM deliverable_passages p
            WHERE p.deliverable_id = NEW.deliverable_id AND p.number = NEW.reverses_number
                AND p.act = 'silence_admits' AND p.effective_on > NEW.effective_on
                AND (p.from_state, p.to_state) = (NEW.to_state, NEW.from_state)
        )
    THEN
        RAISE EXCEPTION 'the delay says otherwise'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'deliverable_passage_delay';
    END IF;
    RETURN NEW;
END
$$
""",
)
TRIGGERS = (
    """
    CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON deliverables FOR EACH ROW EXECUTE FUNCTION
            guard_deliverable()
    """,
    """
    CREATE CONSTRAINT TRIGGER check_passages AFTER INSERT OR UPDATE OF passage_number ON deliverables DEFERRABLE
            INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_deliverable_passages()
    """,
    """
    CREATE TRIGGER append_only BEFORE TRUNCATE ON deliverables FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON deliverable_passages FOR EACH STATEMENT
            EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER guard BEFORE INSERT ON deliverable_passages FOR EACH ROW WHEN (NEW.act <> 'deliver') EXECUTE
            FUNCTION guard_deliverable_passage()
    """,
    """
    CREATE CONSTRAINT TRIGGER check_passages AFTER INSERT ON deliverable_passages DEFERRABLE INITIALLY DEFERRED FOR
            EACH ROW EXECUTE FUNCTION check_deliverable_passages()
    """,
)


def upgrade() -> None:
    for statement in (*TABLES, *FUNCTIONS, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    op.drop_constraint("deliverables_delivery_fkey", "deliverables")
    op.drop_constraint("deliverables_state_fkey", "deliverables")
    op.drop_table("deliverable_passages")
    op.drop_table("deliverables")
    for name in ("guard_deliverable_passage", "check_deliverable_passages", "guard_deliverable"):
        op.execute(f"DROP FUNCTION {name}()")
