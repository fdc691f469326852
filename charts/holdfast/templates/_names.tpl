{{- /* Names, labels and images. The component is "operator" or "proxy". */ -}}

{{- /* A Service's name has at most 63 characters, 17 of them "-operator-metrics", and no dots, which a release may have. */ -}}
{{- define "holdfast.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 46 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | replace "." "-" | trunc 46 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "holdfast.operator.name" -}}{{ include "holdfast.fullname" . }}-operator{{- end -}}
{{- define "holdfast.proxy.name" -}}{{ include "holdfast.fullname" . }}-proxy{{- end -}}
{{- define "holdfast.ca.name" -}}{{ include "holdfast.fullname" . }}-stream-ca{{- end -}}
{{- define "holdfast.namespace" -}}{{ default .Release.Namespace .Values.namespaceOverride }}{{- end -}}

{{- define "holdfast.operator.serviceAccount" -}}
{{- $account := .Values.controller.serviceAccount -}}
{{- if $account.create }}{{ default (include "holdfast.operator.name" .) $account.name }}{{ else }}{{ $account.name }}{{ end -}}
{{- end -}}

{{- define "holdfast.proxy.serviceAccount" -}}
{{- $account := .Values.proxy.serviceAccount -}}
{{- if $account.create }}{{ default (include "holdfast.proxy.name" .) $account.name }}{{ else }}{{ $account.name }}{{ end -}}
{{- end -}}

{{- /* Input: (dict "root" $ "component" "proxy"); "" for what belongs to both. */ -}}
{{- define "holdfast.selector" -}}
app.kubernetes.io/name: holdfast-{{ .component }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end -}}

{{- define "holdfast.labels" -}}
{{- $own := dict
    "app.kubernetes.io/instance" .root.Release.Name
    "app.kubernetes.io/part-of" "holdfast"
    "app.kubernetes.io/version" .root.Chart.AppVersion
    "app.kubernetes.io/managed-by" .root.Release.Service
    "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version) -}}
{{- $_ := set $own "app.kubernetes.io/name" (ternary (printf "holdfast-%s" .component) "holdfast" (ne .component "")) -}}
{{- toYaml (merge $own (default dict .root.Values.commonLabels)) -}}
{{- end -}}

{{- /* Labels of pods: nothing in them changes with the version of the chart, for that would replace every pod. */ -}}
{{- define "holdfast.podLabels" -}}
{{- $own := include "holdfast.selector" . | fromYaml -}}
{{- $_ := set $own "app.kubernetes.io/part-of" "holdfast" -}}
{{- toYaml (merge $own .values.podLabels (default dict .root.Values.commonLabels)) -}}
{{- end -}}

{{- /* Input: (dict "root" $ "image" .Values.proxy.image). */ -}}
{{- define "holdfast.image" -}}
{{- $registry := default (dig "imageRegistry" "" (default dict .root.Values.global)) .image.registry -}}
{{- $suffix := ternary (printf "@%s" .image.digest) (printf ":%s" (default .root.Chart.AppVersion .image.tag)) (ne .image.digest "") -}}
{{- printf "%s%s%s" (ternary (printf "%s/" $registry) "" (ne $registry "")) .image.repository $suffix -}}
{{- end -}}

{{- /* The https port as clients know it. In front of a NodePort is mostly something that listens on 443. */ -}}
{{- define "holdfast.proxy.redirectPort" -}}
{{- $proxy := .Values.proxy -}}
{{- if not (kindIs "invalid" .Values.config.httpsRedirectPort) -}}
{{- .Values.config.httpsRedirectPort -}}
{{- else if $proxy.hostNetwork -}}
8443
{{- else if $proxy.hostPort.enabled -}}
{{- $proxy.hostPort.https -}}
{{- else if and $proxy.service.enabled (ne $proxy.service.type "NodePort") -}}
{{- $proxy.service.ports.https -}}
{{- else -}}
443
{{- end -}}
{{- end -}}

{{- /* What both pods share. Input: (dict "root" $ "component" "proxy" "values" .Values.proxy). */ -}}
{{- define "holdfast.podSettings" -}}
{{- $values := .values -}}
{{- $secrets := concat (default list .root.Values.imagePullSecrets) (dig "imagePullSecrets" list (default dict .root.Values.global)) -}}
automountServiceAccountToken: {{ $values.serviceAccount.automountServiceAccountToken }}
enableServiceLinks: false
terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
securityContext:
  {{- toYaml $values.podSecurityContext | nindent 2 }}
{{- with $secrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if not (kindIs "invalid" $values.hostUsers) }}
hostUsers: {{ $values.hostUsers }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if and $values.topologySpreadConstraints (ne (dig "kind" "Deployment" $values) "DaemonSet") }}
topologySpreadConstraints:
  {{- $own := dict "labelSelector" (dict "matchLabels" (include "holdfast.selector" . | fromYaml)) }}
  {{- range $values.topologySpreadConstraints }}
  {{- /* A selector is taken whole or not at all: to merge two would mix them. */}}
  - {{ toJson (merge (dict) . (ternary dict (deepCopy $own) (hasKey . "labelSelector"))) }}
  {{- end }}
{{- end }}
{{- end -}}

{{- /* Environment of both containers. Input as above. */ -}}
{{- define "holdfast.env" -}}
- name: HOLDFAST_LOG_LEVEL
  value: {{ .root.Values.config.logLevel }}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
{{- with .values.jvmOptions }}
- name: _JAVA_OPTIONS
  value: {{ join " " . | quote }}
{{- end }}
{{- with .values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* Probes of the admin port. Input: the component's values. */ -}}
{{- define "holdfast.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: admin}
  {{- with .startupProbe }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
readinessProbe:
  httpGet: {path: /readyz, port: admin}
  {{- with .readinessProbe }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
livenessProbe:
  httpGet: {path: /healthz, port: admin}
  {{- with .livenessProbe }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- /* Input: (dict "root" $ "component" … "budget" …). */ -}}
{{- define "holdfast.budget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include (printf "holdfast.%s.name" .component) .root }}
  namespace: {{ include "holdfast.namespace" .root }}
  labels:
    {{- include "holdfast.labels" . | nindent 4 }}
spec:
  {{- if not (kindIs "invalid" .budget.minAvailable) }}
  minAvailable: {{ .budget.minAvailable }}
  {{- else }}
  maxUnavailable: {{ .budget.maxUnavailable }}
  {{- end }}
  unhealthyPodEvictionPolicy: {{ .budget.unhealthyPodEvictionPolicy }}
  selector:
    matchLabels:
      {{- include "holdfast.selector" . | nindent 6 }}
{{- end -}}
