"""What people enter about viewings."""

from datetime import datetime, time
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django import forms
from django.contrib.admin.widgets import AdminDateWidget, AdminTimeWidget
from django.core.exceptions import ValidationError
from django.utils import timezone

from tvshows.models import Viewer, Watch
from tvshows.watching import at_noon


class WatchForm(forms.ModelForm):  # type: ignore[type-arg]
    """A viewing with its day and, where a person knows it, its time."""

    watched_on = forms.DateField(label="Watched on", widget=AdminDateWidget())
    watched_time = forms.TimeField(
        label="At", required=False, widget=AdminTimeWidget(),
        help_text="Left empty, noon of that day in the person's zone.",
    )

    class Meta:
        model = Watch
        fields: ClassVar[list[str]] = ["user", "episode"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            local = timezone.localtime(self.instance.watched_at)
            self.initial["watched_on"] = local.date()
            self.initial["watched_time"] = local.time().replace(microsecond=0)

    def watched_at(self, zone: str) -> datetime:
        """The time of the viewing; without one, noon in the person's zone."""
        day, clock = self.cleaned_data["watched_on"], self.cleaned_data["watched_time"]
        if clock is None:
            return at_noon(day, zone)
        return timezone.make_aware(datetime.combine(day, clock))

    def clean(self) -> dict[str, Any]:
        """Nobody has watched tomorrow's episode."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        day = data.get("watched_on")
        if day and timezone.make_aware(datetime.combine(day, data.get("watched_time") or time(0))) > timezone.now():
            self.add_error("watched_on", "That is in the future.")
        return data


class ViewerForm(forms.ModelForm):  # type: ignore[type-arg]
    """What a person chose about their own list."""

    class Meta:
        model = Viewer
        fields: ClassVar[list[str]] = ["user", "records_rewatches", "time_zone"]

    def clean_time_zone(self) -> str:
        """A zone that the system knows, or none."""
        given: str = self.cleaned_data["time_zone"].strip()
        try:
            return ZoneInfo(given).key if given else ""
        except (LookupError, OSError, ValueError) as problem:
            raise ValidationError("There is no such zone. One is Europe/Berlin.") from problem
