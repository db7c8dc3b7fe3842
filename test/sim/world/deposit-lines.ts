/**
 * Deposits at other people's relays, as `node/io/deposit-line.ts` makes them: one anonymous stream a relay, each deposit
 * answered once, all of them unreachable when one has no answer for too long.
 */
import type { DeviceId, EnvelopeId } from '../../../protocol/ids.ts'
import { depositIdleAfterFullMs, depositIdleMs, requestMsMax } from '../../../protocol/limits.ts'
import { mailboxProtocol, type Envelope, type MailboxFrame } from '../../../protocol/wire/mailbox.ts'
import type { DepositAnswer, Input } from '../../../node/core/inputs.ts'
import type { Appointment } from './agenda.ts'
import type { Carriage } from './carriage.ts'
import { addressOf, expectedAt } from './mailbox-lines.ts'
import type { Host, Network } from './network.ts'
import type { End } from './wire.ts'

export interface DepositLinesInit {
  readonly network: Network
  readonly host: Host
  readonly carriage: Carriage
  readonly push: (input: Input) => void
}

interface Waiting {
  readonly mailbox: DeviceId
  readonly envelope: Envelope
  times: number
  sentMs: number | undefined
}

export class DepositLines {
  readonly #init: DepositLinesInit
  readonly #lines = new Map<string, DepositLine>()

  constructor(init: DepositLinesInit) {
    this.#init = init
  }

  deposit(relay: string, mailbox: DeviceId, envelope: Envelope): void {
    let line = this.#lines.get(relay)
    if (line === undefined) {
      line = new DepositLine(this.#init, relay, () => this.#lines.delete(relay))
      this.#lines.set(relay, line)
    }
    line.deposit(mailbox, envelope)
  }
}

class DepositLine {
  readonly #init: DepositLinesInit
  readonly #relay: string
  readonly #onIdle: () => void
  readonly #waiting = new Map<EnvelopeId, Waiting>()
  #connecting = false
  #end: End | undefined
  #timer: Appointment | undefined
  #timerForMs = 0
  #keepForRoom = false
  #lastUsedMs = 0

  constructor(init: DepositLinesInit, relay: string, onIdle: () => void) {
    this.#init = init
    this.#relay = relay
    this.#onIdle = onIdle
  }

  deposit(mailbox: DeviceId, envelope: Envelope): void {
    const known = this.#waiting.get(envelope.id)
    if (known !== undefined) known.times++
    else this.#waiting.set(envelope.id, { mailbox, envelope, times: 1, sentMs: undefined })
    this.#advance()
  }

  #advance(): void {
    if (this.#connecting) return
    const end = this.#end
    if (end === undefined) {
      if (this.#waiting.size > 0) this.#connect()
      return
    }
    const { carriage, network } = this.#init
    this.#lastUsedMs = network.world.nowMs
    for (const waiting of this.#waiting.values()) {
      if (waiting.sentMs !== undefined) continue
      waiting.sentMs = network.world.nowMs
      if (!carriage.mailbox(end, { kind: 'deposit', mailbox: waiting.mailbox, envelope: waiting.envelope })) break
    }
    this.#setTimer()
  }

  #connect(): void {
    this.#connecting = true
    const { network, host } = this.#init
    let own: End | undefined
    const listener = {
      onFrame: (frame: unknown) => this.#received(frame as MailboxFrame),
      onEnd: (reason: string) => {
        if (own !== undefined && this.#end === own) this.#fail(reason)
      },
    }
    const [addresses, expects] = [[addressOf(this.#relay)], expectedAt(this.#relay)]
    network.dial({ from: host, addresses, expects, protocol: mailboxProtocol, as: undefined, listener }, (dialled) => {
      this.#connecting = false
      if (!dialled.ok) return this.#fail(dialled.reason)
      own = dialled.end
      this.#end = own
      this.#advance()
    })
  }

  #received(frame: MailboxFrame): void {
    const { push } = this.#init
    const relay = this.#relay
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
      default:
        this.#end?.close('a frame that is not for a depositor')
    }
  }

  #answered(id: EnvelopeId, answer: DepositAnswer): void {
    const waiting = this.#waiting.get(id)
    if (waiting?.sentMs === undefined) return
    this.#waiting.delete(id)
    this.#tell(waiting, answer)
    this.#advance()
  }

  #tell({ mailbox, envelope, times }: Waiting, answer: DepositAnswer): void {
    const relay = this.#relay
    for (let i = 0; i < times; i++) {
      this.#init.push({ kind: 'deposit-answered', relay, mailbox, id: envelope.id, answer })
    }
  }

  #fail(reason: string): void {
    if (this.#timer !== undefined) this.#timer.act = undefined
    this.#timer = undefined
    const end = this.#end
    this.#end = undefined
    const failed = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const waiting of failed) this.#tell(waiting, { kind: 'unreachable', reason })
    this.#onIdle()
    end?.close(reason)
  }

  /** One timer for whichever comes first; it is looked at again when it is due, not moved at each answer. */
  #setTimer(): void {
    const { world } = this.#init.network
    const dueMs = this.#dueMs()
    if (this.#timer !== undefined && this.#timerForMs <= dueMs) return
    if (this.#timer !== undefined) this.#timer.act = undefined
    this.#timerForMs = dueMs
    this.#timer = world.after(dueMs - world.nowMs, () => this.#look())
  }

  #dueMs(): number {
    const [oldest] = this.#waiting.values()
    if (oldest?.sentMs !== undefined) return oldest.sentMs + requestMsMax
    return this.#lastUsedMs + (this.#keepForRoom ? depositIdleAfterFullMs : depositIdleMs)
  }

  #look(): void {
    this.#timer = undefined
    if (this.#dueMs() > this.#init.network.world.nowMs) return this.#setTimer()
    if (this.#waiting.size > 0) this.#fail('no answer')
    else this.#end?.close('idle')
  }
}
