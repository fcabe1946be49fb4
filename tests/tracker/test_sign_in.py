"""Signing in and out, and the lock against guessing."""

from ipaddress import ip_network

import pytest
from django.core.cache import cache
from django.test import Client
from redis.exceptions import ConnectionError as RedisDown

from tracker import lockout

RIGHT = {"username": "robin", "password": "a long enough password"}
WRONG = {"username": "robin", "password": "wrong"}


def try_in(data, *, path="/login", address="192.0.2.1", client=None, **extra):
    return (client or Client()).post(path, data, REMOTE_ADDR=address, **extra)


def test_the_right_password_leads_home_with_a_new_session(world):
    client = Client()
    client.get("/login")
    client.session["x"] = 1
    before = client.session.session_key
    response = try_in(RIGHT, client=client)
    assert (response.status_code, response.headers["Location"]) == (302, "/")
    assert client.session.session_key != before


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/login", "/admin/login/"])
def test_while_there_is_no_account_the_page_says_how_to_make_one(path):
    page = Client().get(path, follow=True)
    assert page.redirect_chain == [("/setup", 302)]
    assert "manage.py up" in page.text


def test_signing_out_ends_the_session(world, owner_client):
    key = owner_client.session.session_key
    assert owner_client.post("/logout").headers["Location"] == "/login"
    other = Client()
    other.cookies["sessionid"] = key
    assert other.get("/").status_code == 302


@pytest.mark.parametrize("path", ["/login", "/admin/login/"])
def test_wrong_passwords_lock_the_account_for_that_address_alone(world, path):
    answers = [try_in(WRONG, path=path).status_code for _ in range(20)]
    assert answers.count(200) == lockout.WRONG_PASSWORDS - 1
    assert answers[-1] == 429
    locked = try_in(RIGHT, path=path)
    assert locked.status_code == 429
    assert locked.headers["Retry-After"] == "900"
    assert "Wait 15 minutes" in locked.text
    assert try_in(RIGHT, path="/login").status_code == 429  # the other door is locked too
    assert try_in(RIGHT, path=path, address="192.0.2.2").status_code == 302


def test_another_account_is_not_locked(world, django_user_model):
    django_user_model.objects.create_user("sam", password="another long password")
    for _ in range(20):
        try_in(WRONG)
    assert try_in({"username": "sam", "password": "another long password"}).status_code == 302


@pytest.mark.parametrize("name", ["ROBIN", " robin ", "\uff32obin"])
def test_other_spellings_of_a_name_count_as_the_same(world, name):
    for _ in range(lockout.WRONG_PASSWORDS):
        try_in({"username": name, "password": "wrong"})
    assert try_in(RIGHT).status_code == 429


def test_invented_addresses_do_not_help_in_guessing(world, settings):
    invented = [f"198.51.100.{number}" for number in range(100)]
    answers = [try_in(WRONG, headers={"x-forwarded-for": ip, "x-real-ip": ip}).status_code for ip in invented]
    assert answers.count(200) <= 10


def test_behind_a_proxy_the_hop_that_it_wrote_counts(world, settings):
    settings.TRUSTED_PROXIES = (ip_network("10.0.0.0/8"),)
    answers = [
        try_in(WRONG, address="10.0.0.1", headers={"x-forwarded-for": f"203.0.113.{number}, 198.51.100.7"}).status_code
        for number in range(100)
    ]
    assert answers.count(200) <= 10


def test_somebody_who_is_signed_in_cannot_guess_for_another(world, django_user_model):
    sam = django_user_model.objects.create_user("sam", password="another long password")
    client = Client()
    client.force_login(sam)
    answers = [try_in(WRONG, client=client).status_code for _ in range(20)]
    assert answers[-1] == 429


def test_the_lock_ends(world, monkeypatch):
    for _ in range(20):
        try_in(WRONG)
    cache.clear()
    assert try_in(RIGHT).status_code == 302


def test_a_cache_that_is_down_locks_nobody_out(world, settings, monkeypatch):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    def refuse(*args, **kwargs):
        raise RedisDown

    monkeypatch.setattr(lockout, "cache", type("Down", (), {"get": refuse, "set": refuse}))
    monkeypatch.setattr(lockout, "get_usage", refuse)
    assert try_in(WRONG).status_code == 200
    assert try_in(RIGHT).status_code == 302


@pytest.mark.parametrize("target", [
    "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
    "\thttps://evil.example", "http:evil.example", "https:///evil.example", "/\t/evil.example",
    "//evil.example@localhost",
])
def test_signing_in_never_leads_off_this_host(world, target):
    assert try_in({**RIGHT, "next": target}).headers["Location"] == "/"
    client = world.browser()
    assert client.post("/theme", {"theme": "dark", "next": target}).headers["Location"] == "/"


def test_signing_in_leads_back_to_the_page_that_asked(world):
    assert Client().get("/admin/").headers["Location"] == "/admin/login/?next=/admin/"
    assert try_in({**RIGHT, "next": "/admin/"}, path="/admin/login/?next=/admin/").headers["Location"] == "/admin/"


def test_the_theme_is_remembered_and_written_by_the_server(owner_client):
    owner_client.post("/theme", {"theme": "dark", "next": "/login"})
    assert 'data-theme="dark"' in owner_client.get("/").text
    owner_client.post("/theme", {"theme": "system"})
    assert "data-theme" not in owner_client.get("/").text
