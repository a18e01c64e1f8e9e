"""The laws of the house, kept by reading every module's syntax tree, and proof that each law can be broken.

Every check takes a package folder and answers with a list of violations, one line each, so that the same
function runs on `src/footfall` and on a small tree that breaks the law on purpose. The table of floors is the
one of ARCHITECTURE.md; a law changes by an ADR, not by an exception here.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
HOUSE = REPOSITORY / "src" / "footfall"

FLOORS: dict[str, float] = {
    **dict.fromkeys(["errors", "names", "spans"], 0),
    **dict.fromkeys(["engine", "models", "report"], 1),
    "tables": 2,
    **dict.fromkeys(["sources", "simulate", "quality", "identity", "windows"], 3),
    **dict.fromkeys(["insights", "tasks"], 4),
    **dict.fromkeys(["tabular", "forecast", "recommend"], 5),
    **dict.fromkeys(["evaluate", "explain"], 6),
    **dict.fromkeys(["audit", "decide", "monitor"], 7),
    "answers": 7.5,
    "shop": 8,
    **dict.fromkeys(["", "cli", "serve"], 9),
    **dict.fromkeys(["__main__", "reference"], 10),
}
"""Room -> floor. `""` is `footfall/__init__.py` itself; floor 10 holds what no user imports (ADR 2)."""


def _below(floor: float) -> frozenset[str]:
    return frozenset(room for room, its in FLOORS.items() if 0 < its < floor)


_DATA = frozenset({"tables", "engine"})
_ANSWERS = frozenset({"tasks", "windows", "models", "engine"})
MAY: dict[str, frozenset[str]] = {
    **dict.fromkeys(["engine", "models", "report", "errors", "names", "spans"], frozenset()),
    "tables": frozenset({"engine"}),
    **dict.fromkeys(["sources", "simulate", "quality", "identity", "windows"], _DATA),
    "insights": _DATA | {"windows"},
    "tasks": _DATA | {"windows"},
    **dict.fromkeys(["tabular", "forecast", "recommend"], _ANSWERS),
    **{room: _below(FLOORS[room]) for room in ["evaluate", "explain", "audit", "decide", "monitor", "answers", "shop"]},
    **dict.fromkeys(["cli", "serve"], frozenset({"shop", "report"})),
    "": _below(9),
    **dict.fromkeys(["__main__", "reference"], _below(10) | {""}),
}
"""Room -> rooms it may import, beside its own modules and floor 0."""

IMPORT_NAMES = {"scikit-learn": "sklearn", "vl-convert-python": "vl_convert", "xgboost-cpu": "xgboost"}
BEARERS = {"psycopg": "postgresql", "nats": "jetstream"}
"""Optional library -> the file that bears its name, where the two share no letters."""

WITHOUT_MEANING = {"utils", "util", "common", "misc", "helpers", "helper", "core"}
UNSAFE = {"pickle", "cPickle", "joblib", "cloudpickle", "dill", "shelve", "marshal"}


@dataclass(frozen=True)
class Module:
    """One file of the package, parsed."""

    name: str
    path: Path
    tree: ast.Module
    lines: int

    @property
    def package(self) -> bool:
        return self.path.name == "__init__.py"

    @property
    def room(self) -> str:
        parts = self.name.split(".")
        return parts[1] if len(parts) > 1 else ""

    def at(self, node: ast.AST) -> str:
        return f"{self.name}:{getattr(node, 'lineno', 1)}"


@dataclass(frozen=True)
class House:
    """All modules of a package, by dotted name."""

    root: Path
    modules: dict[str, Module]

    @property
    def name(self) -> str:
        return self.root.name

    def imports(self, module: Module) -> Iterator[tuple[ast.AST, str]]:
        """Every import of this package in `module`, wherever it stands, as (node, the module imported)."""
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Import):
                yield from ((node, alias.name) for alias in node.names if self._ours(alias.name))
            elif isinstance(node, ast.ImportFrom):
                home = self._home(module, node)
                if self._ours(home):
                    yield from ((node, self._target(home, alias.name)) for alias in node.names)
            elif isinstance(node, ast.Call) and _called(node) in {"import_module", "__import__"}:
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str) and self._ours(first.value):
                    yield node, first.value

    def _ours(self, target: str) -> bool:
        return target == self.name or target.startswith(self.name + ".")

    def _home(self, module: Module, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = module.name.split(".")
        base = parts[: len(parts) - node.level + module.package]
        return ".".join([*base, *([node.module] if node.module else [])])

    def _target(self, home: str, name: str) -> str:
        inner = f"{home}.{name}"
        return inner if inner in self.modules or (home == self.name and name in FLOORS) else home


@cache
def read(root: Path) -> House:
    """Parse every module under the package folder `root`."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = path.read_text(encoding="utf-8")
        found[name] = Module(name, path, ast.parse(text, str(path)), len(text.splitlines()))
    return House(root, found)


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def rooms(root: Path) -> list[str]:
    """Law 1: imports run down along the table of floors."""
    house, wrong = read(root), []
    for module in house.modules.values():
        if module.room not in FLOORS:
            wrong.append(f"{module.name}: the room '{module.room}' is not in the table of floors")
            continue
        for node, target in house.imports(module):
            room = [*target.split("."), ""][1]
            fine = room == module.room or FLOORS.get(room) == 0 or room in MAY[module.room]
            if not fine:
                wrong.append(f"{module.at(node)}: {module.room or 'the package'} may not import {target}")
    return wrong


def circles(root: Path) -> list[str]:
    """Law 2: no import circle among modules."""
    house, wrong = read(root), []
    edges = {
        m.name: sorted({t for _, t in house.imports(m) if t in house.modules and t != m.name})
        for m in house.modules.values()
    }
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        if name in way:
            wrong.append(" -> ".join([*way[way.index(name) :], name]))
        elif name not in done:
            for target in edges[name]:
                visit(target, (*way, name))
            done.add(name)

    for name in edges:
        visit(name, ())
    return wrong


def front_object(root: Path) -> list[str]:
    """Law 3: nothing below floor 8 names `Shop`, quoted annotations included."""
    wrong = []
    for module in read(root).modules.values():
        if FLOORS.get(module.room, 0) >= 8:
            continue
        wrong += [f"{module.at(node)}: names Shop" for node in ast.walk(module.tree) if _names_shop(node)]
    return wrong


def _names_shop(node: ast.AST) -> bool:
    if isinstance(node, ast.Name):
        return node.id == "Shop"
    if isinstance(node, ast.Attribute):
        return node.attr == "Shop"
    if isinstance(node, ast.alias):
        return "Shop" in (node.name.split(".")[-1], node.asname)
    if isinstance(node, ast.ClassDef):
        return node.name == "Shop"
    notes = [getattr(node, "annotation", None), getattr(node, "returns", None)]
    quoted = (n for note in notes if note is not None for n in ast.walk(note) if isinstance(n, ast.Constant))
    return any(isinstance(n.value, str) and re.search(r"\bShop\b", n.value) for n in quoted)


def sizes(root: Path) -> list[str]:
    """Law 4: a module has at most 500 lines, a function at most 7 parameters."""
    wrong = []
    for module in read(root).modules.values():
        if module.lines > 500:
            wrong.append(f"{module.name}: {module.lines} lines")
        methods = {
            id(f)
            for c in ast.walk(module.tree)
            if isinstance(c, ast.ClassDef)
            for f in c.body
            if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef) and not _static(f)
        }
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                a = node.args
                given = [*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg]
                count = sum(p is not None for p in given) - (id(node) in methods)
                if count > 7:
                    name = getattr(node, "name", "lambda")
                    wrong.append(f"{module.at(node)}: {name} has {count} parameters")
    return wrong


def _static(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in function.decorator_list)


def inits(root: Path) -> list[str]:
    """Law 5: an `__init__.py` only hands names on; the package's own is lazy."""
    house, wrong = read(root), []
    for module in house.modules.values():
        if not module.package:
            continue
        front = module.name == house.name
        for node in module.tree.body:
            if not _hands_on(node, front):
                wrong.append(f"{module.at(node)}: an __init__.py only hands names on")
        if front:
            guarded = {id(n) for g in module.tree.body if isinstance(g, ast.If) for n in ast.walk(g)}
            for node, target in house.imports(module):
                if isinstance(node, ast.Import | ast.ImportFrom) and id(node) not in guarded:
                    wrong.append(f"{module.at(node)}: imports {target} at once; name it in the lazy table")
    return wrong


def _hands_on(node: ast.stmt, front: bool) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return front or all(isinstance(t, ast.Name) and t.id == "__all__" for t in targets)
    if isinstance(node, ast.If):
        return front and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return front and isinstance(node, ast.FunctionDef) and node.name in {"__getattr__", "__dir__"}


def declared(pyproject: Path) -> frozenset[str]:
    """The import names of the libraries that every install has."""
    lines = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]["dependencies"]
    names = [re.split(r"[^A-Za-z0-9._-]", line)[0].lower() for line in lines]
    return frozenset(IMPORT_NAMES.get(n, n.replace("-", "_")) for n in names)


def optional(root: Path, always: frozenset[str]) -> list[str]:
    """Law 6: a library that not every install has is imported only in the file that bears its name."""
    wrong = []
    for module in read(root).modules.values():
        stem = module.path.parent.name if module.package else module.path.stem
        for node, library in _libraries(module):
            known = library in sys.stdlib_module_names or library in always or library == root.name
            bearer = len(stem) > 3 and stem in library
            if not known and not bearer and stem not in (library, BEARERS.get(library)):
                wrong.append(f"{module.at(node)}: imports {library}, which only a file named so may")
    return wrong


def _libraries(module: Module) -> Iterator[tuple[ast.AST, str]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node, node.module.split(".")[0]
        elif isinstance(node, ast.Call) and _called(node) in {"import_module", "__import__"} and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield node, first.value.split(".")[0]


def file_names(root: Path) -> list[str]:
    """Law 7: no file or folder is called utils, common, misc, helpers or core."""
    return [
        f"{path.relative_to(root.parent)}: says nothing about what is in it"
        for path in sorted(root.rglob("*"))
        if path.stem.lower() in WITHOUT_MEANING and (path.is_dir() or path.suffix == ".py")
    ]


def manners(root: Path) -> list[str]:
    """Every module says what it is for; only the command line prints; nothing unpickles."""
    wrong = []
    for module in read(root).modules.values():
        if not (ast.get_docstring(module.tree) or "").strip():
            wrong.append(f"{module.name}: has no docstring")
        for node, library in _libraries(module):
            if library in UNSAFE and not _opens_joblib(module, library):
                wrong.append(f"{module.at(node)}: imports {library}; models are saved without pickle (ADR 6)")
        for node in ast.walk(module.tree):
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
                wrong.append(f"{module.at(node.value)}: allow_pickle")
            if module.room != "cli" and isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
                wrong.append(f"{module.at(node)}: prints; only the command line speaks")
    return wrong


_PLACES = ["/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "/Us" + "ers/", r"[A-Z]:\\\\?Us" + "ers"]
_HOSTS = [
    "pypi" + r"\.org",
    "python" + r"hosted\.org",
    "npm" + r"js\.(?:org|com)",
    "deb" + r"ian\.org/debian",
]
_INDEXES = ["index" + "[-_]url", "find" + "[-_]links", "trusted" + "[-_]host"]
FOREIGN = re.compile("|".join([*(rf"(?<![\w.]){p}" for p in _PLACES), *_HOSTS, *_INDEXES]))


def _opens_joblib(module: Module, library: str) -> bool:
    """The one door for users who say in so many words that they trust a file (ADR 15)."""
    return library == "joblib" and module.name.endswith(".models.joblib")


def foreign(paths: list[Path]) -> list[str]:
    """Files that name a folder of one machine, a package registry or its settings."""
    wrong = []
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, IsADirectoryError):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if found := FOREIGN.search(line):
                wrong.append(f"{path}:{number}: {found[0]}")
    return wrong


def tracked(repository: Path) -> list[Path]:
    """The files git keeps, or would keep; without git, all that do not hide."""
    command = ["git", "-C", str(repository), "ls-files", "-co", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")
        paths = [repository / name for name in listed if name]
    except (OSError, subprocess.CalledProcessError):
        paths = [p for p in repository.rglob("*") if not any(part.startswith(".") for part in p.parts)]
    return sorted(p for p in paths if p.is_file())


LAWS: dict[str, Callable[[Path], list[str]]] = {
    "imports run down": rooms,
    "no circle": circles,
    "no front object below its floor": front_object,
    "small modules and functions": sizes,
    "an init hands names on": inits,
    "optional libraries stay in their file": lambda root: optional(root, ALWAYS),
    "file names mean something": file_names,
    "manners": manners,
}
ALWAYS = declared(REPOSITORY / "pyproject.toml")


@pytest.mark.parametrize("law", LAWS)
def test_the_house_keeps(law: str) -> None:
    assert read(HOUSE).modules, "no module found: the test would say nothing"
    assert LAWS[law](HOUSE) == []


def test_no_file_names_a_machine_or_a_registry() -> None:
    paths = tracked(REPOSITORY)
    assert REPOSITORY / "pyproject.toml" in paths
    assert foreign(paths) == []


def test_every_room_of_the_table_has_a_floor_and_a_list() -> None:
    assert set(FLOORS) == set(MAY)
    for room, its in MAY.items():
        assert all(FLOORS[other] < FLOORS[room] for other in its), room


def test_the_table_is_the_one_of_the_architecture_page() -> None:
    page = (REPOSITORY / "ARCHITECTURE.md").read_text(encoding="utf-8")
    for floor, cell in re.findall(r"^\| *(\d+) *\| *([^|]+)\|", page, re.MULTILINE):
        for room in re.findall(r"`([\w/.]+)`", cell):
            name = room.removesuffix("/").removesuffix(".py").replace("footfall/__init__", "")
            assert FLOORS[name] == int(floor), room
    listed = set(re.findall(r"`([\w/.]+)`", page))
    for room in FLOORS:
        assert {f"{room}/", f"{room}.py", "footfall/__init__.py"} & listed, f"{room} is not on the page"


# --- each law, broken on purpose ---

D = '"""What it is for."""\n'
BREAKS: list[tuple[str, str, dict[str, str], str]] = [
    ("imports run down", "upwards", {"engine/a.py": D + "from footfall.tables import b"}, "engine may not"),
    ("imports run down", "sideways", {"sources/a.py": D + "import footfall.quality.b"}, "sources may not"),
    (
        "imports run down",
        "not listed",
        {"tabular/a.py": D + "from footfall import tables"},
        "tabular may not",
    ),
    ("imports run down", "relative", {"tables/a.py": D + "from ..windows import b"}, "tables may not"),
    ("imports run down", "the front", {"tasks/a.py": D + "from footfall import orders"}, "tasks may not"),
    (
        "imports run down",
        "inside a function",
        {"models/a.py": D + "def f():\n    from footfall.engine import Query"},
        "models may not",
    ),
    (
        "imports run down",
        "for the type checker",
        {"tables/a.py": D + "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from footfall.tasks import T"},
        "tables may not",
    ),
    (
        "imports run down",
        "by a string",
        {"tables/a.py": D + "import importlib\nimportlib.import_module('footfall.shop')"},
        "tables may not",
    ),
    ("imports run down", "an unknown room", {"cellar/a.py": D}, "'cellar' is not in the table"),
    (
        "no circle",
        "two modules",
        {"engine/a.py": D + "from footfall.engine import b", "engine/b.py": D + "import footfall.engine.a"},
        "footfall.engine.a -> footfall.engine.b -> footfall.engine.a",
    ),
    (
        "no circle",
        "through the room's own init",
        {"engine/__init__.py": D + "from footfall.engine.a import X", "engine/a.py": D + "from . import X"},
        "footfall.engine -> footfall.engine.a -> footfall.engine",
    ),
    ("no front object below its floor", "a name", {"tasks/a.py": D + "def f(s: Shop): ..."}, "names Shop"),
    ("no front object below its floor", "quoted", {"tasks/a.py": D + "def f(s: 'list[Shop]'): ..."}, "names"),
    ("no front object below its floor", "quoted", {"tasks/a.py": D + "def f() -> 'Shop': ..."}, "names"),
    (
        "no front object below its floor",
        "an import",
        {"monitor/a.py": D + "from x import Shop as S"},
        "names",
    ),
    ("small modules and functions", "long", {"engine/a.py": D + "x = 1\n" * 500}, "501 lines"),
    ("small modules and functions", "wide", {"engine/a.py": D + "def f(a,b,c,d,*,e,g,h,i): ..."}, "f has 8"),
    (
        "small modules and functions",
        "a wide method",
        {"engine/a.py": D + "class C:\n    def f(self,a,b,c,d,e,g,h,*i): ..."},
        "f has 8",
    ),
    ("an init hands names on", "code", {"engine/__init__.py": D + "x = 1"}, "only hands names on"),
    ("an init hands names on", "a function", {"engine/__init__.py": D + "def f(): ..."}, "only hands names"),
    ("an init hands names on", "eager", {"__init__.py": D + "from footfall.shop import Shop"}, "at once"),
    ("an init hands names on", "a verb", {"__init__.py": D + "def open(): ..."}, "only hands names on"),
    (
        "optional libraries stay in their file",
        "elsewhere",
        {"models/boosted.py": D + "import xgboost"},
        "imports xgboost",
    ),
    (
        "optional libraries stay in their file",
        "inside a function",
        {"engine/a.py": D + "def f():\n    from pyspark.sql import X"},
        "imports pyspark",
    ),
    ("file names mean something", "a file", {"engine/utils.py": D}, "engine/utils.py"),
    ("file names mean something", "a folder", {"core/a.py": D}, "footfall/core"),
    ("manners", "no docstring", {"engine/a.py": "x = 1"}, "no docstring"),
    ("manners", "print", {"shop.py": D + "print('x')"}, "prints"),
    ("manners", "pickle", {"models/a.py": D + "from joblib import dump"}, "joblib"),
    ("manners", "joblib behind another door", {"tabular/joblib.py": D + "import joblib"}, "joblib"),
    ("manners", "numpy's pickle", {"models/a.py": D + "load(f, allow_pickle=True)"}, "allow_pickle"),
]


def build(folder: Path, files: dict[str, str]) -> Path:
    root = folder / "footfall"
    for name, text in {"__init__.py": D, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(("law", "how", "files", "said"), BREAKS, ids=[f"{b[0]}: {b[1]}" for b in BREAKS])
def test_a_broken_law_is_caught(tmp_path: Path, law: str, how: str, files: dict[str, str], said: str) -> None:
    found = LAWS[law](build(tmp_path, files))
    assert any(said in line for line in found), f"{how}: {found}"


def test_every_law_is_broken_once() -> None:
    assert {b[0] for b in BREAKS} == set(LAWS)


GOOD = {
    "__init__.py": D + "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from footfall.shop import Shop\n"
    "_HOMES = {'Shop': 'footfall.shop'}\n__all__ = list(_HOMES)\n"
    "def __getattr__(name): ...\ndef __dir__(): ...\n",
    "errors.py": D,
    "engine/__init__.py": D + "from footfall.engine.query import Query\n__all__ = ['Query']\n",
    "engine/query.py": D + "import sqlglot\nfrom footfall.errors import E\ndef f(a,b,c,d,e,g,h): ...\n",
    "engine/spark.py": D + "from pyspark.sql import SparkSession\nfrom footfall.engine import query\n",
    "models/catboost.py": D + "def f():\n    import catboost\n",
    "models/joblib.py": D + "def f():\n    import joblib\n",
    "tables/layout.py": D + "from ..engine import Query\nNOTE = 'a Shop is no argument'\n",
    "tabular/fit.py": D + "from footfall import tasks, engine\nfrom footfall.models import find\n",
    "shop.py": D + "from footfall.tabular.fit import x\nclass Shop:\n    def f(self,a,b,c,d,e,g,h): ...\n",
    "cli.py": D + "from footfall.shop import Shop\nprint('done')\n",
}


@pytest.mark.parametrize("law", LAWS)
def test_a_good_house_passes(tmp_path: Path, law: str) -> None:
    assert LAWS[law](build(tmp_path, GOOD)) == []


def test_a_machine_path_or_a_registry_is_caught(tmp_path: Path) -> None:
    lines = [
        "cd /wo" + "rk/x",
        "see pypi" + ".org",
        "--extra-index" + "-url x",
        "docs/home/x",
        "a.wo" + "rk/x",
    ]
    for number, line in enumerate(lines):
        (tmp_path / f"{number}.txt").write_text(line)
    found = foreign(sorted(tmp_path.glob("*.txt")))
    assert [Path(f.split(":")[0]).name for f in found] == ["0.txt", "1.txt", "2.txt"]
