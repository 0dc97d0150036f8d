"""Letters about aids: drawn up and sealed, signed, notified.

Revision: 2026_11_30_1520, after 2026_11_30_1420.
"""

from alembic import op

revision = "2026_11_30_1520"
down_revision = "2026_11_30_1420"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE letters (
        territory TEXT NOT NULL,
        aid_id UUID NOT NULL,
        award_id UUID NOT NULL,
        kind TEXT NOT NULL,
        reference TEXT NOT NULL,
        status TEXT DEFAULT 'to_sign' NOT NULL,
        content TEXT NOT NULL,
        content_hash TEXT NOT NULL,
        drawn_up_by UUID NOT NULL,
        signed_on DATE,
        signed_by_firm_on DATE,
        document_sha256 TEXT,
        notified_on DATE,
        end_reason TEXT,
        id UUID DEFAULT uuidv7() NOT NULL,
        version INTEGER DEFAULT 1 NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT letters_pkey PRIMARY KEY (id),
        CONSTRAINT letters_aid_fkey FOREIGN KEY(territory, aid_id) REFERENCES aids (territory, id),
        CONSTRAINT letters_drawn_up_by_fkey FOREIGN KEY(drawn_up_by) REFERENCES subjects (id),
        CONSTRAINT letter_notified_before_signature CHECK (notified_on >= signed_on
            AND notified_on >= signed_by_firm_on),
        CONSTRAINT letter_kind CHECK (kind IN ('notification', 'agreement')),
        CONSTRAINT letter_status CHECK (status IN ('to_sign', 'signed', 'notified', 'withdrawn')),
        CONSTRAINT letter_content_hash CHECK (content_hash = encode(sha256(convert_to(content, 'UTF8')), 'hex')),
        CONSTRAINT letter_document CHECK (document_sha256 ~ '^[0-9a-f]{64}$'),
        CONSTRAINT letter_signed CHECK ((signed_on IS NULL) = (document_sha256 IS NULL)
            AND (signed_by_firm_on IS NOT NULL) = (kind = 'agreement' AND signed_on IS NOT NULL)
            AND CASE status WHEN 'to_sign' THEN signed_on IS NULL WHEN 'withdrawn' THEN true
            ELSE signed_on IS NOT NULL END),
        CONSTRAINT letter_notified CHECK ((status = 'notified') = (notified_on IS NOT NULL)),
        CONSTRAINT letter_end_reason CHECK ((status = 'withdrawn') = (end_reason IS NOT NULL))
    )
    """,
    """
    CREATE UNIQUE INDEX letters_reference_key ON letters (territory, reference) WHERE status <> 'withdrawn'
    """,
    """
    CREATE UNIQUE INDEX letter_open ON letters (aid_id, kind) WHERE status IN ('to_sign', 'signed')
    """,
    """
    CREATE INDEX letters_aid_id_idx ON letters (aid_id)
    """,
    """
    CREATE TRIGGER append_only
    BEFORE UPDATE OF territory, aid_id, award_id, kind, reference, content, content_hash, drawn_up_by ON letters
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON letters
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("letters")
