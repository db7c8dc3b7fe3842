/** One input being handled: the time it happened, and the acts it led to so far. */
import type { EnvelopeId } from '../../protocol/ids.ts'
import type { DirectoryFrame, DirectoryRefusal } from '../../protocol/wire/directory.ts'
import { idsPerFrameMax } from '../../protocol/limits.ts'
import type { Custody, CustodyReceipt, MailboxFrame } from '../../protocol/wire/mailbox.ts'
import type { Effect } from './effects.ts'
import type { StreamId } from './inputs.ts'

export class Turn {
  readonly nowMs: number
  readonly effects: Effect[] = []
  #taken: Map<StreamId, Custody[]> | undefined
  #delivered: Map<StreamId, EnvelopeId[]> | undefined

  constructor(nowMs: number) {
    this.nowMs = nowMs
  }

  act(effect: Effect): void {
    this.effects.push(effect)
  }

  sendMailbox(stream: StreamId, frame: MailboxFrame): void {
    this.effects.push({ kind: 'send-mailbox-frame', stream, frame })
  }

  /** Promised to a depositor: signed for together with whatever else this turn promises them. */
  promise(stream: StreamId, custody: Custody): void {
    put((this.#taken ??= new Map()), stream, custody)
  }

  /** To be told to a depositor, with whatever else this turn saw delivered. */
  delivered(stream: StreamId, id: EnvelopeId): void {
    put((this.#delivered ??= new Map()), stream, id)
  }

  /** Sends what was delivered and what was promised, as one list, and one that is signed, for each depositor. */
  answerDepositors(sign: (taken: readonly Custody[]) => CustodyReceipt): void {
    for (const [stream, ids] of this.#delivered ?? []) this.sendMailbox(stream, { kind: 'delivered', ids })
    for (const [stream, taken] of this.#taken ?? []) {
      for (let i = 0; i < taken.length; i += idsPerFrameMax) {
        this.sendMailbox(stream, { kind: 'stored', receipt: sign(taken.slice(i, i + idsPerFrameMax)) })
      }
    }
  }

  sendDirectory(stream: StreamId, frame: DirectoryFrame): void {
    this.effects.push({ kind: 'send-directory-frame', stream, frame })
  }

  refuseDirectory(stream: StreamId, reason: DirectoryRefusal, retryMs: number): void {
    this.sendDirectory(stream, { kind: 'refused', reason, retryMs })
  }
}

function put<T>(lists: Map<StreamId, T[]>, stream: StreamId, item: T): void {
  const list = lists.get(stream)
  if (list === undefined) lists.set(stream, [item])
  else list.push(item)
}
