"""What holds for all tests."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

# A shell that starts the tests in the background, as a build server may, has them ignore Ctrl-C, and so would
# every command that they start. Commands under test begin as they do in a terminal: a handler here becomes
# the default in what is executed.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Property tests draw the same examples every time, so that a change is judged by itself; `make fuzz` draws
# new ones. They are judged by what they find, not by how fast a shared machine is.
settings.register_profile("same", deadline=None, print_blob=True, derandomize=True)
settings.register_profile("new", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
