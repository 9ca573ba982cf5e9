package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
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
        assertNull(Settings.of(conf::get).travelling.get("spark.lineage.job"));
        conf.put("spark.lineage.job", " nightly ");
        assertEquals("nightly", Settings.of(conf::get).travelling.get("spark.lineage.job"));
        Map<String, String> environment = new HashMap<>();
        environment.put("SPARK_LINEAGE_JOB", "weekly");
        conf.remove("spark.lineage.job");
        assertEquals("weekly", Settings.of(Settings.withEnvironment(conf::get, environment::get)).travelling.get("spark.lineage.job"));
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

    private String refusedKey(String file) {
        conf.put("spark.lineage.hashKeyFile", file);
        return assertTimeoutPreemptively(Duration.ofSeconds(10),
                () -> assertThrows(Exception.class, () -> Settings.of(conf::get)).getMessage());
    }

    /** Whoever opens one to read waits for a writer; whoever reads the other never comes to its end. */
    @Test
    void aKeyIsReadOfNothingButAFile() throws Exception {
        Path pipe = folder.resolve("pipe");
        assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
        Path link = Files.createSymbolicLink(folder.resolve("link"), pipe);
        for (String file : new String[] {pipe.toString(), link.toString(), "/dev/zero", folder.toString()}) {
            assertEquals("spark.lineage.hashKeyFile is '" + file + "', which is no regular file", refusedKey(file));
        }
    }

    @Test
    void aKeyIsShort() throws IOException {
        Path file = folder.resolve("long.key");
        char[] digits = new char[4_096];
        Arrays.fill(digits, 'a');
        Files.write(file, new String(digits).getBytes(StandardCharsets.US_ASCII));
        conf.put("spark.lineage.hashKeyFile", file.toString());
        assertEquals(2_048, Settings.of(conf::get).hashKey.length);
        try (FileChannel grown = FileChannel.open(file, StandardOpenOption.WRITE)) {
            grown.write(ByteBuffer.wrap(new byte[1]), 100L << 30);
        }
        assertEquals("spark.lineage.hashKeyFile is '" + file + "', which is longer than 4096 bytes", refusedKey(file.toString()));
    }

    @Test
    void aFolderThatDoesNotAnswerIsNotWaitedFor() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        CountDownLatch never = new CountDownLatch(1);
        Path dead = (Path) Proxy.newProxyInstance(Path.class.getClassLoader(), new Class<?>[] {Path.class}, (self, method, given) -> {
            if (method.getName().equals("toString")) {
                return "/dead/hash.key";
            }
            asked.countDown();
            never.await();
            return null;
        });
        assertEquals("spark.lineage.hashKeyFile is '/dead/hash.key', which does not answer within 2 seconds",
                assertTimeoutPreemptively(Duration.ofSeconds(10),
                        () -> assertThrows(IOException.class, () -> HashKey.of(dead)).getMessage()));
        assertEquals(0, asked.getCount());
        never.countDown();
    }

    @Test
    void aSpoolHasASize() throws IOException {
        conf.put("spark.lineage.spool", folder.toString());
        assertEquals(10_737_418_240L, Settings.of(conf::get).spoolMaxBytes);
        conf.put("spark.lineage.spoolMaxBytes", "512M");
        assertEquals(536_870_912L, Settings.of(conf::get).spoolMaxBytes);
        conf.put("spark.lineage.spoolMaxBytes", "16777216");
        assertEquals(16_777_216L, Settings.of(conf::get).spoolMaxBytes);
        for (String wrong : new String[] {"16777215", "-1", "10 g", "10p", "2000t", "99999999999999999999"}) {
            assertEquals(10_737_418_240L, withWrong("spark.lineage.spoolMaxBytes", wrong,
                    "bytes, or a number with k, m, g or t, from 16m to 1024t").spoolMaxBytes);
        }
    }

    @Test
    void whatIsNoPathIsRefusedWithoutBeingSaid() {
        String[] names = {"spark.lineage.spool", "spark.lineage.store", "spark.lineage.hashKeyFile"};
        for (String name : names) {
            for (String wrong : new String[] {"file:hunter2", "file:/a hunter2", "/hun\0ter2"}) {
                Map<String, String> other = new HashMap<>(conf);
                other.put(name, wrong);
                assertEquals(name + " has a wrong value; allowed are paths, file:/a/path and URIs of remote storage",
                        assertThrows(IllegalArgumentException.class, () -> Settings.of(other::get)).getMessage());
            }
        }
    }

    @Test
    void aKeyFileElsewhereIsRefusedWithoutBeingSaid() {
        conf.put("spark.lineage.spool", folder.toString());
        for (String wrong : new String[] {"s3a://AK:hunter2@b/k", "hdfs:/k", "http://ann:hunter2@h/k", "s3a:/AK:hunter2@b/k"}) {
            conf.put("spark.lineage.hashKeyFile", wrong);
            assertEquals("spark.lineage.hashKeyFile has a wrong value; allowed are paths of this machine",
                    assertThrows(IllegalArgumentException.class, () -> Settings.of(conf::get)).getMessage());
        }
    }

    @Test
    void theSwitchIsTrueFalseOrNotSaid() {
        for (boolean otherwise : new boolean[] {true, false}) {
            for (String nothing : new String[] {null, "", "  "}) {
                assertEquals(otherwise, Settings.isEnabled(nothing, otherwise));
            }
            assertTrue(Settings.isEnabled(" True ", otherwise));
            assertFalse(Settings.isEnabled("FALSE", otherwise));
            assertEquals("spark.lineage.enabled has a wrong value; allowed are true and false",
                    assertThrows(IllegalArgumentException.class, () -> Settings.isEnabled("hunter2", otherwise)).getMessage());
        }
    }

    /** Settings with one wrong value, which is told of by the setting's name and not by what stands there. */
    private Settings withWrong(String name, String value, String allowed) throws IOException {
        conf.put("spark.lineage.spool", folder.toString());
        conf.put(name, value);
        Settings settings = Settings.of(conf::get);
        assertEquals(Collections.singletonList(name + " has a wrong value, so its default counts; allowed are " + allowed),
                settings.wrongValues);
        assertEquals(Collections.emptyMap(), settings.travelling);
        return settings;
    }

    @Test
    void ofAWrongValueTheDefaultCounts() throws IOException {
        assertFalse(withWrong("spark.lineage.literals", "some", "masked and kept").keepLiterals);
        conf.put("spark.lineage.literals", "kept");
        assertTrue(Settings.of(conf::get).keepLiterals);
        conf.remove("spark.lineage.literals");
        for (String wrong : new String[] {"0", "-1", "1.5", "soon", "9999999999999999999"}) {
            assertEquals(30_000, withWrong("spark.lineage.segment.sealSeconds", wrong, "whole seconds from 1").sealMillis);
        }
        conf.put("spark.lineage.segment.sealSeconds", "7");
        assertEquals(Settings.Intent.WRITTEN,
                withWrong("spark.lineage.intent", "always", "off, async, written and synced").intent);
        assertEquals(7_000, Settings.of(conf::get).sealMillis);
        conf.put("spark.lineage.intent", "synced");
        assertEquals(Settings.Intent.SYNCED, Settings.of(conf::get).intent);
        assertEquals(Collections.emptyList(), Settings.of(conf::get).wrongValues);
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

    @Test
    void whatChangesMeaningTravelsFromTheEnvironmentToo() throws IOException {
        Map<String, String> environment = new HashMap<>();
        environment.put("SPARK_LINEAGE_NAMESPACE", "laptop");
        environment.put("SPARK_LINEAGE_DATASET_PATH_RULES", "date");
        conf.put("spark.lineage.level", "namespace:s3://tmp-*=job, column");
        Map<String, String> travelling = Settings.of(Settings.withEnvironment(conf::get, environment::get)).travelling;
        Map<String, String> expected = new HashMap<>();
        expected.put("spark.lineage.namespace", "laptop");
        expected.put("spark.lineage.dataset.pathRules", "date");
        expected.put("spark.lineage.level", "namespace:s3://tmp-*=job, column");
        assertEquals(expected, travelling);
    }

    @Test
    void aLevelIsAListOfRules() throws IOException {
        for (String good : new String[] {"job", "column", "job:etl_*=job,column", "namespace:file=job , job:x=column, job"}) {
            conf.put("spark.lineage.level", good);
            assertEquals(good, Settings.of(conf::get).travelling.get("spark.lineage.level"));
        }
        for (String bad : new String[] {"table", "job,", "etl_*=job", "job:=job", "job:x=row", "job:x"}) {
            withWrong("spark.lineage.level", bad, "job and column, and before them, parted by commas,"
                    + " job:<pattern>=<level> and namespace:<pattern>=<level>");
        }
    }

    @Test
    void aSampleIsAShare() throws IOException {
        assertEquals(1, Settings.of(conf::get).sample);
        conf.put("spark.lineage.sample", "0.05");
        assertEquals(0.05, Settings.of(conf::get).sample);
        for (String bad : new String[] {"2", "-0.1", "5%", "NaN", "1e-3"}) {
            assertEquals(1, withWrong("spark.lineage.sample", bad, "numbers from 0 to 1, such as 0.05").sample);
        }
    }
}
