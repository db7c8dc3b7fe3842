/**
 * A relay's store, as its shell sees it: one asynchronous call, whatever the engine.
 *
 * What can be asked, and what an answer means, is `core/store-calls.ts`. A store answers every call exactly once and never
 * rejects: `busy` when too many wait, `failed` when this machine could not do it, and in both cases nothing was changed.
 * Calls asked one after another may be carried out in one transaction, and an answer is given only when that transaction
 * would survive a power cut. Three engines stand behind it, memory, SQLite and PostgreSQL, with one contract suite for all.
 */
import type { RelayLimits } from '../core/limits.ts'
import type { Enqueued, StoreCall, StoreOutcome } from '../core/store-calls.ts'

export interface Store {
  ask(call: StoreCall): Promise<StoreOutcome>
  /** Calls not answered yet. */
  readonly waiting: number
  /** Copies everything, while the store goes on serving, to a file that must not exist yet. */
  backup(path: string): Promise<void>
  /** Answers what was asked, then lets go of the files. */
  close(): Promise<void>
}

/** Carries out one call. What is thrown is this machine's fault, and the transaction around it is rolled back. */
export interface Engine {
  run(call: StoreCall): StoreOutcome
}

/** The bounds a store itself must keep, in the transaction that would break them. */
export type StoreLimits = Pick<
  RelayLimits,
  | 'mailboxesMax'
  | 'mailboxMessagesMax'
  | 'mailboxBytesMax'
  | 'relayBytesMax'
  | 'tombstonesMax'
  | 'preKeysKeptMax'
  | 'preKeysTakenKeptMax'
  | 'mailboxIdleMsMax'
>

type FullBy = Extract<Enqueued, { state: 'full' }>['limit']

/** What keeps one more out of a mailbox that has no room for it, and so many messages. */
export function fullBy(messages: number, { mailboxMessagesMax }: StoreLimits): FullBy {
  return messages + 1 > mailboxMessagesMax ? 'mailboxMessagesMax' : 'mailboxBytesMax'
}

export interface StoreInit {
  readonly limits: StoreLimits
  /** Told once, when the store cannot go on: its files are damaged, or its thread has died. */
  readonly failed: (error: Error) => void
}
