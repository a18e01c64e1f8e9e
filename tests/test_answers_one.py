"""One new customer: the same answer as for one of the shop with that history, and each fault in one clear line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from footfall.answers import Context, One, fit, predict, predict_one, prompted, read_given
from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError, UsageError
from footfall.tables import refresh_known
from footfall.tasks import Task
from footfall.windows import lines
from seeded_shop import BUY, SMALL, SPEND, day, seeded_shop


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """A shop of orders, and of what customers state: those with a gold tier are the frequent ones."""
    engine = DuckDBEngine(threads=1)
    seeded_shop(engine, customers=150)
    engine.execute(
        "insert into facts.customers (source, source_customer_id, occurred_at, known_at, loyalty_tier, gender, "
        "birth_date) select 'seeded', 'c' || i, timestamp '2023-12-01', timestamp '2023-12-01', "
        "case when i % 4 = 0 then 'gold' else 'blue' end, case when i % 2 = 0 then 'female' else 'male' end, "
        "date '1960-01-01' + to_days(cast(200 * i as integer)) from range(150) x(i)"
    )
    refresh_known(engine)
    made = Context(engine, tmp_path_factory.mktemp("models"), "UTC", SMALL)
    for task in (BUY, SPEND):
        fit(made, task, "boosted")
    return made


def history(context: Context, customer: str) -> dict[str, Any]:
    """What the shop knows of a customer, told as a person would."""
    orders = context.engine.rows(
        "select occurred_at, amount, channel from orders where customer_id = ? order by 1", [customer]
    )
    tier, gender, born = context.engine.rows(
        "select loyalty_tier, gender, birth_date from customers where customer_id = ?", [customer]
    )[0]
    return {
        "orders": [{"at": f"{at:%Y-%m-%d %H:%M}", "amount": float(a), "channel": c} for at, a, c in orders],
        "loyalty_tier": tier, "gender": gender, "birth_date": f"{born}",
    }  # fmt: skip


@pytest.mark.parametrize("task", [BUY, SPEND], ids=lambda t: t.name)
def test_a_told_customer_is_answered_as_the_same_one_of_the_shop(context: Context, task: Task) -> None:
    """The features of one are made by the statement that makes everybody's, to the last bit."""
    key = "chance" if task.kind == "chance" else "amount"
    scores = {r["customer_id"]: r for r in predict(context, task).to_pylist()}
    assert len(scores) > 20
    for customer in ("c0", "c1", "c4", "c7"):
        one = predict_one(context, task, history(context, customer))
        theirs = scores[customer]
        assert one.unknown == []
        assert (one.value, one.lower, one.upper) == pytest.approx((theirs[key], theirs["lower"], theirs["upper"]))
        assert one.reasons and all(r["reason"].endswith(("(raises it)", "(lowers it)")) for r in one.reasons)
        strength = [abs(r["contribution"]) for r in one.reasons]
        assert strength == sorted(strength, reverse=True)


def test_what_is_not_known_is_not_taken_as_none(context: Context) -> None:
    """Of whom only an attribute is told the answer is near the usual one, with a wide interval, and says so."""
    usual = predict(context, BUY).column("chance").to_numpy().mean()
    told = predict_one(context, BUY, {"gender": "female"})
    rest = {"gender": "female", "loyalty_tier": "blue", "birth_date": "1970-01-01"}
    nothing = predict_one(context, BUY, {**rest, "orders": []})
    assert told.value == pytest.approx(usual, rel=0.5)
    assert told.upper - told.lower > 3 * (nothing.upper - nothing.lower)
    assert "orders_recency" in told.unknown and "orders_recency" not in nothing.unknown
    assert any("not known" in n and "most like this one" in n for n in told.notes)
    assert any("stretches the model" in n for n in nothing.notes), "the task asks about those with an order"
    often = predict_one(context, BUY, {"loyalty_tier": "gold"})
    seldom = predict_one(context, BUY, {"loyalty_tier": "blue"})
    assert often.value > 1.5 * seldom.value, "customers like this one: the frequent ones are gold"


def test_single_features_are_taken_by_name(context: Context) -> None:
    far = predict_one(context, BUY, {**history(context, "c0"), "orders_recency": 100, "orders_recency_in_gaps": 9.0})
    near = predict_one(context, BUY, history(context, "c0"))
    assert far.value < near.value


def test_attributes_are_understood_as_the_shop_spells_them(context: Context) -> None:
    one = predict_one(context, BUY, {"gender": "F", "loyalty_tier": "GOLD", "age": 34})
    two = predict_one(context, BUY, {"gender": "female", "loyalty_tier": "gold", "age": 34})
    assert one.value == two.value
    assert "customers_birth_date_latest" in one.known, "an age stands in for a birth date"
    strange = predict_one(context, BUY, {"loyalty_tier": "platinum", "income": 50_000})
    assert any("'platinum' is none that the model has learnt (blue, gold)" in n for n in strange.notes)
    assert any("income is told, but the shop states it of nobody" in n for n in strange.notes)


@pytest.mark.parametrize(
    "given, words",
    [
        ({"agee": 34}, "there is no field 'agee'; did you mean 'age'?"),
        ({"orders_recencyy": 3}, "did you mean 'orders_recency'?"),
        ({"zzz": 3}, "there is no field 'zzz'; known: age, birth_date, income, gender"),
        ({"age": "old"}, "age is a number, not the text 'old'"),
        ({"age": 134}, "age is 0 to 120, not 134"),
        ({"age": True}, "age is a number, not true"),
        ({"age": float("nan")}, "age is a number, not nan"),
        ({"gender": 1}, "gender is a text, not 1"),
        ({"birth_date": "yesterday"}, "birth_date is a day such as 1990-05-17, not 'yesterday'"),
        ({"birth_date": "2030-01-01"}, "makes nobody of 0 to 120 years"),
        ({"income": -5}, "income is 0 or more, not -5"),
        ({"orders_count_30d": -1}, "orders_count_30d is 0 or more, not -1"),
        ({"orders_weekday_6_or_7_share": 40}, "orders_weekday_6_or_7_share is 0 to 1, not 40"),
        ({"orders": 3}, "orders is a list of objects"),
        ({"orders": [3]}, "orders, 1: an object is wanted, not 3"),
        ({"orders": [{"amount": 3}]}, "orders, 1: say when it was"),
        ({"orders": [{"at": "2030-01-01"}]}, "orders, 1: 2030-01-01 00:00 is not before 2024-04-30"),
        (
            {"orders": [{"at": "2024-01-01", "amout": 3}]},
            "orders, 1: there is no field 'amout'; did you mean 'am",
        ),
        ({"orders": [{"at": "2024-01-01", "amount": "x"}]}, "orders, 1: amount is a number, not the text 'x'"),
        ({"orders": [{"at": 20240101}]}, "orders, 1: at is an instant such as 2026-05-17"),
        ({"orders": [{"at": "soon"}]}, "soon"),
    ],
)
def test_a_fault_is_one_clear_line(context: Context, given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as fault:
        predict_one(context, BUY, given)
    assert words in str(fault.value) and "\n" not in str(fault.value)


def test_what_is_no_json_object_is_told(context: Context) -> None:
    assert read_given('{"age": 34}') == {"age": 34}
    for text, words in (("{age: 34}", "is no JSON"), ("[1]", "is a JSON object, not a list"), ("", "is no JSON")):
        with pytest.raises(UsageError, match=words):
            read_given(text)
    path = Task("units-7d", "all", lines.count().every("1d"), "7d")
    with pytest.raises(FootfallError, match="asks for a path; one new customer can be asked about for a chance"):
        predict_one(context, path, {})


def test_lines_may_stand_in_their_orders(context: Context) -> None:
    """They count as lines of the order's day; a shop without lines does not mind."""
    given = {"orders": [{"at": "2024-04-20 10:00", "amount": 9, "lines": [{"product_id": "p", "amount": 9}]}]}
    assert 0 < predict_one(context, BUY, given).value < 1
    with pytest.raises(UsageError, match="there is no field 'sku'"):
        predict_one(context, BUY, {"orders": [{"at": "2024-04-20", "lines": [{"sku": "p"}]}]})


def test_a_prompt_asks_says_what_is_wrong_and_asks_again(context: Context) -> None:
    replies = {"age": ["old", "34"], "loyalty_tier": ["gold"]}
    asked: list[str] = []
    wrong: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        name = question.rpartition("(")[2].rstrip(")")
        waiting = replies.get(name, [])
        return waiting.pop(0) if waiting else ""

    given = prompted(context, BUY, ask, wrong.append)
    assert given == {"age": 34, "loyalty_tier": "gold"}
    assert wrong == ["age is a number, not the text 'old'"]
    assert asked.count("age") == 2 and any("orders_" in q for q in asked)


def test_the_answer_is_a_document_and_a_text(context: Context) -> None:
    one: One = predict_one(context, BUY, {"gender": "male", "orders": [{"at": "2024-04-29", "amount": 20}]})
    assert {"task", "model", "at", "chance", "lower", "upper", "reasons", "known", "unknown", "notes"} == set(one.row)
    assert one.row["at"] == day(120) and one.lower <= one.value <= one.upper
    assert "95%" in one.text and "Why" in one.text and "raises it" in one.text
    amount = predict_one(context, SPEND, {"orders": []})
    assert "amount" in amount.row and amount.lower >= 0


def test_the_shop_is_left_as_it_was(context: Context) -> None:
    def rows() -> list[Any]:
        return [context.engine.value(f"select count(*) from facts.{t}") for t in ("orders", "customers")]

    before = rows()
    predict_one(context, BUY, {"age": 30, "orders": [{"at": "2024-04-29", "amount": 20}]})
    assert rows() == before


def test_a_saved_model_is_wanted(tmp_path: Path) -> None:
    engine = DuckDBEngine(threads=1)
    seeded_shop(engine, customers=40)
    with pytest.raises(FootfallError, match="run: footfall fit buy-7d"):
        predict_one(Context(engine, tmp_path, "UTC", SMALL), BUY, {"orders": []})
