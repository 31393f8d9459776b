// The tables, as numbered migrations. One that has shipped is never edited; a change is a new number.
import GRDB

enum Schema {
    /// "STKB": tells our databases from everyone else's.
    static let applicationID: Int32 = 0x53_54_4B_42

    /// In order. Forward only.
    static let migrator: DatabaseMigrator = {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1", foreignKeyChecks: .immediate) { try $0.execute(sql: tables) }
        migrator.registerMigration("2", foreignKeyChecks: .immediate) { try $0.execute(sql: methodsAndDeadlines) }
        migrator.registerMigration("3", foreignKeyChecks: .immediate) { try $0.execute(sql: notices) }
        migrator.registerMigration("4", foreignKeyChecks: .immediate) { try $0.execute(sql: probe) }
        migrator.registerMigration("5", foreignKeyChecks: .immediate) { try $0.execute(sql: datasets) }
        return migrator
    }()

    /// Payloads and results lie apart, so that the row that every event touches stays small. The partial indices hold
    /// only what waits or runs: their size is the queue's, not the archive's.
    private static let tables = """
        PRAGMA application_id = 0x53544B42;

        CREATE TABLE job (
            number INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            owner TEXT NOT NULL,
            kind TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            max_attempts INTEGER NOT NULL,
            priority INTEGER NOT NULL,
            rank INTEGER NOT NULL,
            labels BLOB NOT NULL,
            limits BLOB NOT NULL,
            time_to_live INTEGER,
            state TEXT NOT NULL,
            interruption TEXT,
            started_at INTEGER,
            finished_at INTEGER,
            expires_at INTEGER,
            worker TEXT,
            epoch INTEGER NOT NULL,
            failures INTEGER NOT NULL,
            has_iterate INTEGER NOT NULL,
            has_result INTEGER NOT NULL,
            termination TEXT,
            failure_code TEXT,
            failure_detail TEXT,
            revision INTEGER NOT NULL,
            last_seq INTEGER NOT NULL,
            judged_through INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX job_waiting ON job (kind, owner, rank) WHERE state = 'queued';
        CREATE INDEX job_waiting_by_rank ON job (rank) WHERE state = 'queued';
        CREATE INDEX job_by_time ON job (created_at, id);
        CREATE INDEX job_by_owner ON job (owner, created_at, id);
        CREATE INDEX job_by_state ON job (state, owner, created_at);
        CREATE INDEX job_expiring ON job (expires_at) WHERE expires_at IS NOT NULL;

        CREATE TABLE payload (
            job INTEGER PRIMARY KEY REFERENCES job (number) ON DELETE CASCADE,
            bytes BLOB NOT NULL
        ) STRICT;
        CREATE TABLE result (
            job INTEGER PRIMARY KEY REFERENCES job (number) ON DELETE CASCADE,
            bytes BLOB NOT NULL
        ) STRICT;
        CREATE TABLE label (
            job INTEGER NOT NULL REFERENCES job (number) ON DELETE CASCADE,
            key TEXT NOT NULL,
            value TEXT NOT NULL,
            PRIMARY KEY (job, key)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX label_by_value ON label (key, value, job);
        CREATE TABLE checkpoint (
            number INTEGER PRIMARY KEY,
            job INTEGER NOT NULL REFERENCES job (number) ON DELETE CASCADE,
            epoch INTEGER NOT NULL,
            name TEXT NOT NULL,
            iteration INTEGER NOT NULL,
            byte_count INTEGER NOT NULL,
            written_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX checkpoint_by_job ON checkpoint (job);
        CREATE TABLE event (
            job INTEGER NOT NULL REFERENCES job (number) ON DELETE CASCADE,
            seq INTEGER NOT NULL,
            epoch INTEGER NOT NULL,
            type TEXT NOT NULL,
            time INTEGER NOT NULL,
            data BLOB NOT NULL,
            PRIMARY KEY (job, seq)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE idempotency (
            owner TEXT NOT NULL,
            route TEXT NOT NULL,
            key TEXT NOT NULL,
            body_hash BLOB NOT NULL,
            job_id TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            PRIMARY KEY (owner, route, key)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX idempotency_by_time ON idempotency (created_at);
        """

    /// Jobs by method, deadlines of waiting, and how often readers want progress.
    private static let methodsAndDeadlines = """
        ALTER TABLE job ADD COLUMN method TEXT;
        ALTER TABLE job ADD COLUMN progress_interval INTEGER;
        ALTER TABLE job ADD COLUMN queue_deadline INTEGER;
        CREATE INDEX job_by_method ON job (method, created_at, id) WHERE method IS NOT NULL;
        CREATE INDEX job_overdue ON job (queue_deadline) WHERE queue_deadline IS NOT NULL;
        """

    /// Events to be told to somebody outside. A notice holds all that it takes: it outlives its job. Numbers are never used
    /// again, so that a late word about one notice cannot be taken for another's.
    private static let notices = """
        ALTER TABLE job ADD COLUMN told_address TEXT;
        ALTER TABLE job ADD COLUMN told_types TEXT;
        CREATE TABLE notice (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            job_id TEXT NOT NULL,
            owner TEXT NOT NULL,
            address TEXT NOT NULL,
            seq INTEGER NOT NULL,
            epoch INTEGER NOT NULL,
            type TEXT NOT NULL,
            time INTEGER NOT NULL,
            data BLOB NOT NULL,
            attempts INTEGER NOT NULL,
            due_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX notice_by_time ON notice (due_at, number);
        """

    /// A place to try writing in.
    private static let probe = """
        CREATE TABLE probe (
            number INTEGER PRIMARY KEY,
            bytes BLOB NOT NULL
        ) STRICT;
        """

    /// Data sets by owner, and the files that jobs need. Jobs that are there already name theirs in their payload, where
    /// the payload is the service's own.
    private static let datasets = """
        CREATE TABLE dataset (
            number INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            owner TEXT NOT NULL,
            name TEXT,
            created_at INTEGER NOT NULL,
            blob TEXT NOT NULL,
            format TEXT NOT NULL,
            byte_count INTEGER NOT NULL,
            profile BLOB NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX dataset_by_name ON dataset (owner, name) WHERE name IS NOT NULL;
        CREATE INDEX dataset_by_owner ON dataset (owner, id);
        CREATE INDEX dataset_by_blob ON dataset (blob);

        CREATE TABLE job_blob (
            job INTEGER NOT NULL REFERENCES job (number) ON DELETE CASCADE,
            blob TEXT NOT NULL,
            PRIMARY KEY (job, blob)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX job_blob_by_blob ON job_blob (blob);

        INSERT OR IGNORE INTO job_blob (job, blob)
            SELECT texts.job, entry.value
            FROM (SELECT job, CAST(bytes AS TEXT) AS text FROM payload) AS texts,
                json_each(CASE WHEN json_valid(texts.text) THEN texts.text ELSE '{}' END, '$.datasets') AS entry
            WHERE entry.type = 'text';
        """
}
