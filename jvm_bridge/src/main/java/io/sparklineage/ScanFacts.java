package io.sparklineage;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.datasources.FileScanRDD;

/**
 * What a physical scan was planned to read: files with their bytes and times of modification, a topic's offsets, a
 * table's snapshot. Only fields are looked at that the query's own thread has filled: a scan that was not executed has
 * no RDD, and is not made to have one.
 */
final class ScanFacts {
    private static final int FILE_LIMIT = 100_000;
    private static final int PARTITION_LIMIT = 10_000;

    /** A negative offset stands for "earliest" or "latest", which an executor finds out: here it is not known. */
    private static final long UNRESOLVED = -1;

    private final SparkPlan scan;
    private long files;
    private long bytes;
    private long oldest = Long.MAX_VALUE;
    private long newest;
    private boolean filesKnown;
    private final Map<String, Map<String, Long[]>> offsets = new TreeMap<>();
    private int partitions;

    private ScanFacts(SparkPlan scan) {
        this.scan = scan;
    }

    /** Adds a row to `scans`, and the version that was read to `versions`, for an operator that reads a source. */
    static void add(JsonWriter scans, int node, SparkPlan plan, RunFacts run) {
        if (!plan.getClass().getSimpleName().contains("Scan")) {
            return;
        }
        int begin = scans.mark();
        try {
            new ScanFacts(plan).write(scans, node, run);
        } catch (Throwable problem) {
            scans.backTo(begin);
            LeftOut.note(problem);
            // What was read stays unknown, and the missing member says so.
        }
    }

    private void write(JsonWriter scans, int node, RunFacts run) {
        Object rdd = rdd();
        if (rdd == null) {
            return;
        }
        read((RDD<?>) rdd);
        run.addVersion(node, snapshot());
        JsonWriter json = new JsonWriter().array().value(node).object().field("rdd", ((RDD<?>) rdd).id());
        if (filesKnown) {
            json.field("files", files).field("bytes", bytes);
        }
        if (newest > 0) {
            json.name("modified").array().value(oldest).value(newest).endArray();
        }
        if (!offsets.isEmpty() && partitions <= PARTITION_LIMIT) {
            writeOffsets(json);
        }
        scans.raw(json.endObject().endArray());
    }

    /** The RDD that was made for the scan: a lazy field, or that of a relation which made it when it was planned. */
    private Object rdd() {
        Object made = SparkCompat.fieldOrNull(scan, "inputRDD");
        made = made == null ? SparkCompat.fieldOrNull(scan, "rdd") : made;
        return made instanceof RDD ? made : null;
    }

    private void read(RDD<?> rdd) {
        if (rdd instanceof FileScanRDD) {
            files(SparkCompat.elements(SparkCompat.memberOrNull(rdd, "filePartitions"), FILE_LIMIT));
        } else if (scan.getClass().getSimpleName().equals("RowDataSourceScanExec")) {
            topics(rdd);
        } else if (rdd.getClass().getSimpleName().equals("DataSourceRDD")) {
            inputPartitions(rdd);
        }
        between(offsetsOf("start"), offsetsOf("end"));
    }

    /** Each file counts where its first piece does: the other pieces begin behind it. */
    private void files(List<Object> filePartitions) {
        long pieces = 0;
        for (Object partition : filePartitions) {
            Object inside = SparkCompat.memberOrNull(partition, "files");
            for (Object file : inside instanceof Object[] ? (Object[]) inside : new Object[0]) {
                if (++pieces > FILE_LIMIT) {
                    filesKnown = false;
                    newest = 0;
                    return;
                }
                file(file);
            }
        }
        filesKnown = filePartitions.size() < FILE_LIMIT;
    }

    private void file(Object file) {
        if (number(file, "start") == 0) {
            files++;
            bytes += number(file, "fileSize");
        }
        long modified = number(file, "modificationTime");
        if (modified > 0) {
            oldest = Math.min(oldest, modified);
            newest = Math.max(newest, modified);
        }
    }

    private static long number(Object owner, String name) {
        Object value = SparkCompat.memberOrNull(owner, name);
        return value instanceof Number ? ((Number) value).longValue() : 0;
    }

    /** The partitions of a DSv2 scan: of files, or of topics. */
    private void inputPartitions(RDD<?> rdd) {
        List<Object> found = new ArrayList<>();
        for (Object group : SparkCompat.elements(SparkCompat.memberOrNull(rdd, "inputPartitions"), FILE_LIMIT)) {
            found.addAll(SparkCompat.elements(group, FILE_LIMIT - found.size()));
        }
        if (!found.isEmpty() && found.get(0).getClass().getSimpleName().equals("FilePartition")) {
            files(found);
        }
        for (Object partition : found) {
            if (partition.getClass().getSimpleName().startsWith("Kafka")) {
                range(SparkCompat.fieldOrNull(partition, "offsetRange"));
            }
        }
    }

    /** The offset ranges of the Kafka RDD that an RDD is made of. */
    private void topics(RDD<?> rdd) {
        Set<RDD<?>> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        ArrayDeque<RDD<?>> queue = new ArrayDeque<>();
        queue.add(rdd);
        while (!queue.isEmpty() && seen.size() < RddAncestry.RDD_LIMIT) {
            RDD<?> current = queue.remove();
            if (!seen.add(current)) {
                continue;
            }
            if (current.getClass().getSimpleName().equals("KafkaSourceRDD")) {
                for (Object range : SparkCompat.elements(
                        SparkCompat.fieldOrNull(current, "offsetRanges"), PARTITION_LIMIT + 1)) {
                    range(range);
                }
            } else {
                List<RDD<?>> parents = RddAncestry.parents(current);
                queue.addAll(parents == null ? Collections.<RDD<?>>emptyList() : parents);
            }
        }
    }

    private void range(Object range) {
        if (range != null) {
            Object partition = SparkCompat.fieldOrNull(range, "topicPartition");
            put(partition, 0, SparkCompat.fieldOrNull(range, "fromOffset"));
            put(partition, 1, SparkCompat.fieldOrNull(range, "untilOffset"));
        }
    }

    /** A micro-batch's offsets, those of the partitions that had nothing new too. */
    private void between(Object start, Object end) {
        for (Object entry : SparkCompat.elements(start, PARTITION_LIMIT + 1)) {
            put(((scala.Product) entry).productElement(0), 0, ((scala.Product) entry).productElement(1));
        }
        for (Object entry : SparkCompat.elements(end, PARTITION_LIMIT + 1)) {
            put(((scala.Product) entry).productElement(0), 1, ((scala.Product) entry).productElement(1));
        }
    }

    private Object offsetsOf(String field) {
        boolean ofBatch = scan.getClass().getSimpleName().equals("MicroBatchScanExec");
        Object offset = ofBatch ? SparkCompat.fieldOrNull(scan, field) : null;
        boolean ofKafka = offset != null && offset.getClass().getSimpleName().equals("KafkaSourceOffset");
        return ofKafka ? SparkCompat.fieldOrNull(offset, "partitionToOffsets") : null;
    }

    /** Takes an offset into its partition's range: the least start, the greatest end, as a partition may be read in pieces. */
    private void put(Object partition, int position, Object offset) {
        Object topic = SparkCompat.memberOrNull(partition, "topic");
        if (!(topic instanceof String) || !(offset instanceof Number)) {
            return;
        }
        String number = String.valueOf(number(partition, "partition"));
        Map<String, Long[]> ranges =
                offsets.computeIfAbsent(Masking.cut((String) topic, 1_000), key -> new TreeMap<>());
        Long[] range = ranges.get(number);
        if (range == null) {
            range = new Long[2];
            ranges.put(number, range);
            partitions++;
        }
        long value = Math.max(((Number) offset).longValue(), UNRESOLVED);
        if (range[position] == null || value == UNRESOLVED) {
            range[position] = value;
        } else if (range[position] != UNRESOLVED) {
            range[position] = position == 0 ? Math.min(range[0], value) : Math.max(range[1], value);
        }
    }

    private void writeOffsets(JsonWriter json) {
        json.name("offsets").object();
        offsets.forEach((topic, ranges) -> {
            json.name(topic).object();
            ranges.forEach((partition, range) -> {
                json.name(partition).array();
                for (Long each : range) {
                    if (each == null || each == UNRESOLVED) {
                        json.nullValue();
                    } else {
                        json.value(each.longValue());
                    }
                }
                json.endArray();
            });
            json.endObject();
        });
        json.endObject();
    }

    /** The snapshot that an Iceberg scan is bound to; null where it is bound to none. */
    private Object snapshot() {
        Object read = SparkCompat.fieldOrNull(scan, "scan");
        if (read == null || !read.getClass().getName().startsWith("org.apache.iceberg.")) {
            return null;
        }
        Object bound = SparkCompat.fieldOrNull(SparkCompat.fieldOrNull(read, "snapshot"), "snapshotId");
        Object context = SparkCompat.fieldOrNull(SparkCompat.fieldOrNull(read, "scan"), "context");
        return bound == null ? SparkCompat.fieldOrNull(context, "snapshotId") : bound;
    }
}
