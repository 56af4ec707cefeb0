"""A plugin that wants more of the key-value store than is its own: another's values, more room, more handles."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from django.db import connection

from tests.called import called
from tests.components import json_handler, plugin_component
from tests.installed import install
from tests.keyvalue_components import ABSENT, delete, first_key, get, increment, keeping, put
from wasm_plugins.exceptions import LimitExceeded, PluginFailed
from wasm_plugins.models import KeyValue, KeyValueUsage, Plugin

# A turn is held until the transaction ends, so that of a test must.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.canary_after]

GRANTS: dict[str, Any] = {"keyvalue": {}}
SECRET = b"b's own"
TAKEN = {
    "parent": "../b/token",
    "parents": "../../token",
    "absolute": "/b/default/token",
    "dot": "a/./token",
    "same": "token",
    "upper": "TOKEN",
    "full-width": "ｔｏｋｅｎ",
    "combining": "to\u0301ken",
    "wildcard": "%",
    "sql": "' OR key='token",
    "separator": "b:default:token",
    "newline": "token\n",
}
REFUSED = {"nul": "token\0", "long": "t" * 5_000, "empty": ""}
BUCKETS = {"parent": "../b", "other": "b", "both": "b/default", "upper": "DEFAULT", "wildcard": "%", "nul": "default\0"}


@cache
def _greedy() -> bytes:
    """Return a plugin with a task for each thing that it tries."""
    bodies = {f"read-{name}": keeping(get(key)) for name, key in TAKEN.items()}
    bodies |= {
        f"write-{name}": keeping(put(key, b"mine"), increment(key, 1), delete(key)) for name, key in TAKEN.items()
    }
    bodies |= {f"keep-{name}": keeping(put(key, b"mine")) for name, key in {**TAKEN, **REFUSED}.items()}
    bodies |= {f"open-{name}": keeping(get("token"), bucket=bucket) for name, bucket in BUCKETS.items()}
    bodies |= {"list": keeping(first_key()), "list-from-nothing": keeping(first_key(""))}
    bodies |= {"large": keeping(put("k", bytes(256 * 1024 + 1))), "open-many": keeping(opens=1_001)}
    return plugin_component("a", tasks={name: json_handler(body) for name, body in bodies.items()})


@pytest.fixture
def other(db: None) -> Plugin:
    """The plugin ``b``, which keeps a value, beside the greedy one."""
    install(_greedy(), grants=GRANTS)
    tasks = {"keep": json_handler(keeping(put("token", SECRET)))}
    other = install(plugin_component("b", tasks=tasks), grants=GRANTS)
    called("b/keep")
    return other


def _is_untouched(other: Plugin) -> bool:
    row, usage = KeyValue.objects.get(plugin=other), KeyValueUsage.objects.get(plugin=other)
    return (row.bucket, row.key, bytes(row.value), usage.keys) == ("default", "token", SECRET, 1)


def test_hp_23_no_key_reaches_what_another_plugin_keeps(other: Plugin) -> None:
    for name, key in TAKEN.items():
        assert called(f"a/read-{name}") == ABSENT
        assert called(f"a/write-{name}") == "done"
        assert called(f"a/keep-{name}") == "done"
        assert KeyValue.objects.filter(plugin__name="a", bucket="default", key=key).count() == 1
        assert _is_untouched(other)
    assert KeyValue.objects.filter(plugin__name="a").count() == len(TAKEN)


def test_hp_23_no_bucket_is_another_plugins(other: Plugin) -> None:
    for name in BUCKETS:
        with pytest.raises(PluginFailed) as caught:
            called(f"a/open-{name}")
        assert caught.value.detail == "no-such-store"


def test_hp_23_a_key_or_a_value_out_of_bounds_is_refused_and_not_kept(other: Plugin) -> None:
    for task in [*(f"keep-{name}" for name in REFUSED), "list-from-nothing", "large"]:
        with pytest.raises(PluginFailed):
            called(f"a/{task}")
        assert not KeyValue.objects.filter(plugin__name="a").exists()
        assert _is_untouched(other)


def test_hp_23_a_list_holds_no_key_of_another(other: Plugin) -> None:
    assert called("a/list") == ABSENT


def test_hp_23_the_ten_thousand_and_first_key_is_refused_and_nobody_else_has_less_room(other: Plugin) -> None:
    plugin = Plugin.objects.get(name="a")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO wasm_plugins_keyvalue (plugin_id, bucket, key, value, size_bytes, changed_at) "
            "SELECT %s, 'default', at, '', 5, now() FROM generate_series(1, 10000) AS at",
            [plugin.pk],
        )
    KeyValueUsage.objects.create(plugin=plugin, keys=10_000, size_bytes=50_000)
    with pytest.raises(PluginFailed) as caught:
        called("a/keep-same")
    assert "keyvalue_keys" in str(caught.value.detail)
    assert called("b/keep") == "done"
    KeyValue.objects.filter(plugin=plugin).delete()


def test_hp_23_a_plugin_that_opens_buckets_without_end_meets_the_limit_of_handles(other: Plugin) -> None:
    with pytest.raises(LimitExceeded) as caught:
        called("a/open-many")
    assert caught.value.limit == "handles"
