package io.sparklineage;

import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import javax.management.openmbean.CompositeData;

/**
 * Keeps HotSpot's second compiler (C2) from the methods of this package, and from nothing else. They run for a second in an application
 * of a hundred queries, in which C2 worked on them for two, and were no faster for it; the first compiler's code stays.
 *
 * <p>It is what `jcmd PID Compiler.directives_add` does. A JVM that has no such command (Java 8, OpenJ9) goes on as it is, and so does
 * one without the first compiler: there only C2 stands between these methods and the interpreter.
 */
final class CompilerDirective {
    static final String METHODS = "io/sparklineage/*.*";

    private static final String TEXT = "[{match: \"" + METHODS + "\", c2: {Exclude: true}}]";
    private static final String BEANS = "com.sun.management:type=";

    private CompilerDirective() {
    }

    /** Adds the directive on a thread of its own: a tenth of a second where nothing in the JVM has asked for its beans yet. */
    static void addLater() {
        Thread thread = new Thread(CompilerDirective::add, "spark-lineage-compiler");
        thread.setDaemon(true);
        thread.start();
    }

    /** Adds the directive, unless there is one for this package; it never throws. */
    static synchronized void add() {
        try {
            if (isTiered(option("TieredCompilation"), option("CompilationMode"))
                    && !command("compilerDirectivesPrint").contains(METHODS)) {
                addFromFile();
            }
        } catch (Throwable unknown) {
            // Nothing is lost but what it would have saved.
        }
    }

    private static void addFromFile() throws Exception {
        Path file = Files.createTempFile("spark-lineage", ".json");
        try {
            Files.write(file, TEXT.getBytes(StandardCharsets.UTF_8));
            command("compilerDirectivesAdd", file.toString());
        } finally {
            Files.delete(file);
        }
    }

    /** What one of the JVM's diagnostic commands says. */
    static String command(String name, String... words) throws Exception {
        return String.valueOf(invoke("DiagnosticCommand", name, words));
    }

    /** Whether both compilers work, by the values of two options; a mode is null before Java 13. */
    static boolean isTiered(String tiered, String mode) {
        return "true".equals(tiered) && (mode == null || mode.equals("default"));
    }

    /** The value of an option of the JVM; null where it has none of that name. */
    static String option(String name) {
        try {
            return String.valueOf(((CompositeData) invoke("HotSpotDiagnostic", "getVMOption", name)).get("value"));
        } catch (Exception unknown) {
            return null;
        }
    }

    private static Object invoke(String bean, String operation, Object word) throws Exception {
        MBeanServer server = ManagementFactory.getPlatformMBeanServer();
        String[] types = {word.getClass().getName()};
        return server.invoke(new ObjectName(BEANS + bean), operation, new Object[] {word}, types);
    }
}
