"""Finding files and looking at them: kind, packing, encoding, columns, fingerprint. Nothing is loaded here."""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from glob import glob, has_magic
from pathlib import Path
from typing import IO, Literal

from footfall.engine import Engine, literal
from footfall.errors import FootfallError, did_you_mean
from footfall.sources.declare import Role, Source

_ENDINGS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
}
_PEEK = 1 << 20
_BLOCK = 1 << 22


@dataclass(frozen=True)
class RawFile:
    """One raw file as it lies on disk. `columns` are its own names (none for a file without header)."""

    path: Path
    kind: Literal["csv", "jsonl", "parquet"]
    packed: bool = False
    encoding: str = "utf-8"
    delimiter: str = ","
    columns: tuple[str, ...] = ()
    first_row: tuple[str, ...] = ()
    array: bool = False
    size: int = 0
    fingerprint: str = ""
    copy: Path | None = None
    """What to read in its place."""

    def open(self) -> IO[bytes]:
        """Its bytes, unpacked."""
        return gzip.open(self.path, "rb") if self.packed else self.path.open("rb")  # type: ignore[return-value]


def plain(name: str) -> str:
    """`Customer ID`, `customer_id` and `CustomerId` are one name."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def find_files(patterns: Sequence[str | Path]) -> list[tuple[Path, bool]]:
    """The files of files, folders and globs, each once, in order; and whether each was asked for by name.

    Raises:
        FootfallError: a file that is not there, a glob that matches nothing, a folder without data files.
    """
    found: dict[Path, bool] = {}
    for pattern in patterns:
        path = Path(pattern)
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.is_file() and _ending(p) in _ENDINGS)
            if not inside:
                known = ", ".join(sorted(_ENDINGS))
                raise FootfallError(f"the folder '{pattern}' holds no data file; known endings: {known}, also with .gz")
            for p in inside:
                found.setdefault(p, False)
        elif path.is_file():
            found[path] = True
        elif has_magic(str(pattern)):
            hits = sorted(Path(p) for p in glob(str(pattern), recursive=True) if Path(p).is_file())  # noqa: PTH207
            if not hits:
                raise FootfallError(f"no file matches '{pattern}'; give a file, a folder or a pattern that does")
            for p in hits:
                found[p] = True
        else:
            near = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
            hint = did_you_mean(path.name, near) if near else ""
            raise FootfallError(f"there is no file '{pattern}'{hint if 'did you mean' in hint else ''}")
    return list(found.items())


def _ending(path: Path) -> str:
    return Path(path.stem).suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()


def look_at(engine: Engine, path: Path, delimiter: str = "") -> RawFile:
    """What kind of file `path` is, and its columns.

    Raises:
        FootfallError: an empty, binary, unreadable or damaged file.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(_PEEK)
    except OSError as error:
        raise FootfallError(f"cannot read '{path}': {error.strerror}") from None
    if not head:
        raise FootfallError(f"'{path}' is empty (0 bytes); export it again or leave it out")
    file = RawFile(path, "csv", size=size)
    if head[:4] == b"PAR1" or _ending(path) == ".parquet":
        return replace(file, kind="parquet", columns=_parquet_columns(engine, path))
    if head[:2] == b"\x1f\x8b":
        file = replace(file, packed=True)
        head = _unpacked_head(file)
        if not head:
            raise FootfallError(f"'{path}' is empty inside its gzip; export it again or leave it out")
    elif path.suffix.lower() == ".gz":
        raise FootfallError(f"'{path}' is named .gz but is no gzip file; rename it or pack it again")
    text, file = _decode(head, file)
    if _ENDINGS.get(_ending(path), "csv") == "jsonl":
        return _look_at_json(text, file)
    return _look_at_csv(text, file, delimiter)


def _parquet_columns(engine: Engine, path: Path) -> tuple[str, ...]:
    try:
        return tuple(engine.columns(f"read_parquet({literal(str(path))})"))
    except FootfallError:
        raise FootfallError(f"'{path}' is no readable Parquet file; export it again") from None


def _unpacked_head(file: RawFile) -> bytes:
    try:
        with file.open() as stream:
            return stream.read(_PEEK)
    except (OSError, EOFError, zlib.error):
        pass
    # A short file that is cut: what can be had of it serves only to say so, later, in `count_breaks`.
    raise FootfallError(f"'{file.path}' is a damaged or cut gzip file; fetch it again")


def _decode(head: bytes, file: RawFile) -> tuple[str, RawFile]:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head.decode("utf-16", "replace"), replace(file, encoding="utf-16")
    if b"\x00" in head or head[:4] in (b"PK\x03\x04", b"%PDF", b"\xd0\xcf\x11\xe0"):
        what = "an Excel or zip file" if head[:2] == b"PK" else "a binary file"
        raise FootfallError(f"'{file.path}' is {what}, not text; save it as CSV, JSON lines or Parquet and load that")
    try:
        # The last character may be cut by the block's end: an incremental decoder waits for its rest.
        return codecs.getincrementaldecoder("utf-8-sig")().decode(head), file
    except UnicodeDecodeError:
        if sum(b < 9 or 13 < b < 32 for b in head) > len(head) / 100:
            raise FootfallError(
                f"'{file.path}' is a binary file, not text; save it as CSV, JSON lines or Parquet and load that"
            ) from None
        return head.decode("cp1252", "replace"), replace(file, encoding="cp1252")


def _look_at_csv(text: str, file: RawFile, delimiter: str) -> RawFile:
    lines = text.splitlines()
    start = next((line for line in lines if line.strip()), "")
    if not start:
        raise FootfallError(f"'{file.path}' holds only blank lines; export it again or leave it out")
    choices = [delimiter] if delimiter else [",", ";", "\t", "|"]
    best = max(choices, key=lambda d: len(next(csv.reader([start], delimiter=d))))
    rows = list(_some_rows(text, best))
    columns = _told_apart([c.strip() for c in rows[0]])
    return replace(file, delimiter=best, columns=columns, first_row=tuple(rows[1]) if len(rows) > 1 else ())


def _told_apart(names: Sequence[str]) -> tuple[str, ...]:
    """Names of columns, where one without a name, or with that of an earlier one, gets its place in it."""
    seen: dict[str, None] = {}
    for place, name in enumerate(names, start=1):
        seen[name if name and name not in seen else f"{name or 'column'}_{place}"] = None
    return tuple(seen)


def _some_rows(text: str, delimiter: str, most: int = 2) -> Iterator[list[str]]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in rows:
            if row:
                yield row
                most -= 1
            if not most:
                return
    except csv.Error:
        return


def _look_at_json(text: str, file: RawFile) -> RawFile:
    if text.lstrip()[:1] == "[":
        return replace(file, kind="jsonl", array=True, columns=_keys(re.findall(r"\{[^{}]*\}", text)[:200]))
    lines = [line for line in text.splitlines() if line.strip()][:200]
    columns = _keys(lines)
    if not columns:
        raise FootfallError(f"'{file.path}' holds no JSON objects, one a line; export it as JSON lines")
    return replace(file, kind="jsonl", columns=columns)


def with_all_keys(engine: Engine, file: RawFile) -> RawFile:
    """A JSON file with the keys of all its objects, not only of the first ones."""
    if file.kind != "jsonl":
        return file
    form = "array" if file.array else "newline_delimited"
    packed = ", compression = 'gzip'" if file.packed else ""
    text = f"read_json_objects({literal(str(file.path))}, format = '{form}', ignore_errors = true{packed})"
    keys = engine.rows(f"select distinct unnest(json_keys(json)) as key from {text} order by key")
    return replace(file, columns=tuple(dict.fromkeys([*file.columns, *(str(k) for (k,) in keys)])))


def _keys(texts: Sequence[str]) -> tuple[str, ...]:
    keys: dict[str, None] = {}
    for text in texts:
        try:
            value = json.loads(text)
        except ValueError:
            continue
        if isinstance(value, dict):
            keys.update(dict.fromkeys(value))
    return tuple(keys)


def in_utf8(file: RawFile, copy: Path) -> RawFile:
    """`file` with a copy of its text in UTF-8."""
    with file.open() as stream, copy.open("wb") as out:
        while block := stream.read(_BLOCK):
            out.write(block.decode(file.encoding, "replace").encode())
    return replace(file, copy=copy)


def fingerprint(file: RawFile) -> RawFile:
    """`file` with the hash of its size and content."""
    digest = hashlib.sha256(str(file.size).encode())
    with file.path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return replace(file, fingerprint=digest.hexdigest()[:32])


def count_breaks(file: RawFile) -> int:
    """The line breaks in a file, read to its end: of a packed one this checks its sums too.

    DuckDB's reader takes a damaged gzip file for a short one, so this must be asked of each.

    Raises:
        FootfallError: the packed file is damaged or cut.
    """
    breaks = 0
    try:
        with file.open() as stream:
            while block := stream.read(_BLOCK):
                breaks += block.count(b"\n")
    except (OSError, EOFError, zlib.error):
        raise FootfallError(f"'{file.path}' is a damaged or cut gzip file; fetch it again") from None
    return breaks


def record_lines(file: RawFile, wanted: set[int]) -> dict[int, int]:
    """Line on which a CSV record starts, for the wanted records: they differ where quoted text holds line breaks."""
    found: dict[int, int] = {}
    record, quoted = 0, False
    with file.open() as stream:
        for number, line in enumerate(stream, start=1):
            if not quoted and line.strip():
                record += 1
                if record in wanted:
                    found[record] = number
            quoted ^= line.count(b'"') % 2 == 1
    return found


def raw_lines(file: RawFile, wanted: set[int]) -> dict[int, tuple[int, str]]:
    """Of the lines that are not blank, counted from 0, the wanted ones: their line number (from 1) and text."""
    found: dict[int, tuple[int, str]] = {}
    index = 0
    with file.open() as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            if index in wanted:
                found[index] = (number, line.decode("utf-8", "replace").rstrip("\r\n"))
                if len(found) == len(wanted):
                    break
            index += 1
    return found


def matched(role: Role, file: RawFile) -> dict[str, str]:
    """Declared column -> the file's own name of it, as far as they are there."""
    if not role.header and file.kind == "csv":
        return dict(zip(role.all_columns, role.all_columns, strict=True))
    own = {plain(c): c for c in reversed(file.columns)}
    hits = {}
    for column in role.all_columns:
        for name in role.names_of(column):
            if plain(name) in own:
                hits[column] = own[plain(name)]
                break
    return hits


def missing(role: Role, file: RawFile) -> list[str]:
    """The columns that `role` must have and `file` has not."""
    if not role.header and file.kind == "csv":
        return [] if len(file.columns) == len(role.columns) else list(role.columns[len(file.columns) :])
    hits = matched(role, file)
    return [c for c in role.columns if c not in hits]


def _by_name(role: Role, file: RawFile) -> bool:
    return any(fnmatch(file.path.name.lower(), pattern.lower()) for pattern in role.files)


def role_of(source: Source, name: str, file: RawFile) -> Role | None:
    """The role that `file` plays: its name fits and no column is missing; of several, the one that asks for most.

    Returns None when no role's name pattern fits.

    Raises:
        FootfallError: the name fits, but a column is missing.
    """
    fitting = [r for r in source.roles if _by_name(r, file)]
    whole = [r for r in fitting if not missing(r, file) and (r.header or len(r.columns) == len(file.columns))]
    if whole:
        return max(whole, key=lambda r: (tuple(r.files) != ("*",), len(r.columns)))
    if not fitting:
        return None
    nearest = min(fitting, key=lambda r: len(missing(r, file)) / max(len(r.columns), 1))
    lost = missing(nearest, file)
    if not nearest.header and file.kind == "csv":
        raise FootfallError(
            f"'{file.path}' has {len(file.columns)} columns; {nearest.name} of source '{name}' have "
            f"{len(nearest.columns)}, without a header: {', '.join(nearest.columns)}"
        )
    also = f" (and {len(lost) - 1} more: {', '.join(lost[1:])})" if len(lost) > 1 else ""
    raise FootfallError(
        f"'{file.path}' has no column '{lost[0]}'{also}, which {nearest.name} of source '{name}' need"
        f"{did_you_mean(lost[0], file.columns)}"
    )
