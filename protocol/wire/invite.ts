/**
 * An invite link: who to reach, where to ask for their card, and a token that lets the first message in without being a
 * stranger's. `linnet:` and the base64url of a small protobuf; the token works once and only for the account that made it.
 */
import { base64url } from 'multiformats/bases/base64'
import { account, bytes, list, text } from '../codec/fields.ts'
import { struct, type Codec } from '../codec/schema.ts'
import { addressBytesMax, inviteRelaysMax, tokenLength } from '../limits.ts'
import type { AccountId } from '../ids.ts'

export interface Invite {
  readonly account: AccountId
  /** 16 bytes. */
  readonly token: Uint8Array
  /** Full multiaddrs of relays whose directory has the account's card. */
  readonly relays: readonly string[]
  /** Full multiaddrs of the inviting device itself, for two people who share a network and no relay. */
  readonly addresses: readonly string[]
}

const codec: Codec<Invite> = struct<Invite>({
  account: [1, account],
  token: [2, bytes(tokenLength)],
  relays: [3, list(text(addressBytesMax), inviteRelaysMax)],
  addresses: [4, list(text(addressBytesMax), inviteRelaysMax)],
})

const scheme = 'linnet:'
const linkCharactersMax = 2_048

export function formatInvite(invite: Invite): string {
  return scheme + base64url.baseEncode(codec.encode(invite))
}

/** Reads a link as a person pasted it: surrounding blanks are forgiven, anything else yields undefined. */
export function parseInvite(link: string): Invite | undefined {
  const trimmed = link.trim()
  if (!trimmed.startsWith(scheme) || trimmed.length > linkCharactersMax) return undefined
  try {
    return codec.decode(base64url.baseDecode(trimmed.slice(scheme.length)))
  } catch {
    return undefined // The library throws on a character outside its alphabet: a mistyped link, nothing more.
  }
}
