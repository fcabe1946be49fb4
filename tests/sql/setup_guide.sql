-- setup guide: verify the migration
SELECT * FROM plex_sync_stats;

-- setup guide: check webhook logs
SELECT * FROM plex_webhook_logs
ORDER BY created_at DESC
LIMIT 10;

-- setup guide: check if a show exists
SELECT * FROM tvshows WHERE title ILIKE '%show name%';

-- setup guide: check a mapping
SELECT * FROM plex_show_mappings WHERE plex_title ILIKE '%show name%';

-- setup guide: check if auto-add is enabled
SELECT auto_add_shows FROM plex_config WHERE user_id = 1;

-- setup guide: check for conflicts
SELECT * FROM plex_conflicts WHERE resolved = false;

-- setup guide: test the connection
SELECT 1;

-- setup guide: rotate the webhook secret
UPDATE plex_config
SET webhook_secret = encode(gen_random_bytes(32), 'hex'),
    updated_at = NOW()
WHERE user_id = 1
RETURNING webhook_secret;

-- setup guide: disable sync for a show
UPDATE plex_show_mappings
SET sync_enabled = false
WHERE plex_title = 'Show Name';

-- setup guide: find your show
SELECT id, title, tmdb_id FROM tvshows WHERE title ILIKE '%The Office%';

-- setup guide: create a mapping by hand
INSERT INTO plex_show_mappings (
  plex_rating_key,
  plex_guid,
  plex_title,
  plex_year,
  tmdb_id,
  tvshow_id,
  match_confidence,
  match_method,
  manually_confirmed
) VALUES (
  '12343',  -- from Plex
  'com.plexapp.agents.themoviedb://1418',
  'The Office',
  2005,
  1418,
  42,  -- your tvshow ID
  1.0,
  'manual',
  true
);

-- setup guide: last 24 hours activity
SELECT
  event_type,
  status,
  COUNT(*) as count,
  AVG(processing_duration_ms) as avg_duration
FROM plex_webhook_logs
WHERE created_at > NOW() - INTERVAL '24 hours'
GROUP BY event_type, status
ORDER BY count DESC;

-- setup guide: failed webhooks of a week
SELECT
  plex_title,
  error_message,
  created_at
FROM plex_webhook_logs
WHERE status = 'failed'
  AND created_at > NOW() - INTERVAL '7 days'
ORDER BY created_at DESC;

-- setup guide: clean old webhook logs
SELECT cleanup_old_webhook_logs();

-- setup guide: back up the config
-- The guide has psql's \copy ... TO 'file', which sends this to the server and writes the file itself.
COPY (SELECT * FROM plex_config) TO STDOUT CSV HEADER;

-- setup guide: back up the mappings
-- As above.
COPY (SELECT * FROM plex_show_mappings) TO STDOUT CSV HEADER;

-- setup guide: check the latest webhook logs
SELECT * FROM plex_webhook_logs ORDER BY created_at DESC LIMIT 20;

-- setup guide: check mappings
SELECT * FROM plex_show_mappings;

-- setup guide: uninstall, disable the integration
UPDATE plex_config SET enabled = false WHERE user_id = 1;

-- setup guide: uninstall, drop the logs
DROP TABLE IF EXISTS plex_webhook_logs CASCADE;

-- setup guide: uninstall, drop the conflicts
DROP TABLE IF EXISTS plex_conflicts CASCADE;

-- setup guide: uninstall, drop the mappings
DROP TABLE IF EXISTS plex_show_mappings CASCADE;

-- setup guide: uninstall, drop the config
DROP TABLE IF EXISTS plex_config CASCADE;

-- setup guide: uninstall, remove the columns of the shows
ALTER TABLE tvshows
  DROP COLUMN IF EXISTS plex_synced,
  DROP COLUMN IF EXISTS plex_last_sync,
  DROP COLUMN IF EXISTS source;
