"""A stranger's shop on another origin, with hostile styles, its own policy, and our script tag."""

from __future__ import annotations

import asyncio

from aiohttp import web
from playwright.async_api import Frame, Page

from tests.support.servers.faults import Listening

PAGE = """<!doctype html><html lang="{lang}"><title>Shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style nonce="s">button, iframe {{ display: none !important; }} * {{ color: red }}
#help {{ display: block !important }}</style>
<h1>Shop</h1><button id="help">Help</button> <a href="/next">Next page</a>
<script src="{url}/widget.js" {attributes} async></script></html>"""
# The widget's shadow is closed to the page: tests look into it all the same.
OPEN_SHADOWS = """const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (options) {
  return attach.call(this, { ...options, mode: "open" });
};"""
PHONE = {
    "viewport": {"width": 360, "height": 700},
    "is_mobile": True,
    "has_touch": True,
    "device_scale_factor": 2,
}


class Shop:
    """Pages at / and /next; `attributes` of the script tag count from the next load."""

    def __init__(self, chat: str) -> None:
        self._chat = chat
        self.attributes = ""
        self.lang = "en"
        app = web.Application()
        app.router.add_get("/", self._page)
        app.router.add_get("/next", self._page)
        self._listening = Listening(app)

    @property
    def url(self) -> str:
        """Its address, another site's than the chat's."""
        return f"http://localhost:{self._listening.port}/"

    async def open(self) -> None:
        """Serve."""
        await self._listening.open()

    async def close(self) -> None:
        """Go away."""
        await self._listening.close()

    async def _page(self, request: web.Request) -> web.Response:
        del request
        policy = (
            f"default-src 'none'; style-src 'self' 'nonce-s'; script-src {self._chat};"
            f" frame-src {self._chat}"
        )
        text = PAGE.format(url=self._chat, attributes=self.attributes, lang=self.lang)
        headers = {"Content-Security-Policy": policy}
        return web.Response(content_type="text/html", headers=headers, text=text)


async def until(page: Page | Frame, expression: str, arg: object = None) -> None:
    """Return once this is true there; without unsafe-eval a page may not wait by itself."""
    for _ in range(400):
        if await page.evaluate(expression, arg):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"never true: {expression}")


async def the_frame(page: Page, chat: str) -> Frame:
    """The widget's frame, as soon as it is there."""
    for _ in range(400):
        for frame in page.frames:
            if frame.url.startswith(chat):
                return frame
        await asyncio.sleep(0.05)
    raise AssertionError("the widget has no frame")


async def widget_ready(page: Page) -> None:
    """Return once the site's page has the widget's name."""
    await until(page, "Boolean(window.ContactCenter)")
