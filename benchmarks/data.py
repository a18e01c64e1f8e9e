"""What the benchmarks share: real data where it is present, throw-away shops, and results as small tables."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from footfall.shop import Shop
from footfall.tabular import Settings

ROOT = Path(os.environ.get("FOOTFALL_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
VERSIONS = ("footfall", "duckdb", "lightgbm", "numpy")


class Skipped(Exception):
    """The benchmark cannot run here; the text says why."""


def data_path(name: str) -> Path:
    """The folder `name` of the real data. Raises Skipped where it is absent."""
    path = ROOT / name
    if not path.exists():
        raise Skipped(f"real data '{name}' is not here; set FOOTFALL_DATA to the folder that holds it")
    return path


@contextmanager
def shop_of(
    files: str | Path | Sequence[str | Path], source: str, timezone: str = "UTC", settings: Settings | None = None
) -> Iterator[Shop]:
    """A shop in a temporary folder, loaded and checked."""
    with (
        tempfile.TemporaryDirectory(prefix="footfall-bench-") as folder,
        Shop(Path(folder) / "shop.duckdb", settings) as shop,
    ):
        shop.load(files, source, timezone=timezone)
        shop.check()
        yield shop


def tell(text: str) -> None:
    """Progress, on stderr."""
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Table:
    """Rows (dicts with equal keys) under a title."""

    title: str
    rows: list[dict[str, Any]]

    def markdown(self) -> str:
        columns = list(self.rows[0]) if self.rows else []
        cells = [columns, *([_cell(row[c]) for c in columns] for row in self.rows)]
        wide = [max(len(line[i]) for line in cells) for i in range(len(columns))]
        lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(line, wide, strict=True)) + " |" for line in cells]
        lines.insert(1, "|" + "|".join("-" * (w + 2) for w in wide) + "|")
        return f"**{self.title}**\n\n" + "\n".join(lines)


@dataclass(frozen=True)
class Result:
    """What a benchmark found: `about` says protocol and peer, `verdicts` what was aimed at and whether it is met."""

    about: str
    seed: int
    tables: list[Table]
    verdicts: dict[str, bool] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def text(self, name: str) -> str:
        parts = [self.about, *(t.markdown() for t in self.tables)]
        if self.verdicts:
            parts.append("\n".join(f"- {'met' if met else 'NOT met'}: {aim}" for aim, met in self.verdicts.items()))
        if self.notes:
            parts.append("\n".join(f"- {n}" for n in self.notes))
        return "\n\n".join([*parts, f"Again: `python -m benchmarks {name}` (seed {self.seed})."])

    def write(self, folder: Path, name: str, seconds: float) -> None:
        """Write `NAME.md` and `NAME.json`; they name no path of this machine."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.md").write_text(f"# {name}\n\n{self.text(name)}\n", encoding="utf-8")
        body = {
            "benchmark": name, "command": f"python -m benchmarks {name}", "seed": self.seed,
            "seconds": round(seconds, 1), "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "python": platform.python_version(), "versions": {v: version(v) for v in VERSIONS}, "about": self.about,
            "verdicts": self.verdicts, "notes": self.notes,
            "tables": [{"title": t.title, "rows": t.rows} for t in self.tables],
        }  # fmt: skip
        (folder / f"{name}.json").write_text(json.dumps(body, indent=1, default=_plain) + "\n", encoding="utf-8")


def span(lower: float, upper: float, digits: int = 4) -> str:
    """An interval as text."""
    return f"{lower:+.{digits}f} .. {upper:+.{digits}f}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float | np.floating):
        return f"{value:.4f}" if abs(value) < 100 else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int | np.integer) and not isinstance(value, bool) else str(value)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)
