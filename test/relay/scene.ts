/**
 * A relay's rules on a store in memory, told one thing at a time: no network, no clock, no waiting. The store can be made to
 * answer late or not at all.
 */
import { identityKeyOf } from '../../protocol/crypto/primitives.ts'
import type { DeviceId, EnvelopeId } from '../../protocol/ids.ts'
import { signalSessions } from '../../protocol/session/signal.ts'
import type { DirectoryFrame } from '../../protocol/wire/directory.ts'
import type { Envelope, MailboxFrame } from '../../protocol/wire/mailbox.ts'
import type { Admission } from '../../relay/core/admission.ts'
import type { Effect } from '../../relay/core/effects.ts'
import type { Input, StoreAnswer } from '../../relay/core/inputs.ts'
import { relayLimits, type RelayLimits } from '../../relay/core/limits.ts'
import { RelayCore } from '../../relay/core/relay-core.ts'
import type { StoreOp, StoreOutcome } from '../../relay/core/store-calls.ts'
import { MemoryEngine } from '../../relay/io/store-memory.ts'
import { createPerson, envelope, publicationOf, type Person } from './people.ts'

type Asked = Extract<Effect, { kind: 'ask-store' }>

export class Scene {
  nowMs = 1_800_000_000_000
  readonly core: RelayCore
  readonly engine: MemoryEngine
  /** While true, what is asked of the store waits in `asked`. */
  storeSleeps = false
  readonly asked: Asked[] = []
  /** While true, the store does at once what it is asked, but its answers wait in `late`. */
  storeIsSlow = false
  readonly late: StoreAnswer[] = []
  readonly closed: Map<number, string> = new Map()
  readonly trusted: Set<number> = new Set()
  readonly #mail = new Map<number, MailboxFrame[]>()
  readonly #cards = new Map<number, DirectoryFrame[]>()
  #streams = 0

  constructor(limits: Partial<RelayLimits> = {}, admission?: Admission) {
    const all = { ...relayLimits, handOverMsMax: 0, ...limits } // Stored first, unless a story is about that.
    this.engine = new MemoryEngine(all)
    this.core = new RelayCore({
      limits: all,
      signCustody: (taken) => ({ taken, signature: new Uint8Array(64) }),
      verifyBundle: (bundle) => signalSessions.verifyBundle(bundle),
      identityKeyOf,
      ...(admission === undefined ? {} : { admission }),
    })
  }

  tell(input: Input): void {
    for (const effect of this.core.handle(input, this.nowMs).effects) this.#perform(effect)
  }

  /** Opens a stream; each on a connection of its own unless one is named. */
  open(device?: DeviceId, connection?: number): number {
    const stream = ++this.#streams
    this.tell({ kind: 'stream-opened', stream, connection: connection ?? stream, device })
    return stream
  }

  close(stream: number): void {
    this.tell({ kind: 'stream-closed', stream })
  }

  mail(stream: number, frame: MailboxFrame): void {
    this.tell({ kind: 'mailbox-frame-received', stream, frame })
  }

  ask(stream: number, frame: DirectoryFrame): DirectoryFrame[] {
    this.tell({ kind: 'directory-frame-received', stream, frame })
    return this.answers(stream)
  }

  /** Mailbox frames sent to a stream since last asked. */
  mailed(stream: number): MailboxFrame[] {
    return take(this.#mail, stream)
  }

  answers(stream: number): DirectoryFrame[] {
    return take(this.#cards, stream)
  }

  /** Lets the store answer what it was asked while it slept; `failed` makes it refuse. */
  wake(refusal?: 'busy' | 'failed'): void {
    this.storeSleeps = false
    for (const asked of this.asked.splice(0)) this.#answer(asked, refusal)
  }

  /** Lets late answers arrive, all of them or those to one kind of call; what they lead to is answered late as well. */
  arrive(op?: StoreOp): void {
    const arriving = this.late.filter(({ outcome }) => op === undefined || (outcome.ok && outcome.op === op))
    for (const answer of arriving) this.late.splice(this.late.indexOf(answer), 1)
    if (arriving.length > 0) this.tell({ kind: 'store-answered', answers: arriving })
  }

  tick(afterMs: number): void {
    this.nowMs += afterMs
    this.tell({ kind: 'ticked' })
  }

  // What people do.

  /** Someone with a mailbox here. */
  resident(): Person {
    const person = createPerson()
    this.ask(this.open(person.device), publicationOf(person, this.nowMs))
    return person
  }

  envelope(changes: Partial<Envelope> = {}): Envelope {
    return envelope(this.nowMs, changes)
  }

  /** Deposits from a stream of its own unless one is named, and returns what was answered. */
  deposit(mailbox: DeviceId, sent: Envelope, stream: number = this.open()): MailboxFrame[] {
    this.mail(stream, { kind: 'deposit', mailbox, envelope: sent })
    return this.mailed(stream)
  }

  subscribe(device: DeviceId, credit = 100): number {
    const stream = this.open(device)
    this.mail(stream, { kind: 'subscribe', credit })
    return stream
  }

  /** Ids of the envelopes sent to a stream since last asked. */
  delivered(stream: number): EnvelopeId[] {
    return this.mailed(stream).flatMap((frame) => (frame.kind === 'page' ? frame.envelopes.map(({ id }) => id) : []))
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case 'send-mailbox-frame':
        return put(this.#mail, effect.stream, effect.frame)
      case 'send-directory-frame':
        return put(this.#cards, effect.stream, effect.frame)
      case 'ask-store':
        if (this.storeSleeps) return void this.asked.push(effect)
        return this.#answer(effect)
      case 'trust':
        return void this.trusted.add(effect.stream)
      case 'close':
        return void this.closed.set(effect.stream, effect.reason)
    }
  }

  #answer({ request, call }: Asked, refusal?: 'busy' | 'failed'): void {
    const outcome: StoreOutcome = refusal === undefined ? this.engine.run(call) : { ok: false, reason: refusal }
    const answer: StoreAnswer = { request, outcome }
    if (this.storeIsSlow) this.late.push(answer)
    else this.tell({ kind: 'store-answered', answers: [answer] })
  }
}

function put<T>(map: Map<number, T[]>, key: number, value: T): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}

function take<T>(map: Map<number, T[]>, key: number): T[] {
  const list = map.get(key) ?? []
  map.delete(key)
  return list
}
