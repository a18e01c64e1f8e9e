"""Category-bayes: the counted parts against counting by hand, three databases, and intervals that hold the truth."""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import sqlglot

from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError
from footfall.insights import Ground, ask, ground, insight
from footfall.insights.bayes import months
from footfall.insights.pooling import interval, pool
from footfall.windows import Shape
from insight_shop import START, day, empty, fill

Fact = tuple[str | None, datetime, str]
NAMES = ("category-bayes", "category-odds")


def shop(looks: list[Fact], sales: list[Fact]) -> DuckDBEngine:
    """Interactions and purchases: customer, when, category."""
    engine = empty()
    if looks:
        fill(
            engine, "events", "event_id, who, at, category, type", [(f"e{i}", *r, "view") for i, r in enumerate(looks)]
        )
    fill(engine, "lines", "order_id, who, at, category, kind", [(f"o{i}", *r, "sale") for i, r in enumerate(sales)])
    return engine


def tea_shop() -> DuckDBEngine:
    """One cutoff, day 35 (the last fact is on day 64): months are days 5 to 34 and 35 to 64."""
    looks: list[Fact] = [("old", day(0), "coffee")]
    for who, n in (("A", 4), ("B", 4), ("C", 3), ("F", 3)):
        looks += [(who, day(10 + i), "tea") for i in range(n)]
    looks += [("D", day(20), "coffee"), ("F", day(36), "tea"), (None, day(20), "tea")]
    looks += [("E", day(35 + i), "tea") for i in range(5)]
    sales: list[Fact] = [(who, day(40), "tea") for who in "ACDEF"] + [("A", day(41), "tea"), (None, day(40), "tea")]
    sales += [("B", day(34.9), "tea"), ("B", day(64.5), "coffee")]
    return shop(looks, sales)


def test_the_parts_are_those_counted_by_hand() -> None:
    engine = tea_shop()
    answer = ask(engine, ground(engine), insight("category-bayes"))
    (row,) = answer.rows
    # Known before the cutoff: old, A, B, C, D, F. E was first seen after it; B bought tea before it.
    assert (row["pairs"], row["buyers"], row["interested"], row["interested_buyers"]) == (6, 4, 2, 1)
    assert row["prior"] == pytest.approx(4 / 6)
    assert row["likelihood"] == pytest.approx(1 / 4)
    assert row["evidence"] == pytest.approx(2 / 6)
    assert row["posterior"] == pytest.approx(1 / 2)
    assert 0 < row["lower"] < row["pooled"] < row["upper"] < 1
    assert "'tea'" in answer.words
    assert "one cutoff, 2026-02-05" in answer.words
    assert answer.words.count(". ") == 1


def test_the_odds_by_number_of_interactions_are_those_counted_by_hand() -> None:
    engine = tea_shop()
    rows = ask(engine, ground(engine), insight("category-odds")).rows
    tea = {r["interactions"]: (r["pairs"], r["buyers"]) for r in rows if r["category"] == "tea"}
    assert tea == {0: (2, 1), 3: (2, 2), 4: (2, 1)}
    assert all(r["lower"] <= r["odds"] <= r["upper"] for r in rows if r["pairs"])
    assert {r["odds_ratio"] for r in rows if r["interactions"] == 0} == {1.0}


def random_shop(seed: int, few: bool = False) -> tuple[DuckDBEngine, list[Fact], list[Fact]]:
    """Twelve customers at random; `few`: only three of them buy."""
    draw = random.Random(seed)

    def facts(n: int, few: bool = False) -> list[Fact]:
        who = [None, *(f"c{i}" for i in range(3 if few else 12))]
        return [
            (draw.choice(who), START + timedelta(seconds=draw.randrange(150 * 86400)), draw.choice("abc"))
            for _ in range(n)
        ]

    looks, sales = facts(900), facts(120, few)
    return shop(looks, sales), looks, sales


@pytest.mark.parametrize("tz", ["UTC", "America/New_York"])
def test_the_counts_are_those_of_a_loop_over_customers_and_cutoffs(tz: str) -> None:
    engine, looks, sales = random_shop(5)
    of = ground(engine, tz)
    bounds = months(of).bounds
    assert len(months(of).cutoffs) >= 3
    pairs, buyers, often, both = 0, Counter[str](), Counter[str](), Counter[str]()
    told: Counter[tuple[str, int]] = Counter()
    bought: Counter[tuple[str, int]] = Counter()
    for before, cutoff, after in zip(bounds, bounds[1:], bounds[2:], strict=False):
        known = {c for c, at, _ in looks + sales if c and at < cutoff}
        pairs += len(known)
        for customer in known:
            for category in "abc":
                n = sum((c, k) == (customer, category) and before <= at < cutoff for c, at, k in looks)
                hit = any((c, k) == (customer, category) and cutoff <= at < after for c, at, k in sales)
                buyers[category] += hit
                often[category] += n > 3
                both[category] += n > 3 and hit
                told[category, min(n, 4)] += 1
                bought[category, min(n, 4)] += hit
    rows = ask(engine, of, insight("category-bayes")).rows
    assert {r["category"] for r in rows} == {k for k, n in often.items() if n}
    for r in rows:
        category = r["category"]
        assert r["pairs"] == pairs
        counted = (buyers[category], often[category], both[category])
        assert (r["buyers"], r["interested"], r["interested_buyers"]) == counted
        assert r["posterior"] == pytest.approx(both[category] / often[category])
    odds = ask(engine, of, insight("category-odds")).rows
    assert {(r["category"], r["interactions"]): r["pairs"] for r in odds} == {k: v for k, v in told.items() if v}
    assert all(r["buyers"] == bought[r["category"], r["interactions"]] for r in odds)


def test_the_design_effect_is_kishs() -> None:
    """1 + (pairs a customer - 1) times how alike one customer's pairs are, from sums over customers."""
    engine, looks, sales = random_shop(9, few=True)
    of = ground(engine)
    bounds = months(of).bounds
    above = below = 0.0
    sizes = {}
    for category in "abc":
        each: dict[str, tuple[int, int]] = {}
        for before, cutoff, after in zip(bounds, bounds[1:], bounds[2:], strict=False):
            for customer in {c for c, _, _ in looks if c}:
                n = sum((c, k) == (customer, category) and before <= at < cutoff for c, at, k in looks)
                hit = any((c, k) == (customer, category) and cutoff <= at < after for c, at, k in sales)
                if n > 3:
                    had = each.get(customer, (0, 0))
                    each[customer] = (had[0] + 1, had[1] + hit)
        n, k = (sum(v[i] for v in each.values()) for i in (0, 1))
        sizes[category] = size = sum(m * m for m, _ in each.values()) / n
        spread = sum((b - k / n * m) ** 2 for m, b in each.values()) * n / (n - size)
        plain = k * (1 - k / n) * n / (n - 1)
        above += spread - plain
        below += plain * (size - 1)
    likeness = min(1.0, max(0.0, above / below))
    found = {r["category"]: r["design_effect"] for r in ask(engine, of, insight("category-bayes")).rows}
    assert found == pytest.approx({c: 1 + (size - 1) * likeness for c, size in sizes.items()})
    assert max(found.values()) > 1


@pytest.mark.parametrize("name", NAMES)
def test_the_statement_runs_in_sqlite_as_it_stands(name: str) -> None:
    engine, _, _ = random_shop(7)
    sql = insight(name).sql(ground(engine))
    light = sqlite3.connect(":memory:")
    for table, moment in (("Transactions", "Transaction Date"), ("Customer_Interactions", "Interaction Date")):
        light.execute(f'create table {table} ("Customer ID" text, "{moment}" text, "Product Category" text)')
        rows = engine.rows(f'select "Customer ID", "{moment}", "Product Category" from {table}')
        light.executemany(
            f"insert into {table} values (?, ?, ?)", [(c, f"{at:%Y-%m-%d %H:%M:%S}", k) for c, at, k in rows]
        )
    theirs, ours = light.execute(sql).fetchall(), engine.rows(sql)
    assert len(ours) >= 3
    assert [r[0] for r in theirs] == [r[0] for r in ours]
    for a, b in zip(theirs, ours, strict=True):
        assert [float(x) for x in a[1:]] == pytest.approx([float(x) for x in b[1:]])


@pytest.mark.parametrize("dialect", ["duckdb", "sqlite", "postgres"])
@pytest.mark.parametrize("name", NAMES)
def test_the_statement_reads_in_every_dialect(name: str, dialect: str) -> None:
    sql = insight(name).sql(ground(tea_shop()))
    tree = sqlglot.parse_one(sql, read=dialect)
    assert {t.name for t in tree.find_all(sqlglot.exp.Table)} >= {"Customer_Interactions", "Transactions"}
    # Nothing is called that one of the three lacks: counting, adding, and choosing a value are in all.
    called = {f.key for f in tree.find_all(sqlglot.exp.Func)}
    assert called <= {"count", "sum", "min", "max", "coalesce", "case", "if", "and", "or"}


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """A PostgreSQL server of the moment, on a socket of its own; the command that runs SQL in it."""
    found = [shutil.which(n) for n in ("initdb", "postgres", "psql")]
    if not all(found):
        pytest.skip("no PostgreSQL server is installed here")
    init, serve, client = (str(f) for f in found)
    folder = Path(str(tmp_path_factory.mktemp("pg")))
    as_user = []
    if subprocess.run(["id", "-u"], capture_output=True, text=True).stdout.strip() == "0":
        # The server refuses to be root.
        switch = shutil.which("setpriv")
        if not switch or subprocess.run(["id", "postgres"], capture_output=True).returncode:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres to be")
        as_user = [switch, "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        folder = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())
        shutil.chown(folder, "postgres", "postgres")
    home = str(folder)
    subprocess.run([*as_user, init, "-D", f"{home}/d", "-U", "test", "-A", "trust"], check=True, capture_output=True)
    server = subprocess.Popen(
        [*as_user, serve, "-D", f"{home}/d", "-k", home, "-c", "listen_addresses=", "-c", "fsync=off"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    command = [client, "-h", home, "-U", "test", "-d", "postgres", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
    try:
        for _ in range(100):
            if subprocess.run([*command, "-c", "select 1"], capture_output=True).returncode == 0:
                break
            server.poll()
            assert server.returncode is None, "the server ended"
            try:
                server.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
        yield command
    finally:
        server.terminate()
        server.wait(20)
        if as_user:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("name", NAMES)
def test_the_statement_runs_in_postgresql_as_it_stands(name: str, postgres: list[str]) -> None:
    engine, _, _ = random_shop(7)
    sql = insight(name).sql(ground(engine))
    script = []
    for table, moment in (("Transactions", "Transaction Date"), ("Customer_Interactions", "Interaction Date")):
        script.append(f"drop table if exists {table};")
        script.append(f'create table {table} ("Customer ID" text, "{moment}" timestamp, "Product Category" text);')
        rows = engine.rows(f'select "Customer ID", "{moment}", "Product Category" from {table}')
        values = ", ".join("(" + ("null" if c is None else f"'{c}'") + f", '{at}', '{k}')" for c, at, k in rows)
        script.append(f"insert into {table} values {values};")
    done = subprocess.run(
        [*postgres, "-F", "\t"], input="\n".join([*script, sql + ";"]), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    theirs = [line.split("\t") for line in done.stdout.splitlines()]
    ours = engine.rows(sql)
    assert [r[0] for r in theirs] == [r[0] for r in ours]
    for a, b in zip(theirs, ours, strict=True):
        assert [float(x) for x in a[1:]] == pytest.approx([float(x) for x in b[1:]])


def test_too_short_a_history_is_said() -> None:
    engine = shop([("A", day(0), "tea"), ("A", day(50), "coffee")], [("A", day(50), "tea"), ("B", day(1), "coffee")])
    with pytest.raises(FootfallError, match="50 days is too short"):
        ask(engine, ground(engine), insight("category-bayes"))


def test_a_shop_without_interactions_is_told_what_is_missing() -> None:
    engine = shop([], [("A", day(0), "tea"), ("B", day(99), "coffee")])
    with pytest.raises(FootfallError, match=r"needs events\.category"):
        ask(engine, ground(engine), insight("category-bayes"))


# --- pooling --------------------------------------------------------------------------------------------------------


def test_a_large_group_keeps_its_share_and_a_small_one_goes_to_the_others() -> None:
    rows = np.array([1_000_000, 2, *[400] * 12])
    hits = np.array([500_000, 0, *np.linspace(30, 50, 12).round()])
    a, b = pool(hits, rows)
    mean = a / (a + b)
    assert mean[0] == pytest.approx(0.5, abs=0.001)
    assert 0.03 < mean[1] < 0.2
    low, high = interval(a, b)
    assert high[1] - low[1] > 10 * (high[0] - low[0])


def test_groups_that_do_not_differ_are_pooled_and_no_hit_is_no_trouble() -> None:
    a, b = pool(np.full(20, 10), np.full(20, 100))
    low, high = interval(a, b)
    alone = interval(np.array([10.5]), np.array([90.5]))
    assert (high - low).max() < 0.7 * (alone[1] - alone[0])[0]
    a, b = pool(np.zeros(3), np.array([5, 50, 500]))
    assert np.all(a / (a + b) < 0.05)
    assert np.all(np.isfinite([a, b]))


@pytest.mark.parametrize("groups, mean, size", [(2, 0.2, 8), (5, 0.05, 20), (30, 0.15, 6), (40, 0.1, 400)])
def test_the_intervals_hold_the_truth_at_their_stated_rate(groups: int, mean: float, size: float) -> None:
    """Shares drawn from a Beta, counts from the shares, many times over: about 95 of 100 intervals hold the share."""
    draw = np.random.default_rng(groups)
    held = []
    for _ in range(max(100, 900 // groups)):
        share = draw.beta(mean * size, (1 - mean) * size, groups)
        rows = np.exp(draw.uniform(np.log(3), np.log(2000), groups)).astype(int)
        low, high = interval(*pool(draw.binomial(rows, share), rows))
        held.append((low <= share) & (share <= high))
    assert 0.93 <= np.mean(held) <= 0.985


def test_the_statement_in_the_document_is_the_one_that_is_run() -> None:
    page = Path(__file__).resolve().parents[1] / "docs" / "questions" / "which-category-after-interest.md"
    shown = re.findall(r"^```sql\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)[0]
    of = Ground(Shape({}, {}, (), False, datetime(2026, 4, 1), datetime(2026, 5, 31, 23, 50)))
    assert shown.strip() == insight("category-bayes").sql(of).strip()
