/** One input being handled: the time it happened, and the acts it led to so far. */
import type { DirectoryFrame, DirectoryRefusal } from '../../protocol/wire/directory.ts'
import { idsPerFrameMax } from '../../protocol/limits.ts'
import type { Custody, CustodyReceipt, MailboxFrame } from '../../protocol/wire/mailbox.ts'
import type { Effect } from './effects.ts'
import type { StreamId } from './inputs.ts'

export class Turn {
  readonly nowMs: number
  readonly effects: Effect[] = []
  readonly #taken = new Map<StreamId, Custody[]>()

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
    const taken = this.#taken.get(stream)
    if (taken === undefined) this.#taken.set(stream, [custody])
    else taken.push(custody)
  }

  /** Sends what was promised, as one signed list for each depositor. */
  keepPromises(sign: (taken: readonly Custody[]) => CustodyReceipt): void {
    for (const [stream, taken] of this.#taken) {
      for (let i = 0; i < taken.length; i += idsPerFrameMax) {
        this.sendMailbox(stream, { kind: 'stored', receipt: sign(taken.slice(i, i + idsPerFrameMax)) })
      }
    }
    this.#taken.clear()
  }

  sendDirectory(stream: StreamId, frame: DirectoryFrame): void {
    this.effects.push({ kind: 'send-directory-frame', stream, frame })
  }

  refuseDirectory(stream: StreamId, reason: DirectoryRefusal, retryMs: number): void {
    this.sendDirectory(stream, { kind: 'refused', reason, retryMs })
  }
}
