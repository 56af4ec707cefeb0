"""Staff users of the admin, each logged in with Django's client and with the permissions that a test gives."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.admin.pages import Staff

MakeStaff = Callable[..., Staff]


@pytest.fixture
def staff(db: None) -> MakeStaff:
    """Log in a staff user with some of this app's permissions, by codename; CSRF is enforced if asked for."""
    numbers = count(1)

    def make(*codenames: str, enforce_csrf: bool = False) -> Staff:
        user = User.objects.create_user(f"staff-{next(numbers)}", is_staff=True)
        permissions = Permission.objects.filter(content_type__app_label="wasm_plugins", codename__in=codenames)
        assert len(permissions) == len(codenames)
        user.user_permissions.set(permissions)
        return Staff(user, Client(enforce_csrf_checks=enforce_csrf))

    return make


@pytest.fixture
def root(db: None) -> Staff:
    """A superuser, logged in."""
    return Staff(User.objects.create_superuser("root"), Client())


@pytest.fixture
def viewer(staff: MakeStaff) -> Staff:
    """Somebody who may look at everything and do nothing."""
    return staff("view_plugin", "view_taskrun", "view_storedobject")


@pytest.fixture
def uploader(staff: MakeStaff) -> Staff:
    """Somebody who may only upload."""
    return staff("upload_plugin")


@pytest.fixture
def approver(staff: MakeStaff) -> Staff:
    """Somebody who may only approve."""
    return staff("approve_plugin")


@pytest.fixture
def nobody(staff: MakeStaff) -> Staff:
    """Somebody who may enter the admin and has no permission there."""
    return staff()
