import pytest

from plex_integration.config import set_token
from plex_integration.exceptions import PlexIntegrationError
from plex_integration.libraries import is_counted, refresh_libraries, set_counted
from plex_integration.models import PlexLibrary
from tests.plex_integration.fake_plex import FakePlex
from tvshows.exceptions import ServiceRefused


@pytest.fixture
def plex():
    with FakePlex() as plex:
        plex.libraries = [{"key": "2", "title": "TV", "type": "show"}, {"key": "3", "title": "Films", "type": "movie"}]
        yield plex


@pytest.fixture
def config(world, plex):
    config = world.config
    config.plex_server_url, config.plex_server_uuid = plex.url, plex.machine_identifier
    set_token(config, plex.token)
    config.save()
    return config


def sections(config):
    return list(config.libraries.order_by("section_key").values_list("section_key", "title", "kind", "enabled"))


def test_sections_come_from_the_server_and_count(config):
    refresh_libraries(config)
    assert sections(config) == [("2", "TV", "show", True), ("3", "Films", "movie", True)]
    assert is_counted(config.pk, "2")


def test_what_a_person_chose_stays_when_they_are_read_again(config, plex):
    refresh_libraries(config)
    set_counted(config.pk, "2", counted=False)
    plex.libraries[0]["title"] = "Series"
    refresh_libraries(config)
    assert sections(config)[0] == ("2", "Series", "show", False)
    assert not is_counted(config.pk, "2")
    set_counted(config.pk, "2", counted=True)
    assert is_counted(config.pk, "2")


def test_a_section_that_the_server_no_longer_has_goes(config, plex):
    refresh_libraries(config)
    del plex.libraries[1]
    refresh_libraries(config)
    assert [key for key, *_ in sections(config)] == ["2"]


def test_a_server_that_names_no_section_takes_none_away(config, plex):
    refresh_libraries(config)
    plex.libraries = []
    refresh_libraries(config)
    assert len(sections(config)) == 2


def test_a_section_that_the_server_names_twice_is_one(config, plex):
    plex.libraries.append({"key": 2, "title": "TV again", "type": "show"})
    refresh_libraries(config)
    assert len(sections(config)) == 2


def test_an_unknown_section_counts_and_cannot_be_chosen(config):
    assert is_counted(config.pk, "77")
    assert is_counted(config.pk, "")
    with pytest.raises(PlexLibrary.DoesNotExist):
        set_counted(config.pk, "77", counted=False)


def test_a_section_left_out_of_one_connection_counts_in_another(config):
    refresh_libraries(config)
    set_counted(config.pk, "2", counted=False)
    assert is_counted(config.pk + 1, "2")


def test_without_a_server_it_says_what_to_do(world):
    with pytest.raises(PlexIntegrationError, match="connect one first"):
        refresh_libraries(world.config)


def test_a_foreign_server_changes_nothing_and_sees_no_token(config, plex):
    refresh_libraries(config)
    before = sections(config)
    plex.requests.clear()
    plex.machine_identifier, plex.libraries = "foreign", []
    with pytest.raises(ServiceRefused):
        refresh_libraries(config)
    assert sections(config) == before
    assert plex.tokens_seen() == set()


def test_the_number_of_queries_does_not_grow_with_the_sections(config, plex, django_assert_num_queries):
    for count in (1, 30):
        plex.libraries = [{"key": str(key), "title": f"Section {key}", "type": "show"} for key in range(1, count + 1)]
        with django_assert_num_queries(3):
            refresh_libraries(config)
