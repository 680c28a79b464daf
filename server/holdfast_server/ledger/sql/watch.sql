-- What those who watch ask of the ledger. Whatever lies at or below a committed position never changes, so statements that
-- name the position that they go up to see one state, however many they are.

-- name: head
SELECT lineage::text, epoch, position FROM segment WHERE segment = %(segment)s

-- name: changes
-- Where the ledger stands, and what the operations after one position moved, of at most so many: by level and kind of
-- operation, their positions, and of these the ones that changed what can be sold or who waits. Where nothing moved, one row
-- without a level. The first row bears the operations of the stretch that put master data or rules (kinds 30 to 39).
-- The kind is looked up for each movement, and not joined: of a table without statistics the planner expects a handful of
-- rows in any stretch, and compares every row of the one with every row of the other.
-- Both ends of the stretch stand as numbers too: from a column the planner could not tell how few rows lie between.
WITH stretch AS MATERIALIZED (
    SELECT lineage::text, epoch, position AS head, least(position, %(most)s) AS until,
        (
            SELECT array_agg(ARRAY[o.position, o.kind] ORDER BY o.position) FROM operation AS o
            WHERE o.segment = %(segment)s AND o.position > %(after)s AND o.position <= %(most)s
                AND o.position <= segment.position AND o.kind BETWEEN 30 AND 39
        ) AS catalogue
    FROM segment WHERE segment = %(segment)s
)
SELECT stretch.lineage, stretch.epoch, stretch.head, stretch.until,
    CASE WHEN row_number() OVER () = 1 THEN stretch.catalogue END, moved.*
FROM stretch LEFT JOIN LATERAL (
    SELECT sku, location, operation, array_agg(DISTINCT position),
        coalesce(array_agg(DISTINCT position) FILTER (
            WHERE sellable_delta - held_delta - committed_delta - backordered_delta <> 0 OR backordered_delta <> 0
        ), '{}')
    FROM (
        SELECT m.*, (SELECT o.kind FROM operation AS o WHERE o.segment = m.segment AND o.position = m.position) AS operation
        FROM movement AS m
        WHERE m.segment = %(segment)s AND m.position > %(after)s AND m.position <= %(most)s
            AND m.position <= stretch.head
    ) AS one
    GROUP BY sku, location, operation
) AS moved ON true

-- name: changed_rules
SELECT c.position, o.kind, c.kind, c.sku, c.location, c.channel
FROM rule_change AS c JOIN operation AS o ON o.segment = c.segment AND o.position = c.position
WHERE c.segment = %(segment)s AND c.position > %(after)s AND c.position <= %(until)s
ORDER BY c.position, c.line_number

-- name: put_items
-- An item that was put again later is told of then.
SELECT position, sku FROM item WHERE segment = %(segment)s AND position > %(after)s AND position <= %(until)s

-- name: locations_of
SELECT channel.channel, pool.locations
FROM channel JOIN pool ON pool.segment = channel.segment AND pool.pool = channel.pool
WHERE channel.segment = %(segment)s

-- name: locations
SELECT location FROM location WHERE segment = %(segment)s

-- name: kits
SELECT part.fields ->> 'sku', array_agg(DISTINCT item.sku)
FROM item, jsonb_array_elements(item.parts) AS part (fields)
WHERE item.segment = %(segment)s AND item.parts <> '[]'
GROUP BY 1

-- name: allotted
SELECT DISTINCT sku FROM rule WHERE segment = %(segment)s AND kind = 3

-- name: releases
SELECT ("values" ->> 'release_us')::bigint AS release_us, sku FROM rule
WHERE segment = %(segment)s AND kind = 4 AND ("values" ->> 'release_us')::bigint > %(after_us)s
ORDER BY 1

-- name: released_since
-- If the operation was retired, whatever was ever released.
SELECT rule.sku FROM rule
WHERE rule.segment = %(segment)s AND rule.kind = 4 AND (rule."values" ->> 'release_us')::bigint BETWEEN
    coalesce((SELECT decide_us FROM operation WHERE segment = %(segment)s AND position = %(position)s), 0)
    AND %(now_us)s

-- name: all_skus
SELECT sku FROM item WHERE segment = %(segment)s AND sku COLLATE "C" > %(after)s ORDER BY sku COLLATE "C" LIMIT %(limit)s

-- name: stocked_skus
-- The SKUs of a location, and the kits that have a part there.
SELECT sku FROM (
    SELECT sku COLLATE "C" AS sku FROM stock_level WHERE segment = %(segment)s AND location = %(location)s
    UNION
    SELECT item.sku COLLATE "C"
    FROM item, jsonb_array_elements(item.parts) AS part (fields)
    JOIN stock_level AS level ON level.sku = part.fields ->> 'sku'
    WHERE item.segment = %(segment)s AND item.parts <> '[]'
        AND level.segment = %(segment)s AND level.location = %(location)s
) AS found
WHERE sku > %(after)s ORDER BY sku LIMIT %(limit)s

-- name: token_key
SELECT key FROM token_key
