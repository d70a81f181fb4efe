{{/* Where the common knowledge store is; empty: nowhere. */}}
{{- define "swarm.synapseAddress" -}}
{{- $synapse := .Values.synapse -}}
{{- if $synapse.bundled.enabled -}}
{{- if $synapse.address }}{{ fail "synapse.address and synapse.bundled.enabled exclude each other: name your own Synapse, or let the chart run one" }}{{ end -}}
{{- printf "%s.%s.svc:%d" (include "swarm.componentName" (dict "root" . "component" "synapse")) .Release.Namespace (int $synapse.bundled.port) -}}
{{- else -}}
{{- $synapse.address -}}
{{- end -}}
{{- end -}}

{{/* The Secret with its token; empty: it asks for none. */}}
{{- define "swarm.synapseTokenSecret" -}}
{{- if .Values.synapse.tokenSecret -}}
{{- .Values.synapse.tokenSecret -}}
{{- else if .Values.synapse.bundled.enabled -}}
{{- include "swarm.componentName" (dict "root" . "component" "synapse") -}}
{{- end -}}
{{- end -}}
