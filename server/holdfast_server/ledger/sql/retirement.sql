-- The statements of retirement: who asked for it, how far it may go, and the steps that carry it out.

-- name: retired
-- The boundary of a segment; no row if nothing was retired.
SELECT position, decide_us, audit_hash, balance_hash, oversold, retire_us FROM retired WHERE segment = %(segment)s

-- name: retired_position
SELECT coalesce((SELECT position FROM retired WHERE segment = %(segment)s), 0)

-- name: ask
INSERT INTO retirement (segment, until_position, caller, on_behalf_of, reason, create_us, end_us, stop_reason,
    operation_count, movement_count, reservation_count, document_count, archive, archive_bytes)
SELECT %(segment)s, %(until)s, %(caller)s, %(on_behalf_of)s, %(reason)s,
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, 0, '', 0, 0, 0, 0, %(archive)s, 0
RETURNING number

-- name: list
-- The newest first.
SELECT number, until_position, caller, on_behalf_of, reason, create_us, end_us, stop_reason, operation_count,
    movement_count, reservation_count, document_count, archive
FROM retirement
WHERE segment = %(segment)s AND (%(before)s::bigint IS NULL OR number < %(before)s::bigint)
ORDER BY number DESC LIMIT %(limit)s

-- name: open_until
-- How far the retirements that are under way want to go; 0 if there are none.
SELECT coalesce(max(until_position), 0) FROM retirement
WHERE segment = %(segment)s AND end_us = 0 AND stop_reason = ''

-- name: bound
-- The last position that may go now, and who needs what comes after it: the newest operations are kept for those who are
-- almost in step; movements that a subscription has not acknowledged are not taken from it; and a parked request needs the
-- operation that parked it.
SELECT position, needed_by FROM (
    SELECT position - %(kept)s AS position, 'the newest operations, which are kept' AS needed_by
    FROM segment WHERE segment = %(segment)s
    UNION ALL
    SELECT subscription.position, 'subscription ' || subscription.name
    FROM subscription JOIN segment ON segment.segment = subscription.segment
    WHERE subscription.segment = %(segment)s AND subscription.kind = 2
        AND subscription.lineage = segment.lineage::text
    UNION ALL
    SELECT create_position - 1, 'parked request ' || document_id
    FROM document WHERE segment = %(segment)s AND kind = 5 AND state = 1
) AS bounds
ORDER BY position, needed_by LIMIT 1

-- name: due
-- A retirement under way that was asked for long enough ago, the farthest first. Until then a command may be under way that
-- rests on what is to go.
SELECT number, until_position, archive, archive_bytes FROM retirement
WHERE segment = %(segment)s AND end_us = 0 AND stop_reason = ''
    AND create_us <= (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - %(grace_us)s
ORDER BY until_position DESC LIMIT 1

-- name: is_worked_at
SELECT EXISTS (
    SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE pg_locks.locktype = 'advisory' AND pg_database.datname = current_database()
        AND classid = %(lock_class)s AND objid = (hashtext(%(segment)s)::bigint & 4294967295)::oid
)

-- name: begin
INSERT INTO retired (segment, position, decide_us, audit_hash, balance_hash, oversold, retire_us)
VALUES (%(segment)s, 0, 0, %(audit_hash)s, %(balance_hash)s, 0, 0)
ON CONFLICT (segment) DO NOTHING

-- name: lock
-- One step at a time, whoever takes it.
SELECT position, decide_us, audit_hash, balance_hash, oversold, retire_us FROM retired WHERE segment = %(segment)s
FOR UPDATE SKIP LOCKED

-- name: operations
SELECT position, kind, decide_us, request_id, reservation_id, order_id, channel, reason, reference, caller,
    on_behalf_of, trace_parent, document_id, audit_hash
FROM operation WHERE segment = %(segment)s AND position > %(after)s AND position <= %(until)s ORDER BY position

-- name: movements
SELECT position, line_number, kind, reservation_line, sku, location, sellable_delta, quality_hold_delta, damaged_delta,
    held_delta, committed_delta, version, sellable, quality_hold, damaged, held, committed, backordered_delta,
    in_transit_delta, backordered, in_transit
FROM movement WHERE segment = %(segment)s AND position > %(after)s AND position <= %(until)s
ORDER BY position, line_number LIMIT %(limit)s

-- name: opening_balances
SELECT o.sku, o.location, o.version, o.sellable, o.quality_hold, o.damaged, o.held, o.committed, o.backordered, o.in_transit
FROM opening_balance AS o JOIN unnest(%(skus)s::text[], %(locations)s::text[]) AS asked (sku, location)
    ON o.sku = asked.sku AND o.location = asked.location
WHERE o.segment = %(segment)s

-- name: put_opening_balances
INSERT INTO opening_balance (segment, sku, location, version, sellable, quality_hold, damaged, held, committed,
    backordered, in_transit)
SELECT %(segment)s, * FROM unnest(%(c0)s::text[], %(c1)s::text[], %(c2)s::bigint[], %(c3)s::bigint[], %(c4)s::bigint[],
    %(c5)s::bigint[], %(c6)s::bigint[], %(c7)s::bigint[], %(c8)s::bigint[], %(c9)s::bigint[])
ON CONFLICT (segment, sku, location) DO UPDATE
SET version = excluded.version, sellable = excluded.sellable, quality_hold = excluded.quality_hold,
    damaged = excluded.damaged, held = excluded.held, committed = excluded.committed,
    backordered = excluded.backordered, in_transit = excluded.in_transit

-- name: oversold
SELECT coalesce(sum(held + committed + backordered - sellable), 0)::bigint FROM movement
WHERE segment = %(segment)s AND position > %(after)s AND position <= %(until)s AND kind IN (1, 17)
    AND held_delta + committed_delta > 0 AND held + committed + backordered > sellable

-- name: remove_movements
DELETE FROM movement WHERE segment = %(segment)s AND position > %(after)s AND position <= %(until)s

-- name: remove_operations
DELETE FROM operation WHERE segment = %(segment)s AND position > %(after)s AND position <= %(until)s

-- name: remove_entries
DELETE FROM journal_entry WHERE segment = %(segment)s AND last_position > %(after)s AND last_position <= %(until)s

-- name: remove_rule_changes
DELETE FROM rule_change WHERE segment = %(segment)s AND position > %(after)s AND position <= %(until)s
RETURNING position, line_number, kind, sku, location, channel, name, removed, "values"

-- name: remove_reservations
-- Those that have ended, and whose last operation is in the stretch. Returns each with its lines.
WITH gone AS (
    DELETE FROM reservation
    WHERE segment = %(segment)s AND reservation_id = ANY(%(ids)s::text[]) AND state NOT IN (1, 2)
        AND position <= %(until)s
    RETURNING reservation.*
),
lines AS (
    DELETE FROM reservation_line AS line USING gone WHERE line.reservation_id = gone.reservation_id RETURNING line.*
)
SELECT to_jsonb(gone) || jsonb_build_object('lines', (
    SELECT jsonb_agg(to_jsonb(lines) - 'reservation_id' ORDER BY lines.line_number)
    FROM lines WHERE lines.reservation_id = gone.reservation_id
))
FROM gone ORDER BY gone.reservation_id

-- name: remove_documents
DELETE FROM document
WHERE segment = %(segment)s AND position > %(after)s AND position <= %(until)s
    AND NOT (state = 1 OR (kind = 4 AND state = 2))
RETURNING to_jsonb(document)

-- name: move_boundary
UPDATE retired
SET position = %(until)s, decide_us = %(decide_us)s, audit_hash = %(audit_hash)s, balance_hash = %(balance_hash)s,
    oversold = oversold + %(oversold)s, retire_us = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
WHERE segment = %(segment)s AND position = %(after)s

-- name: count
UPDATE retirement
SET operation_count = operation_count + %(operations)s, movement_count = movement_count + %(movements)s,
    reservation_count = reservation_count + %(reservations)s, document_count = document_count + %(documents)s,
    archive_bytes = %(archive_bytes)s
WHERE segment = %(segment)s AND number = %(number)s

-- name: end
UPDATE retirement SET end_us = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
WHERE segment = %(segment)s AND end_us = 0
    AND until_position <= (SELECT position FROM retired WHERE retired.segment = %(segment)s)

-- name: stop
UPDATE retirement SET stop_reason = %(reason)s WHERE segment = %(segment)s AND number = %(number)s
