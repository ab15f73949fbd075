{{/*
Names are fixed: the custom resources and the webhooks belong to the whole cluster, so there is one
installation in it.
*/}}

{{/* The labels of an object: root, component. */}}
{{- define "orderplane.labels" -}}
{{- $labels := dict
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name (replace "+" "_" .root.Chart.Version))
  "app.kubernetes.io/name" "orderplane"
  "app.kubernetes.io/instance" .root.Release.Name
  "app.kubernetes.io/version" .root.Chart.AppVersion
  "app.kubernetes.io/component" .component
  "app.kubernetes.io/part-of" "orderplane"
  "app.kubernetes.io/managed-by" .root.Release.Service }}
{{- toYaml (merge $labels .root.Values.commonLabels) }}
{{- end }}

{{/* What the pods of a component are found by: component. */}}
{{- define "orderplane.selector" -}}
app.kubernetes.io/name: orderplane
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* The metadata of an object of a component: root, component, name, and annotations if it has any. */}}
{{- define "orderplane.metadata" -}}
name: {{ .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "orderplane.labels" . | nindent 2 }}
{{- with merge (dict) (default dict .annotations) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The image by registry, repository, and digest or tag. */}}
{{- define "orderplane.image" -}}
{{- $image := .Values.image }}
{{- $registry := default $image.registry (default dict .Values.global).imageRegistry }}
{{- with $registry }}{{ trimSuffix "/" . }}/{{ end }}{{ $image.repository }}
{{- with $image.digest }}@{{ . }}{{ else }}:{{ default .Chart.AppVersion $image.tag }}{{ end }}
{{- end }}

{{/* The secrets that the image is pulled with, as a list under "items". */}}
{{- define "orderplane.pullSecrets" -}}
{{- $items := list }}
{{- range concat (default list (default dict .Values.global).imagePullSecrets) .Values.imagePullSecrets }}
{{- $items = append $items (ternary (dict "name" .) . (kindIs "string" .)) }}
{{- end }}
{{- toYaml (dict "items" (uniq $items)) }}
{{- end }}

{{/*
An object of config/, which this chart has copies of under files/, with the labels of the release:
root, object, component, and annotations.
*/}}
{{- define "orderplane.object" -}}
{{- $metadata := .object.metadata }}
{{- $component := default .component (get (default dict $metadata.labels) "app.kubernetes.io/component") }}
{{- $labels := include "orderplane.labels" (dict "root" .root "component" $component) | fromYaml }}
{{- $_ := set $metadata "labels" (merge $labels (default dict $metadata.labels)) }}
{{- with merge (dict) (default dict .annotations) (default dict $metadata.annotations) }}
{{- $_ := set $metadata "annotations" . }}
{{- end }}
---
{{ toYaml .object }}
{{ end }}

{{/* The objects of a file under files/, as a list under "items", in the namespace of the release: root, file. */}}
{{- define "orderplane.read" -}}
{{- $text := .root.Files.Get .file }}
{{- if not $text }}{{ fail (printf "the chart lacks %s" .file) }}{{ end }}
{{- $items := list }}
{{- range splitList "\n---\n" (printf "\n%s" (replace "ops-system" .root.Release.Namespace $text)) }}
{{- $object := fromYaml . }}
{{- if $object.Error }}{{ fail (printf "%s: %s" $.file $object.Error) }}{{ end }}
{{- if $object.kind }}{{ $items = append $items $object }}{{ end }}
{{- end }}
{{- toYaml (dict "items" $items) }}
{{- end }}

{{/* All objects of a file: root, file, component. */}}
{{- define "orderplane.file" -}}
{{- range (include "orderplane.read" . | fromYaml).items }}
{{- include "orderplane.object" (dict "root" $.root "object" . "component" $.component "annotations" $.root.Values.commonAnnotations) }}
{{- end }}
{{- end }}
