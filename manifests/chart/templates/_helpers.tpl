{{- /* What every object of podtap is labelled with. */ -}}
{{- define "podtap.labels" -}}
app.kubernetes.io/part-of: podtap
{{- end }}

{{- /* The same, and the labels by which Prometheus and Grafana select what is meant for them. */ -}}
{{- define "podtap.monitoringLabels" -}}
{{ include "podtap.labels" . }}
{{- with .Values.monitoring.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* The reference of an image: {image: {repository, tag, digest}, version}. */ -}}
{{- define "podtap.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ .image.tag | default .version }}
{{- end -}}
{{- end }}

{{- /*
A value as text. Helm reads numbers of files as floats, and would print a large one as 1e+06; and it reads
on and off without quotes as booleans.
*/ -}}
{{- define "podtap.text" -}}
{{- if kindIs "bool" . -}}
{{ ternary "on" "off" . }}
{{- else if and (kindIs "float64" .) (eq (toString (floor .)) (toString .)) -}}
{{ int64 . }}
{{- else -}}
{{ . }}
{{- end }}
{{- end }}

{{- /* The webhook's environment: what has no value is left to the program's own default. */ -}}
{{- define "podtap.environment" -}}
{{- $sidecarImage := dict "image" .Values.sidecar.image "version" .Chart.AppVersion -}}
{{- $settings := list
  (list "SIDECAR_IMAGE" (include "podtap.image" $sidecarImage))
  (list "SENSOR" .Values.sensor.name)
  (list "SENSOR_NAMESPACE" .Values.sensor.namespace)
  (list "SENSOR_LABEL" .Values.sensor.label)
  (list "SENSOR_PORT" .Values.sensor.port)
  (list "RECEIVER" .Values.sensor.receiver)
  (list "SPREAD" .Values.sensor.spread)
  (list "SIDECAR_CPU" .Values.sidecar.cpu)
  (list "SIDECAR_MEMORY" .Values.sidecar.memory)
  (list "SIDECAR_METRICS_PORT" .Values.sidecar.metricsPort)
  (list "SIDECAR_METRICS_ADDRESS" .Values.sidecar.metricsAddress)
  (list "SIDECAR_LOG_LEVEL" .Values.sidecar.logLevel)
  (list "NATIVE_SIDECAR" .Values.sidecar.native)
  (list "ENGINE" .Values.sidecar.engine)
  (list "INTERFACE" .Values.sidecar.interface)
  (list "BPF" .Values.sidecar.filter)
  (list "VNI" .Values.sidecar.vni)
  (list "FIT" .Values.sidecar.fit)
  (list "SCOPE" .Values.webhook.scope)
  (list "COVERAGE" .Values.webhook.coverage)
  (list "DRAIN_SECONDS" .Values.webhook.drainSeconds)
  (list "CERTIFICATE" .Values.webhook.certificate.source)
  (list "CERTIFICATE_LIFE" .Values.webhook.certificate.life)
  (list "AUTHORITY_LIFE" .Values.webhook.certificate.authorityLife)
  (list "TRUST_DELAY" .Values.webhook.certificate.trustDelay)
  (list "LOG_LEVEL" .Values.webhook.logLevel) -}}
{{- range $name, $value := .Values.webhook.env }}
{{- $settings = append $settings (list $name $value) }}
{{- end }}
{{- range $settings }}
{{- if not (kindIs "invalid" (index . 1)) }}
- name: {{ index . 0 }}
  value: {{ include "podtap.text" (index . 1) | quote }}
{{- end }}
{{- end }}
{{- end }}
