package io.sparklineage;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.ExprId;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.types.UserDefinedType;

/** The tables that a plan's nodes point into: classes, types, attributes and expression ids. */
final class PlanTables {
    /** An operator such as an alias makes its output anew whenever it is asked: all of it would fill the driver. */
    private static final int IDENTITY_LIMIT = 200_000;

    private static final IllegalStateException NO_ROOM = new IllegalStateException("the attributes of a plan take too many bytes");

    private final Map<String, Integer> classes;

    /** Of a class that was met: how many fields it had then, and its index. */
    private final Map<Class<?>, int[]> latestOfClass;
    private final JsonWriter classRows;
    private final Map<DataType, Integer> typesByIdentity;
    private final Map<String, Integer> typesByText;
    private final JsonWriter typeRows;
    private final Map<Attribute, Integer> attributesByIdentity;
    private final Map<Content, Integer> attributesByContent;
    private final List<Attribute> attributes;
    private final JsonWriter attributeRows;
    private int attributesWritten;
    private int attributeBytes;
    private final Map<Long, Integer> expressions;
    private long[] rawExpressions;
    private NameMasker names;

    PlanTables() {
        classes = new HashMap<>();
        latestOfClass = new IdentityHashMap<>();
        classRows = new JsonWriter();
        typesByIdentity = new IdentityHashMap<>();
        typesByText = new HashMap<>();
        typeRows = new JsonWriter();
        attributesByIdentity = new IdentityHashMap<>();
        attributesByContent = new HashMap<>();
        attributes = new ArrayList<>();
        attributeRows = new JsonWriter();
        expressions = new HashMap<>();
        rawExpressions = new long[64];
    }

    /** A copy that goes on by itself. */
    PlanTables(PlanTables other) {
        classes = new HashMap<>(other.classes);
        latestOfClass = new IdentityHashMap<>(other.latestOfClass);
        classRows = new JsonWriter(other.classRows);
        typesByIdentity = new IdentityHashMap<>(other.typesByIdentity);
        typesByText = new HashMap<>(other.typesByText);
        typeRows = new JsonWriter(other.typeRows);
        attributesByIdentity = new IdentityHashMap<>(other.attributesByIdentity);
        attributesByContent = new HashMap<>(other.attributesByContent);
        attributes = new ArrayList<>(other.attributes);
        attributeRows = new JsonWriter(other.attributeRows);
        attributesWritten = other.attributesWritten;
        attributeBytes = other.attributeBytes;
        expressions = new HashMap<>(other.expressions);
        rawExpressions = other.rawExpressions.clone();
    }

    /** What makes an attribute the same as another; its qualifier is that of the first one met. */
    private static final class Content {
        final int expression;
        final int type;
        final String name;
        final boolean nullable;

        Content(int expression, int type, Attribute attribute) {
            this.expression = expression;
            this.type = type;
            this.name = attribute.name();
            this.nullable = attribute.nullable();
        }

        @Override
        public int hashCode() {
            return 31 * expression + name.hashCode();
        }

        @Override
        public boolean equals(Object other) {
            Content that = other instanceof Content ? (Content) other : null;
            return that != null && expression == that.expression && type == that.type && nullable == that.nullable
                    && name.equals(that.name);
        }
    }

    /** Bytes of all tables so far. */
    int size() {
        return classRows.size() + typeRows.size() + attributeBytes;
    }

    /** Index of a class with its fields. */
    int classIndex(Class<?> type, String kind, List<String> fields) {
        int[] latest = latestOfClass.get(type);
        if (latest == null || latest[0] != fields.size()) {
            latest = new int[] {fields.size(), indexOf(ClassRow.of(type, kind, fields))};
            latestOfClass.put(type, latest);
        }
        return latest[1];
    }

    private int indexOf(ClassRow row) {
        Integer known = classes.putIfAbsent(row.key, classes.size());
        if (known != null) {
            return known;
        }
        classRows.raw(row.json, row.json.length);
        return classes.size() - 1;
    }

    /** A class with its fields as it stands in every plan that has it. */
    private static final class ClassRow {
        private static final ClassValue<AtomicReference<ClassRow>> LATEST = new ClassValue<AtomicReference<ClassRow>>() {
            @Override
            protected AtomicReference<ClassRow> computeValue(Class<?> type) {
                return new AtomicReference<>();
            }
        };

        final String kind;
        final List<String> fields;
        final String key;
        final byte[] json;

        private ClassRow(String name, String kind, List<String> fields) {
            this.kind = kind;
            this.fields = fields;
            this.key = name + ' ' + fields.size();
            this.json = new JsonWriter().object().field("name", name).field("kind", kind).field("fields", fields).endObject().toBytes();
        }

        static ClassRow of(Class<?> type, String kind, List<String> fields) {
            AtomicReference<ClassRow> latest = LATEST.get(type);
            ClassRow row = latest.get();
            if (row == null || !row.fields.equals(fields) || !row.kind.equals(kind)) {
                row = new ClassRow(type.getName(), kind, fields);
                latest.set(row);
            }
            return row;
        }
    }

    /** Local id of an expression id: dense, in the order of first sight. */
    int expression(ExprId exprId) {
        Long id = exprId.id();
        Integer known = expressions.get(id);
        if (known != null) {
            return known;
        }
        int index = expressions.size();
        if (index == rawExpressions.length) {
            rawExpressions = Arrays.copyOf(rawExpressions, index * 2);
        }
        rawExpressions[index] = id;
        expressions.put(id, index);
        return index;
    }

    long[] rawExpressions() {
        return Arrays.copyOf(rawExpressions, expressions.size());
    }

    /** From now on the names of fields pass as those of a plan. */
    void of(NameMasker plan) {
        names = plan;
    }

    /** Index of a data type. */
    int type(DataType type) {
        Integer known = typesByIdentity.get(type);
        if (known == null) {
            TypeText text = TypeText.of(type);
            boolean asItIs = !text.hasOddNames && !(text.hasFields && names.mayHaveMaskedWords());
            known = type(asItIs ? text : new TypeText(type, names::nameOfInnerField));
            typesByIdentity.put(type, known);
        }
        return known;
    }

    /** Index of a data type that an operator or an expression names: that of rows has the names of columns, words among them. */
    int typeOfRows(DataType type) {
        if (type instanceof StructType) {
            typesByIdentity.computeIfAbsent(type, rows -> type(new TypeText(rows, names::nameOfField)));
        }
        return type(type);
    }

    private int type(TypeText text) {
        Integer known = typesByText.get(text.text);
        if (known == null) {
            known = typesByText.size();
            typesByText.put(text.text, known);
            typeRows.raw(text.json, text.json.length);
        }
        return known;
    }

    /** A type's text, and that as JSON: a table's schema is one object in the plans of all queries that read it. */
    private static final class TypeText {
        private static final int KEPT = 200;
        private static final int KEPT_LENGTH = 50_000;
        private static final Map<DataType, TypeText> LATEST = new IdentityHashMap<>();

        final String text;
        final byte[] json;

        /** Whether a field's name may be one that Spark made of an expression: the names of a plan say how it passes. */
        final boolean hasOddNames;
        final boolean hasFields;

        private TypeText(DataType type, UnaryOperator<String> names) {
            JsonWriter written = new JsonWriter();
            hasOddNames = writeType(written, type, names);
            text = written.toString();
            hasFields = text.contains("\"fields\"");
            json = new JsonWriter().value(text).toBytes();
        }

        static TypeText of(DataType type) {
            synchronized (LATEST) {
                TypeText known = LATEST.get(type);
                if (known != null) {
                    return known;
                }
            }
            TypeText made = new TypeText(type, UnaryOperator.identity());
            if (made.text.length() <= KEPT_LENGTH) {
                synchronized (LATEST) {
                    if (LATEST.size() >= KEPT) {
                        LATEST.clear();
                    }
                    LATEST.put(type, made);
                }
            }
            return made;
        }
    }

    /**
     * Spark's JSON of a type without the fields' metadata, which holds comments and default values,
     * and without the class bytes of user-defined types.
     *
     * @return whether a field has a name that is no word
     */
    private static boolean writeType(JsonWriter json, DataType type, UnaryOperator<String> names) {
        boolean isOdd = false;
        if (type instanceof StructType) {
            json.object().field("type", "struct").name("fields").array();
            for (StructField field : ((StructType) type).fields()) {
                json.object().field("name", names.apply(field.name())).name("type");
                isOdd |= writeType(json, field.dataType(), names) || !NameMasker.isWord(field.name());
                json.field("nullable", field.nullable()).name("metadata").object().endObject().endObject();
            }
            json.endArray().endObject();
        } else if (type instanceof ArrayType) {
            json.object().field("type", "array").name("elementType");
            isOdd = writeType(json, ((ArrayType) type).elementType(), names);
            json.field("containsNull", ((ArrayType) type).containsNull()).endObject();
        } else if (type instanceof MapType) {
            MapType map = (MapType) type;
            json.object().field("type", "map").name("keyType");
            isOdd = writeType(json, map.keyType(), names);
            json.name("valueType");
            isOdd |= writeType(json, map.valueType(), names);
            json.field("valueContainsNull", map.valueContainsNull()).endObject();
        } else if (type instanceof UserDefinedType) {
            json.object().field("type", "udt").field("class", type.getClass().getName()).name("sqlType");
            isOdd = writeType(json, ((UserDefinedType<?>) type).sqlType(), names);
            json.endObject();
        } else {
            json.value(type.typeName());
        }
        return isOdd;
    }

    /** Index of an attribute; throws where it is unresolved, or new and there is no room left. */
    int attribute(Attribute attribute) {
        Integer known = attributesByIdentity.get(attribute);
        if (known == null) {
            if (attributesByIdentity.size() >= IDENTITY_LIMIT) {
                attributesByIdentity.clear();
            }
            known = addAttribute(attribute);
            attributesByIdentity.put(attribute, known);
        }
        return known;
    }

    private int addAttribute(Attribute attribute) {
        if (attributeBytes > PlanEncoder.BYTE_LIMIT) {
            throw NO_ROOM;
        }
        int expression = expression(attribute.exprId());
        int type = type(attribute.dataType());
        Integer known = attributesByContent.putIfAbsent(new Content(expression, type, attribute), attributes.size());
        if (known != null) {
            return known;
        }
        attributes.add(attribute);
        attributeBytes += 50 + Math.min(attribute.name().length(), Masking.TEXT_LIMIT);
        for (String part : qualifier(attribute)) {
            attributeBytes += part.length();
        }
        return attributes.size() - 1;
    }

    private static List<String> qualifier(Attribute attribute) {
        List<String> parts = new ArrayList<>();
        try {
            for (Object part : SparkCompat.elementsOf(attribute, "qualifier")) {
                parts.add(Masking.cut(String.valueOf(part), Masking.TEXT_LIMIT));
            }
        } catch (Throwable problem) {
            LeftOut.note(problem);
        }
        return parts;
    }

    /** The tables as members of the plan record; at the end of the walk, when every alias has been seen. */
    void write(JsonWriter plan, NameMasker names) {
        for (; attributesWritten < attributes.size(); attributesWritten++) {
            writeAttribute(attributes.get(attributesWritten), names);
        }
        rows(plan, "classes", classRows);
        rows(plan, "types", typeRows);
        rows(plan, "attributes", attributeRows);
    }

    private void writeAttribute(Attribute attribute, NameMasker names) {
        attributeRows.array().value(expression(attribute.exprId()));
        attributeRows.value(Masking.cut(names.nameOf(attribute), Masking.TEXT_LIMIT));
        attributeRows.value(type(attribute.dataType())).array();
        for (String part : qualifier(attribute)) {
            attributeRows.value(Masking.part(part));
        }
        attributeRows.endArray().value(attribute.nullable()).endArray();
    }

    static void rows(JsonWriter plan, String name, JsonWriter rows) {
        plan.name(name).array();
        if (rows.size() > 0) {
            plan.raw(rows);
        }
        plan.endArray();
    }
}
