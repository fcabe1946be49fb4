"""Views, the clean-up function and the hand-over trigger: what the database has beside tables.

SQLite refuses to alter a table under a view and drops a table's triggers when it rebuilds it, PostgreSQL refuses to
change a column that a view reads. So a migration that alters one of these tables wraps its operations in `around`.
"""

from collections.abc import Callable, Iterable

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import RunPython
from django.db.migrations.operations.base import Operation

_STATS = """
CREATE VIEW plex_sync_stats AS
SELECT
  COUNT(*) AS total_mappings,
  COUNT(tvshow_id) AS mapped,
  COUNT(*) - COUNT(tvshow_id) AS unmapped,
  COALESCE(SUM(CASE WHEN sync_enabled THEN 0 ELSE 1 END), 0) AS sync_disabled,
  COALESCE(SUM(CASE WHEN manually_confirmed THEN 1 ELSE 0 END), 0) AS manually_confirmed,
  (SELECT COUNT(*) FROM plex_conflicts WHERE NOT resolved) AS open_conflicts
FROM plex_show_mappings
"""

_ACTIVITY = """
CREATE VIEW plex_webhook_activity AS
SELECT
  DATE(created_at) AS date,
  COUNT(*) AS total_webhooks,
  SUM(CASE WHEN status = 'success' THEN 1 ELSE 0 END) AS successful,
  SUM(CASE WHEN status = 'failed' THEN 1 ELSE 0 END) AS failed,
  SUM(CASE WHEN status = 'ignored' THEN 1 ELSE 0 END) AS ignored,
  SUM(CASE WHEN status = 'duplicate' THEN 1 ELSE 0 END) AS duplicates,
  AVG(processing_duration_ms) AS avg_duration
FROM plex_webhook_logs
GROUP BY DATE(created_at)
ORDER BY DATE(created_at) DESC
"""

_CLEANUP = """
CREATE OR REPLACE FUNCTION cleanup_old_webhook_logs() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  deleted integer;
BEGIN
  DELETE FROM plex_webhook_logs WHERE done_at IS NOT NULL AND created_at < NOW() - INTERVAL '90 days';
  GET DIAGNOSTICS deleted = ROW_COUNT;
  RETURN deleted;
END $$
"""

# A mapping that a person writes by SQL takes the place of the row that waits for it, which it would else collide with.
_SAME_SHOW = """
  WHERE tvshow_id IS NULL AND (
    (NEW.plex_guid <> '' AND NEW.plex_guid NOT LIKE 'local://%' AND NEW.plex_guid NOT LIKE '%.none://%'
     AND plex_guid = NEW.plex_guid)
    OR (NEW.plex_rating_key <> '' AND plex_rating_key = NEW.plex_rating_key
        AND plex_server_uuid = NEW.plex_server_uuid))
"""
_HANDOVER_SQLITE = f"""
CREATE TRIGGER plex_show_mappings_handover BEFORE INSERT ON plex_show_mappings WHEN NEW.tvshow_id IS NOT NULL
BEGIN
  DELETE FROM plex_show_mappings {_SAME_SHOW};
END
"""  # noqa: S608  (only our own text is put in)
_HANDOVER_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION plex_show_mappings_handover() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM plex_show_mappings {_SAME_SHOW};
  RETURN NEW;
END $$;
CREATE TRIGGER plex_show_mappings_handover BEFORE INSERT ON plex_show_mappings
FOR EACH ROW WHEN (NEW.tvshow_id IS NOT NULL) EXECUTE FUNCTION plex_show_mappings_handover()
"""  # noqa: S608  (only our own text is put in)

_CREATE = {
    "sqlite": (_STATS, _ACTIVITY, _HANDOVER_SQLITE),
    "postgresql": (_STATS, _ACTIVITY, _CLEANUP, _HANDOVER_POSTGRESQL),
}
_DROP = {
    "sqlite": (
        "DROP VIEW IF EXISTS plex_sync_stats",
        "DROP VIEW IF EXISTS plex_webhook_activity",
        "DROP TRIGGER IF EXISTS plex_show_mappings_handover",
    ),
    "postgresql": (
        "DROP VIEW IF EXISTS plex_sync_stats",
        "DROP VIEW IF EXISTS plex_webhook_activity",
        "DROP FUNCTION IF EXISTS cleanup_old_webhook_logs()",
        "DROP TRIGGER IF EXISTS plex_show_mappings_handover ON plex_show_mappings",
        "DROP FUNCTION IF EXISTS plex_show_mappings_handover()",
    ),
}


def _runner(statements: dict[str, tuple[str, ...]]) -> Callable[[object, BaseDatabaseSchemaEditor], None]:
    def run(_: object, editor: BaseDatabaseSchemaEditor) -> None:
        for statement in statements[editor.connection.vendor]:
            editor.execute(statement, params=None)  # None: a % in it is a % and no placeholder

    return run


def create() -> RunPython:
    """The operation that makes the objects; undone, it drops them."""
    return RunPython(_runner(_CREATE), _runner(_DROP))


def drop() -> RunPython:
    """The operation that drops the objects; undone, it makes them."""
    return RunPython(_runner(_DROP), _runner(_CREATE))


def around(operations: Iterable[Operation]) -> list[Operation]:
    """Drop the objects, run a migration's operations, make the objects again."""
    return [drop(), *operations, create()]
