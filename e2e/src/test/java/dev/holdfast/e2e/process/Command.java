package dev.holdfast.e2e.process;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A program that runs to its end, with a limit. */
public final class Command {
    private static final int SHOWN_CHARS_MAX = 4_000;

    private Command() {}

    /**
     * What came of it.
     *
     * @param output what it printed, errors among it
     */
    public record Result(int status, String output) {}

    /** Runs it; whatever it says is in the result. */
    public static Result run(Duration limit, Map<String, String> environment, List<String> words) {
        try {
            Path output = Files.createTempFile("command", ".log");
            try {
                ProcessBuilder builder = new ProcessBuilder(words)
                        .redirectErrorStream(true)
                        .redirectOutput(output.toFile())
                        .redirectInput(ProcessBuilder.Redirect.from(
                                Path.of("/dev/null").toFile()));
                builder.environment().putAll(environment);
                Process process = builder.start();
                if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
                    process.destroyForcibly();
                    throw new IllegalStateException("not done after " + limit + ": " + words + "\n" + shown(output));
                }
                return new Result(process.exitValue(), Files.readString(output, StandardCharsets.UTF_8));
            } finally {
                Files.delete(output);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted: " + words, e);
        }
    }

    /** Runs it and returns what it printed; throws with that when its status is not zero. */
    public static String expect(Duration limit, Map<String, String> environment, List<String> words) {
        Result result = run(limit, environment, words);
        if (result.status() != 0) {
            throw new IllegalStateException("status " + result.status() + " of " + words + "\n" + result.output());
        }
        return result.output();
    }

    private static String shown(Path output) throws IOException {
        String text = Files.readString(output, StandardCharsets.UTF_8);
        return text.substring(Math.max(0, text.length() - SHOWN_CHARS_MAX));
    }
}
