/** One input being handled: the time it happened, and the acts it led to so far. */
import type { DirectoryFrame, DirectoryRefusal } from '../../protocol/wire/directory.ts'
import type { MailboxFrame } from '../../protocol/wire/mailbox.ts'
import type { Effect } from './effects.ts'
import type { StreamId } from './inputs.ts'

export class Turn {
  readonly nowMs: number
  readonly effects: Effect[] = []

  constructor(nowMs: number) {
    this.nowMs = nowMs
  }

  act(effect: Effect): void {
    this.effects.push(effect)
  }

  sendMailbox(stream: StreamId, frame: MailboxFrame): void {
    this.effects.push({ kind: 'send-mailbox-frame', stream, frame })
  }

  sendDirectory(stream: StreamId, frame: DirectoryFrame): void {
    this.effects.push({ kind: 'send-directory-frame', stream, frame })
  }

  refuseDirectory(stream: StreamId, reason: DirectoryRefusal, retryMs: number): void {
    this.sendDirectory(stream, { kind: 'refused', reason, retryMs })
  }
}
