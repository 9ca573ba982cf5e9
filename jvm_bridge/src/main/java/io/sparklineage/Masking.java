package io.sparklineage;

import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What may enter the spool as text. Names pass by the name of the field that holds them, options by
 * their key; SQL, messages, URLs and paths pass after their values and secrets are taken out.
 */
final class Masking {
    /** Longest text that passes, in characters; a longer one is cut. */
    static final int TEXT_LIMIT = 10_000;

    /** Fields of plan nodes whose texts are names that the user gave, never values. */
    static final Set<String> NAME_FIELDS = set(
            "aggFunction", "alias", "aliases", "bucketColumnNames", "catalog", "colName", "colNames", "columnName",
            "columnNames", "columns", "cteName", "database", "dataSourceName", "fieldName", "fieldNames",
            "funcName", "functionName", "identifier", "joinColumns", "metricName", "multipartIdentifier", "name",
            "nameParts", "names", "namespace", "newName", "originalTableName", "outputColumnNames",
            "outputNames", "partitionColumnNames", "partitionColumns", "partitionCols", "partitioning",
            "prettyName", "provider", "qualifier", "shortName", "sortColumnNames", "table", "tableName",
            "targetColNameParts", "timeZoneId", "udfName", "userSpecifiedCols", "userSpecifiedColumns._1",
            "usingColumns", "valueColumnNames", "variableColumnName", "variableColumnNames", "viewName");

    /** Fields of plan nodes whose maps go from a column name to a value: the keys pass. */
    static final Set<String> PARTITION_FIELDS = set(
            "partition", "partitionSpec", "spec", "staticPartitions", "staticPartitionSpec");

    /** Fields of plan nodes whose whole numbers in a collection are positions, never values. */
    static final Set<String> POSITION_FIELDS = set(
            "groupingSetIndexes", "ordinals", "selectedGroupByExprs");

    /** Fields of plan nodes whose numbers are values that the user typed. */
    static final Set<String> VALUE_FIELDS = set(
            "batchId", "default", "end", "limit", "lowerBound", "seed", "start", "step",
            "upperBound", "value");

    /** Fields of plan nodes that hold values without names: they are not entered at all. */
    static final Set<String> DATA_FIELDS = set("hset", "pivotColumnValues");

    /** Options (lower case) whose values pass. */
    static final Set<String> OPTIONS = set(
            "basepath", "checkpointlocation", "collection", "columnnameofcorruptrecord", "compression", "database",
            "dateformat", "dbtable", "delimiter", "driver", "encoding", "endingtimestamp", "endingversion", "format",
            "header", "ignorechanges", "ignoredeletes", "inferschema", "keyspace", "locale", "maxfilespertrigger",
            "mergeschema", "mode", "modifiedafter", "modifiedbefore", "multiline", "overwriteschema",
            "partitionoverwritemode", "path", "pathglobfilter", "paths", "query", "queryname", "readchangedata",
            "readchangefeed", "recursivefilelookup", "replacewhere", "rowtag", "sep", "serialization.format",
            "startingtimestamp", "startingversion", "subscribe", "subscribepattern", "table", "timestampasof",
            "timestampformat", "topic", "truncate", "url", "versionasof");

    private static final Set<String> SQL_OPTIONS = set("dbtable", "query", "replacewhere");
    private static final Set<String> PATH_OPTIONS =
            set("basepath", "checkpointlocation", "path", "paths", "url");

    private static final String SECRET_WORDS = "(?:password|passwd|passphrase|passcode|pwd|secret|token|credential|"
            + "api[_.-]?key|access[_.-]?key|account[_.-]?key|private[_.-]?key|signature|authorization|bearer)";
    private static final Pattern SECRET = Pattern.compile(
            "(?i)([\\w.-]*" + SECRET_WORDS + "[\\w.-]*[\"'`]?\\s*(?:=>|=|:)\\s*)[^\\s,;&)]+");
    private static final Pattern USERINFO_WITH_PASSWORD = Pattern.compile("://[^/@\\s:]*:[^/@\\s]*@");
    private static final Pattern WEB_USERINFO = Pattern.compile("(?i)\\b(https?|ftp|sftp)://[^/@\\s]*@");
    private static final Pattern QUERY_SECRET = Pattern.compile(
            "(?i)([?&;](?:[\\w.-]*" + SECRET_WORDS + "[\\w.-]*|sig|user|username|uid)=)[^&;\\s]*");
    private static final Pattern DATABASE = Pattern.compile("(?i);(database|databasename)=([^;]*)");

    private Masking() {
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

    /** The value of an option as it may pass, or null where it may not. */
    static String option(String key, String value) {
        String lower = key.toLowerCase(Locale.ROOT);
        if (!OPTIONS.contains(lower)) {
            return null;
        }
        if (PATH_OPTIONS.contains(lower)) {
            return lower.equals("url") ? url(value) : path(value);
        }
        if (SQL_OPTIONS.contains(lower)) {
            return lower.equals("dbtable") ? relation(value) : sql(value);
        }
        return cut(value, TEXT_LIMIT);
    }

    /** JDBC's `dbtable`: a table's name as it is, a query in parentheses masked. */
    static String relation(String table) {
        return table.trim().startsWith("(") ? sql(table) : cut(table, TEXT_LIMIT);
    }

    /** A path or URI without passwords and signatures. */
    static String path(String path) {
        String clean = USERINFO_WITH_PASSWORD.matcher(path).replaceAll("://");
        clean = WEB_USERINFO.matcher(clean).replaceAll("$1://");
        return cut(QUERY_SECRET.matcher(clean).replaceAll("$1?"), TEXT_LIMIT);
    }

    /** A connection URL without user, password and parameters; a database's name stays. */
    static String url(String url) {
        if (!url.regionMatches(true, 0, "jdbc:", 0, 5)) {
            return path(url);
        }
        int end = indexOfAny(url, "?;");
        String head = url.substring(0, end).replaceAll("://[^/@]*@", "://").replaceAll("(?i)(:thin:)[^@]*@", "$1@");
        java.util.regex.Matcher database = DATABASE.matcher(url.substring(end));
        return cut(database.find() ? head + ";databaseName=" + database.group(2) : head, TEXT_LIMIT);
    }

    private static int indexOfAny(String text, String characters) {
        for (int i = 0; i < text.length(); i++) {
            if (characters.indexOf(text.charAt(i)) >= 0) {
                return i;
            }
        }
        return text.length();
    }

    /** SQL with literals as `?`, without comments and secrets. Names, also quoted by backticks, stay. */
    static String sql(String sql) {
        String text = cut(sql, TEXT_LIMIT * 2);
        String masked = new TextMasker(text, true).mask().trim();
        if (masked.regionMatches(true, 0, "set ", 0, 4) && masked.indexOf('=') > 0) {
            masked = masked.substring(0, masked.indexOf('=') + 1) + "?";
        }
        return secrets(masked);
    }

    /** A message with quoted texts and numbers as `?` and without secrets. */
    static String message(String message) {
        return secrets(new TextMasker(cut(message, TEXT_LIMIT * 2), false).mask());
    }

    /** A tag, a group, a call site: a name as it is, without secrets. */
    static String label(String label) {
        return secrets(label);
    }

    private static String secrets(String text) {
        String clean = USERINFO_WITH_PASSWORD.matcher(text).replaceAll("://");
        clean = WEB_USERINFO.matcher(clean).replaceAll("$1://");
        return cut(SECRET.matcher(clean).replaceAll("$1?"), TEXT_LIMIT);
    }

    private static Set<String> set(String... names) {
        return Collections.unmodifiableSet(new HashSet<>(Arrays.asList(names)));
    }
}
