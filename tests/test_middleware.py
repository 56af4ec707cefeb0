"""With the middleware, a plugin that answers a hook in a view acts for the user of the request."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.utils.functional import SimpleLazyObject

from wasm_plugins.caller import acting_user
from wasm_plugins.middleware import acting_user_middleware


def request_of(user: Any) -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = user
    return request


def seen(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(acting_user.get()))


def test_the_user_of_the_request_acts_while_it_is_answered_and_nobody_after() -> None:
    response = acting_user_middleware(seen)(request_of(User(username="ann")))
    assert response.content == b"ann"
    assert acting_user.get() is None


def test_the_same_in_an_async_project() -> None:
    async def seen_async(request: HttpRequest) -> HttpResponse:
        return seen(request)

    response = async_to_sync(acting_user_middleware(seen_async))(request_of(AnonymousUser()))
    assert response.content == b"AnonymousUser"


def test_a_request_in_which_no_plugin_asks_loads_no_user() -> None:
    lazy = SimpleLazyObject(lambda: pytest.fail("the user was loaded"))
    response = acting_user_middleware(lambda request: HttpResponse("nobody asked"))(request_of(lazy))
    assert response.content == b"nobody asked"
