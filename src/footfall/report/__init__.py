"""Result tables -> one page a merchant understands. Computes nothing."""

from footfall.report.chart import Chart, chart, charts_of
from footfall.report.csvs import write_csvs
from footfall.report.customer import customer_page, customer_picture
from footfall.report.page import Headline, Page
from footfall.report.render import SECTIONS, figures, render
from footfall.report.section import Section

__all__ = [
    "SECTIONS",
    "Chart",
    "Headline",
    "Page",
    "Section",
    "chart",
    "charts_of",
    "customer_page",
    "customer_picture",
    "figures",
    "render",
    "write_csvs",
]
