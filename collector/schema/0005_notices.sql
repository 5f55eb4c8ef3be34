-- Notices: what happened and is worth telling, who is told, and what became of it. `parcel` belongs to the provider, not to a clinic:
-- its recipients stand in the settings, and a digest speaks of several clinics.

-- What happened to a matter: a finding, or something that has a date. Written in the transaction that changes the finding; kept for
-- good, so that findings that are made again (`rebuild`) are not told again.
CREATE TABLE news (
    news_id           INTEGER PRIMARY KEY AUTOINCREMENT, -- order in which it became known
    clinic_id         BLOB    NOT NULL REFERENCES clinic,
    matter            BLOB    NOT NULL CHECK (length(matter) = 32), -- which finding, deadline or review: a hash; fixed
    what              TEXT    NOT NULL CHECK (what IN ('opened', 'worse', 'fixed', 'came back', 'decision due', 'deadline due',
                                                       'review due')), -- fixed
    at_ms             INTEGER NOT NULL,                 -- when it happened, or is due; fixed
    sensor_id         BLOB    NOT NULL,                 -- empty: no sensor
    rule              TEXT    NOT NULL,                 -- id in the catalogue; empty: no finding
    severity          INTEGER NOT NULL,                 -- 0 info ... 4 critical
    is_planned        INTEGER NOT NULL CHECK (is_planned IN (0, 1)), -- 1: it was decided who is told
    UNIQUE (clinic_id, matter, what, at_ms)
) STRICT;
CREATE INDEX news_unplanned ON news (news_id) WHERE is_planned = 0;

-- What is sent to one recipient at once: one notice, or a digest of many.
CREATE TABLE parcel (
    parcel_id         INTEGER PRIMARY KEY AUTOINCREMENT,
    stable_id         BLOB    NOT NULL UNIQUE CHECK (length(stable_id) = 16), -- by which a receiver knows that it has it; fixed
    channel           TEXT    NOT NULL,                 -- a name of the settings; fixed
    recipient         TEXT    NOT NULL,                 -- an e-mail address; empty: the channel itself; personal data; fixed
    matter            BLOB    NOT NULL,                 -- as news.matter; empty: a digest; fixed
    state             TEXT    NOT NULL CHECK (state IN ('waiting', 'sent', 'given up', 'forgotten')),
    made_ms           INTEGER NOT NULL,                 -- fixed
    next_ms           INTEGER NOT NULL,                 -- it is not sent before
    tries             INTEGER NOT NULL,                 -- begun, with the one in hand
    lease_ms          INTEGER NOT NULL,                 -- until then somebody sends it; 0: nobody
    done_ms           INTEGER,                          -- when it was sent, given up or forgotten
    why               TEXT    NOT NULL,                 -- why the last try failed, in words for an operator; empty: it did not
    ticket            TEXT    NOT NULL                  -- the number that a ticket system gave its matter; empty: none
) STRICT;
CREATE INDEX parcel_of_state ON parcel (state, channel, next_ms);
CREATE INDEX parcel_of_recipient ON parcel (channel, recipient, matter, parcel_id);

-- Who is told of what: once.
CREATE TABLE notice (
    clinic_id         BLOB    NOT NULL,
    news_id           INTEGER NOT NULL REFERENCES news,
    channel           TEXT    NOT NULL,
    recipient         TEXT    NOT NULL,
    parcel_id         INTEGER NOT NULL REFERENCES parcel,
    PRIMARY KEY (clinic_id, news_id, channel, recipient)
) STRICT, WITHOUT ROWID;
CREATE INDEX notice_of_parcel ON notice (parcel_id);
