/**
 * Answers identify (`/ipfs/id/1.0.0`), by which whoever connects learns the relay's addresses and protocols and how they
 * themselves are seen from there. Asks nobody in turn: a relay has no use for the answers, and a stream to everybody who
 * connects would double what that costs.
 *
 * Everybody gets the same bytes, made once, but for the address they are seen at; libp2p's own service reads its peer store and
 * signs a record for each. No signed record is sent: what says who speaks is the channel, which names the relay's key.
 */
import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { serviceCapabilities } from '@libp2p/interface'
import type {
  Connection,
  Libp2pEvents,
  PrivateKey,
  Startable,
  Stream,
  StreamHandler,
  StreamHandlerOptions,
  TypedEventTarget,
} from '@libp2p/interface'
import { CODE_P2P, multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import * as lp from 'it-length-prefixed'
import { bytes, list, text } from '../../protocol/codec/fields.ts'
import { struct, type Codec } from '../../protocol/codec/schema.ts'
import { concatBytes } from '../../protocol/crypto/bytes.ts'

export interface IdentifyAnswerComponents {
  readonly privateKey: PrivateKey
  readonly addressManager: { getAddresses(): Multiaddr[] }
  readonly registrar: {
    getProtocols(): string[]
    handle(protocol: string, handler: StreamHandler, options?: StreamHandlerOptions): Promise<void>
    unhandle(protocol: string): Promise<void>
  }
  readonly events: TypedEventTarget<Libp2pEvents>
}

export type IdentifyAnswer = Startable

const identifyProtocol = '/ipfs/id/1.0.0'
const agent = 'linnet-relay'
const protocolVersion = 'ipfs/0.1.0'
/** What others take in one message; a relay has a handful of addresses and a dozen protocols. */
const [addressesMax, addressBytesMax, protocolsMax, wordBytesMax] = [64, 256, 64, 128]

interface Common {
  readonly publicKey: Uint8Array
  readonly listenAddrs: readonly Uint8Array[]
  readonly protocols: readonly string[]
  readonly protocolVersion: string
  readonly agentVersion: string
}

const common: Codec<Common> = struct<Common>({
  publicKey: [1, bytes(1, 128)],
  listenAddrs: [2, list(bytes(1, addressBytesMax), addressesMax)],
  protocols: [3, list(text(wordBytesMax), protocolsMax)],
  protocolVersion: [5, text(wordBytesMax)],
  agentVersion: [6, text(wordBytesMax)],
})

const observed: Codec<{ readonly observedAddr: Uint8Array }> = struct<{ readonly observedAddr: Uint8Array }>({
  observedAddr: [4, bytes(1, addressBytesMax)],
})

export function identifyAnswer(): (components: IdentifyAnswerComponents) => IdentifyAnswer {
  return ({ privateKey, addressManager, registrar, events }) => {
    let said: Uint8Array | undefined
    // Told whenever an address or a protocol came or went.
    events.addEventListener('self:peer:update', () => (said = undefined))
    const say = (): Uint8Array =>
      common.encode({
        publicKey: publicKeyToProtobuf(privateKey.publicKey),
        listenAddrs: addressManager.getAddresses().map((address) => address.decapsulateCode(CODE_P2P).bytes),
        protocols: registrar.getProtocols(),
        protocolVersion,
        agentVersion: agent,
      })
    const answer = (stream: Stream, connection: Connection): void => {
      // A field may stand anywhere in a message, so this one is put behind the others.
      const message = concatBytes((said ??= say()), observed.encode({ observedAddr: bytesOf(connection.remoteAddr) }))
      stream.send(lp.encode.single(message))
      stream.close().catch((error: unknown) => {
        stream.abort(error instanceof Error ? error : new Error('close failed'))
      })
    }
    return Object.assign(
      {
        start: () => registrar.handle(identifyProtocol, answer, { maxInboundStreams: 1 }),
        stop: () => registrar.unhandle(identifyProtocol),
      },
      { [serviceCapabilities]: ['@libp2p/identify'] },
    )
  }
}

/** Of a copy, because an address keeps its bytes once it was asked for them. */
function bytesOf(address: Multiaddr): Uint8Array {
  return multiaddr(address.getComponents()).bytes
}
