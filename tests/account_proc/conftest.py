"""Property tests are judged by what they find, not by how fast a shared machine is."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("account_proc", deadline=None, print_blob=True)
settings.load_profile("account_proc")
