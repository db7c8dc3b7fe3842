/** How much is measured: the whole of it, or enough to see that it works. */
import type { FloodPlan } from './workloads/flood.ts'
import type { OnlinePlan } from './workloads/online.ts'
import type { StorePlan } from './workloads/store.ts'
import type { WirePlan } from './workloads/wire.ts'

export interface Plan {
  readonly repetitions: number
  readonly store: StorePlan
  readonly online: OnlinePlan
  readonly wire: WirePlan
  readonly flood: FloodPlan
}

/** A short text as devices seal it: 512 with its padding, a key, a tag and a version. Padding costs most of the wire. */
const sealedTextBytes = 561

export const wholePlan: Plan = {
  repetitions: 3,
  store: { messages: 50_000, warmUp: 5_000, recipients: 500, senders: 50, window: 10, bytes: 200 },
  online: { pairs: 100, bytes: 100, rates: [1_000, 5_000], seconds: 3, window: 8 },
  wire: { messages: 200, sizes: [100, sealedTextBytes] },
  flood: { rounds: 3, seconds: 6, halfOpen: 5_000, slowReaders: 1_000 },
}

export const quickPlan: Plan = {
  repetitions: 1,
  store: { ...wholePlan.store, messages: 5_000, warmUp: 1_000, recipients: 100 },
  online: { ...wholePlan.online, seconds: 2 },
  wire: { ...wholePlan.wire, messages: 50 },
  flood: { rounds: 1, seconds: 3, halfOpen: 500, slowReaders: 100 },
}
