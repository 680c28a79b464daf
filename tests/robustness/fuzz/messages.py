"""Random messages of the right shape: fields of any kind, with values that are plausible, at the edge, or absurd.

What the authority answers is learned: later requests bear its ids and its tokens, whole or damaged, so that they get
further than random ones would.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, Final

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

_MOST_WORDS: Final = 200
_MOST_DEEP: Final = 6
_ODD_TEXTS: Final = (
    "",
    " ",
    "\0",
    "-",
    "A" * 64,
    "A" * 65,
    "x" * 5_000,
    "Größe",
    "{a}",
    "a:b",
    "%s%n",
    "'; DROP TABLE movement; --",
    "\U0001f4a9",
    "\u202e",
    "9" * 30,
    "NaN",
    "018f0000-0000-7000-8000-000000000000",
    "ffffffff-ffff-7fff-bfff-ffffffffffff",
)
_ODD_NUMBERS: Final = (0, 1, -1, 2, 2**31 - 1, -(2**31), 2**53, 2**53 + 1, 2**63 - 1, -(2**63), 10**12, 10**12 + 1)
# What a duration, and a time, is counted from.
_MOMENTS: Final[dict[str, Callable[[], int]]] = {
    "google.protobuf.Duration": lambda: 0,
    "google.protobuf.Timestamp": lambda: int(time.time()),
}
_INT32: Final = (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SFIXED32)
_UNSIGNED: Final = (FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_UINT64)


class Words:
    """What fields of a name were seen to hold, of the answers and of the trade that was opened."""

    def __init__(self) -> None:
        self._of_field: dict[str, list[str]] = {}

    def learn(self, name: str, word: str) -> None:
        """Keeps a word for fields of this name; of many, those that came first."""
        words = self._of_field.setdefault(name, [])
        if word and word not in words and len(words) < _MOST_WORDS:
            words.append(word)

    def learn_from(self, message: Message) -> None:
        """Keeps every text of a message."""
        for field, value in message.ListFields():
            values = value if field.is_repeated else [value]
            for one in values:
                if isinstance(one, Message):
                    self.learn_from(one)
                elif isinstance(one, str):
                    self.learn(field.name, one)

    def of(self, name: str, chance: random.Random) -> str:
        """Returns a word that was seen in a field of this name; empty if there is none."""
        # A list of names goes by the plural.
        words = self._of_field.get(name) or self._of_field.get(name.removesuffix("s")) or [""]
        return chance.choice(words)


class Inventor:
    """Makes random messages."""

    def __init__(self, chance: random.Random, words: Words, *, request_id: Callable[[], str]) -> None:
        """`request_id` makes a new one."""
        self._chance = chance
        self._words = words
        self._request_id = request_id
        self._oddness = 0.0

    def request(self, of: Descriptor) -> Any:
        """Returns a request. Every other one has hardly anything odd in it, so that it gets far."""
        self._oddness = self._chance.choice((0.005, 0.02, 0.1, 0.4))
        return self._message(of, depth=0)

    def _message(self, of: Descriptor, *, depth: int) -> Any:
        made = message_factory.GetMessageClass(of)()
        if of.full_name in _MOMENTS and self._chance.random() >= self._oddness:
            made.seconds = self._chance.randint(1, 900) + _MOMENTS[of.full_name]() - 450 * ("Time" in of.name)
            return made
        chosen = [self._chance.choice(oneof.fields) for oneof in of.oneofs]
        for field in of.fields:
            is_another = field.containing_oneof is not None and field not in chosen
            if is_another or self._chance.random() < 0.1 or (field.message_type and depth >= _MOST_DEEP):
                continue
            if field.is_repeated:
                self._fill(made, field, depth)
            elif field.message_type:
                getattr(made, field.name).CopyFrom(self._message(field.message_type, depth=depth + 1))
            else:
                setattr(made, field.name, self._scalar(field))
        return made

    def _fill(self, made: Any, field: FieldDescriptor, depth: int) -> None:
        count = self._chance.choice((0, 1, 1, 1, 2, 2, 3, 5, 40 if depth == 0 else 4))
        values = getattr(made, field.name)
        for _ in range(count):
            if field.message_type:
                values.append(self._message(field.message_type, depth=depth + 1))
            else:
                values.append(self._scalar(field))

    def _scalar(self, field: FieldDescriptor) -> Any:
        if field.type == FieldDescriptor.TYPE_STRING:
            return self._text(field.name)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return self._chance.randbytes(self._chance.choice((0, 1, 16, 300)))
        if field.type == FieldDescriptor.TYPE_BOOL:
            return self._chance.random() < 0.5
        if field.type == FieldDescriptor.TYPE_ENUM:
            numbers = [value.number for value in field.enum_type.values]
            return self._chance.choice((999, -1) if self._is_odd() else numbers)
        if field.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
            odd = self._chance.choice((0.0, -1.0, 1e308, float("nan"), float("inf")))
            return odd if self._is_odd() else self._chance.random() * 90
        return self._number(field)

    def _is_odd(self) -> bool:
        return self._chance.random() < self._oddness

    def _text(self, name: str) -> str:
        if self._is_odd():
            return self._chance.choice((*_ODD_TEXTS, damaged(self._words.of(name, self._chance), self._chance)))
        if name == "request_id" and self._chance.random() < 0.9:
            return self._request_id()
        return self._words.of(name, self._chance)

    def _number(self, field: FieldDescriptor) -> int:
        number = self._chance.choice(_ODD_NUMBERS) if self._is_odd() else self._chance.randint(1, 20)
        if field.type in _INT32:
            return max(-(2**31), min(2**31 - 1, number))
        return abs(number) % 2**31 if field.type in _UNSIGNED else number


def damaged(text: str, chance: random.Random) -> str:
    """Returns a text with something cut off, put in, or altered."""
    place = chance.randrange(len(text) + 1)
    kind = chance.randrange(3)
    if kind == 0:
        return text[:place]
    other = chance.choice("Aa0_-=~ \0é")
    return text[:place] + other + text[place + (kind == 1) :]
