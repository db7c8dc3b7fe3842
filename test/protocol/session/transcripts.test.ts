/**
 * Conversations recorded with libsignal, replayed: its bytes are read, and ours come out as they did when it read
 * them.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { bundleFrom, digestOf, fromBase64, RecordedDevice, toBase64 } from '../../interop/transcript.ts'
import type { Transcript } from '../../interop/transcript.ts'

const folder = new URL('../../vectors/transcripts/', import.meta.url)

for (const file of readdirSync(folder)) {
  const transcript = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Transcript
  test(`libsignal 0.103.0: ${transcript.name}`, () => {
    const { seed, theirIdentityKey, withOneTimeKey, theirBundle, steps } = transcript
    const device = new RecordedDevice(seed, fromBase64(theirIdentityKey), withOneTimeKey)
    if (theirBundle !== undefined) device.initiate(bundleFrom(theirBundle))
    for (const step of steps) {
      if ('ours' in step) {
        const { type, bytes } = device.encrypt(fromBase64(step.ours))
        expect({ type, digest: digestOf(bytes) }).toEqual({ type: step.type, digest: step.digest })
      } else {
        const result = device.decrypt(step.type, fromBase64(step.theirs))
        expect(result.ok ? toBase64(result.plaintext) : result.reason).toBe(step.plaintext)
      }
    }
    expect(steps.length).toBeGreaterThan(300)
  })
}
