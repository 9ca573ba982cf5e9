package support;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.ChecksumFs;
import org.apache.hadoop.fs.DelegateToFileSystem;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FsConstants;
import org.apache.hadoop.fs.FsServerDefaults;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.local.LocalConfigKeys;
import org.apache.hadoop.fs.permission.FsPermission;

/**
 * Hadoop's local files without a process for each `chmod` and `readlink`, which Hadoop starts where its native library is
 * missing: they take a quarter of the CPU time of a small write. `core-site.xml` beside this class puts it in force.
 */
public final class LocalFiles {
    private LocalFiles() {}

    public static final class ForFileSystem extends LocalFileSystem {
        public ForFileSystem() {
            super(new Raw());
        }
    }

    public static final class ForFileContext extends ChecksumFs {
        public ForFileContext(URI uri, Configuration configuration) throws IOException, URISyntaxException {
            super(new RawForFileContext(configuration));
        }
    }

    private static final class Raw extends RawLocalFileSystem {
        private static final int KEPT_BY_CHMOD = 07000;

        @Override
        public void setPermission(Path path, FsPermission permission) throws IOException {
            java.nio.file.Path file = pathToFile(path).toPath();
            int kept = (Integer) Files.getAttribute(file, "unix:mode") & KEPT_BY_CHMOD;
            Files.setAttribute(file, "unix:mode", kept | permission.toShort());
        }

        @Override
        public FileStatus getFileLinkStatus(Path path) throws IOException {
            boolean link = Files.isSymbolicLink(pathToFile(path).toPath());
            return link ? super.getFileLinkStatus(path) : getFileStatus(path);
        }
    }

    private static final class RawForFileContext extends DelegateToFileSystem {
        RawForFileContext(Configuration configuration) throws IOException, URISyntaxException {
            super(FsConstants.LOCAL_FS_URI, new Raw(), configuration, FsConstants.LOCAL_FS_URI.getScheme(), false);
        }

        @Override
        public int getUriDefaultPort() {
            return -1;
        }

        @Override
        @Deprecated
        public FsServerDefaults getServerDefaults() throws IOException {
            return LocalConfigKeys.getServerDefaults();
        }

        @Override
        public FsServerDefaults getServerDefaults(Path path) throws IOException {
            return LocalConfigKeys.getServerDefaults();
        }

        @Override
        public boolean isValidName(String source) {
            return true;
        }
    }
}
