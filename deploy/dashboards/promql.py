"""Which metrics and labels a PromQL expression names, by its tokens."""

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|\#[^\n]*)
  | (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
  | (?P<range>\[[^\]]*\])
  | (?P<number>0x[0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+|[a-z0-9]*[a-z])?)
  | (?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
  | (?P<variable>\$\{?\w+\}?)
  | (?P<sign>=~|!~|!=|==|>=|<=|[-+*/%^=<>(){},@])
    """,
    re.VERBOSE,
)
_GROUPING = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
# Words that may stand before a grouping, where functions are followed by a parenthesis.
_AGGREGATIONS = frozenset(
    {"sum", "min", "max", "avg", "group", "stddev", "stdvar", "count", "count_values", "bottomk", "topk", "quantile"}
)
_WORDS = frozenset({"and", "or", "unless", "bool", "offset", "atan2", "inf", "nan"})
_RELABELLING = frozenset({"label_replace", "label_join"})


@dataclass
class Names:
    """What an expression names."""

    matched: dict[str, set[str]] = field(default_factory=dict)
    """Metrics, each with the labels that it is filtered by."""
    grouped: set[str] = field(default_factory=set)
    """Labels that results are grouped or matched by."""
    made: set[str] = field(default_factory=set)
    """Labels that the expression makes itself."""


def names(expression: str) -> Names:
    """Read an expression; Grafana's variables may stand in ranges, in strings and for numbers.

    Raises ValueError for a character that PromQL does not know, and for a selector without a metric's name.
    """
    found, tokens = Names(), _tokens(expression)
    for at, (kind, text) in enumerate(tokens):
        if kind != "name" or text.lower() in _WORDS:
            continue
        following = tokens[at + 1][1] if at + 1 < len(tokens) else ""
        if text in _GROUPING:
            found.grouped |= _listed(tokens, at + 1)
        elif text in _RELABELLING:
            found.made.add(_first_text(tokens, at + 1)[1:-1])
        elif following != "(" and text not in _AGGREGATIONS and not _is_label(tokens, at):
            found.matched.setdefault(text, set()).update(_filters(tokens, at + 1) if following == "{" else ())
    return found


def _tokens(expression: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    at = 0
    while at < len(expression):
        match = _TOKEN.match(expression, at)
        if match is None:
            raise ValueError(f"{expression[at]!r} is not PromQL, in {expression!r}")
        if match.lastgroup != "space":
            if match[0] == "{" and (not tokens or tokens[-1][0] != "name"):
                raise ValueError(f"a selector without a metric's name, in {expression!r}")
            tokens.append((str(match.lastgroup), match[0]))
        at = match.end()
    return tokens


def _listed(tokens: list[tuple[str, str]], at: int) -> set[str]:
    """The names in the parentheses that may begin at `at`."""
    if at >= len(tokens) or tokens[at][1] != "(":
        return set()
    end = next(place for place in range(at, len(tokens)) if tokens[place][1] == ")")
    return {text for kind, text in tokens[at:end] if kind == "name"}


def _first_text(tokens: list[tuple[str, str]], at: int) -> str:
    """The first string among the arguments of the function whose parenthesis is at `at`, and not within one of them."""
    depth = 0
    for kind, text in tokens[at:]:
        depth += (text in "({") - (text in ")}")
        if kind == "text" and depth == 1:
            return text
    raise ValueError(f"{tokens[at - 1][1]} makes no label")


def _filters(tokens: list[tuple[str, str]], at: int) -> set[str]:
    end = next(place for place in range(at, len(tokens)) if tokens[place][1] == "}")
    return {text for kind, text in tokens[at:end] if kind == "name"}


def _is_label(tokens: list[tuple[str, str]], at: int) -> bool:
    """Whether a name stands within braces, or within the list after a word such as `by`."""
    for place in range(at - 1, -1, -1):
        kind, text = tokens[place]
        if text == "{":
            return True
        if text == "(":
            return place > 0 and tokens[place - 1][1] in _GROUPING
        if kind not in ("name", "text") and text not in ("=", "!=", "=~", "!~", ","):
            return False
    return False
