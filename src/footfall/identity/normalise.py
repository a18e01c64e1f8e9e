"""The details of a person in one written form, as SQL.

Every function takes a column expression and gives a SQL expression; what holds no information becomes NULL, and NULL
stays NULL. Each is idempotent: written twice it gives what it gives once. The SQL stays in what DuckDB and Spark both
run (regular expressions without look-around and back-references); the one function that differs, `unicode_nfc`,
is spelled by `engine/dialect.py`.

Not done, on purpose: no transliteration (names in other scripts stay in their script, vowel marks included), no umlaut
as two letters (`Müller` becomes `muller`, `Mueller` stays), no check that an address, a number or a mailbox exists.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from footfall.engine import literal, values_sql
from footfall.identity.nicknames import FORMAL_NAMES

_APOSTROPHES = "‘’‛ʹʻʼʽˈ′´ˊ׳＇"
_HYPHENS = "‐‑‒–—―−﹘﹣－"
_DIGIT_ZEROS = "٠۰०０"
_SINGLE = {
    "ø": "o", "ǿ": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ŧ": "t", "ſ": "s", "ŋ": "n", "ŉ": "n",
    "ɨ": "i", "ƀ": "b", "ƶ": "z", "ς": "σ",
}  # fmt: skip
_SEVERAL = {"ß": "ss", "æ": "ae", "ǽ": "ae", "œ": "oe", "þ": "th", "ĳ": "ij", "ﬁ": "fi", "ﬂ": "fl", "ﬀ": "ff"}


def _folds() -> tuple[str, str]:
    """Two strings of one length: each lower-case letter, mark or digit to fold, and the ASCII one it becomes."""
    folds = dict(_SINGLE)
    for letter in map(chr, [*range(0xC0, 0x250), *range(0x1E00, 0x1F00)]):
        base = _SINGLE.get(unicodedata.normalize("NFD", letter)[0], unicodedata.normalize("NFD", letter)[0])
        if letter == letter.lower() and letter != base and base.isascii():
            folds.setdefault(letter, base)
    folds |= {chr(0xFF41 + i): chr(ord("a") + i) for i in range(26)}
    folds |= {chr(ord(zero) + i): str(i) for zero in _DIGIT_ZEROS for i in range(10)}
    folds |= dict.fromkeys(_APOSTROPHES, "'") | dict.fromkeys(_HYPHENS, "-") | {"＠": "@", "．": ".", "＋": "+"}
    return "".join(folds), "".join(folds.values())


_FROM, _TO = _folds()
_INVISIBLE = r"\p{Cf}+"
_ANY = r"\p{L}\p{M}\p{N}"
"""Letters, their marks and digits of every script, inside a character class."""

# Words as alternatives of a regular expression.
HONORIFICS = (
    "mr|mrs|ms|miss|mx|dr|sir|dame|madam|lady|lord|rev|revd|reverend|prof|professor|capt|captain|col|colonel|general"
    "|major|sgt|sergeant|lt|lieutenant|baron|baroness|count|countess|duchess|viscount|viscountess"
    "|herr|frau|fraulein|monsieur|madame|mademoiselle|mme|mlle|senor|senora|senorita"
)
"""Dropped where another word follows: `lord` and `major` alone are surnames. `don` and `earl`, first names, stay."""
NEVER_NAMES = (
    "mr|mrs|ms|miss|mx|dr|sir|dame|madam|lady|rev|revd|reverend|prof|professor|captain|the|frau|monsieur|madame|mme"
    "|mlle|senor|senora|senorita|[0-9]+(st|nd|rd|th)"
)
"""No name at all where nothing else is written; the last is `1st` of `the 1st baron`."""
LETTERS_AFTER = "esq|esquire|phd|msc|bsc|obe|mbe|cbe|kbe|frs"
PLACEHOLDERS = (
    "unknown|n a|none|null|nil|test|testing|undefined|not known|not given|not provided|not applicable|not available"
    "|not specified|no name|anonymous|anon|guest|dummy|tbc|tbd|unbekannt|inconnu|inconnue|desconocido|desconocida"
)
"""Words that stand where a value is missing. `na` and `nan`, a surname and a first name, count only in other fields."""
ROLES = (
    "info|noreply|no-reply|donotreply|do-not-reply|admin|administrator|sales|contact|office|support|help|helpdesk|mail"
    "|email|enquiries|enquiry|hello|service|services|shop|store|orders|order|accounts|accounting|billing|finance|hr"
    "|jobs|webmaster|postmaster|hostmaster|root|reception|team|staff|marketing|press|kontakt|buero|bestellung|vertrieb"
    "|accueil|bonjour|ventas|contacto|none|noemail|nomail|unknown|test|guest|na|n[.]a|anonymous|nobody|customer|user"
)
SHARED_DOMAINS = "example[.](com|org|net)|(test|none|noemail)[.]com|[^@]+[.]invalid"

_STREETS = {
    "street": "st str saint", "road": "rd", "avenue": "ave av", "lane": "ln", "drive": "dr drv", "close": "cl",
    "court": "ct crt", "place": "pl plc", "square": "sq", "crescent": "cres cr crs", "terrace": "ter terr tce",
    "gardens": "gdns gdn garden", "grove": "gr grv", "park": "pk", "boulevard": "blvd boul bd", "highway": "hwy",
    "parade": "pde", "mount": "mt", "house": "hse", "apartment": "apt apmt", "flat": "flt", "floor": "fl flr",
    "building": "bldg bldgs", "upper": "upr", "lower": "lwr", "north": "nth", "south": "sth", "village": "vlge vlg",
    "retirement": "retrmnt", "platz": "plz", "": "no number nr",
}  # fmt: skip
_GENDERS = {
    "f": "female|fem|woman|w|weiblich|girl|frau|femme|femenino|femenina|feminin|mujer|mrs|ms|miss",
    "m": "male|man|mannlich|boy|herr|homme|masculino|masculin|hombre|mr",
}

# The calling codes of the ITU's list E.164: one digit (1, 7), two digits, and three for all the rest.
_CALLING_CODE = "(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[2-9][0-9][0-9])"
_UK_POSTCODE = "^([A-Z]{1,2}[0-9][A-Z0-9]?)[0-9][A-Z]{2}$"
_NO_MAIL = r"@\s\p{Z}\p{C}<>()\[\],:;\x22"
_EMAIL = f"^([^{_NO_MAIL}]+@([^{_NO_MAIL}.]+[.])+[^{_NO_MAIL}.0-9]{{2,}})$"
_REPEATED = "|".join(f"{c}{{3,}}" for c in "abcdefghijklmnopqrstuvwxyz0123456789")
_YEAR = "(1[0-9]{3}|20[0-9]{2})"

# American Soundex: the digit of each letter; vowels part equal neighbours, h and w do not.
_SOUND_LETTERS, _SOUND_DIGITS = "bfpvcgjkqsxzdtlmnraeiouy", "111122222222334556000000"


def name_sql(col: str) -> str:
    """A name: lower case, no accents, honorifics or punctuation; hyphen and apostrophe within a word in one form.

    Names in other scripts keep their letters and marks. NULL where empty, a placeholder, or one character repeated.
    """
    text = _replaced(f"replace({_plain(col)}, '`', '''')", f"[^{_ANY}' -]+", " ")
    text = _replaced(text, "[' ]*-[-' ]*", "-")
    text = _replaced(text, "[' ]{2,}", " ")
    text = f"trim({text}, ' ''-')"
    text = _replaced(text, f"^(({HONORIFICS}) )+", "")
    text = _replaced(text, f"( ({LETTERS_AFTER}))+$", "")
    return _known(text, [PLACEHOLDERS, NEVER_NAMES, _REPEATED])


def nicknames_sql() -> str:
    """The step `nicknames(nickname, formal)` that `formal_name_sql` looks up; one row per nickname."""
    return values_sql(("nickname", "formal"), list(FORMAL_NAMES.items()))


def formal_name_sql(col: str) -> str:
    """The formal form of a first name as `name_sql` wrote it (`bob` gives `robert`), else the name as it is.

    A step or table `nicknames` (see `nicknames_sql`) must be in scope.
    """
    return f"coalesce((select max(n.formal) from nicknames n where n.nickname = {col}), {col})"


def postcode_sql(col: str) -> str:
    """A postcode: upper case, letters and digits only; NULL for a placeholder (`XX`, `0000`, `unknown`)."""
    text = f"upper({_replaced(_plain(col), f'[^{_ANY}]+', '')})"
    return _known(text, [PLACEHOLDERS.replace(" ", "").upper(), "NA", "0+", "X+", "9{4,}", "[A-Z0-9]"])


def district_sql(col: str) -> str:
    """The outward part of a UK postcode as `postcode_sql` wrote it, else the first three characters of any other."""
    return f"coalesce(nullif(regexp_extract({col}, {literal(_UK_POSTCODE)}, 1), ''), left({col}, 3))"


def phone_sql(col: str) -> str:
    """A telephone number: at most its last nine digits, without country prefix, trunk zero and extension.

    NULL where fewer than six digits are left or all are equal.
    """
    text = _replaced(_plain(col), r"(ext|extension|#|x)[.: ]*[0-9]{1,5} *$|[.]0$", "")
    text = _replaced(f"replace({text}, '(0)', '')", "[^0-9+]+", "")
    text = _replaced(text, f"^([+]|00){_CALLING_CODE}", "")
    text = f"right({_replaced(text, '^[+0]+|[+]', '')}, 9)"
    text = _replaced(text, "^0+", "")
    return _known(text, ["[0-9]{0,5}", *(f"{d}+" for d in range(1, 10))])


def email_sql(col: str) -> str:
    """An e-mail address: lower case, what follows a `+` dropped, Gmail's dots dropped; NULL where it is none."""
    text = f"lower(cast({col} as varchar))"
    text = _replaced(text, r"^(mailto:|[\s\p{Z}\p{Cf}<.'\x22])+|[\s\p{Z}\p{Cf}>,;.'\x22]+$", "")
    text = _replaced(_replaced(text, "[+][^@]*@", "@"), "@googlemail[.]com$", "@gmail.com")
    local = f"replace(left({text}, length({text}) - 10), '.', '')"
    text = f"case when {text} like '%@gmail.com' then {local} || '@gmail.com' else {text} end"
    return f"nullif(regexp_extract({text}, {literal(_EMAIL)}, 1), '')"


def email_local_sql(col: str) -> str:
    """What stands before the `@` of an address as `email_sql` wrote it."""
    return f"nullif(regexp_extract({col}, '^([^@]+)@', 1), '')"


def shared_email_sql(col: str) -> str:
    """Whether an address as `email_sql` wrote it names a role or a placeholder (`info@`, `noreply@`), not a person."""
    return f"regexp_matches({col}, '^({ROLES})[0-9]*@|@({SHARED_DOMAINS})$')"


def address_sql(col: str) -> str:
    """An address: words in lower case, the kinds of street written out (`rd` gives `road`), house numbers kept.

    `st` may mean street or saint: `st`, `saint` and `street` all become `street`, so that no spelling parts two; a
    German `strasse` at the end of a word becomes `str`.
    """
    # A transformed list, as fifty nested replacements are too deep for sqlglot.
    whens = " ".join(f"when '{word}' then '{long}'" for long, short in _STREETS.items() for word in short.split())
    words = f"string_split({_replaced(_words(col), 'strasse( |$)', 'str ')}, ' ')"
    text = f"array_to_string(list_transform({words}, lambda word: case word {whens} else word end), ' ')"
    text = f"trim({_replaced(text, ' +', ' ')})"
    return _known(text, [PLACEHOLDERS, "nan", "na", "fixed abode", _REPEATED])


def words_sql(col: str) -> str:
    """Free text (an occupation, a birth place): lower case, no accents, words parted by one blank."""
    return _known(_words(col), [PLACEHOLDERS, "nan", "na", _REPEATED])


def date_sql(col: str, month_first: bool = False) -> str:
    """A birth date as DATE, from `1980-02-03`, `19800203` or `03/02/1980` (day first unless `month_first`).

    The separator may be `-`, `/` or `.`, a time of day may follow; NULL for any other form, a day that does not
    exist, and years before 1000 or after 2099.
    """
    text = f"translate(trim(cast({col} as varchar)), '/.', '--')"
    forms = [("^{y}-([0-9][0-9]?)-([0-9][0-9]?)($|[^0-9])", (1, 2, 3)), ("^{y}([0-9][0-9])([0-9][0-9])$", (1, 2, 3))]
    day_first = ("^([0-9][0-9]?)-([0-9][0-9]?)-{y}($|[^0-9])", (3, 2, 1))
    month_day = (day_first[0], (3, 1, 2))
    forms += [month_day, day_first] if month_first else [day_first, month_day]
    tries = []
    for pattern, order in forms:
        parts = [f"regexp_extract({text}, {literal(pattern.replace('{y}', _YEAR))}, {group})" for group in order]
        tries.append(f"try_cast(concat_ws('-', {', '.join(parts)}) as date)")
    return f"coalesce({', '.join(tries)})"


def date_text_sql(col: str, month_first: bool = False) -> str:
    """A birth date as text, `1980-02-03`, by which two may be compared letter by letter.

    Unlike `date_sql` it keeps a day that does not exist (`1860-81-01`), since one mistyped digit is still evidence.
    """
    text = f"translate(trim(cast({col} as varchar)), '/.', '--')"
    tries = [f"cast({date_sql(col, month_first)} as varchar)"]
    for pattern, order in (
        ("^([0-9]{4})-?([0-9]{2})-?([0-9]{2})($|[^0-9])", (1, 2, 3)),
        ("^([0-9]{2})-([0-9]{2})-([0-9]{4})($|[^0-9])", (3, 1, 2) if month_first else (3, 2, 1)),
    ):
        parts = [f"regexp_extract({text}, {literal(pattern)}, {group})" for group in order]
        tries.append(_known(f"concat_ws('-', {', '.join(parts)})", ["-*"]))
    return f"coalesce({', '.join(tries)})"


def year_sql(col: str) -> str:
    """The year of birth as INTEGER: the first number of four digits from 1000 to 2099, or as `19800203`."""
    pattern = f"(^|[^0-9]){_YEAR}($|[^0-9]|[01][0-9][0-3][0-9]($|[^0-9]))"
    return f"try_cast(nullif(regexp_extract(cast({col} as varchar), '{pattern}', 2), '') as integer)"


def gender_sql(col: str) -> str:
    """`f` or `m` where the word says so in English, German, French or Spanish, else the word in lower case."""
    text = _known(_words(col), [PLACEHOLDERS, "nan", "na", "u", "x", "prefer not to say", "undisclosed"])
    for key, words in _GENDERS.items():
        text = _replaced(text, f"^({words})$", key)
    return text


def sound_sql(col: str) -> str:
    """How a name as `name_sql` wrote it sounds: its American Soundex code (`R163`), by which spellings may differ.

    A name that does not start with a Latin letter is its own key. DuckDB has no Soundex; the rule is that of the US
    National Archives (R. C. Russell and M. K. Odell, patents US 1,261,167 and 1,435,663).
    """
    letters = _replaced(col, "[^a-z]+", "")
    first = f"translate(left({letters}, 1), '{_SOUND_LETTERS}hw', '{_SOUND_DIGITS}00')"
    code = f"{first} || translate(substr({letters}, 2), '{_SOUND_LETTERS}hw', '{_SOUND_DIGITS}')"
    for digit in "123456":
        code = _replaced(code, digit * 2 + "+", digit)
    code = f"rpad(replace(substr({code}, 2), '0', ''), 3, '0')"
    return f"case when regexp_matches({col}, '^[a-z]') then upper(left({letters}, 1)) || {code} else {col} end"


def _plain(col: str) -> str:
    """Lower case, accents and invisible marks gone, one form of digit, hyphen and apostrophe; NFC."""
    text = f"cast({col} as varchar)"
    folded = f"lower(unicode_nfc({_replaced(text, _INVISIBLE, '')}))"
    for letter, letters in _SEVERAL.items():
        folded = f"replace({folded}, '{letter}', '{letters}')"
    # Marks left after NFC belong to letters that have no single form; those of other scripts lie elsewhere.
    folded = _replaced(f"translate({folded}, {literal(_FROM)}, {literal(_TO)})", r"[\x{300}-\x{36f}]+", "")
    # Most values are ASCII, and the folding costs ten times the rest.
    return f"case when regexp_matches({text}, '[^ -~]') then unicode_nfc({folded}) else lower({text}) end"


def _words(col: str) -> str:
    """Letters and digits, all else a blank; an apostrophe parts no word."""
    text = f"replace({_plain(col)}, '''', '')"
    return f"trim({_replaced(text, f'[^{_ANY}]+', ' ')})"


def _replaced(text: str, pattern: str, to: str) -> str:
    return f"regexp_replace({text}, {literal(pattern)}, {literal(to)}, 'g')"


def _known(text: str, patterns: Iterable[str]) -> str:
    """NULL where the whole text is one of the patterns, or empty."""
    return f"nullif({_replaced(text, '^(' + '|'.join(patterns) + ')$', '')}, '')"
