"""The one front object: open a shop and ask it. Every verb delegates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any
from weakref import finalize

import pyarrow as pa

from footfall import answers, identity, quality, report
from footfall import sources as raw
from footfall.answers import read_given as read_given
from footfall.answers import told_fit as told_fit
from footfall.answers import variants as variants
from footfall.engine import DuckDBEngine, Query
from footfall.evaluate import Backtest
from footfall.explain import CustomerStory
from footfall.identity import Policy as Policy
from footfall.simulate import Simulated
from footfall.simulate import simulate as write_shop
from footfall.spans import instant, zone
from footfall.tables import create_tables
from footfall.tabular import Settings
from footfall.tasks import CATALOGUE, Task, find_task, tasks_from_toml

DEFAULT_SHOP = "shop.duckdb"
IN_MEMORY = ":memory:"


class Shop:
    """A shop in one DuckDB file. Make one with `footfall.open`.

    Attributes:
        path: the file. Models are kept in the folder `<file>.models`; `shop.toml` and `tasks.toml` beside it are read.
            A shop in memory (`:memory:`) keeps its models in a temporary folder, which goes when it is closed.
        engine: the engine that holds the tables.
        settings: how much work a fit may do.
        progress: called with a line of text as work goes on.
    """

    def __init__(
        self,
        path: str | Path = DEFAULT_SHOP,
        settings: Settings | None = None,
        memory: str | None = None,
        threads: int | None = None,
    ):
        self.path = Path(path)
        self.engine = DuckDBEngine(path, memory, threads)
        self._models = Path(mkdtemp(prefix="footfall-") if str(path) == IN_MEMORY else f"{path}.models")
        self._forget = finalize(self, rmtree, self._models, ignore_errors=True) if str(path) == IN_MEMORY else None
        create_tables(self.engine)
        self.settings = settings or Settings()
        self.progress: Callable[[str], None] = lambda message: None
        self._kept: dict[Any, Any] = {}

    def close(self) -> None:
        """Close the file."""
        self.engine.close()
        if self._forget:
            self._forget()

    def __enter__(self) -> Shop:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def timezone(self) -> str:
        """The time zone whose midnights define days (IANA name; UTC until `load` or the setter names another)."""
        if "timezone" not in self._kept:
            found = self.engine.value("select value from settings where name = 'timezone'")
            self._kept["timezone"] = str(found or "UTC")
        return str(self._kept["timezone"])

    @timezone.setter
    def timezone(self, name: str) -> None:
        zone(name)
        self._kept.clear()
        self.engine.execute("insert or replace into settings values ('timezone', ?)", [name])

    @property
    def context(self) -> answers.Context:
        tell = lambda message: self.progress(message)  # noqa: E731  as set when it is called
        return answers.Context(self.engine, self._models, self.timezone, self.settings, tell, self._kept)

    @staticmethod
    def simulate(out: str | Path, customers: int = 2000, days: int = 365, seed: int = 7) -> Simulated:
        """Write a messy shop as raw files into `out`, and its truth into `<out>-truth`."""
        return write_shop(out, customers, days, seed)

    @staticmethod
    def sources() -> list[str]:
        """The kinds of raw files that can be loaded."""
        return raw.source_names()

    # --- data ---------------------------------------------------------------------------------------------

    def load(
        self,
        files: str | Path | Iterable[str | Path],
        source: str = "",
        mapping: str | Path | None = None,
        timezone: str | None = None,
        progress: Callable[[int, int, str], None] | None = None,
    ) -> raw.LoadReport:
        """Load raw files, folders or globs through a source (or a mapping TOML). All of it or none of it.

        Raises:
            FootfallError: a file that is missing, empty, broken or lacks a column.
            UsageError: an unknown source or time zone.
        """
        patterns = [files] if isinstance(files, str | Path) else list(files)
        if timezone:
            self.timezone = timezone
        self._kept.clear()
        return raw.load(self.engine, patterns, source, mapping, timezone=self.timezone, progress=progress)

    def guess(self, file: str | Path) -> str:
        """A first draft of a mapping TOML for one file, from its columns."""
        return raw.guess(self.engine, file)

    def check(self) -> pa.Table:
        """Check the whole shop, repair what is safe to repair, and return the table `quality`."""
        quality.check(self.engine)
        self._kept.clear()
        return self.engine.fetch(answers.QUERIES["quality"])

    def resolve(
        self, policy: Policy | None = None, reviewed: str | Path | None = None, only_new: bool = False
    ) -> identity.Resolved:
        """Many records to one customer: how many customers there are, with interval; all facts are re-keyed to them.

        `policy`: rules of the business (default: those of the last time). `reviewed`: the table `review`, exported,
        its column verdict filled in. `only_new`: link only new records.
        """
        self._kept.clear()
        return identity.resolve(self.engine, policy, reviewed, only_new, lambda m: self.progress(m))

    def sql(self, query: str, out: str | Path | None = None) -> pa.Table:
        """Any SQL over the shop, as an Arrow table; with `out`, written as CSV, Parquet or JSON by the ending too."""
        if out is not None:
            answers.check_ending(Path(out))
        table = self.engine.fetch(query)
        if out is not None:
            answers.write_file(table, Path(out))
        return table

    def insights(self, name: str | None = None) -> list[answers.Insighted]:
        """Who, what and why in SQL: one insight, a group (bayes, explore, satisfaction, what, who, why), or all but
        explore.

        Each answer has `words`, `table`, `sql` and `charts()`, and a notebook shows it whole; their rows are kept in
        tables `insight_...`.
        """
        return answers.tell_insights(self.context, name)[0]

    def explore(self, out: str | Path) -> Path:
        """Write a look at every table (what is missing, how values lie, what goes together) as a page."""
        answers.explore_page(self.context, Path(out))
        return Path(out)

    # --- questions ----------------------------------------------------------------------------------------

    def tasks(self) -> list[Task]:
        """The catalogue, and the tasks of `tasks.toml` beside the shop."""
        own = self._beside("tasks.toml")
        return list({**CATALOGUE, **{t.name: t for t in (tasks_from_toml(own) if own.exists() else [])}}.values())

    def task(self, name: str | Task) -> Task:
        """A task by name. Raises UsageError, with the nearest name, when there is none."""
        return name if isinstance(name, Task) else find_task(name, self.tasks())

    def show(self, task: str | Task, at: str | datetime | None = None) -> Query:
        """The SQL of a task at one cutoff: population, features, target. `.sql("spark")` translates it."""
        return answers.show(self.context, self.task(task), self._at(at))

    def backtest(
        self,
        task: str | Task,
        models: Sequence[str] = (),
        cutoffs: int | None = None,
        identity: str = "today",
        folds: int = 0,
        tune: str | None = None,
    ) -> pa.Table:
        """Fit at earlier instants and compare with what then happened; a tidy table cutoff x model x metric.

        `identity`: whose facts are one customer's: by all links ("today"), those known at each cutoff ("as-of"), or
        by the sources' own ids ("raw"). `folds`: groups of customers held out in turn, as a check of stability.
        `tune`: the models compete tuned as well, anew before each test; a time shared by all searches, or trials.
        """
        return self.backtested(task, models, cutoffs, identity, folds, tune).table()

    def backtested(
        self,
        task: str | Task,
        models: Sequence[str] = (),
        cutoffs: int | None = None,
        identity: str = "today",
        folds: int = 0,
        tune: str | None = None,
    ) -> Backtest:
        """As `backtest`, whole: evaluations, curves, verdicts, the models side by side, and the best one."""
        return answers.backtest(self.context, self.task(task), models, cutoffs, identity, folds, tune)

    def audit(
        self,
        task: str | Task | None = None,
        table: str | Path | None = None,
        target: str = "target",
        roles: Mapping[str, str] | None = None,
        out: str | Path | None = None,
    ) -> pa.Table:
        """Look for leaks in a task, in a `table` of your own (CSV, Parquet), or in a study in a file of SQL over the
        shop that means to answer the task; the rows of `audit`.

        `target`: the column of the outcome. `roles`: which column is what, and more: `customer`, `cutoff`, `split`,
        `horizon` ("30d"), `at`, `ignore` ("a+b").
        """
        if out is not None:
            answers.check_ending(Path(out))
        done = self.audited(task, table, target, roles)
        name = done.name.replace("'", "''")
        return self.sql(f"select * from audit where task = '{name}'", out)

    def audited(
        self,
        task: str | Task | None = None,
        table: str | Path | None = None,
        target: str = "target",
        roles: Mapping[str, str] | None = None,
    ) -> answers.Audit:
        """As `audit`, whole: its findings, and all of it in a sentence."""
        asked = None if task is None else self.task(task)
        return answers.audit(self.context, asked, None if table is None else Path(table), target, roles)

    def identity_effect(self, task: str | Task, cutoffs: int | None = None) -> pa.Table:
        """What resolution changed: customers, repeat rate and the backtest's metrics by each identity."""
        tests = self.settings.tests if cutoffs is None else cutoffs
        return answers.identity_effect(self.context, self.task(task), tests)

    def fit(
        self,
        task: str | Task,
        model: str | None = None,
        at: str | datetime | None = None,
        tune: str | None = None,
    ) -> answers.Fitted:
        """Train on history before `at` (default: all of it) and save beside the shop, with its card.

        `tune`: seek better settings first, on instants before `at`, for so long ("5m") or so many trials ("40").
        """
        return answers.fit(self.context, self.task(task), model, self._at(at), tune)

    def predict(
        self,
        task: str | Task,
        at: str | datetime | None = None,
        model: str | None = None,
        out: str | Path | None = None,
        top: int | None = None,
        rules: answers.Ruling = None,
    ) -> pa.Table:
        """Answer for everyone the task asks about at `at`, with the newest model that knew nothing later.

        Returns the rows of `scores`, of a path those of `forecasts`, of a ranking those of `recommendations` (`top`
        places per customer, default 10; `rules`: `{"exclude": ["P-7"], "new": True}`, which go before those of
        `[recommend]` in `shop.toml`, or a file in their place; see `footfall.recommend.Rules`).
        """
        if out is not None:
            answers.check_ending(Path(out))
        held = None if rules is None else answers.rules_for(self.context, rules)
        table = answers.predict(self.context, self.task(task), self._at(at), model, top, held)
        if out is not None:
            answers.write_file(table, Path(out))
        return table

    def predict_one(
        self,
        task: str | Task,
        given: Mapping[str, Any] | Callable[[str], str],
        at: str | datetime | None = None,
        model: str | None = None,
        tell: Callable[[str], None] = print,
        top: int = 10,
    ) -> answers.One | answers.OneList:
        """The answer for one customer whom the shop does not know: chance or amount with interval and reasons, or the
        `top` places of a ranking.

        `given`: attributes, single features and lists of what they did (docs/how-to/score-one-customer.md), or a
        function that asks a person a question; `tell` then says what was wrong with an answer.
        """
        asked, cutoff = self.task(task), self._at(at)
        if callable(given):
            given = answers.prompted(self.context, asked, given, tell, cutoff, model)
        if asked.kind == "ranking":
            return answers.rank_one(self.context, asked, given, cutoff, model, top)
        return answers.predict_one(self.context, asked, given, cutoff, model)

    def explain(
        self, task: str | Task, who: str | None = None, at: str | datetime | None = None, top: int = 100
    ) -> pa.Table:
        """Why the answers are what they are: the `top` highest, or that of one customer, product or category."""
        return answers.explain(self.context, self.task(task), who, self._at(at), top)

    def draw(
        self,
        task: str | Task,
        who: str | None = None,
        at: str | datetime | None = None,
        out: str | Path | None = None,
    ) -> list[report.Chart]:
        """The same as charts: summary and dependence over a sample of all, or the way to one customer's answer.

        A notebook shows them by themselves; `out` writes them too (.html, or the first as .svg, .png or .json).
        """
        path = None if out is None else Path(out)
        return answers.draw_explanation(self.context, self.task(task), who, self._at(at), path)

    def recommend(
        self,
        how: str,
        what: str | Sequence[str] | None = None,
        top: int = 10,
        at: str | datetime | None = None,
        rules: answers.Ruling = None,
        out: str | Path | None = None,
    ) -> pa.Table:
        """What to show beside the lists of `predict`.

        `session`: what comes next for a visitor who looked at these products (loaded once, then a few milliseconds
        each); `like`: products like one, kept in `similar_products`; `together`: what is bought with one (without one:
        the surest pairs), kept in `bought_together`; `who`: who would want it, kept in `prospects`.
        """
        if out is not None:
            answers.check_ending(Path(out))
        held = None if rules is None else answers.rules_for(self.context, rules)
        table = answers.recommend(self.context, how, what, answers.Wish(top, self._at(at), held))
        if out is not None:
            answers.write_file(table, Path(out))
        return table

    def when(
        self, at: str | datetime | None = None, model: str = "boosted", out: str | Path | None = None
    ) -> answers.Waited:
        """When each customer's next order comes: chances by 7, 14, 28, 56 and 91 days, median and interval, checked."""
        if out is not None:
            answers.check_ending(Path(out))
        waited = answers.wait(self.context, self._at(at), model)
        if out is not None:
            answers.write_file(waited.table, Path(out))
        return waited

    def who(self, customer: str, out: str | Path | None = None) -> CustomerStory:
        """Who a customer is: records, links with their weights, golden record; `out` writes a page or a picture."""
        return answers.tell_customer(self.engine, customer, None if out is None else Path(out))

    def models(self, task: str | None = None) -> pa.Table:
        """Saved models, newest first; `promoted` are those that `predict` uses instead of the newest."""
        return pa.Table.from_pylist(answers.list_models(self.context, task))

    def estimator(self, task: str | Task, model: str | None = None, out: str | Path | None = None) -> Any:
        """The newest saved model of a task as a fitted estimator of scikit-learn's kind; `out` writes it by joblib.

        Reading a joblib file runs whatever code is in it: read only your own.
        """
        return answers.as_estimator(self.context, self.task(task), model, None if out is None else Path(out))

    def models_compare(self, task: str | Task) -> pa.Table:
        """The task's saved models side by side: what each learnt from, its size, its metrics."""
        return pa.Table.from_pylist(answers.compare_models(self.context, self.task(task)))

    def models_card(
        self, task: str | Task, model: str | None = None, at: str | datetime | None = None
    ) -> tuple[dict[str, Any], str]:
        """The card of a saved model (default: of the one `predict` uses), as a document and as text."""
        return answers.model_card(self.context, self.task(task), model, self._at(at))

    def models_promote(
        self, task: str | Task, model: str | None, at: str | datetime | None = None
    ) -> dict[str, Any] | None:
        """From now on `predict` uses this saved model of the task; None: the newest again."""
        return answers.promote_model(self.context, self.task(task), model, self._at(at))

    def models_remove(
        self, task: str | Task, model: str, at: str | datetime | None = None, promoted: bool = False
    ) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """Delete a saved model; a promoted one only with `promoted`. Returns it, and the one that answers now."""
        return answers.remove_model(self.context, self.task(task), model, self._at(at), promoted)

    def models_add(self, folder: str | Path) -> dict[str, Any]:
        """Bring in a saved model's folder from another machine."""
        return answers.add_model(self.context, self.tasks(), Path(folder))

    # --- all of it ----------------------------------------------------------------------------------------

    def run(self, models: Sequence[str] = ()) -> answers.Ran:
        """Check, resolve, test, fit, score and explain every task the shop can answer; only what is stale."""
        self._kept.clear()  # what was prepared is replaced by what the run prepares
        before = [answers.Step("check", "quality checks over the whole shop", self.check)]
        if identity.telling_persons(self.engine):
            before.append(answers.Step("resolve", "records of persons linked to customers", self.resolve))
        after = [
            answers.Step("decide", "restock, demand leads, agreement", self.decide),
            answers.Step("insights", "who, what, why", self.insights),
        ]
        return answers.run(self.context, self.tasks(), before, models, after)

    def restock(self, out: str | Path | None = None, **settings: Any) -> pa.Table:
        """What to order now and what to promote, from the forecast per product and the stock; writes `restock`.

        `settings`: as `lead_time="14d"`, `service_level=0.95` (`footfall.decide.Restocking`); they go before those of
        `[restock]` in `shop.toml`.
        """
        if out is not None:
            answers.check_ending(Path(out))
        answers.restock_shop(self.context, settings, self._beside("shop.toml"))
        return self.sql("select * from restock order by action <> 'order', order_now desc, product_id", out)

    def decide(self) -> dict[str, str]:
        """Restock, demand leads and agreement, as far as the forecasts allow; table -> why not, of the others."""
        return answers.decide(self.context, self._beside("shop.toml"))

    def report(self, out: str | Path, title: str = "") -> Path:
        """Write the one-page report (HTML, offline), and its tables as CSV into the folder `<out>-tables`."""
        page = answers.gather(self.context, title, self._beside("shop.toml"))
        target = Path(out)
        answers.write_text(report.render(page), target)
        report.write_csvs(page, target.with_name(f"{target.stem}-tables"))
        return target

    # --- inside -------------------------------------------------------------------------------------------

    def _beside(self, name: str) -> Path:
        return self.path.with_name(name)

    def _at(self, at: str | datetime | None) -> datetime | None:
        return None if at is None else instant(at, self.timezone)


def open(
    path: str | Path = DEFAULT_SHOP,
    settings: Settings | None = None,
    memory: str | None = None,
    threads: int | None = None,
) -> Shop:
    """Open the shop in the file `path`; made when absent.

    Args:
        memory: the engine's bound, as in "4GB".
        threads: worker threads.

    Raises:
        FootfallError: the file is no shop, or another process holds it.
    """
    return Shop(path, settings, memory, threads)
