-- The whole life of stock: backordered units, units in transit, documents, rules, kits.
--
-- Every column that is added has a constant default, which Postgres keeps in its catalogue: no row is written again,
-- however large the ledger. The writer leaves such columns out of the rows that do not need them.

-- The document that an operation belongs to. The audit chain leaves it out where it is empty, and the four columns of
-- movement where all of them are 0: so the chain of a ledger that is older than they are still verifies.
ALTER TABLE operation ADD COLUMN document_id text NOT NULL DEFAULT '';

-- Who looks for the movements of one channel, or of one caller, finds them by position. There are few channels and few
-- callers, and positions only grow: each index is written at its few right ends, which stay in memory. The movement
-- table, which has the most rows, gets no index; nor does the time, because positions have no gap and the time never
-- decreases with them, so the position at a time is found by halving, over the primary key.
CREATE INDEX operation_by_channel ON operation (segment, channel, position) WHERE channel <> '';
CREATE INDEX operation_by_caller ON operation (segment, caller, position);
-- By it the last count of a level is found. Only counts pay for it.
CREATE INDEX movement_counts ON movement (segment, sku, location, reservation_line, position) WHERE kind = 13;

-- NoOversell, in its last line of defence: no reservation takes units that are reserved or that somebody waits for, and
-- no waiting unit is covered by one that is not there.
ALTER TABLE movement
    ADD COLUMN backordered_delta bigint NOT NULL DEFAULT 0,
    ADD COLUMN in_transit_delta bigint NOT NULL DEFAULT 0,
    ADD COLUMN backordered bigint NOT NULL DEFAULT 0,
    ADD COLUMN in_transit bigint NOT NULL DEFAULT 0,
    DROP CONSTRAINT movement_never_oversells,
    ADD CONSTRAINT movement_never_oversells CHECK (
        CASE
            WHEN kind IN (1, 17) AND held_delta + committed_delta > 0 THEN held + committed + backordered <= sellable
            WHEN kind = 8 THEN held + committed <= sellable
            ELSE true
        END
    );

ALTER TABLE stock_level
    ADD COLUMN backordered bigint NOT NULL DEFAULT 0,
    ADD COLUMN in_transit bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT stock_level_backordered_not_negative CHECK (backordered >= 0),
    ADD CONSTRAINT stock_level_in_transit_not_negative CHECK (in_transit >= 0);

-- create_position is the operation that made the reservation. Only live reservations are asked for it, and only whether
-- it comes after the beginning of an allotment; so those that ended before there were any keep 0.
ALTER TABLE reservation
    ADD COLUMN create_position bigint NOT NULL DEFAULT 0,
    ADD COLUMN customer_id text NOT NULL DEFAULT '',
    ADD COLUMN holder text NOT NULL DEFAULT '',
    ADD COLUMN told smallint NOT NULL DEFAULT 0,
    ADD CONSTRAINT reservation_told_known CHECK (told BETWEEN 0 AND 1);
UPDATE reservation SET create_position = coalesce(
    (SELECT min(operation.position) FROM operation WHERE operation.reservation_id = reservation.reservation_id),
    position
) WHERE state IN (1, 2);

-- backordered is part of open, returned is part of fulfilled.
ALTER TABLE reservation_line
    ADD COLUMN ordered_sku text NOT NULL DEFAULT '',
    ADD COLUMN sourcing smallint NOT NULL DEFAULT 0,
    ADD COLUMN expected_us bigint NOT NULL DEFAULT 0,
    ADD COLUMN transferred bigint NOT NULL DEFAULT 0,
    ADD COLUMN returned bigint NOT NULL DEFAULT 0,
    ADD COLUMN backordered bigint NOT NULL DEFAULT 0,
    ADD COLUMN wait_position bigint NOT NULL DEFAULT 0,
    DROP CONSTRAINT reservation_line_resolved_once,
    ADD CONSTRAINT reservation_line_resolved_once CHECK (
        open >= 0 AND released >= 0 AND expired >= 0 AND fulfilled >= 0 AND transferred >= 0
        AND quantity = open + released + expired + fulfilled + transferred
    ),
    ADD CONSTRAINT reservation_line_backordered_is_open CHECK (backordered BETWEEN 0 AND open),
    ADD CONSTRAINT reservation_line_returned_was_fulfilled CHECK (returned BETWEEN 0 AND fulfilled);

ALTER TABLE item
    ADD COLUMN inactive boolean NOT NULL DEFAULT false,
    ADD COLUMN parts jsonb NOT NULL DEFAULT '[]';

-- The papers of the trade, live and ended. Lines have the fields of their kind by name; body is the request itself, of a
-- parked one. create_position is the operation that made the document. Ids compare by their bytes, so that pages follow
-- the primary key.
CREATE TABLE document (
    segment         text             NOT NULL,
    kind            smallint         NOT NULL,
    document_id     text COLLATE "C" NOT NULL,
    version         bigint           NOT NULL,
    state           smallint         NOT NULL,
    location        text             NOT NULL,
    origin          text             NOT NULL,
    channel         text             NOT NULL,
    order_id        text             NOT NULL,
    reservation_id  text             NOT NULL,
    expected_us     bigint           NOT NULL,
    create_us       bigint           NOT NULL,
    update_us       bigint           NOT NULL,
    position        bigint           NOT NULL,
    create_position bigint           NOT NULL,
    flag            smallint         NOT NULL,
    seen_position   bigint           NOT NULL,
    resolution      smallint         NOT NULL,
    note            text             NOT NULL,
    lines           jsonb            NOT NULL,
    body            bytea            NOT NULL,
    CONSTRAINT document_pkey PRIMARY KEY (segment, kind, document_id),
    CONSTRAINT document_kind_known CHECK (kind BETWEEN 1 AND 5),
    CONSTRAINT document_state_known CHECK (state BETWEEN 1 AND CASE WHEN kind IN (4, 5) THEN 3 ELSE 2 END)
) WITH (fillfactor = 80);
-- Live are those in their first state, and incidents until they are closed.
CREATE INDEX document_live ON document (segment, kind, document_id) WHERE state = 1 OR (kind = 4 AND state = 2);
CREATE INDEX document_by_order ON document (order_id) WHERE order_id <> '';

-- The rules of the trade, by what they are about; "values" has the fields of their kind by name. used and start_position
-- belong to allotments: the units that are used, and the operation that made the allotment.
CREATE TABLE rule (
    segment        text             NOT NULL,
    kind           smallint         NOT NULL,
    sku            text COLLATE "C" NOT NULL,
    location       text COLLATE "C" NOT NULL,
    channel        text COLLATE "C" NOT NULL,
    name           text COLLATE "C" NOT NULL,
    used           bigint           NOT NULL,
    start_position bigint           NOT NULL,
    "values"       jsonb            NOT NULL,
    CONSTRAINT rule_pkey PRIMARY KEY (segment, kind, sku, location, channel, name),
    CONSTRAINT rule_kind_known CHECK (kind BETWEEN 1 AND 7),
    CONSTRAINT rule_used_not_negative CHECK (used >= 0)
) WITH (fillfactor = 80);
