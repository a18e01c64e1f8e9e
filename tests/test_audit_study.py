"""A study in SQL over a shop: each leak, planted alone, is found and named; the honest query is told clean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from footfall.answers import Audit
from footfall.audit import CLEAN, LEAK, NOT_RUN, Finding
from footfall.errors import FootfallError
from footfall.shop import Shop
from leaky import visitors

HONEST = """
select
  customer_id,
  $at as cutoff,
  count(*) as actions,
  count(*) filter (where type = 'add_to_cart') as carts,
  date_diff('day', max(occurred_at), $at) as recency,
  max(cast(customer_id in (
    select customer_id from orders where occurred_at >= $at and occurred_at < $at + interval 30 day
  ) as integer)) as target
from events
where occurred_at < $at and known_at < $at
  and customer_id not in (select customer_id from orders where occurred_at < $at and customer_id is not null)
group by customer_id
"""
"""Who acted before the instant and has not bought yet; what they did by then; whether they buy in the 30 days after."""


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with Shop(":memory:", threads=1) as made:
        visitors(made.engine)
        yield made


@pytest.fixture
def audited(shop: Shop, tmp_path: Path) -> Callable[..., Audit]:
    def audit(sql: str, **roles: str) -> Audit:
        (tmp_path / "study.sql").write_text(sql)
        return shop.audited("become-customer-30d", tmp_path / "study.sql", roles=roles)

    return audit


def named(done: Audit) -> set[tuple[str, str | None]]:
    return {(f.check, f.feature) for f in done.found}


def one(done: Audit, check: str) -> Finding:
    return next(f for f in done.findings if f.check == check)


def test_an_honest_study_is_silent(audited: Callable[..., Audit]) -> None:
    done = audited(HONEST)
    assert done.found == []
    verdicts = {f.check: f.verdict for f in done.findings}
    assert {c for c, v in verdicts.items() if v == CLEAN} >= {"future", "late", "history", "split", "single"}
    assert "3 features of" in one(done, "future").words
    assert done.name == "become-customer-30d: study.sql"


@pytest.mark.parametrize("seed", [1])
def test_an_honest_study_is_silent_on_other_shops(seed: int, tmp_path: Path) -> None:
    with Shop(":memory:", threads=1) as made:
        visitors(made.engine, seed=seed)
        (tmp_path / "study.sql").write_text(HONEST)
        assert made.audited("become-customer-30d", tmp_path / "study.sql").found == []


def test_recency_to_today(audited: Callable[..., Audit]) -> None:
    done = audited(HONEST.replace("max(occurred_at), $at)", "max(occurred_at), (select max(occurred_at) from events))"))
    assert named(done) == {("future", "recency")}
    assert one(done, "future").verdict == LEAK and "looks ahead" in one(done, "future").words


def test_actions_after_the_instant(audited: Callable[..., Audit]) -> None:
    sql = HONEST.replace("where occurred_at < $at and known_at < $at", "where type <> 'purchase'")
    assert {("future", "actions"), ("future", "carts"), ("future", "recency")} <= named(audited(sql))


def test_facts_before_they_were_known(audited: Callable[..., Audit]) -> None:
    done = audited(HONEST.replace("and known_at < $at", ""))
    assert named(done) == {("late", "actions"), ("late", "carts"), ("late", "recency"), ("late", "the rows")}
    assert "before anybody could" in one(done, "late").words


def test_the_outcome_among_the_features(audited: Callable[..., Audit]) -> None:
    sales = "(select count(*) from orders o where o.customer_id = events.customer_id) as sales,"
    done = audited(
        HONEST.replace("count(*) as actions,", "count(*) as actions, any_value(" + sales.replace(" as", ") as"))
    )
    assert {("history", "sales"), ("future", "sales"), ("single", "sales")} <= named(done)
    assert {feature for _, feature in named(done)} <= {"sales", None}
    assert {check for check, feature in named(done) if feature is None} <= {"split"}


def test_a_join_that_repeats_rows_for_what_comes_later(audited: Callable[..., Audit]) -> None:
    done = audited(
        HONEST.replace(
            "from events\n", "from events left join (select customer_id, order_id from orders) using (customer_id)\n"
        )
    )
    assert ("future", "actions") in named(done), "who will order twice counts double"


CUT = """
with firsts as (select customer_id, min(occurred_at) as first_order from orders group by customer_id),
today as (select timestamp '2025-05-31' as today)
select
  e.customer_id,
  max(coalesce(f.first_order, today)) as cutoff,
  count(*) as actions,
  date_diff('day', max(e.occurred_at), max(coalesce(f.first_order, today))) as recency,
  max(case when f.first_order is null then 0 else 1 end) as target
from events e
cross join today
left join firsts f using (customer_id)
where e.occurred_at < coalesce(f.first_order, today) and e.known_at < coalesce(f.first_order, today)
group by e.customer_id
"""


def test_histories_cut_at_the_purchase(audited: Callable[..., Audit]) -> None:
    done = audited(CUT)
    assert {("history", "cutoff"), ("history", "actions"), ("history", "recency")} <= named(done)
    assert {c for c, _ in named(done)} <= {"history", "split", "single"}, (
        "features end at their cutoff and look not past it"
    )
    first = next(f for f in done.found if f.feature == "cutoff")
    assert first.verdict == LEAK and "decides where a history ends" in first.words
    assert "cut by the outcome" in one(done, "history").words


def test_the_famous_study_has_all_of_them(audited: Callable[..., Audit]) -> None:
    sql = CUT.replace("timestamp '2025-05-31'", "max(occurred_at)").replace("as today)", "as today from events)")
    sql = sql.replace("and e.known_at < coalesce(f.first_order, today)", "")
    sql = sql.replace("max(e.occurred_at), max(coalesce(f.first_order, today)))", "max(e.occurred_at), max(today))")
    sql = sql.replace(
        "count(*) as actions",
        "case when hash(e.customer_id) % 3 = 0 then 'test' else 'train' end as split, count(*) as actions",
    )
    done = audited(sql, split="split")
    assert {c for c, _ in named(done)} >= {"future", "late", "history", "overlap", "split"}
    assert ("future", "recency") in named(done)
    split = one(done, "split")
    assert split.value and split.value > 0.1 and "is not there when it is used" in split.words


def test_what_changes_from_run_to_run_is_told_apart(audited: Callable[..., Audit]) -> None:
    done = audited(HONEST.replace("count(*) as actions,", "count(*) as actions, random() as dice,"))
    assert done.found == []
    assert [f.feature for f in done.findings if f.check == "future" and f.verdict == NOT_RUN] == ["dice"]


@pytest.mark.parametrize(
    "sql, words",
    [
        ("select * from facts.orders", "read the views"),
        ("select 1 as target", "no column 'customer_id'"),
        ("select customer_id, 1 as target from orders", "does not say up to when"),
        ("select customer_id, null::timestamp as cutoff, 1 as target from orders", "empty in"),
        ("select nothing from orders", "nothing"),
    ],
)
def test_a_query_that_cannot_be_audited(audited: Callable[..., Audit], sql: str, words: str) -> None:
    with pytest.raises(FootfallError, match=words):
        audited(sql)


def test_the_shop_is_as_before(shop: Shop, audited: Callable[..., Audit]) -> None:
    facts = [
        shop.engine.rows(f"select count(*), sum(hash(t)) from {t} t") for t in ("orders", "events", "known_customers")
    ]
    audited(HONEST)
    assert facts == [
        shop.engine.rows(f"select count(*), sum(hash(t)) from {t} t") for t in ("orders", "events", "known_customers")
    ]
    left = shop.engine.rows("select view_name from duckdb_views() where temporary and not internal")
    assert left == []
