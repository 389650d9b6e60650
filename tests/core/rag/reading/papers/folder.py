"""All the papers."""

from __future__ import annotations

from tests.core.rag.reading.papers.desks import DESKS
from tests.core.rag.reading.papers.exports import EXPORTS
from tests.core.rag.reading.papers.html_pages import PAGES
from tests.core.rag.reading.papers.markdowns import TEXTS
from tests.core.rag.reading.papers.odd import ODD
from tests.core.rag.reading.papers.offices import OFFICES
from tests.core.rag.reading.papers.pdfs import PDFS
from tests.core.rag.reading.papers.tables import TABLES

PAPERS = (*PAGES, *TABLES, *TEXTS, *OFFICES, *PDFS, *ODD, *EXPORTS, *DESKS)
