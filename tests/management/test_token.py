"""``manage.py plugins token``: a token is shown when it is made, and never again."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from tests.management.ran import failed, ran, shown
from wasm_plugins.exceptions import ManifestError
from wasm_plugins.models import ApiToken, AuditEntry
from wasm_plugins.sealing import SecretValue
from wasm_plugins.tokens import TokenRefused, find_token, make_token

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ada(db: None) -> User:
    """Somebody to act as."""
    return User.objects.create_user("ada", is_staff=True)


def test_create_shows_the_token_once_and_list_never() -> None:
    made = ran("token", "create", "ada", "--name", "laptop", "--act", "upload", "--plugin", "bonus", "--days", "7")
    found = find_token(SecretValue(made["secret"]))
    assert (found.user, found.name, found.acts, found.plugins) == (User.objects.get(), "laptop", ["upload"], ["bonus"])
    assert found.expires_at - found.created_at == timedelta(days=7)
    listed = ran("token", "list", "ada")
    assert [(each["key"], each["state"], each["user"]) for each in listed["tokens"]] == [(found.key, "good", "ada")]
    told = json.dumps(listed) + shown("token", "list") + str(list(AuditEntry.objects.values()))
    assert made["secret"][-64:] not in told
    assert found.digest not in json.dumps(listed) + shown("token", "list")


def test_what_people_see_is_the_token_alone_so_that_it_can_be_piped() -> None:
    assert find_token(SecretValue(shown("token", "create", "ada").strip())).acts == ["log", "see", "upload"]


def test_revoke_ends_a_token_and_says_if_it_had_ended() -> None:
    token, secret = make_token(User.objects.get(), "laptop")
    assert ran("token", "revoke", token.key) == {"key": token.key, "was_revoked_before": False}
    with pytest.raises(TokenRefused):
        find_token(secret)
    assert ran("token", "revoke", token.key)["was_revoked_before"]
    assert ran("token", "list")["tokens"][0]["state"] == "revoked"
    assert AuditEntry.objects.filter(act="token-revoked").count() == 1


def test_the_state_of_a_token_is_told() -> None:
    late, orphan = (make_token(User.objects.get(), name)[0] for name in ("late", "orphan"))
    ApiToken.objects.filter(pk=late.pk).update(expires_at=timezone.now())
    ApiToken.objects.filter(pk=orphan.pk).update(user=None)
    assert {each["name"]: each["state"] for each in ran("token", "list")["tokens"]} == {
        "late": "expired",
        "orphan": "without a user",
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("create",),
        ("revoke",),
        ("create", "nobody"),
        ("create", "ada", "--days", "366"),
        ("create", "ada", "--plugin", "../x"),
        ("create", "ada", "--name", "x" * 101),
        ("list", "--name", "x"),
        ("revoke", "x", "--days", "3"),
    ],
)
def test_a_wrong_call_makes_nothing(arguments: tuple[str, ...]) -> None:
    status, told = failed("token", *arguments)
    assert (status, told["error"]["code"]) == (2, "usage")
    assert not ApiToken.objects.exists()


def test_a_token_that_is_not_there_is_a_failure() -> None:
    assert failed("token", "revoke", "0" * 16)[0] == 1


def test_a_token_is_for_something_and_for_names() -> None:
    ada = User.objects.get()
    for acts in ((), ("everything",)):
        with pytest.raises(ValueError, match="one or more"):
            make_token(ada, "x", acts=acts)
    with pytest.raises(ValueError, match="at most"):
        make_token(ada, "x", plugins=[f"p{number}" for number in range(101)])
    with pytest.raises(ManifestError):
        make_token(ada, "x", plugins=["X"])


def test_a_secret_is_in_no_text_of_its_value() -> None:
    _, secret = make_token(User.objects.get(), "x")
    assert "wpt_" not in f"{secret} {secret!r}"
