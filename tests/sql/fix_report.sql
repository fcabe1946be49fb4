-- fix report: drop the check of match_method
ALTER TABLE plex_show_mappings
DROP CONSTRAINT IF EXISTS plex_show_mappings_match_method_check;

-- fix report: allow 'manual' as match_method
ALTER TABLE plex_show_mappings
ADD CONSTRAINT plex_show_mappings_match_method_check
CHECK (match_method IN ('tmdb_id', 'tvdb_id', 'imdb_id', 'title_year', 'manual'));

-- fix report: drop the check of resolution_action
ALTER TABLE plex_conflicts
DROP CONSTRAINT IF EXISTS plex_conflicts_resolution_action_check;

-- fix report: allow additional resolution_action values
ALTER TABLE plex_conflicts
ADD CONSTRAINT plex_conflicts_resolution_action_check
CHECK (resolution_action IN ('user_selected', 'user_created_new', 'auto_resolved', 'ignored', 'selected', 'create_new'));

-- fix report: get the webhook secret
-- The report's script sends this without the semicolon.
SELECT webhook_secret FROM plex_config WHERE user_id = 1;

-- fix report: recent webhook activity
SELECT
  status,
  action_taken,
  COUNT(*) as count,
  MAX(created_at) as last_occurrence
FROM plex_webhook_logs
WHERE created_at > NOW() - INTERVAL '24 hours'
GROUP BY status, action_taken
ORDER BY last_occurrence DESC;

-- fix report: failed webhooks
SELECT
  id,
  plex_title,
  error_message,
  created_at
FROM plex_webhook_logs
WHERE status = 'failed'
ORDER BY created_at DESC
LIMIT 10;

-- fix report: unresolved conflicts
SELECT
  id,
  plex_title,
  conflict_type,
  created_at
FROM plex_conflicts
WHERE resolved = false
ORDER BY created_at DESC;

-- fix report: roll back, drop the check of match_method
ALTER TABLE plex_show_mappings
DROP CONSTRAINT plex_show_mappings_match_method_check;

-- fix report: roll back, refuse 'manual' as match_method
ALTER TABLE plex_show_mappings
ADD CONSTRAINT plex_show_mappings_match_method_check
CHECK (match_method IN ('tmdb_id', 'tvdb_id', 'imdb_id', 'title_year'));
