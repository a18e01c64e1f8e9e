"""The known truth is true of the raw files: chances calibrated, reactions and churn days as planted."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pytest

from footfall.simulate import Dials, Simulated, simulate

CUSTOMERS = 6000


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    dials = Dials(events_per_customer=12, guests=0.15, stock_outs=0.2)
    return simulate(tmp_path_factory.mktemp("truth") / "shop", customers=CUSTOMERS, days=270, seed=11, dials=dials)


@pytest.fixture(scope="module")
def db(shop: Simulated) -> duckdb.DuckDBPyConnection:
    """Views on the truth, beside what the raw files say happened."""
    con = duckdb.connect()
    con.execute(f"""create table orders as select distinct order_id, customer_id, amount::double as amount,
        coalesce(try_cast(ordered_at as timestamp), try_strptime(ordered_at, '%d/%m/%Y %H:%M:%S')) as t
        from read_csv('{shop.folder}/orders.csv', all_varchar = true)""")
    con.execute(f"""create table persons as select * from '{shop.truth}/persons.parquet'""")
    con.execute("""create table by_person as select o.*, p.person from orders o
        left join persons p on (o.customer_id is null and p.record_kind = 'guest' and p.record_id = o.order_id)
          or (p.record_kind in ('account', 'visitor') and p.record_id = o.customer_id)""")
    for name in ("propensity", "discounts", "customers"):
        con.execute(f"create view {name} as select * from '{shop.truth}/{name}.parquet'")
    con.execute("""create table known as
        select p.*, coalesce(n, 0) > 0 as ordered, coalesce(spent, 0) as spent
        from propensity p left join lateral (
          select count(*) as n, sum(amount) as spent from orders o where o.customer_id = p.customer_id
          and o.t >= p.cutoff and o.t < p.cutoff + to_days(p.horizon_days)) on true""")
    return con


def rows(db: duckdb.DuckDBPyConnection, sql: str) -> list[tuple]:  # type: ignore[type-arg]
    return db.execute(sql).fetchall()


def test_known_chances_are_calibrated_at_every_cutoff(db: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        db,
        """select horizon_days, cutoff, count(*), avg(chance), avg(ordered::int),
        sqrt(sum(chance * (1 - chance))) / count(*) from known group by all order by 1, 2""",
    )
    assert {h for h, *_ in found} == {7, 30, 90}
    assert len(found) >= 20
    scores = [(seen - chance) / error for _, _, _, chance, seen, error in found]
    assert max(abs(z) for z in scores) < 4
    assert abs(np.mean(scores)) < 1.5


def test_known_chances_are_calibrated_in_bins_of_chance(db: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        db,
        """select horizon_days, floor(chance * 10) as bin, count(*), avg(chance), avg(ordered::int),
        sqrt(sum(chance * (1 - chance))) / count(*)
        from known
        semi join (select horizon_days, max(cutoff) as cutoff from known group by 1) using (horizon_days, cutoff)
        group by all having count(*) >= 30 order by 1, 2""",
    )
    assert len(found) >= 20
    for horizon, label, _, chance, seen, error in found:
        assert abs(seen - chance) < 4 * error + 0.002, (horizon, label)


def test_chances_of_a_person_count_guest_checkouts_too(db: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        db,
        """select p.horizon_days, avg(chance_any), avg((exists (from by_person o where o.person = r.person
             and o.t >= p.cutoff and o.t < p.cutoff + to_days(p.horizon_days)))::int),
             sqrt(sum(chance_any * (1 - chance_any))) / count(*), avg(chance)
           from propensity p
           join (select horizon_days, max(cutoff) as cutoff from propensity group by 1) using (horizon_days, cutoff)
           join (select distinct record_id, person from persons where record_kind in ('account', 'visitor')) r
             on r.record_id = p.customer_id
           join customers c on c.customer_id = p.customer_id
           group by 1""",
    )
    for _, chance, seen, error, own in found:
        assert abs(seen - chance) < 4 * error
        assert chance > own


def test_expected_spend_is_calibrated(db: duckdb.DuckDBPyConnection) -> None:
    for _, expected, spent, error in rows(
        db,
        """select horizon_days, avg(spend), avg(spent), stddev(spent - spend) / sqrt(count(*)) from known
        semi join (select horizon_days, max(cutoff) as cutoff from known group by 1) using (horizon_days, cutoff)
        group by 1""",
    ):
        assert abs(expected - spent) < 4 * error


def test_the_oracle_ranks_well_but_not_perfectly(db: duckdb.DuckDBPyConnection) -> None:
    (auc,) = rows(
        db,
        """with last_one as (from known where horizon_days = 30 qualify cutoff = max(cutoff) over ()),
           ranked as (select ordered,
             rank() over (order by chance) + (count(*) over (partition by chance) - 1) / 2.0 as place from last_one)
           select (sum(place) filter (ordered) - sum(ordered::int) * (sum(ordered::int) + 1) / 2.0)
             / (sum(ordered::int) * sum((not ordered)::int)) from ranked""",
    )
    assert 0.8 < auc[0] < 0.98


def test_nobody_orders_or_looks_around_after_leaving(db: duckdb.DuckDBPyConnection, shop: Simulated) -> None:
    (count,) = rows(db, "select count(*) from customers where left_on is not null")
    assert count[0] > CUSTOMERS / 20
    (late,) = rows(db, "select count(*) from orders o join customers using (customer_id) where o.t >= left_on")
    (seen,) = rows(
        db,
        f"""select count(*)
        from read_json('{shop.folder}/events-*.jsonl', columns = {{ts: 'VARCHAR', "user": 'VARCHAR'}}) e
        join customers c on c.customer_id = e.user where left(e.ts::varchar, 10)::date >= left_on""",
    )
    assert (late[0], seen[0]) == (0, 0)
    (gone,) = rows(db, "select max(chance), max(spend) from known where not alive")
    assert gone == (0, 0)


def test_chances_to_stay_are_calibrated(db: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        db,
        """select horizon_days, cutoff, avg(stays),
             avg((left_on is null or left_on > cutoff + to_days(horizon_days))::int),
             sqrt(sum(stays * (1 - stays))) / count(*)
           from known join customers using (customer_id) where alive group by all""",
    )
    scores = [(seen - stays) / error for _, _, stays, seen, error in found]
    assert max(abs(z) for z in scores) < 4
    assert abs(np.mean(scores)) < 1.5


def test_the_hidden_state_matters(db: duckdb.DuckDBPyConnection) -> None:
    by_mood = dict(rows(db, "select mood, avg(chance) from known where horizon_days = 7 and alive group by 1"))
    assert by_mood["dormant"] < by_mood["usual"] < by_mood["keen"]
    stays = dict(rows(db, "select aggrieved, avg(stays) from known where horizon_days = 30 and alive group by 1"))
    assert stays[True] < stays[False] - 0.05


def test_reaction_to_coupons_is_as_known(db: duckdb.DuckDBPyConnection) -> None:
    """Coupons go out at random, so the observed difference is the mean known effect, within sampling."""
    found = rows(
        db,
        """select treated, count(*), avg(case when treated then chance_treated else chance_untreated end), avg(y::int),
             avg(chance_treated - chance_untreated) from (
             select d.*, exists (from by_person o join persons p on p.person = o.person
               where p.record_id = d.customer_id and p.record_kind = 'account' and o.t >= d.start
               and o.t < d.start + interval 7 day) as y from discounts d) group by 1""",
    )
    assert {bool(r[0]) for r in found} == {True, False}
    for _, n, chance, seen, effect in found:
        assert abs(seen - chance) < 4 * np.sqrt(chance * (1 - chance) / n)
        assert effect > 0.01
    (some,) = rows(db, "select count(*) from discounts where chance_treated < chance_untreated - 1e-4")
    assert some[0] > 0


def test_persons_join_accounts_crm_and_guests(db: duckdb.DuckDBPyConnection, shop: Simulated) -> None:
    kinds = dict(rows(db, "select record_kind, count(*) from persons group by 1"))
    (crm,) = rows(db, f"select count(distinct crm_id) from read_csv('{shop.folder}/crm_export.csv')")
    (guests,) = rows(db, "select count(*) from orders where customer_id is null")
    (accounts,) = rows(
        db, f"select count(distinct customer_id) from read_csv('{shop.folder}/accounts.csv', all_varchar = true)"
    )
    assert (kinds["crm"], kinds["guest"], kinds["account"]) == (crm[0], guests[0], accounts[0])
    (both,) = rows(
        db,
        """select count(*) from persons a join persons c using (person)
        where a.record_kind = 'account' and c.record_kind = 'crm'""",
    )
    assert both[0] / kinds["account"] == pytest.approx(0.35, abs=0.05)
    (twins,) = rows(
        db,
        """select count(*) from (select person from persons where record_kind = 'account'
        group by 1 having count(*) > 1)""",
    )
    assert twins[0] / kinds["account"] == pytest.approx(0.02, abs=0.01)


def test_visitors_can_become_customers(db: duckdb.DuckDBPyConnection) -> None:
    first = "(select customer_id, min(t) as first from orders group by 1)"
    (new,) = rows(
        db,
        f"""select count(*), avg(chance), avg(ordered::int) from known k left join {first} f using (customer_id)
        where horizon_days = 30 and (first is null or first >= cutoff) and customer_id like 'v%'""",
    )
    assert new[0] > 1000
    assert new[1] == pytest.approx(new[2], abs=0.01)
    assert new[2] > 0.005


def test_extra_cutoffs_are_answered(tmp_path: Path) -> None:
    dials = Dials.named({"cutoffs": "2025-07-10", "events_per_customer": 5, "mess": 0})
    shop = simulate(tmp_path / "shop", customers=200, days=90, dials=dials)
    found = duckdb.sql(
        f"select distinct horizon_days from '{shop.truth}/propensity.parquet' where cutoff = '2025-07-10' order by 1"
    ).fetchall()
    assert found == [(7,), (30,)]
