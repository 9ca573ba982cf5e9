package io.sparklineage;

import java.util.concurrent.atomic.AtomicReference;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.trees.TreeNode;
import org.apache.spark.sql.catalyst.trees.TreeNodeTag;

/** `Expression.prettyName`, which makes the usual name from the class, by a regular expression, whenever it is asked. */
final class PrettyNames {
    /** Spark's `FunctionRegistry.FUNC_ALIAS`: a function that was called by another name of its. */
    private static final TreeNodeTag<Object> ALIAS = new TreeNodeTag<>("functionAliasName");

    private static final ClassValue<PrettyNames> OF_CLASS = new ClassValue<PrettyNames>() {
        @Override
        protected PrettyNames computeValue(Class<?> type) {
            return new PrettyNames(type);
        }
    };

    /** Whether the class leaves its naming to Spark's. */
    private final boolean isUsual;
    private final AtomicReference<String> usual = new AtomicReference<>();

    private PrettyNames(Class<?> type) {
        isUsual = declares(Expression.class, "prettyName", type) && declares(TreeNode.class, "nodeName", type);
    }

    private static boolean declares(Class<?> owner, String method, Class<?> type) {
        try {
            return type.getMethod(method).getDeclaringClass() == owner;
        } catch (NoSuchMethodException notOpen) {
            return false;
        }
    }

    static String of(Expression expression) {
        PrettyNames names = OF_CLASS.get(expression.getClass());
        if (!names.isUsual || expression.getTagValue(ALIAS).isDefined()) {
            return expression.prettyName();
        }
        String usual = names.usual.get();
        if (usual == null) {
            usual = expression.prettyName();
            names.usual.set(usual);
        }
        return usual;
    }
}
