-- Subscriptions: who follows what, and how far each has come. Times are those of Postgres, in microseconds.

-- name: lock
-- Keeps two servers from creating the last subscription that there may be at once. Taken before any row.
SELECT pg_advisory_xact_lock(hashtext('holdfast subscriptions'), hashtext(%(segment)s))

-- name: is_full
-- Whether there are as many as there may be, without the one of this name.
SELECT count(*) >= %(max_subscriptions)s FROM subscription WHERE segment = %(segment)s AND name <> %(name)s

-- name: put
-- A filter that stays keeps its place; another one begins at the place given here.
INSERT INTO subscription AS known (
    segment, name, description, kind, skus, locations, channels, filter_digest, lineage, position, resume_token,
    acknowledge_us, create_us, update_us
)
SELECT %(segment)s, %(name)s, %(description)s, %(kind)s, %(skus)s::text[], %(locations)s::text[], %(channels)s::text[],
    %(filter_digest)s, %(lineage)s, %(position)s, %(resume_token)s, 0, now_us, now_us
FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now_us) AS clock
ON CONFLICT (segment, name) DO UPDATE SET
    description = excluded.description,
    kind = excluded.kind,
    skus = excluded.skus,
    locations = excluded.locations,
    channels = excluded.channels,
    filter_digest = excluded.filter_digest,
    lineage = CASE WHEN known.filter_digest = excluded.filter_digest THEN known.lineage ELSE excluded.lineage END,
    position = CASE WHEN known.filter_digest = excluded.filter_digest THEN known.position ELSE excluded.position END,
    resume_token =
        CASE WHEN known.filter_digest = excluded.filter_digest THEN known.resume_token ELSE excluded.resume_token END,
    acknowledge_us = CASE WHEN known.filter_digest = excluded.filter_digest THEN known.acknowledge_us ELSE 0 END,
    update_us = CASE
        WHEN (known.filter_digest, known.description) = (excluded.filter_digest, excluded.description)
        THEN known.update_us ELSE excluded.update_us END

-- name: acknowledge
-- Moves the place forward, or into another history. A filter that was changed meanwhile has no such place.
UPDATE subscription SET
    lineage = %(lineage)s,
    position = %(position)s,
    resume_token = %(resume_token)s,
    acknowledge_us = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
WHERE segment = %(segment)s AND name = %(name)s AND filter_digest = %(filter_digest)s
    AND (lineage <> %(lineage)s OR position < %(position)s OR (acknowledge_us = 0 AND position = %(position)s))

-- name: list
-- By name, with how many operations each has not acknowledged, and how old the first of these is.
SELECT s.name, s.description, s.kind, s.skus, s.locations, s.channels, s.filter_digest, s.lineage, s.position,
    s.resume_token, s.acknowledge_us, s.create_us, s.update_us,
    greatest(0, segment.position - s.position),
    coalesce(greatest(0, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - waiting.decide_us), 0)
FROM subscription AS s
JOIN segment ON segment.segment = s.segment
LEFT JOIN operation AS waiting ON waiting.segment = s.segment AND waiting.position = s.position + 1
WHERE s.segment = %(segment)s AND s.name > %(after)s AND (%(name)s::text IS NULL OR s.name = %(name)s::text)
ORDER BY s.name
LIMIT %(limit)s

-- name: delete
DELETE FROM subscription WHERE segment = %(segment)s AND name = %(name)s
