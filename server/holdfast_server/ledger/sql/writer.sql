-- The statements of one ledger transaction, in the order in which they run. Every writer takes its locks in this order,
-- the cursor first: so writers of one segment queue up at the cursor, and one that was overtaken ends there.
--
-- Statements that end in _wide write the rows that have backordered units or units in transit; the others leave those
-- columns at 0, and insist that they are.

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
    reference, caller, on_behalf_of, trace_parent, audit_hash, document_id)
SELECT %(segment)s, * FROM unnest(%(c0)s::bigint[], %(c1)s::smallint[], %(c2)s::bigint[], %(c3)s::text[],
    %(c4)s::text[], %(c5)s::text[], %(c6)s::text[], %(c7)s::text[], %(c8)s::text[], %(c9)s::text[], %(c10)s::text[],
    %(c11)s::text[], %(c12)s::bytea[], %(c13)s::text[])

-- name: add_movements
INSERT INTO movement (segment, position, line_number, kind, reservation_line, sku, location, sellable_delta,
    quality_hold_delta, damaged_delta, held_delta, committed_delta, version, sellable, quality_hold, damaged, held,
    committed)
SELECT %(segment)s, * FROM unnest(%(c0)s::bigint[], %(c1)s::integer[], %(c2)s::smallint[], %(c3)s::integer[],
    %(c4)s::text[], %(c5)s::text[], %(c6)s::bigint[], %(c7)s::bigint[], %(c8)s::bigint[], %(c9)s::bigint[],
    %(c10)s::bigint[], %(c11)s::bigint[], %(c12)s::bigint[], %(c13)s::bigint[], %(c14)s::bigint[], %(c15)s::bigint[],
    %(c16)s::bigint[])

-- name: add_movements_wide
INSERT INTO movement (segment, position, line_number, kind, reservation_line, sku, location, sellable_delta,
    quality_hold_delta, damaged_delta, held_delta, committed_delta, version, sellable, quality_hold, damaged, held,
    committed, backordered_delta, in_transit_delta, backordered, in_transit)
SELECT %(segment)s, * FROM unnest(%(c0)s::bigint[], %(c1)s::integer[], %(c2)s::smallint[], %(c3)s::integer[],
    %(c4)s::text[], %(c5)s::text[], %(c6)s::bigint[], %(c7)s::bigint[], %(c8)s::bigint[], %(c9)s::bigint[],
    %(c10)s::bigint[], %(c11)s::bigint[], %(c12)s::bigint[], %(c13)s::bigint[], %(c14)s::bigint[], %(c15)s::bigint[],
    %(c16)s::bigint[], %(c17)s::bigint[], %(c18)s::bigint[], %(c19)s::bigint[], %(c20)s::bigint[])

-- name: add_levels
INSERT INTO stock_level (segment, sku, location, version, sellable, quality_hold, damaged, held, committed)
SELECT %(segment)s, * FROM unnest(%(c0)s::text[], %(c1)s::text[], %(c2)s::bigint[], %(c3)s::bigint[], %(c4)s::bigint[],
    %(c5)s::bigint[], %(c6)s::bigint[], %(c7)s::bigint[])

-- name: add_levels_wide
INSERT INTO stock_level (segment, sku, location, version, sellable, quality_hold, damaged, held, committed,
    backordered, in_transit)
SELECT %(segment)s, * FROM unnest(%(c0)s::text[], %(c1)s::text[], %(c2)s::bigint[], %(c3)s::bigint[], %(c4)s::bigint[],
    %(c5)s::bigint[], %(c6)s::bigint[], %(c7)s::bigint[], %(c8)s::bigint[], %(c9)s::bigint[])

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
    RETURNING level.backordered, level.in_transit
)
-- That the two rare counters are 0 is checked here and not above: compared with a constant, a table without statistics
-- looks almost empty to the planner, and it reads all of it for every row.
SELECT holdfast_expect_rows(count(*) FILTER (WHERE backordered = 0 AND in_transit = 0), %(expected)s, 'stock levels')
FROM changed

-- name: change_levels_wide
WITH changed AS (
    UPDATE stock_level AS level
    SET version = c.version, sellable = c.sellable, quality_hold = c.quality_hold, damaged = c.damaged, held = c.held,
        committed = c.committed, backordered = c.backordered, in_transit = c.in_transit
    FROM unnest(%(c0)s::text[], %(c1)s::text[], %(c2)s::bigint[], %(c3)s::bigint[], %(c4)s::bigint[],
        %(c5)s::bigint[], %(c6)s::bigint[], %(c7)s::bigint[], %(c8)s::bigint[], %(c9)s::bigint[], %(c10)s::bigint[],
        %(c11)s::bigint[], %(c12)s::bigint[], %(c13)s::bigint[], %(c14)s::bigint[], %(c15)s::bigint[],
        %(c16)s::bigint[], %(c17)s::bigint[])
        AS c (sku, location, version_before, sellable_before, quality_hold_before, damaged_before, held_before,
            committed_before, backordered_before, in_transit_before, version, sellable, quality_hold, damaged, held,
            committed, backordered, in_transit)
    WHERE level.segment = %(segment)s AND level.sku = c.sku AND level.location = c.location
        AND level.version = c.version_before AND level.sellable = c.sellable_before
        AND level.quality_hold = c.quality_hold_before AND level.damaged = c.damaged_before
        AND level.held = c.held_before AND level.committed = c.committed_before
        AND level.backordered = c.backordered_before AND level.in_transit = c.in_transit_before
    RETURNING 1
)
SELECT holdfast_expect_rows(count(*), %(expected)s, 'stock levels') FROM changed

-- name: add_reservations
INSERT INTO reservation (segment, reservation_id, version, state, channel, order_id, create_us, expire_us, update_us,
    position, create_position, customer_id, holder, told)
SELECT %(segment)s, * FROM unnest(%(c0)s::text[], %(c1)s::bigint[], %(c2)s::smallint[], %(c3)s::text[], %(c4)s::text[],
    %(c5)s::bigint[], %(c6)s::bigint[], %(c7)s::bigint[], %(c8)s::bigint[], %(c9)s::bigint[], %(c10)s::text[],
    %(c11)s::text[], %(c12)s::smallint[])

-- name: add_reservation_lines
-- New lines of which nothing is backordered, and which are of the SKU that was ordered.
INSERT INTO reservation_line (reservation_id, line_number, sku, location, quantity, sourcing, open, released, expired,
    fulfilled)
SELECT * FROM unnest(%(c0)s::text[], %(c1)s::integer[], %(c2)s::text[], %(c3)s::text[], %(c4)s::bigint[],
    %(c5)s::smallint[], %(c6)s::bigint[], %(c7)s::bigint[], %(c8)s::bigint[], %(c9)s::bigint[])

-- name: put_reservation_lines
-- All other lines that are new, or may be: a transfer gives a reservation lines that it did not have.
INSERT INTO reservation_line AS line (reservation_id, line_number, sku, location, quantity, ordered_sku, sourcing,
    expected_us, open, released, expired, fulfilled, transferred, returned, backordered, wait_position)
SELECT * FROM unnest(%(c0)s::text[], %(c1)s::integer[], %(c2)s::text[], %(c3)s::text[], %(c4)s::bigint[],
    %(c5)s::text[], %(c6)s::smallint[], %(c7)s::bigint[], %(c8)s::bigint[], %(c9)s::bigint[], %(c10)s::bigint[],
    %(c11)s::bigint[], %(c12)s::bigint[], %(c13)s::bigint[], %(c14)s::bigint[], %(c15)s::bigint[])
ON CONFLICT (reservation_id, line_number) DO UPDATE
SET open = excluded.open, released = excluded.released, expired = excluded.expired, fulfilled = excluded.fulfilled,
    transferred = excluded.transferred, returned = excluded.returned, backordered = excluded.backordered,
    wait_position = excluded.wait_position

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
    SET open = c.open, released = c.released, expired = c.expired, fulfilled = c.fulfilled,
        transferred = c.transferred, returned = c.returned, backordered = c.backordered,
        wait_position = c.wait_position
    FROM unnest(%(c0)s::text[], %(c1)s::integer[], %(c2)s::bigint[], %(c3)s::bigint[], %(c4)s::bigint[],
        %(c5)s::bigint[], %(c6)s::bigint[], %(c7)s::bigint[], %(c8)s::bigint[], %(c9)s::bigint[])
        AS c (reservation_id, line_number, open, released, expired, fulfilled, transferred, returned, backordered,
            wait_position)
    WHERE line.reservation_id = c.reservation_id AND line.line_number = c.line_number
    RETURNING 1
)
SELECT holdfast_expect_rows(count(*), %(expected)s, 'reservation lines') FROM changed

-- name: add_documents
INSERT INTO document (segment, kind, document_id, version, state, location, origin, channel, order_id, reservation_id,
    expected_us, create_us, update_us, position, flag, seen_position, resolution, note, lines, create_position, body)
SELECT %(segment)s, kind, document_id, version, state, location, origin, channel, order_id, reservation_id,
    expected_us, create_us, update_us, position, flag, seen_position, resolution, note, lines::jsonb, create_position,
    body
FROM unnest(%(c0)s::smallint[], %(c1)s::text[], %(c2)s::bigint[], %(c3)s::smallint[], %(c4)s::text[], %(c5)s::text[],
    %(c6)s::text[], %(c7)s::text[], %(c8)s::text[], %(c9)s::bigint[], %(c10)s::bigint[], %(c11)s::bigint[],
    %(c12)s::bigint[], %(c13)s::smallint[], %(c14)s::bigint[], %(c15)s::smallint[], %(c16)s::text[], %(c17)s::text[],
    %(c18)s::bigint[], %(c19)s::bytea[])
    AS c (kind, document_id, version, state, location, origin, channel, order_id, reservation_id, expected_us,
        create_us, update_us, position, flag, seen_position, resolution, note, lines, create_position, body)

-- name: change_documents
WITH changed AS (
    UPDATE document
    SET version = c.version, state = c.state, expected_us = c.expected_us, update_us = c.update_us,
        position = c.position, flag = c.flag, resolution = c.resolution, note = c.note, lines = c.lines::jsonb
    FROM unnest(%(c0)s::smallint[], %(c1)s::text[], %(c2)s::bigint[], %(c3)s::bigint[], %(c4)s::smallint[],
        %(c5)s::bigint[], %(c6)s::bigint[], %(c7)s::bigint[], %(c8)s::smallint[], %(c9)s::smallint[], %(c10)s::text[],
        %(c11)s::text[])
        AS c (kind, document_id, version_before, version, state, expected_us, update_us, position, flag, resolution,
            note, lines)
    WHERE document.segment = %(segment)s AND document.kind = c.kind AND document.document_id = c.document_id
        AND document.version = c.version_before
    RETURNING 1
)
SELECT holdfast_expect_rows(count(*), %(expected)s, 'documents') FROM changed

-- name: add_outcomes
INSERT INTO outcome (segment, request_id, position, effective_us, method, fingerprint, body, reservation, extra)
SELECT %(segment)s, * FROM unnest(%(c0)s::text[], %(c1)s::bigint[], %(c2)s::bigint[], %(c3)s::text[], %(c4)s::bytea[],
    %(c5)s::bytea[], %(c6)s::bytea[], %(c7)s::bytea[])

-- name: put_item
INSERT INTO item (segment, sku, display_name, base_unit, scale, inactive, parts, position)
SELECT %(segment)s, sku, display_name, base_unit, scale, inactive, parts::jsonb, position
FROM unnest(%(c0)s::text[], %(c1)s::text[], %(c2)s::text[], %(c3)s::integer[], %(c4)s::boolean[], %(c5)s::text[],
    %(c6)s::bigint[])
    AS c (sku, display_name, base_unit, scale, inactive, parts, position)
ON CONFLICT (segment, sku) DO UPDATE
SET display_name = excluded.display_name, base_unit = excluded.base_unit, scale = excluded.scale,
    inactive = excluded.inactive, parts = excluded.parts, position = excluded.position

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

-- name: remove_rules
-- A rule that is not there may be removed.
DELETE FROM rule USING unnest(%(c0)s::smallint[], %(c1)s::text[], %(c2)s::text[], %(c3)s::text[], %(c4)s::text[])
    AS c (kind, sku, location, channel, name)
WHERE rule.segment = %(segment)s AND rule.kind = c.kind AND rule.sku = c.sku AND rule.location = c.location
    AND rule.channel = c.channel AND rule.name = c.name

-- name: put_rules
INSERT INTO rule (segment, kind, sku, location, channel, name, used, start_position, "values")
SELECT %(segment)s, kind, sku, location, channel, name, used, start_position, "values"::jsonb
FROM unnest(%(c0)s::smallint[], %(c1)s::text[], %(c2)s::text[], %(c3)s::text[], %(c4)s::text[], %(c5)s::bigint[],
    %(c6)s::bigint[], %(c7)s::text[])
    AS c (kind, sku, location, channel, name, used, start_position, "values")
ON CONFLICT (segment, kind, sku, location, channel, name) DO UPDATE
SET used = excluded.used, start_position = excluded.start_position, "values" = excluded."values"

-- name: add_rule_changes
INSERT INTO rule_change (segment, position, line_number, kind, sku, location, channel, name, removed, "values")
SELECT %(segment)s, position, line_number, kind, sku, location, channel, name, removed, "values"::jsonb
FROM unnest(%(c0)s::bigint[], %(c1)s::integer[], %(c2)s::smallint[], %(c3)s::text[], %(c4)s::text[], %(c5)s::text[],
    %(c6)s::text[], %(c7)s::boolean[], %(c8)s::text[])
    AS c (position, line_number, kind, sku, location, channel, name, removed, "values")

-- name: use_allotments
-- What is used of allotments, which must exist. The whole key comes with the rows: constants in it would mislead the
-- planner about a table without statistics.
WITH changed AS (
    UPDATE rule SET used = c.used
    FROM unnest(%(c0)s::smallint[], %(c1)s::text[], %(c2)s::text[], %(c3)s::text[], %(c4)s::text[], %(c5)s::bigint[])
        AS c (kind, sku, location, channel, name, used)
    WHERE rule.segment = %(segment)s AND rule.kind = c.kind AND rule.sku = c.sku AND rule.location = c.location
        AND rule.channel = c.channel AND rule.name = c.name
    RETURNING 1
)
SELECT holdfast_expect_rows(count(*), %(expected)s, 'allotments') FROM changed

-- name: notify
SELECT pg_notify(%(channel)s, %(payload)s)
