"""The tables of the ledger, for the queries that read them. A test holds them against the migrations."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

metadata = sa.MetaData()


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _small(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.SmallInteger, nullable=False)


def _integer(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


def _added_text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def _added_number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


def _added_small(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.SmallInteger, nullable=False, server_default="0")


def _key(name: str) -> sa.Column[str]:
    """A text that compares by its bytes, so that pages follow the primary key."""
    return sa.Column(name, sa.Text(collation="C"), nullable=False)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


segment = sa.Table(
    "segment",
    metadata,
    _text("segment"),
    sa.Column("lineage", sa.Uuid(as_uuid=True), nullable=False),
    _small("state"),
    _text("state_reason"),
    _small("resume_mode"),
    _number("epoch"),
    _number("position"),
    _text("chain_hash"),
    _bytes("audit_hash"),
    _number("clock_us"),
    sa.Column("heartbeat_time", sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint("segment", name="segment_pkey"),
)

journal_entry = sa.Table(
    "journal_entry",
    metadata,
    _text("segment"),
    _number("last_position"),
    _number("first_position"),
    _number("epoch"),
    _text("chain_hash"),
    sa.PrimaryKeyConstraint("segment", "last_position", name="journal_entry_pkey"),
)

operation = sa.Table(
    "operation",
    metadata,
    _text("segment"),
    _number("position"),
    _small("kind"),
    _number("decide_us"),
    _text("request_id"),
    _text("reservation_id"),
    _text("order_id"),
    _text("channel"),
    _text("reason"),
    _text("reference"),
    _text("caller"),
    _text("on_behalf_of"),
    _text("trace_parent"),
    _bytes("audit_hash"),
    _added_text("document_id"),
    sa.PrimaryKeyConstraint("segment", "position", name="operation_pkey"),
)
sa.Index(
    "operation_by_reservation",
    operation.c.reservation_id,
    postgresql_where=operation.c.reservation_id != sa.literal_column("''"),
)
sa.Index(
    "operation_by_order",
    operation.c.order_id,
    postgresql_where=operation.c.order_id != sa.literal_column("''"),
)
sa.Index(
    "operation_by_channel",
    operation.c.segment,
    operation.c.channel,
    operation.c.position,
    postgresql_where=operation.c.channel != sa.literal_column("''"),
)
sa.Index("operation_by_caller", operation.c.segment, operation.c.caller, operation.c.position)

movement = sa.Table(
    "movement",
    metadata,
    _text("segment"),
    _number("position"),
    _integer("line_number"),
    _small("kind"),
    _integer("reservation_line"),
    _text("sku"),
    _text("location"),
    _number("sellable_delta"),
    _number("quality_hold_delta"),
    _number("damaged_delta"),
    _number("held_delta"),
    _number("committed_delta"),
    _number("version"),
    _number("sellable"),
    _number("quality_hold"),
    _number("damaged"),
    _number("held"),
    _number("committed"),
    _added_number("backordered_delta"),
    _added_number("in_transit_delta"),
    _added_number("backordered"),
    _added_number("in_transit"),
    sa.PrimaryKeyConstraint("segment", "position", "line_number", name="movement_pkey"),
    sa.UniqueConstraint("segment", "sku", "location", "version", name="movement_level_version"),
)

sa.Index(
    "movement_counts",
    movement.c.segment,
    movement.c.sku,
    movement.c.location,
    movement.c.reservation_line,
    movement.c.position,
    postgresql_where=movement.c.kind == sa.literal_column("13"),
)

stock_level = sa.Table(
    "stock_level",
    metadata,
    _text("segment"),
    _text("sku"),
    _text("location"),
    _number("version"),
    _number("sellable"),
    _number("quality_hold"),
    _number("damaged"),
    _number("held"),
    _number("committed"),
    _added_number("backordered"),
    _added_number("in_transit"),
    sa.PrimaryKeyConstraint("segment", "sku", "location", name="stock_level_pkey"),
)

reservation = sa.Table(
    "reservation",
    metadata,
    _text("segment"),
    _text("reservation_id"),
    _number("version"),
    _small("state"),
    _text("channel"),
    _text("order_id"),
    _number("create_us"),
    _number("expire_us"),
    _number("update_us"),
    _number("position"),
    _added_number("create_position"),
    _added_text("customer_id"),
    _added_text("holder"),
    _added_small("told"),
    sa.PrimaryKeyConstraint("reservation_id", name="reservation_pkey"),
)
sa.Index(
    "reservation_by_order",
    reservation.c.order_id,
    postgresql_where=reservation.c.order_id != sa.literal_column("''"),
)
sa.Index(
    "reservation_live",
    reservation.c.segment,
    reservation.c.reservation_id,
    postgresql_where=reservation.c.state.in_([sa.literal_column("1"), sa.literal_column("2")]),
)

reservation_line = sa.Table(
    "reservation_line",
    metadata,
    _text("reservation_id"),
    _integer("line_number"),
    _text("sku"),
    _text("location"),
    _number("quantity"),
    _number("open"),
    _number("released"),
    _number("expired"),
    _number("fulfilled"),
    _added_text("ordered_sku"),
    _added_small("sourcing"),
    _added_number("expected_us"),
    _added_number("transferred"),
    _added_number("returned"),
    _added_number("backordered"),
    _added_number("wait_position"),
    sa.PrimaryKeyConstraint("reservation_id", "line_number", name="reservation_line_pkey"),
)

outcome = sa.Table(
    "outcome",
    metadata,
    _text("segment"),
    _text("request_id"),
    _number("position"),
    _number("effective_us"),
    _text("method"),
    _bytes("fingerprint"),
    _bytes("body"),
    _bytes("reservation"),
    _bytes("extra"),
    sa.PrimaryKeyConstraint("segment", "request_id", name="outcome_pkey"),
)
sa.Index(
    "outcome_by_time",
    outcome.c.effective_us,
    postgresql_using="brin",
    postgresql_with={"pages_per_range": 16},
)

item = sa.Table(
    "item",
    metadata,
    _text("segment"),
    _text("sku"),
    _text("display_name"),
    _text("base_unit"),
    _integer("scale"),
    sa.Column("inactive", sa.Boolean, nullable=False, server_default="false"),
    sa.Column("parts", postgresql.JSONB, nullable=False, server_default="[]"),
    _added_number("position"),
    sa.PrimaryKeyConstraint("segment", "sku", name="item_pkey"),
)

location = sa.Table(
    "location",
    metadata,
    _text("segment"),
    _text("location"),
    _text("display_name"),
    _small("kind"),
    sa.PrimaryKeyConstraint("segment", "location", name="location_pkey"),
)

pool = sa.Table(
    "pool",
    metadata,
    _text("segment"),
    _text("pool"),
    _text("display_name"),
    _number("version"),
    sa.Column("locations", postgresql.ARRAY(sa.Text), nullable=False),
    sa.PrimaryKeyConstraint("segment", "pool", name="pool_pkey"),
)

channel = sa.Table(
    "channel",
    metadata,
    _text("segment"),
    _text("channel"),
    _text("display_name"),
    _text("pool"),
    sa.PrimaryKeyConstraint("segment", "channel", name="channel_pkey"),
    sa.ForeignKeyConstraint(["segment", "pool"], ["pool.segment", "pool.pool"], name="channel_pool_known"),
)

document = sa.Table(
    "document",
    metadata,
    _text("segment"),
    _small("kind"),
    _key("document_id"),
    _number("version"),
    _small("state"),
    _text("location"),
    _text("origin"),
    _text("channel"),
    _text("order_id"),
    _text("reservation_id"),
    _number("expected_us"),
    _number("create_us"),
    _number("update_us"),
    _number("position"),
    _number("create_position"),
    _small("flag"),
    _number("seen_position"),
    _small("resolution"),
    _text("note"),
    sa.Column("lines", postgresql.JSONB, nullable=False),
    _bytes("body"),
    sa.PrimaryKeyConstraint("segment", "kind", "document_id", name="document_pkey"),
)
sa.Index(
    "document_live",
    document.c.segment,
    document.c.kind,
    document.c.document_id,
    postgresql_where=sa.literal_column("state = 1 OR (kind = 4 AND state = 2)"),
)
sa.Index(
    "document_by_order",
    document.c.order_id,
    postgresql_where=document.c.order_id != sa.literal_column("''"),
)

sa.Index(
    "document_by_request",
    document.c.segment,
    document.c.note,
    postgresql_where=sa.literal_column("kind = 7 AND state = 1"),
)

rule = sa.Table(
    "rule",
    metadata,
    _text("segment"),
    _small("kind"),
    _key("sku"),
    _key("location"),
    _key("channel"),
    _key("name"),
    _number("used"),
    _number("start_position"),
    sa.Column("values", postgresql.JSONB, nullable=False),
    sa.PrimaryKeyConstraint("segment", "kind", "sku", "location", "channel", "name", name="rule_pkey"),
)

rule_change = sa.Table(
    "rule_change",
    metadata,
    _text("segment"),
    _number("position"),
    _integer("line_number"),
    _small("kind"),
    _key("sku"),
    _key("location"),
    _key("channel"),
    _key("name"),
    sa.Column("removed", sa.Boolean, nullable=False),
    sa.Column("values", postgresql.JSONB, nullable=False),
    sa.PrimaryKeyConstraint("segment", "position", "line_number", name="rule_change_pkey"),
)

sa.Index(
    "document_ended",
    document.c.segment,
    document.c.position,
    postgresql_where=sa.literal_column("NOT (state = 1 OR (kind = 4 AND state = 2))"),
)

retired = sa.Table(
    "retired",
    metadata,
    _text("segment"),
    _number("position"),
    _number("decide_us"),
    _bytes("audit_hash"),
    _bytes("balance_hash"),
    _number("oversold"),
    _number("retire_us"),
    sa.PrimaryKeyConstraint("segment", name="retired_pkey"),
)

opening_balance = sa.Table(
    "opening_balance",
    metadata,
    _text("segment"),
    _text("sku"),
    _text("location"),
    _number("version"),
    _number("sellable"),
    _number("quality_hold"),
    _number("damaged"),
    _number("held"),
    _number("committed"),
    _number("backordered"),
    _number("in_transit"),
    sa.PrimaryKeyConstraint("segment", "sku", "location", name="opening_balance_pkey"),
)

retirement = sa.Table(
    "retirement",
    metadata,
    _text("segment"),
    sa.Column("number", sa.BigInteger, sa.Identity(always=True), nullable=False),
    _number("until_position"),
    _text("caller"),
    _text("on_behalf_of"),
    _text("reason"),
    _number("create_us"),
    _number("end_us"),
    _text("stop_reason"),
    _number("operation_count"),
    _number("movement_count"),
    _number("reservation_count"),
    _number("document_count"),
    _text("archive"),
    _number("archive_bytes"),
    sa.PrimaryKeyConstraint("segment", "number", name="retirement_pkey"),
)

token_key = sa.Table(
    "token_key",
    metadata,
    sa.Column("only_row", sa.Boolean, nullable=False, server_default="true"),
    _bytes("key"),
    sa.PrimaryKeyConstraint("only_row", name="token_key_pkey"),
)

subscription = sa.Table(
    "subscription",
    metadata,
    _text("segment"),
    _key("name"),
    _text("description"),
    _small("kind"),
    sa.Column("skus", postgresql.ARRAY(sa.Text), nullable=False),
    sa.Column("locations", postgresql.ARRAY(sa.Text), nullable=False),
    sa.Column("channels", postgresql.ARRAY(sa.Text), nullable=False),
    _bytes("filter_digest"),
    _text("lineage"),
    _number("position"),
    _text("resume_token"),
    _number("acknowledge_us"),
    _number("create_us"),
    _number("update_us"),
    sa.PrimaryKeyConstraint("segment", "name", name="subscription_pkey"),
)

placement = sa.Table(
    "placement",
    metadata,
    _small("kind"),
    _key("name"),
    _text("segment"),
    sa.PrimaryKeyConstraint("kind", "name", name="placement_pkey"),
)
