"""The simulator's files: the same each time, as messy as the dials say, and late rows really late."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from footfall.errors import UsageError
from footfall.simulate import Dials, Simulated, shopkeeper, simulate

HOUR = 3600


def rows(sql: str) -> list[tuple]:  # type: ignore[type-arg]
    return duckdb.sql(sql).fetchall()


def one(sql: str):  # type: ignore[no-untyped-def]
    return rows(sql)[0][0]


def csv(shop: Simulated, name: str) -> str:
    return f"read_csv('{shop.folder}/{name}.csv', all_varchar = true)"


ITEMS = "STRUCT(product_id VARCHAR, category VARCHAR, brand VARCHAR, price DOUBLE, quantity INTEGER)[]"
EVENT = (
    "{event_id: 'VARCHAR', ts: 'TIMESTAMP', received_at: 'TIMESTAMP', \"user\": 'VARCHAR', session: 'VARCHAR', "
    f"type: 'VARCHAR', items: '{ITEMS}'}}"
)


def events(shop: Simulated) -> str:
    """Every event, with a column `filename`."""
    where = f"'{shop.folder}/events-*.jsonl'"
    return f"read_json({where}, format = 'newline_delimited', filename = true, columns = {EVENT})"


def fingerprints(*folders: Path) -> dict[str, str]:
    return {f"{d.name}/{f.name}": hashlib.sha256(f.read_bytes()).hexdigest() for d in folders for f in d.iterdir()}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    dials = Dials(events_per_customer=80, late=0.03, duplicates=0.02, typos=0.05, guests=0.2)
    return simulate(tmp_path_factory.mktemp("messy") / "shop", customers=1500, days=180, seed=3, dials=dials)


@pytest.fixture(scope="module")
def tidy(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    dials = Dials(mess=0, events_per_customer=40)
    return simulate(tmp_path_factory.mktemp("tidy") / "shop", customers=600, days=120, seed=3, dials=dials)


def test_the_same_arguments_give_the_same_bytes_on_any_number_of_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dials = Dials(events_per_customer=30)
    first = simulate(tmp_path / "a" / "shop", customers=300, days=70, seed=1, dials=dials)
    monkeypatch.setattr(shopkeeper.os, "cpu_count", lambda: 5)
    second = simulate(tmp_path / "b" / "shop", customers=300, days=70, seed=1, dials=dials)
    assert fingerprints(first.folder, first.truth) == fingerprints(second.folder, second.truth)
    other = simulate(tmp_path / "c" / "shop", customers=300, days=70, seed=2, dials=dials)
    same = fingerprints(first.folder).items() & fingerprints(other.folder).items()
    assert {name for name, _ in same} == {"shop/calendar.csv"}


def test_a_second_run_replaces_the_first_and_nothing_else(tmp_path: Path) -> None:
    dials = Dials(events_per_customer=10)
    once = simulate(tmp_path / "shop", customers=100, days=62, seed=1, dials=dials)
    again = simulate(tmp_path / "shop", customers=100, days=30, seed=1, dials=dials)
    assert len(again.files) < len(once.files)
    assert sorted(again.files) == sorted(p for p in again.folder.iterdir())
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "orders.csv").write_text("precious\n")
    with pytest.raises(UsageError, match="holds files already"):
        simulate(tmp_path / "mine", customers=100, days=30)
    assert (tmp_path / "mine" / "orders.csv").read_text() == "precious\n"


def test_reported_rows_are_the_rows_in_the_files(shop: Simulated) -> None:
    for name, count in shop.rows.items():
        source = events(shop) if name == "events" else csv(shop, name)
        assert one(f"select count(*) from {source}") == count > 0, name


def test_events_have_nested_items_and_end_in_what_was_ordered(shop: Simulated) -> None:
    line = json.loads((shop.files[0]).read_text().splitlines()[0])
    assert list(line) == ["event_id", "ts", "received_at", "user", "session", "type", "items"]
    kinds = {k for (k,) in rows(f"select distinct type from {events(shop)}")}
    assert kinds == {"view", "click", "add_to_cart", "remove_from_cart", "search", "purchase"}
    bought = f"""select "user", ts, len(items), list_sum([i.quantity for i in items]) from {events(shop)}
        where type = 'purchase' group by all"""
    sold = f"""select customer_id, min(l.occurred_at)::timestamp, count(distinct line_number), sum(q) from (
        select distinct order_id, line_number, occurred_at, quantity::int as q from {csv(shop, "order_lines")}
        where kind = 'sale') l join (select distinct order_id, customer_id from {csv(shop, "orders")}) using (order_id)
        where customer_id is not null group by order_id, customer_id"""
    assert one(f"select count(*) from ({bought})") > 500
    assert rows(f"({bought}) except ({sold})") == [] == rows(f"({sold}) except ({bought})")


def test_amounts_are_the_sums_of_the_lines(shop: Simulated) -> None:
    assert (
        one(f"""select count(*) from (
          select distinct order_id, amount::decimal(12,2) as amount from {csv(shop, "orders")})
        join (select order_id, sum(a) as total from (select distinct order_id, line_number, amount::decimal(12,2) as a
              from {csv(shop, "order_lines")} where kind = 'sale') group by 1) using (order_id)
        where amount <> total""")
        == 0
    )


def test_mess_is_near_its_dials_and_listed_in_the_truth(shop: Simulated) -> None:
    dials = {"duplicates": 0.02, "late": 0.03}
    for file, source in {"events": events(shop), "orders.csv": csv(shop, "orders")}.items():
        total, distinct = rows(
            f"select count(*), (select count(*) from (select distinct * from {source})) from {source}"
        )[0]
        assert total - distinct == shop.planted[f"{file}:duplicate"]
        assert shop.planted[f"{file}:duplicate"] / total == pytest.approx(dials["duplicates"], rel=0.3)
        assert shop.planted[f"{file}:late"] / total == pytest.approx(dials["late"], rel=0.35)
    accounts = shop.rows["accounts"]
    fields = 8
    assert shop.planted["accounts.csv:missing"] / accounts == pytest.approx(0.06 * fields, rel=0.25)
    assert shop.planted["accounts.csv:typo"] / accounts == pytest.approx(0.05 * 4, rel=0.3)
    formats = one(f"select avg((birth_date not like '____-__-__')::int) from {csv(shop, 'accounts')}")
    assert formats == pytest.approx(0.25, abs=0.04)
    assert one(
        f"select count(*) from {csv(shop, 'accounts')} where birth_date like '%1871%' or birth_date like '%2091%'"
    )


def test_late_rows_are_really_late(shop: Simulated) -> None:
    clock = "coalesce(try_cast(ordered_at as timestamp), try_strptime(ordered_at, '%d/%m/%Y %H:%M:%S'))"
    orders = f"(select distinct order_id, {clock} as t, received_at::timestamp as r from {csv(shop, 'orders')})"
    assert one(f"select count(*) from {orders} where t is null or r < t") == 0
    assert one(f"select count(*) from {orders} where r - t >= interval 2 hour") == shop.planted["orders.csv:late"] > 20
    assert one(f"select max(r - t) from {orders} where r - t < interval 2 hour").total_seconds() <= 60
    late = f"select count(*) from (select distinct * from {events(shop)}) where received_at - ts >= interval 2 hour"
    assert one(late) == shop.planted["events:late"] > 200
    # Late events stand where they were received: the file of that month, after rows that happened later.
    numbered = f"read_csv('{shop.folder}/orders.csv', all_varchar = true, parallel = false)"
    order = [r for (r,) in rows(f"select received_at from {numbered}")]
    firsts = list(dict.fromkeys(order))
    assert sum(a > b for a, b in pairwise(firsts)) == 0
    months = rows(f"""select count(*) from {events(shop)}
        where strftime(received_at, '%Y-%m') <> left(right(filename, 13), 7) and received_at - ts > interval 2 hour""")
    assert months[0][0] == 0


def test_mess_switched_off_leaves_clean_files(tidy: Simulated) -> None:
    assert tidy.planted == {}
    for source in (events(tidy), csv(tidy, "orders"), csv(tidy, "order_lines"), csv(tidy, "crm_export")):
        assert one(f"select count(*) from {source}") == one(f"select count(*) from (select distinct * from {source})")
    assert one(f"select count(*) from {events(tidy)} where received_at - ts > interval 1 minute") == 0
    accounts = csv(tidy, "accounts")
    assert one(f"select count(*) from {accounts} where email is null or surname is null or postcode is null") == 0
    assert (
        one(f"select count(*) from {accounts} where try_cast(birth_date as date) is null and birth_date is not null")
        == 0
    )
    assert one(f"select count(*) from {accounts} where upper(surname) = surname or lower(surname) = surname") == 0
    assert rows(f"select distinct currency from {csv(tidy, 'orders')}") == [("GBP",)]
    assert one(f"select count(*) from {csv(tidy, 'products')}") == 400
    assert (
        one(f"select max(n) from (select count(distinct category) n from {csv(tidy, 'products')} group by category_id)")
        == 1
    )


def test_attributes_have_a_history(shop: Simulated) -> None:
    accounts = csv(shop, "accounts")
    changed = f"""select count(*) from (select customer_id from {accounts} group by 1
        having count(distinct loyalty_tier) > 1 and count(distinct updated_at) > 1)"""
    assert one(changed) > 20
    order = {"bronze": 0, "silver": 1, "gold": 2}
    last: dict[str, int] = {}
    for customer, tier in rows(f"select customer_id, loyalty_tier from {accounts} order by customer_id, updated_at"):
        assert order[tier] >= last.get(customer, 0)
        last[customer] = order[tier]


def test_some_have_no_demographics_and_some_no_account(shop: Simulated) -> None:
    accounts = csv(shop, "accounts")
    bare = f"""select avg((gender is null and birth_date is null and profession is null and income is null)::int)
        from {accounts}"""
    assert one(bare) == pytest.approx(0.12, abs=0.04)
    strangers = (
        f"""select count(distinct "user") from {events(shop)} e anti join {accounts} a on a.customer_id = e.user"""
    )
    assert one(strangers) > 200


def test_events_near_the_dial(shop: Simulated) -> None:
    bots = f"select customer_id from '{shop.truth}/customers.parquet' where kind = 'bot'"
    count = one(f"""select count(*) from {events(shop)} where "user" not in ({bots})""")
    assert count / 1500 == pytest.approx(80 * 180 / 365, rel=0.2)


def test_days_are_those_of_the_shops_time_zone(tmp_path: Path) -> None:
    dials = Dials(timezone="America/New_York", start=date(2025, 2, 1), events_per_customer=20, mess=0)
    shop = simulate(tmp_path / "shop", customers=200, days=60, dials=dials)
    cutoffs = rows(f"select distinct strftime(cutoff, '%H:%M') from '{shop.truth}/propensity.parquet' order by 1")
    assert cutoffs == [("04:00",), ("05:00",)]
    first, last = rows(f"select min(ts), max(ts) from {events(shop)}")[0]
    assert str(first) >= "2025-02-01 05:00:00" and str(last) < "2025-04-02 04:00:00"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"typoz": 0.1}, "did you mean 'typos'"),
        ({"typos": 2}, "from 0 to 1"),
        ({"typos": "lots"}, "cannot be 'lots'"),
        ({"churn": float("nan")}, "takes a number"),
        ({"timezone": "Mars/Olympus"}, "not a time zone"),
        ({"products": 50.5}, "whole number"),
        ({"start": "yesterday"}, "cannot be 'yesterday'"),
    ],
)
def test_absurd_dials_are_refused(values: dict[str, object], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        Dials.named(values)


@pytest.mark.parametrize("numbers", [{"customers": 0}, {"days": 3}, {"seed": -1}, {"customers": 1.5}])
def test_absurd_sizes_are_refused(numbers: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=next(iter(numbers))):
        simulate(tmp_path / "shop", **{"customers": 100, "days": 30, **numbers})
    assert not (tmp_path / "shop").exists()


def test_a_cutoff_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="from 2025-06-15 to 2025-06-24"):
        simulate(tmp_path / "shop", customers=20, days=30, dials=Dials(cutoffs=(date(2025, 6, 28),)))
    assert not (tmp_path / "shop").exists()


@pytest.mark.parametrize(
    "values",
    [
        {"orders_per_year": 0.01},
        {"churn": 0, "guests": 0, "visitors": 0, "rhythm": 0, "crm": 0, "crm_only": 0},
        {"mess": 10, "churn": 50, "visitors": 0.95, "rhythm": 1, "products": 24},
        {"stock_outs": 0.5, "products": 24, "orders_per_year": 200},
    ],
)
@pytest.mark.filterwarnings("error")
def test_the_ends_of_the_dials_work(values: dict[str, float], tmp_path: Path) -> None:
    shop = simulate(tmp_path / "shop", customers=20, days=28, dials=Dials.named(values))
    assert shop.rows["events"] > 0
    assert one(f"select count(*) from {csv(shop, 'orders')}") == shop.rows["orders"]


def test_dials_by_text() -> None:
    assert Dials.named({"start": "2024-02-29", "products": "50", "mess": "0"}) == Dials(
        start=date(2024, 2, 29), products=50, mess=0.0
    )
