-- How people come in again and who confirms whom: proposals of technicians, comments of reviewers, one-time codes for who lost a password,
-- identities that another service vouches for, when the second factor was last shown.

-- When the second factor was last shown in this session: what has consequences asks for it again after five minutes.
ALTER TABLE person_session ADD COLUMN proved_ms INTEGER NOT NULL DEFAULT 0;

-- What a technician proposes about a finding; somebody else decides.
CREATE TABLE proposal (
    proposal_id       INTEGER PRIMARY KEY,
    clinic_id         BLOB    NOT NULL REFERENCES clinic,
    sensor_id         BLOB    NOT NULL,
    rule              TEXT    NOT NULL,
    subject           BLOB    NOT NULL,
    what              TEXT    NOT NULL CHECK (what IN ('accepted', 'not-true', 'fixed', 'open')), -- as decision.what
    reason            TEXT    NOT NULL,                 -- a person's words
    until_ms          INTEGER,                          -- as decision.until_ms
    person            TEXT    NOT NULL,                 -- who proposes, by the name to sign in
    proposed_ms       INTEGER NOT NULL,
    answer            TEXT CHECK (answer IN ('confirmed', 'declined', 'replaced')), -- NULL: it waits; replaced: by a newer one
    answered_by       TEXT,                             -- by the name to sign in; never who proposes
    answered_ms       INTEGER,
    CHECK (answered_by IS NULL OR answered_by <> person OR answer = 'replaced')
) STRICT;
CREATE INDEX proposal_of_finding ON proposal (clinic_id, sensor_id, rule, subject, proposal_id);
CREATE INDEX proposal_waiting ON proposal (clinic_id, proposal_id) WHERE answer IS NULL;

-- What people said about a finding. Each is a statement in the ledger; it changes nothing.
CREATE TABLE comment (
    comment_id        INTEGER PRIMARY KEY,
    clinic_id         BLOB    NOT NULL REFERENCES clinic,
    sensor_id         BLOB    NOT NULL,
    rule              TEXT    NOT NULL,
    subject           BLOB    NOT NULL,
    words             TEXT    NOT NULL,
    person            TEXT    NOT NULL,                 -- by the name to sign in
    said_ms           INTEGER NOT NULL,
    statement         BLOB    NOT NULL                  -- hash of the statement
) STRICT;
CREATE INDEX comment_of_finding ON comment (clinic_id, sensor_id, rule, subject, comment_id);

-- One-time codes for who lost a password or a second factor. What is new is kept here until the new second factor was shown.
CREATE TABLE person_reset (
    person_id         BLOB    NOT NULL PRIMARY KEY REFERENCES person, -- one for each person: a newer code replaces an older one
    code_hash         BLOB    NOT NULL UNIQUE CHECK (length(code_hash) = 32), -- SHA-256 of 128 random bits; the code is shown once
    password          TEXT,                             -- secret: as person.password; NULL: nobody has used the code yet
    totp              BLOB,                             -- secret: as person.totp
    created_ms        INTEGER NOT NULL,
    expires_ms        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Whom another service (OpenID Connect) vouches for. Nobody gets an account by it: an invitation binds it.
CREATE TABLE person_identity (
    issuer            TEXT    NOT NULL,                 -- as the service writes its address
    subject           TEXT    NOT NULL,                 -- the service's own word for the person; means nothing elsewhere
    person_id         BLOB    NOT NULL REFERENCES person,
    created_ms        INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;

-- Who was sent to that service and has not come back yet. Used once.
CREATE TABLE person_flow (
    state_hash        BLOB    NOT NULL PRIMARY KEY CHECK (length(state_hash) = 32), -- SHA-256 of the state and the browser's token
    nonce             TEXT    NOT NULL,                 -- must stand in the answer
    verifier          TEXT    NOT NULL,                 -- secret: of the proof key (RFC 7636)
    next              TEXT    NOT NULL,                 -- where to go on
    code_hash         BLOB,                             -- the invitation that is to be bound; NULL: none
    title             TEXT    NOT NULL,                 -- of a new account: what others read
    name              TEXT    NOT NULL,                 -- of a new account: the name in lists and statements
    session_hash      BLOB,                             -- the session that shows its factor again; NULL: signs in
    created_ms        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A reviewer's access always ends, whoever writes it down.
CREATE TRIGGER person_grant_ends BEFORE INSERT ON person_grant
WHEN NEW.role = 'reviewer' AND NEW.until_ms IS NULL
BEGIN
    SELECT RAISE(ABORT, 'a reviewer''s access ends');
END;
CREATE TRIGGER person_grant_still_ends BEFORE UPDATE ON person_grant
WHEN NEW.role = 'reviewer' AND NEW.until_ms IS NULL
BEGIN
    SELECT RAISE(ABORT, 'a reviewer''s access ends');
END;
