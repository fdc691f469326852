package dev.holdfast.cli;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;

/**
 * Signals of the operating system. A shutdown hook hears of the first alone; the JDK's only way to hear of a second is
 * {@code sun.misc.Signal} (module jdk.unsupported), reached by reflection because the compiler warns about its name.
 */
final class Signals {
    private Signals() {}

    /** Runs {@code action} at every signal of that name ({@code INT}, {@code TERM}) instead of ending the process. */
    static void on(String name, Runnable action) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            Object proxy = Proxy.newProxyInstance(
                    Signals.class.getClassLoader(), new Class<?>[] {handler}, (self, method, arguments) -> {
                        if (isHandle(method)) {
                            action.run();
                        }
                        return null;
                    });
            signal.getMethod("handle", signal, handler)
                    .invoke(null, signal.getConstructor(String.class).newInstance(name), proxy);
        } catch (ReflectiveOperationException e) {
            if (e instanceof InvocationTargetException target
                    && target.getCause() instanceof IllegalArgumentException) {
                return; // The JVM was told to leave signals alone (-Xrs); it then ends at the first one.
            }
            Runtime.getRuntime().addShutdownHook(new Thread(action));
        }
    }

    private static boolean isHandle(Method method) {
        return method.getName().equals("handle");
    }
}
