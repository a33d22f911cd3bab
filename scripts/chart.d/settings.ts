/** What templates say for settings that may be empty. */

/** `key: value` where the setting `path`, such as `webhook.tolerations`, is not empty. */
export function setting(path: string, { key, indent }: { key: string; indent: number }): string {
  return block(indent, [
    `{{- with .Values.${path} }}`,
    `${key}:`,
    `  {{- toYaml . | nindent ${indent + 2} }}`,
    '{{- end }}',
  ])
}

/** The entries of the setting `path`, a map, where it is not empty. */
export function entries(path: string, indent: number): string {
  const value = `{{- toYaml . | nindent ${indent} }}`
  return block(indent, [`{{- with .Values.${path} }}`, value, '{{- end }}'])
}

function block(indent: number, lines: readonly string[]): string {
  const pad = ' '.repeat(indent)
  return lines.map((line) => `${pad}${line}\n`).join('')
}
