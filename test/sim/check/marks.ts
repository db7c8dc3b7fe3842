/** Notes which paths through the rules a run took, so that many runs can be asked whether they still take them all. */
import { body } from '../../../protocol/wire/content.ts'
import type { ModelRecord } from '../crypto/model-sessions.ts'
import type { Watch } from '../world/watch.ts'
import type { World } from '../world/world.ts'

/** Paths that two hundred seeds must take between them, or they no longer test what they are for. */
export const requiredMarks: readonly string[] = [
  'delivered-direct',
  'fell-back-to-mailbox',
  'collected-from-mailbox',
  'delivered-past-the-disk',
  'last-resort-prekey',
  'archived-session-decrypted',
  'asked-for-a-repeat',
  'mailbox-full',
  'mailbox-pruned',
  'tombstones-told',
  'room-noticed',
  'custody-expired',
  'message-expired',
  'held-for-order',
  'gap-told',
  'contact-requested',
  'key-changed',
  'duplicate-dropped',
  'relay-lost',
  'link-lost',
  'broke-before-commit',
  'broke-commit-throws',
  'broke-before-effects',
]

export function marks(world: World): Watch {
  const seen = new Set<string>()
  return {
    heard(device, input) {
      if (input.kind === 'envelope-collected') {
        const key = `${device.name} ${input.envelope.id}`
        if (seen.has(key)) world.mark('duplicate-dropped')
        seen.add(key)
        world.mark('collected-from-mailbox')
      }
      if (input.kind === 'tombstones-collected') world.mark('tombstones-told')
      if (input.kind === 'room-noticed' || input.kind === 'loss-noticed') world.mark(input.kind)
      if (input.kind === 'deposit-answered' && input.answer.kind === 'delivered') world.mark('delivered-past-the-disk')
      if (input.kind === 'relay-lost' || input.kind === 'link-lost') world.mark(input.kind)
      if (input.kind === 'frame-received' && input.frame.kind === 'refuse') {
        world.mark(input.frame.reason === 'undecryptable' ? 'asked-for-a-repeat' : 'refused-direct')
      }
    },
    performed(_device, effect) {
      if (effect.kind === 'deposit') world.mark('fell-back-to-mailbox')
      if (effect.kind !== 'notify') return
      const { event } = effect.stored
      if (event.type === 'status' && event.state === 'delivered' && event.via === 'direct')
        world.mark('delivered-direct')
      if (event.type === 'status' && event.state === 'expired') world.mark('message-expired')
      if (event.type === 'gap') world.mark('gap-told')
      if (event.type === 'contact' && event.state === 'requested') world.mark('contact-requested')
      if (event.type === 'contact' && event.state === 'key-changed') world.mark('key-changed')
    },
    committed(_device, changes) {
      for (const change of changes) {
        if (change.kind === 'put-message' && change.message.state === 'held') world.mark('held-for-order')
        if (change.kind === 'put-session' && (change.record as ModelRecord).promoted === true) {
          world.mark('archived-session-decrypted')
        }
        if (change.kind !== 'put-delivery' || change.delivery.visible) continue
        if (body.decode(change.delivery.body)?.kind === 'retry') world.mark('asked-for-a-repeat')
      }
    },
  }
}
