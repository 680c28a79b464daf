-- What those who watch need to know of the past: which items and which rules an operation changed.

-- The last operation that put the item. Items from before keep 0: whoever watches has seen them.
ALTER TABLE item ADD COLUMN position bigint NOT NULL DEFAULT 0;

-- The history of the rules, one row for each rule that an operation put or removed. "values" are as in the table rule.
CREATE TABLE rule_change (
    segment     text             NOT NULL,
    position    bigint           NOT NULL,
    line_number integer          NOT NULL,
    kind        smallint         NOT NULL,
    sku         text COLLATE "C" NOT NULL,
    location    text COLLATE "C" NOT NULL,
    channel     text COLLATE "C" NOT NULL,
    name        text COLLATE "C" NOT NULL,
    removed     boolean          NOT NULL,
    "values"    jsonb            NOT NULL,
    CONSTRAINT rule_change_pkey PRIMARY KEY (segment, position, line_number)
);

-- The key that resume tokens are signed with. It is the ledger's own, so that every server on it knows it and a token of
-- another authority does not pass.
CREATE TABLE token_key (
    only_row boolean NOT NULL DEFAULT true,
    key      bytea   NOT NULL,
    CONSTRAINT token_key_pkey PRIMARY KEY (only_row),
    CONSTRAINT token_key_is_one CHECK (only_row)
);
INSERT INTO token_key (key)
SELECT sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'));
