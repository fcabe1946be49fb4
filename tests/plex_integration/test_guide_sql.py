"""The SQL that the setup guide, the checklist and the fix report give, as written, against our tables."""

import csv
import io
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from plex_integration import config
from plex_integration.models import PlexConfig, PlexConflict, PlexShowMapping, PlexWebhookLog
from tests.plex_integration.throwaway import open_postgres, throwaway_database
from tvshows.models import TVShow

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the documents' SQL is PostgreSQL's"),
]

SQL = Path(__file__).resolve().parents[1] / "sql"
HEADER = re.compile(r"^-- (setup guide|checklist|fix report): (.+)\n", re.MULTILINE)
UNINSTALL = "setup guide: uninstall, "
DESTROYS = re.compile(r"\b(?:DROP|ALTER)\b")


def statements() -> dict[str, str]:
    found = {}
    for path in sorted(SQL.glob("*.sql")):
        _, *parts = HEADER.split(path.read_text())
        for document, name, statement in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            assert found.setdefault(f"{document}: {name}", statement.strip()) == statement.strip()
    return found


STATEMENTS = statements()
HARMLESS = [name for name, statement in STATEMENTS.items() if not DESTROYS.search(statement)]


def run(name: str) -> list[dict[str, object]]:
    """The rows of a statement, or none where it returns none."""
    if "gen_random_bytes" in STATEMENTS[name]:
        needs_pgcrypto()
    with connection.cursor() as cursor:
        if "TO STDOUT" in STATEMENTS[name]:
            with cursor.copy(STATEMENTS[name]) as copy:
                return list(csv.DictReader(io.StringIO(b"".join(copy).decode())))
        cursor.execute(STATEMENTS[name])
        columns = [column.name for column in cursor.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()] if columns else []


def needs_pgcrypto() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'pgcrypto'")
        if not cursor.fetchone():
            pytest.skip("this server has no pgcrypto, which alone gives gen_random_bytes")


@pytest.fixture(autouse=True)
def guides_rows(db):
    """One owner with id 1, some shows, and every kind of row, as the tracker itself writes them."""
    now = timezone.now()
    owner = User.objects.create(id=1, username="owner")
    connected = config.create_config(user=owner)
    PlexConfig.objects.filter(pk=connected.pk).update(plex_server_name="Attic", last_webhook_received=now)
    for number, title, year, tmdb in [
        (42, "The Office", 2005, 2316), (43, "The Office", 2001, 2996), (23, "iCarly", 2007, 5371),
        (126, "iCarly", 2021, 119243), (7, "A Show Name of Note", 2020, None),
    ]:
        TVShow.objects.create(id=number, title=title, show_start_date=f"{year}-01-01", tmdb_id=tmdb)
    PlexShowMapping.objects.create(
        plex_show_key="g:plex://show/1", plex_server_uuid="attic", plex_rating_key="100", plex_guid="plex://show/1",
        plex_title="iCarly", plex_year=2007, tvshow_id=23, match_method="title_year", match_confidence="0.95",
    )
    PlexShowMapping.objects.create(
        plex_show_key="g:plex://show/2", plex_server_uuid="attic", plex_rating_key="200", plex_guid="plex://show/2",
        plex_title="Show Name", tvshow_id=7, match_method="manual", match_confidence=1, manually_confirmed=True,
    )
    PlexShowMapping.objects.create(  # waits for a person: no show, no method
        plex_show_key="g:plex://show/3", plex_server_uuid="attic", plex_rating_key="12345", plex_guid="plex://show/3",
        plex_title="iCarly", plex_year=2021,
    )
    conflict = PlexConflict.objects.create(
        plex_show_key="g:plex://show/3", plex_title="iCarly", conflict_type="multiple_matches",
    )
    PlexConflict.objects.create(
        plex_show_key="g:plex://show/4", plex_title="Settled", conflict_type="no_match", resolved=True, resolved_at=now,
        resolution_action="ignored",
    )
    for number, status in enumerate(PlexWebhookLog.Status.values):
        PlexWebhookLog.objects.create(
            config=connected, event_type="media.scrobble", plex_title=f"{status} show", status=status,
            action_taken="conflict_created" if status == "success" else "", processing_duration_ms=10 * number,
            conflict=conflict if status == "received" else None,
            error_message="No such episode." if status == "failed" else "",
            done_at=None if status == "received" else now, created_at=now - timedelta(minutes=number),
        )
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # the rows above are one transaction with what a test alters


@pytest.mark.parametrize("name", HARMLESS)
def test_each_statement_runs_as_written(name):
    assert STATEMENTS[name].count(";") == 1
    run(name)


def test_none_of_the_statements_is_forgotten():
    assert len(STATEMENTS) == 24 + 7 + 10  # as many as the three documents have


def test_the_stats_have_the_agreed_columns_in_order():
    for name in ("setup guide: verify the migration", "checklist: check sync stats"):
        assert run(name) == [{
            "total_mappings": 3, "mapped": 2, "unmapped": 1, "sync_disabled": 0, "manually_confirmed": 1,
            "open_conflicts": 1,
        }]
        assert list(run(name)[0]) == [
            "total_mappings", "mapped", "unmapped", "sync_disabled", "manually_confirmed", "open_conflicts",
        ]


def test_the_activity_is_a_row_a_day_newest_first():
    today = timezone.now()
    PlexWebhookLog.objects.create(event_type="media.play", status="ignored", created_at=today - timedelta(days=9))
    rows = run("checklist: check recent activity")
    assert list(rows[0]) == [
        "date", "total_webhooks", "successful", "failed", "ignored", "duplicates", "avg_duration",
    ]
    assert [row["date"] for row in rows] == sorted((row["date"] for row in rows), reverse=True)
    assert rows[-1]["date"] == (today - timedelta(days=9)).date()
    assert sum(row["total_webhooks"] for row in rows) == 6
    verdicts = ("successful", "failed", "ignored", "duplicates")
    assert [sum(row[verdict] for row in rows) for verdict in verdicts] == [1, 1, 2, 1]


def test_the_logs_come_newest_first():
    titles = [f"{status} show" for status in ("received", "success", "failed", "ignored", "duplicate")]
    for name in ("setup guide: check webhook logs", "setup guide: check the latest webhook logs"):
        assert [row["plex_title"] for row in run(name)] == titles


def test_shows_and_mappings_are_found_by_part_of_their_title():
    assert [row["id"] for row in run("setup guide: check if a show exists")] == [7]
    assert [row["plex_title"] for row in run("setup guide: check a mapping")] == ["Show Name"]
    found = run("setup guide: find your show")
    assert {(row["id"], row["title"], row["tmdb_id"]) for row in found} == {
        (42, "The Office", 2316), (43, "The Office", 2996),
    }
    assert len(run("setup guide: check mappings")) == 3


def test_the_config_is_read_by_its_user():
    assert run("setup guide: check if auto-add is enabled") == [{"auto_add_shows": True}]
    (row,) = run("checklist: check config")
    assert (row["enabled"], row["auto_mark_watched"], row["plex_server_name"]) == (True, True, "Attic")
    assert row["last_webhook_received"]
    secret = PlexConfig.objects.get().webhook_secret
    assert run("fix report: get the webhook secret") == [
        {"webhook_secret": secret},
    ]


def test_only_open_conflicts_are_listed():
    assert [row["plex_title"] for row in run("setup guide: check for conflicts")] == ["iCarly"]
    (row,) = run("fix report: unresolved conflicts")
    assert (row["plex_title"], row["conflict_type"]) == ("iCarly", "multiple_matches")


def test_failures_are_listed_with_their_message():
    for name in [name for name in STATEMENTS if "failed webhooks" in name]:
        assert [(row["plex_title"], row["error_message"]) for row in run(name)] == [("failed show", "No such episode.")]


def test_the_last_24_hours_are_counted():
    PlexWebhookLog.objects.create(
        event_type="media.scrobble", status="success", processing_duration_ms=30, done_at=timezone.now(),
    )
    PlexWebhookLog.objects.update_or_create(
        plex_title="failed show", defaults={"created_at": timezone.now() - timedelta(hours=25)},
    )
    rows = {row["status"]: row for row in run("setup guide: last 24 hours activity")}
    assert set(rows) == {"received", "success", "ignored", "duplicate"}
    assert (rows["success"]["event_type"], rows["success"]["count"], rows["success"]["avg_duration"]) == (
        "media.scrobble", 2, 20,
    )
    counted = run("fix report: recent webhook activity")
    assert ("success", "conflict_created", 1) in [(row["status"], row["action_taken"], row["count"]) for row in counted]
    times = [row["last_occurrence"] for row in counted]
    assert times == sorted(times, reverse=True)


def test_a_rotation_of_the_secret_by_sql_acts_at_once():
    before = PlexConfig.objects.get().webhook_secret
    (row,) = run("setup guide: rotate the webhook secret")
    assert re.fullmatch(r"[0-9a-f]{64}", row["webhook_secret"])
    assert config.match_secret(row["webhook_secret"], timezone.now()).user_id == 1
    assert config.match_secret(before, timezone.now()) is None


def test_sync_is_switched_off_for_one_show():
    run("setup guide: disable sync for a show")
    off = PlexShowMapping.objects.filter(sync_enabled=False)
    assert [mapping.plex_title for mapping in off] == ["Show Name"]
    assert run("checklist: check sync stats")[0]["sync_disabled"] == 1


@pytest.mark.parametrize(("waiting", "rows"), [
    ({}, 4),
    ({"plex_show_key": "g:com.plexapp.agents.themoviedb://1418", "plex_guid": "com.plexapp.agents.themoviedb://1418",
      "plex_server_uuid": "attic", "plex_rating_key": "12343"}, 4),
    ({"plex_show_key": "r::12343", "plex_rating_key": "12343"}, 4),
    # Whether a key of another server is the same show is known only when its next event comes.
    ({"plex_show_key": "r:attic:12343", "plex_rating_key": "12343", "plex_server_uuid": "attic"}, 5),
], ids=["nothing waits", "same GUID", "same rating key", "same rating key on a named server"])
def test_a_mapping_is_made_by_hand_also_where_the_plex_show_waits_for_one(waiting, rows):
    if waiting:
        PlexShowMapping.objects.create(plex_title="The Office", **waiting)
    run("setup guide: create a mapping by hand")
    made = PlexShowMapping.objects.get(plex_rating_key="12343", plex_server_uuid="")
    assert (made.tvshow_id, made.match_method, made.match_confidence) == (42, "manual", 1)
    assert (made.manually_confirmed, made.sync_enabled) == (True, True)
    assert (made.plex_show_key, made.imdb_id) == ("", "")
    assert made.created_at
    assert PlexShowMapping.objects.count() == rows


def test_the_clean_up_deletes_finished_old_rows_only_and_counts_them():
    old, less_old = (timezone.now() - timedelta(days=days) for days in (91, 89))
    for done, created in [(old, old), (old, old), (None, old), (old, less_old)]:
        PlexWebhookLog.objects.create(event_type="media.scrobble", done_at=done, created_at=created)
    assert run("setup guide: clean old webhook logs") == [{"cleanup_old_webhook_logs": 2}]
    assert PlexWebhookLog.objects.filter(created_at__lte=less_old).count() == 2
    assert run("setup guide: clean old webhook logs") == [{"cleanup_old_webhook_logs": 0}]


def test_a_backup_holds_every_row_with_a_header():
    (row,) = run("setup guide: back up the config")
    assert (row["user_id"], row["plex_server_name"]) == ("1", "Attic")
    rows = run("setup guide: back up the mappings")
    assert {row["plex_rating_key"] for row in rows} == {"100", "200", "12345"}


def test_the_trigram_extension_is_there():
    assert run("checklist: test the trigram extension")[0]["similarity"] == pytest.approx(11 / 14)


def test_the_tables_and_views_are_there_and_indexed():
    assert {row["table_name"] for row in run("checklist: check tables exist")} >= {
        "plex_config", "plex_show_mappings", "plex_webhook_logs", "plex_conflicts", "plex_sync_stats",
        "plex_webhook_activity",
    }
    indexes = {row["indexname"]: row["indexdef"] for row in run("checklist: check indexes")}
    assert {"plex_show_mappings_guid", "plex_show_mappings_rating_key", "plex_conflicts_one_open"} <= set(indexes)
    assert "WHERE" in indexes["idx_plex_conflicts_unresolved"]


def test_the_checks_of_the_fix_report_replace_ours_and_say_the_same():
    before = checks()
    for name in STATEMENTS:
        if name.startswith("fix report: ") and "roll back" not in name and DESTROYS.search(STATEMENTS[name]):
            run(name)
    assert checks() == before
    for method in PlexShowMapping.Method.values:
        PlexShowMapping.objects.update(match_method=method)
    for action in PlexConflict.Resolution.values:
        PlexConflict.objects.update(resolution_action=action)
    for rows, column in [(PlexShowMapping, "match_method"), (PlexConflict, "resolution_action")]:
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.objects.update(**{column: "guess"})


def checks() -> dict[str, str]:
    """The two CHECK constraints as PostgreSQL understood them, without the types that it adds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conname LIKE 'plex\\_%\\_check' "
            "AND contype = 'c' AND conname ~ 'match_method|resolution_action'"
        )
        return {name: re.sub(r"::[a-z ]+(\[\])?|[()]", "", condition) for name, condition in cursor.fetchall()}


def test_the_roll_back_refuses_manual_again():
    PlexShowMapping.objects.filter(match_method="manual").update(match_method="tmdb_id")
    for name in STATEMENTS:
        if "roll back" in name:
            run(name)
    with pytest.raises(IntegrityError), transaction.atomic():
        PlexShowMapping.objects.update(match_method="manual")
    PlexShowMapping.objects.update(match_method="tvdb_id")


@pytest.mark.django_db(transaction=True)
def test_uninstalling_takes_the_plex_tables_and_leaves_shows_and_watches():
    with throwaway_database() as environment, open_postgres(environment) as database:
        before = database.execute("SELECT id, title FROM tvshows ORDER BY id").fetchall()
        for name, statement in STATEMENTS.items():
            if name.startswith(UNINSTALL):
                database.execute(statement)
        tables = {name for (name,) in database.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'",
        )}
        columns = {name for (name,) in database.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'tvshows'",
        )}
        after = database.execute("SELECT id, title FROM tvshows ORDER BY id").fetchall()
    gone = {"plex_config", "plex_show_mappings", "plex_webhook_logs", "plex_conflicts", "plex_sync_stats"}
    assert not tables & (gone | {"plex_webhook_activity"})
    assert tables >= {"tvshows", "watches", "tracked_shows", "auth_user"}
    assert not columns & {"plex_synced", "plex_last_sync", "source"}
    assert [title for _, title in before] == ["A Show Name of Note", "iCarly", "The Office", "The Office", "iCarly"]
    assert after == before
