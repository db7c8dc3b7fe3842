/** `linnet demo`: a relay and two people on this machine, talking: direct, offline, after a crash. Leaves nothing behind. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { DemoFailed, Stage } from '../demo/actors.ts'
import { tellStory, type Narrator } from '../demo/story.ts'
import { CliError, exitCode } from '../exit.ts'
import type { Job, Tools } from '../job.ts'
import { examples } from './example.ts'

export function addDemo(program: Command, tools: Tools): void {
  const command = program
    .command('demo')
    .description('a relay and two people on this machine: direct, offline, after a crash')
    .action(() => tools.act(demo))
  examples(command, ['linnet demo', 'takes a few seconds, touches nothing of yours, and ends 0 when every step held'])
}

async function demo(job: Job): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'linnet-demo-'))
  const stage = new Stage(dir)
  const clear = (): void => {
    stage.clear()
    rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
  }
  process.once('exit', clear) // Also when a second Ctrl-C ends us at once.
  const startMs = Date.now()
  try {
    await job.ending.race(tellStory(stage, dir, narrate(job, startMs)))
    await narrate(job, startMs).say(
      'Every step was checked and held. The processes and files of this demonstration are gone.',
    )
  } catch (error) {
    if (!(error instanceof DemoFailed)) throw error
    throw new CliError(exitCode.usage, 'demo-failed', `the demonstration failed: ${error.message}`)
  } finally {
    clear()
    process.removeListener('exit', clear)
  }
}

function narrate(job: Job, startMs: number): Narrator {
  const { output } = job
  const tell = (kind: 'step' | 'detail', lines: readonly string[]): Promise<void> => {
    const seconds = (Date.now() - startMs) / 1_000
    const time = `${seconds.toFixed(1).padStart(5)} s`
    const words =
      kind === 'step'
        ? `${output.paint('dim', time)}  ${lines.join('\n')}`
        : lines.map((line) => `            ${line}`).join('\n')
    return output.print({ type: kind, seconds, lines }, words)
  }
  return { say: (words) => tell('step', [words]), show: (lines) => tell('detail', lines) }
}
