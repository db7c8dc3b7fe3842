/**
 * What a device's store is: the rules' questions (`Reads`), the shell's transactions (`Journal`), and an end.
 *
 * One contract suite (`test/node/store-contract.ts`) holds the store in memory and the one on disk to the same answers.
 * Neither knows a rule: what a row means, and when it goes, is `node/core`'s. What `Reads` leaves open is settled here:
 *
 * - A row keeps its place when it is put again; dropped and put anew, it goes to the end.
 * - Rows with the same `order`, `seq` or `position` come in the order in which they were first put.
 * - A contact's name and a card's device belong to whoever was added first.
 * - Of messages with the same id, `findMessage` prefers the outgoing one, then the one that came first.
 * - Attempts outlive their delivery for as long as there is a message to ask `why` about; those of a receipt or a card
 *   go with its last delivery.
 * - Values go in and come out whole; neither side changes them afterwards.
 */
import type { Journal } from '../../protocol/shell/driver.ts'
import type { Change } from '../core/effects.ts'
import type { Reads } from '../core/reads.ts'

/**
 * Times, positions and counters are safe integers. Throws LocalError when changes are applied or committed outside a
 * transaction, when transactions are nested or begun after the end, and when the store cannot be written; NodeError
 * `corrupt-store` when what is read is damaged. After anything thrown a transaction can only be rolled back.
 */
export interface DeviceStore extends Reads, Journal<Change> {
  /** Undoes a transaction in progress and lets go of everything. The second time it does nothing. */
  close(): void
  /**
   * Writes what is committed to a new file of that name, under the same key: the data directory's `key` file belongs
   * beside it. Sessions are left out, because a ratchet that is set back encrypts twice with the same keys; whoever
   * restores a backup opens new ones. Refuses when the file exists. Takes about 40 ms for each MB, in which nothing else
   * is done.
   */
  backup(path: string): Promise<void>
}
