"""The pages of mappings: the list with its filters, one of them, changing it, switching it, removing it."""

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from plex_integration.models import PlexConflict, PlexShowMapping
from tests.stages import stage
from tests.world import scrobble
from tvshows.models import Watch

LIST = "/settings/plex/mappings"


@pytest.fixture
def owner(world) -> Client:
    return world.browser()


@stage
def office(world):
    """The Office of Plex, mapped to the British one, which marked two episodes."""
    for number in (1, 2):
        world.send(scrobble("The Office", 1, number, show_id="of"))
    row = PlexShowMapping.objects.get(plex_title="The Office")
    client = world.browser()
    client.post(page_of(row), {"tvshow": world.shows["office_uk"].pk})
    row.refresh_from_db()
    return row


@stage
def asked(world):
    """iCarly of Plex, which waits for an answer."""
    world.send(scrobble("iCarly", show_id="ic"))
    return PlexShowMapping.objects.get(plex_title="iCarly")


def page_of(row) -> str:
    return reverse("mapping", args=[row.pk])


def switch(owner, row, do, **extra):
    return owner.post(reverse("mapping-sync", args=[row.pk]), {"do": do}, **extra)


def said(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)._queued_messages]


def listed(owner, **query) -> set[str]:
    page = owner.get(LIST, query).text
    return {title for title in ("The Office", "iCarly", "Nothing Like It") if f"in Plex: {title}" in page}


def test_the_list_says_which_show_it_is_and_why(owner, office, asked):
    page = owner.get(LIST).text
    for words in ("The Office (2001)", "A person said so", "No show here", "Waits for you", 'aria-checked="true"'):
        assert words in page, words


def test_the_filters_and_the_search_leave_what_they_name(owner, office, asked, world):
    world.send(scrobble("Nothing Like It", show_id="no"))
    switch(owner, PlexShowMapping.objects.get(plex_title="Nothing Like It"), "off")
    assert listed(owner) == {"The Office", "iCarly", "Nothing Like It"}
    assert listed(owner, show="unmapped") == {"iCarly", "Nothing Like It"}
    assert listed(owner, show="conflict") == {"iCarly"}
    assert listed(owner, show="ignored") == {"Nothing Like It"}
    assert listed(owner, show="off") == set()
    assert listed(owner, q="office") == {"The Office"}
    assert listed(owner, show="x", page="x") == {"The Office", "iCarly", "Nothing Like It"}
    assert listed(owner, q="\0") == set()
    assert "No mapping fits" in owner.get(LIST, {"q": "zzz"}).text


def test_a_confidence_is_told_in_words(owner, world):
    world.send(scrobble("Severance", show_id="se", Guid=[], year=2022, grandparentSlug="severance-2022"))
    row = PlexShowMapping.objects.get()
    row.tvshow, row.match_confidence, row.match_method = world.shows["severance"], "0.95", "tvdb_id"
    row.save()
    assert "95 of 100, nearly certain · by TVDB id" in owner.get(LIST).text


def test_marking_is_switched_for_one_and_htmx_gets_its_row_alone(owner, office, world):
    assert said(switch(owner, office, "off")) == ["Marking is off for The Office."]
    assert world.send(scrobble("The Office", 1, 3, show_id="of")).action_taken == "sync_disabled"
    row = switch(owner, office, "on", headers={"HX-Request": "true"}).text
    assert row.lstrip("\n ").startswith("<tr")
    assert 'aria-checked="true"' in row
    assert "<html" not in row


def test_marking_is_switched_for_many(owner, office, asked):
    several = reverse("mappings-several")
    done = owner.post(several, {"do": "off", "picked": [office.pk, asked.pk, "x"], "next": f"{LIST}?page=1"})
    assert (said(done), done.url) == (["Marking is off for 2 Plex shows."], f"{LIST}?page=1")
    assert PlexConflict.objects.get(plex_title="iCarly").resolution_action == "ignored"
    assert said(owner.post(several, {"do": "on", "picked": [office.pk, asked.pk]})) == ["Marking is on for 2 Plex shows."]
    assert PlexConflict.objects.open().get().plex_title == "iCarly"
    assert said(owner.post(several, {"do": "on"})) == ["Pick the mappings first."]


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_after_a_switch_nobody_is_sent_elsewhere(owner, office, elsewhere):
    done = owner.post(reverse("mapping-sync", args=[office.pk]), {"do": "off", "next": elsewhere})
    assert done.url == LIST


def test_a_change_is_confirmed_with_what_moves_and_what_stays(owner, office, world):
    world.send(scrobble("The Office", 2, 1, show_id="of"))
    page = owner.get(page_of(office), {"to": world.shows["severance"].pk}).text
    assert '<b class="num">2</b> <span>marked episodes move to Severance (2022)' in page
    assert "because Severance (2022) lacks S02E01" in page
    done = owner.post(page_of(office), {"tvshow": world.shows["severance"].pk})
    assert said(done) == [
        "The Office in Plex is now Severance (2022).", "2 marked episodes moved to Severance (2022).",
        "Severance (2022) lacks S02E01: those stay where they were.",
    ]
    assert world.watched() == {"Severance (2022) S01E01", "Severance (2022) S01E02", "The Office (2001) S02E01"}


def test_choosing_a_show_for_one_that_waits_settles_its_question(owner, asked, world):
    page = owner.get(page_of(asked), {"to": world.shows["icarly2021"].pk}).text
    assert '<b class="num">1</b> <span>waiting event' in page
    owner.post(page_of(asked), {"tvshow": world.shows["icarly2021"].pk})
    assert world.watched() == {"iCarly (2021) S01E01"}
    assert not PlexConflict.objects.open().exists()


@pytest.mark.parametrize("given", ["", "x", "99999999999", "-1"])
def test_a_show_that_is_none_is_refused_in_words(owner, office, given):
    for response in (owner.get(page_of(office), {"to": given}), owner.post(page_of(office), {"tvshow": given})):
        assert response.url == page_of(office)
        assert said(response)[0].startswith(("Choose a show.", "That show is not here any more."))


def test_removing_says_what_stays_and_is_done_by_post_alone(owner, office):
    remove = reverse("mapping-remove", args=[office.pk])
    assert "What it marked stays marked." in owner.get(remove).text
    assert PlexShowMapping.objects.exists()
    assert said(owner.post(remove)) == ["The mapping of The Office was removed. What it marked stays."]
    assert not PlexShowMapping.objects.exists()
    assert Watch.objects.live().count() == 2


def test_a_mapping_that_is_not_there_is_not_found(owner, world):
    for name in ("mapping", "mapping-remove"):
        assert owner.get(reverse(name, args=[999])).status_code == 404
    assert owner.post(reverse("mapping-sync", args=[999]), {"do": "on"}).status_code == 404
