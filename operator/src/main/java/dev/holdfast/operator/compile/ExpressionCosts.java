package dev.holdfast.operator.compile;

import dev.holdfast.operator.compile.translate.RegexCost;
import dev.holdfast.operator.compile.translate.RegexCost.Cost;
import dev.holdfast.routetable.PathMatch;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.ValueMatch;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What the expressions of matches cost; each text, which stands in many routes, is estimated once. */
final class ExpressionCosts {
    private final Map<String, Cost> known = new HashMap<>();

    /** What all expressions of a match cost together. */
    Cost of(RouteMatch match) {
        Cost path =
                match.path().type() == PathMatch.Type.REGEX ? of(match.path().value()) : new Cost(0, 0);
        return sum(sum(path, match.headers()), match.queryParams());
    }

    private Cost sum(Cost first, List<ValueMatch> conditions) {
        int instructions = first.instructions();
        int alive = first.alive();
        for (ValueMatch condition : conditions) {
            if (condition.type() == ValueMatch.Type.REGEX) {
                Cost cost = of(condition.value());
                instructions += cost.instructions();
                alive += cost.alive();
            }
        }
        return new Cost(instructions, alive);
    }

    private Cost of(String expression) {
        return known.computeIfAbsent(expression, RegexCost::of);
    }
}
