"""Routes of the pages under /shows."""

from django.urls import path

from tvshows.views import adding, library, ticks

urlpatterns = [
    path("", library.shows, name="shows"),
    path("/add", adding.add, name="show-add"),
    path("/add/tmdb", adding.add_from_tmdb, name="show-add-from-tmdb"),
    path("/add/by-hand", adding.add_by_hand, name="show-add-by-hand"),
    path("/<int:pk>", library.show, name="show"),
    path("/<int:pk>/status", ticks.status, name="show-status"),
    path("/<int:pk>/track", adding.track, name="show-track"),
    path("/<int:pk>/undo", ticks.undo, name="show-undo"),
    path("/<int:pk>/refresh", adding.refresh, name="show-refresh"),
    path("/<int:pk>/episodes", adding.add_episode, name="episode-add"),
    path("/<int:pk>/seasons/<int:number>/tick", ticks.tick_season, name="tick-season"),
    path("/episodes/<int:pk>", library.episode, name="episode"),
    path("/episodes/<int:pk>/tick", ticks.tick, name="tick"),
    path("/episodes/<int:pk>/tick-up-to", ticks.tick_up_to, name="tick-up-to"),
    path("/episodes/<int:pk>/again", ticks.watch_again, name="watch-again"),
    path("/viewings/<int:pk>/date", ticks.viewing_date, name="viewing-date"),
    path("/viewings/<int:pk>/remove", ticks.viewing_remove, name="viewing-remove"),
]
