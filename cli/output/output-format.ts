/** `-o`: what is shown, for people or for programs. */
import { Option, type Command } from 'commander'
import { stringify } from 'yaml'
import type { CliContext } from '../context.ts'
import { createPaint } from './style.ts'
import type { TableStyle } from './table.ts'

/** The formats; without any, a table. */
export const OUTPUT_FORMATS = ['wide', 'json', 'yaml'] as const

/** One of OUTPUT_FORMATS. */
export type OutputFormat = (typeof OUTPUT_FORMATS)[number]

/** The option as commander reads it. */
export interface OutputOptions {
  readonly output?: OutputFormat
}

/** Adds `-o` with `formats`. */
export function addOutputFormat(
  command: Command,
  formats: readonly OutputFormat[] = OUTPUT_FORMATS,
): Command {
  const option = new Option('-o, --output <format>', 'write it so (default: for people)')
  return command.addOption(option.choices(formats))
}

/** Writes `value` as JSON or YAML where that was asked for, and returns whether it was. */
export function writeStructured(
  value: unknown,
  { output }: OutputOptions,
  context: CliContext,
): boolean {
  if (output === 'json') context.print(JSON.stringify(value, null, 2))
  else if (output === 'yaml') context.write(stringify(value, { lineWidth: 0 }))
  else return false
  return true
}

/** How a table is shown here and now; whoever asks for a wide one gets everything, uncut. */
export function tableStyle({ output }: OutputOptions, context: CliContext): TableStyle {
  const { columns, colour } = context.terminal()
  const wide = output === 'wide'
  return { columns: wide ? undefined : columns, paint: createPaint(colour), wide }
}
