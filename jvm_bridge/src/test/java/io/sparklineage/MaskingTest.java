package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;

import org.junit.jupiter.api.Test;

class MaskingTest {
    @Test
    void whereADatabaseMayEndATextAtABackslashNothingAfterItIsShown() {
        String query = "(SELECT 'a\\', 'hunter2 x' FROM t) t";
        for (String url : new String[] {"jdbc:postgresql://h/d", "jdbc:mysql://h/d", ""}) {
            assertEquals("(SELECT ?", Masking.relation(query, url));
            assertEquals("(SELECT ?, ? FROM t) t", Masking.relation("(SELECT 'a\\b', 'it''s' FROM t) t", url));
        }
        assertEquals("SELECT ?", Masking.option("query", "SELECT 'a\\', 'hunter2 x'"));
        assertEquals("SELECT ?, ?", Masking.sql("SELECT 'a\\' hunter2', 'x'"));
    }

    @Test
    void aStatementThatIsCutEndsInAnEllipsis() {
        String names = String.join("", java.util.Collections.nCopies(3_000, "a, "));
        assertEquals("SELECT " + names + "b FROM t", Masking.statement("SELECT " + names + "b FROM t"));
        assertEquals("SELECT " + names + names.substring(0, 991) + "\u2026", Masking.statement("SELECT " + names + names + "b FROM t"));
        String odd = "`" + String.join("", java.util.Collections.nCopies(6_000, "\ud83d\ude00")) + "`";
        assertEquals(odd.substring(0, 9_997) + "\u2026", Masking.statement(odd));
        String comment = String.join("", java.util.Collections.nCopies(200_000, "/* a */"));
        assertEquals("SELECT\u2026", Masking.statement("SELECT " + comment + "b FROM t"));
    }

    @Test
    void inTheSqlOfMostDatabasesDoubleQuotesAreAroundNames() {
        String query = "(SELECT \"a b\", 'hunter2' FROM \"x\" WHERE b = 17) t";
        assertEquals("(SELECT \"a b\", ? FROM \"x\" WHERE b = ?) t",
                Masking.relation(query, "jdbc:postgresql://h/d"));
        for (String url : new String[] {"jdbc:mysql://h/d", "jdbc:mariadb://h/d", "jdbc:other:h", "null", ""}) {
            assertEquals("(SELECT ?, ? FROM ? WHERE b = ?) t", Masking.relation(query, url));
        }
        String address = "(SELECT 1 AS \"https://h/x?sig=hunter2\") t";
        assertFalse(Masking.relation(address, "jdbc:h2:mem:x").contains("hunter2"));
        assertEquals("(SELECT ?", Masking.relation("(SELECT \"hunter2", "jdbc:oracle:thin:@h:1:x"));
    }

    @Test
    void sqlKeepsNamesAndLosesLiterals() {
        assertEquals("SELECT t1.a, `b c` FROM db.t1 WHERE a = ? AND b IN (?, ?) AND c > -?",
                Masking.sql("SELECT t1.a, `b c` FROM db.t1 WHERE a = 'x''y' AND b IN (1, 2.5e3) AND c > -7L"));
    }

    @Test
    void sqlLosesDoubleQuotedAndEscapedTexts() {
        assertEquals("SELECT ? , ?", Masking.sql("SELECT \"hunter2\" , 'it\\'s hunter2'"));
    }

    @Test
    void sqlLosesComments() {
        assertEquals("SELECT a  FROM t", Masking.sql("SELECT a /* hunter2 /* inner */ */FROM t -- hunter2"));
    }

    /** Spark reads what is in a hint, and a hint in a comment begins no comment of its own. */
    @Test
    void whatIsInAHintIsReadAsAllElse() {
        assertEquals("SELECT /*+ BROADCAST(t) */ a FROM t", Masking.sql("SELECT /*+ BROADCAST(t) */ a FROM t"));
        assertEquals("SELECT /*+ MINE(?) */ a FROM t", Masking.sql("SELECT /*+ MINE('a*/ hunter2') */ a FROM t"));
        assertEquals("SELECT a FROM t WHERE b = ?",
                Masking.sql("/* use /*+ BROADCAST(t) */ SELECT a FROM t WHERE b = 'data*/ hunter2'"));
        assertEquals("SELECT /*+ MINE(t) \n */ ?", Masking.sql("SELECT /*+ MINE(t) -- it's */ hunter2\n */ 'hunter2'"));
    }

    /** Whether the URL has ended is not known, for it may have quotes around its password; so nothing that follows passes. */
    @Test
    void whatTouchesTheUrlOfADatabaseMayBeAPartOfIt() {
        assertEquals("SELECT * FROM t WHERE ?", Masking.sql("SELECT * FROM t WHERE 'jdbc:a'=name AND name='!hunter2'"));
        assertEquals("SELECT ?", Masking.sql("SELECT 'jdbc:a'AS u, '!hunter2'"));
        assertEquals("SELECT ?", Masking.sql("SELECT 'jdbc:x' AS a, \"it's '@' !hunter2\""));
        assertEquals("SELECT ? AS a, ?", Masking.sql("SELECT 'jdbc:x' AS a, '!hunter2'"));
    }

    @Test
    void aPasswordHasShortNamesToo() {
        assertEquals("login pw=?, pass: ?", Masking.message("login pw=hunter2, pass: hunter2"));
        assertEquals("bypass=on", Masking.message("bypass=on"));
    }

    @Test
    void sqlLosesTheRestAfterAnOpenQuote() {
        assertEquals("SELECT ?", Masking.sql("SELECT 'hunter2 FROM t"));
    }

    @Test
    void setStatementLosesItsValue() {
        assertEquals("SET spark.some.key=?", Masking.sql("SET spark.some.key=hunter2 and more"));
    }

    @Test
    void messageLosesQuotedTextsNumbersAndSecrets() {
        assertEquals("The value ? of line ? can't pass, password=? at `t`.`c`",
                Masking.message("The value 'hunter2' of line 12 can't pass, password=hunter2 at `t`.`c`"));
    }

    @Test
    void messageLosesUserinfo() {
        assertEquals("cannot open https://host/x", Masking.message("cannot open https://ann:hunter2@host/x"));
    }

    @Test
    void pathKeepsContainersAndLosesPasswordsAndSignatures() {
        assertEquals("abfss://box@account/x", Masking.path("abfss://box@account/x"));
        assertEquals("s3a://bucket/x", Masking.path("s3a://key:secret@bucket/x"));
        assertEquals("https://host/x", Masking.path("https://host/x?sig=hunter2&v=1"));
        assertEquals("s3a://bucket/x?sig=?&v=1", Masking.path("s3a://bucket/x?sig=hunter2&v=1"));
        assertEquals("s3a://bucket/day=0?/x", Masking.path("s3a://bucket/day=0?/x"));
    }

    @Test
    void connectionUrlKeepsHostAndDatabaseAlone() {
        assertEquals("jdbc:postgresql://host:5432/shop",
                Masking.url("jdbc:postgresql://ann:hunter2@host:5432/shop?user=ann&password=hunter2"));
        assertEquals("jdbc:sqlserver://host;databaseName=shop",
                Masking.url("jdbc:sqlserver://host;user=ann;databaseName=shop;password=hunter2"));
        assertEquals("jdbc:oracle:thin:@host:1521:x", Masking.url("jdbc:oracle:thin:ann/hunter2@host:1521:x"));
    }

    @Test
    void optionsPassByTheirKey() {
        assertNull(Masking.option("password", "hunter2"));
        assertNull(Masking.option("fs.azure.account.key", "hunter2"));
        assertEquals("orders", Masking.option("dbtable", "orders"));
        assertEquals("SSL://a:9092,b:9092", Masking.option("kafka.bootstrap.servers", "SSL://a:9092,b:9092"));
        assertNull(Masking.option("kafka.bootstrap.servers", "user:hunter2@a:9092"));
        assertNull(Masking.option("kafka.sasl.jaas.config", "hunter2"));
        assertEquals("(SELECT * FROM t WHERE a = ?) x", Masking.option("dbTable", "(SELECT * FROM t WHERE a = 'b') x"));
        assertEquals("/data/x", Masking.option("path", "/data/x"));
    }

    @Test
    void cutDoesNotSplitASurrogatePair() {
        assertEquals("a", Masking.cut("a\uD83D\uDE00b", 2));
    }
}
