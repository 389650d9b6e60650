"""Two charts as SVG: reliability of the confidence, and risk against coverage."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from approvals.learning.evidence import Evidence, curve, reliability

WIDTH, HEIGHT, EDGE = 260, 180, 30


def reliability_picture(evidence: Sequence[Evidence], *, title: str) -> Markup:
    """Confidence to the right, share of right answers upwards; the diagonal is the truth."""
    points = reliability(evidence)
    dots = "".join(
        f'<circle cx="{_x(mean):.1f}" cy="{_y(share):.1f}" r="{min(3 + count**0.5, 9):.1f}">'
        f"<title>{mean:.2f} → {share:.2f} ({count})</title></circle>"
        for mean, share, count in points
    )
    diagonal = f'<path class="ideal" d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}"/>'
    return _picture(diagonal + dots, title=title, summary=_sentence(points))


def risk_picture(evidence: Sequence[Evidence], *, title: str, allowed: float) -> Markup:
    """Coverage to the right, error upwards (the whole height is 20 %), with its bound."""
    rows = [bound for bound in curve(evidence) if bound.sent]
    known = [(b.coverage, 1 - b.precision) for b in rows]
    bounds = [(b.coverage, b.bound) for b in rows]
    lines = (
        f'<path class="limit" d="M{_x(0)} {_error(allowed):.1f}L{_x(1)} {_error(allowed):.1f}"/>'
        f'<path class="bound" d="{_path(bounds)}"/><path class="curve" d="{_path(known)}"/>'
    )
    summary = "; ".join(f"{c:.0%}: {e:.1%}" for c, e in known[:: max(1, len(known) // 6)])
    return _picture(lines, title=title, summary=summary)


def _picture(inside: str, *, title: str, summary: str) -> Markup:
    frame = f"M{EDGE} 8V{HEIGHT - EDGE}H{WIDTH - 8}"
    return Markup(  # noqa: S704 - numbers of ours, and words that are escaped
        f'<svg class="curve-picture" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'width="{WIDTH}" height="{HEIGHT}" aria-label="{escape(f"{title}: {summary}")}">'
        f'<path class="axis" d="{frame}"/>{inside}'
        f'<text x="{EDGE}" y="{HEIGHT - 8}">{escape(title)}</text></svg>'
    )


def _sentence(points: Sequence[tuple[float, float, int]]) -> str:
    return "; ".join(f"{mean:.2f}: {share:.2f}" for mean, share, _ in points)


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{_x(c):.1f} {_error(e):.1f}" for c, e in points) if points else ""


def _x(value: float) -> float:
    return EDGE + value * (WIDTH - EDGE - 8)


def _y(value: float) -> float:
    return HEIGHT - EDGE - value * (HEIGHT - EDGE - 8)


def _error(value: float) -> float:
    return _y(min(value / 0.2, 1.0))
