"""Walmart weekly: what sells in the next four weeks, beside seasonal naive and the statistical methods."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version
from typing import Any

import numpy as np
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
from footfall.models.panel import Floats, Panel, find_path_model, path_model_names

SEED, DRAWS = 0, 500
STEPS, TESTS, REHEARSALS = 4, 4, 3
END = datetime(2012, 10, 27)
PEER = "statsforecast"
WITHOUT = "automatic, without statsforecast"
NAMED = {PEER: "median of four (statsforecast)", BASELINE: "seasonal naive (52)"}
SETTINGS: dict[str, dict[str, Any]] = {PEER: {"jobs": 2}}
ABOUT = (
    "Sales by store and department, the series that have all 143 weeks, 4 weeks ahead of four origins 4 weeks apart; "
    "WAPE over all rows. Holidays are a column whose future is known; markdowns are not used. `automatic` is chosen by "
    f"{REHEARSALS} rehearsals before each origin, per department: the set of up to three models whose median missed "
    "least, and seasonal naive where nothing beat it. `lagged` is fitted anew at each origin on what lay before it; in "
    "the rehearsals it is fitted once, at the first of them. The peer rows are of statsforecast: AutoETS without a "
    "season, DynamicOptimizedTheta(52), MSTL(52) and the median of these and seasonal naive, which is also our model "
    f"of that name. `{WITHOUT}` is the same choice where the extra is not installed. Intervals: 95%, series resampled; "
    "departments: Wilcoxon's signed ranks over series, Holm's correction."
)


class _Bench:
    """Forecasts by model and origin, each made once and timed."""

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self.models = path_model_names()
        self.fits: dict[tuple[str, int], Any] = {}
        self.said: dict[tuple[str, int, int], Floats] = {}
        self.parts: dict[int, Mapping[str, Floats]] = {}
        self.seconds: dict[str, list[float]] = {}

    def fit(self, name: str, at: int) -> Any:
        if (name, at) not in self.fits:
            model = find_path_model(name)(SEED, **SETTINGS.get(name, {}))
            self.fits[name, at] = model.fit(self.panel.until(at))
        return self.fits[name, at]

    def forecast(self, name: str, learnt: int, at: int) -> Floats:
        """What the model fitted after `learnt` periods says after `at` of them."""
        together = getattr(find_path_model(name), "together", False)
        key = (name, learnt if together else at, at)
        if key not in self.said:
            start = time.perf_counter()
            model = self.fit(name, key[1])
            if name == PEER:
                self.parts[at] = model.parts(self.panel.until(at))
                self.said[key] = np.median(np.stack(list(self.parts[at].values())), axis=0)
            else:
                self.said[key] = model.forecast(self.panel.until(at))
            seconds = time.perf_counter() - start
            if key[1] == at:
                self.seconds.setdefault(name, []).append(seconds)
            tell(f"{name} at {self.panel.days[at]}: {seconds:.0f} s")
        return self.said[key]

    def automatic(self, at: int, models: list[str]) -> Forecast:
        ahead = self.panel.horizon
        origins = tuple(at - ahead * k for k in range(REHEARSALS, 0, -1))
        told = {m: np.stack([self.forecast(m, origins[0], o) for o in origins]) for m in models}
        actual = np.stack([self.panel.values[:, o : o + ahead] for o in origins])
        points = {m: self.forecast(m, at, at) for m in models}
        past = self.panel.until(at)
        return decided(past, Rehearsal(origins, actual, told), points, past.groups["dept"])


def run() -> Result:
    """Skipped where the data is absent; without statsforecast its rows are left out, and a note says so."""
    with shop_of(data_path("walmart_weekly"), "series") as shop:
        found = ready_series(shop.context.engine, "weekly_sales", END, STEPS)
    whole = np.isfinite(found.panel.values).all(axis=1)
    bench = _Bench(found.panel.only(whole))
    tell(f"{int(whole.sum())} of {len(whole)} series have all {found.panel.periods} weeks")
    origins, chosen = [], []
    for k in range(TESTS, 0, -1):
        at = bench.panel.periods - STEPS * k
        answer = bench.automatic(at, bench.models)
        told = dict(answer.told)
        if PEER in bench.models:
            told[WITHOUT] = bench.automatic(at, [m for m in bench.models if m != PEER]).answer
            told |= {f"{n} (statsforecast)": Told(p, {}) for n, p in bench.parts[at].items() if n != BASELINE}
        actual = bench.panel.values[:, at : at + STEPS]
        origins.append(Origin(bench.panel.until(at), actual, told))
        chosen.append(answer)
    return _result(bench, origins, chosen, _departments(found, whole))


def _departments(found: SeriesSet, whole: Any) -> list[str]:
    at = found.keys.index("dept")
    return [m[at] for m, kept in zip(found.members, whole, strict=True) if kept]


def _result(bench: _Bench, origins: list[Origin], chosen: list[Forecast], departments: list[str]) -> Result:
    whole = measure(origins, draws=DRAWS, seed=SEED)
    each = [measure([o], draws=2, seed=SEED) for o in origins]
    names = sorted(whole, key=lambda m: float(np.mean([e[m]["wape"].value for e in each])), reverse=True)
    days = [str(bench.panel.days[o.panel.periods]) for o in origins]
    means = {m: float(np.mean([e[m]["wape"].value for e in each])) for m in names}
    tables = [
        Table(
            "WAPE by origin (its first week)",
            [
                {"model": NAMED.get(m, m), **{d: e[m]["wape"].value for d, e in zip(days, each, strict=True)}}
                | {"mean": means[m]}
                for m in names
            ],
        ),
        Table("all origins together", [{"model": NAMED.get(m, m), **_row(whole[m])} for m in names]),
        Table("the choice", _choices(days, chosen)),
        Table("coverage by step ahead", _coverage(origins)),
        Table("seconds an origin", [{"model": m, "mean": float(np.mean(s))} for m, s in bench.seconds.items()]),
    ]
    worse = _worse(origins, departments)
    tables.append(Table("departments where automatic is farthest behind seasonal naive", worse[:5]))
    answer = whole[AUTOMATIC]
    gap = answer["wape"].difference
    verdicts = {
        "automatic: mean WAPE below .072": means[AUTOMATIC] < 0.072,
        "automatic: better than seasonal naive, interval clear of zero": gap is not None and gap[2] < 0,
        "no department worse than seasonal naive after Holm's correction": not any(r["Holm p"] < 0.05 for r in worse),
        **{f"{n}% band covers within 3 points": abs(answer[f"coverage_{n}"].value - n / 100) < 0.03 for n in (80, 95)},
    }
    notes = []
    if PEER in bench.models:
        against = measure(origins, baseline=PEER, draws=DRAWS, seed=SEED)
        for name in (AUTOMATIC, WITHOUT, "lagged"):
            difference = against[name]["wape"].difference
            assert difference is not None
            notes.append(f"{name}: WAPE less the median of four's {difference[0]:+.4f} ({span(*difference[1:])})")
            verdicts[f"{name}: better than the median of four, interval clear of zero"] = difference[2] < 0
        own, peer = (float(np.sum(bench.seconds[m])) for m in ("lagged", PEER))
        verdicts["lagged takes at most twice the peer's time"] = own <= 2 * peer
        notes.append("statsforecast " + version("statsforecast"))
    else:
        notes.append("statsforecast is not installed: the peer rows are left out (footfall[forecast] brings it)")
    return Result(ABOUT, SEED, tables, verdicts, notes)


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
    for step in range(STEPS):
        row: dict[str, Any] = {"step": step + 1}
        for level in (80, 95):
            inside = []
            for o in origins:
                low, high = o.told[AUTOMATIC].bands[level]
                inside.append((o.actual[:, step] >= low[:, step]) & (o.actual[:, step] <= high[:, step]))
            row[f"{level}%"] = float(np.mean(inside))
        rows.append(row)
    return rows


def _worse(origins: list[Origin], departments: list[str]) -> list[dict[str, Any]]:
    """Departments by how far the automatic choice misses more than seasonal naive; p is one-sided."""
    miss = {
        m: np.sum([np.abs(o.actual - o.told[m].point).sum(axis=1) for o in origins], axis=0)
        for m in (AUTOMATIC, BASELINE)
    }
    rows = []
    for name in sorted(set(departments)):
        mine = np.asarray([d == name for d in departments])
        gap = miss[AUTOMATIC][mine] - miss[BASELINE][mine]
        p = float(wilcoxon(gap, alternative="greater").pvalue) if np.any(gap != 0) and len(gap) > 5 else 1.0
        ratio = float(miss[AUTOMATIC][mine].sum() / miss[BASELINE][mine].sum())
        rows.append({"department": name, "series": int(mine.sum()), "error over naive's": ratio, "p": p})
    rows.sort(key=lambda r: r["p"])
    top = 0.0
    for i, row in enumerate(rows):
        top = max(top, min(1.0, row["p"] * (len(rows) - i)))
        row["Holm p"] = top
    return sorted(rows, key=lambda r: -r["error over naive's"])
