/** What two say to each other before they dial: DCUtR's two messages, in the order they come. */
import type { Stream } from '@libp2p/interface'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { bytes, list, uint } from '../../protocol/codec/fields.ts'
import { struct, type Codec } from '../../protocol/codec/schema.ts'
import { addressBytesMax, addressesMax } from '../../protocol/limits.ts'
import { Frames } from '../../protocol/shell/frames.ts'
import { Unreachable } from './deadline.ts'

interface HolePunch {
  readonly type: number
  readonly addresses: readonly Uint8Array[]
}

/** `HolePunch` of the specification. */
const holePunch: Codec<HolePunch> = struct<HolePunch>({
  type: [1, uint(300)],
  addresses: [2, list(bytes(1, addressBytesMax), addressesMax)],
})

/** Each side says two things; who says more is not listened to. */
const wordsMax = 2
const connectType = 100
const syncType = 300

export class MeetingWords {
  readonly #frames: Frames<HolePunch>
  readonly #heard: HolePunch[] = []
  #waiting: { readonly resolve: (said: HolePunch) => void; readonly reject: (error: Error) => void } | undefined
  #ended = false

  constructor(stream: Stream) {
    this.#frames = new Frames<HolePunch>(stream, {
      codec: holePunch,
      onFrame: (said) => {
        if (this.#waiting !== undefined) this.#waiting.resolve(said)
        else if (this.#heard.length < wordsMax) this.#heard.push(said)
      },
      onEnd: () => {
        this.#ended = true
        this.#waiting?.reject(new Unreachable('connection closed'))
      },
    })
  }

  connect(own: readonly Multiaddr[]): void {
    const addresses = own.slice(0, addressesMax).map(({ bytes: encoded }) => encoded)
    this.#frames.send({ type: connectType, addresses })
  }

  sync(): void {
    this.#frames.send({ type: syncType, addresses: [] })
  }

  /** Their addresses; what does not parse is left out. */
  async connected(): Promise<readonly (Multiaddr | undefined)[]> {
    const { addresses } = await this.#next(connectType)
    return addresses.map(parsed)
  }

  async synced(): Promise<void> {
    await this.#next(syncType)
  }

  async #next(type: number): Promise<HolePunch> {
    const said = this.#heard.shift() ?? (await this.#wait())
    if (said.type !== type) throw new Unreachable('an answer that makes no sense')
    return said
  }

  #wait(): Promise<HolePunch> {
    if (this.#ended) return Promise.reject(new Unreachable('connection closed'))
    return new Promise((resolve, reject) => (this.#waiting = { resolve, reject })).finally(() => {
      this.#waiting = undefined
    }) as Promise<HolePunch>
  }
}

function parsed(encoded: Uint8Array): Multiaddr | undefined {
  try {
    return multiaddr(encoded)
  } catch {
    return undefined // The library throws on anything that is not a multiaddr.
  }
}
