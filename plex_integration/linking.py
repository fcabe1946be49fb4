"""The form in which a person says whose plays those of each Plex account are, all accounts at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django import forms
from django.contrib.auth.models import User

from plex_integration import accounts, repairs
from plex_integration.guide import Account
from plex_integration.models import PlexAccount

NOBODY = "nobody"
_NOT_SAID = ("", "Not said yet")


@dataclass(frozen=True, slots=True)
class Line:
    """An account with its fields. `was` is what it comes back with, to tell what a person changed."""

    account: Account
    was: str
    whose: forms.BoundField
    again: forms.BoundField


class LinkingForm(forms.Form):
    """For each account a choice, and whether what was set aside is run again."""

    def __init__(self, known: Sequence[Account], data: object = None) -> None:
        super().__init__(data, label_suffix="")  # type: ignore[arg-type]
        self._known = known
        people = [(str(pk), name) for pk, name in _people()]
        for one in known:
            self._add(one, people)

    def _add(self, one: Account, people: list[tuple[str, str]]) -> None:
        row = one.row
        gone = [(str(row.user_id), str(row.user))] if row.user and not row.user.is_active else []
        choices = [*([_NOT_SAID] if one.is_undecided else []), *people, *gone, (NOBODY, "Nobody: set aside")]
        self.fields[f"whose-{row.pk}"] = forms.ChoiceField(
            choices=choices, required=False, initial=_as_chosen(row),
            widget=forms.Select(attrs={"class": "select", "aria-label": f"Whose plays are those of {row}"}),
            error_messages={"invalid_choice": "That person is not here any more. Choose somebody else."},
        )
        self.fields[f"again-{row.pk}"] = forms.BooleanField(required=False, initial=one.is_undecided)

    def __iter__(self) -> Iterator[Line]:  # type: ignore[override]
        """A line for each account."""
        for one in self._known:
            yield Line(one, _as_chosen(one.row), self[f"whose-{one.row.pk}"], self[f"again-{one.row.pk}"])

    def clean(self) -> None:
        """A page that was open for long does not undo what was chosen on another one since."""
        super().clean()
        for one in self._known:
            if self._chosen(one) and self._was(one) != _as_chosen(one.row):
                said = f"This was changed meanwhile, to {one.row.user or 'nobody'}. Choose again."
                self.add_error(f"whose-{one.row.pk}", said)

    def _chosen(self, one: Account) -> str:
        """What a person changed an account to, if they did."""
        whose: str = self.cleaned_data.get(f"whose-{one.row.pk}", "")
        return "" if whose in {self._was(one), _as_chosen(one.row)} else whose

    def _was(self, one: Account) -> str:
        return str(self.data.get(f"was-{one.row.pk}", ""))

    def save(self, *, now: datetime) -> tuple[int, int]:
        """Link what was changed, then run again what shall be. Says how many accounts, and how many events.

        Who chose nothing changed nothing, also where a rule linked the account meanwhile.
        """
        linked = again = 0
        for one in self._known:
            if whose := self._chosen(one):
                accounts.link(one.row, user_id=None if whose == NOBODY else int(whose))
                linked += 1
            if one.set_aside and self.cleaned_data[f"again-{one.row.pk}"] and one.row.user_id:
                again += repairs.replay_many(repairs.set_aside_of(one.row), now=now).done
        return linked, again


def _people() -> Sequence[tuple[int, str]]:
    return list(User.objects.filter(is_active=True).order_by("username").values_list("pk", "username"))


def _as_chosen(row: PlexAccount) -> str:
    if row.user_id:
        return str(row.user_id)
    return NOBODY if row.linked_by else ""
