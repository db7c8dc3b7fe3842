/**
 * Directories may disagree about somebody: one was out of reach, or its operator put back an old copy. Whoever asks then is
 * given what is no longer so. Nobody who knows better goes back: the card a device has of a contact only becomes newer.
 * Notes where disagreement was met, and what came of it.
 */
import type { AccountId, DeviceId } from '../../../protocol/ids.ts'
import { readCard, type SignedCard } from '../../../protocol/wire/card.ts'
import type { Envelope } from '../../../protocol/wire/mailbox.ts'
import { readMessage } from '../crypto/model-message.ts'
import { readSealed } from '../crypto/model-sealing.ts'
import type { ModelRecord } from '../crypto/model-sessions.ts'
import type { SimDevice } from '../world/device.ts'
import type { Watch } from '../world/watch.ts'
import type { World } from '../world/world.ts'

export function noWayBack(world: World): Watch {
  /** The newest that any directory was given. */
  const revisions = new Map<AccountId, number>()
  const bundles = new Map<DeviceId, number>()
  /** What each device knows of each account. */
  const known = new Map<string, number>()

  return {
    stored(_relay, call, outcome) {
      if (!outcome.ok) return
      if (call.op === 'publish' && outcome.op === 'publish' && outcome.answer.state === 'published') {
        revisions.set(call.account, Math.max(revisions.get(call.account) ?? 0, call.revision))
        bundles.set(call.device, Math.max(bundles.get(call.device) ?? 0, call.bundle.signedPreKeyId))
      }
      if (call.op === 'find-card' && outcome.op === 'find-card') {
        const revision = revisionOf(outcome.answer.card)
        if (revision < (revisions.get(call.account) ?? 0)) world.mark('older-card-given')
      }
      if (call.op !== 'take-prekey' || outcome.op !== 'take-prekey' || outcome.answer.state !== 'taken') return
      if (outcome.answer.bundle.signedPreKeyId < (bundles.get(call.device) ?? 0)) world.mark('older-bundle-given')
    },
    heard(device, input) {
      if (input.kind === 'directory-answered' && input.answer.kind === 'answered') {
        const { frame } = input.answer
        if (frame.kind === 'card' && isOlder(device, frame.card)) world.mark('older-card-refused')
      }
      if (input.kind === 'envelope-collected' && isUnderSpentPreKey(device, input.envelope)) {
        world.mark('spent-prekey-refused')
      }
    },
    committed(device, changes) {
      for (const change of changes) {
        if (change.kind === 'put-contact') {
          const { account, card } = change.contact
          const key = `${device.name} ${account}`
          const before = known.get(key) ?? 0
          const now = card?.revision ?? 0
          if (now < before) world.complain('a card does not go back', `${device.name}: ${now} after ${before}`)
          known.set(key, now)
        }
        if (change.kind !== 'put-session') continue
        const { under } = change.record as ModelRecord
        const newest = Math.max(0, ...device.store.signedPreKeys().map(({ id }) => id))
        if (under !== undefined && under.signedPreKeyId < newest) world.mark('session-on-older-bundle')
      }
    },
  }
}

function isOlder(device: SimDevice, signed: SignedCard): boolean {
  const card = readCard(signed)
  const held = card && device.store.contact(card.account)?.card
  return card !== undefined && held !== undefined && card.revision < held.revision
}

/** The first message of a session under a one-time key that has opened another: both were given the same. */
function isUnderSpentPreKey(device: SimDevice, { id, sealed }: Envelope): boolean {
  if (device.store.seen(id) !== undefined) return false
  const inside = readSealed(sealed)
  const message = inside && readMessage(inside.ciphertext)
  if (message === undefined || message === 'forged' || message.first === undefined) return false
  const { preKeyId } = message.first
  const session = inside && (device.store.session(inside.sender) as ModelRecord | undefined)
  const isKnown = [session?.current, ...(session?.archived ?? [])].some((one) => one?.id === message.session)
  return preKeyId !== 0 && !isKnown && device.store.preKey(preKeyId) === undefined
}

function revisionOf(signed: SignedCard | undefined): number {
  return (signed && readCard(signed)?.revision) ?? Number.POSITIVE_INFINITY
}
