"""Logs and traces of a process: structured events on standard error, spans to wherever OTEL_* says."""

from __future__ import annotations

import gc
import logging
import sys

import structlog

from holdfast_server.settings import Settings


def configure_logs(settings: Settings) -> None:
    """Sets up the events of this process. Event names are stable; what they are about stands in fields."""
    # Plain tracebacks: the fancy ones print local variables, and with them the passwords in URLs.
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info if settings.log_json else structlog.processors.StackInfoRenderer(),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.log_level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def tune_memory() -> None:
    """Lets the cyclic garbage collector look less often, once everything that lives long is loaded.

    The values of a decision are freed by their reference counts. With Python's defaults the collector took 16 to 19
    percent of the CPU of a busy server and of its ledger writer, looking in vain.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


def configure_traces(settings: Settings) -> None:
    """Sends spans by OTLP if telemetry is on. Where to is said by the standard OTEL_* variables."""
    if not settings.telemetry:
        return
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "holdfast"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
