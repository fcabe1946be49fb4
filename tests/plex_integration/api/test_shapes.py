"""The documented shapes, key by key: other people's scripts read them."""

from datetime import datetime

from plex_integration.models import PlexConfig, PlexConflict, PlexShowMapping
from tests.plex_integration.fake_plex import TOKEN
from tests.stages import stage
from tests.world import scrobble

TVDB = "com.plexapp.agents.thetvdb://"
SEVERANCE = {"grandparentGuid": f"{TVDB}371980"}


@stage
def lived_in(world):
    """A mapped show with a mark, a question, and a failure."""
    world.send(scrobble("Severance", 1, 1, **SEVERANCE))
    world.send(scrobble("iCarly", 1, 1, show_id="ic", originallyAvailableAt=None))
    world.send(scrobble("Severance", 7, 7, **SEVERANCE))
    return world


def is_time(text):
    return datetime.fromisoformat(text).tzinfo is not None


def test_the_configuration(owner, world):
    world.post({"event": "media.play", "Account": {"id": 1, "title": "robin"}})
    config = owner.get("config")
    assert {key: config[key] for key in ("configured", "enabled", "autoAddShows", "autoMarkWatched", "serverName")} == {
        "configured": True, "enabled": True, "autoAddShows": True, "autoMarkWatched": True, "serverName": None,
    }
    assert is_time(config["lastWebhookReceived"])
    assert config["webhookUrl"] == f"http://testserver/api/plex/webhook?secret={world.config.webhook_secret}"


def test_the_configuration_before_there_is_one(clerk):
    assert clerk.get("config") == {
        "configured": False, "enabled": False, "autoAddShows": True, "autoMarkWatched": True, "serverName": None,
        "lastWebhookReceived": None, "webhookUrl": None, "serverUrl": None, "tokenSaved": False, "plexUsername": None,
        "hasPlexPass": None,
    }


def test_saving_the_configuration(clerk, plex):
    body = {
        "plexToken": TOKEN, "plexServerUrl": plex.url, "autoAddShows": False, "autoMarkWatched": True, "enabled": True,
    }
    saved = clerk.post("config", body)
    secret = PlexConfig.objects.get(user__username="clerk").webhook_secret
    url = f"http://testserver/api/plex/webhook?secret={secret}"
    assert saved == {"success": True, "webhookUrl": url, "serverName": "Shelf"}
    config = clerk.get("config")
    assert (config["configured"], config["autoAddShows"], config["webhookUrl"]) == (True, False, url)


def test_disabling_keeps_everything_else(owner, lived_in):
    before = PlexConfig.objects.values().get()
    assert owner.delete("config") == {"success": True}
    after = PlexConfig.objects.values().get()
    assert {key for key in after if after[key] != before[key]} == {"enabled", "updated_at"}
    assert owner.get("config")["enabled"] is False
    assert PlexShowMapping.objects.count() == 2


def test_mappings(owner, lived_in):
    page = owner.get("mappings")
    assert (page["total"], page["limit"], page["offset"]) == (2, 1000, 0)
    row = next(row for row in page["mappings"] if row["plexTitle"] == "Severance")
    stored = PlexShowMapping.objects.get(plex_title="Severance")
    assert {key: row[key] for key in (
        "id", "plexTitle", "plexYear", "tvshowId", "tvshowTitle", "matchConfidence", "matchMethod", "syncEnabled",
    )} == {
        "id": stored.pk, "plexTitle": "Severance", "plexYear": None, "tvshowId": lived_in.shows["severance"].pk,
        "tvshowTitle": "Severance", "matchConfidence": 0.95, "matchMethod": "tvdb_id", "syncEnabled": True,
    }


def test_a_mapping_that_waits_has_no_show(owner, lived_in):
    row, = owner.get("mappings", unmapped="true")["mappings"]
    assert [row[key] for key in ("plexTitle", "tvshowId", "tvshowTitle", "matchConfidence", "matchMethod")] == [
        "iCarly", None, None, None, None,
    ]


def test_confirming_a_mapping(owner, lived_in):
    row = PlexShowMapping.objects.get(plex_title="iCarly")
    answer = owner.post(f"mappings/{row.pk}/confirm", {"tvshowId": lived_in.shows["icarly2021"].pk})
    assert answer["success"] is True
    assert (answer["mapping"]["tvshowTitle"], answer["mapping"]["matchMethod"]) == ("iCarly", "manual")
    assert "iCarly (2021) S01E01" in lived_in.watched()


def test_conflicts(owner, lived_in):
    page = owner.get("conflicts")
    conflict, = page["conflicts"]
    stored = PlexConflict.objects.get()
    assert {key: conflict[key] for key in ("id", "plexTitle", "plexYear", "conflictType")} == {
        "id": stored.pk, "plexTitle": "iCarly", "plexYear": None, "conflictType": "multiple_matches",
    }
    assert is_time(conflict["createdAt"])
    found = [{key: one[key] for key in ("tvshowId", "title", "tmdbId")} for one in conflict["potentialMatches"]]
    shows = [lived_in.shows["icarly2007"], lived_in.shows["icarly2021"]]
    assert sorted(found, key=lambda one: one["tvshowId"]) == [
        {"tvshowId": show.pk, "title": "iCarly", "tmdbId": show.tmdb_id} for show in shows
    ]
    assert all(0.3 <= one["matchScore"] <= 1 for one in conflict["potentialMatches"])
    assert conflict["waitingEvents"] == 1


def test_resolving_a_conflict(owner, lived_in):
    conflict, chosen = PlexConflict.objects.get(), lived_in.shows["icarly2021"]
    answer = owner.post(f"conflicts/{conflict.pk}/resolve", {"action": "select", "tvshowId": chosen.pk})
    assert answer == {
        "success": True, "resolutionAction": "user_selected", "tvshowId": chosen.pk, "processed": 1, "left": 0,
    }
    assert "iCarly (2021) S01E01" in lived_in.watched()
    assert owner.get("conflicts")["conflicts"] == []


def test_logs(owner, lived_in):
    logs = owner.get("logs")["logs"]
    assert [log["id"] for log in logs] == sorted((log["id"] for log in logs), reverse=True)
    failed, asked, marked = logs
    keys = ("eventType", "plexTitle", "status", "actionTaken")
    assert [failed[key] for key in keys] == ["media.scrobble", "Severance", "failed", "episode_not_found"]
    assert [asked[key] for key in keys] == ["media.scrobble", "iCarly", "success", "conflict_created"]
    assert [marked[key] for key in keys] == ["media.scrobble", "Severance", "success", "marked_watched"]
    assert failed["errorMessage"]
    assert marked["errorMessage"] == ""
    assert is_time(marked["createdAt"])
    assert [log["plexTitle"] for log in owner.get("logs", status="failed")["logs"]] == ["Severance"]


def test_an_error(owner):
    answer = owner.get("logs", 400, limit="many")
    assert answer == {"status": "error", "message": "Bad Request", "error": "limit: A valid integer is required."}
