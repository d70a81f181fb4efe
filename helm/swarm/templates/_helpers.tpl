{{/* Names and labels. `component` is orchestrator, analyst, gateway or swarmctl. */}}

{{- define "swarm.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "swarm.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "swarm.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "swarm.componentName" -}}
{{- printf "%s-%s" (include "swarm.fullname" .root) .component -}}
{{- end -}}

{{- define "swarm.selectorLabels" -}}
app.kubernetes.io/name: {{ include "swarm.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "swarm.labels" -}}
{{ include "swarm.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: swarm
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "swarm.metadata" -}}
name: {{ .name | default (include "swarm.componentName" .) }}
namespace: {{ .namespace | default .root.Release.Namespace }}
labels:
  {{- include "swarm.labels" . | nindent 2 }}
{{- with merge (dict) (.annotations | default dict) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "swarm.image" -}}
{{- $image := .image -}}
{{- $name := $image.repository -}}
{{- with .root.Values.image.registry }}{{ $name = printf "%s/%s" (trimSuffix "/" .) $name }}{{ end -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $name $image.digest -}}
{{- else -}}
{{- $tag := $image.tag | default .root.Values.image.tag | default .root.Chart.AppVersion -}}
{{- if eq $tag "latest" }}{{ fail (printf "the tag latest of %s is refused, as it makes a rollback meaningless: name a version or a digest" $name) }}{{ end -}}
{{- printf "%s:%s" $name $tag -}}
{{- end -}}
{{- end -}}

{{/* The services: their ports, binaries and what they are called in a configuration. */}}
{{- define "swarm.ports" -}}
orchestrator: {grpc: 50054, admin: 9154}
analyst: {grpc: 50055, admin: 9155}
gateway: {grpc: 50056, http: 8080, admin: 9156}
{{- end -}}

{{- define "swarm.binary" -}}
{{- get (dict "orchestrator" "orchestrator-core" "analyst" "analyst-service" "gateway" "llm-gateway") . -}}
{{- end -}}

{{- define "swarm.address" -}}
{{- $ports := get (include "swarm.ports" .root | fromYaml) .component -}}
{{- printf "%s.%s.svc:%d" (include "swarm.componentName" .) .root.Release.Namespace (int $ports.grpc) -}}
{{- end -}}

{{- define "swarm.tlsSecret" -}}
{{- if eq .root.Values.tls.mode "existing" -}}
{{- required (printf "tls.mode is existing: tls.existing.%s must name a Secret with tls.crt, tls.key and ca.crt" .component) (get .root.Values.tls.existing .component) -}}
{{- else -}}
{{- printf "%s-tls" (include "swarm.componentName" .) -}}
{{- end -}}
{{- end -}}

{{- define "swarm.authSecret" -}}
{{- .Values.auth.existingSecret | default (printf "%s-auth" (include "swarm.fullname" .)) -}}
{{- end -}}

{{- define "swarm.keysSecret" -}}
{{- .Values.gateway.keys.existingSecret | default (printf "%s-gateway-keys" (include "swarm.fullname" .)) -}}
{{- end -}}

{{- define "swarm.clientKeysSecret" -}}
{{- .Values.gateway.clientKeys.existingSecret | default (printf "%s-gateway-client-keys" (include "swarm.fullname" .)) -}}
{{- end -}}

{{- define "swarm.serviceAccount" -}}
{{- if .root.Values.serviceAccount.create }}{{ include "swarm.componentName" . }}{{ else }}default{{ end -}}
{{- end -}}

{{/* What "restricted" pod security asks for. */}}
{{- define "swarm.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "swarm.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end -}}
