"""Where in the product a page lies."""

from django import template
from django.template.context import Context
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.simple_tag(takes_context=True)
def current(context: Context, address: str, *others: str) -> SafeString:
    """The attribute that marks the entry of the navigation under which this page is: itself, or one below it.

    `others` are entries of their own that lie below it.
    """
    request = context.get("request")
    path = request.path if request else ""
    if path == address:
        return mark_safe(' aria-current="page"')
    below = address != "/" and path.startswith(f"{address}/") and not path.startswith(others)
    return mark_safe(' aria-current="true"') if below else SafeString()
