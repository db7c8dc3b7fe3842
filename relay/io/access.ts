/**
 * An operator's lists and token, read from the words they are written in: whom the door turns away, and who may open a
 * mailbox. A word that means nothing is refused, because a list with a slip in it protects nobody.
 */
import { BlockList, isIP } from 'node:net'
import { UsageError } from '../../protocol/errors.ts'
import { deviceIdOfPeerId, isAccountId } from '../../protocol/ids.ts'
import { relayTokenBytesMax } from '../../protocol/limits.ts'
import { Admission } from '../core/admission.ts'

export interface AccessOptions {
  /** Accounts, devices (64 hexadecimal digits each) and PeerIds that may have a mailbox; undefined: everyone. */
  readonly allow?: readonly string[]
  /** Those that may not, and whose connections are refused. */
  readonly deny?: readonly string[]
  /** Addresses and networks (`192.0.2.7`, `2001:db8::/32`) whose connections are refused. */
  readonly denyAddresses?: readonly string[]
  /** What a device must say to open a mailbox or to keep its card current. */
  readonly token?: string
}

export interface Access {
  readonly admission: Admission
  readonly deniesPeer: (device: string) => boolean
  readonly deniesAddress: (host: string) => boolean
}

export function accessOf(options: AccessOptions): Access {
  const deny = new Set((options.deny ?? []).map(keyOf))
  const addresses = networks(options.denyAddresses ?? [])
  return {
    admission: new Admission({
      deny,
      ...(options.allow === undefined ? {} : { allow: new Set(options.allow.map(keyOf)) }),
      ...(options.token === undefined ? {} : { token: tokenOf(options.token) }),
    }),
    deniesPeer: (device) => deny.has(device),
    deniesAddress: (host) => {
      const version = isIP(host)
      return version !== 0 && addresses.check(host, version === 6 ? 'ipv6' : 'ipv4')
    },
  }
}

function keyOf(word: string): string {
  const key = isAccountId(word) ? word : deviceIdOfPeerId(word)
  if (key === undefined) throw new UsageError(`“${word}” is no account, device or PeerId.`)
  return key
}

function tokenOf(text: string): Uint8Array {
  const token = new TextEncoder().encode(text)
  if (token.length > 0 && token.length <= relayTokenBytesMax) return token
  throw new UsageError(`A token has 1 to ${relayTokenBytesMax} bytes.`)
}

function networks(words: readonly string[]): BlockList {
  const list = new BlockList()
  for (const word of words) {
    const [host = '', bits, ...rest] = word.split('/')
    const version = isIP(host)
    const whole = version === 6 ? 128 : 32
    const prefix = bits === undefined ? whole : /^\d{1,3}$/.test(bits) ? Number(bits) : -1
    if (version === 0 || rest.length > 0 || prefix < 0 || prefix > whole) {
      throw new UsageError(`“${word}” is no address or network; one looks like 192.0.2.7 or 2001:db8::/32.`)
    }
    list.addSubnet(host, prefix, version === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}
