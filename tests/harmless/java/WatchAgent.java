package harmless;

import java.io.InputStream;
import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.security.ProtectionDomain;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.apache.xbean.asm9.ClassReader;
import org.apache.xbean.asm9.ClassVisitor;
import org.apache.xbean.asm9.ClassWriter;
import org.apache.xbean.asm9.MethodVisitor;
import org.apache.xbean.asm9.Opcodes;
import org.apache.xbean.asm9.Type;

/** A Java agent that puts a call of `Watch.called` at the head of every method by which a JVM reaches something outside itself. */
public final class WatchAgent implements ClassFileTransformer {
    private static final String TABLES = "loadTables?|loadTableChanges|listTables|tableExists|listNamespaces|loadNamespaceMetadata"
            + "|namespaceExists|createTable|alterTable|dropTable|stageCreate|stageReplace|stageCreateOrReplace|loadFunction";
    private static final String JOBS = "runJob|runApproximateJob|submitJob|submitMapStage";

    /** Which methods of which classes are of which kind. */
    private static final Rule[] RULES = {
        new Rule("network", "java/net/(Datagram)?Socket", "connect|send"),
        new Rule("network", "sun/nio/ch/(Socket|Datagram|.*AsynchronousSocket)ChannelImpl", "connect|send"),
        new Rule("network", "java/net/InetAddress", "getAllByName|getByName|getLocalHost|getHostName|getCanonicalHostName"),
        new Rule("process", "java/lang/ProcessBuilder", "start"),
        new Rule("listing", "java/io/File", "list|listFiles"),
        new Rule("listing", "sun/nio/fs/UnixFileSystemProvider", "newDirectoryStream"),
        new Rule("file", "java/io/(FileInputStream|FileOutputStream|RandomAccessFile)", "open"),
        new Rule("file", "java/io/File", "exists|isFile|isDirectory|length|lastModified|createNewFile|delete|mkdirs?|renameTo"),
        new Rule("file", "sun/nio/fs/UnixFileSystemProvider",
                "new(File|AsynchronousFile|Byte)Channel|readAttributes(IfExists)?|exists|isDirectory|isRegularFile|checkAccess"
                + "|create(Directory|Link|SymbolicLink)|implDelete|move|copy|getFileStore"),
        new Rule("hadoop", "org/apache/hadoop/fs/FileSystem", "get|newInstance"),
        new Rule("hadoop", "org/apache/hadoop/(fs|hdfs)/.*(FileSystem|FileContext)",
                "list(Status|LocatedStatus|StatusIterator|Files)|globStatus|getFile(Status|LinkStatus|BlockLocations|Checksum)|exists"
                + "|isDirectory|isFile|open|openFile|create|createFile|createNonRecursive|append|mkdirs|delete|rename"
                + "|getContentSummary|resolvePath|getUsed|getStatus"),
        new Rule("database", "java/sql/DriverManager|org/apache/derby/(iapi/)?jdbc/.*Driver", "getConnection|connect"),
        new Rule("job", "org/apache/spark/SparkContext", JOBS),
        new Rule("job", "org/apache/spark/scheduler/DAGScheduler", JOBS),
        new Rule("catalog", "org/apache/spark/sql/catalyst/catalog/(ExternalCatalogWithListener|InMemoryCatalog)", "[a-zA-Z]+"),
        new Rule("catalog", "org/apache/spark/sql/hive/(HiveExternalCatalog|client/HiveClientImpl)", "[a-zA-Z]+"),
        new Rule("catalog", "org/apache/hadoop/hive/metastore/HiveMetaStoreClient", "[a-z_A-Z]+"),
        new Rule("catalog", "org/apache/spark/sql/delta/catalog/(Abstract)?DeltaCatalog", TABLES),
        new Rule("catalog", "org/apache/spark/sql/connector/catalog/DelegatingCatalogExtension", TABLES),
        new Rule("catalog", "org/apache/spark/sql/execution/datasources/v2/(V2SessionCatalog|jdbc/JDBCTableCatalog)", TABLES),
        new Rule("delta", "org/apache/spark/sql/delta/DeltaLog\\$?", "forTable[a-zA-Z]*|update|getSnapshotAt|getChanges"),
        new Rule("delta", "org/apache/spark/sql/delta/SnapshotManagement", "update|updateInternal|getSnapshotAt"),
        new Rule("delta", "org/apache/spark/sql/delta/Snapshot", "stateD[SF]|computedState|allFiles"),
    };

    private static final Pattern NAMES = Pattern.compile("java/lang/String|java/net/(URI|SocketAddress)|.*/Path");

    private static final class Rule {
        final String kind;
        final Pattern owner;
        final Pattern method;

        Rule(String kind, String owner, String method) {
            this.kind = kind;
            this.owner = Pattern.compile(owner);
            this.method = Pattern.compile(method);
        }
    }

    /** Before `main`. */
    public static void premain(String words, Instrumentation instrumentation) throws Exception {
        WatchAgent agent = new WatchAgent();
        agent.rehearse();
        instrumentation.addTransformer(agent, true);
        for (Class<?> loaded : instrumentation.getAllLoadedClasses()) {
            if (!rules(loaded.getName().replace('.', '/')).isEmpty()) {
                instrumentation.retransformClasses(loaded);
            }
        }
    }

    /** Loads all that it takes: a class that is loaded while another is transformed would be transformed itself. */
    private void rehearse() throws Exception {
        try (InputStream file = ClassLoader.getSystemResourceAsStream("java/io/File.class")) {
            transform(null, "java/io/File", null, null, file.readAllBytes());
        }
    }

    private static List<Rule> rules(String owner) {
        List<Rule> found = new ArrayList<>();
        if (owner.startsWith("java/") || owner.startsWith("sun/nio/") || owner.startsWith("org/apache/")) {
            for (Rule rule : RULES) {
                if (rule.owner.matcher(owner).matches()) {
                    found.add(rule);
                }
            }
        }
        return found;
    }

    @Override
    public byte[] transform(ClassLoader loader, String owner, Class<?> now, ProtectionDomain domain, byte[] content) {
        try {
            List<Rule> rules = owner == null ? new ArrayList<>() : rules(owner);
            return rules.isEmpty() ? null : hooked(owner, rules, content);
        } catch (Throwable problem) {
            Watch.broken(problem);
            return null;
        }
    }

    private static byte[] hooked(String owner, List<Rule> rules, byte[] content) {
        ClassReader reader = new ClassReader(content);
        ClassWriter writer = new ClassWriter(reader, ClassWriter.COMPUTE_MAXS);
        reader.accept(new ClassVisitor(Opcodes.ASM9, writer) {
            @Override
            public MethodVisitor visitMethod(int access, String name, String text, String signature, String[] thrown) {
                MethodVisitor method = super.visitMethod(access, name, text, signature, thrown);
                for (Rule rule : rules) {
                    boolean code = (access & (Opcodes.ACC_ABSTRACT | Opcodes.ACC_NATIVE | Opcodes.ACC_SYNTHETIC)) == 0;
                    boolean open = !rule.kind.equals("catalog") || (access & Opcodes.ACC_PUBLIC) != 0;
                    if (code && open && rule.method.matcher(name).matches()) {
                        String called = owner.substring(owner.lastIndexOf('/') + 1) + "." + name;
                        Watch.hooked(rule.kind, called);
                        return new Head(method, rule.kind, called, target(owner, access, text));
                    }
                }
                return method;
            }
        }, 0);
        return writer.toByteArray();
    }

    /** The local variable that says what is reached: the first argument that names it, else the first that is an object, else `this`. */
    private static int target(String owner, int access, String text) {
        boolean isStatic = (access & Opcodes.ACC_STATIC) != 0;
        int local = isStatic ? 0 : 1;
        int other = isStatic ? -1 : 0;
        for (Type type : owner.equals("java/io/File") ? new Type[0] : Type.getArgumentTypes(text)) {
            if (type.getSort() == Type.OBJECT && NAMES.matcher(type.getInternalName()).matches()) {
                return local;
            }
            other = type.getSort() == Type.OBJECT && other < 1 ? local : other;
            local += type.getSize();
        }
        return other;
    }

    /** Adds the call before the first instruction. */
    private static final class Head extends MethodVisitor {
        private final String kind;
        private final String called;
        private final int target;

        Head(MethodVisitor next, String kind, String called, int target) {
            super(Opcodes.ASM9, next);
            this.kind = kind;
            this.called = called;
            this.target = target;
        }

        @Override
        public void visitCode() {
            super.visitCode();
            super.visitLdcInsn(kind);
            super.visitLdcInsn(called);
            if (target < 0) {
                super.visitInsn(Opcodes.ACONST_NULL);
            } else {
                super.visitVarInsn(Opcodes.ALOAD, target);
            }
            super.visitMethodInsn(Opcodes.INVOKESTATIC, "harmless/Watch", "called",
                    "(Ljava/lang/String;Ljava/lang/String;Ljava/lang/Object;)V", false);
        }
    }
}
