"""The page of statistics."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from plex_integration.models import PlexConflict, PlexWebhookLog
from tests.world import show
from tracker import report as statistics_page
from tracker.report import Asked
from tracker.templatetags.charts import bar_chart, calendar_chart, share_of
from tracker.work_report import in_words
from tvshows.models import Episode, Watch


def watch(user, some, number=1, ago=timedelta(days=1)):
    episode = some.episodes.get(season_number=1, episode_number=number)
    return Watch.objects.create(user=user, episode=episode, watched_at=timezone.now() - ago)


@pytest.fixture
def sam(world):
    return User.objects.create_user("sam")


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


def test_episodes_without_a_known_length_are_told_and_are_no_hours(world):
    watch(world.owner, world.shows["severance"])
    assert "no known length" not in world.browser().get("/statistics").text
    Episode.objects.filter(show=world.shows["office_us"]).update(runtime=None)
    watch(world.owner, world.shows["office_us"])
    page = world.browser().get("/statistics").text
    assert "1 of these episodes has no known length and is in no hours." in page
    assert "length not known" in page


def test_staff_see_everybody_and_may_choose_one(world, sam):
    watch(world.owner, world.shows["severance"])
    watch(sam, world.shows["office_us"])
    text = client_of(world.owner).get("/statistics").text
    for said in ("by everybody", "By person", "Severance", "The Office", "How well it works by itself"):
        assert said in text
    text = client_of(world.owner).get(f"/statistics?person={sam.pk}").text
    assert "by sam" in text
    assert "Severance" not in text


def test_others_see_themselves_whatever_they_ask_for(world, sam):
    watch(world.owner, world.shows["severance"])
    watch(sam, world.shows["office_us"])
    text = client_of(sam).get(f"/statistics?person={world.owner.pk}").text
    assert "The Office" in text
    for hidden in ("Severance", "robin", "By person", "How well"):
        assert hidden not in text


def test_the_period_says_what_counts(world):
    for number, days in ((1, 3), (2, 100), (3, 800)):
        watch(world.owner, world.shows["severance"], number, timedelta(days=days))
    now = timezone.now()
    found = {period: statistics_page.report(world.owner, Asked(period), now=now) for period in ("month", "year", "all")}
    assert {period: one.total.episodes for period, one in found.items()} == {"month": 1, "year": 2, "all": 3}
    assert [len(one.bars) for one in found.values()] == [pytest.approx(5, abs=1), 53, pytest.approx(27, abs=1)]
    for one in found.values():
        assert sum(bar.seen.episodes for bar in one.bars) == one.total.episodes
        assert f"{one.total.hours:g} in all" in one.chart_name


def test_a_long_time_is_shown_by_the_year_also_from_the_first_date_that_there_is(world):
    watch(world.owner, world.shows["severance"], 1)
    Watch.objects.create(
        user=world.owner, episode=world.shows["severance"].episodes.get(episode_number=2), watched_at=datetime(1, 1, 1, 12, tzinfo=UTC),
    )
    found = statistics_page.report(world.owner, Asked("all"), now=timezone.now())
    assert (found.step, found.bars[0].label, found.total.episodes) == ("year", "0001", 2)
    assert client_of(world.owner).get("/statistics?period=all").status_code == 200
    assert client_of(world.owner).get("/").status_code == 200


@pytest.mark.parametrize("query", ["?period=never", "?person=x", "?person=99999999999999999999", "?person=-1", "?person=²"])
def test_what_an_address_cannot_mean_counts_as_nothing(world, query):
    assert client_of(world.owner).get(f"/statistics{query}").status_code == 200


def test_an_empty_period_says_so_and_offers_all_the_time(world):
    text = client_of(world.owner).get("/statistics?period=month").text
    assert "Nothing was watched in this time." in text
    assert "?period=all" in text


def test_the_work_is_told_by_week(world):
    now = timezone.now()
    for status in ("success", "success", "success", "failed"):
        PlexWebhookLog.objects.create(event_type="media.scrobble", status=status, created_at=now, done_at=now)
    PlexConflict.objects.create(
        plex_title="The Office", conflict_type="no_match", resolved=True, resolution_action="user_selected",
        created_at=now - timedelta(hours=3), resolved_at=now,
    )
    text = client_of(world.owner).get("/statistics").text
    for said in ("75 %", "3 of 4", "3 hours", "1 answered", "failed"):
        assert said in text


def test_the_number_of_queries_does_not_grow_with_the_rows(world, sam):
    counts, client = [], client_of(world.owner)
    for size in (3, 12):
        for index in range(size):
            some = show(f"Show {size} {index}", seasons=((1, 2),))
            watch(world.owner, some, 1, timedelta(days=index))
            watch(sam, some, 2, timedelta(days=index))
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/statistics").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_titles_and_names_are_inert(world):
    world.shows["severance"].title = "<script>a()</script>"
    world.shows["severance"].save()
    watch(world.owner, world.shows["severance"])
    watch(User.objects.create_user("<b>eve"), world.shows["severance"])
    for page in ("/statistics", "/"):
        text = client_of(world.owner).get(page).text
        assert "<script>a" not in text
        assert "<b>eve" not in text


@pytest.mark.parametrize(("span", "words"), [
    (None, ""), (timedelta(seconds=20), "under a minute"), (timedelta(minutes=1), "1 minute"),
    (timedelta(minutes=100), "2 hours"), (timedelta(hours=30), "30 hours"), (timedelta(days=3), "3 days"),
])
def test_spans_are_told_in_words(span, words):
    assert in_words(span) == words


class Bar:
    def __init__(self, label, value):
        self.label, self.value, self.says = label, value, f"{label}: {value}"


def test_bars_are_as_high_as_their_numbers():
    drawn = bar_chart([Bar("a", 5), Bar("b", 10), Bar("c", 0), Bar("d", 0), Bar("now", 1)], "Bars")
    assert [bar.height for bar in drawn["bars"]] == [45, 90, 0, 0, 9]
    assert [bar.number for bar in drawn["bars"]] == ["", "10", "", "", "1"]
    assert [bar.is_last for bar in drawn["bars"]] == [False, False, False, False, True]
    assert [label.text for label in drawn["labels"]] == ["a", "b", "d", "now"]
    assert bar_chart([], "None")["bars"] == []
    assert [bar.height for bar in bar_chart([Bar("a", 0)], "Nothing")["bars"]] == [0]


def test_a_calendar_has_a_square_for_each_day():
    monday = date(2026, 2, 23)
    drawn = calendar_chart([(monday + timedelta(days=day), number) for day, number in enumerate((0, 1, 2, 3, 4, 5, 9, 1))], "Days")
    squares = re.findall(r'class="h(.)" x="(\d+)" y="(\d+)".*?<title>(.*?)</title>', drawn["cells"])
    assert "".join(shade for shade, *_ in squares) == "01233441"
    assert [says for *_, says in squares[:2]] == ["Mon 23 Feb: no episodes", "Tue 24 Feb: 1 episode"]
    assert [(int(x), int(y)) for _, x, y, _ in squares[6:]] == [(28, 102), (42, 18)]
    assert share_of(1, 0) == 0
