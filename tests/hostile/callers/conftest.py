"""Whom the hostile callers are: nobody, somebody without rights, and a browser with a session."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client


@pytest.fixture
def user(db: None) -> User:
    """Somebody who may log in, and no more."""
    return User.objects.create_user("ann", password="ann")


@pytest.fixture
def ann(client: Client, user: User) -> Client:
    """A client with that user's session, for which CSRF is not what is tested."""
    client.force_login(user)
    return client


@pytest.fixture
def strict(user: User) -> Client:
    """A client with that user's session that gets no pardon for a missing CSRF token."""
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    return strict
