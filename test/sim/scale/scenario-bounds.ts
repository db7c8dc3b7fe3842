/** What a scenario may say: every quantity has a least and a most, and what is wrong is told in the words of whoever wrote it. */
import { relaysNamedMax } from '../../../protocol/limits.ts'
import { UsageError } from '../usage.ts'
import type { Scenario, ScenarioEvent } from './scenario.ts'

interface Bounds {
  readonly least: number
  readonly most: number
  readonly whole?: true
}

const yearHours = 8_760
const share: Bounds = { least: 0, most: 1 }
const minutes: Bounds = { least: 0, most: yearHours * 60 }
const milliseconds: Bounds = { least: 0, most: 60_000 }

/** Of a scenario; the first four are also flags. More than the most would not fit into a machine, or end in a lifetime. */
const bounds: Readonly<Record<string, Bounds>> = {
  nodes: { least: 2, most: 100_000, whole: true },
  relays: { least: 0, most: 1_000, whole: true },
  hours: { least: 0.01, most: yearHours },
  messagesPerNodePerDay: { least: 0, most: 100_000 },
  contactsPerNode: { least: 0, most: 1_000 },
  relaysPerNode: { least: 0, most: relaysNamedMax, whole: true },
  onlineMinutes: { least: 1, most: minutes.most },
  awayMinutes: minutes,
  lossRate: share,
  jitterMs: milliseconds,
  bytesPerSecond: { least: 100, most: 1e10 },
  mailboxMessages: { least: 1, most: 1_000_000, whole: true },
}

/** Throws a `UsageError`; `where` comes before each name. */
export function checkScenario(scenario: Scenario, where: string): void {
  for (const name of Object.keys(bounds)) checkBounds(`${where}${name}`, scenario[name as keyof Scenario], name)
  checkOpenness(scenario.openness, where)
  checkLatency(scenario.latencyMs, where)
  scenario.events.forEach((event, i) => checkEvent(event, scenario, `${where}events[${i}]: `))
}

/** As `checkScenario` would, for one quantity given elsewhere. */
export function checkBounds(called: string, value: unknown, name: string): void {
  checkNumber(called, value, bounds[name] ?? { least: 0, most: Number.MAX_VALUE })
}

function checkNumber(called: string, value: unknown, { least, most, whole }: Bounds): void {
  if (typeof value !== 'number') throw new UsageError(`${called} should be a number`)
  const fits = value >= least && value <= most && (whole !== true || Number.isInteger(value))
  if (!fits) throw new UsageError(`${called} cannot be ${value}: ${least} to ${most}${whole === true ? ', whole' : ''}`)
}

function checkOpenness(openness: Scenario['openness'], where: string): void {
  let sum = 0
  for (const [kind, value] of Object.entries(openness)) {
    if (!['public', 'home', 'hidden'].includes(kind)) throw new UsageError(`${where}openness has no ${kind}`)
    checkNumber(`${where}openness.${kind}`, value, { least: 0, most: Number.MAX_VALUE })
    sum += value
  }
  if (sum === 0) throw new UsageError(`${where}openness leaves nobody: one of public, home, hidden should be above 0`)
}

function checkLatency(latencyMs: readonly unknown[], where: string): void {
  const [lower, upper] = latencyMs
  for (const bound of latencyMs) checkNumber(`${where}latencyMs`, bound, milliseconds)
  if (latencyMs.length !== 2 || Number(lower) > Number(upper)) {
    throw new UsageError(`${where}latencyMs is a lower and an upper bound`)
  }
}

/** What each kind of event says besides when. */
const numbersOf: Readonly<Record<ScenarioEvent['kind'], string>> = {
  'relay-down': 'relay',
  'cut-off': 'share',
  rush: 'factor',
  blackout: 'share',
}

function checkEvent(event: unknown, { relays, hours }: Scenario, where: string): void {
  if (typeof event !== 'object' || event === null || !('kind' in event)) throw new UsageError(`${where}has no kind`)
  const { kind, ...says } = event as { readonly kind: ScenarioEvent['kind']; readonly [name: string]: unknown }
  const number = Object.hasOwn(numbersOf, kind) ? numbersOf[kind] : undefined
  if (number === undefined) throw new UsageError(`${where}kind should be one of ${Object.keys(numbersOf).join(', ')}`)
  const known = ['atHours', 'forMinutes', number]
  const ofEvent: Readonly<Record<string, Bounds>> = {
    atHours: { least: 0, most: hours },
    forMinutes: minutes,
    relay: { least: 0, most: relays - 1, whole: true },
    share,
    factor: { least: 0.01, most: 1_000 },
  }
  for (const name of known) checkNumber(`${where}${name}`, says[name], ofEvent[name] ?? share)
  if (kind === 'relay-down' && !['undefined', 'boolean'].includes(typeof says['wiped'])) {
    throw new UsageError(`${where}wiped should be true or false`)
  }
  const unknown = Object.keys(says).find(
    (name) => !known.includes(name) && !(kind === 'relay-down' && name === 'wiped'),
  )
  if (unknown !== undefined) throw new UsageError(`${where}there is no ${unknown}`)
}
