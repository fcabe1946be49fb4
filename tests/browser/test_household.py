"""A household's first evening in a real browser: the product with its worker, a Plex and a TMDB of our own."""

import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import complain
from tests.once import once
from tests.plex_integration import fake_plex
from tests.plex_integration.fake_plex import MACHINE, FakePlex
from tests.product import Product, product, wait_for
from tests.sender import form
from tests.tvshows import fake_tmdb
from tests.world import FRIEND, scrobble

pytestmark = [pytest.mark.slow]

LOOKS = [(390, "light"), (1280, "dark")]
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PASSWORD = "a long enough password"
BEGAN = date(2019, 5, 6)


@dataclass
class Evening:
    """The running product, what it talks to, and the owner's browser."""

    made: Product
    plex: FakePlex
    page: Page
    browser: Browser

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.made.port}"

    def go(self, path: str) -> Page:
        assert self.page.goto(f"{self.base}{path}").ok, path
        return self.page

    def play(self, event: dict) -> int:
        """Plex sends an event to the webhook that was registered with it."""
        kind, body = form(event)
        asked = urllib.request.Request(self.plex.webhooks[0], body, {"Content-Type": kind})
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return int(answer.status)

    def watched(self, title: str) -> list[str]:
        """The ticks of a show, as owner S01E02."""
        rows = self.made.rows(
            "SELECT u.username, e.season_number, e.episode_number FROM watches w JOIN auth_user u ON u.id = w.user_id "
            "JOIN tvshow_episodes e ON e.id = w.episode_id JOIN tvshows s ON s.id = e.show_id "
            f"WHERE w.removed_at IS NULL AND s.title = '{title}' ORDER BY 1, 2, 3"
        )
        return [f"{who} S{season:02}E{number:02}" for who, season, number in rows]


def seen(title: str, season: int, number: int, **more: object) -> dict:
    """A scrobble from the server that is connected."""
    return scrobble(title, season, number, server=MACHINE, **more)


def on_plex(key: str, title: str, count: int) -> tuple[dict, list[dict]]:
    leaves = [
        fake_plex.episode(f"{key}-1-{number}", key, 1, number, title=f"{title} 1.{number}", duration=1_500_000,
                          originallyAvailableAt=str(BEGAN + timedelta(weeks=number)))
        for number in range(1, count + 1)
    ]
    return fake_plex.show(key, title, guid=f"plex://show/{key}", year=2019, librarySectionID="2"), leaves


@pytest.fixture(scope="module")
def evening(browser: Browser) -> Iterator[Evening]:
    """From the setup link to a connected Plex whose webhook is registered: all by the pages."""
    shelf = {"d1": on_plex("d1", "Dark", 3)}
    sections = [{"key": "2", "title": "TV Shows", "type": "show"}, {"key": "1", "title": "Movies", "type": "movie"}]
    with (
        FakePlex(libraries=sections, shows={key: show for key, (show, _) in shelf.items()},
                 episodes={key: leaves for key, (_, leaves) in shelf.items()}) as plex,
        fake_tmdb.running() as tmdb,
        product(PLEX_TV_URL=plex.url, TMDB_API_URL=tmdb.url, TMDB_API_KEY=fake_tmdb.KEY) as made,
    ):
        made.up()
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(15_000)
        page.goto(wait_for(lambda: re.search(r"http\S+/setup\?token=\S+", made.log), "the setup link is printed")[0])
        begin(page)
        connect(page, plex)
        yield Evening(made, plex, page, browser)
        page.close()


def begin(page: Page) -> None:
    page.get_by_label("Name").fill("robin")
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.locator("main form button").last.click()
    expect(page.get_by_text("Your account is made.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing watched yet")


def connect(page: Page, plex: FakePlex) -> None:
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Plex").click()
    page.get_by_text("Or enter a token").click()
    page.get_by_label("Token", exact=False).first.fill("wrong")
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_text("Plex does not know this token")).to_be_visible()
    page.get_by_label("Token", exact=False).first.fill(plex.token)
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_text("Connected to Shelf as robin.")).to_be_visible()
    expect(page.get_by_label("TV Shows")).to_be_checked()
    page.get_by_role("button", name="Register").first.click()
    expect(page.get_by_text("The webhook is registered.")).to_be_visible()
    assert len(plex.webhooks) == 1


def add_by_hand(evening: Evening, title: str, year: int, episodes: int) -> None:
    page = evening.go("/shows/add")
    page.get_by_label("Title").last.fill(title)
    page.get_by_label("Year").fill(str(year))
    page.get_by_label("Episodes").fill(str(episodes))
    page.get_by_role("button", name="Add the show").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(title)


def test_a_first_play_is_added_and_ticked_and_seen_on_the_first_page(evening):
    with complain(evening.page) as complaints:
        assert evening.play(seen("Dark", 1, 2, show_id="d1")) == 202
        wait_for(lambda: evening.watched("Dark"), "the episode is ticked", seconds=20)
        page = evening.go("/")
        expect(page.get_by_role("heading", level=1)).to_have_text("1 episode this week")
        page.get_by_role("link", name="Dark").first.click()
        expect(page.get_by_text("1 of 3 watched").first).to_be_visible()
        assert evening.watched("Dark") == ["robin S01E02"]
        assert complaints == []


def test_a_question_is_answered_by_keyboard_and_what_waited_is_marked_and_can_be_taken_back(evening):
    for year in (2007, 2021):
        add_by_hand(evening, "iCarly", year, 13)
    assert evening.play(seen("iCarly", 1, 1, show_id="ic")) == 202
    page = evening.page
    with complain(page) as complaints:
        wait_for(lambda: evening.made.rows("SELECT 1 FROM plex_conflicts"), "it is asked", seconds=20)
        evening.go("/")
        press_to(page, "To decide")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("decide")
        press_to(page, "Choose")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Which show is this?")).to_be_visible()
        wanted = page.get_by_role("radio", name="iCarly (2021)")
        press_until(page, "Tab", "document.activeElement.type === 'radio'")
        for _ in range(6):
            if wanted.is_checked():
                break
            page.keyboard.press("ArrowDown")
        press_to(page, "Use this show")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Marked S01E01 of iCarly (2021)", exact=False).first).to_be_visible()
        assert evening.watched("iCarly") == ["robin S01E01"]
        page.get_by_role("button", name="Take the answer back").click()
        expect(page.get_by_role("heading", name="Which show is this?")).to_be_visible()
        assert evening.watched("iCarly") == []
        page.get_by_role("radio", name="iCarly (2007)").check()
        page.get_by_role("button", name="Use this show").click()
        expect(page.get_by_text("Marked S01E01 of iCarly (2007)", exact=False).first).to_be_visible()
        assert complaints == []


def test_a_friends_play_is_set_aside_and_run_again_once_it_is_said_whose_it_is(evening):
    page = evening.page
    with complain(page) as complaints:
        assert evening.play(seen("Dark", 1, 3, show_id="d1", account=FRIEND)) == 200
        evening.go("/settings/people")
        page.get_by_label("Name").fill("alex")
        page.get_by_role("button", name="Add").last.click()
        expect(page.get_by_text("alex").first).to_be_visible()
        link = page.locator("input[readonly]").first.input_value()
        evening.go("/settings/plex")
        page.get_by_label("alex", exact=False).first.select_option(label="alex")
        page.get_by_role("button", name="Save accounts").click()
        wait_for(lambda: "alex S01E03" in evening.watched("Dark"), "the friend's play is marked", seconds=20)
        assert "robin S01E03" not in evening.watched("Dark")
        assert complaints == []
    sees_their_own(evening, link)


def sees_their_own(evening: Evening, link: str) -> None:
    """The household member sets a password by the link, and sees nothing of the others."""
    theirs = evening.browser.new_context().new_page()
    theirs.goto(link)
    for field in theirs.locator("main input[type=password]").all():
        field.fill("another long password")
    theirs.locator("main form button").last.click()
    theirs.wait_for_load_state()
    if "/login" in theirs.url:
        theirs.get_by_label("Name").fill("alex")
        theirs.get_by_label("Password").fill("another long password")
        theirs.locator("main form button").last.click()
    theirs.goto(f"{evening.base}/")
    expect(theirs.get_by_role("heading", level=1)).to_have_text("1 episode this week")
    expect(theirs.get_by_text("iCarly")).to_have_count(0)
    expect(theirs.get_by_role("link", name="To decide")).to_have_count(0)
    for path in ("/settings/plex", "/settings/plex/conflicts", "/settings/plex/mappings", "/settings/people", "/admin/"):
        assert theirs.goto(f"{evening.base}{path}").status in {403, 404} or "/login" in theirs.url, path
    theirs.context.close()


def test_what_was_set_aside_is_run_again_from_its_details(evening):
    page = evening.page
    with complain(page) as complaints:
        switch_marking(evening, on=False)
        assert evening.play(seen("Dark", 1, 1, show_id="d1")) == 200
        switch_marking(evening, on=True)
        evening.go("/settings/plex/activity")
        page.get_by_role("row").filter(has_text="S01E01").filter(has_text="Dark").get_by_role("link", name="Details").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("Dark 1.1")
        dialog.get_by_role("button", name="Run again").click()
        wait_for(lambda: "robin S01E01" in evening.watched("Dark"), "it is marked", seconds=20)
        assert complaints == []


def switch_marking(evening: Evening, *, on: bool) -> None:
    page = evening.go("/settings/plex")
    page.get_by_label("Tick off what was watched").set_checked(on)
    page.get_by_role("button", name="Save options").click()
    expect(page.get_by_label("Tick off what was watched")).to_be_checked(checked=on)


def test_a_new_secret_works_beside_the_old_one_until_that_is_ended(evening):
    page, before = evening.page, evening.plex.webhooks[0]
    with complain(page) as complaints:
        evening.go("/settings/plex")
        page.get_by_text("Make a new secret").first.click()
        page.get_by_role("button", name=re.compile("new secret", re.IGNORECASE)).first.click()
        expect(page.get_by_role("textbox", name="Webhook URL")).not_to_have_value(before)
        assert evening.play(seen("Dark", 1, 1, show_id="d1") | {"event": "media.pause"}) == 200  # the old one, in grace
        page.get_by_role("button", name=re.compile("Register")).first.click()
        expect(page.get_by_text("The webhook is registered.")).to_be_visible()
        assert evening.plex.webhooks[0] != before
        page.get_by_role("button", name=re.compile("End")).first.click()
        evening.plex.webhooks[:0] = [before]
        with pytest.raises(urllib.error.HTTPError, match="401"):
            evening.play(seen("Dark", 1, 1, show_id="d1"))
        evening.plex.webhooks.pop(0)
        assert complaints == []


@once
def test_every_page_is_accessible_and_fits_phone_and_desk(evening):
    """WCAG 2.2 A and AA by axe-core; nothing scrolls sideways at 320 pixels. Every other page is a phone's in light,
    the others a desk's in dark; LOOKS=all takes both of each, which is as long again.
    """
    evening.play(seen("A Mystery", 1, 1, show_id="m1"))
    wait_for(lambda: evening.made.rows("SELECT 1 FROM plex_conflicts WHERE NOT resolved"), "something is asked", seconds=20)
    page, found = evening.page, {}
    for number, path in enumerate(addresses(evening)):
        with complain(page) as complaints:  # of the page, not of what axe does to it
            evening.go(path)
        chosen = LOOKS if os.environ.get("LOOKS") == "all" else [LOOKS[number % 2]]
        found |= {f"{path} {look}": wrong for look, wrong in [("", complaints), *looked_at(page, chosen)] if wrong}
        page.goto("about:blank")  # what axe still has under way ends here
    assert not found, "\n".join(f"{where}: {wrong}" for where, problems in found.items() for wrong in problems)


def addresses(evening: Evening) -> list[str]:
    """Every page, with things that are there."""
    first = {
        name: evening.made.value(f"SELECT MIN(id) FROM {table}") for name, table in
        [("show", "tvshows"), ("episode", "tvshow_episodes"), ("event", "plex_webhook_logs"), ("mapping", "plex_show_mappings"),
         ("settled", "plex_conflicts WHERE resolved"), ("open", "plex_conflicts WHERE NOT resolved"), ("person", "auth_user"),
         ("account", "plex_accounts"), ("config", "plex_config"), ("watch", "watches")]
    }
    plain = ["/", "/shows", "/shows/add", "/statistics", "/profile", "/profile/password", "/settings/plex", "/settings/plex/sync",
             "/settings/plex/conflicts", "/settings/plex/activity", "/settings/plex/mappings", "/settings/people", "/admin/"]
    of_one = ["/shows/{show}", "/shows/episodes/{episode}", "/settings/plex/conflicts/{open}", "/settings/plex/conflicts/{settled}",
              "/settings/plex/activity/{event}", "/settings/plex/mappings/{mapping}", "/settings/people/{person}"]
    admin = ["plex_integration/plexconflict/", "plex_integration/plexconflict/{open}/change/", "plex_integration/plexshowmapping/",
             "plex_integration/plexwebhooklog/", "plex_integration/plexwebhooklog/{event}/change/", "plex_integration/plexaccount/",
             "plex_integration/plexconfig/{config}/change/", "tvshows/tvshow/", "tvshows/tvshow/{show}/change/", "tvshows/watch/",
             "auth/user/{person}/change/"]
    return plain + [path.format(**first) for path in of_one] + [f"/admin/{path.format(**first)}" for path in admin]


def looked_at(page: Page, looks: list[tuple[int, str]]) -> Iterator[tuple[str, list[str]]]:
    """What is wrong with the page that is open, in each look."""
    for width, scheme in looks:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # a colour on its way would be judged
        results = Axe().run(page, options={"runOnly": WCAG, "resultTypes": ["violations"]})
        yield f"{width} {scheme}", [
            f"{one['id']}: {node['target']} {node['html'][:120]}" for one in results.response["violations"] for node in one["nodes"][:3]
        ]
    page.set_viewport_size({"width": 320, "height": 900})
    wide = page.evaluate("document.documentElement.scrollWidth")
    yield "320", [f"scrolls sideways: {wide} pixels"] if wide > 320 else []


def press_to(page: Page, words: str) -> None:
    """Tab until the thing of these words has the focus."""
    press_until(page, "Tab", f"(document.activeElement.innerText || '').includes({words!r})")


def press_until(page: Page, key: str, condition: str) -> None:
    for _ in range(60):
        page.keyboard.press(key)
        if page.evaluate(condition):
            return
    raise AssertionError(f"{condition} is not reached by {key}")
