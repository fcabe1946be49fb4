"""Serializers whose keys are camelCase outside and snake_case inside."""

from typing import Any

from rest_framework import serializers


def camel(name: str) -> str:
    """tvshow_id becomes tvshowId."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


class CamelSerializer(serializers.Serializer[Any]):
    """What is declared as `plex_title` is read from `plex_title` and written as `plexTitle`, in the schema too."""

    def get_fields(self) -> dict[str, Any]:
        """The declared fields under their outer names."""
        fields: dict[str, Any] = super().get_fields()
        for name, field in fields.items():
            if camel(name) != name and field.source is None:
                field.source = name
        return {camel(name): field for name, field in fields.items()}


class Switch(serializers.BooleanField):
    """True or false, and nothing that might be meant by something else."""

    def to_internal_value(self, data: Any) -> bool:
        """As it came."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class InputSerializer(CamelSerializer):
    """A body that may hold the known keys only: a misspelt one is an error, not a switch that stays as it was."""

    def to_internal_value(self, data: Any) -> Any:
        """Refuse what is unknown, by name, before anything else is looked at."""
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []
        if unknown:
            told = f"There is no such key. Known are: {', '.join(self.fields)}."
            raise serializers.ValidationError({unknown[0][:50]: [told]})
        return super().to_internal_value(data)
