"""What every engine does, and what only the one on a DuckDB file does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.engine import DuckDBEngine, Engine, Query, literal
from footfall.errors import FootfallError

ENGINES: dict[str, Callable[[Path], Engine]] = {
    "duckdb": lambda folder: DuckDBEngine(folder / "shop.duckdb", threads=2, memory="1GB"),
}
"""Every member of the family; a new engine adds one line and passes the suite."""

ZONES = ["UTC", "Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo"]
INSTANTS = st.datetimes(datetime(1971, 1, 1), datetime(2037, 12, 31))


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    made = ENGINES[request.param](tmp_path)
    yield made
    if isinstance(made, DuckDBEngine):
        made.close()


@pytest.fixture(scope="module", params=ENGINES)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return ENGINES[request.param](tmp_path_factory.mktemp("engine"))


# --- the contract ---


@given(at=INSTANTS, zone=st.sampled_from(ZONES))
def test_local_time_is_the_clock_on_the_wall(shared: Engine, at: datetime, zone: str) -> None:
    wall = at.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert shared.value(f"select local_time({literal(at)}, {literal(zone)})") == wall


@pytest.mark.parametrize(
    "at", [datetime(2026, 3, 29, 0, 59), datetime(2026, 3, 29, 1), datetime(2026, 10, 25, 0), datetime(2026, 10, 25, 1)]
)
def test_local_time_on_the_days_the_clocks_change(shared: Engine, at: datetime) -> None:
    wall = at.replace(tzinfo=UTC).astimezone(ZoneInfo("Europe/London")).replace(tzinfo=None)
    assert shared.value(f"select local_time({literal(at)}, 'Europe/London')") == wall


@given(day=st.dates(date(1970, 1, 1), date(2100, 12, 31)), hours=st.integers(0, 23))
def test_weekday_counts_from_monday_1_to_sunday_7(shared: Engine, day: date, hours: int) -> None:
    at = datetime(day.year, day.month, day.day) + timedelta(hours=hours)
    assert shared.rows(f"select weekday({literal(day)}), weekday({literal(at)})") == [(day.isoweekday(),) * 2]


@given(a=INSTANTS, b=INSTANTS)
def test_days_between_is_elapsed_time_in_days(shared: Engine, a: datetime, b: datetime) -> None:
    got = shared.value(f"select days_between({literal(a)}, {literal(b)})")
    assert got == (b - a) // timedelta(microseconds=1) / 86_400_000_000


@given(a=st.dates(date(1971, 1, 1), date(2037, 12, 31)), b=INSTANTS)
def test_days_between_takes_a_date_for_its_midnight(shared: Engine, a: date, b: datetime) -> None:
    got = shared.value(f"select days_between({literal(a)}, {literal(b)})")
    assert got == (b - datetime(a.year, a.month, a.day)) // timedelta(microseconds=1) / 86_400_000_000


def test_the_named_functions_of_null_are_null(shared: Engine) -> None:
    sql = (
        "select local_time(cast(null as timestamp), 'UTC'), weekday(cast(null as date)), "
        "days_between(null, timestamp '2026-06-01'), days_between(timestamp '2026-06-01', cast(null as timestamp))"
    )
    assert shared.rows(sql) == [(None, None, None, None)]


def test_the_named_functions_take_columns_named_like_their_parameters(shared: Engine) -> None:
    given = (
        "select timestamp '2026-06-01 12:00:00' as ts, 'Asia/Tokyo' as tz, date '2026-06-07' as day, "
        "date '2026-06-02' as a, date '2026-06-01' as b"
    )
    sql = f"select local_time(ts, tz), weekday(day), days_between(b, a), days_between(a, b) from ({given})"
    assert shared.rows(sql) == [(datetime(2026, 6, 1, 21), 7, 1.0, -1.0)]


def test_a_relation_is_a_named_table_with_its_columns(engine: Engine) -> None:
    query = Query().then("n", "select * from (values (2, 'b'), (1, 'a')) as v(id, name)")
    relation = engine.materialise(query, "things")
    assert (relation.name, relation.columns, relation.count()) == ("things", {"id": "INTEGER", "name": "VARCHAR"}, 2)
    assert relation.fetch(order="id").to_pylist() == [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
    assert engine.has("things") and not engine.has("nothing")
    assert engine.materialise("select 7 as id", "things").count() == 1, "it replaces"


def test_parameters_are_values_and_not_sql(engine: Engine) -> None:
    assert engine.rows("select ?, ?", ["'; select 1", 2]) == [("'; select 1", 2)]
    assert engine.value("select 1 where 1 = ?", [2]) is None


def test_append_goes_by_column_name(engine: Engine) -> None:
    engine.execute("create table things (id INTEGER, name VARCHAR, amount DECIMAL(18,4))")
    engine.append("things", pa.table({"name": ["b", None], "id": [1, 2]}))
    assert engine.rows("select * from things order by id") == [(1, "b", None), (2, None, None)]
    with pytest.raises(FootfallError):
        engine.append("things", pa.table({"colour": ["red"]}))
    engine.append("things", pa.table({"id": [3]}))
    assert engine.value("select count(*) from things") == 3


def test_a_failed_transaction_leaves_nothing(engine: Engine) -> None:
    engine.execute("create table things (id INTEGER)")
    with pytest.raises(FootfallError), engine.transaction():
        engine.execute("insert into things values (1)")
        engine.execute("create table more (id INTEGER)")
        engine.execute("select * from nowhere")
    assert engine.value("select count(*) from things") == 0
    assert not engine.has("more")
    with pytest.raises(KeyboardInterrupt), engine.transaction():
        engine.execute("insert into things values (2)")
        raise KeyboardInterrupt
    assert engine.value("select count(*) from things") == 0
    with engine.transaction():
        engine.execute("insert into things values (3)")
    assert engine.rows("select id from things") == [(3,)], "the engine goes on after a failure"


def test_a_transaction_inside_another_joins_it(engine: Engine) -> None:
    engine.execute("create table things (id INTEGER)")
    with pytest.raises(RuntimeError), engine.transaction():
        with engine.transaction():
            engine.execute("insert into things values (1)")
        assert engine.value("select count(*) from things") == 1
        raise RuntimeError
    assert engine.value("select count(*) from things") == 0
    with engine.transaction():
        engine.execute("insert into things values (2)")
        with engine.transaction():
            engine.execute("insert into things values (3)")
    assert engine.value("select count(*) from things") == 2


def test_an_error_swallowed_inside_a_transaction_is_still_one_clear_error(engine: Engine) -> None:
    engine.execute("create table things (id INTEGER primary key)")
    with pytest.raises(FootfallError), engine.transaction():
        engine.execute("insert into things values (1)")
        with pytest.raises(FootfallError):
            engine.execute("insert into things values (1)")
        engine.execute("insert into things values (2)")
    assert engine.value("select count(*) from things") == 0


def test_an_error_is_one_line_that_names_the_thing(engine: Engine) -> None:
    engine.execute("create table orders (amount INTEGER)")
    for sql, thing in [("select * from oders", "oders"), ("select amout from orders", "amout"), ("selec 1", "selec")]:
        with pytest.raises(FootfallError) as caught:
            engine.rows(sql)
        assert thing in str(caught.value)
        assert "\n" not in str(caught.value)
        assert "Error" not in str(caught.value), "the engine's own class names mean nothing to a merchant"
    with pytest.raises(FootfallError, match='Did you mean "orders"'):
        engine.rows("select * from oders")
    with pytest.raises(FootfallError, match="nothing"):
        engine.columns("nothing")


def test_an_error_that_comes_while_reading_is_ours_too(engine: Engine) -> None:
    engine.execute(
        "create table texts as select case when i = 90000 then 'x' else '1' end as t from range(100000) r(i)"
    )
    for ask in (engine.rows, engine.fetch, engine.execute, engine.value):
        with pytest.raises(FootfallError, match="'x'"):
            ask("select cast(t as integer) from texts")
        assert engine.value("select 1") == 1, "the engine goes on"


def test_an_unread_result_does_not_block_the_next_question(engine: Engine) -> None:
    engine.execute("select * from range(100000)")
    assert engine.value("select * from range(100000)") == 0
    assert engine.fetch("select 1 as one").to_pylist() == [{"one": 1}]
    assert engine.value("select 1 where false") is None


def test_sums_of_money_do_not_depend_on_the_order(engine: Engine) -> None:
    engine.execute(
        "create table money as select cast(((i * 7919) % 100003) / 100.0 as decimal(18, 4)) as amount "
        "from range(200000) t(i)"
    )
    sums = {
        engine.value(f"select sum(amount) from (select amount from money order by hash(amount + {seed}))")
        for seed in range(3)
    }
    assert sums == {sum((Decimal((i * 7919) % 100003) / 100 for i in range(200000)), Decimal())}


# --- DuckDB over a file ---


def test_what_is_written_is_there_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"
    first = DuckDBEngine(path)
    first.execute("create table things as select 1 as id")
    first.close()
    again = DuckDBEngine(path)
    assert again.rows("select id, weekday(date '2026-06-01') from things") == [(1, 1)]
    again.close()


def test_memory_threads_and_the_folder_to_spill_to_are_bounded_by_settings(tmp_path: Path) -> None:
    engine = DuckDBEngine(tmp_path / "shop.duckdb", memory="300MB", threads=1)
    limit, threads, folder = engine.rows(
        "select current_setting('memory_limit'), current_setting('threads'), current_setting('temp_directory')"
    )[0]
    assert (limit, threads, folder) == ("286.1 MiB", 1, str(tmp_path / "shop.duckdb.tmp"))
    engine.close()


def test_rows_are_appended_by_name_and_nothing_of_them_stays_in_memory(tmp_path: Path) -> None:
    engine = DuckDBEngine(tmp_path / "shop.duckdb", threads=1)
    engine.execute("create schema kept")
    engine.execute("create table kept.t (a varchar, b bigint, c double)")
    before = pa.total_allocated_bytes()
    with engine.transaction():
        for i in range(3):
            engine.append("kept.t", pa.table({"C": pa.array([i / 2] * 100_000), "a": pa.array(["text"] * 100_000)}))
        assert pa.total_allocated_bytes() - before < 1_000_000, "tables are let go of before the transaction ends"
    assert engine.rows("select a, b, sum(c), count(*) from kept.t group by all") == [("text", None, 150_000.0, 300_000)]
    with pytest.raises(FootfallError, match="has no column"):
        engine.append("kept.t", pa.table({"a": ["x"], "d": [1]}))
    engine.close()


def test_memory_is_given_back_and_its_bound_stays(tmp_path: Path) -> None:
    engine = DuckDBEngine(tmp_path / "shop.duckdb", memory="300MB", threads=1)
    bound = engine.value("select current_setting('memory_limit')")
    engine.execute("create table t as select range as x from range(1000)")
    engine.release_memory()
    assert engine.value("select current_setting('memory_limit')") == bound
    assert engine.value("select sum(x) from t") == 499_500
    engine.close()


def test_a_sort_larger_than_the_memory_spills_to_disk(tmp_path: Path) -> None:
    engine = DuckDBEngine(tmp_path / "shop.duckdb", memory="120MB", threads=1)
    engine.execute("create table big as select hash(i) as h, repeat('x', 40) || i as text from range(2000000) t(i)")
    engine.execute("create table sorted as select * from big order by text, h")
    assert engine.value("select count(*) from sorted") == 2_000_000
    engine.close()
    assert not (tmp_path / "shop.duckdb.tmp").exists() or not any((tmp_path / "shop.duckdb.tmp").iterdir())


@pytest.mark.parametrize("content", [b"PK\x03\x04 no database" * 400, b"id,name\n1,a\n" * 2000])
def test_a_file_that_is_no_shop_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "shop.duckdb"
    path.write_bytes(content)
    with pytest.raises(FootfallError, match=r"cannot open '.*shop\.duckdb' as a shop: ") as caught:
        DuckDBEngine(path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


def test_a_folder_that_is_not_there_and_a_folder_instead_of_a_file(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere" / "shop.duckdb", tmp_path):
        with pytest.raises(FootfallError, match="cannot open"):
            DuckDBEngine(path)


def test_a_shop_that_another_process_holds_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"
    hold = f"import duckdb, sys; c = duckdb.connect({str(path)!r}); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "held"
        with pytest.raises(FootfallError, match="cannot open") as caught:
            DuckDBEngine(path)
        assert "\n" not in str(caught.value)
        other.communicate()


def test_has_takes_a_schema(tmp_path: Path) -> None:
    engine = DuckDBEngine()
    engine.execute("create schema facts")
    engine.execute("create table facts.orders (id INTEGER)")
    assert engine.has("orders") and engine.has("facts.orders") and not engine.has("main.orders")
    engine.execute("create view orders as select * from facts.orders")
    assert engine.has("main.orders")


def test_a_table_name_never_means_a_python_variable() -> None:
    engine = DuckDBEngine()
    customers = pa.table({"id": [1]})
    for ask in (engine.rows, engine.fetch):
        with pytest.raises(FootfallError, match="customers"):
            ask("select * from customers")
    assert customers.num_rows == 1
