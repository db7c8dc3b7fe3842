/**
 * `linnet sim`: the simulator, as a program of its own. It stands among the tests, which nothing here may import, so it is
 * started like any other program, from where this tree or this package keeps it; every flag is its own.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { CliError, exitCode } from '../exit.ts'
import type { Job, Tools } from '../job.ts'
import { examples } from './example.ts'

export function addSim(program: Command, tools: Tools): void {
  const command = program
    .command('sim')
    .description('a whole network in this process, from one seed')
    .argument(
      '[flags...]',
      'of the simulator: --seeds, --seed, --nodes, --relays, --hours, --scenario, --svg, and more',
    )
    .allowUnknownOption()
    .action(() => tools.act(simulate))
  examples(
    command,
    ['linnet sim --nodes 1000 --relays 5 --hours 24 --seed 7', 'a thousand people for a day, measured'],
    ['linnet sim --seeds 200', 'drawn worlds in which everything goes wrong; ends 2 when something is found'],
  )
}

/** As it was compiled with the rest, or as it was written. */
function simulator(): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const file = fileURLToPath(new URL(`../../test/sim/main.${extension}`, import.meta.url))
  if (existsSync(file)) return file
  throw new CliError(exitCode.usage, 'no-simulator', 'this installation came without the simulator; a checkout has it')
}

async function simulate({ ending, output }: Job): Promise<void> {
  const { argv, execPath } = process
  const flags = argv.slice(argv.indexOf('sim') + 1)
  if (output.json && !flags.includes('--json')) flags.push('--json')
  const child = spawn(execPath, [simulator(), ...flags], { stdio: 'inherit' })
  // Ctrl-C reaches it by itself; whoever ends this process alone means both.
  ending.signal.addEventListener('abort', () => child.kill())
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', resolve)
  })
  if (code === 0) return
  ending.signal.throwIfAborted()
  if (code === exitCode.usage) throw new CliError(exitCode.usage, 'usage', 'the simulator did not understand')
  throw new CliError(exitCode.unexpected, 'found', 'the simulator found something, or did not end by itself')
}
