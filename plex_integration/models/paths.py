"""Where the server's folders are on this machine."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now

from plex_integration.models.config import PlexConfig


class PlexPathMapping(models.Model):
    """A folder as the Plex server names it, and the same folder as this machine does."""

    config = models.ForeignKey(PlexConfig, models.CASCADE, related_name="path_mappings")
    plex_path = models.CharField(
        "path in Plex", max_length=1000, help_text="The folder as the Plex server writes it, such as /media/tv.",
    )
    local_path = models.CharField(
        "path here", max_length=1000, help_text="The same folder as this machine writes it, such as R:\\tv.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "plex_path_mappings"
        verbose_name = "path mapping"
        ordering = ["plex_path"]
        constraints = [
            models.UniqueConstraint(fields=["config", "plex_path"], name="plex_path_mappings_plex_path"),
        ]

    def __str__(self) -> str:
        return f"{self.plex_path} → {self.local_path}"

    def clean(self) -> None:
        """Both are whole paths: a relative one would be one of everywhere."""
        for name in ("plex_path", "local_path"):
            value = getattr(self, name).strip()
            whole = value.startswith(("/", "\\\\")) or (value[1:3] in {":\\", ":/"} and value[:1].isalpha())
            if value and not whole:
                raise ValidationError({name: "Write the whole path, such as /media/tv, R:\\tv or \\\\nas\\tv."})
            setattr(self, name, value)
