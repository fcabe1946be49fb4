"""What the admin shows in its own way, or not at all: an API token is its person's alone, and shown once."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from rest_framework.authtoken.models import TokenProxy

admin.site.unregister([TokenProxy, User, Group])


if TYPE_CHECKING:
    _OfPeople = UserAdmin[User]
else:
    _OfPeople = UserAdmin


@admin.register(User)
class PersonAdmin(_OfPeople):
    """Plain lists: the two boxes of filter_horizontal have labels that screen readers do not read."""

    filter_horizontal = ()


@admin.register(Group)
class RoleAdmin(GroupAdmin):
    """Likewise."""

    filter_horizontal = ()
