"""Lets the plugins that answer a hook act for the user whose request calls it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.utils.decorators import sync_and_async_middleware

from .manager import get_plugin_manager


@sync_and_async_middleware
def acting_user_middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Make ``request.user`` the one that ``authorize`` answers for while a request is answered.

    It stands after ``AuthenticationMiddleware``. The user stays lazy: a request in which no plugin asks loads none.
    """
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> Any:
            with get_plugin_manager().acting_as(request.user):
                return await get_response(request)

        return answer_async

    def answer(request: HttpRequest) -> Any:
        with get_plugin_manager().acting_as(request.user):
            return get_response(request)

    return answer
