"""Row counts of real data, as their README states them, and every raw row accounted for."""

from __future__ import annotations

from pathlib import Path

from footfall.engine import DuckDBEngine
from footfall.sources import LoadReport, load
from real_data import data_path


def loaded(name: str, source: str, tmp_path: Path) -> tuple[DuckDBEngine, LoadReport]:
    engine = DuckDBEngine(tmp_path / "shop.duckdb", threads=2)
    report = load(engine, [data_path(name)], source=source)
    for f in report.files:
        assert f.rows_loaded + f.rows_quarantined + f.rows_duplicate == f.rows_read
    assert engine.value("select count(*) from quarantine") == report.rows_quarantined
    again = load(engine, [data_path(name)], source=source)
    assert (again.rows_loaded, again.rows_read) == (0, report.rows_read)
    return engine, report


def totals(report: LoadReport) -> tuple[int, int, int, int]:
    return report.rows_read, report.rows_loaded, report.rows_quarantined, report.rows_duplicate


def test_online_retail(tmp_path: Path) -> None:
    engine, report = loaded("online_retail", "online_retail", tmp_path)
    assert totals(report) == (541_909, 534_128, 2_518, 5_263)
    assert engine.value("select count(*) from lines") == 534_128
    found = dict(engine.rows("select check_name, rows from quality"))
    assert found["cancellation"] == engine.value("select count(*) from lines where kind = 'return'") == 9_251
    assert found["stock adjustment"] == 1_336
    assert found["bad debt adjustment"] == 3
    # 4,372 customers, one of whom has only a row without a price.
    assert engine.value("select count(distinct customer_id) from lines") == 4_371
    assert engine.value("select count(distinct location) from customer_history") <= 38
    assert engine.value("select count(*) from orders where amount <= 0") == 0
    sales = "select order_id, sum(amount) as amount from lines where kind = 'sale' group by order_id"
    assert engine.value(f"select count(*) from orders full join ({sales}) s using (order_id, amount)") == 19_959
    days = engine.rows("select min(occurred_at)::DATE::VARCHAR, max(occurred_at)::DATE::VARCHAR from lines")
    assert days == [("2010-12-01", "2011-12-09")]


def test_taobao(tmp_path: Path) -> None:
    engine, report = loaded("taobao", "taobao", tmp_path)
    # The last line of the file is cut; six stamps lie outside the nine days.
    assert totals(report) == (84_476, 84_469, 7, 0)
    assert engine.value("select count(*) from lines") == 1_750
    assert engine.value("select count(distinct customer_id) from events") == 815
    assert engine.value("select count(distinct customer_id) from orders") == 559


def test_complete_journey(tmp_path: Path) -> None:
    engine, report = loaded("complete_journey", "complete_journey", tmp_path)
    read = {f.role: f.rows_read for f in report.files}
    assert (read["transactions"], read["demographics"], read["products"]) == (75_000, 801, 92_331)
    assert (report.rows_quarantined, report.rows_duplicate) == (416, 4_872)
    assert engine.value("select count(distinct customer_id) from lines") <= 2_377
    # One product sold is not in the catalogue.
    assert engine.value("select count(distinct product_id) from lines where category is null") == 1
    assert engine.value("select count(*) from customers where age between 18 and 99 and income > 0") == 801


def test_cdnow(tmp_path: Path) -> None:
    engine, report = loaded("cdnow", "cdnow", tmp_path)
    assert totals(report) == (69_659, 69_659, 0, 0)
    assert engine.value("select count(distinct order_id) from orders") == 69_659
    assert engine.value("select count(distinct customer_id) from orders") == 23_570
    assert round(float(engine.value("select avg(amount) from orders")), 2) == 35.89


def test_olist(tmp_path: Path) -> None:
    engine, report = loaded("olist_10k", "olist", tmp_path)
    assert totals(report) == (37_446, 37_446, 0, 0)
    assert engine.value("select count(*) from orders") == 10_000
    assert engine.value("select count(*) from orders where known_at > occurred_at + interval 1 day") > 1_000
    assert engine.value("select count(*) from orders where known_at < occurred_at") == 0


def test_retailrocket(tmp_path: Path) -> None:
    engine, report = loaded("retailrocket", "retailrocket", tmp_path)
    assert totals(report) == (5_169, 5_166, 0, 3)
    assert engine.value("select count(*) from lines") == 60


def test_rees46(tmp_path: Path) -> None:
    engine, report = loaded("rees46", "rees46", tmp_path)
    # 17,434 whole rows and a last one that is cut.
    assert totals(report) == (17_435, 17_429, 1, 5)
    assert engine.value("select count(*) from lines") == 214


def test_walmart(tmp_path: Path) -> None:
    engine, report = loaded("walmart_weekly", "series", tmp_path)
    assert totals(report) == (429_805, 429_805, 0, 0)
    assert engine.value("select count(*) from series") == 421_570
    days = engine.rows("select min(date)::VARCHAR, max(date)::VARCHAR from series")
    assert days == [("2010-02-05", "2012-10-26")]


def test_ebuy_emporium(tmp_path: Path) -> None:
    """The purchases are not here: the lists of guests and of purchasers stand in for them."""
    engine, report = loaded("ebuy_emporium", "ebuy_emporium", tmp_path)
    assert {f.role: f.rows_loaded for f in report.files} == {
        "database": 23_476,
        "crm": 7_825,
        "guests": 7_759,
        "purchasers": 19_849,
    }
    assert totals(report) == (58_909, 58_909, 0, 0)
    assert engine.value("select count(*) from orders") == engine.value("select count(*) from lines") == 0
    counts = "count(*), count(distinct customer_id), count(surname)"
    assert engine.rows(f"select channel, {counts} from customer_history group by 1 order by 1") == [
        ("crm", 7_825, 7_825, 7_825),
        ("guest", 7_759, 0, 7_759),
        ("purchase", 19_849, 19_849, 0),
        ("web", 23_476, 23_476, 23_476),
    ]
    # One row an account id: in the database, the CRM or both, and those that only purchases know.
    assert engine.value("select count(*) from customers") == 23_476 + 7_825 - 5_454 + 1_248
    assert engine.value("select count(*) from customers where surname is null") == 1_248
    triples = "select distinct first_name, surname, postcode from facts.customers where channel = 'guest'"
    assert engine.value(f"select count(*) from ({triples})") == 7_759
    young = engine.value("select sum(rows) from quality where check_name = 'under 16 years'")
    assert young == engine.value("select count(*) from facts.customers where age < 16") == 6_108
    assert engine.value("select count(*) from known_customers") == 0, "nothing of this has a date"


def test_people_febrl3(tmp_path: Path) -> None:
    engine, report = loaded("febrl3", "people", tmp_path)
    assert totals(report) == (5_000, 5_000, 0, 0)
    assert engine.value("select count(*) from customers") == 5_000
    born = engine.rows("select count(birth_date), count(further->>'birth_date') from customers")
    assert born == [(4_810, 35)]
    assert engine.rows(
        "select first_name, surname, postcode, address, birth_date::VARCHAR, further from customers "
        "where customer_id = 'rec-1496-org'"
    ) == [
        (
            "mitchell",
            "green",
            "2119",
            "7 wallaby place, delmar, cleveland, sa",
            "1956-04-09",
            '{"soc_sec_id":"1804974"}',
        )
    ]


def test_people_historical(tmp_path: Path) -> None:
    engine, report = loaded("historical_50k", "people", tmp_path)
    assert totals(report) == (50_578, 50_578, 0, 0)
    assert engine.value("select count(*) from customers") == 50_578
    filled = "count(birth_date), count(further->>'birth_date'), count(birth_place), count(profession), count(gender)"
    assert engine.rows(f"select {filled} from customers") == [(36_271, 2_904, 43_651, 25_289, 39_348)]
    assert engine.value("select later_names from customers where customer_id = 'Q2296770-1'") == (
        "clifford, 1st baron clifford of"
    )
