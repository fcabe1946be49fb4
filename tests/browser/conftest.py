"""A real Chromium, the one that the machine has."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

expect.set_options(timeout=15_000)  # milliseconds: a machine with much to do takes longer, and is right all the same

# Playwright runs an event loop in the thread of the tests, and Django then refuses to touch the database there.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]


def _chromium() -> str:
    found = next((path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(path).exists()), None)
    return found or shutil.which("chromium") or shutil.which("google-chrome") or ""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    path = _chromium()
    if not path:
        message = "there is no Chromium on this machine"
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(message)
        print(f"skipped: {message}")
        pytest.skip(message)
    return {**browser_type_launch_args, "executable_path": path, "args": ARGUMENTS}


@pytest.fixture
def page(page):
    """Ten seconds are plenty on one machine, and half a minute is long to wait for a failure."""
    page.set_default_timeout(10_000)  # milliseconds
    return page


@contextmanager
def complain(page: Page) -> Iterator[list[str]]:
    """What the browser complains about meanwhile: errors of scripts, and what the content policy stopped."""
    found: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            found.append(message.text)

    def fail(error: object) -> None:
        found.append(str(error))

    page.on("console", note)
    page.on("pageerror", fail)
    yield found
    page.remove_listener("console", note)
    page.remove_listener("pageerror", fail)


@pytest.fixture
def complaints(page):
    """What the browser complained about in this test."""
    with complain(page) as found:
        yield found


@pytest.fixture(scope="session")
def base_url():
    """The plugin's own is of a kind that pytest is about to drop; each test names its address anyway."""
    return ""
