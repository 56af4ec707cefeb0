"""``manage.py shop_setup``: the demo login, where a demo is what runs."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from project import environment

DEMO_NAME = "demo"


class Command(BaseCommand):
    """Create the superuser ``demo`` with the password ``demo``, or put its password back."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        """Refuse unless DEBUG is on or SHOP_DEMO=1: everybody knows this password."""
        if not (settings.DEBUG or environment.is_set("DEMO", default=False)):
            raise CommandError("the demo login is for DEBUG or SHOP_DEMO=1 only; use createsuperuser")
        users = get_user_model()
        user, _ = users.objects.get_or_create(username=DEMO_NAME, defaults={"email": "demo@example.org"})
        user.is_staff = user.is_superuser = user.is_active = True
        user.set_password(DEMO_NAME)
        user.save()
        self.stdout.write(f"Login: {DEMO_NAME} / {DEMO_NAME}")
