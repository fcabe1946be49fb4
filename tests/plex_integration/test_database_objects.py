from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, migrations, models, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.utils import DatabaseError

from plex_integration import config, database_objects
from plex_integration.models import PlexAccount, PlexConfig, PlexConflict, PlexShowMapping, PlexWebhookLog
from tvshows.models import TVShow

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
STATS = ["total_mappings", "mapped", "unmapped", "sync_disabled", "manually_confirmed", "open_conflicts"]
ACTIVITY = ["date", "total_webhooks", "successful", "failed", "ignored", "duplicates", "avg_duration"]
GUID = "com.plexapp.agents.themoviedb://1418"


def rows(statement: str) -> list[dict[str, object]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        columns = [column[0] for column in cursor.description]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def sql(statement: str, *parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)


def refused(statement: str, *parameters: object) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        sql(statement, *parameters)


def show(title="The Office") -> TVShow:
    return TVShow.objects.create(title=title)


def waiting(**values) -> PlexShowMapping:
    return PlexShowMapping.objects.create(plex_title="The Office", **values)


class TestViews:
    def test_the_stats_of_an_empty_tracker_are_noughts(self):
        (stats,) = rows("SELECT * FROM plex_sync_stats")
        assert list(stats) == STATS
        assert set(stats.values()) == {0}

    def test_the_stats_count_each_kind(self):
        waiting()
        waiting(sync_enabled=False)
        waiting(tvshow=show(), manually_confirmed=True)
        PlexConflict.objects.create(conflict_type="no_match")
        PlexConflict.objects.create(conflict_type="no_match", resolved=True)
        (stats,) = rows("SELECT * FROM plex_sync_stats")
        assert list(stats.values()) == [3, 1, 2, 1, 1, 1]

    def test_the_activity_is_a_row_a_day_newest_first(self):
        for days, status, duration in [(2, "failed", None), (0, "success", 10), (0, "success", 21), (1, "ignored", 5),
                                       (0, "duplicate", None), (0, "received", None)]:
            PlexWebhookLog.objects.create(
                event_type="media.scrobble", status=status, processing_duration_ms=duration,
                created_at=NOON - timedelta(days=days),
            )
        found = rows("SELECT * FROM plex_webhook_activity LIMIT 7")
        assert list(found[0]) == ACTIVITY
        assert [str(row["date"]) for row in found] == ["2026-11-20", "2026-11-19", "2026-11-18"]
        assert [list(row.values())[1:6] for row in found] == [[4, 2, 0, 0, 1], [1, 0, 0, 1, 0], [1, 0, 1, 0, 0]]
        assert [row["avg_duration"] and float(row["avg_duration"]) for row in found] == [15.5, 5, None]


class TestHandover:
    """A mapping with a show takes the place of the row that waited for it."""

    @pytest.mark.parametrize("same", [
        {"plex_guid": GUID}, {"plex_guid": GUID, "plex_server_uuid": "attic", "plex_rating_key": "7"},
        {"plex_rating_key": "12343"},
    ])
    def test_the_row_that_waits_for_it_goes(self, same):
        waiting(plex_show_key="any", **same)
        made = waiting(tvshow=show(), plex_guid=GUID, plex_rating_key="12343")
        assert PlexShowMapping.objects.get() == made

    def test_rows_of_other_plex_shows_stay(self):
        waiting()
        waiting(plex_guid="plex://show/1", plex_rating_key="1")
        waiting(plex_rating_key="12343", plex_server_uuid="attic")
        waiting(tvshow=show(), plex_guid=GUID, plex_rating_key="12343")
        waiting(tvshow=show())
        assert PlexShowMapping.objects.count() == 5

    @pytest.mark.parametrize("guid", ["local://15", "com.plexapp.agents.none://15"])
    def test_a_row_that_waits_on_another_server_stays_where_the_guid_means_nothing_elsewhere(self, guid):
        other = waiting(plex_guid=guid, plex_server_uuid="cellar", plex_rating_key="15")
        waiting(tvshow=show(), plex_guid=guid, plex_server_uuid="attic", plex_rating_key="15")
        assert PlexShowMapping.objects.filter(pk=other.pk).exists()

    def test_a_row_with_a_show_is_never_replaced(self):
        waiting(tvshow=show(), plex_guid=GUID)
        with pytest.raises(IntegrityError), transaction.atomic():
            waiting(tvshow=show("Another"), plex_guid=GUID)
        assert PlexShowMapping.objects.get().tvshow.title == "The Office"

    def test_a_row_that_waits_replaces_nothing(self):
        waiting(plex_guid=GUID)
        with pytest.raises(IntegrityError), transaction.atomic():
            waiting(plex_guid=GUID)


class TestConstraints:
    def test_a_global_guid_belongs_to_one_mapping(self):
        waiting(plex_guid="plex://show/1")
        refused("INSERT INTO plex_show_mappings (plex_guid) VALUES ('plex://show/1')")

    @pytest.mark.parametrize("guid", ["", "local://15", "com.plexapp.agents.none://15"])
    def test_a_guid_that_means_nothing_elsewhere_may_repeat(self, guid):
        waiting(plex_guid=guid, plex_server_uuid="attic")
        waiting(plex_guid=guid, plex_server_uuid="cellar")

    def test_a_rating_key_belongs_to_one_mapping_a_server(self):
        waiting(plex_server_uuid="attic", plex_rating_key="1")
        waiting(plex_server_uuid="cellar", plex_rating_key="1")
        refused("INSERT INTO plex_show_mappings (plex_server_uuid, plex_rating_key) VALUES ('attic', '1')")
        for _ in range(2):
            waiting(plex_server_uuid="attic")

    def test_a_show_key_belongs_to_one_mapping_and_rows_without_one_are_many(self):
        waiting(plex_show_key="g:1")
        refused("INSERT INTO plex_show_mappings (plex_show_key) VALUES ('g:1')")
        for _ in range(2):
            waiting()

    def test_a_plex_show_has_one_open_conflict(self):
        def conflict(**values):
            return PlexConflict.objects.create(conflict_type="no_match", **values)

        for _ in range(2):
            conflict(plex_show_key="g:1", resolved=True)
            conflict(plex_show_key="")
        conflict(plex_show_key="g:1")
        refused("INSERT INTO plex_conflicts (conflict_type, plex_show_key) VALUES ('no_match', 'g:1')")
        with pytest.raises(IntegrityError), transaction.atomic():
            PlexConflict.objects.filter(resolved=True).update(resolved=False)

    def test_a_match_method_is_one_of_five_or_none(self):
        made = waiting()
        for method in ("tmdb_id", "tvdb_id", "imdb_id", "title_year", "manual", None):
            sql("UPDATE plex_show_mappings SET match_method = %s WHERE id = %s", method, made.pk)
        for method in ("", "guess", "Manual"):
            refused("UPDATE plex_show_mappings SET match_method = %s", method)

    def test_a_resolution_is_one_of_six_or_none(self):
        PlexConflict.objects.create(conflict_type="no_match")
        for action in ("user_selected", "user_created_new", "auto_resolved", "ignored", "selected", "create_new", None):
            sql("UPDATE plex_conflicts SET resolution_action = %s", action)
        for action in ("", "select", "none"):
            refused("UPDATE plex_conflicts SET resolution_action = %s", action)

    def test_ids_of_a_show_are_unique_when_they_are_there_and_never_empty(self):
        for _ in range(2):
            show()
        sql("UPDATE tvshows SET tmdb_id = 1, tvdb_id = 1, imdb_id = 'tt1' WHERE id = (SELECT MIN(id) FROM tvshows)")
        for column, value in [("tmdb_id", 1), ("tvdb_id", 1), ("imdb_id", "tt1"), ("imdb_id", "")]:
            refused(f"UPDATE tvshows SET {column} = %s WHERE id = (SELECT MAX(id) FROM tvshows)", value)

    def test_a_person_has_one_connection_and_an_account_is_known_once(self):
        connected = config.create_config(user=User.objects.create(username="owner"))
        refused("INSERT INTO plex_config (user_id) VALUES (%s)", connected.user_id)
        for number, title in [(1, "a"), (2, "a"), (None, "a"), (None, "b")]:
            PlexAccount.objects.create(config=connected, account_id=number, title=title)
        for account in ({"account_id": 1, "title": "c"}, {"title": "a"}):
            with pytest.raises(IntegrityError), transaction.atomic():
                PlexAccount.objects.create(config=connected, **account)

    @pytest.mark.parametrize("model", [PlexConfig, PlexShowMapping, PlexWebhookLog, PlexConflict, PlexAccount])
    def test_text_is_empty_and_never_null_but_for_the_two_checked_columns(self, model):
        text = (models.CharField, models.TextField)
        with connection.cursor() as cursor:
            described = connection.introspection.get_table_description(cursor, model._meta.db_table)
        nullable = {column.name for column in described if column.null_ok}
        named = {field.column for field in model._meta.get_fields() if isinstance(field, text)}
        assert nullable & named == {"match_method", "resolution_action"} & named

    @pytest.mark.parametrize(("statement", "model"), [
        ("INSERT INTO tvshows (title) VALUES ('x')", TVShow),
        ("INSERT INTO plex_show_mappings (plex_title) VALUES ('x')", PlexShowMapping),
        ("INSERT INTO plex_conflicts (conflict_type) VALUES ('no_match')", PlexConflict),
        ("INSERT INTO plex_webhook_logs (event_type) VALUES ('media.scrobble')", PlexWebhookLog),
    ])
    def test_the_database_fills_in_what_a_statement_leaves_out_as_the_models_do(self, statement, model):
        sql(statement)
        by_sql = model.objects.get()
        by_model = model()
        for field in model._meta.concrete_fields:
            value = getattr(by_sql, field.attname)
            if field.has_default():
                expected = getattr(by_model, field.attname)
                assert value == expected or field.name in ("title", "plex_title", "conflict_type", "event_type")
            elif not field.null and not field.primary_key:
                assert value is not None


class TestDeletingAShow:
    def test_its_mapping_stays_with_no_show_and_sync_off(self):
        gone, kept = show(), show("iCarly")
        of_gone = [waiting(tvshow=gone), waiting(tvshow=gone, plex_server_uuid="attic", plex_rating_key="1")]
        of_kept = waiting(tvshow=kept)
        gone.delete()
        for mapping in of_gone:
            mapping.refresh_from_db()
            assert (mapping.tvshow_id, mapping.sync_enabled) == (None, False)
        of_kept.refresh_from_db()
        assert (of_kept.tvshow_id, of_kept.sync_enabled) == (kept.pk, True)
        assert set(PlexShowMapping.objects.set_aside()) == set(of_gone)

    def test_the_same_holds_for_many_at_once(self):
        mappings = [waiting(tvshow=show(f"show {number}")) for number in range(3)]
        TVShow.objects.all().delete()
        assert PlexShowMapping.objects.set_aside().count() == len(mappings)

    def test_its_events_and_conflicts_stay_too(self):
        gone = show()
        event = PlexWebhookLog.objects.create(event_type="media.scrobble", tvshow=gone, created_at=NOON)
        conflict = PlexConflict.objects.create(conflict_type="no_match", resolved=True, resolved_tvshow=gone)
        gone.delete()
        event.refresh_from_db()
        conflict.refresh_from_db()
        assert (event.tvshow_id, conflict.resolved_tvshow_id) == (None, None)


def operations() -> list[migrations.operations.base.Operation]:
    """What a later version may do: a new column, and changes of columns under each view."""
    text = {"default": "", "db_default": ""}
    received = {"default": "received", "db_default": "received"}
    return [
        migrations.AddField("plexshowmapping", "note", models.CharField(max_length=20, **text)),
        migrations.AlterField("plexshowmapping", "plex_title", models.CharField(max_length=500, **text)),
        migrations.AlterField("plexshowmapping", "tvshow", models.ForeignKey(
            "tvshows.tvshow", models.SET_NULL, null=True, blank=True, related_name="+",
        )),
        migrations.AlterField("plexwebhooklog", "status", models.CharField(max_length=32, **received)),
        migrations.RenameField("plexconflict", "evidence", "said"),
    ]


def migration(operations) -> migrations.Migration:
    made = migrations.Migration("later", "plex_integration")
    made.operations = operations
    return made


def apply(later: migrations.Migration, *, backwards: bool = False) -> None:
    state = MigrationLoader(connection).project_state()
    with connection.schema_editor(atomic=True) as editor:
        (later.unapply if backwards else later.apply)(state.clone(), editor)


def columns(table: str) -> set[str]:
    with connection.cursor() as cursor:
        return {column.name for column in connection.introspection.get_table_description(cursor, table)}


@pytest.mark.django_db(transaction=True)
class TestMigratingUnderTheObjects:
    def check_all(self):
        assert list(rows("SELECT * FROM plex_sync_stats")[0]) == STATS
        sql("SELECT * FROM plex_webhook_activity")
        sql("DELETE FROM plex_show_mappings")
        sql("INSERT INTO plex_show_mappings (plex_guid) VALUES ('plex://show/1')")
        sql("INSERT INTO plex_show_mappings (plex_guid, tvshow_id) SELECT 'plex://show/1', MIN(id) FROM tvshows")
        assert rows("SELECT COUNT(*) AS n FROM plex_show_mappings") == [{"n": 1}]
        if connection.vendor == "postgresql":
            assert rows("SELECT cleanup_old_webhook_logs() AS n") == [{"n": 0}]

    def test_the_tables_change_there_and_back_and_the_objects_are_there_again(self):
        show()
        later = migration(database_objects.around(operations()))
        apply(later)
        try:
            assert "note" in columns("plex_show_mappings")
            assert "said" in columns("plex_conflicts")
            self.check_all()
        finally:
            apply(later, backwards=True)
        assert "note" not in columns("plex_show_mappings")
        assert "evidence" in columns("plex_conflicts")
        self.check_all()

    def test_without_it_the_same_change_is_refused(self):
        show()
        with pytest.raises(DatabaseError):
            apply(migration(operations()))
        self.check_all()


def test_the_models_and_the_migrations_agree():
    from django.core.management import call_command

    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
