package io.sparklineage;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
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

    private final Map<String, Integer> classes = new HashMap<>();

    /** Of a class that was met: how many fields it had then, and its index. */
    private final Map<Class<?>, int[]> latestOfClass = new IdentityHashMap<>();
    private final JsonWriter classRows = new JsonWriter();
    private final Map<DataType, Integer> typesByIdentity = new IdentityHashMap<>();
    private final Map<String, Integer> typesByText = new HashMap<>();
    private final JsonWriter typeRows = new JsonWriter();
    private final Map<Attribute, Integer> attributesByIdentity = new IdentityHashMap<>();

    /** What makes an attribute the same as another. */
    private static final class Content {
        final int expression;
        final int type;
        final String name;
        final Object qualifier;
        final boolean nullable;

        Content(int expression, int type, Attribute attribute) throws Throwable {
            this.expression = expression;
            this.type = type;
            this.name = attribute.name();
            this.qualifier = SparkCompat.member(attribute, "qualifier");
            this.nullable = attribute.nullable();
        }

        @Override
        public int hashCode() {
            return 31 * (31 * expression + name.hashCode()) + qualifier.hashCode();
        }

        @Override
        public boolean equals(Object other) {
            Content that = other instanceof Content ? (Content) other : null;
            return that != null && expression == that.expression && type == that.type && nullable == that.nullable
                    && name.equals(that.name) && (qualifier == that.qualifier || qualifier.equals(that.qualifier));
        }
    }

    private final Map<Content, Integer> attributesByContent = new HashMap<>();
    private final List<Attribute> attributes = new ArrayList<>();
    private int attributeBytes;
    private final Map<Long, Integer> expressions = new HashMap<>();
    private long[] rawExpressions = new long[64];

    /** Bytes of all tables so far. */
    int size() {
        return classRows.size() + typeRows.size() + attributeBytes;
    }

    /** Index of a class with its fields. */
    int classIndex(Class<?> type, String kind, List<String> fields) {
        int[] latest = latestOfClass.get(type);
        if (latest == null || latest[0] != fields.size()) {
            latest = new int[] {fields.size(), indexOf(type.getName(), kind, fields)};
            latestOfClass.put(type, latest);
        }
        return latest[1];
    }

    private int indexOf(String name, String kind, List<String> fields) {
        String key = name + ' ' + fields.size();
        Integer known = classes.get(key);
        if (known != null) {
            return known;
        }
        classRows.object().field("name", name).field("kind", kind).field("fields", fields).endObject();
        classes.put(key, classes.size());
        return classes.size() - 1;
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

    /** Index of a data type. */
    int type(DataType type) {
        Integer known = typesByIdentity.get(type);
        if (known == null) {
            JsonWriter json = new JsonWriter();
            writeType(json, type);
            String text = json.toString();
            known = typesByText.get(text);
            if (known == null) {
                known = typesByText.size();
                typesByText.put(text, known);
                typeRows.value(text);
            }
            typesByIdentity.put(type, known);
        }
        return known;
    }

    /**
     * Spark's JSON of a type without the fields' metadata, which holds comments and default values,
     * and without the class bytes of user-defined types.
     */
    private static void writeType(JsonWriter json, DataType type) {
        if (type instanceof StructType) {
            json.object().field("type", "struct").name("fields").array();
            for (StructField field : ((StructType) type).fields()) {
                json.object().field("name", field.name()).name("type");
                writeType(json, field.dataType());
                json.field("nullable", field.nullable()).name("metadata").object().endObject().endObject();
            }
            json.endArray().endObject();
        } else if (type instanceof ArrayType) {
            json.object().field("type", "array").name("elementType");
            writeType(json, ((ArrayType) type).elementType());
            json.field("containsNull", ((ArrayType) type).containsNull()).endObject();
        } else if (type instanceof MapType) {
            MapType map = (MapType) type;
            json.object().field("type", "map").name("keyType");
            writeType(json, map.keyType());
            json.name("valueType");
            writeType(json, map.valueType());
            json.field("valueContainsNull", map.valueContainsNull()).endObject();
        } else if (type instanceof UserDefinedType) {
            json.object().field("type", "udt").field("class", type.getClass().getName()).name("sqlType");
            writeType(json, ((UserDefinedType<?>) type).sqlType());
            json.endObject();
        } else {
            json.value(type.typeName());
        }
    }

    /** Index of an attribute; throws where it is unresolved. */
    int attribute(Attribute attribute) throws Throwable {
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

    private int addAttribute(Attribute attribute) throws Throwable {
        int expression = expression(attribute.exprId());
        int type = type(attribute.dataType());
        Integer known = attributesByContent.putIfAbsent(new Content(expression, type, attribute), attributes.size());
        if (known != null) {
            return known;
        }
        attributes.add(attribute);
        attributeBytes += 50 + Math.min(attribute.name().length(), Masking.TEXT_LIMIT);
        return attributes.size() - 1;
    }

    /** The tables as members of the plan record; at the end of the walk, when every alias has been seen. */
    void write(JsonWriter plan, NameMasker names) throws Throwable {
        rows(plan, "classes", classRows);
        rows(plan, "types", typeRows);
        plan.name("attributes").array();
        for (Attribute attribute : attributes) {
            plan.array().value(expression(attribute.exprId()));
            plan.value(Masking.cut(names.nameOf(attribute), Masking.TEXT_LIMIT));
            plan.value(type(attribute.dataType())).array();
            for (Object part : SparkCompat.elementsOf(attribute, "qualifier")) {
                plan.value(String.valueOf(part));
            }
            plan.endArray().value(attribute.nullable()).endArray();
        }
        plan.endArray();
    }

    static void rows(JsonWriter plan, String name, JsonWriter rows) {
        plan.name(name).array();
        if (rows.size() > 0) {
            plan.raw(rows);
        }
        plan.endArray();
    }
}
