"""The HTTP API for authors: upload, ask, read logs and enable with a token; there only where a project mounts it."""
