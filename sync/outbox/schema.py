"""The outbox's tables on the card, as numbered migrations: each is applied once and never changed afterwards."""

MIGRATIONS: tuple[tuple[str, str], ...] = (
    (
        "outbox_1_tables",
        """
        CREATE TABLE outbox_epochs (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            epoch TEXT NOT NULL UNIQUE,
            office TEXT NOT NULL,
            terminal TEXT NOT NULL,
            last_seq INTEGER NOT NULL DEFAULT 0,
            born_us INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE outbox (
            epoch INTEGER NOT NULL REFERENCES outbox_epochs (number),
            seq INTEGER NOT NULL,
            payload BLOB NOT NULL,
            employee TEXT NOT NULL,
            occurred_us INTEGER NOT NULL,
            repeat_of INTEGER,
            acknowledged_us INTEGER,
            PRIMARY KEY (epoch, seq)
        ) STRICT;
        CREATE INDEX outbox_pending ON outbox (epoch, seq) WHERE acknowledged_us IS NULL;
        CREATE INDEX outbox_acknowledged ON outbox (acknowledged_us) WHERE acknowledged_us IS NOT NULL;
        CREATE INDEX outbox_of_employee ON outbox (employee, occurred_us);
        """,
    ),
    # The chain: the hash of each epoch's last entry and of the last one deleted after its month, the key it is signed
    # with, and where the clock was. `moved` rows live on under another epoch and are never sent again. A note of the
    # clock has no employee.
    (
        "outbox_2_chain",
        """
        ALTER TABLE outbox_epochs ADD COLUMN key_id TEXT;
        ALTER TABLE outbox_epochs ADD COLUMN closed INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE outbox_epochs ADD COLUMN head_hash TEXT;
        ALTER TABLE outbox_epochs ADD COLUMN forgotten_to INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE outbox_epochs ADD COLUMN forgotten_hash TEXT;
        ALTER TABLE outbox_epochs ADD COLUMN boot_id TEXT;
        ALTER TABLE outbox_epochs ADD COLUMN offset_us INTEGER;
        ALTER TABLE outbox_epochs ADD COLUMN untimed_boot TEXT;
        ALTER TABLE outbox ADD COLUMN receipt TEXT;
        ALTER TABLE outbox ADD COLUMN moved INTEGER NOT NULL DEFAULT 0;
        """,
    ),
    # What corrections say of a punch, beside its bytes. Like a note of the clock, they and notes of the desk lie here
    # without an employee.
    (
        "outbox_3_corrections",
        """
        ALTER TABLE outbox ADD COLUMN voided INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE outbox ADD COLUMN direction_now TEXT;
        """,
    ),
)
