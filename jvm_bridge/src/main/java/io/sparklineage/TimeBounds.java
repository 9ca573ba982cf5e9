package io.sparklineage;

import java.util.ArrayDeque;
import org.apache.spark.sql.catalyst.expressions.Add;
import org.apache.spark.sql.catalyst.expressions.Cast;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.PreciseTimestampConversion;
import org.apache.spark.sql.catalyst.expressions.Remainder;
import org.apache.spark.sql.catalyst.expressions.Subtract;
import org.apache.spark.sql.catalyst.util.IntervalUtils;
import org.apache.spark.sql.types.CalendarIntervalType;
import org.apache.spark.sql.types.LongType;
import org.apache.spark.unsafe.types.CalendarInterval;
import org.apache.spark.unsafe.types.UTF8String;

/**
 * How long the windows are that `window` and `session_window` make. Spark writes them as arithmetic on microseconds between two
 * conversions that no query can ask for itself; the numbers there are a schedule, not data.
 */
final class TimeBounds {
    private static final int EXPRESSION_LIMIT = 100;

    private TimeBounds() {
    }

    /** The member `x` of the end of a window, `{"window":[length, slide, start]}` or `{"session":[months, days, microseconds]}`; nothing of all else. */
    static void write(JsonWriter json, Expression expression) {
        if (!(expression instanceof PreciseTimestampConversion)
                || !(((PreciseTimestampConversion) expression).fromType() instanceof LongType)) {
            return;
        }
        Expression end = ((PreciseTimestampConversion) expression).child();
        if (end instanceof Add) {
            window(json, (Add) end);
        } else if (end instanceof PreciseTimestampConversion) {
            session(json, ((PreciseTimestampConversion) end).child());
        }
    }

    /** The time rounded down to `(time - start) % slide`, and the length added. */
    private static void window(JsonWriter json, Add end) {
        Long length = number(end.right());
        Remainder rounded = length == null ? null : remainder(end.left());
        Long slide = rounded == null ? null : number(rounded.right());
        Expression shifted = rounded == null ? null : rounded.left();
        Long start = shifted instanceof Subtract ? number(((Subtract) shifted).right()) : null;
        if (slide != null && start != null) {
            json.name("x").object().name("window").array().value(length).value(slide).value(start).endArray().endObject();
        }
    }

    private static Long number(Expression expression) {
        Object value = expression instanceof Literal ? ((Literal) expression).value() : null;
        return value instanceof Long ? (Long) value : null;
    }

    /** The first remainder below an expression, the time itself not entered. */
    private static Remainder remainder(Expression root) {
        ArrayDeque<Object> waiting = new ArrayDeque<>();
        waiting.add(root);
        for (int i = 0; i < EXPRESSION_LIMIT && !waiting.isEmpty(); i++) {
            Object expression = waiting.poll();
            if (expression instanceof Remainder) {
                return (Remainder) expression;
            }
            if (!(expression instanceof PreciseTimestampConversion)) {
                Object children = SparkCompat.memberOrNull(expression, "children");
                waiting.addAll(SparkCompat.elements(children, EXPRESSION_LIMIT));
            }
        }
        return null;
    }

    /** The time and the gap added, under casts; a gap that depends on the row is none of the schedule. */
    private static void session(JsonWriter json, Expression end) {
        Expression sum = end;
        for (int i = 0; i < EXPRESSION_LIMIT && sum instanceof Cast; i++) {
            sum = ((Cast) sum).child();
        }
        CalendarInterval gap = null;
        for (Object child : SparkCompat.elements(SparkCompat.memberOrNull(sum, "children"), 2)) {
            gap = gap == null ? interval(child) : gap;
        }
        if (gap != null) {
            json.name("x").object().name("session");
            write(json, gap);
            json.endObject();
        }
    }

    private static CalendarInterval interval(Object expression) {
        try {
            return literal(expression);
        } catch (LinkageError | RuntimeException unknown) {
            return null;
        }
    }

    private static CalendarInterval literal(Object expression) {
        if (expression instanceof Cast && ((Cast) expression).dataType() instanceof CalendarIntervalType
                && ((Cast) expression).child() instanceof Literal) {
            Object text = ((Literal) ((Cast) expression).child()).value();
            return text instanceof UTF8String ? IntervalUtils.safeStringToInterval((UTF8String) text) : null;
        }
        Object value = expression instanceof Literal ? ((Literal) expression).value() : null;
        return value instanceof CalendarInterval ? (CalendarInterval) value : null;
    }

    /** `[months, days, microseconds]`. */
    static void write(JsonWriter json, CalendarInterval interval) {
        json.array().value(interval.months).value(interval.days).value(interval.microseconds).endArray();
    }
}
