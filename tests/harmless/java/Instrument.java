import java.io.ByteArrayOutputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.util.Enumeration;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;
import org.apache.xbean.asm9.ClassReader;
import org.apache.xbean.asm9.ClassVisitor;
import org.apache.xbean.asm9.ClassWriter;
import org.apache.xbean.asm9.Handle;
import org.apache.xbean.asm9.Label;
import org.apache.xbean.asm9.MethodVisitor;
import org.apache.xbean.asm9.Opcodes;

/**
 * Copies a jar, with a call of `Faults.at(n)` before the first instruction of every method that does anything; the list says
 * which n is which method. Where a method begins with a `try`, the call lies within it.
 */
public final class Instrument {
    private static int points;

    private Instrument() {
    }

    /** Words: the jar, its copy, the list. */
    public static void main(String[] words) throws Exception {
        try (JarFile jar = new JarFile(words[0]);
                JarOutputStream copy = new JarOutputStream(new FileOutputStream(words[1]));
                PrintStream list = new PrintStream(words[2], "UTF-8")) {
            for (Enumeration<JarEntry> entries = jar.entries(); entries.hasMoreElements();) {
                JarEntry entry = entries.nextElement();
                byte[] content = read(jar.getInputStream(entry));
                copy.putNextEntry(new JarEntry(entry.getName()));
                copy.write(entry.getName().endsWith(".class") ? instrumented(content, list) : content);
                copy.closeEntry();
            }
        }
    }

    private static byte[] read(InputStream in) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        byte[] part = new byte[8192];
        for (int count = in.read(part); count >= 0; count = in.read(part)) {
            out.write(part, 0, count);
        }
        return out.toByteArray();
    }

    private static byte[] instrumented(byte[] content, PrintStream list) {
        ClassReader reader = new ClassReader(content);
        ClassWriter writer = new ClassWriter(reader, ClassWriter.COMPUTE_MAXS);
        String owner = reader.getClassName().substring(reader.getClassName().lastIndexOf('/') + 1);
        reader.accept(new ClassVisitor(Opcodes.ASM9, writer) {
            @Override
            public MethodVisitor visitMethod(int access, String name, String text, String signature, String[] thrown) {
                MethodVisitor method = super.visitMethod(access, name, text, signature, thrown);
                boolean plain = name.equals("<clinit>") || (access & (Opcodes.ACC_ABSTRACT | Opcodes.ACC_BRIDGE)) != 0;
                return plain || !doesSomething(reader, name, text) ? method : new Head(method, owner + "." + name, list);
            }
        }, 0);
        return writer.toByteArray();
    }

    /** Whether a method calls or makes anything: what only hands out a field cannot fail. */
    private static boolean doesSomething(ClassReader reader, String wanted, String wantedText) {
        boolean[] found = {false};
        reader.accept(new ClassVisitor(Opcodes.ASM9) {
            @Override
            public MethodVisitor visitMethod(int access, String name, String text, String signature, String[] thrown) {
                if (!name.equals(wanted) || !text.equals(wantedText)) {
                    return null;
                }
                return new MethodVisitor(Opcodes.ASM9) {
                    @Override
                    public void visitMethodInsn(int code, String owner, String called, String type, boolean ofInterface) {
                        found[0] |= !(name.equals("<init>") && called.equals("<init>"));
                    }

                    @Override
                    public void visitInvokeDynamicInsn(String called, String type, Handle handle, Object... arguments) {
                        found[0] = true;
                    }

                    @Override
                    public void visitTypeInsn(int code, String type) {
                        found[0] |= code == Opcodes.NEW;
                    }
                };
            }
        }, 0);
        return found[0];
    }

    /** Adds the call before the first instruction. */
    private static final class Head extends MethodVisitor {
        private final String point;
        private final PrintStream list;
        private boolean begun;

        Head(MethodVisitor next, String point, PrintStream list) {
            super(Opcodes.ASM9, next);
            this.point = point;
            this.list = list;
        }

        private void begin() {
            if (!begun) {
                begun = true;
                list.println(points + " " + point);
                super.visitLdcInsn(points++);
                super.visitMethodInsn(Opcodes.INVOKESTATIC, "io/sparklineage/Faults", "at", "(I)V", false);
            }
        }

        @Override
        public void visitInsn(int code) {
            begin();
            super.visitInsn(code);
        }

        @Override
        public void visitIntInsn(int code, int operand) {
            begin();
            super.visitIntInsn(code, operand);
        }

        @Override
        public void visitVarInsn(int code, int index) {
            begin();
            super.visitVarInsn(code, index);
        }

        @Override
        public void visitTypeInsn(int code, String type) {
            begin();
            super.visitTypeInsn(code, type);
        }

        @Override
        public void visitFieldInsn(int code, String owner, String name, String type) {
            begin();
            super.visitFieldInsn(code, owner, name, type);
        }

        @Override
        public void visitMethodInsn(int code, String owner, String name, String type, boolean ofInterface) {
            begin();
            super.visitMethodInsn(code, owner, name, type, ofInterface);
        }

        @Override
        public void visitInvokeDynamicInsn(String name, String type, Handle handle, Object... arguments) {
            begin();
            super.visitInvokeDynamicInsn(name, type, handle, arguments);
        }

        @Override
        public void visitJumpInsn(int code, Label label) {
            begin();
            super.visitJumpInsn(code, label);
        }

        @Override
        public void visitLdcInsn(Object value) {
            begin();
            super.visitLdcInsn(value);
        }
    }
}
