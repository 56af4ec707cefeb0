"""``wasi:keyvalue``: values of a plugin's own, in the caller's transaction, counted and bounded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from django.db import IntegrityError, connections, transaction

from tests.called import called
from tests.components import Body, begin, err, json_handler, ok, plugin_component, rollback, text_hook
from tests.installed import install, tables
from tests.keyvalue_components import ABSENT, Act, delete, exists, first_key, get, increment, keeping, put
from wasm_plugins import get_plugin_manager, lifecycle
from wasm_plugins.exceptions import CapabilityDenied, PluginFailed
from wasm_plugins.host.context import CallContext
from wasm_plugins.models import KeyValue, KeyValueUsage, Plugin
from wasm_plugins.runtime.log import CallLog
from wasm_plugins.runtime.wasi.keyvalue import PAGE_KEYS, Usage
from wasm_plugins.sync import record_upload

pytestmark = pytest.mark.django_db

GRANTS: dict[str, Any] = {"keyvalue": {}}


def keeper(*acts: Act, name: str = "carts", grants: dict[str, Any] | None = None, bucket: str = "default") -> str:
    """Install a plugin whose task does these acts, call it, and return its answer."""
    component = plugin_component(name, tasks={"keep": json_handler(keeping(*acts, bucket=bucket))})
    install(component, grants=GRANTS if grants is None else grants)
    answer = called(f"{name}/keep")
    assert answer is not None
    return answer


@cache
def every_case() -> bytes:
    """Return one plugin with a task for each case below, so that it is compiled once."""
    tasks = {f"case-{at}": keeping(*acts) for at, (acts, _) in enumerate(CASES)}
    tasks |= {f"over-{at}": keeping(*acts) for at, (acts, _) in enumerate(OVER)}
    tasks |= {f"bucket-{at}": keeping(bucket=bucket) for at, bucket in enumerate(BUCKETS)}
    return plugin_component("carts", tasks={name: json_handler(body) for name, body in tasks.items()})


def kept(name: str = "carts") -> tuple[int, int]:
    """Return what the counter says, after comparing it with the rows."""
    rows = list(KeyValue.objects.filter(plugin__name=name))
    usage = KeyValueUsage.objects.filter(plugin__name=name).first()
    counted = (usage.keys, usage.size_bytes) if usage else (0, 0)
    assert counted == (len(rows), sum(len(row.key.encode()) + len(bytes(row.value)) for row in rows))
    return counted


CASES: list[tuple[list[Act], str]] = [
    ([put("k", b"v"), get("k")], "v"),
    ([put("k", b"v"), put("k", b"other"), get("k")], "other"),
    ([get("k")], ABSENT),
    ([put("k", b""), get("k")], ""),
    ([put("k", b"v"), exists("k")], "done"),
    ([exists("k")], ABSENT),
    ([put("k", b"v"), delete("k")], "done"),
    ([put("k", b"v"), delete("k"), get("k")], ABSENT),
    ([delete("k")], "done"),
    ([first_key()], ABSENT),
    ([put("b", b""), put("a", b""), first_key()], "a"),
    ([put("b", b""), put("a", b""), first_key("a")], "b"),
    ([increment("n", 40), increment("n", 2), get("n")], "42"),
    ([put("n", b"-5"), increment("n", 3), get("n")], "-2"),
    ([put("ü/%_\N{KELVIN SIGN}", b"exactly"), get("ü/%_\N{KELVIN SIGN}")], "exactly"),
    ([put("\N{KELVIN SIGN}", b"exactly"), get("K")], ABSENT),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_a_plugin_keeps_what_it_says(case: int) -> None:
    install(every_case(), grants=GRANTS)
    assert called(f"carts/case-{case}") == CASES[case][1]
    kept()


def test_values_outlive_the_call_and_a_new_version_and_end_with_the_plugin() -> None:
    assert keeper(put("k", b"kept")) == "done"
    assert keeper(get("k")) == "kept"
    assert Plugin.objects.get().versions.count() == 2
    assert kept() == (1, 5)
    Plugin.objects.update(current_version=None)
    Plugin.objects.all().delete()
    assert not KeyValue.objects.exists()
    assert not KeyValueUsage.objects.exists()


def test_another_plugin_has_a_store_of_its_own() -> None:
    assert keeper(put("k", b"mine"), name="one") == "done"
    assert keeper(get("k"), name="two") == ABSENT
    assert keeper(put("k", b"also mine"), get("k"), name="two") == "also mine"
    assert keeper(get("k"), name="one") == "mine"


def test_buckets_are_those_that_were_granted_and_hold_values_apart() -> None:
    grants = {"keyvalue": {"buckets": ["drafts"]}}
    assert keeper(put("k", b"a draft"), bucket="drafts", grants=grants) == "done"
    assert keeper(get("k"), grants=grants) == ABSENT
    assert keeper(get("k"), bucket="drafts", grants=grants) == "a draft"


BUCKETS = ["", "drafts", "Default", "default ", "../carts", "carts:default", "default\0"]


@pytest.mark.parametrize("case", range(len(BUCKETS)))
def test_any_other_bucket_is_no_such_store(case: int) -> None:
    install(every_case(), grants=GRANTS)
    with pytest.raises(PluginFailed) as caught:
        called(f"carts/bucket-{case}")
    assert caught.value.detail == "no-such-store"


def test_without_the_grant_it_cannot_be_enabled() -> None:
    version = record_upload(plugin_component("carts", tasks={"keep": json_handler(keeping(get("k")))}))
    with pytest.raises(CapabilityDenied):
        lifecycle.enable(version.plugin)


def test_what_is_written_is_undone_with_its_caller() -> None:
    install(plugin_component("carts", hooks={"keep": text_hook(keeping(put("k", b"v")))}), grants=GRANTS)
    with pytest.raises(IntegrityError), transaction.atomic():
        assert get_plugin_manager().call_hook_dynamic("keep", 1, "").values == ["done"]
        assert kept() == (1, 2)
        raise IntegrityError
    assert kept() == (0, 0)


def test_what_is_written_is_undone_when_the_plugin_fails() -> None:
    install(plugin_component("carts", hooks={"keep": text_hook(then_err(put("k", b"v")))}), grants=GRANTS)
    with pytest.raises(PluginFailed):
        get_plugin_manager().call_hook_dynamic("keep", 1, "")
    assert kept() == (0, 0)


def test_a_plugins_own_rollback_takes_back_what_it_kept_since() -> None:
    steps = keeping(put("k", b"v"))

    def body(memory: Any, shape: Any) -> Any:
        opening, imports = ok("", first=[begin()])(memory, shape)
        writing, more = steps(memory, shape)
        closing, last = ok("{}", first=[rollback()])(memory, shape)
        code = f"{opening} drop {writing} drop {closing}"
        return code, (*imports, *more, *last)

    component = plugin_component("carts", tasks={"keep": json_handler(body)})
    install(component, grants={**GRANTS, **tables(auth_group=["select"])})
    assert called("carts/keep") == "{}"
    assert kept() == (0, 0)


@pytest.mark.django_db(databases=["default", "sqlite"])
def test_where_the_caller_uses_another_database_alone_there_is_no_store() -> None:
    install(plugin_component("carts", hooks={"keep": text_hook(keeping(put("k", b"v")))}), grants=GRANTS)
    context = _NotInATransaction("default")
    with context, pytest.raises(PluginFailed) as caught:
        get_plugin_manager().call_hook_dynamic("keep", 1, "", using="sqlite")
    assert "not part of the caller's transaction" in str(caught.value.detail)
    with transaction.atomic():
        assert get_plugin_manager().call_hook_dynamic("keep", 1, "", using="sqlite").values == ["done"]


class _NotInATransaction:
    """Hides the transaction that each test is in from whoever asks whether there is one."""

    def __init__(self, alias: str) -> None:
        self._connection = connections[alias]

    def __enter__(self) -> None:
        self._connection.in_atomic_block = False

    def __exit__(self, *_: object) -> None:
        self._connection.in_atomic_block = True


def then_err(act: Act) -> Body:
    """Do one act, then answer ``err``."""

    def body(memory: Any, shape: Any) -> Any:
        writing, imports = keeping(act)(memory, shape)
        failing, _ = err("no")(memory, shape)
        return f"{writing} drop {failing}", imports

    return body


LIMITS = {"keyvalue_keys": 2, "keyvalue_bytes": 1_100, "keyvalue_key_bytes": 8, "keyvalue_value_bytes": 1_024}


OVER: list[tuple[list[Act], str]] = [
    ([put("a", b""), put("b", b""), put("c", b"")], "keyvalue_keys"),
    ([put("a", b""), put("b", b""), increment("c", 1)], "keyvalue_keys"),
    ([put("a", b"x" * 1_024), put("b", b"x" * 100)], "keyvalue_bytes"),
    ([put("a", b"x"), put("b", b"x" * 1_024), put("a", b"x" * 80)], "keyvalue_bytes"),
    ([put("a", b"x" * 1_025)], "keyvalue_value_bytes"),
    ([put("é" * 5, b"")], "keyvalue_key_bytes"),
    ([put("", b"")], "keyvalue_key_bytes"),
    ([get("x" * 9)], "keyvalue_key_bytes"),
    ([delete("x" * 9)], "keyvalue_key_bytes"),
    ([exists("x" * 9)], "keyvalue_key_bytes"),
    ([first_key("x" * 9)], "keyvalue_key_bytes"),
    ([put("a\0", b"")], "NUL"),
    ([put("n", b"12a"), increment("n", 1)], "decimal"),
    ([put("n", b"9223372036854775807"), increment("n", 1)], "s64"),
]


@pytest.mark.parametrize("case", range(len(OVER)))
def test_what_is_over_a_limit_is_refused_by_its_name_and_not_kept(case: int) -> None:
    plugin = install(every_case(), grants=GRANTS)
    lifecycle.set_limits(plugin, LIMITS)
    with pytest.raises(PluginFailed) as caught:
        called(f"carts/over-{case}")
    assert OVER[case][1] in str(caught.value.detail)
    assert not KeyValue.objects.exists()


def test_what_fits_exactly_is_kept_and_less_is_kept_also_over_a_limit_that_was_lowered() -> None:
    component = plugin_component("carts", tasks={"keep": json_handler(keeping(put("a", b"x" * 99)))})
    plugin = install(component, grants=GRANTS)
    lifecycle.set_limits(plugin, {"keyvalue_bytes": 1_024})
    called("carts/keep")
    lifecycle.set_limits(plugin, {"keyvalue_bytes": 10})
    smaller = plugin_component("carts", tasks={"keep": json_handler(keeping(put("a", b"x" * 98)))})
    install(smaller, grants=GRANTS)
    assert called("carts/keep") == "done"
    assert kept() == (1, 99)


def test_keys_come_in_pages_each_key_once() -> None:
    keeper(put("k", b""))
    plugin = Plugin.objects.get()
    KeyValue.objects.bulk_create(
        KeyValue(plugin=plugin, bucket="default", key=f"{number:04}", value=b"", size_bytes=4)
        for number in range(2 * PAGE_KEYS)
    )
    found, cursor = [], None
    while True:
        page = _listed(plugin, cursor)
        found += page["keys"]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert found == sorted([*(f"{number:04}" for number in range(2 * PAGE_KEYS)), "k"])


def _listed(plugin: Plugin, cursor: str | None) -> dict[str, Any]:
    """Call ``list-keys`` of the host as a component does."""
    from wasm_plugins.host.configuration import Configuration
    from wasm_plugins.host.keyvalue import INTERFACES
    from wasm_plugins.host.session import Session
    from wasm_plugins.runtime.limits import Limits
    from wasm_plugins.runtime.redaction import Redactor
    from wasm_plugins.runtime.state import CallState
    from wasm_plugins.runtime.wasi.keyvalue import Bucket

    context = CallContext(
        plugin=plugin.name,
        version=1,
        plugin_id=plugin.pk,
        grants=GRANTS,
        user=None,
        session=Session("default", owns_transaction=True),
        configuration=Configuration(plugin.pk, plugin.name, Redactor()),
    )
    state = CallState(export="any", limits=Limits(), deadline_at=float("inf"), log=CallLog(0), host=context)
    answer: Any = INTERFACES[0].functions["[method]bucket.list-keys"].call(state, Bucket("default"), cursor)
    found: dict[str, Any] = answer.value
    return found


@pytest.fixture
def threads() -> Iterator[list[threading.Thread]]:
    """Threads that are over after the test."""
    started: list[threading.Thread] = []
    yield started
    for each in started:
        each.join(30)


@pytest.mark.django_db(transaction=True)
def test_writers_at_the_same_time_lose_no_count_and_no_value(threads: list[threading.Thread]) -> None:
    acts = {"same": [increment("n", 1)], "own": [put("k", b"x")], "mixed": [put("m", b"yy"), delete("m")]}
    tasks = {name: json_handler(keeping(*each)) for name, each in acts.items()}
    install(plugin_component("carts", tasks=tasks), grants=GRANTS)
    called("carts/mixed")
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for _ in range(8):
                called(f"carts/{name}")
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads += [threading.Thread(target=work, args=[name]) for name in ("same", "same", "own", "mixed")]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert failures == []
    assert bytes(KeyValue.objects.get(key="n").value) == b"16"
    assert kept() == (2, 5)


@pytest.mark.django_db(transaction=True)
def test_who_writes_waits_for_the_transaction_that_wrote_before_but_not_for_ever(
    threads: list[threading.Thread],
) -> None:
    tasks = {"write": json_handler(keeping(put("k", b"v"))), "read": json_handler(keeping(get("k")))}
    install(plugin_component("carts", tasks=tasks), grants=GRANTS)
    has_written, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            called("carts/write")
            has_written.set()
            may_end.wait(30)
        connections.close_all()

    threads.append(threading.Thread(target=hold))
    threads[0].start()
    assert has_written.wait(10)
    try:
        assert called("carts/read") == ABSENT
        with pytest.raises(PluginFailed) as caught:
            called("carts/write")
    finally:
        may_end.set()
        threads[0].join(30)
    assert "another transaction of this plugin" in str(caught.value.detail)
    assert called("carts/write") == "done"
    assert kept() == (1, 2)


def test_usage_never_falls_below_nothing() -> None:
    from wasm_plugins.runtime.limits import Limits

    assert Usage(0, 0).after(5, None, Limits()) == Usage(0, 0)
