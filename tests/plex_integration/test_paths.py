import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from plex_integration.models import PlexEpisode, PlexPathMapping, PlexShowMapping
from plex_integration.paths import to_local
from tvshows import watching
from tvshows.models import Episode

TV, DEEP = ("/media/tv", "R:\\tv"), ("/media/tv/kids", "/mnt/kids")


@pytest.mark.parametrize(("path", "mappings", "local"), [
    ("/media/tv/Dark/1.mkv", [TV], "R:\\tv\\Dark\\1.mkv"),
    ("/media/tv/Dark/1.mkv", [("/media/tv/", "/mnt/tv/")], "/mnt/tv/Dark/1.mkv"),
    ("/media/tv-old/1.mkv", [TV], None),  # no component of its own
    ("/media/tv/kids/1.mkv", [TV, DEEP], "/mnt/kids/1.mkv"),  # the longest
    ("/media/tv/kids/1.mkv", [DEEP, TV], "/mnt/kids/1.mkv"),
    ("/media/TV/1.mkv", [TV], None),  # POSIX has case
    ("d:/TV/Dark/1.mkv", [("D:\\tv", "/mnt/tv")], "/mnt/tv/Dark/1.mkv"),  # Windows has none, and either slash
    ("\\\\NAS\\share\\Dark\\1.mkv", [("\\\\nas\\Share", "/mnt/tv")], "/mnt/tv/Dark/1.mkv"),
    ("//nas/share/1.mkv", [("\\\\nas\\share", "Z:\\")], "Z:\\1.mkv"),
    ("/media/tv", [TV], "R:\\tv"),
    ("/x/1.mkv", [("/", "/mnt")], "/mnt/x/1.mkv"),
    ("/media/tv/1.mkv", [("/media/tv", "/")], "/1.mkv"),
    ("/media/tv/../../etc/passwd", [TV], None),
    ("/media/tv/1.mkv", [], None),
])
def test_a_file_of_the_server_is_found_here(path, mappings, local):
    assert to_local(path, mappings) == local


@pytest.mark.parametrize("path", ["media/tv", "tv", "C:tv", "./tv"])
def test_a_path_mapping_is_of_whole_paths(path):
    with pytest.raises(ValidationError):
        PlexPathMapping(plex_path=path, local_path="/mnt").clean()


def item(world, show, number, path, *, watched):
    episode = Episode.objects.get(show=show, season_number=1, episode_number=number)
    row, _ = PlexShowMapping.objects.get_or_create(plex_rating_key=f"s{show.pk}", defaults={"tvshow": show, "plex_title": show.title})
    PlexEpisode.objects.create(
        server_uuid="here", rating_key=f"{show.pk}-{number}", file_path=path, episode=episode, mapping=row,
    )
    if watched:
        viewing = watching.Viewing(world.config.created_at, "plex")
        watching.mark_watched(user_id=world.owner.pk, episode=episode, viewing=viewing, now=world.config.created_at)


@pytest.fixture
def shelves(world):
    world.config.plex_server_uuid = "here"
    world.config.save()
    severance, office = world.shows["severance"], world.shows["office_uk"]
    item(world, severance, 1, "/tv/s/1.mkv", watched=True)
    item(world, severance, 2, "/tv/s/2-3.mkv", watched=True)
    item(world, severance, 3, "/tv/s/2-3.mkv", watched=False)
    item(world, office, 1, "/other/o/1.mkv", watched=True)
    return world


def test_the_files_of_watched_episodes_are_printed_and_those_half_watched_are_not(shelves, capsys):
    call_command("plex_files", "--watched")
    assert capsys.readouterr().out == "/other/o/1.mkv\n/tv/s/1.mkv\n"
    PlexPathMapping.objects.create(config=shelves.config, plex_path="/tv", local_path="/mnt/tv")
    call_command("plex_files", "--watched", "-0")
    out, err = capsys.readouterr()
    assert out == "/mnt/tv/s/1.mkv\0"
    assert "1 files were left out" in err
    call_command("plex_files", "--watched", "--show", "the office")
    assert capsys.readouterr().out == ""
    with pytest.raises(CommandError, match="Nobody here is called zoe"):
        call_command("plex_files", "--watched", "--user", "zoe")
