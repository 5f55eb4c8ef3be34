-- What came with the network: how sensors and reviewers are let in, what receipts prove.

-- One-time codes. A code by itself grants nothing: who uses it becomes a sensor that waits for a person.
CREATE TABLE enrol_code (
    clinic_id         BLOB    NOT NULL,
    code_id           BLOB    NOT NULL UNIQUE CHECK (length(code_id) = 5), -- the public half of the code; fixed
    site              TEXT    NOT NULL,                 -- where its sensor will be; fixed
    key               BLOB    NOT NULL,                 -- secret: report::code::CodeKey, sealed (authority::Vault); empty once used
    created_ms        INTEGER NOT NULL,                 -- fixed
    expires_ms        INTEGER NOT NULL,                 -- fixed
    failures          INTEGER NOT NULL,                 -- wrong proofs; at five the code is burnt
    used_ms           INTEGER,                          -- NULL: not used yet
    sensor_id         BLOB,                             -- who used it
    PRIMARY KEY (clinic_id, code_id),
    FOREIGN KEY (clinic_id, site) REFERENCES site
) STRICT, WITHOUT ROWID;

-- What a person is shown to recognise a sensor by: hints, proved by nothing.
CREATE TABLE sensor_hint (
    clinic_id         BLOB    NOT NULL,
    sensor_id         BLOB    NOT NULL,
    agent             TEXT    NOT NULL,                 -- version of its program (report::version, no free text); empty: none
    serial            BLOB,                             -- hash of the machine's serial number: a machine that comes back is noticed
    clock             INTEGER NOT NULL,                 -- how good its clock was: place in report::header::Clock
    peer              TEXT    NOT NULL,                 -- the address that it came from
    enrolled_ms       INTEGER NOT NULL,
    PRIMARY KEY (clinic_id, sensor_id),
    FOREIGN KEY (clinic_id, sensor_id) REFERENCES sensor
) STRICT, WITHOUT ROWID;

-- Tokens by which a reviewer, or a machine of a clinic, reads that clinic's ledger.
CREATE TABLE ledger_token (
    clinic_id         BLOB    NOT NULL REFERENCES clinic,
    token_hash        BLOB    NOT NULL UNIQUE CHECK (length(token_hash) = 32), -- SHA-256 of the token; the token is shown once
    whose             TEXT    NOT NULL,                 -- a few words of who made it
    until_ms          INTEGER NOT NULL,                 -- it ends
    created_ms        INTEGER NOT NULL,
    PRIMARY KEY (clinic_id, token_hash)
) STRICT, WITHOUT ROWID;

-- The newest report of each sensor that stands in its clinic's ledger: what a receipt proves. Can be made again from the leaves.
CREATE TABLE ledger_newest (
    clinic_id         BLOB    NOT NULL REFERENCES clinic,
    sensor_id         BLOB    NOT NULL,
    generation        INTEGER NOT NULL,
    epoch             INTEGER NOT NULL,
    seq               INTEGER NOT NULL,                 -- its place in the sensor's chain
    received_ms       INTEGER NOT NULL,                 -- as in its leaf
    leaf_index        INTEGER NOT NULL,
    PRIMARY KEY (clinic_id, sensor_id)
) STRICT, WITHOUT ROWID;

-- What came of one sensor behind a report, without looking at all that came of others.
CREATE INDEX report_of_sensor ON report (clinic_id, sensor_id, report_id);
