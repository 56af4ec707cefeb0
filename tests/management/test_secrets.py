"""``manage.py plugins secrets``: values come in by standard input or the environment, and never come out."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.called import called
from tests.components import json_handler, ok, plugin_component
from tests.installed import install
from tests.secret_components import ABSENT, answered
from wasm_plugins.management.plugins.checkup import CHECKS
from wasm_plugins.models import Plugin, Secret

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def plugin(db: None) -> Plugin:
    """A plugin whose task ``tell`` answers its secret ``token``."""
    component = plugin_component("vault", tasks={"tell": json_handler(answered("token"))})
    return install(component, grants={"config": {}})


def _run(*arguments: str) -> Any:
    out = io.StringIO()
    call_command("plugins", "secrets", *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def _status(*arguments: str) -> int:
    with pytest.raises(CommandError) as caught:
        call_command("plugins", "secrets", *arguments, stdout=io.StringIO())
    assert "hunter22" not in str(caught.value)
    return caught.value.returncode


@pytest.mark.parametrize(
    ("given", "value"), [("hunter22", "hunter22"), ("hunter22\n", "hunter22"), ("a\nb\n\n", "a\nb\n")]
)
def test_set_takes_the_value_from_standard_input(monkeypatch: pytest.MonkeyPatch, given: str, value: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(given))
    assert _run("set", "vault", "token") == {"plugin": "vault", "set": ["token"], "warnings": []}
    assert called("vault/tell") == value


def test_set_takes_the_value_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "hunter22")
    _run("set", "vault", "token", "--from-env", "VAULT_TOKEN")
    assert called("vault/tell") == "hunter22"


def test_list_shows_names_and_never_values(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "hunter22")
    call_command("plugins", "secrets", "set", "vault", "token", "--from-env", "VAULT_TOKEN")
    call_command("plugins", "secrets", "list")
    (listed,) = _run("list", "vault")["secrets"]
    assert (listed["plugin"], listed["name"], listed["set_by"]) == ("vault", "token", None)
    shown = capsys.readouterr()
    assert "token" in shown.out
    assert "hunter22" not in shown.out + shown.err
    assert Secret.objects.get().ciphertext not in shown.out


def test_unset_takes_it_away_and_a_second_time_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "hunter22")
    _run("set", "vault", "token", "--from-env", "VAULT_TOKEN")
    assert _run("unset", "vault", "token") == {"plugin": "vault", "unset": ["token"]}
    assert called("vault/tell") == ABSENT
    assert _status("unset", "vault", "token") == 1


def test_rotate_says_of_each_plugin_what_was_encrypted_anew() -> None:
    assert _run("rotate") == {"rotated": {"vault": []}}
    assert _run("rotate", "vault") == {"rotated": {"vault": []}}


@pytest.mark.parametrize(
    "arguments",
    [
        ["set", "vault"],
        ["set"],
        ["list", "vault", "token"],
        ["unset", "vault", "token", "--from-env", "HOME"],
        ["set", "vault", "token", "--from-env", "NO_SUCH_VARIABLE"],
        ["set", "vault", "../token", "--from-env", "HOME"],
    ],
)
def test_a_wrong_call_is_one(arguments: list[str]) -> None:
    assert _status(*arguments) == 2


def test_a_value_that_is_empty_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    assert _status("set", "vault", "token") == 2
    assert not Secret.objects.exists()


def test_a_plugin_that_does_not_exist_is_not_found() -> None:
    assert _status("list", "nobody") == 1


def test_doctor_names_a_secret_that_no_key_decrypts(rq_queue: str) -> None:
    Secret.objects.create(plugin=Plugin.objects.get(), name="lost", ciphertext="v1:AAAA")
    (finding,) = (each for check in CHECKS for each in check() if each.name == "secrets")
    assert not finding.is_good
    assert "vault: lost" in finding.message


def test_a_secret_that_the_plugin_cannot_read_is_set_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "hunter22")
    vault = Plugin.objects.get()
    vault.grants.all().delete()
    install(plugin_component("deaf", tasks={"hum": json_handler(ok("{}"))}))
    for name, said in (("vault", "--grant config"), ("deaf", "does not ask")):
        answer = _run("set", name, "token", "--from-env", "TOKEN")
        assert answer["set"] == ["token"]
        assert [said in each for each in answer["warnings"]] == [True]
    assert Secret.objects.count() == 2
