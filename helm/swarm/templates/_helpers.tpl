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

{{/* Empty where task tokens are off or the settings bring a key of their own. Called with root and component. */}}
{{- define "swarm.taskTokenSecret" -}}
{{- $tokens := .root.Values.auth.taskTokens -}}
{{- $own := (get .root.Values .component).config.tasks | default dict -}}
{{- if and $tokens.enabled (has .component (list "orchestrator" "gateway")) (not (or $own.token_key_file $own.token_key_env)) -}}
{{- $tokens.existingSecret | default (printf "%s-task-tokens" (include "swarm.fullname" .root)) -}}
{{- end -}}
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

{{/* What every long-running pod has besides its containers and volumes; `values` is its part of the values. */}}
{{- define "swarm.podCommon" -}}
serviceAccountName: {{ include "swarm.serviceAccount" . }}
automountServiceAccountToken: false
# Kubernetes would otherwise set SWARM_… variables named after the Services, and the services read SWARM_… as settings.
enableServiceLinks: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
# The pods would rather not share a node.
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {app.kubernetes.io/instance: {{ .root.Release.Name }}, app.kubernetes.io/part-of: swarm}
{{- end -}}

{{/* The template of a pod's volume claim, as a list. */}}
{{- define "swarm.claim" -}}
- apiVersion: v1
  kind: PersistentVolumeClaim
  metadata:
    name: data
    labels:
      {{- include "swarm.selectorLabels" . | nindent 6 }}
  spec:
    accessModes:
      {{- toYaml .persistence.accessModes | nindent 6 }}
    {{- with .persistence.storageClass }}
    storageClassName: {{ . | quote }}
    {{- end }}
    resources: {requests: {storage: {{ .persistence.size | quote }}}}
{{- end -}}

{{- define "swarm.disruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "swarm.metadata" . | nindent 2 }}
spec:
  # One replica: a node can still be drained, one service at a time.
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "swarm.selectorLabels" . | nindent 6 }}
{{- end -}}

{{/* How a container of swarmctl proves who it is, as environment. */}}
{{- define "swarm.ctlCredentials" -}}
- {name: SWARM_CTL_CA_FILE, value: /etc/swarm/tls/ca.crt}
- {name: SWARM_CTL_CERT_FILE, value: /etc/swarm/tls/tls.crt}
- {name: SWARM_CTL_KEY_FILE, value: /etc/swarm/tls/tls.key}
- {name: SWARM_CTL_SIGNING_KEY_FILE, value: /etc/swarm/auth/signing-key.pem}
{{- end -}}
