"""Persons: any file with one person's record a row, whatever its columns are called.

What a file has no canonical column for stays in `further`, a JSON object, under the file's own names. Values are
kept as they were written, but for blanks around them: recognising one person in two spellings is not done here.
The same record id again, with other details, is another version of the same record.
"""

from footfall.sources.declare import Fill, Role, Source, kept, repaired, set_aside
from footfall.sources.staging import as_json

_ALIASES = {
    "record_id": "rec_id|unique_id|customer_id|person_id|account_id|user_id|client_id|member_id|contact_id|uid|id",
    "system": "source_system|source_dataset",
    "first_name": "given_name|forename|fname|first",
    "later_names": "later_name|middle_name|middle_names|middle_initial|other_names|second_name",
    "surname": "last_name|family_name|lname|last",
    "full_name": "name|fullname|person_name|customer_name",
    "email": "email_address|e_mail|mail",
    "phone": "phone_number|telephone|telephone_number|mobile|mobile_number|mobile_phone|tel|cell",
    "postcode": "post_code|zip|zip_code|postal_code|postcode_fake",
    "address": "street_address|full_address|home_address",
    "street_number": "house_number|street_no|house_no",
    "address_1": "address_line_1|address1|street|street_name|addr1",
    "address_2": "address_line_2|address2|addr2",
    "suburb": "locality|district",
    "city": "town",
    "state": "county|province|region",
    "country": "nation",
    "birth_date": "dob|date_of_birth|birthdate|birthday|born",
    "age": "age_years",
    "gender": "sex",
    "profession": "occupation|job|job_title",
    "birth_place": "place_of_birth|birthplace|born_in",
    "registered_at": "registered|registration_date|created_at|signup_date|joined",
    "updated_at": "updated|modified_at|last_modified|last_updated|changed_at",
}
_OPTIONAL = tuple(c for c in _ALIASES if c != "record_id")


def _text(column: str) -> str:
    return f"nullif(trim({column}), '')"


def _day(column: str) -> str:
    """A date in one of the usual forms; with slashes the day comes first unless that cannot be."""
    text = _text(column)
    forms = "['%Y%m%d', '%d/%m/%Y', '%m/%d/%Y', '%Y/%m/%d', '%d.%m.%Y', '%d-%m-%Y', '%d %b %Y', '%d %B %Y', "
    day = f"coalesce(try_cast({text} as date), try_strptime({text}, {forms}'%b %d, %Y', '%B %d, %Y'])::DATE)"
    return f"case when {day} between date '0001-01-01' and current_date then {day} end"


_WHOLE = f"regexp_replace({_text('full_name')}, '^(mr|mrs|ms|miss|dr|prof|sir|dame|rev)[.]? +', '', 'i')"
_SPLIT = f"({_text('first_name')} is null and {_text('surname')} is null)"
_COMMA = f"regexp_full_match({_WHOLE}, '[^,]+,[^,]+')"
_ORDERED = (
    f"case when {_COMMA} then trim(split_part({_WHOLE}, ',', 2)) || ' ' || trim(split_part({_WHOLE}, ',', 1)) "
    f"else {_WHOLE} end"
)
_FAMILY = (
    f"case when {_COMMA} then trim(split_part({_WHOLE}, ',', 1)) else nullif(regexp_extract({_ORDERED}, "
    "'^[^ ].*? +((?:(?:van|von|der|den|de|del|della|di|da|dos|la|le|al|el|bin|ibn|ter) +)*[^ ]+)$', 1, 'i'), '') end"
)
_FIRST = f"split_part({_ORDERED}, ' ', 1)"
_STREET = f"nullif(concat_ws(' ', {_text('street_number')}, {_text('address_1')}), '')"


def _between(whole: str, first: str, last: str) -> str:
    """The words of a full name between its first and last, where it begins and ends with these."""
    whole, start, end = f"({whole})", f"({first}) || ' '", f"' ' || ({last})"
    inside = f"substr({whole}, length({start}) + 1, length({whole}) - length({start}) - length({end}))"
    return (
        f"case when length({whole}) > length({start}) + length({end}) and "
        f"starts_with(lower({whole}), lower({start})) and ends_with(lower({whole}), lower({end})) "
        f"then nullif(trim({inside}, ' ,'), '') end"
    )


_LATER = (
    f"case when {_SPLIT} then {_between(_ORDERED, _FIRST, _FAMILY)} "
    f"else {_between(_WHOLE, _text('first_name'), _text('surname'))} end"
)
_AGE = "try_cast(age as DOUBLE)"
_UNREADABLE = {
    "birth_date": f"case when ({_day('birth_date')}) is null then birth_date end",
    "age": f"case when {_AGE} between 0 and 120 then null else age end",
    "registered_at": "case when instant(trim(registered_at)) is null then registered_at end",
    "updated_at": "case when instant(trim(updated_at)) is null then updated_at end",
}
_STAYS = "its text stays in the column further"

_PERSONS = Role(
    "persons",
    columns=("record_id",),
    optional=_OPTIONAL,
    aliases=_ALIASES,
    rest="others",
    nulls=("NULL", "null", "NaN", "nan", "N/A", "n/a", "None", "\\N"),
    values={
        "customer": f"case when {_text('record_id')} is not null "
        f"then concat_ws(':', {_text('system')}, {_text('record_id')}) end",
        "channel": f"coalesce(lower({_text('system')}), 'person')",
        "first_name": f"case when {_SPLIT} then {_FIRST} else {_text('first_name')} end",
        "later_names": f"coalesce({_text('later_names')}, {_LATER})",
        "surname": f"case when {_SPLIT} then {_FAMILY} else {_text('surname')} end",
        "email": _text("email"),
        "phone": _text("phone"),
        "postcode": _text("postcode"),
        "address": f"nullif(concat_ws(', ', coalesce({_text('address')}, {_STREET}), {_text('address_2')}, "
        f"{_text('suburb')}, {_text('city')}, {_text('state')}), '')",
        "location": f"nullif(concat_ws(', ', coalesce({_text('city')}, {_text('suburb')}), {_text('state')}, "
        f"{_text('country')}), '')",
        "birth_date": _day("birth_date"),
        "age": f"case when {_AGE} between 0 and 120 then {_AGE}::INTEGER end",
        "gender": f"lower({_text('gender')})",
        "profession": _text("profession"),
        "birth_place": _text("birth_place"),
        "registered_at": "instant(trim(registered_at))",
        "occurred_at": "coalesce(instant(trim(updated_at)), instant(trim(registered_at)), always())",
        "further": f"nullif(json_merge_patch(coalesce(others, '{{}}')::JSON, coalesce("
        f"{as_json({'full_name': 'full_name', **_UNREADABLE})}, '{{}}')::JSON)::VARCHAR, '{{}}')",
    },
    into="customers",
    checks=(
        set_aside("no record id", "customer is null", "missing", "record_id"),
        kept("no name", "first_name is null and surname is null", "missing", effect="harder to recognise again"),
        repaired(
            "only a full name",
            "trim(raw_full_name) <> '' and nullif(trim(raw_first_name), '') is null "
            "and nullif(trim(raw_surname), '') is null",
            column="full_name",
            effect="split into first, later and family names",
        ),
        repaired(
            "birth date in another format",
            "birth_date is not null and trim(raw_birth_date) not like '____-__-__%'",
            column="birth_date",
        ),
        kept("no readable birth date", "birth_date is null and trim(raw_birth_date) <> ''", "inconsistent",
             "birth_date", f"taken as unknown; {_STAYS}"),
        kept("impossible age", "age is null and trim(raw_age) <> ''", "inconsistent", "age",
             f"taken as unknown; {_STAYS}"),
        kept("no readable registration", "registered_at is null and trim(raw_registered_at) <> ''", "inconsistent",
             "registered_at", f"taken as undated; {_STAYS}"),
        kept("no readable time of change", "trim(raw_updated_at) <> '' and instant(trim(raw_updated_at)) is null",
             "inconsistent", "updated_at", f"the time of registration counts, if there is one; {_STAYS}"),
    ),
)  # fmt: skip

SOURCE = Source(
    meaning="persons: any file with a record id and names, e-mail, phone, postcode, address or birth date",
    roles=(_PERSONS,),
    fills=(
        Fill(
            "customers",
            """select customer as source_customer_id, occurred_at, registered_at, first_name, later_names, surname,
                 email, phone, postcode, address, location, birth_date, age, gender, profession, birth_place, channel,
                 further, row_hash
               from new_persons""",
        ),
    ),
)
