"""Who looks at the admin: the owner, a member of the staff with few rights, and somebody without any."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client


@pytest.fixture
def owner(world) -> Client:
    """The owner, signed in."""
    return world.browser()


@pytest.fixture
def household(world) -> Client:
    """A person of the household who is no staff, signed in."""
    client = Client()
    client.force_login(User.objects.create_user("kid"))
    return client


@pytest.fixture
def viewer_of(world):
    """Staff who may look at a model and change nothing, signed in."""

    def sign_in(*models: str) -> Client:
        person = User.objects.create_user("clerk", is_staff=True)
        codes = [f"view_{model}" for model in models]
        person.user_permissions.set(Permission.objects.filter(codename__in=codes))
        client = Client()
        client.force_login(person)
        return client

    return sign_in
