package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class CompilerDirectiveTest {
    private static List<String> temporary() {
        String[] names = new File(System.getProperty("java.io.tmpdir")).list((folder, name) -> name.startsWith("spark-lineage"));
        return Arrays.asList(names);
    }

    @Test
    void whereOnlyOneCompilerWorksItIsLeftAlone() {
        assertTrue(CompilerDirective.isTiered("true", "default"));
        assertTrue(CompilerDirective.isTiered("true", null), "before Java 13");
        assertFalse(CompilerDirective.isTiered("false", "default"));
        assertFalse(CompilerDirective.isTiered("true", "high-only"));
        assertFalse(CompilerDirective.isTiered(null, null), "not HotSpot");
        assertEquals("true", CompilerDirective.option("TieredCompilation"));
        assertNull(CompilerDirective.option("NoSuchOption"));
    }

    @Test
    void theSecondCompilerLeavesThisPackageAloneAndNoOther() throws Exception {
        List<String> before = temporary();
        CompilerDirective.add();
        CompilerDirective.add();
        List<String> matches = new ArrayList<>();
        List<String> excluded = new ArrayList<>();
        for (String line : CompilerDirective.command("compilerDirectivesPrint").split("\n")) {
            if (line.contains("matching:")) {
                matches.add(line.substring(line.indexOf(':') + 1).trim());
            }
            if (line.contains("Exclude:")) {
                excluded.add(line.replaceFirst(".*Exclude:(\\w+).*", "$1"));
            }
        }
        assertEquals(Arrays.asList("io/sparklineage/*.*", "*.*"), matches);
        assertEquals(Arrays.asList("false", "true", "false", "false"), excluded, "C1 and C2 of each");
        assertEquals(before, temporary());
        assertTrue(PlanEncoder.class.getName().replace('.', '/').startsWith(CompilerDirective.METHODS.replace("*.*", "")));
    }
}
