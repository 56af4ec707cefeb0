"""A plugin that wants another's secrets gets none, and one that spreads its own spreads three stars."""

from __future__ import annotations

import html
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.utils.log import AdminEmailHandler
from django.views.debug import ExceptionReporter
from pytest_django import Settings

from project.shop.models import Product
from tests.called import called
from tests.components import Body, json_handler, plugin_component, route
from tests.installed import install, tables
from tests.secret_components import (
    ABSENT,
    answered,
    answered_late,
    asked_about,
    crashed,
    logged,
    reported,
    stored,
)
from wasm_plugins.exceptions import AnswerRefused, PluginError, PluginFailed
from wasm_plugins.models import AuditEntry, Plugin, Route, TaskRun
from wasm_plugins.outbox import outbox
from wasm_plugins.registry import mark_changed
from wasm_plugins.runtime.log import CallLog
from wasm_plugins.runtime.redaction import STARS
from wasm_plugins.runtime.sandbox import DETAIL_CHARS
from wasm_plugins.sealing import SecretValue
from wasm_plugins.secret_acts import set_secret
from wasm_plugins.tasks import describe_run, perform_run, request_run

pytestmark = [pytest.mark.django_db, pytest.mark.canary_after]

CANARY = 'canary-3f9a/+"<&ü>'
TOLD = "canary-3f9a"
GRANTS: dict[str, Any] = {"config": {}, "authorization": {}, **tables(shop_product=["select", "insert"])}

KEYS = {
    "parent": "../b/token",
    "colon": "b:token",
    "slash": "b/token",
    "dot": "./token",
    "full-width": "ｔｏｋｅｎ",
    "compatibility": "token".replace("k", "\N{KELVIN SIGN}"),
    "ligature": "ﬁle",
    "combining": "to\u0301ken",
    "upper": "TOKEN",
    "space": " token",
    "newline": "token\n",
    "nul": "token\x00",
    "zero width": "tok\u200ben",
    "percent": "%74oken",
    "wildcard": "%",
    "sql": "' or name='token",
    "long": "t" * 1024 * 1024,
    "empty": "",
}


def _vault(body: Body, name: str = "vault") -> Plugin:
    component = plugin_component(
        name, routes=[route(f"/{name}/do", json_handler(body))], tasks={"task": json_handler(body)}
    )
    plugin = install(component, grants=GRANTS)
    Route.objects.update(access="authenticated")
    mark_changed()
    set_secret(plugin, "token", SecretValue(CANARY))
    return plugin


def _run(plugin: Plugin) -> TaskRun:
    run = request_run(plugin=plugin.name, handler="task", input_text="{}")
    perform_run(str(run.pk))
    run.refresh_from_db()
    return run


def _records() -> str:
    """Return everything that this app has recorded, as text."""
    models = apps.get_app_config("wasm_plugins").get_models()
    return "\n".join(repr(list(model._default_manager.values())) for model in models)


@pytest.fixture(autouse=True)
def _no_word_of_it(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Nothing that was logged, recorded or printed by any test here has the canary, nor has a page of the admin."""
    caplog.set_level(logging.DEBUG)
    yield
    for record in caplog.records:
        assert TOLD not in logging.Formatter().format(record)
    assert TOLD not in _records()
    printed = capfd.readouterr()
    assert TOLD not in printed.out + printed.err
    if not TaskRun.objects.exists():
        return
    client = Client()
    client.force_login(User.objects.create_superuser("looks-at-it"))
    for page in ("plugin", "taskrun", "pluginversion"):
        assert TOLD not in client.get(f"/admin/wasm_plugins/{page}/").content.decode()
    for run in TaskRun.objects.all():
        assert TOLD not in client.get(f"/admin/wasm_plugins/taskrun/{run.pk}/change/").content.decode()
    for plugin in Plugin.objects.all():
        assert TOLD not in client.get(f"/admin/wasm_plugins/plugin/{plugin.pk}/change/").content.decode()


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_hp_21_no_key_reaches_the_secret_of_another_plugin(key: str) -> None:
    _vault(answered("token"), name="b")
    _vault(answered(key), name="a")
    set_secret(Plugin.objects.get(name="b"), "file", SecretValue("another canary-3f9a"))
    assert called("a/task") == ABSENT
    outbox.flush()
    noted = AuditEntry.objects.get(act="secret-read")
    assert (noted.plugin, noted.subject, noted.details) == ("a", "", {"names": [], "missing": 1})


def test_hp_21_its_own_secret_of_the_same_name_is_its_own() -> None:
    _vault(answered("token"), name="b")
    own = _vault(answered("token"), name="a")
    set_secret(own, "token", SecretValue("mine alone"))
    assert called("a/task") == "mine alone"


def test_hp_21_a_row_that_was_moved_to_the_plugin_does_not_open() -> None:
    other, own = _vault(answered("token"), name="b"), _vault(answered("token"), name="a")
    own.secrets.update(ciphertext=other.secrets.get().ciphertext)
    with pytest.raises(PluginFailed):
        called("a/task")


def test_hp_22_a_secret_in_the_log_is_stars() -> None:
    run = _run(_vault(logged("token", before="the token is")))
    assert run.status == "finished"
    assert f"the token is: {STARS}" in run.log


def test_hp_22_a_secret_in_the_projects_log_is_stars(caplog: pytest.LogCaptureFixture) -> None:
    _vault(logged("token"))
    called("vault/task")
    assert STARS in caplog.text


def test_hp_22_a_secret_in_a_tasks_result_is_stars() -> None:
    run = _run(_vault(answered("token")))
    assert (run.status, run.result) == ("finished", STARS)
    assert TOLD not in json.dumps(describe_run(run), ensure_ascii=False)


def test_hp_22_a_secret_in_a_tasks_progress_is_stars() -> None:
    assert _run(_vault(reported("token"))).progress_message == STARS


def test_hp_22_a_secret_that_is_answered_as_err_is_stars() -> None:
    plugin = _vault(answered("token", as_err=True))
    with pytest.raises(PluginFailed) as caught:
        called("vault/task")
    assert caught.value.detail == STARS
    assert TOLD not in repr(vars(caught.value)) + str(caught.value)
    run = _run(plugin)
    assert (run.status, run.error_code) == ("failed", "plugin-failed")
    assert STARS in run.error


@pytest.mark.parametrize("before", [DETAIL_CHARS - 12, DETAIL_CHARS - 20])
def test_hp_22_an_err_that_is_cut_inside_the_secret_shows_no_part_of_it(before: int) -> None:
    _vault(answered_late("token", before))
    with pytest.raises(PluginFailed) as caught:
        called("vault/task")
    assert "canar" not in str(caught.value)


def test_hp_22_a_route_answers_an_err_with_stars(client: Client) -> None:
    _vault(answered("token", as_err=True))
    client.force_login(User.objects.create_user("ann"))
    response = client.post("/plugins/vault/do", {}, content_type="application/json")
    assert response.status_code == 422
    assert TOLD not in response.content.decode()
    assert STARS in response.json()["error"]["message"]


def test_hp_22_a_crash_shows_no_secret() -> None:
    run = _run(_vault(crashed("token")))
    assert (run.status, run.error_code) == ("failed", "plugin-trapped")
    assert STARS in run.log


INSERT = "INSERT INTO shop_product (sku, name, price_cents, stock) VALUES ($1, 'x', 1, 1)"


def test_hp_22_a_secret_that_is_stored_is_nowhere_but_where_the_plugin_put_it() -> None:
    assert _run(_vault(stored("token", INSERT))).status == "finished"
    assert Product.objects.filter(sku=CANARY).exists()


def test_hp_22_a_database_error_about_a_secret_that_is_stored_twice_shows_no_secret() -> None:
    Product.objects.create(sku=CANARY, name="x", price_cents=1)
    run = _run(_vault(stored("token", INSERT)))
    assert (run.status, run.error_code) == ("failed", "plugin-failed")
    assert "unique" in run.error


def test_hp_22_an_exception_with_the_secret_in_it_leaves_without_it() -> None:
    _vault(answered("token"))
    error = _error_of(lambda value, log: (_ for _ in ()).throw(ValueError(f"cannot use {value}")))
    assert str(error) == f"cannot use {STARS}"


def test_hp_22_an_answer_that_is_refused_is_refused_without_it() -> None:
    def refuse(value: Any, log: CallLog) -> Any:
        raise AnswerRefused(f"no header can be {value[:14]!r}", export="task") from KeyError(value)

    _vault(answered("token"))
    error = _error_of(refuse)
    assert isinstance(error, PluginError)
    assert TOLD not in repr(vars(error)) + str(error) + repr(error.__cause__)


def _error_of(convert: Any) -> BaseException:
    """Call the task with somebody in the host who holds its answer and fails."""
    from wasm_plugins.caller import call_plugin
    from wasm_plugins.registry import find_snapshot

    vault = find_snapshot().plugins["vault"]
    with pytest.raises(Exception) as caught:
        call_plugin(vault, "task", ["{}"], using="default", owns_transaction=True, deadline_ms=5_000, convert=convert)
    for report in _reports(caught.value):
        assert TOLD not in report
    return caught.value


def _reports(error: BaseException) -> list[str]:
    reporter = ExceptionReporter(None, type(error), error, error.__traceback__)
    return [reporter.get_traceback_text(), reporter.get_traceback_html()]


class FailingBackend:
    """An authentication backend of the project that fails and says with what."""

    def authenticate(self, request: Any, **credentials: Any) -> None:
        """Know nobody."""

    def has_perm(self, user: Any, permission: str, obj: Any = None) -> bool:
        """Fail with the permission in the text."""
        raise RuntimeError(f"what is {permission}?")


def test_hp_22_a_host_function_that_fails_while_it_holds_the_secret_mails_none(
    client: Client, settings: Settings
) -> None:
    settings.ADMINS = [("admin", "admin@example.org")]
    backend = "django.contrib.auth.backends.ModelBackend"
    settings.AUTHENTICATION_BACKENDS = [backend, f"{__name__}.FailingBackend"]
    _vault(asked_about("token"))
    client.force_login(User.objects.create_user("ann"), backend=backend)
    client.raise_request_exception = False
    handler = AdminEmailHandler(include_html=True)
    handler.setLevel(logging.ERROR)
    logging.getLogger("django.request").addHandler(handler)
    try:
        assert client.post("/plugins/vault/do", {}, content_type="application/json").status_code == 500
    finally:
        logging.getLogger("django.request").removeHandler(handler)
        handler.close()
    assert any(sent.alternatives for sent in mail.outbox if isinstance(sent, EmailMultiAlternatives))
    for sent in mail.outbox:
        parts = sent.alternatives if isinstance(sent, EmailMultiAlternatives) else []
        whole = "\n".join([str(sent.subject), str(sent.body), *(str(part[0]) for part in parts)])
        assert f"what is {STARS}?" in html.unescape(whole)
        assert TOLD not in whole
    settings.AUTHENTICATION_BACKENDS = [backend]


def test_hp_22_what_a_route_answers_is_its_own_and_reaches_its_caller_only(client: Client) -> None:
    """What a plugin may tell whoever calls it is for the admin to judge who lets it have the secret."""
    _vault(answered("token"))
    set_secret(Plugin.objects.get(), "token", SecretValue('"own business"'))
    client.force_login(User.objects.create_user("ann"))
    assert client.post("/plugins/vault/do", {}, content_type="application/json").json() == "own business"
