"""Reading the environment: each value is checked here, and a bad one is named together with its mend."""

import difflib
import ipaddress
import re
import zoneinfo
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

env = environ.Env()
env.prefix = ""
_settings: set[str] = set()  # the names that were asked for


_DOTENV = BASE_DIR / ".env"


def load_dotenv() -> None:
    """Read `.env` beside manage.py; variables that are set already win."""
    if _DOTENV.is_file():
        environ.Env.read_env(str(_DOTENV))


def misspelt() -> list[tuple[str, str]]:
    """Names in `.env` that are no setting but much like one, each with that one; once the settings were read."""
    if not _DOTENV.is_file():
        return []
    names = re.findall(r"(?m)^\s*(?:export\s+)?(\w+)\s*=", _DOTENV.read_text(errors="replace"))
    likely = {name: difflib.get_close_matches(name.upper(), _settings, 1, 0.8) for name in names}
    return [(name, meant[0]) for name, meant in likely.items() if meant and name not in _settings]


def bad(name: str, problem: str, mend: str) -> ImproperlyConfigured:
    """One line that names the variable, what is wrong with it and what to do."""
    return ImproperlyConfigured(f"{name} {problem}. {mend}")


def required(name: str, mend: str) -> str:
    """The text of a variable that has to be there."""
    value = text(name)
    if not value:
        raise bad(name, "is not set", mend)
    return value


def text(name: str, default: str = "") -> str:
    """The text of a variable, without blanks around it."""
    _settings.add(name)
    value: str = env.str(name, default=default)
    return value.strip()


def switch(name: str, *, default: bool = False) -> bool:
    """on/off, true/false, yes/no or 1/0."""
    value = text(name).lower()
    if value in {"", "on", "true", "yes", "1", "off", "false", "no", "0"}:
        return default if not value else value in {"on", "true", "yes", "1"}
    raise bad(name, f"is {value!r}, which is neither on nor off", f"Set {name}=on or {name}=off.")


def number(name: str, *, default: int, least: int = 0, most: int = 1_000_000) -> int:
    """A whole number between `least` and `most`."""
    value = text(name, str(default))
    if not re.fullmatch(r"[0-9]{1,9}", value) or not least <= int(value) <= most:
        raise bad(name, f"is {value!r}", f"Set it to a whole number from {least} to {most}.")
    return int(value)


def words(name: str) -> list[str]:
    """A list with commas between its items."""
    return [word.strip() for word in text(name).split(",") if word.strip()]


def hosts(name: str) -> tuple[str, ...]:
    """Names of hosts, with commas between them; one that begins with a dot stands for all below it."""
    found = tuple(word.lower() for word in words(name))
    for word in found:
        if "/" in word:
            mend = "Write names with commas between them and no http:// before them, such as tracker.example.com."
            raise bad(name, f"has {word!r}, which is no host's name", mend)
    return found


def networks(name: str) -> tuple[Network, ...]:
    """Addresses and networks in CIDR notation, with commas between them."""
    found = []
    for word in words(name):
        try:
            found.append(ipaddress.ip_network(word, strict=False))
        except ValueError:
            mend = "Write addresses or networks with commas between them, such as 192.168.1.0/24,10.0.0.5."
            raise bad(name, f"has {word!r}, which is no address", mend) from None
    return tuple(found)


def choice(name: str, options: tuple[str, ...], default: str) -> str:
    """One of `options`, whatever its case."""
    value = text(name, default).upper()
    if value not in options:
        raise bad(name, f"is {value!r}", f"Set it to one of {', '.join(options)}.")
    return value


def time_zone(name: str) -> str:
    """A zone's name from the tz database."""
    value = text(name, "UTC")
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise bad(name, f"is {value!r}, which is no time zone", "Write it like Europe/Berlin.") from None
    return value


def origin(name: str) -> str:
    """`https://host[:port]` of a URL, or nothing when the variable is empty."""
    value = text(name)
    if not value:
        return ""
    mend = "Write it like https://tracker.example.com, without a path."
    try:
        parts = urlsplit(value)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise bad(name, f"is {value!r}, which is no URL", mend) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
        raise bad(name, f"is {value!r}", mend)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}"


def url(name: str, default: str) -> str:
    """An http or https URL, which may have a path; without a slash at its end."""
    value = text(name) or default
    mend = f"Write it like {default}, or leave it out."
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise bad(name, "is no URL", mend)
    if "@" in parts.netloc or "?" in value or "#" in value:
        raise bad(name, "has more in it than a host, a port and a path", mend)
    return value.rstrip("/")


def keys(name: str, mend: str) -> tuple[bytes, ...]:
    """AES-256 keys of 64 hexadecimal digits, newest first."""
    found = [word.strip() for word in required(name, mend).split(",")]
    if not all(re.fullmatch(r"[0-9a-fA-F]{64}", word) for word in found):
        raise bad(name, "must be 64 hexadecimal digits, or several such keys with commas between them", mend)
    return tuple(bytes.fromhex(word) for word in found)


def database(name: str, data_dir: Path) -> dict[str, object]:
    """Django's settings of the one database: SQLite in `data_dir` unless a URL names another."""
    value = text(name) or f"sqlite:///{data_dir / 'tracker.sqlite3'}"
    mend = "Write it like postgres://user:password@host:5432/name, or leave it out for SQLite."
    try:
        found: dict[str, object] = environ.Env.db_url_config(value)
    except (ValueError, KeyError, ImproperlyConfigured):
        raise bad(name, "is no database URL", mend) from None
    if found.get("ENGINE") not in {"django.db.backends.sqlite3", "django.db.backends.postgresql"}:
        raise bad(name, "names a database that is neither SQLite nor PostgreSQL", mend)
    return found


def redis(name: str) -> str:
    """A redis:// URL, or nothing."""
    value = text(name)
    if value and urlsplit(value).scheme not in {"redis", "rediss", "unix"}:
        raise bad(name, "is no Redis URL", "Write it like redis://127.0.0.1:6379/0, or leave it out.")
    return value


def email(name: str) -> dict[str, object]:
    """Django's settings of sending mail, from a URL. Who signs in there is the sender, if that is an address."""
    value = text(name)
    if not value:
        return {}
    mend = "Write it like smtp+tls://me%40example.org:password@mail.example.org:587."
    try:
        found: dict[str, object] = environ.Env.email_url_config(value)
    except (ValueError, KeyError, ImproperlyConfigured):
        raise bad(name, "is no URL of a mail server", mend) from None
    if not found.get("EMAIL_HOST") and "smtp" in str(found.get("EMAIL_BACKEND")):
        raise bad(name, "names no mail server", mend)
    user = str(found.get("EMAIL_HOST_USER") or "")
    return found | {"DEFAULT_FROM_EMAIL": user if "@" in user else "tracker@localhost"}


def service_urls(name: str) -> tuple[str, ...]:
    """Addresses of services that pass messages on, with commas or blanks between them."""
    found = tuple(word for word in re.split(r"[,\s]+", text(name)) if word)
    for word in found:
        if not re.match(r"[a-z][a-z0-9+.-]*://.", word, re.IGNORECASE):
            raise bad(name, "has something in it that is no address", "Write it like ntfy://ntfy.sh/my-topic.")
    return found
