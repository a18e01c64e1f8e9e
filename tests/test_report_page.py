"""The report as a page: whole, partial, escaped, offline, downloadable, readable by day and by night."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote_to_bytes

import altair
import pyarrow as pa
import pytest
import vl_convert
from pyarrow import csv

import report_fixture
from footfall.errors import FootfallError
from footfall.report import SECTIONS, Headline, Page, figures, render, theme, write_csvs
from footfall.report.csvs import as_csv
from footfall.report.measures import canonical, judge
from footfall.report.render import parts

_VOID = {"meta", "br", "hr", "img", "input", "link", "wbr", "col"}
_EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


class Reader(HTMLParser):
    """Checks that tags nest, and remembers tags, attributes and visible text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def ids(self) -> list[str]:
        return [a["id"] for _, a in self.tags if a.get("id")]

    def sections(self) -> list[str]:
        return [a["id"] for t, a in self.tags if t == "section" and a.get("id")]


@pytest.fixture(scope="module")
def page() -> Page:
    return report_fixture.full_page()


@pytest.fixture(scope="module")
def html(page: Page) -> str:
    return render(page)


@pytest.fixture(scope="module")
def read(html: str) -> Reader:
    return Reader(html)


@pytest.fixture(scope="module")
def specs(page: Page) -> dict[str, dict]:
    return figures(page)


def _first_task(table: pa.Table) -> pa.Table:
    """A table small enough to draw quickly."""
    rows = table.to_pylist()
    first = [r for r in rows if r.get("task", "buy-7d") == "buy-7d"]
    return pa.Table.from_pylist(first or rows, schema=table.schema)


def test_all_sections_stand_in_the_order_of_crisp_dm(read):
    order = ["business", "understanding", "who", "satisfaction", "what", "explore", "quality", "identity"]
    order += ["questions", "answers"]
    order += ["laboratory"]
    order += [
        "drivers",
        "why",
        "bayes",
        "forecasts",
        "restock",
        "demand",
        "recommendations",
        "people",
        "limits",
        "making",
    ]
    assert read.sections() == order
    assert [s.name for s in SECTIONS] == order
    links = [a["href"] for t, a in read.tags if t == "a" and (a.get("href") or "").startswith("#")]
    assert [h for h in links if h != "#main"] == [f"#{name}" for name in order]


def test_the_page_says_what_the_tables_say(read):
    for words in [
        "Nordwyn Outdoor, June 2026",
        "Likely to order in 7 days",
        "Which customers will order within 7 days?",
        "1,842,377",  # rows read, with separators
        "6.1%",  # a base rate
        "£38.42",  # an average in the shop's money
        "Cannot tell",
        "0.687 to 0.715",  # an interval
        "1 min 28 s",
        "no order in 64 days (usually 21)",
        "Days since the last order, over the usual gap",
        "and 10 more rows",  # 20 on the list, 10 shown
        "select * from loads order by load_id",
    ]:
        assert words in read.text, words
    assert not re.search(r"\b(nan|None|NaT|null)\b", read.text)


def test_the_page_loads_nothing(html, read):
    for tag, attrs in read.tags:
        assert tag not in {"script", "link", "iframe", "object", "embed", "base", "form", "img"}
        for name in ("src", "href", "xlink:href", "srcset", "action", "poster"):
            value = attrs.get(name)
            assert value is None or value.startswith(("#", "data:text/csv", "data:application/json")), value
        assert not any(name.startswith("on") for name in attrs)
    assert "@import" not in html
    assert not re.search(r"url\((?!#)", html)
    assert "default-src 'none'" in html
    assert set(re.findall(r"https?://[^\s\"'<&]+", html)) <= {"http://www.w3.org/2000/svg"}


def test_ids_are_unique_and_references_resolve(html, read):
    ids = read.ids()
    assert len(ids) == len(set(ids))
    wanted = set(re.findall(r"url\(#([^)]+)\)", html)) | set(re.findall(r'href="#([^"]+)"', html))
    assert wanted <= set(ids)


def test_pictures_and_tables_are_named(read):
    pictures = [a for t, a in read.tags if t == "svg"]
    assert len(pictures) > 20
    assert all(a.get("role") == "img" and len(a.get("aria-label") or "") > 20 and a.get("viewbox") for a in pictures)
    tags = [t for t, _ in read.tags]
    assert tags.count("table") == tags.count("caption") > 8
    assert all(a.get("scope") for t, a in read.tags if t == "th")


def test_the_page_stays_small(html):
    assert len(html.encode()) < 1_500_000


def test_an_empty_page_still_says_what_it_is_for():
    read = Reader(render(Page("Empty")))
    assert read.sections() == ["business", "limits"]
    assert "Usual texts stand for: goals" in read.text


def test_empty_tables_are_absent_tables(page):
    empty = replace(page, tables={k: t.slice(0, 0) for k, t in page.tables.items()})
    assert [s.name for s, _ in parts(empty)] == ["business", "limits"]
    Reader(render(empty))


@pytest.mark.parametrize("section", [s for s in SECTIONS if s.needs], ids=lambda s: s.name)
def test_a_section_leaves_and_comes_with_its_tables(page, section):
    others = {k: t for k, t in page.tables.items() if k not in section.needs}
    assert section.name not in [s.name for s, _ in parts(replace(page, tables=others))]
    own = {k: _first_task(page.tables[k]) for k in section.needs}
    read = Reader(render(Page("Alone", tables=own)))
    assert section.name in read.sections()


def test_each_table_alone_is_enough(page):
    for name, table in page.tables.items():
        alone = Page("Alone", tables={name: table})
        assert [s.name for s, _ in parts(alone)]


def test_everything_is_escaped():
    tables = {
        "questions": [{"task": _EVIL, "sentence": _EVIL, "kind": "chance", "base_rate": 0.1, "model": _EVIL}],
        "loads": [{"source": _EVIL, "role": _EVIL, "file": _EVIL, "rows_read": 1}],
        "quality": [{"check_name": _EVIL, "examples": _EVIL, "effect": _EVIL, "action": _EVIL, "rows": 1}],
        "importances": [
            {"task": _EVIL, "model": _EVIL, "rank": i, "feature": _EVIL, "label": _EVIL, "importance": 1.0}
            for i in (1, 2)
        ],
        "top_scores": [{"task": _EVIL, "customer_id": _EVIL, "chance": 0.5, "reasons": _EVIL}],
        "evaluations": [
            {"task": _EVIL, "cutoff": None, "model": m, "metric": _EVIL, "value": 0.5, "difference": 0.1,
             "difference_lower": 0.0, "difference_upper": 0.2} for m in ("baseline", _EVIL)
        ],
        "verdicts": [{"task": _EVIL, "model": _EVIL, "metric": "auc", "verdict": _EVIL, "sentence": _EVIL}],
        _EVIL: [{_EVIL: _EVIL}],
    }  # fmt: skip
    evil = Page(
        _EVIL,
        {"goals": [_EVIL], "stakeholders": {_EVIL: _EVIL}, "about": _EVIL, "currency": _EVIL},
        _EVIL,
        {k: pa.Table.from_pylist(v) for k, v in tables.items()},
        dict.fromkeys(tables, _EVIL),
        [Headline(_EVIL, _EVIL, _EVIL)],
    )
    html = render(evil)
    read = Reader(html)
    assert not {"script", "img"} & {t for t, _ in read.tags}
    assert not any(name.startswith("on") for _, attrs in read.tags for name in attrs)
    assert read.text.count("<script>alert(1)</script>") > 20


def test_gaps_in_the_numbers_are_dashes_not_errors(page):
    holed = {}
    for name, table in page.tables.items():
        rows = _first_task(table).to_pylist()
        for i, row in enumerate(rows):
            for j, (key, value) in enumerate(row.items()):
                if key not in ("task", "cutoff", "curve", "model", "metric") and (i + j) % 3 == 0:
                    row[key] = float("nan") if isinstance(value, float) else None
        holed[name] = pa.Table.from_pylist(rows, schema=table.schema)
    read = Reader(render(replace(page, tables=holed)))
    assert len(read.sections()) == len(SECTIONS)
    assert "–" in read.text
    assert not re.search(r"\bnan\b", read.text)


def test_charts_are_valid_vega_lite_with_few_ticks(page, specs):
    assert len(specs) >= 25
    assert "answers/churn-90d/Do the chances come true?" in specs
    for spec in specs.values():
        altair.Chart.from_dict(spec, validate=True)
    for name in [n for n in specs if "buy-7d" in n or n.startswith("understanding")]:
        picture = vl_convert.vegalite_to_svg(specs[name])
        axes = re.findall(r'role-axis-label"[^>]*>(.*?)</g>', picture)
        for axis in axes:
            shown = [t for t in re.findall(r"<text[^>]*>", axis) if 'opacity="0"' not in t]
            assert len(shown) <= 7, name


def test_a_trait_that_moves_nothing_is_no_bar(page):
    rows = page.tables["importances"].to_pylist()
    still = [{**r, "importance": 0.0 if r["rank"] > 3 else r["importance"]} for r in rows]
    none = pa.Table.from_pylist(still, schema=page.tables["importances"].schema)
    drivers = next(s for s in SECTIONS if s.name == "drivers")
    side = drivers.draw(replace(page, tables={**page.tables, "importances": none}))[0]
    assert [len(figure.rows) for figure in side.blocks] == [3] * len(side.blocks)


def test_the_calibration_chart_holds_every_point_inside_its_axes(specs):
    spec = specs["answers/churn-90d/Do the chances come true?"]
    points = [v for data in spec["datasets"].values() for v in data] if "datasets" in spec else []
    points += [v for layer in spec["layer"] for v in layer.get("data", {}).get("values", [])]
    tops = [layer["encoding"]["x"]["scale"]["domain"][1] for layer in spec["layer"]]
    assert points
    assert all(v.get("upper", 0) <= tops[0] and v["x"] <= tops[0] for v in points)


def test_each_table_is_a_link_that_holds_its_rows(page, read):
    links = {a["download"]: a["href"] for t, a in read.tags if t == "a" and (a.get("download") or "").endswith(".csv")}
    assert set(links) == {f"{name}.csv" for name in page.tables}
    for name, table in page.tables.items():
        head, body = links[f"{name}.csv"].split(",", 1)
        raw = base64.b64decode(body) if head.endswith(";base64") else unquote_to_bytes(body)
        assert raw == b"\xef\xbb\xbf" + as_csv(table)


def test_a_long_table_is_cut_in_the_page_and_says_so():
    long = pa.table({"task": ["buy-7d"] * 200_000, "customer_id": [f"C-{i}" for i in range(200_000)]})
    html = render(Page("Long", tables={"scores": long, "top_scores": long.slice(0, 40)}))
    read = Reader(html)
    assert "and 30 more rows" in read.text
    assert re.search(r"scores\.csv \(first [\d,]+ of 200,000 rows\)", read.text)
    assert len(html) < 800_000


def test_csv_round_trip(page, tmp_path: Path):
    written = write_csvs(page, tmp_path / "tables")
    assert sorted(p.stem for p in written) == sorted(page.tables)
    for path in written:
        back, table = csv.read_csv(path), page.tables[path.stem]
        assert back.column_names == table.column_names
        assert back.num_rows == table.num_rows
        for column in table.column_names:
            if pa.types.is_floating(table.schema.field(column).type):
                assert back[column].cast("double").to_pylist() == table[column].to_pylist()
            if pa.types.is_integer(table.schema.field(column).type):
                assert back[column].cast("int64").to_pylist() == table[column].to_pylist()
    names = pa.table({"name": ['O"Hara, "Al"', "two\nlines", "ÄÖ ü", None, ""], "tags": [["a", "b"], None, [], [], []]})
    write_csvs(Page("x", tables={"names": names}), tmp_path)
    options = csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False)
    back = csv.read_csv(
        tmp_path / "names.csv", parse_options=csv.ParseOptions(newlines_in_values=True), convert_options=options
    )
    assert back["name"].to_pylist() == names["name"].to_pylist()


def test_csvs_into_a_file_are_refused_in_one_line(tmp_path: Path):
    (tmp_path / "taken").write_text("x")
    with pytest.raises(FootfallError, match=r"cannot write the tables to .*taken") as caught:
        write_csvs(Page("x", tables={"t": pa.table({"a": [1]})}), tmp_path / "taken")
    assert "\n" not in str(caught.value)


def test_rendering_twice_gives_the_same_bytes(page):
    small = replace(page, tables={k: _first_task(page.tables[k]) for k in ("questions", "curves", "importances")})
    assert render(small) == render(small)


def test_every_chart_colour_has_one_for_the_night(html):
    style = html.split("<style>")[1].split("</style>")[0]
    night = style.split("prefers-color-scheme:dark")[1]
    used = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', html))
    assert {theme.BLUE, theme.GREY, theme.MUTED} <= used
    for colour in used:
        assert f'"{colour}"' in night, colour


def _light(colour: str) -> float:
    """Relative luminance, WCAG 2.2 (https://www.w3.org/TR/WCAG22/#dfn-relative-luminance)."""
    parts = [colour[1:]] if len(colour) == 7 else ["".join(c * 2 for c in colour[1:])]
    channel = [int(parts[0][i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channel]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("night", [False, True])
def test_texts_have_contrast(html, night):
    style = html.split("<style>")[1].split("</style>")[0]
    colours = dict(re.findall(r"--([a-z-]+):(#[0-9a-f]{3,6})", style.split("prefers-color-scheme:dark")[0]))
    if night:
        colours |= dict(re.findall(r"--([a-z-]+):(#[0-9a-f]{3,6})", style.split("prefers-color-scheme:dark")[1]))
    pairs = [(t, b) for t in ("ink", "muted", "accent") for b in ("bg", "card")]
    pairs += [("good", "good-bg"), ("bad", "bad-bg"), ("unclear", "unclear-bg"), ("good", "card"), ("bad", "card")]
    for text, ground in pairs:
        high, low = sorted([_light(colours[text]), _light(colours[ground])], reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)


@pytest.mark.parametrize(
    ("metric", "lower", "upper", "word"),
    [
        ("auc", 0.01, 0.05, "better"),
        ("auc", -0.05, -0.01, "worse"),
        ("auc", -0.01, 0.05, "cannot tell"),
        ("brier", -0.05, -0.01, "better"),
        ("wape", 0.01, 0.02, "worse"),
        ("auc", None, 0.05, "cannot tell"),
        ("calibration_slope", 0.1, 0.2, "cannot tell"),
    ],
)
def test_a_difference_is_judged_by_its_interval(metric, lower, upper, word):
    assert judge(metric, lower, upper) == word


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("AUC", "auc"),
        ("lift@10%", "lift"),
        ("ECE", "calibration_error"),
        ("total_bias", "bias"),
        ("odd one", "odd_one"),
    ],
)
def test_metric_names_are_recognised(name, known):
    assert canonical(name) == known
