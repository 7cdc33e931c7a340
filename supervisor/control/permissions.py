"""What each method of ControlService needs, and which role may do it. Pure: one map, with an entry for every
method; whoever serves without one for each does not start.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from google.protobuf.descriptor import ServiceDescriptor

from krakencopy.supervisor.control.principals import Role


class Permission(StrEnum):
    """What a call does."""

    #: It only says who the caller is.
    KNOW_ONESELF = "know_oneself"
    #: It only shows.
    READ = "read"
    #: It shows who has changed what, and from where: names that are not for everyone who sees a page of
    #: figures, or for the owner of one account.
    AUDIT = "audit"
    #: It changes what runs, copies and may trade.
    OPERATE = "operate"
    #: It orders on the master, or takes orders back.
    TRADE = "trade"
    #: It changes what is configured, ends the whole, or says who may do what.
    ADMINISTER = "administer"


#: By the name of the method.
PERMISSIONS: Mapping[str, Permission] = MappingProxyType(
    {
        "GetStatus": Permission.READ,
        "ListAccounts": Permission.READ,
        "GetAccount": Permission.READ,
        "GetNonce": Permission.READ,
        "ListLimits": Permission.READ,
        "ListFills": Permission.READ,
        "WatchFills": Permission.READ,
        "ListCopies": Permission.READ,
        "WatchCopies": Permission.READ,
        "ExplainFill": Permission.READ,
        "ListOrders": Permission.READ,
        "GetOrder": Permission.READ,
        "ListEvents": Permission.READ,
        "WatchEvents": Permission.READ,
        "ReadLog": Permission.READ,
        "GetReport": Permission.READ,
        "StartAccount": Permission.OPERATE,
        "StopAccount": Permission.OPERATE,
        "RestartAccount": Permission.OPERATE,
        "PauseAccount": Permission.OPERATE,
        "ResumeAccount": Permission.OPERATE,
        "SetTradingState": Permission.OPERATE,
        "FlattenAccounts": Permission.OPERATE,
        "ResetLimit": Permission.OPERATE,
        "ResyncAccount": Permission.OPERATE,
        "CopyFill": Permission.OPERATE,
        "PlaceOrder": Permission.TRADE,
        "CancelOrder": Permission.TRADE,
        "CancelOrders": Permission.TRADE,
        "RenameAsset": Permission.ADMINISTER,
        "Reload": Permission.ADMINISTER,
        "SetSettings": Permission.ADMINISTER,
        "Shutdown": Permission.ADMINISTER,
        "ListAuditEntries": Permission.AUDIT,
        "WatchAudit": Permission.AUDIT,
        "VerifyAudit": Permission.AUDIT,
        "WhoAmI": Permission.KNOW_ONESELF,
        "CreateToken": Permission.ADMINISTER,
        "ListTokens": Permission.ADMINISTER,
        "RevokeToken": Permission.ADMINISTER,
        "IssueCertificate": Permission.ADMINISTER,
        "ListPrincipals": Permission.ADMINISTER,
        "RevokePrincipal": Permission.ADMINISTER,
        "CreateAccount": Permission.ADMINISTER,
        "UpdateAccount": Permission.ADMINISTER,
        "DeleteAccount": Permission.ADMINISTER,
        "GetAccountConfig": Permission.READ,
        "ListAccountConfigs": Permission.READ,
        "CreateGroup": Permission.ADMINISTER,
        "UpdateGroup": Permission.ADMINISTER,
        "DeleteGroup": Permission.ADMINISTER,
        "ListGroups": Permission.READ,
        "ListConfigChanges": Permission.READ,
        "RotateCredentials": Permission.ADMINISTER,
    }
)

#: What only shows something: by these permissions, and an admin's methods that do.
_SHOWS = frozenset({Permission.KNOW_ONESELF, Permission.READ, Permission.AUDIT})
_SHOW = frozenset({"ListTokens", "ListPrincipals"})
#: Methods that change something, or may: each call of them is in the audit.
AUDITED = frozenset(name for name, needed in PERMISSIONS.items() if needed not in _SHOWS) - _SHOW

#: What a role may do. An owner may also do what names its account (owner_scope.py).
ALLOWED: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.VIEWER: frozenset({Permission.KNOW_ONESELF, Permission.READ}),
        Role.OPERATOR: frozenset(
            {Permission.KNOW_ONESELF, Permission.READ, Permission.AUDIT, Permission.OPERATE}
        ),
        Role.TRADER: frozenset({Permission.KNOW_ONESELF, Permission.READ, Permission.TRADE}),
        Role.ADMIN: frozenset(Permission),
        Role.OWNER: frozenset({Permission.KNOW_ONESELF}),
    }
)


def check_complete(service: ServiceDescriptor, permissions: Mapping[str, Permission] = PERMISSIONS) -> None:
    """Raises LookupError where a method has no permission, or a permission no method."""
    methods = {method.name for method in service.methods}
    if missing := sorted(methods - permissions.keys()):
        raise LookupError(f"no permission is named for {', '.join(missing)}")
    if unknown := sorted(permissions.keys() - methods):
        raise LookupError(f"there is no method {', '.join(unknown)}, for which a permission is named")
