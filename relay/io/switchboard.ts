/**
 * Between the network and the rules: numbers streams and connections, turns frames into inputs, and carries out effects.
 *
 * The mailbox and the directory service of one relay share one switchboard. When inputs come faster than the rules can take
 * them, the streams that bring them are not read until they have caught up (`pace.ts`).
 */
import type { Connection, PeerId, Stream } from '@libp2p/interface'
import type { Codec } from '../../protocol/codec/schema.ts'
import { deviceIdOf, type DeviceId } from '../../protocol/ids.ts'
import { Backlog } from '../../protocol/shell/backlog.ts'
import { Driver, type Journal } from '../../protocol/shell/driver.ts'
import { Frames } from '../../protocol/shell/frames.ts'
import { directoryFrame, type DirectoryFrame } from '../../protocol/wire/directory.ts'
import { mailboxFrame, type MailboxFrame } from '../../protocol/wire/mailbox.ts'
import type { Effect } from '../core/effects.ts'
import type { ConnectionId, Input, StoreAnswer, StreamId } from '../core/inputs.ts'
import type { Change, LiveCounts, RelayCore } from '../core/relay-core.ts'
import type { Observer, ServedFrame } from './observer.ts'
import { backlogBounds, Pace } from './pace.ts'
import type { Store } from './store.ts'

export interface SwitchboardInit {
  readonly core: RelayCore
  readonly store: Store
  readonly nowMs: () => number
  /** Told once, when something was thrown inside the rules: our fault, and the end of this relay. */
  readonly failed: (error: unknown) => void
  /** A stream without a whole frame for so long is closed, until the rules trust it. */
  readonly strangerIdleMs: number
  /** Told of each stream so closed. */
  readonly idled?: () => void
  readonly observer?: Observer | undefined
}

/** What a disk may take to answer what it was asked, when the relay stops. */
const answerMsMax = 5_000
/** What the other sides may take to read the last answers and close. */
const closeMsMax = 2_000

interface Line {
  readonly stream: Stream
  readonly connection: Connection
  readonly pace: Pace
  readonly mailbox?: Frames<MailboxFrame>
  readonly directory?: Frames<DirectoryFrame>
}

interface Caller {
  readonly id: ConnectionId
  streams: number
}

export class Switchboard {
  readonly #init: SwitchboardInit
  readonly #driver: Driver<Input, Change, Effect>
  readonly #lines = new Map<StreamId, Line>()
  readonly #callers = new Map<Connection, Caller>()
  readonly #backlog = new Backlog(() => this.#driver.backlog, backlogBounds)
  #lastStream: StreamId = 0
  #lastConnection: ConnectionId = 0
  #stopped = false
  /** Questions to the store without an answer, and who waits for the last of them. */
  #asking = 0
  #answers: StoreAnswer[] = []
  #answered: (() => void) | undefined

  constructor(init: SwitchboardInit) {
    this.#init = init
    this.#driver = new Driver({
      core: init.core,
      journal: nothingToKeep,
      perform: (effect) => this.#perform(effect),
      tick: { kind: 'ticked' },
      nowMs: init.nowMs,
      failed: (error) => {
        this.#hangUp()
        init.failed(error)
      },
    })
  }

  /** Begins to keep time. */
  start(): void {
    this.#driver.push({ kind: 'ticked' })
  }

  /** Takes nothing more and says so, answers what the store was asked already, and ends every stream. */
  async stop(elsewhere: readonly string[] = []): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    this.#announceEnd(elsewhere)
    const deadlineMs = performance.now() + answerMsMax
    while (this.#isBusy() && performance.now() < deadlineMs) await this.#progress()
    this.#driver.stop()
    const streams = [...this.#lines.values()].map(({ stream }) => stream)
    this.#hangUp()
    await Promise.race([Promise.all(streams.map(untilClosed)), elapsed(closeMsMax)])
  }

  /** Another process put something into these mailboxes. */
  mailArrived(mailboxes: Extract<Input, { kind: 'mail-arrived' }>['mailboxes']): void {
    if (!this.#stopped) this.#push({ kind: 'mail-arrived', mailboxes })
  }

  /** Another process did what somebody here may have to be told. */
  noticed(notices: Extract<Input, { kind: 'noticed' }>['notices']): void {
    if (!this.#stopped) this.#push({ kind: 'noticed', notices })
  }

  get reached(): RelayCore['reached'] {
    return this.#init.core.reached
  }

  get live(): LiveCounts {
    return this.#init.core.live
  }

  openMailbox(stream: Stream, connection: Connection): void {
    this.#open(stream, connection, (id, pace) => ({
      mailbox: this.#frames({ stream, id, pace }, mailboxFrame, (frame) => ({
        kind: 'mailbox-frame-received',
        stream: id,
        frame,
      })),
    }))
  }

  openDirectory(stream: Stream, connection: Connection): void {
    this.#open(stream, connection, (id, pace) => ({
      directory: this.#frames({ stream, id, pace }, directoryFrame, (frame) => ({
        kind: 'directory-frame-received',
        stream: id,
        frame,
      })),
    }))
  }

  #open(
    stream: Stream,
    connection: Connection,
    frames: (id: StreamId, pace: Pace) => Pick<Line, 'mailbox' | 'directory'>,
  ): void {
    if (this.#stopped) return stream.abort(new Error('stopping'))
    const id = ++this.#lastStream
    const caller = this.#callerOf(connection)
    caller.streams += 1
    this.#push({ kind: 'stream-opened', stream: id, connection: caller.id, device: deviceOf(connection.remotePeer) })
    const pace = new Pace(this.#backlog)
    this.#lines.set(id, { stream, connection, pace, ...frames(id, pace) })
  }

  #frames<F extends ServedFrame>(
    { stream, id, pace }: { readonly stream: Stream; readonly id: StreamId; readonly pace: Pace },
    codec: Codec<F>,
    inputOf: (frame: F) => Input,
  ): Frames<F> {
    return new Frames(stream, {
      codec,
      onFrame: (frame) => {
        if (this.#stopped) return
        this.#init.observer?.frameReceived(frame)
        this.#push(inputOf(frame))
      },
      pace: () => pace.taken(),
      onEnd: (reason) => {
        if (reason === 'idle') this.#init.idled?.()
        this.#ended(id)
      },
      idleMsMax: this.#init.strangerIdleMs,
      gather: true,
    })
  }

  #ended(id: StreamId): void {
    const line = this.#lines.get(id)
    if (line === undefined) return
    this.#lines.delete(id)
    this.#push({ kind: 'stream-closed', stream: id })
    const caller = this.#callers.get(line.connection)
    if (caller === undefined) return
    caller.streams -= 1
    if (caller.streams > 0) return
    if (line.connection.status !== 'open') this.#forget(line.connection, caller)
  }

  /** Quotas outlive a connection's streams, or opening another stream would be a way around them. */
  #callerOf(connection: Connection): Caller {
    const known = this.#callers.get(connection)
    if (known !== undefined) return known
    const caller = { id: ++this.#lastConnection, streams: 0 }
    this.#callers.set(connection, caller)
    const closed = (): void => {
      if (caller.streams === 0) this.#forget(connection, caller)
    }
    connection.addEventListener('close', closed, { once: true })
    return caller
  }

  #forget(connection: Connection, caller: Caller): void {
    if (!this.#callers.delete(connection)) return
    this.#push({ kind: 'connection-closed', connection: caller.id })
  }

  #push(input: Input): void {
    this.#driver.push(input)
  }

  #perform(effect: Effect): void {
    const line = 'stream' in effect ? this.#lines.get(effect.stream) : undefined
    switch (effect.kind) {
      case 'send-mailbox-frame':
        if (line?.mailbox?.send(effect.frame) === true) this.#sent(line, effect.frame)
        return
      case 'send-directory-frame':
        if (line?.directory?.send(effect.frame) === true) this.#sent(line, effect.frame)
        return
      case 'ask-store':
        void this.#ask(effect)
        return
      case 'trust':
        line?.mailbox?.trust()
        line?.directory?.trust()
        return
      case 'close':
        this.#close(line)
        return
    }
  }

  async #ask({ request, call }: Extract<Effect, { kind: 'ask-store' }>): Promise<void> {
    this.#asking += 1
    const askedMs = performance.now()
    const outcome = await this.#init.store.ask(call)
    this.#asking -= 1
    this.#init.observer?.storeAnswered(call.op, outcome, performance.now() - askedMs)
    if (this.#answers.length === 0) queueMicrotask(() => this.#handOverAnswers())
    this.#answers.push({ request, outcome })
  }

  /** What was committed together is answered together, so that each depositor gets one signature for all of it. */
  #handOverAnswers(): void {
    const answers = this.#answers
    this.#answers = []
    this.#push({ kind: 'store-answered', answers })
    this.#answered?.()
  }

  #sent({ pace }: Line, frame: ServedFrame): void {
    if (frame.kind === 'refused' && frame.reason === 'rate-limited') pace.hold(frame.retryMs)
    this.#init.observer?.frameSent(frame)
  }

  #isBusy(): boolean {
    return this.live.pending > 0 || this.#answers.length > 0 || this.#driver.backlog > 0
  }

  /** Until the store has answered something, or the driver has had a turn. */
  async #progress(): Promise<void> {
    await new Promise<void>((resolve) => {
      if (this.#asking === 0) return void setImmediate(resolve)
      this.#answered = resolve
      void elapsed(answerMsMax).then(resolve)
    })
  }

  #close(line: Line | undefined): void {
    line?.mailbox?.close()
    line?.directory?.close()
  }

  #announceEnd(elsewhere: readonly string[]): void {
    const frame: MailboxFrame = { kind: 'closing', elsewhere }
    for (const line of [...this.#lines.values()]) if (line.mailbox?.send(frame) === true) this.#sent(line, frame)
  }

  #hangUp(): void {
    for (const line of [...this.#lines.values()]) this.#close(line)
  }
}

const nothingToKeep: Journal<Change> = {
  begin: () => undefined,
  apply: () => undefined,
  commit: () => undefined,
  rollback: () => undefined,
}

function untilClosed(stream: Stream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.status !== 'open' && stream.status !== 'closing') return resolve()
    stream.addEventListener('close', () => resolve(), { once: true })
  })
}

function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}

/** The key that the Noise handshake proved; only an Ed25519 key is a device. */
function deviceOf(peer: PeerId): DeviceId | undefined {
  return peer.type === 'Ed25519' ? deviceIdOf(peer.publicKey.raw) : undefined
}
