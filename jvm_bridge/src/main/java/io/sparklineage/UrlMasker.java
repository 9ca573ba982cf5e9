package io.sparklineage;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Takes users, passwords and parameters out of URLs. Every pattern is linear: what it repeats is possessive. */
final class UrlMasker {
    private static final int LIMIT = 10_000;
    private static final Set<String> STORES = new HashSet<>(
            Arrays.asList("s3", "s3a", "s3n", "gs", "b2", "cos", "cosn", "minio", "obs", "oss", "r2", "swift", "tos"));

    /** Schemes in which `container@account` is a name. */
    private static final Set<String> CONTAINERS =
            new HashSet<>(Arrays.asList("abfs", "abfss", "wasb", "wasbs", "oci"));
    private static final Set<String> FILES = new HashSet<>(Arrays.asList("file", "hdfs", "viewfs", "dbfs", "adl", "alluxio",
            "ceph", "gfs", "hopsfs", "jfs", "lakefs", "local", "maprfs", "memory", "o3fs", "ofs", "tachyon"));
    private static final Pattern PREFIX = Pattern.compile("(?i)jdbc:oracle:(?:thin|oci8?):"
            + "|jdbc:(?:[\\w+.-]++:){1,3}//|jdbc:[\\w+.-]++:|[a-z][\\w+.-]*+://");
    private static final Pattern EMBEDDED = Pattern.compile("(?i)jdbc:(?:derby|sqlite|duckdb|h2|hsqldb):");
    private static final Pattern JDBC = Pattern.compile("(?i)jdbc:\\S++");
    private static final Pattern ANOTHER = Pattern.compile("(?i)(?<!\\w)jdbc:");

    /** What ends a sentence or a bracket behind a URL. */
    private static final String MARKS = ".,:)]}>'\"`";

    /** What in the rest of a line may belong to a URL with blanks in it. */
    private static final Pattern PARAMETER = Pattern.compile("(?i)\\b(?:user|username|uid)\\s*+=");

    /** What stands before a URL that a text with a path has in it, besides the path's own. */
    private static final String SEPARATORS = " \t\r\n(,=[<'\"`";
    private static final int PASSWORD_LIMIT = 1_000;

    /** What names a database behind `jdbc:` without `//`; of others nobody knows where a password stands. */
    private static final Pattern PLAIN = Pattern.compile("(?i)jdbc:(?:mariadb|mysql|pgsql|postgresql|sqlserver):|jdbc:(?:db2|exa|sybase):");

    /** An authority without a scheme, with a user or a password. */
    private static final Pattern USER = Pattern.compile("(?<![:/\\w])//[^\\s/?#'\"`@]*+@");
    private static final Pattern HOST = Pattern.compile("(?:\\[[\\w:.%]*+]|[\\w.\\\\*-]*+)(?::\\d*+)?");
    private static final Pattern FIELD = Pattern.compile(
            "(?i)[(,]\\s*+(host|port|service_name|sid)\\s*+=\\s*+([\\w.-]++)\\s*+(?=[,)])");
    private static final Pattern DATABASE = Pattern.compile("[\\w .$-]+");

    private UrlMasker() {
    }

    /** A connection URL rebuilt from what is safe: scheme, hosts, path, a database's name. */
    static String connection(String url) {
        Matcher matcher = PREFIX.matcher(url);
        if (url.length() > LIMIT || !matcher.lookingAt() || url.length() > 5 && ANOTHER.matcher(url).find(5)) {
            return "?";
        }
        String prefix = matcher.group();
        String rest = url.substring(matcher.end());
        if (prefix.endsWith("//")) {
            return rest.indexOf('(') >= 0 ? described(prefix, rest) : hosted(prefix, rest);
        }
        if (EMBEDDED.matcher(prefix).matches()) {
            return prefix + rest.substring(0, endOf(rest, "?;"));
        }
        int at = rest.substring(0, endOf(rest, "?;")).lastIndexOf('@');
        if (prefix.toLowerCase(Locale.ROOT).startsWith("jdbc:oracle:")) {
            return at < 0 ? prefix : rest.indexOf('(') >= 0 ? described(prefix + "@", rest)
                    : prefix + "@" + plain(rest.substring(at + 1), "?;#,=&(");
        }
        boolean known = PLAIN.matcher(prefix).matches();
        return prefix + (known ? plain(rest.substring(at + 1), "?;#,=&(") : rest.isEmpty() ? "" : "?");
    }

    private static String hosted(String prefix, String rest) {
        String clean = rest;
        String head = clean.substring(0, endOf(clean, "?;"));
        int at = head.lastIndexOf('@');
        if (at < 0 && !areHosts(head.substring(0, endOf(head, "/")))) {
            at = clean.lastIndexOf('@');
        }
        clean = clean.substring(at + 1);
        head = clean.substring(0, endOf(clean, "?;"));
        int slash = endOf(head, "/");
        if (!areHosts(head.substring(0, slash))) {
            return prefix + "?";
        }
        String database = database(clean.substring(head.length()));
        return prefix + head.substring(0, slash) + plain(head.substring(slash), ":?;#,=&(")
                + (database == null ? "" : ";databaseName=" + database);
    }

    /** The text before the first of the characters; before a `=` there is a key, which goes too. */
    private static String plain(String text, String ends) {
        int end = endOf(text, ends);
        if (end < text.length() && text.charAt(end) == '=') {
            end = Math.max(0, Math.max(text.lastIndexOf('/', end), text.lastIndexOf(':', end)));
        }
        return text.substring(0, end);
    }

    private static boolean areHosts(String authority) {
        for (String host : authority.split(",")) {
            if (!HOST.matcher(host).matches()) {
                return false;
            }
        }
        return true;
    }

    /** Hosts as `(host=h,port=1)`, or Oracle's descriptor. */
    private static String described(String prefix, String rest) {
        String[] found = new String[3];
        Matcher matcher = FIELD.matcher(rest);
        while (matcher.find()) {
            String key = matcher.group(1).toLowerCase(Locale.ROOT);
            int place = key.equals("host") ? 0 : key.equals("port") ? 1 : 2;
            found[place] = found[place] == null ? matcher.group(2) : found[place];
        }
        String tail = rest.substring(rest.lastIndexOf(')') + 1);
        String path = tail.startsWith("/") && tail.indexOf('@') < 0 ? plain(tail, ":?;#,=&(") : "";
        return found[0] == null ? prefix + "?" : prefix + found[0] + (found[1] == null ? "" : ":" + found[1])
                + (found[2] == null ? path : "/" + found[2]);
    }

    /** The database in `;key=value;key={value}`. */
    private static String database(String parameters) {
        int at = 0;
        while (at < parameters.length()) {
            int equals = at + endOf(parameters.substring(at), "=");
            String key = parameters.substring(at, equals).replace(";", "").trim().toLowerCase(Locale.ROOT);
            int start = Math.min(equals + 1, parameters.length());
            boolean braces = parameters.startsWith("{", start);
            int end = braces ? endOfBraces(parameters, start + 1) : start + endOf(parameters.substring(start), ";");
            String value = parameters.substring(start, end);
            if ((key.equals("database") || key.equals("databasename")) && DATABASE.matcher(value).matches()) {
                return value;
            }
            at = end + (braces ? 1 : 0);
        }
        return null;
    }

    /** A doubled brace does not end the value. */
    private static int endOfBraces(String text, int start) {
        int at = text.indexOf('}', start);
        while (at >= 0 && text.startsWith("}}", at)) {
            at = text.indexOf('}', at + 2);
        }
        return at < 0 ? text.length() : at;
    }

    /** Whether a URL is a place of files. */
    static boolean isPath(String url) {
        int at = url.indexOf(":/");
        return at > 0 && isFiles(url.substring(0, at).toLowerCase(Locale.ROOT));
    }

    /**
     * A text, such as a message, with every URL in it clean. A URL ends at white space, but a password may have spaces: one
     * of a database takes the rest of its line with it, unless it has no more than names and the line has no sign of a secret.
     */
    static String text(String text) {
        Matcher matcher = JDBC.matcher(text);
        StringBuilder out = new StringBuilder(text.length());
        int from = 0;
        int harmless = 0;  // what follows, up to here
        while (matcher.find(from)) {
            String url = withoutMarks(matcher.group());
            String clean = connection(url);
            out.append(withoutUsers(text.substring(from, matcher.start()), false));
            from = matcher.end();
            String rest = from < harmless ? "" : text.substring(from, endOfLine(text, from));
            boolean user = rest.indexOf('@') >= 0;
            if (!user && clean.equals(url) && !hasSecret(rest)) {
                harmless = Math.max(harmless, from + rest.length());
                out.append(matcher.group());
            } else {
                int end = endOfSecret(text, matcher.start());
                out.append(user ? unknown(url) : clean).append(end > from ? " ?" : "");
                from = end;
            }
        }
        return out.append(withoutUsers(text.substring(from), false)).toString();
    }

    static boolean hasConnection(String text) {
        return JDBC.matcher(text).find();
    }

    private static String withoutMarks(String url) {
        int end = url.length();
        while (end > 0 && MARKS.indexOf(url.charAt(end - 1)) >= 0) {
            end--;
        }
        return url.substring(0, end);
    }

    /** A URL whose user has not ended: not even what looks like a host is one. */
    private static String unknown(String url) {
        Matcher matcher = PREFIX.matcher(url);
        return matcher.lookingAt() ? matcher.group() + "?" : "?";
    }

    private static boolean hasSecret(String rest) {
        return Masking.hasSecretWord(rest) || PARAMETER.matcher(rest).find();
    }

    /** The end of the line, or of a later one where Oracle's descriptor is written on several. */
    private static int endOfSecret(String text, int start) {
        int open = 0;
        for (int at = start; at < text.length(); at++) {
            char c = text.charAt(at);
            open += c == '(' ? 1 : c == ')' ? -1 : 0;
            if ((c == '\n' || c == '\r') && open <= 0) {
                return at;
            }
        }
        return text.length();
    }

    /** A path without users; it may be a JSON list of paths. From `jdbc:` on it is a database's URL. */
    static String path(String path) {
        Matcher matcher = JDBC.matcher(path);
        return matcher.find() ? withoutUsers(path.substring(0, matcher.start()), true) + connection(path.substring(matcher.start()))
                : withoutUsers(path, true);
    }

    /** Where a URL ends of which not all of the password stands before `start`, since it has white space. */
    static int endOfPassword(String text, int start) {
        String rest = restOfLine(text, start);
        int at = rest.lastIndexOf('@');
        return at < 0 ? start : endOfUrl(text, start + at, start + rest.length(), false);
    }

    private static String withoutUsers(String given, boolean path) {
        String text = given.contains("//") ? USER.matcher(given).replaceAll("//") : given;
        StringBuilder out = new StringBuilder(text.length());
        int from = 0;
        for (int at = text.indexOf("://"); at >= 0; at = text.indexOf("://", from)) {
            String scheme = text.substring(startOfScheme(text, at, from), at).toLowerCase(Locale.ROOT);
            int next = text.indexOf("://", at + 3);
            int stop = next < 0 ? text.length() : startOfScheme(text, next, at + 3);
            stop = path && stop < text.length() && SEPARATORS.indexOf(text.charAt(stop - 1)) < 0 ? text.length() : stop;
            int end = endOfUrl(text, at + 3, stop, path);
            String clean = withoutUser(scheme, text.substring(at + 3, end));
            end = path || !clean.equals("?") ? end : endOfPassword(text, end);
            int query = isFiles(scheme) || clean.equals("?") ? clean.length() : Math.min(endOf(clean, "?#;"), encodedQuery(clean));
            out.append(text, from, at + 3).append(clean, 0, query);
            from = query < clean.length() ? endOfUrl(text, end, text.length(), path) : end;
        }
        return out.append(text, from, text.length()).toString();
    }

    /** Where an encoded `?` stands: a catalog has places of tables with it. */
    private static int encodedQuery(String url) {
        int at = url.indexOf("%3F");
        int other = url.indexOf("%3f");
        return Math.min(at < 0 ? url.length() : at, other < 0 ? url.length() : other);
    }

    private static int startOfScheme(String text, int at, int from) {
        int scheme = at;
        while (scheme > from && (Character.isLetterOrDigit(text.charAt(scheme - 1)) || "+-.".indexOf(text.charAt(scheme - 1)) >= 0)) {
            scheme--;
        }
        return scheme;
    }

    private static int endOfUrl(String text, int start, int stop, boolean path) {
        int end = start;
        while (end < stop && (path ? !isEndOfElement(text, end) : text.charAt(end) > ' ')) {
            end++;
        }
        return end;
    }

    private static boolean isFiles(String scheme) {
        return STORES.contains(scheme) || CONTAINERS.contains(scheme) || FILES.contains(scheme);
    }

    private static boolean isEndOfElement(String text, int at) {
        return text.charAt(at) == '"' && (text.startsWith(",", at + 1) || text.startsWith("]", at + 1));
    }

    /** A password may hold slashes and `@`: after a colon that is no port's, all up to the last `@` goes. */
    private static String withoutUser(String scheme, String rest) {
        String authority = rest.substring(0, endOf(rest, "/?#"));
        int at = authority.lastIndexOf('@');
        boolean password = at < 0 ? hasNoPort(scheme, authority) : authority.lastIndexOf(':', at) >= 0;
        if (password) {
            int last = rest.lastIndexOf('@');
            return last < 0 ? "?" : rest.substring(last + 1);
        }
        return at < 0 || CONTAINERS.contains(scheme) ? rest : rest.substring(at + 1);
    }

    private static boolean hasNoPort(String scheme, String authority) {
        if (STORES.contains(scheme)) {
            return authority.indexOf(':') >= 0;
        }
        for (String host : scheme.equals("file") ? new String[0] : authority.split(",")) {
            if (host.indexOf(':') >= 0 && !HOST.matcher(host).matches()) {
                return true;
            }
        }
        return false;
    }

    /** What follows in the line, as far as a password may go. */
    static String restOfLine(String text, int start) {
        String rest = text.substring(start, Math.min(text.length(), start + PASSWORD_LIMIT));
        return rest.substring(0, endOfLine(rest, 0));
    }

    private static int endOfLine(String text, int start) {
        int at = start;
        while (at < text.length() && text.charAt(at) != '\n' && text.charAt(at) != '\r') {
            at++;
        }
        return at;
    }

    static int endOf(String text, String ends) {
        for (int i = 0; i < text.length(); i++) {
            if (ends.indexOf(text.charAt(i)) >= 0) {
                return i;
            }
        }
        return text.length();
    }
}
