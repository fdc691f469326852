package dev.holdfast.cli;

import java.util.Objects;
import picocli.CommandLine.IVersionProvider;

/** What {@code --version} prints. */
public final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
        String version = Objects.requireNonNullElse(getClass().getPackage().getImplementationVersion(), "from sources");
        return new String[] {"holdfast " + version + " (Java " + Runtime.version() + ")"};
    }
}
