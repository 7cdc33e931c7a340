"""`python -m krakencopy.paper_exchange`: exit 0 when it was stopped, 78 for a bad command line or replay
file, 1 for a taken port.
"""

import asyncio
import gc
import logging
import sys
from typing import Final

from krakencopy.paper_exchange import options
from krakencopy.paper_exchange.market import replay
from krakencopy.paper_exchange.values.errors import ConfigurationError

# sysexits.h EX_CONFIG: a supervisor does not start it again.
EXIT_CONFIGURATION: Final = 78


def _not_a_dead_client(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], ConnectionResetError))


def main() -> int:
    """Run the exchange; its exit code."""
    try:
        wanted = options.parse(sys.argv[1:])
        past = None if wanted.replay is None else replay.load(wanted.replay, wanted.speed)
    except ConfigurationError as error:
        sys.stderr.write(f"paper_exchange: {error}\n")
        return EXIT_CONFIGURATION
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO if wanted.verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    # A client that died while its answer was written: what tests do all the time.
    logging.getLogger("aiohttp.server").addFilter(_not_a_dead_client)
    # The server is imported late: a bad command line is answered at once.
    from krakencopy.paper_exchange import server

    # What was imported lives to the end: a collection need not look at it again.
    gc.collect()
    gc.freeze()
    try:
        asyncio.run(server.run(wanted, past))
    except OSError as error:
        sys.stderr.write(f"paper_exchange: {wanted.host}:{wanted.port}: {error.strerror or error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
