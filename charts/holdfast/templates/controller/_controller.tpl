{{- /* What the operator watches and writes: for all namespaces or in each. */ -}}
{{- define "holdfast.operator.watchRules" -}}
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [list, watch]
- apiGroups: [holdfast.dev]
  resources: [websocketroutes]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [services, secrets]
  verbs: [list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
{{- if .Values.config.writeStatus }}
- apiGroups: [networking.k8s.io]
  resources: [ingresses/status]
  verbs: [patch]
- apiGroups: [holdfast.dev]
  resources: [websocketroutes/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [events]
  verbs: [create, get, patch]
{{- end }}
{{- end -}}

{{- /* NAMESPACE/NAME of the Service whose addresses an Ingress shows; may be empty. */ -}}
{{- define "holdfast.operator.publishService" -}}
{{- if .Values.config.publish.service -}}
{{- .Values.config.publish.service -}}
{{- else if and (not .Values.config.publish.addresses) .Values.proxy.service.enabled (eq .Values.proxy.service.type "LoadBalancer") -}}
{{- printf "%s/%s" (include "holdfast.namespace" .) (include "holdfast.proxy.name" .) -}}
{{- end -}}
{{- end -}}
