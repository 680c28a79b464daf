-- The statements of the check of the ledger. All run in one REPEATABLE READ transaction.

-- name: segment
-- Where the history ends, and where it begins: after the last operation that was retired, if any was.
SELECT segment.position, segment.audit_hash, retired.position, retired.audit_hash, retired.balance_hash, retired.decide_us
FROM segment LEFT JOIN retired ON retired.segment = segment.segment AND retired.position > 0
WHERE segment.segment = %(segment)s

-- name: opening_balances
SELECT sku, location, version, sellable, quality_hold, damaged, held, committed, backordered, in_transit
FROM opening_balance WHERE segment = %(segment)s

-- name: operations
SELECT position, kind, decide_us, request_id, reservation_id, order_id, channel, reason, reference, caller,
    on_behalf_of, trace_parent, document_id, audit_hash
FROM operation WHERE segment = %(segment)s ORDER BY position

-- name: movements
SELECT position, line_number, kind, reservation_line, sku, location, sellable_delta, quality_hold_delta, damaged_delta,
    held_delta, committed_delta, version, sellable, quality_hold, damaged, held, committed, backordered_delta,
    in_transit_delta, backordered, in_transit
FROM movement WHERE segment = %(segment)s ORDER BY position, line_number

-- name: movements_that_do_not_add_up
-- A movement's balance is the balance of the version before, or the opening balance of that version, plus its own change.
SELECT m.line_number FROM movement AS m
LEFT JOIN LATERAL (
    SELECT version, sellable, quality_hold, damaged, held, committed, backordered, in_transit FROM movement AS one
    WHERE one.segment = m.segment AND one.sku = m.sku AND one.location = m.location AND one.version = m.version - 1
    UNION ALL
    SELECT version, sellable, quality_hold, damaged, held, committed, backordered, in_transit FROM opening_balance AS one
    WHERE one.segment = m.segment AND one.sku = m.sku AND one.location = m.location AND one.version = m.version - 1
    LIMIT 1
) AS before ON true
WHERE m.segment = %(segment)s AND m.position = %(position)s AND (
    (m.version > 1 AND before.version IS NULL)
    OR m.sellable <> coalesce(before.sellable, 0) + m.sellable_delta
    OR m.quality_hold <> coalesce(before.quality_hold, 0) + m.quality_hold_delta
    OR m.damaged <> coalesce(before.damaged, 0) + m.damaged_delta
    OR m.held <> coalesce(before.held, 0) + m.held_delta
    OR m.committed <> coalesce(before.committed, 0) + m.committed_delta
    OR m.backordered <> coalesce(before.backordered, 0) + m.backordered_delta
    OR m.in_transit <> coalesce(before.in_transit, 0) + m.in_transit_delta
)
ORDER BY m.line_number

-- name: levels_that_differ
-- Levels and the sums of their movements and opening balances, where they are not the same.
SELECT coalesce(level.sku, sums.sku), coalesce(level.location, sums.location),
    ARRAY[level.version, level.sellable, level.quality_hold, level.damaged, level.held, level.committed,
        level.backordered, level.in_transit],
    ARRAY[sums.version, sums.sellable, sums.quality_hold, sums.damaged, sums.held, sums.committed, sums.backordered,
        sums.in_transit]
FROM (SELECT * FROM stock_level WHERE segment = %(segment)s) AS level
FULL JOIN (
    SELECT sku, location, sum(version)::bigint AS version, sum(sellable)::bigint AS sellable,
        sum(quality_hold)::bigint AS quality_hold, sum(damaged)::bigint AS damaged,
        sum(held)::bigint AS held, sum(committed)::bigint AS committed,
        sum(backordered)::bigint AS backordered, sum(in_transit)::bigint AS in_transit
    FROM (
        SELECT sku, location, 1 AS version, sellable_delta AS sellable, quality_hold_delta AS quality_hold,
            damaged_delta AS damaged, held_delta AS held, committed_delta AS committed,
            backordered_delta AS backordered, in_transit_delta AS in_transit
        FROM movement WHERE segment = %(segment)s
        UNION ALL
        SELECT sku, location, version, sellable, quality_hold, damaged, held, committed, backordered, in_transit
        FROM opening_balance WHERE segment = %(segment)s
    ) AS parts GROUP BY sku, location
) AS sums ON sums.sku = level.sku AND sums.location = level.location
WHERE (level.version, level.sellable, level.quality_hold, level.damaged, level.held, level.committed,
        level.backordered, level.in_transit)
    IS DISTINCT FROM (sums.version, sums.sellable, sums.quality_hold, sums.damaged, sums.held, sums.committed,
        sums.backordered, sums.in_transit)
LIMIT %(limit)s

-- name: reserved_that_differs
-- The reserved and backordered units of each level and those of its live reservations, where they are not the same.
-- Units that are backordered are open, but reserve nothing yet.
SELECT coalesce(level.sku, open.sku), coalesce(level.location, open.location),
    ARRAY[coalesce(level.held, 0), coalesce(level.committed, 0), coalesce(level.backordered, 0)],
    ARRAY[coalesce(open.held, 0), coalesce(open.committed, 0), coalesce(open.backordered, 0)]
FROM (
    SELECT * FROM stock_level WHERE segment = %(segment)s AND (held <> 0 OR committed <> 0 OR backordered <> 0)
) AS level
FULL JOIN (
    SELECT line.sku, line.location,
        coalesce(sum(line.open - line.backordered) FILTER (WHERE r.state = 1), 0)::bigint AS held,
        coalesce(sum(line.open - line.backordered) FILTER (WHERE r.state = 2), 0)::bigint AS committed,
        sum(line.backordered)::bigint AS backordered
    FROM reservation AS r JOIN reservation_line AS line USING (reservation_id)
    WHERE r.segment = %(segment)s AND r.state IN (1, 2) AND line.open > 0
    GROUP BY line.sku, line.location
) AS open ON open.sku = level.sku AND open.location = level.location
WHERE coalesce(level.held, 0) <> coalesce(open.held, 0)
    OR coalesce(level.committed, 0) <> coalesce(open.committed, 0)
    OR coalesce(level.backordered, 0) <> coalesce(open.backordered, 0)

-- name: in_transit_that_differs
-- The units on their way to each level and the open units of its transfers (documents of kind 2), where they are not
-- the same.
SELECT coalesce(level.sku, open.sku), coalesce(level.location, open.location), coalesce(level.in_transit, 0),
    coalesce(open.in_transit, 0)
FROM (SELECT * FROM stock_level WHERE segment = %(segment)s AND in_transit <> 0) AS level
FULL JOIN (
    SELECT line.sku, document.location, sum(line.open)::bigint AS in_transit
    FROM document CROSS JOIN jsonb_to_recordset(document.lines) AS line (sku text, open bigint)
    WHERE document.segment = %(segment)s AND document.kind = 2 AND document.state = 1 AND line.open > 0
    GROUP BY line.sku, document.location
) AS open ON open.sku = level.sku AND open.location = level.location
WHERE coalesce(level.in_transit, 0) <> coalesce(open.in_transit, 0)

-- name: ended_with_open_lines
SELECT line.reservation_id, line.line_number, line.open
FROM reservation AS r JOIN reservation_line AS line USING (reservation_id)
WHERE r.segment = %(segment)s AND r.state NOT IN (1, 2) AND line.open > 0
LIMIT %(limit)s

-- name: ended_documents_with_open_lines
-- Inbound plans, transfers and returns (kinds 1 to 3) end in their second state.
SELECT document.kind, document.document_id, line.number, (line.fields ->> 'open')::bigint
FROM document CROSS JOIN jsonb_array_elements(document.lines) WITH ORDINALITY AS line (fields, number)
WHERE document.segment = %(segment)s AND document.kind IN (1, 2, 3) AND document.state = 2
    AND (line.fields ->> 'open')::bigint > 0
LIMIT %(limit)s

-- name: oversold
-- What reservations (kind 1) and their transfers (kind 17) took beyond what nobody else had or waited for; those that were
-- retired included.
SELECT coalesce(sum(held + committed + backordered - sellable), 0)::bigint
    + coalesce((SELECT oversold FROM retired WHERE segment = %(segment)s), 0)
FROM movement
WHERE segment = %(segment)s AND kind IN (1, 17) AND held_delta + committed_delta > 0
    AND held + committed + backordered > sellable

-- name: uncovered
SELECT coalesce(sum(held + committed - sellable), 0)::bigint FROM stock_level
WHERE segment = %(segment)s AND held + committed > sellable

-- name: level_count
SELECT count(*) FROM stock_level WHERE segment = %(segment)s
