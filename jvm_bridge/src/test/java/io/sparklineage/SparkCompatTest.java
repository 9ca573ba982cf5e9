package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.Arrays;
import java.util.Collections;
import org.apache.spark.sql.catalyst.TableIdentifier;
import org.junit.jupiter.api.Test;
import scala.Option;
import scala.Some;
import scala.Tuple2;

class SparkCompatTest {
    @Test
    void everyLinkResolvesOnTheLineThatWeCompileAgainst() {
        assertEquals(Collections.emptyList(), SparkCompat.missingLinks());
    }

    @Test
    void readsMethodsAndPrivateFields() throws Throwable {
        TableIdentifier identifier = new TableIdentifier("t", Option.apply("db"));
        assertEquals("t", SparkCompat.member(identifier, "table"));
        assertEquals("db", SparkCompat.unwrap(SparkCompat.member(identifier, "database")));
        assertNull(SparkCompat.member(identifier, "noSuchMember"));
    }

    @Test
    void namesTheFieldsOfACaseClass() {
        TableIdentifier identifier = new TableIdentifier("t", Option.apply("db"));
        assertEquals(Arrays.asList("table", "database", "catalog"), ProductFields.of(identifier));
        assertEquals(Arrays.asList("_1", "_2"), ProductFields.of(new Tuple2<>("a", "b")));
    }

    @Test
    void unwrapsOptions() {
        assertEquals("x", SparkCompat.unwrap(new Some<>("x")));
        assertNull(SparkCompat.unwrap(Option.empty()));
        assertNull(SparkCompat.unwrap(null));
    }
}
