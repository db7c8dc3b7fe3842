/**
 * Nobody is made to keep more than they may: a relay for its mailboxes and directories, a device for strangers and for what
 * comes ahead of its turn. And no relay spends more of somebody's one-time keys than it may, however many ask.
 */
import type { DeviceId } from '../../../protocol/ids.ts'
import { heldMax, requestMessagesMax, requestsMax } from '../../../protocol/limits.ts'
import type { RelayLimits } from '../../../relay/core/limits.ts'
import type { SimDevice } from '../world/device.ts'
import type { SimRelay } from '../world/relay.ts'
import type { Watch } from '../world/watch.ts'
import type { World } from '../world/world.ts'

/** The slowest disk there is: so late may be carried out what was granted. */
const storeMsMax = 20_000

/** What was spent and has not grown again, by one process: the next does not remember. */
interface Spent {
  readonly life: number
  readonly count: number
  readonly atMs: number
}

export function quotas(world: World, limits: RelayLimits): Watch {
  const spent = new Map<string, Spent>()
  const complain = (who: string, what: string, count: number, max: number): void => {
    if (count > max) world.complain('quotas are kept', `${who}: ${Math.ceil(count)} ${what}, ${max} at most`)
  }

  const spendPreKey = (relay: SimRelay, owner: DeviceId): void => {
    const key = `${relay.name} ${owner}`
    const { burst, perSecond } = limits.preKeysPerOwner
    const before = spent.get(key)
    const grownSince = (known: Spent): number => ((world.nowMs - known.atMs) / 1_000) * perSecond
    const left = before?.life === relay.lives ? Math.max(0, before.count - grownSince(before)) : 0
    spent.set(key, { life: relay.lives, count: left + 1, atMs: world.nowMs })
    const lateMax = (storeMsMax / 1_000) * perSecond
    complain(relay.name, 'one-time keys of one device', left + 1, burst + lateMax + 1)
  }

  return {
    stored(relay, call, outcome) {
      if (!outcome.ok) return
      if (call.op === 'enqueue' && outcome.op === 'enqueue' && outcome.answer.state === 'stored') {
        const { messages, bytes } = holdings(relay, call.mailbox)
        complain(relay.name, 'messages in a mailbox', messages, limits.mailboxMessagesMax)
        complain(relay.name, 'bytes in a mailbox', bytes, limits.mailboxBytesMax)
        if (outcome.answer.pruned.length === 0) return
        complain(relay.name, 'tombstones', tombstones(relay, call.mailbox), limits.tombstonesMax)
      }
      if (call.op === 'publish' && outcome.op === 'publish' && outcome.answer.state === 'published') {
        complain(relay.name, 'one-time keys kept', outcome.answer.left, limits.preKeysKeptMax)
      }
      if (call.op === 'take-prekey' && outcome.op === 'take-prekey' && outcome.answer.state === 'taken') {
        if (outcome.answer.preKey !== undefined) spendPreKey(relay, call.device)
      }
    },
    committed(device, changes) {
      for (const change of changes) {
        if (change.kind !== 'put-message' || change.message.state !== 'held') continue
        const { conversation, device: sender } = change.message
        const isStranger = device.store.contact(conversation)?.state === 'requested'
        if (isStranger) {
          complain(device.name, 'messages of a stranger', device.store.heldOf(conversation).length, requestMessagesMax)
          complain(device.name, 'strangers', strangersAt(device), requestsMax)
        } else if (sender !== undefined) {
          complain(device.name, 'messages held back', device.store.held(sender).length, heldMax)
        }
      }
    },
  }
}

function strangersAt(device: SimDevice): number {
  return device.store.contacts().filter(({ state }) => state === 'requested').length
}

function holdings(relay: SimRelay, mailbox: DeviceId): { readonly messages: number; readonly bytes: number } {
  const all = { except: [], countMax: 1_000_000, bytesMax: Number.POSITIVE_INFINITY, overheadBytes: 0, nowMs: 0 }
  const outcome = relay.inspect({ op: 'page', mailbox, ...all })
  if (!outcome.ok || outcome.op !== 'page') return { messages: 0, bytes: 0 }
  const { envelopes } = outcome.answer
  return { messages: envelopes.length, bytes: envelopes.reduce((sum, { sealed }) => sum + sealed.length, 0) }
}

function tombstones(relay: SimRelay, mailbox: DeviceId): number {
  const outcome = relay.inspect({ op: 'tombstones', mailbox, except: [], countMax: 1_000_000 })
  return outcome.ok && outcome.op === 'tombstones' ? outcome.answer.lost.length : 0
}
