"""The visible words and links of a Markdown text once it is rendered."""

from __future__ import annotations

import html
import re
from functools import lru_cache

from core.rag.domain.model import Passage
from core.rendering.markdown import from_markdown
from core.rendering.tree import Blocks
from core.text.autolinks import links_in
from core.text.links import Link, links_of
from core.text.sanitize import sanitize

_MARKS = re.compile(r"[\\*_`]++|~~")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_PLAIN = re.compile(r"[^\\*_~`|<>&\[\]#!]*+")


@lru_cache(maxsize=2048)
def readings(text: str) -> tuple[str, ...]:
    """What is seen of a text: first as our renderers draw it, then with every mark dropped.

    Marks inside a word part it in the source and not on the screen; which of them a client knows
    differs. One reading where nothing is marked.
    """
    text = sanitize(text)
    if _PLAIN.fullmatch(text):
        return (text,)
    drawn = _shown(from_markdown(text))
    bare = sanitize(html.unescape(_MARKS.sub("", _ESCAPED.sub(r"\1", text))))
    return (drawn,) if bare.split() == drawn.split() else (drawn, bare)


@lru_cache(maxsize=2048)
def rendered_links(text: str) -> frozenset[Link]:
    """Every link in a Markdown text: as our renderers draw it, and as those do who read it raw.

    Our own tree has the targets of its links and what its words show; a client that takes the
    text as it stands, decodes entities, or drops marks sees others.
    """
    text = sanitize(text)
    blocks = from_markdown(text)
    found = set(links_in(_shown(blocks)))
    for block in blocks:
        for span in block.spans:
            found |= links_of(span.link)
    decoded = sanitize(html.unescape(text))
    raw = (text, decoded, _ESCAPED.sub(r"\1", decoded), _MARKS.sub("", decoded))
    return frozenset(found.union(*map(links_in, dict.fromkeys(raw))))


@lru_cache(maxsize=4096)
def links_of_passage(passage: Passage) -> frozenset[Link]:
    """What a source leads to: in its text and titles, and by its own address."""
    parts = (passage.text, passage.title, passage.heading)
    url = links_of(passage.url) | links_in(passage.url)
    return url.union(*map(rendered_links, parts))


def _shown(blocks: Blocks) -> str:
    """The visible text; what styles cut apart stands together."""
    return "\n".join(block.text for block in blocks)
