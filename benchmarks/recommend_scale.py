"""One million customers, 50,000 products, 20 million interactions: the top 20 for all, beside implicit's ALS.

    python -m benchmarks recommend_scale

`FOOTFALL_BENCH_CUSTOMERS` sets the customers (default 1000000); interactions are 20 each, products stay 50,000.
`FOOTFALL_BENCH_DIAL` sets how many candidates the generators may propose, as a multiple of the usual number
(default: what the size of the shop suggests).
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.data import Result, Table, tell
from footfall import Task, lines
from footfall.engine import DuckDBEngine, literal
from footfall.evaluate.ranking import Catalogue, Shown, measure_rankings
from footfall.models.ranking import csr
from footfall.tables import publish_views, refresh_known

SEED, DRAWS, K = 7, 200, 20
CUSTOMERS = int(os.environ.get("FOOTFALL_BENCH_CUSTOMERS", "1000000"))
DIAL = float(os.environ["FOOTFALL_BENCH_DIAL"]) if "FOOTFALL_BENCH_DIAL" in os.environ else None
PRODUCTS, CATEGORIES, EACH = 50_000, 250, 20
START, DAYS, AHEAD = datetime(2025, 1, 1), 180, 30
AT = START + timedelta(days=DAYS)
ASKED = 20_000
"""Customers on whom the lists are compared with what they then bought."""
MOST_SECONDS, MOST_GB = 900, 8
MEMORY = "2GB"
TASK = Task("next-items-30d", "customer", lines.where(kind="sale").distinct("product_id"), "30d")
"""For everyone the shop knows: who never bought is asked about too."""
ABOUT = (
    f"A simulated shop (seed {SEED}) of {CUSTOMERS:,} customers, {PRODUCTS:,} products and about {EACH * CUSTOMERS:,} "
    f"interactions in {DAYS} days: a quarter are purchases, the rest views, baskets, removals. Everyone has staples, "
    "favourite categories that go with age and gender, and follows pairs of products; popularity falls by a power law. "
    f"`fit` and `predict --top {K}` for all customers run in one process of their own on the shop's file, the engine "
    f"bound to {MEMORY}; memory is the most that process held. implicit's ALS (64 factors, 15 rounds) learns from the "
    "same purchases in a process of its own, two threads, and lists the same number of products; it writes no table. "
    f"Quality: what {ASKED:,} of the customers with a purchase bought in the {AHEAD} days after the cutoff."
)

SHOP = """
create or replace temp macro u(a, b, k) as
  (hash((cast(a as bigint) * 4096 + b) * 64 + k + {seed}) >> 11) / 9007199254740992.0;
create or replace temp macro people(c) as cast(floor(10 * u(c, 0, 5)) as bigint);
create or replace temp macro favourite(c, j) as
  case when u(c, j, 2) < 0.7 then (people(c) * 25 + cast(floor(25 * pow(u(c, j, 3), 1.5)) as bigint)) % {categories}
       else cast(floor({categories} * u(c, j, 4)) as bigint) end;
create or replace temp macro staple(c, j) as
  cast(floor({products} / {categories} * pow(u(c, j, 1), 2)) as bigint) * {categories} + favourite(c, j % 3);
create or replace temp macro pick(c, e) as
  case when u(c, e, 6) < 0.25 then staple(c, cast(floor(4 * u(c, e, 7)) as bigint))
       when u(c, e, 6) < 0.80 then
         cast(floor({products} / {categories} * pow(u(c, e, 8), 3)) as bigint) * {categories}
         + favourite(c, cast(floor(3 * u(c, e, 9)) as bigint))
       else cast(floor({products} * pow(u(c, e, 10), 4)) as bigint) end;
create or replace temp macro partner(p) as (xor(p // {categories}, 1) * {categories} + p % {categories}) % {products};
create or replace temp table made as
  with everyone as (
    select c, 1 + cast(floor(-ln(1 - u(c, 0, 11)) * ({each} * {whole} / {days} - 0.5)) as bigint) as n
    from range({customers}) r(c)),
  every as (select c, unnest(range(n)) as e from everyone)
  select c, e,
    case when e % 3 > 0 and u(c, e, 12) < 0.2 then partner(pick(c, e - 1)) else pick(c, e) end as p,
    {start} + to_microseconds(cast(86400e6 * {whole} * u(c, e // 3, 13) as bigint) % (86400000000 * {whole}))
      + to_seconds(97 * (e % 3)) as happened,
    case when u(c, e, 14) < case when u(c, e, 6) < 0.25 then 0.8 else 0.1 end then 'sale'
         when u(c, e, 15) < 0.2 then 'add_to_cart' when u(c, e, 15) < 0.25 then 'remove_from_cart'
         else 'view' end as kind
  from every;
"""


def simulate(engine: DuckDBEngine, customers: int, truth: Path) -> None:
    """Fill an empty shop with facts before the cutoff; what is bought after it goes into `truth` (c, p)."""
    numbers = {
        "seed": SEED, "products": PRODUCTS, "categories": CATEGORIES, "customers": customers, "each": EACH,
        "days": DAYS, "whole": DAYS + AHEAD, "start": literal(START),
    }  # fmt: skip
    for statement in SHOP.format(**numbers).split(";\n"):
        if statement.strip():
            engine.execute(statement)
    code = "'c' || lpad(cast(c as varchar), 8, '0')"
    product = "'p' || lpad(cast(p as varchar), 6, '0')"
    category = f"'category ' || lpad(cast(p % {CATEGORIES} as varchar), 3, '0')"
    before = f"from made where happened < {literal(AT)}"
    engine.execute(
        f"insert into facts.customers by name select {code} as source_customer_id, "
        "case when people(c) % 2 = 0 then 'f' else 'm' end as gender, "
        "cast(20 + 12 * (people(c) // 2) + floor(11 * u(c, 0, 16)) as integer) as age, "
        "'town ' || cast(floor(40 * pow(u(c, 0, 17), 2)) as integer) as location, "
        f"{literal(START)} as occurred_at, {literal(START)} as known_at, 'made' as source from range({customers}) r(c)"
    )
    engine.execute(
        f"insert into facts.products by name select {product} as product_id, 'product ' || p as name, "
        f"{category} as category, 'brand ' || cast(hash(p) % 400 as varchar) as brand, 'made' as source "
        f"from range({PRODUCTS}) r(p)"
    )
    engine.execute(
        f"insert into facts.lines by name select {code} || '-' || (e // 3) as order_id, {product} as product_id, "
        f"{category} as category, {code} as source_customer_id, happened as occurred_at, happened as known_at, "
        "'sale' as kind, "
        "1.0 as quantity, 1 + hash(p) % 40 as price, 1 + hash(p) % 40 as amount, 'made' as source "
        f"{before} and kind = 'sale'"
    )
    engine.execute(
        "insert into facts.orders by name select order_id, source_customer_id, min(occurred_at) as occurred_at, "
        "min(known_at) as known_at, sum(amount) as amount, 'made' as source from facts.lines group by all"
    )
    engine.execute(
        f"insert into facts.events by name select {code} || '-' || e as event_id, {code} || '-' || (e // 3) as "
        f"session_id, kind as type, {product} as product_id, {category} as category, {code} as source_customer_id, "
        f"happened as occurred_at, happened as known_at, 'made' as source {before} and kind <> 'sale'"
    )
    after = f"from made where happened >= {literal(AT)} and kind = 'sale'"
    engine.execute(f"copy (select distinct c, p {after} order by c, p) to '{truth}' (format parquet)")
    engine.execute("drop table made")
    publish_views(engine)
    refresh_known(engine)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def measure(place: Path, dial: float | None) -> dict[str, Any]:
    """Fit and predict for everyone in the shop of `place`; for a process of its own."""
    import footfall
    from footfall.answers import rankings

    with footfall.open(place / "shop.duckdb", memory=MEMORY) as shop:
        start, processor = time.perf_counter(), time.process_time()

        def progress(message: str) -> None:
            tell(f"{time.perf_counter() - start:7.1f} s  {_peak():5.2f} GB  {message}")

        shop.progress = progress
        rankings.fit(shop.context, TASK, at=AT, dial=dial)
        fitted, high = time.perf_counter(), _peak()
        shop.predict(TASK, at=AT, top=K)
        end = time.perf_counter()
        rows = shop.engine.value("select count(*) from recommendations where rank <= ?", [K])
        return {
            "rows written": int(rows),
            "fit s": round(fitted - start, 1),
            "predict s": round(end - fitted, 1),
            "both s": round(end - start, 1),
            "processor s": round(time.process_time() - processor, 1),
            "GB after fit": round(high, 2),
            "peak GB": round(_peak(), 2),
        }


def measure_als(place: Path) -> dict[str, Any]:
    """implicit's ALS on the same purchases; for a process of its own. Lists of the asked lie in `als.npy`."""
    matrix, asked, _ = _matrix(place)
    start, processor = time.perf_counter(), time.process_time()
    model = import_module("implicit.cpu.als").AlternatingLeastSquares(factors=64, random_state=SEED, num_threads=2)
    with threadpool_limits(1, "blas"):  # as the library asks for: its own threads do the work
        model.fit(matrix, show_progress=False)
    fitted = time.perf_counter()
    lists = np.empty((matrix.shape[0], K), dtype=np.int32)
    for first in range(0, matrix.shape[0], 10_000):
        part = np.arange(first, min(first + 10_000, matrix.shape[0]))
        lists[part], _ = model.recommend(part, matrix[part], K, filter_already_liked_items=False)
    end = time.perf_counter()
    np.save(place / "als.npy", lists[asked])
    return {
        "rows written": None, "fit s": round(fitted - start, 1), "predict s": round(end - fitted, 1),
        "both s": round(end - start, 1), "processor s": round(time.process_time() - processor, 1),
        "GB after fit": None, "peak GB": round(_peak(), 2),
    }  # fmt: skip


def _matrix(place: Path) -> tuple[Any, Any, Any]:
    """(customers, products) purchases before the cutoff, whom the lists are compared on, what they then bought."""
    engine = DuckDBEngine(place / "shop.duckdb", memory=MEMORY)
    numbers = "cast(substr({0}, 2) as integer)"
    found = engine.fetch(
        f"select {numbers.format('source_customer_id')} as c, {numbers.format('product_id')} as p, count(*) as n "
        "from facts.lines group by all"
    )
    people = int(engine.value("select count(*) from facts.customers"))
    engine.close()
    reader = DuckDBEngine(memory="500MB")
    later = reader.fetch(f"select c, p from read_parquet('{place / 'truth.parquet'}')")
    reader.close()
    shape = (people, PRODUCTS)
    c, p, n = (np.asarray(found.column(name)) for name in ("c", "p", "n"))
    matrix = csr(n, c, p, shape).astype(np.float32)
    truth = csr(np.ones(later.num_rows), np.asarray(later.column("c")), np.asarray(later.column("p")), shape)
    both = np.flatnonzero((np.diff(truth.indptr) > 0) & (np.diff(matrix.indptr) > 0))
    asked = np.sort(np.random.default_rng(SEED).choice(both, min(ASKED, len(both)), replace=False))
    return matrix, asked, truth


def quality(place: Path) -> list[dict[str, Any]]:
    """recall and ndcg of the lists in the shop's table, of ALS, of own frequency, and of what is popular."""
    matrix, asked, truth = _matrix(place)
    ours = _written(place, asked)
    sold = np.asarray(matrix.sum(axis=0)).ravel()
    top = np.argsort(-sold, kind="stable")[:K]
    own = np.tile(top, (len(asked), 1))
    for i, c in enumerate(asked):
        its = matrix[c]
        mine = its.indices[np.lexsort((its.indices, -sold[its.indices], -its.data))][:K]
        rest = top[~np.isin(top, mine)][: K - len(mine)]
        own[i] = np.concatenate([mine, rest])
    lists = {"ours": ours, "own frequency": own, "popular": np.tile(top, (len(asked), 1))}
    if (place / "als.npy").exists():
        lists["implicit ALS"] = np.load(place / "als.npy").astype(np.int64)
    return _measured(truth[asked], lists, asked, sold, matrix.shape[0])


def first_lists(place: Path) -> list[dict[str, Any]]:
    """The same of customers who had done nothing before the cutoff: by who they are, beside what is popular."""
    matrix, _, truth = _matrix(place)
    engine = DuckDBEngine(place / "shop.duckdb", memory=MEMORY)
    known = engine.rows(
        "select cast(substr(source_customer_id, 2) as integer) from facts.customers where source_customer_id not in "
        "(select source_customer_id from facts.lines union select source_customer_id from facts.events)"
    )
    engine.close()
    nobody = np.sort(np.asarray([c for (c,) in known], dtype=np.int64))
    asked = nobody[np.diff(truth.indptr)[nobody] > 0][:ASKED]
    sold = np.asarray(matrix.sum(axis=0)).ravel()
    top = np.argsort(-sold, kind="stable")[:K]
    lists = {"ours": _written(place, asked), "popular": np.tile(top, (len(asked), 1))}
    return _measured(truth[asked], lists, asked, sold, matrix.shape[0])


def _written(place: Path, asked: Any) -> Any:
    """(asked, K) the lists in the shop's table."""
    engine = DuckDBEngine(place / "shop.duckdb", memory=MEMORY)
    wanted = literal("c") + " || lpad(cast({0} as varchar), 8, '0')"
    engine.execute("create or replace temp table asked (customer_id varchar)")
    for first in range(0, len(asked), 1000):
        rows = ", ".join(f"({wanted.format(c)})" for c in asked[first : first + 1000])
        engine.execute(f"insert into asked values {rows}")
    found = engine.fetch(
        "select cast(substr(customer_id, 2) as integer) as c, cast(substr(product_id, 2) as integer) as p, rank "
        "from recommendations join asked using (customer_id)"
    )
    engine.close()
    ours = np.full((len(asked), K), -1, dtype=np.int64)
    ours[np.searchsorted(asked, np.asarray(found.column("c"))), np.asarray(found.column("rank")) - 1] = np.asarray(
        found.column("p")
    )
    return ours


def _measured(truth: Any, lists: dict[str, Any], asked: Any, sold: Any, people: int) -> list[dict[str, Any]]:
    shown = Shown(truth, lists, asked, Catalogue(sold, people, None))
    measured = measure_rankings([shown], (K,), [n for n in lists if n != "ours"], DRAWS, SEED)
    told: list[dict[str, Any]] = []
    for name in sorted(lists, key=lambda m: -measured.models[m]["ndcg", K].value):
        one = measured.models[name]
        row: dict[str, Any] = {"lists": name} | {m: one[m, K].value for m in ("recall", "ndcg", "hit_rate", "coverage")}
        less = measured.models["ours"]["ndcg", K].less.get(name)
        row["ndcg of ours less it"] = "" if less is None else f"{less[0]:+.4f} ({less[1]:+.4f} .. {less[2]:+.4f})"
        told.append(row)
    return told


def run() -> Result:
    """Needs no data."""
    with tempfile.TemporaryDirectory(prefix="footfall-bench-") as name:
        place = Path(name)
        _in_its_own("simulate", place)
        found = {"ours": _in_its_own("ours", place)}
        notes = []
        if find_spec("implicit") is not None:
            found["implicit ALS"] = _in_its_own("als", place)
            notes.append("implicit " + version("implicit"))
        else:
            notes.append("implicit is not installed: its rows are left out (footfall[recommend] brings it)")
        tables = [
            Table("fit, and the top 20 for all", [{"who": who, **row} for who, row in found.items()]),
            Table(f"quality at {K}, n = {ASKED:,}", quality(place)),
            Table(f"customers who had done nothing before the cutoff, at {K}", first_lists(place)),
        ]
        less = next(str(r["ndcg of ours less it"]) for r in tables[2].rows if r["lists"] == "popular")
    ours = found["ours"]
    verdicts = {
        f"fit and the top 20 for {CUSTOMERS:,} customers in under {MOST_SECONDS} s ({ours['both s']})": ours["both s"]
        < MOST_SECONDS,
        f"under {MOST_GB} GB ({ours['peak GB']})": ours["peak GB"] < MOST_GB,
        f"no history: ndcg above popular ({less})": "(+" in less,
    }
    return Result(ABOUT, SEED, tables, verdicts, notes)


def _in_its_own(what: str, place: Path) -> dict[str, Any]:
    own = [sys.executable, "-m", "benchmarks.recommend_scale", what, str(place)]
    said = subprocess.run(own, check=True, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]).stdout
    return dict(json.loads(said))


def _main(what: str, place: Path) -> dict[str, Any]:
    if what == "simulate":
        import footfall

        start = time.perf_counter()
        with footfall.open(place / "shop.duckdb", memory="4GB") as shop:
            simulate(shop.engine, CUSTOMERS, place / "truth.parquet")
            counts = {t: int(shop.engine.value(f"select count(*) from {t}")) for t in ("lines", "events")}
        tell(f"simulated in {time.perf_counter() - start:.0f} s: {counts}")
        return counts
    return measure_als(place) if what == "als" else measure(place, DIAL)


if __name__ == "__main__":
    print(json.dumps(_main(sys.argv[1], Path(sys.argv[2])), default=float))
