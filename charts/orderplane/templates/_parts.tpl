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
