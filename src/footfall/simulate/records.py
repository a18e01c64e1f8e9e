"""Names and addresses, and how accounts, the CRM and guest checkouts write them down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from footfall.simulate import words
from footfall.simulate.days import Days
from footfall.simulate.dials import Dials
from footfall.simulate.files import Writer
from footfall.simulate.people import People
from footfall.simulate.sales import Orders, Visits

Array = np.ndarray[Any, Any]
SILVER, GOLD = 4, 10
"""Orders since the first day at which a tier is reached."""
ACCOUNT_TEXTS = ("first_name", "surname", "email", "phone", "postcode", "gender", "location", "profession")
CRM_TEXTS = ("first_name", "surname", "email", "phone", "postcode", "address")
NO_TYPO = ("gender", "location", "profession", "phone", "address")


@dataclass(frozen=True)
class Accounts:
    """One entry a version of an account. Times are UTC seconds; `twin` marks second, unused accounts."""

    person: Array
    account: Array
    registered: Array
    updated: Array
    tier: Array
    income: Array
    twin: Array


def keep_people(writer: Writer, rng: np.random.Generator, people: People, extra: int, days: Days) -> None:
    """Make the table `people`: what each person is really called, `extra` persons of the CRM only at the end."""
    n = people.count + extra
    grow = rng.integers(0, max(1, people.count), extra)
    full = {k: np.append(getattr(people, k), getattr(people, k)[grow]) for k in ("gender", "age", "region")}
    female = (full["gender"] == 0) | ((full["gender"] == 2) & (rng.random(n) < 0.5))
    first = np.where(
        female, rng.integers(0, len(words.FEMALE), n), len(words.FEMALE) + rng.integers(0, len(words.MALE), n)
    )
    born = np.array(days.start, "datetime64[D]") - (full["age"] * 365.25 + rng.random(n) * 365).astype(int)
    area = [r[1] for r in words.REGIONS]
    towns = [r[0] for r in words.REGIONS]
    letters = np.array(list("ABDEFGHJLNPQRSTUWXYZ"))
    outward, inward = rng.integers(1, 30, n), rng.integers(1, 10, n)
    pair = np.char.add(letters[rng.integers(0, 20, n)], letters[rng.integers(0, 20, n)])
    table = pa.table(
        {
            "person": np.arange(n),
            "first_name": _words(words.FEMALE + words.MALE, first),
            "surname": _words(words.SURNAMES, (rng.random(n) ** 1.4 * len(words.SURNAMES)).astype(int)),
            "domain": _words(words.DOMAINS, rng.integers(0, len(words.DOMAINS), n)),
            "street": _words(words.STREETS, rng.integers(0, len(words.STREETS), n)),
            "house": rng.integers(1, 140, n),
            "area": _words(area, full["region"]),
            "location": _words(towns, full["region"]),
            "outward": outward,
            "inward": inward,
            "pair": pa.array(pair.tolist()),
            "dial_number": rng.integers(100_000_000, 999_999_999, n),
            "tag": rng.integers(1, 999, n),
            "gender": _words(words.GENDERS, full["gender"]),
            "profession": _words(
                [p[0] for p in words.PROFESSIONS], np.append(people.profession, people.profession[grow])
            ),
            "birth_date": pa.array(born, pa.date32()),
        }
    )
    writer.keep(
        "people",
        """select person, first_name, surname,
          lower(first_name || '.' || surname) || tag || '@' || domain as email,
          '07' || dial_number as phone, area || outward || ' ' || inward || pair as postcode,
          house || ' ' || street as address, gender, location, profession, birth_date from raw""",
        raw=table,
    )


def _words(choices: list[str] | tuple[str, ...], index: Array) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(index.astype(np.int32)), pa.array(list(choices)))


def make_accounts(
    rng: np.random.Generator, people: People, days: Days, visits: Visits, orders: Orders, dials: Dials
) -> Accounts:
    """When each account was opened, and the versions of what changes: loyalty tier and stated income.

    Those who come without an account open one with their first order that is no guest checkout.
    """
    begin, end = (int(days.midnight[i] // 1_000_000) for i in (0, -1))
    registered = np.full(people.count, -1, dtype=np.int64)
    old = people.arrival < 0
    registered[old] = begin - 86_400 * people.age_days[old] + rng.integers(0, 86_400, int(old.sum()))
    who, at = np.unique(visits.person, return_index=True)
    fresh = people.account[who] & (people.arrival[who] >= 0)
    registered[who[fresh]] = visits.start[at[fresh]]
    named = np.flatnonzero(~orders.guest)
    in_time = named[np.argsort(orders.time[named], kind="stable")]
    who, at = np.unique(orders.person[in_time], return_index=True)
    opens = ~people.account[who]
    registered[who[opens]] = orders.time[in_time[at[opens]]]

    holder = np.flatnonzero(registered >= 0)
    income = np.round(people.income / 500) * 500
    wrong = (rng.random(people.count) < 0.06) & (registered >= 0)
    stale = np.where(wrong, np.round(income * (0.6 + 0.6 * rng.random(people.count)) / 500) * 500, income)
    fixed = np.maximum(registered, begin) + (rng.random(people.count) * (end - np.maximum(registered, begin)))
    level = np.maximum(people.tier, 0)
    changes = [(holder, registered[holder], level[holder], stale[holder] - income[holder])]
    person = orders.person[in_time]
    nth = _count_within(person)
    for number, to in ((SILVER, 1), (GOLD, 2)):
        up = (nth == number) & (level[person] < to)
        base = np.maximum(level[person[up]], to - 1)
        when = np.minimum(orders.time[in_time[up]] + 3600, end - 1)
        changes.append((person[up], when, to - base, np.zeros(int(up.sum()))))
    mend = np.flatnonzero(wrong)
    changes.append((mend, fixed[mend].astype(np.int64), np.zeros(len(mend)), income[mend] - stale[mend]))
    who, when, steps, money = (np.concatenate(c) for c in zip(*changes, strict=True))
    opening = np.arange(len(who)) >= len(holder)
    order = np.lexsort((opening, when, who))
    who, when, steps, money = who[order], when[order], steps[order], money[order]
    tier = _sum_within(who, steps).astype(int)
    stated = income[who] + _sum_within(who, money)

    twins = holder[rng.random(len(holder)) < dials.rate("twins")]
    late = np.maximum(registered[twins], begin)
    again = late + (rng.random(len(twins)) * (end - late)).astype(np.int64)
    return Accounts(
        person=np.concatenate([who, twins]),
        account=np.concatenate([who, people.count + np.arange(len(twins))]),
        registered=np.concatenate([registered[who], again]),
        updated=np.concatenate([when, again]),
        tier=np.concatenate([tier, np.zeros(len(twins), dtype=int)]),
        income=np.concatenate([stated, income[twins]]),
        twin=np.concatenate([np.zeros(len(who), dtype=bool), np.ones(len(twins), dtype=bool)]),
    )


def _count_within(key: Array) -> Array:
    """1, 2, 3 ... within equal keys, in the order given."""
    order = np.argsort(key, kind="stable")
    out = np.empty(len(key), dtype=np.int64)
    new = np.ones(len(key), dtype=bool)
    new[1:] = key[order][1:] != key[order][:-1]
    place = np.arange(len(key))
    out[order] = place - np.maximum.accumulate(np.where(new, place, 0)) + 1
    return out


def _sum_within(key: Array, value: Array) -> Array:
    """Running sum within equal keys; equal keys stand together."""
    total = np.cumsum(value)
    new = np.ones(len(key), dtype=bool)
    new[1:] = key[1:] != key[:-1]
    before = np.where(new, total - value, 0)
    place = np.maximum.accumulate(np.where(new, np.arange(len(key)), 0))
    return np.asarray(np.round(total - before[place], 6))


def _written(name: str, tag: str, dials: Dials, more_typos: float = 1.0) -> str:
    """SQL of one text field as written, and of what was done to it."""
    missing = dials.rate("missing")
    typos = 0.0 if name in NO_TYPO else min(1.0, dials.rate("typos") * more_typos)
    case = 0.0 if name in ("email", "phone") else dials.rate("letter_case")
    h, dice = f"h_{name}", f"roll(h_{name})"
    return f"""case when {dice} < {missing} then null
      when {dice} < {missing + typos} then typo({name}, {h})
      when {dice} < {missing + typos + case} then if(({h} >> 40) % 2 = 0, upper({name}), lower({name}))
      else {name} end as w_{name},
    case when {dice} < {missing} then 'missing' when {dice} < {missing + typos} then 'typo'
      else 'letter_case' end as m_{name}"""


def _messy(table: str, names: tuple[str, ...], tag: str, dials: Dials, more: float = 1.0) -> str:
    """SQL: every row of `table` (which has a text `key`) with fields as written; the same key, the same mess."""
    hashes = ", ".join(f"hash(key || '{tag}{n}') as h_{n}" for n in names)
    fields = ",\n    ".join(_written(n, tag, dials, more) for n in names)
    return f"select *, {fields}\n  from (select *, {hashes} from {table})"


def _planted(table: str, names: tuple[str, ...], file: str) -> str:
    """SQL of the list of what was changed."""
    return "\nunion all ".join(
        f"select '{file}' as file, m_{n} as kind, key, '{n}' as field, {n} as truth, w_{n} as written, "
        f"count(*) as rows from {table} where {n} is distinct from w_{n} group by all"
        for n in names
    )


def _birth_sql(dials: Dials) -> str:
    odd, forms, missing = dials.rate("impossible"), dials.rate("date_formats"), dials.rate("missing")
    return f"""case when roll(h_b) < {missing} then null
      when roll(h_b) < {missing + odd}
        then if(h_b % 2 = 0, date '1871-01-01', date '2091-01-01') + cast(h_b % 300 as integer)
      else birth_date end as born,
    if(roll(hash(key || 'form')) < {forms}, 1 + cast(hash(key || 'which') % 2 as integer), 0) as born_form"""


def write_accounts(writer: Writer, accounts: Accounts, ids: list[str], dials: Dials, out: Path) -> int:
    """Write `accounts.csv`: a row for each version of an account, oldest change first."""
    table = pa.table(
        {
            "person": accounts.person,
            "key": pa.array(ids).take(pa.array(accounts.account)),
            "registered": accounts.registered,
            "updated": accounts.updated,
            "tier": _words(words.TIERS, accounts.tier),
            "stated": accounts.income.astype(np.int64),
            "twin": accounts.twin,
        }
    )
    writer.keep("versions", table)
    known = f"roll(hash(v.key || 'details')) >= {dials.no_details}"
    details = ("gender", "birth_date", "profession", "location")
    shown = ", ".join(f"if({known}, p.{d}, null) as {d}" for d in details)
    writer.keep(
        "account_rows",
        f"""select v.key, v.person, v.registered, v.updated, v.tier, v.twin,
          if({known} and roll(hash(v.key || 'income')) >= {dials.rate("missing")}, v.stated, null) as income,
          p.first_name, p.surname, p.phone, p.postcode, p.address,
          if(v.twin, split_part(p.email, '@', 1) || '.2@' || split_part(p.email, '@', 2), p.email) as email, {shown}
        from versions v join people p using (person) order by v.updated, v.key""",
    )
    texts = _messy("account_rows", ACCOUNT_TEXTS, "account", dials)
    writer.keep("account_texts", f"select *, hash(key || 'born') as h_b from ({texts})")
    writer.keep(
        "account_written",
        f"""select *, {_birth_sql(dials)},
        if(roll(hash(key || 'regform')) < {dials.rate("date_formats")}, 1 + cast(hash(key) % 2 as integer), 0) as form
        from account_texts order by updated, key""",
    )
    writer.keep("planted_accounts", _planted("account_written", ACCOUNT_TEXTS, "accounts.csv"))
    names = ", ".join(f"w_{n} as {n}" for n in ("first_name", "surname", "email", "phone", "postcode"))
    return writer.csv(
        f"""select key as customer_id, {names}, address, w_gender as gender,
          written_date(born, born_form) as birth_date, w_location as location, w_profession as profession, income,
          tier as loyalty_tier, written_time(registered, form) as registered_at, iso(updated) as updated_at
        from account_written order by updated, key""",
        out / "accounts.csv",
    )


def write_crm(writer: Writer, rng: np.random.Generator, persons: Array, days: Days, out: Path, dials: Dials) -> int:
    """Write `crm_export.csv`: the given persons under the CRM's own ids, with more typos and older details."""
    n = len(persons)
    begin, end = (int(days.midnight[i] // 1_000_000) for i in (0, -1))
    updated = rng.integers(begin - 200 * 86_400, end, n)
    table = pa.table(
        {
            "person": persons,
            "key": pa.array([f"{k}" for k in (rng.permutation(n) + 20_000).tolist()]),
            "updated": updated,
        }
    )
    writer.keep("crm_people", "select * from t join people using (person)", t=table)
    texts = _messy("crm_people", CRM_TEXTS, "crm", dials, 2.0)
    writer.keep("crm_texts", f"select *, hash(key || 'crm_born') as h_b from ({texts})")
    writer.keep("crm_written", f"select *, {_birth_sql(dials)} from crm_texts")
    writer.keep("planted_crm", _planted("crm_written", CRM_TEXTS, "crm_export.csv"))
    writer.keep("crm_keys", "select key, person from crm_written order by key")
    names = ", ".join(f"w_{n} as {n}" for n in CRM_TEXTS)
    again = dials.rate("duplicates") * 4
    return writer.csv(
        f"""select key as crm_id, {names}, written_date(born, born_form) as birth_date,
          strftime(instant(updated), '%Y-%m-%d') as updated_at
        from (select *, unnest(range(if(roll(hash(key || 'twice')) < {again}, 2, 1))) as copy from crm_written)
        order by copy, updated, key""",
        out / "crm_export.csv",
    )
