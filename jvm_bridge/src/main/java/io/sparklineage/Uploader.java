package io.sparklineage;

import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.permission.FsPermission;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Copies sealed segments to a remote spool: whole files, made only where absent, without append or rename. */
final class Uploader {
    private static final FsPermission OWNERS_FILE = new FsPermission((short) 0600);
    private static final FsPermission OWNERS_FOLDER = new FsPermission((short) 0700);
    private static final int BUFFER_BYTES = 64 << 10;
    private static final Logger LOG = LoggerFactory.getLogger(Uploader.class);

    private final URI target;
    private final Configuration configuration;
    private boolean warned;

    Uploader(String target, Configuration configuration) {
        this.target = URI.create(target.endsWith("/") ? target : target + "/");
        this.configuration = configuration;
    }

    /**
     * Uploads every sealed segment, also those that an application before could not; one that fails stays and is tried again
     * after the next seal. False where something stayed.
     */
    boolean upload(Path folder, Gaps gaps) {
        try (DirectoryStream<Path> sealed = Files.newDirectoryStream(folder, "*.seg")) {
            FileSystem remote = null;
            for (Path segment : sealed) {
                remote = remote == null ? open() : remote;
                copy(segment, remote);
                Files.deleteIfExists(segment);
            }
            return true;
        } catch (Throwable problem) {
            failed(problem, gaps);
            return false;
        }
    }

    /** Says it where the status is asked for each time, and in the log once: it is tried again with each seal. */
    private void failed(Throwable problem, Gaps gaps) {
        try {
            gaps.note("the upload to the remote spool failed and is tried again: " + problem);
            if (!warned) {
                warned = true;
                LOG.warn("The upload to the remote spool {} failed and is tried again, the job goes on: {}",
                        Masking.path(target.toString()), Gaps.describe(problem));
            }
        } catch (Throwable noWords) {
            // The segment stays: nothing is lost yet.
        }
    }

    /** The remote spool, made where it is missing: the owner's alone, where the file system knows of owners. */
    private FileSystem open() throws IOException {
        FileSystem remote = FileSystem.get(target, configuration);
        org.apache.hadoop.fs.Path folder = new org.apache.hadoop.fs.Path(target);
        if (!remote.exists(folder)) {
            FileSystem.mkdirs(remote, folder, OWNERS_FOLDER);
        }
        return remote;
    }

    private void copy(Path segment, FileSystem remote) throws IOException {
        org.apache.hadoop.fs.Path path =
                new org.apache.hadoop.fs.Path(target.resolve(segment.getFileName().toString()));
        OutputStream out;
        try {
            out = remote.create(path, OWNERS_FILE, false, BUFFER_BYTES, remote.getDefaultReplication(path),
                    remote.getDefaultBlockSize(path), null);
        } catch (FileAlreadyExistsException uploadedBefore) {
            if (remote.getFileStatus(path).getLen() == Files.size(segment)) {
                return;
            }
            throw new IOException(path + " is there already and differs from the segment");
        }
        try (OutputStream open = out) {
            Files.copy(segment, open);
        } catch (IOException | RuntimeException | Error torn) {
            remote.delete(path, false);
            throw torn;
        }
    }
}
