"""What the tests of the project's own pages need."""

import pytest
from django.test import Client


@pytest.fixture
def owner_client(world) -> Client:
    """The owner's browser."""
    return world.browser()
