package io.sparklineage;

import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What may enter the spool as text. Names pass by the name of the field that holds them, options by
 * their key; SQL, messages, URLs and paths pass after their values and secrets are taken out.
 */
final class Masking {
    /** Longest text that passes, in characters; a longer one is cut. */
    static final int TEXT_LIMIT = 10_000;

    /** Longest text that is looked at to mask it: what a text of 100 MB says behind it is not read. */
    static final int READ_LIMIT = 1 << 20;

    /** Longest text that is remembered. */
    private static final int KEPT_LIMIT = 100_000;

    /** A statement as it was and as it passes: one statement is the text of several executions, and their description. */
    private static final class Masked {
        final String sql;
        final String masked;
        final Redaction redaction;

        Masked(String sql, String masked, Redaction redaction) {
            this.sql = sql;
            this.masked = masked;
            this.redaction = redaction;
        }
    }

    private static final Masked NOTHING = new Masked("", "", Redaction.NONE);
    private static volatile Masked latest = NOTHING;

    /** Paths of tables as they pass, the latest: a table is named in the plan of each query that reads it. */
    private static final Map<String, String> PATHS = remembered();
    private static final int KEPT_PATH_LENGTH = 500;

    /** Longest label or message that is looked at. */
    private static final int LABEL_LIMIT = 2_000;
    private static final int KEPT_LABEL_LENGTH = 200;
    private static volatile Map<String, String> labels = remembered();

    /** Fields of plan nodes whose texts are names that the user gave, never values. */
    static final Set<String> NAME_FIELDS = set(
            "aggFunction", "alias", "aliases", "bucketColumnNames", "catalog", "colName", "colNames", "columnAliases",
            "columnName", "columnNames", "columns", "cteName", "database", "dataSourceName", "fieldName", "fieldNames",
            "funcName", "functionName", "identifier", "joinColumns", "metricName", "multipartIdentifier", "name",
            "nameParts", "names", "namespace", "newName", "originalTableName", "outputColumnNames",
            "outputNames", "partitionColumnNames", "partitionColumns", "partitionCols", "partitioning",
            "prettyName", "provider", "qualifier", "shortName", "sortColumnNames", "table", "tableName",
            "targetColNameParts", "timeZoneId", "udfName", "userSpecifiedCols", "userSpecifiedColumns._1",
            "usingColumns", "valueColumnNames", "variableColumnName", "variableColumnNames", "version", "viewName");

    /** Those of them that name tables: a part of a name may be the path of one. */
    static final Set<String> TABLE_FIELDS = set(
            "catalog", "database", "identifier", "multipartIdentifier", "nameParts", "namespace", "originalTableName", "qualifier",
            "table", "tableName", "viewName");

    /** Fields of plan nodes whose maps go from a column name to a value: the keys pass. */
    static final Set<String> PARTITION_FIELDS = set(
            "partition", "partitionSpec", "spec", "staticPartitions", "staticPartitionSpec");

    /** Fields of plan nodes whose whole numbers in a collection are positions, never values. */
    static final Set<String> POSITION_FIELDS = set(
            "groupingSetIndexes", "ordinals", "selectedGroupByExprs");

    /** Fields of plan nodes whose intervals say when something happens and nothing of the data: a watermark's delay. */
    static final Set<String> SCHEDULE_FIELDS = set("delay");

    /** Fields of plan nodes whose numbers are values that the user typed. */
    static final Set<String> VALUE_FIELDS = set(
            "batchId", "default", "end", "limit", "lowerBound", "seed", "start", "step",
            "upperBound", "value");

    /** Fields of plan nodes that hold values without names: they are not entered at all. */
    static final Set<String> DATA_FIELDS = set("hset", "pivotColumnValues");

    /** Options (lower case) whose values pass. */
    static final Set<String> OPTIONS = set(
            "assign", "basepath", "checkpointlocation", "collection", "columnnameofcorruptrecord", "compression", "database",
            "dateformat", "dbtable", "delimiter", "driver", "encoding", "endingtimestamp", "endingversion", "format",
            "header", "ignorechanges", "ignoredeletes", "inferschema", "kafka.bootstrap.servers", "keyspace", "locale", "maxfilespertrigger",
            "mergeschema", "mode", "modifiedafter", "modifiedbefore", "multiline", "overwriteschema",
            "partitionoverwritemode", "path", "pathglobfilter", "paths", "query", "queryname", "readchangedata",
            "readchangefeed", "recursivefilelookup", "replacewhere", "rowtag", "sep", "serialization.format",
            "startingtimestamp", "startingversion", "subscribe", "subscribepattern", "table", "timestampasof",
            "timestampformat", "topic", "truncate", "url", "versionasof");

    /** Hosts and ports, with a listener's name or without: no place for a password. */
    private static final Pattern SERVERS = Pattern.compile("[\\w.:,/\\[\\] -]*+");

    private static final Set<String> SQL_OPTIONS = set("dbtable", "query", "replacewhere");
    private static final Set<String> PATH_OPTIONS =
            set("basepath", "checkpointlocation", "path", "paths", "url");

    private static final String SECRET_WORDS = "(?:password|passwd|passphrase|passcode|pwd|\\bpass\\b|\\bpw\\b|secret|token|credential|"
            + "api[_.-]?key|access[_.-]?key|account[_.-]?key|private[_.-]?key|signature|authorization|bearer)";
    private static final Pattern SECRET = Pattern.compile("(?i)" + SECRET_WORDS);

    /** A key, a separator; linear: the match begins with a word, and nothing is given back. */
    private static final Pattern KEY = Pattern.compile(
            "(?<![\\w.-])([\\w.-]++)[\\\\\"'`]*+\\s*+(?:=>|=|:)\\s*+(?=\\S)");
    private static final Pattern QUERY_KEY = Pattern.compile("(?i)(?<=[?&;]|%3F|%26|^)([\\w.-]++)=");
    private static final Pattern QUERY_VALUE = Pattern.compile("(?:[^&;\\s%]|%(?!26))*+");
    private static final Pattern BEARER = Pattern.compile("(?i)\\b(bearer\\s++)[^\\s,;&)\"']++");

    /** In SQL another word may follow a name. */
    private static final Pattern BEARER_OF_DIGITS = Pattern.compile("(?i)\\b(bearer\\s++)(?=[^\\s,;&)\"'\\d]*+\\d)[^\\s,;&)\"']{6,}+");
    private static final Pattern SET_STATEMENT = Pattern.compile("(?is)set\\s[^=]*+=");
    private static final Set<String> QUERY_SECRETS = set("sig", "uid", "user", "username");

    private static final String NAME_PART = "(?:[\\w$#@-]++|\"[^\"]*+\"|`[^`]*+`|\\[[^\\]]*+])";
    private static final Pattern TABLE = Pattern.compile(
            "(?iU)" + NAME_PART + "(?:\\." + NAME_PART + "){0,5}(?:\\s++(?:as\\s++)?" + NAME_PART + ")?");

    /** What Spark adds to the option `query`: another name for each read of the application. */
    private static final Pattern COUNTED_ALIAS = Pattern.compile("(?<=\\)) SPARK_GEN_SUBQ_\\d++$");

    /** Databases to which `"a"` is a name. To MySQL's kin it is a text, and so it is taken to be where nothing is known. */
    private static final Pattern QUOTES_NAMES = Pattern.compile(
            "(?i)jdbc:(?:awsathena|clickhouse|databricks|db2|derby|duckdb|h2|hsqldb|oracle|postgresql|presto|redshift|sap"
            + "|snowflake|sqlite|sqlserver|teradata|trino|vertica):.*");

    /** What ends a line, moves a terminal's cursor or turns the direction of a text: whoever names a key or a file could forge a line with it. */
    private static final Pattern CONTROL = Pattern.compile("[\\p{Cc}\\p{Zl}\\p{Zp}\\u061C\\u200E\\u200F\\u202A-\\u202E\\u2066-\\u2069]++");

    /** What the user told Spark to redact. A JVM has one SparkContext at a time, and so one of these. */
    private static volatile Redaction redaction = Redaction.NONE;

    private Masking() {
    }

    static void redact(Redaction redaction) {
        Masking.redaction = redaction;
        labels = remembered();
    }

    private static Map<String, String> remembered() {
        return Collections.synchronizedMap(new Activity.Bounded<>(500));
    }

    static Redaction redaction() {
        return redaction;
    }

    static boolean isName(String field) {
        return NAME_FIELDS.contains(field);
    }

    static boolean isData(String field) {
        return DATA_FIELDS.contains(field);
    }

    /** A text of at most `limit` characters. */
    static String cut(String text, int limit) {
        if (text.length() <= limit) {
            return text;
        }
        int end = Character.isHighSurrogate(text.charAt(limit - 1)) ? limit - 1 : limit;
        return text.substring(0, end);
    }

    /** A text that stays one line of a log: each run of control characters is a blank. */
    static String line(String text) {
        return CONTROL.matcher(text).replaceAll(" ");
    }

    /** The value of an option as it may pass, or null where it may not. */
    static String option(String key, String text) {
        String lower = key.toLowerCase(Locale.ROOT);
        String value = cut(text, READ_LIMIT);
        if (!OPTIONS.contains(lower) || !PATH_OPTIONS.contains(lower) && redaction.hidesOption(key, value)) {
            return null;
        }
        if (PATH_OPTIONS.contains(lower)) {
            return lower.equals("url") ? url(value) : path(value);
        }
        if (lower.equals("kafka.bootstrap.servers")) {
            return SERVERS.matcher(value).matches() ? cut(value, TEXT_LIMIT) : null;
        }
        if (SQL_OPTIONS.contains(lower)) {
            return lower.equals("dbtable") ? relation(value) : sql(value, lower.equals("query"), false);
        }
        return label(value);
    }

    /** JDBC's `dbtable`, of a database that is not known. */
    static String relation(String table) {
        return relation(table, "");
    }

    /** JDBC's `dbtable`: a table's name, also with an alias, as it is; all else is SQL, without the alias that Spark counts up. */
    static String relation(String given, String url) {
        String table = cut(given, READ_LIMIT);
        boolean name = table.length() <= TEXT_LIMIT && !table.contains("--") && !table.contains("//")
                && !table.toLowerCase(Locale.ROOT).contains("jdbc:") && TABLE.matcher(table.trim()).matches()
                && label(table).equals(cut(table, LABEL_LIMIT));
        boolean quotesNames = QUOTES_NAMES.matcher(url).matches();
        return name ? table : sql(COUNTED_ALIAS.matcher(table).replaceFirst(""), true, quotesNames);
    }

    /** A path or URI without users, passwords and signatures. */
    static String path(String path) {
        return mask(path, KEPT_PATH_LENGTH, PATHS, Masking::masked);
    }

    /** A part of a table's name: that of a table by its path (`delta.`s3a://bucket/t``) is the path. */
    static String part(String name) {
        return name.contains("//") ? path(name) : name;
    }

    /** A text as it passes, which is remembered where it is short; no thread waits for another's. */
    private static String mask(String text, int keptLength, Map<String, String> kept, UnaryOperator<String> masker) {
        if (text.length() > keptLength) {
            return masker.apply(text);
        }
        String known = kept.get(text);
        if (known == null) {
            known = masker.apply(text);
            kept.put(text, known);
        }
        return known;
    }

    private static String masked(String path) {
        String clean = UrlMasker.path(cut(path, READ_LIMIT));
        Matcher matcher = QUERY_KEY.matcher(clean);
        StringBuilder out = new StringBuilder(clean.length());
        int from = 0;
        Matcher value = QUERY_VALUE.matcher(clean);
        while (matcher.find(from)) {
            out.append(clean, from, matcher.end());
            from = matcher.end();
            if (isSecret(matcher.group(1), true)) {
                value.region(from, clean.length()).lookingAt();
                out.append("?");
                from = value.end();
            }
        }
        return cut(out.append(clean, from, clean.length()).toString(), TEXT_LIMIT);
    }

    /** A connection URL without user, password and parameters; a database's name stays. What is no URL may be all of them. */
    static String url(String given) {
        String url = cut(given, READ_LIMIT);
        return UrlMasker.isPath(url) ? path(url) : UrlMasker.connection(url);
    }

    /** SQL with literals as `?`, without comments and secrets. Names, also quoted by backticks, stay. */
    static String sql(String sql) {
        Masked last = latest;
        if (last.redaction != redaction || !last.sql.equals(sql)) {
            last = new Masked(sql, sql(sql, false, false), redaction);
            latest = sql.length() <= KEPT_LIMIT ? last : NOTHING;
        }
        return last.masked;
    }

    /** The same; what was cut ends in an ellipsis. */
    static String statement(String sql) {
        String masked = sql(sql);
        // A text that is cut between two characters which belong together is one shorter.
        boolean isWhole = sql.length() <= READ_LIMIT && masked.length() < TEXT_LIMIT - 1;
        return isWhole ? masked : cut(masked, TEXT_LIMIT - 2) + "\u2026";
    }

    private static String sql(String sql, boolean foreign, boolean quotesNames) {
        String masked = new TextMasker(cut(sql, READ_LIMIT), true, foreign, quotesNames).mask().trim();
        Matcher set = SET_STATEMENT.matcher(masked);
        return secrets(BEARER_OF_DIGITS.matcher(set.lookingAt() ? set.group() + "?" : masked).replaceAll("$1?"));
    }

    /** A message with quoted texts and numbers as `?` and without secrets. */
    static String message(String message) {
        String masked = new TextMasker(cut(message, LABEL_LIMIT), false).mask();
        return secrets(BEARER.matcher(masked).replaceAll("$1?"));
    }

    /** A tag, a group, a call site, a stage's name: as it is, without secrets. The same few come again with every query. */
    static String label(String label) {
        return mask(label, KEPT_LABEL_LENGTH, labels, Masking::withoutSecrets);
    }

    private static String withoutSecrets(String label) {
        return secrets(BEARER.matcher(cut(label, LABEL_LIMIT)).replaceAll("$1?"));
    }

    private static String secrets(String text) {
        String clean = UrlMasker.text(text);
        Matcher matcher = KEY.matcher(clean);
        StringBuilder out = new StringBuilder(clean.length());
        int from = 0;
        while (matcher.find(from)) {
            boolean query = matcher.start() > 0 && "?&;".indexOf(clean.charAt(matcher.start() - 1)) >= 0;
            out.append(clean, from, matcher.end());
            from = matcher.end();
            if (isSecret(matcher.group(1), query)) {
                boolean line = matcher.group(1).toLowerCase(Locale.ROOT).contains("authorization");
                from = line ? from + UrlMasker.endOf(clean.substring(from), "\r\n") : endOfValue(clean, from);
                out.append(from > matcher.end() ? "?" : "");
                from -= clean.charAt(from - 1) == '`' && !line ? 1 : 0;
            }
        }
        return cut(redaction.text(out.append(clean, from, clean.length()).toString()), TEXT_LIMIT);
    }

    /** Whether a text has a word of which a secret is the value. */
    static boolean hasSecretWord(String text) {
        return SECRET.matcher(text).find();
    }

    private static boolean isSecret(String key, boolean query) {
        return query && QUERY_SECRETS.contains(key.toLowerCase(Locale.ROOT)) || SECRET.matcher(key).find();
    }

    /** The end of a value: of a quoted one its quote, which as many backslashes precede as the first one. */
    private static int endOfValue(String text, int start) {
        if (text.startsWith("?`", start)) {
            return start + 1;
        }
        int at = start;
        while (at < text.length() && text.charAt(at) == '\\') {
            at++;
        }
        char first = at < text.length() ? text.charAt(at) : ' ';
        char quote = first == '{' ? '}' : first;
        boolean quoted = "\"'{".indexOf(first) >= 0;
        int slashes = 0;
        int allowed = at - start;
        for (at += quoted ? 1 : 0; at < text.length(); at++) {
            char c = text.charAt(at);
            if (quoted ? c == quote && slashes <= allowed : Character.isWhitespace(c) || ",;&)".indexOf(c) >= 0) {
                return quoted ? at + 1 : at;
            }
            slashes = c == '\\' ? slashes + 1 : 0;
        }
        return at;
    }

    private static Set<String> set(String... names) {
        return Collections.unmodifiableSet(new HashSet<>(Arrays.asList(names)));
    }
}
