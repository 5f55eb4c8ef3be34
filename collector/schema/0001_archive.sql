-- The archive of a provider, in SQLite. Each column: meaning, unit; "fixed" = never changes once written; "secret".
-- `clinic_id` leads every key: a statement that does not name it reads nothing of value (a test reads every statement).
-- Times are milliseconds since 1970 by the collector's clock, unless a column says "sensor's clock".

-- A clinic: one tenant with one ledger.
CREATE TABLE clinic (
    clinic_id         BLOB    NOT NULL PRIMARY KEY CHECK (length(clinic_id) = 16), -- random; fixed
    name              TEXT    NOT NULL UNIQUE,          -- short word by which operators name it; may change
    title             TEXT    NOT NULL,                 -- what people call it; may change
    state             TEXT    NOT NULL CHECK (state IN ('active', 'closed')), -- closed: nothing more is taken in
    ledger_id         BLOB    NOT NULL UNIQUE CHECK (length(ledger_id) = 16), -- random, stands in every report; fixed
    generation        INTEGER NOT NULL,                 -- of the ledger; grows when it begins again after a restore
    quota_octets_day  INTEGER NOT NULL,                 -- octets of reports that it may add a day; may change
    last_received_ms  INTEGER NOT NULL,                 -- newest time given to a report; never goes back
    created_ms        INTEGER NOT NULL                  -- fixed
) STRICT, WITHOUT ROWID;

-- A place of a clinic.
CREATE TABLE site (
    clinic_id         BLOB    NOT NULL REFERENCES clinic,
    name              TEXT    NOT NULL,                 -- short word; fixed
    title             TEXT    NOT NULL,                 -- what people call it; may change
    PRIMARY KEY (clinic_id, name)
) STRICT, WITHOUT ROWID;

-- An enrolled agent. It is named after its first public key, so the same device is the same sensor for ever.
CREATE TABLE sensor (
    clinic_id         BLOB    NOT NULL REFERENCES clinic,
    sensor_id         BLOB    NOT NULL CHECK (length(sensor_id) = 16), -- fixed
    site              TEXT    NOT NULL,                 -- may change
    state             TEXT    NOT NULL CHECK (state IN ('pending', 'active', 'revoked', 'quarantine')), -- may change
    why               TEXT    NOT NULL,                 -- one word: why it is in this state
    changed_ms        INTEGER NOT NULL,                 -- when the state last changed
    created_ms        INTEGER NOT NULL,                 -- fixed
    PRIMARY KEY (clinic_id, sensor_id),
    FOREIGN KEY (clinic_id, site) REFERENCES site
) STRICT, WITHOUT ROWID;

-- The keys that a sensor signed with. Trusted for letting reports in; a bundle proves them again.
CREATE TABLE sensor_key (
    clinic_id         BLOB    NOT NULL,
    sensor_id         BLOB    NOT NULL,
    key_no            INTEGER NOT NULL,                 -- 0 is the first; fixed
    public            BLOB    NOT NULL CHECK (length(public) = 32), -- Ed25519; fixed
    since_ms          INTEGER NOT NULL,                 -- fixed
    PRIMARY KEY (clinic_id, sensor_id, key_no),
    FOREIGN KEY (clinic_id, sensor_id) REFERENCES sensor
) STRICT, WITHOUT ROWID;

-- What changes with every contact; nothing else hangs on it.
CREATE TABLE sensor_state (
    clinic_id         BLOB    NOT NULL,
    sensor_id         BLOB    NOT NULL,
    head              BLOB,                             -- end of the unbroken chain (report::chain::Head, postcard); NULL: none
    last_report_ms    INTEGER NOT NULL,                 -- when a report last came
    clock_off_ms      INTEGER NOT NULL,                 -- sensor's clock minus ours at the last report
    clock             INTEGER NOT NULL,                 -- how good the sensor's clock is: place in report::header::Clock
    PRIMARY KEY (clinic_id, sensor_id),
    FOREIGN KEY (clinic_id, sensor_id) REFERENCES sensor
) STRICT, WITHOUT ROWID;

-- Reports. The envelope is what was signed, octet by octet, for ever; all other columns can be read from it again.
CREATE TABLE report (
    report_id         INTEGER PRIMARY KEY,              -- order of arrival; fixed
    clinic_id         BLOB    NOT NULL,
    sensor_id         BLOB    NOT NULL,
    epoch             INTEGER NOT NULL,
    seq               INTEGER NOT NULL,                 -- place in the sensor's chain
    hash              BLOB    NOT NULL CHECK (length(hash) = 32), -- SHA-256 of all octets of the envelope
    prev              BLOB    NOT NULL CHECK (length(prev) = 32), -- hash of the report before, as signed
    key_no            INTEGER NOT NULL,                 -- which key signed it
    kind              INTEGER NOT NULL,                 -- place in report::payload::Kind
    opaque            INTEGER NOT NULL CHECK (opaque IN (0, 1)), -- 1: this program could not read the payload
    received_ms       INTEGER NOT NULL,                 -- also in its leaf; fixed
    octets            INTEGER NOT NULL,                 -- length of the envelope
    envelope          BLOB,                             -- confidential (the map of a network); NULL once erased by rule
    UNIQUE (clinic_id, sensor_id, epoch, seq),
    FOREIGN KEY (clinic_id, sensor_id) REFERENCES sensor
) STRICT;

-- Reports that contradict others: kept as evidence, never erased.
CREATE TABLE fork (
    fork_id           INTEGER PRIMARY KEY,
    clinic_id         BLOB    NOT NULL,
    sensor_id         BLOB    NOT NULL,
    epoch             INTEGER NOT NULL,
    seq               INTEGER NOT NULL,
    hash              BLOB    NOT NULL CHECK (length(hash) = 32),
    why               TEXT    NOT NULL,                 -- the step of the chain that failed
    received_ms       INTEGER NOT NULL,
    envelope          BLOB    NOT NULL,                 -- confidential
    UNIQUE (clinic_id, sensor_id, hash),
    FOREIGN KEY (clinic_id, sensor_id) REFERENCES sensor
) STRICT;

-- The newest sign of life of each sensor.
CREATE TABLE heartbeat (
    clinic_id         BLOB    NOT NULL,
    sensor_id         BLOB    NOT NULL,
    received_ms       INTEGER NOT NULL,
    envelope          BLOB    NOT NULL,                 -- as signed
    PRIMARY KEY (clinic_id, sensor_id),
    FOREIGN KEY (clinic_id, sensor_id) REFERENCES sensor
) STRICT, WITHOUT ROWID;

-- What was added on a day, for quotas. Rows of past days may be deleted.
CREATE TABLE usage (
    clinic_id         BLOB    NOT NULL,
    day               INTEGER NOT NULL,                 -- days since 1970
    sensor_id         BLOB    NOT NULL,                 -- empty: the whole clinic
    octets            INTEGER NOT NULL,
    PRIMARY KEY (clinic_id, day, sensor_id)
) STRICT, WITHOUT ROWID;

-- What was refused: counts and the newest hash, never the body. Rows of past days may be deleted.
CREATE TABLE refusal (
    clinic_id         BLOB    NOT NULL,                 -- empty where the clinic is not known
    day               INTEGER NOT NULL,
    sensor_id         BLOB    NOT NULL,                 -- empty where the sensor is not known
    why               TEXT    NOT NULL,
    times             INTEGER NOT NULL,
    last_hash         BLOB    NOT NULL,
    PRIMARY KEY (clinic_id, day, sensor_id, why)
) STRICT, WITHOUT ROWID;

-- Texts that people or this program stated, each with a leaf. Kept as written.
CREATE TABLE statement (
    clinic_id         BLOB    NOT NULL REFERENCES clinic,
    hash              BLOB    NOT NULL CHECK (length(hash) = 32), -- report::leaf::statement_hash
    sensor_id         BLOB    NOT NULL CHECK (length(sensor_id) = 16), -- whom it is about; zero: no sensor
    kind              INTEGER NOT NULL,                 -- place in report::leaf::LeafKind
    text              TEXT    NOT NULL,                 -- fixed
    stated_ms         INTEGER NOT NULL,
    PRIMARY KEY (clinic_id, hash)
) STRICT, WITHOUT ROWID;

-- Leaves that wait for the next round, in the order in which they were committed.
CREATE TABLE ledger_queue (
    queue_id          INTEGER PRIMARY KEY AUTOINCREMENT,
    clinic_id         BLOB    NOT NULL,
    leaf              BLOB    NOT NULL CHECK (length(leaf) = 89)
) STRICT;
CREATE INDEX ledger_queue_of_clinic ON ledger_queue (clinic_id, queue_id);

-- A round that was begun: applied as it stands, also after a crash. There is never a second note for its size.
CREATE TABLE ledger_plan (
    clinic_id         BLOB    NOT NULL PRIMARY KEY REFERENCES clinic,
    last_queue_id     INTEGER NOT NULL,                 -- takes the queue up to here
    size              INTEGER NOT NULL,
    root              BLOB    NOT NULL CHECK (length(root) = 32),
    note              TEXT    NOT NULL                  -- the signed checkpoint
) STRICT, WITHOUT ROWID;

-- The newest checkpoint of each ledger.
CREATE TABLE ledger_head (
    clinic_id         BLOB    NOT NULL PRIMARY KEY REFERENCES clinic,
    size              INTEGER NOT NULL,
    root              BLOB    NOT NULL CHECK (length(root) = 32),
    note              TEXT    NOT NULL,
    changed_ms        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Leaves of the ledger. Tiles on the disk are made of them and can be made again.
CREATE TABLE ledger_leaf (
    clinic_id         BLOB    NOT NULL,
    generation        INTEGER NOT NULL,
    leaf_index        INTEGER NOT NULL,
    object            BLOB    NOT NULL CHECK (length(object) = 32), -- hash of the report or statement
    leaf              BLOB    NOT NULL CHECK (length(leaf) = 89),
    PRIMARY KEY (clinic_id, generation, leaf_index),
    UNIQUE (clinic_id, generation, object)
) STRICT, WITHOUT ROWID;

-- How far each sensor's reports were judged. Can be made again from the envelopes, as the next two tables.
CREATE TABLE judged (
    clinic_id         BLOB    NOT NULL,
    sensor_id         BLOB    NOT NULL,
    report_id         INTEGER NOT NULL,                 -- the last report that was judged
    day               INTEGER NOT NULL,                 -- the last day at whose beginning was judged; days since 1970
    heard_to_ms       INTEGER NOT NULL,                 -- end of the newest window; sensor's clock
    heard_ms          INTEGER NOT NULL,                 -- how long the sensor has heard in all
    PRIMARY KEY (clinic_id, sensor_id)
) STRICT, WITHOUT ROWID;

-- Findings, open and past.
CREATE TABLE finding (
    clinic_id         BLOB    NOT NULL,
    sensor_id         BLOB    NOT NULL,
    rule              TEXT    NOT NULL,                 -- id in the catalogue
    subject           BLOB    NOT NULL,                 -- report::subject::Subject, postcard
    rule_version      INTEGER NOT NULL,
    severity          INTEGER NOT NULL,                 -- 0 info ... 4 critical
    confidence        INTEGER NOT NULL,                 -- percent
    proof             BLOB    NOT NULL,                 -- facts and zones that it last rested on, postcard
    opened_ms         INTEGER NOT NULL,                 -- since when: first opened, or opened again
    changed_ms        INTEGER NOT NULL,                 -- when its severity last changed
    holds             INTEGER NOT NULL CHECK (holds IN (0, 1)), -- 0: no longer, but nothing heard says that it is gone
    held_ms           INTEGER NOT NULL,                 -- when it was last heard to hold
    held_heard_ms     INTEGER NOT NULL,                 -- judged.heard_ms at that time: silence is counted from there
    closed_ms         INTEGER,                          -- NULL: open
    closed_by         TEXT CHECK (closed_by IN ('heard', 'silence', 'date')),
    times_opened      INTEGER NOT NULL,
    PRIMARY KEY (clinic_id, sensor_id, rule, subject)
) STRICT, WITHOUT ROWID;

-- What became of findings, step by step.
CREATE TABLE finding_step (
    clinic_id         BLOB    NOT NULL,
    sensor_id         BLOB    NOT NULL,
    rule              TEXT    NOT NULL,
    subject           BLOB    NOT NULL,
    step_no           INTEGER NOT NULL,
    at_ms             INTEGER NOT NULL,
    what              TEXT    NOT NULL CHECK (what IN ('opened', 'worse', 'milder', 'fixed', 'came back')),
    severity          INTEGER NOT NULL,
    report_id         INTEGER,                          -- the report that showed it; NULL: a date passed
    PRIMARY KEY (clinic_id, sensor_id, rule, subject, step_no)
) STRICT, WITHOUT ROWID;
