/**
 * All deposits at one relay: one long-lived anonymous stream, opened when there is something to deposit and closed when
 * there has been nothing for a while. Every deposit is answered exactly once: by the relay, or as unreachable when the relay
 * cannot be reached, hangs up, or leaves one deposit without an answer for too long. The core decides what to do then.
 */
import type { DeviceId, EnvelopeId } from '../../protocol/ids.ts'
import { depositIdleAfterFullMs, depositIdleMs, requestMsMax } from '../../protocol/limits.ts'
import { Frames } from '../../protocol/shell/frames.ts'
import { mailboxFrame, mailboxProtocol, type Envelope, type MailboxFrame } from '../../protocol/wire/mailbox.ts'
import type { DepositAnswer, Input } from '../core/inputs.ts'
import { placeOf } from './addresses.ts'
import type { Anonymous, AnonymousStream } from './anonymous.ts'
import { reasonOf } from './deadline.ts'

export interface DepositLineInit {
  readonly relay: string
  readonly push: (input: Input) => void
  readonly anonymous: Pick<Anonymous, 'open' | 'era'>
  /** Nothing waits here any more and no stream is open. */
  readonly onIdle: () => void
  readonly answerMsMax?: number
  readonly idleMsMax?: number
}

/** Sealed bytes on their way without an answer; the rest waits here, so that a slow uplink starts no deadline early. */
const inFlightBytesMax = 262_144

const closing: DepositAnswer = { kind: 'unreachable', reason: 'the relay is shutting down' }

interface Waiting {
  readonly mailbox: DeviceId
  readonly envelope: Envelope
  /** The same envelope twice is one question to the relay, and two to us. */
  times: number
  /** By the clock that is never set. */
  sentMs: number | undefined
}

export class DepositLine {
  readonly #init: DepositLineInit
  /** By envelope, in the order they came: those sent, then those that wait to be. */
  readonly #waiting = new Map<EnvelopeId, Waiting>()
  #inFlightBytes = 0
  #connecting = false
  #stream: AnonymousStream | undefined
  #frames: Frames<MailboxFrame> | undefined
  #timer: NodeJS.Timeout | undefined
  #keepForRoom = false
  /** The relay said that it ends: it answers what it has, and is given nothing more. */
  #closing = false

  constructor(init: DepositLineInit) {
    this.#init = init
  }

  deposit(mailbox: DeviceId, envelope: Envelope): void {
    const known = this.#waiting.get(envelope.id)
    if (known === undefined && this.#closing) return this.#tell({ mailbox, envelope, times: 1 }, closing)
    if (known !== undefined) known.times++
    else this.#waiting.set(envelope.id, { mailbox, envelope, times: 1, sentMs: undefined })
    this.#advance()
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#frames?.close()
  }

  #advance(): void {
    if (this.#connecting) return
    const outdated = this.#stream !== undefined && this.#stream.era !== this.#init.anonymous.era()
    if (outdated && this.#inFlightBytes === 0) this.#hangUp() // The key was replaced: what comes goes under the new one.
    if (this.#frames === undefined) {
      if (this.#waiting.size > 0) void this.#connect()
      return
    }
    if (!outdated) this.#send(this.#frames)
    this.#setTimer()
  }

  #send(frames: Frames<MailboxFrame>): void {
    for (const waiting of this.#waiting.values()) {
      if (waiting.sentMs !== undefined) continue
      if (this.#inFlightBytes > 0 && this.#inFlightBytes + waiting.envelope.sealed.length > inFlightBytesMax) return
      waiting.sentMs = performance.now()
      this.#inFlightBytes += waiting.envelope.sealed.length
      // False when the stream is gone, of which `onEnd` tells, and then everything that waits fails.
      if (!frames.send({ kind: 'deposit', mailbox: waiting.mailbox, envelope: waiting.envelope })) return
    }
  }

  #hangUp(): void {
    const frames = this.#frames
    this.#stream = undefined
    this.#frames = undefined
    this.#closing = false
    frames?.close()
  }

  async #connect(): Promise<void> {
    this.#connecting = true
    try {
      const place = placeOf(this.#init.relay)
      if (place === undefined) return this.#fail('not an address that can be dialled')
      const stream = await this.#init.anonymous.open(place.device, [place.address], mailboxProtocol, {
        onSilent: () => this.#init.push({ kind: 'relay-silent', relay: this.#init.relay }),
      })
      this.#stream = stream
      const frames: Frames<MailboxFrame> = new Frames<MailboxFrame>(stream.stream, {
        codec: mailboxFrame,
        onFrame: (frame) => this.#received(frame),
        onEnd: (reason) => {
          if (this.#frames === frames) this.#fail(reason)
        },
      })
      this.#frames = frames
      this.#connecting = false
      this.#advance()
    } catch (error) {
      this.#fail(reasonOf(error))
    }
  }

  #received(frame: MailboxFrame): void {
    const { push, relay } = this.#init
    switch (frame.kind) {
      case 'stored':
        for (const { id } of frame.receipt.taken) this.#answered(id, { kind: 'stored', receipt: frame.receipt })
        return
      case 'delivered':
        for (const id of frame.ids) this.#answered(id, { kind: 'delivered' })
        return
      case 'refused':
        if (frame.reason === 'full') this.#keepForRoom = true
        return this.#answered(frame.id, { kind: 'refused', reason: frame.reason, retryMs: frame.retryMs })
      case 'room':
        this.#keepForRoom = false
        return push({ kind: 'room-noticed', relay, mailbox: frame.mailbox })
      case 'lost':
        return push({ kind: 'loss-noticed', relay, id: frame.id, reason: frame.reason })
      case 'closing':
        return this.#failUnsent()
      case 'deposit':
      case 'subscribe':
      case 'more':
      case 'ack':
      case 'page':
      case 'tombstones':
      case 'prekeys-left':
        this.#stream?.stream.abort(new Error('a frame that is not for a depositor'))
    }
  }

  #answered(id: EnvelopeId, answer: DepositAnswer): void {
    const waiting = this.#waiting.get(id)
    if (waiting?.sentMs === undefined) return // An answer nobody waits for any more.
    this.#waiting.delete(id)
    this.#inFlightBytes -= waiting.envelope.sealed.length
    this.#tell(waiting, answer)
    this.#advance()
  }

  #tell({ mailbox, envelope, times }: Pick<Waiting, 'mailbox' | 'envelope' | 'times'>, answer: DepositAnswer): void {
    const { push, relay } = this.#init
    for (let i = 0; i < times; i++) push({ kind: 'deposit-answered', relay, mailbox, id: envelope.id, answer })
  }

  #failUnsent(): void {
    this.#closing = true
    for (const [id, waiting] of this.#waiting) {
      if (waiting.sentMs !== undefined) continue
      this.#waiting.delete(id)
      this.#tell(waiting, closing)
    }
  }

  /** Nothing that waits will be answered on this stream: all of it fails now, so that other ways are tried at once. */
  #fail(reason: string): void {
    clearTimeout(this.#timer)
    this.#connecting = false
    this.#stream = undefined
    this.#frames = undefined
    this.#closing = false
    this.#inFlightBytes = 0
    const failed = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const waiting of failed) this.#tell(waiting, { kind: 'unreachable', reason })
    this.#init.onIdle()
  }

  #setTimer(): void {
    clearTimeout(this.#timer)
    const [oldest] = this.#waiting.values()
    if (oldest?.sentMs === undefined) {
      const idleMs = this.#keepForRoom ? depositIdleAfterFullMs : (this.#init.idleMsMax ?? depositIdleMs)
      this.#timer = setTimeout(() => this.close(), idleMs)
    } else {
      const leftMs = oldest.sentMs + (this.#init.answerMsMax ?? requestMsMax) - performance.now()
      this.#timer = setTimeout(() => this.#silent(), Math.max(leftMs, 0))
    }
    this.#timer.unref()
  }

  #silent(): void {
    const stream = this.#stream?.stream
    this.#fail('no answer')
    stream?.abort(new Error('no answer'))
  }
}
