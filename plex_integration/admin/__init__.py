"""The admin of what says Plex: conflicts, mappings, events, connections and accounts."""

from django.contrib import admin
from django_q.models import Failure, OrmQ, Schedule, Success

from plex_integration.admin import accounts, conflicts, connections, events, mappings, paths, runs

__all__ = ["accounts", "conflicts", "connections", "events", "mappings", "paths", "runs"]

admin.site.site_header = "Tracker"
admin.site.site_title = "Tracker"
admin.site.index_title = "Administration"
admin.site.enable_nav_sidebar = False
admin.site.empty_value_display = "–"

# The queue is a wake-up and nothing else: what became of an event stands in the event.
for model in (Schedule, Success, Failure, OrmQ):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
