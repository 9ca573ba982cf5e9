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
}
