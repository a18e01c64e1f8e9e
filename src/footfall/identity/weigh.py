"""How much each pair of records speaks for one person: the Fellegi-Sunter model, by Splink.

The share of unrelated pairs at each level of agreement (u) comes from random pairs, the share among pairs of one person
(m) from expectation maximisation within blocks, both from the data alone; rare values count for more.

Source: Fellegi and Sunter, A Theory for Record Linkage, JASA 64 (1969); Winkler, Frequency-Based Matching in
Fellegi-Sunter Model of Record Linkage, US Census Bureau (2000); Linacre et al., Splink, IJPDS 7 (2022).
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import log2
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from footfall.identity.blocking import (
    ENOUGH,
    Key,
    choose,
    count_sql,
    pairs_sql,
    possible_keys,
    tagged_sql,
    wide_sql,
    worth,
)
from footfall.identity.comparisons import FURTHER, Field
from footfall.identity.doubt import Array, Doubt, Level, Pairs, held, levels_of, rare_counts, rounded

Progress = Callable[[str], None]
U_PAIRS, EM_PAIRS = (300_000, 500_000), 100_000
"""Pairs that the shares are learnt from: random ones (twenty a record, at least and at most so many); of one block."""
SEED = 1
FAINT = 12.0
"""Pairs whose weight is this many bits short of one in as many as there are records tell nothing and are not kept."""
FEW_PAIRS = 100_000
"""Pairs that show which keys earn their place."""
NEAR = 2.0
"""Bits short of even odds up to which a pair counts as a likely one there."""
NEVER = -40.0
"""The weight of pairs that a rule keeps apart."""
HALF = 0.5
"""Pairs of one person taken to show each level of agreement beside those that do: what was not seen is no impossible.

Source: Jeffreys, Proceedings of the Royal Society A 186 (1946).
"""
NAMING = 0.002
"""A further column that so few unrelated pairs share (a number of an insurance, say) names the person, as a birth date
does."""
HOUSEHOLDS = (("surname", "postcode"), ("surname", "address"))
"""Fields that the members of a family share together."""
_PRIOR = 1e-4
_LESSONS: tuple[tuple[str, ...], ...] = (
    ("first", "surname"), ("surname", "postcode"), ("first", "postcode"), ("birth",), ("email",), ("phone",),
    ("surname", "address"), ("first", "address"),
)  # fmt: skip
_MOST_LESSONS = 5


class Weigher:
    """Looks at pairs of records and weighs them.

    Args:
        keys: one row per record: `record` (0..n-1) and the key columns.
        fields: the comparisons to use.
        apart: whether members of a household (same surname and place, other first name) are never one person.
        memory: bound of the engine that Splink works in, as in "3GB".
        threads: worker threads.

    Attributes:
        keys: the blocking keys chosen.
        shares: of each block learnt from, the share of its pairs that match.
        share: of all pairs, the share that match.
    """

    def __init__(
        self, keys: pa.Table, fields: Sequence[Field], apart: bool = True, memory: str = "3GB", threads: int = 2
    ):
        self.apart = apart
        self.rows = keys.num_rows
        self.fields = tuple(fields)
        self._connection = duckdb.connect(config={"memory_limit": memory, "threads": threads})
        self._given("keys", keys.sort_by("record"))
        self._api = DuckDBAPI(self._connection)
        settings = SettingsCreator(
            link_type="dedupe_only",
            unique_id_column_name="record",
            comparisons=[f.make("duckdb") for f in self.fields],
            blocking_rules_to_generate_predictions=[block_on("record")],
            probability_two_random_records_match=_PRIOR,
            retain_matching_columns=False,
            retain_intermediate_calculation_columns=True,
        )
        with _quiet():
            self._linker = Linker(self._api.register(self._connection.table("keys")), settings, log_level=None)
        self.keys = self._counted_keys()
        self.shares: dict[tuple[str, ...], float] = {}
        self.share = _PRIOR
        self._corrections: dict[tuple[str, ...], float] = {}
        self._told: dict[tuple[str, str], float] = {}
        self._seen: dict[tuple[str, str], float] = {}

    def close(self) -> None:
        self._connection.close()

    def _do(self, sql: str) -> None:
        self._connection.execute(sql).complete()

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return list(self._connection.execute(sql).fetchall())

    def _given(self, name: str, table: pa.Table) -> None:
        """Make a table of the working engine from Arrow."""
        self._connection.register("arrow_given", table)
        self._do(f"create or replace table {name} as select * from arrow_given")
        self._connection.unregister("arrow_given")

    def _counted_keys(self) -> list[Key]:
        counted = []
        for key in possible_keys(f.name for f in self.fields):
            pairs, crowded = self._rows(count_sql(key, "keys"))[0]
            counted.append(Key(key.parts, int(pairs), int(crowded)))
        return choose(counted, self.rows)

    # --- learning -------------------------------------------------------------------------------------------

    def train(self, progress: Progress = lambda message: None) -> None:
        """Learn u from random pairs, m within blocks. Deterministic."""
        training = self._linker.training
        with _quiet():
            progress("learning what unrelated records share")
            pairs = min(max(20 * self.rows, U_PAIRS[0]), U_PAIRS[1])
            training.estimate_u_using_random_sampling(max_pairs=pairs, seed=SEED)
            for columns in self._lessons():
                progress(f"learning what records of one person share, among those of one {' and '.join(columns)}")
                settings: Any = self._linker._settings_obj
                before = settings.core_model_settings.copy()
                try:
                    session = training.estimate_parameters_using_expectation_maximisation(
                        block_on(*columns), max_pairs=EM_PAIRS, record_sample_proportion=1.0
                    )
                except ValueError:
                    # Splink refuses shares that fall to nothing, as where hardly a pair of a block is of two persons,
                    # and leaves without the fields of the block: other blocks are to be learnt from.
                    settings.core_model_settings = before
                    continue
                share = float(session.core_model_settings.probability_two_random_records_match)
                self.shares[columns] = _told(min(max(share, 1e-6), 1 - 1e-6))
            self._take(rounded(self._linker.misc.save_model_to_json()))
        if self.shares:
            self.share = self._estimated_share()
            self._score_lessons()
            for number, columns in enumerate(self.shares):
                self._do(
                    "create or replace temp view taught as "
                    f"select s.* from scored s join lessons using (a, b) where lesson = {number}"
                )
                if columns in HOUSEHOLDS:
                    self._corrections[columns] = self._correction(columns)
                self._note_errors(columns)
            self._hold()
            self._drop_idle_keys()

    def _take(self, model: dict[str, Any]) -> None:
        """Weigh by this model from now on."""
        with _quiet():
            self._linker = Linker(self._api.register(self._connection.table("keys")), model, log_level=None)
        self._model = model
        self.levels: dict[str, list[Level]] = levels_of(model)
        self._rare = rare_counts(model)

    def _hold(self) -> None:
        """Hold back the shares that no likely match speaks for.

        Among ever more namesakes, what few pairs too many disagree is read as a share of matches, though none of these
        pairs is one. Each share counts for as much as the pairs behind it are likely matches.
        """
        before = self.levels
        part = {k: self._told[k] / max(s, 1e-300) for k, s in self._seen.items()}
        pairs = {f: sum(self._told.get((f, level.says), 0.0) for level in levels) for f, levels in before.items()}
        self._take(held(self._model, part, {f: HALF / max(n, 1.0) for f, n in pairs.items()}))
        for columns in self._corrections:
            more = sum(self.levels[c][0].bits - before[c][0].bits for c in columns)
            self._corrections[columns] = _told(min(0.0, self._corrections[columns] - more))

    def _drop_idle_keys(self) -> None:
        """Where there are more pairs than enough, keep the keys that bring likely ones, as some records show."""
        every = sum(k.pairs for k in self.keys)
        if every <= max(FEW_PAIRS, ENOUGH * self.rows):
            return
        rng = np.random.default_rng(SEED)
        drawn = rng.permutation(self.rows)[: max(1, int(self.rows * FEW_PAIRS / every))]
        self._given("sample", pa.table({"record": np.sort(drawn).astype(np.int64)}))
        self._do(f"create or replace temp table tagged as {tagged_sql(self.keys, 'keys', 'sample')}")
        pairs = self._weigh("select a, b from tagged", None)
        tags = self._connection.sql("select keys from tagged order by a, b").to_arrow_table()["keys"]
        likely = pairs.weight >= -_log_odds(self.share) - NEAR
        self.keys = worth(self.keys, np.asarray(tags), likely, ENOUGH * self.rows)

    def _lessons(self) -> list[tuple[str, ...]]:
        """Blocks to learn m within, whose pairs are of one person or else unrelated in all but the block's columns.

        Postcode or address alone would not do: there the likelier reading of a pair is a family.
        """
        names = [f.name for f in self.fields]
        further = [(n,) for n in names if n.startswith("further_")]
        found = [c for c in (*_LESSONS, *further) if set(c) <= set(names) and self._size(c) > min(50, self.rows // 20)]
        return found[:_MOST_LESSONS]

    def _size(self, columns: tuple[str, ...]) -> float:
        """Pairs that share all of the columns."""
        where = " and ".join(f"{c} is not null" for c in columns)
        counted = f"select count(*) as n from keys where {where} group by {', '.join(columns)}"
        return float(self._rows(f"select coalesce(sum(n * (n - 1) / 2), 0) from ({counted})")[0][0])

    def _estimated_share(self) -> float:
        """The share of all pairs that match: from each block's matches and how often a match falls into the block."""
        every = self.rows * (self.rows - 1) / 2
        told = [
            share * self._size(columns) / float(np.prod([self.levels[c][0].m for c in columns])) / every
            for columns, share in self.shares.items()
        ]
        return float(min(0.5, max(float(np.median(told)), 1 / self.rows**2)))

    def _score_lessons(self) -> None:
        """Score pairs of the blocks learnt from, of each at most as many as are learnt from: those of least hash."""
        each = [
            f"(select a, b, {number} as lesson from ({pairs_sql([Key(columns)], 'keys')}) "
            f"order by hash(a, b), a, b limit {EM_PAIRS})"
            for number, columns in enumerate(self.shares)
        ]
        self._do(f"create or replace temp table lessons as {' union all '.join(each)}")
        self._score("select distinct a, b from lessons", None)

    def _correction(self, columns: tuple[str, ...]) -> float:
        """What to add to pairs that agree on fields which unrelated records share together (the view `taught`).

        Families share surname and postcode: the two weights do not add up. The share of matches among such pairs,
        learnt within the block, says what both together are worth.
        """
        both = " + ".join(self._bits_sql(c) for c in columns)
        told = self._rows(f"select log2(avg(pow(2.0, {both}))) from taught")[0][0]
        if told is None:
            return 0.0
        return _told(min(0.0, _log_odds(self.shares[columns]) - _log_odds(self.share) - float(told)))

    def _note_errors(self, columns: tuple[str, ...]) -> None:
        """How many matching pairs of one block speak for each m: the sum of squared chances, its observed information.

        And the sum of the chances, the matching pairs expected.

        Source: Louis, Finding the Observed Information Matrix when Using the EM Algorithm, JRSS B 44 (1982).
        """
        outside = [name for name in self.levels if name not in columns]
        terms = " + ".join(f"mw_{name}" for name in outside)
        chance = f"1 / (1 + pow(2.0, {-_log_odds(self.shares[columns])!r} - ({terms})))"
        for name in outside:
            sums = f"select mw_{name}, sum(pow({chance}, 2)), sum({chance}) from taught group by 1"
            for bits, told, seen in self._rows(sums):
                for level in self.levels[name]:
                    if level.bits and abs(bits - level.bits) < 1e-9:  # a missing value has 0 bits too
                        key = (name, level.says)
                        self._told[key] = self._told.get(key, 0.0) + _told(float(told))
                        self._seen[key] = self._seen.get(key, 0.0) + _told(float(seen))

    # --- pairs ----------------------------------------------------------------------------------------------

    def candidates(self, new: Array | None = None) -> tuple[Pairs, Doubt]:
        """The pairs that share a block, weighed, and how unsure that is; those that speak clearly against are left out.

        `new`: only pairs with one of these records.
        """
        sql = pairs_sql(self.keys, "keys")
        if new is not None:
            self._given("fresh", pa.table({"record": np.asarray(new, np.int64)}))
            sql = f"select * from ({sql}) where a in (select record from fresh) or b in (select record from fresh)"
        pairs = self._weigh(sql, log2(max(2, self.rows)) - FAINT)
        return pairs, self._doubt()

    def reach(self) -> Array:
        """Of each record: how many pairs a look around it takes at most."""
        each = [
            f"select record, n from (select record, count(*) over (partition by {c}) as n from keys "
            f"where {c} is not null) where n <= {self._crowd}"
            for c in self._wide()
        ]
        table = self._connection.sql(
            "select k.record, coalesce(sum(n), 0) as n from keys k "
            f"left join ({' union all '.join(each)}) using (record) group by 1 order by 1"
        ).to_arrow_table()
        return np.asarray(table["n"]).astype(np.float64)

    def around(self, records: Array) -> tuple[Pairs, Doubt]:
        """The pairs of some records with all others that share any one value with them.

        Their weights, and how unsure these are.
        """
        self._given("sample", pa.table({"record": np.asarray(records, np.int64)}))
        pairs = self._weigh(wide_sql(dict.fromkeys(self._wide(), self._crowd), "keys", "sample"), None)
        return pairs, self._doubt()

    @property
    def _crowd(self) -> int:
        """Records that may share a value for it to be looked at: all but the commonest values."""
        return int(max(200, self.rows // 20))

    def _wide(self) -> list[str]:
        known = {"first": ("first", "formal"), "surname": ("surname",), "postcode": ("postcode", "district")}
        known |= {"birth_place": ("birth_place",)}
        return [c for f in self.fields for c in known.get(f.name, f.alone)]

    def parts(self, a: Array, b: Array) -> pa.Table:
        """What each comparison adds to the weight of some pairs: a, b and `parts`, JSON of field -> bits."""
        self._given("asked", pa.table({"a": np.asarray(a, np.int64), "b": np.asarray(b, np.int64)}))
        self._score("select distinct a, b from asked", None)
        members = [f"{name} := round({self._bits_sql(name)}, 2)" for name in self.levels]
        for columns, bits in self._corrections.items():
            members.append(
                f"{'_and_'.join(columns)} := case when {self._same_sql(columns)} then {round(bits, 2)} else 0 end"
            )
        return self._connection.sql(
            f"select a, b, cast(to_json(struct_pack({', '.join(members)})) as VARCHAR) as parts from scored "
            "order by a, b"
        ).to_arrow_table()

    def _bits_sql(self, name: str) -> str:
        return f"(mw_{name} + mw_tf_adj_{name})" if name in self._rare else f"mw_{name}"

    def _same_sql(self, columns: Sequence[str]) -> str:
        """Both records state the same, as the part of the weight shows."""
        bits = {c: self.levels[c][0].bits for c in columns}
        return " and ".join(f"mw_{c} <> 0 and abs(mw_{c} - {bits[c]!r}) < 1e-9" for c in columns)

    def _doubt(self) -> Doubt:
        """The patterns of agreement among the pairs weighed last."""
        names = ", ".join(f"mw_{name}" for name in self.levels)
        self._do(
            f"create or replace temp table patterns as select row_number() over (order by {names}) - 1 as pattern, * "
            f"from (select distinct {names} from scored)"
        )
        pattern = self._connection.sql(
            f"select pattern from scored join patterns using ({names}) order by a, b"
        ).to_arrow_table()
        table = self._connection.sql(f"select {names} from patterns order by pattern").to_arrow_table()
        every = [level for levels in self.levels.values() for level in levels]
        levels = np.full((table.num_rows, len(self.levels)), -1, np.int64)
        for number, level in enumerate(every):
            column = list(self.levels).index(level.field)
            if not level.bits:
                continue  # not learnt, and not told from a missing value
            levels[np.abs(np.asarray(table[column]) - level.bits) < 1e-9, column] = number
        m = np.array([level.m for level in every])
        told = np.array([self._told.get((level.field, level.says), 0.0) for level in every])
        return Doubt(np.asarray(pattern["pattern"]).astype(np.int64), levels, m, m / np.sqrt(told + HALF))

    def _weigh(self, sql: str, faint: float | None) -> Pairs:
        self._score(sql, faint)
        weight = "weight" + "".join(
            f" + case when {self._same_sql(columns)} then {bits!r} else 0 end"
            for columns, bits in self._corrections.items()
        )
        if self.apart:
            weight = f"case when {self._household_sql()} then {NEVER} else {weight} end"
        table = self._connection.sql(f"select a, b, {weight} as weight from scored order by a, b").to_arrow_table()
        one, other, bits = (np.asarray(table[c]) for c in ("a", "b", "weight"))
        return Pairs(one.astype(np.int64), other.astype(np.int64), bits.astype(np.float64))

    def _household_sql(self) -> str:
        """Pairs of a household: one surname in one place, quite another first name, nothing that names the person."""
        places = [c for c in ("postcode", "address") if c in self.levels]
        if not {"first", "surname"} <= set(self.levels) or not places:
            return "false"
        personal: list[str] = [c for c in ("birth", "email", "phone") if c in self.levels]
        personal += [c for c in self.levels if c.startswith(FURTHER) and self.levels[c][0].u <= NAMING]
        return (
            f"mw_first <= {self.levels['first'][-1].bits + 1e-6!r} and mw_first <> 0 "
            f"and mw_surname > 0 and ({' or '.join(self._same_sql([c]) for c in places)})"
            + "".join(f" and mw_{c} <= 0" for c in personal)
        )

    def _score(self, sql: str, faint: float | None) -> None:
        """Make the view `scored`: a, b, weight and each comparison's part, of the pairs that `sql` selects."""
        self._do(
            f"create or replace table blocked as select a as join_key_l, b as join_key_r, '0' as match_key from ({sql})"
        )
        prior = _log_odds(_PRIOR)
        with _quiet():
            blocked = self._api.register(self._connection.table("blocked"))
            self._linker.table_management.register_blocked_pairs_for_predict(blocked)
            scored = self._linker.inference.predict(threshold_match_weight=None if faint is None else faint + prior)
        self._do(
            "create or replace view scored as select record_l as a, record_r as b, "
            f"match_weight - {prior!r} as weight, columns('mw_.*') from {scored.physical_name}"
        )


def _told(value: float) -> float:
    """Nine digits of it: sums over threads differ in the last ones, and the same records are to weigh the same."""
    return float(f"{value:.9g}")


def _log_odds(chance: float) -> float:
    return log2(chance / (1 - chance))


@contextmanager
def _quiet() -> Iterator[None]:
    """Splink tells of its steps by logging and warnings; what matters of them is said by the caller."""
    logger = logging.getLogger("splink")
    before = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(before)
