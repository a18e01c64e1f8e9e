"""Who a customer is, on a terminal, as a page or as a picture."""

from __future__ import annotations

from pathlib import Path

from footfall.answers.context import now
from footfall.answers.keep import write_text
from footfall.engine import Engine
from footfall.errors import UsageError
from footfall.explain import CustomerStory, customer_story
from footfall.report import Page, customer_page, customer_picture


def tell_customer(engine: Engine, customer_id: str, out: Path | None = None) -> CustomerStory:
    """The story of a customer; with `out` also written, as a page (.html) or as its least sure link's picture (.svg).

    Raises:
        UsageError: another ending, or no such customer.
        FootfallError: records were not resolved yet, or the file cannot be written.
    """
    if out is not None and out.suffix.lower() not in (".html", ".svg"):
        raise UsageError(f"cannot write a customer's story as '{out.suffix}'; .html and .svg are known")
    story = customer_story(engine, customer_id)
    if out is not None:
        page = Page(customer_id, {}, f"{now():%-d %B %Y}", story.tables())
        write_text(customer_page(page) if out.suffix.lower() == ".html" else customer_picture(page), out)
    return story
