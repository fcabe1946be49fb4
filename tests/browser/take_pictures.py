"""Takes the pictures of the README: `python -m tests.browser.take_pictures`.

Starts an installation of its own, loads the demo, and writes WebP files into static/img, so that the pictures stay true.
"""

import base64
import re
from pathlib import Path

from playwright.sync_api import Browser, Page, StorageState, sync_playwright

from tests.browser.conftest import ARGUMENTS, _chromium
from tests.product import Product, product, wait_for

PICTURES = Path(__file__).resolve().parent.parent.parent / "static" / "img"
LONG = {"width": 1280, "height": 1700}
DESKTOP, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 780}
# The browser itself makes a PNG into a WebP of a third of its size.
SHRINK = """async (source) => {
  const picture = new Image();
  picture.src = source;
  await picture.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [picture.width, picture.height];
  canvas.getContext("2d").drawImage(picture, 0, 0);
  return canvas.toDataURL("image/webp", 0.92);
}"""
PASSWORD = "a long enough password"


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with product(TMDB_API_KEY="") as made, sync_playwright() as playwright:
        made.up()
        browser = playwright.chromium.launch(executable_path=_chromium(), args=ARGUMENTS)
        state = begin(browser.new_page(), made)
        for name, path, size, scheme in pictures(made):
            take(browser, state, f"http://127.0.0.1:{made.port}{path}", size, scheme, PICTURES / f"{name}.webp")
        browser.close()
    for path in sorted(PICTURES.glob("*.webp")):
        print(f"{path.name}: {path.stat().st_size // 1000} kB")


def pictures(made: Product) -> list[tuple[str, str, dict[str, int], str]]:
    """Name, page, size and theme of each."""
    asked = made.value("SELECT MIN(id) FROM plex_conflicts WHERE NOT resolved")
    show = made.value("SELECT id FROM tvshows WHERE title = 'Firefly'")
    return [
        ("home-light", "/", LONG, "light"), ("home-dark", "/", LONG, "dark"), ("home-phone", "/", PHONE, "light"),
        ("conflict", f"/settings/plex/conflicts/{asked}", DESKTOP, "light"), ("show", f"/shows/{show}", DESKTOP, "light"),
        ("activity", "/settings/plex/activity", DESKTOP, "dark"),
        ("conflict-phone", f"/settings/plex/conflicts/{asked}", PHONE, "dark"), ("show-phone", f"/shows/{show}", PHONE, "light"),
    ]


def begin(page: Page, made: Product) -> StorageState:
    """Make the account by the setup link, and load the demo; who is signed in."""
    page.goto(wait_for(lambda: re.search(r"http\S+/setup\?token=\S+", made.log), "the setup link is printed")[0])
    page.get_by_label("Name").fill("robin")
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.locator("main form button").last.click()
    page.wait_for_url(f"http://127.0.0.1:{made.port}/")
    made.run("manage.py", "demo")
    page.reload()  # the greeting was seen
    return page.context.storage_state()


def take(browser: Browser, state: StorageState, url: str, size: dict[str, int], scheme: str, path: Path) -> None:
    context = browser.new_context(viewport=size, color_scheme=scheme, storage_state=state, device_scale_factor=1)
    page = context.new_page()
    page.goto(url, wait_until="networkidle")
    shot = base64.b64encode(page.screenshot()).decode()
    page.goto("about:blank")  # the product's own policy would not let a script draw
    smaller = page.evaluate(SHRINK, f"data:image/png;base64,{shot}")
    path.write_bytes(base64.b64decode(smaller.partition(",")[2]))
    context.close()


if __name__ == "__main__":
    main()
