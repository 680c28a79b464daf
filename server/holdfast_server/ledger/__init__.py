"""The ledger in Postgres: the only truth, its writer, its readers, its proof."""
