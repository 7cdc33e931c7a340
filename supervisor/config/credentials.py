"""API keys from the environment, from files that only their owner can read, or from an operator's command.

No message, name or repr here shows a key or a secret, or text of a file or a command that was meant to hold
them. It must not know what is done with the keys afterwards.

Variables and files are read anew for each start of a process. A command is run once and its answer kept in
memory until the supervisor ends: a password manager may ask a person, and a process that has to be started
again at three in the morning must not wait for one. So a new key from a password manager takes a new start of
the supervisor, or a reload with another command.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import os
import re
import shlex
import stat
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from krakencopy.account_proc.contract.spec import Credentials
from krakencopy.supervisor.config.brokers import speaks_kraken
from krakencopy.supervisor.config.credentials_command import CommandFailed, output_of
from krakencopy.supervisor.config.model import AccountConfig, Config
from krakencopy.supervisor.config.reader import ConfigFault, ConfigFaults
from krakencopy.supervisor.config.toml_table import show

#: Two short lines; whatever is larger is something else.
SOURCE_BYTES_MAX = 4096
_GROUP_AND_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
#: An EC or Ed25519 private key in PEM, as Coinbase gives out; RSA keys, as Binance has them, are the longest.
_PEM = "-----BEGIN "
_PEM_LENGTH_MAX = 3500
_NO_SPACES = re.compile(r"[!-~]{1,256}", re.ASCII)
_FILE_RULE = 'write two lines: key = "..." and secret = "..."'
_COMMAND_RULE = (
    'have it print the key and the secret on two lines, or as JSON: {"key": "...", "secret": "..."}'
)
_SECRET_OF_ENVIRONMENT = re.compile(
    r"(KRAKEN_.*|[A-Z0-9_]+_(MASTER|USER_.*))_API_(KEY|SECRET)", re.ASCII | re.DOTALL
)

#: What a source of credentials says is wrong with it: the problem and the remedy.
_MakeFault = Callable[[str, str], ConfigFaults]


class CredentialSource:
    """Where a run's credentials come from; whole for its configuration from the start on, whatever becomes
    of that.
    """

    def __init__(self, config: Config, environ: Mapping[str, str], base_dir: Path) -> None:
        """Loads every account's once. Raises ConfigFaults."""
        self._environ = environ
        self._base_dir = base_dir
        #: What commands have answered, by account, with the command.
        self._kept: dict[str, tuple[tuple[str, ...], Credentials]] = {}
        self._keep(config, load_all_credentials(config, environ, base_dir))

    def __call__(self, account: AccountConfig) -> Credentials:
        """For one start of the account's process. Raises ConfigFaults."""
        return self._known(account) or load_credentials(account, self._environ, self._base_dir)

    async def prepare(self, config: Config, touched: Collection[str]) -> Mapping[str, Credentials]:
        """Those of accounts that another configuration adds or changes, by id. Nothing is kept yet.

        Only commands that are new are run. The other accounts' credentials are looked at as far as they can
        be read: no two may be the same. Raises ConfigFaults with all that is wrong.
        """
        # A command may ask a person.
        return await asyncio.to_thread(self._load_touched, config, touched)

    async def fetch(self, config: Config, account_id: str) -> Credentials:
        """What the account's source gives now; its command is run again. Raises ConfigFaults, also where
        another account has the same key.
        """
        loaded = await asyncio.to_thread(self._load_touched, config, [account_id], anew=True)
        return loaded[account_id]

    def keep(self, account: AccountConfig, credentials: Credentials) -> None:
        """From now on this is what its command has answered."""
        if account.credentials_command is not None:
            self._kept[account.id] = account.credentials_command, credentials

    def _load_touched(
        self, config: Config, touched: Collection[str], *, anew: bool = False
    ) -> Mapping[str, Credentials]:
        others: dict[str, Credentials] = {}
        for account in config.accounts:
            with suppress(ConfigFaults):
                if account.id not in touched:
                    others[account.id] = self(account)
                elif not anew and (known := self._known(account)) is not None:
                    others[account.id] = known
        unread = [account.id for account in config.accounts if account.id not in {*touched, *others}]
        loaded = load_all_credentials(config, self._environ, self._base_dir, others, unread)
        return {account_id: loaded[account_id] for account_id in touched}

    async def open_accounts(self, config: Config) -> None:
        """They are at the exchange."""

    def use_config(self, config: Config, loaded: Mapping[str, Credentials]) -> None:
        """From now on the run has this configuration, with what was prepared for it. Not before it is kept:
        of one that is not, what the commands of the one before have answered is needed on.
        """
        self._keep(config, loaded)

    def _known(self, account: AccountConfig) -> Credentials | None:
        """What the account's command has answered already."""
        command, credentials = self._kept.get(account.id, (None, None))
        return credentials if command is not None and command == account.credentials_command else None

    def _keep(self, config: Config, loaded: Mapping[str, Credentials]) -> None:
        with_command = {
            account.id: account.credentials_command
            for account in config.accounts
            if account.credentials_command is not None
        }
        answers = {account_id: kept for account_id, kept in self._kept.items() if account_id in with_command}
        answers |= {
            account_id: (command, loaded[account_id])
            for account_id, command in with_command.items()
            if account_id in loaded
        }
        self._kept = answers


def load_all_credentials(
    config: Config,
    environ: Mapping[str, str],
    base_dir: Path,
    known: Mapping[str, Credentials] | None = None,
    left_out: Collection[str] = (),
) -> dict[str, Credentials]:
    """Every account's credentials by id, commands run one after another. Raises ConfigFaults with all that is
    wrong.

    What is ``known`` is not loaded again, and accounts that are ``left_out`` are not asked for theirs.
    """
    loaded: dict[str, Credentials] = dict(known or {})
    faults: list[ConfigFault] = []
    for index, account in enumerate(config.accounts):
        if account.id in loaded or account.id in left_out:
            continue
        table = f"{config.source}: accounts[{index}]"
        try:
            loaded[account.id] = load_credentials(account, environ, base_dir, table)
        except ConfigFaults as found:
            faults += found.faults
    try:
        check_credentials(config, loaded)
    except ConfigFaults as found:
        faults += found.faults
    if faults:
        raise ConfigFaults(faults)
    return loaded


def load_credentials(
    account: AccountConfig, environ: Mapping[str, str], base_dir: Path, table: str = "accounts[]"
) -> Credentials:
    """One account's key and secret.

    From ``credentials_file``, relative to ``base_dir``, or ``credentials_command``, run there, if the account
    has one of them, and from its environment variables otherwise. ``table`` is the account's place in the
    configuration, for messages. Raises ConfigFaults.
    """
    if account.credentials_command is not None:
        place = f"{table}.credentials_command"
        values = _ask(account.credentials_command, environ, base_dir, _faults_of(place, account.id))
        return _checked(place, account, values, ("key", "secret"))
    if account.credentials_file is not None:
        path = base_dir / account.credentials_file
        values = _read_file(path, _faults_of(str(path), account.id))
        return _checked(str(path), account, values, ("key", "secret"))
    names = account.credential_variables
    missing = [name for name in names if not environ.get(name, "").strip()]
    if missing:
        problem = f"no API {' and no '.join('key' if name == names[0] else 'secret' for name in missing)}"
        remedy = f"set {' and '.join(missing)}, or name a credentials_file or a credentials_command"
        raise ConfigFaults([ConfigFault("environment", "", problem, remedy, account.id)])
    return _checked("environment", account, {name: environ[name] for name in names}, names)


def check_credentials(config: Config, loaded: Mapping[str, Credentials]) -> None:
    """Two accounts with one key would break each other's nonces. Raises ConfigFaults that name them, not
    the key.
    """
    first: dict[str, str] = {}
    faults: list[ConfigFault] = []
    for account in config.accounts:
        if account.id not in loaded:
            continue
        other = first.setdefault(loaded[account.id].key, account.id)
        if other != account.id:
            problem = f"{show(other)} and {show(account.id)} have the same API key"
            faults.append(ConfigFault(config.source, "", problem, "make a key of its own for each account"))
    if faults:
        raise ConfigFaults(faults)


def without_credentials(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment for processes that get their one key by other means."""
    return {name: value for name, value in environ.items() if not _SECRET_OF_ENVIRONMENT.fullmatch(name)}


def _faults_of(source: str, account_id: str) -> _MakeFault:
    return lambda problem, remedy: ConfigFaults([ConfigFault(source, "", problem, remedy, account_id)])


def _ask(
    command: tuple[str, ...], environ: Mapping[str, str], base_dir: Path, fault: _MakeFault
) -> Mapping[str, Any]:
    """What a command answers; nothing of its output is shown or chained."""
    try:
        output = output_of(command, without_credentials(environ), base_dir, SOURCE_BYTES_MAX)
    except CommandFailed as failed:
        raise fault(f"{show(command[0])} {failed}", "run the command by hand to see why") from None
    try:
        text = output.decode("utf-8").strip()
        if text.startswith("{"):
            return _only_key_and_secret(json.loads(text), fault, _COMMAND_RULE)
    # An error of the parser could quote the secret.
    except (ValueError, RecursionError):
        raise fault(
            f"{show(command[0])} printed something else than a key and a secret", _COMMAND_RULE
        ) from None
    lines = [line.strip() for line in text.splitlines()]
    if len(lines) > 2 and lines[1].startswith(_PEM):
        lines[1:] = ["\n".join(lines[1:])]
    if len(lines) != 2 or not all(lines):
        raise fault(f"{show(command[0])} did not print two lines", _COMMAND_RULE)
    return dict(zip(("key", "secret"), lines, strict=True))


def _read_file(path: Path, fault: _MakeFault) -> Mapping[str, Any]:
    try:
        with _opened(path, fault) as descriptor:
            content = _read(descriptor, SOURCE_BYTES_MAX + 1)
    except OSError as error:
        raise fault(f"cannot be read: {error.strerror}", "correct credentials_file or the file") from None
    except ValueError:  # a NUL in the path
        raise fault("cannot be a path", "correct credentials_file") from None
    if len(content) > SOURCE_BYTES_MAX:
        raise fault(f"larger than {SOURCE_BYTES_MAX} bytes", _FILE_RULE)
    try:
        values = tomllib.loads(content.decode("utf-8"))
    # As above.
    except (ValueError, RecursionError):
        raise fault("not TOML", _FILE_RULE) from None
    return _only_key_and_secret(values, fault, _FILE_RULE)


@contextmanager
def _opened(path: Path, fault: _MakeFault) -> Iterator[int]:
    """A descriptor of a file that this user alone can read, and that nobody else can have put there.
    Raises OSError.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        _check_folder(path.parent, os.fstat(folder), fault)
        # By the folder that was checked. O_NONBLOCK: opening a named pipe must not wait for its writer.
        if stat.S_ISLNK(os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise fault("is a symbolic link", "name the file itself in credentials_file")
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
        descriptor = os.open(path.name, flags, dir_fd=folder)
    finally:
        os.close(folder)
    try:
        # Asked of the open file, so that it is the file that is read.
        _check_file(path, os.fstat(descriptor), fault)
        yield descriptor
    finally:
        os.close(descriptor)


def _check_folder(folder: Path, status: os.stat_result, fault: _MakeFault) -> None:
    """A user who can write to the folder can put another file in the place of this one."""
    # In a sticky folder, such as /tmp, only a file's owner can.
    if status.st_mode & _WRITABLE_BY_OTHERS and not status.st_mode & stat.S_ISVTX:
        problem = f"group or others can write to its folder (mode {stat.S_IMODE(status.st_mode):04o})"
        raise fault(problem, f"run: chmod go-w {shlex.quote(str(folder))}")
    if status.st_uid not in {0, os.geteuid()}:
        raise fault(
            f"its folder belongs to another user (uid {status.st_uid})", "put it into a folder of your own"
        )


def _check_file(path: Path, status: os.stat_result, fault: _MakeFault) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise fault("not a regular file", "correct credentials_file")
    if status.st_uid != os.geteuid():
        problem = f"belongs to another user (uid {status.st_uid}, not {os.geteuid()})"
        raise fault(problem, "make a file of your own")
    if status.st_mode & _GROUP_AND_OTHERS:
        problem = f"group or others have access (mode {stat.S_IMODE(status.st_mode):04o})"
        raise fault(problem, f"run: chmod 600 {shlex.quote(str(path))}")


def _read(descriptor: int, length: int) -> bytes:
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        return file.read(length)


def _only_key_and_secret(values: Mapping[str, Any], fault: _MakeFault, rule: str) -> Mapping[str, Any]:
    if values.keys() != {"key", "secret"}:
        raise fault("needs key and secret, and nothing else", rule)
    return values


def _checked(
    source: str, account: AccountConfig, values: Mapping[str, Any], names: tuple[str, str]
) -> Credentials:
    """The credentials, if they can be any; ``names`` are those of key and secret in ``values``."""
    key, secret = (value.strip() if isinstance(value := values[name], str) else "" for name in names)
    faults: list[ConfigFault] = []
    if not _NO_SPACES.fullmatch(key):
        problem = "not an API key: empty, too long, or with spaces or other letters than ASCII"
        faults.append(ConfigFault(source, names[0], problem, "copy it again from the exchange", account.id))
    if speaks_kraken(account.broker):
        # Kraken: the private key is base64, and signing starts with decoding it.
        problem = "" if _is_base64(secret) else "not base64, so not an API secret"
    elif secret.startswith(_PEM):
        # Variables and JSON often carry the ends of its lines as two characters.
        secret = secret.replace("\\n", "\n").rstrip()
        problem = "" if _is_pem(secret) else "not the whole of a private key"
    else:
        problem = "" if _NO_SPACES.fullmatch(secret) else "not an API secret: empty, too long, or with spaces"
    if problem:
        faults.append(ConfigFault(source, names[1], problem, "copy it again from the exchange", account.id))
    if faults:
        raise ConfigFaults(faults)
    return Credentials(key=key, secret=secret)


def _is_pem(text: str) -> bool:
    lines = text.split("\n")
    return (
        len(text) <= _PEM_LENGTH_MAX
        and text.isascii()
        and len(lines) > 2
        and lines[-1].startswith("-----END ")
        and lines[-1].endswith("-----")
    )


def _is_base64(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) > 0
    # ValueError: letters other than ASCII.
    except (binascii.Error, ValueError):
        return False
