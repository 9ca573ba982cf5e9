package io.sparklineage;

import java.util.Arrays;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.AttributeReference;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.plans.logical.LocalRelation;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.Metadata;
import scala.collection.JavaConverters;
import scala.collection.Seq;
import scala.collection.immutable.Nil$;

/** Parts of plans, made without a session. */
final class Plans {
    private Plans() {
    }

    static AttributeReference column(String name) {
        return column(name, DataTypes.LongType);
    }

    static AttributeReference column(String name, DataType type) {
        return new AttributeReference(name, type, true, Metadata.empty(), NamedExpression.newExprId(), none());
    }

    static LocalRelation relation(Attribute... columns) {
        return relation(Arrays.asList(columns));
    }

    static LocalRelation relation(List<Attribute> columns) {
        return new LocalRelation(seq(columns), none(), false);
    }

    @SuppressWarnings("unchecked")
    static <T> scala.collection.immutable.Seq<T> none() {
        return (scala.collection.immutable.Seq<T>) (Object) Nil$.MODULE$;
    }

    static <T> Seq<T> seq(List<T> elements) {
        return JavaConverters.asScalaBuffer(elements).toList();
    }
}
