"""Run benchmarks: `python -m benchmarks [NAME ...]`; all of them without a name, `--list` names them.

A benchmark is a file of this folder with a function `run() -> Result`. Each result is printed and written to
`benchmarks/results/NAME.md` and `NAME.json`. One whose data is absent is skipped, with the reason.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import sys
import time
from pathlib import Path

from benchmarks.data import Skipped
from footfall.errors import FootfallError, did_you_mean

HERE = Path(__file__).parent


def benchmarks() -> dict[str, str]:
    """Name and first line of every benchmark, sorted; nothing is imported."""
    found = {}
    for file in sorted(HERE.glob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.FunctionDef) and node.name == "run" for node in tree.body):
            found[file.stem] = (ast.get_docstring(tree) or "").partition("\n")[0]
    return found


def main(arguments: list[str] | None = None) -> int:
    """0: all done or skipped; 1: one failed; 2: an unknown name."""
    known = benchmarks()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Quality and speed beside the peers.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--list", action="store_true", help="name the benchmarks and stop")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="where results are written")
    asked = parser.parse_args(arguments)
    if asked.list:
        for name, line in known.items():
            print(f"{name:10} {line}")
        return 0
    for name in asked.names:
        if name not in known:
            print(f"there is no benchmark '{name}'{did_you_mean(name, known)}", file=sys.stderr)
            return 2
    failed = False
    for name in asked.names or known:
        print(f"\n== {name}: {known[name]}", flush=True)
        start = time.perf_counter()
        try:
            result = importlib.import_module(f"benchmarks.{name}").run()
        except Skipped as reason:
            print(f"skipped: {reason}")
            continue
        except FootfallError as error:
            print(f"failed: {error}", file=sys.stderr)
            failed = True
            continue
        print(result.text(name))
        result.write(asked.out, name, time.perf_counter() - start)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
