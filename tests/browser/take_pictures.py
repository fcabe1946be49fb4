"""Takes the pictures of the README: `python -m tests.browser.take_pictures SETUP_LINK` on a fresh `manage.py up`.

Makes the account, loads the demo (in this installation: run it with the same settings as `up`), and writes PNG files
into static/img, so that the pictures stay true.
"""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

from tests.browser.conftest import ARGUMENTS, _chromium

ROOT = Path(__file__).resolve().parent.parent.parent
PICTURES = ROOT / "static" / "img"
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 780}


def main(link: str) -> None:
    base = "{0.scheme}://{0.netloc}".format(urlsplit(link))
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=ARGUMENTS)
        page = browser.new_page(viewport=DESKTOP)
        page.goto(link)
        page.fill("input[name=username]", "robin")
        for field in page.locator("input[type=password]").all():
            field.fill("a long enough password")
        page.locator("main form button").last.click()
        page.wait_for_url(f"{base}/")
        subprocess.run([sys.executable, "manage.py", "demo"], cwd=ROOT, check=True)
        state = page.context.storage_state()
        page.goto(f"{base}/admin/plex_integration/plexconflict/?resolved__exact=0")
        page.locator("#result_list tbody tr a").first.click()
        question = page.url
        for name, url, size, scheme in (
            ("conflict", question, DESKTOP, "light"), ("home", base, DESKTOP, "dark"), ("home-phone", base, PHONE, "light"),
        ):
            context = browser.new_context(viewport=size, color_scheme=scheme, storage_state=state)
            shot = context.new_page()
            shot.goto(url)
            shot.screenshot(path=PICTURES / f"{name}.png")
            context.close()
        browser.close()
    print(f"Written: {', '.join(sorted(path.name for path in PICTURES.glob('*.png')))}")


if __name__ == "__main__":
    if len(sys.argv) != 2 or not re.match(r"https?://\S+/setup\?token=", sys.argv[1]):
        sys.exit(__doc__)
    main(sys.argv[1])
