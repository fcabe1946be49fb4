"""The forms for signing in and for the first account."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, BaseUserCreationForm, UsernameField
from django.contrib.auth.models import User

_INPUT = {"class": "input"}


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
        self.fields["username"].help_text = "Letters, digits and @ . + - _"
        self.fields["password1"].help_text = "At least 8 characters, not only digits, and nothing that many people use."
        self.fields["password2"].label = "Password again"
        self.fields["password2"].help_text = ""
        for field in self.fields.values():
            field.widget.attrs |= _INPUT
