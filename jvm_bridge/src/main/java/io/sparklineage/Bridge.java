package io.sparklineage;

import java.lang.ref.WeakReference;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.hadoop.util.ShutdownHookManager;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The bridge's static face, for Python (py4j) and for the session extension. A JVM has one SparkContext at a
 * time, so there is one listener at a time.
 */
public final class Bridge {
    /** Version of the bridge, as in its pom. */
    static final String VERSION = version();

    private static final Logger LOG = LoggerFactory.getLogger(Bridge.class);

    /** Below Spark's own hook (40), which ends the application, and above that of file systems (10). */
    private static final int HOOK_PRIORITY = 15;

    /** What Hadoop gives a hook by default; it would read its configuration files to find that out. */
    private static final long HOOK_SECONDS = 30;

    /** How long a query waits until the listener is on the bus; it takes less than a millisecond where nobody holds that. */
    private static final long BUS_MILLIS = 2_000;

    /** How long the JVM's end may wait, in all. */
    private static final long EXIT_NANOS = TimeUnit.SECONDS.toNanos(10);

    /** Listeners whose spools are not sealed yet: the one in use, and those whose buses still tell what was before. */
    private static final Set<LineageListener> OPEN = ConcurrentHashMap.newKeySet();

    private static volatile LineageListener listener;

    /** The application that is not captured before {@link #enable} asks for it: lineage failed in it, or was switched off. */
    private static volatile WeakReference<SparkContext> leftAlone = new WeakReference<>(null);

    /** The application of which each session notes its writes. */
    private static volatile WeakReference<SparkContext> everywhere = new WeakReference<>(null);
    private static volatile String failure;
    private static boolean hooked;

    private Bridge() {
    }

    /**
     * Registers the listener with the session's SparkContext, once, and notes the session's writes before they run; returns
     * {@link #status()}.
     *
     * @param session any session of the application
     * @return the status; `last_error` says why where it could not be registered
     */
    public static String enable(SparkSession session) {
        leaveAlone(null);
        register(session, false);
        IntentRule.append(session);
        return status();
    }

    /**
     * Waits until all that has run so far is in sealed segments.
     *
     * @param timeoutMillis how long to wait, in milliseconds
     * @return false where it took longer
     */
    public static boolean flush(long timeoutMillis) {
        LineageListener active = active();
        try {
            return active == null || active.flush(timeoutMillis);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** Takes the listener off the bus, until {@link #enable}, and seals the spool; harmless where there is none. */
    public static void disable() {
        LineageListener active = active();
        if (active != null) {
            leaveAlone(active.context);
            active.remove();
            forget(active);
        }
    }

    /**
     * Like {@link #disable()}, and takes out of the session what {@link #enable} put there.
     *
     * @param session the session that `enable` was called with, or null
     */
    public static void disable(SparkSession session) {
        IntentRule.remove(session);
        if (session != null) {
            leaveAlone(session.sparkContext());  // also where no query has registered the listener yet
        }
        disable();
    }

    /**
     * What the bridge does, as JSON.
     *
     * @return `{"alive","bridge","spool","intent","every_session","records","segments","lost","last_error","metrics"}`; without a listener no `metrics`
     */
    public static synchronized String status() {
        JsonWriter json = new JsonWriter().object();
        if (listener != null) {
            listener.writeStatus(json);
        } else {
            json.field("alive", false).field("bridge", (String) null).field("spool", (String) null)
                    .field("records", 0).field("segments", 0).field("lost", 0).field("last_error", failure);
        }
        return json.endObject().toString();
    }

    /**
     * The record of a plan that does not run; for `spark-lineage plan`, which reviews a job before it runs. Nothing is executed.
     *
     * @param session the session whose settings count
     * @param analyzed an analyzed plan
     * @return `{"plan": the `plan` record, "literals": [the keyed hash of each literal, or null]}`
     */
    public static String encode(SparkSession session, LogicalPlan analyzed) throws Throwable {
        if (active() == null) {
            Masking.redact(Redaction.of(session));
        }
        Settings settings = Settings.of(session);
        EncodedPlan plan = new PlanEncoder(new LiteralHasher(settings.hashKey), new NameMasker(),
                settings.keepLiterals, PlanEncoder.NODE_LIMIT, false).encode(analyzed, null);
        JsonWriter json = new JsonWriter().object().name("plan").raw(plan.record, plan.record.length)
                .name("literals").array();
        for (String literal : plan.literals) {
            json.value(literal);
        }
        return json.endArray().endObject().toString();
    }

    /**
     * What an analysis that failed says, without literals; for `spark-lineage plan`.
     *
     * @param thrown what Spark threw
     * @return `{"class","message","condition","line","position"}`, null each where there is none
     */
    public static String failure(Throwable thrown) {
        JsonWriter json = new JsonWriter();
        Failure.writeAnalysis(json, thrown);
        return json.toString();
    }

    /**
     * A place as records have it: without users, passwords and signatures.
     *
     * @param place a path or URI
     * @return the place
     */
    public static String place(String place) {
        return Masking.path(place);
    }

    /**
     * A sentence that names tables and places, without the secrets in them.
     *
     * @param sentence the sentence
     * @return the sentence
     */
    public static String told(String sentence) {
        return Masking.label(sentence);
    }

    /**
     * What the bridge needs of Spark and this Spark lacks.
     *
     * @return a JSON array of `class.method`, empty on every supported line
     */
    public static String missingLinks() {
        JsonWriter json = new JsonWriter().array();
        SparkCompat.missingLinks().forEach(json::value);
        return json.endArray().toString();
    }

    /**
     * Registers the listener unless it is, or has failed for this application; never throws.
     *
     * The session is asked before this class is locked: who makes a session's first query may hold the session's locks, and waits here.
     *
     * @param everySession whether each session of the application notes its writes, as those do that an extension is applied to
     */
    static void register(SparkSession session, boolean everySession) {
        try {
            SparkContext context = session.sparkContext();
            if (everySession) {
                everywhere = new WeakReference<>(context);
            }
            if (isSettled(context)) {
                return;
            }
            Redaction redaction = Redaction.of(session);
            try {
                begin(context, redaction, Settings.of(session));
            } catch (Throwable problem) {
                giveUp(context, problem);
            }
        } catch (Throwable problem) {
            failed(problem);
        }
    }

    private static synchronized void begin(SparkContext context, Redaction redaction, Settings settings) throws Exception {
        if (isSettled(context)) {
            return;
        }
        leaveAlone(context);  // until it has not failed
        failure = null;  // one that is known is another application's
        Masking.redact(redaction);
        LineageListener created = new LineageListener(context, settings, everywhere.get() == context);
        OPEN.add(created);
        addToBus(created);
        listener = created;
        leaveAlone(null);
        addHook();
    }

    /** Whether an application is captured, or is not to be. */
    private static boolean isSettled(SparkContext context) {
        LineageListener active = listener;
        return active != null && active.context == context || leftAlone.get() == context;
    }

    /** What the switch says, else the default. One that is neither true nor false is told of once for an application, and lineage is off. */
    static boolean isWanted(SparkSession session, boolean otherwise) {
        try {
            return Settings.isEnabled(session, otherwise);
        } catch (IllegalArgumentException wrong) {
            giveUp(session.sparkContext(), wrong);
            return false;
        }
    }

    /** Says once why an application is not captured. */
    private static synchronized void giveUp(SparkContext context, Throwable problem) {
        LineageListener active = listener;
        if (active == null || active.context != context) {
            listener = null;  // another application's, whose end failed, has nothing to say of this one
            boolean isSaid = leftAlone.get() == context && failure != null;
            leaveAlone(context);
            if (!isSaid) {
                failed(problem);
            }
        }
    }

    /**
     * Adds it on a thread of its own, for which is waited so long only: who stops an application, or takes a listener away, holds the bus until
     * each listener has done what it does, and one of them may wait for a query that waits here.
     */
    private static void addToBus(LineageListener created) throws Exception {
        try {
            Aside.call("spark-lineage-start", BUS_MILLIS, () -> {
                try {
                    created.context.listenerBus().addToQueue(created, LineageListener.QUEUE);
                    return null;
                } catch (Throwable problem) {
                    OPEN.remove(created);
                    created.close();
                    throw problem;
                }
            });
        } catch (TimeoutException late) {
            LOG.warn("Spark's listener bus does not take the listener of lineage within {} ms: what happens until it does is not captured", BUS_MILLIS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();  // it is added all the same
        }
    }

    /** Says that lineage is not captured, as far as that can be said where memory, stack or classes have run out. */
    static void failed(Throwable problem) {
        try {
            failure = sentence(problem);
            LOG.warn("Lineage is not captured, the job goes on: {}", failure);
        } catch (Throwable worse) {
            // Nothing is left to say it with.
        }
    }

    /** Notes the write that the calling thread is about to run, where a listener is there; never waits for a lock. */
    static void intend() throws Throwable {
        LineageListener active = listener;
        if (active != null) {
            active.intend();
        }
    }

    /** Counts a write that {@link #intend} could not note. */
    static void couldNotIntend(Throwable problem) {
        LineageListener active = listener;
        if (active != null) {
            active.couldNotIntend(problem);
        }
    }

    /** Learns the names that Spark made in a plan that the calling thread has just analyzed, where a listener is there; never waits for a lock. */
    static void learnNames(LogicalPlan analyzed) {
        LineageListener active = listener;
        if (active != null) {
            active.learnNames(analyzed);
        }
    }

    private static String sentence(Throwable problem) {
        try {
            return Masking.cut(Masking.line(Masking.label(problem.toString())), 500);
        } catch (Throwable silent) {
            return problem.getClass().getName();
        }
    }

    /** Warns in a sentence of this bridge's own, and what a problem says of itself, masked. */
    static void complain(String sentence, Object problem) {
        LOG.warn("{}: {}", sentence, Gaps.describe(problem));
    }

    /** Warns in a sentence that is the bridge's own as a whole. */
    static void complain(String sentence) {
        LOG.warn("{}", sentence);
    }

    static synchronized void forget(LineageListener ended) {
        OPEN.remove(ended);
        failure = ended.loss();
        if (listener == ended) {
            listener = null;
        }
    }

    private static synchronized void leaveAlone(SparkContext context) {
        leftAlone = new WeakReference<>(context);
    }

    private static synchronized LineageListener active() {
        return listener;
    }

    private static void addHook() {
        if (!hooked) {
            hooked = true;
            ShutdownHookManager.get().addShutdownHook(Bridge::sealAtExit, HOOK_PRIORITY, HOOK_SECONDS, TimeUnit.SECONDS);
        }
    }

    private static void sealAtExit() {
        long deadline = System.nanoTime() + EXIT_NANOS;
        for (LineageListener open : OPEN) {
            try {
                open.finish(deadline);
            } catch (Throwable problem) {
                failed(problem);
            }
        }
    }

    private static String version() {
        Properties properties = new Properties();
        try (java.io.InputStream in = Bridge.class.getResourceAsStream("bridge.properties")) {
            properties.load(in);
        } catch (java.io.IOException | RuntimeException problem) {
            return "unknown";
        }
        return properties.getProperty("version");
    }
}
