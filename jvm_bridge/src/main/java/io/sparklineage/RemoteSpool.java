package io.sparklineage;

import java.io.Closeable;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.permission.FsPermission;

/**
 * A folder on a file system of Hadoop's that gets whole segments. An object store shows a file when it is closed; elsewhere others see
 * it grow, so it is written under another name and renamed. Several applications may upload the same segment at once, and whoever
 * ingests may take it away at any time.
 */
final class RemoteSpool {
    private static final FsPermission OWNERS_FILE = new FsPermission((short) 0600);
    private static final FsPermission OWNERS_FOLDER = new FsPermission((short) 0700);
    private static final int BUFFER_BYTES = 64 << 10;

    /** Where a file appears when it is closed, and a rename copies it. */
    private static final Set<String> OBJECT_STORES = Collections.unmodifiableSet(
            new HashSet<>(Arrays.asList("s3", "s3a", "s3n", "gs", "oss", "cosn", "obs")));

    /** Another file has a segment's name. */
    static final class ConflictException extends IOException {
        private static final long serialVersionUID = 1L;

        ConflictException(Path path) {
            super(path + " is there already and differs from the segment");
        }
    }

    /** What stands under a segment's name; TORN is a beginning of the segment. */
    private enum Found { NOTHING, SAME, TORN, OTHER }

    private final URI target;
    private final FileSystem remote;
    private final String ending;

    private RemoteSpool(URI target, FileSystem remote, String uploader) {
        this.target = target;
        this.remote = remote;
        this.ending = "." + uploader + ".part";
    }

    /**
     * The folder, made where it is missing: the owner's alone, where the file system knows of owners.
     *
     * @param uploader a name that no other has: two that upload the same do not write to the same file
     */
    static RemoteSpool open(URI target, Configuration configuration, String uploader) throws IOException {
        FileSystem remote = FileSystem.get(target, configuration);
        Path folder = new Path(target);
        if (!remote.exists(folder)) {
            FileSystem.mkdirs(remote, folder, OWNERS_FOLDER);
        }
        return new RemoteSpool(target, remote, uploader);
    }

    /**
     * Returns when the segment is there as a whole.
     *
     * @throws ConflictException where something else has its name
     */
    void put(java.nio.file.Path segment) throws IOException {
        Path path = new Path(target.resolve(segment.getFileName().toString()));
        switch (find(segment, path)) {
            case SAME:
                break;
            case NOTHING:
                place(segment, path);
                break;
            case TORN:
                heal(segment, path);
                break;
            default:
                throw new ConflictException(path);
        }
    }

    private Found find(java.nio.file.Path segment, Path path) throws IOException {
        try {
            FileStatus status = remote.getFileStatus(path);
            long size = Files.size(segment);
            if (status.isDirectory() || status.getLen() > size) {
                return Found.OTHER;
            }
            try (InputStream own = Files.newInputStream(segment); InputStream there = remote.open(path, BUFFER_BYTES)) {
                long same = sameBytes(own, there);
                return same < status.getLen() ? Found.OTHER : same == size ? Found.SAME : Found.TORN;
            }
        } catch (FileNotFoundException absent) {
            return Found.NOTHING;
        }
    }

    /** How many bytes are the same, from the beginning to the first that differs or to the end of the second. */
    private static long sameBytes(InputStream own, InputStream there) throws IOException {
        byte[] ours = new byte[BUFFER_BYTES];
        byte[] theirs = new byte[BUFFER_BYTES];
        long same = 0;
        for (int read = fill(there, theirs); read > 0; read = fill(there, theirs)) {
            int have = fill(own, ours);
            for (int i = 0; i < read; i++, same++) {
                if (i >= have || ours[i] != theirs[i]) {
                    return same;
                }
            }
        }
        return same;
    }

    private static int fill(InputStream in, byte[] buffer) throws IOException {
        int filled = 0;
        for (int read = 0; read >= 0 && filled < buffer.length; read = in.read(buffer, filled, buffer.length - filled)) {
            filled += read;
        }
        return filled;
    }

    private void place(java.nio.file.Path segment, Path path) throws IOException {
        String scheme = remote.getUri().getScheme();
        if (scheme != null && OBJECT_STORES.contains(scheme.toLowerCase(Locale.ROOT))) {
            write(segment, path, false);
            return;
        }
        Path part = path.suffix(ending);
        try {
            write(segment, part, true);
            if (!remote.rename(part, path)) {
                throw new IOException(part + " could not be renamed to " + path.getName());
            }
        } catch (Throwable failed) {
            remove(part);
            throw failed;
        }
    }

    /** A file that failed is not deleted: it may be another's by now. What it has is looked at the next time. */
    private void write(java.nio.file.Path segment, Path path, boolean overwrite) throws IOException {
        try (OutputStream out = remote.create(path, OWNERS_FILE, overwrite, BUFFER_BYTES, remote.getDefaultReplication(path),
                remote.getDefaultBlockSize(path), null)) {
            Files.copy(segment, out);
        }
        try {
            long length = remote.getFileStatus(path).getLen();
            if (length != Files.size(segment)) {
                throw new IOException(path + " has " + length + " bytes of the segment");
            }
        } catch (FileNotFoundException taken) {
            if (overwrite) {
                throw taken;  // nobody ingests a part
            }
        }
    }

    private void remove(Path part) {
        try {
            remote.delete(part, false);
        } catch (Throwable stays) {
            // Nobody reads it.
        }
    }

    /**
     * Writes a segment again of which a beginning is there. Only one application does so at a time: another may have replaced the
     * beginning by the whole, and deleted its own copy, since it was looked at.
     */
    private void heal(java.nio.file.Path segment, Path path) throws IOException {
        try (Closeable lock = LocalFiles.INSTANCE.lock(segment.resolveSibling("upload.lock"))) {
            if (lock == null) {
                throw new IOException("another application writes " + path);
            }
            Found found = find(segment, path);
            if (found == Found.TORN) {
                remote.delete(path, false);
            }
            if (found == Found.TORN || found == Found.NOTHING) {
                place(segment, path);
            } else if (found == Found.OTHER) {
                throw new ConflictException(path);
            }
        }
    }
}
