package harmless;

import java.io.File;
import java.io.IOException;
import java.lang.reflect.Method;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.util.Arrays;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.catalog.ExternalCatalog;

/** Does on a listener's thread what no listener may do: one deed of each kind that `WatchAgent` knows, at the next job that starts. */
public final class Deeds extends SparkListener {
    private final Runnable deeds;
    private boolean done;
    private static volatile String outcome = "not yet";

    private Deeds(Runnable deeds) {
        this.deeds = deeds;
    }

    /** Adds one to the queue of a context that has that name; it is not in the bridge's package. */
    public static void add(SparkContext context, String queue, SparkSession session, ExternalCatalog catalog, String table) {
        outcome = "not yet";
        context.listenerBus().addToQueue(new Deeds(() -> all(context, session, catalog, table)), queue);
    }

    /** What came of them: empty where all were done. */
    public static String outcome() {
        return outcome;
    }

    @Override
    public void onJobStart(SparkListenerJobStart event) {
        if (!done) {
            done = true;
            deeds.run();
        }
    }

    /** All of them, on the calling thread. */
    public static void all(SparkContext context, SparkSession session, ExternalCatalog catalog, String table) {
        try {
            new File(table).list();
            try (DirectoryStream<Path> stream = Files.newDirectoryStream(new File(table).toPath())) {
                stream.iterator().hasNext();
            }
            Files.newByteChannel(new File(table).toPath()).close();
            InetAddress.getByName("localhost");
            try (Socket socket = new Socket()) {
                socket.connect(new InetSocketAddress("127.0.0.1", 1), 100);
            } catch (IOException nobodyListens) {
                // The attempt is the deed.
            }
            new ProcessBuilder("true").start().waitFor();
            FileSystem.get(new Configuration(false)).listStatus(new org.apache.hadoop.fs.Path(table));
            try (Connection connection = DriverManager.getConnection("jdbc:derby:memory:deeds;create=true")) {
                connection.getMetaData();
            }
            JavaSparkContext.fromSparkContext(context).parallelize(Arrays.asList(1, 2)).count();
            catalog.listDatabases();
            Method log = Class.forName("org.apache.spark.sql.delta.DeltaLog", true, Thread.currentThread().getContextClassLoader())
                    .getMethod("forTable", SparkSession.class, String.class);
            log.invoke(null, session, table);
            outcome = "";
        } catch (Throwable problem) {
            outcome = problem.toString();
        }
    }
}
