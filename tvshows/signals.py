"""What this app tells those above it, which it may not call."""

from django.dispatch import Signal

# Sent with show_id, in the transaction that added a show or changed what it can be recognised by.
show_changed = Signal()
