/** What a caller may ask of `createNode`, checked before anything is opened; what is wrong is said in the caller's terms. */
import { isDialable, parse, placeOf, withoutPeer } from './io/addresses.ts'
import type { DeviceId } from '../protocol/ids.ts'
import { nameCharactersMax, relayTokenBytesMax, relaysNamedMax } from '../protocol/limits.ts'
import { NodeError, type NodeOptions } from './api.ts'
import { badName, cleanName, isName } from './core/names.ts'
import type { RelayTokens } from './core/relay-tokens.ts'

/** Any free port will do when the usual one is taken. */
const listenAnywhere = ['/ip4/0.0.0.0/tcp/0']
/** Ports in neither the well-known range nor the one systems give to outgoing connections. */
const usualPorts = { first: 20_000, count: 12_000 }

export interface NamedRelays {
  /** Full multiaddrs. */
  readonly relays: readonly string[]
  /** What private ones among them want to hear. */
  readonly tokens: RelayTokens
}

export interface CheckedOptions {
  readonly name: string | undefined
  readonly relays: NamedRelays | undefined
  readonly listen: readonly string[] | undefined
  readonly announce: readonly string[]
}

/**
 * Where a device listens when nobody says: on a port of its own that stays the same from one start to the next, so that two
 * people without a relay still find each other after both restarted; on any other when that one is taken.
 */
export function usualPlaces(device: DeviceId): {
  readonly listen: readonly string[]
  readonly instead: readonly string[]
} {
  const port = usualPorts.first + (Number.parseInt(device.slice(0, 8), 16) % usualPorts.count)
  return { listen: [`/ip4/0.0.0.0/tcp/${port}`], instead: listenAnywhere }
}

/** Throws NodeError. */
export function checkOptions({ name, relays, listen, announce }: NodeOptions): CheckedOptions {
  return {
    name: name === undefined ? undefined : checkName(name),
    relays: relays === undefined ? undefined : checkRelays(relays),
    listen: listen?.map(checkAddress),
    announce: (announce ?? []).map(checkAddress),
  }
}

/** A private relay's token may stand behind its address, `?token=…`, percent-encoded; `?token=` forgets the one kept. */
export function checkRelays(relays: readonly string[]): NamedRelays {
  const tokens = new Map<string, string>()
  const named = relays.map((text) => {
    const [relay = '', ...rest] = text.trim().split('?')
    if (placeOf(relay) === undefined) {
      throw new NodeError(
        'invalid-relay',
        `not the address of a relay: ${relay} (it looks like /ip4/198.51.100.7/tcp/4001/p2p/12D3KooW…)`,
      )
    }
    if (rest.length > 0) tokens.set(relay, tokenIn(relay, rest.join('?')))
    return relay
  })
  const chosen = [...new Set(named)]
  if (chosen.length > relaysNamedMax) {
    throw new NodeError('too-many-relays', `at most ${relaysNamedMax} relays can be named; ${chosen.length} were given`)
  }
  return { relays: chosen, tokens }
}

/** Complaints do not repeat what may be a secret. */
function tokenIn(relay: string, query: string): string {
  const [, written] = /^token=([^&]*)$/.exec(query) ?? []
  const token = written === undefined ? undefined : decoded(written)
  if (token !== undefined && new TextEncoder().encode(token).length <= relayTokenBytesMax) return token
  throw new NodeError(
    'invalid-relay',
    `behind the address ${relay} may stand ?token= and a token of at most ${relayTokenBytesMax} bytes, and nothing else`,
  )
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined // A “%” that stands for nothing: the caller says what is allowed.
  }
}

/** As contacts will see it: marks that cannot be seen are left out, here as there. */
function checkName(name: string): string {
  const shown = cleanName(name)
  if (!isName(shown) || [...name.trim()].length > nameCharactersMax || /\p{Cc}/u.test(name.trim())) {
    throw new NodeError('invalid-name', badName)
  }
  return shown
}

function checkAddress(text: string): string {
  const address = parse(text)
  if (address === undefined || !isDialable(withoutPeer(address))) {
    throw new NodeError('invalid-address', `not an address to listen on: ${text} (it looks like /ip4/0.0.0.0/tcp/4001)`)
  }
  return withoutPeer(address).toString()
}

const listenFaults: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program uses this port',
  EACCES: 'the system does not allow this port',
  EADDRNOTAVAIL: 'this machine has no such address',
}

/** libp2p puts the addresses it could not listen on, each with its error, into one long message. */
export function cannotListen(error: unknown): Error {
  if (!(error instanceof Error)) return new Error('the network could not be started', { cause: error })
  const found = /^\s*(\/\S+): [^\n]*?\b(EADDRINUSE|EACCES|EADDRNOTAVAIL)\b/m.exec(error.message)
  if (found === null) return error
  const [, address, code = ''] = found
  return new NodeError('cannot-listen', `cannot listen on ${address}: ${listenFaults[code] ?? code}`)
}
