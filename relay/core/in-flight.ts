/**
 * Envelopes on their way to one device without an acknowledgement, in the order they were sent. They are acknowledged in nearly
 * that order, so the first of a list is found at once, and there are no more than `inFlightMessagesMax`; a map that so much passes
 * through leaves its old tables behind, and with them what they held.
 */
import type { EnvelopeId } from '../../protocol/ids.ts'

export interface Sent {
  readonly id: EnvelopeId
  readonly bytes: number
  readonly sentMs: number
}

export class InFlight {
  readonly #sent: Sent[] = []
  #bytes = 0

  get count(): number {
    return this.#sent.length
  }

  get bytes(): number {
    return this.#bytes
  }

  get ids(): EnvelopeId[] {
    return this.#sent.map(({ id }) => id)
  }

  get(id: EnvelopeId): Sent | undefined {
    return this.#sent.find((sent) => sent.id === id)
  }

  add(sent: Sent): void {
    this.#sent.push(sent)
    this.#bytes += sent.bytes
  }

  /** Undefined when it is not on its way. */
  take(id: EnvelopeId): Sent | undefined {
    const at = this.#sent.findIndex((sent) => sent.id === id)
    const [sent] = at < 0 ? [] : this.#sent.splice(at, 1)
    this.#bytes -= sent?.bytes ?? 0
    return sent
  }
}
