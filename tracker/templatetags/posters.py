"""What stands in for a show's poster."""

from django import template

register = template.Library()

TONES = 8
ARTICLES = {"the", "a", "an"}


@register.filter
def tone(show: int | str) -> int:
    """One of the eight poster colours, always the same for a show's id, or for its title where there is no id."""
    return (sum(map(ord, show)) if isinstance(show, str) else show) % TONES + 1


@register.filter
def initials(title: str) -> str:
    """Two letters: of the first two words, or the first two of the only word."""
    words = ["".join(filter(str.isalnum, word)) for word in title.split() if word.lower() not in ARTICLES]
    words = [word for word in words if word]
    if len(words) > 1:
        return words[0][0].upper() + words[1][0].upper()
    return words[0][:2].capitalize() if words else "?"


@register.filter
def poster_url(path: str) -> str:
    """Where a poster lies: TMDB names a path on its own server of images. The policy lets in no other."""
    if path.startswith("https://image.tmdb.org/"):
        return path
    return f"https://image.tmdb.org/t/p/w185{path}" if path.startswith("/") else ""


@register.filter
def as_answer(tmdb_id: int) -> str:
    """How a form names a show of TMDB."""
    return f"tmdb:{tmdb_id}"
