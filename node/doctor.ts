/**
 * What is well with this device's way to others and what is not, and what to do about each. Looks only at what is known
 * already, except for what each relay is asked: how far it is, what its clock says, and to take once more what it has been
 * told. Changes nothing.
 */
import { statfsSync } from 'node:fs'
import { clockSkewMsMax, preKeysLow } from '../protocol/limits.ts'
import type { Diagnosis, Finding, NodeIdentity, RelayStanding } from './api.ts'
import { refusalWords, type LastingRefusal } from './core/refusals.ts'
import type { Health } from './io/health.ts'
import type { MappingStanding } from './io/port-mapping.ts'

export interface DoctorInit {
  readonly identity: NodeIdentity
  readonly health: Health
  /** Deliveries still on their way, and the oldest. */
  readonly outbox: { readonly waiting: number; readonly oldestMs?: number }
  readonly dataDir?: string | undefined
}

/** A clock further away than this is worth a word; people do not notice less. */
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
  const findings = identity.relays.flatMap((standing): readonly Finding[] => {
    const { relay, role, connected, refused, elsewhere } = standing
    const about = `relay ${relay}`
    if (role === 'spare' && !connected && standing.reason === undefined)
      return [{ about, state: 'good', says: 'a spare, for when another stays away' }]
    if (refused !== undefined) return [refusedFinding(about, refused)]
    if (connected) return connectedFindings(standing, health)
    if (role === 'home' && elsewhere !== undefined) return [closingFinding(about, elsewhere)]
    return [awayFinding(standing)]
  })
  const reached = identity.relays.filter(
    ({ relay, role, connected, refused }) =>
      role === 'home' && connected && refused === undefined && !health.full.has(relay),
  ).length
  if (reached === 0) return findings
  return findings.map((one) => (one.state === 'bad' ? { ...one, state: 'poor' } : one)) // Another one does.
}

function connectedFindings(standing: RelayStanding, health: Health): readonly Finding[] {
  const { relay, role, collectedUntil, preKeysLeft } = standing
  const about = `relay ${relay}`
  const roundTripMs = health.roundTripsMs.get(relay)
  const time = roundTripMs === undefined ? 'no answer just now' : `${Math.round(roundTripMs)} ms there and back`
  const slow = roundTripMs === undefined || roundTripMs > slowMs
  if (role === 'left' || collectedUntil !== undefined) {
    const says = `left; what contacts still bring there is collected until ${collectedUntil?.slice(0, 10) ?? 'it is over'}`
    return [{ about, state: 'good', says }]
  }
  if (health.full.has(relay)) return [fullFinding(about, time)]
  const circuit = health.circuits.includes(relay) ? 'carries circuits to you' : 'does not carry circuits to you'
  const keys: Finding = { about: `prekeys at ${relay}`, state: 'good', says: `${preKeysLeft ?? 'unknown'} left` }
  return [
    { about, state: slow ? 'poor' : 'good', says: `connected, ${time}, ${circuit}` },
    preKeysLeft !== undefined && preKeysLeft <= preKeysLow ? { ...keys, state: 'poor' } : keys,
  ]
}

function awayFinding({ relay, role, reason, missedSince, collectedUntil }: RelayStanding): Finding {
  const about = `relay ${relay}`
  const why = reason ?? 'not tried yet'
  const since = missedSince === undefined ? '' : ` since ${missedSince.slice(0, 16).replace('T', ' ')} UTC`
  switch (role) {
    case 'home':
    case 'spare': {
      const todo =
        'it is tried again by itself, and replaced if it stays away for a day while another serves; --relay names others'
      return { about, state: 'bad', says: `not connected${since}: ${why}`, todo }
    }
    case 'dropped': {
      const todo = 'nothing; it is tried again by itself, and told to contacts again when it is back'
      return { about, state: 'poor', says: `away${since}, so contacts were told not to use it: ${why}`, todo }
    }
    case 'left': {
      const until = collectedUntil === undefined ? '' : ` until ${collectedUntil.slice(0, 10)}`
      const says = `left, and not connected: ${why}; what contacts still bring there is asked for${until}`
      return { about, state: 'good', says }
    }
  }
}

/** It is the user who knows whom to trust, so nothing moves by itself. */
function closingFinding(about: string, elsewhere: readonly string[]): Finding {
  const state = 'bad'
  const says = 'is shutting down, or has'
  if (elsewhere.length === 0) {
    return { about, state, says, todo: 'it is tried again by itself; if it stays away, choose another with --relay' }
  }
  const names = elsewhere.join(' and ')
  return {
    about,
    state,
    says: `${says}; it names ${names}`,
    todo: 'it is tried again by itself; if it stays away, name one of those with --relay, if you trust who runs it',
  }
}

function refusedFinding(about: string, refused: LastingRefusal): Finding {
  const says = `keeps nothing for you: ${refusalWords[refused]}`
  const todo =
    refused === 'token-needed' || refused === 'token-wrong'
      ? "ask its operator for the token, and write it behind the address: --relay '/ip4/…/p2p/…?token=…'"
      : 'ask its operator, or choose another with --relay'
  return { about, state: 'bad', says, todo }
}

/** It may be overloaded for a moment, but that passes before a user could do anything about it. */
function fullFinding(about: string, time: string): Finding {
  return {
    about,
    state: 'bad',
    says: `connected, ${time}, but it can keep no messages just now: it has no room left, or its disk fails`,
    todo:
      'nothing is lost: what is written to you stays with its sender for up to 30 days, and goes to another of your relays, ' +
      'or straight to you when you are both online; tell its operator, or name another relay as well with --relay',
  }
}

const routers: Readonly<Record<Health['router'], Omit<Finding, 'about'>>> = {
  open: { state: 'good', says: 'none between this machine and its relays' },
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
  const { mapping } = health
  const forwarded = mapping !== undefined && mapping.state !== 'none' ? [mappingFinding(mapping)] : []
  const listening = identity.addresses.filter((address) => !address.includes('/p2p-circuit'))
  return [
    { about: 'router', says: `${says}${seen}`, ...rest },
    ...forwarded,
    listening.length > 0
      ? { about: 'addresses', state: 'good', says: listening.join(', ') }
      : { about: 'addresses', state: 'poor', says: 'listens nowhere', todo: 'let it listen: --listen' },
  ]
}

function mappingFinding(mapping: Exclude<MappingStanding, { state: 'none' }>): Finding {
  const about = 'port mapping'
  if (mapping.state === 'forwards') {
    return { about, state: 'good', says: `the router lets others in at ${mapping.addresses.join(' and ')}` }
  }
  return {
    about,
    state: 'good',
    says: `the router forwards no port: ${mapping.reason}`,
    todo: 'nothing is lost by it; a port forwarded by hand and --announce, or UPnP allowed in the router, let others in',
  }
}

/**
 * Whose clock is wrong: what most relays say is taken for the time, and of two that disagree the one that is nearer to ours.
 * With a single relay there is no telling.
 */
function clockFindings({ health: { skewsMs } }: DoctorInit): readonly Finding[] {
  const nearestFirst = [...skewsMs.values()].toSorted((a, b) => Math.abs(a) - Math.abs(b))
  const inOrder = nearestFirst.toSorted((a, b) => a - b)
  const theirsMs = skewsMs.size === 2 ? nearestFirst[0] : inOrder[Math.floor(inOrder.length / 2)]
  if (theirsMs === undefined) return []
  const others = [...skewsMs].filter(([, skewMs]) => Math.abs(skewMs - theirsMs) > skewMsMax)
  return [
    ownClockFinding(theirsMs, skewsMs.size === 1),
    ...others.map(([relay, skewMs]): Finding => ({
      about: `clock of relay ${relay}`,
      state: 'poor',
      says: `${span(skewMs - theirsMs)} ${skewMs > theirsMs ? 'ahead of' : 'behind'} the others`,
      todo: 'tell its operator: it may refuse messages as too old or too new, and drop them too soon or too late',
    })),
  ]
}

function ownClockFinding(theirsMs: number, isOneWord: boolean): Finding {
  const whom = isOneWord ? 'your relay' : 'your relays'
  if (Math.abs(theirsMs) < 2_000) return { about: 'clock', state: 'good', says: `agrees with ${whom}` }
  const says = `${span(theirsMs)} ${theirsMs > 0 ? 'behind' : 'ahead of'} ${whom}`
  if (Math.abs(theirsMs) <= skewMsMax) return { about: 'clock', state: 'good', says }
  const isGrave = Math.abs(theirsMs) > clockSkewMsMax / 2
  const harm = isGrave
    ? 'what you send may be refused as too old or too new'
    : 'your messages show a wrong time, and contacts may not see when you are here'
  return {
    about: 'clock',
    state: isGrave ? 'bad' : 'poor',
    says: isOneWord ? `${says}: one of the two is wrong` : says,
    todo: isOneWord ? `compare this clock with another one; if it is wrong, set it: ${harm}` : `set the clock: ${harm}`,
  }
}

function span(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1_000)
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} minutes`
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} hours` : `${Math.round(seconds / 86_400)} days`
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
