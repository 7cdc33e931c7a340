"""What holds for all tests."""

from __future__ import annotations

import signal

# A shell that starts the tests in the background, as a build server may, has them ignore Ctrl-C, and so would every command that
# they start. Commands under test begin as they do in a terminal: a handler here becomes the default in what is executed.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
