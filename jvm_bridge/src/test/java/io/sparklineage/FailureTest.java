package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import org.apache.spark.SparkException;
import org.junit.jupiter.api.Test;
import py4j.Py4JException;

class FailureTest {
    private static String json(Throwable thrown) {
        JsonWriter json = new JsonWriter();
        Failure.of(thrown).write(json);
        return json.toString();
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
