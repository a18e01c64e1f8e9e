"""How many customers: links and counts where the truth is known, beside plain Splink on the same rows.

    python -m benchmarks identity

The count's coverage is measured by `identity_coverage`, a million records by `identity_scale`.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

import footfall
from benchmarks.data import Result, Skipped, Table, data_path, span, tell
from footfall.identity import Resolved, resolve
from footfall.shop import Shop
from footfall.simulate import write_emporium

SEED, DRAWS = 7, 500
CUSTOMERS = int(os.environ.get("FOOTFALL_BENCH_PERSONS", "26600"))
"""Persons of the simulated shop; the default gives files of the size of the real ones."""
SEEDS = (7, 8)
HAND, TRIPLES = 27_394, 27_327
ABOUT = (
    "`historical_50k` and `febrl3`: persons with errors, truth known; loaded through `people` from a copy without the "
    "truth, whose rows are shuffled and whose ids are drawn at random, then resolved with what `resolve` chooses by "
    "itself. The peer is Splink 5 with the settings that its own examples publish for these data, connected components "
    "at four thresholds; `best of Splink` is the row of it with the best F1, chosen with the truth in view. F1, "
    "precision and recall are over pairs of records, B-cubed over records; intervals: 95%, persons resampled. Seconds: "
    "ours from the loaded shop to all tables written, Splink's from the rows in memory to the clusters of one "
    "threshold, both in this process, one after the other. `ebuy_emporium`: the real files, whose truth nobody knows, "
    "beside a published solution by hand (exact matching over the full purchases) and the distinct triples of name, "
    f"surname and postcode. Simulated emporium: `footfall.simulate.write_emporium`, {CUSTOMERS:,} persons; a link "
    "joins a guest's details to an account id, and is right where the guest (any of them, where two typed the same) "
    "holds that account."
)
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Scores:
    """Pairs and records of a clustering against the truth, each by true person: right, true and made pairs."""

    right: NDArray[np.float64]
    true: NDArray[np.float64]
    made: NDArray[np.float64]
    precision_b: float
    recall_b: float
    clusters: int

    def f1(self, weight: NDArray[np.float64] | float = 1.0) -> float:
        return float(2 * (weight * self.right).sum() / ((weight * self.true).sum() + (weight * self.made).sum()))

    def row(self) -> dict[str, Any]:
        b = 2 * self.precision_b * self.recall_b / (self.precision_b + self.recall_b)
        return {
            "precision": float(self.right.sum() / max(1.0, self.made.sum())),
            "recall": float(self.right.sum() / max(1.0, self.true.sum())),
            "F1": self.f1(),
            "B-cubed F1": b,
            "clusters": self.clusters,
        }


def scores(found: Labels, truth: Labels) -> Scores:
    """How well clusters agree with persons; a pair made of two persons counts half for each of them."""
    found, truth = (np.unique(x, return_inverse=True)[1] for x in (found, truth))
    people, clusters = int(truth.max()) + 1, int(found.max()) + 1
    both, inverse, shared = np.unique(found * people + truth, return_inverse=True, return_counts=True)
    cluster, person = both // people, both % people
    size, record = np.bincount(found, minlength=clusters), np.bincount(truth, minlength=people)
    right = np.bincount(person, shared * (shared - 1) / 2.0, minlength=people).astype(np.float64)
    made = right + np.bincount(person, shared * (size[cluster] - shared) / 2.0, minlength=people).astype(np.float64)
    return Scores(
        right,
        record * (record - 1) / 2,
        made,
        float((shared[inverse] / size[found]).mean()),
        float((shared[inverse] / record[truth]).mean()),
        clusters,
    )


def f1_spans(all_of: dict[str, Scores], against: str) -> dict[str, dict[str, str]]:
    """95% intervals of each F1 and of its difference to one of them, persons resampled."""
    rng = np.random.default_rng(SEED)
    people = len(all_of[against].true)
    draws = {name: np.empty(DRAWS) for name in all_of}
    for draw in range(DRAWS):
        weight = np.bincount(rng.integers(0, people, people), minlength=people).astype(float)
        for name, one in all_of.items():
            draws[name][draw] = one.f1(weight)
    told = {}
    for name, drawn in draws.items():
        low, high = np.quantile(drawn, (0.025, 0.975))
        less = np.quantile(drawn - draws[against], (0.025, 0.975))
        told[name] = {
            "F1 95%": f"{low:.4f} .. {high:.4f}",
            "F1 less best of Splink": "" if name == against else span(float(less[0]), float(less[1])),
        }
    return told


@dataclass(frozen=True)
class Known:
    """Data whose persons are known: rows as the file has them (texts, blanks as NULL) and the person of each row."""

    rows: pa.Table
    truth: Labels
    hidden: tuple[str, ...]

    def copy(self, file: Path, seed: int = SEED) -> Labels:
        """Write the rows without what tells the truth, shuffled, under random ids; the id of each row."""
        rng = np.random.default_rng(seed)
        n = self.rows.num_rows
        ids = rng.choice(10 * n, n, replace=False) + 1
        shown = self.rows.drop_columns(list(self.hidden)).append_column("record_id", pa.array(ids))
        shuffled = shown.take(pa.array(rng.permutation(n)))
        with duckdb.connect() as own:
            own.register("shuffled", shuffled)
            own.execute(f"copy (select * from shuffled) to '{file}' (header)")
        return np.asarray(ids)


def historical_50k() -> Known:
    """Skipped where the data are absent."""
    file = data_path("historical_50k") / "historical_50k.parquet"
    known = _known(f"read_parquet('{file}')", "cluster", ("unique_id", "cluster", "both_names"))
    both = pc.binary_join_element_wise(known.rows["first_name"], known.rows["surname"], " ")
    return replace(known, rows=known.rows.append_column("both_names", both))


def febrl3() -> Known:
    """Skipped where the data are absent."""
    file = data_path("febrl3") / "febrl3.csv"
    return _known(f"read_csv('{file}', all_varchar = true, header = true)", "split_part(rec_id, '-', 2)", ("rec_id",))


def _known(read: str, person: str, hidden: tuple[str, ...]) -> Known:
    with duckdb.connect() as own:
        columns = [c[0] for c in own.execute(f"describe select * from {read}").fetchall()]
        texts = ", ".join(f"nullif(trim(\"{c}\"), '') as {c.strip()}" for c in columns)
        own.execute(f"create table given as select {texts} from {read}")
        rows = own.sql("select *, rowid as row from given order by rowid").to_arrow_table()
        persons = own.sql(f"select {person} as p from given order by rowid").to_arrow_table()
    truth = np.unique(np.asarray(persons["p"].to_pylist()).astype(str), return_inverse=True)[1]
    return Known(rows, truth, (*hidden, "row"))


@dataclass(frozen=True)
class Ours:
    """What `resolve` found: cluster of each row, its answer and seconds (wall, processor)."""

    label: Labels
    found: Resolved
    load: float
    wall: float
    processor: float


@contextmanager
def resolved(files: str | Path, source: str) -> Iterator[tuple[Shop, Resolved, tuple[float, float, float]]]:
    """A throw-away shop resolved, the answer, and seconds of loading and of resolving (wall, processor)."""
    with tempfile.TemporaryDirectory(prefix="footfall-bench-") as folder, footfall.open(f"{folder}/s.duckdb") as shop:
        start = time.perf_counter()
        shop.load(files, source)
        load = time.perf_counter() - start
        wall, processor = time.perf_counter(), time.process_time()
        found = resolve(shop.engine)
        yield shop, found, (load, time.perf_counter() - wall, time.process_time() - processor)


def ours(known: Known, seed: int = SEED) -> Ours:
    """Resolve a shuffled copy."""
    with tempfile.TemporaryDirectory(prefix="footfall-bench-") as folder:
        file = Path(folder) / "people.csv"
        ids = known.copy(file, seed)
        with resolved(file, "people") as (shop, found, seconds):
            links = shop.engine.fetch(
                "select cast(r.source_customer_id as BIGINT) as id, l.customer_id as customer "
                "from record_links l join records r using (record_id) order by id"
            )
    assert links.num_rows == len(ids), f"{links.num_rows} links for {len(ids)} records"
    place = np.empty(len(ids), np.int64)
    place[np.argsort(ids)] = np.arange(len(ids))
    customer = np.unique(np.asarray(links["customer"].to_pylist()), return_inverse=True)[1]
    return Ours(customer[place], found, *seconds)


def beside_splink(name: str, known: Known, plain: dict[str, Any]) -> tuple[Table, Table, dict[str, float]]:
    """Scores and seconds of ours and of plain Splink, our count, and what verdicts need."""
    from benchmarks import peer_splink

    tell(f"{name}: ours")
    mine = ours(known)
    told = {"footfall": scores(mine.label, known.truth)}
    wall, processor = [], []
    for peer_name, settings in plain.items():
        tell(f"{name}: {peer_name}")
        peer = peer_splink.clusters(known.rows, settings)
        wall.append(peer.wall)
        processor.append(peer.processor)
        told |= {f"{peer_name} at {t}": scores(label, known.truth) for t, label in peer.labels.items()}
    best = max((n for n in told if n != "footfall"), key=lambda n: told[n].f1())
    spans = f1_spans(told, best)
    true = int(known.truth.max()) + 1
    links = [{"model": n, **s.row(), **spans[n], "true persons": true} for n, s in told.items()]
    held = mine.found.lower <= true <= mine.found.upper
    count = {
        "true persons": true,
        "customers": mine.found.customers,
        "95%": f"{mine.found.lower:,.0f} .. {mine.found.upper:,.0f}",
        "held": held,
        "clusters": mine.found.clusters,
        "Splink's clusters": told[best].clusters,
        "load s": round(mine.load, 2),
        "resolve s": round(mine.wall, 2),
        "Splink s": round(wall[0], 2),
        "ratio": round(mine.wall / wall[0], 2),
        "ratio, processor": round(mine.processor / processor[0], 2),
    }
    row = links[0]
    facts = {"F1": row["F1"], "B": row["B-cubed F1"], "ratio": mine.wall / wall[0], "held": float(held)}
    return Table(f"{name}: links", links), Table(f"{name}: count and seconds", [count]), facts


def run() -> Result:
    """Each part is left out, and said to be, where its data are absent."""
    try:
        from benchmarks import peer_splink
    except ImportError:
        raise Skipped("splink is not installed; `make bench` installs it") from None
    tables: list[Table] = []
    verdicts: dict[str, bool] = {}
    notes: list[str] = []
    for name, data, plain, least, b_least in (
        ("febrl3", febrl3, peer_splink.febrl3, 0.985, 0.0),
        ("historical_50k", historical_50k, peer_splink.historical_50k, 0.855, 0.88),
    ):
        try:
            links, count, facts = beside_splink(name, data(), plain())
        except Skipped as reason:
            notes.append(str(reason))
            continue
        tables += [links, count]
        verdicts[f"{name}: F1 at least {least} ({facts['F1']:.4f})"] = facts["F1"] >= least
        if b_least:
            verdicts[f"{name}: B-cubed at least {b_least} ({facts['B']:.4f})"] = facts["B"] >= b_least
        verdicts[f"{name}: the interval holds the number of persons"] = bool(facts["held"])
        verdicts[f"{name}: at most twice Splink's seconds ({facts['ratio']:.2f})"] = facts["ratio"] <= 2
    try:
        tables += real_emporium()
    except Skipped as reason:
        notes.append(str(reason))
    table, met = simulated_emporium()
    return Result(ABOUT, SEED, [*tables, table], verdicts | met, notes)


def real_emporium() -> list[Table]:
    """The count of the real files, its parts and how it moves with the threshold."""
    tell("ebuy_emporium")
    with resolved(data_path("ebuy_emporium"), "ebuy_emporium") as (shop, found, seconds):
        count = {
            "records": found.records,
            "customers": found.customers,
            "95%": f"{found.lower:,.0f} .. {found.upper:,.0f}",
            "clusters": found.clusters,
            "by hand, full purchases": HAND,
            "exact triples": TRIPLES,
            "ids without details": _bare(shop),
            "load s": round(seconds[0], 2),
            "resolve s": round(seconds[1], 2),
        }
        parts = shop.engine.fetch("select part, customers from customers_count").to_pylist()
        moves = shop.engine.fetch("select chance, customers from customers_by_threshold order by chance").to_pylist()
    return [
        Table("ebuy_emporium: count", [count]),
        Table("ebuy_emporium: parts", parts),
        Table("ebuy_emporium: customers by threshold", moves),
    ]


def _bare(shop: Shop) -> int:
    return int(shop.engine.value("select count(*) from records where kind = 'id only'"))


def simulated_emporium() -> tuple[Table, dict[str, bool]]:
    """Links between guests and accounts, and the count, of simulated shops."""
    rows: list[dict[str, Any]] = []
    for seed in SEEDS:
        tell(f"simulated emporium, seed {seed}")
        with tempfile.TemporaryDirectory(prefix="footfall-bench-") as folder:
            made = write_emporium(Path(folder) / "shop", CUSTOMERS, seed)
            with resolved(made.folder, "ebuy_emporium") as (shop, found, seconds):
                true = persons(made.truth)
                rows.append(
                    {
                        "seed": seed,
                        **guest_links(shop, made.truth),
                        "true persons": true,
                        "customers": found.customers,
                        "95%": f"{found.lower:,.0f} .. {found.upper:,.0f}",
                        "held": found.lower <= true <= found.upper,
                        "clusters": found.clusters,
                        "resolve s": round(seconds[1], 2),
                    }
                )
    verdicts = {}
    for row in rows:
        said = f"simulated emporium, seed {row['seed']}: "
        for by in ("links", "guests"):
            p, r = row[f"precision, {by}"], row[f"recall, {by}"]
            verdicts[f"{said}recall at least .95 at precision at least .98, by {by} ({r:.4f}, {p:.4f})"] = (
                r >= 0.95 and p >= 0.98
            )
        verdicts[f"{said}the interval holds the number of persons"] = bool(row["held"])
    return Table("simulated emporium: guests to accounts, and the count", rows), verdicts


def persons(truth: Path) -> int:
    """Persons behind the records of a simulated emporium."""
    with duckdb.connect() as own:
        return int(own.execute(f"select count(distinct person) from '{truth}/records.parquet'").fetchall()[0][0])


def guest_links(shop: Shop, truth: Path) -> dict[str, Any]:
    """How well guests' details are linked to account ids: by pairs of the two, and by guests' records.

    A guest's record is right if its customer holds an account of its person, and counts as linked if it holds any.
    """
    with duckdb.connect() as own:
        own.register(
            "linked",
            shop.engine.fetch(
                "select record_id, customer_id, kind, source_customer_id, first_name, surname, postcode "
                "from record_links join records using (record_id)"
            ),
        )
        own.execute(f"""
            create table account as
            select distinct l.customer_id, cast(l.source_customer_id as BIGINT) as id, a.person
            from linked l join '{truth}/accounts.parquet' a on a.customer_id = cast(l.source_customer_id as BIGINT)
            where l.source_customer_id is not null;
            create table guest as
            select distinct l.record_id, l.customer_id, g.person
            from linked l join '{truth}/guests.parquet' g
              on g.guest_first_name is not distinct from l.first_name
              and g.guest_surname is not distinct from l.surname
              and g.guest_postcode is not distinct from l.postcode
            where l.kind = 'guest';
            create table made as
            select g.record_id, a.id, bool_or(g.person = a.person) as good
            from guest g join account a using (customer_id) group by all;
            create table meant as select distinct g.record_id, a.id from guest g join account a using (person)""")
        guests = own.execute("select count(distinct record_id) from guest").fetchall()[0][0]
        known = own.execute("select count(*) from linked where kind = 'guest'").fetchall()[0][0]
        assert guests == known, f"{known - guests} guests' records have no truth"
        made, good = own.execute("select count(*), count(*) filter (good) from made").fetchall()[0]
        meant = own.execute("select count(*) from meant").fetchall()[0][0]
        linked, right = own.execute(
            "select count(*), count(*) filter (g) from (select bool_or(good) as g from made group by record_id)"
        ).fetchall()[0]
        should = own.execute("select count(distinct record_id) from meant").fetchall()[0][0]
    told = {"guests": guests, "with an account": should}
    for by, n_made, n_good, n_meant in (("links", made, good, meant), ("guests", linked, right, should)):
        p, r = n_good / max(1, n_made), n_good / max(1, n_meant)
        told |= {f"precision, {by}": p, f"recall, {by}": r, f"F1, {by}": 2 * p * r / max(1e-12, p + r)}
    return told
