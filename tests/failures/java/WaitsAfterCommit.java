import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.AbstractFileSystem;
import org.apache.hadoop.fs.FilterFs;
import org.apache.hadoop.fs.Path;

/** Local files where the second commit of a Delta table stands in its log, and who committed it hears nothing of it. */
public final class WaitsAfterCommit extends FilterFs {
    public WaitsAfterCommit(URI uri, Configuration configuration) throws IOException, URISyntaxException {
        super(AbstractFileSystem.get(uri, ordinary(configuration)));
    }

    private static Configuration ordinary(Configuration configuration) {
        Configuration copy = new Configuration(configuration);
        copy.set("fs.AbstractFileSystem.file.impl", "org.apache.hadoop.fs.local.LocalFs");
        return copy;
    }

    @Override
    public void renameInternal(Path from, Path to, boolean overwrite) throws IOException {
        super.renameInternal(from, to, overwrite);
        if (to.getName().equals("00000000000000000001.json")) {
            try {
                Thread.sleep(Long.MAX_VALUE);
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
