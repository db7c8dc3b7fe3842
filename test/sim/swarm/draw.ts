/**
 * What kind of world a seed is: how many people and relays, how they are connected, what goes wrong and how often. Every
 * kind of fault is left out by half of the seeds, so that each also meets the others alone.
 */
import type { Weather } from '../world/network.ts'
import { Chance } from '../world/chance.ts'
import { day, hour, minute, second } from '../world/story.ts'

export const faultKinds = [
  'crash',
  'commit-throws',
  'away',
  'unplugged',
  'roam',
  'partition',
  'one-way-partition',
  'relay-killed',
  'relay-wiped',
  'relay-restored',
  'relays-disagree',
  'relay-slow',
  'relay-failing',
  'relay-malicious',
  'clock-stepped',
  'flood',
  'session-lost',
  'relays-changed',
  'device-replaced',
  'blocked',
  'prekeys-drained',
] as const

export type FaultKind = (typeof faultKinds)[number]

export interface Draw {
  readonly people: number
  readonly relays: number
  readonly realCrypto: boolean
  readonly weather: Weather
  readonly mailboxMessagesMax: number
  readonly preKeyBurst: number
  /** For how long relays hold what they handed to a recipient who is there. */
  readonly handOverMsMax: number
  readonly safetyMs: number
  /** Between two messages of one person. */
  readonly sayEveryMs: number
  readonly clockOffsetMsMax: number
  /** Of the thinnest line of anybody. */
  readonly bytesPerSecondMin: number
  readonly faults: readonly FaultKind[]
  /** Between two faults, of whatever kind. */
  readonly faultEveryMs: number
  /** Share of people whose first message comes without a token. */
  readonly strangersRate: number
  /** Relays carry circuits to those who cannot be dialled. */
  readonly circuits: boolean
}

export function drawnBy(seed: number): Draw {
  return draw(new Chance(`draw ${seed}`))
}

function draw(chance: Chance): Draw {
  const rough = chance.hits(0.5)
  const safetyMs = chance.pick([10 * minute, 10 * minute, 3 * hour, 3 * hour, 2 * day, 2 * day, 36 * day])
  const people = 2 + chance.below(4)
  return {
    people,
    relays: chance.pick([0, 1, 1, 2, 2, 3]),
    realCrypto: chance.hits(0.04),
    weather: {
      lossRate: rough ? chance.pick([0, 0.01, 0.1]) : 0,
      duplicateRate: rough ? chance.pick([0, 0, 0.05]) : 0,
      reorderRate: rough ? chance.pick([0, 0, 0.05]) : 0,
      jitterMs: chance.pick([2, 50, 2 * second]),
    },
    mailboxMessagesMax: chance.pick([3, 8, 30, 1_000]),
    preKeyBurst: chance.pick([1, 5, 60]),
    handOverMsMax: chance.pick([0, 30, 500]),
    safetyMs,
    sayEveryMs: (safetyMs / chance.pick([5, 20, 40])) * 0.9,
    clockOffsetMsMax: chance.pick([0, 0, minute, 6 * hour]),
    bytesPerSecondMin: chance.pick([1_250_000, 1_250_000, 50_000, 4_000]),
    faults: faultKinds.filter(() => chance.hits(0.5)),
    faultEveryMs: safetyMs / chance.pick([5, 15, 40]),
    strangersRate: chance.pick([0, 0, 0.3]),
    circuits: chance.hits(0.5),
  }
}
