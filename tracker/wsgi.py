"""What the web server calls."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker.settings")
os.environ.setdefault("TRACKER_PROCESS", "web")

from django.core.wsgi import get_wsgi_application  # noqa: E402

application = get_wsgi_application()
