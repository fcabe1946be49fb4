"""The views, the clean-up function, the hand-over trigger, and pgcrypto where the server has it."""

from django.db import ProgrammingError, migrations, transaction

from plex_integration import database_objects


def add_pgcrypto(apps, editor):
    """Only the setup guide's SQL rotation of the secret needs it: without the right or the files we go on."""
    if editor.connection.vendor != "postgresql":
        return
    with editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'pgcrypto'")
        if not cursor.fetchone():
            return
        try:
            with transaction.atomic(using=editor.connection.alias):
                cursor.execute("CREATE EXTENSION IF NOT EXISTS pgcrypto")
        except ProgrammingError as refusal:  # InsufficientPrivilege
            print(f"pgcrypto was not added ({refusal}); only a rotation of the secret by SQL needs it.")


class Migration(migrations.Migration):
    dependencies = [("plex_integration", "0002_initial")]
    operations = [migrations.RunPython(add_pgcrypto, migrations.RunPython.noop), database_objects.create()]
