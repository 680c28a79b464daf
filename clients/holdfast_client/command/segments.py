"""`holdfast status` and `holdfast resume`: whether the authority decides, and letting it go on."""

import time
from typing import Annotated

import typer
from holdfast.inventory.v1 import audit_service_pb2

from holdfast_client.client import HoldfastClient
from holdfast_client.command import asking
from holdfast_client.errors import HoldfastError
from holdfast_client.policy import RetryPolicy


def status(target: asking.Target = None, as_json: asking.AsJson = False) -> None:
    """Show whether the authority serves. Ends with 0 only if it does and every segment is open.

    Example: holdfast status
    """

    async def work(client: HoldfastClient) -> int:
        serving = await client.is_serving()
        refusal: HoldfastError | None = None
        segments: list[audit_service_pb2.Segment] = []
        try:
            segments = [segment async for segment in client.list_segments()]
        except HoldfastError as error:
            # What is known of the server is shown even where the segments cannot be had.
            refusal = error
        if as_json:
            asking.print_json(
                {
                    "target": client.target,
                    "serving": serving,
                    "segments": [asking.as_dict(segment) for segment in segments],
                }
            )
        else:
            asking.print_words(f"{client.target}  {'SERVING' if serving else 'NOT SERVING'}")
            _print_segments(segments)
        if refusal is not None:
            raise refusal
        decides = [segment.state == audit_service_pb2.SEGMENT_STATE_OPEN for segment in segments]
        return 0 if serving and decides and all(decides) else 1

    # Whoever asks for the status wants to know how it is now, not how it is after a while.
    asking.ask(work, target=target, as_json=as_json, retry=RetryPolicy(max_tries=1))


def resume(
    *,
    segment: Annotated[str, typer.Argument(metavar="SEGMENT", help="The segment.", show_default=False)],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the log.")],
    replay_journal: Annotated[
        bool, typer.Option("--replay-journal", help="Write what the journal kept to the ledger again.")
    ] = False,
    discard_journal: Annotated[
        bool,
        typer.Option(
            "--discard-journal",
            help="Give up the operations that the ledger lacks, although they were acknowledged.",
        ),
    ] = False,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Let a stopped segment go on. Exactly one of the two ways must be chosen.

    Example: holdfast resume main --replay-journal --reason "failover of the database on 1 March"
    """
    if replay_journal == discard_journal:
        raise typer.BadParameter("give exactly one of --replay-journal and --discard-journal")
    mode = (
        audit_service_pb2.RESUME_MODE_REPLAY_JOURNAL
        if replay_journal
        else audit_service_pb2.RESUME_MODE_DISCARD_JOURNAL
    )

    async def work(client: HoldfastClient) -> int:
        answer = await client.resume_segment(segment, mode=mode, reason=reason)
        if as_json:
            asking.print_json(answer)
        else:
            _print_segments([answer.segment])
        return 0

    asking.ask(work, target=target, as_json=as_json)


def _print_segments(segments: list[audit_service_pb2.Segment]) -> None:
    now_seconds = time.time()
    asking.print_table(
        ("segment", "state", "epoch", "revision", "lineage", "heartbeat", "why"),
        [
            (
                segment.segment,
                audit_service_pb2.SegmentState.Name(segment.state).removeprefix("SEGMENT_STATE_"),
                segment.epoch,
                segment.position,
                segment.lineage,
                _age(segment, now_seconds),
                segment.state_reason,
            )
            for segment in segments
        ],
    )


def _age(segment: audit_service_pb2.Segment, now_seconds: float) -> str:
    if not segment.HasField("heartbeat_time"):
        return "never"
    age_seconds = now_seconds - segment.heartbeat_time.ToNanoseconds() / 1e9
    return f"{max(0.0, age_seconds):.1f} s ago"
