"""One million records of persons: seconds by stage and memory of `resolve`, on a simulated emporium.

    python -m benchmarks identity_scale

`FOOTFALL_BENCH_RECORDS` sets the size, about (default 1000000).
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import footfall
from benchmarks.data import Result, Table, tell
from benchmarks.identity import guest_links, persons
from footfall.identity import resolve
from footfall.simulate import write_emporium

SEED = 7
RECORDS = int(os.environ.get("FOOTFALL_BENCH_RECORDS", "1000000"))
PER_PERSON = 1.5825
"""Records that a person leaves in the shop, on average."""
MOST_SECONDS, MOST_GB = 180, 8
ABOUT = (
    f"A simulated emporium (`footfall.simulate.write_emporium`, seed {SEED}) of about {RECORDS:,} records: accounts, "
    "CRM rows, distinct details of guests, ids without details. Loading and `resolve` run in a process of their own "
    "with the engine's default bounds; memory is the most that this process held. Seconds are wall time, from one "
    "message of progress to the next."
)


def _told(message: str) -> str:
    """A stage's name, without the numbers in it."""
    return " ".join(word for word in message.split() if not word[0].isdigit())


def measure(folder: Path, truth: Path) -> dict[str, Any]:
    """Load and resolve the shop in `folder`; for a process of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="footfall-bench-") as place,
        footfall.open(Path(place) / "s.duckdb") as shop,
    ):
        start = time.perf_counter()
        shop.load(folder, "ebuy_emporium")
        load, loaded = time.perf_counter() - start, _peak()
        steps: list[tuple[str, float]] = []

        def progress(message: str) -> None:
            tell(f"{time.perf_counter() - start:7.1f} s  {message}")
            steps.append((_told(message), time.perf_counter()))

        start, processor = time.perf_counter(), time.process_time()
        found = resolve(shop.engine, progress=progress)
        end = time.perf_counter()
        ends = [at for _, at in steps[1:]] + [end]
        true = persons(truth)
        return {
            "stages": [{"stage": n, "seconds": round(e - at, 1)} for (n, at), e in zip(steps, ends, strict=True)],
            "whole": {
                "records": found.records,
                "load s": round(load, 1),
                "resolve s": round(end - start, 1),
                "processor s": round(time.process_time() - processor, 1),
                "GB after loading": round(loaded, 2),
                "peak GB": round(_peak(), 2),
            },
            "count": {
                "true persons": true,
                "customers": found.customers,
                "95%": f"{found.lower:,.0f} .. {found.upper:,.0f}",
                "held": found.lower <= true <= found.upper,
                "clusters": found.clusters,
                **guest_links(shop, truth),
            },
        }


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def run() -> Result:
    """Needs no data."""
    with tempfile.TemporaryDirectory(prefix="footfall-bench-") as name:
        tell("simulating")
        made = write_emporium(Path(name) / "shop", round(RECORDS / PER_PERSON), SEED)
        own = [sys.executable, "-m", "benchmarks.identity_scale", str(made.folder), str(made.truth)]
        found = json.loads(
            subprocess.run(own, check=True, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]).stdout
        )
    tables = [
        Table("resolve", [found["whole"]]),
        Table("seconds by stage", found["stages"]),
        Table("count and links", [found["count"]]),
    ]
    whole = found["whole"]
    verdicts = {
        f"resolve in under {MOST_SECONDS} s ({whole['resolve s']})": whole["resolve s"] < MOST_SECONDS,
        f"under {MOST_GB} GB ({whole['peak GB']})": whole["peak GB"] < MOST_GB,
    }
    return Result(ABOUT, SEED, tables, verdicts)


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), Path(sys.argv[2])), default=float))
