"""Who calls the API: the owner, staff with no rights beside that, somebody of the household, a stranger."""

import json
from functools import cache
from typing import Any

import jsonschema
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import resolve
from drf_spectacular.generators import SchemaGenerator

from plex_integration.models import PlexAccount
from tests.plex_integration.fake_plex import FakePlex
from tests.world import SAM


@cache
def schema() -> dict[str, Any]:
    """What /api/schema says."""
    return json.loads(json.dumps(SchemaGenerator().get_schema(public=True)))


@cache
def _validator(name: str) -> Any:
    whole = {"$ref": f"#/components/schemas/{name}", "components": schema()["components"]}
    return jsonschema.Draft202012Validator(whole)


def check_described(path: str, method: str, status: int, body: Any) -> None:
    """An answer has a status and a shape that the schema names, and no key beside."""
    route = "/" + resolve(path).route.replace("<int:pk>", "{id}").replace("<str:signed>", "{signed}")
    operation = schema()["paths"].get(route, {}).get(method.lower())
    if operation is None:  # nothing is answered there but that this is so
        assert status in {401, 403, 405}, (method, path, status)
        return
    assert str(status) in operation["responses"], (method, path, status, body)
    content = operation["responses"][str(status)]["content"]["application/json"]
    name = content["schema"]["$ref"].rpartition("/")[2]
    _validator(name).validate(body)
    known = set(schema()["components"]["schemas"][name]["properties"])
    assert set(body) <= known, (path, set(body) - known)


class Caller:
    """Calls the API as somebody; every answer is compared with the schema."""

    def __init__(self, user: User | None = None, *, client: Client | None = None, **headers: str) -> None:
        self.client = client or Client(headers=headers)
        if user:
            self.client.force_login(user)

    def __call__(self, method: str, path: str, body: Any = None, expected: int | None = 200, **query: Any) -> Any:
        content = body if isinstance(body, str | bytes) else "" if body is None else json.dumps(body)
        self.answer = self.client.generic(
            method, f"/api/plex/{path}", content, content_type="application/json", query_params=query or None,
        )
        found = self.answer.json()
        check_described(self.answer.request["PATH_INFO"], method, self.answer.status_code, found)
        assert expected in {None, self.answer.status_code}, (method, path, self.answer.status_code, found)
        return found

    def get(self, path: str, expected: int | None = 200, /, **query: Any) -> Any:
        return self("GET", path, None, expected, **query)

    def post(self, path: str, body: Any = None, expected: int | None = 200) -> Any:
        return self("POST", path, body, expected)

    def patch(self, path: str, body: Any = None, expected: int | None = 200) -> Any:
        return self("PATCH", path, body, expected)

    def delete(self, path: str, expected: int | None = 200) -> Any:
        return self("DELETE", path, None, expected)


@pytest.fixture
def owner(world) -> Caller:
    return Caller(client=world.browser())


@pytest.fixture
def clerk(world) -> Caller:
    """Staff without a right to change anything."""
    return Caller(User.objects.create_user("clerk", is_staff=True))


@pytest.fixture
def sam_user(world) -> User:
    """Somebody of the household, whose Plex account is linked."""
    sam = User.objects.create_user("sam")
    PlexAccount.objects.create(
        config=world.config, account_id=SAM["id"], title="sam", user=sam, linked_by=PlexAccount.LinkedBy.PERSON,
    )
    return sam


@pytest.fixture
def sam(sam_user) -> Caller:
    return Caller(sam_user)


@pytest.fixture
def stranger(world) -> Caller:
    return Caller()


@pytest.fixture
def plex(settings, monkeypatch):
    monkeypatch.setattr("tvshows.outbound.sleep", lambda seconds: None)
    with FakePlex() as plex:
        settings.PLEX_TV_URL = plex.url
        yield plex
