"""The twelve house rules of the sample team as a checker that knows nothing of the demo's code.

Source in, faults out as (line, rule). It errs towards finding too much: a piece on which it is
wrong should be written more plainly.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

SQL = re.compile(r"\b(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM)\b", re.S)
SQL_BEGINS = re.compile(r"^\s*(SELECT|INSERT|UPDATE|DELETE)\s")
MONEY = re.compile(
    r"^(prices?|fees?|amounts?|tariffs?|totals?|invoices?|rates?|costs?|charges?"
    r"|discounts?|surcharges?|duty|vat|tax|deposit|refund|money|cents|euro|eur"
    r"|balance|penalty|wages?|salary|bill|paid|net|gross|subtotal|rebate|toll|levy"
    r"|premium|commission|fine|payable)$"
)
REQUEST_VERBS = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "request"})
SHELL_FUNCTIONS = frozenset(
    {
        "os.system",
        "os.popen",
        "subprocess.getoutput",
        "subprocess.getstatusoutput",
        "asyncio.create_subprocess_shell",
    }
)
MUTABLE_CALLS = frozenset({"list", "dict", "set", "bytearray", "defaultdict", "deque", "Counter"})

Fault = tuple[int, str]


def find_faults(source: str) -> list[Fault]:
    """All broken rules, each with the line where it is broken, in order, none twice."""
    tree = ast.parse(source)
    found: set[Fault] = set()
    for node in ast.walk(tree):
        found.update((_line_of(node), rule) for rule in _rules_broken_by(node))
    found.update(_float_money(tree))
    return sorted(found)


def _line_of(node: ast.AST) -> int:
    return int(getattr(node, "lineno", 0))


def _rules_broken_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ExceptHandler) and _catches_all(node.type):
        yield "bare-except"
    if isinstance(node, ast.Assert):
        yield "assert-input"
    if isinstance(node, ast.Compare) and _compares_none(node):
        yield "none-equality"
    if isinstance(node, ast.expr) and _is_mutable(node) and hasattr(node, "is_default"):
        yield "mutable-default"
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                default.is_default = True  # type: ignore[attr-defined]
    if (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.search(r"(^|[\s=:'\"])/(var/)?tmp(/|$)", node.value)
    ):
        yield "tmp-path"
    if _is_built_sql(node):
        yield "sql-string"
    if (
        isinstance(node, ast.keyword)
        and node.arg == "shell"
        and not _is_constant(node.value, False)
    ):
        yield "shell-true"
    if isinstance(node, ast.Attribute) and ast.unparse(node) in SHELL_FUNCTIONS:
        yield "shell-true"
    if isinstance(node, ast.Call):
        yield from _rules_broken_by_call(node)


def _rules_broken_by_call(call: ast.Call) -> Iterator[str]:
    name = ast.unparse(call.func)
    owner, _, method = name.rpartition(".")
    keywords = {keyword.arg for keyword in call.keywords}
    if name == "print":
        yield "print-logging"
    is_session = (
        owner == "requests" or owner.lower().endswith("session") or owner.startswith("requests.")
    )
    if is_session and method in REQUEST_VERBS and "timeout" not in keywords:
        yield "request-timeout"
    if owner.split(".")[-1] in ("datetime", "dt") and _is_naive(method, call, keywords):
        yield "naive-datetime"
    if "encoding" not in keywords and _is_text_access(name, method, call):
        yield "open-encoding"


def _catches_all(caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(isinstance(name, ast.Name) and name.id == "BaseException" for name in names)


def _compares_none(node: ast.Compare) -> bool:
    sides = [node.left, *node.comparators]
    return any(
        isinstance(op, ast.Eq | ast.NotEq)
        and (_is_constant(left, None) or _is_constant(right, None))
        for op, left, right in zip(node.ops, sides, sides[1:], strict=False)
    )


def _is_constant(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _is_mutable(node: ast.expr) -> bool:
    if isinstance(node, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp):
        return True
    return isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in MUTABLE_CALLS


def _is_naive(method: str, call: ast.Call, keywords: set[str | None]) -> bool:
    if method in ("utcnow", "today", "utcfromtimestamp"):
        return True
    if method == "now":
        return not call.args and "tz" not in keywords
    return method == "fromtimestamp" and len(call.args) < 2 and "tz" not in keywords


def _is_text_access(name: str, method: str, call: ast.Call) -> bool:
    if method == "read_text":
        return not call.args
    if method == "write_text":
        return len(call.args) < 2
    if method != "open" or name == "os.open":
        return False
    modes = [
        *call.args[1 if name in ("open", "io.open", "gzip.open", "bz2.open", "lzma.open") else 0 :][
            :1
        ],
        *(keyword.value for keyword in call.keywords if keyword.arg == "mode"),
    ]
    mode = next((str(mode.value) for mode in modes if isinstance(mode, ast.Constant)), None)
    if name in ("gzip.open", "bz2.open", "lzma.open"):
        return mode is not None and "t" in mode
    if name not in ("open", "io.open") and mode is None and call.args:
        return False  # image.open(file), archive.open(member): not a path
    return mode is None or "b" not in mode


def _is_built_sql(node: ast.AST) -> bool:
    if isinstance(node, ast.JoinedStr):
        holes = any(isinstance(part, ast.FormattedValue) for part in node.values)
        text = "x".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
        return holes and _is_sql(text)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod | ast.Add):
        return isinstance(node.left, ast.Constant) and _is_sql(node.left.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        owner = node.func.value
        if node.func.attr.startswith("execute") and node.args and _is_joined(node.args[0]):
            return True
        return (
            node.func.attr in ("format", "format_map", "replace")
            and isinstance(owner, ast.Constant)
            and _is_sql(owner.value)
        )
    return False


def _is_joined(query: ast.expr) -> bool:
    """Glued from parts of which the first is not itself SQL text (that is found elsewhere)."""
    return (
        isinstance(query, ast.BinOp)
        and isinstance(query.op, ast.Mod | ast.Add)
        and not any(_is_built_sql(part) for part in ast.walk(query))
    )


def _is_sql(text: object) -> bool:
    return isinstance(text, str) and bool(SQL.search(text) or SQL_BEGINS.search(text))


def _float_money(tree: ast.Module) -> Iterator[Fault]:
    """Float literals and float(...) in a statement that speaks of money, or in such a function."""
    for scope, statement in _statements(tree, ""):
        own = list(_own_nodes(statement))
        names = [scope, *(word for node in own for word in _words_of(node))]
        if not any(map(MONEY.match, _parts(names))):
            continue
        for node in own:
            if (isinstance(node, ast.Constant) and isinstance(node.value, float)) or (
                isinstance(node, ast.Name) and node.id == "float"
            ):
                yield _line_of(node), "float-money"


def _parts(names: list[str]) -> Iterator[str]:
    """The words of snake_case and CamelCase names and of texts."""
    for name in names:
        yield from re.sub(r"([a-z])([A-Z])", r"\1 \2", name).replace("_", " ").lower().split()


def _statements(node: ast.AST, scope: str) -> Iterator[tuple[str, ast.stmt]]:
    for child in ast.iter_child_nodes(node):
        inner = scope
        if isinstance(child, ast.stmt):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inner = f"{scope}_{child.name}"
            yield inner, child
        yield from _statements(child, inner)


def _own_nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement without the statements inside it."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(
            child
            for child in ast.iter_child_nodes(node)
            if not isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case)
        )


def _words_of(node: ast.AST) -> Iterator[str]:
    for field in ("id", "attr", "arg", "name"):
        value = getattr(node, field, None)
        if isinstance(value, str):
            yield value
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
