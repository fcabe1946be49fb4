"""Variables that hold the address of a service."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from tracker import environment


def read() -> str:
    return environment.url("TMDB_API_URL", "https://api.themoviedb.org/3")


@pytest.mark.parametrize(("value", "url"), [
    ("", "https://api.themoviedb.org/3"), (" http://127.0.0.1:7801/3/ ", "http://127.0.0.1:7801/3"), ("https://[::1]/", "https://[::1]"),
])
def test_an_address_may_have_a_path_and_loses_its_last_slash(value, url, monkeypatch):
    monkeypatch.setenv("TMDB_API_URL", value)
    assert read() == url


@pytest.mark.parametrize("value", [
    "api.themoviedb.org", "ftp://x/3", "http://", "http://x:99999/", "http://x:0/", "http://[::1", "http://u:canary@x/", "http://x/?api_key=canary",
    "http://x/#3",
])
def test_a_bad_address_stops_the_start_with_the_name_and_the_mend(value, monkeypatch):
    monkeypatch.setenv("TMDB_API_URL", value)
    with pytest.raises(ImproperlyConfigured, match=r"^TMDB_API_URL .+\. Write it like https://api\.themoviedb\.org/3") as caught:
        read()
    assert "canary" not in str(caught.value)
