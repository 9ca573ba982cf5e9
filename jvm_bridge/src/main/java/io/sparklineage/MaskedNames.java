package io.sparklineage;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Names that were masked, by the ids of their expressions, of all plans: the attributes that carry them on have the same ids. Bounded in
 * number and characters; of the oldest it stays known that they were masked.
 */
final class MaskedNames {
    private static final int LIMIT = 10_000;
    private static final int FORGOTTEN_LIMIT = 100_000;
    static final int CHARACTER_LIMIT = 2 << 20;

    /** Expression id to the name and what it is masked as, the oldest first. */
    private final Map<Long, String[]> names = new LinkedHashMap<>();

    /** Expression id to the hash of the name. */
    private final Map<Long, Integer> forgotten = new Activity.Bounded<>(FORGOTTEN_LIMIT);

    /** Hash of a name to what it is masked as, for columns of other ids that have it; cut, since there may be many. */
    private final Map<Integer, String> masks = new Activity.Bounded<>(LIMIT);
    private static final int MASK_LENGTH = 200;
    private int characters;
    private volatile boolean learned;
    private volatile boolean words;

    /** Plans tell their names when they are analyzed, and not only when they have run. */
    void learn() {
        learned = true;
    }

    /** Whether a name may have been masked in some plan; where all are learned and none is forgotten, one that is not known was not. */
    synchronized boolean mayBeMasked(String name) {
        return !learned || masks.size() >= LIMIT || masks.containsKey(name.hashCode());
    }

    /** The same of any name that is one word. */
    boolean mayHaveWords() {
        return !learned || words;
    }

    synchronized void put(long id, String name, String masked) {
        words |= NameMasker.isWord(name);
        masks.put(name.hashCode(), masked.length() > MASK_LENGTH ? "?" : masked);
        String[] before = names.put(id, new String[] {name, masked});
        characters += name.length() + masked.length() - length(before);
        Iterator<Map.Entry<Long, String[]>> oldest = names.entrySet().iterator();
        while (names.size() > LIMIT || characters > CHARACTER_LIMIT) {
            Map.Entry<Long, String[]> entry = oldest.next();
            forgotten.put(entry.getKey(), entry.getValue()[0].hashCode());
            characters -= length(entry.getValue());
            oldest.remove();
        }
    }

    private static int length(String[] names) {
        return names == null ? 0 : names[0].length() + names[1].length();
    }

    /** What passes of a name that was masked in some plan; null where it was in none. */
    synchronized String of(String name) {
        return masks.get(name.hashCode());
    }

    /** What passes of the name of an attribute with an id; null where no name with that id was masked. */
    synchronized String of(long id, String name) {
        String[] known = names.get(id);
        if (known != null) {
            return known[0].equals(name) ? known[1] : name;
        }
        Integer hash = forgotten.get(id);
        return hash == null ? null : hash == name.hashCode() ? "?" : name;
    }
}
