-- The statements of one ledger transaction, in the order in which they run. Every writer takes its locks in this order,
-- the cursor first: so writers of one segment queue up at the cursor, and one that was overtaken ends there.

-- name: move_cursor
-- Moves the cursor from exactly where the batch begins. No row, no commit: another writer or a rebuild was faster.
WITH moved AS (
    UPDATE segment
    SET position = %(position)s, chain_hash = %(chain_hash)s, audit_hash = %(audit_hash)s, clock_us = %(clock_us)s,
        heartbeat_time = now()
    WHERE segment = %(segment)s AND epoch = %(epoch)s
        AND position = %(position_before)s AND chain_hash = %(chain_hash_before)s AND state = %(state)s
    RETURNING 1
)
SELECT holdfast_expect_rows(count(*), 1, 'cursor') FROM moved

-- name: add_entries
INSERT INTO journal_entry (segment, last_position, first_position, epoch, chain_hash)
SELECT %(segment)s, * FROM unnest(%(c0)s::bigint[], %(c1)s::bigint[], %(c2)s::bigint[], %(c3)s::text[])

-- name: add_operations
INSERT INTO operation (segment, position, kind, decide_us, request_id, reservation_id, order_id, channel, reason,
    reference, caller, on_behalf_of, trace_parent, audit_hash)
SELECT %(segment)s, * FROM unnest(%(c0)s::bigint[], %(c1)s::smallint[], %(c2)s::bigint[], %(c3)s::text[],
    %(c4)s::text[], %(c5)s::text[], %(c6)s::text[], %(c7)s::text[], %(c8)s::text[], %(c9)s::text[], %(c10)s::text[],
    %(c11)s::text[], %(c12)s::bytea[])

-- name: add_movements
INSERT INTO movement (segment, position, line_number, kind, reservation_line, sku, location, sellable_delta,
    quality_hold_delta, damaged_delta, held_delta, committed_delta, version, sellable, quality_hold, damaged, held,
    committed)
SELECT %(segment)s, * FROM unnest(%(c0)s::bigint[], %(c1)s::integer[], %(c2)s::smallint[], %(c3)s::integer[],
    %(c4)s::text[], %(c5)s::text[], %(c6)s::bigint[], %(c7)s::bigint[], %(c8)s::bigint[], %(c9)s::bigint[],
    %(c10)s::bigint[], %(c11)s::bigint[], %(c12)s::bigint[], %(c13)s::bigint[], %(c14)s::bigint[], %(c15)s::bigint[],
    %(c16)s::bigint[])

-- name: add_levels
INSERT INTO stock_level (segment, sku, location, version, sellable, quality_hold, damaged, held, committed)
SELECT %(segment)s, * FROM unnest(%(c0)s::text[], %(c1)s::text[], %(c2)s::bigint[], %(c3)s::bigint[], %(c4)s::bigint[],
    %(c5)s::bigint[], %(c6)s::bigint[], %(c7)s::bigint[])

-- name: change_levels
-- A level moves only from exactly the version and balance that the sequencer moved it from.
WITH changed AS (
    UPDATE stock_level AS level
    SET version = c.version, sellable = c.sellable, quality_hold = c.quality_hold, damaged = c.damaged, held = c.held,
        committed = c.committed
    FROM unnest(%(c0)s::text[], %(c1)s::text[], %(c2)s::bigint[], %(c3)s::bigint[], %(c4)s::bigint[],
        %(c5)s::bigint[], %(c6)s::bigint[], %(c7)s::bigint[], %(c8)s::bigint[], %(c9)s::bigint[], %(c10)s::bigint[],
        %(c11)s::bigint[], %(c12)s::bigint[], %(c13)s::bigint[])
        AS c (sku, location, version_before, sellable_before, quality_hold_before, damaged_before, held_before,
            committed_before, version, sellable, quality_hold, damaged, held, committed)
    WHERE level.segment = %(segment)s AND level.sku = c.sku AND level.location = c.location
        AND level.version = c.version_before AND level.sellable = c.sellable_before
        AND level.quality_hold = c.quality_hold_before AND level.damaged = c.damaged_before
        AND level.held = c.held_before AND level.committed = c.committed_before
    RETURNING 1
)
SELECT holdfast_expect_rows(count(*), %(expected)s, 'stock levels') FROM changed

-- name: add_reservations
INSERT INTO reservation (segment, reservation_id, version, state, channel, order_id, create_us, expire_us, update_us,
    position)
SELECT %(segment)s, * FROM unnest(%(c0)s::text[], %(c1)s::bigint[], %(c2)s::smallint[], %(c3)s::text[], %(c4)s::text[],
    %(c5)s::bigint[], %(c6)s::bigint[], %(c7)s::bigint[], %(c8)s::bigint[])

-- name: add_reservation_lines
INSERT INTO reservation_line (reservation_id, line_number, sku, location, quantity, open, released, expired, fulfilled)
SELECT * FROM unnest(%(c0)s::text[], %(c1)s::integer[], %(c2)s::text[], %(c3)s::text[], %(c4)s::bigint[],
    %(c5)s::bigint[], %(c6)s::bigint[], %(c7)s::bigint[], %(c8)s::bigint[])

-- name: change_reservations
WITH changed AS (
    UPDATE reservation
    SET version = c.version, state = c.state, expire_us = c.expire_us, update_us = c.update_us, position = c.position
    FROM unnest(%(c0)s::text[], %(c1)s::bigint[], %(c2)s::bigint[], %(c3)s::smallint[], %(c4)s::bigint[],
        %(c5)s::bigint[], %(c6)s::bigint[])
        AS c (reservation_id, version_before, version, state, expire_us, update_us, position)
    WHERE reservation.reservation_id = c.reservation_id AND reservation.version = c.version_before
    RETURNING 1
)
SELECT holdfast_expect_rows(count(*), %(expected)s, 'reservations') FROM changed

-- name: change_reservation_lines
WITH changed AS (
    UPDATE reservation_line AS line
    SET open = c.open, released = c.released, expired = c.expired, fulfilled = c.fulfilled
    FROM unnest(%(c0)s::text[], %(c1)s::integer[], %(c2)s::bigint[], %(c3)s::bigint[], %(c4)s::bigint[],
        %(c5)s::bigint[])
        AS c (reservation_id, line_number, open, released, expired, fulfilled)
    WHERE line.reservation_id = c.reservation_id AND line.line_number = c.line_number
    RETURNING 1
)
SELECT holdfast_expect_rows(count(*), %(expected)s, 'reservation lines') FROM changed

-- name: add_outcomes
INSERT INTO outcome (segment, request_id, position, effective_us, method, fingerprint, body, reservation, extra)
SELECT %(segment)s, * FROM unnest(%(c0)s::text[], %(c1)s::bigint[], %(c2)s::bigint[], %(c3)s::text[], %(c4)s::bytea[],
    %(c5)s::bytea[], %(c6)s::bytea[], %(c7)s::bytea[])

-- name: put_item
INSERT INTO item (segment, sku, display_name, base_unit, scale)
SELECT %(segment)s, * FROM unnest(%(c0)s::text[], %(c1)s::text[], %(c2)s::text[], %(c3)s::integer[])
ON CONFLICT (segment, sku) DO UPDATE
SET display_name = excluded.display_name, base_unit = excluded.base_unit, scale = excluded.scale

-- name: put_location
INSERT INTO location (segment, location, display_name, kind)
SELECT %(segment)s, * FROM unnest(%(c0)s::text[], %(c1)s::text[], %(c2)s::smallint[])
ON CONFLICT (segment, location) DO UPDATE SET display_name = excluded.display_name, kind = excluded.kind

-- name: put_pool
INSERT INTO pool (segment, pool, display_name, version, locations)
VALUES (%(segment)s, %(pool)s, %(display_name)s, %(version)s, %(locations)s)
ON CONFLICT (segment, pool) DO UPDATE
SET display_name = excluded.display_name, version = excluded.version, locations = excluded.locations

-- name: put_channel
INSERT INTO channel (segment, channel, display_name, pool)
SELECT %(segment)s, * FROM unnest(%(c0)s::text[], %(c1)s::text[], %(c2)s::text[])
ON CONFLICT (segment, channel) DO UPDATE SET display_name = excluded.display_name, pool = excluded.pool

-- name: notify
SELECT pg_notify(%(channel)s, %(payload)s)
