{{- /* Values that are each valid and together are not. Rendered before anything else. */ -}}
{{- define "holdfast.guards" -}}
{{- $proxy := .Values.proxy -}}
{{- $needed := add .Values.config.drain.acceptGraceSeconds .Values.config.drain.windowSeconds 10 -}}
{{- if gt (int $needed) (int $proxy.terminationGracePeriodSeconds) -}}
{{- fail (printf "proxy.terminationGracePeriodSeconds: %d (expected: at least %d = config.drain.acceptGraceSeconds + config.drain.windowSeconds + 10); raise it or shorten the window, or the kubelet cuts tunnels without a close frame" (int $proxy.terminationGracePeriodSeconds) (int $needed)) -}}
{{- end -}}
{{- /* The first failure may come at once, the last so many periods later. Kubernetes's own defaults are 10 and 3. */ -}}
{{- $grace := int .Values.config.drain.acceptGraceSeconds -}}
{{- if $grace -}}{{- $grace = add $grace (min 60 (div (int .Values.config.drain.windowSeconds) 2)) | int -}}{{- end -}}
{{- $period := dig "periodSeconds" 10 $proxy.readinessProbe | int -}}
{{- $ready := mul $period (sub (dig "failureThreshold" 3 $proxy.readinessProbe | int) 1) | int -}}
{{- $service := $proxy.service -}}
{{- $byNode := and $service.enabled (ne $service.type "ClusterIP") (eq $service.externalTrafficPolicy "Local") -}}
{{- $inside := $proxy.serviceInternal -}}
{{- if and (or $byNode (and $inside.enabled (eq (dig "externalTrafficPolicy" "Local" $inside) "Local"))) (lt $ready $grace) -}}
{{- fail (printf "proxy.readinessProbe: unready after %d s = periodSeconds * (failureThreshold - 1) (expected: at least %d = config.drain.acceptGraceSeconds + half of config.drain.windowSeconds, a minute at most); set failureThreshold to %d, or a proxy that still accepts is out of its node's endpoints" $ready $grace (add 1 (div (sub (add $grace $period) 1) $period))) -}}
{{- end -}}
{{- if and .Values.ingressClassResource.default (not .Values.ingressClassResource.enabled) -}}
{{- fail (printf "ingressClassResource.default: true with enabled false (expected: one of both); the chart then renders no class that could be the default: annotate %s with ingressclass.kubernetes.io/is-default-class=true instead" .Values.ingressClassResource.name) -}}
{{- end -}}
{{- if and $proxy.autoscaling.enabled $proxy.keda.enabled -}}
{{- fail "proxy.keda.enabled: true with proxy.autoscaling.enabled (expected: one of both); KEDA makes a HorizontalPodAutoscaler of its own" -}}
{{- end -}}
{{- if and (or $proxy.autoscaling.enabled $proxy.keda.enabled) (eq $proxy.kind "DaemonSet") -}}
{{- fail "proxy.kind: DaemonSet with autoscaling or keda (expected: Deployment); a DaemonSet has a pod per node" -}}
{{- end -}}
{{- range $name, $scale := dict "autoscaling" $proxy.autoscaling "keda" $proxy.keda -}}
{{- if and $scale.enabled (gt (int $scale.minReplicas) (int $scale.maxReplicas)) -}}
{{- fail (printf "proxy.%s.minReplicas: %d (expected: at most maxReplicas, %d)" $name (int $scale.minReplicas) (int $scale.maxReplicas)) -}}
{{- end -}}
{{- end -}}
{{- if and $proxy.keda.enabled (not $proxy.keda.serverAddress) -}}
{{- fail "proxy.keda.serverAddress: empty (expected: the URL of Prometheus, http://prometheus.monitoring.svc:9090)" -}}
{{- end -}}
{{- range $name, $budget := dict "controller" .Values.controller.podDisruptionBudget "proxy" $proxy.podDisruptionBudget -}}
{{- if $budget.enabled -}}
{{- $min := not (kindIs "invalid" $budget.minAvailable) -}}
{{- $max := not (kindIs "invalid" $budget.maxUnavailable) -}}
{{- if eq $min $max -}}
{{- fail (printf "%s.podDisruptionBudget: minAvailable and maxUnavailable are %s (expected: exactly one); set the other to null" $name (ternary "both set" "both null" $min)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (gt (int .Values.controller.replicaCount) 1) .Values.config.writeStatus (not .Values.config.leaderElection.enabled) -}}
{{- fail (printf "config.leaderElection.enabled: false with controller.replicaCount %d (expected: true, or one replica, or config.writeStatus false); replicas would write against each other" (int .Values.controller.replicaCount)) -}}
{{- end -}}
{{- $own := dict "HOLDFAST_LOG_LEVEL" "config.logLevel" "POD_NAME" "the pod" "POD_NAMESPACE" "the pod" -}}
{{- range $part, $values := dict "controller" .Values.controller "proxy" $proxy -}}
{{- $taken := merge (dict) (ternary (dict "_JAVA_OPTIONS" (printf "%s.jvmOptions" $part)) dict (not (empty $values.jvmOptions))) (ternary (dict "POD_ZONE" "proxy.zoneFromPodLabel") dict (dig "zoneFromPodLabel" false $values)) $own -}}
{{- range $values.extraEnv -}}
{{- if hasKey $taken .name -}}
{{- fail (printf "%s.extraEnv: %s (expected: another name); it is set already, by %s" $part .name (get $taken .name)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $proxy.hostPort.enabled $proxy.hostNetwork -}}
{{- fail "proxy.hostPort.enabled: true with proxy.hostNetwork (expected: one of both); on the node's network the ports are 8080 and 8443" -}}
{{- end -}}
{{- if and $proxy.service.enabled $proxy.service.loadBalancerSourceRanges (ne $proxy.service.type "LoadBalancer") -}}
{{- fail (printf "proxy.service.loadBalancerSourceRanges: set with proxy.service.type %s (expected: LoadBalancer, or none); no other type keeps anybody out" $proxy.service.type) -}}
{{- end -}}
{{- if and $proxy.serviceAccount.automountServiceAccountToken .Values.rbac.create -}}
{{- fail "proxy.serviceAccount.automountServiceAccountToken: true (expected: false); the proxy has no rights to use it with, its own token is mounted apart" -}}
{{- end -}}
{{- if and .Values.config.publish.service .Values.config.publish.addresses -}}
{{- fail "config.publish.addresses: set with config.publish.service (expected: one of both)" -}}
{{- end -}}
{{- $published := .Values.config.publish.service -}}
{{- if and $published .Values.watchNamespaces .Values.config.writeStatus -}}
{{- $of := splitList "/" $published | first -}}
{{- if not (or (eq $of (include "holdfast.namespace" .)) (has $of .Values.watchNamespaces)) -}}
{{- fail (printf "config.publish.service: %s (expected: a Service of the release's namespace or of one in watchNamespaces); the operator may read no other" $published) -}}
{{- end -}}
{{- end -}}
{{- range $part, $account := dict "controller" .Values.controller.serviceAccount "proxy" $proxy.serviceAccount -}}
{{- if or (eq $account.name "default") (not (or $account.create $account.name)) -}}
{{- fail (printf "%s.serviceAccount.name: \"%s\" with create %t (expected: an account that nobody else has); `default` is every pod's of the namespace: name one, or let the chart create it" $part $account.name $account.create) -}}
{{- end -}}
{{- end -}}
{{- $same := and (eq (include "holdfast.operator.serviceAccount" .) (include "holdfast.proxy.serviceAccount" .)) -}}
{{- if $same -}}
{{- fail (printf "proxy.serviceAccount.name: %s (expected: another one than the operator's); the proxy has no rights at the API server" (include "holdfast.proxy.serviceAccount" .)) -}}
{{- end -}}
{{- if gt (len .Values.watchNamespaces) 32 -}}
{{- fail (printf "watchNamespaces: %d names (expected: at most 32, or none for all)" (len .Values.watchNamespaces)) -}}
{{- end -}}
{{- if and .Values.metrics.serviceMonitor.enabled (not .Values.metrics.service.enabled) -}}
{{- fail "metrics.serviceMonitor.enabled: true without metrics.service.enabled (expected: both, or metrics.podMonitor)" -}}
{{- end -}}
{{- if not .Values.metrics.disableAPICheck -}}
{{- range $value, $kind := dict "serviceMonitor" "ServiceMonitor" "podMonitor" "PodMonitor" "prometheusRule" "PrometheusRule" -}}
{{- if and (index $.Values.metrics $value).enabled (not ($.Capabilities.APIVersions.Has (printf "monitoring.coreos.com/v1/%s" $kind))) (not ($.Capabilities.APIVersions.Has "monitoring.coreos.com/v1")) -}}
{{- fail (printf "metrics.%s.enabled: true, but the cluster does not know %s of monitoring.coreos.com/v1 (expected: the Prometheus operator's definitions installed first, or metrics.disableAPICheck)" $value $kind) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
