"""A few hand-written rows of each kind of raw data, with what they must become."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

OWN_SUITES = {"simulated"}  # loaded from what `simulate` writes, in its own tests


@dataclass(frozen=True)
class Sample:
    files: dict[str, str]
    facts: dict[str, int]
    more: dict[str, str]
    """Rows that a newer export adds at the end of a file."""
    new_rows: int
    quarantined: int = 0
    duplicate: int = 0
    answers: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)


def write(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


SAMPLES: dict[str, Sample] = {
    "online_retail": Sample(
        {
            "retail.csv": """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,WHITE "HANGING" HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
536365,71053,METAL LANTERN,2,2010-12-01 08:26:00,3.39,17850.0,United Kingdom
536365,71053,METAL LANTERN,2,2010-12-01 08:26:00,3.39,17850.0,United Kingdom
536365,POST,POSTAGE,1,2010-12-01 08:26:00,18.00,17850.0,United Kingdom
536366,85123a,WHITE HOLDER,1,12/1/2010 9:00,2.55,,United Kingdom
C536379,71053,METAL LANTERN,-1,2010-12-02 09:41:00,3.39,17850.0,United Kingdom
536589,21777,,-10,2010-12-01 16:50:00,0.0,,United Kingdom
536590,21778,GIFT,1,2010-12-01 16:50:00,0.0,12345.0,United Kingdom
A563185,B,Adjust bad debt,1,2011-08-12 14:50:00,11062.06,,United Kingdom
536591,21778,GIFT,1,soon,1.0,12345.0,United Kingdom
536592,21778,GIFT,some,2010-12-01 16:50:00,1.0,12345.0,United Kingdom
""".replace('WHITE "HANGING" HOLDER', '"WHITE ""HANGING"" HOLDER"')
        },
        {"lines": 5, "orders": 2, "products": 3, "customers": 1},
        {"retail.csv": "536365,22752,BOXES,1,2010-12-01 08:26:00,7.65,17850.0,United Kingdom\n"},
        new_rows=1,
        quarantined=5,
        duplicate=1,
        answers={
            "select order_id, customer_id, amount from orders order by 1": [
                ("536365", "17850", Decimal("40.0800")),
                ("536366", None, Decimal("2.5500")),
            ],
            "select quantity, amount, occurred_at, known_at from lines where kind = 'return'": [
                (-1.0, Decimal("-3.3900"), datetime(2010, 12, 2, 9, 41), datetime(2010, 12, 2, 9, 41))
            ],
            "select occurred_at, product_id from lines where order_id = '536366'": [
                (datetime(2010, 12, 1, 9), "85123A")
            ],
            "select category from lines where product_id = 'POST'": [("non-product",)],
            "select name from products where product_id = '71053'": [("METAL LANTERN",)],
            "select reason, line from quarantine order by line": [
                ("stock adjustment", 8),
                ("no price", 9),
                ("bad debt adjustment", 10),
                ("no readable time", 11),
                ("no readable quantity", 12),
            ],
            "select raw from quarantine where line = 12": [
                ("536592,21778,GIFT,some,2010-12-01 16:50:00,1.0,12345.0,United Kingdom",)
            ],
            "select rows, action from quality where check_name = 'code that is no product'": [(1, "kept")],
            "select rows_repaired from loads": [(5,)],
        },
    ),
    "rees46": Sample(
        {
            "2019-Oct.csv": """event_time,event_type,product_id,category_id,category_code,brand,price,\
user_id,user_session
2019-10-01 00:00:00 UTC,view,1,10,appliances.kitchen.mixer,Aqua,35.79,u1,s1
2019-10-01 00:00:01 UTC,cart,1,10,appliances.kitchen.mixer,aqua,35.79,u1,s1
2019-10-01 00:00:02 UTC,purchase,1,10,appliances.kitchen.mixer,aqua,35.79,u1,s1
2019-10-01 00:00:02 UTC,purchase,2,11,,,10.00,u1,s1
2019-10-01 00:00:03 UTC,remove_from_cart,2,11,,,10.00,u2,s2
2019-10-01 00:00:03 UTC,remove_from_cart,2,11,,,10.00,u2,s2
2019-10-01 00:00:04 UTC,purchase,2,11,,,-10.00,u2,s2
2019-10-01 00:00:05 UTC,view,2
"""
        },
        {"events": 5, "lines": 2, "orders": 1, "products": 2},
        {"2019-Oct.csv": "2019-10-01 01:00:00 UTC,purchase,3,12,,,5.00,u2,s3\n"},
        new_rows=1,
        quarantined=2,
        duplicate=1,
        answers={
            "select customer_id, amount, occurred_at from orders": [
                ("u1", Decimal("45.7900"), datetime(2019, 10, 1, 0, 0, 2))
            ],
            "select distinct type from events order by 1": [
                ("add_to_cart",),
                ("purchase",),
                ("remove_from_cart",),
                ("view",),
            ],
            "select distinct brand from events order by 1": [("aqua",), (None,)],
            "select line, reason, raw from quarantine order by line": [
                (8, "negative price", "2019-10-01 00:00:04 UTC,purchase,2,11,,,-10.00,u2,s2"),
                (9, "malformed row: missing columns", "2019-10-01 00:00:05 UTC,view,2"),
            ],
        },
    ),
    "taobao": Sample(
        {
            "UserBehavior.csv": """1,100,7,pv,1511544070
1,100,7,cart,1511544080
1,100,7,fav,1511544090
1,100,7,buy,1511544100
1,101,8,buy,1511544100
1,102,8,pv,1505117799
2,102,8,hum,1511544100
"""
        },
        {"events": 5, "lines": 2, "orders": 1, "products": 2},
        {"UserBehavior.csv": "2,102,8,buy,1511544200\n"},
        new_rows=1,
        quarantined=2,
        answers={
            "select occurred_at, amount from orders": [(datetime(2017, 11, 24, 17, 21, 40), None)],
            "select distinct type from events order by 1": [("add_to_cart",), ("favourite",), ("purchase",), ("view",)],
            "select line, reason from quarantine order by line": [
                (6, "time outside the nine days"),
                (7, "unknown behaviour"),
            ],
        },
    ),
    "retailrocket": Sample(
        {
            "events.csv": """timestamp,visitorid,event,itemid,transactionid
1433221332117,257597,view,355908,
1433221332118,257597,addtocart,355908,
1433221332119,257597,transaction,355908,4000
2015-06-02 06:00:00.5,257597,2,355909,4000
1433221332120,257597,stare,355908,
"""
        },
        {"events": 4, "lines": 2, "orders": 1, "products": 2},
        {"events.csv": "1433221332130,257598,transaction,355910,4001\n"},
        new_rows=1,
        quarantined=1,
        answers={
            "select min(occurred_at), max(occurred_at) from events": [
                (datetime(2015, 6, 2, 5, 2, 12, 117000), datetime(2015, 6, 2, 6, 0, 0, 500000))
            ],
            "select order_id, customer_id from orders": [("4000", "257597")],
        },
    ),
    "cdnow": Sample(
        {
            "cdnow.csv": """customer_id,date,quantity,price
1,1997-01-01,1,11.77
2,1997-01-12,1,12.0
2,1997-01-12,1,12.0
2,1997-01-13,5,77.0
3,1997-01-13,none,77.0
"""
        },
        {"orders": 4, "lines": 4},
        {"cdnow.csv": "2,1997-01-12,1,12.0\n4,1997-02-01,1,0.0\n"},
        new_rows=2,
        quarantined=1,
        answers={
            "select count(*), count(distinct order_id), sum(amount) from orders where customer_id = '2'": [
                (3, 3, Decimal("101.0000"))
            ],
            "select price from lines where quantity = 5": [(Decimal("15.4000"),)],
        },
    ),
    "olist": Sample(
        {
            "olist_customers_dataset.csv": """customer_id,customer_unique_id,customer_zip_code_prefix,\
customer_city,customer_state
k1,p1,4571,sao paulo,SP
k2,p1,04571,sao paulo,SP
k3,p2,18682,lencois,SP
""",
            "olist_orders_dataset.csv": (
                "order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,"
                "order_delivered_carrier_date,order_delivered_customer_date,order_estimated_delivery_date\n"
                "o1,k1,delivered,2017-10-02 10:56:33,2017-10-02 11:07:15,,,2017-10-18 00:00:00\n"
                "o2,k2,canceled,2017-10-03 10:00:00,2017-10-04 11:00:00,,,2017-10-20 00:00:00\n"
                "o3,k3,created,2017-10-05 10:00:00,,,,2017-10-25 00:00:00\n"
            ),
            "olist_order_items_dataset.csv": """order_id,order_item_id,product_id,seller_id,price,freight_value
o1,1,a,s,199.9,18.14
o1,2,b,s,10.0,1.00
o2,1,a,s,199.9,18.14
o9,1,a,s,199.9,18.14
""",
            "olist_products_dataset.csv": "product_id,product_category_name\na,beleza_saude\nb,\n",
            "product_category_name_translation.csv": (
                "product_category_name,product_category_name_english\nbeleza_saude,health_beauty\n"
            ),
        },
        {"customers": 3, "orders": 3, "lines": 4, "products": 2},
        {
            "olist_customers_dataset.csv": "k4,p1,04571,sao paulo,SP\n",
            "olist_orders_dataset.csv": (
                "o4,k4,delivered,2017-11-02 10:56:33,2017-11-02 11:07:15,,,2017-11-18 00:00:00\n"
            ),
            "olist_order_items_dataset.csv": "o4,1,b,s,10.0,1.0\n",
        },
        new_rows=3,
        quarantined=1,
        answers={
            "select order_id, customer_id, amount, known_at from orders order by 1": [
                ("o1", "p1", Decimal("209.9000"), datetime(2017, 10, 2, 11, 7, 15)),
                ("o2", "p1", Decimal("199.9000"), datetime(2017, 10, 4, 11)),
                ("o3", "p2", None, datetime(2017, 10, 5, 10)),
            ],
            "select order_id, amount, known_at from lines where kind = 'return'": [
                ("o2", Decimal("-199.9000"), datetime(2017, 10, 20))
            ],
            "select distinct category from lines order by 1": [("health_beauty",), (None,)],
            "select distinct postcode from customer_history order by 1": [("04571",), ("18682",)],
            "select reason from quarantine": [("item of an unknown order",)],
        },
    ),
    "complete_journey": Sample(
        {
            "transactions.csv": (
                "household_id,store_id,basket_id,product_id,quantity,sales_value,retail_disc,coupon_disc,"
                "coupon_match_disc,week,transaction_timestamp\n"
                "900,330,b1,1095275,1,0.50,0.0,0,0,1,2017-01-01 11:53:26\n"
                "900,330,b1,9878513,2,2.00,0.1,0,0,1,2017-01-01 11:53:26\n"
                "900,330,b2,9878513,0,0.00,0.1,0,0,1,2017-01-02 11:53:26\n"
            ),
            "products.csv": (
                "product_id,manufacturer_id,department,brand,product_category,product_type,package_size\n"
                "1095275,2,GROCERY,National,FRZN ICE,ICE,22 LB\n9878513,69,PASTRY,Private,,,\n"
            ),
            "demographics.csv": (
                "household_id,age,income,home_ownership,marital_status,household_size,household_comp,kids_count\n"
                "900,65+,35-49K,Homeowner,Married,2,2 Adults No Kids,0\n"
                "901,19-24,Under 15K,,Unmarried,1,1 Adult No Kids,0\n"
                "902,35-44,250K+,,,,,\n"
            ),
            "campaigns.csv": "campaign_id,household_id\n1,900\n",
            "campaign_descriptions.csv": (
                "campaign_id,campaign_type,start_date,end_date\n1,Type B,2017-03-03,2017-04-09\n"
            ),
            "coupons.csv": "coupon_upc,product_id,campaign_id\n10000085207,9878513,1\n",
            "coupon_redemptions.csv": (
                "household_id,coupon_upc,campaign_id,redemption_date\n900,10000085207,1,2017-03-10\n"
            ),
            "promotions.csv": "product_id,store_id,display_location,mailer_location,week\n1095275,337,3,0,2\n",
        },
        {"lines": 2, "orders": 1, "products": 2, "customers": 3, "offers": 4},
        {"transactions.csv": "900,330,b3,1095275,1,0.50,0.0,0,0,2,2017-01-03 11:53:26\n"},
        new_rows=1,
        quarantined=1,
        answers={
            "select order_id, customer_id, store_id, amount, discount from orders": [
                ("b1", "900", "330", Decimal("2.5000"), Decimal("0.1000"))
            ],
            "select product_id, category, price, amount from lines order by 1": [
                ("1095275", "GROCERY.FRZN ICE", Decimal("0.5000"), Decimal("0.5000")),
                ("9878513", "PASTRY", Decimal("1.0000"), Decimal("2.0000")),
            ],
            "select customer_id, age, income, occurred_at from customers order by 1": [
                ("900", 70, 42500.0, datetime(1900, 1, 1)),
                ("901", 22, 7500.0, datetime(1900, 1, 1)),
                ("902", 40, 275000.0, datetime(1900, 1, 1)),
            ],
            "select kind, occurred_at from offers order by 1": [
                ("coupon", datetime(2017, 3, 3)),
                ("promotion", datetime(2017, 1, 2)),
                ("redeemed", datetime(2017, 3, 10)),
                ("sent", datetime(2017, 3, 3)),
            ],
        },
    ),
    "series": Sample(
        {
            "train.csv": """Store,Dept,Date,Weekly_Sales,IsHoliday
1,1,2010-02-05,24924.5,FALSE
1,1,2010-02-12,-10.0,TRUE
1,2,2010-02-12,,TRUE
""",
            "features.csv": """Store,Date,Temperature,Fuel_Price,MarkDown1,CPI,Unemployment,IsHoliday
1,2010-02-05,42.31,2.572,NA,211.1,8.1,FALSE
1,2010-02-12,38.51,2.548,5.5,211.2,8.1,TRUE
""",
            "stores.csv": "Store,Type,Size\n1,A,151315\n",
        },
        {"series": 2, "calendar": 2},
        {"train.csv": "1,1,2010-02-19,7.0,FALSE\n"},
        new_rows=1,
        quarantined=1,
        answers={
            "select keys, value, outside->>'type', (outside->>'markdown1')::DOUBLE from series order by date": [
                ('{"store":"1","dept":"1"}', 24924.5, "A", None),
                ('{"store":"1","dept":"1"}', -10.0, "A", 5.5),
            ],
            "select holiday, promotion from calendar order by date": [(None, None), ("holiday", "markdown")],
        },
    ),
    "data_insights": Sample(
        {
            "Transactions.csv": (
                "Customer ID,Transaction ID,Transaction Date,Product Category,Product ID,Quantity,Transaction Amount\n"
                'C1,T1,2024-01-05 10:00,Toys,P1,2,"$1,020.50"\n'
                "C1,T1,2024-01-05 10:00,Books,P2,1,5.00\n"
                "C1,T2,01/06/2024,Toys,P1,-1,10.25\n"
                ",T3,2024-01-07,Toys,P1,1,10.25\n"
                "C2,T4,2024-01-07,Toys,P1,1,free\n"
            ),
            "Customer_Interactions.csv": (
                "customer_id,interaction_id,interaction_date,INTERACTION_TYPE,Product ID,Product Category\n"
                "C1,I1,2024-01-04,Page View,P1,Toys\nC1,I2,2024-01-04,Add to Cart,P1,Toys\n"
            ),
            "Customer_Details.csv": (
                'Customer ID,Age,Gender,Location,Income,Profession\nC1,34,F,Leeds,"55,000",Nurse\n'
                "C2,340,m,York,,Clerk\n"
            ),
        },
        {"lines": 4, "orders": 2, "events": 2, "customers": 2, "products": 2},
        {"Customer_Interactions.csv": "C2,I3,2024-01-08,Purchase,P2,Books\n"},
        new_rows=1,
        quarantined=1,
        answers={
            "select order_id, customer_id, amount from orders order by 1": [
                ("T1", "C1", Decimal("1025.5000")),
                ("T3", None, Decimal("10.2500")),
            ],
            "select quantity, amount, occurred_at from lines where kind = 'return'": [
                (-1.0, Decimal("-10.2500"), datetime(2024, 1, 6))
            ],
            "select type from events order by event_id": [("view",), ("add_to_cart",)],
            "select age, income, gender from customers order by customer_id": [(34, 55000.0, "f"), (None, None, "m")],
            """select "Customer ID", "Transaction Amount" from Transactions where "Transaction ID" = 'T1'
               order by 2""": [("C1", Decimal("5.0000")), ("C1", Decimal("1020.5000"))],
            "select rows from quality where check_name = 'impossible age'": [(1,)],
        },
    ),
    "people": Sample(
        {
            "crm.csv": """rec_id, name, DOB, zip, mobile, Occupation, Loyalty points, source_system
1, "Mr. John Fitzgerald Kennedy", 29/05/1917, 02445, 555 1, politician, 7, crm
2, "van der Berg, Anna Maria", 19560409, , , , , crm
3, Ludwig van Beethoven, 13.13.1770, 53111, , , 9, web
3, Ludwig van Beethoven, 13.13.1770, 53111, , , 9, web
4, Cher, , , , , ,
, Nobody, , , , , ,
""",
            "members.jsonl": """{"id": 7, "first_name": "Ada", "second_name": "K", "last_name": "Byron", "sex": "F", \
"age": 36, "mail": "a@b.org"}
{"id": 8, "first_name": "Bo", "last_name": "Lee", "age": 361, "updated_at": "2024-01-02T03:04:05Z", "hobby": ["go"]}
""",
            "voters.csv": """person_id,full_name,given_name,surname,house_number,street,town,county,place_of_birth
9,"ada king, lady byron",ada,byron,7,high street,Leeds,,london
""",
        },
        {"customers": 7},
        {"members.jsonl": '{"id": 8, "first_name": "Bo", "last_name": "Lee-Ray", "updated_at": "2024-05-01"}\n'},
        new_rows=1,
        quarantined=1,
        duplicate=1,
        answers={
            "select customer_id, first_name, later_names, surname, channel from customers order by 1": [
                ("4", "Cher", None, None, "person"),
                ("7", "Ada", "K", "Byron", "person"),
                ("8", "Bo", None, "Lee", "person"),
                ("9", "ada", "king, lady", "byron", "person"),
                ("crm:1", "John", "Fitzgerald", "Kennedy", "crm"),
                ("crm:2", "Anna", "Maria", "van der Berg", "crm"),
                ("web:3", "Ludwig", None, "van Beethoven", "web"),
            ],
            "select birth_date::VARCHAR, postcode, phone, profession from customers where channel = 'crm' order by 1": [
                ("1917-05-29", "02445", "555 1", "politician"),
                ("1956-04-09", None, None, None),
            ],
            "select address, location, birth_place from customers where customer_id = '9'": [
                ("7 high street, Leeds", "Leeds", "london")
            ],
            "select further->>'Loyalty points', further->>'birth_date' from customers where channel = 'web'": [
                ("9", "13.13.1770")
            ],
            "select age, email, gender, further from customers where customer_id = '7'": [(36, "a@b.org", "f", None)],
            "select age, further->>'age', further->>'hobby', occurred_at from customers where customer_id = '8'": [
                (None, "361", '["go"]', datetime(2024, 1, 2, 3, 4, 5))
            ],
            "select customer_id from customers where occurred_at > '1900-01-01'": [("8",)],
            "select reason, line from quarantine": [("no record id", 7)],
            "select check_name, rows, action from quality where column_name = 'birth_date' order by 1": [
                ("birth date in another format", 2, "repaired"),
                ("no readable birth date", 1, "kept"),
            ],
        },
    ),
    "ebuy_emporium": Sample(
        {
            "customer_database.csv": """customer_id,first_name,surname,postcode,age
1,Rhys,Richards,DE456EZ,45
2,Maisie,Young,SW433XX,5
3,Jo,Young,SW433XX,
,Jo,Young,SW433XX,40
""",
            "crm_export.csv": """customer_id,first_name,surname,postcode,age
1,Rhys,Richards,DE456EZ,45
9,Al,Fox,DE456EZ,12
""",
            "purchases.csv": (
                "event_time,product_id,category_id,category_code,brand,price,session_id,customer_id,"
                "guest_first_name,guest_surname,guest_postcode\n"
                "2019-10-01 00:00:02 UTC,a,10,beauty.skin,Aqua,35.79,s1,1.0,,,\n"
                "2019-10-01 00:00:02 UTC,b,11,,,10.00,s1,1.0,,,\n"
                "2019-10-01 00:00:03 UTC,b,11,,,10.00,s2,,rhys,richards,de456ez\n"
                "2019-10-01 00:00:03 UTC,b,11,,,10.00,s2,,rhys,richards,de456ez\n"
                "2019-10-01 00:00:04 UTC,b,11,,,-10.00,s2,,rhys,richards,de456ez\n"
                "2019-10-01 00:00:05 UTC,b,11,,,4.00,s3,77,Al,Fox,DE456EZ\n"
                "2019-10-01 00:00:06 UTC,b,11,,,4.00,s4,,,,\n"
            ),
            "guests.csv": "guest_first_name,guest_surname,guest_postcode\nben,white,rg369qf\nben,white,rg369qf\n",
            "purchaser_ids.csv": "customer_id\n1\n77\n",
        },
        {"customers": 8, "lines": 5, "orders": 4, "products": 2},
        {
            "purchases.csv": "2019-10-01 00:00:09 UTC,c,12,,,5.00,s2,,rhys,richards,de456ez\n",
            "guests.csv": "ann,white,rg369qf\n",
        },
        new_rows=2,
        quarantined=2,
        duplicate=2,
        answers={
            "select order_id like 's2-guest-%', customer_id, amount, guest_first_name, guest_surname, guest_postcode "
            "from orders where order_id like 's2-%'": [(True, None, Decimal("10.0000"), "rhys", "richards", "de456ez")],
            "select customer_id, amount, guest_surname from orders where customer_id is not null order by 1": [
                ("1", Decimal("45.7900"), None),
                ("77", Decimal("4.0000"), None),
            ],
            "select channel, count(*), count(customer_id), count(surname) from customer_history group by 1 "
            "order by 1": [
                ("crm", 2, 2, 2),
                ("guest", 1, 0, 1),
                ("purchase", 2, 2, 0),
                ("web", 3, 3, 3),
            ],
            "select customer_id, surname, age from customers order by 1": [
                ("1", "Richards", 45),
                ("2", "Young", 5),
                ("3", "Young", None),
                ("77", None, None),
                ("9", "Fox", 12),
            ],
            "select customer_id from known_customers order by 1": [("1",), ("77",)],
            "select reason, line from quarantine order by 1": [("negative price", 6), ("no customer id", 5)],
            "select check_name, sum(rows) from quality where check_name in ('under 16 years', 'guest checkout', "
            "'nobody''s purchase', 'customer with a guest''s details') group by 1 order by 1": [
                ("customer with a guest's details", 1),
                ("guest checkout", 2),
                ("nobody's purchase", 1),
                ("under 16 years", 2),
            ],
        },
    ),
}
