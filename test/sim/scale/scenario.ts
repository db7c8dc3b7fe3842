/**
 * What a scenario file says: how many people and relays, how they are connected and how they live, and what happens to them
 * when. Every field has a default, so that a file says only what it is about. `docs/simulation.md` shows three.
 */
import { readFileSync, statSync } from 'node:fs'
import { objectLike, UsageError } from '../usage.ts'
import type { Openness } from '../world/network.ts'
import { checkScenario } from './scenario-bounds.ts'

export interface Scenario {
  readonly name: string
  /** A sentence for the report. */
  readonly about: string
  readonly nodes: number
  readonly relays: number
  readonly hours: number
  /** On average, all of them while the device runs. */
  readonly messagesPerNodePerDay: number
  readonly contactsPerNode: number
  /** Of the relays there are, each person uses so many. */
  readonly relaysPerNode: number
  /** Shares of people by how they can be dialled; they need not add up to one. */
  readonly openness: Readonly<Record<Openness, number>>
  /** Relays carry circuits to those who cannot be dialled. */
  readonly circuits: boolean
  /** Mean minutes a device runs, and then does not. `awayMinutes` 0: always on. */
  readonly onlineMinutes: number
  readonly awayMinutes: number
  /** One way to the middle of the net, drawn for each person between these. */
  readonly latencyMs: readonly [number, number]
  readonly lossRate: number
  readonly jitterMs: number
  readonly bytesPerSecond: number
  /** Messages one mailbox holds. */
  readonly mailboxMessages: number
  readonly events: readonly ScenarioEvent[]
}

export type ScenarioEvent =
  /** A relay's process ends and comes back; with `wiped`, without its disk. */
  | {
      readonly kind: 'relay-down'
      readonly atHours: number
      readonly forMinutes: number
      readonly relay: number
      readonly wiped?: boolean
    }
  /** A share of the people can reach nothing but each other. */
  | { readonly kind: 'cut-off'; readonly atHours: number; readonly forMinutes: number; readonly share: number }
  /** Everybody says so many times more. */
  | { readonly kind: 'rush'; readonly atHours: number; readonly forMinutes: number; readonly factor: number }
  /** A share of the devices lose power at the same moment. */
  | { readonly kind: 'blackout'; readonly atHours: number; readonly forMinutes: number; readonly share: number }

export const plainScenario: Scenario = {
  name: 'an ordinary day',
  about: 'People at home behind their routers, devices that sleep now and then, relays that stay up.',
  nodes: 100,
  relays: 3,
  hours: 24,
  messagesPerNodePerDay: 100,
  contactsPerNode: 8,
  relaysPerNode: 2,
  openness: { public: 0.2, home: 0.6, hidden: 0.2 },
  circuits: true,
  onlineMinutes: 240,
  awayMinutes: 60,
  latencyMs: [5, 80],
  lossRate: 0.005,
  jitterMs: 20,
  bytesPerSecond: 250_000,
  mailboxMessages: 1_000,
  events: [],
}

/** Throws a `UsageError` that says what is wrong in the words of the file. */
export function readScenario(path: string): Scenario {
  const scenario = { ...plainScenario, ...objectLike(textOf(path), path, plainScenario) }
  const openness = { ...noOpenness, ...scenario.openness }
  checkScenario({ ...scenario, openness }, `${path}: `)
  return { ...scenario, openness }
}

const noOpenness: Scenario['openness'] = { public: 0, home: 0, hidden: 0 }
/** A file somebody wrote by hand. */
const fileBytesMax = 1_048_576

function textOf(path: string): string {
  try {
    if (statSync(path).size > fileBytesMax) throw new Error('this is too long for a scenario')
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new UsageError(`${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
