/**
 * What is well with this device's way to others and what is not, and what to do about each. Looks only at what is known
 * already, except for one round trip to each relay; changes nothing.
 */
import { statfsSync } from 'node:fs'
import { preKeysLow } from '../protocol/limits.ts'
import type { Diagnosis, Finding, NodeIdentity } from './api.ts'
import type { Health } from './io/health.ts'

export interface DoctorInit {
  readonly identity: NodeIdentity
  readonly health: Health
  /** Deliveries still on their way, and the oldest. */
  readonly outbox: { readonly waiting: number; readonly oldestMs?: number }
  readonly dataDir?: string | undefined
}

const skewMsMax = 60_000
const diskBytesMin = 200 * 1_048_576
const slowMs = 1_500
const dayMs = 86_400_000

export function diagnose(init: DoctorInit): Diagnosis {
  const findings = [
    ...relayFindings(init),
    ...routerFindings(init),
    ...clockFindings(init),
    ...diskFindings(init),
    ...outboxFindings(init),
  ]
  return { well: findings.every(({ state }) => state !== 'bad'), router: init.health.router, findings }
}

function relayFindings({ identity, health }: DoctorInit): readonly Finding[] {
  const none: Finding = {
    about: 'relays',
    state: 'poor',
    says: 'none: messages reach you only while you are online',
    todo: 'name one with --relay, or in the config file; linnet relay runs one',
  }
  if (identity.relays.length === 0) return [none]
  const findings = identity.relays.flatMap(({ relay, connected, reason, preKeysLeft }): readonly Finding[] => {
    const roundTripMs = health.roundTripsMs.get(relay)
    const about = `relay ${relay}`
    if (!connected) {
      const todo = 'it is tried again by itself; if it stays away, choose another with --relay'
      return [{ about, state: 'bad', says: `not connected: ${reason ?? 'not tried yet'}`, todo }]
    }
    const time = roundTripMs === undefined ? 'no answer just now' : `${Math.round(roundTripMs)} ms there and back`
    const circuit = health.circuits.includes(relay) ? 'carries circuits to you' : 'does not carry circuits to you'
    const slow = roundTripMs === undefined || roundTripMs > slowMs
    const keys: Finding = { about: `prekeys at ${relay}`, state: 'good', says: `${preKeysLeft ?? 'unknown'} left` }
    return [
      { about, state: slow ? 'poor' : 'good', says: `connected, ${time}, ${circuit}` },
      preKeysLeft !== undefined && preKeysLeft <= preKeysLow ? { ...keys, state: 'poor' } : keys,
    ]
  })
  const reached = identity.relays.filter(({ connected }) => connected).length
  if (reached === 0) return findings
  return findings.map((one) => (one.state === 'bad' ? { ...one, state: 'poor' } : one)) // Another one does.
}

const routers: Readonly<Record<Health['router'], Omit<Finding, 'about'>>> = {
  open: { state: 'good', says: 'this machine has a public address' },
  'keeps ports': { state: 'good', says: 'behind a router that can be talked through: direct connections work' },
  symmetric: {
    state: 'poor',
    says: 'behind a router that takes another port for everybody: with people behind a strict one, a relay carries what is said',
    todo: 'nothing is lost by it; a forwarded port and --announce make it direct',
  },
  translates: {
    state: 'good',
    says: 'behind a router; which kind shows with two relays',
  },
  unknown: { state: 'poor', says: 'not known: no relay has said from where it sees you' },
}

function routerFindings({ health, identity }: DoctorInit): readonly Finding[] {
  const seen = health.seenAs.length === 0 ? '' : `; seen as ${health.seenAs.join(' and ')}`
  const { says, ...rest } = routers[health.router]
  const listening = identity.addresses.filter((address) => !address.includes('/p2p-circuit'))
  return [
    { about: 'router', says: `${says}${seen}`, ...rest },
    listening.length > 0
      ? { about: 'addresses', state: 'good', says: listening.join(', ') }
      : { about: 'addresses', state: 'poor', says: 'listens nowhere', todo: 'let it listen: --listen' },
  ]
}

function clockFindings({ health }: DoctorInit): readonly Finding[] {
  if (health.skewMs === undefined) return []
  const seconds = Math.round(Math.abs(health.skewMs) / 1_000)
  const says =
    seconds < 2 ? 'agrees with the relays' : `${seconds} s ${health.skewMs > 0 ? 'behind' : 'ahead of'} the relays`
  if (Math.abs(health.skewMs) <= skewMsMax) return [{ about: 'clock', state: 'good', says }]
  return [
    { about: 'clock', state: 'bad', says, todo: 'set the clock: what you send may be refused as too old or too new' },
  ]
}

function diskFindings({ dataDir }: DoctorInit): readonly Finding[] {
  if (dataDir === undefined) return []
  const { bavail, bsize } = statfsSync(dataDir)
  const says = `${Math.round((bavail * bsize) / 1_048_576)} MiB free`
  if (bavail * bsize >= diskBytesMin) return [{ about: 'disk', state: 'good', says }]
  return [{ about: 'disk', state: 'bad', says, todo: 'make room: without it nothing can be sent or received' }]
}

function outboxFindings({ outbox: { waiting, oldestMs } }: DoctorInit): readonly Finding[] {
  if (waiting === 0) return [{ about: 'outbox', state: 'good', says: 'nothing waits' }]
  const ageMs = oldestMs === undefined ? 0 : Date.now() - oldestMs
  const age = ageMs < dayMs ? '' : `, the oldest for ${Math.floor(ageMs / dayMs)} days`
  const todo = 'linnet why ID says what keeps one'
  return [{ about: 'outbox', state: ageMs > dayMs ? 'poor' : 'good', says: `${waiting} on their way${age}`, todo }]
}
