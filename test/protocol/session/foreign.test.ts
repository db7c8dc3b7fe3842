/** What libsignal made besides conversations, recorded: its sender keys, signatures and safety numbers. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { xeddsaVerify } from '../../../protocol/crypto/xeddsa.ts'
import { acceptDistribution, decryptFromGroup } from '../../../protocol/group/sender-key.ts'
import { fingerprintOf } from '../../../protocol/session/fingerprint.ts'
import { fromBase64, toBase64 } from '../../interop/transcript.ts'
import type { Foreign } from '../../interop/transcript.ts'

const path = new URL('../../vectors/foreign.json', import.meta.url)
const { senderKey, signatures, fingerprint } = JSON.parse(readFileSync(path, 'utf8')) as Foreign

test('libsignal 0.103.0: group messages, out of order', () => {
  const accepted = acceptDistribution(undefined, fromBase64(senderKey.distribution))
  let keys = accepted.ok ? accepted.keys : undefined
  for (const { bytes, plaintext } of senderKey.messages) {
    const result = decryptFromGroup(keys, fromBase64(bytes))
    expect(result.ok ? toBase64(result.plaintext) : result.reason).toBe(plaintext)
    if (result.ok) keys = result.keys
  }
})

test('libsignal 0.103.0: signatures', () => {
  for (const { identityKey, message, signature } of signatures) {
    const u = fromBase64(identityKey).slice(1)
    expect(xeddsaVerify(u, fromBase64(message), fromBase64(signature))).toBe(true)
    expect(xeddsaVerify(u, Uint8Array.from([...fromBase64(message), 0]), fromBase64(signature))).toBe(false)
  }
})

test('libsignal 0.103.0: a safety number', () => {
  const party = (id: string, identityKey: string): Parameters<typeof fingerprintOf>[0] => ({
    id: new TextEncoder().encode(id),
    identityKey: fromBase64(identityKey),
  })
  const { localId, localIdentityKey, peerId, peerIdentityKey, digits, scannable } = fingerprint
  const made = fingerprintOf(party(localId, localIdentityKey), party(peerId, peerIdentityKey))
  expect(made.digits).toBe(digits)
  expect(toBase64(made.scannable)).toBe(scannable)
})
