/** How a command shows its examples, the same under each `--help`. */
import type { Command } from 'commander'

export function examples(command: Command, ...lines: readonly (readonly [line: string, what: string])[]): Command {
  const shown = lines.map(([line, what]) => `  $ ${line}\n      ${what}`)
  return command.addHelpText('after', `\nExample${lines.length > 1 ? 's' : ''}:\n${shown.join('\n')}`)
}
