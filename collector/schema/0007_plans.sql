-- What people plan and open beside findings: reviews, breach matters. And what was heard in all: hosts, services, quarters of hours.

-- What people said about reviews and breach matters, one line a saying. Never changed, never deleted: how a matter stands is what its
-- lines add up to. Each is a statement in the ledger.
CREATE TABLE plan_event (
    clinic_id         BLOB    NOT NULL REFERENCES clinic,
    event_no          INTEGER NOT NULL,                 -- 1, 2, ...: the order in which they were said; fixed
    matter_no         INTEGER NOT NULL,                 -- 0: reviews; else which breach matter of the clinic
    what              TEXT    NOT NULL CHECK (what IN ('planned', 'held', 'noted', 'opened', 'moved', 'applies', 'told', 'not-needed',
                                                       'closed', 'again')),
    at_ms             INTEGER NOT NULL,                 -- when it was said
    person            TEXT    NOT NULL,                 -- who, by the name to sign in
    topic             TEXT    NOT NULL,                 -- opened: what it is called; applies: groups of laws; told, not-needed: which clock; held: how much
    when_ms           INTEGER,                          -- planned: when the next is due; held, told: when; opened, moved: when it was discovered
    number            INTEGER,                          -- planned: days between reviews; held: entries of the ledger at that moment
    words             TEXT    NOT NULL,                 -- a person's words
    sensor_id         BLOB,                             -- opened: the finding that it began with; NULL: none
    rule              TEXT,
    subject           BLOB,
    proof             TEXT    NOT NULL,                 -- opened: report, leaf and checkpoint that prove the first hearing, a line each
    statement         BLOB    NOT NULL,                 -- hash of the statement
    PRIMARY KEY (clinic_id, event_no)
) STRICT, WITHOUT ROWID;

-- Hosts that were heard, by their pseudonyms. Can be made again from the envelopes, as the next two tables.
CREATE TABLE asset (
    clinic_id         BLOB    NOT NULL,
    sensor_id         BLOB    NOT NULL,                 -- pseudonyms are a sensor's own
    host              BLOB    NOT NULL CHECK (length(host) = 8), -- report::subject::HostId, the highest octet first
    rank              INTEGER NOT NULL,                 -- 0 medical, 1 serves something, 2 others: the order of the page
    zone              TEXT    NOT NULL,                 -- report::zone::Zone
    maker             BLOB,                             -- the maker's part of its hardware address; NULL: not told
    roles             TEXT    NOT NULL,                 -- words of report::terms::Role, a comma between
    first_ms          INTEGER NOT NULL,                 -- first heard
    last_ms           INTEGER NOT NULL,                 -- last heard, kept to the hour
    PRIMARY KEY (clinic_id, sensor_id, host)
) STRICT, WITHOUT ROWID;
CREATE INDEX asset_in_order ON asset (clinic_id, rank, sensor_id, host);

-- What they offer.
CREATE TABLE asset_service (
    clinic_id         BLOB    NOT NULL,
    sensor_id         BLOB    NOT NULL,
    host              BLOB    NOT NULL,
    transport         TEXT    NOT NULL,                 -- report::subject::Transport
    port              INTEGER NOT NULL,
    protocol          TEXT    NOT NULL,                 -- report::terms::Protocol; empty: not understood
    first_ms          INTEGER NOT NULL,
    last_ms           INTEGER NOT NULL,                 -- kept to the hour
    PRIMARY KEY (clinic_id, sensor_id, host, transport, port)
) STRICT, WITHOUT ROWID;

-- How well a sensor listened on a day.
CREATE TABLE listened (
    clinic_id         BLOB    NOT NULL,
    sensor_id         BLOB    NOT NULL,
    day               INTEGER NOT NULL,                 -- days since 1970
    quarters          BLOB    NOT NULL CHECK (length(quarters) = 12), -- a bit for each quarter of an hour in which it heard; the lowest first
    deaf_s            INTEGER NOT NULL,                 -- seconds in which it ran and heard nothing
    frames            INTEGER NOT NULL,                 -- frames heard
    lost              INTEGER NOT NULL,                 -- frames for which there was no room
    sights            INTEGER NOT NULL,                 -- bit n: an interface had sight n of report::coverage::Sight
    PRIMARY KEY (clinic_id, sensor_id, day)
) STRICT, WITHOUT ROWID;

-- What people of the clinic call a host.
CREATE TABLE asset_label (
    clinic_id         BLOB    NOT NULL REFERENCES clinic,
    sensor_id         BLOB    NOT NULL,
    host              BLOB    NOT NULL,
    label             TEXT    NOT NULL,                 -- a person's words; empty: none any more
    person            TEXT    NOT NULL,                 -- who, by the name to sign in
    at_ms             INTEGER NOT NULL,
    PRIMARY KEY (clinic_id, sensor_id, host)
) STRICT, WITHOUT ROWID;

-- Up to which report the hosts and the hours were written down; what an older program judged is made up for.
ALTER TABLE judged ADD COLUMN noted INTEGER NOT NULL DEFAULT 0;

-- What happened in a period, for the timeline.
CREATE INDEX finding_step_in_time ON finding_step (clinic_id, at_ms);
CREATE INDEX statement_in_time ON statement (clinic_id, stated_ms);
