"""The trace that a call belongs to."""

import sys


def current_trace_parent() -> str:
    """The W3C traceparent of the current span; empty without one.

    A span can only be current in a program that has imported OpenTelemetry, so the client need not import it.
    """
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return ""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
