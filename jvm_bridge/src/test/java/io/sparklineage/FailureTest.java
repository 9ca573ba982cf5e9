package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.sql.SQLException;
import java.sql.SQLIntegrityConstraintViolationException;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import org.apache.spark.SparkException;
import org.apache.spark.SparkThrowable;
import org.junit.jupiter.api.Test;
import py4j.Py4JException;

class FailureTest {
    private static String json(Throwable thrown) {
        JsonWriter json = new JsonWriter();
        Failure.of(thrown).write(json);
        return json.toString();
    }

    /** An error of Spark's: a condition, and a template that was filled with parameters. */
    private static class Filled extends RuntimeException implements SparkThrowable {
        private final String condition;
        private String sqlstate;
        private final Map<String, String> parameters = new HashMap<>();

        Filled(String condition, String template, String... parameters) {
            super(filled(condition, template, parameters));
            this.condition = condition;
            for (int at = 0; at < parameters.length; at += 2) {
                this.parameters.put(parameters[at], parameters[at + 1]);
            }
        }

        private static String filled(String condition, String template, String... parameters) {
            String message = "[" + condition + "] " + template;
            for (int at = 0; at < parameters.length; at += 2) {
                message = message.replace("<" + parameters[at] + ">", parameters[at + 1]);
            }
            return message;
        }

        @Override
        public String getErrorClass() {
            return condition;
        }

        @Override
        public String getSqlState() {
            return sqlstate;
        }

        @Override
        public Map<String, String> getMessageParameters() {
            return parameters;
        }
    }

    private static Filled withState(String condition, String sqlstate, Throwable cause) {
        Filled thrown = new Filled(condition, "no");
        thrown.sqlstate = sqlstate;
        thrown.initCause(cause);
        return thrown;
    }

    private static String sqlstate(Throwable thrown) {
        String json = json(thrown);
        return json.contains("\"sqlstate\":") ? json.replaceAll(".*\"condition\":.*,\"sqlstate\":\"(.*)\"}", "$1") : null;
    }

    @Test
    void tellsTheSqlstateOfItsConditionOrOfADatabase() {
        assertEquals("{\"class\":\"java.sql.SQLException\",\"message\":null,\"condition\":null,\"sqlstate\":\"23505\"}",
                json(new SQLException("hunter2 is there", "23505")));
        assertEquals("22012", sqlstate(withState("DIVIDE_BY_ZERO", "22012", null)));
        SQLException duplicate = new SQLIntegrityConstraintViolationException("hunter2", "23505");
        assertEquals("23505", sqlstate(new SparkException("Job aborted.", new IOException(duplicate))));
        assertEquals("23505", sqlstate(withState("TASK_WRITE_FAILED", "58030", duplicate)), "that only says where");
        assertEquals("22012", sqlstate(withState("DIVIDE_BY_ZERO", "22012", duplicate)));
        assertEquals("23505", sqlstate(withState("DIVIDE_BY_ZERO", null, duplicate)));
        assertEquals("58030", sqlstate(withState("TASK_WRITE_FAILED", "58030", new IOException("x"))));
        assertNull(sqlstate(new IOException("x")));
        for (String other : new String[] {"hunter2", "hunte", "2350", "235055", "23-05", "", null}) {
            assertNull(sqlstate(new SQLException("x", other)), other);
        }
    }

    @Test
    void anExceptionThatDoesNotSayItsSqlstateIsToldWithout() {
        assertEquals("{\"class\":\"io.sparklineage.FailureTest$Silent\",\"message\":null,\"condition\":null}", json(new Silent()));
    }

    private static final class Silent extends SQLException {
        @Override
        public String getSQLState() {
            throw new IllegalStateException("hunter2");
        }
    }

    /** A user's exception whose message, or whose cause, cannot be asked for. */
    private static class Unreadable extends IOException {
        private final boolean hasMessage;

        Unreadable(boolean hasMessage, Throwable cause) {
            super("hunter2", cause);
            this.hasMessage = hasMessage;
        }

        @Override
        public String getMessage() {
            if (hasMessage) {
                return super.getMessage();
            }
            throw new IllegalStateException("hunter2");
        }

        @Override
        public synchronized Throwable getCause() {
            if (hasMessage) {
                throw new StackOverflowError();
            }
            return super.getCause();
        }

        @Override
        public String toString() {
            throw new NoClassDefFoundError("hunter2");
        }
    }

    @Test
    void anExceptionThatCannotBeReadIsToldByItsClass() {
        String name = Unreadable.class.getName();
        String alone = "{\"class\":\"" + name + "\",\"message\":null,\"condition\":null}";
        LeftOut.take();
        assertEquals(alone, json(new Unreadable(false, null)));
        assertEquals(0, LeftOut.take(), "what does not say anything is no loss");
        assertEquals(alone, json(new Unreadable(true, new InterruptedException())));
        assertEquals(1, LeftOut.take(), "once, though it is needed several times");
        assertEquals("{\"class\":\"" + name + "\",\"message\":null,\"condition\":\"DIVIDE_BY_ZERO\",\"sqlstate\":\"22012\"}",
                json(new Unreadable(false, withState("DIVIDE_BY_ZERO", "22012", null))), "the cause says more");
        assertTrue(Failure.of(new Unreadable(false, new InterruptedException())).isCancelled());
    }

    @Test
    void whatRepeatsAnExceptionThatCannotBeReadIsToldWithoutItsMessage() {
        for (boolean hasMessage : new boolean[] {false, true}) {
            assertEquals("{\"class\":\"org.apache.spark.SparkException\",\"message\":null,\"condition\":null}",
                    json(new SparkException("Job aborted: hunter2", new Unreadable(hasMessage, null))));
        }
    }

    @Test
    void parametersThatCannotBeReadLeaveClassAndCondition() {
        Filled thrown = new Filled("COLUMN_ALREADY_EXISTS", "no") {
            @Override
            public Map<String, String> getMessageParameters() {
                return new HashMap<String, String>() {
                    @Override
                    public void forEach(java.util.function.BiConsumer<? super String, ? super String> each) {
                        throw new IllegalStateException("hunter2");
                    }
                };
            }
        };
        assertEquals("{\"class\":\"" + thrown.getClass().getName()
                + "\",\"message\":null,\"condition\":\"COLUMN_ALREADY_EXISTS\"}", json(thrown));
    }

    @Test
    void aConditionIsANameOrNotTold() {
        String longest = String.join("", Collections.nCopies(200, "A"));
        for (String name : new String[] {"A_B.C_1", "_LEGACY_ERROR_TEMP_3000", longest}) {
            assertEquals(name, condition(name));
        }
        for (String other : new String[] {longest + "A", "", "password hunter2", "s3a://AK:hunter2@b", "A\nB", "A\n"}) {
            assertEquals("null", condition(other));
        }
    }

    private static String condition(String given) {
        return json(new Filled(given, "no")).replaceAll("(?s).*,\"condition\":\"?([^\"}]*).*", "$1");
    }

    private static String told(Throwable thrown) {
        return json(thrown).replaceAll(".*\"message\":\"(.*)\",\"condition\".*", "$1");
    }

    /** A column without a name is called after its expression, and Spark proposes it: `SELECT x FROM (SELECT 'hunter2')`. */
    @Test
    void tellsNamesThatWereGivenAndNotThoseThatAQueryMade() {
        assertEquals("[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column with name `x` cannot be resolved. Did you mean one of [?]?",
                told(new Filled("UNRESOLVED_COLUMN.WITH_SUGGESTION",
                        "A column with name <objectName> cannot be resolved. Did you mean one of [<proposal>]?",
                        "objectName", "`x`", "proposal", "`hunter2`, `concat(name, hunter2)`")));
        assertEquals("[COLUMN_ALREADY_EXISTS] The column ? already exists.", told(new Filled("COLUMN_ALREADY_EXISTS",
                "The column <columnName> already exists.", "columnName", "`hunter2`")));
    }

    @Test
    void tellsTypesAndNotTexts() {
        assertEquals("[DATATYPE_MISMATCH.X] Cannot resolve ?: it requires (INT or ARRAY<DECIMAL(?,?)>), and ? has STRING.",
                told(new Filled("DATATYPE_MISMATCH.X",
                        "Cannot resolve <sqlExpr>: it requires <requiredType>, and <inputSql> has <inputType>.",
                        "sqlExpr", "\"(a + hunter2)\"", "requiredType", "(\"INT\" or \"ARRAY<DECIMAL(10,2)>\")",
                        "inputSql", "\"hunter2\"", "inputType", "\"STRING\"")));
    }

    /** Taken out first, the shorter value would leave the rest of the longer one behind. */
    @Test
    void aValueInsideOfAnotherLeavesNothingOfIt() {
        assertEquals("[X] near ?: ?", told(new Filled("X", "near <error>: <hint>", "error", "hunter", "hint", "hunter two hunters")));
    }

    @Test
    void tellsAKnownMessageMasked() {
        assertEquals("{\"class\":\"java.io.IOException\",\"message\":\"no space on disk ?\",\"condition\":null}",
                json(new IOException("no space on disk 7\nhunter2")));
    }

    @Test
    void tellsOnlyTheClassOfAUsersException() {
        assertEquals("{\"class\":\"java.lang.IllegalStateException\",\"message\":null,\"condition\":null}",
                json(new IllegalStateException("bad customer hunter2")));
    }

    @Test
    void endsWithTheClassOfAnExecutorsException() {
        String message = "Job aborted due to stage failure: Lost task 0.0 (TID 9) (host executor 1): "
                + "java.lang.RuntimeException: hunter2\n\tat x";
        assertEquals("{\"class\":\"org.apache.spark.SparkException\",\"message\":\"Job aborted due to stage failure: "
                + "Lost task ? (TID ?) (host executor ?): java.lang.RuntimeException\",\"condition\":null}",
                json(new SparkException(message)));
    }

    @Test
    void tellsThePythonClass() {
        String message = "Task failed: org.apache.spark.api.python.PythonException: "
                + "Traceback (most recent call last):\n"
                + "  File \"x.py\", line 1, in f\nshop.errors.BadCustomer: hunter2\n\n\tat java.X";
        assertEquals("{\"class\":\"shop.errors.BadCustomer\",\"message\":\"a Python function raised "
                + "shop.errors.BadCustomer\",\"condition\":null}", json(new SparkException(message)));
    }

    /** The stop of a stream interrupts the call of a foreachBatch function; what the function itself raises is a failure. */
    @Test
    void knowsAnInterruptedPythonFunction() {
        String trace = "An exception was raised by the Python Proxy. Return Message: Traceback (most recent call last):\n"
                + "  File \"x.py\", line 1, in f\npy4j.protocol.Py4JJavaError: An error occurred while calling o77.parquet.\n: ";
        assertTrue(Failure.of(new RuntimeException(new Py4JException(trace + "java.io.InterruptedIOException: x\n\tat y"))).isCancelled());
        assertTrue(Failure.of(new Py4JException(trace + "org.apache.spark.SparkException: [SPARK_JOB_CANCELLED] Job 3")).isCancelled());
        assertFalse(Failure.of(new Py4JException(trace + "java.io.IOException: java.lang.InterruptedException")).isCancelled());
        assertFalse(Failure.of(new RuntimeException(trace + "java.io.InterruptedIOException: x")).isCancelled());
    }

    @Test
    void knowsACancellation() {
        assertTrue(Failure.of(new SparkException("Job 3 cancelled part of cancelled job group g")).isCancelled());
        assertTrue(Failure.of(new SparkException("[SPARK_JOB_CANCELLED] Job 3 cancelled")).isCancelled());
        assertTrue(Failure.of(new RuntimeException(new InterruptedException())).isCancelled());
        assertFalse(Failure.of(new SparkException("Job aborted due to stage failure")).isCancelled());
    }

    @Test
    void noMessageThatIsAValuePasses() throws Exception {
        String secret = "CnRyPt0001 of CnRyPt0002";
        Throwable[] told = {
            new java.io.UnsupportedEncodingException(secret), new java.net.URISyntaxException(secret, "no URI"),
            new java.net.MalformedURLException("no protocol: " + secret), new java.net.UnknownHostException(secret),
            new java.nio.file.InvalidPathException(secret, "no path"), new java.util.zip.ZipException(secret),
            new java.nio.charset.IllegalCharsetNameException(secret), new java.sql.SQLException(secret),
            new IllegalArgumentException(secret), new NumberFormatException("For input string: \"" + secret + "\""),
            new RuntimeException(secret), new Error(secret), new StackOverflowError(secret), new OutOfMemoryError(secret),
            new ClassCastException(secret), new java.util.NoSuchElementException("key not found: " + secret),
            new java.time.DateTimeException("Text '" + secret + "' could not be parsed"), new java.text.ParseException(secret, 1),
            new java.util.concurrent.ExecutionException(secret, new RuntimeException(secret))};
        for (Throwable each : told) {
            Throwable suppressing = new RuntimeException(secret);
            suppressing.addSuppressed(each);
            Throwable[] around = {each, new RuntimeException(secret, each), suppressing,
                new org.apache.spark.SparkException("Job aborted due to stage failure: Lost task 0.0 in stage 1.0 (TID 1) (host executor driver): "
                        + each + "\n\tat x\nCaused by: " + each, each),
                new java.io.IOException("cannot write", each), new java.io.IOException(each),
                new org.apache.spark.SparkException("Exception thrown in awaitResult: " + each.getMessage(), each)};
            for (Throwable thrown : around) {
                JsonWriter json = new JsonWriter();
                Failure.of(thrown).write(json);
                assertFalse(json.toString().toLowerCase(java.util.Locale.ROOT).contains("cnrypt"), json.toString());
            }
            JsonWriter json = new JsonWriter();
            Failure.ofText(each + "\n\tat x.y(Z.java:1)\nCaused by: " + each, null).write(json);
            assertFalse(json.toString().contains("CnRyPt"), json.toString());
        }
    }
}
