"""How an account's process last ended, as a short story: when, how, what that means, what to do. Pure: a
message in, lines out.
"""

from __future__ import annotations

from krakencopy.client.views.formats import local_time, nanoseconds, plain, word
from krakencopy.v1 import types_pb2 as nouns

_DEFECT = "That is a defect: please report it with the lines below and those of the account's log."
_THEN_START = "then `krakencopy start {id}`"
#: What an exit code of an account's process says, and what to do.
CODES = {
    0: "It was asked to end by someone else than its supervisor, as with SIGTERM. Its log says when: "
    "`krakencopy logs {id}`.",
    70: f"An error that nobody expected ended it. {_DEFECT}",
    74: "Its ledger cannot be read or written, or has lost something. Do what the last line says; it is "
    "started again by itself.",
    76: f"Another process has its nonce file or its API key. Stop that one, {_THEN_START}.",
    77: f"Its key or its nonce cannot be used. Do what the last line says, {_THEN_START}.",
    78: f"It cannot work with its configuration. Correct what the last line says, {_THEN_START}.",
    79: f"Its key opens another account than its ledger is about. Do what the last line says, {_THEN_START}.",
    80: f"Its ledger belongs to another run. Do what the last line says, {_THEN_START}.",
    83: "The disk is full. Make room: it is started again by itself.",
    82: "A newer version of krakencopy has written its ledger. Install that version again, or a later one, "
    f"{_THEN_START}.",
    81: f"Another program uses its key. Stop that one, or make a key for this account alone, {_THEN_START}.",
}
_OTHER_CODE = f"None of krakencopy's own exit codes. {_DEFECT}"
_NATIVE = (
    "It crashed in native code (a library, Python itself, or broken memory); the stacks below say where. "
    + _DEFECT
)
#: What a signal says that nobody here has sent.
_SIGNALS = {
    "SIGKILL": "Nobody here sent it. Usually the machine was out of memory: see `journalctl -k` or `dmesg` "
    'for "Out of memory". '
    "Otherwise somebody killed it.",
    "SIGTERM": "Nobody here sent it, and it came before the process could listen: a service manager, or "
    "somebody.",
    **dict.fromkeys(("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE", "SIGTRAP"), _NATIVE),
}
_OTHER_SIGNAL = "Nobody here sent it: a limit of the machine, a service manager, or somebody."
#: Why the supervisor itself killed a process.
_KILLED = {
    "HUNG": "Its supervisor killed it, as it did not answer any more. Its log says what it did last: "
    "`krakencopy logs {id}`. A disk "
    "that hangs or a machine that is overloaded does that.",
    "START_TIMEOUT": "Its supervisor killed it, as it did not answer in time after its start. Its log says "
    "how far it came: "
    "`krakencopy logs {id}`. Is the machine overloaded, or startup.health_timeout_s too short?",
}


def ending(account: nouns.Account) -> list[str]:
    """The story; no lines for an account whose process has never ended by itself."""
    if not account.HasField("last_end"):
        return []
    end = account.last_end
    state = word(nouns.AccountState.DESCRIPTOR, end.state)
    again = "1 start" if end.restarts == 1 else f"{end.restarts} starts"
    lines = [
        f"last end that nobody had asked for, on {local_time(end.at)}: {_how(end)}",
        (
            f"  process {end.pid} (instance {plain(end.instance_id)}) was {state} and had lived "
            f"{_length(end)}; "
            f"{again} since"
        ),
        f"  {_meaning(end).format(id=plain(account.id))}",
    ]
    if end.output:
        lines += ["  it wrote at last:", *(f"    {plain(line)}" for line in end.output)]
    return lines


def _how(end: nouns.ProcessEnd) -> str:
    if end.signal:
        return plain(end.signal)
    return f"exit code {end.exit_code}" if end.HasField("exit_code") else "nobody saw how"


def _meaning(end: nouns.ProcessEnd) -> str:
    if end.killed_for:
        return _KILLED.get(end.killed_for, "Its supervisor killed it.")
    if end.signal:
        return _SIGNALS.get(end.signal, _OTHER_SIGNAL)
    if end.HasField("exit_code"):
        return CODES.get(end.exit_code, _OTHER_CODE)
    return (
        "The process that had started it, and could have shown how it ended, had died before. See the "
        "supervisor's log."
    )


def _length(end: nouns.ProcessEnd) -> str:
    """``3.2 s``, ``4 min 10 s``, ``2 h 5 min``, ``3 d 4 h``: two units say enough."""
    seconds = nanoseconds(end.lived) / 1e9
    for large, small, per_large, per_small in (
        ("d", "h", 86_400, 3_600),
        ("h", "min", 3_600, 60),
        ("min", "s", 60, 1),
    ):
        if seconds >= per_large:
            return f"{seconds // per_large:.0f} {large} {seconds % per_large // per_small:.0f} {small}"
    return f"{seconds:.1f} s"
