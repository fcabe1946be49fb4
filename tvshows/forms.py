"""What people enter about shows and viewings."""

import re
from collections.abc import Callable
from datetime import datetime, time
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django import forms
from django.contrib.admin.widgets import AdminDateWidget, AdminTimeWidget
from django.core.exceptions import ValidationError
from django.utils import timezone

from tvshows.additions import namesake
from tvshows.described import NewEpisode
from tvshows.library import SORTS, STATUSES, Wanted
from tvshows.models import Episode, TrackedShow, TVShow, Viewer, Watch
from tvshows.ticking import at, when_aired
from tvshows.tmdb_answers import LARGEST, MOST_RUNTIME
from tvshows.watching import at_noon

EARLIEST_YEAR = 1925  # the first television
MOST_SEASONS, MOST_EPISODES = 200, 5000
MOST_NUMBER = 99_999  # of a season or an episode; some are numbered by dates


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


class _DayInput(forms.DateInput):
    """The browser's own control for a day."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__({"class": "input"}, format="%Y-%m-%d")


class _ClockInput(forms.TimeInput):
    """The browser's own control for a time of day."""

    input_type = "time"

    def __init__(self) -> None:
        super().__init__({"class": "input"}, format="%H:%M")


class _OfAPage(forms.Form):
    """A form of our own pages: labels without a colon, controls in our clothes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        for field in self.fields.values():
            if not isinstance(field.widget, forms.CheckboxInput):
                field.widget.attrs.setdefault("class", "select" if isinstance(field, forms.ChoiceField) else "input")

    @property
    def problem(self) -> str:
        """What is wrong, in one sentence."""
        return next((str(error) for errors in self.errors.values() for error in errors), "")


class WhenForm(_OfAPage):
    """A day on which something was watched, and the time where a person knows it; both may be left empty."""

    date = forms.DateField(label="Day", required=False, widget=_DayInput())
    time = forms.TimeField(label="Time", required=False, widget=_ClockInput())

    def watched_at(self, now: datetime) -> datetime | None:
        """The time of the viewing, or nothing where no day was given."""
        day = self.cleaned_data["date"]
        return at(day, self.cleaned_data["time"], now=now) if day else None

    def clean(self) -> dict[str, Any]:
        """Nobody has watched tomorrow's episode, nor one before there was television."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        day = data.get("date")
        if data.get("time") and not day and not self.has_error("date"):
            self.add_error("date", "Say the day, too.")
        elif day and day.year < EARLIEST_YEAR:
            self.add_error("date", "That is before there was television.")
        elif day and timezone.make_aware(datetime.combine(day, data.get("time") or time(0))) > timezone.now():
            self.add_error("date", "That is in the future.")
        return data


class DatedForm(WhenForm):
    """A viewing that needs its day."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["date"].required = True


class TickForm(WhenForm):
    """Ticking an episode on or off."""

    watched = forms.ChoiceField(choices=[("on", "watched"), ("off", "not watched")])


class TickManyForm(TickForm):
    """Ticking several episodes on or off, with one date or that of each episode."""

    when = forms.ChoiceField(
        label="Watched", required=False,
        choices=[("now", "Now"), ("aired", "On the day each aired"), ("day", "On a day of your choice")],
    )

    def clean(self) -> dict[str, Any]:
        """A day of one's choice has to be given."""
        data = super().clean()
        if data.get("when") == "day" and not data.get("date") and not self.errors:
            self.add_error("date", "Choose a day.")
        return data

    def dates(self, now: datetime) -> Callable[[Episode], datetime]:
        """When each episode was watched."""
        chosen, said = self.cleaned_data["when"], self.watched_at(now)
        if chosen == "aired":
            return lambda episode: when_aired(episode, now=now)
        return lambda _: said if chosen == "day" and said else now


class ShelfForm(_OfAPage):
    """Which shows a person wants to see. What is not understood is left out."""

    q = forms.CharField(
        label="Search", required=False, max_length=200,
        widget=forms.TextInput({"type": "search", "placeholder": "Any title it goes by", "autocomplete": "off"}),
    )
    status = forms.ChoiceField(required=False, choices=list(STATUSES.items()), widget=forms.HiddenInput())
    sort = forms.ChoiceField(label="Sort by", required=False, choices=list(SORTS.items()))

    def wanted(self) -> Wanted:
        """What was understood of it."""
        self.is_valid()
        data = self.cleaned_data
        return Wanted(data.get("q") or "", data.get("status") or "", data.get("sort") or next(iter(SORTS)))


class SearchForm(_OfAPage):
    """A title to look up."""

    q = forms.CharField(
        label="Title", max_length=200,
        widget=forms.TextInput({"type": "search", "placeholder": "Such as Severance, or iCarly (2021)"}),
    )


class ChosenForm(forms.Form):
    """A show of TMDB."""

    tmdb_id = forms.IntegerField(min_value=1, max_value=LARGEST)


class StatusForm(_OfAPage):
    """The person's status of a show; none takes it off their list."""

    status = forms.ChoiceField(
        label="Your status", required=False,
        choices=[(value, label.capitalize()) for value, label in TrackedShow.Status.choices],
    )


class HandMadeForm(_OfAPage):
    """A show that a person describes."""

    title = forms.CharField(max_length=255)
    year = forms.IntegerField(
        label="First year", required=False, min_value=EARLIEST_YEAR, max_value=2200,
        help_text="It tells shows of one name apart.",
    )
    seasons = forms.CharField(
        label="Episodes of each season", required=False, max_length=600,
        help_text="Their numbers in order, such as 10, 8, 13. Left empty, add the episodes on the show’s page.",
    )
    another = forms.BooleanField(label="It is another show of the same name", required=False)
    namesake: TVShow | None = None

    def clean_seasons(self) -> list[int]:
        """The numbers, however they are parted."""
        given = re.findall(r"\d+", self.cleaned_data["seasons"])
        if re.sub(r"[\d\s,;+]", "", self.cleaned_data["seasons"]):
            raise ValidationError("Write numbers only, such as 10, 8, 13.")
        counts = [int(digits[:6]) for digits in given]
        if len(counts) > MOST_SEASONS or sum(counts) > MOST_EPISODES or 0 in counts:
            raise ValidationError(f"A season has at least one episode, and a show {MOST_EPISODES:,} at most.")
        return counts

    def clean(self) -> dict[str, Any]:
        """A show of this name and year may be the one that is meant."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("title") and not data.get("another") and not self.has_error("year"):
            self.namesake = namesake(data["title"], data.get("year"))
        if self.namesake:
            self.add_error("title", f"{self.namesake} is here already. If yours is another one, say so below.")
        return data


class EpisodeForm(_OfAPage):
    """An episode that a person adds to a show."""

    season = forms.IntegerField(min_value=0, max_value=MOST_NUMBER, help_text="0 for specials.")
    number = forms.IntegerField(label="Episode", min_value=0, max_value=MOST_NUMBER)
    title = forms.CharField(required=False, max_length=255)
    air_date = forms.DateField(label="Aired", required=False, widget=_DayInput())
    runtime = forms.IntegerField(label="Minutes", required=False, min_value=1, max_value=MOST_RUNTIME)

    def described(self) -> NewEpisode:
        """The episode as the catalogue takes it."""
        return NewEpisode(**self.cleaned_data)
