package io.sparklineage;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import scala.Product;

/** The field names of case classes, cached per class. */
final class ProductFields {
    private static final ClassValue<ProductFields> CACHE = new ClassValue<ProductFields>() {
        @Override
        protected ProductFields computeValue(Class<?> type) {
            return new ProductFields();
        }
    };

    private volatile List<String> names;

    private ProductFields() {
    }

    /** The names of the product's elements in order; `_1`, `_2`, ... where they cannot be known. */
    static List<String> of(Product product) {
        ProductFields cached = CACHE.get(product.getClass());
        List<String> names = cached.names;
        if (names == null || names.size() != product.productArity()) {
            names = Collections.unmodifiableList(find(product));
            cached.names = names;
        }
        return names;
    }

    private static List<String> find(Product product) {
        int arity = product.productArity();
        List<String> names = new ArrayList<>();
        for (int i = 0; i < arity; i++) {
            String name = SparkCompat.productElementName(product, i);
            if (name != null) {
                names.add(name);
            }
        }
        if (names.size() == arity) {
            return names;
        }
        for (Class<?> type = product.getClass(); type != null; type = type.getSuperclass()) {
            names = declared(product, type, arity);
            if (names != null) {
                return names;
            }
        }
        return positions(arity);
    }

    /**
     * Scala 2.12: a case class's parameters are its first final fields, in their order (lazy values come before
     * them, but are not final). Each is compared with the product's element, so a class that is made otherwise
     * is not misread.
     */
    private static List<String> declared(Product product, Class<?> type, int arity) {
        if (type.getName().startsWith("scala.")) {
            return null;
        }
        List<String> names = new ArrayList<>();
        try {
            for (Field field : type.getDeclaredFields()) {
                int modifiers = field.getModifiers();
                boolean parameter = Modifier.isFinal(modifiers) && !Modifier.isStatic(modifiers)
                        && !field.getName().equals("$outer");
                if (names.size() == arity || !parameter) {
                    continue;
                }
                field.setAccessible(true);
                if (!same(field.get(product), product.productElement(names.size()))) {
                    return null;
                }
                names.add(field.getName().substring(field.getName().lastIndexOf('$') + 1));
            }
        } catch (ReflectiveOperationException | RuntimeException notOpen) {
            return null;
        }
        return names.size() == arity ? names : null;
    }

    private static boolean same(Object field, Object element) {
        boolean boxed = element instanceof Number || element instanceof Boolean || element instanceof Character;
        return field == element || boxed && element.equals(field);
    }

    private static List<String> positions(int arity) {
        List<String> names = new ArrayList<>();
        for (int i = 1; i <= arity; i++) {
            names.add("_" + i);
        }
        return names;
    }
}
