{{/* The config map of a component: root, component, values, and first: settings that other values say. */}}
{{- define "orderplane.configMap" -}}
{{- $data := dict }}
{{- range $name, $value := merge (dict) .values.config (default dict .first) }}
{{- $_ := set $data $name (toString $value) }}
{{- end }}
{{- with $data }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "orderplane.metadata" (dict "root" $.root "component" $.component "name" (printf "orderplane-%s" $.component)) | nindent 2 }}
data:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Account, service, disruption budget: root, component, values, ports; accountOf is the account's component label. */}}
{{- define "orderplane.parts" -}}
{{- $v := .values }}
{{- $name := printf "orderplane-%s" .component }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "orderplane.metadata" (dict "root" .root "component" (default .component .accountOf) "name" $name "annotations" $v.serviceAccount.annotations) | nindent 2 }}
{{- if .withoutToken }}
automountServiceAccountToken: false
{{- end }}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "orderplane.metadata" (dict "root" .root "component" .component "name" $name "annotations" $v.service.annotations) | nindent 2 }}
spec:
  selector:
    {{- include "orderplane.selector" . | nindent 4 }}
  ports:
    {{- range .ports }}
    - name: {{ .name }}
      port: {{ .containerPort }}
      targetPort: {{ .name }}
    {{- end }}
{{- if $v.podDisruptionBudget.enabled }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "orderplane.metadata" (dict "root" .root "component" .component "name" $name) | nindent 2 }}
spec:
  maxUnavailable: {{ $v.podDisruptionBudget.maxUnavailable }}
  # A pod that is not ready serves nobody: a node is drained of it at once.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "orderplane.selector" . | nindent 6 }}
{{- end }}
{{- end }}

{{/* The policy of a component, from files/, with the rules that the values add: root, component, values, file, and ingress. */}}
{{- define "orderplane.networkPolicy" -}}
{{- if .root.Values.networkPolicy.enabled }}
{{- range $object := (include "orderplane.read" . | fromYaml).items }}
{{- $spec := $object.spec }}
{{- with concat (default list $spec.ingress) (default list $.ingress) $.values.networkPolicy.extraIngress }}
{{- $_ := set $spec "ingress" . }}
{{- end }}
{{- with concat (default list $spec.egress) (include "orderplane.configuredEgress" (dict "egress" $spec.egress "values" $.values) | fromYaml).items $.values.networkPolicy.extraEgress }}
{{- $_ := set $spec "egress" . }}
{{- if not (has "Egress" $spec.policyTypes) }}{{ $_ := set $spec "policyTypes" (append $spec.policyTypes "Egress") }}{{ end }}
{{- end }}
{{- include "orderplane.object" (dict "root" $.root "object" $object "component" $.component "annotations" $.root.Values.commonAnnotations) }}
{{- end }}
{{- end }}
{{- end }}

{{/*
Rules to the ports that the settings name and that the policies do not let out yet: egress, values. The
policy orderplane-default lets every pod out to 443 and 6443.
*/}}
{{- define "orderplane.configuredEgress" -}}
{{- $known := list "443" "6443" }}
{{- range .egress }}{{ range .ports }}{{ $known = append $known (toString .port) }}{{ end }}{{ end }}
{{- $urls := list (default dict .values.jwt).jwksURL }}
{{- $ports := list }}
{{- range $name, $value := .values.config }}
{{- if has $name (list "KAFKA_BOOTSTRAP" "REDIS_ADDR") }}{{ $urls = append $urls (toString $value) }}
{{- else if has $name (list "REDIS_PORT" "SMTP_PORT") }}{{ $ports = append $ports (toString $value) }}
{{- else if or (hasPrefix "DB_URL" $name) (hasSuffix "_URL" $name) }}{{ $urls = append $urls (toString $value) }}
{{- end }}
{{- end }}
{{- range compact $urls }}
{{- /* What stands between // and the path: addresses, each with a port or without. */}}
{{- range regexFindAll ":[0-9]+(,|$)" (regexReplaceAll "^([a-z]+:)*//([^/?]*).*$" . "${2}") -1 }}
{{- $ports = append $ports (. | trimPrefix ":" | trimSuffix ",") }}
{{- end }}
{{- end }}
{{- $new := list }}
{{- range $ports | uniq | sortAlpha }}
{{- if not (has . $known) }}{{ $new = append $new (dict "protocol" "TCP" "port" (int .)) }}{{ end }}
{{- end }}
{{- if $new }}{{ toYaml (dict "items" (list (dict "ports" $new))) }}{{ else }}{{ toYaml (dict "items" list) }}{{ end }}
{{- end }}
