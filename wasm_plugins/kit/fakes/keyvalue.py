"""``wasi:keyvalue``: values in memory, under the limits of the real host."""

from __future__ import annotations

from wasm_plugins.runtime.state import CallState
from wasm_plugins.runtime.wasi.keyvalue import Change, Usage, entry_bytes, keyvalue_interfaces

from .fake_host import host_of
from .recorded import recording


class _MemoryStore:
    """What the ``FakeHost`` of a call holds."""

    def opens(self, state: CallState, bucket: str) -> bool:
        """Tell whether ``plugin.toml`` names the bucket, or it is ``default``."""
        return bucket in host_of(state).buckets

    def get(self, state: CallState, bucket: str, key: str) -> bytes | None:
        """Return a value."""
        return host_of(state).values.get((bucket, key))

    def exists(self, state: CallState, bucket: str, key: str) -> bool:
        """Tell whether there is one."""
        return (bucket, key) in host_of(state).values

    def keys(self, state: CallState, bucket: str, after: str | None, most: int) -> list[str]:
        """Return keys, sorted."""
        found = sorted(key for of, key in host_of(state).values if of == bucket and (after is None or key > after))
        return found[:most]

    def put(self, state: CallState, bucket: str, key: str, value: bytes | None) -> None:
        """Keep a value, or none."""
        self.change(state, bucket, key, lambda _: value)

    def change(self, state: CallState, bucket: str, key: str, change: Change) -> None:
        """Keep a value that is made of the old one."""
        values = host_of(state).values
        old = values.get((bucket, key))
        new = change(old)
        usage = Usage(len(values), sum(entry_bytes(name, value) for (_, name), value in values.items()))
        usage.after(
            None if old is None else entry_bytes(key, old), None if new is None else entry_bytes(key, new), state.limits
        )
        if new is None:
            values.pop((bucket, key), None)
        else:
            values[bucket, key] = new


INTERFACES = tuple(map(recording, keyvalue_interfaces(_MemoryStore())))
