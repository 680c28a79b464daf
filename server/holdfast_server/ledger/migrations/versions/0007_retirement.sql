-- Retirement: the oldest part of a segment's history goes, and what the rest is proved by stays.
--
-- Every step of a retirement moves the boundary, removes what lies at or below it, and carries the opening balances forward,
-- all in one transaction. So at any moment a level is its opening balance and the movements that are there.

-- The boundary of each segment: the last operation that was retired. No row: nothing was. audit_hash is the digest of that
-- operation, from which the chain goes on; balance_hash is the digest of all opening balances; oversold is what retired
-- reservations took beyond what nobody else had.
CREATE TABLE retired (
    segment      text   NOT NULL,
    position     bigint NOT NULL,
    decide_us    bigint NOT NULL,
    audit_hash   bytea  NOT NULL,
    balance_hash bytea  NOT NULL,
    oversold     bigint NOT NULL,
    retire_us    bigint NOT NULL,
    CONSTRAINT retired_pkey PRIMARY KEY (segment),
    CONSTRAINT retired_never_negative CHECK (position >= 0 AND oversold >= 0)
);

-- The levels as they were right after the operation at the boundary. A level that had not moved by then has no row.
CREATE TABLE opening_balance (
    segment      text   NOT NULL,
    sku          text   NOT NULL,
    location     text   NOT NULL,
    version      bigint NOT NULL,
    sellable     bigint NOT NULL,
    quality_hold bigint NOT NULL,
    damaged      bigint NOT NULL,
    held         bigint NOT NULL,
    committed    bigint NOT NULL,
    backordered  bigint NOT NULL,
    in_transit   bigint NOT NULL,
    CONSTRAINT opening_balance_pkey PRIMARY KEY (segment, sku, location)
) WITH (fillfactor = 80);

-- Who had what retired, when and why, and what is gone of it. end_us is 0 while it is under way; the counts
-- grow with every step, and so does the length of the archive that counts, if there is one. The rows are the record of the
-- retirements themselves, and stay.
CREATE TABLE retirement (
    segment           text     NOT NULL,
    number            bigint   GENERATED ALWAYS AS IDENTITY,
    until_position    bigint   NOT NULL,
    caller            text     NOT NULL,
    on_behalf_of      text     NOT NULL,
    reason            text     NOT NULL,
    create_us         bigint   NOT NULL,
    end_us            bigint   NOT NULL,
    stop_reason       text     NOT NULL,
    operation_count   bigint   NOT NULL,
    movement_count    bigint   NOT NULL,
    reservation_count bigint   NOT NULL,
    document_count    bigint   NOT NULL,
    archive           text     NOT NULL,
    archive_bytes     bigint   NOT NULL,
    CONSTRAINT retirement_pkey PRIMARY KEY (segment, number),
    CONSTRAINT retirement_until_counts CHECK (until_position > 0)
);

-- By it a step finds the ended documents of its stretch. Only documents pay for it.
CREATE INDEX document_ended ON document (segment, position) WHERE NOT (state = 1 OR (kind = 4 AND state = 2));
