package io.sparklineage;

import org.apache.hadoop.util.ShutdownHookManager;

/**
 * How an application came to its end, as far as a JVM can tell. Spark gives the exit code 0 to every application that is stopped by
 * the JVM's shutdown hook, so that code says something only where the application was stopped before.
 */
final class Stopping {
    /** SparkContext.stop was called while the JVM went on. */
    static final String PROGRAM = "program";

    /** The main method returned: all went well. */
    static final String RETURNED = "returned";

    /** Spark's submit ended the JVM because the program failed. */
    static final String FAILED = "failed";

    /** Somebody called System.exit, or the Python program that owned the JVM is gone: with which code is not known. */
    static final String EXIT = "exit";

    /** A signal such as SIGTERM ended the JVM. */
    static final String SIGNAL = "signal";

    /** With this setting spark-submit always ends the JVM itself, failed or not. */
    private static final String ALWAYS_EXITS = "spark.submit.callSystemExitOnMainExit";

    private Stopping() {
    }

    /** One of the words above. */
    static String now(org.apache.spark.SparkConf conf) {
        if (!ShutdownHookManager.get().isShutdownInProgress()) {
            return PROGRAM;
        }
        for (StackTraceElement[] stack : Thread.getAllStackTraces().values()) {
            for (int i = 0; i + 1 < stack.length; i++) {
                boolean exits = stack[i].getMethodName().equals("exit")
                        && (stack[i].getClassName().equals("java.lang.Shutdown")
                        || stack[i].getClassName().equals("java.lang.Runtime"));
                if (exits && stack[i + 1].getClassName().startsWith("java.lang.Terminator")) {
                    return SIGNAL;
                }
                if (stack[i].getClassName().equals("java.lang.System") && stack[i].getMethodName().equals("exit")) {
                    boolean submit = stack[i + 1].getClassName().startsWith("org.apache.spark.util.CommandLine");
                    return submit && !conf.getBoolean(ALWAYS_EXITS, false) ? FAILED : EXIT;
                }
                if (exits && !stack[i + 1].getClassName().startsWith("java.lang.")) {
                    return EXIT;
                }
            }
        }
        return RETURNED;
    }
}
