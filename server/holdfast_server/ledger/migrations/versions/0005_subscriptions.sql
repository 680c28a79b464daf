-- Subscriptions: who follows what, and how far each has come. Operational state, not history: no operation stands for a
-- change of it, and the audit chain does not cover it. Losing it would lose nothing of the stock; followers would have to
-- begin anew.

CREATE TABLE subscription (
    segment        text             NOT NULL,
    name           text COLLATE "C" NOT NULL,
    description    text             NOT NULL,
    -- 1 availability, 2 movements
    kind           smallint         NOT NULL,
    -- The filter, each part in the order of its bytes; an empty part restricts nothing.
    skus           text[]           NOT NULL,
    locations      text[]           NOT NULL,
    channels       text[]           NOT NULL,
    -- Tells this filter from any other, as the tokens of its streams do.
    filter_digest  bytea            NOT NULL,
    -- The place: in which history, at which position, and the token that says the same. Until something is acknowledged it is
    -- where the subscription was put with this filter, and the time is 0. Within one lineage it never goes back.
    lineage        text             NOT NULL,
    position       bigint           NOT NULL,
    resume_token   text             NOT NULL,
    acknowledge_us bigint           NOT NULL,
    create_us      bigint           NOT NULL,
    update_us      bigint           NOT NULL,
    CONSTRAINT subscription_pkey PRIMARY KEY (segment, name),
    CONSTRAINT subscription_kind_known CHECK (kind IN (1, 2)),
    CONSTRAINT subscription_place_counts CHECK (position >= 0 AND acknowledge_us >= 0)
);
