"""Every address of the product."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path
from drf_spectacular.views import SpectacularJSONAPIView

from plex_integration.api.documents import NoSuchRoute, docs
from tracker import profile, views

urlpatterns = [
    path("", views.home, name="home"),
    path("login", views.SignIn.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("setup", views.setup, name="setup"),
    path("healthz", views.healthz, name="health"),
    path("theme", views.theme, name="theme"),
    path("profile", profile.profile, name="profile"),
    path("api/schema", SpectacularJSONAPIView.as_view(), name="api-schema"),
    path("api/docs", docs, name="api-docs"),
    path("api/plex/", include("plex_integration.api.urls")),
    path("api/<path:rest>", NoSuchRoute.as_view()),
    path("settings/", include("plex_integration.urls")),
    path("admin/login/", views.SignIn.as_view()),  # before the admin's own, for the lock against guessing
    path("admin/", admin.site.urls),
]
