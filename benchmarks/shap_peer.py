"""SHAP of a boosted model on 100,000 rows x 100 features: ours beside shap's TreeExplainer on the same trees.

`FOOTFALL_SHAP_PYTHON` names a Python that has shap and LightGBM (default: this one); without shap the benchmark is
skipped. `FOOTFALL_BENCH_ROWS` sets the number of rows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data import Result, Skipped, Table, tell
from footfall.models.boosted import Boosted

SEED = 11
ROWS = int(os.environ.get("FOOTFALL_BENCH_ROWS", "100000"))
FEATURES, THREADS = 100, 2
PYTHON = os.environ.get("FOOTFALL_SHAP_PYTHON", sys.executable)
ABOUT = (
    f"One boosted model (the settings that {ROWS:,} rows give), {ROWS:,} rows x {FEATURES} features, a twentieth of "
    "the values missing, a fifth of the columns of few different values. Ours: exact SHAP values by tables of patterns "
    "per leaf, blocks of rows over two threads, the reading of the trees included. Peer: `shap.TreeExplainer(booster)."
    "shap_values(X)` on the same trees, in a process of its own (it hands the work to LightGBM's `pred_contrib`, two "
    "threads). Each is run twice and the quicker run counts; the values of both are asserted to be equal."
)
_PEER = """
import json, sys, time
import lightgbm, numpy, shap
folder = sys.argv[1]
X = numpy.load(folder + "/X.npy")
booster = lightgbm.Booster(model_file=folder + "/trees.txt", params={"num_threads": 2})
best, used = 1e9, 0.0
for _ in range(2):
    start, cpu = time.perf_counter(), time.process_time()
    values = shap.TreeExplainer(booster).shap_values(X)
    took = time.perf_counter() - start
    if took < best:
        best, used = took, time.process_time() - cpu
values = values[-1] if isinstance(values, list) else values
numpy.save(folder + "/peer.npy", values)
print(json.dumps({"seconds": best, "cpu": used, "version": shap.__version__}))
"""


def run() -> Result:
    """Fit once, explain twice, compare."""
    if subprocess.run([PYTHON, "-c", "import shap, lightgbm"], capture_output=True).returncode:
        raise Skipped("shap is not installed here; FOOTFALL_SHAP_PYTHON names a Python that has it")
    X, y = _data()
    tell(f"fitting on {ROWS:,} rows")
    model = Boosted("chance", SEED, threads=THREADS, bags=1).fit(X, y)
    tell("ours")
    ours: np.ndarray[Any, Any] = np.zeros(0)
    best, used = 1e9, 0.0
    for _ in range(2):
        start, cpu = time.perf_counter(), time.process_time()
        ours = model.contributions(X)
        took = time.perf_counter() - start
        if took < best:
            best, used = took, time.process_time() - cpu
    with tempfile.TemporaryDirectory(prefix="footfall-shap-") as name:
        folder = Path(name)
        np.save(folder / "X.npy", X)
        model.save(folder)
        (folder / "boosted_0.txt").rename(folder / "trees.txt")
        tell("shap")
        done = subprocess.run([PYTHON, "-c", _PEER, name], capture_output=True, text=True)
        if done.returncode:
            raise Skipped(f"shap did not run: {done.stderr.strip().splitlines()[-1:]}")
        peer = json.loads(done.stdout.strip().splitlines()[-1])
        theirs = np.load(folder / "peer.npy")
    apart = float(np.abs(ours[:, : theirs.shape[1]] - theirs).max())
    rows = [
        {"who": "footfall", "seconds": round(best, 1), "processor seconds": round(used, 1)},
        {"who": f"shap {peer['version']}", "seconds": round(peer["seconds"], 1),
         "processor seconds": round(peer["cpu"], 1)},
    ]  # fmt: skip
    verdicts = {
        f"as fast as shap's TreeExplainer or faster ({best:.1f} s beside {peer['seconds']:.1f} s)": best
        <= peer["seconds"],
        f"the same values (furthest apart: {apart:.1e})": apart < 1e-8,
    }
    return Result(ABOUT, SEED, [Table(f"SHAP values of {ROWS:,} rows", rows)], verdicts)


def _data() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    draw = np.random.default_rng(SEED)
    X = draw.normal(size=(ROWS, FEATURES))
    X[:, : FEATURES // 5] = np.round(X[:, : FEATURES // 5])
    score = X[:, 0] + X[:, 1] * X[:, 2] + np.sin(X[:, 30]) + 0.5 * (X[:, 40] > 1) - 0.3 * X[:, 50] ** 2
    y = (draw.random(ROWS) < 1 / (1 + np.exp(-score))).astype(float)
    X[draw.random(X.shape) < 0.05] = np.nan
    return X, y
