"""Where everything of REST is."""

from __future__ import annotations

PREFIX = "/api/v1"
