"""What one call may read of its plugin's configuration: looked up once, decrypted when asked for, noted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from django.views.decorators.debug import sensitive_variables

from ..models import Secret
from ..runtime.redaction import Redactor
from ..sealing import SecretValue, unseal

_NAME: Final = re.compile(r"[a-z][a-z0-9._-]{0,127}", re.ASCII)


def is_secret_name(name: str) -> bool:
    """Tell whether a secret may be called that: ``[a-z][a-z0-9._-]{0,127}``, and so nothing that looks like another."""
    return _NAME.fullmatch(name) is not None


class Configuration:
    """The settings and secrets of one plugin, as one call sees them: the same from its first read to its end.

    Attributes:
        names_read: Names of the secrets that were read, in order.
        keys_missing: How many times a key was asked for that is not there.
        is_known_unreadable: Whether the operator was told of this call that a secret cannot be read.
    """

    def __init__(
        self, plugin_id: int, plugin: str, redactor: Redactor, settings: Mapping[str, str] | None = None
    ) -> None:
        """Read nothing yet.

        Args:
            plugin_id: Primary key of the plugin that is called.
            plugin: Its name.
            redactor: Learns every secret before the plugin does.
            settings: What an admin set that is no secret; a secret of the same name wins.
        """
        self.names_read: Final[list[str]] = []
        self.keys_missing = 0
        self.is_known_unreadable = False
        self._plugin_id: Final = plugin_id
        self._plugin: Final = plugin
        self._redactor: Final = redactor
        self._settings: Final = settings or {}
        self._sealed: dict[str, str] | None = None
        self._opened: Final[dict[str, SecretValue]] = {}

    @sensitive_variables()
    def find(self, key: str) -> SecretValue | None:
        """Return the value of a key, or ``None``; blocks for one query at the first key that could be one.

        Raises:
            SecretUnreadable: It is there, and no key decrypts it.
        """
        if is_secret_name(key):
            if key in self._load():
                return self._open(key)
            if key in self._settings:
                return SecretValue(self._settings[key])
        self.keys_missing += 1
        return None

    @sensitive_variables()
    def all(self) -> dict[str, SecretValue]:
        """Return every value by key, sorted.

        Raises:
            SecretUnreadable: No key decrypts one of them.
        """
        settings = {key: SecretValue(value) for key, value in self._settings.items()}
        secrets = {name: self._open(name) for name in self._load()}
        return dict(sorted({**settings, **secrets}.items()))

    def _load(self) -> dict[str, str]:
        if self._sealed is None:
            rows = Secret.objects.filter(plugin_id=self._plugin_id).order_by("name")
            self._sealed = dict(rows.values_list("name", "ciphertext"))
        return self._sealed

    @sensitive_variables()
    def _open(self, name: str) -> SecretValue:
        if name not in self._opened:
            value = unseal(self._plugin, name, self._load()[name])
            self._redactor.hide(value.reveal())
            self.names_read.append(name)
            self._opened[name] = value
        return self._opened[name]
