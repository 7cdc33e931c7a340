"""What help says beside the grammar: what commands are for, and examples of each. `krakencopy --help`, pages,
completion and manual pages are made of it. A test names a command that lacks here.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from krakencopy.client.cli.output_arguments import add_columns
from krakencopy.client.cli.parser import Parser, leaves_of

#: Commands that only show something, by purpose.
_LOOK = (
    "status", "accounts", "fills", "copies", "why", "report", "events", "orders", "limits", "logs", "nonce",
    "watch", "audit",
)  # fmt: skip
#: Each command of the first word, by purpose.
PURPOSES: Mapping[str, tuple[str, ...]] = {
    "look": _LOOK,
    "processes of accounts": ("start", "stop", "restart", "pause", "resume"),
    "stop trading": ("halt", "exit-only", "flatten", "reset-limit"),
    "trade": ("order", "cancel", "copy", "resync"),
    "rules": ("set", "reload", "rename", "simulate", "forecast"),
    "accounts over the API": ("account", "group", "rotate-credentials"),
    "the system": ("wait", "shutdown", "gateway"),
    "who may call": ("whoami", "token", "certificate"),
    "this command": ("context", "completion", "help"),
}
#: Which commands have --columns: those that only show something, by their words.
SHOWING = frozenset({*_LOOK, "audit list", "audit watch"} - {"audit"})

#: One to three lines of each command, as they are typed behind `krakencopy`.
EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "status": ("status", "status --group eu", "status -o json"),
    "accounts": ("accounts", "accounts anna --rules", "accounts -o csv --columns id,state,equity.amount"),
    "start": ("start anna --wait", "start --all"),
    "stop": ("stop anna bob --wait", "stop --all"),
    "restart": ("restart anna",),
    "pause": ("pause anna", "pause eu"),
    "set": ("set", "set anna max_user_risk=0.05 --dry-run", "set --all --unset max_user_risk"),
    "halt": ('halt --all --reason "the exchange sends odd prices"', "halt anna --offline"),
    "exit-only": ("exit-only --group eu",),
    "flatten": ("flatten anna --dry-run", "flatten --all --yes --wait", "flatten anna --cancel"),
    "resume": ("resume anna", 'resume --all --reason "prices are right again"'),
    "account create": (
        "account create anna credentials_file=anna.key group=eu --validate-only",
        "account create anna-watch credentials_file=anna.key mode=shadow",
    ),
    "account update": ("account update anna copy.max_user_risk=0.05", "account update anna --unset group"),
    "account delete": ("account delete anna --on-leave close_all --yes",),
    "account show": ("account show", "account show anna -o json"),
    "account history": ("account history anna", "account history --limit 20"),
    "group create": ("group create eu max_user_risk=0.05",),
    "group update": ("group update eu max_slippage_bps=30 --validate-only",),
    "group delete": ("group delete eu --yes",),
    "group list": ("group list",),
    "rotate-credentials": ("rotate-credentials anna --validate-only", "rotate-credentials anna"),
    "limits": ("limits", "limits anna -o json"),
    "reset-limit": ('reset-limit anna daily --reason "looked at, goes on"',),
    "rename": ("rename MATIC POL",),
    "resync": ("resync anna --dry-run", "resync anna --not-worse --yes"),
    "fills": ("fills --pair BTC/USD --since 2h", "fills --follow -o csv", "fills --columns fill,pair,price"),
    "copies": ("copies --account anna --state skipped", "copies --fill 17 -o yaml"),
    "events": ("events --since today", "events --account anna --follow"),
    "order": (
        "order buy BTC/USD 0.005 --limit 60000", "order sell XBTUSD 0.005 --validate",
        "order buy ETH/USD 1 --yes",
    ),
    "orders": ("orders", "orders --pair BTC/USD --side buy", "orders OABCDE-FGHIJ-KLMNOP"),
    "cancel": ("cancel OABCDE-FGHIJ-KLMNOP", "cancel --all --pair BTC/USD --yes"),
    "why": ("why 17", "why 17 --account anna"),
    "copy": ("copy 17 anna --dry-run", "copy 17 --yes"),
    "watch": ("watch", "watch -o json"),
    "nonce": ("nonce anna",),
    "logs": ("logs anna --follow", "logs supervisor --since 30m"),
    "report": ("report --since today", "report -o csv --columns account_id,counts.filled"),
    "simulate": (
        "simulate --config other.toml --since 7d", "simulate --config other.toml --capital anna=1000",
    ),
    "forecast": ("forecast anna --config krakencopy.toml",),
    "reload": ("reload --dry-run", "reload"),
    "gateway": (
        "gateway", "gateway --allow-origin https://panel.example",
        "gateway --listen 0.0.0.0:8443 --tls-certificate cert.pem --tls-key key.pem",
    ),
    "wait": ("wait --ready --timeout 120",),
    "shutdown": ("shutdown --wait", "shutdown --now --yes"),
    "audit list": ("audit list --since today", "audit list --who ann --call StopAccount -o csv"),
    "audit watch": ("audit watch", "audit watch --lines --after 0"),
    "audit verify": ("audit verify", "audit verify --file copy.jsonl"),
    "context add": (
        "context add paper --state-dir /srv/paper/data-paper",
        "context add prod --endpoint https://box:7443 --ca ca.pem --certificate me.pem --key me.key",
        "context add desk --endpoint https://box:7443 --ca ca.pem --token-file desk.token",
    ),
    "context use": ("context use prod", "context use --none"),
    "context list": ("context list", "context list -o json"),
    "context show": ("context show", "context show --context paper"),
    "context remove": ("context remove paper",),
    "whoami": ("whoami", "whoami --endpoint https://box:7443 --ca ca.pem --token-file token"),
    "token create": (
        "token create reports --role viewer --ttl 30d", "token create anna --role owner --account anna",
    ),
    "token list": ("token list",),
    "token revoke": ("token revoke 4kq7zc2m",),
    "certificate create": ("certificate create olga --role operator --ttl 90d --out certificates",),
    "certificate list": ("certificate list",),
    "certificate revoke": ("certificate revoke olga",),
    "completion": ("completion bash", "completion zsh", "completion fish"),
    "help": ("help", "help order"),
}  # fmt: skip


def add_guide(parser: Parser) -> None:
    """Puts it into the grammar."""
    parser.purposes = PURPOSES
    for words, sub in leaves_of(parser):
        if words in SHOWING:
            add_columns(sub)
        if examples := EXAMPLES.get(words):
            shown = "\n".join(f"  krakencopy {line}" for line in examples)
            sub.epilog = f"{sub.epilog}\n\nexamples:\n{shown}" if sub.epilog else f"examples:\n{shown}"


def add_help(command: argparse.ArgumentParser) -> None:
    """`help [COMMAND ...]`; the grammar answers it by itself."""
    command.add_argument("words", nargs="*", metavar="COMMAND", help="of which; all commands without")
