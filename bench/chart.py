"""The chart: hits per second relative to the floor, as SVG, readable on light and dark backgrounds."""

SERIES = [
    ("hit", "prepared", "pgcache", "#2f7ed8"),
    ("floor", "prepared", "table with just the result", "#8a8f98"),
    ("pgpool", "simple", "pgpool-II query cache, simple protocol", "#e08a1e"),
    ("redis", "unix", "Redis, JSON parsed", "#c8453b"),
    ("plain", "prepared", "plain query", "#4c9a5b"),
]
LEFT, FIGURES, BARS, WIDTH, BAR, GAP = 24, 96, 106, 580, 15, 34
LIMIT = 2.5  # longer bars are cut, their figures are not


def figure(tps):
    return f"{tps:,.0f}" if tps >= 100 else f"{tps:.3g}"


def chart(figures, queries):
    """One group of bars for each query."""
    body = []
    body += legend(SERIES[:3], 34) + legend(SERIES[3:], 52)
    y = top = 74
    for query, title in queries.items():
        floor = figures.median("hits", "floor", query, "prepared", 8, "tps")
        if not floor:
            continue
        body.append(f'<text x="{LEFT}" y="{y + 12}" class="strong">{title}</text>')
        y += 19
        for subject, protocol, _, color in SERIES:
            tps = figures.median("hits", subject, query, protocol, 8, "tps")
            if tps is None:
                continue
            length = max(1.5, min(tps / floor, LIMIT) / LIMIT * WIDTH)
            body.append(f'<rect x="{BARS}" y="{y}" width="{length:.1f}" height="{BAR - 2}" fill="{color}"/>')
            body.append(f'<text x="{FIGURES}" y="{y + 10.5}" text-anchor="end">{figure(tps)} / s</text>')
            y += BAR
        y += GAP - 19
    line = BARS + WIDTH / LIMIT
    body.insert(0, f'<line x1="{line}" y1="{top}" x2="{line}" y2="{y - 8}"/>')
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 {y}" width="720" height="{y}" role="img">
<title>Answers per second with 8 clients, relative to reading a table that holds just the result</title>
<style>
text {{ font: 12px system-ui, sans-serif; fill: #444b54 }}
.strong {{ font-weight: 600 }}
line {{ stroke: #8a8f98; stroke-dasharray: 3 3 }}
@media (prefers-color-scheme: dark) {{ text {{ fill: #c3c9d1 }} }}
</style>
<text x="{LEFT}" y="16" class="strong">Answers per second, 8 clients; the bars are relative to a table with just the result</text>
{chr(10).join(body)}
</svg>
"""


def legend(series, y):
    """Names beside each other; how wide a text will be is a guess."""
    body, x = [], LEFT
    for _, _, name, color in series:
        body.append(f'<rect x="{x:.0f}" y="{y - 9}" width="10" height="10" fill="{color}"/>')
        body.append(f'<text x="{x + 15:.0f}" y="{y}">{name}</text>')
        x += 42 + 6.2 * len(name)
    return body
