-- Schema 1.

-- One row: the number of the schema.
CREATE TABLE vouchsafe_store (
    schema integer NOT NULL
);
INSERT INTO vouchsafe_store (schema) VALUES (1);

-- The last version or fencing number that was given.
CREATE SEQUENCE vouchsafe_counter;

-- Keys are compared byte by byte. Free space in each page keeps an update on the page of its record.
CREATE TABLE vouchsafe_records (
    key text COLLATE "C" NOT NULL PRIMARY KEY,
    version bigint NOT NULL,
    data text NOT NULL,
    fence bigint,
    lease_ends timestamptz
) WITH (fillfactor = 80);
