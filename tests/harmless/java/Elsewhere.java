package harmless;

import java.net.URI;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;

/** The files of this machine under another scheme, `elsewhere:`: to Hadoop they are as remote as any. */
public final class Elsewhere extends RawLocalFileSystem {
    @Override
    public URI getUri() {
        return URI.create("elsewhere:///");
    }

    /** Hadoop would start a process for it. */
    @Override
    public void setPermission(Path path, FsPermission permission) {
        // Nobody asks for it.
    }
}
