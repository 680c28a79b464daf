-- Postings: what other systems have booked of a reservation. They are documents of a sixth kind. The table of documents is
-- read once to see that the constraint holds.
ALTER TABLE document
    DROP CONSTRAINT document_kind_known,
    ADD CONSTRAINT document_kind_known CHECK (kind BETWEEN 1 AND 6);
