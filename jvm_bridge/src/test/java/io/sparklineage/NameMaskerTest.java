package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.apache.spark.sql.catalyst.expressions.Alias;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Cast;
import org.apache.spark.sql.catalyst.expressions.EqualTo;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Literal$;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.plans.logical.LocalRelation;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.OneRowRelation;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.types.DataTypes;
import org.junit.jupiter.api.Test;
import scala.Option;
import scala.collection.immutable.Nil$;

class NameMaskerTest {
    @SuppressWarnings("unchecked")
    private static Alias alias(Expression child, String name) {
        return new Alias(child, name, NamedExpression.newExprId(),
                (scala.collection.Seq<String>) (Object) Nil$.MODULE$, Option.empty(),
                (scala.collection.Seq<String>) (Object) Nil$.MODULE$);
    }

    static String nameOf(Object literal, String name) {
        Expression child = new Cast(Literal$.MODULE$.apply(literal), DataTypes.StringType, Option.empty(),
                Cast.apply$default$4());
        return new NameMasker().nameOf(alias(child, name));
    }

    @Test
    void takesLiteralsOutOfNamesThatSparkMade() {
        assertEquals("concat(name, ?)", nameOf("hunter2", "concat(name, hunter2)"));
        assertEquals("(card = ?)", nameOf(4111111111L, "(card = 4111111111)"));
    }

    @Test
    void keepsNamesOfTheUser() {
        assertEquals("hunter2", nameOf("hunter2", "hunter2"));
        assertEquals("30 days", nameOf("hunter2", "30 days"));
        assertEquals("substr(name, 1, 20)", nameOf(20, "substr(name, 1, 20)"));
    }

    @Test
    void aLiteralIsNamedByItself() {
        assertEquals("?", new NameMasker().nameOf(alias(Literal$.MODULE$.apply("hunter2"), "hunter2")));
    }

    @Test
    void attributesCarryTheMaskedNameOn() {
        NameMasker names = new NameMasker();
        Alias alias = alias(Literal$.MODULE$.apply("hunter2"), "hunter2");
        names.nameOf(alias);
        assertEquals("?", names.nameOf((NamedExpression) alias.toAttribute()));
    }

    /** As `show` does: a column is cast, and has its own name again. The alias around it is asked first. */
    @Test
    void whatRepeatsAMaskedColumnHasItsName() {
        for (String name : new String[] {"hunter2", "concat(name, hunter2)"}) {
            Alias inner = alias(Literal$.MODULE$.apply("hunter2"), name);
            Alias outer = alias(new Cast((Expression) inner.toAttribute(), DataTypes.StringType, Option.empty(),
                    Cast.apply$default$4()), name);
            Alias user = alias((Expression) inner.toAttribute(), "mine");
            NameMasker names = new NameMasker().forPlan(project(outer, project(inner, null)));
            assertEquals(name.replace("hunter2", "?"), names.nameOf(outer));
            assertEquals(name.replace("hunter2", "?"), names.nameOf((NamedExpression) outer.toAttribute()));
            assertEquals("mine", names.nameOf(user));
        }
    }

    /** A literal without an alias is a column whose name is a word, which stands in what Spark makes of it: `show` does so on Spark 3.5. */
    @Test
    void anExpressionOfAColumnThatIsNamedByALiteralDoesNotTellIt() {
        Alias literal = alias(Literal$.MODULE$.apply("hunter2"), "hunter2");
        Alias repeated = alias((Expression) literal.toAttribute(), "hunter2");
        Alias made = alias(new EqualTo((Expression) repeated.toAttribute(), (Expression) repeated.toAttribute()), "(hunter2 = hunter2)");
        LogicalPlan plan = project(made, project(repeated, project(literal, null)));
        assertEquals("(? = ?)", new NameMasker().forPlan(plan).nameOf(made));
        NameMasker names = new NameMasker();
        names.learn(plan);
        assertEquals("(? = ?)", names.forPlan(project(made, rows("other"))).nameOf(made));
        assertEquals("(? = ?)", names.nameOf((NamedExpression) made.toAttribute()));
    }

    /** Each step of a frame is analyzed alone, what it is made of was before. */
    @Test
    void whatIsAnalyzedStepByStepIsLearned() {
        NameMasker names = new NameMasker();
        Alias literal = alias(Literal$.MODULE$.apply("hunter2"), "hunter2");
        Alias repeated = alias((Expression) literal.toAttribute(), "hunter2");
        Alias made = alias(new EqualTo((Expression) repeated.toAttribute(), Literal$.MODULE$.apply("x")), "(hunter2 = x)");
        LogicalPlan plan = null;
        for (Alias each : new Alias[] {literal, repeated, made}) {
            plan = project(each, plan);
            names.learn(plan);
            plan.setAnalyzed();
        }
        assertEquals("(? = x)", names.forPlan(rows("other")).nameOf((NamedExpression) made.toAttribute()));
    }

    /** A table has a column of the name that some other query's literal has. */
    @Test
    void aTablesOwnWordStaysInWhatIsLearned() {
        NameMasker names = new NameMasker();
        names.learn(project(alias(Literal$.MODULE$.apply("price"), "price"), null));
        LocalRelation table = rows("price");
        table.setAnalyzed();
        Alias cast = alias((Expression) table.output().apply(0), "price");
        Alias made = alias(new EqualTo((Expression) cast.toAttribute(), Literal$.MODULE$.apply("x")), "(price = x)");
        names.learn(project(made, project(cast, table)));
        assertEquals("(price = x)", names.forPlan(rows("other")).nameOf((NamedExpression) made.toAttribute()));
    }

    @Test
    void aFieldThatIsNamedByALiteralDoesNotTellIt() {
        Alias literal = alias(Literal$.MODULE$.apply("hunter2"), "hunter2");
        LogicalPlan plan = project(literal, null);
        NameMasker names = new NameMasker();
        names.learn(plan);
        for (NameMasker each : new NameMasker[] {new NameMasker().forPlan(plan), names.forPlan(plan)}) {
            assertEquals("?", each.nameOfField("hunter2"));
            assertEquals("hunter", each.nameOfField("hunter"));
            assertEquals(true, each.mayHaveMaskedWords());
        }
        assertEquals("hunter2", names.forPlan(rows("hunter2")).nameOfField("hunter2"));
        NameMasker without = new NameMasker();
        without.learn(rows("hunter2"));
        assertEquals(false, without.mayHaveMaskedWords());
    }

    @Test
    void sqlNamesAColumnAsItMayPass() {
        NameMasker names = new NameMasker();
        names.nameOf(alias(new EqualTo(Literal$.MODULE$.apply("hunter2"), Literal$.MODULE$.apply("x$y")), "(hunter2 = x$y)"));
        assertEquals("SELECT max(`(? = ?)`), `mine` FROM `a b`", names.inSql("SELECT max(`(hunter2 = x$y)`), `mine` FROM `a b`"));
        assertEquals("SELECT hunter FROM t", names.inSql("SELECT hunter FROM t"));
        assertEquals("SELECT `a`, `?`", names.inSql("SELECT `a`, `(hunter2 = "));
    }

    @Test
    void aUsersWordStaysInWhatSparkMakesOfIt() {
        for (Object literal : new Object[] {"hunter2", "no", 7}) {
            Alias mine = alias(new Cast(Literal$.MODULE$.apply(literal), DataTypes.StringType, Option.empty(), Cast.apply$default$4()), "price");
            Alias made = alias(new EqualTo((Expression) mine.toAttribute(), Literal$.MODULE$.apply("secret")), "(price = secret)");
            assertEquals("(price = ?)", new NameMasker().forPlan(project(made, project(mine, null))).nameOf(made));
        }
    }

    private static LogicalPlan project(Alias column, LogicalPlan below) {
        return new Project(list(column), below == null ? new OneRowRelation() : below);
    }

    @SuppressWarnings("unchecked")
    private static scala.collection.immutable.Seq<NamedExpression> list(NamedExpression only) {
        return (scala.collection.immutable.Seq<NamedExpression>) (Object) Nil$.MODULE$.$colon$colon(only);
    }

    /** The rows of a query that nobody has told of yet are another plan's: of the expression nothing is left there but its name. */
    @Test
    void whatWasAnalyzedIsKnownInRowsOfOtherPlans() {
        NameMasker names = new NameMasker();
        Alias made = alias(new EqualTo(Literal$.MODULE$.apply("hunter2"), Literal$.MODULE$.apply("x")), "(hunter2 = x)");
        Alias mine = alias(Literal$.MODULE$.apply("hunter2"), "30 days");
        LogicalPlan below = project(made, null);
        names.learn(project(mine, below));
        LocalRelation rows = rows("(hunter2 = x)", "30 days", "hunter2 (kept)");
        Alias upper = alias((Expression) rows.output().apply(0), "upper((hunter2 = x))");
        NameMasker later = names.forPlan(project(upper, rows));
        assertEquals("upper((? = x))", later.nameOf(upper));
        assertEquals("(? = x)", later.nameOf((NamedExpression) rows.output().apply(0)));
        assertEquals("30 days", later.nameOf((NamedExpression) rows.output().apply(1)));
        assertEquals("hunter2 (kept)", later.nameOf((NamedExpression) rows.output().apply(2)));
    }

    @Test
    void whatWasAnalyzedBeforeIsNotGoneThroughAgain() {
        LogicalPlan below = project(alias(Literal$.MODULE$.apply("hunter2"), "hunter2"), null);
        below.setAnalyzed();
        NameMasker names = new NameMasker();
        names.learn(project(alias(Literal$.MODULE$.apply("secret"), "secret"), below));
        LocalRelation rows = rows("hunter2", "secret");
        NameMasker later = names.forPlan(rows);
        assertEquals("hunter2", later.nameOf((NamedExpression) rows.output().apply(0)));
        assertEquals("?", later.nameOf((NamedExpression) rows.output().apply(1)));
    }

    private static LocalRelation rows(String... names) {
        return Plans.relation(Arrays.stream(names).map(name -> (Attribute) alias(Literal$.MODULE$.apply("x"), name).toAttribute())
                .collect(Collectors.toList()));
    }

    @Test
    void aNameWithTooManyLiteralsIsMaskedWhole() {
        Expression child = Literal$.MODULE$.apply("hunter");
        StringBuilder name = new StringBuilder("hunter");
        for (int i = 0; i < 4_000; i++) {
            child = new EqualTo(child, Literal$.MODULE$.apply("hunter" + i));
            name.append(" = some long column name of the user = hunter").append(i);
        }
        Alias alias = alias(child, name.toString());
        CpuTime.assertWithin(Duration.ofSeconds(2), () -> assertEquals("?", new NameMasker().nameOf(alias)));
    }

    @Test
    void aColumnThatRepeatsAMaskedOneHasItsNameUnlessThePlanDefinesIt() {
        NameMasker names = new NameMasker();
        Alias alias = alias(Literal$.MODULE$.apply("hunter2"), "hunter2");
        names = names.forPlan(null);
        names.nameOf(alias);
        Alias copy = alias(Literal$.MODULE$.apply("x"), "hunter2");
        assertEquals("?", names.nameOf((NamedExpression) copy.toAttribute()));
        assertEquals("other", names.nameOf((NamedExpression) alias(Literal$.MODULE$.apply("x"), "other").toAttribute()));
        names = names.forPlan(null);
        assertEquals("hunter2", names.nameOf((NamedExpression) copy.toAttribute()));
    }
}
