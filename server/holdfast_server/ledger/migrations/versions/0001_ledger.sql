-- The ledger: the only truth. What the database can refuse, it refuses by a named constraint.

-- The cursor of each segment: how far its journal is in the ledger. It is moved by compare-and-set on (epoch, position,
-- chain_hash) and by nothing else, so a writer that was overtaken changes nothing.
CREATE TABLE segment (
    segment        text        NOT NULL,
    lineage        uuid        NOT NULL,
    state          smallint    NOT NULL,
    state_reason   text        NOT NULL,
    resume_mode    smallint    NOT NULL,
    epoch          bigint      NOT NULL,
    position       bigint      NOT NULL,
    chain_hash     text        NOT NULL,
    audit_hash     bytea       NOT NULL,
    clock_us       bigint      NOT NULL,
    heartbeat_time timestamptz NOT NULL,
    CONSTRAINT segment_pkey PRIMARY KEY (segment),
    CONSTRAINT segment_state_known CHECK (state BETWEEN 1 AND 4),
    CONSTRAINT segment_resume_mode_known CHECK (resume_mode BETWEEN 0 AND 2),
    CONSTRAINT segment_never_negative CHECK (epoch >= 0 AND position >= 0 AND clock_us >= 0)
);

-- One row per journal entry: by it a server learns whether exactly the entry that it waits for was committed.
CREATE TABLE journal_entry (
    segment        text   NOT NULL,
    last_position  bigint NOT NULL,
    first_position bigint NOT NULL,
    epoch          bigint NOT NULL,
    chain_hash     text   NOT NULL,
    CONSTRAINT journal_entry_pkey PRIMARY KEY (segment, last_position),
    CONSTRAINT journal_entry_in_order CHECK (first_position BETWEEN 1 AND last_position)
);

-- One row per operation: what was done, who asked for it and why. audit_hash is the SHA-256 of the row before it and of
-- this row with its movements.
CREATE TABLE operation (
    segment        text     NOT NULL,
    position       bigint   NOT NULL,
    kind           smallint NOT NULL,
    decide_us      bigint   NOT NULL,
    request_id     text     NOT NULL,
    reservation_id text     NOT NULL,
    order_id       text     NOT NULL,
    channel        text     NOT NULL,
    reason         text     NOT NULL,
    reference      text     NOT NULL,
    caller         text     NOT NULL,
    on_behalf_of   text     NOT NULL,
    trace_parent   text     NOT NULL,
    audit_hash     bytea    NOT NULL,
    CONSTRAINT operation_pkey PRIMARY KEY (segment, position)
);
CREATE INDEX operation_by_reservation ON operation (reservation_id) WHERE reservation_id <> '';
CREATE INDEX operation_by_order ON operation (order_id) WHERE order_id <> '';

-- One row per level that an operation moved: the change, and the level after it. The versions of a level have no gap, and
-- no version can be booked twice.
CREATE TABLE movement (
    segment            text     NOT NULL,
    position           bigint   NOT NULL,
    line_number        integer  NOT NULL,
    kind               smallint NOT NULL,
    reservation_line   integer  NOT NULL,
    sku                text     NOT NULL,
    location           text     NOT NULL,
    sellable_delta     bigint   NOT NULL,
    quality_hold_delta bigint   NOT NULL,
    damaged_delta      bigint   NOT NULL,
    held_delta         bigint   NOT NULL,
    committed_delta    bigint   NOT NULL,
    version            bigint   NOT NULL,
    sellable           bigint   NOT NULL,
    quality_hold       bigint   NOT NULL,
    damaged            bigint   NOT NULL,
    held               bigint   NOT NULL,
    committed          bigint   NOT NULL,
    CONSTRAINT movement_pkey PRIMARY KEY (segment, position, line_number),
    CONSTRAINT movement_level_version UNIQUE (segment, sku, location, version),
    -- NoOversell, in its last line of defence: no reservation takes more than is sellable.
    CONSTRAINT movement_never_oversells CHECK (kind <> 1 OR held + committed <= sellable)
);

-- The levels. Each equals the sum of its movements: the writer only moves a row whose version and balance before are the
-- ones that the movements start from.
CREATE TABLE stock_level (
    segment      text   NOT NULL,
    sku          text   NOT NULL,
    location     text   NOT NULL,
    version      bigint NOT NULL,
    sellable     bigint NOT NULL,
    quality_hold bigint NOT NULL,
    damaged      bigint NOT NULL,
    held         bigint NOT NULL,
    committed    bigint NOT NULL,
    CONSTRAINT stock_level_pkey PRIMARY KEY (segment, sku, location),
    CONSTRAINT stock_level_on_hand_not_negative CHECK (sellable >= 0 AND quality_hold >= 0 AND damaged >= 0),
    CONSTRAINT stock_level_reserved_not_negative CHECK (held >= 0 AND committed >= 0)
) WITH (fillfactor = 80);

CREATE TABLE reservation (
    segment        text     NOT NULL,
    reservation_id text     NOT NULL,
    version        bigint   NOT NULL,
    state          smallint NOT NULL,
    channel        text     NOT NULL,
    order_id       text     NOT NULL,
    create_us      bigint   NOT NULL,
    expire_us      bigint   NOT NULL,
    update_us      bigint   NOT NULL,
    position       bigint   NOT NULL,
    CONSTRAINT reservation_pkey PRIMARY KEY (reservation_id),
    CONSTRAINT reservation_state_known CHECK (state BETWEEN 1 AND 5)
) WITH (fillfactor = 80);
CREATE INDEX reservation_by_order ON reservation (order_id) WHERE order_id <> '';
CREATE INDEX reservation_live ON reservation (segment, reservation_id) WHERE state IN (1, 2);

CREATE TABLE reservation_line (
    reservation_id text    NOT NULL,
    line_number    integer NOT NULL,
    sku            text    NOT NULL,
    location       text    NOT NULL,
    quantity       bigint  NOT NULL,
    open           bigint  NOT NULL,
    released       bigint  NOT NULL,
    expired        bigint  NOT NULL,
    fulfilled      bigint  NOT NULL,
    CONSTRAINT reservation_line_pkey PRIMARY KEY (reservation_id, line_number),
    CONSTRAINT reservation_line_resolved_once CHECK (
        open >= 0 AND released >= 0 AND expired >= 0 AND fulfilled >= 0
        AND quantity = open + released + expired + fulfilled
    )
) WITH (fillfactor = 80);

-- What each request came to, for the whole retention: Once, in its second tier. A request belongs to the segment that
-- decides it.
CREATE TABLE outcome (
    segment      text   NOT NULL,
    request_id   text   NOT NULL,
    position     bigint NOT NULL,
    effective_us bigint NOT NULL,
    method       text   NOT NULL,
    fingerprint  bytea  NOT NULL,
    body         bytea  NOT NULL,
    reservation  bytea  NOT NULL,
    extra        bytea  NOT NULL,
    CONSTRAINT outcome_pkey PRIMARY KEY (segment, request_id)
);
CREATE INDEX outcome_by_time ON outcome USING brin (effective_us) WITH (pages_per_range = 16);

CREATE TABLE item (
    segment      text    NOT NULL,
    sku          text    NOT NULL,
    display_name text    NOT NULL,
    base_unit    text    NOT NULL,
    scale        integer NOT NULL,
    CONSTRAINT item_pkey PRIMARY KEY (segment, sku),
    CONSTRAINT item_scale_known CHECK (scale BETWEEN 0 AND 6)
);

CREATE TABLE location (
    segment      text     NOT NULL,
    location     text     NOT NULL,
    display_name text     NOT NULL,
    kind         smallint NOT NULL,
    CONSTRAINT location_pkey PRIMARY KEY (segment, location)
);

-- version is the position of the operation that gave the pool its locations.
CREATE TABLE pool (
    segment      text   NOT NULL,
    pool         text   NOT NULL,
    display_name text   NOT NULL,
    version      bigint NOT NULL,
    locations    text[] NOT NULL,
    CONSTRAINT pool_pkey PRIMARY KEY (segment, pool)
);

CREATE TABLE channel (
    segment      text NOT NULL,
    channel      text NOT NULL,
    display_name text NOT NULL,
    pool         text NOT NULL,
    CONSTRAINT channel_pkey PRIMARY KEY (segment, channel),
    CONSTRAINT channel_pool_known FOREIGN KEY (segment, pool) REFERENCES pool (segment, pool)
);

-- Ends the transaction with an error unless a statement changed the rows that it had to change. So a whole batch travels
-- to Postgres in one round trip, its COMMIT included.
CREATE FUNCTION holdfast_expect_rows(changed bigint, expected bigint, what text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF changed <> expected THEN
        RAISE EXCEPTION 'changed % of % rows: %', changed, expected, what
            USING ERRCODE = 'HF001', DETAIL = what;
    END IF;
END
$$;
