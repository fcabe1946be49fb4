"""The question's page in a real browser: the test of the fix report, by mouse and by keyboard alone."""

import pytest
from django.conf import settings
from django.utils import timezone
from playwright.sync_api import expect

from plex_integration.models import PlexConflict
from tests.once import once
from tests.world import make_world, scrobble
from tvshows.models import Watch

pytestmark = [pytest.mark.django_db(transaction=True), once]  # test_household.py can answer a question on both


@pytest.fixture
def asked(live_server):
    """Two iCarlys, and an event that names neither id nor date, so that a person is asked."""
    world = make_world()
    event = world.send(scrobble("iCarly", show_id="ic"))
    assert event.action_taken == "conflict_created"
    return world, event


def _open(page, live_server, world, path):
    """As the owner, who signed in before."""
    client = world.browser()
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": client.cookies[settings.SESSION_COOKIE_NAME].value}
    page.context.add_cookies([{**cookie, "url": live_server.url}])
    assert page.goto(f"{live_server.url}{path}").ok


def _assert_marked(world, event):
    assert world.watched() == {"iCarly (2021) S01E01"}
    assert Watch.objects.get().watched_at == event.created_at
    conflict = PlexConflict.objects.get()
    assert (conflict.resolution_action, conflict.resolved_by) == ("user_selected", world.owner)


def test_a_person_picks_the_right_icarly_and_the_waiting_episode_is_ticked_at_its_own_time(
    page, live_server, asked, complaints,
):
    world, event = asked
    _open(page, live_server, world, "/admin/plex_integration/plexconflict/")
    page.get_by_role("link", name="iCarly", exact=True).click()
    expect(page.get_by_role("heading", name="Which show is this?")).to_be_visible()
    expect(page.get_by_role("radio", name="iCarly (2007)")).to_be_visible()
    assert Watch.objects.count() == 0
    page.get_by_label("iCarly (2021)").check()
    expect(page.get_by_text("1 episode will be marked")).to_be_visible()
    page.get_by_role("button", name="Use this show").click()
    seen = timezone.localtime(event.created_at)
    expect(page.get_by_text(f"Marked S01E01 of iCarly (2021), watched {seen.day} {seen:%B %H:%M}.")).to_be_visible()
    _assert_marked(world, event)
    assert world.send(scrobble("iCarly", 1, 2, show_id="ic")).action_taken == "marked_watched"
    assert complaints == []


def test_the_question_is_answered_by_keyboard_alone(page, live_server, asked, complaints):
    world, event = asked
    _open(page, live_server, world, f"/admin/plex_integration/plexconflict/{PlexConflict.objects.get().pk}/change/")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.type") == "radio":
            break
    focused = page.evaluate("document.activeElement.id")
    assert focused.startswith("pick-"), "the candidates are not reached by Tab"
    wanted = f"pick-{world.shows['icarly2021'].pk}"
    for _ in range(5):
        if page.evaluate("document.activeElement.id") == wanted:
            break
        page.keyboard.press("ArrowDown")
    expect(page.locator(f"#{wanted}")).to_be_checked()
    for _ in range(8):
        page.keyboard.press("Tab")
        if "Use this show" in page.evaluate("document.activeElement.innerText"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_text("iCarly in Plex is iCarly (2021).")).to_be_visible()
    _assert_marked(world, event)
    assert complaints == []
