"""The answer for one new customer, from what is told of them: attributes, single features, or their history."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from footfall.answers.context import Context
from footfall.answers.keep import load_predictor
from footfall.answers.telling import NEW, Told, judged
from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError, UsageError
from footfall.explain import mean_reasons
from footfall.tables import create_tables, publish_views
from footfall.tables.layout import ALWAYS
from footfall.tabular import Answers, Matrix, Predictor
from footfall.tabular.single import belongs, donor_rows, facts_of, past_of_customers, single_matrix, single_row
from footfall.tasks import Task
from footfall.windows import Feature, Frame, Shape, engineered, features

ASKED = 12
"""Fields that an interactive prompt asks for."""
DRAWN, LIKE = 3_000, 200
"""Customers of the shop looked at, and those most like the new one, whose values stand for what is not known."""
_POINTS = 41


@dataclass(frozen=True)
class One:
    """The answer for one customer.

    `value` is the chance or the amount, `lower` and `upper` its 95% interval; `reasons` the strongest first, of what is
    known; `unknown` names the features that are not, and `notes` says what to mind.
    """

    task: str
    sentence: str
    kind: str
    model: str
    at: datetime
    value: float
    lower: float
    upper: float
    reasons: list[dict[str, Any]]
    known: list[str]
    unknown: list[str]
    notes: list[str]

    @property
    def row(self) -> dict[str, Any]:
        """As a document, as `--json` prints it."""
        return {
            "task": self.task, "model": self.model, "at": self.at, self.kind: self.value, "lower": self.lower,
            "upper": self.upper, "reasons": self.reasons, "known": self.known, "unknown": self.unknown,
            "notes": self.notes,
        }  # fmt: skip

    @property
    def text(self) -> str:
        """In words."""
        show = _percent if self.kind == "chance" else _amount
        lines = [
            self.sentence,
            f"  {show(self.value)} (95%: {show(self.lower)} to {show(self.upper)}), says {self.model}, "
            f"from {self.at:%Y-%m-%d} on",
        ]
        if self.reasons:
            lines += ["", "Why", *(f"  {r['reason']}" for r in self.reasons)]
        if self.notes:
            lines += ["", *(f"mind: {n}" for n in self.notes)]
        return "\n".join(lines)


def _percent(p: float) -> str:
    return f"{p:.1%}" if p >= 0.001 else "under 0.1%"


def _amount(x: float) -> str:
    return f"{x:,.2f}"


def predict_one(
    context: Context, task: Task, given: Mapping[str, Any], at: datetime | None = None, model: str | None = None
) -> One:
    """The answer of the saved model for one customer whom the shop does not know.

    Args:
        given: attributes (`age`, `gender`, ...), features by name (`orders_count_30d`), lists of rows of what the
            customer did (`orders`, `lines`, `events`, ...: each with `at`), and for a task per category the `category`.

    Raises:
        UsageError: an unknown field, a value of the wrong type or out of range; the message names it.
        FootfallError: the task asks for no chance or amount, or has no saved model.
    """
    if task.kind not in ("chance", "amount"):
        raise FootfallError(
            f"{task.name} asks for a {task.kind}; one new customer can be asked about for a chance, an amount or a list"
        )
    shape = context.shape()
    cutoff = at or context.clock(shape).end
    predictor = load_predictor(context, task, cutoff, model)
    known = _known(shape, task, predictor)
    told = judged(context, task, known, given, cutoff)
    engine = own_shop(told)
    try:
        frame = Frame(task.keys, (cutoff,), context.tz)
        member = {"customer_id": NEW, **told.keys}
        tables = {*told.history, "customers"}
        row = single_row((engine, context.engine), frame, member, known, tables)
        asked = belongs(engine, frame, member, task, tables)
    finally:
        engine.close()
    notes = _population(task, asked)
    row |= _attributes(known, told.attributes, predictor, cutoff, notes)
    row |= told.values
    row |= {c: None for c in _wanted(predictor) if c not in row}
    text = {f.name for f in known if f.text}
    silent = _silent(known, told, row)
    wanted = _wanted(predictor)
    unknown = [n for n in wanted if n in silent]
    matrix = single_matrix(task, cutoff, member, row, text)
    if unknown:
        matrix = _completed(context, task, matrix, (known, silent, set(wanted) - silent))
        notes.append(_unknown_words(len(unknown), len(wanted), matrix.rows))
    value, lower, upper = _spread(predictor.predict(matrix), task.kind)
    why, hidden = mean_reasons(predictor, matrix, tuple(known), row, silent)
    if unknown and abs(hidden) > 0.01:
        notes.append(f"what is not known {'raises' if hidden > 0 else 'lowers'} the answer, as far as it usually does")
    if predictor.caution:
        notes.append(predictor.caution)
    return One(
        task.name, task.sentence, task.kind, predictor.model, cutoff, value, lower, upper, why[:8],
        [n for n in wanted if n not in silent], unknown, notes,
    )  # fmt: skip


def _unknown_words(unknown: int, wanted: int, like: int) -> str:
    of = f"{unknown} of the {wanted} features the model looks at are not known"
    if like < 2:
        return f"{of}, and the shop has nobody like this: they are taken as missing, and the answer is a guess"
    return (
        f"{of}: the answer is the mean over {like} customers of the shop who are most like this one in what is known, "
        "and its interval where it may lie once the rest is known. Tell the history ('orders': [...], or [] for none, "
        "likewise 'events') to narrow it"
    )


def _completed(
    context: Context, task: Task, matrix: Matrix, parts: tuple[Sequence[Feature], set[str], set[str]]
) -> Matrix:
    """Rows of customers most like this one in what is known of it, with its own values where they are known.

    A value that is left missing would be read as "none", which is another thing than "not known".
    """
    known, silent, stated = parts
    (cutoff,) = matrix.cutoffs
    member = {k: str(matrix.table.column(k)[0].as_py()) for k in task.keys}
    frame = Frame(task.keys, (cutoff,), context.tz)
    key = ("donors", task, cutoff, tuple(member.items()))
    if key not in context.kept:
        context.kept[key] = donor_rows(context.engine, frame, member, task, known, DRAWN)
    donors: pa.Table = context.kept[key]
    if donors.num_rows == 0:
        return matrix
    likeness = [n for n in stated if n in donors.column_names]
    best = np.sort(np.argsort(_distance(matrix.table, donors, likeness), kind="stable")[:LIKE])
    donors = donors.take(pa.array(best))
    n = donors.num_rows
    columns: dict[str, Any] = {}
    for name in matrix.table.column_names:
        own = matrix.table.column(name)
        theirs = donors.column(name).cast(own.type) if name in silent and name in donors.column_names else None
        columns[name] = theirs if theirs is not None else pa.concat_arrays([own.combine_chunks().slice(0, 1)] * n)
    zero = np.zeros(n, dtype=np.int64)
    return Matrix(pa.table(columns), (cutoff,), zero, zero, np.ones(n))


def _distance(one: pa.Table, many: pa.Table, names: Sequence[str]) -> np.ndarray[Any, Any]:
    """How unlike each row is: mean over the features of how far apart the ranks lie (text, missing: equal or not)."""
    far = np.zeros(many.num_rows)
    for name in names:
        mine, theirs = one.column(name)[0].as_py(), many.column(name)
        if mine is None or isinstance(mine, str):
            same = np.array([v == mine for v in theirs.to_pylist()], dtype=bool)
            far += ~same
            continue
        x = np.asarray(theirs.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
        there = np.sort(x[np.isfinite(x)])
        if len(there):
            place = np.searchsorted(there, x) + np.searchsorted(there, x, side="right")
            own = np.searchsorted(there, float(mine)) + np.searchsorted(there, float(mine), side="right")
            far += np.where(np.isfinite(x), np.abs(place - own) / (2 * len(there)), 1.0)
        else:
            far += 1.0
    return far / max(1, len(names))


def _spread(answers: Answers, kind: str) -> tuple[float, float, float]:
    """The mean answer, and the 95% interval over what each row's own interval allows."""
    if len(answers.value) == 1:
        return float(answers.value[0]), float(answers.lower[0]), float(answers.upper[0])
    # Ends of an interval as quantiles of a bell on the scale that it is about even on: log-odds, or the logarithm.
    from scipy.special import ndtri

    low, high = (np.clip(x, 1e-9, None if kind == "amount" else 1 - 1e-9) for x in (answers.lower, answers.upper))
    to, back = (np.log, np.exp) if kind == "amount" else (lambda p: np.log(p / (1 - p)), lambda z: 1 / (1 + np.exp(-z)))
    middle, half = (to(low) + to(high)) / 2, (to(high) - to(low)) / 2 / 1.96
    z = ndtri((np.arange(_POINTS) + 0.5) / _POINTS)
    ends = np.quantile(back(middle[:, None] + half[:, None] * z), [0.025, 0.975])
    value = float(answers.value.mean())
    return value, float(min(ends[0], value)), float(max(ends[1], value))


def _wanted(predictor: Predictor) -> list[str]:
    """The features that the model looks at."""
    return predictor.learner.encoder.sources


def _known(shape: Shape, task: Task, predictor: Predictor) -> list[Feature]:
    """The catalogue's features, and the further ones that this model reads (not those of what reviews say)."""
    wanted = set(_wanted(predictor))
    more = [f for f in engineered(shape, task.keys) if f.name in wanted]
    return [*features(shape, task.keys), *(f for f in more if all(t.table != "reviews" for t in facts_of(f.window)))]


def _silent(known: Sequence[Feature], told: Told, row: Mapping[str, Any]) -> set[str]:
    """Features of which nothing is known: not those of a told history that happen to be missing (no order yet)."""
    found = set()
    for f in known:
        facts = {fact.table for fact in facts_of(f.window)}
        if row.get(f.name) is None and f.name not in told.values and not (facts and facts <= set(told.history)):
            found.add(f.name)
    return found | {n for n, v in row.items() if v is None and n not in {f.name for f in known}}


def _population(task: Task, asked: bool | None) -> list[str]:
    whom = task.sentence.rsplit(", for each ", 1)[-1].rstrip(".")
    if asked is False:
        return [f"the question is about each {whom}, and this customer is none: the answer stretches the model"]
    if asked is None and task.population:
        return [f"taken as one of those the question is about: each {whom}"]
    return []


# --- a shop of one ----------------------------------------------------------------------------------------


def own_shop(told: Told) -> DuckDBEngine:
    """A shop in memory that holds what is told of this customer, and nobody else."""
    engine = DuckDBEngine(threads=1)
    create_tables(engine)
    for table, rows in told.history.items():
        if rows:
            names = list(dict.fromkeys(k for r in rows for k in r))
            owned = {n: [r.get(n) for r in rows] for n in names}
            owned |= {"source": ["told"] * len(rows), "source_customer_id": [NEW] * len(rows)}
            engine.append(f"facts.{table}", pa.table(owned))
    person = {k: v for k, v in told.attributes.items() if k != "age"} | {"source": "told", "source_customer_id": NEW}
    columns = ", ".join(person)
    engine.execute(
        f"insert into facts.customers (occurred_at, known_at, {columns}) values ({ALWAYS}, {ALWAYS}, "
        f"{', '.join('?' for _ in person)})",
        list(person.values()),
    )
    publish_views(engine)
    return engine


def _attributes(
    known: Sequence[Feature], given: Mapping[str, Any], predictor: Predictor, cutoff: datetime, notes: list[str]
) -> dict[str, Any]:
    """Features that state an attribute; age and birth date stand in for each other, words as the shop spells them."""
    by_column = {c: f for f in known if (c := past_of_customers(f))}
    spelt = dict(predictor.learner.encoder.values)
    row: dict[str, Any] = {}
    for column, value in given.items():
        name = by_column[column].name if column in by_column else ""
        if column == "age" and "birth_date" in by_column and "birth_date" not in given:
            row[by_column["birth_date"].name] = value + 0.5 if value == int(value) else value
        if column == "birth_date" and "age" in by_column and "age" not in given:
            row[by_column["age"].name] = float(math.floor((cutoff.date() - value).days / 365.25))
        if not name:
            if not ({column} <= {"age", "birth_date"} and {"age", "birth_date"} & set(by_column)):
                notes.append(f"{column} is told, but the shop states it of nobody: it changes nothing")
        elif column == "age":
            row[name] = value
        elif isinstance(value, str):
            row[name] = as_learnt(column, value, spelt.get(name, ()), notes)
    return row


def as_learnt(column: str, value: str, values: Sequence[str], notes: list[str]) -> str:
    """The value as the model has learnt it, whatever its case (of genders: by the first letter too)."""
    if value in values or not values:
        return value
    same = [v for v in values if v.casefold() == value.casefold()]
    if not same and column == "gender":
        same = [v for v in values if v[:1].casefold() == value[:1].casefold()]
    if len(same) == 1:
        return same[0]
    notes.append(f"{column} '{value}' is none that the model has learnt ({', '.join(values)}): it changes nothing")
    return value


# --- asking -----------------------------------------------------------------------------------------------


def asked_fields(
    context: Context, task: Task, at: datetime | None = None, model: str | None = None
) -> list[tuple[str, str]]:
    """What a prompt asks for, the most telling first: field and what it is, in words. For a list, who they are.

    The key beside the customer, the attributes the model looks at, and then the features that drive it most.
    """
    shape = context.shape()
    known = {f.name: f for f in features(shape, task.keys)}
    stated = {c: f.words.label for f in known.values() if (c := past_of_customers(f))}
    if task.kind == "ranking":
        return list(_asked_age({c: label for c, label in stated.items() if c != "income"}).items())
    predictor = load_predictor(context, task, at or context.clock(shape).end, model)
    wanted = [n for n in _wanted(predictor) if n in known]
    fields = [(k, k.removesuffix("_id")) for k in task.keys if k != "customer_id"]
    attributes = _asked_age({c: known[n].words.label for n in wanted if (c := past_of_customers(known[n]))})
    fields += list(attributes.items())
    driving = [
        str(r[0])
        for r in context.engine.rows("select feature from importances where task = ? order by rank", [task.name])
    ]
    rest = [n for n in (*driving, *wanted) if n in wanted and past_of_customers(known[n]) is None]
    fields += [(n, known[n].words.label) for n in dict.fromkeys(rest)]
    return fields[: max(ASKED, len(attributes) + 4)]


def _asked_age(attributes: dict[str, str]) -> dict[str, str]:
    """People know an age sooner than a day of birth."""
    if "birth_date" not in attributes:
        return attributes
    return {"age": "age"} | {c: label for c, label in attributes.items() if c != "birth_date"}


def prompted(
    context: Context,
    task: Task,
    ask: Callable[[str], str],
    tell: Callable[[str], None],
    at: datetime | None = None,
    model: str | None = None,
) -> dict[str, Any]:
    """Ask for the fields one by one; an empty answer means not known, a wrong one is told of and asked for again."""
    shape = context.shape()
    cutoff = at or context.clock(shape).end
    known = features(shape, task.keys)
    texts = {*task.keys, *(c for f in known if f.text and (c := past_of_customers(f)))}
    given: dict[str, Any] = {}
    for name, words in asked_fields(context, task, at, model):
        while answer := ask(f"{words} ({name})" if words != name else name).strip():
            value = _parsed(answer, name in texts)
            try:
                judged(context, task, known, _keyed(task, given, {name: value}), cutoff)
            except UsageError as error:
                tell(str(error))
                continue
            given[name] = value
            break
    return given


def _keyed(task: Task, given: Mapping[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """So far and the new field; the judge wants the task's keys, which come first."""
    return {**{k: given[k] for k in task.keys if k in given}, **new}


def _parsed(answer: str, text: bool) -> Any:
    """A number, true or false where it reads as one and no text is wanted, else the text."""
    if text:
        return answer
    try:
        value = json.loads(answer)
    except ValueError:
        return answer
    return value if isinstance(value, int | float | bool) else answer
