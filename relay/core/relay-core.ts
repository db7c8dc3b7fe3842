/**
 * A relay's rules put together: which rule each input goes to. Holds only what is live (streams, subscriptions, quotas,
 * questions to the store), so a relay that restarts begins with nothing here and everything in its store.
 */
import type { Core, Step } from '../../protocol/step.ts'
import type { Custody, CustodyReceipt } from '../../protocol/wire/mailbox.ts'
import { Admission } from './admission.ts'
import { Depositors } from './depositors.ts'
import { Directory, type DirectoryInit } from './directory.ts'
import type { Effect } from './effects.ts'
import { Expiry } from './expiry.ts'
import { HandOvers } from './hand-overs.ts'
import type { Input, Notice } from './inputs.ts'
import type { RelayLimits } from './limits.ts'
import { Mailboxes } from './mailboxes.ts'
import { Quotas } from './quotas.ts'
import { Reached } from './reached.ts'
import { StoreDesk } from './store-desk.ts'
import { Streams, type OpenStream } from './streams.ts'
import { Subscriptions } from './subscriptions.ts'
import { Turn } from './turn.ts'

export interface RelayCoreInit {
  readonly limits: RelayLimits
  /** Signs with the relay's key: the promise that all of these are on its disk. */
  readonly signCustody: (taken: readonly Custody[]) => CustodyReceipt
  readonly verifyBundle: DirectoryInit['verifyBundle']
  readonly identityKeyOf: DirectoryInit['identityKeyOf']
  /** Who may have a mailbox; everyone, when not said. */
  readonly admission?: Admission
}

/** A relay keeps everything in its store, by effects that are answered; it has no changes of its own. */
export type Change = never

export class RelayCore implements Core<Input, Change, Effect> {
  readonly #streams = new Streams()
  readonly #reached = new Reached()
  readonly #quotas: Quotas
  readonly #desk: StoreDesk
  readonly #subscriptions: Subscriptions
  readonly #depositors: Depositors
  readonly #mailboxes: Mailboxes
  readonly #directory: Directory
  readonly #expiry: Expiry
  readonly #signCustody: RelayCoreInit['signCustody']

  constructor({ limits, signCustody, verifyBundle, identityKeyOf, admission = new Admission() }: RelayCoreInit) {
    const streams = this.#streams
    const reached = this.#reached
    const quotas = (this.#quotas = new Quotas(limits, reached))
    const desk = (this.#desk = new StoreDesk(limits, reached))
    const subscriptions = (this.#subscriptions = new Subscriptions(limits, desk, reached))
    const depositors = (this.#depositors = new Depositors(limits, streams, reached))
    const handOvers = new HandOvers(limits, desk)
    const shared = { limits, quotas, desk, subscriptions, reached }
    this.#mailboxes = new Mailboxes({ ...shared, streams, depositors, handOvers })
    this.#signCustody = signCustody
    this.#directory = new Directory({ ...shared, admission, verifyBundle, identityKeyOf })
    this.#expiry = new Expiry({ limits, desk, subscriptions, depositors, reached: this.#reached })
  }

  handle(input: Input, nowMs: number): Step<Change, Effect> {
    const turn = new Turn(nowMs)
    this.#dispatch(input, turn)
    turn.answerDepositors(this.#signCustody)
    return { changes: [], effects: turn.effects }
  }

  nextDeadline(): number | undefined {
    const others = earliest(this.#expiry.nextDeadline(), this.#subscriptions.nextDeadline())
    return earliest(this.#mailboxes.nextDeadline(), others)
  }

  /** What is live now, for an operator. */
  get live(): LiveCounts {
    return {
      streams: this.#streams.count,
      subscriptions: this.#subscriptions.count,
      pending: this.#desk.waiting,
    }
  }

  /** How often each bound was reached since this relay began. */
  get reached(): Reached['times'] {
    return this.#reached.times
  }

  #dispatch(input: Input, turn: Turn): void {
    switch (input.kind) {
      case 'stream-opened':
        return this.#streams.open(input.stream, input.connection, input.device)
      case 'stream-closed':
        return this.#with(input.stream, (stream) => {
          this.#streams.close(stream.id)
          this.#mailboxes.closed(stream, turn)
        })
      case 'connection-closed':
        return this.#quotas.forget(input.connection)
      case 'mailbox-frame-received':
        return this.#with(input.stream, (stream) => this.#mailboxes.received(stream, input.frame, turn))
      case 'directory-frame-received':
        return this.#with(input.stream, (stream) => this.#directory.received(stream, input.frame, turn))
      case 'store-answered':
        for (const { request, outcome } of input.answers) this.#desk.answered(request, outcome, turn)
        return
      case 'mail-arrived':
        return this.#subscriptions.arrived(input.mailboxes, turn)
      case 'noticed':
        for (const notice of input.notices) this.#noticed(notice, turn)
        return
      case 'ticked':
        this.#mailboxes.ticked(turn)
        this.#expiry.ticked(turn)
        return this.#subscriptions.ticked(turn)
    }
  }

  #noticed(notice: Notice, turn: Turn): void {
    switch (notice.kind) {
      case 'room':
        return this.#depositors.tellRoom(notice.mailbox, turn)
      case 'lost':
        this.#depositors.tellLost(notice.mailbox, notice.id, notice.reason, turn)
        return this.#subscriptions.lost(notice.mailbox, turn)
      case 'prekeys-left':
        return this.#subscriptions.preKeysLeft(notice.device, notice.left, turn)
    }
  }

  /** A frame may still be queued when its stream has gone; it is dropped. */
  #with(id: number, act: (stream: OpenStream) => void): void {
    const stream = this.#streams.get(id)
    if (stream !== undefined) act(stream)
  }
}

function earliest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other)
}

export interface LiveCounts {
  readonly streams: number
  readonly subscriptions: number
  readonly pending: number
}
