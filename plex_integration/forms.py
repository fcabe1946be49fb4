"""What people enter about Plex: answers to conflicts, mappings, accounts."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from plex_integration import mapping, resolution
from plex_integration.guids import imdb_id, parse_guid
from plex_integration.models import PlexAccount, PlexConflict, PlexShowMapping
from plex_integration.payloads import PlexShow
from plex_integration.resolution import Resolved
from tvshows.described import NewShow
from tvshows.models import TVShow

LARGEST_ID = 2**31 - 1
FIRST_YEAR, LAST_YEAR = 1880, 2200
NEW, IGNORE, FROM_PLEX, FROM_TMDB = "new", "ignore", "plex", "tmdb:"
_TAKEN = "Somebody made a show with one of these ids just now. Look at the candidates again."


def picked_rows(given: Iterable[str]) -> list[int]:
    """The numbers of the rows that were picked in a list; what is no number is left out."""
    return [number for pk in given if (number := _row_number(pk)) is not None]


def picked_pairs(given: Iterable[str]) -> dict[int, int]:
    """The rows that were picked, each with the number of the show that was shown for it; the rest is left out."""
    pairs = [(_row_number(pk), _row_number(show)) for pk, _, show in (one.partition(":") for one in given)]
    return {pk: show for pk, show in pairs if pk is not None and show is not None}


def _row_number(given: str) -> int | None:
    """A number of a row. Python refuses to read numbers of thousands of digits, so the length is looked at first."""
    fits = given.isascii() and given.isdigit() and len(given) <= len(str(LARGEST_ID))
    return int(given) if fits and int(given) <= LARGEST_ID else None


def _id_field(label: str, hint: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=1, max_value=LARGEST_ID, required=False, help_text=hint,
        widget=forms.TextInput(attrs={"class": "input", "inputmode": "numeric", "autocomplete": "off"}),
    )


class AnswerForm(forms.Form):
    """A person's answer to a conflict: a show's number, "tmdb:" and TMDB's number, "plex" for what the Plex server has
    of it, "new" with what is known of it, or "ignore".
    """

    show = forms.CharField(max_length=20, error_messages={"required": "Choose a show, make a new one, or ignore it."})
    title = forms.CharField(
        label="Title", max_length=255, required=False,
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
    )
    year = forms.IntegerField(
        label="First year", min_value=FIRST_YEAR, max_value=LAST_YEAR, required=False,
        widget=forms.TextInput(attrs={"class": "input", "inputmode": "numeric", "autocomplete": "off"}),
    )
    tmdb_id = _id_field("TMDB id", "The number in themoviedb.org/tv/…")
    tvdb_id = _id_field("TVDB id", "The series id on thetvdb.com.")
    imdb_id = forms.CharField(
        label="IMDb id", max_length=16, required=False, help_text="Such as tt11280740.",
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
    )

    @classmethod
    def prefilled(cls, conflict: PlexConflict, **given: Any) -> "AnswerForm":
        """With what Plex says of the show, unless a person gave something."""
        ids = conflict.evidence.get("ids", {}) if isinstance(conflict.evidence, dict) else {}
        ids = ids if isinstance(ids, dict) else {}  # it may have been written by SQL
        known = {f"{name}_id": ids.get(name) for name in ("tmdb", "tvdb", "imdb")}
        initial = {"title": conflict.plex_title, "year": conflict.plex_year, **known}
        return cls(**given, label_suffix="", initial=initial)

    @property
    def new_fields(self) -> list[forms.BoundField]:
        """The fields that only matter for a new show."""
        return [self[name] for name in ("title", "year", "tmdb_id", "tvdb_id", "imdb_id")]

    @property
    def picked(self) -> str:
        """What was picked in a form that comes back."""
        return str(self.data.get("show", ""))

    def clean_show(self) -> str:
        """A number, TMDB's number, or one of the three words."""
        picked: str = self.cleaned_data["show"]
        number = picked.removeprefix(FROM_TMDB)
        is_number = number.isascii() and number.isdigit() and int(number) <= LARGEST_ID
        if picked not in {NEW, IGNORE, FROM_PLEX} and not is_number:
            raise ValidationError("Choose a show, make a new one, or ignore it.")
        return picked

    def clean_imdb_id(self) -> str:
        """An IMDb id begins with tt."""
        given: str = self.cleaned_data["imdb_id"].strip()
        if given and not imdb_id(given):
            raise ValidationError("An IMDb id is tt and digits, such as tt11280740.")
        return given

    def clean(self) -> None:
        """A new show needs a title; for the other answers what stands in its fields does not matter."""
        super().clean()
        if self.cleaned_data.get("show") != NEW:
            for name in self.errors.keys() - {"show"}:
                del self.errors[name]
        elif not self.cleaned_data.get("title") and "title" not in self.errors:
            self.add_error("title", "A new show needs a title.")

    def answer(self, conflict_id: int, *, user_id: int | None, now: datetime) -> Resolved | None:
        """Give the answer; nothing when a field of the new show is wrong, which is said there. Raises Unresolvable."""
        picked = self.cleaned_data["show"]
        if picked == IGNORE:
            return resolution.ignore(conflict_id, user_id=user_id, now=now)
        if picked == FROM_PLEX:
            return resolution.create_from_plex(conflict_id, user_id=user_id, now=now)
        if picked.startswith(FROM_TMDB):
            tmdb_id = int(picked.removeprefix(FROM_TMDB))
            return resolution.create_from_tmdb(conflict_id, tmdb_id=tmdb_id, user_id=user_id, now=now)
        if picked != NEW:
            return resolution.select(conflict_id, tvshow_id=int(picked), user_id=user_id, now=now)
        try:
            return resolution.create_new(conflict_id, new_show=self._new_show(), user_id=user_id, now=now)
        except ValidationError as problem:
            self._refuse(problem)
        except IntegrityError:
            self.add_error(None, _TAKEN)
        return None

    def _new_show(self) -> NewShow:
        data = self.cleaned_data
        return NewShow(
            title=data["title"], first_aired=date(data["year"], 1, 1) if data["year"] else None,
            tmdb_id=data["tmdb_id"], tvdb_id=data["tvdb_id"], imdb_id=data["imdb_id"],
        )

    def _refuse(self, problem: ValidationError) -> None:
        """Put what the catalogue objects to beside the field that it is about."""
        by_field = problem.error_dict if hasattr(problem, "error_dict") else {"": problem.error_list}
        for name, errors in by_field.items():
            field = {"show_start_date": "year"}.get(name, name)
            self.add_error(field if field in self.fields else None, errors)


class MappingForm(forms.ModelForm):  # type: ignore[type-arg]
    """A mapping that a person writes: which show a Plex show is."""

    class Meta:
        model = PlexShowMapping
        fields: ClassVar[list[str]] = [
            "plex_title", "plex_year", "plex_guid", "plex_server_uuid", "plex_rating_key", "tvshow",
        ]
        labels: ClassVar[dict[str, str]] = {
            "plex_title": "Title in Plex", "plex_year": "Year in Plex", "plex_guid": "GUID",
            "plex_server_uuid": "Server", "plex_rating_key": "Rating key", "tvshow": "Show here",
        }
        help_texts: ClassVar[dict[str, str]] = {
            "plex_guid": "As Plex writes it, such as plex://show/5d9c086fe9d5a1001f4d9fe6. Enough by itself.",
            "plex_server_uuid": "The server's identifier. Together with the rating key, where there is no GUID.",
            "plex_rating_key": "The show's number on that server.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["plex_title"].required = self.fields["tvshow"].required = True

    def _post_clean(self) -> None:
        """The row is written by the domain, which takes up the one that waits: so no check for uniqueness here."""

    @property
    def plex_show(self) -> PlexShow:
        """The Plex show that was entered."""
        data = self.cleaned_data
        return PlexShow(
            server=data["plex_server_uuid"], rating_key=data["plex_rating_key"], guid=parse_guid(data["plex_guid"]),
            title=data["plex_title"], year=data["plex_year"],
        )

    def clean_plex_guid(self) -> str:
        """A GUID has a scheme."""
        given: str = self.cleaned_data["plex_guid"].strip()
        if given and not parse_guid(given):
            raise ValidationError("A GUID begins with a word and ://, such as plex://show/5d9c086fe9d5a1001f4d9fe6.")
        return given

    def clean(self) -> dict[str, Any]:
        """Something that names the Plex show beyond doubt, and that is not another show's."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return data
        show = self.plex_show
        if not (show.guid and show.guid.is_global) and not (show.server and show.rating_key):
            raise ValidationError("Give the GUID, or the server and the rating key. A title alone names no show.")
        known = mapping.find(show)
        if known and known.tvshow_id and known.tvshow_id != data["tvshow"].pk:
            raise ValidationError(f"This Plex show is {known.tvshow} already. Change that mapping instead.")
        return data


class ChooseForm(forms.Form):
    """A show that a person chose on a mapping's page."""

    tvshow = forms.ModelChoiceField(
        TVShow.objects.all(),
        error_messages={
            "required": "Choose a show.", "invalid_choice": "That show is not here any more. Choose another one.",
        },
    )

    @property
    def show(self) -> TVShow:
        """The show that was chosen."""
        chosen: TVShow = self.cleaned_data["tvshow"]
        return chosen


class AccountForm(forms.ModelForm):  # type: ignore[type-arg]
    """Whose viewings a Plex account's are."""

    run_again = forms.BooleanField(
        label="Run again what was set aside", required=False,
        help_text="Plays of this account that came while it was linked to nobody, with the times at which they came.",
    )

    class Meta:
        model = PlexAccount
        fields: ClassVar[list[str]] = ["user"]
        help_texts: ClassVar[dict[str, str]] = {
            "user": "Nobody: its plays are set aside. What you choose here is never changed by itself.",
        }
