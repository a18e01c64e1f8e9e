"""The command line of saved models and of one new customer."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from footfall.cli import main
from footfall.simulate import toy

TASKS = """
[tasks.order-7d]
entity = "customer"
target = "orders.any()"
horizon = "7d"
among = "orders.any().past()"
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    raw = toy.write_toy(folder / "raw")
    (folder / "tasks.toml").write_text(TASKS)
    path = folder / "shop.duckdb"
    for line in (
        ["load", str(raw), "--source", "simulated"],
        ["fit", "order-7d", "--model", "logistic"],
        ["fit", "order-7d", "--model", "baseline"],
    ):
        with pytest.raises(SystemExit) as stopped:
            main(["--shop", str(path), "--quiet", *line])
        assert not stopped.value.code
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], shop: Path) -> Run:
    def line(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main(["--shop", str(shop), "--quiet", *map(str, words)])
        said = capsys.readouterr()
        return int(stopped.value.code or 0), said.out, said.err

    return line


def test_saved_models_are_listed_compared_promoted_and_removed(run: Run) -> None:
    assert {m["model"] for m in json.loads(run("models", "--json")[1])} == {"logistic", "baseline"}
    assert "order-7d/logistic/" in run("models", "order-7d")[1]
    assert "# order-7d: logistic" in run("models", "card", "order-7d", "logistic")[1]
    assert json.loads(run("models", "card", "order-7d", "logistic", "--json")[1])["limits"]
    assert {r["tested"] for r in json.loads(run("models", "compare", "order-7d", "--json")[1])} == {"never"}
    assert "logistic of 2025-05-26 answers from now on" in run("models", "promote", "order-7d", "logistic")[1]
    assert {r["model"] for r in json.loads(run("predict", "order-7d", "--json")[1])} == {"logistic"}
    code, _, err = run("models", "remove", "order-7d", "logistic", "--yes")
    assert code == 1 and "is the promoted one" in err
    assert "the newest saved model answers" in run("models", "promote", "order-7d", "newest")[1]
    for words in (("models", "remove"), ("models", "remove", "order-7d"), ("models", "promote", "order-7d")):
        assert run(*words)[0] == 2
    code, _, err = run("models", "listt")
    assert code == 2 and "listt" in err


def test_a_removal_asks_first(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("fit", "order-7d", "--model", "baseline", "--at", "2025-05-12")
    asked = ("models", "remove", "order-7d", "baseline", "--at", "2025-05-12")
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert run(*asked)[0] == 130
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    code, out, _ = run(*asked)
    assert code == 0 and "is removed" in out


def test_one_new_customer_is_told_read_or_asked_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    given = '{"orders": [{"at": "2025-05-20", "amount": 30}]}'
    one = json.loads(run("predict", "order-7d", "--for", given, "--json")[1])
    assert 0 < one["lower"] <= one["chance"] <= one["upper"] < 1 and one["reasons"]
    monkeypatch.setattr(sys, "stdin", io.StringIO(given))
    assert json.loads(run("predict", "order-7d", "--for", "-", "--json")[1])["chance"] == one["chance"]
    assert "95%" in run("predict", "order-7d", "--for", given)[1]
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n" * 40))
    code, out, err = run("predict", "order-7d", "--ask")
    assert code == 0 and "not known" in out and "what is known of the customer?" in err
    code, out, err = run("predict", "order-7d", "--for", '{"agee": 3}')
    assert code == 2 and out == "" and "did you mean 'age'?" in err


def test_an_explanation_is_drawn(run: Run, tmp_path: Path) -> None:
    code, _, _ = run("explain", "order-7d", "--out", tmp_path / "why.svg")
    assert code == 0 and (tmp_path / "why.svg").read_text().startswith("<svg")
    code, _, err = run("explain", "order-7d", "--out", tmp_path / "why.gif")
    assert code == 2 and "the ending is one of" in err
