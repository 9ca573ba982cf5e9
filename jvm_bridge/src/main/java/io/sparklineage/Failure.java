package io.sparklineage;

import java.io.InterruptedIOException;
import java.net.SocketTimeoutException;
import java.nio.channels.ClosedByInterruptException;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.SparkException;
import org.apache.spark.SparkThrowable;
import org.apache.spark.TaskKilledException;

/** What a failure's record says: its class, Spark's error condition, the SQLSTATE, and one masked line. */
final class Failure {
    private static final int LINE_LIMIT = 2_000;
    private static final int MESSAGE_LIMIT = 500;
    private static final int CAUSE_LIMIT = 50;
    private static final Pattern CANCELLED = Pattern.compile(
            "(?s)^(\\[SPARK_JOB_CANCELLED].*|Job \\S+ cancelled.*|.*part of cancelled job group.*)");

    /** What Python was told when the stop of a stream interrupted a call of its function into the JVM (Spark's own pattern, `PROXY_ERROR`). */
    private static final Pattern PROXIED = Pattern.compile("py4j\\.protocol\\.Py4JJavaError: An error occurred while calling [^\n]{0,200}\n: "
            + "(java\\.lang\\.InterruptedException|java\\.io\\.InterruptedIOException|java\\.nio\\.channels\\.ClosedByInterruptException"
            + "|org\\.apache\\.spark\\.SparkException: (\\[SPARK_JOB_CANCELLED]|Job \\S+ cancelled))");

    private static final int TRACE_LIMIT = 100_000;
    private static final Pattern TRACE_LINE = Pattern.compile("((?:[A-Za-z_$][\\w$]*\\.)*[A-Za-z_$][\\w$]*)(?:: (.*))?");
    private static final Pattern PYTHON_CLASS = Pattern.compile("^([A-Za-z_][\\w.]*)(:.*)?$");
    private static final Pattern THROWN_CLASS = Pattern.compile("\\): ((?:[a-z_$][\\w$]*\\.)+[A-Z][\\w$]*)");

    /** A class and a subclass, as the SQL standard has them. What a driver gives as one may be any text. */
    private static final Pattern SQLSTATE = Pattern.compile("[0-9A-Z]{5}");

    /** A name of Spark's, with a subclass behind a point. Who throws an exception of this kind may give any text. */
    private static final Pattern CONDITION = Pattern.compile("[A-Za-z0-9_.]{1,200}");

    private static final Pattern WORD = Pattern.compile("\\w{1,3}");

    /** Conditions that only say where another error was met. */
    private static final Set<String> WRAPPERS = new HashSet<>(Arrays.asList("STREAM_FAILED", "TASK_WRITE_FAILED"));

    /** Packages whose messages are their own words; elsewhere a message may be the user's data. */
    private static final String[] KNOWN_PACKAGES = {"org.apache.spark.", "org.apache.hadoop.", "io.delta."};

    /**
     * Parameters of Spark's messages that hold a name as it was given: of a table, a view, a function, a column that is asked for
     * or written to. Those of what a query has made may be literals: a column without a name is called after its expression.
     */
    private static final Set<String> NAME_PARAMETERS = new HashSet<>(Arrays.asList(
            "catalogName", "colName", "database", "funcName", "functionName", "functionNames", "name", "namespace", "objectName",
            "relationId", "relationName", "routineName", "schemaName", "table", "tableCols", "tableColumns", "tableIdentWithDB", "tableName",
            "variableName", "viewIdent", "viewName", "windowName"));

    private static final int TYPE_LIMIT = 200;

    /** Types in Spark's messages, as `"INT"` or `("INT" or "ARRAY<DATE>")`. */
    private static final Pattern TYPES = Pattern.compile("(?:[<>(), \"]|\\b(?:or|ARRAY|BIGINT|BINARY|BOOLEAN|DATE|DECIMAL|DOUBLE|FLOAT|INT|MAP"
            + "|SMALLINT|STRING|TIMESTAMP|TIMESTAMP_NTZ|TINYINT|VOID)\\b|(?<=[(,])\\d{1,2}(?=[,)]))+");

    /** Java's own that say where, or what a disk or a network did; the message of others (a charset's name, a URI) is the value itself. */
    private static final Set<String> KNOWN_CLASSES = new HashSet<>(Arrays.asList(
            "java.io.EOFException", "java.io.FileNotFoundException", "java.io.IOException", "java.io.InterruptedIOException",
            "java.io.NotSerializableException", "java.io.SyncFailedException", "java.net.BindException",
            "java.net.ConnectException", "java.net.NoRouteToHostException", "java.net.SocketException",
            "java.net.SocketTimeoutException", "java.nio.channels.ClosedByInterruptException",
            "java.nio.channels.ClosedChannelException", "java.nio.file.AccessDeniedException",
            "java.nio.file.DirectoryNotEmptyException", "java.nio.file.FileAlreadyExistsException",
            "java.nio.file.FileSystemException", "java.nio.file.NoSuchFileException",
            "java.nio.file.NotDirectoryException"));

    /** A failure of a chain of causes, asked once for what it says: its class may be the user's, and throw. */
    private static final class Link {
        final Throwable thrown;
        final String message;
        final Throwable cause;

        /** Whether message or cause could not be read. */
        final boolean isSilent;

        Link(Throwable thrown) {
            String message = null;
            Throwable cause = null;
            boolean isSilent = false;
            try {
                message = thrown.getMessage();
            } catch (Throwable problem) {
                LeftOut.note(problem);
                isSilent = true;
            }
            try {
                cause = thrown.getCause();
            } catch (Throwable problem) {
                LeftOut.note(problem);
                isSilent = true;
            }
            this.thrown = thrown;
            this.message = message;
            this.cause = cause;
            this.isSilent = isSilent;
        }
    }

    private final String errorClass;
    private final String message;
    private final String condition;
    private final String sqlstate;
    private final boolean cancelled;

    /** Where in the program's SQL or code the failed expressions stand, in Spark's words. */
    private final Set<String> contexts = new HashSet<>();

    private Failure(String errorClass, String message, String condition, String sqlstate, boolean cancelled) {
        this.errorClass = errorClass;
        this.message = message;
        this.condition = condition != null && CONDITION.matcher(condition).matches() ? condition : null;
        this.sqlstate = sqlstate;
        this.cancelled = cancelled;
    }

    /** Never throws: where the failure cannot be read, its class is told alone. */
    static Failure of(Throwable thrown) {
        try {
            return read(thrown);
        } catch (Throwable problem) {
            LeftOut.note(problem);
            return new Failure(thrown.getClass().getName(), null, null, null, false);
        }
    }

    private static Failure read(Throwable thrown) {
        List<Link> chain = chain(thrown);
        String condition = null;
        String sqlstate = null;
        boolean cancelled = false;
        for (Link link : chain) {
            boolean open = condition == null || WRAPPERS.contains(condition);
            condition = open ? orElse(condition(link.thrown), condition) : condition;
            sqlstate = open || sqlstate == null ? orElse(sqlstate(link.thrown), sqlstate) : sqlstate;
            cancelled |= isCancellation(link);
        }
        String python = pythonClass(chain);
        Failure failure = python != null
                ? new Failure(python, "a Python function raised " + python, condition, sqlstate, cancelled)
                : new Failure(thrown.getClass().getName(), message(chain), condition, sqlstate, cancelled);
        for (Link link : chain) {
            Object contexts = link.thrown instanceof SparkThrowable ? SparkCompat.memberOrNull(link.thrown, "getQueryContext") : null;
            if (contexts instanceof Object[]) {
                Arrays.stream((Object[]) contexts).map(Failure::place).filter(Objects::nonNull)
                        .forEach(failure.contexts::add);
            }
        }
        return failure;
    }

    /** Where the failed expressions stand, as far as the error says it; never written. */
    Set<String> contexts() {
        return contexts;
    }

    /** What Spark prints of a query context: position and text; null where it has none. Contexts themselves hold arrays and are never equal. */
    static String place(Object context) {
        Object summary = SparkCompat.memberOrNull(context, "summary");
        return summary == null || summary.toString().isEmpty() ? null : summary.toString();
    }

    /**
     * What a stack trace as text says. The parameters of Spark's message are not known here, so one with a condition is
     * told by that alone.
     */
    static Failure ofText(String trace, String condition) {
        String text = Masking.cut(trace, TRACE_LIMIT);
        String line = text.trim().split("\n", 2)[0];
        Matcher matcher = TRACE_LINE.matcher(Masking.cut(line, LINE_LIMIT));
        String name = matcher.matches() ? matcher.group(1) : "java.lang.Throwable";
        if (text.contains("Traceback (most recent call last)")) {
            String python = lastRaised(text);
            return new Failure(python, "a Python function raised " + python, condition, null, false);
        }
        boolean told = matcher.matches() && matcher.group(2) != null && condition == null && isKnown(name)
                && !matcher.group(2).startsWith("[");
        return new Failure(name, told ? Masking.cut(Masking.message(matcher.group(2)), MESSAGE_LIMIT) : null,
                condition, null, false);
    }

    private static String orElse(String text, String otherwise) {
        return text == null ? otherwise : text;
    }

    boolean isCancelled() {
        return cancelled;
    }

    void write(JsonWriter json) {
        json.object().field("class", errorClass).field("message", message).field("condition", condition);
        if (sqlstate != null) {
            json.field("sqlstate", sqlstate);
        }
        json.endObject();
    }

    /** `{"class","message","condition","line","position"}` of an analysis that failed; the last two are the place in its SQL. */
    static void writeAnalysis(JsonWriter json, Throwable thrown) {
        Failure failure = of(thrown);
        json.object().field("class", failure.errorClass).field("message", failure.message).field("condition", failure.condition)
                .field("line", number(thrown, "line")).field("position", number(thrown, "startPosition")).endObject();
    }

    private static Long number(Throwable thrown, String member) {
        Object found = SparkCompat.unwrap(SparkCompat.memberOrNull(thrown, member));
        return found instanceof Integer ? Long.valueOf((Integer) found) : null;
    }

    /** `{"class","message"}` of a plan that could not be read. */
    void writePlanError(JsonWriter json) {
        json.object().field("class", errorClass).field("message", message).endObject();
    }

    private static List<Link> chain(Throwable thrown) {
        List<Link> chain = new ArrayList<>();
        for (Throwable next = thrown; next != null && chain.size() < CAUSE_LIMIT; next = chain.get(chain.size() - 1).cause) {
            chain.add(new Link(next));
        }
        return chain;
    }

    private static String condition(Throwable thrown) {
        if (!(thrown instanceof SparkThrowable)) {
            return null;
        }
        Object condition = SparkCompat.memberOrNull(thrown, "getCondition");
        return (String) (condition == null ? SparkCompat.memberOrNull(thrown, "getErrorClass") : condition);
    }

    /** Spark's, of the condition, or the one that a database gave. */
    private static String sqlstate(Throwable thrown) {
        Object state = thrown instanceof SparkThrowable ? SparkCompat.memberOrNull(thrown, "getSqlState")
                : thrown instanceof SQLException ? SparkCompat.memberOrNull(thrown, "getSQLState") : null;
        return state instanceof String && SQLSTATE.matcher((String) state).matches() ? (String) state : null;
    }

    private static boolean isCancellation(Link link) {
        Throwable thrown = link.thrown;
        boolean timeout = thrown instanceof SocketTimeoutException;  // an InterruptedIOException that nobody asked for
        return thrown instanceof InterruptedException || thrown instanceof InterruptedIOException && !timeout
                || thrown instanceof ClosedByInterruptException || thrown instanceof TaskKilledException
                || thrown.getClass().getName().equals("py4j.Py4JException") && link.message != null
                && PROXIED.matcher(Masking.cut(link.message, TRACE_LIMIT)).find()
                || thrown instanceof SparkException && link.message != null
                && CANCELLED.matcher(Masking.cut(link.message, Masking.READ_LIMIT)).matches();
    }

    /** The class that a Python function raised: the first word of the traceback's last line. */
    private static String pythonClass(List<Link> chain) {
        for (Link link : chain) {
            String text = link.message == null ? "" : Masking.cut(link.message, Masking.READ_LIMIT);
            boolean own = link.thrown.getClass().getSimpleName().equals("PythonException");
            if (own || text.contains("PythonException: ")) {
                return lastRaised(text);
            }
        }
        return null;
    }

    private static String lastRaised(String traceback) {
        String raised = "PythonException";
        boolean inside = false;
        for (String line : traceback.split("\n")) {
            inside |= line.contains("Traceback (most recent call last)");
            Matcher matcher = PYTHON_CLASS.matcher(line);
            if (inside && matcher.matches()) {
                raised = matcher.group(1);
                inside = false;
            }
        }
        return raised;
    }

    /**
     * The first line of the first message of the chain that may be told; one of many megabytes is too much to take its parameters out.
     * None where a part of the chain is silent: another's message may repeat what that would say, and it could not be taken out.
     */
    private static String message(List<Link> chain) {
        if (chain.stream().anyMatch(link -> link.isSilent)) {
            return null;
        }
        for (Link link : chain) {
            if (link.message != null && link.message.length() <= Masking.READ_LIMIT && isTold(link.thrown)) {
                return maskedOrNull(link, chain);
            }
        }
        return null;
    }

    private static boolean isTold(Throwable link) {
        return condition(link) != null || isKnown(link.getClass().getName());
    }

    private static boolean isKnown(String className) {
        if (KNOWN_CLASSES.contains(className)) {
            return true;
        }
        for (String known : KNOWN_PACKAGES) {
            if (className.startsWith(known)) {
                return true;
            }
        }
        return false;
    }

    /** Null where its parameters cannot be read: they could not be taken out. */
    private static String maskedOrNull(Link told, List<Link> chain) {
        try {
            return masked(told, chain);
        } catch (Throwable problem) {
            LeftOut.note(problem);
            return null;
        }
    }

    /** One line; where it repeats an executor's exception it ends with that one's class. */
    private static String masked(Link told, List<Link> chain) {
        String line = Masking.cut(withoutParameters(told).trim().split("\n", 2)[0], LINE_LIMIT);
        for (Link link : chain) {
            String inner = link.message == null || isTold(link.thrown) ? "" : link.message.trim().split("\n", 2)[0];
            line = inner.isEmpty() ? line : without(line, Masking.cut(inner, LINE_LIMIT));
        }
        Matcher inner = THROWN_CLASS.matcher(line);
        if (inner.find()) {
            line = line.substring(0, inner.end());
        }
        return Masking.cut(Masking.message(line), MESSAGE_LIMIT);
    }

    /**
     * Spark fills its message templates with parameters: names (in backticks), types and paths stay, values go, the longest
     * first, since one may hold another.
     */
    private static String withoutParameters(Link link) {
        String message = link.message;
        Object parameters = link.thrown instanceof SparkThrowable
                ? SparkCompat.memberOrNull(link.thrown, "getMessageParameters") : null;
        if (!(parameters instanceof Map)) {
            return message;
        }
        List<String> values = new ArrayList<>();
        ((Map<?, ?>) parameters).forEach((name, value) -> {
            if (!staysWhole(String.valueOf(name), String.valueOf(value))) {
                values.add(String.valueOf(value));
            }
        });
        values.sort(Comparator.comparingInt(String::length).reversed());
        for (String value : values) {
            boolean type = value.length() <= TYPE_LIMIT && TYPES.matcher(value).matches();
            message = type ? message.replace(value, value.replace("\"", "")) : without(message, value);
        }
        return message;
    }

    private static boolean staysWhole(String parameter, String value) {
        return value.isEmpty() || value.equals("end of input") || value.startsWith("`") && NAME_PARAMETERS.contains(parameter)
                || value.matches("[a-z0-9]+:/[^\\s]*");
    }

    /** The message with `?` for a value; a value that is a word is one only where it stands alone. */
    private static String without(String message, String value) {
        boolean word = WORD.matcher(value).matches();
        return word ? Pattern.compile("(?<!\\w)" + value + "(?!\\w)").matcher(message).replaceAll("?")
                : message.replace(value, "?");
    }
}
