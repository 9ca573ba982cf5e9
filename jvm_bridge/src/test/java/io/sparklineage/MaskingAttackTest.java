package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Texts made to slow the masking down or to slip a secret, here `SEC...`, through it. */
class MaskingAttackTest {
    private static final String[] PREFIXES =
            {"", "): ", "jdbc:postgresql://", "s3a://a:", "password=", "set ", "\""};

    private static void assertClean(String masked) {
        assertFalse(masked.contains("SEC"), masked);
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", "`aaaa", "''''", "a=", "password", "password ", "token=", "'", "\"", "\\", "/*", "--",
        "://", "a://", "s3a://u:", "a:b@", "jdbc:", "jdbc:x://", "jdbc:h2:x ", "\"jdbc:\" ", "\"jdbc:", " jdbc:mysql://u:p@h\n",
        "mysqlx://u:p ", ")", ";a=", "?a=", "?sig=", " ", "a.", "a,", "(", "$$", "r'",
        "{", "bearer ", "authorization:", "): a.", "1", "1.", "'a", "\\\"", "set ", "\n"})
    void everyMaskerIsLinear(String part) {
        StringBuilder built = new StringBuilder();
        while (built.length() < 200_000) {
            built.append(part);
        }
        String text = built.toString();
        CpuTime.assertWithin(Duration.ofSeconds(2), () -> {
            for (String prefix : PREFIXES) {
                Masking.sql(prefix + text);
                Masking.message(prefix + text);
                Masking.label(prefix + text);
                Masking.path(prefix + text);
                Masking.url(prefix + text);
                Masking.relation(prefix + text);
                Failure.of(new IOException(prefix + text));
                Failure.ofText(prefix + text, null);
                StreamTexts.description(prefix + text);
                StreamTexts.offset(prefix + text);
            }
            NameMaskerTest.nameOf("hunter2", text + " hunter2");
            NameMaskerTest.nameOf(text, text + " " + text);
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"SELECT r'\\' , SEC", "SELECT R\"\\\" , SEC"})
    void aBackslashIsNoEscapeInARawText(String sql) {
        assertEquals("SELECT ? , ?", Masking.sql(sql.replace("SEC", "'SEC'")));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "jdbc:mysql://u:SEK/SEC@h/db|jdbc:mysql://h/db",
        "mongodb+srv://u:SE/SEC@h|mongodb+srv://h",
        "jdbc:postgresql://u:SE@SEC@h/db|jdbc:postgresql://h/db",
        "jdbc:postgresql://u:SE?SEC;@h/db|jdbc:postgresql://h/db",
        "jdbc:mysql://(host=h,password=SEC)/db|jdbc:mysql://h/db",
        "jdbc:mysql://address=(host=h)(port=1)(password=SEC)/db|jdbc:mysql://h:1/db",
        "jdbc:oracle:thin:u/SEC@(DESCRIPTION=(HOST=h)(PORT=1)(SID=x))|jdbc:oracle:thin:@h:1/x",
        "jdbc:oracle:thin:u/SEC@//h:1/x|jdbc:oracle:thin:@//h:1/x",
        "jdbc:oracle:thin:u/SEC|jdbc:oracle:thin:",
        "jdbc:teradata://h/DATABASE=d,PASSWORD=SEC,USER=u|jdbc:teradata://h",
        "jdbc:db2://h:1/db:user=u,password=SEC;|jdbc:db2://h:1/db",
        "jdbc:sqlserver://h\\i:1;password={a;databaseName=SEC};databaseName=d|jdbc:sqlserver://h\\i:1;databaseName=d",
        "jdbc:sqlserver://h;password={a}};databaseName=SEC};databaseName=d|jdbc:sqlserver://h;databaseName=d",
        "jdbc:postgresql://[::1]:1,h2:2/db?password=SEC|jdbc:postgresql://[::1]:1,h2:2/db",
        "jdbc:derby:memory:/a@b=c/db;password=SEC|jdbc:derby:memory:/a@b=c/db",
        "jdbc:mysql://u:SE SEC@h:1/db|jdbc:mysql://h:1/db",
        "jdbc:mysql://SE SEC:SE@h/db|jdbc:mysql://h/db",
        "jdbc:mysql:replication://address=(type=source)(host=h)(password=SEC),address=(host=i)/db|jdbc:mysql:replication://h/db",
        "jdbc:oracle:thin:SEC/\"SE SEC\"@//h:1/x|jdbc:oracle:thin:@//h:1/x",
        "jdbc:oracle:thin:@config-azure://app?key=/k&azure_client_secret=SEC|jdbc:oracle:thin:@config-azure://app",
        "jdbc:oracle:thin:@config-ociobject://h/n/s/b/x/o/y.json?oci_user=SEC|jdbc:oracle:thin:@config-ociobject://h/n/s/b/x/o/y.json",
        "jdbc:oracle:thin:@(DESCRIPTION_LIST=(DESCRIPTION=(ADDRESS=(HOST=h)(PORT=1))(SECURITY=(X=SEC))(SID=x)))|jdbc:oracle:thin:@h:1/x",
        "jdbc:derby:memory:a, jdbc:oracle:thin:SEC/SEC@h|?",
        "' jdbc:oracle:thin:SEC/SEC@h:1:x'|?", "url=jdbc:oracle:thin:SEC/SEC@h:1:x|?",
        "host=h user=SEC password=SEC|?", "/data/SEC|?", "SEC|?",
        "https://u:SEC@h:1/x?sig=SEC|https://h:1/x"})
    void connectionUrlsAreRebuiltFromWhatIsSafe(String url, String masked) {
        assertEquals(masked, Masking.url(url));
        if (url.startsWith("jdbc:") || url.startsWith("https:")) {
            assertClean(Masking.message("cannot open " + url + " now"));
            assertClean(Masking.label("open " + url));
            assertClean(Masking.sql("open " + url));
        }
    }

    @Test
    void aTextGoesOnBehindAConnectionThatHasNamesAlone() {
        for (String url : new String[] {"jdbc:postgresql://h:5432/db", "jdbc:oracle:thin:@h:1521:x", "jdbc:derby:/x/db",
            "jdbc:sqlserver://h;databaseName=d", "jdbc:mysql://h1:1,h2:2/db"}) {
            String text = "cannot open (" + url + "), nor orders: tried again.\nThen\nit ended";
            assertEquals(text, Masking.label(text));
            assertEquals(text, Masking.message(text));
        }
        assertEquals("to jdbc:h2:mem:a ?\nand on", Masking.label("to jdbc:h2:mem:a password=SE SEC\nand on"));
        assertEquals("to jdbc:postgresql://h/db ?\nand on", Masking.label("to jdbc:postgresql://h/db?password=SE SEC\nand on"));
        assertEquals("to jdbc:mysql://? ?\nand on", Masking.label("to jdbc:mysql://u:1 SEC@h/db\nand on"));
        assertEquals("to jdbc:oracle:thin:? ?", Masking.label("to jdbc:oracle:thin:u/\"SE SEC\"@h"));
        assertEquals("to jdbc:oracle:thin:@? ?", Masking.label("to jdbc:oracle:thin:@(DESCRIPTION=\n (SID=x)\n (X=SEC))"));
        assertEquals("to mongodb://? now", Masking.label("to mongodb://u:SE SEC@h/db now"));
    }

    @Test
    void aConnectionIsMaskedWhereverItStandsInAPath() {
        assertEquals("/data/a b/c d", Masking.path("/data/a b/c d"));
        assertEquals("a b jdbc:oracle:thin:@h:1:x", Masking.path("a b jdbc:oracle:thin:SEC/\"SE SEC\"@h:1:x"));
        assertEquals("(https://h/a),(https://h/b)", Masking.path("(https://SEC@h/a),(https://SE:SEC@h/b)"));
        assertEquals("x=s3a://b/p?sig=?", Masking.path("x=s3a://b/p?sig=SEC"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "s3a://AK:SE/SEC@b/p|s3a://b/p", "s3://SEC@b/p|s3://b/p", "gs://AK:1/SEC@b/p|gs://b/p",
        "s3n://b/a@c/d|s3n://b/a@c/d", "hdfs://h:8020/a@b|hdfs://h:8020/a@b", "/data/a@b:c|/data/a@b:c",
        "file:///data/a:x@b|file:///data/a:x@b", "wasbs://box@account/a@b|wasbs://box@account/a@b",
        "abfss://box:SEC@account/x|abfss://account/x", "['s3a://A:SEC@b/p','s3a://b/q']|['s3a://b/p','s3a://b/q']"})
    void pathsHaveNoUsers(String path, String masked) {
        assertEquals(masked.replace('\'', '"'), Masking.path(path.replace('\'', '"')));
    }

    @Test
    void queryStringsHaveNoSecretsInAnyText() {
        assertEquals("select * from parquet.`https://h/x`",
                Masking.sql("select * from parquet.`https://h/x;sig=SEC`"));
        assertEquals("delta.`/p?token=?&sig=?`.x", Masking.sql("delta.`/p?token=SE&sig=SEC`.x"));
        assertEquals("no `/p?sig=?` there", Masking.message("no `/p?sig=SEC` there"));
        assertEquals("read https://h/x now", Masking.label("read https://h/x?v=1&sig=SEC now"));
    }

    @Test
    void aTextIsCleanWhereItsUrlHasNumbersOrIsCut() {
        assertClean(Masking.sql("load mysql://u:12ab/SEC@h/db"));
        assertClean(Masking.message("at '3s://u:1x/SEC@h' and s3a://AK:12/SEC@b/p"));
        StringBuilder built = new StringBuilder("read s3a://AK:SEC/");
        while (built.length() < 3_000) {
            built.append("SEC");
        }
        assertEquals("read s3a://?", Masking.label(built + "@b/p"));
        assertEquals("read s3a://b/x/y", Masking.message("read s3a://b/x/y"));
    }

    @Test
    void aCommentEndsWhereItEndsToSpark() {
        assertEquals("SELECT a", Masking.sql("SELECT a -- x \\\nSEC"));
        assertEquals("SELECT a \r?", Masking.sql("SELECT a -- x\r'\nSEC'"));
    }

    @Test
    void aTablesNameIsAllThatPassesAsOne() {
        assertEquals("out t", Masking.relation("out t"));
        assertEquals("(SELECT a FROM t)", Masking.relation("(SELECT a FROM t) SPARK_GEN_SUBQ_22"));
        assertEquals("\"s p\".`t` AS x", Masking.relation("\"s p\".`t` AS x"));
        assertEquals("out t", Masking.relation("out t /* SEC */"));
        assertEquals("out", Masking.relation("out --SEC"));
    }

    @Test
    void theApplicationsNameIsALabelAmongTheSettingsToo() {
        assertEquals("job password=?", Application.setting("spark.app.name", "job password=SEC"));
    }

    @Test
    void labelsLoseWholeSecrets() {
        assertEquals("{\"password\": ?}", Masking.label("{\"password\": \"two SEC\"}"));
        assertEquals("{\\\"password\\\": ?, 1}", Masking.label("{\\\"password\\\": \\\"two SEC\\\", 1}"));
        assertEquals("password=?", Masking.label("password=\"a\\\" SEC\""));
        assertClean(Masking.label("Authorization: Bearer SEC"));
        assertClean(Masking.message("Authorization: Basic SEC"));
        assertClean(Masking.label("with Bearer SEC"));
        assertEquals("SET\nx.y=?", Masking.sql("SET\nx.y=SEC"));
    }
}
