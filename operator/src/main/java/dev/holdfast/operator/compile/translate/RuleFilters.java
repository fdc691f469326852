package dev.holdfast.operator.compile.translate;

import dev.holdfast.operator.diagnostic.DiagnosticCode;
import dev.holdfast.operator.diagnostic.Findings;
import dev.holdfast.routetable.HeaderChanges;
import dev.holdfast.routetable.HeaderChanges.Header;
import dev.holdfast.routetable.Rewrite;
import dev.holdfast.v1alpha1.websocketroutespec.Rules;
import dev.holdfast.v1alpha1.websocketroutespec.rules.Filters;
import dev.holdfast.v1alpha1.websocketroutespec.rules.filters.RequestHeaderModifier;
import dev.holdfast.v1alpha1.websocketroutespec.rules.filters.ResponseHeaderModifier;
import dev.holdfast.v1alpha1.websocketroutespec.rules.filters.UrlRewrite;
import dev.holdfast.v1alpha1.websocketroutespec.rules.filters.urlrewrite.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The filters of one rule of a WebSocketRoute.
 *
 * @param valid false: a filter cannot be applied, and serving without it could do harm
 */
record RuleFilters(boolean valid, Rewrite rewrite, HeaderChanges requestHeaders, HeaderChanges responseHeaders) {
    /** What frames a message or makes an upgrade: changing one would corrupt it (RFC 9110 §7.6.1, RFC 6455 §4). */
    private static final Set<String> UNTOUCHABLE = Set.of(
            "connection",
            "content-length",
            "host",
            "keep-alive",
            "proxy-connection",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade");

    static RuleFilters read(Rules rule, String at, Findings findings) {
        Reader reader = new Reader(findings);
        List<Filters> filters = rule.getFilters() == null ? List.of() : rule.getFilters();
        for (int i = 0; i < filters.size(); i++) {
            Filters filter = filters.get(i);
            if (filter != null) {
                reader.filter(filter, at + ".filters[" + i + "]");
            }
        }
        return new RuleFilters(reader.valid, reader.rewrite, reader.requestHeaders, reader.responseHeaders);
    }

    private static final class Reader {
        private final Findings findings;
        private final EnumSet<Filters.Type> seen = EnumSet.noneOf(Filters.Type.class);
        private boolean valid = true;
        private Rewrite rewrite = Rewrite.NONE;
        private HeaderChanges requestHeaders = HeaderChanges.NONE;
        private HeaderChanges responseHeaders = HeaderChanges.NONE;

        Reader(Findings findings) {
            this.findings = findings;
        }

        void filter(Filters filter, String at) {
            if (!seen.add(filter.getType())) {
                invalid(
                        at + ".type",
                        filter.getType().getValue() + " stands twice in the rule (expected: once; merge the two)");
                return;
            }
            try {
                switch (filter.getType()) {
                    case REQUESTHEADERMODIFIER -> request(filter.getRequestHeaderModifier(), at);
                    case RESPONSEHEADERMODIFIER -> response(filter.getResponseHeaderModifier(), at);
                    case URLREWRITE -> url(filter.getUrlRewrite(), at);
                }
            } catch (IllegalArgumentException e) {
                invalid(at, Values.message(e));
            }
            long set = Stream.of(
                            filter.getRequestHeaderModifier(),
                            filter.getResponseHeaderModifier(),
                            filter.getUrlRewrite())
                    .filter(field -> field != null)
                    .count();
            if (set > 1) {
                findings.add(
                        DiagnosticCode.FIELD_IGNORED,
                        at,
                        "fields of other types than " + filter.getType().getValue()
                                + " have no effect (expected: one filter per type)");
            }
        }

        private void request(@Nullable RequestHeaderModifier modifier, String at) {
            if (modifier == null) {
                missing(at + ".requestHeaderModifier", "RequestHeaderModifier");
                return;
            }
            requestHeaders = changes(
                    new HeaderChanges(
                            nonNull(modifier.getSet()).stream()
                                    .map(header -> header(header.getName(), header.getValue()))
                                    .toList(),
                            nonNull(modifier.getAdd()).stream()
                                    .map(header -> header(header.getName(), header.getValue()))
                                    .toList(),
                            nonNull(modifier.getRemove())),
                    at + ".requestHeaderModifier");
        }

        private void response(@Nullable ResponseHeaderModifier modifier, String at) {
            if (modifier == null) {
                missing(at + ".responseHeaderModifier", "ResponseHeaderModifier");
                return;
            }
            responseHeaders = changes(
                    new HeaderChanges(
                            nonNull(modifier.getSet()).stream()
                                    .map(header -> header(header.getName(), header.getValue()))
                                    .toList(),
                            nonNull(modifier.getAdd()).stream()
                                    .map(header -> header(header.getName(), header.getValue()))
                                    .toList(),
                            nonNull(modifier.getRemove())),
                    at + ".responseHeaderModifier");
        }

        private static Header header(String name, String value) {
            return new Header(name, Values.headerValue("header." + name, value));
        }

        private HeaderChanges changes(HeaderChanges changes, String at) {
            Stream.of(
                            changes.set().stream().map(Header::name),
                            changes.add().stream().map(Header::name),
                            changes.remove().stream())
                    .flatMap(names -> names)
                    .filter(Reader::isUntouchable)
                    .forEach(name -> invalid(
                            at,
                            Values.shown(name) + " belongs to the proxy (expected: another header"
                                    + (name.equalsIgnoreCase("host") ? "; use urlRewrite.hostname" : "") + ")"));
            return changes;
        }

        private static boolean isUntouchable(String name) {
            String lower = name.toLowerCase(Locale.ROOT);
            return UNTOUCHABLE.contains(lower) || lower.startsWith("sec-websocket-");
        }

        private void url(@Nullable UrlRewrite url, String at) {
            if (url == null) {
                missing(at + ".urlRewrite", "URLRewrite");
                return;
            }
            rewrite = new Rewrite(path(url.getPath(), at + ".urlRewrite.path"), url.getHostname());
        }

        private Rewrite.Path path(@Nullable Path path, String at) {
            if (path == null) {
                return new Rewrite.Keep();
            }
            String prefix = path.getReplacePrefixMatch();
            String full = path.getReplaceFullPath();
            boolean byPrefix = path.getType() == Path.Type.REPLACEPREFIXMATCH;
            if ((prefix != null) != byPrefix || (full != null) == byPrefix) {
                invalid(
                        at,
                        "does not fit its type " + path.getType().getValue()
                                + " (expected: exactly the field that the type"
                                + " names, replacePrefixMatch for ReplacePrefixMatch, replaceFullPath for ReplaceFullPath)");
                return new Rewrite.Keep();
            }
            if (prefix != null) {
                return new Rewrite.ReplacePrefix(prefix.isEmpty() ? "/" : prefix);
            }
            return full == null ? new Rewrite.Keep() : new Rewrite.ReplaceFull(full);
        }

        private void missing(String fieldPath, String type) {
            invalid(fieldPath, "missing (expected: the field that type " + type + " names)");
        }

        private void invalid(String fieldPath, String message) {
            valid = false;
            findings.add(
                    DiagnosticCode.INVALID_SPEC, fieldPath, message + "; the rule answers 503 until it is corrected");
        }

        private static <T> List<T> nonNull(@Nullable List<T> list) {
            return list == null ? List.of() : list;
        }
    }
}
