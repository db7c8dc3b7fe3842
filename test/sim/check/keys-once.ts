/**
 * No message key encrypts two messages, over every device and all time, and none opens one twice. Looks into the model's
 * bytes; real ones tell it nothing.
 */
import type { Effect } from '../../../node/core/effects.ts'
import { keyName, readMessage } from '../crypto/model-message.ts'
import { readSealed } from '../crypto/model-sealing.ts'
import type { ModelRecord } from '../crypto/model-sessions.ts'
import type { Watch } from '../world/watch.ts'
import type { World } from '../world/world.ts'

export function keysOnce(world: World): Watch {
  const sealed = new Map<string, number>()
  const opened = new Set<string>()
  return {
    performed(device, effect) {
      const ciphertext = ciphertextOf(effect)
      const message = ciphertext && readMessage(ciphertext)
      if (message === undefined || message === 'forged') return
      const key = keyName(message)
      const before = sealed.get(key)
      if (before !== undefined && before !== message.checksum) {
        world.complain('a message key is used once', `${device.name} encrypts twice with ${key}`)
      }
      sealed.set(key, message.checksum)
    },
    committed(device, changes) {
      for (const change of changes) {
        if (change.kind !== 'put-session') continue
        const { opened: key } = change.record as ModelRecord
        if (key === undefined) continue
        if (opened.has(key)) world.complain('a message key opens once', `${device.name} opens ${key} again`)
        opened.add(key)
      }
    },
  }
}

function ciphertextOf(effect: Effect): Uint8Array | undefined {
  if (effect.kind === 'send') return effect.frame.kind === 'message' ? effect.frame.ciphertext : undefined
  if (effect.kind === 'deposit') return readSealed(effect.envelope.sealed)?.ciphertext
  return undefined
}
