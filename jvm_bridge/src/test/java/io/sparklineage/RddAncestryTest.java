package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.io.LongWritable;
import org.apache.hadoop.io.Text;
import org.apache.hadoop.mapreduce.lib.input.TextInputFormat;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.rdd.RDD;
import org.apache.spark.rdd.UnionRDD;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import scala.Tuple2;
import scala.reflect.ClassTag$;

/** RDDs that read more paths than a record may take. */
class RddAncestryTest {
    private static final String CUT = "],\"ancestry_cut\":true}";
    private static JavaSparkContext context;

    @BeforeAll
    static void start() {
        context = new JavaSparkContext(new SparkConf().setMaster("local[1]").setAppName("ancestry").set("spark.ui.enabled", "false")
                .set("spark.driver.host", "localhost").set("spark.driver.bindAddress", "127.0.0.1"));
    }

    @AfterAll
    static void stop() {
        context.stop();
    }

    private static String path(int number) {
        return "file:/" + number + "/" + String.join("", Collections.nCopies(900, "a/")) + "x";
    }

    /** Reads so many paths of about 1,800 characters. */
    private static RDD<Tuple2<LongWritable, Text>> reader(int paths) {
        List<String> all = new ArrayList<>();
        for (int i = 0; i < paths; i++) {
            all.add(path(i));
        }
        Configuration configuration = new Configuration(false);
        configuration.set("mapreduce.input.fileinputformat.inputdir", String.join(",", all));
        return context.newAPIHadoopRDD(configuration, TextInputFormat.class, LongWritable.class, Text.class).rdd();
    }

    /** A union of 20 RDDs that read 900 paths each, about 1.6 MB; made by itself, since Spark's method would look for the files. */
    private static RDD<?> union() {
        List<RDD<Tuple2<LongWritable, Text>>> readers = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            readers.add(reader(900));
        }
        return new UnionRDD<>(context.sc(), Plans.seq(readers), ClassTag$.MODULE$.apply(Tuple2.class));
    }

    private static int count(String text, String part) {
        return text.split(part, -1).length - 1;
    }

    @Test
    void pathsBeyondTheLimitAreCutAndItIsSaid() {
        JsonWriter json = new JsonWriter();
        RddAncestry.write(json, union());
        String written = json.toString();
        assertEquals(5, count(written, "\"paths\":"), "8 MiB over 900 paths of 1,815 characters");
        assertEquals(5 * 900, count(written, "\"file:/"));
        assertTrue(written.endsWith("}" + CUT), written.substring(written.length() - 100));
    }

    @Test
    void rddsOfAllNodesOfAPlanTogetherAreBounded() {
        RunFacts facts = new RunFacts(new LiteralHasher(new byte[32]), false);
        RDD<?> large = union();
        RDD<?> small = reader(1);
        facts.addRdd(1, small);
        for (int node = 2; node < 100; node++) {
            facts.addRdd(node, large);
        }
        assertTrue(facts.size() < 9 << 20, facts.size() + " bytes");
        String written = facts.facts().toString();
        assertTrue(written.startsWith("[1,{\"rdd\":" + small.id() + ",\"ancestry\":[{\"id\":" + small.id()
                + ",\"class\":\"NewHadoopRDD\",\"leaf\":true,\"paths\":[\"" + path(0) + "\"]}]}],[2,{"), written.substring(0, 200));
        assertEquals(98, count(written, "\"ancestry_cut\":true"));
    }

    @Test
    void aPlanWithManyPathsIsNotKeptUntilItEnds() throws Throwable {
        PlanEncoder encoder = new PlanEncoder(new LiteralHasher(new byte[32]), new NameMasker(), false, PlanEncoder.NODE_LIMIT, false);
        assertTrue(encoder.canBegin());
        encoder.index(reader(900));
        encoder.encode(Plans.relation(Plans.column("a")), null);
        assertFalse(encoder.canBegin());
    }

    @Test
    void pathsOfAMicroBatchBeyondTheLimitAreLeftOut() {
        RunFacts facts = new RunFacts(new LiteralHasher(new byte[32]), true);
        List<String> paths = Collections.nCopies(1_000, path(0));
        for (int node = 0; node < 4; node++) {
            facts.addPaths(node, paths);
        }
        assertFalse(facts.isCut());
        facts.addPaths(4, paths);
        assertTrue(facts.isCut());
        assertEquals(4_000, count(facts.facts().toString(), "\"file:/"));
    }
}
