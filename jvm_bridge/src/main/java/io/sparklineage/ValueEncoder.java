package io.sparklineage;

import java.net.URI;
import java.util.Arrays;
import java.util.Collection;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.Map;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.catalyst.AliasIdentifier;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.ExprId;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.unsafe.types.CalendarInterval;
import org.apache.spark.unsafe.types.UTF8String;
import scala.Enumeration;
import scala.Option;
import scala.Product;

/** Writes the field values of nodes: references, texts that may pass, and marks for all that may not. */
final class ValueEncoder {
    private static final int DEPTH_LIMIT = 60;
    private static final int ELEMENT_LIMIT = PlanEncoder.NODE_LIMIT;

    private final JsonWriter json;
    private final PlanTables tables;
    private final PlanEncoder walk;
    private final Map<Object, String> tupleFields = new IdentityHashMap<>();
    private final AttributeSpans spans;
    private int[] span = new int[64];
    private boolean spansWritten;
    private int elements;
    private boolean depthCut;
    private boolean textCut;
    private boolean elementsCut;
    private boolean attributesCut;
    private final long outputMillis;
    private final long began = Meter.ThreadTime.ofThisThread();
    private int outputs;
    private boolean timeCut;

    /** @param outputMillis CPU time after which no operator is asked for its output any more: some compute it from all below them */
    ValueEncoder(JsonWriter json, PlanTables tables, PlanEncoder walk, long outputMillis) {
        this.outputMillis = outputMillis;
        this.json = json;
        this.tables = tables;
        this.walk = walk;
        this.spans = new AttributeSpans();
    }

    /** Goes on where another ended, which cut nothing off. */
    ValueEncoder(ValueEncoder other, JsonWriter json, PlanTables tables, PlanEncoder walk, long outputMillis) {
        this.outputMillis = outputMillis;
        this.json = json;
        this.tables = tables;
        this.walk = walk;
        this.spans = new AttributeSpans(other.spans);
        this.spansWritten = other.spansWritten;
        this.elements = other.elements;
    }

    /** Whether nothing was cut off. */
    boolean isWhole() {
        return !(depthCut || textCut || elementsCut || attributesCut || timeCut);
    }

    /** Writes the value of a node's field. */
    void write(Object owner, String field, Object value) {
        String context = tupleFields.get(owner);
        String named = owner instanceof AliasIdentifier && field.equals("name") ? "table" : field;
        write(context == null ? named : context + "." + named, value, 0);
    }

    /** `{"@":i}` of a node, or the mark of the limit that cut it off. */
    void reference(Object node) {
        int index = walk.index(node);
        if (index < 0) {
            cut("nodes");
        } else {
            json.reference('@', index);
        }
    }

    void truncations(JsonWriter body) {
        if (depthCut) {
            body.object().field("limit", "depth").field("value", DEPTH_LIMIT).endObject();
        }
        if (textCut) {
            body.object().field("limit", "text").field("value", Masking.TEXT_LIMIT).endObject();
        }
        if (elementsCut) {
            body.object().field("limit", "elements").field("value", ELEMENT_LIMIT).endObject();
        }
        if (timeCut) {
            body.object().field("limit", "time").field("value", outputMillis).endObject();
        }
        if (attributesCut) {
            body.object().field("limit", "attributes").field("value", AttributeSpans.ATTRIBUTE_LIMIT).endObject();
        }
    }

    /** The indexes of an operator's output, as the member `o`; null where it cannot be read. */
    void output(Object plan) {
        int count = 0;
        json.name("o");
        if (isLate()) {
            json.nullValue();
            return;
        }
        try {
            for (Object attribute : SparkCompat.elementsOf(plan, "output")) {
                hold(tables.attribute((Attribute) attribute), count++);
            }
        } catch (Throwable unresolved) {
            LeftOut.note(unresolved);
            json.nullValue();
            return;
        }
        if (count < AttributeSpans.SHORTEST) {
            json.array();
            for (int i = 0; i < count; i++) {
                json.value(span[i]);
            }
            json.endArray();
        } else if (spans.exceeds(count)) {
            attributesCut = true;
            json.nullValue();
        } else {
            spansWritten = true;
            spans.write(json, span, count);
        }
    }

    /** Asked once in a while, by the CPU's clock: a driver that is stopped for a minute has not worked. */
    private boolean isLate() {
        if (!timeCut && (++outputs & 31) == 0) {
            timeCut = Meter.ThreadTime.ofThisThread() - began > outputMillis * 1_000_000;
        }
        return timeCut;
    }

    /** Whether the nodes have what only version 2 of the record knows. */
    boolean hasSpans() {
        return spansWritten;
    }

    private void write(String field, Object value, int depth) {
        if (value == null) {
            json.nullValue();
            return;
        }
        if (depth > DEPTH_LIMIT) {
            depthCut = true;
            cut("depth");
            return;
        }
        switch (Kind.OF_CLASS.get(value.getClass())) {
            case OPTION:
                write(field, SparkCompat.unwrap(value), depth + 1);
                break;
            case ATTRIBUTE:
                attribute((Attribute) value);
                break;
            case TREE:
                reference(value);
                break;
            case EXPRESSION_ID:
                json.reference('e', tables.expression((ExprId) value));
                break;
            case TYPE:
                json.reference('t', tables.typeOfRows((DataType) value));
                break;
            case BOOLEAN:
                json.value((Boolean) value);
                break;
            case NUMBER:
                number(field, (Number) value, depth);
                break;
            case TEXT:
                text(field, value.toString());
                break;
            default:
                writeOther(field, value, depth);
        }
    }

    private void writeOther(String field, Object value, int depth) {
        if (value instanceof Enum) {
            json.value(((Enum<?>) value).name());
        } else if (value instanceof Enumeration.Value) {
            json.value(Masking.cut(value.toString(), 1_000));
        } else if (value instanceof CalendarInterval && Masking.SCHEDULE_FIELDS.contains(field)) {
            TimeBounds.write(json, (CalendarInterval) value);
        } else if (value instanceof Path || value instanceof URI) {
            json.value(Masking.path(value.toString()));
        } else if (value instanceof scala.collection.Map || value instanceof Map) {
            map(field, value, depth);
        } else if (value instanceof SparkPlan || value instanceof Offset || Masking.isData(field)) {
            opaque(value);
        } else if (Facts.describes(value)) {
            reference(value);
        } else if (value instanceof scala.collection.Iterable || value instanceof Collection
                || value instanceof Object[]) {
            collection(field, value, depth);
        } else if (value instanceof Product && ((Product) value).productArity() > 0) {
            product(field, value);
        } else {
            opaque(value);
        }
    }

    /** How the values of a class are written; of the first that fits. */
    private enum Kind {
        OPTION(Option.class), ATTRIBUTE(Attribute.class), TREE(Expression.class, LogicalPlan.class), EXPRESSION_ID(ExprId.class),
        TYPE(DataType.class), BOOLEAN(Boolean.class), NUMBER(Number.class), TEXT(String.class, UTF8String.class, Character.class),
        OTHER(Object.class);

        static final ClassValue<Kind> OF_CLASS = new ClassValue<Kind>() {
            @Override
            protected Kind computeValue(Class<?> type) {
                return Arrays.stream(values()).filter(each -> each.fits(type)).findFirst().orElse(OTHER);
            }
        };

        private final Class<?>[] classes;

        Kind(Class<?>... classes) {
            this.classes = classes;
        }

        private boolean fits(Class<?> type) {
            return Arrays.stream(classes).anyMatch(each -> each.isAssignableFrom(type));
        }
    }

    private void attribute(Attribute attribute) {
        int index = index(attribute);
        if (index < 0) {
            reference(attribute);
        } else {
            json.reference('a', index);
        }
    }

    /** Index of an attribute, -1 where it is unresolved. */
    private int index(Attribute attribute) {
        try {
            return tables.attribute(attribute);
        } catch (Throwable unresolved) {
            LeftOut.note(unresolved);
            return -1;
        }
    }

    /**
     * Whole numbers on their own (depth 0, or 1 in an Option) are structure; those in collections and those the user
     * typed are values.
     */
    private void number(String field, Number number, int depth) {
        boolean whole = number instanceof Integer || number instanceof Long || number instanceof Short
                || number instanceof Byte;
        boolean structure = depth <= 1 ? !Masking.VALUE_FIELDS.contains(field)
                : Masking.POSITION_FIELDS.contains(field);
        if (whole && structure) {
            json.value(number.longValue());
        } else {
            masked(number.toString());
        }
    }

    private void text(String field, String text) {
        if (!Masking.isName(field)) {
            masked(text);
        } else if (text.length() > Masking.TEXT_LIMIT) {
            textCut = true;
            cut("text");
        } else {
            json.value(Masking.TABLE_FIELDS.contains(field) ? Masking.part(text) : text);
        }
    }

    private void masked(String text) {
        json.reference('?', text.length());
    }

    /** Names of lambda classes are made at run time: what follows the mark would change with every run. */
    private void opaque(Object value) {
        String name = value.getClass().getName();
        int lambda = name.indexOf("$$Lambda");
        json.object().field("o", lambda < 0 ? name : name.substring(0, lambda)).endObject();
    }

    private void cut(String limit) {
        json.object().field("cut", limit).endObject();
    }

    private void product(String field, Object value) {
        if (value.getClass().getName().startsWith("scala.Tuple")) {
            tupleFields.put(value, field);
        }
        reference(value);
    }

    private void collection(String field, Object value, int depth) {
        Iterator<?> iterator = iterator(value);
        Object first = iterator.hasNext() ? iterator.next() : null;
        if (first instanceof InternalRow) {
            opaque(value);
            return;
        }
        if (isMasked(field, first)) {
            json.reference('?', size(value));
            return;
        }
        json.array();
        elements(field, iterator(value), depth);
        json.endArray();
    }

    /** Attributes that follow each other are held back, to be written together. */
    private void elements(String field, Iterator<?> iterator, int depth) {
        int held = 0;
        while (iterator.hasNext() && held <= AttributeSpans.ATTRIBUTE_LIMIT) {
            Object element = iterator.next();
            int attribute = element instanceof Attribute && depth + 2 <= DEPTH_LIMIT ? index((Attribute) element) : -1;
            if (attribute >= 0) {
                hold(attribute, held++);
                continue;
            }
            if (!release(held) || isFull()) {
                return;
            }
            held = 0;
            write(field, element, depth + 2);
        }
        release(held);
    }

    private void hold(int attribute, int position) {
        if (position == span.length) {
            span = Arrays.copyOf(span, position * 2);
        }
        span[position] = attribute;
    }

    /** Writes what was held back; false where the limit cut it off. */
    private boolean release(int held) {
        if (held >= AttributeSpans.SHORTEST) {
            return !isFull() && writeSpan(held);
        }
        for (int i = 0; i < held; i++) {
            if (isFull()) {
                return false;
            }
            json.reference('a', span[i]);
        }
        return true;
    }

    private boolean writeSpan(int count) {
        if (spans.exceeds(count)) {
            attributesCut = true;
            cut("nodes");
            return false;
        }
        spansWritten = true;
        spans.write(json, span, count);
        return true;
    }

    /** Counts an element of a collection; true, and a mark instead of it, where there are too many. */
    private boolean isFull() {
        if (elements++ < ELEMENT_LIMIT) {
            return false;
        }
        elementsCut = true;
        cut("nodes");
        return true;
    }

    /** Whether a collection's elements are values: then only their number is told. */
    private static boolean isMasked(String field, Object element) {
        return element instanceof Number && !Masking.POSITION_FIELDS.contains(field)
                || (element instanceof String || element instanceof UTF8String) && !Masking.isName(field);
    }

    private static int size(Object value) {
        if (value instanceof Object[]) {
            return ((Object[]) value).length;
        }
        return value instanceof Collection ? ((Collection<?>) value).size()
                : ((scala.collection.Iterable<?>) value).size();
    }

    private static Iterator<?> iterator(Object value) {
        if (value instanceof Object[]) {
            return Arrays.asList((Object[]) value).iterator();
        }
        if (value instanceof Collection) {
            return ((Collection<?>) value).iterator();
        }
        return SparkCompat.iterator((scala.collection.Iterable<?>) value);
    }

    private void map(String field, Object value, int depth) {
        json.object().name("m").array();
        Iterator<?> entries = value instanceof Map ? ((Map<?, ?>) value).entrySet().iterator() : iterator(value);
        while (entries.hasNext()) {
            if (elements++ >= ELEMENT_LIMIT) {
                elementsCut = true;
                break;
            }
            Object entry = entries.next();
            Object key = entry instanceof Map.Entry ? ((Map.Entry<?, ?>) entry).getKey()
                    : ((Product) entry).productElement(0);
            Object content = entry instanceof Map.Entry ? ((Map.Entry<?, ?>) entry).getValue()
                    : ((Product) entry).productElement(1);
            json.array();
            entry(field, key, SparkCompat.unwrap(content), depth);
            json.endArray();
        }
        json.endArray().endObject();
    }

    /** A partition's map passes its keys, an options map what the option's key allows. */
    private void entry(String field, Object key, Object content, int depth) {
        if (!(key instanceof String)) {
            write(field, key, depth + 2);
            write(field, content, depth + 2);
            return;
        }
        String passed = content instanceof String ? Masking.option((String) key, (String) content) : null;
        if (Masking.PARTITION_FIELDS.contains(field)) {
            json.value(Masking.cut((String) key, Masking.TEXT_LIMIT));
            write("", content, depth + 2);
        } else if (passed != null) {
            json.value((String) key).value(passed);
        } else {
            masked((String) key);
            write("", content, depth + 2);
        }
    }
}
