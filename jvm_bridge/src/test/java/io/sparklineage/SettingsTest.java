package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SettingsTest {
    @TempDir
    Path folder;

    private final Map<String, String> conf = new HashMap<>();

    @BeforeEach
    void keyInTheFolder() {
        conf.put("spark.lineage.hashKeyFile", folder.resolve("hash.key").toString());
    }

    @Test
    void aStoreHasASpoolOfItsOwn() throws IOException {
        conf.put("spark.lineage.store", "/data/./lineage");
        // printf %s /data/lineage | sha256sum
        assertEquals("5af8da22e3902832", Settings.of(conf::get).spool.getFileName().toString());
    }

    @Test
    void aSpoolStandsBeforeTheStore() throws IOException {
        conf.put("spark.lineage.store", "/data/lineage");
        conf.put("spark.lineage.spool", folder.toString());
        assertEquals(folder, Settings.of(conf::get).spool);
        assertNull(Settings.of(conf::get).remoteSpool);
    }

    @Test
    void aRemoteSpoolWaitsInALocalFolder() throws IOException {
        conf.put("spark.lineage.spool", "s3a://bucket/spool");
        Settings settings = Settings.of(conf::get);
        assertEquals("s3a://bucket/spool", settings.remoteSpool);
        assertEquals("upload", settings.spool.getParent().getFileName().toString());
    }

    @Test
    void aJobIsCalledWhatItIsSaidToBe() throws IOException {
        conf.put("spark.lineage.spool", folder.toString());
        assertNull(Settings.of(conf::get).job);
        conf.put("spark.lineage.job", " nightly ");
        assertEquals("nightly", Settings.of(conf::get).job);
        Map<String, String> environment = new HashMap<>();
        environment.put("SPARK_LINEAGE_JOB", "weekly");
        conf.remove("spark.lineage.job");
        assertEquals("weekly", Settings.of(Settings.withEnvironment(conf::get, environment::get)).job);
    }

    @Test
    void theKeyIsMadeOnceAndPrivate() throws IOException {
        conf.put("spark.lineage.spool", folder.toString());
        byte[] key = Settings.of(conf::get).hashKey;
        assertEquals(32, key.length);
        assertArrayEquals(key, Settings.of(conf::get).hashKey);
        assertEquals("rw-------",
                PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve("hash.key"))));
    }

    @Test
    void aWrongValueIsNamed() {
        conf.put("spark.lineage.literals", "some");
        Exception refused = assertThrows(IllegalArgumentException.class, () -> Settings.of(conf::get));
        assertEquals("spark.lineage.literals is 'some'; allowed are 'masked' and 'kept'", refused.getMessage());
    }

    @Test
    void theEnvironmentStandsBehindTheConfiguration() {
        Map<String, String> environment = new HashMap<>();
        environment.put("SPARK_LINEAGE_STORE", "/e/store");
        environment.put("SPARK_LINEAGE_SPOOL", "/e/spool");
        environment.put("SPARK_LINEAGE_HASH_KEY_FILE", "/e/key");
        UnaryOperator<String> both = Settings.withEnvironment(conf::get, environment::get);
        assertEquals("/e/store", both.apply("spark.lineage.store"));
        assertEquals("/e/spool", both.apply("spark.lineage.spool"));
        conf.put("spark.lineage.store", "/c/store");
        assertEquals("/c/store", both.apply("spark.lineage.store"));
        assertNull(both.apply("spark.lineage.spool"), "the spool in the environment is another store's");
        conf.remove("spark.lineage.hashKeyFile");
        assertEquals("/e/key", both.apply("spark.lineage.hashKeyFile"));
    }
}
