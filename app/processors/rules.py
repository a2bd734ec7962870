"""Reads the rules that choose a processor; all their faults are reported at once."""

import json
import re
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from app.base.money import EXPONENTS
from app.base.settings import SettingsError
from app.processors.routing import DEFAULT_RULES, Choice, Rule

WEIGHT_MAX = 10_000  # a share to the hundredth of a percent; a larger number is taken for a mistake
_VARIABLE = "SUYA_PROCESSOR_RULES"
_BRAND = re.compile(r"[a-z][a-z0-9_]{0,31}")
_CONDITIONS = {"currencies", "brands", "amount_min", "amount_max"}


def read_rules(path: Path | None, available: Collection[str]) -> tuple[Rule, ...]:
    """Read the rules of a file; without one, the default rules.

    Args:
        available: the processors that are configured.

    Raises:
        SettingsError: with a line for each fault.
    """
    if path is None:
        return DEFAULT_RULES
    try:
        text = path.read_text("utf-8")
        content = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{_VARIABLE}: {error}") from error
    reader = _RulesReader(available)
    rules = reader.read(content)
    if reader.faults:
        raise SettingsError("\n".join(f"{_VARIABLE}: {fault}" for fault in reader.faults))
    return rules


class _RulesReader:
    """Reads on after a fault; its result is of use only if there was none."""

    def __init__(self, available: Collection[str]) -> None:
        self._available = sorted(available)
        self.faults: list[str] = []

    def read(self, content: Any) -> tuple[Rule, ...]:
        if not isinstance(content, dict):
            self.faults.append("must be an object with the list 'rules'")
            return ()
        self._only("the file", content, {"rules"})
        items = content.get("rules")
        if not isinstance(items, list) or not items:
            self.faults.append("rules: must be a list of at least one rule")
            return ()
        rules = tuple(self._rule(f"rules[{n}]", item) for n, item in enumerate(items))
        for n, rule in enumerate(rules[:-1]):
            if not self.faults and rule.is_unconditional:
                self.faults.append(f"rules[{n}]: fits every payment, so no later rule is reached")
        if not self.faults and not rules[-1].is_unconditional:
            self.faults.append(
                "rules: the last one must have no conditions, or a payment fits none"
            )
        return rules

    def _rule(self, where: str, item: Any) -> Rule:
        if not isinstance(item, dict):
            self.faults.append(f"{where}: must be an object")
            return DEFAULT_RULES[0]
        self._only(where, item, _CONDITIONS | {"processors"})
        low = self._whole(f"{where}.amount_min", item.get("amount_min", 0))
        high = item.get("amount_max")
        if high is not None and self._whole(f"{where}.amount_max", high) < low:
            self.faults.append(f"{where}: amount_max is below amount_min")
        return Rule(
            currencies=self._words(
                f"{where}.currencies", item, "a currency", EXPONENTS.__contains__
            ),
            brands=self._words(f"{where}.brands", item, "a brand", _BRAND.fullmatch),
            amount_min=low,
            amount_max=high,
            processors=self._choices(f"{where}.processors", item.get("processors")),
        )

    def _choices(self, where: str, items: Any) -> tuple[Choice, ...]:
        if not isinstance(items, list) or not items:
            self.faults.append(f"{where}: must be a list of at least one processor")
            return ()
        choices = tuple(self._choice(f"{where}[{n}]", item) for n, item in enumerate(items))
        names = [choice.name for choice in choices]
        self.faults += [
            f"{where}: '{name}' is named twice"
            for name in sorted({name for name in names if names.count(name) > 1})
        ]
        if not any(choice.weight for choice in choices):
            self.faults.append(f"{where}: one weight at least must be above 0")
        return choices

    def _choice(self, where: str, item: Any) -> Choice:
        if not isinstance(item, dict):
            self.faults.append(f"{where}: must be an object")
            return Choice("")
        self._only(where, item, {"name", "weight"})
        name = item.get("name")
        if name not in self._available:
            names = ", ".join(self._available)
            self.faults.append(f"{where}.name: must be one that is configured ({names})")
        weight = self._whole(f"{where}.weight", item.get("weight", 1))
        if weight > WEIGHT_MAX:
            self.faults.append(f"{where}.weight: must be at most {WEIGHT_MAX}")
        return Choice(str(name), weight)

    def _words(self, where: str, item: dict[str, Any], kind: str, is_one: Any) -> frozenset[str]:
        words = item.get(where.rpartition(".")[2], [])
        if not isinstance(words, list):
            self.faults.append(f"{where}: must be a list")
            return frozenset()
        wrong = [word for word in words if not isinstance(word, str) or not is_one(word)]
        self.faults += [f"{where}: {json.dumps(word)} is not {kind}" for word in wrong]
        return frozenset(word for word in words if word not in wrong)

    def _whole(self, where: str, value: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        self.faults.append(f"{where}: must be a whole number, not below 0")
        return 0

    def _only(self, where: str, item: dict[str, Any], known: set[str]) -> None:
        self.faults += [f"{where}: unknown '{name}'" for name in sorted(item.keys() - known)]
