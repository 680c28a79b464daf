"""The plots of a report, each as one inline SVG. The one place that knows matplotlib.

Colours are placeholders that become variables of the page, so that one drawing serves light and dark.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter

MOST_CHANNELS: Final = 20
"""The most channels that are drawn, those with most demand; the table has all."""

_WIDTH: Final = 9.0
_HEIGHT: Final = 3.1
_INK, _MUTED, _GRID, _PAGE = "#0a0001", "#0a0002", "#0a0003", "#0a0004"
_BLUE, _AMBER, _RED, _GREEN, _GREY, _VIOLET = "#0a0011", "#0a0012", "#0a0013", "#0a0014", "#0a0015", "#0a0016"
_VARIABLES: Final = {
    _INK: "--ink",
    _MUTED: "--muted",
    _GRID: "--grid",
    _PAGE: "--page",
    _BLUE: "--blue",
    _AMBER: "--amber",
    _RED: "--red",
    _GREEN: "--green",
    _GREY: "--grey",
    _VIOLET: "--violet",
}
_STYLE: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": _INK,
    "axes.labelcolor": _MUTED,
    "axes.edgecolor": _GRID,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": _GRID,
    "grid.linewidth": 0.7,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "figure.facecolor": "none",
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "patch.linewidth": 0,
}
_LOG_FROM: Final = 20
"""From this ratio of the largest to the smallest on, an axis of latencies is logarithmic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A drawing with what it shows."""

    title: str
    caption: str
    svg: str


def plots(report: Mapping[str, Any]) -> list[Plot]:
    """Returns the plots that the report has something for."""
    figures = report["figures"]
    drawn = [
        (
            "Latency over time",
            "From when a buyer meant to ask until the answer, of all who meant to ask in the same step of "
            f"{figures['timeline']['step_seconds']:g} s. Whatever held a request up is in it.",
            _latency_over_time,
            bool(figures["answered"]),
        ),
        (
            "How latency is spread",
            "Left: how many reservations took how long. Right: the latency that each share of them stayed below.",
            _distribution,
            bool(figures["answered"]),
        ),
        (
            "Throughput",
            "Reservations a second: offered is when buyers meant to ask, answered is when the answer came.",
            _throughput,
            bool(figures["offered"]),
        ),
        (
            "Remaining units",
            "What may still be sold of all SKUs together, as the ledger has it.",
            _remaining,
            bool(figures["granted"]),
        ),
        (
            "Refusals by reason",
            "Refusals a second, by the reason that the authority gave.",
            _refusals,
            bool(figures["timeline"]["refused_by_reason"]),
        ),
        (
            "By channel",
            f"Reservations of each channel, and its latency from p50 to p99. At most {MOST_CHANNELS} channels.",
            _by_channel,
            bool(figures["channels"]),
        ),
    ]
    with mpl.rc_context(_STYLE):
        return [
            Plot(title=title, caption=caption, svg=_svg(draw(figures), f"plot{number}"))
            for number, (title, caption, draw, has_something) in enumerate(drawn)
            if has_something
        ]


def _svg(figure: Figure, prefix: str) -> str:
    """Returns the drawing as an element of a page: nothing around it, ids of its own, colours of the page."""
    buffer = io.StringIO()
    mpl.rcParams["svg.hashsalt"] = prefix
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\1{prefix}-", text)
    text = re.sub(r"(<svg\b[^>]*?) width=\"[^\"]*\"", r"\1", text, count=1)
    text = re.sub(r"(<svg\b[^>]*?) height=\"[^\"]*\"", r"\1", text, count=1)
    # The page's own typeface is as wide or narrower than the one that was laid out with.
    text = re.sub(r"font: ([^;\"]*?)'DejaVu Sans'[^;\"]*", r"font: \1var(--face)", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    return text


def _figure(columns: int = 1, *, height: float = _HEIGHT, **ratios: Any) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    axes = figure.subplots(1, columns, squeeze=False, gridspec_kw=ratios)[0]
    return figure, list(axes)


def _legend(axes: Axes, columns: int) -> None:
    """Puts the legend above the drawing, where it covers nothing."""
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=columns, borderaxespad=0.2, handlelength=1.4)


def _times(timeline: Mapping[str, Any], count: int) -> list[float]:
    """The beginning of each step, and the end of the last."""
    width = timeline["step_seconds"]
    return [number * width for number in range(count + 1)]


def _latency_over_time(figures: Mapping[str, Any]) -> Figure:
    timeline = figures["timeline"]
    figure, (axes,) = _figure()
    middle = [start + timeline["step_seconds"] / 2 for start in _times(timeline, len(timeline["p50"]))[:-1]]
    for name, colour in (("p99", _RED), ("p95", _AMBER), ("p50", _BLUE)):
        known = [(moment, value) for moment, value in zip(middle, timeline[name], strict=True) if value is not None]
        axes.plot(*zip(*known, strict=True), color=colour, label=name, marker="o" if len(known) < 3 else "")
    values = [value for name in ("p50", "p99") for value in timeline[name] if value]
    _latency_axis(axes.yaxis, axes.set_yscale, values)
    axes.set_xlim(0, None)
    axes.set_xlabel("seconds from the start")
    _legend(axes, 3)
    return figure


def _latency_axis(axis: Any, set_scale: Callable[[str], None], values: Sequence[float]) -> None:
    if values and max(values) > _LOG_FROM * min(values):
        set_scale("log")
        axis.set_major_locator(LogLocator(subs=(1.0, 3.0) if max(values) < 1000 * min(values) else (1.0,)))
        axis.set_minor_formatter(NullFormatter())
    else:
        axis.axes.set_ylim(0, None) if axis.axis_name == "y" else axis.axes.set_xlim(0, None)
    axis.set_major_formatter(FuncFormatter(lambda value, _: milliseconds(value)))


def milliseconds(value: float) -> str:
    """Returns a time for people, in the unit that fits it."""
    if value >= 1000:
        return f"{value / 1000:g} s"
    return f"{value:g} ms"


def _distribution(figures: Mapping[str, Any]) -> Figure:
    figure, (left, right) = _figure(2)
    classes = figures["latency_histogram"]
    left.bar(
        [one["from_ms"] for one in classes],
        [one["count"] for one in classes],
        width=[(one["to_ms"] - one["from_ms"]) * 0.94 for one in classes],
        align="edge",
        color=_BLUE,
    )
    left.set_xscale("log")
    left.xaxis.set_major_formatter(FuncFormatter(lambda value, _: milliseconds(value)))
    left.xaxis.set_minor_formatter(NullFormatter())
    left.yaxis.set_major_formatter(FuncFormatter(_thousands))
    left.set_ylabel("reservations")
    left.grid(visible=False, axis="x")
    curve = [point for point in figures["latency_curve_ms"] if point["share"] < 1]
    ranks = [1 / (1 - point["share"]) for point in curve]
    values = [point["ms"] for point in curve]
    right.plot(ranks, values, color=_BLUE)
    right.set_xscale("log")
    shown = (0.5, 0.9, 0.99, 0.999, 0.9999)
    right.xaxis.set_major_locator(FixedLocator([1 / (1 - share) for share in shown]))
    right.xaxis.set_minor_locator(FixedLocator([]))
    right.xaxis.set_major_formatter(FuncFormatter(lambda rank, _: f"{100 * (1 - 1 / rank):.4g} %"))
    right.set_xlabel("share of reservations")
    _latency_axis(right.yaxis, right.set_yscale, [value for value in values if value])
    return figure


def _throughput(figures: Mapping[str, Any]) -> Figure:
    timeline = figures["timeline"]
    figure, (axes,) = _figure()
    width = timeline["step_seconds"]
    edges = _times(timeline, len(timeline["offered"]))
    offered, answered, granted = (
        [count / width for count in timeline[name]] for name in ("offered", "answered", "granted")
    )
    axes.stairs(offered, edges, fill=True, color=_GREY, alpha=0.35, label="offered")
    axes.stairs(answered, edges, color=_BLUE, linewidth=1.8, label="answered", baseline=None)
    axes.stairs(granted, edges, color=_GREEN, linewidth=1.8, label="granted", baseline=None)
    _from_zero(axes, edges)
    axes.set_ylabel("a second")
    _legend(axes, 3)
    return figure


def _remaining(figures: Mapping[str, Any]) -> Figure:
    figure, (axes,) = _figure(height=2.6)
    width = figures["remaining"]["step_seconds"]
    units = [figures["units"], *figures["remaining"]["units"]]
    moments = [width * number for number in range(len(units))]
    axes.plot(moments, units, color=_GREEN)
    axes.fill_between(moments, units, color=_GREEN, alpha=0.15)
    _from_zero(axes, moments)
    axes.set_ylabel("units")
    sold_out = figures["sold_out_seconds"]
    if sold_out is not None:
        is_late = sold_out > moments[-1] * 0.7
        axes.axvline(sold_out, color=_RED, linewidth=1.2, linestyle=(0, (4, 3)))
        axes.annotate(
            f"sold out after {sold_out:.2g} s",
            (sold_out, axes.get_ylim()[1]),
            xytext=(-6 if is_late else 6, -4),
            textcoords="offset points",
            ha="right" if is_late else "left",
            va="top",
            color=_RED,
        )
    return figure


def _refusals(figures: Mapping[str, Any]) -> Figure:
    timeline = figures["timeline"]
    figure, (axes,) = _figure(height=2.6)
    width = timeline["step_seconds"]
    by_reason = sorted(timeline["refused_by_reason"].items(), key=lambda one: -sum(one[1]))
    colours = (_GREY, _AMBER, _VIOLET, _RED, _BLUE, _GREEN)
    edges = _times(timeline, len(timeline["offered"]))
    base = [0.0] * len(timeline["offered"])
    for number, (reason, counts) in enumerate(by_reason):
        top = [below + count / width for below, count in zip(base, counts, strict=True)]
        label = f"{reason} ({sum(counts):,})"
        axes.stairs(top, edges, baseline=base, fill=True, color=colours[number % len(colours)], alpha=0.75, label=label)
        base = top
    _from_zero(axes, edges)
    axes.set_ylabel("a second")
    _legend(axes, 2)
    return figure


def _from_zero(axes: Axes, edges: Sequence[float]) -> None:
    axes.set_ylim(0, None)
    axes.set_xlim(0, edges[-1])
    axes.set_xlabel("seconds from the start")
    axes.yaxis.set_major_formatter(FuncFormatter(_thousands))


def _by_channel(figures: Mapping[str, Any]) -> Figure:
    channels = sorted(figures["channels"].items(), key=lambda one: -one[1]["asked"])[:MOST_CHANNELS]
    figure, (left, right) = _figure(2, height=1.3 + 0.32 * len(channels), width_ratios=(3, 2))
    places = list(range(len(channels)))
    granted = [of["granted"] for _, of in channels]
    left.barh(places, granted, color=_GREEN, height=0.62, label="granted")
    left.barh(places, [of["refused"] for _, of in channels], left=granted, color=_GREY, height=0.62, label="refused")
    left.set_yticks(places, [name for name, _ in channels])
    left.tick_params(axis="y", length=0, labelcolor=_INK)
    left.xaxis.set_major_formatter(FuncFormatter(_thousands))
    left.grid(visible=False, axis="y")
    left.set_ylim(len(channels) - 0.5, -0.5)
    left.set_xlabel("reservations asked for")
    _legend(left, 2)
    for place, (_, of) in zip(places, channels, strict=True):
        low, high = of["latency_ms"]["p50"], of["latency_ms"]["p99"]
        if low is not None and high is not None:
            right.plot([low, high], [place, place], color=_GREY, linewidth=2.5, solid_capstyle="round", zorder=1)
            right.scatter([low], [place], color=_BLUE, s=28, zorder=2, label="p50" if place == 0 else None)
            right.scatter([high], [place], color=_RED, s=28, zorder=2, label="p99" if place == 0 else None)
    right.set_yticks(places, [""] * len(places))
    right.tick_params(axis="y", length=0)
    right.set_ylim(len(channels) - 0.5, -0.5)
    right.set_xlim(0, None)
    right.xaxis.set_major_locator(MaxNLocator(4))
    right.grid(visible=False, axis="y")
    right.xaxis.set_major_formatter(FuncFormatter(lambda value, _: milliseconds(value)))
    right.set_xlabel("latency")
    _legend(right, 2)
    return figure


def _thousands(value: float, _: object) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"
