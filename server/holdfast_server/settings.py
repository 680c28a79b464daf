"""Everything that can be set, and every limit, in one place.

Settings come from environment variables with the prefix HOLDFAST_ and from command-line options; they are read once,
checked against each other, and passed on. Every queue, batch, loop and wait of the server takes its bound from here.
Durations carry their unit in the name.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

# A segment's name is part of Redis keys, reservation ids and Postgres channel names.
SEGMENT_PATTERN = r"^[a-z][a-z0-9]{0,15}$"
MAX_SEGMENTS = 64


class Settings(BaseSettings):
    """The settings of a server process and of its ledger writer."""

    model_config = SettingsConfigDict(env_prefix="HOLDFAST_", frozen=True, extra="ignore")

    # Where things are.
    host: str = "127.0.0.1"
    port: int = Field(default=50051, ge=0, le=65535, description="0 takes any free port")
    data_directory: Path = Path("data")
    postgres_url: str = Field(default="", description="empty: the bundled PostgreSQL under the data directory")
    redis_url: str = Field(default="", description="or some nodes of a cluster; empty: the bundled Valkey")
    segment: str = Field(default="main", pattern=SEGMENT_PATTERN, description="the segment that a part works for")
    segments: str = Field(default="", description="several segments, by commas, in sourcing order; instead of segment")
    processes: int = Field(default=1, ge=1, le=64, description="server processes that share the port")
    ledger_archive_directory: Path | None = Field(default=None, description="where retired history is kept as files")
    demo: bool = Field(default=False, description="load a small catalogue if there is none")
    reflection: bool = True
    log_level: str = "INFO"
    log_json: bool = False
    telemetry: bool = Field(default=False, description="trace every call with OpenTelemetry; OTEL_* say where to")

    # The promises.
    request_retention_days: int = Field(default=30, ge=1, description="how long a request_id is remembered")
    ledger_retention_days: int = Field(default=0, ge=0, description="after which history is retired; 0: never")
    default_ttl_seconds: int = Field(default=900, ge=1, le=604800)
    max_request_id_ahead_seconds: int = Field(default=600, ge=1)

    # The window of outcomes that Redis remembers: the newest three to four generations.
    outcome_generation_seconds: int = Field(default=60, ge=1)
    max_outcomes_per_generation: int = Field(default=250_000, ge=1)

    # The edge.
    max_message_bytes: int = Field(default=4 * 1024 * 1024, ge=64 * 1024)
    max_promises_per_batch: int = Field(default=100, ge=1, description="keys that ask what can be promised for a day")
    max_lines_per_batch: int = Field(default=10_000, ge=1000)
    max_locations_per_put: int = Field(default=10_000, ge=5000)
    max_concurrent_calls: int = Field(default=10_000, ge=1)
    shutdown_grace_seconds: float = Field(default=5.0, gt=0)

    # The decider.
    max_queued_commands: int = Field(default=20_000, ge=1)
    max_commands_per_tick: int = Field(default=512, ge=1)
    enough_commands_per_tick: int = Field(default=100, ge=1, description="that gather for no longer")
    max_ticks_under_way: int = Field(default=1, ge=1, description="waiting for their commit before commands gather")
    tick_gather_seconds: float = Field(default=0.005, gt=0, le=0.1, description="the longest that commands gather")
    max_lines_per_tick: int = Field(default=4_000, ge=1_000, description="holds a reservation of 1,000 lines")
    max_expiries_per_tick: int = Field(default=128, ge=1)
    max_covers_per_tick: int = Field(default=128, ge=1, description="lines that wait, given units in one tick")
    max_plans_per_level: int = Field(default=200, ge=1, description="of one SKU to one location, that name a time")
    max_channel_rules_per_item: int = Field(default=100, ge=1, description="allotments, and buffers of one SKU")
    max_recalled: int = Field(default=5_000, ge=1, description="changes of ended things that are remembered")
    max_uncommitted_operations: int = Field(default=20_000, ge=1)
    max_pools_per_location: int = Field(default=64, ge=1)
    max_channels_per_pool: int = Field(default=100, ge=1)
    max_placements_per_reservation: int = Field(default=5_000, ge=1_000)
    max_levels_per_reservation: int = Field(default=200_000, ge=10_000, description="that sourcing may look at")
    max_work_per_tick: int = Field(default=20_000, ge=1_000, description="movements, and sums that they touch")
    split_plan_seconds: float = Field(default=10.0, gt=0, description="that the parts of a demand have to be held")
    split_idle_seconds: float = Field(default=2.0, gt=0, description="after which upkeep goes on with what was decided")
    split_pause_seconds: float = Field(default=0.05, ge=0, description="at most, before a demand is planned anew")
    max_split_plans_per_call: int = Field(default=8, ge=1, description="of a demand that is overtaken by others")
    max_split_plans_at_once: int = Field(default=16, ge=1, description="of a batch, over several segments")
    max_splits_per_round: int = Field(default=100, ge=1, description="demands over several segments, of each home")
    sequencer_timeout_seconds: float = Field(default=5.0, gt=0)

    # The ledger.
    commit_wait_seconds: float = Field(default=10.0, gt=0, description="the longest wait for a commit")
    heartbeat_seconds: float = Field(default=0.5, gt=0)
    freshness_seconds: float = Field(default=2.0, gt=0, description="silence of the ledger after which nothing is said")
    max_operations_per_commit: int = Field(default=5_000, ge=1)
    journal_tail_operations: int = Field(default=10_000, ge=0, description="what is kept of the journal once committed")
    max_remembered_commits: int = Field(default=4_096, ge=16)
    reader_threads: int = Field(default=8, ge=2, le=64, description="for what callers read")
    engine_threads: int = Field(default=4, ge=2, le=64, description="for what decisions read")
    max_queued_reads: int = Field(default=2_000, ge=1)
    statement_timeout_seconds: float = Field(default=30.0, gt=0)
    writer_transaction_seconds: float = Field(default=10.0, ge=0.1, description="that a writer may stand still in one")
    writer_silence_seconds: float = Field(default=8.0, ge=0.5, description="of a writer, after which another ends it")
    load_chunk_rows: int = Field(default=5_000, ge=1)
    load_timeout_seconds: float = Field(default=600.0, gt=0, description="the longest rebuild")

    # Those who watch.
    max_watchers: int = Field(default=8_000, ge=1)
    max_movement_watchers: int = Field(default=1_000, ge=1)
    max_subscriptions: int = Field(default=10_000, ge=1)
    max_named_numbers_per_filter: int = Field(default=100_000, ge=10_000, description="SKUs times places")
    max_numbers_per_filter: int = Field(default=1_000_000, ge=10_000, description="of all SKUs")
    max_filters: int = Field(default=10_000, ge=1, description="those included that nobody watches any more")
    max_concurrent_snapshots: int = Field(default=4, ge=1, description="filters whose numbers are read at a time")
    max_concurrent_page_reads: int = Field(default=4, ge=1, description="by streams of movements that are behind")
    watch_operations_per_page: int = Field(default=5_000, ge=1, description="of the ledger, looked through at a time")
    watch_movements_per_page: int = Field(default=1_000, ge=1, description="or those of one operation")
    watch_recent_movements: int = Field(default=20_000, ge=1, description="kept for streams that are almost in step")
    watch_keys_per_read: int = Field(default=250, ge=1, le=1_000, description="numbers in one question")
    watch_step_seconds: float = Field(default=0.05, gt=0, description="between two looks at what was committed")
    watch_portion_seconds: float = Field(default=0.005, gt=0, description="between two portions of messages")
    watch_seconds_per_message: float = Field(default=0.0004, gt=0, description="of a portion's time, for each message")
    watch_slowest_step_seconds: float = Field(default=1.0, gt=0, description="the longest that changes gather")
    watch_operations_per_step: int = Field(default=20_000, ge=1)
    watch_max_resume_operations: int = Field(default=200_000, ge=1, description="beyond, all numbers are told")
    watch_bookmark_seconds: float = Field(default=5.0, gt=0)
    watch_stall_seconds: float = Field(default=30.0, ge=1, description="the longest that a message waits to be taken")
    watch_max_age_seconds: float = Field(default=1_800.0, ge=1, description="of a stream, give or take a fifth")
    watch_linger_seconds: float = Field(default=60.0, ge=0, description="that numbers are kept for those who return")

    # Upkeep.
    expiry_interval_seconds: float = Field(default=0.5, gt=0)
    housekeeping_interval_seconds: float = Field(default=60.0, gt=0)
    max_outcomes_removed_per_round: int = Field(default=10_000, ge=1)
    min_kept_operations: int = Field(default=100_000, ge=1, description="the newest, which are never retired")
    retirement_interval_seconds: float = Field(default=5.0, gt=0, description="between two looks for what is to retire")
    retirement_grace_seconds: float = Field(default=60.0, ge=0, description="from the wish to retire to its first step")
    max_operations_retired_per_step: int = Field(default=2_000, ge=1)
    max_movements_retired_per_step: int = Field(default=5_000, ge=1, description="or those of one operation")
    retirement_share: float = Field(default=0.25, gt=0, le=1, description="of the time in which steps are taken")

    @model_validator(mode="after")
    def _name_segments(self) -> Self:
        if not self.segments:
            return self
        names = self.segments.split(",")
        for name in names:
            if not re.match(SEGMENT_PATTERN, name):
                raise ValueError(f"segments: {name!r} is no name of a segment ({SEGMENT_PATTERN})")
        if len(set(names)) < len(names):
            raise ValueError("segments must differ")
        if len(names) > MAX_SEGMENTS:
            raise ValueError(f"a server serves at most {MAX_SEGMENTS} segments")
        if "segment" not in self.model_fields_set:
            object.__setattr__(self, "segment", names[0])
        elif self.segment not in names:
            raise ValueError(f"segment {self.segment} is none of the segments")
        return self

    @property
    def segment_names(self) -> tuple[str, ...]:
        """The segments that a server decides, in sourcing order."""
        return tuple(self.segments.split(",")) if self.segments else (self.segment,)

    def of_segment(self, name: str) -> Settings:
        """Returns the settings of the parts of one segment."""
        return self.model_copy(update={"segment": name})

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.heartbeat_seconds * 2 > self.freshness_seconds:
            raise ValueError("heartbeat_seconds must be at most half of freshness_seconds")
        if self.heartbeat_seconds * 2 > self.writer_silence_seconds:
            raise ValueError("heartbeat_seconds must be at most half of writer_silence_seconds")
        if self.watch_step_seconds > self.watch_slowest_step_seconds:
            raise ValueError("watch_step_seconds must be at most watch_slowest_step_seconds")
        if self.max_concurrent_page_reads >= self.reader_threads:
            raise ValueError("max_concurrent_page_reads must be less than reader_threads")
        if self.min_kept_operations < self.journal_tail_operations:
            raise ValueError("min_kept_operations must be at least journal_tail_operations")
        window_seconds = self.outcome_generation_seconds * 3
        if window_seconds >= self.request_retention_days * 86_400:
            raise ValueError("the window of outcomes must be shorter than request_retention_days")
        return self

    @property
    def request_retention_seconds(self) -> int:
        """How long a request_id is remembered, in seconds."""
        return self.request_retention_days * 86_400
