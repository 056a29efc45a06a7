"""Reads the product's 照会画面 as a member of staff would: visible text, and what its links open."""

from __future__ import annotations

import contextlib
import hashlib
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx

from conformance.adapters.answers import tls_for
from conformance.adapters.base import ProductUnreachable
from conformance.adapters.deadline import BoundedTransport
from conformance.record import Screen, ScreenLink

NO_ANSWER = 0
"""Status of a page that was answered in a way no browser would show."""

MOST_LINKS = 60
LARGEST_PAGE = 8 * 1024 * 1024


class _Page(HTMLParser):
    """Visible text of a page, values of input fields included, and the targets of its links."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self.links: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("script", "style", "template"):
            self._hidden += 1
        if tag == "input" and given.get("type") != "hidden":
            self.text.append(given.get("value", ""))
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style", "template") and self._hidden:
            self._hidden -= 1

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text.append(data)


class ScreenReader:
    """Opens the screen of one application after another, at ``template`` with its ``{receipt_no}``."""

    def __init__(self, template: str, user_and_password: str, timeout: float) -> None:
        self._template = template
        user, _, password = user_and_password.partition(":")
        self._client = httpx.Client(
            auth=(user, password) if user else None,
            timeout=timeout,
            trust_env=False,
            follow_redirects=True,
            transport=BoundedTransport(tls_for(template), timeout),
        )

    def close(self) -> None:
        self._client.close()

    def look(self, receipt_no: str) -> Screen:
        """Text that is visible (values of input fields included) and the result of every link of the same host."""
        url = self._template.replace("{receipt_no}", receipt_no)
        status, data = self._get(url)
        if status != 200 or not data:
            return Screen(status=status, text="")
        page = _Page()
        with contextlib.suppress(
            AssertionError
        ):  # html.parser gives up at a malformed <![…; what it read so far counts
            page.feed(data.decode("utf-8", "replace"))
            page.close()
        return Screen(status=status, text="".join(page.text)[:400_000], links=self._follow(page.links, url))

    def _follow(self, links: list[str], url: str) -> tuple[ScreenLink, ...]:
        here = urlsplit(url)
        found: list[ScreenLink] = []
        seen: set[str] = set()
        for href in links:
            try:
                target = urljoin(url, href).partition("#")[0]
                parts = urlsplit(target)
            except ValueError:  # no address at all
                continue
            below = parts.path.startswith(here.path.rstrip("/") + "/")
            if parts.netloc != here.netloc or not below or target in seen or len(seen) >= MOST_LINKS:
                continue
            seen.add(target)
            status, data = self._get(target)
            found.append(ScreenLink(status=status, size=len(data), sha256=hashlib.sha256(data).hexdigest()))
        return tuple(found)

    def _get(self, url: str) -> tuple[int, bytes]:
        try:
            with self._client.stream("GET", url) as response:
                data = bytearray()
                for piece in response.iter_bytes():
                    data += piece
                    if len(data) > LARGEST_PAGE:
                        break
                return response.status_code, bytes(data)
        except (httpx.TooManyRedirects, httpx.DecodingError, httpx.InvalidURL):
            return NO_ANSWER, b""
        except httpx.TransportError as error:
            cause = type(error).__name__
            raise ProductUnreachable(url, f"応答がありません（{cause}）", f"no answer ({cause})") from None
