"""A table of one's own, features and outcome, whoever made it: read, given its roles, and audited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from footfall.audit.copies import copies
from footfall.audit.dates import future, history
from footfall.audit.finding import NOT_RUN, Finding, in_order
from footfall.audit.rows import Rows, as_instants, dealt, figure, out_of_fold
from footfall.audit.single import LEAST, single
from footfall.audit.splits import overlap, split
from footfall.engine import Engine, literal
from footfall.errors import FootfallError, UsageError, did_you_mean
from footfall.spans import Span, span
from footfall.tabular.encode import to_floats

ENDINGS = {".csv": "read_csv", ".parquet": "read_parquet"}
MOST = 50_000
"""Rows that are looked at; of a larger table a sample."""
TEST_WORDS = ("test", "1", "true", "holdout", "valid", "validation")
ROLES = ("customer", "cutoff", "split", "horizon", "at", "ignore")


@dataclass(frozen=True)
class Roles:
    """Which column is what. `horizon`: how long an outcome may take. `ignore`: columns that are no features."""

    target: str = "target"
    customer: str = ""
    cutoff: str = ""
    split: str = ""
    horizon: Span | None = None
    at: str = ""
    ignore: tuple[str, ...] = field(default_factory=tuple)

    @classmethod
    def told(cls, target: str, given: Mapping[str, str]) -> Roles:
        """From names and texts. Raises UsageError for a role there is not."""
        for name in given:
            if name not in ROLES:
                raise UsageError(f"there is no role '{name}'{did_you_mean(name, ROLES)}")
        plain: dict[str, Any] = {k: v for k, v in given.items() if k not in ("horizon", "ignore") and v}
        horizon = span(given["horizon"]) if given.get("horizon") else None
        ignore = tuple(w.strip() for w in given.get("ignore", "").split("+") if w.strip())
        return cls(target, horizon=horizon, ignore=ignore, **plain)


def read_table(engine: Engine, file: Path) -> pa.Table:
    """A CSV or Parquet file as a table. Raises UsageError for another ending, FootfallError for what cannot be read."""
    if file.suffix.lower() not in ENDINGS:
        raise UsageError(f"cannot audit '{file}': the ending is one of {', '.join([*ENDINGS, '.sql'])}")
    if not file.exists():
        raise FootfallError(f"there is no file '{file}'")
    return engine.fetch(f"select * from {ENDINGS[file.suffix.lower()]}({literal(str(file))})")


def rows_of(table: pa.Table, roles: Roles, where: str) -> Rows:
    """The rows of a table with its columns given their roles.

    Raises:
        FootfallError: no such column, no row, an outcome that is missing or no number.
    """
    known = table.column_names
    customer = roles.customer or ("customer_id" if "customer_id" in known else "")
    for role, name in (
        ("target", roles.target),
        ("customer", customer),
        ("cutoff", roles.cutoff),
        ("split", roles.split),
    ):
        if name and name not in known:
            raise FootfallError(f"{where} has no column '{name}' ({role}){did_you_mean(name, known)}")
    if table.num_rows > MOST:
        pick = np.sort(np.random.default_rng(0).choice(table.num_rows, MOST, replace=False))
        table = table.take(pa.array(pick))
    if not table.num_rows:
        raise FootfallError(f"{where} has no rows")
    kind, y = _outcome(table.column(roles.target), f"{where}, column '{roles.target}'")
    parts = [roles.target, customer, roles.cutoff, roles.split, *roles.ignore]
    features = table.drop_columns([c for c in dict.fromkeys(parts) if c in known])
    plain = [i for i, f in enumerate(features.schema) if _plain(f.type)]
    features = features.select(plain)
    if not features.num_columns:
        raise FootfallError(f"{where} has no feature: every column has another role")
    return Rows(
        kind,
        features,
        y,
        numbered(table.column(customer)) if customer else None,
        _cutoffs(table.column(roles.cutoff), where, roles.cutoff) if roles.cutoff else None,
        _tested(table.column(roles.split)) if roles.split else None,
    )


def audit_rows(rows: Rows, horizon: Span | None, facts: bool = False, seed: int = 0) -> tuple[list[Finding], float]:
    """All checks that need nothing but the rows, and the figure of the whole model, rows dealt at random.

    `facts`: the facts behind the rows are at hand and are asked themselves about the future and the history.
    """
    found = [] if facts else [*future(rows), Finding("late", NOT_RUN, "a table does not say when its facts were known")]
    found += history(rows)
    found.append(overlap(rows, horizon))
    if min(rows.positives, rows.n - rows.positives) < LEAST and rows.kind == "chance":
        told = f"only {rows.positives} of {rows.n} rows have the outcome"
        found += [Finding("split", NOT_RUN, told), Finding("single", NOT_RUN, told)]
        return in_order([*found, *copies(rows)]), float("nan")
    whole = figure(rows, out_of_fold(rows, dealt(rows, seed)))
    if not facts:
        found += split(rows, horizon, seed)[0]
    found += single(rows, whole, proved=facts)
    return in_order([*found, *copies(rows)]), whole


def _plain(type_: pa.DataType) -> bool:
    of = pa.types
    return bool(
        of.is_integer(type_) or of.is_floating(type_) or of.is_decimal(type_) or of.is_boolean(type_)
        or of.is_string(type_) or of.is_large_string(type_) or of.is_date(type_) or of.is_timestamp(type_)
    )  # fmt: skip


def _outcome(column: Any, where: str) -> tuple[Literal["chance", "amount"], NDArray[np.float64]]:
    if column.null_count:
        raise FootfallError(f"{where}: {column.null_count} outcomes are missing; leave those rows out")
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        words = sorted(pc.unique(column).to_pylist())
        if len(words) != 2:
            raise FootfallError(f"{where} has {len(words)} different words; an outcome has two, or is a number")
        return "chance", np.asarray(pc.equal(column, words[1]).to_numpy(zero_copy_only=False), dtype=np.float64)
    if not _plain(column.type) or pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        raise FootfallError(f"{where} is no outcome: it is {column.type}; write 0 and 1, or an amount")
    y = to_floats(column)
    if len(np.unique(y)) < 2:
        raise FootfallError(f"{where} is the same in every row; there is nothing to foresee")
    if set(np.unique(y)) <= {0.0, 1.0}:
        return "chance", y
    return "amount", np.maximum(y, 0.0)


def numbered(column: Any) -> NDArray[np.int64]:
    """A number per customer, the same in every table; a missing one is somebody of its own."""
    out = np.empty(len(column), dtype=np.int64)
    for i, value in enumerate(column.to_pylist()):
        text = f"row {i}" if value is None else str(value)
        out[i] = int.from_bytes(blake2b(text.encode(), digest_size=7).digest(), "big")
    return out


def _cutoffs(column: Any, where: str, name: str) -> NDArray[np.datetime64]:
    try:
        found = as_instants(column)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise FootfallError(f"{where}: the cutoff '{name}' holds no dates or times but {column.type}") from None
    if np.isnat(found).any():
        raise FootfallError(f"{where}: the cutoff '{name}' is missing in {int(np.isnat(found).sum())} rows")
    return found


def _tested(column: Any) -> NDArray[np.bool_]:
    return np.array([str(v).strip().lower() in TEST_WORDS for v in column.to_pylist()])
