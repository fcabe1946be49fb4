"""What the README says of the API is what there is."""

import re

from django.urls import resolve

from tests.plex_integration.api.conftest import schema
from tests.test_architecture import chapter, first_cells


def test_every_route_is_in_the_readme_and_the_other_way_round():
    described = {f"{method.upper()} {path}" for path, methods in schema()["paths"].items() for method in methods}
    assert first_cells(chapter("API")) == described


def test_the_examples_name_routes_that_are_there():
    paths = re.findall(r'\$TRACKER(/[^"?]+)', chapter("API"))
    assert len(paths) >= 5
    for path in paths:
        assert resolve(path)


def test_the_keys_of_the_readme_are_those_of_the_schema():
    known = {key for shape in schema()["components"]["schemas"].values() for key in shape.get("properties", ())}
    known |= {one["name"] for methods in schema()["paths"].values() for operation in methods.values() for one in operation.get("parameters", ())}
    words = {word for text in re.findall("`([^`]+)`", chapter("API")) for word in re.findall(r'"([a-z]\w+)":|^([a-z]\w+)$|\?(\w+)=', text) for word in word if word}
    values = {"waiting", "done", "null"}
    assert words - known - values == set()
