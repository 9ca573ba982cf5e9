package io.sparklineage;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The files of this machine. */
final class LocalFiles implements SpoolFiles {
    static final LocalFiles INSTANCE = new LocalFiles();

    private static final FileAttribute<?> OWNERS_FILE =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
    private static final FileAttribute<?> OWNERS_FOLDER =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
    private static final Set<StandardOpenOption> NEW =
            EnumSet.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);

    /** Files that this process writes. To ask one for its lock would give it up: closing any descriptor does (fcntl). */
    private static final Set<Path> WRITTEN = ConcurrentHashMap.newKeySet();

    private LocalFiles() {
    }

    @Override
    public void makeFolder(Path folder) throws IOException {
        if (Files.isDirectory(folder)) {
            return;
        }
        Path above = folder.toAbsolutePath().getParent();
        if (above != null) {
            makeFolder(above);
        }
        try {
            try {
                Files.createDirectory(folder, OWNERS_FOLDER);
            } catch (UnsupportedOperationException noSuchAttribute) {
                Files.createDirectory(folder);
            }
        } catch (FileAlreadyExistsException madeByAnother) {
            if (!Files.isDirectory(folder)) {
                throw madeByAnother;
            }
        }
        if (above != null) {
            forceFolder(above);
        }
    }

    @Override
    public Output create(Path file) throws IOException {
        FileChannel channel = open(file, NEW);
        WRITTEN.add(file.toAbsolutePath());
        LocalOutput output = new LocalOutput(file.toAbsolutePath(), channel);
        try {
            if (channel.tryLock() == null) {
                throw new IOException("another process holds the lock of " + file);
            }
            return output;
        } catch (IOException | RuntimeException | Error problem) {
            output.close();
            delete(file);
            throw problem;
        }
    }

    /** Where a folder cannot be opened (Windows, another owner's) its names are the system's business. */
    @Override
    public void forceFolder(Path folder) throws IOException {
        FileChannel channel;
        try {
            channel = FileChannel.open(folder, StandardOpenOption.READ);
        } catch (NoSuchFileException gone) {
            throw gone;
        } catch (IOException cannotBeOpened) {
            return;
        }
        try {
            channel.force(true);
        } finally {
            channel.close();
        }
    }

    @Override
    public void rename(Path from, Path to) throws IOException {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    }

    @Override
    public void delete(Path file) throws IOException {
        Files.deleteIfExists(file);
    }

    @Override
    public boolean exists(Path file) throws IOException {
        try {
            Files.readAttributes(file, BasicFileAttributes.class);
            return true;
        } catch (NoSuchFileException absent) {
            return false;
        }
    }

    @Override
    public List<Listed> list(Path folder, String... endings) throws IOException {
        List<Listed> found = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, path -> endsWith(path, endings))) {
            for (Path path : entries) {
                try {
                    BasicFileAttributes file = Files.readAttributes(path, BasicFileAttributes.class);
                    if (file.isRegularFile()) {
                        found.add(new Listed(path, file.size(), file.lastModifiedTime().toMillis()));
                    }
                } catch (NoSuchFileException ingested) {
                    continue;
                }
            }
        } catch (java.nio.file.DirectoryIteratorException problem) {
            throw problem.getCause();
        }
        return found;
    }

    private static boolean endsWith(Path path, String... endings) {
        String name = path.getFileName().toString();
        for (String ending : endings) {
            if (name.endsWith(ending)) {
                return true;
            }
        }
        return false;
    }

    @Override
    public SeekableByteChannel read(Path file) throws IOException {
        return Files.newByteChannel(file);
    }

    @Override
    public boolean isLocked(Path file) throws IOException {
        if (WRITTEN.contains(file.toAbsolutePath())) {
            return true;
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE); FileLock lock = channel.tryLock()) {
            return lock == null;
        } catch (NoSuchFileException gone) {
            return false;
        } catch (IOException | OverlappingFileLockException cannotBeTold) {
            return true;
        }
    }

    @Override
    public Closeable lock(Path file) throws IOException {
        FileChannel channel = open(file, EnumSet.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE));
        try {
            if (channel.tryLock() != null) {
                return channel;
            }
        } catch (OverlappingFileLockException heldByThisProcess) {
            // As if another process held it.
        } catch (IOException | RuntimeException | Error problem) {
            channel.close();
            throw problem;
        }
        channel.close();
        return null;
    }

    /** Opens a file that is the owner's alone where it is made. */
    private static FileChannel open(Path file, Set<StandardOpenOption> options) throws IOException {
        try {
            return FileChannel.open(file, options, OWNERS_FILE);
        } catch (UnsupportedOperationException noSuchAttribute) {
            return FileChannel.open(file, options);
        }
    }

    @Override
    public long usableSpace(Path folder) throws IOException {
        return Files.getFileStore(folder).getUsableSpace();
    }

    private static final class LocalOutput implements Output {
        private final Path file;
        private final FileChannel channel;

        LocalOutput(Path file, FileChannel channel) {
            this.file = file;
            this.channel = channel;
        }

        @Override
        public int write(ByteBuffer bytes) throws IOException {
            return channel.write(bytes);
        }

        @Override
        public void truncate(long size) throws IOException {
            channel.truncate(size);
        }

        @Override
        public void force() throws IOException {
            channel.force(false);
        }

        /**
         * Writes the file's first byte again. Setting the time by the file's name would open and close it, and closing any of
         * its descriptors gives up the process's lock (fcntl).
         */
        @Override
        public void touch() throws IOException {
            channel.write(ByteBuffer.wrap(Segment.MAGIC, 0, 1), 0);
        }

        @Override
        public void close() throws IOException {
            try {
                channel.close();
            } finally {
                WRITTEN.remove(file);
            }
        }
    }
}
