{{/* Not empty for a component that works with the common knowledge store. */}}
{{- define "swarm.knows" -}}
{{- if has . (list "orchestrator" "analyst" "gateway") }}yes{{ end -}}
{{- end -}}

{{/* The configuration file of a service: what the chart knows, with the user's settings laid over it. */}}
{{- define "swarm.config" -}}
{{- $ports := get (include "swarm.ports" .root | fromYaml) .component -}}
{{- $values := get .root.Values .component -}}
{{- $config := dict
  "data_dir" "/data"
  "drain_time" (printf "%ds" (int $values.drainSeconds))
  "grpc" (dict "listen" (printf "0.0.0.0:%d" (int $ports.grpc)))
  "admin" (dict "listen" (printf "0.0.0.0:%d" (int $ports.admin)))
  "tls" (dict
    "cert_file" "/etc/swarm/tls/tls.crt"
    "key_file" "/etc/swarm/tls/tls.key"
    "ca_file" "/etc/swarm/tls/ca.crt"
    "require_client_cert" .root.Values.tls.requireClientCertificate)
  "auth" (dict
    "jwks_file" "/etc/swarm/auth/jwks.json"
    "signing_key_file" "/etc/swarm/auth/signing-key.pem"
    "issuer" .root.Values.auth.issuer
    "audience" .root.Values.auth.audience)
-}}
{{- if $ports.http }}{{ $_ := set $config "http" (dict "listen" (printf "0.0.0.0:%d" (int $ports.http))) }}{{ end -}}
{{- if and (eq .component "gateway") (not $values.config.keys) }}{{ $_ := set $config "keys" (dict "default" (dict "key_file" "/etc/swarm/client-keys/default" "bare_tasks" true)) }}{{ end -}}
{{- range $peer := get (dict "orchestrator" (list "analyst" "gateway") "analyst" (list "gateway" "orchestrator") "gateway" (list)) .component -}}
{{- $there := (get $.root.Values $peer).enabled -}}
{{- $_ := set $config $peer (dict "address" (ternary (include "swarm.address" (dict "root" $.root "component" $peer)) "" $there)) -}}
{{- end -}}
{{- if include "swarm.taskTokenSecret" . }}{{ $_ := set $config "tasks" (dict "token_key_file" "/etc/swarm/task-tokens/key") }}{{ end -}}
{{- $address := include "swarm.synapseAddress" .root -}}
{{- if and $address (include "swarm.knows" .component) -}}
{{- $synapse := dict "address" $address "namespace" .root.Values.synapse.namespace -}}
{{- if include "swarm.synapseTokenSecret" .root }}{{ $_ := set $synapse "token_file" "/etc/swarm/synapse/token" }}{{ end -}}
{{- $_ := set $config "knowledge" (dict "synapse" $synapse) -}}
{{- end -}}
{{- with .root.Values.auth.jwksUrl }}{{ $_ := set $config.auth "jwks_url" . }}{{ end -}}
{{- with .root.Values.auth.jwksIssuer }}{{ $_ := set $config.auth "jwks_issuer" . }}{{ end -}}
{{- if .root.Values.auth.jwksCaSecret }}{{ $_ := set $config.auth "jwks_ca_file" "/etc/swarm/jwks-ca/ca.crt" }}{{ end -}}
{{- range $upstream, $_ := $values.upstreamCas | default dict -}}
{{- $given := get ($values.config.upstreams | default dict) $upstream -}}
{{- if not $given }}{{ fail (printf "gateway.upstreamCas names %s, which is no upstream of gateway.config.upstreams" $upstream) }}{{ end -}}
{{- if $given.ca_file }}{{ fail (printf "gateway.upstreamCas.%s and gateway.config.upstreams.%s.ca_file exclude each other" $upstream $upstream) }}{{ end -}}
{{- $all := $config.upstreams | default dict -}}
{{- $_ := set $all $upstream (dict "ca_file" (printf "/etc/swarm/upstream-cas/%s.crt" $upstream)) -}}
{{- $_ := set $config "upstreams" $all -}}
{{- end -}}
{{- if .root.Values.traces.endpoint -}}
{{- $traces := dict "endpoint" .root.Values.traces.endpoint "share" .root.Values.traces.share -}}
{{- if .root.Values.traces.caSecret }}{{ $_ := set $traces "ca_file" "/etc/swarm/traces/ca.crt" }}{{ end -}}
{{- $_ := set $config "traces" $traces -}}
{{- end -}}
{{- mergeOverwrite $config (deepCopy $values.config) | toYaml -}}
{{- end -}}

{{/* The Trello bridge's file, TOML. JSON's texts, numbers and lists of texts are TOML's. */}}
{{- define "swarm.trelloConfig" -}}
{{- $trello := .Values.trello -}}
{{- $settings := merge (dict "board" (required "trello.board must name the board, by id or short link" $trello.board) "orchestrator" "127.0.0.1:50054" "health" "0.0.0.0:9157") (omit $trello.config "intake") -}}
{{- range $key, $value := $settings }}
{{ $key }} = {{ toJson $value }}
{{- end }}
{{- with $trello.config.intake }}

[intake]
{{- range $list, $state := . }}
{{ toJson $list }} = {{ toJson $state }}
{{- end }}
{{- end }}
{{- end -}}
