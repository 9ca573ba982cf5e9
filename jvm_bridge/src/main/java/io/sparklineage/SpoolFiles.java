package io.sparklineage;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Path;
import java.util.List;

/** All that the spool does with files. Any of it may fail, with whatever is thrown, and may take for ever. */
interface SpoolFiles {
    /** A file that this process made, holds the lock of, and appends to. */
    interface Output {
        /** Appends some of the bytes, as a channel does; returns how many. */
        int write(ByteBuffer bytes) throws IOException;

        void truncate(long size) throws IOException;

        /** Brings what was appended to the disk. */
        void force() throws IOException;

        /** Makes the file's time now. */
        void touch() throws IOException;

        /** Gives up the lock, too. */
        void close() throws IOException;
    }

    /** A file of a folder; the time of its last change is in milliseconds since 1970. */
    final class Listed {
        final Path path;
        final long size;
        final long modified;

        Listed(Path path, long size, long modified) {
            this.path = path;
            this.size = size;
            this.modified = modified;
        }
    }

    /** Makes a folder, and those above it, where they are missing; those that it makes are the owner's alone. */
    void makeFolder(Path folder) throws IOException;

    /** Makes a file that is not there, the owner's alone, and locks it. */
    Output create(Path file) throws IOException;

    /** Brings the names in a folder to the disk, where the system can. */
    void forceFolder(Path folder) throws IOException;

    void rename(Path from, Path to) throws IOException;

    /** Deletes a file; one that is not there is all right. */
    void delete(Path file) throws IOException;

    boolean exists(Path file) throws IOException;

    /** The plain files of a folder whose names end so. */
    List<Listed> list(Path folder, String... endings) throws IOException;

    SeekableByteChannel read(Path file) throws IOException;

    /** Whether a writer, of this process or another, holds the lock of a file; also true where that cannot be told. */
    boolean isLocked(Path file) throws IOException;

    /** Takes the lock of a file, made where it is missing, until it is closed; null where somebody holds it. */
    Closeable lock(Path file) throws IOException;

    /** Bytes that may still be written. */
    long usableSpace(Path folder) throws IOException;
}
