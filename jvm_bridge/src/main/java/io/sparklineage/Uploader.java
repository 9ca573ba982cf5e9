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

/** Copies sealed segments to a remote spool: whole files, made only where absent, without append or rename. */
final class Uploader {
    private final URI target;
    private final Configuration configuration;

    Uploader(String target, Configuration configuration) {
        this.target = URI.create(target.endsWith("/") ? target : target + "/");
        this.configuration = configuration;
    }

    /** Uploads every sealed segment of this bridge; one that fails stays and is tried after the next seal. */
    void upload(Path folder, String bridge, Gaps gaps) {
        try (DirectoryStream<Path> sealed = Files.newDirectoryStream(folder, bridge + "-*.seg")) {
            FileSystem remote = FileSystem.get(target, configuration);
            for (Path segment : sealed) {
                copy(segment, remote);
                Files.delete(segment);
            }
        } catch (Exception problem) {
            gaps.note("the upload to the remote spool failed and is tried again: " + problem);
        }
    }

    private void copy(Path segment, FileSystem remote) throws IOException {
        org.apache.hadoop.fs.Path path =
                new org.apache.hadoop.fs.Path(target.resolve(segment.getFileName().toString()));
        OutputStream out;
        try {
            out = remote.create(path, false);
        } catch (FileAlreadyExistsException uploadedBefore) {
            if (remote.getFileStatus(path).getLen() == Files.size(segment)) {
                return;
            }
            throw new IOException(path + " is there already and differs from the segment");
        }
        try (OutputStream open = out) {
            Files.copy(segment, open);
        } catch (IOException | RuntimeException torn) {
            remote.delete(path, false);
            throw torn;
        }
    }
}
