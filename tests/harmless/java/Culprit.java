package io.sparklineage;

import harmless.Deeds;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.catalog.ExternalCatalog;

/** Does the deeds as if the bridge did, on a thread that is not the bridge's. */
public final class Culprit {
    private Culprit() {
    }

    /** All of them, on the calling thread. */
    public static void run(SparkContext context, SparkSession session, ExternalCatalog catalog, String table) {
        Deeds.all(context, session, catalog, table);
    }
}
