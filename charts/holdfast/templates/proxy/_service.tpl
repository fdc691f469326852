{{- /* A Service that traffic comes by. Input: (dict "root" $ "component" "proxy" "name" … "service" its values). */ -}}
{{- define "holdfast.proxy.service" -}}
{{- $service := .service -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}
  namespace: {{ include "holdfast.namespace" .root }}
  labels:
    {{- toYaml (merge (include "holdfast.labels" . | fromYaml) $service.labels) | nindent 4 }}
  {{- with $service.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ $service.type }}
  {{- if ne $service.type "ClusterIP" }}
  externalTrafficPolicy: {{ $service.externalTrafficPolicy }}
  {{- end }}
  {{- if eq $service.type "LoadBalancer" }}
  {{- with $service.loadBalancerClass }}
  loadBalancerClass: {{ . }}
  {{- end }}
  {{- with $service.loadBalancerSourceRanges }}
  loadBalancerSourceRanges:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- with $service.trafficDistribution }}
  trafficDistribution: {{ . }}
  {{- end }}
  {{- with $service.ipFamilyPolicy }}
  ipFamilyPolicy: {{ . }}
  {{- end }}
  {{- with $service.ipFamilies }}
  ipFamilies:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  selector:
    {{- include "holdfast.selector" . | nindent 4 }}
  ports:
    {{- range $port := list "http" "https" }}
    - name: {{ $port }}
      port: {{ index $service.ports $port }}
      targetPort: {{ $port }}
      {{- /* Azure takes it for the protocol of a probe, except with Local, where the probe has a port of its own. */ -}}
      {{- if and $service.appProtocol (eq $service.externalTrafficPolicy "Local") }}
      appProtocol: {{ $port }}
      {{- end }}
      {{- $node := dig "nodePorts" $port nil $service }}
      {{- if and $node (ne $service.type "ClusterIP") }}
      nodePort: {{ $node }}
      {{- end }}
    {{- end }}
{{- end -}}
