/**
 * The owner's side of a mailbox: its device is online and takes what waits, most urgent first, as far as its credit goes.
 *
 * Credit counts envelopes: each one sent uses up one, and only `more` adds to it. Envelopes on their way without an
 * acknowledgement are bounded besides, in number and in bytes, whatever credit is given; they are not sent again on the
 * same subscription, and all of them are on the next one. One subscription a device: the newest replaces the one before.
 * What is in a mailbox is the store's to know.
 */
import type { DeviceId, EnvelopeId } from '../../protocol/ids.ts'
import { frameBytesMax, idsPerFrameMax, pageMessagesMax, preKeysLow } from '../../protocol/limits.ts'
import type { Envelope } from '../../protocol/wire/mailbox.ts'
import type { RelayLimits } from './limits.ts'
import type { Reached } from './reached.ts'
import { refused, type StoreDesk } from './store-desk.ts'
import type { Answer, StoreRefusal } from './store-calls.ts'
import { trust, type OpenStream } from './streams.ts'
import { opened, type Subscription } from './subscription.ts'
import type { Turn } from './turn.ts'

/** Bytes a page adds around each envelope, at most: id, urgency, expiry, tags and lengths. */
const envelopeOverheadBytes = 64

export class Subscriptions {
  readonly #limits: RelayLimits
  readonly #reached: Reached
  readonly #desk: StoreDesk
  readonly #byDevice = new Map<DeviceId, Subscription>()
  readonly #stalled = new Set<Subscription>()

  constructor(limits: RelayLimits, desk: StoreDesk, reached: Reached) {
    this.#limits = limits
    this.#reached = reached
    this.#desk = desk
  }

  get count(): number {
    return this.#byDevice.size
  }

  subscribe(stream: OpenStream, device: DeviceId, credit: number, turn: Turn): void {
    const before = this.#byDevice.get(device)
    if (before !== undefined) {
      this.#drop(before)
      if (before.stream !== stream) turn.act({ kind: 'close', stream: before.stream.id, reason: 'subscribed anew' })
    }
    const subscription = opened(stream, device, credit)
    this.#byDevice.set(device, subscription)
    this.#countPreKeys(subscription, turn)
    this.#tell(subscription, turn)
    this.#read(subscription, turn)
  }

  addCredit(stream: OpenStream, credit: number, turn: Turn): void {
    const subscription = this.#of(stream)
    if (subscription === undefined) return
    subscription.credit = Math.min(subscription.credit + credit, this.#limits.inFlightMessagesMax)
    this.#pump(subscription, turn)
  }

  /** These are off the disk now, whether as envelopes or as tombstones. */
  acknowledged(device: DeviceId, ids: readonly EnvelopeId[], turn: Turn): void {
    const subscription = this.#byDevice.get(device)
    if (subscription === undefined) return
    const toldAllowed = subscription.told.size < idsPerFrameMax
    for (const id of ids) {
      const bytes = subscription.inFlight.take(id)?.bytes ?? 0
      subscription.windowBytes = Math.min(subscription.windowBytes + bytes, this.#limits.inFlightBytesMax)
      subscription.told.delete(id)
    }
    if (!toldAllowed) this.#tell(subscription, turn)
    this.#pump(subscription, turn)
  }

  /** Sends what is not on disk, if the device is there, nothing else waits for it, and it can be expected to answer at once. */
  handOver(device: DeviceId, envelope: Envelope, turn: Turn): boolean {
    const subscription = this.#byDevice.get(device)
    if (subscription === undefined || this.#limits.handOverMsMax === 0) return false
    const { served, prompt, drained, reading, told, telling } = subscription
    if (!served || !prompt || !drained || reading || !this.#fits(subscription, envelope)) return false
    if (telling || told.size > 0) return false // One of them may be this very envelope: only the store knows.
    this.#send(subscription, [envelope], true, turn)
    return true
  }

  /** Something handed over had to be stored after all: what comes next is stored at once. */
  wasSlow(device: DeviceId): void {
    const subscription = this.#byDevice.get(device)
    if (subscription !== undefined) subscription.prompt = false
  }

  /** The device says that it has these. Whoever was slow and is quick again is handed the next before it is stored. */
  confirmed(device: DeviceId, ids: readonly EnvelopeId[], nowMs: number): void {
    const subscription = this.#byDevice.get(device)
    if (subscription === undefined || subscription.prompt) return
    for (const id of ids) {
      const sent = subscription.inFlight.get(id)
      if (sent !== undefined && nowMs - sent.sentMs < this.#limits.handOverMsMax) subscription.prompt = true
    }
  }

  /** A new envelope is on disk. Sent at once when nothing else waits, so that it need not be read back. */
  stored(device: DeviceId, envelope: Envelope, turn: Turn): void {
    const subscription = this.#byDevice.get(device)
    if (subscription === undefined || subscription.inFlight.get(envelope.id) !== undefined) return // It was handed over.
    if (subscription.reading) {
      subscription.arrived = true
    } else if (subscription.drained && this.#fits(subscription, envelope)) {
      this.#send(subscription, [envelope], true, turn)
    } else {
      subscription.drained = false
      this.#pump(subscription, turn)
    }
  }

  /** Something may wait that this process was not told of. */
  arrived(mailboxes: readonly DeviceId[] | 'any', turn: Turn): void {
    for (const device of mailboxes === 'any' ? this.#byDevice.keys() : mailboxes) {
      const subscription = this.#byDevice.get(device)
      if (subscription === undefined) continue
      if (subscription.reading) subscription.arrived = true
      subscription.drained = false
      this.#tell(subscription, turn)
      this.#pump(subscription, turn)
    }
  }

  /** An envelope of this mailbox was dropped unread. */
  lost(device: DeviceId, turn: Turn): void {
    const subscription = this.#byDevice.get(device)
    if (subscription !== undefined) this.#tell(subscription, turn)
  }

  preKeysLeft(device: DeviceId, left: number, turn: Turn): void {
    const subscription = this.#byDevice.get(device)
    if (subscription === undefined || left >= preKeysLow) return
    turn.sendMailbox(subscription.stream.id, { kind: 'prekeys-left', left })
  }

  /** The device has a mailbox here from now on. */
  published(device: DeviceId, turn: Turn): void {
    const subscription = this.#byDevice.get(device)
    if (subscription === undefined) return
    subscription.served = true
    trust(subscription.stream, turn)
  }

  /** True when the stream was a subscription. */
  closed(stream: OpenStream): boolean {
    const subscription = this.#of(stream)
    if (subscription !== undefined) this.#drop(subscription)
    return subscription !== undefined
  }

  /** Takes up what the store was too busy for. */
  ticked(turn: Turn): void {
    for (const subscription of this.#stalled) {
      if ((subscription.retryAtMs ?? 0) > turn.nowMs) continue
      this.#stalled.delete(subscription)
      subscription.retryAtMs = undefined
      this.#pump(subscription, turn)
    }
  }

  nextDeadline(): number | undefined {
    const [first] = this.#stalled // All wait equally long, so the first to stall is the first to go on.
    return first?.retryAtMs
  }

  #of(stream: OpenStream): Subscription | undefined {
    const subscription = stream.device === undefined ? undefined : this.#byDevice.get(stream.device)
    return subscription?.stream === stream ? subscription : undefined
  }

  #drop(subscription: Subscription): void {
    this.#byDevice.delete(subscription.device)
    this.#stalled.delete(subscription)
  }

  #isLive(subscription: Subscription): boolean {
    return this.#byDevice.get(subscription.device) === subscription
  }

  /** Envelopes that may be sent now. */
  #usable({ credit, inFlight, windowBytes }: Subscription): number {
    if (inFlight.bytes >= Math.min(windowBytes, this.#limits.inFlightBytesMax)) return 0
    return Math.min(credit, this.#limits.inFlightMessagesMax - inFlight.count)
  }

  #fits(subscription: Subscription, envelope: Envelope): boolean {
    return this.#usable(subscription) > 0 && subscription.inFlight.get(envelope.id) === undefined
  }

  #pump(subscription: Subscription, turn: Turn): void {
    if (subscription.reading || subscription.drained || subscription.retryAtMs !== undefined) return
    if (this.#usable(subscription) > 0) this.#read(subscription, turn)
    else if (subscription.credit > 0) this.#reached.count(windowOf(subscription, this.#limits))
  }

  #read(subscription: Subscription, turn: Turn): void {
    subscription.reading = true
    const ask = {
      mailbox: subscription.device,
      except: subscription.inFlight.ids,
      countMax: Math.min(this.#usable(subscription), pageMessagesMax),
      // One envelope comes in any case.
      bytesMax: Math.min(frameBytesMax - envelopeOverheadBytes, subscription.windowBytes - subscription.inFlight.bytes),
      overheadBytes: envelopeOverheadBytes,
      nowMs: turn.nowMs,
    }
    this.#desk.ask(turn, 'page', ask, (answer, later) => this.#onPage(subscription, answer, later))
  }

  #onPage(subscription: Subscription, answer: Answer<'page'> | StoreRefusal, turn: Turn): void {
    if (!this.#isLive(subscription)) return
    subscription.reading = false
    if (refused(answer)) return this.#stall(subscription, turn)
    subscription.drained = !answer.more && !subscription.arrived
    subscription.arrived = false
    this.#send(subscription, answer.envelopes, subscription.drained, turn)
    this.#pump(subscription, turn)
  }

  #stall(subscription: Subscription, turn: Turn): void {
    subscription.retryAtMs = turn.nowMs + this.#limits.busyRetryMs
    this.#stalled.add(subscription)
  }

  #send(subscription: Subscription, envelopes: readonly Envelope[], empty: boolean, turn: Turn): void {
    for (const { id, sealed } of envelopes) {
      subscription.inFlight.add({ id, bytes: sealed.length, sentMs: turn.nowMs })
    }
    subscription.credit -= envelopes.length
    if (envelopes.length === 0 && !empty) return
    turn.sendMailbox(subscription.stream.id, { kind: 'page', envelopes, empty })
  }

  #countPreKeys(subscription: Subscription, turn: Turn): void {
    const { device, stream } = subscription
    this.#desk.ask(turn, 'count-prekeys', { device }, (answer, later) => {
      if (!this.#isLive(subscription) || refused(answer)) return
      if (answer.published) {
        subscription.served = true
        trust(stream, later)
      }
      this.preKeysLeft(device, answer.left, later)
    })
  }

  #tell(subscription: Subscription, turn: Turn): void {
    if (subscription.telling) subscription.lostMeanwhile = true
    if (subscription.telling || subscription.told.size >= idsPerFrameMax) return
    subscription.telling = true
    const ask = {
      mailbox: subscription.device,
      except: [...subscription.told],
      countMax: idsPerFrameMax - subscription.told.size,
    }
    this.#desk.ask(turn, 'tombstones', ask, (answer, later) => {
      if (!this.#isLive(subscription)) return
      subscription.telling = false
      if (refused(answer)) return // They stay in the store, and are told on the next subscription at the latest.
      for (const { id } of answer.lost) subscription.told.add(id)
      if (answer.lost.length > 0) later.sendMailbox(subscription.stream.id, { kind: 'tombstones', lost: answer.lost })
      if (!subscription.lostMeanwhile) return
      subscription.lostMeanwhile = false
      this.#tell(subscription, later)
    })
  }
}

/** Which of its windows holds a slow reader back. */
function windowOf(reader: Subscription, limits: RelayLimits): 'inFlightBytesMax' | 'inFlightMessagesMax' {
  const full = reader.inFlight.count >= limits.inFlightMessagesMax
  return full ? 'inFlightMessagesMax' : 'inFlightBytesMax'
}
