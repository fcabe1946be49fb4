"""Django's settings, all of them. What a person may choose comes from the environment (see .env.example)."""

import os
from pathlib import Path

from tracker import environment as env
from tracker import processes

BASE_DIR = env.BASE_DIR
env.load_dotenv()

# Which of our processes this is: a command, or one of the children of `up` (see processes.py).
PROCESS = os.environ.get("TRACKER_PROCESS", "command")

_KEYS_MEND = "`manage.py up` makes one in .env on the first start."
SECRET_KEY = env.required("SECRET_KEY", _KEYS_MEND)
ENCRYPTION_KEYS = env.keys("ENCRYPTION_KEY", f"Each has 64 hexadecimal digits. {_KEYS_MEND}")
DEBUG = env.switch("DEBUG")
HTTPS = env.switch("HTTPS")
DATA_DIR = Path(env.text("DATA_DIR") or BASE_DIR / "data").expanduser().absolute()
LOG_LEVEL = env.choice("LOG_LEVEL", env.LOG_LEVELS, "INFO")
TIME_ZONE = env.time_zone("TIME_ZONE")
USE_TZ = True
USE_I18N = False
LANGUAGE_CODE = "en-us"

# Who may talk to us. Django's own list is open because HostMiddleware decides: it knows private addresses.
ALLOWED_HOSTS = ["*"]
EXTRA_HOSTS = env.hosts("ALLOWED_HOSTS")
PUBLIC_WEBHOOK_URL = env.origin("PUBLIC_WEBHOOK_URL")
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
CSRF_TRUSTED_ORIGINS = [PUBLIC_WEBHOOK_URL] if PUBLIC_WEBHOOK_URL else []

# How many web processes there are where somebody runs granian by hand, for the system checks; `up` sees to its own.
WEB_PROCESSES = int(os.environ.get("GRANIAN_WORKERS") or 1)

PLEX_RATE_LIMIT = env.number("PLEX_RATE_LIMIT", default=100)
PLEX_ALLOWED_IPS = env.networks("PLEX_ALLOWED_IPS")

# The services that are asked; their addresses change only for tests.
TMDB_API_KEY = env.text("TMDB_API_KEY")
TMDB_API_URL = env.url("TMDB_API_URL", "https://api.themoviedb.org/3")
PLEX_TV_URL = env.url("PLEX_TV_URL", "https://plex.tv")

# What the commands of the library sync ask instead of the connected server.
PLEX_BASE_URL = env.text("PLEX_BASE_URL")
PLEX_TOKEN = env.text("PLEX_TOKEN")
PLEX_TV_SECTION_KEY = env.text("PLEX_TV_SECTION_KEY")

# Who is told of what waits, and of the weekly report.
NOTIFY_URLS = env.service_urls("NOTIFY_URLS")
EMAIL_URL = env.text("EMAIL_URL")
_EMAIL = env.email("EMAIL_URL")
EMAIL_BACKEND = _EMAIL.get("EMAIL_BACKEND", "django.core.mail.backends.dummy.EmailBackend")
EMAIL_HOST = _EMAIL.get("EMAIL_HOST", "")
EMAIL_PORT = _EMAIL.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = _EMAIL.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = _EMAIL.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = _EMAIL.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _EMAIL.get("EMAIL_USE_SSL", False)
EMAIL_FILE_PATH = _EMAIL.get("EMAIL_FILE_PATH") or None
EMAIL_TIMEOUT = 15  # seconds
DEFAULT_FROM_EMAIL = SERVER_EMAIL = _EMAIL.get("DEFAULT_FROM_EMAIL", "tracker@localhost")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",  # its templates, for FORM_RENDERER
    "django_q",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "drf_spectacular_sidecar",  # the page of /api/docs, so that it needs nothing from elsewhere
    "tracker",
    "plex_integration",
    "tvshows",
]

MIDDLEWARE = [
    "tracker.middleware.ContentSecurityPolicyMiddleware",  # first, so that refusals bear the headers too
    "tracker.middleware.TrustedProxyMiddleware",
    "tracker.middleware.HostMiddleware",
    "tracker.middleware.NoNulMiddleware",
    "tracker.middleware.OnlyFormsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "tracker.middleware.SameOriginMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tracker.middleware.LoginRequiredMiddleware",
    "tracker.middleware.TimeZoneMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "tracker.urls"
WSGI_APPLICATION = "tracker.wsgi.application"
APPEND_SLASH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
# The form widgets of the admin are templates too, and ours may override them.
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# One database. SQLite: every transaction takes the write lock when it begins, because one that reads first and
# writes later fails at once when another got in between; FULL, because what we acknowledge must survive a power cut.
_SQLITE = {
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=33554432; "
                    "PRAGMA temp_store=MEMORY;",
}
_POSTGRESQL = {"connect_timeout": 2}  # seconds
DATABASES = {"default": env.database("DATABASE_URL", DATA_DIR)}
SQLITE = DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3"
DATABASES["default"] |= {
    "CONN_MAX_AGE": 600,
    "CONN_HEALTH_CHECKS": True,
    "OPTIONS": {
        **DATABASES["default"].get("OPTIONS", {}),  # type: ignore[dict-item]
        **(_SQLITE if SQLITE else _POSTGRESQL), **processes.patience(PROCESS, sqlite=SQLITE),
    },
}
if SQLITE:
    # A file: the in-memory database of tests answers "table is locked" at once instead of waiting its turn.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}

# Rate limits are counted in the cache. In memory that is exact for one web process; several need Redis.
REDIS_URL = env.redis("REDIS_URL")
_MEMORY = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
_REDIS = {
    "BACKEND": "django.core.cache.backends.redis.RedisCache",
    "LOCATION": REDIS_URL,
    "OPTIONS": {"socket_connect_timeout": 0.5, "socket_timeout": 0.5},  # seconds
}
CACHES = {
    "default": _REDIS if REDIS_URL else _MEMORY,
    "queue": {**_MEMORY, "LOCATION": "queue"},  # the cluster writes its state twice a second: keep that at home
}

# The queue is the database and only a wake-up: an event's own row is the truth (see inbox.py).
# retry must exceed timeout * (1 + ceil((queue_limit + 1) / workers)), or a task that waits is delivered twice.
Q_CLUSTER = {
    "name": "tracker",
    "label": "Worker queue",
    "orm": "default",
    "workers": 2,
    "queue_limit": 2,
    "bulk": 1,
    "timeout": 60,
    "retry": 300,
    "max_attempts": 5,
    "ack_failures": True,
    "catch_up": False,
    "poll": 0.2,
    "save_limit": -1,
    "cache": "queue",
    "log_level": "WARNING",
}
EVENT_LEASE_SECONDS = 90  # longer than a task may run: what is leased longer lost its worker

REST_FRAMEWORK = {
    # The first names the scheme of a 401. Sessions check the CSRF token, tokens need none.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "plex_integration.api.access.TokenAuthentication", "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["plex_integration.api.reading.ObjectParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "plex_integration.api.errors.answer",
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Tracker",
    "DESCRIPTION": "A self-hosted TV tracker that Plex keeps up to date.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "COMPONENT_SPLIT_PATCH": False,  # a PATCH names what it changes, so its keys are required
    "SCHEMA_PATH_PREFIX": "/api/plex",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums", "plex_integration.api.documents.forbid_unknown_keys",
    ],
    "ENUM_NAME_OVERRIDES": {
        "EventStatus": "plex_integration.models.PlexWebhookLog.Status", "SignInStatus": ["waiting", "done"],
    },
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # served from where they lie: no build step

SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
# Plex follows no redirect on a POST, and a health check asks from inside.
SECURE_REDIRECT_EXEMPT = [r"^api/plex/webhook$", r"^healthz$"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# A tracker at home is one host below somebody's domain: whether the domain's other hosts speak HTTPS, and whether
# it goes on the browsers' preload lists, is not ours to decide.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024  # bytes: all fields of a form together, an event's payload too

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "redact": {"()": "tracker.redaction.RedactingFilter"}, "refusal": {"()": "tracker.redaction.RefusalFilter"},
    },
    "formatters": {
        "line": {
            "()": "tracker.redaction.OneLineFormatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        },
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["redact"]}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        "django.request": {"handlers": [], "filters": ["refusal"], "level": LOG_LEVEL, "propagate": True},
        "django.server": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        "django-q": {"handlers": [], "level": "WARNING", "propagate": True},
        # It logs whole URLs, and TMDB's older keys are part of one: at DEBUG always, at WARNING beside bad headers.
        "urllib3": {"handlers": [], "level": "ERROR", "propagate": True},
    },
}
