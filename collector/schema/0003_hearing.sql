-- What the judge remembers of a sensor beside its newest state: how well it heard, when its reports came. Can be made again from
-- the envelopes, as the rest of `judged`.

-- Up to which moment of the archive's clock was judged what passes by itself: silence, a state that a person changed.
ALTER TABLE judged ADD COLUMN stood_ms INTEGER NOT NULL DEFAULT 0;
-- collector::judge::hearing, postcard: sums of coverage, hosts that are always there (pseudonyms), how far the clock is off.
ALTER TABLE judged ADD COLUMN hearing BLOB NOT NULL DEFAULT x'';
