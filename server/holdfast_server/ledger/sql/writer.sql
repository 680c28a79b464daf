-- The statements of one ledger transaction, in the order in which they run. Every writer takes its locks in this order,
-- the cursor first: so writers of one segment queue up at the cursor, and one that was overtaken ends there.
--
-- `rows(NAME TYPE, ...)` stands for rows that come with the statement (prepared.py). Where they say which rows change, they
-- bring the whole key, the segment included: compared with a constant, a table without statistics looks almost empty to
-- the planner, and it would read all of it.
--
-- Statements that end in _wide write the rows that have backordered units or units in transit; the others leave those
-- columns at 0, and insist that they are.

-- name: move_cursor
-- Moves the cursor from exactly where the batch begins, names the entries that it passes, and tells of the first of them.
-- No row, no commit: another writer or a rebuild was faster.
WITH moved AS (
    UPDATE segment
    SET position = %(position)s, chain_hash = %(chain_hash)s, audit_hash = %(audit_hash)s, clock_us = %(clock_us)s,
        heartbeat_time = now()
    WHERE segment = %(segment)s AND epoch = %(epoch)s
        AND position = %(position_before)s AND chain_hash = %(chain_hash_before)s AND state = %(state)s
    RETURNING 1
), passed AS (
    INSERT INTO journal_entry (segment, last_position, first_position, epoch, chain_hash)
    SELECT %(segment)s, * FROM rows(last_position bigint, first_position bigint, epoch bigint, chain_hash text) AS c
)
SELECT holdfast_expect_rows(count(*), 1, 'cursor'), pg_notify(%(channel)s, %(notice)s) FROM moved

-- name: add_operations
INSERT INTO operation (segment, position, kind, decide_us, request_id, reservation_id, order_id, channel, reason,
    reference, caller, on_behalf_of, trace_parent, audit_hash, document_id)
SELECT %(segment)s, * FROM rows(position bigint, kind smallint, decide_us bigint, request_id text,
    reservation_id text, order_id text, channel text, reason text, reference text, caller text, on_behalf_of text,
    trace_parent text, audit_hash bytea, document_id text) AS c

-- name: add_movements
INSERT INTO movement (segment, position, line_number, kind, reservation_line, sku, location, sellable_delta,
    quality_hold_delta, damaged_delta, held_delta, committed_delta, version, sellable, quality_hold, damaged, held,
    committed)
SELECT %(segment)s, * FROM rows(position bigint, line_number integer, kind smallint, reservation_line integer,
    sku text, location text, sellable_delta bigint, quality_hold_delta bigint, damaged_delta bigint,
    held_delta bigint, committed_delta bigint, version bigint, sellable bigint, quality_hold bigint, damaged bigint,
    held bigint, committed bigint) AS c

-- name: add_movements_wide
INSERT INTO movement (segment, position, line_number, kind, reservation_line, sku, location, sellable_delta,
    quality_hold_delta, damaged_delta, held_delta, committed_delta, version, sellable, quality_hold, damaged, held,
    committed, backordered_delta, in_transit_delta, backordered, in_transit)
SELECT %(segment)s, * FROM rows(position bigint, line_number integer, kind smallint, reservation_line integer,
    sku text, location text, sellable_delta bigint, quality_hold_delta bigint, damaged_delta bigint,
    held_delta bigint, committed_delta bigint, version bigint, sellable bigint, quality_hold bigint, damaged bigint,
    held bigint, committed bigint, backordered_delta bigint, in_transit_delta bigint, backordered bigint,
    in_transit bigint) AS c

-- name: add_levels
INSERT INTO stock_level (segment, sku, location, version, sellable, quality_hold, damaged, held, committed)
SELECT %(segment)s, * FROM rows(sku text, location text, version bigint, sellable bigint, quality_hold bigint,
    damaged bigint, held bigint, committed bigint) AS c

-- name: add_levels_wide
INSERT INTO stock_level (segment, sku, location, version, sellable, quality_hold, damaged, held, committed,
    backordered, in_transit)
SELECT %(segment)s, * FROM rows(sku text, location text, version bigint, sellable bigint, quality_hold bigint,
    damaged bigint, held bigint, committed bigint, backordered bigint, in_transit bigint) AS c

-- name: change_levels
-- A level moves only from exactly the version and balance that the sequencer moved it from.
WITH changed AS (
    UPDATE stock_level AS level
    SET version = c.version, sellable = c.sellable, quality_hold = c.quality_hold, damaged = c.damaged, held = c.held,
        committed = c.committed
    FROM rows(sku text, segment text, location text, version_before bigint, sellable_before bigint,
        quality_hold_before bigint, damaged_before bigint, held_before bigint, committed_before bigint, version bigint, sellable bigint,
        quality_hold bigint, damaged bigint, held bigint, committed bigint) AS c
    WHERE level.segment = c.segment AND level.sku = c.sku AND level.location = c.location
        AND level.version = c.version_before AND level.sellable = c.sellable_before
        AND level.quality_hold = c.quality_hold_before AND level.damaged = c.damaged_before
        AND level.held = c.held_before AND level.committed = c.committed_before
    RETURNING level.backordered, level.in_transit
)
-- That the two rare counters are 0 is checked here and not above, for the reason that is given at the top.
SELECT holdfast_expect_rows(count(*) FILTER (WHERE backordered = 0 AND in_transit = 0), %(expected)s, 'stock levels')
FROM changed

-- name: change_levels_wide
WITH changed AS (
    UPDATE stock_level AS level
    SET version = c.version, sellable = c.sellable, quality_hold = c.quality_hold, damaged = c.damaged, held = c.held,
        committed = c.committed, backordered = c.backordered, in_transit = c.in_transit
    FROM rows(sku text, segment text, location text, version_before bigint, sellable_before bigint,
        quality_hold_before bigint, damaged_before bigint, held_before bigint, committed_before bigint, backordered_before bigint,
        in_transit_before bigint, version bigint, sellable bigint, quality_hold bigint, damaged bigint, held bigint,
        committed bigint, backordered bigint, in_transit bigint) AS c
    WHERE level.segment = c.segment AND level.sku = c.sku AND level.location = c.location
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
SELECT %(segment)s, * FROM rows(reservation_id text, version bigint, state smallint, channel text, order_id text,
    create_us bigint, expire_us bigint, update_us bigint, position bigint, create_position bigint, customer_id text,
    holder text, told smallint) AS c

-- name: add_reservation_lines
-- New lines of which nothing is backordered, and which are of the SKU that was ordered.
INSERT INTO reservation_line (reservation_id, line_number, sku, location, quantity, sourcing, open, released, expired,
    fulfilled)
SELECT * FROM rows(reservation_id text, line_number integer, sku text, location text, quantity bigint,
    sourcing smallint, open bigint, released bigint, expired bigint, fulfilled bigint) AS c

-- name: put_reservation_lines
-- All other lines that are new, or may be: a transfer gives a reservation lines that it did not have.
INSERT INTO reservation_line AS line (reservation_id, line_number, sku, location, quantity, ordered_sku, sourcing,
    expected_us, open, released, expired, fulfilled, transferred, returned, backordered, wait_position)
SELECT * FROM rows(reservation_id text, line_number integer, sku text, location text, quantity bigint,
    ordered_sku text, sourcing smallint, expected_us bigint, open bigint, released bigint, expired bigint,
    fulfilled bigint, transferred bigint, returned bigint, backordered bigint, wait_position bigint) AS c
ON CONFLICT (reservation_id, line_number) DO UPDATE
SET open = excluded.open, released = excluded.released, expired = excluded.expired, fulfilled = excluded.fulfilled,
    transferred = excluded.transferred, returned = excluded.returned, backordered = excluded.backordered,
    wait_position = excluded.wait_position

-- name: change_reservations
WITH changed AS (
    UPDATE reservation
    SET version = c.version, state = c.state, expire_us = c.expire_us, update_us = c.update_us, position = c.position
    FROM rows(reservation_id text, version_before bigint, version bigint, state smallint, expire_us bigint,
        update_us bigint, position bigint) AS c
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
    FROM rows(reservation_id text, line_number integer, open bigint, released bigint, expired bigint,
        fulfilled bigint, transferred bigint, returned bigint, backordered bigint, wait_position bigint) AS c
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
FROM rows(kind smallint, document_id text, version bigint, state smallint, location text, origin text, channel text,
    order_id text, reservation_id text, expected_us bigint, create_us bigint, update_us bigint, position bigint,
    flag smallint, seen_position bigint, resolution smallint, note text, lines text, create_position bigint,
    body bytea) AS c

-- name: change_documents
WITH changed AS (
    UPDATE document
    SET version = c.version, state = c.state, expected_us = c.expected_us, update_us = c.update_us,
        position = c.position, flag = c.flag, resolution = c.resolution, note = c.note, lines = c.lines::jsonb
    FROM rows(document_id text, segment text, kind smallint, version_before bigint, version bigint, state smallint,
        expected_us bigint, update_us bigint, position bigint, flag smallint, resolution smallint, note text,
        lines text) AS c
    WHERE document.segment = c.segment AND document.kind = c.kind AND document.document_id = c.document_id
        AND document.version = c.version_before
    RETURNING 1
)
SELECT holdfast_expect_rows(count(*), %(expected)s, 'documents') FROM changed

-- name: add_outcomes
INSERT INTO outcome (segment, request_id, position, effective_us, method, fingerprint, body, reservation, extra)
SELECT %(segment)s, * FROM rows(request_id text, position bigint, effective_us bigint, method text, fingerprint bytea,
    body bytea, reservation bytea, extra bytea) AS c

-- name: put_item
INSERT INTO item (segment, sku, display_name, base_unit, scale, inactive, parts, position)
SELECT %(segment)s, sku, display_name, base_unit, scale, inactive, parts::jsonb, position
FROM rows(sku text, display_name text, base_unit text, scale integer, inactive boolean, parts text,
    position bigint) AS c
ON CONFLICT (segment, sku) DO UPDATE
SET display_name = excluded.display_name, base_unit = excluded.base_unit, scale = excluded.scale,
    inactive = excluded.inactive, parts = excluded.parts, position = excluded.position

-- name: put_location
INSERT INTO location (segment, location, display_name, kind)
SELECT %(segment)s, * FROM rows(location text, display_name text, kind smallint) AS c
ON CONFLICT (segment, location) DO UPDATE SET display_name = excluded.display_name, kind = excluded.kind

-- name: put_pool
INSERT INTO pool (segment, pool, display_name, version, locations)
VALUES (%(segment)s, %(pool)s, %(display_name)s, %(version)s, %(locations)s)
ON CONFLICT (segment, pool) DO UPDATE
SET display_name = excluded.display_name, version = excluded.version, locations = excluded.locations

-- name: put_channel
INSERT INTO channel (segment, channel, display_name, pool)
SELECT %(segment)s, * FROM rows(channel text, display_name text, pool text) AS c
ON CONFLICT (segment, channel) DO UPDATE SET display_name = excluded.display_name, pool = excluded.pool

-- name: remove_rules
-- A rule that is not there may be removed.
DELETE FROM rule USING rows(sku text, segment text, kind smallint, location text, channel text, name text) AS c
WHERE rule.segment = c.segment AND rule.kind = c.kind AND rule.sku = c.sku AND rule.location = c.location
    AND rule.channel = c.channel AND rule.name = c.name

-- name: put_rules
INSERT INTO rule (segment, kind, sku, location, channel, name, used, start_position, "values")
SELECT %(segment)s, kind, sku, location, channel, name, used, start_position, "values"::jsonb
FROM rows(kind smallint, sku text, location text, channel text, name text, used bigint, start_position bigint,
    "values" text) AS c
ON CONFLICT (segment, kind, sku, location, channel, name) DO UPDATE
SET used = excluded.used, start_position = excluded.start_position, "values" = excluded."values"

-- name: add_rule_changes
INSERT INTO rule_change (segment, position, line_number, kind, sku, location, channel, name, removed, "values")
SELECT %(segment)s, position, line_number, kind, sku, location, channel, name, removed, "values"::jsonb
FROM rows(position bigint, line_number integer, kind smallint, sku text, location text, channel text, name text,
    removed boolean, "values" text) AS c

-- name: use_allotments
-- What is used of allotments, which must exist.
WITH changed AS (
    UPDATE rule SET used = c.used
    FROM rows(sku text, segment text, kind smallint, location text, channel text, name text, used bigint) AS c
    WHERE rule.segment = c.segment AND rule.kind = c.kind AND rule.sku = c.sku AND rule.location = c.location
        AND rule.channel = c.channel AND rule.name = c.name
    RETURNING 1
)
SELECT holdfast_expect_rows(count(*), %(expected)s, 'allotments') FROM changed

-- name: notify
-- The rest of the entries, where one notice cannot name all of them.
SELECT pg_notify(%(channel)s, %(notice)s)

-- name: forget_plans
DISCARD PLANS
