"""The documents hold: links lead somewhere, decisions are complete, changes are told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from footfall.engine import DuckDBEngine
from footfall.sources import Source
from footfall.tables import create_tables
from footfall.tasks import CATALOGUE, Task, tasks_from_toml

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
DECISIONS = sorted((REPOSITORY / "docs" / "adr").glob("[0-9]*.md"))
QUESTIONS = sorted((REPOSITORY / "docs" / "questions").glob("*.md"))
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def named(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def prose(page: Path) -> str:
    """The page without its code."""
    return re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    """The page's code blocks in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ +(.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def broken(page: Path) -> list[str]:
    """The links of a page that lead nowhere in the repository; those to the outside are not looked at."""
    wrong = []
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and there.suffix == ".md" and anchor not in anchors(there)):
            wrong.append(target)
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_a_broken_link_is_seen(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# A title, here\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](there.md) [b](there.md#a-title-here) [c](https://x.y) `[d](code.md)`\n"
        "[e](gone.md) [f](there.md#gone) ![g](gone.png)\n"
    )
    assert broken(page) == ["gone.md", "there.md#gone", "gone.png"]


@pytest.mark.parametrize("page", DECISIONS, ids=named)
def test_a_decision_has_its_three_parts_on_one_page(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.match(rf"# {int(page.name[:4])}\. \S", text)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequence"]
    assert all(part.strip() for part in re.split(r"^## .+$", text, flags=re.MULTILINE)[1:])
    assert len(text.splitlines()) <= 60


def test_decisions_are_numbered_without_a_gap_and_listed() -> None:
    assert [int(p.name[:4]) for p in DECISIONS] == list(range(len(DECISIONS)))
    listed = (REPOSITORY / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
    assert all(p.name in listed for p in DECISIONS)


@pytest.mark.parametrize("folder", ["explanation", "how-to", "questions"])
def test_the_map_leads_to_every_page(folder: str) -> None:
    index = (REPOSITORY / "docs" / "index.md").read_text(encoding="utf-8")
    pages = list((REPOSITORY / "docs" / folder).glob("*.md"))
    assert pages
    assert [p.name for p in pages if f"({folder}/{p.name})" not in index] == []


@pytest.mark.parametrize("page", QUESTIONS, ids=named)
def test_a_question_is_answered_in_full(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    parts = [
        "The task", "The features, and why", "The model, and why", "How it is tested", "What to do with it",
        "The commands", "The answers in SQL",
    ]  # fmt: skip
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == parts
    assert re.search(r"^> \S", text, re.MULTILINE), "the question in the merchant's words"


@pytest.mark.parametrize("page", QUESTIONS, ids=named)
def test_the_task_on_a_questions_page_is_the_one_of_the_catalogue(page: Path) -> None:
    space: dict[str, object] = {}
    for block in blocks(page, "python"):
        exec(block, space)
    shown = [v for v in space.values() if isinstance(v, Task)]
    assert len(shown) == 1
    assert shown == [CATALOGUE[shown[0].name]]
    commands = "".join(blocks(page, "console"))
    assert set(re.findall(r"^footfall (?:backtest|fit|predict|explain|show) (\S+)", commands, re.MULTILINE)) == {
        shown[0].name
    }


def test_every_task_of_the_catalogue_has_its_page() -> None:
    told = "".join(p.read_text(encoding="utf-8") for p in QUESTIONS)
    assert [name for name in CATALOGUE if f'"{name}"' not in told] == []


@pytest.mark.parametrize("page", QUESTIONS, ids=named)
def test_the_sql_on_a_questions_page_runs_on_an_empty_shop(page: Path) -> None:
    engine = DuckDBEngine()
    create_tables(engine)
    for block in blocks(page, "sql"):
        engine.rows(block)


def test_the_examples_of_the_how_tos_run(tmp_path: Path) -> None:
    page = REPOSITORY / "docs" / "how-to" / "write-a-task.md"
    (toml,) = blocks(page, "toml")
    (tmp_path / "tasks.toml").write_text(toml)
    space: dict[str, object] = {}
    exec(blocks(page, "python")[0], space)
    assert tasks_from_toml(tmp_path / "tasks.toml") == [space["big"]]
    exec(blocks(REPOSITORY / "docs" / "how-to" / "add-a-source.md", "python")[0], space)
    assert isinstance(space["SOURCE"], Source)


def test_the_changelog_has_entries_for_this_version() -> None:
    text = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    version = re.search(r'^version = "(.+)"$', (REPOSITORY / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    newest = re.split(r"^## ", text, flags=re.MULTILINE)[1]
    assert version[1] in newest.splitlines()[0] or "Unreleased" in newest.splitlines()[0]
    assert re.search(r"^- \S", newest, re.MULTILINE)
