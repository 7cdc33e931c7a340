"""One JSON object a line, in the account's own file, written by the account's own process. Secrets never get
in.

Rotated by size, so that an account that logs in a loop fills neither the disk nor its neighbours' patience.
"""

from __future__ import annotations

import asyncio
import json
import logging
import logging.handlers
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path

from krakencopy.account_proc.contract.spec import LOG_LEVEL

#: 10 MB a file and three old ones: some weeks of an account's normal life.
FILE_BYTES_MAX = 10_000_000
FILES_KEPT = 3


#: Of up to so many secrets each is looked for by itself; of more it is looked first whether a line has the
#: first characters of any.
SECRETS_FEW = 64
BEGIN_LENGTH = 8


class JsonFormatter(logging.Formatter):
    """A record as one JSON object: ``at`` (RFC 3339, UTC), ``level``, ``logger``, ``account``, ``message``,
    ``exception``.

    Where they are known also ``run``, the number of the supervisor's run, and ``instance``, the start of the
    account's process: what the API calls epoch and instance_id, so that lines can be distinguished by what
    wrote them.
    """

    def __init__(
        self, account_id: str, secrets: Iterable[str] = (), *, run: int = 0, instance_id: str = ""
    ) -> None:
        super().__init__()
        self._account_id = account_id
        self._instance_id = instance_id
        self._secrets: tuple[str, ...] = ()
        #: How each of them begins, all by the same length.
        self._begins: frozenset[str] = frozenset()
        self._begin_length = 0
        #: 0 while it is not known.
        self.run = run
        self.hide(*secrets)

    def hide(self, *secrets: str) -> None:
        """Blots these out as well from now on."""
        self._secrets = tuple(dict.fromkeys((*self._secrets, *filter(None, secrets))))
        self._begin_length = min((BEGIN_LENGTH, *map(len, self._secrets)))
        self._begins = frozenset(secret[: self._begin_length] for secret in self._secrets)

    def format(self, record: logging.LogRecord) -> str:
        """The line, with every secret redacted."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            "level": record.levelname,
            "logger": record.name,
            "account": self._account_id,
            **({"run": self.run} if self.run else {}),
            **({"instance": self._instance_id} if self._instance_id else {}),
            "message": self._blot(record.getMessage()),
        }
        if record.exc_info:
            line["exception"] = self._blot(self.formatException(record.exc_info))
        return _shown(json.dumps(line, ensure_ascii=False))

    def _blot(self, text: str) -> str:
        # The supervisor's log has two of each account: most lines have the beginning of none.
        if len(self._secrets) > SECRETS_FEW:
            size = self._begin_length
            if self._begins.isdisjoint([text[at : at + size] for at in range(len(text) - size + 1)]):
                return text
        for secret in self._secrets:
            text = text.replace(secret, "[redacted]")
        return text


def _shown(line: str) -> str:
    """The same JSON, with what cannot be shown as its number: characters for control and for the direction of
    writing, which a terminal would act on, and halves of characters, which no file takes.
    """
    if line.isprintable():
        return line
    return "".join(sign if sign.isprintable() else json.dumps(sign)[1:-1] for sign in line)


class _NoCancellations(logging.Filter):
    """gRPC logs each stream that the end of the server cuts off as an error; it is none."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


class _OwnFile(logging.handlers.RotatingFileHandler):
    """Follows no link, which may lead to a file of somebody else's."""

    def _open(self) -> TextIOWrapper:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.fdopen(os.open(self.baseFilename, flags, 0o600), "a", encoding=self.encoding)


def log_to(
    path: Path,
    account_id: str,
    secrets: Iterable[str] = (),
    *,
    run: int = 0,
    instance_id: str = "",
    level: str = LOG_LEVEL,
) -> JsonFormatter:
    """Sends all logging of this process to a file, mode 0600. What it returns can be given secrets that
    come later.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handler = _OwnFile(path, maxBytes=FILE_BYTES_MAX, backupCount=FILES_KEPT, encoding="utf-8")
    formatter = JsonFormatter(account_id, secrets, run=run, instance_id=instance_id)
    handler.setFormatter(formatter)
    handler.addFilter(_NoCancellations())
    # A full disk must not drown standard error in tracebacks of the log itself; what hangs on the disk says
    # so by itself.
    logging.raiseExceptions = False
    logging.getLogger().handlers[:] = [handler]
    set_levels(level)
    return formatter


def set_levels(level: str = LOG_LEVEL) -> None:
    """From which levels on is logged, by us and by libraries. A level that is right already is left alone:
    setting one writes to all loggers, which a forked process shares until then.
    """
    wanted = {"": level, **dict.fromkeys(("urllib3", "websockets", "asyncio", "grpc", "grpclib"), "WARNING")}
    for name, said in wanted.items():
        logger = logging.getLogger(name)
        if logging.getLevelName(logger.level) != said:
            logger.setLevel(said)
