-- checklist: test the trigram extension
SELECT similarity('The Office', 'The Office US');

-- checklist: check tables exist
SELECT table_name
FROM information_schema.tables
WHERE table_name LIKE 'plex_%'
ORDER BY table_name;

-- checklist: check indexes
SELECT indexname, indexdef
FROM pg_indexes
WHERE tablename LIKE 'plex_%'
ORDER BY tablename, indexname;

-- checklist: check config
SELECT
  enabled,
  auto_add_shows,
  auto_mark_watched,
  plex_server_name,
  last_webhook_received
FROM plex_config
WHERE user_id = 1;

-- checklist: check sync stats
SELECT * FROM plex_sync_stats;

-- checklist: check recent activity
SELECT * FROM plex_webhook_activity
LIMIT 7;

-- checklist: check failed webhooks
SELECT
  plex_title,
  error_message,
  created_at
FROM plex_webhook_logs
WHERE status = 'failed'
ORDER BY created_at DESC
LIMIT 10;
