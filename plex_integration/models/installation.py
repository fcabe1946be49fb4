"""Single values of this installation."""

from django.db import models
from django.db.models.functions import Now


class InstallationValue(models.Model):
    """A named value that all processes share, such as the hash of the setup token or the worker's heartbeat."""

    SETUP_TOKEN = "setup_token"  # noqa: S105  (its name, not the token)
    KEY_CANARY = "key_canary"
    HEARTBEAT = "worker_heartbeat"
    ADDRESS = "address"
    PLEX_CLIENT = "plex_client_id"

    name = models.CharField(max_length=32, primary_key=True)
    value = models.TextField(blank=True, default="", db_default="")
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "installation_values"

    def __str__(self) -> str:
        return self.name
