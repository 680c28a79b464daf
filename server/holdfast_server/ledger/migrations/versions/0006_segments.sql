-- Which segment decides about what. A row never changes: requests of the past are remembered where they were decided.
-- `kind` is that of records.PlacedKind.
CREATE TABLE placement (
    kind    smallint         NOT NULL,
    name    text COLLATE "C" NOT NULL,
    segment text             NOT NULL,
    CONSTRAINT placement_pkey PRIMARY KEY (kind, name)
);

-- What there is already lies where it is. If two segments had the same name of a location, the first one has it.
INSERT INTO placement (kind, name, segment)
SELECT 1, location, min(segment) FROM location GROUP BY location
UNION ALL
SELECT 2, channel, min(segment) FROM channel GROUP BY channel;

-- Demand over several segments: documents of a seventh kind. The table of documents is read once to see that the constraint
-- holds.
ALTER TABLE document
    DROP CONSTRAINT document_kind_known,
    ADD CONSTRAINT document_kind_known CHECK (kind BETWEEN 1 AND 7);
