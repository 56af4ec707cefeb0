"""The author's command line: make a plugin without a Django project."""
