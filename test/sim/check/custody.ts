/**
 * What a relay has signed for stays in its mailbox until the owner acknowledges it, or it leaves a tombstone; what was
 * acknowledged does not come back. Kept as plain lists beside the store's own books.
 *
 * Two excuses, for what the disk cannot know: a relay that lost it holds nothing, and one whose operator put back a copy
 * holds what it held when that was made, no more and no less.
 */
import type { EnvelopeId } from '../../../protocol/ids.ts'
import type { Ask, StoreCall, StoreOutcome } from '../../../relay/core/store-calls.ts'
import type { Backup } from '../world/relay-disk.ts'
import type { SimRelay } from '../world/relay.ts'
import type { Watch } from '../world/watch.ts'
import type { World } from '../world/world.ts'

/** What was signed for and is still owed, and until when. */
type Box = Map<EnvelopeId, number>
type Boxes = Map<string, Box>

export function custody(world: World): Watch {
  const relays = new Map<SimRelay, Boxes>()
  const copies = new Map<Backup, Boxes>()
  /** Acknowledged, and waiting again since a copy was put back. */
  const returned = new Set<string>()

  const boxesOf = (relay: SimRelay): Boxes => {
    let boxes = relays.get(relay)
    if (boxes === undefined) relays.set(relay, (boxes = new Map()))
    return boxes
  }
  const boxOf = (relay: SimRelay, owner: string): Box => {
    const boxes = boxesOf(relay)
    let box = boxes.get(owner)
    if (box === undefined) boxes.set(owner, (box = new Map()))
    return box
  }

  const enqueued = (relay: SimRelay, { mailbox, envelope }: Ask<'enqueue'>, outcome: StoreOutcome): void => {
    if (!outcome.ok || outcome.op !== 'enqueue') return
    if (outcome.answer.state === 'full') world.mark('mailbox-full')
    if (outcome.answer.state !== 'stored') return
    const box = boxOf(relay, mailbox)
    box.set(envelope.id, envelope.expiresMs)
    for (const id of outcome.answer.pruned) {
      world.mark('mailbox-pruned')
      box.delete(id)
      if (!tombstones(relay, mailbox).has(id)) world.complain('a tombstone for what was dropped', id)
    }
  }

  const paged = (relay: SimRelay, call: Ask<'page'>, outcome: StoreOutcome): void => {
    if (!outcome.ok || outcome.op !== 'page') return
    const { envelopes, more } = outcome.answer
    const box = boxOf(relay, call.mailbox)
    const there = new Set([...call.except, ...envelopes.map(({ id }) => id)])
    for (const { id } of envelopes) {
      if (!box.has(id)) world.complain('what was acknowledged is gone', `${relay.name} hands out ${id} again`)
      if (returned.has(`${relay.name} ${id}`)) world.mark('mail-handed-out-again')
    }
    if (more) return
    for (const [id, expiresMs] of box) {
      if (!there.has(id) && expiresMs > call.nowMs) {
        world.complain('what was signed for is kept', `${relay.name} has ${id} no more`)
      }
    }
  }

  return {
    stored(relay, call: StoreCall, outcome) {
      if (!outcome.ok) return
      if (call.op === 'enqueue') enqueued(relay, call, outcome)
      if (call.op === 'page') paged(relay, call, outcome)
      if (call.op === 'ack') for (const id of call.ids) boxOf(relay, call.mailbox).delete(id)
      if (call.op === 'sweep' && outcome.op === 'sweep') {
        for (const { mailbox, id, reason } of outcome.answer.lost) {
          if (reason === 'expired') world.mark('custody-expired')
          boxOf(relay, mailbox).delete(id)
        }
      }
    },
    wiped(relay) {
      if ([...boxesOf(relay).values()].some((box) => box.size > 0)) world.mark('mail-lost-with-the-disk')
      relays.delete(relay)
    },
    backedUp: (relay, backup) => void copies.set(backup, copyOf(boxesOf(relay))),
    restored(relay, backup) {
      const [before, after] = [boxesOf(relay), copyOf(copies.get(backup) ?? new Map())]
      relays.set(relay, after)
      for (const [owner, box] of after) {
        for (const id of box.keys()) if (before.get(owner)?.has(id) !== true) returned.add(`${relay.name} ${id}`)
      }
    },
  }
}

function copyOf(boxes: Boxes): Boxes {
  return new Map([...boxes].map(([owner, box]) => [owner, new Map(box)]))
}

function tombstones(relay: SimRelay, mailbox: string): Set<EnvelopeId> {
  const outcome = relay.inspect({ op: 'tombstones', mailbox: mailbox as never, except: [], countMax: 1_000_000 })
  return outcome.ok && outcome.op === 'tombstones' ? new Set(outcome.answer.lost.map(({ id }) => id)) : new Set()
}
