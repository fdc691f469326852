# What a contributor types. CI runs `mvn verify` and then .ci/run's slower suites.
MVN ?= mvn -B
ONE = -Dsurefire.failIfNoSpecifiedTests=false -Dskip.format=true

.PHONY: help build test format golden golden-chart chart images bench

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

build: ## everything, with every check (what CI runs first)
	$(MVN) verify

test: ## the tests, without format and static checks of poms
	$(MVN) -Dskip.format=true test

format: ## format Java, poms and documents in place
	$(MVN) -q spotless:apply
	$(MVN) -q -pl e2e -am test -Dtest=FormatTest $(ONE) -Dformat.apply=true

golden: golden-chart ## rewrite the expected results of the compile cases and of the chart; review the diff
	$(MVN) -q -pl operator -am test -Dtest='*Golden*' $(ONE) -Dgolden.rewrite=true

bench: ## the match benchmark (docs/benchmarks.md)
	$(MVN) -q -pl routetable -am test-compile -Dskip.format=true
	$(MVN) -q -pl routetable dependency:build-classpath -Dmdep.outputFile=target/test-classpath.txt -Dmdep.includeScope=test
	java -cp routetable/target/test-classes:routetable/target/classes:$$(cat routetable/target/test-classpath.txt) dev.holdfast.routetable.match.MatchBenchmark

chart: ## the chart's copies and tables, and the manifests made from it (needs Helm)
	deploy/render

golden-chart: ## rewrite the expected manifests of e2e/chart; review the diff
	e2e/chart/run.sh --rewrite

images: ## target/images/*.tar, without a container daemon
	deploy/build-images
