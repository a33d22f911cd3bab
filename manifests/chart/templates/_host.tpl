{{- /* The environment of the host mode: what has no value is left to the program's own default. */ -}}
{{- define "podtap.hostEnvironment" -}}
{{- $settings := list
  (list "MODE" "host")
  (list "SENSOR" .Values.sensor.name)
  (list "SENSOR_NAMESPACE" .Values.sensor.namespace)
  (list "SENSOR_LABEL" .Values.sensor.label)
  (list "SENSOR_PORT" (.Values.sensor.port | default 4789))
  (list "RECEIVER" .Values.sensor.receiver)
  (list "SPREAD" .Values.sensor.spread)
  (list "INTERFACE" (include "podtap.words" .Values.host.interfaces))
  (list "INTERFACE_INCLUDE" (include "podtap.words" .Values.host.include))
  (list "INTERFACE_EXCLUDE" (include "podtap.words" .Values.host.exclude))
  (list "INTERFACE_ANY" (ternary "1" "0" .Values.host.newInterfaces))
  (list "INTERFACE_MISSING" .Values.host.missingInterface)
  (list "DEDUP_LOCAL" .Values.host.dedupLocal)
  (list "EXCLUDE_MIRRORED" .Values.host.excludeMirrored)
  (list "BPF" .Values.host.filter)
  (list "VNI" .Values.host.vni)
  (list "FIT" .Values.host.fit)
  (list "METRICS_PORT" .Values.host.metricsPort)
  (list "LOG_LEVEL" .Values.host.logLevel)
  (list "DEBUG_LEVEL" .Values.host.debugLevel) -}}
{{- range $name, $value := .Values.host.env }}
{{- $settings = append $settings (list $name $value) }}
{{- end }}
{{- range $settings }}
{{- $text := include "podtap.text" (index . 1) }}
{{- if not (or (kindIs "invalid" (index . 1)) (eq $text "")) }}
- name: {{ index . 0 }}
  value: {{ $text | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- /* A list as words between spaces. */ -}}
{{- define "podtap.words" -}}
{{ join " " . }}
{{- end }}
