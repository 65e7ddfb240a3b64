"""What rules have given through all of their refs together."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from ordrebok.decision import State
from ordrebok.discounts.books import TALLIES, tally_key
from ordrebok.discounts.record import holders_key, ref_key
from ordrebok.wire.discount import Rule, Statistics
from ordrebok.wire.discount_ref import Holders, RefDocument, Tally


def shown(state: State, account_id: str, rule: Rule) -> Rule:
    """Return a rule with what it has given, as answers about one rule show it."""
    (with_its,) = with_statistics(state, account_id, [rule])
    return with_its


def with_statistics(state: State, account_id: str, rules: Sequence[Rule]) -> list[Rule]:
    """Return rules with what each has given, also through refs that were taken back.

    Amounts in minor units. The balance of a `discount_debit` is one of a ref, and not summed.
    Source: neighbours 3.7.
    """
    tallies = [
        tally_key(account_id, rule.id, number) for rule in rules for number in range(TALLIES)
    ]
    holders = [holders_key(account_id, rule.id, 0) for rule in rules]
    state.ahead((*tallies, *holders))
    named = {rule.id: state.get(key, Holders) for rule, key in zip(rules, holders, strict=True)}
    wildcards = {
        rule_id: [] if first is None else [ref_key(account_id, each) for each in first.wildcards]
        for rule_id, first in named.items()
    }
    state.ahead(key for keys in wildcards.values() for key in keys)
    found = []
    for rule in rules:
        sums = [state.get(tally_key(account_id, rule.id, each), Tally) for each in range(TALLIES)]
        refs = [state.get(key, RefDocument) for key in wildcards[rule.id]]
        books = [book for book in (*sums, *refs) if book is not None]
        found.append(replace(rule, statistics=_sum(books)))
    return found


def _sum(books: Iterable[Tally | RefDocument]) -> Statistics:
    """Return some books as one."""
    usage = amount = bonus = stamp = 0
    for book in books:
        usage += book.usage
        amount += book.amount
        bonus += book.bonus
        stamp += book.stamp
    return Statistics(stamp=stamp, used=usage, usage=usage, amount=amount, bonus=bonus or None)
