/** Prints what the bridge looks up by name in Spark, and the Spark of the class path has not, as a JSON array. */
public final class MissingLinks {
    private MissingLinks() {
    }

    public static void main(String[] words) {
        System.out.println(io.sparklineage.Bridge.missingLinks());
    }
}
