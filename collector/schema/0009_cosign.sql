-- Reviewers' keys that a clinic registered, and the checkpoints that were cosigned with them (C2SP tlog-cosignature).

-- Never deleted: a key that was removed stays, so that it is not taken for a new one. Each change is a statement in the ledger.
CREATE TABLE reviewer_key (
    clinic_id         BLOB    NOT NULL REFERENCES clinic,
    vkey              TEXT    NOT NULL,                 -- name, id, kind 04 and public key: the one text form
    name              TEXT    NOT NULL,                 -- the name in it
    since_ms          INTEGER NOT NULL,                 -- when it was registered
    person            TEXT    NOT NULL,                 -- by whom, by the name to sign in
    statement         BLOB    NOT NULL,                 -- hash of the statement
    removed_ms        INTEGER,                          -- NULL: it is registered now
    removed_by        TEXT,                             -- by the name to sign in
    removal           BLOB,                             -- hash of the statement
    CHECK ((removed_ms IS NULL) = (removed_by IS NULL) AND (removed_ms IS NULL) = (removal IS NULL)),
    PRIMARY KEY (clinic_id, vkey)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX reviewer_key_now ON reviewer_key (clinic_id, name) WHERE removed_ms IS NULL;

-- Cosignatures that hold, of checkpoints that are the beginning of this ledger.
CREATE TABLE cosignature (
    clinic_id         BLOB    NOT NULL REFERENCES clinic,
    generation        INTEGER NOT NULL,                 -- of the ledger
    size              INTEGER NOT NULL,                 -- entries of the checkpoint
    signer            TEXT    NOT NULL,                 -- reviewer_key.vkey
    line              TEXT    NOT NULL,                 -- the cosignature line, its newline included
    note              TEXT    NOT NULL,                 -- the checkpoint with its keeper's signature alone
    time_s            INTEGER NOT NULL,                 -- seconds since 1970 by the reviewer's clock; what he signed
    came_ms           INTEGER NOT NULL,                 -- when it was handed in
    PRIMARY KEY (clinic_id, generation, size, signer),
    FOREIGN KEY (clinic_id, signer) REFERENCES reviewer_key
) STRICT, WITHOUT ROWID;
