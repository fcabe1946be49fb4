from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("plex_integration", "0005_verdicts")]

    operations = [
        migrations.AddIndex(
            model_name="plexwebhooklog",
            index=models.Index(fields=["action_taken", "account"], name="idx_webhook_logs_aside"),
        ),
    ]
