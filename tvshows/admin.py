"""Shows, episodes, lists and viewings in the admin. What is ticked or unticked here goes through the domain."""

# ruff: noqa: ARG002, FBT001  (Django hands its hooks more than each needs)

from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from tvshows import catalogue, watching
from tvshows.columns import moment, titled
from tvshows.forms import ViewerForm, WatchForm
from tvshows.models import Episode, ShowTitle, TrackedShow, TVShow, Viewer, Watch
from tvshows.watching import Viewing


class OtherTitlesInline(admin.TabularInline):  # type: ignore[type-arg]
    """Titles that a person gave, by which the show is found as well."""

    model = ShowTitle
    fields = ["title"]
    extra = 0
    verbose_name = "title given by a person"
    verbose_name_plural = "other titles it is found by"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ShowTitle]:
        """The others are written from the show itself."""
        return super().get_queryset(request).filter(kind=ShowTitle.Kind.PERSON)


@admin.register(TVShow)
class ShowAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The catalogue."""

    list_display = [
        "title", "first_year", "network", "airing", "episode_count", "tmdb_id", "tvdb_id", "imdb_id", "source",
    ]
    list_filter = ["airing", "source", ("plex_synced", titled("in Plex", admin.BooleanFieldListFilter))]
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    search_fields = ["titles__title", "title", "imdb_id", "=tmdb_id", "=tvdb_id"]
    search_help_text = "Any of its titles, or an id."
    inlines = [OtherTitlesInline]
    readonly_fields = ["episode_list", "known_titles", "plex_synced", "synced", "source", "refreshed"]
    fieldsets = [
        (None, {"fields": [
            "title", "original_title", "known_titles", "show_start_date", "airing", "network", "episode_list",
        ]}),
        ("Ids", {"fields": ["tmdb_id", "tvdb_id", "imdb_id"]}),
        ("Description", {"fields": ["overview", "poster"]}),
        ("Where it came from", {"fields": ["source", "plex_synced", "synced", "refreshed"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[TVShow]:
        """With the number of episodes."""
        shows: QuerySet[TVShow] = super().get_queryset(request)
        return shows.annotate(episodes_held=Count("episodes"))

    @admin.display(description="first aired", ordering="show_start_date", empty_value="–")
    def first_year(self, show: TVShow) -> int | None:
        """The year in which it began."""
        return show.year

    @admin.display(description="episodes", ordering="episodes_held")
    def episode_count(self, show: TVShow) -> str:
        """How many, with a link to them."""
        return format_html('<a href="{}">{}</a>', _episodes_url(show), getattr(show, "episodes_held", 0))

    @admin.display(description="episodes")
    def episode_list(self, show: TVShow) -> str:
        """A link to them: a page of its own, because there may be hundreds."""
        if show.pk is None:
            return "They can be added once the show is saved."
        return format_html('<a href="{}">{} episodes</a>', _episodes_url(show), getattr(show, "episodes_held", 0))

    @admin.display(description="found by", empty_value="–")
    def known_titles(self, show: TVShow) -> str | None:
        """The titles that were written from the catalogue."""
        if show.pk is None:
            return None
        return ", ".join(show.titles.exclude(kind=ShowTitle.Kind.PERSON).values_list("title", flat=True)) or None

    @admin.display(description="last event from Plex", empty_value="none")
    def synced(self, show: TVShow) -> str | None:
        """When Plex named it last."""
        return moment(show.plex_last_sync)

    @admin.display(description="episodes last refreshed", empty_value="never")
    def refreshed(self, show: TVShow) -> str | None:
        """When all its episodes were written."""
        return moment(show.refreshed_at)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """What it is found by, people's totals, and the questions that it may settle follow from every change."""
        super().save_related(request, form, formsets, change)
        catalogue.show_edited(form.instance)
        watching.recount_shows([form.instance.pk], now=timezone.now())


def _episodes_url(show: TVShow) -> str:
    return f"{reverse('admin:tvshows_episode_changelist')}?show__id__exact={show.pk}"


@admin.register(Episode)
class EpisodeAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Episodes. What changes here changes people's totals."""

    list_display = ["code", "show", "title", "air_date", "minutes"]
    list_display_links = ["code"]
    list_select_related = ["show"]
    list_per_page = 100
    ordering = ["show__title", "show", "season_number", "episode_number"]
    search_fields = ["title", "show__title"]
    search_help_text = "An episode's title, or its show's."
    autocomplete_fields = ["show"]
    fields = [
        "show", ("season_number", "episode_number"), "title", "air_date", "runtime", ("tmdb_id", "tvdb_id", "imdb_id"),
    ]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Added from a show's list of episodes, it is that show's next one."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        filters = parse_qs(request.GET.get("_changelist_filters", ""))
        show = next((values[0] for name, values in filters.items() if name in {"show", "show__id__exact"}), "")
        if show.isdecimal() and len(show) < 18:
            last = Episode.objects.filter(show=int(show)).order_by("season_number", "episode_number").last()
            season, number = (last.season_number, last.episode_number + 1) if last else (1, 1)
            initial = {"show": show, "season_number": season, "episode_number": number} | initial
        return initial

    @admin.display(description="episode", ordering="season_number")
    def code(self, episode: Episode) -> str:
        """S02E05."""
        return episode.code

    @admin.display(description="runtime", ordering="runtime", empty_value="–")
    def minutes(self, episode: Episode) -> str | None:
        """In minutes."""
        return f"{episode.runtime} min" if episode.runtime else None

    def save_model(self, request: HttpRequest, obj: Episode, form: Any, change: bool) -> None:
        """With everybody's totals of its show, and of the one it was moved from."""
        super().save_model(request, obj, form, change)
        watching.recount_shows({obj.show_id, form.initial.get("show") or obj.show_id}, now=timezone.now())

    def delete_model(self, request: HttpRequest, obj: Episode) -> None:
        """With everybody's totals of its show."""
        super().delete_model(request, obj)
        watching.recount_shows([obj.show_id], now=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Episode]) -> None:
        """With everybody's totals of their shows."""
        shows = set(queryset.order_by().values_list("show", flat=True))
        super().delete_queryset(request, queryset)
        watching.recount_shows(shows, now=timezone.now())


@admin.register(TrackedShow)
class TrackedShowAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Shows on people's lists. The totals are counted from the viewings."""

    list_display = ["show", "user", "status", "watched_episodes", "total_minutes", "changed"]
    list_filter = ["status", "user"]
    show_facets = admin.ShowFacets.NEVER
    list_select_related = ["show", "user"]
    search_fields = ["show__title", "user__username"]
    autocomplete_fields = ["show", "user"]
    fields = ["user", "show", "status", "watched_episodes", "total_minutes"]
    readonly_fields = ["watched_episodes", "total_minutes"]

    @admin.display(description="changed", ordering="updated_at")
    def changed(self, tracked: TrackedShow) -> str | None:
        """When something of it was watched or set last."""
        return moment(tracked.updated_at)

    def save_model(self, request: HttpRequest, obj: TrackedShow, form: Any, change: bool) -> None:
        """Whatever was watched before it was on the list counts."""
        super().save_model(request, obj, form, change)
        if not change:
            watching.recount_shows([obj.show_id], now=timezone.now())


@admin.register(Watch)
class WatchAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Viewings that were not unticked. Deleting one unticks its episode, so that no event ticks it again."""

    form = WatchForm
    list_display = ["episode_code", "show", "user", "seen", "source", "play"]
    list_display_links = ["episode_code"]
    list_filter = ["source", "user", ("watched_at", titled("watched", admin.DateFieldListFilter))]
    show_facets = admin.ShowFacets.NEVER
    list_select_related = ["episode__show", "user"]
    list_per_page = 50
    search_fields = ["episode__show__title", "episode__title", "user__username"]
    search_help_text = "A show, an episode's title, or a person."
    autocomplete_fields = ["episode", "user"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Watch]:
        """Those that count."""
        return super().get_queryset(request).filter(removed_at__isnull=True)

    def get_fields(self, request: HttpRequest, obj: Watch | None = None) -> Any:
        """A new viewing needs a person and an episode."""
        return ["user", "episode", "watched_on", "watched_time", *([] if obj is None else ["source", "play"])]

    def get_readonly_fields(self, request: HttpRequest, obj: Watch | None = None) -> list[str]:
        """Of a viewing that is there only the date changes."""
        return [] if obj is None else ["user", "episode", "source", "play"]

    @admin.display(description="episode", ordering="episode__season_number")
    def episode_code(self, watch: Watch) -> str:
        """Its number and title."""
        return str(watch.episode)

    @admin.display(description="watched", ordering="watched_at")
    def seen(self, watch: Watch) -> str | None:
        """When."""
        return moment(watch.watched_at)

    @admin.display(description="show", ordering="episode__show__title")
    def show(self, watch: Watch) -> str:
        """Its show."""
        return str(watch.episode.show)

    def save_model(self, request: HttpRequest, obj: Watch, form: WatchForm, change: bool) -> None:
        """Ticking by a person; a date entered by hand is not changed by any event."""
        now, watched_at = timezone.now(), form.watched_at(_zone_of(obj.user))
        obj.watched_at = watched_at
        if change:
            if refusal := watching.change_date(obj.pk, watched_at=watched_at, now=now):
                messages.error(request, f"The date stays as it was. {refusal.value}")
            return
        viewing = Viewing(watched_at, TVShow.Source.MANUAL)
        watching.mark_watched(user_id=obj.user_id, episode=obj.episode, viewing=viewing, now=now)
        ticked = Watch.objects.live().filter(user=obj.user_id, episode=obj.episode_id).order_by("play")
        obj.pk = ticked.values_list("pk", flat=True)[0]

    def delete_model(self, request: HttpRequest, obj: Watch) -> None:
        """Unticked: kept, so that no automatic source ticks the same viewing again."""
        watching.unmark_watched(user_id=obj.user_id, episode=obj.episode, now=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Watch]) -> None:
        """Each of them unticked."""
        for watch in queryset.select_related("episode"):
            self.delete_model(request, watch)
        messages.info(request, "Unticked; events of the same viewings do not tick them again.")


def _zone_of(user: User) -> str:
    viewer = Viewer.objects.filter(user=user).first()
    return (viewer.time_zone if viewer else "") or settings.TIME_ZONE


@admin.register(Viewer)
class ViewerAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """What people chose about their own lists."""

    form = ViewerForm
    list_display = ["user", "records_rewatches", "time_zone"]
    list_select_related = ["user"]
    autocomplete_fields = ["user"]
    search_fields = ["user__username"]
