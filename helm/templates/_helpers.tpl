{{- define "casebridge.selector" -}}
app.kubernetes.io/name: casebridge
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "casebridge.labels" -}}
{{ include "casebridge.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "casebridge.image" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end }}

{{- define "casebridge.database" -}}
- name: CASEBRIDGE_DATABASE_URL
  valueFrom: {secretKeyRef: {name: {{ .Values.existingSecret | quote }}, key: database-url}}
{{- end }}

{{- define "casebridge.ownersDatabase" -}}
- name: CASEBRIDGE_DATABASE_URL
  valueFrom: {secretKeyRef: {name: {{ .Values.owner.existingSecret | default .Values.existingSecret | quote }}, key: database-url}}
{{- with .Values.owner.databaseRole }}
- name: CASEBRIDGE_DATABASE_ROLE
  value: {{ . | quote }}
{{- end }}
{{- end }}

{{- define "casebridge.env" -}}
{{ include "casebridge.database" . }}
- name: CASEBRIDGE_AMQP_URL
  valueFrom: {secretKeyRef: {name: {{ .Values.existingSecret | quote }}, key: amqp-url}}
- name: CASEBRIDGE_BASE_URL
  value: {{ .Values.baseUrl | quote }}
- name: CASEBRIDGE_PARTNERS
  value: /etc/casebridge/partners.yaml
- name: CASEBRIDGE_SECRET_FILE
  value: /etc/casebridge-secret/signing-secret
{{- with .Values.overlays }}
- name: CASEBRIDGE_OVERLAYS
  value: {{ join "," . | quote }}
{{- end }}
{{- range $name, $value := .Values.env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{- define "casebridge.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "casebridge.podSecurity" -}}
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
{{- end }}

{{- define "casebridge.mounts" -}}
volumeMounts:
  - {name: partners, mountPath: /etc/casebridge, readOnly: true}
  - {name: secret, mountPath: /etc/casebridge-secret, readOnly: true}
  - {name: tmp, mountPath: /tmp}
{{- end }}

{{- define "casebridge.mllp.args" -}}
args:
  - mllp
  - --host
  - 0.0.0.0
  - --port
  - {{ .Values.mllp.port | quote }}
  - --metrics
  - "0.0.0.0:9100"
{{- range .Values.mllp.proxies }}
  - --proxy
  - {{ . | quote }}
{{- end }}
{{- if .Values.mllp.tlsSecret }}
  - --certificate
  - /etc/casebridge-tls/tls.crt
  - --key
  - /etc/casebridge-tls/tls.key
{{- if .Values.mllp.clientCertificates }}
  - --authorities
  - /etc/casebridge-tls/ca.crt
{{- if .Values.mllp.byAddressToo }}
  - --by-address-too
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "casebridge.volumes" -}}
volumes:
  - name: partners
    configMap: {name: {{ .Release.Name }}-partners}
  # who has fsGroup may read it, and nobody else
  - name: secret
    secret: {secretName: {{ .Values.existingSecret | quote }}, defaultMode: 0440}
  - name: tmp
    emptyDir: {}
{{- end }}
