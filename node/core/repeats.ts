/**
 * Repeats we ask for: of what a relay brought and nobody could read. Its sender is asked in a session of its own, since the
 * last one may be why.
 *
 * Anybody can deposit garbage in a contact's name, and nothing tells it from what is genuine and can be read no more. So a
 * device that was asked is left alone for a while, longer each time, and is then asked for all of it at once: garbage makes
 * a request larger, of which its receiver passes over what they never sent, and nothing genuine waits for more than one pause.
 *
 * Nothing of this is kept: what is asked for in vain, or not at all, is offered again by its sender.
 */
import type { DeviceId, EnvelopeId } from '../../protocol/ids.ts'
import { idsPerFrameMax } from '../../protocol/limits.ts'
import { backoffMs } from './backoff.ts'
import type { Draft } from './draft.ts'
import type { Outbox } from './outbox.ts'
import type { Contact } from './state.ts'

/** The longest is less than the time after which a sender offers again what nobody confirmed. */
const pause = { minMs: 10_000, maxMs: 600_000 }

interface Asked {
  /** What could not be read since, the oldest first; of more than a request can name, the newest. */
  readonly ids: Set<EnvelopeId>
  /** How often, without a long pause between. */
  times: number
  /** Not before this again. */
  fromMs: number
}

export class Repeats {
  readonly #outbox: Outbox
  readonly #asked = new Map<DeviceId, Asked>()

  constructor(outbox: Outbox) {
    this.#outbox = outbox
  }

  /** Asks a contact's device for this, at once or with the next request. */
  want(device: DeviceId, id: EnvelopeId, contact: Contact, draft: Draft): void {
    const asked = this.#asked.get(device) ?? { ids: new Set(), times: 0, fromMs: 0 }
    this.#asked.set(device, asked)
    asked.ids.add(id)
    const [oldest] = asked.ids
    if (oldest !== undefined && asked.ids.size > idsPerFrameMax) asked.ids.delete(oldest)
    if (asked.fromMs <= draft.nowMs) this.#ask(device, asked, contact, draft)
  }

  tick(draft: Draft): void {
    for (const [device, asked] of this.#asked) {
      if (asked.fromMs > draft.nowMs) continue
      const contact = draft.contactOfDevice(device)
      if (contact?.state !== 'added') this.#asked.delete(device)
      else if (asked.ids.size > 0) this.#ask(device, asked, contact, draft)
      else if (isLongAgo(asked, draft)) this.#asked.delete(device)
    }
  }

  /** Nobody waits for a time that was only thought to be near. */
  clockSetBack({ nowMs }: Draft): void {
    for (const asked of this.#asked.values()) asked.fromMs = Math.min(asked.fromMs, nowMs)
  }

  nextDeadline(): number {
    let earliestMs = Number.POSITIVE_INFINITY
    for (const { ids, fromMs } of this.#asked.values()) if (ids.size > 0) earliestMs = Math.min(earliestMs, fromMs)
    return earliestMs
  }

  #ask(device: DeviceId, asked: Asked, contact: Contact, draft: Draft): void {
    asked.times = isLongAgo(asked, draft) ? 1 : asked.times + 1
    asked.fromMs = draft.nowMs + backoffMs(asked.times, pause, draft.random)
    const lane = this.#outbox.laneFor(device, contact.account)
    lane.needsFreshSession = true
    lane.unheard = true // Their relay may give spent one-time keys, and this must be read.
    this.#outbox.submitControl(contact, { kind: 'retry', ids: [...asked.ids] }, draft)
    asked.ids.clear()
  }
}

/** Nothing has been unreadable since the pause, for as long as the longest. */
function isLongAgo({ fromMs }: Asked, { nowMs }: Draft): boolean {
  return fromMs + pause.maxMs < nowMs
}
