package io.sparklineage;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Who asked a Spark Connect server for an execution. The server's application has one user for all its clients; of the client's user and
 * session Spark tells in a job tag, and as the call site and description it gives the beginning of the request.
 */
final class ConnectClient {
    /** The property in which a thread has its job tags, separated by commas. */
    static final String TAGS = "spark.job.tags";

    private static final String ID = "[0-9a-fA-F-]{36}";
    private static final Pattern TAG = Pattern.compile("SparkConnect_OperationTag_User_(.{1,1000})_Session_(" + ID + ")_Operation_" + ID,
            Pattern.DOTALL);
    private static final String[] REQUESTS = {"Spark Connect - ", "session_id: \""};

    final String user;
    final String session;

    private ConnectClient(String user, String session) {
        this.user = user;
        this.session = session;
    }

    /** The client that the tags tell of, or null: then the application itself asked. */
    static ConnectClient of(Iterable<String> tags) {
        for (String tag : tags) {
            Matcher matcher = TAG.matcher(tag);
            if (matcher.matches()) {
                return new ConnectClient(Masking.cut(Masking.label(matcher.group(1)), 200), matcher.group(2));
            }
        }
        return null;
    }

    /** A call site or description as it is, but for a request of a client, which holds whatever the client sent. */
    static String withoutRequest(String text) {
        for (String request : REQUESTS) {
            if (text != null && text.startsWith(request)) {
                return "Spark Connect";
            }
        }
        return text;
    }
}
