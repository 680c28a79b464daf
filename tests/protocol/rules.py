"""The guards of the protocol: one switch each, so that any of them can be taken out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The guards of the protocol, one switch each. A mutation is this value with a guard taken out."""

    # Acknowledgement, DESIGN.md 4.5 and 4.6
    done_waits_for_commit: bool = True
    refusal_waits_for_commit: bool = True
    read_waits_for_commit: bool = True
    wait_is_by_identity: bool = True
    # Script, 4.1 to 4.3
    script_checks_epoch: bool = True
    script_checks_known_committed: bool = True
    script_checks_format: bool = True
    script_counts_keys: bool = True
    journal_ids_only_rise: bool = True
    # Ledger writer, 4.4
    cursor_compares_epoch: bool = True
    cursor_compares_seq: bool = True
    cursor_compares_hash: bool = True
    writer_verifies_chain: bool = True
    ledger_checks_versions: bool = True
    outcome_in_same_commit: bool = True
    ledger_refuses_second_outcome: bool = False  # a unique request_id; a partitioned table cannot offer it
    # Rebuild, 4.7
    fence_with_snapshot: bool = True
    epoch_names_keys: bool = True
    load_pieces_are_counted: bool = True
    open_only_upwards: bool = True
    # Postgres loses its tail, 4.8
    stop_compares_mark: bool = True
    stop_compares_epoch: bool = True
    fence_spares_stopped: bool = True
    cursor_compares_segment: bool = True
    mark_follows_commit: bool = True
    mark_keeps_tail: bool = True
    writer_marks: bool = True
    tick_marks_known_committed: bool = True
    replay_begins_where_ledger_ends: bool = True
    discard_rises_above_open_epoch: bool = True
    server_heeds_segment: bool = True
    server_ignores_older_notices: bool = True
    what_is_open_is_not_rebuilt: bool = True
    format_change_waits_for_journal: bool = False  # another mend that is not built (see test_formats)
    # Rules and the life of a hold, 3 and 4.9
    decision_counts_safety: bool = True
    rebuild_loads_rules: bool = True
    rebuild_loads_holds: bool = True
    hold_is_resolved_once: bool = True
    tick_expires_what_is_due: bool = True
    command_expires_due_hold: bool = True
    # Watch, 6
    step_tells_what_certainly_changed: bool = True
    number_taken_in_ahead_is_told_again: bool = True
    number_waits_for_commit: bool = True
    token_names_what_was_told: bool = True
    token_waits_for_hand_out: bool = True
    token_lineage_is_checked: bool = True
    future_token_is_reset: bool = True
    resumption_waits_for_hub: bool = True
    resumption_joins_first: bool = True
    resumption_hands_out_first: bool = True
    number_read_ahead_is_told_again: bool = True
    hub_checks_lineage: bool = True
    watcher_keeps_greater_version: bool = True
    # Once in two tiers, 4.13
    floor_demands_lookup: bool = True
    floor_counts_id_time: bool = True
    lookup_covers_evicted: bool = True
    lookup_is_one_snapshot: bool = True
    rebuild_raises_evicted: bool = True
    # How current an answer is, 4.6: five that are off as decided and on in a mend (see test_currency)
    unwritten_tick_reads_cursor: bool = False
    tick_reads_cursor: bool = False
    tick_writes_barrier: bool = False
    epoch_has_one_home: bool = False
    open_waits_out_lease: bool = False
    lease_is_checked: bool = True
    lease_is_of_one_epoch: bool = True
    lease_counts_from_asking: bool = True


PROTOCOL = Rules()
