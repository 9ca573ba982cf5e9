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
