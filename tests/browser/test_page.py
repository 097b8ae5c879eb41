"""The page of a plan in a browser: axe finds no fault, and the page loads nothing.

axe checks the rules of WCAG 2 that a program can check (https://github.com/dequelabs/axe-core).
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.unit.purge.report.demo import made
from vbs_reaper.purge.report.html_page import write_page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

PHONE, DESKTOP = 390, 1280
"""Widths in pixels."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright  # only .venv-browser has it

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "install Chromium: Debian has it in the package chromium"
    with sync_playwright() as playwright:
        # Without a sandbox it also runs as root. The other options stop requests of its own.
        options = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
        launched = playwright.chromium.launch(executable_path=chromium, args=options)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "plan.html"
    file.write_text("".join(write_page(made())), encoding="utf-8")
    return file


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault_in_the_page_with_all_its_parts_open(
    browser: Browser, page_file: Path, scheme: str, width: int
) -> None:
    from axe_playwright_python.sync_playwright import Axe  # only .venv-browser has it

    with browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900}) as page:
        requested: list[str] = []
        page.on("request", lambda request: requested.append(request.url))
        page.goto(page_file.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
        faults = Axe().run(page).response["violations"]
        assert [(fault["id"], fault["nodes"][0]["html"]) for fault in faults] == []
        assert requested == [page_file.as_uri()]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
