/** What a scale run is measured by: latencies, queues, bytes and retries, in total and over time. */
import type { Message } from '../../../node/core/state.ts'
import type { AccountId } from '../../../protocol/ids.ts'
import type { SimDevice } from '../world/device.ts'
import type { Person } from '../world/person.ts'
import type { SimRelay } from '../world/relay.ts'
import type { Watch } from '../world/watch.ts'
import type { World } from '../world/world.ts'

/** The time of a run is cut into so many slices for the picture. */
export const slices = 96

export interface Slice {
  said: number
  shown: number
  latenciesMs: number[]
  /** At the end of the slice: on their way at senders, and waiting at relays. */
  outbox: number
  mailbox: number
}

export class Measures {
  readonly #world: World
  readonly #sliceMs: number
  readonly #saidMs = new Map<string, number>()
  /** To whom what nobody has been shown yet was said. */
  readonly #unshown = new Map<string, AccountId>()
  readonly #offered = new Set<string>()
  readonly slices: Slice[] = Array.from({ length: slices }, () => ({
    said: 0,
    shown: 0,
    latenciesMs: [],
    outbox: 0,
    mailbox: 0,
  }))
  readonly latenciesMs: number[] = []
  readonly worstMailbox = { count: 0, relay: '' }
  readonly #inMailbox = new Map<SimRelay, Map<string, number>>()
  /** What each device sends goes to one device, so that an id is enough. */
  readonly #onTheirWay = new Set<string>()
  #mailbox = 0
  said = 0
  shown = 0
  delivered = 0
  expired = 0
  direct = 0
  deposits = 0
  retries = 0
  outboxMax = 0

  constructor(world: World, forMs: number) {
    this.#world = world
    this.#sliceMs = forMs / slices
  }

  watch(): Watch {
    return {
      committed: (device, changes) => {
        for (const change of changes) {
          switch (change.kind) {
            case 'put-delivery':
              this.#onTheirWay.add(change.delivery.messageId)
              this.outboxMax = Math.max(this.outboxMax, this.#onTheirWay.size)
              break
            case 'drop-delivery':
              this.#onTheirWay.delete(change.messageId)
              break
            case 'put-message':
              if (change.message.outgoing && change.message.state === 'queued') this.#say(change.message)
              break
            case 'add-event':
              this.#told(device, change.stored.event)
              break
            default:
          }
        }
      },
      performed: (_device, effect) => {
        if (effect.kind !== 'deposit') return
        this.deposits++
        if (this.#offered.has(effect.envelope.id)) this.retries++
        else this.#offered.add(effect.envelope.id)
      },
      stored: (relay, call, outcome) => {
        if (!outcome.ok) return
        if (call.op === 'enqueue' && outcome.op === 'enqueue' && outcome.answer.state === 'stored') {
          this.#moveMailbox(relay, call.mailbox, 1 - outcome.answer.pruned.length)
        }
        if (call.op === 'ack' && outcome.op === 'ack') this.#moveMailbox(relay, call.mailbox, -outcome.answer.deleted)
        if (call.op === 'sweep' && outcome.op === 'sweep') {
          for (const { mailbox } of outcome.answer.lost) this.#moveMailbox(relay, mailbox, -1)
        }
      },
      wiped: (relay) => {
        for (const count of this.#inMailbox.get(relay)?.values() ?? []) this.#mailbox -= count
        this.#inMailbox.delete(relay)
      },
    }
  }

  /** To be called at the end of each slice. */
  close(index: number): void {
    const slice = this.slices[index]
    if (slice === undefined) return
    slice.outbox = this.#onTheirWay.size
    slice.mailbox = this.#mailbox
  }

  get waiting(): { outbox: number; mailbox: number } {
    return { outbox: this.#onTheirWay.size, mailbox: this.#mailbox }
  }

  /** What was not shown by now, by whether its recipient's device runs. */
  unshown(people: readonly Person[]): { readonly away: number; readonly here: number } {
    const running = new Set(people.filter(({ device }) => device.running).map(({ account }) => account))
    const here = [...this.#unshown.values()].filter((account) => running.has(account)).length
    return { away: this.#unshown.size - here, here }
  }

  #say({ id, conversation }: Message): void {
    if (this.#saidMs.has(id)) return
    this.#saidMs.set(id, this.#world.nowMs)
    this.#unshown.set(id, conversation)
    this.said++
    const slice = this.#slice()
    if (slice !== undefined) slice.said++
  }

  #told(
    _device: SimDevice,
    event: { readonly type: string; readonly id?: string; readonly state?: string; readonly via?: string },
  ): void {
    if (event.type === 'status' && event.state === 'expired') this.expired++
    if (event.type === 'status' && event.state === 'delivered') {
      this.delivered++
      if (event.via === 'direct') this.direct++
    }
    if (event.type !== 'message' || event.id === undefined) return
    this.shown++
    this.#unshown.delete(event.id)
    const saidMs = this.#saidMs.get(event.id)
    if (saidMs === undefined) return
    const latencyMs = this.#world.nowMs - saidMs
    this.latenciesMs.push(latencyMs)
    const slice = this.#slice()
    if (slice === undefined) return
    slice.shown++
    slice.latenciesMs.push(latencyMs)
  }

  #moveMailbox(relay: SimRelay, mailbox: string, by: number): void {
    if (by === 0) return
    let mailboxes = this.#inMailbox.get(relay)
    if (mailboxes === undefined) this.#inMailbox.set(relay, (mailboxes = new Map()))
    const count = (mailboxes.get(mailbox) ?? 0) + by
    if (count > 0) mailboxes.set(mailbox, count)
    else mailboxes.delete(mailbox)
    this.#mailbox += by
    if (count > this.worstMailbox.count) Object.assign(this.worstMailbox, { count, relay: relay.name })
  }

  #slice(): Slice | undefined {
    return this.slices[Math.min(slices - 1, Math.floor(this.#world.nowMs / this.#sliceMs))]
  }
}

/** The value below which a share of them lie; 0 of none. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}
