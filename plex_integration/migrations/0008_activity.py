from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("plex_integration", "0007_library_sync")]

    operations = [
        migrations.AddIndex(
            model_name="plexwebhooklog",
            index=models.Index(fields=["account", "-created_at"], name="idx_webhook_logs_of_account"),
        ),
        migrations.AddIndex(
            model_name="plexwebhooklog",
            index=models.Index(fields=["action_taken", "-created_at"], name="idx_webhook_logs_actions"),
        ),
        migrations.AddIndex(
            model_name="plexwebhooklog",
            index=models.Index(
                fields=["plex_title", "plex_season", "plex_episode", "-created_at"], name="idx_webhook_logs_titles",
            ),
        ),
    ]
