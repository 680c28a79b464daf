-- name: place
-- Places names that have no place yet, where it is asked for. What a segment has already, put by a server that knew no
-- other, stays there.
INSERT INTO placement (kind, name, segment)
SELECT %(kind)s, wanted.name, coalesce(
    CASE WHEN %(kind)s = 1 THEN (SELECT min(l.segment) FROM location l WHERE l.location = wanted.name)
                           ELSE (SELECT min(c.segment) FROM channel c WHERE c.channel = wanted.name) END,
    wanted.segment)
FROM unnest(%(names)s::text[], %(segments)s::text[]) AS wanted (name, segment)
ORDER BY wanted.name
ON CONFLICT (kind, name) DO NOTHING

-- name: places
-- Where names lie; those that lie nowhere are left out.
SELECT p.name, p.segment FROM placement p WHERE p.kind = %(kind)s AND p.name = ANY (%(names)s::text[])
UNION ALL
SELECT l.location, min(l.segment) FROM location l
WHERE %(kind)s = 1 AND l.location = ANY (%(names)s::text[])
  AND NOT EXISTS (SELECT 1 FROM placement p WHERE p.kind = 1 AND p.name = l.location)
GROUP BY l.location
UNION ALL
SELECT c.channel, min(c.segment) FROM channel c
WHERE %(kind)s = 2 AND c.channel = ANY (%(names)s::text[])
  AND NOT EXISTS (SELECT 1 FROM placement p WHERE p.kind = 2 AND p.name = c.channel)
GROUP BY c.channel

-- name: segments_of_channels
-- The segments in which the pools of channels have locations, of those asked about.
SELECT c.channel, c.segment FROM channel c
JOIN pool p ON p.segment = c.segment AND p.pool = c.pool
WHERE c.segment = ANY (%(segments)s::text[]) AND c.channel = ANY (%(channels)s::text[]) AND cardinality(p.locations) > 0

-- name: locations_of_channel
-- The locations that a channel sells from, in those of the segments asked about.
SELECT unnest(p.locations) FROM channel c
JOIN pool p ON p.segment = c.segment AND p.pool = c.pool
WHERE c.segment = ANY (%(segments)s::text[]) AND c.channel = %(channel)s

-- name: segments_of_documents
-- The segments that have a document of a kind with this id, of those asked about.
SELECT d.segment FROM document d
WHERE d.segment = ANY (%(segments)s::text[]) AND d.kind = %(kind)s AND d.document_id = %(document_id)s

-- name: segments_of_pools
-- The segments in which pools have locations, of those asked about.
SELECT p.pool, p.segment FROM pool p
WHERE p.segment = ANY (%(segments)s::text[]) AND p.pool = ANY (%(pools)s::text[]) AND cardinality(p.locations) > 0

-- name: channels_with_shares
-- Those channels, of the ones named and of the ones that sell from the pools named, that have a buffer or an allotment, and
-- the segment that keeps it.
SELECT DISTINCT r.channel, r.segment FROM rule r
WHERE r.segment = ANY (%(segments)s::text[]) AND r.kind IN (2, 3)
  AND (r.channel = ANY (%(channels)s::text[]) OR EXISTS (
      SELECT 1 FROM channel c
      WHERE c.segment = r.segment AND c.channel = r.channel AND c.pool = ANY (%(pools)s::text[])))
ORDER BY r.channel, r.segment

-- name: plans_of_request
-- Plans over several segments for a request that nobody has carried out or given up; layouts.SPLIT_PHASES. Kind and state
-- stand in the statement itself, so that the index of plans by their requests fits.
SELECT d.document_id FROM document d
WHERE d.segment = %(segment)s AND d.note = %(request_id)s AND d.kind = 7 AND d.state = 1 AND d.resolution = 1
ORDER BY d.create_us
LIMIT %(limit)s

-- name: overdue_splits
-- Demands over several segments that somebody must go on with; layouts.SPLIT_PHASES. Kind and state stand in the statement
-- itself, so that the index of live documents fits. A segment's clock may be ahead of this one.
SELECT d.document_id FROM document d, (
    SELECT greatest((extract(epoch FROM clock_timestamp()) * 1000000)::bigint, s.clock_us) AS us
    FROM segment s WHERE s.segment = %(segment)s) now
WHERE d.segment = %(segment)s AND d.kind = 7 AND d.state = 1
  AND (d.update_us, d.document_id) > (%(after_us)s, %(after_id)s::text) AND CASE
    WHEN d.resolution IN (1, 6) THEN d.create_us < now.us - %(plan_us)s
    WHEN d.resolution = 2 THEN d.expected_us <= now.us
    ELSE d.update_us < now.us - %(idle_us)s END
ORDER BY d.update_us, d.document_id
LIMIT %(limit)s
