"""Rate limits: a token bucket per key, and the headers that show it.

Source of the headers: draft-ietf-httpapi-ratelimit-headers.
"""

from collections import OrderedDict

from app.base import clock


class RateLimiter:
    """Token buckets, one per key, that hold one second's worth of requests."""

    KEYS_MAX = 100_000
    """Bounds memory; a forgotten bucket begins full again."""

    def __init__(self, per_s: int) -> None:
        self.per_s = per_s
        self.policy = f'"default";q={per_s};w=1'.encode()
        self._full = f'"default";r={per_s};t=1'.encode()
        self._buckets: OrderedDict[object, list[float]] = OrderedDict()

    def take(self, key: object, count: int = 1) -> bool:
        """Take `count` tokens if there are any left; a big request may overdraw, and then waits."""
        now = clock.monotonic()
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= self.KEYS_MAX:
                self._buckets.popitem(last=False)
            bucket = self._buckets[key] = [float(self.per_s), now]
        tokens = min(float(self.per_s), bucket[0] + (now - bucket[1]) * self.per_s)
        bucket[1] = now
        if tokens < 1:
            bucket[0] = tokens
            return False
        bucket[0] = tokens - count
        return True

    def header(self, key: object) -> bytes:
        """The RateLimit header for a key."""
        bucket = self._buckets.get(key)
        if bucket is None:
            return self._full
        return b'"default";r=%d;t=1' % max(0, int(bucket[0]))
