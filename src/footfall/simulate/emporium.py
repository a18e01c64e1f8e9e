"""Writes a shop of three files whose customers are to be counted: an account database, a CRM export, purchases.

The shape is that of the Ebuy Emporium exports: households of one surname in a few hundred postcodes, some of them with
two people of one name; accounts opened twice, by then with slips of the pen; the CRM overlapping the database; guests,
most of them without an account; and account ids that purchased but stand in no file. The truth goes apart.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from footfall.errors import UsageError
from footfall.simulate import words
from footfall.simulate.files import SHIFT, Writer, parquet
from footfall.simulate.shopkeeper import MARK, Simulated

Array = np.ndarray[Any, Any]
PER_POSTCODE = 43
"""Mean persons of one postcode."""
FIRST_DAY, DAYS = "2019-10-01", 152
_TWINS = ("abcdefghijklmnopqrstuvwxyz", "odeocfgklijcwmuqgasfvuwxvs")
"""Letters and what a bad scan makes of them."""
_KINDS = {"swap": 0.15, "drop": 0.15, "replace": 0.2, "double": 0.1, "look-alike": 0.4}
_FILES = ("customer_database", "crm_export", "purchases")


@dataclass(frozen=True)
class EmporiumDials:
    """How messy the shop is. All are shares from 0 to 1; the defaults give the shape of the real files.

    Args:
        accounts: persons who hold an account.
        guests: persons who only ever check out as guests. The rest bought with an account that stands in no file.
        again: account holders who opened a second account.
        also_guests: account holders who also check out as guests.
        database: accounts that stand in the account database.
        crm: accounts that stand in the CRM export; all that are not in the database do.
        buying: accounts that bought.
        typos: second accounts with a slip in a name.
        guest_typos: guest checkouts with a slip in a name.
        postcode_slips: second accounts and guest checkouts with a wrong character in the postcode.
        nicknames: second accounts and guest checkouts under the name that friends use, where there is one.
        namesakes: children named as the head of their household (of those of the same gender). With the common names of
            a busy postcode they are what nobody can tell apart by name and postcode alone.
        case: guest checkouts in small letters or capitals, or with a blank in the postcode.
    """

    accounts: float = 0.725
    guests: float = 0.23
    again: float = 0.335
    also_guests: float = 0.085
    database: float = 0.908
    crm: float = 0.303
    buying: float = 0.72
    typos: float = 0.17
    guest_typos: float = 0.05
    postcode_slips: float = 0.01
    nicknames: float = 0.04
    namesakes: float = 0.01
    case: float = 0.3

    def __post_init__(self) -> None:
        for field in fields(self):
            share = getattr(self, field.name)
            if not 0 <= share <= 1:
                raise UsageError(f"dial '{field.name}' is {share!r}; it takes a share from 0 to 1")
        if self.accounts + self.guests > 1 + 1e-9:
            raise UsageError("dials 'accounts' and 'guests' come to more than 1 together; nobody is both")
        if self.crm < 1 - self.database:
            raise UsageError("dials 'database' and 'crm' come to less than 1 together; each account is in one or both")


def write_emporium(
    out: str | Path, customers: int = 2000, seed: int = 7, dials: EmporiumDials | None = None
) -> Simulated:
    """Write a shop of `customers` persons to `out`, and its truth to `<out>-truth`; the same arguments, the same bytes.

    Files: `customer_database.csv`, `crm_export.csv`, `purchases.csv`. Truth: `persons.parquet`, one row a person;
    `accounts.parquet`, account id -> person; `guests.parquet`, distinct guest details -> person (details of two
    people stand twice); `records.parquet`, file and row (from 1) -> person.

    Raises:
        UsageError: numbers out of range, or `out` holds files that no simulation wrote.
    """
    dials = dials or EmporiumDials()
    if isinstance(customers, bool) or not isinstance(customers, int) or not 20 <= customers <= 5_000_000:
        raise UsageError(f"customers is {customers!r}; it takes a whole number from 20 to 5000000")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise UsageError(f"seed is {seed!r}; it takes a whole number from 0 to {2**63 - 1}")
    folder = Path(out) if Path(out).name not in ("", "..") else Path(out).resolve()
    hidden = folder.parent / (folder.name + "-truth")
    _prepare(folder, hidden)
    facts = {"shop": "emporium", "customers": customers, "seed": seed, "dials": asdict(dials)}
    (hidden / MARK).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    writer = Writer()
    _keep_persons(writer, np.random.default_rng([seed, 1]), customers, dials)
    _keep_accounts(writer, np.random.default_rng([seed, 2]), dials)
    _keep_orders(writer, np.random.default_rng([seed, 3]), dials)
    _keep_purchases(writer, np.random.default_rng([seed, 4]), seed)
    rows = _write_files(writer, folder)
    planted = _write_truth(writer, hidden)
    writer.close()
    return Simulated(folder, tuple(folder / f"{name}.csv" for name in _FILES), rows, hidden, planted, {})


def _prepare(folder: Path, hidden: Path) -> None:
    for place in (folder, hidden):
        if place.exists() and not place.is_dir():
            raise UsageError(f"'{place}' is a file; name a folder to write the shop to")
    ours = (hidden / MARK).exists()
    for place in (folder, hidden):
        if place.exists() and any(place.iterdir()) and not ours:
            raise UsageError(f"'{place}' holds files already; name a new or empty folder")
    if ours:
        shutil.rmtree(hidden)
        for file in folder.glob("*.csv"):
            file.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    hidden.mkdir(parents=True, exist_ok=True)


def _picked(names: list[str], index: Array) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(index.astype(np.int32)), pa.array(names))


def _falling(count: int, offset: float) -> Array:
    """Chances that fall with the rank as those of names do."""
    weight = 1.0 / (np.arange(count) + offset)
    share: Array = weight / weight.sum()
    return share


def _postcodes(rng: np.random.Generator, count: int) -> list[str]:
    """Full postcodes, no two alike; neighbours differ in the last letter, as streets of one round do."""
    letters = "ABDEFGHJLNPQRSTUWXYZ"
    codes: dict[str, None] = {}
    while len(codes) < count:
        area = words.REGIONS[int(rng.integers(len(words.REGIONS)))][1]
        stem = f"{area}{rng.integers(1, 100)}{rng.integers(10)}{letters[int(rng.integers(20))]}"
        last = int(rng.integers(20))
        for step in range(int(rng.integers(1, 5))):
            codes[stem + letters[(last + step) % 20]] = None
    return list(codes)[:count]


def _keep_persons(writer: Writer, rng: np.random.Generator, n: int, dials: EmporiumDials) -> None:
    """`persons`: households of one surname at one postcode, and what each person is to the shop."""
    sizes = rng.choice([1, 2, 3, 4, 5], n, p=[0.35, 0.28, 0.15, 0.16, 0.06])
    home = np.repeat(np.arange(n), sizes)[:n]
    place = np.arange(n) - (np.cumsum(sizes) - sizes)[home]
    codes = _postcodes(rng, max(2, round(n / PER_POSTCODE)))
    crowd = rng.gamma(9.0, 1.0, len(codes))
    code = rng.choice(len(codes), n, p=crowd / crowd.sum())[home]

    named = _falling(len(words.SURNAMES), 120)
    family = rng.choice(len(named), n, p=named)[home]
    own = (place == 1) & (rng.random(n) < 0.15)
    family = np.where(own, rng.choice(len(named), n, p=named), family)
    female = words.FEMALE + words.MORE_FEMALE
    male = words.MALE + words.MORE_MALE
    woman = np.where(place == 1, rng.random(n) < 0.75, rng.random(n) < 0.45)
    hers, his = _falling(len(female), 25), _falling(len(male), 25)
    first = np.full(n, -1)
    again = np.ones(n, dtype=bool)
    for _ in range(4):
        # Brothers are not both called John: whoever has the name of one before in the household draws again.
        drawn = np.where(woman, rng.choice(len(hers), n, p=hers), len(female) + rng.choice(len(his), n, p=his))
        first = np.where(again, drawn, first)
        again[:] = True
        again[np.unique(home * (len(hers) + len(his)) + first, return_index=True)[1]] = False
    head = first[np.arange(n) - place]
    junior = (place >= 2) & ((head < len(female)) == woman) & (rng.random(n) < dials.namesakes)
    first = np.where(junior, head, first)

    # Parents of those at home are about forty; the others are young, in the middle of life, or old.
    kind = np.where(sizes > 2, 3, rng.choice(3, n, p=[0.3, 0.4, 0.3]))
    old = rng.normal(np.array([29, 48, 72, 40])[kind], np.array([4, 10, 13, 8])[kind])[home]
    child = np.where(rng.random(n) < 0.85, rng.uniform(0, 18, n), rng.uniform(18, 30, n))
    age = np.where(place == 0, old, np.where(place == 1, old + rng.normal(0, 4, n), child))
    age = np.clip(age, np.where(place < 2, 18, 0), 101).astype(int)
    is_what = np.digitize(rng.random(n), [dials.accounts, dials.accounts + dials.guests])
    table = pa.table(
        {
            "person": np.arange(1, n + 1),
            "first_name": _picked(female + male, first),
            "surname": _picked(words.SURNAMES, family),
            "postcode": _picked(codes, code),
            "age": age,
            "household": home + 1,
            "kind": _picked(["account", "guest", "unlisted"], is_what),
            "also_guest": (is_what == 0) & (rng.random(n) < dials.also_guests),
        }
    )
    nicks = pa.table({"name": list(words.NICKNAMES), "nick": list(words.NICKNAMES.values())})
    writer.keep("nicknames", nicks)
    writer.keep(
        "persons",
        "select p.* replace (cast(first_name as varchar) as first_name, cast(surname as varchar) as surname, "
        "cast(postcode as varchar) as postcode, cast(kind as varchar) as kind), k.nick "
        "from raw p left join nicknames k on k.name = p.first_name order by person",
        raw=table,
    )


def _numbers(writer: Writer, sql: str) -> Array:
    (column,) = writer.fetch(sql).columns
    numbers: Array = column.to_numpy()
    return numbers


def _slips(rng: np.random.Generator, n: int, share: float, dials: EmporiumDials) -> dict[str, Array]:
    """What goes wrong in writing down `n` persons: kinds of slip (0: none) and where in the word."""
    kind = np.where(rng.random(n) < share, 1 + rng.choice(len(_KINDS), n, p=list(_KINDS.values())), 0)
    at = rng.random(n)
    first = rng.random(n) < 0.5
    scan = kind == 1 + list(_KINDS).index("look-alike")
    return {
        "first_slip": np.where(first | scan, kind, 0),
        "surname_slip": np.where(~first | scan, kind, 0),
        "first_at": at,
        "surname_at": rng.random(n),
        "postcode_slip": np.where(rng.random(n) < dials.postcode_slips, 1 + 2 * rng.integers(0, 2, n), 0),
        "postcode_at": rng.random(n),
        "nicked": rng.random(n) < dials.nicknames,
    }


def _slipped(text: str, kind: str, at: str) -> str:
    """SQL: `text` with the slip `kind` at the share `at` of its length; short words stay as they are."""
    place = f"(1 + cast(floor({at} * (length({text}) - 1)) as integer))"
    letter = f"lower(substr({text}, {place} + 1, 1))"
    return f"""case when {kind} = 0 or length({text}) < 3 then {text}
      when {kind} = 1 then left({text}, {place} - 1) || substr({text}, {place} + 1, 1) || substr({text}, {place}, 1)
        || substr({text}, {place} + 2)
      when {kind} = 2 then left({text}, {place}) || substr({text}, {place} + 2)
      when {kind} = 3 then left({text}, {place}) || translate({letter}, '{SHIFT[0]}', '{SHIFT[1]}')
        || substr({text}, {place} + 2)
      when {kind} = 4 then left({text}, {place}) || substr({text}, {place})
      else translate(lower({text}), {letter}, translate({letter}, '{_TWINS[0]}', '{_TWINS[1]}')) end"""


_FIRST = _slipped("case when nicked then coalesce(nick, first_name) else first_name end", "first_slip", "first_at")
_DETAILS = f"""
    upper(left({_FIRST}, 1)) || lower(substr({_FIRST}, 2)) as first_name,
    upper(left({_slipped("surname", "surname_slip", "surname_at")}, 1))
      || lower(substr({_slipped("surname", "surname_slip", "surname_at")}, 2)) as surname,
    upper({_slipped("postcode", "postcode_slip", "postcode_at")}) as postcode"""


def _keep_accounts(writer: Writer, rng: np.random.Generator, dials: EmporiumDials) -> None:
    """`accounts`: the first of each holder, second and third ones with slips, and those that stand in no file."""
    holders = _numbers(writer, "select person from persons where kind = 'account' order by person")
    unlisted = _numbers(writer, "select person from persons where kind = 'unlisted' order by person")
    again = holders[rng.random(len(holders)) < dials.again]
    third = again[rng.random(len(again)) < 0.01]
    person = np.concatenate([holders, again, third, unlisted])
    n, listed = len(person), len(person) - len(unlisted)
    nth = np.repeat([1, 2, 3, 1], [len(holders), len(again), len(third), len(unlisted)])
    # Numbers with gaps, which say nothing of who or when; those that stand in no file come from another system.
    numbers = np.concatenate(
        [
            rng.permutation(round(1.29 * listed) + 1)[:listed] + 1,
            454_000_000 + rng.choice(112_000_000, len(unlisted), replace=False),
        ]
    )
    where, known = rng.random(n), np.arange(n) < listed
    slips = _slips(rng, n, dials.typos, dials)
    for name in ("first_slip", "surname_slip", "postcode_slip"):
        slips[name] = np.where(nth > 1, slips[name], 0)
    slips["nicked"] &= nth > 1
    table = pa.table(
        {
            "person": person,
            "nth": nth,
            "customer_id": numbers,
            "in_database": known & (where < dials.database),
            "in_crm": known & (where >= 1 - dials.crm),
            "bought": ~known | (rng.random(n) < dials.buying),
            "older": (nth > 1) & (rng.random(n) < 0.013),
            "shuffle": rng.random(n),
            "shuffle_crm": rng.random(n),
            **slips,
        }
    )
    writer.keep(
        "accounts",
        f"""select r.person, nth, customer_id, in_database, in_crm, bought, {_DETAILS},
              age + cast(older as integer) as age, shuffle, shuffle_crm
            from raw r join persons p using (person) order by customer_id""",
        raw=table,
    )


def _keep_orders(writer: Writer, rng: np.random.Generator, dials: EmporiumDials) -> None:
    """`orders`: of accounts, and of guests, who type their details anew each time."""
    accounts = writer.fetch("select person, customer_id from accounts where bought order by customer_id")
    guests = _numbers(writer, "select person from persons where kind = 'guest' or also_guest order by person")
    times = rng.geometric(0.45, accounts.num_rows)
    visits = rng.geometric(0.65, len(guests))
    person = np.concatenate([np.repeat(accounts["person"].to_numpy(), times), np.repeat(guests, visits)])
    customer = np.repeat(accounts["customer_id"].to_numpy(), times)
    n = len(person)
    table = pa.table(
        {
            "person": person,
            "customer_id": pa.array(np.pad(customer, (0, n - len(customer))), mask=np.arange(n) >= len(customer)),
            "second": rng.integers(0, DAYS * 86_400, n),
            "lines": 1 + rng.poisson(1.2, n),
            "form": np.where(rng.random(n) < dials.case, rng.choice([1, 2, 3], n, p=[0.6, 0.1, 0.3]), 0),
            **_slips(rng, n, dials.guest_typos, dials),
        }
    )
    # In the order of time, so that the number of an order says nothing of whose it is.
    writer.keep(
        "orders",
        f"""select row_number() over (order by second, person, customer_id) as number, person, customer_id, second,
              lines, first_name, surname,
              case form when 1 then lower(postcode) when 3 then left(postcode, -3) || ' ' || right(postcode, 3)
                else postcode end as postcode
            from (
              select person, customer_id, second, lines, form, postcode,
                case form when 1 then lower(first_name) when 2 then upper(first_name) else first_name end as first_name,
                case form when 1 then lower(surname) when 2 then upper(surname) else surname end as surname
              from (select r.person, customer_id, second, lines, form, {_DETAILS}
                    from raw r join persons p using (person))
            ) order by number""",
        raw=table,
    )


def _keep_purchases(writer: Writer, rng: np.random.Generator, seed: int) -> None:
    """`purchases`: one row a product bought, in the order of time."""
    count = 400
    category = rng.integers(0, len(words.CATEGORIES), count)
    typical = np.array([c[1] for c in words.CATEGORIES], dtype=float)[category]
    products = pa.table(
        {
            "product": np.arange(count),
            "product_id": 5_600_000 + rng.choice(300_000, count, replace=False),
            "category_id": 1_487_580_000_000_000_000 + 1_000_003 * category.astype(np.int64),
            "category_code": _picked([c[0] for c in words.CATEGORIES], category),
            "brand": _picked([b.lower() for b in words.BRANDS], rng.integers(0, len(words.BRANDS), count)),
            "price": np.round(typical * rng.lognormal(0, 0.35, count), 2),
        }
    )
    writer.keep("products", products)
    lines = _numbers(writer, "select lines from orders order by number")
    number = np.repeat(np.arange(1, len(lines) + 1), lines)
    place = np.arange(len(number)) - np.repeat(np.cumsum(lines) - lines, lines)
    table = pa.table(
        {"number": number, "place": place, "product": rng.choice(count, len(number), p=_falling(count, 20))}
    )
    writer.keep(
        "purchases",
        f"""select row_number() over (order by second + 7 * place, number, place) as row, person,
              strftime(timestamp '{FIRST_DAY}' + to_seconds(second + 7 * place), '%Y-%m-%d %H:%M:%S UTC') as event_time,
              product_id, category_id, category_code, brand, cast(price as decimal(10, 2)) as price,
              cast(md5('{seed}:' || number) as varchar) as session_id, customer_id,
              case when customer_id is null then first_name end as guest_first_name,
              case when customer_id is null then surname end as guest_surname,
              case when customer_id is null then postcode end as guest_postcode
            from raw join orders using (number) join products using (product) order by row""",
        raw=table,
    )


def _write_files(writer: Writer, folder: Path) -> dict[str, int]:
    account = "customer_id, first_name, surname, postcode, age, person"
    writer.keep(
        "customer_database",
        f"select row_number() over (order by shuffle, customer_id) as row, {account} "
        "from accounts where in_database order by row",
    )
    writer.keep(
        "crm_export",
        f"select row_number() over (order by shuffle_crm, customer_id) as row, {account} "
        "from accounts where in_crm order by row",
    )
    return {
        name: writer.csv(f"select * exclude (row, person) from {name} order by row", folder / f"{name}.csv")
        for name in _FILES
    }


def _write_truth(writer: Writer, hidden: Path) -> dict[str, int]:
    """Who is who; returns how often what was planted."""
    parquet(writer.fetch("select * exclude (nick) from persons order by person"), hidden / "persons.parquet")
    parquet(
        writer.fetch(
            "select customer_id, person, nth, in_database, in_crm, bought as purchased from accounts order by all"
        ),
        hidden / "accounts.parquet",
    )
    writer.keep(
        "guests",
        """select distinct guest_first_name, guest_surname, guest_postcode, p.person, kind = 'account' as has_account
           from purchases join persons p using (person) where customer_id is null order by all""",
    )
    parquet(writer.fetch("select * from guests order by all"), hidden / "guests.parquet")
    union = " union all ".join(f"select '{name}' as file, row, person from {name}" for name in _FILES)
    parquet(writer.fetch(f"select * from ({union}) order by file, row"), hidden / "records.parquet")
    wrong = (
        "{0} where lower({1}first_name) <> lower(p.first_name) or lower({1}surname) <> lower(p.surname) "
        "or replace(lower({1}postcode), ' ', '') <> lower(p.postcode)"
    )
    counts = {
        "accounts": "accounts",
        "second_accounts": "accounts where nth > 1",
        "unlisted_accounts": "accounts where not in_database and not in_crm",
        "accounts_with_a_slip": wrong.format("accounts a join persons p using (person)", "a."),
        "guests": "guests",
        "guests_with_a_slip": wrong.format("guests g join persons p using (person)", "g.guest_"),
        "guests_with_an_account": "(select distinct person from guests where has_account)",
        "homonyms": "(select 1 from persons group by first_name, surname, postcode having count(*) > 1)",
    }
    return {name: int(_numbers(writer, f"select count(*) from {what}")[0]) for name, what in counts.items()}
