package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionEnd;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** An execution whose record takes for ever: what waits behind it, and what is said of it at the end. */
@Timeout(60)
class RecorderTest {
    private static final long MINUTE_MILLIS = 60_000;
    private static final int WAITS = 30;
    private static final Pattern EXECUTION = Pattern.compile("\"kind\":\"execution\".*?\"execution_id\":(\\d+)");

    private final CountDownLatch released = new CountDownLatch(1);
    private final CountDownLatch inHand = new CountDownLatch(1);
    private final Gaps gaps = new Gaps("b");
    private final Meter meter = new Meter();
    private final AtomicBoolean isEnding = new AtomicBoolean();
    @TempDir
    Path folder;
    private Spool spool;
    private Intents intents;
    private Recorder recorder;

    @BeforeEach
    void start() throws Exception {
        SpoolWriter writer = new SpoolWriter(LocalFiles.INSTANCE, Clock.SYSTEM, folder.resolve("spool"), "b",
                "{\"kind\":\"application\"}".getBytes(StandardCharsets.UTF_8), MINUTE_MILLIS, 1L << 40, gaps);
        spool = new Spool(writer, gaps, Clock.SYSTEM, null);
        spool.start();
        Settings settings = Settings.of(Collections.singletonMap(Settings.SPOOL, folder.resolve("spool").toString())::get);
        NameMasker names = new NameMasker();
        intents = new Intents("b", null, settings, spool, names);
        recorder = new Recorder("b", "someone", settings, spool, gaps, new Activity(), intents, names, isEnding::get, WAITS);
        recorder.measure(meter);
    }

    @AfterEach
    void end() {
        released.countDown();
        recorder.close(MINUTE_MILLIS);
        spool.close(MINUTE_MILLIS);
    }

    private void ended(long execution, Throwable failure) {
        SparkListenerSQLExecutionEnd event = new SparkListenerSQLExecutionEnd(execution, 1, scala.Option.empty());
        event.executionFailure_$eq(scala.Option.apply(failure));
        recorder.ended(event, new Activity.Execution(execution), execution);
    }

    /** A failure whose message is not told before it is released. */
    private void hangs(long execution) throws InterruptedException {
        ended(execution, new IOException() {
            @Override
            public String getMessage() {
                inHand.countDown();
                try {
                    released.await();
                } catch (InterruptedException interrupted) {
                    Thread.currentThread().interrupt();
                }
                return null;
            }
        });
        assertTrue(inHand.await(30, TimeUnit.SECONDS));
    }

    private List<Long> recorded() throws IOException {
        List<Long> executions = new ArrayList<>();
        try (Stream<Path> segments = Files.list(folder.resolve("spool"))) {
            for (Path segment : (Iterable<Path>) segments.filter(each -> each.toString().endsWith(".seg")).sorted()::iterator) {
                for (String record : Frames.of(Files.readAllBytes(segment))) {
                    Matcher matcher = EXECUTION.matcher(record);
                    if (matcher.find()) {
                        executions.add(Long.valueOf(matcher.group(1)));
                    }
                }
            }
        }
        return executions;
    }

    @Test
    void whoeverFindsNoRoomWaitsAndTheOrderIsThatOfTheEvents() throws Exception {
        hangs(0);
        List<Long> expected = new ArrayList<>(Collections.singletonList(0L));
        for (long execution = 1; execution <= Recorder.WAITING_LIMIT; execution++) {
            ended(execution, null);
            expected.add(execution);
        }
        long more = Recorder.WAITING_LIMIT + 1;
        expected.add(more);
        Thread bus = new Thread(() -> ended(more, null));
        bus.start();
        bus.join(500);
        assertTrue(bus.isAlive());
        bus.interrupt();
        bus.join(500);
        assertTrue(bus.isAlive(), "an interrupt does not lose the execution");
        released.countDown();
        bus.join();
        FlushMarker marker = new FlushMarker();
        recorder.arrived(marker);
        assertTrue(marker.arrived.await(30, TimeUnit.SECONDS));
        assertTrue(spool.seal(MINUTE_MILLIS));
        assertEquals(expected, recorded());
        assertEquals(0, gaps.lost());
    }

    @Test
    void whatIsNotRecordedByTheEndIsCounted() throws Exception {
        hangs(0);
        ended(1, null);
        ended(2, null);
        recorder.arrived(new FlushMarker());
        assertEquals(3, queued());
        recorder.close(100);
        assertEquals(3, gaps.lost(Gaps.ENCODE_FAILED));
        assertEquals(0, queued());
        assertThrows(RejectedExecutionException.class, () -> ended(3, null));
        recorder.arrived(new FlushMarker());
        released.countDown();
        recorder.close(MINUTE_MILLIS);
        spool.close(MINUTE_MILLIS);
        assertEquals(Collections.emptyList(), recorded());
        assertEquals(3, gaps.lost());
    }

    @Test
    void anExecutionUnderWayIsLostAtTheEndThoughNoneWaits() throws Exception {
        hangs(0);
        recorder.close(100);
        assertEquals(1, gaps.lost(Gaps.ENCODE_FAILED));
    }

    @Test
    void behindARecordWithoutEndNobodyWaitsForEver() throws Exception {
        hangs(0);
        for (long execution = 1; execution <= Recorder.WAITING_LIMIT; execution++) {
            ended(execution, null);
        }
        ended(100, null);
        assertEquals(1, gaps.lost(Gaps.ENCODE_FAILED));
        long began = System.nanoTime();
        for (long execution = 101; execution < 111; execution++) {
            ended(execution, null);
        }
        assertTrue(System.nanoTime() - began < TimeUnit.SECONDS.toNanos(3), "only the first has waited");
        assertEquals(11, gaps.lost(Gaps.ENCODE_FAILED));
        released.countDown();
        while (queued() > 0) {
            Thread.sleep(10);
        }
        ended(200, null);
        recorder.close(MINUTE_MILLIS);
        assertTrue(spool.close(MINUTE_MILLIS));
        assertEquals(LongStream.concat(LongStream.rangeClosed(0, Recorder.WAITING_LIMIT), LongStream.of(200)).boxed()
                .collect(Collectors.toList()), recorded());
        assertEquals(11, gaps.lost());
    }

    @Test
    void thePlanOfAWriteIsLetGoThoughItsEndIsRefused() throws Exception {
        hangs(0);
        for (long execution = 1; execution <= Recorder.WAITING_LIMIT; execution++) {
            ended(execution, null);
        }
        PlanEncoder encoder = new PlanEncoder(new LiteralHasher(new byte[32]), new NameMasker(), false, 10, false);
        intents.began(100, encoder);
        intents.began(101, encoder);
        intents.began(102, encoder);
        ended(100, null);
        assertEquals(1, gaps.lost(Gaps.ENCODE_FAILED), "there was no room");
        assertNull(intents.begun(100));
        recorder.close(100);
        assertThrows(RejectedExecutionException.class, () -> ended(101, null));
        assertNull(intents.begun(101));
        assertSame(encoder, intents.begun(102));
    }

    private long queued() {
        return meter.values().get("queued_executions").getAsLong();
    }

    @Test
    void whoWaitsForRoomAtTheEndWaitsNoLonger() throws Exception {
        hangs(0);
        for (long execution = 1; execution <= Recorder.WAITING_LIMIT; execution++) {
            ended(execution, null);
        }
        Thread bus = new Thread(() -> ended(100, null));
        bus.start();
        bus.join(300);
        recorder.close(100);
        bus.join();
        assertEquals(2 + Recorder.WAITING_LIMIT, gaps.lost(Gaps.ENCODE_FAILED), "with the one under way and the one without room");
    }

    /** A record each half a second: each wait for room is a short one, and together they took a minute. */
    @Test
    void theWaitsForRoomAtTheEndAreBoundedTogether() throws Exception {
        isEnding.set(true);
        long began = System.nanoTime();
        int count = 120;
        for (long execution = 0; execution < count; execution++) {
            ended(execution, new IOException() {
                @Override
                public String getMessage() {
                    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(500));
                    return null;
                }
            });
        }
        recorder.close(Recorder.END_MILLIS);
        long tookMillis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
        assertTrue(tookMillis > Recorder.END_MILLIS - 1_000 && tookMillis < 2 * Recorder.END_MILLIS, tookMillis + " ms");
        assertTrue(spool.close(MINUTE_MILLIS));
        assertEquals(count, recorded().size() + gaps.lost(Gaps.ENCODE_FAILED));
        assertTrue(recorded().size() > 5, "what there was time for is recorded");
    }

    @Test
    void anExecutionWhoseFailureCannotBeReadIsRecorded() throws Exception {
        ended(0, new IOException() {
            @Override
            public String getMessage() {
                throw new IllegalStateException("no words");
            }
        });
        recorder.close(MINUTE_MILLIS);
        spool.close(MINUTE_MILLIS);
        assertEquals(Arrays.asList(0L), recorded());
        assertEquals(0, gaps.lost());
    }

    @Test
    void afterAFailureTheNextIsRecorded() throws Exception {
        recorder.ended(null, new Activity.Execution(0), 0);
        ended(1, null);
        recorder.close(MINUTE_MILLIS);
        spool.close(MINUTE_MILLIS);
        assertEquals(Arrays.asList(1L), recorded());
        assertEquals(1, gaps.lost(Gaps.ENCODE_FAILED));
    }
}
