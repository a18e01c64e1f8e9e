"""The documents hold: links lead somewhere, examples run, the reference is current, changes are told."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import pytest

from footfall import Shop
from footfall.cli import options
from footfall.engine import DuckDBEngine
from footfall.errors import UsageError
from footfall.insights import insights_named
from footfall.recommend import declared
from footfall.reference import KEYS, PAGES, aggregate_python, commands, every_feature, task_python, window_python
from footfall.reference import main as write_reference
from footfall.report import SECTIONS
from footfall.sources import Source, source_names
from footfall.tables import RESULTS, TABLES, create_tables
from footfall.tasks import CATALOGUE, Task, parse_expression, tasks_from_toml
from footfall.windows import FUNCTIONS, Feature, Ratio, Upcoming

REPOSITORY = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
DECISIONS = sorted((REPOSITORY / "docs" / "adr").glob("[0-9]*.md"))
QUESTIONS = sorted((REPOSITORY / "docs" / "questions").glob("*.md"))
NO_TASK = "how-many-customers.md"
"""The page of the one question that `resolve` answers, before any task."""
INSIGHTS = {
    "who-are-my-customers.md", "what-do-they-buy.md", "what-drives-a-purchase.md", "which-category-after-interest.md",
}  # fmt: skip
"""The pages of questions that insights answer, by counting."""
BESIDE = {"what-comes-next-in-a-visit.md": {"session"}, "what-goes-with-what.md": {"together", "like"}}
"""The pages of questions about products alone, and the ways of `recommend` that answer them."""
TASK_PAGES = [p for p in QUESTIONS if p.name not in {NO_TASK, *INSIGHTS, *BESIDE}]
REFERENCE = REPOSITORY / "docs" / "reference"
FEATURES = [pytest.param(f, id=f.name) for f in {f.name: f for keys in KEYS for f in every_feature(keys)}.values()]
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


@pytest.mark.parametrize("page", DOCUMENTS, ids=named)
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
        "The task", "The series, and why" if ".every(" in text else "The features, and why", "The model, and why",
        "How it is tested", "What to do with it",
        "The commands", "The answers in SQL",
    ]  # fmt: skip
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == parts
    assert re.search(r"^> \S", text, re.MULTILINE), "the question in the merchant's words"


def test_the_question_before_all_tasks_is_answered_by_resolve() -> None:
    (page,) = [p for p in QUESTIONS if p.name == NO_TASK]
    space: dict[str, object] = {}
    for block in blocks(page, "python"):
        exec(block, space)
    assert [v for v in space.values() if isinstance(v, Task)] == []
    assert "footfall resolve\n" in "".join(blocks(page, "console"))


@pytest.mark.parametrize("name", sorted(INSIGHTS))
def test_a_question_that_insights_answer_names_them(name: str) -> None:
    (page,) = [p for p in QUESTIONS if p.name == name]
    asked = re.findall(r"^footfall insights (\S+)", "".join(blocks(page, "console")), re.MULTILINE)
    assert asked and all(insights_named(one) for one in asked)


@pytest.mark.parametrize("name", sorted(BESIDE))
def test_a_question_about_products_names_its_ways(name: str) -> None:
    (page,) = [p for p in QUESTIONS if p.name == name]
    asked = re.findall(r"^footfall recommend (\S+)", "".join(blocks(page, "console")), re.MULTILINE)
    assert set(asked) == BESIDE[name]
    for block in blocks(page, "python"):
        exec(block, {})


def test_the_rules_on_the_page_are_rules() -> None:
    (toml,) = blocks(REPOSITORY / "docs" / "questions" / "what-to-show-whom.md", "toml")
    assert declared(tomllib.loads(toml)["recommend"], "the page").told()


@pytest.mark.parametrize("page", TASK_PAGES, ids=named)
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


def test_the_words_of_shop_toml_reach_the_report(tmp_path: Path) -> None:
    page = REPOSITORY / "docs" / "how-to" / "read-the-report.md"
    (toml,) = blocks(page, "toml")
    (tmp_path / "shop.toml").write_text(toml)
    with Shop(tmp_path / "shop.duckdb") as shop:
        shop.report(tmp_path / "june.html")
    written = (tmp_path / "june.html").read_text(encoding="utf-8")
    words = tomllib.loads(toml)["business"]
    for said in [words["about"], *words["goals"], *words["success"], *words["stakeholders"], *words["plan"]]:
        assert escape(said).replace("&#x27;", "&#39;") in written
    assert (tmp_path / "june-tables").is_dir()
    parts = re.findall(r"^\| ([^|]+) \|", page.read_text(encoding="utf-8"), re.MULTILINE)[1:]
    titles = [s.title for s in SECTIONS]
    assert [p for p in parts if p not in titles] == ["the numbers on top"]
    assert [t for t in titles if t not in parts] == []


def test_the_changelog_has_entries_for_this_version() -> None:
    text = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    version = re.search(r'^version = "(.+)"$', (REPOSITORY / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    newest = re.split(r"^## ", text, flags=re.MULTILINE)[1]
    assert version[1] in newest.splitlines()[0] or "Unreleased" in newest.splitlines()[0]
    assert re.search(r"^- \S", newest, re.MULTILINE)


# --- the reference ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_reference_page_is_current(name: str) -> None:
    assert (REFERENCE / name).read_text(encoding="utf-8") == PAGES[name](), "`make docs` writes it anew"


def test_the_map_leads_to_every_reference_page() -> None:
    index = (REPOSITORY / "docs" / "index.md").read_text(encoding="utf-8")
    assert {p.name for p in REFERENCE.iterdir()} == set(PAGES)
    assert [name for name in PAGES if f"(reference/{name})" not in index] == []


@pytest.mark.parametrize(
    "page, names",
    [
        ("cli.md", [f"## {verb}\n" for verb in commands()]),
        ("tasks.md", [f"## {task}\n" for task in CATALOGUE]),
        ("sources.md", [f"## {source}\n" for source in source_names()]),
        ("tables.md", [f"### {table}\n" for table in (*TABLES, *RESULTS)]),
        ("features.md", [f"| `{f.values[0].name}` |" for f in FEATURES]),
        ("features.md", [f"| `{function}` |" for function in FUNCTIONS]),
    ],
    ids=["verbs", "tasks", "sources", "tables", "features", "functions"],
)
def test_nothing_is_undocumented(page: str, names: list[str]) -> None:
    text = (REFERENCE / page).read_text(encoding="utf-8")
    assert names
    assert [name for name in names if name not in text] == []


def test_make_docs_writes_the_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="clone"):
        write_reference()
    (tmp_path / "docs").mkdir()
    write_reference()
    assert {p.name for p in (tmp_path / "docs" / "reference").iterdir()} == set(PAGES)


@pytest.mark.parametrize("task", CATALOGUE.values(), ids=lambda t: t.name)
def test_a_task_is_written_as_it_is(task: Task) -> None:
    space: dict[str, Any] = {}
    exec("from footfall import *; from footfall.tasks import Task", space)
    assert eval(task_python(task), space) == task


@pytest.mark.parametrize("feature", FEATURES)
def test_a_feature_is_written_as_it_is(feature: Feature) -> None:
    window, text = feature.window, window_python(feature.window)
    if isinstance(window, Upcoming):
        assert window.column in text and window.span.words in text
    elif isinstance(window, Ratio) and window.top.aggregate != window.bottom.aggregate:
        assert [parse_expression(part) for part in text.split(" / ")] == [window.top, window.bottom]
    elif isinstance(window, Ratio):
        assert text == f'{aggregate_python(window.top.aggregate)}.trend("{window.top.span}", "{window.bottom.span}")'
    else:
        assert parse_expression(text) == window


@pytest.mark.parametrize("verb", list(commands()))
def test_every_verb_is_a_method_of_the_shop_and_stands_in_the_readme(verb: str) -> None:
    assert callable(getattr(Shop, verb))
    assert f"`footfall {verb}" in (REPOSITORY / "README.md").read_text(encoding="utf-8")


# --- commands in the documents ------------------------------------------------------------------------------------


def typed(page: Path) -> Iterator[list[str]]:
    """The footfall commands of a page: those of its console and bash blocks and those of its tables and prose."""
    text = page.read_text(encoding="utf-8")
    for block in [*blocks(page, "console"), *blocks(page, "bash")]:
        for line in re.sub(r"\\\n", " ", block).splitlines():
            if line.strip().startswith("footfall "):
                yield shlex.split(line, comments=True)[1:]
    for inline in re.findall(r"`footfall ([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)):
        yield shlex.split(inline)


def misused(words: list[str]) -> str:
    """What is wrong with a command: a verb, an option or a number of arguments that the command line has not."""
    everywhere = {"--shop": 1, "--memory": 1, "--threads": 1, "--json": 0, "--quiet": 0, "--help": 0}
    verb, rest = words[0], words[1:]
    if verb.startswith("--"):
        return "" if verb in everywhere else f"no option {verb}"
    if verb not in commands():
        return f"no verb {verb}"
    given: Any = commands()[verb].params
    given_options = [p for p in given if p.param_type_name == "option"]
    takes = {o: 0 if p.is_flag else 1 for p in given_options for o in (*p.opts, *p.secondary_opts)}
    arguments = [p for p in given if p.param_type_name == "argument"]
    skip, positional = 0, 0
    for word in rest:
        name, _, value = word.partition("=")
        if skip:
            skip -= 1
        elif name.startswith("--"):
            if name not in takes and name not in everywhere:
                return f"{verb} has no option {name}"
            skip = 0 if value else {**everywhere, **takes}[name]
        elif word not in ("|", ">") and positional >= 0:
            positional += 1
        else:
            break
    least = 0 if {"--help"} & set(rest) else sum(p.required for p in arguments)
    most = 99 if any(p.nargs == -1 for p in arguments) else len(arguments)
    if skip or not least <= positional <= most:
        return f"{verb} takes {least} to {most} arguments, not {positional}"
    return ""


def without_redirection(words: list[str]) -> list[str]:
    return words[: next((i for i, w in enumerate(words) if w in (">", "|", ">>")), len(words))]


@pytest.mark.parametrize("page", [p for p in DOCUMENTS if list(typed(p))], ids=named)
def test_the_commands_of_a_page_are_those_of_the_command_line(page: Path) -> None:
    wrong = []
    for words in typed(page):
        trouble = misused(without_redirection(words))
        # In prose a verb may stand for itself: `footfall load`.
        if trouble and not (len(words) == 1 and words[0] in commands()):
            wrong.append(f"footfall {' '.join(words)}: {trouble}")
    assert wrong == []


@pytest.mark.parametrize(
    "command, trouble",
    [
        ("fly buy-7d", "no verb fly"),
        ("fit buy-7d --wings 2", "fit has no option --wings"),
        ("fit", "fit takes 1 to 1 arguments, not 0"),
        ("fit a b", "fit takes 1 to 1 arguments, not 2"),
        ("predict buy-7d --at 2026-06-01 --json --shop x.duckdb", ""),
        ("load a b c --source rees46", ""),
        ("predict buy-7d --out", "predict takes 1 to 1 arguments, not 1"),
    ],
)
def test_a_wrong_command_is_seen(command: str, trouble: str) -> None:
    assert misused(command.split()) == trouble


def test_the_options_of_every_verb_are_the_ones_the_test_knows() -> None:
    assert {"shop", "memory", "threads", "json_", "quiet", "context", "return"} == set(options.__annotations__)


@pytest.mark.parametrize("page", DOCUMENTS, ids=named)
def test_every_make_target_named_exists(page: Path) -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    text = page.read_text(encoding="utf-8")
    named_there = {*re.findall(r"`make ([a-z-]+)`", text), *re.findall(r"^make ([a-z-]+)", text, re.MULTILINE)}
    assert named_there - targets == set()


# --- the README ---------------------------------------------------------------------------------------------------


def test_the_readmes_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = blocks(REPOSITORY / "README.md", "python")
    exec(compile(block, "README.md", "exec"), {})
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("The chance of no order in the 30 days from the cutoff")
    assert "(raises it)" in said[-1] or "(lowers it)" in said[-1]
    assert (tmp_path / "lapse.csv").read_text().count("\n") > 20


def test_the_readme_shows_the_report_and_says_the_sentence() -> None:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    (picture,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert 20_000 < (REPOSITORY / picture).stat().st_size < 400_000
    assert "> A **window** is an aggregate over facts, placed beside a cutoff." in text
    assert 50 < len(text.splitlines()) < 130
