"""Tells what of a page a person sees, what opens at a press, and what is the site's own frame."""

from __future__ import annotations

import re
from itertools import islice

from bs4 import BeautifulSoup
from bs4.element import Tag

from core.rag.reading.html.stylesheet import hidden_by_style, hides
from core.rag.reading.html.tabs import is_tab
from core.rag.semantics.statements import QUESTION_CHARS

NEVER = frozenset(
    {
        "script", "style", "noscript", "noframes", "head", "meta", "link", "canvas", "audio",
        "video", "svg", "map", "object", "embed", "iframe", "frame", "frameset", "datalist",
        "progress", "meter", "option", "title", "area", "param", "source", "track", "applet",
    }
)  # fmt: skip
"""Elements whose text stands on no page."""
_SELDOM = frozenset({"sr-only", "visually-hidden", "visuallyhidden", "screen-reader-text",
                     "screen-reader-only", "element-invisible", "assistive-text"})  # fmt: skip
_CLOSED = frozenset({"hidden", "d-none", "hide", "is-hidden", "u-hidden", "display-none",
                     "invisible", "displaynone", "uk-hidden", "ng-hide", "dn"})  # fmt: skip
_WIDER = re.compile(r"^(?:sm|md|lg|xl|2xl):(?:block|flex|inline|grid|table|contents)"
                    r"|^d-(?:sm|md|lg|xl|xxl)-(?:block|flex|inline|table|grid)")  # fmt: skip
_OPENING = re.compile(
    r"accordion|collaps|toggle|trigger|expand|faq|question|disclosure|opener|reveal|tab\b|tab-"
)
_ASKING = re.compile(
    r"(?:faq|accordion|collaps\w{0,12}|toggle|qa)[\w-]{0,30}?(?:question|title|head(?:er|ing)?|trigger|button)\b"
    r"|(?:^|\s)question(?:-?(?:title|text))?(?:\s|$)"
)
_OPENED = re.compile(r"accordion|collaps|panel|answer|faq|content|body|tab|details|drawer|more")
_ICON = re.compile(r"icon|glyph|chevron|caret|arrow|\bfa[srlb]?\b|fa-|symbol|emoji-fallback")
_QUOTED = re.compile(r"""["']#?([\w:.-]{1,80})["']""")
_PHRASING = frozenset({"span", "b", "i", "em", "strong", "small", "sup", "sub", "a", "u", "bdi",
                       "time", "mark", "code", "abbr", "data", "font"})  # fmt: skip
_FRAME = {
    "navigation": "navigation", "search": "navigation", "menubar": "navigation",
    "contentinfo": "footer", "banner": "header",
}  # fmt: skip
_FRAME_CLASSES = re.compile(
    r"(?:^|\s)(?:breadcrumbs?(?:-section)?|skip-?links?|skip-?nav|skip-to-content|gdpr(?:-\w+)?|"
    r"pagination|pager|site-?nav|navbar|main-?nav|main-?menu|"
    r"site-?footer|page-?footer|share-?buttons?|social-?(?:links|share|icons)|article-share|"
    r"mobile-?menu|back-to-top|(?:article-)?return-to-top|(?:article-)?votes?|article-vote|"
    r"(?:page|article)-feedback|was-(?:this-)?helpful|article-more-questions|article-relatives|"
    r"(?:related|recent)-?(?:articles|posts)|article-comments|comments-(?:area|section)|disqus_thread|"
    r"page-metadata)(?:\s|$)"
)
#: What asks for consent, by the names that the programs which do so give it. A whole page may be
#: called by what it has ("has-cookie-banner"), and is none.
_CONSENT = re.compile(
    r"(?:^|\s)(?:(?:(?:eu|site|wp|hs|my|js|gdpr|moove_gdpr)[-_])?cookies?[-_]?(?:banner|consent|notice|bar|"
    r"dialog|popup|pop-up|modal|message|law|overlay|alert|info[-_]?bar)"
    r"(?:[-_](?:container|wrapper?|inner|root|content|box|text|body))?|"
    r"cookieconsent[\w:-]{0,60}|onetrust-[\w-]{1,40}|cybotcookiebot\w{0,40}|cc-(?:window|banner)|"
    r"truste[-_][\w-]{1,40}|usercentrics-\w{1,40}|didomi-(?:host|notice|popup)[\w-]{0,40}|"
    r"qc-cmp[\w-]{0,40}|iubenda-cs-[\w-]{1,40}|cmplz-cookiebanner[\w-]{0,40}|borlabscookie[\w-]{0,40}|"
    r"cookie-law-info-(?:bar|again)|cky-(?:consent|modal|overlay|btn)[\w-]{0,40}|osano-cm-[\w-]{1,40}|"
    r"tarteaucitron\w{0,40}|shopify-pc__[\w-]{1,40}|fc-consent-root|sp_message_container\w{0,40}|consent-?(?:banner|manager|modal|popup|dialog)|"
    r"privacy-?(?:banner|popup|consent))(?:\s|$)"
)
_ARTICLES = ("article", "main", "section", "blockquote", "li", "td", "details", "dialog")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_HOLDERS = ("div", "p", "ul", "ol", "dl", "section", "table", "details")
NEAR = 3  #: elements before a closed panel among which its button stands


class Visibility:
    """The parts of one page that a person sees."""

    def __init__(self, soup: BeautifulSoup) -> None:
        self._styled = hidden_by_style(soup)
        self._opened = _opened_by_something(soup)

    def why_not(self, tag: Tag) -> str:
        """Why nobody reads this: hidden, navigation, header, footer; "" for what is read."""
        name = tag.name
        if name in NEVER or (name == "template" and not tag.get("shadowrootmode")):
            return "code"
        if name == "select":
            return "choices of a form"
        if frame := _frame(tag):
            return frame
        return "hidden" if self._is_hidden(tag) and not self._opens(tag) else ""

    def is_panel(self, tag: Tag) -> bool:
        """Whether it is closed at first, and something that is pressed opens it."""
        return self._is_hidden(tag) and self._opens(tag)

    def _is_hidden(self, tag: Tag) -> bool:
        if tag.name == "dialog" and not tag.has_attr("open"):
            return True
        if tag.has_attr("hidden"):
            return str(tag.get("hidden") or "").lower() != "until-found"
        inline = hides(str(tag.get("style") or ""))
        if inline is None:
            inline = self._styled.get(id(tag))
        if inline is not None:
            return inline
        classes = classes_of(tag)
        if classes & _SELDOM:
            return True
        if classes & _CLOSED and not any(map(_WIDER.match, classes)):
            return True
        return str(tag.get("aria-hidden") or "").lower() == "true" and _is_decoration(tag)

    def _opens(self, tag: Tag) -> bool:
        """Whether a button or a tab beside it shows this: a panel that is closed at first."""
        if classes_of(tag) & _SELDOM or str(tag.get("type")) == "hidden":
            return False
        if str(tag.get("id") or "") in self._opened or tag.get("role") == "tabpanel":
            return True
        if "collapse" in classes_of(tag):
            return True
        for before in islice((s for s in tag.previous_siblings if isinstance(s, Tag)), NEAR):
            if self._toggles(before, tag):
                return True
            if before.name not in ("input", "hr", "br", "svg", "i"):
                break
        return False

    def _toggles(self, tag: Tag, panel: Tag) -> bool:
        pressed = tag if _is_pressed(tag) else tag.find(_is_pressed)
        said = len(tag.get_text(strip=True))
        # A whole row of panels beside it is no button of this one.
        if not isinstance(pressed, Tag) or not said or len(pressed.get_text(strip=True)) < said / 2:
            return False
        names = " ".join(classes_of(tag) | classes_of(pressed)).lower()
        if pressed.has_attr("aria-expanded") or pressed.has_attr("onclick"):
            return True
        if _OPENING.search(names) or _OPENED.search(" ".join(classes_of(panel)).lower()):
            return True
        # Any other button opens what stands under it, but not a line with a note.
        return panel.name not in ("p", "span") or tag.get_text(strip=True).endswith(("?", "？"))


def classes_of(tag: Tag) -> set[str]:
    """The names of its classes."""
    return set(map(str, tag.get_attribute_list("class"))) - {"None"}


def opens_something(tag: Tag) -> bool:
    """Whether pressing this shows more of the page, so that it is the heading of that."""
    if tag.name not in ("button", "a", "div", "span", "label", "p", "li", "dt"):
        return False
    if tag.has_attr("aria-expanded") or tag.has_attr("aria-controls"):
        return tag.name in ("button", "a", "div", "span", "p") and tag.get("role") != "combobox"
    if tag.get("data-toggle") == "collapse" or tag.get("data-bs-toggle") == "collapse":
        return True
    names = " ".join(sorted(classes_of(tag))).lower()
    if tag.name == "button":
        return "accordion" in names
    return _ASKING.search(names) is not None and len(tag.get_text(strip=True)) <= QUESTION_CHARS


def _is_pressed(tag: Tag) -> bool:
    if tag.name in ("button", "summary", "label") or tag.get("role") in ("button", "tab"):
        return True
    if tag.has_attr("aria-expanded") or tag.has_attr("onclick") or tag.has_attr("aria-controls"):
        return True
    named = _OPENING.search(" ".join(classes_of(tag)).lower()) is not None
    return named and tag.find(_HOLDERS) is None  # else it is what holds all the panels


def _opened_by_something(soup: BeautifulSoup) -> set[str]:
    """The ids that some element says it opens."""
    found: set[str] = set()
    labelled: dict[str, list[str]] = {}
    for panel in soup.find_all(attrs={"aria-labelledby": True, "id": True}):
        for name in str(panel["aria-labelledby"]).split():
            labelled.setdefault(name, []).append(str(panel["id"]))
    for tag in soup.find_all():
        for name in ("aria-controls", "data-target", "data-bs-target", "popovertarget"):
            found.update(str(tag.get(name) or "").replace("#", " ").split())
        if tag.has_attr("onclick"):
            found.update(_QUOTED.findall(str(tag["onclick"])))
        href = str(tag.get("href") or "")
        if href.startswith("#") and (_is_pressed(tag) or is_tab(tag)):
            found.add(href[1:])
        if tag.get("role") in ("tab", "button") and tag.get("id"):
            found.update(labelled.get(str(tag["id"]), ()))
    return found - {""}


def _is_decoration(tag: Tag) -> bool:
    said = tag.get_text(strip=True)
    if not any(character.isalnum() for character in said):
        return True
    # An amount beside its spoken form is seen; a paragraph that is closed or doubled is not.
    return tag.name not in _PHRASING or _ICON.search(" ".join(classes_of(tag)).lower()) is not None


def _frame(tag: Tag) -> str:
    """Which part of the site's frame this is; "" for the page's own text."""
    if tag.name in ("body", "html", "main", "article"):
        return ""
    if tag.name == "nav":
        return "navigation"
    role = _FRAME.get(str(tag.get("role") or ""), "")
    names = " ".join([*sorted(classes_of(tag)), str(tag.get("id") or "")]).lower()
    if role == "navigation" or _FRAME_CLASSES.search(names):
        return "navigation"
    if _CONSENT.search(names) and tag.find(("main", "article", "h1")) is None:
        return "navigation"
    if tag.name == "a" and str(tag.get("href") or "") in ("#main", "#content", "#main-content"):
        return "navigation"
    if tag.name == "aside" or "sidebar" in classes_of(tag):
        return "navigation" if _is_of_links(tag) else ""
    if tag.name in ("header", "footer") or role in ("header", "footer"):
        name = role or tag.name
        if tag.find_parent(_ARTICLES) is not None:
            return ""
        if name == "header":
            return "" if tag.find(_HEADINGS) is not None else "header"
        return "footer"
    return ""


def _is_of_links(tag: Tag) -> bool:
    """Whether nearly all that it says is links elsewhere, and its title."""
    links = [a.get_text(strip=True) for a in tag.find_all("a", href=True)]
    named = [h.get_text(strip=True) for h in tag.find_all(_HEADINGS)]
    said = len(tag.get_text(strip=True))
    return bool(links) and sum(map(len, links)) + sum(map(len, named)) >= 0.9 * said
