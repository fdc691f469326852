package dev.holdfast.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/** What the two processes say of an option that is wrong names it as it was typed. */
class ProcessOptionsTest {
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    --admin-port=0 --stream-port=99999999 | --stream-port: 99999999 (expected: 0 to 65535)
                    --admin-port=70000 | --admin-port: 70000 (expected: 0 to 65535)
                    --admin-port=0 --namespaces=shop,A_B | --namespaces: "A_B" (expected: names of namespaces
                    --admin-port=0 --stream-address=0.0.0.0 | --stream-address: /0.0.0.0:9901 (expected: a loopback address
                    --admin-port=0 --leader-election-lease-seconds=0 | --leader-election-lease-seconds: PT0S (expected: 1s or more)
                    --admin-port=0 --publish-service=edge | --publish-service: "edge" (expected: namespace/name of a Service)
                    """)
    void anOptionOfTheOperatorIsNamed(String option, String message) {
        // Given
        String[] arguments = ("operator --admin-address=127.0.0.1 " + option).split(" ");

        // When
        String said = complaint(arguments);

        // Then
        assertThat(said).startsWith("holdfast: " + message).endsWith("Try `holdfast operator --help`.\n");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    --name=a --head-timeout=PT0S | --head-timeout: PT0S (expected: at least PT0.001S)
                    --name=a --silent-peer-timeout=PT3S | --silent-peer-timeout: PT3S (expected: 4 s to a day)
                    --name=a --tunnels-max=0 | --tunnels-max: 0 (expected: at least 1)
                    --name=a --access-log-field=pth=drop | --access-log-field: "pth" (expected: one of time,
                    --name=a --accept-grace=PT2H | --accept-grace: PT2H (expected: zero to an hour)
                    --name=a --threads=2000 | --threads: 2000 (expected: 1 to 1024)
                    --name=a --https-redirect-port=70000 | --https-redirect-port: 70000 (expected: 0 to 65535)
                    --name=a/b | --name: "a/b" (expected: letters, digits, . _ -)
                    """)
    void anOptionOfTheDataPlaneIsNamed(String option, String message) {
        // Given
        String[] arguments = ("dataplane --operator=http://127.0.0.1:9901 " + option).split(" ");

        // When
        String said = complaint(arguments);

        // Then
        assertThat(said).startsWith("holdfast: " + message).endsWith("Try `holdfast dataplane --help`.\n");
    }

    private static String complaint(String... arguments) {
        StringWriter err = new StringWriter();
        CommandLine line = HoldfastMain.commandLine(new PrintWriter(new StringWriter()));
        line.setErr(new PrintWriter(err));
        assertThat(line.execute(arguments)).isEqualTo(2);
        return err.toString();
    }
}
