"""The forms for signing in, for people and for what each chose."""

from itertools import groupby
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib.auth.forms import (
    AuthenticationForm,
    BaseUserCreationForm,
    PasswordChangeForm,
    SetPasswordForm,
    UsernameField,
)
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from plex_integration.models import PlexAccount
from tracker import people
from tvshows.models import Viewer

_INPUT = {"class": "input"}
NAME_HINT = "Letters, digits and @ . + - _"
PASSWORD_HINT = "At least 8 characters, not only digits, and nothing that many people use."  # noqa: S105 (a hint)


class SignInForm(AuthenticationForm):
    """User name and password, in the look of our pages."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": "The user name or the password is wrong. Both tell small letters from capitals.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.fields["username"].label = "User name"
        for field in self.fields.values():
            field.widget.attrs |= _INPUT


class SetupForm(BaseUserCreationForm):  # type: ignore[type-arg]
    """The first account: a name, and a password twice."""

    error_messages = {"password_mismatch": "The two passwords differ."}

    token = forms.CharField(widget=forms.HiddenInput)

    class Meta:
        model = User
        fields = ["username"]
        field_classes = {"username": UsernameField}
        labels = {"username": "User name"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.fields["username"].help_text = NAME_HINT
        self.fields["password1"].help_text = PASSWORD_HINT
        self.fields["password2"].label = "Password again"
        self.fields["password2"].help_text = ""
        for field in self.fields.values():
            field.widget.attrs |= _INPUT


class RenameForm(forms.ModelForm):  # type: ignore[type-arg]
    """A person's name, which nobody else has in other letters either."""

    class Meta:
        model = User
        fields = ["username"]
        field_classes = {"username": UsernameField}
        labels = {"username": "Name"}
        help_texts = {"username": NAME_HINT}
        widgets = {"username": forms.TextInput(attrs=_INPUT)}

    def clean_username(self) -> str:
        """Not robin where there is Robin: people would take one for the other."""
        username: str = self.cleaned_data["username"]
        if User.objects.filter(username__iexact=username).exclude(pk=self.instance.pk).exists():
            raise ValidationError("Somebody has this name already.")
        return username


class PersonForm(RenameForm):
    """A new person. They set their password themselves."""

    runs_it = forms.BooleanField(
        required=False, label="Runs this tracker too",
        help_text="Sees the settings, the questions and everybody’s activity, and may change people.",
    )


class LinkForm(forms.Form):
    """A Plex account that is to be a person's."""

    account = forms.ModelChoiceField(
        PlexAccount.objects.none(), label="Plex account", empty_label="Choose an account",
        widget=forms.Select(attrs={"class": "select"}),
        error_messages={"required": "Choose an account.", "invalid_choice": "There is no such account by now."},
    )
    run_again = forms.BooleanField(
        required=False, initial=True, label="Run again what was set aside", help_text="Each play with its own time.",
    )

    def __init__(self, who: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.who = who
        self.fields["account"].queryset = people.accounts_of_others(who)  # type: ignore[attr-defined]
        self.fields["account"].label_from_instance = _account_and_owner  # type: ignore[attr-defined]


def _account_and_owner(account: PlexAccount) -> str:
    return f"{account}, now {account.user}’s" if account.user else str(account)


class NewPasswordForm(SetPasswordForm):  # type: ignore[type-arg]
    """A password twice, by the link that works once."""

    error_messages = {"password_mismatch": "The two passwords differ."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        _dress_new_password(self)


class OwnPasswordForm(PasswordChangeForm):
    """The old password, and a new one twice."""

    error_messages = {
        "password_mismatch": "The two passwords differ.", "password_incorrect": "That is not your password of now.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.fields["old_password"].label = "Your password of now"
        _dress_new_password(self)


def _dress_new_password(form: forms.Form) -> None:
    form.fields["new_password1"].label, form.fields["new_password1"].help_text = "New password", PASSWORD_HINT
    form.fields["new_password2"].label, form.fields["new_password2"].help_text = "New password again", ""
    for field in form.fields.values():
        field.widget.attrs |= _INPUT


def _zones() -> list[tuple[str, Any]]:
    """Every zone, by region: (region, [(Europe/Berlin, Berlin), …]); those of no region last."""
    named = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))
    regions = groupby(named, key=lambda zone: zone.partition("/")[0])
    listed = [(region, [(zone, _place(zone)) for zone in zones]) for region, zones in regions]
    return [("", f"As this tracker: {settings.TIME_ZONE}"), *listed, ("UTC", "UTC")]


def _place(zone: str) -> str:
    """New York of America/New_York."""
    return zone.partition("/")[2].replace("_", " ")


class ChoicesForm(forms.ModelForm):  # type: ignore[type-arg]
    """What a person chose about their own list and pages."""

    time_zone = forms.ChoiceField(
        label="Time zone", required=False, choices=_zones, widget=forms.Select(attrs={"class": "select"}),
        help_text="In it all dates and times are shown to you.",
        error_messages={"invalid_choice": "There is no such zone. Choose one of the list."},
    )

    class Meta:
        model = Viewer
        fields = ["time_zone", "records_rewatches"]
        labels = {"records_rewatches": "Count what I watch again"}
        help_texts = {
            "records_rewatches": "An episode that you watch again, more than 4 hours from the other times, is a watch "
            "of its own. Without this the first time stays the only one.",
        }
