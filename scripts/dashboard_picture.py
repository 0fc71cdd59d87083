#!/usr/bin/env python3
"""Draws panels of a Grafana dashboard as an SVG, from what a Prometheus has scraped.

usage: scripts/dashboard_picture.py PROMETHEUS_URL DASHBOARD.json SECONDS OUT.svg ROW/TITLE...

The picture shows the last SECONDS, of all nodes:

  scripts/dashboard_picture.py http://127.0.0.1:9090 deploy/prometheus/crisp.dashboard.json 3600 dashboard.svg \\
      "Calls/Calls" "Pods and containers/CPU" "Images and registries/Disk"
"""

import html
import json
import math
import sys
import time
import urllib.parse
import urllib.request

COLUMNS = 3
PANEL_W, PANEL_H, GAP = 400, 230, 12
PLOT = {"left": 58, "right": 12, "top": 34, "bottom": 62}  # margins of the plot inside its panel
COLORS = ["#3874cb", "#e0752d", "#3f9c35", "#b8860b", "#a352cc", "#c4162a"]
MOST_LINES = len(COLORS)
POINTS = 60
STYLE = """
  .bg { fill: #f4f5f5 } .panel { fill: #fff; stroke: #d9dbdf }
  text { font: 11px sans-serif; fill: #464c54 } .title { font: 600 13px sans-serif; fill: #24292e }
  .grid { stroke: #e8eaed } .line { fill: none; stroke-width: 1.6; stroke-linejoin: round }
"""


def query_range(url, expression, start, end, step):
    for name, value in (("$node", ".*"), ("$__rate_interval", f"{max(4, round(4 * step))}s")):
        expression = expression.replace(name, value)
    arguments = urllib.parse.urlencode({"query": expression, "start": start, "end": end, "step": step})
    with urllib.request.urlopen(f"{url}/api/v1/query_range?{arguments}") as answer:
        return json.load(answer)["data"]["result"]


def legend_of(template, labels):
    for name in labels:
        template = template.replace("{{" + name + "}}", labels[name])
    return template


def lines_of(url, panel, start, end):
    """[(legend, [(time, value)])], those with the highest value first."""
    lines = []
    step = (end - start) / POINTS
    for target in panel["targets"]:
        for series in query_range(url, target["expr"], start, end, step):
            points = [(t, float(v)) for t, v in series["values"] if math.isfinite(float(v))]
            if points:
                lines.append((legend_of(target["legendFormat"], series["metric"]), points))
    lines.sort(key=lambda line: -max(value for _, value in line[1]))
    return lines[:MOST_LINES]


def ticks_up_to(highest, base):
    """Round values from 0 to at least `highest`, some four of them."""
    if highest <= 0:
        return [0, 1]
    scale = base ** math.floor(math.log(highest, base)) if base == 1024 else 1
    raw = highest / scale / 4
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999) * scale
    return [i * step for i in range(math.ceil(highest / step - 1e-9) + 1)]


def shown(value, unit):
    if value == 0:
        return "0"
    if unit == "percentunit":
        return f"{value * 100:.4g} %"
    if unit == "s":
        for factor, name in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
            if value * factor >= 1 or name == "µs":
                return f"{value * factor:.4g} {name}"
    if unit in ("bytes", "Bps"):
        power = min(4, int(math.log(value, 1024))) if value >= 1 else 0
        return f"{value / 1024 ** power:.4g} {('B', 'KiB', 'MiB', 'GiB', 'TiB')[power]}" + ("/s" if unit == "Bps" else "")
    return f"{value:.4g}" + {"ops": "/s", "reqps": "/s"}.get(unit, "")


def text(x, y, what, anchor="start", kind=""):
    kind = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}"{kind}>{html.escape(what)}</text>'


def draw_axes(left, top, width, height, ticks, unit, start, end):
    out = []
    for tick in ticks:
        y = top + height * (1 - tick / ticks[-1])
        out.append(f'<path class="grid" d="M{left} {y:.1f}h{width}"/>')
        out.append(text(left - 6, y + 4, shown(tick, unit), "end"))
    for i in range(4):
        x = left + width * i / 3
        clock = time.strftime("%H:%M:%S", time.gmtime(start + (end - start) * i / 3))
        out.append(text(x, top + height + 15, clock, ("start", "middle", "middle", "end")[i]))
    return out


def draw_lines(lines, left, top, width, height, highest, start, end):
    out = []
    for (_, points), color in zip(lines, COLORS):
        path = " ".join(f"{left + width * (t - start) / (end - start):.1f},{top + height * (1 - v / highest):.1f}"
                        for t, v in points)
        out.append(f'<polyline class="line" stroke="{color}" points="{path}"/>')
    return out


def draw_legend(lines, x, y, width):
    out, at, row = [], x, 0
    for (name, _), color in zip(lines, COLORS):
        name = name if len(name) <= 40 else name[:39] + "…"
        needed = 24 + 6.6 * len(name)
        if at > x and at + needed > x + width:
            at, row = x, row + 1
        if row > 1:
            break
        out.append(f'<rect x="{at:.0f}" y="{y + 15 * row - 8:.0f}" width="9" height="9" rx="2" fill="{color}"/>')
        out.append(text(at + 13, y + 15 * row, name))
        at += needed
    return out


def draw_panel(url, panel, x, y, start, end):
    unit = panel["fieldConfig"]["defaults"]["unit"]
    lines = lines_of(url, panel, start, end)
    highest = max((value for _, points in lines for _, value in points), default=0)
    ticks = ticks_up_to(highest, 1024 if unit in ("bytes", "Bps") else 10)
    left, top = x + PLOT["left"], y + PLOT["top"]
    width = PANEL_W - PLOT["left"] - PLOT["right"]
    height = PANEL_H - PLOT["top"] - PLOT["bottom"]
    return [
        f'<rect class="panel" x="{x}" y="{y}" width="{PANEL_W}" height="{PANEL_H}" rx="3"/>',
        text(x + 12, y + 21, panel["title"], kind="title"),
        *draw_axes(left, top, width, height, ticks, unit, start, end),
        *draw_lines(lines, left, top, width, height, ticks[-1], start, end),
        *draw_legend(lines, x + 12, y + PANEL_H - 26, PANEL_W - 24),
    ]


def panels_by_place(dashboard):
    row, panels = "", {}
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            row = panel["title"]
        else:
            panels[f"{row}/{panel['title']}"] = panel
    return panels


def main():
    if len(sys.argv) < 6:
        sys.exit(__doc__)
    url, dashboard, seconds, out, places = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4], sys.argv[5:]
    with open(dashboard, encoding="utf-8") as file:
        panels = panels_by_place(json.load(file))
    end = time.time()
    body = []
    for i, place in enumerate(places):
        x = GAP + (PANEL_W + GAP) * (i % COLUMNS)
        y = GAP + (PANEL_H + GAP) * (i // COLUMNS)
        body += draw_panel(url, panels[place], x, y, end - seconds, end)
    width = GAP + (PANEL_W + GAP) * min(COLUMNS, len(places))
    height = GAP + (PANEL_H + GAP) * math.ceil(len(places) / COLUMNS)
    with open(out, "w", encoding="utf-8") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">\n<style>{STYLE}</style>\n'
                   f'<rect class="bg" width="{width}" height="{height}"/>\n' + "\n".join(body) + "\n</svg>\n")


if __name__ == "__main__":
    main()
