package io.sparklineage;

/** Two clocks: what is written down goes by the first, what measures how long something took by the second. */
interface Clock {
    /** Milliseconds since 1970; whoever sets the machine's clock makes it jump. */
    long millis();

    /** Nanoseconds from some moment on; it never jumps. */
    long nanos();

    /** The machine's. */
    Clock SYSTEM = new Clock() {
        @Override
        public long millis() {
            return System.currentTimeMillis();
        }

        @Override
        public long nanos() {
            return System.nanoTime();
        }
    };
}
