package io.sparklineage;

import java.util.ArrayDeque;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.apache.spark.sql.catalyst.expressions.Alias;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;

/**
 * Takes literals out of the names that Spark makes from expressions, such as `concat(name, hunter2)`: a column
 * without an alias is named by its expression's text. Names that the user gave stay as they are.
 */
final class NameMasker {
    private static final int EXPRESSION_LIMIT = 10_000;
    private static final int NAME_LIMIT = 10_000;
    private static final long WORK_LIMIT = 10_000_000;
    private static final int TEXT_LENGTH = 3;
    private static final int NUMBER_LENGTH = 6;
    private static final Pattern PLAIN = Pattern.compile("\\w+");
    private static final Pattern QUOTED = Pattern.compile("'[^']*+(?:'|$)");

    /** Expression id to the name and what it is masked as, for the attributes that carry the name on. */
    private final Map<Long, String[]> names = new Activity.Bounded<>(NAME_LIMIT);

    /** The name of an alias as it may pass. */
    String nameOf(Alias alias) {
        String name = alias.name();
        if (PLAIN.matcher(name).matches() && !(alias.child() instanceof Literal)) {
            return name;
        }
        TreeSet<String> texts = literalTexts(alias.child());
        if (texts != null && texts.isEmpty()) {
            return name;
        }
        String masked = texts == null || workOf(texts, name) > WORK_LIMIT ? "?" : masked(name, texts);
        if (!masked.equals(name)) {
            names.put(alias.exprId().id(), new String[] {name, masked});
        }
        return masked;
    }

    /** The characters to compare at worst; a text longer than the name is not in it. */
    private static long workOf(TreeSet<String> texts, String name) {
        long work = 0;
        for (String text : texts) {
            work += (long) Math.min(text.length(), name.length()) * name.length();
        }
        return work;
    }

    private static String masked(String name, TreeSet<String> texts) {
        String masked = name;
        for (String text : texts.descendingSet()) {
            masked = masked.replaceAll("(?<!\\w)" + Pattern.quote(text) + "(?!\\w)", "?");
        }
        return QUOTED.matcher(masked).replaceAll("?");
    }

    /** The name of an attribute as it may pass. */
    String nameOf(NamedExpression attribute) {
        String[] known = names.get(attribute.exprId().id());
        return known != null && known[0].equals(attribute.name()) ? known[1] : attribute.name();
    }

    /** The texts of the literals below an expression long enough to tell something; null where they are too many. */
    private static TreeSet<String> literalTexts(Expression root) {
        TreeSet<String> texts = new TreeSet<>();
        ArrayDeque<Object> stack = new ArrayDeque<>();
        stack.push(root);
        for (int i = 0; i < EXPRESSION_LIMIT && !stack.isEmpty(); i++) {
            Object expression = stack.pop();
            if (expression instanceof Literal) {
                addText(texts, (Literal) expression);
            }
            Object children = SparkCompat.memberOrNull(expression, "children");
            for (Object child : SparkCompat.elements(children, EXPRESSION_LIMIT)) {
                stack.push(child);
            }
        }
        return stack.isEmpty() ? texts : null;
    }

    private static void addText(TreeSet<String> texts, Literal literal) {
        Object value = literal.value();
        if (value == null || value instanceof Boolean) {
            return;
        }
        String text = literal.toString();
        boolean number = text.matches("-?[0-9.]+");
        if (text.length() >= (number ? NUMBER_LENGTH : TEXT_LENGTH)) {
            texts.add(text);
        }
    }
}
