package io.sparklineage;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/**
 * A file system in memory that fails as it is told to. It knows what a process sees and what is on the disk: a crash takes the
 * process, a power cut takes what was not forced, by sectors and by names. A file whose fsync failed once has lost what was
 * to be forced then: the page cache has it until the power goes, and a later fsync says that all is well.
 */
class SimulatedDisk implements SpoolFiles {
    static final int SECTOR = 512;

    /** What becomes of an operation. HALF does a part of it and throws, LATE does it and throws, SHORT does a part and says so; the process may die before, in the middle and after. */
    enum Fault { NONE, IO, RUNTIME, MEMORY, LINKAGE, STACK, HALF, LATE, SHORT, CRASH, CRASH_HALF, CRASH_LATE }

    /** Decides what becomes of each operation. */
    interface Faults {
        Fault of(String operation);
    }

    /** The process that is simulated is dead: nothing that it does has an effect any more. */
    static final class Crash extends Error {
        private static final long serialVersionUID = 1;

        Crash() {
            super("crash", null, false, false);
        }
    }

    /** A file: what is seen of it, and what is on the disk. */
    static final class Node {
        byte[] data = new byte[0];
        int size;
        byte[] forced = new byte[0];
        final BitSet lostSectors = new BitSet();
        boolean locked;
        long modified;

        byte[] content() {
            return Arrays.copyOf(data, size);
        }

        void put(int at, byte[] bytes) {
            if (data.length < at + bytes.length) {
                data = Arrays.copyOf(data, Math.max(2 * data.length, at + bytes.length));
            }
            System.arraycopy(bytes, 0, data, at, bytes.length);
            size = Math.max(size, at + bytes.length);
        }

        void force() {
            byte[] after = content();
            for (int sector = lostSectors.nextSetBit(0); sector >= 0; sector = lostSectors.nextSetBit(sector + 1)) {
                blank(after, sector);
            }
            forced = after;
        }

        /** The kernel has marked the pages clean, and they never reach the disk. */
        void loseUnforced() {
            for (int sector = 0; sector * SECTOR < size; sector++) {
                int end = Math.min(size, (sector + 1) * SECTOR);
                if (end > forced.length || !Arrays.equals(Arrays.copyOfRange(data, sector * SECTOR, end),
                        Arrays.copyOfRange(forced, sector * SECTOR, end))) {
                    lostSectors.set(sector);
                }
            }
        }

        private void blank(byte[] bytes, int sector) {
            for (int i = sector * SECTOR; i < Math.min(bytes.length, (sector + 1) * SECTOR); i++) {
                bytes[i] = i < forced.length ? forced[i] : 0;
            }
        }

        /** What a power cut leaves: of each sector what was there before or after, and any length between the two. */
        void cutPower(Random random) {
            byte[] after = content();
            for (int sector = 0; sector * SECTOR < size; sector++) {
                if (lostSectors.get(sector) || random.nextInt(3) == 0) {
                    blank(after, sector);
                }
            }
            int least = Math.min(forced.length, size);
            int most = Math.max(forced.length, size);
            int length = most == least ? most : new int[] {forced.length, size, least + random.nextInt(most - least)}[random.nextInt(3)];
            byte[] left = Arrays.copyOf(after, length);
            for (int i = size; i < length; i++) {
                left[i] = i < forced.length ? forced[i] : 0;
            }
            data = left;
            size = length;
            forced = left.clone();
            lostSectors.clear();
        }
    }

    /** A change of a folder that is not on the disk yet: the node has the name `to` and no longer `from`; either may be null. */
    private static final class Change {
        final Path from;
        final Path to;
        final Node node;

        Change(Path from, Path to, Node node) {
            this.from = from;
            this.to = to;
            this.node = node;
        }

        void apply(Map<Path, Node> names) {
            if (from != null) {
                names.remove(from, node);
            }
            if (to != null) {
                names.put(to, node);
            }
        }
    }

    final Clock clock;
    Faults faults;
    long operations;
    boolean crashed;
    long usable = 1L << 40;
    private final Map<Path, Node> names = new TreeMap<>();
    private final Map<Path, Node> forcedNames = new TreeMap<>();
    private final List<Change> changes = new ArrayList<>();
    private boolean folderIsThere;

    SimulatedDisk(Clock clock, Faults faults) {
        this.clock = clock;
        this.faults = faults;
    }

    /** The files that a process sees. */
    synchronized Map<Path, Node> files() {
        return new TreeMap<>(names);
    }

    synchronized Node file(Path path) {
        return names.get(path);
    }

    /** Somebody deletes the folder with all that is in it. */
    synchronized void vanish() {
        names.clear();
        folderIsThere = false;
    }

    /** The process is gone, and with it its locks. */
    synchronized void crash() {
        crashed = true;
        names.values().forEach(node -> node.locked = false);
    }

    /** The machine is gone. Of the changes of names some have reached the disk: the first few, or with `anyOrder` any. */
    synchronized void cutPower(Random random, boolean anyOrder) {
        crash();
        int reached = changes.isEmpty() ? 0 : random.nextInt(changes.size() + 1);
        for (int i = 0; i < changes.size(); i++) {
            if (anyOrder ? random.nextBoolean() : i < reached) {
                changes.get(i).apply(forcedNames);
            }
        }
        changes.clear();
        names.clear();
        names.putAll(forcedNames);
        new java.util.HashSet<>(names.values()).forEach(node -> node.cutPower(random));
    }

    /** What somebody else has left: a file of so many zeros that nobody holds the lock of. */
    synchronized void leave(Path file, int size) {
        Node node = new Node();
        node.put(0, new byte[size]);
        node.modified = clock.millis();
        folderIsThere = true;
        change(null, file, node);
    }

    /** Another process starts. */
    synchronized void restart() {
        crashed = false;
    }

    /** Called on the thread that wants an operation; one that does not return hangs. */
    void before(String operation) {
        // Nothing hangs here.
    }

    /** Called with a file that the spool has deleted. */
    void deleted(Path file, byte[] content) {
        // Nobody asks here.
    }

    /** Called with the names that are on the disk now. */
    void forced(Map<Path, Node> files) {
        // Nobody asks here.
    }

    /** Whether an operation is done by half, or not at all. */
    private static boolean isHalf(Fault fault) {
        return fault == Fault.HALF || fault == Fault.CRASH_HALF;
    }

    /** Throws what the operation is to fail with; returns NONE, or what is for {@link #end}. */
    private Fault begin(String operation) throws IOException {
        before(operation);
        if (crashed) {
            throw new Crash();
        }
        operations++;
        Fault fault = faults.of(operation);
        switch (fault) {
            case CRASH:
                crash();
                throw new Crash();
            case IO:
                throw new IOException(operation + " fails");
            case RUNTIME:
                throw new IllegalStateException(operation + " fails");
            case MEMORY:
                throw new OutOfMemoryError(operation + " fails");
            case LINKAGE:
                throw new NoClassDefFoundError(operation + " fails");
            case STACK:
                throw new StackOverflowError(operation + " fails");
            default:
                return fault;
        }
    }

    private void end(Fault fault) throws IOException {
        if (fault == Fault.CRASH_HALF || fault == Fault.CRASH_LATE) {
            crash();
            throw new Crash();
        }
        if (fault == Fault.LATE || fault == Fault.HALF) {
            throw new IOException("it fails late");
        }
    }

    private void change(Path from, Path to, Node node) {
        Change change = new Change(from, to, node);
        change.apply(names);
        changes.add(change);
    }

    @Override
    public synchronized void makeFolder(Path folder) throws IOException {
        Fault fault = begin("makeFolder");
        folderIsThere = true;
        end(fault);
    }

    @Override
    public synchronized Output create(Path file) throws IOException {
        Fault fault = begin("create");
        if (!folderIsThere) {
            throw new NoSuchFileException(file.toString());
        }
        if (names.containsKey(file)) {
            throw new FileAlreadyExistsException(file.toString());
        }
        Node node = new Node();
        node.modified = clock.millis();
        change(null, file, node);
        end(fault);
        node.locked = true;
        return new Writer(node);
    }

    @Override
    public synchronized void forceFolder(Path folder) throws IOException {
        Fault fault = begin("forceFolder");
        if (!isHalf(fault)) {
            changes.forEach(change -> change.apply(forcedNames));
            changes.clear();
            forced(forcedNames);
        }
        end(fault);
    }

    @Override
    public synchronized void rename(Path from, Path to) throws IOException {
        Fault fault = begin("rename");
        Node node = names.get(from);
        if (node == null) {
            throw new NoSuchFileException(from.toString());
        }
        if (!isHalf(fault)) {
            change(from, to, node);
        }
        end(fault);
    }

    @Override
    public synchronized void delete(Path file) throws IOException {
        Fault fault = begin("delete");
        Node node = names.get(file);
        if (node != null && !isHalf(fault)) {
            change(file, null, node);
            deleted(file, node.content());
        }
        end(fault);
    }

    @Override
    public synchronized boolean exists(Path file) throws IOException {
        end(begin("exists"));
        return names.containsKey(file);
    }

    @Override
    public synchronized List<Listed> list(Path folder, String... endings) throws IOException {
        end(begin("list"));
        List<Listed> found = new ArrayList<>();
        names.forEach((path, node) -> {
            if (Arrays.stream(endings).anyMatch(path.toString()::endsWith)) {
                found.add(new Listed(path, node.size, node.modified));
            }
        });
        return found;
    }

    @Override
    public synchronized SeekableByteChannel read(Path file) throws IOException {
        end(begin("read"));
        Node node = names.get(file);
        if (node == null) {
            throw new NoSuchFileException(file.toString());
        }
        return new Reader(node.content());
    }

    @Override
    public synchronized boolean isLocked(Path file) throws IOException {
        end(begin("isLocked"));
        Node node = names.get(file);
        return node != null && node.locked;
    }

    @Override
    public synchronized Closeable lock(Path file) throws IOException {
        end(begin("lock"));
        return () -> { };
    }

    @Override
    public synchronized long usableSpace(Path folder) throws IOException {
        end(begin("usableSpace"));
        return usable;
    }

    private final class Writer implements Output {
        private final Node node;
        private int position;

        Writer(Node node) {
            this.node = node;
        }

        @Override
        public int write(ByteBuffer bytes) throws IOException {
            synchronized (SimulatedDisk.this) {
                Fault fault = begin("write");
                boolean part = isHalf(fault) || fault == Fault.SHORT;
                byte[] taken = new byte[part ? (bytes.remaining() + 1) / 2 : bytes.remaining()];
                bytes.get(taken);
                node.put(position, taken);
                node.modified = clock.millis();
                position += taken.length;
                end(fault);
                return taken.length;
            }
        }

        @Override
        public void truncate(long size) throws IOException {
            synchronized (SimulatedDisk.this) {
                Fault fault = begin("truncate");
                if (!isHalf(fault)) {
                    node.size = (int) Math.min(node.size, size);
                    position = Math.min(position, node.size);
                }
                end(fault);
            }
        }

        @Override
        public void force() throws IOException {
            synchronized (SimulatedDisk.this) {
                Fault fault;
                try {
                    fault = begin("force");
                } catch (IOException | RuntimeException | Error problem) {
                    if (!crashed) {
                        node.loseUnforced();
                    }
                    throw problem;
                }
                if (isHalf(fault)) {
                    node.loseUnforced();
                } else {
                    node.force();
                }
                end(fault);
            }
        }

        @Override
        public void touch() throws IOException {
            synchronized (SimulatedDisk.this) {
                Fault fault = begin("touch");
                node.modified = clock.millis();
                end(fault);
            }
        }

        @Override
        public void close() throws IOException {
            synchronized (SimulatedDisk.this) {
                Fault fault = begin("close");
                node.locked = false;
                end(fault);
            }
        }
    }

    private static final class Reader implements SeekableByteChannel {
        private final byte[] content;
        private long position;

        Reader(byte[] content) {
            this.content = content;
        }

        @Override
        public int read(ByteBuffer into) {
            int length = (int) Math.min(into.remaining(), content.length - position);
            if (length <= 0) {
                return -1;
            }
            into.put(content, (int) position, length);
            position += length;
            return length;
        }

        @Override
        public int write(ByteBuffer from) {
            throw new UnsupportedOperationException();
        }

        @Override
        public long position() {
            return position;
        }

        @Override
        public SeekableByteChannel position(long to) {
            position = to;
            return this;
        }

        @Override
        public long size() {
            return content.length;
        }

        @Override
        public SeekableByteChannel truncate(long size) {
            throw new UnsupportedOperationException();
        }

        @Override
        public boolean isOpen() {
            return true;
        }

        @Override
        public void close() {
            // Nothing is held.
        }
    }
}
