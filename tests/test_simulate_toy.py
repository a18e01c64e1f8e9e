"""The toy shop holds what its documentation promises, in the simulator's own file format."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path

import pytest

from footfall.simulate import Dials, simulate, toy


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy.write_toy(tmp_path_factory.mktemp("toy") / "shop")


def read(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def day(text: str) -> float:
    moment = datetime.fromisoformat(text.replace("Z", ""))
    return (moment - toy.at(0, 12)).total_seconds() / 86_400


def test_files_have_the_columns_of_the_simulator(folder: Path, tmp_path: Path) -> None:
    made = simulate(tmp_path / "shop", customers=50, days=30, dials=Dials(events_per_customer=5))
    for path in made.folder.glob("*.csv"):
        with path.open(encoding="utf-8") as ours, (folder / path.name).open(encoding="utf-8") as theirs:
            assert ours.readline() == theirs.readline(), path.name
    line = json.loads((folder / "events-2025-01.jsonl").read_text().splitlines()[0])
    assert list(line) == list(json.loads(made.files[0].read_text().splitlines()[0]))


def test_regulars_churners_and_the_wave(folder: Path) -> None:
    by_customer = defaultdict(list)
    for row in {r["order_id"]: r for r in read(folder, "orders")}.values():
        by_customer[row["customer_id"]].append(day(row["ordered_at"]))
    for number, customer in enumerate(toy.REGULARS):
        assert by_customer[customer] == list(range(number, toy.DAYS, toy.EVERY))
    for customer in toy.CHURNERS:
        assert max(by_customer[customer]) == toy.LAST_DAY
        assert set(by_customer[customer]) == set(range(0, toy.LAST_DAY + 1, 7))
    assert not set(toy.VISITORS) & set(by_customer)
    assert by_customer[toy.NEWCOMER] == [100]
    sold: Counter[int] = Counter()
    for row in read(folder, "order_lines"):
        if row["product_id"] == toy.WAVE_PRODUCT:
            sold[int(day(row["occurred_at"]))] += int(row["quantity"])
    assert [sold[d] for d in range(toy.DAYS)] == [toy.WAVE[d % 7] for d in range(toy.DAYS)]


def test_late_repeated_and_returned(folder: Path) -> None:
    orders = read(folder, "orders")
    assert [k for k, n in Counter(r["order_id"] for r in orders).items() if n > 1] == [toy.REPEATED_ORDER]
    late = next(r for r in orders if r["order_id"] == toy.LATE_ORDER)
    assert (day(late["ordered_at"]), day(late["received_at"])) == (toy.LATE_DAY, toy.LATE_KNOWN_DAY)
    assert [r["received_at"] for r in orders] == sorted(r["received_at"] for r in orders)
    back = [r for r in read(folder, "order_lines") if r["kind"] == "return"]
    assert [(r["order_id"], day(r["occurred_at"])) for r in back] == [(toy.RETURNED_ORDER, toy.RETURN_DAY)]
    events = [e for f in sorted(folder.glob("events-*.jsonl")) for e in f.read_text().splitlines()]
    assert len(events) - len(set(events)) == 1
