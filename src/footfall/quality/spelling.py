"""One value in several spellings. Case, spaces and (for brands) punctuation are mended; a likely typo is only told."""

from __future__ import annotations

from footfall.quality.declare import QueryCheck, SpellingCheck
from footfall.quality.duplicate import LETTERS

CASE = "trim(regexp_replace(lower(nfc_normalize({value})), '\\s+', ' ', 'g'))"
BRAND = f"coalesce(nullif({LETTERS}, ''), {CASE})"
GENDER = (
    f"case when {CASE} in ('f', 'female', 'woman') then 'female' "
    f"when {CASE} in ('m', 'male', 'man') then 'male' else {CASE} end"
)
CURRENCY = (
    "case trim({value}) when '£' then 'gbp' when '€' then 'eur' when '¥' then 'jpy' else lower(trim({value})) end"
)


def _spelling(column: str, tables: tuple[str, ...], effect: str, normal: str = CASE) -> SpellingCheck:
    return SpellingCheck(
        f"{column}_spelling",
        tables[0],
        column,
        "inconsistent",
        f"rows whose {column.replace('_', ' ')} is a rarer spelling of another",
        effect,
        "repaired",
        normal=normal,
        places=tuple((t, column) for t in tables),
    )


_GROUPS = "one group of customers splits over several names"

# Edits are looked for among names that share their first or last three letters: an edit leaves one end whole. Digits
# must agree, or 'model 1' would be a typo of 'model 2'.
_SIMILAR = f"""
with counted as (
  select source, brand, count(*) as rows from facts.products where brand is not null group by all
  union all
  select source, brand, sum(rows) as rows from quality_items where brand is not null group by all
),
names as (
  select source, brand, {LETTERS.replace("{value}", "brand")} as plain, sum(rows)::bigint as rows
  from counted group by all
),
keyed as (
  select *, left(plain, 3) as letters, regexp_replace(plain, '[^0-9]', '', 'g') as digits
  from names where length(plain) >= 6
  union all
  select *, '-' || right(plain, 3), regexp_replace(plain, '[^0-9]', '', 'g') from names where length(plain) >= 6
),
pairs as (
  select rare.source, rare.brand, any_value(rare.rows) as rows, min(often.brand) as meant
  from keyed rare join keyed often
    on often.source = rare.source and often.letters = rare.letters and often.digits = rare.digits
   and often.plain <> rare.plain and rare.rows <= 0.05 * often.rows
   and damerau_levenshtein(rare.plain, often.plain) = 1
  group by rare.source, rare.brand
)
select p.source, sum(p.rows) as rows, any_value(n.looked_at) as looked_at,
       min(p.brand || ' for ' || p.meant, 3) as examples
from pairs p join (select source, sum(rows) as looked_at from names group by source) n using (source)
group by p.source"""

SPELLING = (
    _spelling("brand", ("products", "events", "lines"), "sales and interest of a brand split over two names", BRAND),
    _spelling(
        "category", ("products", "events", "lines", "reviews"), "revenue and interest per category split over two names"
    ),
    _spelling("gender", ("customers",), _GROUPS, GENDER),
    _spelling("location", ("customers",), _GROUPS),
    _spelling("profession", ("customers",), _GROUPS),
    _spelling("loyalty_tier", ("customers",), _GROUPS),
    _spelling("currency", ("orders",), "one currency looks like two", CURRENCY),
    _spelling("payment_method", ("orders",), "answers per payment method split over two names"),
    QueryCheck(
        "brand_typo",
        "products",
        "brand",
        "inconsistent",
        "rows whose brand is one letter away from one at least twenty times as frequent",
        "sales and interest of a brand may split over two names",
        sql=_SIMILAR,
    ),
)
