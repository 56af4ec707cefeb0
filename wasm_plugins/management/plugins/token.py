"""``plugins token``: make, list and revoke tokens of the HTTP API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.management.base import CommandParser
from django.views.decorators.debug import sensitive_variables

from ...exceptions import ManifestError, PluginError
from ...models import ApiToken
from ...tokens import DEFAULT_ACTS, make_token, revoke_token
from .answer import Answer, Usage, table

HELP: Final = "Make, list and revoke tokens of the HTTP API; a token is shown once."
_VERBS: Final = ("create", "list", "revoke")


def add_arguments(parser: CommandParser) -> None:
    """Take what to do, and whom or what it is about."""
    parser.add_argument("verb", choices=_VERBS, metavar="VERB", help="create, list or revoke.")
    parser.add_argument("what", nargs="?", metavar="USER|KEY", help="Whose token to create or list; which to revoke.")
    parser.add_argument("--name", help="With create: what it is for.")
    parser.add_argument(
        "--act", action="append", choices=ApiToken.Act.values, help="With create: what it may be used for."
    )
    parser.add_argument("--plugin", action="append", default=[], metavar="NAME", help="With create: for which plugin.")
    parser.add_argument("--days", type=int, metavar="N", help="With create: how long it is good.")


def run(options: Mapping[str, Any]) -> Answer:
    """Do it."""
    verb, what = options["verb"], options["what"]
    if verb != "list" and what is None:
        raise Usage(f"token {verb} takes {'USER' if verb == 'create' else 'KEY'}")
    given = [name for name in ("name", "act", "plugin", "days") if options[name]]
    if verb != "create" and given:
        raise Usage(f"--{given[0]} is for token create")
    if verb == "create":
        return _create(what, options)
    return _list(what) if verb == "list" else _revoke(what)


@sensitive_variables("text", "data")
def _create(username: str, options: Mapping[str, Any]) -> Answer:
    user = _user(username)
    if not getattr(user, "is_staff", False):
        raise Usage(f"{username[:150]} is no staff: the API would refuse the token")
    try:
        token, text = make_token(
            user,
            options["name"] or "made by a command",
            acts=options["act"] or DEFAULT_ACTS,
            plugins=options["plugin"],
            days=options["days"],
        )
    except (ValueError, ManifestError) as error:
        raise Usage(str(error)) from error
    data = {**_described(token), "secret": text.reveal()}
    return Answer(data, text.reveal())


def _list(username: str | None) -> Answer:
    tokens = ApiToken.objects.select_related("user")
    if username is not None:
        tokens = tokens.filter(user=_user(username))
    described = [_described(token) for token in tokens]
    lines = [
        (
            each["key"],
            each["user"] or "-",
            each["name"],
            each["state"],
            *map(_short, (each["last_used_at"], each["expires_at"])),
        )
        for each in described
    ]
    text = table(("KEY", "USER", "NAME", "STATE", "LAST USED", "EXPIRES"), lines) if lines else "There are no tokens."
    return Answer({"tokens": described}, text)


def _revoke(key: str) -> Answer:
    token = ApiToken.objects.filter(key=key).first()
    if token is None:
        raise PluginError(f"there is no token {key[:64]}; plugins token list shows those that there are")
    was_good = revoke_token(token)
    text = f"{token.key} is revoked" if was_good else f"{token.key} was revoked before"
    return Answer({"key": token.key, "was_revoked_before": not was_good}, text)


def _user(username: str) -> Any:
    users = get_user_model()
    try:
        return users._default_manager.get_by_natural_key(username)
    except users.DoesNotExist:
        raise Usage(f"there is no user {username[:150]}") from None


def _described(token: ApiToken) -> dict[str, Any]:
    return {
        "key": token.key,
        "name": token.name,
        "user": None if token.user is None else token.user.get_username(),
        "acts": token.acts,
        "plugins": token.plugins,
        "state": _state(token),
        "created_at": token.created_at,
        "last_used_at": token.last_used_at,
        "expires_at": token.ends_at,
    }


def _state(token: ApiToken) -> str:
    if token.revoked_at is not None:
        return "revoked"
    if not token.has_user:
        return "without a user"
    return "expired" if token.is_expired else "good"


def _short(moment: Any) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M}"
