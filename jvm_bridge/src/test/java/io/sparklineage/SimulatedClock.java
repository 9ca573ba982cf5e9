package io.sparklineage;

/** A clock that goes on when it is told to, and whose time of day can be set. */
final class SimulatedClock implements Clock {
    private volatile long nanos;
    private volatile long offset;

    SimulatedClock(long nanos, long millis) {
        this.nanos = nanos;
        this.offset = millis;
    }

    void advance(long millis) {
        nanos += millis * 1_000_000;
    }

    /** Sets the time of day forth or, with a negative number, back. */
    void jump(long millis) {
        offset += millis;
    }

    @Override
    public long millis() {
        return offset + nanos / 1_000_000;
    }

    @Override
    public long nanos() {
        return nanos;
    }
}
