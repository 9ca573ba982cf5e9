package io.sparklineage;

import io.sparklineage.SimulatedDisk.Fault;
import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.core.config.Configurator;

/**
 * Histories of a spool: applications that follow each other in one folder, on a disk that fails, until each ends, is killed
 * or loses its power. The writer is the real one, driven step by step; all that is left to chance comes from the seed.
 *
 * <p>`Simulation records.jsonl first last` writes the histories of the seeds from first to last to its output, each as
 * a length, a JSON object of what happened, and the bytes of the files of its images in the order in which it names them.
 * `tests/simulation` has an ingester eat them and compares.
 */
final class Simulation {
    private static final Path FOLDER = Paths.get("/spool");
    private static final int HISTORY_LIMIT = 3;

    /** How a generation ended. */
    private enum End { ENDED, KILLED, POWER_CUT }

    /** The records that a real job wrote, with marks in the place of the bridge and of the execution's number. */
    private static final class Templates {
        final List<String> lines;

        Templates(Path file) throws IOException {
            lines = Files.readAllLines(file, StandardCharsets.UTF_8);
        }

        byte[] application(String bridge) {
            return bytes(lines.get(0), bridge, 0);
        }

        byte[] end(String bridge) {
            return bytes(lines.get(lines.size() - 1), bridge, 0);
        }

        /** The intent, or the execution, of a write: two of these are in the file, each with its plan before it. */
        Entry entry(String bridge, int number, boolean execution) {
            int plan = 1 + 4 * (number % 4 == 3 ? 1 : 0) + (execution ? 2 : 0);
            byte[] section = lines.get(plan).getBytes(StandardCharsets.UTF_8);
            return new Entry(bytes(lines.get(plan + 1), bridge, number),
                    Collections.singletonMap(Integer.toString(plan), section));
        }

        private static byte[] bytes(String line, String bridge, int number) {
            return line.replace("@bridge@", bridge).replace("@number@", Integer.toString(number)).getBytes(StandardCharsets.UTF_8);
        }
    }

    /** What is left to chance: which operations fail, and how. */
    private static final class Chance implements SimulatedDisk.Faults {
        private static final Fault[] FAULTS = {Fault.IO, Fault.IO, Fault.IO, Fault.RUNTIME, Fault.MEMORY, Fault.LINKAGE, Fault.STACK,
            Fault.HALF, Fault.HALF, Fault.LATE, Fault.LATE, Fault.SHORT, Fault.SHORT};
        private static final Fault[] CRASHES = {Fault.CRASH, Fault.CRASH_HALF, Fault.CRASH_LATE};
        private final Random random;
        private final int oneIn;
        private final int burst;
        private long count;
        private long crashAt;
        private long failUntil;

        Chance(Random random) {
            this.random = random;
            this.oneIn = new int[] {0, 0, 100, 25, 8}[random.nextInt(5)];
            this.burst = new int[] {1, 1, 3, 20}[random.nextInt(4)];
        }

        void crashAt(long operation) {
            crashAt = count + operation;
        }

        @Override
        public Fault of(String operation) {
            count++;
            if (crashAt != 0 && count >= crashAt) {
                crashAt = 0;
                return CRASHES[random.nextInt(CRASHES.length)];
            }
            if (oneIn > 0 && random.nextInt(oneIn) == 0) {
                failUntil = count + 1 + random.nextInt(burst);
            }
            return count < failUntil ? FAULTS[random.nextInt(FAULTS.length)] : Fault.NONE;
        }
    }

    private final Templates templates;
    private final Random random;
    private final Chance chance;
    private final SimulatedClock clock = new SimulatedClock(0, 1_795_294_627_862L);
    private final SimulatedDisk disk;
    private final JsonWriter told = new JsonWriter().object();
    private final List<byte[]> images = new ArrayList<>();
    private final Set<Path> forGood = new HashSet<>();

    private Simulation(Templates templates, long seed) {
        this.templates = templates;
        this.random = new Random(seed * 0x9E3779B97F4A7C15L);
        this.chance = new Chance(random);
        this.disk = new SimulatedDisk(clock, chance) {
            /** A sealed segment whose name is on the disk is there for good, with all that it has. */
            @Override
            void forced(Map<Path, Node> files) {
                files.forEach((path, node) -> {
                    if (path.toString().endsWith(".seg") && forGood.add(path)) {
                        tell("forced", node.content());
                    }
                });
            }

            @Override
            void deleted(Path file, byte[] content) {
                tell("deleted", content);
            }
        };
        told.field("seed", seed).name("events").array();
    }

    private void tell(String event, byte[] segment) {
        told.object().field("event", event).name("records").array();
        Frames.of(segment).stream().filter(record -> !record.contains("\"kind\":\"plan\"")).forEach(told::value);
        told.endArray().endObject();
    }

    /** Runs the history and writes it. */
    private void run(DataOutputStream out) throws IOException {
        int generations = 1 + random.nextInt(HISTORY_LIMIT);
        for (int i = 0; i < generations; i++) {
            generation();
        }
        byte[] json = told.endArray().endObject().toBytes();
        out.writeInt(json.length);
        out.write(json);
        for (byte[] image : images) {
            out.write(image);
        }
    }

    /** One application, from its start to its end; it may not come to open its spool at all. */
    private void generation() {
        String bridge = new UUID(random.nextLong(), random.nextLong()).toString();
        End end = End.values()[random.nextInt(3)];
        Gaps gaps = new Gaps(bridge, clock);
        long maxBytes = random.nextInt(4) == 0 ? 20_000 + random.nextInt(40_000) : 1L << 40;
        SpoolWriter writer = new SpoolWriter(disk, clock, FOLDER, bridge, templates.application(bridge),
                1_000L + random.nextInt(20_000), maxBytes, gaps);
        Spool spool = new Spool(writer, gaps, clock, null);
        told.object().field("event", "began").field("bridge", bridge).endObject();
        if (end != End.ENDED) {
            chance.crashAt(1 + random.nextInt(120));
        }
        if (open(writer)) {
            work(bridge, spool);
            if (!disk.crashed) {
                finish(bridge, spool, end);
            }
        }
        end = disk.crashed && end == End.ENDED ? End.KILLED : end;
        die(end);
        disk.restart();
        chance.crashAt = 0;
        disk.usable = 1L << 40;
        told.object().field("event", "over").field("bridge", bridge).field("how", end.name().toLowerCase(Locale.ROOT))
                .field("offered", spool.offered()).field("written", spool.written())
                .field("lost", gaps.lost() - gaps.lost(Gaps.SPOOL_FULL)).name("untold").object();
        gaps.untold().forEach(told::field);
        told.endObject().endObject();
        image();
        clock.advance(60_000);
    }

    private boolean open(SpoolWriter writer) {
        try {
            writer.open();
            return true;
        } catch (Throwable notCaptured) {
            return false;
        }
    }

    private void work(String bridge, Spool spool) {
        int begun = 0;
        List<Integer> running = new ArrayList<>();
        int steps = 2 + random.nextInt(9);
        for (int i = 0; i < steps && !disk.crashed; i++) {
            switch (random.nextInt(10)) {
                case 0:
                    clock.jump((random.nextBoolean() ? 1 : -1) * (long) random.nextInt(1 << 30) * 1_000);
                    break;
                case 1:
                    disk.usable = random.nextInt(3) == 0 ? 1 << 20 : 1L << 40;
                    break;
                case 2:
                    spool.askToSeal();
                    turn(spool);
                    break;
                case 3:
                    if (random.nextInt(3) == 0) {
                        image();
                    }
                    break;
                case 4:
                    clock.advance(5_000 + random.nextInt(30_000));
                    spool.step(null);
                    break;
                default:
                    if (!running.isEmpty() && random.nextBoolean()) {
                        put(bridge, spool, running.remove(random.nextInt(running.size())), true);
                    } else {
                        running.add(begun);
                        put(bridge, spool, begun++, false);
                    }
            }
            clock.advance(1 + random.nextInt(1_500));
        }
    }

    private void put(String bridge, Spool spool, int number, boolean execution) {
        SpoolWriter.Wait wait = execution ? SpoolWriter.Wait.NOTHING
                : random.nextInt(3) == 0 ? SpoolWriter.Wait.SYNCED : SpoolWriter.Wait.WRITTEN;
        Spool.Task task = spool.queue(templates.entry(bridge, number, execution), wait);
        turn(spool);
        // What a process learned after it was dead it has not learned.
        String outcome = disk.crashed ? "unknown" : task.outcome().name().toLowerCase(Locale.ROOT);
        told.object().field("event", "record").field("bridge", bridge).field("number", number)
                .field("kind", execution ? "execution" : "intent").field("outcome", outcome)
                .field("synced", wait == SpoolWriter.Wait.SYNCED).endObject();
    }

    private static void turn(Spool spool) {
        spool.step(spool.next());
    }

    private void finish(String bridge, Spool spool, End end) {
        if (end == End.ENDED) {
            Spool.Task task = spool.queue(new Entry(templates.end(bridge)), SpoolWriter.Wait.NOTHING);
            turn(spool);
            told.object().field("event", "record").field("bridge", bridge).field("number", -1).field("kind", "application_end")
                    .field("outcome", task.outcome().name().toLowerCase(Locale.ROOT)).field("synced", false).endObject();
            spool.askToEnd(0);
            turn(spool);
        }
    }

    /** Whatever the end, the process is gone, and its locks with it. */
    private void die(End end) {
        if (end == End.POWER_CUT) {
            disk.cutPower(random, random.nextBoolean());
            told.object().field("event", "power_cut").endObject();
        } else {
            disk.crash();
        }
    }

    /** The files as another process sees them now. */
    private void image() {
        told.object().field("event", "image").name("files").array();
        for (Map.Entry<Path, SimulatedDisk.Node> file : disk.files().entrySet()) {
            byte[] content = file.getValue().content();
            told.object().field("name", file.getKey().getFileName().toString()).field("bytes", content.length)
                    .field("locked", file.getValue().locked).endObject();
            images.add(content);
        }
        told.endArray().endObject();
    }

    /** See above. */
    public static void main(String[] words) throws IOException {
        Configurator.setRootLevel(Level.OFF);
        Configurator.setLevel(SpoolWriter.class.getName(), Level.OFF);
        Configurator.setLevel(Spool.class.getName(), Level.OFF);
        Templates templates = new Templates(Paths.get(words[0]));
        try (DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out, 1 << 20))) {
            for (long seed = Long.parseLong(words[1]); seed <= Long.parseLong(words[2]); seed++) {
                new Simulation(templates, seed).run(out);
            }
        }
    }
}
