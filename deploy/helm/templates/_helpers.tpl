{{/* What the pod is found by; never changes. */}}
{{- define "zflow.selector" -}}
app.kubernetes.io/name: zflow
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "zflow.labels" -}}
{{ include "zflow.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* The container's variables. The port of the endpoint is added to what `settings` says about the firewall. */}}
{{- define "zflow.env" -}}
{{- $all := dict "ZFLOW_HOSTNAME" .Values.hostname "ZFLOW_MAIL_DOMAIN" .Values.mailDomain }}
{{- with .Values.release }}
{{- $_ := merge $all (dict "ZFLOW_RELEASE" .name "ZFLOW_RELEASE_URL" .url "ZFLOW_RELEASE_SHA256" .sha256) }}
{{- end }}
{{- if .Values.adminPassword.secretName }}
{{- $_ := set $all "ZFLOW_ADMIN_PASSWORD_FILE" "/etc/zflow/admin-password" }}
{{- end }}
{{- if .Values.http.enabled }}
{{- $_ := set $all "ZFLOW_HTTP" "0.0.0.0:9119" }}
{{- $_ := set $all "ZFLOW_FIREWALL_EXTRA_TCP" "9119" }}
{{- $_ := set $all "ZFLOW_FIREWALL_EARLY_TCP" "9119" }}
{{- $_ := set $all "ZFLOW_FIREWALL_SOURCES" (printf "9119=%s" (join "+" .Values.http.networks)) }}
{{- end }}
{{- range $name, $value := .Values.settings }}
{{- $both := list (get $all $name) $value | compact | join "," }}
{{- $_ := set $all $name (ternary $both $value (hasKey $all $name)) }}
{{- end }}
{{- range $name, $value := $all }}
{{- if kindIs "string" $value }}
- {name: {{ $name }}, value: {{ quote $value }}}
{{- end }}
{{- end }}
{{- end }}
