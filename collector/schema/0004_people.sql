-- People: who works with the archive, what each may see until when, who did and who looked, what was decided. `person`, `person_session`
-- and `invitation` belong to the provider, not to a clinic; everything else names its clinic (empty: the provider's own).

-- A person who may sign in.
CREATE TABLE person (
    person_id         BLOB    NOT NULL PRIMARY KEY CHECK (length(person_id) = 16), -- random; fixed
    name              TEXT    NOT NULL UNIQUE,          -- what is typed to sign in; fixed
    title             TEXT    NOT NULL,                 -- what others read: a person's own name; may change
    state             TEXT    NOT NULL CHECK (state IN ('new', 'active', 'disabled')), -- new: has not shown the second factor yet
    is_admin          INTEGER NOT NULL CHECK (is_admin IN (0, 1)), -- 1: provider-admin; sees every clinic
    password          TEXT    NOT NULL,                 -- secret: access::secret, argon2id with its salt and cost
    totp              BLOB    NOT NULL,                 -- secret: the key of the second factor, sealed (authority::Vault)
    totp_step         INTEGER NOT NULL,                 -- the newest step that was used: none is used twice
    created_ms        INTEGER NOT NULL                  -- fixed
) STRICT, WITHOUT ROWID;

-- What a person may at a clinic.
CREATE TABLE person_grant (
    clinic_id         BLOB    NOT NULL REFERENCES clinic,
    person_id         BLOB    NOT NULL REFERENCES person,
    role              TEXT    NOT NULL CHECK (role IN ('technician', 'clinic-viewer', 'reviewer')),
    until_ms          INTEGER,                          -- it ends; NULL: it does not (a reviewer's always does)
    created_ms        INTEGER NOT NULL,
    PRIMARY KEY (clinic_id, person_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX person_grant_of_person ON person_grant (person_id, clinic_id);

-- Who is signed in. The token is in a cookie; only its hash is here.
CREATE TABLE person_session (
    token_hash        BLOB    NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32), -- SHA-256 of the token
    person_id         BLOB    NOT NULL REFERENCES person,
    stage             TEXT    NOT NULL CHECK (stage IN ('second', 'full')), -- second: must still show the second factor for the first time
    created_ms        INTEGER NOT NULL,                 -- it ends twelve hours later
    seen_ms           INTEGER NOT NULL                  -- it ends half an hour later; kept to the minute
) STRICT, WITHOUT ROWID;
CREATE INDEX person_session_of_person ON person_session (person_id);

-- One-time codes by which people make their accounts; also the first administrator's.
CREATE TABLE invitation (
    code_hash         BLOB    NOT NULL PRIMARY KEY CHECK (length(code_hash) = 32), -- SHA-256 of 128 random bits; the code is shown once
    is_admin          INTEGER NOT NULL CHECK (is_admin IN (0, 1)),
    role              TEXT    NOT NULL,                 -- of the grant that comes with it; empty: none
    clinics           TEXT    NOT NULL,                 -- names of clinics, one a line
    grant_until_ms    INTEGER,                          -- as person_grant.until_ms
    person_id         BLOB,                             -- who began to use it; NULL: nobody yet
    created_ms        INTEGER NOT NULL,
    expires_ms        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who did and who looked. Never changed, never deleted.
CREATE TABLE audit (
    audit_id          INTEGER PRIMARY KEY,              -- order in which it happened
    clinic_id         BLOB    NOT NULL,                 -- empty: the provider's own matters
    at_ms             INTEGER NOT NULL,
    person            TEXT    NOT NULL,                 -- the name by which one signs in; empty: nobody was signed in
    what              TEXT    NOT NULL,                 -- a word of web::ROUTES or access: `signed-in`, `looked`, `decided`
    about             TEXT    NOT NULL,                 -- the path, or what was done
    peer              TEXT    NOT NULL                  -- the address that it came from
) STRICT;
CREATE INDEX audit_of_clinic ON audit (clinic_id, audit_id);

-- What people decided about findings. Each is a statement in the ledger; the newest of a finding counts.
CREATE TABLE decision (
    decision_id       INTEGER PRIMARY KEY,
    clinic_id         BLOB    NOT NULL REFERENCES clinic,
    sensor_id         BLOB    NOT NULL,
    rule              TEXT    NOT NULL,
    subject           BLOB    NOT NULL,
    what              TEXT    NOT NULL CHECK (what IN ('accepted', 'not-true', 'fixed', 'open')), -- open: taken back
    reason            TEXT    NOT NULL,                 -- a person's words
    until_ms          INTEGER,                          -- accepted: until then
    severity          INTEGER NOT NULL,                 -- of the finding then: when it becomes worse, it asks again
    person            TEXT    NOT NULL,                 -- who, by the name to sign in
    decided_ms        INTEGER NOT NULL,
    statement         BLOB    NOT NULL                  -- hash of the statement
) STRICT;
CREATE INDEX decision_of_finding ON decision (clinic_id, sensor_id, rule, subject, decision_id);

-- One octet a day of each clinic, for its strip: the worst that was open, and whether anybody listened. Can be made again.
CREATE TABLE strip (
    clinic_id         BLOB    NOT NULL PRIMARY KEY REFERENCES clinic,
    last_day          INTEGER NOT NULL,                 -- the day of the last octet; days since 1970
    cells             BLOB    NOT NULL                  -- the low four bits: 0 nothing open, 1 info ... 5 critical; bit 0x80: a sensor was heard
) STRICT, WITHOUT ROWID;

CREATE INDEX finding_open ON finding (clinic_id, severity) WHERE closed_ms IS NULL;
