"""Every address of the product."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path
from drf_spectacular.views import SpectacularJSONAPIView

from plex_integration.api.documents import NoSuchRoute, docs
from tracker import profile, views, views_people

urlpatterns = [
    path("", views.home, name="home"),
    path("connection", views.connection, name="home-connection"),
    path("statistics", views.statistics, name="statistics"),
    path("login", views.SignIn.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("setup", views.setup, name="setup"),
    path("healthz", views.healthz, name="health"),
    path("theme", views.theme, name="theme"),
    path("profile", profile.profile, name="profile"),
    path("profile/password", profile.ChangePassword.as_view(), name="password-change"),
    path("password/<uidb64>/<token>", views_people.SetPassword.as_view(), name="password-set"),
    path("settings/people", views_people.people, name="people"),
    path("settings/people/<int:pk>", views_people.one, name="person"),
    path("settings/people/<int:pk>/password-link", views_people.password_link, name="person-password-link"),
    path("settings/people/<int:pk>/role", views_people.role, name="person-role"),
    path("settings/people/<int:pk>/access", views_people.access, name="person-access"),
    path("settings/people/<int:pk>/accounts", views_people.link, name="person-link"),
    path("settings/people/<int:pk>/accounts/<int:account>/unlink", views_people.unlink, name="person-unlink"),
    path("settings/people/<int:pk>/delete", views_people.delete, name="person-delete"),
    path("api/schema", SpectacularJSONAPIView.as_view(), name="api-schema"),
    path("api/docs", docs, name="api-docs"),
    path("api/plex/", include("plex_integration.api.urls")),
    path("api/<path:rest>", NoSuchRoute.as_view()),
    path("shows", include("tvshows.urls")),
    path("settings/", include("plex_integration.urls")),
    path("admin/login/", views.SignIn.as_view()),  # before the admin's own, for the lock against guessing
    path("admin/", admin.site.urls),
]
