/**
 * What private relays have told their residents to say. A token goes with the address of its relay when a user names it, and
 * from there on apart from it: into the store, and out of it into a publication at that relay. Nothing else of this device
 * sees it, so no card, invite, log or view can tell it.
 */
import type { Draft } from './draft.ts'

/** As many as a user can have named one after another; the oldest go. */
const tokensMax = 64

/** By the relay's full multiaddr; an empty token is one to forget. */
export type RelayTokens = ReadonlyMap<string, string>

/** The stored form of those kept before and those given now. */
export function addTokens(kept: Uint8Array | undefined, given: RelayTokens): Uint8Array {
  const all = decode(kept)
  for (const [relay, token] of given) {
    all.delete(relay) // Put back at the end: the map's order is then the order they were given in.
    if (token !== '') all.set(relay, token)
  }
  return new TextEncoder().encode(JSON.stringify([...all].slice(-tokensMax)))
}

/** What to say at a relay, if anything. */
export function tokenFor(kept: Uint8Array | undefined, relay: string): Uint8Array | undefined {
  const token = decode(kept).get(relay)
  return token === undefined ? undefined : new TextEncoder().encode(token)
}

/** The user has named relays while the device runs. */
export function keepTokens(given: RelayTokens | undefined, draft: Draft): void {
  if (given === undefined || given.size === 0) return
  draft.keep({ kind: 'put-fact', key: 'relay-tokens', value: addTokens(draft.reads.fact('relay-tokens'), given) })
}

function decode(kept: Uint8Array | undefined): Map<string, string> {
  if (kept === undefined) return new Map()
  return new Map(JSON.parse(new TextDecoder().decode(kept)) as [string, string][])
}
