"""Walmart weekly: what sells in the next four weeks, beside seasonal naive and the statistical methods."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wilcoxon

from benchmarks.data import Result, Table, data_path, shop_of, span, tell
from footfall.forecast import (
    AUTOMATIC,
    BASELINE,
    MEASURES,
    Forecast,
    Measured,
    Origin,
    Rehearsal,
    SeriesSet,
    Told,
    decided,
    measure,
    ready_series,
)
from footfall.forecast.choose import fitted_at
from footfall.models.panel import Floats, Panel, find_path_model, path_model_names

SEED, DRAWS = 0, 500
TESTS, REHEARSALS = 4, 3
STEPS = 4
WHOLE, EVERY = "all 143 weeks", "every series"
END = datetime(2012, 10, 27)
PEER = "statsforecast"
WITHOUT = "automatic, without statsforecast"
NAMED = {PEER: "median of four (statsforecast)", BASELINE: "seasonal naive (52)"}
SETTINGS: dict[str, dict[str, Any]] = {PEER: {"jobs": 2}}
ABOUT = (
    "Sales by store and department, {steps} weeks ahead of four origins {steps} weeks apart; of the series that have "
    "all 143 weeks, and of every series that had begun before the first origin. WAPE over all rows that came. "
    "Holidays are a column whose future is known; "
    f"markdowns are not used. `automatic` is chosen by {REHEARSALS} rehearsals before each origin, per department: the "
    "set of up to three models whose median missed least, and seasonal naive where nothing beat it. `lagged` is fitted "
    "anew at each origin on what lay before it; in the rehearsals, at the first and where the history has grown by a "
    "tenth since. The peer rows are of statsforecast, run in the same process: AutoETS without a season, "
    "DynamicOptimizedTheta(52), MSTL(52) and the median of these and seasonal naive, which is also our model of that "
    "name. "
    f"`{WITHOUT}` is the same choice where the extra is not installed. Intervals: 95%, series resampled; departments: "
    "Wilcoxon's signed ranks over series, Holm's correction."
)


class _Peer:
    """statsforecast's methods at each origin. They know one series at a time, so that two sets of series may share
    what was said; `whole` and the other series are asked apart, to be timed apart."""

    def __init__(self, panel: Panel, whole: NDArray[np.bool_]) -> None:
        self.panel, self.whole = panel, whole
        self.said: dict[tuple[int, bool], tuple[NDArray[np.int64], dict[str, Floats], float]] = {}

    def parts(self, at: int, rows: NDArray[np.int64], alone: bool) -> tuple[dict[str, Floats], float]:
        """method -> (rows, h), and the seconds that it took; `alone`: only series of all weeks are asked about."""
        asked = [self._said(at, True)] + ([] if alone else [self._said(at, False)])
        out = {}
        for name in asked[0][1]:
            whole = np.full((len(self.panel), self.panel.horizon), np.nan)
            for at_rows, told, _ in asked:
                whole[at_rows] = told[name]
            out[name] = whole[rows]
        return out, sum(seconds for *_, seconds in asked)

    def _said(self, at: int, whole: bool) -> tuple[NDArray[np.int64], dict[str, Floats], float]:
        if (at, whole) not in self.said:
            rows = np.flatnonzero((self.whole == whole) & self.panel.begun(at))
            start = time.perf_counter()
            model: Any = find_path_model(PEER)(SEED, **SETTINGS[PEER])
            told = model.parts(self.panel.only(rows).until(at)) if len(rows) else {}
            self.said[at, whole] = rows, told, time.perf_counter() - start
            tell(f"{PEER} at {self.panel.days[at]}, {len(rows)} series: {self.said[at, whole][2]:.0f} s")
        return self.said[at, whole]


class _Bench:
    """Forecasts of one set of series by model and origin, each made once and timed."""

    def __init__(self, peer: _Peer, rows: NDArray[np.int64], alone: bool) -> None:
        self.peer, self.rows, self.alone = peer, rows, alone
        self.panel = peer.panel.only(rows)
        self.models = path_model_names()
        self.fits: dict[tuple[str, int], Any] = {}
        self.said: dict[tuple[str, int, int], Floats] = {}
        self.seconds: dict[str, list[float]] = {}
        self.choosing: list[float] = []

    def forecast(self, name: str, learnt: int, at: int) -> Floats:
        """(n, h) what the model fitted after `learnt` periods says after `at` of them; NaN: had not begun."""
        together = getattr(find_path_model(name), "together", False)
        key = (name, learnt if together else at, at)
        if key not in self.said:
            here = np.flatnonzero(self.panel.begun(at))
            past = self.panel.only(here).until(at)
            out = np.full((len(self.panel), self.panel.horizon), np.nan)
            start = time.perf_counter()
            if name == PEER:
                parts, seconds = self.peer.parts(at, self.rows[here], self.alone)
                out[here] = np.median(np.stack(list(parts.values())), axis=0)
            else:
                out[here] = self._fit(name, key[1]).forecast(past)
                seconds = time.perf_counter() - start
            self.said[key] = out
            if key[1] == at:
                self.seconds.setdefault(name, []).append(seconds)
            if seconds > 5:
                tell(f"{name} at {self.panel.days[at]}: {seconds:.0f} s")
        return self.said[key]

    def _fit(self, name: str, at: int) -> Any:
        if (name, at) not in self.fits:
            model = find_path_model(name)(SEED, **SETTINGS.get(name, {}))
            self.fits[name, at] = model.fit(self.panel.only(self.panel.begun(at)).until(at))
        return self.fits[name, at]

    def automatic(self, at: int, models: list[str]) -> Forecast:
        ahead = self.panel.horizon
        origins = tuple(at - ahead * k for k in range(REHEARSALS, 0, -1))
        fits = fitted_at(origins)
        told = {m: np.stack([self.forecast(m, f, o) for f, o in zip(fits, origins, strict=True)]) for m in models}
        actual = np.stack([self.panel.values[:, o : o + ahead] for o in origins])
        actual[~np.isfinite(told[BASELINE])] = np.nan
        points = {m: self.forecast(m, at, at) for m in models}
        past = self.panel.until(at)
        start = time.perf_counter()
        out = decided(past, Rehearsal(origins, actual, told), points, "dept")
        self.choosing.append(time.perf_counter() - start)
        return out


@dataclass(frozen=True)
class _Case:
    """One set of series at one horizon, carried out."""

    name: str
    bench: _Bench
    origins: list[Origin]
    chosen: list[Forecast]
    departments: list[str]

    @property
    def days(self) -> list[str]:
        return [str(self.bench.panel.days[o.panel.periods]) for o in self.origins]


def run() -> Result:
    """Skipped where the data is absent; without statsforecast its rows are left out, and a note says so."""
    return run_ahead(STEPS)


def run_ahead(steps: int) -> Result:
    """The benchmark so many weeks ahead."""
    tables: list[Table] = []
    verdicts: dict[str, bool] = {}
    notes: list[str] = []
    with shop_of(data_path("walmart_weekly"), "series") as shop:
        series = ready_series(shop.context.engine, "weekly_sales", END, steps)
    whole: NDArray[np.bool_] = np.asarray(np.isfinite(series.panel.values).all(axis=1))
    first = series.panel.begun(series.panel.periods - steps * TESTS)
    tell(f"{whole.sum()} of {len(whole)} series have all {series.panel.periods} weeks, {first.sum()} begin in time")
    peer = _Peer(series.panel, whole)
    for name, rows in ((WHOLE, np.flatnonzero(whole)), (EVERY, np.flatnonzero(first))):
        case = _carried_out(name, series, _Bench(peer, rows, name == WHOLE))
        _report(case, tables, verdicts, notes)
    notes.append(f"{len(first) - int(first.sum())} of {len(first)} series began after the first origin: not among them")
    if PEER in path_model_names():
        notes.append("statsforecast " + version("statsforecast"))
    else:
        notes.append("statsforecast is not installed: the peer rows are left out (footfall[forecast] brings it)")
    return Result(ABOUT.format(steps=steps), SEED, tables, verdicts, notes)


def _carried_out(name: str, found: SeriesSet, bench: _Bench) -> _Case:
    origins, chosen = [], []
    steps = bench.panel.horizon
    for k in range(TESTS, 0, -1):
        at = bench.panel.periods - steps * k
        answer = bench.automatic(at, bench.models)
        told = dict(answer.told)
        if PEER in bench.models:
            told[WITHOUT] = bench.automatic(at, [m for m in bench.models if m != PEER]).answer
            parts, _ = bench.peer.parts(at, bench.rows, bench.alone)
            told |= {f"{n} (statsforecast)": Told(p, {}) for n, p in parts.items() if n != BASELINE}
        actual = bench.panel.values[:, at : at + steps]
        origins.append(Origin(bench.panel.until(at), actual, told))
        chosen.append(answer)
    key = found.keys.index("dept")
    return _Case(name, bench, origins, chosen, [found.members[i][key] for i in bench.rows])


def _report(case: _Case, tables: list[Table], verdicts: dict[str, bool], notes: list[str]) -> None:
    """Adds what one case has found."""
    whole = measure(case.origins, draws=DRAWS, seed=SEED)
    each = [measure([o], draws=2, seed=SEED) for o in case.origins]
    means = {m: float(np.mean([e[m]["wape"].value for e in each])) for m in whole}
    names = sorted(whole, key=lambda m: means[m], reverse=True)
    days = case.days
    worse = _worse(case)
    tables += [
        Table(
            f"{case.name} ({len(case.bench.panel):,} series): WAPE by origin (its first week)",
            [
                {"model": NAMED.get(m, m), **{d: e[m]["wape"].value for d, e in zip(days, each, strict=True)}}
                | {"mean": means[m]}
                for m in names
            ],
        ),
        Table(f"{case.name}: all origins together", [{"model": NAMED.get(m, m), **_row(whole[m])} for m in names]),
        Table(f"{case.name}: the choice", _choices(days, case.chosen)),
        Table(f"{case.name}: coverage by step ahead", _coverage(case.origins)),
        Table(f"{case.name}: seconds an origin", _times(case.bench)),
        Table(f"{case.name}: departments where automatic is farthest behind seasonal naive", worse[:5]),
    ]
    answer = whole[AUTOMATIC]
    gap = answer["wape"].difference
    if case.name == WHOLE and case.bench.panel.horizon == STEPS:
        verdicts["automatic: mean WAPE below .072"] = means[AUTOMATIC] < 0.072
    verdicts[f"{case.name}: better than seasonal naive, interval clear of zero"] = gap is not None and gap[2] < 0
    verdicts[f"{case.name}: no department worse than seasonal naive after Holm's correction"] = not any(
        r["Holm p"] < 0.05 for r in worse
    )
    for n in (80, 95):
        verdicts[f"{case.name}: {n}% band covers within 3 points"] = abs(answer[f"coverage_{n}"].value - n / 100) < 0.03
    if PEER in case.bench.models:
        _beside_the_peer(case, verdicts, notes)


def _beside_the_peer(case: _Case, verdicts: dict[str, bool], notes: list[str]) -> None:
    against = measure(case.origins, baseline=PEER, draws=DRAWS, seed=SEED)
    for name in (AUTOMATIC, WITHOUT, "lagged"):
        difference = against[name]["wape"].difference
        assert difference is not None
        notes.append(
            f"{case.name}, {name}: WAPE less the median of four's {difference[0]:+.4f} ({span(*difference[1:])})"
        )
        verdicts[f"{case.name}: {name} better than the median of four, interval clear of zero"] = difference[2] < 0
    seconds = {m: float(np.mean(s)) for m, s in case.bench.seconds.items()}
    ours = sum(seconds.values())
    verdicts[f"{case.name}: all of our models together take at most twice the peer's time"] = ours <= 2 * seconds[PEER]


def _times(bench: _Bench) -> list[dict[str, Any]]:
    """Fit and forecast of each model at an origin; the rehearsals cost as much again, see ABOUT."""
    rows = [{"what": NAMED.get(m, m), "mean": float(np.mean(s))} for m, s in bench.seconds.items()]
    return [*rows, {"what": "choosing among the rehearsals, and bands", "mean": float(np.mean(bench.choosing))}]


def _row(found: Mapping[str, Measured]) -> dict[str, Any]:
    row: dict[str, Any] = {name: found[name].value if name in found else None for name in MEASURES}
    gap = found["wape"].difference
    return row | {"WAPE less naive's": "" if gap is None else f"{gap[0]:+.4f} ({span(*gap[1:])})"}


def _choices(days: list[str], chosen: list[Forecast]) -> list[dict[str, Any]]:
    """How many series each candidate answers, by origin."""
    rows: dict[str, dict[str, int]] = {}
    for day, one in zip(days, chosen, strict=True):
        sizes = np.bincount(one.choice.group, minlength=len(one.choice.members))
        for models, size in zip(one.choice.members, sizes, strict=True):
            row = rows.setdefault(" + ".join(models), dict.fromkeys(days, 0))
            row[day] += int(size)
    return [{"median of": name, **row} for name, row in sorted(rows.items(), key=lambda r: -sum(r[1].values()))]


def _coverage(origins: list[Origin]) -> list[dict[str, Any]]:
    rows = []
    for step in range(origins[0].actual.shape[1]):
        row: dict[str, Any] = {"step": step + 1}
        for level in (80, 95):
            inside = []
            for o in origins:
                low, high = o.told[AUTOMATIC].bands[level]
                came = np.isfinite(o.actual[:, step])
                inside.append(((o.actual[:, step] >= low[:, step]) & (o.actual[:, step] <= high[:, step]))[came])
            row[f"{level}%"] = float(np.concatenate(inside).mean())
        rows.append(row)
    return rows


def _worse(case: _Case) -> list[dict[str, Any]]:
    """Departments by how far the automatic choice misses more than seasonal naive; p is one-sided."""
    miss = {
        m: np.sum([np.nansum(np.abs(o.actual - o.told[m].point), axis=1) for o in case.origins], axis=0)
        for m in (AUTOMATIC, BASELINE)
    }
    rows: list[dict[str, Any]] = []
    for name in sorted(set(case.departments)):
        mine = np.asarray([d == name for d in case.departments])
        gap = miss[AUTOMATIC][mine] - miss[BASELINE][mine]
        p = float(wilcoxon(gap, alternative="greater").pvalue) if np.any(gap != 0) and len(gap) > 5 else 1.0
        naive = float(miss[BASELINE][mine].sum())
        ratio = float(miss[AUTOMATIC][mine].sum()) / naive if naive > 0 else 1.0
        rows.append({"department": name, "series": int(mine.sum()), "error over naive's": ratio, "p": p})
    rows.sort(key=lambda r: r["p"])
    top = 0.0
    for i, row in enumerate(rows):
        top = max(top, min(1.0, row["p"] * (len(rows) - i)))
        row["Holm p"] = top
    return sorted(rows, key=lambda r: -r["error over naive's"])
