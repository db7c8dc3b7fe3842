/**
 * A few hundred cases on every run, and the corpus: strings that once broke something, or that reach a place few
 * others do. `node test/fuzz/run.ts` draws as many as one likes.
 */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Device, friends } from '../protocol/session/device.ts'
import { decodeEverything } from './session-decoders.ts'
import { runCase } from './session-machine.ts'

const corpus = readFileSync(new URL('session-corpus.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))

const cases = Number(process.env['FUZZ_CASES'] ?? 300)

test.each(corpus)('corpus: %s', (line) => {
  runCase(new Uint8Array(Buffer.from(line.split(' ')[0] ?? '', 'hex')))
})

test('the machine, whatever the bytes', () => {
  let restored = 0
  let refused = 0
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40, size: 'max' }), (actions) => {
      const outcome = runCase(actions)
      restored += outcome.restored
      refused += outcome.refused
    }),
    { numRuns: cases },
  )
  // Should the alphabet change so that these are no longer reached, this test would look green and test nothing.
  expect(restored).toBeGreaterThan(0)
  expect(refused).toBeGreaterThan(0)
})

test('decoders on bytes nobody made', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => decodeEverything(bytes)),
    { numRuns: 10 * cases },
  )
})

test('decoders on real messages with a few bytes changed', () => {
  const [alice, bob] = friends()
  const carol = new Device('carol')
  carol.initiate(bob)
  const real = [alice.encrypt(bob, 'hello').bytes, carol.encrypt(bob, 'hello').bytes, alice.stored(bob)]
  const change = fc.tuple(fc.nat(), fc.nat(255))
  fc.assert(
    fc.property(fc.constantFrom(...real), fc.array(change, { minLength: 1, maxLength: 6 }), (bytes, changes) => {
      const copy = bytes.slice()
      for (const [at, value] of changes) copy[at % copy.length] = value
      decodeEverything(copy)
    }),
    { numRuns: 10 * cases },
  )
})
