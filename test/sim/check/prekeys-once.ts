/** A one-time prekey is given to one asker, whether by a relay or by its own device, and opens one session. */
import type { Watch } from '../world/watch.ts'
import type { World } from '../world/world.ts'

export function preKeysOnce(world: World): Watch {
  const given = new Set<string>()
  const give = (owner: string, id: number, by: string): void => {
    const key = `${owner} ${id}`
    if (given.has(key)) world.complain('a one-time prekey is given once', `${by} gives prekey ${id} again`)
    given.add(key)
  }
  return {
    stored(relay, call, outcome) {
      if (call.op !== 'take-prekey' || !outcome.ok || outcome.op !== 'take-prekey') return
      if (outcome.answer.state !== 'taken') return
      if (outcome.answer.preKey === undefined) world.mark(call.spend ? 'last-resort-prekey' : 'prekey-rationed')
      else give(call.device, outcome.answer.preKey.id, relay.name)
    },
    performed(device, effect) {
      if (effect.kind !== 'answer-asker' || effect.frame.kind !== 'bundle') return
      if (effect.frame.preKey !== undefined) give(device.id, effect.frame.preKey.id, device.name)
    },
  }
}
