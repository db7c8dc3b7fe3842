/** What the stories share: whether a world can be made here, people in it, and the measuring of what happens to them. */
import { execFileSync, spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { NodeOptions } from '../../node/index.ts'
import type { RelayOptions } from '../../relay/index.ts'
import { canMakeMachines } from '../e2e/machines.ts'
import { Person, RelayProcess, scratch } from '../e2e/processes.ts'
import { World, type Machine } from './world.ts'

/** Undefined when the stories can run; else why not. */
export function whyNot(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are Linux’s'
  if (process.getuid?.() !== 0) return 'only root can make network namespaces'
  if (!has('cc')) return 'there is no C compiler for the link with delay and loss'
  if (!has('nft') && !installed('nftables')) return 'there is no nft to make routers with'
  if (!canMakeMachines()) return 'network namespaces cannot be made here'
  return undefined
}

export interface Lab {
  readonly world: World
  relay(machine: Machine, options?: Pick<RelayOptions, 'limits'>): Promise<RelayProcess>
  person(machine: Machine, options: Partial<NodeOptions> & { readonly name: string }): Person
  /** The program, as if typed in there, with the profile of the person of that name. */
  program(machine: Machine, name: string, ...words: readonly string[]): ChildProcessByStdio<null, Readable, Readable>
  end(): Promise<void>
}

const port = 4_001
const main = join(import.meta.dirname, '../../cli/linnet.js')

export function openLab(link: { readonly delayMs: number; readonly lossPercent: number }): Lab {
  const folder = scratch()
  execFileSync('mkdir', ['-p', folder.path('')])
  const wanlink = folder.path('wanlink')
  execFileSync('cc', ['-O2', '-o', wanlink, join(import.meta.dirname, 'wanlink.c')])
  const world = new World({ wanlink, ...link })
  const processes: { kill(): Promise<void> }[] = []
  return {
    world,
    relay: async (machine, options = {}) => {
      const relay = new RelayProcess(
        () => ({
          ...options,
          dataDir: folder.path(`relay-${machine.address}`),
          listen: [`/ip4/${machine.address}/tcp/${port}`],
        }),
        machine.prefix,
      )
      processes.push(relay)
      await relay.start()
      return relay
    },
    person: (machine, options) => {
      const person = new Person(() => ({ dataDir: folder.path(options.name), ...options }), machine.prefix)
      processes.push(person)
      return person
    },
    program: (machine, name, ...words) => {
      const [command, ...rest] = [...machine.prefix, process.execPath, main, '--data-dir', folder.path(name)]
      const env = { ...process.env, HOME: folder.path('home'), XDG_CACHE_HOME: folder.path('cache') }
      const child = spawn(command, [...rest, ...words], { env, stdio: ['ignore', 'pipe', 'pipe'] })
      processes.push({ kill: () => gone(child) })
      return child
    },
    end: async () => {
      await Promise.all(processes.map((one) => one.kill()))
      world.remove()
      folder.remove()
    },
  }
}

/** Ends it, if it has not ended, and waits until it has. */
export async function gone(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  await ended
}

/** Asks again and again, in short pauses, until `look` finds something; undefined when it did not in time. */
export async function until<T>(look: () => Promise<T | undefined>, timeoutMs: number): Promise<T | undefined> {
  const endMs = performance.now() + timeoutMs
  for (;;) {
    const found = await look()
    if (found !== undefined || performance.now() > endMs) return found
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** What stands between two people now. */
export async function linkTo(person: Person, name: string): Promise<'direct' | 'circuit' | undefined> {
  const contact = (await person.ask({ op: 'contacts' })).find((one) => one.name === name)
  return contact?.link?.kind
}

/** Milliseconds until the recipient has shown it. */
export async function say(from: Person, to: Person, name: string, text: string, timeoutMs = 60_000): Promise<number> {
  const startMs = performance.now()
  const arrived = to.event(({ event }) => event.type === 'message' && event.text === text, timeoutMs)
  await Promise.all([from.ask({ op: 'send', who: name, text }), arrived])
  return performance.now() - startMs
}

export async function meet(one: Person, oneName: string, other: Person, otherName: string): Promise<void> {
  await one.ask({ op: 'add', link: await other.ask({ op: 'invite' }), name: otherName })
  await until(async () => {
    const known = await other.ask({ op: 'contacts' })
    return known.some(({ name, state }) => name === oneName && state === 'added') ? true : undefined
  }, 30_000)
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 0)} s`
}

function has(command: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function installed(debianPackage: string): boolean {
  try {
    execFileSync('apt-get', ['install', '-y', '--no-install-recommends', debianPackage], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
