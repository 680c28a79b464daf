-- Demand over several segments that has come to no end, by the request that it answers.
CREATE INDEX document_by_request ON document (segment, note) WHERE kind = 7 AND state = 1;
