"""The site under a strict policy, and the three kinds of staff who use it, each at a browser of his own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from django.conf import settings as project_settings
from django.contrib.auth.models import Permission, User
from django.test import Client, override_settings
from pytest_django.live_server_helper import LiveServer

from tests.browser.person import Person, person
from tests.browser.policy import MIDDLEWARE
from tests.browser_session import Browser
from wasm_plugins.registry import registry

Staff = Callable[..., Person]

VIEWER = ("view_plugin", "view_pluginversion", "view_taskrun", "view_storedobject")
OPERATOR = (*VIEWER, "upload_plugin", "run_plugin", "tune_plugin")
APPROVER = (
    *OPERATOR,
    "approve_plugin",
    "change_plugin",
    "view_auditentry",
    "view_secret",
    "change_secret",
    "view_trustedkey",
)


@pytest.fixture(scope="session")
def live_server(real_parts: object) -> Iterator[LiveServer]:
    """Serve the site, with the policy on every page; its handler reads the middleware once, when it starts."""
    with override_settings(MIDDLEWARE=[MIDDLEWARE, *project_settings.MIDDLEWARE]):
        server = LiveServer("localhost")
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def fresh_registry() -> Iterator[None]:
    """Let the process, which serves the site too, forget the plugins of other tests."""
    registry.invalidate()
    yield
    registry.invalidate()


@pytest.fixture
def staff(browser: Browser, live_server: LiveServer, transactional_db: None) -> Iterator[Staff]:
    """Log in a staff user with some of this app's permissions, by codename, and give him a browser."""
    with ExitStack() as windows:

        def make(name: str, *codenames: str) -> Person:
            user = User.objects.create_user(name, is_staff=True)
            found = Permission.objects.filter(content_type__app_label="wasm_plugins", codename__in=codenames)
            assert len(found) == len(set(codenames))
            user.user_permissions.set(found)
            client = Client()
            client.force_login(user)
            return windows.enter_context(person(browser, live_server.url, client))

        yield make


@pytest.fixture
def viewer(staff: Staff) -> Person:
    """Somebody who may look at everything and do nothing."""
    return staff("vera", *VIEWER)


@pytest.fixture
def operator(staff: Staff) -> Person:
    """Somebody who brings plugins in, runs them and wakes them up, and grants nothing."""
    return staff("otto", *OPERATOR)


@pytest.fixture
def approver(staff: Staff) -> Person:
    """Somebody who decides which plugin may do what."""
    return staff("ada", *APPROVER)


@pytest.fixture
def nobody(staff: Staff) -> Person:
    """Somebody who may enter the admin and has no permission there."""
    return staff("nora")


@pytest.fixture
def visitor(browser: Browser, live_server: LiveServer, transactional_db: None) -> Iterator[Person]:
    """Somebody who is not logged in."""
    with person(browser, live_server.url) as somebody:
        yield somebody
