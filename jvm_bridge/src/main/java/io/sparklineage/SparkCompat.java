package io.sparklineage;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.plans.QueryPlan;
import org.apache.spark.sql.catalyst.trees.TreeNode;
import org.apache.spark.sql.internal.SQLConf;
import scala.Option;

/**
 * Everything whose JVM descriptor, or whose very existence, differs between the supported Spark and
 * Scala lines: looked up by name once, then called through a cached MethodHandle.
 *
 * <p>What returns `Seq` is `scala.collection.Seq` on Scala 2.12 and `scala.collection.immutable.Seq` on 2.13, so it
 * may not be called directly. {@link #LINKS} lists every such method that the bridge needs; a test
 * resolves each on every Spark line.
 */
final class SparkCompat {
    /** Class name, method name and whether every supported line has it. */
    static final class Link {
        final String className;
        final String method;
        final boolean required;

        Link(String className, String method, boolean required) {
            this.className = className;
            this.method = method;
            this.required = required;
        }
    }

    /** Every method that the bridge calls by name on a class it knows. */
    static final List<Link> LINKS;

    static {
        List<Link> links = new ArrayList<>();
        String catalyst = "org.apache.spark.sql.catalyst.";
        String execution = "org.apache.spark.sql.execution.";
        links.add(new Link(catalyst + "trees.TreeNode", "children", true));
        links.add(new Link(catalyst + "plans.QueryPlan", "output", true));
        links.add(new Link(catalyst + "plans.QueryPlan", "subqueries", true));
        links.add(new Link(catalyst + "expressions.Attribute", "qualifier", true));
        links.add(new Link(catalyst + "catalog.CatalogTable", "partitionColumnNames", true));
        links.add(new Link(execution + "QueryExecution", "sparkSession", true));
        links.add(new Link("org.apache.spark.sql.internal.SessionState", "conf", true));
        links.add(new Link(execution + "datasources.FileIndex", "rootPaths", true));
        links.add(new Link(execution + "datasources.FileScanRDD", "filePartitions", true));
        links.add(new Link(execution + "ui.SparkListenerSQLExecutionStart", "jobGroupId", false));
        links.add(new Link(execution + "ui.SparkListenerDriverAccumUpdates", "accumUpdates", true));
        links.add(new Link("org.apache.spark.rdd.RDD", "dependencies", true));
        links.add(new Link("org.apache.spark.rdd.UnionRDD", "rdds", true));
        links.add(new Link("org.apache.spark.rdd.HadoopRDD", "jobConfCacheKey", true));
        links.add(new Link("org.apache.spark.rdd.NewHadoopRDD", "_conf", true));
        links.add(new Link(execution + "datasources.FileScanRDD", "readSchema", true));
        links.add(new Link(execution + "datasources.v2.DataSourceRDD", "inputPartitions", true));
        links.add(new Link(execution + "ui.SparkListenerSQLExecutionEnd", "executionName", true));
        links.add(new Link("org.apache.spark.scheduler.DAGScheduler", "jobIdToActiveJob", true));
        links.add(new Link("org.apache.spark.scheduler.ActiveJob", "finalStage", true));
        links.add(new Link("org.apache.spark.scheduler.ResultStage", "func", true));
        links.add(new Link("org.apache.spark.scheduler.JobFailed", "exception", true));
        links.add(new Link("org.apache.spark.scheduler.SparkListenerJobStart", "stageInfos", true));
        links.add(new Link("org.apache.spark.scheduler.StageInfo", "rddInfos", true));
        links.add(new Link("org.apache.spark.scheduler.SparkListenerApplicationEnd", "exitCode", false));
        links.add(new Link("org.apache.spark.SparkThrowable", "getCondition", false));
        links.add(new Link("org.apache.spark.SparkThrowable", "getErrorClass", true));
        LINKS = Collections.unmodifiableList(links);
    }

    private static final MethodHandle ELEMENT_NAME = elementName();

    /** Member name to getter, per class; a ClassValue lets go of classes of closed class loaders. */
    private static final ClassValue<ConcurrentHashMap<String, Optional<MethodHandle>>> MEMBERS =
            new ClassValue<ConcurrentHashMap<String, Optional<MethodHandle>>>() {
                @Override
                protected ConcurrentHashMap<String, Optional<MethodHandle>> computeValue(Class<?> type) {
                    return new ConcurrentHashMap<>();
                }
            };

    private static final ClassValue<ConcurrentHashMap<String, Optional<Field>>> FIELDS =
            new ClassValue<ConcurrentHashMap<String, Optional<Field>>>() {
                @Override
                protected ConcurrentHashMap<String, Optional<Field>> computeValue(Class<?> type) {
                    return new ConcurrentHashMap<>();
                }
            };

    /** What is asked of every operator and attribute: one handle for all classes, which the JVM can inline. */
    private static final MethodHandle OUTPUT = getter(QueryPlan.class, "output");
    private static final MethodHandle CHILDREN = getter(TreeNode.class, "children");
    private static final MethodHandle QUALIFIER = getter(NamedExpression.class, "qualifier");

    private SparkCompat() {
    }

    /** The links that this Spark lacks although every supported line has them, as `class.method`. */
    static List<String> missingLinks() {
        List<String> missing = new ArrayList<>();
        for (Link link : LINKS) {
            try {
                Class<?> owner = Class.forName(link.className, false, SparkCompat.class.getClassLoader());
                if (link.required && findMethod(owner, link.method) == null) {
                    missing.add(link.className + "." + link.method);
                }
            } catch (ClassNotFoundException | LinkageError absent) {
                missing.add(link.className);
            }
        }
        return missing;
    }

    /**
     * The value of the parameterless method, or else of the field, of that name; null where there is
     * neither. What the method throws is thrown on.
     */
    static Object member(Object owner, String name) throws Throwable {
        if (owner instanceof TreeNode) {
            if (name.equals("children")) {
                return CHILDREN.invokeExact(owner);
            }
            if (name.equals("output") && owner instanceof QueryPlan) {
                return OUTPUT.invokeExact(owner);
            }
            if (name.equals("qualifier") && owner instanceof NamedExpression) {
                return QUALIFIER.invokeExact(owner);
            }
        }
        Optional<MethodHandle> getter = MEMBERS.get(owner.getClass())
                .computeIfAbsent(name, key -> Optional.ofNullable(getter(owner.getClass(), key)));
        return getter.isPresent() ? getter.get().invokeExact(owner) : null;
    }

    /** Like {@link #member}, and null where reading it fails. */
    static Object memberOrNull(Object owner, String name) {
        try {
            return owner == null ? null : member(owner, name);
        } catch (Throwable problem) {
            LeftOut.note(problem);
            return null;
        }
    }

    /**
     * The settings of a session. Not its `conf`: whoever makes that for the first time takes a lock of the session's, and whoever asks here
     * may hold the one of its state, for which somebody waits who holds the other (`spark.emptyDataFrame`).
     */
    static SQLConf sessionConf(SparkSession session) {
        try {
            return (SQLConf) member(member(session, "sessionState"), "conf");
        } catch (RuntimeException | Error problem) {
            throw problem;
        } catch (Throwable problem) {
            throw new IllegalStateException(problem);
        }
    }

    /** What a field holds now: no method runs, so that a lazy one which nobody has asked for yet stays so, and is null. */
    static Object fieldOrNull(Object owner, String name) {
        try {
            if (owner == null) {
                return null;
            }
            Optional<Field> field = FIELDS.get(owner.getClass())
                    .computeIfAbsent(name, key -> Optional.ofNullable(openField(owner.getClass(), key)));
            return field.isPresent() ? field.get().get(owner) : null;
        } catch (Throwable problem) {
            LeftOut.note(problem);
            return null;
        }
    }

    /** The content of an Option; what is no Option as it is. */
    static Object unwrap(Object value) {
        if (value instanceof Option) {
            Option<?> option = (Option<?>) value;
            return option.isDefined() ? option.get() : null;
        }
        return value;
    }

    /** The elements of a Scala collection, the first `limit` of them; empty for anything else. */
    static List<Object> elements(Object collection, int limit) {
        List<Object> elements = new ArrayList<>();
        if (collection instanceof scala.collection.Iterable) {
            scala.collection.Iterator<?> iterator = ((scala.collection.Iterable<?>) collection).iterator();
            while (elements.size() < limit && iterator.hasNext()) {
                elements.add(iterator.next());
            }
        }
        return elements;
    }

    /** The elements of a Scala collection, one by one: some have no end. */
    static Iterator<Object> iterator(scala.collection.Iterable<?> collection) {
        scala.collection.Iterator<?> iterator = collection.iterator();
        return new Iterator<Object>() {
            @Override
            public boolean hasNext() {
                return iterator.hasNext();
            }

            @Override
            public Object next() {
                return iterator.next();
            }
        };
    }

    /** The elements of the collection that the named member holds. */
    static List<Object> elementsOf(Object owner, String name) throws Throwable {
        return elements(member(owner, name), Integer.MAX_VALUE);
    }

    /** The name of a case class's field, or null on Scala 2.12, which does not know it. */
    static String productElementName(scala.Product product, int index) {
        if (ELEMENT_NAME == null) {
            return null;
        }
        try {
            return (String) ELEMENT_NAME.invokeExact(product, index);
        } catch (Throwable problem) {
            LeftOut.note(problem);
            return null;
        }
    }

    private static MethodHandle elementName() {
        try {
            Method method = scala.Product.class.getMethod("productElementName", int.class);
            return MethodHandles.lookup().unreflect(method);
        } catch (ReflectiveOperationException scala212) {
            return null;
        }
    }

    private static MethodHandle getter(Class<?> type, String name) {
        try {
            Method method = findMethod(type, name);
            if (method != null) {
                method.setAccessible(true);
                return MethodHandles.lookup().unreflect(method)
                        .asType(java.lang.invoke.MethodType.methodType(Object.class, Object.class));
            }
            Field field = findField(type, name);
            if (field != null) {
                field.setAccessible(true);
                return MethodHandles.lookup().unreflectGetter(field)
                        .asType(java.lang.invoke.MethodType.methodType(Object.class, Object.class));
            }
        } catch (IllegalAccessException | RuntimeException notOpen) {
            return null;
        }
        return null;
    }

    private static Method findMethod(Class<?> type, String name) {
        for (Class<?> owner = type; owner != null; owner = owner.getSuperclass()) {
            try {
                Method method = owner.getDeclaredMethod(name);
                if (!Modifier.isStatic(method.getModifiers()) && !method.isBridge()) {
                    return method;
                }
            } catch (NoSuchMethodException inSuperclass) {
                continue;
            }
        }
        try {
            Method inherited = type.getMethod(name);
            return Modifier.isStatic(inherited.getModifiers()) ? null : inherited;
        } catch (NoSuchMethodException nowhere) {
            return null;
        }
    }

    private static Field openField(Class<?> type, String name) {
        Field field = findField(type, name);
        if (field != null) {
            field.setAccessible(true);
        }
        return field;
    }

    private static Field findField(Class<?> type, String name) {
        for (Class<?> owner = type; owner != null; owner = owner.getSuperclass()) {
            for (Field field : owner.getDeclaredFields()) {
                String plain = field.getName().substring(field.getName().lastIndexOf("$$") + 1).replace("$", "");
                if (!Modifier.isStatic(field.getModifiers()) && (field.getName().equals(name) || plain.equals(name))) {
                    return field;
                }
            }
        }
        return null;
    }
}
