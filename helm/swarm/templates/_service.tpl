{{/* Everything that one service needs, except network policies. Called with root and component. */}}
{{- define "swarm.service" -}}
{{- $values := get .root.Values .component -}}
{{- $ports := get (include "swarm.ports" .root | fromYaml) .component -}}
{{- $name := include "swarm.componentName" . -}}
{{- $binary := include "swarm.binary" .component -}}
{{- $config := include "swarm.config" . -}}
{{- $synapseToken := ternary (include "swarm.synapseTokenSecret" .root) "" (ne (include "swarm.synapseAddress" .root) "") -}}
{{- if .root.Values.serviceAccount.create -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "swarm.metadata" (merge (dict "annotations" .root.Values.serviceAccount.annotations) .) | nindent 2 }}
automountServiceAccountToken: false
---
{{ end -}}
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "swarm.metadata" . | nindent 2 }}
data:
  {{ $binary }}.yaml: |
    {{- $config | nindent 4 }}
  {{- range $upstream, $ca := $values.upstreamCas }}
  {{- with $ca.pem }}
  {{ $upstream }}.crt: |
    {{- . | trim | nindent 4 }}
  {{- end }}
  {{- end }}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "swarm.metadata" (merge (dict "annotations" $values.service.annotations) .) | nindent 2 }}
spec:
  type: {{ $values.service.type }}
  selector:
    {{- include "swarm.selectorLabels" . | nindent 4 }}
  ports:
    {{- range $port, $number := $ports }}
    {{- if ne $port "admin" }}
    - {name: {{ $port }}, port: {{ $number }}, targetPort: {{ $port }}, protocol: TCP}
    {{- end }}
    {{- end }}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "swarm.metadata" (merge (dict "name" (printf "%s-headless" $name)) .) | nindent 2 }}
spec:
  clusterIP: None
  # A pod that is not ready is still scraped.
  publishNotReadyAddresses: true
  selector:
    {{- include "swarm.selectorLabels" . | nindent 4 }}
  ports:
    {{- range $port, $number := $ports }}
    - {name: {{ $port }}, port: {{ $number }}, targetPort: {{ $port }}, protocol: TCP}
    {{- end }}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  {{- include "swarm.metadata" . | nindent 2 }}
spec:
  serviceName: {{ $name }}-headless
  replicas: {{ $values.replicas }}
  selector:
    matchLabels:
      {{- include "swarm.selectorLabels" . | nindent 6 }}
  {{- if and $values.persistence.enabled (not $values.persistence.existingClaim) }}
  volumeClaimTemplates:
    {{- include "swarm.claim" (merge (dict "persistence" $values.persistence) .) | nindent 4 }}
  # The data outlive the release: `helm uninstall` leaves the claims.
  persistentVolumeClaimRetentionPolicy: {whenDeleted: Retain, whenScaled: Retain}
  {{- end }}
  template:
    metadata:
      labels:
        {{- include "swarm.labels" . | nindent 8 }}
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        checksum/config: {{ $config | sha256sum }}
        {{- with $values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      {{- include "swarm.podCommon" (merge (dict "values" $values) .) | nindent 6 }}
      securityContext:
        {{- include "swarm.podSecurity" . | nindent 8 }}
      # Longer than preStop and drain together, so that the kernel never cuts a drain short.
      terminationGracePeriodSeconds: {{ add $values.drainSeconds 15 }}
      containers:
        - name: {{ $binary }}
          image: {{ include "swarm.image" (dict "root" .root "image" $values.image) | quote }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          args: ["--config", "/etc/swarm/config/{{ $binary }}.yaml"]
          {{- with $values.extraEnv }}
          env:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          ports:
            {{- range $port, $number := $ports }}
            - {name: {{ $port }}, containerPort: {{ $number }}, protocol: TCP}
            {{- end }}
          # Recovery and the check after an unclean stop happen before the first answer.
          startupProbe:
            httpGet: {path: /livez, port: admin}
            periodSeconds: 2
            failureThreshold: 60
          livenessProbe:
            httpGet: {path: /livez, port: admin}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 3
          readinessProbe:
            httpGet: {path: /readyz, port: admin}
            periodSeconds: 5
            timeoutSeconds: 3
            failureThreshold: 2
          # Endpoints are withdrawn before the drain begins. The image has no shell: Kubernetes itself sleeps (1.30 or newer).
          lifecycle: {preStop: {sleep: {seconds: 5}}}
          securityContext:
            {{- include "swarm.containerSecurity" . | nindent 12 }}
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          volumeMounts:
            - {name: data, mountPath: /data}
            - {name: config, mountPath: /etc/swarm/config, readOnly: true}
            - {name: tls, mountPath: /etc/swarm/tls, readOnly: true}
            - {name: auth, mountPath: /etc/swarm/auth, readOnly: true}
            {{- if eq .component "gateway" }}
            - {name: keys, mountPath: /etc/swarm/keys, readOnly: true}
            - {name: client-keys, mountPath: /etc/swarm/client-keys, readOnly: true}
            {{- end }}
            {{- if include "swarm.taskTokenSecret" . }}
            - {name: task-tokens, mountPath: /etc/swarm/task-tokens, readOnly: true}
            {{- end }}
            {{- if $values.upstreamCas }}
            - {name: upstream-cas, mountPath: /etc/swarm/upstream-cas, readOnly: true}
            {{- end }}
            {{- if .root.Values.auth.jwksCaSecret }}
            - {name: jwks-ca, mountPath: /etc/swarm/jwks-ca, readOnly: true}
            {{- end }}
            {{- if $synapseToken }}
            - {name: synapse, mountPath: /etc/swarm/synapse, readOnly: true}
            {{- end }}
            {{- with .root.Values.traces.caSecret }}
            - {name: traces, mountPath: /etc/swarm/traces, readOnly: true}
            {{- end }}
            - {name: tmp, mountPath: /tmp}
            {{- with $values.extraVolumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
      volumes:
        - {name: config, configMap: {name: {{ $name }}}}
        - {name: tls, secret: {secretName: {{ include "swarm.tlsSecret" . }}, defaultMode: 0440}}
        - {name: auth, secret: {secretName: {{ include "swarm.authSecret" .root }}, defaultMode: 0440}}
        {{- if eq .component "gateway" }}
        - {name: keys, secret: {secretName: {{ include "swarm.keysSecret" .root }}, defaultMode: 0440, optional: true}}
        - {name: client-keys, secret: {secretName: {{ include "swarm.clientKeysSecret" .root }}, defaultMode: 0440, optional: true}}
        {{- end }}
        {{- with include "swarm.taskTokenSecret" . }}
        - {name: task-tokens, secret: {secretName: {{ . }}, items: [{key: key, path: key}], defaultMode: 0440}}
        {{- end }}
        {{- if $values.upstreamCas }}
        # Not by subPath, so that a CA that is changed arrives; the gateway takes it up.
        - name: upstream-cas
          projected:
            defaultMode: 0440
            sources:
              {{- range $upstream, $ca := $values.upstreamCas }}
              {{- $item := printf "[{key: %s, path: %s.crt}]" ($ca.key | default (ternary (printf "%s.crt" $upstream) "ca.crt" (hasKey $ca "pem"))) $upstream }}
              {{- if $ca.secret }}
              - secret: {name: {{ $ca.secret }}, items: {{ $item }}}
              {{- else }}
              - configMap: {name: {{ $ca.configMap | default $name }}, items: {{ $item }}}
              {{- end }}
              {{- end }}
        {{- end }}
        {{- with .root.Values.auth.jwksCaSecret }}
        - {name: jwks-ca, secret: {secretName: {{ . }}, items: [{key: ca.crt, path: ca.crt}], defaultMode: 0440}}
        {{- end }}
        {{- with $synapseToken }}
        - {name: synapse, secret: {secretName: {{ . }}, items: [{key: token, path: token}], defaultMode: 0440}}
        {{- end }}
        {{- with .root.Values.traces.caSecret }}
        - {name: traces, secret: {secretName: {{ . }}, items: [{key: ca.crt, path: ca.crt}], defaultMode: 0440}}
        {{- end }}
        - {name: tmp, emptyDir: {medium: Memory, sizeLimit: 64Mi}}
        {{- if not $values.persistence.enabled }}
        - {name: data, emptyDir: {}}
        {{- else if $values.persistence.existingClaim }}
        - {name: data, persistentVolumeClaim: {claimName: {{ $values.persistence.existingClaim }}}}
        {{- end }}
        {{- with $values.extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
{{- if $values.podDisruptionBudget.enabled }}
---
{{ include "swarm.disruptionBudget" . }}
{{- end }}
{{- end -}}
