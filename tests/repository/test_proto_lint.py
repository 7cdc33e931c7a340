"""The public API keeps the rules of tests/support/proto_rules.py, and each of these rules catches what
breaks it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.proto_rules import RULES, Schema, compiled

PROTOS = Path(__file__).parents[2] / "protos"

# -- the protos of this project -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    return compiled(PROTOS, tmp_path_factory.mktemp("ours") / "set.pb")


@pytest.mark.parametrize("name", sorted(RULES))
def test_the_public_api_keeps_the_rule(ours: Schema, name: str) -> None:
    assert list(RULES[name](ours)) == []


def test_everything_in_the_public_api_was_looked_at(ours: Schema) -> None:
    text = "".join(path.read_text() for path in PROTOS.rglob("*.proto"))
    for kind, word in (("message", "message"), ("enum", "enum"), ("service", "service"), ("RPC", "rpc")):
        declared = re.findall(rf"^\s*{word} (\w+)", text, re.MULTILINE)
        assert sorted(part.name for part in ours.of(kind)) == sorted(declared)
    assert len(list(ours.of("field", "value", "oneof"))) > 200


# -- the rules themselves ----------------------------------------------------------------------------------

SHOP = """syntax = "proto3";

package shop.v1;

import "shop/v1/money.proto";

// Sells.
service ShopService {
  // Sells one thing.
  rpc Buy(BuyRequest) returns (BuyResponse);
  // The same, by another name.
  rpc Sell(ShopServiceSellRequest) returns (stream ShopServiceSellResponse);
}

// What to buy.
message BuyRequest {
  // Its name.
  string item_name = 1;
  // One of the two.
  oneof pay_with {
    // Cash.
    Money cash = 2;
    // A voucher's number.
    string voucher = 3;
  }
  // How many.
  optional int32 count = 4;
  // Whatever else.
  map<string, HTTPColour> marks = 5;

  // A wish.
  message Wish {
    // In words.
    string words = 1;
  }
}

// What was bought.
message BuyResponse {}

// What to sell.
message ShopServiceSellRequest {}

// What was sold.
message ShopServiceSellResponse {}

// A colour.
enum HTTPColour {
  // Not given.
  HTTP_COLOUR_UNSPECIFIED = 0;
  // Red.
  HTTP_COLOUR_RED = 1;
}
"""
MONEY = (
    'syntax = "proto3";\npackage shop.v1;\n// Money.\nmessage Money {\n  // How much.\n  string amount '
    "= 1;\n}\n"
)
GOOD = {"shop/v1/shop.proto": SHOP, "shop/v1/money.proto": MONEY}


def small(package: str, name: str, more: str = "", uses: str = "string") -> str:
    return (
        f'syntax = "proto3";\npackage {package};\n{more}\n// A.\nmessage {name} {{\n  // B.\n  {uses} b '
        f"= 1;\n}}\n"
    )


CYCLE = {
    "a/v1/one.proto": small("a.v1", "One", 'import "b/v1/two.proto";', "b.v1.Two"),
    "b/v1/two.proto": small("b.v1", "Two"),
    "b/v1/three.proto": small("b.v1", "Three", 'import "a/v1/four.proto";', "a.v1.Four"),
    "a/v1/four.proto": small("a.v1", "Four"),
}
OLD = 'syntax = "proto2";\npackage old.v1;\n'


def changed(old: str, new: str) -> dict[str, str]:
    assert SHOP.count(old) >= 1
    return {"shop/v1/shop.proto": SHOP.replace(old, new)}


#: The rule and others that the same thing breaks; what is changed or added; words of the message.
CASES = [
    (
        "PACKAGE_DEFINED DIRECTORY_SAME_PACKAGE",
        {"shop/v1/x.proto": 'syntax = "proto3";\n'},
        "shop/v1/x.proto: no package",
    ),
    (
        "PACKAGE_DIRECTORY_MATCH PACKAGE_SAME_DIRECTORY",
        {"shop/x.proto": small("shop.v1", "X")},
        "shop/x.proto: package shop.v1 belongs in shop/v1",
    ),
    (
        "DIRECTORY_SAME_PACKAGE PACKAGE_DIRECTORY_MATCH",
        {"shop/v1/x.proto": small("store.v1", "X")},
        "folder shop/v1 has several packages: 'shop.v1', 'store.v1'",
    ),
    (
        "PACKAGE_SAME_DIRECTORY PACKAGE_DIRECTORY_MATCH",
        {"store/x.proto": small("shop.v1", "X")},
        "package shop.v1 has several folders: 'shop/v1', 'store'",
    ),
    ("PACKAGE_LOWER_SNAKE_CASE", {"Big/v1/x.proto": small("Big.v1", "X")}, "package Big.v1"),
    (
        "PACKAGE_VERSION_SUFFIX",
        {"shop/x.proto": small("shop", "X")},
        "package shop does not end with a version",
    ),
    ("PACKAGE_VERSION_SUFFIX", {"shop/v0/x.proto": small("shop.v0", "X")}, "package shop.v0 does not end"),
    ("PACKAGE_NO_IMPORT_CYCLE", CYCLE, "package a.v1 imports itself"),
    (
        "PACKAGE_SAME_OPTIONS",
        {"shop/v1/x.proto": small("shop.v1", "X", 'option go_package = "shop";')},
        "several values of go_package: '', 'shop'",
    ),
    (
        "FILE_LOWER_SNAKE_CASE",
        {"shop/v1/BadName.proto": small("shop.v1", "X")},
        "shop/v1/BadName.proto: the file's name",
    ),
    ("SYNTAX_SPECIFIED", {"shop/v1/x.proto": "package shop.v1;\n"}, "shop/v1/x.proto: no syntax"),
    (
        "IMPORT_USED",
        {"shop/v1/x.proto": small("shop.v1", "X", 'import "shop/v1/money.proto";')},
        "shop/v1/x.proto: import of shop/v1/money.proto is not used",
    ),
    (
        "IMPORT_NO_PUBLIC",
        changed("import ", "import public "),
        "shop/v1/shop.proto: public import of shop/v1/money.proto",
    ),
    (
        "IMPORT_NO_WEAK",
        changed("import ", "import weak "),
        "shop/v1/shop.proto: weak import of shop/v1/money.proto",
    ),
    (
        "MESSAGE_PASCAL_CASE",
        changed("Wish", "birthday_wish"),
        "shop.proto:32: message birthday_wish of BuyRequest",
    ),
    (
        "FIELD_LOWER_SNAKE_CASE",
        changed("item_name", "itemName"),
        "shop.proto:18: field itemName of BuyRequest",
    ),
    (
        "FIELD_NOT_REQUIRED",
        {"old/v1/x.proto": OLD + "// A.\nmessage A {\n// B.\nrequired string b = 1;\n}"},
        "field b of A is required",
    ),
    ("ONEOF_LOWER_SNAKE_CASE", changed("pay_with", "PayWith"), "shop.proto:20: oneof PayWith of BuyRequest"),
    (
        "ENUM_PASCAL_CASE",
        changed("HTTPColour", "http_colour"),
        "shop.proto:48: enum http_colour is not PascalCase",
    ),
    (
        "ENUM_NO_ALLOW_ALIAS",
        changed(
            "enum HTTPColour {",
            "enum HTTPColour {\n  option allow_alias = true;\n  // Scarlet.\n  "
            "HTTP_COLOUR_SCARLET_UNSPECIFIED = 0;",
        ),
        "enum HTTPColour allows aliases",
    ),
    (
        "ENUM_FIRST_VALUE_ZERO",
        {"old/v1/x.proto": OLD + "// A.\nenum A {\n// B.\nA_B = 1;\n}"},
        "old/v1/x.proto:4: enum A does not begin with 0",
    ),
    (
        "ENUM_VALUE_UPPER_SNAKE_CASE",
        changed("HTTP_COLOUR_RED", "HTTP_COLOUR_Red"),
        "value HTTP_COLOUR_Red of HTTPColour",
    ),
    (
        "ENUM_VALUE_PREFIX",
        changed("HTTP_COLOUR_RED", "RED"),
        "value RED of HTTPColour does not begin with HTTP_COLOUR_",
    ),
    ("ENUM_ZERO_VALUE_SUFFIX", changed("_UNSPECIFIED", "_NONE"), "HTTP_COLOUR_NONE of HTTPColour is 0"),
    (
        "SERVICE_PASCAL_CASE RPC_REQUEST_STANDARD_NAME RPC_RESPONSE_STANDARD_NAME",
        changed("service Shop", "service shop_"),
        "service shop_Service is not",
    ),
    (
        "SERVICE_SUFFIX RPC_REQUEST_STANDARD_NAME RPC_RESPONSE_STANDARD_NAME",
        changed("service ShopService", "service Shop"),
        "service Shop is not named ...Service",
    ),
    (
        "RPC_PASCAL_CASE RPC_REQUEST_STANDARD_NAME RPC_RESPONSE_STANDARD_NAME",
        changed("rpc Buy", "rpc buy"),
        "shop.proto:10: RPC buy of ShopService",
    ),
    (
        "RPC_REQUEST_STANDARD_NAME",
        changed("BuyRequest", "Order"),
        "RPC Buy of ShopService has Order where BuyRequest or ShopServiceBuyRequest",
    ),
    (
        "RPC_RESPONSE_STANDARD_NAME",
        changed("BuyResponse", "Receipt"),
        "RPC Buy of ShopService has Receipt where BuyResponse or ShopService",
    ),
    (
        "RPC_REQUEST_RESPONSE_UNIQUE RPC_REQUEST_STANDARD_NAME",
        changed("Sell(ShopServiceSellRequest)", "Sell(BuyRequest)"),
        ".shop.v1.BuyRequest is used more than once",
    ),
    (
        "RPC_REQUEST_RESPONSE_UNIQUE RPC_RESPONSE_STANDARD_NAME",
        changed("returns (BuyResponse)", "returns (BuyRequest)"),
        ".shop.v1.BuyRequest is used more than once",
    ),
    ("COMMENTS", changed("// Sells.\n", ""), "shop.proto:7: service ShopService has no comment"),
    ("COMMENTS", changed("  // Sells one thing.\n", ""), "RPC Buy of ShopService has no comment"),
    ("COMMENTS", changed("// What to buy.\n", "//\n"), "message BuyRequest has no comment"),
    ("COMMENTS", changed("// Its name.\n", "\n"), "field item_name of BuyRequest has no comment"),
    ("COMMENTS", changed("// How many.\n", "\n"), "field count of BuyRequest has no comment"),
    ("COMMENTS", changed("// One of the two.\n", "\n"), "oneof pay_with of BuyRequest has no comment"),
    ("COMMENTS", changed("// In words.\n", "\n"), "field words of Wish has no comment"),
    ("COMMENTS", changed("// A colour.\n", "\n"), "enum HTTPColour has no comment"),
    ("COMMENTS", changed("// Red.\n", "\n"), "value HTTP_COLOUR_RED of HTTPColour has no comment"),
]


@pytest.mark.parametrize(("names", "files", "words"), CASES)
def test_a_rule_names_what_breaks_it_and_the_others_do_not_mind(
    tmp_path: Path, names: str, files: dict[str, str], words: str
) -> None:
    root = tmp_path / "protos"
    for name, text in {**GOOD, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    schema = compiled(root, tmp_path / "set.pb")
    found = {name: list(check(schema)) for name, check in RULES.items()}
    assert {name for name, lines in found.items() if lines} == set(names.split())
    assert any(words in line for line in found[names.split(maxsplit=1)[0]]), found


def test_every_rule_is_shown_to_catch_something() -> None:
    assert {names.split(maxsplit=1)[0] for names, _, _ in CASES} == set(RULES)


def test_a_good_proto_breaks_no_rule(tmp_path: Path) -> None:
    for name, text in GOOD.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    schema = compiled(tmp_path, tmp_path / "set.pb")
    assert [line for check in RULES.values() for line in check(schema)] == []
