-- Schema 1. In a file of its own, the store also sets `PRAGMA user_version` to this number.

-- One row: the number of the schema, and the last version or fencing number that was given.
CREATE TABLE vouchsafe_store (
    schema INTEGER NOT NULL,
    counter INTEGER NOT NULL
);
INSERT INTO vouchsafe_store (schema, counter) VALUES (1, 0);

-- Keys are compared byte by byte.
CREATE TABLE vouchsafe_records (
    key TEXT NOT NULL PRIMARY KEY COLLATE BINARY,
    version INTEGER NOT NULL,
    data TEXT NOT NULL
);

-- `padding` is the room that a refresh has set aside for its result.
CREATE TABLE vouchsafe_leases (
    key TEXT NOT NULL PRIMARY KEY COLLATE BINARY,
    fence INTEGER NOT NULL,
    padding BLOB
);
