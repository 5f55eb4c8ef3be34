-- Tokens by which programs use the API, and what requests that may come twice were answered. `api_token` and `api_answer` belong to the
-- provider, not to a clinic; where a token may ask stands in `api_token_clinic`.

-- A token. Only its hash is here; it was shown once.
CREATE TABLE api_token (
    token_id          BLOB    NOT NULL PRIMARY KEY CHECK (length(token_id) = 16), -- random; names it for people; fixed
    token_hash        BLOB    NOT NULL UNIQUE CHECK (length(token_hash) = 32), -- SHA-256 of the token; fixed
    title             TEXT    NOT NULL,                 -- what it is for, in a few words; fixed
    scopes            TEXT    NOT NULL,                 -- words of access::Scope, blanks between; fixed
    person            TEXT    NOT NULL,                 -- who made it, by the name to sign in; fixed
    created_ms        INTEGER NOT NULL,                 -- fixed
    until_ms          INTEGER NOT NULL,                 -- it ends; fixed
    revoked_ms        INTEGER,                          -- NULL: nobody ended it earlier
    used_ms           INTEGER NOT NULL                  -- when it was last used, to the hour; 0: never
) STRICT, WITHOUT ROWID;

-- Where a token may ask.
CREATE TABLE api_token_clinic (
    clinic_id         BLOB    NOT NULL REFERENCES clinic,
    token_id          BLOB    NOT NULL REFERENCES api_token,
    PRIMARY KEY (clinic_id, token_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX api_token_clinic_of_token ON api_token_clinic (token_id, clinic_id);

-- What a request with an Idempotency-Key was answered, for a day: who asks again is answered the same and nothing is done twice.
CREATE TABLE api_answer (
    asker             BLOB    NOT NULL CHECK (length(asker) = 16), -- person.person_id or api_token.token_id
    key               TEXT    NOT NULL,                 -- as the asker chose it
    request           BLOB    NOT NULL CHECK (length(request) = 32), -- SHA-256 of path, If-Match and body
    status            INTEGER NOT NULL,                 -- 0: under way
    location          TEXT    NOT NULL,                 -- where what was made is; empty: nowhere
    body              TEXT    NOT NULL,                 -- without what is shown once
    made_ms           INTEGER NOT NULL,
    PRIMARY KEY (asker, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX api_answer_of_age ON api_answer (made_ms);
