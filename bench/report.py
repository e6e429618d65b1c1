#!/usr/bin/env python3
"""report.py RAW ENVIRONMENT FOLDER: the table of all rows and the chart, from the raw results.

Prints the table, and writes results.md and results.svg into FOLDER.  RAW has one measured value per line; ENVIRONMENT has lines of
Markdown about the machine.  Which rows there are, what each is compared with and its target stand in rows() below.
"""

import sys

from chart import chart
from figures import Figures

QUERIES = {"q1": "Q1, 1 row", "q2": "Q2, 100 rows", "q3": "Q3, aggregate, 10 rows", "q4": "Q4, 10,000 rows"}
COLUMNS = ["what", "protocol", "clients", "hit ratio", "writes", "measured", "compared with", "ratio", "target", "met"]
NOTHING = "–"


def number(x):
    """Three digits, or all of them before the point."""
    if x is None:
        return NOTHING
    if abs(x) >= 100 or x == int(x):
        return f"{x:,.0f}"
    return f"{x:,.1f}" if abs(x) >= 10 else f"{x:.2f}"


class Table:
    """Collects rows; one whose part was not measured is left out."""

    def __init__(self, figures):
        self.figures = figures
        self.lines = []

    def add(self, what, key, measured, against="", ratio=None, target=None, writes="0 %", unit=""):
        """target: (">=" or "<=", number, what it is held against: None for the ratio, or a value)."""
        if measured is None:
            return
        met = wanted = NOTHING
        if target:
            comparison, bound = target[:2]
            value = target[2] if len(target) > 2 else ratio
            met = "yes" if (value >= bound if comparison == ">=" else value <= bound) else "**no**"
            wanted = ("≥ " if comparison == ">=" else "≤ ") + f"{bound:g}" + (target[3] if len(target) > 3 else "")
        part, subject, query, protocol, clients = key
        hits = self.figures.median(part, subject, query, protocol, clients, "hit_ratio")
        self.lines.append([
            what, protocol if protocol != "-" else NOTHING, str(clients),
            NOTHING if hits is None else "1.0" if hits == 1 else f"{hits:.4g}",
            writes, number(measured) + unit, against, NOTHING if ratio is None else f"{ratio:.3f}" if ratio < 10 else number(ratio),
            wanted, met])

    def compare(self, what, ours, theirs, name, metric, target=None, writes="0 %", unit=""):
        """A row whose ratio is the median of the rounds' ratios."""
        r = self.figures
        ratio = r.ratio(ours + (metric,), theirs + (metric,))
        if ratio is None:
            return
        if metric == "tps":
            unit = " tps"
        self.add(what, ours, r.median(*ours, metric), f"{name}: {number(r.median(*theirs, metric))}", ratio, target, writes, unit)


def rows(figures):
    table = Table(figures)
    hits(table)
    values(table)
    instructions(table)
    scaling(table)
    misses(table)
    tiers(table)
    writes(table)
    invalidation(table)
    watch(table)
    dashboard(table)
    memory(table)
    churn(table)
    worth(table)
    warm(table)
    return table.lines


def hits(table):
    def key(subject, query, protocol):
        return ("hits", subject, query, protocol, 8)

    def each(what, protocol, subject, theirs, name, targets):
        for query, title in QUERIES.items():
            target = (">=", targets[query]) if query in targets else None
            table.compare(f"{title}: {what}", key("hit", query, protocol), key(subject, query, theirs), name, "tps", target)

    each("hits", "prepared", "floor", "prepared", "table with the result", {"q1": 0.85, "q2": 1.05, "q3": 0.97, "q4": 1.05})
    each("hits", "prepared", "redis", "unix", "Redis, JSON parsed", {"q2": 2.5, "q4": 4})
    each("hits", "simple", "pgpool", "simple", "pgpool-II, hits", {"q1": 1.0, "q2": 0.9, "q3": 1.0, "q4": 0.4})
    for query, title in QUERIES.items():
        table.compare(f"{title}: the table with the result", key("floor", query, "simple"), key("pgpool", query, "simple"),
                      "pgpool-II, hits", "tps")
    each("hits", "prepared", "pgpool", "prepared", "pgpool-II, hits", {"q1": 3, "q2": 3, "q3": 3, "q4": 1.5})
    each("hits", "prepared", "plain", "prepared", "plain query", {})
    for query, bound in {"q1": 3, "q3": 5}.items():
        ours, theirs = key("hit", query, "prepared"), key("select1", "-", "prepared")
        more = table.figures.difference(ours + ("cpu_us",), theirs + ("cpu_us",))
        if more is not None:
            table.add(f"{QUERIES[query]}: server CPU of a hit beyond `SELECT 1`", ours, more,
                      f"`SELECT 1`: {number(table.figures.median(*theirs, 'cpu_us'))} µs", None, ("<=", bound, more, " µs"), unit=" µs")


def values(table):
    def key(subject):
        return ("values", subject, "item", "prepared", 8)

    table.compare("`cache_get()` of a small value", key("get"), key("pk"), "`SELECT` by primary key", "tps", (">=", 0.85))
    table.compare("`cache_get()` of a small value", key("get"), key("get_pgmemcache"), "`memcache_get()`", "tps", (">=", 1.5))
    table.compare("`cache_get_or_set()` of a small value", key("get_or_set"), key("pk"), "`SELECT` by primary key", "tps")
    table.compare("`cache_set()` of a small value", key("set"), key("update"), "`UPDATE` of a row", "tps", writes="100 %")
    table.compare("`cache_set()`, write-behind", key("write_behind"), key("update"), "`UPDATE` of a row", "tps", writes="100 %")
    table.compare("`cache_set()`, write-through", key("write_through"), key("update"), "`UPDATE` of a row", "tps", writes="100 %")
    table.compare("`cache_incr()` of 100 counters", key("incr"), key("incr_row"), "`UPDATE` of 100 rows", "tps", writes="100 %")
    for what, ours, theirs, name in (("`cache_get()`", "get", "pk", "`SELECT` by primary key"), ("`cache_set()`", "set", "update", "`UPDATE` of a row")):
        table.compare(f"instructions of {what}", ("values", ours, "item", "prepared", 1), ("values", theirs, "item", "prepared", 1), name,
                      "instructions", writes="0 %" if ours == "get" else "100 %")


def instructions(table):
    def key(subject, query):
        return ("instructions", subject, query, "prepared", 1)

    metric = "instructions"
    targets = {"q1": 1.15, "q2": 0.95, "q3": 1.00, "q4": 0.97}
    for query, title in QUERIES.items():
        target = ("<=", targets[query]) if query in targets else None
        table.compare(f"{title}: instructions of a hit", key("hit", query), key("floor", query), "table with the result", metric, target)
    table.compare(f"{QUERIES['q1']}: instructions of a hit", ("instructions", "hit", "q1", "simple", 1), ("instructions", "floor", "q1", "simple", 1),
                  "table with the result", metric)
    table.add("instructions of `SELECT 1`", key("select1", "-"), table.figures.median(*key("select1", "-"), metric))
    table.compare("instructions of a miss, stored, 1 row", key("miss", "q1"), key("ordinary", "q1"), "plain query", metric)
    table.compare("instructions of an UPDATE that invalidates", key("loaded", "update"), key("plain", "update"), "without the library",
                  metric, writes="100 %")
    table.compare("instructions of TPC-B-like, nothing cached", key("loaded", "tpcb"), key("plain", "tpcb"), "without the library", metric,
                  writes="80 %")
    table.compare("instructions of select-only, nothing cached", key("loaded", "select"), key("plain", "select"), "without the library",
                  metric)
    table.compare("instructions of TPC-B-like with `cache_invalidate_trigger()`", key("trigger", "tpcb"), key("plain", "tpcb"),
                  "without the library", metric, writes="80 %")


def scaling(table):
    r = table.figures
    for query in ("q1", "q3"):
        for few, many in ((1, 8), (8, 32)):
            def tps(subject, name, clients):
                return ("scaling", subject, name, "prepared", clients, "tps")
            ours = r.ratio(tps("hit", query, many), tps("hit", query, few))
            theirs = r.ratio(tps("select1", "-", many), tps("select1", "-", few))
            if ours is not None:
                table.add(f"{QUERIES[query]}: growth of hits from {few} to {many} clients", tps("hit", query, many)[:5], ours,
                          f"`SELECT 1`: {number(theirs)}", ours / theirs, (">=", 0.95), unit=" times")


def misses(table):
    r = table.figures

    def key(subject):
        return ("misses", subject, "q2", "prepared", 1)

    def ms(subject):
        return 1000 / r.median(*key(subject), "tps")

    if r.median(*key("miss"), "tps") is None:
        return
    miss, ordinary, hit = ms("miss"), ms("ordinary"), ms("hit")
    ratio = 1 / r.ratio(key("miss") + ("tps",), key("ordinary") + ("tps",))
    table.add("Q2: a miss that is stored", key("miss"), miss, f"plain query: {number(ordinary)} ms", ratio, ("<=", 1.05), unit=" ms")
    even = 100 * (ratio - 1) * ordinary / (ratio * ordinary - hit)
    table.add("Q2: hit ratio from which the cache pays", key("miss"), even, f"hit: {number(hit)} ms", None, ("<=", 10, even, " %"), unit=" %")


def tiers(table):
    r = table.figures

    for query, what in (("small", "1 row"), ("large", "100 kB")):
        plain = ("tiers", "plain", query, "prepared", 1)
        for subject, tier in (("first", "a hit in shared memory"), ("second", "a hit in Redis"), ("miss", "a miss, stored in both")):
            key = ("tiers", subject, query, "prepared", 1)
            if r.median(*key, "tps") is None:
                continue
            ratio = 1 / r.ratio(key + ("tps",), plain + ("tps",))
            table.add(f"{what}: {tier}", key, 1000 / r.median(*key, "tps"),
                      f"plain query: {number(1000 / r.median(*plain, 'tps'))} ms", ratio, unit=" ms")

    def value(subject):
        return ("tiers", subject, "value", "prepared", 1)

    for subject, what, other, plain in (("first", "cache_get(): a hit in shared memory", "plain", "row by primary key"),
                                        ("second", "cache_get(): a hit in Redis", "plain", "row by primary key"),
                                        ("set_both", "cache_set() with Redis", "set_alone", "without Redis")):
        if r.median(*value(subject), "tps") is None:
            continue
        ratio = 1 / r.ratio(value(subject) + ("tps",), value(other) + ("tps",))
        table.add(what, value(subject), 1000 / r.median(*value(subject), "tps"),
                  f"{plain}: {number(1000 / r.median(*value(other), 'tps'))} ms", ratio, unit=" ms")


def writes(table):
    def key(subject, query):
        return ("writes", subject, query, "prepared", 8)

    table.compare("TPC-B-like, nothing cached", key("loaded", "tpcb"), key("plain", "tpcb"), "without the library", "tps", (">=", 0.98),
                  writes="80 %")
    table.compare("select-only, nothing cached", key("loaded", "select"), key("plain", "select"), "without the library", "tps",
                  (">=", 0.98))
    table.compare("TPC-B-like with `cache_invalidate_trigger()` for each row", key("trigger", "tpcb"), key("plain", "tpcb"),
                  "without the library", "tps", (">=", 0.95), writes="80 %")
    table.compare("TPC-B-like with an empty PL/pgSQL trigger for each statement", key("empty_trigger", "tpcb"), key("plain", "tpcb"),
                  "without triggers", "tps", writes="80 %")


def invalidation(table):
    def key(subject):
        return ("invalidation", subject, "-", "-", 1)

    entries = number(table.figures.median(*key("many"), "entries"))
    table.compare(f"UPDATE and COMMIT that invalidates {entries} entries", key("many"), key("one"), "that invalidates one", "commit_us",
                  ("<=", 1.1), writes="100 %", unit=" µs")
    table.compare(f"the same, with {entries} invalid ones there", key("many_later"), key("one_later"), "the same, one entry", "commit_us",
                  ("<=", 1.1), writes="100 %", unit=" µs")


def watch(table):
    def key(subject, percent):
        return ("watch", subject, percent, "prepared", 8)

    def hit_ratio(subject, percent):
        return table.figures.median(*key(subject, percent), "hit_ratio")

    for percent in ("1", "10", "50"):
        table.compare("pages of 1,000 customers, `cache_watch()`", key("watched", percent), key("none", percent), "no cache", "tps",
                      (">=", 0.85, hit_ratio("watched", percent), " hit ratio") if percent == "10" else None, writes=f"{percent} %")
        table.compare("the same, invalidated by table", key("table", percent), key("none", percent), "no cache", "tps",
                      ("<=", 0.1, hit_ratio("table", percent), " hit ratio") if percent == "10" else None, writes=f"{percent} %")


def dashboard(table):
    def key(subject):
        return ("dashboard", subject, "dashboard", "prepared", 32)

    titles = {"unprotected": "cached, nobody waits", "cached": "cached", "stale": "cached, `stale`", "ahead": "cached, `stale` and `refresh`"}
    for metric, what, unit in (("runs_per_s", "runs per second of a 200 ms query that a write invalidates every second", ""),
                               ("p50_ms", "median latency of its readers", " ms"), ("p95_ms", "95th percentile of it", " ms"),
                               ("p99_ms", "99th percentile of it", " ms")):
        for subject, title in titles.items():
            target = None
            if metric == "runs_per_s" and subject in ("cached", "stale", "ahead"):
                target = ("<=", 1.5, table.figures.median(*key(subject), metric), " /s")
            table.compare(f"{what}: {title}", key(subject), key("plain"), "plain query", metric, target, unit=unit)


def memory(table):
    r = table.figures

    def get(subject, metric):
        return r.median("memory", subject, "-", "-", 1, metric)

    if get("mix", "bytes") is None:
        return
    beyond = get("one_row", "bytes") - get("one_row", "row_bytes")
    table.add("memory of an entry of 1 row beyond the row", ("memory", "one_row", "-", "-", 1), beyond,
              f"the row: {number(get('one_row', 'row_bytes'))} bytes", None, ("<=", 256, beyond, " bytes"), unit=" bytes")
    used, asked = get("mix", "bytes"), get("mix", "row_bytes")
    waste = 100 * (1 - asked / used)
    table.add("memory beyond the rows, results of 100 bytes to 1 MB", ("memory", "mix", "-", "-", 1), waste,
              f"the rows: {asked / 1e6:.1f} MB of {used / 1e6:.1f}", None, ("<=", 12, waste, " %"), unit=" %")


def churn(table):
    r = table.figures

    def key(subject):
        return ("churn", subject, "q1", "prepared", 8)

    table.compare("only misses, each stored, in a full store", key("full"), key("room"), "a store with room", "tps", (">=", 0.9))
    tenths = r.by_round(*key("tenth"), "tps")
    if tenths:
        first, last = tenths[min(tenths)], tenths[max(tenths)]
        stores = number(r.median("churn", "tenth", "-", "-", 8, "stores"))
        table.add(f"the last tenth of {stores} such misses", key("tenth"), last, f"the first tenth: {number(first)}",
                  last / first, (">=", 0.95), unit=" tps")
        cpu = r.by_round(*key("tenth"), "cpu_us")
        table.add("server CPU of the last tenth", key("tenth"), cpu[max(cpu)], f"the first tenth: {number(cpu[min(cpu)])} µs",
                  cpu[max(cpu)] / cpu[min(cpu)], unit=" µs")
        full = r.median("churn", "tenth", "-", "-", 8, "full")
        table.add("part of the memory in use meanwhile", key("tenth"), full, "", None, (">=", 0.9, full))


def worth(table):
    def key(subject):
        return ("worth", subject, "writes", "prepared", 8)

    table.compare("reads that do not repeat beside writes: table paused", key("paused"), key("plain"), "plain queries", "tps", writes="80 %")
    table.compare("the same, each stored", key("stored"), key("plain"), "plain queries", "tps", writes="80 %")
    table.compare("server CPU of these, table paused", key("paused"), key("plain"), "plain queries, µs", "cpu_us", writes="80 %", unit=" µs")
    table.compare("server CPU of these, each stored", key("stored"), key("plain"), "plain queries, µs", "cpu_us", writes="80 %", unit=" µs")


def warm(table):
    def key(subject):
        return ("warm", subject, "report", "prepared", 8)

    table.compare("reports after a restart, average latency", key("remembered"), key("forgotten"), "without warm start, ms", "latency_ms", unit=" ms")
    table.compare("of these, computed while a user waits", key("remembered"), key("forgotten"), "without warm start", "misses")
    table.compare("their hit ratio", key("remembered"), key("forgotten"), "without warm start", "hit_ratio")
    replay = table.figures.median(*key("remembered"), "replay_ms")
    table.add("time to run all of them again, half a processor", key("remembered"), replay, unit=" ms")


def markdown(lines):
    """A Markdown table that can be read as it is."""
    widths = [max(len(line[i]) for line in [COLUMNS] + lines) for i in range(len(COLUMNS))]

    def row(cells):
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths)) + " |\n"

    return row(COLUMNS) + "|" + "|".join("-" * (width + 2) for width in widths) + "|\n" + "".join(map(row, lines))


def main():
    raw, environment, folder = sys.argv[1:]
    figures = Figures(raw)
    table = markdown(rows(figures))
    with open(environment, encoding="utf-8") as file:
        head = file.read()
    with open(f"{folder}/results.md", "w", encoding="utf-8") as file:
        file.write(f"# Results\n\nWritten by `bench/run`; [README.md](README.md) says what each row means.\n\n{head}\n{table}")
    with open(f"{folder}/results.svg", "w", encoding="utf-8") as file:
        file.write(chart(figures, QUERIES))
    print(f"\n{head}\n{table}", end="")


if __name__ == "__main__":
    main()
