package io.sparklineage;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.sql.catalyst.expressions.Alias;
import org.apache.spark.sql.catalyst.expressions.AttributeReference;
import org.apache.spark.sql.catalyst.expressions.Cast;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.unsafe.types.UTF8String;

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
    private static final Pattern NUMBER = Pattern.compile("-?[0-9.]+");
    private static final Pattern PLAIN = Pattern.compile("\\w+");
    private static final Pattern QUOTED = Pattern.compile("'[^']*+(?:'|$)");

    private static final Pattern BACKQUOTED = Pattern.compile("`([^`]*+)(`|$)");

    private static final int PLAN_LIMIT = 100_000;
    private static final int REFERENCE_LIMIT = 1_000;
    private static final Pattern OF_OTHERS = Pattern.compile(
            "AttributeReference|OuterReference|ScalarSubquery|SQLFunctionExpression|SQLScalarFunction");

    /** Relations that only repeat the columns of a plan elsewhere, under ids of their own. */
    private static final Pattern REPEATED = Pattern.compile("CTERelationRef|UnionLoopRef|WithCTE");

    /** Relations of rows that a program or a stream has: their columns may be those of a query before. */
    private static final Pattern OF_ROWS = Pattern.compile("LocalRelation|LogicalRDD|ExternalRDD|MemoryPlan");

    private final MaskedNames names;

    /** The plan under way, and what was looked up in it: texts of all its literals, and expression ids that it defines itself. */
    private final LogicalPlan plan;
    private TreeSet<String> planTexts;
    private Set<Long> defined;
    private Set<Long> ofRows;
    private Map<Long, Alias> aliases;
    private boolean planCut;
    private boolean aliasesSeen;

    /** What the names of aliases that repeat a column's, and of those columns, were masked as; by expression id. */
    private final Map<Long, String> repeated = new HashMap<>();

    /** Names that were literals' own, of this plan. */
    private final Map<String, String> ofLiterals = new Activity.Bounded<>(NAME_LIMIT);

    /** Whether it looks only at what of the plan was not analyzed before, since all else was learned then. */
    private final boolean learns;

    NameMasker() {
        this(new MaskedNames(), null, false);
    }

    private NameMasker(MaskedNames names, LogicalPlan plan, boolean learns) {
        this.names = names;
        this.plan = plan;
        this.learns = learns;
    }

    /** For another plan, maybe on another thread: what was masked in one plan stays so in all. */
    NameMasker forPlan(LogicalPlan plan) {
        return new NameMasker(names, plan, false);
    }

    /** For a plan around this one. */
    NameMasker around(LogicalPlan plan) {
        NameMasker wider = forPlan(plan);
        wider.ofLiterals.putAll(ofLiterals);
        return wider;
    }

    /**
     * Learns the names that Spark made in a plan that it has just analyzed: a program may have the rows before any query of it ran, and
     * make another frame of them (`createDataFrame`, `foreachBatch`), in which the names are all that is left of the expressions.
     *
     * <p>The program waits meanwhile, and analyzes a plan again for each step that it adds: what was analyzed before is left out.
     */
    void learn(LogicalPlan analyzed) {
        names.learn();
        NameMasker here = new NameMasker(names, analyzed, true);
        ArrayDeque<LogicalPlan> stack = new ArrayDeque<>();
        ArrayDeque<LogicalPlan> fromBelow = new ArrayDeque<>();
        stack.push(analyzed);
        while (fromBelow.size() < PLAN_LIMIT && !stack.isEmpty()) {
            LogicalPlan operator = stack.pop();
            if (!operator.analyzed()) {
                fromBelow.push(operator);
                for (Object child : SparkCompat.elements(SparkCompat.memberOrNull(operator, "children"), PLAN_LIMIT)) {
                    stack.push((LogicalPlan) child);
                }
            }
        }
        for (LogicalPlan operator : fromBelow) {
            for (Object expression : SparkCompat.elements(SparkCompat.memberOrNull(operator, "expressions"), PLAN_LIMIT)) {
                if (expression instanceof Alias && isMade((Alias) expression)) {
                    here.nameOf((Alias) expression);
                } else if (expression instanceof Alias) {
                    repeat((Alias) expression);
                }
            }
        }
    }

    /** An alias gives a column, which is named by a literal, its name again. */
    private void repeat(Alias alias) {
        String name = alias.name();
        AttributeReference column = names.mayBeMasked(name) ? reference(alias.child(), name) : null;
        String known = column == null ? null : names.of(column.exprId().id(), name);
        if (known != null && !known.equals(name)) {
            names.put(alias.exprId().id(), name, known);
        }
    }

    /** Whether Spark may have made the name of an alias. */
    private static boolean isMade(Alias alias) {
        return !isWord(alias.name()) || alias.child() instanceof Literal;
    }

    /** The name of an alias as it may pass. */
    String nameOf(Alias alias) {
        String name = alias.name();
        if (name.length() > Masking.READ_LIMIT) {
            return "?";
        }
        String masked = ofRepeated(alias, name);
        masked = masked.equals(name) ? ofExpression(alias, name) : masked;
        if (!masked.equals(name)) {
            names.put(alias.exprId().id(), name, masked);
            ofLiterals.put(name, masked);
        }
        return masked;
    }

    /** An alias that gives a column its own name again, as `show` and `describe` do: the name is that of the column's alias below. */
    private String ofRepeated(Alias alias, String name) {
        Set<Long> passed = new LinkedHashSet<>();
        Alias below = alias;
        String masked = null;
        while (masked == null) {
            AttributeReference column = reference(below.child(), name);
            if (column == null) {
                masked = below == alias ? name : ofExpression(below, name);
                break;
            }
            look();
            long id = column.exprId().id();
            masked = repeated.get(id);
            Alias next = aliases.get(id);
            if (masked == null && (next == null || !next.name().equals(name) || passed.contains(id))) {
                masked = nameOf(column);
            }
            passed.add(id);
            below = next;
        }
        for (long id : passed) {
            repeated.put(id, masked);
        }
        return masked;
    }

    /** A column of that name in an expression; null where there is none. */
    private static AttributeReference reference(Expression root, String name) {
        for (Object part : parts(root, REFERENCE_LIMIT)) {
            if (part instanceof AttributeReference && ((AttributeReference) part).name().equals(name)) {
                return (AttributeReference) part;
            }
        }
        return null;
    }

    private String ofExpression(Alias alias, String name) {
        if (isWord(name) && !(alias.child() instanceof Literal)) {
            return name;
        }
        List<Object> parts = parts(alias.child(), EXPRESSION_LIMIT + 1);
        if (parts.size() > EXPRESSION_LIMIT) {
            return "?";
        }
        TreeSet<String> texts = literalTexts(parts);
        texts.addAll(namesOfLiterals(parts, name));
        List<AttributeReference> columns = isWord(name) ? Collections.emptyList() : oddColumns(parts, name);
        if (isOfOthers(alias) || !columns.isEmpty()) {
            look();
            texts.addAll(planTexts);
            if (planCut) {
                return "?";
            }
        }
        if (workOf(texts, name) + (long) columns.size() * name.length() > WORK_LIMIT) {
            return "?";
        }
        String masked = name;
        for (AttributeReference column : columns) {
            masked = masked.replace(column.name(), nameOf(column));
        }
        return texts.isEmpty() ? masked : masked(masked, texts);
    }

    /** An expression and what is below it, so many of them at most. */
    private static List<Object> parts(Expression root, int limit) {
        List<Object> parts = new ArrayList<>();
        ArrayDeque<Object> stack = new ArrayDeque<>();
        stack.push(root);
        while (parts.size() < limit && !stack.isEmpty()) {
            Object part = stack.pop();
            parts.add(part);
            SparkCompat.elements(SparkCompat.memberOrNull(part, "children"), limit).forEach(stack::push);
        }
        return parts;
    }

    /** The columns that a name has in it and that are none of a user's words: `upper(concat(name, hunter2))`. */
    private static List<AttributeReference> oddColumns(List<Object> parts, String name) {
        List<AttributeReference> columns = new ArrayList<>();
        for (Object part : parts) {
            if (part instanceof AttributeReference) {
                String column = ((AttributeReference) part).name();
                if (!isWord(column) && name.contains(column)) {
                    columns.add((AttributeReference) part);
                }
            }
        }
        return columns;
    }

    /** The columns that a name has in it and that are named by a literal: `upper(hunter2)`. */
    private Set<String> namesOfLiterals(List<Object> parts, String name) {
        Set<String> found = new HashSet<>();
        for (Object part : parts) {
            if (part instanceof AttributeReference) {
                String column = ((AttributeReference) part).name();
                if (isWord(column) && !column.equals(name) && name.contains(column) && isOfLiteral((AttributeReference) part)) {
                    found.add(column);
                }
            }
        }
        return found;
    }

    /** Whether the name of a column, a word, is a literal's. */
    private boolean isOfLiteral(AttributeReference column) {
        String name = column.name();
        if (!names.mayBeMasked(name)) {
            return false;
        }
        long id = column.exprId().id();
        String known = names.of(id, name);
        if (known == null && !learns) {  // what is learned is learned from below
            look();
            Alias below = aliases.get(id);
            known = below == null ? nameOf(column) : nameOf(below);
        }
        return known != null && !known.equals(name);
    }

    /** The texts of the literals in an expression that are long enough to tell something. */
    private static TreeSet<String> literalTexts(List<Object> parts) {
        TreeSet<String> texts = new TreeSet<>();
        for (Object part : parts) {
            if (part instanceof Literal) {
                addText(texts, (Literal) part);
            }
        }
        return texts;
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
            masked = !masked.contains(text) ? masked : masked.replaceAll("(?<!\\w)" + Pattern.quote(text) + "(?!\\w)", "?");
        }
        return QUOTED.matcher(masked).replaceAll("?");
    }

    /**
     * Whether a name has in it what stands elsewhere in the plan: what a window orders by is a column of the operator below it, the
     * argument of an SQL function, too.
     */
    private static boolean isOfOthers(Alias alias) {
        Object child = alias.child();
        while (child instanceof Cast) {
            child = ((Cast) child).child();
        }
        return alias.name().contains(" OVER (")
                || alias.name().endsWith(")") && OF_OTHERS.matcher(child.getClass().getSimpleName()).matches();
    }

    /** The name of an attribute as it may pass; at the end of a plan, when every alias has been seen. */
    String nameOf(NamedExpression attribute) {
        String name = attribute.name();
        if (name.length() > Masking.READ_LIMIT) {
            return "?";
        }
        long id = attribute.exprId().id();
        String known = names.of(id, name);
        if (known != null) {
            return known;
        }
        String here = ofLiterals.get(name);
        String masked = here == null ? names.of(name) : here;
        if (masked == null) {
            return name;
        }
        look();
        if ((learns || ofRows.contains(id)) && (!isWord(name) || here == null && !isWrite())) {
            return masked;
        }
        return here == null || defined.contains(id) ? name : masked;
    }

    /** Whether a name is one word, as those that Spark makes of an expression are not. */
    static boolean isWord(String name) {
        return PLAIN.matcher(name).matches();
    }

    /** The name of a field of a struct as it may pass: it may be that of a column; a word only where this plan has it of a literal. */
    String nameOfField(String name) {
        look();
        if (!aliasesSeen) {
            aliasesSeen = true;
            for (Alias alias : aliases.values()) {
                nameOf(alias);
            }
        }
        String here = ofLiterals.get(name);
        String masked = here == null && !isWord(name) ? names.of(name) : here;
        return masked == null ? name : masked;
    }

    /** The name of a field of a struct that is no operator's rows: nearly all are a table's own words. */
    String nameOfInnerField(String name) {
        return isWord(name) && !names.mayBeMasked(name) ? name : nameOfField(name);
    }

    /** Masked SQL, which may name columns by what Spark called them: between backquotes. One that is cut is not known. */
    String inSql(String sql) {
        if (sql.indexOf('`') < 0) {
            return sql;
        }
        Matcher quoted = BACKQUOTED.matcher(sql);
        StringBuffer out = new StringBuffer();
        while (quoted.find()) {
            String masked = quoted.group(2).isEmpty() ? "?" : names.of(quoted.group(1));
            quoted.appendReplacement(out, Matcher.quoteReplacement(masked == null ? quoted.group() : "`" + masked + "`"));
        }
        return quoted.appendTail(out).toString();
    }

    /** Whether a word may be a literal's in some plan. */
    boolean mayHaveMaskedWords() {
        return names.mayHaveWords();
    }

    /** What a program brought along under a usual word is written under it. */
    private boolean isWrite() {
        return plan == null || Intents.writes(plan);
    }

    /** Looks the plan through, once, where a name needs it. */
    private void look() {
        if (planTexts != null) {
            return;
        }
        planTexts = new TreeSet<>();
        defined = new HashSet<>();
        ofRows = new HashSet<>();
        aliases = new HashMap<>();
        ArrayDeque<Object> stack = new ArrayDeque<>();
        if (plan != null) {
            stack.push(plan);
        }
        for (int i = 0; i < PLAN_LIMIT && !stack.isEmpty(); i++) {
            Object node = stack.pop();
            if (learns && node instanceof LogicalPlan && ((LogicalPlan) node).analyzed()) {
                continue;
            }
            if (node instanceof Literal) {
                addText(planTexts, (Literal) node);
                continue;
            }
            List<Object> children = SparkCompat.elements(SparkCompat.memberOrNull(node, "children"), PLAN_LIMIT);
            children.forEach(stack::push);
            if (node instanceof LogicalPlan) {
                push(stack, node, "expressions");
                push(stack, node, "innerChildren");
                define(node, children.isEmpty());
            } else if (node instanceof Alias) {
                defined.add(((Alias) node).exprId().id());
                aliases.put(((Alias) node).exprId().id(), (Alias) node);
            } else if (SparkCompat.memberOrNull(node, "plan") instanceof LogicalPlan) {
                stack.push(SparkCompat.memberOrNull(node, "plan"));
            }
        }
        planCut = !stack.isEmpty();
    }

    private static void push(ArrayDeque<Object> stack, Object node, String member) {
        for (Object inner : SparkCompat.elements(SparkCompat.memberOrNull(node, member), PLAN_LIMIT)) {
            if (inner instanceof Expression || inner instanceof LogicalPlan) {
                stack.push(inner);
            }
        }
    }

    private void define(Object node, boolean leaf) {
        String relation = node.getClass().getSimpleName();
        if (leaf && !REPEATED.matcher(relation).matches()) {
            for (Object attribute : SparkCompat.elements(SparkCompat.memberOrNull(node, "output"), PLAN_LIMIT)) {
                if (attribute instanceof NamedExpression) {
                    long id = ((NamedExpression) attribute).exprId().id();
                    defined.add(id);
                    if (OF_ROWS.matcher(relation).matches()) {
                        ofRows.add(id);
                    }
                }
            }
        }
    }

    private static void addText(TreeSet<String> texts, Literal literal) {
        Object value = literal.value();
        if (value == null || value instanceof Boolean) {
            return;
        }
        if (value instanceof UTF8String && ((UTF8String) value).numBytes() > Masking.READ_LIMIT) {
            return;  // no name is as long
        }
        String text = literal.toString();
        boolean number = NUMBER.matcher(text).matches();
        if (text.length() >= (number ? NUMBER_LENGTH : TEXT_LENGTH)) {
            texts.add(text);
        }
    }
}
