"""The rules that choose the processors of a payment, in order. Pure; read from a file.

    [[rules]]
    currencies = ["EUR", "GBP"]         # any, if left out; so with brands and amounts
    brands = ["visa", "mastercard"]
    amount_min = 100                    # minor units, both ends included
    amount_max = 500000
    processors = [{ name = "stripe", weight = 70 }, { name = "acquirer", weight = 30 }]

    [[rules]]                           # the last one has no conditions, so that every payment fits
    processors = [{ name = "acquirer" }]

The first rule that fits decides. One of its processors is drawn by weight and comes first; the
others follow, heavier before lighter, for when it surely did nothing. Weight 0 only follows.
"""

from collections.abc import Iterator

import msgspec


class Choice(msgspec.Struct, frozen=True):
    """A processor and its share of a rule's payments."""

    name: str
    weight: int = 1


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """Payments that fit, and who processes them; an empty condition holds for all."""

    currencies: frozenset[str] = frozenset()
    brands: frozenset[str] = frozenset()
    amount_min: int = 0
    amount_max: int | None = None
    processors: tuple[Choice, ...]

    @property
    def is_unconditional(self) -> bool:
        return not (self.currencies or self.brands or self.amount_min) and self.amount_max is None

    def fits(self, currency: str, brand: str, amount_minor: int) -> bool:
        """Whether a payment of that kind is this rule's."""
        return (
            (not self.currencies or currency in self.currencies)
            and (not self.brands or brand in self.brands)
            and amount_minor >= self.amount_min
            and (self.amount_max is None or amount_minor <= self.amount_max)
        )

    def order(self, draw: int) -> tuple[str, ...]:
        """First the one into whose share `draw` falls, then the others by weight."""
        place = draw % sum(choice.weight for choice in self.processors)
        first = next(choice for choice, end in self._shares() if place < end)
        others = sorted(
            (choice for choice in self.processors if choice is not first),
            key=lambda choice: -choice.weight,
        )
        return (first.name, *(choice.name for choice in others))

    def _shares(self) -> Iterator[tuple[Choice, int]]:
        end = 0
        for choice in self.processors:
            end += choice.weight
            yield choice, end


DEFAULT_RULES = (Rule(processors=(Choice("acquirer"),)),)


def route(
    rules: tuple[Rule, ...], *, currency: str, brand: str, amount_minor: int, draw: int
) -> tuple[str, ...]:
    """The names of processors, the preferred one first.

    Args:
        draw: any whole number, evenly spread; equal draws choose equally.
    """
    rule = next(rule for rule in rules if rule.fits(currency, brand, amount_minor))
    return rule.order(draw)
