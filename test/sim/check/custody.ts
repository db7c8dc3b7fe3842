/**
 * What a relay has signed for stays in its mailbox until the owner acknowledges it, or it leaves a tombstone; and no mailbox
 * holds more than it may. Kept as plain sets beside the store's own books.
 */
import type { EnvelopeId } from '../../../protocol/ids.ts'
import type { SimRelay } from '../world/relay.ts'
import type { Watch } from '../world/watch.ts'
import type { World } from '../world/world.ts'

export function custody(world: World, mailboxMessagesMax: number): Watch {
  const relays = new Map<SimRelay, Map<string, Set<EnvelopeId>>>()
  const mailbox = (relay: SimRelay, owner: string): Set<EnvelopeId> => {
    let boxes = relays.get(relay)
    if (boxes === undefined) relays.set(relay, (boxes = new Map()))
    let box = boxes.get(owner)
    if (box === undefined) boxes.set(owner, (box = new Set()))
    return box
  }
  return {
    stored(relay, call, outcome) {
      if (!outcome.ok) return
      if (call.op === 'enqueue' && outcome.op === 'enqueue' && outcome.answer.state === 'stored') {
        const box = mailbox(relay, call.mailbox)
        box.add(call.envelope.id)
        for (const id of outcome.answer.pruned) {
          world.mark('mailbox-pruned')
          box.delete(id)
          if (!tombstones(relay, call.mailbox).has(id)) world.complain('a tombstone for what was dropped', id)
        }
        if (box.size > mailboxMessagesMax) {
          // More than fits: something must have gone without a word.
          world.complain('a mailbox has its limit', `${relay.name}: ${box.size} signed for, ${mailboxMessagesMax} fit`)
        }
      }
      if (call.op === 'enqueue' && outcome.op === 'enqueue' && outcome.answer.state === 'full')
        world.mark('mailbox-full')
      if (call.op === 'ack') for (const id of call.ids) mailbox(relay, call.mailbox).delete(id)
      if (call.op === 'sweep' && outcome.op === 'sweep') {
        for (const { mailbox: owner, id, reason } of outcome.answer.lost) {
          if (reason === 'expired') world.mark('custody-expired')
          mailbox(relay, owner).delete(id)
        }
      }
    },
    wiped: (relay) => void relays.delete(relay),
  }
}

function tombstones(relay: SimRelay, mailbox: string): Set<EnvelopeId> {
  const outcome = relay.inspect({ op: 'tombstones', mailbox: mailbox as never, except: [], countMax: 1_000_000 })
  return outcome.ok && outcome.op === 'tombstones' ? new Set(outcome.answer.lost.map(({ id }) => id)) : new Set()
}
