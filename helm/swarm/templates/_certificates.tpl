{{/* What the chart makes for tls.mode chart. Each is looked up first, so that an upgrade keeps it. */}}

{{- define "swarm.existing" -}}
{{- $found := lookup "v1" "Secret" .root.Release.Namespace .name -}}
{{- if $found }}{{ $found.data | toYaml }}{{ end -}}
{{- end -}}

{{/* The CA as {cert, key}, PEM; made once per rendering. */}}
{{- define "swarm.ca" -}}
{{- $name := printf "%s-ca" (include "swarm.fullname" .) -}}
{{- $kept := include "swarm.existing" (dict "root" . "name" $name) | fromYaml -}}
{{- if not .Values.tls.madeCa -}}
{{- $made := dict -}}
{{- if index $kept "tls.crt" -}}
{{- $_ := set $made "cert" (index $kept "tls.crt" | b64dec) -}}
{{- $_ := set $made "key" (index $kept "tls.key" | b64dec) -}}
{{- else -}}
{{- $ca := genCAWithKey (printf "%s CA" (include "swarm.fullname" .)) 3650 (genPrivateKey "ecdsa") -}}
{{- $_ := set $made "cert" $ca.Cert -}}
{{- $_ := set $made "key" $ca.Key -}}
{{- end -}}
{{- $_ := set .Values.tls "madeCa" $made -}}
{{- end -}}
{{- toYaml .Values.tls.madeCa -}}
{{- end -}}

{{- define "swarm.dnsNames" -}}
{{- $name := include "swarm.componentName" . -}}
{{- $namespace := .root.Release.Namespace -}}
{{- concat (list $name (printf "%s.%s" $name $namespace) (printf "%s.%s.svc" $name $namespace)
  (printf "%s.%s.svc.cluster.local" $name $namespace) "localhost") .root.Values.tls.extraNames | toYaml -}}
{{- end -}}

{{/* One kubernetes.io/tls Secret. A leaf is kept while its names are the wanted ones and it has 60 days left. */}}
{{- define "swarm.leaf" -}}
{{- $secret := printf "%s-tls" (include "swarm.componentName" .) -}}
{{- $names := include "swarm.dnsNames" . | fromYamlArray -}}
{{- $wanted := $names | join "," | sha256sum | trunc 32 -}}
{{- $found := lookup "v1" "Secret" .root.Release.Namespace $secret -}}
{{- $ca := include "swarm.ca" .root | fromYaml -}}
{{- $data := dict -}}
{{- $expires := now | unixEpoch | int64 | add 31536000 -}}
{{- if $found -}}
{{- $notes := $found.metadata.annotations | default dict -}}
{{- $left := sub (index $notes "swarm.dev/expires" | default "0" | int64) (now | unixEpoch | int64) -}}
{{- if and (gt (int64 $left) 5184000) (eq (index $notes "swarm.dev/names" | default "") $wanted) (eq (index $found.data "ca.crt") ($ca.cert | b64enc)) -}}
{{- $data = $found.data -}}
{{- $expires = index $notes "swarm.dev/expires" -}}
{{- end -}}
{{- end -}}
{{- if not $data -}}
{{- $leaf := genSignedCertWithKey (include "swarm.componentName" .) (list "127.0.0.1" "::1") $names 365 (buildCustomCert ($ca.cert | b64enc) ($ca.key | b64enc)) (genPrivateKey "ecdsa") -}}
{{- $data = dict "tls.crt" ($leaf.Cert | b64enc) "tls.key" ($leaf.Key | b64enc) "ca.crt" ($ca.cert | b64enc) -}}
{{- end -}}
apiVersion: v1
kind: Secret
type: kubernetes.io/tls
metadata:
  {{- include "swarm.metadata" (merge (dict "name" $secret "annotations" (dict
    "helm.sh/resource-policy" "keep" "swarm.dev/names" $wanted "swarm.dev/expires" (toString $expires))) .) | nindent 2 }}
data:
  {{- toYaml $data | nindent 2 }}
{{- end -}}

{{/* A P-256 key as JSON Web Key Set. Its DER form (SEC 1) has fixed places for the two coordinates. */}}
{{- define "swarm.jwks" -}}
{{- $der := .pem | replace "-----BEGIN EC PRIVATE KEY-----" "" | replace "-----END EC PRIVATE KEY-----" "" | replace "\n" "" | b64dec -}}
{{- $x := $der | substr 57 89 | b64enc | replace "+" "-" | replace "/" "_" | trimSuffix "=" -}}
{{- $y := $der | substr 89 121 | b64enc | replace "+" "-" | replace "/" "_" | trimSuffix "=" -}}
{{- dict "keys" (list (dict "kty" "EC" "crv" "P-256" "alg" "ES256" "use" "sig" "kid" .id "x" $x "y" $y)) | toJson -}}
{{- end -}}
