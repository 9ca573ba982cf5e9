package io.sparklineage;

import java.net.URI;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Moves sealed segments to a remote spool; one is deleted here when all of it is there. */
class Uploader {
    private static final Logger LOG = LoggerFactory.getLogger(Uploader.class);

    private final String id = UUID.randomUUID().toString();
    private final URI target;
    private final Configuration configuration;
    private final Set<String> conflicts = new HashSet<>();
    private boolean warned;

    Uploader(String target, Configuration configuration) {
        this.target = URI.create(target.endsWith("/") ? target : target + "/");
        this.configuration = configuration;
    }

    /**
     * Uploads every sealed segment, also those that an application before could not; one that fails stays, keeps no other from
     * going, and is tried again after the next seal. False where something stayed.
     */
    boolean upload(Path folder, Gaps gaps) {
        boolean isComplete = true;
        try (DirectoryStream<Path> sealed = Files.newDirectoryStream(folder, "*.seg")) {
            RemoteSpool remote = null;
            for (Path segment : sealed) {
                remote = remote == null ? RemoteSpool.open(target, configuration, id) : remote;
                isComplete &= move(segment, remote, gaps);
            }
            return isComplete;
        } catch (Throwable problem) {
            failed(problem, gaps);
            return false;
        }
    }

    private boolean move(Path segment, RemoteSpool remote, Gaps gaps) {
        try {
            remote.put(segment);
            Files.deleteIfExists(segment);
            return true;
        } catch (Throwable problem) {
            if (Files.notExists(segment)) {
                return true;  // another application uploaded it
            }
            failed(problem, gaps);
            if (problem instanceof RemoteSpool.ConflictException) {
                tell(segment, problem, gaps);
            }
            return false;
        }
    }

    /** Tells of a segment, once, that cannot be uploaded until somebody looks at what has its name. */
    private void tell(Path segment, Throwable conflict, Gaps gaps) {
        try {
            if (!conflicts.contains(segment.getFileName().toString())) {
                SpoolLimit.Content content = new SpoolLimit.Content();
                try (SeekableByteChannel file = LocalFiles.INSTANCE.read(segment)) {
                    content.count(file);
                }
                gaps.note(Gaps.UPLOAD_CONFLICT, 0, Math.max(1, content.records), conflict);
                conflicts.add(segment.getFileName().toString());
            }
        } catch (Throwable later) {
            // The segment stays, and it is told with the next upload.
        }
    }

    /** Says it where the status is asked for each time, and in the log once: it is tried again with each seal. It never throws. */
    void failed(Throwable problem, Gaps gaps) {
        try {
            gaps.note("the upload to the remote spool failed and is tried again: " + problem);
            if (!warned) {
                warned = true;
                LOG.warn("The upload to the remote spool {} failed and is tried again, the job goes on: {}",
                        Masking.line(Masking.path(target.toString())), Gaps.describe(problem));
            }
        } catch (Throwable noWords) {
            // The segment stays: nothing is lost yet.
        }
    }
}
