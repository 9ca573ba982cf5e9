import java.io.File;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.Collections;
import java.util.TreeSet;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import org.apache.xbean.asm9.ClassReader;
import org.apache.xbean.asm9.ClassVisitor;
import org.apache.xbean.asm9.MethodVisitor;
import org.apache.xbean.asm9.Opcodes;
import org.apache.xbean.asm9.Type;

/** Prints each class, method and field that a jar's code refers to and that a folder of jars (and the JDK) has not; initializes nothing. */
public final class Linkage {
    private final ClassLoader loader;
    private final TreeSet<String> missing = new TreeSet<>();
    private int references;

    private Linkage(ClassLoader loader) {
        this.loader = loader;
    }

    /** Words: the jar, the folder. */
    public static void main(String[] words) throws Exception {
        File[] jars = new File(words[1]).listFiles((folder, name) -> name.endsWith(".jar"));
        URL[] urls = new URL[jars.length + 1];
        urls[0] = new File(words[0]).toURI().toURL();
        for (int i = 0; i < jars.length; i++) {
            urls[i + 1] = jars[i].toURI().toURL();
        }
        Linkage linkage = new Linkage(new URLClassLoader(urls, ClassLoader.getPlatformClassLoader()));
        try (JarFile jar = new JarFile(words[0])) {
            for (JarEntry entry : Collections.list(jar.entries())) {
                if (entry.getName().endsWith(".class")) {
                    linkage.read(new ClassReader(jar.getInputStream(entry)));
                }
            }
        }
        System.out.println(linkage.references);
        linkage.missing.forEach(System.out::println);
    }

    private void read(ClassReader reader) {
        reader.accept(new ClassVisitor(Opcodes.ASM9) {
            @Override
            public MethodVisitor visitMethod(int access, String name, String text, String signature, String[] thrown) {
                return new MethodVisitor(Opcodes.ASM9) {
                    @Override
                    public void visitMethodInsn(int code, String owner, String called, String type, boolean ofInterface) {
                        check(owner, called, type);
                    }

                    @Override
                    public void visitFieldInsn(int code, String owner, String field, String type) {
                        check(owner, field, type);
                    }

                    @Override
                    public void visitTypeInsn(int code, String type) {
                        check(type, null, null);
                    }
                };
            }
        }, 0);
    }

    private void check(String owner, String name, String type) {
        references++;
        if (owner.startsWith("[")) {
            return;
        }
        try {
            Class<?> found = Class.forName(owner.replace('/', '.'), false, loader);
            if (name != null && !name.equals("<init>") && !has(found, name, type)
                    || "<init>".equals(name) && !constructs(found, type)) {
                missing.add(owner + "." + name + type);
            }
        } catch (ClassNotFoundException | LinkageError absent) {
            missing.add(owner + (name == null ? "" : "." + name + type));
        }
    }

    private static boolean constructs(Class<?> owner, String type) {
        for (java.lang.reflect.Constructor<?> each : owner.getDeclaredConstructors()) {
            if (Type.getConstructorDescriptor(each).equals(type)) {
                return true;
            }
        }
        return false;
    }

    /** Whether a class has or inherits a member of that name and type; what takes or gives anything (method handles) counts by its name. */
    private static boolean has(Class<?> owner, String name, String type) {
        if (owner == null) {
            return false;
        }
        boolean any = owner.getName().equals("java.lang.invoke.MethodHandle");
        for (java.lang.reflect.Method each : owner.getDeclaredMethods()) {
            if (each.getName().equals(name) && (any || Type.getMethodDescriptor(each).equals(type))) {
                return true;
            }
        }
        for (java.lang.reflect.Field each : owner.getDeclaredFields()) {
            if (each.getName().equals(name) && Type.getDescriptor(each.getType()).equals(type)) {
                return true;
            }
        }
        for (Class<?> each : owner.getInterfaces()) {
            if (has(each, name, type)) {
                return true;
            }
        }
        return has(owner.getSuperclass(), name, type) || owner.isInterface() && has(Object.class, name, type);
    }
}
