/**
 * Whether a relay really signed for an envelope. It signs once for all it took with one sync, and the answers to those
 * deposits share the receipt: its signature is checked with the first of them.
 */
import type { DeviceId, EnvelopeId } from '../../protocol/ids.ts'
import { verifyCustody } from '../../protocol/wire/custody.ts'
import type { CustodyReceipt } from '../../protocol/wire/mailbox.ts'

export class CustodyChecks {
  #last: { readonly receipt: CustodyReceipt; readonly signer: DeviceId; readonly genuine: boolean } | undefined

  holds(receipt: CustodyReceipt, signer: DeviceId | undefined, mailbox: DeviceId, id: EnvelopeId | undefined): boolean {
    if (signer === undefined || !receipt.taken.some((one) => one.id === id && one.mailbox === mailbox)) return false
    if (this.#last?.receipt !== receipt || this.#last.signer !== signer) {
      this.#last = { receipt, signer, genuine: verifyCustody(receipt, signer) }
    }
    return this.#last.genuine
  }
}
