"""The API's description. That every answer of these tests fits it is seen to where they call (conftest.py)."""

import json
import re

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client

from tests.plex_integration.api.conftest import schema


@pytest.fixture
def sams(sam_user) -> Client:
    client = Client()
    client.force_login(sam_user)
    return client


def operations():
    for path, methods in schema()["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def test_the_schema_is_valid_and_nothing_in_it_was_guessed(tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", tmp_path / "schema.yaml")


def test_the_schema_is_served_as_json_to_whoever_is_signed_in(sams, db):
    answer = sams.get("/api/schema")
    assert answer.status_code == 200
    assert json.loads(answer.content) == schema()
    assert Client().get("/api/schema").status_code == 401


def test_every_operation_has_a_summary_and_says_what_may_go_wrong():
    for name, operation in operations():
        assert operation["summary"], name
        expected = {"401", "403"}
        if "requestBody" in operation:
            expected |= {"400", "413", "415"}
        kinds = {one["in"] for one in operation.get("parameters", ())}
        expected |= {"404"} if "path" in kinds else set()
        expected |= {"400"} if "query" in kinds else set()
        assert expected <= set(operation["responses"]), name


def test_every_error_has_the_same_shape():
    for name, operation in operations():
        for status, answer in operation["responses"].items():
            shape = answer["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            assert (shape == "Problem") == (status >= "400"), (name, status)


def test_a_body_says_that_it_takes_no_other_keys():
    shapes = schema()["components"]["schemas"]
    used = {
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for _, operation in operations() if "requestBody" in operation
    }
    assert {"ConfigBody", "ResolveBody"} <= used
    assert all(shapes[name]["additionalProperties"] is False for name in used | {"NewShowBody"})


def test_all_keys_are_camel_case():
    keys = {key for shape in schema()["components"]["schemas"].values() for key in shape.get("properties", ())}
    assert "plexTitle" in keys
    assert {key for key in keys if not re.fullmatch("[a-z]+([A-Z][a-z0-9]*)*", key)} == set()


def test_both_ways_to_sign_in_are_named():
    assert set(schema()["components"]["securitySchemes"]) == {"tokenAuth", "cookieAuth"}


def test_the_page_takes_everything_from_here(sams):
    page = sams.get("/api/docs").text
    files = re.findall(r'(?:src|href)="/static/([^"]+)"', page)
    assert any("swagger-ui-bundle" in name for name in files)
    assert all(finders.find(name) for name in files)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
    assert 'data-schema="/api/schema"' in page


def test_the_page_loosens_no_policy(sams):
    policy = sams.get("/api/docs")["Content-Security-Policy"]
    assert policy == sams.get("/")["Content-Security-Policy"]
    assert "unsafe" not in policy
