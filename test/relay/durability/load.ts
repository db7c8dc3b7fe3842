/** Limits that do not stand in the way of a proof. */
import type { AllLimits } from '../../../relay/index.ts'

const rate = { burst: 10_000_000, perSecond: 10_000_000 }

export const roomy: Partial<AllLimits> = {
  mailboxMessagesMax: 1_000_000,
  deposits: rate,
  depositBytes: { burst: 1e12, perSecond: 1e12 },
  acknowledgements: rate,
}
