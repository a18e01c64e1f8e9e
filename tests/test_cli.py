"""The command line: exit codes, one clear line for each fault, valid JSON for each verb, options anywhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from footfall.cli import app, main
from footfall.simulate import toy

TASKS = """
[tasks.order-7d]
entity = "customer"
target = "orders.any()"
horizon = "7d"
among = "orders.any().past()"

[tasks.spend-14d]
entity = "customer"
target = "orders.sum('amount')"
horizon = "14d"
among = "orders.count().past().at_least(2)"
"""
VERBS = sorted(str(c.name or c.callback.__name__) for c in app.registered_commands if c.callback)


@dataclass(frozen=True)
class Said:
    """What one command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def fails(self, code: int, *words: str) -> None:
        """It stopped with `code`, nothing on stdout, and one line on stderr that says all of `words`."""
        assert self.code == code, (self.code, self.err)
        last = self.err.strip().splitlines()[-1]
        assert last.startswith("footfall: ") and "Traceback" not in self.err and "defect" not in self.err
        for word in words:
            assert word in last, last


Command = Callable[..., Said]


@pytest.fixture
def footfall(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Runs a command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FOOTFALL_SHOP", raising=False)
    monkeypatch.delenv("FOOTFALL_DEBUG", raising=False)

    def run(*arguments: object) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main([str(a) for a in arguments])
        said = capsys.readouterr()
        return Said(int(stopped.value.code or 0), said.out, said.err)

    return run


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with data, a backtest, a model, scores and reasons, all by the command line."""
    folder = tmp_path_factory.mktemp("line")
    raw = toy.write_toy(folder / "raw")
    (folder / "tasks.toml").write_text(TASKS)
    path = folder / "shop.duckdb"
    for line in (
        ["load", str(raw), "--source", "simulated"],
        ["backtest", "order-7d", "--models", "logistic", "--cutoffs", "1"],
        ["fit", "order-7d"],
        ["predict", "order-7d"],
        ["explain", "order-7d", "--top", "3"],
    ):
        with pytest.raises(SystemExit) as stopped:
            main(["--shop", str(path), "--quiet", *line])
        assert not stopped.value.code
    return path


# --- done -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line, columns",
    [
        (["check"], {"kind", "check_name", "rows", "effect"}),
        (["tasks"], {"task", "kind", "sentence"}),
        (["backtest", "order-7d", "--models", "baseline", "--cutoffs", "1"], {"cutoff", "model", "metric", "value"}),
        (["predict", "order-7d", "--top", "2"], {"customer_id", "chance", "lower", "upper", "caution"}),
        (["explain", "order-7d", "--top", "2"], {"customer_id", "feature", "contribution", "reason"}),
        (["explain", "order-7d", "R01"], {"customer_id", "feature", "contribution", "reason"}),
        (["models"], {"task", "model", "cutoff", "path"}),
        (["sql", "select 1 as x, 'nan'::double as y, [1, 2] as z, current_timestamp as t, 1.5::decimal(4, 2) as d"],
         {"x", "y", "z", "t", "d"}),
        (["load", "raw", "--source", "simulated"], set()),
    ],
    ids=lambda x: x[0] if isinstance(x, list) else "",
)  # fmt: skip
def test_rows_as_json(footfall: Command, shop: Path, line: list[str], columns: set[str]) -> None:
    if line[0] == "load":
        line = ["load", str(shop.parent / "raw"), *line[2:]]
    said = footfall("--shop", shop, *line, "--json")
    assert said.code == 0, said.err
    rows = said.json
    assert isinstance(rows, list) and all(columns <= set(r) for r in rows)
    assert rows
    if line[0] == "load":
        assert all(r["rows_loaded"] == 0 and r["rows_read"] == r["rows_duplicate"] for r in rows), "known already"


def test_other_verbs_as_json(footfall: Command, shop: Path, tmp_path: Path) -> None:
    assert footfall("--shop", shop, "show", "order-7d", "--json").json["sentence"].startswith("The chance of an order")
    assert footfall("--shop", shop, "show", "order-7d", "--sql", "--json").json["sql"].lower().startswith("with")
    fitted = footfall("--shop", shop, "fit", "order-7d", "--model", "baseline", "--at", "2025-05-05", "--json").json
    assert (fitted["task"], fitted["model"], fitted["at"]) == ("order-7d", "baseline", "2025-05-05T00:00:00")
    assert footfall("--shop", shop, "report", tmp_path / "r.html", "--json").json == {
        "report": str(tmp_path / "r.html")
    }
    assert (tmp_path / "r.html").exists()
    made = footfall("simulate", tmp_path / "sim", "--customers", "20", "--days", "30", "--json").json
    assert made["rows"]["accounts"] > 0 and Path(made["truth"]).is_dir()
    file = tmp_path / "mine.csv"
    file.write_text("order_id,customer_id,ordered_at,amount\n1,a,2025-01-01 10:00:00,5\n2,b,2025-01-02 11:00:00,7\n")
    assert "[[files]]" in footfall("load", file, "--guess", "--json").json["mapping"]
    assert "simulated" in footfall("load", "--source", "list", "--json").json


def test_plain_text_of_every_reading_verb(footfall: Command, shop: Path, tmp_path: Path) -> None:
    assert "The chance of an order in the 7 days" in footfall("--shop", shop, "tasks").out
    assert "order-7d" in footfall("--shop", shop, "models").out
    assert "chance" in (said := footfall("--shop", shop, "predict", "order-7d", "--out", tmp_path / "s.csv")).out
    assert f"in the table scores and in {tmp_path / 's.csv'}" in said.out
    assert "mind: learnt from only 23 customers" in said.out
    assert len((tmp_path / "s.csv").read_text().splitlines()) == 24
    assert "reason" in footfall("--shop", shop, "explain", "order-7d", "R01").out
    said = footfall("--shop", shop, "backtest", "order-7d", "--models", "baseline", "--cutoffs", "2", "--out", "e.json")
    assert "means over 2 test dates" in said.out and "--all prints every metric" in said.out
    rows = [json.loads(line) for line in (tmp_path / "e.json").read_text().splitlines()]
    assert {r["task"] for r in rows} == {"order-7d"}
    assert "select" in footfall("--shop", shop, "show", "order-7d", "--sql", "--dialect", "spark").out.lower()
    said = footfall("--shop", shop, "load", shop.parent / "raw", "--source", "simulated")
    assert said.out.strip() == "nothing new: these files are in the shop already"
    assert footfall("--shop", shop, "sql", "select 1 as one where false").out.strip() == "nothing"
    many = footfall("--shop", shop, "sql", "select * from range(100)").out
    assert "... and 60 more rows (--json or --out FILE gives all)" in many


def test_a_backtest_prints_what_decides_and_all_of_it_when_asked(footfall: Command, shop: Path) -> None:
    line = ["--shop", shop, "backtest", "order-7d", "--models", "logistic", "--cutoffs", "1"]
    short = footfall(*line).out
    top = short.splitlines()
    assert [row.split("(")[0].strip() for row in top[1:7]] == [
        m for m in ("log loss", "auc", "calibration error") for _ in range(2)
    ]
    assert [row.split(")")[1].split()[0] for row in top[1:7]] == ["baseline", "logistic"] * 3, "a row a model"
    kept = footfall(
        "--shop", shop, "sql",
        "select value, lower, upper, difference, difference_lower, difference_upper from evaluations "
        "where cutoff is null and model = 'logistic' and metric = 'log_loss'", "--json",
    ).json[0]  # fmt: skip
    a, b, c, d, e, f = (f"{v:.4g}" for v in kept.values())
    assert top[2].split(")")[1].split() == ["logistic", a, b, "to", c, d, e, "to", f]
    assert "Is logistic better than the baseline at order-7d?" in short
    whole = footfall(*line, "--all").out
    assert len(whole.splitlines()) > len(top) and "--all" not in whole and "more rows" not in whole
    assert {"brier", "precision", "lift", "log_loss"} <= {w for row in whole.splitlines() for w in row.split()}
    assert "Is logistic better than the baseline at order-7d?" in whole


def test_amounts_are_predicted_too(footfall: Command, shop: Path) -> None:
    assert footfall("--shop", shop, "fit", "spend-14d", "--model", "baseline").code == 0
    rows = footfall("--shop", shop, "predict", "spend-14d", "--json", "--top", 3).json
    assert [r["amount"] for r in rows] == sorted((r["amount"] for r in rows), reverse=True)
    assert all(r["chance"] is None and r["lower"] <= r["amount"] <= r["upper"] for r in rows)


def test_the_shop_and_json_may_stand_anywhere(footfall: Command, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = footfall("--shop", shop, "--json", "models").json
    assert first
    assert footfall("models", "--json", "--shop", shop).json == first
    assert footfall("models", f"--shop={shop}", "--json", "--quiet", "--threads", "1", "--memory", "1GB").json == first
    monkeypatch.setenv("FOOTFALL_SHOP", str(shop))
    assert footfall("models", "--json").json == first
    assert footfall("sql", "--", "select 1 as x -- --json").code == 0


def test_quiet_says_nothing_but_the_answer(footfall: Command, shop: Path) -> None:
    assert footfall("--shop", shop, "predict", "order-7d", "--quiet").err == ""
    assert "features for order-7d" in footfall("--shop", shop, "predict", "order-7d").err


def test_run_twice_does_nothing_the_second_time(footfall: Command, shop: Path, tmp_path: Path) -> None:
    """Only on a young shop: a catalogue whose questions look too far ahead is told so, one line each."""
    orders = ["order_id,customer_id,ordered_at,amount"]
    orders += [f"{c}-{d},c{c},2025-01-{d:02d} 10:00:00,{c}" for c in range(1, 9) for d in range(c, 29, 1 + c)]
    (tmp_path / "orders.csv").write_text("\n".join(orders) + "\n")
    (tmp_path / "map.toml").write_text(footfall("load", "orders.csv", "--guess").out)
    assert footfall("load", "orders.csv", "--map", "map.toml").code == 0
    first = footfall("run", "--models", "baseline")
    assert first.code == 0, first.err
    assert "answered: buy-7d" in first.out
    assert "not answered: buy-30d looks 30 days ahead" in first.out
    assert "in all" in first.out
    second = footfall("run", "--models", "baseline")
    assert "nothing is stale" in second.out and "answered: buy-7d" in second.out
    assert "in all" not in second.out
    (tmp_path / "orders.csv").write_text("\n".join([*orders, "new,c1,2025-01-28 12:00:00,5"]) + "\n")
    assert footfall("load", "orders.csv", "--map", "map.toml").code == 0
    assert footfall("run", "--models", "baseline", "--json").json["seconds"], "new rows are stale news"
    assert footfall("report", "r.html").code == 0


# --- help -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(footfall: Command, verb: str) -> None:
    said = footfall(verb, "--help")
    assert said.code == 0 and "Usage:" in said.out and verb in said.out
    assert not (Path.cwd() / "shop.duckdb").exists()


def test_no_verb_at_all_is_help(footfall: Command) -> None:
    said = footfall()
    assert said.code == 2
    assert all(verb in said.out + said.err for verb in VERBS)
    assert footfall("--help").code == 0


def test_the_program_runs_as_a_module_and_keeps_its_exit_code(tmp_path: Path) -> None:
    env = {k: v for k, v in os.environ.items() if not k.startswith("FOOTFALL_")}
    line = [sys.executable, "-m", "footfall", "models", "--shop", str(tmp_path / "none.duckdb")]
    done = subprocess.run(line, capture_output=True, text=True, check=False, cwd=tmp_path, env=env)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("footfall: there is no shop") and done.stderr.count("\n") == 1


# --- wrong usage: exit code 2 -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line, words",
    [
        (["prdict", "order-7d"], ["No such command 'prdict'"]),
        (["predict"], ["Missing argument"]),
        (["predict", "order-7d", "--tpo", "3"], ["No such option", "--tpo"]),
        (["predict", "order-7d", "--top", "many"], ["--top"]),
        (["predict", "order-7d", "--top", "0"], ["--top"]),
        (["predict", "order-7"], ["there is no task 'order-7'; did you mean 'order-7d'?"]),
        (["predict", "order-7d", "--at", "June"], ["'June' is not an instant; write '2026-06-01'"]),
        (["predict", "order-7d", "--out", "scores.xls"], ["cannot write 'scores.xls'", ".csv, .json, .parquet"]),
        (["sql", "select 1 as x", "--out", "x"], ["cannot write 'x'"]),
        (["fit", "order-7d", "--model", "bosted"], ["there is no model 'bosted'; did you mean 'boosted'?"]),
        (["backtest", "order-7d", "--models", "logisic"], ["there is no model 'logisic'; did you mean 'logistic'?"]),
        (["backtest", "order-7d", "--models", ","], ["--models names at least one model"]),
        (["backtest", "order-7d", "--cutoffs", "0"], ["--cutoffs"]),
        (["run", "--models", ""], ["--models names at least one model"]),
        (["run", "--models", "bosted"], ["there is no model 'bosted'; did you mean 'boosted'?"]),
        (["show", "order-7d", "--sql", "--dialect", "sparc"], ["no SQL dialect 'sparc'; did you mean 'spark'"]),
        (["load"], ["name the files to load"]),
        (["load", "x.csv"], ["say what the files are: --source NAME (", "--map FILE.toml"]),
        (["load", "x.csv", "--source", "tabao"], ["there is no source 'tabao'; did you mean 'taobao'?"]),
        (["load", "x.csv", "--source", "taobao", "--timezone", "Mars"], ["'Mars' is not a time zone"]),
        (["simulate", "sim", "--customers", "3"], ["customers is 3; it takes a whole number from 10"]),
        (["models", "--threads", "0"], ["--threads"]),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, list) else "",
)  # fmt: skip
def test_wrong_usage_is_one_line(footfall: Command, shop: Path, line: list[str], words: list[str]) -> None:
    said = footfall("--shop", shop, *line)
    said.fails(2, *words)
    assert said.out == ""


# --- the data or the question at fault: exit code 1 -------------------------------------------------------


@pytest.mark.parametrize(
    "line, words",
    [
        (["predict", "churn-90d"], ["no saved model of churn-90d", "run: footfall fit churn-90d"]),
        (["predict", "order-7d", "--at", "2025-02-03"], ["trained on history before 2025-02-03", "--at 2025-02-03"]),
        (["predict", "order-7d", "--model", "boosted"], ["no saved model of order-7d (boosted)"]),
        (["fit", "order-7d", "--at", "2024-01-01"], ["order-7d looks 7 days ahead", "only 0 days: too short"]),
        (["backtest", "churn-90d"], ["churn-90d: the history is too short to test on"]),
        (["explain", "order-7d", "R99"], ["order-7d does not ask about a customer 'R99'"]),
        (["sql", "select * from ordrs"], ["Table with name ordrs does not exist", 'Did you mean "orders"']),
        (["sql", "selec"], ["syntax error"]),
        (["sql", ""], ["there is no SQL to run"]),
        (["load", "nowhere.csv", "--source", "taobao"], ["nowhere.csv"]),
        (["load", "x.csv", "--map", "nowhere.toml"], ["cannot read the mapping 'nowhere.toml'"]),
        (["report", "/"], ["cannot write"]),
        (["models", "--memory", "lots"], ["cannot open", "Memory"]),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, list) else "",
)  # fmt: skip
def test_data_or_question_at_fault_is_one_line(
    footfall: Command, shop: Path, line: list[str], words: list[str]
) -> None:
    said = footfall("--shop", shop, *line)
    said.fails(1, *words)
    assert said.out == ""


@pytest.mark.parametrize("verb", [v for v in VERBS if v not in ("simulate", "load", "tasks")])
def test_a_missing_shop_is_named_and_not_made(footfall: Command, verb: str) -> None:
    alone: dict[str, list[str]] = {v: [] for v in ("check", "resolve", "models", "restock", "run", "when")}
    arguments = (alone | {"sql": ["select 1"], "report": ["r.html"]}).get(verb, ["buy-7d"])
    footfall(verb, *arguments).fails(1, "there is no shop 'shop.duckdb'; make one with: footfall load FILES")
    assert list(Path.cwd().iterdir()) == []


def test_a_verb_that_needs_no_data_leaves_no_empty_shop(footfall: Command, tmp_path: Path) -> None:
    assert footfall("tasks").code == 0
    footfall("load", "nowhere.csv", "--source", "taobao").fails(1, "nowhere.csv")
    footfall("load", "nowhere.csv", "--source", "taobao", "--timezone", "Mars").fails(2, "Mars")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_shop_is_named(footfall: Command, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    (tmp_path / "x.duckdb").write_bytes(b"nothing of the kind" * 500)
    footfall("models", "--shop", "x.csv").fails(1, "cannot open 'x.csv' as a shop")
    footfall("models", "--shop", "x.duckdb").fails(1, "cannot open 'x.duckdb' as a shop")
    footfall("models", "--shop", tmp_path).fails(1, "as a shop")
    assert (tmp_path / "x.csv").read_text() == "a,b\n1,2\n"


def test_bad_files_are_one_line_and_nothing_is_half_loaded(footfall: Command, shop: Path, tmp_path: Path) -> None:
    copy = tmp_path / "shop.duckdb"
    shutil.copy(shop, copy)
    counts = "select (select count(*) from lines) a, (select count(*) from loads) b, (select count(*) from events) c"
    before = footfall("sql", counts, "--json").json
    bad = {
        "binary.csv": b"\x00\x01\x02\xff" * 2000,
        "empty.csv": b"",
        "wrong.csv": b"a,b\n1,2\n",
        "png.csv": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9,
    }
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
        footfall("load", name, "--source", "online_retail").fails(1, name)
        footfall("load", shop.parent / "raw" / "orders.csv", name, "--source", "simulated").fails(1, name)
    assert footfall("sql", counts, "--json").json == before


def test_unreadable_toml_is_one_line(footfall: Command, tmp_path: Path, shop: Path) -> None:
    shutil.copy(shop, tmp_path / "shop.duckdb")
    for text in (b"not [toml", b"\xff\xfe\x00", b"[tasks.x]\nentity = 'customer'\n", b"[tasks.x]\nentity = 3\n"):
        (tmp_path / "tasks.toml").write_bytes(text)
        for line in (["tasks"], ["fit", "buy-7d"], ["run"]):
            footfall(*line).fails(1, "tasks.toml")
    (tmp_path / "tasks.toml").unlink()
    (tmp_path / "shop.toml").write_bytes(b"name = ")
    footfall("report", "r.html").fails(1, "shop.toml")
    (tmp_path / "map.toml").write_bytes(b"name = ")
    footfall("load", "x.csv", "--map", "map.toml").fails(1, "map.toml")
    assert not (tmp_path / "r.html").exists()


def test_a_lost_model_folder_says_fit_again(footfall: Command, tmp_path: Path, shop: Path) -> None:
    shutil.copy(shop, tmp_path / "shop.duckdb")
    (tmp_path / "tasks.toml").write_text(TASKS)
    footfall("predict", "order-7d").fails(1, "holds no saved model of order-7d; fit it again")


def test_an_unforeseen_fault_is_still_one_line(footfall: Command, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: object, task: str | None = None) -> None:
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr("footfall.shop.Shop.models", broken)
    said = footfall("--shop", shop, "models")
    assert said.code == 1 and said.err.count("\n") == 1
    assert "ZeroDivisionError: two lines (this is a defect; FOOTFALL_DEBUG=1 shows where)" in said.err
    monkeypatch.setenv("FOOTFALL_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["--shop", str(shop), "models"])
