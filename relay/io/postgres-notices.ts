/**
 * What relays on one database tell each other about their commits, and how it is written in a notice: that mail arrived, that
 * an envelope was lost, that few prekeys are left, that there is room again in a mailbox which was full.
 *
 * Room is told only where somebody waits for it, or every acknowledgement would have to be told: a relay whose depositor was
 * refused says that it wants room in that mailbox, and who makes some then says so, once. All of it is a courtesy to those who
 * are connected elsewhere; what is missed is found out by them in time.
 */
import type { DeviceId, EnvelopeId } from '../../protocol/ids.ts'
import type { Notice } from '../core/inputs.ts'
import type { StoreCall, StoreOutcome } from '../core/store-calls.ts'

/** A piece of news as it is written, by what it replaces: of two about one thing only the later is sent. */
export type News = readonly [about: string, word: string]

/** Full mailboxes in which other relays want room; the oldest are forgotten. */
const wantedMax = 10_000

const reasons = { p: 'pruned', x: 'expired' } as const

export interface NoticesInit {
  readonly arrived?: (mailboxes: readonly DeviceId[]) => void
  readonly noticed?: (notices: readonly Notice[]) => void
}

export class Notices {
  readonly #wanted = new Set<DeviceId>()
  readonly #init: NoticesInit

  constructor(init: NoticesInit) {
    this.#init = init
  }

  /** What the other relays should know of a call that was carried out. */
  of(call: StoreCall, outcome: StoreOutcome): readonly News[] {
    if (!outcome.ok) return []
    switch (outcome.op) {
      case 'enqueue': {
        if (call.op !== 'enqueue') return []
        const { mailbox } = call
        if (outcome.answer.state === 'full') return [news('w', mailbox)]
        if (outcome.answer.state !== 'stored') return []
        return [news('m', mailbox), ...outcome.answer.pruned.map((id) => lost(mailbox, id, 'p'))]
      }
      case 'ack':
        return call.op === 'ack' && outcome.answer.deleted > 0 ? this.#room(call.mailbox) : []
      case 'sweep':
        return outcome.answer.lost.flatMap(({ mailbox, id }) => [lost(mailbox, id, 'x'), ...this.#room(mailbox)])
      case 'take-prekey': {
        const { answer } = outcome
        if (call.op !== 'take-prekey' || answer.state !== 'taken' || answer.preKey === undefined) return []
        return [[`k${call.device}`, `k${call.device}:${answer.left}`]]
      }
      default:
        return []
    }
  }

  /** From another relay. What is not understood, as from a newer one, is passed over. */
  heard(words: readonly string[]): void {
    const mailboxes: DeviceId[] = []
    const notices: Notice[] = []
    for (const word of words) {
      const [first = '', second = '', third = ''] = word.slice(1).split(':')
      const mailbox = first as DeviceId
      switch (word[0]) {
        case 'm':
          mailboxes.push(mailbox)
          break
        case 'w':
          this.#want(mailbox)
          break
        case 'r':
          notices.push({ kind: 'room', mailbox })
          break
        case 'k':
          notices.push({ kind: 'prekeys-left', device: mailbox, left: Number(second) })
          break
        case 'l':
          if (third !== 'p' && third !== 'x') break
          notices.push({ kind: 'lost', mailbox, id: second as EnvelopeId, reason: reasons[third] })
          break
        default:
          break
      }
    }
    if (mailboxes.length > 0) this.#init.arrived?.(mailboxes)
    if (notices.length > 0) this.#init.noticed?.(notices)
  }

  #want(mailbox: DeviceId): void {
    this.#wanted.add(mailbox)
    if (this.#wanted.size <= wantedMax) return
    const [oldest] = this.#wanted
    if (oldest !== undefined) this.#wanted.delete(oldest)
  }

  #room(mailbox: DeviceId): readonly News[] {
    return this.#wanted.delete(mailbox) ? [news('r', mailbox)] : []
  }
}

function news(kind: 'm' | 'w' | 'r', mailbox: DeviceId): News {
  return [kind + mailbox, kind + mailbox]
}

function lost(mailbox: DeviceId, id: EnvelopeId, reason: keyof typeof reasons): News {
  const word = `l${mailbox}:${id}:${reason}`
  return [word, word]
}
