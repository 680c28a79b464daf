"""What one mutation of the API is, for tests of what all of them have in common."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from api.shop import Shop

# The first field that differs, and what to do to the request to make it differ there.
Change = tuple[str, Callable[[Any], None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One RPC; `make` gives a request that will take effect in the shop, without its request_id."""

    service: str
    rpc: str
    make: Callable[[Shop], Awaitable[Any]]
    changes: tuple[Change, ...]

    def method(self, stubs: Any) -> Callable[..., Awaitable[Any]]:
        method: Callable[..., Awaitable[Any]] = getattr(getattr(stubs, self.service), self.rpc)
        return method


def setting(path: str, value: Any) -> Change:
    """A change of one field, written as the authority names it: `lines[0].quantity`."""

    def change(request: Any) -> None:
        *parents, last = path.split(".")
        message = request
        for parent in parents:
            name, _, index = parent.rstrip("]").partition("[")
            message = getattr(message, name)[int(index)] if index else getattr(message, name)
        setattr(message, last, value)

    return path, change


REASON = setting("reason", "another reason")
ONE_LINE_LESS: Change = ("lines", lambda request: request.lines.pop())
