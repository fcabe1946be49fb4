"""What the admin does not show: an API token is its person's alone, and shown once."""

from django.contrib import admin
from rest_framework.authtoken.models import TokenProxy

admin.site.unregister(TokenProxy)
