"""A first draft of a mapping, from the columns of a file and a look at their values."""

from __future__ import annotations

import re
from pathlib import Path

from footfall.engine import Engine
from footfall.errors import FootfallError
from footfall.sources.declare import Role
from footfall.sources.reading import RawFile, find_files, look_at, plain
from footfall.sources.staging import quoted, sample_sql
from footfall.tables import TABLES

_SAMPLE = 2000

# Canonical column -> the names it goes by, without punctuation; the first in the list is the best.
_NAMES: dict[str, tuple[str, ...]] = {
    "event_id": ("eventid", "interactionid", "hitid"),
    "order_id": ("orderid", "invoiceno", "invoice", "transactionid", "basketid", "ordernumber", "orderno", "receipt"),
    "review_id": ("reviewid",),
    "session_id": ("sessionid", "usersession", "session", "visitid"),
    "customer_id": ("customerid", "userid", "visitorid", "clientid", "householdid", "customer", "user", "client",
                    "memberid", "accountid", "buyerid"),
    "product_id": ("productid", "sku", "itemid", "stockcode", "articleid", "item", "product", "asin"),
    "occurred_at": ("occurredat", "eventtime", "timestamp", "orderdate", "invoicedate", "transactiondate", "date",
                    "datetime", "time", "ts", "createdat", "orderedat", "placedat",
                    "purchasedate", "transactiontimestamp", "interactiondate"),
    "type": ("eventtype", "event", "action", "type", "behaviour", "behavior", "interactiontype"),
    "category_id": ("categoryid",),
    "category": ("category", "categorycode", "productcategory", "categoryname", "department"),
    "brand": ("brand", "manufacturer", "make"),
    "quantity": ("quantity", "qty", "units", "count"),
    "price": ("price", "unitprice", "itemprice"),
    "amount": ("amount", "total", "value", "salesvalue", "revenue", "transactionamount", "ordertotal", "totalamount"),
    "currency": ("currency", "currencycode"),
    "discount": ("discount", "discountamount"),
    "store_id": ("storeid", "store", "shop", "branch"),
    "channel": ("channel",),
    "payment_method": ("paymentmethod", "paymenttype", "payment"),
    "rating": ("rating", "stars", "score", "reviewscore"),
    "title": ("title", "reviewtitle"),
    "text": ("text", "review", "reviewtext", "comment", "body"),
    "name": ("name", "productname", "description"),
    "first_name": ("firstname", "forename", "givenname"),
    "surname": ("surname", "lastname", "familyname"),
    "email": ("email", "emailaddress", "mail"),
    "phone": ("phone", "telephone", "mobile"),
    "postcode": ("postcode", "zip", "zipcode", "postalcode"),
    "gender": ("gender", "sex"),
    "age": ("age",),
    "birth_date": ("birthdate", "dateofbirth", "dob"),
    "location": ("location", "city", "country", "region", "town"),
    "profession": ("profession", "occupation", "job"),
    "income": ("income", "salary"),
    "registered_at": ("registeredat", "registered", "signupdate", "joined", "registrationdate"),
    "holiday": ("holiday", "isholiday"),
    "promotion": ("promotion", "promo"),
}  # fmt: skip

_WORDS = {
    "pv": "view", "view": "view", "pageview": "view", "productview": "view", "click": "click", "cart": "add_to_cart",
    "addtocart": "add_to_cart", "removefromcart": "remove_from_cart", "fav": "favourite", "favorite": "favourite",
    "favourite": "favourite", "wishlist": "favourite", "buy": "purchase", "purchase": "purchase", "order": "purchase",
    "transaction": "purchase", "search": "search",
}  # fmt: skip

# Which table a file is for: the first whose columns are all there.
_TABLES = (
    ("reviews", ("rating", "product_id")),
    ("events", ("type", "customer_id", "occurred_at")),
    ("lines", ("order_id", "product_id", "occurred_at")),
    ("lines", ("product_id", "quantity", "occurred_at")),
    ("events", ("product_id", "customer_id", "occurred_at")),
    ("orders", ("customer_id", "occurred_at", "amount")),
    ("orders", ("order_id", "occurred_at")),
    ("orders", ("customer_id", "occurred_at", "price")),
    ("calendar", ("holiday", "occurred_at")),
    ("customers", ("customer_id",)),
    ("products", ("product_id",)),
)


def guess(engine: Engine, path: str | Path) -> str:
    """A first draft of the mapping (TOML) of the file `path`: CSV, gzip CSV, JSON lines or Parquet.

    Raises:
        FootfallError: the file is missing, empty or unreadable, or has no column that tells what it holds.
    """
    found = find_files([path])
    file = look_at(engine, found[0][0])
    role = Role("guessed", columns=tuple(file.columns), values={c: quoted(c) for c in file.columns})
    engine.execute(f"create or replace temp table guessed as {sample_sql(role, file, _SAMPLE)}")
    try:
        return _draft(engine, file)
    finally:
        engine.execute("drop table if exists guessed")


def _draft(engine: Engine, file: RawFile) -> str:
    hits = _hits(file)
    into = next((t for t, need in _TABLES if all(n in hits for n in need)), "")
    if not into:
        raise FootfallError(
            f"cannot guess what '{file.path}' holds from its columns ({', '.join(file.columns)}); "
            "write the mapping by hand, see the documentation of --map"
        )
    if into == "calendar":
        hits["date"] = hits.pop("occurred_at")
    if into == "orders" and "amount" not in hits and "price" in hits:
        hits["amount"] = hits.pop("price")
    own = {c.name for c in TABLES[into].columns} | ({"customer_id"} if TABLES[into].customer else set())
    mapped = {c: raw for c, raw in hits.items() if c in own}
    lines = [
        f"# A first draft from the columns of {file.path.name}: read it through before you load with it.",
        f'name = "{re.sub(r"[^a-z0-9]+", "_", file.path.name.split(".")[0].lower())}"',
        '# timezone = "Europe/London"   # of time stamps without an offset; UTC where nothing is said',
        "",
        "[[files]]",
        f'into = "{into}"',
    ]
    if into == "lines" and "order_id" in mapped:
        lines.append("orders = true")
    if into == "events" and "type" in mapped:
        lines.append("orders = true   # purchases also become orders and lines")
    lines += ["", "[files.columns]", *(f"{c} = {_text(raw)}" for c, raw in mapped.items())]
    left = [c for c in file.columns if c not in mapped.values()]
    if left:
        lines.append(f"# not mapped: {', '.join(left)}")
    if "type" in mapped:
        lines += ["", "[files.words.type]", *_words(engine, mapped["type"])]
    units = {c: u for c in mapped if (u := _unit(engine, into, c, mapped[c]))}
    if units:
        lines += ["", "[files.units]", *(f'{c} = "{u}"' for c, u in units.items())]
    forms = {c: f for c in mapped if c not in units and (f := _form(engine, into, c, mapped[c]))}
    if forms:
        lines += ["", "[files.formats]", *(f'{c} = "{f}"' for c, f in forms.items())]
    return "\n".join(lines) + "\n"


def _hits(file: RawFile) -> dict[str, str]:
    by_name = {plain(c): c for c in reversed(file.columns)}
    hits: dict[str, str] = {}
    for canonical, names in _NAMES.items():
        raw = next((by_name[n] for n in names if n in by_name), None)
        if raw is not None and raw not in hits.values():
            hits[canonical] = raw
    return hits


def _text(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _words(engine: Engine, raw: str) -> list[str]:
    column = quoted(raw)
    rows = engine.rows(
        f"select lower(trim({column})) as w, count(*) as n from guessed where {column} is not null "
        "group by w order by n desc, w limit 12"
    )
    return [f'{_text(w)} = "{_WORDS.get(plain(w), w)}"   # {n} of {_SAMPLE} rows at most' for w, n in rows]


def _unit(engine: Engine, into: str, canonical: str, raw: str) -> str:
    column = quoted(raw)
    if canonical in ("price", "amount"):
        if re.search(r"cents?$", plain(raw)):
            return "cents"
        commas = f"count(*) filter (where {column} similar to '-?[0-9.]*,[0-9]{{1,2}}')"
        return "comma" if engine.value(f"select {commas} > count(*) / 2 from guessed") else ""
    if canonical not in ("occurred_at", "registered_at", "known_at"):
        return ""
    digits = engine.value(
        f"select median(length({column})) from guessed where regexp_full_match({column}, '[0-9]{{9,16}}([.][0-9]+)?')"
    )
    return {9: "unix s", 10: "unix s", 13: "unix ms", 16: "unix us"}.get(int(digits or 0), "")


def _form(engine: Engine, into: str, canonical: str, raw: str) -> str:
    if canonical not in ("occurred_at", "registered_at", "birth_date", "date"):
        return ""
    column = quoted(raw)
    if engine.value(f"select count(try_cast({column} as timestamp)) * 2 > count({column}) from guessed"):
        return ""
    best, most = "", 0
    for day in ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%d-%m-%Y", "%Y%m%d"):
        for clock in ("", " %H:%M", " %H:%M:%S"):
            hits = engine.value(f"select count(try_strptime({column}, '{day}{clock}')) from guessed")
            if hits > most:
                best, most = day + clock, hits
    return best
