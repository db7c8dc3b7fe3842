/** A device at its own relays, as `node/io/relay-links.ts` has it: subscribes, collects, gives credit as it acknowledges. */
import type { DeviceId, EnvelopeId } from '../../../protocol/ids.ts'
import { idsPerFrameMax, pageMessagesMax } from '../../../protocol/limits.ts'
import { mailboxProtocol, type Envelope, type MailboxFrame } from '../../../protocol/wire/mailbox.ts'
import { relayDevice } from '../../../node/core/other-relays.ts'
import type { Input } from '../../../node/core/inputs.ts'
import type { Carriage } from './carriage.ts'
import type { Reservations } from './circuits.ts'
import type { Host, Network } from './network.ts'
import type { End } from './wire.ts'

export interface MailboxLinesInit {
  readonly network: Network
  readonly host: Host
  readonly own: DeviceId
  readonly carriage: Carriage
  readonly push: (input: Input) => void
  readonly reservations: Pick<Reservations, 'risen' | 'lost' | 'left'>
}

interface Line {
  readonly relay: string
  end: End | undefined
  left: boolean
  readonly collected: Set<EnvelopeId>
  acknowledged: EnvelopeId[]
}

export class MailboxLines {
  readonly #init: MailboxLinesInit
  readonly #lines = new Map<string, Line>()
  #unflushed: Line[] = []

  constructor(init: MailboxLinesInit) {
    this.#init = init
  }

  connect(relay: string): void {
    if (this.#lines.has(relay)) return
    const { network, host, own, push, carriage, reservations } = this.#init
    const line: Line = { relay, end: undefined, left: false, collected: new Set(), acknowledged: [] }
    this.#lines.set(relay, line)
    const listener = {
      onFrame: (frame: unknown) => this.#received(line, frame as MailboxFrame),
      onEnd: (reason: string) => this.#lost(line, reason),
    }
    const [addresses, expects] = [[addressOf(relay)], expectedAt(relay)]
    network.dial({ from: host, addresses, expects, protocol: mailboxProtocol, as: own, listener }, (dialled) => {
      if (!dialled.ok) return this.#lost(line, dialled.reason)
      line.end = dialled.end
      if (line.left) return dialled.end.close('left')
      carriage.mailbox(dialled.end, { kind: 'subscribe', credit: pageMessagesMax })
      push({ kind: 'relay-risen', relay })
      reservations.risen(relay)
    })
  }

  leave(relay: string): void {
    const line = this.#lines.get(relay)
    if (line === undefined) return
    this.#lines.delete(relay)
    this.#init.reservations.left(relay)
    line.left = true
    line.end?.close('left')
  }

  /** Acts of one batch come one after the other; the relay gets one acknowledgement for all of them. */
  acknowledge(relay: string, ids: readonly EnvelopeId[]): void {
    const line = this.#lines.get(relay)
    if (line === undefined) return
    if (line.acknowledged.length === 0) this.#unflushed.push(line)
    line.acknowledged.push(...ids)
  }

  /** The acts of a batch are done. */
  flush(): void {
    if (this.#unflushed.length === 0) return
    for (const line of this.#unflushed.splice(0)) this.#flush(line)
  }

  #flush(line: Line): void {
    const ids = line.acknowledged
    line.acknowledged = []
    if (line.end === undefined) return
    for (let i = 0; i < ids.length; i += idsPerFrameMax) {
      this.#init.carriage.mailbox(line.end, { kind: 'ack', ids: ids.slice(i, i + idsPerFrameMax) })
    }
    const credit = ids.filter((id) => line.collected.delete(id)).length
    if (credit > 0) this.#init.carriage.mailbox(line.end, { kind: 'more', credit })
  }

  #received(line: Line, frame: MailboxFrame): void {
    const { relay } = line
    const { push } = this.#init
    switch (frame.kind) {
      case 'page':
        return this.#collect(line, frame.envelopes)
      case 'tombstones':
        return push({ kind: 'tombstones-collected', relay, lost: frame.lost })
      case 'prekeys-left':
        return push({ kind: 'prekeys-counted', relay, left: frame.left })
      default:
        line.end?.close('a frame that is not for the owner of a mailbox')
    }
  }

  #collect(line: Line, envelopes: readonly Envelope[]): void {
    if (line.collected.size + envelopes.length > pageMessagesMax) {
      line.end?.close('more than there was credit for')
      return
    }
    for (const envelope of envelopes) {
      line.collected.add(envelope.id)
      this.#init.push({ kind: 'envelope-collected', relay: line.relay, envelope })
    }
  }

  #lost(line: Line, reason: string): void {
    if (this.#lines.get(line.relay) !== line) return // We left meanwhile.
    this.#lines.delete(line.relay)
    this.#init.reservations.lost(line.relay)
    this.#init.push({ kind: 'relay-lost', relay: line.relay, reason })
  }
}

/** A full multiaddr without the PeerId at its end. */
export function addressOf(full: string): string {
  return full.slice(0, full.lastIndexOf('/p2p/'))
}

const expected = new Map<string, DeviceId>()

export function expectedAt(full: string): DeviceId {
  const known = expected.get(full)
  if (known !== undefined) return known
  const device = relayDevice(full)
  if (device === undefined) throw new RangeError(`no device stands at the end of ${full}`)
  expected.set(full, device)
  return device
}
