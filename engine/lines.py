"""Who may go next: the order that a route keeps, by key. Pure; places in, places out."""

from __future__ import annotations

from collections import deque


class Lines:
    """Messages standing in line, one line for each key.

    A message with no key may start at once. Every other starts when it is the first in each of its lines; a merge
    stands in the lines of both its patients, and so waits for both and holds both.
    """

    def __init__(self) -> None:
        self._lines: dict[str, deque[int]] = {}
        self._keys: dict[int, tuple[str, ...]] = {}
        self._ahead: dict[int, int] = {}
        self._ready: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, place: int) -> bool:
        return place in self._keys

    @property
    def ready(self) -> int:
        """How many messages may start now."""
        return len(self._ready)

    def add(self, place: int, keys: tuple[str, ...]) -> None:
        """Put the message at `place` behind all that were added before it in the lines of `keys`."""
        if len(keys) > 1:
            keys = tuple(dict.fromkeys(keys))
        ahead = 0
        for key in keys:
            line = self._lines.get(key)
            if line is None:
                self._lines[key] = deque((place,))
            else:
                line.append(place)
                ahead += 1
        self._keys[place] = keys
        if ahead:
            self._ahead[place] = ahead
        else:
            self._ready.append(place)

    def start(self) -> int | None:
        """The longest waiting message that may start, or None; it holds its lines until `finish`."""
        return self._ready.popleft() if self._ready else None

    def again(self, place: int) -> None:
        """A message that was started, and still holds its lines, may start again."""
        self._ready.appendleft(place)

    def finish(self, place: int) -> None:
        """The started message at `place` is settled: the next in each of its lines moves up."""
        for key in self._keys.pop(place):
            line = self._lines[key]
            line.popleft()
            if not line:
                del self._lines[key]
                continue
            behind = line[0]
            self._ahead[behind] -= 1
            if not self._ahead[behind]:
                del self._ahead[behind]
                self._ready.append(behind)
