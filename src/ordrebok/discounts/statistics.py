"""What rules have given, and have left, through all of their refs together."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from msgspec.structs import replace

from ordrebok.decision import Key, Put, State
from ordrebok.discounts.books import tally_keys
from ordrebok.discounts.compiled import compiled
from ordrebok.discounts.giving import left
from ordrebok.discounts.record import holders_key, ref_key
from ordrebok.wire.discount import Rule, Statistics
from ordrebok.wire.discount_ref import Holders, RefDocument, Tally

T = TypeVar("T")


def shown(state: State, account_id: str, rule: Rule, written: Iterable[Put] = ()) -> Rule:
    """Return a rule with what it has given, as answers about one rule show it.

    `written` is what is being put down of its refs: the answer holds it already.
    """
    (with_its,) = with_statistics(state, account_id, [rule], written)
    return with_its


def with_statistics(
    state: State, account_id: str, rules: Sequence[Rule], written: Iterable[Put] = ()
) -> list[Rule]:
    """Return rules with what each has given, also through refs that were taken back.

    Amounts in minor units. The balance of a `discount_debit` is the sum of the balances that its
    refs show, without those that were taken back; whether they can be used now does not matter.
    Reads the tallies and the first holders of each rule, and its refs of wildcards, however many
    customers have it.
    Source: neighbours 3.7.
    """
    new = {put.key: put.document for put in written}

    def look(key: Key, type_: type[T]) -> T | None:
        """Return a document as it is being written, or else as it stands."""
        document = new.get(key)
        return document if isinstance(document, type_) else state.get(key, type_)

    tallies = {rule.id: tally_keys(account_id, rule.id) for rule in rules}
    holders = {rule.id: holders_key(account_id, rule.id, 0) for rule in rules}
    state.ahead((*(key for keys in tallies.values() for key in keys), *holders.values()))
    named = {rule_id: look(key, Holders) for rule_id, key in holders.items()}
    wildcards = {
        rule_id: [] if first is None else [ref_key(account_id, each) for each in first.wildcards]
        for rule_id, first in named.items()
    }
    state.ahead(key for keys in wildcards.values() for key in keys if key not in new)
    found = []
    for rule in rules:
        sums = [tally for key in tallies[rule.id] if (tally := look(key, Tally)) is not None]
        refs = [ref for key in wildcards[rule.id] if (ref := look(key, RefDocument)) is not None]
        first = named[rule.id]
        kept = first is None or first.balances
        balance = _balance(rule, sums, refs) if kept else None
        found.append(replace(rule, statistics=_sum((*sums, *refs), balance)))
    return found


def _balance(rule: Rule, sums: Iterable[Tally], refs: Sequence[RefDocument]) -> int | None:
    """Return what the refs of a rule have left: customers' in their tallies, and wildcards'."""
    if rule.reward.type != "discount_debit":
        return None
    ready = compiled(rule) if refs else None
    return sum(tally.debit_balance for tally in sums) + sum(left(ref, ready) for ref in refs)


def _sum(books: Iterable[Tally | RefDocument], debit_balance: int | None) -> Statistics:
    """Return some books as one, with what is left."""
    usage = amount = bonus = stamp = 0
    for book in books:
        usage += book.usage
        amount += book.amount
        bonus += book.bonus
        stamp += book.stamp
    return Statistics(
        stamp=stamp,
        used=usage,
        usage=usage,
        amount=amount,
        bonus=bonus or None,
        debit_balance=debit_balance,
    )
