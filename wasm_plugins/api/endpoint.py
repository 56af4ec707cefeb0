"""What every address of the API begins with: a token in the header, its user's permission, and one form of errors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final

from django.contrib.auth.decorators import login_not_required
from django.db import InterfaceError, OperationalError, transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables

from .. import audit
from ..admin import permissions
from ..exceptions import PluginError
from ..models import ApiToken
from ..sealing import SecretValue
from ..tokens import TokenRefused, find_token, note_use
from .refusals import Refusal, error_response, refusal_response

Act = ApiToken.Act

logger = logging.getLogger(__name__)

_PERMITTED: Final[Mapping[str, Callable[[HttpRequest], bool]]] = {
    Act.SEE: permissions.may_see,
    Act.LOG: lambda request: request.user.has_perm("wasm_plugins.view_taskrun"),
    Act.UPLOAD: permissions.may_upload,
    Act.ENABLE: permissions.may_approve,
    Act.GRANT: permissions.may_approve,
}
"""What the token's user must be allowed for each act: what the admin asks of him as well."""

_CHANGES: Final = frozenset({Act.UPLOAD, Act.ENABLE, Act.GRANT})
"""Acts that are written down also where they were refused."""

View = Callable[..., HttpResponse]


def endpoint(act: str | None, *methods: str) -> Callable[[View], View]:
    """Make a view of a function that takes the request and the token, and what the address names.

    The user is the token's, whoever is logged in: a cookie means nothing here, which is why there is no CSRF check. A
    page of another site can make a browser send cookies, but not this header.

    Args:
        act: What the token must be for; ``None`` is what every token may.
        methods: The methods that it takes; none means any.
    """

    def decorate(view: View) -> View:
        @login_not_required  # the token is asked for below, and a program knows no page to log in
        @csrf_exempt
        @transaction.non_atomic_requests  # nothing is held while a component is compiled
        @wraps(view)
        def answer(request: HttpRequest, **named: str) -> HttpResponse:
            try:
                token = _authenticated(request)
                with audit.by_token(token.key):
                    return _answered(view, request, token, named)
            except Refusal as refusal:
                return refusal_response(refusal)
            except PluginError as error:
                return error_response(error)
            except (OperationalError, InterfaceError):
                logger.exception("the database went away")
                return refusal_response(Refusal("database-lost", "the server's database went away"))

        def _answered(view: View, request: HttpRequest, token: ApiToken, named: Mapping[str, str]) -> HttpResponse:
            if methods and request.method not in methods:
                taken = ", ".join(methods)
                raise Refusal("method-not-allowed", f"this address takes {taken}", Allow=taken)
            try:
                if act is not None:
                    check_allowed(request, token, act, named.get("name"))
                return view(request, token, **named)
            except Refusal as refusal:
                _write_down(token, act, refusal, named)
                raise

        return answer

    return decorate


def is_allowed(request: HttpRequest, token: ApiToken, act: str, plugin: str) -> bool:
    """Tell whether the token is for something, and its user may do it."""
    return token.allows(act, plugin) and _PERMITTED[act](request)


def check_allowed(request: HttpRequest, token: ApiToken, act: str, plugin: str | None) -> None:
    """Refuse what the token is not for, and what its user may not.

    Raises:
        Refusal: One of both.
    """
    if not token.allows(act, plugin):
        raise Refusal("not-allowed", f"the token is not for this: it would have to allow {act}", plugin=plugin)
    if not _PERMITTED[act](request):
        raise Refusal("not-allowed", f"the token's user lacks the permission that {act} needs", plugin=plugin)


@sensitive_variables()
def _authenticated(request: HttpRequest) -> ApiToken:
    """Return the token in the request's header, and make its user the request's.

    Raises:
        Refusal: There is none, or it is not good.
    """
    scheme, _, rest = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer" or not rest.strip():
        raise Refusal("token-missing", "send a token: Authorization: Bearer …")
    try:
        token = find_token(SecretValue(rest.strip()))
    except TokenRefused as refused:
        logger.warning("a token was refused: %s", refused)
        said = "the token's time is over" if refused.code == "token-expired" else "the token is not good"
        raise Refusal(refused.code, said) from None
    assert token.user is not None  # or it would not have been found
    request.user = token.user
    note_use(token)
    return token


def _write_down(token: ApiToken, act: str | None, refusal: Refusal, named: Mapping[str, Any]) -> None:
    """Add to the audit trail that a change was refused before it began; not what only has to be sent once more."""
    if act in _CHANGES and refusal.code not in ("too-many-requests", "server-busy", "method-not-allowed"):
        audit.record_act(token.user, str(act), named.get("name"), outcome=refusal.code)
