{{/* With a mirror manager and gateway keep what happens in the mirrored namespace until it is told: one setting for all three. */}}
{{- define "orderplane.mirrored" -}}
{{- $items := list }}
{{- if .Values.mirror.enabled }}
{{- $items = append $items (include "orderplane.ofMirror" (dict "name" "MIRRORED_NAMESPACES" "key" "ORDERS_NAMESPACE") | fromYaml) }}
{{- end }}
{{- toYaml (dict "items" $items) }}
{{- end }}

{{/* A variable from the mirror's config map: name, key. */}}
{{- define "orderplane.ofMirror" -}}
name: {{ .name }}
valueFrom:
  configMapKeyRef:
    name: orderplane-mirror
    key: {{ .key }}
{{- end }}
