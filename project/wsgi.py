"""The shop for WSGI servers."""

from __future__ import annotations

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

application = get_wsgi_application()

get_resolver().url_patterns  # noqa: B018  else the first request imports them
# What is there now stays. Each full collection would look through it, for 80 ms in which no thread of a worker answers.
gc.collect()
gc.freeze()
