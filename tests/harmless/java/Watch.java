package harmless;

import java.io.File;
import java.net.SocketAddress;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * Hears of every call that `WatchAgent` put a hook into, and remembers those that the bridge made: one of its frames is in the
 * stack, or the thread is one of its own. It lies on the bootstrap class path, where the JDK's own classes see it.
 *
 * <p>It uses no lambda, never throws, and does not hear itself.
 */
public final class Watch {
    private static final String OURS = "io.sparklineage.";
    private static final String LOADING = " by loading code";
    private static final int LIMIT = 10_000;
    private static final int FRAMES = 14;
    private static final StackWalker WALKER = StackWalker.getInstance();
    private static final ThreadLocal<Boolean> INSIDE = new ThreadLocal<>();
    private static final Map<String, AtomicLong> OTHERS = new ConcurrentHashMap<>();
    private static final Map<String, String> CALLS = new ConcurrentHashMap<>();
    private static final Map<String, Boolean> HOOKS = new ConcurrentHashMap<>();
    private static volatile String problem = "";

    private Watch() {
    }

    /** A method has a hook now. */
    public static void hooked(String kind, String method) {
        HOOKS.put(kind + "\t" + method, true);
    }

    /** Something went wrong with the hooks. */
    public static void broken(Throwable cause) {
        problem = String.valueOf(cause);
    }

    /** Called at the head of each method that has a hook. */
    public static void called(String kind, String method, Object target) {
        if (INSIDE.get() != null) {
            return;
        }
        INSIDE.set(true);
        try {
            Caller walk = new Caller();
            String caller = WALKER.walk(walk);
            String thread = Thread.currentThread().getName();
            if (caller == null && isOurs(thread)) {
                caller = "thread " + thread;
            }
            if (caller == null) {
                AtomicLong count = OTHERS.get(kind);
                if (count == null) {
                    OTHERS.putIfAbsent(kind, new AtomicLong());
                    count = OTHERS.get(kind);
                }
                count.incrementAndGet();
            } else {
                String call = kind + "\t" + method + "\t" + caller + (walk.loads ? LOADING : "") + "\t" + text(target) + "\t" + thread;
                if (CALLS.size() < LIMIT && !CALLS.containsKey(call)) {
                    CALLS.put(call, WALKER.walk(new Top()));
                }
            }
        } catch (Throwable any) {
            broken(any);
        } finally {
            INSIDE.remove();
        }
    }

    private static boolean isOurs(String thread) {
        return thread.startsWith("spark-lineage") || thread.equals("spark-listener-group-spark-lineage");
    }

    private static String text(Object target) {
        boolean told = target instanceof String || target instanceof File || target instanceof Path
                || target instanceof SocketAddress || target instanceof java.net.URI
                || target != null && target.getClass().getName().equals("org.apache.hadoop.fs.Path");
        return told ? target.toString().replaceAll("[\t\n]", " ") : target == null ? "" : target.getClass().getName();
    }

    /** What the bridge called so far, one line each: kind, method, caller, target, thread, stack. It is forgotten then. */
    public static String take() {
        StringBuilder out = new StringBuilder();
        for (String call : new TreeSet<>(CALLS.keySet())) {
            out.append(call).append('\t').append(CALLS.remove(call)).append('\n');
        }
        return out.toString();
    }

    /** How often all others called, by kind, one line each. */
    public static String others() {
        StringBuilder out = new StringBuilder();
        for (Map.Entry<String, AtomicLong> each : OTHERS.entrySet()) {
            out.append(each.getKey()).append('\t').append(each.getValue()).append('\n');
        }
        return out.toString();
    }

    /** The methods that have hooks, one line each: kind, method. */
    public static String hooks() {
        return String.join("\n", new TreeSet<>(HOOKS.keySet()));
    }

    /** What went wrong with the hooks themselves; empty if nothing did. */
    public static String problem() {
        return problem;
    }

    /** The frame of the bridge that is nearest to the call, and whether a class loader, or a jar's URL, stands between them. */
    private static final class Caller implements Function<Stream<StackWalker.StackFrame>, String> {
        private boolean loads;

        @Override
        public String apply(Stream<StackWalker.StackFrame> frames) {
            for (Iterator<StackWalker.StackFrame> each = frames.iterator(); each.hasNext();) {
                StackWalker.StackFrame frame = each.next();
                String name = frame.getClassName();
                if (name.startsWith(OURS)) {
                    return name.substring(OURS.length()) + "." + frame.getMethodName();
                }
                loads |= name.startsWith("jdk.internal.loader.") || name.startsWith("sun.net.www.protocol.jar.")
                        || name.equals("java.lang.ClassLoader");
            }
            return null;
        }
    }

    /** The frames next to the call. */
    private static final class Top implements Function<Stream<StackWalker.StackFrame>, String> {
        @Override
        public String apply(Stream<StackWalker.StackFrame> frames) {
            StringBuilder out = new StringBuilder();
            Iterator<StackWalker.StackFrame> each = frames.iterator();
            each.next();
            for (int count = 0; count < FRAMES && each.hasNext(); count++) {
                StackWalker.StackFrame frame = each.next();
                out.append(count == 0 ? "" : " < ").append(frame.getClassName()).append('.').append(frame.getMethodName());
            }
            return out.toString();
        }
    }
}
