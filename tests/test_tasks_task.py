"""Tasks as values: kinds, variants, sentences, files of tasks; and text that is read without being run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from footfall.errors import FootfallError, UsageError
from footfall.spans import Span
from footfall.tasks import CATALOGUE, Task, find_task, parse_expression, task_columns, tasks_from_toml
from footfall.windows import Future, Past, events, lines, orders, reviews

SENTENCES = {
    "buy-7d": "The chance of an order in the 7 days from the cutoff, for each customer with an order before it.",
    "buy-30d": "The chance of an order in the 30 days from the cutoff, for each customer with an order before it.",
    "buy-category-30d": "The chance of an item bought in the 30 days from the cutoff, "
    "for each customer and category with an order in the 365 days before it.",
    "churn-90d": "The chance of no order in the 90 days from the cutoff, "
    "for each customer with an order in the 365 days before it.",
    "become-customer-30d": "The chance of an order in the 30 days from the cutoff, "
    "for each customer with no order before it.",
    "spend-90d": "The expected spend in the 90 days from the cutoff, for each customer with an order before it.",
    "satisfaction-90d": "The expected average rating per review in the 90 days from the cutoff, should there be any, "
    "for each customer with an order in the 90 days before it.",
    "satisfaction-score-90d": "The expected average satisfaction score in the 90 days from the cutoff, should there be "
    "any, for each customer with an order in the 90 days before it.",
    "next-items-30d": "Which products among items bought in the 30 days from the cutoff, "
    "for each customer with an order before it.",
    "next-categories-30d": "Which categories among items bought in the 30 days from the cutoff, "
    "for each customer with an order before it.",
    "revenue-total-90d": "The expected revenue, day by day, in the 90 days from the cutoff, in all.",
    "revenue-category-30d": "The expected revenue, day by day, in the 30 days from the cutoff, "
    "for each category known before it.",
    "revenue-channel-30d": "The expected revenue, day by day, in the 30 days from the cutoff, "
    "for each channel known before it.",
    "units-category-4w": "The expected units sold, week by week, in the 4 weeks from the cutoff, "
    "for each category known before it.",
    "series-value-4w": "The expected value of series, week by week, in the 4 weeks from the cutoff, "
    "for each series known before it.",
    "units-product-8w": "The expected units sold, week by week, in the 8 weeks from the cutoff, "
    "for each product known before it.",
}


def test_the_catalogue_in_words() -> None:
    assert {n: t.sentence for n, t in CATALOGUE.items()} == SENTENCES
    assert all(t.name == n and n.endswith(f"-{t.horizon}") for n, t in CATALOGUE.items())


def test_other_tasks_in_words() -> None:
    regular = orders.count().past("90d").at_least(3)
    big = orders.sum("amount").past("30d").at_least(100)
    asked = Task("t", "customer", events.where(type="view").count(), "1w", among=(regular, big))
    assert asked.sentence == (
        "The expected number of product views in the 1 week from the cutoff, for each customer with at least 3 orders "
        "in the 90 days before it and spend of at least 100 in the 30 days before it."
    )
    demand = Task("d", "product", lines.sum("quantity").every("7d"), "28d")
    assert demand.sentence == (
        "The expected units of order lines, week by week, in the 28 days from the cutoff, "
        "for each product known before it."
    )
    fortnights = Task("f", "all", lines.count().every("2w"), "4w").sentence
    assert fortnights == "The expected number of order lines, every 2 weeks, in the 4 weeks from the cutoff, in all."
    large = orders.where("amount", ">=", 100)
    assert Task("l", "customer", large.any(), "30d", among=large.none().past("1mo")).sentence == (
        "The chance of an order (amount from 100) in the 30 days from the cutoff, "
        "for each customer with no order (amount from 100) in the 1 month before it."
    )
    either = events.where(type=("view", "search"))
    assert Task("e", "customer", either.any(), "30d").sentence == (
        "The chance of a visit (view or search) in the 30 days from the cutoff, for each customer known before it."
    )
    assert Task("m", "customer", large.mean("amount"), "30d").sentence == (
        "The expected average order value (amount from 100) in the 30 days from the cutoff, should there be any, "
        "for each customer known before it."
    )


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        (orders.any(), "chance"),
        (orders.none(), "chance"),
        (orders.count(), "amount"),
        (orders.sum("amount"), "amount"),
        (reviews.mean("rating"), "amount"),
        (orders.nunique("day"), "amount"),
        (lines.sum("quantity").every("7d"), "path"),
        (lines.distinct("product_id"), "ranking"),
    ],
)
def test_the_target_decides_the_kind(target: Any, kind: str) -> None:
    assert Task("t", "customer", target, "28d").kind == kind


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Task("t", "customer", orders.any(), "7d", among=orders.any().next("7d")), "a population looks back"),
        (
            lambda: Task("t", "customer", orders.any(), "7d", among=(orders.any().next("7d"),)),
            "a population looks back",
        ),
        (lambda: Task("t", "customer", orders.any(), "7d", among=orders.any()), r"write .past\(...\)"),
        (lambda: Task("t", "customer", orders.any(), "7d", among=orders.count().past()), r"at_least\(n\)"),
        (lambda: Task("t", "customer", orders.any().next("7d"), "7d"), "the target is an aggregate"),
        (lambda: Task("t", "customer", orders, "7d"), "the target is an aggregate"),
        (lambda: Task("t", "customer", orders.recency(), "7d"), r"recency\(\) cannot be a target"),
        (lambda: Task("t", "customer", orders.share(channel="web"), "7d"), r"share\(\) cannot be a target"),
        (lambda: Task("t", "customers", orders.any(), "7d"), "no entity 'customers'; did you mean 'customer'"),
        (lambda: Task("t", "customer", orders.any(), "7"), "'7' is not a span"),
        (lambda: Task("t", ("customer", "category"), orders.any(), "7d"), "task 't': orders has no category"),
        (lambda: Task("t", "product", orders.count(), "7d"), "task 't': orders has no product_id"),
        (lambda: Task("t", "product", lines.by("brand").count(), "7d"), "its entity has no brand"),
        (lambda: orders.any().each("colour") and Task("t", "customer", orders.any().each("colour"), "7d"), "'colour'"),
        (lambda: find_task("buy-7"), "no task 'buy-7'; did you mean 'buy-7d'"),
    ],
)
def test_wrong_tasks_are_refused_by_name(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_over_another_horizon() -> None:
    buy = CATALOGUE["buy-7d"]
    longer = buy.over("2w")
    assert (longer.name, longer.span, longer.target, longer.among) == ("buy-2w", Span(2, "w"), buy.target, buy.among)
    assert buy.over("30d") == CATALOGUE["buy-30d"]
    assert Task("plain", "customer", orders.any(), "7d").over("3d").name == "plain-3d"
    assert buy.over("30d", name="mine").name == "mine"


def test_each_key_joins_the_entity() -> None:
    sold = Task("sold-7d", "customer", lines.any(), "7d")
    each = sold.each("category")
    assert (each.name, each.entity, each.keys) == (
        "sold-7d-each-category",
        ("customer", "category"),
        ("customer_id", "category"),
    )
    assert each.each("category").entity == each.entity
    in_target = Task("t", "customer", lines.any().each("product"), "7d")
    assert in_target.keys == ("customer_id", "product_id") == in_target.over("30d").keys
    with pytest.raises(UsageError, match="orders has no category"):
        CATALOGUE["buy-7d"].each("category")


def test_tasks_with_equal_windows_share_columns() -> None:
    one, two = task_columns(CATALOGUE["buy-30d"]), task_columns(CATALOGUE["become-customer-30d"])
    assert one.target == two.target == "orders_any_next_30d"
    assert one.among == ("orders_any_among",) and two.among == ("orders_none_among",)
    assert isinstance(one.windows[one.target], Future) and isinstance(one.windows[one.among[0]], Past)


# --- text ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("orders", orders),
        ("orders.any().past('365d')", orders.any().past("365d")),
        (" orders.where('amount', '>=', 100).any() ", orders.where("amount", ">=", 100).any()),
        ("lines.where(kind='sale').sum('quantity').every('7d')", lines.where(kind="sale").sum("quantity").every("7d")),
        ("events.where(type=['view', 'search']).count()", events.where(type=["view", "search"]).count()),
        (
            "orders.by('customer_id').count().past('90d').at_least(3)",
            orders.by("customer_id").count().past("90d").at_least(3),
        ),
        ("lines.any().each('category')", lines.any().each("category")),
        ("orders.where('amount', '<', -1.5).none()", orders.where("amount", "<", -1.5).none()),
    ],
)
def test_a_chain_is_read(text: str, value: Any) -> None:
    assert parse_expression(text) == value


REFUSED = [
    "", " ", "1", "'orders'", "orders +", "orders.any", "any()", "orders()", "oders.any()", "orders.any().next('7d')",
    "orders.past('3d')", "orders.any().trend('7d', '30d')", "orders.any().name", "orders.__class__()",
    "orders.any().__init__()", "orders._of('sum', 'amount')", "orders.where.__globals__", "orders.where(x)",
    "orders.where(channel=orders)", "orders.where(channel=len('a'))", "orders.where(*[1, 2])",
    "orders.where(**{'channel': 'web'})", "orders.where({[]: 1})", "orders.where(channel=f'{1}')",
    "orders.where(amount=1 + 1 * 2)", "orders.where(channel=[c for c in 'ab'])", "orders.any(1)", "orders.sum()",
    "orders.sum(column=1)", "(lambda: orders)()", "orders if 1 else lines", "orders.any() or 1", "[orders][0]",
    "__import__('os').system('true')", "open('x')", "exec('1')", "(orders := 1)", "orders.any(); 1", "orders\0",
    "(" * 3000 + "orders" + ")" * 3000, "orders" + ".where(channel='a')" * 3000,
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_anything_but_the_chain_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_expression(text)


def test_no_code_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    for text in (
        f"open({str(mark)!r}, 'w')",
        f"orders.where(channel=open({str(mark)!r}, 'w'))",
        f"orders.where(channel=__import__('pathlib').Path({str(mark)!r}).touch())",
        f"[orders.any() for _ in [open({str(mark)!r}, 'w')]][0]",
    ):
        with pytest.raises(UsageError):
            parse_expression(text)
    assert not mark.exists()


@pytest.mark.parametrize("given", [None, 5, ["orders.any()"], {"a": 1}])
def test_what_is_no_text_is_refused(given: Any) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        parse_expression(given)


# --- files --------------------------------------------------------------------------------------------------

GOOD = """
[tasks.big-order-30d]
entity = "customer"
target = "orders.where('amount', '>=', 100).any()"
horizon = "30d"
among = "orders.any().past('365d')"

[tasks.sold-7d]
entity = ["customer", "category"]
target = "lines.where(kind='sale').count()"
horizon = "7d"
among = ["orders.by('customer_id').any().past('90d')", "lines.none().past('7d')"]

[tasks.visits-7d]
entity = "customer"
target = "events.nunique('session_id')"
horizon = "7d"
"""


def _file(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "tasks.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_tasks_of_a_file(tmp_path: Path) -> None:
    big, sold, visits = tasks_from_toml(_file(tmp_path, GOOD))
    assert big == Task(
        "big-order-30d", "customer", orders.where("amount", ">=", 100).any(), "30d", among=orders.any().past("365d")
    )
    assert (sold.keys, sold.kind, len(sold.population)) == (("customer_id", "category"), "amount", 2)
    assert visits.population == ()
    assert find_task("sold-7d", [big, sold, visits]) is sold
    assert tasks_from_toml(_file(tmp_path, "")) == []


_HEAD = '[tasks.mine]\nentity = "customer"\nhorizon = "7d"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tasks", "cannot read '"),
        (b"\xff\xfe\x00", "cannot read '"),
        ("[task.mine]\nhorizon = '7d'", "no part 'task'; did you mean 'tasks'"),
        ("tasks = 3", "'tasks' holds tables"),
        ("[tasks]\nmine = 3", "'tasks' holds tables .* not mine = 3"),
        ("[tasks.mine]\nentity = 'customer'", "task 'mine' lacks horizon, target"),
        (_HEAD + "target = 'orders.any()'\namongst = 'x'", "task 'mine' has no part 'amongst'; did you mean 'among'"),
        (_HEAD + "target = 'oders.any()'", "task 'mine': in 'oders.any\\(\\)': there is no fact 'oders'"),
        (_HEAD + "target = 5", "task 'mine': cannot read 5"),
        (_HEAD + "target = 'orders'", "task 'mine': the target is an aggregate"),
        (
            _HEAD + "target = 'orders.sum(\"amout\")'",
            "task 'mine': orders has no column 'amout'; did you mean 'amount'",
        ),
        (_HEAD + "target = 'orders.any()'\namong = 5", "task 'mine': cannot read 5"),
        (_HEAD + "target = 'orders.any()'\namong = 'orders.any()'", "task 'mine': a population looks back"),
        (_HEAD.replace('"7d"', "7") + "target = 'orders.any()'", "task 'mine': '7' is not a span"),
        (
            _HEAD.replace('"customer"', '"custmer"') + "target = 'orders.any()'",
            "task 'mine': .* did you mean 'customer'",
        ),
        (_HEAD.replace('"customer"', "5") + "target = 'orders.any()'", "task 'mine': there is no entity '5'"),
        (_HEAD.replace('"customer"', '[["customer"]]') + "target = 'orders.any()'", "task 'mine': there is no entity"),
    ],
)
def test_a_wrong_file_is_told_by_name_place_and_mend(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(FootfallError, match=message) as caught:
        tasks_from_toml(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(FootfallError, match=r"cannot read '.*absent\.toml'"):
        tasks_from_toml(tmp_path / "absent.toml")
