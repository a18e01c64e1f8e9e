"""What the table `series` says beside what a source gives: the keys as columns, and when a period begins."""

from __future__ import annotations

from collections.abc import Collection

NAMES = {
    "store_id": ("store", "store_id", "shop", "branch"),
    "category": ("category", "dept", "department", "category_id"),
    "product_id": ("product", "product_id", "sku", "item", "item_id"),
    "brand": ("brand",),
    "channel": ("channel",),
}
"""Column -> the keys' names that mean it."""


def ready_sql(sql: str, given: Collection[str]) -> str:
    """Rows of `series` with the columns that `sql`, which has those `given`, leaves out."""
    own = []
    if "keys" in given:
        for column, names in NAMES.items():
            if column not in given:
                told = ", ".join(f"json_extract_string(keys, '$.{name}')" for name in names)
                own.append(f"coalesce({told}, null) as {column}")
    elif key := [c for c in NAMES if c in given]:
        fields = ", ".join(f"{c.removesuffix('_id')} := {c}" for c in key)
        own.append(f"to_json(struct_pack({fields}))::VARCHAR as keys")
    else:
        own.append("'{}' as keys")
    if "occurred_at" not in given:
        own.append('utc(cast("date" as timestamp)) as occurred_at')
    return f"select *, {', '.join(own)} from ({sql})" if own else sql
