from django.db import migrations, models

# When each person watched each show last, for the rows that are there.
FILL = """
UPDATE tracked_shows SET last_watched_at = (
  SELECT MAX((
    SELECT MAX(CASE WHEN w.removed_at IS NULL THEN w.watched_at END) FROM watches w
    WHERE w.episode_id = e.id AND w.user_id = tracked_shows.user_id AND w.removed_at IS NULL
  )) FROM tvshow_episodes e WHERE e.show_id = tracked_shows.show_id
)
"""


class Migration(migrations.Migration):

    dependencies = [
        ('tvshows', '0005_statistics'),
    ]

    operations = [
        migrations.AddField(
            model_name='trackedshow',
            name='last_watched_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
