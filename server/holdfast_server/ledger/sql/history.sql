-- Questions about the past. Positions of operations have no gap, and neither have the versions of a level; both only grow
-- with time. So what held at a moment is found by halving, over the primary key of operation and the unique key of
-- movement: some thirty look-ups in a ledger of any size, and no index that every write would have to pay for.
-- Where the history was retired up to a boundary, the search begins there, with the opening balances of the levels.

-- name: first_position_at
-- The position of the first operation that is kept and was decided at this time or later; one beyond the last if there is
-- none.
WITH RECURSIVE search (low, high) AS (
    SELECT coalesce((SELECT position FROM retired WHERE segment = %(segment)s), 0) + 1, position + 1
    FROM segment WHERE segment = %(segment)s
    UNION ALL
    SELECT CASE WHEN middle.decide_us < %(time_us)s THEN (low + high) / 2 + 1 ELSE low END,
        CASE WHEN middle.decide_us < %(time_us)s THEN high ELSE (low + high) / 2 END
    FROM search LEFT JOIN LATERAL (
        SELECT decide_us FROM operation WHERE segment = %(segment)s AND position = (low + high) / 2 LIMIT 1
    ) AS middle ON true
    WHERE low < high
)
SELECT low FROM search WHERE low = high

-- name: book_quantities
-- On hand of each (sku, location, status) right after the operation at a position: the balance of the last movement of
-- the level up to it, 0 if there is none. Statuses: 1 sellable, 2 quality_hold, 3 damaged.
WITH RECURSIVE asked AS (
    SELECT sku, location, status, number
    FROM unnest(%(skus)s::text[], %(locations)s::text[], %(statuses)s::smallint[]) WITH ORDINALITY
        AS row (sku, location, status, number)
),
search (number, sku, location, low, high) AS (
    SELECT asked.number, asked.sku, asked.location, coalesce(opening.version, 0), level.version
    FROM asked JOIN stock_level AS level ON level.sku = asked.sku AND level.location = asked.location
    LEFT JOIN opening_balance AS opening
        ON opening.segment = level.segment AND opening.sku = level.sku AND opening.location = level.location
    WHERE level.segment = %(segment)s
    UNION ALL
    SELECT number, sku, location,
        CASE WHEN middle.position <= %(position)s THEN (low + high + 1) / 2 ELSE low END,
        CASE WHEN middle.position <= %(position)s THEN high ELSE (low + high + 1) / 2 - 1 END
    FROM search LEFT JOIN LATERAL (
        SELECT m.position FROM movement AS m
        WHERE m.segment = %(segment)s AND m.sku = search.sku AND m.location = search.location
            AND m.version = (low + high + 1) / 2
        LIMIT 1
    ) AS middle ON true
    WHERE low < high
)
SELECT coalesce(CASE asked.status WHEN 1 THEN m.sellable WHEN 2 THEN m.quality_hold ELSE m.damaged END, 0)
FROM asked
LEFT JOIN search ON search.number = asked.number AND search.low = search.high
LEFT JOIN LATERAL (
    SELECT sellable, quality_hold, damaged FROM movement
    WHERE segment = %(segment)s AND sku = asked.sku AND location = asked.location AND version = search.low
    UNION ALL
    SELECT sellable, quality_hold, damaged FROM opening_balance
    WHERE segment = %(segment)s AND sku = asked.sku AND location = asked.location AND version = search.low
    LIMIT 1
) AS m ON true
ORDER BY asked.number

-- name: incident_causes
-- For each incident: the last operation before it that lowered what could be sold of its first SKU at any location of
-- its channel's pool. The version that a level had then is found by halving; from there the search goes back.
WITH RECURSIVE incident AS (
    SELECT d.document_id, d.create_position, d.lines -> 0 ->> 'sku' AS sku, pool.locations
    FROM document AS d
    JOIN channel ON channel.segment = d.segment AND channel.channel = d.channel
    JOIN pool ON pool.segment = channel.segment AND pool.pool = channel.pool
    WHERE d.segment = %(segment)s AND d.kind = 4 AND d.document_id = ANY(%(incident_ids)s::text[])
),
search (document_id, create_position, sku, location, low, high) AS (
    SELECT incident.document_id, incident.create_position, incident.sku, level.location, coalesce(opening.version, 0),
        level.version
    FROM incident JOIN stock_level AS level ON level.sku = incident.sku AND level.location = ANY(incident.locations)
    LEFT JOIN opening_balance AS opening
        ON opening.segment = level.segment AND opening.sku = level.sku AND opening.location = level.location
    WHERE level.segment = %(segment)s
    UNION ALL
    SELECT document_id, create_position, sku, location,
        CASE WHEN middle.position < create_position THEN (low + high + 1) / 2 ELSE low END,
        CASE WHEN middle.position < create_position THEN high ELSE (low + high + 1) / 2 - 1 END
    FROM search LEFT JOIN LATERAL (
        SELECT m.position FROM movement AS m
        WHERE m.segment = %(segment)s AND m.sku = search.sku AND m.location = search.location
            AND m.version = (low + high + 1) / 2
        LIMIT 1
    ) AS middle ON true
    WHERE low < high
)
SELECT DISTINCT ON (search.document_id) search.document_id, operation.position, operation.decide_us, operation.kind
FROM search
CROSS JOIN LATERAL (
    SELECT m.position FROM movement AS m
    WHERE m.segment = %(segment)s AND m.sku = search.sku AND m.location = search.location AND m.version <= search.low
        AND m.sellable_delta - m.held_delta - m.committed_delta - m.backordered_delta < 0
    ORDER BY m.version DESC LIMIT 1
) AS lowering
JOIN operation ON operation.segment = %(segment)s AND operation.position = lowering.position
WHERE search.low = search.high
ORDER BY search.document_id, lowering.position DESC

-- name: ready_parked_requests
-- Parked requests (kind 5) that wait and of which every SKU exists, with who asked.
SELECT d.document_id, d.origin, d.body, operation.caller, operation.on_behalf_of, operation.trace_parent
FROM document AS d
JOIN operation ON operation.segment = d.segment AND operation.position = d.create_position
WHERE d.segment = %(segment)s AND d.kind = 5 AND d.state = 1 AND d.document_id > %(after)s
    AND NOT EXISTS (
        SELECT FROM jsonb_array_elements(d.lines) AS line (fields)
        LEFT JOIN item ON item.segment = d.segment AND item.sku = line.fields ->> 'sku'
        WHERE item.sku IS NULL
    )
ORDER BY d.document_id
LIMIT %(limit)s

-- name: last_counts
-- The position of the last count of each (sku, location, status), beside the position of the ledger. A count bears the
-- status where other movements bear the line of a reservation.
SELECT segment.position, (
    SELECT max(m.position) FROM movement AS m
    WHERE m.segment = %(segment)s AND m.kind = 13 AND m.sku = asked.sku AND m.location = asked.location
        AND m.reservation_line = asked.status
)
FROM unnest(%(skus)s::text[], %(locations)s::text[], %(statuses)s::integer[]) WITH ORDINALITY
    AS asked (sku, location, status, number)
JOIN segment ON segment.segment = %(segment)s
ORDER BY asked.number

-- name: changes_of_levels
-- The units of a status of each level, and the last changes of them, the newest first, with the units before each. Most
-- movements of a hot level are reservations, which change nothing on hand; so far back as `reach` movements is looked.
SELECT asked.number,
    coalesce(CASE asked.status WHEN 1 THEN level.sellable WHEN 2 THEN level.quality_hold ELSE level.damaged END, 0),
    change.position, change.line_number, change.delta, change.after - change.delta
FROM unnest(%(skus)s::text[], %(locations)s::text[], %(statuses)s::smallint[]) WITH ORDINALITY
    AS asked (sku, location, status, number)
LEFT JOIN stock_level AS level
    ON level.segment = %(segment)s AND level.sku = asked.sku AND level.location = asked.location
LEFT JOIN LATERAL (
    SELECT version, position, line_number,
        CASE asked.status WHEN 1 THEN sellable_delta WHEN 2 THEN quality_hold_delta ELSE damaged_delta END AS delta,
        CASE asked.status WHEN 1 THEN sellable WHEN 2 THEN quality_hold ELSE damaged END AS after
    FROM movement
    WHERE segment = %(segment)s AND sku = asked.sku AND location = asked.location
        AND version > level.version - %(reach)s
        AND CASE asked.status WHEN 1 THEN sellable_delta WHEN 2 THEN quality_hold_delta ELSE damaged_delta END <> 0
    ORDER BY version DESC LIMIT %(limit)s
) AS change ON true
ORDER BY asked.number, change.version DESC
