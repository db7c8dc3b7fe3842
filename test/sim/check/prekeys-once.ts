/**
 * A one-time prekey is given to one asker, whether by a relay or by its own device, and opens one session.
 *
 * One excuse: a relay whose operator put back a copy of its store may give again what it gave after that copy was made,
 * since nothing there can know of it; once for each time it was put back, and nobody else may give it at all.
 */
import type { DeviceId } from '../../../protocol/ids.ts'
import type { ModelRecord } from '../crypto/model-sessions.ts'
import type { Backup } from '../world/relay-disk.ts'
import type { SimRelay } from '../world/relay.ts'
import type { Watch } from '../world/watch.ts'
import type { World } from '../world/world.ts'

/** A prekey, by its owner and its number. */
type Key = string

export function preKeysOnce(world: World): Watch {
  /** Who gave it, first of all. */
  const givers = new Map<Key, string>()
  /** What each relay knows that it gave: its store, seen from outside. */
  const known = new Map<SimRelay, Set<Key>>()
  const copies = new Map<Backup, ReadonlySet<Key>>()
  const twice = new Set<Key>()
  const openedBy = new Map<Key, string>()

  const givenBy = (relay: SimRelay): Set<Key> => {
    let given = known.get(relay)
    if (given === undefined) known.set(relay, (given = new Set()))
    return given
  }
  const complain = (by: string, key: Key): void =>
    world.complain('a one-time prekey is given once', `${by} gives prekey ${key} again`)
  const giveFromRelay = (relay: SimRelay, key: Key): void => {
    const given = givenBy(relay)
    if (given.has(key)) complain(relay.name, key)
    given.add(key)
    const first = givers.get(key)
    givers.set(key, first ?? relay.name)
    if (first === undefined) return
    if (first !== relay.name) complain(relay.name, key)
    twice.add(key)
    world.mark('prekey-given-again')
  }

  return {
    stored(relay, call, outcome) {
      if (call.op !== 'take-prekey' || !outcome.ok || outcome.op !== 'take-prekey') return
      if (outcome.answer.state !== 'taken') return
      const { preKey } = outcome.answer
      if (preKey === undefined) world.mark(call.spend ? 'last-resort-prekey' : 'prekey-rationed')
      else giveFromRelay(relay, keyOf(call.device, preKey.id))
    },
    performed(device, effect) {
      if (effect.kind !== 'answer-asker' || effect.frame.kind !== 'bundle' || effect.frame.preKey === undefined) return
      const key = keyOf(device.id, effect.frame.preKey.id)
      if (givers.has(key)) complain(device.name, key)
      givers.set(key, device.name)
    },
    committed(device, changes) {
      for (const change of changes) {
        if (change.kind !== 'put-session') continue
        const { current, under } = change.record as ModelRecord
        if (under === undefined || under.preKeyId === 0) continue
        const key = keyOf(device.id, under.preKeyId)
        const before = openedBy.get(key)
        if (before !== undefined && before !== current.id) {
          world.complain('a one-time prekey opens one session', `${device.name} opens two with prekey ${key}`)
        }
        openedBy.set(key, current.id)
        if (twice.has(key)) world.mark('session-on-prekey-given-twice')
      }
    },
    backedUp: (relay, backup) => void copies.set(backup, new Set(givenBy(relay))),
    restored: (relay, backup) => void known.set(relay, new Set(copies.get(backup))),
  }
}

function keyOf(owner: DeviceId, id: number): Key {
  return `${owner} ${id}`
}
