"""Storage that is away, slow or lost halfway: what is known goes on serving, and nothing is half new."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from pytest_django import Settings

from tests.components import ok, plugin_component, text_hook
from tests.hostile.bad_s3 import BadS3, Request, bad_s3, use
from tests.installed import install
from wasm_plugins import components, first_use, storage
from wasm_plugins.exceptions import ArtifactError
from wasm_plugins.first_use import sync_in_background
from wasm_plugins.models import Plugin, PluginVersion
from wasm_plugins.readiness import last_look
from wasm_plugins.registry import Registry
from wasm_plugins.sync import sync

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.canary_after]

STARTS_WITHIN_S = 5


@pytest.fixture
def s3(settings: Settings) -> Iterator[BadS3]:
    """A bad S3 server as ``STORAGES["plugins"]``, with an enabled plugin whose code is on this machine."""
    settings.WASM_PLUGINS_STORAGE_SILENCE_S = 1
    settings.WASM_PLUGINS_STORAGE_READ_S = 2
    with bad_s3() as server:
        use(settings, server)
        install(plugin_component("greeter", hooks={"order-placed": text_hook(ok("hello"))}))
        yield server
    last_look.problem = ""


def _stall(request: Request) -> bool:
    request.s3.stop.wait(30)
    return True


def _slow(request: Request) -> bool:
    request.drip(30_000, bytes(100), 0.1)
    return True


def _status(status: int) -> Callable[[Request], bool]:
    def act(request: Request) -> bool:
        request.answer(status, b"<Error><Code>Bad</Code></Error>")
        return True

    return act


FAULTS: dict[str, Callable[[Settings, BadS3], None]] = {
    "refused connection": lambda settings, s3: use(settings, s3, endpoint_url="http://127.0.0.1:9"),
    "stall": lambda settings, s3: setattr(s3, "act", _stall),
    "403": lambda settings, s3: setattr(s3, "act", _status(403)),
    "500": lambda settings, s3: setattr(s3, "act", _status(500)),
    "name that does not resolve": lambda settings, s3: use(settings, s3, endpoint_url="http://storage.invalid:9000"),
    "1 kB/s": lambda settings, s3: setattr(s3, "act", _slow),
}


def _look() -> threading.Thread | None:
    return next((each for each in threading.enumerate() if each.name == "wasm-plugins-sync"), None)


@pytest.mark.parametrize("fault", FAULTS)
def test_if_01_a_site_starts_without_storage_says_degraded_and_recovers(
    fault: str, s3: BadS3, settings: Settings, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WASM_PLUGINS_SYNC_INTERVAL_S = 60
    monkeypatch.setattr(first_use, "_waits_s", lambda: iter([0.2] * 200))
    good = settings.STORAGES
    FAULTS[fault](settings, s3)
    components.forget(keep=())
    started = time.monotonic()
    registry = Registry()
    registry.when_first_used = sync_in_background
    (plugin,) = registry.current().hooks["order-placed"]
    assert components.get_linked(plugin.digest)
    assert time.monotonic() - started < STARTS_WITHIN_S
    until = time.monotonic() + 30
    while client.get("/plugins/readyz/").json() != {"status": "degraded"}:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert client.get("/plugins/livez/").status_code == 200
    s3.act = None
    s3.stop.set()  # who dawdles now, ends
    settings.STORAGES = good
    thread = _look()
    assert thread is not None
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert last_look.problem == ""
    assert client.get("/plugins/readyz/").json() == {"status": "ok"}


def test_if_01_an_object_that_comes_too_slowly_is_given_up(s3: BadS3) -> None:
    s3.objects["plugins/greeter.wasm"] = bytes(30_000)

    def slow(request: Request) -> bool:
        return request.key == "plugins/greeter.wasm" and _slow(request)

    s3.act = slow
    started = time.monotonic()
    with pytest.raises(ArtifactError):
        storage.read("plugins/greeter.wasm", 1_000_000)
    assert time.monotonic() - started < 8


def test_if_01_staff_learn_what_is_missing_and_nobody_else_does(s3: BadS3, client: Client) -> None:
    last_look.problem = "storage does not answer: secret-host"
    assert b"secret-host" not in client.get("/plugins/readyz/").content
    user = User.objects.create_user("ann", is_staff=True)
    client.force_login(user)
    assert client.get("/plugins/readyz/").json() == {"status": "degraded"}
    user.user_permissions.add(Permission.objects.get(codename="view_plugin"))
    told = client.get("/plugins/readyz/").json()
    assert told["plugins"] == {"greeter": "running"}
    assert "secret-host" in told["problems"][0]


def test_if_01_pauses_grow_to_the_interval_and_differ_between_processes(settings: Settings) -> None:
    settings.WASM_PLUGINS_SYNC_INTERVAL_S = 60
    first, second = list(first_use._waits_s()), list(first_use._waits_s())
    assert first != second
    assert all(0.5 <= each <= 90 for each in first)
    assert first[0] <= 1.5
    assert min(first[6:]) >= 30


NAMES = [f"plugin-{number}" for number in range(1, 6)]


def _numbered(name: str, answer: str) -> bytes:
    return plugin_component(name, hooks={"order-placed": text_hook(ok(answer))})


def test_if_02_storage_that_is_lost_during_the_third_of_five_leaves_the_old_set_serving(
    s3: BadS3, settings: Settings
) -> None:
    for name in NAMES:
        install(_numbered(name, "old"))
    settings.WASM_PLUGINS_UPGRADES = "approve"
    for name in NAMES:
        s3.objects[f"plugins/{name}.wasm"] = _numbered(name, "new")
    reads = []

    def drop(request: Request) -> bool:
        if request.command != "GET" or not request.key.startswith("plugins/plugin-"):
            return False
        reads.append(request.key)
        if request.key != "plugins/plugin-3.wasm":
            return False
        data = s3.objects[request.key]
        request.send_response(200)
        request.send_header("Content-Length", str(len(data)))
        request.send_header("ETag", '"x"')
        request.end_headers()
        request.wfile.write(data[:100])
        s3.act = _gone
        return True

    def _gone(request: Request) -> bool:
        request.connection.close()
        return True

    s3.act = drop
    outcomes = {each.plugin or each.key: each.result for each in sync().outcomes}
    assert "problem" in outcomes.values()
    registry = Registry()
    serving = registry.current().plugins
    assert {name: serving[name].version for name in NAMES} == dict.fromkeys(NAMES, 1)
    assert not PluginVersion.objects.filter(state="refused").exists()
    s3.act = None
    sync()
    assert PluginVersion.objects.filter(number=2, state="verified").count() == len(NAMES)
    assert Plugin.objects.filter(current_version__number=1).count() == len(NAMES) + 1
