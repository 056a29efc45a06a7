"""What a reader's browser makes of a page: whether anything runs off it, at the widths that people have.

One headless Chromium looks at every page of a call in a frame of its own; nothing is fetched.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from pypdf import PdfReader

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DESK, NARROW, PHONE = 1200, 800, 390
WIDTHS = (DESK, NARROW, PHONE)
MEASURE = """
<script>
addEventListener("load", () => {
  const found = [];
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument, width = page.documentElement.clientWidth;
    page.documentElement.style.setProperty("text-spacing-trim", "space-all");  // else the blank half of a bracket that ends a line counts as text
    const told = what => found.push([frame.dataset.name, Number(frame.dataset.width), what]);
    if (page.documentElement.scrollWidth > width) told("page");
    for (const box of page.querySelectorAll("body *")) {
      const rectangle = box.getBoundingClientRect();
      if (!rectangle.width || box.closest("pre, svg, .picture, option") || box.closest("details:not([open])") || getComputedStyle(box).clipPath !== "none") continue;
      const name = box.tagName.toLowerCase() + (box.className ? "." + box.className : "");
      if (rectangle.right > width + 1) told(name + " ends at " + Math.round(rectangle.right));
      if (box.scrollWidth > box.clientWidth + 1 && box.clientWidth && getComputedStyle(box).display !== "inline" && !box.matches("select, input, textarea")) told(name + " holds " + box.scrollWidth + " in " + box.clientWidth);
      if (box.tagName === "TD" && rectangle.width < 24) told(name + " is " + Math.round(rectangle.width) + " wide");
    }
  }
  const out = document.createElement("output");
  out.textContent = JSON.stringify(found);
  document.body.replaceChildren(out);
});
</script>
"""


def run_off(pages: Mapping[str, str], folder: Path, widths: Sequence[int] = WIDTHS) -> list[tuple[str, int, str]]:
    """(page, width in px, what runs off) of each of ``pages`` (name → HTML); empty when everything stays on its page."""
    frames = "".join(
        f'<iframe data-name="{html.escape(name)}" data-width="{width}" style="border:0;width:{width}px;height:900px"'
        f' srcdoc="{html.escape(text)}"></iframe>'
        for name, text in pages.items()
        for width in widths
    )
    wrapper = folder / "measure.html"
    wrapper.write_text(f"<!doctype html><meta charset=utf-8><body>{frames}{MEASURE}", encoding="utf-8")
    assert CHROMIUM is not None
    done = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}",
            "--virtual-time-budget=20000", "--dump-dom", wrapper.as_uri(),
        ],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    told = re.search(r"<output>(.*?)</output>", done.stdout, re.DOTALL)
    assert told is not None, done.stdout[:2000] + done.stderr[-2000:]
    return [(name, width, what) for name, width, what in json.loads(html.unescape(told[1]))]


def on_paper(page: str, folder: Path) -> list[str]:
    """The text of every sheet that comes out when the page is printed, one after the other."""
    source, printed = folder / "to-print.html", folder / "printed.pdf"
    source.write_text(page, encoding="utf-8")
    assert CHROMIUM is not None
    subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}",
            "--no-pdf-header-footer", f"--print-to-pdf={printed}", source.as_uri(),
        ],
        capture_output=True, check=True, timeout=120,
    )  # fmt: skip
    return [one.extract_text() for one in PdfReader(printed).pages]
