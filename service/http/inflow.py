"""What the bodies of all requests together may take of memory: each is bounded by itself, but many come at once."""

from service.errors import Overloaded

# Times the largest body that is allowed. More than that many of the largest at once are no use, whatever the lanes do.
_LARGEST_BODIES = 8


class Inflow:
    """Counts the bytes that have arrived, so that a slow sender who has sent little holds little."""

    def __init__(self, max_body_bytes: int) -> None:
        self._most_bytes = _LARGEST_BODIES * max_body_bytes
        self.held_bytes = 0
        """Bytes of bodies that are being received or worked on."""

    def take(self, size_bytes: int) -> None:
        """Count what has arrived.

        Raises:
            Overloaded: it is more than can be kept; nothing was counted.
        """
        if self.held_bytes + size_bytes > self._most_bytes:
            raise Overloaded("Too many large bodies are arriving at once; come back later.")
        self.held_bytes += size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Their request has ended."""
        self.held_bytes -= size_bytes
