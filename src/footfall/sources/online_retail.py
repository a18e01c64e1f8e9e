"""UCI Online Retail (and Online Retail II): invoice lines of a UK gift wholesaler."""

from footfall.sources.declare import Fill, Role, Source, kept, repaired, set_aside

_LINES = Role(
    "lines",
    columns=("InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"),
    optional=("Description", "Country"),
    aliases={"InvoiceNo": "Invoice", "UnitPrice": "Price"},
    values={
        "order_id": "upper(trim(InvoiceNo))",
        # 85123a and 85123A are one product: the letter names a colour or pattern.
        "product_id": "upper(trim(StockCode))",
        "name": "trim(Description)",
        "quantity": "try_cast(Quantity as DOUBLE)",
        "price": "try_cast(UnitPrice as DECIMAL(18,4))",
        "occurred_at": """case when InvoiceDate like '%/%'
            then utc(try_strptime(InvoiceDate, ['%m/%d/%Y %H:%M', '%m/%d/%y %H:%M']))
            else instant(InvoiceDate) end""",
        # Spreadsheets write ids with gaps among them as decimals: 17850.0.
        "customer": "regexp_replace(trim(CustomerID), '\\.0+$', '')",
        "country": "trim(Country)",
        "category": """case when not regexp_matches(upper(trim(StockCode)), '^([0-9]{5}|DCGS)')
            then 'non-product' end""",
    },
    into="lines",
    checks=(
        set_aside("no invoice number", "order_id is null", "missing", "InvoiceNo"),
        set_aside("no product code", "product_id is null", "missing", "StockCode"),
        set_aside("no readable quantity", "quantity is null", column="Quantity"),
        set_aside("no readable price", "price is null", column="UnitPrice"),
        set_aside("bad debt adjustment", "price < 0 or order_id like 'A%' or product_id = 'B'", column="UnitPrice"),
        set_aside(
            "stock adjustment",
            "price = 0 and quantity < 0 and customer is null",
            column="Quantity",
            effect="goods lost or found, no sale: kept out of demand",
        ),
        set_aside("no price", "price = 0", column="UnitPrice", effect="gifts and samples do not count as orders"),
        set_aside("negative quantity outside a cancellation", "quantity < 0 and order_id not like 'C%'"),
        set_aside("quantity of zero", "quantity = 0", column="Quantity"),
        repaired("customer id written as a decimal", "raw_CustomerID <> customer", column="CustomerID"),
        repaired(
            "product code in small letters",
            "raw_StockCode <> product_id",
            column="StockCode",
            effect="two spellings of one product count as one",
        ),
        repaired("date written month first", "raw_InvoiceDate like '%/%'", column="InvoiceDate"),
        kept(
            "code that is no product",
            "category = 'non-product'",
            column="StockCode",
            effect="postage, fees and vouchers: in what was spent, category 'non-product' in demand",
        ),
        kept(
            "no customer",
            "customer is null",
            "missing",
            "CustomerID",
            effect="counts in demand, but not for any customer",
        ),
        kept("cancellation", "order_id like 'C%'", column="InvoiceNo", effect="a return from its own time on"),
    ),
)

SOURCE = Source(
    meaning="UCI Online Retail: invoice lines of a UK gift wholesaler, 2009-2011",
    home="https://archive.ics.uci.edu/dataset/352/online+retail",
    roles=(_LINES,),
    fills=(
        Fill(
            "lines",
            """select order_id, product_id, category, occurred_at, customer as source_customer_id, quantity, price,
                 case when order_id like 'C%' then 'return' else 'sale' end as kind,
                 cast(quantity as DECIMAL(18,4)) * price as amount, row_hash
               from new_lines""",
        ),
        Fill(
            "orders",
            """select order_id, min(occurred_at) as occurred_at, min(source_customer_id) as source_customer_id,
                 sum(amount) as amount, 'GBP' as currency
               from facts.lines
               where source = 'online_retail' and kind = 'sale' and order_id in (select order_id from new_lines)
               group by order_id""",
            replace=True,
        ),
        Fill(
            "products",
            """select product_id, name, category from (
                 select product_id, name, category, count(*) as n from new_lines group by all
               ) qualify row_number() over (
                 partition by product_id order by name is null, n desc, length(name) desc, name) = 1""",
            replace=True,
        ),
        Fill(
            "customers",
            """select customer as source_customer_id, country as location, min(occurred_at) as occurred_at
               from new_lines where customer is not null and country is not null group by all""",
        ),
    ),
)
