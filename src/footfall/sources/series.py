"""Ready-made series: weekly sales of stores and departments, with outside columns by store and date.

The format of the Walmart recruiting competition: train (Store, Dept, Date, Weekly_Sales), features (by Store and
Date), stores (by Store). Series of another make come in through a mapping with `into = "series"`.
"""

from footfall.sources.declare import Fill, Role, Source, kept, set_aside

_NUMBERS = ("Temperature", "Fuel_Price", "CPI", "Unemployment", *[f"MarkDown{i}" for i in range(1, 6)])

_SALES = Role(
    "sales",
    columns=("Store", "Dept", "Date", "Weekly_Sales"),
    optional=("IsHoliday",),
    values={
        "store": "Store",
        "dept": "Dept",
        "date": 'try_cast("Date" as DATE)',
        "value": "try_cast(Weekly_Sales as DOUBLE)",
        "holiday": "try_cast(IsHoliday as BOOLEAN)",
    },
    nulls=("NA",),
    key=("store", "dept", "date"),
    into="series",
    checks=(
        set_aside("no readable date", '"date" is null', "missing", "Date"),
        set_aside("no readable value", "value is null", column="Weekly_Sales"),
        kept("negative value", "value < 0", column="Weekly_Sales", effect="more returned than sold in that week"),
    ),
    required=True,
)

_FEATURES = Role(
    "features",
    columns=("Store", "Date", "IsHoliday"),
    optional=_NUMBERS,
    files=("*features*",),
    values={
        "store": "Store",
        "date": 'try_cast("Date" as DATE)',
        "holiday": "try_cast(IsHoliday as BOOLEAN)",
        **{name.lower(): f"try_cast({name} as DOUBLE)" for name in _NUMBERS},
    },
    nulls=("NA",),
    key=("store", "date"),
    into="calendar",
    checks=(set_aside("no readable date", '"date" is null', "missing", "Date"),),
)

_STORES = Role(
    "stores",
    columns=("Store", "Type", "Size"),
    files=("*stores*",),
    values={"store": "Store", "type": "Type", "size": "try_cast(Size as DOUBLE)"},
    key=("store",),
)

_OUTSIDE = ", ".join(f"{n.lower()} := f.{n.lower()}" for n in _NUMBERS)

SOURCE = Source(
    meaning="weekly sales by store and department, with outside columns (train, features, stores)",
    home="https://www.kaggle.com/c/walmart-recruiting-store-sales-forecasting",
    roles=(_SALES, _FEATURES, _STORES),
    fills=(
        Fill(
            "series",
            f"""select 'weekly_sales' as series,
                 to_json(struct_pack(store := s.store, dept := s.dept))::VARCHAR as keys, s."date" as date, s.value,
                 to_json(struct_pack(holiday := coalesce(s.holiday, f.holiday), type := t.type, size := t.size,
                   {_OUTSIDE}))::VARCHAR as outside,
                 s.row_hash
               from new_sales s
               left join staged_features f on f.store = s.store and f."date" = s."date"
               left join staged_stores t on t.store = s.store""",
        ),
        Fill(
            "calendar",
            """select "date" as date, store as store_id, case when holiday then 'holiday' end as holiday,
                 case when coalesce(markdown1, markdown2, markdown3, markdown4, markdown5) is not null
                   then 'markdown' end as promotion,
                 always() as known_at, row_hash
               from new_features""",
        ),
    ),
)
