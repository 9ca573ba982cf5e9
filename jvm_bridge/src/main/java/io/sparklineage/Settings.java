package io.sparklineage;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.SparkSession;
import scala.Tuple2;

/** The bridge's settings, `spark.lineage.*`, read once when it is registered. */
final class Settings {
    static final String ENABLED = "spark.lineage.enabled";
    static final String SPOOL = "spark.lineage.spool";
    static final String STORE = "spark.lineage.store";
    private static final String KEY_FILE = "spark.lineage.hashKeyFile";
    private static final String PATH_RULES_NAME = "spark.lineage.dataset.pathRules";
    private static final String LEVEL = "spark.lineage.level";
    private static final String SAMPLE = "spark.lineage.sample";
    static final String SPOOL_MAX_BYTES = "spark.lineage.spoolMaxBytes";
    private static final Pattern SIZE = Pattern.compile("([0-9]{1,16})([kmgt]?)");
    private static final long SMALLEST_SPOOL = 16L << 20;
    private static final long LARGEST_SPOOL = 1L << 50;

    /** Folder of the segments; for a remote spool the local folder that they wait in. */
    final Path spool;

    /** The remote spool as a URI, or null where the spool is local. */
    final String remoteSpool;

    /** The settings that change what is recorded or what it means, by name, where they are said: they travel in the records. */
    final Map<String, String> travelling;

    /** The share of repeated executions of a plan whose operators and stages are recorded, from 0 to 1. */
    final double sample;

    /** True where literals pass as text. */
    final boolean keepLiterals;

    /** When the record of a write that begins is written. */
    enum Intent { OFF, ASYNC, WRITTEN, SYNCED }

    private static final Map<String, Intent> INTENTS = Arrays.stream(Intent.values())
            .collect(Collectors.toMap(each -> each.name().toLowerCase(Locale.ROOT), each -> each));
    private static final Map<String, Boolean> KEPT = new HashMap<>();

    static {
        KEPT.put("masked", false);
        KEPT.put("kept", true);
    }

    /** Whether writes are noted before they run, and what the program waits for. */
    final Intent intent;

    /** A segment is sealed when it is this old. */
    final long sealMillis;

    /** The oldest sealed segments are deleted when the spool's are larger than this together. */
    final long spoolMaxBytes;

    /** Key of the HMAC of literals. */
    final byte[] hashKey;

    /** One sentence for each value that is not followed, without the value: the setting's default counts. */
    final List<String> wrongValues;

    private Settings(Path spool, String remoteSpool, Map<String, String> travelling, boolean keepLiterals, long sealMillis,
            byte[] hashKey, Intent intent, double sample, long spoolMaxBytes, List<String> wrongValues) {
        this.spool = spool;
        this.remoteSpool = remoteSpool;
        this.travelling = travelling;
        this.sample = sample;
        this.keepLiterals = keepLiterals;
        this.sealMillis = sealMillis;
        this.hashKey = hashKey;
        this.intent = intent;
        this.spoolMaxBytes = spoolMaxBytes;
        this.wrongValues = wrongValues;
    }

    /**
     * The settings of an application. Of a wrong value the default counts, and it is among the `wrongValues`.
     *
     * @throws IllegalArgumentException where the key file holds no key, or the spool, the store or the key file is no path
     * @throws IOException where the key file cannot be read or made
     */
    static Settings of(SparkSession session) throws IOException {
        return of(key -> lookup(session, key));
    }

    private static final Set<String> KNOWN = new HashSet<>(Arrays.asList(
            ENABLED, SPOOL, STORE, "spark.lineage.namespace", "spark.lineage.job",
            "spark.lineage.literals", KEY_FILE, PATH_RULES_NAME,
            "spark.lineage.segment.sealSeconds", "spark.lineage.intent", LEVEL, SAMPLE, SPOOL_MAX_BYTES));
    private static final List<String> TRAVELLING = Collections.unmodifiableList(Arrays.asList(PATH_RULES_NAME,
            "spark.lineage.job", LEVEL, "spark.lineage.literals", "spark.lineage.namespace", SAMPLE));
    private static final Pattern LEVELS = Pattern.compile("(?:(?:job|namespace):[^,=]+=)?(?:job|column)");
    static final Set<String> PATH_RULES =
            new HashSet<>(Arrays.asList("key_value", "date", "time", "uuid", "none"));

    /** One sentence for each setting of an application that is not followed: the job and its lineage go on. */
    static List<String> complaints(SparkContext context, Settings settings) {
        List<String> found = new ArrayList<>(settings.wrongValues);
        for (Tuple2<String, String> entry : context.getConf().getAll()) {
            if (entry._1().startsWith("spark.lineage.") && !KNOWN.contains(entry._1())) {
                found.add(Masking.cut(entry._1().replaceAll("[^\\w.-]", "?"), 100) + " is not a setting: see docs/settings.md");
            }
        }
        for (String rule : settings.travelling.getOrDefault(PATH_RULES_NAME, "").split(",")) {
            if (!rule.trim().isEmpty() && !PATH_RULES.contains(rule.trim())) {
                found.add("spark.lineage.dataset.pathRules has an unknown rule; allowed are key_value, date, time, uuid or none");
            }
        }
        return found;
    }

    /** What a session was told, else what its application was, else what the driver's environment says. */
    private static String lookup(SparkSession session, String key) {
        return withEnvironment(name -> {
            String ofSession = SparkCompat.sessionConf(session).getConfString(name, null);
            return ofSession == null ? session.sparkContext().conf().get(name, null) : ofSession;
        }, System::getenv).apply(key);
    }

    /**
     * A configuration with the environment behind it: `spark.lineage.a.bC`, else `SPARK_LINEAGE_A_B_C`. A spool of the
     * environment does not count where the configuration names a store: it is another store's.
     */
    static UnaryOperator<String> withEnvironment(UnaryOperator<String> conf, UnaryOperator<String> environment) {
        return key -> {
            String value = conf.apply(key);
            boolean ofAnotherStore = key.equals(SPOOL) && conf.apply(STORE) != null;
            return value != null || ofAnotherStore ? value : environment.apply(environmentName(key));
        };
    }

    private static String environmentName(String key) {
        return key.replaceAll("([a-z])([A-Z])", "$1_$2").replace('.', '_').toUpperCase(Locale.ROOT);
    }

    /**
     * Whether lineage is switched on.
     *
     * @throws IllegalArgumentException where the setting is neither true nor false
     */
    static boolean isEnabled(SparkSession session, boolean otherwise) {
        return isEnabled(lookup(session, ENABLED), otherwise);
    }

    static boolean isEnabled(String said, boolean otherwise) {
        String value = said == null ? "" : said.trim().toLowerCase(Locale.ROOT);
        if (value.isEmpty() || value.equals("true") || value.equals("false")) {
            return value.isEmpty() ? otherwise : value.equals("true");
        }
        throw new IllegalArgumentException(ENABLED + " has a wrong value; allowed are true and false");
    }

    static Settings of(UnaryOperator<String> lookup) throws IOException {
        Function<String, String> conf = key -> lookup.apply(key) == null ? "" : lookup.apply(key).trim();
        String spool = conf.apply(SPOOL);
        String target = spool.isEmpty() ? defaultSpool(conf.apply(STORE)).toString() : spool;
        boolean remote = isRemote(target);
        Path local = remote ? stateFolder().resolve("upload").resolve(Hashes.sha256(target).substring(0, 16))
                : localPath(SPOOL, target);
        String keyFile = conf.apply(KEY_FILE);
        Path key = keyFile.isEmpty() ? stateFolder().resolve("hash.key") : keyPath(keyFile);
        Values values = new Values(conf);
        boolean keepLiterals = values.read("spark.lineage.literals", false, KEPT::get, "masked and kept");
        long sealSeconds = values.read("spark.lineage.segment.sealSeconds", 30L, Settings::seconds, "whole seconds from 1");
        Intent intent = values.read("spark.lineage.intent", Intent.WRITTEN, INTENTS::get, "off, async, written and synced");
        double sample = values.read(SAMPLE, 1.0, Settings::share, "numbers from 0 to 1, such as 0.05");
        long spoolMaxBytes = values.read(SPOOL_MAX_BYTES, 10L << 30, Settings::bytes,
                "bytes, or a number with k, m, g or t, from 16m to 1024t");
        values.read(LEVEL, "", Settings::level, "job and column, and before them, parted by commas,"
                + " job:<pattern>=<level> and namespace:<pattern>=<level>");
        Map<String, String> travelling = new LinkedHashMap<>();
        for (String name : TRAVELLING) {
            if (!conf.apply(name).isEmpty() && !values.wrong.containsKey(name)) {
                travelling.put(name, conf.apply(name));
            }
        }
        return new Settings(local, remote ? target : null, travelling, keepLiterals, sealSeconds * 1000, HashKey.of(key), intent, sample,
                spoolMaxBytes, new ArrayList<>(values.wrong.values()));
    }

    /** Reads values, and notes those that make no sense. */
    private static final class Values {
        private final Function<String, String> conf;

        /** Setting -> the sentence about it. The value is not said: what stands in a wrong place may be a secret. */
        final Map<String, String> wrong = new LinkedHashMap<>();

        Values(Function<String, String> conf) {
            this.conf = conf;
        }

        /** What a setting says; the default where it says nothing, or what the reader answers with null. */
        <T> T read(String name, T otherwise, Function<String, T> reader, String allowed) {
            String value = conf.apply(name);
            T read = value.isEmpty() ? otherwise : reader.apply(value);
            if (read == null) {
                wrong.put(name, name + " has a wrong value, so its default counts; allowed are " + allowed);
                return otherwise;
            }
            return read;
        }
    }

    /** How much is kept of which lineage, ingest decides: here it is only looked at whether it makes sense. */
    private static String level(String value) {
        return Arrays.stream(value.split(",", -1)).allMatch(rule -> LEVELS.matcher(rule.trim()).matches()) ? value : null;
    }

    private static Double share(String value) {
        return value.matches("[01]|0?\\.[0-9]{1,9}|1\\.0{1,9}") ? Double.valueOf(value) : null;
    }

    /** Bytes, or `512m`, `10g`, with 1024 bytes to a k, as Spark writes sizes. */
    private static Long bytes(String value) {
        Matcher size = SIZE.matcher(value.toLowerCase(Locale.ROOT));
        if (!size.matches()) {
            return null;
        }
        int unit = size.group(2).isEmpty() ? 0 : 1 + "kmgt".indexOf(size.group(2));
        double bytes = Long.parseLong(size.group(1)) * Math.pow(1024, unit);
        return bytes >= SMALLEST_SPOOL && bytes <= LARGEST_SPOOL ? (long) bytes : null;
    }

    private static Long seconds(String value) {
        return value.matches("0*[1-9][0-9]{0,8}") ? Long.valueOf(value) : null;
    }

    /** The default spool of a store: both sides compute it alike from the store's absolute path. */
    private static Path defaultSpool(String store) {
        String absolute;
        if (store.isEmpty()) {
            absolute = dataFolder().resolve("store").toString();
        } else {
            absolute = isRemote(store) ? store : localPath(STORE, store).toString();
        }
        return stateFolder().resolve("spool").resolve(Hashes.sha256(absolute).substring(0, 16));
    }

    private static boolean isRemote(String location) {
        return location.matches("[A-Za-z][A-Za-z0-9+.-]+:.*") && !location.startsWith("file:");
    }

    /** What a remote address would be as a path is a folder of this machine with the address's password in its name. */
    private static Path keyPath(String file) {
        if (isRemote(file)) {
            throw new IllegalArgumentException(KEY_FILE + " has a wrong value; allowed are paths of this machine");
        }
        return localPath(KEY_FILE, file);
    }

    /** Refuses what is no path without saying what it is: what stands in a wrong place may be a secret. */
    private static Path localPath(String name, String location) {
        try {
            String plain = location.startsWith("file:") ? URI.create(location).getPath() : location;
            return Paths.get(plain).toAbsolutePath().normalize();
        } catch (IllegalArgumentException | NullPointerException notAPath) {
            throw new IllegalArgumentException(name + " has a wrong value; allowed are paths, file:/a/path and URIs of remote storage");
        }
    }

    private static Path stateFolder() {
        return xdg("XDG_STATE_HOME", ".local/state");
    }

    private static Path dataFolder() {
        return xdg("XDG_DATA_HOME", ".local/share");
    }

    private static Path xdg(String variable, String underHome) {
        String value = System.getenv(variable);
        boolean set = value != null && value.startsWith("/");
        String home = System.getenv("HOME") == null ? System.getProperty("user.home") : System.getenv("HOME");
        Path base = set ? Paths.get(value) : Paths.get(home).resolve(underHome);
        return base.resolve("spark-lineage").toAbsolutePath().normalize();
    }
}
