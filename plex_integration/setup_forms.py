"""What people enter about the connection to Plex: token, server, options, and the webhook's secret."""

from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from plex_integration.models import PlexConfig, SyncCursor

FIRST_HISTORY = date(2000, 1, 1)  # older than Plex


class ConnectForm(forms.Form):
    """A Plex token, and the server's address where it is not found by itself."""

    token = forms.CharField(
        label="Plex token", max_length=255, required=False,
        widget=forms.PasswordInput(attrs={"class": "input", "autocomplete": "off"}),
        help_text="It is stored encrypted and shown nowhere. Left empty, the saved one is used.",
    )
    server_url = forms.CharField(
        label="Address of the server", max_length=255, required=False,
        widget=forms.TextInput(attrs={
            "class": "input", "autocomplete": "off", "inputmode": "url", "placeholder": "http://192.168.1.20:32400",
        }),
        help_text="Left empty, it is found by itself.",
    )


class ServerForm(forms.Form):
    """One of the account's servers, by its machine identifier, or an address where it answers."""

    server = forms.CharField(max_length=64, required=False)
    server_url = forms.CharField(
        label="Address of the server", max_length=255, required=False,
        widget=forms.TextInput(attrs={
            "class": "input", "autocomplete": "off", "inputmode": "url", "placeholder": "http://192.168.1.20:32400",
        }),
        help_text="As this machine reaches it. It is taken before what is chosen above.",
    )

    def clean(self) -> None:
        """One of the two."""
        super().clean()
        if not self.errors and not (self.cleaned_data.get("server") or self.cleaned_data.get("server_url")):
            self.add_error("server_url", "Choose a server, or enter the address of one.")


class OptionsForm(forms.ModelForm):  # type: ignore[type-arg]
    """The switches of a connection, and from when on its history counts."""

    counts_from = forms.DateField(
        label="Take history from", required=True,
        widget=forms.DateInput(attrs={"class": "input", "type": "date"}, format="%Y-%m-%d"),
        help_text="What was watched in Plex before this day is not taken over by itself.",
        error_messages={"required": "Enter a day.", "invalid": "Enter a day, such as 2026-11-20."},
    )

    class Meta:
        model = PlexConfig
        fields = ("enabled", "auto_mark_watched", "auto_add_shows")
        labels: ClassVar = {
            "enabled": "Take in what Plex sends", "auto_mark_watched": "Tick off what was watched",
            "auto_add_shows": "Add shows that are not here yet",
        }
        help_texts: ClassVar = {
            "enabled": "Off: every event is set aside.",
            "auto_mark_watched": "Off: shows are recognised, and nothing is ticked off.",
            "auto_add_shows": "Off: a first play asks, and what is new in the library is set aside.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if since := self.instance.sync_started_date:
            self.initial["counts_from"] = timezone.localdate(since)

    @property
    def switches(self) -> list[forms.BoundField]:
        """The fields that are on or off."""
        return [self[name] for name in self.Meta.fields]

    def clean_counts_from(self) -> date:
        """A day between the first Plex and today."""
        given: date = self.cleaned_data["counts_from"]
        if not FIRST_HISTORY <= given <= timezone.localdate():
            raise ValidationError(f"Enter a day from {FIRST_HISTORY.year} to today.")
        return given

    def save(self, commit: bool = True) -> PlexConfig:  # noqa: FBT001, FBT002  (Django's own)
        """Write what the form has, and nothing else of the connection. A day begins at midnight where the person is."""
        config: PlexConfig = self.instance
        fields, before = list(self.Meta.fields), config.sync_started_date
        if "counts_from" in self.changed_data:
            midnight = datetime.combine(self.cleaned_data["counts_from"], time.min)
            config.sync_started_date = timezone.make_aware(midnight)
            fields.append("sync_started_date")
        if commit:
            config.save(update_fields=fields)
            if config.sync_started_date < before:
                SyncCursor.objects.rewind_history(config.pk)
        return config


class SecretForm(forms.Form):
    """How long the webhook's old URL still works once there is a new secret."""

    grace = forms.TypedChoiceField(
        label="The old URL works for", coerce=lambda hours: timedelta(hours=int(hours)), initial="24",
        choices=[("24", "one more day"), ("168", "one more week"), ("0", "no longer: it ends at once")],
        widget=forms.Select(attrs={"class": "select"}),
        error_messages={"required": "Choose how long the old URL works.", "invalid_choice": "Choose one of the three."},
    )
