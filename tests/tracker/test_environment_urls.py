"""Variables that hold an address, and variables whose name is spelt wrong."""

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


def test_a_mail_server_is_read_and_who_signs_in_there_is_the_sender(monkeypatch):
    monkeypatch.setenv("EMAIL_URL", "smtp+tls://me%40example.org:se%3Acret@mail.example.org:587")
    found = environment.email("EMAIL_URL")
    assert (found["EMAIL_HOST"], found["EMAIL_PORT"], found["EMAIL_USE_TLS"]) == ("mail.example.org", 587, True)
    assert (found["EMAIL_HOST_USER"], found["EMAIL_HOST_PASSWORD"]) == ("me@example.org", "se:cret")
    assert found["DEFAULT_FROM_EMAIL"] == "me@example.org"


@pytest.mark.parametrize("value", ["mail.example.org", "http://mail.example.org", "smtp://", "smtp://canary@host:port"])
def test_what_is_no_mail_server_stops_the_start(value, monkeypatch):
    monkeypatch.setenv("EMAIL_URL", value)
    with pytest.raises(ImproperlyConfigured, match=r"^EMAIL_URL .+\. Write it like smtp\+tls://") as caught:
        environment.email("EMAIL_URL")
    assert "canary" not in str(caught.value)


def test_services_that_pass_messages_on_are_a_list(monkeypatch):
    monkeypatch.setenv("NOTIFY_URLS", " ntfy://ntfy.sh/topic, discord://id/token\njson://10.0.0.5/x ")
    assert environment.service_urls("NOTIFY_URLS") == ("ntfy://ntfy.sh/topic", "discord://id/token", "json://10.0.0.5/x")
    monkeypatch.setenv("NOTIFY_URLS", "ntfy://ntfy.sh/topic,canary")
    with pytest.raises(ImproperlyConfigured, match=r"^NOTIFY_URLS .+\. Write it like ntfy://"):
        environment.service_urls("NOTIFY_URLS")


def test_names_of_hosts_are_taken_in_lower_case(monkeypatch):
    monkeypatch.setenv("ALLOWED_HOSTS", " Tracker.example.com, .example.org,")
    assert environment.hosts("ALLOWED_HOSTS") == ("tracker.example.com", ".example.org")


@pytest.mark.parametrize("value", ["http://tracker.example.com", "a.example,https://b.example/"])
def test_a_url_is_no_name_of_a_host(value, monkeypatch):
    monkeypatch.setenv("ALLOWED_HOSTS", value)
    with pytest.raises(ImproperlyConfigured, match=r"^ALLOWED_HOSTS has 'https?://.+no http://"):
        environment.hosts("ALLOWED_HOSTS")


def test_a_name_much_like_a_setting_is_told(monkeypatch, tmp_path):
    dotenv = tmp_path / ".env"
    monkeypatch.setattr(environment, "_DOTENV", dotenv)
    assert environment.misspelt() == []
    dotenv.write_text(
        "# PLEX_RATE_LIMITS=1\nPLEX_RATE_LIMTI=50\nexport allowed_host=a.example\nDATABASE_URL=\nPATH=/bin\nMY_OWN=1\njust words\n"
    )
    assert environment.misspelt() == [("PLEX_RATE_LIMTI", "PLEX_RATE_LIMIT"), ("allowed_host", "ALLOWED_HOSTS")]
