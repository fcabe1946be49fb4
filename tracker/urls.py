"""Every address of the product."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from tracker import views

urlpatterns = [
    path("", views.home, name="home"),
    path("login", views.SignIn.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("setup", views.setup, name="setup"),
    path("healthz", views.healthz, name="health"),
    path("theme", views.theme, name="theme"),
    path("api/plex/", include("plex_integration.api.urls")),
    path("admin/login/", views.SignIn.as_view()),  # before the admin's own, for the lock against guessing
    path("admin/", admin.site.urls),
]
