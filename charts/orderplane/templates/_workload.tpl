{{/*
The deployment of a component: root, component, values (the component's), env, ports, health (the
port and the paths of startup, liveness and readiness), args, and volumes with mounts if it has any.
*/}}
{{- define "orderplane.deployment" -}}
{{- $v := .values }}
{{- $scaled := and $v.autoscaling $v.autoscaling.enabled }}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "orderplane.metadata" (dict "root" .root "component" .component "name" (printf "orderplane-%s" .component) "annotations" $v.annotations) | nindent 2 }}
spec:
  {{- if not (or $scaled (kindIs "invalid" $v.replicas)) }}
  replicas: {{ $v.replicas }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "orderplane.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- toYaml (merge (include "orderplane.labels" . | fromYaml) $v.podLabels) | nindent 8 }}
      {{- with merge (include "orderplane.checksum" . | fromYaml) $v.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- include "orderplane.pod" . | nindent 6 }}
{{- end }}

{{/* Pods are replaced when the settings change that they read at their start. */}}
{{- define "orderplane.checksum" -}}
{{- with .values.config -}}
checksum/config: {{ toJson . | sha256sum }}
{{- end }}
{{- end }}

{{- define "orderplane.pod" -}}
{{- $v := .values -}}
serviceAccountName: orderplane-{{ .component }}
{{- if .withoutToken }}
automountServiceAccountToken: false
{{- end }}
{{- with (include "orderplane.pullSecrets" .root | fromYaml).items }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
terminationGracePeriodSeconds: {{ $v.terminationGracePeriodSeconds }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- with $v.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $v.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $v.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $v.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  {{- with $v.topologySpreadConstraints }}
  {{- toYaml . | nindent 2 }}
  {{- else }}
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "orderplane.selector" . | nindent 8 }}
    # Of one revision, so that a replacement is spread, too.
    matchLabelKeys: [pod-template-hash]
  {{- end }}
containers:
  - {{- include "orderplane.container" . | nindent 4 }}
{{- with concat (default list .volumes) (include "orderplane.fileVolumes" $v | fromYaml).items $v.extraVolumes }}
volumes:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "orderplane.container" -}}
{{- $v := .values -}}
name: {{ .component }}
image: {{ include "orderplane.image" .root | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
args:
  {{- toYaml (concat .args $v.extraArgs) | nindent 2 }}
{{- with include "orderplane.envFrom" . }}
envFrom:
  {{- . | nindent 2 }}
{{- end }}
{{- with concat (default list .env) (include "orderplane.secretEnv" $v | fromYaml).items $v.extraEnv }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
ports:
  {{- toYaml .ports | nindent 2 }}
startupProbe:
  httpGet: {path: {{ .health.startup }}, port: {{ .health.port }}}
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: {path: {{ .health.liveness }}, port: {{ .health.port }}}
  periodSeconds: 10
readinessProbe:
  httpGet: {path: {{ .health.readiness }}, port: {{ .health.port }}}
  periodSeconds: 5
resources:
  {{- toYaml $v.resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- with concat (default list .mounts) (include "orderplane.fileMounts" $v | fromYaml).items $v.extraVolumeMounts }}
volumeMounts:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The config map of the component, its secret, and what the values add. */}}
{{- define "orderplane.envFrom" -}}
{{- $v := .values }}
{{- $items := list }}
{{- if or $v.config .alwaysConfig }}
{{- $items = append $items (dict "configMapRef" (dict "name" (printf "orderplane-%s" .component))) }}
{{- end }}
{{- with $v.existingSecret }}
{{- $items = append $items (dict "secretRef" (dict "name" . "optional" true)) }}
{{- end }}
{{- with concat $items $v.extraEnvFrom }}{{ toYaml . }}{{ end }}
{{- end }}

{{/* Variables from secrets: as values, and as the names of files. */}}
{{- define "orderplane.secretEnv" -}}
{{- $items := list }}
{{- range .secretEnv }}
{{- $items = append $items (dict "name" .name "valueFrom" (dict "secretKeyRef" (dict "name" .secret "key" .key))) }}
{{- end }}
{{- range .secretFiles }}
{{- $items = append $items (dict "name" .name "value" (printf "/etc/orderplane/%s/%s" (include "orderplane.fileVolume" .) .key)) }}
{{- end }}
{{- toYaml (dict "items" $items) }}
{{- end }}

{{/* The volume of a file: one a secret or config map. */}}
{{- define "orderplane.fileVolume" -}}
{{- if .secret }}{{ printf "secret-%s" .secret | trunc 63 | replace "." "-" | trimSuffix "-" }}{{ else }}{{ printf "config-%s" .configMap | trunc 63 | replace "." "-" | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "orderplane.fileVolumes" -}}
{{- $items := list }}
{{- range .secretFiles }}
{{- $volume := dict "name" (include "orderplane.fileVolume" .) }}
{{- if .secret }}{{ $_ := set $volume "secret" (dict "secretName" .secret) }}{{ else }}{{ $_ := set $volume "configMap" (dict "name" .configMap) }}{{ end }}
{{- $items = append $items $volume }}
{{- end }}
{{- toYaml (dict "items" (uniq $items)) }}
{{- end }}

{{- define "orderplane.fileMounts" -}}
{{- $items := list }}
{{- range .secretFiles }}
{{- $name := include "orderplane.fileVolume" . }}
{{- $items = append $items (dict "name" $name "mountPath" (printf "/etc/orderplane/%s" $name) "readOnly" true) }}
{{- end }}
{{- toYaml (dict "items" (uniq $items)) }}
{{- end }}
