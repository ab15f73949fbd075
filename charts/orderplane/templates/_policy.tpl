{{/*
The policy of a component, from files/: what reaches it, and the API server, which is the first rule there; then the
ports that its settings name. Root, component, values, file; ingress: more that reaches it; settings: instead of the
component's config; withoutToken: it does not talk to the API server.
*/}}
{{- define "orderplane.networkPolicy" -}}
{{- if .root.Values.networkPolicy.enabled }}
{{- range $object := (include "orderplane.read" . | fromYaml).items }}
{{- $spec := $object.spec }}
{{- with concat (default list $spec.ingress) (default list $.ingress) $.values.networkPolicy.extraIngress }}
{{- $_ := set $spec "ingress" . }}
{{- end }}
{{- $api := ternary list (list (first $spec.egress)) (default false $.withoutToken) }}
{{- $out := concat $api (include "orderplane.egress" $ | fromYaml).items $.values.networkPolicy.extraEgress }}
{{- $_ := unset $spec "egress" }}
{{- with $out }}{{ $_ := set $spec "egress" . }}{{ end }}
{{- include "orderplane.object" (dict "root" $.root "object" $object "component" $.component "annotations" $.root.Values.commonAnnotations) }}
{{- end }}
{{- end }}
{{- end }}

{{/* One rule with the ports that the settings name, or none, as a list under "items". */}}
{{- define "orderplane.egress" -}}
{{- $settings := default .values.config .settings }}
{{- $known := ternary (list "0") (list "0" "443" "6443") (default false .withoutToken) }}
{{- $secret := list }}
{{- range .values.secretEnv }}{{ $secret = append $secret .name }}{{ end }}
{{- $ports := list }}
{{- range $name, $value := $settings }}
{{- if hasPrefix "DB_URL" $name }}{{ $ports = concat $ports (include "orderplane.portsOf" (dict "text" $value "usual" "5432") | fromYaml).items }}
{{- else if eq $name "KAFKA_BOOTSTRAP" }}{{ $ports = concat $ports (include "orderplane.portsOf" (dict "text" $value "usual" "9092") | fromYaml).items }}
{{- else if eq $name "REDIS_ADDR" }}{{ $ports = concat $ports (include "orderplane.portsOf" (dict "text" $value "usual" "6379") | fromYaml).items }}
{{- else if hasSuffix "_URL" $name }}{{ $ports = concat $ports (include "orderplane.portsOf" (dict "text" $value "usual" (ternary "80" "443" (hasPrefix "http:" $value))) | fromYaml).items }}
{{- end }}
{{- end }}
{{- $redis := or (has "REDIS_HOST" $secret) (and $settings.REDIS_HOST (ne $settings.REDIS_HOST "none")) }}
{{- if and $redis (not $settings.REDIS_ADDR) }}{{ $ports = append $ports (toString (default 6379 $settings.REDIS_PORT)) }}{{ end }}
{{- if or $settings.SMTP_HOST (has "SMTP_HOST" $secret) }}
{{- $byTLS := get (dict "tls" "465" "none" "25") (default "starttls" $settings.SMTP_TLS) }}
{{- $set := toString (default "0" $settings.SMTP_PORT) }}
{{- $ports = append $ports (ternary (default "587" $byTLS) $set (eq $set "0")) }}
{{- end }}
{{- if and (or $settings.TWILIO_ACCOUNT_SID (has "TWILIO_ACCOUNT_SID" $secret)) (not $settings.TWILIO_URL) }}{{ $ports = append $ports "443" }}{{ end }}
{{- with (default dict .values.jwt).jwksURL }}{{ $ports = concat $ports (include "orderplane.portsOf" (dict "text" . "usual" "443") | fromYaml).items }}{{ end }}
{{- /* What is in a secret is not read: the usual port, and extraEgress for another. */}}
{{- range $secret }}
{{- if hasPrefix "DB_URL" . }}{{ $ports = append $ports "5432" }}
{{- else if eq . "KAFKA_BOOTSTRAP" }}{{ $ports = append $ports "9092" }}
{{- else if eq . "REDIS_ADDR" }}{{ $ports = append $ports "6379" }}
{{- else if has . (list "PUSH_URL" "TWILIO_URL") }}{{ $ports = append $ports "443" }}
{{- end }}
{{- end }}
{{- $new := list }}
{{- range $ports | uniq | sortAlpha }}
{{- if not (has . $known) }}{{ $new = append $new (dict "protocol" "TCP" "port" (int .)) }}{{ end }}
{{- end }}
{{- if $new }}{{ toYaml (dict "items" (list (dict "ports" $new))) }}{{ else }}{{ toYaml (dict "items" list) }}{{ end }}
{{- end }}

{{/* The ports of the addresses in a text or a URL, as a list under "items": text, and usual for an address without one. */}}
{{- define "orderplane.portsOf" -}}
{{- $items := list }}
{{- $addresses := regexReplaceAll "^.*@" (regexReplaceAll "[/?].*$" (regexReplaceAll "^(?:[a-z]+:)*//" (toString .text) "") "") "" }}
{{- range compact (splitList "," $addresses) }}
{{- $items = append $items (default $.usual (regexFind ":[0-9]+$" . | trimPrefix ":")) }}
{{- end }}
{{- toYaml (dict "items" $items) }}
{{- end }}
